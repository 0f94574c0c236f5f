"""The issuing CA's rotation: names, and who still depends on the previous one.

Two CAs of one installation never share a name: a revocation list is found by its issuer's. Each is called by its
number, the first by none. The previous CA may end once no box in service holds a certificate of it; a box that is off
meanwhile comes back all the same, since it renews by its key, and its authorities include the root.
"""

import re
from collections.abc import Iterable
from typing import Final

_NUMBERED: Final = re.compile(r"^(?P<name>.*?)(?:, number (?P<number>\d+))?$")


def next_name(name: str) -> str:
    """What the CA after one of this name is called."""
    found = _NUMBERED.match(name)
    number = int(found["number"] or 1) if found else 1
    return f"{found['name'] if found else name}, number {number + 1}"


def left_behind(issuers: Iterable[tuple[str, bytes]], current: bytes) -> list[str]:
    """Devices whose certificate another CA than the current one issued, by its key id; each once."""
    found: dict[str, bool] = {}
    for device, issuer in issuers:
        found[device] = found.get(device, True) and issuer != current
    return sorted(device for device, is_behind in found.items() if is_behind)
