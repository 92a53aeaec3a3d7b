"""A subject whose files lie here, checked and ready for a worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from verify.errors import SubjectError
from verify.records import Digest, FileDigest

LocalKind = Literal["causal-lm", "classifier", "tabular"]


class FileState(NamedTuple):
    """What changes when a file is replaced or written."""

    size: int
    modified_ns: int
    inode: int


def state_of(path: Path) -> FileState:
    """The file's state now."""
    stat = path.stat()
    return FileState(stat.st_size, stat.st_mtime_ns, stat.st_ino)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSubject:
    """Files of a subject that passed every check which needs no loading.

    `small` holds configuration and tokenizer as the very bytes that were checked (sanitised where
    that was needed); `large` the weights, which stay where they are and are linked.
    """

    name: str
    kind: LocalKind
    digest: Digest
    files: tuple[FileDigest, ...]
    small: Mapping[str, bytes] = field(default_factory=dict)
    large: Mapping[str, Path] = field(default_factory=dict)
    states: Mapping[str, FileState] = field(default_factory=dict)
    """State of each large file when its digest was taken."""
    profile: str | None = None
    warnings: tuple[str, ...] = ()

    def stage(self, folder: Path) -> Path:
        """Write a clean copy into an empty folder: what the worker loads, and nothing else.

        Returns:
            What the engine opens: the folder, or the file of a tabular model.
        """
        for name, data in self.small.items():
            (folder / name).write_bytes(data)
        for name, path in self.large.items():
            (folder / name).symlink_to(path.resolve())
        return folder / next(iter(self.large)) if self.kind == "tabular" else folder

    def check_unchanged(self) -> None:
        """Compare the large files with their state when the digest was taken.

        Raises:
            SubjectError: One was changed since.
        """
        for name, path in self.large.items():
            if name in self.states and state_of(path) != self.states[name]:
                raise SubjectError(f"{path}: the file was changed while it was in use; start again when it is at rest")
