"""Bytes as text that survives being mailed, pasted into a terminal or shown as a QR code.

`armour` puts base64 between two lines, for files and letters. `compact` makes one line of capitals and digits out of
the compressed bytes, which is the small alphabet of QR codes. `unarmour` takes either, whatever stands around it, and
unpacks no more than it was told to.
"""

import base64
import re
import textwrap
import zlib
from typing import Final

from protocol.errors import DecodeError

MAX_BYTES: Final = 1024 * 1024
_LINE: Final = 76


def armour(what: str, raw: bytes) -> str:
    """The text of some bytes; `what` says what they are, in capitals."""
    body = "\n".join(textwrap.wrap(base64.b64encode(raw).decode(), _LINE))
    return f"-----BEGIN ATALAYA {what}-----\n{body}\n-----END ATALAYA {what}-----\n"


def compact(what: str, raw: bytes) -> str:
    """The same in one line, as short as it can be, for a QR code."""
    return f"ATALAYA {what}:{base64.b32encode(zlib.compress(raw, 9)).decode().rstrip('=')}"


def unarmour(what: str, text: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a text of either form; raises `DecodeError`."""
    found = re.search(rf"ATALAYA {what}:([A-Z2-7\s]+)", text)
    try:
        return _unpacked("".join(found[1].split()), max_bytes) if found else _between_lines(what, text)
    except (ValueError, zlib.error):
        raise DecodeError(f"the ATALAYA {what} is damaged") from None


def _between_lines(what: str, text: str) -> bytes:
    _, begun, rest = text.partition(f"-----BEGIN ATALAYA {what}-----")
    body, ended, _ = rest.partition(f"-----END ATALAYA {what}-----")
    if not (begun and ended):
        raise DecodeError(f"no whole ATALAYA {what} in it")
    return base64.b64decode("".join(body.split()), validate=True)


def _unpacked(letters: str, max_bytes: int) -> bytes:
    packed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(packed, max_bytes)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("cut short, or longer than was allowed")
    return raw
