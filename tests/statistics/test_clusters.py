"""Clustered means and proportions: simulated coverage with known truth, exact reductions, metamorphic properties."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    MIN_CLUSTERS_FOR_VERDICT,
    clopper_pearson,
    clustered_mean,
    clustered_proportion,
)


class World(NamedTuple):
    """Beta-binomial clusters: a rate p, an intra-cluster correlation rho, sizes equal or lognormal(spread)."""

    clusters: int
    size: int
    p: float
    rho: float
    spread: float = 0.0

    def sizes(self) -> np.ndarray:
        steps = np.random.default_rng(4).normal(0, self.spread, self.clusters)
        return np.maximum(1, np.round(self.size * np.exp(steps))).astype(int)

    def draw(self, random: np.random.Generator) -> tuple[list[int], list[int]]:
        sizes = self.sizes()
        if self.rho == 0.0:
            levels = np.full(self.clusters, self.p)
        elif self.rho == 1.0:
            levels = (random.random(self.clusters) < self.p).astype(float)
        else:
            strength = (1 - self.rho) / self.rho
            levels = random.beta(self.p * strength, (1 - self.p) * strength, self.clusters)
        ids = np.repeat(np.arange(self.clusters), sizes)
        return (random.random(ids.size) < levels[ids]).astype(int).tolist(), ids.tolist()


def misses(world: World, *, runs: int, alpha: float = 0.05) -> tuple[float, float]:
    """Share of worlds in which the lower end lies above the truth (a false pass) and the upper end below it."""
    random = np.random.default_rng(11)
    ends = [clustered_proportion(*world.draw(random), confidence=1 - 2 * alpha).interval for _ in range(runs)]
    low, high = np.array(ends).T
    return float(np.mean(low > world.p + 1e-12)), float(np.mean(high < world.p - 1e-12))


FAST = [
    World(8, 10, 0.65, 0.3),
    World(20, 10, 0.85, 0.3),
    World(20, 50, 0.95, 0.7),
    World(50, 10, 0.93, 0.3),
    World(50, 10, 0.99, 0.1),
    World(100, 5, 0.95, 0.3),
    World(20, 10, 0.7, 0.3, spread=1.0),
    World(100, 5, 0.85, 0.7, spread=1.0),
]


@pytest.mark.parametrize("world", FAST, ids=str)
def test_a_one_sided_bound_errs_at_most_as_often_as_it_says(world):
    # Oracle: simulation with known truth; 400 worlds, the tolerance is 3 standard errors.
    runs = 400
    tolerance = 3 * math.sqrt(0.05 * 0.95 / runs)
    false_pass, false_fail = misses(world, runs=runs)

    assert false_pass <= 0.05 + tolerance
    assert false_fail <= 0.05 + tolerance


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("rho", [0.0, 0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize(("clusters", "size"), [(8, 20), (12, 20), (20, 50), (50, 10), (100, 5), (268, 8)])
def test_a_one_sided_bound_errs_at_most_as_often_as_it_says_over_the_whole_grid(clusters, size, rho, spread):
    sizes = World(clusters, size, 0.5, rho, spread).sizes().astype(float)
    best = 0.05 ** ((sizes**3).sum() / sizes.sum() / (sizes**2).sum())
    runs = 1000
    for p in (0.5, best - 0.05, best - 0.02, best - 0.005, 0.95, 0.99):
        false_pass, false_fail = misses(World(clusters, size, float(p), rho, spread), runs=runs)

        # 720 cells are tested: 4 standard errors, so that the test itself raises no false alarm.
        assert false_pass <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)
        assert false_fail <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("clusters", "size", "rho", "expected"),
    [(10, 20, 0.1, 0.934), (20, 50, 0.1, 0.938), (50, 10, 0.2, 0.941), (50, 10, 0.7, 0.936), (200, 5, 0.2, 0.943)],
)
def test_the_t_interval_covers_as_tabled(clusters, size, rho, expected):
    # Oracle: table 1.4 of the dossier (CR1 + t, p = .8), whose runs had a standard error of 0.4 points.
    random, world, runs = np.random.default_rng(12), World(clusters, size, 0.8, rho), 1000
    ends = np.array([clustered_mean(*world.draw(random)).interval for _ in range(runs)])
    covered = np.mean((ends[:, 0] <= 0.8) & (ends[:, 1] >= 0.8))

    assert covered == pytest.approx(expected, abs=3 * math.sqrt(0.06 * 0.94 / runs) + 0.004)


@pytest.mark.parametrize(
    ("clusters", "size", "rho", "covered", "ratio"),
    [
        (10, 20, 0.1, 0.736, 1.65),
        (20, 50, 0.1, 0.565, 2.40),
        (50, 10, 0.2, 0.753, 1.66),
        (50, 10, 0.7, 0.522, 2.71),
        (200, 5, 0.2, 0.846, 1.34),
    ],
)
def test_ignoring_clusters_would_cover_as_seldom_as_tabled(clusters, size, rho, covered, ratio):
    # Oracle: table 1.4, naive coverage and the ratio of the standard errors, 4,000 runs.
    random, world = np.random.default_rng(13), World(clusters, size, 0.8, rho)
    held, ratios = [], []
    for _ in range(500):
        values, ids = world.draw(random)
        naive, robust = clustered_mean(values, range(len(values))), clustered_mean(values, ids)
        held.append(naive.interval.low <= 0.8 <= naive.interval.high)
        ratios.append(robust.standard_error / naive.standard_error)

    assert np.mean(held) == pytest.approx(covered, abs=3 * math.sqrt(0.25 / 500))
    assert np.mean(ratios) == pytest.approx(ratio, abs=0.06)


@pytest.mark.parametrize(
    ("clusters", "size", "rho", "effect", "covered"),
    [
        (10, 20, 0.1, 2.9, 0.890),
        (20, 50, 0.1, 5.9, 0.916),
        (50, 10, 0.2, 2.8, 0.932),
        (50, 10, 0.7, 7.3, 0.928),
        (200, 5, 0.2, 1.8, 0.942),
    ],
)
def test_the_design_effect_is_the_tabled_one_and_a_normal_quantile_would_cover_as_tabled(
    clusters, size, rho, effect, covered
):
    # Oracle: table 1.4: DEFF = 1 + (m - 1) ICC, and Miller's interval (normal quantile, no factor G / (G - 1)).
    random, world = np.random.default_rng(18), World(clusters, size, 0.8, rho)
    held, ratios = [], []
    for _ in range(800):
        found = clustered_mean(*world.draw(random))
        error = found.standard_error * math.sqrt((clusters - 1) / clusters)
        held.append(abs(found.value - 0.8) <= stats.norm.isf(0.025) * error)
        ratios.append(found.design_effect)

    assert effect == pytest.approx(1 + (size - 1) * rho)
    # The ratio of two estimates: where few clusters make the denominator, its mean lies a little below.
    assert np.mean(ratios) == pytest.approx(effect, rel=0.07)
    assert np.mean(held) == pytest.approx(covered, abs=3 * math.sqrt(0.09 * 0.91 / 800) + 0.004)


def test_the_standard_error_is_that_of_statsmodels():
    # Oracle: OLS on a constant with cluster-robust covariance; its factor (n-1)/(n-k) is 1 for one constant.
    import statsmodels.api as sm

    random = np.random.default_rng(14)
    ids = np.repeat(np.arange(12), random.integers(1, 9, 12))
    values = random.random(ids.size) + 0.3 * random.random(12)[ids]
    fitted = sm.OLS(values, np.ones(ids.size)).fit(cov_type="cluster", cov_kwds={"groups": ids})

    assert clustered_mean(values.tolist(), ids.tolist()).standard_error == pytest.approx(fitted.bse[0])


def test_independent_items_give_the_ordinary_t_interval():
    values = np.random.default_rng(15).random(30)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)

    assert clustered_mean(values.tolist(), range(30)).interval == pytest.approx((expected.low, expected.high))


@given(st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_one_item_a_cluster_is_exactly_clopper_pearson(values):
    found = clustered_proportion(values, range(len(values)))

    assert found.interval == pytest.approx(clopper_pearson(sum(values), len(values)), abs=1e-9)
    assert found.design_effect == pytest.approx(1.0)


def test_clusters_that_agree_within_count_as_one_item_each_at_most():
    values = [1] * 50 + [0] * 50
    found = clustered_proportion(values, [i // 5 for i in range(100)]).interval
    low, high = clopper_pearson(10, 20)

    assert found.low <= low + 1e-9
    assert found.high >= high - 1e-9


def test_perfect_clusters_are_worth_their_number():
    assert clustered_proportion([1] * 500, [i // 10 for i in range(500)]).interval == pytest.approx(
        clopper_pearson(50, 50)
    )
    assert clustered_mean([1.0] * 500, [i // 10 for i in range(500)], low=0, high=1).interval == pytest.approx(
        clopper_pearson(50, 50)
    )


@st.composite
def clustered(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    items = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=2, max_size=60))
    values, ids = [value for value, _ in items], [cluster for _, cluster in items]
    return ([*values, values[0]], [*ids, 10]) if len(set(ids)) < 2 else (values, ids)


def both(values, ids):
    return clustered_proportion(values, ids), clustered_mean(values, ids, low=0, high=1)


@given(clustered(), st.randoms())
def test_order_and_names_of_clusters_do_not_matter(items, random):
    values, ids = items
    places = list(range(len(values)))
    random.shuffle(places)
    renamed = [f"source {ids[i] * 7 % 11}" for i in places]
    for one, two in zip(both(values, ids), both([values[i] for i in places], renamed), strict=True):
        assert two.interval == pytest.approx(one.interval, abs=1e-9)
        assert two.value == pytest.approx(one.value)
        assert two.n_clusters == one.n_clusters


@given(clustered(), st.integers(2, 4))
def test_repeating_every_item_in_its_cluster_never_narrows_an_interval(items, times):
    values, ids = items
    for one, many in zip(both(values, ids), both(values * times, ids * times), strict=True):
        assert many.value == pytest.approx(one.value)
        assert many.interval.low <= one.interval.low + 1e-9
        assert many.interval.high >= one.interval.high - 1e-9


@given(clustered())
def test_an_interval_is_never_of_width_zero_and_holds_the_value(items):
    for found in both(*items):
        assert 0.0 <= found.interval.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.interval.high <= 1.0
        assert found.interval.high > found.interval.low


@given(clustered())
def test_no_sample_has_a_higher_bound_than_the_perfect_one(items):
    values, ids = items
    perfect, worst = clustered_proportion([1] * len(ids), ids), clustered_proportion([0] * len(ids), ids)
    found = clustered_proportion(values, ids).interval

    assert found.low <= perfect.interval.low + 1e-12
    assert found.high >= worst.interval.high - 1e-12


@settings(max_examples=150)
@given(clustered(), st.data())
def test_one_more_correct_item_never_turns_a_pass_into_a_fail(items, data):
    # For every limit: passed before means low >= limit, failed after would mean high < limit.
    values, ids = items
    before = clustered_proportion(values, ids).interval
    changed = [*values]
    changed[data.draw(st.integers(0, len(values) - 1))] = 1
    added = data.draw(st.sampled_from([*set(ids), "new"]))

    assert clustered_proportion(changed, ids).interval.high >= before.low
    assert clustered_proportion([*values, 1], [*ids, added]).interval.high >= before.low


@given(clustered())
def test_failures_mirror_successes(items):
    values, ids = items
    found, mirrored = clustered_proportion(values, ids), clustered_proportion([1 - x for x in values], ids)

    assert mirrored.interval == pytest.approx((1 - found.interval.high, 1 - found.interval.low), abs=1e-7)


def test_equal_cluster_means_inside_the_range_leave_room_for_unseen_clusters():
    # Oracle: with 20 clusters alike, a share u with (1-u)^20 = .025 of others would go unseen.
    unseen = 1 - 0.025 ** (1 / 20)
    found = clustered_mean([0.0, 1.0] * 20, [i // 2 for i in range(40)], low=-1, high=1)

    assert found.interval == pytest.approx((0.5 - unseen * 1.5, 0.5 + unseen * 0.5))
    assert found.standard_error == 0.0


def test_no_spread_and_no_range_is_not_measured():
    with pytest.raises(NotEnoughDataError, match="no spread"):
        clustered_mean([0.3] * 6, [0, 0, 1, 1, 2, 2])


def test_bounded_scores_with_many_zeros_are_covered_from_above():
    # Oracle: simulation; 95 % zeros, else uniform: mean 0.025. The upper end must not vanish with the zeros.
    random, missed = np.random.default_rng(16), 0
    for _ in range(400):
        values = np.where(random.random(60) < 0.05, random.random(60), 0.0)
        missed += clustered_mean(values.tolist(), range(60), low=0, high=1).interval.high < 0.025

    assert missed / 400 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)


def _rare(random: np.random.Generator, n: int) -> np.ndarray:
    return (random.random(n) < 0.1).astype(float)


SKEWED = {
    "one in ten, the range holds 0": (_rare, 0.1, -1.0),
    "one in ten falls by 0.8": (lambda random, n: 0.8 * _rare(random, n), 0.08, -1.0),
    "95 % zeros": (lambda random, n: np.where(random.random(n) < 0.05, random.random(n), 0.0), 0.025, 0.0),
    "beta near 0": (lambda random, n: random.beta(0.3, 3.0, n), 1 / 11, 0.0),
    "rare among small": (
        lambda random, n: np.where(random.random(n) < 0.06, 1.0, 0.05 * random.random(n)), 0.0835, 0.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("clusters", [30, 60, 228])
@pytest.mark.parametrize("kind", SKEWED)
def test_skewed_scores_pass_a_limit_that_they_lie_at_no_more_often_than_alpha(kind, clusters):
    # Oracle: simulation with known means; t alone misses above in up to 19 %. 3 standard errors.
    draw, truth, low = SKEWED[kind]
    random, runs = np.random.default_rng(61), 600
    highs = [
        clustered_mean(
            draw(random, clusters).tolist(), range(clusters), confidence=0.9, low=low, high=1, skewed=True
        ).interval.high
        for _ in range(runs)
    ]

    assert np.mean(np.array(highs) < truth) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("lost", [0.0, 0.02])
@pytest.mark.parametrize("clusters", [30, 60])
def test_skewed_clusters_of_unequal_size_pass_a_limit_no_more_often_than_alpha(clusters, lost):
    # Oracle: simulation with the known mean 0.1, lognormal(1) sizes; a first gain in a small cluster must not lower
    # the upper end below what no gain at all would show, or it misses in up to 9.6 %. 3 standard errors.
    random, runs = np.random.default_rng(64), 600
    highs = []
    for _ in range(runs):
        sizes = np.maximum(1, np.round(np.exp(random.normal(1.0, 1.0, clusters)))).astype(int)
        draw = random.random(clusters)
        change = np.where(draw < 0.1 + lost, 1.0, np.where(draw < 0.1 + 2 * lost, -1.0, 0.0))
        ids = np.repeat(np.arange(clusters), sizes)
        found = clustered_mean(change[ids].tolist(), ids.tolist(), confidence=0.9, low=-1, high=1, skewed=True)
        highs.append(found.interval.high)

    assert np.mean(np.array(highs) < 0.1) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_dense_scores_keep_the_t_interval_nearly():
    values = np.clip(0.1 + np.random.default_rng(62).normal(0, 0.25, 120), -1, 1)
    plain = clustered_mean(values.tolist(), range(120)).interval
    found = clustered_mean(values.tolist(), range(120), low=-1, high=1, skewed=True).interval

    assert found.high - found.low <= 1.03 * (plain.high - plain.low)


def test_one_cluster_is_not_measured():
    for method in (clustered_mean, clustered_proportion):
        with pytest.raises(NotEnoughDataError, match="one cluster"):
            method([1, 0, 1], ["a", "a", "a"])
        with pytest.raises(NotEnoughDataError):
            method([], [])


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ([1, None], [1, 2]),
        ([1, float("nan")], [1, 2]),
        ([1, float("inf")], [1, 2]),
        ([1, "1"], [1, 2]),
        ([1, 0], [1]),
        ([1, 0], [1, None]),
        ([1, 0], [1, float("nan")]),
        ([[1, 0]], [1]),
    ],
)
def test_what_is_no_score_or_no_cluster_is_refused(values, ids):
    for method in (clustered_mean, clustered_proportion):
        with pytest.raises(StatisticsError):
            method(values, ids)


def test_a_score_outside_its_declared_range_is_refused():
    with pytest.raises(StatisticsError, match="outside"):
        clustered_mean([0.5, 1.5], [1, 2], low=0, high=1)
    with pytest.raises(StatisticsError, match="both"):
        clustered_mean([0.5, 0.6], [1, 2], low=0)
    with pytest.raises(StatisticsError, match="below"):
        clustered_mean([0.5, 0.6], [1, 2], low=1, high=0)
    with pytest.raises(StatisticsError, match="0 and 1"):
        clustered_proportion([0, 2], [1, 2])


def test_the_rule_for_few_clusters_has_a_name():
    assert MIN_CLUSTERS_FOR_VERDICT == 8
