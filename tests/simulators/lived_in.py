"""A database in which something of everything has happened: a hit with its picture, alerts on their way, webhooks still
to be told, a ledger partly folded and partly unread by the chain auditor, a hold, counts, an analyst.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aggregator.adapters import legal_holds
from aggregator.adapters.alert_desk import Wish
from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.database import Pool
from aggregator.adapters.ledger_store import LedgerStore
from aggregator.adapters.settings_store import Content, add_document, settings_signer
from aggregator.adapters.store import Store
from aggregator.core.alerts import Act
from aggregator.core.ingest import TimeRules
from aggregator.core.retention import Scope
from aggregator.core.rows import Taken
from protocol.envelope import envelope_hash, parse
from protocol.messages import Alarm, body_of, decode_message
from tests.simulators import alerting, evidence
from tests.simulators.archive import Archive
from tests.simulators.enrolment import CITY, Box

READER = "a_role_of_no_server"


@dataclass
class LivedIn:
    """The database, and the message that will come again."""

    pool: Pool
    street: evidence.Street
    archive: Archive
    again: list[Taken] = field(default_factory=list)

    @property
    def box(self) -> Box:
        """The only box."""
        return self.street.box

    async def live(self) -> None:
        """Let it all happen."""
        await self._be_seen()
        await self._raise_alerts()
        await self._fill_the_ledger()
        await self.archive.report(days=1)
        await legal_holds.place(self.pool, Scope(device=self.box.who.device), actor="os:ana", reason="case 7")
        await self.next_document()
        await self.pool.execute("INSERT INTO city_reader VALUES ($1, $2)", READER, CITY)

    async def _be_seen(self) -> None:
        await self.street.list_entry()
        await self.street.see()
        await self.street.picture()

    async def _raise_alerts(self) -> None:
        await self.pool.execute(
            "INSERT INTO webhook (webhook_id, url, acts, is_private, added_by, added_at)"
            " VALUES ('cad', 'https://cad.example.mx/atalaya', '{}', false, 'os:ana', now())"
        )
        street = alerting.Street(self.pool, self.box)
        await street.tell(street.hit(minutes_ago=20), street.alarm(started_at=street.now))
        await street.desk.step(1, Wish(act=Act.ACK), actor="os:ana", reason="case 7", now=street.now)
        await street.store(street.hit(entries=["e-9"]))  # due, and no alert yet

    async def _fill_the_ledger(self) -> None:
        for _ in range(3):
            await self.say()
        while (await ChainStore(self.pool).audit(datetime.now(UTC)))[1]:
            pass
        after = datetime.now(UTC) + timedelta(seconds=1)
        assert [each async for each in LedgerStore(self.pool, least=2, stretch=4).fold(after)], "nothing was folded"
        await self.say()
        await self.say()

    async def next_document(self) -> int:
        """Sign one more settings document for the box; its number."""
        settings, now = self.street.settings, datetime.now(UTC)
        signer = settings_signer(settings, now=now)
        async with self.pool.acquire() as connection, connection.transaction():
            content = Content("", "", "", 60)
            await add_document(connection, signer, self.box.who, content, rollout="r-1", now=now)
            number: int = await connection.fetchval("SELECT max(number) FROM settings_document")
        return number

    async def say(self) -> Taken:
        """Store one more message, which the chain auditor has not read."""
        raw = self.box.say(Alarm(alarm="panic_button", started_ms=1_800_000_000_000))
        message = decode_message(parse(raw).payload)
        taken = Taken(message, body_of(message), raw, envelope_hash(raw), datetime.now(UTC))
        await Store(self.pool, TimeRules()).write([taken], [])
        self.again.append(taken)
        return taken
