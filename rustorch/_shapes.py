"""Functions that show, cut, join, repeat or place elements: combinations of the table's rows.
Gradients follow from what they call.  Shapes in docstrings are written as tuples."""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
_METHODS = {
    "adjoint", "argwhere", "as_strided_scatter", "broadcast_to", "chunk", "diagflat", "diagonal_scatter",
    "dsplit", "expand_as", "fliplr", "flipud", "hsplit", "index_put", "index_reduce", "kron", "masked_scatter",
    "narrow_copy", "nonzero", "nonzero_static", "put", "ravel", "repeat_interleave", "reshape_as", "resolve_conj",
    "resolve_neg", "rot90", "scatter", "select_scatter", "slice_scatter", "split_with_sizes", "t", "take_along_dim",
    "tensor_split", "unbind", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "view_as", "vsplit",
}  # fmt: skip


def into(name: str, result: Any, out: Any) -> Any:
    """`result`, or `out` holding it: an empty `out` is resized, another must have the shape."""
    if out is None:
        return result
    if not isinstance(out, _C.Tensor):
        raise TypeError(f"{name}: 'out=' must be a Tensor, not {type(out).__name__}")
    if tuple(out.shape) != tuple(result.shape):
        if out.numel():
            raise _C.ShapeMismatchError(
                f"{name}: the output has the wrong shape (needed, given): {tuple(result.shape)} and {tuple(out.shape)}"
            )
        out.resize_(tuple(result.shape))
    if _kind(result) > _kind(out):
        raise _C.DtypeError(f"{name}: a result of dtype {result.dtype} cannot be written into one of {out.dtype}")
    return _ops["copy"](result, out=out)


def _kind(x: Any) -> int:
    return 3 if x.is_complex() else 2 if x.is_floating_point() else 0 if x.dtype.kind == "b" else 1


def _wrap(name: str, dim: Any, ndim: int) -> int:
    """dim counted from the front."""
    most = max(ndim, 1)
    if not -most <= dim < most:
        raise _C.OutOfRangeError(
            f"{name}: dimension {dim} is out of range for {ndim} dimensions ({-most} to {most - 1})"
        )
    return int(dim) % most


def _length(name: str, x: Any, dim: int) -> tuple[int, int]:
    """The wrapped dimension and its length."""
    if x.ndim == 0:
        raise _C.OutOfRangeError(f"{name}: needs at least one dimension")
    dim = _wrap(name, dim, x.ndim)
    return dim, x.shape[dim]


# ---- cutting ----


def _cut(x: Any, dim: int, sizes: Sequence[int]) -> tuple[Any, ...]:
    narrow = _ops["narrow"]
    result, start = [], 0
    for size in sizes:
        result.append(narrow(x, dim, start, size))
        start += size
    return tuple(result)


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces along dim: of one size (the last may be shorter), or of the listed sizes.

    ValueError when listed sizes do not add up to the length, or the one size is not positive."""
    if not hasattr(split_size_or_sections, "__index__"):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    dim, length = _length("split", tensor, dim)
    size = int(split_size_or_sections)
    if size < 0 or (size == 0 and length > 0):
        raise _C.TensorError(f"split: the size must be positive, not {size}")
    return _cut(tensor, dim, [min(size, length - start) for start in range(0, length, size)] if length else [0])


def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces of the listed sizes, which must add up to the length of dim."""
    dim, length = _length("split", input, dim)
    sizes = [int(size) for size in split_sizes]
    if sum(sizes) != length or min(sizes, default=0) < 0:
        raise _C.TensorError(f"split: sizes {sizes} do not add up to {length}, the length of dimension {dim}")
    return _cut(input, dim, sizes)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most `chunks` views of equal size along dim (the last may be shorter)."""
    if chunks <= 0:
        raise _C.TensorError(f"chunk: needs a positive number of chunks, not {chunks}")
    dim, length = _length("chunk", input, dim)
    if length == 0:
        return _cut(input, dim, [0] * chunks)
    return split(input, -(-length // chunks), dim)


def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, **kw: Any) -> tuple[Any, ...]:
    """Views cut at indices (a sequence or 1-d int64 tensor), or into n pieces as equal as can be.

    Also by PyTorch's keywords `indices` and `sections`."""
    given = indices_or_sections
    for word in ("indices", "sections", "tensor_indices_or_sections"):
        given = kw.pop(word, given)
    if kw or given is None:
        raise TypeError("tensor_split: takes a tensor, then indices or a number of sections, and dim")
    dim, length = _length("tensor_split", input, dim)
    if isinstance(given, _C.Tensor):
        if given.dtype.kind not in "iu" or given.ndim > 1:
            raise _C.TensorError("tensor_split: indices must be an integer tensor of at most one dimension")
        given = given.tolist()
    if isinstance(given, int):
        if given <= 0:
            raise _C.TensorError(f"tensor_split: needs a positive number of sections, not {given}")
        size, more = divmod(length, given)
        return _cut(input, dim, [size + 1] * more + [size] * (given - more))
    marks = [min(max(i + length if i < 0 else i, 0), length) for i in given]
    narrow = _ops["narrow"]
    return tuple(narrow(input, dim, a, max(b - a, 0)) for a, b in zip([0, *marks], [*marks, length], strict=True))


