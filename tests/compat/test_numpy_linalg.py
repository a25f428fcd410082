"""numpy.linalg on arrays and tensors: NumPy is the judge of values, dtypes and errors over shapes, dtypes and
keywords; finite differences of gradients."""

import itertools
import warnings

import numpy
import pytest

import rustorch as rt
import rustorch.numpy as np

DTYPES = ("bool", "int8", "int64", "float32", "float64", "complex64", "complex128")
SQUARES = ((0, 0), (1, 1), (2, 2), (3, 3), (9, 9), (2, 3, 3), (2, 0, 3, 3), (3, 0, 0))
OTHERS = ((2, 4), (4, 2), (3, 5, 2), (0, 3), (3, 0), (1, 6))
INF = numpy.inf


def tensor(x):
    return rt.from_numpy(numpy.asarray(x))


def make(shape, dtype, seed=0):
    r = numpy.random.default_rng(seed)
    x = r.normal(size=shape) * 3
    x = numpy.asarray(x + 1j * r.normal(size=shape) if dtype.startswith("complex") else x)
    return x.astype(dtype)


def positive(shape, dtype):
    x = make(shape, "complex128" if dtype.startswith("complex") else "float64")
    return (x @ x.swapaxes(-1, -2).conj() + 2 * numpy.eye(shape[-1])).astype(dtype)


def equal(ours, theirs):
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple) and len(ours) == len(theirs)
        assert getattr(ours, "_fields", None) == getattr(theirs, "_fields", None)
        for one, other in zip(ours, theirs, strict=True):
            equal(one, other)
        return
    x, y = numpy.asarray(ours.detach().numpy() if isinstance(ours, rt.Tensor) else ours), numpy.asarray(theirs)
    assert x.shape == y.shape
    assert x.dtype == y.dtype
    single = y.dtype in ("float32", "complex64")
    numpy.testing.assert_allclose(x, y, rtol=3e-5 if single else 1e-9, atol=3e-5 if single else 1e-9)


