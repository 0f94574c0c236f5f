"""What minor 1.2 added to the wire between a city and its region, one valid example of each, in the same world.

The region has a root of its own and one server. The test city is Saltillo, as before; its server is `server`. The city
has taken two lines of its log already and stands at `STOOD`.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from protocol_samples import batch, samples, withdrawal
from protocol_samples_world import NOW_MS, WHO, YEAR_MS, Refused, Sample, bundle, grant_of, key, seed, trust

from protocol import federation as f
from protocol import roster as r
from protocol.enrolment import AnswerRefusal, Parcel, Token, invitation_signer
from protocol.envelope import Context, envelope_hash, parse
from protocol.federation import Followed, HeadRefusal, ItemKind
from protocol.joining import (
    JoinAnswer,
    Joined,
    JoinRequest,
    accept_join,
    check_join_parcel,
    sign_join,
    sign_join_answer,
)
from protocol.receipts import ReceiptItem, Status
from protocol.refusals import Refusal
from protocol.trust import Role, TrustBundle, TrustRefusal, TrustStore, sign_bundle
from protocol.wire import WireStruct, from_bytes, to_bytes

REGION: Final = "coahuila"
OTHER_CITY: Final = "torreon"
LINK_SIGNERS: Final = ("region-root", "region", "link-p256")
LOG: Final = bytes(range(32, 48))
HIT: Final = samples()[0].raw
LAST_ROSTER: Final = 3


# --- the region and its root --------------------------------------------------------------------------------


def region_bundle() -> bytes:
    """What the region's root grants: its server everywhere."""
    server = key("region").public_key.spki
    grants = (grant_of(Role.RECEIPT, server, REGION), grant_of(Role.MANIFEST, server, REGION))
    return sign_bundle(2, grants, key("region-root"), created_ms=NOW_MS)


@cache
def region_trust() -> TrustStore:
    """What a city believes of its region."""
    store = TrustStore(key("region-root").public_key).accept(region_bundle())
    if isinstance(store, TrustRefusal):
        raise TypeError(f"the region's bundle is refused: {store.name}")
    return store


def take_region_bundle(raw: bytes) -> TrustBundle | TrustRefusal:
    """A bundle of the region that a city accepts, or why not."""
    store = TrustStore(key("region-root").public_key).accept(raw)
    return store if isinstance(store, TrustRefusal) else from_bytes(parse(raw).payload, TrustBundle, max_bytes=len(raw))


# --- up -----------------------------------------------------------------------------------------------------


def transit() -> bytes:
    """The city's word on the hit that it passed on."""
    items = [
        f.TransitItem(hash=envelope_hash(HIT), received_ms=NOW_MS + 120, rule="hits"),
        f.TransitItem(hash=envelope_hash(b"an alarm"), received_ms=NOW_MS + 450, rule="alarms"),
    ]
    return f.sign_transit(WHO.city, items, key("server"), created_ms=NOW_MS + 500)


def take_transit(raw: bytes) -> WireStruct | Refusal:
    """What the region makes of it."""
    return f.accept_transit(raw, trust(), city=WHO.city)


def link_receipt() -> bytes:
    """The region's answer to the transit record, and to an item that it does not take yet."""
    items = [
        ReceiptItem(hash=envelope_hash(transit()), status=Status.STORED),
        ReceiptItem(hash=envelope_hash(b"a batch"), status=Status.REFUSED, reason=Refusal.UNKNOWN_KEY),
    ]
    return f.sign_link_receipt(WHO.city, items, key("region"), time_ms=NOW_MS + 600)


def take_link_receipt(raw: bytes) -> WireStruct | Refusal:
    """What the city makes of it."""
    return f.accept_link_receipt(raw, region_trust(), city=WHO.city)


