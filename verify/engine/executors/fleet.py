"""The actors of a run: started, checked to hold the same subject, replaced when they are lost, ended."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import verify
from verify.engine.executors.actor import Actor, Opened
from verify.engine.executors.cluster import Session, Share
from verify.errors import SubjectError
from verify.records import Subject
from verify.runtime.base import Runtime
from verify.runtime.opening import MIRROR_VARIABLE

THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Ray sets them for its workers; sums in another order are other numbers, so an actor gets the driver's."""
_ENDING: Final = "ending"
"""Concurrency group of `end`, which is heard while an actor answers."""
_END_S: Final = 5.0
"""Seconds that actors may take to end by themselves."""
_ALIKE: Final = ("dtype", "device", "path", "architecture", "parameters", "isolation", "environment")
"""What actors should have in common besides the digest."""


@dataclass(slots=True, eq=False)
class Member:
    """An actor, from its start on."""

    handle: Any
    opening: Any
    """Reference to what `open` will return; None once it is known."""


class Fleet:
    """Actors that hold one subject.

    Args:
        session: The cluster.
        opener: Opens the subject in an actor.
        share: How many actors, and how many GPUs each.
        start_s: Seconds until the first actors have to be open.

    Raises:
        SubjectError: A node cannot open the subject, holds another one, or has another version of AX Verify.
    """

    def __init__(self, session: Session, opener: Callable[[], Runtime], *, share: Share, start_s: float) -> None:
        self._session, self._opener, self._share, self._start_s = session, opener, share, start_s
        self._ray = session.ray
        self._environment = {name: os.environ.get(name) for name in THREADS}
        if MIRROR_VARIABLE in os.environ:
            self._environment[MIRROR_VARIABLE] = os.environ[MIRROR_VARIABLE]
        if session.folder is not None:  # where an actor that is killed leaves nothing behind
            self._environment["TMPDIR"] = session.folder
        self._actor = self._ray.remote(
            num_cpus=1, num_gpus=share.gpus, max_restarts=0, scheduling_strategy="SPREAD",
            concurrency_groups={_ENDING: 1},
        )(Actor)  # fmt: skip
        self._first: Opened | None = None
        self._notes: list[str] = []
        self.members: list[Member] = []
        """All that were started and not lost."""
        try:
            self.members = [self._started() for _ in range(share.actors)]
            self._open_all()
        except BaseException:
            self.close()
            raise

    @property
    def subject(self) -> Subject:
        """What the actors opened, as the first one described it; the executor stands in its environment."""
        if self._first is None or self._first.subject is None:
            raise SubjectError("no actor has opened the subject")
        found = self._first.subject
        actors, nodes = self._share.actors, self._session.nodes()
        executor = f"ray {self._ray.__version__}: {actors} actor{'s' * (actors > 1)} of {self._share.gpus:g} GPU"
        executor += f" on {nodes} node{'s' * (nodes > 1)}"
        return found.model_copy(
            update={
                "environment": {**found.environment, "executor": executor},
                "warnings": (*found.warnings, *self._notes),
            }
        )

    def admit(self, member: Member) -> str:
        """Take an actor's word on what it opened.

        Returns:
            Why it cannot be used; empty where it can.
        """
        try:
            opened = Opened.model_validate_json(self._ray.get(member.opening))
        except self._ray.exceptions.RayError as error:
            return f"an actor ended while it opened the subject ({type(error).__name__})"
        member.opening = None
        if opened.version != verify.__version__:
            return f"{opened.host} has ax-verify {opened.version}, this machine {verify.__version__}; install the same"
        if opened.subject is None:
            return (
                f"{opened.host}: {opened.problem} (each node of the cluster needs the subject's files at the same path)"
            )
        first = self._first = self._first or opened
        return self._compared(opened, opened.subject, first)

    def _compared(self, opened: Opened, subject: Subject, first: Opened) -> str:
        known = first.subject or subject
        if subject.digest != known.digest:
            return (
                f"{opened.host} holds another subject ({subject.digest}) than {first.host} ({known.digest}); copy the"
                " same files to each node"
            )
        differing = [name for name in _ALIKE if getattr(subject, name) != getattr(known, name)]
        note = f"not all actors compute alike: they differ in {', '.join(differing)}"
        if differing and note not in self._notes:
            self._notes.append(note)
        return ""

    def replace(self, member: Member) -> None:
        """Give up an actor and start another one in its place."""
        self.drop(member)
        self.members.append(self._started())

    def drop(self, member: Member) -> None:
        """Give up an actor."""
        self._ray.kill(member.handle)
        self.members.remove(member)

    def close(self) -> None:
        """End all actors; may be called twice."""
        members, self.members = self.members, []
        if not members or not self._ray.is_initialized():
            return
        with suppress(self._ray.exceptions.RayError):
            ending = [member.handle.end.options(concurrency_group=_ENDING).remote() for member in members]
            self._ray.wait(ending, num_returns=len(ending), timeout=_END_S)
        for member in members:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(member.handle)

    def _started(self) -> Member:
        handle = self._actor.remote(self._opener, self._environment)
        return Member(handle, handle.open.remote())

    def _open_all(self) -> None:
        ends = time.monotonic() + self._start_s
        waiting = {member.opening: member for member in self.members}
        while waiting:
            left = max(0.0, ends - time.monotonic())
            done, _ = self._ray.wait(list(waiting), num_returns=1, timeout=left)
            if not done:
                raise SubjectError(
                    f"{len(waiting)} of {len(self.members)} actors were not open after {self._start_s:.0f} s; where the"
                    " cluster is busy, wait, or ask for fewer with --actors"
                )
            problem = self.admit(waiting.pop(done[0]))
            if problem:
                raise SubjectError(problem)
