"""How requests are cut into chunks, and how long a chunk may take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from verify.records import (
    Classify,
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    Predict,
    Request,
    Response,
    TokenLogProbs,
)

_STEP_WEIGHT: Final = 4
"""A generated token takes a pass of its own; a token of a prompt shares one with its neighbours."""
_LAST_PART: Final = 4
"""The end of a chunk may move within its last quarter, to where neighbours have least in common."""
_MARGIN: Final = 20
"""How many times slower than the slowest chunk so far a chunk may be before it counts as hung."""

_ABREAST: Final = 32
"""How many of the heaviest request may be under way before one of them is answered."""
_READING: Final = 0.01
"""Share of its time that a whole chunk may take before its first answer: all of it is tokenised first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker may take."""

    start_s: float = 900.0
    """Seconds to load the subject."""
    base_s: float = 60.0
    """Seconds that any chunk may take."""
    per_token_s: float = 0.05
    """Seconds more for each token of a chunk (estimated from above by its characters); once chunks
    have been answered, what they took tightens it."""
    chunk_requests: int = 4096
    """Most requests that are handed over at once."""
    chunk_characters: int = 32_000_000
    """Most characters that are handed over at once."""
    parts: int = 16
    """Chunks into which a large round is cut at least, so that several actors can share it; 1 leaves it whole."""
    part_requests: int = 1024
    """Fewest requests for which a round is cut; below, more cuts would cost more than they spread."""
    memory_bytes: int | None = None
    """Cap of the worker's private memory; None: 90 % of the machine's where no GPU is."""
    answer_characters: int = 500_000
    """Longest text that counts as an answer; twice what 32,768 tokens of prose take."""


def chunks(requests: Sequence[Request], positions: Sequence[int], *, limits: Limits) -> Iterator[list[int]]:
    """Cut positions into chunks in which requests with a common beginning lie together.

    Where the cuts lie follows from the requests alone, never from time or from who computes them: numbers
    depend on their batch in the seventh digit, so one subject on one machine and on many gives the same bytes.

    A prefix that is shared within a chunk is computed once. Sorting keeps the number of chunks that a
    prefix is spread over small, and a cut avoids the middle of a prefix where one ends nearby.
    """
    order = sorted(positions, key=lambda position: (requests[position].kind, text_of(requests[position])))
    most = min(limits.chunk_requests, max(limits.part_requests, -(-len(order) // limits.parts)))
    start = 0
    while start < len(order):
        end = _end(requests, order, start, most=most, characters=limits.chunk_characters)
        yield order[start:end]
        start = end


def _end(requests: Sequence[Request], order: Sequence[int], start: int, *, most: int, characters: int) -> int:
    """Where the chunk that begins at `start` ends (excluded): before it is too large, and between two prefixes."""
    end, size = start, 0
    while end < len(order) and end - start < most:
        size += len(text_of(requests[order[end]]))
        if size > characters and end > start:
            break
        end += 1
    if end == len(order):
        return end
    first = max(start + 1, end - (end - start) // _LAST_PART)
    return min(range(end, first - 1, -1), key=lambda at: _likeness(requests[order[at - 1]], requests[order[at]]))


def _likeness(one: Request, other: Request) -> int:
    """How much two neighbours share: characters that they begin with; -1 if they are of different kinds."""
    return _common(text_of(one), text_of(other)) if one.kind == other.kind else -1


def text_of(request: Request) -> str:
    """Everything of a request that becomes tokens."""
    match request:
        case LogLikelihood():
            return request.context + request.continuation
        case TokenLogProbs() | Classify():
            return request.text
        case Generate():
            return request.prompt or "\n".join(message.content for message in request.messages)
        case Predict():
            return ""


def capped(response: Response, *, limit: int) -> Response:
    """The response, unless its text is longer than any answer; whoever reads it must not be kept busy by it.

    Args:
        response: As it came.
        limit: Most characters of text and thinking together.
    """
    size = len(response.text) + len(response.thinking) if isinstance(response, GenerateAnswer) else 0
    if size <= limit:
        return response
    return Failed(reason=FailureReason.TOO_LONG, detail=f"{size} characters; the limit is {limit}")


class Pace:
    """Time limit of a chunk: it grows with the tokens, and tightens with experience.

    Args:
        limits: The limits before anything has been observed.
        shared: Whether the engine computes shared prefixes once.
    """

    def __init__(self, limits: Limits, *, shared: bool) -> None:
        self._limits, self._shared = limits, shared
        self._slowest: dict[str, float] = {}

    def limit(self, requests: Sequence[Request]) -> float:
        """Seconds that these requests may take together."""
        return self._limits.base_s + sum(cost * self._allowed(kind) for kind, cost in self._costs(requests).items())

    def silence(self, requests: Sequence[Request]) -> float:
        """Seconds that may pass without an answer while these requests are answered; at most their limit."""
        whole = self.limit(requests)
        heaviest = (
            max((self.limit([request]) for request in requests), default=self._limits.base_s) - self._limits.base_s
        )
        return min(whole, self._limits.base_s + _ABREAST * heaviest + _READING * (whole - self._limits.base_s))

    def _allowed(self, kind: str) -> float:
        """Seconds for a token of a kind of request."""
        seen = self._slowest.get(kind)
        return self._limits.per_token_s if seen is None else min(self._limits.per_token_s, _MARGIN * seen)

    def observe(self, requests: Sequence[Request], *, seconds: float) -> None:
        """Learn from a chunk that was answered whole."""
        costs = self._costs(requests)
        pace = seconds / max(1, sum(costs.values()))
        for kind in costs:
            self._slowest[kind] = max(pace, self._slowest.get(kind, 0.0))

    def _costs(self, requests: Sequence[Request]) -> dict[str, int]:
        """Tokens by kind, estimated from above; a prefix shared with the request before counts once."""
        costs: dict[str, int] = {}
        before = ""
        for request in requests:
            text = text_of(request)
            shared = _common(before, text) if self._shared else 0
            steps = _STEP_WEIGHT * request.max_tokens if isinstance(request, Generate) else 0
            costs[request.kind] = costs.get(request.kind, 0) + len(text) - shared + steps + 1
            before = text
        return costs


def _common(one: str, other: str) -> int:
    """Length of the common beginning; bisected, because comparing slices is native and a loop is not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
