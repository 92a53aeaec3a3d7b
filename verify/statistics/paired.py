"""Two measurements of the same items: differences, McNemar, non-inferiority, equivalence."""

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from verify.errors import StatisticsError
from verify.statistics import _checks
from verify.statistics._scores import mover, outer_root, standardised
from verify.statistics.clusters import ClusteredEstimate, clustered_mean
from verify.statistics.groups import clustered_difference
from verify.statistics.intervals import Interval, wilson

_Counts: TypeAlias = NDArray[np.integer[Any]]


class McNemar(NamedTuple):
    """Two-sided p-values of "the two answer alike", from the discordant pairs alone."""

    exact: float
    midp: float


class Equivalence(NamedTuple):
    """The two one-sided tests; equivalence is shown where the larger p is at most alpha."""

    p_not_below: float
    p_not_above: float

    @property
    def p(self) -> float:
        """The p-value of the whole: the larger of the two."""
        return max(self.p_not_below, self.p_not_above)


def mcnemar(b: int, c: int) -> McNemar:
    """McNemar's test of paired proportions.

    Args:
        b: Pairs where only the first met the criterion.
        c: Pairs where only the second did.

    Returns:
        Exact and mid-p values; 1 where there is no discordant pair. Use mid-p; exact below 10 pairs.

    Raises:
        StatisticsError: A count is not a count.

    Examples:
        >>> p = mcnemar(5, 15)
        >>> f"{p.exact:.6f} {p.midp:.6f}"
        '0.041389 0.026604'

    References:
        Fagerland, Lydersen and Laake (2013), https://doi.org/10.1186/1471-2288-13-91
    """
    first, second = _checks.count(b, "b"), _checks.count(c, "c")
    if first + second == 0:
        return McNemar(1.0, 1.0)
    total = first + second
    exact = float(stats.binomtest(first, total).pvalue)
    # Mid-p counts half of the observed point in each tail; at b = c both tails hold that one point.
    return McNemar(exact, exact - float(stats.binom.pmf(first, total, 0.5)))