def _split_along(name: str, least: int, dim: Callable[[int], int]) -> Callable[..., Any]:
    def function(input: Any, indices_or_sections: Any = None, **kw: Any) -> tuple[Any, ...]:
        if input.ndim < least:
            raise _C.TensorError(f"{name}: needs at least {least} dimensions, the tensor has {input.ndim}")
        along = dim(input.ndim)
        sections = kw.get("sections", indices_or_sections)
        if isinstance(sections, int) and (sections <= 0 or input.shape[along] % sections):
            raise _C.TensorError(
                f"{name}: dimension {along} of length {input.shape[along]} does not divide into {sections} sections"
            )
        return tensor_split(input, indices_or_sections, along, **kw)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    return function


hsplit = _split_along("hsplit", 1, lambda ndim: 0 if ndim == 1 else 1)
hsplit.__doc__ = "tensor_split along dimension 1 (0 for 1-d tensors) into equal sections or at indices."
vsplit = _split_along("vsplit", 2, lambda ndim: 0)
vsplit.__doc__ = "tensor_split along dimension 0 into equal sections or at indices."
dsplit = _split_along("dsplit", 3, lambda ndim: 2)
dsplit.__doc__ = "tensor_split along dimension 2 into equal sections or at indices."


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of input without dimension dim, one an index."""
    dim, length = _length("unbind", input, dim)
    select = _ops["select"]
    return tuple(select(input, dim, i) for i in range(length))


def slice(input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    """View of every step-th element of dim from start to before end, both clipped to the length."""
    dim, length = _length("slice", input, dim)
    if step <= 0:
        raise _C.TensorError(f"slice: the step must be positive, not {step}")
    first, last, _ = _slice(start, end, step).indices(length)
    return _ops["slice"](input, dim, first, step, max(0, -(-(last - first) // step)))


_slice = builtins.slice


# ---- at least so many dimensions, joining ----


def _many(name: str, one: Callable[[Any], Any], tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(one(t) for t in tensors[0])
    return one(tensors[0]) if len(tensors) == 1 else tuple(one(t) for t in tensors)


def _one(x: Any) -> Any:
    return x.reshape(1) if x.ndim == 0 else x


def _two(x: Any) -> Any:
    return x.reshape(1, 1) if x.ndim == 0 else x.unsqueeze(0) if x.ndim == 1 else x


def _three(x: Any) -> Any:
    x = _two(x) if x.ndim < 2 else x
    return x.unsqueeze(2) if x.ndim == 2 else x


def atleast_1d(*tensors: Any) -> Any:
    """0-d tensors become 1-d; of several tensors, or a sequence of them, a tuple."""
    return _many("atleast_1d", _one, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Tensors of fewer dimensions get leading ones; of several tensors, or a sequence, a tuple."""
    return _many("atleast_2d", _two, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Shapes () become (1, 1, 1), (n) (1, n, 1), (m, n) (m, n, 1); of several, or a sequence, a tuple."""
    return _many("atleast_3d", _three, tensors)


def _parts(name: str, tensors: Any) -> list[Any]:
    """The tensors of a sequence; a tensor is none, however many rows it has."""
    if isinstance(tensors, _C.Tensor) or not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: tensors must be a sequence of Tensors, not {type(tensors).__name__}")
    parts = list(tensors)
    for number, part in enumerate(parts):
        if not isinstance(part, _C.Tensor):
            raise TypeError(f"{name}: element {number} of tensors must be a Tensor, not {type(part).__name__}")
    return parts


def hstack(tensors: Any, *, out: Any = None) -> Any:
    """Joins along dimension 1 (0 for 1-d tensors)."""
    parts = [_one(t) for t in _parts("hstack", tensors)]
    return _ops["cat"](parts, 0 if parts and parts[0].ndim == 1 else 1, out=out)


def vstack(tensors: Any, *, out: Any = None) -> Any:
    """Joins along dimension 0; 1-d tensors are rows."""
    return _ops["cat"]([_two(t) for t in _parts("vstack", tensors)], 0, out=out)


row_stack = vstack


def dstack(tensors: Any, *, out: Any = None) -> Any:
    """Joins along dimension 2."""
    return _ops["cat"]([_three(t) for t in _parts("dstack", tensors)], 2, out=out)


def column_stack(tensors: Any, *, out: Any = None) -> Any:
    """Joins along dimension 1; 1-d tensors are columns."""
    parts = _parts("column_stack", tensors)
    return _ops["cat"]([t.reshape(-1, 1) if t.ndim < 2 else t for t in parts], 1, out=out)


def block_diag(*tensors: Any) -> Any:
    """Matrix with the tensors (of at most 2 dimensions; fewer are rows) along its diagonal, zeros elsewhere."""
    if not tensors:
        return _C.empty(1, 0)
    if any(t.ndim > 2 for t in _parts("block_diag", tensors)):
        raise _C.TensorError(f"block_diag: needs at most 2 dimensions, shapes {[tuple(t.shape) for t in tensors]}")
    blocks = [_two(t) for t in tensors]
    width, at, rows = sum(b.shape[1] for b in blocks), 0, []
    for b in blocks:
        n = b.shape[1]
        rows.append(_ops["pad"](b, [at, width - at - n]))
        at += n
    return _ops["cat"](rows, 0)


# ---- shapes of several tensors ----


def broadcast_shapes(*shapes: Any) -> _C.Size:
    """The shape that all broadcast to; each a sequence of lengths or one length."""
    sizes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    rank = max((len(s) for s in sizes), default=0)
    result = [1] * rank
    for size in sizes:
        for i, n in enumerate(size, rank - len(size)):
            if n < 0:
                raise _C.TensorError(f"broadcast_shapes: negative length {n} in shape {size}")
            if n != 1 and result[i] not in (1, n):
                raise _C.ShapeMismatchError(
                    f"broadcast_shapes: shapes do not broadcast: {' and '.join(str(s) for s in sizes)}"
                )
            result[i] = result[i] if n == 1 else n
    return _C.Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Views of all in their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


def broadcast_to(input: Any, size: Any = None, *sizes: int, shape: Any = None) -> Any:
    """View of input expanded to a shape, given as a sequence or as single lengths."""
    lengths = (size, *sizes) if isinstance(size, int) else size if size is not None else shape
    return _ops["broadcast_to"](input, lengths)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """Coordinate grids of tensors of at most one dimension; indexing "xy" exchanges the first two dimensions."""
    parts = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors)
    if indexing not in (None, "ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', not {indexing!r}")
    if not parts:
        raise _C.TensorError("meshgrid: needs at least one tensor")
    for p in parts:
        if p.ndim > 1:
            raise _C.TensorError(f"meshgrid: needs tensors of at most one dimension, not of shape {tuple(p.shape)}")
        if p.dtype != parts[0].dtype:
            raise _C.DtypeError(f"meshgrid: needs tensors of one dtype, not {parts[0].dtype} and {p.dtype}")
    swap = indexing == "xy" and len(parts) > 1
    place = [1, 0, *range(2, len(parts))] if swap else list(range(len(parts)))
    shape = [0] * len(parts)
    for k, p in zip(place, parts, strict=True):
        shape[k] = p.numel()
    return tuple(
        p.reshape([-1 if i == k else 1 for i in range(len(parts))]).expand(shape)
        for k, p in zip(place, parts, strict=True)
    )


def cartesian_prod(*tensors: Any) -> Any:
    """All tuples of one element of each 1-d tensor, as rows in lexicographic order: (n1 n2 ..., k)."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if any(t.ndim != 1 for t in tensors):
        raise _C.TensorError(f"cartesian_prod: needs 1-d tensors, not shapes {[tuple(t.shape) for t in tensors]}")
    if len(tensors) == 1:
        return tensors[0]
    return _ops["stack"]([g.reshape(-1) for g in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a 1-d tensor, in the order of their positions: (count, r)."""
    if input.ndim != 1:
        raise _C.TensorError(f"combinations: needs a 1-d tensor, not shape {tuple(input.shape)}")
    if r < 0:
        raise _C.TensorError(f"combinations: r must not be negative, it is {r}")
    if r == 0:
        return _C.empty(0, dtype=input.dtype)
    places = meshgrid(*([_C.arange(input.numel())] * r), indexing="ij")
    kept = _C.full([input.numel()] * r, True, dtype="bool")
    for a, b in itertools.pairwise(places):
        kept = kept & (a <= b if with_replacement else a < b)
    index = _ops["stack"]([_ops["masked_select"](p, kept) for p in places], 1)
    return _ops["index"](input, index, [0], 0)


# ---- one tensor's shape ----


def expand_as(input: Any, other: Any) -> Any:
    """expand to other's shape."""
    return input.expand(tuple(other.shape))


def view_as(input: Any, other: Any) -> Any:
    """view with other's shape."""
    return input.view(tuple(other.shape))


def reshape_as(input: Any, other: Any) -> Any:
    """reshape to other's shape."""
    return input.reshape(tuple(other.shape))


def ravel(input: Any) -> Any:
    """One dimension; a view when input is contiguous."""
    return input.reshape(-1)


ravel = _C._overload(_ops["flatten"], ravel)


def t(input: Any) -> Any:
    """Transpose of a matrix; tensors of fewer dimensions stay."""
    if input.ndim > 2:
        raise _C.TensorError(f"t: needs at most 2 dimensions, the tensor has {input.ndim}")
    return _ops["transpose"](input, 0, 1 if input.ndim == 2 else 0)


def adjoint(input: Any) -> Any:
    """Conjugate transpose of the last two dimensions."""
    if input.ndim == 1:
        raise _C.TensorError("adjoint: needs at least 2 dimensions, the tensor has 1")
    turned = _ops["transpose"](input, -2, -1) if input.ndim else input
    return turned.conj() if input.is_complex() else turned


def resolve_conj(input: Any) -> Any:
    """Itself: conj() is computed at once here."""
    return input


def resolve_neg(input: Any) -> Any:
    """Itself: negation is computed at once here."""
    return input


def sum_to_size(input: Any, *sizes: Any, size: Any = None) -> Any:
    """Sum over the dimensions that broadcasting `size` to input's shape would have repeated."""
    size = sizes if size is None else (size,)
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)
    have, lead = tuple(input.shape), input.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, have[lead:], strict=True)):
        raise _C.ShapeMismatchError(f"sum_to_size: {shape} does not broadcast to the tensor's shape {have}")
    if not shape:
        return input.sum()
    dims = [*range(lead), *(i for i in range(lead, len(have)) if shape[i - lead] == 1 and have[i] != 1)]
    if not dims:
        return input
    return input.sum(dims, True).reshape(shape)


