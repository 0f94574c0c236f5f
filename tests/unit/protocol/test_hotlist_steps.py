"""Step by step or at once: a box arms the same, and verifies what is new only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples import ENTRIES, manifest_of
from protocol_samples_world import NOW_MS, YEAR_MS, key

from protocol import hotlist_steps
from protocol.cosign import CoSigned
from protocol.hotlist import Assembled, Entry, ListRefusal, approve, assemble, encode_batch, encode_snapshot, withdraw
from protocol.hotlist_steps import Held, Step, take_snapshot
from protocol.keys import PublicKey, Signer
from protocol.trust import Grant, Role, TrustStore, sign_bundle

ANA, LUIS, EVA = key("officer-ana"), key("officer-luis-p256"), key("stranger")
HOUR_MS = 3_600_000


def officer(signer: Signer, subject: str, *, until_ms: int = NOW_MS + YEAR_MS) -> Grant:
    spki = signer.public_key.spki
    return Grant(role=Role.OFFICER, spki=spki, subject=subject, not_before_ms=0, not_after_ms=until_ms)


@cache
def trusting(*grants: Grant, number: int = 1) -> TrustStore:
    store = TrustStore(key("root").public_key).accept(sign_bundle(number, grants, key("root"), created_ms=NOW_MS))
    assert isinstance(store, TrustStore)
    return store


BOTH = trusting(officer(ANA, "ana"), officer(LUIS, "luis"), officer(EVA, "eva"))
WITHOUT_LUIS = trusting(officer(ANA, "ana"), officer(EVA, "eva"), number=2)
LUIS_TILL_NOON = trusting(officer(ANA, "ana"), officer(EVA, "eva"), officer(LUIS, "luis", until_ms=NOW_MS + HOUR_MS))


@cache
def batch(name: str, *ids: str, by: tuple[Signer, ...] = (ANA, LUIS), age_ms: int = 0, life_ms: int = YEAR_MS) -> bytes:
    entries = [
        msgspec.structs.replace(
            ENTRIES[1],
            entry=entry,
            plate=f"{entry}{name}".upper().replace("-", "")[:12],
            expires_ms=NOW_MS + life_ms,
            scope=("torreon",) if entry.endswith("t") else (),
        )
        for entry in ids
    ]
    payload = encode_batch(name, entries, created_ms=NOW_MS - age_ms)
    signed = CoSigned(payload)
    for signer in by:
        signed = signed.with_signature(approve(payload, signer))
    return signed.to_bytes()


BATCHES = (
    batch("b-1", "e-1", "e-2", "e-3t"),
    batch("b-2", "e-4", by=(ANA, EVA)),
    batch("b-3", "e-5", "e-6", life_ms=HOUR_MS // 2),
    batch("b-4", "e-7", by=(LUIS, EVA)),
    batch("b-5", "e-8", by=(ANA,)),
    batch("b-6", "e-1", "e-9", age_ms=60_000),
    batch("b-7", "e-4", life_ms=-1),
    b"no batch",
)
WITHDRAWALS = (
    withdraw(["e-1"], ANA, created_ms=NOW_MS),
    withdraw(["e-4", "e-nobody"], LUIS, created_ms=NOW_MS),
    withdraw(["e-6"], key("server"), created_ms=NOW_MS),
)


@dataclass
class Box:
    """What a box has armed after its steps, by entry id, and the same list taken at once."""

    armed: dict[str, Entry] = field(default_factory=dict)
    held: Held | None = None
    withdrawn: frozenset[str] = frozenset()

    def take(
        self,
        batches: Iterable[bytes],
        withdrawals: Iterable[bytes] = (),
        *,
        trust: TrustStore = BOTH,
        at_ms: int = NOW_MS,
    ) -> Step:
        """One step; what is armed must be what `assemble` says."""
        artefact = encode_snapshot(12, batches, withdrawals)
        manifest = manifest_of(artefact)
        step = take_snapshot(artefact, manifest, trust, now_ms=at_ms, held=self.held)
        whole = assemble(artefact, manifest, trust, now_ms=at_ms, withdrawn=self.withdrawn)
        assert isinstance(step, Step)
        assert isinstance(whole, Assembled)
        self._apply(step)
        assert {each.entry: each for each in whole.entries} == {
            entry: each for entry, each in self.armed.items() if each.expires_ms > at_ms
        }
        assert step.held.withdrawn == whole.withdrawn
        self.held, self.withdrawn = step.held, whole.withdrawn
        return step

    def _apply(self, step: Step) -> None:
        if step.is_whole:
            assert step.gone == ()
            self.armed = {}
        for entry, plate in step.gone:
            assert self.armed.pop(entry).plate == plate
        for each in step.added:
            assert each.entry not in self.armed
            self.armed[each.entry] = each


lists = st.tuples(
    st.lists(st.sampled_from(BATCHES), unique=True),
    st.lists(st.sampled_from(WITHDRAWALS), unique=True),
    st.sampled_from((BOTH, BOTH, BOTH, WITHOUT_LUIS, LUIS_TILL_NOON)),
    st.sampled_from((0, HOUR_MS // 4, HOUR_MS // 4, HOUR_MS, -HOUR_MS)),
)


@given(st.lists(lists, max_size=8))
def test_any_number_of_steps_arms_what_the_last_list_says_alone(
    steps: list[tuple[list[bytes], list[bytes], TrustStore, int]],
) -> None:
    box, at_ms = Box(), NOW_MS
    for batches, withdrawals, trust, passed_ms in steps:
        at_ms = max(NOW_MS, at_ms + passed_ms)
        box.take(batches, withdrawals, trust=trust, at_ms=at_ms)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The signatures that are verified from here on."""
    seen: list[bytes] = []
    verifies = PublicKey.verifies

    def watched(public: PublicKey, signature: bytes, data: bytes) -> bool:
        seen.append(signature)
        return verifies(public, signature, data)

    monkeypatch.setattr(PublicKey, "verifies", watched)
    return seen


