"""Which tasks the installed lm-eval has, found by reading its YAML files and without importing it.

lm-eval's own index takes about 20 seconds for 14,000 entries, because it parses every file. Here the files are read
as text (below a second) and only those that a name leads to are parsed. Where two files define one name, the first
in the order of their paths counts, as in lm-eval.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from verify.errors import UsageError
from verify.loading import file_digest, load_package_yaml
from verify.records import digest_of

_NAMED: Final = re.compile(r"^[\"']?(task|group)[\"']?\s*:[ \t]*[\"']?([^\s\"'#\[]+)", re.MULTILINE)
_CLASS: Final = re.compile(r"^[\"']?class[\"']?\s*:", re.MULTILINE)
_TAG: Final = re.compile(r"^[\"']?tag[\"']?\s*:[ \t]*[\"']?([\w.-]*)[\"']?[ \t]*(.*)$", re.MULTILINE)
_INCLUDES: Final = re.compile(r"^[\"']?include[\"']?\s*:[ \t]*[\"']?([^\s\"'#]*)", re.MULTILINE)


class Entry(NamedTuple):
    """A task, a group with its own aggregate, or a tag (a short name for several tasks)."""

    name: str
    kind: Literal["task", "group", "tag"]
    files: tuple[Path, ...]
    """YAML files that define it: one, or those of all tasks with the tag."""


@cache
def version() -> str:
    """Version of the installed lm-eval."""
    return version_of("lm_eval")


@cache
def folder() -> Path:
    """The package's folder of tasks, resolved.

    Raises:
        UsageError: lm-eval is not installed.
    """
    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("lm-eval is not installed; install it: pip install 'lm-eval>=0.4'")
    return (Path(next(iter(spec.submodule_search_locations))) / "tasks").resolve()


@cache
def find(name: str) -> Entry:
    """A task, group or tag by name.

    Raises:
        UsageError: There is none; names that are close are given.
    """
    index = _index()
    if name in index:
        kind, file = index[name]
        return Entry(name, kind, (file,))
    if name in _tagged():
        return Entry(name, "tag", _tagged()[name])
    near = get_close_matches(name, index, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"lm-eval {version()} has no task, group or tag {name!r}{hint}")


def entries() -> dict[str, Entry]:
    """All tasks, groups and tags by name."""
    found = {tag: Entry(tag, "tag", files) for tag, files in _tagged().items()}
    return found | {name: Entry(name, kind, (file,)) for name, (kind, file) in _index().items()}


def children(entry: Entry) -> tuple[str, ...]:
    """Names that a group or tag consists of, in lm-eval's order; none for a task."""
    if entry.kind == "task":
        return ()
    if entry.kind == "tag":
        return tuple(sorted(str(config(file)["task"]) for file in entry.files))
    return tuple(_named_in(config(entry.files[0]).get("task")))


def closure(name: str) -> tuple[Entry, ...]:
    """An entry and all that it leads to, each once.

    Raises:
        UsageError: There is no such entry.
    """
    found: dict[str, Entry] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        try:
            found[one] = find(one)
        except UsageError:
            if one == name:
                raise
            continue  # a group may define a member itself, under a name that only it uses
        waiting.extend(children(found[one]))
    return tuple(found.values())


@cache
def config(file: Path) -> Mapping[str, Any]:
    """A task's or group's configuration with everything that it includes; functions are their names."""
    own = load_package_yaml(file)
    included = own.pop("include", None)
    merged: dict[str, Any] = {}
    for one in [included] if isinstance(included, str) else included or ():
        merged.update(config(_beside(file, one)))
    merged.pop("task_list", None)
    return {**merged, **own}


def digest(name: str) -> str:
    """`sha256:` over lm-eval's version and every file that defines a task: YAML, what it includes, Python beside it."""
    files: set[Path] = set()
    for entry in closure(name):
        for file in entry.files:
            files.update(_with_includes(file))
    files.update(code for beside in {file.parent for file in files} for code in beside.glob("*.py"))
    root = folder()
    digests = {file.relative_to(root).as_posix(): file_digest([file]) for file in sorted(files)}
    return digest_of({"lm-eval": version(), "files": digests})


def _beside(file: Path, included: str) -> Path:
    return Path(os.path.normpath(file.parent / included))


def _included(file: Path) -> Iterator[Path]:
    for match in _INCLUDES.finditer(_text(file)):
        several = () if match[1] else load_package_yaml(file).get("include") or ()
        yield from (_beside(file, one) for one in ([match[1]] if match[1] else several))


def _with_includes(file: Path) -> Iterator[Path]:
    yield file
    for one in _included(file):
        yield from _with_includes(one)


@cache
def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace")


@cache
def _texts() -> dict[Path, str]:
    """All YAML files in lm-eval's order; what they include has other suffixes."""
    return {file: _text(file) for file in sorted(folder().rglob("*.yaml"), key=Path.as_posix)}


@cache
def _defining() -> tuple[Path, ...]:
    return tuple(file for file, text in _texts().items() if _NAMED.search(text))


@cache
def _index() -> dict[str, tuple[Literal["task", "group"], Path]]:
    found: dict[str, tuple[Literal["task", "group"], Path]] = {}
    for file in _defining():
        named = dict(_NAMED.findall(_texts()[file]))
        if "group" in named and not _CLASS.search(_text(file)):  # a group's `task` holds its members
            found.setdefault(named["group"], ("group", file))
        elif "task" in named:
            found.setdefault(named["task"], ("task", file))
    return found


@cache
def _tagged() -> dict[str, tuple[Path, ...]]:
    """Tag -> files of the tasks that have it."""
    found: dict[str, list[Path]] = defaultdict(list)
    for kind, file in _index().values():
        for tag in _tags(file) if kind == "task" else ():
            found[tag].append(file)
    return {tag: tuple(files) for tag, files in found.items()}


@cache
def _tags(file: Path) -> tuple[str, ...]:
    """Tags that a file sets itself, or else takes from what it includes."""
    own = _TAG.search(_text(file))
    if own is not None:
        if own[1] and not own[2]:
            return (own[1],)
        tags = load_package_yaml(file).get("tag") or ()
        return (tags,) if isinstance(tags, str) else tuple(tags)
    return next((tags for one in reversed(list(_included(file))) if (tags := _tags(one))), ())


def _named_in(members: Any) -> Iterator[str]:
    for member in [members] if isinstance(members, str) else members or ():
        if isinstance(member, str):
            yield member
        elif isinstance(member.get("task"), str):
            yield member["task"]
        elif "group" in member:
            yield member["group"]
            yield from _named_in(member.get("task"))
