"""Products, convolutions, pools, resampling, normalisations and attention as ONNX nodes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._graph import Graph, Tensor, Unsupported
from .._numbers import Many
from .reductions import moments, reduce
from .registry import Arguments, rule
from .shapes import reshaped


@rule("linear")
def _linear(graph: Graph, call: Arguments) -> str:
    x, weight, bias = call["x"], call["weight"], call["bias"]
    if x.ndim == 2:
        return graph.node("Gemm", [x.name, weight.name, bias.name if bias is not None else ""], transB=1)
    product: str = graph.node("MatMul", [x.name, graph.node("Transpose", [weight.name], perm=[1, 0])])
    return product if bias is None else graph.node("Add", [product, bias.name])


@rule("matmul", "mm", "bmm", "mv", "dot")
def _matmul(graph: Graph, call: Arguments) -> str:
    x, y = list(call.args.values())[:2]
    dtype = call.out.dtype
    return graph.node("MatMul", [graph.as_dtype(x, dtype), graph.as_dtype(y, dtype)])


@rule("outer")
def _outer(graph: Graph, call: Arguments) -> str:
    x, y = list(call.args.values())[:2]
    dtype = call.out.dtype
    column = graph.node("Unsqueeze", [graph.as_dtype(x, dtype), graph.ints([1])])
    return graph.node("Mul", [column, graph.node("Unsqueeze", [graph.as_dtype(y, dtype), graph.ints([0])])])


@rule("addmm")
def _addmm(graph: Graph, call: Arguments) -> str:
    x, a, b = call["x"], call["mat1"], call["mat2"]
    beta, alpha = float(call["beta"]), float(call["alpha"])
    return graph.node("Gemm", [a.name, b.name, x.name if beta else ""], alpha=alpha, beta=beta if beta else None)


@rule("convolution")
def _convolution(graph: Graph, call: Arguments) -> str:
    x, weight, bias = call["x"], call["weight"], call["bias"]
    nd = x.ndim - 2
    lists = {name: _numbers(call[name], nd) for name in ("stride", "padding", "dilation", "output_padding")}
    inputs = [x.name, weight.name, bias.name if bias is not None else ""]
    facts: dict[str, Any] = {
        "kernel_shape": [int(n) for n in weight.shape[2:]], "strides": lists["stride"],
        "pads": lists["padding"] * 2, "dilations": lists["dilation"], "group": call["groups"],
    }  # fmt: skip
    if call["transposed"]:
        return graph.node("ConvTranspose", inputs, output_padding=lists["output_padding"], **facts)
    return graph.node("Conv", inputs, **facts)


def _numbers(value: Any, count: int) -> list[int]:
    found = list(value) if isinstance(value, tuple) else [value]
    if any(isinstance(v, Many) for v in found) or isinstance(value, Many):
        raise Unsupported("a stride, padding or kernel that depends on the inputs' sizes")
    return found * count if len(found) == 1 else found


def with_planes(graph: Graph, x: Tensor, nd: int) -> tuple[str, int]:
    """x with a batch and channels before its last nd dimensions, and how many dimensions were put in front."""
    more = max(nd + 2 - x.ndim, 0)
    return (graph.node("Unsqueeze", [x.name, graph.ints(range(more))]) if more else x.name), more


def without_planes(graph: Graph, name: str, more: int) -> str:
    return graph.node("Squeeze", [name, graph.ints(range(more))]) if more else name


@rule("max_pool")
def _max_pool(graph: Graph, call: Arguments) -> list[str]:
    x: Tensor = call["x"]
    kernel = list(call["kernel"])
    nd = len(kernel)
    name, more = with_planes(graph, x, nd)
    facts: dict[str, Any] = {
        "kernel_shape": kernel, "strides": _numbers(call["stride"], nd), "pads": _numbers(call["padding"], nd) * 2,
        "dilations": _numbers(call["dilation"], nd), "ceil_mode": int(call["ceil"]),
    }  # fmt: skip
    both = graph.node("MaxPool", [name], 2, **facts)
    # positions in the plane, not in the whole tensor
    plane = graph.length(x.shape[-1], [x])
    for n in x.shape[-nd:-1]:
        plane = graph.node("Mul", [plane, graph.length(n, [x])])
    return [without_planes(graph, n, more) for n in (both[0], graph.node("Mod", [both[1], plane]))]


@rule("grid_sample")
def _grid_sample(graph: Graph, call: Arguments) -> str:
    x, grid = call["x"], call["grid"]
    if graph.opset < (16 if x.ndim == 4 else 20):
        raise Unsupported(f"grid_sample of images of {x.ndim - 2} lengths before opset {16 if x.ndim == 4 else 20}")
    mode = call["mode"]
    if graph.opset >= 20:
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    facts = {"mode": mode, "padding_mode": call["padding"], "align_corners": int(call["align"])}
    found: str = graph.node("GridSample", [x.name, grid.name], **facts)
    return found


@rule("adaptive_max_pool")
def _adaptive_max_pool(graph: Graph, call: Arguments) -> list[str | None]:
    x: Tensor = call["x"]
    sizes = list(call["size"])
    nd = len(sizes)
    if set(sizes) == {1}:
        return [reduce(graph, "ReduceMax", x.name, range(x.ndim - nd, x.ndim), True), None]
    lengths = x.shape[-nd:]
    if any(isinstance(n, Many) for n in lengths):
        raise Unsupported("adaptive_max_pool over a dimension whose length varies")
    if any(n % s for n, s in zip(lengths, sizes)):
        return [_largest_of_windows(graph, x, sizes), None]
    name, more = with_planes(graph, x, nd)
    kernel = [_even("adaptive_max_pool", n, s) for n, s in zip(lengths, sizes)]
    return [without_planes(graph, graph.node("MaxPool", [name], kernel_shape=kernel, strides=kernel), more), None]


def _largest_of_windows(graph: Graph, x: Tensor, sizes: list[int]) -> str:
    """Windows of unequal lengths: their elements side by side, the shorter ones with their last again."""
    name = x.name
    for axis, parts in zip(range(x.ndim - len(sizes), x.ndim), sizes):
        n = _fixed(x.shape[axis])
        windows = [np.arange(k * n // parts, -(-(k + 1) * n // parts)) for k in range(parts)]
        width = max(map(len, windows))
        places = np.stack([np.pad(w, (0, width - len(w)), "edge") for w in windows]).astype(np.int64)
        name = reduce(
            graph, "ReduceMax", graph.node("Gather", [name, graph.constant(places)], axis=axis), [axis + 1], False
        )
    return name


def _fixed(length: Any) -> int:
    if isinstance(length, Many):
        raise Unsupported("a weight whose lengths vary")
    return int(length)


def _even(row: str, length: Any, parts: int) -> int:
    if isinstance(length, Many):
        raise Unsupported(f"{row} over a dimension whose length varies")
    if length % parts:
        raise Unsupported(f"{row} of a length of {length} to {parts}, which does not divide it")
    return int(length // parts)


# ---- resample: one dimension at a time, or several of the same kind in one call (`resamples`)


@rule("resample")
def _resample(graph: Graph, call: Arguments) -> str:
    return resamples(graph, call["x"], call.out, [call])


def resamples(graph: Graph, x: Tensor, out: Tensor, calls: list[Arguments]) -> str:
    """Consecutive calls of `resample` of one kind on different dimensions."""
    kind = calls[0]["kind"]
    if calls[0]["transposed"]:
        raise Unsupported("the gradient of resampling")
    dims = {call["dim"] % x.ndim: call for call in calls}
    if kind in ("window", "adaptive"):
        return _averages(graph, x, dims, kind)
    nd = x.ndim - 2
    if min(dims) < 2:
        raise Unsupported("interpolation along the batch or the channels")
    align = bool(calls[0]["align"])
    mode = {"nearest": "nearest", "nearest-exact": "nearest"}.get(kind, kind.split("-")[0])
    where = "align_corners" if align else "pytorch_half_pixel"
    facts: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": where}
    if kind == "nearest":
        facts.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    elif kind == "nearest-exact":
        facts.update(coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil")
    if mode == "cubic":
        facts["cubic_coeff_a"] = -0.75
    if kind.endswith("-aa"):
        if graph.opset < 18:
            raise Unsupported("antialiased interpolation needs opset 18")
        facts["antialias"] = 1
        facts["coordinate_transformation_mode"] = "align_corners" if align else "half_pixel"
        facts["cubic_coeff_a"] = -0.5 if mode == "cubic" else None
    scales = [1.0, 1.0] + [float(dims[d]["scale"]) if d in dims else 1.0 for d in range(2, x.ndim)]
    if all(dims[d]["scale"] for d in dims):
        return graph.node("Resize", [x.name, "", graph.constant(np.array(scales, np.float32))], **facts)
    sizes = graph.shape(
        [*x.shape[:2], *(dims[d]["length"] if d in dims else x.shape[d] for d in range(2, nd + 2))], [x]
    )
    return graph.node("Resize", [x.name, "", "", sizes], **facts)


def _averages(graph: Graph, x: Tensor, dims: dict[int, Arguments], kind: str) -> str:
    last = max(x.ndim - min(dims), 1)
    if kind == "adaptive":
        if all(call["length"] == 1 for call in dims.values()):
            return reduce(graph, "ReduceMean", x.name, sorted(dims), True)
        if any(isinstance(x.shape[d], Many) or x.shape[d] % call["length"] for d, call in dims.items()):
            return _adaptive_products(graph, x, dims)
        kernels = {d: _even("adaptive_avg_pool", x.shape[d], call["length"]) for d, call in dims.items()}
        windows = {d: (k, k, 0, 1) for d, k in kernels.items()}
    else:
        windows = {d: tuple(call["window"]) for d, call in dims.items()}
        if all(w[0] == x.shape[d] and w[2] == 0 and w[3] and dims[d]["length"] == 1 for d, w in windows.items()):
            return reduce(graph, "ReduceMean", x.name, sorted(dims), True)  # one window that is all there is
        if any(isinstance(n, Many) for w in windows.values() for n in w):
            raise Unsupported("means over windows whose lengths vary")
    name, more = with_planes(graph, x, last)
    spatial = range(x.ndim - last if more else 2, x.ndim)
    kernel = [windows[d][0] if d in windows else 1 for d in spatial]
    strides = [windows[d][1] if d in windows else 1 for d in spatial]
    pads = [windows[d][2] if d in windows else 0 for d in spatial]
    how = {w[3] for w in windows.values()}
    if len(how) > 1:
        raise Unsupported("means over windows that count their padding differently")
    ceil = False
    for d, call in dims.items():
        (k, s, p, _), n, length = windows[d], x.shape[d], call["length"]
        lengths = (
            zip(n, length if isinstance(length, Many) else [length] * len(n)) if isinstance(n, Many) else [(n, length)]
        )
        ceil = ceil or any(wanted != (m + 2 * p - k) // s + 1 for m, wanted in lengths)
    pooled: str = graph.node(
        "AveragePool", [name], kernel_shape=kernel, strides=strides, pads=pads * 2, ceil_mode=int(ceil),
        count_include_pad=int(how != {1}),
    )  # fmt: skip
    if how == {0}:  # sums
        if ceil:
            raise Unsupported("sums over windows that stick out")
        pooled = graph.node("Mul", [pooled, graph.number(float(math.prod(kernel)), x.dtype)])
    return without_planes(graph, pooled, more)


def _adaptive_products(graph: Graph, x: Tensor, dims: dict[int, Arguments]) -> str:
    """Windows of unequal lengths: a product with a matrix of means along each dimension."""
    name = x.name
    for d, call in dims.items():
        n, parts = x.shape[d], call["length"]
        if isinstance(n, Many):
            raise Unsupported("adaptive_avg_pool over a dimension whose length varies")
        matrix = np.zeros((n, parts))
        for k in range(parts):
            low, high = k * n // parts, -(-(k + 1) * n // parts)
            matrix[low:high, k] = 1 / (high - low)
        order = [a for a in range(x.ndim) if a != d] + [d]
        turned = graph.node("Transpose", [name], perm=order)
        product = graph.node("MatMul", [turned, graph.constant(matrix, x.dtype)])
        name = graph.node("Transpose", [product], perm=[order.index(a) for a in range(x.ndim)])
    return name


# ---- normalisations


@rule("batch_norm_eval")
def _batch_norm(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    mean, var = call["running_mean"], call["running_var"]
    scale = _or_constant(graph, call["weight"], 1, mean)
    shift = _or_constant(graph, call["bias"], 0, mean)
    return graph.node("BatchNormalization", [x.name, scale, shift, mean.name, var.name], epsilon=call["eps"])


def _or_constant(graph: Graph, t: Tensor | None, value: float, like: Tensor) -> str:
    return t.name if t is not None else graph.constant(np.full([_fixed(n) for n in like.shape], value), like.dtype)


def _affine(graph: Graph, name: str, weight: Tensor | None, bias: Tensor | None, rank: int) -> str:
    """Times weight and plus bias of the channels, dimension 1."""
    for kind, t in (("Mul", weight), ("Add", bias)):
        if t is not None:
            wide = t.name if rank == 2 else graph.node("Unsqueeze", [t.name, graph.ints(range(1, rank - 1))])
            name = graph.node(kind, [name, wide])
    return name


def _normalised(graph: Graph, name: str, axes: Any, eps: float, dtype: str) -> tuple[str, str, str]:
    mean, centred, squares = moments(graph, name, axes)
    deviation = graph.node("Sqrt", [graph.node("Add", [squares, graph.number(eps, dtype)])])
    return graph.node("Div", [centred, deviation]), mean, squares


@rule("batch_norm_train")
def _batch_norm_train(graph: Graph, call: Arguments) -> list[str]:
    x: Tensor = call["x"]
    axes = [0, *range(2, x.ndim)]
    name, mean, squares = _normalised(graph, x.name, axes, call["eps"], x.dtype)
    flat = [graph.node("Reshape", [n, graph.ints([-1])]) for n in (mean, squares)]
    return [_affine(graph, name, call["weight"], call["bias"], x.ndim), *flat]


@rule("layer_norm")
def _layer_norm(graph: Graph, call: Arguments) -> list[str | None]:
    x, weight, bias = call["x"], call["weight"], call["bias"]
    count = len(call["normalized_shape"])
    if graph.opset >= 17:
        inner = Tensor(graph, call["normalized_shape"], x.dtype)
        scale = _or_constant(graph, weight, 1, inner)
        inputs = [x.name, scale, bias.name if bias is not None else ""]
        return [graph.node("LayerNormalization", inputs, axis=-count, epsilon=call["eps"]), None, None]
    name, _, _ = _normalised(graph, x.name, range(x.ndim - count, x.ndim), call["eps"], x.dtype)
    for kind, t in (("Mul", weight), ("Add", bias)):
        name = graph.node(kind, [name, t.name]) if t is not None else name
    return [name, None, None]


@rule("rms_norm")
def _rms_norm(graph: Graph, call: Arguments) -> list[str | None]:
    x, weight = call["x"], call["weight"]
    axes = range(x.ndim - len(call["normalized_shape"]), x.ndim)
    squares = reduce(graph, "ReduceMean", graph.node("Mul", [x.name, x.name]), axes, True)
    root = graph.node("Sqrt", [graph.node("Add", [squares, graph.number(call["eps"], x.dtype)])])
    name = graph.node("Div", [x.name, root])
    return [name if weight is None else graph.node("Mul", [name, weight.name]), None]


@rule("group_norm")
def _group_norm(graph: Graph, call: Arguments) -> list[str | None]:
    x, weight, bias, groups = call["x"], call["weight"], call["bias"], call["num_groups"]
    channels = x.shape[1]
    if graph.opset >= 21 and x.ndim > 2:
        scale, shift = (
            _or_constant(graph, t, v, Tensor(graph, [channels], x.dtype)) for t, v in ((weight, 1), (bias, 0))
        )
        inputs = [x.name, scale, shift]
        return [graph.node("GroupNormalization", inputs, num_groups=groups, epsilon=call["eps"]), None, None]
    if groups == channels and x.ndim > 2 and x.dtype != "float64":
        scale, shift = (
            _or_constant(graph, t, v, Tensor(graph, [channels], x.dtype)) for t, v in ((weight, 1), (bias, 0))
        )
        return [graph.node("InstanceNormalization", [x.name, scale, shift], epsilon=call["eps"]), None, None]
    rows = graph.node("Reshape", [x.name, graph.ints([0, groups, -1])])
    if x.dtype == "float64":  # ONNX Runtime has no InstanceNormalization of it
        name = reshaped(graph, _normalised(graph, rows, [2], call["eps"], x.dtype)[0], x, x.shape)
        return [_affine(graph, name, weight, bias, x.ndim), None, None]
    ones, zeros = (graph.constant(np.full(groups, v), x.dtype) for v in (1, 0))
    name = graph.node("InstanceNormalization", [rows, ones, zeros], epsilon=call["eps"])
    name = reshaped(graph, name, x, x.shape)
    return [_affine(graph, name, weight, bias, x.ndim), None, None]


# ---- attention and recurrence


@rule("attention")
def _attention(graph: Graph, call: Arguments) -> list[str | None]:
    query, key, value, mask = call["query"], call["key"], call["value"], call["attn_mask"]
    if call["dropout_p"]:
        raise Unsupported("attention with dropout: export in eval mode")
    dtype = query.dtype
    order = [*range(key.ndim - 2), key.ndim - 1, key.ndim - 2]
    scaled = graph.node("Mul", [query.name, graph.number(call["scale"], dtype)])
    scores = graph.node("MatMul", [scaled, graph.node("Transpose", [key.name], perm=order)])
    if call["is_causal"]:
        mask_name = _causal(graph, query, key)
        scores = graph.node("Where", [mask_name, scores, graph.number(-math.inf, dtype)])
    elif mask is not None:
        if mask.dtype == "bool":
            scores = graph.node("Where", [mask.name, scores, graph.number(-math.inf, dtype)])
        else:
            scores = graph.node("Add", [scores, graph.as_dtype(mask, dtype)])
    weights = graph.node("Softmax", [scores], axis=-1)
    if mask is not None and mask.dtype == "bool":  # a query that sees no key gets zeros
        weights = graph.node("Where", [graph.node("IsNaN", [weights]), graph.number(0.0, dtype), weights])
    return [graph.node("MatMul", [weights, value.name]), None]


def _causal(graph: Graph, query: Tensor, key: Tensor) -> str:
    rows, columns = query.shape[-2], key.shape[-2]
    if not isinstance(rows, Many) and not isinstance(columns, Many):
        return graph.constant(np.tril(np.ones((rows, columns), bool)))
    ends = []
    for n, near in ((rows, query), (columns, key)):
        count = graph.node("Squeeze", [graph.length(n, [near]), graph.ints([0])])
        ends.append(graph.node("Range", [graph.constant(np.int64(0)), count, graph.constant(np.int64(1))]))
    return graph.node("GreaterOrEqual", [graph.node("Unsqueeze", [ends[0], graph.ints([1])]), ends[1]])


# ONNX's order of gates, in ours: LSTM i o f c from i f c o, GRU z r h from r z n
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "tanh": (0,), "relu": (0,)}


@rule("rnn_layer")
def _rnn_layer(graph: Graph, call: Arguments) -> list[str | None]:
    mode = call["mode"]
    if call["batch_sizes"] is not None or call["w_hr"] is not None:
        raise Unsupported("recurrent layers on packed sequences, or with projections")
    gates = _GATES[mode]
    w, r = (_turned(graph, call[n], gates) for n in ("w_ih", "w_hh"))
    bias = ""
    if call["b_ih"] is not None:
        bias = _turned(graph, call["b_ih"], gates, call["b_hh"])
    x, h0, c0 = call["x"], call["h0"], call["c0"]
    inputs = [x.name, w, r, bias, "", _state(graph, h0)]
    if mode == "lstm":
        inputs.append(_state(graph, c0))
    kind = {"lstm": "LSTM", "gru": "GRU"}.get(mode, "RNN")
    facts: dict[str, Any] = {"hidden_size": int(call["w_hh"].shape[-1])}
    facts["direction"] = "reverse" if call["reverse"] else "forward"
    if mode == "gru":
        facts["linear_before_reset"] = 1
    elif kind == "RNN":
        facts["activations"] = ["Tanh" if mode == "tanh" else "Relu"]
    names = graph.node(kind, inputs, 3 if mode == "lstm" else 2, **facts)
    y = graph.node("Squeeze", [names[0], graph.ints([1])])
    ends: list[str | None] = [graph.node("Squeeze", [n, graph.ints([0])]) for n in names[1:]]
    return [y, *ends] if mode == "lstm" else [y, ends[0], None]


def _state(graph: Graph, state: Tensor | None) -> str:
    if state is None or state.uniform == 0:
        return ""
    return graph.node("Unsqueeze", [state.name, graph.ints([0])])


def _turned(graph: Graph, t: Tensor, gates: tuple[int, ...], more: Tensor | None = None) -> str:
    """A weight with its gates in ONNX's order (and another's behind it), and a dimension for the direction."""
    if t.array is not None and (more is None or more.array is not None):
        parts = []
        for part in (t, more):
            if part is not None:
                parts += [np.split(part.array, len(gates))[k] for k in gates]
        name = f"{t.given}_{'both' if more is not None else 'gates'}"
        return graph.weight(name, np.concatenate(parts)[None], t.dtype)
    names = []
    for part in (t, more):
        if part is not None:
            size = _fixed(part.shape[0]) // len(gates)
            pieces = graph.node("Split", [part.name, graph.ints([size] * len(gates))], len(gates), axis=0)
            pieces = [pieces] if len(gates) == 1 else pieces
            names += [pieces[k] for k in gates]
    whole = graph.node("Concat", names, axis=0) if len(names) > 1 else names[0]
    return graph.node("Unsqueeze", [whole, graph.ints([0])])
