"""Two groups of items: differences and ratios of independent proportions, gaps over shared clusters."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from verify.errors import NotEnoughDataError
from verify.statistics import _checks
from verify.statistics._scores import mover, outer_root, standardised
from verify.statistics.clusters import (
    ClusteredEstimate,
    clustered_mean,
    clustered_proportion,
    effective_clusters,
    several,
)
from verify.statistics.intervals import Interval, wilson


def newcombe_difference(x1: int, n1: int, x2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval for the difference of two independent proportions.

    Args:
        x1: Successes of the first group.
        n1: Trials of the first group.
        x2: Successes of the second group.
        n2: Trials of the second group.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends of first minus second, in [-1, 1].

    Raises:
        NotEnoughDataError: A group has no trials.
        StatisticsError: The counts are not counts.

    Examples:
        >>> low, high = newcombe_difference(56, 70, 48, 80)
        >>> f"{low:.4f} {high:.4f}"
        '0.0524 0.3339'

    References:
        Newcombe (1998), Statistics in Medicine 17(8), 873-890, method 10.
    """
    (l1, u1), (l2, u2) = wilson(x1, n1, confidence=confidence), wilson(x2, n2, confidence=confidence)
    p1, p2 = x1 / n1, x2 / n2
    return Interval(p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2))


