"""How far the subject's process is shut in, and the sentence that says so in the report.

Nothing here needs privileges; each layer is tried, and what the host does not allow is named.

    T2  own user, network and IPC namespaces, and one of processes; Landlock; seccomp; resource limits
    T1  Landlock and seccomp (no internet sockets) with resource limits
    T0  resource limits and an offline environment only

The process calls `isolate` once, before the engine (and with it any thread) exists. A driver of an accelerator
looks itself up in /proc by its own number: a process namespace without a /proc of its own makes CUDA fail
(error 304, seen with driver 580 on kernel 6.18), so where none can be mounted, it goes without.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from verify.runtime import landlock, seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWPID: Final = 0x20000000
_CLONE_NEWNS: Final = 0x00020000
_MS_NOSUID_NODEV_NOEXEC: Final = 0b1110
_MS_REC_PRIVATE: Final = 0x4000 | 1 << 18
_CAPABILITY_VERSION_3: Final = 0x20080522

KEPT_VARIABLES: Final = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "ROCR_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF",
)  # fmt: skip
"""Environment variables that a worker may see: an allow-list, so that no secret is in it by accident."""

OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "true",
    "PYTHONUTF8": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}


def worker_environment(scratch: Path, *, import_path: Iterable[Path] = ()) -> dict[str, str]:
    """The whole environment of a worker.

    Args:
        scratch: The one folder that it may write; its HOME and TMPDIR.
        import_path: Folders that Python must find modules in besides the installation.
    """
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    folders = os.pathsep.join(str(folder) for folder in import_path)
    return {
        **kept,
        **OFFLINE,
        **({"PYTHONPATH": folders} if folders else {}),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "HF_HOME": str(scratch / "huggingface"),
        "XDG_CACHE_HOME": str(scratch / "cache"),
    }


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when the parent dies, and check that it has not already.

    Args:
        parent: Process id of the parent as this process sees it; 0 for one in an outer namespace.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Layer(NamedTuple):
    """One layer of the sandbox."""

    name: str
    reached: bool
    detail: str


def isolate(*, readable: Sequence[Path], scratch: Path, memory_bytes: int | None) -> str:
    """Shut this process in as far as the host allows.

    Args:
        readable: Files and folders of the subject that stay readable.
        scratch: The one folder that stays writable.
        memory_bytes: Cap of private memory; None leaves it open (a GPU driver maps far more than it uses).

    Returns:
        The tier reached and its layers, as the report prints them.
    """
    _limit_resources(memory_bytes)
    if sys.platform != "linux":
        return "T0: resource limits and an offline environment only (no Linux sandbox on this host)"
    namespaces = _leave_network()
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    files = _as_layer("files by Landlock", landlock.restrict(readable=readable, writable=[scratch]))
    calls = _as_layer("system calls by seccomp", seccomp.restrict())
    layers = (namespaces, files, calls)
    if all(layer.reached for layer in layers):
        tier = "T2"
    elif files.reached and calls.reached:
        tier = "T1"
    else:
        tier = "T0"
    reached = [f"{layer.name} ({layer.detail})" for layer in layers if layer.reached]
    missing = [f"no {layer.name}: {layer.detail}" for layer in layers if not layer.reached]
    memory = f"memory cap {memory_bytes / 2**30:.1f} GiB" if memory_bytes else "no memory cap"
    return f"{tier}: " + "; ".join([*reached, f"resource limits ({memory})", "offline environment", *missing])


def _as_layer(name: str, result: tuple[bool, str]) -> Layer:
    return Layer(name, *result)


def _limit_resources(memory_bytes: int | None) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, 4096)
    _lower(resource.RLIMIT_FSIZE, 2**30)
    _lower(resource.RLIMIT_NPROC, 4096)
    if memory_bytes:
        _lower(resource.RLIMIT_DATA, memory_bytes)
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return  # not Linux, or a host that forbids it: then the kernel chooses whom to kill


def _lower(limit: int, value: int) -> None:
    """Lower a limit for good; a host limit that is lower already stays."""
    hard = resource.getrlimit(limit)[1]
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (wanted, wanted))


def has_accelerator() -> bool:
    """Whether a driver of an accelerator is loaded."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/kfd"))


def _leave_network() -> Layer:
    """Move into new namespaces, without any capability in them.

    The process forks twice: an init, with which the kernel ends everything that a subject may have
    started, and the worker, to which signals mean what they usually mean. Returns in the worker
    only; the other two wait and end as it does.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    sees_itself = _succeeds(lambda: _enter(libc, processes=True, proc=True))
    processes = sees_itself or not has_accelerator()
    problem = _enter(libc, processes=processes, proc=sees_itself)
    if problem:
        return Layer("own namespaces", reached=False, detail=problem)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        return Layer("dropped capabilities", reached=False, detail=os.strerror(ctypes.get_errno()))
    kinds = "user, network, IPC and process" if processes else "user, network and IPC"
    return Layer(f"network (own {kinds} namespaces)", reached=True, detail="unreachable")


def _succeeds(entering: Callable[[], str]) -> bool:
    """Whether a child of this process can do it; what it did ends with it."""
    child = os.fork()
    if not child:
        os.closerange(3, 256)
        with contextlib.suppress(BaseException):
            os._exit(0 if not entering() else 1)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _enter(libc: ctypes.CDLL, *, processes: bool, proc: bool) -> str:
    """Enter the namespaces; returns in the process that is inside, with what went wrong or nothing.

    Args:
        libc: The C library.
        processes: Also a namespace of processes, which means two forks.
        proc: With a /proc of its own.
    """
    user, group, outer = os.getuid(), os.getgid(), os.getpid()
    kinds = _CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC
    kinds |= (_CLONE_NEWPID if processes else 0) | (_CLONE_NEWNS if proc else 0)
    parent = os.getppid()
    if libc.unshare(kinds) != 0:
        return os.strerror(ctypes.get_errno())
    _map_user(user, group)
    die_with_parent(parent)  # entering a namespace may have cleared the request
    if not processes:
        return ""
    for is_init in (False, True):
        child = os.fork()
        if child:
            _end_like(child, is_init=is_init)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if proc and not is_init and not _mount_proc(libc):
            return os.strerror(ctypes.get_errno())
    return "" if os.getpid() != outer else "the process namespace was not entered"


def _mount_proc(libc: ctypes.CDLL) -> bool:
    """A /proc that shows this namespace's processes alone."""
    if libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None) != 0:
        return False
    return bool(libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(_MS_NOSUID_NODEV_NOEXEC), None) == 0)


def _map_user(user: int, group: int) -> None:
    """Keep the user's own ids inside the namespace where the host allows it, so that its files stay readable."""
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _end_like(child: int, *, is_init: bool) -> NoReturn:
    """Wait for the child and end as it does; an init, which no signal of its own ends, by exit code 128 + n."""
    os.closerange(3, 256)  # the pipes belong to the worker: the parent must see them close when it dies
    code = 0
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            break
    code = 128 - code if code < 0 else code
    if not is_init and code > 128:
        if code - 128 != signal.SIGKILL:
            signal.signal(code - 128, signal.SIG_DFL)
        os.kill(os.getpid(), code - 128)
    os._exit(code)
