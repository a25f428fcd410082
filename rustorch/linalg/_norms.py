"""Norms and condition numbers."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from ._results import inexact, matrix, operator, zeros_of

_ops: dict[str, Any] = _C.ops


def _computed(name: str, x: Any, dtype: Any) -> Any:
    inexact(name, x)
    if dtype is None:
        return x
    wanted = _C.dtype(dtype)
    if (wanted.kind == "c") != (x.dtype.kind == "c") or (wanted.kind not in "fc" and str(wanted) != "bfloat16"):
        raise _C.DtypeError(f"{name}: dtype {wanted} is not of the kind of the input's, {x.dtype}")
    if _C.promote_types(x.dtype, wanted) != wanted:
        raise _C.DtypeError(f"{name}: dtype {wanted} is narrower than the input's, {x.dtype}")
    return x.to(wanted)


def _dims(name: str, dim: Any, ndim: int) -> Any:
    if dim is None:
        return None
    listed = [dim] if isinstance(dim, int) else list(dim)
    for d in listed:
        if not -max(ndim, 1) <= d < max(ndim, 1):
            raise _C.OutOfRangeError(f"{name}: dim {d} is not among {ndim} dimensions")
    return tuple(d % max(ndim, 1) for d in listed)


def _vector(name: str, x: Any, order: float, dims: Any, keepdim: bool) -> Any:
    if dims == ():
        dims = None
    if x.ndim == 0:  # as one element
        return _vector(name, x.reshape(1), order, None, False)
    if order == 2.0:
        return _ops["norm2"](x, dims, keepdim)
    size = x.abs()
    if order == 0.0:
        return _ops["masked_fill"](zeros_of(size), size.detach() != 0, 1).sum(dims, keepdim)
    if math.isinf(order):
        lengths = x.shape if dims is None else [x.shape[d] for d in dims]
        if 0 in tuple(lengths):
            if order < 0 or (dims is None and x.ndim == 0):
                raise _C.TensorError(f"{name}: order {order} of no elements has no value")
            return size.sum(dims, keepdim)
        return _ops["amax" if order > 0 else "amin"](size, dims, keepdim)
    if order == 1.0:
        return size.sum(dims, keepdim)
    if order < 0:
        lengths = x.shape if dims is None else [x.shape[d] for d in dims]
        if 0 in tuple(lengths):
            raise _C.TensorError(f"{name}: order {order} of no elements has no value")
    if str(x.dtype) in ("float16", "bfloat16"):  # whose powers overflow
        return _power(size.to("float32"), order, dims, keepdim).to(x.dtype)
    return _power(size, order, dims, keepdim)


def _power_sum(size: Any, order: float, dims: Any, keepdim: bool) -> Any:
    return size.pow(order).sum(dims, keepdim).pow(1.0 / order)


def _power(size: Any, order: float, dims: Any, keepdim: bool) -> Any:
    """sum(size^p)^(1/p), whose gradient is 0 where the norm is."""
    if not (_C.is_grad_enabled() and size.requires_grad):
        return _power_sum(size, order, dims, keepdim)
    where = _ops["where"]
    zero = size.detach() == 0
    if order < 0:  # an element of 0 makes the norm 0
        none = zero.any(dims, True)
        value = _power_sum(where(none, _C.ones_like(size), size), order, dims, True)
        value = where(none, _C.zeros_like(value), value)
        return value if keepdim else value.squeeze(dims) if dims is not None else value.reshape(())
    powers = where(zero, _C.zeros_like(size), where(zero, _C.ones_like(size), size).pow(order))
    total = powers.sum(dims, keepdim)
    empty = total.detach() == 0
    return where(empty, _C.zeros_like(total), where(empty, _C.ones_like(total), total).pow(1.0 / order))


@operator("x")
def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """sum(|x|^ord)^(1/ord) over dim (all dimensions: None); ord inf and -inf are the extremes of |x|, 0 counts."""
    name = "linalg.vector_norm"
    x = _computed(name, x, dtype)
    return _vector(name, x, float(ord), _dims(name, dim, x.ndim), keepdim)


def _singular(x: Any, dims: Any) -> Any:
    moved = _ops["movedim"](x, dims, (x.ndim - 2, x.ndim - 1))
    half = str(x.dtype) in ("float16", "bfloat16")
    wants = _C.is_grad_enabled() and x.requires_grad
    return _ops["linalg_svd"](moved.to("float32") if half else moved, False, wants)[1]


@operator()
def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Norm of the matrices in two dimensions: "fro", "nuc" (sum of singular values), inf and -inf (extreme
    row sums of |A|), 1 and -1 (column sums), 2 and -2 (extreme singular values)."""
    name = "linalg.matrix_norm"
    matrix(name, A)
    A = _computed(name, A, dtype)
    dims = _dims(name, dim, A.ndim)
    if len(dims) != 2 or dims[0] == dims[1]:
        raise _C.TensorError(f"{name}: dim must be two different dimensions, not {dim}")
    if ord == "fro":
        return _vector(name, A, 2.0, dims, keepdim)
    if ord == "nuc" or ord in (2, -2):
        s = _singular(A, dims)
        if ord != "nuc" and s.shape[-1] == 0:
            raise _C.TensorError(f"{name}: order {ord} of matrices of shape {tuple(A.shape)} has no value")
        result = s.sum(-1) if ord == "nuc" else _ops["amax" if ord == 2 else "amin"](s, -1)
        result = result.to(A.dtype) if A.dtype.kind != "c" else result
        for d in sorted(dims) if keepdim else ():
            result = result.unsqueeze(d)
        return result
    if ord in (1, -1, math.inf, -math.inf):
        down, across = dims if abs(ord) == 1 else dims[::-1]
        sums = A.abs().sum(down, True)
        if A.shape[across] == 0 and ord < 0:
            raise _C.TensorError(f"{name}: order {ord} of matrices of shape {tuple(A.shape)} has no value")
        if A.shape[across] == 0:
            result = sums.sum(across, True)
        else:
            result = _ops["amax" if ord > 0 else "amin"](sums, across, True)
        return result if keepdim else result.squeeze(dims)
    raise ValueError(f"{name}: order {ord!r} is not one of 'fro', 'nuc', inf, -inf, 1, -1, 2, -2")


