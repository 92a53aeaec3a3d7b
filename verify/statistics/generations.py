"""Several generations for one item: average within the item first, never pool n times K as independent."""

import math
from collections.abc import Hashable, Sequence

import numpy as np

from verify.errors import NotEnoughDataError, StatisticsError
from verify.statistics import _checks
from verify.statistics.clusters import ClusteredEstimate, clustered_mean


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that at least one of k generations is right, from n of which c are: 1 - C(n-c,k)/C(n,k).

    Args:
        n: Generations made for the item.
        c: Those that were right, 0 <= c <= n.
        k: Generations that one may try, 1 <= k <= n.

    Returns:
        The unbiased estimate, in [0, 1].

    Raises:
        NotEnoughDataError: ``n`` is 0, or k is more than n.
        StatisticsError: A count is not a count.

    Examples:
        >>> f"{pass_at_k(10, 3, 5):.7f}"
        '0.9166667'

    References:
        Chen et al. (2021), https://arxiv.org/abs/2107.03374
    """
    right, made = _checks.successes_of(c, n)
    tries = _checks.count(k, "k")
    if tries < 1:
        raise StatisticsError("k must be at least 1")
    if tries > made:
        raise NotEnoughDataError(f"pass@{tries} needs at least {tries} generations, there are {made}")
    return 1.0 - math.comb(made - right, tries) / math.comb(made, tries)


def items_times_generations(
    scores: Sequence[Sequence[float]],
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    low: float | None = None,
    high: float | None = None,
) -> ClusteredEstimate:
    """Mean over items, each of which was generated several times; each item weighs the same.

    Args:
        scores: For each item the scores of its generations, at least one; the numbers may differ.
        clusters: Source of each item, shape (n_items,); each item its own where None.
        confidence: Two-sided coverage, in (0, 1).
        low: Least value that a score can take.
        high: Greatest value that a score can take.

    Returns:
        The mean of the item means; ``n`` counts items, not generations.

    Raises:
        NotEnoughDataError: No item, an item without a generation, or one cluster only.
        StatisticsError: Lengths differ, or a value is no finite number.

    References:
        Miller (2024), https://arxiv.org/abs/2411.00640, section 3: Var = (omega^2 + sigma^2 / K) / n.
    """
    means = [float(np.mean(_checks.finite(item, f"scores[{place}]"))) for place, item in enumerate(scores)]
    sources = range(len(means)) if clusters is None else clusters
    return clustered_mean(means, sources, confidence=confidence, low=low, high=high)
