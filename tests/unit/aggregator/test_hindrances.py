"""What stands in the way: told until it is gone, and new only once."""

from aggregator.core.hindrances import Hindrances


def test_what_is_noted_stands_until_the_part_goes_on() -> None:
    hindrances = Hindrances()
    assert hindrances.note("rollout", ["r-1: no grant", "r-2: no link"]) == ("r-1: no grant", "r-2: no link")
    assert hindrances.note("hotlist", ["no bundle"]) == ("no bundle",)
    assert list(hindrances) == ["rollout: r-1: no grant", "rollout: r-2: no link", "hotlist: no bundle"]
    assert hindrances.note("rollout", ["r-2: no link"]) == ()
    assert hindrances.note("rollout", ()) == ()
    assert list(hindrances) == ["hotlist: no bundle"]


def test_what_comes_back_is_new_again() -> None:
    hindrances = Hindrances()
    assert hindrances.note("rollout", ["r-1: no grant"]) == ("r-1: no grant",)
    assert hindrances.note("rollout", ()) == ()
    assert hindrances.note("rollout", ["r-1: no grant"]) == ("r-1: no grant",)
