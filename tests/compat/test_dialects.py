"""Arrays (rustorch.numpy.ndarray) speak NumPy, Tensors speak PyTorch, and neither changes the other."""
import copy
import operator
import pickle

import numpy
import pytest
import torch

import rustorch as rt
import rustorch.numpy as np


def test_results_of_arrays_are_arrays():
    a = np.array([3.0, 1.0, 2.0])
    for result in (a + 1, 1 - a, a * rt.ones(3), rt.ones(3) * a, a[1:], a[0], a.T, numpy.sin(a), numpy.ones(3) + a,
                   a.detach(), a.sum(), rt.exp(a), rt.sort(a)[0], a.reshape(3, 1), a > 2):
        assert type(result) is np.ndarray and isinstance(result, rt.Tensor)
    t = rt.tensor([1.0])
    assert type(t + 1) is rt.Tensor and type(numpy.sin(t)) is rt.Tensor and type(np.sin(t)) is np.ndarray


def test_methods_without_keywords_are_numpys_on_arrays_and_pytorchs_on_tensors():
    values = numpy.arange(6.0).reshape(2, 3)
    a, t = np.array(values), rt.tensor(values)
    assert a.std() == values.std() and t.std().item() == torch.tensor(values).std().item()
    assert a.max(1).tolist() == values.max(1).tolist() and len(t.max(1)) == 2
    assert len(a.max(dim=1)) == 2 and t.std(axis=0).tolist() == values.std(axis=0).tolist()
    assert a.transpose(1, 0).shape == (3, 2) and a.sort() is None


def test_elements_are_values():
    a = np.array([3.0, 1.0, 2.0])
    a[0], a[1] = a[1], a[0]
    assert a.tolist() == [1.0, 3.0, 2.0]
    total = a[0]
    for x in a[1:]:
        total += x
    assert total == 6.0 and a.tolist() == [1.0, 3.0, 2.0]
    assert {np.array([7])[0]: "seven"}[7] == "seven"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    window = a[...]
    window[0] = 9.0
    assert a[0] == 9.0


DTYPES = ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "float16", "float32", "float64", "complex64"]


@pytest.mark.parametrize("op", ["add", "mul", "truediv", "pow", "floordiv", "sub"])
@pytest.mark.parametrize("x", DTYPES)
@pytest.mark.parametrize("y", [*DTYPES, 2, 2.5])
def test_dtypes_are_numpys(op, x, y):
    first, f = numpy.array([3, 5], x), getattr(operator, op)
    second = y if not isinstance(y, str) else numpy.array([2, 1], y)
    if op == "floordiv" and "complex" in f"{x}{y}":
        with pytest.raises(TypeError):
            f(np.array(first), second)
        return
    expected = f(first, second)
    result = f(np.array(first), second if not isinstance(y, str) else np.array(second))
    assert result.dtype == expected.dtype
    numpy.testing.assert_allclose(numpy.asarray(result), expected, rtol=1e-3 if expected.dtype.itemsize < 4 else 1e-6)


def test_gradients_cross_from_one_to_the_other():
    a = np.array([1.0, 2.0]).requires_grad_()
    layer = rt.nn.Linear(2, 1).double()
    out = layer(a)
    assert type(out) is rt.Tensor
    out.sum().backward()
    assert type(a.grad) is np.ndarray and a.grad.tolist() == layer.weight.detach()[0].tolist()
    t = rt.tensor([1.0, 2.0], requires_grad=True)
    view = np.asarray(t)
    assert type(view) is np.ndarray
    (view * view).sum().backward()
    assert t.grad.tolist() == [2.0, 4.0]


def test_pytorchs_functions_see_tensors():
    a = np.array([[3.0, 1.0], [2.0, 5.0]])
    assert rt.quantile(a, 0.5, dim=0).tolist() == [2.5, 3.0]
    assert type(rt.nn.functional.softmax(a, 0)) is np.ndarray
    assert a.add_(1) is a and a[0, 0] == 4.0


def test_copies_keep_the_type():
    a = np.array([1.0, 2.0])
    for other in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert type(other) is np.ndarray and other.tolist() == [1.0, 2.0]
    assert repr(a) == "array([1., 2.])" and str(a) == "[1. 2.]" and str(a[0]) == "1.0"
