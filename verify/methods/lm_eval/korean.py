"""The Korean tasks of the installed lm-eval, and what must be mirrored for each; read from its files, quickly."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from verify.methods.lm_eval import registry
from verify.methods.lm_eval.data import DataSet
from verify.methods.lm_eval.tasks import splits_of

_FAMILY: Final = re.compile(
    r"^\|\s*(?:\[[^\]]*\]\((?P<folder>[^)/]+)/[^)]*\)|(?P<bare>[\w-]+))\s*\|.*\|(?P<languages>[^|]*)\|\s*$"
)
_NAME: Final = re.compile(r"(^|[^a-z])(ko|kr|kor|korean)([^a-z]|$)", re.IGNORECASE)
"""A name that says Korean: `paws_ko`, `belebele_kor_Hang`, `mmmlu_ko_kr`."""


class Listed(NamedTuple):
    """A task, or a group or tag that holds others."""

    name: str
    kind: str
    tasks: int
    """Tasks that it consists of."""
    data: dict[str, list[str]]
    """Hub id -> configurations."""
    splits: tuple[str, ...]


def korean_tasks() -> tuple[Listed, ...]:
    """Groups, tags and single tasks in Korean that no other one of them holds.

    Korean is what lies in the folder of a family whose languages, in lm-eval's own table (tasks/README.md), begin
    with Korean, and whatever has Korean in its name.
    """
    folders = _korean_folders()
    names = [
        name
        for name, entry in registry.entries().items()
        if _NAME.search(name) or all(_family(file) in folders for file in entry.files)
    ]
    held = {child for name in names for child in registry.children(registry.find(name))}
    tasks = {name: _tasks(name) for name in sorted(names) if name not in held}
    whole = [name for name, own in tasks.items() if not any(own < other for other in tasks.values())]
    return tuple(described(name) for name in whole)


def described(name: str) -> Listed:
    """What a name of lm-eval's consists of, and the data that it needs.

    Raises:
        UsageError: There is no such task.
    """
    entries = registry.closure(name)
    data: dict[str, list[str]] = defaultdict(list)
    splits: dict[str, None] = {}
    tasks = [entry for entry in entries if entry.kind == "task"]
    for entry in tasks:
        config = registry.config(entry.files[0])
        wanted = DataSet(str(config.get("dataset_path", "?")), config.get("dataset_name"))
        if (wanted.config or "default") not in data[wanted.path]:
            data[wanted.path].append(str(wanted.config or "default"))
        splits.update(dict.fromkeys(splits_of(config)))
    return Listed(name, entries[0].kind, len(tasks), dict(data), tuple(splits))


def _tasks(name: str) -> frozenset[str]:
    return frozenset(entry.name for entry in registry.closure(name) if entry.kind == "task")


def _korean_folders() -> frozenset[str]:
    readme = registry.folder() / "README.md"
    return frozenset(_families(readme.read_text("utf-8"))) if readme.is_file() else frozenset()


def _families(table: str) -> Iterator[str]:
    for line in table.splitlines():
        match = _FAMILY.match(line)
        if match and match["languages"].strip().startswith("Korean"):
            yield match["folder"] or match["bare"]


def _family(file: Any) -> str:
    return str(file.relative_to(registry.folder()).parts[0])
