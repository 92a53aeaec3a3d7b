"""Checks about a finite list of items: what their scores say of the list itself.

A method's own intervals are about the population that its items stand for. Where a check claims something of the list
(`Check.estimand`), the means over all items are taken again as means of the list; what the method says of groups, and
of numbers that are no means over items, stays about the population, and each estimate says which it is.
"""

from collections.abc import Sequence
from typing import Final

from verify.errors import NotEnoughDataError
from verify.methods.estimating import Estimator, taker
from verify.planning import PlannedExamination
from verify.planning.resolving import metric_of
from verify.records import Estimand, Estimate, ItemScore, Levels, Scored
from verify.statistics import Extent, ListedMean, random_subset, whole_list

LISTED: Final[frozenset[Estimand]] = frozenset({"finite_list", "random_subset"})


def as_listed(
    examination: PlannedExamination, scores: Sequence[ItemScore], made: Sequence[Estimate], *, levels: Levels
) -> list[Estimate]:
    """A method's estimates, with the means over all items as means of the list.

    A mean that the method gives no interval for, because all items share one source, is made here where the whole
    list was asked: that needs no second source.

    Args:
        examination: The check, whose estimand is one of `LISTED`.
        scores: Of its items, unscored ones too.
        made: What the method says of them, about the population.
        levels: Confidence of the interval and alpha of each bound.
    """
    by_place = {(estimate.metric, estimate.group): estimate for estimate in made}
    for metric in examination.method.item_values:
        own = by_place.get((metric, None))
        found = _of_list(examination, scores, metric, levels)
        if found is not None:
            by_place[metric, None] = found.model_copy(update={"display_only": own is not None and own.display_only})
        elif own is not None:
            del by_place[metric, None]
    return list(by_place.values())


def _of_list(
    examination: PlannedExamination, scores: Sequence[ItemScore], name: str, levels: Levels
) -> Estimate | None:
    check, metric = examination.check, metric_of(examination.method, name)
    value = examination.method.item_values[name]
    sample = Estimator(scores, levels=levels, estimand=check.estimand).sample(value)
    scored = [score for score in scores if isinstance(score.score, Scored)]
    if not sample.values or min(sample.values) < metric.low or max(sample.values) > metric.high:
        return None  # a task of lm-eval that counts otherwise than its metric's name says has no known range
    of_all = all(taker(value)(score, score.score) is not None for score in scored if isinstance(score.score, Scored))
    # How many items of the list a metric is about that concerns some of them only, a part of them does not tell.
    extent = Extent(check.n_available, check.n_clusters_available) if of_all else None

    def at(confidence: float) -> ListedMean:
        if check.estimand == "finite_list":
            return whole_list(sample.values, low=metric.low, high=metric.high)
        return random_subset(
            sample.values, sample.clusters, of=extent, low=metric.low, high=metric.high, confidence=confidence
        )

    try:
        shown, decided = at(levels.confidence), at(1.0 - 2.0 * levels.alpha)
    except NotEnoughDataError:
        return None
    return Estimate(
        check=check.name,
        metric=name,
        value=shown.value,
        interval=shown.interval,
        confidence=levels.confidence,
        method=shown.method,
        n=len(sample.values),
        n_clusters=len(set(sample.clusters)),
        n_unscored=len(scores) - len(scored),
        bounds=decided.interval,
        alpha=levels.alpha,
        estimand=check.estimand,
    )