def fliplr(input: Any) -> Any:
    """Columns in reverse."""
    if input.ndim < 2:
        raise _C.TensorError(f"fliplr: needs at least 2 dimensions, the tensor has {input.ndim}")
    return _ops["flip"](input, 1)


def flipud(input: Any) -> Any:
    """Rows in reverse."""
    if input.ndim < 1:
        raise _C.TensorError("flipud: needs at least 1 dimension")
    return _ops["flip"](input, 0)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Rotated k times by 90 degrees in the plane of dims, from the first towards the second."""
    if len(dims) != 2 or input.ndim < 2:
        raise _C.TensorError(f"rot90: needs 2 of at least 2 dimensions, got dims {tuple(dims)} of {input.ndim}")
    a, b = (_wrap("rot90", d, input.ndim) for d in dims)
    if a == b:
        raise _C.TensorError(f"rot90: the two dimensions must differ, both are {a}")
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return _ops["flip"](input, [a, b])
    return _ops["flip"](input, b).transpose(a, b) if k == 1 else _ops["flip"](input, a).transpose(a, b)


def kron(input: Any, other: Any, *, out: Any = None) -> Any:
    """Kronecker product: each element of input times all of other, in blocks of other's shape."""
    rank = max(input.ndim, other.ndim)
    a, b = ((1,) * (rank - x.ndim) + tuple(x.shape) for x in (input, other))
    left = input.reshape([n for length in a for n in (length, 1)])
    right = other.reshape([n for length in b for n in (1, length)])
    if rank and a[-1] > 1 and 1 < b[-1] < 512 and input.numel() * other.numel() >= 4096:
        # short rows are made long: the last two dimensions of both factors as one
        row = [a[-1], b[-1]]
        left, right = (x.expand([*x.shape[:-2], *row]).reshape([*x.shape[:-2], -1]) for x in (left, right))
    return into("kron", (left * right).reshape([m * n for m, n in zip(a, b, strict=True)]), out)


