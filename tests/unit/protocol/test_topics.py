"""Topics: build and parse are inverse, and nothing else is a topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_samples_world import WHO

from protocol.errors import BadName, BadTopic
from protocol.messages import Kind
from protocol.order import Identity
from protocol.topics import (
    SCHEMA,
    Direction,
    Topic,
    broadcast_topic,
    device_topic,
    link_topic,
    message_topic,
    parse_topic,
    patterns,
)

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
places = st.builds(Identity, device=ids, city=ids, point=ids)
LINK = (Direction.LINK_UP, Direction.LINK_DOWN)


def words(*ways: Direction) -> st.SearchStrategy[str]:
    return st.sampled_from([word for word, way in SCHEMA.items() if way in ways])


topics = (
    st.builds(device_topic, places, words(Direction.UP, Direction.DOWN))
    | st.builds(broadcast_topic, ids, words(Direction.BROADCAST))
    | st.builds(link_topic, ids, words(*LINK))
)


@given(topics)
def test_parse_is_the_inverse_of_build(topic: Topic) -> None:
    assert parse_topic(str(topic)) == topic


@given(
    st.lists(st.sampled_from(["atalaya", "v1", "-", "a", "hit", "hotlist", "head", "+", "#", "", "A"]), max_size=8)
    | st.none(),
    st.text(),
)
def test_what_parses_builds_the_same_text(levels: list[str] | None, text: str) -> None:
    text = text if levels is None else "/".join(levels)
    try:
        topic = parse_topic(text)
    except BadTopic:
        return
    assert str(topic) == text
    builders = {Direction.BROADCAST: broadcast_topic, **dict.fromkeys(LINK, link_topic)}
    build = builders.get(topic.direction)
    assert build is None or build(topic.city, topic.word) == topic


@given(topics, st.data())
def test_a_changed_character_is_another_topic_or_none(topic: Topic, draw: st.DataObject) -> None:
    text = str(topic)
    at = draw.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + draw.draw(st.characters()) + text[at + 1 :]
    try:
        parsed = parse_topic(changed)
    except BadTopic:
        return
    assert (parsed == topic) is (changed == text)


def test_every_kind_has_its_topic() -> None:
    for kind in Kind:
        topic = message_topic(WHO, kind)
        assert (topic.kind, topic.direction) == (kind, Direction.UP)
    assert device_topic(WHO, "presence").kind is None


@pytest.mark.parametrize("word", ["hotlist", "trust", "transit", "head", "", "HIT", "+"])
def test_a_device_has_no_word_of_a_city(word: str) -> None:
    with pytest.raises(BadTopic):
        device_topic(WHO, word)


@pytest.mark.parametrize("word", ["hit", "receipt", "head", "link-receipt", "", "#"])
def test_a_city_has_no_word_of_a_device(word: str) -> None:
    with pytest.raises(BadTopic):
        broadcast_topic("saltillo", word)


@pytest.mark.parametrize("word", ["hit", "receipt", "hotlist", "trust", "", "+"])
def test_a_link_has_no_word_of_another(word: str) -> None:
    with pytest.raises(BadTopic):
        link_topic("saltillo", word)


@pytest.mark.parametrize("name", ["", "-", "+", "#", "a/b", "Saltillo", "a\n", "a" * 33])
def test_a_name_outside_the_grammar_builds_nothing(name: str) -> None:
    with pytest.raises(BadName):
        broadcast_topic(name, "hotlist")
    with pytest.raises(BadName):
        link_topic(name, "head")
    for who in (Identity(name, "a", "a"), Identity("a", name, "a"), Identity("a", "a", name)):
        with pytest.raises(BadName):
            device_topic(who, "hit")


@given(topics)
def test_every_topic_matches_one_pattern_of_its_direction_and_none_of_another(topic: Topic) -> None:
    for direction in Direction:
        matching = [pattern for pattern in patterns(direction) if matches(pattern, str(topic))]
        assert len(matching) == (1 if direction is topic.direction else 0)


def matches(pattern: str, topic: str) -> bool:
    """MQTT's rule for `+`."""
    pairs = list(zip(pattern.split("/"), topic.split("/"), strict=True))
    return all(want in ("+", have) for want, have in pairs)


def test_patterns_take_a_devices_own_place() -> None:
    assert patterns(Direction.DOWN, device="%u") == [
        "atalaya/v1/+/+/%u/receipt",
        "atalaya/v1/+/+/%u/resend",
        "atalaya/v1/+/+/%u/settings",
        "atalaya/v1/+/+/%u/terms",
    ]
    assert patterns(Direction.BROADCAST, city="saltillo", device="%u") == [
        "atalaya/v1/saltillo/-/-/hotlist",
        "atalaya/v1/saltillo/-/-/trust",
    ]
    assert patterns(Direction.LINK_DOWN) == ["atalaya/v1/+/-/-/link-receipt", "atalaya/v1/+/-/-/head"]
