"""The command line as a user has it: in a process of its own, or in this one where that is enough."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from verify import cli

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
QUICK = ("--no-suitability", "--repeats", "0")
"""Options that leave out what a test of something else need not wait for."""
COMMAND = [sys.executable, "-c", "from verify.cli import main; main()"]


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def start(*arguments: object, cwd: Path, **options: Any) -> "subprocess.Popen[str]":
    """A command in a process of its own, not waited for."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def outside(*arguments: object, cwd: Path) -> Said:
    """Run a command in a process of its own; it must not end in a traceback."""
    run = start(*arguments, cwd=cwd)
    out, err = run.communicate(timeout=280)
    assert "Traceback" not in err, err
    return Said(run.returncode, out, err)


def here(*arguments: object, columns: int = 200) -> Said:
    """Run a command in this process; anything else than an orderly end is a failure of the test."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with mock.patch.object(sys, "argv", ["verify", *map(str, arguments)]), _captured(out, err, columns):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    assert "Traceback" not in err.getvalue(), err.getvalue()
    return Said(int(str(code or 0)), out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _captured(out: io.StringIO, err: io.StringIO, columns: int) -> Iterator[None]:
    wide = mock.patch.dict("os.environ", COLUMNS=str(columns))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), wide:
        yield
