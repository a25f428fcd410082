"""Reductions, scans, sorting and softmax as ONNX nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._graph import Graph, Tensor, Unsupported
from .._numbers import Many
from .registry import Arguments, rule

_ATTRIBUTE_UNTIL = 18  # axes of all but ReduceSum became an input then


def reduce(graph: Graph, kind: str, name: str, axes: Sequence[int] | None, keep: bool) -> str:
    """A reduction over axes, None for all."""
    found: str
    if axes is None:
        found = graph.node(kind, [name], keepdims=int(keep))
    elif kind != "ReduceSum" and graph.opset < _ATTRIBUTE_UNTIL:
        found = graph.node(kind, [name], axes=list(axes), keepdims=int(keep))
    else:
        found = graph.node(kind, [name, graph.ints(axes)], keepdims=int(keep))
    return found


def axes_of(x: Tensor, dim: Any) -> tuple[int, ...] | None:
    """Dimensions as they came: one, several, or None for all."""
    if dim is None or (isinstance(dim, tuple) and not dim):
        return None
    return tuple(d % max(x.ndim, 1) for d in (dim if isinstance(dim, tuple) else (dim,)))


_KINDS = {"sum": "ReduceSum", "prod": "ReduceProd", "mean": "ReduceMean", "amax": "ReduceMax", "amin": "ReduceMin",
          "norm2": "ReduceL2", "logsumexp": "ReduceLogSumExp"}  # fmt: skip


@rule(*_KINDS)
def _reduction(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    dtype = call.out.dtype
    if x.ndim == 0:
        return graph.as_dtype(x, dtype)
    if dtype == "bool":
        narrow = reduce(graph, _KINDS[call.row], graph.cast(x.name, "int32"), axes_of(x, call["dim"]), call["keepdim"])
        return graph.cast(narrow, "bool")
    return reduce(graph, _KINDS[call.row], graph.as_dtype(x, dtype), axes_of(x, call["dim"]), call["keepdim"])


@rule("nansum")
def _nansum(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    name = x.name
    if x.dtype.startswith("float") or x.dtype == "bfloat16":
        missing = graph.node("IsNaN", [graph.cast(name, "float32") if x.dtype == "bfloat16" else name])
        name = graph.node("Where", [missing, graph.number(0.0, x.dtype), name])
    name = graph.cast(name, call.out.dtype)
    return name if x.ndim == 0 else reduce(graph, "ReduceSum", name, axes_of(x, call["dim"]), call["keepdim"])


@rule("any", "all", "count_nonzero")
def _truths(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    truth = graph.as_dtype(x, "bool")
    if x.ndim == 0:
        return truth if call.row != "count_nonzero" else graph.cast(truth, "int64")
    axes = axes_of(x, call["dim"])
    if call.row == "count_nonzero":
        return reduce(graph, "ReduceSum", graph.cast(truth, "int64"), axes, call["keepdim"])
    kind = "ReduceMax" if call.row == "any" else "ReduceMin"
    return graph.cast(reduce(graph, kind, graph.cast(truth, "int32"), axes, call["keepdim"]), "bool")


def moments(graph: Graph, name: str, axes: Sequence[int] | None) -> tuple[str, str, str]:
    """Means, the differences from them, and the means of their squares; dimensions are kept."""
    mean = reduce(graph, "ReduceMean", name, axes, True)
    centred = graph.node("Sub", [name, mean])
    squares = graph.node("Mul", [centred, centred])
    return mean, centred, reduce(graph, "ReduceMean", squares, axes, True)


@rule("var", "std")
def _variance(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    dtype, axes = call.out.dtype, axes_of(x, call["dim"])
    name = graph.as_dtype(x, dtype)
    mean = reduce(graph, "ReduceMean", name, axes, True)
    centred = graph.node("Sub", [name, mean])
    squares = graph.node("Mul", [centred, centred])
    over = range(x.ndim) if axes is None else axes
    lengths = [x.shape[a] for a in over]
    sums = reduce(graph, "ReduceSum", squares, axes, call["keepdim"])
    if any(isinstance(n, Many) for n in lengths):
        parts = [graph.length(n, [x]) for n in lengths]
        count = parts[0]
        for part in parts[1:]:
            count = graph.node("Mul", [count, part])
        count = graph.cast(graph.node("Squeeze", [count, graph.ints([0])]), dtype)
        divisor = graph.node("Sub", [count, graph.number(float(call["correction"]), dtype)])
    else:
        divisor = graph.number(
            float(np.prod([int(n) for n in lengths if not isinstance(n, Many)])) - call["correction"], dtype
        )
    result: str = graph.node("Div", [sums, divisor])
    return result if call.row == "var" else graph.node("Sqrt", [result])


@rule("argmax", "argmin")
def _arg(graph: Graph, call: Arguments) -> str:
    kind = "ArgMax" if call.row == "argmax" else "ArgMin"
    x: Tensor = call["x"]
    if call["dim"] is None:
        flat = graph.node("Reshape", [x.name, graph.ints([-1])])
        found: str = graph.node(kind, [flat], axis=0, keepdims=0)
        return graph.node("Reshape", [found, graph.ints([1] * x.ndim)]) if call["keepdim"] else found
    return graph.node(kind, [x.name], axis=call["dim"], keepdims=int(call["keepdim"]))


@rule("max_dim", "min_dim")
def _extreme(graph: Graph, call: Arguments) -> list[str]:
    x: Tensor = call["x"]
    most = call.row == "max_dim"
    axis, keep = call["dim"] % max(x.ndim, 1), int(call["keepdim"])
    return [
        reduce(graph, "ReduceMax" if most else "ReduceMin", x.name, [axis], bool(keep)),
        graph.node("ArgMax" if most else "ArgMin", [x.name], axis=axis, keepdims=keep),
    ]


@rule("topk")
def _topk(graph: Graph, call: Arguments) -> list[str]:
    k = graph.length(call["k"], call.tensors)
    return graph.node(
        "TopK", [call["x"].name, k], 2, axis=call["dim"], largest=int(call["largest"]), sorted=int(call["sorted"])
    )


@rule("sort", "argsort", "sort_values")
def _sort(graph: Graph, call: Arguments) -> Any:
    x: Tensor = call["x"]
    if x.ndim == 0:
        raise Unsupported("sorting a tensor without dimensions")
    axis = call["dim"] % x.ndim
    k = graph.length(x.shape[axis], [x])
    both = graph.node("TopK", [x.name, k], 2, axis=axis, largest=int(call["descending"]), sorted=1)
    return both if call.row == "sort" else both[1] if call.row == "argsort" else both[0]


@rule("kthvalue", "median_dim")
def _ranked(graph: Graph, call: Arguments) -> list[str]:
    x: Tensor = call["x"]
    axis = call["dim"] % x.ndim
    length = x.shape[axis]
    if isinstance(length, Many):
        raise Unsupported(f"{call.row} over a dimension whose length varies")
    rank = call["k"] if call.row == "kthvalue" else (length + 1) // 2
    both = graph.node("TopK", [x.name, graph.ints([rank])], 2, axis=axis, largest=0, sorted=1)
    place = graph.ints([rank - 1]) if call["keepdim"] else graph.constant(np.int64(rank - 1))
    return [graph.node("Gather", [name, place], axis=axis) for name in both]


@rule("cumsum")
def _cumsum(graph: Graph, call: Arguments) -> str:
    x = graph.as_dtype(call["x"], call.out.dtype)
    if call["x"].ndim == 0:
        return x
    axis = graph.constant(np.int64(call["dim"]))
    return graph.node("CumSum", [x, axis], reverse=int(call["reverse"]))


@rule("cumprod")
def _cumprod(graph: Graph, call: Arguments) -> str:
    if graph.opset < 26:
        raise Unsupported("cumprod needs opset 26")
    x = graph.as_dtype(call["x"], call.out.dtype)
    return graph.node("CumProd", [x, graph.constant(np.int64(call["dim"]))], reverse=int(call["reverse"]))


@rule("softmax", "log_softmax")
def _softmax(graph: Graph, call: Arguments) -> str:
    x = graph.as_dtype(call["x"], call.out.dtype)
    kind = "Softmax" if call.row == "softmax" else "LogSoftmax"
    if call["x"].ndim == 0:
        one = graph.node(kind, [graph.node("Reshape", [x, graph.ints([1])])], axis=0)
        return graph.node("Squeeze", [one, graph.ints([0])])
    return graph.node(kind, [x], axis=call["dim"])


@rule("nll_loss", "cross_entropy")
def _class_loss(graph: Graph, call: Arguments) -> list[str]:
    x, target = call["x"], call["target"]
    if call.get("label_smoothing") or target.floating:
        raise Unsupported(f"{call.row} with label smoothing or class probabilities")
    if x.ndim == 1:
        x_name = graph.node("Unsqueeze", [x.name, graph.ints([0])])
        target_name = graph.node("Unsqueeze", [target.name, graph.ints([0])])
    else:
        x_name, target_name = x.name, target.name
    weight = call.get("weight")
    kind = "NegativeLogLikelihoodLoss" if call.row == "nll_loss" else "SoftmaxCrossEntropyLoss"
    loss = graph.node(
        kind, [x_name, target_name, weight.name if weight is not None else ""],
        ignore_index=call["ignore_index"], reduction=call["reduction"],
    )  # fmt: skip
    return [graph.node("Squeeze", [loss, graph.ints([0])]) if x.ndim == 1 and call["reduction"] == "none" else loss]
