"""Verdicts that may stop early: e-processes, which hold their error under *any* stopping rule.

The unit is the cluster, by its mean score in [0, 1]; its order is drawn and committed before the run by
the caller. For a rate m under test and a stake u in (0, 1) the capital of a bettor who stakes u/m on "the
mean is above m" grows by the factor

    1 + (u / m) * (x - m) = (1 - u) + u * x / m        for each cluster mean x,

which is never negative and has conditional expectation <= 1 as long as E[x | past] <= m. The product is
therefore a supermartingale under the whole composite null, whatever the distribution of x within [0, 1],
and so is the average over stakes. By Ville's inequality it ever reaches 1/alpha with probability <= alpha.
On 0/1 data the factors are the likelihood ratios of p1 = m + u * (1 - m) against m: the mixture e-process.
"""

import math
from collections.abc import Hashable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from verify.errors import StatisticsError
from verify.statistics import _checks
from verify.statistics.intervals import Interval
from verify.statistics.planning import Direction

STAKES: Final = np.arange(1, 201) / 201.0
"""Equally weighted stakes u; 200 of them approximate the uniform mixture."""

BISECTIONS: Final = 50


class EProcess:
    """Evidence, gathered cluster by cluster, that a mean lies on one side of a value.

    Args:
        null: The value, in (0, 1).
        side: ``above`` tests "the mean is at most null", ``below`` "the mean is at least null".

    Raises:
        StatisticsError: The value is not in (0, 1), or the side is none.

    References:
        Ville (1939); Waudby-Smith and Ramdas (2024), https://arxiv.org/abs/2010.09686.
    """

    def __init__(self, null: float, *, side: Literal["above", "below"]) -> None:
        value = _checks.between(null, "null", low=0.0, high=1.0)
        if side not in {"above", "below"}:
            raise StatisticsError(f"side must be above or below, not {side!r}")
        self._flip = side == "below"
        self._null = 1.0 - value if self._flip else value
        self._log_capital = np.zeros(STAKES.size)
        self._log_peak = 0.0
        self._n = 0

    @property
    def n(self) -> int:
        """Clusters seen."""
        return self._n

    @property
    def value(self) -> float:
        """The e-value now, >= 0; ``inf`` where it is too large for a float."""
        return _exp(self._log_value())

    @property
    def p(self) -> float:
        """Anytime-valid p-value: 1 over the highest e-value so far, at most 1."""
        return _exp(-self._log_peak)

    def update(self, mean: float) -> float:
        """Add the mean score of the next cluster.

        Args:
            mean: In [0, 1].

        Returns:
            The e-value after it.

        Raises:
            StatisticsError: The mean is not a number in [0, 1].
        """
        x = _checks.fraction(float(mean) if isinstance(mean, bool) else mean, "mean")
        x = 1.0 - x if self._flip else x
        self._log_capital += np.log((1.0 - STAKES) + STAKES * (x / self._null))
        self._n += 1
        self._log_peak = max(self._log_peak, self._log_value())
        return self.value

    def _log_value(self) -> float:
        return float(np.logaddexp.reduce(self._log_capital)) - math.log(STAKES.size)


class Stopped(NamedTuple):
    """Where a sequential test stands."""

    decision: Literal["pass", "fail", "undecided"]
    n_clusters: int
    p_pass: float
    """Anytime p of "the claim does not hold"."""
    p_fail: float
    """Anytime p of "the claim holds"."""


class SequentialTest:
    """A claim about a rate, decided as soon as the evidence suffices; alpha is split between both verdicts.

    The claim is about the mean of *cluster means*: declare it so in the plan. Not to be combined with an
    order that depends on the answers.

    Args:
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        alpha: Error of both verdicts together, under any stopping; each has half of it.

    Raises:
        StatisticsError: An argument is out of range.
    """

    def __init__(self, bound: float, direction: Direction, *, alpha: float = 0.05) -> None:
        self._alpha = _checks.between(alpha, "alpha", low=0.0, high=1.0)
        above, below = EProcess(bound, side="above"), EProcess(bound, side="below")
        if direction not in {"at_least", "at_most"}:
            raise StatisticsError(f"direction must be at_least or at_most, not {direction!r}")
        self._pass, self._fail = (above, below) if direction == "at_least" else (below, above)

    def update(self, mean: float) -> Stopped:
        """Add the mean score of the next cluster.

        Args:
            mean: In [0, 1].

        Returns:
            The verdict, which once reached stays; both may be reached only by an error of one of them,
            and then the one with the smaller p stands.

        Raises:
            StatisticsError: The mean is not a number in [0, 1].
        """
        if self.state.decision == "undecided":
            self._pass.update(mean)
            self._fail.update(mean)
        return self.state

    @property
    def state(self) -> Stopped:
        """Where the test stands."""
        half, good, bad = self._alpha / 2, self._pass.p, self._fail.p
        if min(good, bad) > half:
            return Stopped("undecided", self._pass.n, good, bad)
        return Stopped("pass" if good <= bad else "fail", self._pass.n, good, bad)


