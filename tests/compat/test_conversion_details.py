"""What conversion keeps beside values: sharing, hooks, parametrizations, modes, dtypes; what it refuses, and how."""
import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from torch import nn

import rustorch as rt
import rustorch.nn.functional as F
from rustorch.interop import ConversionError, Program, from_pytorch, to_pytorch
from tests.compat.zoo import ZOO


def over(x):
    return rt.from_torch(x.detach().clone())


def agree(theirs, ours, *inputs, tolerance=1e-5):
    expected, got = theirs(*inputs), ours(*map(over, inputs))
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance)


def both(theirs, *inputs):
    """A model's counterpart, and that one's, after checking names and outputs."""
    ours = from_pytorch(theirs)
    back = to_pytorch(ours)
    assert list(theirs.state_dict()) == list(ours.state_dict()) == list(back.state_dict())
    agree(theirs, ours, *inputs)
    assert torch.allclose(theirs(*inputs), back(*inputs), atol=1e-6)
    return ours, back


# ---- sharing ----


def test_shared_memory_is_seen_from_both_sides():
    theirs = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    ours = from_pytorch(theirs, copy=False)
    with torch.no_grad():
        theirs[0].weight.fill_(7.0)
    assert ours[0].weight.numpy().ravel().tolist() == [7.0] * 12
    optimizer = rt.optim.SGD(ours.parameters(), lr=1.0)
    ours(rt.randn(5, 3)).sum().backward()
    optimizer.step()
    for a, b in zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    back = to_pytorch(ours, copy=False)
    assert back[0].weight.data_ptr() == theirs[0].weight.data_ptr()


def test_copies_are_independent():
    theirs = nn.Linear(3, 4)
    ours = from_pytorch(theirs)
    back = to_pytorch(ours)
    before = theirs.weight.detach().clone()
    with rt.no_grad():
        ours.weight.zero_()
    assert torch.equal(theirs.weight, before) and torch.equal(back.weight, before)


@pytest.mark.parametrize("copied", [True, False])
def test_ties_and_shared_modules_stay(copied):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(5, 3)
            self.act = nn.ReLU()
            self.out = nn.Linear(3, 5, bias=False)
            self.out.weight = self.emb.weight
            self.again = self.out
            self.pair = nn.ModuleList([self.act, self.act])

        def forward(self, ids):
            return self.again(self.pair[1](self.emb(ids)))

    ours = from_pytorch(Tied(), copy=copied)
    back = to_pytorch(ours, copy=copied)
    for model in (ours, back):
        assert model.out.weight is model.emb.weight and model.again is model.out
        assert model.pair[0] is model.pair[1] and model.pair[0] is model.act
        assert len(list(model.parameters())) == 1


# ---- hooks, parametrizations ----


def test_hooks_run_on_the_other_side():
    theirs, seen = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), []
    theirs[0].register_forward_hook(lambda module, args, out: seen.append(type(module).__module__) or out * 2)
    theirs[1].register_forward_pre_hook(lambda module, args: (torch.sub(args[0], 1),))
    theirs[0].register_full_backward_hook(lambda module, gin, gout: seen.append("backward"))
    theirs.register_forward_hook(lambda module, args, kwargs, out: out - 1, with_kwargs=True)
    ours, back = both(theirs, torch.randn(2, 3))
    assert seen == ["torch.nn.modules.linear", "rustorch.nn.linear"] + ["torch.nn.modules.linear"] * 2
    seen.clear()
    ours(rt.ones(2, 3)).sum().backward()
    back(torch.ones(2, 3)).sum().backward()
    assert seen == ["rustorch.nn.linear", "backward", "torch.nn.modules.linear", "backward"]


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu()


class OwnParametrized(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 4))
        nn.utils.parametrize.register_parametrization(self, "w", Symmetric())

    def forward(self, x):
        return x @ self.w


