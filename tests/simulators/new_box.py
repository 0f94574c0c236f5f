"""A new box being enrolled inside a test, through the code of `edge-agent enroll`; and an invitation for it."""

from datetime import UTC, datetime
from pathlib import Path

from aggregator.adapters.database import Pool
from aggregator.adapters.invitation_desk import Invited, invite
from aggregator.settings import Settings
from edge_agent.core.enrolment import Stage
from edge_agent.service.enroll import Setting
from edge_agent.service.timekeeper import WallClock, utc_now
from protocol.steps import Step, no_step
from tests.simulators.newcomer import make_wish


async def invited(pool: Pool, settings: Settings, **wish: object) -> Invited:
    """An invitation of the test's city."""
    asked = make_wish(**wish)  # type: ignore[arg-type]  # the test's own values
    return await invite(pool, settings, asked, actor="os:ana", now=datetime.now(UTC))


class Heard:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.values: list[dict[str, str | float]] = []

    def __call__(self, stage: Stage, **values: str | float) -> None:
        """A stage begins."""
        self.stages.append(stage.value)
        self.values.append(values)


def make_setting(
    folder: Path,
    *,
    heard: Heard | None = None,
    step: Step = no_step,
    wall_clock: WallClock = utc_now,
    approval_wait_s: float = 20,
    pauses_s: tuple[float, ...] = (),
) -> Setting:
    """An identity folder and a settings file beside it, tried once."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.toml").write_text('identity_dir = "identity"\ndata_dir = "data"\n')
    return Setting(
        folder=folder / "identity",
        config=folder / "agent.toml",
        keystore="file",
        say=heard or Heard(),
        step=step,
        wall_clock=wall_clock,
        approval_wait_s=approval_wait_s,
        pauses_s=pauses_s,
    )
