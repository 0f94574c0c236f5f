"""Analysts' database roles: their names, and what a server keeps of their passwords.

A password becomes its SCRAM-SHA-256 verifier (RFC 5803) here, so that neither the server nor its log ever holds it. The
salt comes from whoever asks.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from typing import Final

from aggregator.errors import BadInput

LEAST: Final = 12
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)
_ROUNDS: Final = 4_096  # libpq's; the password's length carries it


def role_name(text: str) -> str:
    """A role's name, which no SQL has to quote; raises `BadInput`."""
    if _NAME.fullmatch(text) is None or text.startswith("pg_"):
        raise BadInput(f"{text!r}: a role's name is 1 to 31 of a-z, 0-9 and _, begins with a letter, and not with pg_")
    return text


def verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps of a password; raises `BadInput` for one that is short or of no ASCII."""
    if len(password) < LEAST or not password.isascii() or not password.isprintable():
        raise BadInput(f"a password has at least {LEAST} printable characters of ASCII")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    texts = [b64encode(each).decode() for each in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{texts[0]}${texts[1]}:{texts[2]}"