def parametrized(kind):
    wrapped = {
        "weight_norm": nn.utils.parametrizations.weight_norm,
        "spectral_norm": nn.utils.parametrizations.spectral_norm,
        "orthogonal": nn.utils.parametrizations.orthogonal,
        "old weight_norm": nn.utils.weight_norm,
        "old spectral_norm": nn.utils.spectral_norm,
    }
    if kind in wrapped:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return wrapped[kind](nn.Linear(4, 4)).eval()
    if kind == "of a user":
        return nn.utils.parametrize.register_parametrization(nn.Linear(4, 4), "weight", Symmetric())
    if kind == "in a user's class":
        return OwnParametrized()
    pruned = nn.Sequential(nn.Linear(4, 4))
    torch.nn.utils.prune.l1_unstructured(pruned[0], "weight", 0.3)
    torch.nn.utils.prune.random_unstructured(pruned[0], "weight", 0.3)
    return pruned


@pytest.mark.parametrize("kind", [
    "weight_norm", "spectral_norm", "orthogonal", "old weight_norm", "old spectral_norm", "of a user",
    "in a user's class", "pruned",
])  # fmt: skip
def test_parametrizations_stay(kind):
    theirs = parametrized(kind)
    ours, back = both(theirs, torch.randn(3, 4))
    ours(rt.ones(3, 4)).sum().backward()
    assert all(p.grad is not None for p in ours.parameters())
    with rt.no_grad(), torch.no_grad():  # outputs follow the originals
        for a, b, c in zip(ours.parameters(), back.parameters(), theirs.parameters(), strict=True):
            a.mul_(1.5), b.mul_(1.5), c.mul_(1.5)
    x = torch.randn(2, 4)
    agree(theirs, ours, x)
    assert torch.allclose(theirs(x), back(x), atol=1e-6)


# ---- dtypes, modes, odd modules ----


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("copied", [True, False])
def test_dtypes_and_flags(dtype, copied):
    theirs = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)).to(dtype)
    theirs[0].bias.requires_grad_(False)
    theirs[1].eval()
    back = to_pytorch(from_pytorch(theirs, copy=copied), copy=copied)
    assert back[0].weight.dtype == dtype and torch.equal(back[0].weight, theirs[0].weight)
    assert not back[0].bias.requires_grad and back[0].weight.requires_grad
    assert back[0].training and not back[1].training


def test_random_generators_stand_still():
    theirs = nn.Sequential(nn.Linear(2, 2), OwnForward())
    states = torch.get_rng_state(), rt.get_rng_state()
    to_pytorch(from_pytorch(theirs))
    to_pytorch(from_pytorch(theirs, example_inputs=torch.ones(1, 2)))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.asarray(rt.get_rng_state()), np.asarray(states[1]))


def test_lazy_modules_stay_lazy():
    theirs = nn.Sequential(nn.LazyConv1d(4, 3), nn.LazyBatchNorm1d(), nn.Flatten(), nn.LazyLinear(2))
    ours = from_pytorch(theirs)
    back = to_pytorch(from_pytorch(theirs))
    assert ours(rt.ones(3, 2, 5)).shape == (3, 2)
    assert back(torch.ones(3, 2, 5)).shape == (3, 2)


def test_containers():
    theirs = nn.ModuleDict({
        "list": nn.ModuleList([nn.Linear(2, 2), nn.Identity()]),
        "weights": nn.ParameterList([torch.randn(2), torch.randn(3)]),
        "named": nn.ParameterDict({"b": torch.randn(2), "a": torch.randn(1)}),
        "plain": nn.Module(),
    })  # fmt: skip
    theirs["plain"].register_buffer("kept", torch.ones(2))
    theirs["plain"].register_buffer("left_out", torch.ones(2), persistent=False)
    theirs["plain"].register_parameter("none", None)
    ours = from_pytorch(theirs)
    back = to_pytorch(ours)
    for model in (ours, back):
        assert list(model.state_dict()) == list(theirs.state_dict())
        assert list(model["named"].keys()) == list(theirs["named"].keys()) and len(model["weights"]) == 2
        assert model["plain"].none is None and tuple(model["plain"].left_out.shape) == (2,)
    assert repr(back) == repr(theirs)


