"""Settings documents: what a box runs, by the word of its region. One box each, signed, and only forwards.

1. A document names its box and its city, carries a profile (its name and its text) and settings, both TOML, and is
   signed by a key that the root granted SETTINGS for that city. What the texts may say is the box's to judge.
2. The grant must hold at the document's own time. The box's clock does not count: it may be wrong, and a document that
   was good must not turn bad on a box without an uplink. Taking the grant out of the trust bundle ends it.
3. `number` only rises. A lower one is a rollback, and so are other bytes under the number that was taken last.
4. A box tries a document for `trial_s` and keeps it or rolls back by itself; a `SettingsResult` says which.
"""

from dataclasses import dataclass
from enum import Enum, unique
from typing import Annotated, Final

import msgspec

from protocol.envelope import OVERHEAD_BYTES, Context, envelope_hash, parse, sign
from protocol.errors import BadEnvelope, DecodeError
from protocol.fields import Id, Label, Number, Ordinal, TimeMs
from protocol.keys import PublicKey, Signer
from protocol.messages import VERSION
from protocol.order import Identity
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import WireStruct, from_versioned, to_bytes

MAX_SETTINGS_BYTES: Final = 96 * 1024
MAX_TEXT_CHARACTERS: Final = 32 * 1024
LONGEST_TRIAL_S: Final = 7 * 24 * 3600

# What TOML takes: no control characters but tab and line break.
Toml = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*\Z", max_length=MAX_TEXT_CHARACTERS)]
TrialS = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_TRIAL_S)]


class SettingsDocument(WireStruct, frozen=True, kw_only=True):
    """What one box is to run, and for how long it tries it before it keeps it."""

    version: Number = msgspec.field(name="0")
    number: Ordinal = msgspec.field(name="1")
    city: Id = msgspec.field(name="2")
    device: Id = msgspec.field(name="3")
    rollout: Id = msgspec.field(name="4")
    created_ms: TimeMs = msgspec.field(name="5")
    profile: Label = msgspec.field(name="6")
    profile_toml: Toml = msgspec.field(name="7")
    settings_toml: Toml = msgspec.field(name="8")
    trial_s: TrialS = msgspec.field(name="9")


@unique
class SettingsRefusal(Enum):
    """Why a document was not taken; counted and told under these words."""

    BAD_FORM = "bad_form"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_CITY = "other_city"
    OTHER_BOX = "other_box"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Taken:
    """The document that a box took last: its number, and the hash of its envelope."""

    number: int = 0
    hash: bytes = b""

    def refuses(self, number: int, raw: bytes) -> bool:
        """Whether a document would be a step back."""
        return number < self.number or (number == self.number and envelope_hash(raw) != self.hash)


def sign_settings(document: SettingsDocument, signer: Signer) -> bytes:
    """A document under the signature of a key granted SETTINGS."""
    return sign(to_bytes(document, max_bytes=MAX_SETTINGS_BYTES - OVERHEAD_BYTES), signer, Context.SETTINGS)


def make_document(
    who: Identity,
    *,
    number: int,
    rollout: str,
    created_ms: int,
    profile: tuple[str, str],
    settings_toml: str,
    trial_s: int,
) -> SettingsDocument:
    """A document for a box; `profile` is a name and a text."""
    return SettingsDocument(
        version=VERSION,
        number=number,
        city=who.city,
        device=who.device,
        rollout=rollout,
        created_ms=created_ms,
        profile=profile[0],
        profile_toml=profile[1],
        settings_toml=settings_toml,
        trial_s=trial_s,
    )


def check_settings(
    raw: bytes, trust: TrustStore, who: Identity, taken: Taken = Taken()
) -> SettingsDocument | SettingsRefusal:
    """The document, if the region signed it for this box and it is no step back, or why not."""
    found = _verified(raw, trust, who.city)
    if isinstance(found, SettingsRefusal):
        return found
    document, grant = found
    if document.city != who.city:
        return SettingsRefusal.OTHER_CITY
    if document.device != who.device:
        return SettingsRefusal.OTHER_BOX
    if not grant.is_current(document.created_ms):
        return SettingsRefusal.UNKNOWN_KEY
    return SettingsRefusal.ROLLED_BACK if taken.refuses(document.number, raw) else document


def _verified(raw: bytes, trust: TrustStore, city: str) -> tuple[SettingsDocument, Grant] | SettingsRefusal:
    """The document and the grant of the key that signed it; the signature comes first, then the payload is read."""
    try:
        envelope = parse(raw, max_bytes=MAX_SETTINGS_BYTES)
        granted = (g for g in trust.grants if g.role is Role.SETTINGS and g.key_id == envelope.key_id)
        grant = next((g for g in granted if g.covers(city)), None)
        if grant is None:
            return SettingsRefusal.UNKNOWN_KEY
        if envelope.check(PublicKey.from_spki(grant.spki), Context.SETTINGS) is not None:
            return SettingsRefusal.BAD_SIGNATURE
        return from_versioned(envelope.payload, SettingsDocument, max_bytes=MAX_SETTINGS_BYTES), grant
    except (BadEnvelope, DecodeError) as exc:
        is_version = exc.refusal is Refusal.UNKNOWN_VERSION
        return SettingsRefusal.UNKNOWN_VERSION if is_version else SettingsRefusal.BAD_FORM
