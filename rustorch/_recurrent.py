"""Recurrent networks as functions: torch.lstm and its kin over lists of weights, and single steps.  All are
calls of the row `rnn_layer`, one a layer and direction.

>>> import rustorch as rt
>>> x, h = rt.ones(2, 3), rt.zeros(2, 4)
>>> rt.gru_cell(x, h, rt.ones(12, 3), rt.zeros(12, 4)).shape
(2, 4)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
Tensor = _C.Tensor


def run_layers(
    mode: str, x: Tensor, states: Sequence[Tensor], weights: Sequence[Sequence[Tensor | None]], sizes: Tensor | None,
    directions: int, dropout: float,
) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
    """All layers over x (steps, batch, features), or over packed rows with the batch sizes of the steps.

    mode: lstm, gru, tanh or relu; states: (layers * directions, batch, size), one, or two of an lstm; weights:
    (w_ih, w_hh, b_ih, b_hh, w_hr) of each layer and direction; dropout between the layers.  Gives the results of
    the last layer and the last states."""
    from .nn._dropouts import dropout as drop

    last: list[tuple[Any, Any]] = []
    results: list[Tensor] = []
    for k, five in enumerate(weights):
        layer, way = divmod(k, directions)
        if way == 0:
            if layer and dropout:
                x = drop(x, dropout, True)
            results = []
        h, *cells = (state[k] for state in states)
        result, h, c = _ops["rnn_layer"](x, h, cells[0] if cells else None, *five, sizes, mode, way == 1)
        results.append(result)
        last.append((h, c))
        if way == directions - 1:
            x = results[0] if directions == 1 else _ops["cat"](results, -1)
    ends = list(zip(*last, strict=True))[: len(states)]
    return x, [part[0].unsqueeze(0) if len(part) == 1 else _ops["stack"](part) for part in ends]


def _grouped(name: str, params: Any, has_biases: bool, count: int) -> list[tuple[Any, ...]]:
    """params as (w_ih, w_hh, b_ih, b_hh, w_hr) for each of `count` layers and directions."""
    params = list(params)
    each = 4 if has_biases else 2
    projected = len(params) == count * (each + 1)
    if not projected and len(params) != count * each:
        raise RuntimeError(f"{name}: got an incorrect number of RNN parameters: {len(params)} for {count} layers")
    each += projected
    groups = [params[k : k + each] for k in range(0, len(params), each)]
    return [
        (g[0], g[1], *(g[2:4] if has_biases else (None, None)), g[-1] if projected else None) for g in groups
    ]


def _make(name: str, mode: str) -> Callable[..., Any]:
    def function(input: Any, *args: Any, **kw: Any) -> Any:
        tensors = [isinstance(a, Tensor) for a in args[:2]]  # before hx, which is one, or two of an lstm
        packed = "batch_sizes" in kw or (tensors[:1] == [True] and (mode == "lstm" or tensors[1:] == [True]))
        names = ["hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional"]
        names = ["batch_sizes", *names] if packed else [*names, "batch_first"]
        if len(args) > len(names):
            raise TypeError(f"{name}: takes at most {len(names) + 1} arguments, not {len(args) + 1}")
        given = {**dict(zip(names, args, strict=False)), **kw}
        missing, unknown = [n for n in names if n not in given], sorted(set(given) - set(names))
        if missing or unknown:
            raise TypeError(f"{name}: {'missing' if missing else 'unexpected'} arguments {missing or unknown}")
        directions = 2 if given["bidirectional"] else 1
        weights = _grouped(name, given["params"], given["has_biases"], given["num_layers"] * directions)
        states = list(given["hx"]) if mode == "lstm" else [given["hx"]]
        first = not packed and given["batch_first"]
        x = input.transpose(0, 1) if first else input
        rate = float(given["dropout"]) if given["train"] else 0.0
        result, last = run_layers(mode, x, states, weights, given.get("batch_sizes"), directions, rate)
        return (result.transpose(0, 1) if first else result, *last)

    function.__name__ = function.__qualname__ = name
    two = "hx: a pair of initial states" if mode == "lstm" else "hx: the initial state"
    function.__doc__ = f"""{name}(input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first), or of packed rows {name}(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train,
    bidirectional).

    input: (steps, batch, features), or batch first; {two} (layers * directions, batch, size); params: w_ih, w_hh
    and, with has_biases, b_ih, b_hh of each layer and direction.  Gives the results and the last states.
    RuntimeError for a wrong number of parameters."""
    return function


lstm, gru = _make("lstm", "lstm"), _make("gru", "gru")
rnn_tanh, rnn_relu = _make("rnn_tanh", "tanh"), _make("rnn_relu", "relu")


def _step(mode: str, x: Tensor, h: Tensor, c: Any, weights: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    _, h, c = _ops["rnn_layer"](x.unsqueeze(0), h, c, *weights, None, None, mode)
    return h, c


def lstm_cell(
    input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of an LSTM: (h', c') from input (batch, features) and hx = (h, c), each (batch, size)."""
    return _step("lstm", input, hx[0], hx[1], (w_ih, w_hh, b_ih, b_hh))


def _cell(name: str, mode: str) -> Callable[..., Tensor]:
    def function(
        input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
    ) -> Tensor:
        return _step(mode, input, hx, None, (w_ih, w_hh, b_ih, b_hh))[0]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""One step ({name}): h' from input (batch, features) and hx (batch, size)."""
    return function


gru_cell, rnn_tanh_cell = _cell("gru_cell", "gru"), _cell("rnn_tanh_cell", "tanh")
rnn_relu_cell = _cell("rnn_relu_cell", "relu")
