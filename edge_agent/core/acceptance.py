"""The acceptance of a point: what a technician left behind, and what has become of it since.

1. An acceptance holds every check there was, the good ones too, with its figures. Its verdict is the worst of them.
2. Later the box compares what it can see for nothing (cameras live, scenes well, clock, versions) with what was
   accepted. What is worse than it was then is drift; what was already bad then is not.
3. Drift is told when two comparisons in a row agree on it, and once; what is well again is told with it as `pass`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from edge_agent.core.aim import NEEDED_PX
from edge_agent.core.checks import Check, passed, warned
from protocol.point_messages import Acceptance, CheckResult, Verdict

MAX_CHECKS: Final = 256
MAX_VALUE: Final = 120

Key: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Aimed:
    """What aiming a camera came to: the width of its plates, and how many there were."""

    plates: int
    width_px: int | None


def width_checks(cameras: Iterable[str], aimed: Mapping[str, Aimed]) -> tuple[Check, ...]:
    """How wide plates are on each camera, as it was last aimed."""
    return tuple(_width(camera, aimed.get(camera)) for camera in cameras)


def _width(camera: str, aimed: Aimed | None) -> Check:
    if aimed is None or aimed.width_px is None:
        return warned("plate-width", "-", "accept-not-aimed", camera=camera)
    value = f"{aimed.width_px} px, {aimed.plates} plates"
    if aimed.width_px < NEEDED_PX:
        return warned("plate-width", value, "accept-too-small", camera=camera, width=aimed.width_px, needed=NEEDED_PX)
    return passed("plate-width", value, camera=camera)


def acceptance_of(
    checks: Sequence[Check], *, technician: str, profile: str, versions: Sequence[str], accepted_ms: int
) -> Acceptance:
    """What is signed."""
    results = tuple(result_of(check) for check in checks)[:MAX_CHECKS]
    return Acceptance(
        accepted_ms=accepted_ms,
        technician=technician,
        profile=profile,
        verdict=Verdict(max(each.verdict for each in results)),
        checks=results,
        versions=tuple(versions),
    )


def result_of(check: Check) -> CheckResult:
    """A check as the wire has it: no remedy, no control characters."""
    value = "".join(each if each.isprintable() else " " for each in check.value)[:MAX_VALUE]
    return CheckResult(check=check.name, verdict=Verdict(check.verdict), value=value, camera=check.camera)


def worse(accepted: Acceptance, now: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """What is worse now than it was when the point was accepted."""
    then = {key_of(each): each.verdict for each in accepted.checks}
    return tuple(each for each in now if each.verdict > then.get(key_of(each), Verdict.PASS))


def key_of(result: CheckResult) -> Key:
    """What a check is of."""
    return result.check, result.camera


@dataclass(slots=True)
class Drift:
    """What was told of the drift from one acceptance, and what the last comparison said."""

    told: Mapping[Key, Verdict] = field(default_factory=dict)
    _last: Mapping[Key, Verdict] | None = None

    def step(self, found: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
        """What is to be told after a comparison; nothing most times."""
        now = {key_of(each): each.verdict for each in found}
        is_stable, self._last = now == self._last, now
        if not is_stable or now == self.told:
            return ()
        mended = [key for key in self.told if key not in now]
        self.told = now
        return (*found, *(CheckResult(check=check, verdict=Verdict.PASS, camera=camera) for check, camera in mended))


def drift_of(accepted: Acceptance, found: Sequence[CheckResult], versions: Sequence[str]) -> Acceptance:
    """The message that tells it: whose acceptance it compares with stands in its time and technician."""
    return Acceptance(
        accepted_ms=accepted.accepted_ms,
        technician=accepted.technician,
        profile=accepted.profile,
        verdict=Verdict(max(each.verdict for each in found)),
        checks=tuple(found)[:MAX_CHECKS],
        versions=tuple(versions),
        is_drift=True,
    )
