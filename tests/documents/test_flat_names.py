"""rustorch_py, the flat API of the overview documents: what they show, as far as it exists."""
import importlib

import numpy as np
import pytest
import torch

import rustorch
import rustorch_py


def test_tensor_operations():
    t = rustorch_py.create_tensor([1, 2, 3, 4], shape=[2, 2])
    assert rustorch_py.tensor_add(t, t).tolist() == [[2, 4], [6, 8]]
    assert rustorch_py.tensor_matmul(t, t).tolist() == [[7, 10], [15, 22]]


def test_automatic_differentiation():
    x = rustorch_py.create_variable([2.0, 3.0], requires_grad=True)
    y = rustorch_py.create_variable([1.0, 4.0], requires_grad=True)
    z = rustorch_py.operations.mul(x, y)
    rustorch_py.backward(rustorch_py.operations.sum(z))
    assert x.grad.tolist() == [1.0, 4.0]
    assert y.grad.tolist() == [2.0, 3.0]


def test_network():
    nn = rustorch_py.nn
    model = nn.Sequential(
        [nn.Linear(input_size=784, output_size=128), nn.ReLU(), nn.Dropout(p=0.2), nn.Linear(128, 10)]
    )
    data = np.zeros((5, 784), np.float32)
    assert model.forward(rustorch_py.create_tensor(data, shape=[5, 784])).shape == (5, 10)


def test_tensor_module():
    import rustorch_py.tensor as tensor
    assert tensor.zeros([3, 4]).shape == (3, 4)
    assert tensor.randn([5, 5]).shape == (5, 5)
    assert tensor.transpose(tensor.ones([2, 3]), 0, 1).shape == (3, 2)
    assert tensor.reshape(tensor.ones([2, 3]), [6, -1]).shape == (6, 1)
    assert tensor.add(tensor.ones([2]), 1).tolist() == [2.0, 2.0]


def test_conversion():
    array = np.array([[1, 2], [3, 4]], dtype=np.float32)
    t = rustorch_py.from_numpy(array)
    assert t.numpy().ctypes.data == array.ctypes.data
    u = torch.randn(3, 4)
    assert rustorch_py.from_torch(u).to_torch().data_ptr() == u.data_ptr()


def test_errors():
    with pytest.raises(rustorch_py.TensorError, match=r"\(3,\) and \(2, 2\)"):
        rustorch_py.create_tensor([1, 2, 3], [2, 2])
    assert issubclass(rustorch_py.DeviceError, rustorch_py.RusTorchError)


@pytest.mark.parametrize("name", ["nn", "nn.functional", "autograd", "optim", "data", "utils", "testing", "memory"])
def test_modules_are_rustorchs_own(name):
    twin, original = importlib.import_module("rustorch_py." + name), importlib.import_module("rustorch." + name)
    assert twin is original
    assert original.__spec__.name == "rustorch." + name


@pytest.mark.parametrize("name", ["tensor_nothing", "nothing", "_nothing"])
def test_what_is_missing_says_so(name):
    with pytest.raises(AttributeError, match=f"rustorch_py has no '{name}'"):
        getattr(rustorch_py, name)
    with pytest.raises(ModuleNotFoundError, match=r"rustorch_py\.nothing"):
        importlib.import_module("rustorch_py.nothing")
    assert rustorch.__spec__.name == "rustorch"
