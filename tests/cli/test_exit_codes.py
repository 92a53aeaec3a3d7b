"""The contract of `verify run`: what each exit code means, on a subject that is reached through recorded answers.

A script plays the model: it reads the exported requests and answers them, rightly or wrongly.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.commands import QUICK, here, start
from tests.e2e.own_suite import write_suite

N = 40


def right(question: str) -> str:
    """The fee that stands in the notice."""
    found = re.search(r"수수료는 (\d+원)입니다", question)
    assert found is not None
    return found.group(1)


def wrong(question: str) -> str:
    return "7원" if right(question) != "7원" else "8원"


def half(question: str) -> str:
    return right(question) if int(right(question)[:-3]) % 2 else wrong(question)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_suite(tmp_path / "ours", methods=["short-answer"], n=N)


def answered(suite: Path, script: Callable[[str], str]) -> Path:
    """Export the requests, let the script answer them, return the file of answers."""
    requests, answers = suite.parent / "requests.jsonl", suite.parent / f"{script.__name__}.jsonl"
    assert here("export", "--out", requests, "--suite", suite).code == 0
    with answers.open("w", encoding="utf-8") as stream:
        for line in requests.read_text("utf-8").splitlines():
            asked = json.loads(line)
            body = asked["body"]
            question = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
            choice = {"message": {"role": "assistant", "content": script(question)}, "finish_reason": "stop"}
            if "prompt" in body:
                choice = {"text": script(question), "finish_reason": "stop"}
            response = {"status_code": 200, "body": {"choices": [choice], "usage": {"completion_tokens": 3}}}
            stream.write(json.dumps({"custom_id": asked["custom_id"], "response": response, "error": None}) + "\n")
    return answers


def run(suite: Path, answers: Path, *more: object) -> tuple[int, str, Path]:
    out = suite.parent / "bundle"
    said = here("run", f"recorded:{answers}", "--suite", suite, "--out", out, *QUICK, *more)
    return said.code, said.out + said.err, out


def test_right_answers_pass_with_0(suite: Path) -> None:
    code, _, out = run(suite, answered(suite, right))

    assert code == 0
    assert json.loads((out / "results.json").read_text("utf-8"))["outcome"] == "pass"
    assert here("audit", out).code == 0


def test_wrong_answers_fail_with_1_and_say_what_to_do(suite: Path) -> None:
    code, text, _ = run(suite, answered(suite, wrong))

    assert code == 1
    assert "고친다" in text


def test_an_undecided_check_is_3_unless_allowed(suite: Path) -> None:
    answers = answered(suite, half)

    assert run(suite, answers)[0] == 3
    assert run(suite, answers, "--allow", "inconclusive")[0] == 0
    assert run(suite, answers, "--allow", "not_measured")[0] == 3


def test_what_is_allowed_does_not_excuse_a_failure(suite: Path) -> None:
    assert run(suite, answered(suite, wrong), "--allow", "inconclusive,not_measured")[0] == 1


def test_answers_to_other_questions_measure_nothing_and_are_counted(suite: Path) -> None:
    answers = answered(suite, right)
    lines = answers.read_text("utf-8").splitlines()
    answers.write_text("\n".join(lines[: N // 2]) + "\n", encoding="utf-8")

    code, _, out = run(suite, answers)

    assert code == 3
    (verdict,) = json.loads((out / "results.json").read_text("utf-8"))["verdicts"]
    assert verdict["verdict"] == "not_measured"
    assert verdict["unscored"] == {"not_recorded": N - N // 2}


def test_english_is_spoken_where_it_is_asked_for(suite: Path) -> None:
    code, text, out = run(suite, answered(suite, right), "--lang", "en")

    assert code == 0
    assert "opening" in text
    assert "여는 중" not in text
    assert '<html lang="en"' in (out / "report" / "report.html").read_text("utf-8")
    assert '<html lang="ko"' in (out / "report" / "report.ko.html").read_text("utf-8")


def test_every_format_is_rendered_and_junit_counts_the_failure(suite: Path) -> None:
    *_, out = run(suite, answered(suite, wrong), "--format", "json")

    assert here("report", out, "--format", "html,json,junit,sarif", "--lang", "ko,en").code == 0

    report = out / "report"
    assert {p.name for p in report.iterdir()} >= {"report.html", "report.json", "junit.xml", "report.sarif"}
    root = ET.fromstring((report / "junit.xml").read_bytes())  # noqa: S314  # our own file
    assert len(list(root.iter("testcase"))) == 1
    assert len(list(root.iter("failure"))) == 1
    sarif = json.loads((report / "report.sarif").read_text("utf-8"))
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"]
    assert here("audit", out).code == 0


def test_a_journal_that_is_in_use_breaks_the_run_with_4(suite: Path) -> None:
    from verify.engine import Journal

    answers = answered(suite, right)
    _, _, out = run(suite, answers)
    journal = out / ".run" / "journal.sqlite"
    plan = json.loads((out / "results.json").read_text("utf-8"))
    with Journal(journal, plan_digest=plan["plan"], subject_digest=plan["subject"]["digest"]):
        code, text, _ = run(suite, answers)

    assert code == 4
    assert "another process" in text


def test_another_run_in_the_same_folder_is_refused_before_anything_is_asked(suite: Path) -> None:
    answers = answered(suite, right)
    *_, out = run(suite, answers)
    before = (out / "results.json").read_bytes()

    code, text, _ = run(suite, answers, "--seed", 1)
    assert code == 2
    assert "another run" in text
    for file in (out / ".run").iterdir():
        file.unlink()
    assert run(suite, answers, "--seed", 1)[0] == 2
    assert (out / "results.json").read_bytes() == before


def test_an_unfinished_run_of_other_options_is_refused_with_2_and_goes_on_with_its_own(suite: Path) -> None:
    answers = answered(suite, right)
    *_, out = run(suite, answers)
    (out / "manifest.json").unlink()

    code, text, _ = run(suite, answers, "--seed", 1)

    assert code == 2
    assert "unfinished run of another plan" in text
    assert "give another --out" in text
    assert run(suite, answers)[0] == 0


def test_a_run_that_nobody_reads_any_more_is_broken_and_not_failed(tmp_path: Path) -> None:
    """`verify run ... 2>&1 | head`: 1 would say that a check failed, 0 that all passed."""
    cut = start("run", "reference:exact-accuracy-100", "--suite", "accuracy", *QUICK, "--out", "b", cwd=tmp_path)
    for stream in (cut.stdout, cut.stderr):
        assert stream is not None
        stream.close()

    assert cut.wait(timeout=120) == 4
    assert not (tmp_path / "b" / "manifest.json").exists()


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_bundle_that_was_touched_is_not_audited_as_whole(suite: Path) -> None:
    *_, out = run(suite, answered(suite, wrong))
    edit(out / "results.json", '"fail"', '"pass"')

    said = here("audit", out)

    assert said.code == 2
    assert "results.json" in said.err


def test_a_forged_bundle_with_fitting_digests_is_found_by_deriving_again(suite: Path) -> None:
    from verify.evidence import layout, manifest_of
    from verify.evidence.bundle import digests_in
    from verify.evidence.statement import build_statement
    from verify.records import Plan, Results, Subject

    *_, out = run(suite, answered(suite, wrong))
    for file in out.glob("report/*"):
        file.unlink()
    text = (out / "results.json").read_text("utf-8").replace('"fail"', '"pass"')
    (out / "results.json").write_text(text, encoding="utf-8")
    digests = digests_in(out)
    digests.pop(layout.STATEMENT)
    statement = build_statement(
        plan=Plan.model_validate_json((out / "plan.json").read_bytes()),
        subject=Subject.model_validate_json((out / "subject.json").read_bytes()),
        results=Results.model_validate_json((out / "results.json").read_bytes()),
        files=digests,
    )
    (out / layout.STATEMENT).write_text(layout.to_text(statement), encoding="utf-8")
    (out / layout.MANIFEST).write_text(layout.to_text(manifest_of(digests_in(out))), encoding="utf-8")

    said = here("audit", out)

    assert said.code == 1
    assert "stated pass, derived fail" in said.out


def test_a_flipped_byte_in_any_file_is_found(suite: Path) -> None:
    *_, out = run(suite, answered(suite, right))
    files = [p for p in out.iterdir() if p.is_file()]
    assert len(files) > 8
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
        assert here("audit", out).code == 2, file.name
        file.write_bytes(whole)
    assert here("audit", out).code == 0
