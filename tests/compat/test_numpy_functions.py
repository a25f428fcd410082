"""NumPy's functions called on Tensors: a list of calls made twice, with arrays and with Tensors, and
gradients through them against finite differences."""

import operator

import numpy as np
import pytest

import rustorch
from rustorch import Tensor, tensor


@pytest.fixture(autouse=True)
def silent():
    with np.errstate(all="ignore"):
        yield


def as_tensor(x):
    return rustorch.from_numpy(np.ascontiguousarray(x))


def numbers(n=12, seed=0, low=0.5, high=3.0):
    return np.random.default_rng(seed).uniform(low, high, n)


def same(ours, theirs, rtol=None):
    """A Tensor of NumPy's values and dtype."""
    assert isinstance(ours, Tensor), type(ours)
    ours, theirs = ours.detach().numpy(), np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    if theirs.dtype.kind in "fc":
        if rtol is None:
            rtol = 16 * np.finfo(theirs.dtype).eps
        wide = "complex128" if theirs.dtype.kind == "c" else "float64"
        np.testing.assert_allclose(ours.astype(wide), theirs.astype(wide), rtol=rtol, atol=rtol * 1e-3)
    else:
        np.testing.assert_array_equal(ours, theirs)


A = numbers(12).reshape(3, 4)
B = numbers(12, 1).reshape(3, 4)
V = numbers(5, 2)
M = numbers(9, 4).reshape(3, 3)
I8 = np.arange(-5, 7, dtype="int8").reshape(3, 4)
Z = A + 1j * B
GAPS = np.where(A > 2, np.nan, A)

