"""A real server of another make. `transformers serve` answers 200 and drops log-probabilities in silence."""

import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.runtime.conftest import WEIGHTS
from verify.records import AccessLevel, FailureReason, Generate, GenerateAnswer, LogLikelihood
from verify.runtime.endpoint import EndpointRuntime

pytestmark = [pytest.mark.slow, pytest.mark.shared_data]


@pytest.fixture
def served(tmp_path):
    """The address of a running `transformers serve`."""
    if not WEIGHTS.is_dir():
        pytest.skip("shared weights are not here")
    if find_spec("openai") is None:
        pytest.skip("transformers[serving] is not installed")
    (tmp_path / "hub").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        Path(sys.executable).parent / "transformers",
        "serve",
        WEIGHTS,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 180
        while not is_up(port):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def is_up(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def test_what_came_back_decides_the_access_level_and_not_the_status(served):
    runtime = EndpointRuntime(served, model=str(WEIGHTS), name="endpoint:served")
    try:
        requests = [
            Generate(prompt="Once upon a time", max_tokens=8),
            LogLikelihood(context="Once upon", continuation=" a"),
        ]
        told = {a.position: a.response for a in runtime.answer(requests)}
    finally:
        runtime.close()

    assert runtime.subject.access is AccessLevel.TEXT
    assert runtime.subject.answers == ("generate",)
    assert isinstance(told[0], GenerateAnswer)
    assert told[1].reason is FailureReason.UNSUPPORTED
    assert any("no log-probabilities" in warning for warning in runtime.subject.warnings)
