"""The reader's network: about a million parameters, plain convolutions, then attention over its eighty steps.

The trunk halves the height five times and the width twice, so that 64 x 160 pixels become two rows of forty columns:
enough steps for ten characters and their blanks in each row. Two small transformer layers look over all eighty,
because which row speaks (a plate of one line lies across both) cannot be told from a column alone.

Normalisation is inside: a picture's own mean and contrast are taken out, so that dusk costs nothing and callers hand
over bytes. Attention is written out; the fused kernel of torch is slower here, backwards eight times over.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from reader_training.targets import BLANK, COLUMNS, ROWS, STEPS, SYMBOLS, UNSAID

BLANK_BIAS: Final = 2.0
"""Most steps are blank; a network that starts with that belief need not spend its first thousand steps on it."""
LEAST_CONTRAST: Final = 0.03


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of the network; the defaults are the reader's."""

    stem: int = 24
    widths: tuple[int, int, int] = (48, 80, 128)
    features: int = 160
    layers: int = 2
    heads: int = 4


class Reader(nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """Pictures (n, 64, 160, 3) BGR as bytes to logits (n, 80, 37)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second, third = shape.widths
        self.trunk = nn.Sequential(
            *_convolution(3, shape.stem, stride=2),
            *_convolution(shape.stem, first, stride=2),
            Residual(first),
            *_convolution(first, second, stride=(2, 1)),
            Residual(second),
            *_convolution(second, third, stride=(2, 1)),
            Residual(third),
            nn.Conv2d(third, shape.features, (2, 1), (2, 1), bias=False),
            nn.BatchNorm2d(shape.features),
        )
        self.place = nn.Parameter(torch.randn(STEPS, shape.features) * 0.02)
        self.layers = nn.Sequential(*(Attention(shape.features, shape.heads) for _ in range(shape.layers)))
        self.norm = nn.LayerNorm(shape.features)
        self.head = nn.Linear(shape.features, SYMBOLS)
        nn.init.zeros_(self.head.bias)
        self.head.bias.data[BLANK] = BLANK_BIAS
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Any) -> Any:
        """Logits of every symbol at every step; the upper row's steps come first."""
        values = pictures.permute(0, 3, 1, 2).float() / 255.0
        values = values - values.mean((1, 2, 3), keepdim=True)
        contrast = values.square().mean((1, 2, 3), keepdim=True).sqrt()
        steps = self.trunk(values / (contrast + LEAST_CONTRAST)).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.layers(steps + self.place)))


class Residual(nn.Module):  # type: ignore[misc]  # as above
    """Two convolutions beside a way past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*_convolution(width, width), *_convolution(width, width)[:-1])

    def forward(self, values: Any) -> Any:
        """Return what went in, with what the convolutions add."""
        return torch.relu(values + self.inner(values))


class Attention(nn.Module):  # type: ignore[misc]  # as above
    """A transformer layer, normalised first."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(features)
        self.asked = nn.Linear(features, 3 * features)
        self.said = nn.Linear(features, features)
        self.inner = nn.Sequential(
            nn.LayerNorm(features), nn.Linear(features, 2 * features), nn.GELU(), nn.Linear(2 * features, features)
        )

    def forward(self, steps: Any) -> Any:
        """Let every step look at every other."""
        count, length, features = steps.shape
        each = features // self.heads
        asked = self.asked(self.before(steps)).view(count, length, 3, self.heads, each).permute(2, 0, 3, 1, 4)
        query, key, value = asked[0], asked[1], asked[2]
        weights = (query / math.sqrt(each) @ key.transpose(-1, -2)).softmax(-1)
        steps = steps + self.said((weights @ value).transpose(1, 2).reshape(count, length, features))
        return steps + self.inner(steps)


class Exported(nn.Module):  # type: ignore[misc]  # as above
    """What leaves training: probabilities, with the temperature that calibrates them inside."""

    def __init__(self, reader: Reader, temperature: float) -> None:
        super().__init__()
        self.reader = reader
        self.temperature = temperature

    def forward(self, pictures: Any) -> Any:
        """Probabilities (n, 80, 37)."""
        return (self.reader(pictures) / self.temperature).softmax(-1)


def loss_of(logits: Any, symbols: Any, lengths: Any) -> Any:
    """CTC of both rows, summed over a plate and averaged over plates."""
    count = logits.shape[0]
    rows = logits.float().view(count * ROWS, COLUMNS, SYMBOLS).log_softmax(-1).transpose(0, 1)
    steps = torch.full((count * ROWS,), COLUMNS)
    whole = nn.functional.ctc_loss(rows, symbols, steps, lengths, blank=BLANK, reduction="sum", zero_infinity=True)
    return whole / count


def drill_of(logits: Any, guess: Any) -> Any:
    """Cross entropy with a guess at the alignment, summed over a plate and averaged over plates, as the loss is."""
    said = nn.functional.cross_entropy(logits.float().flatten(0, 1), guess.flatten(), ignore_index=UNSAID)
    return said * (guess != UNSAID).sum() / len(guess)


def _convolution(into: int, out: int, stride: int | tuple[int, int] = 1) -> tuple[Any, Any, Any]:
    return nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
