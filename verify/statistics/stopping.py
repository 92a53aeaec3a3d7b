"""What a verdict that may stop early is worth: its exact error rates, and how soon it is reached.

The evidence is that of `EProcess`, looked at after given numbers of clusters only. On clusters of mean 0 or 1
it depends on their number and their sum alone, so that the chance of every course is summed, not simulated.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import stats

from verify.errors import StatisticsError
from verify.statistics import _checks
from verify.statistics.planning import Direction
from verify.statistics.sequential import STAKES


class StoppingOdds(NamedTuple):
    """How a claim about a rate ends, for a subject whose true rate is known."""

    passed: float
    failed: float
    undecided: float
    """At the declared maximum."""
    clusters: float
    """Mean number of clusters asked."""


def stopping_odds(
    looks: Sequence[int], true: float, *, bound: float, direction: Direction, alpha: float = 0.05
) -> StoppingOdds:
    """Chances of each verdict of a test that is looked at now and then and stops when it is decided: exact.

    Args:
        looks: Clusters asked at each look, rising; the last is the declared maximum.
        true: True rate of clusters of mean 1, the others having mean 0, in [0, 1].
        bound: The limit of the claim, in (0, 1).
        direction: Which side of the bound passes.
        alpha: Error of each verdict under any stopping, in (0, 1).

    Returns:
        The three chances, which sum to 1, and the mean number of clusters.

    Raises:
        StatisticsError: The looks do not rise, or an argument is out of range.

    References:
        Ville (1939); the looks are those of a group-sequential design, the evidence that of a mixture.
    """
    rate = _checks.fraction(true, "true")
    limit = _checks.between(bound, "bound", low=0.0, high=1.0)
    threshold = -math.log(_checks.between(alpha, "alpha", low=0.0, high=1.0))
    if not looks or looks[0] < 1 or any(b <= a for a, b in pairwise(looks)):
        raise StatisticsError("looks must be rising numbers of clusters, the first at least 1")
    if direction not in {"at_least", "at_most"}:
        raise StatisticsError(f"direction must be at_least or at_most, not {direction!r}")
    above = below = clusters = 0.0
    chance, seen = np.ones(1), 0
    for look in looks:
        clusters += (look - seen) * float(chance.sum())
        step = stats.binom.pmf(np.arange(look - seen + 1), look - seen, rate)
        chance, seen = np.convolve(chance, step), look
        low, high = rejecting(look, limit, threshold=threshold)
        below += float(chance[: low + 1].sum())
        above += float(chance[high:].sum())
        chance[: low + 1] = chance[high:] = 0.0
    passed, failed = (above, below) if direction == "at_least" else (below, above)
    return StoppingOdds(passed, failed, float(chance.sum()), clusters)


@lru_cache(maxsize=4096)
def rejecting(n: int, null: float, *, threshold: float) -> tuple[int, int]:
    """The greatest sum of n clusters that shows a mean below `null`, and the least that shows one above.

    Args:
        n: Clusters of mean 0 or 1.
        null: The value under test, in (0, 1).
        threshold: Log-evidence that suffices.

    Returns:
        (-1, n + 1) where no sum suffices on either side.
    """
    high = _least(n, null, threshold)
    low = n - _least(n, 1.0 - null, threshold)
    return low, high


def _least(n: int, null: float, threshold: float) -> int:
    """The least sum at which the mixture against "the mean is at most null" reaches the threshold; n + 1 if none."""
    low, high = math.floor(n * null), n + 1  # at or below the null the evidence is at most 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _log_mixture(n, middle, null) >= threshold else (middle, high)
    return high


def _log_mixture(n: int, hits: int, null: float) -> float:
    capital = hits * np.log((1.0 - STAKES) + STAKES / null) + (n - hits) * np.log(1.0 - STAKES)
    return float(np.logaddexp.reduce(capital)) - math.log(STAKES.size)
