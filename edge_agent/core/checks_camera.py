"""One camera against what is asked of it: does it open, how many frames come, how large, in which codec.

Rules
- A camera that a running agent reads is judged by what the agent says, not opened a second time: some cameras allow
  only one client.
- Fewer frames than asked warn; less than half fail. A picture too small for plates at a street's distance warns, and so
  does one larger than the profile reckoned with: decoding it costs what it costs.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.profiles import Profile

LEAST_SIDE_PX: Final = 1280
ENOUGH_SHARE, LEAST_SHARE = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class CameraLook:
    """What was seen of a camera. Size and codec are None where only the agent's word was to be had."""

    camera: str
    frames_per_s: float
    wanted_per_s: float
    size_px: tuple[int, int] | None = None
    codec: str | None = None
    fault: str = ""
    is_files: bool = False


def check_camera(look: CameraLook, profile: Profile) -> tuple[Check, ...]:
    """All checks of one camera; only the first if it gives no picture."""
    if look.fault:
        return (_of(look, failed("camera", "-", "doctor-camera-dead", fault=look.fault)),)
    return (_rate(look), *_picture(look, profile))


def _rate(look: CameraLook) -> Check:
    value, share = f"{look.frames_per_s:.1f}/s", look.frames_per_s / look.wanted_per_s
    if share >= ENOUGH_SHARE:
        return passed("camera", value, camera=look.camera)
    say = failed if share < LEAST_SHARE else warned
    got, wanted = round(look.frames_per_s, 1), look.wanted_per_s
    return say("camera", value, "doctor-camera-slow", camera=look.camera, got=got, wanted=wanted)


def _picture(look: CameraLook, profile: Profile) -> tuple[Check, ...]:
    if look.size_px is None or look.codec is None:
        return ()
    width, height = look.size_px
    value = f"{width}x{height} {look.codec}"
    longest = max(look.size_px)
    if look.codec not in profile.video.codecs and not look.is_files:
        found = warned("camera-picture", value, "doctor-camera-codec", have=look.codec, want=profile.video.codecs[0])
    elif longest < LEAST_SIDE_PX:
        found = warned("camera-picture", value, "doctor-camera-small", want=LEAST_SIDE_PX)
    elif longest > profile.video.longest_side_px:
        found = warned("camera-picture", value, "doctor-camera-large", want=profile.video.longest_side_px)
    else:
        found = passed("camera-picture", value)
    return (_of(look, found),)


def _of(look: CameraLook, check: Check) -> Check:
    return Check(check.name, check.verdict, check.value, check.remedy, look.camera)
