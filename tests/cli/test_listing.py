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
