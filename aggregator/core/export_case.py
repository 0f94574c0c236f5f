"""An export as its claims are judged on: its files, what the root says, the box's messages in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aggregator.core.export_manifest import AMENDMENT, DEVICE_KEY, EVIDENCE, HIT, UNAVAILABLE, Manifest, Said, said
from protocol.clock import to_ms
from protocol.envelope import Envelope, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.keys import PublicKey
from protocol.messages import (
    Body,
    Evidence,
    EvidenceUnavailable,
    Hit,
    HitAmended,
    Message,
    body_of,
    decode_message,
)
from protocol.trust import TrustStore

B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, and whether it holds."""

    claim: str
    is_held: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """The files, and what the root says: now, and when the list was made that the box had."""

    files: Mapping[str, bytes] = field(repr=False)
    manifest: Manifest = field(repr=False)
    root: PublicKey
    trust: TrustStore = field(repr=False)
    trust_then: TrustStore = field(repr=False)

    @property
    def made_ms(self) -> int:
        """When the export was made."""
        return to_ms(self.manifest.made_at)

    @property
    def device_key(self) -> PublicKey | None:
        """The key that the export gives the box."""
        try:
            return PublicKey.from_spki(self.files.get(DEVICE_KEY, b""))
        except DecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message of the box, with its envelope."""

    file: str
    envelope: Envelope
    message: Message
    body: Body


def read_message(raw: bytes, file: str) -> Spoken | None:
    """A message in its envelope, not yet believed."""
    try:
        envelope = parse(raw)
        message = decode_message(envelope.payload)
        return Spoken(file, envelope, message, body_of(message))
    except (BadEnvelope, DecodeError):
        return None


def body_in(files: Mapping[str, bytes], name: str, kind: type[B]) -> B | None:
    """The body of a message in a file, if it is of a kind."""
    spoken = read_message(files.get(name, b""), name)
    return spoken.body if spoken is not None and isinstance(spoken.body, kind) else None


def said_in(files: Mapping[str, bytes]) -> Said:
    """What the box said, out of its envelopes; raises `BadEnvelope` if the hit is none."""
    hit = read_message(files.get(HIT, b""), HIT)
    if hit is None or not isinstance(hit.body, Hit):
        raise BadEnvelope("not a hit")
    found = [body_in(files, name, HitAmended) for name in sorted(files) if AMENDMENT.fullmatch(name)]
    amendments = [body for body in found if body is not None]
    evidence, unavailable = body_in(files, EVIDENCE, Evidence), body_in(files, UNAVAILABLE, EvidenceUnavailable)
    return said(hit.message, hit.body, amendments, evidence, unavailable)
