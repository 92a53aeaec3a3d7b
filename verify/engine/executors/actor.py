"""What runs on a node: a runtime as the local one, with its own sandboxed worker, behind three calls.

Only JSON crosses to the driver and back, as between a worker and its parent: the driver unpickles nothing that
was made beside a subject.
"""

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

import verify
from verify.errors import UsageError, VerifyError
from verify.records import Record, Request, Subject
from verify.runtime.base import Runtime
from verify.runtime.frames import AnswerFrame

HANDED_SECONDS: Final = 0.25
"""Answers are handed over at least this often while they arrive."""
HANDED_ANSWERS: Final = 64

_REQUESTS: Final[TypeAdapter[list[Request]]] = TypeAdapter(list[Request])


class Opened(Record):
    """What an actor found when it opened the subject, or why it did not."""

    host: str
    """For the terminal only; no bundle names it."""
    version: str
    """Of AX Verify on that node."""
    subject: Subject | None = None
    problem: str = ""


class Handed(Record):
    """Some answers of a shard, under the places of its requests; or why no more will come."""

    answers: tuple[AnswerFrame, ...] = ()
    problem: str = ""


def packed(requests: list[Request]) -> bytes:
    """A shard as it travels."""
    return json.dumps([request.to_json() for request in requests]).encode("ascii")


class Actor:
    """Holds the runtime of one node; Ray makes an actor of it.

    Args:
        opener: Opens the subject; called here.
        environment: Variables that are set here, or removed where the value is None, so that a worker computes
            with as many threads as it would beside the driver.
    """

    def __init__(self, opener: Callable[[], Runtime], environment: Mapping[str, str | None]) -> None:
        self._opener = opener
        self._runtime: Runtime | None = None
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        tempfile.tempdir = None  # what was looked up before TMPDIR was set

    def open(self) -> bytes:
        """Open the subject; an `Opened` as JSON."""
        about: dict[str, Any] = {"host": socket.gethostname(), "version": verify.__version__}
        try:
            self._runtime = self._opener()
        except UsageError as error:
            return _json(Opened(problem=f"{error} (each node needs the subject's files at the same place)", **about))
        except (VerifyError, OSError) as error:
            return _json(Opened(problem=str(error) or type(error).__name__, **about))
        return _json(Opened(subject=self._runtime.subject, **about))

    def answer(self, shard: bytes) -> Iterator[bytes]:
        """Answer a shard; a `Handed` as JSON whenever some answers exist."""
        if self._runtime is None:
            raise RuntimeError("not open")
        ready: list[AnswerFrame] = []
        since = time.monotonic()
        try:
            for position, response in self._runtime.answer(_REQUESTS.validate_json(shard)):
                ready.append(AnswerFrame(id=position, response=response))
                if len(ready) >= HANDED_ANSWERS or time.monotonic() - since >= HANDED_SECONDS:
                    yield _json(Handed(answers=tuple(ready)))
                    ready, since = [], time.monotonic()
        except VerifyError as error:
            yield _json(Handed(answers=tuple(ready), problem=str(error)))
        else:
            yield _json(Handed(answers=tuple(ready)))

    def end(self) -> None:
        """Close the runtime, whatever it is doing: its worker and its folder go; the driver ends this process next."""
        if self._runtime is not None:
            self._runtime.close()


def _json(record: Record) -> bytes:
    return json.dumps(record.to_json()).encode("ascii")
