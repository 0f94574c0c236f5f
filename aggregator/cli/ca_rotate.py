"""`aggregator ca rotate|sign`: another issuing CA under the same root. docs/certificates.md has the procedure."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclopts import Parameter

from aggregator.adapters import federated_store, founding, keyfiles, mosquitto, pki, rotation
from aggregator.adapters.database import Connection, opened
from aggregator.adapters.registry_store import Registry
from aggregator.adapters.statements import statements
from aggregator.cli.ca import reload_broker
from aggregator.cli.console import Config, say, settings_of
from aggregator.cli.passphrases import passphrase_of
from aggregator.core.access import link_client
from aggregator.core.rotation import left_behind
from aggregator.errors import AlreadyThere, BadInput, BadKey
from aggregator.settings import Settings

_SHOWN = 10


def rotate(
    *,
    begin: Annotated[bool, Parameter(negative="", help="Let a new issuing CA sign from now on.")] = False,
    finish: Annotated[bool, Parameter(negative="", help="Trust the previous one no more.")] = False,
    root_key: Annotated[Path | None, Parameter(help="The root's private key, brought along.")] = None,
    root_passphrase_file: Annotated[Path | None, Parameter(help="Its passphrase; asked for if none.")] = None,
    request: Annotated[Path | None, Parameter(help="Write what the root is to sign elsewhere, by `ca sign`.")] = None,
    certificate: Annotated[Path | None, Parameter(help="What the root made of it.")] = None,
    force: Annotated[bool, Parameter(negative="", help="Finish although boxes are left behind.")] = False,
    config: Config = None,
) -> None:
    """Rotate the issuing CA: --begin, and when every box has renewed, --finish."""
    settings = settings_of(config)
    if begin == finish:
        raise BadInput("give --begin or --finish")
    if finish:
        _finish(settings, is_forced=force)
    elif request is not None:
        keyfiles.write_new(request, rotation.request(settings))
        say(f"{request} is to be signed by the root: aggregator ca sign; then: ca rotate --begin --certificate FILE")
    else:
        _certify(settings, root_key, root_passphrase_file, certificate)
        _begin(settings)


def sign(
    request: Path,
    /,
    *,
    root_key: Path,
    root_certificate: Path,
    out: Path,
    root_passphrase_file: Annotated[Path | None, Parameter(help="Its passphrase; asked for if none.")] = None,
) -> None:
    """Sign the request of a new issuing CA with the root's key, on the root's own machine; needs no settings."""
    root = _root(root_key, root_passphrase_file, root_certificate)
    made = pki.sign_issuing(root, keyfiles.read_file(request), now=datetime.now(UTC))
    keyfiles.write_certificates(out, made)
    say(f"signed: {out}, {pki.common_name(made)}; take it to the server: ca rotate --begin --certificate {out.name}")


def _certify(settings: Settings, root_key: Path | None, passphrase_file: Path | None, made: Path | None) -> None:
    """See that the next CA has its certificate: brought along, made here, or there since an attempt that was cut."""
    if made is not None:
        rotation.certify(settings, keyfiles.read_certificate(made))
    elif rotation.pair_of(settings, "next-").is_there:
        say("going on with the rotation that was cut off")
    elif root_key is not None:
        root = _root(root_key, passphrase_file, settings.keys.root_certificate)
        rotation.certify(settings, pki.sign_issuing(root, rotation.request(settings), now=datetime.now(UTC)))
    else:
        raise BadInput("give --root-key, or --request to have the root sign elsewhere, or --certificate")


def _root(key_file: Path, passphrase_file: Path | None, certificate: Path) -> pki.Authority:
    key = keyfiles.read_signer(key_file, passphrase_of(passphrase_file, "the root's key")).private_key
    root = keyfiles.read_certificate(certificate)
    if not isinstance(key, Ed25519PrivateKey) or key.public_key() != root.public_key():
        raise BadKey(f"{key_file} is not the key of {certificate}")
    return pki.Authority(root, key)


def _begin(settings: Settings) -> None:
    now = datetime.now(UTC)
    issuing = asyncio.run(_begun(settings, now))
    founding.renew(settings, mosquitto.own_clients(settings), now=now)
    mosquitto.write(settings)
    say(f"{pki.common_name(issuing.certificate)} signs from now on; what the CA before it signed still holds")
    reload_broker(settings)
    say("now restart `aggregator run`, then the broker: boxes see the new CA and renew within the hour")
    say("when `aggregator ca rotate --finish` names nobody, the CA before has ended")


async def _begun(settings: Settings, now: datetime) -> pki.Authority:
    async with _transaction(settings) as connection:
        return rotation.begin(settings, await _revoked(connection), now=now)


def _finish(settings: Settings, *, is_forced: bool) -> None:
    behind = asyncio.run(_finished(settings, datetime.now(UTC), is_forced=is_forced))
    if behind:
        say(f"{_named(behind)} will be refused by the broker until they renew: boxes by themselves, cities by joining")
    say("the CA before is trusted no more, and its key is removed")
    reload_broker(settings)
    say("restart the broker: a list that it has read once, it forgets only then")


async def _finished(settings: Settings, now: datetime, *, is_forced: bool) -> list[str]:
    async with _transaction(settings) as connection:
        rows = await connection.fetch(statements("certificates")["certificates_in_service"])
        links = await federated_store.live_certificates(connection)
        issuers = [*_issuers(rows), *((link_client(city), pki.issuer_key_id(each)) for city, each in links.items())]
        behind = left_behind(issuers, pki.key_id_of(founding.read_issuing(settings).certificate))
        if behind and not is_forced:
            raise AlreadyThere(f"{_named(behind)} still hold certificates of the CA before; --force ends it anyhow")
        rotation.finish(settings, await _revoked(connection), now=now)
    return behind


@asynccontextmanager
async def _transaction(settings: Settings) -> AsyncIterator[Connection]:
    async with (
        opened(settings.database, role=settings.role) as database,
        database.pool.acquire() as connection,
        connection.transaction(),
    ):
        yield connection


async def _revoked(connection: Connection) -> list[pki.Revoked]:
    return [pki.Revoked(*one) for one in await Registry(connection).revoked_serials()]


def _issuers(rows: Iterable[asyncpg.Record]) -> Iterable[tuple[str, bytes]]:
    for row in rows:
        certificate = x509.load_pem_x509_certificate(row["certificate_pem"].encode())
        yield row["device_id"], pki.issuer_key_id(certificate)


def _named(devices: list[str]) -> str:
    more = f" and {len(devices) - _SHOWN} more" if len(devices) > _SHOWN else ""
    return f"{len(devices)} boxes ({', '.join(devices[:_SHOWN])}{more})"
