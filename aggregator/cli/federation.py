"""`aggregator federation invite|join|adopt|status`, and what else goes on between cities and their region."""

import asyncio
import getpass
import hashlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from aggregator.adapters import (
    city_trust,
    federation_desk,
    federation_link,
    federation_status,
    keyfiles,
    membership,
    notice_desk,
    region_contact,
)
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Found
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import trust
from aggregator.cli.console import AsJson, Cell, Config, fingerprint, print_json, say, settings_of, show_rows
from aggregator.cli.invite import qr
from aggregator.cli.operator import actor
from aggregator.core import adoption, trust_ledger
from aggregator.core.adoption import Officer, Step
from aggregator.core.federation_status import LinkStatus
from aggregator.core.invitation import validity
from aggregator.errors import BadInput, NotThere, RegionAway
from aggregator.settings import Settings
from protocol.clock import from_ms, to_ms
from protocol.enrolment import Token, read_token, token_text
from protocol.keys import PublicKey
from protocol.names import check_id
from protocol.trust import Role, TrustRefusal, TrustStore

app = App(name="federation", help="Cities and their region: joining, leaving, how the links stand.")
app.command("aggregator.cli.leaving:shared", name="shared")
app.command("aggregator.cli.leaving:leave", name="leave")
app.command("aggregator.cli.dead_letters:dead", name="dead")
app.command("aggregator.cli.dead_letters:retry", name="retry")
app.command("aggregator.cli.dead_letters:dismiss", name="dismiss")

T = TypeVar("T")
_NO_ROOT: Final = trust.Root()
_OFFICERS: Final = ("step", "officer", "cities", "from", "until", "key_id")


