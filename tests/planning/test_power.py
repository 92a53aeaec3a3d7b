"""What the items can show, before the run: against published numbers, exact sums and the statistics themselves."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy import stats

from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.cli.plans import explanation
from verify.methods.base import Metric, Parts
from verify.methods.bias.magnitude import gap_of, magnitude, mean_of
from verify.methods.catalogue import methods
from verify.methods.estimating import Sample
from verify.methods.robustness.option_order import spread_over
from verify.planning import PlanInputs, make_plan
from verify.planning.power import comparison_power, n_to_pass, power_of
from verify.records import Bound, Levels, PlannedCheck, digest_of
from verify.runtime.scripted import ScriptedRuntime
from verify.statistics import clustered_mean, paired_difference
from verify.statistics.stopping import stopping_odds

ACCURACY, ERRORS = METHODS["sums"].metrics
LEVELS = Levels()
DROP = Metric(name="drop", better="lower", low=-1.0, high=1.0, ideal=0.0, meaning="x", scores=(-1.0, 1.0))
PAIRS = DROP.model_copy(update={"name": "pairs"})
"""The drop of 0/1 answers: Tango's interval, or two of Korn and Graubard's where items share sources."""
SIZE = DROP.model_copy(update={"name": "size", "low": 0.0})
BRIER = DROP.model_copy(update={"name": "brier", "low": 0.0, "high": 2.0, "scores": (0.0, 2.0)})

Draw = Callable[[Generator, float, int], np.ndarray]
"""Scores in [-1, 1] with a given mean, one for each source."""


def at_the_ends(rng: Generator, mean: float, n: int) -> np.ndarray:
    return np.where(rng.random(n) < (1.0 + mean) / 2.0, 1.0, -1.0)


def mostly_nothing(rng: Generator, mean: float, n: int) -> np.ndarray:
    kinds = rng.random(n)
    return np.where(kinds < mean + 0.1, 1.0, np.where(kinds > 0.9, -1.0, 0.0))


def smooth(rng: Generator, mean: float, n: int) -> np.ndarray:
    return 2.0 * rng.beta(1.0 + mean, 1.0 - mean, n) - 1.0


def passes(metric: Metric, scores: np.ndarray, limit: float, *, each: int) -> bool:
    """Whether the method's own bound meets the limit, with `each` items alike of every source."""
    values, clusters = np.repeat(scores, each).tolist(), np.repeat(np.arange(scores.size), each).tolist()
    if metric is SIZE:
        part = mean_of(Sample(values, clusters), reach=1.0)
        return magnitude([part], levels=LEVELS, n=len(values), method="x").bounds.high <= limit
    if metric is PAIRS:
        before, after = ([float(sign * value > 0) for value in values] for sign in (1, -1))
        confidence = 1.0 - 2.0 * LEVELS.alpha
        return paired_difference(before, after, confidence=confidence, clusters=clusters).interval.high <= limit
    low, high = metric.scores or (0.0, 1.0)
    found = clustered_mean(values, clusters, confidence=1.0 - 2.0 * LEVELS.alpha, low=low, high=high, skewed=True)
    return found.interval.high <= limit


def check_of(folder: Path, **changes: object) -> PlannedCheck:
    inputs = PlanInputs(policy=policy(**changes), suites=[str(folder)])
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods=METHODS, frameworks={}).plan.checks[0]


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_power_is_the_exact_binomial_tail_beyond_the_acceptance_number(n: int) -> None:
    """Oracle: acceptance shares .96, .93, .916 for a limit of .90 (facts 1.10), then scipy's binomial."""
    accepted = {100: 96, 300: 279, 1000: 916}[n]

    found = power_of(ACCURACY, Bound(at_least=0.9), levels=LEVELS, effect=0.5, n_clusters=n)

    assert found is not None
    assert found.assumed == pytest.approx(0.95)
    assert found.power == pytest.approx(stats.binom.sf(accepted - 1, n, 0.95))
    assert found.detectable is not None
    assert stats.binom.sf(accepted - 1, n, found.detectable) == pytest.approx(0.8)


