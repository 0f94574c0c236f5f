"""Tuning: measure this box with the real models, choose what it can carry within its profile, change the settings.

Nothing else should run meanwhile: a running agent is told of, and stops the tuning before it begins. The full input
size is tried first; smaller ones only if no camera would get enough frames with it.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from edge_agent.adapters import probe_inference
from edge_agent.adapters.camera_book import BookCamera
from edge_agent.adapters.control_socket import NAME, ask
from edge_agent.adapters.model_sets import MODEL_SETS
from edge_agent.adapters.probe_throughput import decode_ms, search_rate
from edge_agent.adapters.settings_file import Changes, Value, with_changes
from edge_agent.core.layers import SIGNED
from edge_agent.core.profiles import Profile
from edge_agent.core.tuning import Plan, Setup, Site, Trial, choose, is_enough, setups
from edge_agent.errors import AgentRuns, InferenceMismatch, NotRunning
from edge_agent.settings import Settings

SMALLER_PX: Final = (480, 320)

OnProgress: TypeAlias = Callable[[Setup], None]


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the settings: what it was, what it shall be, and the message that says why."""

    key: str
    was: Value
    now: Value
    why: str


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured, what was chosen, and what that changes."""

    site: Site
    trials: tuple[Trial, ...]
    plan: Plan
    changes: tuple[Change, ...]

    def of_the_site(self) -> "Tuning":
        """Without the keys that are the region's to say once it has signed a document."""
        return replace(self, changes=tuple(each for each in self.changes if each.key not in SIGNED))

    def for_the_region(self) -> str:
        """The other keys alone, as the settings of a document for the region to sign."""
        keys = {each.key: each.now for each in self.changes if each.key in SIGNED}
        return with_changes("", Changes(keys, {}), Path("settings.toml"))

    def in_text(self, text: str, path: Path) -> str:
        """The text of a settings file with the changes made."""
        keys = {each.key: each.now for each in self.changes if not each.key.startswith("cameras.")}
        cameras = {camera: {"frames_per_s": self.plan.frames_per_s} for camera in self._cameras}
        return with_changes(text, Changes(keys, cameras), path)

    def in_book(self, book: tuple[BookCamera, ...]) -> tuple[BookCamera, ...]:
        """The camera book with the changes made."""
        rate = self.plan.frames_per_s
        return tuple(
            msgspec.structs.replace(each, frames_per_s=rate) if each.camera in self._cameras else each for each in book
        )

    @property
    def _cameras(self) -> tuple[str, ...]:
        return tuple(each.key.split(".")[1] for each in self.changes if each.key.startswith("cameras."))


def tune(settings: Settings, profile: Profile, *, cameras: int, on_progress: OnProgress = lambda _: None) -> Tuning:
    """Measure and choose; takes about a minute. Raises `AgentRuns`, or an `EdgeError` of the models."""
    check_alone(settings)
    site = Site(cameras=cameras, cores=len(os.sched_getaffinity(0)), decode_ms=decode_ms())
    trials: list[Trial] = []
    for side_px in (profile.inference.plate_side_px, *SMALLER_PX):
        fresh = _tried(settings, profile, site, side_px, on_progress)
        trials += fresh
        plan = choose(fresh, profile, site)
        if is_enough(plan):
            break
    else:
        plan = choose(trials, profile, site)
    return Tuning(site, tuple(trials), plan, tuple(_changes(settings, profile, plan)))


def check_alone(settings: Settings) -> None:
    """Raises `AgentRuns` if an agent answers on the control socket."""
    try:
        status = ask(settings.data_dir / NAME, "status")
    except NotRunning:
        return
    raise AgentRuns(
        f"the agent of {status['device']} runs, and would be measured too: stop it (`systemctl stop atalaya-agent`), "
        "tune, start it again"
    )


def _tried(settings: Settings, profile: Profile, site: Site, side_px: int, on_progress: OnProgress) -> Sequence[Trial]:
    """Every way with one input size; one that a device refuses is left out, unless none is left."""
    found, refusal = [], None
    ways = setups(profile, _offered(profile), cores=site.cores, cameras=site.cameras, plate_side_px=side_px)
    for setup in ways:
        on_progress(setup)
        try:
            found.append(Trial(setup, search_rate(settings.inference, setup)))
        except InferenceMismatch as exc:
            refusal = exc
    if not found and refusal is not None:
        raise refusal
    return found


def _offered(profile: Profile) -> list[tuple[str, str]]:
    """Devices of the profile that are there, and the processor; each with the precisions it computes in."""
    have, fallback = probe_inference.devices(), profile.inference.fallback
    wanted = (profile.inference.device, fallback.device if fallback else "CPU")
    names = [name for name in dict.fromkeys(wanted) if name in have] or ["CPU"]
    return [(name, precision) for name in names for precision in probe_inference.precisions(name)]


def _changes(settings: Settings, profile: Profile, plan: Plan) -> list[Change]:
    """Every key that the plan is about, changed or not, with its reason."""
    inference, setup = settings.inference, plan.setup
    side_px = MODEL_SETS[inference.stack].side_px(inference.plate_side_px)
    rate_why = "tune-why-profile" if plan.is_limited_by_profile else "tune-why-measured"
    side_why = "tune-why-side" if setup.plate_side_px == profile.inference.plate_side_px else "tune-why-side-smaller"
    most_mb, most_lookback_mb = profile.disk.outbox_mb, profile.memory.lookback_mb
    return [
        Change("inference.device", inference.device, setup.device, "tune-why-fastest"),
        Change("inference.precision", inference.precision, setup.precision, "tune-why-precision"),
        Change("inference.workers", inference.workers, setup.workers, "tune-why-threads"),
        Change("inference.threads", inference.threads, setup.threads, "tune-why-threads"),
        Change("inference.plate_side_px", side_px, setup.plate_side_px, side_why),
        *(
            Change(f"cameras.{camera.camera}.frames_per_s", camera.frames_per_s, plan.frames_per_s, rate_why)
            for camera in settings.cameras
        ),
        Change("outbox.max_mb", settings.outbox.max_mb, min(settings.outbox.max_mb, most_mb), "tune-why-disk"),
        Change(
            "lookback.max_mb", settings.lookback.max_mb, min(settings.lookback.max_mb, most_lookback_mb),
            "tune-why-memory",
        ),
    ]  # fmt: skip
