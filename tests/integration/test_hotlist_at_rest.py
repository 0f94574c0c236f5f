"""The hotlist at rest: a box that starts without a network has its last list, and nobody else has it."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.adapters.artefacts import ArtefactServer
from edge_agent.adapters.control_socket import ask
from edge_agent.adapters.hotlist import HotlistReceiver
from edge_agent.adapters.hotlist_shelf import NAME, SINCE, AtRest, KeptList, open_shelf
from edge_agent.adapters.keystore import load_enrolment, new_identity
from edge_agent.adapters.vault import KEY_FILE
from edge_agent.core.matching import HotlistIndex
from edge_agent.errors import NotRunning
from protocol.clock import to_ms
from protocol.delivery import Pace
from protocol.hotlist import DeltaName, Manifest, Snapshot, encode_snapshot, sign_manifest
from protocol.hotlist_delta import contents_of, make_delta
from protocol.trust import Role, TrustStore
from protocol.wire import from_bytes
from tests.simulators.agent_place import MODELS, QUICK, AgentPlace
from tests.simulators.aggregator_peer import until
from tests.simulators.artefact_shelf import ArtefactShelf
from tests.simulators.city import City
from tests.simulators.tpm import Tpm as Chip

PLATE = "FAB123C"
NOBODY = 1  # no port that anything listens on
DAY_MS = 86_400_000


@dataclass
class Box:
    """A box across its restarts. `port` is where it looks for artefacts."""

    folder: Path
    city: City
    at_rest: AtRest = "accept-risk"
    port: int = NOBODY
    shift_ms: int = 0
    kept_version: int = 0
    trust: TrustStore = field(init=False)
    index: HotlistIndex = field(default_factory=lambda: HotlistIndex(expires_ms=0))
    receiver: HotlistReceiver = field(init=False)

    def __post_init__(self) -> None:
        self.city.enrol(self.identity)
        (self.folder / "data").mkdir()
        self.believe(self.city.bundle())

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    @property
    def file(self) -> Path:
        return self.folder / "data" / NAME

    def believe(self, bundle: bytes) -> None:
        """The trust bundle that the box starts with."""
        trust = TrustStore(self.city.root.public_key).accept(bundle)
        assert isinstance(trust, TrustStore)
        self.trust = trust

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From a start to a kill."""
        enrolment = load_enrolment(self.identity)
        self.index = HotlistIndex(expires_ms=0)
        self.receiver = HotlistReceiver(
            city=self.city.name,
            trust=self.trust,
            last_version=self.kept_version,
            server=ArtefactServer(f"https://127.0.0.1:{self.port}", enrolment.tls),
            arm=self._arm,
            keep_version=self._keep,
            vouch=lambda _: None,
            now_ms=self.now_ms,
            shelf=open_shelf(self.at_rest, self.identity, self.folder / "data"),
            pace=Pace(first_s=0.05, most_s=0.2),
        )
        following = asyncio.create_task(self.receiver.run(), name="receiver")
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.01)

    def kept_bytes(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""

    def now_ms(self) -> int:
        return to_ms(datetime.now(UTC)) + self.shift_ms

    def finds(self, plate: str) -> bool:
        return bool(self.index.match(plate, self.now_ms(), self.city.name))

    def _arm(self, index: HotlistIndex) -> None:
        self.index = index

    async def _keep(self, version: int) -> None:
        self.kept_version = max(self.kept_version, version)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path / "city")


@pytest.fixture
def shelf(city: City) -> Iterator[ArtefactShelf]:
    with ArtefactShelf(city) as server:
        yield server


@pytest.fixture
def box(tmp_path: Path, city: City, shelf: ArtefactShelf) -> Box:
    """A box that can fetch."""
    return Box(tmp_path / "box", city, port=shelf.port)


async def arm(box: Box, shelf: ArtefactShelf, version: int = 3) -> None:
    """Let a box fetch a list of one plate, keep it, and be switched off."""
    manifest, artefact = box.city.hotlist([PLATE], version=version)
    shelf.put(artefact)
    before = box.kept_bytes()
    async with box.running():
        box.receiver.take_manifest(manifest)
        await box.until(lambda: box.finds(PLATE) and box.receiver.status.list_version == version)
        if box.at_rest == "accept-risk":
            await box.until(lambda: box.kept_bytes() not in (b"", before))
    box.port = NOBODY


