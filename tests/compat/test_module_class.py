"""The class Module: one script runs over PyTorch and over rustorch, and both have to tell the same story."""
import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

import rustorch as rt


def net(m):
    return m.nn.Sequential(OrderedDict(first=m.nn.Linear(3, 4), act=m.nn.ReLU(), norm=m.nn.BatchNorm1d(4),
                                       inner=m.nn.Sequential(m.nn.Linear(4, 2), m.nn.Identity())))


def forward_hooks(m, log):
    model = net(m)
    model.first.register_forward_pre_hook(lambda mod, args: log.append(("pre", type(mod).__name__, len(args))))
    model.first.register_forward_hook(lambda mod, args, out: out * 0 + 1)
    model.act.register_forward_hook(lambda mod, args, kwargs, out: log.append(sorted(kwargs)), with_kwargs=True)
    handle = model.inner.register_forward_hook(lambda mod, args, out: log.append("inner"))
    model.inner.register_forward_hook(lambda mod, args, out: log.append("before inner"), prepend=True)
    log.append(np.asarray(model.first(m.ones(2, 3)).detach()).tolist())
    model(m.ones(2, 3))
    handle.remove()
    model(m.ones(2, 3))


def backward_hooks(m, log):
    model = m.nn.Sequential(m.nn.Linear(3, 2), m.nn.ReLU())

    def shapes(grads):
        return [None if g is None else tuple(g.shape) for g in grads]

    model[0].register_full_backward_pre_hook(lambda mod, out: log.append(("pre", shapes(out))))
    model[0].register_full_backward_hook(lambda mod, into, out: log.append((shapes(into), shapes(out))))
    model[1].register_full_backward_hook(lambda mod, into, out: (into[0] * 0,))
    x = m.ones(4, 3, requires_grad=True)
    model(x).sum().backward()
    log.append(float(x.grad.abs().sum()))


def global_hooks(m, log):
    place = m.nn.modules.module if m is torch else m.nn
    handles = [
        place.register_module_forward_pre_hook(lambda mod, args: log.append(("pre", type(mod).__name__))),
        place.register_module_forward_hook(lambda mod, args, out: log.append(("post", type(mod).__name__))),
        place.register_module_parameter_registration_hook(lambda mod, name, p: log.append((name, tuple(p.shape)))),
        place.register_module_module_registration_hook(lambda mod, name, sub: log.append((name, type(sub).__name__))),
    ]
    try:
        model = m.nn.Sequential(m.nn.Linear(2, 2), m.nn.Sequential(m.nn.ReLU()))
        model(m.ones(1, 2))
    finally:
        for handle in handles:
            handle.remove()
    model(m.ones(1, 2))


def state_hooks(m, log):
    model = net(m)
    model.register_state_dict_pre_hook(lambda mod, prefix, keep: log.append(("saving", prefix, keep)))
    model.inner.register_state_dict_post_hook(lambda mod, state, prefix, meta: log.append((prefix, len(state))))
    model.inner.register_load_state_dict_pre_hook(
        lambda mod, state, prefix, meta, strict, missing, unexpected, errors: state.pop(prefix + "extra", None))
    model.register_load_state_dict_post_hook(lambda mod, keys: log.append((list(keys.missing_keys),
                                                                           list(keys.unexpected_keys))))
    state = model.state_dict(prefix="net.")
    log.append(list(state))
    plain = OrderedDict((key[4:], value) for key, value in state.items())
    plain["inner.extra"] = m.ones(1)
    model.load_state_dict(plain)
    log.append("inner.extra" in plain)


def load_errors(m, log):
    def told(model, state, **kw):
        try:
            log.append(repr(model.load_state_dict(state, **kw)))
        except RuntimeError as error:
            log.append(str(error).replace("torch.Size([", "(").replace("])", ")").replace(",)", ")"))

    model = net(m)
    state = model.state_dict()
    state["wrong"] = m.ones(1)
    state["inner.0.also"] = m.ones(1)
    del state["first.weight"], state["norm.running_mean"]
    told(model, state)
    told(model, state, strict=False)
    told(model, {**model.state_dict(), "first.bias": m.ones(7)})
    told(model, {**model.state_dict(), "first.bias": m.ones(7)}, strict=False)
    try:
        model.load_state_dict(3)
    except TypeError as error:
        log.append(str(error))


