"""A subject in a worker process that may die: it costs the requests concerned, never the run."""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from verify.errors import SubjectError, WorkerError
from verify.records import (
    Classify,
    Failed,
    FailureReason,
    Generate,
    LogLikelihood,
    Predict,
    Request,
    RequestKind,
    Subject,
    TokenLogProbs,
    canonical_json,
)
from verify.runtime.base import Answered
from verify.runtime.child import Child, Death
from verify.runtime.facts import TokenCount
from verify.runtime.frames import (
    AnswerFrame,
    AskFrame,
    BrokeFrame,
    ChannelClosedError,
    ChannelTimeoutError,
    CountedFrame,
    CountFrame,
    DoneFrame,
    FrameError,
    FromWorker,
    GoFrame,
    OpenFrame,
    ReadyFrame,
    RefusedFrame,
    pack,
)
from verify.runtime.isolation import has_accelerator
from verify.runtime.local import LocalKind, LocalSubject
from verify.runtime.pacing import Limits, Pace, capped, chunks

ENGINES: Final[Mapping[LocalKind, str]] = {
    "causal-lm": "verify.runtime.causal:open_causal",
    "classifier": "verify.runtime.classifier:open_classifier",
    "tabular": "verify.runtime.tabular:open_tabular",
}
ANSWER_KINDS: Final[Mapping[RequestKind, str]] = {
    "loglikelihood": "loglikelihood",
    "token_logprobs": "token_logprobs",
    "generate": "generate",
    "classify": "classify",
    "predict": "classify",
}
"""Which kind of answer each kind of request has."""

_TRIES: Final = 2
_PARTS: Final = 8
"""Into how many groups the rest is cut after a death: a group more costs little, a death costs a restart."""
_SUSPICION: Final = 6
"""Deaths without an answer after which it is asked whether the worker can answer anything at all."""
_START_TRIES: Final = 3
_CLOSE_GRACE_S: Final = 2.0


