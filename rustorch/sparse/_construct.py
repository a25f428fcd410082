"""Sparse arrays from others: SciPy's, blocks, diagonals, random ones.  The structure is SciPy's work; entries that
require gradients are chosen from those that came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C
from . import _structure as st
from ._arrays import SparseArray, coo_array
from ._memory import FORMATS, as_ours, wrapped

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor
issparse = _scipy.issparse


def from_scipy(array: Any) -> Any:
    """SciPy's sparse array or matrix as one of ours on the same memory: changes of one are seen in the other.

    CSR, CSC and COO keep their format and nothing is copied; other formats become CSR.  A matrix becomes an array,
    whose * is elementwise.  TypeError: array is not
    sparse; IndexError: its indices are out of bounds."""
    if not issparse(array):
        raise TypeError(f"from_scipy: needs a sparse array of SciPy's, not {type(array).__name__}")
    if isinstance(array, SparseArray):
        return array
    if array.format not in FORMATS:
        array = array.tocsr()
    st.verify("from_scipy", array)
    return FORMATS[array.format]._sharing(array)


def to_scipy(array: Any) -> Any:
    """A sparse array of ours as SciPy's on the same memory."""
    if not isinstance(array, SparseArray):
        raise TypeError(f"to_scipy: needs a sparse array, not {type(array).__name__}")
    return array.to_scipy()


def _ours(made: Any, format: Any = None) -> Any:
    """As ours, whatever format SciPy chose."""
    if format is not None:
        made = made.asformat(format)
    return wrapped(made if made.format in FORMATS else made.tocsr())


def _built(build: Callable[[list[Any]], Any], tensors: list[Any], format: Any) -> Any:
    """What build makes of lists of positions, filled with the elements of the tensors that they stand for."""
    places, count = [], 1
    for t in tensors:
        places.append(np.arange(count, count + t.shape[0]))
        count += t.shape[0]
    made = build(places)
    made = made.asformat(format if format is not None else made.format if made.format in FORMATS else "csr")
    values = _ops["cat"](tensors) if len(tensors) > 1 else tensors[0]
    return FORMATS[made.format]._sharing(made, st.chosen(values, np.asarray(made.data, dtype=np.int64)))


def _blocks(blocks: list[Any], build: Callable[[list[Any]], Any], format: Any, dtype: Any) -> Any:
    """What build makes of blocks, sparse arrays and None among them."""
    blocks = [as_ours(b) if issparse(b) else b if b is None else coo_array(st.tensor(b)) for b in blocks]
    found = [b for b in blocks if b is not None]
    if not st.recorded(*(b._values for b in found)):
        made = build([b if b is None else b._scipy("block") for b in blocks])
        return _ours(made if dtype is None else made.astype(dtype), format)
    kind = found[0].values().dtype
    for b in found[1:]:
        kind = _C.promote_types(kind, b.values().dtype)
    found = [b._canonical() if b.format == "coo" else b for b in found]

    def placed(places: list[Any]) -> Any:
        shadows = iter([st.positions(b._scipy("block")) for b in found])
        numbered = iter(places)
        arrays: list[Any] = []
        for b in blocks:
            if b is None:
                arrays.append(None)
                continue
            shadow = next(shadows)
            shadow.data = next(numbered)
            arrays.append(shadow)
        return build(arrays)

    result = _built(placed, [b.values().to(kind) for b in found], format)
    return result if dtype is None else result.astype(dtype)


def vstack(blocks: Any, format: Any = None, dtype: Any = None) -> Any:
    """Arrays one below the other; differentiable."""
    return _blocks(list(blocks), lambda b: _scipy.vstack(b), format, dtype)


def hstack(blocks: Any, format: Any = None, dtype: Any = None) -> Any:
    """Arrays one beside the other; differentiable."""
    return _blocks(list(blocks), lambda b: _scipy.hstack(b), format, dtype)


def block_diag(mats: Any, format: Any = None, dtype: Any = None) -> Any:
    """Arrays along the diagonal; differentiable."""
    return _blocks(list(mats), lambda b: _scipy.block_diag(b), format, dtype)


def block_array(blocks: Any, *, format: Any = None, dtype: Any = None) -> Any:
    """Rows of blocks, None for a block of zeros; differentiable."""
    rows = [list(row) for row in blocks]
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        raise ValueError("block_array: all rows must have equally many blocks")
    flat = [b for row in rows for b in row]
    return _blocks(
        flat, lambda b: _scipy.block_array([b[k : k + width] for k in range(0, len(b), width)]), format, dtype
    )


def tril(A: Any, k: int = 0, format: Any = None) -> Any:
    """The entries on and below the k-th diagonal; differentiable."""
    return _blocks([A], lambda b: _scipy.tril(b[0], k), format, None)


def triu(A: Any, k: int = 0, format: Any = None) -> Any:
    """The entries on and above the k-th diagonal; differentiable."""
    return _blocks([A], lambda b: _scipy.triu(b[0], k), format, None)


