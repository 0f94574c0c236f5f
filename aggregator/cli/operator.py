"""Who sits at the command line, as the audit names him."""

import os
import pwd

from aggregator.errors import BadInput


def actor() -> str:
    """The operating system's user, behind `sudo` the one who called it."""
    try:
        own = pwd.getpwuid(os.getuid()).pw_name
    except KeyError as exc:
        raise BadInput(f"user id {os.getuid()} has no name on this machine; the audit needs one") from exc
    return f"os:{os.environ.get('SUDO_USER') or own}"
