"""What becomes of a city and its region when the line between them fails: on real networks, with real packets lost.

Each test begins with a clear line and both sides level. Level means: the region has exactly the hits that the city has,
byte for byte; nothing waits for an answer; and the city has taken its log to the end.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aggregator.settings import load
from tests.acceptance.parted import Parted, parted
from tests.simulators.packet_line import CAN_RUN, CLEAR, CUT, PacketLine, Weather, flapping

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CAN_RUN, reason="needs root and /dev/net/tun"),
]
FEW = 20
MORE_THAN_A_PING = 250  # bytes of a packet; a hit has more, and neither a ping nor an acknowledgement half of it
IN_ITS_LOG = """
SELECT batch_id FROM foreign_batch JOIN federation_log_item AS item USING (sha256) WHERE item.city_id = 'saltillo'
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    """See tests/acceptance/parted.py."""
    with parted(tmp_path_factory.mktemp("parted")) as both:
        yield both


@pytest.fixture
def line(both: Parted) -> Iterator[PacketLine]:
    """The line, clear before and after."""
    both.heal()
    yield both.line
    both.line.becomes(CLEAR)


def told(both: Parted) -> int:
    """How many hits the region has."""
    ((count,),) = both.ask(both.region, "SELECT count(*) FROM hit")
    return int(count)


def has_noticed(both: Parted) -> bool:
    """Whether Saltillo knows that its line to the region's broker is gone."""
    return not both.is_connected()


def as_told(both: Parted) -> dict[str, Any]:
    """How Saltillo says that its link stands."""
    (line,) = json.loads(both.run(both.saltillo, "federation", "status", "--json"))
    return dict(line)


def test_a_city_cut_off_goes_on_alone_and_catches_up(both: Parted, line: PacketLine) -> None:
    before = told(both)
    line.becomes(CUT)
    said = both.say(FEW)  # ends only once the city has receipted every one
    wanted = both.want("PRT101A")
    both.until(lambda: wanted in log_of_saltillo(both), "the region put the batch in Saltillo's log")
    both.until(lambda: has_noticed(both) and as_told(both)["state"] == "away", "Saltillo says that the region is away")
    assert as_told(both)["backlog"] >= len(said)
    assert told(both) == before
    assert wanted not in both.batches_of_torreon()
    both.heal()
    assert told(both) == before + len(said)
    assert wanted in both.batches_of_torreon()


def test_the_region_and_the_other_city_go_on_while_one_is_away(both: Parted, line: PacketLine) -> None:
    line.becomes(CUT)
    wanted = both.want("PRT102A")
    both.until(lambda: wanted in log_of_saltillo(both), "the region took Torreón's batch")
    with both.at(both.region):
        assert both.region.is_healthy()
    with both.at(both.torreon):
        assert both.torreon.is_healthy()
    with both.at(both.saltillo):
        assert both.saltillo.is_healthy()


def test_everything_arrives_once_over_a_long_and_lossy_line(both: Parted, line: PacketLine) -> None:
    before = told(both)
    line.becomes(Weather(delay_s=0.25, jitter_s=0.1, loss=0.05))
    said, wanted = both.say(FEW), both.want("PRT103A")
    both.until(
        lambda: told(both) == before + len(said) and wanted in both.batches_of_torreon(), "everything, both ways"
    )
    assert line.lost > 0


def test_lost_answers_lose_no_hit_and_double_none(both: Parted, line: PacketLine) -> None:
    """The nastiest partition: what goes up arrives, until TCP misses its answers; of what comes down nothing does.

    It begins with the first hit. Were a ping the first to miss its answer, TCP would let no hit through at all.
    """
    before = told(both)
    port = load(both.region.config).broker.port.to_bytes(2)
    line.loses_answers_to(lambda packet: packet[22:24] == port and len(packet) > MORE_THAN_A_PING)
    said = both.say(FEW)
    both.until(lambda: told(both) > before, "the region has some of them")
    both.until(lambda: has_noticed(both), "Saltillo noticed")
    assert both.ask(both.saltillo, "SELECT count(*) FROM forward_due") == [(len(said),)]
    both.heal()
    assert told(both) == before + len(said)


def test_a_broker_that_hangs_on_a_clear_line_is_noticed_and_loses_nothing(both: Parted) -> None:
    """Its kernel goes on to take bytes for it, so that no connection breaks by itself."""
    both.heal()
    before = told(both)
    both.region.broker.suspend()
    try:
        said = both.say(FEW)
        both.until(lambda: has_noticed(both), "Saltillo noticed")
    finally:
        both.region.broker.resume()
    both.heal()
    assert told(both) == before + len(said)


def test_a_flapping_line_loses_nothing_and_doubles_nothing(both: Parted, line: PacketLine) -> None:
    before = told(both)
    line.becomes(flapping(3.0, 2.0, Weather(delay_s=0.05, loss=0.02)))
    with ThreadPoolExecutor(1) as pool:
        saying = pool.submit(both.say, 3 * FEW, every_s=0.3)
        wanted = [both.want(f"PRT10{number}B") for number in range(3)]
        said = saying.result()
    both.heal()
    assert told(both) == before + len(said)
    assert set(wanted) <= both.batches_of_torreon()
    doubled = both.ask(both.region, "SELECT count(*) - count(DISTINCT envelope_hash) FROM delivery")
    assert doubled == [(0,)]


def test_every_hit_that_went_on_has_its_transit_record(both: Parted, line: PacketLine) -> None:
    both.say(FEW)
    line.becomes(flapping(1.0, 1.0))
    both.say(FEW)
    both.heal()
    without = "SELECT count(*) FROM hit WHERE NOT EXISTS (SELECT FROM transit WHERE event = hit.envelope_hash)"
    assert both.ask(both.region, without) == [(0,)]


def log_of_saltillo(both: Parted) -> set[str]:
    """Batches that stand in Saltillo's log at the region."""
    found = both.ask(both.region, IN_ITS_LOG)
    return {batch for (batch,) in found}
