"""Mutated bytes of everything on the wire: nothing but refusals. `scripts/fuzz_protocol.py` is the long run of this."""

from random import Random

import pytest
from fuzz_protocol import Finding, fuzz, judge_cbor, judge_snapshot, mutate, targets
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples import samples
from protocol_samples_link import link_samples
from protocol_samples_world import Refused, Sample

from protocol import errors
from protocol.envelope import parse

SAMPLES = {sample.name: sample for sample in (*samples(), *link_samples())}


def is_refused(sample: Sample, raw: bytes) -> bool:
    try:
        return isinstance(sample.take(raw), Refused)
    except errors.Refused:
        return True


def test_a_seed_repeats_its_run() -> None:
    assert fuzz(2, count=300) == fuzz(2, count=300) != fuzz(3, count=300)


def test_thousands_of_mutations_end_in_refusals() -> None:
    found = fuzz(1, count=5000)
    assert len({name for name, _ in found}) == len(targets())
    outcomes = {outcome for _, outcome in found}
    assert {"BAD_FORM", "BAD_SIGNATURE", "UNKNOWN_KEY", "SEALED", "BAD_TOPIC", "BAD_TRUST", "taken"} <= outcomes


@pytest.mark.parametrize("name", SAMPLES)
def test_a_structure_cut_at_any_byte_is_refused(name: str) -> None:
    sample = SAMPLES[name]
    for cut in range(len(sample.raw)):
        assert is_refused(sample, sample.raw[:cut])
        assert is_refused(sample, sample.raw[cut + 1 :])


@pytest.mark.parametrize("name", ["hit (device)", "hit (device-p256)", "death", "hotlist batch", "hotlist manifest"])
def test_a_structure_with_any_byte_changed_is_refused(name: str) -> None:
    sample = SAMPLES[name]
    for at in range(len(sample.raw)):
        for bit in (1, 0x20, 0x80):
            changed = bytearray(sample.raw)
            changed[at] ^= bit
            assert is_refused(sample, bytes(changed)), at


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 400), st.binary(min_size=1, max_size=20))
def test_bytes_put_in_anywhere_are_refused(name: str, at: int, extra: bytes) -> None:
    sample = SAMPLES[name]
    at = min(at, len(sample.raw))
    assert is_refused(sample, sample.raw[:at] + extra + sample.raw[at:])


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_refused(raw: bytes) -> None:
    assert all(is_refused(sample, raw) for sample in SAMPLES.values())
    assert all(is_refused(sample, sample.raw[:2] + raw) for sample in SAMPLES.values())


def test_one_structure_is_never_taken_for_another() -> None:
    for sample in SAMPLES.values():
        for other in SAMPLES.values():
            if other.context is not sample.context:
                assert is_refused(sample, other.raw), (sample.name, other.name)


def test_the_fuzzer_finds_what_it_is_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot fail shows nothing: without signature checks altered messages pass, and it says so."""
    monkeypatch.setattr("protocol.keys.PublicKey.verifies", lambda *_: True)
    with pytest.raises(Finding, match="altered bytes were accepted"):
        fuzz(1, count=6000)


def test_the_judges_take_what_is_valid() -> None:
    for target in targets():
        assert target.judge(target.valid) == "taken", target.name
    assert judge_cbor(parse(SAMPLES["hit (device)"].raw).payload) == "taken"
    assert judge_snapshot(b"") == "BAD_FORM"


@given(st.binary(min_size=1, max_size=50), st.integers())
def test_mutating_never_fails(valid: bytes, seed: int) -> None:
    assert isinstance(mutate(valid, b"other", Random(seed)), bytes)
