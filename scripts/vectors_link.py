"""The golden vectors of minor 1.2: what cities and their region say to each other, hotlist deltas, partners' terms."""

import hashlib
from typing import Any, Final

from protocol_negatives_link import link_negatives
from protocol_samples import snapshot
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
from protocol_samples_terms import LAST_TERMS, PARTNER, terms_negatives, terms_samples
from vector_forms import meaning, named_keys, refused_vectors, signed_vector, topic_vectors

from protocol import topics
from protocol.enrolment import token_text
from protocol.envelope import Context
from protocol.federation import HeadRefusal
from protocol.hotlist_delta import Delta
from protocol.wire import from_bytes

LINK_FILES: Final = {
    "trust": (Context.TRUST,),
    "link": (Context.TRANSIT, Context.LINK_RECEIPT, Context.ROSTER, Context.NOTICE),
    "log": (Context.LOG_HEAD,),
    "joining": (Context.JOIN, Context.JOIN_ANSWER),
}
LINK_WORDS: Final = (topics.TRANSIT, topics.LINK_RECEIPT, topics.HEAD)
TERMS_WORDS: Final = (topics.TERMS,)


def link_vectors() -> dict[str, Any]:
    """All files of the folder: name to content."""
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


BAD_LINK_TOPICS: Final = (
    "atalaya/v1/saltillo/p-204/box-17/transit",
    "atalaya/v1/saltillo/p-204/-/head",
    "atalaya/v1/-/-/-/head",
    "atalaya/v1/saltillo/-/-/link_receipt",
    "atalaya/v1/saltillo/-/-/receipt",
    "atalaya/v1/+/-/-/transit",
)
BAD_TERMS_TOPICS: Final = ("atalaya/v1/saltillo/-/-/terms", "atalaya/v1/saltillo/p-204/-/terms")
