"""The claims of an export about the box, its pictures, and the officers. See `export_check` for the whole."""

import hashlib
from collections.abc import Iterator, Mapping

from aggregator.core.export_case import Case, Check, Spoken, body_in, read_message, said_in
from aggregator.core.export_certificates import problem_with_chain
from aggregator.core.export_manifest import (
    AMENDMENT,
    CERTIFICATES,
    DEVICE_KEY,
    EVIDENCE,
    HIT,
    REDACTED,
    SEALED,
    BatchFile,
    Delivered,
)
from protocol.clock import to_ms
from protocol.cosign import parse_cosigned
from protocol.envelope import Context
from protocol.errors import BadEnvelope
from protocol.hotlist import MAX_SNAPSHOT_BYTES, Entry, ListRefusal, check_batch, commit_case
from protocol.messages import Evidence, EvidenceUnavailable, Hit, HitAmended, HitKey, Match, Quality
from protocol.plates import CONFUSIONS
from protocol.trust import Role


def box_claims(case: Case) -> Iterator[Check]:
    """The box's own signatures, and that its messages belong together."""
    key, device = case.device_key, case.manifest.said.device
    pems = [case.files.get(name, b"") for name in CERTIFICATES]
    problem = problem_with_chain(
        pems, device=device, device_spki=case.files.get(DEVICE_KEY, b""), root_spki=case.root.spki
    )
    yield Check("the root's CA certified the box's key", problem is None, problem or "")
    names = [name for name in case.files if name.startswith("envelopes/")]
    spoken = {name: read_message(case.files[name], name) for name in names}
    unsigned = [
        n for n, one in spoken.items() if one is None or key is None or one.envelope.check(key, Context.MESSAGE)
    ]
    yield Check("the box signed each of its messages", not unsigned and HIT in spoken, ", ".join(unsigned))
    hit = spoken.get(HIT)
    if hit is None or not isinstance(hit.body, Hit):
        yield Check("the hit can be read", is_held=False)
        return
    yield Check("the hit is the one that the export is about", hit.envelope.hash.hex() == case.manifest.hit)
    strange = [name for name, one in spoken.items() if one is not None and name != HIT and not _belongs(one, hit)]
    yield Check("amendments and evidence name this hit", not strange, ", ".join(strange))
    yield Check("the manifest says what the box said", said_in(case.files) == case.manifest.said)
    yield _chain_claim(case, spoken)


def picture_claims(case: Case) -> Iterator[Check]:
    """The pictures' hashes, and to whom the original is sealed."""
    evidence = body_in(case.files, EVIDENCE, Evidence)
    if evidence is None:
        none = not any(name in case.files for name in (REDACTED, SEALED))
        yield Check("there is no picture that the box did not sign for", none)
        return
    for file, sha256, size in (
        (REDACTED, evidence.redacted_sha256, evidence.redacted_bytes),
        (SEALED, evidence.sealed_sha256, evidence.sealed_bytes),
    ):
        data = case.files.get(file)
        is_told = any(absent.what == file for absent in case.manifest.absent)
        if data is None:
            yield Check(f"{file} is there, or the manifest says why not", is_told)
        else:
            is_same = (hashlib.sha256(data).digest(), len(data)) == (sha256, size)
            yield Check(f"{file} has the hash and size that the box signed", is_same)
    grants = [g for g in (*case.trust.grants, *case.trust_then.grants) if g.role is Role.EVIDENCE]
    is_granted = any(g.key_id == evidence.sealed_to and g.covers(case.manifest.said.city) for g in grants)
    yield Check("the original is sealed to a key that the root grants EVIDENCE", is_granted)


def officer_claims(case: Case) -> Iterator[Check]:
    """Two officers' signatures over each entry that the read matched."""
    hit = read_message(case.files.get(HIT, b""), HIT)
    if hit is None or not isinstance(hit.body, Hit):
        return
    named = {batch.entry: batch for batch in case.manifest.batches}
    told = {absent.what for absent in case.manifest.absent}
    for plate, match in _matches(case, hit.body):
        claim = f"two officers signed the entry {match.entry}, and the read fits it"
        batch = named.get(match.entry)
        if batch is None:
            yield Check(f"the batch of {match.entry} is there, or the manifest says why not", match.entry in told)
            continue
        problem = _problem_with_entry(case, batch, plate, match, hit.message.created_ms)
        yield Check(claim, problem is None, problem or ", ".join(officers_of(case, batch)))
    for opened in case.manifest.cases:
        entry = _entry_of(case, named.get(opened.entry))
        is_bound = entry is not None and entry.case_commitment == commit_case(
            opened.case_number, bytes.fromhex(opened.salt)
        )
        yield Check(f"the officers signed {opened.entry} for the case number given", is_bound)


