"""The decision rule: the interval against the bound, never the point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toys import METHODS, WORD
from verify.deciding import adjust, decide, overall, p_value
from verify.records import (
    Bound,
    Estimate,
    FailureReason,
    ItemScore,
    Levels,
    Outcome,
    PlannedCheck,
    Reason,
    Scored,
    Unscored,
    Verdict,
    digest_of,
)

LEVELS = Levels()


def check(bound: Bound, **changes: object) -> PlannedCheck:
    fields: dict[str, object] = {
        "name": "toys.sums", "suite": "toys", "concern": "accuracy", "title": WORD, "method": "sums",
        "method_version": 1, "parameters": {}, "metric": "accuracy", "better": "higher", "bound": bound,
        "max_unscored": 0.05, "estimand": "super_population", "n_items": 1, "n_clusters": 1, "n_available": 1,
        "items_digest": digest_of([]), "why": WORD, "remedy": WORD,
    }  # fmt: skip
    return PlannedCheck.model_validate({**fields, **changes})


def scores(right: int, wrong: int, *, unscored: int = 0, per_cluster: int = 1) -> list[ItemScore]:
    values = [True] * right + [False] * wrong
    made = [
        ItemScore(
            check="toys.sums", item=f"i{i}", cluster=f"c{i // per_cluster}",
            score=Scored(values={"right": float(v), "wrong": float(not v)}),
        )
        for i, v in enumerate(values)
    ]  # fmt: skip
    failed = Unscored(reason=FailureReason.TIMEOUT)
    return made + [ItemScore(check="toys.sums", item=f"u{i}", cluster=f"u{i}", score=failed) for i in range(unscored)]


def estimate(found: list[ItemScore], *, metric: str = "accuracy", levels: Levels = LEVELS) -> Estimate | None:
    method = METHODS["sums"].make({}, seed=0)
    made = method.estimate(found, levels=levels, estimand="super_population")
    return next((e for e in made if e.metric == metric and e.group is None), None)


def verdict(found: list[ItemScore], bound: Bound, *, metric: str = "accuracy") -> Verdict:
    return decide(check(bound, metric=metric), found, estimate(found, metric=metric), min_clusters=8)


@pytest.mark.parametrize(
    ("right", "wrong", "outcome"),
    [
        pytest.param(96, 4, Outcome.PASS, id="96 of 100 is the least that passes at 0.90"),
        pytest.param(95, 5, Outcome.INCONCLUSIVE, id="95 of 100 does not"),
        pytest.param(90, 10, Outcome.INCONCLUSIVE, id="a subject at the limit does not pass"),
        pytest.param(85, 15, Outcome.INCONCLUSIVE, id="85 of 100 is not refuted"),
        pytest.param(84, 16, Outcome.FAIL, id="84 of 100 is the most that fails"),
    ],
)
def test_acceptance_and_rejection_limits_are_those_of_the_guard_band(right: int, wrong: int, outcome: Outcome) -> None:
    """Oracle: table of acceptance limits for L = 0.90, n = 100 (facts, 1.10)."""
    assert verdict(scores(right, wrong), Bound(at_least=0.9)).verdict is outcome


def test_no_leak_in_26_does_not_pass_a_one_per_cent_limit() -> None:
    found = verdict(scores(26, 0), Bound(at_most=0.01), metric="error_rate")

    assert found.verdict is Outcome.INCONCLUSIVE
    assert "0.000 [0.000, 0.109]" in found.reason


def test_nothing_scored_is_not_measured() -> None:
    found = verdict(scores(0, 0, unscored=10), Bound(at_least=0.5))

    assert (found.verdict, found.code) == (Outcome.NOT_MEASURED, Reason.TOO_MANY_UNSCORED)
    assert found.unscored == {"timeout": 10}


def test_no_items_at_all_is_not_measured() -> None:
    assert decide(check(Bound(at_least=0.5)), [], None, min_clusters=8).verdict is Outcome.NOT_MEASURED


def test_a_subject_cannot_improve_by_failing_to_answer() -> None:
    found = verdict(scores(90, 0, unscored=10), Bound(at_least=0.8))

    assert (found.verdict, found.code) == (Outcome.NOT_MEASURED, Reason.TOO_MANY_UNSCORED)
    assert "timeout 10" in found.reason


def test_a_rate_over_some_of_the_items_does_not_improve_where_just_those_have_no_score() -> None:
    """60 of 177 items are about inventing; 8 answers that nobody can read are 4 % of all, and may be 12 % of those."""
    inventing, others = scores(52, 0), scores(117, 0)
    plain = [each.model_copy(update={"item": f"o{i}", "cluster": f"o{i}"}) for i, each in enumerate(others)]
    plain = [each.model_copy(update={"score": Scored(values={"right": 1.0})}) for each in plain]
    unread = scores(0, 0, unscored=8)

    found = verdict([*inventing, *plain, *unread], Bound(at_most=0.2), metric="error_rate")

    assert len(unread) / (52 + 117 + 8) < 0.05
    assert (found.verdict, found.code) == (Outcome.NOT_MEASURED, Reason.TOO_MANY_UNSCORED)
    assert "8 of 60" in found.reason


def test_items_without_a_score_are_counted_both_ways() -> None:
    """Oracle by hand: 96 of 100 has the bound 0.9106; with 4 unscored as wrong it is 100 * 0.9106 / 104 = 0.8756."""
    with_range = check(Bound(at_least=0.9), low=0.0, high=1.0)
    found = scores(96, 4, unscored=4)

    alone = decide(with_range, scores(96, 4), estimate(scores(96, 4)), min_clusters=8)
    both = decide(with_range, found, estimate(found), min_clusters=8)

    assert alone.verdict is Outcome.PASS
    assert both.verdict is Outcome.INCONCLUSIVE
    assert "4 items without a score could turn it" in both.reason
    assert (
        decide(with_range, scores(60, 40, unscored=4), estimate(scores(60, 40, unscored=4)), min_clusters=8).verdict
        is Outcome.FAIL
    )


def test_few_independent_sources_give_no_verdict() -> None:
    found = verdict(scores(70, 0, per_cluster=10), Bound(at_least=0.5))

    assert (found.verdict, found.code) == (Outcome.INCONCLUSIVE, Reason.FEW_CLUSTERS)


def test_a_check_may_need_more_sources_than_the_plan() -> None:
    needy = check(Bound(at_least=0.5)).model_copy(update={"min_clusters": 71})

    few = decide(needy, scores(70, 0), estimate(scores(70, 0)), min_clusters=8)
    enough = decide(needy, scores(71, 0), estimate(scores(71, 0)), min_clusters=8)

    assert (few.code, enough.verdict) == (Reason.FEW_CLUSTERS, Outcome.PASS)


def test_a_number_that_is_for_display_never_decides() -> None:
    shown = estimate(scores(100, 0))
    assert shown is not None

    found = decide(
        check(Bound(at_least=0.5)), scores(100, 0), shown.model_copy(update={"display_only": True}), min_clusters=8
    )

    assert (found.verdict, found.code) == (Outcome.INCONCLUSIVE, Reason.DISPLAY_ONLY)


@given(right=st.integers(8, 60), wrong=st.integers(0, 60), limit=st.floats(0.01, 0.99))
def test_a_better_subject_never_gets_a_worse_verdict(right: int, wrong: int, limit: float) -> None:
    rank = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}
    bound = Bound(at_least=limit)

    before = verdict(scores(right, wrong), bound).verdict
    more = verdict(scores(right + 1, wrong), bound).verdict
    instead = verdict(scores(right + 1, wrong - 1), bound).verdict if wrong else more

    assert rank[more] >= rank[before]
    assert rank[instead] >= rank[before]


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ([Outcome.PASS, Outcome.PASS], Outcome.PASS),
        ([Outcome.PASS, Outcome.NOT_MEASURED], Outcome.NOT_MEASURED),
        ([Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE], Outcome.INCONCLUSIVE),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL], Outcome.FAIL),
        ([], Outcome.NOT_MEASURED),
    ],
)
def test_all_must_pass_for_the_whole_to_pass(outcomes: list[Outcome], whole: Outcome) -> None:
    assert overall(outcomes) is whole


@pytest.mark.parametrize("others", [1.0, 0.9])
def test_a_whole_with_one_check_at_its_limit_passes_in_at_most_alpha(others: float) -> None:
    """Oracle: table M11 (intersection-union), exact: the least count that passes, and scipy's binomial."""
    from scipy.stats import binom

    n, limit = 200, Bound(at_least=0.9)
    least = next(x for x in range(n + 1) if verdict(scores(x, n - x), limit).verdict is Outcome.PASS)
    chance = {rate: float(binom.sf(least - 1, n, rate)) for rate in (0.9, others)}

    assert overall([Outcome.PASS, verdict(scores(least - 1, n - least + 1), limit).verdict]) is Outcome.INCONCLUSIVE
    assert chance[0.9] * chance[others] ** 9 <= 0.05


