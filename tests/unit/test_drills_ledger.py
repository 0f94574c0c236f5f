"""The drills' ledger: what the agent's announcements owe."""

from drills.ledger import SAME_VEHICLE_S, passages


def said(plate: str, at_s: float) -> dict[str, object]:
    return {"event": "hit", "plate": plate, "decided_mono_s": at_s}


def test_one_vehicle_announced_twice_owes_one_hit_and_so_makes_the_second_a_duplicate() -> None:
    assert passages([said("FAB123C", 5.0), said("FAB123C", 5.0 + SAME_VEHICLE_S)]) == {"FAB123C": 1}


def test_a_vehicle_that_comes_back_later_owes_a_hit_more() -> None:
    assert passages([said("FAB123C", 5.0), said("FAB123C", 5.1 + SAME_VEHICLE_S)]) == {"FAB123C": 2}


def test_each_plate_counts_for_itself_whatever_the_order_of_the_lines() -> None:
    lines = [said("FAB123C", 7.0), said("UPF337A", 6.0), said("FAB123C", 6.5)]
    assert passages(lines) == {"FAB123C": 1, "UPF337A": 1}
