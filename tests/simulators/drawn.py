"""Pictures drawn for tests, and the real models to look at them, loaded once."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

from edge_agent.adapters.models import default_folder
from edge_agent.adapters.pictures import read_picture
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.settings import InferenceSettings

PLATE = (240, 310, 400, 390)
"""Where `draw_car` puts the plate: left, top, right, bottom in pixels."""
SKIMAGE_DATA = Path(skimage.__file__).parent / "data"


@cache
def house_vision() -> Vision:
    """The models of `make models`, which read what is drawn here, two threads."""
    return open_vision(InferenceSettings(models_dir=default_folder(), stack="ready", threads=2))


@cache
def agent_vision() -> Vision:
    """The models that an agent runs where its settings choose none, two threads."""
    return open_vision(InferenceSettings(models_dir=default_folder(), threads=2))


def draw_car(text: str) -> NDArray[np.uint8]:
    """A plain car from behind, 640 x 480, with that text on its plate."""
    image = np.full((480, 640, 3), (150, 140, 130), np.uint8)
    cv2.rectangle(image, (0, 330), (640, 480), (90, 90, 90), -1)
    cv2.rectangle(image, (140, 140), (500, 400), (60, 40, 120), -1)
    cv2.rectangle(image, (180, 160), (460, 250), (40, 40, 40), -1)
    cv2.rectangle(image, PLATE[:2], PLATE[2:], (235, 235, 235), -1)
    cv2.rectangle(image, PLATE[:2], PLATE[2:], (20, 20, 20), 2)
    cv2.putText(image, text, (250, 365), cv2.FONT_HERSHEY_DUPLEX, 0.85, (20, 20, 20), 2, cv2.LINE_AA)
    return image


def astronaut() -> NDArray[np.uint8]:
    """A real photograph with one face (NASA, public domain), 512 x 512."""
    return read_picture(SKIMAGE_DATA / "astronaut.png")
