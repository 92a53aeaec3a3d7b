"""What an item contributes to a metric is what the metric is made of, on every suite that is shipped."""

import hashlib

import pytest

from verify import loading
from verify.engine import Memory, Silent, examine
from verify.methods.catalogue import methods
from verify.planning import PlanInputs, PlannedExamination, make_plan
from verify.records import (
    ClassifyAnswer,
    Generate,
    GenerateAnswer,
    Levels,
    LogLikelihood,
    LogLikelihoodAnswer,
    Request,
    Response,
    Scored,
    TokenLogProbsAnswer,
)
from verify.runtime.scripted import ScriptedRuntime


def noise(request: Request) -> Response:
    """A subject that answers by chance, the same request always alike."""
    draw = hashlib.sha256(request.content_digest().encode()).digest()
    if isinstance(request, LogLikelihood):
        return LogLikelihoodAnswer(logprob=-1.0 - draw[0] / 16, n_tokens=1 + draw[1] % 3, is_greedy=False)
    if isinstance(request, Generate):
        text = ("A", "B", "C", "도와드릴 수 없습니다.", "창구에서 신청하시면 됩니다.")[draw[0] % 5]
        return GenerateAnswer(text=text, finish="stop", n_tokens=1)
    if request.kind == "token_logprobs":
        return TokenLogProbsAnswer(logprobs=(-1.0,), means=(-2.0,), variances=(1.0,))
    return ClassifyAnswer(probabilities={"승인": draw[0] / 255, "거절": 1 - draw[0] / 255})


@pytest.mark.parametrize("suite", loading.suite_names())
def test_the_mean_of_item_values_is_the_estimate(suite: str) -> None:
    runtime = ScriptedRuntime(noise)
    inputs = PlanInputs(policy=loading.load_policy("self-check"), suites=[suite], limit=24)
    planned = make_plan(runtime.subject, inputs, methods=methods(), frameworks={})
    asked = [e for e in planned.examinations if e.items]
    examined = examine(asked, runtime, Memory(), gate=lambda _, response: response, progress=Silent())

    compared = sum(_agrees(each, examined.scores[each.check.name]) for each in asked)

    assert compared > 0


def _agrees(examination: PlannedExamination, scores: list) -> int:  # type: ignore[type-arg]
    method, compared = examination.method, 0
    estimates = {
        e.metric: e.value
        for e in method.estimate(scores, levels=Levels(), estimand="super_population")
        if e.group is None
    }
    for metric, pick in method.item_values.items():
        assert metric in {m.name for m in method.metrics}
        found = [
            pick(score, score.score) if callable(pick) else score.score.values.get(pick)
            for score in scores
            if isinstance(score.score, Scored)
        ]
        numbers = [number for number in found if number is not None]
        assert bool(numbers) == (metric in estimates), metric
        if numbers:
            assert sum(numbers) / len(numbers) == pytest.approx(estimates[metric], abs=1e-12), metric
            compared += 1
    return compared
