"""A mean from few human labels and many judge labels: prediction-powered inference with a tuned weight (PPI++).

The human labels alone say what is true; the judge's only make the estimate steadier. A useless judge gets the
weight 0, a biased one is corrected by the labelled items, and none is believed.
"""

import math
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics.clusters import clustered_mean, several
from verify.statistics.intervals import Interval

MIN_LABELLED_CLUSTERS: Final = 20
"""Independent labelled items under which the weight, tuned on the same labels, is not to be trusted."""


class PoweredMean(NamedTuple):
    """A mean of human labels, steadied by a judge."""

    value: float
    interval: Interval
    standard_error: float
    weight: float
    """Of the judge, in [0, 1]; 0 where it tells nothing."""
    gain: float
    """Variance of the mean of the human labels alone over that of the estimate: as if so many times as many, >= 1."""


def powered_mean(
    labels: Sequence[float],
    judged: Sequence[float],
    judged_alone: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    clusters_alone: Sequence[Hashable] | None = None,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float = 0.95,
) -> PoweredMean:
    """Mean of what a human would say of all items, where a human has labelled a random part of them.

    With human labels y and judge labels f of the same items, and judge labels g of the items without a human label,
    the estimate is mean(y - w f) + w mean(g). It is right on average for every w, whatever the judge's errors; the
    weight is the one of least variance, cov(y, f) / (var(f) + var(g)) of the means, limited to [0, 1].

    Both parts get the interval of `clustered_mean` for skewed scores in their declared range, so that few items,
    rare events and shared sources are allowed for, and their margins are added as squares.

    Args:
        labels: Human label of each labelled item, shape (n,); the items must be drawn at random.
        judged: The judge's label of the same items, in the same order, shape (n,).
        judged_alone: The judge's label of each item without a human label, shape (N,).
        clusters: Source of each labelled item, shape (n,); each item its own where None.
        clusters_alone: Source of each other item, shape (N,). No source may be on both sides: whole sources are
            labelled, or none of their items.
        low: Least value that a label can take.
        high: Greatest value that a label can take.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        The mean in the unit of the labels, within [low, high].

    Raises:
        NotEnoughDataError: Fewer than `MIN_LABELLED_CLUSTERS` labelled sources, or fewer than two others.
        StatisticsError: Lengths differ, a label is not a finite number or outside the range, or a source is on both
            sides.

    Examples:
        >>> human, judge = [1, 0] * 20, [1, 0] * 20
        >>> found = powered_mean(human, judge, [1, 0, 1] * 200)
        >>> f"{found.value:.3f} {found.weight:.2f} {found.gain:.1f}"
        '0.658 0.95 18.3'

    References:
        Angelopoulos, Duchi and Zrnic (2023), PPI++, https://arxiv.org/abs/2311.01453
    """
    human, paired, alone = (
        _checks.finite(values, name)
        for values, name in ((labels, "labels"), (judged, "judged"), (judged_alone, "judged_alone"))
    )
    if human.size != paired.size:
        raise StatisticsError(f"{human.size} human labels against {paired.size} of the judge: give both for each item")
    for values in (human, paired, alone):
        _checks.span_of(values, low=low, high=high)
    sources: Sequence[Hashable] = [("labelled", i) for i in range(human.size)] if clusters is None else clusters
    others: Sequence[Hashable] = [("alone", i) for i in range(alone.size)] if clusters_alone is None else clusters_alone
    of_labelled, of_alone = several(sources, n_items=human.size), several(others, n_items=alone.size)
    if of_labelled.n_clusters < MIN_LABELLED_CLUSTERS:
        raise NotEnoughDataError(
            f"{of_labelled.n_clusters} labelled sources: a judge is weighed against at least {MIN_LABELLED_CLUSTERS}"
        )
    if not set(sources).isdisjoint(others):
        raise StatisticsError("a source has items with and without a human label: label whole sources, or none of it")

    noise = _covariance(paired, paired, of_labelled) + _covariance(alone, alone, of_alone)
    shared = _covariance(human, paired, of_labelled)
    weight = min(max(shared / noise, 0.0), 1.0) if noise > 0.0 else 0.0
    # The scores of a rare event are mostly 0, as `clustered_mean` expects them; those of a frequent one are mirrored.
    frequent = float(human.mean()) > (low + high) / 2
    labelled, same, rest = ((high - x if frequent else x - low) for x in (human, paired, alone))
    own = _part(labelled - weight * same, sources, -weight * (high - low), high - low, confidence)
    more = _part(weight * rest, others, 0.0, weight * (high - low), confidence)
    value = own.value + more.value
    below, above = math.hypot(own.below, more.below), math.hypot(own.above, more.above)
    value, below, above = (high - value, above, below) if frequent else (low + value, below, above)
    value = min(max(value, low), high)
    variance = _covariance(human, human, of_labelled)
    left = max(variance - 2.0 * weight * shared + weight * weight * noise, 0.0)
    return PoweredMean(
        value,
        Interval(max(value - below, low), min(value + above, high)),
        math.sqrt(left),
        weight,
        variance / left if left > 0.0 else 1.0 if variance == 0.0 else math.inf,
    )


class _Part(NamedTuple):
    value: float
    below: float
    above: float


def _part(scores: _checks.Floats, clusters: Sequence[Hashable], low: float, high: float, confidence: float) -> _Part:
    """A mean with its margins; 0 without any where the range is 0, because the judge has no weight."""
    if low == high:
        return _Part(0.0, 0.0, 0.0)
    found = clustered_mean(scores.tolist(), clusters, confidence=confidence, low=low, high=high, skewed=True)
    return _Part(found.value, found.value - found.interval.low, found.interval.high - found.value)


def _covariance(one: _checks.Floats, two: _checks.Floats, codes: _checks.Codes) -> float:
    """Cluster-robust (CR1) covariance of the means of two values of the same items."""
    groups = codes.n_clusters
    sums = codes.sums(one - one.mean()) @ codes.sums(two - two.mean())
    return groups / (groups - 1) * float(sums) / one.size**2