def diagflat(input: Any, offset: int = 0) -> Any:
    """Matrix with all elements of input, flattened, on a diagonal."""
    return _ops["diag"](input.reshape(-1), offset)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of a 1-d tensor as columns, (n, N): from N - 1 down to 0, or up when increasing."""
    if x.ndim != 1:
        raise _C.TensorError(f"vander: needs a 1-d tensor, not shape {tuple(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise _C.TensorError(f"vander: N must not be negative, it is {count}")
    powers = powers_of(x, count)
    return powers if increasing else _ops["flip"](powers, -1)


def powers_of(x: Any, count: int) -> Any:
    """x to the powers 0 ... count - 1, along a new last dimension."""
    kind = "int64" if x.dtype.kind in "iub" else x.dtype
    if count == 0:
        return _C.empty([*x.shape, 0], dtype=kind)
    ones = _C.ones([*x.shape, 1], dtype=kind)
    if count == 1:
        return ones
    return _ops["cat"]([ones, _ops["cumprod"](x.unsqueeze(-1).expand([*x.shape, count - 1]), -1)], -1)


# ---- copies of views ----


def _copy_of(name: str) -> Callable[..., Any]:
    def function(*args: Any, out: Any = None, **kw: Any) -> Any:
        shown = getattr(_C.Tensor, name)(*args, **kw) if args else getattr(_C.Tensor, name)(kw.pop("input"), **kw)
        if not isinstance(shown, tuple):
            return into(name + "_copy", shown.clone(memory_format=_contiguous), out)
        if out is None:
            return tuple(part.clone(memory_format=_contiguous) for part in shown)
        if len(out) != len(shown):
            raise _C.TensorError(f"{name}_copy: 'out=' has {len(out)} tensors for {len(shown)} results")
        for part, place in zip(shown, out, strict=True):
            into(name + "_copy", part, place)
        return tuple(out)

    function.__name__ = function.__qualname__ = name + "_copy"
    function.__module__ = __name__
    function.__doc__ = f"What {name} shows, in memory of its own."
    return function


from ._layout import contiguous_format as _contiguous  # noqa: E402

_COPIES = (
    "as_strided", "diagonal", "expand", "narrow", "permute", "select", "slice", "split", "split_with_sizes", "squeeze",
    "t", "transpose", "unbind", "unfold", "unsqueeze", "view", "view_as_real", "view_as_complex", "detach",
)  # fmt: skip
for _name in _COPIES:
    globals()[_name + "_copy"] = _copy_of(_name)
narrow_copy: Any
slice_copy: Any


def alias_copy(input: Any, *, out: Any = None) -> Any:
    """A copy in memory of its own."""
    return into("alias_copy", input.clone(), out)


# ---- a copy with one view of it replaced ----


def _replaced(name: str, input: Any, src: Any, view: Callable[[Any], Any]) -> Any:
    result = _ops["clone"](input)
    window = view(result)
    if tuple(window.shape) != tuple(src.shape):
        raise _C.ShapeMismatchError(
            f"{name}: the source has the wrong shape (needed, given): {tuple(window.shape)} and {tuple(src.shape)}"
        )
    _ops["copy"](src, out=window)
    return result


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy of input with the slice at `index` of dim replaced by src, which has that slice's shape."""
    return _replaced("select_scatter", input, src, lambda x: _ops["select"](x, dim, index))


