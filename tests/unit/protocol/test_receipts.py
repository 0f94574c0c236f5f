"""Receipts and resends: what they hold, and that a newer reason does not break an old box."""

import msgspec
import pytest
from protocol_samples_world import NOW_MS, OUTBOX, WHO, key

from protocol.envelope import parse
from protocol.errors import EncodeError
from protocol.receipts import (
    MAX_ITEMS,
    Range,
    ReceiptItem,
    Status,
    decode_receipt,
    decode_resend,
    sign_receipt,
    sign_resend,
)

SERVER = key("server")
STORED = ReceiptItem(hash=bytes(32), status=Status.STORED)


def test_a_receipt_answers_as_many_envelopes_as_fit() -> None:
    refused = ReceiptItem(hash=bytes(32), status=Status.REFUSED, reason=99, is_final=True)
    receipt = decode_receipt(parse(sign_receipt(WHO.device, (STORED, refused) * 250, SERVER, time_ms=NOW_MS)))
    assert len(receipt.items) == MAX_ITEMS
    assert receipt.items[:2] == (STORED, refused)
    assert (receipt.device, receipt.time_ms) == (WHO.device, NOW_MS)
    with pytest.raises(EncodeError):
        sign_receipt(WHO.device, (STORED,) * (MAX_ITEMS + 1), SERVER, time_ms=NOW_MS)


def test_a_reason_that_this_box_does_not_know_is_still_read() -> None:
    item = msgspec.structs.replace(STORED, status=Status.REFUSED, reason=2**31 - 1)
    receipt = decode_receipt(parse(sign_receipt(WHO.device, (item,), SERVER, time_ms=NOW_MS)))
    assert receipt.items == (item,)


def test_a_resend_names_ranges_that_run_forwards() -> None:
    ranges = (Range(first=3, last=3), Range(first=5, last=9))
    resend = decode_resend(parse(sign_resend(WHO.device, OUTBOX, ranges, SERVER, time_ms=NOW_MS)))
    assert (resend.outbox, resend.ranges) == (OUTBOX, ranges)
    with pytest.raises(ValueError, match="ends before"):
        Range(first=5, last=4)
    with pytest.raises(EncodeError):
        sign_resend(WHO.device, OUTBOX, (), SERVER, time_ms=NOW_MS)
