"""Claims about means of bounded values: sizes at the limit by simulation with known truth, agreement of p and bound."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import BoundedMean, betting_interval, betting_p, inverted

LOSS = 0.05
"""True mean loss in the simulations, and the limit that must not be passed."""

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def sizes(rng: np.random.Generator, *, clusters: int, mean: int, unequal: bool) -> np.ndarray:
    """Items of each cluster; unequal ones are lognormal(1)."""
    if not unequal:
        return np.full(clusters, mean)
    return np.maximum(1, np.round(mean * rng.lognormal(-0.5, 1.0, clusters))).astype(int)


def losses(kind: str, *, clusters: int, mean: int, unequal: bool, icc: float = 0.3) -> Draw:
    """Losses of mean `LOSS` whose items share a cause within a cluster."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        names = np.repeat(np.arange(clusters), sizes(rng, clusters=clusters, mean=mean, unequal=unequal))
        n = names.size
        if kind in {"normal", "lognormal"}:
            z = math.sqrt(icc) * rng.normal(size=clusters)[names] + math.sqrt(1.0 - icc) * rng.normal(size=n)
            lost = LOSS + 0.15 * z if kind == "normal" else LOSS * np.exp(0.8 * z - 0.32)
            return -lost.clip(-1.0, 1.0), names
        share, gain = {"rare": (0.1, 0.0), "mixed": (0.15, 0.02)}[kind]
        hit = np.where(rng.random(n) < math.sqrt(icc), rng.random(clusters)[names], rng.random(n)) < share
        return np.where(hit, -(LOSS + (1.0 - share) * gain) / share, gain), names

    return draw


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize(("clusters", "mean"), [(8, 15), (20, 6), (40, 5)])
@pytest.mark.parametrize("kind", ["normal", "lognormal", "rare", "mixed"])
def test_a_mean_at_the_limit_passes_in_at_most_alpha(kind: str, clusters: int, mean: int, unequal: bool) -> None:
    """Simulation with known truth, 250 runs, intra-cluster correlation 0.3: simulation error 3 * 0.0138.

    The t interval alone passes the mixed losses in 20 unequal clusters in 24 % of 1,500 runs.
    """
    rng, draw = np.random.default_rng(clusters), losses(kind, clusters=clusters, mean=mean, unequal=unequal)
    passed = 0
    for _ in range(250):
        values, names = draw(rng)
        found = BoundedMean(values.tolist(), names.tolist(), low=-1.0, high=1.0)
        if found.steady:
            passed += found.interval(0.9).low > -LOSS
        else:
            p = betting_p(values.tolist(), null=-LOSS, side="above", low=-1.0, high=1.0, clusters=names.tolist())
            passed += p <= 0.05

    assert passed / 250 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 250)


def test_dense_values_of_many_clusters_keep_the_t_interval() -> None:
    """Simulation with known truth: 200 normal differences, the size is alpha, not less."""
    rng, draw = np.random.default_rng(2), losses("normal", clusters=200, mean=1, unequal=False, icc=0.0)
    found = [BoundedMean(*(column.tolist() for column in draw(rng)), low=-1.0, high=1.0) for _ in range(400)]

    passed = sum(each.steady and each.interval(0.9).low > -LOSS for each in found) / 400
    assert passed == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 400))


@pytest.mark.parametrize("kind", ["normal", "rare"])
def test_p_and_bound_agree_at_alpha(kind: str) -> None:
    rng, draw = np.random.default_rng(3), losses(kind, clusters=40, mean=3, unequal=True)
    for _ in range(5):
        values, names = draw(rng)
        found = BoundedMean(values.tolist(), names.tolist(), low=-1.0, high=1.0)
        low, high = found.interval(0.9)
        for null in (low - 1e-6, low + 1e-6):
            assert (found.p(null, side="above", alpha=0.05) <= 0.05) == (low > null)
        for null in (high - 1e-6, high + 1e-6):
            assert (found.p(null, side="below", alpha=0.05) <= 0.05) == (high < null)


def test_values_that_do_not_vary_get_the_bet() -> None:
    """Oracle: n zeros exclude a loss of m at alpha where the mean over stakes of (1 + u m / (1 - m))^n is 1 / alpha."""
    stakes = np.arange(1, 201) / 201.0
    enough = next(n for n in range(1, 500) if (1.0 + stakes * 0.05 / 0.95).__pow__(n).mean() >= 20.0)
    for n in (enough - 1, enough):
        found = BoundedMean([0.0] * n, range(n), low=-1.0, high=1.0)

        assert not found.steady
        assert (found.interval(0.9).low > -0.05) == (n == enough)


def test_items_that_repeat_their_cluster_change_nothing() -> None:
    rng = np.random.default_rng(4)
    values = rng.uniform(-1.0, 0.2, 15).tolist()
    once = betting_interval(values, low=-1.0, high=1.0)
    often = betting_interval(
        np.repeat(values, 4).tolist(), low=-1.0, high=1.0, clusters=np.repeat(range(15), 4).tolist()
    )

    assert often == pytest.approx(once, abs=1e-9)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="one cluster"):
        BoundedMean([0.1, 0.2], ["a", "a"], low=-1.0, high=1.0)
    with pytest.raises(StatisticsError, match="outside"):
        BoundedMean([0.1, 2.0], ["a", "b"], low=-1.0, high=1.0)
    with pytest.raises(StatisticsError, match="null"):
        betting_p([0.1, 0.2], null=1.0, side="above")


def test_the_inversion_finds_the_level_within_a_per_cent() -> None:
    assert inverted(lambda at: at >= 0.003, alpha=0.05) == pytest.approx(0.003, rel=0.011)
    assert inverted(lambda at: at >= 0.2, alpha=0.05) == pytest.approx(0.2, rel=0.011)
    assert inverted(lambda _: False, alpha=0.05) == 1.0
