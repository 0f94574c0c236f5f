"""A page of what went wrong, by cause, for eyes: it shows real photographs, so it never lands in the repository."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from accuracy.answers import Answer
from accuracy.causes import Cause, cause
from edge_agent.core.boxes import Xyxy, as_slices, grow

ROOT: Final = Path(__file__).resolve().parents[2]
AROUND: Final = 0.6
"""Share of the plate's sides that is shown around it."""
LEAST_WIDTH_PX: Final = 320
TRUE_COLOUR, READ_COLOUR = (0, 200, 0), (0, 0, 255)


def refuse_inside_repository(folder: Path) -> None:
    """Raise where photographs could be committed; `build` is ignored by git."""
    at = folder.resolve()
    if at.is_relative_to(ROOT) and not at.is_relative_to(ROOT / "build"):
        raise SystemExit(f"--errors {folder} lies in the repository: real photographs go elsewhere, or below build/")


def write_page(folder: Path, answers: Mapping[str, Sequence[Answer]]) -> int:
    """Write `index.html` and a picture for each error of each stack; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    sections: list[str] = []
    count = 0
    for stack, each in answers.items():
        for kind in Cause:
            wrong = [answer for answer in each if cause(answer) is kind]
            if wrong:
                rows = "".join(_row(folder, stack, answer) for answer in wrong)
                sections.append(f"<h2>{stack}: {kind} ({len(wrong)})</h2><table>{rows}</table>")
                count += len(wrong)
    body = "".join(sections) or "<p>Nothing is wrong.</p>"
    style = "body{font:14px sans-serif}td{padding:4px 12px}img{max-height:160px}"
    page = f"<!doctype html><meta charset=utf-8><title>Errors by cause</title><style>{style}</style>{body}"
    (folder / "index.html").write_text(page, encoding="utf-8")
    return count


def _row(folder: Path, stack: str, answer: Answer) -> str:
    name = f"{stack}-{Path(answer.picture.file).with_suffix('.png').as_posix().replace('/', '-')}"
    cv2.imwrite(str(folder / name), _shown(answer))
    said = f"{html.escape(answer.said.text) or '(nothing)'} at {answer.said.confidence:.2f}"
    overlap = f"IoU {answer.read_iou:.2f}"
    file, true = html.escape(answer.picture.file), html.escape(answer.picture.text)
    return f"<tr><td><img src='{name}'><td>{file}<td>true {true}<td>read {said}<td>{overlap}"


def _shown(answer: Answer) -> NDArray[np.uint8]:
    """The plate and what is around it, large enough to see; the true box green, the one read red."""
    image = answer.picture.pixels()
    true, read = answer.picture.box, answer.said.xyxy
    for box, colour in ((true, TRUE_COLOUR), (read, READ_COLOUR)):
        if box is not None and true is not None:
            left, top, right, bottom = map(round, box)
            cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
    height, width = image.shape[:2]
    rows, columns = as_slices(_together(true, read), height, width) if true else (slice(None), slice(None))
    cut = image[rows, columns]
    scale = max(1, round(LEAST_WIDTH_PX / cut.shape[1]))
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST), np.uint8)


def _together(true: Xyxy, read: Xyxy | None) -> Xyxy:
    boxes = np.array([true, read or true], np.float32)
    around = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[None]
    left, top, right, bottom = grow(around, AROUND)[0].tolist()
    return left, top, right, bottom
