"""Two groups: published intervals, an independent library off the edges, coverage by enumeration and simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import (
    clopper_pearson,
    clustered_difference,
    koopman_ratio,
    miettinen_nurminen,
    newcombe_difference,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    n1, n2 = draw(st.integers(1, 80)), draw(st.integers(1, 80))
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n2)), n2


@pytest.mark.parametrize(
    ("method", "table", "expected"),
    [
        (newcombe_difference, (56, 70, 48, 80), (0.0524, 0.3339)),  # Newcombe (1998), method 10
        (newcombe_difference, (0, 10, 0, 10), (-0.2775, 0.2775)),
        (newcombe_difference, (7, 34, 1, 34), (0.0189, 0.3404)),  # contingencytables, Perondi et al. (2004)
        (miettinen_nurminen, (56, 70, 48, 80), (0.0528, 0.3382)),  # Newcombe (1998), method 6
        (miettinen_nurminen, (0, 16, 15, 72), (-0.3164, -0.0056)),  # contingencytables, Ritland et al. (2007)
        (koopman_ratio, (7, 34, 1, 34), (1.2209, 42.5757)),  # contingencytables, Perondi et al. (2004)
        (koopman_ratio, (36, 40, 16, 80), (2.939, 7.152)),  # Koopman (1984)
    ],
)
def test_intervals_are_the_published_ones(method, table, expected):
    assert method(*table) == pytest.approx(expected, abs=6e-4 if expected[1] > 5 else 6e-5)


@given(tables())
def test_intervals_agree_with_statsmodels_where_it_is_defined(table):
    x1, n1, x2, n2 = table
    assert newcombe_difference(*table) == pytest.approx(
        confint_proportions_2indep(*table, method="newcomb", compare="diff"), abs=1e-9
    )
    if 0 < x1 < n1 and 0 < x2 < n2:
        ratio = confint_proportions_2indep(*table, method="score", compare="ratio", correction=False)
        assert koopman_ratio(*table) == pytest.approx(tuple(float(end) for end in ratio), rel=1e-5)


@pytest.mark.parametrize(
    "table", [(2, 3, 1, 2), (56, 70, 48, 80), (7, 34, 1, 34), (20, 40, 10, 25), (5, 9, 3, 11), (38, 40, 20, 25)]
)
def test_the_score_at_an_end_is_the_quantile_by_direct_maximum_likelihood(table):
    # Oracle: the restricted likelihood maximised numerically instead of Miettinen and Nurminen's closed form. The
    # ends of statsmodels 0.15 have scores of 1.87 to 2.02 by this measure, and are no oracle here.
    x1, n1, x2, n2 = table
    for end, sign in zip(miettinen_nurminen(*table), (1.0, -1.0), strict=True):

        def loss(p: float, end: float = end) -> float:
            shares = ((x1, p + end), (n1 - x1, 1 - p - end), (x2, p), (n2 - x2, 1 - p))
            return -sum(count * math.log(max(share, 1e-300)) for count, share in shares)

        inside = (max(0.0, -end) + 1e-12, min(1.0, 1.0 - end) - 1e-12)
        p = optimize.minimize_scalar(loss, bounds=inside, method="bounded", options={"xatol": 1e-12}).x
        variance = ((p + end) * (1 - p - end) / n1 + p * (1 - p) / n2) * (n1 + n2) / (n1 + n2 - 1)
        assert (x1 / n1 - x2 / n2 - end) / math.sqrt(variance) == pytest.approx(sign * stats.norm.isf(0.025), abs=1e-5)


@given(tables())
def test_intervals_hold_the_estimate_are_mirrored_and_never_of_width_zero(table):
    x1, n1, x2, n2 = table
    for method in (newcombe_difference, miettinen_nurminen):
        low, high = method(*table)
        assert -1.0 - 1e-12 <= low <= x1 / n1 - x2 / n2 <= high <= 1.0 + 1e-12
        assert high > low
        assert method(x2, n2, x1, n1) == pytest.approx((-high, -low), abs=1e-9)
    low, high = koopman_ratio(*table)
    assert 0.0 <= low < high
    if x2:
        assert low - 1e-9 <= x1 / n1 / (x2 / n2) <= high + 1e-9


@given(tables())
def test_the_ratio_is_the_same_read_backwards(table):
    x1, n1, x2, n2 = table
    low, high = koopman_ratio(*table)
    back = koopman_ratio(x2, n2, x1, n1)

    assert math.atan(back.low) == pytest.approx(math.pi / 2 - math.atan(high), abs=1e-7)
    assert math.atan(back.high) == pytest.approx(math.pi / 2 - math.atan(low), abs=1e-7)


def test_a_ratio_of_nothing_excludes_nothing():
    assert koopman_ratio(0, 10, 0, 10) == (0.0, math.inf)


@pytest.mark.parametrize(("p1", "p2"), [(0.9, 0.7), (0.97, 0.97), (0.99, 0.9)])
def test_score_intervals_cover_nearly_as_they_say(p1, p2):
    # Oracle: enumeration of 40 against 25 items; both methods are right on average, not guaranteed.
    n1, n2 = 40, 25
    w1, w2 = stats.binom.pmf(np.arange(n1 + 1), n1, p1), stats.binom.pmf(np.arange(n2 + 1), n2, p2)
    cells = [(x, y) for x in range(n1 + 1) for y in range(n2 + 1) if w1[x] * w2[y] > 1e-7]
    for method, truth in (
        (newcombe_difference, p1 - p2),
        (miettinen_nurminen, p1 - p2),
        (koopman_ratio, p1 / p2),
    ):
        covered = sum(w1[x] * w2[y] for x, y in cells if method(x, n1, y, n2)[0] <= truth <= method(x, n1, y, n2)[1])
        assert covered >= 0.92


def test_planning_table_of_half_widths():
    # Oracle: table 1.6, half width at .8 against .8.
    for n, half in ((30, 0.20), (50, 0.16), (100, 0.11), (200, 0.08), (400, 0.055), (1000, 0.035)):
        low, high = newcombe_difference(round(0.8 * n), n, round(0.8 * n), n)
        assert (high - low) / 2 == pytest.approx(half, abs=0.0051)


def gap_world(random, *, clusters: int, size: int, p: float, gap: float, shared: bool):
    """0/1 items of two groups whose success rates vary between sources, with a known gap."""
    rho = 0.3
    strength = (1 - rho) / rho
    level = random.beta(p * strength, (1 - p) * strength, clusters)
    other = level if shared else random.beta(p * strength, (1 - p) * strength, clusters)
    ids = np.repeat(np.arange(clusters), size)
    a = random.random(ids.size) < level[ids]
    b = random.random(ids.size) < other[ids] * (1 - gap / p)
    names = ids.tolist()
    return a.astype(int).tolist(), names, b.astype(int).tolist(), names if shared else [f"b{i}" for i in names]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("p", "gap"), [(0.8, 0.0), (0.95, 0.1)])
def test_a_gap_over_clusters_is_covered(shared, p, gap):
    # Oracle: simulation with a known gap; 400 worlds, standard error 1.1 points.
    random = np.random.default_rng(17)
    held = 0
    for _ in range(400):
        low, high = clustered_difference(*gap_world(random, clusters=30, size=6, p=p, gap=gap, shared=shared)).interval
        held += low <= gap <= high

    assert held / 400 >= 0.93


def test_the_standard_error_of_a_gap_is_that_of_statsmodels():
    # Oracle: OLS on a dummy with cluster-robust covariance, uncorrected; where both groups have items in all of the
    # G clusters, CR1 has the factor G / (G - 1).
    random = np.random.default_rng(19)
    ids, group = np.repeat(np.arange(15), 8), np.tile([0, 1], 60)
    values = random.random(120) + 0.4 * random.random(15)[ids] + 0.1 * group
    design = np.column_stack([np.ones(120), group])
    fitted = sm.OLS(values, design).fit(cov_type="cluster", cov_kwds={"groups": ids, "use_correction": False})
    one, two = group == 1, group == 0
    found = clustered_difference(values[one].tolist(), ids[one].tolist(), values[two].tolist(), ids[two].tolist())

    assert found.value == pytest.approx(fitted.params[1])
    assert found.standard_error == pytest.approx(fitted.bse[1] * math.sqrt(15 / 14))


def test_sharing_clusters_narrows_the_gap():
    random = np.random.default_rng(5)
    a, ids, b, _ = gap_world(random, clusters=60, size=10, p=0.8, gap=0.05, shared=True)
    paired = clustered_difference(a, ids, b, ids)
    apart = clustered_difference(a, ids, b, [f"other {i}" for i in ids])

    assert paired.value == apart.value
    assert paired.standard_error < 0.8 * apart.standard_error
    assert paired.interval.high - paired.interval.low < apart.interval.high - apart.interval.low


def test_independent_real_scores_give_a_conservative_welch_interval():
    # Oracle: Welch's standard error; t has the degrees of freedom of the smaller group, hence is no narrower.
    random = np.random.default_rng(6)
    a, b = random.normal(0, 1, 40), random.normal(0.5, 2, 30)
    found = clustered_difference(a.tolist(), range(40), b.tolist(), range(100, 130))
    welch = stats.ttest_ind(a, b, equal_var=False)
    expected = welch.confidence_interval(0.95)

    assert found.value / found.standard_error == pytest.approx(welch.statistic)
    assert found.interval.low <= expected.low
    assert found.interval.high >= expected.high


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=8, max_size=40))
def test_swapping_the_groups_negates_the_gap(items):
    a, ids = [x for x, _ in items], [c for _, c in items]
    half = len(a) // 2
    if len(set(ids[:half])) < 2 or len(set(ids[half:])) < 2:
        return
    there = clustered_difference(a[:half], ids[:half], a[half:], ids[half:])
    back = clustered_difference(a[half:], ids[half:], a[:half], ids[:half])

    assert back.value == pytest.approx(-there.value)
    assert back.interval == pytest.approx((-there.interval.high, -there.interval.low), abs=1e-9)
    assert there.interval.high > there.interval.low


def test_rounding_decides_nothing_about_groups_whose_clusters_are_all_alike():
    # A third of each cluster of the second group; the first has none: 1 - 3 * (1/3) leaves 1e-17 or nothing.
    a, ids_a, b, ids_b = [0] * 5, [0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 0, 1]
    there, back = clustered_difference(a, ids_a, b, ids_b), clustered_difference(b, ids_b, a, ids_a)

    assert back.interval == pytest.approx((-there.interval.high, -there.interval.low), abs=1e-9)


def test_perfect_groups_still_have_a_gap_interval_and_undeclared_constants_none():
    ids = [i // 3 for i in range(30)]
    low, high = clustered_difference([1] * 30, ids, [1] * 30, ids).interval
    assert low < 0.0 < high
    low, high = clustered_difference([0.5] * 30, ids, [0.5] * 30, ids, low=0, high=1).interval
    assert low < 0.0 < high
    with pytest.raises(NotEnoughDataError, match="no spread"):
        clustered_difference([0.5] * 30, ids, [0.25] * 30, ids)


@pytest.mark.parametrize("scores", [[0, 1] * 20, [1, 1, 0, 0] * 10, [0.0, 0.5] * 20])
def test_groups_that_answer_alike_in_every_cluster_still_have_a_gap_interval(scores):
    # Oracle: with 8 clusters alike, a share u with (1-u)^8 = .025 of others would go unseen.
    ids = [i // 5 for i in range(40)]
    found = clustered_difference(scores, ids, scores, ids, low=0, high=1)
    unseen = 1 - 0.025 ** (1 / 8)

    assert found.interval == pytest.approx((-unseen, unseen))


def test_one_item_a_cluster_is_built_from_clopper_pearson():
    a, b = [1] * 18 + [0] * 2, [1] * 12 + [0] * 8
    (l1, u1), (l2, u2) = clopper_pearson(18, 20), clopper_pearson(12, 20)
    found = clustered_difference(a, range(20), b, range(20, 40)).interval

    assert found == pytest.approx((0.3 - math.hypot(0.9 - l1, u2 - 0.6), 0.3 + math.hypot(u1 - 0.9, 0.6 - l2)))


def test_a_group_of_one_cluster_is_not_measured():
    with pytest.raises(NotEnoughDataError, match="one cluster"):
        clustered_difference([1, 0], ["a", "a"], [1, 0], ["a", "b"])


@pytest.mark.parametrize("bad", [[1, None], [1, float("nan")], [1, float("inf")], [1, "0"]])
def test_a_value_that_is_none_is_refused(bad):
    with pytest.raises(StatisticsError):
        clustered_difference(bad, [1, 2], [1, 0], [1, 2])