def test_functions_among_settings():
    def distance(a, b):
        return torch.linalg.vector_norm(a - b, ord=1, dim=-1)

    theirs = nn.TripletMarginWithDistanceLoss(distance_function=distance)
    a, b, c = torch.randn(3, 4, 5)
    both(theirs, a, b, c)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation=lambda x: TF.leaky_relu(x, 0.3))
    both(layer, torch.randn(3, 2, 4))


def test_a_compiled_model_is_the_model():
    assert isinstance(from_pytorch(torch.compile(nn.Linear(2, 2))), rt.nn.Linear)


# ---- forwards of their own ----


class OwnForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x, mask=None, *, scale: float = 1.0):
        y = self.fc(x) * scale
        return y if mask is None else y * mask


def test_optional_arguments():
    """Kept with the class, or, by examples, part of a Program or left out of it."""
    theirs, x, mask = OwnForward(), torch.randn(3, 2), torch.tensor([1.0, 0.0])
    ours = from_pytorch(theirs)
    agree(theirs, ours, x)
    agree(theirs, ours, x, mask)
    assert ours(over(x), scale=0.0).abs().sum() == 0
    for example, inputs in (((x,), ("x",)), ({"x": x, "mask": mask}, ("x", "mask"))):
        program = from_pytorch(theirs, example_inputs=example)
        assert isinstance(program, Program) and program.graph.inputs == inputs
    agree(theirs, program, x, mask)
    with pytest.raises(TypeError, match="mask"):
        from_pytorch(theirs, example_inputs=x)(over(x), mask=over(mask))
    with pytest.raises(ConversionError, match="optional argument 'mask'"):
        from_pytorch(theirs, through="graph")


