"""`--suite lm-eval/TASK`, `--bound` and `--data-root` as a user has them."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_item_values import noise
from tests.e2e.commands import QUICK, here
from tests.methods.lm_eval.rows import write_root
from verify import loading, pipeline
from verify.errors import UnknownNameError, UsageError
from verify.methods.catalogue import methods
from verify.methods.lm_eval.suite import check_id
from verify.planning import PlanInputs, lint_suite, make_plan
from verify.records import LogLikelihood, LogLikelihoodAnswer, Request, Response
from verify.runtime.scripted import ScriptedRuntime

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


def inputs(*suites: str, root: Path | None, **changes: Any) -> PlanInputs:
    return PlanInputs(policy=loading.load_policy("self-check"), suites=suites, data_root=root, **changes)


def planned(given: PlanInputs) -> Any:
    return make_plan(ScriptedRuntime(noise).subject, given, methods=methods(), frameworks={})


def test_several_tasks_are_one_suite_and_the_bound_is_the_value_of_guessing(root: Path) -> None:
    plan = planned(inputs("lm-eval/kobest", "lm-eval/haerae_general_knowledge", root=root)).plan

    assert [check.name for check in plan.checks] == ["lm-eval.kobest", "lm-eval.haerae_general_knowledge"]
    halves = (16 + 9 + 8 + 8) / 2 + 10 / 4
    assert plan.checks[0].bound.at_least == pytest.approx(halves / 51)
    assert plan.checks[1].bound.at_least == 0.2
    assert plan.checks[0].n_items == 51


def test_a_tag_gives_a_check_for_each_task(root: Path) -> None:
    with pytest.raises(UsageError, match=r"--bound lm-eval\.lambada_openai=VALUE \(lower is better\)"):
        planned(inputs("lm-eval/lambada", root=root))
    bounds = {"lm-eval.lambada_openai": 30.0, "lm-eval.lambada_standard": 40.0}

    plan = planned(inputs("lm-eval/lambada", root=root, bounds=bounds)).plan

    assert {check.name: check.bound.at_most for check in plan.checks} == bounds


def test_a_given_bound_goes_before_all_others_and_into_the_plan(root: Path) -> None:
    without = planned(inputs("accuracy", root=None)).plan
    plan = planned(inputs("accuracy", root=None, bounds={"accuracy.passages": 0.9})).plan

    assert next(c for c in plan.checks if c.name == "accuracy.passages").bound.at_least == 0.9
    assert plan.content_digest() != without.content_digest()


def test_a_plan_names_the_version_of_lm_eval_where_a_check_is_made_of_it(root: Path) -> None:
    with_task = planned(inputs("lm-eval/kobest", root=root, limit=8)).plan
    without = planned(inputs("accuracy", root=None, limit=8)).plan

    assert with_task.engine["lm-eval"] == importlib.metadata.version("lm-eval")
    assert set(without.engine) == {"ax-verify", "python"}


@pytest.mark.parametrize("bounds", [{"accuracy.passage": 0.9}, {"accuracy.passages": 1.5}])
def test_a_bound_that_fits_no_check_is_found_before_a_subject_is_opened(bounds: dict[str, float]) -> None:
    with pytest.raises(UnknownNameError if "accuracy.passage" in bounds else UsageError, match="passage"):
        pipeline.preflight(inputs("accuracy", root=None, bounds=bounds))


@pytest.mark.parametrize("text", ["accuracy.passages", "=0.3", "accuracy.passages=high", "accuracy.passages=nan"])
def test_a_bound_is_written_as_check_and_value(text: str) -> None:
    said = here("plan", "./nowhere", "--suite", "accuracy", "--bound", text)

    assert (said.code, "SUITE.CHECK=VALUE" in said.err) == (2, True)


def test_without_the_data_nothing_is_opened_and_the_terminal_says_what_to_mirror(tmp_path: Path) -> None:
    said = here("run", "./nowhere", "--suite", "lm-eval/kobest", "--data-root", tmp_path)

    assert said.code == 2
    assert "skt/kobest_v1, 5 configurations" in said.err
    assert "hf download skt/kobest_v1" in said.err


def test_the_list_of_suites_has_the_korean_tasks() -> None:
    listed, shown = here("suites"), here("suites", "show", "lm-eval/kobest")

    assert listed.code == shown.code == 0
    assert "HAERAE-HUB/KMMLU (45)" in listed.out
    assert "skt/kobest_v1: boolq, copa, hellaswag, sentineg, wic; test, train" in shown.out


def test_a_limit_draws_documents_of_the_whole_run(root: Path) -> None:
    whole = planned(inputs("lm-eval/kobest", root=root)).examinations[0].items
    few = planned(inputs("lm-eval/kobest", root=root, limit=12)).examinations[0].items
    other = planned(inputs("lm-eval/kobest", root=root, limit=12, seed=1)).examinations[0].items

    assert len(few) == len(other) == 12
    assert {i.content_digest() for i in few} < {i.content_digest() for i in whole}
    assert [i.id for i in few] != [i.id for i in other]


def test_a_check_names_files_or_its_method_brings_items(tmp_path: Path) -> None:
    from tests.e2e.own_suite import write_suite

    folder = write_suite(tmp_path, methods=["lm-eval", "short-answer"])
    file = folder / "suite.yaml"
    text = file.read_text("utf-8")
    both = text.replace("items: []", "items: [items/answers.jsonl]")
    neither = text.replace("    items: [items/answers.jsonl]\n", "")

    assert lint_suite(str(folder), methods=methods()) == []
    file.write_text(both, encoding="utf-8")
    assert "brings its own items" in str(lint_suite(str(folder), methods=methods())[0])
    file.write_text(neither, encoding="utf-8")
    assert "name the check's files" in str(lint_suite(str(folder), methods=methods())[0])


def knows(request: Request) -> Response:
    """A subject that prefers the option A."""
    assert isinstance(request, LogLikelihood)
    return LogLikelihoodAnswer(logprob=-1.0 if request.continuation == " A" else -2.0, n_tokens=1, is_greedy=False)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (SHARED / "kmmlu").is_dir(), reason="KMMLU does not lie beside the repository")
def test_kmmlu_runs_whole_as_it_lies(tmp_path: Path) -> None:
    """Oracle: the share of A among the keys of all 45 test files, counted with the standard library's csv."""
    import csv

    answers = [
        row["answer"]
        for file in sorted((SHARED / "kmmlu").glob("*-test.csv"))
        for row in csv.DictReader(file.open("r"))
    ]
    runtime = ScriptedRuntime(knows)

    ran = pipeline.run(runtime, inputs("lm-eval/kmmlu", root=SHARED / "kmmlu"), out=tmp_path / "bundle")

    (check,) = ran.plan.checks
    assert check.n_items == check.n_available == len(answers) == 35_030
    overall = {(e.metric, e.group): e for e in ran.results.estimates}
    assert overall["acc", None].value == pytest.approx(answers.count("1") / 35_030, abs=1e-12)
    assert sum((group or "").startswith("task=") for _, group in overall) == 45
    assert sum((group or "").startswith("group=") for _, group in overall) == 4


def test_ids_of_checks_are_fit_for_paths() -> None:
    assert check_id("belebele_kor_Hang") == "belebele_kor_hang"
    assert check_id("mmlu::x/../y") == "mmlu--x----y"
    assert len(check_id("x" * 200)) == 64


@pytest.mark.slow
def test_a_run_by_the_command_line_audits_and_reports(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.runtime.causal import tiny

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VERIFY_DATA_ROOT", str(root))
    tiny.save("llama", tmp_path, max_position_embeddings=2048)

    said = here(
        "run",
        "./llama",
        "--suite",
        "lm-eval/kobest_boolq",
        "--bound",
        "lm-eval.kobest_boolq=0.99",
        "--out",
        "b",
        *QUICK,
    )

    assert said.code in {1, 3}, said.err
    results = json.loads((tmp_path / "b/results.json").read_text("utf-8"))
    assert results["verdicts"][0]["bound"]["at_least"] == 0.99
    assert {e["metric"] for e in results["estimates"]} == {"acc", "f1"}
    assert here("audit", "b").code == 0
