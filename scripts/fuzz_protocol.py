"""Mutates valid bytes of everything on the wire and looks for what must not happen.

1. No exception but the documented one: `Refused` (DecodeError, BadEnvelope), `BadTopic`, `SealError`.
2. No altered message accepted: bytes that differ and are yet verified, decoded and judged fit. For a snapshot, which is
   not signed itself: no entry armed that two officers did not sign; for a page of a log, no line that its head does not
   bind; for a parcel, no other answer.
3. The CBOR reader takes nothing that cbor2 reads otherwise, or that encodes to other bytes.

The same seed gives the same mutations. `--seconds` bounds the time; a finding ends the run with its bytes as hex and
exit code 1.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import cbor2
from make_vectors import sealing_vectors
from protocol_negatives import negatives
from protocol_negatives_link import link_negatives
from protocol_negatives_minor import minor_negatives
from protocol_samples import ENTRIES, arm, samples, snapshot
from protocol_samples_delta import delta, delta_samples, next_snapshot, take_delta
from protocol_samples_link import link_samples, made_answer, page, parcel, take_page, take_parcel
from protocol_samples_minor import minor_samples
from protocol_samples_terms import terms_samples
from protocol_samples_world import WHO, Refused, evidence_key, signed_payload

from protocol import cbor, errors
from protocol import messages as m
from protocol.enrolment import AnswerRefusal
from protocol.envelope import parse
from protocol.errors import BadTopic, SealError
from protocol.federation import HeadRefusal
from protocol.hotlist import Assembled
from protocol.hotlist_delta import DeltaRefusal
from protocol.sealing import Purpose, unseal
from protocol.topics import parse_topic

SEALED: Final = sealing_vectors()[0]


@dataclass(frozen=True, slots=True)
class Target:
    """Valid bytes, and how mutated ones are judged: `taken` if they were, the refusal's name, or `Finding`."""

    name: str
    valid: bytes
    judge: Callable[[bytes], str]


class Finding(Exception):
    """Something that must not happen."""


def targets() -> list[Target]:
    """What is mutated."""
    every = [*samples(), *minor_samples(), *link_samples(), *delta_samples(), *terms_samples()]
    signed = [Target(s.name, s.raw, _judge_signed(s.take, s.raw)) for s in every]
    payloads = [Target(f"payload of {s.name}", _cbor_of(s.raw), judge_cbor) for s in every]
    bodies = [
        Target(f"signed payload of {s.name}", _cbor_of(s.raw), judge_payload) for s in every if " (device)" in s.name
    ]
    sealed = bytes.fromhex(SEALED["sealed"])
    topic = b"atalaya/v1/saltillo/p-204/box-17/hit"
    return [
        *signed,
        *payloads,
        *bodies,
        Target("snapshot", snapshot(), judge_snapshot),
        Target("delta", delta(), judge_delta),
        Target("log page", page(), judge_page),
        Target("join parcel", parcel(), judge_parcel),
        Target("sealed", sealed, lambda raw: judge_sealed(raw, sealed)),
        Target("topic", topic, judge_topic),
    ]


def _cbor_of(raw: bytes) -> bytes:
    return raw[2:] if raw.startswith(b"\xd8\x62") else parse(raw).payload


def _judge_signed(take: Callable[[bytes], object], valid: bytes) -> Callable[[bytes], str]:
    def judge(raw: bytes) -> str:
        try:
            taken = take(raw)
        except errors.Refused as exc:
            return exc.refusal.name
        if isinstance(taken, Refused):
            return taken.name
        if raw != valid:
            raise Finding("altered bytes were accepted")
        return "taken"

    return judge


def judge_cbor(raw: bytes) -> str:
    """Whether the reader agrees with cbor2, which knows nothing of ours."""
    try:
        value = cbor.decode(raw, max_bytes=1 << 20)
    except errors.DecodeError as exc:
        return exc.refusal.name
    if cbor2.loads(raw) != value or cbor2.dumps(value, canonical=True) != raw or cbor.encode(value) != raw:
        raise Finding("read otherwise than cbor2 does, or not the one encoding")
    return "taken"


def judge_payload(payload: bytes) -> str:
    """A mutated payload under a good signature: read or refused, and if read then written back and read the same."""
    try:
        message = m.decode_message(parse(signed_payload(payload)).payload)
        body = m.body_of(message)
    except errors.Refused as exc:
        return exc.refusal.name
    again = m.decode_message(m.encode_message(message))
    if m.body_of(again) != body or m.body_tree(body) is None:
        raise Finding("a message that was taken cannot be said again")
    return "taken"


def judge_delta(raw: bytes) -> str:
    """A delta, which nobody signed: it gives the one list that the manifest names, or none."""
    found = take_delta(raw)
    if isinstance(found, DeltaRefusal):
        return found.name
    if found != next_snapshot():
        raise Finding("a delta gave another list than the manifest's")
    return "taken"


def judge_snapshot(raw: bytes) -> str:
    """A snapshot under its true hash: whatever is in it, only what two officers signed is armed."""
    armed = arm(raw)
    if not isinstance(armed, Assembled):
        return armed.name
    if not set(armed.entries) <= set(ENTRIES):
        raise Finding("an entry was armed that nobody signed")
    return "taken"


def judge_page(raw: bytes) -> str:
    """A page of a log: whatever is in it, only the lines that the head binds are taken."""
    taken = take_page(raw)
    if isinstance(taken, HeadRefusal):
        return taken.name
    if taken != take_page(page()):
        raise Finding("a line was taken that the log does not have")
    return "taken"


def judge_parcel(raw: bytes) -> str:
    """The answer to a city that joins: only the one that the region's server gave."""
    joined = take_parcel(raw)
    if isinstance(joined, AnswerRefusal):
        return joined.name
    if joined.answer != made_answer():
        raise Finding("an answer was believed that nobody gave")
    return "taken"


