"""Checks that may end early: which can, in which order they are asked, and when they are looked at.

The order is drawn from the plan's seed and fixed by digest before the first request. What is looked at is the
share over clusters (each by its mean), because items of one source are not independent.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from verify.methods.base import Metric
from verify.planning.items import AnyMethod
from verify.records import Bound, Item, Levels, Stopping, digest_of
from verify.statistics import EProcess

LOOK_ITEMS: Final = 32
"""Items between two looks: few enough to stop soon, enough to fill a batch of the runtime."""
SOONEST: Final = 0.5
"""A check may end early only where a faultless subject is decided within this part of its clusters: else the
price of looking would be paid and nothing saved."""

STOPPING_RULE: Final = (
    " A check with `stopping` is asked in the order that its digest fixes, cluster by cluster, and looked at after "
    "each batch: its bounds are those of a betting confidence sequence for the mean of cluster means, which hold at "
    "level 1 - alpha each under any stopping; it ends with the first look at which the rule above decides, or "
    "inconclusive with its last item. Its values are those of a stopped run, not unbiased scores."
)


def in_order(items: Sequence[Item], *, seed: int, name: str) -> tuple[Item, ...]:
    """The items with their clusters in a random order; within a cluster as they come.

    Args:
        items: Items of a check.
        seed: The plan's seed.
        name: `suite.check`, so that checks are shuffled independently.
    """
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.cluster_key].append(item)
    order = sorted(clusters)
    random.Random(f"{seed}/{name}/order").shuffle(order)  # noqa: S311  # sampling, not secrecy
    return tuple(item for key in order for item in clusters[key])


def stopping_for(
    method: AnyMethod, metric: Metric, bound: Bound, items: Sequence[Item], *, levels: Levels
) -> Stopping | None:
    """How a check may end early, or None where it has to be asked in full.

    It may where its deciding metric is a mean over items (`Method.item_values`) with the bound strictly within
    its range, and a faultless subject is decided within half of the clusters.

    Args:
        method: The check's method.
        metric: Its deciding metric.
        bound: The limit.
        items: Items in the order in which they are asked.
        levels: Error rates.
    """
    if metric.name not in method.item_values or not metric.low < bound.value < metric.high:
        return None
    clusters = len({item.cluster_key for item in items})
    if _soonest(metric, bound, most=int(SOONEST * clusters), alpha=levels.alpha) is None:
        return None
    return Stopping(order=digest_of([item.id for item in items]), look=LOOK_ITEMS)


def looks(items: Sequence[Item], *, every: int) -> tuple[int, ...]:
    """How many items have been asked at each look: whole clusters, at least `every` items further; then all."""
    found: list[int] = []
    for position in range(1, len(items)):
        whole = items[position].cluster_key != items[position - 1].cluster_key
        if whole and position - (found[-1] if found else 0) >= every:
            found.append(position)
    return (*found, len(items)) if items else ()


def cluster_looks(items: Sequence[Item], *, every: int) -> tuple[int, ...]:
    """The same as `looks`, in clusters asked instead of items."""
    return tuple(len({item.cluster_key for item in items[:at]}) for at in looks(items, every=every))


def _soonest(metric: Metric, bound: Bound, *, most: int, alpha: float) -> int | None:
    """Clusters after which a faultless subject is decided; None where `most` are not enough."""
    span = metric.high - metric.low
    process = EProcess((bound.value - metric.low) / span, side="above" if metric.better == "higher" else "below")
    ideal = (metric.ideal - metric.low) / span
    for number in range(1, most + 1):
        if process.update(ideal) >= 1.0 / alpha:
            return number
    return None
