"""rustorch.sparse judged by SciPy: formats x dtypes x operations, memory, gradients, solvers, scikit-learn."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.csgraph as csgraph
import scipy.sparse.linalg as sl

import rustorch as rt
import rustorch.numpy as rnp

FORMATS = ["csr", "csc", "coo"]
KINDS = {"csr": rt.sparse.csr_array, "csc": rt.sparse.csc_array, "coo": rt.sparse.coo_array}
DTYPES = ["bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64", "complex64", "complex128"]


def sample(shape, fmt, dtype="float64", seed=0, density=0.3):
    rng = np.random.default_rng([seed, *shape])
    S = sp.random_array(shape, density=density, format="coo", rng=rng)
    S.data = (S.data * 4 - 2).astype(dtype) if np.dtype(dtype).kind in "fc" else (S.data * 5 + 1).astype(dtype)
    if np.dtype(dtype).kind == "c":
        S.data += S.data[::-1].copy() * 1j
    return S.asformat(fmt)


def dense(shape, dtype="float64", seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        return (x + 1j * rng.standard_normal(shape)).astype(dtype)
    return (x * (1 if np.dtype(dtype).kind == "f" else 3)).astype(dtype)


def plain(x):
    """A result as NumPy's."""
    if sp.issparse(x):
        return x.to_scipy().toarray() if isinstance(x, rt.sparse.SparseArray) else x.toarray()
    return x.detach().numpy() if isinstance(x, rt.Tensor) else np.asarray(x)


def agree(ours, theirs, exact=False):
    if sp.issparse(theirs):
        assert sp.issparse(ours) and isinstance(ours, rt.sparse.SparseArray)
        assert ours.format == theirs.format or theirs.format not in FORMATS
    else:
        assert isinstance(ours, (rt.Tensor, bool, int, tuple)) or type(ours) is type(theirs)
    a, b = plain(ours), plain(theirs)
    assert a.shape == b.shape and a.dtype == b.dtype
    if exact or b.dtype.kind not in "fc":
        np.testing.assert_array_equal(a, b)
    else:
        tolerance = 1e-5 if b.dtype in (np.float32, np.complex64) else 1e-12
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# ---- memory ----


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_three_arrays_are_shared(fmt, index):
    S = sample((7, 5), fmt)
    names = ["row", "col"] if fmt == "coo" else ["indices", "indptr"]
    if fmt == "coo":
        S.coords = tuple(c.astype(index) for c in S.coords)
    else:
        S.indices, S.indptr = S.indices.astype(index), S.indptr.astype(index)
    A = rt.sparse.from_scipy(S)
    assert isinstance(A, KINDS[fmt]) and isinstance(A, type(S)) and A.format == fmt
    for name in names:
        assert np.shares_memory(getattr(A, name), getattr(S, name)) and getattr(A, name).dtype == index
    assert np.shares_memory(A.data, S.data) and np.shares_memory(A.values().numpy(), S.data)
    S.data[0] = 17
    assert A.values()[0] == 17 and A.to_scipy().data[0] == 17
    A.values()[0] = 3
    assert S.data[0] == 3 and A.data[0] == 3
    back = A.to_scipy()
    assert type(back) is type(S) and np.shares_memory(back.data, S.data)
    assert all(np.shares_memory(getattr(back, name), getattr(S, name)) for name in names)


@pytest.mark.parametrize("made", [sp.csr_matrix, sp.lil_array, sp.dok_array, sp.bsr_array, sp.dia_array, sp.coo_matrix])
def test_from_other_formats(made):
    S = made(np.diag([1.0, 2.0, 3.0]))
    A = rt.sparse.from_scipy(S)
    assert isinstance(A, rt.sparse.SparseArray) and isinstance(A, sp.sparray)
    np.testing.assert_array_equal(plain(A), S.toarray())


