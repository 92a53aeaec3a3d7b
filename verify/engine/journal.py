"""The journal: one SQLite file a run, in which every answer is committed before it is used.

WAL with synchronous=FULL: a kill -9 at any moment loses no acknowledged answer, and a second process with
the same folder is refused. The subject's digest is part of every key, so that the answers of one model can
never be reported as another's. Each row carries a digest of its own, so that a damaged page is found.
"""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pydantic import TypeAdapter

from verify.errors import JournalError, UsageError, VerifyError
from verify.records import KeptResponse, Response, canonical_json

FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS responses (
    subject TEXT NOT NULL, digest TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL, check_sum TEXT NOT NULL,
    PRIMARY KEY (subject, digest)
) STRICT;
"""
_RESPONSE: TypeAdapter[Response] = TypeAdapter(Response)


class Keeper(Protocol):
    """Where answers are kept: on disk while a run goes on, in memory when a bundle is audited."""

    def get(self, digests: Sequence[str]) -> dict[str, Response]:
        """Answers that are kept, by the content digest of their request."""
        ...

    def put(self, entries: Sequence[KeptResponse]) -> None:
        """Keep answers; they are safe when this returns."""
        ...


class Memory:
    """Answers in memory, for audit and tests.

    Args:
        entries: What is kept from the beginning.
    """

    def __init__(self, entries: Iterable[KeptResponse] = ()) -> None:
        self._kept = {entry.digest: entry.response for entry in entries}

    def get(self, digests: Sequence[str]) -> dict[str, Response]:
        """Answers that are kept, by the content digest of their request."""
        return {digest: self._kept[digest] for digest in digests if digest in self._kept}

    def put(self, entries: Sequence[KeptResponse]) -> None:
        """Keep answers."""
        self._kept.update((entry.digest, entry.response) for entry in entries)


class Journal:
    """Answers of one run, kept on disk.

    Args:
        file: The SQLite file; created if missing.
        plan_digest: Digest of the plan; a journal of another plan is refused.
        subject_digest: Digest of the subject; part of every key.

    Raises:
        JournalError: Locked by a running process, or damaged.
        UsageError: It holds the run of another plan, subject or format; to run again would change nothing.
    """

    def __init__(self, file: Path, *, plan_digest: str, subject_digest: str) -> None:
        self.file = file
        self._subject = subject_digest
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(file)
        try:
            self._db = sqlite3.connect(file, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._identify(plan_digest)
        except sqlite3.DatabaseError as error:
            self.close()
            raise JournalError(
                f"{file}: the journal is damaged ({error}); move it away to start the run afresh"
            ) from error
        except VerifyError:
            self.close()
            raise

    def get(self, digests: Sequence[str]) -> dict[str, Response]:
        """Answers that are kept already, by the content digest of their request.

        Raises:
            JournalError: A kept answer was altered or damaged.
        """
        found: dict[str, Response] = {}
        for start in range(0, len(digests), 500):
            part = digests[start : start + 500]
            marks = ",".join("?" * len(part))
            query = f"SELECT digest, response, check_sum FROM responses WHERE subject = ? AND digest IN ({marks})"  # noqa: S608  # marks only
            for digest, response, check_sum in self._db.execute(query, (self._subject, *part)):
                found[digest] = self._decode(digest, response, check_sum)
        return found

    def put(self, entries: Sequence[KeptResponse]) -> None:
        """Keep answers; they are on disk when this returns.

        Raises:
            JournalError: An answer to this request is kept already, or the disk is full or failing.
        """
        rows = [self._encode(entry) for entry in entries]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO responses VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._db.execute("ROLLBACK")
            raise JournalError(f"{self.file}: an answer would be counted twice: {error}") from error
        except sqlite3.OperationalError as error:  # disk full, I/O error: do not retry, state on disk is intact
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise JournalError(
                f"{self.file}: cannot write ({error}); free space, then run the same command to resume"
            ) from error

    def __len__(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM responses").fetchone()[0])

    def close(self) -> None:
        """Close the file and release the lock; may be called twice."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _identify(self, plan_digest: str) -> None:
        wanted = {"format": str(FORMAT), "plan": plan_digest, "subject": self._subject}
        kept = dict(self._db.execute("SELECT name, value FROM run"))
        if not kept:
            self._db.executemany("INSERT INTO run VALUES (?, ?)", wanted.items())
            return
        for name, value in wanted.items():
            if kept.get(name) != value:
                raise UsageError(
                    f"{self.file}: holds an unfinished run of another {name} ({kept.get(name)}); "
                    "give another --out, or the options that the run was started with"
                )

    def _encode(self, entry: KeptResponse) -> tuple[str, str, str, str, str]:
        request = canonical_json(entry.request.to_json()).decode("utf-8", "surrogatepass")
        response = canonical_json(entry.response.to_json()).decode("utf-8", "surrogatepass")
        return self._subject, entry.digest, request, response, self._check_sum(entry.digest, response)

    def _decode(self, digest: str, response: str, check_sum: str) -> Response:
        if self._check_sum(digest, response) != check_sum:
            raise JournalError(
                f"{self.file}: a kept answer was altered or damaged; move the journal away to start afresh"
            )
        return _RESPONSE.validate_json(response)

    def _check_sum(self, digest: str, response: str) -> str:
        text = f"{self._subject}\0{digest}\0{response}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _lock(file: Path) -> int:
    handle = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise JournalError(
            f"{file.parent}: another process is running this run; wait for it, or give another --out"
        ) from error
    return handle
