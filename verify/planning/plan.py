"""The plan: every check with its items, method, bound and error rates, fixed by digest."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from verify import __version__
from verify.errors import ContentError, UnknownNameError, UsageError
from verify.loading import Row, SuiteFolder, file_digest
from verify.planning.items import AnyMethod, ItemSet, build_items, check_files, draw_items, read_rows
from verify.planning.power import n_to_pass, power_of, warnings_for
from verify.planning.resolving import Methods, bound_at, bound_problem, clauses_of, metric_of, resolve_method
from verify.planning.stopping import STOPPING_RULE, cluster_looks, in_order, stopping_for
from verify.planning.suites import open_suites
from verify.records import (
    Bound,
    Check,
    Estimand,
    Framework,
    Item,
    Levels,
    Plan,
    PlannedCheck,
    PlannedSuite,
    Policy,
    Reason,
    Subject,
    digest_of,
)
from verify.statistics import Extent, equal_clusters, units_drawn

LIST_RULE: Final = (
    " A check about a finite list (`finite_list`) asks all of it: nothing is sampled, and its bounds reach one item "
    "to either side of the value, so that a verdict stands whichever single item fell the other way; no minimum of "
    "sources is asked. Of a random part of a list (`random_subset`) the bounds are hypergeometric or corrected for the "
    "finite population, at level 1 - alpha each. Neither ends early."
)


class PlanInputs(NamedTuple):
    """What a plan is made from, besides the subject."""

    policy: Policy
    suites: Sequence[str] = ()
    """Names or folders, or `lm-eval/TASK`; empty takes the policy's."""
    seed: int = 0
    limit: int | None = None
    """Most items a check; None takes the policy's."""
    inputs: Mapping[str, Path] = {}
    """Further inputs by name (`canaries`) -> JSONL file."""
    only: frozenset[str] = frozenset()
    """`suite.check` names to plan; empty takes all checks of the suites."""
    sequential: bool | None = None
    """Whether checks end as soon as they are decided; None takes the policy's."""
    bounds: Mapping[str, float] = {}
    """`suite.check` -> limit, in place of the policy's and the suite's; the metric's direction says which side."""
    data_root: Path | None = None
    """Folder of local copies of the data sets that some methods bring."""


class PlannedExamination(NamedTuple):
    """A check that will be asked: its place in the plan, its method and its items."""

    check: PlannedCheck
    method: AnyMethod
    items: tuple[Item, ...]


class Obstacle(NamedTuple):
    """Why a check cannot be measured on a subject."""

    reason: Reason
    text: str
    lacking: tuple[str, ...] = ()
    """Inputs or kinds of request that it needs and that there are not."""


class Planned(NamedTuple):
    """A plan and the live objects that carry it out."""

    plan: Plan
    examinations: tuple[PlannedExamination, ...]
    """One for each check of the plan, in order; no items where a check cannot be measured."""


def make_plan(
    subject: Subject, inputs: PlanInputs, *, methods: Methods, frameworks: Mapping[str, Framework]
) -> Planned:
    """Resolve every name, read and expand every item, and fix all of it.

    Raises:
        UsageError: A name that nothing has, or a bound for a check that is not in the plan.
        ContentError: A content file is wrong; file, line and field are named.
    """
    policy = inputs.policy
    levels = Levels(confidence=policy.confidence, alpha=policy.alpha)
    folders = open_suites(inputs.suites or policy.suites, root=inputs.data_root, bounds=inputs.bounds)
    _refuse_twice(folders)
    overrides = {o.check: o.bound for o in policy.bounds}
    limit = inputs.limit if inputs.limit is not None else policy.limit
    sequential = policy.sequential if inputs.sequential is None else inputs.sequential
    examinations: list[PlannedExamination] = []
    for loaded in folders:
        for position, check in enumerate(loaded.suite.checks):
            if not _wanted(f"{loaded.suite.id}.{check.id}", inputs):
                continue
            line = loaded.lines.get(("checks", position))
            method = resolve_method(check, loaded.folder, methods=methods, seed=inputs.seed, line=line)
            examinations.append(
                _plan_check(
                    check,
                    loaded,
                    method,
                    subject=subject,
                    levels=levels,
                    policy=policy,
                    sequential=sequential,
                    bound=_bound(f"{loaded.suite.id}.{check.id}", check, method, overrides, inputs.bounds),
                    rows_from=inputs.inputs,
                    root=inputs.data_root,
                    limit=limit,
                    seed=inputs.seed,
                    clauses=clauses_of(f"{loaded.suite.id}.{check.id}", frameworks),
                )
            )
    _refuse_unknown_overrides(policy, folders)
    _refuse_unknown_checks(inputs.only, folders)
    _refuse_unknown_checks(frozenset(inputs.bounds), folders)
    _refuse_unknown_checks(_of_suites(policy.without, folders), folders)
    plan = Plan(
        subject=subject.name,
        subject_digest=subject.digest,
        policy=policy.id,
        policy_digest=policy.content_digest(),
        allow=policy.allow,
        levels=levels,
        min_clusters=policy.min_clusters,
        seed=inputs.seed,
        limit=limit,
        suites=tuple(planned_suite(loaded, methods, inputs.seed) for loaded in folders),
        checks=tuple(e.check for e in examinations),
        inputs={name: file_digest([path]) for name, path in sorted(inputs.inputs.items())},
        frameworks={f.id: f.content_digest() for f in frameworks.values()},
        engine=_engine(examinations),
    )
    if any(check.stopping for check in plan.checks):
        plan = plan.model_copy(update={"decision_rule": plan.decision_rule + STOPPING_RULE})
    if any(check.estimand in {"finite_list", "random_subset"} for check in plan.checks):
        plan = plan.model_copy(update={"decision_rule": plan.decision_rule + LIST_RULE})
    return Planned(plan, tuple(examinations))


