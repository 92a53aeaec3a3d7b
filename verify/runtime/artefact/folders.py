"""Which files of a folder a worker may load."""

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Final

from verify.errors import SubjectError
from verify.records import FileDigest, digest_of
from verify.runtime.artefact import configs
from verify.runtime.artefact.headers import read_header
from verify.runtime.local import FileState, LocalKind, LocalSubject, state_of

_CONFIGS: Final = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
_VOCABULARIES: Final = ("tokenizer.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt")
_TEMPLATE: Final = "chat_template.jinja"
_MAX_TEMPLATE: Final = 2**20
_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".h5", ".msgpack", ".npy", ".npz")
_INDEX: Final = "model.safetensors.index.json"
_SINGLE: Final = "model.safetensors"
_CONVERT: Final = (
    "convert it where its origin is trusted: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)"
)
_MAX_SKOPS: Final = 4 * 2**30
_MAX_SKOPS_MEMBERS: Final = 100_000


def check_folder(folder: Path, *, name: str, profile: str | None = None) -> LocalSubject:
    """Check a folder of weights and say what a worker may load of it.

    Args:
        folder: A folder as transformers' `save_pretrained` writes it, or one that holds a `.skops` file.
        name: What the report calls the subject.
        profile: Id of the profile that named it.

    Raises:
        SubjectError: Something is missing, truncated, unreadable or refused; the message names the file.
    """
    if not folder.is_dir():
        raise SubjectError(f"{folder}: there is no such folder")
    present = {entry.name for entry in os.scandir(folder)}
    if "config.json" not in present:
        skops = sorted(entry for entry in present if entry.endswith(".skops"))
        if len(skops) == 1:
            return check_skops(folder / skops[0], name=name)
        raise SubjectError(f"{folder}: there is no config.json; name the folder that holds config.json and weights")
    weights = _weights(folder, present)
    inside = {entry: _inside(folder, entry) for entry in _used(folder, present, weights)}
    states = {entry: state_of(path) for entry, path in inside.items()}
    small, config, warnings = _small_files(inside, weights)
    headers = {entry: read_header(inside[entry]) for entry in weights}
    _check_index(folder, present, {entry: header.tensors for entry, header in headers.items()})
    elements = sum(header.elements for header in headers.values())
    configs.check_size(config, path=folder / "config.json", elements=elements)
    large = {entry: inside[entry] for entry in weights}
    return _subject(
        inside,
        name=name,
        kind=_kind(folder / "config.json", config),
        small=small,
        large=large,
        states=states,
        profile=profile,
        warnings=(*warnings, *_unused(present, weights)),
    )


def check_skops(file: Path, *, name: str) -> LocalSubject:
    """Check a skops file of a tabular model: a zip of JSON and arrays, without pickles.

    Raises:
        SubjectError: It is no skops file, or holds what is refused.
    """
    if file.suffix != ".skops":
        raise SubjectError(f"{file}: only skops files are read; {file.suffix or 'this'} can run code when it is read")
    path = _inside(file.parent, file.name)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise SubjectError(f"{file}: truncated or no skops file ({error}); save it again with skops.io.dump") from None
    if sum(member.file_size for member in members) > _MAX_SKOPS or len(members) > _MAX_SKOPS_MEMBERS:
        raise SubjectError(f"{file}: unpacked it would exceed {_MAX_SKOPS} bytes or {_MAX_SKOPS_MEMBERS} parts")
    if "schema.json" not in {member.filename for member in members}:
        raise SubjectError(f"{file}: it has no schema.json, so skops did not write it")
    odd = [member.filename for member in members if PurePosixPath(member.filename).name != member.filename]
    pickled = [member.filename for member in members if member.filename.endswith((".pkl", ".pickle", ".joblib"))]
    if odd or pickled:
        raise SubjectError(f"{file}: the part {(odd or pickled)[0]!r:.80} is refused; save it again with skops.io.dump")
    only = {file.name: path}
    return _subject(only, name=name, kind="tabular", small={}, large=only, states={file.name: state_of(path)})


def _subject(
    inside: Mapping[str, Path],
    *,
    name: str,
    kind: LocalKind,
    small: Mapping[str, bytes],
    large: Mapping[str, Path],
    states: Mapping[str, FileState],
    profile: str | None = None,
    warnings: tuple[str, ...] = (),
) -> LocalSubject:
    files = file_digests(inside)
    changed = [entry for entry, path in inside.items() if state_of(path) != states[entry]]
    if changed:
        raise SubjectError(f"{inside[changed[0]]}: the file changed while it was read; start again when it is at rest")
    return LocalSubject(
        name=name,
        kind=kind,
        digest=digest_of([file.to_json() for file in files]),
        files=files,
        small=small,
        large=large,
        states=states,
        profile=profile,
        warnings=warnings,
    )


def file_digests(files: Mapping[str, Path]) -> tuple[FileDigest, ...]:
    """SHA-256 of every file, in order of names; streamed, several at a time."""

    def one(name: str) -> FileDigest:
        with files[name].open("rb") as stream:
            value = hashlib.file_digest(stream, "sha256").hexdigest()
            return FileDigest(name=name, size=stream.tell(), sha256=f"sha256:{value}")

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return tuple(pool.map(one, sorted(files)))


