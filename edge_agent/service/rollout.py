"""Signed settings in the running agent: documents taken, the trial judged, the region told.

A document that is to be tried ends the agent in order, outbox and all, and `edge_agent.service.runs` starts it again
under what then holds. Documents that nobody signed for this box are counted with the other refused downlinks, and
change nothing. One signed by a key that is not granted is looked at again when a trust bundle comes: the two are
retained on different topics, and either may come first.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from edge_agent.adapters.settings_folder import SettingsFolder
from edge_agent.adapters.signed_settings import InForce
from edge_agent.core import rollout as rules
from edge_agent.core.layers import is_same, profile_of
from edge_agent.core.rollout import Seen, Trial, named
from edge_agent.errors import BadProfile, BadSettings, OutboxBroken, OutboxFailed, OutboxFull
from edge_agent.service.cameras import Cameras
from edge_agent.service.delivery import LinkState
from edge_agent.service.writer import Writer
from protocol.envelope import envelope_hash
from protocol.messages import Alarm, CameraState
from protocol.settings import SettingsDocument, SettingsRefusal, check_settings
from protocol.steps import Step
from protocol.trust import TrustStore

STEPS: Final = ("settings.put", "settings.tried", "settings.concluded", "settings.told")
ALARM: Final = "settings_damaged"
BAD_SETTINGS: Final = "bad_settings"
TELL_AGAIN_S: Final = 5.0
PATIENCE_S: Final = 30.0
"""How much longer than its time a trial may take to show what it must."""

log = structlog.get_logger()


@dataclass(slots=True)
class Rollout:
    """One per agent. `restart` is set when the agent is to end in order and start under other settings."""

    in_force: InForce
    trust: Callable[[], TrustStore]
    writer: Writer
    link: LinkState
    cameras: Cameras
    step: Step
    restart: asyncio.Event = field(default_factory=asyncio.Event)
    refused: dict[str, int] = field(default_factory=dict)
    _ungranted: bytes | None = None
    _owing: asyncio.Event = field(default_factory=asyncio.Event)
    _trusted: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _started_s: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Judge the trial, if there is one, and tell what is owed; never returns by itself."""
        folder = self.in_force.folder
        if folder is None:
            return
        await self._raise_alarms()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell(folder), name="settings_results")
            tasks.create_task(self._take_again(), name="settings_taken_again")
            if self.in_force.is_trial and folder.state.trial is not None:
                tasks.create_task(self._try(folder, folder.state.trial), name="settings_trial")

    async def take(self, raw: bytes) -> None:
        """A document from the broker; an empty one is a retained message that was taken back."""
        folder = self.in_force.folder
        if folder is None or not raw:
            return
        async with self._turn:
            folder.trust = self.trust()
            document = check_settings(raw, folder.trust, folder.who, folder.state.last)
            if isinstance(document, SettingsRefusal):
                self._ungranted = raw if document is SettingsRefusal.UNKNOWN_KEY else None
                self._refuse(document)
            elif folder.state.last.number != document.number:
                await self._accept(folder, document, raw)

    def trusted(self) -> None:
        """A new trust bundle may grant the key of a document that came before it."""
        self._trusted.set()

    def status(self) -> dict[str, Any]:
        """What `edge-agent status` shows."""
        document, folder, trial = self.in_force.document, self.in_force.folder, None
        if folder is not None and self.in_force.is_trial:
            trial = folder.state.trial
        left_s = trial.trial_s - (time.monotonic() - self._started_s) if trial else None
        return {
            "source": "trial" if self.in_force.is_trial and trial else "signed" if document else "local",
            "number": document.number if document else None,
            "rollout": document.rollout if document else None,
            "profile": document.profile if document else self.in_force.settings.profile,
            "trial_left_s": None if left_s is None else max(0, round(left_s)),
            "starts": trial.starts if trial else 0,
            "results_owed": len(folder.state.owed) if folder else 0,
            "refused": dict(self.refused),
            "alarms": list(self.in_force.alarms),
            "passed_over": list(self.in_force.passed_over),
        }

    async def _accept(self, folder: SettingsFolder, document: SettingsDocument, raw: bytes) -> None:
        """Write down what a document leads to, then do it."""
        try:
            state = await asyncio.to_thread(self._next_state, folder, document, raw)
            await asyncio.to_thread(folder.keep, state)
        except OutboxBroken as exc:
            log.warning("settings_not_taken", number=document.number, why=str(exc))
            return
        self.step("settings.tried")
        is_new = state.trial is not None and state.trial.document.number == document.number
        if is_new or (self.in_force.is_trial and state.trial is None):
            self.restart.set()
        self._owing.set()

    def _next_state(self, folder: SettingsFolder, document: SettingsDocument, raw: bytes) -> rules.State:
        """What a document makes of the state; it lies on the disk when this returns. Raises `OutboxBroken`."""
        new, state = named(document, envelope_hash(raw)), folder.state
        try:
            profile_of(document)
            self.in_force.local.under(document)
        except (BadSettings, BadProfile) as exc:
            log.warning("settings_refused", number=document.number, why=str(exc))
            return rules.refused(state, new, BAD_SETTINGS, str(exc))
        folder.put(raw)
        self.step("settings.put")
        before = folder.believed(state.kept.sha256) if state.kept else None
        if isinstance(before, SettingsDocument) and is_same(document, before):
            log.info("settings_adopted", number=document.number)
            return rules.adopted(state, new)
        log.info("settings_tried", number=document.number, rollout=document.rollout, trial_s=document.trial_s)
        return rules.tried(state, new, document.trial_s, self._seen())

    async def _try(self, folder: SettingsFolder, trial: Trial) -> None:
        """Let the trial have its time, then judge it; a camera that has just stalled is given a little more."""
        await asyncio.sleep(trial.trial_s)
        patience_s = min(PATIENCE_S, trial.trial_s)
        while (why := rules.judged(trial, self._seen())) is not None and patience_s > 0:
            await asyncio.sleep(1.0)
            patience_s -= 1.0
        async with self._turn:
            if folder.state.trial == trial and not self.restart.is_set():
                await self._conclude(folder, trial, why)

    async def _conclude(self, folder: SettingsFolder, trial: Trial, why: str | None) -> None:
        state = folder.state
        await asyncio.to_thread(folder.keep, rules.kept(state) if why is None else rules.rolled_back(state, why))
        self.step("settings.concluded")
        log.info("settings_kept" if why is None else "settings_rolled_back", number=trial.document.number, reason=why)
        self._owing.set()
        if why is None:
            self.in_force = replace(self.in_force, is_trial=False)
        else:
            self.restart.set()

    def _seen(self) -> Seen:
        """Cameras that are live and have given frames in this run, and whether there has been a connection."""
        counted = self.cameras.snapshot().cameras
        live = {camera for camera, (state, counts) in counted.items() if state is CameraState.LIVE and counts.processed}
        return Seen(cameras=live, was_connected=self.link.connection > 0)

    async def _tell(self, folder: SettingsFolder) -> None:
        """Put what is owed into the outbox, then off the list; a crash in between says it twice."""
        while True:
            self._owing.clear()
            owed = folder.state.owed
            if not owed:
                await self._owing.wait()
                continue
            try:
                await self.writer.append([each.body for each in owed])
                self.step("settings.told")
                async with self._turn:
                    await asyncio.to_thread(folder.keep, rules.told(folder.state, len(owed)))
            except (OutboxFailed, OutboxFull, OutboxBroken) as exc:
                log.warning("settings_result_put_off", why=str(exc))
                await asyncio.sleep(TELL_AGAIN_S)

    async def _take_again(self) -> None:
        while True:
            await self._trusted.wait()
            self._trusted.clear()
            raw, self._ungranted = self._ungranted, None
            if raw is not None:
                await self.take(raw)

    async def _raise_alarms(self) -> None:
        """Tell the region that what it signed does not lie here as it was."""
        if not self.in_force.alarms:
            return
        for each in self.in_force.alarms:
            log.error("settings_damaged", problem=each)
        note = rules.as_note("; ".join(self.in_force.alarms))
        try:
            await self.writer.append([Alarm(alarm=ALARM, started_ms=self.writer.time.now_ms(), note=note)])
        except (OutboxFailed, OutboxFull) as exc:
            log.warning("settings_alarm_lost", why=str(exc))

    def _refuse(self, why: SettingsRefusal) -> None:
        self.refused[why.value] = self.refused.get(why.value, 0) + 1
        self.link.refused_downlinks += 1
        log.warning("downlink_refused", word="settings", why=why.value)
