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
from pathlib import Path
from typing import Any, Final

from protocol_negatives import negatives
from protocol_negatives_minor import minor_negatives
from protocol_samples import arm, samples, snapshot
from protocol_samples_minor import LAST_TAKEN, minor_samples
from protocol_samples_world import NOW_MS, SALT, SIGNERS, WHO, bundle, evidence_spki, seed
from vector_forms import meaning, named_keys, refused_vectors, signed_vector, topic_vectors
from vectors_link import LINK_WORDS, TERMS_WORDS, link_vectors

from protocol import messages as m
from protocol import topics
from protocol.envelope import Context
from protocol.hotlist import Assembled, Snapshot, commit_case
from protocol.keys import key_id
from protocol.sealing import Purpose, seal
from protocol.wire import from_bytes

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "v1"
MINOR: Final = FOLDER.with_name("v1.1")
LINK: Final = FOLDER.with_name("v1.2")
PLAIN: Final = b"the original picture"

FILES: Final = {
    "messages": (Context.MESSAGE,),
    "presence": (Context.PRESENCE,),
    "receipts": (Context.RECEIPT, Context.RESEND),
    "trust": (Context.TRUST,),
    "hotlist": (Context.BATCH, Context.WITHDRAWAL, Context.MANIFEST),
}
MINOR_FILES: Final = {"messages": (Context.MESSAGE,), "trust": (Context.TRUST,), "settings": (Context.SETTINGS,)}
# The words that minors brought; those of v1 are all the others.
MINOR_WORDS: Final = (topics.SETTINGS, *(kind.slug for kind in m.Kind if kind > m.Kind.DROPPED))


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