class WorkerRuntime:
    """Answers of a local subject, computed in a process of its own.

    A worker that dies, hangs, panics or sends rubbish is replaced, and what it left unanswered is
    asked again in smaller groups, until the request that ends it stands alone: that one becomes `Failed`
    after two tries, its neighbours are answered. Not for use by several threads at once.

    Args:
        subject: The checked files.
        limits: Time, size and memory.
        options: Passed to the engine's opener by keyword, e.g. `{"device": "cpu"}`.
        engine: `module:function` of the opener; by default that of the subject's kind.
        import_path: Folders in which the worker finds modules besides the installation.

    Raises:
        SubjectError: The subject cannot be opened; the message says why.
    """

    def __init__(
        self,
        subject: LocalSubject,
        *,
        limits: Limits | None = None,
        options: Mapping[str, Any] | None = None,
        engine: str | None = None,
        import_path: Sequence[Path] = (),
    ) -> None:
        self._local, self._limits, self._options = subject, limits or Limits(), dict(options or {})
        self._engine, self._import_path = engine or ENGINES[subject.kind], tuple(import_path)
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="verify-worker-parent")
        self._folder = tempfile.TemporaryDirectory(prefix="ax-verify-", ignore_cleanup_errors=True)
        self._child: Child | None = None
        self._closed = False
        self._last_log = ""
        self._next_id = 0
        self._fruitless = 0
        self._known_good: Request | None = None
        self.deaths: list[Death] = []
        """Every time that the worker did not answer to the end, in order."""
        self.attempts: Counter[str] = Counter()
        """Digest of a request -> how often a worker ended before it answered it."""
        try:
            root = Path(self._folder.name)
            for name in ("subject", "scratch"):
                (root / name).mkdir()
            self._scratch, self._opened = root / "scratch", subject.stage(root / "subject")
            ready = self._start()
            subject.check_unchanged()
        except BaseException:
            self.close()
            raise
        self._subject = _merge(subject, ready)
        self._pace = Pace(self._limits, shared=ready.facts.path == "shared-prefix")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def subject(self) -> Subject:
        """What was opened."""
        return self._subject

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None while there is none."""
        return self._child.pid if self._child else None

    def log_tail(self) -> str:
        """The end of what the worker printed, made safe for a terminal; it is the subject's own text."""
        return self._child.log_tail() if self._child else self._last_log

    def close(self) -> None:
        """End the worker and remove its folder; may be called twice, and while another thread asks."""
        self._closed = True
        self._end_child(grace_s=_CLOSE_GRACE_S)
        self._spawner.shutdown(wait=False)
        self._folder.cleanup()

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer every request once, in the order in which answers arrive.

        Raises:
            WorkerError: The worker cannot be restarted, or answers nothing at all any more.
        """
        askable: list[int] = []
        for position, request in enumerate(requests):
            refusal = refusal_of(request, self._subject)
            if refusal is None:
                askable.append(position)
            else:
                yield Answered(position, refusal)
        for chunk in chunks(requests, askable, limits=self._limits):
            yield from self._answer_chunk(requests, chunk)

    def count(self, requests: Sequence[Request]) -> TokenCount | None:
        """Tokens of these requests, chunk by chunk as `answer` would compute them; the worker tokenises.

        Returns:
            None where the subject has no tokens, or its process did not say: then nothing is lost but the number.
        """
        askable = [at for at, request in enumerate(requests) if refusal_of(request, self._subject) is None]
        whole = TokenCount()
        for chunk in chunks(requests, askable, limits=self._limits):
            found = self._count_chunk([requests[position] for position in chunk])
            if found is None:
                return None
            whole = whole.plus(found)
        return whole

    def _count_chunk(self, group: Sequence[Request]) -> TokenCount | None:
        channel = self._ensure_child().channel
        ids = range(self._next_id, self._next_id + len(group))
        self._next_id += len(group)
        counted = None
        try:
            frames = [pack(AskFrame(id=i, request=request)) for i, request in zip(ids, group, strict=True)]
            channel.send(b"".join([*frames, pack(CountFrame())]), within=self._limits.base_s)
            counted = channel.receive(within=self._pace.silence(group))
        except (ChannelTimeoutError, ChannelClosedError, FrameError):
            pass
        if isinstance(counted, CountedFrame):
            return counted.tokens
        self._end_child()  # the next request starts another
        return None

    def _answer_chunk(self, requests: Sequence[Request], chunk: list[int]) -> Iterator[Answered]:
        """Answer a chunk; what a death leaves is asked again in smaller groups."""
        groups = [chunk]
        alone: Counter[int] = Counter()
        while groups:
            order = groups.pop()
            left = set(order)
            death = yield from _placed(self._exchange([requests[p] for p in order]), order, left)
            if death is None:
                continue
            self.deaths.append(death)
            self._fruitless += 1
            rest = [position for position in order if position in left]
            for position in rest:
                self.attempts[requests[position].content_digest()] += 1
            if len(rest) > 1:
                size = -(-len(rest) // _PARTS)
                groups += [rest[start : start + size] for start in reversed(range(0, len(rest), size))]
                continue
            alone.update(rest)  # only a death on its own speaks against a request
            if rest and alone[rest[0]] < _TRIES:
                groups.append(rest)
            elif rest:
                self._check_alive()
                yield Answered(rest[0], Failed(reason=death.reason, detail=death.detail))

    def _exchange(self, group: Sequence[Request]) -> Generator[Answered, None, Death | None]:
        """Ask one group; returns why it was not answered to its end."""
        child = self._ensure_child()
        ids = range(self._next_id, self._next_id + len(group))
        self._next_id += len(group)
        open_ids = set(ids)
        budget = spent = self._pace.limit(group)
        silence = self._pace.silence(group)
        finished = False
        try:
            frames = [pack(AskFrame(id=i, request=request)) for i, request in zip(ids, group, strict=True)]
            child.channel.send(b"".join([*frames, pack(GoFrame())]), within=self._limits.base_s)
            while True:
                began = time.monotonic()
                frame = child.channel.receive(within=max(0.0, min(spent, silence)))
                # Only waiting counts: the caller may take its time between two answers.
                spent -= time.monotonic() - began
                if isinstance(frame, AnswerFrame):
                    position = frame.id - ids.start
                    self._accept(frame, open_ids, group)
                    yield Answered(position, capped(frame.response, limit=self._limits.answer_characters))
                    continue
                finished = not (isinstance(frame, BrokeFrame) and frame.fatal)
                death = _closing(frame, len(open_ids))
                if death is None:
                    self._pace.observe(group, seconds=budget - spent)
                return death
        except ChannelTimeoutError:
            return Death(FailureReason.TIMEOUT, f"no answer within {min(budget, silence):.0f} s")
        except ChannelClosedError:
            return child.end(grace_s=_CLOSE_GRACE_S)
        except FrameError as error:
            return Death(FailureReason.MALFORMED, f"the subject's process sent {error}")
        finally:
            if not finished:  # also when the caller stopped listening: late answers must not meet new questions
                self._end_child()

    def _accept(self, frame: AnswerFrame, open_ids: set[int], group: Sequence[Request]) -> None:
        """Check an answer against what was asked."""
        if frame.id not in open_ids:
            raise FrameError("an answer to nothing that is open")
        request = group[frame.id - (self._next_id - len(group))]
        if not isinstance(frame.response, Failed) and frame.response.kind != ANSWER_KINDS[request.kind]:
            raise FrameError(f"an answer of kind {frame.response.kind} to {request.kind}")
        open_ids.remove(frame.id)
        self._fruitless = 0
        self._known_good = request

    def _check_alive(self) -> None:
        """After many deaths in a row, ask something harmless: is it the requests, or the worker?"""
        if self._fruitless < _SUSPICION:
            return
        probe = self._known_good or _harmless(self._subject.answers[0])
        exchange = self._exchange([probe])
        if any(True for _ in exchange):
            return
        last = self.deaths[-1]
        raise WorkerError(
            f"{self._local.name}: the subject's process answers nothing any more ({self._fruitless} failures in a row,"
            f" the last: {last.detail}); free memory or raise the time limit, then run the same command to resume"
        )

    def _ensure_child(self) -> Child:
        """The running worker; a new one if it has gone."""
        if self._closed:
            raise WorkerError(f"{self._local.name}: the runtime was closed")
        if self._child is not None and self._child.has_ended():
            self._end_child()
        if self._child is None:
            ready = self._restart()
            changed = {
                name: (getattr(self._subject, name), getattr(ready.facts, name))
                for name in ("dtype", "device", "path")
                if getattr(self._subject, name) != getattr(ready.facts, name)
            }
            notes = tuple(f"after a restart {name} is {now}, it was {was}" for name, (was, now) in changed.items())
            new = tuple(note for note in notes if note not in self._subject.warnings)
            self._subject = self._subject.model_copy(update={"warnings": self._subject.warnings + new})
        if self._child is None:
            raise WorkerError(f"{self._local.name}: the subject's process is not there")
        return self._child

    def _restart(self) -> ReadyFrame:
        problem = ""
        for _ in range(_START_TRIES):
            try:
                return self._start()
            except SubjectError as error:
                problem = str(error)
        raise WorkerError(f"the subject's process could not be restarted ({problem}); the same command resumes the run")

    def _start(self) -> ReadyFrame:
        """Start a worker and let it open the subject."""
        child = Child(spawner=self._spawner, scratch=self._scratch, import_path=self._import_path)
        self._child = child
        opening = OpenFrame(
            engine=self._engine,
            folder=str(self._opened),
            readable=tuple(str(path.resolve()) for path in self._local.large.values()),
            scratch=str(self._scratch),
            memory_bytes=self._limits.memory_bytes or _memory_cap(),
            options=self._options,
        )
        try:
            child.channel.send(pack(opening), within=self._limits.start_s)
            frame = child.channel.receive(within=self._limits.start_s)
        except ChannelTimeoutError:
            problem = f"it was not open after {self._limits.start_s:.0f} s"
        except ChannelClosedError:
            problem = child.end(grace_s=_CLOSE_GRACE_S).detail
        except FrameError as error:
            problem = f"its process sent {error}"
        else:
            if isinstance(frame, ReadyFrame):
                return frame
            problem = frame.problem if isinstance(frame, RefusedFrame) else f"its process sent a {frame.type} frame"
        self._end_child()
        raise SubjectError(f"{self._local.name} cannot be opened: {problem}")

    def _end_child(self, *, grace_s: float = 0.0) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end(grace_s=grace_s)
            self._last_log = child.log_tail()


def refusal_of(request: Request, subject: Subject) -> Failed | None:
    """What the subject need not be asked for: a kind that it does not answer, text that is no Unicode."""
    if request.kind not in subject.answers:
        return Failed(reason=FailureReason.UNSUPPORTED, detail=f"this subject answers no {request.kind}")
    try:
        canonical_json(request.to_json()).decode("utf-8")
    except UnicodeDecodeError:
        return Failed(reason=FailureReason.INVALID_TEXT, detail="the request holds a lone surrogate")
    return None


def _placed(
    exchange: Generator[Answered, None, Death | None], order: Sequence[int], left: set[int]
) -> Generator[Answered, None, Death | None]:
    """Pass answers on under the caller's positions, and take them off what is left."""
    while True:
        try:
            answered = next(exchange)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the generator returns
        position = order[answered.position]
        left.discard(position)
        yield Answered(position, answered.response)


