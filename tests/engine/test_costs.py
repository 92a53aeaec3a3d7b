"""What a run will cost: counted on the requests themselves, timed on a subject whose speed is known."""

import time
from pathlib import Path

import pytest

from tests.toys import METHODS, adds_right, policy, write_suite
from verify.engine.costs import characters, costs, first_requests, probe
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import Classify, Generate, LogLikelihood, Message, Predict, Request, Response, TokenLogProbs
from verify.runtime.scripted import ScriptedRuntime


def plan_of(folder: Path) -> Planned:
    inputs = PlanInputs(policy=policy(), suites=[str(folder)])
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods=METHODS, frameworks={})


def test_equal_requests_cost_once(tmp_path: Path) -> None:
    rows = [f'{{"id": "s{i}", "a": {i % 3}, "b": 2}}' for i in range(30)]
    plan = plan_of(write_suite(tmp_path, rows=rows))

    (cost,) = costs(plan.examinations)

    assert (cost.kind, cost.requests, cost.characters, cost.tokens) == ("generate", 3, 3 * len("0+2="), 3 * 8)
    assert cost.seconds is None
    assert len(list(first_requests(plan.examinations))) == 3


def test_the_time_is_extrapolated_from_a_few_answers(tmp_path: Path) -> None:
    """Oracle: a subject that takes 5 ms an answer."""

    def slow(request: Request) -> Response:
        time.sleep(0.005)
        return adds_right(request)

    plan = plan_of(write_suite(tmp_path, n=400))
    runtime = ScriptedRuntime(slow)

    (cost,) = probe(plan.examinations, runtime, seed=1)

    assert len(runtime.asked) == 9  # one to warm up, eight that count
    assert cost.seconds is not None
    assert 2.0 <= cost.seconds < 8.0


@pytest.mark.parametrize(
    ("request_", "length"),
    [
        (LogLikelihood(context="가나", continuation=" 다"), 4),
        (TokenLogProbs(text="가나다"), 3),
        (Classify(text="가"), 1),
        (Generate(prompt="가나"), 2),
        (Generate(messages=(Message(role="system", content="가"), Message(role="user", content="나다"))), 3),
        (Predict(row={"a": 1}), len('{"a":1}')),
    ],
)
def test_every_kind_of_prompt_has_a_length(request_: Request, length: int) -> None:
    assert characters(request_) == length