def assigning(m, log):
    model = net(m)
    state = {key: value.clone() for key, value in net(m).state_dict().items()}
    before = model.first.weight
    model.load_state_dict(state, assign=True)
    log.append((model.first.weight is before, type(model.first.weight).__name__, model.first.weight.requires_grad,
                model.first.weight.data_ptr() == state["first.weight"].data_ptr()))


def extra_state(m, log):
    class Counting(m.nn.Module):
        def __init__(self, count):
            super().__init__()
            self.count = count

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    model, other = m.nn.Sequential(Counting(3)), m.nn.Sequential(Counting(0))
    log.append(list(model.state_dict()))
    other.load_state_dict(model.state_dict())
    log.append(other[0].count)
    log.append(repr(other.load_state_dict({}, strict=False)))


def submodules(m, log):
    model = net(m)
    model.set_submodule("inner.1", m.nn.Tanh())
    model.set_submodule("inner.new", m.nn.Tanh())
    log.append(repr(model))
    log.append((type(model.get_submodule("inner.0")).__name__, tuple(model.get_parameter("first.bias").shape),
                tuple(model.get_buffer("norm.running_var").shape)))
    for call in (lambda: model.get_submodule("inner.7"), lambda: model.get_parameter("first.wait"),
                 lambda: model.set_submodule("", m.nn.Tanh()), lambda: model.set_submodule("inner.0", 3),
                 lambda: model.set_submodule("nothing", m.nn.Tanh(), strict=True)):
        try:
            call()
        except (AttributeError, ValueError) as error:
            log.append((type(error).__name__, str(error).replace("torch", "").replace("rustorch", "")))


def registering(m, log):
    module = m.nn.Module()
    module.register_buffer("kept", m.ones(1))
    module.register_buffer("dropped", m.ones(1), persistent=False)
    module.register_buffer("none", None)
    module.register_parameter("p", None)
    module.q = m.nn.Parameter(m.ones(2))
    module.b = m.nn.Buffer(m.ones(3))
    log.append((list(module.state_dict()), [n for n, _ in module.named_buffers()], sorted(module._buffers)))
    for call in (lambda: module.register_buffer("kept.x", m.ones(1)), lambda: module.register_buffer("", m.ones(1)),
                 lambda: module.register_buffer("q", m.ones(1)), lambda: module.register_parameter("q", m.ones(1)),
                 lambda: module.add_module("forward", m.nn.ReLU()), lambda: setattr(module, "q", 3),
                 lambda: setattr(module, "kept", "text"), lambda: module.register_parameter(3, None),
                 lambda: m.nn.Module.__init__(module, 3), lambda: module(1)):
        try:
            call()
            log.append("no error")
        except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
            log.append(type(error).__name__)
    del module.q
    log.append([n for n, _ in module.named_parameters()])


def walking(m, log):
    shared = m.nn.Linear(2, 2)
    model = m.nn.ModuleDict({"a": shared, "b": m.nn.ModuleList([shared, m.nn.ReLU()])})
    for call in (model.named_modules, model.named_parameters, model.named_children, model.named_buffers):
        log.append([n for n, _ in call()])
    log.append([n for n, _ in model.named_parameters(remove_duplicate=False)])
    log.append([n for n, _ in model.named_modules(remove_duplicate=False)])
    log.append([n for n, _ in model.named_parameters(prefix="x", recurse=False)])
    model.apply(lambda mod: log.append(type(mod).__name__))
    model.requires_grad_(False)
    log.append([p.requires_grad for p in model.parameters()])
    model.eval()
    log.append([mod.training for mod in model.modules()])


