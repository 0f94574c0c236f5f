"""The box's TPM 2.0: a signing key that never leaves it, and small secrets that it gives back to this box alone.

Keys and secrets are made under the TPM's storage key and come out wrapped: files that are worth nothing on another
machine. The storage key itself is made anew from the TPM's seed when it is needed, so none of the TPM's few
persistent places is taken, and nothing of other programs is touched. tpm2-openssl makes it from the same template, and
reads the same files (`tpm_tls`). Clearing the TPM in the firmware makes them useless for good.

A secret travels between TPM and processor encrypted, so that a probe on the bus reads nothing. It is bound to no
measurements of the boot: they change with every update of firmware or kernel, and a box that then could not start is
a technician's journey. So the TPM protects the disk and its copies, not a whole box that is carried away; that one is
revoked.

tpm2-pytss is an extra, imported when it is needed. A connection serves one caller at a time.
"""

import hashlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from edge_agent.errors import ExtraMissing, TpmFailed
from protocol.keys import PublicKey, p256_raw, spki_of

ENVIRONMENT_KEY: Final = "ATALAYA_TPM"
DEVICE: Final = Path("/dev/tpmrm0")
MAX_SECRET_BYTES: Final = 128
PEM_BEGIN: Final = b"-----BEGIN TSS2 PRIVATE KEY-----"

_LOG_KEY: Final = "TSS2_LOG"

# `Any` below: tpm2-pytss gives no types.


def find_tpm(environment: Mapping[str, str] = os.environ) -> str | None:
    """How the box's TPM is reached (a TCTI, in tpm2-tss's words); None if there is none."""
    return environment.get(ENVIRONMENT_KEY) or (f"device:{DEVICE}" if DEVICE.exists() else None)


def need_tpm(environment: Mapping[str, str] = os.environ) -> str:
    """As `find_tpm`; raises `TpmFailed` if there is none."""
    tcti = find_tpm(environment)
    if tcti is None:
        raise TpmFailed(f"no TPM 2.0 at {DEVICE}: switch it on in the firmware's set-up (Security: TPM, fTPM or PTT)")
    return tcti