def _plan_check(  # noqa: PLR0913  # one argument for each thing that the plan fixes
    check: Check,
    loaded: SuiteFolder,
    method: AnyMethod,
    *,
    subject: Subject,
    levels: Levels,
    policy: Policy,
    sequential: bool,
    bound: Bound,
    rows_from: Mapping[str, Path],
    root: Path | None,
    limit: int | None,
    seed: int,
    clauses: tuple[str, ...],
) -> PlannedExamination:
    name = f"{loaded.suite.id}.{check.id}"
    metric = metric_of(method, check.metric)
    if problem := bound_problem(bound, metric):
        raise UsageError(f"bound for {name}: {problem}")
    obstacle = _obstacle(check, method, subject, rows_from)
    items = ItemSet((), 0)
    if obstacle is None:
        # What the user brings (canaries, a training sample) was sized by its maker: a limit would only blunt it.
        most = None if method.needs_input else limit
        fair = check.estimand == "finite_list"
        if method.brings_items:
            items = draw_items(method.bring(root), limit=most, seed=seed, name=name, fair=fair)
        else:
            rows = _rows(check, loaded, method, rows_from)
            items = build_items(rows, method, limit=most, seed=seed, name=name, fair=fair)
        if not items.asked:
            obstacle = Obstacle(Reason.INPUT_EMPTY, "no line of its items or inputs is for this check")
    asked, stopping = items.asked, None
    estimand = _estimand(check, method, items, name)
    units = _units(estimand, items, [item for item in items.asked if method.concerns(metric.name, item)])
    if sequential and asked and units.population is None:
        ordered = in_order(asked, seed=seed, name=name)
        if stopping := stopping_for(method, metric, bound, ordered, levels=levels):
            asked = ordered
    power, parts = None, method.parts(metric.name, asked)
    if asked:
        at = cluster_looks(asked, every=stopping.look) if stopping else ()
        power = power_of(
            metric,
            bound,
            levels=levels,
            effect=policy.effect,
            n_clusters=units.asked,
            population=units.population,
            looks=at,
            parts=parts,
        )
    if power is not None and check.open_ended:
        power = power.model_copy(update={"detectable": None, "power": 0.0, "needed": None})
    warnings = (
        {}
        if obstacle
        else warnings_for(
            metric=metric,
            bound=bound,
            levels=levels,
            n_clusters=units.asked,
            population=units.population,
            min_clusters=0 if estimand == "finite_list" else max(policy.min_clusters, metric.min_clusters),
            power=power,
            open_ended=check.open_ended,
            parts=parts,
        )
    )
    planned = PlannedCheck(
        name=name,
        suite=loaded.suite.id,
        concern=loaded.suite.concern,
        title=check.title,
        method=check.method,
        method_version=method.version,
        parameters=method.parameters.to_json(),
        metric=check.metric,
        better=metric.better,
        low=metric.low,
        high=metric.high,
        bound=bound,
        max_unscored=check.max_unscored,
        estimand=estimand,
        n_items=len(asked),
        n_clusters=items.clusters,
        n_available=items.available,
        n_clusters_available=items.sources,
        items_digest=digest_of([item.content_digest() for item in asked]),
        why=check.why,
        remedy=check.remedy,
        open_ended=check.open_ended,
        min_clusters=metric.min_clusters,
        clauses=clauses,
        not_measured=obstacle.text if obstacle else None,
        not_measured_code=obstacle.reason.value if obstacle else None,
        lacking=obstacle.lacking if obstacle else (),
        n_to_pass=None
        if check.open_ended
        else n_to_pass(metric, bound, levels=levels, parts=parts, population=units.population),
        stopping=stopping,
        power=power,
        warnings=tuple(warnings.values()),
        cautions=tuple(warnings),
    )
    return PlannedExamination(planned, method, asked)


def _estimand(check: Check, method: AnyMethod, items: ItemSet, name: str) -> Estimand:
    """What the intervals of a check are about, by what it claims and by what is asked.

    Raises:
        UsageError: The claim is about the list itself, and its answers are drawn.
    """
    drawn = method.draws(items.asked)
    if check.estimand == "finite_list":
        if drawn:
            raise UsageError(
                f"{name}: estimand finite_list needs answers that are the same again; this check draws them "
                "(temperature above 0). Leave the estimand out, or ask at temperature 0"
            )
        return "finite_list" if len(items.asked) == items.available else "random_subset"
    return "items_x_generations" if drawn else "super_population"


