"""`edge-agent accept`: the certificate of acceptance of a point, signed by its box and sent to the region."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from edge_agent.adapters.acceptance_pdf import Line, Paper, write_pdf
from edge_agent.adapters.camera_book import merged
from edge_agent.adapters.keystore import load_enrolment
from edge_agent.adapters.profiles import box_profile
from edge_agent.adapters.signed_settings import effective_settings
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.cli.checks import as_json, remedy_of, show_checks, title_of
from edge_agent.core.acceptance import acceptance_of
from edge_agent.core.checks import Check, Verdict, worst
from edge_agent.errors import NotAccepted
from edge_agent.service.accept import Signed, look, sign
from edge_agent.settings import find_settings
from protocol.clock import to_ms


def accept(
    *,
    technician: Annotated[str, Parameter(help="Your name, as it is to stand on the certificate.")],
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    profile: Annotated[str, Parameter(help="Profile's name or path; else the settings' `profile`.")] = "",
    pdf: Annotated[Path | None, Parameter(help="Write the certificate to this file, to be printed.")] = None,
    despite_failures: Annotated[bool, Parameter(help="Accept although something failed.", negative="")] = False,
    language: Annotated[Language | None, Parameter(help="Language; else the terminal's.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Look at everything, and have the box sign what was found: the point is accepted.

    The message goes to the region like any other. From then on the box tells when it drifts from what was accepted.
    """
    say = texts(language_of(os.environ, language))
    name = technician.strip()
    if not (1 <= len(name) <= 120 and name.isprintable()):
        raise NotAccepted(say("accept-bad-name"))
    settings = merged(effective_settings(find_settings(config, os.environ)))
    enrolment, found = load_enrolment(settings.identity_dir), box_profile(profile or settings.profile)
    with Console(stderr=True).status(say("accept-looking")):
        checks = asyncio.run(look(settings, found, lambda _: None))
    if not json_:
        show_checks(Console(), say, say("accept-title"), checks)
    if worst(checks) is Verdict.FAIL and not despite_failures:
        raise NotAccepted(say("accept-failed"))
    accepted_at = datetime.now(UTC)
    body = acceptance_of(checks, technician=name, profile=found.name, versions=(), accepted_ms=to_ms(accepted_at))
    signed = asyncio.run(sign(settings, enrolment, body))
    if pdf is not None:
        who = enrolment.who
        paper = Paper(
            device=who.device,
            place=f"{who.city} / {who.point}",
            profile=found.name,
            technician=name,
            accepted_at=accepted_at,
            verdict=worst(checks).name.lower(),
            hash=signed.hash,
            lines=_lines(checks, say),
        )
        write_pdf(pdf, paper, say)
    _tell(signed, checks, found.name, pdf, say, is_json=json_)
    return 0


def _lines(checks: tuple[Check, ...], say: Texts) -> list[Line]:
    def found(check: Check) -> str:
        return "\n".join(part for part in (check.value, remedy_of(check, say)) if part)

    return [Line(check.verdict.name.lower(), title_of(check, say), found(check)) for check in checks]


def _tell(
    signed: Signed, checks: tuple[Check, ...], profile: str, pdf: Path | None, say: Texts, *, is_json: bool
) -> None:
    if is_json:
        told = {"hash": signed.hash, "sequence": signed.sequence, "pdf": str(pdf) if pdf else None}
        print(json.dumps(as_json(profile, checks) | told))
        return
    print(say("accept-done", hash=signed.hash))
    if pdf is not None:
        print(say("accept-printed", file=str(pdf)))
