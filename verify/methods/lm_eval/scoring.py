"""From kept answers to what each document contributes to each metric: lm-eval's filters and `process_results`.

The task object that does it has no data set: it is built on the document itself, so that a bundle's items and
answers are all that an audit needs besides the installed lm-eval.
"""

import json
import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final
from unittest.mock import patch

from verify.errors import EvidenceError
from verify.methods.accuracy.choices import FRAGILE
from verify.methods.lm_eval import registry
from verify.methods.lm_eval.data import Store, offline, quiet
from verify.methods.lm_eval.documents import LmEvalItem, canonical
from verify.methods.lm_eval.tasks import blueprint
from verify.records import (
    Answer,
    FailureReason,
    Generate,
    GenerateAnswer,
    LogLikelihood,
    LogLikelihoodAnswer,
    Request,
    Scored,
    TokenLogProbs,
    TokenLogProbsAnswer,
    Unscored,
)

_SCORERS: Final[dict[tuple[Any, ...], Any]] = {}
"""Task objects that were built; what they are built from is their key."""


def score(root: str, item: LmEvalItem, answers: Sequence[Answer]) -> Scored | Unscored:
    """What one document contributes: numbers in `values`, anything else as JSON in `labels`, by `metric,filter`.

    Args:
        root: The task or group of the check.
        item: The document.
        answers: To its requests, each request's repeats together.

    Raises:
        EvidenceError: The requests were built by another version of lm-eval.
    """
    if item.lm_eval != registry.version():
        raise EvidenceError(
            f"{item.id} was built by lm-eval {item.lm_eval}; here is {registry.version()}. "
            f"Score it with the other: pip install lm-eval=={item.lm_eval}"
        )
    asked = [request.kind for request in item.requests for _ in range(item.repeats)]
    for answer, kind in zip(answers, asked, strict=True):
        if answer.kind != kind:
            return Unscored(reason=FailureReason.MALFORMED, detail=f"{answer.kind} for {kind}")
    given = [_as_lm_eval_has_it(answer) for answer in answers]
    return _made(scorer(root, item), item, given)


def tied(root: str, item: LmEvalItem, answers: Sequence[Answer], made: Scored) -> dict[str, float]:
    """What near ties of a choice could make of a document: `least:KEY` and `most:KEY` of every number that they move.

    lm-eval's own code is asked again with each option's log-probability raised by `FRAGILE`, whatever the task makes
    of it (length, bytes, several right options). `tied:KEY` is 1 where a raise of 1e-9 already moves the number: the
    options tie exactly, and lm-eval's `argmax` took the first. Empty where nothing is near.

    Args:
        root: The task or group of the check.
        item: The document.
        answers: To its requests.
        made: Its score.
    """
    options = [place for place, r in enumerate(item.requests) if isinstance(r, LogLikelihood) and r.context]
    if (
        item.repeats > 1
        or len(options) < 2
        or not _is_near([item.requests[k] for k in options], [answers[k] for k in options])
    ):
        return {}
    task, given = scorer(root, item), [_as_lm_eval_has_it(answer) for answer in answers]
    values: dict[str, float] = {}
    for by, exact in ((FRAGILE, False), (_HAIR, True)):
        found = [_made(task, item, _raised(given, place, by)) for place in options]
        for key, value in made.values.items():
            ends = [value, *(one.values[key] for one in found if isinstance(one, Scored) and key in one.values)]
            if max(ends) - min(ends) > FRAGILE:  # more than a rounding error moves a number by: a decision
                values |= {f"tied:{key}": 1.0} if exact else {f"least:{key}": min(ends), f"most:{key}": max(ends)}
    return values


def contribution(label: str) -> Any:
    """What a document contributed, as lm-eval's aggregates take it: a list is a tuple."""
    value = json.loads(label)
    return tuple(value) if isinstance(value, list) else value


_HAIR: Final = 1e-9
"""Nats that change no sum but that of options that tie exactly."""


def _is_near(options: Sequence[Request], answers: Sequence[Answer]) -> bool:
    """Whether another option could be the best one by sum, by character or by byte; generous: none is missed."""
    texts = [r.continuation.strip() or " " for r in options if isinstance(r, LogLikelihood)]
    sums = [answer.logprob for answer in answers if isinstance(answer, LogLikelihoodAnswer)]
    sizes = ([1] * len(texts), [len(text) for text in texts], [len(text.encode()) for text in texts])
    for size in sizes:
        best = max(x / n for x, n in zip(sums, size, strict=True))
        if sum((x + 2.0 * FRAGILE) / n >= best for x, n in zip(sums, size, strict=True)) > 1:
            return True
    return False


