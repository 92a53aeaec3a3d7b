"""What a run will cost, before it is begun: distinct requests by kind, their tokens or characters, and the time."""

import math
import random
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from scipy import stats

from verify.planning import PlannedExamination
from verify.records import (
    Classify,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    Predict,
    Request,
    RequestKind,
    TokenLogProbs,
    canonical_json,
)
from verify.runtime.base import Runtime
from verify.runtime.facts import CountsTokens, TokenCount

PROBED: Final = 16
"""Requests of each kind that are answered for an estimate, at most."""
TOGETHER: Final = 4
"""Requests that are asked together, and timed as one."""
PROBE_S: Final = 120.0
"""Seconds after which no further requests of a kind are tried: a large subject shows its pace in few."""
LEAST_FACTOR: Final = 3.0
"""An estimate is never stated more narrowly than within this factor: batches of a real run are larger than the
probe's, which no spread of small ones shows."""


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
    counted: TokenCount | None = None
    """By the subject's own tokenizer; None where it does not lie here (endpoints, recorded answers), or has none."""
    factor: float | None = None
    """The true time is expected within the estimate divided and multiplied by this; None where nothing was probed."""
    at_most: float | None = None
    """Seconds if every answer were as long as it may be, at the pace of the probe; None where none are written."""


def costs(examinations: Sequence[PlannedExamination]) -> tuple[Cost, ...]:
    """Cost of the first round without asking anything, by kind.

    Args:
        examinations: Checks of a plan; of those that may end early all items are counted.
    """
    return tuple(_cost(kind, requests) for kind, requests in _by_kind(examinations).items())


def probe(
    examinations: Sequence[PlannedExamination],
    runtime: Runtime,
    *,
    seed: int,
    told: Callable[[RequestKind], None] = lambda _: None,
) -> tuple[Cost, ...]:
    """The same with tokens and times: a few seeded requests of each kind are answered, and their pace is extrapolated.

    The pace is that of what is computed: unique tokens where the subject's tokenizer lies here and nothing is written,
    requests where answers are written, characters elsewhere. Batches of `TOGETHER` requests are timed one by one; the
    factor is the t interval (95 %) of their mean log pace, and at least `LEAST_FACTOR`.

    Args:
        examinations: Checks of a plan.
        runtime: The open subject.
        seed: Draws the requests.
        told: Is told of each kind before it is tried.
    """
    found = []
    for kind, requests in _by_kind(examinations).items():
        told(kind)
        counted = _count(runtime, requests)
        cost = _cost(kind, requests)._replace(counted=counted)
        if counted is not None and cost.tokens is not None:
            cost = cost._replace(tokens=counted.written)
        drawn = random.Random(f"{seed}/{kind}/probe").sample(requests, min(PROBED, len(requests)))  # noqa: S311  # sampling
        found.append(_timed(cost, requests, drawn, runtime))
    return tuple(found)


def _timed(cost: Cost, requests: Sequence[Request], drawn: Sequence[Request], runtime: Runtime) -> Cost:
    deadline = time.monotonic() + PROBE_S
    deque(runtime.answer(drawn[:1]), maxlen=0)  # what is done once, at the first request, is no part of the pace
    paces: list[float] = []
    works: list[float] = []
    written, spent = 0, 0.0
    for start in range(0, len(drawn), TOGETHER):
        batch = drawn[start : start + TOGETHER]
        began = time.monotonic()
        responses = [answered.response for answered in runtime.answer(batch)]
        took = time.monotonic() - began
        works.append(_work(cost, batch, _count(runtime, batch) if cost.counted is not None else None))
        paces.append(took / works[-1])
        written += sum(r.n_tokens for r in responses if isinstance(r, GenerateAnswer))
        spent += took
        if time.monotonic() > deadline:
            break
    return cost._replace(
        seconds=spent / sum(works) * _work(cost, requests, cost.counted),
        factor=_factor(paces),
        at_most=spent / written * cost.tokens if written and cost.tokens is not None else None,
    )


def _work(cost: Cost, requests: Sequence[Request], counted: TokenCount | None) -> float:
    """What the time of these requests goes with."""
    if cost.tokens is not None:
        return float(len(requests))
    return float(max(1, counted.unique if counted is not None else sum(map(characters, requests))))


def _factor(paces: Sequence[float]) -> float:
    logs = [math.log(max(pace, 1e-9)) for pace in paces]
    if len(logs) < 2:
        return 2.0 * LEAST_FACTOR  # a single batch does not say how much others differ
    half = float(stats.t.isf(0.025, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return max(LEAST_FACTOR, math.exp(half))


def _count(runtime: Runtime, requests: Sequence[Request]) -> TokenCount | None:
    return runtime.count(requests) if isinstance(runtime, CountsTokens) else None


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