def miettinen_nurminen(x1: int, n1: int, x2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """Miettinen and Nurminen's score interval for the difference of two independent proportions.

    Own code, because statsmodels' inversion divides by zero where a group has no success or no
    failure, which is where verification lives; the tests hold it to statsmodels elsewhere.

    Args:
        x1: Successes of the first group.
        n1: Trials of the first group.
        x2: Successes of the second group.
        n2: Trials of the second group.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends of first minus second, in [-1, 1].

    Raises:
        NotEnoughDataError: A group has no trials.
        StatisticsError: The counts are not counts.

    References:
        Miettinen and Nurminen (1985), https://doi.org/10.1002/sim.4780040211
    """
    pair = _pair(x1, n1, x2, n2)
    z = float(stats.norm.isf(_checks.alpha_of(confidence) / 2))
    centre = pair.p1 - pair.p2
    return Interval(
        outer_root(lambda d: _difference_score(pair, d) - z, start=centre, end=-1.0),
        outer_root(lambda d: _difference_score(pair, d) + z, start=centre, end=1.0),
    )


def koopman_ratio(x1: int, n1: int, x2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """Koopman's score interval for the ratio of two independent proportions, first over second.

    Args:
        x1: Successes of the first group.
        n1: Trials of the first group.
        x2: Successes of the second group.
        n2: Trials of the second group.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends, >= 0; the upper end is ``inf`` where the second group has no success, and [0, inf]
        where neither has one: then the data exclude no ratio.

    Raises:
        NotEnoughDataError: A group has no trials.
        StatisticsError: The counts are not counts.

    References:
        Koopman (1984), https://doi.org/10.2307/2531405
    """
    pair = _pair(x1, n1, x2, n2)
    z = float(stats.norm.isf(_checks.alpha_of(confidence) / 2))
    if pair.x1 == 0 and pair.x2 == 0:
        return Interval(0.0, math.inf)
    # On the scale of atan(ratio), both 0 and infinity are ordinary ends.
    centre = math.atan2(pair.p1, pair.p2)
    low = outer_root(lambda a: _ratio_score(pair, math.tan(a)) - z, start=centre, end=0.0)
    high = outer_root(lambda a: _ratio_score(pair, math.tan(a)) + z, start=centre, end=math.pi / 2)
    return Interval(math.tan(low), math.inf if pair.x2 == 0 else math.tan(high))


def clustered_difference(
    values_a: Sequence[float],
    clusters_a: Sequence[Hashable],
    values_b: Sequence[float],
    clusters_b: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    low: float | None = None,
    high: float | None = None,
) -> ClusteredEstimate:
    """Gap between the means of two groups of items, first minus second, that may share clusters.

    The variance is the CR1 sandwich of the difference: a cluster with items in both groups enters with
    the difference of its two contributions, so that pairing narrows the interval as it should. Each
    group has its own G/(G-1), and t the degrees of freedom of the group with fewer (effective) clusters.

    0/1 values (with low, high = 0, 1 or undeclared) get the method of variance estimates recovery
    (MOVER) instead: the ends of `clustered_proportion` of both groups, combined with the correlation
    that the shared clusters show. It stays honest near 0 and 1 where the t interval does not.

    Args:
        values_a: One score an item of the first group, shape (n_a,).
        clusters_a: Source of each, shape (n_a,); the same id in both groups is the same source.
        values_b: One score an item of the second group, shape (n_b,).
        clusters_b: Source of each, shape (n_b,).
        confidence: Two-sided coverage, in (0, 1).
        low: Least value that a score can take.
        high: Greatest value that a score can take.

    Returns:
        The gap; ``n`` counts the items and ``n_clusters`` the clusters of both groups together.

    Raises:
        NotEnoughDataError: A group has no item or one cluster only, or nothing varies in an undeclared range.
        StatisticsError: Lengths differ, or a value is not a finite number or outside the range.

    References:
        Cameron and Miller (2015), https://doi.org/10.3368/jhr.50.2.317; Zou and Donner (2008),
        https://doi.org/10.1002/sim.3095; Newcombe (1998), Statistics in Medicine 17(22), 2635-2650.
    """
    a = _group(values_a, clusters_a, "a")
    b = _group(values_b, clusters_b, "b")
    bounds = _checks.bounds_of(np.concatenate([a.values, b.values]), low=low, high=high)
    both = _checks.coded([*clusters_a, *clusters_b], n_items=a.values.size + b.values.size)
    first, second = _contributions(a, b, both)
    gap, error = float(a.values.mean() - b.values.mean()), float(np.linalg.norm(first - second))
    steady, tail = error <= 1e-12, _checks.alpha_of(confidence) / 2
    ends = _ends(a, b, confidence=confidence, bounds=bounds, steady=steady)
    units = min(effective_clusters(a.codes), effective_clusters(b.codes))
    if ends is None:
        half = float(stats.t.isf(tail, max(units - 1.0, 1.0))) * error
        interval = Interval(gap - half, gap + half)
    elif steady and float(np.linalg.norm(first)) > 1e-12:  # rounding of the sums must not pass for a contribution
        # Each cluster shows the same gap: a share u of others may show any, as in `clustered_mean`.
        unseen, span = 1.0 - tail ** (1.0 / units), bounds.span if bounds is not None else 1.0
        interval = Interval(gap - unseen * (gap + span), gap + unseen * (span - gap))
    else:
        (l1, u1), (l2, u2) = ends
        mean_a, mean_b = float(a.values.mean()), float(b.values.mean())
        scale = float(np.linalg.norm(first) * np.linalg.norm(second))
        phi = float(first @ second) / scale if scale > 0.0 else 0.0
        interval = Interval(
            gap - mover(mean_a - l1, u2 - mean_b, correlation=phi),
            gap + mover(u1 - mean_a, mean_b - l2, correlation=phi),
        )
    if bounds is not None:
        interval = Interval(max(interval.low, -bounds.span), min(interval.high, bounds.span))
    naive = sum(float(group.values.var(ddof=1)) / group.values.size for group in (a, b))
    n = a.values.size + b.values.size
    effect = error**2 / naive if naive > 0.0 and error > 0.0 else n / effective_clusters(both)
    return ClusteredEstimate(gap, interval, error, n, both.n_clusters, effect)


class _Group(NamedTuple):
    values: _checks.Floats
    clusters: Sequence[Hashable]
    codes: _checks.Codes


def _group(values: Sequence[float], clusters: Sequence[Hashable], name: str) -> _Group:
    scores = _checks.finite(values, f"values_{name}")
    return _Group(scores, clusters, several(clusters, n_items=scores.size))


def _contributions(a: _Group, b: _Group, both: _checks.Codes) -> tuple[_checks.Floats, _checks.Floats]:
    """What each cluster adds to the error of each mean, shape (n_clusters,), scaled by its G/(G-1)."""
    residuals = np.concatenate([a.values - a.values.mean(), np.zeros(b.values.size)])
    others = np.concatenate([np.zeros(a.values.size), b.values - b.values.mean()])
    scale_a = math.sqrt(a.codes.n_clusters / (a.codes.n_clusters - 1)) / a.values.size
    scale_b = math.sqrt(b.codes.n_clusters / (b.codes.n_clusters - 1)) / b.values.size
    return scale_a * both.sums(residuals), scale_b * both.sums(others)


def _ends(
    a: _Group, b: _Group, *, confidence: float, bounds: _checks.Bounds | None, steady: bool
) -> tuple[Interval, Interval] | None:
    """The intervals of both means where the gap is made from them; None where its own variance will do."""
    binary = bool(np.isin(a.values, (0.0, 1.0)).all() and np.isin(b.values, (0.0, 1.0)).all())
    if binary and bounds in {None, (0.0, 1.0)}:
        proportions = (
            clustered_proportion(group.values.astype(int).tolist(), group.clusters, confidence=confidence)
            for group in (a, b)
        )
        one, two = (found.interval for found in proportions)
        return one, two
    if not steady:
        return None
    if bounds is None:
        raise NotEnoughDataError("the gap does not vary between clusters, and no range is declared: no spread")
    means = (
        clustered_mean(group.values.tolist(), group.clusters, confidence=confidence, low=bounds.low, high=bounds.high)
        for group in (a, b)
    )
    one, two = (found.interval for found in means)
    return one, two


class _Pair(NamedTuple):
    x1: int
    n1: int
    x2: int
    n2: int

    @property
    def p1(self) -> float:
        return self.x1 / self.n1

    @property
    def p2(self) -> float:
        return self.x2 / self.n2


def _pair(x1: int, n1: int, x2: int, n2: int) -> _Pair:
    return _Pair(*_checks.successes_of(x1, n1), *_checks.successes_of(x2, n2))


def _difference_score(pair: _Pair, difference: float) -> float:
    """Miettinen-Nurminen z of p1 - p2 = difference; decreasing in the difference."""
    x1, n1, x2, n2 = pair
    total = n1 + n2
    # The restricted maximum likelihood estimate of p2 is a root of a cubic (appendix I), in closed form.
    c2 = (n1 + 2 * n2) * difference - total - x1 - x2
    c1 = (n2 * difference - total - 2 * x2) * difference + x1 + x2
    c0 = x2 * difference * (1.0 - difference)
    third = c2 / (3.0 * total)
    q = third**3 - c1 * c2 / (6.0 * total**2) + c0 / (2.0 * total)
    p = math.copysign(math.sqrt(max(third**2 - c1 / (3.0 * total), 0.0)), q)
    angle = (math.pi + math.acos(max(-1.0, min(1.0, q / p**3)))) / 3.0 if p**3 != 0.0 else math.pi / 2
    second = min(max(2.0 * p * math.cos(angle) - third, 0.0, -difference), 1.0, 1.0 - difference)
    first = second + difference
    variance = (first * (1.0 - first) / n1 + second * (1.0 - second) / n2) * total / (total - 1.0)
    return standardised(pair.p1 - pair.p2 - difference, variance)


def _ratio_score(pair: _Pair, ratio: float) -> float:
    """Koopman's z of p1 / p2 = ratio; decreasing in the ratio."""
    x1, n1, x2, n2 = pair
    # Quadratic of the restricted maximum likelihood estimate, divided by 1 + ratio to stay finite.
    scale = 1.0 / (1.0 + ratio)
    square = (n1 + n2) * ratio * scale
    linear = -((n1 + x2) * ratio * scale + (x1 + n2) * scale)
    constant = (x1 + x2) * scale
    root = math.sqrt(max(linear * linear - 4.0 * square * constant, 0.0))
    second = min(2.0 * constant / (root - linear), 1.0)
    first = min(second * ratio, 1.0)
    variance = first * (1.0 - first) / n1 + ratio * ratio * second * (1.0 - second) / n2
    return standardised(pair.p1 - ratio * pair.p2, variance)
