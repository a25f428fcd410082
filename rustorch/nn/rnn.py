"""Recurrent networks: simple ones, LSTM and GRU, over whole sequences and step by step.

Every layer and direction is one call of the row rnn_layer; parameters have PyTorch's names
(weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0, with _reverse for the way back).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._C import Tensor, ops, zeros
from .._recurrent import run_layers
from . import init
from ._building import empty
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_layer, _index_select = ops["rnn_layer"], ops["index_select"]
_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_ROW_MODES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "tanh", "RNN_RELU": "relu"}


def _uniform(module: Module, hidden_size: int) -> None:
    bound = 1.0 / math.sqrt(hidden_size) if hidden_size > 0 else 0.0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, layers, directions, packed and unbatched input."""

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_arguments(dropout)
        result = proj_size or hidden_size
        made = {"device": device, "dtype": dtype}
        rows = _GATES[mode] * hidden_size
        self._weight_names: list[tuple[str, str, str | None, str | None, str | None]] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else result * (1 + bidirectional)
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[: 1 + bidirectional]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, result)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Parameter(empty(shape, **made)))
                optional = [n + suffix if n in shapes else None for n in ("bias_ih", "bias_hh", "weight_hr")]
                self._weight_names.append(("weight_ih" + suffix, "weight_hh" + suffix, *optional))  # type: ignore[arg-type]
        self.reset_parameters()

    def _check_arguments(self, dropout: float) -> None:
        if self.mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}")
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers"
                f" greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name in ("bias", "batch_first"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} should be of type bool, got: {type(getattr(self, name)).__name__}")
        for name in ("input_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.proj_size and self.mode != "LSTM":
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")

    def reset_parameters(self) -> None:
        """Draws all parameters uniformly within 1/sqrt(hidden_size)."""
        _uniform(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Nothing: parameters lie as they are used."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names if name is not None] for names in self._weight_names]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._weight_names for name in names if name is not None]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [weight for weights in self.all_weights for weight in weights]

    # ---- forward ----

    def _check_input(self, input: Tensor, dims: int) -> None:
        weight = self.__dict__["weight_ih_l0"]
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input:"
                f" input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        if input.ndim != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def _states(self, hx: Any, batch: int, like: Tensor, batched: bool, order: Tensor | None) -> list[Tensor]:
        """The initial states (layers * directions, batch, size): one, or two of an LSTM."""
        count = self.num_layers * (1 + self.bidirectional)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size][: 1 + (self.mode == "LSTM")]
        if hx is None:
            return [zeros((count, batch, size), dtype=like.dtype) for size in sizes]
        given = list(hx) if self.mode == "LSTM" else [hx]
        if len(given) != len(sizes):
            raise RuntimeError(f"{self._get_name()}: expected a pair of initial states, got {len(given)}")
        dims = 3 if batched else 2
        if any(h.ndim != dims for h in given):
            names = "hx and cx" if len(given) == 2 else "hx"
            raise RuntimeError(
                f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, {names} should also be {dims}-D but got"
                f" {', '.join(f'{h.ndim}-D' for h in given)} tensors"
            )
        if not batched:
            given = [h.unsqueeze(1) for h in given]
        for k, (h, size) in enumerate(zip(given, sizes, strict=True)):
            if tuple(h.shape) != (count, batch, size):
                which = f"hidden[{k}]" if len(given) == 2 else "hidden"
                raise RuntimeError(f"Expected {which} size {(count, batch, size)}, got {list(h.shape)}")
        return given if order is None else [_index_select(h, 1, order) for h in given]

    def _run(self, x: Tensor, states: list[Tensor], sizes: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """All layers over (steps, batch, features), or over packed rows."""
        attributes = self.__dict__
        weights = [[attributes[name] if name else None for name in names] for names in self._weight_names]
        rate = self.dropout if self.training else 0.0
        return run_layers(_ROW_MODES[self.mode], x, states, weights, sizes, 1 + self.bidirectional, rate)

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.ndim}D instead")
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        self._check_input(x, 3)
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        states = self._states(hx, x.shape[1], x, batched, None)
        result, states = self._run(x, states, None)
        if not batched:
            result, states = result.squeeze(1), [state.squeeze(1) for state in states]
        elif self.batch_first:
            result = result.transpose(0, 1)
        return result, tuple(states) if self.mode == "LSTM" else states[0]

    def _forward_packed(self, input: PackedSequence, hx: Any) -> Any:
        self._check_input(input.data, 2)
        states = self._states(hx, int(input.batch_sizes[0]), input.data, True, input.sorted_indices)
        result, states = self._run(input.data, states, input.batch_sizes)
        if input.unsorted_indices is not None:
            states = [_index_select(state, 1, input.unsorted_indices) for state in states]
        packed = PackedSequence(result, *input[1:])
        return packed, tuple(states) if self.mode == "LSTM" else states[0]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        defaults |= {"bidirectional": False}
        for name, value in defaults.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(RNNBase):
    """Simple recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu (Elman 1990).

    Args:
        input_size, hidden_size: lengths of x and h.
        num_layers: how many lie one on the other.
        nonlinearity: "tanh" or "relu".
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, steps, features) instead of (steps, batch, features).
        dropout: probability of dropping results of all layers but the last, in training.
        bidirectional: whether a second network runs from the end; results are joined.

    Call it with the input, (steps, batch, input_size), (steps, input_size) or a PackedSequence, and the
    initial state (layers * directions, batch, hidden_size), zeros by default.  It gives the last layer's
    results and the last states.

    >>> import rustorch as rt
    >>> result, state = rt.nn.RNN(3, 5)(rt.randn(7, 2, 3))
    >>> result.shape, state.shape
    ((7, 2, 5), (1, 2, 5))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self_nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self_nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self_nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self_nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__("RNN_" + self_nonlinearity.upper(), *args, **kwargs)
        self.nonlinearity = self_nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, Gers et al. 2000).

    i, f, g, o = W_ih x + b_ih + W_hh h + b_hh;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c')

    Args:
        input_size, hidden_size: lengths of x and h.
        num_layers, bias, batch_first, dropout, bidirectional: as in RNN.
        proj_size: when not 0, h' is multiplied by a weight_hr (proj_size, hidden_size) (Sak et al. 2014).

    Call it with the input, as an RNN, and the initial (h, c), zeros by default; it gives the last layer's
    results and the last (h, c).

    >>> import rustorch as rt
    >>> result, (h, c) = rt.nn.LSTM(3, 5, num_layers=2)(rt.randn(7, 2, 3))
    >>> result.shape, h.shape, c.shape
    ((7, 2, 5), (2, 2, 5), (2, 2, 5))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent unit (Cho et al. 2014).

    r, z from sigmoid(W_i x + b_i + W_h h + b_h);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h

    Args and calls: as an RNN's, without nonlinearity.

    >>> import rustorch as rt
    >>> result, state = rt.nn.GRU(3, 5, bidirectional=True)(rt.randn(7, 2, 3))
    >>> result.shape, state.shape
    ((7, 2, 10), (2, 2, 5))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


# ---- one step ----


class RNNCellBase(Module):
    """What the cells share: weight_ih, weight_hh, bias_ih and bias_hh."""

    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), dtype=dtype, device=device))
        self.weight_hh = Parameter(empty((rows, hidden_size), dtype=dtype, device=device))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, dtype=dtype, device=device)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters uniformly within 1/sqrt(hidden_size)."""
        _uniform(self, self.hidden_size)

    def _step(self, mode: str, input: Tensor, states: list[Tensor | None]) -> list[Tensor]:
        name = self._get_name()
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{name}: input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}"
            )
        alone = input.ndim == 1
        x = input.unsqueeze(0) if alone else input
        given = []
        for number, state in enumerate(states):
            which = f"hx[{number}]" if mode == "lstm" else "hidden"
            if state is None:
                state = zeros((x.shape[0], self.hidden_size), dtype=x.dtype)
            elif state.ndim not in (1, 2):
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.ndim}D instead")
            elif state.ndim != input.ndim:
                raise RuntimeError(f"{name}: hidden{number} has {state.ndim} dimensions, the input {input.ndim}")
            elif alone:
                state = state.unsqueeze(0)
            if state.shape[0] != x.shape[0]:
                raise RuntimeError(
                    f"{name}: Input batch size {x.shape[0]} doesn't match hidden{number} batch size {state.shape[0]}"
                )
            if state.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"{name}: hidden{number} has inconsistent hidden_size: got {state.shape[1]}, expected"
                    f" {self.hidden_size}"
                )
            given.append(state)
        h, c = given[0], given[1] if len(given) > 1 else None
        _, h, c = _layer(
            x.unsqueeze(0), h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None, None, mode
        )
        result = [h] if c is None or len(given) == 1 else [h, c]
        return [state.squeeze(0) for state in result] if alone else result

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += ", bias=False"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.__dict__['nonlinearity']}"
        return text


class RNNCell(RNNCellBase):
    """One step of an RNN: tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.

    Call it with x (batch, input_size) or (input_size) and h of the same kind, zeros by default; it gives h'.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(self.nonlinearity, input, [hx])[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM.

    Call it with x (batch, input_size) or (input_size) and (h, c), zeros by default; it gives (h', c').
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._step("lstm", input, [None, None] if hx is None else list(hx))
        return h, c


class GRUCell(RNNCellBase):
    """One step of a GRU.

    Call it with x (batch, input_size) or (input_size) and h of the same kind, zeros by default; it gives h'.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("gru", input, [hx])[0]
