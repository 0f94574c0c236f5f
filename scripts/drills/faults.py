"""Faults, each with the claim that the system makes about it.

A fault is a function from a scene to its claims; the hits that it owes go into the scene's ledger, and are judged when
it has put everything right again. Whatever a fault breaks it mends, however it ends.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from stack.city import Box, LocalCity
from stack.measure import dead_letters, epoch, waiting

from drills.databases import ask, dsn_of, pair_of, refused
from drills.disks import small_disk
from drills.links import BadLine, Mood
from drills.scene import Journal, Scene, until, within
from edge_agent.adapters.control_socket import NAME as SOCKET
from edge_agent.adapters.control_socket import ask as ask_agent
from edge_agent.errors import NotRunning

Claims: TypeAlias = Mapping[str, bool]
Fault: TypeAlias = Callable[[Scene], Claims]

HOUR_S: Final = 3600.0
_LEDGER: Final = "SELECT count(*) FROM delivery WHERE device_id = $1"


def box_disk_full(scene: Scene) -> Claims:
    """The box's disk fills up before the first hit, and later an agent is started on a full disk."""
    with small_disk(scene.box.folder / "data") as disk:
        journal = Journal.from_now(scene.box.folder / "agent.log")
        agent = scene.play_up_to_the_first_frame()
        disk.fill()
        is_logged = within(60, lambda: journal.says("hit_waits_for_disk"))
        failures = _status(scene.box)["outbox"]["write_failures"]
        announced = scene.announced()
        time.sleep(scene.rng.uniform(1, 3))
        disk.free()
        scene.finish(agent)
        disk.fill()
        refused_start = scene.play()
        code = refused_start.wait(60)
        disk.free()
    return {
        "the agent logs that a hit waits": is_logged,
        "its status counts the failed writes": failures > 0,
        "no hit is announced before it is on the disk": announced == 0,
        "an agent started on a full disk ends and says why": code == 1 and "disk" in refused_start.tail(2),
    }


def server_disk_full(scene: Scene) -> Claims:
    """The database's disk fills up while a box delivers."""
    city = scene.city
    _stop_servers(city)
    with small_disk(city.home / "postgres") as disk, _aggregator_started(city):
        journal = Journal.from_now(city.aggregator.log)
        agent = scene.play_up_to_the_first_frame()
        disk.fill()
        is_logged = within(60, lambda: journal.says("ingest_store_retry"))
        is_honest = _receipted_is_stored(scene, scene.rng.uniform(2, 4))
        pid = city.aggregator.pid
        disk.free()
        scene.finish(agent)
        is_alive = pid is not None and pid == city.aggregator.pid
    return {
        "the aggregator logs that it cannot store": is_logged,
        "no receipt is given for what is not stored": is_honest,
        "the same aggregator goes on when there is room": is_alive,
    }


def evidence_disk_full(scene: Scene) -> Claims:
    """The disk of the pictures fills up; the database has room."""
    city = scene.city
    _stop_servers(city)
    with small_disk(city.home / "evidence") as disk, _aggregator_started(city):
        journal = Journal.from_now(city.aggregator.log)
        disk.fill()
        agent = scene.play_up_to_the_first_frame()
        scene.finish(agent)
        is_logged = within(30, lambda: journal.says("evidence_put_off"))
        wanted = "SELECT 2 * count(*) FROM evidence WHERE device_id = $1"
        pictures = "SELECT count(*) FROM picture WHERE device_id = $1 AND state = 'stored'"
        dsn, device = dsn_of(city), scene.box.device
        while_full, expected = ask(dsn, pictures, device), ask(dsn, wanted, device)
        disk.free()
        is_caught_up = within(90, lambda: bool(ask(dsn, pictures, device) == expected))
    return {
        "hits are stored and receipted all the same": waiting(scene.box) == 0,
        "the aggregator logs that pictures are put off": is_logged and while_full < expected,
        "every picture is on the disk when there is room": is_caught_up and expected > 0,
    }


def database_refused(scene: Scene) -> Claims:
    """The database lets nobody in and cuts those who are."""
    city, journal = scene.city, Journal.from_now(scene.city.aggregator.log)
    pid = city.aggregator.pid
    agent = scene.play_up_to_the_first_frame()
    with refused(city):
        is_logged = within(60, lambda: journal.says("ingest_store_retry"))
        is_unhealthy = within(20, lambda: not city.is_healthy())
        before = _status(scene.box)["outbox"]["receipted"]
        time.sleep(scene.rng.uniform(2, 4))
        after = _status(scene.box)["outbox"]["receipted"]
    scene.finish(agent)
    return {
        "the aggregator logs that it cannot store": is_logged,
        "its health says that the database does not answer": is_unhealthy,
        "no receipt is given meanwhile": before == after,
        "the same aggregator goes on when it is let in": pid is not None and pid == city.aggregator.pid,
    }


