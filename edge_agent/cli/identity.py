"""`edge-agent identity`: the box's own half of its enrolment."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from edge_agent.adapters.keystore import new_identity

app = App(name="identity", help="Make this box's key and certificate request.")


@app.command
def new(
    folder: Path,
    *,
    device: Annotated[str, Parameter(help="The device's id, as the command centre registered it.")],
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Make a key that never leaves this box, and the request for its certificate.

    Parameters
    ----------
    folder
        Where the identity will live; made if missing. A key that is there is never replaced.
    """
    request = new_identity(folder, device)
    if json_:
        print(json.dumps({"device": device, "request": str(request)}))
    else:
        Console().print(
            f"{request}\nNow have it certified: aggregator device issue {device} --csr {request} --out {folder}"
        )
    return 0
