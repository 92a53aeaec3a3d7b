"""What must not change a verdict, and which way it may change: properties of `conclude` over generated scores.

Oracle: metamorphic relations (trust facts, T7-T12), which hold whatever the numbers are.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.toys import Sums, adds_right, default_check, policy, write_suite
from verify.engine import Concluded, conclude
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import Estimate, FailureReason, ItemScore, Outcome, Scored, Unscored
from verify.runtime.scripted import ScriptedRuntime

NAME = "toys.sums"
ORDER = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.NOT_MEASURED: 1, Outcome.PASS: 2}


class CountedSums(Sums):
    """Sums whose check may end early."""

    item_values = MappingProxyType({"accuracy": "right", "error_rate": "wrong"})


@pytest.fixture(scope="module", params=[False, True], ids=["in full", "sequential"])
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    folder = write_suite(tmp_path_factory.mktemp("suite"), n=200, check=default_check(bound="{at_least: 0.6}"))
    inputs = PlanInputs(policy=policy(sequential=request.param), suites=[str(folder)])
    made = make_plan(ScriptedRuntime(adds_right).subject, inputs, methods={"sums": CountedSums}, frameworks={})
    assert (made.plan.checks[0].stopping is not None) == request.param
    return made


def score(item: str, *, right: bool, cluster: str) -> ItemScore:
    return ItemScore(
        check=NAME, item=item, cluster=cluster, score=Scored(values={"right": float(right), "wrong": float(not right)})
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[ItemScore]:
    """Scores of 1 to 40 clusters of 1 to 5 items, some of them without a score."""
    share = draw(st.floats(0.0, 1.0))
    found: list[ItemScore] = []
    for c in range(draw(st.integers(1, 40))):
        for i in range(draw(st.integers(1, 5))):
            made = score(f"{c}-{i}", right=draw(st.floats(0.0, 1.0)) < share, cluster=f"c{c}")
            if draw(st.integers(0, 60)) == 0:
                made = made.model_copy(update={"score": Unscored(reason=FailureReason.TIMEOUT)})
            found.append(made)
    return found


def concluded(plan: Planned, scores: Sequence[ItemScore]) -> Concluded:
    return conclude(plan, {NAME: scores})


def deciding(found: Concluded) -> Estimate | None:
    return next((e for e in found.estimates if e.metric == "accuracy" and e.group is None), None)


def numbers(found: Concluded) -> Mapping[str, tuple[float, ...]]:
    return {
        f"{e.metric}/{e.group}": (e.value, *e.interval, *e.bounds, e.n, e.n_clusters, e.n_unscored)
        for e in found.estimates
    }


def same(one: Concluded, other: Concluded) -> None:
    assert [v.verdict for v in one.verdicts] == [v.verdict for v in other.verdicts]
    a, b = numbers(one), numbers(other)
    assert a.keys() == b.keys()
    for key in a:
        assert a[key] == pytest.approx(b[key], abs=1e-9)


RELATION = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELATION
@given(data=st.data(), world=worlds())
def test_the_order_of_items_changes_nothing(plan: Planned, data: st.DataObject, world: list[ItemScore]) -> None:
    same(concluded(plan, world), concluded(plan, data.draw(st.permutations(world))))


@RELATION
@given(world=worlds())
def test_the_names_of_clusters_and_items_change_nothing(plan: Planned, world: list[ItemScore]) -> None:
    renamed = [s.model_copy(update={"cluster": f"z{s.cluster[::-1]}", "item": f"other-{s.item}"}) for s in world]

    same(concluded(plan, world), concluded(plan, renamed))


@RELATION
@given(world=worlds(), times=st.integers(2, 4))
def test_the_same_items_again_in_their_clusters_never_narrow_an_interval(
    plan: Planned, world: list[ItemScore], times: int
) -> None:
    copies = [s.model_copy(update={"item": f"{s.item}/{k}"}) for k in range(times) for s in world]

    before, after = deciding(concluded(plan, world)), deciding(concluded(plan, copies))

    assert before is not None or after is None
    if after is None:  # copies of one item are one source, of which no interval is made: nothing was narrowed
        return
    if before is not None and after is not None:
        assert after.value == pytest.approx(before.value)
        assert after.bounds[1] - after.bounds[0] >= before.bounds[1] - before.bounds[0] - 1e-9
        assert after.interval[1] - after.interval[0] >= before.interval[1] - before.interval[0] - 1e-9


@RELATION
@given(world=worlds())
def test_one_more_right_answer_never_turns_a_pass_into_a_fail(plan: Planned, world: list[ItemScore]) -> None:
    more = [*world, score("more", right=True, cluster="more")]

    before, after = (concluded(plan, scores).verdicts[0].verdict for scores in (world, more))

    assert not (before is Outcome.PASS and after is Outcome.FAIL)


@RELATION
@given(data=st.data(), world=worlds())
def test_a_wrong_answer_made_right_never_lowers_the_estimate_nor_passes_to_fails(
    plan: Planned, data: st.DataObject, world: list[ItemScore]
) -> None:
    wrong = [k for k, s in enumerate(world) if isinstance(s.score, Scored) and s.score.values["wrong"]]
    if not wrong:
        return
    at = data.draw(st.sampled_from(wrong))
    better = list(world)
    better[at] = score(world[at].item, right=True, cluster=world[at].cluster)

    one, other = concluded(plan, world), concluded(plan, better)

    before, after = deciding(one), deciding(other)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.value > before.value
    assert not (one.verdicts[0].verdict is Outcome.PASS and other.verdicts[0].verdict is Outcome.FAIL)


@RELATION
@given(world=worlds())
def test_no_interval_has_width_zero_and_each_holds_its_value(plan: Planned, world: list[ItemScore]) -> None:
    for estimate in concluded(plan, world).estimates:
        for low, high in (estimate.interval, estimate.bounds):
            assert low < high
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
        assert all(map(math.isfinite, (*estimate.interval, *estimate.bounds, estimate.value)))


@pytest.mark.parametrize("n", [0, 1, 30])
def test_nothing_scored_is_not_measured(plan: Planned, n: int) -> None:
    lost = [
        ItemScore(check=NAME, item=f"{i}", cluster=f"{i}", score=Unscored(reason=FailureReason.CRASHED))
        for i in range(n)
    ]

    found = concluded(plan, lost)

    assert found.verdicts[0].verdict is Outcome.NOT_MEASURED
    assert found.outcome is Outcome.NOT_MEASURED
    assert found.estimates == ()


@pytest.mark.parametrize("n", [1, 7])
def test_fewer_than_eight_sources_give_no_verdict_however_clear(plan: Planned, n: int) -> None:
    world = [score(f"{c}-{i}", right=True, cluster=f"c{c}") for c in range(n) for i in range(40)]

    assert ORDER[concluded(plan, world).verdicts[0].verdict] == 1


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_refused_before_it_can_be_counted(number: float | None) -> None:
    with pytest.raises(ValidationError):
        Scored(values={"right": number})  # type: ignore[dict-item]


def test_a_check_without_any_score_is_not_measured(tmp_path: Path) -> None:
    """A plan without the check's scores ends as not measured, not as an error."""
    folder = write_suite(tmp_path, n=20)
    inputs = PlanInputs(policy=policy(), suites=[str(folder)])
    made = make_plan(ScriptedRuntime(adds_right).subject, inputs, methods={"sums": Sums}, frameworks={})

    assert conclude(made, {}).outcome is Outcome.NOT_MEASURED