@app.command
def invite(
    city: str,
    /,
    *,
    expires: Annotated[str | None, Parameter(help="How long it holds: 12h, 3d; else as the settings say.")] = None,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Invite a city to join this region: prints its token, as text and as a QR code. Nobody can show the token again.

    An earlier invitation of the same city that it has not used is cancelled.
    """
    settings, who, now = settings_of(config), actor(), datetime.now(UTC)
    valid = validity(expires) if expires else timedelta(hours=settings.enrolment.invitation_hours)
    name = check_id(city, "CITY")
    made = _with(settings, lambda pool: federation_desk.invite(pool, settings, name, valid=valid, actor=who, now=now))
    text = token_text(made.token)
    for old in made.replaced:
        say(f"cancelled the invitation {old.hex()}, which nobody had used")
    if json:
        named = {"city": city, "invitation": made.invitation.invitation.hex()}
        print_json(named | {"expires": made.invitation.expires_at, "token": text})
        return
    sys.stdout.write(f"{qr(text)}\n{text}\n")
    say(f"for {city}, until {made.invitation.expires_at:%Y-%m-%d %H:%M} UTC, one use. In the city:")
    say("  aggregator federation join      (and paste the token)")


@app.command
def join(
    *,
    token: Annotated[Path | None, Parameter(help="File with the token, or - for standard input; else it asks.")] = None,
    config: Config = None,
) -> None:
    """Join the region that a token is of, or another one than before. The running service takes it up by itself."""
    settings, read, now = settings_of(config), _token(token), datetime.now(UTC)
    who = actor()
    link = _with(settings, lambda pool: membership.join(pool, settings, read, actor=who, now=now))
    say(f"{settings.city} has joined {link.facts.region_name} ({link.facts.region}); its link is in {link.folder}")
    say("see how it stands: aggregator federation status")


@app.command
def adopt(
    city: str,
    /,
    *,
    officer: Annotated[tuple[str, ...], Parameter(help="Only this officer; may be repeated.")] = (),
    fingerprint_of_root: Annotated[
        str | None, Parameter(name="--fingerprint", help="Of the other city's root, as its own people told it.")
    ] = None,
    root: trust.RootOptions = _NO_ROOT,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Let another city's officers count here: shows whom; with our root, signs the next trust bundle.

    Ask that city's people for the fingerprint of their root (`aggregator trust show` there), by another way than this
    link. Officers whom their own root grants no more are taken out again.

    Parameters
    ----------
    city
        The other city, of the same region.
    """
    settings, now = settings_of(config), datetime.now(UTC)
    other = check_id(city, "CITY")
    if other == settings.city:
        raise BadInput(f"{city} is this city: its officers are made by `aggregator officer grant`")
    bundles = _with(settings, lambda pool: _trust_of(pool, settings, other, now))
    store, said = read_trust(settings.keys), bundles.said()
    officers = adoption.plan(store, said, city=settings.city, at_ms=to_ms(now), names=officer)
    say(f"root of {city}: fingerprint {hashlib.sha256(bundles.root).hexdigest()}, bundle number {said[-1].number}")
    show_rows(_OFFICERS, [_officer_cells(each) for each in officers], as_json=json)
    if root == _NO_ROOT:
        say("to have them count here: the same with --fingerprint, and the root's options (docs/federation.md)")
        return
    if fingerprint_of_root is None or fingerprint(fingerprint_of_root) != hashlib.sha256(bundles.root).digest():
        raise BadInput(
            f"--fingerprint must be that of {city}'s root, as its own people tell it; it is not the one above"
        )
    _sign(settings, store, officers, root, now)


@app.command
def status(*, json: AsJson = False, config: Config = None) -> None:
    """Show who is linked, since when, and how each link stands: lag, backlog, versions, clocks."""
    settings, now = settings_of(config), datetime.now(UTC)

    async def ask(pool: Pool) -> tuple[list[LinkStatus], Found]:
        async with transaction(pool) as connection:
            links = await federation_status.of(connection, settings, now=now)
            return links, await notice_desk.policies(connection, 1)

    lines, policy = _with(settings, ask)
    names = [field.name for field in fields(LinkStatus)]
    rows = [[_cell(getattr(line, name)) for name in names] for line in lines]
    show_rows(names, rows, as_json=json)
    for row in () if json else policy:
        since = f"{row['since']:%Y-%m-%d %H:%M} UTC"
        say(f"policy {row['sha256'][:12]} in force since {since}; see: aggregator notices policies")
    if not lines and not json:
        say("no link" if settings.role == "city" else "no city has joined; see: aggregator federation invite")


def _sign(settings: Settings, store: TrustStore, officers: Sequence[Officer], root: trust.Root, now: datetime) -> None:
    new = [each.grant for each in officers if each.step is Step.ADOPT]
    gone = [each.grant.key_id for each in officers if each.step is Step.WITHDRAW]
    if not new and not gone:
        say("nothing to sign: all of them count here already, or none may")
        return
    grants = trust_ledger.granted(store, new, now=now)
    kept = tuple(g for g in grants if g.role is not Role.OFFICER or g.key_id not in gone)
    trust.put_in_force(settings.keys, store, kept, root, now)


async def _trust_of(pool: Pool, settings: Settings, city: str, now: datetime) -> city_trust.Bundles:
    """All that another city's root has said: fetched from the region if it answers, else as it was last known here."""
    link = federation_link.read(settings)
    if link is None:
        raise NotThere(f"{settings.city} is not linked to a region; see: aggregator federation join")
    try:
        parcel = await region_contact.trust_of(link, city)
    except RegionAway as exc:
        say(f"as it was last known here: {exc}")
    else:
        async with transaction(pool) as connection:
            root = PublicKey.from_spki(parcel.root_spki)
            learned = await city_trust.learn(connection, city, root, parcel.trust, now=now)
            if isinstance(learned, TrustRefusal):
                why = learned.name.lower().replace("_", " ")
                raise BadInput(f"the region shows a trust bundle of {city} that cannot be believed ({why})")
    async with transaction(pool) as connection:
        found = await city_trust.bundles(connection, city)
    if found is None:
        raise NotThere(f"no root of {city} is known here")
    return found


def _token(file: Path | None) -> Token:
    """The token, from a file, from standard input, or from whoever sits there: never from the command line."""
    if file is None and sys.stdin.isatty():
        return read_token(getpass.getpass("token (not shown): "))
    if file is None or str(file) == "-":
        return read_token(sys.stdin.read())
    return read_token(keyfiles.read_file(file).decode("ascii", "replace"))


def _officer_cells(each: Officer) -> tuple[Cell, ...]:
    grant = each.grant
    return (
        each.step.value,
        grant.subject,
        " ".join(grant.cities) or "everywhere",
        from_ms(grant.not_before_ms).date(),
        from_ms(grant.not_after_ms).date(),
        grant.key_id.hex(),
    )


def _cell(value: object) -> Cell:
    if isinstance(value, float):
        return round(value, 1)
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    assert value is None or isinstance(value, Enum | str | int)  # noqa: S101  a field of `LinkStatus`
    return value.value if isinstance(value, Enum) else value


def _with(settings: Settings, ask: Callable[[Pool], Awaitable[T]]) -> T:
    async def work() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await ask(database.pool)

    return asyncio.run(work())
