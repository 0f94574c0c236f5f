"""How things stand in the golden vectors: something signed, something refused, a topic, a key, and what it all means.

`meaning` has the field names of docs/protocol.md, with numbers for enumerations, as JSON has it.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final

import msgspec
from protocol_negatives import Negative
from protocol_samples_link import token
from protocol_samples_world import WHO, Refused, Sample, key, seed

from protocol import messages as m
from protocol import topics
from protocol.cosign import CoSignature, cosign_structure, parse_cosigned
from protocol.envelope import Context, envelope_hash, parse
from protocol.federation import Head, Notice, Transit
from protocol.hotlist import Batch, Manifest, Withdrawal
from protocol.joining import JoinAnswer, JoinRequest
from protocol.keys import Signer
from protocol.presence import Presence
from protocol.receipts import Receipt, Resend
from protocol.roster import Roster
from protocol.settings import SettingsDocument
from protocol.terms import Terms
from protocol.trust import TrustBundle
from protocol.wire import WireStruct, from_bytes

PAYLOADS: Final[dict[Context, type[WireStruct]]] = {
    Context.MESSAGE: m.Message,
    Context.PRESENCE: Presence,
    Context.RECEIPT: Receipt,
    Context.RESEND: Resend,
    Context.TRUST: TrustBundle,
    Context.BATCH: Batch,
    Context.WITHDRAWAL: Withdrawal,
    Context.MANIFEST: Manifest,
    Context.SETTINGS: SettingsDocument,
    Context.TERMS: Terms,
    Context.TRANSIT: Transit,
    Context.LINK_RECEIPT: Receipt,
    Context.ROSTER: Roster,
    Context.LOG_HEAD: Head,
    Context.NOTICE: Notice,
    Context.JOIN: JoinRequest,
    Context.JOIN_ANSWER: JoinAnswer,
}
# Fields that minors brought to what was there: vectors from before do not know them.
NEWER_FIELDS: Final = frozenset({"deltas", "profile", "settings_number"})


def meaning(value: object) -> Any:
    """A decoded value in JSON's words: bytes as hex, enumerations as numbers, absent fields left out."""
    match value:
        case m.Message():
            fields = {field: getattr(value, field) for field in value.__struct_fields__}
            return meaning({**fields, "body": m.body_of(value)})
        case msgspec.Struct():
            fields = {field: getattr(value, field) for field in value.__struct_fields__}
            return meaning({field: item for field, item in fields.items() if item or field not in NEWER_FIELDS})
        case dict():
            return {field: meaning(item) for field, item in value.items() if item is not None}
        case tuple():
            return [meaning(item) for item in value]
        case _:
            return value.hex() if isinstance(value, bytes) else int(value) if isinstance(value, IntEnum) else value


def signed_vector(sample: Sample) -> dict[str, Any]:
    """A COSE structure, what each of its signers signed, and what it means."""
    if sample.context is Context.BATCH:
        signed = parse_cosigned(sample.raw, max_bytes=len(sample.raw))
        payload = signed.payload
        structures = [cosign_structure(s.protected, payload, sample.context) for s in signed.signatures]
        parts = list(zip(signed.signatures, structures, strict=True))
    else:
        envelope = parse(sample.raw)
        payload = envelope.payload
        parts = [(CoSignature(envelope.protected, envelope.signature), envelope.to_be_signed(sample.context))]
    by_id = {signer_of(name).public_key.key_id: name for name in sample.signers}
    return {
        "name": sample.name,
        "bytes": sample.raw.hex(),
        "sha256": envelope_hash(sample.raw).hex(),
        "external_aad": sample.context.value.decode(),
        "payload": payload.hex(),
        "signatures": [
            {
                "key": by_id[signature.key_id],
                "protected": signature.protected.hex(),
                "to_be_signed": to_be_signed.hex(),
                "signature": signature.signature.hex(),
            }
            for signature, to_be_signed in parts
        ],
        "meaning": meaning(from_bytes(payload, PAYLOADS[sample.context], max_bytes=len(payload))),
    }


def refused_vectors(found: Iterable[Negative]) -> list[dict[str, str]]:
    """Bytes, as what they are given, and how they must be refused."""
    return [
        {"name": n.name, "given_as": n.structure, "bytes": n.raw.hex(), "refused": refusal_word(n.refusal)}
        for n in found
    ]


def refusal_word(refusal: Refused) -> str:
    """The name of a refusal, as in docs/protocol.md."""
    return refusal.name


def named_keys(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Test keys by name."""
    return {
        name: {
            "algorithm": key(name).public_key.algorithm.name,
            "algorithm_number": int(key(name).public_key.algorithm),
            "private": seed(name).hex(),
            "spki": key(name).public_key.spki.hex(),
            "key_id": key(name).public_key.key_id.hex(),
        }
        for name in names
    }


def signer_of(name: str) -> Signer:
    """A test key; the invitation's is the one that its token's secret stands for."""
    return token().signer if name == "invitation" else key(name)


def topic_vectors(words: Iterable[str]) -> list[dict[str, str]]:
    """Each word's topic."""
    valid = [topic_of(word) for word in words]
    return [
        {"topic": str(t), "city": t.city, "point": t.point, "device": t.device, "word": t.word}
        | {"direction": t.direction.value}
        for t in valid
    ]


def topic_of(word: str) -> topics.Topic:
    """The topic of a word in the vectors' world."""
    match topics.SCHEMA[word]:
        case topics.Direction.BROADCAST:
            return topics.broadcast_topic(WHO.city, word)
        case topics.Direction.LINK_UP | topics.Direction.LINK_DOWN:
            return topics.link_topic(WHO.city, word)
        case _:
            return topics.device_topic(WHO, word)
