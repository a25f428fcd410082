"""NumPy is the judge of the calls in numpy_calls.py: values, dtypes, shapes, containers; and errors."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

import rustorch
import rustorch.numpy
from tests.compat.numpy_calls import SAMPLES, TABLES, WRONG, split

OURS = "?bBhHiIlLqQefdFD"
# Plain Tensors have PyTorch's rules across kinds: an integer never widens a float.
OTHER_DTYPE = {"np.sqrt(u)", "np.sin(b)", "np.add(i,s)", "np.concatenate([i,s])", "np.outer(i,s)", "np.exp(u)"}


def _evaluate(text: str, np: Any, make: Any) -> Any:
    names = {"np": np, **{name: make(sample.copy()) for name, sample in SAMPLES.items()}}
    with numpy.errstate(all="ignore"):
        return eval(text, names)


def _compare(text: str, expected: Any, got: Any, kind: Any) -> None:
    if isinstance(expected, (tuple, list)):
        assert isinstance(got, list if type(expected) is list else tuple)
        assert len(expected) == len(got)
        for one, other in zip(expected, got, strict=True):
            _compare(text, one, other, kind)
        return
    if not isinstance(expected, (numpy.ndarray, numpy.generic)):
        assert got == expected
        return
    array = numpy.asarray(expected)
    if array.dtype.char in OURS and not isinstance(expected, numpy.matrix):
        assert isinstance(got, kind), type(got)
    other = got.detach().numpy() if isinstance(got, rustorch.Tensor) else numpy.asarray(got)
    assert other.shape == array.shape
    assert other.dtype == array.dtype or (kind is not rustorch.numpy.ndarray and text in OTHER_DTYPE)
    if array.dtype.kind in "fc":
        single = array.dtype.itemsize < 8 or array.dtype.char == "F" or other.dtype == "f4"
        rtol, atol = (1e-3, 0) if array.dtype == "f2" else (1e-5, 1e-6) if single else (1e-12, 1e-14)
        numpy.testing.assert_allclose(other, array, rtol=rtol, atol=atol)
    else:
        numpy.testing.assert_array_equal(other, array)


CASES = [pytest.param(text, id=f"{name}-{text}") for name in TABLES for text in split(TABLES[name])]


@pytest.mark.parametrize("text", CASES)
def test_arrays(text: str) -> None:
    """rustorch.numpy.f of arrays."""
    _compare(
        text,
        _evaluate(text, numpy, lambda a: a),
        _evaluate(text, rustorch.numpy, rustorch.numpy.asarray),
        rustorch.numpy.ndarray,
    )


@pytest.mark.parametrize("text", CASES)
def test_numpys_arrays(text: str) -> None:
    """rustorch.numpy.f of NumPy's own arrays."""
    _compare(
        text,
        _evaluate(text, numpy, lambda a: a),
        _evaluate(text, rustorch.numpy, lambda a: a),
        rustorch.numpy.ndarray,
    )


@pytest.mark.parametrize("text", CASES)
def test_tensors(text: str) -> None:
    """np.f of Tensors; what NumPy answers without asking the Tensor stays NumPy's."""
    _compare(
        text,
        _evaluate(text, numpy, lambda a: a),
        _evaluate(text, numpy, rustorch.from_numpy),
        (rustorch.Tensor, numpy.ndarray, numpy.generic),
    )


@pytest.mark.parametrize("text", split(WRONG))
def test_errors(text: str) -> None:
    """What NumPy refuses we refuse with an exception of that kind."""
    with pytest.raises(Exception) as theirs:
        _evaluate(text, numpy, lambda a: a)
    kinds = tuple(
        kind
        for kind in (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError, AttributeError)
        if issubclass(theirs.type, kind)
    )
    for np, make in ((rustorch.numpy, rustorch.numpy.asarray), (numpy, rustorch.from_numpy)):
        with pytest.raises(kinds) as ours:
            _evaluate(text, np, make)
        assert str(ours.value)
