"""Checks that may end early: error rates, savings, and the same end whenever it is repeated."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from tests.e2e.test_kill import write_choice_suite
from tests.toys import Sums, adds_right, adds_wrong, default_check, policy, write_suite
from verify import pipeline
from verify.engine import Concluded, Examined, Memory, Silent, conclude, decided_by, examine
from verify.engine.stopping import batches, stopped_estimate
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import (
    Failed,
    FailureReason,
    Generate,
    ItemScore,
    Levels,
    LogLikelihood,
    LogLikelihoodAnswer,
    Outcome,
    Request,
    Response,
    Scored,
)
from verify.runtime.scripted import ScriptedRuntime
from verify.statistics.sequential import STAKES

NAME = "toys.sums"


class CountedSums(Sums):
    """Sums that say what an item contributes, so that a check of them may end early."""

    item_values = MappingProxyType({"accuracy": "right", "error_rate": "wrong"})


METHODS = {"sums": CountedSums}


def plan_of(folder: Path, *, seed: int = 0, **changes: object) -> Planned:
    inputs = PlanInputs(policy=policy(sequential=True, **changes), suites=[str(folder)], seed=seed)
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods=METHODS, frameworks={})


def carry_out(plan: Planned, runtime: ScriptedRuntime, keeper: Memory | None = None) -> tuple[Examined, Concluded]:
    examined = examine(
        plan.examinations,
        runtime,
        keeper or Memory(),
        gate=lambda _, response: response,
        progress=Silent(),
        decided=decided_by(plan),
    )
    return examined, conclude(plan, examined.scores)


def wrong_for(share: float) -> ScriptedRuntime:
    """A subject that is wrong for a fixed share of the sums, spread evenly."""

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate) and request.prompt is not None
        number = int(request.prompt.split("+")[0])
        return (adds_wrong if (number * 7919) % 1000 < share * 1000 else adds_right)(request)

    return ScriptedRuntime(answer)


@pytest.mark.parametrize(("answer", "outcome"), [(adds_right, Outcome.PASS), (adds_wrong, Outcome.FAIL)])
def test_a_clear_case_is_decided_within_a_few_looks(tmp_path: Path, answer: object, outcome: Outcome) -> None:
    plan = plan_of(write_suite(tmp_path, n=400))
    runtime = ScriptedRuntime(answer)  # type: ignore[arg-type]

    examined, concluded = carry_out(plan, runtime)

    assert concluded.outcome is outcome
    assert len(runtime.asked) == len(examined.scores[NAME]) == 32
    deciding = next(e for e in concluded.estimates if e.metric == "accuracy" and e.group is None)
    assert deciding.method == "confidence-sequence"
    assert deciding.stopped_after == 32
    assert deciding.interval[0] <= deciding.value <= deciding.interval[1]
    assert not deciding.display_only


def test_near_the_limit_all_items_are_asked_and_the_verdict_is_inconclusive(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path, n=400))
    runtime = wrong_for(0.2)

    examined, concluded = carry_out(plan, runtime)

    assert len(examined.scores[NAME]) == 400
    assert concluded.outcome is Outcome.INCONCLUSIVE
    assert "after 400 of 400 items" in concluded.verdicts[0].reason


def test_other_numbers_of_a_stopped_check_are_for_display_only(tmp_path: Path) -> None:
    _, concluded = carry_out(plan_of(write_suite(tmp_path, n=400)), ScriptedRuntime(adds_right))

    others = [e for e in concluded.estimates if (e.metric, e.group) != ("accuracy", None)]
    assert others
    assert all(e.display_only and e.stopped_after == 32 for e in others)


def test_what_is_decided_asks_no_more_while_the_others_go_on(tmp_path: Path) -> None:
    check = default_check() + default_check(bound="{at_least: 0.6}").replace("id: sums", "id: easy")
    plan = plan_of(write_suite(tmp_path, n=600, check=check))

    examined, _ = carry_out(plan, wrong_for(0.16))

    assert len(examined.scores["toys.easy"]) < len(examined.scores[NAME])


def test_a_check_that_cannot_end_early_is_asked_as_in_any_plan(tmp_path: Path) -> None:
    """With 20 sources and a limit of 0.8 a faultless subject is not decided within half of them."""
    folder = write_suite(tmp_path, n=60, clusters=20)
    plan = plan_of(folder)
    usual = make_plan(
        ScriptedRuntime(adds_right).subject,
        PlanInputs(policy=policy(), suites=[str(folder)]),
        methods=METHODS,
        frameworks={},
    )

    _, concluded = carry_out(plan, ScriptedRuntime(adds_right))

    assert plan.plan.checks == usual.plan.checks
    assert {e.stopped_after for e in concluded.estimates} == {None}


def test_whole_clusters_are_asked_between_looks(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path, n=900, clusters=180))
    (examination,) = plan.examinations

    parts = list(batches(examination))

    assert [i for part in parts for i in part] == list(range(900))
    assert len(parts) > 10
    keys = [{examination.items[i].cluster_key for i in part} for part in parts]
    assert all(not a & b for a, b in pairwise(keys))


def test_the_order_is_drawn_by_the_seed_and_fixed_in_the_plan(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=300)
    one, again, other = plan_of(folder), plan_of(folder), plan_of(folder, seed=1)

    assert one.plan.content_digest() == again.plan.content_digest()
    assert one.examinations[0].items == again.examinations[0].items
    assert [i.id for i in one.examinations[0].items] != [f"s{i}" for i in range(300)]
    orders = [p.plan.checks[0].stopping for p in (one, other)]
    assert orders[0] is not None
    assert orders[1] is not None
    assert orders[0].order != orders[1].order
    assert "confidence sequence" in one.plan.decision_rule


def test_a_run_that_is_resumed_stops_where_the_first_one_did(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path, n=500, check=default_check(extra="    parameters: {again: false}\n")))
    whole, concluded = carry_out(plan, wrong_for(0.12))
    asked = len(whole.exchanges)
    assert 32 < asked < 500

    for kept in (1, 31, 32, 33, asked - 1):
        second = wrong_for(0.12)
        resumed, again = carry_out(plan, second, Memory(whole.exchanges[:kept]))
        assert len(second.asked) == asked - kept
        assert resumed == whole
        assert again == concluded


def test_too_many_items_without_a_score_decide_nothing_however_clear_the_rest(tmp_path: Path) -> None:
    def answer(request: Request) -> Response:
        assert isinstance(request, Generate) and request.prompt is not None
        failed = int(request.prompt.split("+")[0]) % 5 == 0
        return Failed(reason=FailureReason.TIMEOUT) if failed else adds_right(request)

    plan = plan_of(write_suite(tmp_path, n=300))

    examined, concluded = carry_out(plan, ScriptedRuntime(answer))

    assert len(examined.scores[NAME]) == 300
    assert concluded.outcome is Outcome.NOT_MEASURED


def test_a_sealed_run_that_stopped_is_audited_to_the_same_end(tmp_path: Path) -> None:
    suite = write_choice_suite(tmp_path / "suite", n=300)

    def answer(request: Request) -> Response:
        assert isinstance(request, LogLikelihood)
        noise = hashlib.sha256(request.continuation.encode()).digest()[0] / 256  # right in half of the questions
        return LogLikelihoodAnswer(logprob=-1.0 - noise, n_tokens=2, is_greedy=False)

    inputs = PlanInputs(policy=policy(sequential=True), suites=[str(suite)])
    ran = pipeline.run(ScriptedRuntime(answer), inputs, out=tmp_path / "out")
    lines = (tmp_path / "out" / "scores.jsonl").read_text("utf-8").splitlines()

    assert ran.results.verdicts[0].verdict is Outcome.PASS
    assert 0 < len(lines) < 300
    assert pipeline.audit(tmp_path / "out").differences == ()


def test_a_command_overrides_its_policy(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=300)
    subject = ScriptedRuntime(adds_right).subject
    plans = [
        make_plan(
            subject,
            PlanInputs(policy=policy(sequential=on), suites=[str(folder)], sequential=over),
            methods=METHODS,
            frameworks={},
        ).plan
        for on, over in ((False, True), (True, False), (True, None))
    ]

    assert [plan.checks[0].stopping is not None for plan in plans] == [True, False, True]


def _scores(means: Sequence[float], *, size: int) -> list[ItemScore]:
    return [
        ItemScore(
            check=NAME, item=f"{c}-{i}", cluster=f"c{c}", score=Scored(values={"right": float(i < round(mean * size))})
        )
        for c, mean in enumerate(means)
        for i in range(size)
    ]


def _ends(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", bound: float, looks: Sequence[int]) -> list[str]:
    """Where paths of cluster means end at alpha 0.05: the mixture written out once more, all paths at once."""
    up = np.log((1 - STAKES) + STAKES * (values[:, :, None] / bound)).cumsum(axis=1)
    down = np.log((1 - STAKES) + STAKES * ((1 - values[:, :, None]) / (1 - bound))).cumsum(axis=1)
    above, below = (np.logaddexp.reduce(e, axis=2) - np.log(STAKES.size) for e in (up, down))
    ends = []
    for path in range(len(values)):
        end = "undecided"
        for look in looks:
            if max(above[path, look - 1], below[path, look - 1]) >= np.log(20):
                end = "pass" if above[path, look - 1] > below[path, look - 1] else "fail"
                break
        ends.append(end)
    return ends


def test_clustered_items_at_the_limit_pass_no_more_often_than_alpha() -> None:
    """Oracle: 1,200 worlds of 120 clusters of 5 items, beta-binomial with the truth at the limit (intra .3)."""
    rng = np.random.default_rng(11)
    p = rng.beta(0.8 * 2.3, 0.2 * 2.3, size=(1200, 120))
    means = rng.binomial(5, p) / 5

    ends = _ends(means, 0.8, range(7, 121, 7))

    assert ends.count("pass") / 1200 <= 0.05
    assert ends.count("fail") / 1200 <= 0.05


def test_the_engine_ends_where_the_mixture_written_out_ends(tmp_path: Path) -> None:
    """Oracle: `_ends`, an implementation of its own, on 24 worlds around the limit."""
    plan = plan_of(write_suite(tmp_path, n=600, clusters=120))
    (examination,) = plan.examinations
    decided = decided_by(plan)
    rng = np.random.default_rng(5)
    truths = np.repeat([0.6, 0.75, 0.8, 0.9], 6)
    means = rng.binomial(5, truths[:, None], size=(24, 120)) / 5

    looks = range(14, 121, 7)  # no verdict rests on fewer than 8 clusters

    for path, expected in zip(means, _ends(means, 0.8, looks), strict=True):
        found = "undecided"
        for look in looks:
            scores = _scores(path[:look].tolist(), size=5)
            if decided(examination, scores):
                estimate = stopped_estimate(examination, scores, Levels())
                assert estimate is not None
                found = "pass" if estimate.bounds[0] >= 0.8 else "fail"
                break
        assert found == expected


def test_the_plan_of_the_gate_is_sequential_and_says_what_that_means(tmp_path: Path) -> None:
    plan = plan_of(write_suite(tmp_path, n=100)).plan

    assert json.loads(json.dumps(plan.to_json()))["checks"][0]["stopping"]["look"] == 32
    assert "not unbiased scores" in plan.decision_rule
