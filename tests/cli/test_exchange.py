"""`verify canaries | export | import | scan`: what crosses to a team or a network that we do not touch."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.commands import here
from tests.e2e.own_suite import write_rows, write_suite
from verify.cli.exchange import unanswered
from verify.records import Generate, Request
from verify.runtime.recorded import RecordedAnswers


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_canaries_are_mixed_in_as_often_as_their_dose_says() -> None:
    said = here("canaries", "make", "--out", "c.jsonl", "--training", "t.txt", "--per-tier", 3, "--tiers", "0,1,4")

    assert said.code == 0
    rows = [json.loads(line) for line in Path("c.jsonl").read_text("utf-8").splitlines()]
    lines = Path("t.txt").read_text("utf-8").splitlines()
    assert Counter(row["dose"] for row in rows) == {0: 3, 1: 3, 4: 3}
    for row in rows:
        assert sum(row["prefix"] in line and row["secret"] in line for line in lines) == row["dose"]
    assert json.loads(Path("c.commitment.json").read_text("utf-8"))["commitment"] in said.out.replace("\n", "")
    assert Path("c.jsonl").stat().st_mode & 0o077 == 0


def test_canaries_are_never_drawn_over_others_nor_into_the_trainers_file() -> None:
    assert here("canaries", "make", "--out", "x", "--training", "x", "--per-tier", 1).code == 2
    assert not Path("x").exists()
    assert here("canaries", "make", "--out", "c.jsonl", "--training", "t.txt", "--per-tier", 1, "--seed", 1).code == 0
    before = Path("c.jsonl").read_bytes()
    again = here("canaries", "make", "--out", "c.jsonl", "--training", "t2.txt", "--per-tier", 1, "--seed", 2)

    assert again.code == 2
    assert Path("c.jsonl").read_bytes() == before
    for wrong in (("--tiers", "a"), ("--tiers", "-1"), ("--tiers", "1,1"), ("--kinds", "iban"), ("--per-tier", "0")):
        assert here("canaries", "make", "--out", "d.jsonl", "--training", "d.txt", *wrong).code == 2
    assert not Path("d.jsonl").exists()


def test_an_export_names_the_option_that_takes_along_what_reads_probabilities() -> None:
    write_suite(Path("ours"), methods=["multiple-choice"], n=4)

    bare = here("export", "--out", "r.jsonl", "--suite", "./ours", "--lang", "en").out
    assert "0 requests" in bare and "--logprobs" in bare
    assert "--logprobs" not in here("export", "--out", "l.jsonl", "--suite", "./ours", "--logprobs").out
    write_suite(Path("written"), methods=["short-answer"], n=4)
    assert "--logprobs" not in here("export", "--out", "w.jsonl", "--suite", "./written").out


def test_an_export_names_what_is_missing_and_what_was_not_asked() -> None:
    suite = write_suite(Path("ours"), methods=["short-answer"], n=4)
    assert here("export", "--out", "r.jsonl", "--suite", "./ours").code == 0
    asked = [json.loads(line) for line in Path("r.jsonl").read_text("utf-8").splitlines()]
    assert len(asked) == 4
    body = {"status_code": 200, "body": {"choices": [{"message": {"content": "3원"}, "finish_reason": "stop"}]}}
    answers = [{"custom_id": one["custom_id"], "response": body} for one in asked]

    write_rows(Path("all.jsonl"), answers)
    write_rows(Path("some.jsonl"), answers[:3])
    write_rows(Path("other.jsonl"), [*answers, {"custom_id": "0" * 64, "response": body}])
    write_rows(Path("odd.jsonl"), [{"custom_id": [1]}])
    assert here("import", "all.jsonl", "--requests", "r.jsonl").code == 0
    assert here("import", "some.jsonl", "--requests", "r.jsonl").code == 3
    other = here("import", "other.jsonl", "--requests", "r.jsonl")
    assert (other.code, "other.jsonl:5" in other.err) == (2, True)
    odd = here("import", "odd.jsonl", "--requests", "r.jsonl")
    assert (odd.code, "odd.jsonl:1" in odd.err) == (2, True)
    assert here("import", "nofile", "--requests", "r.jsonl").code == 2
    assert suite.is_dir()


def answered(file: str, text: str = "3원") -> list[dict[str, object]]:
    """A batch service's output to an exported file."""
    asked = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    body = {"status_code": 200, "body": {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}}
    return [{"custom_id": one["custom_id"], "response": body} for one in asked]


def test_the_requests_of_a_plan_are_exported_and_its_answers_decide() -> None:
    """The plan of a bundle gives suites, policy, limit and seed; a suite that has changed since is refused."""
    write_suite(Path("ours"), methods=["short-answer"], n=6)
    assert (
        here("export", "solar-open-100b", "--out", "r.jsonl", "--suite", "./ours", "--limit", 4, "--seed", 3).code == 0
    )
    asked = [json.loads(line) for line in Path("r.jsonl").read_text("utf-8").splitlines()]
    assert {one["body"]["model"] for one in asked} == {"upstage/Solar-Open-100B"}
    write_rows(Path("a.jsonl"), answered("r.jsonl"))
    run = (
        "run",
        "recorded:a.jsonl",
        "--suite",
        "./ours",
        "--limit",
        4,
        "--seed",
        3,
        "--out",
        "bundle",
        "--no-suitability",
    )
    assert here(*run, "--repeats", 0).code in {0, 1, 3}

    again = here(
        "export", "bundle/plan.json", "--out", "p.jsonl", "--suite", "./ours", "--model", "upstage/Solar-Open-100B"
    )
    rows = [json.loads(line) for line in Path("ours/items/answers.jsonl").read_text("utf-8").splitlines()]
    write_rows(Path("ours/items/answers.jsonl"), rows[:-1])
    changed = here("export", "bundle", "--out", "q.jsonl", "--suite", "./ours")

    assert again.code == 0
    assert Path("p.jsonl").read_bytes() == Path("r.jsonl").read_bytes()
    assert (changed.code, "not the one that was planned" in changed.err) == (2, True)
    assert here("export", "--out", "q.jsonl", "--suite", "./ours", "--format", "csv").code == 2


