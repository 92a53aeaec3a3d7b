"""`verify run --executor ray` as a user starts it: Ctrl-C ends it cleanly, and the same command goes on."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.commands import QUICK, outside, start
from tests.e2e.own_suite import write_suite
from tests.e2e.test_killed_worker import alike, journalled, results_of, wait_for

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_an_interrupted_run_ends_cleanly_and_goes_on_with_either_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.runtime.causal import tiny

    monkeypatch.chdir(tmp_path)
    tiny.save("llama", tmp_path)
    write_suite(Path("ours"), methods=["multiple-choice", "short-answer"], n=300)
    on_ray = ("run", "./llama", "--suite", "./ours", *QUICK, "--executor", "ray", "--actors", 2)
    run = start(*on_ray, "--out", "rayed", cwd=tmp_path, start_new_session=True)
    wait_for(lambda: run.poll() is not None or journalled(Path("rayed")) > 0)
    started = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=120)

    assert run.returncode == 130, out + err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive

    time.sleep(1)
    resumed = outside(*on_ray, "--out", "rayed", cwd=tmp_path)
    local = outside("run", "./llama", "--suite", "./ours", *QUICK, "--out", "local", cwd=tmp_path)

    assert resumed.code == local.code
    assert alike(results_of("rayed"), results_of("local"))
    assert "2 actors" in json.loads(Path("rayed/subject.json").read_text("utf-8"))["environment"]["executor"]
    assert outside("audit", "rayed", cwd=tmp_path).code == 0
