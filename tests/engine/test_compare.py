"""Two runs of the toy suite, compared: what is refused, what is decided, what is shown."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.toys import Sums, adds_right, default_check, policy, write_suite
from verify.engine import Memory, Silent, conclude, examine
from verify.engine.compare import compare
from verify.errors import EvidenceError, NotComparableError, UnknownNameError, UsageError
from verify.methods.estimating import Pick
from verify.planning import PlanInputs, make_plan
from verify.records import (
    AccessLevel,
    Change,
    ChangeReason,
    ComparedCheck,
    Comparison,
    Failed,
    FailureReason,
    Generate,
    GenerateAnswer,
    ItemScore,
    KeptResponse,
    Manifest,
    Margin,
    Particular,
    Plan,
    PlannedItem,
    Policy,
    Request,
    Response,
    Results,
    Subject,
    digest_of,
)
from verify.runtime.scripted import ScriptedRuntime
from verify.statistics import clopper_pearson


class Adding(Sums):
    """The toy method, comparable item by item."""

    item_values = MappingProxyType[str, str | Pick]({"accuracy": "right", "error_rate": "wrong"})


class NextSums(Adding):
    """The toy method in another version."""

    version = 2


class WholeSums(Sums):
    """The toy method, if its metrics were no means over items."""

    item_values = MappingProxyType[str, str | Pick]({})


METHODS = {"sums": Adding}
MARGIN = policy(default_margin=0.05)


@dataclass(frozen=True)
class Run:
    """A run in memory, in the form of a bundle."""

    plan: Plan
    subject: Subject
    results: Results
    manifest: Manifest
    kept_items: tuple[PlannedItem, ...]
    kept_responses: tuple[KeptResponse, ...]
    kept_scores: tuple[ItemScore, ...]

    def items(self) -> Iterator[PlannedItem]:
        return iter(self.kept_items)

    def responses(self) -> Iterator[KeptResponse]:
        return iter(self.kept_responses)

    def scores(self) -> Iterator[ItemScore]:
        return iter(self.kept_scores)


def wrong_on(*numbers: int, failing: tuple[int, ...] = ()) -> Callable[[Request], Response]:
    """A subject that adds wrongly, or not at all, where the first number is one of these."""

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate) and request.prompt is not None
        first = int(request.prompt.split("+")[0])
        if first in failing:
            return Failed(reason=FailureReason.TIMEOUT)
        right = adds_right(request)
        assert isinstance(right, GenerateAnswer)
        return right.model_copy(update={"text": right.text + "0"}) if first in numbers else right

    return answer


def run(
    suite: Path,
    answer: Callable[[Request], Response],
    *,
    name: str,
    seed: int = 0,
    access: AccessLevel = AccessLevel.WEIGHTS,
    methods: dict[str, type[Sums]] | None = None,
    run_policy: Policy = MARGIN,
    **changes: object,
) -> Run:
    runtime = ScriptedRuntime(answer, name=name, access=access)
    inputs = PlanInputs(policy=run_policy, suites=[str(suite)], seed=seed, **changes)  # type: ignore[arg-type]
    planned = make_plan(runtime.subject, inputs, methods=methods or METHODS, frameworks={})
    examined = examine(planned.examinations, runtime, Memory(), gate=lambda _, response: response, progress=Silent())
    return Run(
        plan=planned.plan,
        subject=runtime.subject,
        results=conclude(planned, examined.scores).as_results(planned.plan),
        manifest=Manifest(files={}, root=digest_of(name)),
        kept_items=tuple(PlannedItem.of(e.check.name, item) for e in planned.examinations for item in e.items),
        kept_responses=examined.exchanges,
        kept_scores=tuple(score for e in planned.examinations for score in examined.scores[e.check.name]),
    )


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "suite", n=200)


def compared(before: Run, after: Run, with_policy: Policy = MARGIN, **changes: object) -> Comparison:
    return compare(before, after, policy=with_policy, methods=METHODS, **changes)  # type: ignore[arg-type]


def the_check(found: Comparison) -> ComparedCheck:
    (check,) = found.checks
    return check


def test_a_release_that_answers_alike_is_no_worse(suite: Path) -> None:
    found = compared(run(suite, wrong_on(1), name="old"), run(suite, wrong_on(1), name="new"))

    assert found.outcome is Change.NO_WORSE
    assert the_check(found).code is ChangeReason.MARGIN_EXCLUDED
    assert found.margins_planned
    assert the_check(found).regressions == the_check(found).improvements == ()


def test_a_planted_worsening_is_found_and_its_items_are_named(suite: Path) -> None:
    """Known truth: 30 of 200 sums are wrong in the new release only, 2 in the old one only."""
    worse = tuple(range(50, 80))
    found = compared(run(suite, wrong_on(3, 4), name="old"), run(suite, wrong_on(*worse), name="new"))
    check = the_check(found)

    assert found.outcome is check.outcome is Change.WORSE
    assert {m.item for m in check.regressions} == {f"s{k}" for k in worse}
    assert {m.item for m in check.improvements} == {"s3", "s4"}
    assert check.test is not None
    assert check.test.gain == pytest.approx(-28 / 200)
    assert check.before is not None and check.after is not None
    assert check.after.value - check.before.value == pytest.approx(check.test.gain)


def test_the_mirror_image_is_an_improvement(suite: Path) -> None:
    old, new = run(suite, wrong_on(*range(50, 80)), name="old"), run(suite, wrong_on(), name="new")

    assert the_check(compared(old, new)).outcome is Change.NO_WORSE
    assert len(the_check(compared(old, new)).improvements) == 30


def test_lower_is_better_where_the_metric_says_so(tmp_path: Path) -> None:
    check = default_check(metric="error_rate", bound="{at_most: 0.2}")
    suite = write_suite(tmp_path, n=200, check=check)
    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(*range(50, 80)), name="new")

    assert the_check(compared(old, new)).outcome is Change.WORSE
    assert the_check(compared(new, old)).outcome is Change.NO_WORSE


def test_an_example_shows_what_both_releases_were_asked_and_answered(suite: Path) -> None:
    found = compared(run(suite, wrong_on(), name="old"), run(suite, wrong_on(7), name="new"), examples=1)
    (example,) = the_check(found).examples

    assert (example.item, example.better) == ("s7", False)
    (old,), (new,) = example.exchanges_before, example.exchanges_after
    assert isinstance(old.request, Generate) and old.request == new.request
    assert old.request.prompt == "7+14="
    assert isinstance(old.response, GenerateAnswer) and isinstance(new.response, GenerateAnswer)
    assert (old.response.text, new.response.text) == ("21", "210")
    assert (
        the_check(compared(run(suite, wrong_on(), name="a"), run(suite, wrong_on(7), name="b"), examples=0)).examples
        == ()
    )


def test_scores_that_one_release_lacks_are_counted_and_may_leave_it_open(suite: Path) -> None:
    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(failing=tuple(range(8))), name="new")
    check = the_check(compared(old, new))

    assert (check.unscored_before, check.unscored_after, check.unscored_both) == (0, 8, 0)
    assert check.code is ChangeReason.DEPENDS_ON_UNSCORED
    assert check.worst_case is not None and check.worst_case.n_pairs == 200


def test_what_neither_release_has_a_score_for_says_nothing_of_a_change(suite: Path) -> None:
    old, new = (run(suite, wrong_on(failing=tuple(range(8))), name=name) for name in ("old", "new"))
    check = the_check(compared(old, new))

    assert check.unscored_both == 8
    assert check.outcome is Change.NO_WORSE
    assert check.test is not None and check.test.n_pairs == 192


def test_too_many_lost_pairs_are_not_comparable(suite: Path) -> None:
    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(failing=tuple(range(30))), name="new")
    check = the_check(compared(old, new))

    assert check.code in {ChangeReason.TOO_MANY_LOST, ChangeReason.NOT_MEASURED}
    assert check.outcome is Change.NOT_COMPARABLE
    assert "30 of 200 pairs lack a score" in check.reason


@pytest.mark.parametrize("what", ["seed", "access level"])
def test_runs_under_other_conditions_are_refused_by_name(suite: Path, what: str) -> None:
    old = run(suite, wrong_on(), name="old")
    new = (
        run(suite, wrong_on(), name="new", seed=1)
        if what == "seed"
        else run(suite, wrong_on(), name="new", access=AccessLevel.TEXT)
    )

    with pytest.raises(UsageError, match=what):
        compared(old, new)


def test_other_items_are_named_and_not_compared(tmp_path: Path) -> None:
    old = run(write_suite(tmp_path / "a", n=200), wrong_on(), name="old")
    new = run(write_suite(tmp_path / "b", n=199), wrong_on(), name="new")

    with pytest.raises(NotComparableError, match=r"toys\.sums: n_items \(200 before, 199 after\).*items_digest"):
        compared(old, new)


def test_one_check_with_other_items_is_named_beside_those_that_are_compared(tmp_path: Path) -> None:
    more = default_check().replace("id: sums", "id: more")
    old = run(write_suite(tmp_path / "a", n=200, check=default_check() + more), wrong_on(), name="old")
    again = more + "    parameters: {again: true}\n"
    new = run(write_suite(tmp_path / "b", n=200, check=default_check() + again), wrong_on(), name="new")
    sums, other = compared(old, new).checks

    assert sums.outcome is Change.NO_WORSE
    assert (other.outcome, other.code) == (Change.NOT_COMPARABLE, ChangeReason.MEASURED_OTHERWISE)
    assert other.differences == ("parameters.again: False -> True",)
    assert other.particulars == (Particular(name="parameters.again", before="False", after="True"),)
    assert other.test is None


def test_other_parameters_are_named_and_not_compared(tmp_path: Path) -> None:
    old = run(write_suite(tmp_path / "a", n=200), wrong_on(), name="old")
    again = default_check(extra="    parameters: {again: true}\n")
    new = run(write_suite(tmp_path / "b", n=200, check=again), wrong_on(), name="new")

    with pytest.raises(NotComparableError, match=r"parameters\.again \(False before, True after\)"):
        compared(old, new)


def test_another_version_of_the_method_is_not_compared(suite: Path) -> None:
    old = run(suite, wrong_on(), name="old")
    new = run(suite, wrong_on(), name="new", methods={"sums": NextSums})

    with pytest.raises(NotComparableError, match=r"method_version \(1 before, 2 after\)"):
        compared(old, new)
    with pytest.raises(NotComparableError, match=r"method_here \(sums 1 before, version 2 after\)"):
        compare(old, old, policy=MARGIN, methods={"sums": NextSums})


class SignedSums(Sums):
    """The toy method, if a metric were the size of a signed mean: right is +1, wrong -1."""

    metrics = tuple(metric.model_copy(update={"scores": (-1.0, 1.0)}) for metric in Sums.metrics)
    item_sizes = MappingProxyType[str, str | Pick]({"error_rate": lambda _, scored: scored.values["wrong"] * 2.0 - 1.0})


def test_the_size_of_a_signed_mean_is_compared_item_by_item(tmp_path: Path) -> None:
    """Known truth: 50, 150 and 190 of 200 wrong are means of -0.5, +0.5 and +0.9."""
    check = default_check(metric="error_rate", bound="{at_most: 0.9}")
    suite = write_suite(tmp_path, n=200, check=check)
    half, mirror, most = (range(50), range(150), range(190))
    runs = [run(suite, wrong_on(*wrong), name=f"r{len(wrong)}") for wrong in (half, mirror, most)]
    first, second, third = runs

    alike = the_check(compare(first, second, policy=policy(default_margin=0.3), methods={"sums": SignedSums}))
    worse = the_check(compare(first, third, policy=policy(default_margin=0.1), methods={"sums": SignedSums}))

    assert alike.test is not None and worse.test is not None
    assert alike.test.gain == pytest.approx(0.0)
    assert alike.outcome is Change.NO_WORSE
    assert worse.test.gain == pytest.approx(0.5 - 0.9)
    assert worse.outcome is Change.WORSE


def test_one_subject_is_asked_whether_it_is_equivalent(suite: Path) -> None:
    old, again = run(suite, wrong_on(1), name="one"), run(suite, wrong_on(1, 2), name="one")
    far = run(suite, wrong_on(*range(40)), name="one")

    near, other = compared(old, again), compared(old, far)

    assert near.one_subject
    p, apart = the_check(near).p_equivalence, the_check(other).p_equivalence
    assert p is not None and p <= 0.05
    assert apart is not None and apart > 0.05
    assert the_check(compared(old, run(suite, wrong_on(1), name="two"))).p_equivalence is None


def test_few_sources_get_no_power_and_no_detection_limit(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "few", n=5)
    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(), name="new")
    check = the_check(compared(old, new))

    assert check.code is ChangeReason.FEW_CLUSTERS
    assert (check.power, check.minimum_detectable, check.warnings) == (None, None, ())


def test_a_metric_without_item_values_is_compared_by_both_intervals(suite: Path) -> None:
    """Oracle: Clopper-Pearson of 199 and 198 of 200, squares added (MOVER)."""
    old, new = run(suite, wrong_on(1), name="old"), run(suite, wrong_on(2, 3), name="new")
    check = the_check(compare(old, new, policy=MARGIN, methods={"sums": WholeSums}))
    one, two = (clopper_pearson(right, 200, confidence=0.9) for right in (199, 198))

    assert check.test is not None and check.test.method == "two-intervals"
    assert check.test.gain == pytest.approx(-0.005)
    low = -0.005 - math.hypot(0.99 - two.low, one.high - 0.995)
    assert check.test.bounds[0] == pytest.approx(low)
    assert (check.outcome is Change.NO_WORSE) == (low > -0.05)
    assert check.code is ChangeReason.MARGIN_EXCLUDED


def test_a_metric_without_item_values_stands_side_by_side_where_items_lack_a_score(suite: Path) -> None:
    old, new = run(suite, wrong_on(1), name="old"), run(suite, wrong_on(2, 3, failing=(9,)), name="new")
    check = the_check(compare(old, new, policy=MARGIN, methods={"sums": WholeSums}))

    assert check.code is ChangeReason.NO_ITEM_VALUE
    assert check.before is not None and check.after is not None
    assert check.before.value == 0.995


@pytest.mark.parametrize("method", [Adding, WholeSums])
def test_the_same_subject_with_the_same_scores_is_no_worse_however_few_they_are(
    suite: Path, method: type[Sums]
) -> None:
    """A release engineer compares a release with itself: nothing is open, whatever a margin would ask of others."""
    old = run(suite, wrong_on(1), name="old")
    check = the_check(compare(old, old, policy=policy(default_margin=0.001), methods={"sums": method}))

    assert (check.outcome, check.code) == (Change.NO_WORSE, ChangeReason.SAME_SCORES)


def test_a_check_that_one_release_was_not_asked_is_not_compared(tmp_path: Path) -> None:
    two = default_check() + default_check().replace("id: sums", "id: more")
    old = run(write_suite(tmp_path / "a", n=200), wrong_on(), name="old")
    new = run(write_suite(tmp_path / "b", n=200, check=two), wrong_on(), name="new")
    found = compared(old, new)

    assert {c.check: c.outcome for c in found.checks} == {
        "toys.sums": Change.NO_WORSE,
        "toys.more": Change.NOT_COMPARABLE,
    }
    assert found.outcome is Change.NOT_COMPARABLE


def test_a_gate_without_power_at_its_margin_says_so(suite: Path) -> None:
    found = compared(
        run(suite, wrong_on(*range(10)), name="old"),
        run(suite, wrong_on(*range(10, 20)), name="new"),
        policy(default_margin=0.03),
    )
    check = the_check(found)

    assert check.power is not None and check.power < 0.8
    assert any("power" in warning for warning in check.warnings)
    assert not found.margins_planned


def test_a_checks_own_margin_decides(suite: Path) -> None:
    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(*range(3)), name="new")
    wide = policy(margins=(Margin(check="toys.sums", margin=0.1),))

    assert the_check(compared(old, new, policy(default_margin=0.03))).outcome is Change.INCONCLUSIVE
    assert the_check(compared(old, new, wide)).outcome is Change.NO_WORSE
    assert the_check(compared(old, new, wide)).margin == 0.1


def test_a_margin_for_a_check_that_is_not_there_is_refused(suite: Path) -> None:
    old = run(suite, wrong_on(), name="old")

    with pytest.raises(UnknownNameError, match=r"toys\.sum"):
        compared(old, old, policy(margins=(Margin(check="toys.sum", margin=0.1),)))


def test_a_margin_as_wide_as_the_metric_is_refused(suite: Path) -> None:
    old = run(suite, wrong_on(), name="old")

    with pytest.raises(UsageError, match="whole range"):
        compared(old, old, policy(default_margin=1.0))


def test_a_check_that_ended_early_is_not_compared(suite: Path) -> None:
    old = run(suite, wrong_on(), name="old")
    stopped = Run(**{**vars(old), "kept_scores": old.kept_scores[:64]})
    check = the_check(compared(old, stopped))

    assert check.code is ChangeReason.ENDED_EARLY
    assert "64 of 200" in check.reason and "--no-sequential" in check.reason


def test_two_scores_for_one_repeat_are_a_contradiction(suite: Path) -> None:
    old = run(suite, wrong_on(), name="old")
    twice = Run(**{**vars(old), "kept_scores": (*old.kept_scores, old.kept_scores[0])})

    with pytest.raises(EvidenceError, match="two scores"):
        compared(old, twice)


def test_repeats_of_an_item_are_paired_one_by_one_and_clustered(suite: Path) -> None:
    def repeated(one: Run) -> Run:
        scores = tuple(s.model_copy(update={"repeat": k}) for s in one.kept_scores for k in range(3))
        return Run(**{**vars(one), "kept_scores": scores})

    old, new = run(suite, wrong_on(), name="old"), run(suite, wrong_on(5), name="new")
    once, thrice = the_check(compared(old, new)).test, the_check(compared(repeated(old), repeated(new))).test

    assert once is not None and thrice is not None
    assert (thrice.n_pairs, thrice.n_clusters) == (600, 200)
    assert thrice.gain == pytest.approx(once.gain)
    assert thrice.bounds[0] <= once.bounds[0] + 0.005, "repeats of an item are no further items"


def test_the_record_survives_its_own_json(suite: Path) -> None:
    found = compared(run(suite, wrong_on(), name="old"), run(suite, wrong_on(7), name="new"))

    assert Comparison.model_validate_json(found.model_dump_json(by_alias=True)) == found
    assert found.to_json()["schema"] == "ax-verify/comparison/1"


def test_what_neither_release_measured_does_not_count_where_the_policy_allows_it(tmp_path: Path) -> None:
    """Known truth: one check passes, the other was measured in neither release; alone it allows no outcome."""
    suite = write_suite(tmp_path, n=200, check=default_check() + default_check().replace("id: sums", "id: more"))
    old, new = (absent(run(suite, wrong_on(), name=name), "toys.more") for name in ("old", "new"))
    strict, lenient = policy(default_margin=0.05), policy(default_margin=0.05, allow=("not_measured",))

    assert compared(old, new, strict).outcome is Change.NOT_COMPARABLE
    assert compared(old, new, lenient).outcome is Change.NO_WORSE
    assert compared(old, new, lenient).waived == ("toys.more",)
    assert compared(run(suite, wrong_on(), name="old"), new, lenient).outcome is Change.NOT_COMPARABLE
    both = [absent(each, "toys.sums") for each in (old, new)]
    assert compared(*both, lenient).outcome is Change.NOT_COMPARABLE


def absent(found: Run, name: str) -> Run:
    """The run, if one of its checks had not been measured."""
    checks = tuple(
        check.model_copy(update={"not_measured": "no canaries", "not_measured_code": "input_missing"})
        if check.name == name
        else check
        for check in found.plan.checks
    )
    return replace(found, plan=found.plan.model_copy(update={"checks": checks}))
