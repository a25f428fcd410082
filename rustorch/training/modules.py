"""Layers that strings stand for and nn lacks: they learn sizes, or dimensions, from their first input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import nn
from .._C import Tensor, ops
from ..nn.lazy import _LazyNorm

__all__ = ["LazyBatchNorm", "Recurrent", "RepeatVector", "SamePadConv"]


class RepeatVector(nn.Module):
    """(n, features) repeated to (n, times, features).

    >>> import rustorch as rt
    >>> RepeatVector(3)(rt.ones(2, 4)).shape
    (2, 3, 4)
    """

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).repeat(1, self.times, 1)

    def extra_repr(self) -> str:
        return str(self.times)

    def describe(self) -> dict[str, Any]:
        """What from_description makes the module of again."""
        return {"times": self.times}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> RepeatVector:
        """The module that describe described."""
        return cls(description["times"])


class SamePadConv(nn.Module):
    """A convolution, or pooling, before which enough zeros are added that each length becomes ceil(length / stride).

    More zeros stand behind than before where their number is odd, as Keras has it.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        spatial = x.ndim - 2
        kernel, stride = _each(self.inner.kernel_size, spatial), _each(self.inner.stride, spatial)
        dilation = _each(getattr(self.inner, "dilation", 1), spatial)
        pads: list[int] = []
        for length, k, s, d in zip(x.shape[2:], kernel, stride, dilation):
            total = max((math.ceil(length / s) - 1) * s + d * (k - 1) + 1 - length, 0)
            pads = [total // 2, total - total // 2, *pads]
        lowest = -math.inf if isinstance(self.inner, (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)) else 0.0
        return self.inner(nn.functional.pad(x, pads, value=lowest))


def _each(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * count


class LazyBatchNorm(_LazyNorm, nn.BatchNorm1d):
    """Batch normalisation that becomes BatchNorm1d, 2d or 3d with its first input."""

    cls_to_become: Any = nn.BatchNorm1d

    def initialize_parameters(self, input: Tensor) -> None:
        kinds = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
        if input.ndim not in kinds:
            raise ValueError(f"BatchNormalization: expected 2 to 5 dimensions, not input of shape {tuple(input.shape)}")
        self.cls_to_become = kinds[input.ndim]
        super().initialize_parameters(input)
        if self.num_features == 0 and self.running_mean is not None:
            self.num_features = len(self.running_mean)

    def describe(self) -> dict[str, Any]:
        """What from_description makes the module of again, as long as it has seen no input."""
        return {"eps": self.eps, "momentum": self.momentum, "affine": self.affine}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> LazyBatchNorm:
        """The module that describe described."""
        return cls(**description)


class Recurrent(nn.Module):
    """LSTM, GRU or RNN over (n, time, features) that gives its outputs, or the last of them, without the states.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        units: width of the outputs (n, time, units), or twice that when bidirectional.
        return_sequences: all outputs; False: the last, (n, units).
        input_size: None: the first input's last length.
        options: num_layers, dropout, bidirectional, bias of nn's layers.
    """

    rnn: Any

    def __init__(
        self, kind: str, units: int, return_sequences: bool = False, input_size: int | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.kind, self.units, self.return_sequences, self.options = kind, units, return_sequences, options
        self.input_size = input_size
        self.rnn = None
        if input_size is not None:
            self._build(input_size)

    def _build(self, input_size: int) -> None:
        self.input_size = input_size
        self.rnn = getattr(nn, self.kind)(input_size, self.units, batch_first=True, **self.options)
        self.rnn.train(self.training)

    def forward(self, x: Tensor) -> Tensor:
        if self.rnn is None:
            self._build(x.shape[-1])
        outputs, state = self.rnn(x)
        if self.return_sequences:
            return outputs
        last = state[0] if isinstance(state, tuple) else state
        if self.options.get("bidirectional"):
            return ops["cat"]([last[-2], last[-1]], 1)
        return last[-1]

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        first = state_dict.get(prefix + "rnn.weight_ih_l0")
        if self.rnn is None and first is not None:
            self._build(first.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.units}, return_sequences={self.return_sequences}"

    def describe(self) -> dict[str, Any]:
        """What from_description makes the module of again."""
        return {
            "kind": self.kind, "units": self.units, "return_sequences": self.return_sequences,
            "input_size": self.input_size, "options": dict(self.options),
        }  # fmt: skip

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Recurrent:
        """The module that describe described."""
        known = {name: description[name] for name in ("kind", "units", "return_sequences", "input_size")}
        if known["kind"] not in ("LSTM", "GRU", "RNN"):
            raise ValueError(f"Recurrent: kind must be LSTM, GRU or RNN, not {known['kind']!r}")
        return cls(**known, **description["options"])
