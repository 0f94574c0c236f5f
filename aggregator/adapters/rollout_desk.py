"""Rollouts at the desk: started, grown, aborted, looked at, and carried on.

Who starts one only writes down what is wanted and for whom, audited in the same transaction. Documents are signed as
boxes' turns come (`advance`), by the service, one process at a time. What a city and a region do differently is their
offices' (`aggregator.adapters.rollout_office`).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Connection, Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.profile_texts import profile_text
from aggregator.adapters.rollout_office import Office
from aggregator.adapters.settings_store import FIRST_ROLLOUT, Content, add_document, take_turn
from aggregator.adapters.statements import statements
from aggregator.core import rollout as rules
from aggregator.core.rollout import EVERYBODY, Course, Ring, RolloutBox, Standing
from aggregator.errors import AlreadyThere, BadInput, BadKey, NotThere
from protocol.keys import Signer
from protocol.order import Identity

MOST_LISTED: Final = 1_000
UNDO: Final = "undo-"
"""Before a rollout's name: the documents that bring back what ran before it."""
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants boxes to run. `devices` or `percent` say which boxes; 100 is the city. `of`: which one's."""

    settings_toml: str
    of: str | None = None
    profile: str | None = None
    devices: tuple[str, ...] = ()
    percent: int | None = None
    trial_s: int | None = None

    @property
    def target(self) -> str:
        """Whom it is for, in words."""
        where = f" in {self.of}" if self.of else ""
        if self.percent is None:
            return f"{len(self.devices)} named boxes{where}"
        whom = (f"boxes of {self.profile}" if self.profile else "boxes") + where
        return f"all {whom}" if self.percent == EVERYBODY else f"{self.percent} % of the {whom}"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout with its boxes; of one that was just aborted also those that could not be sent back."""

    row: asyncpg.Record
    boxes: tuple[RolloutBox, ...]
    left: tuple[RolloutBox, ...] = ()

    @property
    def course(self) -> Course:
        """Where it stands."""
        return rules.course_of(self.boxes, is_aborted=self.row["aborted_at"] is not None)

    def count(self, *standings: Standing) -> int:
        """How many boxes stand so."""
        return sum(box.standing in standings for box in self.boxes)


@dataclass(frozen=True, slots=True)
class Advanced:
    """How many documents were signed, and why others could not be whose turn has come."""

    signed: int
    problems: tuple[str, ...] = ()


class RolloutDesk:
    """All that is done with rollouts. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, office: Office) -> None:
        """Nothing is held between calls."""
        self._pool, self._office = pool, office
        self._sql = statements("rollout")

    async def start(self, wish: Wish, *, actor: str, reason: str, now: datetime) -> Rollout:
        """Begin a rollout; raises `BadInput`, `NotThere`, or `BadKey` if no box would believe it."""
        text, city = rules.check_settings_text(wish.settings_toml), self._office.city(wish.of)
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            await self._office.check(connection, city, now=now)
            whole = (city, text, wish.trial_s, wish.target, wish.profile, wish.percent, reason, actor, now)
            rollout = await connection.fetchval(self._sql["start"], *whole, self._office.prefix)
            await self._add(connection, city, rollout, wish)
            await audit(connection, actor=actor, action="rollout.start", subject=f"rollout:{rollout}", reason=reason)
            found = await self._rollout(connection, rollout)
            if not found.boxes:
                raise NotThere(f"no active box of {city} is meant: {wish.target}")
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
            await self._add(connection, row["city_id"], rollout, wish)
            await audit(connection, actor=actor, action="rollout.grow", subject=f"rollout:{rollout}", reason=reason)
            return await self._rollout(connection, rollout)

    async def abort(self, rollout: str, signer: Signer, *, actor: str, reason: str, now: datetime) -> Rollout:
        """End a rollout, and send its boxes back to what they ran, where that is known here and they would believe it;
        raises `NotThere` or `AlreadyThere`."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            found = await self._rollout(connection, rollout)
            if await connection.fetchval(self._sql["abort"], rollout, actor, now) is None:
                raise AlreadyThere(f"{rollout} was aborted already, by {found.row['aborted_by']}")
            left = await self._send_back(connection, signer, found, now)
            await audit(connection, actor=actor, action="rollout.abort", subject=f"rollout:{rollout}", reason=reason)
            return replace(await self._rollout(connection, rollout), left=left)

    async def undo(self, rollout: str, signer: Signer, *, actor: str, reason: str, now: datetime) -> tuple[str, ...]:
        """In a city: send the boxes that run a region's rollout back to what they ran; which those are."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            rows = await connection.fetch(self._sql["boxes_under"], rollout, self._office.own)
            if not rows or rollout == FIRST_ROLLOUT or rollout.startswith(UNDO):
                raise NotThere(f"no box of this city runs what a region's rollout {rollout!r} brought")
            for row in rows:
                content = await self._before(connection, row["device_id"], rollout)
                content = content or replace(Content.of(row["envelope"]), settings_toml="")
                who = Identity(device=row["device_id"], city=str(self._office.own), point=row["point_id"])
                await add_document(connection, signer, who, content, rollout=UNDO + rollout, now=now)
            await audit(connection, actor=actor, action="rollout.undo", subject=f"rollout:{rollout}", reason=reason)
            return tuple(row["device_id"] for row in rows)

    async def show(self, rollout: str) -> Rollout:
        """A rollout; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            return await self._rollout(connection, rollout)

    async def list(self, limit: int = MOST_LISTED, *, of: str | None = None) -> list[Rollout]:
        """The newest rollouts first; `of`: only those for boxes of a city."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql["rollouts"], limit, of)
            return [Rollout(row, await self._boxes(connection, row["rollout_id"])) for row in rows]

    async def advance(self, signer: Signer, *, now: datetime, ring_wait: timedelta) -> Advanced:
        """Sign the documents of boxes whose turn has come, of as many as the office does at once."""
        async with transaction(self._pool) as connection:
            await take_turn(connection)
            signed, problems, room = defaultdict[str, list[bytes]](list), list[str](), self._office.most_at_once
            for row in await connection.fetch(self._sql["running"], self._office.own):
                boxes = await self._boxes(connection, row["rollout_id"])
                turns = rules.due(boxes, now=now, ring_wait=ring_wait)[:room]
                if turns and (problem := await self._problem(connection, row["city_id"], now)):
                    problems.append(f"{row['rollout_id']}: {problem}")
                    continue
                for box in turns:
                    signed[row["city_id"]].append(await self._send(connection, signer, row, box, now))
                room = None if room is None else room - len(turns)
            for city, documents in signed.items():  # last: a region takes the turn of its logs
                await self._office.tell(connection, city, documents, now=now)
            await self._office.remind(connection, now=now)
            return Advanced(sum(map(len, signed.values())), tuple(problems))

    async def _problem(self, connection: Connection, city: str, now: datetime) -> str | None:
        """Why boxes of a city would not get or believe what is signed now."""
        try:
            await self._office.check(connection, city, now=now)
        except (BadKey, NotThere) as exc:
            return str(exc)
        return None

    async def _add(self, connection: Connection, city: str, rollout: str, wish: Wish) -> None:
        """The boxes of a wish that are not in the rollout yet, with their profiles as they are now."""
        found = await self._office.candidates(connection, city)
        meant = _named(wish, found) if wish.percent is None else _share(rollout, wish, found)
        profiles = {device: wish.profile or own for device, own in meant}
        if not self._office.has_every_document:
            _refuse_unknown(profiles)
        texts = {name: profile_text(name) if name else "" for name in sorted(set(profiles.values()))}
        for name, text in texts.items():
            plan = rules.plan_of(text, wish.trial_s)
            await connection.execute(self._sql["add_profile"], rollout, name, text, int(plan.ring), plan.trial_s)
        rows = [(rollout, device, name) for device, name in profiles.items()]
        await connection.executemany(self._sql["add_box"], rows)

    async def _send(
        self, connection: Connection, signer: Signer, row: asyncpg.Record, box: RolloutBox, now: datetime
    ) -> bytes:
        rollout = row["rollout_id"]
        profile = await self._profile(connection, rollout, box)
        content = Content(box.profile, profile["text"], row["settings_toml"], profile["trial_s"])
        return await add_document(connection, signer, _who(row, box), content, rollout=rollout, now=now)

    async def _send_back(
        self, connection: Connection, signer: Signer, found: Rollout, now: datetime
    ) -> tuple[RolloutBox, ...]:
        """Have the boxes of a rollout run again what they ran before; which are left, since nobody here knows that."""
        row, rollout = found.row, found.row["rollout_id"]
        going = tuple(b for b in found.boxes if b.standing in (Standing.SENT, Standing.KEPT) and not b.is_outranked)
        if going and await self._problem(connection, row["city_id"], now) is not None:
            return going
        signed, left = list[bytes](), list[RolloutBox]()
        for box in going:
            content = await self._before(connection, box.device, rollout)
            if content is None and self._office.has_every_document:
                profile = await self._profile(connection, rollout, box)
                content = Content(box.profile, profile["text"], "", profile["trial_s"])
            if content is None:
                left.append(box)
                continue
            who, of = _who(row, box), UNDO + rollout
            signed.append(await add_document(connection, signer, who, content, rollout=of, now=now))
        await self._office.tell(connection, row["city_id"], signed, now=now)
        return tuple(left)

    async def _before(self, connection: Connection, device: str, rollout: str) -> Content | None:
        """What a box ran before a rollout, if it is known here."""
        before = await connection.fetchval(self._sql["before"], device, rollout, self._office.has_every_document)
        return None if before is None else Content.of(before)

    async def _profile(self, connection: Connection, rollout: str, box: RolloutBox) -> asyncpg.Record:
        profiles = {each["profile"]: each for each in await connection.fetch(self._sql["profiles"], rollout)}
        return profiles[box.profile]

    async def _rollout(self, connection: Connection, rollout: str) -> Rollout:
        row = await connection.fetchrow(self._sql["rollout"], rollout)
        if row is None:
            raise NotThere(f"no rollout {rollout!r}; `aggregator rollout list` names them")
        return Rollout(row, await self._boxes(connection, rollout))

    async def _boxes(self, connection: Connection, rollout: str) -> tuple[RolloutBox, ...]:
        return tuple(_box(row) for row in await connection.fetch(self._sql["boxes"], rollout))


def _who(row: asyncpg.Record, box: RolloutBox) -> Identity:
    """A box of the city that a rollout is for."""
    return Identity(device=box.device, city=row["city_id"], point=box.point)


def _refuse_unknown(profiles: dict[str, str]) -> None:
    """Raise `BadInput` for boxes of no known profile: a document says the whole, and one without would take it away."""
    unknown = sorted(device for device, name in profiles.items() if not name)
    if unknown:
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        raise BadInput(
            f"which profile runs on {', '.join(unknown[:_MOST_NAMED])}{more} is not known here, and a document that"
            " names none would take it away: say which they are to run, with --profile"
        )


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
    is_superseded = row["is_outranked"] or row["is_in_newer"]
    standing = rules.standing_of(row["number"], row["state"], is_superseded=is_superseded)
    other = f"by document {row['other_number']} of {row['other_rollout']}" if row["other_number"] else ""
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
        note=row["note"] or (other if standing is Standing.SUPERSEDED else ""),
        is_outranked=bool(row["is_outranked"]),
    )
