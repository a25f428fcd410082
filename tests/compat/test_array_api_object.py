"""The array object of the array API standard: operators, indexing, conversions, exchange, inspection."""

import math
import operator

import array_api_strict
import numpy
import pytest

import rustorch as rt
import rustorch.numpy as np
from tests.compat.array_api_calls import DTYPES, make

array_api_strict.set_array_api_strict_flags(api_version="2025.12")
KINDS = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
BINARY = [
    "add",
    "sub",
    "mul",
    "truediv",
    "mod",
    "and_",
    "or_",
    "xor",
    "lt",
    "le",
    "eq",
    "ne",
    "gt",
    "ge",
    "pow",
    "matmul",
]
UNARY = ["neg", "pos", "abs", "invert"]
SHIFTS = ["lshift", "rshift"]
INPLACE = ["iadd", "isub", "imul", "itruediv", "imod", "iand", "ior", "ixor", "ipow", "imatmul"]


def outcome(function, *args):
    """The result, or None where this is no operation of the standard's."""
    try:
        return function(*args)
    except (TypeError, ValueError):
        return None


def assert_equal(got, expected):
    theirs = numpy.asarray(expected._array)
    assert type(got) is np.ndarray and (got.dtype, tuple(got.shape)) == (theirs.dtype, theirs.shape)
    tolerance = 2e-5 if theirs.dtype in (numpy.float32, numpy.complex64) else 1e-12
    numpy.testing.assert_allclose(numpy.asarray(got), theirs, rtol=tolerance, atol=tolerance)


def operands(name, x, y, r):
    shapes = (
        [((2, 2), (2, 2))] if "matmul" in name else [((3,), (3,)), ((2, 3), (3,)), ((), ()), ((3,), ()), ((0,), (0,))]
    )
    for a, b in shapes:
        low = 1 if "mod" in name or "pow" in name else -9
        first, second = make(r, x, a, special=False), make(r, y, b, special=False, low=low, high=5)
        if "mod" in name or "pow" in name:
            second = numpy.where(second == 0, second.dtype.type(1), second)
        if "pow" in name and first.dtype.kind == "f":
            first = abs(first)
        yield first, second


@pytest.mark.parametrize("name", BINARY)
def test_binary_operators(name):
    f, r, judged = getattr(operator, name), numpy.random.default_rng(1), 0
    for x in DTYPES:
        for y in DTYPES:
            for a, b in operands(name, x, y, r):
                expected = outcome(f, array_api_strict.asarray(a), array_api_strict.asarray(b))
                if expected is not None:
                    assert_equal(f(np.asarray(a), np.asarray(b)), expected)
                    judged += 1
    assert judged > 5


@pytest.mark.parametrize("name", [n for n in BINARY if n != "matmul"])
def test_operators_with_python_scalars(name):
    f, r, judged = getattr(operator, name), numpy.random.default_rng(2), 0
    for x in DTYPES:
        for number in (True, 2, 0.5, 1.5 + 1j):
            for shape in ((3,), ()):
                a = make(r, x, shape, special=False, low=1, high=4)
                a = abs(a) + 1 if a.dtype.kind in "uif" else a
                a = a.astype(x)
                for order in (1, -1):
                    expected = outcome(f, *(array_api_strict.asarray(a), number)[::order])
                    if expected is not None:
                        assert_equal(f(*(np.asarray(a), number)[::order]), expected)
                        judged += 1
    assert judged > 5


@pytest.mark.parametrize("name", UNARY)
def test_unary_operators(name):
    f, r, judged = getattr(operator, name), numpy.random.default_rng(3), 0
    for x in DTYPES:
        for shape in ((), (0,), (3,), (2, 0, 3)):
            a = make(r, x, shape)
            expected = outcome(f, array_api_strict.asarray(a))
            if expected is not None:
                assert_equal(f(np.asarray(a)), expected)
                judged += 1
    assert judged > 5


@pytest.mark.parametrize("name", SHIFTS)
def test_shifts(name):
    f, r = getattr(operator, name), numpy.random.default_rng(4)
    for x in DTYPES[1:9]:
        a, b = make(r, x, (3,)), make(r, x, (3,), low=0, high=7)
        assert_equal(f(np.asarray(a), np.asarray(b)), f(array_api_strict.asarray(a), array_api_strict.asarray(b)))
        assert_equal(f(np.asarray(a), 2), f(array_api_strict.asarray(a), 2))
        assert_equal(f(2, np.asarray(b)), f(2, array_api_strict.asarray(b)))
        mine, theirs = np.asarray(a), array_api_strict.asarray(a)
        assert_equal(getattr(operator, "i" + name)(mine, 1), getattr(operator, "i" + name)(theirs, 1))


