"""From ranks among decoys to a decision: the exact test of "not memorised", and an interval that contains it.

A canary that was not memorised has p = rank / (decoys + 1) uniform (or larger, through ties), so that its
exposure -log2 p is exponential with mean 1/ln 2 = 1.443 bits. Fisher's pooled test refers 2 ln 2 * (sum of
exposures) to chi-squared with 2m degrees of freedom. Taking the mean exposure as the parameter of that
exponential law (the Lehmann alternatives P(p <= t) = t^theta, mean 1 / (theta ln 2)) and inverting the very
same test at every mean gives the interval of `mean_exposure`:

- its lower bound at alpha exceeds `CHANCE` exactly where Fisher's p is below alpha. So a subject that did not
  memorise breaks *any* limit at or above `CHANCE` with probability at most alpha, whatever the model is.
- its upper bound is the wider of this and that of `clustered_mean` for skewed scores, because a few memorised
  canaries among untouched ones vary more than the exponential law, and a pass must not rest on that law. Simulated
  with a share fully memorised and a true mean of 2 bits, it lies below the truth in at most 5.2 % (127 decoys, from
  16 canaries on) and 6.0 % (8,191 decoys, from 60 on) instead of 5 %; with t alone in 7.1 % and 10.2 %.
"""

import math
from collections.abc import Sequence
from typing import Final

from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.methods.estimating import Measured
from verify.records import Levels
from verify.statistics import Interval, clustered_mean, exposure, fisher_pooled

CHANCE: Final = 1.0 / math.log(2.0)
"""Mean exposure, in bits, of secrets that were not memorised: 1.4427."""
HIGHEST: Final = 32.0
"""No exposure exceeds log2(decoys + 1), which lies far below."""


def mean_exposure(bits: Sequence[float], *, decoys: int, levels: Levels) -> Measured:
    """Mean exposure of independent canaries with its interval; see the module's top.

    Args:
        bits: Exposure of each canary, in [0, log2(decoys + 1)].
        decoys: Decoys that a canary was ranked among; where they differ, the most.
        levels: Confidence of the interval shown, alpha of the bounds.

    Raises:
        NotEnoughDataError: There is no canary.
        StatisticsError: An exposure is not finite or not in its range.
    """
    if not bits:
        raise NotEnoughDataError("no canary was scored: exposure is not measured")
    most = exposure(1, decoys)
    if not all(0.0 <= bit <= most for bit in bits):
        raise StatisticsError(f"an exposure among {decoys} decoys is a number of bits from 0 to {most:g}")
    n, mean = len(bits), math.fsum(bits) / len(bits)
    shown, decided = (_interval(bits, mean, most, tail) for tail in ((1.0 - levels.confidence) / 2, levels.alpha))
    return Measured(mean, shown, decided, "fisher-inversion", n, n)


def pooled_p(ranks: Sequence[int], decoys: Sequence[int], *, levels: Levels) -> Measured:
    """Fisher's p-value of "none of these was memorised".

    The p-value is exact for the decoys drawn. Its interval says how far other decoys would move it: the variance
    of each ln p is that of a binomial share, (1 - p) / (p (decoys + 1)), by the delta method.

    Args:
        ranks: 1 + decoys that score at least as high, for each canary.
        decoys: Decoys of each canary.
        levels: Confidence of the interval shown, alpha of the bounds.
    """
    n = len(ranks)
    shares = [rank / (others + 1) for rank, others in zip(ranks, decoys, strict=True)]
    p = fisher_pooled(shares)
    statistic = -2.0 * math.fsum(map(math.log, shares))
    spread = 2.0 * math.sqrt(
        math.fsum((1.0 - share) / (share * (others + 1)) for share, others in zip(shares, decoys, strict=True))
    )

    def ends(tail: float) -> Interval:
        reach = float(stats.norm.isf(tail)) * spread
        low, high = (float(stats.chi2.sf(statistic + sign * reach, 2 * n)) for sign in (1.0, -1.0))
        return Interval(min(low, p), max(high, p))

    shown, decided = ends((1.0 - levels.confidence) / 2), ends(levels.alpha)
    return Measured(p, shown, decided, "fisher-exact-ranks", n, n)


def _interval(bits: Sequence[float], mean: float, most: float, tail: float) -> Interval:
    n = len(bits)
    low = 2.0 * n * mean / float(stats.chi2.isf(tail, 2 * n))
    # All at rank D + 1 has mean 0, and the inversion would then have no width: a rank is seen to 1 / (D + 1) only.
    high = 2.0 * n * max(mean, 1e-9) / float(stats.chi2.ppf(tail, 2 * n))
    if n > 1:
        mixed = clustered_mean(bits, range(n), confidence=1.0 - 2.0 * tail, low=0.0, high=most, skewed=True)
        high = max(high, mixed.interval.high)
    return Interval(min(low, mean), min(max(high, mean), most))
