"""What protocol code raises. Leaves are named by what is wrong with the bytes or the call.

ProtocolError
├── BadName           an id outside the grammar (a caller's or an operator's mistake)
├── BadTopic          a topic that no schema entry builds
├── EncodeError       a value that has no place on the wire (a bug in the caller)
├── DecodeError       bytes that are not deterministic CBOR, or not the message they claim to be
├── BadEnvelope       not a COSE structure of ours; carries a `Refusal`
└── SealError         a sealed original that cannot be opened with this key

Expected outcomes on the wire (a bad signature, a revoked key, an old list) are not exceptions but values:
see `protocol.refusals.Refusal`.
"""


class ProtocolError(Exception):
    """Root of everything this package raises on purpose."""


class BadName(ProtocolError, ValueError):
    """An id outside the grammar of `protocol.names`."""


class BadTopic(ProtocolError, ValueError):
    """A topic that no entry of the schema builds."""


class EncodeError(ProtocolError, TypeError):
    """A value that has no place on the wire."""


class DecodeError(ProtocolError, ValueError):
    """Bytes that are not deterministic CBOR, or not the message they claim to be."""


class BadEnvelope(ProtocolError, ValueError):
    """Bytes that are not one of our COSE structures."""


class SealError(ProtocolError, ValueError):
    """Sealed bytes that this key does not open."""
