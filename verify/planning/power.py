"""What the items can decide, before a single request is made."""

from verify.methods.base import Metric
from verify.records import Bound, Levels
from verify.statistics import clopper_pearson

MAX_SEARCH = 200_000


def n_to_pass(metric: Metric, bound: Bound, *, levels: Levels) -> int | None:
    """Independent items at which a subject without any defect just passes.

    For a share with limit L this is the n at which the one-sided Clopper-Pearson bound of n out of n
    (or 0 out of n) reaches L: 1 - alpha**(1/n), inverted by doubling and bisection (rule of three).

    Returns:
        The number, or None where no number of items could pass, or the metric is not a share in [0, 1]
        whose ideal is an end of the range.
    """
    if (metric.low, metric.high) != (0.0, 1.0) or metric.ideal not in (0.0, 1.0):
        return None
    if bound.value == metric.ideal:
        return None

    def passes(n: int) -> bool:
        hits = n if metric.ideal == 1.0 else 0
        interval = clopper_pearson(hits, n, confidence=1.0 - 2.0 * levels.alpha)
        return interval.low >= bound.value if metric.ideal == 1.0 else interval.high <= bound.value

    high = 1
    while not passes(high):
        high *= 2
        if high > MAX_SEARCH:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def warnings_for(
    *, metric: Metric, bound: Bound, levels: Levels, n_clusters: int, min_clusters: int
) -> tuple[str, ...]:
    """What the reader should know before the run about a check's power."""
    found: list[str] = []
    if n_clusters < min_clusters:
        found.append(f"{n_clusters} independent sources; a verdict needs {min_clusters}: will be inconclusive")
    needed = n_to_pass(metric, bound, levels=levels)
    if needed is not None and n_clusters < needed:
        found.append(
            f"even a faultless subject needs {needed} independent sources to pass {bound}; there are {n_clusters}"
        )
    if bound.value == metric.ideal:
        found.append(f"the bound {bound} is the ideal value itself; no finite number of items can show it")
    return tuple(found)
