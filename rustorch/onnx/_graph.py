"""An ONNX graph under construction: nodes, constants, and lengths that are computed when the graph runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ._numbers import Differing, Many, Varying
from ._package import onnx

__all__ = ["Graph", "Tensor", "Unsupported"]

NUMBERS = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "complex128": 15, "bfloat16": 16,
}  # fmt: skip

Length = int | Many
_ONNX_TYPES = {"float32": "float", "float64": "double"}


@cache
def _first_types(kind: str, opset: int) -> frozenset[str]:
    return frozenset(onnx().defs.get_schema(kind, opset, "").inputs[0].types)


class Unsupported(NotImplementedError):
    """What has no counterpart in ONNX."""


class Tensor:
    """A value of the graph: its dtype, its shape, where it may be known its elements, and its name once it has one."""

    def __init__(self, graph: Graph, shape: Sequence[Length], dtype: str, name: str = "", array: Any = None) -> None:
        self.graph, self.shape, self.dtype, self.array = graph, tuple(shape), dtype, array
        self.given = name
        self.folded = False  # computed before the graph runs
        self.unsure = False  # its lengths depend on the values of the inputs

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def floating(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))

    @property
    def uniform(self) -> Any:
        """The number that all elements are, or None."""
        arrays = self.array.arrays if isinstance(self.array, Varying) else [] if self.array is None else [self.array]
        if not arrays or any(a.size == 0 or a.size > 1 << 22 for a in arrays):
            return None
        first = arrays[0].reshape(-1)[0]
        return first.item() if all(bool((a == first).all()) for a in arrays) else None

    @property
    def name(self) -> str:
        """The name, given when first asked for: constants that nothing uses are not written."""
        if not self.given:
            if isinstance(self.array, Varying):
                self.given = self.graph.growing(self)
            elif self.array is not None:
                self.given = self.graph.constant(self.array, self.dtype)
            else:
                raise Unsupported("a result that has no counterpart in ONNX is used")
        return self.given


class Graph:
    """Nodes in order; names are made of the modules' paths."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}  # name -> array and dtype
        self.path = ""
        self.inputs: list[Tensor] = []
        self.known: list[Tensor] = []  # whose shapes may be asked for
        self._names: dict[str, int] = {}
        self._constants: dict[Any, str] = {}
        self._lengths: dict[Any, str] = {}

    # ---- nodes ----

    def unique(self, name: str) -> str:
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return self.unique(f"{name}_{count}") if count else name

    def node(self, kind: str, inputs: Sequence[str], count: int = 1, **attributes: Any) -> Any:
        """Adds a node; the name of its output, or a list of them."""
        prefix = "/" + self.path.replace(".", "/") + "/" if self.path else "/"
        name = self.unique(prefix + kind)
        outputs = [f"{name}_output_{k}" for k in range(count)]
        inputs = list(inputs)
        while inputs and not inputs[-1]:
            inputs.pop()
        attributes = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(onnx().helper.make_node(kind, inputs, outputs, name=name, **attributes))
        return outputs[0] if count == 1 else outputs

    def allows(self, kind: str, dtype: str) -> bool:
        """Does the operator, in this opset, take tensors of the dtype as its first input?"""
        return f"tensor({_ONNX_TYPES.get(dtype, dtype)})" in _first_types(kind, self.opset)

    def constant(self, value: Any, dtype: str | None = None) -> str:
        """The name of a constant; equal ones are one node."""
        array = np.asarray(value) if dtype is None else _as(value, dtype)
        dtype = dtype or str(array.dtype)
        key = (dtype, array.shape, array.tobytes()) if array.nbytes < 4096 else id(value)
        if key not in self._constants:
            path, self.path = self.path, ""
            proto = tensor_proto(array, dtype, "")
            self._constants[key] = self.node("Constant", [], value=proto)
            self.nodes.insert(0, self.nodes.pop())
            self.path = path
        return self._constants[key]

    def weight(self, name: str, array: np.ndarray[Any, Any], dtype: str) -> str:
        """An initialiser."""
        name = self.unique(name)
        self.weights[name] = (array, dtype)
        return name

    def ints(self, values: Sequence[int]) -> str:
        return self.constant(np.array(list(values), np.int64).reshape(-1))

    def cast(self, name: str, dtype: str) -> str:
        return self.node("Cast", [name], to=NUMBERS[dtype])

    def as_dtype(self, x: Tensor, dtype: str) -> str:
        return x.name if x.dtype == dtype else self.cast(x.name, dtype)

    # ---- lengths ----

    def length(self, number: Length, near: Sequence[Tensor] = ()) -> str:
        """A length as an int64 tensor of one element."""
        if not isinstance(number, Many):
            return self.ints([number])
        key = tuple(number)
        if key not in self._lengths:
            path, self.path = self.path, ""
            self._lengths[key] = self._computed(number, near)
            self.path = path
        return self._lengths[key]

    def _shape_of(self, x: Tensor, dim: int) -> str:
        if self.opset >= 15:
            return self.node("Shape", [x.name], start=dim, end=dim + 1)
        return self.node("Gather", [self.node("Shape", [x.name]), self.ints([dim])], axis=0)

    def _computed(self, number: Many, near: Sequence[Tensor]) -> str:
        # a dimension of an input; a simple function of one; a dimension of what is at hand
        for x in self.inputs:
            if number in x.shape:
                return self._shape_of(x, x.shape.index(number))
        bases = list(dict.fromkeys(n for x in self.inputs for n in x.shape if isinstance(n, Many)))
        for base in bases:
            linear = _linear(number, base)
            if linear is not None:
                factor, more = linear
                name = self.length(base)
                if factor != 1:
                    name = self.node("Mul", [name, self.ints([factor])])
                return name if more == 0 else self.node("Add", [name, self.ints([more])])
        for x in near:
            if number in x.shape and x.given:
                return self._shape_of(x, x.shape.index(number))
        for k, first in enumerate(bases):
            for second in bases[k:]:
                times = _multiple(number, [a * b for a, b in zip(first, second)])
                if times is not None:
                    name = self.node("Mul", [self.length(first), self.length(second)])
                    return name if times == 1 else self.node("Mul", [name, self.ints([times])])
        for base in bases:
            for divisor in range(2, 65):
                if all(n == b // divisor for n, b in zip(number, base)):
                    return self.node("Div", [self.length(base), self.ints([divisor])])
                if all(n == -(-b // divisor) for n, b in zip(number, base)):
                    more = self.node("Add", [self.length(base), self.ints([divisor - 1])])
                    return self.node("Div", [more, self.ints([divisor])])
        for x in reversed(self.known):
            if number in x.shape and x.given:
                return self._shape_of(x, x.shape.index(number))
            for length in x.shape if x.given else ():
                if isinstance(length, Many):
                    linear = _linear(number, length)
                    if linear is not None:
                        name = self.node("Mul", [self._shape_of(x, x.shape.index(length)), self.ints([linear[0]])])
                        return self.node("Add", [name, self.ints([linear[1]])])
        difference = self._difference(number)
        if difference is not None:
            return difference
        raise Unsupported(
            f"a length is {number} in runs on inputs of different sizes, which is no function known of them"
        )

    def _difference(self, number: Many) -> str | None:
        """The difference of two lengths, or either half of it: what pads one image to another."""
        places: dict[tuple[int, ...], tuple[Tensor, int]] = {}
        for x in (*self.inputs, *self.known):
            for dim, length in enumerate(x.shape if x.given else ()):
                if isinstance(length, Many):
                    places.setdefault(tuple(length), (x, dim))
        for first, (x, i) in places.items():
            for second, (y, j) in places.items():
                whole = [a - b for a, b in zip(first, second)]
                small = [w // 2 for w in whole]
                if min(whole) < 0 or not any(whole):
                    continue
                kinds = (whole, small, [w - s for w, s in zip(whole, small)])
                kind = next((k for k, values in enumerate(kinds) if values == list(number)), None)
                if kind is not None:
                    name = self.node("Sub", [self._shape_of(x, i), self._shape_of(y, j)])
                    if kind == 2:
                        name = self.node("Add", [name, self.ints([1])])
                    return self.node("Div", [name, self.ints([2])]) if kind else name
        return None

    def shape(self, lengths: Sequence[Length], near: Sequence[Tensor] = (), *, infer: bool = False) -> str:
        """A shape as an int64 tensor; infer: the only length that varies may be -1."""
        varying = [n for n in lengths if isinstance(n, Many)]
        if infer and len(varying) == 1 and 0 not in [n for n in lengths if not isinstance(n, Many)]:
            return self.ints([-1 if isinstance(n, Many) else n for n in lengths])
        if not varying:
            return self.ints([int(n) for n in lengths if not isinstance(n, Many)])
        parts: list[str] = []
        run: list[int] = []
        for n in lengths:
            if isinstance(n, Many):
                if run:
                    parts.append(self.ints(run))
                    run = []
                parts.append(self.length(n, near))
            else:
                run.append(n)
        if run:
            parts.append(self.ints(run))
        return parts[0] if len(parts) == 1 else self.node("Concat", parts, axis=0)

    def number(self, value: Any, dtype: str) -> str:
        """A number as a constant without dimensions, or computed where it varies with the sizes."""
        if isinstance(value, Differing):
            raise Unsupported(value.reason)
        exponent = 1.0
        if isinstance(value, tuple) and not isinstance(value, Many):
            value, exponent = value
        if not isinstance(value, Many):
            return self.constant(np.asarray(value), dtype)
        name = self.node("Squeeze", [self.length(value), self.ints([0])])
        name = self.cast(name, dtype) if dtype != "int64" else name
        if exponent in (0.5, -0.5):
            name = self.node("Sqrt", [name])
        return self.node("Reciprocal", [name]) if exponent < 0 else name

    def growing(self, x: Tensor) -> str:
        """A constant whose size follows the inputs': all elements alike, or numbers in steps."""
        arrays: list[Any] = x.array.arrays
        if x.uniform is not None:
            return self.node("Expand", [self.constant(np.asarray(x.uniform), x.dtype), self.shape(x.shape)])
        for start, step in (
            [(arrays[0].reshape(-1)[0], arrays[0].reshape(-1)[1] - arrays[0].reshape(-1)[0])]
            if all(a.ndim == 1 and a.size > 1 and a.dtype.kind in "iuf" for a in arrays)
            else ()
        ):
            if all(np.array_equal(a, (start + step * np.arange(a.size)).astype(a.dtype)) for a in arrays):
                count = self.node("Squeeze", [self.length(x.shape[0]), self.ints([0])])
                steps = self.node("Range", [self.constant(np.int64(0)), count, self.constant(np.int64(1))])
                name = self.cast(steps, x.dtype) if x.dtype != "int64" else steps
                if step != 1:
                    name = self.node("Mul", [name, self.constant(np.asarray(step), x.dtype)])
                return name if start == 0 else self.node("Add", [name, self.constant(np.asarray(start), x.dtype)])
        if all(a.ndim == 2 and np.array_equal(a, np.eye(*a.shape, dtype=a.dtype)) for a in arrays):
            zeros = self.node("Expand", [self.constant(np.asarray(0), x.dtype), self.shape(x.shape)])
            return self.node("EyeLike", [zeros])
        raise Unsupported(
            f"a tensor of shapes {', '.join(str(a.shape) for a in arrays)}, made in forward, has elements that depend"
            " on the inputs' sizes or change from run to run (random numbers?)"
        )


def _as(value: Any, dtype: str) -> np.ndarray[Any, Any]:
    return np.asarray(value).astype("float32" if dtype == "bfloat16" else dtype)


def _linear(number: Many, base: Many) -> tuple[int, int] | None:
    """(a, b) with number = a base + b and a not 0."""
    pair = next(((n, b) for n, b in zip(number, base) if b != base[0]), None)
    if pair is None:
        return None
    factor, rest = divmod(pair[0] - number[0], pair[1] - base[0])
    more = number[0] - factor * base[0]
    if rest or not factor or any(n != factor * b + more for n, b in zip(number, base)):
        return None
    return factor, more


def _multiple(number: Many, products: list[int]) -> int | None:
    factor, rest = divmod(number[0], products[0]) if products[0] else (0, 1)
    return factor if not rest and factor and all(n == factor * p for n, p in zip(number, products)) else None


def tensor_proto(array: np.ndarray[Any, Any], dtype: str, name: str) -> Any:
    """A TensorProto; bfloat16 comes as float32."""
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        return onnx().helper.make_tensor(name, 16, array.shape, rounded.tobytes(), raw=True)
    return onnx().numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


__all__ += ["NUMBERS", "Length", "tensor_proto"]
