"""numpy.linalg: products, powers, diagonals; functions of matrices beyond NumPy's, with SciPy's names."""

from __future__ import annotations

import operator
from typing import Any

from .. import _C
from ._linalg_inputs import LinAlgError, refuse_objects, result, squares
from ._linalg_solving import inv
from ._products import cross, outer, tensordot, trace
from ._registry import deliver, implements, is_tracked, np, one_axis, op, tensor


@implements("linalg.outer")
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """All products of the elements of two vectors."""
    x, y = tensor(x1), tensor(x2)
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(
            f"Input arrays must be one-dimensional, but they are x1.ndim={x.ndim} and x2.ndim={y.ndim}."
        )
    return outer(x, y)


@implements("linalg.tensordot")
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sum of products over `axes`: so many last of x1 and first of x2, or a list for each."""
    return tensordot(x1, x2, axes)


@implements("linalg.matmul")
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """Products of matrices, the other dimensions broadcast."""
    return np.matmul(tensor(x1), tensor(x2))


@implements("linalg.vecdot")
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Dot products along axis, the first vector conjugated; both broadcast."""
    x, y = tensor(x1), tensor(x2)
    if axis != -1:
        x, y = (op("movedim")(v, one_axis(axis, v.ndim), v.ndim - 1) for v in (x, y))
    return np.vecdot(x, y)


@implements("linalg.cross")
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Cross products of vectors of length 3 along axis."""
    x, y = tensor(x1), tensor(x2)
    lengths = [v.shape[one_axis(axis, v.ndim)] for v in (x, y)]
    if lengths != [3, 3]:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors,"
            f" but they are {lengths[0]} and {lengths[1]} dimensional instead."
        )
    return cross(x, y, axis=axis)


@implements("linalg.trace")
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sums of the diagonals of matrices."""
    return trace(x, offset, -2, -1, dtype)


@implements("linalg.diagonal")
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Diagonals of the last two dimensions, a view."""
    t = tensor(x)
    if t.ndim < 2:
        raise ValueError(f"diagonal requires an array of at least two dimensions, got {t.ndim}")
    return op("diagonal")(t, operator.index(offset), -2, -1)


@implements("linalg.matrix_transpose")
def linalg_matrix_transpose(x: Any, /) -> Any:
    """The last two dimensions exchanged, a view."""
    t = tensor(x)
    if t.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {t.ndim}")
    return op("mT")(t)


@implements("linalg.multi_dot")
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """The product of two or more matrices in the cheapest order; the first and last may be vectors."""
    from ..linalg._products import _best_order

    refuse_objects(*arrays)
    chain = [tensor(a) for a in arrays]
    if len(chain) < 2:
        raise ValueError("Expecting at least two arrays.")
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    if len(chain) > 2:
        for i, t in enumerate(chain):
            if t.ndim != 2 and not (t.ndim == 1 and i in (0, len(chain) - 1)):
                raise LinAlgError(f"{t.ndim}-dimensional array given. Array must be two-dimensional")
    elif any(t.ndim not in (1, 2) for t in chain):
        return np.dot(*chain, out=out)
    if row:
        chain[0] = op("unsqueeze")(chain[0], 0)
    if column:
        chain[-1] = op("unsqueeze")(chain[-1], -1)
    for i in range(len(chain) - 1):
        if chain[i].shape[1] != chain[i + 1].shape[0]:
            raise ValueError(
                f"multi_dot: arrays {i} and {i + 1} do not fit: {tuple(chain[i].shape)} and"
                f" {tuple(chain[i + 1].shape)}"
            )
    cut = _best_order([chain[0].shape[0], *(t.shape[1] for t in chain)])

    def product(i: int, j: int) -> Any:
        return chain[i] if i == j else np.matmul(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    result = product(0, len(chain) - 1)
    if row:
        result = op("squeeze")(result, 0)
    return deliver(op("squeeze")(result, -1) if column else result, out)


@implements("linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Any:
    """a multiplied by itself n times, by squaring; a negative n takes the inverse."""
    refuse_objects(a)
    x = tensor(a)
    if x.ndim < 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    if x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"Last 2 dimensions of the array must be square, the shape is {tuple(x.shape)}")
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n == 0:
        unit = op("expand")(_C.eye(x.shape[-1], dtype=x.dtype), tuple(x.shape))
        return unit + x * 0 if is_tracked(x) else op("clone")(op("contiguous")(unit))
    if n < 0:
        x, n = inv(x), -n
    result = None
    while n:
        if n & 1:
            result = x if result is None else np.matmul(result, x)
        n >>= 1
        if n:
            x = np.matmul(x, x)
    return result


def expm(A: Any) -> Any:
    """The exponential of square matrices (..., n, n): scipy.linalg.expm, by rustorch.linalg.matrix_exp."""
    from ..linalg import matrix_exp

    x, single = squares(A)
    return result(matrix_exp(x), single)
