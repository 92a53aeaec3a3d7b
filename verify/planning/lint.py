"""Every fault of a suite folder at once, each with file and line."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from verify.errors import ContentError, UnknownNameError, UsageError, VerifyError
from verify.loading import SuiteFolder, load_rows
from verify.methods.base import Method
from verify.planning.items import AnyMethod, check_files, expand_row
from verify.planning.resolving import bound_at, bound_problem, metric_of, resolve_method
from verify.planning.suites import open_suites
from verify.records import Check


def lint_suite(
    name: str,
    *,
    methods: Mapping[str, type[Method]],  # type: ignore[type-arg]
    root: Path | None = None,
    bounds: Mapping[str, float] | None = None,
) -> list[VerifyError]:
    """All faults of a suite; an empty list means that it can be planned, with data that are there.

    Args:
        name: A suite's name or the path of its folder, or `lm-eval/TASK`.
        methods: The catalogue of methods.
        root: Where data sets lie, which the chance level of a task of lm-eval comes from.
        bounds: `suite.check` -> limit.
    """
    try:
        (loaded,) = open_suites([name], root=root, bounds=bounds)
    except VerifyError as error:
        return [error]
    return list(_faults(loaded, methods))


def check_inputs(
    names: Sequence[str],
    given: Mapping[str, Path],
    *,
    methods: Mapping[str, type[Method]],  # type: ignore[type-arg]
    root: Path | None = None,
    bounds: Mapping[str, float] | None = None,
) -> None:
    """Find the faults of further inputs, of given bounds and of data that methods bring, before a subject is opened.

    Args:
        names: Suites that have no fault themselves.
        given: Name of an input -> JSONL file.
        methods: The catalogue of methods.
        root: Where data sets lie.
        bounds: `suite.check` -> limit.

    Raises:
        UnknownNameError: No check of these suites takes an input or a bound of this name.
        ContentError: A line is wrong; file, line and field are named.
        UsageError: A bound lies outside its metric's range, or data are not on this machine.
    """
    bounds = bounds or {}
    taken: set[str] = set()
    checks: set[str] = set()
    for loaded in open_suites(names, root=root, bounds=bounds):
        for check in loaded.suite.checks:
            method = resolve_method(check, loaded.folder, methods=methods, seed=0)
            checks.add(name := f"{loaded.suite.id}.{check.id}")
            metric = metric_of(method, check.metric)
            if name in bounds and (problem := bound_problem(bound_at(bounds[name], metric), metric)):
                raise UsageError(f"bound for {name}: {problem}")
            if method.brings_items:
                method.bring(root)
            taken.update(check.needs)
            if method.needs_input is not None:
                taken.add(method.needs_input)
                for row in load_rows(given[method.needs_input]) if method.needs_input in given else ():
                    deque(expand_row(row, method), maxlen=0)
    for name in given:
        if name not in taken:
            raise UnknownNameError("input", name, known=taken)
    for name in bounds:
        if name not in checks:
            raise UnknownNameError("check (of --bound)", name, known=checks)


def _faults(loaded: SuiteFolder, methods: Mapping[str, type[Method]]) -> Iterator[VerifyError]:  # type: ignore[type-arg]
    if loaded.on_disk and not (loaded.folder / "CARD.md").is_file():
        yield ContentError(loaded.folder / "CARD.md", "missing; say source, licence, how made, and known limits")
    seen: set[str] = set()
    for position, check in enumerate(loaded.suite.checks):
        line = loaded.lines.get(("checks", position))
        if check.id in seen:
            yield ContentError(loaded.folder / "suite.yaml", f"the check {check.id!r} occurs twice", line=line)
        seen.add(check.id)
        try:
            method = resolve_method(check, loaded.folder, methods=methods, seed=0, line=line)
        except UsageError as error:
            yield error
            continue
        except ContentError as error:
            yield error
            continue
        if method.needs_input is None and not method.brings_items:
            yield from _item_faults(check, loaded, method)


def _item_faults(check: Check, loaded: SuiteFolder, method: AnyMethod) -> Iterator[VerifyError]:
    try:
        files = check_files(check, loaded.folder)
    except ContentError as error:
        yield error
        return
    ids: dict[str, str] = {}
    for file in files:
        try:
            rows = load_rows(file)
        except ContentError as error:
            yield error
            continue
        for row in rows:
            try:
                items = list(expand_row(row, method))
            except ContentError as error:
                yield error
                continue
            for item in items:
                place = f"{row.file.name}:{row.line}"
                if item.id in ids:
                    yield ContentError(
                        row.file, f"the id {item.id!r} was used at {ids[item.id]}", line=row.line, field="id"
                    )
                ids.setdefault(item.id, place)
