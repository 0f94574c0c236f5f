"""Writes the golden vectors, tests/vectors/v1*/*.json: everything that crosses the wire, as hex and as its meaning.

They are for whoever writes a second implementation, in whatever language: bytes are hex, test keys included; `meaning`
has the field names of docs/protocol.md, with numbers for enumerations. Vectors that were committed stay: the same code
writes the same bytes, a test holds it to that, and what changes the wire gets a folder of its own.

    make_vectors.py            write them
    make_vectors.py --check    only say whether they are as committed
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from protocol_negatives import Negative, negatives
from protocol_negatives_link import link_negatives
from protocol_negatives_minor import minor_negatives
from protocol_samples import (
    NOW_MS,
    SALT,
    SIGNERS,
    WHO,
    Refused,
    Sample,
    arm,
    bundle,
    evidence_spki,
    key,
    samples,
    seed,
    snapshot,
)
from protocol_samples_delta import LAST_VERSION, delta, delta_samples, next_snapshot, useless_deltas
from protocol_samples_link import (
    LAST_ROSTER,
    LINK_SIGNERS,
    REGION,
    STOOD,
    hash_at,
    lines,
    link_samples,
    page,
    parcel,
    take_page,
    token,
)
from protocol_samples_minor import LAST_TAKEN, minor_samples
from protocol_samples_terms import LAST_TERMS, PARTNER, terms_negatives, terms_samples

from protocol import messages as m
from protocol import topics
from protocol.cosign import CoSignature, cosign_structure, parse_cosigned
from protocol.enrolment import token_text
from protocol.envelope import Context, envelope_hash, parse
from protocol.federation import Head, HeadRefusal, Notice, Transit
from protocol.hotlist import Assembled, Batch, Manifest, Snapshot, Withdrawal, commit_case
from protocol.hotlist_delta import Delta
from protocol.joining import JoinAnswer, JoinRequest
from protocol.keys import Signer, key_id
from protocol.presence import Presence
from protocol.receipts import Receipt, Resend
from protocol.roster import Roster
from protocol.sealing import Purpose, seal
from protocol.settings import SettingsDocument
from protocol.terms import Terms
from protocol.trust import TrustBundle
from protocol.wire import WireStruct, from_bytes

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "v1"
MINOR: Final = FOLDER.with_name("v1.1")
LINK: Final = FOLDER.with_name("v1.2")
PLAIN: Final = b"the original picture"

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
FILES: Final = {
    "messages": (Context.MESSAGE,),
    "presence": (Context.PRESENCE,),
    "receipts": (Context.RECEIPT, Context.RESEND),
    "trust": (Context.TRUST,),
    "hotlist": (Context.BATCH, Context.WITHDRAWAL, Context.MANIFEST),
}
MINOR_FILES: Final = {"messages": (Context.MESSAGE,), "trust": (Context.TRUST,), "settings": (Context.SETTINGS,)}
LINK_FILES: Final = {
    "trust": (Context.TRUST,),
    "link": (Context.TRANSIT, Context.LINK_RECEIPT, Context.ROSTER, Context.NOTICE),
    "log": (Context.LOG_HEAD,),
    "joining": (Context.JOIN, Context.JOIN_ANSWER),
}
# The words that minors brought; those of v1 are all the others.
MINOR_WORDS: Final = (topics.SETTINGS, *(kind.slug for kind in m.Kind if kind > m.Kind.DROPPED))
LINK_WORDS: Final = (topics.TRANSIT, topics.LINK_RECEIPT, topics.HEAD)
TERMS_WORDS: Final = (topics.TERMS,)
# Fields that minors brought to what was there: vectors from before do not know them.
NEWER_FIELDS: Final = frozenset({"deltas"})


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


def vectors() -> dict[str, Any]:
    """All files: name to content."""
    files: dict[str, Any] = {
        name: [signed_vector(s) for s in samples() if s.context in contexts] for name, contexts in FILES.items()
    }
    files["hotlist"].append(snapshot_vector())
    return {
        "keys": keys(),
        **files,
        "topics": {
            "valid": topic_vectors(w for w in topics.SCHEMA if w not in (*MINOR_WORDS, *LINK_WORDS, *TERMS_WORDS)),
            "refused": BAD_TOPICS,
        },
        "sealing": sealing_vectors(),
        "commitments": [
            {"case_number": number, "salt": SALT.hex(), "commitment": commit_case(number, SALT).hex()}
            for number in ("FGE-COAH-1234/2026", "")
        ],
        "refused": refused_vectors(negatives()),
    }


def minor_vectors() -> dict[str, Any]:
    """The files of minor 1.1."""
    files: dict[str, Any] = {
        name: [signed_vector(s) for s in minor_samples() if s.context in contexts]
        for name, contexts in MINOR_FILES.items()
    }
    return {
        **files,
        "topics": {"valid": topic_vectors(MINOR_WORDS), "refused": BAD_MINOR_TOPICS},
        "refused": {
            "last_settings": {"number": LAST_TAKEN.number, "sha256": LAST_TAKEN.hash.hex()},
            "vectors": refused_vectors(minor_negatives()),
        },
    }


def link_vectors() -> dict[str, Any]:
    """The files of minor 1.2: what cities and their region say to each other."""
    files: dict[str, Any] = {
        name: [signed_vector(s) for s in link_samples() if s.context in contexts]
        for name, contexts in LINK_FILES.items()
    }
    files["log"].append(page_vector())
    files["joining"].append({"name": "join parcel", "token": token_text(token()), "bytes": parcel().hex()})
    invitation = token().signer.public_key
    asking = {"secret": token().secret.hex(), "spki": invitation.spki.hex(), "key_id": invitation.key_id.hex()}
    return {
        "keys": {
            "region": REGION,
            "last_roster": LAST_ROSTER,
            "keys": {**named_keys(LINK_SIGNERS), "invitation": asking},
        },
        **files,
        "hotlist": delta_vectors(),
        "terms": terms_vectors(),
        "topics": {"valid": topic_vectors(LINK_WORDS), "refused": BAD_LINK_TOPICS},
        "refused": refused_vectors(link_negatives()),
    }


def delta_vectors() -> dict[str, Any]:
    """List 13 of the test city, and the way to it from list 12, the snapshot of v1."""
    (signed,) = delta_samples()
    return {
        "last_list_version": LAST_VERSION,
        "base": {"sha256": hashlib.sha256(snapshot()).hexdigest(), "bytes": snapshot().hex()},
        "manifest": signed_vector(signed),
        "delta": {
            "bytes": delta().hex(),
            "sha256": hashlib.sha256(delta()).hexdigest(),
            "meaning": meaning(from_bytes(delta(), Delta, max_bytes=len(delta()))),
        },
        "target": {"sha256": hashlib.sha256(next_snapshot()).hexdigest(), "bytes": next_snapshot().hex()},
        "useless": [
            {"name": name, "bytes": raw.hex(), "refused": refusal.name} for name, raw, refusal in useless_deltas()
        ],
    }


def terms_vectors() -> dict[str, Any]:
    """What a private company's box holds, takes and refuses, and where it hears of it."""
    return {
        "partner": PARTNER,
        "last_terms": {"number": LAST_TERMS.number, "sha256": LAST_TERMS.hash.hex()},
        "signed": [signed_vector(sample) for sample in terms_samples()],
        "topics": {"valid": topic_vectors(TERMS_WORDS), "refused": BAD_TERMS_TOPICS},
        "refused": refused_vectors(terms_negatives()),
    }


