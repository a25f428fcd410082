"""Products of vectors and matrices."""

from __future__ import annotations

import math
import string
from typing import Any

from .._einsum import contract
from ._registry import NotHere, axes_of, deliver, implements, np, op, tensor

_missing: Any = np._NoValue


@implements("dot")
def dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = tensor(a), tensor(b)
    if x.ndim == 0 or y.ndim == 0:
        return deliver(np.multiply(x, y), out)
    if y.ndim <= 2:
        return deliver(np.matmul(x, y), out)
    if x.shape[-1] != y.shape[-2]:
        raise ValueError(f"dot: dimension {x.ndim - 1} of {tuple(x.shape)} and {y.ndim - 2} of {tuple(y.shape)} differ")
    return deliver(_tensordot(x, y, [x.ndim - 1], [y.ndim - 2]), out)


def _tensordot(x: Any, y: Any, xs: list[int], ys: list[int]) -> Any:
    """Sum of products over dimensions xs of x and ys of y, as one matrix product."""
    if "b" in (x.dtype.kind, y.dtype.kind):
        raise NotHere
    keep_x = [i for i in range(x.ndim) if i not in xs]
    keep_y = [i for i in range(y.ndim) if i not in ys]
    common = math.prod(x.shape[i] for i in xs)
    rows, columns = [x.shape[i] for i in keep_x], [y.shape[i] for i in keep_y]
    if not keep_x and not keep_y:
        return np.matmul(op("reshape")(op("permute")(x, xs), (common,)), op("reshape")(op("permute")(y, ys), (common,)))
    left = op("reshape")(op("permute")(x, (*keep_x, *xs)), (math.prod(rows), common))
    right = op("reshape")(op("permute")(y, (*ys, *keep_y)), (common, math.prod(columns)))
    return op("reshape")(np.matmul(left, right), (*rows, *columns))


@implements("vdot")
def vdot(a: Any, b: Any, /) -> Any:
    x, y = (op("reshape")(tensor(v), (-1,)) for v in (a, b))
    return np.matmul(np.conjugate(x) if x.dtype.kind == "c" else x, y)


@implements("inner")
def inner(a: Any, b: Any, /) -> Any:
    x, y = tensor(a), tensor(b)
    if x.ndim and y.ndim and x.shape[-1] != y.shape[-1]:
        raise ValueError(f"inner: the last dimensions of {tuple(x.shape)} and {tuple(y.shape)} differ")
    if x.ndim == 0 or y.ndim == 0:
        return np.multiply(x, y)
    if y.ndim <= 2:
        return np.matmul(x, op("mT")(y) if y.ndim == 2 else y)
    return _tensordot(x, y, [x.ndim - 1], [y.ndim - 1])


@implements("outer")
def outer(a: Any, b: Any, out: Any = None) -> Any:
    x, y = (op("reshape")(tensor(v), (-1,)) for v in (a, b))
    return np.multiply(op("unsqueeze")(x, 1), op("unsqueeze")(y, 0), out=out)


@implements("tensordot")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = tensor(a), tensor(b)
    if np.ndim(axes) == 0 and not isinstance(axes, (tuple, list)):
        xs, ys = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        first, second = axes
        xs = list(axes_of(tuple(first) if np.ndim(first) else first, x.ndim))
        ys = list(axes_of(tuple(second) if np.ndim(second) else second, y.ndim))
    if [x.shape[i] for i in xs] != [y.shape[i] for i in ys]:
        raise ValueError("shape-mismatch for sum")
    return _tensordot(x, y, xs, ys)


@implements("kron")
def kron(a: Any, b: Any) -> Any:
    x, y = tensor(a), tensor(b)
    n = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (n - v.ndim) + tuple(v.shape) for v in (x, y))
    left = op("reshape")(x, tuple(k for length in xs for k in (length, 1)))
    right = op("reshape")(y, tuple(k for length in ys for k in (1, length)))
    return op("reshape")(np.multiply(left, right), tuple(p * q for p, q in zip(xs, ys, strict=True)))


@implements("trace")
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return np.add.reduce(op("diagonal")(tensor(a), offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


@implements("cross")
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = tensor(a), tensor(b)
    if not x.ndim or not y.ndim:
        raise ValueError("At least one array has zero dimension")
    x, y = np.moveaxis(x, axisa, -1), np.moveaxis(y, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise NotHere
    (x0, x1, x2), (y0, y1, y2) = ([op("select")(v, -1, i) for i in range(3)] for v in (x, y))
    parts = (x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0)
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc)


@implements("einsum")
def einsum(*operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    if not operands or kwargs:
        raise NotHere
    text, given = operands[0], operands[1:]
    if not isinstance(text, str):
        text, given = _as_text(operands)
    parts = [tensor(x) for x in given]
    if any(x.dtype.kind in "biu" and x.dtype.char != "l" for x in parts):
        raise NotHere
    return deliver(contract(text, parts), out)


def _as_text(operands: Any) -> tuple[str, Any]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) as 'ab,bc->ac'."""

    def letters(labels: Any) -> str:
        if any(label is not ... and not 0 <= label < 52 for label in labels):
            raise ValueError("subscript is not within the valid range [0, 52)")
        return "".join("..." if label is ... else string.ascii_letters[label] for label in labels)

    pairs = len(operands) // 2
    text = ",".join(letters(operands[2 * i + 1]) for i in range(pairs))
    if len(operands) % 2:
        text += "->" + letters(operands[-1])
    return text, operands[0 : 2 * pairs : 2]