def test_makers_take_what_scipys_take():
    data, row, col = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 2, 0, 2]), np.array([1, 0, 1, 2])
    for kind in KINDS.values():
        theirs = kind._plain_class
        for args, keywords in [
            (((3, 4),), {}),
            (((data, (row, col)),), {"shape": (3, 4)}),
            (((data, (row, col)),), {}),
            ((np.eye(3),), {}),
            ((np.eye(3).tolist(),), {"dtype": "int8"}),
            ((sp.eye_array(4),), {}),
            ((sample((3, 4), "csc"),), {"dtype": "float32"}),
            ((sample((3, 4), "coo"),), {"copy": True}),
        ]:
            agree(kind(*args, **keywords), theirs(*args, **keywords), exact=True)
    tensors = rt.from_numpy(data), (rt.from_numpy(row), rt.from_numpy(col))
    agree(rt.sparse.coo_array(tensors, shape=(3, 4)), sp.coo_array((data, (row, col)), shape=(3, 4)))
    S = sample((6, 5), "csr")
    ours = rt.sparse.csr_array(
        (rt.from_numpy(S.data), rt.from_numpy(S.indices), rt.from_numpy(S.indptr)), shape=S.shape
    )
    assert np.shares_memory(ours.data, S.data) and np.shares_memory(ours.indptr, S.indptr)
    copied = rt.sparse.csr_array((rt.from_numpy(S.data), S.indices, S.indptr), shape=S.shape, copy=True)
    assert not np.shares_memory(copied.data, S.data) and not np.shares_memory(copied.values().numpy(), S.data)
    agree(copied, S)


def test_pickling_and_copies():
    S = sample((6, 5), "csc")
    A = rt.sparse.from_scipy(S)
    for B in (pickle.loads(pickle.dumps(A)), copy.copy(A), copy.deepcopy(A)):
        agree(B, S)
        assert np.shares_memory(B.data, B.values().numpy())
    A = A.copy().requires_grad_()
    B = pickle.loads(pickle.dumps(A))
    assert B.requires_grad and np.shares_memory(B.data, B.values().detach().numpy())


# ---- operations ----

UNARY = {
    "T": lambda A: A.T,
    "transpose": lambda A: A.transpose(copy=True),
    "neg": operator.neg,
    "abs": abs,
    "conj": lambda A: A.conj(),
    "real": lambda A: A.real,
    "imag": lambda A: A.imag,
    "power": lambda A: A.power(3),
    "pow": lambda A: A**2,
    "times": lambda A: A * 3,
    "rtimes": lambda A: 2.5 * A,
    "divide": lambda A: A / 4,
    "sum": lambda A: A.sum(),
    "sum0": lambda A: A.sum(axis=0),
    "sum1": lambda A: A.sum(1),
    "sum-1": lambda A: A.sum(-1),
    "mean": lambda A: A.mean(),
    "mean0": lambda A: A.mean(0),
    "mean1": lambda A: A.mean(axis=1),
    "diagonal": lambda A: A.diagonal(),
    "diagonal1": lambda A: A.diagonal(-2),
    "trace": lambda A: A.trace(),
    "astype": lambda A: A.astype("complex128"),
    "tocsr": lambda A: A.tocsr(),
    "tocsc": lambda A: A.tocsc(),
    "tocoo": lambda A: A.tocoo(),
    "copy": lambda A: A.copy(),
    "toarray": lambda A: A.toarray(),
    "todense": lambda A: A.todense(),
    "reshape": lambda A: A.reshape(4, 12),
    "csr": lambda A: A.asformat("csr"),
    "sum_dtype": lambda A: A.sum(0, dtype="complex128"),
    "nonzero": lambda A: A.nonzero()[0],
    "count": lambda A: A.count_nonzero(),
    "equal": lambda A: A == 2 * A,
    "A!=0": lambda A: A != 0,
}
ORDERED = {
    "max": lambda A: A.max(),
    "min": lambda A: A.min(),
    "max0": lambda A: A.max(axis=0),
    "min1": lambda A: A.min(1),
    "argmax": lambda A: A.argmax(),
    "argmin1": lambda A: A.argmin(axis=1),
    ">": lambda A: A > 1,
    "<": lambda A: A < 0,
    "maximum": lambda A: A.maximum(2 * A),
    "minimum": lambda A: A.minimum(-1),
    "nanmax": lambda A: A.nanmax(),
    "explicit": lambda A: A.min(explicit=True),
}
INDEXED = {
    "element": lambda A: A[2, 3],
    "row": lambda A: A[1],
    "negative": lambda A: A[-1, -2],
    "rows": lambda A: A[1:5],
    "columns": lambda A: A[:, 2:4],
    "step": lambda A: A[::2, ::-1],
    "list": lambda A: A[[0, 3, 3]],
    "pairs": lambda A: A[[0, 1, 2], [5, 3, 1]],
    "cross": lambda A: A[[[0], [2]], [1, 4]],
    "column": lambda A: A[:, 1],
    "mask": lambda A: A[np.arange(8) % 2 == 0],
    "ellipsis": lambda A: A[..., 1:3],
    "tensor": lambda A: A[rt.tensor([1, 0])],
}


