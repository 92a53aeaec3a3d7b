"""The plan: names resolved, items drawn, error rates fixed, before any request."""

import json
from pathlib import Path

import pytest

from tests.toys import METHODS, adds_right, default_check, policy, write_suite
from verify.errors import ContentError, UnknownNameError, UsageError
from verify.planning import PlanInputs, Planned, lint_suite, make_plan
from verify.planning.power import n_to_pass
from verify.records import AccessLevel, Bound, BoundOverride, Levels, Text
from verify.runtime.scripted import ScriptedRuntime


def planned(folder: Path, **changes: object) -> Planned:
    subject = ScriptedRuntime(adds_right).subject
    fields: dict[str, object] = {"policy": policy(), "suites": [str(folder)], **changes}
    return make_plan(subject, PlanInputs(**fields), methods=METHODS, frameworks={})  # type: ignore[arg-type]


def test_the_plan_names_every_item_by_digest(tmp_path: Path) -> None:
    first = planned(write_suite(tmp_path / "a", n=20)).plan
    second = planned(write_suite(tmp_path / "b", n=21)).plan

    assert first.checks[0].n_items == 20
    assert first.checks[0].items_digest != second.checks[0].items_digest
    assert first.content_digest() != second.content_digest()


def test_the_plan_says_what_its_items_ask_about(tmp_path: Path) -> None:
    (suite,) = planned(write_suite(tmp_path)).plan.suites

    assert suite.summary == Text(ko="덧셈", en="Sums")  # as `write_suite` writes it


def test_the_same_inputs_make_the_same_plan(tmp_path: Path) -> None:
    folder = write_suite(tmp_path)

    assert planned(folder).plan.content_digest() == planned(folder).plan.content_digest()


def test_a_limit_draws_whole_clusters_at_random_and_by_seed(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, n=60, clusters=12)

    one, again, other = (planned(folder, limit=20, seed=seed) for seed in (1, 1, 2))

    assert len(one.examinations[0].items) == 20
    assert one.examinations[0].items == again.examinations[0].items
    assert one.examinations[0].items != other.examinations[0].items
    assert one.plan.checks[0].n_clusters == 4
    assert one.plan.checks[0].n_available == 60


def test_a_bound_on_the_wrong_side_of_its_metric_is_refused(tmp_path: Path) -> None:
    """at_least on an error rate would pass the worst subject (seen in the field: reversed grades)."""
    folder = write_suite(tmp_path, check=default_check(metric="error_rate", bound="{at_least: 0.1}"))

    with pytest.raises(ContentError, match="its bound must be at_most"):
        planned(folder)


@pytest.mark.parametrize(
    ("check", "part"),
    [
        pytest.param(default_check(metric="acuracy"), "did you mean 'accuracy'", id="unknown metric"),
        pytest.param(
            default_check().replace("method: sums", "method: sum"), "did you mean 'sums'", id="unknown method"
        ),
        pytest.param(default_check(bound="{at_least: 1.5}"), "outside the range", id="bound out of range"),
        pytest.param(default_check(extra="    parameters: {agian: true}\n"), "agian", id="unknown parameter"),
        pytest.param(default_check().replace("sums.jsonl", "none.jsonl"), "match no file", id="no such items"),
    ],
)
def test_a_broken_check_is_named_with_file_and_reason(tmp_path: Path, check: str, part: str) -> None:
    with pytest.raises(ContentError, match=part) as caught:
        planned(write_suite(tmp_path, check=check))

    assert caught.value.file.endswith("suite.yaml")


def test_two_items_with_one_id_are_refused_with_both_places(tmp_path: Path) -> None:
    row = json.dumps({"id": "s", "a": 1, "b": 2})

    with pytest.raises(ContentError, match=r"used before \(sums\.jsonl:1\)") as caught:
        planned(write_suite(tmp_path, rows=[row, row]))

    assert caught.value.line == 2


def test_an_item_field_of_the_wrong_type_names_file_line_and_field(tmp_path: Path) -> None:
    rows = [json.dumps({"id": "s", "a": 1, "b": 2}), json.dumps({"id": "t", "a": "x", "b": 2})]

    with pytest.raises(ContentError) as caught:
        planned(write_suite(tmp_path, rows=rows))

    assert (caught.value.line, caught.value.field) == (2, "a")


def test_lint_finds_all_faults_at_once(tmp_path: Path) -> None:
    rows = [json.dumps({"id": "s", "a": 1}), json.dumps({"id": "t", "a": 1, "b": 2, "c": 3}), "{"]
    folder = write_suite(tmp_path, rows=rows[:2])
    (folder / "CARD.md").unlink()

    faults = lint_suite(str(folder), methods=METHODS)

    assert len(faults) == 3
    assert [getattr(f, "line", None) for f in faults[1:]] == [1, 2]


def test_a_subject_that_cannot_answer_leaves_the_check_not_measured_with_the_reason(tmp_path: Path) -> None:
    subject = ScriptedRuntime(adds_right, access=AccessLevel.TEXT, answers=("classify",)).subject
    inputs = PlanInputs(policy=policy(), suites=[str(write_suite(tmp_path))])

    check = make_plan(subject, inputs, methods=METHODS, frameworks={}).plan.checks[0]

    assert check.not_measured is not None
    assert "generate" in check.not_measured
    assert check.n_items == 0


def test_a_policy_bound_replaces_the_suites_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    folder = write_suite(tmp_path)
    strict = policy(bounds=(BoundOverride(check="toys.sums", bound=Bound(at_least=0.95)),))
    wrong = policy(bounds=(BoundOverride(check="toys.sum", bound=Bound(at_least=0.95)),))
    backwards = policy(bounds=(BoundOverride(check="toys.sums", bound=Bound(at_most=0.95)),))

    assert planned(folder, policy=strict).plan.checks[0].bound.value == 0.95
    with pytest.raises(UnknownNameError):
        planned(folder, policy=wrong)
    with pytest.raises(UsageError):
        planned(folder, policy=backwards)


@pytest.mark.parametrize(("p", "n"), [(0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_items_needed_without_a_failure_are_the_rule_of_three(p: float, n: int) -> None:
    """Oracle: 1 - 0.05**(1/n) >= p for n = 29, 59, 299, 2995 (facts, M2)."""
    metric = METHODS["sums"].metrics[0]

    assert n_to_pass(metric, Bound(at_least=p), levels=Levels()) == n


def test_a_check_that_cannot_decide_says_so_before_the_run(tmp_path: Path) -> None:
    check = planned(write_suite(tmp_path, n=10)).plan.checks[0]

    assert any("faultless subject needs 14" in warning for warning in check.warnings)


def test_a_check_that_only_fails_asks_for_no_more_sources(tmp_path: Path) -> None:
    text = default_check(metric="error_rate", bound="{at_most: 0.05}", extra="    open_ended: true\n")

    check = planned(write_suite(tmp_path, n=10, check=text)).plan.checks[0]

    assert check.cautions == ("open_ended",)
    assert check.n_to_pass is None
    assert check.power is not None
    assert (check.power.detectable, check.power.power, check.power.needed) == (None, 0.0, None)


def test_a_bound_at_the_ideal_value_is_called_out(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, check=default_check(bound="{at_least: 1.0}"))

    assert any("ideal value itself" in w for w in planned(folder).plan.checks[0].warnings)