def slice_scatter(
    input: Any,
    src: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: Any = None,
) -> Any:
    """A copy of input with every step-th slice of dim from start to before end replaced by src."""
    result = _replaced("slice_scatter", input, src, lambda x: slice(x, dim, start, end, step))
    return into("slice_scatter", result, out)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of input with the diagonal of two dimensions replaced by src."""
    return _replaced("diagonal_scatter", input, src, lambda x: _ops["diagonal"](x, offset, dim1, dim2))


def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A copy of input with the window of these strides (in elements) replaced by src."""
    if not input.is_contiguous() and not input.requires_grad:  # strides count in input's own memory
        whole = _ops["as_strided"](input, [len(input.untyped_storage()) // input.itemsize], [1], 0).clone()
        result = _ops["as_strided"](whole, tuple(input.shape), input.stride(), input.storage_offset())
        _ops["copy"](src, out=_ops["as_strided"](result, size, stride, storage_offset))
        return result
    return _replaced(
        "as_strided_scatter", input, src, lambda x: _ops["as_strided"](x, size, stride, storage_offset)
    )


# ---- indices ----


def nonzero(input: Any, *, as_tuple: bool = False, out: Any = None) -> Any:
    """Indices of elements that are not zero: (n, ndim) int64, or one 1-d tensor a dimension."""
    if as_tuple:
        if out is not None:
            raise _C.TensorError("nonzero: 'out=' has no meaning with as_tuple")
        return unbind(_ops["nonzero"](_one(input)), 1)
    return _ops["nonzero"](input) if out is None else into("nonzero", _ops["nonzero"](input), out)


def nonzero_static(input: Any, *, size: int, fill_value: int = -1, out: Any = None) -> Any:
    """The first `size` rows of nonzero, filled up with fill_value: (size, ndim), int64."""
    if size < 0:
        raise _C.TensorError(f"nonzero_static: size must not be negative, it is {size}")
    found = _ops["nonzero"](input)[:size]
    rest = _C.full((size - found.shape[0], input.ndim), fill_value, dtype="int64")
    return into("nonzero_static", _ops["cat"]([found, rest]), out)


def argwhere(input: Any) -> Any:
    """Indices of elements that are not zero: (n, ndim), int64."""
    return _ops["nonzero"](input)


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Coordinates, a tensor a dimension, of flat positions within a tensor of `shape`."""
    if not isinstance(indices, _C.Tensor) or indices.dtype.kind not in "iu":
        raise TypeError(
            f"unravel_index: indices must be an integer tensor, not {getattr(indices, 'dtype', type(indices).__name__)}"
        )
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in lengths):
        raise _C.TensorError(f"unravel_index: lengths must not be negative, shape is {lengths}")
    count = math.prod(lengths)
    if indices.numel() and (bool((indices < 0).any()) or bool((indices >= count).any())):
        raise _C.OutOfRangeError(f"unravel_index: an index is out of bounds for a tensor of shape {lengths}")
    result, rest = [], indices.to(_INT64)
    for n in reversed(lengths):
        result.append(_ops["remainder"](rest, n) if n else rest)
        rest = _ops["floor_divide"](rest, n) if n else rest
    return tuple(reversed(result))


def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """gather, with the other dimensions broadcast against each other; flat when dim is None."""
    if indices.dtype != _INT64:
        raise _C.DtypeError(f"take_along_dim: indices must be of dtype int64, not {indices.dtype}")
    if dim is None:
        return _ops["gather"](input.reshape(-1), 0, indices.reshape(-1), out=out)
    if input.ndim != indices.ndim:
        raise _C.TensorError(
            f"take_along_dim: input and indices have {input.ndim} and {indices.ndim} dimensions, they need as many"
        )
    dim = _wrap("take_along_dim", dim, input.ndim)
    shape = list(
        broadcast_shapes(
            [1 if i == dim else n for i, n in enumerate(input.shape)],
            [1 if i == dim else n for i, n in enumerate(indices.shape)],
        )
    )
    xs, ins = list(shape), list(shape)
    if shape:
        xs[dim], ins[dim] = input.shape[dim], indices.shape[dim]
    return _ops["gather"](input.expand(xs), dim, indices.expand(ins), out=out)


_INT64 = _C.dtype("int64")


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element (along dim, or flat) repeated; repeats is a number or one number an element.

    repeat_interleave(repeats) gives 0 repeats[0] times, 1 repeats[1] times, and so on.  `output_size`, the
    length of the result, is checked."""
    if repeats is None:
        if input.ndim != 1:
            raise _C.TensorError(f"repeat_interleave: repeats must be 1-d, not of shape {tuple(input.shape)}")
        input, repeats, dim = _C.arange(input.shape[0]), input, 0
    result = _ops["repeat_interleave"](input, repeats, dim)
    length = result.shape[0 if dim is None else dim]
    if output_size is not None and output_size != length:
        raise _C.TensorError(f"repeat_interleave: output_size is {output_size}, but the result's length is {length}")
    return result


def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Writes values, or adds them, at indices: integer or bool tensors, one a dimension, None for all of one."""
    return input._index_put_(_index_key(indices), values, accumulate)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy of input with values written, or added, at indices (as index_put_)."""
    return _ops["clone"](input)._index_put_(_index_key(indices), values, accumulate)


def _index_key(indices: Any) -> tuple[Any, ...]:
    if isinstance(indices, _C.Tensor):
        raise TypeError("index_put: indices must be a tuple or list of tensors, not one Tensor")
    return tuple(_slice(None) if i is None else i for i in indices)


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """A copy of input, taken as flat, with source's elements written, or added, at the indices."""
    return _put(input, index, source, accumulate, None)


def put_(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """put in place."""
    return _put(input, index, source, accumulate, input)


def _put(x: Any, index: Any, source: Any, accumulate: bool, out: Any) -> Any:
    if index.numel() != source.numel():
        raise _C.ShapeMismatchError(
            f"put: source and index need as many elements: {tuple(source.shape)} and {tuple(index.shape)}"
        )
    if source.dtype != x.dtype:
        raise _C.DtypeError(f"put: source must be of dtype {x.dtype}, not {source.dtype}")
    return _ops["index_put"](x, index, source.reshape(index.shape), list(range(x.ndim)), 0, accumulate, out=out)


def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """A copy of input with source's slices combined into those at `index` along dim.

    reduce is "prod", "mean", "amax" or "amin"; without include_self the old elements of those slices do not
    count.  source has input's shape but for dim, where it has index's length."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise _C.TensorError(f"index_reduce: reduce must be prod, mean, amax or amin, not {reduce!r}")
    if index.ndim > 1:
        raise _C.TensorError(f"index_reduce: the index must have one dimension, not {index.ndim}")
    if input.dtype != source.dtype:
        raise _C.DtypeError(f"index_reduce: source must be of dtype {input.dtype}, not {source.dtype}")
    dim = _wrap("index_reduce", dim, input.ndim)
    length = index.numel()
    needed = tuple(length if i == dim else n for i, n in enumerate(input.shape))
    if tuple(source.shape) != needed and not (input.ndim == 0 and source.numel() == length == 1):
        raise _C.ShapeMismatchError(
            f"index_reduce: the source has the wrong shape (source, needed): {tuple(source.shape)} and {needed}"
        )
    if input.ndim:
        index = index.reshape([-1 if i == dim else 1 for i in range(input.ndim)]).expand(needed)
    else:
        index, source = index.reshape(()), source.reshape(())
    return _ops["scatter_reduce"](input, dim, index, source, reduce, include_self=include_self, out=out)


def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None
) -> Any:
    """A copy of input with src, a tensor or number, written at indices along dim; the last of equal indices wins.

    reduce "add" or "multiply" combines with what is there."""
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter: missing argument 'src' or 'value'")
    if reduce is None:
        return _ops["scatter"](input, dim, index, src, out=out)
    if reduce not in ("add", "multiply"):
        raise _C.TensorError(f"scatter: reduce must be 'add' or 'multiply', not {reduce!r}")
    if not isinstance(src, _C.Tensor) or src.ndim == 0:
        src = _C.full(tuple(index.shape), src, dtype=input.dtype)
    if reduce == "add":
        return _ops["scatter_add"](input, dim, index, src, out=out)
    return _ops["scatter_reduce"](input, dim, index, src, "prod", out=out)


def scatter_(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Any:
    """scatter in place."""
    return scatter(input, dim, index, src, value=value, reduce=reduce, out=input)


def masked_scatter(input: Any, mask: Any, source: Any, *, out: Any = None) -> Any:
    """A copy of input with source's elements, in order, where mask is true; input and mask are broadcast."""
    if out is None and tuple(input.shape) != tuple(mask.shape):
        input, mask = broadcast_tensors(input, mask)
    return _ops["masked_scatter"](input, mask, source, out=out)


def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """input within a frame of value; pad lists (before, after) from the last dimension on."""
    from .nn._rearrange import pad as framed

    return framed(input, pad, "constant", value)


# ---- in place ----


def _in_place(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        return function(self, *args, out=self, **kw)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name[:-1]} in place."
    return method


def _view_in_place(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        return self._take_view(getattr(_C.Tensor, name)(self, *args, **kw))

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"{name} of the tensor itself: the same memory in another shape."
    return method


_WRITERS = (
    "scatter_add", "scatter_reduce", "index_add", "index_copy", "index_fill", "masked_fill", "masked_scatter", "tril",
    "triu", "fill",
)  # fmt: skip
_GEOMETRY = ("squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t", "as_strided")


def zero_(input: Any) -> Any:
    """Sets every element to 0."""
    return _ops["fill"](input, 0, out=input)


def fill_(input: Any, value: Any) -> Any:
    """Sets every element to value, a number or a tensor without dimensions."""
    return _ops["fill"](input, value, out=input)


def _split_method(self: Any, split_size: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces along dim: of one size (the last may be shorter), or of the listed sizes."""
    return split(self, split_size, dim)


def resize_as_(input: Any, the_template: Any, *, memory_format: Any = None) -> Any:
    """resize_ to another tensor's shape."""
    return input.resize_(tuple(the_template.shape), memory_format=memory_format)


def unsafe_split(input: Any, split_size: int, dim: int = 0) -> tuple[Any, ...]:
    """split."""
    return split(input, split_size, dim)


unsafe_split_with_sizes = split_with_sizes
unsafe_chunk = chunk


def public() -> dict[str, Any]:
    """What `rustorch` shows of this file."""
    skip = {"public", "methods", "into", "powers_of", "index_put_", "put_", "scatter_", "fill_"}
    return {
        n: f
        for n, f in globals().items()
        if callable(f) and not n.startswith("_") and getattr(f, "__module__", "") == __name__ and n not in skip
    } | {"fill_": fill_, "index_put_": index_put_, "ravel": ravel}


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    table: dict[str, Any] = {n: globals()[n] for n in _METHODS}
    table.update({n + "_": _in_place(n + "_", _ops[n]) for n in _WRITERS})
    table["index_reduce_"] = _in_place("index_reduce_", index_reduce)
    table.update({n + "_": _view_in_place(n) for n in _GEOMETRY})
    own = (index_put_, put_, scatter_, zero_, fill_, sum_to_size, resize_as_)
    table.update({f.__name__: f for f in own})
    table["split"] = _split_method
    table["transpose"] = _C._overload(_ops["transpose"], _transpose_method)
    table["H"], table["mH"] = property(_conjugate_transpose), property(adjoint)
    table["mT"] = property(lambda self: _ops["mT"](self), doc="View with the last two dimensions exchanged.")
    return table


def _transpose_method(self: Any, *dims: Any, **words: Any) -> Any:
    """t.transpose(dim0, dim1); NumPy's t.transpose() and t.transpose((1, 0, 2)) give all dimensions' order."""
    if not words and (not dims or (len(dims) == 1 and isinstance(dims[0], (tuple, list)))):
        return _ops["permute"](self, dims[0] if dims else tuple(reversed(range(self.ndim))))
    return _ops["transpose"](self, *dims, **words)


_transpose_method.__name__ = "transpose"


def _conjugate_transpose(self: Any) -> Any:
    """Conjugate transpose of a matrix."""
    if self.ndim not in (0, 2):
        raise _C.TensorError(f"H: needs 2 dimensions, the tensor has {self.ndim}; mH transposes the last two")
    return adjoint(self)
