"""Checks about a list itself: in plan, estimates, verdicts, and to the report."""

import json
from pathlib import Path
from types import MappingProxyType

import pytest
from scipy import stats

from tests.evidence.small_run import make_evidence
from tests.toys import Sums, adds_right, adds_wrong, default_check, policy, write_suite
from verify.cli.plans import explanation
from verify.engine import Concluded, Memory, Silent, conclude, decided_by, examine
from verify.errors import ContentError, EvidenceError, UsageError
from verify.evidence import layout, read_bundle, write_bundle
from verify.evidence.digests import file_digest, root_of
from verify.methods.catalogue import methods
from verify.methods.privacy.pii_in_output import PiiInOutput
from verify.planning import PlanInputs, Planned, make_plan
from verify.records import Generate, Outcome, Request, Response
from verify.runtime.scripted import ScriptedRuntime

FINITE = "    estimand: finite_list\n"


class CountedSums(Sums):
    """Sums that say what an item contributes."""

    item_values = MappingProxyType({"accuracy": "right", "error_rate": "wrong"})


class DrawnSums(CountedSums):
    """Sums whose answers are drawn at random."""

    def draws(self, items: object) -> bool:
        return True


def plan_of(folder: Path, *, method: type[Sums] = CountedSums, limit: int | None = None, **changes: object) -> Planned:
    inputs = PlanInputs(policy=policy(**changes), suites=[str(folder)], limit=limit)
    return make_plan(ScriptedRuntime(adds_right).subject, inputs, methods={"sums": method}, frameworks={})


def concluded(planned: Planned, answer=adds_right) -> Concluded:  # type: ignore[no-untyped-def]
    found = examine(
        planned.examinations, ScriptedRuntime(answer), Memory(), gate=lambda _, r: r, progress=Silent(),
        decided=decided_by(planned),
    )  # fmt: skip
    return conclude(planned, found.scores)


def wrong_below(first: int):  # type: ignore[no-untyped-def]
    """A subject that adds numbers below `first` wrongly."""

    def answer(request: Request) -> Response:
        assert isinstance(request, Generate) and request.prompt is not None
        return (adds_wrong if int(request.prompt.split("+")[0]) < first else adds_right)(request)

    return answer


def listed(folder: Path, **options: object) -> Path:
    bound = str(options.pop("bound", "{at_least: 0.8}"))
    return write_suite(folder, check=default_check(bound=bound, extra=FINITE), **options)  # type: ignore[arg-type]


def test_a_whole_list_is_decided_by_itself_and_one_item(tmp_path: Path) -> None:
    """100 sums, bound 0.8: 81 right pass (80 would, were one to fall), 80 and 79 are undecided, 78 fail."""
    planned = plan_of(listed(tmp_path, n=100))

    found = {wrong: concluded(planned, wrong_below(wrong)) for wrong in (19, 20, 21, 22)}

    assert [c.verdicts[0].verdict for c in found.values()] == [
        Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE, Outcome.FAIL,
    ]  # fmt: skip
    deciding = found[19].estimates[0]
    assert (deciding.estimand, deciding.method) == ("finite_list", "whole-list")
    assert deciding.interval == deciding.bounds == pytest.approx((0.80, 0.82))
    assert "the whole list, give or take one item" in found[19].verdicts[0].reason


def test_the_p_value_of_a_failed_list_is_that_of_the_list(tmp_path: Path) -> None:
    """78 of 100 fail a limit of .8 by the list; of a population that limit is met with a chance of .35 (binomial)."""
    (verdict,) = concluded(plan_of(listed(tmp_path, n=100)), wrong_below(22)).verdicts

    assert verdict.verdict is Outcome.FAIL
    assert verdict.holm_adjusted_p == pytest.approx(1e-12)  # nothing was sampled
    assert stats.binom.cdf(78, 100, 0.8) > 0.3


