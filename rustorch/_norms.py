"""Norms of vectors and distances between them: sums of powers over the rows of the op table.  Where a norm is 0
its gradient is 0 (a subgradient), not NaN."""

from __future__ import annotations

import math
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
_METHODS = {"norm", "renorm", "dist"}


def p_norm(x: Any, p: float, dim: Any = None, keepdim: bool = False) -> Any:
    """sum(|x|^p)^(1/p) over dim (all dimensions: None); 0 counts, inf and -inf are the extremes."""
    if p == 2:
        return _ops["norm2"](x, dim, keepdim)
    size = _ops["abs"](x)
    if p == 1:
        return _ops["sum"](size, dim, keepdim)
    if p == 0:  # the product with 0 keeps the result in the graph, with a gradient of 0
        return _ops["sum"](_ops["where"](size != 0, 1, size * 0), dim, keepdim)
    if math.isinf(p):
        if x.numel() == 0 and p > 0:
            return _ops["sum"](size, dim, keepdim)
        return _ops["amax" if p > 0 else "amin"](size, dim, keepdim)
    if str(x.dtype) in ("float16", "bfloat16"):  # whose powers overflow
        return _power_norm(size.to("float32"), p, dim, keepdim).to(x.dtype)
    return _power_norm(size, p, dim, keepdim)


def _power_norm(size: Any, p: float, dim: Any, keepdim: bool) -> Any:
    where = _ops["where"]
    zero = size.detach() == 0
    safe = where(zero, 1, size)
    if p < 0:  # an element of 0 makes the sum infinite and the norm 0
        total = _ops["sum"](_ops["pow"](safe, p), dim, keepdim)
        return where(_ops["any"](zero, dim, keepdim), 0, _ops["pow"](total, 1.0 / p))
    total = _ops["sum"](where(zero, 0, _ops["pow"](safe, p)), dim, keepdim)
    nothing = total.detach() == 0
    return where(nothing, 0, _ops["pow"](where(nothing, 1, total), 1.0 / p))


def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Any:
    """Norm of order p over dim (all dimensions: None).

    Args:
        input: floating or complex.
        p: a number (inf and -inf too), "fro" (which is 2), or "nuc", the sum of the singular values of the
            matrices in two dimensions.
        dtype: convert to it first.

    Raises:
        RuntimeError: input is neither floating nor complex, or p is not an order.
    """
    if dtype is not None:
        input = input.to(dtype)
    if input.dtype.kind in "iub":
        raise _C.DtypeError(f"norm: input must be floating or complex, not {input.dtype}")
    if p == "nuc":
        from . import linalg

        dims = dim if dim is not None else (0, 1)
        if dim is None and input.ndim != 2:
            raise _C.TensorError(f"norm: the nuclear norm without dim needs a matrix, not {input.ndim} dimensions")
        result = linalg.matrix_norm(input, "nuc", tuple(dims), keepdim)
    elif p in ("fro", None):
        result = p_norm(input, 2, dim, keepdim)
    elif isinstance(p, str):
        raise _C.TensorError(f"norm: {p!r} is not an order; use a number, 'fro' or 'nuc'")
    else:
        result = p_norm(input, float(p), dim, keepdim)
    return result if out is None else _ops["copy"](result, out=out)


def renorm(input: Any, p: float, dim: int, maxnorm: float, *, out: Any = None) -> Any:
    """Slices along dim whose p-norm is above maxnorm, scaled down to it."""
    if p <= 0:
        raise _C.TensorError(f"renorm: p must be positive, not {p}")
    if maxnorm < 0:
        raise _C.TensorError(f"renorm: maxnorm must not be negative, it is {maxnorm}")
    if input.ndim < 2:
        raise _C.TensorError(f"renorm: needs 2 dimensions or more, the input has shape {tuple(input.shape)}")
    if not -input.ndim <= dim < input.ndim:
        raise _C.OutOfRangeError(f"renorm: dimension {dim} is out of range for a tensor of {input.ndim} dimensions")
    size = p_norm(input, float(p), [d for d in range(input.ndim) if d != dim % input.ndim], True)
    factor = _ops["where"](size > maxnorm, maxnorm / (size + 1e-7), 1)
    return _ops["mul"](input, factor, out=out)


