"""One-sided evidence about the gain of a release over the one before, by what its items are. Pure.

- 0/1 pairs: the interval of the difference of the two discordant shares (`paired_shares`, clustered where pairs share
  sources), and p-values by inverting that very interval: Tango's score test passes a release at the margin in up to
  8 % of cases where nearly all pairs differ one way, which is what a regression looks like. Against no difference, of
  pairs that are each their own source, McNemar's mid-p, exact below ten discordant pairs.
- Real values: `BoundedMean` of the differences.
- Metrics that are no mean over items (the worst group, a corrected rate): the intervals of both releases combined as if
  the two were independent (MOVER), which is wider than a paired test could be. P-values are those of a ladder of
  levels, rounded up.
- The size |mean| of signed values, a before and b after, which a release may worsen in either direction. With
  D = b - a and S = b + a per item, "|b| - |a| < m" holds where (D < m or S < m) and (D > -m or S > -m). Each "or" is
  tested at half of the error (union-intersection, Bonferroni), the "and" needs no correction (Berger 1982).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol

from verify.statistics import (
    BoundedMean,
    Interval,
    inverted,
    mcnemar,
    paired_difference,
)

FEW_DISCORDANT: Final = 10
"""Below this many discordant pairs McNemar's exact p is taken instead of mid-p."""


LADDER: Final = (1e-6, 1e-4, 1e-3, 0.01, 0.025, 0.1, 0.2)
"""One-sided levels, besides alpha, at which an estimate is made again for a p-value."""


class Estimated(NamedTuple):
    """A release's metric, good is more: its value and one-sided bounds at some level each."""

    value: float
    bounds: Interval
    n_clusters: int


class Gain(Protocol):
    """A gain, positive where the release after is better, and what it rests on."""

    @property
    def value(self) -> float:
        """Mean over the pairs."""
        ...

    @property
    def standard_error(self) -> float:
        """Cluster-robust; 0 where no pair moved."""
        ...

    @property
    def n_clusters(self) -> int:
        """Independent sources."""
        ...

    @property
    def method(self) -> str:
        """Name of interval and test, as `PairedTest.method` lists them."""
        ...

    def interval(self, confidence: float) -> Interval:
        """Two-sided; each end is a one-sided bound at half of its error."""
        ...

    def p_above(self, null: float) -> float:
        """One-sided p of "the gain is at most null"."""
        ...

    def p_below(self, null: float) -> float:
        """One-sided p of "the gain is at least null"."""
        ...


class ShareGain:
    """Gain of 0/1 pairs.

    Args:
        before: 1 where the item was good, shape (n_pairs,).
        after: The same of the release after.
        clusters: Source of each pair.
        alpha: Level at which p-values and interval agree exactly.
    """

    def __init__(
        self, before: Sequence[float], after: Sequence[float], clusters: Sequence[str], *, alpha: float
    ) -> None:
        self._before, self._after, self._clusters, self._alpha = before, after, clusters, alpha
        self._better = sum(a > b for b, a in zip(before, after, strict=True))
        self._worse = sum(a < b for b, a in zip(before, after, strict=True))
        found = paired_difference(after, before, clusters=clusters)
        self.value, self.standard_error, self.n_clusters = found.value, found.standard_error, found.n_clusters
        self._alone = found.n_clusters == len(before)
        self.method = "mover-clopper-pearson" if self._alone else "mover-korn-graubard"

    def interval(self, confidence: float) -> Interval:
        """Of the difference of the two discordant shares."""
        return paired_difference(self._after, self._before, clusters=self._clusters, confidence=confidence).interval

    def p_above(self, null: float) -> float:
        """By McNemar's test or the interval."""
        if self._alone and null == 0.0:
            return _mcnemar_p(self._better, self._worse)
        return inverted(lambda at: self.interval(1.0 - 2.0 * at).low > null, alpha=self._alpha)

    def p_below(self, null: float) -> float:
        """By McNemar's test or the interval."""
        if self._alone and null == 0.0:
            return _mcnemar_p(self._worse, self._better)
        return inverted(lambda at: self.interval(1.0 - 2.0 * at).high < null, alpha=self._alpha)


class MeanGain:
    """Gain of real values.

    Args:
        before: Value of each item, mirrored so that more is better, shape (n_pairs,).
        after: The same of the release after.
        clusters: Source of each pair.
        span: Most that a value can move.
        alpha: Level at which p-values and interval agree exactly.
    """

    def __init__(
        self, before: Sequence[float], after: Sequence[float], clusters: Sequence[str], *, span: float, alpha: float
    ) -> None:
        moved = [b - a for a, b in zip(before, after, strict=True)]
        self._mean, self._alpha = BoundedMean(moved, clusters, low=-span, high=span), alpha
        self.value, self.standard_error = self._mean.value, self._mean.standard_error
        self.n_clusters = self._mean.n_clusters
        self.method = "cr1-t" if self._mean.steady else "betting"

    def interval(self, confidence: float) -> Interval:
        """Of the mean difference."""
        return self._mean.interval(confidence)

    def p_above(self, null: float) -> float:
        """Of the mean difference."""
        return self._mean.p(null, side="above", alpha=self._alpha)

    def p_below(self, null: float) -> float:
        """Of the mean difference."""
        return self._mean.p(null, side="below", alpha=self._alpha)