class Loop(nn.Module):
    """Unrolled by an export, of which the batch stays open."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(2, 3)
        self.drop = nn.Dropout(0.0)
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x, h):
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        if x.shape[1] > 2:
            h = h[:, [2, 0, 1]]
        return {"h": self.drop(self.norm(h)), "pair": (h.mean(), None)}


def test_export():
    theirs = Loop().double()
    x, h = torch.randn(3, 4, 2).double(), torch.randn(3, 3).double()
    with pytest.raises(ConversionError, match="Loop: TypeError"):
        from_pytorch(theirs, through="graph")
    ours = from_pytorch(theirs, through="graph", example_inputs=(x, h))
    assert isinstance(ours, Program) and list(ours.state_dict()) == list(theirs.state_dict())
    back = to_pytorch(from_pytorch(theirs))
    for size in (3, 5, 2):
        x, h = torch.randn(size, 4, 2).double(), torch.randn(size, 3).double()
        for mode in (True, False):
            for model in (theirs, ours, back):
                model.train(mode)
            expected, got = theirs(x, h), ours(over(x), over(h))
            assert got["pair"][1] is None and torch.allclose(back(x, h)["h"], expected["h"])
            np.testing.assert_allclose(got["h"].detach().numpy(), expected["h"].detach().numpy(), atol=1e-12)
            for model in (theirs, ours):
                model.zero_grad()
            (expected["h"] ** 3).sum().backward()
            (got["h"] ** 3).sum().backward()
            for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
                np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), atol=1e-10)
    np.testing.assert_allclose(ours.norm.running_mean.numpy(), theirs.norm.running_mean.numpy(), atol=1e-12)


def test_containers_as_inputs():
    class Many(nn.Module):
        def forward(self, xs, state):
            h, c = state["h"]
            return torch.cat(list(xs), -1).sum(-1) + h * c

    theirs, a, b = Many(), torch.randn(3, 2), torch.randn(3)
    example = ([a, a], {"h": (b, b)})
    ours = from_pytorch(theirs, example_inputs=example)
    expected = theirs(*example)
    got = ours([over(a), over(a)], {"h": (over(b), over(b))})
    np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=1e-6)


def test_the_batch_of_an_export_is_open_after_a_single_example():
    theirs = Loop().eval()
    ours = from_pytorch(theirs, through="graph", example_inputs=(torch.randn(1, 4, 2), torch.randn(1, 3)))
    for size in (1, 4):
        x, h = torch.randn(size, 4, 2), torch.randn(size, 3)
        expected, got = theirs(x, h)["h"], ours(over(x), over(h))["h"]
        np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), atol=1e-6)


HELPERS = {"relu": TF.relu, "none": None}


def helper(x, kind="relu"):
    import torch.nn.functional as functional

    fn = HELPERS[kind]
    return functional.softplus(x) if fn is None else fn(x)


class Base(nn.Module):
    limit = 3
    Layer = nn.Linear

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(self.Layer(width, width) for _ in range(2))
        self.cache = []
        self.scale = torch.tensor([2.0])

    @staticmethod
    def halved(x):
        return torch.div(x, 2)

    @classmethod
    def named(cls):
        return cls.__name__

    @property
    def depth(self):
        return len(self.layers)

    def encode(self, x):
        for layer in self.layers:
            x = helper(layer(x))
        return x

    def forward(self, x):
        return self.halved(self.encode(x))


class Derived(Base):
    """Code with all that Python has: super, properties, imports, comprehensions, state, branches."""

    def forward(self, x):
        y = super().forward(x)
        self.cache.append(y.shape)
        if isinstance(y, torch.Tensor) and y.sum() > 1e9:
            raise ValueError("too large")
        parts = [torch.sum(p) for p in torch.chunk(y, 2, dim=-1)]
        y = y * self.scale + sum(parts) / self.depth
        return helper(y, "none") if self.training else y.to(torch.float64)


def test_classes_keep_their_methods_and_attributes():
    theirs, x = Derived(4), torch.randn(3, 4)
    ours, back = both(theirs, x)
    assert type(ours).__name__ == "Derived" and isinstance(ours, rt.nn.Module) and type(back) is Derived
    assert ours.width == 4 and ours.depth == 2 and ours.named() == "Derived" and ours.limit == 3
    assert ours.encode(over(x)).shape == (3, 4)
    assert inspect.getsource(type(ours).encode) == inspect.getsource(Base.encode)
    assert isinstance(ours.scale, rt.Tensor) and isinstance(back.scale, torch.Tensor)
    assert ours.eval()(over(x)).dtype == rt.float64 and back.eval()(x).dtype == torch.float64
    for model, given in ((ours, over(x)), (back, x)):
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert type(twin).__name__ == "Derived" and repr(twin(given)) == repr(model(given))
            assert next(twin.parameters()) is not next(model.parameters())


class LastStep(nn.LSTM):
    """A layer with another forward, and a setting of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, batch_first=True, **kwargs)
        self.gain = 2.0

    def forward(self, x):
        out, (h, _) = super().forward(x)
        return out[:, -1] * self.gain + h[-1]


class Scaled(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0] * self.num_heads


class Skipping(nn.Sequential):
    def forward(self, x):
        for number, layer in enumerate(self):
            x = x + layer(x) if number else layer(x)
        return x


@pytest.mark.parametrize("make,shape", [
    (lambda: LastStep(3, 4, num_layers=2), (2, 5, 3)), (lambda: Scaled(4, 2), (5, 2, 4)),
    (lambda: Skipping(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4)), (2, 3)),
])  # fmt: skip
def test_layers_with_another_forward(make, shape):
    for model in (make(), nn.Sequential(make())):
        x = torch.randn(shape)
        both(model, x)
        ours = from_pytorch(model, through="class")
        agree(model, ours, x)
        agree(model, copy.deepcopy(ours), x)
        assert torch.allclose(to_pytorch(ours)(x), model(x), atol=1e-6)