class _Units(NamedTuple):
    """What is drawn independently, and of how many."""

    asked: int
    population: int | None = None
    """None for the population that the items stand for."""


def _units(estimand: Estimand, items: ItemSet, concerned: Sequence[Item]) -> _Units:
    if estimand == "finite_list":
        return _Units(items.available, items.available)
    if estimand == "random_subset":
        return _Units(units_drawn(items.clusters, Extent(items.available, items.sources)), items.sources)
    return _Units(_telling_sources(concerned))


def _telling_sources(items: Sequence[Item]) -> int:
    """Sources of equal size that would say as much, as `clustered_proportion` counts them."""
    sizes = list(Counter(item.cluster_key for item in items).values())
    return int(equal_clusters(sizes)) if sizes else 0


def _engine(examinations: Sequence[PlannedExamination]) -> dict[str, str]:
    made_with = {name: version for e in examinations for name, version in e.method.made_with().items()}
    return {"ax-verify": __version__, "python": platform.python_version(), **made_with}


def _bound(
    name: str, check: Check, method: AnyMethod, overrides: Mapping[str, Bound], given: Mapping[str, float]
) -> Bound:
    if name in given:
        return bound_at(given[name], metric_of(method, check.metric))
    return overrides.get(name, check.bound)


def _obstacle(check: Check, method: AnyMethod, subject: Subject, rows_from: Mapping[str, Path]) -> Obstacle | None:
    named = (*check.needs, *((method.needs_input,) if method.needs_input else ()))
    absent = tuple(name for name in dict.fromkeys(named) if name not in rows_from)
    if absent:
        options = ("--canaries FILE" if name == "canaries" else f"--input {name}=FILE" for name in absent)
        return Obstacle(Reason.INPUT_MISSING, f"needs {', '.join(options)}", absent)
    missing = sorted(method.needs - set(subject.answers))
    if missing:
        kinds = ", ".join(missing)
        reason = Reason.SUBJECT_KIND if set(missing) <= {"classify", "predict"} else Reason.ACCESS_LEVEL
        text = f"needs {kinds}; the subject ({subject.kind}, access {subject.access.value}) does not answer that"
        return Obstacle(reason, text, tuple(missing))
    return None


def _rows(check: Check, loaded: SuiteFolder, method: AnyMethod, rows_from: Mapping[str, Path]) -> list[Row]:
    if method.needs_input:
        return read_rows([rows_from[method.needs_input]])
    return read_rows(check_files(check, loaded.folder))


def planned_suite(loaded: SuiteFolder, methods: Methods, seed: int) -> PlannedSuite:
    """A suite by digest: over suite.yaml, all item files that its checks name, and what defines items brought."""
    files = {loaded.folder / "suite.yaml"} if loaded.on_disk else set()
    brought: dict[str, str] = {}
    for check in loaded.suite.checks:
        method = resolve_method(check, loaded.folder, methods=methods, seed=seed)
        if method.brings_items:
            brought[check.id] = method.content_digest()
        elif method.needs_input is None:
            files.update(check_files(check, loaded.folder))
    own = file_digest(sorted(files)) if loaded.on_disk else loaded.suite.content_digest()
    return PlannedSuite(
        id=loaded.suite.id,
        version=loaded.suite.version,
        digest=digest_of([own, brought]) if brought else own,
        title=loaded.suite.title,
        summary=loaded.suite.summary,
    )


def _refuse_twice(folders: Sequence[SuiteFolder]) -> None:
    seen: dict[str, Path] = {}
    for loaded in folders:
        if loaded.suite.id in seen:
            raise ContentError(
                loaded.folder / "suite.yaml",
                f"the suite id {loaded.suite.id!r} is also that of {seen[loaded.suite.id]}",
                field="id",
            )
        seen[loaded.suite.id] = loaded.folder


def _refuse_unknown_overrides(policy: Policy, folders: Sequence[SuiteFolder]) -> None:
    planned = {f"{f.suite.id}.{c.id}" for f in folders for c in f.suite.checks}
    suites = {f.suite.id for f in folders}
    for override in policy.bounds:
        if override.check.split(".")[0] in suites and override.check not in planned:
            raise UnknownNameError(f"check (bound of policy {policy.id!r})", override.check, known=planned)


def _wanted(name: str, inputs: PlanInputs) -> bool:
    return name not in inputs.policy.without and (not inputs.only or name in inputs.only)


def _of_suites(names: Sequence[str], folders: Sequence[SuiteFolder]) -> frozenset[str]:
    suites = {f.suite.id for f in folders}
    return frozenset(name for name in names if name.split(".")[0] in suites)


def _refuse_unknown_checks(names: frozenset[str], folders: Sequence[SuiteFolder]) -> None:
    planned = {f"{f.suite.id}.{c.id}" for f in folders for c in f.suite.checks}
    for name in sorted(names - planned):
        raise UnknownNameError("check", name, known=planned)
