"""Who keeps this box's clock: chrony's or systemd's own tools, where they are."""

import shutil
import subprocess
from typing import Final

from edge_agent.core.checks_link import TimeService

TIMEOUT_S: Final = 5.0


def time_service() -> TimeService:
    """chrony if it answers, else what systemd says of the kernel's clock."""
    chrony = _say("chronyc", "-c", "tracking")
    if chrony is not None:
        return TimeService("chrony", _is_tracking(chrony))
    told = _say("timedatectl", "show", "--property=NTP", "--property=NTPSynchronized")
    if told is None:
        return TimeService("", None)
    facts = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    return TimeService("timesyncd" if facts.get("NTP") == "yes" else "", facts.get("NTPSynchronized") == "yes")


def _is_tracking(told: str) -> bool:
    """Stratum 0 and the leap status say that chrony follows no source (chronyc(1), `tracking`)."""
    fields = told.strip().split(",")
    return len(fields) > 2 and fields[2] != "0" and fields[-1] != "Not synchronised"


def _say(*argv: str) -> str | None:
    """What a program says, or None if it is not there or cannot tell."""
    if shutil.which(argv[0]) is None:
        return None
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
