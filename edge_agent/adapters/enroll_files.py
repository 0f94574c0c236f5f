"""The identity folder while a box is being enrolled: what is remembered, and the answer put in place.

Every file is put in place whole and is on the disk before the next one is begun; the certificate comes last, and it is
what makes a box enrolled. So whatever stops the box leaves it not enrolled, with its key, or enrolled with everything.
One enrolment works in a folder at a time. Where root runs the command, the files get the folder's owner.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge_agent.adapters.certificate_request import certificate_request
from edge_agent.adapters.keystore import (
    AUTHORITY,
    CERTIFICATE,
    FACTS,
    KEY,
    REQUEST,
    ROOT,
    TRUST,
    Keystore,
    load_signer,
    new_identity,
    write_private,
)
from edge_agent.core.enrolment import Problem
from edge_agent.errors import EnrolmentFailed
from protocol.enrolment import Believed, EnrolmentAnswer, Pin
from protocol.errors import DecodeError
from protocol.keys import Signer
from protocol.steps import Step
from protocol.wire import from_versioned, to_bytes

SETTINGS: Final = "settings.cbor"
"""The first settings document, as it was signed."""
PIN: Final = "enrolling.cbor"
"""What an answer that is carried here will be judged by; gone once the box is enrolled."""
STEPS: Final = tuple(
    f"enroll.{name}_written" for name in ("authority", "root", "trust", "settings", "facts", "certificate")
)
_LOCK: Final = ".enrolling"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_NO_RIGHT: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold a folder for one enrolment; raises `EnrolmentFailed` for a full disk, a folder of others, a busy one."""
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise EnrolmentFailed(Problem.AT_WORK.value, folder=str(folder)) from exc
            yield
        _give_to_owner(folder)


def own_key(folder: Path, device: str, keystore: Keystore) -> Signer:
    """The key of a box that is to be a device: the one that it made for that, else a new one."""
    if _requested_name(folder / REQUEST) != device:
        (folder / KEY).unlink(missing_ok=True)  # made for another name, or cut before its request: never used
    if not (folder / KEY).exists():
        new_identity(folder, device, keystore)
    return load_signer(folder / KEY)


def csr_of(device: str, signer: Signer) -> bytes:
    """The certificate request of a key, DER."""
    return x509.load_pem_x509_csr(certificate_request(device, signer)).public_bytes(Encoding.DER)


def remember(folder: Path, pin: Pin) -> None:
    """Keep what an answer will be judged by."""
    write_private(folder / PIN, to_bytes(pin))


def remembered(folder: Path) -> Pin:
    """What an answer is judged by; raises `EnrolmentFailed` if no request was made here."""
    try:
        return from_versioned((folder / PIN).read_bytes(), Pin, max_bytes=1_000)
    except (FileNotFoundError, DecodeError) as exc:
        raise EnrolmentFailed(Problem.NO_REQUEST.value, folder=str(folder)) from exc


def put_in_place(folder: Path, believed: Believed, step: Step) -> None:
    """Write all that an answer brought, the certificate last."""
    answer = believed.answer
    contents = (
        (AUTHORITY, _pem(answer.authorities)),
        (ROOT, believed.parcel.root_spki),
        (TRUST, believed.parcel.trust),
        (SETTINGS, answer.settings),
        (FACTS, _facts_text(answer).encode()),
        (CERTIFICATE, _pem(answer.chain)),
    )
    for (name, data), passed in zip(contents, STEPS, strict=True):
        write_private(folder / name, data)
        step(passed)
    (folder / PIN).unlink(missing_ok=True)


def _facts_text(answer: EnrolmentAnswer) -> str:
    place = answer.place
    facts: dict[str, str | int] = {"device": answer.device, "city": answer.city, "point": answer.point}
    facts |= {"broker_host": place.broker_host, "broker_port": place.broker_port, "server_name": place.server_name}
    facts |= {"artefacts_url": place.artefacts_url, "enrolment_url": place.enrolment_url}
    facts |= {} if answer.partner is None else {"partner": answer.partner}
    # A JSON string or integer is a TOML one.
    return "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in facts.items())


def _pem(certificates: tuple[bytes, ...]) -> bytes:
    return b"".join(x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in certificates)


def _requested_name(path: Path) -> str | None:
    try:
        request = x509.load_pem_x509_csr(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    names = [str(attribute.value) for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return names[0] if len(names) == 1 else None


def _give_to_owner(folder: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in folder.iterdir():
            shutil.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        problem = Problem.DISK_FULL if exc.errno in _NO_ROOM else Problem.NOT_WRITABLE
        if exc.errno not in (*_NO_ROOM, *_NO_RIGHT):
            raise
        raise EnrolmentFailed(problem.value, folder=str(folder)) from exc