class SizeGain:
    """Gain |mean before| - |mean after| of signed values, as the module explains.

    Args:
        before: Signed value of each item, in [-reach, reach], shape (n_pairs,).
        after: The same of the release after.
        clusters: Source of each pair.
        reach: Largest absolute value of an item.
        alpha: Level at which p-values and interval agree exactly.
    """

    def __init__(
        self, before: Sequence[float], after: Sequence[float], clusters: Sequence[str], *, reach: float, alpha: float
    ) -> None:
        pairs = list(zip(before, after, strict=True))
        self._moved = BoundedMean([b - a for a, b in pairs], clusters, low=-2.0 * reach, high=2.0 * reach)
        self._summed = BoundedMean([b + a for a, b in pairs], clusters, low=-2.0 * reach, high=2.0 * reach)
        self._half, self._reach = alpha / 2.0, reach
        old, new = sum(before) / len(pairs), sum(after) / len(pairs)
        self.value = abs(old) - abs(new)
        self.standard_error = (self._moved if old * new >= 0.0 else self._summed).standard_error
        self.n_clusters = self._moved.n_clusters
        self.method = "size-cr1-t" if self._moved.steady and self._summed.steady else "size-betting"

    def interval(self, confidence: float) -> Interval:
        """Each end is the value that `p_above` or `p_below` still excludes at its error."""
        moved, summed = (each.interval((1.0 + confidence) / 2.0) for each in (self._moved, self._summed))
        loss = max(min(moved.high, summed.high), min(-moved.low, -summed.low))
        gain = max(min(-moved.low, summed.high), min(moved.high, -summed.low))
        return Interval(max(-loss, -self._reach), min(gain, self._reach))

    def p_above(self, null: float) -> float:
        """Of "|after| - |before| is at least -null"."""
        return max(
            self._either(self._below(self._moved, -null), self._below(self._summed, -null)),
            self._either(self._above(self._moved, null), self._above(self._summed, null)),
        )

    def p_below(self, null: float) -> float:
        """Of "|before| - |after| is at least null"."""
        return max(
            self._either(self._above(self._moved, -null), self._below(self._summed, null)),
            self._either(self._below(self._moved, null), self._above(self._summed, -null)),
        )

    def _above(self, mean: BoundedMean, null: float) -> float:
        return mean.p(null, side="above", alpha=self._half)

    def _below(self, mean: BoundedMean, null: float) -> float:
        return mean.p(null, side="below", alpha=self._half)

    @staticmethod
    def _either(one: float, two: float) -> float:
        return min(1.0, 2.0 * min(one, two))


def _mcnemar_p(better: int, worse: int) -> float:
    """P of "the gain is at most 0": McNemar's, halved."""
    if better <= worse:
        return 1.0
    found = mcnemar(better, worse)
    return (found.exact if better + worse < FEW_DISCORDANT else found.midp) / 2.0


class EstimateGain:
    """Gain of a metric that is no mean over items, from the estimates of both releases.

    Args:
        before: One-sided error -> the estimate with bounds at it.
        after: The same of the release after.
        alpha: Level that decides, one of those at which p-values exist.
    """

    method = "two-intervals"

    def __init__(
        self, before: Callable[[float], Estimated], after: Callable[[float], Estimated], *, alpha: float
    ) -> None:
        self._before, self._after, self._ladder = cache(before), cache(after), sorted({*LADDER, alpha})
        old, new = self._before(alpha), self._after(alpha)
        self.value = new.value - old.value
        self.n_clusters = min(old.n_clusters, new.n_clusters)
        found = self.interval(1.0 - 2.0 * alpha)
        self.standard_error = (found.high - found.low) / (2.0 * NormalDist().inv_cdf(1.0 - alpha))

    def interval(self, confidence: float) -> Interval:
        """Each end from the ends of both releases that point its way."""
        at = (1.0 - confidence) / 2.0
        old, new = self._before(at), self._after(at)
        below = math.hypot(new.value - new.bounds.low, old.bounds.high - old.value)
        above = math.hypot(new.bounds.high - new.value, old.value - old.bounds.low)
        return Interval(self.value - below, self.value + above)

    def p_above(self, null: float) -> float:
        """The least level of the ladder at which the lower end still excludes."""
        return next((at for at in self._ladder if self.interval(1.0 - 2.0 * at).low > null), 1.0)

    def p_below(self, null: float) -> float:
        """The least level of the ladder at which the upper end still excludes."""
        return next((at for at in self._ladder if self.interval(1.0 - 2.0 * at).high < null), 1.0)
