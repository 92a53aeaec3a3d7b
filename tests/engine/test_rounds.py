"""Rounds: deduplicated, ordered, failures contained, resumable."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.toys import METHODS, adds_right, adds_wrong, default_check, policy, write_suite
from verify.engine import Examined, Memory, Silent, conclude, examine
from verify.errors import RunError
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import (
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    KeptResponse,
    Outcome,
    Request,
    Response,
    Scored,
    Unscored,
)
from verify.runtime.base import Answered
from verify.runtime.scripted import ScriptedRuntime


def planned(folder: Path, runtime: ScriptedRuntime) -> Planned:
    inputs = PlanInputs(policy=policy(), suites=[str(folder)])
    return make_plan(runtime.subject, inputs, methods=METHODS, frameworks={})


def carry_out(plan: Planned, runtime: ScriptedRuntime, keeper: Memory | None = None) -> Examined:
    return examine(plan.examinations, runtime, keeper or Memory(), gate=lambda _, response: response, progress=Silent())


def test_a_faultless_subject_passes_and_a_faulty_one_fails(tmp_path: Path) -> None:
    folder = write_suite(tmp_path)
    outcomes = []
    for answer in (adds_right, adds_wrong):
        runtime = ScriptedRuntime(answer)
        plan = planned(folder, runtime)
        outcomes.append(conclude(plan, carry_out(plan, runtime).scores).outcome)

    assert outcomes == [Outcome.PASS, Outcome.FAIL]


def test_the_same_request_is_asked_once(tmp_path: Path) -> None:
    rows = [f'{{"id": "s{i}", "a": 1, "b": 2}}' for i in range(20)]
    runtime = ScriptedRuntime(adds_right)
    plan = planned(write_suite(tmp_path, rows=rows), runtime)

    examined = carry_out(plan, runtime)

    assert len(runtime.asked) == 1
    assert len(examined.scores["toys.sums"]) == 20
    assert len(examined.exchanges) == 1


def test_several_turns_are_asked_in_rounds(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=5, check=default_check(extra="    parameters: {again: true}\n"))
    runtime = ScriptedRuntime(lambda request: GenerateAnswer(text="7", finish="stop", n_tokens=1))
    plan = planned(folder, runtime)

    carry_out(plan, runtime)

    assert [("맞습니까" in r.prompt) for r in runtime.asked if isinstance(r, Generate) and r.prompt] == [False] * 5 + [
        True
    ] * 5


def test_a_failed_request_costs_its_item_alone(tmp_path: Path) -> None:
    def answer(request: Request) -> Response:
        assert isinstance(request, Generate)
        if request.prompt == "3+6=":
            return Failed(reason=FailureReason.INVALID_LOGITS)
        return adds_right(request)

    runtime = ScriptedRuntime(answer)
    plan = planned(write_suite(tmp_path, n=30), runtime)

    scores = carry_out(plan, runtime).scores["toys.sums"]

    assert [s.item for s in scores if isinstance(s.score, Unscored)] == ["s3"]
    assert sum(isinstance(s.score, Scored) for s in scores) == 29


def test_what_is_kept_is_not_asked_again(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=30, check=default_check(extra="    parameters: {again: true}\n"))
    first = ScriptedRuntime(adds_right)
    plan = planned(folder, first)
    whole = carry_out(plan, first)
    part = Memory(whole.exchanges[:17])
    second = ScriptedRuntime(adds_right)

    resumed = carry_out(plan, second, part)

    assert len(second.asked) == len(whole.exchanges) - 17
    assert resumed.scores == whole.scores
    assert resumed.exchanges == whole.exchanges


def test_every_answer_passes_the_gate_before_it_is_kept_or_scored(tmp_path: Path) -> None:
    class Spy(Memory):
        kept: list[KeptResponse] = []

        def put(self, entries: Sequence[KeptResponse]) -> None:
            self.kept.extend(entries)
            super().put(entries)

    spy = Spy()
    runtime = ScriptedRuntime(adds_right)
    plan = planned(write_suite(tmp_path, n=12), runtime)
    masked = GenerateAnswer(text="⟦가림⟧", finish="stop", n_tokens=1)

    examined = examine(plan.examinations, runtime, spy, gate=lambda *_: masked, progress=Silent())

    assert {e.response for e in spy.kept} == {masked}
    assert all(isinstance(s.score, Scored) and s.score.defect for s in examined.scores["toys.sums"])


class _Sloppy(ScriptedRuntime):
    """Leaves a request out, or answers one twice."""

    def __init__(self, *, positions: Sequence[int]) -> None:
        super().__init__(adds_right)
        self.positions = positions

    def answer(self, requests: Sequence[Request]) -> Iterator[Answered]:
        for position in self.positions:
            yield Answered(position, adds_right(requests[position % len(requests)]))


@pytest.mark.parametrize(
    ("positions", "part"),
    [
        pytest.param([0, 1, 1], "twice", id="answered twice"),
        pytest.param([0, 1], "without an answer", id="left out"),
        pytest.param([0, 3], "out of range", id="unknown"),
    ],
)
def test_a_runtime_that_miscounts_breaks_the_run_and_never_a_number(
    tmp_path: Path, positions: list[int], part: str
) -> None:
    runtime = _Sloppy(positions=positions)
    plan = planned(write_suite(tmp_path, n=3), runtime)

    with pytest.raises(RunError, match=part):
        carry_out(plan, runtime)
