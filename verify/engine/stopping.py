"""Checks that may end early: what their scores say at a look, and whether that decides them.

Pure: the same scores in the same order stop at the same look, so that a run that is resumed or audited stops
where the first one did.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from verify.deciding import decide
from verify.errors import NotEnoughDataError
from verify.methods.estimating import Estimator
from verify.planning import Planned, PlannedExamination
from verify.planning.resolving import metric_of
from verify.planning.stopping import looks
from verify.records import Estimate, ItemScore, Levels, Outcome
from verify.statistics import betting_interval

METHOD: Final = "confidence-sequence"

Decided: TypeAlias = Callable[[PlannedExamination, Sequence[ItemScore]], bool]
"""Whether the scores so far decide a check, so that nothing more has to be asked."""


def batches(examination: PlannedExamination) -> Iterator[range]:
    """Positions of the items that are asked together; after each batch but the last, the check may end."""
    stopping = examination.check.stopping
    every = stopping.look if stopping else len(examination.items)
    start = 0
    for stop in looks(examination.items, every=every):
        yield range(start, stop)
        start = stop


def decided_by(planned: Planned) -> Decided:
    """The rule by which the checks of a plan end: the rule of their verdicts itself."""
    plan = planned.plan

    def decided(examination: PlannedExamination, scores: Sequence[ItemScore]) -> bool:
        if examination.check.stopping is None:
            return False
        # The method's own estimate can only take a decision back, so it is made where there is one (it may be slow).
        for estimate in (_sequence, stopped_estimate):
            found = estimate(examination, scores, plan.levels)
            verdict = decide(examination.check, scores, found, min_clusters=plan.min_clusters)
            if verdict.verdict not in (Outcome.PASS, Outcome.FAIL):
                return False
        return True

    return decided


def stopped_estimate(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> Estimate | None:
    """The deciding metric of a check that may end early, as the mean of cluster means.

    Its interval and its one-sided bounds are those of a betting confidence sequence at the last look: they
    hold whenever one stops. What the method itself says of the same scores is never weakened: no number where it
    gives none, none that decides where it says that none may, and no end inside its own.

    Args:
        examination: The check; it has `stopping`.
        scores: Of the items asked so far.
        levels: Confidence of the interval and alpha of each bound.

    Returns:
        None where no item gave a number, or the method gives no estimate.
    """
    found, own = _sequence(examination, scores, levels), _own(examination, scores, levels)
    if found is None or own is None:
        return None
    return found.model_copy(
        update={
            "interval": _hull(found.interval, own.interval),
            "bounds": _hull(found.bounds, own.bounds),
            "display_only": own.display_only,
        }
    )


def _hull(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], two[0]), max(one[1], two[1])


def _own(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> Estimate | None:
    """The method's own estimate of the deciding metric."""
    check = examination.check
    try:
        made = list(examination.method.estimate(scores, levels=levels, estimand=check.estimand)) if scores else []
    except NotEnoughDataError:
        return None
    return next((e for e in made if e.metric == check.metric and e.group is None), None)


def _sequence(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> Estimate | None:
    """The betting confidence sequence alone."""
    if not scores:
        return None
    check, method = examination.check, examination.method
    metric = metric_of(method, check.metric)
    sample = Estimator(scores, levels=levels, estimand=check.estimand).sample(method.item_values[metric.name])
    clusters: dict[str, list[float]] = defaultdict(list)
    for value, cluster in zip(sample.values, sample.clusters, strict=True):
        clusters[cluster].append(value)
    means = [sum(values) / len(values) for values in clusters.values()]
    if not means:
        return None
    shown, decided = (
        betting_interval(means, low=metric.low, high=metric.high, confidence=confidence)
        for confidence in (levels.confidence, 1.0 - 2.0 * levels.alpha)
    )
    return Estimate(
        check=check.name,
        metric=metric.name,
        value=sum(means) / len(means),
        interval=(shown.low, shown.high),
        confidence=levels.confidence,
        method=METHOD,
        n=len(sample.values),
        n_clusters=len(means),
        n_unscored=sum(score.score.kind == "unscored" for score in scores),
        bounds=(decided.low, decided.high),
        alpha=levels.alpha,
        estimand=check.estimand,
        stopped_after=len(scores),
    )
