"""What a run will cost, before it is begun: distinct requests by kind, their characters, and an estimated time."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from verify.planning import PlannedExamination
from verify.records import (
    Classify,
    Generate,
    LogLikelihood,
    Predict,
    Request,
    RequestKind,
    TokenLogProbs,
    canonical_json,
)
from verify.runtime.base import Runtime

PROBED: Final = 8
"""Requests of each kind that are answered for an estimate."""


class Cost(NamedTuple):
    """What the requests of one kind will take."""

    kind: RequestKind
    requests: int
    """Distinct requests of the first round; later rounds (conversations, attacks) depend on the answers."""
    characters: int
    """Of their prompts."""
    tokens: int | None
    """Most tokens that may be written in answer; None where none are."""
    seconds: float | None = None
    """Estimated from a few answers, each kind by itself; None where nothing was probed."""


def costs(examinations: Sequence[PlannedExamination]) -> tuple[Cost, ...]:
    """Cost of the first round without asking anything, by kind.

    Args:
        examinations: Checks of a plan; of those that may end early all items are counted.
    """
    return tuple(_cost(kind, requests) for kind, requests in _by_kind(examinations).items())


def probe(examinations: Sequence[PlannedExamination], runtime: Runtime, *, seed: int) -> tuple[Cost, ...]:
    """The same with times: a few seeded requests of each kind are answered, and their time is extrapolated.

    It is an estimate: larger batches and shared prefixes are faster, long answers and later rounds slower.

    Args:
        examinations: Checks of a plan.
        runtime: The open subject.
        seed: Draws the requests.
    """
    found = []
    for kind, requests in _by_kind(examinations).items():
        drawn = random.Random(f"{seed}/{kind}/probe").sample(requests, min(PROBED, len(requests)))  # noqa: S311  # sampling
        for _ in runtime.answer(drawn[:1]):  # what is done once, at the first request, is no part of the rate
            pass
        began = time.monotonic()
        for _ in runtime.answer(drawn):
            pass
        seconds = (time.monotonic() - began) / len(drawn) * len(requests)
        found.append(_cost(kind, requests)._replace(seconds=seconds))
    return tuple(found)


def first_requests(examinations: Sequence[PlannedExamination]) -> Iterator[Request]:
    """Distinct requests that the items of a plan begin with, in order."""
    seen: set[str] = set()
    for planned in examinations:
        for item in planned.items:
            examination = planned.method.examine(item)
            for request in next(examination, ()):
                if (digest := request.content_digest()) not in seen:
                    seen.add(digest)
                    yield request
            examination.close()


def characters(request: Request) -> int:
    """Length of a prompt in code points."""
    match request:
        case LogLikelihood(context=context, continuation=continuation):
            return len(context) + len(continuation)
        case Generate(prompt=str() as prompt):
            return len(prompt)
        case Generate(messages=messages):
            return sum(len(message.content) for message in messages)
        case TokenLogProbs(text=text) | Classify(text=text):
            return len(text)
        case Predict(row=row):
            return len(canonical_json(row).decode())


def _by_kind(examinations: Sequence[PlannedExamination]) -> dict[RequestKind, list[Request]]:
    found: dict[RequestKind, list[Request]] = defaultdict(list)
    for request in first_requests(examinations):
        found[request.kind].append(request)
    return dict(sorted(found.items()))


def _cost(kind: RequestKind, requests: Sequence[Request]) -> Cost:
    written = [request.max_tokens for request in requests if isinstance(request, Generate)]
    return Cost(kind, len(requests), sum(map(characters, requests)), sum(written) if written else None)