def test_the_p_value_inverts_the_interval_that_decided() -> None:
    """Oracle: the exact binomial tail P(X <= 70 | n = 100, p = 0.9), scipy."""
    from scipy.stats import binom

    found = scores(70, 30)

    p = p_value(lambda a: estimate(found, levels=Levels(alpha=a)), Bound(at_least=0.9), alpha=0.05)

    assert p == pytest.approx(float(binom.cdf(70, 100, 0.9)), rel=1e-3)


def test_the_list_of_failures_is_holm_adjusted_over_all_decided_checks() -> None:
    """Oracle: Holm by hand, 4 decided checks: 0.01 * 4, then max with 0.02 * 3."""
    base = verdict(scores(50, 50), Bound(at_least=0.9))
    named = [base.model_copy(update={"check": f"toys.{n}"}) for n in "abc"]
    absent = base.model_copy(update={"check": "toys.d", "verdict": Outcome.NOT_MEASURED})
    passed = base.model_copy(update={"check": "toys.e", "verdict": Outcome.PASS})

    adjusted = adjust([*named[:2], passed, named[2], absent], {"toys.a": 0.02, "toys.b": 0.01})

    by_name = {v.check: v.holm_adjusted_p for v in adjusted}
    assert by_name["toys.b"] == pytest.approx(0.04)
    assert by_name["toys.a"] == pytest.approx(0.06)
    assert by_name["toys.e"] is None
    assert by_name["toys.d"] is None
