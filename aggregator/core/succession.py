"""A box that takes over from another, and what it is called.

An identity is never handed on: a broken box's successor has an id and a key of its own, at the same point, so that
what each of them said stays under its name and a question about the point answers with both. From the moment of
replacement the old key is refused, also for what it wrote before and sends late: nobody can tell a box that died in
the street from one that was carried off, and its messages are kept sealed with those refused.
"""

import re
from collections.abc import Collection
from typing import Final

_NUMBERED: Final = re.compile(r"(?P<stem>.*?)-r(?P<number>\d+)")
_LONGEST_ID: Final = 32


def successor_name(device: str, taken: Collection[str]) -> str:
    """The id of the box after one: its own with `-r2` behind it, then `-r3`, whichever is free."""
    found = _NUMBERED.fullmatch(device)
    stem, number = (found["stem"], int(found["number"]) + 1) if found else (device, 2)
    while True:
        tail = f"-r{number}"
        name = stem[: _LONGEST_ID - len(tail)] + tail
        if name not in taken:
            return name
        number += 1