def kron(A: Any, B: Any, format: Any = None) -> Any:
    """The Kronecker product; differentiable."""
    a, b = (as_ours(x) if issparse(x) else coo_array(st.tensor(x)) for x in (A, B))
    if not st.recorded(a._values, b._values):
        return _ours(_scipy.kron(a._scipy("kron"), b._scipy("kron"), format))
    a, b = a.tocoo(), b.tocoo()
    a._scipy("kron"), b._scipy("kron")
    coords = [
        (i.astype(np.int64)[:, None] * n + j.astype(np.int64)).reshape(-1)
        for i, j, n in zip(a.coords, b.coords, b.shape, strict=True)
    ]
    values = (a.values()[:, None] * b.values()).reshape(-1)
    shape = tuple(m * n for m, n in zip(a.shape, b.shape, strict=True))
    return coo_array((values, coords), shape=shape).asformat(format or "coo")


def kronsum(A: Any, B: Any, format: Any = None) -> Any:
    """kron(I, A) + kron(B, I)."""
    a, b = (as_ours(x) if issparse(x) else coo_array(st.tensor(x)) for x in (A, B))
    total = kron(eye_array(b.shape[0], dtype=a.dtype), a) + kron(b, eye_array(a.shape[0], dtype=b.dtype))
    return total.asformat(format or "csr")


def eye_array(m: int, n: int | None = None, *, k: int = 0, dtype: Any = float, format: Any = None) -> Any:
    """Ones on the k-th diagonal of an (m, n) array."""
    return _ours(_scipy.eye_array(m, n, k=k, dtype=dtype), format)


def eye(m: int, n: int | None = None, k: int = 0, dtype: Any = float, format: Any = None) -> Any:
    """Ones on the k-th diagonal of an (m, n) array."""
    return eye_array(m, n, k=k, dtype=dtype, format=format)


def identity(n: int, dtype: Any = float, format: Any = None) -> Any:
    """The identity matrix."""
    return eye_array(n, dtype=dtype, format=format)


def diags_array(
    diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None
) -> Any:
    """An array of diagonals, above the main one where offsets are positive; differentiable."""
    if isinstance(diagonals, Tensor) and np.ndim(offsets) == 0:
        diagonals, offsets = [diagonals] if diagonals.ndim < 2 else diagonals, [offsets]
    given = [np.asarray(offsets)] if np.ndim(offsets) == 0 else list(offsets)
    parts = [diagonals] if len(given) and np.ndim(offsets) == 0 and np.ndim(_first(diagonals)) == 0 else list(diagonals)
    if not st.recorded(*(p for p in parts if isinstance(p, Tensor))):
        plain = _scipy.diags_array(st.arrays(diagonals), offsets=offsets, shape=shape, dtype=dtype)
        return _ours(plain, format)
    tensors = [st.tensor(p).reshape(-1) for p in parts]
    kind = tensors[0].dtype
    for t in tensors[1:]:
        kind = _C.promote_types(kind, t.dtype)
    result = _built(
        lambda places: _scipy.diags_array(places, offsets=offsets, shape=shape, dtype=np.int64),
        [t.to(kind) for t in tensors],
        format,
    )
    return result if dtype is None else result.astype(dtype)


def _first(diagonals: Any) -> Any:
    return st.array(diagonals[0]) if len(diagonals) else 0


def diags(diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> Any:
    """An array of diagonals, above the main one where offsets are positive; differentiable."""
    return diags_array(diagonals, offsets=offsets, shape=shape, format=format, dtype=dtype)


def _generator(rng: Any) -> Any:
    """NumPy's generator; seeded by rustorch's own when there is none."""
    if rng is not None:
        return rng
    from .. import random as ours

    return np.random.default_rng(int(ours.randint(0, 2**62, (1,)).item()))


def random_array(
    shape: Any, *, density: float = 0.01, format: str = "coo", dtype: Any = None, rng: Any = None,
    data_sampler: Any = None,
) -> Any:  # fmt: skip
    """Uniform numbers from [0, 1) at random places; manual_seed makes them reproducible where rng is None."""
    return _ours(
        _scipy.random_array(shape, density=density, dtype=dtype, rng=_generator(rng), data_sampler=data_sampler), format
    )


def random(
    m: int, n: int, density: float = 0.01, format: str = "coo", dtype: Any = None, rng: Any = None, data_rvs: Any = None
) -> Any:
    """Uniform numbers from [0, 1) at random places of an (m, n) array."""
    sampler = None if data_rvs is None else lambda size: data_rvs(size)
    return random_array((m, n), density=density, format=format, dtype=dtype, rng=rng, data_sampler=sampler)


def find(A: Any) -> tuple[Any, Any, Any]:
    """(rows, columns, entries) of the elements other than 0, as tensors."""
    a = (as_ours(A) if issparse(A) else coo_array(st.tensor(A))).tocoo()._canonical()
    if not a.has_canonical_format or (a.data == 0).any():
        a = a.copy()
        a.eliminate_zeros()
    return st.tensor(a.row), st.tensor(a.col), a.values()


def save_npz(file: Any, matrix: Any, compressed: bool = True) -> None:
    """Writes SciPy's .npz file of a sparse array."""
    _scipy.save_npz(file, matrix.detach().to_scipy() if isinstance(matrix, SparseArray) else matrix, compressed)


def load_npz(file: Any) -> Any:
    """Reads SciPy's .npz file of a sparse array."""
    return _ours(_scipy.load_npz(file))
