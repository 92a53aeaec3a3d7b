"""A comparison as terminals and pipelines see it."""

import io
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from verify.records import (
    Change,
    ChangeReason,
    ComparedCheck,
    Comparison,
    Levels,
    Movement,
    PairedTest,
    Release,
    Text,
    digest_of,
)
from verify.reporting.comparisons import comparison_junit, comparison_table, reason_of

HOSTILE = "q1\x1b[2J\u202e<b>]]>"
TEST = PairedTest(
    gain=-0.1,
    interval=(-0.16, -0.04),
    confidence=0.95,
    bounds=(-0.15, -0.05),
    alpha=0.05,
    method="tango",
    n_pairs=100,
    n_clusters=100,
    n_better=1,
    n_worse=11,
    p_noninferior=0.99,
    p_difference=0.004,
    p_regression=0.002,
)


def check(outcome: Change, code: ChangeReason, *, name: str = "toys.sums") -> ComparedCheck:
    return ComparedCheck(
        check=name,
        title=Text(ko="덧셈", en="sums"),
        metric="accuracy",
        better="higher",
        margin=0.03,
        outcome=outcome,
        code=code,
        reason="parameters.again: False -> True",
        test=TEST,
        p_noninferior=0.99,
        p_regression=0.002,
        holm_adjusted_p=0.004,
        power=0.25,
        minimum_detectable=0.07,
        regressions=(Movement(item=HOSTILE, before=1.0, after=0.0),),
        warnings=("power 0.25",),
    )


def comparison(*checks: ComparedCheck, subject: str = "판") -> Comparison:
    release = Release(subject=subject, subject_digest=digest_of(1), bundle=digest_of(2), plan=digest_of(3))
    return Comparison(
        outcome=checks[0].outcome,
        before=release,
        after=release,
        policy="gate",
        policy_digest=digest_of(4),
        margins_planned=True,
        levels=Levels(),
        min_clusters=8,
        seed=0,
        checks=checks,
    )


def shown(found: Comparison, language: str) -> str:
    stream = io.StringIO()
    Console(file=stream, width=200).print(comparison_table(found, language=language))
    return stream.getvalue()


@pytest.mark.parametrize("code", ChangeReason)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_reason_has_a_sentence_in_both_languages(code: ChangeReason, language: str) -> None:
    text = reason_of(check(Change.INCONCLUSIVE, code), language)

    assert len(text) > 5 and "{" not in text
    assert any("가" <= character <= "힣" for character in text) == (language == "ko")


def test_the_difference_in_measurement_is_named() -> None:
    found = reason_of(check(Change.NOT_COMPARABLE, ChangeReason.MEASURED_OTHERWISE), "ko")

    assert "parameters.again: False -> True" in found


def test_what_was_measured_is_not_read_as_markup_or_as_commands() -> None:
    found = comparison(check(Change.WORSE, ChangeReason.REGRESSION_FOUND), subject=f"[bold]{HOSTILE}")

    for language in ("ko", "en"):
        text = shown(found, language)
        assert "\x1b[2J" not in text and "\u202e" not in text
        assert "[bold]" in text and "⟨U+202E⟩" in text


def test_power_and_margin_are_printed() -> None:
    text = shown(comparison(check(Change.INCONCLUSIVE, ChangeReason.INTERVAL_HOLDS_MARGIN)), "en")

    assert "power 0.25 at the margin 0.03" in text
    assert "inconclusive" in text


def test_junit_counts_what_failed_and_what_nobody_decided() -> None:
    found = comparison(
        check(Change.WORSE, ChangeReason.REGRESSION_FOUND),
        check(Change.NO_WORSE, ChangeReason.MARGIN_EXCLUDED, name="toys.more"),
        check(Change.NOT_COMPARABLE, ChangeReason.NOT_MEASURED, name="other.one"),
    )
    root = ET.fromstring(comparison_junit(found))  # noqa: S314  # our own output

    assert {k: root.attrib[k] for k in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    assert [suite.attrib["name"] for suite in root] == ["toys", "other"]
    failure = root.find(".//failure")
    assert failure is not None and "⟨U+001B⟩" in (failure.text or "")
