"""Acceptances in the running agent: signs what a technician accepted, and tells how the point drifts from it.

The comparison costs nothing: it asks the parts of the agent what they know anyway. What needs a probe (speed of the
models, the uplink) is the doctor's, when a person asks for it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge_agent.adapters.acceptance_file import KeptAcceptance, keep_acceptance, read_acceptance
from edge_agent.adapters.capture import CaptureStats
from edge_agent.core.acceptance import Drift, drift_of, key_of, worse
from edge_agent.errors import BadAcceptance, OutboxFailed, OutboxFull
from edge_agent.service.scenes import SceneWatch
from edge_agent.service.writer import Writer
from protocol.messages import CameraState
from protocol.names import CameraId
from protocol.point_messages import Acceptance, CheckResult, Verdict

COMPARE_EVERY_S: Final = 300.0

log = structlog.get_logger()


class AcceptanceKeeper:
    """One per agent: answers the control word `accept`, and compares."""

    def __init__(
        self,
        writer: Writer,
        scenes: SceneWatch,
        stats: Callable[[], dict[CameraId, CaptureStats]],
        data_dir: Path,
        versions: tuple[str, ...],
    ) -> None:
        """Take up the acceptance in force."""
        self._writer, self._scenes, self._stats = writer, scenes, stats
        self._data_dir, self._versions = data_dir, versions
        self._take(read_acceptance(data_dir))

    def _take(self, kept: KeptAcceptance | None) -> None:
        self._kept = kept
        self._drift = Drift({key_of(each): each.verdict for each in kept.told} if kept else {})

    async def accept(self, acceptance: str) -> dict[str, Any]:  # `Any`: JSON
        """Sign and commit an acceptance (JSON, without versions: these are the agent's own to say)."""
        try:
            given = msgspec.json.decode(acceptance, type=Acceptance)
        except msgspec.DecodeError as exc:
            raise BadAcceptance(f"not an acceptance: {exc}") from exc
        body = msgspec.structs.replace(given, versions=self._versions, is_drift=False)
        appended = await self._writer.append([body])
        row = appended.rows[0]
        kept = KeptAcceptance(hash=row.hash.hex(), acceptance=body)
        await asyncio.to_thread(keep_acceptance, self._data_dir, kept)
        self._take(kept)
        for camera in self._stats():
            self._scenes.learn_anew(camera)
        return {"hash": kept.hash, "sequence": row.sequence}

    async def run(self) -> None:
        """Compare until cancelled."""
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            await self.compare()

    async def compare(self) -> bool:
        """Whether a drift, or its end, was told."""
        if self._kept is None:
            return False
        accepted = self._kept.acceptance
        found = worse(accepted, self._cheap_checks(accepted))
        told = self._drift.step(found)
        if not told:
            return False
        try:
            await self._writer.append([drift_of(accepted, told, self._versions)])
        except (OutboxFailed, OutboxFull) as exc:
            self._take(self._kept)  # told by a later comparison
            log.warning("drift_put_off", why=str(exc))
            return False
        log.warning("acceptance_drift", checks=[each.check for each in told])
        self._kept = msgspec.structs.replace(self._kept, told=found)
        await asyncio.to_thread(keep_acceptance, self._data_dir, self._kept)
        return True

    def _cheap_checks(self, accepted: Acceptance) -> list[CheckResult]:
        stats = self._stats()
        cameras = {each.camera for each in accepted.checks if each.camera} | set(stats)
        clock = Verdict.PASS if self._writer.time.is_clock_good else Verdict.FAIL
        versions = Verdict.PASS if set(accepted.versions) <= set(self._versions) else Verdict.WARN
        checks = [CheckResult(check="clock", verdict=clock), CheckResult(check="versions", verdict=versions)]
        for camera in sorted(cameras):
            checks += self._camera_checks(CameraId(camera), stats)
        return checks

    def _camera_checks(self, camera: CameraId, stats: dict[CameraId, CaptureStats]) -> list[CheckResult]:
        found = stats.get(camera)
        if found is None:
            return [CheckResult(check="camera", verdict=Verdict.FAIL, value="gone", camera=camera)]
        live = Verdict.PASS if found.state is CameraState.LIVE else Verdict.FAIL
        wrong = ", ".join(each.name.lower() for each in self._scenes.active(camera))
        return [
            CheckResult(check="camera", verdict=live, value=found.state.name.lower(), camera=camera),
            CheckResult(
                check="camera-scene", verdict=Verdict.WARN if wrong else Verdict.PASS, value=wrong, camera=camera
            ),
        ]
