"""NumPy's arrays, numbers and dtypes in pickles: what their names stand for, and the states that they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._pickle import Part, Rule
from ._source import refuse
from ._values import NUMBERS

_ORDERS = ("<", "=", "|", ">")


class _Array(Part):
    """The class of arrays, which is named where one is made."""

    name = "the class of arrays"


class PickledDtype(Part):
    """A dtype as pickles have it: made first, told its order of bytes afterwards."""

    name = "a dtype of NumPy"

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)
        if str(self.dtype) not in NUMBERS:
            raise refuse(f"an array has dtype {str(self.dtype)[:50]!r}, which tensors do not have")

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in _ORDERS or any(state[2:5]):
            raise refuse("a dtype has a state of another form")
        self.dtype = self.dtype.newbyteorder(state[1])


def build_array(array: Any, state: Any) -> None:
    """Gives an array, which is empty, its elements."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise refuse("an array has a state of another form")
    _, shape, kind, fortran, raw = state
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    whole = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**62 for n in shape) and len(shape) <= 32
    if not whole or not isinstance(kind, PickledDtype) or not isinstance(raw, bytes) or array.size:
        raise refuse("an array has a state of another form")
    if math.prod(max(n, 1) for n in shape) > 2**58 or math.prod(shape) * kind.dtype.itemsize != len(raw):
        raise refuse(f"an array has {len(raw)} bytes, which its shape {shape} does not fit")
    state = (1, shape, kind.dtype, fortran is True, raw)
    array.__setstate__(state)


def _scalar(kind: Any, raw: Any) -> Any:
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    if not isinstance(kind, PickledDtype) or not isinstance(raw, bytes) or len(raw) != kind.dtype.itemsize:
        raise refuse("a number has a state of another form")
    return np.frombuffer(raw, kind.dtype)[0]


def _empty(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    if not isinstance(kind, _Array):
        raise refuse("an array is of a class of its own")
    return np.empty(0, np.int8)


def _from_buffer(raw: Any, kind: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """How protocol 5 writes arrays whose elements lie packed."""
    made = np.empty(0, np.int8)
    build_array(made, (1, shape, kind, order == "F", bytes(raw) if isinstance(raw, bytearray) else raw))
    return made


def _dtype(code: Any, align: Any = False, copy: Any = True) -> PickledDtype:
    if not isinstance(code, str) or len(code) > 8:
        raise refuse("a dtype has a name of another form")
    return PickledDtype(code)


NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array(),
    ("numpy", "dtype"): Rule("dtype", _dtype),
    **{(module, name): rule for module in ("numpy.core.multiarray", "numpy._core.multiarray") for name, rule in {
        "scalar": Rule("scalar", _scalar), "_reconstruct": Rule("_reconstruct", _empty),
    }.items()},
    **{(module, "_frombuffer"): Rule("_frombuffer", _from_buffer) for module in (
        "numpy.core.numeric", "numpy._core.numeric",
    )},
    **{("numpy.dtypes", f"{name}DType"): Rule(name, lambda code=code: PickledDtype(code)) for name, code in {
        "Bool": "?", "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4",
        "Int64": "i8", "UInt64": "u8", "Float16": "f2", "Float32": "f4", "Float64": "f8", "Complex64": "c8",
        "Complex128": "c16",
    }.items()},
}  # fmt: skip
BUILDERS: dict[type, Any] = {np.ndarray: build_array, PickledDtype: PickledDtype.build}
