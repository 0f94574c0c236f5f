"""The compose file's database, as its first script leaves it: the service under a role that is no superuser's.

Our containers are not run here; the script is, on a PostgreSQL of the test's own, and what follows it in
docs/dashboards.md: migrations, and a role for Grafana.
"""

import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from aggregator.adapters.analyst_roles import AnalystRoles
from aggregator.adapters.embedded_postgres import EmbeddedPostgres, programs
from aggregator.adapters.migrations import migrate
from aggregator.core.analysts import verifier
from tests.simulators.asked_city import CITIES, FIRST, LAST, seed
from tests.simulators.grafana import expanded, targets

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "100_roles.sh"
PASSWORD = "a password that's quoted \\ right"


def run_script(server: EmbeddedPostgres, secret: Path) -> "subprocess.CompletedProcess[str]":
    """The script as the image runs it, on the test's server."""
    (socket_folder,) = parse_qs(urlsplit(server.dsn("atalaya")).query)["host"]
    environment = {
        "PATH": f"{programs()}:{os.environ['PATH']}",
        "PGHOST": socket_folder,
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "atalaya",
        "DATABASE_ATALAYA_PASSWORD_FILE": str(secret),
    }
    return subprocess.run([str(SCRIPT)], check=False, capture_output=True, text=True, env=environment)


async def test_the_service_and_grafana_work_under_the_roles_that_the_stack_makes(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        administrator = await asyncpg.connect(server.dsn("postgres"))
        await administrator.execute("CREATE DATABASE atalaya")
        done = run_script(server, secret)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        kept = await administrator.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'atalaya'")
        assert kept.startswith("SCRAM-SHA-256$")
        await _serve(server.dsn("atalaya"))
        await administrator.close()


async def _serve(dsn: str) -> None:
    """What `init`, `analyst add` and a dashboard do."""
    service = {"role": "atalaya"}  # the embedded server lets only its owner in, who then is the service and no more
    connection = await asyncpg.connect(dsn, server_settings=service)
    assert await connection.fetchval("SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user")
    await migrate(connection)
    await seed(connection)
    await connection.close()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, server_settings=service) as pool:
        made = await AnalystRoles(pool, actor="os:test").add(
            "grafana", ("saltillo",), verifier=verifier("twelve characters", bytes(16)), reason="dashboards"
        )
        assert made.cities == ("saltillo",)
    grafana = await asyncpg.connect(dsn, user="grafana")
    chosen = {"city": CITIES, "point": ("p-1", "p-2", "a-1"), "bucket": ("hour",)}
    for each in targets():
        if each.sql:
            rows = await grafana.fetch(expanded(each.sql, from_at=FIRST, to_at=LAST, chosen=chosen))
            assert "acuna" not in str(rows), each.panel
    assert await grafana.fetchval("SELECT sum(vehicles) FROM ask.hour") == 1620
    await grafana.close()


def test_without_its_secret_the_script_says_what_was_forgotten(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(SCRIPT)], check=False, capture_output=True, text=True,
        env={"DATABASE_ATALAYA_PASSWORD_FILE": str(tmp_path / "none"), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 1
    assert "make_secrets.sh" in done.stderr
