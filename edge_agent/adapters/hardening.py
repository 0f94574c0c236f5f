"""What keeps memory from reaching the disk: no core dump, no debugger, no swap. Done once, at start.

Reads that matched nothing are in memory only (docs/privacy.md). A crash must not write them down, and neither may the
kernel when it runs short. Locking memory needs a right (`LimitMEMLOCK` under systemd); where it is missing
the agent says so and goes on.
"""

import ctypes
import os
import resource
from dataclasses import dataclass
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4  # pages are locked once they are used: address space that is only reserved costs nothing


@dataclass(frozen=True, slots=True)
class Hardening:
    """What was reached."""

    core_dumps_off: bool
    memory_locked: bool
    why_not: str = ""


def harden(*, lock_memory: bool = True) -> Hardening:
    """Forbid core dumps and swap for this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    core_dumps_off = libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    if not lock_memory:
        return Hardening(core_dumps_off, memory_locked=False, why_not="switched off in the settings")
    if not _may_lock_all():
        return Hardening(core_dumps_off, memory_locked=False, why_not="RLIMIT_MEMLOCK is limited")
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0:
        return Hardening(core_dumps_off, memory_locked=True)
    return Hardening(core_dumps_off, memory_locked=False, why_not=os.strerror(ctypes.get_errno()))


def _may_lock_all() -> bool:
    """Under a limit, locking would work now and fail later, in the middle of the work, when memory grows."""
    return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