def test_the_number_needed_gives_the_power_that_is_asked_for() -> None:
    found = power_of(ERRORS, Bound(at_most=0.05), levels=LEVELS, effect=0.5, n_clusters=50)
    assert found is not None
    assert found.needed is not None

    enough = power_of(ERRORS, Bound(at_most=0.05), levels=LEVELS, effect=0.5, n_clusters=found.needed)

    assert found.power < 0.8
    assert enough is not None
    assert enough.power >= 0.8


def test_a_check_that_may_stop_states_the_odds_of_its_looks() -> None:
    looks = (32, 64, 96, 128, 160, 192, 224, 240)

    found = power_of(ACCURACY, Bound(at_least=0.8), levels=LEVELS, effect=0.5, n_clusters=240, looks=looks)
    odds = stopping_odds(looks, 0.9, bound=0.8, direction="at_least", alpha=0.05)

    assert found is not None
    assert (found.power, found.expected) == pytest.approx((odds.passed, odds.clusters))
    assert found.detectable is not None
    near = stopping_odds(looks, found.detectable, bound=0.8, direction="at_least", alpha=0.05)
    assert near.passed == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize("bound", [Bound(at_least=1.0), Bound(at_least=0.0)])
def test_a_limit_at_an_end_of_the_range_has_no_power(bound: Bound) -> None:
    assert power_of(ACCURACY, bound, levels=LEVELS, effect=0.5, n_clusters=100) is None


@pytest.mark.parametrize(("n", "expected"), [(200, 0.36), (500, 0.67), (1000, 0.91)])
def test_the_power_of_a_comparison_is_a_little_less_than_that_of_the_score_test(n: int, expected: float) -> None:
    """Oracle: published power of Tango's test, margin 3 points, discordance .1, true difference 0."""
    assert expected - 0.05 <= comparison_power(n, margin=0.03, levels=LEVELS) <= expected


def test_a_plan_whose_power_is_under_four_fifths_says_so(tmp_path: Path) -> None:
    few, many = (check_of(write_suite(tmp_path / str(n), n=n)) for n in (30, 300))

    assert any(w.startswith("power 0.") and "would do" in w for w in few.warnings)
    assert many.warnings == ()


def test_the_effect_is_the_policys(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=100)

    assert [check_of(folder, effect=e).power.assumed for e in (0.25, 1.0)] == pytest.approx([0.85, 1.0])  # type: ignore[union-attr]


def test_a_faultless_subject_too_few_sources_for_is_named_once(tmp_path: Path) -> None:
    check = check_of(write_suite(tmp_path, n=10, check=default_check()))

    assert check.power is not None
    assert check.power.detectable is None
    assert len(check.warnings) == 1


RUNS = 400
NOISE = 3.0 * (0.25 / RUNS) ** 0.5
"""Three standard errors of a simulated share."""


@pytest.mark.parametrize("n", [150, 290])
@pytest.mark.parametrize("metric", [DROP, SIZE, PAIRS])
@pytest.mark.parametrize("each", [1, 3])
def test_the_power_of_a_mean_is_that_of_scores_at_the_ends_of_their_range(metric: Metric, n: int, each: int) -> None:
    """Oracle: the method's own interval on simulated sources; Clopper-Pearson is a little more careful than it."""
    limit = 0.3
    found = power_of(metric, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n)
    assert found is not None
    assert found.worst_case
    rng = default_rng(n)

    runs = [passes(metric, at_the_ends(rng, found.assumed, n), limit, each=each) for _ in range(RUNS)]

    assert -NOISE <= np.mean(runs) - found.power <= NOISE + 0.06


@pytest.mark.parametrize("draw", [mostly_nothing, smooth])
@pytest.mark.parametrize("metric", [DROP, SIZE])
@pytest.mark.parametrize("n", [60, 200])
def test_scores_that_vary_less_pass_at_least_as_often_as_planned(metric: Metric, draw: Draw, n: int) -> None:
    """Oracle: the method's own interval, on mostly 0 with few of either end, and on a beta distribution."""
    limit = 0.3
    found = power_of(metric, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n)
    assert found is not None
    rng = default_rng(n)

    runs = [passes(metric, draw(rng, found.assumed, n), limit, each=1) for _ in range(RUNS)]

    assert np.mean(runs) >= found.power - NOISE
    assert np.mean(runs) > found.power + 0.1 or found.power > 0.8


