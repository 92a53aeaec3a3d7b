"""Ranks of planted secrets among decoys, and what membership attacks show: exact where it can be."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics._scores import outer_root, standardised
from verify.statistics.intervals import Interval, clopper_pearson


def canary_rank_p(rank: int, decoys: int) -> float:
    """Exact p-value of "the canary was not memorised": rank / (decoys + 1).

    Canary and decoys are independent uniform draws from one declared space, so that the rank is uniform
    under the null, whatever the subject does with them.

    Args:
        rank: 1 + the number of decoys that score at least as high; 1 is the most memorised.
        decoys: Random decoys that the canary was ranked among, >= 1.

    Returns:
        The p-value, in (0, 1].

    Raises:
        NotEnoughDataError: There is no decoy.
        StatisticsError: The rank is not in 1 ... decoys + 1.

    References:
        Carlini et al. (2019), https://arxiv.org/abs/1802.08232.
    """
    place, others = _ranked(rank, decoys)
    return place / (others + 1)


def exposure(rank: int, decoys: int) -> float:
    """Exposure of a canary in bits: log2(decoys + 1) - log2(rank), by its rank among random decoys.

    Args:
        rank: 1 + the number of decoys that score at least as high.
        decoys: Random decoys, >= 1.

    Returns:
        Bits >= 0; under the null P(exposure >= e) = 2^-e, and its mean is 1.443.

    Raises:
        NotEnoughDataError: There is no decoy.
        StatisticsError: The rank is not in 1 ... decoys + 1.

    References:
        Carlini et al. (2019), https://arxiv.org/abs/1802.08232, section 4.2.
    """
    return -math.log2(canary_rank_p(rank, decoys))


def fisher_pooled(pvalues: Sequence[float]) -> float:
    """Fisher's pooled p-value of independent tests: -2 sum ln p against chi-squared with 2m degrees of freedom.

    Args:
        pvalues: In (0, 1], independent and uniform or larger under the null, as canary ranks are.

    Returns:
        The pooled p-value, in [0, 1].

    Raises:
        NotEnoughDataError: There is no p-value.
        StatisticsError: One is not in (0, 1].

    References:
        Fisher (1932), Statistical Methods for Research Workers, section 21.1.
    """
    values = _checks.fractions(pvalues, "pvalues")
    if values.min() == 0.0:
        raise StatisticsError("a p-value of 0 cannot come from a rank: it is at least 1 / (decoys + 1)")
    return float(stats.combine_pvalues(values, method="fisher").pvalue)


def extraction_probability(p_z: float, n: int) -> float:
    """Probability that n samples contain the secret at least once: 1 - (1 - p_z)^n.

    Args:
        p_z: Probability of the secret under one sample, in [0, 1], with the sampling scheme's
            temperature and truncation applied.
        n: Samples, >= 1.

    Returns:
        The probability in [0, 1].

    Raises:
        NotEnoughDataError: ``n`` is 0.
        StatisticsError: p_z is not in [0, 1].

    References:
        Hayes et al. (2024), https://arxiv.org/abs/2410.19482.
    """
    single = _checks.fraction(p_z, "p_z")
    _, samples = _checks.successes_of(0, n)
    return 1.0 if single == 1.0 else -math.expm1(samples * math.log1p(-single))


def n_for_extraction(p_z: float, p: float) -> int | None:
    """Least number of samples that contain the secret with probability p: (n, p)-discoverable.

    Args:
        p_z: Probability of the secret under one sample, in [0, 1].
        p: Probability asked for, in (0, 1).

    Returns:
        The number of samples; None where p_z is 0, as the sampling scheme then never gives the secret.

    Raises:
        StatisticsError: An argument is out of range.

    References:
        Hayes et al. (2024), https://arxiv.org/abs/2410.19482.
    """
    single = _checks.fraction(p_z, "p_z")
    asked = _checks.between(p, "p", low=0.0, high=1.0)
    if single in {0.0, 1.0}:
        return None if single == 0.0 else 1
    return max(1, math.ceil(math.log1p(-asked) / math.log1p(-single) - 1e-9))


def steinke_epsilon_lower_bound(m: int, r: int, v: int, *, delta: float = 0.0, confidence: float = 0.95) -> float:
    """Lower bound of the privacy loss epsilon from one training run.

    Args:
        m: Canaries, each of which was included with probability 1/2, independently.
        r: Canaries on which the auditor guessed; fixed before the result was seen.
        v: Guesses that were right.
        delta: Of the (epsilon, delta) that is tested, in [0, 1).
        confidence: One-sided, in (0, 1).

    Returns:
        The largest epsilon that the guesses refute, >= 0.

    Raises:
        NotEnoughDataError: Nothing was guessed.
        StatisticsError: Not v <= r <= m, or delta is out of range.

    References:
        Steinke, Nasr and Jagielski (2023), https://arxiv.org/abs/2305.08846, theorem 5.2 and appendix D.
    """
    right, guesses = _checks.successes_of(v, r)
    if _checks.count(m, "m") < guesses:
        raise StatisticsError(f"{guesses} guesses on {m} canaries")
    slack = _checks.fraction(delta, "delta")
    alpha = _checks.alpha_of(confidence)

    def refuted(epsilon: float) -> bool:
        return _steinke_p(m, guesses, right, epsilon=epsilon, delta=slack) < alpha

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high):
        low, high = high, high + 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


class Auc(NamedTuple):
    """Area under the ROC curve: the probability that a member scores above a non-member."""

    value: float
    interval: Interval


class TprAtFpr(NamedTuple):
    """Detection at a false-positive rate that the threshold keeps on the non-members seen."""

    tpr: float
    tpr_interval: Interval
    fpr: float
    """False-positive rate that the threshold has on the non-members, at most the one asked for."""
    fpr_interval: Interval
    threshold: float
    """A score above it counts as a member."""


def roc_auc(members: Sequence[float], others: Sequence[float], *, confidence: float = 0.95) -> Auc:
    """Area under the ROC curve with a score interval that does not vanish at 0 or 1.

    Args:
        members: Scores of members, higher meaning "member".
        others: Scores of non-members; ties count one half.
        confidence: Two-sided coverage, in (0, 1).

    Returns:
        The area with Newcombe's interval (his method 5: Hanley and McNeil's variance at the limit itself).

    Raises:
        NotEnoughDataError: One of the groups is empty.
        StatisticsError: A score is not a finite number.

    References:
        Newcombe (2006), https://doi.org/10.1002/sim.2324; Hanley and McNeil (1982).
    """
    inside, outside = _checks.finite(members, "members"), _checks.finite(others, "others")
    z = float(stats.norm.isf(_checks.alpha_of(confidence) / 2))
    statistic = float(stats.mannwhitneyu(inside, outside, method="asymptotic").statistic)
    pairs = inside.size * outside.size
    area, half = statistic / pairs, (inside.size + outside.size) / 2 - 1.0

    def score(theta: float) -> float:
        spread = 1.0 + half * ((1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta))
        return standardised(area - theta, theta * (1.0 - theta) * spread / pairs)

    low = outer_root(lambda theta: score(theta) - z, start=area, end=0.0)
    return Auc(area, Interval(low, outer_root(lambda theta: score(theta) + z, start=area, end=1.0)))


def tpr_at_fpr(members: Sequence[float], others: Sequence[float], *, fpr: float, confidence: float = 0.95) -> TprAtFpr:
    """True-positive rate at the lowest threshold that keeps the false-positive rate, with exact intervals.

    The intervals are Clopper-Pearson's at the threshold found; that of the false-positive rate says how well
    the non-members pin it down.

    Args:
        members: Scores of members, higher meaning "member".
        others: Scores of non-members; at least 1 / fpr of them.
        fpr: False-positive rate to keep, in (0, 1).
        confidence: Two-sided coverage of each interval, in (0, 1).

    Returns:
        Both rates with their intervals, and the threshold.

    Raises:
        NotEnoughDataError: A group is empty, or there are fewer than 1 / fpr non-members.
        StatisticsError: A score is not a finite number.

    References:
        Carlini et al. (2022), https://arxiv.org/abs/2112.03570.
    """
    inside, outside = _checks.finite(members, "members"), np.sort(_checks.finite(others, "others"))
    rate = _checks.between(fpr, "fpr", low=0.0, high=1.0)
    allowed = math.floor(rate * outside.size + 1e-9)
    if allowed < 1:
        needed = math.ceil(1.0 / rate - 1e-9)
        raise NotEnoughDataError(
            f"a false-positive rate of {rate:g} needs {needed} non-members, there are {outside.size}"
        )
    # A member lies strictly above the threshold, so that ties with it never add false positives.
    threshold = float(outside[outside.size - 1 - min(allowed, outside.size - 1)])
    hits, false = int((inside > threshold).sum()), int((outside > threshold).sum())
    return TprAtFpr(
        hits / inside.size,
        clopper_pearson(hits, inside.size, confidence=confidence),
        false / outside.size,
        clopper_pearson(false, outside.size, confidence=confidence),
        threshold,
    )


def _ranked(rank: int, decoys: int) -> tuple[int, int]:
    place, others = _checks.count(rank, "rank"), _checks.count(decoys, "decoys")
    if others == 0:
        raise NotEnoughDataError("no decoys: a rank among nothing is not measured")
    if not 1 <= place <= others + 1:
        raise StatisticsError(f"rank {place} is not in 1 ... {others + 1}: it counts the canary itself")
    return place, others


def _steinke_p(m: int, r: int, v: int, *, epsilon: float, delta: float) -> float:
    q = 1.0 / (1.0 + math.exp(-epsilon))
    tail = float(stats.binom.sf(v - 1, r, q))
    if delta == 0.0 or v == 0:
        return min(1.0, tail)
    steps = np.arange(1, v + 1)
    below = np.cumsum(stats.binom.pmf(v - steps, r, q))
    return min(1.0, tail + 2.0 * m * delta * float((below / steps).max()))
