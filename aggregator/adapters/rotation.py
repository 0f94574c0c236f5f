"""The issuing CA's rotation on the disk.

    one        issuing.*                                  the state between rotations
    prepared   issuing.* and next-issuing.*               the next CA's key is made, and certified by the root or to be
    two        issuing.* and previous-issuing.*           the next signs; what the one before signed still holds

From `one` to `two` in this order: the authorities and lists of both are put where the broker reads them, then the
certificate and key in force are kept as the previous ones, then the next ones take their place. Each step is a whole
file; a rotation that was cut off is repeated, and goes on where it stood. From `two` to `one`: authorities and list of
the previous CA are taken out, and its key is removed. A broker without the list of an issuer refuses every leaf of it,
which is how the previous CA ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.adapters import keyfiles, pki
from aggregator.adapters.founding import read_authority, read_issuing
from aggregator.core.rotation import next_name
from aggregator.errors import AlreadyThere, BadKey, NotThere
from aggregator.settings import Settings


@dataclass(frozen=True, slots=True)
class Pair:
    """The two files of a CA."""

    certificate: Path
    key: Path

    @property
    def is_there(self) -> bool:
        """Whether it is a CA by now: a key whose certificate is still to come is none."""
        return self.certificate.is_file()

    def read(self) -> pki.Authority:
        """The CA, ready to sign; raises `BadKey` or `NotThere`."""
        return read_authority(self.certificate, self.key)

    def remove(self) -> None:
        """Remove both files, the key first."""
        for path in (self.key, self.certificate):
            path.unlink(missing_ok=True)


def pair_of(settings: Settings, prefix: str = "") -> Pair:
    """The files of the issuing CA, or of the `next-` or `previous-` one."""
    keys = settings.keys
    return Pair(
        keys.issuing_certificate.with_name(prefix + keys.issuing_certificate.name),
        keys.issuing_key.with_name(prefix + keys.issuing_key.name),
    )


def authorities(settings: Settings) -> list[pki.Authority]:
    """Every CA whose leaves hold, the one that signs first."""
    previous = pair_of(settings, "previous-")
    return [read_issuing(settings), *([previous.read()] if previous.is_there else [])]


def lists(settings: Settings, revoked: Sequence[pki.Revoked], *, now: datetime) -> bytes:
    """The revocation lists of every CA whose leaves hold, PEM. Serial numbers are random: each list names them all."""
    return _lists(authorities(settings), settings.keys.crl, revoked, now)


def request(settings: Settings) -> bytes:
    """The next CA's key made, if it is not there yet, and its request for the root's machine (PEM)."""
    upcoming = pair_of(settings, "next-")
    _refuse_if_under_way(settings)
    if not upcoming.key.is_file():
        keyfiles.write_private(upcoming.key, Ed25519PrivateKey.generate())
    return pki.make_request(next_name(pki.common_name(read_issuing(settings).certificate)), _key_of(upcoming))


def certify(settings: Settings, certificate: x509.Certificate) -> None:
    """Take the certificate that the root made for the next CA's key; raises `BadKey`."""
    upcoming, root = pair_of(settings, "next-"), keyfiles.read_certificate(settings.keys.root_certificate)
    if certificate.public_key() != _key_of(upcoming).public_key():
        raise BadKey("the certificate is for another key than the request of this installation")
    pki.check_issued(certificate, root)
    keyfiles.replace(upcoming.certificate, keyfiles.pem_of(certificate))


def begin(settings: Settings, revoked: Sequence[pki.Revoked], *, now: datetime) -> pki.Authority:
    """Let the next CA sign from now on beside the one before; who signs now. Goes on with one that was cut off."""
    upcoming, current, previous = pair_of(settings, "next-"), pair_of(settings), pair_of(settings, "previous-")
    if not upcoming.is_there:
        raise NotThere(f"{upcoming.certificate} is not there; the root has to sign the next CA first")
    if upcoming.key.is_file():
        if not previous.is_there:
            both = [upcoming.read(), current.read()]
            _publish(settings, both, revoked, now)
            keyfiles.replace(previous.key, current.key.read_bytes(), keyfiles.PRIVATE)
            keyfiles.replace(previous.certificate, current.certificate.read_bytes())
        upcoming.key.replace(current.key)
    upcoming.certificate.replace(current.certificate)
    return current.read()


def finish(settings: Settings, revoked: Sequence[pki.Revoked], *, now: datetime) -> None:
    """Trust the previous CA no more and remove its key; raises `NotThere` if no rotation is under way."""
    previous = pair_of(settings, "previous-")
    if not previous.is_there:
        raise NotThere("no rotation is under way; one begins with: aggregator ca rotate --begin")
    _publish(settings, [read_issuing(settings)], revoked, now)
    previous.remove()


def _publish(
    settings: Settings, issuers: Sequence[pki.Authority], revoked: Sequence[pki.Revoked], now: datetime
) -> None:
    """Put authorities and lists where broker and boxes get them."""
    root = keyfiles.read_certificate(settings.keys.root_certificate)
    trusted = [*(each.certificate for each in issuers), root]
    keyfiles.replace(settings.keys.crl, _lists(issuers, settings.keys.crl, revoked, now))
    keyfiles.replace(settings.broker.ca, b"".join(keyfiles.pem_of(each) for each in trusted))


def _lists(issuers: Sequence[pki.Authority], path: Path, revoked: Sequence[pki.Revoked], now: datetime) -> bytes:
    before = {each.issuer: each for each in pki.read_crls(keyfiles.read_file(path))}
    made = [pki.make_crl(each, revoked, previous=before.get(each.certificate.subject), now=now) for each in issuers]
    return b"".join(made)


def _key_of(pair: Pair) -> Ed25519PrivateKey:
    key = keyfiles.read_signer(pair.key).private_key
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{pair.key} is no Ed25519 key")
    return key


def _refuse_if_under_way(settings: Settings) -> None:
    if pair_of(settings, "previous-").is_there:
        raise AlreadyThere("a rotation is under way; end it first with: aggregator ca rotate --finish")
