"""Rates from an imperfect judge: the coverage table, the point, what is refused."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import MIN_YOUDEN, JudgeRecord, clopper_pearson, judged_rate, judged_rate_bayes, rogan_gladen


class World(NamedTuple):
    """True rate, the judge's sensitivity and specificity, judged items, labelled positives and negatives."""

    theta: float
    q1: float
    q0: float
    n: int
    m1: int
    m0: int

    def draw(self, runs: int, *, seed: int = 21) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flagged items, true positives and true negatives of so many runs, each of shape (runs,)."""
        random = np.random.default_rng(seed)
        p = self.theta * self.q1 + (1 - self.theta) * (1 - self.q0)
        return (
            random.binomial(self.n, p, runs),
            random.binomial(self.m1, self.q1, runs),
            random.binomial(self.m0, self.q0, runs),
        )

    def records(self, runs: int, *, seed: int = 21) -> Iterator[tuple[int, JudgeRecord]]:
        for flagged, a, b in zip(*self.draw(runs, seed=seed), strict=True):
            yield int(flagged), JudgeRecord(int(a), self.m1, int(b), self.m0)


TABLE = {
    World(0.10, 0.90, 0.90, 500, 100, 100): (0.001, 0.70, 0.950, 0.948),
    World(0.10, 0.92, 0.385, 500, 100, 100): (0.000, 0.80, 0.958, 0.949),
    World(0.02, 0.90, 0.95, 500, 100, 100): (0.002, 0.83, 0.956, 0.942),
    World(0.30, 0.80, 0.90, 1000, 50, 50): (0.90, 0.56, 0.953, 0.940),
    World(0.05, 0.95, 0.98, 300, 30, 70): (0.85, 0.83, 0.984, 0.965),
}
"""Table 1.8 of the dossier: coverage of the raw rate, of Rogan-Gladen with errors taken as exact, of the plug-in
interval of Lee et al., and of Jeffreys posteriors; each at a nominal .95."""

Z = stats.norm.isf(0.025)


@pytest.mark.parametrize("world", TABLE, ids=str)
def test_what_is_not_done_here_covers_as_seldom_as_tabled(world):
    # Oracle: table 1.8, raw (Wald) and errors taken as exact (garak's way): why neither decides anything.
    flagged, a, b = world.draw(20_000)
    p, youden = flagged / world.n, a / world.m1 + b / world.m0 - 1
    margin = Z * np.sqrt(p * (1 - p) / world.n)
    corrected = np.clip((p + b / world.m0 - 1) / youden, 0, 1)

    assert np.mean(abs(p - world.theta) <= margin) == pytest.approx(TABLE[world][0], abs=0.012)
    assert np.mean(abs(corrected - world.theta) <= margin / youden) == pytest.approx(TABLE[world][1], abs=0.015)


def plug_in(world: World, flagged: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of Lee et al. as section 1.8 has it."""
    n, q1, q0 = world.n + Z * Z, (a + 1) / (world.m1 + 2), (b + 1) / (world.m0 + 2)
    p = (flagged + Z * Z / 2) / n
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    noise0, noise1 = q0 * (1 - q0) / world.m0, q1 * (1 - q1) / world.m1
    centre = theta + 2 * Z * Z * (theta * noise1 - (1 - theta) * noise0)
    margin = Z * np.sqrt(p * (1 - p) / n + (1 - theta) ** 2 * noise0 + theta**2 * noise1) / (q0 + q1 - 1)
    return np.clip(centre - margin, 0, 1), np.clip(centre + margin, 0, 1)


@pytest.mark.parametrize("world", TABLE, ids=str)
def test_the_plug_in_interval_covers_as_tabled(world):
    # Oracle: table 1.8. It decides nothing here; where it misleads is tested below.
    low, high = plug_in(world, *world.draw(20_000))

    assert np.mean((low <= world.theta) & (world.theta <= high)) == pytest.approx(TABLE[world][2], abs=0.012)


@pytest.mark.parametrize("world", [w for w in TABLE if w.q0 > 0.5], ids=str)
def test_the_posterior_interval_covers_as_tabled(world):
    held = []
    for seed, (flagged, judge) in enumerate(world.records(300)):
        try:
            low, high = judged_rate_bayes(flagged, world.n, judge=judge, seed=seed, draws=1000).interval
        except NotEnoughDataError:
            low, high = 1.0, 0.0
        held.append(low <= world.theta <= high)

    assert np.mean(held) == pytest.approx(TABLE[world][3], abs=0.045)


def misses(world: World, *, runs: int, confidence: float) -> tuple[float, float, float]:
    """Share of the runs in which a rate is given, and in which its lower and upper end miss the truth."""
    given = above = below = 0
    for flagged, judge in world.records(runs, seed=22):
        try:
            low, high = judged_rate(flagged, world.n, judge=judge, confidence=confidence).interval
        except NotEnoughDataError:
            continue
        given += 1
        above += low > world.theta + 1e-9
        below += high < world.theta - 1e-9
    return given / runs, above / runs, below / runs


