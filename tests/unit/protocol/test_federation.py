"""What goes over a city's link: who may say it, for which city, and that the log is followed only forwards."""

import hashlib
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import federation as f
from protocol.envelope import Context, parse, sign
from protocol.errors import DecodeError, EncodeError
from protocol.federation import Followed, HeadRefusal, ItemKind
from protocol.keys import KeySigner
from protocol.messages import VERSION
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.trust import Grant, Role, TrustStore
from protocol.wire import WireStruct, to_bytes

NOW_MS = 1_795_000_000_000
ROOT, CITY, REGION, STRANGER = (KeySigner.generate() for _ in range(4))
LOG = bytes(range(16))


def granted(role: Role, signer: KeySigner, *cities: str, until_ms: int = 2 * NOW_MS) -> Grant:
    return Grant(
        role=role, spki=signer.public_key.spki, subject="server", not_before_ms=NOW_MS, not_after_ms=until_ms,
        cities=cities,
    )  # fmt: skip


CITYS = TrustStore(ROOT.public_key, 1, 0, (granted(Role.RECEIPT, CITY, "saltillo"),))
REGIONS = TrustStore(ROOT.public_key, 1, 0, (granted(Role.RECEIPT, REGION), granted(Role.MANIFEST, REGION)))

# --- up -------------------------------------------------------------------------------------------------------


def transit(signer: KeySigner = CITY, city: str = "saltillo", created_ms: int = NOW_MS) -> bytes:
    item = f.TransitItem(hash=hashlib.sha256(b"hit").digest(), received_ms=NOW_MS - 5, rule="hits")
    return f.sign_transit(city, [item], signer, created_ms=created_ms)


def test_a_transit_record_of_the_citys_server_is_believed() -> None:
    found = f.accept_transit(transit(), CITYS, city="saltillo")
    assert isinstance(found, f.Transit)
    assert (found.items[0].rule, found.items[0].received_ms) == ("hits", NOW_MS - 5)
    assert f.decode_transit(parse(transit())) == found


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (transit(STRANGER), Refusal.UNKNOWN_KEY),
        (transit(city="torreon"), Refusal.NOT_YOUR_PLACE),
        (transit(created_ms=NOW_MS - 1), Refusal.UNKNOWN_KEY),
        (transit()[:-1] + b"x", Refusal.BAD_SIGNATURE),
        (b"", Refusal.BAD_FORM),
        (bytes(f.MAX_TRANSIT_BYTES + 1), Refusal.TOO_LARGE),
    ],
)
def test_any_other_transit_record_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert f.accept_transit(raw, CITYS, city="saltillo") is refusal


def test_the_largest_transit_record_fits_its_bound() -> None:
    item = f.TransitItem(hash=bytes(32), received_ms=NOW_MS, rule="r" * 48)
    assert len(f.sign_transit("s" * 32, [item] * f.MAX_TRANSIT_ITEMS, CITY, created_ms=NOW_MS)) < f.MAX_TRANSIT_BYTES
    with pytest.raises(EncodeError):
        f.sign_transit("s" * 32, [item] * (f.MAX_TRANSIT_ITEMS + 1), CITY, created_ms=NOW_MS)


def answer(signer: KeySigner = REGION, city: str = "saltillo", time_ms: int = NOW_MS) -> bytes:
    return f.sign_link_receipt(city, [ReceiptItem(hash=bytes(32), status=Status.STORED)], signer, time_ms=time_ms)


def test_a_link_receipt_of_the_regions_server_is_believed() -> None:
    found = f.accept_link_receipt(answer(), REGIONS, city="saltillo")
    assert not isinstance(found, Refusal)
    assert found.items[0].status is Status.STORED


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (answer(CITY), Refusal.UNKNOWN_KEY),
        (answer(city="torreon"), Refusal.NOT_YOUR_PLACE),
        (answer(time_ms=NOW_MS - 1), Refusal.UNKNOWN_KEY),
        (sign(parse(answer()).payload, REGION, Context.RECEIPT), Refusal.BAD_SIGNATURE),
        (b"\xd2", Refusal.BAD_FORM),
    ],
)
def test_any_other_link_receipt_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert f.accept_link_receipt(raw, REGIONS, city="saltillo") is refusal


# --- the log --------------------------------------------------------------------------------------------------

BODIES = (b"a batch", b"a withdrawal", b"a list", b"a bundle", b"x" * (f.MAX_INLINE_BYTES + 1))
LINES = tuple(
    f.encode_item(f.make_item(number, ItemKind.BATCH, "torreon", body, created_ms=NOW_MS))
    for number, body in enumerate(BODIES, start=1)
)


def hash_at(number: int, lines: tuple[bytes, ...] = LINES) -> bytes:
    at = f.NOTHING_YET
    for line in lines[:number]:
        at = f.chained(at, line)
    return at


