"""From lines of content to the items that a check asks."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from verify.errors import ContentError
from verify.loading import Row, load_rows, row_record
from verify.methods.base import Method
from verify.records import Check, Item

AnyMethod = Method[Any, Any]


class ItemSet(NamedTuple):
    """Items of a check, all that there are and those that will be asked."""

    asked: tuple[Item, ...]
    available: int
    sources: int = 0
    """Independent sources among all that there are."""

    @property
    def clusters(self) -> int:
        """Number of independent sources among the items asked."""
        return len({item.cluster_key for item in self.asked})


def build_items(
    rows: Sequence[Row], method: AnyMethod, *, limit: int | None, seed: int, name: str, fair: bool = False
) -> ItemSet:
    """Validate rows, expand them, and draw at random at most `limit` items, whole clusters first.

    Args:
        rows: Lines of content.
        method: The check's method, which knows its rows.
        limit: Most items to ask; None asks all.
        seed: Seed of the draw and of the order.
        name: `suite.check`, part of the seed so that checks are drawn independently.
        fair: Draw at random in the last cluster too, where the limit cuts it, instead of its first items: then every
            item of the list has the same chance, as an estimate of the list itself needs.

    Raises:
        ContentError: A row is wrong (file, line and field named), or two items share an id.
    """
    items: list[Item] = []
    seen: dict[str, Row] = {}
    for row in rows:
        for item in expand_row(row, method):
            if item.id in seen:
                first = seen[item.id]
                raise ContentError(
                    row.file,
                    f"the id {item.id!r} was used before ({first.file.name}:{first.line})",
                    line=row.line,
                    field="id",
                )
            seen[item.id] = row
            items.append(item)
    return draw_items(items, limit=limit, seed=seed, name=name, fair=fair)


def draw_items(items: Sequence[Item], *, limit: int | None, seed: int, name: str, fair: bool = False) -> ItemSet:
    """At most `limit` items at random, whole clusters first; arguments as in `build_items`."""
    drawn = _draw(items, limit, random.Random(f"{seed}/{name}"), fair=fair)  # noqa: S311  # sampling, not secrecy
    return ItemSet(tuple(drawn), len(items), len({item.cluster_key for item in items}))


def expand_row(row: Row, method: AnyMethod) -> Iterator[Item]:
    """Items of one line, after its type and the method's own rules were checked.

    Raises:
        ContentError: With file, line and field.
    """
    record = row_record(row, method.item_type)
    for fault in method.check_row(record):
        raise ContentError(row.file, fault, line=row.line)
    try:
        yield from method.expand(record)
    except ValueError as error:
        raise ContentError(row.file, f"cannot be expanded: {error}", line=row.line) from error


def check_files(check: Check, folder: Path) -> list[Path]:
    """Item files that a check names, in a fixed order.

    Raises:
        ContentError: A pattern matches no file.
    """
    files: list[Path] = []
    for pattern in check.items:
        base, name = (folder / pattern).parent, Path(pattern).name
        found = sorted(base.resolve().glob(name)) if base.is_dir() else []
        if not found:
            raise ContentError(
                folder / "suite.yaml",
                f"the check {check.id!r} names items {pattern!r}, which match no file",
                field="items",
            )
        files.extend(found)
    return files


def read_rows(files: Iterable[Path]) -> list[Row]:
    """All lines of several files."""
    return [row for file in files for row in load_rows(file)]


def _draw(items: Sequence[Item], limit: int | None, rng: random.Random, *, fair: bool) -> Sequence[Item]:
    if limit is None or len(items) <= limit:
        return items
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.cluster_key].append(item)
    order = sorted(clusters)
    rng.shuffle(order)
    drawn: list[Item] = []
    for key in order:
        room = limit - len(drawn)
        cut = fair and room < len(clusters[key])
        drawn.extend(rng.sample(clusters[key], room) if cut else clusters[key][:room])
        if len(drawn) == limit:
            break
    return drawn
