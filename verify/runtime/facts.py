"""What an engine inside the worker is, and what it says of itself once it has opened a subject."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Protocol, runtime_checkable

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


class TokenCount(Record):
    """What a round of requests weighs, by the subject's own tokenizer; nothing of it is run."""

    read: int = Field(default=0, ge=0, le=10**15)
    """Tokens that a network reads if every distinct request is computed by itself."""
    unique: int = Field(default=0, ge=0, le=10**15)
    """Of these, how many are left where what requests have in common is computed once: a shared beginning, or equal
    inputs alone where the engine shares no more."""
    written: int = Field(default=0, ge=0, le=10**15)
    """Most tokens that may be written in answer: what the requests allow and the context window leaves."""

    def plus(self, other: "TokenCount") -> "TokenCount":
        """Both together."""
        return TokenCount(
            read=self.read + other.read, unique=self.unique + other.unique, written=self.written + other.written
        )


@runtime_checkable
class CountsTokens(Protocol):
    """An engine, or a runtime, that can say what requests weigh before they are answered."""

    def count(self, requests: Sequence[Request]) -> TokenCount | None:
        """Tokens of these requests as they would be computed together; None where that cannot be told."""
        ...


class Engine(Protocol):
    """What `open_causal`, `open_classifier` and `open_tabular` return; lives in the worker only."""

    @property
    def facts(self) -> EngineFacts:
        """What was opened."""
        ...

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Answer each request once, in any order, yielding as soon as answers exist."""
        ...
