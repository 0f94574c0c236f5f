"""`GET /artefacts/{sha256}`: a hotlist snapshot by its hash, whole or in part, to registered boxes.

TLS asks for a certificate of our own CA; here its key is looked up in the registry, so that a revoked box is turned
away the moment it is revoked. The name is the content: what is sent for a hash never changes, so an answer may be kept
for good and a cut download goes on where it stopped (`Range`, `If-Range`). The bytes come out of the database in parts.

At a region linked cities ask here too, under their link's certificate, and are given what their own log names
(`aggregator.http.federation`).
"""

import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from aiohttp import web
from cryptography import x509

from aggregator.adapters import hotlist_store as store
from aggregator.adapters.database import Pool
from aggregator.core.byte_ranges import Span, Unsatisfiable, span_of
from aggregator.errors import BadSettings, DatabaseUnwell
from aggregator.http.line_probe import probe_routes
from aggregator.settings import Settings
from protocol.keys import key_id, spki_of

PART_BYTES: Final = 512 * 1024
_HASH: Final = r"[0-9a-f]{64}"

IsAdmitted = Callable[[bytes], bool]
"""Whether the key of an id may fetch: a registered device's, not revoked."""


class Shelf(Protocol):
    """Where bytes lie under their hash. Raises `DatabaseUnwell`."""

    async def size(self, sha256: bytes) -> int | None:
        """How many there are; None if they are not here, or not for whoever asks."""

    async def part(self, sha256: bytes, offset: int, length: int) -> bytes | None:
        """Some of them; None if they are gone."""


ShelfOf = Callable[[bytes], Shelf | None]
"""What the key of an id may fetch from, if it is no box's."""


def artefacts_app(
    pool: Pool, is_admitted: IsAdmitted, shelf_of: ShelfOf = lambda _: None, beside: Iterable[web.RouteDef] = ()
) -> web.Application:
    """The artefacts (aiohttp answers HEAD with their route too), the probe of the way to them, and what is beside."""
    snapshots = _Snapshots(pool)

    async def artefact(request: web.Request) -> web.StreamResponse:
        key = key_of(request)
        shelf = snapshots if is_admitted(key) else shelf_of(key)
        if shelf is None:
            raise web.HTTPForbidden(text="this certificate is of no box in service")
        sha256 = bytes.fromhex(request.match_info["sha256"])
        try:
            size = await shelf.size(sha256)
        except DatabaseUnwell as exc:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from exc
        if size is None:
            raise web.HTTPNotFound(text="no such artefact; the manifest names the current one")
        return await _answer(request, shelf, sha256, size)

    app = web.Application()
    app.router.add_get(f"/artefacts/{{sha256:{_HASH}}}", artefact)
    app.add_routes(probe_routes(lambda request: is_admitted(key_of(request))))
    app.add_routes(beside)
    return app


def server_context(settings: Settings) -> ssl.SSLContext:
    """TLS for boxes: our certificate, and one of our CA from them; raises `BadSettings`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(settings.broker.ca)
        context.load_cert_chain(settings.http.certificate, settings.http.key)
    except (OSError, ssl.SSLError) as exc:
        raise BadSettings(f"http.certificate, http.key and broker.ca cannot be used: {exc}") from exc
    return context


async def _answer(request: web.Request, shelf: Shelf, sha256: bytes, size: int) -> web.StreamResponse:
    etag = f'"{sha256.hex()}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=31536000, immutable"}
    if etag in request.headers.get("If-None-Match", "").split(", "):
        return web.Response(status=304, headers=headers)
    is_same = request.headers.get("If-Range", etag) == etag
    span = span_of(request.headers.get("Range"), size) if is_same else None
    if isinstance(span, Unsatisfiable):
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    return await _stream(request, response, shelf, sha256, span or Span(0, size))


async def _stream(
    request: web.Request, response: web.StreamResponse, shelf: Shelf, sha256: bytes, span: Span
) -> web.StreamResponse:
    response.content_type = "application/cbor"
    response.content_length = span.end - span.start
    await response.prepare(request)
    with suppress(ConnectionResetError):  # the box hung up; it comes again for the rest
        await _send(response, shelf, sha256, Span(span.end, span.end) if request.method == "HEAD" else span)
    return response


async def _send(response: web.StreamResponse, shelf: Shelf, sha256: bytes, span: Span) -> None:
    at = span.start
    while at < span.end:
        part = await shelf.part(sha256, at, min(PART_BYTES, span.end - at))
        if not part:  # dropped while it was sent: the length is short, and the box comes again
            break
        await response.write(part)
        at += len(part)


class _Snapshots:
    """Snapshots of hotlists."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def size(self, sha256: bytes) -> int | None:
        async with store.transaction(self._pool) as connection:
            return await store.artefact_size(connection, sha256)

    async def part(self, sha256: bytes, offset: int, length: int) -> bytes | None:
        async with store.transaction(self._pool) as connection:
            return await store.artefact_part(connection, sha256, offset, length)


def key_of(request: web.Request) -> bytes:
    """The id of the key in the peer's certificate, which TLS has verified."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    if der is None:
        return b""
    key = x509.load_der_x509_certificate(der).public_key()
    return bytes(key_id(spki_of(key)))  # type: ignore[arg-type]  # any key has a SubjectPublicKeyInfo