class Tpm:
    """A connection, as a context manager. Every method raises `TpmFailed`."""

    def __init__(self, tcti: str) -> None:
        """Connect."""
        self._tss = _load_tss()
        self._lock = threading.RLock()
        try:
            self._esapi = self._tss.ESAPI(tcti)
        except (RuntimeError, ValueError) as exc:  # TSS2_Exception is a RuntimeError
            raise TpmFailed(
                f"the TPM at {tcti} does not answer: {exc}; is this user in the group that owns it (tss)?"
            ) from exc

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()

    def close(self) -> None:
        """Hang up; the TPM forgets what was loaded here."""
        with self._lock:
            self._esapi.close()

    def new_key(self) -> bytes:
        """A new P-256 signing key, wrapped, as PEM."""
        with self._asked():
            return bytes(self._tss.tsskey.TSSPrivKey.create_ecc(self._esapi).to_pem())

    def load_key(self, pem: bytes) -> tuple[Any, PublicKey]:
        """A wrapped key: what `sign` and `flush` call it by, and its public half."""
        with self._asked():
            wrapped = self._tss.tsskey.TSSPrivKey.from_pem(pem)
            public = serialization.load_pem_public_key(bytes(wrapped.public.to_pem()))
            if not isinstance(public, ec.EllipticCurvePublicKey):
                raise TpmFailed("the key in the TPM's wrapping is not P-256; make a new identity")
            return wrapped.load(self._esapi), PublicKey.from_spki(spki_of(public))

    def sign(self, key: Any, data: bytes) -> bytes:
        """ECDSA over SHA-256, in COSE's form."""
        tss = self._tss
        with self._asked():
            scheme = tss.TPMT_SIG_SCHEME(scheme=tss.TPM2_ALG.ECDSA)
            scheme.details.any.hashAlg = tss.TPM2_ALG.SHA256
            made = self._esapi.sign(key, hashlib.sha256(data).digest(), scheme)  # owns the memory of its parts
            halves = made.signature.ecdsa.signatureR, made.signature.ecdsa.signatureS
            r, s = (int.from_bytes(bytes(half), "big") for half in halves)
        return p256_raw(encode_dss_signature(r, s))

    def flush(self, handle: Any) -> None:
        """Make room for others."""
        with self._asked():
            self._esapi.flush_context(handle)

    def seal(self, secret: bytes) -> bytes:
        """Wrap a secret of at most 128 bytes: only this TPM gives it back."""
        tss = self._tss
        attributes = tss.TPMA_OBJECT
        template = tss.TPM2B_PUBLIC(
            tss.TPMT_PUBLIC(
                type=tss.TPM2_ALG.KEYEDHASH,
                nameAlg=tss.TPM2_ALG.SHA256,
                objectAttributes=attributes.USERWITHAUTH
                | attributes.NODA
                | attributes.FIXEDTPM
                | attributes.FIXEDPARENT,
                parameters=tss.TPMU_PUBLIC_PARMS(
                    keyedHashDetail=tss.TPMS_KEYEDHASH_PARMS(scheme=tss.TPMT_KEYEDHASH_SCHEME(scheme=tss.TPM2_ALG.NULL))
                ),
            )
        )
        sensitive = tss.TPM2B_SENSITIVE_CREATE(tss.TPMS_SENSITIVE_CREATE(data=secret))
        with self._storage_key() as parent, self._encrypted(parent, tss.TPMA_SESSION.DECRYPT) as session:
            private, public, *_ = self._esapi.create(parent, sensitive, template, session1=session)
        return bytes(public.marshal()) + bytes(private.marshal())

    def unseal(self, sealed: bytes) -> bytes:
        """A secret that this TPM wrapped."""
        tss = self._tss
        with self._storage_key() as parent:
            public, length = tss.TPM2B_PUBLIC.unmarshal(sealed)
            private, _ = tss.TPM2B_PRIVATE.unmarshal(sealed[length:])
            handle = self._esapi.load(parent, private, public)
            try:
                with self._encrypted(parent, tss.TPMA_SESSION.ENCRYPT) as session:
                    return bytes(self._esapi.unseal(handle, session1=session))
            finally:
                self._esapi.flush_context(handle)

    @contextmanager
    def _storage_key(self) -> Iterator[Any]:
        """The parent of all that is wrapped here: the template that tpm2-openssl uses."""
        tss, nothing = self._tss, self._tss.TPM2B_SENSITIVE_CREATE()
        with self._asked():
            template = tss.TPM2B_PUBLIC(publicArea=tss.tsskey._parent_ecc_template)  # noqa: SLF001  one template, not two
            parent, *_ = self._esapi.create_primary(nothing, template)
            try:
                yield parent
            finally:
                self._esapi.flush_context(parent)

    @contextmanager
    def _encrypted(self, parent: Any, way: Any) -> Iterator[Any]:
        """A session whose first parameter is encrypted on the bus, on its way in (DECRYPT) or out (ENCRYPT)."""
        tss = self._tss
        session = self._esapi.start_auth_session(
            parent, tss.ESYS_TR.NONE, tss.TPM2_SE.HMAC, "aes128cfb", tss.TPM2_ALG.SHA256
        )
        try:
            self._esapi.trsess_set_attributes(session, way | tss.TPMA_SESSION.CONTINUESESSION)
            yield session
        finally:
            self._esapi.flush_context(session)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """One caller at a time, and one kind of error."""
        with self._lock:
            try:
                yield
            except (RuntimeError, ValueError) as exc:  # TSS2_Exception is a RuntimeError
                remedy = "if it was cleared, or the disk was in another box, make a new identity"
                raise TpmFailed(f"the TPM does not do it: {exc}; {remedy}") from exc


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TpmSigner:
    """A `protocol.keys.Signer` whose private half is in the TPM; the key stays loaded as long as this lives."""

    public_key: PublicKey
    _tpm: Tpm = field(repr=False)
    _key: Any = field(repr=False)

    @classmethod
    def load(cls, pem: bytes, tcti: str) -> Self:
        """Load a wrapped key; raises `TpmFailed`."""
        tpm = Tpm(tcti)
        try:
            key, public = tpm.load_key(pem)
        except TpmFailed:
            tpm.close()
            raise
        signer = cls(public, tpm, key)
        weakref.finalize(signer, _let_go, tpm, key)
        return signer

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data."""
        return self._tpm.sign(self._key, data)


def _let_go(tpm: Tpm, key: Any) -> None:
    try:
        tpm.flush(key)
    except TpmFailed:
        pass  # a TPM that is gone has forgotten it by itself
    finally:
        tpm.close()


def _load_tss() -> Any:
    """tpm2-pytss; its C libraries' own lines on stderr are silenced: what they say is in the exceptions."""
    os.environ.setdefault(_LOG_KEY, "all+none")
    try:
        import tpm2_pytss  # noqa: PLC0415  an extra, and a third of a second
        import tpm2_pytss.tsskey  # noqa: PLC0415
    except ImportError as exc:
        raise ExtraMissing("tpm2-pytss is not installed: `pip install 'atalaya[tpm]'`, or --keystore file") from exc
    return tpm2_pytss
