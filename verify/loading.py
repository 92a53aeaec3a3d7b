"""Files to records; a fault becomes an error that names file, line and field. The only place that knows YAML.

YAML is read strictly: no tags, no anchors or aliases, no duplicate keys, and plain scalars by YAML 1.2's
core rules, so that `010` and `no` stay text (a Korean phone prefix, a Norwegian) instead of 8 and false.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from verify import content
from verify.errors import ContentError, UnknownNameError
from verify.records import Framework, Policy, Profile, ReferenceRecipes, ReferenceStandard, Study, Suite

MAX_YAML_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64

RecordT = TypeVar("RecordT", bound=BaseModel)
Path_ = tuple[str | int, ...]


class Loaded(NamedTuple):
    """Plain values of a YAML file and where each of them stands."""

    value: Any
    lines: dict[Path_, int]
    """Path of keys and positions -> line, counted from 1."""


class Row(NamedTuple):
    """One line of a JSONL file."""

    value: dict[str, Any]
    file: Path
    line: int


class SuiteFolder(NamedTuple):
    """A suite and the folder that it was read from."""

    suite: Suite
    folder: Path
    lines: dict[Path_, int]
    on_disk: bool = True
    """False for a suite that was made from a name alone; then there are no files."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2 core scalars only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own name


class _PackageLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the fast one where it is
    """Safe loader for YAML 1.1 files that a package has brought."""


def _text_of_tag(loader: Any, _: str, node: yaml.Node) -> str:
    return str(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else ""


_PackageLoader.add_multi_constructor("!", _text_of_tag)


_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-+0123456789"),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", "n~\0"),
)
for _tag, _pattern, _first in _SCALARS:
    for _character in _first:
        _Loader.yaml_implicit_resolvers.setdefault("" if _character == "\0" else _character, []).append(
            (_tag, re.compile(_pattern))
        )

