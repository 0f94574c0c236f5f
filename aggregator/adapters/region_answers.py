"""Answers of a region over HTTPS, read within bounds: nobody can fill the memory of a city."""

from typing import Final

import aiohttp

from aggregator.errors import RegionAway

_CHUNK_BYTES: Final = 64 * 1024


async def bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, if it is no longer than it may be; the rest of a longer one is not read, and `RegionAway` raised."""
    arrived = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        arrived += chunk
        if len(arrived) > most:
            raise RegionAway(f"the region's answer is longer than {most} bytes")
    return bytes(arrived)
