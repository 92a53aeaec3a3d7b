"""Write a bundle so that it is whole or absent; read one so that nothing altered is believed."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from verify.errors import EvidenceError
from verify.evidence import layout
from verify.evidence.digests import file_digest, manifest_of
from verify.evidence.statement import build_statement, sign
from verify.records import (
    CalibrationRecord,
    Conduct,
    ItemScore,
    KeptResponse,
    Manifest,
    Plan,
    PlannedItem,
    Record,
    Results,
    Subject,
)

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run leaves, before it is sealed."""

    plan: Plan
    """What was decided before the first request."""
    subject: Subject
    results: Results
    items: Iterable[PlannedItem]
    """The items as they were asked."""
    responses: Iterable[KeptResponse]
    """The exchanges, personal data already replaced."""
    scores: Iterable[ItemScore]
    """All scores, unscored ones too."""
    conduct: Conduct | None = None
    calibration: CalibrationRecord | None = None
    """The instrument's record that the results cite."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose every file has the digest that its manifest states."""

    folder: Path
    plan: Plan
    subject: Subject
    results: Results
    manifest: Manifest
    conduct: Conduct | None
    calibration: CalibrationRecord | None

    def items(self) -> Iterator[PlannedItem]:
        """The items as they were asked, in the order of the plan."""
        return _read_lines(self.folder / layout.ITEMS, PlannedItem)

    def responses(self) -> Iterator[KeptResponse]:
        """The kept exchanges."""
        return _read_lines(self.folder / layout.RESPONSES, KeptResponse)

    def scores(self) -> Iterator[ItemScore]:
        """One score for each item and repeat."""
        return _read_lines(self.folder / layout.SCORES, ItemScore)


def write_bundle(folder: Path, evidence: Evidence, *, key: Ed25519PrivateKey | None = None) -> Manifest:
    """Seal a run: write all files of a bundle, its statement and, last, its manifest.

    The files are written and synced in `.run/`, then renamed into place; the manifest comes last, so a
    folder with a manifest is a whole bundle whenever the writing was cut off. The same run may be sealed
    again; `report/` and `.run/` are left alone.

    Args:
        folder: The bundle; made where it is missing.
        evidence: What the run left.
        key: Signs the statement where given.

    Returns:
        The manifest that was written.

    Raises:
        EvidenceError: The folder holds the bundle of another plan, or the results contradict the plan.
    """
    _refuse_contradictions(folder, evidence=evidence)
    workings = folder / layout.WORKINGS
    workings.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="sealing-", dir=workings))
    try:
        _write_records(staging, evidence=evidence)
        for name in layout.RECORDS:
            _write(staging / layout.schema_name(name), (layout.to_text(layout.schema_of(name)),))
        statement = build_statement(
            plan=evidence.plan,
            subject=evidence.subject,
            results=evidence.results,
            files=digests_in(staging),
        )
        _write(staging / layout.STATEMENT, (layout.to_text(statement),))
        if key is not None:
            payload = (staging / layout.STATEMENT).read_bytes()
            _write(staging / layout.ENVELOPE, (layout.to_text(sign(payload, key=key)),))
        manifest = manifest_of(digests_in(staging))
        _write(staging / layout.MANIFEST, (layout.to_text(manifest),))
        _move_into(folder, staging=staging, names=[*manifest.files, layout.MANIFEST])
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


