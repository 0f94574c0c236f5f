"""`aggregator officer`: the people who sign hotlists, and their keys."""

from pathlib import Path
from typing import Final

from cyclopts import App

from aggregator.adapters import keyfiles, officer_keys
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import trust
from aggregator.cli.console import AsJson, Config, say, settings_of, show_rows
from protocol.clock import from_ms
from protocol.trust import Role

app = App(name="officer", help="Officers: two of them sign each hotlist batch, one withdraws an entry.")


_NO_ROOT: Final = trust.Root()


@app.command
def new(name: str, /, *, out: Path, passphrase_file: Path) -> None:
    """Make an officer's key, on his own machine; needs no settings. A key in his ssh-agent does as well.

    Parameters
    ----------
    name
        The officer's id, such as ana-ruiz.
    out
        Folder for the key and its public half.
    passphrase_file
        Encrypts the key: a file of mode 600 with at least 16 characters in its first line.
    """
    made = officer_keys.make_key(name, out, keyfiles.read_passphrase(passphrase_file))
    say(f"{made.private} is {name}'s key; he keeps it, and nobody else the passphrase")
    say(f"{made.public} goes to whoever holds the root: aggregator officer grant {name} --key {made.public.name} ...")


@app.command
def grant(
    name: str,
    /,
    *,
    key: Path,
    city: tuple[str, ...] = (),
    days: int = 365,
    root: trust.RootOptions = _NO_ROOT,
    config: Config = None,
) -> None:
    """Have the root make somebody an officer: the same as `trust grant --role officer`.

    Parameters
    ----------
    name
        The officer's id. Two keys under one name are one officer.
    key
        His public key: what `officer new` wrote, or an OpenSSH ssh-ed25519 .pub file.
    city
        A city that he may list vehicles in; may be repeated. None: the whole region.
    days
        How long he is an officer.
    """
    officer_keys.read_public(key)
    trust.grant(role="officer", subject=name, key=key, city=city, days=days, root=root, config=config)


@app.command(name="list")
def list_officers(*, json: AsJson = False, config: Config = None) -> None:
    """List the officers of the trust bundle in force."""
    store = read_trust(settings_of(config).keys)
    officers = sorted((g for g in store.grants if g.role is Role.OFFICER), key=lambda g: (g.subject, g.key_id))
    rows = [
        (
            g.subject,
            " ".join(g.cities) or "everywhere",
            from_ms(g.not_before_ms).date(),
            from_ms(g.not_after_ms).date(),
            g.key_id.hex(),
        )
        for g in officers
    ]
    show_rows(("officer", "cities", "from", "until", "key_id"), rows, as_json=json)
