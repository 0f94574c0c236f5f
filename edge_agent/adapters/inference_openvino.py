"""OpenVINO behind one small class: a network compiled as asked, or not at all.

OpenVINO picks a precision by itself (bfloat16 where the processor has it) and falls back to another device or
precision in silence. A box that reads plates must repeat itself and must not crawl unnoticed. So device,
precision and threads are always given, then asked back from the compiled network, and a difference stops
the agent. Nothing here is asynchronous: the service runs inference in a thread of its own.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from edge_agent.adapters.models import ModelStore
from edge_agent.errors import InferenceMismatch
from edge_agent.settings import InferenceSettings

PROCESSOR: Final = "CPU"
_THREADS: Final = "INFERENCE_NUM_THREADS"
PRECISIONS: Final = {"f32": ov.Type.f32, "bf16": ov.Type.bf16, "f16": ov.Type.f16}
"""`f32` is the reference; `bf16` is about twice as fast where the processor has it."""


@dataclass(frozen=True, slots=True)
class RunningModel:
    """What really runs, for the agent to say at start and in its health."""

    name: str
    version: str
    sha256: str
    device: str
    device_name: str
    precision: str
    threads: int


class Network:
    """One compiled network with one request: for one thread at a time."""

    def __init__(self, compiled: ov.CompiledModel, running: RunningModel) -> None:
        self._request = compiled.create_infer_request()
        self._outputs = [output.get_any_name() for output in compiled.outputs]
        self.running = running

    def run(self, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name. They are the network's own memory: used up before the next call."""
        result = self._request.infer({0: batch}, share_inputs=True, share_outputs=True)
        return {name: result[index] for index, name in enumerate(self._outputs)}


def compile_network(core: ov.Core, store: ModelStore, name: str, settings: InferenceSettings) -> Network:
    """Compile a model of the store for 8-bit BGR pictures, and check that it runs as asked."""
    model = store.read(core, name)
    entry = store.entry(name)
    try:
        compiled = core.compile_model(model, settings.device, _asked(settings))
    except RuntimeError as exc:
        have = ", ".join(core.available_devices)
        raise InferenceMismatch(
            f"device {settings.device} cannot run {name}; this machine has {have}: change `device`"
        ) from exc
    really = ",".join(compiled.get_property("EXECUTION_DEVICES"))
    if not is_device(really, settings.device):
        raise InferenceMismatch(
            f"{name} runs on {really}, the settings ask for {settings.device}: name the device that is to run"
        )
    running = RunningModel(
        name=name,
        version=entry.version,
        sha256=entry.weights_sha256,
        device=really,
        device_name=core.get_property(settings.device, "FULL_DEVICE_NAME").strip(),
        precision=compiled.get_property("INFERENCE_PRECISION_HINT").to_string(),
        threads=compiled.get_property(_THREADS) if _THREADS in compiled.get_property("SUPPORTED_PROPERTIES") else 0,
    )
    _check(running, settings)
    return Network(compiled, running)


def _asked(settings: InferenceSettings) -> dict[str, Any]:
    if settings.precision not in PRECISIONS:
        raise InferenceMismatch(f"precision {settings.precision} is not one of {', '.join(PRECISIONS)}")
    asked: dict[str, Any] = {"INFERENCE_PRECISION_HINT": PRECISIONS[settings.precision], "PERFORMANCE_HINT": "LATENCY"}
    if settings.device == PROCESSOR:  # else networks of one thread would all be pinned to the first core
        asked["ENABLE_CPU_PINNING"] = False
    return asked | ({_THREADS: settings.threads} if settings.threads and settings.device == PROCESSOR else {})


def is_device(really: str, asked: str) -> bool:
    """Whether what runs is what was asked for: a machine's only GPU calls itself `GPU.0`."""
    return really in (asked, f"{asked}.0")


def _check(running: RunningModel, settings: InferenceSettings) -> None:
    """Refuse what differs from the settings; 0 threads leaves their number to the machine, as other devices do."""
    is_free = settings.threads == 0 or settings.device != PROCESSOR
    asked = (settings.precision, running.threads if is_free else settings.threads)
    real = (running.precision, running.threads)
    if asked != real:
        raise InferenceMismatch(
            f"{running.name} runs in {real[0]} with {real[1]} threads, the settings ask for {asked[0]} with "
            f"{asked[1]}: change the settings to what this machine has"
        )
