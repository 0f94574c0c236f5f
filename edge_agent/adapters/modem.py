"""The modem's signal, from ModemManager's own tool, where there is one."""

import json
import shutil
import subprocess
from typing import Final

from edge_agent.core.checks_network import Signal

TIMEOUT_S: Final = 10.0


def signal() -> Signal | None:
    """The first modem's signal; None without a modem, or without ModemManager."""
    if shutil.which("mmcli") is None:
        return None
    argv = ["mmcli", "--modem", "any", "--output-json"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        return signal_of(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        return None


def signal_of(told: str) -> Signal | None:
    """What `mmcli --output-json` says of a modem; None if it is not what it should be."""
    try:
        modem = json.loads(told)["modem"]
        generic = modem["generic"]
        percent = int(generic["signal-quality"]["value"])
        return Signal(percent, ", ".join(generic["access-technologies"]), str(modem["3gpp"]["operator-name"]))
    except (ValueError, KeyError, TypeError):
        return None
