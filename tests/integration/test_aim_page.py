"""The aiming page in a real browser at a phone's size, and every byte that it serves searched for a plate."""

import contextlib
import http.cookiejar
import json
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright
from street.render import render_street
from street.script import StreetScript

from edge_agent.adapters.aim_record import read_record
from edge_agent.adapters.clips import clip_frames
from edge_agent.core.stills import read_still
from tests.simulators.agent_place import MODELS
from tests.simulators.drawn import house_vision

CHROMIUM = Path("/usr/bin/chromium")
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE_S = 90
SURE_FACE = 0.3  # the detector sees faces from 0.2 on, which a shadow may reach
COMMAND = [sys.executable, "-c", "from edge_agent.cli import main; main()", "aim"]

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(6 * PATIENCE_S),
]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StreetScript]:
    video = tmp_path_factory.mktemp("street") / "street.mp4"
    return video, render_street(video, seconds=6, fps=5, size=(1280, 720), seed=5)


@dataclass
class Aiming:
    """A running `edge-agent aim`, and what its terminal said."""

    process: "subprocess.Popen[str]"
    url: str
    code: str
    terminal: str
    data_dir: Path
    served: list[bytes] = field(default_factory=list)

    def opener(self) -> urllib.request.OpenerDirector:
        """A phone without a browser, with a cookie jar of its own."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting), cookies)

    def ask(self, phone: urllib.request.OpenerDirector, path: str, form: dict[str, str] | None = None) -> bytes:
        """One request; all that came back is kept, headers too."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path), data)  # noqa: S310  https alone
        request.add_header("Origin", self.url.rstrip("/"))
        request.add_header("Accept-Language", "en")
        try:
            with phone.open(request, timeout=PATIENCE_S) as answer:
                body: bytes = answer.read()
                self.served.append(bytes(answer.headers) + body)
        except urllib.error.HTTPError as exc:
            with exc:
                self.served.append(bytes(exc.headers) + exc.read())
            raise
        return body

    def status(self, phone: urllib.request.OpenerDirector, path: str, form: dict[str, str] | None = None) -> int:
        """The status of a request that is to fail."""
        with pytest.raises(urllib.error.HTTPError) as failed:
            self.ask(phone, path, form)
        return failed.value.code


