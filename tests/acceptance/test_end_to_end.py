"""From cars that pass a camera to hits that an operator sees, by the real programs (tests/acceptance/story.py)."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stack.measure import events, sent

from aggregator.adapters import keyfiles
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.founding import EVIDENCE_KEY_NAME
from aggregator.core.founding import BACKUP
from protocol.messages import Kind
from protocol.sealing import Purpose, unseal
from tests.acceptance.story import PATIENCE_S, REASON, Story
from tests.acceptance.street_cast import EXACT, EXPIRED, LATE, POSSIBLE, POSSIBLE_ENTRY, WITHDRAWN

pytestmark = pytest.mark.timeout(8 * PATIENCE_S)

ENTRY_OF = {EXACT: EXACT, WITHDRAWN: WITHDRAWN, POSSIBLE: POSSIBLE_ENTRY, LATE: LATE}


def at(text: str) -> datetime:
    """An instant of a listing."""
    return datetime.fromisoformat(text)


def entry_id(story: Story, plate: str) -> str:
    """The id of the one entry that a car's plate matches."""
    (found,) = (entry for entry, listed in story.entries.items() if listed == ENTRY_OF[plate])
    return found


def hits_of(story: Story, plate: str, *, name: str = "hits at last") -> list[dict[str, Any]]:
    """Hits of one plate, the oldest first."""
    return sorted((row for row in story.rows[name] if row["plate"] == plate), key=lambda row: at(row["captured_at"]))


class TestAHit:
    def test_is_stored_once_for_each_wanted_car_and_for_no_other(self, story: Story) -> None:
        assert story.plates("hits") == sorted((EXACT, WITHDRAWN, POSSIBLE))

    @pytest.mark.parametrize(("plate", "quality"), [(EXACT, "exact"), (WITHDRAWN, "exact"), (POSSIBLE, "possible")])
    def test_names_its_entry_and_where_it_was_seen(self, story: Story, plate: str, quality: str) -> None:
        (hit,) = hits_of(story, plate, name="hits")
        assert hit["entries"] == entry_id(story, plate)
        assert (hit["quality"], hit["reasons"]) == (quality, "stolen-vehicle")
        assert hit["observed"] in (plate, plate[1:])  # the best look may be at a plate that another car half hides
        place = {key: hit[key] for key in ("city", "point", "camera", "device")}
        assert place == {"city": "saltillo", "point": "p-012", "camera": "cam-1", "device": "box-012"}
        assert (hit["is_amended"], hit["is_from_lookback"]) == (False, False)

    @pytest.mark.parametrize("plate", [EXACT, WITHDRAWN, POSSIBLE])
    def test_has_the_time_of_the_frame_that_decided_it(self, story: Story, plate: str) -> None:
        (hit,) = hits_of(story, plate, name="hits")
        (said,) = (line for line in events(story.box.events) if line["event"] == "hit" and line["hit"] == hit["hit"])
        assert at(hit["captured_at"]) == datetime.fromtimestamp(said["captured_ms"] / 1000, UTC)
        assert at(hit["captured_at"]) <= at(hit["created_at"]) <= at(hit["received_at"])
        assert hit["counted_at"] == hit["captured_at"]
        assert (hit["is_historical"], hit["is_clock_suspect"]) == (False, False)

    def test_comes_in_the_order_in_which_the_cars_passed(self, story: Story) -> None:
        ordered = sorted(story.rows["hits"], key=lambda row: at(row["captured_at"]))
        # The second and the third pass side by side: which of their votes is done first depends on the machine.
        assert ordered[0]["plate"] == EXACT
        assert sorted(row["plate"] for row in ordered[1:]) == sorted([WITHDRAWN, POSSIBLE])


class TestItsEvidence:
    def test_lies_in_the_store_under_the_hashes_that_the_box_signed(self, story: Story) -> None:
        files = EvidenceFiles(story.settings.evidence_dir)
        pictured = sorted(row["plate"] for row in story.rows["evidence"])
        assert pictured == sorted([EXACT, WITHDRAWN, POSSIBLE, EXACT, POSSIBLE, LATE])
        for row in story.rows["evidence"]:
            for sha256 in (row["redacted_sha256"], row["sealed_sha256"]):
                assert hashlib.sha256(files.path(sha256).read_bytes()).digest() == sha256
        shown = {row["picture_sha256"] for row in story.rows["hits at last"] if row["picture"] == "stored"}
        assert shown == {row["redacted_sha256"].hex() for row in story.rows["evidence"]}

    def test_gives_the_original_to_the_evidence_authority_alone(self, story: Story) -> None:
        files, key = (
            EvidenceFiles(story.settings.evidence_dir),
            keyfiles.read_evidence_key(
                story.city.home / BACKUP / EVIDENCE_KEY_NAME,
                keyfiles.read_passphrase(Path(story.city._passphrase("evidence"))),
            ),
        )
        for row in story.rows["evidence"]:
            sealed, sha256 = files.read(row["sealed_sha256"]), row["original_sha256"]
            original = unseal(sealed, key, Purpose.ORIGINAL, device=row["device_id"], sha256=sha256)
            assert hashlib.sha256(original).digest() == sha256

    def test_is_what_the_box_kept_for_the_eye(self, story: Story) -> None:
        kept = {hashlib.sha256(path.read_bytes()).digest() for path in story.box.pictures.glob("*.jpg")}
        assert kept == {row["redacted_sha256"] for row in story.rows["evidence"]}