def _closing(frame: FromWorker, n_open: int) -> Death | None:
    """What a frame that is no answer means."""
    if isinstance(frame, DoneFrame):
        if not n_open:
            return None
        return Death(FailureReason.MALFORMED, f"the engine left {n_open} requests without an answer")
    if isinstance(frame, BrokeFrame):
        reason = FailureReason.RESOURCE_EXCEEDED if frame.memory else FailureReason.CRASHED
        return Death(reason, f"{frame.error} was raised while answering")
    raise FrameError(f"a {frame.type} frame out of turn")


def _merge(local: LocalSubject, ready: ReadyFrame) -> Subject:
    """What was found outside and inside of the worker, as one record."""
    facts = ready.facts.model_dump()
    warnings = (*local.warnings, *facts.pop("warnings"))
    return Subject(
        name=local.name,
        kind=local.kind,
        digest=local.digest,
        files=local.files,
        profile=local.profile,
        isolation=ready.isolation,
        warnings=warnings,
        **facts,
    )


def _harmless(kind: RequestKind) -> Request:
    """The simplest request of a kind."""
    simple: dict[RequestKind, Request] = {
        "loglikelihood": LogLikelihood(context="a", continuation="b"),
        "token_logprobs": TokenLogProbs(text="a b"),
        "generate": Generate(prompt="a", max_tokens=1),
        "classify": Classify(text="a"),
        "predict": Predict(row={}),
    }
    return simple[kind]


def _memory_cap() -> int | None:
    """90 % of the machine's memory; none with a GPU, whose driver reserves more than it uses."""
    if has_accelerator():
        return None
    return int(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
