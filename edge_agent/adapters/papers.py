"""A box's papers: its certificate with the chain, and the authorities it trusts; read, verified, tried, put in force.

Papers that were offered are believed only if the leaf is for the box's own key and name, its issuer signed it, and the
root that the box has pinned signed the issuer. They lie in `trial/` while they are tried; `adopt` puts the
authorities in force first and the certificate after them, each in one step: whatever is cut off in between leaves a
certificate that works under authorities that hold. A box that was moved finds its new place in the answer; its identity
is written anew, and holds from the next start.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID

from edge_agent.adapters.keystore import (
    AUTHORITY,
    CERTIFICATE,
    FACTS,
    TRIAL,
    Enrolment,
    read_facts,
    write_facts,
    write_private,
)
from edge_agent.core.renewal import Term
from edge_agent.errors import BadIdentity, RenewalFailed
from protocol.renewal import RenewalAnswer

_PEM: Final = Encoding.PEM


@dataclass(frozen=True, slots=True)
class Papers:
    """A certificate, its issuer, the authorities to trust with them, and where the registry has the box stand."""

    leaf: x509.Certificate
    issuer: x509.Certificate
    authorities: tuple[x509.Certificate, ...]
    city: str
    point: str

    @property
    def term(self) -> Term:
        """The dates that decide."""
        return term_of(self.leaf)


def verified(answer: RenewalAnswer, enrolment: Enrolment, *, now: datetime | None) -> Papers:
    """The papers of an answer, if they are this box's and end at its root; raises `RenewalFailed`.

    Dates are not judged without `now`, as by a clock that is known to be wrong.
    """
    try:
        leaf, issuer, *_ = [x509.load_der_x509_certificate(der) for der in answer.chain]
        authorities = tuple(x509.load_der_x509_certificate(der) for der in answer.authorities)
        roots = [each for each in authorities if _spki(each) == enrolment.root.spki]
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(roots[0])
        is_authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, IndexError, InvalidSignature, x509.ExtensionNotFound) as exc:
        raise RenewalFailed("the certificate offered does not end at this box's root; it is not taken") from exc
    if not is_authority or _spki(leaf) != enrolment.signer.public_key.spki or _name(leaf) != enrolment.who.device:
        raise RenewalFailed("the certificate offered is for another box or another key; it is not taken")
    if now is not None and not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise RenewalFailed("the certificate offered does not hold today; compare this box's clock with the server's")
    return Papers(leaf, issuer, authorities, answer.city, answer.point)


def term_of(certificate: x509.Certificate) -> Term:
    """What of a certificate decides about its renewal."""
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value
        issuer = (found.key_identifier if isinstance(found, x509.AuthorityKeyIdentifier) else None) or b""
    except x509.ExtensionNotFound:
        issuer = b""
    return Term(certificate.not_valid_before_utc, certificate.not_valid_after_utc, certificate.serial_number, issuer)


def term_of_der(der: bytes | None) -> Term | None:
    """The same of a peer's certificate, if there is one that can be read."""
    try:
        return term_of(x509.load_der_x509_certificate(der)) if der else None
    except ValueError:
        return None


def term_in_force(folder: Path) -> Term:
    """The dates of the certificate in force; raises `BadIdentity`."""
    try:
        return term_of(x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()))
    except (OSError, ValueError) as exc:
        raise BadIdentity(f"{folder / CERTIFICATE}: cannot be read; enrol the box again") from exc


def put_on_trial(folder: Path, papers: Papers) -> None:
    """Write papers where they can be tried; raises `RenewalFailed`."""
    trial = folder / TRIAL
    try:
        trial.mkdir(mode=0o700, exist_ok=True)
        write_private(trial / AUTHORITY, b"".join(each.public_bytes(_PEM) for each in papers.authorities))
        write_private(trial / CERTIFICATE, papers.leaf.public_bytes(_PEM) + papers.issuer.public_bytes(_PEM))
    except OSError as exc:
        raise RenewalFailed(f"{trial} cannot be written: {exc.strerror}; the agent must own the folder") from exc


def adopt(folder: Path) -> None:
    """Put the papers on trial in force; raises `RenewalFailed`."""
    try:
        for name in (AUTHORITY, CERTIFICATE):
            (folder / TRIAL / name).replace(folder / name)
    except OSError as exc:
        raise RenewalFailed(f"{folder} cannot be written: {exc.strerror}; the agent must own the folder") from exc
    discard(folder)


def settle_at(enrolment: Enrolment, papers: Papers) -> bool:
    """Write the place of papers into the identity, if it is another; whether it was. Raises `RenewalFailed`."""
    if (enrolment.who.city, enrolment.who.point) == (papers.city, papers.point):
        return False
    facts = msgspec.structs.replace(read_facts(enrolment.folder), city=papers.city, point=papers.point)
    try:
        write_facts(enrolment.folder, facts)
    except OSError as exc:
        raise RenewalFailed(f"{enrolment.folder / FACTS} cannot be written: {exc.strerror}") from exc
    return True


def discard(folder: Path) -> None:
    """Leave nothing of papers on trial."""
    shutil.rmtree(folder / TRIAL, ignore_errors=True)


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""