def without_warnings(f, A):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(A)
        except (TypeError, NotImplementedError, ValueError, OverflowError) as error:
            return error


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operations(fmt, dtype):
    """Same values, formats, dtypes, and refusals as SciPy's."""
    S = sample((8, 6), fmt, dtype)
    table = {**UNARY, **({} if dtype.startswith("c") else ORDERED), **({} if fmt == "coo" else INDEXED)}
    for name, f in table.items():
        ours, theirs = without_warnings(f, rt.sparse.from_scipy(S.copy())), without_warnings(f, S.copy())
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            assert isinstance(ours, Exception) and isinstance(theirs, Exception), (name, ours, theirs)
            continue
        try:
            agree(ours, theirs)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


FUNCTIONS = [
    "sin",
    "tan",
    "arcsin",
    "arctan",
    "sinh",
    "tanh",
    "arcsinh",
    "arctanh",
    "rint",
    "sign",
    "expm1",
    "log1p",
    "deg2rad",
    "rad2deg",
    "floor",
    "ceil",
    "trunc",
    "sqrt",
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_keep_zero(name):
    for fmt in FORMATS:
        S = abs(sample((8, 6), fmt)) / 4
        A = rt.sparse.from_scipy(S)
        agree(getattr(A, name)(), getattr(S, name)())
        recorded = getattr(A.copy().requires_grad_(), name)()
        assert recorded.requires_grad
        np.testing.assert_allclose(plain(recorded), plain(getattr(S, name)()), rtol=1e-14)


@pytest.mark.parametrize("left", FORMATS)
@pytest.mark.parametrize("right", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "complex128"])
def test_two_sparse_arrays(left, right, dtype):
    S, T = sample((8, 6), left, dtype), sample((8, 6), right, "float64", 5)
    A, B = rt.sparse.from_scipy(S), rt.sparse.from_scipy(T)
    for f in (
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x.multiply(y),
        lambda x, y: x * y,
        lambda x, y: x @ y.T,
        lambda x, y: x.dot(y.tocsc().T),
        lambda x, y: x != y,
        lambda x, y: x.T @ y,
    ):
        agree(f(A, B), f(S, T))
        agree(f(A, T), f(S, T))  # SciPy's among ours
    if dtype in ("float32", "float64", "complex128"):
        for f in (lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x @ y.T):
            recorded = f(A.copy().requires_grad_(), B)
            assert recorded.requires_grad
            np.testing.assert_allclose(plain(recorded), plain(f(S, T)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_with_dense(fmt, dtype):
    S = sample((8, 6), fmt, dtype)
    A = rt.sparse.from_scipy(S)
    for other in ("int64", "float32", "float64", "complex64", dtype):
        for shape, f in [
            ((6,), lambda s, d: s @ d),
            ((6, 1), lambda s, d: s @ d),
            ((6, 3), lambda s, d: s @ d),
            ((6, 37), lambda s, d: s.dot(d)),
            ((8,), lambda s, d: d @ s),
            ((2, 8), lambda s, d: d @ s),
            ((8,), lambda s, d: s.T @ d),
            ((0, 8), lambda s, d: d @ s),
            ((6, 0), lambda s, d: s @ d),
        ]:
            x = dense(shape, other)
            theirs = f(S, x)
            agree(f(A, x), theirs)
            array = f(A, rnp.asarray(x))
            assert type(array) is rnp.ndarray
            agree(array, theirs)
            tensor = f(A, rt.from_numpy(x))
            assert type(tensor) is rt.Tensor
            np.testing.assert_allclose(plain(tensor), theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fmt", FORMATS)
def test_elementwise_with_dense(fmt):
    S = sample((8, 6), fmt)
    A = rt.sparse.from_scipy(S)
    for shape in [(8, 6), (1, 6), (8, 1), (6,)]:
        x = dense(shape)
        for f in (lambda s, d: s.multiply(d), lambda s, d: s * d, lambda s, d: d * s, lambda s, d: s / d):
            agree(f(A, x), f(S, x))
            np.testing.assert_allclose(plain(f(A, rt.from_numpy(x))), plain(f(S, x)), rtol=1e-14)
    x = dense((8, 6))
    for f in (lambda s, d: s + d, lambda s, d: d + s, lambda s, d: s - d, lambda s, d: d - s, lambda s, d: s > d):
        agree(f(A, x), f(S, x))
        np.testing.assert_allclose(plain(f(A, rt.from_numpy(x))), plain(f(S, x)), rtol=1e-14)
    assert type(A + rt.from_numpy(x)) is rt.Tensor and type(A + x) is rnp.ndarray
    agree(A * rt.tensor(2.0, dtype=rt.float64), S * 2.0)
    agree(A + 0, S + 0)
    with pytest.raises(NotImplementedError):
        A + 1


@pytest.mark.parametrize("fmt", FORMATS)
def test_entries_of_one_place_are_summed(fmt):
    data, row, col = np.arange(1.0, 7.0), np.array([0, 2, 0, 2, 0, 1]), np.array([1, 0, 1, 0, 3, 1])
    S = sp.coo_array((data, (row, col)), shape=(3, 4))
    for source in (data, rt.tensor(data, requires_grad=True)):
        A = rt.sparse.coo_array((source, (row, col)), shape=(3, 4))
        assert A.nnz == 6 and not A.is_coalesced()
        np.testing.assert_array_equal(plain(A), S.toarray())
        B = A.asformat(fmt)
        np.testing.assert_array_equal(plain(B), S.toarray())
        C = A.coalesce()
        assert C.nnz == 4 and C.is_coalesced() and A.nnz == 6
        np.testing.assert_array_equal(C.indices().numpy(), [[0, 0, 1, 2], [1, 3, 1, 0]])
        np.testing.assert_array_equal(plain(C.values()), [4, 5, 6, 6])
        np.testing.assert_array_equal(plain(KINDS[fmt]((source, (row, col)), shape=(3, 4))), S.toarray())


def test_in_place():
    S = sample((8, 6), "csr")
    A, T = rt.sparse.from_scipy(S.copy()), S.copy()
    for x in (A, T):
        x[0, 1] = 5.0
        x[2, 1:3] = [1.0, 2.0]
        x *= 2
        x /= 4
        x.setdiag(7.0)
        x.data[0] = 0
        x.eliminate_zeros()
        x.sort_indices()
    agree(A, T, exact=True)
    assert np.shares_memory(A.data, A.values().numpy())


def test_makers_and_stacks():
    S, T = sample((4, 5), "csr"), sample((4, 5), "coo", seed=3)
    A, B = rt.sparse.from_scipy(S), rt.sparse.from_scipy(T)
    for f in (
        lambda m, a, b: m.vstack([a, b]),
        lambda m, a, b: m.hstack([a, b], format="csr"),
        lambda m, a, b: m.kron(a, b),
        lambda m, a, b: m.block_array([[a, None], [None, b]]),
        lambda m, a, b: m.block_diag([a, b]),
        lambda m, a, b: m.tril(a),
        lambda m, a, b: m.triu(b, 1, format="csc"),
        lambda m, a, b: m.eye_array(4, 5, k=1),
        lambda m, a, b: m.diags_array([np.arange(3.0), np.ones(3)], offsets=[0, 1], shape=(3, 4)),
        lambda m, a, b: m.random_array((5, 6), density=0.4, rng=np.random.default_rng(2)),
        lambda m, a, b: m.kronsum(a[:4, :4], b.tocsr()[:4, :4]),
        lambda m, a, b: m.diags_array(np.arange(4.0)),
        lambda m, a, b: m.find(a)[2],
        lambda m, a, b: m.find(b)[0],
    ):
        ours, theirs = f(rt.sparse, A, B), f(sp, S, T)
        np.testing.assert_allclose(plain(ours), plain(theirs), rtol=1e-15)
        assert isinstance(ours, (rt.sparse.SparseArray, rt.Tensor)) and plain(ours).dtype == plain(theirs).dtype
    rt.manual_seed(3)
    one = rt.sparse.random_array((20, 20), density=0.2)
    rt.manual_seed(3)
    np.testing.assert_array_equal(plain(one), plain(rt.sparse.random_array((20, 20), density=0.2)))


# ---- gradients ----


def maker(S):
    """The array of S' structure with these values."""
    parts = (S.coords,) if S.format == "coo" else (S.indices, S.indptr)
    return lambda values: KINDS[S.format]((values, *parts), shape=S.shape)


GRADIENTS = {
    "A @ X": lambda A, B, X, y: A @ X,
    "y @ A": lambda A, B, X, y: y @ A,
    "Z @ A": lambda A, B, X, y: y.reshape(1, 4) @ A,
    "A @ B.T": lambda A, B, X, y: (A @ B.T).toarray(),
    "A.T @ B": lambda A, B, X, y: (A.T @ B).toarray(),
    "A + B": lambda A, B, X, y: (A + B).toarray(),
    "A - B": lambda A, B, X, y: (A - B).toarray(),
    "A * B": lambda A, B, X, y: (A * B).toarray(),
    "maximum": lambda A, B, X, y: A.maximum(B).toarray(),
    "A * D": lambda A, B, X, y: (A * (X @ X.T)[:4]).toarray(),
    "A / y": lambda A, B, X, y: (A / (2 + y[:, None] ** 2)).toarray(),
    "A + D": lambda A, B, X, y: A + (X @ X.T)[:4],
    "D - A": lambda A, B, X, y: (X @ X.T)[:4] - A,
    "s * A": lambda A, B, X, y: (y[0] * A).toarray(),
    "A / s": lambda A, B, X, y: (A / (2 + y[0] ** 2)).toarray(),
    "slice": lambda A, B, X, y: A.tocsr()[1:, [0, 3]].toarray(),
    "element": lambda A, B, X, y: A.tocsr()[2, 3] * y[0],
    "row": lambda A, B, X, y: A.tocsr()[2].toarray() * X[:, 0],
    "sum": lambda A, B, X, y: A.sum() * y.sum(),
    "sum0": lambda A, B, X, y: A.sum(0) * X[:, 0],
    "mean1": lambda A, B, X, y: A.mean(axis=1) * y,
    "max1": lambda A, B, X, y: A.max(axis=1).toarray(),
    "min": lambda A, B, X, y: A.min() * y,
    "sin": lambda A, B, X, y: A.sin().toarray(),
    "power": lambda A, B, X, y: (A**3).toarray(),
    "abs": lambda A, B, X, y: abs(A) @ X,
    "diagonal": lambda A, B, X, y: A.diagonal() * y,
    "trace": lambda A, B, X, y: A.trace() * y,
    "tocsc": lambda A, B, X, y: A.tocsc().T @ y,
    "tocoo": lambda A, B, X, y: A.tocoo().tocsr() @ X,
    "reshape": lambda A, B, X, y: A.reshape(2, 10).toarray(),
    "coalesce": lambda A, B, X, y: A.tocoo().coalesce().values(),
    "vstack": lambda A, B, X, y: rt.sparse.vstack([A, B]) @ X,
    "kron": lambda A, B, X, y: rt.sparse.kron(A, B).sum(0),
    "block": lambda A, B, X, y: rt.sparse.block_array([[A, None], [B, A]]).toarray(),
    "tril": lambda A, B, X, y: rt.sparse.tril(A, 1) @ X,
    "diags": lambda A, B, X, y: rt.sparse.diags([y, y[1:]], [0, 1]) @ A @ X,
    "norm": lambda A, B, X, y: rt.sparse.linalg.norm(A),
    "dense": lambda A, B, X, y: rt.sparse.csc_array(X @ X.T) @ X,
    "softmax": lambda A, B, X, y: rt.sparse.softmax(A, 1) @ X,
    "log_softmax": lambda A, B, X, y: rt.sparse.log_softmax(A, 0) @ X,
    "sampled": lambda A, B, X, y: rt.sparse.sampled_addmm(A, y[:, None], X[:, :1].T, beta=2.0, alpha=3.0) @ X,
    "addmm": lambda A, B, X, y: rt.sparse.addmm(y[:, None], A, X, beta=0.5, alpha=2.0),
    "conj": lambda A, B, X, y: A.conj() @ X,
    "rmatvec": lambda A, B, X, y: A.rmatvec(y),
    "to_sparse": lambda A, B, X, y: X.to_sparse().T @ X,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_to_second_order(name):
    f = GRADIENTS[name]
    for fmt in FORMATS:
        for dtype in ["float64"] + (["complex128"] if name in ("A @ X", "y @ A", "A @ B.T", "A * B", "conj") else []):
            S, T = sample((4, 5), fmt, dtype, density=0.5), sample((4, 5), "csr", dtype, 2, density=0.6)
            parts = [S.data, T.data, dense((5, 2), dtype), dense(4, dtype)]
            inputs = [rt.tensor(p, requires_grad=True) for p in parts]

            def whole(s, t, x, y, S=S, T=T):
                return f(maker(S)(s), maker(T)(t), x, y)

            assert rt.autograd.gradcheck(whole, inputs)
            assert rt.autograd.gradgradcheck(whole, inputs)


def test_gradient_is_an_array_of_the_same_structure():
    S = sample((6, 5), "csr")
    A = rt.sparse.from_scipy(S.copy()).requires_grad_()
    x = rt.tensor(dense(5), requires_grad=True)
    (A @ x).sum().backward()
    assert isinstance(A.grad, rt.sparse.csr_array) and np.array_equal(A.grad.indices, S.indices)
    np.testing.assert_allclose(plain(A.grad), (S != 0).toarray() * x.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), S.T @ np.ones(6), rtol=1e-14)
    with rt.no_grad():
        assert not (A @ x).requires_grad and not (A * 2).requires_grad
    assert not A.detach().requires_grad and A.requires_grad
    for refused in (
        lambda: A.__setitem__((0, 0), 1.0),
        lambda: A.setdiag(1.0),
        lambda: A.resize(3, 3),
        lambda: A.__imul__(2),
    ):
        with pytest.raises(ValueError, match="require"):
            refused()


# ---- SciPy's functions and scikit-learn's on our arrays ----


@pytest.fixture
def system():
    S = sample((30, 30), "csr", density=0.2)
    return sp.csr_array(S @ S.T + 5 * sp.eye_array(30)), dense(30)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", ["spsolve", "cg", "gmres", "bicgstab", "minres", "lsqr", "lsmr", "lgmres", "tfqmr"])
def test_solvers_take_our_arrays(system, name, fmt):
    S, b = system
    S = S.asformat(fmt)
    solve = getattr(sl, name)
    ours, theirs = solve(rt.sparse.from_scipy(S), b), solve(S, b)
    ours, theirs = (r if isinstance(r, np.ndarray) else r[0] for r in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    through = getattr(rt.sparse.linalg, name)(rt.sparse.from_scipy(S), rt.from_numpy(b))
    np.testing.assert_allclose(
        plain(through if isinstance(through, rt.Tensor) else through[0]), theirs, rtol=1e-10, atol=1e-12
    )


def test_decompositions_and_graphs_take_our_arrays(system):
    S, b = system
    A = rt.sparse.from_scipy(S)
    np.testing.assert_allclose(sl.splu(A.tocsc()).solve(b), sl.spsolve(S, b), rtol=1e-10)
    np.testing.assert_allclose(sl.eigsh(A, 3)[0], sl.eigsh(S, 3)[0], rtol=1e-10)
    np.testing.assert_allclose(sl.svds(A, 3, v0=b)[1], sl.svds(S, 3, v0=b)[1], rtol=1e-10)
    np.testing.assert_allclose(sl.aslinearoperator(A).matvec(b), S @ b, rtol=1e-12)
    np.testing.assert_allclose(sl.LinearOperator((30, 30), matvec=lambda v: A @ v).matvec(b), S @ b, rtol=1e-12)
    np.testing.assert_allclose(sl.norm(A), sl.norm(S), rtol=1e-14)
    np.testing.assert_allclose(sl.inv(A.tocsc()).toarray(), sl.inv(S.tocsc()).toarray(), rtol=1e-10)
    C = S.tocsc() / 50
    np.testing.assert_allclose(sl.expm(rt.sparse.from_scipy(C)).toarray(), sl.expm(C).toarray(), rtol=1e-10)
    np.testing.assert_allclose(sl.expm_multiply(A / 50, b), sl.expm_multiply(S / 50, b), rtol=1e-10)
    L = sp.tril(S, format="csr")
    np.testing.assert_allclose(
        sl.spsolve_triangular(rt.sparse.from_scipy(L), b), sl.spsolve_triangular(L, b), rtol=1e-10
    )
    np.testing.assert_allclose(csgraph.dijkstra(abs(A)), csgraph.dijkstra(abs(S)))
    assert csgraph.connected_components(A)[0] == csgraph.connected_components(S)[0]
    np.testing.assert_allclose(plain(csgraph.laplacian(A)), csgraph.laplacian(S).toarray(), rtol=1e-12)
    np.testing.assert_array_equal(sp.vstack([A, S]).toarray(), sp.vstack([S, S]).toarray())
    np.testing.assert_array_equal((S + A).toarray(), (S + S).toarray())
    np.testing.assert_allclose((S @ A).toarray(), (S @ S).toarray())


def test_estimators_take_our_arrays(system):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import MaxAbsScaler

    S, b = system
    A = rt.sparse.from_scipy(S)
    np.testing.assert_allclose(Ridge().fit(A, b).coef_, Ridge().fit(S, b).coef_, rtol=1e-8)
    np.testing.assert_allclose(
        LogisticRegression().fit(A, b > 0).coef_, LogisticRegression().fit(S, b > 0).coef_, rtol=1e-6
    )
    np.testing.assert_allclose(
        TruncatedSVD(3, random_state=0).fit(A).singular_values_, TruncatedSVD(3, random_state=0).fit(S).singular_values_
    )
    np.testing.assert_allclose(MaxAbsScaler().fit_transform(A).toarray(), MaxAbsScaler().fit_transform(S).toarray())


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_spsolve_is_differentiable(dtype):
    S = sp.csc_array(sample((5, 5), "csc", dtype, density=0.4) + 4 * sp.eye_array(5))
    for b in (dense(5, dtype), dense((5, 2), dtype)):
        inputs = [rt.tensor(S.data, requires_grad=True), rt.tensor(b, requires_grad=True)]

        def f(v, b):
            return rt.sparse.linalg.spsolve(maker(S)(v), b)

        np.testing.assert_allclose(plain(f(*inputs)), sl.spsolve(S, b), rtol=1e-12)
        assert rt.autograd.gradcheck(f, inputs) and rt.autograd.gradgradcheck(f, inputs)


# ---- PyTorch's names ----


def test_pytorchs_names():
    import torch

    dense_ = torch.tensor([[0.0, 2.0, 0.0], [3.0, 0.0, 4.0]])
    ours = rt.from_numpy(dense_.numpy())
    for name in ("to_sparse", "to_sparse_csr", "to_sparse_csc", "to_sparse_coo"):
        a, t = getattr(ours, name)(), getattr(dense_, name if name != "to_sparse_coo" else "to_sparse")()
        assert (
            str(a.layout).split(".")[1] == str(t.layout).split(".")[1]
            and tuple(a.shape) == tuple(t.shape)
            and a._nnz() == t._nnz()
        )
        np.testing.assert_array_equal(
            a.values().numpy(), t.values().numpy() if name[-3:] in ("csr", "csc") else t.coalesce().values()
        )
        np.testing.assert_array_equal(a.to_dense().numpy(), dense_.numpy())
        assert type(a.to_dense()) is rt.Tensor
    t = dense_.to_sparse_csr()
    a = ours.to_sparse_csr()
    np.testing.assert_array_equal(a.crow_indices().numpy(), t.crow_indices())
    np.testing.assert_array_equal(a.col_indices().numpy(), t.col_indices())
    c, d = ours.to_sparse_csc(), dense_.to_sparse_csc()
    np.testing.assert_array_equal(c.ccol_indices().numpy(), d.ccol_indices())
    np.testing.assert_array_equal(c.row_indices().numpy(), d.row_indices())
    i, v = [[0, 1, 1, 0], [2, 0, 2, 2]], [3.0, 4.0, 5.0, 6.0]
    a, t = rt.sparse_coo_tensor(i, v, (2, 4)), torch.sparse_coo_tensor(i, v, (2, 4))
    np.testing.assert_array_equal(a.to_dense().numpy(), t.to_dense())
    np.testing.assert_array_equal(a.coalesce().indices().numpy(), t.coalesce().indices())
    assert a.dtype == rt.float32 and not a.is_coalesced() and a.sparse_dim() == 2 and a.dense_dim() == 0
    a, t = (
        rt.sparse_csr_tensor([0, 1, 3], [1, 0, 2], [1.0, 2, 3]),
        torch.sparse_csr_tensor([0, 1, 3], [1, 0, 2], [1.0, 2, 3]),
    )
    np.testing.assert_array_equal(a.to_dense().numpy(), t.to_dense())
    x = dense((3, 2), "float32")
    np.testing.assert_allclose(
        rt.sparse.mm(a, rt.from_numpy(x)).numpy(), torch.sparse.mm(t, torch.from_numpy(x)), rtol=1e-6
    )
    s, r = ours.to_sparse(), dense_.to_sparse()
    np.testing.assert_allclose(
        rt.sparse.softmax(s, 1).to_dense().numpy(), torch.sparse.softmax(r, 1).to_dense(), rtol=1e-6
    )
    np.testing.assert_allclose(rt.sparse.sum(s, 0).to_dense().numpy(), torch.sparse.sum(r, 0).to_dense(), rtol=1e-6)
    cube = rt.sparse_coo_tensor([[0, 1], [1, 0], [2, 2]], [1.0, 2.0], (2, 2, 3), requires_grad=True)
    cube.to_dense().sum().backward()
    np.testing.assert_array_equal(cube.values().grad.numpy(), [1, 1])


def test_functions_take_sparse_arrays():
    S, x = sample((6, 5), "csr"), dense((5, 2))
    A, t = rt.sparse.from_scipy(S), rt.from_numpy(x)
    for f in (rt.matmul, rt.mm):
        agree(f(A, t).numpy(), S @ x)
        agree(f(t.T, A.T).numpy(), x.T @ S.T)
    agree(rt.mv(A, t[:, 0]).numpy(), S @ x[:, 0])
    agree(rt.add(A, A), S + S)
    agree(rt.mul(A, 2), S * 2)
    agree(rt.sin(A), S.sin())
    agree(rt.abs(A), abs(S))
    with pytest.raises(TypeError, match="csr_array"):
        rt.cumsum(A, 0)
    with pytest.raises(ValueError):
        rt.mm(A, A)


def test_threads_do_not_change_bits():
    rng = np.random.default_rng(0)
    S = sp.random_array((20000, 3000), density=3e-3, format="csr", rng=rng)
    before = rt.get_num_threads()
    try:
        for dtype in ("float32", "float64", "complex64"):
            A, B = rt.sparse.from_scipy(S.astype(dtype)), rt.sparse.from_scipy(S.astype(dtype).tocsc())
            for width in (None, 1, 3, 8, 16, 33, 64):
                x = rt.from_numpy(dense(3000 if width is None else (3000, width), dtype))
                y = rt.from_numpy(dense(20000 if width is None else (20000, width), dtype))
                found = []
                for threads in (1, 2, 5):
                    rt.set_num_threads(threads)
                    v = A.values().clone().requires_grad_()
                    (rt.sparse.csr_array((v, A.indices, A.indptr), shape=A.shape) @ x * y).sum().real.backward()
                    found.append([t.numpy().tobytes() for t in (A @ x, B @ x, A.T @ y, B.T @ y, v.grad)])
                assert found[0] == found[1] == found[2]
                np.testing.assert_array_equal((A @ x).numpy(), S.astype(dtype) @ x.numpy())
    finally:
        rt.set_num_threads(before)
