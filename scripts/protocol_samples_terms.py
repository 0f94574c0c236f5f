"""What minor 1.2 added for private companies: terms, good ones and such as must be refused, in the same world.

The test box is one of the company `market`, and took number 4 last.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import cbor2
import msgspec
from protocol_negatives import Negative
from protocol_samples_minor import trust
from protocol_samples_world import NOW_MS, WHO, YEAR_MS, Sample, key, signed_payload

from protocol import cbor
from protocol.envelope import Context, envelope_hash, parse
from protocol.settings import Taken
from protocol.terms import (
    MAX_CAMERAS,
    Hours,
    Shown,
    Terms,
    TermsPoint,
    TermsRefusal,
    Tier,
    Use,
    check_terms,
    sign_terms,
)

PARTNER: Final = "market"
LAST_TERMS: Final = Taken(4, envelope_hash(b"the terms that came before"))


def terms() -> Terms:
    """Terms that connect two cameras of the test box's point, on working days."""
    return Terms(
        version=1,
        number=5,
        city=WHO.city,
        partner=PARTNER,
        tier=Tier.CONNECTED,
        purpose="Stolen vehicles at the store's entrance",
        created_ms=NOW_MS,
        from_ms=NOW_MS,
        until_ms=NOW_MS + YEAR_MS,
        time_zone="America/Monterrey",
        points=(
            TermsPoint(point=WHO.point, cameras=("cam-1", "cam-2")),
            TermsPoint(point="p-205", cameras=("cam-1",)),
        ),
        hours=tuple(Hours(weekday=day, from_minute=7 * 60, to_minute=22 * 60) for day in range(1, 6)),
        uses=(Use.HIT, Use.PANIC),
        shown=(Shown.COUNTS, Shown.HEALTH),
    )


def take_terms(raw: bytes) -> Terms | TermsRefusal:
    """Terms that the test box takes, or why not."""
    return check_terms(raw, trust(), city=WHO.city, partner=PARTNER, taken=LAST_TERMS)


def terms_samples() -> list[Sample]:
    """Terms, their suspension, and those of a company that is registered only."""
    found = (
        ("terms", terms()),
        ("terms, suspended", msgspec.structs.replace(terms(), number=6, is_suspended=True)),
        ("terms, registered only", msgspec.structs.replace(terms(), tier=Tier.REGISTERED, hours=(), uses=(), shown=())),
    )
    return [
        Sample(name, sign_terms(each, key("server")), ("server",), Context.TERMS, take_terms) for name, each in found
    ]


def terms_negatives() -> list[Negative]:
    """Bytes that the test box refuses, each with its reason, in a fixed order."""
    forms = [
        Negative(
            name,
            "terms",
            signed_payload(raw, "server", Context.TERMS),
            TermsRefusal.UNKNOWN_VERSION if "version 2" in name else TermsRefusal.BAD_FORM,
        )
        for name, raw in _unfit()
    ]
    return [*forms, *_unfit_for_the_box()]


def _unfit() -> Iterator[tuple[str, bytes]]:
    tree = cbor.decode(parse(terms_samples()[0].raw).payload, max_bytes=100_000)
    if not isinstance(tree, dict):
        raise TypeError("terms are no map")
    for name, changes in (
        ("number 0", {1: 0}),
        ("a company in capitals", {3: "MARKET"}),
        ("tier 3", {4: 3}),
        ("no purpose", {5: None}),
        ("an end at the beginning", {8: NOW_MS}),
        ("a time zone with a space", {9: "America/Ciudad Juarez"}),
        ("no points", {10: None}),
        ("a point twice", {10: [{0: "p-204", 1: []}] * 2}),
        ("a camera too many", {10: [{0: "p-204", 1: ["cam-1"] * (MAX_CAMERAS + 1)}]}),
        ("an eighth weekday", {11: [{0: 8, 1: 0, 2: 60}]}),
        ("a window of no time", {11: [{0: 1, 1: 60, 2: 60}]}),
        ("a window past midnight", {11: [{0: 1, 1: 60, 2: 1441}]}),
        ("a use that nobody knows", {12: [5]}),
        ("a use as a word", {12: ["hit"]}),
        ("plates shown, for which there is no number", {13: [5]}),
        ("suspended as a number", {14: 1}),
        ("version 2", {0: 2}),
    ):
        yield name, cbor2.dumps(_changed(tree, changes), canonical=True)


def _changed(tree: dict[int, Any], changes: Mapping[int, object]) -> dict[int, Any]:
    return {key: value for key, value in {**tree, **changes}.items() if value is not None}


def _unfit_for_the_box() -> list[Negative]:
    server, fit = key("server"), terms()

    def told(**changes: object) -> bytes:
        return sign_terms(msgspec.structs.replace(fit, **changes), server)

    good = terms_samples()[0].raw
    payload = parse(good).payload
    return [
        Negative(name, "terms", raw, refusal)
        for name, raw, refusal in (
            ("signed by an officer", sign_terms(fit, key("officer-ana")), TermsRefusal.UNKNOWN_KEY),
            ("signed by the device", sign_terms(fit, key("device")), TermsRefusal.UNKNOWN_KEY),
            ("signed as settings", signed_payload(payload, "server", Context.SETTINGS), TermsRefusal.BAD_SIGNATURE),
            ("last bit of the payload", good[:-67] + bytes((good[-67] ^ 1,)) + good[-66:], TermsRefusal.BAD_SIGNATURE),
            ("of another city", told(city="torreon"), TermsRefusal.OTHER_CITY),
            ("of another company", told(partner="bank"), TermsRefusal.OTHER_PARTNER),
            ("made before the grant", told(created_ms=NOW_MS - YEAR_MS - 1), TermsRefusal.UNKNOWN_KEY),
            ("made after the grant", told(created_ms=NOW_MS + YEAR_MS + 1), TermsRefusal.UNKNOWN_KEY),
            ("number 3 after number 4", told(number=3), TermsRefusal.ROLLED_BACK),
            ("other bytes under number 4", told(number=4), TermsRefusal.ROLLED_BACK),
        )
    ]
