"""Who may say and hear what at the broker: mosquitto's access list, made from the topic schema and nothing else.

A device writes its own up words and reads its own down words; `%u` is its certificate's common name, which the broker
also makes its client id. It reads the words that go to all of its city. A worker reads every device's up words and
writes every device's down words, but for those that are retained. A publisher writes what is retained, for all of a
city and for each device, and reads it back. The probe reads the broker's own figures. Whoever is not named here, and
whatever topic is not, gets nothing.

At a region's broker there are no devices but links, one for each linked city. A link writes what its city's devices
said, and the city's own words, and reads the answers to both and the head of the city's log. Workers read the cities'
words and answer them; the publisher writes the heads.

mosquitto grants every SUBSCRIBE and holds these lines to each message as it is delivered: somebody who subscribes to
another's receipts is not told off, he hears silence. Its user names are certificates' common names, so the names
of our own clients carry a dot, which the grammar of device ids does not have.
"""

import re
from collections.abc import Iterable
from typing import Final

from aggregator.errors import BadInput
from protocol.names import check_id
from protocol.topics import RECEIPT, RETAINED, Direction, patterns

WORKER: Final = "worker"
PUBLISHER: Final = "publisher"
PROBE: Final = "probe"
LINK: Final = "link"
BROKER_FIGURES: Final = "$SYS/broker/#"
_CLIENT = re.compile(rf"({WORKER}|{PUBLISHER}|{PROBE})\.[1-9][0-9]{{0,3}}", re.ASCII)


def duty_of(client: str) -> str:
    """What one of our own clients is for; raises `BadInput` for a name that is none."""
    matched = _CLIENT.fullmatch(client)
    if matched is None:
        raise BadInput(f"{client!r}: a client of ours is worker.N, publisher.N or probe.N")
    return matched[1]


def link_client(city: str) -> str:
    """The name of a linked city's client at its region's broker: its certificate's common name."""
    return f"{LINK}.{check_id(city, 'city')}"


def access_list(clients: Iterable[str], *, city: str | None, linked: Iterable[str] = ()) -> str:
    """The text of mosquitto's acl_file: our clients, and the devices of a city or (no city) the links of a region."""
    blocks = [_client_lines(client, city) for client in sorted(set(clients))]
    blocks += [_link_lines(each) for each in sorted(set(linked))] if city is None else [_device_lines(city)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _client_lines(client: str, city: str | None) -> list[str]:
    read, written = [Direction.UP], [Direction.DOWN, Direction.BROADCAST]
    if city is None:
        read.append(Direction.LINK_UP)
        written.append(Direction.LINK_DOWN)
    told = _patterns(written, city or "+")
    kept = [topic for topic in told if topic.rpartition("/")[2] in RETAINED]
    rules = {
        WORKER: [
            *_lines("topic read", _patterns(read, city or "+")),
            *_lines("topic write", (topic for topic in told if topic not in kept)),
        ],
        PUBLISHER: _lines("topic readwrite", kept),
        PROBE: [f"topic read {BROKER_FIGURES}"],
    }
    return [f"user {client}", *rules[duty_of(client)]]


def _link_lines(city: str) -> list[str]:
    receipts = [topic for topic in patterns(Direction.DOWN, city=city) if topic.endswith(f"/{RECEIPT}")]
    return [
        f"user {link_client(city)}",
        *_lines("topic write", _patterns([Direction.UP, Direction.LINK_UP], city)),
        *_lines("topic read", [*receipts, *patterns(Direction.LINK_DOWN, city=city)]),
    ]


def _patterns(ways: Iterable[Direction], city: str) -> list[str]:
    return [topic for way in ways for topic in patterns(way, city=city)]


def _device_lines(city: str) -> list[str]:
    return [
        *_lines("pattern write", patterns(Direction.UP, city=city, device="%u")),
        *_lines("pattern read", patterns(Direction.DOWN, city=city, device="%u")),
        *_lines("pattern read", patterns(Direction.BROADCAST, city=city)),
    ]


def _lines(rule: str, filters: Iterable[str]) -> list[str]:
    return [f"{rule} {topic}" for topic in filters]
