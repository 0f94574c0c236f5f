"""A camera's notifications, pulled: subscribe, pull again and again, renew before the end, unsubscribe when leaving.

The subscription's lifetime is counted on the box's own monotonic clock from what was asked for, never read from the
camera's. One that answers with a far shorter life is asked again with an absolute time of its own clock, as some old
cameras need.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from edge_agent.adapters.onvif_client import CALL_S, Login, OnvifAddress, call, device, making_sense
from edge_agent.core.camera_topics import Notice, Operation
from edge_agent.errors import OnvifFailed

MOST_AT_ONCE: Final = 100
_PULLPOINT: Final = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
_GOODBYE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class PullPace:
    """How long a subscription is asked to last, and how long a camera may hold a pull that has nothing to tell."""

    life_s: float = 120.0
    hold_s: float = 10.0

    @property
    def renew_after_s(self) -> float:
        """When to renew: so early that one failed attempt does no harm."""
        return self.life_s / 2


async def pull(address: OnvifAddress, login: Login, pace: PullPace) -> AsyncGenerator[tuple[Notice, ...], None]:
    """Yield batches of notices for ever, an empty one first, once subscribed; raises `OnvifFailed`."""
    async with device(address, login) as camera:
        renewed_s = time.monotonic()
        life = timedelta(seconds=pace.life_s)
        subscription, messages = await _subscribe(camera, life)
        try:
            yield ()
            while True:
                if time.monotonic() - renewed_s >= pace.renew_after_s:
                    renewed_s = time.monotonic()
                    await call(subscription.Renew(camera.get_next_termination_time(life)))
                wanted = {"Timeout": timedelta(seconds=pace.hold_s), "MessageLimit": MOST_AT_ONCE}
                found = await call(messages.PullMessages(wanted), limit_s=pace.hold_s + CALL_S)
                with making_sense():
                    notices = notices_of(found.NotificationMessage or ())
                yield notices
        finally:
            with suppress(OnvifFailed, asyncio.CancelledError):  # a courtesy: the subscription ends by itself
                await call(subscription.Unsubscribe(), limit_s=_GOODBYE_S)


async def _subscribe(camera: Any, life: timedelta) -> tuple[Any, Any]:  # `Any`: the library's services
    """Subscribe; gives the services that renew and pull."""
    events = await call(camera.create_events_service())
    asked = {"InitialTerminationTime": camera.get_next_termination_time(life)}
    made = await call(events.CreatePullPointSubscription(asked))
    with making_sense():
        where = made.SubscriptionReference.Address._value_1  # noqa: SLF001  how zeep names an element's text
        camera.xaddrs[_PULLPOINT] = camera.rewrite_url(where)
        is_short = camera.has_broken_relative_time(life, made.CurrentTime, made.TerminationTime)
    subscription = await call(camera.create_subscription_service("PullPointSubscription"))
    if is_short:
        await call(subscription.Renew(camera.get_next_termination_time(life)))
    return subscription, await call(camera.create_pullpoint_service())


def notices_of(messages: Iterable[Any]) -> tuple[Notice, ...]:  # `Any`: the library's messages
    """What the library parsed as ours; a message without a topic is left out."""
    found = (_notice_of(each) for each in messages)
    return tuple(each for each in found if each is not None)


def _notice_of(message: Any) -> Notice | None:
    topic = getattr(getattr(message, "Topic", None), "_value_1", None)
    body = getattr(getattr(message, "Message", None), "_value_1", None)
    if not isinstance(topic, str) or body is None:
        return None
    said = {each.value: each for each in Operation}
    return Notice(
        topic=topic,
        operation=said.get(getattr(body, "PropertyOperation", None) or ""),
        source=_items(getattr(body, "Source", None)),
        data=_items(getattr(body, "Data", None)),
    )


def _items(found: Any) -> Mapping[str, str]:
    return {str(each.Name): str(each.Value) for each in getattr(found, "SimpleItem", None) or ()}
