"""Topics: one typed schema, from which topics are built and parsed and the broker's access list is made.

    atalaya/v1/{city}/{point}/{device}/{word}      up: one word per message kind, and `presence`
                                                   down: `receipt`, `resend`; `settings`, `terms`, retained
    atalaya/v1/{city}/-/-/{word}                   down to all of a city, retained: `hotlist`, `trust`
                                                   at the region's broker, from the city: `transit`;
                                                   to it: `link-receipt`, and `head`, retained

Build and parse are inverse: a string parses if and only if building what it parsed gives the same string.
"""

from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from typing_extensions import override

from protocol.errors import BadTopic
from protocol.messages import Kind
from protocol.names import check_id, is_id
from protocol.order import Identity

PREFIX: Final = "atalaya/v1"
ALL: Final = "-"
_LEVELS: Final = 6


@unique
class Direction(Enum):
    """Who publishes, who reads, and to how many."""

    UP = "up"
    DOWN = "down"
    BROADCAST = "broadcast"
    LINK_UP = "link-up"
    LINK_DOWN = "link-down"


PRESENCE: Final = "presence"
RECEIPT: Final = "receipt"
RESEND: Final = "resend"
SETTINGS: Final = "settings"
TERMS: Final = "terms"
HOTLIST: Final = "hotlist"
TRUST: Final = "trust"
TRANSIT: Final = "transit"
LINK_RECEIPT: Final = "link-receipt"
HEAD: Final = "head"
RETAINED: Final = frozenset({SETTINGS, TERMS, HOTLIST, TRUST, HEAD})
"""What the broker keeps, so that a box that comes later gets it too."""

SCHEMA: Final[dict[str, Direction]] = {
    **{kind.slug: Direction.UP for kind in Kind},
    PRESENCE: Direction.UP,
    RECEIPT: Direction.DOWN,
    RESEND: Direction.DOWN,
    SETTINGS: Direction.DOWN,
    TERMS: Direction.DOWN,
    HOTLIST: Direction.BROADCAST,
    TRUST: Direction.BROADCAST,
    TRANSIT: Direction.LINK_UP,
    LINK_RECEIPT: Direction.LINK_DOWN,
    HEAD: Direction.LINK_DOWN,
}
_OF_A_DEVICE: Final = frozenset({Direction.UP, Direction.DOWN})
_OF_A_LINK: Final = frozenset({Direction.LINK_UP, Direction.LINK_DOWN})
KIND_OF_WORD: Final = {kind.slug: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic. `point` and `device` are `-` for a word of a whole city."""

    city: str
    point: str
    device: str
    word: str

    @override
    def __str__(self) -> str:
        """The topic string."""
        return "/".join((PREFIX, self.city, self.point, self.device, self.word))

    @property
    def direction(self) -> Direction:
        """Which way it goes."""
        return SCHEMA[self.word]

    @property
    def kind(self) -> Kind | None:
        """The message kind it carries, if it carries messages."""
        return KIND_OF_WORD.get(self.word)


def device_topic(who: Identity, word: str) -> Topic:
    """The topic of a device's own word; raises `BadTopic` or `BadName`."""
    if SCHEMA.get(word) not in _OF_A_DEVICE:
        raise BadTopic(f"{word!r} is no word of a single device")
    return Topic(check_id(who.city, "city"), check_id(who.point, "point"), check_id(who.device, "device"), word)


def message_topic(who: Identity, kind: Kind) -> Topic:
    """The topic on which a device publishes a kind of message."""
    return device_topic(who, kind.slug)


def broadcast_topic(city: str, word: str) -> Topic:
    """The retained topic of a city's word; raises `BadTopic` or `BadName`."""
    if SCHEMA.get(word) is not Direction.BROADCAST:
        raise BadTopic(f"{word!r} is no word for all of a city")
    return Topic(check_id(city, "city"), ALL, ALL, word)


def link_topic(city: str, word: str) -> Topic:
    """The topic of a word between a city and its region; raises `BadTopic` or `BadName`."""
    if SCHEMA.get(word) not in _OF_A_LINK:
        raise BadTopic(f"{word!r} is no word of a city's link")
    return Topic(check_id(city, "city"), ALL, ALL, word)


def parse_topic(text: str) -> Topic:
    """The topic of a string; raises `BadTopic` for every string that no schema entry builds."""
    levels = text.split("/")
    if len(levels) != _LEVELS or "/".join(levels[:2]) != PREFIX:
        raise BadTopic(f"want {PREFIX}/city/point/device/word")
    city, point, device, word = levels[2:]
    direction = SCHEMA.get(word)
    if direction is None:
        raise BadTopic("a last level that is no word of the schema")
    is_of_a_device = direction in _OF_A_DEVICE
    places = is_id(point) and is_id(device) if is_of_a_device else (point, device) == (ALL, ALL)
    if not is_id(city) or not places:
        raise BadTopic("a city, point or device outside the grammar of ids")
    return Topic(city, point, device, word)


def patterns(direction: Direction, *, city: str = "+", point: str = "+", device: str = "+") -> list[str]:
    """Topic filters of a direction, one per word, for subscriptions and access lists.

    `device` may be `%u`, which mosquitto replaces by the certificate's common name.
    """
    if direction not in _OF_A_DEVICE:
        point = device = ALL
    return ["/".join((PREFIX, city, point, device, word)) for word, way in SCHEMA.items() if way is direction]
