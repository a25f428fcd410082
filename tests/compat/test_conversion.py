"""Models from PyTorch and back: the same names, the same outputs, the same gradients."""

import re

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch.interop import ConversionError, Program, from_pytorch, to_pytorch
from tests.compat import moduledb, opdb
from tests.compat.zoo import ZOO


def over(value):
    """A PyTorch value in rustorch."""
    if isinstance(value, torch.Tensor):
        return rt.from_torch(value.detach().clone())
    if isinstance(value, (tuple, list)):
        return type(value)(over(v) for v in value)
    return {k: over(v) for k, v in value.items()} if isinstance(value, dict) else value


def leaves(value):
    """The tensors in what a model returned, in order."""
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in leaves(v)]
    if isinstance(value, (tuple, list)):
        return [leaf for v in value for leaf in leaves(v)]
    return [] if value is None else [value]


def array(value):
    return value.detach().cpu().numpy()


def close(ours, theirs, tolerance, what=""):
    a, b = leaves(ours), leaves(theirs)
    assert len(a) == len(b) > 0
    for x, y in zip(a, b, strict=True):
        assert tuple(x.shape) == tuple(y.shape), what
        scale = max(1.0, float(np.abs(array(y)).max(initial=0)))
        np.testing.assert_allclose(array(x), array(y), rtol=0, atol=tolerance * scale, err_msg=what)


def build(name):
    torch.manual_seed(0)
    cls, draw = ZOO[name]
    model = cls()
    for buffer_name, buffer in model.named_buffers():  # statistics that are not those of a new layer
        if "running_mean" in buffer_name:
            buffer.normal_(0, 0.1)
    return model, draw


def same_names(ours, theirs):
    for kind in ("named_parameters", "named_buffers"):
        assert [n for n, _ in getattr(ours, kind)()] == [n for n, _ in getattr(theirs, kind)()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    paths = dict(ours.named_modules())
    assert paths.keys() == dict(theirs.named_modules()).keys()
    assert {n: m.training for n, m in ours.named_modules()} == {n: m.training for n, m in theirs.named_modules()}


def gradients(model, inputs):
    """Of a loss that every output takes part in, by parameter's name."""
    model.zero_grad()
    total = 0
    for number, out in enumerate(leaves(model(*inputs))):
        weights = np.sin(np.arange(out.numel() if callable(out.numel) else out.numel)).reshape(tuple(out.shape))
        like = rt.from_numpy(weights) if isinstance(out, rt.Tensor) else torch.from_numpy(weights)
        total = total + (out * like.to(out.dtype)).sum() * (number + 1) + (out * out).mean()
    total.backward()
    return {n: array(p.grad) for n, p in model.named_parameters() if p.grad is not None}


def same_gradients(model, expected, inputs):
    found = gradients(model, over(inputs) if isinstance(model, rt.nn.Module) else inputs)
    assert found.keys() == expected.keys() and len(found) > 0
    for name, value in expected.items():
        scale = max(1e-3, float(np.abs(value).max()))
        np.testing.assert_allclose(found[name] / scale, value / scale, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("copied", [True, False], ids=["copied", "shared"])
@pytest.mark.parametrize("name", sorted(ZOO))
def test_zoo(name, copied):
    """Outputs in eval mode and gradients in training agree, for batches of several sizes, and on the way back."""
    theirs, draw = build(name)
    ours = from_pytorch(theirs, copy=copied)
    back = to_pytorch(ours, copy=copied)
    for other in (ours, back):
        same_names(other, theirs)
        other.eval()
    theirs.eval()
    for size in (2, 3):
        inputs = draw(size)
        close(ours(*over(inputs)), theirs(*inputs), 1e-5, name)
        close(back(*inputs), theirs(*inputs), 1e-6, name)
    theirs = build(name)[0].double().train()  # float64, so that nothing is lost where gradients cancel
    ours = from_pytorch(build(name)[0].double(), copy=copied).train()
    back = to_pytorch(from_pytorch(build(name)[0].double()), copy=copied).train()
    for size in (3, 4):
        inputs = [x.double() if x.is_floating_point() else x for x in draw(size)]
        expected = gradients(theirs, inputs)
        for other in (ours, back):
            same_gradients(other, expected, inputs)
            for (key, a), b in zip(theirs.named_buffers(), other.buffers(), strict=True):
                np.testing.assert_allclose(array(b), array(a), rtol=1e-5, atol=1e-5, err_msg=key)


# forward has loops over sizes, branches on them, errors, or a gradient of its own
BY_CLASS = {"LeNet", "Seq2Seq", "GPT", "Straightthrough"}


@pytest.mark.parametrize("name", sorted(ZOO))
def test_programs_and_classes(name, tmp_path):
    """What can be traced becomes a Program, which files hold; what cannot says why, and keeps its class's name."""
    theirs, draw = build(name)
    if name in BY_CLASS:
        with pytest.raises(ConversionError, match=f"from_pytorch: {name}: "):
            from_pytorch(theirs, through="graph")
        assert type(from_pytorch(theirs)).__name__ == name
        return
    ours = from_pytorch(theirs, through="graph").eval()
    assert isinstance(ours, Program)
    inputs = over(draw(2))
    if any("parametrizations" in path for path, _ in ours.named_modules()):
        return  # files hold modules without
    rt.save(ours, tmp_path / "model.rustorch")
    again = rt.load(tmp_path / "model.rustorch")
    same_names(again, ours)
    assert repr(again(*inputs)) == repr(ours(*inputs))


def bare(model):
    return re.sub(r" at 0x\w+", "", repr(model))


@pytest.mark.parametrize("name", sorted(name for name in moduledb.entries() if not name.startswith("Lazy")))
def test_every_layer(name):
    """Whatever PyTorch's database of modules builds: same class, repr, names and outputs, there and back."""
    judged = 0
    for training in (True, False):
        for samples in moduledb.entries()[name]:
            for sample in samples(torch.float64, training):
                theirs = sample.cls(*sample.args, **sample.kwargs).double().train(training)
                ours = from_pytorch(theirs)
                back = to_pytorch(ours)
                assert type(ours) is moduledb.counterpart(type(theirs)) and type(back) is type(theirs)
                assert bare(theirs) == bare(ours) == bare(back)
                for other in (ours, back):
                    same_names(other, theirs)
                carrier = moduledb.Carrier()
                inputs, keywords = carrier.over(tuple(sample.inputs)), carrier.over(dict(sample.input_kwargs))
                expected = opdb.flat(theirs(*sample.inputs, **sample.input_kwargs))
                for a, b in zip(expected, opdb.flat(ours(*inputs, **keywords)), strict=True):
                    assert not opdb.difference(a, b)
                for a, b in zip(expected, opdb.flat(back(*sample.inputs, **sample.input_kwargs)), strict=True):
                    assert not isinstance(a, torch.Tensor) or torch.allclose(a, b, rtol=1e-12, equal_nan=True)
                judged += 1
    assert judged
