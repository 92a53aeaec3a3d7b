"""Checks that may end early: what their scores say at a look, and whether that decides them.

Pure: the same scores in the same order stop at the same look, so that a run that is resumed or audited stops
where the first one did.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from verify.deciding import decide
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
        estimate = stopped_estimate(examination, scores, plan.levels)
        verdict = decide(examination.check, scores, estimate, min_clusters=plan.min_clusters)
        return verdict.verdict in (Outcome.PASS, Outcome.FAIL)

    return decided


def stopped_estimate(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> Estimate | None:
    """The deciding metric of a check that may end early, as the mean of cluster means.

    Its interval and its one-sided bounds are those of a betting confidence sequence at the last look: they
    hold whenever one stops.

    Args:
        examination: The check; it has `stopping`.
        scores: Of the items asked so far.
        levels: Confidence of the interval and alpha of each bound.

    Returns:
        None where no item gave a number.
    """
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
