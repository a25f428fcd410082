"""Places for results of rows with several of them: right ones, empty ones, of other dtypes, strided, one tensor for
all.  What is given is what comes back, holds the result, and is referred to as often as before; and calls that
once stepped outside of memory."""
import sys

import numpy as np
import pytest

import rustorch as rt
from rustorch import _C

X = rt.from_numpy(np.random.default_rng(0).standard_normal((4, 4)).astype("float32"))
H = X @ X.T + 4 * rt.eye(4)
IMAGE = X.reshape(1, 1, 4, 4)
CALLS = {
    "max_dim": (X, 0), "min_dim": (X, 0), "sort": (X,), "topk": (X, 2), "kthvalue": (X, 2), "median_dim": (X, 0),
    "nanmedian_dim": (X, 0), "mode": (X,), "cummax": (X, 0), "cummin": (X, 0),
    "max_pool": (IMAGE, [2, 2], [1, 1], [0, 0], [1, 1]), "adaptive_max_pool": (IMAGE, [2, 2]),
    "fractional_max_pool": (IMAGE, rt.full((1, 1, 2), 0.4, dtype="float64"), [2, 2], [2, 2]),
    "linalg_cholesky": (H,), "linalg_lu_factor": (H,), "linalg_qr": (X,), "linalg_geqrf": (X,),
    "linalg_ldl_factor": (H,),
    "linalg_solve": (H, X), "linalg_inv": (H,), "linalg_slogdet": (H,), "linalg_lstsq": (X, X), "linalg_svd": (X,),
    "linalg_eigh": (H,), "linalg_eig": (H,), "batch_norm_train": (X,),
}
REFUSES = {"batch_norm_train"}          # its statistics are no place to write to


def every_second(t):
    return rt.empty([2 * n for n in t.shape], dtype=t.dtype)[(slice(None, None, 2),) * t.ndim]


PLACES = {
    "right": lambda r: tuple(rt.empty_like(t) for t in r),
    "empty": lambda r: tuple(rt.empty(0, dtype=t.dtype) for t in r),
    "one": lambda r: (rt.empty(0, dtype=r[0].dtype),) * len(r),
    "first": lambda r: (rt.empty_like(r[0]),),
    "wide": lambda r: tuple(rt.empty(t.shape, dtype="complex128") for t in r),
    "strided": lambda r: tuple(every_second(t) for t in r),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", CALLS)
def test_several_outputs(name, place):
    row, arguments = _C.ops[name], CALLS[name]
    expected = row(*arguments)
    out = PLACES[place](expected)
    before = [sys.getrefcount(t) for t in out]
    if name in REFUSES and place != "first":
        with pytest.raises(TypeError, match="takes one tensor"):
            row(*arguments, out=out)
    elif place == "one":
        try:
            row(*arguments, out=out)         # written one after the other where shapes and dtypes allow it
        except (TypeError, ValueError, RuntimeError) as error:
            assert name in str(error)
    else:
        for got, given, right in zip(row(*arguments, out=out), out, expected, strict=False):
            assert got is given
            assert bool((got.to(right.dtype) == right).all())
        got = given = right = None
    assert [sys.getrefcount(t) for t in out] == before


def test_hidden_outputs_cannot_be_given():
    """The second result of cat holds where each tensor starts, one number for each."""
    parts = [rt.ones(5)] * 9
    for row, arguments in (("cat", (parts,)), ("cross_entropy", (rt.ones(2, 3), rt.tensor([0, 1]))),
                           ("layer_norm", (X, [4])), ("linalg_det", (H,))):
        with pytest.raises(TypeError, match="results"):
            _C.ops[row](*arguments, out=(rt.empty(0), rt.empty(0, dtype="int64")))


@pytest.mark.parametrize("row", ["index_fill", "index_copy", "index_add"])
def test_lists_of_indices_into_a_tensor_without_dimensions(row):
    x, many = rt.tensor(1.0), rt.tensor([0] * 40)
    values = 2.0 if row == "index_fill" else rt.full((40,), 2.0)
    assert _C.ops[row](x, 0, many, values).item() == (81 if row == "index_add" else 2)
    if row != "index_fill":
        with pytest.raises(ValueError, match=row):
            _C.ops[row](x, 0, many, rt.tensor(2.0))
    with pytest.raises(IndexError):
        _C.ops[row](x, 0, rt.tensor([1]), 2.0 if row == "index_fill" else rt.ones(1))


@pytest.mark.parametrize("kind", ["nearest", "nearest-exact", "linear", "cubic", "linear-aa", "cubic-aa"])
@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e-20, 1e20, float("inf"), float("nan"), -1.0])
def test_any_scale_stays_inside(kind, scale):
    out = _C.ops["resample"](rt.ones(2, 3), 1, 7, kind, scale=scale)
    assert out.shape == (2, 7) and bool(((out >= -1) & (out <= 2) | out.isnan()).all())


def test_random_samples_of_a_pool_out_of_range():
    for sample in (float("nan"), float("inf"), -float("inf"), 1e300, -5.0):
        samples = rt.full((1, 1, 2), sample, dtype="float64")
        values, where = _C.ops["fractional_max_pool"](IMAGE, samples, [2, 2], [2, 2])
        assert values.shape == (1, 1, 2, 2) and 0 <= where.min().item() <= where.max().item() < 16
