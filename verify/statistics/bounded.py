"""The mean of bounded values whose shape nobody knows, e.g. of differences between two releases."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Literal

from scipy import stats

from verify.statistics import _checks
from verify.statistics.clusters import clustered_mean, effective_clusters, several, standard_error
from verify.statistics.intervals import Interval
from verify.statistics.sequential import betting_interval, betting_p

TELLING: Final = 20
"""Clusters with another value than 0 that t needs."""
STEADY: Final = 0.1
"""Most skewness of the mean, |g| / sqrt(G) of the cluster sums, at which t is taken."""

_SMALLEST_P: Final = 1e-12
_LARGEST_ALPHA: Final = 0.499
_P_PRECISION: Final = 0.01


class BoundedMean:
    """One-sided evidence about a mean of real values that may be 0 but for few clusters, or skewed.

    Where at least `TELLING` clusters hold another value than 0 and the skewness of the mean is at most `STEADY`: the
    cluster-robust t interval of `clustered_mean`, each end moved out by the first term of Cornish and Fisher where the
    skewness points its way, |g| (2 t^2 + 1) / (6 sqrt(G)) standard errors. Else the bet of `betting_interval`, which
    holds for any distribution and is wider.

    t alone passes a mean at the limit in up to 29 instead of 5 % of our simulations (20 to 200 clusters of equal and of
    lognormal sizes, intra-cluster correlation 0 to 0.8; rare losses, lognormal losses, few losses against many small
    gains), the corrected t in up to 22 %, this in up to 5.7 % (1,500 runs each, standard error 0.6 %).

    Args:
        values: One value an item, shape (n_items,).
        clusters: Source of each item, shape (n_items,).
        low: Least value that an item can have, below 0.
        high: Greatest value, above 0.

    Raises:
        NotEnoughDataError: No item, or one cluster only.
        StatisticsError: Lengths differ, a value is not finite or outside the range.

    References:
        Johnson (1978), https://doi.org/10.1080/01621459.1978.10480051; Cornish and Fisher (1938);
        Waudby-Smith and Ramdas (2024), https://arxiv.org/abs/2010.09686
    """

    def __init__(self, values: Sequence[float], clusters: Sequence[Hashable], *, low: float, high: float) -> None:
        scores = _checks.finite(values, "values")
        _checks.span_of(scores, low=low, high=high)
        codes = several(clusters, n_items=scores.size)
        self._values, self._clusters, self._low, self._high = values, clusters, low, high
        self.value = float(scores.mean())
        self.n, self.n_clusters = scores.size, codes.n_clusters
        self.standard_error = standard_error(scores, codes)
        self._freedom = max(effective_clusters(codes) - 1.0, 1.0)
        self._skewness = _skewness(codes.sums(scores - self.value))
        moved = int((codes.sums((scores != 0.0).astype(float)) > 0.0).sum())
        self.steady = moved >= TELLING and self.standard_error > 0.0 and abs(self._skewness) <= STEADY
        """Whether t is taken."""

    def interval(self, confidence: float) -> Interval:
        """Two-sided interval at `confidence`; each end is a one-sided bound at half of its error."""
        if not self.steady:
            return betting_interval(
                self._values, clusters=self._clusters, low=self._low, high=self._high, confidence=confidence
            )
        found = clustered_mean(
            self._values, self._clusters, confidence=confidence, low=self._low, high=self._high, skewed=True
        )
        t = float(stats.t.isf(_checks.alpha_of(confidence) / 2, self._freedom))
        lean = self._skewness * (2.0 * t * t + 1.0) / 6.0
        low = self.value - (t + max(0.0, -lean)) * self.standard_error
        high = self.value + (t + max(0.0, lean)) * self.standard_error
        return Interval(max(min(found.interval.low, low), self._low), min(max(found.interval.high, high), self._high))

    def p(self, null: float, *, side: Literal["above", "below"], alpha: float) -> float:
        """P-value of "the mean does not lie on that side of null".

        Args:
            null: Value under test.
            side: ``above`` tests "the mean is at most null".
            alpha: Level at which the p-value and the interval must agree exactly.
        """
        if not self.steady:
            return betting_p(
                self._values, null=null, side=side, clusters=self._clusters, low=self._low, high=self._high
            )
        if side == "above":
            return inverted(lambda at: self.interval(1.0 - 2.0 * at).low > null, alpha=alpha)
        return inverted(lambda at: self.interval(1.0 - 2.0 * at).high < null, alpha=alpha)


def inverted(excluded_at: Callable[[float], bool], *, alpha: float) -> float:
    """Smallest level at which a one-sided bound still excludes; 1 where none below one half does.

    Never on the other side of `alpha` than the bound that is shown, and within one per cent.

    Args:
        excluded_at: Whether the bound at this one-sided error excludes.
        alpha: The level that decides.
    """
    if excluded_at(alpha):
        if excluded_at(_SMALLEST_P):
            return _SMALLEST_P
        low, high = math.log(_SMALLEST_P), math.log(alpha)
    elif excluded_at(_LARGEST_ALPHA):
        low, high = math.log(alpha), math.log(_LARGEST_ALPHA)
    else:
        return 1.0
    while high - low > _P_PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if excluded_at(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _skewness(sums: _checks.Floats) -> float:
    """Skewness of the mean, g / sqrt(G), from the residuals' sums of its clusters; 0 where they do not vary."""
    spread = float(sums @ sums) / sums.size
    return 0.0 if spread <= 0.0 else float((sums**3).mean()) / spread**1.5 / math.sqrt(sums.size)
