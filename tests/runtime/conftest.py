import json
import shutil
import struct
from pathlib import Path

import pytest

from verify.runtime.local import LocalSubject
from verify.runtime.pacing import Limits
from verify.runtime.process import WorkerRuntime

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[2] / "shared" / "weights" / "stories260K" / "hf"
FAST = Limits(start_s=60, base_s=2, per_token_s=0)


@pytest.fixture
def stub():
    """Starts a worker whose engine does what prompts say; see stub_engine.py."""
    opened = []

    def start(*, limits=FAST, **options):
        subject = LocalSubject(name="stub", kind="causal-lm", digest="sha256:" + "0" * 64, files=())
        runtime = WorkerRuntime(
            subject, limits=limits, options=options, engine="stub_engine:open_stub", import_path=[HERE]
        )
        opened.append(runtime)
        return runtime

    yield start
    for runtime in opened:
        runtime.close()


def safetensors(header, *, data=b"", length=None):
    """Bytes of a safetensors file, right or wrong."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


@pytest.fixture
def folder(tmp_path):
    """A small folder of weights that passes every check (an embedding of 8 x 4, and nothing to run)."""
    root = tmp_path / "model"
    root.mkdir()
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "vocab_size": 8}
    (root / "config.json").write_text(json.dumps(config))
    (root / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}, "merges": []}}))
    tensor = {"dtype": "F32", "shape": [8, 4], "data_offsets": [0, 128]}
    (root / "model.safetensors").write_bytes(safetensors({"embedding": tensor}, data=bytes(128)))
    return root


@pytest.fixture
def real_folder(tmp_path):
    """A writable copy of real weights."""
    if not WEIGHTS.is_dir():
        pytest.skip("shared weights are not here")
    root = tmp_path / "stories260K"
    shutil.copytree(WEIGHTS, root)
    for path in root.iterdir():
        path.chmod(0o644)
    return root