# name, arguments, keywords; arrays become Tensors
CALLS = [
    *[
        (f, (x,), w)
        for f in ("sum", "prod", "mean", "std", "var", "max", "min", "amax", "amin", "ptp")
        for x in (A, I8)
        for w in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}, {"axis": -1})
    ],
    *[
        (f, (A,), w)
        for f in ("any", "all", "argmax", "argmin", "count_nonzero", "cumsum", "cumprod", "median")
        for w in ({}, {"axis": 0}, {"axis": -1})
    ],
    ("std", (A,), {"ddof": 1}),
    ("var", (A,), {"correction": 1, "axis": 0}),
    ("sum", (A,), {"axis": (0, 1)}),
    ("sum", (I8,), {"dtype": "float32"}),
    ("sum", (A,), {"where": A > 1}),
    ("max", (A,), {"initial": 2.5}),
    ("mean", (A,), {"where": A > 1, "axis": 1}),
    ("std", (A,), {"where": A > 1}),
    ("mean", (I8,), {"dtype": "float32"}),
    ("sum", (Z,), {}),
    ("mean", (Z,), {"axis": 0}),
    ("any", (I8 > 9,), {}),
    ("cumulative_sum", (V,), {"include_initial": True}),
    *[
        (f, (GAPS,), {"axis": w})
        for f in ("nansum", "nanmean", "nanstd", "nanvar", "nanmax", "nanmin", "nanprod")
        for w in (None, 0)
    ],
    ("concatenate", ([A, B],), {}),
    ("concatenate", ((A, B),), {"axis": 1}),
    ("concatenate", ((A, V),), {"axis": None}),
    ("concatenate", ((I8, A),), {}),
    ("stack", ([A, B],), {"axis": 1}),
    ("stack", ((A, B),), {"axis": -1}),
    ("vstack", ((A, B),), {}),
    ("vstack", ((V, V),), {}),
    ("hstack", ((A, B),), {}),
    ("hstack", ((V, V),), {}),
    ("dstack", ((A, B),), {}),
    ("column_stack", ((V, V),), {}),
    ("block", ([[A, B], [B, A]],), {}),
    ("append", (A, V), {}),
    ("append", (A, B), {"axis": 0}),
    ("delete", (A, 1), {"axis": 0}),
    ("delete", (V, [0, 2]), {}),
    ("insert", (V, 1, 2.0), {}),
    ("split", (A, 2), {"axis": 1}),
    ("array_split", (V, 3), {}),
    ("split", (V, [1, 3]), {}),
    ("hsplit", (A, 2), {}),
    ("vsplit", (A, 3), {}),
    ("array_split", (V, [2, 9]), {}),
    ("unstack", (A,), {"axis": 1}),
    ("reshape", (A, (4, 3)), {}),
    ("reshape", (A, (2, -1)), {"order": "F"}),
    ("reshape", (A, -1), {}),
    ("ravel", (A,), {}),
    ("ravel", (A,), {"order": "F"}),
    ("transpose", (A,), {}),
    ("transpose", (A, (1, 0)), {}),
    ("moveaxis", (A[None], 0, -1), {}),
    ("rollaxis", (A[None], 2), {}),
    ("swapaxes", (A, 0, 1), {}),
    ("squeeze", (A[None],), {}),
    ("squeeze", (A[None], 0), {}),
    ("expand_dims", (A, 1), {}),
    ("expand_dims", (A, (0, 3)), {}),
    ("broadcast_to", (V, (2, 5)), {}),
    ("broadcast_arrays", (V, V[:, None]), {}),
    ("tile", (A, 2), {}),
    ("tile", (V, (2, 2)), {}),
    ("repeat", (A, 2), {}),
    ("repeat", (A, 2), {"axis": 1}),
    ("repeat", (V, [1, 0, 2, 1, 1]), {}),
    ("flip", (A,), {}),
    ("flip", (A, 1), {}),
    ("fliplr", (A,), {}),
    ("flipud", (A,), {}),
    ("rot90", (A,), {}),
    ("rot90", (A, 3), {}),
    ("rot90", (A, 2), {}),
    ("roll", (A, 2), {}),
    ("roll", (A, 1), {"axis": 1}),
    ("roll", (A, (1, -1)), {"axis": (0, 1)}),
    ("meshgrid", (V, V), {}),
    ("meshgrid", (V, V), {"indexing": "ij", "sparse": True}),
    ("atleast_1d", (V,), {}),
    ("atleast_2d", (V,), {}),
    ("atleast_3d", (A,), {}),
    ("atleast_3d", (V,), {}),
    ("permute_dims", (A, (1, 0)), {}),
    ("matrix_transpose", (A,), {}),
    ("where", (A > 1, A, B), {}),
    ("where", (A > 1, A, 0.0), {}),
    ("where", (A > 1,), {}),
    ("clip", (A, 1, 2), {}),
    ("clip", (A, None, 2), {}),
    ("clip", (A,), {"min": 1.5}),
    ("clip", (I8, -2, 3), {}),
    ("round", (A,), {"decimals": 1}),
    ("around", (A,), {}),
    ("round", (I8,), {}),
    ("fix", (A,), {}),
    ("real", (Z,), {}),
    ("imag", (Z,), {}),
    ("imag", (A,), {}),
    ("angle", (Z,), {}),
    ("angle", (Z,), {"deg": True}),
    ("sinc", (A,), {}),
    ("i0", (A,), {}),
    ("nan_to_num", (GAPS,), {}),
    ("nan_to_num", (np.array([np.inf, -np.inf, np.nan, 1.0]),), {"posinf": 9.0}),
    ("isposinf", (A,), {}),
    ("isneginf", (A,), {}),
    ("select", ([A > 2, A > 1], [A, B]), {}),
    ("diff", (A,), {}),
    ("diff", (A,), {"axis": 0, "n": 2}),
    ("diff", (V,), {"prepend": 0.0}),
    ("ediff1d", (V,), {}),
    ("gradient", (V,), {}),
    ("gradient", (A, 0.5), {"axis": 1}),
    ("gradient", (A,), {}),
    ("take", (A, [0, -1]), {"axis": 1}),
    ("take", (A, np.array([[1, 5], [0, 2]])), {}),
    ("take", (V, 9), {"mode": "wrap"}),
    ("take_along_axis", (A, np.argsort(A, 1), 1), {}),
    ("compress", ([True, False, True], A), {"axis": 0}),
    ("extract", (A > 1, A), {}),
    ("trim_zeros", (np.array([0.0, 1, 0, 2, 0]),), {}),
    ("sort", (A,), {}),
    ("sort", (A,), {"axis": 0}),
    ("sort", (A,), {"axis": None}),
    ("argsort", (A,), {}),
    ("unique", (I8 // 2,), {}),
    ("unique", (I8 // 2,), {"return_counts": True}),
    ("nonzero", (I8,), {}),
    ("flatnonzero", (I8,), {}),
    ("argwhere", (I8 > 0,), {}),
    ("searchsorted", (np.sort(V), A), {}),
    ("digitize", (A, np.sort(V)), {}),
    ("partition", (V, 2), {}),
    ("lexsort", ((V, V),), {}),
    ("choose", (I8[0] % 2, [A[0], B[0]]), {}),
    ("dot", (A, B.T), {}),
    ("dot", (V, V), {}),
    ("dot", (A, 2.0), {}),
    ("dot", (A, np.stack([B.T] * 2)), {}),
    ("inner", (A, B), {}),
    ("inner", (V, V), {}),
    ("outer", (V, A), {}),
    ("vdot", (A, B), {}),
    ("vdot", (Z, Z), {}),
    ("tensordot", (A, B), {"axes": ([1], [1])}),
    ("tensordot", (A, B.T, 1), {}),
    ("kron", (A, B), {}),
    ("trace", (M,), {}),
    ("trace", (M,), {"offset": 1}),
    ("diagonal", (M,), {}),
    ("diag", (V,), {}),
    ("diag", (V, 1), {}),
    ("diag", (V, -2), {}),
    ("diag", (A,), {}),
    ("diagflat", (V,), {}),
    ("tril", (A,), {}),
    ("triu", (A,), {"k": 1}),
    ("tril", (A, -1), {}),
    ("cross", (M, M[::-1]), {}),
    ("convolve", (V, V[:3]), {}),
    ("convolve", (V, V[:3], "same"), {}),
    ("convolve", (V[:2], V, "valid"), {}),
    ("correlate", (V, V[:3]), {}),
    ("linalg.norm", (A,), {}),
    ("linalg.norm", (V, 1), {}),
    ("linalg.norm", (V, 3), {}),
    ("linalg.norm", (V, np.inf), {}),
    ("linalg.norm", (A, 1), {}),
    ("linalg.norm", (A, np.inf), {}),
    ("linalg.norm", (A,), {"axis": 1}),
    ("linalg.norm", (M, 2), {}),
    ("linalg.norm", (I8,), {}),
    ("linalg.norm", (V, 0), {}),
    ("linalg.norm", (A, "fro"), {"keepdims": True}),
    ("linalg.vector_norm", (A,), {"axis": 0}),
    ("linalg.matrix_norm", (A,), {}),
    ("linalg.det", (M,), {}),
    ("linalg.inv", (M,), {}),
    ("linalg.solve", (M, M), {}),
    ("linalg.svd", (A,), {}),
    ("linalg.matrix_power", (M, 5), {}),
    ("linalg.multi_dot", ([A, B.T, A],), {}),
    ("einsum", ("ij,kj->ik", A, B), {}),
    ("einsum", ("ii->i", M), {}),
    ("einsum", ("ij->", A), {}),
    ("einsum", ("ij,jk,kl", A, B.T, A), {}),
    ("einsum", ("...i,...i->...", A, B), {}),
    ("einsum", ("i,j->ij", V, V), {}),
    ("einsum", ("ij->ji", A), {}),
    ("einsum", ("ii", M), {}),
    ("einsum", ("bij,bjk->bik", np.stack([A] * 2), np.stack([B.T] * 2)), {}),
    ("einsum", ("ij,ij->i", A, B), {}),
    ("einsum", ("ijk,j->ik", np.stack([A] * 2), B[:, 0]), {}),
    ("average", (A,), {}),
    ("average", (A,), {"weights": B, "axis": 1}),
    ("average", (A,), {"weights": B[0], "axis": 1}),
    ("quantile", (A, 0.3), {}),
    ("quantile", (A, [0.25, 0.5]), {"axis": 1}),
    ("percentile", (A, [10, 90]), {"axis": 0, "keepdims": True}),
    ("percentile", (A, 50), {}),
    ("median", (GAPS,), {}),
    ("median", (A,), {"axis": (0, 1), "keepdims": True}),
    ("quantile", (A, 0.3), {"method": "nearest"}),
    ("cov", (A,), {}),
    ("cov", (A, B), {}),
    ("cov", (A,), {"rowvar": False}),
    ("cov", (V,), {}),
    ("corrcoef", (A,), {}),
    ("histogram", (A,), {}),
    ("bincount", (np.abs(I8).ravel(),), {}),
    ("interp", (A, np.sort(V), V), {}),
    ("trapezoid", (V,), {}),
    ("trapezoid", (A, V[:4]), {"axis": 1}),
    ("pad", (A, 1), {}),
    ("pad", (A, ((1, 0), (0, 2))), {"constant_values": 7.0}),
    ("pad", (V, 2), {"mode": "reflect"}),
    ("pad", (V, (1, 3)), {"mode": "edge"}),
    ("pad", (V, 2), {"mode": "mean"}),
    ("zeros_like", (A,), {}),
    ("ones_like", (I8,), {}),
    ("full_like", (A, 3), {}),
    ("full_like", (A, 3), {"dtype": "int64"}),
    ("zeros_like", (A,), {"shape": (2, 2)}),
    ("copy", (A,), {}),
    ("astype", (A, np.float32), {}),
    ("astype", (A, np.float64), {"copy": False}),
    ("linspace", (V, V + 1), {"num": 5}),
    ("linspace", (V, V + 1), {"num": 4, "endpoint": False}),
    ("fft.fft", (V,), {}),
    ("isclose", (A, B), {}),
    ("isin", (I8, [1, 2]), {}),
    ("union1d", (I8, I8), {}),
    ("real_if_close", (Z,), {}),
    ("apply_along_axis", (np.sort, 0, A), {}),
    ("lib.stride_tricks.sliding_window_view", (V, 2), {}),
]


def deep(x, change):
    if isinstance(x, np.ndarray):
        return change(x)
    if type(x) in (list, tuple):
        return type(x)(deep(item, change) for item in x)
    return x


def alike(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            alike(a, b)
    elif isinstance(theirs, (np.ndarray, np.generic)):
        if isinstance(ours, (int, np.integer)):
            assert ours == theirs
        else:
            same(ours, theirs, 1e-5 if np.asarray(theirs).dtype == np.float32 else 1e-12)
    else:
        assert ours == theirs


def identify(call):
    return call[0]


@pytest.mark.parametrize("name, arguments, words", CALLS, ids=[f"{c[0]}-{i}" for i, c in enumerate(CALLS)])
def test_function(name, arguments, words):
    try:
        f = operator.attrgetter(name)(np)
    except AttributeError:
        pytest.skip("newer than this NumPy")
    theirs = f(*arguments, **words)
    wrapped = deep(arguments, lambda x: rustorch.from_numpy(x.copy()))
    alike(f(*wrapped, **{k: deep(v, as_tensor) if k != "where" else v for k, v in words.items()}), theirs)


# Functions through which gradients must flow, each a call on one (3, 4) argument of numbers in (0.5, 3).
FLOWING = {
    "sum": lambda x: np.sum(x, axis=1),
    "prod": lambda x: np.prod(x, axis=0),
    "mean": np.mean,
    "std": lambda x: np.std(x, axis=1),
    "var": np.var,
    "max": lambda x: np.max(x, axis=1),
    "ptp": np.ptp,
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "cumprod": lambda x: np.cumprod(x),
    "median": lambda x: np.median(x, axis=1),
    "quantile": lambda x: np.quantile(x, [0.2, 0.7], axis=0),
    "concatenate": lambda x: np.concatenate([x, x * 2], axis=1),
    "stack": lambda x: np.stack([x, x * x]),
    "tile": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2, axis=0),
    "flip": np.flip,
    "roll": lambda x: np.roll(x, 1, axis=1),
    "rot90": np.rot90,
    "where": lambda x: np.where(np.asarray([True, False, True, True]), x, x * x),
    "clip": lambda x: np.clip(x, 1, 2),
    "dot": lambda x: np.dot(x, x.T),
    "inner": lambda x: np.inner(x, x),
    "outer": lambda x: np.outer(x, x),
    "tensordot": lambda x: np.tensordot(x, x, ([0], [0])),
    "einsum": lambda x: np.einsum("ij,kj,kl->il", x, x, x),
    "trace": np.trace,
    "diagonal": np.diagonal,
    "diag": lambda x: np.diag(x[0], 1),
    "tril": np.tril,
    "sort": lambda x: np.sort(x, axis=1) * np.arange(4),
    "take": lambda x: np.take(x, [2, 0, 2], axis=1),
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[0, 1, 1, -1]]), 1),
    "norm": np.linalg.norm,
    "norm1": lambda x: np.linalg.norm(x, 1),
    "norm3": lambda x: np.linalg.norm(x[0], 3),
    "pad": lambda x: np.pad(x, 1),
    "reflect": lambda x: np.pad(x, 1, mode="reflect"),
    "diff": np.diff,
    "gradient": lambda x: np.gradient(x, axis=1),
    "average": lambda x: np.average(x, weights=np.arange(1, 5), axis=1),
    "cov": np.cov,
    "corrcoef": np.corrcoef,
    "nansum": np.nansum,
    "nan_to_num": np.nan_to_num,
    "reshape": lambda x: np.reshape(x, (4, 3), order="F"),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "split": lambda x: np.split(x, 2, axis=1)[1],
    "convolve": lambda x: np.convolve(x[0], x[1]),
    "trapezoid": lambda x: np.trapezoid(x),
    "kron": lambda x: np.kron(x, x),
    "cross": lambda x: np.cross(x[:, :3], x[:, 1:]),
    "linspace": lambda x: np.linspace(x, 2 * x, 3),
    "select": lambda x: np.select([np.asarray(A > 1)], [x * x], 0.0),
    "delete": lambda x: np.delete(x, 1, axis=1),
    "unique": lambda x: np.unique(x),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0],
    "matrix_power": lambda x: np.linalg.matrix_power(x[:, :3], 3),
    "sinc": np.sinc,
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 1)),
    "block": lambda x: np.block([[x], [x]]),
    "fft": lambda x: np.square(np.absolute(np.fft.fft(x, 5))),
    "irfftn": lambda x: np.fft.irfftn(x, (3, 5)),
}


