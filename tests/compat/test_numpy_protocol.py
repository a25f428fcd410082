"""NumPy's ufuncs called on Tensors: NumPy's meaning, our memory, gradients.  Cases come from the op
table."""

import operator

import numpy as np
import pytest
import scipy.special

import rustorch
from rustorch import _C, Tensor, tensor, ufunc

ROWS = {row["name"]: row for row in _C.op_table() if row["family"] == "elementwise"}
TWINS = {
    name: getattr(np, row["numpy"])
    for name, row in ROWS.items()
    if isinstance(getattr(np, row["numpy"] or "?", None), np.ufunc)
}
TENSOR_DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


@pytest.fixture(autouse=True)
def silent():
    with np.errstate(all="ignore"):
        yield


def as_tensor(x):
    return rustorch.from_numpy(np.ascontiguousarray(x))


def numbers(n=12, seed=0, low=0.5, high=3.0):
    return np.random.default_rng(seed).uniform(low, high, n)


def domain(row, k):
    bounds = [float(v) for v in row["domain"].split()] or [0.5, 3.0]
    at = min(2 * k, len(bounds) - 2)
    return bounds[at], bounds[at + 1]


def operands(row, dtype, n=11):
    rng = np.random.default_rng(3)
    for k in range(row["nin"]):
        low, high = domain(row, k)
        if dtype == "bool":
            yield rng.random(n) < 0.5
        elif np.dtype(dtype).kind in "iu":
            low = max(low, 1) if k or np.dtype(dtype).kind == "u" or row["name"] == "pow" else low
            yield rng.integers(int(np.ceil(low)), max(int(np.ceil(low)), int(min(high, 4))) + 1, n).astype(
                dtype
            )
        elif np.dtype(dtype).kind == "c":
            yield (rng.uniform(low, high, n) + 1j * rng.uniform(-1, 1, n)).astype(dtype)
        else:
            yield rng.uniform(low, high, n).astype(dtype)


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


# ---- ufuncs ----


@pytest.mark.parametrize("dtype", TENSOR_DTYPES)
@pytest.mark.parametrize("name", TWINS)
def test_ufunc_on_tensor(name, dtype):
    """np.<ufunc>(tensor) is what np.<ufunc>(array) is; integers that become floating are float64."""
    row, twin = ROWS[name], TWINS[name]
    arrays = list(operands(row, dtype))
    try:
        expected = twin(*arrays)
    except TypeError:
        return
    if np.dtype(dtype).kind in "biu" and expected.dtype.kind == "f" and expected.dtype != np.float64:
        expected = twin(*(a.astype("float64") for a in arrays))
    if name == "ldexp" or (dtype == "bool" and row["class"] in ("NUM", "REALNUM", "INTNUM")):
        return  # int8 in NumPy, an error by the standard: no bool there
    same(twin(*map(as_tensor, arrays)), expected)


@pytest.mark.parametrize("name", [n for n in TWINS if ROWS[n]["nin"] == 2])
def test_ufunc_on_tensor_and_array(name):
    row, twin = ROWS[name], TWINS[name]
    dtype = "float64" if row["class"] not in ("INT", "INTNUM") else "int64"
    x, y = operands(row, dtype)
    expected = twin(x, y)
    same(twin(as_tensor(x), y), expected)
    same(twin(x, as_tensor(y)), expected)
    same(twin(as_tensor(x), y.tolist()), expected)
    same(twin(as_tensor(x), y[3].item()), twin(x, y[3]))
    same(twin(as_tensor(x)[:, None], y), twin(x[:, None], y))


@pytest.mark.parametrize("name", TWINS)
def test_own_ufunc_on_tensor(name):
    row = ROWS[name]
    dtype = "float32" if row["class"] not in ("INT", "INTNUM") else "int32"
    arrays = list(operands(row, dtype))
    ours = getattr(ufunc, name)(*map(as_tensor, arrays))
    assert isinstance(ours, Tensor)
    np.testing.assert_array_equal(ours.numpy(), getattr(ufunc, name)(*arrays))


@pytest.mark.parametrize(
    "name", [n for n in TWINS if ROWS[n]["differentiable"] and ROWS[n]["gradient"][0] != "zero"]
)
def test_gradients_flow_through_numpys_ufuncs(name):
    row, twin = ROWS[name], TWINS[name]
    arrays = list(operands(row, "float64"))
    ours = [as_tensor(a).requires_grad_() for a in arrays]
    twin(*ours).sum().backward()
    direct = [as_tensor(a).requires_grad_() for a in arrays]
    _C.ops[name](*direct).sum().backward()
    for a, b in zip(ours, direct):
        if b.grad is None:
            assert a.grad is None
        else:
            np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
    h = 1e-6
    numeric = (twin(arrays[0] + h, *arrays[1:]) - twin(arrays[0] - h, *arrays[1:])) / (2 * h)
    if row["gradient"][0] is not None and name not in ("floor_divide", "remainder", "fmod"):
        np.testing.assert_allclose(ours[0].grad.numpy(), numeric, rtol=1e-5, atol=1e-6)


