"""Answers to a WS-Discovery question: what is believed of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.adapters.onvif_discovery import MAX_ANSWER_BYTES, Found, discover, read_answer
from edge_agent.errors import BadSettings

MESSAGE = "urn:uuid:1"
HOST = "10.0.0.5"


def answer(
    *,
    addresses: str = f"http://{HOST}/onvif/device_service http://169.254.1.1/onvif/device_service",
    relates_to: str = MESSAGE,
    head: str = "",
) -> bytes:
    return f"""<?xml version="1.0"?>{head}
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:RelatesTo>{relates_to}</w:RelatesTo></e:Header>
<e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/name/Acme%20Dome onvif://www.onvif.org/hardware/D4
 onvif://www.onvif.org/location/gate</d:Scopes><d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body>
</e:Envelope>""".encode()


def test_an_answer_names_the_camera() -> None:
    found = read_answer(answer(), HOST, MESSAGE)
    assert found == Found(HOST, f"http://{HOST}/onvif/device_service", "Acme Dome", "D4", "gate")


@pytest.mark.parametrize(
    "raw",
    [
        answer(addresses="http://10.0.0.99/onvif/device_service"),
        answer(addresses=f"http://admin:x@{HOST}/"),
        answer(addresses=f"ftp://{HOST}/ http://[bad"),
        answer(relates_to="urn:uuid:2"),
        answer(head='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
        answer() + b" " * MAX_ANSWER_BYTES,
        b"",
        b"<a>",
    ],
    ids=["another host", "user info", "no http", "another question", "declarations", "too large", "empty", "torn"],
)
def test_what_is_not_an_answer_of_the_camera_itself_is_left_out(raw: bytes) -> None:
    assert read_answer(raw, HOST, MESSAGE) is None


@given(st.binary(max_size=300))
def test_no_datagram_breaks_the_reader(raw: bytes) -> None:
    assert read_answer(raw, HOST, MESSAGE) is None


async def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(BadSettings, match="nosuch0"):
        await discover("nosuch0")
