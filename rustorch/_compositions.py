"""Functions made of other functions: joining, splitting, comparing whole tensors, and the like.
Gradients follow from what they call."""

from __future__ import annotations

import itertools
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
_METHODS = {
    "split", "chunk", "unbind", "nonzero", "allclose", "isclose", "equal", "outer", "inner", "dot_",
    "tensor_split", "hsplit", "vsplit", "dsplit", "expand_as", "view_as", "reshape_as", "ravel",
    "take_along_dim", "norm", "square_", "numpy_T", "fliplr", "flipud", "rot90", "logical_any", "diff",
    "aminmax", "median", "sort", "argsort", "topk", "masked_scatter", "bincount", "unique", "nanmean",
    "atleast_1d", "type_as", "cov", "tile", "t",
}  # fmt: skip


def split(x: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces: of one size (the last may be shorter), or of the listed sizes."""
    narrow, length = _ops["narrow"], x.shape[dim]
    if isinstance(split_size_or_sections, (list, tuple)):
        sizes = list(split_size_or_sections)
        if sum(sizes) != length:
            raise ValueError(f"split: sizes {sizes} do not add up to {length}, the length of dimension {dim}")
    else:
        size = int(split_size_or_sections)
        if size <= 0 and length > 0:
            raise ValueError(f"split: the size must be positive, not {size}")
        sizes = [min(size, length - start) for start in range(0, length, size)] if length else [0]
    result, start = [], 0
    for size in sizes:
        result.append(narrow(x, dim, start, size))
        start += size
    return tuple(result)


def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most `chunks` views of equal size along dim (the last may be shorter)."""
    if chunks <= 0:
        raise ValueError(f"chunk: needs a positive number of chunks, not {chunks}")
    length = x.shape[dim]
    return split(x, max(1, -(-length // chunks)), dim)


def tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views cut at indices, or into n pieces as equal as can be."""
    length = x.shape[dim]
    if isinstance(indices_or_sections, int):
        n = indices_or_sections
        if n <= 0:
            raise ValueError(f"tensor_split: needs a positive number of sections, not {n}")
        size, more = divmod(length, n)
        return split(x, [size + 1] * more + [size] * (n - more), dim)
    starts = [0, *(min(max(i + length if i < 0 else i, 0), length) for i in indices_or_sections), length]
    return tuple(_ops["narrow"](x, dim, a, max(b - a, 0)) for a, b in itertools.pairwise(starts))


def hsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """tensor_split along dimension 1 (0 for 1-d tensors)."""
    return tensor_split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """tensor_split along dimension 0."""
    return tensor_split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """tensor_split along dimension 2."""
    return tensor_split(x, indices_or_sections, 2)


def unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of x without dimension dim, one an index."""
    select = _ops["select"]
    return tuple(select(x, dim, i) for i in range(x.shape[dim]))


def atleast_1d(*tensors: Any) -> Any:
    """0-d tensors become 1-d."""
    result = tuple(t.reshape(1) if t.ndim == 0 else t for t in tensors)
    return result[0] if len(tensors) == 1 else result


def atleast_2d(*tensors: Any) -> Any:
    """Tensors of fewer dimensions get leading ones."""
    result = tuple(t.reshape(1, -1) if t.ndim < 2 else t for t in tensors)
    return result[0] if len(tensors) == 1 else result


def hstack(tensors: Any) -> Any:
    """Joins along dimension 1 (0 for 1-d tensors)."""
    parts = [atleast_1d(t) for t in tensors]
    return _ops["cat"](parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Any) -> Any:
    """Joins along dimension 0; 1-d tensors are rows."""
    return _ops["cat"]([atleast_2d(t) for t in tensors], 0)


def dstack(tensors: Any) -> Any:
    """Joins along dimension 2."""
    parts = [atleast_2d(t) for t in tensors]
    return _ops["cat"]([t.unsqueeze(2) if t.ndim == 2 else t for t in parts], 2)


def column_stack(tensors: Any) -> Any:
    """Joins along dimension 1; 1-d tensors are columns."""
    return _ops["cat"]([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors], 1)


def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """Indices of elements that are not zero: (n, ndim) int64, or one 1-d tensor a dimension."""
    found = _ops["nonzero"](x)
    return unbind(found, 1) if as_tuple else found


def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """|x - y| <= atol + rtol * |y|, elementwise; infinities are close to themselves."""
    x, y = _C.as_tensor(x).detach(), _C.as_tensor(y).detach()
    if x.dtype.kind in "iub" and y.dtype.kind in "iub":
        x, y = x.to("float64"), y.to("float64")
    near = (x - y).abs() <= atol + rtol * y.abs()
    near = (near & _ops["isfinite"](y)) | (x == y)
    return near | (_ops["isnan"](x) & _ops["isnan"](y)) if equal_nan else near


def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Is every element close?"""
    return bool(isclose(x, y, rtol, atol, equal_nan).all())


def equal(x: Any, y: Any) -> bool:
    """Same shape and elements?"""
    return tuple(x.shape) == tuple(y.shape) and bool((x == y).all())


def outer(x: Any, y: Any) -> Any:
    """Products of all pairs of two 1-d tensors."""
    if x.ndim != 1 or y.ndim != 1:
        raise _C.ShapeMismatchError(f"outer: needs 1-d tensors, not shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return x.unsqueeze(1) * y


def inner(x: Any, y: Any) -> Any:
    """Sum of products over the last dimensions."""
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return tensordot(x, y, ([-1], [-1]))


def tensordot(x: Any, y: Any, dims: Any = 2) -> Any:
    """Sum of products over the last `dims` of x and first of y, or over the two listed sets."""
    if isinstance(dims, int):
        xs, ys = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        xs, ys = ([d % x.ndim for d in dims[0]], [d % y.ndim for d in dims[1]])
    keep_x = [d for d in range(x.ndim) if d not in xs]
    keep_y = [d for d in range(y.ndim) if d not in ys]
    rows = [x.shape[d] for d in keep_x]
    cols = [y.shape[d] for d in keep_y]
    common = 1
    for a, b in zip(xs, ys, strict=True):
        if x.shape[a] != y.shape[b]:
            raise _C.ShapeMismatchError(f"tensordot: dimension {a} of {tuple(x.shape)} against {b} of {tuple(y.shape)}")
        common *= x.shape[a]
    left = x.permute(*keep_x, *xs).reshape(-1, common)
    right = y.permute(*ys, *keep_y).reshape(common, -1)
    return (left @ right).reshape((*rows, *cols))


def expand_as(x: Any, other: Any) -> Any:
    """expand to other's shape."""
    return x.expand(tuple(other.shape))


def view_as(x: Any, other: Any) -> Any:
    """view with other's shape."""
    return x.view(tuple(other.shape))


def reshape_as(x: Any, other: Any) -> Any:
    """reshape to other's shape."""
    return x.reshape(tuple(other.shape))


def ravel(x: Any) -> Any:
    """One dimension; a view when x is contiguous."""
    return x.reshape(-1)


def t(x: Any) -> Any:
    """Transpose of a matrix; vectors stay."""
    if x.ndim > 2:
        raise _C.TensorError(f"t: needs at most 2 dimensions, the tensor has {x.ndim}")
    return x.transpose(0, 1) if x.ndim == 2 else x


def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    """gather with broadcasting of the other dimensions."""
    if dim is None:
        return _ops["gather"](x.reshape(-1), 0, indices.reshape(-1))
    dim = dim % x.ndim
    shape = list(
        broadcast_shapes(
            [1 if i == dim else n for i, n in enumerate(x.shape)],
            [1 if i == dim else n for i, n in enumerate(indices.shape)],
        )
    )
    xs, ins = list(shape), list(shape)
    xs[dim], ins[dim] = x.shape[dim], indices.shape[dim]
    return _ops["gather"](x.expand(xs), dim, indices.expand(ins))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that all broadcast to."""
    rank = max((len(s) for s in shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for i, n in enumerate(shape, rank - len(shape)):
            if n != 1 and result[i] not in (1, n):
                raise _C.ShapeMismatchError(f"shapes do not broadcast: {' and '.join(str(tuple(s)) for s in shapes)}")
            result[i] = result[i] if n == 1 else n
    return tuple(result)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Views of all in their common shape."""
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Coordinate grids of 1-d tensors; indexing "xy" exchanges the first two dimensions."""
    parts = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', not {indexing!r}")
    if indexing == "xy" and len(parts) > 1:
        parts = (parts[1], parts[0], *parts[2:])
    shape = [p.numel() for p in parts]
    grids = [p.reshape([-1 if i == k else 1 for i in range(len(parts))]).expand(shape) for k, p in enumerate(parts)]
    if indexing == "xy" and len(parts) > 1:
        grids = [g.transpose(0, 1) for g in grids]
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    """Vector norm of order p over dim (all dimensions when None); "fro" is 2."""
    a = x.abs()
    order = 2.0 if p in ("fro", None) else float(p)
    if order == 2.0:
        return (a * a).sum(dim, keepdim).sqrt()
    if order == 1.0:
        return a.sum(dim, keepdim)
    if order == 0.0:
        return (a != 0).to(a.dtype).sum(dim, keepdim)
    if order == float("inf"):
        return _ops["amax"](a, dim, keepdim)
    if order == -float("inf"):
        return _ops["amin"](a, dim, keepdim)
    return a.pow(order).sum(dim, keepdim).pow(1.0 / order)


def fliplr(x: Any) -> Any:
    """Columns in reverse."""
    return x.flip(1)


def flipud(x: Any) -> Any:
    """Rows in reverse."""
    return x.flip(0)


def rot90(x: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Rotated k times by 90 degrees in the plane of dims."""
    a, b = dims
    k %= 4
    if k == 0:
        return x.clone()
    if k == 2:
        return x.flip(a, b)
    return x.flip(b).transpose(a, b) if k == 1 else x.transpose(a, b).flip(b)


def diff(x: Any, n: int = 1, dim: int = -1) -> Any:
    """Differences of neighbours along dim, n times."""
    for _ in range(n):
        length = x.shape[dim]
        a, b = _ops["narrow"](x, dim, 1, max(length - 1, 0)), _ops["narrow"](x, dim, 0, max(length - 1, 0))
        x = a != b if x.dtype.kind == "b" else a - b
    return x


def is_tensor(x: Any) -> bool:
    """Is x a Tensor?"""
    return isinstance(x, _C.Tensor)


def is_floating_point(x: Any) -> bool:
    """Is x's dtype a floating one?"""
    return bool(x.is_floating_point())


def numel(x: Any) -> int:
    """Number of elements."""
    return int(x.numel())


def from_torch(x: Any) -> Any:
    """A Tensor on the memory of a PyTorch tensor (detached)."""
    x = x.detach() if x.requires_grad else x
    return _C.from_dlpack(x.resolve_conj().resolve_neg() if x.is_conj() or x.is_neg() else x)


def create_tensor(data: Any, shape: Any = None, dtype: Any = None) -> Any:
    """A tensor of data, a flat or nested sequence, in the given shape; TensorError when sizes differ."""
    made = _C.tensor(data, dtype=dtype)
    if made.dtype.kind in "iub" and dtype is None:
        made = made.to(_C.get_default_dtype())
    return made if shape is None else made.reshape(shape)


def create_variable(data: Any, requires_grad: bool = False) -> Any:
    """A floating tensor of data that may require grad."""
    return create_tensor(data).requires_grad_(requires_grad)


def public() -> dict[str, Any]:
    """All functions of this file."""
    skip = {"public", "methods"}
    return {
        n: f for n, f in globals().items() if callable(f) and getattr(f, "__module__", "") == __name__ and n not in skip
    }


def methods() -> dict[str, Any]:
    """Those that are methods of Tensor, too."""
    return {n: globals()[n] for n in _METHODS if n in globals()}
