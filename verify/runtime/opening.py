"""SUBJECT, as the user wrote it, becomes a runtime. Nothing of the subject is loaded in this process."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify import content
from verify.errors import SubjectUnavailableError, UnknownNameError
from verify.records import FileDigest, Profile, digest_of
from verify.runtime.addresses import (
    EndpointAddress,
    FolderAddress,
    HubAddress,
    ProfileAddress,
    RecordedAddress,
    ReferenceAddress,
    TabularAddress,
    parse_address,
)
from verify.runtime.artefact import check_folder, check_skops
from verify.runtime.base import Runtime
from verify.runtime.constructed import TABLE
from verify.runtime.endpoint import EndpointLimits, EndpointRuntime
from verify.runtime.hub import fetch
from verify.runtime.local import LocalSubject
from verify.runtime.pacing import Limits
from verify.runtime.process import WorkerRuntime
from verify.runtime.recorded import RecordedRuntime

MIRROR_VARIABLE = "VERIFY_MIRROR"
"""Environment variable that names a folder with a copy of hub repositories, as `ORG/NAME/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectOptions:
    """How a subject is opened."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """The known profiles by id."""
    limits: Limits = field(default_factory=Limits)
    """Time, size and memory of a worker."""
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Passed to the engine, e.g. `{"device": "cpu", "dtype": "float32"}`."""
    endpoint: EndpointLimits = field(default_factory=EndpointLimits)


def open_subject(subject: str, options: SubjectOptions | None = None) -> Runtime:
    """Open what SUBJECT names; the caller closes the runtime.

    Raises:
        UsageError: The form of SUBJECT is wrong, or it names nothing.
        SubjectError: It is missing, truncated, refused or unreadable.
        SubjectUnavailableError: It lies on a hub or host that cannot be reached from here.
        ContentError: A file of recorded answers is wrong.
    """
    chosen = options or SubjectOptions()
    address = parse_address(subject, profiles=chosen.profiles)
    match address:
        case EndpointAddress(url, model):
            return EndpointRuntime(url, model=model, limits=chosen.endpoint, name=subject)
        case RecordedAddress(file):
            return RecordedRuntime(file)
        case ProfileAddress() | FolderAddress() | TabularAddress() | HubAddress() | ReferenceAddress():
            return _worker(_local(address, chosen), chosen)


def open_reference(folder: Path) -> Runtime:
    """Open a reference standard by its folder, wherever it lies; the caller closes the runtime.

    It gets one thread: two standards are examined at a time, and tiny models that share cores with more threads than
    there are cores wait for each other (a trial of 5 s took 40 s).

    Raises:
        SubjectError: It is missing, truncated or unreadable.
    """
    return _worker(_standard(folder), SubjectOptions(engine={"threads": 1}))


def _worker(local: LocalSubject, options: SubjectOptions) -> Runtime:
    if TABLE in local.small:
        return WorkerRuntime(local, limits=options.limits, engine="verify.runtime.constructed:open_constructed")
    return WorkerRuntime(local, limits=options.limits, options={} if local.kind == "tabular" else options.engine)


def find_local(subject: str, *, profiles: Mapping[str, Profile]) -> LocalSubject | None:
    """Check the files of a subject without opening it; None for one whose files are not here.

    Raises:
        As `open_subject`.
    """
    address = parse_address(subject, profiles=profiles)
    if isinstance(address, EndpointAddress | RecordedAddress):
        return None
    return _local(address, SubjectOptions(profiles=profiles))


def _local(
    address: ProfileAddress | FolderAddress | TabularAddress | HubAddress | ReferenceAddress, options: SubjectOptions
) -> LocalSubject:
    match address:
        case FolderAddress(folder):
            return check_folder(folder, name=folder.resolve().name)
        case TabularAddress(file):
            return check_skops(file, name=file.name)
        case ReferenceAddress(identity):
            return _reference(identity)
        case HubAddress(repository, revision):
            return _from_hub(repository, revision=revision, profile=None)
        case ProfileAddress(identity):
            return _from_profile(options.profiles[identity])


def _reference(identity: str) -> LocalSubject:
    root = content.reference_folder()
    folder = root / identity
    if not folder.is_dir():
        known = [entry.name for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []
        raise UnknownNameError("reference standard", identity, known=known)
    return _standard(folder)


def _standard(folder: Path) -> LocalSubject:
    name = f"reference:{folder.name}"
    table = folder / TABLE
    return _constructed(table, name=name) if table.is_file() else check_folder(folder, name=name)


def _constructed(table: Path, *, name: str) -> LocalSubject:
    data = table.read_bytes()
    file = FileDigest(name=TABLE, size=len(data), sha256="sha256:" + hashlib.sha256(data).hexdigest())
    digest = digest_of([file.to_json()])
    return LocalSubject(name=name, kind="causal-lm", digest=digest, files=(file,), small={TABLE: data})


def _from_profile(profile: Profile) -> LocalSubject:
    mirrored = _mirrored(profile.source)
    if profile.reach == "endpoint-only" and mirrored is None:
        raise SubjectUnavailableError(
            f"{profile.id}: no engine here can load {profile.source}; have it served (vLLM, SGLang) and test that:"
            " verify run endpoint:http://HOST/v1#MODEL"
        )
    return _from_hub(profile.source, revision=profile.revision, profile=profile.id)


def _from_hub(repository: str, *, revision: str | None, profile: str | None) -> LocalSubject:
    name = profile or f"hf:{repository}" + (f"@{revision}" if revision else "")
    mirrored = _mirrored(repository)
    if mirrored is not None:
        return check_folder(mirrored, name=name, profile=profile)
    snapshot = fetch(repository, revision=revision)
    return check_folder(snapshot.folder, name=name if revision else f"{name}@{snapshot.commit}", profile=profile)


def _mirrored(repository: str) -> Path | None:
    """The repository's folder in the mirror, where there is one."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    folder = Path(mirror) / repository if mirror else None
    return folder if folder is not None and folder.is_dir() else None
