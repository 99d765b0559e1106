"""What the process that reads untrusted files takes away from itself before it reads any.

Each step is taken where the system knows it, and left out where it does not: limits on memory, CPU
time, open files and written files are POSIX, the rest is Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import signal
import struct
import sys

OPEN_FILES = 64
"""Files open at a time: an archive, a file in it, and the libraries."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 4, 38, 22
SECCOMP_MODE_FILTER = 2
"""Source: linux/prctl.h, linux/seccomp.h."""

REFUSED_CALLS = {
    # socket, execve, execveat, ptrace, process_vm_writev
    "x86_64": (0xC000003E, (41, 59, 322, 101, 311)),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 271)),
}
"""Architecture (audit number) and the system calls that answer "not permitted": no new connection,
no other program. Source: linux/audit.h, the kernel's system call tables."""

X32_CALLS = 0x40000000
"""System calls from here on are the second table of x86_64, which could go round the first."""


def confine(memory_bytes: int, seconds: float, parent: int) -> None:
    """Take away what reading files does not need. Cannot be undone.

    Parameters
    ----------
    memory_bytes : most address space
    seconds : most CPU time
    parent : process id; this process ends when that one does
    """
    _limit(memory_bytes, seconds)
    if sys.platform == "linux":
        call = ctypes.CDLL(None, use_errno=True).prctl
        call(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It was gone before it could be watched.
            os._exit(1)
        call(PR_SET_DUMPABLE, 0, 0, 0, 0)
        call(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _refuse_calls(call)


def _limit(memory_bytes: int, seconds: float) -> None:
    try:
        import resource
    except ImportError:  # Windows knows none of them.
        return
    cpu = max(1, int(seconds) + 1)
    for which, soft, hard in (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0, 0),  # What was read goes out through a pipe, never to a disk.
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (soft, hard))


def _refuse_calls(prctl: ctypes._NamedFuncPointer) -> None:
    """Install a seccomp filter; without effect where the kernel has none."""
    if platform.machine() not in REFUSED_CALLS:
        return
    architecture, calls = REFUSED_CALLS[platform.machine()]
    load, equal, above, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse, end = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
    steps = [
        (load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, end),
        (load, 0, 0, 0), (above, len(calls) + 1, 0, X32_CALLS),
        *((equal, len(calls) - n, 0, call) for n, call in enumerate(calls)),
        (answer, 0, 0, allow), (answer, 0, 0, refuse),
    ]  # fmt: skip
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)