def page_vector() -> dict[str, Any]:
    """A page of a log: where the city stood, each line with the hash after it, and where it then stands."""
    taken = take_page(page())
    if isinstance(taken, HeadRefusal):
        raise TypeError(f"the test page is refused: {taken.name}")
    stood = {"log": STOOD.log.hex(), "number": STOOD.number, "hash": STOOD.hash.hex()}
    return {
        "name": "log page",
        "bytes": page().hex(),
        "stood": stood,
        "lines": [
            {
                "bytes": lines()[item.number - 1].hex(),
                "hash_before": hash_at(item.number - 1).hex(),
                "hash": hash_at(item.number).hex(),
                "meaning": meaning(item),
            }
            for item in taken.items
        ],
        "stands": {**stood, "number": taken.followed.number, "hash": taken.followed.hash.hex()},
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


def keys() -> dict[str, Any]:
    """Test keys by name, and when it is in the vectors' world."""
    named = named_keys(SIGNERS)
    named["evidence"] = {
        "algorithm": "X25519",
        "private": seed("evidence").hex(),
        "spki": evidence_spki().hex(),
        "key_id": key_id(evidence_spki()).hex(),
    }
    return {
        "now_ms": NOW_MS,
        "last_list_version": 11,
        "device": WHO.device,
        "city": WHO.city,
        "point": WHO.point,
        "keys": named,
    }


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


def snapshot_vector() -> dict[str, Any]:
    """The artefact that the manifest names, and what a box of the test city arms of it."""
    armed = arm(snapshot())
    if not isinstance(armed, Assembled):
        raise TypeError(f"the test list is refused: {armed.name}")
    return {
        "name": "hotlist snapshot",
        "bytes": snapshot().hex(),
        "sha256": hashlib.sha256(snapshot()).hexdigest(),
        "meaning": meaning(from_bytes(snapshot(), Snapshot, max_bytes=len(snapshot()))),
        "trust_bundle": bundle().hex(),
        "armed": [entry.entry for entry in armed.entries],
        "withdrawn": sorted(armed.withdrawn),
    }


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


BAD_TOPICS: Final = (
    "",
    "atalaya/v1",
    "atalaya/v1/saltillo/p-204/box-17/hit/",
    "/atalaya/v1/saltillo/p-204/box-17/hit",
    "atalaya/v2/saltillo/p-204/box-17/hit",
    "atalaya/v1/Saltillo/p-204/box-17/hit",
    "atalaya/v1/saltillo/p-204/box-17/hit_amended",
    "atalaya/v1/saltillo/p-204/box-17/hotlist",
    "atalaya/v1/saltillo/-/-/hit",
    "atalaya/v1/saltillo/p-204/-/hotlist",
    "atalaya/v1/-/-/-/hotlist",
    "atalaya/v1/saltillo/+/+/hit",
    "atalaya/v1/saltillo/#",
    "atalaya/v1/saltillo/p-204/box-17\n/hit",
)
BAD_MINOR_TOPICS: Final = (
    "atalaya/v1/saltillo/-/-/settings",
    "atalaya/v1/saltillo/p-204/-/settings",
    "atalaya/v1/saltillo/p-204/box-17/camera_condition",
    "atalaya/v1/saltillo/p-204/box-17/settings-document",
    "atalaya/v1/saltillo/p-204/box-17/settings/",
)
BAD_TERMS_TOPICS: Final = ("atalaya/v1/saltillo/-/-/terms", "atalaya/v1/saltillo/p-204/-/terms")
BAD_LINK_TOPICS: Final = (
    "atalaya/v1/saltillo/p-204/box-17/transit",
    "atalaya/v1/saltillo/p-204/-/head",
    "atalaya/v1/-/-/-/head",
    "atalaya/v1/saltillo/-/-/link_receipt",
    "atalaya/v1/saltillo/-/-/receipt",
    "atalaya/v1/+/-/-/transit",
)


def sealing_vectors() -> list[dict[str, Any]]:
    """Sealed bytes. HPKE draws a key each time, so what was once made is kept."""
    path = FOLDER / "sealing.json"
    kept = {v["purpose"]: v["sealed"] for v in json.loads(path.read_text())} if path.exists() else {}
    digest = hashlib.sha256(PLAIN).digest()
    return [
        {
            "purpose": purpose.value.decode(),
            "device": WHO.device,
            "plain": PLAIN.hex(),
            "plain_sha256": digest.hex(),
            "recipient": "evidence",
            "info": b"\x00".join((purpose.value, WHO.device.encode(), digest)).hex(),
            "aad": "",
            "sealed": kept.get(purpose.value.decode())
            or seal(PLAIN, evidence_spki(), purpose, device=WHO.device, sha256=digest).hex(),
        }
        for purpose in Purpose
    ]


def texts() -> dict[Path, str]:
    """Files and contents."""
    made = {FOLDER: vectors(), MINOR: minor_vectors(), LINK: link_vectors()}
    return {
        folder / f"{name}.json": json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for folder, files in made.items()
        for name, content in files.items()
    }


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    is_check = parser.parse_args().check
    changed = {path: text for path, text in texts().items() if not _is_as_written(path, text)}
    if is_check:
        print("\n".join(f"would change: {path}" for path in changed) or "as committed")
        return 1 if changed else 0
    for path, text in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{FOLDER.parent}: {len(changed)} files written anew")
    return 0


def _is_as_written(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
