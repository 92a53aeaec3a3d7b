"""Lists on a narrow terminal: nothing is lost, whatever the language."""

from pathlib import Path

import pytest

from tests.e2e.commands import here
from tests.e2e.own_suite import write_suite
from verify import loading


@pytest.mark.parametrize("columns", [76, 80, 83])
def test_titles_of_checks_lose_no_letter_in_a_narrow_table(columns: int) -> None:
    """A wide letter at the end of a full line went lost behind an ellipsis."""
    rows = [row.split("│") for row in here("suites", columns=columns).out.splitlines() if row.count("│") == 4]
    told = "".join("".join(cells[4].split()) for cells in rows)

    suites = (loading.load_suite(name).suite for name in loading.suite_names())
    assert told == "".join("".join(check.title["ko"].split()) for suite in suites for check in suite.checks)


def test_a_lint_speaks_the_language_that_is_asked_for(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "ours", methods=["short-answer"], n=10)

    assert here("suites", "lint", suite).out.endswith("이상 없음\n")
    assert here("suites", "lint", suite, "--lang", "en").out.endswith("no faults\n")
    assert here("--lang", "en", "suites", "lint", suite).out.endswith("no faults\n")


def test_the_list_of_methods_names_every_metric() -> None:
    said = "".join(here("methods").out.replace("│", " ").split())

    assert "⟨+" not in said
    assert "ece_excess(lower)" in said


def test_an_author_of_items_is_told_of_each_field() -> None:
    said = here("methods", "multiple-choice").out

    assert "counted from 0" in said
    for field in ("id", "passage", "question", "choices", "answer"):
        (line,) = [line for line in said.splitlines() if line.startswith(f"  {field}") and ":" in line]
        assert line.partition(":")[2].strip()


def test_korean_clauses_say_in_korean_how_far_evidence_reaches() -> None:
    said = here("frameworks", "kr-pipa").out

    assert "  직접: " in said and "  부분: " in said
    assert "  direct: " in here("frameworks", "kr-pipa", "--lang", "en").out
