"""The flow: what is asked once is not asked again, what is unfit is said first, and the bundle repeats itself."""

import json
import platform
import shutil
from pathlib import Path

import pytest

from tests.e2e.own_suite import write_suite
from verify import pipeline
from verify.errors import EvidenceError, UnknownNameError, UsageError
from verify.evidence import read_bundle
from verify.loading import load_policy
from verify.planning import PlanInputs
from verify.records import Generate, GenerateAnswer, Request, Response
from verify.runtime.scripted import ScriptedRuntime


def clerk(request: Request) -> Response:
    """Says a fee; which one depends on the request alone."""
    assert isinstance(request, Generate)
    return GenerateAnswer(text=f"{len(str(request.messages or request.prompt)) % 7}00원", finish="stop", n_tokens=2)


@pytest.fixture
def inputs(tmp_path: Path) -> PlanInputs:
    suite = write_suite(tmp_path / "ours", methods=["short-answer"], n=30)
    return PlanInputs(policy=load_policy("self-check"), suites=[str(suite)])


def test_the_same_run_again_asks_nothing_and_leaves_the_same_results(tmp_path: Path, inputs: PlanInputs) -> None:
    first = ScriptedRuntime(clerk)
    pipeline.run(first, inputs, out=tmp_path / "out")
    before = (tmp_path / "out" / "results.json").read_bytes()
    again = ScriptedRuntime(clerk)
    pipeline.run(again, inputs, out=tmp_path / "out")

    assert len(first.asked) == 30
    assert again.asked == []
    assert (tmp_path / "out" / "results.json").read_bytes() == before
    assert pipeline.audit(tmp_path / "out").differences == ()


def test_the_record_says_on_which_machine_it_was_decided_and_not_how_that_is_called(
    tmp_path: Path, inputs: PlanInputs
) -> None:
    pipeline.run(ScriptedRuntime(clerk), inputs, out=tmp_path / "out")

    conduct = read_bundle(tmp_path / "out").conduct
    assert conduct is not None
    assert {"ax-verify", "python", "system", "kernel", "cores", "memory"} <= set(conduct.environment)
    assert platform.node() not in conduct.environment.values()


def test_another_subject_does_not_get_the_answers_of_the_first(tmp_path: Path, inputs: PlanInputs) -> None:
    pipeline.run(ScriptedRuntime(clerk), inputs, out=tmp_path / "out")

    with pytest.raises(UsageError, match="another"):
        pipeline.run(ScriptedRuntime(clerk, name="another"), inputs, out=tmp_path / "out")


def test_the_default_folder_is_found_again_and_cannot_leave_its_place(
    tmp_path: Path, inputs: PlanInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "../../..//etc\x1b[2J 한글/" + "x" * 200

    one = pipeline.run(ScriptedRuntime(clerk, name=name), inputs)
    same = pipeline.run(ScriptedRuntime(clerk, name=name), inputs)
    other = pipeline.run(ScriptedRuntime(clerk, name=name), inputs._replace(seed=1))

    assert one.folder == same.folder != other.folder
    assert one.folder.resolve().parent == (tmp_path / "runs").resolve()


def test_an_audit_needs_the_folder_alone(tmp_path: Path, inputs: PlanInputs) -> None:
    pipeline.run(ScriptedRuntime(clerk), inputs, out=tmp_path / "out")
    shutil.rmtree(tmp_path / "ours")
    shutil.rmtree(tmp_path / "out" / ".run")
    (tmp_path / "out").rename(tmp_path / "elsewhere")

    assert pipeline.audit(tmp_path / "elsewhere").differences == ()


def test_an_audit_with_another_version_of_a_method_names_both(
    tmp_path: Path, inputs: PlanInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verify.methods.accuracy.short_answer import ShortAnswer

    pipeline.run(ScriptedRuntime(clerk), inputs, out=tmp_path / "out")
    monkeypatch.setattr(ShortAnswer, "version", ShortAnswer.version + 1)

    with pytest.raises(EvidenceError, match=rf"version {ShortAnswer.version - 1}; here is version"):
        pipeline.audit(tmp_path / "out")


def test_preflight_names_an_input_that_nothing_takes_and_a_folder_of_somebody_else(
    tmp_path: Path, inputs: PlanInputs
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("", encoding="utf-8")

    with pytest.raises(UsageError, match=r"letter\.txt"):
        pipeline.preflight(inputs, out=tmp_path / "home")
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["letter.txt"]
    with pytest.raises(UnknownNameError, match="canaris"):
        pipeline.preflight(inputs._replace(inputs={"canaris": tmp_path / "x"}))
    pipeline.preflight(inputs, out=tmp_path / "new")


def test_the_plan_lies_on_disk_before_the_first_request(tmp_path: Path, inputs: PlanInputs) -> None:
    seen: list[str] = []

    def looks(request: Request) -> Response:
        seen.append(json.loads((tmp_path / "out" / ".run" / "plan.json").read_text("utf-8"))["subject"])
        return clerk(request)

    pipeline.run(ScriptedRuntime(looks), inputs, out=tmp_path / "out")

    assert seen[0] == "scripted"
