"""Terms beside a box's identity: believed for their signature, and a company's box stays one without them."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.keystore import FACTS, load_enrolment, read_facts
from edge_agent.adapters.probe_terms import look_at_terms
from edge_agent.adapters.terms_file import NAME, TermsFile
from edge_agent.settings import Settings
from protocol.clock import to_ms
from protocol.terms import Outside, Terms, TermsRefusal
from protocol.trust import Role, TrustStore
from tests.simulators.city import City
from tests.simulators.partner_terms import make_terms, signed


def now_ms() -> int:
    return to_ms(datetime.now(UTC))


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path / "city")


@pytest.fixture
def identity(city: City, tmp_path: Path) -> Path:
    """A box of the city's own."""
    city.enrol(tmp_path / "identity")
    return tmp_path / "identity"


def trust_of(city: City) -> TrustStore:
    store = TrustStore(city.root.public_key).accept(city.bundle())
    assert isinstance(store, TrustStore)
    return store


def opened(identity: Path) -> TermsFile:
    """The file as after a start."""
    return TermsFile(load_enrolment(identity))


def test_a_box_of_the_city_needs_none(city: City, identity: Path) -> None:
    assert not opened(identity).is_partner
    assert opened(identity).holding(trust_of(city)).why_not(now_ms()) is None
    assert "partner" not in (identity / FACTS).read_text()


def test_terms_that_were_taken_are_held_after_a_start(city: City, identity: Path) -> None:
    raw = signed(make_terms(3), city.server)
    file = opened(identity)
    assert isinstance(file.take(raw, trust_of(city)), Terms)
    assert file.take(raw, trust_of(city)) is None, "the broker keeps them, and tells them again"
    held = opened(identity).holding(trust_of(city))
    assert held.terms is not None
    assert (held.terms.number, held.why_not(now_ms())) == (3, None)
    assert read_facts(identity).partner == "market"
    assert oct((identity / NAME).stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("harm", ["removed", "altered", "emptied"])
def test_a_companys_box_that_lost_them_may_do_nothing(city: City, identity: Path, harm: str) -> None:
    opened(identity).take(signed(make_terms(), city.server), trust_of(city))
    path = identity / NAME
    if harm == "removed":
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(b"" if harm == "emptied" else raw)
    file = opened(identity)
    assert file.holding(trust_of(city)).why_not(now_ms()) == Outside.NO_TERMS.value
    assert file.problem == ("bad_signature" if harm == "altered" else "")


def test_older_ones_and_another_companys_are_refused(city: City, identity: Path) -> None:
    file, trust = opened(identity), trust_of(city)
    file.take(signed(make_terms(5), city.server), trust)
    assert file.take(signed(make_terms(4), city.server), trust) is TermsRefusal.ROLLED_BACK
    longer = make_terms(5, lasts=timedelta(days=300))
    assert file.take(signed(longer, city.server), trust) is TermsRefusal.ROLLED_BACK
    assert file.take(signed(make_terms(6, partner="bank"), city.server), trust) is TermsRefusal.OTHER_PARTNER
    held = opened(identity).holding(trust)
    assert held.terms is not None
    assert held.terms.number == 5


def test_they_are_no_longer_believed_once_the_root_takes_the_grant_back(city: City, identity: Path) -> None:
    opened(identity).take(signed(make_terms(), city.server), trust_of(city))
    without = tuple(grant for grant in city.grants() if grant.role is not Role.SETTINGS)
    store = trust_of(city).accept(city.bundle(2, without))
    assert isinstance(store, TrustStore)
    file = opened(identity)
    assert file.holding(store).why_not(now_ms()) == "no_terms"
    assert file.problem == "unknown_key"
    assert file.take(signed(make_terms(), city.officers[0]), store) is TermsRefusal.UNKNOWN_KEY
    # What lies here was believed once: nothing older comes in by way of that.
    assert file.take(signed(make_terms(1, lasts=timedelta(days=300)), city.server), trust_of(city)) is (
        TermsRefusal.ROLLED_BACK
    )


def test_the_identity_stays_readable_as_it_was(city: City, identity: Path) -> None:
    before = tomllib.loads((identity / FACTS).read_text())
    opened(identity).take(signed(make_terms(), city.server), trust_of(city))
    after = tomllib.loads((identity / FACTS).read_text())
    assert {key: value for key, value in after.items() if key not in ("partner", "enrolment_url")} == before


def test_the_doctor_looks_at_the_file_or_asks_the_agent_that_runs(city: City, identity: Path, tmp_path: Path) -> None:
    settings, at_ms = Settings(identity_dir=identity, data_dir=tmp_path), now_ms()
    assert look_at_terms(settings, load_enrolment(identity), None, at_ms) is None
    opened(identity).take(signed(make_terms(3), city.server), trust_of(city))
    found = look_at_terms(settings, load_enrolment(identity), None, at_ms)
    assert found is not None
    assert (found.partner, found.number, found.state, found.problem) == ("market", 3, "in_force", "")
    later = look_at_terms(settings, load_enrolment(identity), None, at_ms + 31 * 86_400_000)
    assert later is not None
    assert later.state == "ended"
    said = {
        "partner": "market", "number": 4, "until_ms": at_ms, "state": "suspended", "problem": "", "time_zone": "UTC",
    }  # fmt: skip
    told = look_at_terms(settings, load_enrolment(identity), {"terms": said}, at_ms)
    assert told is not None
    assert (told.number, told.state) == (4, "suspended")
    assert look_at_terms(settings, load_enrolment(identity), {"terms": {"partner": None}}, at_ms) is None
