"""`aggregator rollout`: what boxes run, changed for one, some, a share or all of them (docs/rollout.md)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number

from aggregator.adapters.audit_log import checked_reason
from aggregator.adapters.database import opened
from aggregator.adapters.rollout_desk import Rollout, RolloutDesk, Wish
from aggregator.adapters.rollout_office import office_of
from aggregator.adapters.settings_store import settings_signer
from aggregator.cli.console import AsJson, Cell, Config, print_json, say, settings_of, show_rows
from aggregator.cli.operator import actor
from aggregator.core.rollout import EVERYBODY, FAILED, Course, RolloutBox, Standing
from aggregator.errors import BadInput
from aggregator.settings import Settings
from protocol.names import check_id

app = App(name="rollout", help="What boxes run: signed settings and profiles, to one box, a list, a share or all.")
app.command("aggregator.cli.entrust:entrust")

T = TypeVar("T")
Reason = Annotated[str, Parameter(help="Why; kept in the audit.")]
NO_REASON: Final = "no reason given"
HALTED: Final = 3
"""Exit code of `status`."""
Percent = Annotated[int, Parameter(validator=Number(gte=1, lte=EVERYBODY))]
Name = Annotated[str, Parameter(help="The rollout, such as r-3.")]
_COLUMNS: Final = (
    "rollout", "city", "course", "target", "boxes", "waiting", "sent", "kept", "failed", "superseded", "started_by",
    "started_at", "aborted_by", "aborted_at", "reason",
)  # fmt: skip
_BOX_COLUMNS: Final = (
    "device", "point", "profile", "ring", "standing", "number", "sent_at", "answered_at", "reason", "note",
)  # fmt: skip


@app.command
def start(
    *,
    settings: Annotated[Path, Parameter(help="The settings to sign, TOML: keys of docs/settings.md#signed-settings.")],
    of: Annotated[str | None, Parameter(help="At a region: the linked city whose boxes are meant.")] = None,
    profile: Annotated[str | None, Parameter(help="A firmware profile; without one each box keeps its own.")] = None,
    device: Annotated[tuple[str, ...], Parameter(help="A box; may be repeated.", negative="")] = (),
    list_: Annotated[Path | None, Parameter(name="--list", help="File with a box in each line.")] = None,
    share: Annotated[Percent | None, Parameter(help="Percent of the city's boxes (of the profile).")] = None,
    city: Annotated[bool, Parameter(help="All of the city's boxes (of the profile).", negative="")] = False,
    trial_minutes: Annotated[
        int | None, Parameter(help="How long a box tries it; else as its profile says.", validator=Number(gte=1))
    ] = None,
    reason: Reason = NO_REASON,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Change what boxes run. The service signs the documents as the boxes' turns come: canaries first."""
    installation, who, why = settings_of(config), actor(), checked_reason(reason)
    devices = (*device, *(_listed(list_) if list_ else ()))
    if (bool(devices), share is not None, city).count(True) != 1:
        raise BadInput("say for whom, one of: --device (and --list), --share, --city")
    wish = Wish(
        settings_toml=_text(settings),
        of=None if of is None else check_id(of, "--of"),
        profile=profile,
        devices=tuple(check_id(each, "--device") for each in devices),
        percent=EVERYBODY if city else share,
        trial_s=trial_minutes * 60 if trial_minutes else None,
    )
    now = datetime.now(UTC)
    settings_signer(installation, now=now)
    found = _ask(installation, lambda desk: desk.start(wish, actor=who, reason=why, now=now))
    say(f"{found.row['rollout_id']}: {len(found.boxes)} boxes; `aggregator run` signs and sends their documents")
    show_rows(_COLUMNS, [_line(found)], as_json=json)


@app.command
def grow(
    rollout: Name, /, *, share: Percent, reason: Reason = NO_REASON, json: AsJson = False, config: Config = None
) -> None:
    """Let a share grow: the boxes that it reached stay, others come in."""
    installation, who, why = settings_of(config), actor(), checked_reason(reason)
    found = _ask(installation, lambda desk: desk.grow(rollout, share, actor=who, reason=why))
    show_rows(_COLUMNS, [_line(found)], as_json=json)


