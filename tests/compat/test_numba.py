"""numba: compiled loops on a tensor's memory, and its ufuncs on tensors."""

import numba
import numpy as np
import pytest

import rustorch as rt
import rustorch.numpy as rnp
from rustorch._numba import init

init()  # what numba itself does of an installed rustorch


@numba.njit
def double_in_place(x):
    for i in range(x.shape[0]):
        x[i] *= 2


@numba.vectorize
def weighted(x, y):
    return x + 2 * y


@numba.guvectorize(["void(float64[:], float64[:])"], "(n)->(n)")
def running(x, out):
    total = 0.0
    for i in range(len(x)):
        total += x[i]
        out[i] = total


@pytest.mark.parametrize("make", [rt.tensor, rnp.asarray])
def test_compiled_loops_share_memory(make):
    t = make(np.arange(4.0))
    double_in_place(np.asarray(t))
    assert t.tolist() == [0.0, 2.0, 4.0, 6.0]
    double_in_place(t.numpy())
    assert t.tolist() == [0.0, 4.0, 8.0, 12.0]


@pytest.mark.parametrize("make", [rt.tensor, rnp.asarray])
def test_ufuncs_of_numba_give_tensors(make):
    t = make(np.arange(6.0).reshape(2, 3))
    for result, expected in ((weighted(t, t), 3 * np.arange(6.0).reshape(2, 3)),
                             (weighted(t, 1.0), np.arange(6.0).reshape(2, 3) + 2),
                             (running(t), np.arange(6.0).reshape(2, 3).cumsum(1))):
        assert type(result) is type(t)
        np.testing.assert_array_equal(np.asarray(result), expected)
    with pytest.raises(TypeError, match=r"derivative|gradient"):
        weighted(rt.ones(2, requires_grad=True), 1.0)


@numba.njit
def standardised(x):
    return (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).sum() / x.size)


@numba.njit
def transposed_sum(x):
    return x.T.copy().reshape(-1)[1] + x[0, -1] + x.sum(axis=0)[0]


@pytest.mark.parametrize("make", [rt.tensor, rnp.asarray])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int16", "uint8", "complex64", "bool"])
def test_tensors_are_arrays_to_compiled_functions(make, dtype):
    data = (np.arange(6).reshape(2, 3) % 4).astype(dtype)
    assert transposed_sum(make(data)) == transposed_sum(data)
    if dtype == "float64":
        np.testing.assert_allclose(standardised(make(data)), standardised(data))
        np.testing.assert_allclose(standardised(make(data)[:, ::-2]), standardised(data[:, ::-2]))
        t = make(np.arange(3.0))
        double_in_place(t)
        assert t.tolist() == [0.0, 2.0, 4.0]


def test_tracked_tensors_are_read_only():
    t = rt.ones(3, dtype=rt.float64, requires_grad=True)
    assert np.isnan(standardised(t)).all()
    with pytest.raises((TypeError, numba.TypingError, ValueError)):
        double_in_place(t)
    assert t.tolist() == [1.0, 1.0, 1.0]
