"""The camera book: what is kept, what of it can be read, and how it joins the settings."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge_agent.adapters.camera_book import (
    FILE,
    MAX_EARLIER,
    Access,
    BookCamera,
    Hardware,
    merged,
    open_access,
    read_book,
    seal_access,
    shown_of,
    write_book,
)
from edge_agent.adapters.vault import open_vault
from edge_agent.errors import BadSettings, VaultError
from edge_agent.settings import CameraSettings, Settings
from protocol.names import is_id

PASSWORD = "p@ss/w:rd planted"
ACCESS = Access("rtsp://10.0.0.5:8554/live/main?x=1", "installer", PASSWORD)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def entry(folder: Path, camera: str = "entrance", access: Access = ACCESS, **more: object) -> BookCamera:
    sealed = seal_access(open_vault(folder), camera, access)
    kept = BookCamera(camera=camera, shown=shown_of(access.url), sealed=sealed, added=NOW)
    return msgspec.structs.replace(kept, **more)


def test_what_is_written_is_read_again_and_nothing_secret_can_be_read_in_it(tmp_path: Path) -> None:
    kept = entry(tmp_path, hardware=Hardware(make="Acme", serial="SN-1"), onvif="http://10.0.0.5")
    write_book(tmp_path, (kept,))
    assert read_book(tmp_path) == (kept,)
    assert open_access(open_vault(tmp_path), kept) == ACCESS
    text = (tmp_path / FILE).read_text()
    for secret in (PASSWORD, "planted", "installer", "live/main"):
        assert secret not in text
    assert "rtsp://10.0.0.5:8554" in text
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_no_book_is_an_empty_one_and_a_torn_one_is_told(tmp_path: Path) -> None:
    assert read_book(tmp_path) == ()
    (tmp_path / FILE).write_text("{")
    with pytest.raises(BadSettings, match="camera book"):
        read_book(tmp_path)


def test_the_streams_address_is_put_together_with_every_letter_of_the_password_quoted() -> None:
    assert ACCESS.stream() == "rtsp://installer:p%40ss%2Fw%3Ard%20planted@10.0.0.5:8554/live/main?x=1"
    assert Access("rtsp://10.0.0.5/a").stream() == "rtsp://10.0.0.5/a"


def test_the_book_joins_the_settings_and_outranks_them(tmp_path: Path) -> None:
    theirs = tuple(CameraSettings(camera=name, url=f"{name}.mp4") for name in ("entrance", "exit"))
    settings = Settings(identity_dir=tmp_path, cameras=theirs)
    assert merged(settings) is settings
    write_book(tmp_path, (entry(tmp_path, onvif="http://10.0.0.5", frames_per_s=5.0), entry(tmp_path, "yard")))
    found = {each.camera: each for each in merged(settings).cameras}
    assert list(found) == ["exit", "entrance", "yard"]
    assert (found["entrance"].url, found["entrance"].onvif, found["entrance"].frames_per_s) == (
        ACCESS.stream(),
        "http://10.0.0.5",
        5.0,
    )
    assert PASSWORD not in repr(merged(settings))
    assert "installer" not in repr((merged(settings), ACCESS))


def test_a_camera_that_this_box_cannot_open_keeps_its_place_without_a_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = entry(tmp_path, "yard")
    moved = msgspec.structs.replace(entry(tmp_path, "entrance"), sealed=good.sealed)
    write_book(tmp_path, (moved, good))
    with pytest.raises(VaultError):
        open_access(open_vault(tmp_path), moved)
    entrance, yard = merged(Settings(identity_dir=tmp_path)).cameras
    assert (entrance.url, yard.url) == ("rtsp://10.0.0.5:8554", ACCESS.stream())
    assert "camera_sealed" in caplog.text
    assert "planted" not in caplog.text


def test_a_replaced_camera_keeps_its_id_and_what_stood_there_before(tmp_path: Path) -> None:
    kept = entry(tmp_path, hardware=Hardware(serial="SN-0"))
    for n in range(1, MAX_EARLIER + 4):
        kept = kept.replaced(entry(tmp_path, hardware=Hardware(serial=f"SN-{n}")))
    assert is_id(kept.camera)
    assert (kept.camera, kept.hardware.serial) == ("entrance", f"SN-{MAX_EARLIER + 3}")
    assert [each.hardware.serial for each in kept.earlier][:2] == [f"SN-{MAX_EARLIER + 2}", f"SN-{MAX_EARLIER + 1}"]
    assert len(kept.earlier) == MAX_EARLIER
    write_book(tmp_path, (kept,))
    assert read_book(tmp_path) == (kept,)