def test_only_what_is_new_is_verified_and_told(verified: list[bytes]) -> None:
    one, two, three = batch("b-1", "e-1", "e-2"), batch("b-2", "e-4"), batch("b-9", "e-9")
    artefact = encode_snapshot(12, [one, two], [])
    first = take_snapshot(artefact, manifest_of(artefact), BOTH, now_ms=NOW_MS)
    assert isinstance(first, Step)
    assert first.is_whole
    del verified[:]
    artefact = encode_snapshot(12, [one, two, three], [WITHDRAWALS[0]])
    step = take_snapshot(artefact, manifest_of(artefact), BOTH, now_ms=NOW_MS + 1, held=first.held)
    assert isinstance(step, Step)
    assert len(verified) == 3, "two signatures of the batch, one of the withdrawal"
    assert ([each.entry for each in step.added], step.gone, step.is_whole) == (["e-9"], (("e-1", "E1B1"),), False)


def test_the_same_list_again_verifies_nothing(verified: list[bytes]) -> None:
    artefact = encode_snapshot(12, [batch("b-1", "e-1")], [WITHDRAWALS[1]])
    manifest = manifest_of(artefact)
    first = take_snapshot(artefact, manifest, BOTH, now_ms=NOW_MS)
    assert isinstance(first, Step)
    del verified[:]
    again = take_snapshot(artefact, manifest, BOTH, now_ms=NOW_MS, held=first.held)
    assert isinstance(again, Step)
    assert (again.added, again.gone, again.refused, verified) == ((), (), {}, [])


@pytest.mark.parametrize(
    ("trust", "at_ms", "refused"),
    [
        (WITHOUT_LUIS, NOW_MS, {ListRefusal.UNKNOWN_OFFICER: 1}),
        (LUIS_TILL_NOON, NOW_MS, {}),
        (BOTH, NOW_MS - 1, {}),
    ],
    ids=["officer gone", "other bundle", "clock went back"],
)
def test_all_is_verified_anew_when_a_verdict_could_be_another(
    trust: TrustStore, at_ms: int, refused: dict[ListRefusal, int]
) -> None:
    box = Box()
    box.take([BATCHES[0], BATCHES[1]])
    step = box.take([BATCHES[0], BATCHES[1]], trust=trust, at_ms=at_ms)
    assert (step.is_whole, step.refused) == (True, refused)


def test_a_grant_that_ended_meanwhile_ends_its_batches() -> None:
    box = Box()
    box.take([BATCHES[0], BATCHES[1]], trust=LUIS_TILL_NOON, at_ms=NOW_MS)
    assert not box.take([BATCHES[0], BATCHES[1]], trust=LUIS_TILL_NOON, at_ms=NOW_MS + HOUR_MS).is_whole
    step = box.take([BATCHES[0], BATCHES[1]], trust=LUIS_TILL_NOON, at_ms=NOW_MS + HOUR_MS + 1)
    assert (step.is_whole, set(box.armed)) == (True, {"e-4"})


def test_where_an_id_stands_in_two_batches_the_list_is_verified_whole_until_it_does_not() -> None:
    box = Box()
    younger, older = BATCHES[0], BATCHES[5]
    box.take([younger])
    assert box.take([younger, older]).is_whole
    assert box.armed["e-1"].plate == "E1B1"
    assert box.take([older]).is_whole
    assert box.armed["e-1"].plate == "E1B6"
    assert not box.take([older, BATCHES[1]]).is_whole


def test_a_batch_signed_anew_takes_its_own_place() -> None:
    box = Box()
    box.take([batch("b-1", "e-1"), BATCHES[1]])
    step = box.take([batch("b-1", "e-1", by=(ANA, EVA)), BATCHES[1]])
    assert not step.is_whole
    assert (step.gone, [each.entry for each in step.added]) == ((("e-1", "E1B1"),), ["e-1"])


def test_what_was_refused_is_counted_once() -> None:
    box = Box()
    assert box.take([BATCHES[4], BATCHES[7]]).refused == {ListRefusal.ONE_OFFICER: 1, ListRefusal.BAD_FORM: 1}
    assert box.take([BATCHES[4], BATCHES[7], BATCHES[0]]).refused == {}


def test_a_step_to_more_entries_than_a_box_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotlist_steps, "MAX_ENTRIES", 3)
    box = Box()
    box.take([BATCHES[0]])
    artefact = encode_snapshot(12, [BATCHES[0], BATCHES[1]], [])
    assert take_snapshot(artefact, manifest_of(artefact), BOTH, now_ms=NOW_MS, held=box.held) is ListRefusal.TOO_MANY


def test_what_was_seen_withdrawn_before_is_not_armed() -> None:
    artefact = encode_snapshot(12, [BATCHES[0]], [])
    step = take_snapshot(artefact, manifest_of(artefact), BOTH, now_ms=NOW_MS, withdrawn=frozenset({"e-1"}))
    assert isinstance(step, Step)
    assert [each.entry for each in step.added] == ["e-2"]


def test_bytes_that_are_not_the_manifests_are_refused() -> None:
    artefact = encode_snapshot(12, [BATCHES[0]], [])
    other = encode_snapshot(12, [], [])
    assert take_snapshot(other, manifest_of(artefact), BOTH, now_ms=NOW_MS) is ListRefusal.WRONG_HASH
