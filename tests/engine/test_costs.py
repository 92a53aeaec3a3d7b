"""What a run will cost: counted on the requests themselves, timed on a subject whose speed is known."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.toys import METHODS, SumItem, Sums, adds_right, policy, write_suite
from verify.engine.costs import LEAST_FACTOR, TOGETHER, characters, costs, first_requests, probe
from verify.methods.base import Examination
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import (
    Classify,
    Generate,
    LogLikelihood,
    Message,
    Predict,
    Request,
    Response,
    Scored,
    TokenLogProbs,
    TokenLogProbsAnswer,
)
from verify.runtime.base import Answered
from verify.runtime.facts import TokenCount
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

    assert len(runtime.asked) == 17  # one to warm up, sixteen that count
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


class Counting(ScriptedRuntime):
    """A subject whose tokens are its characters, half of which are shared; it takes 1 ms for each unique one."""

    def count(self, requests: Sequence[Request]) -> TokenCount:
        read = sum(map(characters, requests))
        written = sum(r.max_tokens for r in requests if isinstance(r, Generate))
        return TokenCount(read=read, unique=read // 2, written=written // 2)

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        time.sleep(0.001 * self.count(requests).unique)
        return super().answer(requests)


class Reads(Sums):
    """Sums that are scored, not written."""

    needs = frozenset({"token_logprobs"})

    def examine(self, item: SumItem) -> Examination:
        yield [TokenLogProbs(text="가" * (10 + item.a))]
        return Scored(values={"right": 1.0, "wrong": 0.0})


def scored(_: Request) -> Response:
    return TokenLogProbsAnswer(logprobs=(-1.0,), means=(-1.0,), variances=(1.0,))


def test_the_subjects_own_tokens_carry_the_time(tmp_path: Path) -> None:
    """Oracle: 1 ms a unique token, of requests whose lengths differ by a factor of 30."""
    runtime = Counting(scored, answers=("token_logprobs",))
    inputs = PlanInputs(policy=policy(), suites=[str(write_suite(tmp_path, n=300))])
    plan = make_plan(runtime.subject, inputs, methods={"sums": Reads}, frameworks={})

    (cost,) = probe(plan.examinations, runtime, seed=3)

    total = sum(10 + a for a in range(300))
    assert cost.counted == TokenCount(read=total, unique=total // 2, written=0)
    assert cost.seconds == pytest.approx(0.001 * total / 2, rel=0.35)
    assert cost.factor == LEAST_FACTOR
    assert cost.at_most is None


def test_what_may_be_written_is_what_the_window_leaves_and_its_time_is_stated(tmp_path: Path) -> None:
    """Oracle: answers of one token in 5 ms, of which 8 are allowed and 4 fit the window."""

    def slow(request: Request) -> Response:
        time.sleep(0.005)
        return adds_right(request)

    plan = plan_of(write_suite(tmp_path, n=200))

    (cost,) = probe(plan.examinations, Counting(slow), seed=3)

    assert cost.tokens == 200 * 4
    assert cost.seconds is not None
    assert cost.at_most == pytest.approx(4.0 * cost.seconds)


def test_a_pace_that_differs_is_stated_within_a_wide_factor(tmp_path: Path) -> None:
    waits = iter([0.0] + [0.001] * 4 + [0.05] * 4 + [0.001] * 4 + [0.05] * 4)

    def uneven(request: Request) -> Response:
        time.sleep(next(waits))
        return adds_right(request)

    (cost,) = probe(plan_of(write_suite(tmp_path, n=100)).examinations, ScriptedRuntime(uneven), seed=1)

    assert cost.factor is not None
    assert cost.factor > 2.0 * LEAST_FACTOR


def test_a_slow_subject_is_asked_no_longer_than_its_pace_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.engine.costs.PROBE_S", 0.0)
    runtime, told = ScriptedRuntime(adds_right), []

    (cost,) = probe(plan_of(write_suite(tmp_path, n=100)).examinations, runtime, seed=1, told=told.append)

    assert told == ["generate"]
    assert len(runtime.asked) == 1 + TOGETHER
    assert cost.factor == 2.0 * LEAST_FACTOR
