"""Landlock through ctypes: which files the subject's process may touch, and no TCP at all.

Source: Linux `Documentation/userspace-api/landlock.rst`; system call numbers are the same on all
architectures (444-446).
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG: Final = 1
_RULE_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_FS_V1: Final = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_NET_V4: Final = 0b11
"""Bind and connect over TCP."""
_SCOPED_V6: Final = 0b11
"""Abstract UNIX sockets and signals to processes outside."""

_SYSTEM_FOLDERS: Final = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt/rocm", "/proc", "/sys", "/run/nvidia-persistenced",
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
    "/etc/OpenCL", "/etc/vulkan",
)  # fmt: skip
"""Not `/etc` as a whole, and no home folder: they hold keys. Landlock keeps `/proc/PID/environ` shut."""
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "shm", "kfd", "dri", "nvidia-caps")


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict(*, readable: Sequence[Path], writable: Sequence[Path]) -> tuple[bool, str]:
    """Restrict this process for good; `no_new_privs` must be set.

    Args:
        readable: Paths of the subject that stay readable, besides the system's and Python's own.
        writable: Folders that stay writable.

    Returns:
        Whether it is in force, and the ABI version or why it is not.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG))
    if abi < 1:
        return False, os.strerror(ctypes.get_errno())
    handled = _ALL_FS_V1
    handled |= _REFER if abi >= 2 else 0
    handled |= _TRUNCATE if abi >= 3 else 0
    handled |= _IOCTL_DEV if abi >= 5 else 0
    attr = _RulesetAttr(handled, _NET_V4 if abi >= 4 else 0, _SCOPED_V6 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = int(libc.syscall(_CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return False, os.strerror(ctypes.get_errno())
    try:
        look = _EXECUTE | _READ_FILE | _READ_DIR
        for path in [*map(Path, _SYSTEM_FOLDERS), *_python_folders(), *readable]:
            _allow(libc, ruleset, path=path, access=look & handled)
        for path in [*writable, *_devices(), Path("/proc/self/task")]:
            _allow(libc, ruleset, path=path, access=handled)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            return False, os.strerror(ctypes.get_errno())
    finally:
        os.close(ruleset)
    return True, f"ABI {abi}"


def _python_folders() -> list[Path]:
    """Where code of ours and of the installed libraries lies, those that the linker is told of included."""
    named = [os.environ.get("CUDA_HOME", ""), *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    folders = [Path(entry) for entry in (*sys.path, *named) if entry]
    return [*folders, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent]


def _devices() -> list[Path]:
    return [*(Path("/dev") / name for name in _DEVICES), *Path("/dev").glob("nvidia*")]


def _allow(libc: ctypes.CDLL, ruleset: int, *, path: Path, access: int) -> None:
    """Add a rule; a path that is not there needs none."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
        attr = _PathBeneathAttr(access, fd)
        libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(attr), 0)
    finally:
        os.close(fd)
