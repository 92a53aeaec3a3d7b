"""Files are refused before anything loads them (threats S1, S2, S4, S5, S6, S8)."""

import json
import os
import pickle
import time
import zipfile

import pytest

from tests.runtime.conftest import safetensors
from verify.errors import SubjectError
from verify.runtime.artefact import check_folder, check_skops


def rewrite(path, **changes):
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, **changes}))


def check(folder):
    return check_folder(folder, name="model")


class Payload:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_a_good_folder_is_digested_file_by_file(folder):
    subject = check(folder)

    assert subject.kind == "causal-lm"
    assert [file.name for file in subject.files] == ["config.json", "model.safetensors", "tokenizer.json"]
    assert check(folder).digest == subject.digest


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_any_changed_byte_changes_the_digest(folder, name):
    before = check(folder).digest
    data = bytearray((folder / name).read_bytes())
    if name == "model.safetensors":
        data[-1] ^= 1
    else:
        data += b" "
    (folder / name).write_bytes(data)

    assert check(folder).digest != before


@pytest.mark.parametrize("suffix", ["bin", "pt", "pkl", "joblib", "h5", "npy", "ckpt"])
def test_a_pickle_is_refused_and_never_executed(folder, suffix, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / f"pytorch_model.{suffix}").write_bytes(pickle.dumps(Payload()))

    with pytest.raises(SubjectError, match=r"can run code when it is read; convert it"):
        check(folder)
    assert not (tmp_path / "executed").exists()


def test_a_pickle_beside_safetensors_is_left_alone_and_named(folder, tmp_path):
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))
    (folder / "modeling_own.py").write_text("raise SystemExit")

    subject = check(folder)
    staged = tmp_path / "staged"
    staged.mkdir()
    subject.stage(staged)

    assert [w for w in subject.warnings if "pytorch_model.bin" in w or "modeling_own.py" in w] == list(subject.warnings)
    assert sorted(path.name for path in staged.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"\x00\x01", "truncated", id="two bytes"),
        pytest.param(safetensors({"a": TENSOR}, data=bytes(7)), "truncated, ", id="one byte short"),
        pytest.param(safetensors({"a": TENSOR}, data=bytes(9)), "belong to no tensor", id="one byte too many"),
        pytest.param(safetensors({}, length=2**63), "header of", id="a header of 2^63 bytes"),
        pytest.param(safetensors({}, length=1000), "truncated inside its header", id="truncated in the header"),
        pytest.param(safetensors(b"{nonsense", data=bytes(8)), "no safetensors header", id="no JSON"),
        pytest.param(safetensors(b"[" * 100_000), "no safetensors header", id="deeply nested"),
        pytest.param(safetensors(b'{"a":{},"a":{}}'), "occurs twice", id="a key twice"),
        pytest.param(safetensors({"a": {**TENSOR, "dtype": "PICKLE"}}, data=bytes(8)), "not understood", id="dtype"),
        pytest.param(safetensors({"a": {**TENSOR, "shape": [-2]}}, data=bytes(8)), "not understood", id="shape"),
        pytest.param(
            safetensors({"a": {**TENSOR, "shape": [2**40, 2**40]}}, data=bytes(8)), "claims 8 bytes", id="overflow"
        ),
        pytest.param(
            safetensors({"a": TENSOR, "b": {**TENSOR, "data_offsets": [4, 12]}}, data=bytes(12)),
            "starts at",
            id="overlap",
        ),
        pytest.param(
            safetensors({"a": TENSOR, "b": {**TENSOR, "data_offsets": [16, 24]}}, data=bytes(24)), "starts at", id="gap"
        ),
        pytest.param(
            safetensors({f"{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(60_000)}),
            "tensors in one file",
            id="a bomb of empty tensors",
        ),
        pytest.param(
            safetensors({"__metadata__": {"x": "y" * 9_000_000}}), "header of", id="nine megabytes of metadata"
        ),
    ],
)
def test_a_wrong_weights_file_is_named(folder, data, message):
    (folder / "model.safetensors").write_bytes(data)

    with pytest.raises(SubjectError, match=message) as caught:
        check(folder)
    assert "model.safetensors" in str(caught.value)