def made_roster() -> r.Roster:
    """Two points, three cameras; a box with its key, and one whose key was revoked and that has moved."""
    cameras = (r.RosterCamera(camera="cam-1", heading_deg=270, name="norte"), r.RosterCamera(camera="cam-2"))
    moved = r.Past(city=WHO.city, point="p-205", until_ms=NOW_MS - 86_400_000)
    return r.make_roster(
        WHO.city,
        number=4,
        created_ms=NOW_MS,
        name="Saltillo",
        time_zone="America/Monterrey",
        points=(
            r.RosterPoint(
                point=WHO.point,
                name="Periférico y Abasolo",
                latitude_e7=254_232_000,
                longitude_e7=-1_009_953_000,
                cameras=cameras,
            ),
            r.RosterPoint(
                point="p-205",
                name="Puente sur",
                latitude_e7=253_901_000,
                longitude_e7=-1_010_021_000,
                cameras=cameras[:1],
                time_zone="America/Mexico_City",
            ),
        ),
        devices=(
            r.RosterDevice(device=WHO.device, point=WHO.point, spki=key("device").public_key.spki),
            r.RosterDevice(
                device="box-9",
                point=WHO.point,
                spki=key("device-p256").public_key.spki,
                is_revoked=True,
                past=(moved,),
            ),
        ),
    )


def take_roster(raw: bytes) -> WireStruct | Refusal:
    """What the region makes of it."""
    return r.accept_roster(raw, trust(), city=WHO.city, last_number=LAST_ROSTER)


# --- down ---------------------------------------------------------------------------------------------------


def made_notice() -> f.Notice:
    """Of a hit that another city saw, with what its box said."""
    return f.Notice(
        version=1,
        to=WHO.city,
        hit=envelope_hash(HIT),
        city=OTHER_CITY,
        point="p-31",
        camera="cam-1",
        why="corridor",
        reason="stolen",
        entries=("e-0001",),
        captured_ms=NOW_MS - 180,
        created_ms=NOW_MS,
        until_ms=NOW_MS + 7_200_000,
        envelope=HIT,
        corridor="Carretera 40",
    )


def notice() -> bytes:
    """The same, signed."""
    return f.sign_notice(made_notice(), key("region"))


def take_notice(raw: bytes) -> WireStruct | Refusal:
    """What the city makes of it."""
    return f.accept_notice(raw, region_trust(), city=WHO.city, at_ms=NOW_MS)


@cache
def lines() -> tuple[bytes, ...]:
    """The city's log so far: a bundle and a batch of another city, a withdrawal, a notice, a kind yet unknown, and a
    batch too large to stand in its line."""
    bodies = (
        (ItemKind.TRUST, OTHER_CITY, bundle()),
        (ItemKind.BATCH, OTHER_CITY, batch()),
        (ItemKind.WITHDRAWAL, OTHER_CITY, withdrawal()),
        (ItemKind.NOTICE, REGION, notice()),
    )
    known = [
        f.make_item(number, kind, origin, body, created_ms=NOW_MS)
        for number, (kind, origin, body) in enumerate(bodies, start=1)
    ]
    newer = f.LogItem(
        version=1,
        number=5,
        kind=99,
        origin=REGION,
        created_ms=NOW_MS,
        sha256=envelope_hash(b"?"),
        size_bytes=1,
        body=b"?",
    )
    large = f.make_item(6, ItemKind.BATCH, OTHER_CITY, bytes(f.MAX_INLINE_BYTES + 1), created_ms=NOW_MS)
    return tuple(f.encode_item(item) for item in (*known, newer, large))


def hash_at(number: int) -> bytes:
    """The hash that binds the first lines."""
    at = f.NOTHING_YET
    for line in lines()[:number]:
        at = f.chained(at, line)
    return at


STOOD: Final = Followed(LOG, 2, hash_at(2))


def made_head(number: int) -> f.Head:
    """The head at a line."""
    return f.Head(version=1, city=WHO.city, log=LOG, number=number, hash=hash_at(number), created_ms=NOW_MS)


def head() -> bytes:
    """The head at the last line, signed."""
    return f.sign_head(made_head(len(lines())), key("region"))


def take_head(raw: bytes) -> f.Head | HeadRefusal:
    """A head that the city follows, or why not."""
    return f.accept_head(raw, region_trust(), city=WHO.city, followed=STOOD, at_ms=NOW_MS)


