"""Answers of rows: JSON, an ETag over what they say, 304 for who has it already, gzip for who takes it.

    {"rows": [{...}, ...], "next": "/api/v1/events?from=...&after=..."}

`next` is also the header `Link: <...>; rel="next"`, and names the same stretch of time in full, so that pages do not
move under somebody who asked for "the last day". The ETag is weak: it is of the rows, not of the bytes on the line.
What shows plates is never stored, and has none.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from aiohttp import ETag, web
from aiohttp.web_response import ContentCoding

# A row's values are whatever JSON has.
Row: TypeAlias = Mapping[str, Any]

_GZIP_FROM_BYTES: Final = 1_024
_VARY: Final = "Authorization, Accept-Encoding"


class Page(msgspec.Struct, frozen=True):
    """What is sent."""

    rows: Sequence[Row]
    next: str | None


def answer(request: web.Request, page: Page, *, is_kept: bool = True) -> web.Response:
    """A page as an answer, or 304. `is_kept`: it may be stored by who asked."""
    headers = {"Vary": _VARY, "Cache-Control": "private, no-cache" if is_kept else "no-store"}
    if page.next is not None:
        headers["Link"] = f'<{page.next}>; rel="next"'
    body = msgspec.json.encode(page)
    if is_kept:
        tag = ETag(hashlib.sha256(msgspec.json.encode(page.rows)).hexdigest()[:32], is_weak=True)
        headers["ETag"] = f'W/"{tag.value}"'
        if _has(request, tag):
            return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type="application/json", headers=headers)
    if len(body) >= _GZIP_FROM_BYTES and takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.enable_compression(ContentCoding.gzip)
    return response


def _has(request: web.Request, tag: ETag) -> bool:
    named = request.if_none_match or ()
    return any(each.value in ("*", tag.value) for each in named)


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding takes gzip (RFC 9110 section 12.5.3)."""
    weights = {}
    for each in header.lower().split(","):
        coding, _, parameters = each.strip().partition(";")
        weights[coding.strip()] = parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return weights.get("gzip", weights.get("*", False))
