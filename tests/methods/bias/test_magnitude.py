"""Oracle: simulation with known truth at the limit, where a verdict is hardest."""

import numpy as np
import pytest

from verify.errors import NotEnoughDataError
from verify.methods.bias.magnitude import contrasts, gap_of, magnitude, mean_of
from verify.methods.estimating import Sample
from verify.records import Levels

LEVELS = Levels()
RUNS = 600
SLACK = 3 * (0.05 * 0.95 / RUNS) ** 0.5


def leaning(rng: np.random.Generator, *, d: float, clusters: int, each: int = 4) -> Sample:
    """Items in {-1, 0, 1} whose mean is d in expectation; clusters differ among themselves."""
    centres = np.clip(d + rng.normal(0.0, 0.15, clusters), -1.0, 1.0)
    values, names = [], []
    for cluster, centre in enumerate(centres):
        up = rng.random(each) < (0.3 + centre / 2)
        down = rng.random(each) < (0.3 - centre / 2)
        values += [float(u) - float(v) for u, v in zip(up, down, strict=True)]
        names += [f"c{cluster}"] * each
    return Sample(values, names)


@pytest.mark.parametrize("d", [0.1, -0.1, 0.0])
def test_neither_bound_of_a_single_difference_errs_more_often_than_alpha(d: float) -> None:
    rng = np.random.default_rng(1)
    below = above = 0
    for _ in range(RUNS):
        sample = leaning(rng, d=d, clusters=60)
        found = magnitude([mean_of(sample, reach=1.0)], levels=LEVELS, n=240, method="m")
        below += found.bounds.high < abs(d)
        above += found.bounds.low > abs(d)
        assert found.interval.low <= found.value <= found.interval.high
        assert found.bounds.low <= found.value <= found.bounds.high

    assert below / RUNS <= 0.05 + SLACK
    assert above / RUNS <= 0.05 + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("true", [(0.2, 0.0, 0.0, 0.0, 0.0), (0.2, -0.2, 0.2, -0.2, 0.2), (0.0,) * 5])
def test_neither_bound_of_the_worst_of_five_errs_more_often_than_alpha(true: tuple[float, ...]) -> None:
    rng = np.random.default_rng(2)
    below = above = 0
    for _ in range(RUNS):
        parts = [mean_of(leaning(rng, d=d, clusters=12), reach=1.0) for d in true]
        found = magnitude(parts, levels=LEVELS, n=240, method="m")
        below += found.bounds.high < max(map(abs, true))
        above += found.bounds.low > max(map(abs, true))

    assert below / RUNS <= 0.05 + SLACK
    assert above / RUNS <= 0.05 + SLACK


def test_a_large_difference_of_one_part_is_found_among_five() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(50):
        parts = [mean_of(leaning(rng, d=d, clusters=12), reach=1.0) for d in (0.0, 0.0, -0.6, 0.0, 0.0)]
        found += magnitude(parts, levels=LEVELS, n=240, method="m").bounds.low > 0.1

    assert found >= 48


def test_the_sign_does_not_matter() -> None:
    sample = leaning(np.random.default_rng(4), d=0.3, clusters=30)
    mirrored = Sample([-value for value in sample.values], sample.clusters)

    one, two = (magnitude([mean_of(part, reach=1.0)], levels=LEVELS, n=120, method="m") for part in (sample, mirrored))

    assert one.value == pytest.approx(two.value)
    assert tuple(one.bounds) == pytest.approx(tuple(two.bounds))


def test_no_bias_at_all_still_has_an_upper_bound() -> None:
    silent = Sample([0.0] * 48, [f"c{i // 4}" for i in range(48)])

    found = magnitude([mean_of(silent, reach=1.0)], levels=LEVELS, n=48, method="m")

    assert found.bounds.low == 0.0
    assert found.bounds.high == pytest.approx(1 - 0.05 ** (1 / 12))


def test_the_poorest_part_counts_for_the_clusters() -> None:
    rich, poor = Sample([0.0] * 9, list("aabbccdde")), Sample([0.0] * 4, list("xxyy"))

    found = magnitude([mean_of(rich, reach=1.0), mean_of(poor, reach=1.0)], levels=LEVELS, n=13, method="m")

    assert found.n_clusters == 2
    gap = gap_of(Sample([0.0, 1.0, 1.0], list("abc")), Sample([0.0, 1.0], list("ab")))
    assert gap(0.95).n_clusters == 2


def test_contrasts_pair_what_the_same_items_measured() -> None:
    clusters = {"i": "a", "j": "b", "k": "c"}

    (one,) = contrasts([{"i": 1.0, "j": 0.0}, {"i": -1.0, "j": 0.0, "k": 1.0}], clusters, reach=1.0)

    assert one(0.95).value == 1.0
    assert contrasts([{"i": 1.0}, {"k": 1.0}], clusters, reach=1.0) == []


def test_nothing_compared_is_not_measured() -> None:
    with pytest.raises(NotEnoughDataError):
        magnitude([], levels=LEVELS, n=0, method="m")