@pytest.mark.parametrize("name", INPLACE)
def test_operators_in_place(name):
    f, r, judged = getattr(operator, name), numpy.random.default_rng(5), 0
    for x in DTYPES:
        for y in [*DTYPES, True, 2, 0.5, 1j]:
            pairs = (
                operands(name, x, y, r)
                if isinstance(y, str)
                else [(numpy.ones((2, 2) if "matmul" in name else 3, x), y)]
            )
            for a, b in pairs:
                is_array = isinstance(b, numpy.ndarray)
                mine, theirs = np.asarray(a, copy=True), array_api_strict.asarray(a, copy=True)
                expected = outcome(f, theirs, array_api_strict.asarray(b) if is_array else b)
                if expected is None:
                    continue
                got = f(mine, np.asarray(b) if is_array else b)
                assert_equal(got, expected)
                assert got.dtype == mine.dtype and (got is mine or mine.ndim == 0)
                judged += 1
    assert judged > 5


# ---- indexing ----

KEYS = [
    0,
    -1,
    slice(None),
    slice(1, None, 2),
    slice(None, None, -1),
    slice(5, 1),
    Ellipsis,
    None,
    (0, 1),
    (..., 0),
    (0, ...),
    (slice(None), None, 1),
    (None, ..., None),
    (-1, slice(None, 1)),
    (slice(2, 0, -1), 0, slice(None)),
    (),
]


@pytest.mark.parametrize("shape", [(2,), (3, 2), (3, 4, 2), (3, 0, 2)])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32", "complex128"])
def test_getitem_and_setitem(shape, dtype):
    a = make(numpy.random.default_rng(6), dtype, shape, special=False)
    for key in KEYS:
        try:
            expected = a[key]
        except IndexError:
            with pytest.raises(IndexError):
                np.asarray(a)[key]
            continue
        got = np.asarray(a)[key]
        assert (got.dtype, tuple(got.shape)) == (expected.dtype, expected.shape)
        numpy.testing.assert_array_equal(numpy.asarray(got), expected)
        for value in (True, KINDS[a.dtype.kind](1), numpy.ones((), a.dtype), numpy.ones(expected.shape, a.dtype)):
            mine, theirs = np.asarray(a, copy=True), a.copy()
            mine[key], theirs[key] = np.asarray(value) if isinstance(value, numpy.ndarray) else value, value
            numpy.testing.assert_array_equal(numpy.asarray(mine), theirs)


def test_masks():
    r = numpy.random.default_rng(7)
    for shape in ((), (3,), (2, 3), (2, 0)):
        a = make(r, "float64", shape, special=False)
        masks = [numpy.array(True), numpy.array(False), make(r, "bool", shape), make(r, "bool", shape[:1])]
        for mask in masks:
            got = np.asarray(a)[np.asarray(mask)]
            numpy.testing.assert_array_equal(numpy.asarray(got), a[mask])
            assert tuple(got.shape) == a[mask].shape
            mine, theirs = np.asarray(a, copy=True), a.copy()
            mine[np.asarray(mask)] = 7.0
            theirs[mask] = 7.0
            numpy.testing.assert_array_equal(numpy.asarray(mine), theirs)
    for mask in (numpy.ones(4, bool), numpy.ones((3, 1), bool), numpy.ones((2, 3, 1), bool)):
        with pytest.raises(IndexError):
            np.ones((2, 3))[np.asarray(mask)]


def test_integer_arrays_as_indices():
    a = numpy.arange(24.0).reshape(2, 3, 4)
    i, j, k = numpy.array([1, 0, -1]), numpy.array([[2], [0]]), numpy.array([3, -4, 1])
    for key in ((i,), (i, j), (i, j, k), (0, j, k), (i, 1, -1), (slice(None), j, k)):
        mine = tuple(np.asarray(v) if isinstance(v, numpy.ndarray) else v for v in key)
        numpy.testing.assert_array_equal(numpy.asarray(np.asarray(a)[mine]), a[key])
        written, theirs = np.asarray(a, copy=True), a.copy()
        written[mine], theirs[key] = -1.0, -1.0
        numpy.testing.assert_array_equal(numpy.asarray(written), theirs)


# ---- conversions and attributes ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("construct", [np.asarray, rt.tensor])
def test_conversions_to_python(dtype, construct):
    for value in (0, 1, 3):
        x = construct(numpy.array(value, dtype))
        kind = numpy.dtype(dtype).kind
        for function in (bool, complex):
            assert type(function(x)) is function and function(x) == function(numpy.array(value, dtype)[()])
        if kind != "c":
            assert type(float(x)) is float and float(x) == float(numpy.dtype(dtype).type(value))
            assert type(int(x)) is int
        if kind in "iu":
            assert operator.index(x) == value and type(x.__index__()) is int
        elif kind in "fc":
            with pytest.raises(TypeError):
                operator.index(x)


