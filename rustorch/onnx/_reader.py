"""From an ONNX file to a Program: names, weights, constants and one step a node."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

import rustorch as rt

from ..errors import RusTorchError
from ..interop.program import DescriptionError, Program, Ref, Step
from ..nn.parameter import Buffer, Parameter
from ._functions import DTYPES, dtype_of, find, unknown
from ._package import onnx
from ._plain import plain

__all__ = ["OnnxError", "import_onnx", "load"]


class OnnxError(RusTorchError, ValueError):
    """A file that is no valid ONNX model, or a model that cannot be read."""


_DOMAINS = ("", "ai.onnx")
_RESERVED = frozenset({"training", "_graph", "_training_graph", "_compiled"})  # what a Program has itself
# Inputs that a function takes as a list: written into the step where they are constant.
_LISTS: dict[str, tuple[int, ...]] = {
    "Reshape": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "Expand": (1,), "Tile": (1,), "Slice": (1, 2, 3, 4),
    "Split": (1,), "Pad": (1, 3), **{f"Reduce{kind}": (1,) for kind in (
        "Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare",
    )},
}  # fmt: skip
# Inputs that are numbers of the model, not weights of it.
_SETTINGS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4), "Resize": (1, 2, 3), "Upsample": (1,), "Clip": (1, 2), "Dropout": (1, 2),
    "Pad": (2,), "Range": (0, 1, 2), "OneHot": (1, 2),
}  # fmt: skip


def load(f: Any) -> Program:
    """Reads an ONNX model as a module.

    Its weights are parameters under the names they have in the file, so that it can be trained, saved and exported
    again.  Nodes become steps of a `rustorch.interop.Program`.

    Args:
        f: path of a file, its content as bytes, a binary file object, or an onnx.ModelProto.

    Raises:
        OnnxError: (a ValueError) for what is no valid model, and for external data outside the model's folder.
        NotImplementedError: for operators and types that are not supported; it names the node.

    >>> import onnx, rustorch as rt
    >>> model = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["" : 18]>
    ... halves (float[n, 2] x) => (float[n, 2] y) <float[2] w = {0.5, 0.25}> { y = Mul(x, w) }''')
    >>> halves = rt.onnx.load(model)
    >>> [name for name, _ in halves.named_parameters()]
    ['w']
    >>> halves(rt.ones(2, 2)).tolist()
    [[0.5, 0.25], [0.5, 0.25]]
    """
    model, folder = _read(f)
    external = any(t.data_location == onnx().TensorProto.EXTERNAL for t in model.graph.initializer)
    if external and folder is None:
        raise OnnxError("rustorch.onnx.load: the weights are in another file: load the model by its path")
    try:
        onnx().checker.check_model(os.fspath(f) if external else model)
    except Exception as error:  # the checker's own error, or one in saying it
        raise OnnxError(f"rustorch.onnx.load: not a valid model: {str(error).strip()[:600]}") from None
    try:
        return _Reader(_inlined(model), folder).program()
    except (RusTorchError, NotImplementedError, OSError, MemoryError):
        raise
    except Exception as error:
        raise OnnxError(f"rustorch.onnx.load: not a valid model: {error}") from error


import_onnx = load


def _read(f: Any) -> tuple[Any, Path | None]:
    """The model, its external data not yet read, and the folder where that lies."""
    if isinstance(f, onnx().ModelProto):
        return f, None
    try:
        if isinstance(f, (bytes, bytearray, memoryview)):
            return onnx().load_model_from_string(bytes(f)), None
        if isinstance(f, (str, os.PathLike)):
            return onnx().load(os.fspath(f), load_external_data=False), Path(f).resolve().parent
        if hasattr(f, "read"):
            return onnx().load_model_from_string(f.read()), None
    except OSError:
        raise
    except Exception as error:
        raise OnnxError(f"rustorch.onnx.load: not an ONNX model: {error}") from None
    raise TypeError(f"rustorch.onnx.load: takes a path, bytes, a file or an onnx.ModelProto, not {type(f).__name__}")


def _inlined(model: Any) -> Any:
    """The model with functions, its own and those of operators that are not ours, as their nodes."""
    from onnx import inliner

    if model.functions:
        model = inliner.inline_local_functions(model)
    opset = _opset(model)
    foreign = {n.op_type for n in model.graph.node if n.domain in _DOMAINS and find(n.op_type, opset) is None}
    known = {name for name in foreign if _has_body(name, opset)}
    if known:
        chosen = [("", name) for name in sorted(known)]
        try:
            model = inliner.inline_selected_functions(model, chosen, inline_schema_functions=True)
        except Exception:  # bodies that need types the file does not give: such nodes are then refused by name
            return model
    return model


def _has_body(name: str, opset: int) -> bool:
    if not onnx().defs.has(name, ""):
        return False
    schema = onnx().defs.get_schema(name, opset, "")
    return bool(schema.has_function or schema.has_context_dependent_function)


def _opset(model: Any) -> int:
    versions = {o.domain: o.version for o in model.opset_import}
    return int(versions.get("", versions.get("ai.onnx", 1)))


class _Reader:
    def __init__(self, model: Any, folder: Path | None) -> None:
        self.graph = model.graph
        self.folder = folder
        self.opset = _opset(model)
        self.refs: dict[str, Ref] = {}  # ONNX's name -> what a step calls it
        self.known: dict[str, Any] = {}  # ONNX's name -> constant array
        self.state: dict[str, Any] = {}  # path -> tensor
        self.taken: set[str] = {"self"}
        self.protos = {t.name: t for t in self.graph.initializer}
        self.ranks = {
            value.name: len(value.type.tensor_type.shape.dim)
            for value in (*self.graph.input, *self.graph.value_info)
            if value.type.tensor_type.HasField("shape")
        }
        self.settings = {
            node.input[k]
            for node in self.graph.node for k in _SETTINGS.get(node.op_type, ()) if k < len(node.input)
        }  # fmt: skip

    def program(self) -> Program:
        if self.graph.sparse_initializer:
            raise NotImplementedError("rustorch.onnx.load: sparse initialisers are not supported")
        nodes = self._wanted()
        inputs = []
        for value in self.graph.input:
            if value.name in self.protos:
                continue
            if value.type.WhichOneof("value") != "tensor_type":
                kind = str(value.type.WhichOneof("value")).removesuffix("_type")
                raise NotImplementedError(f"rustorch.onnx.load: input {value.name!r} is a {kind}, not a tensor")
            if value.type.tensor_type.elem_type not in DTYPES:
                kind = onnx().TensorProto.DataType.Name(value.type.tensor_type.elem_type)
                raise NotImplementedError(f"rustorch.onnx.load: input {value.name!r}: {kind} is not supported")
            inputs.append(self._name(value.name))
        steps: list[Step] = []
        for node in nodes:
            if node.op_type == "Constant" and node.domain in _DOMAINS:
                self._constant(node)
            else:
                steps += self._steps(node)
        outputs = [self._ref(value.name) for value in self.graph.output]
        try:
            return Program(inputs, steps, outputs[0] if len(outputs) == 1 else tuple(outputs), self.state)
        except DescriptionError as error:
            raise OnnxError(f"rustorch.onnx.load: {error}") from None

    def _wanted(self) -> list[Any]:
        """The nodes that the outputs depend on."""
        needed = {value.name for value in self.graph.output}
        kept = []
        for node in reversed(self.graph.node):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        return kept[::-1]

    # ---- names ----

    def _name(self, name: str) -> str:
        """An identifier for a value, and no other's."""
        word = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "value"
        if not word.isidentifier() or word[0].isdigit():
            word = "v" + word
        import keyword

        word = word + "_" if keyword.iskeyword(word) else word
        free, count = word, 1
        while free in self.taken:
            count += 1
            free = f"{word}_{count}"
        self.taken.add(free)
        self.refs[name] = Ref(free)
        return free

    def _path(self, name: str) -> str:
        """The path of a weight: its name in the file where that can be one."""
        parts = [re.sub(r"\W", "_", part, flags=re.ASCII) for part in name.split(".")]
        path = ".".join(parts)
        inner = any(path.startswith(p + ".") or p.startswith(path + ".") for p in self.state)
        if (
            not all(parts)
            or inner
            or path in self.state
            or not _RESERVED.isdisjoint(parts)
            or hasattr(Program, parts[0])
        ):
            path = re.sub(r"\W", "_", name, flags=re.ASCII) + "_"
            while path in self.state:
                path += "_"
        return path

    def _ref(self, name: str) -> Ref:
        if name not in self.refs:
            if name in self.protos:
                array = self._array(self.protos[name])
                tensor = _tensor(array, self.protos[name].data_type)
                trained = tensor.is_floating_point() and name not in self.settings
                path = self._path(name)
                self.state[path] = Parameter(tensor) if trained else Buffer(tensor)
                self.refs[name] = Ref("self." + path)
            elif name in self.known:
                path = self._path(name)
                self.state[path] = self.known[name]
                self.refs[name] = Ref("self." + path)
            else:
                raise OnnxError(f"rustorch.onnx.load: nothing gives the value {name!r}")
        return self.refs[name]

    # ---- weights and constants ----

    def _array(self, proto: Any) -> np.ndarray[Any, Any]:
        """The values of a TensorProto; those of external data lie in the file until they are written to."""
        dtype_of(proto.data_type)
        if proto.data_location != onnx().TensorProto.EXTERNAL:
            try:
                array: np.ndarray[Any, Any] = onnx().numpy_helper.to_array(proto)
            except Exception as error:
                raise OnnxError(f"rustorch.onnx.load: tensor {proto.name!r}: {error}") from None
            return array if array.flags.writeable else array.copy()
        return self._external(proto)

    def _external(self, proto: Any) -> np.ndarray[Any, Any]:
        where = {entry.key: entry.value for entry in proto.external_data}
        what = f"rustorch.onnx.load: external data of {proto.name!r}"
        if self.folder is None:
            raise OnnxError(f"{what}: load the model by its path, so that its folder is known")
        path = (self.folder / where.get("location", "")).resolve()
        if not where.get("location") or not path.is_relative_to(self.folder) or not path.is_file():
            raise OnnxError(f"{what}: {where.get('location', '')!r} is not a file in the model's folder")
        dtype = np.dtype(onnx().helper.tensor_dtype_to_np_dtype(proto.data_type))
        shape = tuple(proto.dims)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        try:
            offset, length = int(where.get("offset") or 0), int(where.get("length") or count * dtype.itemsize)
        except ValueError:
            raise OnnxError(f"{what}: offset and length must be numbers") from None
        if min((*shape, offset)) < 0 or length != count * dtype.itemsize or offset + length > path.stat().st_size:
            raise OnnxError(f"{what}: {shape} of {dtype} at {offset} do not lie within {path.name!r}")
        if count == 0:
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "c", offset, shape)

    def _constant(self, node: Any) -> None:
        attribute = node.attribute[0] if len(node.attribute) == 1 else None
        value: Any
        if attribute is None or attribute.name.startswith("value_string") or attribute.name == "sparse_value":
            raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: only constants that are dense numbers")
        if attribute.name == "value":
            value = _tensor(self._array(attribute.t), attribute.t.data_type)
        else:
            found = onnx().helper.get_attribute_value(attribute)
            value = rt.tensor(found, dtype="int64" if "int" in attribute.name else "float32")
        self.known[node.output[0]] = value

    def _list(self, name: str) -> list[int] | None:
        """A short constant of integers."""
        if name in self.known:
            value = self.known[name]
            return [int(v) for v in value.reshape(-1).tolist()] if not value.is_floating_point() else None
        proto = self.protos.get(name)
        if proto is None or proto.data_type not in (6, 7) or len(proto.dims) > 1 or sum(proto.dims) > 64:
            return None
        return [int(v) for v in self._array(proto).reshape(-1)]

    # ---- nodes ----

    def _is_linear(self, node: Any, keywords: dict[str, Any]) -> bool:
        """x @ weight.T + bias, with a bias of one dimension?"""
        bias = self.protos.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        lone = len(node.input) < 3 or not node.input[2] or (bias is not None and len(bias.dims) == 1)
        same = keywords.get("alpha", 1.0) == 1 and keywords.get("beta", 1.0) == 1 and not keywords.get("transA")
        broadcast = (
            bias is not None and node.input[1] in self.protos and bias.dims[0] != self.protos[node.input[1]].dims[0]
        )
        return lone and same and bool(keywords.get("transB")) and not broadcast

    def _steps(self, node: Any) -> list[Step]:
        found = find(node.op_type, self.opset, sum(map(bool, node.output))) if node.domain in _DOMAINS else None
        if found is None:
            raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: the operator is not supported")
        key, several = found
        keywords = {a.name: _attribute(node, a) for a in node.attribute}
        kind = keywords.get("to", keywords.get("dtype"))
        if isinstance(kind, int):
            _known_type(node, kind)
        if key == "ConstantOfShape" and "value" in keywords:
            value = keywords["value"]
            keywords = {"value": value.reshape(-1)[0].item(), "dtype": str(value.dtype)}
        if key == "Split_outputs" and "split" not in keywords and len([i for i in node.input if i]) < 2:
            keywords["num_outputs"] = len(node.output)
        keywords.pop("consumed_inputs", None)  # a hint of version 1
        refused = unknown(key, keywords)
        if refused:
            raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: attributes {refused} are not supported")
        args: list[Any] = []
        for k, name in enumerate(node.input):
            literal = self._list(name) if k in _LISTS.get(node.op_type, ()) and name else None
            args.append(None if not name else literal if literal is not None else self._ref(name))
        target, outputs = "onnx." + key, list(node.output)
        if not several:
            weight = self.protos.get(node.input[1]) if len(node.input) > 1 else None
            rank = self.ranks.get(node.input[0]) if weight is None and node.input else weight and len(weight.dims)
            if key == "Gemm" and self._is_linear(node, keywords):
                return [Step("nn.functional.linear", tuple(args), {}, (self._name(outputs[0]),))]
            step = plain(key, tuple(args), keywords, rank, outputs[0])
            if step is not None:
                step.outputs = (self._name(outputs[0]),)
                return [step]
            return [Step(target, tuple(args), keywords, (self._name(outputs[0]),))]
        if key == "Split_outputs" and all(outputs) and len(outputs) > 1:
            return [Step(target, tuple(args), keywords, tuple(self._name(name) for name in outputs))]
        whole = self._name(f"{next(filter(None, outputs))}_all")
        steps = [Step(target, tuple(args), keywords, (whole,))]
        for k, name in enumerate(outputs):
            if name:
                steps.append(Step("operator.getitem", (Ref(whole), k), {}, (self._name(name),)))
        return steps


def _label(node: Any) -> str:
    return f"node {node.name!r} ({node.domain + '::' if node.domain else ''}{node.op_type})"


def _known_type(node: Any, number: int) -> None:
    if number not in DTYPES:
        raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: ONNX's element type {number} is not supported")


def _attribute(node: Any, attribute: Any) -> Any:
    """The value of an attribute: a number, a string, a list of them, or a Tensor."""
    kinds = onnx().AttributeProto
    if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
        raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: control flow is not supported")
    value = onnx().helper.get_attribute_value(attribute)
    if attribute.type == kinds.STRING:
        return value.decode()
    if attribute.type == kinds.STRINGS:
        return [v.decode() for v in value]
    if attribute.type in (kinds.INTS, kinds.FLOATS):
        return list(value)
    if attribute.type == kinds.TENSOR:
        return _tensor(onnx().numpy_helper.to_array(value).copy(), value.data_type)
    if attribute.type not in (kinds.INT, kinds.FLOAT):
        raise NotImplementedError(f"rustorch.onnx.load: {_label(node)}: attribute {attribute.name!r} is not supported")
    return value


def _tensor(array: np.ndarray[Any, Any], number: int) -> Any:
    """An array as a Tensor on its memory."""
    if DTYPES[number] == "bfloat16":
        return rt.from_numpy(np.ascontiguousarray(array).view(np.int16)).view(rt.bfloat16)
    array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    return rt.from_numpy(array)