@pytest.mark.parametrize("name", FLOWING)
def test_gradients_flow_through_functions(name):
    f = FLOWING[name]
    weights = numbers(np.asarray(f(A)).size, 8).reshape(np.asarray(f(A)).shape)
    t = as_tensor(A).requires_grad_()
    result = f(t)
    same(result, f(A), 1e-12)
    (result * weights).sum().backward()
    numeric, h = np.zeros_like(A), 1e-6
    for i in np.ndindex(A.shape):
        step = np.zeros_like(A)
        step[i] = h
        numeric[i] = ((f(A + step) - f(A - step)) * weights).sum() / (2 * h)
    np.testing.assert_allclose(t.grad.numpy(), numeric, rtol=2e-5, atol=1e-6)


def test_functions_without_a_gradient_are_refused_by_name():
    t = as_tensor(M).requires_grad_()
    for f, arguments in ((np.roots, (t[0],)), (np.polydiv, (t[0], [1.0, 2.0]))):
        with pytest.raises(TypeError, match=f"{f.__name__}.*no derivative known"):
            f(*arguments)
        with rustorch.no_grad():
            f(*arguments)
    with pytest.raises(RuntimeError, match="leaf"):
        np.putmask(t, M > 1, 0.0)
    with pytest.raises(TypeError, match="copyto"):
        np.copyto(np.zeros_like(M), t)