@pytest.mark.parametrize("metric", [DROP, SIZE, BRIER])
def test_the_sources_needed_and_the_value_detectable_of_a_mean_have_the_power_asked_for(metric: Metric) -> None:
    bound = Bound(at_most=0.2)
    few = power_of(metric, bound, levels=LEVELS, effect=0.5, n_clusters=60)
    assert few is not None
    assert few.needed is not None
    enough = power_of(metric, bound, levels=LEVELS, effect=0.5, n_clusters=few.needed)
    assert enough is not None
    assert enough.detectable is not None

    effect = 1.0 - enough.detectable / bound.value
    there = power_of(metric, bound, levels=LEVELS, effect=effect, n_clusters=few.needed)

    assert few.power < 0.8 <= enough.power
    assert there is not None
    assert there.assumed == pytest.approx(enough.detectable)
    assert there.power == pytest.approx(0.8, abs=0.01)


def test_no_value_beyond_the_ideal_is_called_detectable() -> None:
    found = power_of(DROP, Bound(at_most=0.1), levels=LEVELS, effect=0.5, n_clusters=60)

    assert found is not None
    assert found.detectable is None


def test_a_mean_on_the_range_of_shares_is_planned_as_a_share_is() -> None:
    mean = ERRORS.model_copy(update={"scores": (0.0, 1.0)})
    one, other = (
        power_of(metric, Bound(at_most=0.1), levels=LEVELS, effect=0.5, n_clusters=90) for metric in (ERRORS, mean)
    )

    assert one is not None
    assert other is not None
    assert other.worst_case
    assert (other.power, other.assumed) == (one.power, one.assumed)
    assert other.detectable == pytest.approx(one.detectable, abs=1e-3)
    assert other.needed == pytest.approx(one.needed, rel=0.02)
    assert one.content_digest() == digest_of(one.model_dump(include={"detectable", "assumed", "power", "needed"}))


@pytest.mark.parametrize(("metric", "limit"), [(DROP, 0.1), (SIZE, 0.1), (BRIER, 0.3), (DROP, 0.08)])
def test_scores_without_a_fault_pass_from_the_number_on_that_the_plan_names(metric: Metric, limit: float) -> None:
    """Oracle: the method's own interval of scores that are all ideal."""
    needed = n_to_pass(metric, Bound(at_most=limit), levels=LEVELS)

    assert needed is not None
    assert passes(metric, np.zeros(needed), limit, each=2)
    assert not passes(metric, np.zeros(needed - 1), limit, each=2)


def test_a_metric_that_is_neither_a_share_nor_a_mean_has_no_plan() -> None:
    largest = DROP.model_copy(update={"scores": None})

    assert power_of(largest, Bound(at_most=0.1), levels=LEVELS, effect=0.5, n_clusters=60) is None
    assert n_to_pass(largest, Bound(at_most=0.1), levels=LEVELS) is None


def test_a_plan_for_the_worst_case_says_so_in_words_codes_and_both_languages() -> None:
    """The bias suite as it is: flips are a mean of differences, settled accuracy a share."""
    given = PlanInputs(
        policy=policy(suites=("bias",)), only=frozenset({"bias.decision-flips", "bias.settled-accuracy"})
    )
    planned = make_plan(ScriptedRuntime(adds_right).subject, given, methods=methods(), frameworks={})
    settled, flips = planned.plan.checks
    assert settled.power is not None
    assert flips.power is not None

    assert (settled.power.worst_case, flips.power.worst_case) == (False, True)
    assert flips.cautions == ("low_power_at_worst",)
    assert "at worst" in flips.warnings[0]
    for language, words in (("ko", "최악의 경우"), ("en", "the worst case")):
        (said,) = (line for line in explanation(planned, given.policy, language=language) if words in line)
        assert "bias.decision-flips" in said
        assert "bias.settled-accuracy" not in said