def read_bundle(folder: Path) -> Bundle:
    """Open a bundle and check every file against the manifest.

    Raises:
        EvidenceError: No manifest, an unknown schema, a missing, altered or additional file, a link, or a
            record that does not parse; the message names the file.
    """
    manifest = read_manifest(folder)
    faults = list(manifest_faults(folder, manifest=manifest))
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise EvidenceError(f"{folder}: {faults[0]}{more}; the bundle is not the one that was sealed")
    return Bundle(
        folder=folder,
        plan=read_record(folder / layout.PLAN, Plan),
        subject=read_record(folder / layout.SUBJECT, Subject),
        results=read_record(folder / layout.RESULTS, Results),
        manifest=manifest,
        conduct=_read_if_there(folder / layout.CONDUCT, Conduct),
        calibration=_read_if_there(folder / layout.CALIBRATION, CalibrationRecord),
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, its own root checked.

    Raises:
        EvidenceError: There is none, or its root does not belong to its entries.
    """
    path = folder / layout.MANIFEST
    if not path.is_file():
        raise EvidenceError(
            f"{folder}: no {layout.MANIFEST}, so this is no sealed bundle; "
            "finish the run with the same `verify run ... --out` command"
        )
    manifest = read_record(path, Manifest)
    if manifest_of(manifest.files).root != manifest.root:
        raise EvidenceError(f"{path}: the root does not belong to the listed files; the manifest was altered")
    missing = [name for name in layout.REQUIRED if name not in manifest.files]
    if missing:
        raise EvidenceError(f"{path}: lists no {missing[0]}, which every bundle has")
    return manifest


def manifest_faults(folder: Path, *, manifest: Manifest) -> Iterator[str]:
    """What differs between a folder and its manifest: missing, altered, additional files, and links."""
    there = set(_names(folder))
    for name, digest in manifest.files.items():
        path = folder / name
        if name not in there:
            yield f"{name} is missing"
        elif path.is_symlink() or not path.is_file():
            yield f"{name} is no plain file"
        elif file_digest(path) != digest:
            yield f"{name} was altered"
    for name in sorted(there - set(manifest.files) - {layout.MANIFEST}):
        yield f"{name} is not in the manifest"


def digests_in(folder: Path) -> dict[str, str]:
    """Path -> digest of all evidence files in `folder`, without manifest, report and workings."""
    return {name: file_digest(folder / name) for name in _names(folder) if name != layout.MANIFEST}


def _names(folder: Path) -> Iterator[str]:
    """Relative paths of all files, links included, outside `report/` and `.run/`."""
    for root, folders, files in os.walk(folder):
        here = Path(root)
        if here == folder:
            folders[:] = [name for name in folders if name not in (layout.REPORT, layout.WORKINGS)]
        links = [name for name in folders if (here / name).is_symlink()]
        for name in [*files, *links]:
            yield (here / name).relative_to(folder).as_posix()


def _refuse_contradictions(folder: Path, *, evidence: Evidence) -> None:
    results, plan = evidence.results, evidence.plan.content_digest()
    if results.plan != plan:
        raise EvidenceError("the results cite another plan than the one to be sealed")
    if results.subject.digest != evidence.subject.digest:
        raise EvidenceError("the results are about another subject than the one to be sealed")
    if evidence.calibration is not None and results.calibration != evidence.calibration.content_digest():
        raise EvidenceError("the results cite another calibration record than the one to be sealed")
    sealed = folder / layout.PLAN
    whole = (folder / layout.MANIFEST).is_file() and sealed.is_file()
    if whole and read_record(sealed, Plan).content_digest() != plan:
        raise EvidenceError(f"{folder} holds the bundle of another run; choose another --out")


def _write_records(staging: Path, *, evidence: Evidence) -> None:
    whole: dict[str, Record | None] = {
        layout.PLAN: evidence.plan,
        layout.SUBJECT: evidence.subject,
        layout.CONDUCT: evidence.conduct,
        layout.RESULTS: evidence.results,
        layout.CALIBRATION: evidence.calibration,
    }
    for name, record in whole.items():
        if record is not None:
            _write(staging / name, (layout.to_text(record),))
    _write(staging / layout.ITEMS, map(layout.to_line, evidence.items))
    _write(staging / layout.RESPONSES, map(layout.to_line, evidence.responses))
    _write(staging / layout.SCORES, map(layout.to_line, evidence.scores))


def _write(path: Path, texts: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(texts)
        stream.flush()
        os.fsync(stream.fileno())


def _move_into(folder: Path, *, staging: Path, names: list[str]) -> None:
    (folder / layout.MANIFEST).unlink(missing_ok=True)
    for stale in set(_names(folder)) & {*layout.RECORDS, layout.ENVELOPE}:
        (folder / stale).unlink()
    _sync(folder)
    (folder / layout.SCHEMAS).mkdir(exist_ok=True)
    for name in names:
        if name == layout.MANIFEST:
            _sync(folder / layout.SCHEMAS)
            _sync(folder)
        (staging / name).replace(folder / name)
    _sync(folder)


def _sync(folder: Path) -> None:
    """Make renames durable where the system can sync a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_record(path: Path, record: type[RecordT]) -> RecordT:
    """The record that a JSON file holds.

    Raises:
        EvidenceError: The file is unreadable, of an unknown schema, or no such record.
    """
    try:
        return record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise EvidenceError(f"{path}: {_first(error)}") from error


def _read_if_there(path: Path, record: type[RecordT]) -> RecordT | None:
    return read_record(path, record) if path.exists() else None


def _read_lines(path: Path, record: type[RecordT]) -> Iterator[RecordT]:
    with path.open("rb") as stream:  # bytes: only LF ends a line, never U+2028 in somebody's answer
        for number, line in enumerate(stream, start=1):
            try:
                yield record.model_validate_json(line)
            except ValidationError as error:
                raise EvidenceError(f"{path}:{number}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"])) or "file"
    if place == "schema":
        return f"unknown schema; {fault['msg']} (a newer version of AX Verify may have written it)"
    return f"{place}: {fault['msg']}"