def test_the_p_value_of_a_failed_part_is_the_hypergeometric_tail(tmp_path: Path) -> None:
    """Oracle: scipy's hypergeometric, P(at most as many right among 30 drawn of a list of 60 with 48 right)."""
    planned = plan_of(listed(tmp_path, n=60, bound="{at_least: 0.8}"), limit=30)
    found = concluded(planned, wrong_below(22))
    right = round(found.estimates[0].value * 30)
    expected = stats.hypergeom.cdf(right, 60, 48, 30)

    assert found.verdicts[0].verdict is Outcome.FAIL
    assert 1e-6 < expected < 0.05
    assert found.verdicts[0].holm_adjusted_p == pytest.approx(expected, rel=0.02)


def test_a_whole_list_of_one_source_is_decided(tmp_path: Path) -> None:
    """About the population a single source says nothing; about the list itself it says all."""
    whole, population = listed(tmp_path / "a", n=40, clusters=1), write_suite(tmp_path / "b", n=40, clusters=1)

    assert concluded(plan_of(whole)).verdicts[0].verdict is Outcome.PASS
    assert concluded(plan_of(population)).verdicts[0].verdict is Outcome.NOT_MEASURED
    assert plan_of(whole).plan.checks[0].warnings == ()


def test_groups_of_a_listed_check_stay_about_the_population_and_say_so(tmp_path: Path) -> None:
    found = concluded(plan_of(listed(tmp_path, n=60)), wrong_below(3))

    said = {(e.metric, e.group): e.estimand for e in found.estimates}
    assert said["accuracy", None] == said["error_rate", None] == "finite_list"
    assert said["accuracy", "size=small"] == "super_population"


def test_a_limit_makes_it_a_random_part_with_exact_bounds(tmp_path: Path) -> None:
    """Oracle: `hypergeometric` of 50 of 60 by the statistics, which tests of their own hold to scipy."""
    planned = plan_of(listed(tmp_path, n=60, bound="{at_least: 0.9}"), limit=50)

    found = concluded(planned)

    check, estimate = planned.plan.checks[0], found.estimates[0]
    assert (check.estimand, check.n_available, check.n_clusters_available) == ("random_subset", 60, 60)
    assert (estimate.estimand, estimate.method) == ("random_subset", "hypergeometric")
    assert estimate.bounds[0] == pytest.approx(59 / 60)
    assert found.verdicts[0].verdict is Outcome.PASS
    population = plan_of(write_suite(tmp_path / "b", n=60, check=default_check(bound="{at_least: 0.95}")), limit=50)
    assert concluded(population).verdicts[0].verdict is Outcome.INCONCLUSIVE


def test_sources_of_a_random_part_are_corrected_for_how_many_the_list_has(tmp_path: Path) -> None:
    planned = plan_of(listed(tmp_path, n=120, clusters=40), limit=90)

    found = concluded(planned, wrong_below(12))

    assert found.estimates[0].method == "korn-graubard-fpc"
    check = planned.plan.checks[0]
    assert (check.n_clusters, check.n_clusters_available) == (30, 40)
    assert (
        check.power is not None
        and check.power.power
        > plan_of(write_suite(tmp_path / "b", n=120, clusters=40), limit=90).plan.checks[0].power.power
    )  # type: ignore[union-attr]


def test_the_cut_source_is_drawn_at_random_only_for_a_claim_about_the_list(tmp_path: Path) -> None:
    """Whatever the seed, a population's draw begins at the head of the cut source, a list's does not."""

    def last(folder: Path, seed: int) -> list[str]:
        inputs = PlanInputs(policy=policy(), suites=[str(folder)], limit=9, seed=seed)
        subject = ScriptedRuntime(adds_right).subject
        items = make_plan(subject, inputs, methods={"sums": CountedSums}, frameworks={}).examinations[0].items
        return [item.id for item in items if item.cluster_key == items[-1].cluster_key]

    population, finite = write_suite(tmp_path / "b", n=60, clusters=10), listed(tmp_path / "a", n=60, clusters=10)
    heads = [
        (last(folder, seed)[0], int(last(folder, seed)[0][1:]) < 10) for folder in (population,) for seed in range(8)
    ]
    assert all(first for _, first in heads)
    assert not all(int(last(finite, seed)[0][1:]) < 10 for seed in range(8))


