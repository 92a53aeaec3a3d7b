"""A user's own suite folder works with every built-in method; what a subject answers badly is counted, never a number."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import QUICK, Said, here, outside
from tests.e2e.own_suite import CHECKS, write_data_root, write_inputs, write_rows, write_suite
from verify.methods.catalogue import methods

NOT_OF_A_LANGUAGE_MODEL = {"counterfactual-classifier", "group-fairness", "group-fairness-text"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_suite_has_a_check_of_every_built_in_method_and_no_fault() -> None:
    assert set(CHECKS) == set(methods())
    write_suite(Path("ours"))

    said = here("suites", "lint", "./ours")

    assert said.code == 0, said.out


@pytest.mark.timeout(600)
def test_a_users_own_suite_and_inputs_run_on_every_method(tmp_path: Path) -> None:
    from tests.runtime.causal import tiny

    tiny.save("qwen3", tmp_path, template=tiny.CHAT_TEMPLATE, max_position_embeddings=2048)
    write_suite(Path("ours"))
    inputs = write_inputs(Path("inputs"))
    made = here("canaries", "make", "--out", "c.jsonl", "--training", "t.txt", "--per-tier", 4, "--tiers", "0,1,4")
    assert made.code == 0
    given = [part for name, file in inputs.items() for part in ("--input", f"{name}={file}")]

    options = ["--canaries", "c.jsonl", *given, "--data-root", write_data_root(Path("data")), "--out", "bundle", *QUICK]

    said = outside("run", "./qwen3", "--suite", "./ours", *options, cwd=tmp_path)

    assert said.code in {0, 1, 3}, said.err
    verdicts = {v["check"].removeprefix("ours."): v for v in results()["verdicts"]}
    assert set(verdicts) == set(CHECKS)
    for name, verdict in verdicts.items():
        kind = verdict["code"] == "subject_kind"
        assert kind == (name in NOT_OF_A_LANGUAGE_MODEL), (name, verdict)
    measured = {e["check"].removeprefix("ours.") for e in results()["estimates"]}
    explained = {name for name, v in verdicts.items() if v["unscored"] or v["verdict"] == "not_measured"}
    assert measured | explained >= set(CHECKS), verdicts
    assert len(measured) >= 12, measured
    assert outside("audit", "bundle", cwd=tmp_path).code == 0


def results() -> Any:
    return json.loads(Path("bundle/results.json").read_text("utf-8"))


def with_answers(bodies: list[Any]) -> Said:
    """Run six short questions on recorded answers, the first of which are `bodies`; the rest are right."""
    write_suite(Path("ours"), methods=["short-answer"])
    assert here("export", "--out", "r.jsonl", "--suite", "./ours").code == 0
    lines = []
    for line, body in zip(Path("r.jsonl").read_text("utf-8").splitlines(), [*bodies, *["300원"] * 6], strict=False):
        lines.append({"request": json.loads(line)["custom_id"], "answer": body})
    Path("a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return here("run", "recorded:a.jsonl", "--suite", "./ours", "--out", "bundle", *QUICK)


def test_what_is_no_answer_is_counted_with_its_reason() -> None:
    said = with_answers(["", " \n\t", "a\ud800b", {"kind": "failed", "reason": "timeout"}])

    assert said.code == 3
    (verdict,) = results()["verdicts"]
    assert verdict["verdict"] == "not_measured"
    assert verdict["unscored"] == {"empty": 2, "invalid_text": 1, "timeout": 1}
    assert results()["estimates"][0]["n_unscored"] == 4


def test_a_megabyte_of_answer_is_too_long_and_counted() -> None:
    said = with_answers(["민원 서류 제출 안내 010-2345-6789 " * 40_000])

    assert said.code == 3
    assert results()["verdicts"][0]["unscored"] == {"too_long": 1}
    assert Path("bundle/responses.jsonl").stat().st_size < 100_000


def test_what_an_answer_holds_commands_neither_terminal_nor_page_and_leaks_no_number() -> None:
    evil = "<script>alert(1)</script>\x1b[2J\u202e]]>&[bold]:fire: 연락처 010-2345-6789 " * 20

    said = with_answers([evil])

    assert said.code in {1, 3}
    assert "\x1b[2J" not in said.out
    page = Path("bundle/report/report.html").read_text("utf-8")
    assert "<script>alert(1)" not in page
    for file in Path("bundle").rglob("*"):
        if file.is_file() and ".run" not in file.parts:
            assert b"010-2345-6789" not in file.read_bytes(), file
    assert here("audit", "bundle").code == 0


def test_an_answer_of_another_kind_is_malformed() -> None:
    said = with_answers([{"kind": "loglikelihood", "logprob": -1.0, "n_tokens": 1, "is_greedy": True}])

    assert said.code == 3
    assert results()["verdicts"][0]["unscored"] == {"malformed": 1}


@pytest.mark.parametrize(
    "answer",
    [{"kind": "generate"}, {"kind": "loglikelihood", "logprob": 5.0, "n_tokens": 1, "is_greedy": True}, 3, None],
)
def test_rubbish_among_recorded_answers_is_named_with_its_line(answer: Any) -> None:
    said = with_answers([answer])

    assert said.code == 2
    assert "a.jsonl:1: answer" in said.err


def test_two_answers_to_one_request_are_refused() -> None:
    write_rows(Path("a.jsonl"), [{"request": "0" * 64, "answer": text} for text in ("네", "아니요")])
    write_suite(Path("ours"), methods=["short-answer"])

    said = here("run", "recorded:a.jsonl", "--suite", "./ours")

    assert (said.code, "a.jsonl:2" in said.err) == (2, True)
