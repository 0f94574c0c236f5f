"""What must be refused and what must not, each on the real mosquitto: where each is proved.

Refused:

- no certificate
  tests/integration/test_broker_access.py::test_nobody_without_a_certificate
  tests/integration/test_artefacts_http.py::test_nothing_is_sent_without_a_certificate
- a certificate of another CA
  tests/integration/test_broker_access.py::test_nobody_with_a_certificate_of_another_ca
  tests/integration/test_artefacts_http.py::test_nothing_is_sent_to_a_certificate_of_another_ca
- a revoked certificate, key or device
  tests/integration/test_broker_access.py::test_a_revoked_certificate_is_refused_and_its_live_session_dropped
  tests/integration/test_broker_access.py::test_a_revoked_device_cannot_come_back_by_resuming_its_tls_session
  tests/integration/test_ingest.py::test_a_revoked_key_is_refused_at_once
  tests/integration/test_ingest.py::test_a_revoked_device_is_refused_at_once
  tests/integration/test_init.py::test_a_revoked_box_is_let_go_and_not_let_in_again_whatever_certificate_it_kept
- a device on another device's topic
  tests/integration/test_broker_access.py::test_a_box_on_a_topic_not_its_own_is_not_delivered
  tests/integration/test_ingest.py::test_a_device_on_another_devices_topic_is_not_heard
- a valid signature under another device's topic
  tests/integration/test_ingest.py::test_a_valid_signature_under_another_devices_topic_is_refused
- equivocation: two messages in one place of the order
  tests/integration/test_ingest.py::test_one_key_with_two_envelopes_is_refused_as_equivocation
- a hotlist that was rolled back
  tests/integration/test_hotlist_way.py::test_a_rolled_back_list_is_refused_also_after_a_restart
- an entry, or a list, that has expired
  tests/integration/test_hotlist_way.py::test_an_entry_that_expires_stops_matching_and_an_expired_one_is_never_armed
  tests/integration/test_hotlist_way.py::test_a_list_expires_with_its_manifest_though_nothing_is_heard_any_more
  tests/acceptance/test_end_to_end.py::test_an_entry_that_expired_is_not_armed_and_gives_no_hit
- one officer who signs twice, with one key or with two
  tests/integration/test_hotlist_desk.py::test_an_officer_does_not_approve_what_he_proposed_not_even_with_another_key
  tests/integration/test_hotlist_way.py::test_what_the_server_forges_is_not_armed

Not refused:

- late, resent, reordered, or under a wrong clock
  tests/integration/test_ingest.py::test_late_resent_reordered_and_wrongly_clocked_messages_are_taken
  tests/integration/test_ingest.py::test_a_redelivery_is_counted_once_and_receipted_again
  tests/integration/test_edge_delivery.py::test_a_clock_before_the_floor_marks_messages_until_a_receipt_has_told_the_time
- every first receipt lost
  tests/integration/test_edge_delivery.py::test_with_every_first_receipt_lost_all_is_still_stored_once_and_drained
  tests/acceptance/test_refusals.py::test_a_hit_whose_receipts_are_lost_is_sent_again_and_stored_once
  tests/acceptance/test_refusals.py::test_the_outbox_drains_once_receipts_come_through

The tests below are the last two: the real agent against the real aggregator, while the broker's access list keeps every
receipt from the box (tests/acceptance/story.py). The peer of `test_edge_delivery` is a simulated aggregator.
"""

import ast
import re
from pathlib import Path

import pytest

from protocol.messages import Kind
from tests.acceptance.story import PATIENCE_S, Story
from tests.acceptance.street_cast import LATE

pytestmark = pytest.mark.timeout(8 * PATIENCE_S)

ROOT = Path(__file__).resolve().parents[2]
PROOFS = re.findall(r"^  (tests/\S+)::(\w+)$", __doc__ or "", re.MULTILINE)


@pytest.mark.parametrize(("path", "test"), PROOFS)
def test_each_proof_that_is_named_is_there(path: str, test: str) -> None:
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    assert test in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_line_of_the_list_names_its_proof() -> None:
    blocks = (__doc__ or "").split("\n- ")[1:]
    assert len(blocks) == 11
    assert [block.splitlines()[0] for block in blocks if "\n  tests/" not in block] == []


def test_a_hit_whose_receipts_are_lost_is_sent_again_and_stored_once(story: Story) -> None:
    late = [row for row in story.rows["hits late"] if row["plate"] == LATE]
    assert len(late) == 1
    (stored,) = (row for row in story.rows["ledger"] if row["envelope_hash"].hex() == late[0]["hit"])
    assert stored["redeliveries"] > 0
    copies = [each for each in story.crossed if each.hash == stored["envelope_hash"]]
    assert len(copies) > 1, "byte for byte the same, each time"


def test_the_outbox_keeps_what_has_no_receipt(story: Story) -> None:
    assert story.status_deaf["outbox"]["rows"] > 0
    assert story.status_deaf["presence"]["is_connected"]


def test_the_outbox_drains_once_receipts_come_through(story: Story) -> None:
    """The story goes on only when the box says that nothing waits any more; then nothing may be missing."""
    reports = [row for row in story.rows["ledger"] if Kind(row["kind"]) is Kind.REPORT]
    assert any(row["redeliveries"] > 0 for row in reports)
    assert len({row["envelope_hash"] for row in story.rows["ledger"]}) == len(story.rows["ledger"])
