"""Two releases that were measured alike, check by check: what pairs say, and which items moved.

Nothing is asked: all comes from two bundles whose integrity the caller has checked.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from verify.deciding.comparison import (
    ASKED_POWER,
    Outlook,
    Scale,
    Weighed,
    decide_change,
    leaning,
    outlook,
    overall_change,
    p_equivalence,
    weigh,
    weigh_estimates,
)
from verify.deciding.gains import Estimated, EstimateGain
from verify.engine.pairing import Paired, by_check, differences, pair_up
from verify.engine.transcripts import Moved, choose, examples_of
from verify.errors import NotComparableError, NotEnoughDataError, UnknownNameError, UsageError
from verify.planning.items import AnyMethod
from verify.planning.resolving import Methods, metric_of
from verify.records import (
    Change,
    ChangeReason,
    ComparedCheck,
    Comparison,
    Estimate,
    ItemScore,
    KeptResponse,
    Levels,
    Manifest,
    Movement,
    Outcome,
    Particular,
    Plan,
    PlannedCheck,
    PlannedItem,
    Policy,
    Reason,
    Release,
    Results,
    Scored,
    Subject,
)
from verify.statistics import Interval, holm

EXAMPLES = 3
"""Items that are shown with their exchanges, of each check and in each direction."""

_ALL = {ChangeReason.MEASURED_OTHERWISE, ChangeReason.NO_SUCH_METHOD}
"""Reasons for which bundles are refused where no check has another."""
_CONDITIONS = ("kind", "architecture", "dtype", "device", "path", "context", "has_chat_template")


class Kept(Protocol):
    """A bundle whose integrity was checked."""

    @property
    def plan(self) -> Plan:
        """What was decided before the first request."""
        ...

    @property
    def subject(self) -> Subject:
        """The release."""
        ...

    @property
    def results(self) -> Results:
        """Estimates and verdicts."""
        ...

    @property
    def manifest(self) -> Manifest:
        """Digests."""
        ...

    def items(self) -> Iterator[PlannedItem]:
        """The items as they were asked."""
        ...

    def responses(self) -> Iterator[KeptResponse]:
        """The kept exchanges."""
        ...

    def scores(self) -> Iterator[ItemScore]:
        """One score for each item and repeat."""
        ...


class _Both(NamedTuple):
    """A check in both plans, with its scores; None where a plan lacks it."""

    before: PlannedCheck | None
    after: PlannedCheck | None
    scores: tuple[Sequence[ItemScore], Sequence[ItemScore]]

    @property
    def planned(self) -> PlannedCheck:
        """The check as the later plan has it."""
        found = self.after or self.before
        assert found is not None  # noqa: S101  # made from names that one of the plans has
        return found


class _Draft(NamedTuple):
    """A check on its way to an outcome; nothing was weighed where it is not comparable."""

    record: ComparedCheck
    scale: Scale
    """By which its items are better or worse."""
    weighed: Weighed | None = None


class _Obstacle(NamedTuple):
    """Why a check cannot be compared."""

    code: ChangeReason
    reason: str
    particulars: tuple[Particular, ...] = ()


def compare(before: Kept, after: Kept, *, policy: Policy, methods: Methods, examples: int = EXAMPLES) -> Comparison:
    """Compare two releases that were measured alike.

    Args:
        before: The release that is in service.
        after: The release that is to replace it.
        policy: Gives margins, error rates and the least number of independent sources.
        methods: All methods by name.
        examples: Items that are shown of each check and in each direction.

    Raises:
        NotComparableError: The two were measured under other conditions (access level, seed), share no check, or
            measured each that they share in another way.
        UsageError: The policy has a margin that no check can have.
        EvidenceError: A bundle contradicts itself.
    """
    _refuse_other_conditions(before, after)
    both = _both(before, after)
    _refuse_unknown_margins(policy, both)
    drafts = [_draft(each, before, after, policy=policy, methods=methods) for each in both]
    _refuse_if_nothing_alike(drafts)
    alike = _one_subject(before, after)
    same = {each.planned.name for each in both if alike and each.scores[0] == each.scores[1]}
    checks = [
        _as_it_was(check) if check.check in same else check
        for check in _decided(drafts, min_clusters=policy.min_clusters, alike=alike)
    ]
    waived = _waived(both, policy)
    moved = {e.planned.name: _moved(e, draft, count=examples) for e, draft in zip(both, drafts, strict=True)}
    shown = examples_of(moved, before.responses(), after.responses())
    checks = [check.model_copy(update={"examples": shown[check.check]}) for check in checks]
    return Comparison(
        outcome=overall_change(check.outcome for check in checks if check.check not in waived),
        before=_release(before),
        after=_release(after),
        policy=policy.id,
        policy_digest=policy.content_digest(),
        margins_planned=after.plan.policy_digest == policy.content_digest(),
        levels=_levels(policy),
        min_clusters=policy.min_clusters,
        seed=after.plan.seed,
        checks=tuple(checks),
        notes=_notes(before, after),
        conditions=_conditions(before, after),
        waived=waived,
    )


def _refuse_other_conditions(before: Kept, after: Kept) -> None:
    found = [
        (what, old, new)
        for what, old, new in (
            ("access level", before.subject.access.value, after.subject.access.value),
            ("seed", str(before.plan.seed), str(after.plan.seed)),
        )
        if old != new
    ]
    if found:
        raise NotComparableError(found)
    if not {c.name for c in before.plan.checks} & {c.name for c in after.plan.checks}:
        raise NotComparableError([("no check in common", None, None)])


def _refuse_if_nothing_alike(drafts: Sequence[_Draft]) -> None:
    if all(draft.record.code in _ALL for draft in drafts):
        raise NotComparableError(
            (f"{draft.record.check}: {each.name}", each.before, each.after)
            for draft in drafts
            for each in draft.record.particulars
        )


def _refuse_unknown_margins(policy: Policy, both: Sequence[_Both]) -> None:
    known = {each.planned.name for each in both}
    suites = {each.planned.suite for each in both}
    for own in policy.margins:
        if own.check.split(".")[0] in suites and own.check not in known:
            raise UnknownNameError(f"check (margin of policy {policy.id!r})", own.check, known=known)


def _waived(both: Sequence[_Both], policy: Policy) -> tuple[str, ...]:
    """Checks that neither release measured, where the policy allows that of a run."""
    if Outcome.NOT_MEASURED.value not in policy.allow:
        return ()
    return tuple(
        each.planned.name
        for each in both
        if each.before is not None
        and each.after is not None
        and None not in (each.before.not_measured, each.after.not_measured)
    )


def _both(before: Kept, after: Kept) -> list[_Both]:
    old, new = ({check.name: check for check in kept.plan.checks} for kept in (before, after))
    scores_old, scores_new = by_check(before.scores()), by_check(after.scores())
    return [
        _Both(old.get(name), new.get(name), (scores_old.get(name, ()), scores_new.get(name, ())))
        for name in {**new, **old}
    ]


def _draft(both: _Both, before: Kept, after: Kept, *, policy: Policy, methods: Methods) -> _Draft:
    planned = both.planned
    own = {margin.check: margin.margin for margin in policy.margins}
    margin = own.get(planned.name, policy.default_margin)
    estimates = [_deciding(kept.results, planned) for kept in (before, after)]
    draft = ComparedCheck(
        check=planned.name,
        title=planned.title,
        metric=planned.metric,
        better=planned.better,
        margin=margin,
        outcome=Change.NOT_COMPARABLE,
        code=ChangeReason.NOTHING_PAIRED,
        reason="no item has a score in both releases",
        before=estimates[0],
        after=estimates[1],
    )
    obstacle = _obstacle(both, draft, methods=methods)
    if obstacle is not None:
        update: dict[str, object] = {**obstacle._asdict()}
        if obstacle.code is ChangeReason.MEASURED_OTHERWISE:
            update["differences"] = tuple(str(each) for each in obstacle.particulars)
        return _Draft(draft.model_copy(update=update), Scale(0.0, 1.0, planned.better))
    method = methods[planned.method].make(dict(planned.parameters), seed=after.plan.seed)
    metric = metric_of(method, planned.metric)
    scale = Scale(metric.low, metric.high, metric.better)
    if planned.metric in method.item_sizes:
        scale = Scale(*(metric.scores or (-metric.high, metric.high)), metric.better, sized=True)
    if margin >= scale.span:
        raise UsageError(
            f"policy {policy.id!r}: the margin {margin:g} of {planned.name} is not less than the whole range "
            f"[{scale.low:g}, {scale.high:g}] of {planned.metric}"
        )
    pick = {**method.item_values, **method.item_sizes}.get(planned.metric)
    if pick is None:
        return _weighed_estimates(draft, both, method, scale, levels=_levels(policy))
    return _weighed(draft, pair_up(*both.scores, pick), both, scale, levels=_levels(policy))


def _obstacle(both: _Both, draft: ComparedCheck, *, methods: Methods) -> _Obstacle | None:
    """Why a check cannot be compared, seen before its scores are."""
    if both.before is None or both.after is None:
        side = "before" if both.after is None else "after"
        only = Particular(name="asked", **{side: "yes"})
        return _Obstacle(ChangeReason.MEASURED_OTHERWISE, f"only the release {side} was asked this", (only,))
    found = differences(both.before, both.after)
    if found:
        return _Obstacle(ChangeReason.MEASURED_OTHERWISE, "; ".join(map(str, found)), found)
    sides = (("before", both.before, both.scores[0], draft.before), ("after", both.after, both.scores[1], draft.after))
    for side, planned, _, _ in sides:
        if planned.not_measured is not None:
            code = Reason(planned.not_measured_code or Reason.ACCESS_LEVEL).value
            why = Particular(name="not_measured", **{side: code})
            return _Obstacle(ChangeReason.NOT_MEASURED, f"{side}: {planned.not_measured}", (why,))
    for side, planned, scores, _ in sides:
        asked = len({score.item for score in scores})
        if asked < planned.n_items:
            text = f"{side}: the check ended after {asked} of {planned.n_items} items; run it with --no-sequential"
            ended = Particular(name="ended_after", **{side: f"{asked}/{planned.n_items}"})
            return _Obstacle(ChangeReason.ENDED_EARLY, text, (ended,))
    method, planned = methods.get(both.after.method), both.after
    if method is None or method.version != planned.method_version:
        here = "none" if method is None else f"version {method.version}"
        text = f"measured with {planned.method!r} version {planned.method_version}; here is {here}"
        used = Particular(name="method_here", before=f"{planned.method} {planned.method_version}", after=here)
        return _Obstacle(ChangeReason.NO_SUCH_METHOD, text, (used,))
    made = method.make(dict(planned.parameters), seed=0)
    lacking = any(not isinstance(score.score, Scored) for side in both.scores for score in side)
    if planned.metric not in {*made.item_values, *made.item_sizes} and lacking:
        text = f"{planned.metric} is no mean over items, and items lack a score: the estimates stand side by side"
        return _Obstacle(ChangeReason.NO_ITEM_VALUE, text)
    for side, _, _, estimate in sides:
        if estimate is not None and estimate.display_only:
            shown = Particular(name="display_only", **{side: "yes"})
            text = f"{side}: the estimate is for display; nothing may rest on it"
            return _Obstacle(ChangeReason.DISPLAY_ONLY, text, (shown,))
    return None


def _weighed(draft: ComparedCheck, paired: Paired, both: _Both, scale: Scale, *, levels: Levels) -> _Draft:
    record = draft.model_copy(
        update={
            "unscored_before": paired.unscored_before,
            "unscored_after": paired.unscored_after,
            "unscored_both": paired.unscored_both,
        }
    )
    allowed = min(check.max_unscored for check in (both.before, both.after) if check is not None)
    if paired.pairs and paired.lost > allowed:
        total = len(paired.pairs) + paired.unscored_both
        reason = (
            f"{paired.n_lost} of {total} pairs lack a score (before {paired.unscored_before}, after "
            f"{paired.unscored_after}, both {paired.unscored_both}); at most {allowed:.0%} may"
        )
        return _Draft(record.model_copy(update={"code": ChangeReason.TOO_MANY_LOST, "reason": reason}), scale)
    try:
        weighed = weigh(paired.pairs, scale, margin=draft.margin, levels=levels)
    except NotEnoughDataError as error:
        return _Draft(record.model_copy(update={"reason": str(error)}), scale)
    by_item = leaning(paired.pairs, scale)
    worse, better = _movements(paired, by_item, margin=draft.margin)
    seen = outlook(weighed, margin=draft.margin)
    return _Draft(
        record.model_copy(
            update={
                "test": weighed.test,
                "worst_case": weighed.worst_case,
                "best_case": weighed.best_case,
                "p_noninferior": weighed.p_noninferior,
                "p_regression": weighed.p_regression,
                "power": seen.power,
                "minimum_detectable": seen.minimum_detectable,
                "regressions": worse,
                "improvements": better,
                "warnings": _warnings(seen, draft.margin),
            }
        ),
        by_item,
        weighed,
    )


def _weighed_estimates(draft: ComparedCheck, both: _Both, method: AnyMethod, scale: Scale, *, levels: Levels) -> _Draft:
    """A metric that is no mean over items: both releases' estimates, made again at each level that is needed."""

    def at(scores: Sequence[ItemScore], level: float) -> Estimated:
        asked = Levels(confidence=1.0 - 2.0 * level, alpha=level)
        made = method.estimate(scores, levels=asked, estimand=both.planned.estimand)
        found = next((e for e in made if (e.metric, e.group) == (draft.metric, None) and not e.display_only), None)
        if found is None:
            raise NotEnoughDataError(f"a release has no estimate of {draft.metric} that a decision may rest on")
        ends = sorted(scale.good(end) for end in found.bounds)
        return Estimated(scale.good(found.value), Interval(*ends), found.n_clusters)

    before, after = both.scores
    try:
        gain = EstimateGain(partial(at, before), partial(at, after), alpha=levels.alpha)
        weighed = weigh_estimates(gain, span=scale.span, n=len(after), margin=draft.margin, levels=levels)
    except NotEnoughDataError as error:
        return _Draft(draft.model_copy(update={"reason": str(error)}), scale)
    seen = outlook(weighed, margin=draft.margin)
    return _Draft(
        draft.model_copy(
            update={
                "test": weighed.test,
                "p_noninferior": weighed.p_noninferior,
                "p_regression": weighed.p_regression,
                "power": seen.power,
                "minimum_detectable": seen.minimum_detectable,
                "warnings": _warnings(seen, draft.margin),
            }
        ),
        scale,
        weighed,
    )


