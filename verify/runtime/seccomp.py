"""A seccomp filter through prctl: no internet sockets, no reaching into other processes or the kernel.

A deny-list that answers EPERM, because engines (and GPU drivers) use too many calls for an
allow-list; it stands behind the namespaces and Landlock. Source: `linux/seccomp.h`, `linux/filter.h`;
call numbers from the kernel's x86_64 and generic (aarch64) tables.
"""

import ctypes
import errno
import os
import platform
import struct
from typing import Final, NamedTuple

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000
_LOAD_WORD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_CALL, _OFFSET_ARCH, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_AF_UNIX: Final = 1
_X32_BIT: Final = 0x40000000


class _Machine(NamedTuple):
    arch: int
    socket: int
    denied: tuple[int, ...]


# ptrace, process_vm_readv/writev, mount, umount2, pivot_root, chroot, swapon/off, reboot, init/finit/delete_module,
# kexec_load, keyctl family, perf_event_open, bpf, userfaultfd, setns, unshare, open_by_handle_at, io_uring family.
# io_uring is denied because its operations (connect among them) do not pass through this filter.
_MACHINES: Final = {
    "x86_64": _Machine(
        arch=0xC000003E,
        socket=41,
        denied=(101, 310, 311, 165, 166, 155, 161, 167, 168, 169, 175, 313, 176, 246, 248, 249, 250, 298, 321, 323,
                308, 272, 304, 425, 426, 427),
    ),
    "aarch64": _Machine(
        arch=0xC00000B7,
        socket=198,
        denied=(117, 270, 271, 40, 39, 41, 51, 224, 225, 142, 105, 273, 106, 104, 217, 218, 219, 241, 280, 282,
                268, 97, 265, 425, 426, 427),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict() -> tuple[bool, str]:
    """Install the filter for good; `no_new_privs` must be set.

    Returns:
        Whether it is in force, and what it denies or why it is not.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False, f"no filter for {platform.machine()}"
    code = _assemble(machine)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        return False, os.strerror(ctypes.get_errno())
    return True, f"{len(machine.denied)} calls and internet sockets denied"


def _assemble(machine: _Machine) -> bytes:
    """The filter as BPF: kill on a foreign architecture, EPERM on what is denied, else allow."""
    n = len(machine.denied)
    deny, allow = _ERRNO | errno.EPERM, _ALLOW
    # After the prologue: n comparisons, then (socket? -> its own check), allow, deny.
    body = [_step(_LOAD_WORD, _OFFSET_ARCH), _step(_JUMP_EQUAL, machine.arch, yes=1), _step(_RETURN, _KILL_PROCESS)]
    body += [_step(_LOAD_WORD, _OFFSET_CALL)]
    body += [_step(_JUMP_GREATER_EQUAL, _X32_BIT, yes=n + 4)]  # the x32 twin of every call
    body += [_step(_JUMP_EQUAL, call, yes=n - 1 - index + 4) for index, call in enumerate(machine.denied)]
    body += [
        _step(_JUMP_EQUAL, machine.socket, no=2),
        _step(_LOAD_WORD, _OFFSET_FIRST_ARGUMENT),
        _step(_JUMP_EQUAL, _AF_UNIX, no=1),
        _step(_RETURN, allow),
        _step(_RETURN, deny),
    ]
    return b"".join(body)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)