@pytest.fixture
def aiming(street: tuple[Path, StreetScript], tmp_path: Path) -> Iterator[Aiming]:
    """`edge-agent aim` on loopback, with two cameras that play the street over and over."""
    config = tmp_path / "agent.toml"
    cameras = "".join(
        f'[[cameras]]\ncamera = "{name}"\nurl = "{street[0]}"\nloop = true\n' for name in ("north", "south")
    )
    config.write_text(f'data_dir = "data"\nidentity_dir = "identity"\n[inference]\nmodels_dir = "{MODELS}"\n{cameras}')
    command = [*COMMAND, "--config", str(config), "--address", "127.0.0.1", "--port", "0", "--language", "en"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("The page closes"):
            break
    url, code = re.search(r"https://\S+", said), re.search(r"Code: (\d{4} \d{4})", said)
    try:
        assert url is not None, (tmp_path / "log").read_text()
        assert code is not None
        yield Aiming(process, url.group(), code.group(1), said, tmp_path / "data")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def phone_page() -> Iterator[Page]:
    """A page of chromium at a phone's size that accepts the box's certificate."""
    if not CHROMIUM.exists():
        pytest.skip("install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(
            viewport=PHONE, is_mobile=True, has_touch=True, ignore_https_errors=True, locale="es-MX"
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        expect.set_options(timeout=PATIENCE_S * 1000)
        yield context.new_page()
        browser.close()


def as_picture(jpeg: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def texts_in(image: NDArray[np.uint8]) -> set[str]:
    vision = house_vision()
    return {read.outcome.text for read in read_still(image, vision.plates, vision.reader)}


def test_a_technician_aims_with_a_phone_in_both_languages(aiming: Aiming, phone_page: Page) -> None:
    page, problems = phone_page, []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(aiming.url)
    assert page.locator("html").get_attribute("lang") == "es-MX"
    assert page.get_by_role("heading").inner_text() == "Apuntar una cámara"
    page.get_by_label("Código que muestra la terminal").fill("0000")
    page.get_by_role("button", name="Empezar").click()
    page.get_by_text("Quedan 4 intentos.").wait_for()
    page.get_by_label("Código que muestra la terminal").fill(aiming.code)
    page.keyboard.press("Enter")
    picture = page.get_by_role("img", name="Imagen en vivo")
    picture.wait_for()
    expect(picture).to_have_js_property("naturalWidth", 960)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"placas miden \d+ px|Va bien: \d+ px"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out sideways"
    assert (
        min(box["height"] for each in page.locator("button, select, nav a").all() if (box := each.bounding_box())) >= 40
    )
    page.get_by_role("link", name="English").click()
    page.get_by_role("button", name="Done, close the page").wait_for()
    page.get_by_label("Camera", exact=True).select_option("south")
    expect(page.locator("#figures")).to_have_text(re.compile(r"Plate width\s*\d+ px of 100"))
    assert page.evaluate("document.cookie").find("__Host-aim") < 0, "no script sees the session"
    page.get_by_role("button", name="Done, close the page").click()
    page.get_by_text("The page is closed.").wait_for()
    assert aiming.process.wait(timeout=PATIENCE_S) == 0
    assert problems == []
    assert {urllib.parse.urlsplit(url).netloc for url in requested} == {urllib.parse.urlsplit(aiming.url).netloc}
    record = read_record(aiming.data_dir, "north") or read_record(aiming.data_dir, "south")
    assert record is not None
    assert record.width_px
    assert aiming.process.stdout is not None
    assert "you were done" in aiming.process.stdout.read()


def test_no_byte_that_is_served_holds_a_plate_and_no_picture_shows_one_or_a_face(
    aiming: Aiming, street: tuple[Path, StreetScript]
) -> None:
    video, script = street
    plates = {vehicle.plate for vehicle in script.vehicles}
    faces = house_vision().faces
    frames = [frame.image for frame in clip_frames(video)]
    assert any(texts_in(frame) & plates for frame in frames), "the search below can find"
    assert any(len(faces.detect(frame).above(SURE_FACE)) for frame in frames)
    phone = aiming.opener()
    for path in ("/", "/aim.js", "/aim.css"):
        aiming.ask(phone, path)
    aiming.ask(phone, "/enter", {"code": aiming.code})
    pictures: list[bytes] = []
    widths: set[str] = set()
    number = 0
    for _ in range(3 * len(frames)):
        look = json.loads(aiming.ask(phone, f"/look?after={number}&camera=north"))
        number = look["number"]
        if look["picture"]:
            pictures.append(aiming.ask(phone, look["picture"]))
        widths |= {figure["value"] for figure in look["figures"] if figure["name"] == "Plate width"}
        if len(pictures) >= 6 and widths - {"-"}:
            break
    assert len(pictures) >= 6
    assert widths - {"-"}, "plates were in sight"
    for image in map(as_picture, pictures):
        assert len(faces.detect(image).above(SURE_FACE)) == 0
        assert not texts_in(image) & plates
    everything = b"".join(aiming.served) + aiming.terminal.encode()
    for plate in plates:
        assert plate.encode() not in everything
    aiming.process.terminate()
    aiming.process.wait(timeout=PATIENCE_S)
    left = [path for path in aiming.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in left if any(plate.encode() in path.read_bytes() for plate in plates)]
    assert not [path for path in left if path.suffix != ".json"], "no picture stays"


def test_nobody_else_gets_in_and_every_answer_shuts_the_page_in(aiming: Aiming) -> None:
    phone, stranger = aiming.opener(), aiming.opener()
    for path in ("/", "/aim.js", "/aim.css", "/look", "/none"):
        with contextlib.suppress(urllib.error.HTTPError):
            aiming.ask(stranger, path)
        head = aiming.served[-1].partition(b"\n\n")[0].decode().lower()
        assert "default-src 'none'" in head, path
        assert "cache-control: no-store" in head, path
    assert aiming.status(stranger, "/look") == 401
    assert aiming.status(stranger, "/enter", {"code": "00000000"}) == 403
    aiming.ask(phone, "/enter", {"code": aiming.code})
    json.loads(aiming.ask(phone, "/look"))
    assert aiming.status(stranger, "/enter", {"code": aiming.code}) == 403, "the code worked once"
    assert aiming.status(stranger, "/look") == 401
    assert aiming.status(stranger, "/picture/1.jpg") == 401
    assert aiming.status(stranger, "/leave", {}) == 401
    request = urllib.request.Request(aiming.url, headers={"Host": "elsewhere.example"})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        phone.open(request, timeout=PATIENCE_S)
    refused.value.close()
    assert refused.value.code == 421
    foreign = {"Origin": "https://elsewhere.example"}
    request = urllib.request.Request(aiming.url + "leave", b"", headers=foreign)  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        phone.open(request, timeout=PATIENCE_S)
    refused.value.close()
    assert refused.value.code == 403
