"""A run's requests on the actors of a Ray cluster: cut into shards, answered anywhere, to the same bytes.

A shard is what the local executor hands to its worker at once. It is computed whole by one actor, and again
whole by another one if that is lost, so that its numbers are those that the local executor gets. The journal,
and with it everything that a run knows, stays with the driver.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from verify.engine.executors.actor import Handed, packed
from verify.engine.executors.cluster import Cluster, Session, Share
from verify.engine.executors.fleet import Fleet, Member
from verify.errors import UsageError, WorkerError
from verify.records import Failed, FailureReason, Request, Subject
from verify.runtime.addresses import EndpointAddress, FolderAddress, RecordedAddress, TabularAddress, parse_address
from verify.runtime.base import Answered, Runtime
from verify.runtime.opening import SubjectOptions, open_subject
from verify.runtime.pacing import Limits, chunks
from verify.runtime.process import refusal_of

_TRIES: Final = 2
"""Actors that a shard may end before it is cut, and a request on its own before it counts as failed."""
_PARTS: Final = 8
"""Into how many parts a shard is cut that ended its actors."""
_SUSPICION: Final = 10
"""Actors lost without a new answer after which the run breaks."""


def open_on_ray(subject: str, options: SubjectOptions, cluster: Cluster) -> "RayRuntime":
    """Open what SUBJECT names on each actor of a cluster; the caller closes the runtime.

    Raises:
        UsageError: SUBJECT has no files to be opened elsewhere, Ray is missing, or the cluster cannot be joined.
        SubjectError: A node cannot open it, or holds another one.
    """
    address = parse_address(subject, profiles=options.profiles)
    if isinstance(address, EndpointAddress | RecordedAddress):
        raise UsageError(f"{subject}: its answers are not computed here; leave out --executor ray")
    if isinstance(address, FolderAddress | TabularAddress):
        subject = str(Path(subject).resolve())
    whole = replace(options, limits=replace(options.limits, parts=1))
    return RayRuntime(partial(open_subject, subject, whole), cluster=cluster, limits=options.limits)


@dataclass(slots=True)
class _Shard:
    """Requests that are answered together."""

    order: Sequence[int]
    """Positions in the round."""
    left: set[int] = field(default_factory=set)
    """Those that have no answer yet."""
    deaths: int = 0
    """Actors that were lost over it."""

    def __post_init__(self) -> None:
        self.left = set(self.order)


class RayRuntime:
    """Answers of a subject that actors of a cluster compute. Not for use by several threads at once.

    An actor that is lost is replaced, and its shard given to another one; what was delivered before is not
    delivered twice. A shard that ends two actors is cut, until the request that does it stands alone: that one
    becomes `Failed`. (A request that ends the subject's own process is found by the actor's runtime.)

    Args:
        opener: Opens the subject in an actor; it must not cut a shard again.
        cluster: Where, and how many.
        limits: Size of shards, time to open.

    Raises:
        UsageError: The cluster cannot be joined or is too small.
        SubjectError: A node cannot open the subject, or holds another one.
    """

    def __init__(self, opener: Callable[[], Runtime], *, cluster: Cluster, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._session = Session(cluster)
        self._fleet: Fleet | None = None
        try:
            share = Share(cluster, self._session.ray.cluster_resources())
            self._fleet = Fleet(self._session, opener, share=share, start_s=self._limits.start_s)
            self._subject = self._fleet.subject
        except BaseException:
            self.close()
            raise
        self.lost: list[str] = []
        """Why each actor was lost, in order."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def subject(self) -> Subject:
        """What was opened; its environment names the executor."""
        return self._subject

    @property
    def actors(self) -> tuple[Any, ...]:
        """Handles of the actors."""
        return tuple(member.handle for member in self._fleet.members) if self._fleet else ()

    def close(self) -> None:
        """End the actors and leave the cluster; may be called twice."""
        if self._fleet is not None:
            self._fleet.close()
            self._fleet = None
        self._session.close()

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer every request once, in the order in which answers arrive.

        Raises:
            WorkerError: Actors cannot be kept alive.
        """
        askable: list[int] = []
        for position, request in enumerate(requests):
            refusal = refusal_of(request, self._subject)
            if refusal is None:
                askable.append(position)
            else:
                yield Answered(position, refusal)
        if self._fleet is None:
            raise WorkerError("the runtime is closed")
        shards = [_Shard(order) for order in chunks(requests, askable, limits=self._limits)]
        yield from _Round(requests, shards, self._fleet, self._session.ray, self._limits, self.lost).run()


class _Round:
    """Shards that wait, and shards that actors work on."""

    def __init__(
        self,
        requests: Sequence[Request],
        shards: Sequence[_Shard],
        fleet: Fleet,
        ray: Any,
        limits: Limits,
        lost: list[str],
    ) -> None:
        self._requests, self._fleet, self._ray, self._limits, self._lost = requests, fleet, ray, limits, lost
        self._waiting = deque(shards)
        self._busy: dict[Member, tuple[_Shard, Any]] = {}
        """Actor -> its shard and the stream of its answers."""
        self._fruitless = 0

    def run(self) -> Iterator[Answered]:
        while self._waiting or self._busy:
            self._assign()
            yield from self._next()

    def _assign(self) -> None:
        for member in self._fleet.members:
            if self._waiting and member.opening is None and member not in self._busy:
                shard = self._waiting.popleft()
                asked = packed([self._requests[position] for position in shard.order])
                self._busy[member] = (shard, member.handle.answer.options(num_returns="streaming").remote(asked))

    def _next(self) -> Iterator[Answered]:
        """Wait until one actor says something, and take it."""
        speaking: Mapping[Any, Member] = {
            **{stream: member for member, (_, stream) in self._busy.items()},
            **{member.opening: member for member in self._fleet.members if member.opening is not None},
        }
        if not speaking:
            raise WorkerError(self._broken())
        done, _ = self._ray.wait(list(speaking), num_returns=1, timeout=self._limits.start_s)
        if not done and not self._busy:
            raise WorkerError(f"no actor could be started in {self._limits.start_s:.0f} s; {_RESUME}")
        for each in done:
            member = speaking[each]
            if member.opening is not None:
                problem = self._fleet.admit(member)
                if problem:
                    self._fleet.drop(member)
                    self._count(problem)
            else:
                yield from self._listen(member)

    def _listen(self, member: Member) -> Iterator[Answered]:
        shard, stream = self._busy[member]
        try:
            handed = Handed.model_validate_json(self._ray.get(next(stream)))
        except StopIteration:
            del self._busy[member]
            if shard.left:
                raise WorkerError(f"an actor left {len(shard.left)} requests without an answer; {_RESUME}") from None
            return
        except self._ray.exceptions.RayError as error:
            yield from self._take_away(member, f"an actor was lost ({type(error).__name__})")
            return
        for frame in handed.answers:
            position = shard.order[frame.id]
            if position in shard.left:  # else an actor that was lost had delivered it
                shard.left.remove(position)
                self._fruitless = 0
                yield Answered(position, frame.response)
        if handed.problem:
            yield from self._take_away(member, handed.problem)

    def _take_away(self, member: Member, problem: str) -> Iterator[Answered]:
        """Replace an actor, and let others do what it left of its shard."""
        shard, _ = self._busy.pop(member)
        self._fleet.replace(member)
        self._count(problem)
        shard.deaths += 1
        if not shard.left:
            return
        if shard.deaths < _TRIES:
            self._waiting.appendleft(shard)  # whole, with what was delivered: the same batches give the same numbers
        elif len(shard.left) > 1:
            rest = [position for position in shard.order if position in shard.left]
            size = -(-len(rest) // _PARTS)
            parts = [rest[start : start + size] for start in range(0, len(rest), size)]
            self._waiting.extend(_Shard(part, deaths=int(len(part) > 1)) for part in parts)
        else:
            detail = f"each of {_TRIES} actors that were asked was lost"
            yield Answered(shard.left.pop(), Failed(reason=FailureReason.CRASHED, detail=detail))

    def _count(self, problem: str) -> None:
        self._lost.append(problem)
        self._fruitless += 1
        if self._fruitless > _SUSPICION:
            raise WorkerError(self._broken())

    def _broken(self) -> str:
        last = self._lost[-1] if self._lost else "none was started"
        return f"the actors cannot be kept alive ({len(self._lost)} were lost, the last: {last}); {_RESUME}"


_RESUME: Final = "run the same command to resume"