def both(name, arguments, words=None):
    """The same call of NumPy's function and ours: equal results, or errors of the same kind."""
    words = words or {}
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            theirs, failure = getattr(numpy.linalg, name)(*arguments, **words), None
        except Exception as error:
            theirs, failure = None, error
        if failure is not None:
            kind = numpy.linalg.LinAlgError if isinstance(failure, numpy.linalg.LinAlgError) else type(failure)
            for arrays in (np.array, tensor):
                with pytest.raises((kind, *(k for k in (ValueError, TypeError) if issubclass(kind, k)))):
                    getattr(np.linalg, name)(*map(arrays, arguments), **words)
            return
        result = getattr(np.linalg, name)(*map(np.array, arguments), **words)
        equal(result, theirs)
        assert all(isinstance(x, np.ndarray) for x in (result if isinstance(result, tuple) else (result,)))
        equal(getattr(numpy.linalg, name)(*map(tensor, arguments), **words), theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigvalsh", "cond", "pinv", "trace", "diagonal"])
def test_square(name, dtype):
    for shape in (*SQUARES, *OTHERS, (3,), ()):
        x = positive(shape, dtype) if len(shape) > 1 and shape[-1] == shape[-2] else make(shape, dtype)
        if name == "inv" and dtype in ("bool", "int8"):
            x = x + (4 * numpy.eye(shape[-1])).astype(dtype) if len(shape) > 1 and shape[-1] == shape[-2] else x
        if name == "inv" and dtype == "bool" and x.ndim > 1 and x.shape[-1] > 1:
            continue                    # nearly all of them singular
        if name == "cond" and dtype == "bool":
            continue
        both(name, (x,))


@pytest.mark.parametrize("dtype", DTYPES[2:])
@pytest.mark.parametrize("shape", SQUARES[1:6])
def test_systems(shape, dtype):
    a = positive(shape, dtype)
    for side in ((shape[-1],), (shape[-1], 2), (*shape[:-1], 0), (2, 2, shape[-1], 1), (shape[-1] + 1,), ()):
        for other in ("float32", dtype):
            both("solve", (a, make(side, other, 1)))


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_least_squares(dtype):
    for m, n, k in itertools.product((0, 1, 3, 5), (0, 1, 3), (None, 0, 1, 2)):
        for rcond in (None, -1, 1e-3):
            both("lstsq", (make((m, n), dtype), make((m,) if k is None else (m, k), dtype, 1)), {"rcond": rcond})
    both("lstsq", (numpy.ones((4, 3), dtype), make((4,), dtype)))
    both("lstsq", (make((4, 3), dtype), make((3,), dtype)))
    both("lstsq", (make((2, 4, 3), dtype), make((4,), dtype)))


@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize("shape", [*SQUARES, *OTHERS])
def test_norms_and_ranks(shape, dtype):
    x = make(shape, dtype)
    orders = (None, 0, 1, -1, 2, -2, 3, 0.5, INF, -INF, "fro", "nuc", "other")
    for order, axis, keep in itertools.product(orders, (None, 0, -1, (0, 1), (-1, -2), (0, 0), 7), (False, True)):
        both("norm", (x,), {"ord": order, "axis": axis, "keepdims": keep})
    both("svdvals", (x,))
    both("matrix_rank", (x,))
    both("matrix_rank", (x,), {"tol": 1.0})
    both("matrix_rank", (x,), {"rtol": 0.5})
    both("matrix_transpose", (x,))


@pytest.mark.parametrize("dtype", ("float32", "float64", "complex128", "int64"))
def test_factorisations_multiply_out(dtype):
    """Vectors are determined up to signs: what they multiply to is compared."""
    for shape in (*SQUARES, *OTHERS):
        x = make(shape, dtype)
        wide = x.astype(numpy.result_type(x, "float32") if dtype != "int64" else "float64")
        tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-9}
        for full in (False, True):
            u, s, vh = (v.numpy() for v in np.linalg.svd(np.array(x), full_matrices=full))
            theirs = numpy.linalg.svd(x, full_matrices=full)
            assert [(v.shape, v.dtype) for v in (u, s, vh)] == [(v.shape, v.dtype) for v in theirs]
            k = s.shape[-1]
            numpy.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], wide, **tolerance)
        for mode in ("reduced", "complete"):
            q, r = (v.numpy() for v in np.linalg.qr(np.array(x), mode))
            assert [v.shape for v in (q, r)] == [v.shape for v in numpy.linalg.qr(x, mode)]
            numpy.testing.assert_allclose(q @ r, wide, **tolerance)
        if shape[-1] == shape[-2]:
            h = positive(shape, dtype)
            for triangle in ("L", "U"):
                w, v = (y.numpy() for y in np.linalg.eigh(np.array(h), triangle))
                made = (v * w[..., None, :]) @ v.swapaxes(-1, -2).conj()
                numpy.testing.assert_allclose(made, h, rtol=1e-4, atol=1e-4)
            w, v = (y.numpy() for y in np.linalg.eig(np.array(x)))
            assert w.dtype.kind == v.dtype.kind == "c"
            numpy.testing.assert_allclose(x @ v, v * w[..., None, :], rtol=1e-4, atol=1e-4)


def test_single_precision_is_computed_in_double():
    """A matrix whose singularity float32's arithmetic cannot see, and one that it takes for singular."""
    x = numpy.array([[1, 2, 3], [4, 5, 6], [7, 8, 9.0001]], "float32")
    for name in ("inv", "det", "pinv", "cond"):
        equal(getattr(np.linalg, name)(np.array(x)), getattr(numpy.linalg, name)(x))
    h = numpy.array(1.0 / (numpy.arange(7)[:, None] + numpy.arange(7) + 1), "float32")
    both("inv", (h,))
    both("solve", (h, numpy.ones(7, "float32")))


@pytest.mark.parametrize("name", ["inv", "solve", "cholesky", "svd", "eig", "eigh", "lstsq", "svdvals", "tensorinv"])
def test_errors_are_numpys(name):
    singular, broken = numpy.zeros((3, 3)), numpy.array([[1.0, numpy.nan], [2.0, 3.0]])
    more = (numpy.ones(3),) if name in ("solve", "lstsq") else ()
    if name in ("inv", "solve", "cholesky"):
        with pytest.raises(numpy.linalg.LinAlgError):
            getattr(np.linalg, name)(singular, *more)
    if name in ("svd", "eig", "svdvals"):
        with pytest.raises(np.linalg.LinAlgError):
            getattr(np.linalg, name)(broken)
    if name != "tensorinv":
        with pytest.raises(numpy.linalg.LinAlgError):
            getattr(np.linalg, name)(numpy.ones(3), *more)
    with pytest.raises(TypeError):
        getattr(np.linalg, name)(numpy.ones((3, 3), "float16"), *more, **({"ind": 1} if name == "tensorinv" else {}))


