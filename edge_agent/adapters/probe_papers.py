"""The box's certificates and what it seals with, for the doctor: read, never changed."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from edge_agent.adapters.hotlist_shelf import place_at_rest
from edge_agent.adapters.keystore import AUTHORITY, CERTIFICATE, Enrolment
from edge_agent.adapters.terms_file import TermsFile
from edge_agent.adapters.vault import KEY_FILE, TPM_FILE, open_vault
from edge_agent.core.checks_link import Term
from edge_agent.core.terms import at_rest
from edge_agent.errors import BadIdentity
from edge_agent.settings import Settings


@dataclass(frozen=True, slots=True)
class Sealing:
    """`is_hardware` is None if nothing was sealed yet; `hotlist` says where the list lies."""

    is_hardware: bool | None
    hotlist: str


def certificate_terms(folder: Path) -> tuple[Term, ...]:
    """Terms of the box's certificate and of those above it; raises `BadIdentity`."""
    try:
        own = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
        above = x509.load_pem_x509_certificates((folder / AUTHORITY).read_bytes())
    except (OSError, ValueError) as exc:
        raise BadIdentity(f"{folder}: the certificates cannot be read; enrol the box again") from exc
    return tuple(_term(certificate) for certificate in (own, *above))


def sealing(settings: Settings, enrolment: Enrolment | None = None) -> Sealing:
    """Where the vault's key lies. A vault that was never used is not made by looking."""
    folder, allowed = settings.identity_dir, settings.hotlist.at_rest
    if enrolment is not None:
        allowed = at_rest(allowed, is_partner=TermsFile(enrolment).is_partner)
    place = place_at_rest(allowed, folder)
    is_used = (folder / KEY_FILE).exists() or (folder / TPM_FILE).exists()
    return Sealing(open_vault(folder).is_hardware if is_used else None, place)


def _term(certificate: x509.Certificate) -> Term:
    names = certificate.subject.rfc4514_string()
    return Term(names.removeprefix("CN="), certificate.not_valid_before_utc, certificate.not_valid_after_utc)
