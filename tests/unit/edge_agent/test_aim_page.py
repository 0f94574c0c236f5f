"""The aiming page's small parts: its language, its address, its certificate, its records, and what it tells."""

import ipaddress
import ssl
from importlib.resources import files
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_agent.adapters.aim_record import keep_record, read_record
from edge_agent.adapters.local_address import local_addresses, serving_address
from edge_agent.adapters.page_certificate import page_context
from edge_agent.core.admission import Admission
from edge_agent.core.aim import Advice, Aim, Look, NoPicture
from edge_agent.errors import CannotServe
from edge_agent.http.aim import COOKIE, aim_app
from edge_agent.http.languages import spoken

AIM = Aim(
    advice=Advice.ZOOM_IN, plates=3, width_px=62, tilt_deg=4, plate_sharpness=200, plate_level=120,
    scene_sharpness=600, brightness=400,
)  # fmt: skip


class OneLook:
    """A desk that always sees the same."""

    def __init__(self, look: Look) -> None:
        self.camera, self.cameras, self._look = look.camera, (look.camera,), look

    def choose(self, camera: str) -> None:
        assert camera == self.camera

    def picture(self, number: int) -> bytes | None:
        return self._look.jpeg if number == self._look.number else None

    async def after(self, number: int, limit_s: float) -> Look:
        return self._look


async def told(look: Look, language: str = "en") -> dict[str, object]:
    """What the page is told of a look."""
    door = Admission("12345678", "session", 0.0, 900.0)
    assert door.enter("12345678", 1.0)
    async with TestClient(TestServer(aim_app(OneLook(look), door, lambda: 2.0))) as client:
        headers = {"Cookie": f"{COOKIE}=session", "Accept-Language": language}
        async with client.get("/look", headers=headers) as answer:
            assert answer.status == 200
            found: dict[str, object] = await answer.json()
        async with client.get("/picture/1.jpg", headers=headers) as answer:
            assert answer.status == (200 if look.jpeg else 404)
    return found


async def test_a_verdict_tells_what_to_do_with_the_numbers_it_rests_on() -> None:
    found = await told(Look(1, "north", AIM, b"jpeg"))
    assert found["verdict"] == "Zoom in: plates are 62 px wide, the reader needs 100."
    assert found["picture"] == "/picture/1.jpg"
    spanish = await told(Look(1, "north", AIM, b"jpeg"), "es")
    assert spanish["verdict"] == "Acerque el zoom: las placas miden 62 px de ancho, el lector necesita 100."


async def test_where_nothing_could_be_covered_there_is_no_picture_but_there_are_figures() -> None:
    found = await told(Look(1, "north", AIM, None, NoPicture.NOT_REDACTED))
    assert found["picture"] is None
    assert "could not be covered" in str(found["missing"])
    assert found["figures"]


async def test_a_camera_that_sends_nothing_is_said_to_be_silent() -> None:
    found = await told(Look(0, "north", None, None, NoPicture.SILENT))
    assert "No picture comes" in str(found["missing"])
    assert found["figures"] == []


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", None, "es-MX"),
        ("es-AR", None, "es-MX"),
        ("en-US,en;q=0.9,es;q=0.8", None, "en"),
        ("de,en;q=0.5,es;q=0.7", None, "es-MX"),
        ("de", None, "es-MX"),
        ("en;q=x,es;q=0.1", None, "es-MX"),
        ("", None, "es-MX"),
        ("es-MX", "en", "en"),
        ("en", "xx", "en"),
    ],
)
def test_the_page_speaks_what_was_chosen_else_what_the_browser_does(
    accepted: str, chosen: str | None, language: str
) -> None:
    assert spoken(accepted, chosen) == language


@pytest.mark.parametrize(
    ("asked", "told_why"),
    [
        ("8.8.8.8", "private networks only"),
        ("0.0.0.0", "private networks only"),  # noqa: S104
        ("box", "want an IPv4 address"),
    ],
)
def test_the_page_is_served_on_private_networks_only(asked: str, told_why: str) -> None:
    with pytest.raises(CannotServe, match=told_why):
        serving_address(asked)


def test_an_address_of_ones_own_is_taken_and_loopback_is_never_guessed() -> None:
    assert serving_address("127.0.0.1") == "127.0.0.1"
    assert not any(ipaddress.ip_address(address).is_loopback for address in local_addresses().values())


def test_the_certificate_is_for_the_address_and_its_key_is_left_nowhere(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    context, fingerprint = page_context("192.168.7.20")
    assert isinstance(context, ssl.SSLContext)
    assert len(fingerprint.split(":")) == 32
    assert list(tmp_path.rglob("*")) == []


def test_a_record_holds_figures_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    keep_record(tmp_path, "north", 1_700_000_000_000, AIM)
    record = read_record(tmp_path, "north")
    assert record is not None
    assert (record.width_px, record.advice, record.plates) == (62, Advice.ZOOM_IN, 3)
    (tmp_path / "aim" / "north.json").write_text("{")
    assert read_record(tmp_path, "north") is None
    assert read_record(tmp_path, "south") is None


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() -> None:
    for name in ("code.html", "look.html", "closed.html", "aim.js", "aim.css"):
        source = (files("edge_agent") / "http" / "page" / name).read_text(encoding="utf-8")
        assert "//" not in source.replace("// ", ""), name
        assert " style=" not in source
        assert "onclick" not in source
        assert "innerHTML" not in source
