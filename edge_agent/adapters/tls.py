"""TLS towards the command centre: under the box's certificate, against the one authority it trusts, by a fixed name.

`client_context` takes a key from a file or from the TPM; with the latter OpenSSL signs through its `tpm2` provider
(`tpm_tls`). Dates are not checked by a clock that is known to be wrong.
"""

import ssl
from pathlib import Path
from typing import Final

from typing_extensions import override

from edge_agent.adapters.tpm import PEM_BEGIN

_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python's ssl does not name


class ClosingSocket(ssl.SSLSocket):
    """Closed where its handshake fails: paho leaves that to the garbage collector."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        """As the base does."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except BaseException:
            self.close()
            raise


class NamedContext(ssl.SSLContext):
    """Expects a fixed name in the peer's certificate, whatever address was dialled."""

    server_name: str = ""
    sslsocket_class: type[ssl.SSLSocket] = ClosingSocket

    @override
    def wrap_socket(self, sock, *args, **kwargs):  # type: ignore[no-untyped-def]  # signature is the base's
        """As the base does, under the fixed name."""
        kwargs["server_hostname"] = self.server_name
        return super().wrap_socket(sock, *args, **kwargs)

    @override
    def wrap_bio(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # signature is the base's
        """As the base does, under the fixed name."""
        kwargs["server_hostname"] = self.server_name
        return super().wrap_bio(*args, **kwargs)


def client_context(
    *, authority: Path, certificate: Path, key: Path, server_name: str, check_dates: bool = True
) -> ssl.SSLContext:
    """A client's context; raises `OSError`, `ssl.SSLError` or, for a key in the TPM, `TpmFailed`."""
    if key.read_bytes().startswith(PEM_BEGIN):
        from edge_agent.adapters.tpm_tls import tpm_context  # noqa: PLC0415  only where there is a TPM

        return tpm_context(authority.read_bytes(), certificate, key, server_name, check_dates=check_dates)
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    context.load_cert_chain(certificate, key)
    return settle(context, server_name, check_dates=check_dates)


def settle(context: NamedContext, server_name: str, *, check_dates: bool) -> NamedContext:
    """What holds for every context of the box."""
    context.server_name = server_name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not check_dates:
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    return context
