"""`edge-agent run`: watch the cameras, say what is wanted, deliver it."""

import asyncio
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from cyclopts import Parameter

from edge_agent.adapters.camera_book import merged
from edge_agent.adapters.progress import Progress, ProgressFile, no_progress
from edge_agent.cli.logs import set_up_logs
from edge_agent.errors import BadSettings, EdgeError
from edge_agent.service.assembly import Options
from edge_agent.service.run import STEPS
from edge_agent.service.runs import Adjust, first_of, run_all
from edge_agent.settings import CameraSettings, Settings, check_cameras, find_settings, load_settings
from protocol.names import is_id
from protocol.steps import Step, no_step, stop_at

CRASH_KEY: Final = "ATALAYA_CRASH_AT"

log = structlog.get_logger()


def run(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    camera: Annotated[
        tuple[str, ...], Parameter(help="FILE, rtsp://... or NAME=either; instead of the settings'.", negative="")
    ] = (),
    fps: Annotated[float | None, Parameter(help="Frames a second to look at, for --camera.")] = None,
    loop: Annotated[bool, Parameter(help="Play files of --camera over and over.", negative="")] = False,
    realtime: Annotated[bool, Parameter(help="Play files of --camera at their own pace.")] = True,
    exit_when_drained: Annotated[
        bool, Parameter(help="End when all files have been played and all is receipted.", negative="")
    ] = False,
    wait_for_hotlist: Annotated[float, Parameter(help="Seconds to wait for a hotlist before the first frame.")] = 0.0,
    events_jsonl: Annotated[Path | None, Parameter(help="Append what happens to this file; it holds hits.")] = None,
) -> int:
    """Run the agent of this box until SIGTERM or Ctrl-C.

    The box must be enrolled; `edge-agent enroll` does that.
    """
    path = find_settings(config, os.environ)

    def adjust(settings: Settings) -> Settings:
        given = cameras_of(camera, fps=fps, loop=loop, realtime=realtime) if camera else merged(settings).cameras
        if not given:
            raise BadSettings(
                "no cameras: add one with `edge-agent cameras add`, name them in the settings, or give --camera FILE|rtsp://..."
            )
        return msgspec.structs.replace(settings, cameras=given)

    set_up_logs()
    adjust(load_settings(path))
    with ExitStack() as stack:
        progress: Progress = stack.enter_context(ProgressFile(events_jsonl)) if events_jsonl else no_progress
        options = Options(
            exit_when_drained=exit_when_drained,
            wait_for_hotlist_s=wait_for_hotlist,
            progress=progress,
            step=crash_step(os.environ.get(CRASH_KEY, "")),
        )
        with asyncio.Runner() as runner:
            runner.run(_until_signalled(path, adjust, options))
    return 0


def cameras_of(given: tuple[str, ...], *, fps: float | None, loop: bool, realtime: bool) -> tuple[CameraSettings, ...]:
    """Cameras of the command line: `URL` or `NAME=URL`; without a name they are cam-1, cam-2, ..."""
    cameras = []
    for number, text in enumerate(given, start=1):
        name, found, url = text.partition("=")
        if not found or not is_id(name):
            name, url = f"cam-{number}", text
        each = CameraSettings(camera=name, url=url, realtime=realtime, loop=loop)
        cameras.append(each if fps is None else msgspec.structs.replace(each, frames_per_s=fps))
    check_cameras(tuple(cameras))
    return tuple(cameras)


def crash_step(spec: str) -> Step:
    """For drills: kill -9 of this process when a named step is passed."""
    if not spec:
        return no_step
    if spec.partition(":")[0] not in STEPS:
        raise BadSettings(f"{CRASH_KEY}: want one of {', '.join(STEPS)}, with :n for the n-th time")
    return stop_at(spec, lambda: os.kill(os.getpid(), signal.SIGKILL))


async def _until_signalled(path: Path, adjust: Adjust, options: Options) -> None:
    """The first signal ends the agent in order, the second at once."""
    stop = asyncio.Event()
    working = asyncio.create_task(run_all(path, adjust, stop, options), name="agent")

    def on_signal() -> None:
        if stop.is_set():
            working.cancel()
        log.info("stopping")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await working
    except* EdgeError as group:
        raise first_of(group) from None
    except* asyncio.CancelledError:
        log.warning("stopped_at_once")
