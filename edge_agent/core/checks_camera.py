"""One camera of a box: by the running agent's word, or by a look of our own, and against the box's profile.

Rules
- A camera that a running agent reads is judged by what the agent says, not opened a second time: some cameras allow
  only one client. The limits are those of a look of our own (`core.camera_probe`).
- A picture larger than the profile reckoned with warns: decoding it costs what it costs.
"""

from edge_agent.core.camera_probe import RATE_FAIL_SHARE, RATE_WARN_SHARE, StreamFigures, checks_of
from edge_agent.core.checks import Check, failed, passed, warned
from edge_agent.core.profiles import Profile


def check_told(camera: str, frames_per_s: float, wanted_per_s: float) -> Check:
    """A camera that is live by the agent's word."""
    value, share = f"{frames_per_s:.1f}/s", frames_per_s / wanted_per_s
    if share >= RATE_WARN_SHARE:
        return passed("camera", value, camera=camera)
    say = failed if share < RATE_FAIL_SHARE else warned
    return say("camera", value, "doctor-camera-slow", camera=camera, got=round(frames_per_s, 1), wanted=wanted_per_s)


def check_dead(camera: str, fault: str) -> Check:
    """A camera that gives no picture."""
    return failed("camera", "-", "doctor-camera-dead", camera=camera, fault=fault)


def check_seen(camera: str, found: StreamFigures, wanted_per_s: float, profile: Profile) -> tuple[Check, ...]:
    """A camera that we looked at ourselves."""
    seen = checks_of(camera, found, wanted_per_s=wanted_per_s, clock_offset_s=None)
    value, most = f"{found.width_px}x{found.height_px}", profile.video.longest_side_px
    if max(found.width_px, found.height_px) > most:
        return (*seen, warned("camera-size", value, "doctor-camera-large", camera=camera, want=most))
    return (*seen, passed("camera-size", value, camera=camera))