def _warnings(seen: Outlook, margin: float) -> tuple[str, ...]:
    if seen.power >= ASKED_POWER:
        return ()
    text = (
        f"power {seen.power:.2f} at the margin {margin:g}: a release that is no worse passes with that "
        f"probability only (asked: {ASKED_POWER:g}); ask more items or declare a wider margin before the run"
    )
    return (text,)


def _movements(paired: Paired, scale: Scale, *, margin: float) -> tuple[tuple[Movement, ...], tuple[Movement, ...]]:
    """Items that moved by more than the margin, the worse ones first; each list by size, then by id."""
    moved: list[tuple[float, Movement]] = []
    for pair in paired.pairs:
        if pair.before is not None and pair.after is not None:
            gain = scale.good(pair.after) - scale.good(pair.before)
            if abs(gain) > margin:
                moved.append((gain, Movement(item=pair.item, repeat=pair.repeat, before=pair.before, after=pair.after)))
    moved.sort(key=lambda each: (-abs(each[0]), each[1].item, each[1].repeat))
    return tuple(m for gain, m in moved if gain < 0), tuple(m for gain, m in moved if gain > 0)


def _decided(drafts: Sequence[_Draft], *, min_clusters: int, alike: bool) -> list[ComparedCheck]:
    family = [draft.weighed.p_regression for draft in drafts if draft.weighed]
    adjusted = iter(holm(family) if family else ())
    checks = []
    for draft in drafts:
        if draft.weighed is None:
            checks.append(draft.record)
            continue
        holm_p = next(adjusted)
        outcome, code, reason = decide_change(
            draft.weighed, margin=draft.record.margin, holm_p=holm_p, min_clusters=min_clusters
        )
        update: dict[str, object] = {"outcome": outcome, "code": code, "reason": reason, "holm_adjusted_p": holm_p}
        if code is ChangeReason.FEW_CLUSTERS:  # what nothing is decided from says nothing of power either
            update |= {"power": None, "minimum_detectable": None, "warnings": ()}
        elif alike:
            update["p_equivalence"] = p_equivalence(draft.weighed)
        checks.append(draft.record.model_copy(update=update))
    return checks