def renorm_(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """renorm in place."""
    return renorm(input, p, dim, maxnorm, out=input)


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of input - other."""
    return p_norm(input - other, float(p))


def cdist(
    x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> Any:
    """p-norms of the differences of all pairs of rows.

    Args:
        x1: (..., P, M).
        x2: (..., R, M), leading dimensions broadcasting with x1's.
        compute_mode: may the Euclidean distance go through a matrix product (quicker, less exact for close
            rows): "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", or from more than 25 rows on.

    Returns:
        (..., P, R).
    """
    modes = {None: None, "use_mm_for_euclid_dist_if_necessary": None, "use_mm_for_euclid_dist": True}
    if compute_mode not in modes and compute_mode != "donot_use_mm_for_euclid_dist":
        raise ValueError(f"cdist: {compute_mode!r} is not a compute_mode")
    for name, x in (("x1", x1), ("x2", x2)):
        if x.ndim < 2:
            raise _C.TensorError(f"cdist: {name} needs 2 dimensions or more, its shape is {tuple(x.shape)}")
        if x.dtype.kind in "iubc":
            raise _C.DtypeError(f"cdist: {name} must be floating, not {x.dtype}")
    if x1.shape[-1] != x2.shape[-1]:
        raise _C.ShapeMismatchError(f"cdist: rows of different lengths: {tuple(x1.shape)} and {tuple(x2.shape)}")
    if p < 0:
        raise _C.TensorError(f"cdist: p must not be negative, it is {p}")
    product = modes.get(compute_mode, False)
    if product is None:
        product = x1.shape[-2] > 25 or x2.shape[-2] > 25
    if p == 2 and product and 0 not in (x1.shape[-1], x2.shape[-2]):
        return _euclidean(x1, x2)
    return p_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), float(p), -1)


def _euclidean(x1: Any, x2: Any) -> Any:
    """sqrt(|a|^2 + |b|^2 - 2 a.b), rows moved to a common centre first."""
    where = _ops["where"]
    centre = _ops["mean"](x2.detach(), -2, True)
    a, b = x1 - centre, x2 - centre
    square = (a * a).sum(-1, True) + (b * b).sum(-1).unsqueeze(-2) - 2 * (a @ b.transpose(-1, -2))
    zero = square.detach() <= 0
    return where(zero, 0, _ops["sqrt"](where(zero, 1, square)))


def pdist(input: Any, p: float = 2.0) -> Any:
    """p-norms of the differences of rows i < j of a matrix (n, m), in the order (0,1), (0,2) ...: n(n-1)/2 of them."""
    if input.ndim != 2:
        raise _C.TensorError(f"pdist: needs a matrix, not shape {tuple(input.shape)}")
    if input.dtype.kind in "iubc":
        raise _C.DtypeError(f"pdist: input must be floating, not {input.dtype}")
    if p < 0:
        raise _C.TensorError(f"pdist: p must not be negative, it is {p}")
    n = input.shape[0]
    pairs = _ops["nonzero"](_ops["triu"](_C.ones((n, n), dtype="bool"), 1))
    left, right = (_ops["index_select"](input, 0, _ops["select"](pairs, 1, k)) for k in (0, 1))
    return p_norm(left - right, float(p), -1)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """|x1 - x2 + eps|_p along the last dimension."""
    return p_norm(x1 - x2 + eps, float(p), -1, keepdim)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1.x2 / (max(|x1|, eps) max(|x2|, eps)) along dim; x1 and x2 broadcast."""
    x1, x2 = _C.as_tensor(x1), _C.as_tensor(x2)
    if x1.dtype != x2.dtype:
        dtype = _C.promote_types(x1.dtype, x2.dtype)
        x1, x2 = x1.to(dtype), x2.to(dtype)
    if x1.dtype.kind in "iub":
        raise _C.DtypeError(f"cosine_similarity: x1 and x2 must be floating, not {x1.dtype}")
    if tuple(x1.shape) != tuple(x2.shape):
        shape = _ops["add"](x1.detach(), x2.detach()).shape
        x1, x2 = x1.expand(tuple(shape)), x2.expand(tuple(shape))
    size1, size2 = (_ops["maximum"](p_norm(x, 2, dim, True), eps) for x in (x1, x2))
    return _ops["sum"]((x1 / size1) * (x2 / size2), dim)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """input / max(|input|_p, eps) along dim."""
    return _ops["div"](input, _ops["maximum"](p_norm(input, float(p), dim, True), eps), out=out)


_NORM = _C._overload(_ops["norm2"], _C._guard(norm))  # a call with the tensor alone is the row's


def public() -> dict[str, Any]:
    """What `rustorch` shows of this file."""
    return {"norm": _NORM} | {f.__name__: f for f in (renorm, dist, cdist, pdist, pairwise_distance, cosine_similarity)}


def methods() -> dict[str, Any]:
    """Those that are methods of Tensor, too."""
    return {n: globals()[n] for n in _METHODS} | {"norm": _NORM, "renorm_": renorm_}
