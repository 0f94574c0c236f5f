"""What the models were asked, and what the same questions cost when nothing else is done.

While the agent runs, every call of a network is counted and a share of the inputs is kept, evenly spread. Afterwards
the same network is given the same inputs again, back to back. Bare decoders play the clip meanwhile, one for each
camera and in real time: caches and cores are as busy as they were, with nothing but models and decoders.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from bench.stages import StageClocks
from edge_agent.adapters.inference_openvino import Network

KEPT: Final = 60
"""Inputs kept of each model, at most twice as many."""


@dataclass(slots=True)
class ModelLog:
    """Calls of each model, and inputs kept of them: every `stride`th."""

    calls: Counter[str] = field(default_factory=Counter)
    kept: defaultdict[str, list[NDArray[Any]]] = field(default_factory=lambda: defaultdict(list))
    strides: defaultdict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    networks: dict[str, Network] = field(default_factory=dict)

    @contextmanager
    def around(self, clocks: StageClocks) -> Iterator[None]:
        """Measure and log all networks until the context ends."""
        original = Network.run

        def run(network: Network, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
            self._note(network, batch)
            with clocks.stage(f"model {network.running.name}"):
                return original(network, batch)

        setattr(Network, "run", run)  # noqa: B010  mypy would have it bound
        try:
            yield
        finally:
            setattr(Network, "run", original)  # noqa: B010

    def _note(self, network: Network, batch: NDArray[Any]) -> None:
        name = network.running.name
        self.networks[name] = network
        if self.calls[name] % self.strides[name] == 0:
            self.kept[name].append(batch)
        self.calls[name] += 1
        if len(self.kept[name]) > 2 * KEPT:
            self.kept[name] = self.kept[name][::2]
            self.strides[name] *= 2


@dataclass(frozen=True, slots=True)
class Bare:
    """Processor time of the references, in seconds: all the calls of each model, and one decoded frame."""

    models_s: dict[str, float]
    decode_frame_s: float


def measure_bare(log: ModelLog, clip: Path, cameras: int) -> Bare:
    """Ask the models again what they were asked, beside bare decoders."""
    stopping = threading.Event()
    decoders = [_BareDecoder(clip, stopping) for _ in range(cameras)]
    for decoder in decoders:
        decoder.start()
    models_s = {name: _replay(log, name) for name in log.calls}
    stopping.set()
    for decoder in decoders:
        decoder.join()
    frames = sum(decoder.frames for decoder in decoders)
    return Bare(models_s, sum(decoder.seconds for decoder in decoders) / max(frames, 1))


def _replay(log: ModelLog, name: str) -> float:
    """Time of the calling thread: with more inference threads than one, that of the caller only."""
    network, batches = log.networks[name], log.kept[name]
    begun = time.thread_time()
    for batch in batches:
        network.run(batch)
    return (time.thread_time() - begun) / len(batches) * log.calls[name]


class _BareDecoder(threading.Thread):
    """Plays a clip over and over, in real time, with nothing but PyAV."""

    def __init__(self, clip: Path, stopping: threading.Event) -> None:
        super().__init__(name="bare-decoder")
        self._clip, self._stopping = clip, stopping
        self.frames, self.seconds = 0, 0.0

    @override
    def run(self) -> None:
        """Until stopped."""
        while not self._stopping.is_set():
            with av.open(str(self._clip)) as container:
                stream = container.streams.video[0]
                stream.codec_context.thread_count = 1
                self._play(container.decode(stream), float(1 / (stream.average_rate or 10)))

    def _play(self, frames: Iterator[av.VideoFrame], period_s: float) -> None:
        due_s = time.monotonic()
        while not self._stopping.wait(max(0.0, due_s - time.monotonic())):
            begun = time.thread_time()
            frame = next(frames, None)
            self.seconds += time.thread_time() - begun
            if frame is None:
                return
            self.frames += 1
            due_s += period_s
