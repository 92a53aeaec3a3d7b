"""What is stated of a measured check: each number is one of the bundle, or the distance between two of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.reporting.full_run import CHECKS, make_evidence
from tests.reporting.test_instrument import AGAIN, MEASURED, TRIED
from verify.records import (
    Bound,
    Conduct,
    Estimate,
    Generate,
    LogLikelihood,
    NearTies,
    Outcome,
    PlannedCheck,
    PlannedSuite,
    Power,
    Reason,
    Repeatability,
    Text,
    Verdict,
    digest_of,
)
from verify.reporting import Words
from verify.reporting.statement import Ground, budget, decided_by, facts, holds, is_within

Locales = Mapping[str, Mapping[str, Any]]

SUITE = PlannedSuite(
    id="accuracy",
    version=1,
    digest=digest_of("suite"),
    title=Text(ko="정확성", en="Accuracy"),
    summary=Text(ko="안내문을 읽고 답한다.", en="Questions on notices."),
)
NEAR = Estimate(
    check="accuracy.passages",
    metric="accuracy_char",
    value=0.85,
    interval=(0.795, 0.893),
    confidence=0.95,
    method="korn-graubard",
    n=240,
    n_clusters=60,
    n_unscored=0,
    bounds=(0.805, 0.887),
    alpha=0.05,
    estimand="super_population",
)
"""Its two-sided interval holds 0.8, its one-sided lower bound does not."""


def ground(**changes: Any) -> Ground:
    conduct = make_evidence().conduct
    assert isinstance(conduct, Conduct)
    values: dict[str, Any] = {
        "check": CHECKS[0],
        "suite": SUITE,
        "verdict": verdict(Outcome.PASS),
        "estimate": NEAR,
        "others": (),
        "conduct": conduct,
        "calibration": None,
        "requests": (LogLikelihood(context="글", continuation="답"),),
    }
    return Ground(**{**values, **changes})


def verdict(outcome: Outcome, bound: Bound | None = None) -> Verdict:
    code = Reason.BOUND_HELD if outcome is Outcome.PASS else Reason.BOUND_BROKEN
    return Verdict(
        check="accuracy.passages",
        metric="accuracy_char",
        verdict=outcome,
        bound=bound or Bound(at_least=0.8),
        code=code,
        reason="-",
    )


@pytest.fixture(params=["ko", "en"])
def words(request: pytest.FixtureRequest, locales: Locales) -> Words:
    return Words(request.param, locales[request.param])


def treatment(on: Ground, component: str, words: Words) -> str:
    return next(line.treatment for line in budget(on, words=words) if line.component == words(f"budget.{component}"))


def fact(on: Ground, name: str, words: Words) -> str:
    return next(each.text for each in facts(on, words=words) if each.name == words(f"statement.{name}"))


@pytest.mark.parametrize(
    ("outcome", "bound", "shown"),
    [
        pytest.param(Outcome.PASS, Bound(at_least=0.8), "하한 0.805", id="pass at least"),
        pytest.param(Outcome.FAIL, Bound(at_least=0.9), "상한 0.887", id="fail at least"),
        pytest.param(Outcome.PASS, Bound(at_most=0.9), "상한 0.887", id="pass at most"),
        pytest.param(Outcome.FAIL, Bound(at_most=0.8), "하한 0.805", id="fail at most"),
        pytest.param(Outcome.INCONCLUSIVE, Bound(at_least=0.85), "0.805 ~ 0.887", id="undecided"),
    ],
)
def test_the_bound_that_decided_is_the_one_between_estimate_and_limit(
    locales: Locales, outcome: Outcome, bound: Bound, shown: str
) -> None:
    words = Words("ko", locales["ko"])

    assert decided_by(verdict(outcome, bound), NEAR, words=words) == shown
    assert decided_by(verdict(outcome, bound), None, words=words) == "—"


def test_a_two_sided_interval_over_the_limit_is_explained_where_a_bound_decided(words: Words) -> None:
    explained = words("statement.within", confidence="95%")

    assert is_within(verdict(Outcome.PASS), NEAR)
    assert explained in fact(ground(), "deciding", words)
    assert not is_within(verdict(Outcome.INCONCLUSIVE), NEAR)
    assert not is_within(verdict(Outcome.PASS), None)
    farther = verdict(Outcome.PASS, Bound(at_least=0.79))
    assert not is_within(farther, NEAR)
    assert explained not in fact(ground(verdict=farther), "deciding", words)


def test_guard_and_margin_are_distances_of_numbers_of_the_bundle(words: Words) -> None:
    said = fact(ground(), "deciding", words)

    assert words("statement.guard", guard="0.045", margin="0.005") in said  # 0.85 - 0.805 and 0.805 - 0.8
    assert "≥ 0.8" in said
    assert "0.005" in treatment(ground(), "tolerated", words)


def test_what_is_undecided_has_no_margin(words: Words) -> None:
    on = ground(verdict=verdict(Outcome.INCONCLUSIVE))

    assert words("budget.tolerated") not in [line.component for line in budget(on, words=words)]
    assert "0.805" in fact(on, "deciding", words)


def test_the_universe_and_the_sources_are_named(words: Words) -> None:
    drawn = CHECKS[0].model_copy(update={"n_available": 1000, "method": "ambiguous-qa"})

    assert SUITE.summary is not None
    assert SUITE.summary[words.language] in fact(ground(), "universe", words)
    assert "1,000" in fact(ground(check=drawn), "universe", words)
    assert words("source.ambiguous-qa") in fact(ground(check=drawn), "sources", words)
    assert words("source.default") in fact(ground(), "sources", words)
    older = SUITE.model_copy(update={"summary": None})
    assert words("statement.unsummarised") in fact(ground(suite=older), "universe", words)


def test_every_component_of_a_budget_is_told_and_says_whether_it_is_random(words: Words) -> None:
    lines = budget(ground(), words=words)

    named = ("items", "subset", "generations", "reading", "gold", "prompt", "repeats", "ties", "unscored", "tolerated")
    assert [line.component for line in lines] == [words(f"budget.{name}") for name in named]
    random, systematic = words("budget.random"), words("budget.systematic")
    assert [line.kind for line in lines] == 3 * [random] + 7 * [systematic]
    unmeasured = words("budget.unmeasured")
    assert [line.treatment == unmeasured for line in lines] == [False] * 3 + [True] * 5 + [False] * 2
    assert "−0.045 / +0.037" in lines[0].treatment


def test_what_the_bundle_measured_of_systematic_errors_is_a_band(words: Words) -> None:
    conduct = make_evidence().conduct
    assert isinstance(conduct, Conduct)
    ties = NearTies(check="accuracy.passages", n=4, of=240, low=0.79, high=0.86)
    again = Repeatability(seed=1, tolerance=1e-3, envelopes=AGAIN.envelopes, near_ties=(ties,))
    on = ground(
        conduct=conduct.model_copy(update={"repeatability": again, "suitability": TRIED}),
        others=(NEAR.model_copy(update={"metric": "control_drop", "value": 0.031}),),
        requests=(Generate(prompt="글"),),
        estimate=NEAR.model_copy(update={"n_unscored": 3}),
    )

    assert words("budget.control_drop", value="0.031") == treatment(on, "prompt", words)
    assert words("budget.repeated", n=30, changed=3, high="0.265") == treatment(on, "repeats", words)
    assert treatment(on, "ties", words).endswith(words("budget.across"))  # 0.8 lies between 0.79 and 0.86
    assert treatment(on, "unscored", words) == words("budget.unscored_left", n="3")  # the plan has no range
    ranged = CHECKS[0].model_copy(update={"low": 0.0, "high": 1.0})
    both = words("budget.unscored_some", n="3", low="0.795", high="0.888")  # 240 * 0.805 / 243, (240 * 0.887 + 3) / 243
    assert treatment(ground(check=ranged, estimate=on.estimate), "unscored", words) == both
    assert not holds(ties.model_copy(update={"low": 0.81}), on.verdict)
    assert not holds(ties.model_copy(update={"low": 0.8, "high": 0.8}), on.verdict)


@pytest.mark.parametrize(
    ("estimand", "requests", "key"),
    [
        ("items_x_generations", (Generate(prompt="a", temperature=0.7),), "generations_in"),
        ("super_population", (), "generations_unknown"),
        ("super_population", (LogLikelihood(context="a", continuation="b"),), "generations_none"),
        ("super_population", (Generate(prompt="a"),), "generations_greedy"),
        ("super_population", (Generate(prompt="a", temperature=0.7),), "generations_once"),
    ],
)
def test_the_chance_of_writing_is_told_as_it_was_asked(
    words: Words, estimand: Any, requests: tuple[Any, ...], key: str
) -> None:
    on = ground(estimate=NEAR.model_copy(update={"estimand": estimand}), requests=requests)

    assert treatment(on, "generations", words) == words(f"budget.{key}")


def test_the_instrument_s_record_of_this_very_check_is_told(words: Words) -> None:
    metric = MEASURED.performances[0].metric
    own = MEASURED.readings[0].model_copy(update={"quantity": f"accuracy.passages/{metric}", "measured": 0.47})
    record = MEASURED.model_copy(update={"readings": (own, *MEASURED.readings)})
    case = TRIED.cases[0].model_copy(update={"check": "accuracy.passages"})
    conduct = make_evidence().conduct
    assert isinstance(conduct, Conduct)
    tried = conduct.model_copy(update={"suitability": TRIED.model_copy(update={"cases": (case,)})})
    on = ground(calibration=record, conduct=tried)

    assert "0.985" in fact(on, "calibration", words)
    assert treatment(on, "reading", words) == words("budget.reading_seen", n=1, largest="0.030")  # |0.47 - 0.5|
    assert "brittle-planted-1" in fact(on, "suitability", words)
    other = ground(calibration=record, check=CHECKS[1])
    assert fact(other, "calibration", words) == words("statement.uncalibrated")
    assert fact(ground(), "suitability", words) == words("statement.untried")


def test_the_planned_power_is_told_and_its_absence_too(words: Words) -> None:
    power = Power(detectable=None, assumed=0.9, power=0.614, needed=147, worst_case=True)
    check: PlannedCheck = CHECKS[0].model_copy(update={"power": power})

    told = fact(ground(check=check), "power", words)
    assert "0.900" in told
    assert "0.61" in told
    assert words("statement.nothing") in told
    assert words("statement.at_worst") in told
    known = check.model_copy(update={"power": power.model_copy(update={"detectable": 0.93, "worst_case": False})})
    assert "0.930" in fact(ground(check=known), "power", words)
    assert fact(ground(), "power", words) == words("statement.unplanned")


def test_an_early_end_is_a_bias_of_the_value(words: Words) -> None:
    on = ground(estimate=NEAR.model_copy(update={"stopped_after": 96}))

    assert treatment(on, "stopping", words) == words("budget.stopped")


def test_the_bound_that_decided_counts_items_without_a_score_both_ways(words: Words) -> None:
    """The engine decides by these bounds, so no other may be printed as the one that decided."""
    ranged = CHECKS[0].model_copy(update={"low": 0.0, "high": 1.0})
    estimate = NEAR.model_copy(update={"n_unscored": 3})
    on = ground(check=ranged, estimate=estimate, verdict=verdict(Outcome.PASS, Bound(at_least=0.79)))

    low = 240 * 0.805 / 243
    assert on.bounds[0] == pytest.approx(low)
    assert words("statement.guard", guard=f"{0.85 - low:.3f}", margin=f"{low - 0.79:.3f}") in fact(
        on, "deciding", words
    )
    assert "−0.045 / +0.037" in treatment(on, "items", words)  # what sampling alone gives


def test_a_rate_from_which_the_reader_s_errors_were_taken_says_so_with_the_count_before(words: Words) -> None:
    raw = NEAR.model_copy(update={"metric": "refused_share", "value": 0.25})
    on = ground(estimate=NEAR.model_copy(update={"metric": "over_refusal"}), others=(raw,))

    assert treatment(on, "reading", words) == words("budget.reading_corrected", raw="0.250")
