"""Picking and placing elements as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._graph import Graph, Tensor, Unsupported
from .._numbers import Many
from .elementwise import operand
from .registry import Arguments, rule
from .shapes import reshaped, transposed


def _rows(graph: Graph, x: Tensor, dims: list[int]) -> tuple[str, list[int], list[int | Many]]:
    """x with dims taken together in front: its name, the order of dimensions that gives it, the other lengths."""
    rest = [d for d in range(x.ndim) if d not in dims]
    order = [*dims, *rest]
    name = transposed(graph, x.name, order)
    lengths = [x.shape[d] for d in rest]
    if len(dims) > 1:
        if (len(lengths) and sum(isinstance(x.shape[d], Many) for d in order) <= 1) or not lengths:
            first: list[int | Many] = [-1]
            fixed = [n for n in lengths if not isinstance(n, Many)]
            if len(fixed) == len(lengths):
                return graph.node("Reshape", [name, graph.ints([*first, *fixed])]), order, lengths  # type: ignore[list-item]
        together = 1
        for d in dims:
            n = x.shape[d]
            if isinstance(n, Many):
                raise Unsupported("indexing several dimensions whose lengths vary")
            together *= n
        name = reshaped(graph, name, x, [together, *lengths])
    return name, order, lengths


@rule("index")
def _index(graph: Graph, call: Arguments) -> str:
    x, index, dims = call["x"], call["index"], list(call["dims"])
    if len(dims) == 1:
        name = graph.node("Gather", [x.name, index.name], axis=dims[0])
        place = dims[0]
    else:
        rows, _, _ = _rows(graph, x, dims)
        name, place = graph.node("Gather", [rows, index.name], axis=0), 0
    if place == call["position"]:
        return name
    rank = call.out.ndim
    moved = list(range(place, place + index.ndim))
    rest = [d for d in range(rank) if d not in moved]
    order = rest[: call["position"]] + moved + rest[call["position"] :]
    return transposed(graph, name, order)


@rule("index_put")
def _index_put(graph: Graph, call: Arguments) -> str:
    x, index, dims, values = call["x"], call["index"], list(call["dims"]), call["values"]
    rows, order, lengths = _rows(graph, x, dims)
    updates = operand(graph, values, x.dtype)
    place = call["position"]
    if isinstance(values, Tensor) and values.ndim:
        # values as x[index]: the index's dimensions at `position`; here they go first
        rank = index.ndim + len(lengths)
        if values.ndim < rank:
            updates = graph.node("Unsqueeze", [updates, graph.ints(range(rank - values.ndim))])
        moved = list(range(place, place + index.ndim))
        updates = transposed(graph, updates, moved + [d for d in range(rank) if d not in moved])
    wanted = graph.shape([*index.shape, *lengths], [x, index])
    updates = graph.node("Expand", [updates, wanted])
    places = graph.node("Unsqueeze", [index.name, graph.ints([index.ndim])])
    name = _scattered(graph, rows, places, updates, bool(call["accumulate"]))
    if len(dims) > 1:
        name = graph.node("Reshape", [name, graph.shape([x.shape[d] for d in order], [x], infer=True)])
    back = [order.index(d) for d in range(x.ndim)]
    return transposed(graph, name, back)


def _scattered(graph: Graph, x: str, index: str, updates: str, add: bool) -> str:
    if add and graph.opset < 16:
        raise Unsupported("adding to indexed elements needs opset 16")
    return graph.node("ScatterND", [x, index, updates], reduction="add" if add else None)


@rule("take")
def _take(graph: Graph, call: Arguments) -> str:
    flat = graph.node("Reshape", [call["x"].name, graph.ints([-1])])
    return graph.node("Gather", [flat, call["index"].name], axis=0)


@rule("index_select", "embedding")
def _gather_slices(graph: Graph, call: Arguments) -> str:
    x = call["x"] if call.row == "index_select" else call["weight"]
    index = call["index"]
    if index.dtype not in ("int32", "int64"):
        return graph.node("Gather", [x.name, graph.cast(index.name, "int64")], axis=call.get("dim", 0))
    name = index.name
    if call.row == "index_select" and index.ndim == 0:
        name = graph.node("Unsqueeze", [name, graph.ints([0])])
    return graph.node("Gather", [x.name, name], axis=call.get("dim", 0))


@rule("gather")
def _gather(graph: Graph, call: Arguments) -> str:
    x, index = call["x"], call["index"]
    if x.ndim == 0:
        return graph.node("Expand", [x.name, graph.shape(call.out.shape)])
    return graph.node("GatherElements", [x.name, graph.as_dtype(index, "int64")], axis=call["dim"])


@rule("scatter", "scatter_add", "scatter_reduce")
def _scatter(graph: Graph, call: Arguments) -> str:
    x, index, source = call["x"], call["index"], call["src"]
    names = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}
    how = "add" if call.row == "scatter_add" else None
    if call.row == "scatter_reduce":
        if call["reduce"] not in names or not call["include_self"]:
            raise Unsupported(f"scatter_reduce by {call['reduce']}, or without the elements there")
        how = names[call["reduce"]]
    if how and graph.opset < (18 if how in ("max", "min") else 16):
        raise Unsupported(f"{call.row} needs opset 18")
    if isinstance(source, Tensor) and source.ndim:
        updates = graph.as_dtype(source, x.dtype)
        if source.shape != index.shape:
            from .shapes import sliced

            updates = sliced(graph, source, updates, [(k, 0, 1, n) for k, n in enumerate(index.shape)])
    else:
        updates = graph.node("Expand", [operand(graph, source, x.dtype), graph.shape(index.shape, [index])])
    inputs = [x.name, graph.as_dtype(index, "int64"), updates]
    return graph.node("ScatterElements", inputs, axis=call["dim"], reduction=how)


@rule("index_add", "index_copy")
def _index_add(graph: Graph, call: Arguments) -> str:
    x, index, source = call["x"], call["index"], call["source"]
    axis = call["dim"] % x.ndim
    updates = graph.as_dtype(source, x.dtype)
    if call.get("alpha", 1) != 1:
        updates = graph.node("Mul", [updates, graph.number(call["alpha"], x.dtype)])
    order = [axis, *(d for d in range(x.ndim) if d != axis)]
    places = graph.node("Unsqueeze", [index.name, graph.ints([1])])
    rows, moved = transposed(graph, x.name, order), transposed(graph, updates, order)
    name = _scattered(graph, rows, places, moved, call.row == "index_add")
    return transposed(graph, name, [order.index(d) for d in range(x.ndim)])


@rule("masked_fill")
def _masked_fill(graph: Graph, call: Arguments) -> str:
    x, mask, value = call["x"], call["mask"], call["value"]
    dtype = call.out.dtype
    condition = graph.as_dtype(mask, "bool")
    return graph.node("Where", [condition, operand(graph, value, dtype), graph.as_dtype(x, dtype)])


@rule("one_hot")
def _one_hot(graph: Graph, call: Arguments) -> str:
    count = call.out.shape[-1]
    if call["num_classes"] < 0 or isinstance(count, Many):
        raise Unsupported("one_hot without a number of classes")
    values = graph.constant(np.array([0, 1], np.int64))
    return graph.node("OneHot", [call["x"].name, graph.constant(np.int64(count)), values], axis=-1)


@rule("nonzero")
def _nonzero(graph: Graph, call: Arguments) -> str:
    return graph.node("Transpose", [graph.node("NonZero", [call["x"].name])], perm=[1, 0])


@rule("masked_select")
def _masked_select(graph: Graph, call: Arguments) -> str:
    x, mask = call["x"], call["mask"]
    if x.shape != mask.shape:
        raise Unsupported("masked_select with a mask that is broadcast")
    flat = graph.node("Reshape", [x.name, graph.ints([-1])])
    return graph.node("Compress", [flat, graph.node("Reshape", [mask.name, graph.ints([-1])])], axis=0)


@rule("pool_gather")
def _pool_gather(graph: Graph, call: Arguments) -> str:
    x, index, nd = call["x"], call["index"], call["nd"]
    lead = list(x.shape[: x.ndim - nd])
    flat = x.name if nd == 1 else graph.node("Reshape", [x.name, graph.shape([*lead, -1], [x])])
    places = (
        index.name
        if index.ndim == len(lead) + 1
        else graph.node("Reshape", [index.name, graph.shape([*lead, -1], [x])])
    )
    found = graph.node("GatherElements", [flat, places], axis=len(lead))
    return found if call.out.ndim == len(lead) + 1 else reshaped(graph, found, x, call.out.shape)


@rule("unfold_columns")
def _unfold_columns(graph: Graph, call: Arguments) -> str:
    x: Tensor = call["x"]
    kernel, dilation, padding, stride = (list(call[n]) for n in ("kernel", "dilation", "padding", "stride"))
    height, width = x.shape[2:]
    if isinstance(height, Many) or isinstance(width, Many):
        raise Unsupported("unfold of an image whose lengths vary")
    name = x.name
    if any(padding):
        name = graph.node("Pad", [name, graph.ints([0, 0, *padding] * 2), graph.number(0, x.dtype)])
    full = [n + 2 * p for n, p in zip((height, width), padding)]
    # where in the flat image each element of each patch lies
    along = [
        np.arange(k)[:, None] * d + np.arange(0, n - (k - 1) * d, s)[None, :]
        for k, d, s, n in zip(kernel, dilation, stride, full)
    ]
    places = along[0][:, None, :, None] * full[1] + along[1][None, :, None, :]
    flat = graph.node("Reshape", [name, graph.ints([0, 0, -1])])
    patches = graph.node("Gather", [flat, graph.constant(places.reshape(-1).astype(np.int64))], axis=2)
    return graph.node("Reshape", [patches, graph.shape(call.out.shape, [x], infer=True)])


@rule("fold_columns")
def _fold_columns(graph: Graph, call: Arguments) -> str:
    if graph.opset < 18:
        raise Unsupported("fold needs opset 18")
    size, kernel = graph.ints([call["height"], call["width"]]), graph.ints(list(call["kernel"]))
    facts: dict[str, Any] = {"dilations": list(call["dilation"]), "strides": list(call["stride"])}
    facts["pads"] = list(call["padding"]) * 2
    return graph.node("Col2Im", [call["x"].name, size, kernel], **facts)