def head(
    number: int = len(LINES), *, signer: KeySigner = REGION, city: str = "saltillo", log: bytes = LOG,
    lines: tuple[bytes, ...] = LINES, version: int = VERSION,
) -> bytes:  # fmt: skip
    made = f.Head(version=version, city=city, log=log, number=number, hash=hash_at(number, lines), created_ms=NOW_MS)
    return f.sign_head(made, signer)


def at(number: int) -> Followed:
    return Followed(LOG, number, hash_at(number))


def page(after: int, upto: int = len(LINES)) -> bytes:
    return f.encode_page(head(upto), LINES[after:upto])


def take(raw: bytes, followed: Followed, at_ms: int = NOW_MS) -> f.TakenPage | HeadRefusal:
    return f.accept_page(raw, REGIONS, city="saltillo", followed=followed, at_ms=at_ms)


@given(cuts=st.lists(st.integers(0, len(LINES)), max_size=5))
def test_however_a_log_is_cut_into_pages_a_city_ends_at_the_same_place(cuts: list[int]) -> None:
    followed = Followed()
    bodies: list[f.LogItem] = []
    for upto in [*sorted(cuts), len(LINES)]:
        taken = take(page(followed.number, upto), followed)
        assert isinstance(taken, f.TakenPage)
        bodies += taken.items
        followed = taken.followed
    assert followed == at(len(LINES))
    assert [item.number for item in bodies] == list(range(1, len(LINES) + 1))
    assert [item.holds(body) for item, body in zip(bodies, BODIES, strict=True)] == [True] * len(LINES)


def test_a_short_body_travels_in_its_line_and_a_long_one_does_not() -> None:
    taken = take(page(0), Followed())
    assert isinstance(taken, f.TakenPage)
    assert [item.body for item in taken.items] == [*BODIES[:4], b""]
    assert not taken.items[4].holds(BODIES[4] + b"x")


@pytest.mark.parametrize(
    ("raw", "followed", "refusal"),
    [
        (head(3), at(4), HeadRefusal.ROLLED_BACK),
        (head(0), at(1), HeadRefusal.ROLLED_BACK),
        (head(2, lines=LINES[::-1]), at(2), HeadRefusal.ROLLED_BACK),
        (head(log=bytes(16)), at(1), HeadRefusal.OTHER_LOG),
        (head(log=bytes(16)), Followed(LOG), HeadRefusal.OTHER_LOG),
        (head(city="torreon"), at(1), HeadRefusal.OTHER_CITY),
        (head(signer=STRANGER), at(1), HeadRefusal.UNKNOWN_KEY),
        (head(signer=CITY), at(1), HeadRefusal.UNKNOWN_KEY),
        (head()[:-1] + b"x", at(1), HeadRefusal.BAD_SIGNATURE),
        (sign(parse(head()).payload, REGION, Context.MANIFEST), at(1), HeadRefusal.BAD_SIGNATURE),
        (head(version=2), at(1), HeadRefusal.UNKNOWN_VERSION),
        (bytes(f.MAX_HEAD_BYTES + 1), at(1), HeadRefusal.BAD_FORM),
        (b"", at(1), HeadRefusal.BAD_FORM),
    ],
)
def test_a_head_that_is_not_the_next_of_this_log_is_refused(
    raw: bytes, followed: Followed, refusal: HeadRefusal
) -> None:
    assert f.accept_head(raw, REGIONS, city="saltillo", followed=followed, at_ms=NOW_MS) is refusal


def test_a_head_is_taken_again_and_by_a_grant_that_holds_now() -> None:
    for followed in (Followed(), Followed(LOG), at(1), at(len(LINES))):
        assert isinstance(f.accept_head(head(), REGIONS, city="saltillo", followed=followed, at_ms=NOW_MS), f.Head)
    late = f.accept_head(head(), REGIONS, city="saltillo", followed=at(1), at_ms=2 * NOW_MS + 1)
    assert late is HeadRefusal.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("lines", "upto"),
    [
        (LINES[2:], 5),  # one left out at the front
        ((*LINES[1:3], *LINES[4:]), 5),  # one left out within
        ((LINES[2], LINES[1], *LINES[3:]), 5),  # two exchanged
        (LINES[1:4], 5),  # cut at the end
        (LINES[1:], 4),  # one more than the head covers
        (LINES, 5),  # begins before the place where the city stands
        ((), 5),
    ],
)
def test_a_page_that_is_not_the_whole_of_what_follows_is_refused(lines: tuple[bytes, ...], upto: int) -> None:
    assert take(f.encode_page(head(upto), lines), at(1)) is HeadRefusal.BROKEN_CHAIN


def test_a_page_with_nothing_new_is_taken() -> None:
    assert take(page(5), at(5)) == f.TakenPage((), at(5))


def test_a_page_under_a_head_that_is_refused_is_refused_for_that() -> None:
    assert take(f.encode_page(head(3), LINES[:3]), at(4)) is HeadRefusal.ROLLED_BACK
    assert take(f.encode_page(b"", LINES), Followed()) is HeadRefusal.BAD_FORM
    assert take(b"nonsense", Followed()) is HeadRefusal.BAD_FORM