@operator()
def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """vector_norm or matrix_norm: of a matrix when dim is two dimensions, or is None for a 2-d tensor and ord is
    given; of the flattened tensor when ord and dim are None."""
    name = "linalg.norm"
    if ord is dim is dtype is None and isinstance(A, _C.Tensor) and A.ndim and A.dtype.kind == "f":
        return _ops["norm2"](A, None, keepdim)  # the usual call
    if ord is not None and (dim is not None or isinstance(ord, str)):
        listed = dim is not None and not isinstance(dim, int) and len(tuple(dim)) == 2
        if isinstance(ord, str) and not (listed or (dim is None and A.ndim == 2)):
            raise RuntimeError(f"{name}: order {ord!r} needs a matrix: two dimensions in dim, or a 2-d tensor")
        if listed or dim is None:
            return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
        return vector_norm(A, ord, dim, keepdim, dtype=dtype)
    if ord is not None:
        if A.ndim == 2:
            return matrix_norm(A, ord, (0, 1), keepdim, dtype=dtype)
        if A.ndim > 2:
            raise RuntimeError(
                f"{name}: with ord={ord} and dim=None the input must be 1-d or 2-d, it has {A.ndim} dimensions"
            )
        return vector_norm(A, ord, None, keepdim, dtype=dtype)
    return vector_norm(A, 2, dim, keepdim, dtype=dtype)


@operator()
def cond(A: Any, p: Any = None) -> Any:
    """Condition numbers of matrices: ratio of the extreme singular values (p None, 2; -2: its inverse), or
    norm(A, p) * norm(inv(A), p) for "fro", "nuc", 1, -1, inf, -inf, which is inf for singular A."""
    name = "linalg.cond"
    matrix(name, A)
    inexact(name, A)
    if p is None or p in (2, -2):
        wants = _C.is_grad_enabled() and A.requires_grad
        if A.shape[-1] == 0 or A.shape[-2] == 0:
            raise _C.TensorError(f"{name}: matrices of shape {tuple(A.shape)} have no singular values")
        s = _ops["linalg_svd"](A, False, wants)[1]
        first, last = s.select(-1, 0), s.select(-1, s.shape[-1] - 1)
        return last / first if p == -2 else first / last
    matrix(name, A, square=True)
    inverse, info = _ops["linalg_inv"](A, False)
    result = matrix_norm(A, p) * matrix_norm(inverse, p)
    singular = info != 0
    if bool(singular.any()):
        return _ops["where"](singular, _C.full_like(result, math.inf), result)
    return result


# a call with the tensor alone is the row's
norm, vector_norm = (_C._overload(_ops["norm2"], _C._guard(f)) for f in (norm, vector_norm))
