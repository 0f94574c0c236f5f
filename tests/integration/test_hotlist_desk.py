"""The officers' desk on a real database: from a file to a snapshot that a box would arm."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.adapters import hotlist_store as store
from aggregator.adapters.audit_log import rows as audit_rows
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_desk import Desk
from aggregator.core.hotlist_snapshot import WITHDRAWAL_LAPSED
from aggregator.errors import AlreadyThere, BadInput, BadKey, NotThere
from aggregator.settings import Settings
from protocol.clock import to_ms
from protocol.hotlist import Assembled, Manifest, assemble
from tests.simulators.enrolment import CITY
from tests.simulators.officers import HEADER, Officers, appoint, file_of, now


@pytest.fixture
def officers(installation: Settings, tmp_path: Path) -> Officers:
    """Ana and Luis, granted for the city."""
    return appoint(installation, tmp_path, "ana", "luis")


@pytest.fixture
def desk(registry: Pool, officers: Officers) -> Desk:
    """The desk of the two."""
    return desk_of(registry, officers)


def desk_of(pool: Pool, officers: Officers) -> Desk:
    """The desk under the trust bundle of this moment."""
    return Desk(pool, officers.trust, CITY)


async def armed(desk: Desk, officers: Officers, *, later: timedelta = timedelta()) -> set[str]:
    """The plates that a box arms which fetches the current snapshot."""
    async with store.transaction(desk.pool) as connection:
        current = await store.current_snapshot(connection, CITY)
        assert current is not None
        artefact = await store.artefact_part(connection, current.sha256, 0, current.size_bytes)
    assert artefact is not None
    assert hashlib.sha256(artefact).digest() == current.sha256
    when_ms = to_ms(now() + later)
    manifest = Manifest(
        version=1,
        list_version=current.list_version,
        city=CITY,
        sha256=current.sha256,
        size_bytes=current.size_bytes,
        created_ms=when_ms,
        expires_ms=when_ms + 1,
    )
    assembled = assemble(artefact, manifest, officers.trust, now_ms=when_ms)
    assert isinstance(assembled, Assembled)
    assert assembled.refused == {}
    return {entry.plate for entry in assembled.entries}


async def test_a_file_that_two_officers_signed_is_what_a_box_arms(desk: Desk, officers: Officers) -> None:
    published = await officers.list_plates(desk, ["FAB-123-C", "EUA1234"], officers.keys["ana"], officers.keys["luis"])
    assert (published.snapshot.entries, published.left_out) == (2, {})
    assert await armed(desk, officers) == {"FAB123C", "EUA1234"}


async def test_a_file_with_a_bad_line_leaves_nothing_behind_unless_told_to_go_on(desk: Desk) -> None:
    data = file_of(["FAB123C"]) + b"X,stolen-vehicle,C-1,2026-12-31,\n"
    refused = await desk.import_file(data, actor="test", now=now())
    assert (len(refused.accepted), refused.number, await desk.waiting()) == (1, None, [])
    taken = await desk.import_file(data, actor="test", now=now(), keep_going=True)
    assert [row["entries"] for row in await desk.waiting()] == [1]
    assert taken.number is not None


async def test_a_dry_run_leaves_nothing_behind(desk: Desk) -> None:
    tried = await desk.import_file(file_of(["FAB123C"]), actor="test", now=now(), is_dry_run=True)
    assert (len(tried.accepted), tried.number, await desk.waiting()) == (1, None, [])


async def test_a_plate_and_case_that_wait_or_are_listed_are_not_taken_again(desk: Desk, officers: Officers) -> None:
    await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())
    assert (await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())).accepted == ()
    proposed = await desk.propose(officers.keys["ana"], None, now=now())
    assert (await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())).accepted == ()
    await desk.approve(officers.keys["luis"], proposed.batch_id, now=now())
    assert (await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())).accepted == ()
    other = await desk.import_file(file_of(["FAB123C"], case="other"), actor="test", now=now())
    assert len(other.accepted) == 1


async def test_an_officer_does_not_approve_what_he_proposed_not_even_with_another_key(
    registry: Pool, officers: Officers
) -> None:
    first = officers.keys["ana"]
    second = officers.grant("ana", cities=(CITY,))
    desk = desk_of(registry, officers)
    await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())
    proposed = await desk.propose(first, None, now=now())
    for key in (first, second):
        with pytest.raises(BadInput, match="a second officer must approve"):
            await desk.approve(key, proposed.batch_id, now=now())
    async with store.transaction(registry) as connection:
        assert await store.current_snapshot(connection, CITY) is None


async def test_a_key_that_is_no_officers_signs_nothing(desk: Desk, officers: Officers) -> None:
    await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())
    with pytest.raises(BadKey, match="no officer's"):
        await desk.propose(officers.root, None, now=now())
    assert len(await desk.waiting()) == 1


async def test_an_officer_of_the_city_does_not_sign_for_the_region(desk: Desk, officers: Officers) -> None:
    data = (HEADER + f"FAB123C,abduction,C-1,{(now() + timedelta(days=1)).isoformat()},*\n").encode()
    await desk.import_file(data, actor="test", now=now())
    with pytest.raises(BadInput, match="not for every city"):
        await desk.propose(officers.keys["ana"], None, now=now())
    assert len(await desk.waiting()) == 1


async def test_a_changed_row_is_not_signed(desk: Desk, officers: Officers) -> None:
    await desk.import_file(file_of(["FAB123C"]), actor="test", now=now())
    proposed = await desk.propose(officers.keys["ana"], None, now=now())
    await desk.pool.execute("UPDATE hotlist_entry SET case_number = 'another'")
    with pytest.raises(BadInput, match="rows were changed"):
        await desk.approve(officers.keys["luis"], proposed.batch_id, now=now())


async def test_a_batch_is_approved_once(desk: Desk, officers: Officers) -> None:
    await officers.list_plates(desk, ["FAB123C"], officers.keys["ana"], officers.keys["luis"])
    (batch,) = await desk.batches()
    assert (batch["state"], batch["officers"]) == ("approved", "ana luis")
    with pytest.raises(AlreadyThere):
        await desk.approve(officers.keys["luis"], batch["batch_id"], now=now())
    with pytest.raises(NotThere):
        await desk.approve(officers.keys["luis"], "b-none", now=now())


async def entry_of(desk: Desk, plate: str) -> str:
    found: str = await desk.pool.fetchval("SELECT entry_id FROM hotlist_entry WHERE plate = $1", plate)
    return found


async def test_one_officer_withdraws_an_entry_at_once(desk: Desk, officers: Officers) -> None:
    first = await officers.list_plates(desk, ["FAB123C", "EUA1234"], officers.keys["ana"], officers.keys["luis"])
    entry = await entry_of(desk, "FAB123C")
    published = await desk.withdraw(officers.keys["ana"], [entry], "found again", now=now())
    assert published.snapshot.list_version > first.snapshot.list_version
    assert published.snapshot.entries == 1
    assert await armed(desk, officers) == {"EUA1234"}


async def test_what_was_never_listed_cannot_be_withdrawn(desk: Desk, officers: Officers) -> None:
    with pytest.raises(NotThere, match="e-none"):
        await desk.withdraw(officers.keys["ana"], ["e-none"], "found again", now=now())


async def test_a_plate_in_the_reason_is_refused(desk: Desk, officers: Officers) -> None:
    await officers.list_plates(desk, ["FAB123C"], officers.keys["ana"], officers.keys["luis"])
    with pytest.raises(BadInput, match="contains a plate"):
        await desk.withdraw(officers.keys["ana"], [await entry_of(desk, "FAB123C")], "FAB-123-C is back", now=now())


async def test_when_an_officer_leaves_his_batches_leave_and_what_he_withdrew_stays_away(
    registry: Pool, officers: Officers
) -> None:
    eva = officers.grant("eva", cities=(CITY,))
    ana, luis = officers.keys["ana"], officers.keys["luis"]
    desk = desk_of(registry, officers)
    await officers.list_plates(desk, ["FAB123C"], ana, luis)
    await officers.list_plates(desk, ["EUA1234", "EUA5678"], eva, luis)
    await officers.list_plates(desk, ["RKA9999"], eva, luis)
    withdrawn = await entry_of(desk, "EUA1234")
    await desk.withdraw(ana, [withdrawn], "found again", now=now())
    officers.dismiss("ana")

    desk = desk_of(registry, officers)
    tidied = await desk.expire(now=now())
    assert tidied.published is not None
    assert sorted(tidied.published.left_out.values()) == ["unknown_officer", WITHDRAWAL_LAPSED]
    assert await armed(desk, officers) == {"RKA9999"}

    again = await desk.withdraw(luis, [withdrawn], "withdrawn by ana before", now=now())
    assert list(again.left_out.values()) == ["unknown_officer"]
    assert await armed(desk, officers) == {"RKA9999", "EUA5678"}


async def test_what_expired_is_dropped_and_a_new_list_says_so(desk: Desk, officers: Officers) -> None:
    ana, luis = officers.keys["ana"], officers.keys["luis"]
    await desk.import_file(file_of(["FAB123C"], life=timedelta(days=1)), actor="test", now=now())
    short = await desk.propose(ana, None, now=now())
    await desk.approve(luis, short.batch_id, now=now())
    await officers.list_plates(desk, ["EUA1234"], ana, luis)
    await desk.import_file(file_of(["RKA9999"], life=timedelta(days=1)), actor="test", now=now())

    assert (await desk.expire(now=now())).published is None
    later = now() + timedelta(days=2)
    tidied = await desk.expire(now=later)
    assert (tidied.batches, tidied.drafts) == ([short.batch_id], 1)
    assert tidied.published is not None
    assert tidied.published.snapshot.entries == 1
    assert await armed(desk, officers, later=timedelta(days=2)) == {"EUA1234"}
    assert (await desk.expire(now=later)).published is None


async def test_old_snapshots_are_dropped_when_no_box_can_still_fetch_them(desk: Desk, officers: Officers) -> None:
    ana, luis = officers.keys["ana"], officers.keys["luis"]
    for plate in ("FAB123C", "EUA1234", "RKA9999"):
        await officers.list_plates(desk, [plate], ana, luis)
    assert (await desk.expire(now=now())).artefacts == 0
    assert (await desk.expire(now=now() + timedelta(hours=25))).artefacts == 2
    assert await armed(desk, officers) == {"FAB123C", "EUA1234", "RKA9999"}


async def test_plates_are_shown_for_a_reason_and_each_look_is_audited(desk: Desk, officers: Officers) -> None:
    await officers.list_plates(desk, ["FAB123C"], officers.keys["ana"], officers.keys["luis"])
    (blind,) = await desk.entries(None, actor="eva", reason=None, limit=10)
    assert not {"plate", "case_number"} & blind.keys()
    (seen,) = await desk.entries(None, actor="eva", reason="shift handover", limit=10)
    assert (seen["plate"], seen["case_number"]) == ("FAB123C", "FGE-0")
    async with store.transaction(desk.pool) as connection:
        audited = await audit_rows(connection)
    said = [(row.actor, row.action) for row in audited]
    assert said == [
        ("test", "hotlist_import"),
        ("ana", "hotlist_propose"),
        ("luis", "hotlist_approve"),
        ("eva", "hotlist_look"),
    ]
    assert (audited[-1].subject, audited[-1].reason) == (seen["entry_id"], "shift handover")
    assert not any("FAB123C" in f"{row.subject} {row.reason}" for row in audited)


async def test_many_entries_go_in_and_come_out(desk: Desk, officers: Officers) -> None:
    plates = [f"E{number:06d}" for number in range(5_000)]
    published = await officers.list_plates(desk, plates, officers.keys["ana"], officers.keys["luis"])
    assert published.snapshot.entries == 5_000
    assert await armed(desk, officers) == set(plates)
