"""What a user wrote for SUBJECT, taken apart."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from verify.errors import UnknownNameError, UsageError

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w./-]*")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """A known model."""

    id: str


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A folder of weights on this disk."""

    folder: Path


@dataclass(frozen=True, slots=True)
class TabularAddress:
    """A file of a tabular model."""

    file: Path


@dataclass(frozen=True, slots=True)
class HubAddress:
    """A repository of the hub."""

    repository: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    """A model behind an OpenAI-compatible server."""

    url: str
    model: str


@dataclass(frozen=True, slots=True)
class RecordedAddress:
    """Answers that exist already."""

    file: Path


@dataclass(frozen=True, slots=True)
class ReferenceAddress:
    """A reference standard of this instrument."""

    id: str


Address: TypeAlias = (
    ProfileAddress | FolderAddress | TabularAddress | HubAddress | EndpointAddress | RecordedAddress | ReferenceAddress
)


def parse_address(subject: str, *, profiles: Collection[str]) -> Address:
    """Say what a SUBJECT names; looks at the disk, loads nothing.

    Args:
        subject: Profile id, folder, `hf:ORG/NAME@REVISION`, `endpoint:URL#MODEL`, `recorded:FILE`,
            `reference:NAME`, or a file of a tabular model.
        profiles: Ids of the known profiles.

    Raises:
        UsageError: The form is wrong; the message shows the right one.
        UnknownNameError: It is the name of nothing.
    """
    try:
        return _parse(subject, profiles=profiles)
    except OSError as error:  # a name that the file system refuses: too long, or behind a closed folder
        raise UsageError(f"{subject[:80]}: cannot be looked at ({error.strerror})") from None


def _parse(subject: str, *, profiles: Collection[str]) -> Address:
    scheme, _, rest = subject.partition(":")
    match scheme:
        case "hf":
            return _hub(rest)
        case "endpoint":
            return _endpoint(rest)
        case "recorded":
            if not Path(rest).is_file():
                raise UsageError(f"recorded:{rest}: there is no such file")
            return RecordedAddress(Path(rest))
        case "reference":
            if not _NAME.fullmatch(rest):
                raise UsageError(f"reference:{rest}: write reference:NAME, e.g. reference:clean-lm")
            return ReferenceAddress(rest)
        case _:
            return _path_or_profile(subject, profiles)


def _path_or_profile(subject: str, profiles: Collection[str]) -> Address:
    path = Path(subject)
    if not subject:
        raise UsageError(
            "SUBJECT is empty; name a profile, a folder, hf:..., endpoint:..., recorded:... or reference:..."
        )
    if subject in profiles:
        return ProfileAddress(subject)
    if path.is_dir():
        return FolderAddress(path)
    if path.is_file():
        return TabularAddress(path)
    if path.is_absolute() or subject.startswith((".", "~")) or "/" in subject:
        raise UsageError(
            f"{subject}: there is no such folder or file; for a model of the hub write hf:ORG/NAME@REVISION"
        )
    raise UnknownNameError("profile, folder or file", subject, known=profiles)


def _hub(rest: str) -> HubAddress:
    repository, _, revision = rest.partition("@")
    bad_revision = revision and (not _REVISION.fullmatch(revision) or ".." in revision)
    if not _REPOSITORY.fullmatch(repository) or ".." in repository or bad_revision:
        raise UsageError(f"hf:{rest}: write hf:ORG/NAME@REVISION, e.g. hf:LGAI-EXAONE/EXAONE-4.0-1.2B@0123abc")
    return HubAddress(repository, revision or None)


def _endpoint(rest: str) -> EndpointAddress:
    url, _, model = rest.partition("#")
    host = re.fullmatch(r"https?://([^/?#]+)(/[^?#]*)?", url)
    if host is None or not model:
        raise UsageError(f"endpoint:{rest}: write endpoint:http://HOST/v1#MODEL")
    if "@" in host.group(1):
        raise UsageError("endpoint: a password does not belong into the address; put the key into VERIFY_API_KEY")
    return EndpointAddress(url.rstrip("/"), model)
