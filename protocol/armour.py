"""Bytes as text that survives being mailed, pasted into a terminal or shown as a QR code: base64 between two lines."""

import base64
import textwrap
from typing import Final

from protocol.errors import DecodeError

_LINE: Final = 76


def armour(what: str, raw: bytes) -> str:
    """The text of some bytes; `what` says what they are, in capitals."""
    body = "\n".join(textwrap.wrap(base64.b64encode(raw).decode(), _LINE))
    return f"-----BEGIN ATALAYA {what}-----\n{body}\n-----END ATALAYA {what}-----\n"


def unarmour(what: str, text: str) -> bytes:
    """The bytes of a text, whatever stands around it; raises `DecodeError`."""
    _, begun, rest = text.partition(f"-----BEGIN ATALAYA {what}-----")
    body, ended, _ = rest.partition(f"-----END ATALAYA {what}-----")
    if not (begun and ended):
        raise DecodeError(f"no whole ATALAYA {what} in it")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        raise DecodeError(f"the ATALAYA {what} is damaged") from None
