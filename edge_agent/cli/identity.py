"""`edge-agent identity`: the box's own half of its enrolment, and what it has become."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console

from edge_agent.adapters.identity_card import IdentityCard, Place, read_card
from edge_agent.adapters.keystore import Keystore, new_identity
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.settings import find_settings, load_settings

app = App(name="identity", help="Make this box's key and certificate request, and show them.")
app.command("edge_agent.cli.renew:renew", name="renew")

JsonFlag = Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")]
LanguageOption = Annotated[Language | None, Parameter(help="Language of the answer; else the terminal's.")]


@app.command
def new(
    folder: Path,
    *,
    device: Annotated[str, Parameter(help="The device's id, as the command centre registered it.")],
    keystore: Annotated[
        Keystore, Parameter(help="Where the key is made; auto takes the TPM if there is one.")
    ] = "auto",
    json_: JsonFlag = False,
    language: LanguageOption = None,
) -> int:
    """Make a key that never leaves this box, and the request for its certificate.

    Parameters
    ----------
    folder
        Where the identity will live; made if missing. A key that is there is never replaced.
    """
    request = new_identity(folder, device, keystore)
    card = read_card(folder)
    if json_:
        print(json.dumps({"device": device, "request": str(request), "keystore": card.keystore}))
        return 0
    say = texts(language_of(os.environ, language))
    print(request)
    print(_place_of_key(say, card.keystore))
    print(say("identity-now-certify", command=f"aggregator device issue {device} --csr {request} --out {folder}"))
    return 0


@app.command
def show(
    folder: Path | None = None,
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    json_: JsonFlag = False,
    language: LanguageOption = None,
) -> int:
    """Show who this box is, where its key lies, and until when it is certified.

    Parameters
    ----------
    folder
        The identity; else the settings' `identity_dir`.
    """
    card = read_card(folder or load_settings(find_settings(config, os.environ)).identity_dir)
    if json_:
        print(json.dumps(_as_json(card)))
    else:
        _print(card, texts(language_of(os.environ, language)), Console(highlight=False))
    return 0


def _as_json(card: IdentityCard) -> dict[str, Any]:  # `Any`: JSON
    facts = card.facts
    return {
        "device": card.device,
        "city": facts.city if facts else None,
        "point": facts.point if facts else None,
        "is_enrolled": facts is not None,
        "keystore": card.keystore,
        "vault": card.vault,
        "algorithm": card.algorithm,
        "key_id": card.key_id,
        "serial": card.serial or None,
        "not_before": card.not_before.isoformat() if card.not_before else None,
        "not_after": card.not_after.isoformat() if card.not_after else None,
        "broker": f"{facts.broker_host}:{facts.broker_port}" if facts else None,
    }


def _print(card: IdentityCard, say: Texts, console: Console) -> None:
    if card.facts is None or card.not_after is None:
        console.print(say("identity-not-enrolled", device=card.device))
    else:
        console.print(say("identity-who", device=card.device, city=card.facts.city, point=card.facts.point))
        console.print(say("identity-certified", until=f"{card.not_after:%Y-%m-%d %H:%M} UTC", serial=card.serial))
    console.print(_place_of_key(say, card.keystore))
    console.print(say("identity-key", algorithm=card.algorithm, key=card.key_id))
    match card.vault:
        case Place.TPM:
            console.print(say("identity-vault-tpm"))
        case Place.FILE:
            console.print(say("identity-vault-file"))
        case Place.NONE:
            console.print(say("identity-vault-none"))


def _place_of_key(say: Texts, place: Place) -> str:
    return say("identity-key-in-tpm") if place is Place.TPM else say("identity-key-in-file")
