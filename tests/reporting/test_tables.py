"""Identifiers in narrow tables."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from verify.reporting.tables import Identifier, id_column, short_column


def drawn(names: list[str], *, width: int) -> list[str]:
    table = Table(box=None, pad_edge=False)
    id_column(table, "check", names)
    short_column(table, "n", right=True)
    for name in names:
        table.add_row(Identifier(name), "1,234,567")
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue().splitlines()


def test_an_identifier_is_whole_where_there_is_room() -> None:
    assert any("bias.question-bias-by-ground" in line for line in drawn(["bias.question-bias-by-ground"], width=80))


@pytest.mark.parametrize("width", [22, 26, 30])
def test_an_identifier_breaks_after_a_dot_or_a_hyphen(width: int) -> None:
    rows = drawn(["bias.question-bias-by-ground"], width=width)[1:]
    pieces = [row.split("  ")[0].strip() for row in rows]

    assert "".join(pieces) == "bias.question-bias-by-ground"
    assert len(pieces) > 1 and all(piece[-1] in ".-" for piece in pieces[:-1])
    assert all(len(row) <= width for row in rows)


def test_numbers_are_never_narrowed() -> None:
    assert any("1,234,567" in line for line in drawn(["robustness.passages-disturbed"], width=24))


def test_a_version_is_one_piece() -> None:
    assert Identifier("LGAI/K-EXAONE-2.0-750B").pieces == ["LGAI/", "K-", "EXAONE-", "2.0-", "750B"]


def test_what_commands_terminals_is_written_out() -> None:
    rows = "".join(drawn(["a\x1b[2J[bold]-b"], width=60))

    assert "\x1b" not in rows and "[bold]" in rows
