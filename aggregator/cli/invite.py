"""`aggregator device invite|invitations|uninvite|approve|answer`: letting a new box in (docs/enrolment.md)."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TypeVar

import segno
from cyclopts import Parameter
from segno.encoder import DataOverflowError

from aggregator.adapters import enrolment_desk, enrolment_store, invitation_desk, keyfiles
from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import Pool, opened
from aggregator.adapters.enrolment_desk import Waiting
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.invitation_desk import Wish
from aggregator.cli.console import AsJson, Config, print_json, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.core.invitation import TEXTS, Invitation, Refusal, fingerprint, validity
from aggregator.core.rollout import check_settings_text
from aggregator.errors import AggregatorError, BadInput
from aggregator.settings import Settings
from protocol.armour import armour, compact, unarmour
from protocol.enrolment import ANSWER, REQUEST, token_text

T = TypeVar("T")
_COLUMNS: Final = (
    "invitation", "device", "city", "point", "profile", "state", "key", "invited_by", "invited_at", "expires_at",
)  # fmt: skip


def invite(
    *,
    city: str,
    point: str,
    profile: Annotated[str, Parameter(help="Firmware profile of the box's hardware.")],
    device: Annotated[str | None, Parameter(help="Its id; without one it is the point's with a number.")] = None,
    expires: Annotated[str | None, Parameter(help="How long it holds: 12h, 3d; else as the settings say.")] = None,
    settings: Annotated[Path | None, Parameter(help="First settings of the box, TOML (docs/settings.md).")] = None,
    needs_approval: Annotated[
        bool, Parameter(negative="", help="Have a person approve the box's key before it is certified.")
    ] = False,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Invite one box to enrol: prints its token, as text and as a QR code. Nobody can show the token again.

    A device that is new is registered. An earlier invitation of the same device that nobody used is cancelled.
    """
    installation, who = settings_of(config), actor()
    wish = Wish(
        city=city,
        point=point,
        profile=profile,
        device=device,
        settings_toml=_toml(settings),
        needs_approval=needs_approval or installation.enrolment.needs_approval,
        valid=validity(expires) if expires else timedelta(hours=installation.enrolment.invitation_hours),
    )
    now = datetime.now(UTC)
    made = _with(installation, lambda pool: invitation_desk.invite(pool, installation, wish, actor=who, now=now))
    text, name = token_text(made.token), made.invitation.invitation.hex()
    for old in made.replaced:
        say(f"cancelled the invitation {old.hex()}, which nobody had used")
    if json:
        print_json(
            {"device": made.token.device, "invitation": name, "expires": made.invitation.expires_at, "token": text}
        )
        return
    sys.stdout.write(f"{qr(text)}\n{text}\n")
    say(f"for {made.token.device}, until {made.invitation.expires_at:%Y-%m-%d %H:%M} UTC, one use. On the box:")
    say("  edge-agent enroll      (and paste or scan the token)")


def invitations(*, json: AsJson = False, config: Config = None) -> None:
    """List the invitations and where they stand; a waiting one shows the key to compare with the box's."""

    async def ask(pool: Pool) -> list[Invitation]:
        async with transaction(pool) as connection:
            return await enrolment_store.every(connection)

    now = datetime.now(UTC)
    rows = [_cells(each, now) for each in _with(settings_of(config), ask)]
    show_rows(_COLUMNS, rows, as_json=json)


def uninvite(
    device: str, /, *, reason: Annotated[str, Parameter(help="Why; it is kept.")], config: Config = None
) -> None:
    """Cancel the invitation in force of a device (or the one of that id): nobody can use it any more."""
    who, why, now = actor(), checked_reason(reason), datetime.now(UTC)
    gone = _with(settings_of(config), lambda pool: invitation_desk.cancel(pool, device, actor=who, reason=why, now=now))
    say(f"the invitation {gone.invitation.hex()} of {gone.device} is cancelled")


def approve(
    device: str,
    /,
    *,
    key: Annotated[str | None, Parameter(help="The key as the box shows it; refused if another one waits.")] = None,
    config: Config = None,
) -> None:
    """Approve the key that waits for its certificate; compare it with what the box shows first."""
    who, now = actor(), datetime.now(UTC)
    found = _with(settings_of(config), lambda pool: invitation_desk.approve(pool, device, key=key, actor=who, now=now))
    say(f"{found.device} may have its certificate for the key {fingerprint(found.key or b'')}; the box asks by itself")


def answer(
    request: Path,
    /,
    *,
    out: Path,
    with_qr: Annotated[bool, Parameter(name="--qr", negative="", help="Show the answer as a QR code too.")] = False,
    config: Config = None,
) -> None:
    """Answer a request that was carried here, for a box without a network: the other half of its enrolment.

    Parameters
    ----------
    request
        What `edge-agent enroll --offline-request` wrote, or `-` to paste it.
    out
        Where the answer goes; take it to the box: `edge-agent enroll --offline-answer FILE`.
    """
    settings, who, now = settings_of(config), actor(), datetime.now(UTC)
    text = sys.stdin.read() if str(request) == "-" else keyfiles.read_file(request).decode("ascii", "replace")
    raw = unarmour(REQUEST, text)
    found = _with(settings, lambda pool: enrolment_desk.answer(pool, settings, raw, actor=who, now=now))
    match found:
        case Refusal():
            raise BadInput(f"refused: {TEXTS[found]}")
        case Waiting():
            raise AggregatorError(
                f"{found.device} waits for approval of its key {found.fingerprint}: aggregator device approve "
                f"{found.device}; then answer again"
            )
        case bytes():
            keyfiles.replace(out, armour(ANSWER, found).encode())
            say(f"{out} is the answer; take it to the box: edge-agent enroll --offline-answer {out.name}")
            if with_qr:
                sys.stdout.write(
                    qr(compact(ANSWER, found)) or "the answer is too long for one QR code; take the file\n"
                )


def qr(text: str) -> str:
    """A text as a QR code of half blocks, for a terminal; nothing if it is too long for one."""
    out = io.StringIO()
    try:
        segno.make_qr(text, error="l").terminal(out, compact=True)
    except DataOverflowError:
        return ""
    return out.getvalue()


def _cells(each: Invitation, now: datetime) -> tuple[str | datetime | None, ...]:
    key = fingerprint(each.key) if each.key else None
    place = (each.device, each.city, each.point, each.profile)
    return (
        each.invitation.hex(),
        *place,
        each.state(now).value,
        key,
        each.invited_by,
        each.invited_at,
        each.expires_at,
    )


def _toml(path: Path | None) -> str:
    """The text of a settings file; what its keys mean is the box's to judge. Raises `BadInput`."""
    return check_settings_text(keyfiles.read_file(path).decode("utf-8", "replace")) if path else ""


def _with(settings: Settings, ask: Callable[[Pool], Awaitable[T]]) -> T:
    async def work() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await ask(database.pool)

    return asyncio.run(work())