_CONSTRUCT: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:bool": lambda text: text == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:null": lambda _: None,
}
_TAGS = frozenset({*_CONSTRUCT, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


def load_yaml(path: Path) -> Loaded:
    """Plain values of a YAML file.

    Raises:
        ContentError: The file is missing, too large, or not YAML as described above.
    """
    text = _read_text(path, MAX_YAML_BYTES)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ContentError(path, f"nested more than {MAX_DEPTH} deep", line=_mark_line(event.start_mark))
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise ContentError(path, "anchors and aliases are not allowed", line=_mark_line(event.start_mark))
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = _mark_line(error.problem_mark)
        raise ContentError(path, f"not valid YAML: {error.problem}", line=line) from error
    except yaml.YAMLError as error:
        raise ContentError(path, f"not valid YAML: {error}") from error
    lines: dict[Path_, int] = {}
    return Loaded(None if node is None else _construct(node, (), lines, path), lines)


def load_package_yaml(path: Path) -> dict[str, Any]:
    """Top-level mapping of a YAML file of an installed package, which is trusted as its code is; `{}` if it has none.

    The package's own tags (`!function`) stay the text behind them; nothing is imported. Aliases are allowed.

    Raises:
        ContentError: The file is not YAML.
    """
    try:
        value = yaml.load(_read_text(path, MAX_YAML_BYTES), Loader=_PackageLoader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise ContentError(path, f"not valid YAML: {error}") from error
    return value if isinstance(value, dict) else {}


def load_record(path: Path, model: type[RecordT]) -> RecordT:
    """A YAML file as a record.

    Raises:
        ContentError: With file, line and field of the first fault.
    """
    loaded = load_yaml(path)
    return _validate(loaded, model, path)


def load_rows(path: Path) -> list[Row]:
    """Lines of a JSONL file as plain objects; empty lines are skipped.

    Raises:
        ContentError: A line is not a JSON object (file and line named).
    """
    return list(_rows(path))


def read_record(path: Path, model: type[RecordT]) -> RecordT:
    """A JSON file as a record.

    Raises:
        ContentError: The file is missing, not JSON, or not this record.
    """
    text = _read_text(path, 1 << 30)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise ContentError(path, first["msg"], field=_dotted(first["loc"])) from error


def row_record(row: Row, model: type[RecordT]) -> RecordT:
    """A line of a JSONL file as a record.

    Raises:
        ContentError: With file, line and field.
    """
    try:
        return model.model_validate_json(json.dumps(row.value))
    except ValidationError as error:
        first = error.errors()[0]
        raise ContentError(row.file, _message(first), line=row.line, field=_dotted(first["loc"])) from error


def file_digest(paths: Iterable[Path]) -> str:
    """`sha256:` digest over the names and bytes of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return "sha256:" + total.hexdigest()


def load_suite(name: str) -> SuiteFolder:
    """A suite by its name, or by the path of its folder (anything with a `/` or a leading `.`).

    Raises:
        UnknownNameError: No suite has this name.
        ContentError: `suite.yaml` is missing or wrong.
    """
    known = suite_names()
    if name in known:
        folder = content.suites_folder() / name
    elif "/" in name or name.startswith(".") or os.path.isdir(name):  # Path.is_dir raises for a name that is too long
        folder = _folder(name)
    else:
        raise UnknownNameError("suite", name, known=known)
    file = folder / "suite.yaml"
    if not file.is_file():
        raise ContentError(file, "missing; a suite is a folder with suite.yaml, items/*.jsonl and CARD.md")
    loaded = load_yaml(file)
    return SuiteFolder(_validate(loaded, Suite, file), folder, loaded.lines)


def _folder(name: str) -> Path:
    try:
        folder = Path(name).expanduser()
        if folder.is_dir():
            return folder
        problem = "there is no such folder"
    except (OSError, RuntimeError) as error:  # too long, behind a closed folder, or the home of nobody
        problem = f"cannot be looked at ({error})"
    raise ContentError(name[:80], f"{problem}; give a suite's name or the path of its folder")


def suite_names() -> list[str]:
    """Names of the built-in suites."""
    return sorted(p.parent.name for p in content.suites_folder().glob("*/suite.yaml"))


def load_policy(name: str) -> Policy:
    """A policy by name, or by the path of its YAML file."""
    if name.endswith((".yaml", ".yml")):
        return load_record(Path(name), Policy)
    return load_record(_named(content.policies_folder(), "policy", name), Policy)


def policy_names() -> list[str]:
    """Names of the built-in policies."""
    return _stems(content.policies_folder())


def load_profiles() -> dict[str, Profile]:
    """All model profiles by id."""
    return {p.stem: _with_id(load_record(p, Profile), p) for p in sorted(content.profiles_folder().glob("*.yaml"))}


def load_frameworks() -> dict[str, Framework]:
    """All frameworks by id."""
    files = sorted(content.frameworks_folder().glob("*.yaml"))
    return {p.stem: _with_id(load_record(p, Framework), p) for p in files}


def load_standards() -> dict[str, ReferenceStandard]:
    """All reference standards by id."""
    files = sorted(content.reference_folder().glob("*/standard.json"))
    return {p.parent.name: read_record(p, ReferenceStandard) for p in files}


def load_recipes() -> ReferenceRecipes:
    """How every reference standard is made."""
    return load_record(content.reference_folder() / "recipes.yaml", ReferenceRecipes)


def load_study() -> Study:
    """What checks made of standards of further seeds; without rows where none was studied."""
    file = content.reference_folder() / "study.json"
    return read_record(file, Study) if file.is_file() else Study()


def load_locale(language: str) -> dict[str, Any]:
    """Fixed words of reports in `language` (`"ko"` or `"en"`)."""
    value = load_yaml(content.locales_folder() / f"{language}.yaml").value
    return value if isinstance(value, dict) else {}


def _with_id(record: RecordT, path: Path) -> RecordT:
    identifier = getattr(record, "id", None)
    if identifier != path.stem:
        raise ContentError(path, f"the id {identifier!r} must equal the file's name", field="id")
    return record


def _stems(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.yaml"))


def _named(folder: Path, kind: str, name: str) -> Path:
    if name not in (known := _stems(folder)):
        raise UnknownNameError(kind, name, known=known)
    return folder / f"{name}.yaml"


def _read_text(path: Path, limit: int) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ContentError(path, f"cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise ContentError(path, f"has {len(data):,} bytes; at most {limit:,} are allowed")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ContentError(path, "not valid UTF-8; save the file as UTF-8", line=line) from error


def _rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_read_text(path, 1 << 30).split("\n"), start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            raise ContentError(path, f"a line of more than {MAX_LINE_BYTES:,} characters", line=number)
        try:
            value = json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ContentError(path, f"not valid JSON: {error}", line=number) from error
        if not isinstance(value, dict):
            raise ContentError(path, "each line must be a JSON object", line=number)
        yield Row(value, path, number)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _mark_line(mark: Any) -> int | None:
    return None if mark is None else mark.line + 1


def _construct(node: yaml.Node, path: Path_, lines: dict[Path_, int], file: Path) -> Any:
    lines[path] = node.start_mark.line + 1
    if node.tag not in _TAGS:
        raise ContentError(file, f"the tag {node.tag!r} is not allowed", line=node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key in result:
                problem = f"the key {key!r} occurs twice" if key in result else "keys must be text"
                raise ContentError(file, problem, line=key_node.start_mark.line + 1)
            result[key] = _construct(value_node, (*path, key), lines, file)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*path, i), lines, file) for i, child in enumerate(node.value)]
    return _CONSTRUCT[node.tag](node.value)


def _validate(loaded: Loaded, model: type[RecordT], file: Path) -> RecordT:
    try:
        return model.model_validate_json(json.dumps(loaded.value))
    except ValidationError as error:
        first = error.errors()[0]
        raise ContentError(
            file, _message(first), line=_line_of(first["loc"], loaded.lines), field=_dotted(first["loc"])
        ) from error


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    return str(error["msg"])


def _line_of(location: Path_, lines: dict[Path_, int]) -> int | None:
    for length in range(len(location), -1, -1):
        if (line := lines.get(location[:length])) is not None:
            return line
    return None


def _dotted(location: Path_) -> str | None:
    return ".".join(map(str, location)) or None