@app.command
def abort(rollout: Name, /, *, reason: Reason = NO_REASON, json: AsJson = False, config: Config = None) -> None:
    """End a rollout: nothing more is sent, and boxes that run it are sent back to what they ran before."""
    installation, who, why, now = settings_of(config), actor(), checked_reason(reason), datetime.now(UTC)
    signer = settings_signer(installation, now=now)
    found = _ask(installation, lambda desk: desk.abort(rollout, signer, actor=who, reason=why, now=now))
    if found.left:
        say(f"{len(found.left)} boxes stay with it: {', '.join(box.device for box in found.left)}")
        say(f"what they ran before their city alone knows. There: aggregator rollout undo {rollout} --reason ...")
    show_rows(_COLUMNS, [_line(found)], as_json=json)


@app.command
def undo(rollout: Name, /, *, reason: Reason = NO_REASON, json: AsJson = False, config: Config = None) -> None:
    """In a city: send the boxes that run a region's rollout back to what they ran before it."""
    installation, who, why, now = settings_of(config), actor(), checked_reason(reason), datetime.now(UTC)
    if installation.role == "region":
        raise BadInput("a region ends its own rollouts: aggregator rollout abort")
    signer = settings_signer(installation, now=now)
    gone = _ask(installation, lambda desk: desk.undo(rollout, signer, actor=who, reason=why, now=now))
    show_rows(("device",), [(device,) for device in gone], as_json=json)


@app.command
def status(
    rollout: Annotated[str | None, Parameter(help="The rollout; without one the newest.")] = None,
    /,
    *,
    json: AsJson = False,
    config: Config = None,
) -> int:
    """Show a rollout box by box. Exit code 3: it was halted by a box that rolled back or refused."""
    found = _ask(settings_of(config), lambda desk: _named(desk, rollout))
    if json:
        rows = [dict(zip(_BOX_COLUMNS, _box(box), strict=True)) for box in found.boxes]
        print_json(dict(zip(_COLUMNS, _line(found), strict=True)) | {"each": rows})
    else:
        say(f"{found.row['rollout_id']}: {found.course}, {found.row['target']}")
        show_rows(_BOX_COLUMNS, [_box(box) for box in found.boxes], as_json=False)
    return HALTED if found.course is Course.HALTED else 0


@app.command(name="list")
def list_(
    *,
    of: Annotated[str | None, Parameter(help="Only those for boxes of this city.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.", validator=Number(gte=1))] = 50,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """Show the rollouts, newest first."""
    found = _ask(settings_of(config), lambda desk: desk.list(limit, of=of))
    show_rows(_COLUMNS, [_line(each) for each in found], as_json=json)


def _ask(settings: Settings, question: Callable[[RolloutDesk], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with opened(settings.database, role=settings.role) as database:
            return await question(RolloutDesk(database.pool, office_of(settings)))

    return asyncio.run(ask())


async def _named(desk: RolloutDesk, rollout: str | None) -> Rollout:
    if rollout is not None:
        return await desk.show(rollout)
    found = await desk.list(1)
    if not found:
        raise BadInput("there has been no rollout; begin one with: aggregator rollout start")
    return found[0]


def _line(found: Rollout) -> tuple[Cell, ...]:
    row = found.row
    return (
        *(row["rollout_id"], row["city_id"], str(found.course), row["target"], len(found.boxes)),
        *(found.count(each) for each in (Standing.WAITING, Standing.SENT, Standing.KEPT)),
        *(found.count(*FAILED), found.count(Standing.SUPERSEDED)),
        *(row["started_by"], row["started_at"], row["aborted_by"], row["aborted_at"], row["reason"]),
    )


def _box(box: RolloutBox) -> tuple[Cell, ...]:
    return (
        *(box.device, box.point, box.profile, box.ring.name.lower(), str(box.standing), box.number),
        *(box.sent_at, box.answered_at, box.reason, box.note),
    )


def _listed(path: Path) -> list[str]:
    """Boxes of a file, one a line; what stands behind a # is no box."""
    lines = (line.partition("#")[0].strip() for line in _text(path).splitlines())
    found = [line for line in lines if line]
    if not found:
        raise BadInput(f"{path} names no box")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadInput(f"{path} cannot be read: {exc}") from exc
