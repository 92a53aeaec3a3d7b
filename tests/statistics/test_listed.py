"""Means of a finite list: exact sums over every subset, scipy's hypergeometric, and simulations of known lists."""

import itertools

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import Extent, clopper_pearson, random_subset, subset_power, whole_list

List = list[np.ndarray]
"""Scores of each source."""


def test_a_list_asked_in_full_is_itself_give_or_take_one_item() -> None:
    found = whole_list([1.0] * 19 + [0.0], low=0.0, high=1.0)

    assert found.value == 0.95
    assert found.interval == pytest.approx((0.90, 1.0))


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [0.3, 0.3, 0.3], [2.0] * 50])
def test_the_interval_of_a_whole_list_never_has_width_0_and_stays_in_range(values: list[float]) -> None:
    found = whole_list(values, low=0.0, high=2.0)

    assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 2.0
    assert found.interval.high > found.interval.low


def test_no_single_item_can_move_a_whole_list_out_of_its_interval() -> None:
    rng = default_rng(0)
    values = rng.random(25)

    low, high = whole_list(values.tolist(), low=0.0, high=1.0).interval

    for place, other in itertools.product(range(25), (0.0, 1.0)):
        changed = values.copy()
        changed[place] = other
        assert low <= changed.mean() <= high


@pytest.mark.parametrize(("population", "drawn"), [(30, 6), (30, 15), (30, 27), (60, 40)])
def test_the_share_of_a_list_is_missed_by_either_end_in_at_most_its_nominal_share_exactly(
    population: int, drawn: int
) -> None:
    """Oracle: scipy's hypergeometric distribution, summed over every outcome of every list of that length."""
    of = Extent(population, population)
    ends = [random_subset(_bits(hits, drawn), range(drawn), of=of, low=0.0, high=1.0, confidence=0.9) for hits in range(drawn + 1)]  # fmt: skip

    for good in range(population + 1):
        chance = stats.hypergeom.pmf(np.arange(drawn + 1), population, good, drawn)
        truth = good / population
        assert sum(c for c, e in zip(chance, ends, strict=True) if e.interval.low > truth + 1e-12) <= 0.05
        assert sum(c for c, e in zip(chance, ends, strict=True) if e.interval.high < truth - 1e-12) <= 0.05
    assert all(e.interval.low < e.interval.high for e in ends)
    assert {e.method for e in ends} == {"hypergeometric"}


def of_single_items(rng: Generator) -> List:
    return [np.array([x]) for x in rng.beta(0.3, 2.0, 120)]


def of_bits(rng: Generator) -> List:
    return [(rng.random(rng.integers(1, 9)) < rng.beta(4.0, 0.5)).astype(float) for _ in range(120)]


def of_bits_where_long_sources_are_better(rng: Generator) -> List:
    return [(rng.random(m) < 0.5 + 0.5 * (m > 6)).astype(float) for m in rng.integers(1, 13, 120)]


def of_marks(rng: Generator) -> List:
    return [rng.beta(2.0, 0.4, rng.integers(1, 4)) for _ in range(120)]


@pytest.mark.parametrize("share", [0.5, 0.85])
@pytest.mark.parametrize(
    "make", [of_single_items, of_bits, of_bits_where_long_sources_are_better, of_marks], ids=lambda f: f.__name__
)
def test_the_corrected_interval_covers_the_mean_of_a_known_list(make, share: float) -> None:  # type: ignore[no-untyped-def]
    """Simulation with known truth: the mean of the whole list. Parts are drawn as plans draw them, the last source cut.

    Either end misses in at most its nominal 5 %, within three standard errors of the simulation; and the interval is
    narrower than one that takes the list for a population, which is what the correction is for.
    """
    rng = default_rng(11)
    sources = make(rng)
    truth, items = float(np.concatenate(sources).mean()), sum(map(len, sources))
    repeats, of = 250, Extent(items, len(sources))
    above = below = 0
    widths = []
    for _ in range(repeats):
        values, clusters = _part(rng, sources, round(share * items))
        found = random_subset(values, clusters, of=of, low=0.0, high=1.0, confidence=0.9)
        loose = random_subset(values, clusters, of=None, low=0.0, high=1.0, confidence=0.9)
        above += found.interval.low > truth + 1e-12
        below += found.interval.high < truth - 1e-12
        widths.append((found.interval.high - found.interval.low) / (loose.interval.high - loose.interval.low))

    most = 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / repeats)
    assert above / repeats <= most
    assert below / repeats <= most
    assert np.mean(widths) < np.sqrt(1.0 - share) * 1.1


