"""TLS whose client key is in the TPM, within Python's own `ssl`: OpenSSL 3 signs through tpm2-openssl's provider.

`load_cert_chain` reads the wrapped key once the provider is loaded. Three things must be known of it (tried with
OpenSSL 3.0.19 and tpm2-openssl 1.1.1, Debian 12):

- OpenSSL asks for the algorithm before it looks whose key it is, gets its own ECDSA, takes over the public half only,
  and fails: "missing private key". So signatures, and nothing else, are asked of the TPM first, by the default
  property query `?tpm2.signature=yes`. Under `?provider=tpm2`, which is often advised, digests and random numbers go
  through the TPM as well, and `hashlib` breaks. A peer's P-256 or RSA signature is then checked by the TPM too, which
  costs milliseconds; the Ed25519 of Atalaya's own certificates is not, because no TPM has it.
- The provider is not safe for threads (tpm2-openssl issue 118), and the broker's connection shakes hands in
  a thread of its own. So each step of a handshake is made by one thread at a time, and none waits for the network
  in between.
- A context frees its key in the TPM when it is collected, in whichever thread that happens. So contexts are kept: one
  for each certificate and each way to check dates, for the life of the process.

The provider serves one TPM per process: the first that is asked for.
"""

import ctypes
import os
import select
import ssl
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from edge_agent.adapters.tls import NamedContext, settle
from edge_agent.adapters.tpm import need_tpm
from edge_agent.errors import TpmFailed

PROPERTIES: Final = b"?tpm2.signature=yes"
_TCTI_KEY: Final = "TPM2OPENSSL_TCTI"
_PROVIDERS: Final = (b"default", b"tpm2")  # in this order: naming one ends OpenSSL's loading of its own

_one_at_a_time: Final = threading.RLock()
_kept: Final[dict[tuple[object, ...], NamedContext]] = {}


class _SteppingSocket(ssl.SSLSocket):
    """A blocking handshake in steps: the provider is held while one is made, and not while the peer is waited for."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        """As the base does, within the socket's timeout; closed where it fails."""
        timeout_s = self.gettimeout()
        self.setblocking(False)
        try:
            self._step_within(timeout_s)
        except BaseException:
            self.close()
            raise
        self.settimeout(timeout_s)

    def _step_within(self, timeout_s: float | None) -> None:
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        while (wanted := self._step()) is not None:
            left_s = None if ends_s is None else ends_s - time.monotonic()
            if (left_s is not None and left_s <= 0) or not any(select.select(*wanted, left_s)):
                raise TimeoutError("the handshake timed out")

    def _step(self) -> tuple[list[Any], list[Any], list[Any]] | None:
        """Go as far as there is data; what `select` has to wait for, None at the end."""
        try:
            with _one_at_a_time:
                super().do_handshake()
        except ssl.SSLWantReadError:
            return [self], [], []
        except ssl.SSLWantWriteError:
            return [], [self], []
        return None


class _SteppingObject(ssl.SSLObject):
    """asyncio's handshake is in steps already."""

    @override
    def do_handshake(self) -> None:
        """One step."""
        with _one_at_a_time:
            super().do_handshake()


class _TpmContext(NamedContext):
    sslsocket_class = _SteppingSocket
    sslobject_class = _SteppingObject


def tpm_context(
    authority: bytes, certificate: Path, key: Path, server_name: str, *, check_dates: bool
) -> ssl.SSLContext:
    """A context with a key of the TPM; raises `TpmFailed`, `OSError` or `ssl.SSLError`."""
    with _one_at_a_time:
        _load_provider()
        made_of = (authority, certificate.read_bytes(), key.read_bytes(), server_name, check_dates)
        context = _kept.get(made_of)
        if context is None:
            context = _TpmContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=authority.decode("ascii", "replace"))
            context.load_cert_chain(certificate, key)
            _kept[made_of] = settle(context, server_name, check_dates=check_dates)
        return context


@cache
def _load_provider() -> None:
    """Have the OpenSSL that this Python is linked to load the provider."""
    os.environ[_TCTI_KEY] = need_tpm()
    try:
        openssl = ctypes.CDLL(_linked())
        load, set_properties = openssl.OSSL_PROVIDER_load, openssl.EVP_set_default_properties
    except (OSError, AttributeError) as exc:
        raise TpmFailed("this Python's OpenSSL is older than 3; use the system's Python, or --keystore file") from exc
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)
    set_properties.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    for name in _PROVIDERS:
        if not load(None, name):
            raise TpmFailed(
                f"OpenSSL's {name.decode()} provider does not load: install tpm2-openssl, "
                "and let the agent's user use the TPM (group tss)"
            )
    if not set_properties(None, PROPERTIES):
        raise TpmFailed("OpenSSL takes no default properties; use --keystore file")


def _linked() -> str | None:
    """The library through which the symbols of Python's own OpenSSL are found."""
    import _ssl  # noqa: PLC0415  private: only its place on the disk is asked for

    return getattr(_ssl, "__file__", None)
