"""What a plan foresees is told in the language of the report, from codes and numbers."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.reporting.full_run import CHECKS
from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.planning import PlanInputs, make_plan
from verify.records import AccessLevel, Bound, Caution, Estimate, Outcome, PlannedCheck, Power, Reason, Verdict
from verify.reporting import Words
from verify.reporting.foreseen import absence, cautions, recorded
from verify.reporting.page import reason_of
from verify.runtime.scripted import ScriptedRuntime

Locales = Mapping[str, Mapping[str, Any]]
ENGLISH = re.compile(r"[A-Za-z]{3,} [A-Za-z]{2,}")
"""Two English words in a row: a sentence that nobody translated. Names and options are single words."""


def planned(folder: Path, **changes: Any) -> PlannedCheck:
    subject = ScriptedRuntime(adds_right, access=AccessLevel.TEXT, **changes).subject
    inputs = PlanInputs(policy=policy(), suites=[str(folder)])
    return make_plan(subject, inputs, methods=METHODS, frameworks={}).plan.checks[0]


def check(**changes: Any) -> PlannedCheck:
    return CHECKS[0].model_copy(update={"warnings": (), **changes})


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("caution", get_args(Caution))
@pytest.mark.parametrize("needed", [60, None])
def test_every_caution_becomes_a_sentence_with_its_numbers(
    locales: Locales, language: Any, caution: str, needed: int | None
) -> None:
    power = Power(detectable=None, assumed=0.913, power=0.37, needed=needed)
    weak = check(n_clusters=7, n_to_pass=14, bound=Bound(at_least=0.82), power=power, cautions=(caution,))

    (sentence,) = cautions(weak, min_clusters=8, words=Words(language, locales[language]))

    assert (language == "ko") == (ENGLISH.search(sentence) is None)
    holds = {"few_sources": ("7", "8"), "faultless_needs_more": ("14", "7", "0.82")}
    holds |= dict.fromkeys(("open_ended", "bound_is_ideal"), ("0.82",))
    assert all(number in sentence for number in holds.get(caution, ("0.913", "0.37", "0.82", str(needed or "0.8"))))


@pytest.mark.parametrize(
    ("language", "all_alike", "fewer"), [("ko", "하나같이", "더 적은"), ("en", "every score", "fewer")]
)
def test_a_mean_may_pass_with_fewer_sources_than_all_alike_scores_need(
    locales: Locales, language: Any, all_alike: str, fewer: str
) -> None:
    """A gap in probability passed with 10 sources where scores that are all ideal need 59: "even a faultless" lied."""
    power = Power(detectable=None, assumed=0.025, power=0.0, needed=None, worst_case=True)
    gap = check(n_clusters=10, n_to_pass=59, power=power, cautions=("faultless_needs_more",))

    (sentence,) = cautions(gap, min_clusters=8, words=Words(language, locales[language]))

    assert all(part in sentence for part in ("59", "10", all_alike, fewer))


@pytest.mark.parametrize(("language", "remedy"), [("ko", "목록에 문항을 더"), ("en", "add items to it")])
def test_a_list_that_is_too_short_is_told_to_be_made_longer(locales: Locales, language: Any, remedy: str) -> None:
    power = Power(detectable=None, assumed=0.9, power=0.0, needed=None)
    short = check(estimand="finite_list", n_clusters=1, power=power, cautions=("low_power",))

    (sentence,) = cautions(short, min_clusters=0, words=Words(language, locales[language]))

    assert remedy in sentence


def test_a_plan_says_in_codes_what_it_warns_of(tmp_path: Path) -> None:
    few = planned(write_suite(tmp_path / "few", n=10))
    weak = planned(write_suite(tmp_path / "weak", n=30))
    ideal = planned(write_suite(tmp_path / "ideal", check=default_check(bound="{at_least: 1.0}")))

    assert few.cautions == ("faultless_needs_more",)
    assert weak.cautions == ("low_power",)
    assert "bound_is_ideal" in ideal.cautions
    assert [len(each.cautions) for each in (few, weak, ideal)] == [len(each.warnings) for each in (few, weak, ideal)]


def test_a_missing_input_names_its_option(tmp_path: Path, locales: Locales) -> None:
    text = default_check() + "    needs: [canaries, training-data]\n"
    lacking = planned(write_suite(tmp_path, check=text))

    assert lacking.lacking == ("canaries", "training-data")
    assert lacking.not_measured_code == Reason.INPUT_MISSING
    korean = absence(lacking, words=Words("ko", locales["ko"]))
    assert "--canaries 파일, --input training-data=파일" in korean
    assert ENGLISH.search(korean.partition("--")[0]) is None
    assert "--canaries FILE, --input training-data=FILE" in absence(lacking, words=Words("en", locales["en"]))
    assert recorded(lacking) == ""


def test_what_a_subject_does_not_answer_is_named(tmp_path: Path, locales: Locales) -> None:
    lacking = planned(write_suite(tmp_path), answers=("classify",))

    korean = absence(lacking, words=Words("ko", locales["ko"]))

    assert "답변 쓰기" in korean
    assert ENGLISH.search(korean) is None


def test_a_plan_without_codes_keeps_its_own_words(locales: Locales) -> None:
    old = check(not_measured="needs --canaries FILE", not_measured_code="input_missing")

    assert recorded(old) == "needs --canaries FILE"
    assert absence(old, words=Words("ko", locales["ko"])) == "이 점검에 필요한 입력 자료가 주어지지 않았습니다."


@pytest.mark.parametrize(
    ("bounds", "open_ended", "words_of"),
    [
        pytest.param((0.6, 0.95), False, "문항을 늘리면", id="more items would decide"),
        pytest.param((0.81, 0.95), False, "채점하지 못한 문항 2개", id="items without a score could turn it"),
        pytest.param((0.6, 1.0), True, "하한이어서 기준 충족으로는", id="nothing could confirm it"),
    ],
)
def test_an_undecided_check_says_what_would_decide_it(
    locales: Locales, bounds: tuple[float, float], open_ended: bool, words_of: str
) -> None:
    bound = Bound(at_least=0.8)
    verdict = Verdict(
        check="a.b",
        metric="accuracy",
        verdict=Outcome.INCONCLUSIVE,
        bound=bound,
        code=Reason.INTERVAL_HOLDS_BOUND,
        reason="x",
        unscored={"empty": 2},
    )
    estimate = Estimate(
        check="a.b",
        metric="accuracy",
        value=0.9,
        interval=(0.5, 1.0),
        confidence=0.95,
        method="clopper-pearson",
        n=40,
        n_clusters=40,
        n_unscored=2,
        bounds=bounds,
        alpha=0.05,
        estimand="super_population",
    )

    sentence = reason_of(
        verdict, estimate, check=check(open_ended=open_ended), min_clusters=8, words=Words("ko", locales["ko"])
    )

    assert words_of in sentence
