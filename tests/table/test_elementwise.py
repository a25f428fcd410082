"""Every elementwise row, for every dtype it takes: values against NumPy or PyTorch, the same bits in
every layout, out= and in-place forms, gradients to second order."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch
from table.rows import (
    ELEMENTWISE,
    dtypes,
    function,
    has_rule,
    layouts,
    ntensors,
    numpy_function,
    parameters,
    sample,
    tensors,
    torch_function,
)

import rustorch as rt

SHAPE = (3, 37)
TOLERANCE = {
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
    "float32": 3e-6,
    "float64": 1e-13,
    "complex64": 2e-5,
    "complex128": 1e-12,
}
ids = [row["name"] for row in ELEMENTWISE]
every_row = pytest.mark.parametrize("row", ELEMENTWISE, ids=ids)
every_row_and_dtype = pytest.mark.parametrize(
    ("row", "dtype"),
    [(r, d) for r in ELEMENTWISE for d in dtypes(r)],
    ids=[f"{r['name']}-{d}" for r in ELEMENTWISE for d in dtypes(r)],
)
# second derivatives that are not functions, or steps whose sides differ
NOT_TWICE = {"angle_slope"}
# kinds that NumPy's ufunc does not take, or takes otherwise
NUMPY_LACKS = {"sign": "b", "square": "b", "conj": "b", "logaddexp": "c"}
# rows that no reference has: checked by their gradients' test and these formulas
FORMULAS = {
    "angle_slope": None,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(torch.from_numpy(x), approximate="tanh").numpy(),
    "polygamma": lambda x: scipy.special.polygamma(3, x),
    "trigamma": lambda x: scipy.special.polygamma(1, x),
    "bessel_j0": scipy.special.j0,
    "bessel_j1": scipy.special.j1,
    "bessel_y0": scipy.special.y0,
    "bessel_y1": scipy.special.y1,
    "airy_ai": lambda x: scipy.special.airy(x)[0],
    "gamma": scipy.special.gamma,
    "clamp_min": lambda x, y: np.maximum(x, y),
    "clamp_max": lambda x, y: np.minimum(x, y),
    "frexp_exponent": lambda x: np.frexp(x)[1],
    "replace_nan": lambda x: np.nan_to_num(x),
    "replace_inf": lambda x: np.nan_to_num(x, posinf=7.0, neginf=-7.0),
    "tied": lambda x, y: x,
    "prelu": lambda x, y: np.where(x > 0, x, y * x),
    "floor_quotient": np.floor_divide,
    "squared_error": lambda x, y: np.square(x - y),
    "absolute_error": lambda x, y: np.abs(x - y),
    "smooth_error": lambda x, y, z: np.where(abs(x - y) < z, (x - y) ** 2 / 2 / z, abs(x - y) - z / 2),
    "huber_error": lambda x, y, z: np.where(abs(x - y) < z, (x - y) ** 2 / 2, z * (abs(x - y) - z / 2)),
    "logistic_error": lambda x, y: np.logaddexp(0, x) - x * y,
    "bernoulli_error": lambda x, y: (y - 1) * np.log1p(-x).clip(-100) - y * np.log(x).clip(-100),
}


def wide(array):
    """In the widest dtype of its kind, so that the reference rounds once."""
    return array.astype({"f": "float64", "c": "complex128"}.get(array.dtype.kind, array.dtype))


def torch_operand(array):
    """A PyTorch tensor; unsigned integers, for which it lacks operators, as int64."""
    return torch.from_numpy(np.ascontiguousarray(array.astype("int64") if array.dtype.kind == "u" else wide(array)))


def reference(row, arrays):
    if row["name"] in FORMULAS:
        formula = FORMULAS[row["name"]]
        return None if formula is None else formula(*map(wide, arrays))
    params = parameters(row)
    fn = numpy_function(row)
    if fn is not None and arrays[0].dtype.kind not in NUMPY_LACKS.get(row["name"], ""):
        return fn(*map(wide, arrays), *params)
    fn = torch_function(row)
    assert fn is not None, f"no reference for {row['name']}"
    operands = [torch_operand(a) for a in arrays]
    result = fn(*operands, *params)
    return result.resolve_conj().resolve_neg().numpy()


def real_dtype(name):
    return {"complex64": "float32", "complex128": "float64"}.get(name, name)


@every_row_and_dtype
def test_values(row, dtype):
    arrays = sample(row, dtype, SHAPE)
    got = function(row)(*tensors(arrays, dtype), *parameters(row))
    assert tuple(got.shape) == SHAPE
    kind = np.dtype(dtype).kind if dtype != "bfloat16" else "f"
    floating = row["class"] in ("INEXACT", "FLOAT")
    expected_dtype = "bool" if row["logic"] else "float32" if floating and kind in "biu" else dtype
    if row["class"] == "COUNT" and kind == "b":
        expected_dtype = "int64"
    if str(got.dtype) != expected_dtype:
        assert str(got.dtype) == real_dtype(expected_dtype) and row["name"] in ("abs", "angle"), (
            got.dtype,
            expected_dtype,
        )
    if floating and kind in "biu":
        arrays = [a.astype("float32") for a in arrays]
    want = reference(row, arrays)
    if want is None:
        return
    values = got.to("float32").numpy() if dtype == "bfloat16" and str(got.dtype) == "bfloat16" else got.numpy()
    if values.dtype.kind in "biu":
        np.testing.assert_array_equal(values, want.astype(values.dtype))
        return
    tolerance = TOLERANCE[str(got.dtype)]
    np.testing.assert_allclose(
        values, want, rtol=tolerance, atol=tolerance * (1e-3 if tolerance > 1e-3 else 1), equal_nan=True
    )


@every_row_and_dtype
def test_layouts_keep_bits(row, dtype):
    arrays = sample(row, dtype, SHAPE, seed=1)
    want = function(row)(*tensors(arrays, dtype), *parameters(row))
    bits = np.ascontiguousarray(
        rt.asarray(want).contiguous().to("float32").numpy() if str(want.dtype) == "bfloat16" else want.numpy()
    )
    for places in range(2 ** len(arrays)):
        for combined in zip(*(layouts(a) for a in arrays), strict=True):
            chosen = [c[1] if places >> i & 1 else a for i, (c, a) in enumerate(zip(combined, arrays, strict=True))]
            operands = [rt.from_numpy(a) for a in chosen]
            if dtype == "bfloat16":
                operands = [t.to("bfloat16") if t.dtype.kind == "f" else t for t in operands]
            got = function(row)(*operands, *parameters(row))
            plain = got.to("float32").numpy() if str(got.dtype) == "bfloat16" else got.numpy()
            assert np.ascontiguousarray(plain).tobytes() == bits.tobytes(), combined[0][0]


@every_row
def test_short_lengths_keep_bits(row):
    dtype = "float32" if "float32" in dtypes(row) else dtypes(row)[-1]
    arrays = sample(row, dtype, (67,), seed=2)
    whole = function(row)(*tensors(arrays, dtype), *parameters(row)).numpy()
    for n in range(68):
        part = function(row)(*(rt.from_numpy(a[:n]) for a in arrays), *parameters(row)).numpy()
        assert part.tobytes() == whole[:n].tobytes(), n


@every_row
def test_broadcast_empty_and_0d(row):
    dtype = "float32" if "float32" in dtypes(row) else dtypes(row)[-1]
    arrays = sample(row, dtype, (4, 1, 3), seed=3)
    if ntensors(row) > 1:
        arrays[-1] = arrays[-1][:1, :, :1].repeat(5, 1)
    fn = function(row)
    got = fn(*map(rt.from_numpy, arrays), *parameters(row)).numpy()
    full = np.broadcast_arrays(*arrays)
    want = fn(*(rt.from_numpy(np.ascontiguousarray(a)) for a in full), *parameters(row)).numpy()
    np.testing.assert_array_equal(got, want)
    empty = fn(*(rt.from_numpy(a[:0]) for a in full), *parameters(row))
    assert empty.numel() == 0 and tuple(empty.shape) == full[0][:0].shape
    scalar = fn(*(rt.tensor(a[0, 0, 0]) for a in full), *parameters(row))
    assert scalar.ndim == 0
    assert scalar.numpy().tobytes() == want[0, 0, 0].tobytes()


@every_row_and_dtype
def test_out_and_inplace(row, dtype):
    if dtype == "bfloat16":
        return   # the same path as float16
    arrays = sample(row, dtype, SHAPE, seed=4)
    fn = function(row)
    want = fn(*tensors(arrays, dtype), *parameters(row))
    out = rt.empty_like(want)
    address = out.data_ptr()
    assert fn(*tensors(arrays, dtype), *parameters(row), out=out) is out
    assert out.data_ptr() == address
    np.testing.assert_array_equal(out.numpy(), want.numpy())
    strided = rt.zeros(SHAPE[0], 2 * SHAPE[1], dtype=want.dtype)[:, ::2]
    fn(*tensors(arrays, dtype), *parameters(row), out=strided)
    np.testing.assert_array_equal(strided.numpy(), want.numpy())
    if row["name"] + "_" not in rt._C.ops or str(want.dtype) != dtype:
        return
    operands = tensors(arrays, dtype)
    version = operands[0]._version
    assert rt._C.ops[row["name"] + "_"](*operands, *parameters(row)) is operands[0]
    assert operands[0]._version == version + 1
    np.testing.assert_array_equal(operands[0].numpy(), want.numpy())


def differentiable(row):
    return any(has_rule(row, i) for i in range(3))


GRADIENTS = [(r, d) for r in ELEMENTWISE if differentiable(r) for d in ("float64", "complex128") if d in dtypes(r)]


def call(row, positions, constants):
    """The row as a function of the operands that have a derivative."""
    fn, params = function(row), parameters(row)

    def run(*xs):
        operands = list(constants)
        for p, x in zip(positions, xs, strict=True):
            operands[p] = x
        return fn(*operands, *params)

    return run


@pytest.mark.parametrize(("row", "dtype"), GRADIENTS, ids=[f"{r['name']}-{d}" for r, d in GRADIENTS])
def test_gradients(row, dtype):
    arrays = sample(row, dtype, (2, 3), seed=5)
    positions = [i for i in range(ntensors(row)) if has_rule(row, i)]
    operands = tensors(arrays, dtype)
    run = call(row, positions, operands)
    inputs = [operands[p].requires_grad_() for p in positions]
    assert rt.autograd.gradcheck(run, inputs)
    if row["name"] not in NOT_TWICE:
        assert rt.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("row", [r for r in ELEMENTWISE if differentiable(r)], ids=lambda r: r["name"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_fused_gradient_is_the_rule(row, dtype):
    """First-order gradients (one fused loop) equal those of the rule evaluated over tensors in float64."""
    if dtype not in dtypes(row):
        return
    arrays = sample(row, dtype, SHAPE, seed=6)
    positions = [i for i in range(ntensors(row)) if has_rule(row, i)]
    results = []
    for d, graph in ((dtype, False), ("float64", True)):
        operands = [rt.tensor(a) if a.dtype == bool else rt.tensor(a).to(d) for a in arrays]
        inputs = [operands[p].requires_grad_() for p in positions]
        y = call(row, positions, operands)(*inputs)
        results.append(rt.autograd.grad(y, inputs, rt.ones_like(y.detach()), create_graph=graph))
    tolerance = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 6e-2}[dtype]
    for got, want in zip(*results, strict=True):
        assert str(got.dtype) == dtype
        np.testing.assert_allclose(
            got.detach().to("float64").numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance
        )


@every_row
def test_refused_dtypes(row):
    """A dtype outside the class raises DtypeError that names the op and the dtype."""
    every = {d for r in ELEMENTWISE for d in dtypes(r)}
    for dtype in sorted(every - set(dtypes(row))):
        if dtype == "bool" and parameters(row):
            continue   # a number makes it an integer
        operands = [rt.ones(2, dtype="bool")] if row["select"] else []
        while len(operands) < ntensors(row):
            operands.append(rt.ones(2).to(dtype))
        with pytest.raises(rt.DtypeError, match=f"{row['name']}.*{dtype}"):
            function(row)(*operands, *(int(p) if p == int(p) else p for p in parameters(row)))
