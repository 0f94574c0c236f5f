"""What the kernel says of a running process: may it leave a core, is its memory locked, what does it hold in memory."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

# Without CAP_SYS_PTRACE root may look into a process of its own like anybody else: if that process is dumpable.
SAME_RIGHTS: Final = () if os.geteuid() else ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--")
_REGION = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ", re.MULTILINE)
_UNUSED = re.compile(rb"^Rss: +0 kB", re.MULTILINE)
_MOST_BYTES: Final = 1 << 30


def core_limits(pid: int) -> tuple[str, str]:
    """The soft and the hard limit on core files, as the kernel tells them."""
    (line,) = (each for each in Path(f"/proc/{pid}/limits").read_text().splitlines() if each.startswith("Max core"))
    soft, hard = line.split()[4:6]
    return soft, hard


def is_dumpable(pid: int) -> bool:
    """Whether somebody of the same rights may look into it: `prctl(PR_SET_DUMPABLE)`, as ptrace(2) tells it."""
    looked = subprocess.run([*SAME_RIGHTS, "readlink", f"/proc/{pid}/exe"], check=False, capture_output=True)
    return looked.returncode == 0


def locked_kb(pid: int) -> int:
    """How much memory is kept from the swap."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (locked,) = (line.split()[1] for line in lines if line.startswith("VmLck:"))
    return int(locked)


def found_in_memory(pid: int, texts: frozenset[str]) -> frozenset[str] | None:
    """Which texts stand in the memory of a process; None if we have not the right to look."""
    needles = {text: text.encode() for text in texts}
    found: set[str] = set()
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for start, size in _used_regions(Path(f"/proc/{pid}/smaps").read_bytes()):
                held = _read(memory.fileno(), start, size)
                found |= {text for text, needle in needles.items() if needle in held}
    except PermissionError:
        return None
    return frozenset(found)


def _used_regions(smaps: bytes) -> list[tuple[int, int]]:
    """Writable regions of which something is in RAM: start and size."""
    heads = list(_REGION.finditer(smaps))
    ends = [head.start() for head in heads[1:]] + [len(smaps)]
    regions = []
    for head, end in zip(heads, ends, strict=True):
        first, last, rights = int(head[1], 16), int(head[2], 16), head[3]
        is_used = _UNUSED.search(smaps, head.end(), end) is None
        if is_used and b"w" in rights and last - first < _MOST_BYTES:
            regions.append((first, last - first))
    return regions


def _read(memory: int, start: int, size: int) -> bytes:
    """The bytes of a region; what cannot be read of it is left out."""
    try:
        return os.pread(memory, size, start)
    except PermissionError:
        raise
    except OSError:  # the region has gone meanwhile, or is a device's
        return b""
