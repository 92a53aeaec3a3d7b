"""Every fault of a suite folder at once, each with file and line."""

from collections.abc import Iterator, Mapping

from verify.errors import ContentError, UsageError, VerifyError
from verify.loading import SuiteFolder, load_rows, load_suite
from verify.methods.base import Method
from verify.planning.items import AnyMethod, check_files, expand_row
from verify.planning.resolving import resolve_method
from verify.records import Check


def lint_suite(name: str, *, methods: Mapping[str, type[Method]]) -> list[VerifyError]:  # type: ignore[type-arg]
    """All faults of a suite; an empty list means that it can be planned.

    Args:
        name: A suite's name or the path of its folder.
        methods: The catalogue of methods.
    """
    try:
        loaded = load_suite(name)
    except VerifyError as error:
        return [error]
    return list(_faults(loaded, methods))


def _faults(loaded: SuiteFolder, methods: Mapping[str, type[Method]]) -> Iterator[VerifyError]:  # type: ignore[type-arg]
    if not (loaded.folder / "CARD.md").is_file():
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
        if method.needs_input is None:
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
