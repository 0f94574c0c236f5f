"""Rollouts at the desk: started, grown, aborted, looked at, and carried on.

Who starts one only writes down what is wanted and for whom, audited in the same transaction. Documents are signed as
boxes' turns come (`advance`), by the service, one process at a time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.settings_store import Content, add_document, take_turn
from aggregator.adapters.statements import statements
from aggregator.core import rollout as rules
from aggregator.core.rollout import EVERYBODY, Course, Ring, RolloutBox, Standing
from aggregator.errors import AlreadyThere, BadInput, NotThere
from protocol.keys import Signer
from protocol.order import Identity

MOST_LISTED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants boxes to run. `devices` or `percent` say which boxes; 100 is the city."""

    settings_toml: str
    profile: str | None = None
    devices: tuple[str, ...] = ()
    percent: int | None = None
    trial_s: int | None = None

    @property
    def target(self) -> str:
        """Whom it is for, in words."""
        if self.percent is None:
            return f"{len(self.devices)} named boxes"
        whom = f"boxes of {self.profile}" if self.profile else "boxes"
        return f"all {whom}" if self.percent == EVERYBODY else f"{self.percent} % of the {whom}"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout with its boxes."""

    row: asyncpg.Record
    boxes: tuple[RolloutBox, ...]

    @property
    def course(self) -> Course:
        """Where it stands."""
        return rules.course_of(self.boxes, is_aborted=self.row["aborted_at"] is not None)

    def count(self, *standings: Standing) -> int:
        """How many boxes stand so."""
        return sum(box.standing in standings for box in self.boxes)


class RolloutDesk:
    """All that is done with rollouts of a city. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, city: str) -> None:
        """Nothing is held between calls."""
        self._pool, self._city = pool, city
        self._sql = statements("rollout")

    async def start(self, wish: Wish, *, actor: str, reason: str, now: datetime) -> Rollout:
        """Begin a rollout; raises `BadInput` or `NotThere` for boxes that are not there."""
        text = rules.check_settings_text(wish.settings_toml)
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            whole = (self._city, text, wish.trial_s, wish.target, wish.profile, wish.percent, reason, actor, now)
            rollout = await connection.fetchval(self._sql["start"], *whole)
            await self._add(connection, rollout, wish)
            await audit(connection, actor=actor, action="rollout.start", subject=f"rollout:{rollout}", reason=reason)
            found = await self._rollout(connection, rollout)
            if not found.boxes:
                raise NotThere(f"no active box of {self._city} is meant: {wish.target}")
            return found

    async def grow(self, rollout: str, percent: int, *, actor: str, reason: str) -> Rollout:
        """Let a share grow; raises `BadInput` if it is none, or would not grow."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            row = (await self._rollout(connection, rollout)).row
            if row["percent"] is None or row["aborted_at"] is not None:
                raise BadInput(f"{rollout} is not a share that runs: only one started with --share can grow")
            if percent <= row["percent"]:
                raise BadInput(f"{rollout} reaches {row['percent']} % already, and a share only grows")
            wish = Wish(
                settings_toml=row["settings_toml"], profile=row["profile"], percent=percent, trial_s=row["trial_s"]
            )
            await connection.execute(self._sql["grow"], rollout, percent)
            await self._add(connection, rollout, wish)
            await audit(connection, actor=actor, action="rollout.grow", subject=f"rollout:{rollout}", reason=reason)
            return await self._rollout(connection, rollout)

    async def abort(self, rollout: str, signer: Signer, *, actor: str, reason: str, now: datetime) -> Rollout:
        """End a rollout, and send its boxes back to what they ran; raises `NotThere` or `AlreadyThere`."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            found = await self._rollout(connection, rollout)
            if await connection.fetchval(self._sql["abort"], rollout, actor, now) is None:
                raise AlreadyThere(f"{rollout} was aborted already, by {found.row['aborted_by']}")
            for box in found.boxes:
                if box.standing in (Standing.SENT, Standing.KEPT):
                    await self._undo(connection, signer, rollout, box, now)
            await audit(connection, actor=actor, action="rollout.abort", subject=f"rollout:{rollout}", reason=reason)
            return await self._rollout(connection, rollout)

    async def show(self, rollout: str) -> Rollout:
        """A rollout; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            return await self._rollout(connection, rollout)

    async def list(self, limit: int = MOST_LISTED) -> list[Rollout]:
        """The newest rollouts first."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql["rollouts"], limit)
            return [Rollout(row, await self._boxes(connection, row["rollout_id"])) for row in rows]

    async def advance(self, signer: Signer, *, now: datetime, ring_wait: timedelta) -> int:
        """Sign the documents of all boxes whose turn has come; how many those are."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            signed = 0
            for row in await connection.fetch(self._sql["running"], self._city):
                boxes = await self._boxes(connection, row["rollout_id"])
                for box in rules.due(boxes, now=now, ring_wait=ring_wait):
                    await self._send(connection, signer, row, box, now)
                    signed += 1
            return signed

    async def _add(self, connection: Connection, rollout: str, wish: Wish) -> None:
        """The boxes of a wish that are not in the rollout yet, with their profiles as they are now."""
        found = await connection.fetch(self._sql["candidates"], self._city)
        meant = _named(wish, found) if wish.percent is None else _share(rollout, wish, found)
        profiles = {device: wish.profile or own for device, own in meant}
        texts = {name: profile_text(name) if name else "" for name in sorted(set(profiles.values()))}
        for name, text in texts.items():
            plan = rules.plan_of(text, wish.trial_s)
            await connection.execute(self._sql["add_profile"], rollout, name, text, int(plan.ring), plan.trial_s)
        rows = [(rollout, device, name) for device, name in profiles.items()]
        await connection.executemany(self._sql["add_box"], rows)

    async def _send(
        self, connection: Connection, signer: Signer, row: asyncpg.Record, box: RolloutBox, now: datetime
    ) -> None:
        rollout = row["rollout_id"]
        profiles = {each["profile"]: each for each in await connection.fetch(self._sql["profiles"], rollout)}
        profile = profiles[box.profile]
        content = Content(box.profile, profile["text"], row["settings_toml"], profile["trial_s"])
        await add_document(connection, signer, self._who(box), content, rollout=rollout, now=now)

    async def _undo(self, connection: Connection, signer: Signer, rollout: str, box: RolloutBox, now: datetime) -> None:
        before = await connection.fetchval(self._sql["before"], box.device, rollout)
        profiles = {each["profile"]: each for each in await connection.fetch(self._sql["profiles"], rollout)}
        profile = profiles[box.profile]
        bare = Content(box.profile, profile["text"], "", profile["trial_s"])
        content = Content.of(before) if before is not None else bare
        await add_document(connection, signer, self._who(box), content, rollout=f"undo-{rollout}", now=now)

    def _who(self, box: RolloutBox) -> Identity:
        return Identity(device=box.device, city=self._city, point=box.point)

    async def _rollout(self, connection: Connection, rollout: str) -> Rollout:
        row = await connection.fetchrow(self._sql["rollout"], rollout)
        if row is None:
            raise NotThere(f"no rollout {rollout!r}; `aggregator rollout list` names them")
        return Rollout(row, await self._boxes(connection, rollout))

    async def _boxes(self, connection: Connection, rollout: str) -> tuple[RolloutBox, ...]:
        return tuple(_box(row) for row in await connection.fetch(self._sql["boxes"], rollout))


def _named(wish: Wish, found: Sequence[asyncpg.Record]) -> list[tuple[str, str]]:
    own = {row["device_id"]: row["profile"] for row in found}
    missing = [device for device in wish.devices if device not in own]
    if missing:
        raise NotThere(f"{', '.join(missing)}: no active box of this city; `aggregator device list` names them")
    return [(device, own[device]) for device in dict.fromkeys(wish.devices)]


def _share(rollout: str, wish: Wish, found: Collection[asyncpg.Record]) -> list[tuple[str, str]]:
    percent = wish.percent or EVERYBODY
    rows = [row for row in found if wish.profile is None or row["profile"] == wish.profile]
    return [(row["device_id"], row["profile"]) for row in rows if rules.is_in_share(rollout, row["device_id"], percent)]


def _box(row: asyncpg.Record) -> RolloutBox:
    standing = rules.standing_of(row["number"], row["state"], is_superseded=row["is_superseded"])
    return RolloutBox(
        device=row["device_id"],
        point=row["point_id"],
        profile=row["profile"],
        ring=Ring(row["ring"]),
        standing=standing,
        number=row["number"],
        sent_at=row["signed_at"],
        answered_at=row["answered_at"],
        reason=row["reason"] or "",
        note=row["note"] or "",
    )
