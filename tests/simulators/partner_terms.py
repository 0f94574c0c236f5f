"""Terms of a company, signed by a test city's server."""

from datetime import UTC, datetime, timedelta

from protocol.clock import to_ms
from protocol.keys import Signer
from protocol.terms import Hours, Shown, Terms, TermsPoint, Tier, Use, sign_terms

PARTNER = "market"


def make_terms(
    number: int = 1,
    *,
    city: str = "saltillo",
    partner: str = PARTNER,
    points: dict[str, tuple[str, ...]] | None = None,
    begins: datetime | None = None,
    lasts: timedelta = timedelta(days=30),
    created: datetime | None = None,
    uses: tuple[Use, ...] = (Use.HIT, Use.ALARM, Use.PANIC, Use.CONDITION),
    hours: tuple[Hours, ...] = (),
    shown: tuple[Shown, ...] = (Shown.COUNTS, Shown.HEALTH),
    tier: Tier = Tier.CONNECTED,
    is_suspended: bool = False,
) -> Terms:
    """Terms for `cam-1` of `p-1` that hold now, at all hours, for everything."""
    created = created or datetime.now(UTC)
    begins = begins or created - timedelta(minutes=1)
    return Terms(
        version=1,
        number=number,
        city=city,
        partner=partner,
        tier=tier,
        purpose="stolen vehicles",
        created_ms=to_ms(created),
        from_ms=to_ms(begins),
        until_ms=to_ms(begins + lasts),
        time_zone="America/Monterrey",
        points=tuple(
            TermsPoint(point=name, cameras=cameras) for name, cameras in (points or {"p-1": ("cam-1",)}).items()
        ),
        hours=hours,
        uses=uses,
        shown=shown,
        is_suspended=is_suspended,
    )


def signed(terms: Terms, server: Signer) -> bytes:
    """The document."""
    return sign_terms(terms, server)
