"""Indices of sparse arrays that are wrong, from the start or since: every operation says so, none reads or writes
outside its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import rustorch as rt
from rustorch import _C

ops = _C.ops
DATA = np.arange(1.0, 6.0)
INDICES, INDPTR = [0, 2, 1, 0, 3], [0, 2, 2, 5]  # 3 x 4
HUGE = 2**31 - 2


def wrong_parts(wide):
    kind = np.int64 if wide else np.int32
    for index in (4, -1, HUGE, -HUGE, *((2**62, -(2**63)) if wide else ())):
        broken = np.array(INDICES, dtype=kind)
        broken[3] = index
        yield broken, np.array(INDPTR, dtype=kind)
    for starts in ([0, 3, 2, 5], [0, -1, 2, 5], [0, 2, HUGE, 5], [0, 2, 2, 6], [1, 2, 2, HUGE], [0, 2, 2, -5]):
        yield np.array(INDICES, dtype=kind), np.array(starts, dtype=kind)


def row_calls(indices, indptr):
    x, y = rt.ones(4, 3, dtype=rt.float64), rt.ones(3, 3, dtype=rt.float64)
    other = [rt.ones(4), rt.tensor([0, 1, 2, 1]), rt.tensor([0, 1, 2, 3, 4])]  # uses every line
    third = rt.tensor([0, 1, 0]), rt.tensor([0, 1, 2, 3])
    fourth = rt.tensor([0]), rt.tensor([0, 1, 1, 1, 1])
    yield lambda: ops["sparse_matmul"](DATA, indices, indptr, x, 4)
    yield lambda: ops["sparse_matmul"](DATA, indices, indptr, x[:, 0], 4)
    yield lambda: ops["sparse_matmul"](DATA, indices, indptr, y, 4, True)
    yield lambda: ops["sparse_matmul"](DATA, indices, indptr, y[:, 0], 4, True)
    yield lambda: ops["sparse_sample"](y, x, indices, indptr)
    yield lambda: ops["sparse_turn"](indices, indptr, 4)
    yield lambda: ops["sparse_product"](DATA, indices, indptr, *other, *third, 3)
    yield lambda: ops["sparse_product"](*other, DATA, indices, indptr, *fourth, 4)


@pytest.mark.parametrize("wide", [False, True])
def test_rows_check_what_they_read(wide):
    for indices, indptr in wrong_parts(wide):
        for call in row_calls(indices, indptr):
            with pytest.raises((IndexError, ValueError)):
                call()


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", ["csr_array", "csc_array"])
def test_makers_check(kind, wide):
    shape = (3, 4) if kind == "csr_array" else (4, 3)
    for indices, indptr in wrong_parts(wide):
        with pytest.raises((IndexError, ValueError)):
            getattr(rt.sparse, kind)((DATA, indices, indptr), shape=shape)
        plain = getattr(sp, kind)((DATA, INDICES, INDPTR), shape=shape)
        plain.indices, plain.indptr = indices, indptr
        with pytest.raises((IndexError, ValueError)):
            rt.sparse.from_scipy(plain)


USES = {
    "A @ x": lambda A: A @ rt.ones(A.shape[1], dtype=rt.float64),
    "x @ A": lambda A: rt.ones(A.shape[0], dtype=rt.float64) @ A,
    "A @ X": lambda A: A @ np.ones((A.shape[1], 20)),
    "A @ A.T": lambda A: A @ A.T,
    "toarray": lambda A: A.toarray(),
    "to_dense": lambda A: A.to_dense(),
    "A + A": lambda A: A + A,
    "A * A": lambda A: A * A,
    "sum": lambda A: A.sum(0),
    "csr": lambda A: A.asformat("csr") @ rt.ones(A.shape[1], dtype=rt.float64),
    "csc": lambda A: A.asformat("csc") @ rt.ones(A.shape[1], dtype=rt.float64),
    "coo": lambda A: A.tocoo().toarray(),
    "diagonal": lambda A: A.diagonal(),
    "max": lambda A: A.max(0),
    "abs": lambda A: abs(A).toarray(),
    "rows": lambda A: A.tocsr()[1:3],
    "duplicates": lambda A: A.sum_duplicates() or A.toarray(),
    "sort": lambda A: A.tocsr().sort_indices() or A.toarray(),
    "to_scipy": lambda A: A.to_scipy(),
    "copy": lambda A: A.copy().toarray(),
    "A > 1": lambda A: A > 1,
    "reshape": lambda A: A.reshape(-1, 2),
    "vstack": lambda A: rt.sparse.vstack([A, A]),
    "kron": lambda A: rt.sparse.kron(A, A),
    "softmax": lambda A: rt.sparse.softmax(A, 1),
    "norm": lambda A: rt.sparse.linalg.norm(A, 1),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("fmt", ["csr", "csc", "coo"])
def test_indices_that_changed_since(fmt, grad, use):
    """The arrays are shared, so anybody may write to them."""
    S = sp.csr_array((DATA, INDICES, INDPTR), shape=(3, 4)).asformat(fmt)
    for wrong in (99, -7, HUGE):
        A = rt.sparse.from_scipy(S.copy())
        if grad:
            A.requires_grad_()
        where = A.coords[1] if fmt == "coo" else A.indices
        where[3] = wrong
        with pytest.raises((IndexError, ValueError)):
            USES[use](A)
        if fmt != "coo":
            where[3] = 0
            A.indptr[1] = wrong
            with pytest.raises((IndexError, ValueError)):
                USES[use](A)


def test_one_row_is_read_alone():
    """What is taken of one row lies within the array, whatever the indices say."""
    for wrong in (99, -7, HUGE):
        A = rt.sparse.csr_array((DATA, np.array(INDICES), np.array(INDPTR)), shape=(3, 4))
        A.indices[3] = wrong
        every = slice(None, None, 1), slice(None, None, 2), slice(None, None, -1)
        for key in (2, -1, (2, 0), (2, slice(1, 3)), *((2, part) for part in every)):
            try:
                taken = A[key]
            except (IndexError, ValueError):
                continue
            dense = taken.toarray() if sp.issparse(taken) else taken
            assert np.isin(np.asarray(dense), [0, *DATA]).all()
        A.indptr[2] = wrong
        for key in (1, 2, (1, 0), (2, slice(1, None))):
            with pytest.raises((IndexError, ValueError)):
                A[key]


def test_backward_checks_again():
    S = sp.csr_array((DATA, INDICES, INDPTR), shape=(3, 4))
    x = rt.ones(4, dtype=rt.float64, requires_grad=True)
    A = rt.sparse.from_scipy(S).requires_grad_()
    y = (A @ x).sum()
    S.indices[2] = 1 << 20
    with pytest.raises(IndexError, match="1048576"):
        y.backward()


def test_wrong_arguments():
    A = rt.sparse.csr_array((DATA, INDICES, INDPTR), shape=(3, 4))
    for call, kind in [
        (lambda: A @ rt.ones(3), ValueError),
        (lambda: A @ np.ones((5, 2)), ValueError),
        (lambda: np.ones(5) @ A, ValueError),
        (lambda: A @ 2, ValueError),
        (lambda: A + A.T, ValueError),
        (lambda: A @ A, ValueError),
        (lambda: A + rt.ones(7, 7), ValueError),
        (lambda: A * rt.ones(7, 7), ValueError),
        (lambda: A[5], IndexError),
        (lambda: A[1, 9], IndexError),
        (lambda: A.sum(axis=5), ValueError),
        (lambda: A.asformat("xyz"), ValueError),
        (lambda: A + "a", (TypeError, NotImplementedError)),
        (lambda: A.reshape(5, 5), ValueError),
        (lambda: rt.sparse.from_scipy(np.eye(3)), TypeError),
        (lambda: rt.sparse.to_scipy(np.eye(3)), TypeError),
        (lambda: rt.sparse.csr_array((DATA, INDICES[:3], INDPTR)), ValueError),
        (lambda: rt.sparse.csr_array((DATA, INDICES, INDPTR), shape=(9, 4)), ValueError),
        (
            lambda: rt.sparse.csr_array((rt.ones(5), rt.ones(5), rt.tensor(INDPTR)), shape=(3, 4)),
            (TypeError, ValueError),
        ),
        (lambda: rt.sparse.coo_array((DATA, ([0] * 5, [9] * 5)), shape=(3, 4)), ValueError),
        (lambda: rt.sparse_coo_tensor([[0, 1], [0, 9]], [1.0, 2.0], (2, 2)), IndexError),
        (lambda: rt.sparse_coo_tensor([[0, 1], [0, 1]], [1.0], (2, 2)), ValueError),
        (lambda: rt.sparse_coo_tensor([0, 1], [1.0], (2, 2)), ValueError),
        (lambda: rt.sparse_coo_tensor([[0], [1]], rt.ones(1, 3), (2, 2, 3)), NotImplementedError),
        (lambda: rt.sparse_csr_tensor([0, 1, 9], [0, 1], [1.0, 2.0], (2, 2)), (IndexError, ValueError)),
        (lambda: rt.ones(3).to_sparse_csr(), ValueError),
        (lambda: rt.tensor(1.0).to_sparse(), ValueError),
        (lambda: rt.ones(2, 2).to_sparse(1), NotImplementedError),
        (lambda: rt.sparse.linalg.spsolve(A, rt.ones(3)), ValueError),
        (lambda: rt.sparse.linalg.no_such_function, AttributeError),
        (lambda: rt.sparse.softmax(A, 3), ValueError),
        (lambda: ops["sparse_matmul"](DATA, INDICES, INDPTR, rt.ones(4), -1), (ValueError, TypeError)),
        (
            lambda: ops["sparse_matmul"](DATA, rt.tensor(INDICES), rt.tensor([], dtype=rt.int64), rt.ones(4), 4),
            ValueError,
        ),
        (lambda: ops["sparse_matmul"](DATA, rt.ones(5), rt.tensor(INDPTR), rt.ones(4), 4), IndexError),
        (lambda: ops["sparse_turn"](rt.tensor(INDICES), rt.tensor(INDPTR), 1 << 62), (MemoryError, ValueError)),
    ]:
        with pytest.raises(kind):
            call()


FLUSH = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from test_guard import guarded
import rustorch as rt
ops, rng = rt._C.ops, np.random.default_rng(0)

def flush(values, at_end):
    array = guarded(np, values.dtype, values.size, at_end)
    array[:] = values.reshape(-1)
    return rt.from_numpy(array.reshape(values.shape))

for at_end in (True, False):
    for dtype in ("float32", "float64", "complex64", "complex128", "int64"):
        for kind in ("int32", "int64"):
            count = 37
            ends = np.sort(rng.integers(0, count + 1, 10))
            indptr = flush(np.concatenate([[0], ends, [count]]).astype(kind), at_end)
            indices = flush(np.concatenate([rng.integers(0, 5, count - 2), [0, 4]]).astype(kind), at_end)
            data = flush(np.ones(count, dtype), at_end)
            for width in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47):
                x, y = (flush(np.ones((n, width), dtype), at_end) for n in (5, 11))
                a = ops["sparse_matmul"](data, indices, indptr, x, 5, out=flush(np.zeros((11, width), dtype), at_end))
                assert a.sum() == count * width
                out = flush(np.zeros((5, width), dtype), at_end)
                b = ops["sparse_matmul"](data, indices, indptr, y, 5, True, out=out)
                assert b.sum() == count * width
                c = ops["sparse_sample"](y, x, indices, indptr, out=flush(np.zeros(count, dtype), at_end))
                assert c.sum() == count * width
            where, lines, starts = ops["sparse_turn"](indices, indptr, 5)
            unit = [flush(a, at_end) for a in (np.ones(5, dtype), np.arange(5).astype(kind), np.arange(6).astype(kind))]
            ops["sparse_product"](data, indices, indptr, *unit, indices, indptr, 5)
print("whole")
"""


def test_nothing_outside_the_operands_is_touched():
    """Operands that end, or begin, at memory that may not be touched."""
    place = Path(__file__).parent
    environment = dict(os.environ, PYTHONPATH=str(Path(rt.__file__).parents[1]))
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", FLUSH, str(place)], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "whole", done.stderr[-3000:]
