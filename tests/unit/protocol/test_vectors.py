"""Ours against the golden vectors: what is in the files is read so, refused so, and made so again."""

import hashlib
import json
from pathlib import Path
from typing import Any

import make_vectors
import msgspec
import protocol_negatives_link
import protocol_negatives_minor
import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from protocol_negatives import outcome
from protocol_samples import arm, samples
from protocol_samples_delta import delta_samples, take_delta
from protocol_samples_link import link_samples, take_page, take_parcel, token
from protocol_samples_minor import minor_samples
from protocol_samples_terms import take_terms, terms_samples
from vector_forms import meaning
from vectors_link import LINK_FILES

from protocol import topics
from protocol.enrolment import read_token
from protocol.errors import BadTopic
from protocol.federation import TakenPage
from protocol.hotlist import Assembled, commit_case
from protocol.joining import Joined
from protocol.keys import PublicKey
from protocol.sealing import Purpose, unseal
from protocol.wire import WireStruct, from_versioned

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "v1"
MINOR = FOLDER.with_name("v1.1")
LINK = FOLDER.with_name("v1.2")
# SHA-256 of the files as committed: a vector that was released stays as it is, or gets a folder of its own.
COMMITTED = {
    "commitments.json": "428503a969851dceea4488a550882123d3508143669372e42c52e7a58a0b5eea",
    "hotlist.json": "0a4533616e900ddcc02030dacee35944e85037d83a9eb82a3dc78fb7745f7df6",
    "keys.json": "c71cb5e2c3884138a20283516b0adf6e218aab60e6e8295cee95e4a2210e0f0c",
    "messages.json": "4386d501a2104a0bc4c4c5a578ba204b1a66ee486ba8d0dbdcc9b552376b11a7",
    "presence.json": "35671b46e9950c61b1e680dd9db541b00eac719b61b024d0b515a81de5c45e58",
    "receipts.json": "620ed13674b5db977bef0ae8fc3a35a69c486416b2ce8df1c465d9d307f4867f",
    "refused.json": "e2ab24cbaca89c08ab07c6f3473ff1f0c283f82ee0369276220330cc64de86a0",
    "sealing.json": "8529944e376268b6b8e1dc013e5e9516f9025b0f87a8c4428a2251c530c0e988",
    "topics.json": "f8828e674206e849e4803a12429965dac6d5cbd36b4537dfbef3c8797b6d374b",
    "trust.json": "1982c113fe69228316b44e76b567a0b2b7d14df45b91ceba59f06d28027ac71e",
}


COMMITTED_MINOR = {
    "messages.json": "c316f506e39fde80eee93af71698ccd842b4ff1cb80c85438db9c6da74025005",
    "refused.json": "e7de96af198f1ed70218bee257faade7a144ae376ae906074a7e961c062beccd",
    "settings.json": "438f28d70c63dda640dd3ed9156bbaa68dd2b58c820412af5b7bb5895f3d5a3b",
    "topics.json": "3893da78403b8e27d9d3a859de500d308e2eb75b6a1718ceb32fdc9cb4da25be",
    "trust.json": "0810b47b3460847e3f2368c98e461645339a304989b7d1e48e8c2fda6d5427af",
}
COMMITTED_LINK = {
    "hotlist.json": "0e4c4badd9df5d88be6bac806f43c9b9ef7f2cb641bed51f7870113d098c19de",
    "joining.json": "a8363f7362f613ba5e3e430324668d631f740615738b43bb6a639c411bb15141",
    "keys.json": "85405bc06980a75560e55e48e2d53d59c1e95b026a08df1ce05b29a63cf2ee11",
    "link.json": "a2c776c4c5ff351d1780c6ad77228081b89c9c1ecacc7c065f5fa36b7d6e47d9",
    "log.json": "38934b6b044ec4efaaf8c0eaf251bbea99e67da406151c8857be44e9fbb62c3a",
    "refused.json": "903e2f7925c00dc04a3f58061e42f5376d765c236e262a2e87a62724f25d72b7",
    "terms.json": "3c5e235a369eebbb9a210fb5a0709c25de214847906a1417b51ca6e94cd9323d",
    "topics.json": "455d8dfbbee1bb14740be8a610519219705e92a887f4c3ef19489996c3aa4276",
    "trust.json": "4fc178b2b1ad5149e90b8374ca6538b86c9ac22cdf097d30f05eee7d03519dca",
}
ALL = [(FOLDER, COMMITTED), (MINOR, COMMITTED_MINOR), (LINK, COMMITTED_LINK)]