def holds(world: World, *, runs: int, errors: float) -> None:
    given, above, below = misses(world, runs=runs, confidence=0.95)
    # Of the intervals that are given, not only of all worlds; that half of the records are refused may flatter.
    assert (above + below) / given <= 0.05 + errors * math.sqrt(0.05 * 0.95 / (given * runs))
    given, above, below = misses(world, runs=runs, confidence=0.90)
    for missed in (above, below):
        assert missed <= 0.05 + errors * math.sqrt(0.05 * 0.95 / runs)
        if given > 0.98:
            assert missed / given <= 0.05 + errors * math.sqrt(0.05 * 0.95 / (given * runs))


HARD = [
    World(0.10, 0.92, 0.385, 500, 100, 100),
    World(0.01, 0.92, 0.385, 2000, 15, 15),
    World(0.5, 0.65, 0.65, 2000, 500, 500),
    World(0.0, 0.65, 0.65, 300, 30, 200),
    World(1.0, 0.385, 0.92, 300, 200, 30),
    World(0.99, 0.7, 0.7, 2000, 30, 200),
    World(0.3, 0.8, 0.9, 50, 15, 15),
    World(0.05, 0.99, 0.99, 2000, 200, 30),
    World(0.1, 0.9, 0.9, 2000, 500, 500),
    World(0.9, 0.99, 0.99, 300, 30, 200),
]


@pytest.mark.parametrize("world", [*TABLE, *HARD], ids=str)
def test_an_interval_misses_at_most_as_often_as_it_says(world):
    # Oracle: simulation with known truth, 3 standard errors: near the limit of fitness, at 0 and 1, few labels.
    holds(world, runs=400, errors=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("q1", "q0"), [(0.65, 0.65), (0.92, 0.385), (0.9, 0.5), (0.8, 0.8), (0.95, 0.98), (0.99, 0.99)]
)
@pytest.mark.parametrize("theta", [0.0, 0.02, 0.1, 0.5, 0.9, 0.98, 1.0])
def test_an_interval_misses_at_most_as_often_as_it_says_over_the_whole_grid(theta, q1, q0):
    for n in (50, 300, 2000):
        for m1, m0 in ((15, 15), (30, 200), (200, 30), (500, 500)):
            for turned in (World(theta, q1, q0, n, m1, m0), World(theta, q0, q1, n, m1, m0)):
                # 1,008 cells are tested: 4 standard errors, so that the test itself raises no false alarm.
                holds(turned, runs=400, errors=4)


def test_the_plug_in_interval_would_mislead_at_the_edge_of_fitness():
    # Oracle: simulation; of the intervals that are given for such judges the plug-in misses in 10 to 16 %, not 5 %.
    world = World(0.01, 0.92, 0.385, 2000, 15, 15)
    flagged, a, b = world.draw(20_000)
    fit = a / world.m1 + b / world.m0 - 1 >= MIN_YOUDEN
    low, high = plug_in(world, flagged[fit], a[fit], b[fit])

    assert 0.4 <= fit.mean() <= 0.6
    assert np.mean((low > 0.01) | (high < 0.01)) > 0.08


def test_a_good_judge_with_many_labels_costs_little_width():
    # Oracle: the plug-in interval, which covers as it says where the judge is good.
    world = World(0.3, 0.9, 0.9, 1000, 500, 500)
    low, high = plug_in(world, *(np.array([x]) for x in (340, 450, 450)))
    found = judged_rate(340, 1000, judge=JudgeRecord(450, 500, 450, 500)).interval

    assert found.high - found.low <= 1.12 * (high - low)[0]


def test_the_point_undoes_known_errors():
    judge = JudgeRecord(900, 1000, 800, 1000)
    for theta in (0.0, 0.1, 0.5, 1.0):
        flagged = round(10_000 * (theta * 0.9 + (1 - theta) * 0.2))
        assert rogan_gladen(flagged, 10_000, judge=judge) == pytest.approx(theta, abs=1e-9)


def test_a_perfect_judge_with_endless_labels_leaves_the_rate_as_it_is():
    judge = JudgeRecord(10**7, 10**7, 10**7, 10**7)
    found = judged_rate(95, 100, judge=judge)

    assert found.value == pytest.approx(0.95)
    assert found.interval == pytest.approx(clopper_pearson(95, 100), abs=1e-4)


def test_a_judge_that_is_hardly_better_than_chance_is_refused():
    # Oracle: garak's published MitigationBypass figures, Se .9213 and Sp .3854, give .307; a little less is unfit.
    judged_rate(645, 1000, judge=JudgeRecord(9213, 10_000, 3854, 10_000))
    with pytest.raises(NotEnoughDataError, match="not fit"):
        judged_rate(645, 1000, judge=JudgeRecord(9100, 10_000, 3854, 10_000))


