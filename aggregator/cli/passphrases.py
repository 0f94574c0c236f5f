"""Passphrases: from a file that only its owner can read, or asked for on the terminal; never from the command line."""

import getpass
import sys
from pathlib import Path

from aggregator.adapters.keyfiles import PASSPHRASE_LEAST, read_passphrase
from aggregator.errors import BadInput


def passphrase_of(file: Path | None, what: str, *, is_new: bool = False) -> bytes:
    """The passphrase of something. A new one is asked for twice, and held to its length."""
    if file is not None:
        return read_passphrase(file)
    if not sys.stdin.isatty():
        raise BadInput(f"the passphrase of {what}: no terminal to ask on; name a file with --passphrase-file")
    given = getpass.getpass(f"Passphrase of {what}: ")
    if is_new:
        if len(given) < PASSPHRASE_LEAST:
            raise BadInput(f"a passphrase needs at least {PASSPHRASE_LEAST} characters")
        if getpass.getpass("Once more: ") != given:
            raise BadInput("the two differ; nothing was done")
    return given.encode()
