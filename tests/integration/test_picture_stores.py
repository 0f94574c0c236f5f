"""Disk and S3 keep pictures alike; the S3 is a real server on loopback."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from moto.server import ThreadedMotoServer

from aggregator.adapters import keyfiles
from aggregator.adapters.database import Pool
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.evidence_s3 import EvidenceBucket, StoreAway
from aggregator.adapters.evidence_store import EvidenceStore
from aggregator.adapters.picture_store import PictureStore, pictures_of
from aggregator.cli import app
from aggregator.core.evidence import State
from aggregator.core.export_check import verify
from aggregator.errors import BadSettings, NotThere
from aggregator.settings import Evidence, Settings
from tests.simulators.broker import free_port
from tests.simulators.enrolment import Box
from tests.simulators.evidence import REDACTED_JPEG, Street
from tests.simulators.officers import appoint
from tests.simulators.settings_file import write_settings

BUCKET = "evidence"
PICTURE = b"a picture" * 1000
SHA256 = hashlib.sha256(PICTURE).digest()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(installation: Settings, s3_server: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings that keep pictures in a bucket of the test's own."""
    for name in ("access", "secret"):
        keyfiles.write_new(tmp_path / name, f"{name}-of-a-test\n".encode(), keyfiles.PRIVATE)
    evidence = Evidence(
        store="s3", endpoint=s3_server, bucket=f"{BUCKET}-{tmp_path.name[-20:].strip('_').replace('_', '-')}",
        prefix="saltillo/", access_key_file=tmp_path / "access", secret_key_file=tmp_path / "secret",
    )  # fmt: skip
    settings = msgspec.structs.replace(installation, evidence=evidence)
    with closing(bucket(settings).client) as client:
        client.create_bucket(Bucket=evidence.bucket)
        yield settings


def bucket(settings: Settings) -> EvidenceBucket:
    """The settings' bucket."""
    store = pictures_of(settings)
    assert isinstance(store, EvidenceBucket)
    return store


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, installation: Settings) -> Iterator[PictureStore]:
    """Each kind of store, empty."""
    if request.param == "disk":
        yield pictures_of(installation)
        return
    found = bucket(request.getfixturevalue("s3"))
    with closing(found.client):
        yield found


def spoil(store: PictureStore, sha256: bytes) -> None:
    """Put other bytes under a picture's name, as somebody with the disk or the bucket could."""
    if isinstance(store, EvidenceFiles):
        store.path(sha256).write_bytes(b"another")
    else:
        assert isinstance(store, EvidenceBucket)
        store.client.put_object(Bucket=store.bucket, Key=store.name(sha256), Body=b"another")


def test_what_was_written_is_read(store: PictureStore) -> None:
    store.write(SHA256, PICTURE)
    store.write(SHA256, PICTURE)
    assert store.read(SHA256) == PICTURE


def test_what_is_not_there_is_not_read(store: PictureStore) -> None:
    with pytest.raises(NotThere):
        store.read(SHA256)


def test_what_was_altered_is_not_handed_out(store: PictureStore) -> None:
    store.write(SHA256, PICTURE)
    spoil(store, SHA256)
    with pytest.raises(NotThere, match="altered"):
        store.read(SHA256)


def test_what_is_removed_is_gone_and_may_be_removed_again(store: PictureStore) -> None:
    store.write(SHA256, PICTURE)
    for _ in range(2):
        store.remove(SHA256)
    with pytest.raises(NotThere):
        store.read(SHA256)


def test_a_store_that_is_away_is_an_os_error_like_a_full_disk(s3: Settings) -> None:
    gone = msgspec.structs.replace(s3.evidence, endpoint=f"http://127.0.0.1:{free_port()}")
    found = bucket(msgspec.structs.replace(s3, evidence=gone))
    with closing(found.client), pytest.raises(OSError, match="the evidence store"):
        found.write(SHA256, PICTURE)


@pytest.mark.parametrize("change", [{"endpoint": None}, {"bucket": None}, {"endpoint": "http://s3.example"}])
def test_half_settings_and_plain_http_are_refused(s3: Settings, change: dict[str, str | None]) -> None:
    evidence = msgspec.structs.replace(s3.evidence, **change)
    with pytest.raises(BadSettings, match=r"evidence\.endpoint"):
        pictures_of(msgspec.structs.replace(s3, evidence=evidence))


async def test_a_picture_waits_in_the_database_until_the_bucket_is_back(
    pool: Pool, s3: Settings, box: Box, tmp_path: Path
) -> None:
    street = await make_street(pool, s3, box, tmp_path)
    found = bucket(s3)
    with closing(found.client):
        lost = EvidenceBucket(found.client, "no-such-bucket")
        with pytest.raises(StoreAway):
            await EvidenceStore(pool, lost).settle_all(datetime.now(UTC))
        settled = await EvidenceStore(pool, found).settle_all(datetime.now(UTC))
        assert [each.state for each in settled] == [State.STORED, State.STORED]
        assert await asyncio.to_thread(found.read, hashlib.sha256(REDACTED_JPEG).digest()) == REDACTED_JPEG
    assert not street.settings.evidence_dir.exists()


async def test_an_export_takes_its_pictures_out_of_the_bucket(
    pool: Pool, s3: Settings, box: Box, tmp_path: Path
) -> None:
    street = await make_street(pool, s3, box, tmp_path)
    found = bucket(s3)
    with closing(found.client):
        await EvidenceStore(pool, found).settle_all(datetime.now(UTC))
    config, out = write_settings(street.settings, tmp_path / "aggregator.toml"), tmp_path / "hit.zip"
    arguments = ["evidence", "export", street.hit.hex(), "--out", str(out), "--reason", "case 1"]
    assert await asyncio.to_thread(app.run, [*arguments, "--config", str(config)]) == 0
    report = verify(out.read_bytes(), bytes.fromhex(street.root_fingerprint)).report
    assert (report.is_sound, report.absent) == (True, ())


async def make_street(pool: Pool, settings: Settings, box: Box, folder: Path) -> Street:
    """A hit whose picture's pieces are all in the database."""
    officers = appoint(settings, folder, "ana", "luis")
    street = Street(pool, officers.settings, officers, box)
    await street.list_entry()
    await street.see()
    await street.send_picture()
    return street
