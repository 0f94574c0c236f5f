"""The federation's parts of the service: a city's, which work whenever it is linked, and a region's.

city     forwarder (events up), link (lists up, log down), contact
region   link keys, the desk behind the routes, notices, who is silent; its publisher tells heads (`head_publisher`)
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from aiohttp import web

from aggregator.adapters import notice_maker
from aggregator.adapters.database import Database
from aggregator.adapters.forward_queue import ForwardQueue
from aggregator.adapters.link_keys import LinkKeys
from aggregator.adapters.notice_maker import NoticeMaker
from aggregator.adapters.policy_file import InForce, policy_of
from aggregator.adapters.region_desk import RegionDesk
from aggregator.core.figures import ForwardFigures
from aggregator.core.link_standing import LinkStanding
from aggregator.http.artefacts import Shelf
from aggregator.http.federation import Bodies, federation_routes
from aggregator.http.links import link_routes
from aggregator.service import forwarder, transits
from aggregator.service.federation_city import CityLink
from aggregator.service.federation_contact import FederationContact
from aggregator.service.forwarder import Forwarder
from aggregator.service.notices import NoticeKeeper
from aggregator.service.passage import Means
from aggregator.service.silent_links import SilentLinks
from aggregator.settings import Settings
from protocol.keys import Signer
from protocol.steps import Step

STEPS: Final = (*forwarder.STEPS, *transits.STEPS, *notice_maker.STEPS)


class Federation(Protocol):
    """What the service asks of either."""

    @property
    def desk(self) -> RegionDesk | None:
        """The region's desk, for its publisher."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know."""

    @property
    def standing(self) -> LinkStanding | None:
        """What a linked city knows of others."""

    @property
    def forward(self) -> ForwardFigures | None:
        """How a linked city's way up stands."""

    def tasks(self) -> Mapping[str, Coroutine[None, None, None]]:
        """What runs, by name."""

    def routes(self) -> Sequence[web.RouteDef]:
        """What is beside the artefacts."""

    def shelf_of(self, key: bytes) -> Shelf | None:
        """What the key of a link may fetch from."""


@dataclass(frozen=True, slots=True)
class OfCity:
    """A city, linked or not: joining needs no restart."""

    link: CityLink
    forwarder: Forwarder
    contact: FederationContact
    desk: None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know."""
        return (*self.link.warnings, *self.forwarder.warnings)

    @property
    def standing(self) -> LinkStanding | None:
        """What it knows of others."""
        return self.link.standing

    @property
    def forward(self) -> ForwardFigures | None:
        """How its way up stands."""
        return self.forwarder.figures()

    def tasks(self) -> Mapping[str, Coroutine[None, None, None]]:
        """What runs, by name."""
        return {"forwarder": self.forwarder.run(), "link": self.link.run(), "contact": self.contact.run()}

    def routes(self) -> Sequence[web.RouteDef]:
        """A city has no links to other cities."""
        return ()

    def shelf_of(self, key: bytes) -> Shelf | None:
        """A city has no links to other cities."""


@dataclass(frozen=True, slots=True)
class OfRegion:
    """A region and the links of its cities."""

    settings: Settings
    desk: RegionDesk
    keys: LinkKeys
    notices: NoticeKeeper
    silent: SilentLinks
    signer: Signer
    standing: None = None
    forward: None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know."""
        return (*self.silent.warnings, *self.notices.warnings)

    def tasks(self) -> Mapping[str, Coroutine[None, None, None]]:
        """What runs, by name."""
        return {"link-keys": self.keys.follow(), "notices": self.notices.run(), "silent-links": self.silent.run()}

    def routes(self) -> Sequence[web.RouteDef]:
        """What links ask for."""
        return (
            *federation_routes(self.desk, self.keys.city_of, self.signer, self.settings.keys.trust_bundle),
            *link_routes(self.desk.pool, self.settings, self.keys.city_of),
        )

    def shelf_of(self, key: bytes) -> Shelf | None:
        """What a city's own log names."""
        city = self.keys.city_of(key)
        return None if city is None else Bodies(self.desk.pool, city)


async def open_federation(settings: Settings, database: Database, signer: Signer, step: Step) -> Federation:
    """The parts of this installation's role; raises `BadSettings` for a policy that is none."""
    pool = database.pool
    if settings.role == "region":
        policy, keys = InForce(policy_of(settings)), LinkKeys(pool, database.access)
        await keys.load()
        maker = NoticeMaker(pool, settings.city, policy, signer, step)
        notices, desk = NoticeKeeper(maker, database.access, settings), RegionDesk(pool, policy)
        return OfRegion(settings, desk, keys, notices, SilentLinks(pool), signer)
    link = CityLink(settings, database)
    means = Means(
        queue=ForwardQueue(pool, step),
        access=database.access,
        city=settings.city,
        signer=signer,
        in_flight=settings.federation.forward_in_flight,
        on_head=link.take_head,
        step=step,
        rng=Random(),  # noqa: S311  a pace
    )
    return OfCity(link, Forwarder(means, settings), FederationContact(pool, settings))