def _as_it_was(check: ComparedCheck) -> ComparedCheck:
    """A check whose every score one subject got again: nothing is open, whatever so many items could show of others."""
    open_for_now = {ChangeReason.INTERVAL_HOLDS_MARGIN, ChangeReason.FEW_CLUSTERS, ChangeReason.NO_ITEM_VALUE}
    if check.code not in open_for_now or check.before is None:
        return check
    reason = "the same subject got the same score for every item"
    return check.model_copy(
        update={"outcome": Change.NO_WORSE, "code": ChangeReason.SAME_SCORES, "reason": reason, "warnings": ()}
    )


def _moved(both: _Both, draft: _Draft, *, count: int) -> Moved:
    clusters = {score.item: score.cluster for side in both.scores for score in side}
    worse, better = (
        choose(moved, draft.scale, clusters=clusters, count=count)
        for moved in (draft.record.regressions, draft.record.improvements)
    )
    return Moved(worse, better, *both.scores)


def _deciding(results: Results, planned: PlannedCheck) -> Estimate | None:
    for estimate in results.estimates:
        if (estimate.check, estimate.metric, estimate.group) == (planned.name, planned.metric, None):
            return estimate
    return None


def _release(kept: Kept) -> Release:
    return Release(
        subject=kept.subject.name,
        subject_digest=kept.subject.digest,
        bundle=kept.manifest.root,
        plan=kept.plan.content_digest(),
    )


def _levels(policy: Policy) -> Levels:
    return Levels(confidence=policy.confidence, alpha=policy.alpha)


def _one_subject(before: Kept, after: Kept) -> bool:
    return before.subject.digest == after.subject.digest


def _notes(before: Kept, after: Kept) -> tuple[str, ...]:
    one = "both bundles are of the same subject: what differs is repeatability, not a release"
    return (*((one,) if _one_subject(before, after) else ()), *map(str, _conditions(before, after)))


def _conditions(before: Kept, after: Kept) -> tuple[Particular, ...]:
    both = [(name, getattr(before.subject, name), getattr(after.subject, name)) for name in _CONDITIONS]
    versions = [kept.plan.engine.get("ax-verify", "?") for kept in (before, after)]
    both.append(("ax-verify", versions[0], versions[1]))
    return tuple(Particular(name=name, before=str(old), after=str(new)) for name, old, new in both if old != new)