def test_a_list_is_asked_in_full_also_where_the_policy_ends_early(tmp_path: Path) -> None:
    sequential = plan_of(write_suite(tmp_path / "a", n=200), sequential=True)
    finite = plan_of(listed(tmp_path / "b", n=200), sequential=True)

    assert sequential.plan.checks[0].stopping is not None
    assert finite.plan.checks[0].stopping is None
    assert "finite_list" in finite.plan.decision_rule
    assert "finite_list" not in sequential.plan.decision_rule


def test_the_plan_of_a_whole_list_has_no_chance_in_it(tmp_path: Path) -> None:
    check = plan_of(listed(tmp_path, n=100)).plan.checks[0]

    assert check.power is not None
    assert (check.power.power, check.power.detectable) == (1.0, pytest.approx(0.81, abs=0.001))
    part = next(n for n in range(1, 100) if stats.hypergeom.pmf(n, 100, 79, n) <= 0.05)
    assert check.n_to_pass == part  # a random part of the list, all right, is enough from here on


def test_a_list_whose_limit_is_one_item_from_the_best_is_told_so_before(tmp_path: Path) -> None:
    check = plan_of(listed(tmp_path, n=50, bound="{at_least: 0.99}")).plan.checks[0]

    assert "low_power" in check.cautions


@pytest.mark.parametrize(
    ("method", "extra", "error", "message"),
    [
        pytest.param(Sums, FINITE, ContentError, "no mean over items", id="no mean over items"),
        pytest.param(CountedSums, FINITE + "    open_ended: true\n", ContentError, "open-ended", id="open-ended"),
        pytest.param(DrawnSums, FINITE, UsageError, "the same again", id="drawn answers"),
    ],
)
def test_a_claim_about_a_list_that_cannot_be_made_is_refused(
    tmp_path: Path, method: type[Sums], extra: str, error: type[Exception], message: str
) -> None:
    folder = write_suite(tmp_path, check=default_check(extra=extra))

    with pytest.raises(error, match=message):
        plan_of(folder, method=method)


def test_drawn_answers_are_items_times_generations(tmp_path: Path) -> None:
    assert plan_of(write_suite(tmp_path), method=DrawnSums).plan.checks[0].estimand == "items_x_generations"


@pytest.mark.parametrize(("temperature", "drawn"), [(1.0, True), (0.0, False)])
def test_fishing_draws_its_answers_where_it_has_a_temperature(temperature: float, drawn: bool) -> None:
    assert PiiInOutput.make({"temperature": temperature}, seed=0).draws(()) is drawn
    assert not any(method.make({}, seed=0).draws(()) for name, method in methods().items() if name == "short-answer")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_verify_plan_names_the_estimand_of_each_check(tmp_path: Path, language: str) -> None:
    first = default_check(extra=FINITE)
    folder = write_suite(tmp_path, check=first + default_check().replace("id: sums", "id: others"))

    lines = explanation(plan_of(folder), policy(), language=language)

    assert any(line.endswith("(toys.sums)") and ("이 문항 목록" in line or "this very list" in line) for line in lines)
    assert any(line.endswith("(toys.others)") for line in lines)


@pytest.mark.parametrize("empty", [None, "", "population"])
def test_no_report_is_made_from_an_interval_that_does_not_say_what_it_is_about(
    tmp_path: Path, empty: str | None
) -> None:
    """The records refuse it, and a report reads nothing else: not even a bundle that was sealed so is shown."""
    write_bundle(tmp_path, make_evidence())
    file = tmp_path / layout.RESULTS
    results = json.loads(file.read_text("utf-8"))
    if empty is None:
        del results["estimates"][0]["estimand"]
    else:
        results["estimates"][0]["estimand"] = empty
    file.write_text(json.dumps(results), encoding="utf-8")
    sealed = json.loads((tmp_path / layout.MANIFEST).read_text("utf-8"))
    sealed["files"][layout.RESULTS] = file_digest(file)
    sealed["root"] = root_of(sealed["files"])
    (tmp_path / layout.MANIFEST).write_text(json.dumps(sealed), encoding="utf-8")

    with pytest.raises(EvidenceError, match="estimand"):
        read_bundle(tmp_path)  # what `verify report` renders