def test_python_scalars_are_weak_and_numpys_are_not():
    t = tensor([1.0, 2.0], dtype="float32")
    assert np.add(t, 1.5).dtype == np.float32
    assert np.add(t, np.float64(1.5)).dtype == np.float64
    assert np.add(t, np.float32(1.5)).dtype == np.float32
    assert np.multiply(tensor([1, 2]), 1.5).dtype == np.float64
    assert np.exp(tensor([1, 2])).dtype == np.float64
    assert rustorch.exp(tensor([1, 2])).dtype == np.float32  # PyTorch's meaning stays outside
    with pytest.raises(TypeError):
        np.add(t, object())
    assert rustorch.exp(tensor([1, 2])).dtype == np.float32


def test_operators_between_arrays_and_tensors():
    a, t = np.array([1.0, 2.0]), tensor([3.0, 4.0], dtype="float64")
    for op in (
        operator.add,
        operator.sub,
        operator.mul,
        operator.truediv,
        operator.pow,
        operator.lt,
        operator.eq,
    ):
        same(op(a, t), op(a, t.numpy()))
        same(op(t, a), op(t.numpy(), a))
    same(np.float64(2) * t, 2 * t.numpy())
    same(a @ t.reshape(2, 1), a @ t.numpy().reshape(2, 1))
    b = a
    b += t
    assert b is a and isinstance(b, np.ndarray)
    np.testing.assert_array_equal(a, [4.0, 6.0])
    s = t
    s += a
    assert s is t
    np.testing.assert_array_equal(t.numpy(), [7.0, 10.0])


def test_out():
    t = tensor([1.0, 4.0], dtype="float64")
    a, u = np.zeros(2), rustorch.zeros(2, dtype="float64")
    assert np.sqrt(t, out=a) is a and np.sqrt(t, out=u) is u
    assert np.sqrt(t.numpy(), out=u) is u
    np.testing.assert_array_equal(a, [1, 2])
    np.testing.assert_array_equal(u.numpy(), [1, 2])
    assert np.add(t, 1, u) is u
    strided = np.zeros(4)[::2]
    np.add(t, t, out=strided)
    np.testing.assert_array_equal(strided, [2, 8])
    with pytest.raises(ValueError, match="read-only"):
        frozen = np.zeros(2)
        frozen.flags.writeable = False
        np.add(t, t, out=frozen)
    with pytest.raises(TypeError):
        np.add(t, t, out=np.zeros(2, int))
    with pytest.raises((ValueError, _C.ShapeMismatchError)):
        np.add(t, t, out=np.zeros(3))
    with pytest.raises(TypeError):
        np.add(t, t, out=[0, 0])
    np.testing.assert_array_equal(np.add(t, t, out=np.zeros(2, int), casting="unsafe"), [2, 8])


def test_out_counts_as_a_write():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y * y
    np.multiply(2.0, [1.0, 1.0], out=y)
    with pytest.raises(RuntimeError):
        z.sum().backward()


def test_out_records():
    x = tensor([1.0, 2.0], requires_grad=True)
    out = rustorch.zeros(2)
    np.exp(x, out=out)
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]), rtol=1e-6)


def test_gradients_do_not_flow_into_arrays():
    t = tensor([1.0, 2.0], requires_grad=True)
    a = np.zeros(2)
    with pytest.raises(TypeError, match=r"add.*gradients cannot flow into an ndarray"):
        np.add(t, t, out=a)
    with pytest.raises(TypeError, match="gradients cannot flow"):
        a += t
    with pytest.raises(TypeError, match="gradients cannot flow"):
        np.add.reduce(t, out=np.zeros(()))
    with rustorch.no_grad():
        a += t
    np.testing.assert_array_equal(a, [1, 2])


def test_where_and_dtype():
    x = tensor([1.0, 4.0, 9.0], dtype="float64", requires_grad=True)
    mask = np.array([True, False, True])
    out = rustorch.full((3,), -1.0, dtype="float64")
    r = np.sqrt(x, where=mask, out=out)
    assert r is out
    np.testing.assert_array_equal(out.detach().numpy(), [1, -1, 3])
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.5, 0, 1 / 6])
    a = np.full(3, 7.0)
    np.add(x.detach(), 1, out=a, where=tensor([False, True, False]))
    np.testing.assert_array_equal(a, [7, 5, 7])
    assert np.add(tensor([1, 2]), 1, dtype="float32").dtype == np.float32
    with pytest.raises(TypeError):
        np.add(tensor([1.5]), 1, dtype="int64")
    with pytest.raises(TypeError):
        np.add(x, 1, where=np.array([1.5, 0, 1]))


