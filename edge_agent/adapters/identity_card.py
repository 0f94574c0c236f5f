"""What may be shown of a box's identity: who it is, where its key lies, until when it is certified. No secret of it.

Nothing is asked of the TPM, so the card can be read while it is missing.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from edge_agent.adapters.keystore import CERTIFICATE, FACTS, KEY, REQUEST, IdentityFacts
from edge_agent.adapters.tpm import PEM_BEGIN
from edge_agent.adapters.vault import KEY_FILE, TPM_FILE
from edge_agent.errors import BadIdentity
from protocol.errors import DecodeError
from protocol.keys import PublicKey


@unique
class Place(StrEnum):
    """Where a secret lies."""

    NONE = "none"
    FILE = "file"
    TPM = "tpm"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCard:
    """`facts` and `not_after` are None until the box is enrolled."""

    device: str
    keystore: Place
    vault: Place
    algorithm: str
    key_id: str
    facts: IdentityFacts | None
    serial: str
    not_before: datetime | None
    not_after: datetime | None


def read_card(folder: Path) -> IdentityCard:
    """Read an identity folder; raises `BadIdentity`."""
    try:
        private = (folder / KEY).read_bytes()
        is_enrolled = (folder / CERTIFICATE).exists()
        request = x509.load_pem_x509_csr((folder / REQUEST).read_bytes())
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()) if is_enrolled else None
        facts = msgspec.toml.decode((folder / FACTS).read_bytes(), type=IdentityFacts) if is_enrolled else None
        spki = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        key = PublicKey.from_spki(spki)
    except OSError as exc:
        raise BadIdentity(f"{exc.filename}: {exc.strerror}; `edge-agent identity new` makes an identity") from exc
    except (ValueError, msgspec.DecodeError, DecodeError) as exc:
        raise BadIdentity(f"{folder}: {exc}; enrol the box again") from exc
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return IdentityCard(
        device=str(names[0].value) if names else "",
        keystore=Place.TPM if private.startswith(PEM_BEGIN) else Place.FILE,
        vault=_vault(folder),
        algorithm=key.algorithm.name.lower(),
        key_id=key.key_id.hex(),
        facts=facts,
        serial=f"{certificate.serial_number:x}" if certificate else "",
        not_before=certificate.not_valid_before_utc if certificate else None,
        not_after=certificate.not_valid_after_utc if certificate else None,
    )


def _vault(folder: Path) -> Place:
    if (folder / TPM_FILE).exists():
        return Place.TPM
    return Place.FILE if (folder / KEY_FILE).exists() else Place.NONE
