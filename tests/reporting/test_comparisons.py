"""A comparison as terminals and pipelines see it."""

import io
import re
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from verify.loading import load_locale
from verify.records import (
    Change,
    ChangeReason,
    ComparedCheck,
    Comparison,
    Levels,
    Movement,
    PairedTest,
    Particular,
    Release,
    Text,
    digest_of,
)
from verify.reporting.comparisons import comparison_junit, comparison_table, reason_of, refusal
from verify.reporting.words import LANGUAGES, Language, Words

WORDS = {language: Words(language, load_locale(language)) for language in LANGUAGES}
HOSTILE = "q1\x1b[2J\u202e<b>]]>"
TEST = PairedTest(
    gain=-0.1,
    interval=(-0.16, -0.04),
    confidence=0.95,
    bounds=(-0.15, -0.05),
    alpha=0.05,
    method="mover-clopper-pearson",
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
        particulars=(Particular(name="parameters.again", before="False", after="True"),),
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


def shown(found: Comparison, language: Language, *, width: int = 200) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(comparison_table(found, words=WORDS[language]))
    return stream.getvalue()


@pytest.mark.parametrize("code", ChangeReason)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_reason_has_a_sentence_in_both_languages(code: ChangeReason, language: Language) -> None:
    text = reason_of(check(Change.INCONCLUSIVE, code), WORDS[language], least=8)

    assert len(text) > 5 and "{" not in text
    assert any("가" <= character <= "힣" for character in text) == (language == "ko")


def test_the_difference_in_measurement_is_named() -> None:
    found = reason_of(check(Change.NOT_COMPARABLE, ChangeReason.MEASURED_OTHERWISE), WORDS["ko"], least=8)

    assert "설정값 again: 이전 아니요, 이후 예" in found


def test_what_was_measured_is_not_read_as_markup_or_as_commands() -> None:
    found = comparison(check(Change.WORSE, ChangeReason.REGRESSION_FOUND), subject=f"[bold]{HOSTILE}")

    for language in LANGUAGES:
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


@pytest.mark.parametrize("code", ChangeReason)
def test_a_korean_comparison_has_no_english_but_identifiers(code: ChangeReason) -> None:
    """Words of four Latin letters and more that are neither ids nor names of a statistic are English sentences."""
    found = comparison(check(Change.INCONCLUSIVE, code)).model_copy(
        update={
            "conditions": (Particular(name="dtype", before="float32", after="bfloat16"),),
            "notes": ("both bundles are of the same subject",),
        }
    )
    text = shown(found, "ko") + shown(found.model_copy(update={"outcome": Change.WORSE}), "ko")

    known = {"toys", "sums", "gate", "again", "accuracy", "Tango", "Holm", "TOST", "float", "bfloat", "sequential"}
    assert set(re.findall("[A-Za-z]{4,}", text)) - known == set()


@pytest.mark.parametrize(
    "method",
    ["tango", "mover-clopper-pearson", "mover-korn-graubard", "cr1-t", "betting", "size-cr1-t", "size-betting"],
)
def test_every_interval_has_a_name_in_both_languages(method: str) -> None:
    for language in LANGUAGES:
        assert WORDS[language](f"compare.method.{method}")


def test_the_bound_that_decides_stands_beside_the_interval() -> None:
    text = shown(comparison(check(Change.INCONCLUSIVE, ChangeReason.INTERVAL_HOLDS_MARGIN)), "en")

    assert "-0.150" in text and "-0.160…-0.040" in text


def test_a_check_that_nothing_is_decided_of_shows_no_number_of_a_comparison() -> None:
    text = shown(comparison(check(Change.INCONCLUSIVE, ChangeReason.FEW_CLUSTERS)), "en")

    assert "-0.1" not in text and "0.07" not in text and "power" not in text
    assert "100 independent sources only; nothing is decided under 8" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_identifier_is_broken_within_a_word(language: Language, width: int) -> None:
    name = "robustness.passages-disturbed-by-calibration"
    lines = shown(comparison(check(Change.WORSE, ChangeReason.REGRESSION_FOUND, name=name)), language, width=width)

    cells = [line.split("  ")[0].strip() for line in lines.splitlines()]
    start = next(k for k, cell in enumerate(cells) if cell.startswith("robustness."))
    pieces = cells[start : start + 3]
    whole = next("".join(pieces[:n]) for n in (1, 2, 3) if "".join(pieces[:n]) == name)
    assert whole == name
    assert all(
        re.search(r"[.-]$", piece)
        for piece in pieces[: pieces.index(next(p for p in pieces if p.endswith("calibration")))]
    )
    assert max(map(len, lines.splitlines())) <= width


def test_a_refusal_names_what_differs_in_the_readers_language() -> None:
    stream = io.StringIO()
    found = [("seed", "0", "1"), ("toys.sums: n_items", "60", "10"), ("access level", "weights", "recorded")]
    Console(file=stream, width=120).print(refusal(found, words=WORDS["ko"]))
    text = stream.getvalue()

    assert "씨앗: 이전 0, 이후 1" in text
    assert "toys.sums: 문항 수: 이전 60, 이후 10" in text
    assert "접근 수준: 이전 가중치까지 접근, 이후 기록된 답변만 접근" in text


def test_the_last_line_says_what_the_exit_code_means() -> None:
    worse = comparison(check(Change.WORSE, ChangeReason.REGRESSION_FOUND))

    assert "1 checks are worse: toys.sums (exit code 1)" in shown(worse, "en")
    assert "(종료 코드 1)" in shown(worse, "ko").splitlines()[-1]