def database_failed_over(scene: Scene) -> Claims:
    """Two servers, the second with every commit of the first; the first is killed while a box delivers."""
    city = scene.city
    _stop_servers(city)
    with (
        pair_of(city.home / "postgres" / "cluster", scene.box.folder / "servers") as pair,
        _settings(city, "[database]", f'[database]\ndsn = "{pair.dsn}"'),
        _aggregator_started(city),
    ):
        pid = city.aggregator.pid
        agent = scene.play_up_to_the_first_frame()
        time.sleep(scene.rng.uniform(0.5, 4))
        receipted = _status(scene.box)["outbox"]["receipted"]
        pair.fail_over()
        kept = ask(pair.dsn, _LEDGER, scene.box.device)
        scene.finish(agent)
        is_alive = pid is not None and pid == city.aggregator.pid
        scene.judge()  # while this database is there
    return {
        "the second server has all that was receipted": kept >= receipted,
        "the same aggregator goes on with it": is_alive,
    }


def broker_queue_overflow(scene: Scene) -> Claims:
    """The aggregator is away, and the broker's queue for it is far too short."""
    city = scene.city
    length = scene.rng.randint(4, 12)
    with _short_queue(city, length):
        journal = Journal.from_now(city.broker.log)
        agent = scene.play_up_to_the_first_frame()
        city.aggregator.kill()
        has_announced = within(60, lambda: scene.announced() >= len(scene.script.expected_hits))
        has_dropped = within(30, lambda: journal.says("being dropped"))
        outbox, announced = _status(scene.box)["outbox"], scene.announced()
        city.start_aggregator()
        scene.finish(agent)
    return {
        "the broker says that it drops messages": has_dropped,
        "the box keeps what has no receipt": has_announced and outbox["rows"] + outbox["receipted"] >= announced,
    }


def clock_jumps(scene: Scene) -> Claims:
    """The box wakes in 1970; its clock jumps ahead, and back, between frames; then it is right again."""
    clock = scene.box.folder / "clock-is-wrong-by"
    ahead_s, back_s = scene.rng.uniform(1, 20) * HOUR_S, -scene.rng.uniform(1, 40) * HOUR_S
    woke_s = 3600 - time.time()
    in_1970 = _played_at(scene, clock, starts_s=woke_s, goes_on_s=woke_s)
    ahead = _played_at(scene, clock, starts_s=0, goes_on_s=ahead_s)
    back = _played_at(scene, clock, starts_s=0, goes_on_s=back_s)
    right = _played_at(scene, clock, starts_s=0, goes_on_s=0)
    refusals = ask(
        dsn_of(scene.city), "SELECT count(*) FROM refused WHERE topic LIKE '%' || $1 || '%'", scene.box.device
    )
    return {
        "hits told in 1970 are marked, and counted when received": not _unmarked(scene, in_1970),
        "hits told from ahead are marked": not _unmarked(scene, ahead),
        "hits told from behind the floor are marked": not _unmarked(scene, back),
        "hits told at the right time are not": _unmarked(scene, right) >= len(scene.script.expected_hits),
        "none is refused, and the box buries nothing": refusals == 0 and dead_letters(scene.box) == 0,
    }


def cloned_box(scene: Scene) -> Claims:
    """The box's disk is copied; the copy speaks under the same identity, later and at the same time."""
    scene.finish(scene.play())
    disk_copy = _copy(scene.box, "disk-copy", "identity", "data", "agent.toml")
    identity_copy = _copy(scene.box, "identity-copy", "identity", "agent.toml")
    scene.finish(scene.play())
    clone = scene.agent(disk_copy)
    clone.start()
    is_buried = within(90, lambda: clone.pid is None or _buried(disk_copy) > 0) and clone.pid is not None
    clone.kill()
    caught = ask(dsn_of(scene.city), "SELECT count(*) FROM equivocation WHERE device_id = $1", scene.box.device)
    thief, honest = scene.agent(identity_copy), scene.play()
    thief.start()
    scene.finish(honest)
    thief.kill()
    return {
        "the copy of the disk raises equivocation": caught > 0,
        "what it says is refused for good, and its status shows it": is_buried,
        "the honest box is refused nothing": dead_letters(scene.box) == 0,
        "it drains while a thief keeps taking its connection": waiting(scene.box) == 0,
    }


def bad_links(scene: Scene) -> Claims:
    """The line to the broker slows, stalls, dies unnoticed and refuses, in an order of the seed's, and is cut."""
    moods = [Mood.SLOW, Mood.STALLED, Mood.HALF_OPEN, Mood.REFUSING]
    scene.rng.shuffle(moods)
    journal = Journal.from_now(scene.box.folder / "agent.log")
    with BadLine(scene.city.ports[0]) as line:
        facts = scene.box.folder / "identity" / "identity.toml"
        facts.write_text(facts.read_text().replace(str(scene.city.ports[0]), str(line.port)))
        agent = scene.play_up_to_the_first_frame()
        is_noticed = [_suffer(scene, line, mood, journal) for mood in moods]
        line.become(Mood.GOOD)
        scene.finish(agent)
    return {
        "the link met every fault": all(line.met[mood] for mood in moods) and line.cuts > 0,
        "the agent logs each loss, and by itself a link that died unnoticed": all(is_noticed),
        "the outbox drains when the line is good": waiting(scene.box) == 0,
    }