def test_constant_functions_need_no_gradient():
    t = as_tensor(A).requires_grad_()
    assert np.argsort(t).dtype == np.int64
    assert np.shape(t) == (3, 4) and np.ndim(t) == 2 and np.size(t) == 12 and np.size(t, 0) == 3
    assert np.allclose(t, A) and np.array_equal(t, A) and not np.array_equal(t, B)
    assert len(np.nonzero(t)) == 2 and np.count_nonzero(t) == 12
    assert np.isclose(t, A).all() and np.result_type(t, np.float32) == np.float64
    assert not np.zeros_like(t).requires_grad and np.zeros_like(t).numpy().sum() == 0
    assert isinstance(np.array_repr(t), str) and isinstance(np.array2string(t), str)
    assert np.shares_memory(t, t) and np.may_share_memory(t, t)
    assert np.iscomplexobj(tensor([1j])) and not np.iscomplexobj(t)
    counts, _ = np.histogram(t)
    assert counts.sum() == 12


def test_memory_is_shared():
    x = A.copy()
    t = rustorch.from_numpy(x)
    assert np.shares_memory(np.reshape(t, (4, 3)).numpy(), x)
    assert np.shares_memory(np.transpose(t).numpy(), x)
    assert np.shares_memory(np.flip(t).numpy(), x)
    assert np.shares_memory(np.lib.stride_tricks.sliding_window_view(t, 2, axis=1).numpy(), x)


