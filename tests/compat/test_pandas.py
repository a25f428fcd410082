"""pandas and xarray take Tensors and arrays where they take ndarrays; ndarrays are the judge."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import rustorch as rt
import rustorch.numpy as rnp

X = np.arange(6.0).reshape(3, 2)
V = np.array([1.0, 2.0, 3.0])
ORDER = np.array([2, 0, 1])
MASK = np.array([True, False, True])


def tracked(x):
    return rt.tensor(x, requires_grad=np.asarray(x).dtype.kind == "f")


KINDS = {"Tensor": rt.tensor, "tracked": tracked, "array": rnp.asarray}


def with_column(c):
    frame = pd.DataFrame(X)
    frame["z"] = c(V)
    return frame


def with_position(c):
    frame = pd.DataFrame(X)
    frame.iloc[:, 0] = c(V)
    frame.loc[1] = c(V[:2])
    return frame


CALLS = {
    "frame": lambda c: pd.DataFrame(c(X), columns=["a", "b"], index=c(ORDER)),
    "frame of columns": lambda c: pd.DataFrame({"a": c(V), "b": c(ORDER), "m": c(MASK)}),
    "series": lambda c: pd.Series(c(V), dtype="float32"),
    "index": lambda c: pd.Index(c(ORDER)),
    "array": lambda c: pd.array(c(V)),
    "new column": with_column,
    "by position": with_position,
    "assign": lambda c: pd.DataFrame(X).assign(q=c(V)),
    "take": lambda c: pd.DataFrame(X).iloc[c(ORDER)],
    "reindex": lambda c: pd.Series(V).reindex(c(ORDER)),
    "where": lambda c: pd.Series(V).where(c(MASK), c(V)),
    "series + t": lambda c: pd.Series(V) + c(V),
    "t + series": lambda c: c(V) + pd.Series(V, index=[5, 6, 7]),
    "t < series": lambda c: c(V) < pd.Series(V),
    "value * series": lambda c: c(V)[1] * pd.Series(V),
    "frame @ t": lambda c: pd.DataFrame(X) @ c(X.T),
    "np.sin": lambda c: np.sin(pd.Series(c(V))),
    "np.add": lambda c: np.add(c(V), pd.Series(V)),
    "isna": lambda c: pd.isna(c(V)),
    "cut": lambda c: pd.cut(c(V), 2),
    "groupby": lambda c: pd.DataFrame({"k": c(ORDER), "v": c(V)}).groupby("k").sum(),
    "concat": lambda c: pd.concat([pd.Series(c(V)), pd.Series(c(V))]),
    "merge": lambda c: pd.DataFrame({"a": c(ORDER)}).merge(pd.DataFrame({"a": c(ORDER), "b": c(V)})),
    "to_datetime": lambda c: pd.to_datetime(c(ORDER)),
    "quantile": lambda c: pd.Series(V).quantile(c(np.array([0.1, 0.5]))),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_same_as_of_ndarrays(call, kind):
    expected, result = CALLS[call](np.asarray), CALLS[call](KINDS[kind])
    assert str(result) == str(expected)
    assert type(result) is type(expected) or isinstance(result, rt.Tensor)


@pytest.mark.parametrize("make", [rt.tensor, rt.as_tensor, rnp.asarray])
def test_tensors_of_frames_and_series(make):
    for held in (pd.DataFrame(X), pd.Series(V), pd.Index(ORDER), pd.Series(MASK), pd.Series([1, 2], dtype="Int64")):
        t = make(held)
        assert t.dtype == held.to_numpy().dtype or held.dtype == "Int64"
        np.testing.assert_array_equal(np.asarray(t), held.to_numpy().astype(t.dtype))


XARRAY = {
    "add": lambda d: d + 1, "sum": lambda d: d.sum("a"), "mean": lambda d: d.mean(), "isel": lambda d: d.isel(a=0),
    "transpose": lambda d: d.transpose("b", "a"), "where": lambda d: d.where(d > 2), "sin": np.sin,
    "std": lambda d: d.std("b"), "concat": lambda d: xr.concat([d, d], "a"), "clip": lambda d: d.clip(0, 2),
    "cumsum": lambda d: d.cumsum("a"), "argmax": lambda d: d.argmax("b"), "product": lambda d: d @ d,
    "with a tensor": lambda d: d.data * d, "pad": lambda d: d.pad(b=1), "roll": lambda d: d.roll(b=1),
    "diff": lambda d: d.diff("b"), "shift": lambda d: d.shift(b=1), "stack": lambda d: d.stack(z=("a", "b")),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", XARRAY)
def test_xarray_keeps_tensors(call, kind):
    held = KINDS[kind](X)
    result = XARRAY[call](xr.DataArray(held, dims=("a", "b")))
    expected = XARRAY[call](xr.DataArray(X, dims=("a", "b")))
    assert isinstance(result, xr.DataArray) and result.dims == expected.dims
    assert isinstance(result.data, rt.Tensor)
    np.testing.assert_allclose(np.asarray(result.data), expected.data)


def test_masked_arrays_keep_their_masks():
    masked = np.ma.array(V, mask=[False, True, False])
    for result in (rt.tensor(V) + masked, masked + rt.tensor(V), rnp.asarray(V) + masked):
        assert isinstance(result, np.ma.MaskedArray) and result.mask.tolist() == [False, True, False]
