"""Order: one sequence and one chain per outbox, across restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_world import OUTBOX, WHO, key

from protocol.envelope import envelope_hash, parse
from protocol.errors import EncodeError
from protocol.messages import Alarm, decode_message
from protocol.order import NO_PREVIOUS, OrderKey, Position, key_of, seal_message

ALARM = Alarm(alarm="panic", started_ms=1)


def say(at: Position) -> bytes:
    return seal_message(ALARM, at, WHO, key("device"), created_ms=1)


@given(st.lists(st.booleans(), max_size=12))
def test_sequence_and_chain_run_on_across_restarts(restarts: list[bool]) -> None:
    at, before, keys = Position.first(OUTBOX).restarted(), NO_PREVIOUS, set()
    for count, restart in enumerate(restarts, start=1):
        at = at.restarted() if restart else at
        raw = say(at)
        message = decode_message(parse(raw).payload)
        assert (message.sequence, message.previous, message.epoch) == (count, before, at.epoch)
        keys.add(key_of(message))
        at, before = at.after(raw), envelope_hash(raw)
    assert len(keys) == len(restarts)


def test_the_key_names_device_outbox_epoch_and_sequence() -> None:
    message = decode_message(parse(say(Position.first(OUTBOX).restarted())).payload)
    assert key_of(message) == OrderKey(WHO.device, OUTBOX, 1, 1)


def test_nothing_is_said_before_the_first_epoch() -> None:
    with pytest.raises(EncodeError):
        say(Position.first(OUTBOX))