@pytest.mark.parametrize(("theta", "hits"), [(0.0, 0.615), (0.1, 0.645)])
def test_the_point_undoes_the_hits_of_a_detector_that_hardly_knows_a_refusal(theta, hits):
    # Oracle: section 1.8, hits of garak's MitigationBypass (Se .9213, Sp .3854) on models of known rate.
    judge = JudgeRecord(9213, 10_000, 3854, 10_000)

    assert theta * judge.sensitivity + (1 - theta) * (1 - judge.specificity) == pytest.approx(hits, abs=6e-4)
    assert rogan_gladen(round(1000 * hits), 1000, judge=judge) == pytest.approx(theta, abs=3e-3)


def test_a_judge_that_was_never_measured_gives_no_rate():
    for judge in (JudgeRecord(0, 0, 9, 10), JudgeRecord(9, 10, 0, 0)):
        with pytest.raises(NotEnoughDataError, match="never measured"):
            judged_rate(1, 10, judge=judge)


@given(st.integers(1, 200), st.data(), st.integers(5, 60), st.integers(5, 60))
def test_an_interval_is_never_of_width_zero_and_holds_the_value(n, data, m1, m0):
    flagged = data.draw(st.integers(0, n))
    judge = JudgeRecord(m1 - m1 // 10, m1, m0 - m0 // 10, m0)
    found = judged_rate(flagged, n, judge=judge)

    assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 1.0
    assert found.interval.high > found.interval.low


@given(st.integers(0, 99))
def test_one_more_flag_never_lowers_the_rate(flagged):
    for judge in (JudgeRecord(27, 30, 24, 30), JudgeRecord(15, 15, 6, 15), JudgeRecord(1, 1, 1, 1)):
        one, two = (judged_rate(x, 100, judge=judge) for x in (flagged, flagged + 1))

        assert two.value >= one.value
        assert two.interval.low >= one.interval.low - 1e-9
        assert two.interval.high >= one.interval.high - 1e-9


@given(st.integers(0, 100))
def test_swapping_what_counts_mirrors_the_interval(flagged):
    one = judged_rate(flagged, 100, judge=JudgeRecord(27, 30, 50, 60))
    other = judged_rate(100 - flagged, 100, judge=JudgeRecord(50, 60, 27, 30))

    assert other.value == pytest.approx(1 - one.value)
    assert other.interval == pytest.approx((1 - one.interval.high, 1 - one.interval.low), abs=1e-9)


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf"), 1.0, "1", -1])
def test_what_is_no_number_is_refused(bad):
    for flagged, judged, record in ((bad, 10, (9, 10, 9, 10)), (1, bad, (9, 10, 9, 10)), (1, 10, (bad, 10, 9, 10))):
        with pytest.raises(StatisticsError):
            judged_rate(flagged, judged, judge=JudgeRecord(*record))


def test_the_posterior_depends_on_the_seed_alone():
    judge = JudgeRecord(27, 30, 24, 30)
    one, two, three = (judged_rate_bayes(40, 100, judge=judge, seed=seed) for seed in (1, 1, 2))

    assert one == two
    assert one != three


def test_a_record_that_contradicts_the_flags_is_refused_by_the_posterior():
    judge = JudgeRecord(99_000, 100_000, 60_000, 100_000)
    with pytest.raises(NotEnoughDataError, match="record"):
        judged_rate_bayes(0, 10_000, judge=judge, seed=1)


def test_items_that_share_a_source_weigh_as_fewer_independent_ones():
    judge = JudgeRecord(90, 100, 95, 100)
    shared, fewer = judged_rate(80, 400, judge=judge, design_effect=4.0), judged_rate(20, 100, judge=judge)

    assert shared == fewer
    assert judged_rate(80, 400, judge=judge, design_effect=1.0) == judged_rate(80, 400, judge=judge)
    for effect in (0.5, float("nan")):
        with pytest.raises(StatisticsError, match="design effect"):
            judged_rate(80, 400, judge=judge, design_effect=effect)


def test_what_is_no_count_is_refused():
    with pytest.raises(StatisticsError):
        judged_rate(True, 10, judge=JudgeRecord(9, 10, 9, 10))
    with pytest.raises(StatisticsError):
        judged_rate(1, 10, judge=JudgeRecord(11, 10, 9, 10))
    with pytest.raises(NotEnoughDataError):
        judged_rate(0, 0, judge=JudgeRecord(9, 10, 9, 10))
    with pytest.raises(StatisticsError, match="draws"):
        judged_rate_bayes(1, 10, judge=JudgeRecord(9, 10, 9, 10), seed=1, draws=10)
