"""Names to what they name: methods with their parameters and metrics, clauses for checks."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from verify.errors import ContentError, UnknownNameError, UsageError
from verify.methods.base import Method, Metric
from verify.planning.items import AnyMethod
from verify.records import Bound, Check, Framework

Methods = Mapping[str, type[Method[Any, Any]]]


def resolve_method(check: Check, folder: Path, *, methods: Methods, seed: int, line: int | None = None) -> AnyMethod:
    """The method of a check, with its parameters.

    Raises:
        ContentError: Unknown method, metric or parameter, or a bound outside the metric's range.
    """
    file = folder / "suite.yaml"
    where = f"checks.{check.id}"
    try:
        if check.method not in methods:
            raise UnknownNameError("method", check.method, known=methods)
        method = methods[check.method].make(check.parameters, seed=seed)
        metric = metric_of(method, check.metric)
    except UsageError as error:
        raise ContentError(file, str(error), line=line, field=where) from error
    problem = bound_problem(check.bound, metric)
    if problem:
        raise ContentError(file, problem, line=line, field=f"{where}.bound")
    if check.estimand == "finite_list" and (problem := _listed_problem(check, method)):
        raise ContentError(file, problem, line=line, field=f"{where}.estimand")
    if method.brings_items and check.items:
        raise ContentError(
            file, f"the method {check.method!r} brings its own items; leave this out", line=line, field=f"{where}.items"
        )
    if not (check.items or method.brings_items or method.needs_input):
        raise ContentError(file, "missing; name the check's files of items", line=line, field=f"{where}.items")
    return method


def metric_of(method: AnyMethod, name: str) -> Metric:
    """A method's metric by name.

    Raises:
        UnknownNameError: The method has no such metric.
    """
    for metric in method.metrics:
        if metric.name == name:
            return metric
    raise UnknownNameError("metric", name, known=[m.name for m in method.metrics])


def bound_at(value: float, metric: Metric) -> Bound:
    """A bound at a value, on the side that the metric's direction wants."""
    return Bound(at_least=value) if metric.better == "higher" else Bound(at_most=value)


def bound_problem(bound: Bound, metric: Metric) -> str | None:
    """Why a bound cannot be for this metric, or None.

    The side of a bound must fit the metric's direction: `at_least` on an error rate would pass
    the worst subject.
    """
    side = "at_least" if bound.at_least is not None else "at_most"
    wanted = "at_least" if metric.better == "higher" else "at_most"
    if side != wanted:
        return f"{metric.name} is better when {metric.better}, so its bound must be {wanted}, not {side}"
    if not metric.low <= bound.value <= metric.high:
        return f"{bound.value:g} is outside the range of {metric.name}, [{metric.low:g}, {metric.high:g}]"
    return None


def _listed_problem(check: Check, method: AnyMethod) -> str | None:
    """Why a claim about the list itself cannot be made, or None; drawn answers are seen once the items are there."""
    if check.open_ended:
        return "an open-ended check measures a lower bound; no list is ever measured by it"
    if check.metric not in method.item_values:
        return f"{check.metric} is no mean over items, so that finite_list says nothing of it; leave it out"
    return None


def clauses_of(check: str, frameworks: Mapping[str, Framework]) -> tuple[str, ...]:
    """`framework/clause` ids that a check gives evidence on."""
    return tuple(
        f"{framework.id}/{clause.id}"
        for framework in frameworks.values()
        for clause in framework.clauses
        if any(fnmatchcase(check, pattern) for mapping in clause.evidence for pattern in mapping.checks)
    )
