"""Products of matrices and vectors, powers and the exponential."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _C
from ._results import inexact, matrix, operator, zeros_of

_ops: dict[str, Any] = _C.ops


def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """rustorch.matmul."""
    return _ops["matmul"](input, other, out=out)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """A view of the diagonals of two dimensions, the last two unless told."""
    return _ops["diagonal"](A, offset, dim1, dim2)


@operator("input", "linalg.cross")
def cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """Cross products of vectors of length 3 along dim; both broadcast and must have as many dimensions."""
    if input.ndim != other.ndim:
        raise _C.ShapeMismatchError(
            f"linalg.cross: the inputs must have the same number of dimensions, got {input.ndim} and {other.ndim}"
        )
    return cross_product("linalg.cross", input, other, dim)


def cross_product(name: str, x: Any, y: Any, dim: int) -> Any:
    """Component i is x[i+1] * y[i+2] - x[i+2] * y[i+1], indices modulo 3."""
    if not -x.ndim <= dim < max(x.ndim, 1):
        raise _C.OutOfRangeError(f"{name}: dim {dim} is not among {x.ndim} dimensions")
    if x.shape[dim] != 3 or y.shape[dim] != 3:
        raise _C.ShapeMismatchError(
            f"{name}: dimension {dim} must have length 3 in both, the shapes are {tuple(x.shape)} and {tuple(y.shape)}"
        )
    roll = _ops["roll"]
    return roll(x, -1, dim) * roll(y, -2, dim) - roll(x, -2, dim) * roll(y, -1, dim)


@operator("x")
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """Dot products along dim, the first vector conjugated; both broadcast."""
    if x.ndim == 0 or y.ndim == 0:
        raise _C.TensorError("linalg.vecdot: needs at least 1 dimension")
    if x.shape[dim] != y.shape[dim]:
        raise _C.ShapeMismatchError(f"linalg.vecdot: dimension {dim} differs in {tuple(x.shape)} and {tuple(y.shape)}")
    x = x.conj() if x.dtype.kind == "c" else x
    if dim == -1 and x.dtype.kind in "fc":
        return (x.unsqueeze(-2) @ y.unsqueeze(-1)).squeeze(-1).squeeze(-1)
    dtype = _C.promote_types(x.dtype, y.dtype)
    return (x * y).sum(dim).to(dtype)


def _best_order(sizes: Sequence[int]) -> list[list[int]]:
    """Where to cut each part of a chain of matrices: the textbook's dynamic programme."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i][j] = min(options)
            cut[i][j] = i + options.index(cost[i][j])
    return cut


@operator("tensors")
def multi_dot(tensors: Any) -> Any:
    """The product of two or more matrices in the cheapest order; the first and last may be vectors."""
    tensors = list(tensors)
    if len(tensors) < 2:
        raise _C.TensorError(f"linalg.multi_dot: needs at least 2 tensors, got {len(tensors)}")
    for i, t in enumerate(tensors):
        ends = i in (0, len(tensors) - 1)
        if t.ndim != 2 and not (ends and t.ndim == 1):
            raise _C.TensorError(f"linalg.multi_dot: tensor {i} must be 2-d{' or 1-d' if ends else ''}, has {t.ndim}")
    row, column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    if row:
        tensors[0] = tensors[0].unsqueeze(0)
    if column:
        tensors[-1] = tensors[-1].unsqueeze(1)
    for i in range(len(tensors) - 1):
        if tensors[i].shape[1] != tensors[i + 1].shape[0]:
            raise _C.ShapeMismatchError(
                f"linalg.multi_dot: tensors {i} and {i + 1} do not fit: {tuple(tensors[i].shape)} and"
                f" {tuple(tensors[i + 1].shape)}"
            )
    cut = _best_order([tensors[0].shape[0], *(t.shape[1] for t in tensors)])

    def product(i: int, j: int) -> Any:
        return tensors[i] if i == j else product(i, cut[i][j]) @ product(cut[i][j] + 1, j)

    result = product(0, len(tensors) - 1)
    result = result.squeeze(0) if row else result
    return result.squeeze(-1) if column else result


@operator("input")
def matrix_power(A: Any, n: int) -> Any:
    """A multiplied by itself n times, by squaring; a negative n takes the inverse."""
    matrix("linalg.matrix_power", A, square=True)
    if n == 0:
        return zeros_of(A) + _C.eye(A.shape[-1], dtype=A.dtype)
    if n < 0:
        A, n = _ops["linalg_inv"](inexact("linalg.matrix_power", A), True)[0], -n
    if n == 1:
        return A.clone()
    result, square = None, A
    while True:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if not n:
            return result
        square = square @ square


_DEGREE = 12
_REACH = {"float32": 0.45, "complex64": 0.45, "float64": 0.3, "complex128": 0.3}


@operator()
def matrix_exp(A: Any) -> Any:
    """The exponential of square matrices (..., n, n): Taylor's series of A / 2^s, squared s times, s chosen for
    each matrix from its 1-norm (Higham, Functions of Matrices, 2008, chapter 10)."""
    matrix("linalg.matrix_exp", A, square=True)
    inexact("linalg.matrix_exp", A)
    half = str(A.dtype) in ("float16", "bfloat16")
    if half:
        return matrix_exp(A.to("float32")).to(A.dtype)
    if A.numel() == 0:
        return A.clone()
    sizes = _ops["amax"](A.detach().abs().sum(-2), -1)
    ratio = sizes / _REACH[str(A.dtype)]
    steps = _ops["where"](ratio > 1, ratio, _C.ones_like(ratio)).log2().ceil()
    most = float(_ops["amax"](steps).item())
    if not math.isfinite(most):
        return A * math.nan
    scale = _ops["pow"](2.0 + _C.zeros_like(steps), -steps).unsqueeze(-1).unsqueeze(-1)
    x = A * scale.to(A.dtype)
    result = _taylor(x)
    for k in range(int(most)):
        squared = result @ result
        going = (steps > k).unsqueeze(-1).unsqueeze(-1)
        result = squared if bool(going.all()) else _ops["where"](going, squared, result)
    return result


def _taylor(x: Any) -> Any:
    """Sum of x^k / k! up to degree 12, in blocks of four powers (Paterson and Stockmeyer)."""
    unit = _C.eye(x.shape[-1], dtype=x.dtype)
    powers = [unit, x, x @ x]
    powers.append(powers[2] @ x)
    fourth = powers[2] @ powers[2]
    result = None
    for block in range(_DEGREE // 4, -1, -1):
        degree = 4 * block
        terms = range(1 if block == _DEGREE // 4 else 4)
        part = sum((powers[i] * (1 / math.factorial(degree + i)) for i in terms), 0.0)
        result = part if result is None else result @ fourth + part
    return result


@operator("x")
def vander(x: Any, *, N: int | None = None) -> Any:
    """Rows of powers x^0 ... x^(N-1) of every element of x (..., n); N is n unless given."""
    if N is None and x.ndim == 0:
        raise _C.TensorError("linalg.vander: a 0-d tensor needs N")
    n = x.shape[-1] if N is None else N
    x = x.reshape(1) if x.ndim == 0 else x
    if n <= 1:
        raise _C.TensorError(f"linalg.vander: N must be greater than 1, not {n}")
    if x.dtype.kind == "b" or x.dtype.kind in "iu":
        x = x.to("int64")
    ones = _C.ones((*x.shape, 1), dtype=x.dtype)
    wide = x.unsqueeze(-1).expand((*x.shape, n - 1))
    return _ops["cat"]([ones, _ops["cumprod"](wide, -1)], -1)