class OurNet(rt.nn.Module):
    """Written for rustorch."""

    def __init__(self, act=F.gelu):
        super().__init__()
        self.conv = rt.nn.Conv2d(1, 4, 3, padding="same")
        self.norm = rt.nn.GroupNorm(2, 4)
        self.head = rt.nn.Sequential(rt.nn.Flatten(), rt.nn.Linear(64, 3))
        self.act = act
        self.gain = rt.nn.Parameter(rt.ones(4, 1, 1))
        self.register_buffer("shift", rt.full((1,), 0.5))

    def forward(self, x):
        h = self.act(self.norm(self.conv(x)) * self.gain + self.shift)
        h = h + rt.zeros(h.shape[0], 1, 1, 1, dtype=rt.float32)
        if self.training:
            h = F.dropout(h, 0.0)
        scores = [rt.matmul(h.flatten(2), h.flatten(2).mT).mean(dim=(1, 2)) for _ in range(2)]
        return self.head(h) + rt.stack(scores).sum(dim=0)[:, None]


@pytest.mark.parametrize("act", [F.gelu, rt.tanh, rt.nn.SiLU(), lambda x: rt.relu(x) ** 2])
@pytest.mark.parametrize("copied", [True, False])
def test_rustorch_classes_to_pytorch(act, copied):
    ours = OurNet(act)
    theirs = to_pytorch(ours, copy=copied)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    for size in (2, 3):
        x = torch.randn(size, 1, 4, 4)
        agree(theirs, ours, x)
        theirs.zero_grad(), ours.zero_grad()
        theirs(x).square().sum().backward()
        ours(over(x)).square().sum().backward()
        for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-4, atol=1e-4 * a.grad.abs().max())
    again = from_pytorch(theirs)
    agree(theirs, again, x)


def test_programs_become_graph_modules():
    ours = from_pytorch(nn.Sequential(nn.Linear(2, 2), Symmetric()), through="graph")
    back = to_pytorch(ours)
    assert isinstance(back[1], torch.fx.GraphModule) and "triu" in back[1].code
    assert pickle.loads(pickle.dumps(ours))(rt.ones(2, 2)).tolist() == ours(rt.ones(2, 2)).tolist()


def test_what_tracing_would_get_wrong_is_not_traced():
    """Each of these would be a graph that computes something else, without a word."""

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.n = 0

        def forward(self, x):
            self.n += 1
            return x * self.n

    class Grown(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.zeros(2))

        def forward(self, x):
            self.total += x.sum(0).detach()
            return x + self.total

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            with torch.no_grad():
                x = self.fc(x)
            return x + self.fc.weight.sum()

    for cls in (Counting, Grown, Frozen):
        theirs = cls()
        with pytest.raises(ConversionError, match=cls.__name__):
            from_pytorch(theirs, through="graph")
        ours, x = from_pytorch(theirs), torch.randn(3, 2)
        for _ in range(3):
            agree(theirs, ours, x)
    assert not hasattr(Frozen().fc.weight, "node")
    theirs.zero_grad()
    theirs(x).sum().backward()
    ours(over(x)).sum().backward()
    np.testing.assert_allclose(ours.fc.weight.grad.numpy(), theirs.fc.weight.grad.numpy())
    assert ours.fc.bias.grad is None


