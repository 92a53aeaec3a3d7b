"""The only thing that crosses between the run and the subject's process: length-prefixed, typed JSON.

A frame is four bytes of length (big endian) and that many bytes of ASCII JSON. The parent gives ids
and believes nothing: a frame that is too long, is no JSON, has no known shape or an id that was not
asked raises `FrameError`, and the worker that sent it is killed (trust model, threat S19).
"""

import json
import os
import select
import struct
import time
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from verify.records import Failed, FailureReason, Record, Request, Response
from verify.runtime.facts import EngineFacts, TokenCount

MAX_FRAME: Final = 16 * 2**20
"""Bytes; holds the per-token log-probabilities of some 250,000 tokens."""

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other side sent something that is no frame of this protocol."""


class ChannelClosedError(Exception):
    """The other side has gone."""


class ChannelTimeoutError(Exception):
    """Nothing came (or nothing could be sent) in time."""


class OpenFrame(Record):
    """Parent to worker, first: what to open, and with which engine."""

    type: Literal["open"] = "open"
    engine: str
    """`module:function`; chosen by the parent from its own table, never by the subject."""
    folder: str
    """Folder (or file) that was checked; the engine loads this and nothing else."""
    readable: tuple[str, ...] = ()
    """Further paths that the sandbox must leave readable, e.g. where linked weights really lie."""
    scratch: str
    memory_bytes: int | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class AskFrame(Record):
    """Parent to worker: one request."""

    type: Literal["ask"] = "ask"
    id: int = Field(ge=0)
    request: Request


class GoFrame(Record):
    """Parent to worker: answer what was asked since the last `go`."""

    type: Literal["go"] = "go"


class CountFrame(Record):
    """Parent to worker: say what the requests since the last `go` weigh, and answer none of them."""

    type: Literal["count"] = "count"


class CountedFrame(Record):
    """Worker to parent: what they weigh."""

    type: Literal["counted"] = "counted"
    tokens: TokenCount | None
    """Null where the engine has no tokens."""


class ReadyFrame(Record):
    """Worker to parent: the subject is open."""

    type: Literal["ready"] = "ready"
    facts: EngineFacts
    isolation: str = Field(max_length=500)


class RefusedFrame(Record):
    """Worker to parent: the subject cannot be opened, and why."""

    type: Literal["refused"] = "refused"
    problem: str = Field(max_length=2000)


class AnswerFrame(Record):
    """Worker to parent: one response."""

    type: Literal["answer"] = "answer"
    id: int = Field(ge=0)
    response: Response


class DoneFrame(Record):
    """Worker to parent: everything since the last `go` was answered."""

    type: Literal["done"] = "done"


class BrokeFrame(Record):
    """Worker to parent: answering raised; what was not answered yet will not be."""

    type: Literal["broke"] = "broke"
    error: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
    """Name of the exception's class."""
    memory: bool = False
    """Whether it was lack of memory."""
    fatal: bool = False
    """Whether the worker ends itself now."""


ToWorker: TypeAlias = Annotated[OpenFrame | AskFrame | GoFrame | CountFrame, Field(discriminator="type")]
FromWorker: TypeAlias = Annotated[
    ReadyFrame | RefusedFrame | AnswerFrame | CountedFrame | DoneFrame | BrokeFrame, Field(discriminator="type")
]
_TO_WORKER: Final[TypeAdapter[ToWorker]] = TypeAdapter(ToWorker)
_FROM_WORKER: Final[TypeAdapter[FromWorker]] = TypeAdapter(FromWorker)


