"""Redacted pictures for the API: within the asker's cities, and in the audit before a byte is read.

Sealed originals are not found here: a picture is known by the hash that the evidence names as the redacted one's.
"""

import asyncio

from aggregator.adapters.asker import Asker
from aggregator.adapters.audit_log import audit, checked_reason
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.picture_store import PictureStore
from aggregator.adapters.statements import statements
from aggregator.errors import NotThere

_TIMEOUT_S = 10.0


class PictureDesk:
    """Shows pictures. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, asker: Asker, files: PictureStore) -> None:
        """Nothing is held between calls."""
        self._pool, self._asker, self._files = pool, asker, files
        self._sql = statements("api")["picture"]

    async def show(self, sha256: bytes, cities: tuple[str, ...] | None, *, actor: str, reason: str) -> bytes:
        """The JPEG of a picture's own hash, or of its hit's. Raises `NotThere`, or `BadInput` for the reason."""
        why = checked_reason(reason)
        async with self._asker.asking(cities, timeout_s=_TIMEOUT_S) as connection:
            found: bytes | None = await connection.fetchval(self._sql, sha256)
        if found is None:
            raise NotThere("there is no such picture, or none of your cities")
        async with transaction(self._pool) as connection:
            subject = f"picture:{found.hex()}"
            await audit(connection, actor=actor, action="picture.show", subject=subject, reason=why)
        return await asyncio.to_thread(self._files.read, found)