def page() -> bytes:
    """What follows the place where the city stands."""
    return f.encode_page(head(), lines()[STOOD.number :])


def take_page(raw: bytes) -> f.TakenPage | HeadRefusal:
    """A page that the city takes, or why not."""
    return f.accept_page(raw, region_trust(), city=WHO.city, followed=STOOD, at_ms=NOW_MS)


# --- joining ------------------------------------------------------------------------------------------------


def token() -> Token:
    """What the city's people were given."""
    return Token(
        version=1,
        host="region.example",
        port=8444,
        server_name="region.example",
        device=WHO.city,
        expires_ms=NOW_MS + YEAR_MS,
        root_sha256=envelope_hash(key("region-root").public_key.spki),
        secret=seed("invitation")[:16],
    )


def made_request() -> JoinRequest:
    """The city's request. The PKCS#10 in it stands for any."""
    return JoinRequest(
        version=1,
        city=WHO.city,
        name="Saltillo",
        time_zone="America/Monterrey",
        csr=b"PKCS#10 of link.saltillo",
        root_spki=key("root").public_key.spki,
        trust=bundle(),
        created_ms=NOW_MS,
    )


def take_join(raw: bytes) -> WireStruct | Refusal:
    """A request that the region answers, or why not."""
    found = accept_join(raw, invitation_signer(token().secret).public_key, city=WHO.city)
    return found if isinstance(found, Refusal) else found.request


def made_answer() -> JoinAnswer:
    """The region's answer. The certificates in it stand for any."""
    return JoinAnswer(
        version=1,
        invitation=bytes(token().signer.public_key.key_id),
        key=bytes(key("link-p256").public_key.key_id),
        city=WHO.city,
        region=REGION,
        region_name="Coahuila de Zaragoza",
        created_ms=NOW_MS,
        broker_host="region.example",
        broker_port=8883,
        server_name="region.example",
        artefacts_url="https://region.example:8443",
        log=LOG,
        chain=(b"certificate of link.saltillo", b"its issuer"),
        authorities=(b"its issuer",),
    )


def parcel_of(answer: bytes) -> bytes:
    """An answer with what it takes to believe it."""
    return to_bytes(
        Parcel(version=1, root_spki=key("region-root").public_key.spki, trust=region_bundle(), answer=answer)
    )


def parcel() -> bytes:
    """The whole answer as it goes over the line."""
    return parcel_of(sign_join_answer(made_answer(), key("region")))


def take_parcel(raw: bytes) -> Joined | AnswerRefusal:
    """A parcel that the city believes, or why not."""
    return check_join_parcel(raw, token(), key("link-p256").public_key)


def take_answer(raw: bytes) -> WireStruct | AnswerRefusal:
    """The answer alone, in a sound parcel."""
    found = take_parcel(parcel_of(raw))
    return found if isinstance(found, AnswerRefusal) else found.answer


def link_samples() -> list[Sample]:
    """Every signed structure that the minor added."""
    found: list[tuple[str, bytes, str, Context, Callable[[bytes], WireStruct | Refused]]] = [
        ("region's trust bundle", region_bundle(), "region-root", Context.TRUST, take_region_bundle),
        ("transit", transit(), "server", Context.TRANSIT, take_transit),
        ("link receipt", link_receipt(), "region", Context.LINK_RECEIPT, take_link_receipt),
        ("roster", r.sign_roster(made_roster(), key("server")), "server", Context.ROSTER, take_roster),
        ("log head", head(), "region", Context.LOG_HEAD, take_head),
        ("notice", notice(), "region", Context.NOTICE, take_notice),
        ("join request", sign_join(made_request(), token().signer), "invitation", Context.JOIN, take_join),
        ("join answer", sign_join_answer(made_answer(), key("region")), "region", Context.JOIN_ANSWER, take_answer),
    ]
    return [Sample(name, raw, (signer,), context, take) for name, raw, signer, context, take in found]
