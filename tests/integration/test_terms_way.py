"""A company's box with a real agent: nothing before its terms, what they allow under them, and an end by itself."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.adapters.control_socket import ask
from edge_agent.adapters.hotlist_shelf import NAME as SHELF
from edge_agent.adapters.keystore import FACTS
from edge_agent.adapters.terms_file import NAME as TERMS_FILE
from edge_agent.cli.status import status
from edge_agent.errors import NotRunning
from protocol.messages import Alarm, Kind, Report
from protocol.terms import Terms, Use
from tests.integration.test_edge_settings import PATIENCE_S, clip
from tests.simulators.agent_place import MODELS, QUICK, AgentPlace
from tests.simulators.aggregator_peer import until
from tests.simulators.partner_terms import PARTNER, make_terms, signed

__all__ = ["clip"]  # the fixture of the looping camera

RISKY = QUICK + '[hotlist]\nat_rest = "accept-risk"\n'

pytestmark = [
    pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="`make models` fetches them"),
    pytest.mark.timeout(3 * PATIENCE_S),
]


class Shop(AgentPlace):
    """A company's box, enrolled as one, with one looping camera."""

    clip: Path

    def run(self) -> "subprocess.Popen[bytes]":
        return self.start("--camera", f"cam-1={self.clip}", "--loop", "--fps", "2")

    def send(self, terms: Terms) -> None:
        """Publish terms, retained."""
        self.peer.publish_terms(self.who, signed(terms, self.city.server))

    def answer(self) -> dict[str, Any]:
        """The agent's own word, once it answers: it may be starting, or held up for longer than one waits for it."""
        found: dict[str, Any] = {}

        def has_answered() -> bool:
            with suppress(NotRunning):
                found.update(ask(self.data_dir / "control.sock", "status"))
            return bool(found)

        until(has_answered, timeout_s=PATIENCE_S, what="the agent answers")
        return found

    def state(self) -> str | None:
        found: str | None = self.answer()["terms"]["state"]
        return found

    def has_said(self, why: str) -> bool:
        """Whether the command centre was told why the box does nothing."""
        return any(each.note == why for each in self.peer.bodies(Alarm))

    def looked_at(self) -> int:
        """How many frames the models were given."""
        return sum(each["processed"] for each in self.answer()["cameras"])

    def wait(self, claim: Callable[[], object], what: str) -> None:
        try:
            until(claim, timeout_s=PATIENCE_S, what=what)
        except AssertionError as exc:
            said: dict[str, Any] = {}
            with suppress(NotRunning):
                said = ask(self.data_dir / "control.sock", "status")
            raise AssertionError(f"{exc}\n{said}\n{self.log.read_text()[-3000:]}") from None


@pytest.fixture
def shop(tmp_path: Path, clip: Path) -> Iterator[Shop]:
    found = Shop(tmp_path, settings=RISKY)
    found.clip = clip
    with found:
        facts = found.identity_dir / FACTS
        facts.write_text(f'{facts.read_text()}partner = "{PARTNER}"\n')
        yield found


def test_a_companys_box_looks_at_nothing_before_its_terms_and_after_their_end(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.arm(["FAB123C"])
    agent = shop.run()
    shop.wait(lambda: shop.peer.bodies(Report), "it says that it lives")
    shop.wait(lambda: shop.has_said("no_terms"), "and that it may do nothing")
    assert (shop.state(), shop.looked_at()) == ("no_terms", 0)
    assert shop.answer()["hotlist"]["version"] == 0
    # Terms come: the camera is looked at, the list is fetched, and lies on no disk without a TPM.
    shop.send(make_terms(2, uses=(Use.HIT,)))
    shop.wait(lambda: shop.looked_at() > 0, "frames are looked at")
    shop.wait(lambda: shop.answer()["hotlist"]["version"] == 1, "the list is armed")
    assert shop.answer()["hotlist"]["at_rest"] == "memory"
    assert not (shop.data_dir / SHELF).exists()
    assert shop.answer()["cameras"][0]["hits"] is None, "which is not the company's to see"
    # A suspension reaches it, and what came before does not end that.
    shop.send(make_terms(3, uses=(Use.HIT,), is_suspended=True))
    shop.wait(lambda: shop.state() == "suspended", "it stops")
    shop.wait(lambda: shop.has_said("suspended"), "and says so")
    shop.wait(lambda: shop.answer()["hotlist"]["version"] == 0, "the list is gone")
    shop.send(make_terms(1))
    # What is retained may be told again.
    shop.wait(lambda: list(shop.answer()["terms"]["refused"]) == ["rolled_back"], "what came before is refused")
    assert shop.answer()["terms"]["closed"] == ["cam-1"]
    # The end comes by itself while nobody can be reached.
    seen = shop.looked_at()
    shop.send(make_terms(4, uses=(Use.HIT,)))
    shop.wait(lambda: shop.looked_at() > seen, "frames are looked at again")
    shop.send(make_terms(5, uses=(Use.HIT,), lasts=timedelta(seconds=65)))  # a minute of which is over
    shop.wait(lambda: shop.answer()["terms"]["number"] == 5, "it holds terms that end soon")
    shop.broker.kill()
    shop.wait(lambda: shop.state() == "ended", "they end by themselves")
    seen = shop.looked_at()
    assert status(config=shop.config, language="es-MX") == 0
    assert "terminaron, así que no se mira nada" in " ".join(capsys.readouterr().out.split())
    assert shop.looked_at() == seen
    assert (shop.identity_dir / TERMS_FILE).exists()
    assert agent.poll() is None, "it says that it lives, and why it does nothing"
    assert Kind.HIT not in shop.peer.arrivals
    assert shop.events.read_text() == "", "what demonstrations are shown is not for the company"


@pytest.mark.slow
def test_a_box_of_the_city_that_becomes_a_companys_leaves_no_list_on_its_disk(tmp_path: Path, clip: Path) -> None:
    place = Shop(tmp_path, settings=RISKY)
    place.clip = clip
    with place:
        place.arm(["FAB123C"])
        place.run()
        place.wait((place.data_dir / SHELF).exists, "the list lies on the disk, at the operator's risk")
        place.send(make_terms(2, uses=(Use.HIT,)))
        place.wait(lambda: place.answer()["hotlist"]["at_rest"] == "memory", "it runs as a company's box")
        assert not (place.data_dir / SHELF).exists()
        said = place.events.read_text()
        place.wait(lambda: place.looked_at() > 0, "and looks, under its terms")
        assert place.events.read_text() == said, "nothing more is shown of what it sees"
