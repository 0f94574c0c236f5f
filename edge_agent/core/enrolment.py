"""What can keep a box from being enrolled, and what the box believes of an answer.

Each `Problem` has a message in the technician's catalogue, `enroll-problem-` and its value, which says what to do. A
box is enrolled when its certificate lies in its place, and not before; whatever stops it earlier, the same command
again goes on where it must, under the same key.

A clock that shows a time before this release was built is wrong. Dates of certificates are then not looked at: whom the
box speaks to is decided by the root that its token pins. A clock that runs ahead cannot be told from a certificate that
has expired, so the box stops and says what time the command centre has.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from protocol.clock import from_ms
from protocol.enrolment import Believed, Token
from protocol.keys import PublicKey

CLOCK_TOLERANCE: Final = timedelta(minutes=5)


@unique
class Problem(Enum):
    """What a technician can be told."""

    MALFORMED = "malformed"
    NEWER = "newer"
    NO_NAME = "no-name"
    NO_NETWORK = "no-network"
    REFUSED_PORT = "refused-port"
    NO_ANSWER = "no-answer"
    CUT = "cut"
    NOT_OURS = "not-ours"
    FOREIGN = "foreign"
    INTERCEPTED = "intercepted"
    CLOCK = "clock"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    USED = "used"
    REVOKED = "revoked"
    BAD_REQUEST = "bad-request"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    NOT_APPROVED = "not-approved"
    BAD_ANSWER = "bad-answer"
    NO_REQUEST = "no-request"
    DISK_FULL = "disk-full"
    NOT_WRITABLE = "not-writable"
    AT_WORK = "at-work"
    OTHER_DEVICE = "other-device"
    BROKER_UNREACHABLE = "broker-unreachable"
    BROKER_REFUSES = "broker-refuses"
    BROKER_SILENT = "broker-silent"
    ARTEFACTS_UNREACHABLE = "artefacts-unreachable"
    ARTEFACTS_REFUSE = "artefacts-refuse"


# What may be over in a moment: the box tries again by itself before it says so.
PASSING: Final = frozenset(each.value for each in (Problem.CUT, Problem.NO_ANSWER, Problem.BUSY, Problem.UNAVAILABLE))


@unique
class Stage(Enum):
    """Where an enrolment is, for whoever watches; `enroll-stage-` and its value in the catalogue."""

    KEY = "key"
    PIN = "pin"
    REQUEST = "request"
    APPROVAL = "approval"
    AGAIN = "again"
    WRITE = "write"
    PATH = "path"


# What the command centre answers, by the word on the wire.
SAID: Final = {
    "bad_request": Problem.BAD_REQUEST,
    "unknown_invitation": Problem.UNKNOWN,
    "expired": Problem.EXPIRED,
    "cancelled": Problem.CANCELLED,
    "used": Problem.USED,
    "revoked": Problem.REVOKED,
    "too_many_attempts": Problem.BUSY,
    "too_slow": Problem.CUT,
    "unavailable": Problem.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of the box's clock: whether dates can be judged by it, and how far off it is."""

    is_sound: bool
    off_s: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should set it."""
        return not self.is_sound or (self.off_s is not None and abs(self.off_s) > CLOCK_TOLERANCE.total_seconds())


def judge_clock(now: datetime, build: datetime, told: datetime | None = None) -> Clock:
    """The box's clock, held against the release's date and, if somebody trusted told the time, against that."""
    return Clock(now >= build, None if told is None else (now - told).total_seconds())


def is_past(token: Token, now: datetime) -> bool:
    """Whether a token has expired by this clock."""
    return now >= from_ms(token.expires_ms)


def pinned_root(pem: bytes, root_sha256: bytes) -> x509.Certificate | None:
    """The root of a token among certificates that anybody may have sent; raises `ValueError` if they are none."""
    for certificate in x509.load_pem_x509_certificates(pem):
        if hashlib.sha256(_spki(certificate)).digest() == root_sha256:
            return certificate
    return None


def is_for(believed: Believed, key: PublicKey) -> bool:
    """Whether the certificates of an answer are for this key and device, and lead to the root that was pinned."""
    answer = believed.answer
    try:
        leaf, *chain = [x509.load_der_x509_certificate(each) for each in answer.chain]
        authorities = [x509.load_der_x509_certificate(each) for each in answer.authorities]
        root = next(each for each in authorities if _spki(each) == believed.parcel.root_spki)
        for issued, issuer in zip((leaf, *chain), (*chain, root), strict=True):
            issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, StopIteration):
        return False
    names = [attribute.value for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return _spki(leaf) == key.spki and names == [answer.device]


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
