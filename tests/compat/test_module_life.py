"""What PyTorch's own tests ask of every module besides its results: copies, pickles, dtypes asked for at the start,
views as input, gradients of gradients, in-place variants."""
import copy
import inspect
import itertools
import pickle
import warnings

import numpy as np
import pytest
import torch

import rustorch
from tests.compat import moduledb, opdb

NAMES = [name for name in moduledb.entries() if name != "LinearCrossEntropyLoss"]


def samples(name, training=True, most=4):
    """A few samples of a module as (module of ours, arguments, keywords, sample, carrier)."""
    found = itertools.chain.from_iterable(source(torch.float64, training) for source in moduledb.entries()[name])
    for sample in itertools.islice(found, most):
        carrier = moduledb.Carrier()
        cls = moduledb.counterpart(sample.cls)
        module = cls(*carrier.over(tuple(sample.args)), **carrier.over(sample.kwargs)).to(rustorch.float64)
        yield module, carrier.over(tuple(sample.inputs)), carrier.over(dict(sample.input_kwargs)), sample, carrier


def results(module, args, kwargs):
    """Everything a call gives, as arrays; the module's buffers stay as they were."""
    state = {key: value.clone() if isinstance(value, rustorch.Tensor) else value
             for key, value in module.state_dict().items()}
    found = opdb.flat(module(*args, **kwargs))
    found = [np.array(part.detach()) for part in found if isinstance(part, rustorch.Tensor)]
    module.load_state_dict(state)
    return found


def same(a, b):
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles(name):
    for module, args, kwargs, _, _ in samples(name):
        if isinstance(module, rustorch.nn.modules.lazy.LazyModuleMixin):
            again = pickle.loads(pickle.dumps(module))
            assert type(again) is type(module) and again.has_uninitialized_params()
            module(*args, **kwargs)
        expected = results(module, args, kwargs)
        for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert type(other) is type(module) and repr(other) == repr(module)
            assert list(other.state_dict()) == list(module.state_dict())
            assert not {id(p) for p in other.parameters()} & {id(p) for p in module.parameters()}
            same(results(other, args, kwargs), expected)


@pytest.mark.parametrize("name", NAMES)
def test_views_as_inputs(name):
    def spread(x):
        """The same elements with others between them."""
        if not isinstance(x, rustorch.Tensor) or x.ndim == 0:
            return x
        wide = rustorch.empty((*tuple(x.shape), 2), dtype=x.dtype)
        wide[..., 0] = x.detach()
        return wide[..., 0].requires_grad_(x.requires_grad)

    for module, args, kwargs, _, _ in samples(name):
        if isinstance(module, rustorch.nn.modules.lazy.LazyModuleMixin):
            module(*args, **kwargs)
        strided = [tuple(spread(y) for y in x) if isinstance(x, tuple) else spread(x) for x in args]
        same(results(module, strided, kwargs), results(module, args, kwargs))


@pytest.mark.parametrize("name", NAMES)
def test_dtype_asked_for_at_the_start(name):
    if not {"device", "dtype"} <= set(inspect.signature(getattr(torch.nn, name)).parameters) and name not in (
            "RNN", "LSTM", "GRU"):
        return
    for _, _, _, sample, carrier in samples(name, most=2):
        kwargs = {key: value for key, value in sample.kwargs.items() if key not in ("device", "dtype")}
        theirs = sample.cls(*sample.args, **kwargs, device="cpu", dtype=torch.float64)
        cls = moduledb.counterpart(sample.cls)
        ours = cls(*carrier.over(tuple(sample.args)), **carrier.over(kwargs), device="cpu", dtype=rustorch.float64)
        for kind in ("named_parameters", "named_buffers"):
            assert [(n, str(t.dtype)) for n, t in getattr(ours, kind)()] == [
                (n, str(t.dtype).removeprefix("torch.")) for n, t in getattr(theirs, kind)()]


@pytest.mark.parametrize("name", [info.name[3:] for info in moduledb.module_db
                                  if info.name.startswith("nn.") and info.supports_gradgrad
                                  and info.name not in ("nn.CTCLoss", "nn.LinearCrossEntropyLoss")])
def test_gradients_of_gradients(name):
    for module, args, kwargs, _, _ in samples(name, most=1):
        leaves = [x for x in args if isinstance(x, rustorch.Tensor) and x.requires_grad and x.numel() <= 60]
        if not leaves or isinstance(module, rustorch.nn.modules.lazy.LazyModuleMixin):
            continue
        own = [p for p in module.parameters() if p.numel() <= 30][:2]

        def call(*given, module=module, args=args, kwargs=kwargs, leaves=leaves, own=own):
            parts = iter(given)
            taken = [next(parts) if any(x is leaf for leaf in leaves) else x for x in args]
            names = [key for key, p in module.named_parameters() if any(p is one for one in own)]
            found = rustorch.func.functional_call(module, dict(zip(names, parts, strict=True)), tuple(taken), kwargs)
            return tuple(x for x in opdb.flat(found) if isinstance(x, rustorch.Tensor) and x.requires_grad)

        inputs = [x.detach().clone() for x in [*leaves, *own]]
        if name.startswith("LPPool"):       # powers of negative numbers are not numbers
            inputs = [x.abs() + 0.1 for x in inputs]
        inputs = [x.requires_grad_() for x in inputs]
        assert rustorch.autograd.gradgradcheck(call, inputs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in NAMES
                                  if "inplace" in inspect.signature(getattr(torch.nn, name)).parameters])
def test_in_place(name):
    drops = "Dropout" in name
    for _, args, _, sample, carrier in samples(name, most=2):
        cls = moduledb.counterpart(sample.cls)
        given = (0.4,) if drops else carrier.over(tuple(sample.args))
        kwargs = {key: value for key, value in carrier.over(sample.kwargs).items() if key != "inplace"}
        plain, module = (cls(*given, **kwargs, inplace=way) for way in (False, True))
        x = args[0].detach().clone().requires_grad_()
        with pytest.raises(RuntimeError, match="leaf"):
            module(x)
        y = x.clone()
        result = module(y)
        assert result is y
        result.sum().backward()
        if not drops:
            same([np.array(result.detach())], [np.array(plain(x).detach())])
            (expected,) = rustorch.autograd.grad((plain(x).sum(),), (x,))
            np.testing.assert_allclose(np.array(x.grad), np.array(expected), rtol=1e-12)
