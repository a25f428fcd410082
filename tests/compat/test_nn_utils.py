"""nn.utils against PyTorch's: parametrizations, older norms, pruning, fusion."""
import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.utils.prune as torch_prune

import rustorch as rt
from rustorch.nn.utils import parametrize, prune

TU, RU = torch.nn.utils, rt.nn.utils


def ours_of(state):
    return {key: rt.from_torch(value.detach().clone()) for key, value in state.items()}


def same(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(b.detach()), a.detach().numpy(), rtol=tolerance, atol=tolerance)


def pair(kind="Linear", *args):
    theirs = getattr(torch.nn, kind)(*args)
    ours = getattr(rt.nn, kind)(*args)
    ours.load_state_dict(ours_of(theirs.state_dict()))
    return theirs, ours


def compare(theirs, ours, *shape, modes=(True, False)):
    """Loads the state both ways, then outputs and gradients of all parameters."""
    ours.load_state_dict(ours_of(theirs.state_dict()))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    for mode in modes:
        theirs.train(mode), ours.train(mode)
        theirs.zero_grad(), ours.zero_grad()
        a, b = theirs(torch.tensor(x)), ours(rt.tensor(x))
        same(a, b)
        (a * a).sum().backward()
        (b * b).sum().backward()
        for (name, p), (_, q) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
            np.testing.assert_allclose(np.asarray(q.grad), p.grad.numpy(), rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("kind, args, shape", [
    ("Linear", (4, 3), (5, 4)), ("Conv1d", (2, 4, 3), (2, 2, 6)), ("ConvTranspose1d", (2, 4, 3), (2, 2, 6))])
@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_parametrizations(kind, args, shape, name):
    theirs, ours = pair(kind, *args)
    getattr(TU.parametrizations, name)(theirs)
    getattr(RU.parametrizations, name)(ours)
    assert repr(ours) == repr(theirs)
    compare(theirs, ours, *shape)


@pytest.mark.parametrize("dim", [None, 1])
def test_weight_norm_dims(dim):
    theirs, ours = pair("Linear", 4, 3)
    compare(TU.parametrizations.weight_norm(theirs, dim=dim), RU.parametrizations.weight_norm(ours, dim=dim), 5, 4)


@pytest.mark.parametrize("kind", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("size", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal(kind, size, trivial):
    theirs, ours = pair("Linear", *size)
    TU.parametrizations.orthogonal(theirs, orthogonal_map=kind, use_trivialization=trivial)
    RU.parametrizations.orthogonal(ours, orthogonal_map=kind, use_trivialization=trivial)
    w = ours.weight if size[0] >= size[1] else ours.weight.mT
    np.testing.assert_allclose(np.asarray((w @ w.mT).detach()), np.eye(w.shape[0]), atol=1e-5)
    if trivial:     # the base is a buffer that starts without a value
        ours.parametrizations.weight[0].base = rt.from_torch(theirs.parametrizations.weight[0].base.clone())
    compare(theirs, ours, 2, size[0])


class Symmetric(rt.nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, a):
        return a.triu()


def test_register_and_remove():
    layer = parametrize.register_parametrization(rt.nn.Linear(3, 3), "weight", Symmetric())
    assert type(layer).__name__ == "ParametrizedLinear" and parametrize.is_parametrized(layer, "weight")
    assert parametrize.type_before_parametrizations(layer) is rt.nn.Linear
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert (layer.weight == layer.weight.mT).all()
    layer.weight = rt.ones(3, 3)
    assert (layer.weight == 1).all() and layer.parametrizations.weight.original.sum().item() == 6
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    twin = copy.deepcopy(layer)
    with rt.no_grad():
        twin.parametrizations.weight.original.zero_()
    assert (layer.weight == 1).all() and (twin.weight == 0).all()
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(layer)
    parametrize.remove_parametrizations(twin, "weight")
    assert type(twin) is rt.nn.Linear and isinstance(twin.weight, rt.nn.Parameter)
    assert (layer.weight == 1).all()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight.sum().item() == 6 and list(layer.state_dict()) == ["bias", "weight"]


def test_register_refuses():
    class Wider(rt.nn.Module):
        def forward(self, x):
            return rt.cat([x, x])

    with pytest.raises(ValueError, match="shape"):
        parametrize.register_parametrization(rt.nn.Linear(3, 3), "weight", Wider())
    with pytest.raises(ValueError, match="does not have a parameter"):
        parametrize.register_parametrization(rt.nn.Linear(3, 3), "wait", Symmetric())
    with pytest.raises(ValueError, match="does not have a parametrization"):
        parametrize.remove_parametrizations(rt.nn.Linear(3, 3), "weight")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_older_norms(name):
    theirs, ours = pair("Linear", 4, 3)
    getattr(TU, name)(theirs), getattr(RU, name)(ours)
    compare(theirs, ours, 5, 4)
    theirs.eval(), ours.eval()
    getattr(TU, "remove_" + name)(theirs), getattr(RU, "remove_" + name)(ours)
    compare(theirs, ours, 5, 4)
    with pytest.raises(ValueError, match="not found"):
        getattr(RU, "remove_" + name)(ours)


def test_pruning():
    theirs, ours = pair("Conv1d", 3, 6, 2)
    for module, library in ((theirs, torch_prune), (ours, prune)):
        library.l1_unstructured(module, "weight", 0.3)
        library.ln_structured(module, "weight", 2, n=2, dim=0)
        library.identity(module, "bias")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_array_equal(np.asarray(ours.weight_mask), theirs.weight_mask.numpy())
    compare(theirs, ours, 2, 3, 5)
    assert prune.is_pruned(ours)
    for module, library in ((theirs, torch_prune), (ours, prune)):
        library.remove(module, "weight")
        library.remove(module, "bias")
    assert not prune.is_pruned(ours)
    compare(theirs, ours, 2, 3, 5)
    for module, library in ((theirs, torch_prune), (ours, prune)):
        library.global_unstructured([(module, "weight"), (module, "bias")],
                                    pruning_method=library.L1Unstructured, amount=12)
    np.testing.assert_array_equal(np.asarray(ours.bias_mask), theirs.bias_mask.numpy())
    prune.random_unstructured(ours, "weight", 3)
    prune.random_structured(ours, "weight", 1, dim=1)
    with pytest.raises(ValueError, match="amount"):
        prune.l1_unstructured(ours, "weight", 1.5)


@pytest.mark.parametrize("transpose", [False, True])
def test_fusion(transpose):
    ours = pair("ConvTranspose2d" if transpose else "Conv2d", 2, 4, 3)[1]
    norms = pair("BatchNorm2d", 4)
    for norm in norms:
        norm.eval()
    with torch.no_grad():
        norms[0].running_mean.normal_(), norms[0].running_var.uniform_(0.5, 2), norms[0].weight.normal_()
    norms[1].load_state_dict(ours_of(norms[0].state_dict()))
    ours.eval()
    fused = RU.fuse_conv_bn_eval(ours, norms[1], transpose)
    x = rt.randn(2, 2, 5, 5)
    np.testing.assert_allclose(np.asarray(fused(x).detach()), np.asarray(norms[1](ours(x)).detach()), atol=1e-4)
    linear, norm = rt.nn.Linear(3, 4).eval(), rt.nn.BatchNorm1d(4).eval()
    y = rt.randn(5, 3)
    np.testing.assert_allclose(np.asarray(RU.fuse_linear_bn_eval(linear, norm)(y).detach()),
                               np.asarray(norm(linear(y)).detach()), atol=1e-5)


def test_skip_init_and_stateless():
    layer = RU.skip_init(rt.nn.Linear, 3, 4)
    assert layer.weight.shape == (4, 3)
    x = rt.randn(2, 3)
    out = RU.stateless.functional_call(layer, {"weight": rt.ones(4, 3), "bias": rt.zeros(4)}, x)
    np.testing.assert_allclose(np.asarray(out), np.asarray(x.sum(1, keepdim=True).expand(2, 4)), rtol=1e-5)


@pytest.mark.parametrize("order", [0, 0.5, 1, 2, 3, np.inf, -np.inf])
@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_clip_grad_norm(order, bad):
    grads = [np.random.default_rng(i).standard_normal((3, i + 1)).astype("float32") for i in range(3)]
    if bad is not None:
        grads[0][0, 0] = bad
    for most in (0.5, 100.0):
        told = []
        for m in (torch, rt):
            params = [m.nn.Parameter(m.zeros(*g.shape)) for g in grads]
            for p, g in zip(params, grads, strict=True):
                p.grad = m.tensor(g)
            total = m.nn.utils.clip_grad_norm_(params, most, norm_type=order)
            told.append([float(total), *(np.asarray(p.grad).copy() for p in params)])
        for a, b in zip(*told, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-7)
