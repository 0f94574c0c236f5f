"""A new box as the command centre meets it: a key of its own, and requests under an invitation."""

from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from aggregator.adapters.invitation_desk import Wish
from aggregator.settings import Settings
from protocol.enrolment import Token, sign_request
from protocol.keys import KeySigner


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A box without a certificate."""

    private_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def signer(self) -> KeySigner:
        """Its key."""
        return KeySigner(self.private_key)

    def request(self, token: Token, *, name: str | None = None) -> bytes:
        """What it asks under a token; under another name than the token's, if one is given."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or token.device)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.private_key, None)
        return sign_request(csr.public_bytes(Encoding.DER), token.signer)


def make_wish(
    *,
    city: str = "saltillo",
    point: str = "p-1",
    profile: str = "n100",
    device: str | None = None,
    needs_approval: bool = False,
    valid: timedelta = timedelta(days=1),
) -> Wish:
    """What an invitation is asked to be."""
    return Wish(
        city=city,
        point=point,
        profile=profile,
        device=device,
        settings_toml="report_interval_s = 30\n",
        needs_approval=needs_approval,
        valid=valid,
    )


def told_where(settings: Settings) -> Settings:
    """The same installation, whose boxes are told the ports that it really listens on."""
    replace, http = msgspec.structs.replace, settings.http
    return replace(
        settings,
        http=replace(http, host="127.0.0.1"),
        boxes=replace(
            settings.boxes,
            broker_port=settings.broker.port,
            artefacts_url=f"https://127.0.0.1:{http.port}",
            enrolment_url=f"https://127.0.0.1:{http.enrol_port}",
        ),
    )
