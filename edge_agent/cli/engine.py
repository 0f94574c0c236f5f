"""Options that choose models and what they run on, shared by the commands that look at pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edge_agent.adapters.models import default_folder
from edge_agent.adapters.vision import Vision, open_vision
from edge_agent.core.profiles import Stack
from edge_agent.settings import DEFAULT_STACK, InferenceSettings


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What the models run on."""

    models: Annotated[Path | None, Parameter(help="Folder of models that `make models` fetched.")] = None
    trust: Annotated[
        tuple[str, ...], Parameter(negative="", help="Another key whose signature counts in that folder.")
    ] = ()
    stack: Annotated[Stack, Parameter(help="Our own models, or the ready ones that others published.")] = DEFAULT_STACK
    device: Annotated[str, Parameter(help="Device; the command stops if another one would run.")] = "CPU"
    precision: Annotated[str, Parameter(help="f32, bf16 or f16; stops if another one would run.")] = "f32"
    threads: Annotated[int, Parameter(help="Threads; 0 leaves them to the machine.")] = 0
    quantized: Annotated[bool, Parameter(negative="", help="Find plates with the detector's 8-bit form.")] = False

    def open(self) -> Vision:
        """Load and compile the models."""
        return open_vision(self.settings())

    def settings(self) -> InferenceSettings:
        """What the options ask for."""
        return InferenceSettings(
            models_dir=self.models or default_folder(),
            model_signers=self.trust,
            stack=self.stack,
            device=self.device,
            precision=self.precision,
            threads=self.threads,
            quantized=self.quantized,
        )
