"""Intervals of one proportion: published and enumerated oracles, exact coverage, properties."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    clopper_pearson,
    clopper_pearson_bound,
    finite_population_correction,
    hypergeometric,
    jeffreys,
    wilson,
)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    trials = draw(st.integers(1, 400))
    return draw(st.integers(0, trials)), trials


def coverage(method, n: int, p: float) -> float:
    """Exact coverage, by enumeration of all n + 1 outcomes."""
    ends = [method(x, n) for x in range(n + 1)]
    held = np.array([low - 1e-12 <= p <= high + 1e-12 for low, high in ends])
    return float(stats.binom.pmf(np.arange(n + 1), n, p)[held].sum())


def wald(successes: int, trials: int) -> tuple[float, float]:
    low, high = proportion_confint(successes, trials, method="normal")
    return float(low), float(high)


@pytest.mark.parametrize(
    ("n", "p", "expected"),
    [
        (20, 0.95, (0.6389, 0.9245, 0.9841, 0.9841)),
        (50, 0.95, (0.9199, 0.9622, 0.9882, 0.8853)),
        (50, 0.99, (0.3948, 0.9106, 0.9862, 0.9862)),
        (100, 0.95, (0.8775, 0.9659, 0.9826, 0.9347)),
        (100, 0.99, (0.6334, 0.9206, 0.9816, 0.9816)),
        (300, 0.99, (0.7987, 0.9672, 0.9885, 0.9182)),
        (1000, 0.99, (0.9270, 0.9635, 0.9761, 0.9449)),
    ],
)
def test_exact_coverage_is_that_of_the_enumerated_table(n, p, expected):
    # Oracle: enumeration in an independent script (table 1.3 of the dossier). Wald's, which nothing here uses,
    # holds the enumeration of this test itself to the table.
    found = [coverage(method, n, p) for method in (wald, wilson, clopper_pearson, jeffreys)]

    assert found == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("n", "worst_wald", "worst_wilson", "worst_jeffreys"),
    [
        (20, 0.02, 0.85, 0.89),
        (50, 0.05, 0.86, 0.88),
        (100, 0.10, 0.91, 0.88),
        (300, 0.26, 0.94, 0.91),
        (1000, 0.63, 0.92, 0.92),
    ],
)
def test_the_worst_coverage_is_the_tabled_one(n, worst_wald, worst_wilson, worst_jeffreys):
    # Oracle: table 1.3 of the dossier, worst over p = .001 ... .999. What decides never covers less than .95.
    grid = np.arange(1, 1000) / 1000
    weights = stats.binom.pmf(np.arange(n + 1)[:, None], n, grid)

    def worst(method):
        low, high = np.array([method(x, n) for x in range(n + 1)]).T[:, :, None]
        return np.where((low <= grid) & (grid <= high), weights, 0.0).sum(axis=0).min()

    assert worst(wald) == pytest.approx(worst_wald, abs=0.006)
    assert worst(wilson) == pytest.approx(worst_wilson, abs=0.006)
    assert worst(jeffreys) == pytest.approx(worst_jeffreys, abs=0.006)
    assert worst(clopper_pearson) >= 0.95 - 1e-9


@pytest.mark.parametrize(("n", "covered"), [(30, 0.47), (100, 0.87)])
def test_the_percentile_bootstrap_would_cover_as_seldom_as_tabled(n, covered):
    # Oracle: section 1.3, p = .98 by simulation. The bootstrap of a share is binomial, so that it needs no drawing
    # here; where all items are alike its interval has no width, and ours has.
    x = np.arange(n + 1)
    low, high = stats.binom.ppf([[0.025], [0.975]], n, x / n) / n
    low[0], high[0] = 0.0, 0.0
    held = stats.binom.pmf(x, n, 0.98)[(low <= 0.98) & (high >= 0.98)].sum()

    assert held == pytest.approx(covered, abs=0.02)
    assert low[n] == high[n] == 1.0
    assert coverage(clopper_pearson, n, 0.98) >= 0.95


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 20, 50])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_clopper_pearson_never_covers_less_than_it_says(n, confidence):
    # Oracle: enumeration over a grid of p that has the ends themselves, just inside and outside.
    ends = [end for x in range(n + 1) for end in clopper_pearson(x, n, confidence=confidence)]
    grid = {*np.linspace(0.001, 0.999, 199), *(e + s for e in ends for s in (-1e-9, 1e-9) if 0 < e + s < 1)}
    intervals = [clopper_pearson(x, n, confidence=confidence) for x in range(n + 1)]
    for p in grid:
        held = [low <= p <= high for low, high in intervals]

        assert stats.binom.pmf(np.arange(n + 1), n, p)[held].sum() >= confidence - 1e-9


@pytest.mark.parametrize("n", [100, 200, 300])
def test_clopper_pearson_never_covers_less_than_it_says_up_to_300_items(n):
    low, high = np.array([clopper_pearson(x, n) for x in range(n + 1)]).T
    for p in np.linspace(0.001, 0.999, 999):
        assert stats.binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize("n", [1, 7, 30, 120])
def test_a_one_sided_bound_errs_at_most_as_often_as_it_says(n):
    lower = np.array([clopper_pearson_bound(x, n, side="lower") for x in range(n + 1)])
    upper = np.array([clopper_pearson_bound(x, n, side="upper") for x in range(n + 1)])
    for p in np.linspace(0.002, 0.998, 250):
        weights = stats.binom.pmf(np.arange(n + 1), n, p)

        assert weights[lower > p].sum() <= 0.05 + 1e-9
        assert weights[upper < p].sum() <= 0.05 + 1e-9


@pytest.mark.parametrize(
    ("method", "successes", "trials", "low", "high"),
    [
        (wilson, 95, 100, 0.888250, 0.978456),
        (clopper_pearson, 95, 100, 0.887165, 0.983568),
        (wilson, 0, 100, 0.0, 0.036993),
        (clopper_pearson, 0, 100, 0.0, 0.036217),
        (clopper_pearson, 100, 100, 0.963783, 1.0),
        (clopper_pearson, 1, 20, 0.001265, 0.248733),
    ],
)
def test_ends_are_those_of_the_point_oracles(method, successes, trials, low, high):
    # Oracle: section 1.3 of the dossier, to six places.
    assert method(successes, trials) == pytest.approx((low, high), abs=6e-7)


@given(counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_ends_agree_with_statsmodels(count, confidence):
    successes, trials = count
    for method, name in ((clopper_pearson, "beta"), (wilson, "wilson")):
        expected = proportion_confint(successes, trials, alpha=1 - confidence, method=name)

        assert method(successes, trials, confidence=confidence) == pytest.approx(expected, abs=1e-9)


@given(counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_jeffreys_agrees_with_statsmodels_but_for_the_edges(count, confidence):
    successes, trials = count
    low, high = jeffreys(successes, trials, confidence=confidence)
    theirs = proportion_confint(successes, trials, alpha=1 - confidence, method="jeffreys")

    assert low == pytest.approx(theirs[0] if successes else 0.0, abs=1e-9)
    assert high == pytest.approx(theirs[1] if successes < trials else 1.0, abs=1e-9)


@given(counts())
def test_an_interval_is_never_of_width_zero_and_holds_the_share(count):
    for method in (clopper_pearson, wilson, jeffreys):
        low, high = method(*count)

        assert 0.0 <= low <= count[0] / count[1] <= high <= 1.0
        assert high > low


@given(counts())
def test_a_further_success_never_lowers_and_a_further_failure_never_raises_a_bound(count):
    successes, trials = count
    for side in ("lower", "upper"):
        now = clopper_pearson_bound(successes, trials, side=side)

        assert clopper_pearson_bound(successes + 1, trials + 1, side=side) >= now - 1e-12
        assert clopper_pearson_bound(successes, trials + 1, side=side) <= now + 1e-12


@given(counts())
def test_failures_mirror_successes(count):
    successes, trials = count
    for method in (clopper_pearson, wilson, jeffreys):
        low, high = method(successes, trials)

        assert method(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("population", [1, 6, 15, 40])
def test_a_finite_list_is_covered_by_enumeration(population):
    # Oracle: enumeration of all samples of every possible list.
    for sampled in {1, max(1, population // 3), max(1, population - 1), population}:
        for good in range(population + 1):
            covered = 0.0
            for x in range(max(0, sampled - (population - good)), min(good, sampled) + 1):
                low, high = hypergeometric(x, sampled, population=population)
                if low - 1e-12 <= good / population <= high + 1e-12:
                    covered += stats.hypergeom.pmf(x, population, good, sampled)

            assert covered >= 0.95 - 1e-9


def test_a_list_that_was_run_whole_has_no_sampling_error():
    assert hypergeometric(7, 10, population=10) == (0.7, 0.7)
    assert finite_population_correction(sampled=10, population=10) == 0.0


def test_an_endless_list_gives_clopper_pearson():
    assert hypergeometric(95, 100, population=10**7) == pytest.approx(clopper_pearson(95, 100), abs=1e-5)
    assert finite_population_correction(sampled=100, population=10**9) == pytest.approx(1.0, abs=1e-6)


def test_the_finite_population_correction_is_that_of_the_variance_of_all_subsets():
    # Oracle: brute force over all subsets of 3 of 6 numbers.
    numbers = np.array([0.0, 0.1, 0.4, 0.5, 0.9, 1.0])
    means = [np.mean(part) for part in combinations(numbers, 3)]
    factor = finite_population_correction(sampled=3, population=6)

    assert np.std(means) == pytest.approx(factor * np.std(numbers) / np.sqrt(3))


def test_nothing_tried_is_not_measured():
    for method in (clopper_pearson, wilson, jeffreys):
        with pytest.raises(NotEnoughDataError):
            method(0, 0)
    with pytest.raises(NotEnoughDataError):
        clopper_pearson_bound(0, 0, side="lower")
    with pytest.raises(NotEnoughDataError):
        hypergeometric(0, 0, population=5)


@pytest.mark.parametrize(
    ("successes", "trials"),
    [(True, 2), (1, True), (-1, 5), (6, 5), (1.0, 5), (None, 5), (float("nan"), 5), (1, float("inf")), ("1", 5)],
)
def test_counts_that_are_none_are_refused(successes, trials):
    for method in (clopper_pearson, wilson, jeffreys):
        with pytest.raises(StatisticsError):
            method(successes, trials)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95, float("nan"), None, True])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    with pytest.raises(StatisticsError):
        clopper_pearson(1, 2, confidence=confidence)


def test_a_side_that_is_none_is_refused():
    with pytest.raises(StatisticsError, match="side"):
        clopper_pearson_bound(1, 2, side="left")


def test_numpy_counts_are_counts():
    assert clopper_pearson(np.int64(3), np.int64(9)) == clopper_pearson(3, 9)


def test_a_subset_larger_than_its_list_is_refused():
    with pytest.raises(StatisticsError, match="subset"):
        hypergeometric(1, 5, population=4)
    with pytest.raises(StatisticsError, match="subset"):
        finite_population_correction(sampled=5, population=4)