def _suffer(scene: Scene, line: BadLine, mood: Mood, journal: Journal) -> bool:
    """Have the line in one mood for a while, then cut it; whether the agent noticed."""
    lost = journal.count("link_lost")
    line.become(mood)
    if mood is Mood.REFUSING:
        line.cut()
    if within(20, lambda: line.met[mood] > 0):
        time.sleep(scene.rng.uniform(1, 3))
    if mood is not Mood.HALF_OPEN:
        within(5, lambda: line.cut() > 0)
    is_noticed = within(30, lambda: journal.count("link_lost") > lost)
    line.cut()
    return is_noticed


FAULTS: Final[Mapping[str, Fault]] = {
    "box-disk-full": box_disk_full,
    "server-disk-full": server_disk_full,
    "evidence-disk-full": evidence_disk_full,
    "database-refused": database_refused,
    "database-failed-over": database_failed_over,
    "broker-queue-overflow": broker_queue_overflow,
    "clock-jumps": clock_jumps,
    "cloned-box": cloned_box,
    "bad-links": bad_links,
}


def _status(box: Box) -> dict[str, dict[str, int]]:
    """What a running agent says of itself."""
    return ask_agent(box.folder / "data" / SOCKET, "status")


def _buried(box: Box) -> int:
    """The dead letters of an agent that may not have opened its outbox yet."""
    try:
        return _status(box)["outbox"]["dead_letters"]
    except NotRunning:
        return 0


def _receipted_is_stored(scene: Scene, for_s: float) -> bool:
    """Whether, all that time, the box has no receipt for what the ledger does not hold."""
    dsn, until_s = dsn_of(scene.city), time.monotonic() + for_s
    while time.monotonic() < until_s:
        receipted = _status(scene.box)["outbox"]["receipted"]
        if receipted > ask(dsn, _LEDGER, scene.box.device):
            return False
        time.sleep(0.2)
    return True


@contextmanager
def _aggregator_started(city: LocalCity) -> Iterator[None]:
    try:
        city.start_aggregator()
        yield
    finally:
        _stop_servers(city)


def _stop_servers(city: LocalCity) -> None:
    """Aggregator and embedded database; their files may be moved when this returns."""
    city.aggregator.stop(timeout_s=90)
    pid_file = city.home / "postgres" / "cluster" / "postmaster.pid"
    until(lambda: not pid_file.exists(), "the embedded database to stop", limit_s=90)


@contextmanager
def _settings(city: LocalCity, line: str, instead: str) -> Iterator[None]:
    """The installation's settings with one line replaced."""
    before = city.config.read_text()
    city.config.write_text(before.replace(line, instead) if line in before else f"{before}\n{instead}\n")
    try:
        yield
    finally:
        city.config.write_text(before)


@contextmanager
def _short_queue(city: LocalCity, length: int) -> Iterator[None]:
    """The broker with a short queue. It reads the length at a start only."""
    try:
        with _settings(city, "[mosquitto]", f"[mosquitto]\nmax_queued_messages = {length}"):
            _restart_broker(city)
            yield
    finally:
        _restart_broker(city)


def _restart_broker(city: LocalCity) -> None:
    city.write_broker_config()
    city.broker.stop()
    city.start_broker()


def _played_at(scene: Scene, clock: Path, *, starts_s: float, goes_on_s: float) -> int:
    """Play under a clock that is wrong at the start, and wrong otherwise from the first frame on; the epoch."""
    program = (sys.executable, str(Path(__file__).with_name("agent_at_another_time.py")), str(clock))
    _set(clock, starts_s)
    agent = scene.play_up_to_the_first_frame(program)
    _set(clock, goes_on_s)
    scene.finish(agent)
    return epoch(scene.box)


def _set(clock: Path, wrong_by_s: float) -> None:
    """In one step: the agent may be reading."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(str(wrong_by_s))
    fresh.replace(clock)


def _unmarked(scene: Scene, played: int) -> int:
    """The hits of a play that are not both marked and counted when they were received."""
    query = """SELECT count(*) FROM hit WHERE device_id = $1 AND epoch = $2
                  AND NOT (is_clock_suspect AND counted_at = received_at)"""
    return int(ask(dsn_of(scene.city), query, scene.box.device, played))


def _copy(box: Box, name: str, *parts: str) -> Box:
    copy = Box(box.device, box.point, box.folder / name)
    copy.folder.mkdir(mode=0o700)
    for part in parts:
        source = box.folder / part
        if source.is_dir():
            shutil.copytree(source, copy.folder / part, ignore=shutil.ignore_patterns(SOCKET))
        else:
            shutil.copy2(source, copy.folder / part)
    return copy