def test_functions_that_write():
    t = as_tensor(A.copy())
    before = t._version
    np.copyto(t, 0.0, where=A > 1)
    np.testing.assert_array_equal(t.numpy(), np.where(A > 1, 0, A))
    np.put(t, [0, 5], [7.0, 8.0])
    np.putmask(t, t.numpy() == 7.0, -1.0)
    np.fill_diagonal(t, 3.0)
    assert t.numpy()[0, 0] == 3.0 and t.numpy()[1, 1] == 3.0 and t._version > before
    a = np.zeros((3, 4))
    np.copyto(a, as_tensor(B))
    np.testing.assert_array_equal(a, B)
    x = as_tensor(A).requires_grad_()
    y = rustorch.zeros(3, 4, dtype="float64")
    np.copyto(y, x * 2)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full((3, 4), 2.0))
    out = rustorch.zeros(4, dtype="float64")
    assert np.sum(x.detach(), axis=0, out=out) is out
    np.testing.assert_allclose(out.numpy(), A.sum(0))
    out = np.zeros(3)
    assert np.mean(as_tensor(A), axis=1, out=out) is out
    np.testing.assert_allclose(out, A.mean(1))
    with pytest.raises(TypeError, match="gradients cannot flow"):
        np.mean(x, axis=1, out=np.zeros(3))


def test_default_dtype_comes_back():
    with pytest.raises((ValueError, RuntimeError)):
        np.concatenate([tensor([1.0]), tensor([[1.0]])])
    assert tensor([1.0]).dtype == np.float32
    assert np.mean(tensor([1, 2])).dtype == np.float64
    assert tensor([1.0]).dtype == np.float32


def test_subclasses_of_arrays_are_arrays():
    class Plain(np.ndarray):
        pass

    x = A.view(Plain)
    same(np.add(as_tensor(A), x), A + A)
    same(np.stack([as_tensor(A), x]), np.stack([A, A]))
