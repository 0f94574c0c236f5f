"""Who may say and hear what at the broker: mosquitto's access list, made from the topic schema and nothing else.

A device writes its own up words and reads its own down words; `%u` is its certificate's common name, which the broker
also makes its client id. It reads the words that go to all of its city. A worker reads every device's up words and
writes every device's down words, but for those that are retained. A publisher writes what is retained, for all of a
city and for each device, and reads it back. The probe reads the broker's own figures. Whoever is not named here, and
whatever topic is not, gets nothing.

mosquitto grants every SUBSCRIBE and holds these lines to each message as it is delivered: somebody who subscribes to
another's receipts is not told off, he hears silence. Its user names are certificates' common names, so the names
of our own clients carry a dot, which the grammar of device ids does not have.
"""

import re
from collections.abc import Iterable
from typing import Final

from aggregator.errors import BadInput
from protocol.topics import RETAINED, Direction, patterns

WORKER: Final = "worker"
PUBLISHER: Final = "publisher"
PROBE: Final = "probe"
BROKER_FIGURES: Final = "$SYS/broker/#"
_CLIENT = re.compile(rf"({WORKER}|{PUBLISHER}|{PROBE})\.[1-9][0-9]{{0,3}}", re.ASCII)


def duty_of(client: str) -> str:
    """What one of our own clients is for; raises `BadInput` for a name that is none."""
    matched = _CLIENT.fullmatch(client)
    if matched is None:
        raise BadInput(f"{client!r}: a client of ours is worker.N, publisher.N or probe.N")
    return matched[1]


def access_list(clients: Iterable[str], *, city: str | None) -> str:
    """The text of mosquitto's acl_file for our clients and for the devices of a city, or of all cities."""
    where = city or "+"
    blocks = [_client_lines(client, where) for client in sorted(set(clients))]
    return "\n\n".join("\n".join(block) for block in [*blocks, _device_lines(where)]) + "\n"


def _client_lines(client: str, city: str) -> list[str]:
    up, down, broadcast = (patterns(way, city=city) for way in (Direction.UP, Direction.DOWN, Direction.BROADCAST))
    kept = [topic for topic in down if topic.rpartition("/")[2] in RETAINED]
    rules = {
        WORKER: [*_lines("topic read", up), *_lines("topic write", (topic for topic in down if topic not in kept))],
        PUBLISHER: _lines("topic readwrite", [*broadcast, *kept]),
        PROBE: [f"topic read {BROKER_FIGURES}"],
    }
    return [f"user {client}", *rules[duty_of(client)]]


def _device_lines(city: str) -> list[str]:
    return [
        *_lines("pattern write", patterns(Direction.UP, city=city, device="%u")),
        *_lines("pattern read", patterns(Direction.DOWN, city=city, device="%u")),
        *_lines("pattern read", patterns(Direction.BROADCAST, city=city)),
    ]


def _lines(rule: str, filters: Iterable[str]) -> list[str]:
    return [f"{rule} {topic}" for topic in filters]
