"""Whether stated probabilities can be relied on: Brier score, expected calibration error."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics.clusters import ClusteredEstimate, clustered_mean


class CalibrationError(NamedTuple):
    """Expected calibration error beside what a perfectly calibrated subject would show on the same items."""

    value: float
    """As computed; biased upwards by the binning."""
    null_mean: float
    """Its mean for outcomes drawn from the stated probabilities themselves."""
    excess: float
    """Value less null mean, at least 0: what is left of it without the bias."""
    p: float
    """P-value of "the probabilities are calibrated"."""
    n: int
    n_clusters: int
    n_bins: int


def brier(
    probabilities: Sequence[float],
    outcomes: Sequence[bool | int],
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> ClusteredEstimate:
    """Brier score, the mean squared error of stated probabilities, with its cluster-robust interval.

    Args:
        probabilities: Stated for each item, in [0, 1], shape (n_items,).
        outcomes: 1 where it came true, else 0, shape (n_items,).
        clusters: Source of each item, shape (n_items,); each item its own where None.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        The score in [0, 1], 0 being perfect.

    Raises:
        NotEnoughDataError: No item, or one cluster only.
        StatisticsError: Lengths differ, or a value is out of range.

    References:
        Brier (1950), https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """
    stated, true = _stated(probabilities, outcomes)
    sources: Sequence[Hashable] = range(true.size) if clusters is None else clusters
    return clustered_mean(((stated - true) ** 2).tolist(), sources, confidence=confidence, low=0.0, high=1.0)


def expected_calibration_error(
    probabilities: Sequence[float],
    outcomes: Sequence[bool | int],
    *,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
    bins: int = 15,
    draws: int = 1000,
) -> CalibrationError:
    """Expected calibration error over bins of equal mass, judged against its own null distribution.

    The null draws outcomes from the stated probabilities: binning bias, number of items and the skew of the
    probabilities are all in it. Items of one cluster come true by one common draw, the strongest dependence
    that leaves each probability what it is, so that clusters cannot pass for a miscalibration.

    Args:
        probabilities: Stated for each item, in [0, 1], shape (n_items,).
        outcomes: 1 where it came true, else 0, shape (n_items,).
        seed: Of the null's draws.
        clusters: Source of each item, shape (n_items,); each item its own where None.
        bins: Bins of equal mass, at least 1; at least two items must fall to each.
        draws: Draws from the null, at least 100.

    Returns:
        The error, its null mean and its p-value.

    Raises:
        NotEnoughDataError: Fewer than two items a bin.
        StatisticsError: Lengths differ, or a value is out of range.

    References:
        Guo et al. (2017), https://arxiv.org/abs/1706.04599; Vaicenavicius et al. (2019),
        https://arxiv.org/abs/1902.06977 (consistency resampling).
    """
    stated, true = _stated(probabilities, outcomes)
    count, repeats = _checks.count(bins, "bins"), _checks.count(draws, "draws")
    if count < 1 or repeats < 100:
        raise StatisticsError(f"there must be at least 1 bin and 100 draws, not {bins} and {draws}")
    if stated.size < 2 * count:
        raise NotEnoughDataError(
            f"{stated.size} items do not fill {count} bins: take {max(stated.size // 2, 1)} or fewer"
        )
    codes = _checks.coded(range(true.size) if clusters is None else clusters, n_items=true.size)
    order = np.argsort(stated, kind="stable")
    starts = np.linspace(0, stated.size, count + 1).astype(np.int64)[:-1]

    def error(came_true: _checks.Floats) -> float:
        return float(np.abs(np.add.reduceat((stated - came_true)[order], starts)).sum()) / stated.size

    value, source = error(true), np.random.default_rng(seed)
    null = np.array(
        [error((source.random(codes.n_clusters)[codes.of_item] < stated).astype(np.float64)) for _ in range(repeats)]
    )
    # Sums in another order differ in the last bits; a tie must not count as less.
    p = (1.0 + float((null >= value - 1e-12).sum())) / (repeats + 1.0)
    centre = float(null.mean())
    return CalibrationError(value, centre, max(value - centre, 0.0), p, true.size, codes.n_clusters, count)


def _stated(probabilities: Sequence[float], outcomes: Sequence[bool | int]) -> tuple[_checks.Floats, _checks.Floats]:
    stated, true = _checks.fractions(probabilities, "probabilities"), _checks.zeros_and_ones(outcomes, "outcomes")
    if stated.size != true.size:
        raise StatisticsError(f"{stated.size} probabilities for {true.size} outcomes")
    return stated, true