def test_the_largest_of_several_drops_passes_at_least_as_often_as_planned() -> None:
    """Oracle: four drops at the value assumed, drawn independently of each other, which is nearly the worst."""
    n, parts, limit = 500, 4, 0.3
    found = power_of(DROP, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n, parts=Parts(parts))
    assert found is not None
    rng = default_rng(4)

    runs = [
        all(passes(PAIRS, at_the_ends(rng, found.assumed, n), limit, each=1) for _ in range(parts)) for _ in range(RUNS)
    ]

    assert 0.7 < found.power < 0.9
    assert -NOISE <= np.mean(runs) - found.power <= NOISE + 0.06
    assert found.needed is not None
    enough = power_of(
        DROP, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=found.needed, parts=Parts(parts)
    )
    assert enough is not None
    assert enough.power >= 0.8


def smooth_gap(rng: Generator, gap: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of listings: both answers of a template vary together, apart by the gap on average."""
    common = rng.beta(4.0, 4.0, n) * (1.0 - gap)
    return np.round(3.0 * (common + gap)) / 3.0, np.round(3.0 * common) / 3.0


def opposed(rng: Generator, gap: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The worst case: of each template exactly one question is answered right."""
    first = rng.random(n) < (1.0 + gap) / 2.0
    return first.astype(float), 1.0 - first


def unrelated(rng: Generator, gap: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    return (rng.random(n) < 0.5 + gap / 2.0).astype(float), (rng.random(n) < 0.5 - gap / 2.0).astype(float)


@pytest.mark.parametrize("draw", [opposed, unrelated, smooth_gap])
def test_the_gap_between_settled_questions_passes_at_least_as_often_as_planned(draw) -> None:  # type: ignore[no-untyped-def]
    """Oracle: the method's own interval of two sets of questions that share their templates."""
    settled = metric_named("ambiguous-qa", "settled_bias_magnitude")
    n, limit, runs = 220, 0.3, 150
    found = power_of(settled, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n)
    assert found is not None
    assert found.worst_case
    assert 0.6 < found.power < 0.95
    rng, passed = default_rng(8), 0

    for _ in range(runs):
        one, two = draw(rng, found.assumed, n)
        names = [str(k) for k in range(n)]
        gap = gap_of(Sample(one.tolist(), names), Sample(two.tolist(), names))
        passed += magnitude([gap], levels=LEVELS, n=2 * n, method="x").bounds.high <= limit

    assert passed / runs >= found.power - 0.05


@pytest.mark.parametrize("each", [at_the_ends, smooth])
def test_the_worst_of_several_groups_passes_at_least_as_often_as_planned(each: Draw) -> None:
    """Oracle: the method's own bound of the largest bias, every group at the value assumed, each with its templates."""
    worst = metric_named("ambiguous-qa", "worst_group_bias")
    groups, own, limit, runs = 4, 60, 0.8, 120
    parts = Parts(groups, 1.0 / groups)
    found = power_of(worst, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=groups * own, parts=parts)
    assert found is not None
    assert 0.6 < found.power < 0.999
    assert found.needed is not None and found.needed <= groups * own
    rng, passed = default_rng(9), 0

    for _ in range(runs):
        drawn = [each(rng, found.assumed, own).tolist() for _ in range(groups)]
        names = [str(k) for k in range(own)]
        differences = [mean_of(Sample(values, names), reach=1.0) for values in drawn]
        passed += magnitude(differences, levels=LEVELS, n=groups * own, method="x").bounds.high <= limit

    assert passed / runs >= found.power - 0.05


def test_groups_without_a_fault_pass_from_the_number_on_that_the_plan_names() -> None:
    """Oracle: the method's own bound of groups that all lean nowhere."""
    worst, limit, groups = metric_named("ambiguous-qa", "worst_group_bias"), 0.3, 19
    needed = n_to_pass(worst, Bound(at_most=limit), levels=LEVELS, parts=Parts(groups, 1.0 / groups))
    assert needed is not None

    def bound(own: int) -> float:
        part = mean_of(Sample([0.0] * own, [str(k) for k in range(own)]), reach=1.0)
        return magnitude([part] * groups, levels=LEVELS, n=own * groups, method="x").bounds.high

    assert needed % groups == 0
    assert bound(needed // groups) <= limit < bound(needed // groups - 1)


def alike(rng: Generator, recalls: np.ndarray, n: int) -> np.ndarray:
    """The same items at every place, so that their difficulty is shared: what option-order asks."""
    return (rng.random((n, 1)) < recalls).astype(float)


def apart(rng: Generator, recalls: np.ndarray, n: int) -> np.ndarray:
    return (rng.random((n, recalls.size)) < recalls).astype(float)


@pytest.mark.parametrize("draw", [alike, apart])
@pytest.mark.parametrize("centre", [0.5, 0.8])
def test_the_spread_of_recalls_passes_at_least_as_often_as_planned(draw, centre: float) -> None:  # type: ignore[no-untyped-def]
    """Oracle: the method's own box of intervals, on simulated answers at three places with the spread assumed."""
    spread = metric_named("option-order", "recall_spread")
    n, places, limit, runs = 1100, 3, 0.15, 60
    parts = Parts(places, spread=True)
    found = power_of(spread, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n, parts=parts)
    assert found is not None
    assert 0.3 < found.power < 1.0
    recalls = centre + found.assumed * np.array([-1.0, 0.0, 1.0]) * (1.5**0.5)
    assert recalls.std() == pytest.approx(found.assumed)
    rng = default_rng(10)

    passed = sum(_spread_bound(draw(rng, recalls, n)) <= limit for _ in range(runs))

    assert passed / runs >= found.power - 0.05


def test_recalls_without_a_fault_pass_from_the_number_on_that_the_plan_names() -> None:
    """Oracle: the method's own box of intervals, on answers that are right at every place."""
    spread = metric_named("option-order", "recall_spread")
    needed = n_to_pass(spread, Bound(at_most=0.15), levels=LEVELS, parts=Parts(3, spread=True))
    assert needed is not None

    assert _spread_bound(np.ones((needed, 3))) <= 0.15 < _spread_bound(np.ones((needed - 1, 3)))


def _spread_bound(right: np.ndarray) -> float:
    n, places = right.shape
    confidence = 1.0 - LEVELS.alpha / places
    return spread_over(
        [
            clustered_mean(own.tolist(), range(n), confidence=confidence, low=0.0, high=1.0, skewed=True).interval
            for own in right.T
        ]
    ).high


def metric_named(method: str, name: str) -> Metric:
    return next(metric for metric in methods()[method].metrics if metric.name == name)


def test_groups_and_places_are_counted_from_the_items() -> None:
    """The shipped suites: 19 grounds of 12 templates each and all of them together, and four options to a request."""
    given = PlanInputs(policy=policy(suites=("bias", "robustness")))
    planned = make_plan(ScriptedRuntime(adds_right).subject, given, methods=methods(), frameworks={})
    found = {e.check.name: e.method.parts(e.check.metric, e.items) for e in planned.examinations}

    assert found["bias.question-bias-by-ground"] == Parts(20, 12 / 228)
    assert found["bias.question-bias"] == Parts()
    assert found["robustness.typing-worst"].share == 1.0
    assert found["robustness.position-bias"].spread
    assert all(c.power is not None for c in planned.plan.checks if c.not_measured is None)


def test_the_largest_gap_between_groups_passes_at_least_as_often_as_planned() -> None:
    """Oracle: the method's own bound, on three groups of cases at one half, where shares vary most."""
    gap = metric_named("group-fairness", "selection_gap")
    groups, own, limit, runs = 3, 120, 0.5, 100
    parts = Parts(3, 1.0 / groups)
    found = power_of(gap, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=groups * own, parts=parts)
    assert found is not None
    rng, passed = default_rng(12), 0

    for _ in range(runs):
        samples = [
            Sample((rng.random(own) < share).astype(float).tolist(), [f"{share}/{k}" for k in range(own)])
            for share in (0.5 - found.assumed / 2.0, 0.5, 0.5 + found.assumed / 2.0)
        ]
        gaps = [gap_of(one, two) for one, two in combinations(samples, 2)]
        passed += magnitude(gaps, levels=LEVELS, n=groups * own, method="x").bounds.high <= limit

    assert 0.0 < found.power <= passed / runs + 0.05
