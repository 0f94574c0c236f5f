"""Choosing what a box can carry: the reference if it does, the fastest if not, never beyond the profile."""

import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.adapters.camera_book import BookCamera
from edge_agent.adapters.profiles import load_profile
from edge_agent.core.tuning import Plan, Setup, Site, Trial, choose, decoding_cores, is_enough, per_camera, setups
from edge_agent.service.tune import Change, Tuning

PROFILE = load_profile("generic-x86-64")
MOST = PROFILE.capacity.frames_per_s.value
SITE = Site(cameras=2, cores=4, decode_ms=10.0)
F32 = Setup("CPU", "f32", 2, 1, 640)
BF16 = Setup("CPU", "bf16", 2, 1, 640)
LEAN = Setup("CPU", "f32", 1, 1, 640)


def test_ways_never_use_more_threads_than_the_profile_allows() -> None:
    found = setups(PROFILE, [("CPU", "f32"), ("CPU", "bf16")], cores=16, cameras=8, plate_side_px=640)
    assert {(each.workers, each.threads) for each in found} == {(1, 1), (1, 2), (2, 1)}
    assert all(each.workers * each.threads <= PROFILE.inference.threads for each in found)


def test_one_core_gives_one_way() -> None:
    assert setups(PROFILE, [("CPU", "f32")], cores=1, cameras=4, plate_side_px=640) == (Setup("CPU", "f32", 1, 1, 640),)


def test_another_device_gets_one_set() -> None:
    found = setups(load_profile("n100"), [("GPU", "f16")], cores=4, cameras=3, plate_side_px=640)
    assert found == (Setup("GPU", "f16", 1, 1, 640),)


def test_decoding_comes_first() -> None:
    assert decoding_cores(SITE) == pytest.approx(0.3)
    busy = Site(cameras=2, cores=4, decode_ms=120.0)  # 3.6 of the 4 cores
    assert per_camera(Trial(F32, 100.0), busy) < per_camera(Trial(F32, 100.0), SITE) / 5


def test_where_decoding_takes_all_cores_nothing_is_left() -> None:
    drowned = Site(cameras=8, cores=2, decode_ms=50.0)
    assert per_camera(Trial(F32, 100.0), drowned) == 0.0
    assert not is_enough(choose([Trial(F32, 100.0)], PROFILE, drowned))


def test_of_ways_that_reach_the_profile_the_reference_wins_though_another_is_faster() -> None:
    plan = choose([Trial(BF16, 200.0), Trial(F32, 60.0)], PROFILE, SITE)
    assert plan.setup == F32
    assert (plan.frames_per_s, plan.is_limited_by_profile) == (MOST, True)


def test_of_two_that_reach_it_in_the_same_precision_the_one_with_fewer_threads_wins() -> None:
    assert choose([Trial(F32, 90.0), Trial(LEAN, 60.0)], PROFILE, SITE).setup == LEAN


def test_where_none_reaches_the_profile_the_fastest_wins() -> None:
    plan = choose([Trial(F32, 8.0), Trial(BF16, 15.0)], PROFILE, SITE)
    assert plan.setup == BF16
    assert not plan.is_limited_by_profile
    assert plan.frames_per_s == 5.0  # 15 x (3.7 of 4 cores) x 3/4 / 2 cameras, in steps of a half


@given(
    st.lists(st.tuples(st.sampled_from([F32, BF16, LEAN]), st.floats(0.1, 1000)), min_size=1),
    st.integers(1, 32), st.integers(1, 64), st.floats(0.1, 100),
)  # fmt: skip
def test_a_plan_never_exceeds_the_profile(
    measured: list[tuple[Setup, float]], cameras: int, cores: int, decode_ms: float
) -> None:
    plan = choose([Trial(*each) for each in measured], PROFILE, Site(cameras, cores, decode_ms))
    assert 0 < plan.frames_per_s <= MOST


def test_under_a_signed_document_only_the_cameras_are_the_sites_to_change() -> None:
    changes = tuple(
        Change(key, 1, 2, "why") for key in ("inference.threads", "outbox.max_mb", "cameras.cam-1.frames_per_s")
    )
    tuning = Tuning(SITE, (), Plan(F32, 6.5, is_limited_by_profile=False), changes)
    assert [each.key for each in tuning.of_the_site().changes] == ["cameras.cam-1.frames_per_s"]
    assert tomllib.loads(tuning.for_the_region()) == {"inference": {"threads": 2}, "outbox": {"max_mb": 2}}


def test_a_camera_of_the_book_gets_its_rate_there() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    book = tuple(BookCamera(camera=name, shown="rtsp://192.0.2.1", sealed="", added=now) for name in ("cam-1", "cam-2"))
    changes = (Change("cameras.cam-2.frames_per_s", 10.0, 6.5, "why"),)
    tuning = Tuning(SITE, (), Plan(F32, 6.5, is_limited_by_profile=False), changes)
    assert [each.frames_per_s for each in tuning.in_book(book)] == [10.0, 6.5]
