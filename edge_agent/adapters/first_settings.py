"""The settings that come with an enrolment, handed to the agent: its first signed document, and a file of the site's
own where there is none yet.

The document lies in the identity folder as it came; giving it to the agent again changes nothing. What the region's
document cannot say (cameras, where files lie) stands in the local file, which is never written over.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from edge_agent.adapters.enroll_files import SETTINGS
from edge_agent.adapters.keystore import write_private
from edge_agent.adapters.settings_folder import NAME
from edge_agent.adapters.signed_settings import install_settings
from edge_agent.errors import BadProfile, BadSettings, OutboxBroken
from edge_agent.settings import load_settings

_LOCAL: Final = """\
# What only this site knows; all else is signed by the region (docs/settings.md). Cameras: edge-agent cameras add
identity_dir = {identity_dir}
"""


def take_first_settings(config: Path, identity_dir: Path) -> str | None:
    """Hand the document of the enrolment to the agent that runs under a settings file; why it was not taken, if so."""
    if not config.exists():
        text = _LOCAL.format(identity_dir=msgspec.json.encode(str(identity_dir.resolve())).decode())
        config.parent.mkdir(parents=True, exist_ok=True)
        write_private(config, text.encode())
        if os.geteuid() == 0:
            config.chmod(0o644)  # it holds no secret, and the agent runs as another user
    try:
        raw = (identity_dir / SETTINGS).read_bytes()
        document = install_settings(config, raw) if raw else None
        data_dir = load_settings(config).data_dir
    except (BadSettings, BadProfile, OutboxBroken) as exc:
        return str(exc)
    if document is not None and os.geteuid() == 0:
        _give(data_dir / NAME, like=data_dir)
    return None


def _give(folder: Path, *, like: Path) -> None:
    """Make a folder and what is in it the owner's of another."""
    owner = like.stat()
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, owner.st_uid, owner.st_gid)
