"""One worker process, from its start to its end."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import verify
from verify.records import FailureReason
from verify.runtime.frames import Channel
from verify.runtime.isolation import worker_environment

LOG_BYTES: Final = 64 * 1024
"""What is kept of the worker's output: the end."""

_ROOT: Final = Path(verify.__file__).resolve().parents[1]


class Death(NamedTuple):
    """Why a group of requests was not answered to its end."""

    reason: FailureReason
    detail: str


class Child:
    """A running worker.

    Args:
        spawner: One long-lived thread. The kernel's parent-death signal follows the *thread* that
            started a process, so a worker must not be started by one that may end before it.
        scratch: The worker's only writable folder.
        import_path: Folders in which the worker finds modules besides the installation.
    """

    def __init__(self, *, spawner: ThreadPoolExecutor, scratch: Path, import_path: Sequence[Path]) -> None:
        ask_read, ask_write = os.pipe()
        answer_read, answer_write = os.pipe()
        log_read, log_write = os.pipe()
        # An installed package is found by itself; a source tree has to be named.
        source = [] if _ROOT.name == "site-packages" else [_ROOT]
        command = [
            sys.executable, "-P", "-m", "verify.runtime.worker",
            "--read", str(ask_read), "--write", str(answer_write), "--parent", str(os.getpid()),
        ]  # fmt: skip
        try:
            self._process = spawner.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=log_write,
                stderr=log_write,
                pass_fds=(ask_read, answer_write),
                start_new_session=True,
                env=worker_environment(scratch, import_path=[*source, *import_path]),
                cwd=scratch,
            ).result()
        finally:
            for descriptor in (ask_read, answer_write, log_write):
                os.close(descriptor)
        self.channel = Channel(read_fd=answer_read, write_fd=ask_write)
        self._death: Death | None = None
        self._log = bytearray()
        self._drain = threading.Thread(target=self._keep_log, args=(log_read,), daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def log_tail(self) -> str:
        """The end of what the worker printed, control characters made visible."""
        text = bytes(self._log).decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)

    def end(self, *, grace_s: float = 0.0) -> Death:
        """End the process and all that it started.

        Args:
            grace_s: Seconds to wait for it to end by itself before it is killed.

        Returns:
            How it ended; the second call returns what the first one did.
        """
        if self._death is not None:
            return self._death
        self.channel.close()
        try:
            code = self._process.wait(timeout=grace_s)
            detail = f"ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        except subprocess.TimeoutExpired:
            detail = "was killed"
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the whole group may have gone
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._drain.join(timeout=2.0)
        self._death = Death(FailureReason.CRASHED, f"the subject's process {detail}")
        return self._death

    def _keep_log(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            while part := stream.read(1 << 16):
                self._log += part
                del self._log[:-LOG_BYTES]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
