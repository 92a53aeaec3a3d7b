"""The contract of everything that answers requests."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from verify.records import Request, Response, Subject


class Answered(NamedTuple):
    """One response and the request that it belongs to."""

    position: int
    """Position in the sequence of requests that `answer` was given."""
    response: Response


class Runtime(Protocol):
    """How a subject answers.

    A runtime answers each request exactly once, in any order, and never raises for what the subject
    does badly: that is a `Failed` response. The same request gets the same answer whatever its
    neighbours are (to within the numerical envelope that the report states).
    """

    @property
    def subject(self) -> Subject:
        """What was opened: digest, access level, request kinds, computing path."""
        ...

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer requests; yields as soon as answers exist, so that they can be journalled.

        Raises:
            WorkerError: The subject's process cannot be started or kept alive at all.
        """
        ...

    def close(self) -> None:
        """End the worker process or connections; may be called twice."""
        ...
