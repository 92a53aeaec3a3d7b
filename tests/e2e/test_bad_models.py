"""Models that cannot be used, or that go wrong while they run: said before the run, or counted with the reason."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.commands import QUICK, Said, here, outside
from tests.e2e.own_suite import write_rows, write_suite


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.runtime.causal import tiny

    return tiny.save("llama", tmp_path_factory.mktemp("models"), template=tiny.CHAT_TEMPLATE)


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def truncate(model: Path) -> None:
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def lie_about_the_header(model: Path) -> None:
    file = model / "model.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 60) + file.read_bytes()[8:])


def take_weights_away(model: Path) -> None:
    (model / "model.safetensors").unlink()


def leave_only_pickles(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")


def break_the_config(model: Path) -> None:
    (model / "config.json").write_text("{", encoding="utf-8")


def ask_for_remote_code(model: Path) -> None:
    config = json.loads((model / "config.json").read_text("utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_evil.Evil"}
    config["model_type"] = "evil"
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (model / "modeling_evil.py").write_text("raise SystemExit('ran')", encoding="utf-8")


def invent_an_architecture(model: Path) -> None:
    config = json.loads((model / "config.json").read_text("utf-8"))
    config |= {"model_type": "hangulformer", "architectures": ["HangulformerForCausalLM"]}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (truncate, ["model.safetensors"]),
        (lie_about_the_header, ["model.safetensors"]),
        (take_weights_away, ["safetensors"]),
        (leave_only_pickles, ["pytorch_model.bin", "can run code"]),
        (break_the_config, ["config.json"]),
        (ask_for_remote_code, ["code of the subject is not run"]),
        (invent_an_architecture, ["no architecture 'hangulformer'"]),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_what_is_wrong(
    model: Path, harm: Callable[[Path], None], says: list[str]
) -> None:
    harm(model)
    write_suite(Path("ours"), methods=["short-answer"])

    said = here("run", "./model", "--suite", "./ours")

    assert said.code == 2
    assert any(word in said.err for word in says), said.err
    assert not Path("runs").exists()


def test_a_tokenizer_that_cannot_be_read_is_refused_and_not_guessed(model: Path) -> None:
    (model / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["x"', "utf-8")
    write_suite(Path("ours"), methods=["short-answer"])

    said = outside("run", "./model", "--suite", "./ours", cwd=Path.cwd())

    assert said.code == 2
    assert "tokenizer" in said.err.lower()


def outcome_of(said: Said, out: Path) -> dict[str, dict[str, object]]:
    assert said.code in {1, 3}, said.err
    results = json.loads((out / "results.json").read_text("utf-8"))
    return {v["check"]: v for v in results["verdicts"]}


def test_a_model_that_emits_nan_is_not_measured_and_never_a_number(model: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    suite = write_suite(Path("ours"), methods=["multiple-choice", "short-answer"])
    said = outside("run", "./model", "--suite", suite, "--out", "bundle", *QUICK, cwd=Path.cwd())

    verdicts = outcome_of(said, Path("bundle"))
    for verdict in verdicts.values():
        assert verdict["verdict"] == "not_measured"
        assert verdict["unscored"] == {"invalid_logits": 6}
    assert json.loads(Path("bundle/results.json").read_text("utf-8"))["estimates"] == []


def test_a_prompt_beyond_the_context_window_is_counted_with_its_reason(model: Path) -> None:
    suite = write_suite(Path("ours"), methods=["multiple-choice", "short-answer"])
    for name in ("choices", "answers"):
        rows = [json.loads(line) for line in (suite / "items" / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for row in rows[:2]:
            row["passage"] += "민원을 접수하신 뒤 처리 결과는 문자로 알려 드립니다. " * 60
        write_rows(suite / "items" / f"{name}.jsonl", rows)

    said = outside("run", "./model", "--suite", suite, "--out", "bundle", *QUICK, cwd=Path.cwd())

    for verdict in outcome_of(said, Path("bundle")).values():
        assert verdict["unscored"].get("context_too_long") == 2, verdict  # type: ignore[attr-defined]
        assert verdict["verdict"] == "not_measured"
