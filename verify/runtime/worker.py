"""The subject's process: `python -m verify.runtime.worker`. Everything of the subject is loaded here only.

It reads frames from one pipe and writes frames to another; whatever the subject prints goes to
standard output and error, which the parent keeps in a bounded log and never reads as protocol.
"""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from verify.errors import VerifyError
from verify.records import Failed, FailureReason
from verify.runtime import isolation
from verify.runtime.facts import CountsTokens, Engine, EngineFacts
from verify.runtime.frames import (
    AnswerFrame,
    AskFrame,
    BrokeFrame,
    ChannelClosedError,
    CountedFrame,
    CountFrame,
    DoneFrame,
    FrameError,
    GoFrame,
    OpenFrame,
    ReadyFrame,
    RefusedFrame,
    ToWorker,
    pack,
    read_frame,
    to_worker,
    write_all,
)

BROKE_EXIT = 70
"""Exit code after an exception that no engine may survive, such as a Rust panic."""


class _Pipe:
    """The worker's end of the two pipes."""

    def __init__(self, *, read_fd: int, write_fd: int) -> None:
        self._read, self._write = read_fd, write_fd

    def receive(self) -> ToWorker:
        """The parent's next frame, blocking."""
        return to_worker(read_frame(self._read))

    def send(self, frame: AnswerFrame | BrokeFrame | CountedFrame | DoneFrame | ReadyFrame | RefusedFrame) -> None:
        """Send a frame; an answer that is too long for one becomes `Failed(TOO_LONG)`."""
        try:
            data = pack(frame)
        except FrameError:
            if not isinstance(frame, AnswerFrame):
                raise
            detail = "the answer exceeds the frame limit"
            data = pack(AnswerFrame(id=frame.id, response=Failed(reason=FailureReason.TOO_LONG, detail=detail)))
        write_all(self._write, data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the subject that the parent names, then answer until the parent closes the pipe."""
    parser = argparse.ArgumentParser(prog="verify.runtime.worker")
    for name in ("--read", "--write", "--parent"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args(arguments)
    isolation.die_with_parent(given.parent)
    pipe = _Pipe(read_fd=given.read, write_fd=given.write)
    first = pipe.receive()
    if not isinstance(first, OpenFrame):
        return BROKE_EXIT
    tier = isolation.isolate(
        readable=[Path(first.folder), *map(Path, first.readable)],
        scratch=Path(first.scratch),
        memory_bytes=first.memory_bytes,
    )
    engine = _open(pipe, first)
    if engine is None:
        return BROKE_EXIT
    pipe.send(ReadyFrame(facts=_facts_of(engine), isolation=tier[:500]))
    try:
        return _serve(pipe, engine)
    except (ChannelClosedError, BrokenPipeError):
        return 0


def _open(pipe: _Pipe, frame: OpenFrame) -> Engine | None:
    """Load the subject; whatever it throws, a Rust panic included, is told to the parent as a refusal."""
    try:
        module, _, function = frame.engine.partition(":")
        opener = cast("Callable[..., Engine]", getattr(importlib.import_module(module), function))
        return opener(Path(frame.folder), **frame.options)
    except BaseException as error:  # noqa: BLE001  # the subject is called here; a panic is no Exception
        _log(error)
        pipe.send(RefusedFrame(problem=_describe(error)))
        return None


def _log(error: BaseException) -> None:
    """Write the traceback to the bounded log."""
    sys.excepthook(type(error), error, error.__traceback__)


def _describe(error: BaseException) -> str:
    """Class (unless it is ours) and message in one line, without control characters, for a person."""
    text = " ".join(str(error).split())
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    own = isinstance(error, VerifyError)  # our own words name the place themselves
    return safe[:2000] if own else f"{type(error).__name__}: {safe}"[:2000]


def _class_name(error: BaseException) -> str:
    """The exception's class, if its name is a plain one: the subject may have chosen it."""
    name = type(error).__name__
    return name[:100] if name.isascii() and name.isidentifier() else "Exception"


def _facts_of(engine: Engine) -> EngineFacts:
    """The engine's facts, whichever class holds them: only the declared fields cross."""
    source = engine.facts
    if isinstance(source, EngineFacts):
        return source
    fields: dict[str, Any] = {name: getattr(source, name) for name in EngineFacts.model_fields if hasattr(source, name)}
    return EngineFacts.model_validate(fields)


def _serve(pipe: _Pipe, engine: Engine) -> int:
    while True:
        asked, only_count = _collect(pipe)
        ids, requests = [ask.id for ask in asked], [ask.request for ask in asked]
        try:
            if only_count:
                counted = engine.count(requests) if isinstance(engine, CountsTokens) else None
                pipe.send(CountedFrame(tokens=counted))
                continue
            for position, response in engine.answer(requests):
                pipe.send(AnswerFrame(id=ids[position], response=response))
        except (ChannelClosedError, BrokenPipeError):
            return 0
        except Exception as error:  # noqa: BLE001  # the subject is called here
            _log(error)
            pipe.send(BrokeFrame(error=_class_name(error), memory=_is_memory(error)))
            del error
            gc.collect()
            continue
        except BaseException as error:  # noqa: BLE001  # a panic leaves the library in an unknown state: end here
            _log(error)
            pipe.send(BrokeFrame(error=_class_name(error), fatal=True))
            return BROKE_EXIT
        pipe.send(DoneFrame())


def _collect(pipe: _Pipe) -> tuple[list[AskFrame], bool]:
    """Requests up to the next `go` or `count`, and whether they are only to be counted."""
    asked: list[AskFrame] = []
    while True:
        frame = pipe.receive()
        if isinstance(frame, GoFrame | CountFrame):
            return asked, isinstance(frame, CountFrame)
        if isinstance(frame, AskFrame):
            asked.append(frame)


def _is_memory(error: Exception) -> bool:
    """Whether an exception says that memory ran out (torch raises RuntimeError for it on CPU)."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a subject's own threads or exit handlers must not keep a finished worker alive.
    os._exit(code)
