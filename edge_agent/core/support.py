"""What of a box's texts may leave with a support bundle.

Two nets, one behind the other. First every secret that the box knows of is taken out, in whatever form it stands in an
address or a JSON text. Then whatever looks like a secret or a plate: addresses with a path or a user, values beside
words like `password`, keys in PEM, long runs of base64 or hexadecimal digits, and words of capitals and digits of a
plate's length. The second net takes harmless words as well; a reader can live without them.
"""

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

REMOVED: Final = "[removed]"
PLATE_LIKE: Final = "[plate?]"
SHORTEST_SECRET: Final = 3  # shorter ones are in every text by chance; the second net has to do

_ADDRESS: Final = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"'<>\\]*", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"((?:pass(?:word|wd|phrase)?|pwd|secret|token|authori[sz]ation|credential|contrase(?:ñ|n)a|private[-_ ]?key)s?"
    r"[\"']?\s*[:=]\s*)(\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:(?:basic|bearer|digest)\s+)?[^\s,;}]+)",
    re.IGNORECASE,
)
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
# Capitals, small letters and digits, all three: a path has no capitals, a name no digits.
_BASE64: Final = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?=[a-z0-9+/_-]*[A-Z])(?=[A-Z0-9+/_-]*[a-z])(?=[A-Za-z+/_-]*[0-9])[A-Za-z0-9+/_-]{40,}={0,2}"
)
_HEX: Final = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{48,}(?![0-9a-fA-F])")
# Capitals and digits, in groups as on the plate (ABC-123-D) or in one; and groups with spaces between them.
_WORD: Final = re.compile(r"(?<![\w-])[A-Z0-9]+(?:-[A-Z0-9]+){0,3}(?![\w-])")
_SPACED: Final = re.compile(r"(?<![\w-])[A-Z]{1,3} [0-9]{2,4}(?: [A-Z0-9]{1,3})?(?![\w-])")
_PLATE_LENGTHS: Final = range(5, 10)


def secrets_of(addresses: Iterable[str], others: Iterable[str] = ()) -> tuple[str, ...]:
    """What must not be found: users, passwords, paths, queries of addresses, and what else is known; longest first."""
    known = set(others)
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme in ("", "file"):
            continue
        userinfo = parts.netloc.rpartition("@")[0]
        named = [value for _, value in parse_qsl(parts.query)]
        known |= {parts.path.strip("/"), parts.query, *named, userinfo, *userinfo.split(":", 1)}
    forms = {form for each in known for form in (each, unquote(each), quote(each, safe=""), json.dumps(each)[1:-1])}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True))


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """A text without secrets, addresses' details and plates."""
    for secret in secrets:
        text = text.replace(secret, REMOVED)
    text = _PEM.sub(REMOVED, text)
    text = _ADDRESS.sub(_host_only, text)
    text = _NAMED.sub(_name_only, text)
    text = _BASE64.sub(REMOVED, text)
    text = _HEX.sub(REMOVED, text)
    return _SPACED.sub(PLATE_LIKE, _WORD.sub(_unless_plate, text))


def _name_only(found: re.Match[str]) -> str:
    """What is named, without its value; a value in quotes leaves them, so that JSON and TOML stay what they are."""
    quote_mark = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quote_mark}{REMOVED}{quote_mark}"


def _unless_plate(found: re.Match[str]) -> str:
    """A word as it is, unless it has letters, digits and the length of a plate."""
    compact = found[0].replace("-", "")
    is_mixed = any(each.isdigit() for each in compact) and any(each.isalpha() for each in compact)
    return PLATE_LIKE if is_mixed and len(compact) in _PLATE_LENGTHS else found[0]


def _host_only(found: re.Match[str]) -> str:
    """Scheme and host: a camera takes its password as user, in the path, or in the query."""
    rest = found[0].partition("://")[2]
    host = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
    return f"{found[1]}://{'...' if '@' in rest else host}"
