"""A YOLOv8 detector rebuilt as an OpenVINO graph from the weights in its checkpoint.

The graph is the one ultralytics exports: input `images` (1, 3, height_px, width_px), RGB in 0..1, both
sides multiples of 32; output `boxes` (1, 4 + classes, anchors): centre x, centre y, width, height in
input pixels, then one score in 0..1 per class. Height and width stay open, so that one file serves a square
and a wide input. Batch normalisation is folded into the convolutions.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from edge_agent.adapters.model_checkpoint import Stub
from edge_agent.errors import BadModelFile

Node = Any
"""An OpenVINO node or output: the package ships no usable types for them."""


def build_yolov8(network: Stub) -> ov.Model:
    """Return the OpenVINO model of a YOLOv8 `DetectionModel`."""
    images = ops.parameter([1, 3, -1, -1], np.float32, "images")
    outputs: list[Node] = []
    last: Node = images
    for layer in network.child("model").children():
        sources = layer.state["f"]
        wanted = [sources] if isinstance(sources, int) else list(sources)
        inputs = [last if source == -1 else outputs[source] for source in wanted]
        last = _layer(layer)(layer, inputs)
        outputs.append(last)
    last.output(0).set_names({"boxes"})
    return ov.Model([last], [images], "yolov8")


def _layer(layer: Stub) -> Callable[[Stub, Sequence[Node]], Node]:
    try:
        return _LAYERS[layer.kind]
    except KeyError:
        raise BadModelFile(f"a layer of kind {layer.kind!r} is no part of YOLOv8") from None


def _conv2d(x: Node, weight: NDArray[np.float32], bias: NDArray[np.float32], stride: int) -> Node:
    pad = weight.shape[-1] // 2
    folded = ops.convolution(x, ops.constant(weight), [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    return ops.add(folded, ops.constant(bias.reshape(1, -1, 1, 1)))


def _conv(layer: Stub, inputs: Sequence[Node]) -> Node:
    """Convolution, batch normalisation (folded in), SiLU."""
    if layer.child("act").kind != "SiLU":
        raise BadModelFile(f"an activation of kind {layer.child('act').kind!r} is no part of YOLOv8")
    conv = layer.child("conv")
    weight = conv.array("weight")
    if "bn" in layer.state["_modules"]:
        norm = layer.child("bn")
        gain = norm.array("weight") / np.sqrt(norm.array("running_var") + np.float32(norm.state["eps"]))
        weight = weight * gain.reshape(-1, 1, 1, 1)
        bias = norm.array("bias") - norm.array("running_mean") * gain
    else:
        bias = conv.array("bias")
    return ops.swish(_conv2d(inputs[0], weight, bias, int(conv.state["stride"][0])))


def _plain_conv(layer: Stub, x: Node) -> Node:
    return _conv2d(x, layer.array("weight"), layer.array("bias"), 1)


def _bottleneck(layer: Stub, x: Node) -> Node:
    inner = _conv(layer.child("cv2"), [_conv(layer.child("cv1"), [x])])
    return ops.add(x, inner) if layer.state["add"] else inner


def _c2f(layer: Stub, inputs: Sequence[Node]) -> Node:
    halves = ops.split(_conv(layer.child("cv1"), inputs), ops.constant(1), 2)
    parts = [halves.output(0), halves.output(1)]
    for block in layer.child("m").children():
        parts.append(_bottleneck(block, parts[-1]))
    return _conv(layer.child("cv2"), [ops.concat(parts, 1)])


def _sppf(layer: Stub, inputs: Sequence[Node]) -> Node:
    size = int(layer.child("m").state["kernel_size"])
    pad = [size // 2] * 2
    parts = [_conv(layer.child("cv1"), inputs)]
    for _ in range(3):
        pooled = ops.max_pool(parts[-1], [1, 1], [1, 1], pad, pad, [size, size])
        parts.append(pooled.output(0))
    return _conv(layer.child("cv2"), [ops.concat(parts, 1)])


def _upsample(layer: Stub, inputs: Sequence[Node]) -> Node:
    scale = float(layer.state["scale_factor"])
    scales = ops.constant(np.array([scale, scale], np.float32))
    return ops.interpolate(
        inputs[0],
        scales,
        "nearest",
        "scales",
        axes=ops.constant(np.array([2, 3])),
        # torch's `nearest`; OpenVINO's default, half pixels rounded down, shifts the map by one.
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _concat(layer: Stub, inputs: Sequence[Node]) -> Node:
    return ops.concat(list(inputs), int(layer.state["d"]))


def _branch(layer: Stub, x: Node) -> Node:
    first, second, last = layer.children()
    return _plain_conv(last, _conv(second, [_conv(first, [x])]))


def _detect(layer: Stub, inputs: Sequence[Node]) -> Node:
    """Each scale's box distances and scores, decoded to boxes in input pixels and laid end to end."""
    bins, classes = int(layer.state["reg_max"]), int(layer.state["nc"])
    boxes, scores = [], []
    for level, (x, stride) in enumerate(zip(inputs, layer.state["stride"], strict=True)):
        distances = _expected_distance(_branch(layer.child("cv2").child(level), x), bins)
        boxes.append(_to_centre_boxes(distances, _anchors(x), stride))
        flat = _reshape(_branch(layer.child("cv3").child(level), x), [1, classes, -1])
        scores.append(ops.sigmoid(flat))
    return ops.concat([ops.concat(boxes, 2), ops.concat(scores, 2)], 1)


