"""numpy.linalg: norms of vectors and matrices."""

from __future__ import annotations

import operator
from typing import Any

from .. import _C
from ._registry import axes_of, implements, is_tracked, np, op, tensor

_norm2 = _C.ops["norm2"]
_INEXACT = "fcV"


def _ready(x: Any) -> Any:
    t = tensor(x)
    return t if t.dtype.kind in _INEXACT else op("cast")(t, "float64")


def _extreme(size: Any, largest: bool, axes: Any, keepdims: bool) -> Any:
    lengths = [size.shape[i] for i in axes]
    if 0 in lengths:
        if not largest:
            raise ValueError("zero-size array to reduction operation minimum which has no identity")
        return op("sum")(size, axes, keepdims)
    return op("amax" if largest else "amin")(size, axes, keepdims)


def _vector(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Over several dimensions as over one."""
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    if not axes:
        return _vector(op("unsqueeze")(x, 0), order, (0,), False)
    if order is None or order == 2:
        return _norm2(x, axes, keepdims)
    if order in (np.inf, -np.inf):
        return _extreme(np.absolute(x), order > 0, axes, keepdims)
    if order == 0:
        counted = op("cast")(np.not_equal(x, 0), np.absolute(op("narrow")(op("reshape")(x, (-1,)), 0, 0, 0)).dtype)
        return op("sum")(counted, axes, keepdims)
    if order == 1:
        return op("sum")(np.absolute(x), axes, keepdims)
    if is_tracked(x):                  # whose derivative is right where elements are 0, too
        from ..linalg import vector_norm as smooth

        return smooth(x, float(order), axes, keepdims)
    powers = op("sum")(np.power(np.absolute(x), float(order)), axes, keepdims)
    return np.power(powers, 1.0 / order)


def _singular_values(x: Any, rows: int, columns: int) -> Any:
    from ._linalg_factors import svd

    return svd(op("movedim")(x, (rows, columns), (-2, -1)), compute_uv=False)


def _matrix(x: Any, order: Any, rows: int, columns: int, keepdims: bool) -> Any:
    if rows == columns:
        raise ValueError("Duplicate axes given.")
    axes = (rows, columns)
    if order is None or (isinstance(order, str) and order in ("fro", "f")):
        return _norm2(x, axes, keepdims)
    if order in (2, -2) or (isinstance(order, str) and order == "nuc"):
        s = _singular_values(x, rows, columns)
        result = op("sum")(s, -1) if isinstance(order, str) else _extreme(s, order > 0, (s.ndim - 1,), False)
        if not keepdims:
            return result
        return op("reshape")(result, [1 if i in axes else n for i, n in enumerate(x.shape)])
    if order not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    inner, last = axes if abs(order) == 1 else axes[::-1]
    sums = op("sum")(np.absolute(x), (inner,), True)
    result = _extreme(sums, order > 0, (last,), True)
    return result if keepdims else op("squeeze")(result, axes)


@implements("linalg.norm")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors (one axis) or matrices (two axes; all of a 2-d x when ord is given).

    ord of vectors: sum(|x|**ord)**(1/ord), inf and -inf the extremes of |x|, 0 the number of elements other than
    zero; of matrices: "fro", "nuc", 1, -1, 2, -2, inf, -inf.  Without ord and axis that of all elements."""
    t = _ready(x)
    if axis is None:
        n = t.ndim
        if ord is None or (n == 2 and isinstance(ord, str) and ord in ("f", "fro")) or (n == 1 and ord == 2):
            return _norm2(t, None, bool(keepdims))
        axis = tuple(range(n))
    elif not isinstance(axis, tuple):
        try:
            axis = (int(axis),)
        except Exception as error:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from error
    axes = axes_of(axis, t.ndim)
    if len(axes) == 1:
        return _vector(t, ord, axes, bool(keepdims))
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix(t, ord, *axes, bool(keepdims))


@implements("linalg.vector_norm")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Norm of x as a vector over axis: one, several, or (None) all dimensions."""
    t = _ready(x)
    if axis is not None and not isinstance(axis, (tuple, list)):
        axis = operator.index(axis)
    axes = axes_of(axis, t.ndim)
    if len(set(axes)) != len(axes):
        raise ValueError("repeated axis")
    return _vector(t, ord, axes, bool(keepdims))


@implements("linalg.matrix_norm")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Norm of the matrices in the last two dimensions."""
    return norm(x, ord, (-2, -1), keepdims)