def test_conversion_of_special_values():
    assert math.isnan(float(np.asarray(math.nan))) and float(np.asarray(-math.inf)) == -math.inf
    assert complex(np.asarray(complex(1, math.inf))) == complex(1, math.inf)
    for function, value, error in ((int, math.inf, OverflowError), (int, math.nan, ValueError)):
        with pytest.raises(error):
            function(np.asarray(value))
    for function in (bool, int, float, complex):
        with pytest.raises((TypeError, ValueError)):
            function(np.ones(2))


@pytest.mark.parametrize("construct", [np.zeros, rt.zeros])
def test_attributes(construct):
    for shape in ((), (0,), (3,), (2, 3), (2, 0, 3)):
        x = construct(shape)
        assert (x.shape, x.ndim, x.size) == (shape, len(shape), math.prod(shape))
        assert isinstance(x.shape, tuple) and isinstance(x.size, int) and x.dtype in (np.float64, np.float32)
        assert x.device in np.__array_namespace_info__().devices()
        if len(shape) > 1:
            assert x.mT.shape == (*shape[:-2], shape[-1], shape[-2])
        if len(shape) == 2:
            assert x.T.shape == shape[::-1]


@pytest.mark.parametrize("construct", [np.zeros, rt.zeros])
def test_namespace_of_the_object(construct):
    x = construct((2,))
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
        assert x.__array_namespace__(api_version=version) is np
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.12")
    assert np.__array_api_version__ == "2025.12"


@pytest.mark.parametrize("construct", [np.zeros, rt.zeros])
def test_devices(construct):
    x = construct((2,))
    assert x.to_device(x.device) is x and x.to_device("cpu", stream=None) is x
    for wrong in ("cuda", "nowhere"):
        with pytest.raises((ValueError, rt.DeviceError)):
            x.to_device(wrong)
    with pytest.raises(ValueError, match="stream"):
        x.to_device("cpu", stream=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda **k: np.zeros(3, **k),
        lambda **k: np.ones((2, 2), **k),
        lambda **k: np.empty(1, **k),
        lambda **k: np.full(2, 7, **k),
        lambda **k: np.arange(3, **k),
        lambda **k: np.linspace(0, 1, 3, **k),
        lambda **k: np.eye(2, **k),
        lambda **k: np.asarray([1, 2], **k),
        lambda **k: np.asarray(np.ones(2), **k),
        lambda **k: np.zeros_like(np.ones(2), **k),
        lambda **k: np.ones_like(np.ones(2), **k),
        lambda **k: np.full_like(np.ones(2), 3, **k),
        lambda **k: np.empty_like(np.ones(2), **k),
        lambda **k: np.astype(np.ones(2), np.int8, **k),
        lambda **k: np.from_dlpack(np.ones(2), **k),
        lambda **k: np.from_dlpack(numpy.ones(2), **k),
        lambda **k: np.fft.fftfreq(4, **k),
        lambda **k: np.fft.rfftfreq(4, **k),
        lambda **k: np.zeros(3, dtype="float32", **k),
        lambda **k: np.arange(3, dtype="int8", **k),
        lambda **k: np.zeros_like(rt.ones(2), **k),
    ],
)
def test_functions_with_a_device(call):
    expected = call()
    for device in (None, "cpu", np.ones(1).device, np.__array_namespace_info__().default_device()):
        got = call(device=device)
        assert type(got) is np.ndarray and got.device == np.ones(1).device
        assert (got.dtype, tuple(got.shape)) == (expected.dtype, tuple(expected.shape))
    with pytest.raises((ValueError, BufferError)):
        call(device="nowhere")


# ---- inspection and limits ----


def test_information():
    info = np.__array_namespace_info__()
    names = info.capabilities()
    assert names["boolean indexing"] is True and names["data-dependent shapes"] is True
    most = names["max dimensions"]
    assert np.zeros((1,) * most).ndim == most
    with pytest.raises(ValueError, match="dim"):
        rt.zeros((1,) * (most + 1))
    assert isinstance(info.devices(), tuple) and info.default_device() in info.devices()
    judge = array_api_strict.__array_namespace_info__()
    for kind in (
        None,
        "bool",
        "signed integer",
        "unsigned integer",
        "integral",
        "real floating",
        "complex floating",
        "numeric",
        ("bool", "integral"),
        (),
    ):
        assert set(info.dtypes(kind=kind)) == set(judge.dtypes(kind=kind))
        for name, dtype in info.dtypes(kind=kind, device=info.default_device()).items():
            assert dtype == getattr(np, name) and np.empty(1, dtype=dtype).dtype == dtype
    assert set(info.default_dtypes()) == set(judge.default_dtypes())
    for kind, value in (("real floating", 1.0), ("complex floating", 1j), ("integral", 1)):
        assert info.default_dtypes(device="cpu")[kind] == np.asarray(value).dtype
    assert info.default_dtypes()["indexing"] == np.argmax(np.ones(2)).dtype
    for wrong in ("nonsense", 3, ("bool", "nonsense")):
        with pytest.raises(ValueError, match="unsupported kind"):
            info.dtypes(kind=wrong)
    with pytest.raises(ValueError, match="Device"):
        info.dtypes(device="nowhere")


