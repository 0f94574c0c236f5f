"""`aggregator trust`: whose keys hold, by the root's word."""

import hashlib
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

from aggregator.adapters import keyfiles, trust_ceremony
from aggregator.adapters.trust_file import read_trust
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_rows
from aggregator.core import trust_ledger
from aggregator.errors import BadInput
from aggregator.settings import Keys
from protocol.clock import from_ms
from protocol.keys import KEY_ID_BYTES, KeyId
from protocol.names import check_id
from protocol.trust import Grant, Role, TrustBundle, TrustStore

app = App(name="trust", help="Keys that the root grants: servers', officers', the evidence authority's.")

RoleName: TypeAlias = Literal["receipt", "manifest", "officer", "evidence", "audit", "settings"]
COLUMNS = ("role", "subject", "cities", "from", "until", "key_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """How the next bundle is signed: here, with the root's key brought along, or elsewhere, from a draft."""

    root_key: Annotated[Path | None, Parameter(help="The root's private key.")] = None
    root_passphrase_file: Annotated[Path | None, Parameter(help="File that holds its passphrase.")] = None
    draft: Annotated[Path | None, Parameter(help="Write a draft here instead, for `trust sign` off line.")] = None


RootOptions: TypeAlias = Annotated[Root, Parameter(name="*")]


@app.command
def show(*, json: AsJson = False, config: Config = None) -> None:
    """Show the bundle in force."""
    store = read_trust(settings_of(config).keys)
    say(f"root fingerprint {hashlib.sha256(store.root.spki).hexdigest()}")
    say(f"bundle number {store.number}, signed {from_ms(store.created_ms):%Y-%m-%d %H:%M} UTC")
    show_rows(COLUMNS, _rows(store.grants), as_json=json)


@app.command
def grant(
    *,
    role: RoleName,
    subject: str,
    key: Path,
    city: tuple[str, ...] = (),
    days: int = 365,
    root: RootOptions = Root(),
    config: Config = None,
) -> None:
    """Grant a key a role, from now on.

    Parameters
    ----------
    role
        What the key may do.
    subject
        Whose key it is: an officer's name, a server's id.
    key
        The public key: PEM, DER, or an OpenSSH .pub file.
    city
        A city that the grant reaches; may be repeated. None: everywhere.
    days
        How long it holds.
    """
    keys, now = settings_of(config).keys, datetime.now(UTC)
    wanted, cities = Role[role.upper()], tuple(check_id(one, "--city") for one in city)
    new = trust_ledger.make_grant(
        wanted,
        trust_ceremony.public_key(key, wanted),
        check_id(subject, "--subject"),
        now=now,
        valid=timedelta(days=days),
        cities=cities,
    )
    store = read_trust(keys)
    put_in_force(keys, store, trust_ledger.granted(store, [new], now=now), root, now)


@app.command
def withdraw(
    key_id: Annotated[tuple[str, ...], Parameter(help="Key ids, as `trust show` gives them.")],
    /,
    *,
    role: Annotated[RoleName | None, Parameter(help="Only this role; every role if none.")] = None,
    root: RootOptions = Root(),
    config: Config = None,
) -> None:
    """Take keys out of the next bundle: what they sign from then on is believed by nobody who has it."""
    keys, now = settings_of(config).keys, datetime.now(UTC)
    store, gone = read_trust(keys), [_key_id(text) for text in key_id]
    left = trust_ledger.withdrawn(store, gone, now=now, role=Role[role.upper()] if role else None)
    put_in_force(keys, store, left, root, now)


@app.command
def upgrade(*, root: RootOptions = Root(), config: Config = None) -> None:
    """Grant this server's own key what a newer release needs of it, as far and as long as it may answer boxes."""
    keys, now = settings_of(config).keys, datetime.now(UTC)
    store, kid = read_trust(keys), keyfiles.read_signer(keys.server_key).public_key.key_id
    missing = trust_ledger.missing_grants(store, kid)
    if not missing:
        say("this server's key is granted all that this release needs")
        return
    say(f"to be granted: {', '.join(g.role.name.lower() for g in missing)}")
    put_in_force(keys, store, trust_ledger.granted(store, missing, now=now), root, now)


@app.command
def sign(draft: Path, /, *, root_key: Path, root_passphrase_file: Path, out: Path) -> None:
    """Sign a draft with the root's key, on the root's own machine; needs no settings."""
    bundle = trust_ceremony.read_draft(draft)
    _say_bundle(bundle)
    keyfiles.write_new(out, trust_ledger.signed(bundle, trust_ceremony.open_root(root_key, root_passphrase_file)))
    say(f"signed: {out}; put it in force on the server with: aggregator trust install")


@app.command
def install(bundle: Path, /, *, config: Config = None) -> None:
    """Put a signed bundle in force. Boxes get it within seconds of their next contact."""
    store = trust_ceremony.install(settings_of(config).keys, keyfiles.read_file(bundle))
    say(f"bundle number {store.number} is in force")


def put_in_force(keys: Keys, store: TrustStore, grants: tuple[Grant, ...], root: Root, now: datetime) -> None:
    """Make these the grants of the next bundle: signed with the root's key, or as a draft for its own machine."""
    bundle = trust_ledger.next_bundle(store, grants, now=now)
    match root:
        case Root(root_key=Path() as key, root_passphrase_file=Path() as passphrase, draft=None):
            trust_ceremony.install(keys, trust_ledger.signed(bundle, trust_ceremony.open_root(key, passphrase)))
            say(f"bundle number {bundle.number} is in force")
        case Root(root_key=None, root_passphrase_file=None, draft=Path() as draft):
            trust_ceremony.write_draft(bundle, draft)
            say(f"{draft} is bundle number {bundle.number} without a signature; sign it with: aggregator trust sign")
        case _:
            raise BadInput("give --root-key and --root-passphrase-file, or --draft alone")


def _say_bundle(bundle: TrustBundle) -> None:
    """What is about to be signed, in front of whoever holds the root."""
    say(f"bundle number {bundle.number}:")
    for row in _rows(bundle.grants):
        sys.stderr.write("  " + "  ".join(str(cell) for cell in row) + "\n")


def _rows(grants: tuple[Grant, ...]) -> list[tuple[Cell, ...]]:
    return [
        (
            g.role.name.lower(),
            g.subject,
            " ".join(g.cities) or "everywhere",
            from_ms(g.not_before_ms).date(),
            from_ms(g.not_after_ms).date(),
            g.key_id.hex(),
        )
        for g in sorted(grants, key=lambda g: (g.role, g.subject))
    ]


def _key_id(text: str) -> KeyId:
    try:
        raw = bytes.fromhex(text)
    except ValueError as exc:
        raise BadInput(f"{text!r} is no key id: want hexadecimal") from exc
    if len(raw) != KEY_ID_BYTES:
        raise BadInput(f"{text!r} is no key id: want {2 * KEY_ID_BYTES} hexadecimal digits")
    return KeyId(raw)
