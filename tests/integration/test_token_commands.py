"""`aggregator token` as people type it: shown once, kept as a hash, audited, over when it is over."""

import asyncio
import hashlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.database import Pool
from aggregator.cli import app
from aggregator.core.api_tokens import Scope, Standing
from aggregator.settings import Settings
from tests.simulators.settings_file import write_settings

GOOD = ("--scope", "counts", "--scope", "health", "--expires", "90d", "--reason", "dashboards")


@pytest.fixture
def config(installation: Settings, registry: Pool, tmp_path: Path) -> list[str]:
    """The installation's settings, for commands."""
    assert registry is not None
    return ["--config", str(write_settings(installation, tmp_path / "aggregator.toml"))]


async def typed(config: list[str], *arguments: str) -> int:
    """The exit code of a command."""
    return await asyncio.to_thread(app.run, ["token", *arguments, *config])


async def test_a_token_is_shown_once_and_only_its_hash_is_kept(
    config: list[str], pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    before = datetime.now(UTC)
    assert await typed(config, "add", "grafana", "--city", "saltillo", *GOOD) == 0
    ends = {f"{at + timedelta(days=90):%Y-%m-%d}" for at in (before, datetime.now(UTC))}  # two at midnight
    text = capsys.readouterr().out.strip()
    assert await pool.fetchval("SELECT hash FROM api_token") == hashlib.sha256(text.encode()).digest()
    assert await typed(config, "list", "--json") == 0
    (row,) = msgspec.json.decode(capsys.readouterr().out)
    assert (row["token"], row["state"], row["scopes"], row["cities"]) == (
        "grafana", "good", ["counts", "health"], ["saltillo"],
    )  # fmt: skip
    everything = str(await pool.fetch("SELECT * FROM audit")) + str(await pool.fetch("SELECT * FROM api_token"))
    assert text not in everything
    assert await pool.fetchval("SELECT subject || ' ' || reason FROM audit") in {
        f"token:grafana dashboards; counts, health of saltillo until {end}" for end in ends
    }


async def test_a_token_can_be_put_into_a_file_that_only_its_owner_reads(
    config: list[str], pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grafana.token"
    assert await typed(config, "add", "grafana", "--every-city", *GOOD, "--out", str(out), "--json") == 0
    told: dict[str, Any] = msgspec.json.decode(capsys.readouterr().out)  # a command's JSON
    text = out.read_text().strip()
    assert (told["token_file"], stat.S_IMODE(out.stat().st_mode)) == (str(out), 0o600)
    token = await TokenDesk(pool).of_text(text, now=datetime.now(UTC))
    assert token is not None
    assert (token.scopes, token.cities) == (frozenset({Scope.COUNTS, Scope.HEALTH}), None)
    assert await typed(config, "add", "other", "--every-city", *GOOD, "--out", str(out)) == 1
    assert [row["token"] for row in await TokenDesk(pool).listed()] == ["grafana"]


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (("grafana", *GOOD), (2, "say which cities")),
        (("grafana", "--city", "saltillo", "--every-city", *GOOD), (2, "say which cities")),
        (("grafana", "--city", "atlantis", *GOOD), (1, "atlantis is not registered")),
        (("Grafana", "--every-city", *GOOD), (2, "a token's name")),
        (("grafana", "--every-city", "--scope", "faces", *GOOD[4:]), (2, "want one or more of")),
        (("grafana", "--every-city", *GOOD[:4], "--expires", "9999d", "--reason", "x"), (2, "366 days at most")),
        (("grafana", "--every-city", *GOOD[:6], "--reason", "ABC-123-D"), (2, "contains a plate")),
    ],
)
async def test_what_is_wrong_with_a_wish_is_said_and_nothing_is_made(
    config: list[str], pool: Pool, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], end: tuple[int, str]
) -> None:
    assert await typed(config, "add", *arguments) == end[0]
    assert end[1] in capsys.readouterr().err
    assert await pool.fetchval("SELECT (SELECT count(*) FROM api_token) + (SELECT count(*) FROM audit)") == 0


async def test_a_revoked_token_opens_nothing_and_its_name_is_not_given_again(
    config: list[str], pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed(config, "add", "grafana", "--every-city", *GOOD) == 0
    text = capsys.readouterr().out.strip()
    assert await typed(config, "revoke", "grafana", "--reason", "it leaked") == 0
    token = await TokenDesk(pool).of_text(text, now=datetime.now(UTC))
    assert token is not None
    assert token.standing(datetime.now(UTC)) is Standing.REVOKED
    assert await typed(config, "revoke", "grafana", "--reason", "again") == 1
    assert await typed(config, "add", "grafana", "--every-city", *GOOD) == 1
    assert "take another name" in capsys.readouterr().err
    assert await pool.fetchval("SELECT string_agg(action, ' ' ORDER BY number) FROM audit") == "token.add token.revoke"


async def test_when_a_token_was_last_used_is_kept_to_the_minute(pool: Pool) -> None:
    desk, now = TokenDesk(pool), datetime.now(UTC)
    text = await desk.add(
        "grafana", [Scope.COUNTS], None, expires_at=now + timedelta(days=1), actor="os:ana", reason="x", now=now
    )
    for seconds in (0, 59, 61):
        await desk.of_text(text, now=now + timedelta(seconds=seconds))
    assert (await desk.listed())[0]["last_used_at"] == now + timedelta(seconds=61)