def test_the_factor_is_cochrans_for_the_sources_drawn() -> None:
    """Oracle: sqrt((M - m) / (M - 1)) by hand, 60 of 200 single items."""
    values = [0.2, 0.4, 0.9] * 20

    part, loose = (
        random_subset(values, range(60), of=of, low=0.0, high=1.0, confidence=0.9) for of in (Extent(200, 200), None)
    )

    assert part.interval.high - part.value == pytest.approx(
        np.sqrt(140.0 / 199.0) * (loose.interval.high - loose.value)
    )


def test_sources_of_several_items_count_one_less_because_the_limit_may_have_cut_the_last() -> None:
    values, clusters = [1.0, 0.0, 1.0, 1.0] * 10, [i // 2 for i in range(40)]

    part, loose = (random_subset(values, clusters, of=of, low=0.0, high=1.0) for of in (Extent(100, 50), None))

    assert part.value - part.interval.low == pytest.approx(np.sqrt(31.0 / 49.0) * (loose.value - loose.interval.low))
    assert part.method == "korn-graubard-fpc"


def test_sources_that_were_not_drawn_may_hide_what_none_of_the_drawn_shows() -> None:
    """Oracle: scipy's hypergeometric. 20 perfect sources of 40 leave room for 4 bad ones at 5 %, not for 5."""
    assert stats.hypergeom.cdf(0, 40, 4, 19) > 0.05 > stats.hypergeom.cdf(0, 40, 5, 19)

    found = random_subset(
        [1.0] * 60, [i // 3 for i in range(60)], of=Extent(120, 40), low=0.0, high=1.0, confidence=0.9
    )

    assert found.interval.low <= 1.0 - 4.0 / 40.0
    assert found.interval.low > clopper_pearson(20, 20, confidence=0.9).low


def test_what_is_no_part_of_the_list_is_refused() -> None:
    with pytest.raises(StatisticsError, match="no part of"):
        random_subset([1.0, 0.0], "ab", of=Extent(1, 1), low=0.0, high=1.0)
    with pytest.raises(NotEnoughDataError, match="one cluster"):
        random_subset([1.0, 0.0], "aa", of=Extent(9, 5), low=0.0, high=1.0)


@pytest.mark.parametrize(("direction", "bound", "true"), [("at_least", 0.8, 0.9), ("at_most", 0.2, 0.08)])
def test_power_of_a_part_is_the_share_of_subsets_whose_own_bound_passes(direction, bound: float, true: float) -> None:  # type: ignore[no-untyped-def]
    """Oracle: the interval itself at every outcome, weighed by scipy's hypergeometric."""
    of = Extent(150, 150)
    good = round(true * 150)
    expected = 0.0
    for hits in range(61):
        low, high = random_subset(_bits(hits, 60), range(60), of=of, low=0.0, high=1.0, confidence=0.9).interval
        if (low >= bound) if direction == "at_least" else (high <= bound):
            expected += float(stats.hypergeom.pmf(hits, 150, good, 60))

    assert subset_power(60, true, population=150, bound=bound, direction=direction) == pytest.approx(expected)


@pytest.mark.parametrize(("true", "passes"), [(0.9, 1.0), (0.81, 1.0), (0.805, 0.0), (0.8, 0.0), (0.5, 0.0)])
def test_a_whole_list_passes_surely_from_one_item_beyond_the_limit_on(true: float, passes: float) -> None:
    assert subset_power(100, true, population=100, bound=0.8, direction="at_least") == passes


def _bits(hits: int, n: int) -> list[float]:
    return [1.0] * hits + [0.0] * (n - hits)


def _part(rng: Generator, sources: List, limit: int) -> tuple[list[float], list[int]]:
    values: list[float] = []
    clusters: list[int] = []
    for source in rng.permutation(len(sources)):
        room = limit - len(values)
        own = sources[source] if len(sources[source]) <= room else rng.choice(sources[source], room, replace=False)
        values += own.tolist()
        clusters += [int(source)] * len(own)
        if len(values) == limit:
            break
    return values, clusters