def pack(frame: Record) -> bytes:
    """A frame as bytes; a lone surrogate survives as its escape.

    Raises:
        FrameError: The frame would be longer than `MAX_FRAME`.
    """
    body = json.dumps(frame.to_json(), ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(body) > MAX_FRAME:
        raise FrameError(f"a frame of {len(body)} bytes; the limit is {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


def from_worker(body: bytes) -> FromWorker:
    """Read a frame that the worker sent.

    An answer whose text is not valid Unicode (a lone surrogate) is an answer that failed, not a
    breach of the protocol: a byte-level tokenizer can write one in good faith.

    Raises:
        FrameError: The bytes are no frame.
    """
    try:
        return _FROM_WORKER.validate_json(body)
    except ValidationError:
        spoilt = _spoilt_answer(body)
        if spoilt is None:
            raise FrameError(f"{len(body)} bytes that are no frame of the protocol") from None
        return spoilt


def to_worker(body: bytes) -> ToWorker:
    """Read a frame that the parent sent."""
    return _TO_WORKER.validate_json(body)


def _spoilt_answer(body: bytes) -> AnswerFrame | None:
    """The frame as `Failed(INVALID_TEXT)`, if lone surrogates are all that is wrong with it."""
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        clean = text.encode("utf-8", "replace")
        frame = _FROM_WORKER.validate_json(clean)
    except (ValueError, RecursionError):
        return None
    if clean == text.encode("utf-8", "surrogatepass") or not isinstance(frame, AnswerFrame):
        return None
    detail = "the answer holds a lone surrogate"
    return AnswerFrame(id=frame.id, response=Failed(reason=FailureReason.INVALID_TEXT, detail=detail))


class Channel:
    """Frames over two pipes, with time limits; the parent's end.

    Args:
        read_fd: Where the worker's frames arrive; owned and closed by the channel.
        write_fd: Where the parent's frames go; owned and closed by the channel.
    """

    def __init__(self, *, read_fd: int, write_fd: int) -> None:
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self._read, self._write = read_fd, write_fd
        self._buffer = bytearray()
        self._open = True

    def send(self, data: bytes, *, within: float) -> None:
        """Send packed frames.

        Raises:
            ChannelTimeoutError: The worker did not take them within `within` seconds.
            ChannelClosedError: The worker has gone.
        """
        view, ends = memoryview(data), time.monotonic() + within
        while view:
            _wait(write=self._write, ends=ends)
            try:
                view = view[os.write(self._write, view[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelClosedError("the worker closed its pipe") from error

    def receive(self, *, within: float) -> FromWorker:
        """The next frame; one that has arrived already is returned even if `within` is 0.

        Raises:
            ChannelTimeoutError: No whole frame within `within` seconds.
            ChannelClosedError: The worker has gone.
            FrameError: What came is no frame.
        """
        ends = time.monotonic() + within
        while True:
            body = self._take()
            if body is not None:
                return from_worker(body)
            _wait(read=self._read, ends=ends)
            try:
                received = os.read(self._read, 1 << 18)
            except BlockingIOError:
                continue
            if not received:
                raise ChannelClosedError("the worker closed its pipe")
            self._buffer += received

    def _take(self) -> bytes | None:
        """A whole frame from the buffer, if there is one."""
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > MAX_FRAME:
            raise FrameError(f"a frame of {length} bytes; the limit is {MAX_FRAME}")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body

    def close(self) -> None:
        """Close both pipes; may be called twice."""
        if self._open:
            self._open = False
            os.close(self._read)
            os.close(self._write)


def _wait(*, read: int | None = None, write: int | None = None, ends: float) -> None:
    """Block until the descriptor is ready.

    `poll`, not `select`: a parent with more than 1,024 open files must not fail here.
    """
    waiter = select.poll()
    if read is not None:
        waiter.register(read, select.POLLIN)
    if write is not None:
        waiter.register(write, select.POLLOUT)
    left = ends - time.monotonic()
    if not waiter.poll(max(0.0, left) * 1000):
        raise ChannelTimeoutError("the worker is silent")


def read_frame(fd: int) -> bytes:
    """Read one frame's body, blocking; the worker's end.

    Raises:
        ChannelClosedError: The parent has gone.
    """
    (length,) = _LENGTH.unpack(_read_exactly(fd, _LENGTH.size))
    return _read_exactly(fd, length)


def _read_exactly(fd: int, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = os.read(fd, min(missing, 1 << 20))
        if not part:
            raise ChannelClosedError("the parent closed its pipe")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write_all(fd: int, data: bytes) -> None:
    """Write everything, blocking; the worker's end."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
