"""The broker's access list: every line comes from the topic schema, and no name of ours can be a device's."""

import pytest

from aggregator.core.access import access_list, duty_of, link_client
from aggregator.core.founding import Plan
from aggregator.errors import BadInput
from protocol.errors import BadName
from protocol.messages import Kind
from protocol.names import is_id
from protocol.topics import HEAD, RETAINED, SCHEMA, Direction


def lines_of(text: str, user: str | None) -> set[str]:
    """The lines under a user, or the patterns that hold for all."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    if user is None:
        return {line for block in blocks for line in block if line.startswith("pattern")}
    return {line for block in blocks if block[0] == f"user {user}" for line in block[1:]}


def test_a_device_writes_its_own_up_words_and_reads_its_own_down_words() -> None:
    prefix = "atalaya/v1/saltillo/+/%u"
    up = {f"pattern write {prefix}/{word}" for word, way in SCHEMA.items() if way is Direction.UP}
    down = {f"pattern read {prefix}/{word}" for word, way in SCHEMA.items() if way is Direction.DOWN}
    all_of_city = {
        f"pattern read atalaya/v1/saltillo/-/-/{word}" for word, way in SCHEMA.items() if way is Direction.BROADCAST
    }
    assert lines_of(access_list([], city="saltillo"), None) == up | down | all_of_city


def test_a_worker_writes_nothing_that_a_device_or_the_publisher_writes() -> None:
    lines = lines_of(access_list(["worker.1"], city="saltillo"), "worker.1")
    assert "topic read atalaya/v1/saltillo/+/+/hit" in lines
    written = {line.rsplit("/", 1)[1] for line in lines if line.startswith("topic write")}
    assert written == {"receipt", "resend"}
    assert not any(line.startswith("topic readwrite") for line in lines)


def test_only_the_publisher_writes_what_is_retained() -> None:
    text = access_list(["worker.1", "publisher.1", "probe.1"], city="saltillo")
    writing = [
        line
        for line in text.splitlines()
        if "write" in line and ("/-/-/" in line or line.endswith(("/settings", "/terms")))
    ]
    assert set(writing) == lines_of(text, "publisher.1")
    assert {line.rsplit("/", 1)[1] for line in writing} == RETAINED - {HEAD}


def test_the_probe_reads_the_brokers_figures_only() -> None:
    assert lines_of(access_list(["probe.1"], city="saltillo"), "probe.1") == {"topic read $SYS/broker/#"}


def test_a_region_hears_every_city() -> None:
    assert "topic read atalaya/v1/+/+/+/hit" in lines_of(access_list(["worker.1"], city=None), "worker.1")


def test_a_link_says_its_own_citys_words_and_hears_the_answers() -> None:
    lines = lines_of(access_list([], city=None, linked=["saltillo", "torreon"]), "link.saltillo")
    told = {f"topic write atalaya/v1/saltillo/+/+/{word}" for word, way in SCHEMA.items() if way is Direction.UP}
    assert lines == told | {
        "topic write atalaya/v1/saltillo/-/-/transit",
        "topic read atalaya/v1/saltillo/+/+/receipt",
        "topic read atalaya/v1/saltillo/-/-/link-receipt",
        "topic read atalaya/v1/saltillo/-/-/head",
    }


def test_a_regions_servers_hear_and_answer_links_and_a_citys_do_not() -> None:
    clients = ["worker.1", "publisher.1"]
    region, city = access_list(clients, city=None), access_list(clients, city="saltillo")
    worker = lines_of(region, "worker.1")
    assert {"topic read atalaya/v1/+/-/-/transit", "topic write atalaya/v1/+/-/-/link-receipt"} <= worker
    assert "topic readwrite atalaya/v1/+/-/-/head" in lines_of(region, "publisher.1")
    assert not any(word in city for word in ("transit", "link-receipt", "head"))


def test_a_region_has_links_and_no_devices_and_a_city_the_reverse() -> None:
    assert not lines_of(access_list([], city=None, linked=["saltillo"]), None)
    assert "link." not in access_list([], city="saltillo", linked=["torreon"])


@pytest.mark.parametrize("name", ["", "-", "+", "Saltillo", "a.b", "a\n"])
def test_no_link_has_a_name_outside_the_grammar(name: str) -> None:
    with pytest.raises(BadName):
        access_list([], city=None, linked=[name])


def test_every_message_kind_is_on_the_list() -> None:
    text = access_list(["worker.1"], city="saltillo")
    assert all(f"/%u/{kind.slug}\n" in text and f"/+/{kind.slug}\n" in text for kind in Kind)


def test_nobody_but_the_named_gets_a_line() -> None:
    text = access_list(["worker.1", "worker.1", "worker.2"], city="saltillo")
    users = [line for line in text.splitlines() if line.startswith("user ")]
    assert users == ["user worker.1", "user worker.2"]
    assert text.index("user worker.2") < text.index("pattern")


@pytest.mark.parametrize("name", ["worker-1", "worker.0", "worker.01", "worker", "worker.1\n", "ana.1", "worker.1 x"])
def test_what_is_no_client_of_ours_gets_no_line(name: str) -> None:
    with pytest.raises(BadInput):
        duty_of(name)


def test_no_device_can_have_the_name_of_a_client_of_ours() -> None:
    names = [*Plan(city="saltillo", name="Saltillo", workers=9).clients, link_client("saltillo")]
    assert not any(is_id(name) for name in names)
