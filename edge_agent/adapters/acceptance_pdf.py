"""The certificate of acceptance on paper: A4, in the technician's language, with the message's hash as text and as QR.

The paper proves nothing by itself. Its hash names the signed message in the region's record (`aggregator acceptances
show HASH`), against which the paper can be checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from edge_agent.adapters.texts import Texts

QR_PREFIX: Final = "atalaya:acceptance:"
QR_MM: Final = 36.0
_FONT: Final = "Helvetica"
_LEFT_MM: Final = 15.0
_WIDTH_MM: Final = 180.0
_COLUMNS: Final = (24, 56, 100)
_SHADES: Final = {"pass": (255, 255, 255), "warn": (255, 242, 204), "fail": (244, 204, 204)}


@dataclass(frozen=True, slots=True)
class Line:
    """One check as it is printed; `verdict` is `pass`, `warn` or `fail`."""

    verdict: str
    name: str
    found: str


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on the certificate."""

    device: str
    place: str
    profile: str
    technician: str
    accepted_at: datetime
    verdict: str
    hash: str
    lines: Sequence[Line]


def write_pdf(path: Path, paper: Paper, say: Texts) -> None:
    """Write the certificate."""
    pdf = FPDF(format="A4")
    pdf.set_margins(_LEFT_MM, 15, _LEFT_MM)
    pdf.set_auto_page_break(auto=True, margin=18)
    pdf.set_title(say("accept-title"))
    pdf.set_lang(say.language)
    pdf.set_creation_date(paper.accepted_at.astimezone(UTC))
    pdf.add_page()
    _head(pdf, paper, say)
    _checks(pdf, paper.lines, say)
    _signatures(pdf, say)
    pdf.output(str(path))


def qr_text(hash_: str) -> str:
    """What the QR code says."""
    return QR_PREFIX + hash_


def _head(pdf: FPDF, paper: Paper, say: Texts) -> None:
    _qr(pdf, qr_text(paper.hash), _LEFT_MM + _WIDTH_MM - QR_MM, 15)
    _text(pdf, say("accept-title"), size=16, style="B", height=9)
    facts = {
        "accept-device": paper.device,
        "accept-place": paper.place,
        "accept-profile": paper.profile,
        "accept-technician": paper.technician,
        "accept-when": paper.accepted_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "accept-verdict": say(f"verdict-{paper.verdict}"),
    }
    for name, value in facts.items():
        _text(pdf, f"{say(name)}: {value}", size=10, height=5.5, width=_WIDTH_MM - QR_MM - 5)
    pdf.set_y(max(pdf.get_y(), 15 + QR_MM) + 2)
    _text(pdf, f"{say('accept-hash')}: {paper.hash}", size=8, height=5)
    pdf.ln(2)


def _checks(pdf: FPDF, lines: Sequence[Line], say: Texts) -> None:
    pdf.set_font(_FONT, size=8.5)
    with pdf.table(col_widths=_COLUMNS, width=_WIDTH_MM, line_height=4.8, text_align="LEFT", padding=0.8) as table:
        head = table.row()
        for name in ("accept-column-verdict", "accept-column-check", "accept-column-found"):
            head.cell(_latin(say(name)))
        for line in lines:
            row = table.row()
            row.cell(_latin(say(f"verdict-{line.verdict}")))
            row.cell(_latin(line.name))
            row.cell(_latin(line.found))


def _signatures(pdf: FPDF, say: Texts) -> None:
    if pdf.will_page_break(30):
        pdf.add_page()
    pdf.ln(16)
    y = pdf.get_y()
    for place, name in ((0.0, "accept-sign-technician"), (_WIDTH_MM / 2 + 5, "accept-sign-centre")):
        pdf.line(_LEFT_MM + place, y, _LEFT_MM + place + _WIDTH_MM / 2 - 5, y)
        pdf.set_xy(_LEFT_MM + place, y + 1)
        pdf.cell(_WIDTH_MM / 2 - 5, 5, _latin(say(name)))
    pdf.set_xy(_LEFT_MM, y + 9)
    _text(pdf, say("accept-check-paper"), size=8, height=4)


def _text(pdf: FPDF, text: str, *, size: float, height: float, style: str = "", width: float = 0) -> None:
    pdf.set_font(_FONT, style="B" if style else "", size=size)
    pdf.multi_cell(width, height, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _qr(pdf: FPDF, text: str, left_mm: float, top_mm: float) -> None:
    """Squares, sharp at any size."""
    modules = tuple(segno.make(text, error="m", micro=False).matrix_iter(border=4))
    side_mm = QR_MM / len(modules)
    pdf.set_fill_color(0, 0, 0)
    for row, bits in enumerate(modules):
        for column, bit in enumerate(bits):
            if bit:
                pdf.rect(left_mm + column * side_mm, top_mm + row * side_mm, side_mm, side_mm, style="F")


def _latin(text: str) -> str:
    """What the built-in fonts can show: Spanish and English, no more."""
    return text.encode("cp1252", "replace").decode("cp1252").replace("\n", " - ")