@pytest.mark.parametrize("name", ["float32", "float64", "complex64", "complex128"])
def test_finfo(name):
    judge = array_api_strict.finfo(getattr(array_api_strict, name))
    for given in (
        getattr(np, name),
        numpy.dtype(name),
        np.ones((), dtype=name),
        np.ones((2, 3), dtype=name),
        rt.ones(2).to(name),
    ):
        found = np.finfo(given)
        assert type(found.bits) is int and found.bits == judge.bits and found.dtype == judge.dtype._np_dtype
        for limit in ("eps", "max", "min", "smallest_normal"):
            assert type(getattr(found, limit)) is float and getattr(found, limit) == getattr(judge, limit)
    with pytest.raises(ValueError, match="int"):
        np.finfo(np.int8)


@pytest.mark.parametrize("name", DTYPES[1:9])
def test_iinfo(name):
    judge = array_api_strict.iinfo(getattr(array_api_strict, name))
    for given in (getattr(np, name), np.ones((), dtype=name), np.ones((2, 3), dtype=name), rt.ones(2).to(name)):
        found = np.iinfo(given)
        assert found.dtype == numpy.dtype(name)
        for limit in ("bits", "max", "min"):
            assert type(getattr(found, limit)) is int and getattr(found, limit) == getattr(judge, limit)
    with pytest.raises(ValueError, match="integer"):
        np.iinfo(np.float32)


def test_constants():
    assert (np.e, np.pi, np.inf) == (math.e, math.pi, math.inf) and math.isnan(np.nan) and np.newaxis is None
    assert all(isinstance(v, float) for v in (np.e, np.pi, np.inf, np.nan))


# ---- memory ----


def test_asarray_copies_as_asked():
    source = np.asarray([1.0, 2.0, 3.0])
    for given in (source, numpy.array([1.0, 2.0, 3.0])):
        for copy in (None, False):
            shared = np.asarray(given, copy=copy)
            shared[0] = 9.0
            assert given[0] == 9.0
        apart = np.asarray(given, copy=True)
        apart[0] = 5.0
        assert given[0] == 9.0
        with pytest.raises(ValueError, match="cop"):
            np.asarray(given, dtype=np.float32, copy=False)
    for sequence in ([1, 2], (1.0,), 3.0):
        with pytest.raises(ValueError, match="cop"):
            np.asarray(sequence, copy=False)
    with pytest.raises((ValueError, AttributeError), match=r"(?i)cop|view|contiguous"):
        np.reshape(np.ones((2, 3)).T, (6,), copy=False)


def test_astype_copies_as_asked():
    x = np.ones(2)
    assert np.astype(x, x.dtype, copy=False) is x or np.may_share_memory(np.astype(x, x.dtype, copy=False), x)
    y = np.astype(x, x.dtype)
    y[0] = 5.0
    assert x[0] == 1.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("construct", [np.asarray, rt.tensor])
def test_dlpack(dtype, construct):
    for shape in ((), (3,), (2, 0), (2, 2)):
        x = construct(make(numpy.random.default_rng(8), dtype, shape, special=False))
        assert x.__dlpack_device__() == (1, 0)
        for copy in (None, True, False):
            for version in (None, (0, 0), (1, 0), (2, 0)):
                for device in (None, (1, 0)):
                    assert "dltensor" in repr(
                        x.__dlpack__(copy=copy, max_version=version, dl_device=device, stream=None)
                    )
            for words in ({}, {"device": x.device}):
                y = np.from_dlpack(x, copy=copy, **words)
                assert type(y) is np.ndarray and y.device == x.device and bool(np.all(y == x))
        y = np.from_dlpack(x)
        if x.ndim == 1:
            y[0] = True
            assert x[0] == True  # noqa: E712
            z = np.from_dlpack(x, copy=True)
            z[0] = False
            assert x[0] == True  # noqa: E712
    with pytest.raises((TypeError, AttributeError)):
        np.from_dlpack([1, 2])