class Modes(nn.Module):
    """Grad modes as decorators and as blocks, and gradients within forward."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    @torch.no_grad()
    def target(self, x):
        return self.fc(x)

    @torch.set_grad_enabled(False)
    def other(self, x):
        return self.fc(x)

    def forward(self, x):
        y = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.fc(y).tanh().sum(), y, create_graph=True)
        return g - self.target(x) - self.other(x)


@pytest.mark.parametrize("examples", [None, torch.ones(2, 3)])
def test_grad_modes(examples):
    theirs, x = Modes(), torch.randn(2, 3)
    ours = from_pytorch(theirs, example_inputs=examples)
    for model in (ours, to_pytorch(ours)):
        given = over(x) if model is ours else x
        theirs.zero_grad()
        theirs(x).sum().backward()
        model(given).sum().backward()
        np.testing.assert_allclose(model.fc.weight.grad.numpy(), theirs.fc.weight.grad.numpy(), atol=1e-5)
        assert not model.target(given).requires_grad


def test_conversion_leaves_the_model_as_it_was():
    theirs = Loop()
    before = {k: v.clone() for k, v in theirs.state_dict().items()}
    attributes = [dict(vars(m)) for m in theirs.modules()]
    from_pytorch(theirs)
    from_pytorch(theirs, example_inputs=(torch.randn(2, 3, 2), torch.randn(2, 3)))
    assert [dict(vars(m)) for m in theirs.modules()] == attributes
    assert all(torch.equal(v, before[k]) for k, v in theirs.state_dict().items())
    assert torch.zeros(2).sum() == 0 and isinstance(1, int) and theirs.training


# ---- refusals ----


class Quantized(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.ReLU(), torch.ao.nn.quantized.Linear(2, 2))

    def forward(self, x):
        return self.inner(x)


def test_refusals():
    for wrong in (nn.Linear, lambda x: x, "model", None, rt.nn.Linear(2, 2)):
        with pytest.raises(TypeError, match=r"from_pytorch: expected a torch\.nn\.Module, got"):
            from_pytorch(wrong)
    for wrong in (rt.nn.Linear, nn.Linear(2, 2), None):
        with pytest.raises(TypeError, match=r"to_pytorch: expected a rustorch\.nn\.Module, got"):
            to_pytorch(wrong)
    with pytest.raises(ConversionError, match=r"from_pytorch: inner\.1 \(Linear\): torch\.ao\..*no counterpart"):
        from_pytorch(Quantized())
    with pytest.raises(NotImplementedError, match="TorchScript"):
        from_pytorch(torch.jit.script(nn.Linear(2, 2)))
    with pytest.raises(rt.DeviceError, match=r"0\.weight is on meta"):
        from_pytorch(nn.Sequential(nn.Linear(2, 2, device="meta")))
    with pytest.raises(ValueError, match="through must be"):
        from_pytorch(nn.Linear(2, 2), through="magic")


@pytest.mark.parametrize("wrong,error", [
    (torch.ones(2, 5), ValueError), ((), TypeError), ({"y": torch.ones(2, 2)}, TypeError), (3, TypeError),
])  # fmt: skip
def test_wrong_example_inputs(wrong, error):
    with pytest.raises(error, match="from_pytorch: the model cannot be called with example_inputs"):
        from_pytorch(OwnForward(), example_inputs=wrong)


@pytest.mark.parametrize("example", [rt.ones(2, 2), np.ones((2, 2), np.float32), [torch.ones(2, 2)]])
def test_example_inputs_of_all_kinds(example):
    assert isinstance(from_pytorch(OwnForward(), example_inputs=example), Program)


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    for function in (from_pytorch, to_pytorch):
        with pytest.raises(ImportError, match=r"needs PyTorch: pip install rustorch\[torch\]"):
            function(rt.nn.Linear(2, 2))


@pytest.mark.parametrize("name", ["LeNet", "UNet", "GPT", "ViT", "BiLSTMClassifier"])
def test_from_onnx_to_pytorch(name, tmp_path):
    """A PyTorch model, converted, exported to ONNX, read, and converted back; recurrent operators are refused."""
    cls, draw = ZOO[name]
    theirs, path = cls().eval(), tmp_path / "model.onnx"
    rt.onnx.export(from_pytorch(theirs), tuple(map(over, draw(2))), path)
    read = rt.onnx.load(path)
    if name == "BiLSTMClassifier":
        with pytest.raises(ConversionError, match=r"to_pytorch: a step calls onnx\.LSTM"):
            to_pytorch(read)
        return
    back, inputs = to_pytorch(read), draw(3)
    assert torch.allclose(back(*inputs), theirs(*inputs), atol=1e-5)
