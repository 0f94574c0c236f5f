"""`aggregator ca backup|restore`: the installation's keys in one encrypted file, and a new folder made from it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aggregator.adapters import backup as backups
from aggregator.cli.console import Config, config_file, say
from aggregator.cli.passphrases import passphrase_of
from aggregator.settings import load

_PassphraseFile = Annotated[Path | None, Parameter(help="File that holds the passphrase; asked for if none.")]


def backup(out: Path, /, *, passphrase_file: _PassphraseFile = None, config: Config = None) -> None:
    """Write settings, keys and certificates into one encrypted file, to be kept off this machine.

    Parameters
    ----------
    out
        The file; it must not be there yet.
    """
    path = config_file(config)
    passphrase = passphrase_of(passphrase_file, "the backup", is_new=True)
    made = backups.write(load(path), path, out, passphrase, now=datetime.now(UTC))
    say(f"{out}: {len(made.files)} files of {made.city}; the database, root and evidence keys are not among them")


def restore(file: Path, folder: Path, /, *, passphrase_file: _PassphraseFile = None) -> None:
    """Make a new folder from a backup; needs no settings.

    Parameters
    ----------
    file
        What `ca backup` wrote.
    folder
        Where to; it must not be there yet, or be empty.
    """
    contents = backups.read(file, passphrase_of(passphrase_file, "the backup"))
    settings = backups.restore(contents, folder)
    say(f"{settings}: {contents.city} as it was on {contents.made_at:%Y-%m-%d %H:%M} UTC, {len(contents.files)} files")
    say("next: restore the database, then: aggregator broker config; aggregator ca crl; aggregator config check")