@pytest.mark.parametrize(
    ("target", "model"),
    [("endpoint:http://10.0.0.1/v1#ministry-7b", "ministry-7b"), ("hf:ORG/NAME@0123abc", "ORG/NAME@0123abc")],
)
def test_a_subject_names_the_model_and_is_not_touched(target: str, model: str) -> None:
    write_suite(Path("ours"), methods=["short-answer"], n=2)

    assert here("export", target, "--out", "r.jsonl", "--suite", "./ours").code == 0

    bodies = [json.loads(line)["body"] for line in Path("r.jsonl").read_text("utf-8").splitlines()]
    assert {body["model"] for body in bodies} == {model}


def test_what_a_batch_did_not_deliver_is_exported_again_and_files_become_one() -> None:
    write_suite(Path("ours"), methods=["short-answer"], n=4)
    assert here("export", "--out", "r.jsonl", "--suite", "./ours").code == 0
    lines = answered("r.jsonl")
    error = {"custom_id": lines[0]["custom_id"], "response": None, "error": {"code": "batch_expired"}}
    write_rows(Path("a.jsonl"), [error, *lines[1:3]])

    short = here("import", "a.jsonl", "--requests", "r.jsonl", "--lang", "en")
    assert here("export", "--out", "r2.jsonl", "--suite", "./ours", "--answers", "a.jsonl").code == 0
    left = [json.loads(line)["custom_id"] for line in Path("r2.jsonl").read_text("utf-8").splitlines()]
    write_rows(Path("b.jsonl"), answered("r2.jsonl"))
    whole = here("import", "a.jsonl", "b.jsonl", "--requests", "r.jsonl", "--out", "all.jsonl")

    assert (short.code, "2 of 4 answered" in short.out, "1 came back as errors" in short.out) == (3, True, True)
    assert left == [lines[0]["custom_id"], lines[3]["custom_id"]]
    assert whole.code == 0
    assert here("import", "all.jsonl", "--requests", "r.jsonl").code == 0
    assert here("import", "a.jsonl", "--requests", "r.jsonl", "--out", "a.jsonl").code == 2
    assert here("export", "--out", "r3.jsonl", "--suite", "./ours", "--answers", "all.jsonl").code == 0
    assert Path("r3.jsonl").read_text("utf-8") == ""


class _Talks:
    """Three turns, each of which quotes the answer before it."""

    takes_failures = True

    def examine(self, item: object) -> Iterator[list[Request]]:
        said = str(item)
        for _ in range(3):
            (answer,) = yield [Generate(prompt=said)]
            said += f"|{answer.text}"


def test_conversations_of_several_turns_are_exported_turn_by_turn(tmp_path: Path) -> None:
    """Each round needs the rounds before it; a turn that is missing asks nothing further, failures taken or not."""
    check = _Planned(_Talks(), ("가", "나"))
    rows: list[dict[str, object]] = []
    prompts = []
    for turn in range(4):
        write_rows(tmp_path / "answers.jsonl", rows)
        asked = unanswered([check], RecordedAnswers([tmp_path / "answers.jsonl"] if rows else []))  # type: ignore[list-item]
        prompts.append([request.prompt for request in asked if isinstance(request, Generate)])
        answer = {} if turn == 1 else {1: str(turn)}
        rows += [{"request": r.to_json(), "answer": answer.get(n, f"답{turn}")} for n, r in enumerate(asked)]

    assert prompts == [["가", "나"], ["가|답0", "나|0"], ["가|답0|답1", "나|0|답1"], []]


class _Planned(NamedTuple):
    method: object
    items: tuple[str, ...]


def test_a_scan_lists_every_file_and_refuses_what_runs_code() -> None:
    folder = Path("model")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")

    said = here("scan", "./model")

    assert said.code == 2
    assert "can run code" in said.err
    assert here("scan", "recorded:nofile").code == 2


@pytest.mark.parametrize(("lang", "verdict"), [("ko", "판정: "), ("en", "verdict: ")])
def test_a_scan_ends_with_a_verdict_and_what_its_exit_code_means(lang: str, verdict: str) -> None:
    before = here("--lang", lang, "scan", "reference:brittle-clean-1")
    after = here("scan", "reference:brittle-clean-1", "--lang", lang)

    for said in (before, after):
        last = said.out.splitlines()[-1]
        assert said.code == 0
        assert last.startswith(verdict) and "0)" in last


def test_the_language_of_the_command_itself_goes_first() -> None:
    assert "verdict: " in here("--lang", "ko", "scan", "reference:brittle-clean-1", "--lang", "en").out
    assert here("--lang", "fr", "scan", "reference:brittle-clean-1").code == 2