def _raised(given: Sequence[Any], place: int, by: float) -> list[Any]:
    logprob, greedy = given[place]
    return [*given[:place], (logprob + by, greedy), *given[place + 1 :]]


def _made(task: Any, item: LmEvalItem, given: Sequence[Any]) -> Scored | Unscored:
    try:
        with quiet():
            return _contributed(_processed(task, item, given))
    except Exception as error:  # noqa: BLE001  # lm-eval's code on the subject's text; what it chokes on is unscored
        return Unscored(reason=FailureReason.UNPARSABLE, detail=f"lm-eval: {type(error).__name__}")


def _as_lm_eval_has_it(answer: Answer) -> Any:
    match answer:
        case LogLikelihoodAnswer(logprob=logprob, is_greedy=greedy):
            return logprob, greedy
        case TokenLogProbsAnswer(logprobs=logprobs):
            return math.fsum(logprobs)
        case GenerateAnswer(text=text):
            return text
        case _:
            raise TypeError(f"lm-eval asks nothing that {answer.kind} answers")


def _processed(task: Any, item: LmEvalItem, given: Sequence[Any]) -> dict[str, Any]:
    from lm_eval.api.instance import Instance

    document = item.document if isinstance(item.document, str) else dict(item.document)
    instances = []
    for position, request in enumerate(item.requests):
        kind, arguments = _arguments(request)
        instance = Instance(kind, document, arguments, position, (item.task, item.index, item.repeats))
        instance.resps = list(given[position * item.repeats : (position + 1) * item.repeats])
        instances.append(instance)
    made: dict[str, Any] = {}
    for ensemble in task._filters:  # noqa: SLF001  # what `apply_filters` does, for one document
        ensemble.apply(instances)
        results = [instance.filtered_resps[ensemble.name] for instance in instances]
        for metric, value in task.process_results(document, results).items():
            made[f"{metric},{ensemble.name}"] = value
    return made


def _arguments(request: Request) -> tuple[str, tuple[Any, ...]]:
    match request:
        case LogLikelihood(context=context, continuation=continuation):
            return "loglikelihood", (context, continuation)
        case Generate(prompt=prompt, stop=stop, max_tokens=most):
            return "generate_until", (prompt, {"until": list(stop), "max_gen_toks": most})
        case TokenLogProbs(text=text):
            return "loglikelihood_rolling", (text,)
        case _:
            raise TypeError(f"lm-eval asks no {request.kind}")


def _contributed(made: dict[str, Any]) -> Scored:
    values: dict[str, float] = {}
    labels: dict[str, str] = {}
    for key, value in made.items():
        one = value.item() if getattr(value, "ndim", None) == 0 else value  # numpy's scalars
        if isinstance(one, bool | int | float):
            if math.isfinite(one):  # lm-eval's nanmean leaves the others out too
                values[key] = float(one)
        elif one is not None:
            labels[key] = canonical(one)
    return Scored(values=values, labels=labels)


def scorer(root: str, item: LmEvalItem) -> Any:
    """lm-eval's task object for the documents of one task, built on one of them instead of a data set."""
    facts = (root, item.task, item.features, item.multiple_input, item.multiple_target)
    if facts not in _SCORERS:
        _SCORERS[facts] = _without_data(root, item)
    return _SCORERS[facts]


def _without_data(root: str, item: LmEvalItem) -> Any:
    from lm_eval.api.task import ConfigurableTask, Task

    leaf = next(leaf for leaf in blueprint(root).leaves if leaf.task_name == item.task)
    kept = _AnySplit(item.document, item.features)

    def download(task: Any, *_: object, **__: object) -> None:
        task.dataset = kept

    bare = {"process_docs": None, "fewshot_split": None, "fewshot_config": None, "num_fewshot": 0}
    with ExitStack() as stack:
        stack.enter_context(offline(Store(None)))
        for owner in (ConfigurableTask, Task):
            stack.enter_context(patch.object(owner, "download", download))
        task = leaf.build(**bare)
    task.features = list(item.features)
    task.multiple_input, task.multiple_target = item.multiple_input, item.multiple_target
    return task


class _AnySplit:
    """A data set whose every split holds the one document."""

    def __init__(self, document: Any, features: Sequence[str]) -> None:
        self._split = _Split([document], features)

    def __getitem__(self, _: str) -> "_Split":
        return self._split

    def __contains__(self, _: str) -> bool:
        return True


class _Split(list[Any]):
    """The one document, with the fields that the whole split has."""

    def __init__(self, rows: Sequence[Any], features: Sequence[str]) -> None:
        super().__init__(rows)
        self.features = dict.fromkeys(features)