def moving(m, log):
    model = net(m).to(m.float64)
    log.append(sorted({str(t.dtype).rpartition(".")[2] for t in model.state_dict().values()}))
    weight = model.first.weight
    model.float()
    log.append(model.first.weight is weight)
    model.to_empty(device="cpu")
    model.half().bfloat16().double()
    log.append(str(model.norm.running_mean.dtype).rpartition(".")[2])
    model.to(m.ones(1))
    log.append(str(model.inner[0].bias.dtype).rpartition(".")[2])


def containers(m, log):
    a, b, c = m.nn.ReLU(), m.nn.Tanh(), m.nn.Sigmoid()
    row = m.nn.Sequential(a, b)
    row.append(c).insert(0, m.nn.Identity()).extend([m.nn.Softsign()])
    log.append(repr(row))
    log.append((repr(row[1:3]), repr(row[-1]), len(row), repr(row.pop(0)), repr(row + m.nn.Sequential(a))))
    del row[0]
    row *= 2
    log.append(repr(row))
    listed = m.nn.ModuleList([a, b])
    listed += [c]
    listed.insert(1, m.nn.Linear(1, 1))
    log.append((repr(listed), repr(listed[:2]), repr(listed.pop(1)), a in listed))
    named = m.nn.ModuleDict([("x", a)])
    named.update({"y": b})
    log.append((repr(named), list(named), "x" in named, repr(named.pop("x")), len(named)))
    params = m.nn.ParameterList([m.zeros(2), m.nn.Parameter(m.zeros(3))])
    params.append(m.zeros(4))
    log.append(([n for n, _ in params.named_parameters()], len(params), [len(p) for p in params[1:]]))
    table = m.nn.ParameterDict({"u": m.zeros(2)})
    table["v"] = m.zeros(3)
    log.append((list(table.keys()), table.pop("u").shape[0], table.get("w"), len(table), list(table | table)))
    for call in (lambda: row[9], lambda: listed[9], lambda: named["no"], lambda: m.nn.Sequential(3)):
        try:
            call()
        except (IndexError, KeyError, TypeError) as error:
            log.append(type(error).__name__)


SCRIPTS = [forward_hooks, backward_hooks, global_hooks, state_hooks, load_errors, assigning, extra_state, submodules,
           registering, walking, moving, containers]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.__name__)
def test_same_story(script):
    theirs, ours = [], []
    script(torch, theirs)
    script(rt, ours)
    assert ours == theirs


@pytest.mark.parametrize("make", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_their_own(make):
    model = rt.nn.Sequential(rt.nn.LazyLinear(4), rt.nn.Conv1d(1, 2, 3), rt.nn.Embedding(4, 2))
    model[2].register_forward_hook(print)
    model[0](rt.ones(2, 3))
    lazy = make(rt.nn.LazyConv2d(3, 2)) if make is copy.deepcopy else None
    if lazy is not None:
        assert lazy(rt.ones(1, 5, 4, 4)).shape == (1, 3, 3, 3)
    twin = make(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    with rt.no_grad():
        twin[1].weight.zero_()
    assert bool((model[1].weight != 0).any())


def test_a_failure_names_the_module():
    model = rt.nn.Sequential(OrderedDict(body=rt.nn.Sequential(rt.nn.Linear(3, 4), rt.nn.Linear(5, 2))))
    with pytest.raises(rt.ShapeMismatchError, match="linear") as caught:
        model(rt.ones(2, 3))
    assert any("body.1" in note for note in caught.value.__notes__)


def test_forward_of_an_instance_and_keywords():
    layer = rt.nn.Linear(2, 2)
    layer.forward = lambda x, scale=1: x * scale
    assert layer(rt.ones(1), scale=3).item() == 3
    many = rt.nn.Module()
    many.forward = lambda *args: len(args)
    assert many(*range(20)) == 20
    with pytest.raises(TypeError):
        rt.nn.ReLU()()
