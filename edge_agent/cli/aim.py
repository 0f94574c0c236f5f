"""`edge-agent aim`: a page for a phone on the local network, to point and focus a camera by."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import segno
from cyclopts import Parameter
from cyclopts.types import PositiveFloat
from rich.console import Console

from edge_agent.adapters.camera_book import merged
from edge_agent.adapters.local_address import serving_address
from edge_agent.adapters.page_certificate import page_context
from edge_agent.adapters.signed_settings import effective_settings
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.adapters.vision import open_vision
from edge_agent.cli.logs import set_up_logs
from edge_agent.errors import BadSettings
from edge_agent.service.aim import PageOptions, serve
from edge_agent.settings import find_settings

FINGERPRINT_SHOWN: Final = 23  # eight bytes


def aim(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    address: Annotated[str | None, Parameter(help="The box's own address on the phone's network.")] = None,
    port: Annotated[int, Parameter(help="Port of the page; 0 takes a free one.")] = 8443,
    minutes: Annotated[PositiveFloat, Parameter(help="How long the page lives at most.")] = 20.0,
    language: Annotated[
        Language | None, Parameter(help="Language of the terminal; the page follows the phone.")
    ] = None,
) -> int:
    """Serve a page that shows a camera's redacted picture, how wide its plates are, and what to do next.

    It works beside a running agent. Nothing is recorded; a plate's text is neither read nor shown.
    """
    said = texts(language_of(os.environ, language))
    settings = merged(effective_settings(find_settings(config, os.environ)))
    if not settings.cameras:
        raise BadSettings(said("aim-no-cameras"))
    set_up_logs()
    host = serving_address(address)
    tls, fingerprint = page_context(host)
    vision = open_vision(settings.inference)

    def on_ready(url: str, code: str) -> None:
        _invite(said, url, code, fingerprint, minutes)

    with asyncio.Runner() as runner:
        closed = runner.run(serve(settings, vision, PageOptions(host, port, minutes * 60, tls), on_ready))
    print(said(f"aim-ended-{closed.value}"))
    return 0


def _invite(said: Texts, url: str, code: str, fingerprint: str, minutes: float) -> None:
    """What the technician needs to get in: the QR holds the address, never the code."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(said("aim-open"))
    if sys.stdout.isatty():
        segno.make(url, micro=False).terminal(compact=True)
    console.print(url)
    console.print(said("aim-fingerprint", fingerprint=fingerprint[:FINGERPRINT_SHOWN]))
    console.print(said("aim-give-code", code=f"{code[:4]} {code[4:]}"))
    console.print(said("aim-how-long", minutes=minutes))
    sys.stdout.flush()
