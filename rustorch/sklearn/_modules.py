"""The networks that the estimators build when they are given none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _C, nn

Tensor = _C.Tensor


def perceptron(inputs: int, hidden: Sequence[int], outputs: int, dropout: float = 0.0) -> list[nn.Module]:
    """Layers from inputs to outputs: linear ones of the hidden widths with ReLU, and dropout, between them."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        inputs = width
    return [*layers, nn.Linear(inputs, outputs)]


class Rescale(nn.Module):
    """x * scale + shift, which are not trained.

    Args:
        scale, shift: arrays that broadcast with x.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Any, shift: Any) -> None:
        super().__init__()
        self.scale = nn.Buffer(_C.tensor(scale))
        self.shift = nn.Buffer(_C.tensor(shift))

    def forward(self, x: Tensor) -> Tensor:
        """x in other units."""
        return x * self.scale + self.shift


class Autoencoder(nn.Module):
    """A network to few components and one back.

    Args:
        encoder: from samples to components.
        decoder: from components to samples.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Any:
        """x by way of its components."""
        return self.decoder(self.encoder(x))