def confidence_sequence(means: Sequence[float], *, confidence: float = 0.95) -> tuple[Interval, ...]:
    """Intervals for a mean that hold *all at once*, after each cluster: one may stop at any of them.

    Args:
        means: Mean scores of the clusters in [0, 1], in the order committed before the run, shape (n,).
        confidence: Probability that every interval holds the mean, in (0, 1).

    Returns:
        After each cluster the intersection of the intervals so far. Should they contradict each other,
        which happens with probability at most 1 - confidence, the last that did not stands.

    Raises:
        NotEnoughDataError: There is no cluster.
        StatisticsError: A mean is not in [0, 1].

    References:
        Waudby-Smith and Ramdas (2024), https://arxiv.org/abs/2010.09686.
    """
    scores = _checks.fractions(means, "means")
    threshold = -math.log(_checks.alpha_of(confidence) / 2)
    low, high = 0.0, 1.0
    found = []
    for stop in range(1, scores.size + 1):
        seen = scores[:stop]
        lower, upper = _lower(seen, threshold, start=low), 1.0 - _lower(1.0 - seen, threshold, start=1.0 - high)
        if max(low, lower) < min(high, upper):
            low, high = max(low, lower), min(high, upper)
        found.append(Interval(low, high))
    return tuple(found)


def betting_interval(
    values: Sequence[float],
    *,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """Interval for the mean of bounded scores with guaranteed coverage, for any distribution.

    It is the confidence sequence read once, at the end, so that the order does not matter. Wider than t by
    a half or so, and right where t is not: many zeros, few items, scores near an end.

    Items of one cluster are one round of the bet, with a stake in proportion to their number: the factor
    1 + u (m / m_max) (x - mean) / (mean - low) of a cluster of m items with the mean x has expectation 1 where the
    mean over *items* is the one under test, whatever the sizes and whatever binds the items of a cluster.

    Args:
        values: Scores, shape (n,).
        low: Least value that a score can take.
        high: Greatest value that a score can take.
        confidence: Two-sided coverage, in (0, 1).
        clusters: Source of each score, shape (n,); each its own where None.

    Returns:
        Both ends, in [low, high].

    Raises:
        NotEnoughDataError: There is no value.
        StatisticsError: A value is not finite or outside the range.
    """
    unit, span = _in_unit(values, low=low, high=high)
    threshold = -math.log(_checks.alpha_of(confidence) / 2)
    lower = _lower(unit, threshold, start=0.0, clusters=clusters)
    upper = 1.0 - _lower(1.0 - unit, threshold, start=0.0, clusters=clusters)
    return Interval(low + span * lower, low + span * upper)


def betting_p(
    values: Sequence[float],
    *,
    null: float,
    side: Literal["above", "below"],
    low: float = 0.0,
    high: float = 1.0,
    clusters: Sequence[Hashable] | None = None,
) -> float:
    """P-value of "the mean does not lie on that side of null", 1 over the capital of `betting_interval`'s bet.

    Args:
        values: Scores, shape (n,).
        null: Value under test, strictly between low and high.
        side: ``above`` tests "the mean is at most null", ``below`` "the mean is at least null".
        low: Least value that a score can take.
        high: Greatest value that a score can take.
        clusters: Source of each score, shape (n,); each its own where None.

    Returns:
        In (0, 1]; by Markov's inequality at most alpha with probability at most alpha where the null holds.

    Raises:
        NotEnoughDataError: There is no value.
        StatisticsError: An argument is out of range.
    """
    unit, span = _in_unit(values, low=low, high=high)
    at = (_checks.between(null, "null", low=low, high=high) - low) / span
    rounds = _rounds(unit if side == "above" else 1.0 - unit, clusters)
    return min(1.0, math.exp(-_log_mixture(rounds, at if side == "above" else 1.0 - at)))


class _Rounds(NamedTuple):
    """Distinct rounds of a bet: mean, relative stake, how often."""

    levels: _checks.Floats
    weights: _checks.Floats
    counts: _checks.Ints


def _in_unit(values: Sequence[float], *, low: float, high: float) -> tuple[_checks.Floats, float]:
    scores = _checks.finite(values, "values")
    span = _checks.span_of(scores, low=low, high=high)
    return np.clip((scores - low) / span, 0.0, 1.0), span


def _rounds(unit: _checks.Floats, clusters: Sequence[Hashable] | None) -> _Rounds:
    if clusters is None:
        levels, counts = np.unique(unit, return_counts=True)
        return _Rounds(levels, np.ones(levels.size), counts)
    codes = _checks.coded(clusters, n_items=unit.size)
    sizes = codes.sizes.astype(np.float64)
    made = np.column_stack([codes.sums(unit) / sizes, sizes / sizes.max()])
    found, counts = np.unique(made, axis=0, return_counts=True)
    return _Rounds(found[:, 0], found[:, 1], counts)


def _lower(
    seen: _checks.Floats, threshold: float, *, start: float, clusters: Sequence[Hashable] | None = None
) -> float:
    """Greatest m >= start that is still rejected as "the mean is at most m"; evidence falls as m grows."""
    inside, outside = start, float(seen.mean())
    rounds = _rounds(seen, clusters)
    if outside <= start or _log_mixture(rounds, start) < threshold:
        return start
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if _log_mixture(rounds, middle) >= threshold else (inside, middle)
    return inside


def _log_mixture(rounds: _Rounds, m: float) -> float:
    if m <= 0.0:
        return math.inf if rounds.levels.any() else 0.0
    stakes = STAKES[:, None] * rounds.weights[None, :]
    factors = np.log((1.0 - stakes) + stakes * (rounds.levels[None, :] / m))
    return float(np.logaddexp.reduce(factors @ rounds.counts)) - math.log(STAKES.size)


def _exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700.0 else math.inf