def _weights(folder: Path, present: set[str]) -> list[str]:
    """Names of the weights files, safetensors only."""
    if _INDEX in present:
        index = configs.read_json(_inside(folder, _INDEX), limit=configs.MAX_TOKENIZER)
        match index:
            case {"weight_map": dict(weight_map)} if all(isinstance(shard, str) for shard in weight_map.values()):
                shards = sorted(set(weight_map.values()))
            case _:
                raise SubjectError(f"{folder / _INDEX}: there is no weight_map in it; fetch the file again")
        for shard in shards:
            if PurePosixPath(shard).name != shard or not shard.endswith(".safetensors"):
                raise SubjectError(f"{folder / _INDEX}: {shard!r:.80} is not the name of a safetensors file beside it")
        missing = [shard for shard in shards if shard not in present]
        if missing:
            raise SubjectError(
                f"{folder / missing[0]}: {len(missing)} of {len(shards)} weights files are missing; fetch them again"
            )
        return shards
    if _SINGLE in present:
        return [_SINGLE]
    pickles = sorted(entry for entry in present if entry.endswith(_PICKLES))
    if pickles:
        raise SubjectError(f"{folder / pickles[0]}: refused, this format can run code when it is read; {_CONVERT}")
    others = sorted(entry for entry in present if entry.endswith(".safetensors"))
    if others:
        raise SubjectError(
            f"{folder}: {others[0]} is neither {_SINGLE} nor listed in {_INDEX}; rename it or add the index"
        )
    raise SubjectError(f"{folder}: there are no weights ({_SINGLE}, or {_INDEX} with its files)")


def _check_index(folder: Path, present: set[str], tensors: Mapping[str, frozenset[str]]) -> None:
    """Every tensor of the index lies in the file that the index names."""
    if _INDEX not in present:
        return
    weight_map = configs.read_json(folder / _INDEX, limit=configs.MAX_TOKENIZER)["weight_map"]
    for tensor, shard in weight_map.items():
        if tensor not in tensors[shard]:
            raise SubjectError(
                f"{folder / shard}: tensor {tensor!r:.100} is not in it, though the index says so; fetch it again"
            )


def _used(folder: Path, present: set[str], weights: Sequence[str]) -> list[str]:
    """Names of the files that a worker gets, tokenizer included."""
    words = [entry for entry in _VOCABULARIES if entry in present]
    whole = "tokenizer.json" in words or "vocab.txt" in words or {"vocab.json", "merges.txt"} <= set(words)
    if not whole:
        raise SubjectError(
            f"{folder}: there is no tokenizer.json; write one where the tokenizer is at hand:"
            " AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    more = [entry for entry in (*_CONFIGS, _TEMPLATE, _INDEX) if entry in present]
    return [*more, *words, *weights]


def _small_files(
    inside: Mapping[str, Path], weights: Sequence[str]
) -> tuple[dict[str, bytes], dict[str, Any], tuple[str, ...]]:
    """Everything but the weights, as the bytes that the worker gets; also the cleaned config and warnings."""
    small: dict[str, bytes] = {}
    config: dict[str, Any] = {}
    warnings: list[str] = []
    for entry, path in inside.items():
        if entry in weights:
            continue
        if entry in _CONFIGS:
            clean = configs.clean_json(path)
            small[entry] = clean.data
            warnings += clean.warnings
            config = clean.value if entry == "config.json" else config
        elif entry.endswith(".json"):
            value = configs.read_json(path, limit=configs.MAX_TOKENIZER)
            if entry == "tokenizer.json" and not (isinstance(value, dict) and isinstance(value.get("model"), dict)):
                raise SubjectError(f"{path}: this is no tokenizer (it has no model); fetch the file again")
            small[entry] = path.read_bytes()
        else:
            limit = _MAX_TEMPLATE if entry == _TEMPLATE else configs.MAX_TOKENIZER
            small[entry] = _text(path, limit=limit)
    return small, config, tuple(warnings)


def _text(path: Path, *, limit: int) -> bytes:
    if path.stat().st_size > limit:
        raise SubjectError(f"{path}: {path.stat().st_size} bytes; the limit for this file is {limit}")
    data = path.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SubjectError(f"{path}: not UTF-8 at byte {error.start}; fetch the file again") from None
    return data


def _inside(folder: Path, entry: str) -> Path:
    """A regular file of this folder; links may lead to the hub cache's own blobs and nowhere else."""
    path, root = folder / entry, folder.resolve()
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except OSError as error:
        raise SubjectError(f"{path}: cannot be read ({error.strerror})") from None
    cache = root.parent.parent / "blobs" if root.parent.name == "snapshots" else root
    if target.parent not in {root, cache}:
        raise SubjectError(f"{path}: a link out of the folder is refused; copy the file into it")
    if not stat.S_ISREG(mode):
        raise SubjectError(f"{path}: this is no regular file")
    if not os.access(target, os.R_OK):
        raise SubjectError(f"{path}: no permission to read it")
    return target


def _kind(path: Path, config: Mapping[str, Any]) -> LocalKind:
    architectures = config.get("architectures") or ()
    names = [name for name in architectures if isinstance(name, str)] if isinstance(architectures, list) else []
    if any(name.endswith("ForSequenceClassification") for name in names):
        return "classifier"
    if names and not any(name.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for name in names):
        raise SubjectError(
            f"{path}: {names[0]!r:.80} is neither a language model that writes (ForCausalLM, ForConditionalGeneration)"
            " nor a classifier (ForSequenceClassification)"
        )
    return "causal-lm"


def _unused(present: Iterable[str], weights: Sequence[str]) -> list[str]:
    """What lies there and was not read, where a reader should know of it."""
    notes = []
    for entry in sorted(present):
        if entry.endswith(_PICKLES):
            notes.append(f"{entry!r:.80} was not read: its format can run code")
        elif entry.endswith(".py"):
            notes.append(f"{entry!r:.80} was not read: code of the subject is not run")
        elif entry.endswith(".safetensors") and entry not in weights:
            notes.append(f"{entry!r:.80} was not read: no index names it")
    return notes