def test_tensors_of_more_dimensions():
    a = numpy.random.default_rng(0).normal(size=(2, 3, 6))
    both("tensorinv", (a,), {"ind": 2})
    both("tensorinv", (a,), {"ind": 1})
    both("tensorinv", (a,), {"ind": 0})
    both("tensorsolve", (a, numpy.ones((2, 3))))
    both("tensorsolve", (a.transpose(0, 2, 1), numpy.ones((2, 3))), {"axes": (1,)})
    both("tensorsolve", (a, numpy.ones((3,))))


def test_products():
    r = numpy.random.default_rng(0)
    chain = [r.normal(size=s) for s in ((5,), (5, 7), (7, 2), (2, 9), (9,))]
    for part in (chain, chain[1:], chain[:-1], chain[1:3], [chain[0], chain[1]]):
        equal(np.linalg.multi_dot([np.array(x) for x in part]), numpy.linalg.multi_dot(part))
    for wrong in ([chain[1]], [chain[1], chain[1]], [chain[1], chain[0], chain[2]]):
        with pytest.raises(ValueError):
            np.linalg.multi_dot([np.array(x) for x in wrong])
    for dtype, n in itertools.product(("bool", "int8", "uint16", "float32", "complex128"), (0, 1, 2, 3, 11, -1)):
        if dtype != "bool" or n >= 0:
            both("matrix_power", ((make((2, 3, 3), dtype) + numpy.eye(3)).astype(dtype), n))
    for words in ({}, {"axis": 0}):
        both("vecdot", (make((3, 3), "complex64"), make((3, 3), "complex64", 1)), words)
        both("cross", (make((3, 3), "int64"), make((3, 3), "float64", 1)), words)
    both("cross", (make((3, 2), "int64"), make((3, 2), "float32", 1)))
    both("outer", (make((3,), "int8"), make((4,), "complex64")))
    both("outer", (make((3, 1), "int8"), make((4,), "complex64")))
    both("tensordot", (make((2, 3, 4), "float32"), make((3, 4, 5), "float32")))
    both("matmul", (make((2, 3), "int8"), make((3, 2), "uint8")))


def symmetric(x):
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


GRADIENTS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda x: np.linalg.slogdet(x)[1],
    "solve": lambda x: np.linalg.solve(x, np.ones(3)),
    "cholesky": lambda x: np.linalg.cholesky(symmetric(x)),
    "qr": lambda x: np.linalg.qr(x)[1],
    "eigvalsh": lambda x: np.linalg.eigvalsh(symmetric(x)),
    "svdvals": np.linalg.svdvals,
    "pinv": np.linalg.pinv,
    "norm": np.linalg.norm,
    "norm 3": lambda x: np.linalg.norm(x, 3, axis=1),
    "nuclear": lambda x: np.linalg.norm(x, "nuc"),
    "spectral": lambda x: np.linalg.norm(x, 2),
    "cond": np.linalg.cond,
    "power": lambda x: np.linalg.matrix_power(x, -3),
    "lstsq": lambda x: np.linalg.lstsq(x[:, :2], np.ones(3))[0],
    "residuals": lambda x: np.linalg.lstsq(x[:, :2], np.arange(3.0))[1],
    "tensorinv": lambda x: np.linalg.tensorinv(x, ind=1),
    "expm": np.linalg.expm,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    x = np.array(make((3, 3), "float64", 3) / 3 + numpy.diag([2.1, 2.7, 3.9])).requires_grad_()
    assert rt.autograd.gradcheck(GRADIENTS[name], (x,))
    if name not in ("cond", "spectral"):
        assert rt.autograd.gradgradcheck(GRADIENTS[name], (x,))


def test_single_precision_gradients_stay_single():
    x = np.array(positive((3, 3), "float32")).requires_grad_()
    np.linalg.det(x).backward()
    assert x.grad.dtype == numpy.float32
    numpy.testing.assert_allclose(
        x.grad.numpy(), numpy.linalg.det(x.detach().numpy()) * numpy.linalg.inv(x.detach().numpy()).T, rtol=1e-4
    )
