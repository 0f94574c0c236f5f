"""Files beside the box's identity: whoever writes them, they belong to the owner of the folder."""

import os
from pathlib import Path

from edge_agent.adapters.keystore import write_private


def write_owned(path: Path, data: bytes) -> None:
    """Put a file in place whole, for the folder's owner only: root may write what the service's user is to read."""
    write_private(path, data)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
