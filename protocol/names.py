"""Names of things that cross the wire, and the one grammar they share.

An id is 1 to 32 of `a-z`, `0-9` and `-`, and starts with a letter or digit. It is safe as a topic level,
a certificate's common name, a file name and an SQL value, so that no layer has to quote it. The lone
`-` is not an id: topics use it where a level means "all".
"""

import re
from typing import NewType

from protocol.errors import BadName

CityId = NewType("CityId", str)
PointId = NewType("PointId", str)
DeviceId = NewType("DeviceId", str)
CameraId = NewType("CameraId", str)
EntryId = NewType("EntryId", str)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text follows the grammar of ids."""
    return _ID.fullmatch(text) is not None


def check_id(text: str, what: str) -> str:
    """Return the text unchanged, or raise `BadName` that says what was expected of `what`."""
    if not is_id(text):
        raise BadName(f"{what} {text!r}: want 1 to 32 of a-z, 0-9 and '-', starting with a letter or digit")
    return text
