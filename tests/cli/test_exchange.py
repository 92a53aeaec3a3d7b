"""`verify canaries | export | import | scan`: what crosses to a team or a network that we do not touch."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.commands import here
from tests.e2e.own_suite import write_rows, write_suite


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


def test_a_scan_lists_every_file_and_refuses_what_runs_code() -> None:
    folder = Path("model")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")

    said = here("scan", "./model")

    assert said.code == 2
    assert "can run code" in said.err
    assert here("scan", "recorded:nofile").code == 2
