"""The box's side of TLS: what becomes of a line that is never made."""

import socket
import ssl

import pytest

from edge_agent.adapters.tls import NamedContext, settle
from edge_agent.adapters.tpm_tls import _SteppingSocket


@pytest.mark.parametrize("kind", [NamedContext.sslsocket_class, _SteppingSocket])
def test_a_line_whose_handshake_gets_no_answer_is_closed(kind: type[ssl.SSLSocket]) -> None:
    context: ssl.SSLContext = settle(NamedContext(ssl.PROTOCOL_TLS_CLIENT), "broker", check_dates=True)
    context.sslsocket_class = kind
    near, far = socket.socketpair()
    with far:
        near.settimeout(0.05)
        line = context.wrap_socket(near, do_handshake_on_connect=False)
        with pytest.raises(TimeoutError):
            line.do_handshake()
        assert line.fileno() == -1
