"""How far a subject repeats itself: the same requests once more alike, and once in another order and batching.

What the interval of an estimate does not hold: it is about the items, this about the machine. Nothing is
decided from it; the report states it beside the intervals.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from verify.engine.rounds import Gate
from verify.methods.estimating import taker
from verify.planning import PlannedExamination
from verify.records import (
    AccessLevel,
    ClassifyAnswer,
    Envelope,
    Failed,
    Generate,
    ItemScore,
    KeptResponse,
    LogLikelihoodAnswer,
    NearTies,
    Repeatability,
    Request,
    RequestKind,
    Response,
    Scored,
    TokenLogProbsAnswer,
)
from verify.runtime.base import Runtime
from verify.statistics import clopper_pearson

TOLERANCE: Final = 1e-3
"""Numbers that differ by no more count as unchanged: the tolerance of near ties, in nats."""
BATCH: Final = 8
"""Requests that are asked together in the shuffled order; asked alike, all are asked together."""


class _Moved(NamedTuple):
    """What became of one answer."""

    changed: bool
    by: float | None
    """Difference of numbers; None where there are none."""


def repeatability(
    runtime: Runtime, exchanges: Sequence[KeptResponse], *, gate: Gate, each: int, seed: int
) -> Repeatability | None:
    """Ask a seeded part of what a run asked again, and compare.

    Args:
        runtime: The subject, still open.
        exchanges: What the run asked and was answered, after the gate.
        gate: What every answer of the run passed.
        each: Requests of each kind.
        seed: Draws and shuffles them.

    Returns:
        None where the subject is not at hand (endpoint, recorded answers), or nothing was asked.
    """
    if runtime.subject.access is not AccessLevel.WEIGHTS or each < 1:
        return None
    kinds: dict[RequestKind, list[KeptResponse]] = defaultdict(list)
    for exchange in exchanges:
        if not (isinstance(exchange.request, Generate) and exchange.request.temperature > 0):
            kinds[exchange.request.kind].append(exchange)
    found = []
    for kind, known in sorted(kinds.items()):
        rng = random.Random(f"{seed}/{kind}/repeatability")  # noqa: S311  # sampling, not secrecy
        positions = sorted(rng.sample(range(len(known)), min(each, len(known))))
        found.append(_envelope(kind, [known[at] for at in positions], runtime, gate=gate, rng=rng))
    return Repeatability(seed=seed, tolerance=TOLERANCE, envelopes=tuple(found)) if found else None


def near_ties(examination: PlannedExamination, scores: Sequence[ItemScore]) -> NearTies | None:
    """Items of a check that a rounding error could decide, counted both ways.

    Args:
        examination: The check; its method says by `tied_values` what such an item may contribute.
        scores: Of its items.

    Returns:
        None where the method does not say it of the deciding metric, or no item has a score.
    """
    ends = examination.method.tied_values.get(examination.check.metric)
    if ends is None:
        return None
    least, most = (taker(end) for end in ends)
    alike = taker(examination.method.exact_ties.get(examination.check.metric, lambda *_: None))
    pairs: list[tuple[float, float]] = []
    exact = 0
    for score in scores:
        if not isinstance(score.score, Scored):
            continue
        a, b = least(score, score.score), most(score, score.score)
        if a is not None and b is not None:
            pairs.append((a, b))
            exact += a != b and bool(alike(score, score.score))
    if not pairs:
        return None
    low, high = (sum(end) / len(pairs) for end in zip(*pairs, strict=True))
    if examination.check.low is not None and low < examination.check.low:  # the metric is the size of this mean
        low, high = max(low, -high, 0.0), max(high, -low)
    open_ = sum(a != b for a, b in pairs)
    return NearTies(check=examination.check.name, n=open_, of=len(pairs), low=low, high=high, exact=exact)


def _envelope(
    kind: RequestKind, known: Sequence[KeptResponse], runtime: Runtime, *, gate: Gate, rng: random.Random
) -> Envelope:
    requests = [exchange.request for exchange in known]
    first, again = (_answers(runtime, requests, gate=gate) for _ in range(2))
    order = list(range(len(requests)))
    rng.shuffle(order)
    shuffled: dict[int, Response] = {}
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        found = _answers(runtime, [requests[at] for at in part], gate=gate)
        shuffled.update((at, found[place]) for place, at in enumerate(part))
    alike, otherwise, largest = 0, 0, []
    either = 0
    for at, exchange in enumerate(known):
        twice = _moved(first[at], again[at])
        others = (_moved(exchange.response, first[at]), _moved(first[at], shuffled[at]))
        alike += twice.changed
        otherwise += any(other.changed for other in others)
        either += any(moved.changed for moved in (twice, *others))
        largest += [moved.by for moved in (twice, *others) if moved.by is not None]
    interval = clopper_pearson(either, len(known))
    return Envelope(
        kind=kind,
        n=len(known),
        changed_alike=alike,
        changed_otherwise=otherwise,
        interval=(interval.low, interval.high),
        largest=max(largest) if largest else None,
    )


def _answers(runtime: Runtime, requests: Sequence[Request], *, gate: Gate) -> Mapping[int, Response]:
    return {
        answered.position: gate(requests[answered.position], answered.response) for answered in runtime.answer(requests)
    }


def _moved(one: Response, other: Response) -> _Moved:
    a, b = _numbers(one), _numbers(other)
    if a is None or b is None or a.keys() != b.keys():
        return _Moved(_said(one) != _said(other), None)
    by = max((abs(a[name] - b[name]) for name in a), default=0.0)
    return _Moved(by > TOLERANCE, by)


def _numbers(response: Response) -> dict[str, float] | None:
    match response:
        case LogLikelihoodAnswer(logprob=logprob):
            return {"logprob": logprob}
        case TokenLogProbsAnswer(logprobs=logprobs):
            return {str(at): logprob for at, logprob in enumerate(logprobs)}
        case ClassifyAnswer(probabilities=probabilities):
            return dict(probabilities)
        case _:
            return None


def _said(response: Response) -> object:
    """What is compared where there are no numbers; why an answer failed is compared, its details are not."""
    return ("failed", response.reason) if isinstance(response, Failed) else response