@pytest.mark.parametrize(
    "name", ["add", "multiply", "maximum", "minimum", "logical_and", "logical_or", "logaddexp"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "uint8", "bool"])
def test_reduce(name, dtype):
    u = getattr(np, name)
    x = (numbers(24).reshape(2, 3, 4) * 2).astype(dtype)
    if name == "logaddexp" and dtype not in ("float64", "float32"):
        return
    t = as_tensor(x)
    for words in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": None}, {"axis": (0, 2)}):
        if name == "logaddexp" and isinstance(words.get("axis", 0), tuple):
            pass
        same(u.reduce(t, **words), u.reduce(x, **words), 1e-5 if dtype == "float32" else None)
    mask = x > x.mean() if dtype != "bool" else ~x
    first = {"initial": x.min()} if u.identity is None else {}
    same(u.reduce(t, axis=1, where=mask, **first), u.reduce(x, axis=1, where=mask, **first), 1e-5)
    out = rustorch.zeros(3, 4, dtype=u.reduce(x).dtype)
    assert u.reduce(t, out=out) is out
    same(out, u.reduce(x), 1e-5)


def test_reduce_of_nothing():
    assert np.add.reduce(rustorch.zeros(0)).item() == 0
    assert np.multiply.reduce(rustorch.zeros(0)).item() == 1
    assert np.maximum.reduce(rustorch.zeros(0), initial=3.0).item() == 3
    with pytest.raises(ValueError):
        np.maximum.reduce(rustorch.zeros(0))
    same(np.add.reduce(tensor([1.0, 2.0]), axis=()), np.array([1, 2], "f"))


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "logaddexp"])
def test_reduce_carries_gradients(name):
    u, x = getattr(np, name), numbers(6).reshape(2, 3)
    t = as_tensor(x).requires_grad_()
    u.reduce(t, axis=1).sum().backward()
    h = 1e-6
    for i in np.ndindex(2, 3):
        step = np.zeros_like(x)
        step[i] = h
        slope = (u.reduce(x + step, axis=1).sum() - u.reduce(x - step, axis=1).sum()) / (2 * h)
        assert abs(t.grad.numpy()[i] - slope) < 1e-6


def test_reduce_without_a_row():
    x = numbers(6).reshape(2, 3)
    same(np.subtract.reduce(as_tensor(x)), np.subtract.reduce(x))
    with pytest.raises(TypeError, match=r"hypot\.reduce.*no derivative"):
        np.hypot.reduce(as_tensor(x).requires_grad_(), axis=None)


def test_accumulate_outer_reduceat_at():
    x, y = numbers(6).reshape(2, 3), numbers(4, 1)
    t = as_tensor(x)
    same(np.add.accumulate(t), np.add.accumulate(x))
    same(np.multiply.accumulate(t, axis=1), np.multiply.accumulate(x, axis=1))
    same(np.maximum.accumulate(t, axis=1), np.maximum.accumulate(x, axis=1))
    same(
        np.add.accumulate(as_tensor(np.arange(5, dtype="uint8"))),
        np.add.accumulate(np.arange(5, dtype="uint8")),
    )
    same(np.multiply.outer(t, as_tensor(y)), np.multiply.outer(x, y))
    same(np.subtract.outer(x, as_tensor(y)), np.subtract.outer(x, y))
    same(np.add.outer(t, 2.0), np.add.outer(x, 2.0))
    same(np.add.reduceat(as_tensor(y), [0, 2]), np.add.reduceat(y, [0, 2]))
    z = as_tensor(y.copy())
    before = z._version
    np.add.at(z, tensor([0, 0]), 1.0)
    assert z._version > before
    np.testing.assert_allclose(z.numpy(), y + [2, 0, 0, 0])
    with pytest.raises(TypeError, match="at"):
        np.add.at(as_tensor(y.copy()).requires_grad_(), [0], 1.0)
    g = as_tensor(x).requires_grad_()
    np.add.accumulate(g, axis=1).sum().backward()
    np.testing.assert_array_equal(g.grad.numpy(), [[3, 2, 1]] * 2)


def test_several_results():
    x, y = numbers(5, 0, -4, 4), numbers(5, 1)
    for ours, theirs in zip(np.divmod(as_tensor(x), y), np.divmod(x, y)):
        same(ours, theirs)
    for ours, theirs in zip(np.modf(as_tensor(x)), np.modf(x)):
        same(ours, theirs)
    for ours, theirs in zip(np.frexp(as_tensor(x)), np.frexp(x)):
        same(ours, theirs)
    a, b = np.zeros(5), rustorch.zeros(5, dtype="float64")
    r = np.divmod(as_tensor(x), y, out=(a, b))
    assert r[0] is a and r[1] is b
    np.testing.assert_array_equal(a, np.floor_divide(x, y))
    t = as_tensor(x).requires_grad_()
    np.divmod(t, y)[1].sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), np.ones(5))
    same(np.ldexp(as_tensor(x), 3), np.ldexp(x, 3))
    same(np.float_power(as_tensor(y.astype("f")), 2), np.float_power(y.astype("f"), 2))
    same(np.degrees(as_tensor(x)), np.degrees(x))


