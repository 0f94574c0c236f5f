"""What protocol code raises. Leaves are named by what is wrong with the bytes or the call.

ProtocolError
├── BadName           an id outside the grammar (a caller's or an operator's mistake)
├── BadTopic          a topic that no schema entry builds
├── EncodeError       a value that has no place on the wire (a bug in the caller)
├── Refused           bytes that are not taken; carries the `Refusal` to be told in a receipt
│   ├── DecodeError   not deterministic CBOR, or not the message they claim to be
│   └── BadEnvelope   not a COSE structure of ours
└── SealError         a key that cannot seal, or sealed bytes that this key does not open

No text of these holds a value from the bytes: a plate cannot leak through an exception.

Expected outcomes on the wire (a bad signature, a revoked key, an old list) are not exceptions but values:
see `protocol.refusals.Refusal`.
"""

from protocol.refusals import Refusal


class ProtocolError(Exception):
    """Root of everything this package raises on purpose."""


class BadName(ProtocolError, ValueError):
    """An id outside the grammar of `protocol.names`."""


class BadTopic(ProtocolError, ValueError):
    """A topic that no entry of the schema builds."""


class EncodeError(ProtocolError, TypeError):
    """A value that has no place on the wire."""


class Refused(ProtocolError, ValueError):
    """Bytes that are not taken, and what to tell their sender."""

    def __init__(self, text: str, refusal: Refusal = Refusal.BAD_FORM) -> None:
        super().__init__(text)
        self.refusal = refusal


class DecodeError(Refused):
    """Bytes that are not deterministic CBOR, or not the message they claim to be."""


class BadEnvelope(Refused):
    """Bytes that are not one of our COSE structures."""


class SealError(ProtocolError, ValueError):
    """A key that cannot seal, or sealed bytes that this key does not open."""
