"""The acceptance in force, in the data folder: what drift is measured against, and what was last told of it."""

from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.keystore import write_private
from protocol.point_messages import Acceptance, CheckResult

NAME: Final = "acceptance.json"


class KeptAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """The acceptance, the hash of its envelope (its name in the region's record), and the drift that was told."""

    hash: str
    acceptance: Acceptance
    told: tuple[CheckResult, ...] = ()


def keep_acceptance(data_dir: Path, kept: KeptAcceptance) -> None:
    """Put it in the place of the one before."""
    write_private(data_dir / NAME, msgspec.json.encode(kept))


def read_acceptance(data_dir: Path) -> KeptAcceptance | None:
    """The acceptance in force, if the point was ever accepted."""
    try:
        return msgspec.json.decode((data_dir / NAME).read_bytes(), type=KeptAcceptance)
    except (OSError, msgspec.DecodeError):
        return None