def load(name: str, folder: Path = FOLDER) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


KEYS = {**load("keys")["keys"], **load("keys", LINK)["keys"]}
SIGNED = [vector for name in make_vectors.FILES for vector in load(name) if "signatures" in vector]
SIGNED += [vector for name in make_vectors.MINOR_FILES for vector in load(name, MINOR)]
SIGNED += [vector for name in LINK_FILES for vector in load(name, LINK) if "signatures" in vector]
SIGNED += load("terms", LINK)["signed"]
SIGNED += [load("hotlist", LINK)["manifest"]]
TAKERS = {
    sample.name: sample.take
    for sample in (*samples(), *minor_samples(), *link_samples(), *delta_samples(), *terms_samples())
}


def test_making_them_again_gives_the_same_bytes() -> None:
    written = {path: path.read_text(encoding="utf-8") for path in FOLDER.parent.glob("*/*.json")}
    assert make_vectors.texts() == written


@pytest.mark.parametrize(("folder", "committed"), ALL, ids=lambda each: getattr(each, "name", ""))
def test_a_committed_vector_never_changes(folder: Path, committed: dict[str, str]) -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == committed


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector["name"])
def test_a_signed_structure_is_taken_and_means_what_the_vector_says(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["bytes"])
    taken = TAKERS[vector["name"]](raw)
    assert meaning(taken) == vector["meaning"]
    assert hashlib.sha256(raw).hexdigest() == vector["sha256"]
    for part in vector["signatures"]:
        public = PublicKey.from_spki(bytes.fromhex(KEYS[part["key"]]["spki"]))
        assert public.verifies(bytes.fromhex(part["signature"]), bytes.fromhex(part["to_be_signed"]))
        assert part["signature"] in vector["bytes"]


def test_the_messages_hang_together_as_a_chain() -> None:
    chain = [v for v in (*load("messages"), *load("messages", MINOR)) if v["name"].endswith("(device)")]
    assert [v["meaning"]["sequence"] for v in chain] == list(range(1, len(chain) + 1))
    before = "00" * 32
    for vector in chain:
        assert vector["meaning"]["previous"] == before
        before = vector["sha256"]


def test_the_snapshot_arms_what_the_vector_says() -> None:
    (vector,) = [v for v in load("hotlist") if v["name"] == "hotlist snapshot"]
    armed = arm(bytes.fromhex(vector["bytes"]))
    assert isinstance(armed, Assembled)
    assert [entry.entry for entry in armed.entries] == vector["armed"]
    assert sorted(armed.withdrawn) == vector["withdrawn"]


def test_a_delta_gives_the_next_list_and_a_useless_one_says_why() -> None:
    vectors = load("hotlist", LINK)
    (named,) = vectors["manifest"]["meaning"]["deltas"]
    raw = bytes.fromhex(vectors["delta"]["bytes"])
    assert (named["base"], named["sha256"]) == (vectors["base"]["sha256"], vectors["delta"]["sha256"])
    assert named["size_bytes"] == len(raw)
    assert take_delta(raw) == bytes.fromhex(vectors["target"]["bytes"])
    assert vectors["base"]["sha256"] == load("hotlist")[-1]["sha256"], "the snapshot of v1"
    for vector in vectors["useless"]:
        told = take_delta(bytes.fromhex(vector["bytes"]))
        assert getattr(told, "name", "taken") == vector["refused"], vector["name"]


def test_a_box_from_before_deltas_reads_the_same_manifest() -> None:
    class Before(WireStruct, frozen=True, kw_only=True):
        """The manifest's fields as of minor 1.1."""

        version: int = msgspec.field(name="0")
        list_version: int = msgspec.field(name="1")
        city: str = msgspec.field(name="2")
        sha256: bytes = msgspec.field(name="3")
        size_bytes: int = msgspec.field(name="4")
        created_ms: int = msgspec.field(name="5")
        expires_ms: int = msgspec.field(name="6")

    vector = load("hotlist", LINK)["manifest"]
    payload = bytes.fromhex(vector["payload"])
    read = from_versioned(payload, Before, max_bytes=len(payload))
    meant = {field: told for field, told in vector["meaning"].items() if field != "deltas"}
    assert meaning(read) == meant


