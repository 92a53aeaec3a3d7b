"""Drives a method's examinations as the engine does, on subjects whose behaviour is known."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from verify.methods.base import Method
from verify.records import (
    Estimate,
    Failed,
    Item,
    ItemScore,
    Levels,
    LogLikelihood,
    LogLikelihoodAnswer,
    Request,
    Response,
    Score,
    Scored,
    Unscored,
)
from verify.runtime.scripted import ScriptedRuntime

Subject = Callable[[Request], Response]


def examined(method: Method[Any, Any], item: Item, subject: Subject) -> Score:
    """The score of one item; a failed request ends the examination, as in the engine."""
    runtime = ScriptedRuntime(subject)
    examination = method.examine(item)
    try:
        requests = next(examination)
        while True:
            answers = [answered.response for answered in runtime.answer(requests)]
            for answer in answers:
                if isinstance(answer, Failed):
                    return Unscored(reason=answer.reason, detail=answer.detail)
            requests = examination.send(answers)
    except StopIteration as end:
        return end.value


def scores_of(method: Method[Any, Any], rows: Iterable[Item], subject: Subject) -> list[ItemScore]:
    """Scores of all items that the rows stand for."""
    return [
        ItemScore(
            check="toy.check",
            item=item.id,
            cluster=item.cluster_key,
            groups=item.groups,
            score=examined(method, item, subject),
        )
        for row in rows
        for item in method.expand(row)
    ]


def estimates_of(
    method: Method[Any, Any], rows: Iterable[Item], subject: Subject
) -> dict[tuple[str, str | None], Estimate]:
    """Estimates by (metric, group)."""
    scores = scores_of(method, rows, subject)
    found = method.estimate(scores, levels=Levels(), estimand="super_population")
    return {(estimate.metric, estimate.group): estimate for estimate in found}


def scored(score: Score) -> Scored:
    """The score, which must be one."""
    assert isinstance(score, Scored), score
    return score


def likely(logprob: float, *, n_tokens: int = 1, truncated: bool = False) -> LogLikelihoodAnswer:
    """An answer to a log-likelihood request."""
    return LogLikelihoodAnswer(logprob=logprob, n_tokens=n_tokens, is_greedy=False, truncated=truncated)


def choosing(option: Callable[[str], str]) -> Subject:
    """A subject that is sure of one option: ``option(context)`` is its continuation, without the space."""

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        chosen = request.continuation == " " + option(request.context)
        return likely(-0.1 if chosen else -9.0, n_tokens=len(request.continuation))

    return answer


def chance(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def options_in(context: str) -> Sequence[str]:
    """The options as a compact prompt lists them."""
    return context.rsplit("보기: ", 1)[1].removesuffix("정답:").strip().split(" / ")
