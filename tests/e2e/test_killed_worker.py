"""A real worker is killed or stopped, or its parent is killed: the run ends as an uninterrupted one.

Log-likelihoods depend on the batch that a request falls into, in the last digits of fp32, and what a death leaves
is batched anew: numbers agree within 1e-5, counts and verdicts exactly.
"""

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import QUICK, outside, start
from tests.e2e.own_suite import write_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.runtime.causal import tiny

    return tiny.save("llama", tmp_path_factory.mktemp("models"))


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def results_of(folder: str) -> Any:
    return json.loads(Path(folder, "results.json").read_text("utf-8"), parse_float=lambda text: round(float(text), 5))


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one if k != "reason")
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float):
        return isinstance(other, float) and abs(one - other) < 1e-5
    return bool(one == other)


def children_of(parent: int) -> list[int]:
    """Process ids of the workers that a process started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"verify.runtime.worker" in command and f"--parent\0{parent}\0".encode() in command:
                found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def journalled(out: Path) -> int:
    file = out / ".run" / "journal.sqlite"
    if not file.is_file():
        return 0
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        try:
            return int(db.execute("SELECT COUNT(*) FROM responses").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def long_suite() -> Path:
    """Takes a tiny model a good while, so that a kill hits it at work."""
    return write_suite(Path("ours"), methods=["multiple-choice", "option-order"], n=400)


@pytest.fixture
def whole(model: Path) -> tuple[Path, Any]:
    suite = long_suite()
    said = outside("run", "./model", "--suite", suite, "--out", "whole", *QUICK, cwd=Path.cwd())
    assert said.code in {0, 1, 3}, said.err
    return suite, results_of("whole")


def test_a_worker_that_is_killed_costs_nothing(model: Path, whole: tuple[Path, Any]) -> None:
    suite, expected = whole
    run = start("run", "./model", "--suite", suite, "--out", "killed", *QUICK, cwd=Path.cwd())
    killed = 0
    while killed < 2:
        before = journalled(Path("killed"))
        wait_for(lambda before=before, run=run: run.poll() is not None or journalled(Path("killed")) > before)
        if run.poll() is not None:
            break
        for worker in children_of(run.pid):
            os.kill(worker, signal.SIGKILL)
            killed += 1
    _, err = run.communicate(timeout=600)

    assert killed >= 1
    assert "Traceback" not in err
    assert alike(results_of("killed"), expected)


def test_a_parent_that_is_killed_leaves_no_worker_and_the_same_command_ends_alike(
    model: Path, whole: tuple[Path, Any]
) -> None:
    suite, expected = whole
    for kill in range(3):
        before = journalled(Path("killed"))
        run = start("run", "./model", "--suite", suite, "--out", "killed", *QUICK, cwd=Path.cwd())
        if kill != 1:
            wait_for(lambda before=before, run=run: run.poll() is not None or journalled(Path("killed")) > before)
        else:
            wait_for(lambda run=run: bool(children_of(run.pid)))  # while it loads
        workers = children_of(run.pid)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        wait_for(lambda workers=workers: not any(Path(f"/proc/{w}/cmdline").exists() for w in workers), seconds=30)
        assert journalled(Path("killed")) >= before

    said = outside("run", "./model", "--suite", suite, "--out", "killed", *QUICK, cwd=Path.cwd())

    assert said.code in {0, 1, 3}, said.err
    assert alike(results_of("killed"), expected)
    assert outside("audit", "killed", cwd=Path.cwd()).code == 0


def test_a_worker_that_hangs_is_replaced_and_costs_nothing(model: Path, whole: tuple[Path, Any]) -> None:
    from verify import pipeline
    from verify.loading import load_policy
    from verify.planning import PlanInputs
    from verify.runtime.opening import SubjectOptions, open_subject
    from verify.runtime.pacing import Limits
    from verify.runtime.process import WorkerRuntime

    suite, expected = whole
    runtime = open_subject("./model", SubjectOptions(limits=Limits(base_s=10, per_token_s=0.0002)))
    assert isinstance(runtime, WorkerRuntime)

    class Stopper(pipeline.Unwatched):
        """Stops the worker when the first answers are in."""

        stopped = False

        def answered(self, count: int) -> None:
            if not self.stopped and runtime.pid is not None:
                os.killpg(runtime.pid, signal.SIGSTOP)  # the process inside its namespaces too
                self.stopped = True

    watcher = Stopper()
    with runtime:
        inputs = PlanInputs(policy=load_policy("self-check"), suites=[str(suite)])
        pipeline.run(runtime, inputs, out=Path("hung"), watcher=watcher)

    assert watcher.stopped
    assert [death.reason for death in runtime.deaths] == ["timeout"]
    assert alike(results_of("hung"), expected)
