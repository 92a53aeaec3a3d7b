"""What hostile code inside the worker can reach. The tiers are what this host allows, and are told."""

import os

import pytest

from verify.records import Failed, Generate
from verify.runtime.isolation import worker_environment

pytestmark = pytest.mark.slow


@pytest.fixture
def inside(stub, monkeypatch):
    """Runs Python inside of a worker and returns the text of `result`."""
    monkeypatch.setenv("VERIFY_API_KEY", "canary-secret")
    monkeypatch.setenv("HF_TOKEN", "canary-secret")
    runtime = stub()

    def run(code):
        (answered,) = runtime.answer([Generate(prompt=f"python {code}")])
        assert not isinstance(answered.response, Failed), runtime.log_tail()
        return answered.response.text

    run.runtime = runtime
    return run


def needs(inside, tier):
    if inside.runtime.subject.isolation[:2] < tier:
        pytest.skip(f"this host allows {inside.runtime.subject.isolation}")


def test_no_secret_is_in_the_environment(inside):
    told = inside("import os\nresult = str(dict(os.environ))")

    assert "canary-secret" not in told
    assert "'HF_HUB_OFFLINE': '1'" in told


def test_the_environment_is_an_allow_list(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    environment = worker_environment(tmp_path)

    assert "SOME_TOKEN" not in environment
    assert environment["OMP_NUM_THREADS"] == "1"


def test_no_core_dump_and_no_escape_from_the_limits(inside):
    told = inside("import resource\nresult = resource.getrlimit(resource.RLIMIT_CORE)")

    assert told == "(0, 0)"


def test_the_network_is_out_of_reach(inside):
    needs(inside, "T1")
    told = inside(
        "import socket\n"
        "try:\n    socket.create_connection(('127.0.0.1', 9), timeout=2); result = 'connected'\n"
        "except OSError as error: result = type(error).__name__"
    )

    assert told == "PermissionError"


def test_files_of_the_user_are_out_of_reach(inside, tmp_path):
    needs(inside, "T1")
    secret = tmp_path / "secret"
    secret.write_text("canary-secret")
    for path in (secret, "/etc/shadow", f"/proc/{os.getpid()}/environ"):
        told = inside(
            f"try: result = open({str(path)!r}).read()\nexcept OSError as error: result = type(error).__name__"
        )

        assert told in {"PermissionError", "FileNotFoundError"}, path


def test_nothing_can_be_written_but_the_scratch_folder(inside, tmp_path):
    needs(inside, "T1")
    told = inside(
        "import os\n"
        "open(os.environ['TMPDIR'] + '/mine', 'w').write('x')\n"
        f"try: open({str(tmp_path / 'theirs')!r}, 'w'); result = 'written'\n"
        "except OSError as error: result = type(error).__name__"
    )

    assert told == "PermissionError"
    assert not (tmp_path / "theirs").exists()


def test_other_processes_are_out_of_sight(inside):
    """An accelerator's driver looks itself up in /proc by its own number: it must be there, and nobody else."""
    needs(inside, "T2")
    told = inside("import os\nresult = sorted(p for p in os.listdir('/proc') if p.isdigit()), os.getpid()")

    assert told == "(['1', '2'], 2)"


def test_the_parent_cannot_be_signalled(inside):
    needs(inside, "T2")
    told = inside(
        "import os\n"
        f"try: os.kill({os.getpid()}, 0); result = 'signalled'\n"
        "except OSError as error: result = type(error).__name__"
    )

    assert told in {"ProcessLookupError", "PermissionError"}


def test_what_the_subject_starts_dies_with_the_worker(inside):
    needs(inside, "T2")
    marker = "ax-verify-orphan-marker"
    inside(
        "import os, subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {marker!r}], start_new_session=True)\n"
        "result = 'started'"
    )
    assert processes_with(marker)

    inside.runtime.close()

    assert not processes_with(marker)


def processes_with(marker):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as stream:
                    if marker.encode() in stream.read():
                        found.append(entry)
            except OSError:
                continue
    return found


def test_dangerous_system_calls_are_denied(inside):
    needs(inside, "T1")
    told = inside(
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "done = [libc.ptrace(0, 0, 0, 0), libc.unshare(0x10000000)]\n"
        "result = (done, os.strerror(ctypes.get_errno()))"
    )

    assert told == "([-1, -1], 'Operation not permitted')"
