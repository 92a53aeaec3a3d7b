"""Scores to estimates to verdicts: pure, so that a laptop can repeat it from the bundle."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from verify.deciding import adjust, decide, overall, p_value
from verify.engine.listed import LISTED, as_listed
from verify.engine.stopping import stopped_estimate
from verify.errors import NotEnoughDataError
from verify.planning import Planned, PlannedExamination
from verify.records import Estimand, Estimate, ItemScore, Levels, Outcome, Plan, Results, SubjectBrief, Verdict


class Concluded(NamedTuple):
    """What the scores of a run say."""

    estimates: tuple[Estimate, ...]
    verdicts: tuple[Verdict, ...]
    outcome: Outcome

    def as_results(self, plan: Plan, *, calibration: str | None = None) -> Results:
        """The record that goes into the bundle."""
        return Results(
            outcome=self.outcome,
            subject=SubjectBrief(name=plan.subject, digest=plan.subject_digest),
            plan=plan.content_digest(),
            estimates=self.estimates,
            verdicts=self.verdicts,
            calibration=calibration,
        )


def conclude(planned: Planned, scores: Mapping[str, Sequence[ItemScore]]) -> Concluded:
    """Estimate and decide every check of a plan, and adjust the list of non-conformities (Holm).

    Args:
        planned: The plan and its methods.
        scores: Check -> scores of its items.
    """
    plan = planned.plan
    estimates: list[Estimate] = []
    verdicts: list[Verdict] = []
    p_values: dict[str, float] = {}
    for examination in planned.examinations:
        check = examination.check
        own = scores.get(check.name, ())
        made = _estimate(examination, own, plan.levels)
        estimates.extend(made)
        verdict = decide(check, own, _deciding(made, check.metric), min_clusters=plan.min_clusters)
        verdicts.append(verdict)
        if verdict.verdict is Outcome.FAIL:
            p_values[check.name] = _p_value(examination, own, plan.levels)
    return Concluded(tuple(estimates), adjust(verdicts, p_values), overall(_counting(plan, verdicts)))


def _estimate(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> list[Estimate]:
    if not scores:
        return []
    check = examination.check
    listed = check.estimand in LISTED
    try:
        own: Estimand = "super_population" if listed else check.estimand
        made = list(examination.method.estimate(scores, levels=levels, estimand=own))
    except NotEnoughDataError:
        made = []  # the verdict says that nothing was measured
    if listed:
        return as_listed(examination, scores, made, levels=levels)
    if check.stopping is None:
        return made
    stopped = stopped_estimate(examination, scores, levels)
    # Other numbers of a check that may end early are shown; their intervals do not hold under stopping.
    shown = {"stopped_after": len(scores), "display_only": True}
    others = [e.model_copy(update=shown) for e in made if (e.metric, e.group) != (check.metric, None)]
    return [*([stopped] if stopped else []), *others]


def _deciding(estimates: Iterable[Estimate], metric: str) -> Estimate | None:
    return next((e for e in estimates if e.metric == metric and e.group is None), None)


def _p_value(examination: PlannedExamination, scores: Sequence[ItemScore], levels: Levels) -> float:
    check = examination.check

    def at(alpha: float) -> Estimate | None:
        other = levels.model_copy(update={"alpha": alpha})
        if check.stopping is not None:
            return stopped_estimate(examination, scores, other)
        if check.estimand in LISTED:  # what decided is the mean of the list, not the method's own estimate
            return _deciding(_estimate(examination, scores, other), check.metric)
        try:
            # Methods make their estimates one by one: none that comes after the deciding one is made.
            return _deciding(examination.method.estimate(scores, levels=other, estimand=check.estimand), check.metric)
        except NotEnoughDataError:
            return None

    return p_value(at, check.bound, alpha=levels.alpha)


def _counting(plan: Plan, verdicts: Sequence[Verdict]) -> list[Outcome]:
    """Outcomes that the overall one is made of: an open-ended check counts only where it failed or was not measured."""
    open_ended = {check.name for check in plan.checks if check.open_ended}
    return [v.verdict for v in verdicts if not (v.check in open_ended and v.verdict is Outcome.INCONCLUSIVE)]