class TestTheOperator:
    def test_sees_no_hit_without_a_reason(self, story: Story) -> None:
        code, said = story.without_reason
        assert code != 0
        assert "--reason" in said
        assert not any(plate in said for plate in ENTRY_OF)

    def test_leaves_a_row_in_the_audit_for_the_question_and_for_each_hit_that_was_shown(self, story: Story) -> None:
        audit = story.rows["audit"]
        assert sum(row["action"] == "hits.query" for row in audit) == 3
        shown = [row["subject"] for row in audit if row["action"] == "hit.show"]
        asked = (story.rows[name] for name in ("hits", "hits late", "hits at last"))
        assert sorted(shown) == sorted(f"hit:{hit['hit']}" for rows in asked for hit in rows)
        assert {row["reason"] for row in audit if row["action"] in ("hits.query", "hit.show")} == {REASON}
        assert (story.audit_check["rows"], story.audit_check["findings"]) == (len(audit), [])

    def test_reads_of_a_box_what_the_box_says_of_itself(self, story: Story) -> None:
        status, (listed,) = story.status, story.rows["devices"]
        same = ("device", "city", "point")
        assert [listed[key] for key in same] == [status[key] for key in same]
        assert (listed["line"], status["presence"]["is_connected"]) == ("online", True)
        assert listed["hotlist_version"] == status["hotlist"]["version"]
        assert listed["dead_letters"] == status["outbox"]["dead_letters"] == 0
        covered = at(listed["lookback_since"]) - datetime.fromtimestamp(status["lookback_since_ms"] / 1000, UTC)
        assert abs(covered) < timedelta(seconds=5)
        assert at(listed["last_report"]) > at(listed["lookback_since"])
        assert [status["cameras"][0][key] for key in ("camera", "reads", "hits")] == ["cam-1", 8, 3]

    def test_counts_what_passed_and_not_whose_it_was(self, story: Story) -> None:
        (counted,) = story.rows["counts at last"]
        frames, cars = 2 * story.clip.script.frames, 2 * len(story.clip.script.vehicles)
        assert (counted["frames_processed"], counted["vehicles"], counted["reads"]) == (frames, cars, cars)
        assert counted["hits"] == 6
        assert counted["faces"] > 0


class TestTheList:
    def test_a_car_that_was_reported_after_it_passed_is_found_in_the_lookback_and_flagged(self, story: Story) -> None:
        first, second = hits_of(story, LATE)
        assert (first["is_from_lookback"], first["quality"], first["picture"]) == (True, "exact", "from_lookback")
        assert first["entries"] == entry_id(story, LATE)
        assert at(first["created_at"]) - at(first["captured_at"]) > timedelta(seconds=1)
        assert (second["is_from_lookback"], second["picture"]) == (False, "stored")

    def test_a_car_that_was_cleared_is_a_hit_no_more(self, story: Story) -> None:
        assert len(hits_of(story, WITHDRAWN)) == 1
        assert len(hits_of(story, EXACT)) == len(hits_of(story, POSSIBLE)) == 2

    def test_an_entry_that_expired_is_not_armed_and_gives_no_hit(self, story: Story) -> None:
        assert EXPIRED in story.entries.values()
        assert story.status["hotlist"]["entries"] == len(story.entries) - 2  # the late one came later
        assert hits_of(story, EXPIRED) == []
        assert any(read.text == EXPIRED for read in story.clip.reads), "or it was never read"


class TestTheOrder:
    def test_nothing_is_lost_and_nothing_is_stored_twice(self, story: Story) -> None:
        ledger = story.rows["ledger"]
        assert [row["sequence"] for row in ledger] == list(range(1, sent(story.box) + 1))
        assert len({row["envelope_hash"] for row in ledger}) == len(ledger)

    def test_a_restart_begins_an_epoch_and_continues_the_chain(self, story: Story) -> None:
        ledger = story.rows["ledger"]
        epochs = [row["epoch"] for row in ledger]
        assert sorted(set(epochs)) == [1, 2]
        assert epochs == sorted(epochs)
        assert len({row["outbox"] for row in ledger}) == 1
        assert [row["previous_hash"] for row in ledger[1:]] == [row["envelope_hash"] for row in ledger[:-1]]

    def test_the_chain_auditor_reports_no_gap_no_fork_and_no_break(self, story: Story) -> None:
        (listed,) = story.rows["devices at last"]
        assert [listed[key] for key in ("missing", "lost", "forks", "breaks")] == [0, 0, 0, 0]
        assert listed["line"] == "offline"

    def test_each_hit_is_followed_by_its_evidence_or_by_the_word_that_there_is_none(self, story: Story) -> None:
        kinds = [Kind(row["kind"]) for row in story.rows["ledger"]]
        assert kinds.count(Kind.HIT) == kinds.count(Kind.EVIDENCE) + kinds.count(Kind.EVIDENCE_UNAVAILABLE) == 7

    def test_every_line_of_the_logs_is_an_object_and_none_is_an_error(self, story: Story) -> None:
        for log in (story.box.folder / "agent.log", story.city.folder / "aggregator.log"):
            said = [json.loads(line) for line in log.read_text().splitlines()]
            assert said
            assert [line for line in said if line["level"] in ("error", "critical")] == []
