"""Backups of the database: what is restored is what was there, row by row, and works on; the rest is refused."""

import asyncio
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from aggregator.adapters import database_archive, database_move, legal_holds
from aggregator.adapters.analyst_roles import AnalystRoles
from aggregator.adapters.audit_log import verify
from aggregator.adapters.chain_store import ChainStore
from aggregator.adapters.database import Access, Pool, pooled
from aggregator.adapters.database_restore import LEAP
from aggregator.adapters.database_tables import settle, sources
from aggregator.adapters.embedded_postgres import EmbeddedPostgres
from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.adapters.migrations import all_migrations, migrate
from aggregator.adapters.store import Store
from aggregator.adapters.webhook_desk import secret_file
from aggregator.cli import app
from aggregator.core.database_manifest import MANIFEST, decode
from aggregator.core.ingest import Fate, TimeRules
from aggregator.settings import Settings
from tests.simulators.alerting import Street as AlertStreet
from tests.simulators.archive import Archive
from tests.simulators.enrolment import CITY, Box
from tests.simulators.evidence import PLATE, Street
from tests.simulators.lived_in import READER, LivedIn
from tests.simulators.officers import appoint
from tests.simulators.settings_file import write_settings

PASSPHRASE = "a passphrase of backups\n"
# `Any`: JSON of any command.
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs up is gone when the server gets to it."""
    monkeypatch.setattr(database_move, "LEAVING_S", 60.0)


@pytest.fixture
async def lived_in(pool: Pool, installation: Settings, box: Box, tmp_path: Path) -> LivedIn:
    """A database in which something of everything has happened."""
    officers = appoint(installation, tmp_path, "ana", "luis")
    street = Street(pool, officers.settings, officers, box)
    found = LivedIn(pool, street, Archive(pool, EvidenceFiles(installation.evidence_dir), box))
    await found.live()
    return found


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    """The passphrase's file."""
    path = tmp_path / "backup.pass"
    path.write_text(PASSPHRASE)
    path.chmod(0o600)
    return path


