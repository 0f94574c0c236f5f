"""Bytes between a city and its region that must be refused, each with its reason."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cbor2
import msgspec
from protocol_negatives import Negative
from protocol_samples_link import (
    LOG,
    STOOD,
    head,
    lines,
    link_samples,
    made_answer,
    made_head,
    made_notice,
    made_request,
    made_roster,
    page,
    parcel,
    parcel_of,
    region_bundle,
    take_head,
    take_join,
    take_link_receipt,
    take_notice,
    take_page,
    take_parcel,
    take_roster,
    take_transit,
    token,
)
from protocol_samples_world import NOW_MS, WHO, YEAR_MS, grant_of, key

from protocol import cbor
from protocol import federation as f
from protocol.enrolment import AnswerRefusal, Parcel
from protocol.envelope import Context, parse, sign
from protocol.federation import HeadRefusal
from protocol.joining import sign_join, sign_join_answer
from protocol.keys import Signer
from protocol.refusals import Refusal
from protocol.roster import sign_roster
from protocol.trust import Role, sign_bundle
from protocol.wire import to_bytes

TAKERS: Final[dict[str, Callable[[bytes], object]]] = {
    "transit": take_transit,
    "link receipt": take_link_receipt,
    "roster": take_roster,
    "log head": take_head,
    "log page": take_page,
    "notice": take_notice,
    "join request": take_join,
    "join parcel": take_parcel,
}
SAMPLES: Final = {sample.name: sample for sample in link_samples()}


def link_negatives() -> list[Negative]:
    """All of them, in a fixed order."""
    return [*unfit_forms(), *_upward(), *_heads(), *_pages(), *_notices(), *_joinings()]


def _signer_of(structure: str) -> Signer:
    """Who signs a structure in the test world."""
    (name,) = SAMPLES[structure].signers
    return token().signer if name == "invitation" else key(name)


def _tree(structure: str) -> dict[int, Any]:
    tree = cbor.decode(parse(SAMPLES[structure].raw).payload, max_bytes=100_000)
    if not isinstance(tree, dict):
        raise TypeError(f"{structure} is no map")
    return tree


def unfit_forms() -> list[Negative]:
    """Correctly signed, in the one encoding, and of no form that is taken."""
    return [
        Negative(
            f"{structure}: {name}",
            structure,
            sign(_changed(structure, changes), _signer_of(structure), SAMPLES[structure].context),
            _form_refusal(structure, is_version="version 2" in name),
        )
        for structure, name, changes in _forms()
    ]


def _form_refusal(structure: str, *, is_version: bool) -> Refusal | HeadRefusal:
    if structure == "log head":
        return HeadRefusal.UNKNOWN_VERSION if is_version else HeadRefusal.BAD_FORM
    return Refusal.UNKNOWN_VERSION if is_version else Refusal.BAD_FORM


def _changed(structure: str, changes: Mapping[int, object]) -> bytes:
    tree = {number: value for number, value in {**_tree(structure), **changes}.items() if value is not None}
    return cbor2.dumps(tree, canonical=True)


def _forms() -> Iterator[tuple[str, str, dict[int, object]]]:
    for structure in ("transit", "link receipt", "roster", "log head", "notice", "join request"):
        yield structure, "version 2", {0: 2}
    yield "transit", "no item", {3: []}
    yield "transit", "a rule with a space", {3: [{0: bytes(32), 1: NOW_MS, 2: "by hand"}]}
    yield "transit", "an item without the time of receipt", {3: [{0: bytes(32), 2: "hits"}]}
    yield "transit", "501 items", {3: [{0: bytes(32), 1: NOW_MS, 2: "hits"}] * 501}
    yield "roster", "number 0", {2: 0}
    yield "roster", "no name", {4: ""}
    yield "roster", "a name with a line break", {4: "Sal\ntillo"}
    yield "roster", "a heading of 360 degrees", {6: [{**_tree("roster")[6][0], 4: [{0: "cam-1", 1: 360}]}]}
    yield "roster", "a point without a place", {6: [{0: WHO.point, 1: "Puente sur"}], 7: []}
    devices = _tree("roster")[7]
    yield "roster", "a key that stands there twice", {7: devices * 2}
    yield "roster", "a device at a point that is not there", {7: [{**devices[0], 1: "p-999"}]}
    yield "roster", "a key that is none", {7: [{**devices[0], 2: b"no key"}]}
    yield "log head", "a log id of 15 bytes", {2: bytes(15)}
    yield "log head", "a hash of 31 bytes", {4: bytes(31)}
    yield "log head", "a number below zero", {3: -1}
    yield "notice", "no time at which it ends", {11: None}
    yield "notice", "ends as it begins, in words", {11: NOW_MS}
    yield "notice", "holds longer than a week, in words", {11: NOW_MS + f.LONGEST_NOTICE_MS + 1}
    yield "notice", "another envelope than the hit's, in words", {12: b"another"}
    yield "notice", "nine entries", {8: ["e-0001"] * 9}
    yield "notice", "a reason in capitals", {7: "STOLEN"}
    yield "join request", "no root", {5: None}
    yield "join request", "a request of no bytes", {4: b""}
    yield "join request", "a city in capitals", {1: "SALTILLO"}


def _upward() -> list[Negative]:
    server, region = key("server"), key("region")
    transit, receipt, roster = (parse(SAMPLES[name].raw).payload for name in ("transit", "link receipt", "roster"))
    later = msgspec.structs.replace(made_roster(), created_ms=NOW_MS + YEAR_MS + 1)

    def record(city: str = WHO.city, created_ms: int = NOW_MS) -> bytes:
        item = f.TransitItem(hash=bytes(32), received_ms=NOW_MS, rule="hits")
        return f.sign_transit(city, [item], server, created_ms=created_ms)

    return [
        Negative("by the region", "transit", sign(transit, region, Context.TRANSIT), Refusal.UNKNOWN_KEY),
        Negative("by a box", "transit", sign(transit, key("device"), Context.TRANSIT), Refusal.UNKNOWN_KEY),
        Negative("of another city", "transit", record("torreon"), Refusal.NOT_YOUR_PLACE),
        Negative(
            "before the grant", "transit", record(created_ms=NOW_MS - YEAR_MS - 1), Refusal.UNKNOWN_KEY
        ),
        Negative("signed as a receipt", "transit", sign(transit, server, Context.RECEIPT), Refusal.BAD_SIGNATURE),
        Negative("by the city", "link receipt", sign(receipt, server, Context.LINK_RECEIPT), Refusal.UNKNOWN_KEY),
        Negative(
            "a box's receipt", "link receipt", sign(receipt, region, Context.RECEIPT), Refusal.BAD_SIGNATURE
        ),
        Negative(
            "for another city", "link receipt", f.sign_link_receipt("torreon", [], region, time_ms=NOW_MS),
            Refusal.NOT_YOUR_PLACE,
        ),
        Negative("by the region", "roster", sign(roster, region, Context.ROSTER), Refusal.UNKNOWN_KEY),
        Negative("signed as revocations", "roster", sign(roster, server, Context.REVOCATIONS), Refusal.BAD_SIGNATURE),
        Negative(
            "of another city", "roster", sign_roster(msgspec.structs.replace(made_roster(), city="torreon"), server),
            Refusal.NOT_YOUR_PLACE,
        ),
        Negative(
            "number 2 after number 3", "roster", sign_roster(msgspec.structs.replace(made_roster(), number=2), server),
            Refusal.EQUIVOCATION,
        ),
        Negative("after the grant", "roster", sign_roster(later, server), Refusal.UNKNOWN_KEY),
    ]  # fmt: skip


def _heads() -> list[Negative]:
    region = key("region")

    def told(number: int = len(lines()), **changes: object) -> bytes:
        return f.sign_head(msgspec.structs.replace(made_head(number), **changes), region)

    payload = parse(head()).payload
    return [
        Negative(name, "log head", raw, refusal)
        for name, raw, refusal in (
            ("by the city's server", sign(payload, key("server"), Context.LOG_HEAD), HeadRefusal.UNKNOWN_KEY),
            ("signed as a manifest", sign(payload, region, Context.MANIFEST), HeadRefusal.BAD_SIGNATURE),
            ("of another city", told(city="torreon"), HeadRefusal.OTHER_CITY),
            ("of another log", told(log=bytes(16)), HeadRefusal.OTHER_LOG),
            ("number 1 after number 2", told(1), HeadRefusal.ROLLED_BACK),
            ("number 0 after number 2", told(0), HeadRefusal.ROLLED_BACK),
            ("another hash under number 2", told(2, hash=bytes(32)), HeadRefusal.ROLLED_BACK),
        )
    ]


def _pages() -> list[Negative]:
    rest = lines()[STOOD.number :]
    other = msgspec.structs.replace(made_head(len(lines())), log=bytes(16))
    line = cbor.decode(rest[0], max_bytes=len(rest[0]))
    if not isinstance(line, dict):
        raise TypeError("a line is no map")
    wrong_body, version_2 = cbor.encode({**line, 7: b"another body"}), cbor.encode({**line, 0: 2})
    return [
        Negative(name, "log page", raw, refusal)
        for name, raw, refusal in (
            ("nothing", b"", HeadRefusal.BAD_FORM),
            ("a byte behind", page() + b"\x00", HeadRefusal.BAD_FORM),
            ("a line left out at the front", f.encode_page(head(), rest[1:]), HeadRefusal.BROKEN_CHAIN),
            ("a line left out within", f.encode_page(head(), (rest[0], *rest[2:])), HeadRefusal.BROKEN_CHAIN),
            ("two lines exchanged", f.encode_page(head(), (rest[1], rest[0], *rest[2:])), HeadRefusal.BROKEN_CHAIN),
            ("cut at its end", f.encode_page(head(), rest[:-1]), HeadRefusal.BROKEN_CHAIN),
            ("no line", f.encode_page(head(), ()), HeadRefusal.BROKEN_CHAIN),
            ("a line that was taken already", f.encode_page(head(), lines()[1:]), HeadRefusal.BROKEN_CHAIN),
            ("a body that is not its line's", f.encode_page(head(), (wrong_body, *rest[1:])), HeadRefusal.BAD_FORM),
            ("a line of version 2", f.encode_page(head(), (version_2, *rest[1:])), HeadRefusal.UNKNOWN_VERSION),
            (
                "under the head of another log",
                f.encode_page(f.sign_head(other, key("region")), rest),
                HeadRefusal.OTHER_LOG,
            ),
            ("under no head", f.encode_page(b"", rest), HeadRefusal.BAD_FORM),
        )
    ]


def _notices() -> list[Negative]:
    payload = parse(SAMPLES["notice"].raw).payload
    elsewhere = msgspec.structs.replace(made_notice(), to="monclova")
    return [
        Negative("by a city", "notice", sign(payload, key("server"), Context.NOTICE), Refusal.UNKNOWN_KEY),
        Negative("signed as a message", "notice", sign(payload, key("region"), Context.MESSAGE), Refusal.BAD_SIGNATURE),
        Negative("to another city", "notice", f.sign_notice(elsewhere, key("region")), Refusal.NOT_YOUR_PLACE),
    ]


def _joinings() -> list[Negative]:
    invitation, region = token().signer, key("region")
    request = parse(SAMPLES["join request"].raw).payload
    fit, stranger = made_answer(), key("stranger")

    def asked(**changes: object) -> bytes:
        return sign_join(msgspec.structs.replace(made_request(), **changes), invitation)

    def answered(**changes: object) -> bytes:
        return parcel_of(sign_join_answer(msgspec.structs.replace(fit, **changes), region))

    def under(root: Signer, trust: bytes) -> bytes:
        answer = sign_join_answer(fit, region)
        return to_bytes(Parcel(version=1, root_spki=root.public_key.spki, trust=trust, answer=answer))

    grant = grant_of(Role.RECEIPT, region.public_key.spki, "coahuila")
    forged = sign_bundle(2, (grant,), stranger, created_ms=NOW_MS)
    box_answer = sign(parse(sign_join_answer(fit, region)).payload, region, Context.ENROLMENT_ANSWER)
    requests = (
        ("under no invitation", sign(request, stranger, Context.JOIN), Refusal.UNKNOWN_KEY),
        ("a box's request", sign(request, invitation, Context.ENROLMENT), Refusal.BAD_SIGNATURE),
        ("of another city", asked(city="torreon"), Refusal.NOT_YOUR_PLACE),
        ("a bundle that its root did not sign", asked(trust=region_bundle()), Refusal.BAD_SIGNATURE),
        ("a root that is no key", asked(root_spki=b"no key"), Refusal.BAD_FORM),
    )
    parcels = (
        ("nothing", b"", AnswerRefusal.BAD_FORM),
        ("cut by a byte", parcel()[:-1], AnswerRefusal.BAD_FORM),
        ("of another root", under(stranger, forged), AnswerRefusal.OTHER_ROOT),
        ("a bundle of another root", under(key("region-root"), forged), AnswerRefusal.BAD_TRUST),
        ("by a server that nobody granted", parcel_of(sign_join_answer(fit, stranger)), AnswerRefusal.BAD_SIGNATURE),
        ("the answer to a box", parcel_of(box_answer), AnswerRefusal.BAD_SIGNATURE),
        ("before the grant", answered(created_ms=NOW_MS - YEAR_MS - 1), AnswerRefusal.BAD_SIGNATURE),
        ("for another city", answered(city="torreon"), AnswerRefusal.OTHER_REQUEST),
        ("for another key", answered(key=bytes(16)), AnswerRefusal.OTHER_REQUEST),
        ("of another invitation", answered(invitation=LOG), AnswerRefusal.OTHER_REQUEST),
    )
    return [
        *(Negative(name, "join request", raw, refusal) for name, raw, refusal in requests),
        *(Negative(name, "join parcel", raw, refusal) for name, raw, refusal in parcels),
    ]
