"""Settings documents in the database: numbered, signed, kept for good. One signer at a time, across all processes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Connection
from aggregator.adapters.statements import statements
from aggregator.adapters.trust_file import read_trust
from aggregator.core.rollout import DEFAULT_TRIAL_S, check_settings_text, plan_of
from aggregator.errors import BadKey
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.envelope import envelope_hash, parse
from protocol.keys import Signer
from protocol.order import Identity
from protocol.settings import (
    MAX_SETTINGS_BYTES,
    SettingsDocument,
    SettingsRefusal,
    Taken,
    check_settings,
    make_document,
    sign_settings,
)
from protocol.trust import Role, TrustStore
from protocol.wire import from_versioned

FIRST_ROLLOUT = "enrolment"


@dataclass(frozen=True, slots=True)
class Content:
    """What a document says, but for whom and when."""

    profile: str
    profile_toml: str
    settings_toml: str
    trial_s: int

    @classmethod
    def of(cls, envelope: bytes) -> "Content":
        """The content of a document that was verified when it was kept."""
        document = _content(envelope)
        return cls(document.profile, document.profile_toml, document.settings_toml, document.trial_s)


def settings_signer(settings: Settings, *, now: datetime) -> Signer:
    """The server's key, if boxes would believe its documents; raises `BadKey`."""
    signer = keyfiles.read_signer(settings.keys.server_key)
    city = settings.city if settings.role == "city" else ""
    kid = signer.public_key.key_id
    granted = (g for g in read_trust(settings.keys).grants if g.role is Role.SETTINGS and g.key_id == kid)
    if not any((not city or g.covers(city)) and g.is_current(to_ms(now)) for g in granted):
        raise BadKey(
            "no box would believe this server's settings: its key is not granted `settings`; "
            "have the root sign what this release needs: aggregator trust upgrade"
        )
    return signer


async def take_turn(connection: Connection) -> None:
    """Nobody else numbers or signs documents until the caller's transaction ends."""
    await connection.execute(statements("rollout")["take_turn"])


async def add_document(
    connection: Connection, signer: Signer, who: Identity, content: Content, *, rollout: str, now: datetime
) -> bytes:
    """Sign the next document of a box, and keep it; the caller has the turn."""
    sql = statements("rollout")
    document = make_document(
        who,
        number=await connection.fetchval(sql["next_number"], who.device),
        rollout=rollout,
        created_ms=to_ms(now),
        profile=(content.profile, content.profile_toml),
        settings_toml=content.settings_toml,
        trial_s=content.trial_s,
    )
    raw = sign_settings(document, signer)
    sha256 = hashlib.sha256(raw).digest()
    row = (who.device, document.number, rollout, content.profile, sha256, raw, now)
    await connection.execute(sql["add_document"], *row)
    return raw


async def first_settings(
    connection: Connection,
    settings: Settings,
    who: Identity,
    *,
    profile: tuple[str, str],
    settings_toml: str = "",
    now: datetime,
) -> bytes:
    """The document that a box gets with its enrolment, in the caller's transaction; raises `BadKey` or `BadInput`.

    The newest there is, if it says what is asked for or nothing in particular is: a box that is enrolled anew goes on
    where it was. `profile` is a name and a text, both empty if the box has none.
    """
    signer = settings_signer(settings, now=now)
    await take_turn(connection)
    newest = await connection.fetchrow(statements("rollout")["newest"], who.device)
    trial_s = plan_of(profile[1], None).trial_s if profile[1] else DEFAULT_TRIAL_S
    wanted = Content(*profile, check_settings_text(settings_toml), trial_s)
    if newest is not None and _still_holds(newest["envelope"], newest["rollout_id"], wanted, signer):
        return bytes(newest["envelope"])
    return await add_document(connection, signer, who, wanted, rollout=FIRST_ROLLOUT, now=now)


async def take_document(
    connection: Connection, city: str, raw: bytes, trust: TrustStore, *, now: datetime
) -> str | None:
    """Keep a document that a region signed for one of this city's boxes, as the box would take it; None, or why not.

    The publisher tells the box. One that is not above what the box has is a step back, whoever signed that: it is
    passed over, and the region makes another (`aggregator.adapters.rollout_office`). Raises `BadEnvelope` or
    `DecodeError` for what is no document.
    """
    sql, said = statements("rollout"), _content(raw)
    await take_turn(connection)
    box = await connection.fetchrow(sql["box"], said.device, city)
    if box is None:
        return SettingsRefusal.OTHER_BOX.value
    newest = await connection.fetchrow(sql["newest"], said.device)
    taken = Taken(newest["number"], envelope_hash(newest["envelope"])) if newest else Taken()
    who = Identity(device=said.device, city=city, point=box["point_id"])
    verdict = check_settings(raw, trust, who, taken)
    if isinstance(verdict, SettingsRefusal):
        return verdict.value
    if verdict.number > taken.number:
        row = (said.device, verdict.number, verdict.rollout, verdict.profile, envelope_hash(raw), raw, now)
        await connection.execute(sql["add_document"], *row)
    return None


def _content(raw: bytes) -> SettingsDocument:
    payload = parse(raw, max_bytes=MAX_SETTINGS_BYTES).payload
    return from_versioned(payload, SettingsDocument, max_bytes=MAX_SETTINGS_BYTES)


def _still_holds(envelope: bytes, rollout: str, wanted: Content, signer: Signer) -> bool:
    """Whether a box that is enrolled again gets this document again."""
    if parse(envelope, max_bytes=MAX_SETTINGS_BYTES).key_id != signer.public_key.key_id:
        return False
    found = Content.of(envelope)
    return found == wanted or (rollout != FIRST_ROLLOUT and not wanted.settings_toml)