def judge_sealed(raw: bytes, valid: bytes) -> str:
    """Sealed bytes: opened only as they were made."""
    try:
        unseal(raw, evidence_key(), Purpose.ORIGINAL, device=WHO.device, sha256=bytes.fromhex(SEALED["plain_sha256"]))
    except SealError:
        return "SEALED"
    if raw != valid:
        raise Finding("altered sealed bytes were opened")
    return "taken"


def judge_topic(raw: bytes) -> str:
    """A topic: parsed only if building it gives the same text."""
    text = raw.decode("utf-8", "replace")
    try:
        topic = parse_topic(text)
    except BadTopic:
        return "BAD_TOPIC"
    if str(topic) != text:
        raise Finding("a topic that builds another text")
    return "taken"


# --- mutations ----------------------------------------------------------------------------------------------

_INTERESTING: Final = bytes((0x00, 0x01, 0x17, 0x18, 0x1B, 0x1F, 0x20, 0x40, 0x58, 0x5B, 0x5F, 0x60, 0x7F, 0x80))
_HEADS: Final = (*_INTERESTING, 0x9B, 0x9F, 0xA0, 0xB8, 0xBF, 0xC0, 0xD8, 0xF4, 0xF5, 0xF6, 0xF9, 0xFB, 0xFF)
# null, a float, tags, endless containers, lengths past the end, broken text, a map, a number, a line break, a zero
_SNIPPETS: Final = tuple(
    bytes.fromhex(text)
    for text in (
        *("f6", "f93c00", "c24101", "d81c80", "d81d00", "9fff", "bfff", "5affffffff", "9bffffffffffffffff"),
        *("61ff", "a10000", "1b7fffffffffffffff", "0a", "6100"),
    )
)


def _flip(data: bytearray, rng: Random, _: bytes) -> None:
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: Random, _: bytes) -> None:
    data[rng.randrange(len(data))] = rng.choice(_HEADS) if rng.random() < 0.5 else rng.randrange(256)


def _cut(data: bytearray, rng: Random, _: bytes) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 1, 2, 4, 16, len(data)))]


def _insert(data: bytearray, rng: Random, _: bytes) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(_SNIPPETS) if rng.random() < 0.7 else rng.randbytes(rng.randrange(1, 9))


def _double(data: bytearray, rng: Random, _: bytes) -> None:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 80)]
    data[start:start] = piece


def _splice(data: bytearray, rng: Random, other: bytes) -> None:
    start = rng.randrange(len(other))
    piece = other[start : start + rng.randrange(1, 120)]
    at = rng.randrange(len(data))
    data[at : at + rng.choice((0, len(piece)))] = piece


def _swap(data: bytearray, rng: Random, _: bytes) -> None:
    one, two = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    size = rng.randrange(1, 40)
    data[one : one + size], data[two : two + size] = data[two : two + size], data[one : one + size]


def _length(data: bytearray, rng: Random, _: bytes) -> None:
    """Change a byte that looks like a head, or the length behind it."""
    heads = [at for at, byte in enumerate(data) if byte >> 5 in (2, 3, 4, 5)]
    at = rng.choice(heads) if heads else 0
    data[min(at + rng.randrange(3), len(data) - 1)] = rng.choice((0, 1, 23, 24, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _widen(data: bytearray, rng: Random, _: bytes) -> None:
    """Say a small number or length in more bytes than it needs."""
    heads = [at for at, byte in enumerate(data) if byte >> 5 < 6 and byte & 31 < 24]
    if heads:
        at = rng.choice(heads)
        width = rng.choice((1, 2, 4, 8))
        head = data[at] & 0xE0 | {1: 24, 2: 25, 4: 26, 8: 27}[width]
        data[at : at + 1] = bytes((head,)) + (data[at] & 31).to_bytes(width, "big")


_WAYS: Final = (_flip, _set, _cut, _insert, _double, _splice, _swap, _length, _widen)


def mutate(valid: bytes, other: bytes, rng: Random) -> bytes:
    """Bytes with one to four mutations; `other` gives what is spliced in."""
    data = bytearray(valid)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice(_WAYS)(data, rng, other)
    return bytes(data)


def fuzz(seed: int, *, count: int | None = None, seconds: float | None = None) -> Counter[tuple[str, str]]:
    """Mutate until the count or the time is up; how often what became of what. Raises `Finding`."""
    rng, found, all_targets = Random(seed), Counter[tuple[str, str]](), targets()
    others = [target.valid for target in all_targets] + [
        negative.raw for negative in (*negatives(), *minor_negatives(), *link_negatives()) if negative.raw
    ]
    ends_at = None if seconds is None else time.monotonic() + seconds
    while (count is None or found.total() < count) and (ends_at is None or time.monotonic() < ends_at):
        target = rng.choice(all_targets)
        raw = mutate(target.valid, rng.choice(others), rng)
        try:
            found[target.name, target.judge(raw)] += 1
        except Exception as exc:  # whatever a decoder raises undocumented is what the fuzzer looks for
            raise Finding(f"{target.name}: {type(exc).__name__}: {exc}\n{raw.hex()}") from exc
    return found


def main() -> int:
    """Fuzz, and say what became of the mutations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        found = fuzz(options.seed, seconds=options.seconds)
    except Finding as finding:
        print(f"fuzz_protocol: seed {options.seed}: {finding}", file=sys.stderr)
        return 1
    outcomes = Counter[str]()
    for (_, outcome), count in found.items():
        outcomes[outcome] += count
    for outcome, count in outcomes.most_common():
        print(f"{count:>10}  {outcome}")
    print(f"{found.total():>10}  mutations of {len(targets())} targets, seed {options.seed}, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
