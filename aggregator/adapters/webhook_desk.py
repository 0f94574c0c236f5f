"""Webhooks at the desk: registered with a secret in a file, listed, removed; dead letters shown and tried again."""

import re
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

from aggregator.adapters import keyfiles
from aggregator.adapters.audit_log import audit
from aggregator.adapters.database import Pool
from aggregator.adapters.hotlist_store import transaction
from aggregator.adapters.queries import Found
from aggregator.adapters.statements import statements
from aggregator.core.webhooks import read_secrets, secret_text, url_problem
from aggregator.errors import AlreadyThere, BadInput, NotThere

_SECRET_BYTES: Final = 32
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def secret_file(folder: Path, name: str) -> Path:
    """Where a webhook's secrets lie."""
    return folder / f"{name}.secret"


class WebhookDesk:
    """All that administrators do with webhooks. Raises `DatabaseUnwell` and what each says."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        """`folder` holds the secrets."""
        self._pool, self._folder = pool, folder
        self._sql = statements("webhooks")

    async def add(
        self, name: str, url: str, *, city: str | None, acts: tuple[str, ...], is_private: bool, secret: str | None,
        actor: str, reason: str, now: datetime,
    ) -> Path:  # fmt: skip
        """Register one; the file of its secret, made unless one is given. Raises `AlreadyThere` or `BadInput`."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r}: a webhook's name is of a-z, 0-9 and hyphens, 32 at most")
        problem = url_problem(url, is_private=is_private)
        if problem is not None:
            raise BadInput(f"--url: {problem}")
        text = secret or secret_text(secrets.token_bytes(_SECRET_BYTES)) + "\n"
        read_secrets(text)
        path = secret_file(self._folder, name)
        async with transaction(self._pool) as connection:
            if city is not None and not await connection.fetchval(self._sql["is_city"], city):
                raise NotThere(f"{city} is not registered; see: aggregator city list")
            row = (name, url, city, list(acts), is_private, actor, now)
            if await connection.fetchval(self._sql["add"], *row) is None:
                raise AlreadyThere(f"{name} is a webhook already; remove it first: aggregator webhooks remove {name}")
            await audit(connection, actor=actor, action="webhook.add", subject=f"webhook:{name}", reason=reason)
            keyfiles.write_new(path, text.encode(), keyfiles.PRIVATE)
        return path

    async def remove(self, name: str, *, actor: str, reason: str) -> None:
        """Tell it nothing more, and forget what it was to be told; raises `NotThere`."""
        async with transaction(self._pool) as connection:
            if await connection.fetchval(self._sql["remove"], name) is None:
                raise _absent(name)
            await audit(connection, actor=actor, action="webhook.remove", subject=f"webhook:{name}", reason=reason)
        secret_file(self._folder, name).unlink(missing_ok=True)

    async def listed(self) -> Found:
        """Every webhook, and how it stands with it."""
        async with transaction(self._pool) as connection:
            return await connection.fetch(self._sql["list"])

    async def dead(self, name: str | None, limit: int) -> Found:
        """What was given up, oldest first."""
        async with transaction(self._pool) as connection:
            return await connection.fetch(self._sql["dead"], name, limit)

    async def retry(self, name: str, number: int | None, *, actor: str, reason: str, now: datetime) -> int:
        """Try dead letters again, and what waits at once; how many were dead. Raises `NotThere`."""
        async with transaction(self._pool) as connection:
            if await connection.fetchval(self._sql["wake"], name) is None:
                raise _absent(name)
            again = await connection.fetch(self._sql["retry"], name, number, now)
            await connection.execute(self._sql["hurry"], name, now)
            await connection.execute(self._sql["tell"])
            await audit(connection, actor=actor, action="webhook.retry", subject=f"webhook:{name}", reason=reason)
        return len(again)


def _absent(name: str) -> NotThere:
    return NotThere(f"there is no webhook {name}; see: aggregator webhooks list")
