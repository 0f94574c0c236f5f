"""`edge-agent panic`: keys for panic buttons that call over the local network, and a trial press."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Console

from edge_agent.adapters.panic_http import PATH
from edge_agent.adapters.panic_keys import add_button, button_names, load_keys, remove_button
from edge_agent.adapters.texts import Language, language_of, texts
from edge_agent.cli.cameras import tell_agent
from edge_agent.core.panic import answer_text, is_mac, mac, press_text
from edge_agent.errors import BadSettings
from edge_agent.settings import find_settings, load_settings
from protocol.names import check_id

ANSWER_S: Final = 10.0

Config = Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON.", negative="")]
Speech = Annotated[Language | None, Parameter(help="Of the messages; else the terminal's.")]

app = App(name="panic", help="Give panic buttons their keys, and try them.")


@app.command
def add(button: str, *, config: Config = None, language: Speech = None, json_: Json = False) -> int:
    """Make a button's key and show it, once.

    Parameters
    ----------
    button
        What the button is called: it stands in the alarm's note.
    """
    say, settings = texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))
    key = add_button(settings.identity_dir, check_id(button, "button")).hex()
    if json_:
        print(json.dumps({"button": button, "key": key}))
    else:
        console = Console(soft_wrap=True)
        console.print(say("panic-key", button=button, key=key), markup=False, highlight=False)
        console.print(say("panic-key-once"), markup=False)
    if not settings.panic.http_port:
        Console(stderr=True).print(say("panic-off"), markup=False)
    tell_agent(settings, say)
    return 0


@app.command(name="list")
def list_(*, config: Config = None, language: Speech = None, json_: Json = False) -> int:
    """Show the buttons that have a key."""
    say, settings = texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))
    names = button_names(settings.identity_dir)
    if json_:
        print(json.dumps([{"button": name} for name in names]))
    else:
        Console().print("\n".join(names) or say("panic-none"), markup=False)
    return 0


@app.command
def remove(button: str, *, config: Config = None, language: Speech = None) -> int:
    """Forget a button's key: it is refused from then on.

    Parameters
    ----------
    button
        Its name.
    """
    say, settings = texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))
    remove_button(settings.identity_dir, button)
    Console().print(say("panic-removed", button=button), markup=False)
    tell_agent(settings, say)
    return 0


@app.command(name="test")
def try_(button: str, *, config: Config = None, language: Speech = None) -> int:
    """Press as the button would, under its key, as a trial: the command centre gets `panic_test`, not `panic`.

    Parameters
    ----------
    button
        Its name.
    """
    say, settings = texts(language_of(os.environ, language)), load_settings(find_settings(config, os.environ))
    key = load_keys(settings.identity_dir).get(button)
    if key is None:
        raise BadSettings(f"{button}: there is no such button; `edge-agent panic list` shows them")
    host = "127.0.0.1" if settings.panic.http_host in {"0.0.0.0", "::"} else settings.panic.http_host  # noqa: S104
    url = f"http://{host}:{settings.panic.http_port}{PATH}"
    outcome = press(url, button, key)
    console = Console(stderr=outcome != "panic-stored")
    console.print(say(outcome, button=button, url=url), markup=False)
    return int(outcome != "panic-stored")


def press(url: str, button: str, key: bytes, *, is_test: bool = True) -> str:
    """Ask for a challenge, sign, press, and check the answer; gives the message that says what came of it."""
    status, given = _call(url, None)
    if status != 200:
        return "panic-unheard"
    challenge = str(given.get("challenge", ""))
    signed = mac(key, press_text(button, challenge, is_test=is_test))
    status, answer = _call(url, {"button": button, "challenge": challenge, "mac": signed, "test": is_test})
    if status == 503:
        return "panic-not-stored"
    if status != 200:
        return "panic-refused"
    is_ours = is_mac(key, answer_text(button, challenge), str(answer.get("mac", "")))
    return "panic-stored" if is_ours else "panic-forged"


def _call(url: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:  # `Any`: JSON
    """Status and answer; status 0 where nobody answers."""
    request = urllib.request.Request(  # noqa: S310  the scheme is ours
        url, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310  the scheme is ours
            return answer.status, dict(json.load(answer))
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, {}
    except (OSError, ValueError):
        return 0, {}