def test_products():
    a, b = numbers(6).reshape(2, 3), numbers(12, 1).reshape(3, 4)
    t = as_tensor(a).requires_grad_()
    same(np.matmul(t, b), a @ b)
    np.matmul(t, b).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), np.ones((2, 4)) @ b.T)
    same(np.vecdot(t, a), np.vecdot(a, a))
    if hasattr(np, "matvec"):
        same(np.matvec(t, a[0]), np.matvec(a, a[0]))
        same(np.vecmat(a[:, 0], t), np.vecmat(a[:, 0], a))
    out = np.zeros((2, 4))
    assert np.matmul(t.detach(), b, out=out) is out
    same(
        np.matmul(t.detach(), b.T, axes=[(0, 1), (1, 0), (0, 1)]),
        np.matmul(a, b.T, axes=[(0, 1), (1, 0), (0, 1)]),
    )


# ---- ufuncs that are not rows ----


def test_unknown_ufuncs_run_on_shared_memory():
    x = numbers(5)
    t = as_tensor(x)
    same(scipy.special.jv(1, t), scipy.special.jv(1, x))
    same(np.spacing(t), np.spacing(x))
    same(scipy.special.ellipk(t.to(np.float32)), scipy.special.ellipk(x.astype("f")))
    _, c = scipy.special.sici(t)
    same(c, scipy.special.sici(x)[1])
    out = rustorch.zeros(5, dtype="float64")
    before = out._version
    assert scipy.special.ellipe(t, out=out) is out
    assert out._version > before
    np.testing.assert_array_equal(out.numpy(), scipy.special.ellipe(x))


def test_unknown_ufuncs_are_refused_by_name_where_gradients_are_needed():
    t = as_tensor(numbers(5)).requires_grad_()
    with pytest.raises(TypeError, match=r"'elliprc'.*no derivative known"):
        scipy.special.elliprc(1, t)
    with pytest.raises(TypeError, match="'j0'"):
        scipy.special.j0(t, out=np.zeros(5))
    with rustorch.no_grad():
        scipy.special.elliprc(1, t)
    scipy.special.elliprc(1, t.detach())
    weird = np.frompyfunc(lambda v: v > 1, 1, 1)
    with pytest.raises(TypeError, match="no derivative"):
        weird(t)


def test_python_ufuncs():
    twice = np.frompyfunc(lambda v: 2 * v, 1, 1)
    result = twice(tensor([1.0, 2.0]))
    assert isinstance(result, np.ndarray) and result.tolist() == [2.0, 4.0]  # objects have no Tensor


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("expit", 1),
        ("logit", 1),
        ("erf", 1),
        ("erfc", 1),
        ("erfinv", 1),
        ("gammaln", 1),
        ("digamma", 1),
        ("psi", 1),
        ("log1p", 1),
        ("expm1", 1),
        ("xlogy", 2),
        ("xlog1py", 2),
        ("log_expit", 1),
        ("exp2", 1),
        ("cbrt", 1),
    ],
)
def test_special_functions_carry_gradients(name, arguments):
    f = getattr(scipy.special, name)
    x = numbers(7, 2, 0.1, 0.9)
    others = [numbers(7, 3)] * (arguments - 1)
    t = as_tensor(x).requires_grad_()
    result = f(t, *others)
    same(result, f(x, *others), 1e-13)
    result.sum().backward()
    h = 1e-6
    np.testing.assert_allclose(t.grad.numpy(), (f(x + h, *others) - f(x - h, *others)) / (2 * h), rtol=1e-6)


class Other:
    """Another library's array, which wants to be asked."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return "other"

    def __array_function__(self, func, types, args, kwargs):
        return "other"


def test_other_libraries_get_their_turn():
    t = tensor([1.0])
    assert np.add(t, Other()) == "other" and np.add(Other(), t) == "other"
    assert np.concatenate([t, Other()]) == "other"
    assert t.__array_ufunc__(np.add, "__call__", t, Other()) is NotImplemented
    with pytest.raises(TypeError):
        np.add(t, "text")
    with pytest.raises(TypeError):
        t.__array_ufunc__(np.add)


def test_arrays_of_objects():
    a = np.array([1, "x"], dtype=object)
    result = np.equal(tensor([1, 2]), a)
    assert np.asarray(result).tolist() == [True, False]
