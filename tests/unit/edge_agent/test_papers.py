"""Papers that were offered: believed only if they are this box's and end at its root; put in force step by step."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from aggregator.adapters import pki
from edge_agent.adapters import papers
from edge_agent.adapters.keystore import AUTHORITY, CERTIFICATE, FACTS, TRIAL, Enrolment, IdentityFacts, load_enrolment
from edge_agent.errors import RenewalFailed
from protocol.keys import KeySigner, spki_of
from protocol.messages import VERSION
from protocol.renewal import RenewalAnswer
from tests.simulators.city import City

NOW = datetime(2026, 11, 22, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Command:
    """A command centre's CAs, and what it would answer."""

    root: pki.Authority
    issuing: pki.Authority

    @classmethod
    def found(cls) -> "Command":
        root = pki.make_root("root", Ed25519PrivateKey.generate(), now=NOW)
        return cls(root, pki.make_issuing("issuing", root, Ed25519PrivateKey.generate(), now=NOW))

    def answer(
        self, box: KeySigner, *, device: str = "box-1", point: str = "p-1", by: pki.Authority | None = None
    ) -> RenewalAnswer:
        issuer = by or self.issuing
        leaf = pki.issue(issuer, device, box.public_key.spki, pki.Use.CLIENT, now=NOW, valid=YEAR)
        chain = (der(leaf), der(issuer.certificate))
        authorities = (der(self.issuing.certificate), der(self.root.certificate))
        return RenewalAnswer(
            version=VERSION, device=device, city="saltillo", point=point, chain=chain, authorities=authorities
        )


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def centre() -> Command:
    return Command.found()


@pytest.fixture(scope="module")
def box() -> KeySigner:
    return KeySigner.generate()


@pytest.fixture
def enrolment(centre: Command, box: KeySigner, tmp_path: Path) -> Enrolment:
    facts = IdentityFacts(
        device="box-1", city="saltillo", point="p-1", broker_host="127.0.0.1", broker_port=1, server_name="localhost",
        artefacts_url="https://127.0.0.1:1", enrolment_url="https://127.0.0.1:2",
    )  # fmt: skip
    root = KeySigner(centre.root.key).public_key
    return Enrolment(tmp_path, facts, box, root)


def test_papers_of_this_box_under_its_root_are_taken(centre: Command, box: KeySigner, enrolment: Enrolment) -> None:
    found = papers.verified(centre.answer(box), enrolment, now=NOW)
    assert found.term.ends == NOW + YEAR
    assert len(found.authorities) == 2


def test_papers_of_an_issuing_ca_that_the_box_has_never_seen_are_taken_under_its_root(
    centre: Command, box: KeySigner, enrolment: Enrolment
) -> None:
    other = pki.make_issuing("issuing, number 2", centre.root, Ed25519PrivateKey.generate(), now=NOW)
    assert papers.verified(centre.answer(box, by=other), enrolment, now=NOW).term.issuer == pki.key_id_of(
        other.certificate
    )


def test_papers_of_another_root_of_another_key_or_for_another_box_are_not(
    centre: Command, box: KeySigner, enrolment: Enrolment
) -> None:
    leaf_as_issuer = pki.issue(
        centre.issuing, "box-2", spki_of(Ed25519PrivateKey.generate().public_key()), pki.Use.CLIENT, now=NOW, valid=YEAR
    )
    chain = centre.answer(box).chain
    for wrong in (
        Command.found().answer(box),
        centre.answer(KeySigner.generate()),
        centre.answer(box, device="box-2"),
        with_chain(centre.answer(box), chain[0], der(leaf_as_issuer)),
        with_chain(centre.answer(box), b"nonsense", chain[1]),
        with_chain(centre.answer(box), chain[0]),
    ):
        with pytest.raises(RenewalFailed, match="not taken"):
            papers.verified(wrong, enrolment, now=NOW)


def with_chain(answer: RenewalAnswer, *chain: bytes) -> RenewalAnswer:
    return msgspec.structs.replace(answer, chain=chain)


@pytest.mark.parametrize("when", [NOW - timedelta(days=2), NOW + YEAR])
def test_papers_that_do_not_hold_today_are_not_taken_unless_nobody_knows_what_day_it_is(
    centre: Command, box: KeySigner, enrolment: Enrolment, when: datetime
) -> None:
    answer = centre.answer(box)
    with pytest.raises(RenewalFailed, match="does not hold today"):
        papers.verified(answer, enrolment, now=when)
    assert papers.verified(answer, enrolment, now=None).term.ends == NOW + YEAR


def test_papers_on_trial_leave_those_in_force_alone_until_they_are_adopted(
    centre: Command, box: KeySigner, enrolment: Enrolment
) -> None:
    for name in (AUTHORITY, CERTIFICATE):
        (enrolment.folder / name).write_text("old")
    papers.put_on_trial(enrolment.folder, papers.verified(centre.answer(box), enrolment, now=NOW))
    assert (enrolment.folder / CERTIFICATE).read_text() == "old"
    papers.adopt(enrolment.folder)
    assert (
        x509.load_pem_x509_certificates((enrolment.folder / CERTIFICATE).read_bytes())[1] == centre.issuing.certificate
    )
    assert len(x509.load_pem_x509_certificates((enrolment.folder / AUTHORITY).read_bytes())) == 2
    assert not (enrolment.folder / TRIAL).exists()


def test_a_folder_that_cannot_be_written_is_said_to_be(centre: Command, box: KeySigner, enrolment: Enrolment) -> None:
    (enrolment.folder / TRIAL).write_text("in the way")
    with pytest.raises(RenewalFailed, match="cannot be written"):
        papers.put_on_trial(enrolment.folder, papers.verified(centre.answer(box), enrolment, now=NOW))


def test_a_box_that_was_moved_finds_itself_at_the_new_point(tmp_path: Path, centre: Command, box: KeySigner) -> None:
    City(tmp_path / "city").enrol(tmp_path / "identity")
    enrolment = load_enrolment(tmp_path / "identity")
    before = (enrolment.folder / FACTS).read_bytes()

    def offer(point: str) -> papers.Papers:
        found = centre.answer(box, point=point)
        leaf = x509.load_der_x509_certificate(found.chain[0])
        return papers.Papers(leaf, leaf, (), enrolment.who.city, found.point)

    assert not papers.settle_at(enrolment, offer(enrolment.who.point))
    assert (enrolment.folder / FACTS).read_bytes() == before
    assert papers.settle_at(enrolment, offer("p-7"))
    moved = load_enrolment(enrolment.folder)
    assert (moved.who.point, moved.facts.broker_host) == ("p-7", enrolment.facts.broker_host)