@given(where=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_damaged_page_is_taken(where: int, bit: int) -> None:
    raw = bytearray(page(0, 4))
    raw[where % len(raw)] ^= 1 << bit
    assert isinstance(take(bytes(raw), Followed()), HeadRefusal)


def test_a_kind_that_is_not_known_yet_keeps_its_place_in_the_chain() -> None:
    newer = f.LogItem(
        version=VERSION, number=1, kind=99, origin="coahuila", created_ms=NOW_MS,
        sha256=hashlib.sha256(b"?").digest(), size_bytes=1, body=b"?",
    )  # fmt: skip
    lines = (f.encode_item(newer),)
    taken = take(f.encode_page(head(1, lines=lines), lines), Followed())
    assert isinstance(taken, f.TakenPage)
    assert taken.items[0].kind not in ItemKind.__members__.values()


def test_a_line_whose_body_is_another_is_refused() -> None:
    line = f.make_item(1, ItemKind.BATCH, "torreon", b"a batch", created_ms=NOW_MS)
    with pytest.raises(ValueError, match="another hash"):
        msgspec.structs.replace(line, body=b"a butch")
    swapped = (f.encode_item(line).replace(b"a batch", b"a butch"),)
    assert take(f.encode_page(head(1, lines=swapped), swapped), Followed()) is HeadRefusal.BAD_FORM


def test_a_page_of_the_most_and_largest_lines_fits_its_bound() -> None:
    line = f.encode_item(f.make_item(2**53, ItemKind.NOTICE, "t" * 32, bytes(f.MAX_INLINE_BYTES), created_ms=NOW_MS))
    assert len(f.encode_page(head(), [line] * f.MAX_PAGE_ITEMS)) < f.MAX_PAGE_BYTES
    with pytest.raises(EncodeError):
        f.encode_page(head(), [line] * (f.MAX_PAGE_ITEMS + 1))


def test_every_kind_has_its_word_and_its_bound() -> None:
    assert set(f.KIND_OF_SLUG.values()) == set(f.MAX_BODY_BYTES) == set(ItemKind)
    assert {kind.slug for kind in f.UPWARD} == {"batch", "withdrawal", "revocations", "trust", "roster"}


# --- notices --------------------------------------------------------------------------------------------------

SEEN = b"the envelope of a hit"


def make_notice(**changed: object) -> f.Notice:
    fields = {
        "version": VERSION, "to": "saltillo", "hit": hashlib.sha256(SEEN).digest(), "city": "torreon",
        "point": "p-9", "camera": "cam-1", "why": "asked", "reason": "stolen", "entries": ("e-0001",),
        "captured_ms": NOW_MS - 900, "created_ms": NOW_MS, "until_ms": NOW_MS + 3_600_000,
    }  # fmt: skip
    return f.Notice(**(fields | changed))  # type: ignore[arg-type]  # the test's own values


def notice(signer: KeySigner = REGION, **changed: object) -> bytes:
    return f.sign_notice(make_notice(**changed), signer)


def hear(raw: bytes, trust: TrustStore = REGIONS, at_ms: int = NOW_MS) -> f.Notice | Refusal:
    return f.accept_notice(raw, trust, city="saltillo", at_ms=at_ms)


def test_a_notice_of_the_region_is_heard_with_the_envelope_or_without() -> None:
    assert hear(notice()) == make_notice()
    assert hear(notice(envelope=SEEN, why="corridor", corridor="Carretera 40")) == make_notice(
        envelope=SEEN, why="corridor", corridor="Carretera 40"
    )
    assert hear(notice(), at_ms=NOW_MS + 4_000_000) == make_notice()


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (notice(to="monclova"), Refusal.NOT_YOUR_PLACE),
        (notice(CITY), Refusal.UNKNOWN_KEY),
        (notice()[:-1] + b"x", Refusal.BAD_SIGNATURE),
        (sign(parse(notice()).payload, REGION, Context.MESSAGE), Refusal.BAD_SIGNATURE),
        (b"\x00", Refusal.BAD_FORM),
    ],
)
def test_any_other_notice_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert hear(raw) is refusal


def test_a_notice_needs_a_grant_for_receipts() -> None:
    assert hear(notice(), replace(REGIONS, grants=REGIONS.grants[1:])) is Refusal.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"until_ms": NOW_MS}, "ends before"),
        ({"until_ms": NOW_MS + f.LONGEST_NOTICE_MS + 1}, "too long"),
        ({"envelope": SEEN + b"!"}, "not the hit's"),
    ],
)
def test_a_notice_without_end_or_with_another_envelope_cannot_be_made(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make_notice(**changed)


class Claim(WireStruct, frozen=True, kw_only=True):
    """A notice that nothing holds to its rules."""

    version: int = msgspec.field(name="0")


def test_a_notice_of_a_later_version_is_told_apart() -> None:
    raw = sign(to_bytes(Claim(version=2)), REGION, Context.NOTICE)
    assert hear(raw) is Refusal.UNKNOWN_VERSION
    with pytest.raises(DecodeError):
        f.decode_transit(parse(raw))