def tango(b: int, c: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Tango's score interval for the difference of two paired proportions, first minus second.

    Args:
        b: Pairs where only the first met the criterion.
        c: Pairs where only the second did.
        n: All pairs, the concordant ones too.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends, in [-1, 1].

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: The counts do not fit each other.

    References:
        Tango (1998), https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B
    """
    first, second, pairs = _discordant(b, c, n)
    z = float(stats.norm.isf(_checks.alpha_of(confidence) / 2))
    centre = (first - second) / pairs
    low = outer_root(lambda d: _tango_score(first, second, pairs, difference=d) - z, start=centre, end=-1.0)
    high = outer_root(lambda d: _tango_score(first, second, pairs, difference=d) + z, start=centre, end=1.0)
    return Interval(low, high)


def newcombe_paired(a: int, b: int, c: int, d: int, *, confidence: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval for a paired difference (his method 10): an alternative to Tango.

    Args:
        a: Pairs where both met the criterion.
        b: Pairs where only the first did.
        c: Pairs where only the second did.
        d: Pairs where neither did.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends, in [-1, 1].

    Raises:
        NotEnoughDataError: There is no pair.
        StatisticsError: A count is not a count.

    References:
        Newcombe (1998), https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C
    """
    both, neither = _checks.count(a, "a"), _checks.count(d, "d")
    first, second, n = _discordant(b, c, both + neither + b + c)
    one, two = both + first, both + second
    p1, p2 = one / n, two / n
    (l1, u1), (l2, u2) = wilson(one, n, confidence=confidence), wilson(two, n, confidence=confidence)
    margins = math.sqrt(one * (n - one) * two * (n - two))
    excess = float(both * neither - first * second)
    if excess > 0:
        excess = max(excess - n / 2, 0.0)  # Newcombe's continuity correction of phi
    phi = excess / margins if margins > 0 else 0.0
    below, above = mover(p1 - l1, u2 - p2, correlation=phi), mover(u1 - p1, p2 - l2, correlation=phi)
    return Interval(p1 - p2 - below, p1 - p2 + above)


def paired_shares(b: int, c: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Interval of the difference of two paired proportions that keeps its error at any n, first minus second.

    The two discordant shares have Clopper-Pearson ends each, which the method of variance estimates recovery (MOVER)
    combines with the correlation of two shares that exclude each other. By enumeration over 8 to 90 pairs an
    end is missed in at most 4.9 % of cases at a one-sided 5 %, and in 1.0 % (1.3 % with 8 pairs) at 1 %; an end of
    Tango's interval in up to 8.3 % and 2.1 %. The price is a width greater by 3 to 17 %.

    Args:
        b: Pairs where only the first met the criterion.
        c: Pairs where only the second did.
        n: All pairs, the concordant ones too.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        Both ends, in [-1, 1].

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: The counts do not fit each other.

    References:
        Zou and Donner (2008), https://doi.org/10.1002/sim.3095
    """
    first, second, pairs = _discordant(b, c, n)
    tail = _checks.alpha_of(confidence) / 2
    low, mirrored = shares_low(np.array([first, second]), np.array([second, first]), pairs, alpha=tail).tolist()
    return Interval(low, -mirrored)


def shares_low(b: _Counts, c: _Counts, n: int, *, alpha: float) -> _checks.Floats:
    """The lower end of `paired_shares`, of many outcomes at once; the upper one is that of c and b, mirrored.

    Args:
        b: Pairs where only the first met the criterion, shape (n_outcomes,).
        c: Pairs where only the second did, same shape.
        n: All pairs.
        alpha: One-sided error of the end, in (0, 1).
    """
    p1, p2 = b / n, c / n
    below = p1 - np.where(b > 0, stats.beta.ppf(alpha, np.maximum(b, 1), n - b + 1), 0.0)
    above = np.where(c < n, stats.beta.isf(alpha, c + 1, np.maximum(n - c, 1)), 1.0) - p2
    rest = (1.0 - p1) * (1.0 - p2)
    phi = np.where(rest > 0.0, -np.sqrt(p1 * p2 / np.where(rest > 0.0, rest, 1.0)), 0.0)
    margin = np.sqrt(np.maximum(below**2 - 2.0 * phi * below * above + above**2, 0.0))
    low: _checks.Floats = np.maximum(p1 - p2 - margin, -1.0)
    return low


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> ClusteredEstimate:
    """Mean difference of two measurements of the same items, first minus second.

    The difference of 0/1 pairs is that of two shares, "only the first" and "only the second": `paired_shares`
    where each item is its own cluster; where they share clusters each share has the interval of
    `clustered_proportion`, as in `clustered_difference`: pairs that differ in few clusters are as
    skewed as failures in few clusters are, and t misses there. Real values get the cluster-robust t
    interval of the differences, widened where they are as skewed.

    Args:
        first: One value an item, shape (n_items,).
        second: The other value of the same item, same order, shape (n_items,).
        confidence: Two-sided coverage, in (0, 1).
        clusters: Source of each item, shape (n_items,); each item its own where None.
        low: Least value that either can take; not needed for 0/1 data.
        high: Greatest value that either can take.

    Returns:
        The difference with its interval.

    Raises:
        NotEnoughDataError: No pair, one cluster, or no spread and no declared range.
        StatisticsError: Lengths differ, or a value is no finite number.

    References:
        Zou and Donner (2008), https://doi.org/10.1002/sim.3095; Miller (2024), https://arxiv.org/abs/2411.00640
    """
    one, two = _checks.finite(first, "first"), _checks.finite(second, "second")
    if one.size != two.size:
        raise StatisticsError(f"{one.size} values against {two.size}: a paired difference needs the same items")
    binary = bool(np.isin(one, (0.0, 1.0)).all() and np.isin(two, (0.0, 1.0)).all())
    differences = one - two
    groups: Sequence[Hashable] = range(one.size) if clusters is None else clusters
    alone = _checks.coded(groups, n_items=one.size).n_clusters == one.size
    if binary and not alone:
        flags = ((differences > 0).astype(int).tolist(), (differences < 0).astype(int).tolist())
        return clustered_difference(flags[0], groups, flags[1], groups, confidence=confidence)._replace(n=one.size)
    if binary:
        b, c = int((differences > 0).sum()), int((differences < 0).sum())
        n = one.size
        error = math.sqrt(max(b + c - (b - c) ** 2 / n, 0.0)) / n
        return ClusteredEstimate(
            (b - c) / n, paired_shares(b, c, n, confidence=confidence), error, n=n, n_clusters=n, design_effect=1.0
        )
    bounds = _checks.bounds_of(np.concatenate([one, two]), low=low, high=high)
    span = None if bounds is None else bounds.span
    return clustered_mean(
        differences.tolist(), groups, confidence=confidence, low=None if span is None else -span, high=span, skewed=True
    )


def noninferiority(b: int, c: int, n: int, *, margin: float) -> float:
    """P-value of "the first is worse than the second by at least the margin", by Tango's score test.

    The variance is that of the restricted maximum likelihood estimate at the margin. With pairs that differ both ways
    its size at the boundary is 0.048-0.050 where Wald's reaches 0.057 (200 to 2,000 pairs); where nearly all differ one
    way, or with fewer pairs, it reaches 0.083. A verdict therefore rests on `paired_shares`, and this test is for
    comparison with what others publish.

    Args:
        b: Pairs where only the first met the criterion.
        c: Pairs where only the second did.
        n: All pairs.
        margin: The worsening that must be excluded, in (0, 1).

    Returns:
        One-sided p-value; at or below alpha, the first is *not* worse by the margin.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: The counts or the margin are none.

    References:
        Tango (1998); FDA, Non-Inferiority Clinical Trials (2016).
    """
    first, second, pairs = _discordant(b, c, n)
    limit = _checks.between(margin, "margin", low=0.0, high=1.0)
    return float(stats.norm.sf(_tango_score(first, second, pairs, difference=-limit)))


def equivalence(b: int, c: int, n: int, *, margin: float) -> Equivalence:
    """Two one-sided tests (TOST) that the difference lies within (-margin, margin).

    Args:
        b: Pairs where only the first met the criterion.
        c: Pairs where only the second did.
        n: All pairs.
        margin: Half width of the zone of equivalence, in (0, 1).

    Returns:
        Both p-values.

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: The counts or the margin are none.

    References:
        Schuirmann (1987), https://doi.org/10.1007/BF01068419
    """
    return Equivalence(noninferiority(b, c, n, margin=margin), noninferiority(c, b, n, margin=margin))


def _discordant(b: int, c: int, n: int) -> tuple[int, int, int]:
    first, second = _checks.count(b, "b"), _checks.count(c, "c")
    _, pairs = _checks.successes_of(first + second, n)
    return first, second, pairs


def _tango_score(b: int, c: int, n: int, *, difference: float) -> float:
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1.0 - difference)
    root = math.sqrt(max(linear * linear - 8.0 * n * constant, 0.0))
    least = (root - linear) / (4.0 * n)
    variance = n * (2.0 * least + difference * (1.0 - difference))
    distance = b - c - n * difference
    return standardised(distance, variance)