def _reshape(x: Node, shape: Sequence[int]) -> Node:
    return ops.reshape(x, ops.constant(np.array(shape, np.int64)), special_zero=False)


def _expected_distance(x: Node, bins: int) -> Node:
    """Distribution over `bins` distances for each side, to its mean: (1, 4, anchors), in strides."""
    spread = ops.softmax(_reshape(x, [1, 4, bins, -1]), 2)
    weights = ops.constant(np.arange(bins, dtype=np.float32).reshape(1, 1, bins, 1))
    return ops.reduce_sum(ops.multiply(spread, weights), ops.constant(np.array([2])), keep_dims=False)


def _anchors(x: Node) -> Node:
    """Centres of the cells of a feature map, (1, 2, anchors), in strides: x runs fastest."""
    shape = ops.shape_of(x, "i32")
    height, width = (ops.gather(shape, ops.constant(axis), ops.constant(0)) for axis in (2, 3))
    one, zero = ops.constant(1), ops.constant(0)
    rows = _reshape(ops.range(zero, height, one, "f32"), [1, 1, -1, 1])
    columns = _reshape(ops.range(zero, width, one, "f32"), [1, 1, 1, -1])
    still = ops.constant(np.float32(0))
    grid = [ops.add(columns, ops.multiply(rows, still)), ops.add(rows, ops.multiply(columns, still))]
    return ops.add(_reshape(ops.concat(grid, 1), [1, 2, -1]), ops.constant(np.float32(0.5)))


def _to_centre_boxes(distances: Node, anchors: Node, stride: int) -> Node:
    near_far = ops.split(distances, ops.constant(1), 2)
    low = ops.subtract(anchors, near_far.output(0))
    high = ops.add(anchors, near_far.output(1))
    centre = ops.multiply(ops.add(low, high), ops.constant(np.float32(0.5)))
    boxes = ops.concat([centre, ops.subtract(high, low)], 1)
    return ops.multiply(boxes, ops.constant(np.float32(stride)))


_LAYERS: Final[dict[str, Callable[[Stub, Sequence[Node]], Node]]] = {
    "Conv": _conv,
    "C2f": _c2f,
    "SPPF": _sppf,
    "Upsample": _upsample,
    "Concat": _concat,
    "Detect": _detect,
}
