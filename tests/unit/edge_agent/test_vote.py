"""The vote over looks."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.ctc import look_at
from edge_agent.core.looks import Look
from edge_agent.core.vote import Outcome, Weighed, prior, vote
from protocol.plates import ALPHABET
from tests.simulators.sight import make_look


def voted(*looks: Look, weight: float = 1.0) -> Outcome:
    """The vote of looks of one weight, of which some saw something."""
    outcome = vote([Weighed(look, weight) for look in looks])
    assert outcome is not None
    return outcome


def test_no_look_that_saw_a_character_is_no_outcome() -> None:
    assert vote([]) is None
    assert vote([Weighed(Look.blank(), 1.0)]) is None


def test_agreeing_looks_are_surer_than_one() -> None:
    one, three = voted(make_look("FAB123C")), voted(*[make_look("FAB123C")] * 3)
    assert one.text == three.text == "FAB123C"
    assert three.confidence > one.confidence


def test_no_number_of_looks_makes_certain() -> None:
    assert voted(*[make_look("FAB123C", 1.0)] * 50).confidence < 1.0


def test_one_look_however_sure_stays_below_the_threshold_of_a_read() -> None:
    assert voted(make_look("FAB123C", 1.0)).confidence < 0.9


def test_characters_are_decided_one_by_one() -> None:
    first = make_look("FAB128C", [0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9])
    second = make_look("FA8123C", [0.9, 0.9, 0.5, 0.9, 0.9, 0.9, 0.9])
    assert voted(first, second).text == "FAB123C"


def test_observed_is_the_best_single_look_beside_what_the_vote_says() -> None:
    first = make_look("FAB128C", [0.9, 0.9, 0.9, 0.9, 0.9, 0.6, 0.9])
    second = make_look("FA8123C", [0.9, 0.9, 0.5, 0.9, 0.9, 0.9, 0.9])
    assert voted(first, second).observed == "FAB128C"


def test_the_doubtful_character_is_named_among_the_candidates() -> None:
    doubtful = np.full((7, len(ALPHABET)), 1e-4, np.float32)
    for row, character in zip(doubtful, "FAB123C", strict=True):
        row[ALPHABET.index(character)] = 0.98
    doubtful[2, ALPHABET.index("B")], doubtful[2, ALPHABET.index("8")] = 0.6, 0.38
    outcome = voted(Look.spelt(doubtful))
    assert [c.text for c in outcome.candidates[:2]] == ["FAB123C", "FA8123C"]


def test_a_lost_last_character_does_not_outvote_the_whole_plate() -> None:
    whole, cut = make_look("UPF337A", 0.97), make_look("UPF337", 0.97)
    assert voted(whole, whole, cut).text == "UPF337A"
    assert voted(whole, cut).text == "UPF337A"


def test_a_ghost_character_at_the_rim_does_not_outvote_the_plate() -> None:
    rows = make_look("WFAB123C", 0.97).probabilities
    rows[0] *= 0.55
    ghost = look_at(Look.spelt(rows).steps)
    assert ghost.text == "WFAB123C", "the rest is the blank's"
    assert voted(ghost, make_look("FAB123C", 0.97), ghost).text == "FAB123C"


def test_looks_of_two_lengths_are_weighed_by_how_likely_each_makes_the_others_text() -> None:
    rows = make_look("UPF337A", 0.97).probabilities
    rows[6] *= 0.45
    nearly = look_at(Look.spelt(rows).steps)
    assert nearly.text == "UPF337"
    assert voted(nearly, nearly).text == "UPF337"
    assert voted(nearly, nearly, make_look("UPF337A", 0.97)).text == "UPF337A"


def test_a_far_look_does_not_outvote_a_near_one() -> None:
    far, near = make_look("FAB128C", 0.95), make_look("FAB123C", 0.95)
    outcome = vote([Weighed(far, 0.2), Weighed(far, 0.2), Weighed(near, 1.0)])
    assert outcome is not None
    assert outcome.text == "FAB123C"


def test_a_known_form_raises_and_never_rewrites() -> None:
    assert voted(make_look("FAB123C")).confidence > voted(make_look("FABI23C")).confidence
    assert voted(make_look("FABI23C", 0.9)).text == "FABI23C"
    assert voted(make_look("FABI23C")).format_name is None
    assert voted(make_look("FAB123C")).format_name == "private-car"


@pytest.mark.parametrize("text", ["F", "FA", "FAB123C456D", "GWAGEN", "12345"])
def test_odd_texts_are_less_likely_but_possible(text: str) -> None:
    assert 0 < prior(text) < prior("FAB123C") == 1.0


def test_a_head_that_no_state_gives_out_says_no_more_than_a_foreign_plate_and_rewrites_nothing() -> None:
    assert prior("FAB123C") == prior("NAB123C") == 1.0
    assert prior("ZZB123C") == prior("ZZB1234") == prior("7XYZ123") < 1
    assert prior("A12BCD") == 1.0, "a form whose letters tell no state"
    assert voted(make_look("ZZB123C")).text == "ZZB123C"


def test_a_form_so_short_that_a_half_hidden_plate_has_it_proves_less() -> None:
    assert voted(make_look("852H"), make_look("852H")).format_name == "disability"
    assert prior("852H") < prior("A12BC")


TEXTS = st.text(alphabet=ALPHABET, min_size=1, max_size=9)
WEIGHED = st.builds(
    lambda text, sureness, weight: Weighed(make_look(text, sureness), weight),
    TEXTS,
    st.floats(0.3, 1.0),
    st.floats(0.05, 1.0),
)


@given(st.lists(WEIGHED, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_looks_does_not_matter(looks: list[Weighed], random: Random) -> None:
    shuffled = looks[:]
    random.shuffle(shuffled)
    one, other = vote(looks), vote(shuffled)
    assert one is not None
    assert other is not None
    assert one.confidence == pytest.approx(other.confidence, abs=1e-9)
    assert one.text == other.text


@given(st.lists(WEIGHED, min_size=1, max_size=8))
def test_confidences_of_candidates_sum_to_at_most_one(looks: list[Weighed]) -> None:
    outcome = vote(looks)
    assert outcome is not None
    assert sum(candidate.confidence for candidate in outcome.candidates) <= 1 + 1e-9
    assert outcome.candidates[0].text == outcome.text
    assert list(outcome.candidates) == sorted(outcome.candidates, key=lambda c: -c.confidence)


def test_a_printed_outcome_shows_no_plate() -> None:
    assert "FAB123C" not in repr(voted(make_look("FAB123C")))