async def test_a_box_that_starts_without_a_network_looks_for_its_last_list(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    async with box.running():
        await box.until(lambda: box.finds(PLATE))
        assert box.receiver.status.list_version == 3
        assert box.receiver.status.at_rest == "file"


def changed_by(city: City, shelf: ArtefactShelf, before: bytes, plate: str, *, version: int) -> tuple[bytes, bytes]:
    """A manifest and the list with one batch more than before; on the shelf there is only the delta to it."""
    batches = from_bytes(before, Snapshot, max_bytes=len(before)).batches
    _, alone = city.hotlist([plate], version=version)
    more = from_bytes(alone, Snapshot, max_bytes=len(alone)).batches
    artefact = encode_snapshot(version, (*batches, *more), ())
    base, target = contents_of(before), contents_of(artefact)
    delta = make_delta(base, artefact, target)
    assert delta is not None
    shelf.put(delta)
    now_ms = to_ms(datetime.now(UTC))
    manifest = Manifest(
        version=1,
        list_version=version,
        city=city.name,
        sha256=target.sha256,
        size_bytes=len(artefact),
        created_ms=now_ms,
        expires_ms=now_ms + DAY_MS,
        deltas=(DeltaName(base=base.sha256, sha256=hashlib.sha256(delta).digest(), size_bytes=len(delta)),),
    )
    return sign_manifest(manifest, city.server), artefact


async def test_what_came_by_delta_is_there_after_a_power_cut_and_the_next_change_builds_on_it(
    box: Box, shelf: ArtefactShelf
) -> None:
    manifest, artefact = box.city.hotlist([f"E{number:06d}" for number in range(200)], version=3)
    shelf.put(artefact)
    async with box.running():
        box.receiver.take_manifest(manifest)
        await box.until(box.file.exists)
        whole = box.kept_bytes()
        manifest, artefact = changed_by(box.city, shelf, artefact, PLATE, version=4)
        box.receiver.take_manifest(manifest)
        await box.until(lambda: box.finds(PLATE))
        await box.until(box.file.with_name(SINCE).exists)
    async with box.running():
        await box.until(lambda: box.finds(PLATE))
        assert (box.receiver.status.list_version, box.receiver.status.brought) == (4, {})
        manifest, artefact = changed_by(box.city, shelf, artefact, "XYZ9876", version=5)
        box.receiver.take_manifest(manifest)
        await box.until(lambda: box.finds("XYZ9876") and box.finds(PLATE) and box.finds("E000199"))
        assert (box.receiver.status.entries, box.receiver.status.brought) == (202, {"delta": 1})
    assert box.kept_bytes() == whole, "the whole was written once"


async def test_no_plate_is_in_the_clear_on_the_disk(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    kept = [path for path in box.folder.rglob("*") if path.is_file()]
    assert box.file in kept
    assert box.file.stat().st_mode & 0o777 == 0o600
    assert not [path for path in kept if PLATE.encode() in path.read_bytes()]
    assert not [path for path in kept if f"e-{PLATE}".lower().encode() in path.read_bytes()]


async def test_a_list_that_has_expired_meanwhile_is_not_armed_and_is_removed(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    box.shift_ms = 2 * DAY_MS
    async with box.running():
        await box.until(lambda: not box.file.exists())
        assert box.receiver.status.list_version == 0
        assert box.receiver.status.refused == {"expired": 1}


async def test_a_list_that_expires_while_the_box_runs_is_removed(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    box.shift_ms = DAY_MS - 60_000
    async with box.running():
        await box.until(lambda: box.finds(PLATE))
        box.shift_ms += 120_000
        box.receiver.take_trust(box.trust)  # anything that wakes it; else it wakes by itself at the list's end
        await box.until(lambda: not box.file.exists())
        assert not box.finds(PLATE)


async def test_an_older_list_put_in_its_place_is_refused(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf, version=3)
    older = box.file.read_bytes()
    box.port = shelf.port
    await arm(box, shelf, version=4)
    box.file.write_bytes(older)
    async with box.running():
        await box.until(lambda: not box.file.exists())
        assert not box.finds(PLATE)
        assert box.receiver.status.refused == {"rolled_back": 1}


async def test_officers_who_lost_their_grants_take_the_list_at_rest_along(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    without = tuple(grant for grant in box.city.grants() if grant.role is not Role.OFFICER)
    box.believe(box.city.bundle(2, without))
    async with box.running():
        await box.until(lambda: box.receiver.status.list_version == 3)
        assert not box.finds(PLATE)


async def test_a_damaged_list_is_removed_and_the_next_one_fetched(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    damaged = bytearray(box.file.read_bytes())
    damaged[-1] ^= 1
    box.file.write_bytes(damaged)
    box.port = shelf.port
    async with box.running():
        await box.until(lambda: not box.file.exists())
        manifest, artefact = box.city.hotlist([PLATE], version=4)
        shelf.put(artefact)
        box.receiver.take_manifest(manifest)
        await box.until(lambda: box.finds(PLATE) and box.file.exists())


async def test_the_same_list_from_the_broker_is_not_fetched_again(box: Box, shelf: ArtefactShelf) -> None:
    await arm(box, shelf)
    async with box.running():
        await box.until(lambda: box.finds(PLATE))
        kept = open_shelf(box.at_rest, box.identity, box.folder / "data").take()
        assert isinstance(kept, KeptList)
        box.receiver.take_manifest(kept.manifest)
        box.receiver.take_trust(box.trust)
        await asyncio.sleep(0)
        await box.until(lambda: box.finds(PLATE))
        assert box.receiver.status.fetch_problems == {}, "there is nobody to fetch it from"


@pytest.mark.parametrize("at_rest", ["memory", "tpm"])
async def test_without_a_tpm_the_list_stays_in_memory_unless_the_risk_is_accepted(
    box: Box, shelf: ArtefactShelf, at_rest: AtRest
) -> None:
    await arm(box, shelf)
    assert box.file.exists()
    box.at_rest, box.port = at_rest, shelf.port
    await arm(box, shelf, version=5)
    assert not box.file.exists(), "nor does the one stay that was kept when it was allowed"
    async with box.running():
        assert box.receiver.status.at_rest == "memory"
        assert not box.finds(PLATE)


async def test_with_a_tpm_the_list_is_sealed_to_it_and_another_box_cannot_read_it(
    tmp_path: Path, city: City, shelf: ArtefactShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Chip(tmp_path / "chip") as chip:
        monkeypatch.setenv("ATALAYA_TPM", chip.tcti)
        data = tmp_path / "data"
        data.mkdir()
        new_identity(tmp_path / "identity", "box-1")
        manifest, artefact = city.hotlist([PLATE], version=3)
        ours = open_shelf("tpm", tmp_path / "identity", data)
        assert ours.place == "tpm"
        ours.keep(KeptList(manifest, artefact))
        assert not (tmp_path / "identity" / KEY_FILE).exists()
        assert PLATE.encode() not in (data / NAME).read_bytes()
        chip.restart()
        assert open_shelf("tpm", tmp_path / "identity", data).take() == KeptList(manifest, artefact)
    with Chip(tmp_path / "other") as other:
        monkeypatch.setenv("ATALAYA_TPM", other.tcti)
        theirs = open_shelf("tpm", tmp_path / "identity", data)
        assert (theirs.place, theirs.take()) == ("memory", None)
        assert (data / NAME).exists(), "it may be our own TPM that does not answer today"


@pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them")
@pytest.mark.timeout(400)
def test_an_agent_that_is_killed_and_cut_off_looks_for_its_last_list(tmp_path: Path) -> None:
    with AgentPlace(tmp_path, settings=f'{QUICK}[hotlist]\nat_rest = "accept-risk"\n') as place:
        place.arm([PLATE], version=7)
        agent = place.start("--camera", f"cam-1={os.devnull}")
        until((place.data_dir / NAME).exists, timeout_s=150, what="the list was kept")
        agent.kill()
        agent.wait()
        place.broker.kill()
        place.start("--camera", f"cam-1={os.devnull}")
        found: dict[str, Any] = {}  # what it said last; it does not answer each time

        def has_list() -> bool:
            found.update(_status(place))
            return bool(found) and found["hotlist"]["version"] == 7

        until(has_list, timeout_s=150, what="the list was taken up")
        assert (found["hotlist"]["at_rest"], found["hotlist"]["entries"]) == ("file", 1)
        assert not found["presence"]["is_connected"]
        ours = [path for top in (place.data_dir, place.identity_dir) for path in top.rglob("*") if path.is_file()]
        assert not [path for path in (*ours, place.log) if PLATE.encode() in path.read_bytes()]


def _status(place: AgentPlace) -> dict[str, Any]:  # `Any`: JSON
    try:
        return ask(place.data_dir / "control.sock", "status")
    except NotRunning:
        return {}
