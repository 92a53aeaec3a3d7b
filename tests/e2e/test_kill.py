"""kill -9 of the deciding process at any moment: the same command again finishes with the same results."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from verify import pipeline

ROOT = Path(__file__).parents[2]
KILLS = 24


def write_choice_suite(folder: Path, *, n: int) -> Path:
    """A multiple-choice suite of `n` items; the answers of the scripted subject make some of them wrong."""
    (folder / "items").mkdir(parents=True)
    with (folder / "items" / "q.jsonl").open("w", encoding="utf-8") as stream:
        for i in range(n):
            row = {"id": f"q{i}", "question": f"{i}번 창구는?", "choices": [f"{i}동", f"{i}층"], "answer": i % 2}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / "CARD.md").write_text("# toys\n")
    (folder / "suite.yaml").write_text(
        "id: toys\nversion: 1\nconcern: accuracy\ntitle: {ko: 가, en: a}\nsummary: {ko: 가, en: a}\nchecks:\n"
        "  - id: q\n    title: {ko: 가, en: a}\n    method: multiple-choice\n    items: [items/q.jsonl]\n"
        "    metric: accuracy_raw\n    bound: {at_least: 0.2}\n    why: {ko: 가, en: a}\n    remedy: {ko: 가, en: a}\n",
        encoding="utf-8",
    )
    return folder


def start(suite: Path, out: Path, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), str(suite), str(out), str(log)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT), "PATH": ""})


def journalled(out: Path) -> set[str]:
    file = out / ".run" / "journal.sqlite"
    if not file.is_file():
        return set()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        try:
            return {row[0] for row in db.execute("SELECT digest FROM responses")}
        except sqlite3.OperationalError:  # killed before the table was made
            return set()


def wait_for_growth(log: Path, run: "subprocess.Popen[bytes]") -> None:
    before = log.stat().st_size if log.is_file() else 0
    while run.poll() is None and (log.stat().st_size if log.is_file() else 0) == before:
        time.sleep(0.01)


@pytest.mark.timeout(280)
def test_twenty_four_kills_lose_nothing_and_ask_nothing_twice_that_was_kept(tmp_path: Path) -> None:
    suite = write_choice_suite(tmp_path / "suite", n=1200)
    whole = start(suite, tmp_path / "whole", tmp_path / "whole.log")
    assert whole.wait() == 0, whole.stderr.read() if whole.stderr else b""
    expected = json.loads((tmp_path / "whole" / "results.json").read_text("utf-8"))
    out, log = tmp_path / "killed", tmp_path / "killed.log"
    rng, kills, seen = random.Random(7), 0, Counter[str]()
    kept_before: set[str] = set()

    while True:
        run = start(suite, out, log)
        if kills < KILLS:
            if kills % 6:  # most kills while it asks, some while it starts
                wait_for_growth(log, run)
            time.sleep(rng.random() * 0.7)
            run.send_signal(signal.SIGKILL)
        code = run.wait()
        lines = log.read_text("utf-8").splitlines() if log.is_file() else []
        asked_now = Counter(lines) - seen
        seen = Counter(lines)
        assert not kept_before & set(asked_now), "an answer that was kept was asked for again"
        kept_before = journalled(out)
        if code == 0:
            break
        assert code == -signal.SIGKILL, run.stderr.read() if run.stderr else b""
        kills += 1

    assert kills >= 20
    assert sum(seen.values()) > 2400, "no kill hit an answer that was under way"
    assert json.loads((out / "results.json").read_text("utf-8")) == expected
    assert len(kept_before) == 2400
    assert pipeline.audit(out).differences == ()
    print(f"{kills} kills, {sum(seen.values())} requests for 2,400 answers")  # noqa: T201  # shown with -s