def fits(plate: str, read: str, quality: Quality) -> bool:
    """Whether a read fits a plate: exactly, or by one substitution of the table or one missing end character."""
    if quality is Quality.EXACT:
        return plate == read
    if len(plate) == len(read) + 1:
        return read in (plate[1:], plate[:-1])
    pairs = [(a, b) for a, b in zip(plate, read, strict=False) if a != b]
    return len(plate) == len(read) and len(pairs) == 1 and pairs[0][1] in CONFUSIONS.get(pairs[0][0], ())


def _belongs(one: Spoken, hit: Spoken) -> bool:
    """Whether a message names the hit by its place and hash, and comes from the same box."""
    if not isinstance(one.body, HitAmended | Evidence | EvidenceUnavailable):
        return False
    place = hit.message
    key = HitKey(outbox=place.outbox, epoch=place.epoch, sequence=place.sequence, hash=hit.envelope.hash)
    return one.body.hit == key and one.message.device == place.device


def _chain_claim(case: Case, spoken: Mapping[str, Spoken | None]) -> Check:
    """What the aggregator says of the neighbours must fit what the box signed."""
    told = {each.file: each for each in case.manifest.deliveries}
    wrong = [
        name for name, one in spoken.items()
        if one is None or name not in told or not _is_chained(one, told[name])
    ]  # fmt: skip
    return Check("each message stands in the box's chain as the aggregator says", not wrong, ", ".join(wrong))


def _is_chained(one: Spoken, told: Delivered) -> bool:
    digest = one.envelope.hash.hex()
    fits_before = told.before is None or told.before.sha256 == one.message.previous.hex()
    fits_after = told.after is None or told.after.previous_sha256 == digest
    return told.sha256 == digest and fits_before and fits_after


def _matches(case: Case, hit: Hit) -> Iterator[tuple[str, Match]]:
    """What the hit matched, and what its last amendment does, each entry and text once."""
    names = sorted(name for name in case.files if AMENDMENT.fullmatch(name))
    amended = body_in(case.files, names[-1], HitAmended) if names else None
    found = [(hit.plate, match) for match in hit.matches]
    if amended is not None and amended.plate is not None:
        found += [(amended.plate, match) for match in amended.matches if (amended.plate, match) not in found]
    yield from found


def _problem_with_entry(case: Case, named: BatchFile, plate: str, match: Match, at_ms: int) -> str | None:
    batch = check_batch(case.files.get(named.file, b""), case.trust_then, now_ms=at_ms)
    if isinstance(batch, ListRefusal):
        return batch.value
    entry = next((each for each in batch.entries if each.entry == match.entry), None)
    if entry is None or batch.batch != named.batch:
        return "the batch does not hold it"
    if entry.reason != match.reason:
        return "it was signed for another reason"
    if entry.scope and case.manifest.said.city not in entry.scope:
        return "it was not signed for this city"
    if entry.expires_ms <= at_ms:
        return "it had expired"
    return None if fits(entry.plate, plate, match.quality) else "the read does not fit its plate"


def _entry_of(case: Case, named: BatchFile | None) -> Entry | None:
    if named is None:
        return None
    batch = check_batch(case.files.get(named.file, b""), case.trust_then, now_ms=to_ms(case.manifest.said.created_at))
    return None if isinstance(batch, ListRefusal) else next((e for e in batch.entries if e.entry == named.entry), None)


def officers_of(case: Case, named: BatchFile) -> list[str]:
    """The officers whose signatures are under a batch, by the root's names for their keys."""
    try:
        signed = parse_cosigned(case.files.get(named.file, b""), max_bytes=MAX_SNAPSHOT_BYTES)
    except BadEnvelope:
        return []
    names = {grant.key_id: grant.subject for grant in case.trust_then.grants if grant.role is Role.OFFICER}
    return [names.get(signature.key_id, "unknown") for signature in signed.signatures]
