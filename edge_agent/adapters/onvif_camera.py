"""The library's camera, which leaves no session open however its work is cut short.

onvif-zeep-async makes a session for each service and notes it when the service is ready. A time limit or a stop that
comes in between loses it, and one that comes while the camera is closed leaves the rest of the sessions as they are.
Importing this module imports the library, which only `edge_agent.adapters.onvif_client` may do.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import onvif
from typing_extensions import override


class Camera(onvif.ONVIFCamera):  # type: ignore[misc]  # the library has no types
    """Services that are being made are finished, and closed with the others."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """As the library's."""
        super().__init__(*args, **options)
        self._made = list[asyncio.Task[Any]]()

    @override
    async def create_onvif_service(self, *args: Any, **options: Any) -> Any:
        """As the library's. Making one reads files of the library's own, and so ends soon."""
        making = asyncio.create_task(super().create_onvif_service(*args, **options), name="onvif-service")
        self._made.append(making)
        return await asyncio.shield(making)

    @override
    async def close(self) -> None:
        """Close every session, also if this is cancelled meanwhile."""
        await _to_the_end(self._close_all())

    async def _close_all(self) -> None:
        await asyncio.gather(*self._made, return_exceptions=True)  # who asked for them has heard of their failures
        await super().close()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do it whole; a cancellation that comes meanwhile is passed on afterwards."""
    task, cut = asyncio.create_task(work, name="onvif-close"), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as exc:
            cut = exc
    if cut is not None:
        raise cut
    task.result()
