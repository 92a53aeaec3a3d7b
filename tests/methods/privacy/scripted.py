"""Subjects of the privacy tests: answers from a rule, and an examination driven by hand."""

from collections.abc import Callable, Sequence
from typing import Any

from verify.methods.base import Method
from verify.records import (
    GenerateAnswer,
    Item,
    ItemScore,
    Levels,
    LogLikelihoodAnswer,
    Request,
    Response,
    Score,
    Scored,
)

LEVELS = Levels()


def ask(method: Method[Any, Any], item: Item, answer: Callable[[Request], Response]) -> Score:
    """The score of one item, with every request answered by `answer`."""
    examination = method.examine(item)
    try:
        requests = next(examination)
        while True:
            requests = examination.send([answer(request) for request in requests])
    except StopIteration as end:
        return end.value


def scores_of(method: Method[Any, Any], rows: Sequence[Item], answer: Callable[[Request], Response]) -> list[ItemScore]:
    """Scores of all items that the rows stand for."""
    return [item_score(item, ask(method, item, answer)) for row in rows for item in method.expand(row)]


def item_score(item: Item, score: Score) -> ItemScore:
    return ItemScore(check="privacy.test", item=item.id, cluster=item.cluster_key, groups=item.groups, score=score)


def estimates(method: Method[Any, Any], scores: Sequence[ItemScore], *, levels: Levels = LEVELS) -> dict[str, Any]:
    """Estimates by `metric` or `metric/group`."""
    found = method.estimate(scores, levels=levels, estimand="super_population")
    return {e.metric if e.group is None else f"{e.metric}/{e.group}": e for e in found}


def values(score: Score) -> dict[str, float]:
    assert isinstance(score, Scored)
    return score.values


def text(answer: str) -> GenerateAnswer:
    return GenerateAnswer(text=answer, finish="stop", n_tokens=max(1, len(answer)))


def likelihood(logprob: float) -> LogLikelihoodAnswer:
    return LogLikelihoodAnswer(logprob=logprob, n_tokens=8, is_greedy=False)
