"""A camera of which nothing stays open, whatever cuts the talk with it short."""

import asyncio
import gc

import pytest
from aiohttp import ClientSession

from edge_agent.adapters.onvif_client import Login, OnvifAddress, call, device
from edge_agent.errors import OnvifFailed
from tests.simulators.onvif_camera import OnvifCamera


def open_sessions() -> list[ClientSession]:
    return [each for each in gc.get_objects() if isinstance(each, ClientSession) and not each.closed]


async def test_a_service_whose_making_took_too_long_is_closed_with_the_others() -> None:
    with OnvifCamera() as camera:
        login = Login(camera.user, camera.password)
        async with device(OnvifAddress.parse(camera.address), login) as here:
            with pytest.raises(OnvifFailed, match="no answer within 0 s"):
                await call(here.create_events_service(), limit_s=0)
            assert open_sessions()
        assert open_sessions() == []


async def test_who_is_stopped_while_he_hangs_up_has_hung_up_all_the_same() -> None:
    with OnvifCamera() as camera:
        login, hangs_up = Login(camera.user, camera.password), asyncio.Event()

        async def talk() -> None:
            async with device(OnvifAddress.parse(camera.address), login):
                hangs_up.set()

        talking = asyncio.create_task(talk())
        await hangs_up.wait()
        while not talking.done():
            talking.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await talking
        assert open_sessions() == []