def shard(folder, index):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_an_index_with_its_files_is_taken(folder):
    shard(folder, {"metadata": {}, "weight_map": {"embedding": "model-00001-of-00001.safetensors"}})

    assert "model.safetensors.index.json" in check(folder).small


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        pytest.param({"a": "../secret.safetensors"}, "not the name of", id="a path"),
        pytest.param({"a": "/etc/passwd"}, "not the name of", id="an absolute path"),
        pytest.param({"a": "model.bin"}, "not the name of", id="a pickle"),
        pytest.param({"a": "model-2.safetensors"}, "are missing", id="a shard that is not there"),
        pytest.param({"zz": "model-00001-of-00001.safetensors"}, "not in it", id="a tensor that is not there"),
        pytest.param([], "no weight_map", id="no map"),
    ],
)
def test_an_index_that_lies_is_refused(folder, weight_map, message):
    shard(folder, {"weight_map": weight_map})

    with pytest.raises(SubjectError, match=message):
        check(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": {"AutoModelForCausalLM": "evil--modeling.Evil"}},
        {"_attn_implementation_internal": "evil/kernel:attention"},
        {"_anything": 1},
        {"device_map": {"": "cuda:0"}},
        {"attn_implementation": "evil/kernel"},
        {"text_config": {"_attn_implementation": "x", "hidden_size": 4}},
        {"quantization_config": {"quant_method": "x", "url": "https://evil.example/x"}},
        {"trust_remote_code": True},
        {"model_kernel": "org/repo:kernel"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_could_load_code_is_dropped_and_told(folder, change):
    rewrite(folder / "config.json", **change)

    subject = check(folder)

    text = subject.small["config.json"].decode()
    assert "evil" not in text
    assert "_anything" not in text
    assert "auto_map" not in text
    assert '"_attn' not in text
    assert any("config.json" in warning and "dropped" in warning for warning in subject.warnings)
    assert json.loads(text)["hidden_size"] == 4


def test_words_of_the_subject_are_no_code(folder):
    """Labels may begin with an underscore or look like a path: they are data."""
    rewrite(
        folder / "config.json", id2label={"0": "_공개", "1": "비공개/부분"}, label2id={"_공개": 0, "비공개/부분": 1}
    )

    subject = check(folder)

    assert json.loads(subject.small["config.json"])["label2id"] == {"_공개": 0, "비공개/부분": 1}
    assert not subject.warnings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"hidden_size": 10**9}, "no real network", id="a hidden size of a billion"),
        pytest.param({"num_hidden_layers": 10**9}, "no real network", id="a billion layers"),
        pytest.param({"vocab_size": 10**8}, "do not belong together", id="a vocabulary that the weights do not hold"),
        pytest.param({"intermediate_size": 10**15}, "no model is that large", id="an absurd number"),
        pytest.param(
            {"architectures": ["BertForMaskedLM"]}, "neither a language model", id="a kind that is not tested"
        ),
    ],
)
def test_a_configuration_that_would_exhaust_the_machine_is_refused_at_once(folder, change, message):
    rewrite(folder / "config.json", **change)
    started = time.perf_counter()

    with pytest.raises(SubjectError, match=message):
        check(folder)
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("config.json", "{", "cannot be read as JSON", id="half a configuration"),
        pytest.param("config.json", "[]", "a JSON object was expected", id="a list"),
        pytest.param("config.json", '{"a": 1, "a": 2}', "occurs twice", id="a key twice"),
        pytest.param("config.json", "[" * 200_000, "nested too deeply", id="a nesting bomb"),
        pytest.param("tokenizer.json", '{"model": ', "tokenizer.json: cannot be read as JSON", id="half a tokenizer"),
        pytest.param("tokenizer.json", "{}", "this is no tokenizer", id="an empty tokenizer"),
        pytest.param("tokenizer.json", None, "there is no tokenizer.json", id="no tokenizer"),
        pytest.param("config.json", None, "there is no config.json", id="no configuration"),
        pytest.param("model.safetensors", None, "there are no weights", id="no weights"),
    ],
)
def test_a_missing_or_unreadable_file_is_named(folder, name, text, message):
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)

    with pytest.raises(SubjectError, match=message):
        check(folder)


def test_invalid_utf8_is_no_traceback(folder):
    (folder / "tokenizer.json").write_bytes(b"\xff\xfe{}")

    with pytest.raises(SubjectError, match=r"tokenizer\.json"):
        check(folder)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (folder / "generation_config.json").symlink_to(secret)

    with pytest.raises(SubjectError, match="link out of the folder"):
        check(folder)


def test_the_hub_caches_own_links_are_followed(folder, tmp_path):
    cache = tmp_path / "models--org--name"
    (cache / "blobs").mkdir(parents=True)
    snapshot = cache / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        (cache / "blobs" / f"blob-{path.name}").write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(f"../../blobs/blob-{path.name}")

    assert check(snapshot).digest == check(folder).digest


def test_a_pipe_instead_of_a_file_does_not_block(folder):
    (folder / "generation_config.json").unlink(missing_ok=True)
    os.mkfifo(folder / "generation_config.json")

    with pytest.raises(SubjectError, match="no regular file"):
        check(folder)


def test_weights_that_change_while_in_use_are_noticed(folder):
    subject = check(folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-1] + b"\x01")

    with pytest.raises(SubjectError, match="changed while it was in use"):
        subject.check_unchanged()


def test_a_skops_file_is_a_tabular_subject(tmp_path):
    with zipfile.ZipFile(tmp_path / "credit.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("array_0.npy", b"\x93NUMPY")

    subject = check_skops(tmp_path / "credit.skops", name="credit")

    assert subject.kind == "tabular"
    assert check_folder(tmp_path, name="credit").digest == subject.digest


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param({"a.txt": b"x"}, "no schema.json", id="another zip"),
        pytest.param({"schema.json": b"{}", "../../x": b"x"}, "refused", id="a path"),
        pytest.param({"schema.json": b"{}", "x.pkl": b"x"}, "refused", id="a pickle inside"),
        pytest.param(None, "truncated or no skops file", id="no zip"),
    ],
)
def test_a_file_that_skops_did_not_write_is_refused(tmp_path, parts, message):
    file = tmp_path / "model.skops"
    file.write_bytes(b"PK nonsense")
    if parts is not None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data)

    with pytest.raises(SubjectError, match=message):
        check_skops(file, name="model")


def test_a_pickled_tabular_model_is_refused(tmp_path):
    file = tmp_path / "model.joblib"
    file.write_bytes(pickle.dumps(Payload()))

    with pytest.raises(SubjectError, match="only skops files are read"):
        check_skops(file, name="model")
