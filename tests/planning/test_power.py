"""What the items can show, before the run: against published numbers, exact sums and the statistics themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy import stats

from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.cli.plans import explanation
from verify.methods.base import Metric
from verify.methods.bias.magnitude import magnitude, mean_of
from verify.methods.catalogue import methods
from verify.methods.estimating import Sample
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
def test_the_power_of_a_comparison_is_the_published_one(n: int, expected: float) -> None:
    """Oracle: margin 3 points, discordance .1, true difference 0 (facts 1.6)."""
    assert comparison_power(n, margin=0.03, levels=LEVELS) == pytest.approx(expected, abs=0.015)


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
    assert other == one.model_copy(update={"worst_case": True})
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
    found = power_of(DROP, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=n, parts=parts)
    assert found is not None
    rng = default_rng(4)

    runs = [
        all(passes(PAIRS, at_the_ends(rng, found.assumed, n), limit, each=1) for _ in range(parts)) for _ in range(RUNS)
    ]

    assert 0.7 < found.power < 0.9
    assert -NOISE <= np.mean(runs) - found.power <= NOISE + 0.06
    assert found.needed is not None
    enough = power_of(DROP, Bound(at_most=limit), levels=LEVELS, effect=0.5, n_clusters=found.needed, parts=parts)
    assert enough is not None
    assert enough.power >= 0.8
