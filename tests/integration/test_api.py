"""The HTTP API over a real PostgreSQL and real HTTP: who may ask, what is answered, what is audited, how it refuses."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aggregator.adapters.api_tokens import TokenDesk
from aggregator.adapters.database import Access, Pool
from aggregator.adapters.picture_store import pictures_of
from aggregator.http.api.openapi import SCOPES
from aggregator.settings import Settings
from tests.simulators.api_place import ApiPlace, serving, with_api
from tests.simulators.asked_city import name_of, seed

WHEN = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-04T00:00:00Z"}
PLATES = ("ABC123D", "XYZ987A", "QRS456B")
_EVIDENCE = """
INSERT INTO evidence (envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at,
                      counted_at, is_historical, is_clock_suspect, envelope, hit_hash, camera_id, captured_at,
                      redacted_sha256, redacted_bytes, sealed_sha256, sealed_bytes, original_sha256, sealed_to,
                      faces_filled, plates_filled, versions)
SELECT sha256(envelope_hash::bytea), device_id, city_id, point_id, outbox, epoch, sequence + 1, created_at, received_at,
       counted_at, false, false, '', envelope_hash, camera_id, captured_at, $2, 9, $3, 9,
       sha256('original'::bytea), '', 0, 0,
       '{}'
FROM hit WHERE envelope_hash = $1
"""


@pytest.fixture
async def seeded(pool: Pool) -> Pool:
    """The story of two cities."""
    async with pool.acquire() as connection:
        await seed(connection)
    return pool


@pytest.fixture
async def place(founded: Settings, database: Access, seeded: Pool, tmp_path: Path) -> AsyncIterator[ApiPlace]:
    """The API over it."""
    assert seeded is not None
    settings = msgspec.structs.replace(with_api(founded), evidence_dir=tmp_path / "evidence")
    async with serving(settings, database) as served:
        yield served


async def test_every_resource_answers_with_the_rows_of_the_tokens_cities_and_no_others(place: ApiPlace) -> None:
    near, far = await place.analyst("near"), await place.analyst("far", cities=("acuna",))
    everywhere = await place.analyst("everywhere", cities=None)
    for name in SCOPES:
        query = {**WHEN, "reason": "case 7"} if name == "plates" else WHEN
        query = query if name not in ("devices", "cameras", "points", "cities") else {}
        grouped = {"group_by": "city"} if name in ("counts", "coverage", "reactions", "precision") else {}
        seen = {
            who: {row["city"] for row in (await analyst.get(name, **query, **grouped)).rows}
            for who, analyst in (("near", near), ("far", far), ("all", everywhere))
        }
        assert seen == {"near": {"saltillo"}, "far": {"acuna"}, "all": {"saltillo", "acuna"}}, name


async def test_another_citys_rows_cannot_be_asked_for_by_filter_path_or_hash(place: ApiPlace) -> None:
    near = await place.analyst("near")
    for name in SCOPES:
        query = {"city": "acuna", **({"reason": "case 7"} if name == "plates" else {})}
        query |= {} if name in ("devices", "cameras", "points", "cities") else WHEN
        rows = (await near.get(name, **query)).rows
        assert not rows or all(
            not row.get("n") and not row.get("vehicles") and not row.get("cameras") for row in rows
        ), name
    assert [(await near.get(f"alerts/{number}/history")).status for number in (1, 4, 999)] == [200, 404, 404]
    answer = await near.get(f"pictures/{name_of('hit-4').hex()}", reason="case 7")
    assert (answer.status, answer.problem) == (404, "not-found")


async def test_a_token_opens_its_scopes_and_nothing_else(place: ApiPlace) -> None:
    counting = await place.analyst("counting", "counts")
    statuses = {name: (await counting.get(name)).status for name in SCOPES}
    assert set(statuses.values()) == {200, 403}
    opened = {name for name, status in statuses.items() if status == 200}
    assert opened == {"counts", "coverage", "cameras", "points", "cities"}
    refused = await counting.get("hits")
    assert (refused.problem, 'scope="events"' in refused.headers["WWW-Authenticate"]) == ("wrong-scope", True)


async def test_without_a_good_token_nothing_is_told(place: ApiPlace) -> None:
    now, desk = datetime.now(UTC), TokenDesk(place.pool)
    gone, late = await place.analyst("gone"), await place.analyst("late", valid=timedelta(microseconds=1))
    await desk.revoke("gone", actor="os:ana", reason="it leaked", now=now)
    odd = type(gone)(place.session, "atalaya_" + "A" * 43)
    found = [await who.get("cities") for who in (place.stranger, gone, late, odd, type(gone)(place.session, "x"))]
    assert [(each.status, each.problem) for each in found] == [(401, "no-token")] + [(401, "bad-token")] * 4
    assert ["revoked" in found[1].told["detail"], "expired" in found[2].told["detail"]] == [True, True]
    assert all(each.headers["WWW-Authenticate"].startswith("Bearer") for each in found)


async def test_plates_are_shown_for_a_reason_and_each_is_audited_before(place: ApiPlace) -> None:
    ana = await place.analyst("ana")
    assert (await ana.get("plates", **WHEN)).problem == "reason-needed"
    assert (await ana.get("plates", **WHEN, reason="ABC-123-D")).problem == "not-answerable"
    assert await place.audited() == []
    rows = (await ana.get("plates", {"Atalaya-Reason": "case 7"}, **WHEN)).rows
    assert [row["plate"] for row in rows] == ["XYZ987A", "ABC123D", "ABC123D"]
    audited = await place.audited()
    assert [each[1] for each in audited] == ["hits.query", *["hit.show"] * 3]
    assert {(each[0], each[3]) for each in audited} == {("token:ana", "case 7")}
    assert not any(plate in str(audited) for plate in PLATES)


async def test_a_plate_is_looked_for_by_a_header_and_never_by_an_address(place: ApiPlace) -> None:
    ana = await place.analyst("ana")
    rows = (await ana.get("plates", {"Atalaya-Plate": "XYZ987A"}, **WHEN, reason="case 7")).rows
    assert [row["point"] for row in rows] == ["p-2"]
    assert (await ana.get("plates", **WHEN, reason="case 7", plate="XYZ987A")).problem == "bad-parameter"
    assert "XYZ987A" not in str(await place.audited())


async def test_a_redacted_picture_is_shown_for_a_reason_and_audited_before(place: ApiPlace) -> None:
    ana, far = await place.analyst("ana"), await place.analyst("far", cities=("acuna",))
    jpeg, sealed = b"\xff\xd8 redacted", b"sealed"
    for picture in (jpeg, sealed):
        pictures_of(place.settings).write(sha256(picture).digest(), picture)
    hashes = (sha256(jpeg).digest(), sha256(sealed).digest())
    await place.pool.execute(_EVIDENCE, name_of("hit-1"), *hashes)
    await place.pool.execute("INSERT INTO picture SELECT 'box-1', unnest($1::bytea[]), 'stored', 9, now()", hashes)
    paths = [f"pictures/{each.hex()}" for each in (*hashes, name_of("hit-1"))]
    assert (await ana.get(paths[0])).problem == "reason-needed"
    shown = [await ana.get(path, reason="case 7") for path in paths]
    assert [(each.status, each.body == jpeg) for each in shown] == [(200, True), (404, False), (200, True)]
    assert shown[0].headers["Cache-Control"] == "no-store"
    assert [(await far.get(path, reason="case 7")).status for path in paths] == [404] * 3
    audited = [("token:ana", "picture.show", f"picture:{hashes[0].hex()}", "case 7")]
    assert await place.audited() == audited * 2


async def test_nothing_but_plates_shows_one(place: ApiPlace) -> None:
    ana = await place.analyst("ana", cities=None)
    shown = b""
    for name in SCOPES:
        if name != "plates":
            shown += (await ana.get(name, **({} if name in ("devices", "cameras", "points", "cities") else WHEN))).body
    assert not any(plate.encode() in shown for plate in PLATES)


async def test_a_look_at_alerts_is_audited_unless_nothing_new_is_shown(place: ApiPlace) -> None:
    ana = await place.analyst("ana")
    first = await ana.get("alerts", **WHEN)
    history = await ana.get("alerts/1/history")
    again = await ana.get("alerts", {"If-None-Match": first.headers["ETag"]}, **WHEN)
    assert (len(first.rows), [row["act"] for row in history.rows][:2], again.status) == (3, ["raise", "ack"], 304)
    assert [(each[1], each[3]) for each in await place.audited()] == [
        ("alerts.list", "without plates"), ("alert.show", "without plates"),
    ]  # fmt: skip


async def test_pages_follow_one_another_and_leave_nothing_out(place: ApiPlace) -> None:
    ana, found, path = (
        await place.analyst("ana"),
        [],
        "/api/v1/events?limit=2&from=2026-11-01T00:00Z&to=2026-11-04T00:00Z",
    )
    while path:
        answer = await ana.ask("GET", path)
        assert len(answer.rows) <= 2
        found += [row["event"] for row in answer.rows]
        link = answer.headers.get("Link", "")
        path = answer.told["next"]
        assert link == (f'<{path}>; rel="next"' if path else "")
    whole = [row["event"] for row in (await ana.get("events", **WHEN)).rows]
    assert (found, len(found)) == (whole, len(set(whole)))
    assert (await ana.get("hits", **WHEN, after="AAAA")).problem == "not-answerable"


async def test_counts_stand_beside_what_was_covered(place: ApiPlace) -> None:
    ana = await place.analyst("ana")
    query = {"from": "2026-11-02T12:00Z", "to": "2026-11-02T18:00Z", "bucket": "hour", "point": "p-2"}
    rows = (await ana.get("counts", **query)).rows
    assert [(row["vehicles"], row["coverage_s"]) for row in rows] == [(180, 3600)] * 3 + [(0, 0)] * 3
    (day,) = (await ana.get("counts", **WHEN, bucket="day", point="p-1", group_by="point")).rows
    assert (day["local_date"], day["vehicles"]) == ("2026-11-02", 3 * 360)


async def test_who_has_it_already_is_not_sent_it_again(place: ApiPlace) -> None:
    ana, bea = await place.analyst("ana"), await place.analyst("bea", cities=("acuna",))
    first = await ana.get("points")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = await ana.get("points", {"If-None-Match": first.headers["ETag"]})
    other = await bea.get("points", {"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, other.status) == (304, b"", 200)
    await place.pool.execute("UPDATE point SET name = 'Plaza de Armas' WHERE point_id = 'p-1'")
    assert (await ana.get("points", {"If-None-Match": first.headers["ETag"]})).status == 200
    assert "ETag" not in (await ana.get("plates", **WHEN, reason="case 7")).headers


async def test_a_long_answer_is_compressed_for_who_takes_it(place: ApiPlace) -> None:
    ana, url = await place.analyst("ana"), "/api/v1/health"
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{place.settings.api.port}", auto_decompress=False, headers=ana.headers
    ) as session:
        bodies = {}
        for coding in ("gzip", "identity", "gzip;q=0"):
            async with session.get(url, params={**WHEN, "limit": "50"}, headers={"Accept-Encoding": coding}) as answer:
                bodies[coding] = (answer.headers.get("Content-Encoding"), await answer.read())
    assert [coding for coding, _ in bodies.values()] == ["gzip", None, None]
    assert gzip.decompress(bodies["gzip"][1]) == bodies["identity"][1]
    assert len(bodies["gzip"][1]) * 4 < len(bodies["identity"][1])


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("hits?colour=red", "bad-parameter"),
        ("hits?confidence=high", "bad-parameter"),
        ("hits?quality=perhaps", "bad-parameter"),
        ("hits?limit=0", "bad-parameter"),
        ("hits?limit=1&limit=2", "bad-parameter"),
        ("hits?from=yesterday", "bad-parameter"),
        ("hits?from=1h&to=2h", "not-answerable"),
        ("hits?from=0001-01-01T00:00:00Z", "not-answerable"),
        ("counts?bucket=fortnight", "bad-parameter"),
        ("counts?group_by=colour", "bad-parameter"),
        ("counts?bucket=day&time_zone=Mars/Olympus", "not-answerable"),
        ("hits?after=%00", "bad-parameter"),
        ("hits?camera=%00", "bad-parameter"),
        ("cities?bucket=hour", "bad-parameter"),
        ("pictures/abc", "not-found"),
        ("alerts/0/history", "not-found"),
        ("nothing", "not-found"),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_one_shape_that_says_what_to_do(
    place: ApiPlace, path: str, word: str
) -> None:
    ana = await place.analyst("ana")
    assert (await ana.ask("GET", f"/api/v1/{path}")).problem == word


async def test_what_is_no_reading_is_refused_in_the_same_shape(place: ApiPlace) -> None:
    ana = await place.analyst("ana")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = await ana.ask(method, "/api/v1/hits")
        assert (answer.status, answer.problem, answer.headers["Allow"]) == (405, "method-not-allowed", "GET, HEAD")
    assert (await ana.ask("POST", "/api/v1/hits", data=b"x" * 20_000)).problem == "too-large"
    assert (await ana.ask("HEAD", "/api/v1/cities")).status == 200
    assert place.tally.problems == {"method-not-allowed": 5, "too-large": 1}


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/cities HTTP/1.1\r\nHost: x\r\nAuthorization Bearer SECRET\r\n\r\n",
        b"GET /api/v1/cities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer SECRET" + b"a" * 9_000 + b"\r\n\r\n",
        b"GET /api/v1/plates?reason=SECRET" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SECRET\r\n\r\n",
    ],
    ids=["no colon", "long header", "long address", "no request"],
)
async def test_what_is_no_request_is_refused_in_the_same_shape_and_not_repeated(
    place: ApiPlace, raw: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.settings.api.port)
    writer.write(raw)
    async with asyncio.timeout(20):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert (b" 400 " in head, b"application/problem+json" in head, b"#bad-request" in body) == (True, True, True)
    assert "SECRET" not in body.decode() + "".join(capfd.readouterr()) + caplog.text


async def test_who_asks_too_often_is_told_to_wait_and_others_are_not(
    founded: Settings, database: Access, seeded: Pool
) -> None:
    assert seeded is not None
    async with serving(with_api(founded, requests_per_minute=2), database) as place:
        ana, bea = await place.analyst("ana"), await place.analyst("bea")
        answers = [await ana.get("cities") for _ in range(3)]
        assert [each.status for each in answers] == [200, 200, 429]
        assert (answers[2].problem, int(answers[2].headers["Retry-After"]) > 0) == ("too-many-requests", True)
        assert (await bea.get("cities")).status == 200
        assert [(await place.stranger.get("cities")).status for _ in range(3)] == [401, 401, 429]


async def test_a_question_that_takes_too_long_is_cut_off_and_one_too_many_waits(
    founded: Settings, database: Access, seeded: Pool
) -> None:
    async with serving(with_api(founded, query_timeout_s=1, queries_at_once=1), database) as place:
        ana = await place.analyst("ana")
        async with seeded.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE city IN ACCESS EXCLUSIVE MODE")
            answer = await ana.get("cities")
        assert (answer.status, answer.problem) == (504, "too-long")
        async with asyncio.timeout(30):  # a second is short on a machine that stalls
            while (answer := await ana.get("cities")).status != 200:
                assert answer.problem == "too-long"


async def test_while_the_database_is_away_it_says_so(founded: Settings, database: Access, seeded: Pool) -> None:
    async with serving(with_api(founded), database) as place:
        ana = await place.analyst("ana")
        name = await seeded.fetchval("SELECT current_database()")
        admin = await Access(database.dsn.replace(name, "postgres")).connect()
        try:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            answer = await ana.get("cities")
            assert (answer.status, answer.problem, answer.headers["Retry-After"]) == (503, "unavailable", "5")
            assert name not in answer.body.decode()
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            async with asyncio.timeout(20):
                while (await ana.get("cities")).status != 200:
                    await asyncio.sleep(0.05)
        finally:
            await admin.close()
