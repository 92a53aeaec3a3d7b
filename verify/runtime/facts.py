"""What an engine inside the worker is, and what it says of itself once it has opened a subject."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Protocol

from pydantic import Field

from verify.records import AccessLevel, Record, Request, RequestKind, Strings, Tuple
from verify.runtime.base import Answered


class EngineFacts(Record):
    """What was found when the subject was opened; the parent merges it into `Subject`."""

    access: AccessLevel = AccessLevel.WEIGHTS
    answers: Annotated[tuple[RequestKind, ...], Tuple]
    """Kinds of request that this engine can answer."""
    architecture: str | None = None
    parameters: int | None = Field(default=None, ge=1)
    context: int | None = Field(default=None, ge=1)
    """Context window in tokens."""
    dtype: str | None = None
    device: str | None = None
    path: str | None = None
    """`shared-prefix` or `plain`, found by the probe at load."""
    path_reason: str = ""
    has_chat_template: bool = False
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions of what computes."""
    warnings: Strings = ()


class Engine(Protocol):
    """What `open_causal`, `open_classifier` and `open_tabular` return; lives in the worker only."""

    @property
    def facts(self) -> EngineFacts:
        """What was opened."""
        ...

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request once, in any order, yielding as soon as answers exist."""
        ...