@pytest.fixture
def run(tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `database ...`, encrypted unless it says otherwise; its exit code, its JSON, what it said."""

    def command(settings: Settings | None, *arguments: str, plain: bool = False) -> tuple[int, Any, str]:
        capsys.readouterr()
        words = ["database", *arguments, "--json"]
        if arguments[0] != "move":
            words += ["--plain"] if plain else ["--passphrase-file", str(passphrase)]
        if settings is not None:
            words += ["--config", str(write_settings(settings, tmp_path / "aggregator.toml"))]
        code = app.run(words)
        said = capsys.readouterr()
        return code, msgspec.json.decode(said.out) if said.out else None, said.err

    return command


def elsewhere(settings: Settings, access: Access, folder: Path) -> Settings:
    """The same installation over another database, with an evidence folder of its own."""
    database = msgspec.structs.replace(settings.database, dsn=access.dsn)
    return msgspec.structs.replace(settings, database=database, evidence_dir=folder / "evidence-elsewhere")


@asynccontextmanager
async def connected(access: Access) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await access.connect()
    try:
        yield connection
    finally:
        await connection.close()


async def contents(access: Access) -> dict[str, list[str]]:
    """Every row of every table as text, sorted."""
    async with connected(access) as connection, connection.transaction(readonly=True):
        await settle(connection)
        return {
            each.name: sorted(row[0] for row in await connection.fetch(f"SELECT r::text FROM ({each.sql}) AS r"))  # noqa: S608
            for each in await sources(connection)
        }


async def numbers(access: Access) -> list[tuple[str, int | None]]:
    """Where every sequence stands."""
    async with connected(access) as connection:
        found = await connection.fetch("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
        return [tuple(row) for row in found]


async def test_every_row_of_every_table_comes_back_and_the_centre_works_on(
    lived_in: LivedIn, run: Run, database: Access, empty_database: Access, tmp_path: Path
) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    code, made, said = await asyncio.to_thread(run, settings, "backup", str(file), "--with-pictures")
    assert code == 0, said
    assert (made["pictures"], made["pictures_missing"], made["pictures_included"]) == (2, 0, True)
    before, numbered = await contents(database), await numbers(database)
    assert {name: len(rows) for name, rows in before.items() if rows} == made_tables(await checked(run, file))
    assert sum("database.backup" in row for row in before["public.audit"]) == 1, "all plates were copied, and by whom"
    restored = elsewhere(settings, empty_database, tmp_path)
    code, told, said = await asyncio.to_thread(run, restored, "restore", str(file))
    assert (code, told["pictures_put"], told["pictures_missing"]) == (0, 2, 0), said
    assert READER in said, "a role that the server does not have"
    assert "cad has no secret" in said
    assert PLATE not in said
    after = await contents(empty_database)
    assert sum("database.restore" in row for row in after["public.audit"]) == 2, "of the backup and of the database"
    after["public.audit"] = [row for row in after["public.audit"] if "database.restore" not in row]
    assert after == before
    leaped = [(name, None if last is None else last + LEAP) for name, last in numbered]
    assert await numbers(empty_database) == leaped, "no number is given that somebody had after the backup"
    async with pooled(empty_database, 4) as pool:
        centre = LivedIn(pool, lived_in.street, lived_in.archive, lived_in.again)
        await works_on(centre)
        assert await centre.next_document() == 1002, "its box may have had some that the backup knew nothing of"
        assert await centre.next_document() == 1003


async def test_an_analyst_is_made_anew_with_the_cities_that_are_named_then(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path
) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    assert (await asyncio.to_thread(run, settings, "backup", str(file)))[0] == 0
    code, told, _ = await asyncio.to_thread(run, elsewhere(settings, empty_database, tmp_path), "restore", str(file))
    assert (code, told["roles_missing"]) == (3, [READER])
    async with pooled(empty_database, 2) as pool:
        roles = AnalystRoles(pool, actor="os:ana")
        try:
            assert (await roles.add(READER, (CITY,), verifier=None, reason="as before")).cities == (CITY,)
        finally:
            await roles.remove(READER, reason="asks no longer")


async def checked(run: Run, file: Path) -> Any:
    code, told, said = await asyncio.to_thread(run, None, "check", str(file))
    assert code == 0, said
    return told


def made_tables(told: Any) -> dict[str, int]:
    return {name: rows for name, rows in told["tables"].items() if rows}


async def works_on(lived_in: LivedIn) -> None:
    """The audit's chain holds, the ledger knows what comes again, numbers go on, what was due is done, holds hold."""
    pool, now = lived_in.pool, datetime.now(UTC)
    async with pool.acquire() as connection:
        assert (await verify(connection))[1] == []
    fates = await Store(pool, TimeRules()).write(lived_in.again, [])
    assert set(fates.values()) == {Fate.REDELIVERED}, "folded, read and unread"
    newest = await pool.fetchval("SELECT max(alert_id) FROM alert")
    assert await AlertStreet(pool, lived_in.box).make()
    assert await pool.fetchval("SELECT max(alert_id) FROM alert") > newest
    assert await pool.fetchval("SELECT bool_and(is_held_hit(envelope_hash)) FROM hit")
    await legal_holds.release(pool, 1, actor="os:ana", reason="case 7")
    assert not await pool.fetchval("SELECT bool_or(is_held_hit(envelope_hash)) FROM hit")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("DELETE FROM audit")
    new = await lived_in.say()
    while (await ChainStore(pool).audit(now))[1]:
        pass
    chain = await pool.fetchrow("SELECT head, highest, forks, breaks FROM chain WHERE device_id = 'box-1'")
    assert chain is not None
    assert tuple(chain) == (new.message.sequence, new.message.sequence, [], []), "unread and new, in one chain"


async def test_what_was_told_or_noted_is_not_told_or_noted_again(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path
) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    waiting = "SELECT (SELECT count(*) FROM alert_due) || ' ' || (SELECT count(*) FROM webhook_delivery)"
    await lived_in.pool.execute("DELETE FROM webhook_delivery WHERE number = 1")  # told
    noted = await lived_in.pool.fetchval(waiting)
    assert (await asyncio.to_thread(run, settings, "backup", str(file)))[0] == 0
    restored = elsewhere(settings, empty_database, tmp_path)
    code, told, _ = await asyncio.to_thread(run, restored, "restore", str(file))
    assert (code, told["pictures_missing"]) == (3, 2), "the pictures were not in the file, nor in their store"
    async with connected(empty_database) as connection:
        assert await connection.fetchval(waiting) == noted
        off = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D'"
        assert await connection.fetchval(off) == 0, "the triggers are on again"


async def test_a_backup_says_which_pictures_are_missing_and_takes_those_that_are_there(
    lived_in: LivedIn, run: Run, tmp_path: Path
) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    lost = await lived_in.pool.fetchval("SELECT sha256 FROM picture ORDER BY sha256 LIMIT 1")
    EvidenceFiles(settings.evidence_dir).remove(lost)
    code, made, said = await asyncio.to_thread(run, settings, "backup", str(file), "--with-pictures", plain=True)
    assert (code, made["pictures_missing"]) == (3, 1)
    assert "not in their store" in said
    assert (await asyncio.to_thread(run, None, "check", str(file), plain=True))[0] == 0
    listed = b"".join(
        database_archive.unpacked(name, data)
        for name, data in database_archive.members(file, None)
        if name.startswith("pictures/list-")
    ).decode()
    assert [line.split()[2] for line in listed.splitlines()] == ["missing", "there"]
    assert listed.startswith(lost.hex())


async def test_nothing_of_a_backup_can_be_read_without_its_passphrase(
    lived_in: LivedIn, run: Run, tmp_path: Path, passphrase: Path
) -> None:
    settings, file, plain = lived_in.street.settings, tmp_path / "city.backup", tmp_path / "city.tar"
    assert (await asyncio.to_thread(run, settings, "backup", str(file)))[0] == 0
    assert (await asyncio.to_thread(run, settings, "backup", str(plain), plain=True))[0] == 0
    assert file.stat().st_mode & 0o777 == plain.stat().st_mode & 0o777 == 0o600
    assert b"tables/public" not in file.read_bytes()
    with tarfile.open(plain) as opened:
        assert opened.getnames()[-1] == MANIFEST
    passphrase.write_text("another passphrase of backups")
    code, _, said = await asyncio.to_thread(run, None, "check", str(file))
    assert (code, "the passphrase is wrong" in said) == (1, True)
    code, _, said = await asyncio.to_thread(run, None, "check", str(plain))
    assert (code, "no encrypted backup" in said) == (3, True), "a file in the clear is asked for by name"
    code, _, said = await asyncio.to_thread(run, None, "check", str(file), plain=True)
    assert (code, "it is encrypted" in said) == (1, True)
    code, _, said = await asyncio.to_thread(run, settings, "backup", str(file))
    assert (code, "not written over" in said) == (1, True)


async def test_a_file_that_was_cut_off_or_altered_is_refused_by_the_name_of_the_part(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path
) -> None:
    file, other = tmp_path / "city.tar", tmp_path / "altered.tar"
    assert (await asyncio.to_thread(run, lived_in.street.settings, "backup", str(file), plain=True))[0] == 0
    raw, restored = file.read_bytes(), elsewhere(lived_in.street.settings, empty_database, tmp_path)
    with tarfile.open(file) as opened:
        places = {each.name: (each.offset_data, each.size) for each in opened.getmembers()}
    at, size = places["tables/public.hit/000001.copy.gz"]
    manifest_at, _ = places[MANIFEST]
    cases = {
        "part tables/public.hit/000001.copy.gz was altered": flipped(raw, at + size // 2),
        "part tables/public.hit/000001.copy.gz: cut off": raw[: at + size // 2],
        "cut off after part": raw[: manifest_at - 512] + bytes(1024),
        "what follows part": flipped(raw, at - 512 + 3),
        f"part {MANIFEST}: cut off": raw[: manifest_at + 5],
        f"{MANIFEST} is not what": flipped(raw, manifest_at),
    }
    for word, altered in cases.items():
        other.write_bytes(altered)
        code, _, said = await asyncio.to_thread(run, restored, "restore", str(other), plain=True)
        assert code == 3, word
        assert word in said
        other.unlink()
    async with connected(empty_database) as connection:
        assert await connection.fetchval("SELECT to_regclass('hit')") is None, "nothing was written"


def flipped(raw: bytes, at: int) -> bytes:
    """The bytes with one of them changed."""
    return raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]


async def test_rows_that_do_not_arrive_as_they_were_leave_the_database_empty(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path
) -> None:
    file, other = tmp_path / "city.tar", tmp_path / "another.tar"
    assert (await asyncio.to_thread(run, lived_in.street.settings, "backup", str(file), plain=True))[0] == 0
    parts = dict(database_archive.members(file, None))
    manifest = decode(parts.pop(MANIFEST))
    wrong = tuple(
        msgspec.structs.replace(table, fingerprint="1") if table.name == "public.alarm" else table
        for table in manifest.tables
    )
    with database_archive.written(other, None) as archive:
        for name, data in parts.items():
            archive.add(name, data)
        archive.finish(msgspec.structs.replace(manifest, tables=wrong))
    restored = elsewhere(lived_in.street.settings, empty_database, tmp_path)
    code, _, said = await asyncio.to_thread(run, restored, "restore", str(other), plain=True)
    assert (code, "public.alarm" in said) == (3, True)
    async with connected(empty_database) as connection:
        assert await connection.fetchval("SELECT to_regclass('hit')") is None


async def test_nothing_is_restored_over_anything(lived_in: LivedIn, run: Run, tmp_path: Path) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    assert (await asyncio.to_thread(run, settings, "backup", str(file)))[0] == 0
    code, _, said = await asyncio.to_thread(run, settings, "restore", str(file))
    assert (code, "not empty" in said) == (1, True)


async def test_a_backup_of_an_older_schema_is_restored_and_migrated_on(
    empty_database: Access, run: Run, installation: Settings, tmp_path: Path
) -> None:
    file, earlier = tmp_path / "old.backup", tuple(step for step in all_migrations() if step.number <= 16)
    async with connected(empty_database) as connection:
        await migrate(connection, earlier)
        await connection.execute(
            "INSERT INTO city (city_id, name, time_zone) VALUES ($1, 'S', 'America/Monterrey')", CITY
        )
    old = elsewhere(installation, empty_database, tmp_path)
    assert (await asyncio.to_thread(run, old, "backup", str(file)))[1]["migration"] == "0016_webhooks"
    async with connected(empty_database) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
    code, _, said = await asyncio.to_thread(run, old, "restore", str(file))
    assert code == 0, said
    async with connected(empty_database) as connection:
        assert await connection.fetchval("SELECT max(number) FROM schema_migration") == all_migrations()[-1].number
        assert await connection.fetchval("SELECT city_id FROM city") == CITY


async def test_a_backup_of_a_newer_release_is_refused(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path
) -> None:
    settings, file = lived_in.street.settings, tmp_path / "city.backup"
    await lived_in.pool.execute("INSERT INTO schema_migration VALUES (9999, 'later', $1)", bytes(32))
    assert (await asyncio.to_thread(run, settings, "backup", str(file)))[0] == 0
    code, _, said = await asyncio.to_thread(run, elsewhere(settings, empty_database, tmp_path), "restore", str(file))
    assert (code, "9999_later" in said) == (3, True)


@pytest.fixture
async def managed(postgres: EmbeddedPostgres, empty_database: Access) -> AsyncIterator[Access]:
    """An empty database as a managed server gives it: its owner is no superuser."""
    name = f"owner_{empty_database.dsn.split('?')[0][-6:]}"
    database = empty_database.dsn.split("@/")[1].split("?")[0]
    async with connected(empty_database) as connection:
        await connection.execute(f"CREATE ROLE {name}")
        await connection.execute(f"ALTER DATABASE {database} OWNER TO {name}")
    yield Access(f"{empty_database.dsn}&role={name}")
    async with connected(empty_database) as connection:
        await connection.execute(f"ALTER DATABASE {database} OWNER TO postgres")
        await connection.execute(f"DROP OWNED BY {name} CASCADE")
        await connection.execute(f"DROP ROLE {name}")


async def test_embedded_data_move_to_a_server_whose_role_is_no_superuser(
    lived_in: LivedIn, run: Run, database: Access, managed: Access, tmp_path: Path
) -> None:
    await lived_in.pool.close()
    (tmp_path / "dsn").write_text(managed.dsn + "\n")
    (tmp_path / "dsn").chmod(0o600)
    where = ("--to-dsn-file", str(tmp_path / "dsn"))
    code, told, said = await asyncio.to_thread(run, lived_in.street.settings, "move", *where)
    assert code == 0, said
    assert managed.dsn not in said
    before, after = await contents(database), await contents(managed)
    assert told["rows"] == sum(len(rows) for rows in after.values())
    assert after == before, "the first is as it was"
    assert await numbers(managed) == await numbers(database)
    async with pooled(managed, 4) as pool:
        centre = LivedIn(pool, lived_in.street, lived_in.archive, lived_in.again)
        await works_on(centre)
        assert await centre.next_document() == 2
    code, _, said = await asyncio.to_thread(run, lived_in.street.settings, "move", *where)
    assert (code, "not empty" in said) == (1, True)


async def test_who_has_just_hung_up_is_waited_for(database: Access) -> None:
    async with connected(database) as mine:
        leaving = await database.connect()
        asyncio.get_running_loop().call_later(0.2, leaving.terminate)
        await database_move.require_alone(mine)


async def test_nothing_is_moved_while_others_are_connected(
    lived_in: LivedIn, run: Run, empty_database: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_move, "LEAVING_S", 0.0)
    (tmp_path / "dsn").write_text(empty_database.dsn)
    (tmp_path / "dsn").chmod(0o600)
    where = ("--to-dsn-file", str(tmp_path / "dsn"))
    code, _, said = await asyncio.to_thread(run, lived_in.street.settings, "move", *where)
    assert (code, "stop the service" in said) == (4, True)
    (tmp_path / "dsn").chmod(0o644)
    code, _, said = await asyncio.to_thread(run, lived_in.street.settings, "move", *where)
    assert (code, "can be read by others" in said) == (1, True)


def test_webhooks_secrets_are_among_the_keys(founded: Settings, tmp_path: Path, passphrase: Path) -> None:
    secret, file = secret_file(founded.alerts.webhooks_dir, "cad"), tmp_path / "keys.backup"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("whsec_c2VjcmV0\n")
    words = ("--passphrase-file", str(passphrase))
    config = ("--config", str(founded.keys.root_spki.parents[1] / "aggregator.toml"))
    assert app.run(["ca", "backup", str(file), *words, *config]) == 0
    secret.unlink()  # the installation is every test's
    assert app.run(["ca", "restore", str(file), str(tmp_path / "new"), *words]) == 0
    assert (tmp_path / "new" / "webhooks" / "cad.secret").read_text() == "whsec_c2VjcmV0\n"
