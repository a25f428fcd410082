"""Views, joining, repeating and padding as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._graph import Graph, Tensor, Unsupported
from .._numbers import Many
from .registry import Arguments, rule

_FAR = 2**62


def reshaped(graph: Graph, name: str, x: Tensor, shape: Any) -> str:
    """A Reshape to lengths of which one may vary with the inputs, or more."""
    if 0 in shape:
        return graph.node("Reshape", [name, graph.shape(shape, [x])], allowzero=1)
    return graph.node("Reshape", [name, graph.shape(shape, [x], infer=True)])


@rule("reshape", "view", "flatten", "unflatten")
def _reshape(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    shape = call.out.shape
    if x.unsure:
        asked = call.args.get("shape")
        if asked is None or -1 not in asked:
            raise Unsupported("a shape that depends on the values of the inputs; write -1 for it")
        return graph.node("Reshape", [x.name, graph.shape(asked, [x])])
    if call.row == "flatten" and x.ndim > 1 and call["start_dim"] == 1 and call["end_dim"] in (-1, x.ndim - 1):
        return graph.node("Flatten", [x.name], axis=1)
    return reshaped(graph, x.name, x, shape)


@rule("squeeze")
def _squeeze(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    dims = range(x.ndim) if call["dim"] is None else [d % max(x.ndim, 1) for d in _tuple(call["dim"])]
    gone = [d for d in dims if x.ndim and x.shape[d] == 1]
    return graph.node("Squeeze", [x.name, graph.ints(gone)]) if gone else x.name


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) and not isinstance(value, Many) else (value,)


@rule("unsqueeze")
def _unsqueeze(graph: Graph, call: Arguments) -> str:
    return graph.node("Unsqueeze", [call["x"].name, graph.ints([call["dim"]])])


@rule("expand", "broadcast_to")
def _expand(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    if x.shape == call.out.shape:
        return x.name
    # 1 keeps a length of x
    lead = call.out.ndim - x.ndim
    shape = [1 if k >= lead and n == x.shape[k - lead] else n for k, n in enumerate(call.out.shape)]
    return graph.node("Expand", [x.name, graph.shape(shape, [x])])


@rule("copy", "fill")
def _copy(graph: Graph, call: Arguments) -> str:
    from .elementwise import operand

    value = call["x"] if call.row == "copy" else call["value"]
    name = operand(graph, value, call.out.dtype)
    if isinstance(value, Tensor) and value.shape == call.out.shape:
        return graph.node("Identity", [name])
    return graph.node("Expand", [name, graph.shape(call.out.shape)])


def transposed(graph: Graph, name: str, order: Any) -> str:
    order = list(order)
    return graph.node("Transpose", [name], perm=order) if order != sorted(order) else name


@rule("permute", "transpose", "mT", "movedim")
def _permute(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    order = list(range(x.ndim))
    if call.row == "permute":
        order = [d % x.ndim for d in call["dims"]]
    elif call.row == "movedim":
        source, to = ([d % x.ndim for d in _tuple(call[name])] for name in ("source", "destination"))
        rest = iter(d for d in order if d not in source)
        places = dict(zip(to, source))
        order = [places[k] if k in places else next(rest) for k in range(x.ndim)]
    elif x.ndim > 1 or call.row == "mT":
        a, b = (call["dim0"] % x.ndim, call["dim1"] % x.ndim) if call.row == "transpose" else (-2, -1)
        order[a], order[b] = order[b], order[a]
    return transposed(graph, x.name, order)


def _ends(start: Any, step: int, length: Any, whole: Any) -> Any:
    """Where a slice ends; far away when it goes to the end, whatever the length."""
    firsts = start if isinstance(start, Many) else [start]
    counts = length if isinstance(length, Many) else [length]
    wholes = whole if isinstance(whole, Many) else [whole]
    size = max(map(len, (firsts, counts, wholes)))
    firsts, counts, wholes = (list(v) * size if len(v) == 1 else list(v) for v in (firsts, counts, wholes))
    stops = [s + (n - 1) * step + (1 if step > 0 else -1) if n else s for s, n in zip(firsts, counts)]
    if step > 0 and all(n and s + n * step >= w for s, n, w in zip(firsts, counts, wholes)):
        return _FAR
    if step < 0 and all(stop < 0 for stop in stops):
        return -_FAR
    return stops[0] if len(set(stops)) == 1 else Many(stops)


def sliced(graph: Graph, x: Tensor, name: str, parts: list[tuple[int, Any, int, Any]]) -> str:
    """Slices by (axis, start, step, length)."""
    wanted = []
    for axis, start, step, length in parts:
        if start == 0 and step == 1 and length == x.shape[axis]:
            continue
        end = _ends(start, step, length, x.shape[axis])
        if isinstance(start, Many):
            before = {s - n for s, n in zip(start, _many(x.shape[axis], start))}
            start = before.pop() if len(before) == 1 else start  # counted from the end
        wanted.append((axis, start, step, end))
    if not wanted:
        return name
    axes, starts, steps, ends = zip(*((a, s, p, e) for a, s, p, e in wanted))
    inputs = [name, graph.shape(starts, [x]), graph.shape(ends, [x]), graph.ints(axes)]
    if set(steps) != {1}:
        inputs.append(graph.ints(steps))
    return graph.node("Slice", inputs)


def _many(length: Any, like: Many) -> list[int]:
    return list(length) if isinstance(length, Many) else [length] * len(like)


@rule("narrow", "slice")
def _narrow(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    return sliced(graph, x, x.name, [(call["dim"] % x.ndim, call["start"], call.get("step", 1), call["length"])])


def _picked(graph: Graph, x: Tensor, name: str, axis: int, index: Any) -> str:
    """One index of a dimension, which goes."""
    if isinstance(index, Many):
        length = x.shape[axis]
        if isinstance(length, Many) and len({n - i for n, i in zip(length, index)}) == 1:
            index = index[0] - length[0]
        else:
            place = graph.node("Squeeze", [graph.length(index, [x]), graph.ints([0])])
            return graph.node("Gather", [name, place], axis=axis)
    return graph.node("Gather", [name, graph.constant(np.int64(index))], axis=axis)


@rule("select")
def _select(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    return _picked(graph, x, x.name, call["dim"] % x.ndim, call["index"])


@rule("basic_index")
def _basic_index(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    facts = list(zip(range(x.ndim), call["start"], call["step"], call["length"]))
    name = sliced(graph, x, x.name, [fact for fact in facts if fact[2] != 0])
    for axis, start, step, _ in reversed(facts):
        if step == 0:
            name = _picked(graph, x, name, axis, start)
    if call["newaxis"]:
        name = graph.node("Unsqueeze", [name, graph.ints(call["newaxis"])])
    return name


@rule("diagonal")
def _diagonal(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    a, b = call["dim1"] % x.ndim, call["dim2"] % x.ndim
    rest = [d for d in range(x.ndim) if d not in (a, b)]
    rows, columns = x.shape[a], x.shape[b]
    if isinstance(rows, Many) or isinstance(columns, Many):
        raise Unsupported("the diagonal of dimensions whose lengths vary")
    offset = call["offset"]
    first = max(-offset, 0) * columns + max(offset, 0)
    count = max(min(rows - max(-offset, 0), columns - max(offset, 0)), 0)
    places = first + np.arange(count, dtype=np.int64) * (columns + 1)
    name = transposed(graph, x.name, [*rest, a, b])
    flat = reshaped(graph, name, x, [*(x.shape[d] for d in rest), rows * columns])
    return graph.node("Gather", [flat, graph.constant(places)], axis=len(rest))


@rule("unfold")
def _unfold(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    axis, size, step = call["dimension"] % x.ndim, call["size"], call["step"]
    length = x.shape[axis]
    if isinstance(length, Many):
        raise Unsupported("unfold over a dimension whose length varies")
    starts = np.arange(0, length - size + 1, step, dtype=np.int64)
    places = starts[:, None] + np.arange(size, dtype=np.int64)
    name = graph.node("Gather", [x.name, graph.constant(places)], axis=axis)
    order = [d for d in range(x.ndim + 1) if d != axis + 1] + [axis + 1]
    return transposed(graph, name, order)


@rule("cat")
def _cat(graph: Graph, call: Arguments) -> list[str]:
    parts: list[Tensor] = [t for t in call["tensors"] if t.shape != (0,) or len(call.out.shape) == 1]
    names = [graph.as_dtype(t, call.out.dtype) for t in parts]
    return [graph.node("Concat", names, axis=call["dim"]) if len(names) > 1 else names[0]]


@rule("stack")
def _stack(graph: Graph, call: Arguments) -> str:
    axis = call["dim"] % call.out.ndim
    names = [graph.node("Unsqueeze", [graph.as_dtype(t, call.out.dtype), graph.ints([axis])]) for t in call["tensors"]]
    return graph.node("Concat", names, axis=axis)


@rule("flip")
def _flip(graph: Graph, call: Arguments) -> str:
    axes = [d % call["x"].ndim for d in _tuple(call["dims"])]
    count = len(axes)
    if not count:
        return call["x"].name
    lists = [graph.ints([-1] * count), graph.ints([-_FAR] * count), graph.ints(axes), graph.ints([-1] * count)]
    return graph.node("Slice", [call["x"].name, *lists])


@rule("roll")
def _roll(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    shifts, dims = _tuple(call["shifts"]), call["dims"]
    name = x.name if dims else graph.node("Reshape", [x.name, graph.ints([-1])])
    for shift, dim in zip(shifts, _tuple(dims) if dims else (0,) * len(shifts)):
        length = x.shape[dim] if dims else None
        if isinstance(length, int):
            shift %= length or 1
        if not shift:
            continue
        axes = graph.ints([dim])
        parts = [
            graph.node("Slice", [name, graph.ints([-shift]), graph.ints([_FAR]), axes]),
            graph.node("Slice", [name, graph.ints([0]), graph.ints([-shift]), axes]),
        ]
        name = graph.node("Concat", parts, axis=dim)
    return name if dims else reshaped(graph, name, x, x.shape)


@rule("repeat", "tile")
def _repeat(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    counts = list(_tuple(call["repeats" if call.row == "repeat" else "dims"]))
    counts = [1] * (x.ndim - len(counts)) + counts
    name = x.name
    if len(counts) > x.ndim:
        name = graph.node("Unsqueeze", [name, graph.ints(range(len(counts) - x.ndim))])
    return graph.node("Tile", [name, graph.shape(counts, [x])])


@rule("repeat_interleave")
def _repeat_interleave(graph: Graph, call: Arguments) -> str:
    x, repeats, dim = call["x"], call["repeats"], call["dim"]
    count = repeats if isinstance(repeats, int) else repeats.uniform
    if count is None:
        raise Unsupported("repeat_interleave with different numbers of repeats")
    name = x.name
    axis = 0
    if dim is None:
        name = graph.node("Reshape", [name, graph.ints([-1])])
        rank = 1
    else:
        rank, axis = x.ndim, dim % x.ndim
    wide = graph.node("Unsqueeze", [name, graph.ints([axis + 1])])
    tiled = graph.node("Tile", [wide, graph.ints([count if k == axis + 1 else 1 for k in range(rank + 1)])])
    return reshaped(graph, tiled, x, call.out.shape)


@rule("tril", "triu")
def _triangle(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    if graph.opset < 14:
        raise Unsupported(f"{call.row} needs opset 14")
    narrow = x.dtype in ("bool", "int8", "int16", "uint8")  # not in ONNX Runtime
    name = graph.cast(x.name, "int64") if narrow else x.name
    diagonal = call["diagonal"]
    k = graph.constant(np.int64(diagonal)) if not isinstance(diagonal, Many) else graph.number(diagonal, "int64")
    result: str = graph.node("Trilu", [name, k], upper=int(call.row == "triu"))
    return graph.cast(result, x.dtype) if narrow else result


@rule("pad")
def _pad(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    counts = list(call["pad"])
    before, after = [0] * x.ndim, [0] * x.ndim
    for k in range(len(counts) // 2):
        before[x.ndim - 1 - k], after[x.ndim - 1 - k] = counts[2 * k], counts[2 * k + 1]
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[call["mode"]]
    if mode == "wrap":
        name = x.name
        for axis in range(x.ndim):
            if before[axis] or after[axis]:
                parts = [name]
                if before[axis]:
                    parts.insert(
                        0,
                        graph.node(
                            "Slice", [name, graph.ints([-before[axis]]), graph.ints([_FAR]), graph.ints([axis])]
                        ),
                    )
                if after[axis]:
                    parts.append(
                        graph.node("Slice", [name, graph.ints([0]), graph.ints([after[axis]]), graph.ints([axis])])
                    )
                name = graph.node("Concat", parts, axis=axis)
        return name
    wide = x.dtype == "bool"
    name = graph.cast(x.name, "int32") if wide else x.name
    dtype = "int32" if wide else x.dtype
    inputs = [name, graph.shape(before + after, [x])]
    if mode == "constant":
        inputs.append(graph.number(call["value"], dtype))
    result: str = graph.node("Pad", inputs, mode=mode)
    return graph.cast(result, "bool") if wide else result


@rule("diag_embed", "diag")
def _diagonal_matrix(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    if call.row == "diag" and x.ndim == 2:
        return _diagonal(
            graph, Arguments("diagonal", {"x": x, "offset": call["diagonal"], "dim1": 0, "dim2": 1}, call.outputs)
        )
    last = x.shape[-1]
    offset = call["offset"] if call.row == "diag_embed" else call["diagonal"]
    places = (call.get("dim1", -2) % call.out.ndim, call.get("dim2", -1) % call.out.ndim)
    if isinstance(last, Many) or places != (call.out.ndim - 2, call.out.ndim - 1):
        raise Unsupported("diag_embed of a dimension whose length varies, or to other places than the last")
    size = last + abs(offset)
    mask = np.eye(size, k=offset, dtype=bool)
    name = graph.node("Unsqueeze", [x.name, graph.ints([-1 if offset >= 0 else -2])])
    # rows (or columns) of the matrix, cut or filled to its size
    axis = x.ndim - 1 if offset >= 0 else x.ndim
    if offset:
        fill = [0] * (x.ndim + 1)
        more = list(fill)
        more[axis] = abs(offset)
        name = graph.node("Pad", [name, graph.ints(fill + more)])
    return graph.node("Where", [graph.constant(mask), name, graph.number(0, x.dtype)])


@rule("view_put")
def _view_put(graph: Graph, call: Arguments) -> str:
    """x with values in a view of it: the view of its positions says where."""
    from .registry import RULES

    x, values, view = call["x"], call["values"], call["view"]
    flat = graph.node("Reshape", [x.name, graph.ints([-1])])
    count = graph.node("Squeeze", [graph.node("Shape", [flat]), graph.ints([0])])
    every = graph.node("Range", [graph.constant(np.int64(0)), count, graph.constant(np.int64(1))])
    places = Tensor(graph, x.shape, "int64", reshaped(graph, every, x, x.shape))
    out = Tensor(graph, values.shape, "int64")
    where = RULES[view.row](graph, Arguments(view.row, {**view.args, "x": places}, [out]))
    index = graph.node("Reshape", [where, graph.ints([-1])])
    updates = graph.node("Reshape", [graph.as_dtype(values, x.dtype), graph.ints([-1])])
    return reshaped(graph, graph.node("ScatterElements", [flat, index, updates], axis=0), x, x.shape)
