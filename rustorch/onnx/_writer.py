"""The finished graph as an ONNX model and as a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import version
from ._graph import NUMBERS, Graph, Tensor, tensor_proto
from ._numbers import Many
from ._package import onnx
from ._sizes import Axes

__all__ = ["finish", "save"]

_LIMIT = 2_000_000_000  # bytes; a protobuf message holds 2 GiB


def finish(graph: Graph, outputs: Any, axes: Axes, names: list[str], metadata: dict[str, str], doc: str) -> Any:
    """The model, checked; its weights above 2 GB are left out, for save to write."""
    helper = onnx().helper
    labels: dict[tuple[int, ...], str] = {}
    for x in graph.inputs:
        for axis, label in axes.get(x.given, {}).items():
            length = x.shape[axis]
            if isinstance(length, Many):
                labels[tuple(length)] = label
    results = list(_flat(outputs))
    nodes = _named(graph, results, names)
    nodes, used = _reached(nodes, names)
    size = sum(np.asarray(a).nbytes for n, (a, _) in graph.weights.items() if n in used)
    within = size < _LIMIT
    weights = [tensor_proto(a, dtype, n) for n, (a, dtype) in graph.weights.items() if within and n in used]
    whole = helper.make_graph(
        nodes, metadata.pop("graph_name", "main"), [_info(x, x.given, labels) for x in graph.inputs],
        [_info(t, name, labels) for t, name in zip(results, names)],
        weights, doc,
    )  # fmt: skip
    opset = helper.make_opsetid("", graph.opset)
    model = helper.make_model(
        whole, opset_imports=[opset], producer_name="rustorch", producer_version=version.__version__, doc_string=doc,
        ir_version=max(helper.find_min_ir_version_for([opset]), 8),
    )  # fmt: skip
    if metadata:
        helper.set_model_props(model, metadata)
    if within:
        inferred = onnx().shape_inference.infer_shapes(model)
        if len(inferred.graph.node) == len(model.graph.node):
            model = inferred
        onnx().checker.check_model(model, full_check=True)
    return model


def _flat(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _flat(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _flat(item)


def _info(x: Tensor, name: str, labels: dict[tuple[int, ...], str]) -> Any:
    shape = [
        labels.get(tuple(n), f"{name}_dim_{k}") if isinstance(n, Many) else f"{name}_dim_{k}" if x.unsure else n
        for k, n in enumerate(x.shape)
    ]
    return onnx().helper.make_tensor_value_info(name, NUMBERS[x.dtype], shape)


def _named(graph: Graph, results: Sequence[Tensor], names: list[str]) -> list[Any]:
    """The nodes, with the results under their names."""
    made = {output: node for node in graph.nodes for output in node.output}
    renamed: dict[str, str] = {}
    graph.path = ""
    for result, name in zip(results, names):
        old = result.name
        made = {output: node for node in graph.nodes for output in node.output} if old not in made else made
        taken = name in made or name in graph.weights or any(name == x.given for x in graph.inputs)
        if taken and old != name:
            raise ValueError(f"export: {name!r} is the name of an output and of something else")
        if old in made and old not in renamed and made[old].op_type != "Constant":
            renamed[old] = name
        elif old != name or old in renamed.values() or old not in made:
            graph.nodes.append(
                onnx().helper.make_node("Identity", [old], [name], name=graph.unique(f"/{name}/Identity"))
            )
    for node in graph.nodes:
        for k, value in enumerate(node.input):
            node.input[k] = renamed.get(value, value)
        for k, value in enumerate(node.output):
            node.output[k] = renamed.get(value, value)
    return graph.nodes


def _reached(nodes: list[Any], outputs: list[str]) -> tuple[list[Any], set[str]]:
    """The nodes that the outputs depend on, outputs of these that nothing uses unnamed, and the names used."""
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    for node in kept:
        while len(node.output) > 1 and node.output[-1] not in needed:
            node.output.pop()
        for k, value in enumerate(node.output):
            if value not in needed and node.op_type not in ("TopK", "Split"):
                node.output[k] = ""
    return kept[::-1], needed


def save(model: Any, graph: Graph, f: Any, external: bool | None) -> Any:
    """Writes the model to a path or file; without one returns it."""
    names = {t.name for t in model.graph.initializer}
    used = {value for node in model.graph.node for value in node.input}
    missing = [name for name in graph.weights if name in used and name not in names]
    if f is None or hasattr(f, "write"):
        if missing or external:
            raise ValueError("export: weights in a file of their own, as above 2 GB, need a path to write to")
        if f is None:
            return model
        f.write(model.SerializeToString())
        return None
    path = Path(os.fspath(f))
    if missing or external:
        _write_data(model, graph, path, used)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(model.SerializeToString())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if missing:  # not checked before
        onnx().checker.check_model(str(path), full_check=True)
    return None


def _write_data(model: Any, graph: Graph, path: Path, used: set[str]) -> None:
    """Weights into `<path>.data`, at multiples of 4096 where they are large, so that they can be mapped."""
    del model.graph.initializer[:]
    location = path.name + ".data"
    with open(path.with_name(location), "wb") as data:
        for name, (array, dtype) in graph.weights.items():
            if name not in used:
                continue
            raw = tensor_proto(np.asarray(array), dtype, name) if dtype == "bfloat16" else None
            content = raw.raw_data if raw is not None else np.ascontiguousarray(array).tobytes()
            align = 4096 if len(content) > 1 << 16 else 64
            data.seek(-(-data.tell() // align) * align)
            proto = model.graph.initializer.add()
            proto.name, proto.data_type = name, NUMBERS[dtype]
            proto.dims.extend(np.asarray(array).shape)
            proto.data_location = onnx().TensorProto.EXTERNAL
            for key, value in (("location", location), ("offset", data.tell()), ("length", len(content))):
                entry = proto.external_data.add()
                entry.key, entry.value = key, str(value)
            data.write(content)