@pytest.mark.parametrize("vector", load("terms", LINK)["refused"], ids=lambda vector: vector["name"])
def test_terms_are_refused_for_their_reason(vector: dict[str, str]) -> None:
    assert getattr(take_terms(bytes.fromhex(vector["bytes"])), "name", "taken") == vector["refused"]


@pytest.mark.parametrize("vector", load("refused"), ids=lambda vector: f"{vector['given_as']}: {vector['name']}")
def test_what_must_be_refused_is_refused_for_its_reason(vector: dict[str, str]) -> None:
    assert getattr(outcome(vector["given_as"], bytes.fromhex(vector["bytes"])), "name", "taken") == vector["refused"]


def test_a_document_is_refused_for_its_reason() -> None:
    for vector in load("refused", MINOR)["vectors"]:
        told = outcome(vector["given_as"], bytes.fromhex(vector["bytes"]), protocol_negatives_minor.TAKERS)
        assert getattr(told, "name", "taken") == vector["refused"], vector["name"]


@pytest.mark.parametrize("vector", load("refused", LINK), ids=lambda vector: f"{vector['given_as']}: {vector['name']}")
def test_what_is_no_word_of_a_link_is_refused_for_its_reason(vector: dict[str, str]) -> None:
    told = outcome(vector["given_as"], bytes.fromhex(vector["bytes"]), protocol_negatives_link.TAKERS)
    assert getattr(told, "name", "taken") == vector["refused"]


def test_the_page_of_a_log_is_taken_as_the_vector_says() -> None:
    (vector,) = [v for v in load("log", LINK) if v["name"] == "log page"]
    taken = take_page(bytes.fromhex(vector["bytes"]))
    assert isinstance(taken, TakenPage)
    assert [meaning(item) for item in taken.items] == [line["meaning"] for line in vector["lines"]]
    assert (taken.followed.number, taken.followed.hash.hex()) == (vector["stands"]["number"], vector["stands"]["hash"])
    for line in vector["lines"]:
        whole = bytes.fromhex(line["hash_before"]) + bytes.fromhex(line["bytes"])
        assert hashlib.sha256(whole).hexdigest() == line["hash"]


def test_the_parcel_is_believed_by_the_token_in_the_vector() -> None:
    (vector,) = [v for v in load("joining", LINK) if v["name"] == "join parcel"]
    assert read_token(vector["token"]) == token()
    joined = take_parcel(bytes.fromhex(vector["bytes"]))
    assert isinstance(joined, Joined)
    assert joined.answer.log.hex() == load("log", LINK)[1]["stood"]["log"]


@pytest.mark.parametrize("vector", load("sealing"), ids=lambda vector: vector["purpose"])
def test_a_sealed_vector_opens_with_the_test_key(vector: dict[str, str]) -> None:
    key = x25519.X25519PrivateKey.from_private_bytes(bytes.fromhex(KEYS[vector["recipient"]]["private"]))
    plain = unseal(
        bytes.fromhex(vector["sealed"]),
        key,
        Purpose(vector["purpose"].encode()),
        device=vector["device"],
        sha256=bytes.fromhex(vector["plain_sha256"]),
    )
    assert plain.hex() == vector["plain"]


def test_topics_are_parsed_as_the_vectors_say() -> None:
    every = load("topics"), load("topics", MINOR), load("topics", LINK), load("terms", LINK)["topics"]
    assert {v["word"] for each in every for v in each["valid"]} == set(topics.SCHEMA)
    for vector in (v for each in every for v in each["valid"]):
        topic = topics.parse_topic(vector["topic"])
        assert {name: getattr(topic, name) for name in ("city", "point", "device", "word")} == {
            name: vector[name] for name in ("city", "point", "device", "word")
        }
        assert topic.direction.value == vector["direction"]
    for text in (t for each in every for t in each["refused"]):
        with pytest.raises(BadTopic):
            topics.parse_topic(text)


def test_case_commitments_are_as_the_vectors_say() -> None:
    for vector in load("commitments"):
        assert commit_case(vector["case_number"], bytes.fromhex(vector["salt"])).hex() == vector["commitment"]
