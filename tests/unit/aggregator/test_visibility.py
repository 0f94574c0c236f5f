"""Who sees what of another city: what the policy says, what it cannot say, and that the page's table is the code's."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from visibility_table import PAGE, table

from aggregator.core.visibility import (
    But,
    Corridor,
    Policy,
    Sees,
    Sight,
    What,
    corridors_between,
    matrix,
    named_cities,
    parse_policy,
    seen_by,
)
from aggregator.errors import BadInput
from protocol.federation import Notice

EXAMPLE = PAGE.read_text(encoding="utf-8").split("```toml\n", 1)[1].split("```", 1)[0]
ROAD = Corridor(name="57", cities=("saltillo", "castanos", "monclova", "acuna"), reach=2)
POLICY = Policy(neighbours={"saltillo": ("torreon", "castanos")}, corridors=(ROAD,))
CITIES = ("acuna", "castanos", "monclova", "saltillo", "torreon")


def test_without_a_file_who_asked_is_told_and_nobody_else() -> None:
    seen = {what: seen_by(Policy(), "torreon", "saltillo", what) for what in What}
    assert seen == {
        What.HOTLIST: Sight.PLATE,
        What.ASKED: Sight.PLATE,
        What.NEIGHBOUR: Sight.NOTHING,
        What.CORRIDOR: Sight.NOTHING,
    }


@given(sees=st.sampled_from(Sight), but=st.sampled_from([None, *Sight]))
def test_what_is_a_citys_own_it_sees_whole_whatever_the_policy_says(sees: Sight, but: Sight | None) -> None:
    policy = Policy(sees=Sees(asked=sees, neighbour=sees, corridor=sees), but=(But(asked=but, neighbour=but),))
    assert {seen_by(policy, "saltillo", "saltillo", what) for what in What} == {Sight.PLATE}


def test_neighbours_are_so_both_ways_and_nobody_else_is() -> None:
    pairs = {
        (viewer, owner)
        for viewer, owner in itertools.permutations(CITIES, 2)
        if seen_by(POLICY, viewer, owner, What.NEIGHBOUR) is not Sight.NOTHING
    }
    assert {tuple(sorted(pair)) for pair in pairs} == {("saltillo", "torreon"), ("castanos", "saltillo")}
    assert len(pairs) == 4


def test_a_corridor_reaches_so_many_cities_along_the_road_both_ways() -> None:
    reached = {
        tuple(sorted((viewer, owner)))
        for viewer, owner in itertools.permutations(CITIES, 2)
        if seen_by(POLICY, viewer, owner, What.CORRIDOR) is Sight.PLACE
    }
    along = ROAD.cities
    assert reached == {tuple(sorted(pair)) for gap in (1, 2) for pair in zip(along, along[gap:], strict=False)}
    assert corridors_between(POLICY, "acuna", "saltillo") == ()


def test_of_several_exceptions_the_last_that_speaks_of_it_counts() -> None:
    policy = Policy(
        neighbours={"saltillo": ("torreon", "castanos")},
        but=(
            But(owner="saltillo", neighbour=Sight.PLATE, asked=Sight.PLACE),
            But(viewer="torreon", neighbour=Sight.NOTHING),
            But(viewer="torreon", owner="saltillo", hotlist=Sight.NOTHING),
        ),
    )
    assert seen_by(policy, "castanos", "saltillo", What.NEIGHBOUR) is Sight.PLATE
    assert seen_by(policy, "torreon", "saltillo", What.NEIGHBOUR) is Sight.NOTHING
    assert seen_by(policy, "torreon", "saltillo", What.ASKED) is Sight.PLACE
    assert seen_by(policy, "torreon", "saltillo", What.HOTLIST) is Sight.NOTHING
    assert seen_by(policy, "saltillo", "torreon", What.HOTLIST) is Sight.PLATE


def test_no_exception_makes_strangers_neighbours() -> None:
    policy = Policy(but=(But(neighbour=Sight.PLATE, corridor=Sight.PLATE),))
    assert seen_by(policy, "torreon", "saltillo", What.NEIGHBOUR) is Sight.NOTHING
    assert seen_by(policy, "torreon", "saltillo", What.CORRIDOR) is Sight.NOTHING


def test_the_matrix_is_what_is_judged_for_each_pair_and_reason() -> None:
    cells = matrix(POLICY, CITIES)
    assert len(cells) == len(CITIES) * (len(CITIES) - 1) * len(What)
    assert all(seen_by(POLICY, cell.viewer, cell.owner, cell.what) is cell.sight for cell in cells)
    assert named_cities(POLICY) == set(CITIES)


def test_the_pages_example_is_a_policy() -> None:
    policy = parse_policy(EXAMPLE)
    assert policy.sees == Sees()
    assert seen_by(policy, "castanos", "saltillo", What.CORRIDOR) is Sight.PLACE
    assert (policy.neighbour_minutes, policy.corridors[0].minutes, len(policy.but)) == (60, 120, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[sees]\nhotlist = 'place'", "hotlist"),
        ("[sees]\npicture = 'plate'", "picture"),
        ("[sees]\nasked = 'everything'", "everything"),
        ("asked_minutes = 10081", "10080"),
        ("reasons = ['debt']", "debt"),
        ("[neighbours]\nsaltillo = ['saltillo']", "its own neighbour"),
        ("[[corridors]]\nname = '57'\ncities = ['saltillo', 'saltillo']", "names a city twice"),
        ("[[corridors]]\nname = '57'\ncities = ['saltillo']", "2"),
        ("[[but]]\nowner = 'saltillo'\nviewer = 'saltillo'\nasked = 'nothing'", "all that is its own"),
        ("[neighbours", "not TOML"),
    ],
)
def test_what_is_no_policy_is_refused_and_named(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        parse_policy(text)


def test_there_is_no_word_for_a_picture_and_no_field_for_one() -> None:
    words = {*What, *Sight}
    assert not [word for word in words if "picture" in word or "face" in word or "evidence" in word]
    assert set(Notice.__struct_fields__) == {
        *("version", "to", "hit", "city", "point", "camera", "why", "reason", "entries"),
        *("captured_ms", "created_ms", "until_ms", "envelope", "corridor"),
    }


def test_the_pages_table_is_the_codes() -> None:
    assert table() in Path(PAGE).read_text(encoding="utf-8"), "write it: scripts/visibility_table.py"
