"""Quantises a detector with NNCF: `to_int8.py MODEL.xml PICTURES.npy OUT.xml`. Runs in the environment `int8`.

The last layers keep full precision, from the convolutions that say boxes and scores on: eight bits for a coordinate of
640 pixels are 2.5 pixels, and reading needs tight boxes. NNCF's telemetry is left out, as everywhere here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # the import fails, and nncf does without

import nncf  # type: ignore[import-not-found]  # noqa: E402  after the line above
import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402

KEPT_KINDS = ("Constant", "Result", "Parameter")


def quantized(model: ov.Model, pictures: np.ndarray) -> ov.Model:
    """The model with weights and activations in 8 bits, calibrated on a batch of pictures."""
    dataset = nncf.Dataset([picture[None] for picture in pictures])
    ignored = nncf.IgnoredScope(names=sorted(head_of(model)))
    mixed = nncf.QuantizationPreset.MIXED
    return nncf.quantize(model, dataset, preset=mixed, subset_size=len(pictures), ignored_scope=ignored)


def head_of(model: ov.Model) -> Iterator[str]:
    """The operations behind the last convolutions whose input is a feature map."""
    waiting, seen = [*model.get_results()], set[str]()
    while waiting:
        node = waiting.pop()
        name = node.get_friendly_name()
        if name in seen or (node.get_type_name() == "Convolution" and not reads_probabilities(node)):
            continue
        seen.add(name)
        waiting += [each.get_source_output().get_node() for each in node.inputs()]
        if node.get_type_name() not in KEPT_KINDS:
            yield name


def reads_probabilities(convolution: ov.Node) -> bool:
    """Whether a convolution only sums up what a softmax said: part of the boxes' arithmetic."""
    return bool(convolution.input(0).get_source_output().get_node().get_type_name() == "Softmax")


def main(model: Path, pictures: Path, out: Path) -> None:
    """Read, quantise, write."""
    found = quantized(ov.Core().read_model(model), np.load(pictures))
    ov.save_model(found, out, compress_to_fp16=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
