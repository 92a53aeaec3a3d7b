"""SUBJECT as users write it, and what they read when it cannot be opened."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verify.errors import SubjectError, SubjectUnavailableError, UnknownNameError, UsageError
from verify.loading import load_profiles
from verify.records import Failed, FailureReason, Generate, GenerateAnswer, LogLikelihood
from verify.runtime.addresses import (
    EndpointAddress,
    FolderAddress,
    HubAddress,
    ProfileAddress,
    RecordedAddress,
    ReferenceAddress,
    TabularAddress,
    parse_address,
)
from verify.runtime.opening import SubjectOptions, find_local, open_subject

ROOT = Path(__file__).parents[2]


def test_each_form_names_its_kind(tmp_path):
    file = tmp_path / "model.skops"
    file.touch()
    cases = {
        "solar": ProfileAddress("solar"),
        str(tmp_path): FolderAddress(tmp_path),
        str(file): TabularAddress(file),
        f"recorded:{file}": RecordedAddress(file),
        "hf:org/name@0123abc": HubAddress("org/name", "0123abc"),
        "hf:org/name": HubAddress("org/name", None),
        "endpoint:http://host:8000/v1/#org/name": EndpointAddress("http://host:8000/v1", "org/name"),
        "reference:clean-lm": ReferenceAddress("clean-lm"),
    }

    assert {text: parse_address(text, profiles={"solar"}) for text in cases} == cases


@pytest.mark.parametrize(
    "text",
    [
        "hf:name",
        "hf:../..@main",
        "hf:org/name@../x",
        "hf:org/na me",
        "endpoint:host/v1#m",
        "endpoint:http://host/v1",
        "endpoint:http://user:secret@host/v1#m",
        "reference:../x",
        "reference:",
        "recorded:/nowhere",
        "./nowhere",
        "/nowhere/at/all",
        "",
    ],
)
def test_a_wrong_form_is_told_with_the_right_one(text):
    with pytest.raises(UsageError) as caught:
        parse_address(text, profiles={"solar"})
    assert "secret" not in str(caught.value)


def test_an_unknown_name_lists_the_profiles():
    with pytest.raises(UnknownNameError, match="did you mean 'solar-open-100b'"):
        open_subject("solar-open-100", SubjectOptions(profiles=load_profiles()))


def test_an_unknown_reference_standard_lists_those_there_are():
    with pytest.raises(UnknownNameError, match="no reference standard 'nothing'"):
        open_subject("reference:nothing")


def test_a_hub_that_cannot_be_reached_names_the_ways_without_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    with pytest.raises(SubjectUnavailableError) as caught:
        open_subject("hf:org/name@0123abc")
    for way in ("verify run ./FOLDER", "VERIFY_MIRROR", "HF_HOME", "endpoint:http://HOST/v1#MODEL"):
        assert way in str(caught.value)


def test_a_profile_is_found_in_a_mirror(monkeypatch, tmp_path, folder):
    profile = load_profiles()["solar-open-100b"]
    (tmp_path / "mirror" / profile.source).parent.mkdir(parents=True)
    folder.rename(tmp_path / "mirror" / profile.source)
    monkeypatch.setenv("VERIFY_MIRROR", str(tmp_path / "mirror"))

    local = find_local(profile.id, profiles=load_profiles())

    assert local.profile == profile.id
    assert local.name == profile.id


def test_a_profile_that_no_engine_here_loads_points_to_an_endpoint(monkeypatch):
    monkeypatch.delenv("VERIFY_MIRROR", raising=False)
    profiles = load_profiles()
    served = next(profile for profile in profiles.values() if profile.reach == "endpoint-only")

    with pytest.raises(SubjectUnavailableError, match="verify run endpoint:"):
        open_subject(served.id, SubjectOptions(profiles=profiles))


def test_recorded_answers_open_as_a_subject(tmp_path):
    request = Generate(prompt="가")
    line = {"request": request.to_json(), "answer": "나"}
    (tmp_path / "answers.jsonl").write_text(json.dumps(line) + "\n")

    runtime = open_subject(f"recorded:{tmp_path / 'answers.jsonl'}")

    assert [a.response.text for a in runtime.answer([request])] == ["나"]


def test_a_wrong_folder_is_refused_before_any_process_starts(folder, monkeypatch):
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(subprocess, "Popen", None)

    with pytest.raises(SubjectError, match="truncated"):
        open_subject(str(folder))


HEAVY = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "sklearn",
    "skops",
    "presidio_analyzer",
)


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_process_that_decides_never_loads_a_subject(real_folder):
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from verify.runtime.opening import open_subject\n"
        "from verify.records import Generate\n"
        f"runtime = open_subject({str(real_folder)!r})\n"
        "print([a.response.kind for a in runtime.answer([Generate(prompt='Once', max_tokens=4)])])\n"
        "runtime.close()\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["['generate']", "[]"]


@pytest.mark.slow
@pytest.mark.shared_data
def test_real_weights_answer(real_folder):
    runtime = open_subject(str(real_folder))
    try:
        requests = [
            LogLikelihood(context="Once upon a", continuation=" time"),
            LogLikelihood(context="Once upon a", continuation=" xylophone"),
            Generate(prompt="Once upon a time", max_tokens=16),
        ]
        told = {a.position: a.response for a in runtime.answer(requests)}
    finally:
        runtime.close()

    assert told[0].logprob > told[1].logprob + 5
    assert isinstance(told[2], GenerateAnswer)
    assert runtime.subject.architecture == "llama"
    assert len(runtime.subject.files) == 5


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_tokenizer_that_panics_costs_the_items_that_trigger_it(real_folder):
    """Threat S4: catastrophic backtracking ends in a Rust panic, which no `except Exception` catches."""
    path = real_folder / "tokenizer.json"
    value = json.loads(path.read_text())
    value["pre_tokenizer"] = {
        "type": "Split",
        "pattern": {"Regex": "(a+)+$"},
        "behavior": "Isolated",
        "invert": False,
    }
    path.write_text(json.dumps(value))
    bomb = "a" * 40 + "b"
    runtime = open_subject(str(real_folder))
    try:
        requests = [Generate(prompt=text, max_tokens=2) for text in ("Once", bomb, "Twice")]
        told = {a.position: a.response for a in runtime.answer(requests)}
    finally:
        runtime.close()

    assert isinstance(told[1], Failed)
    assert told[1].reason in {FailureReason.CRASHED, FailureReason.TIMEOUT}
    assert isinstance(told[0], GenerateAnswer)
    assert isinstance(told[2], GenerateAnswer)


@pytest.mark.slow
@pytest.mark.shared_data
def test_an_architecture_that_nobody_knows_is_a_subject_error(real_folder):
    path = real_folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "neverheardof"}))

    with pytest.raises(SubjectError, match="cannot be opened"):
        open_subject(str(real_folder))


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_tokenizer_that_cannot_be_built_is_a_subject_error(real_folder):
    (real_folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "Nonsense"}}))

    with pytest.raises(SubjectError, match="cannot be opened"):
        open_subject(str(real_folder))
