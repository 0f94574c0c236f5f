"""The small world that the samples of the wire live in: test keys, a box, and whom its root trusts.

The private keys here are test keys, known to all. Ed25519 is deterministic, ECDSA is made so (RFC 6979).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.enrolment import AnswerRefusal
from protocol.envelope import Context, sign
from protocol.federation import HeadRefusal
from protocol.hotlist import ListRefusal
from protocol.keys import KeySigner, PublicKey, Signer, p256_raw, spki_of
from protocol.order import Identity
from protocol.refusals import Refusal
from protocol.settings import SettingsRefusal
from protocol.terms import TermsRefusal
from protocol.trust import Grant, Role, TrustRefusal, TrustStore, sign_bundle
from protocol.wire import WireStruct

NOW_MS: Final = 1_795_000_000_000
YEAR_MS: Final = 31_536_000_000
WHO: Final = Identity(device="box-17", city="saltillo", point="p-204")
OUTBOX: Final = bytes(range(16))
SALT: Final = bytes(range(16, 32))
_P256_SHA256: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
Refused = Refusal | ListRefusal | TrustRefusal | SettingsRefusal | TermsRefusal | HeadRefusal | AnswerRefusal


@dataclass(frozen=True, slots=True)
class RepeatingP256:
    """A P-256 key in memory whose signatures repeat (RFC 6979)."""

    private_key: ec.EllipticCurvePrivateKey

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        return PublicKey.from_spki(spki_of(self.private_key.public_key()))

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data."""
        return p256_raw(self.private_key.sign(data, _P256_SHA256))


def seed(name: str) -> bytes:
    """The private bytes of a test key: SHA-256 of its name."""
    return hashlib.sha256(f"atalaya test key {name}".encode()).digest()


@cache
def key(name: str) -> Signer:
    """A test key: P-256 if the name ends so, else Ed25519."""
    if name.endswith("p256"):
        return RepeatingP256(ec.derive_private_key(int.from_bytes(seed(name), "big"), ec.SECP256R1()))
    return KeySigner(ed25519.Ed25519PrivateKey.from_private_bytes(seed(name)))


@cache
def evidence_key() -> X25519PrivateKey:
    """The evidence authority's test key."""
    return X25519PrivateKey.from_private_bytes(seed("evidence"))


SIGNERS: Final = ("root", "device", "device-p256", "server", "officer-ana", "officer-luis-p256", "stranger")


@dataclass(frozen=True, slots=True)
class Sample:
    """Valid bytes, who signed them in which context, and the whole way in: parse, verify, decode, judge."""

    name: str
    raw: bytes
    signers: tuple[str, ...]
    context: Context
    take: Callable[[bytes], WireStruct | Refused]


def evidence_spki() -> bytes:
    """SubjectPublicKeyInfo of the evidence authority's test key."""
    return evidence_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def grant_of(role: Role, spki: bytes, subject: str, cities: tuple[str, ...] = ()) -> Grant:
    """A grant that holds a year either way."""
    return Grant(
        role=role,
        spki=spki,
        subject=subject,
        not_before_ms=NOW_MS - YEAR_MS,
        not_after_ms=NOW_MS + YEAR_MS,
        cities=cities,
    )


def grants() -> tuple[Grant, ...]:
    """Whom the test root trusts."""
    server = key("server").public_key.spki
    return (
        grant_of(Role.RECEIPT, server, "saltillo-c4", ("saltillo",)),
        grant_of(Role.MANIFEST, server, "saltillo-c4", ("saltillo",)),
        grant_of(Role.OFFICER, key("officer-ana").public_key.spki, "ana"),
        grant_of(Role.OFFICER, key("officer-luis-p256").public_key.spki, "luis"),
        grant_of(Role.EVIDENCE, evidence_spki(), "fge-coahuila"),
    )


def bundle() -> bytes:
    """The test root's bundle."""
    return sign_bundle(7, grants(), key("root"), created_ms=NOW_MS)


@cache
def trust() -> TrustStore:
    """What a box believes that took the test bundle."""
    store = TrustStore(key("root").public_key).accept(bundle())
    if isinstance(store, TrustRefusal):
        raise TypeError(f"the test bundle is refused: {store.name}")
    return store


def signed_payload(payload: bytes, signer: str = "device", context: Context = Context.MESSAGE) -> bytes:
    """An envelope around any payload, however unfit."""
    return sign(payload, key(signer), context)
