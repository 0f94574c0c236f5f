"""The contract's parts together: what a box signs, an aggregator reads; what officers sign, a box arms."""

import hashlib
import os

from protocol.cosign import CoSigned
from protocol.envelope import Context, parse
from protocol.hotlist import (
    Assembled,
    Entry,
    ListRefusal,
    Manifest,
    approve,
    assemble,
    check_manifest,
    commit_case,
    encode_batch,
    encode_snapshot,
    sign_manifest,
)
from protocol.keys import KeySigner
from protocol.messages import Hit, Match, Quality, body_of, decode_message
from protocol.order import Identity, Position, seal_message
from protocol.trust import Grant, Role, TrustStore, sign_bundle

FAR_MS = 2_000_000_000_000
NOW_MS = 1_800_000_000_000


def make_hit(plate: str = "ABC123D") -> Hit:
    match = Match(entry="e-1", quality=Quality.EXACT, reason="stolen")
    return Hit(
        camera="cam-1",
        track=7,
        plate=plate,
        observed=plate,
        confidence=987,
        matches=(match,),
        hotlist_version=3,
        captured_ms=NOW_MS,
        box=(1, 2, 30, 40),
        frame_size=(1280, 720),
        looks=5,
    )


def test_a_sealed_hit_is_read_back_as_it_was_said() -> None:
    device = KeySigner.generate()
    raw = seal_message(
        make_hit(),
        Position.first(os.urandom(16)).restarted(),
        Identity(device="box-1", city="saltillo", point="p-1"),
        device,
        created_ms=NOW_MS,
    )
    envelope = parse(raw)
    assert envelope.check(device.public_key, Context.MESSAGE) is None
    assert body_of(decode_message(envelope.payload)) == make_hit()


def make_trust(root: KeySigner, holders: list[tuple[Role, str, KeySigner]]) -> TrustStore:
    grants = tuple(
        Grant(role=role, spki=key.public_key.spki, subject=subject, not_before_ms=0, not_after_ms=FAR_MS)
        for role, subject, key in holders
    )
    store = TrustStore(root.public_key).accept(sign_bundle(1, grants, root, created_ms=NOW_MS))
    assert isinstance(store, TrustStore)
    return store


def test_a_box_arms_an_entry_that_two_officers_signed_and_none_that_one_signed_twice() -> None:
    root, server, ana, luis = (KeySigner.generate() for _ in range(4))
    trust = make_trust(
        root, [(Role.MANIFEST, "city", server), (Role.OFFICER, "ana", ana), (Role.OFFICER, "luis", luis)]
    )
    entry = Entry(
        entry="e-1",
        plate="ABC123D",
        reason="stolen",
        expires_ms=FAR_MS,
        case_commitment=commit_case("FGE-1/2026", bytes(16)),
    )
    payload = encode_batch("b-1", [entry], created_ms=NOW_MS)
    both = CoSigned(payload).with_signature(approve(payload, ana)).with_signature(approve(payload, luis))
    twice = CoSigned(payload).with_signature(approve(payload, ana)).with_signature(approve(payload, ana))
    for signed, armed, refused in ((both, (entry,), {}), (twice, (), {ListRefusal.ONE_OFFICER: 1})):
        artefact = encode_snapshot(4, [signed.to_bytes()], [])
        manifest = Manifest(
            version=1,
            list_version=4,
            city="saltillo",
            sha256=hashlib.sha256(artefact).digest(),
            size_bytes=len(artefact),
            created_ms=NOW_MS,
            expires_ms=FAR_MS,
        )
        raw = sign_manifest(manifest, server)
        assert check_manifest(raw, trust, city="saltillo", last_version=3, now_ms=NOW_MS) == manifest
        assert check_manifest(raw, trust, city="saltillo", last_version=5, now_ms=NOW_MS) is ListRefusal.ROLLED_BACK
        assert assemble(artefact, manifest, trust, now_ms=NOW_MS) == Assembled(4, armed, refused)
