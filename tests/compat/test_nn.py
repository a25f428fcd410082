"""Modules, layers and losses against PyTorch's."""

import copy
import gc
import pickle
import re
import weakref
from collections import OrderedDict

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch import nn

RTOL = 1e-5
F = nn.functional
TF = torch.nn.functional


def twin(a, grad=False):
    """An array as a tensor of ours and one of PyTorch's."""
    ours, theirs = rt.tensor(a), torch.tensor(a)
    if grad:
        ours.requires_grad_(True)
        theirs.requires_grad_(True)
    return ours, theirs


def randn(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def close(ours, theirs, rtol=RTOL, atol=1e-6):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=rtol, atol=atol)


def same_as_torch(ours, theirs, *arrays, differentiable=1):
    """Two functions agree, and so do their gradients by the first arguments."""
    pairs = [twin(a, grad=i < differentiable) for i, a in enumerate(arrays)]
    x, y = ours(*(p[0] for p in pairs)), theirs(*(p[1] for p in pairs))
    assert tuple(x.shape) == tuple(y.shape)
    close(x, y)
    g = randn(*y.shape, seed=9)
    if differentiable and y.requires_grad:
        x.backward(rt.tensor(g))
        y.backward(torch.tensor(g))
        for p, q in pairs[:differentiable]:
            close(p.grad, q.grad)


# ---- layers ----

LAYERS = {
    "ReLU": [{}, {"inplace": False}],
    "ReLU6": [{}],
    "Sigmoid": [{}],
    "Tanh": [{}],
    "GELU": [{}, {"approximate": "tanh"}],
    "Softmax": [{"dim": 1}],
    "LogSoftmax": [{"dim": -1}],
    "Softmin": [{"dim": 0}],
    "LeakyReLU": [{}, {"negative_slope": 0.2}],
    "ELU": [{}, {"alpha": 0.7}],
    "CELU": [{"alpha": 1.3}],
    "SELU": [{}],
    "SiLU": [{}],
    "Mish": [{}],
    "Softplus": [{}, {"beta": 2.0, "threshold": 1.0}],
    "Hardtanh": [{}, {"min_val": -0.3, "max_val": 0.5}],
    "Hardsigmoid": [{}],
    "Hardswish": [{}],
    "LogSigmoid": [{}],
    "Softsign": [{}],
    "Tanhshrink": [{}],
    "Softshrink": [{}, {"lambd": 0.2}],
    "Hardshrink": [{}],
    "Threshold": [{"threshold": 0.1, "value": -4.0}],
    "PReLU": [{}, {"num_parameters": 6}],
    "GLU": [{}, {"dim": 1}],
    "RReLU": [{}],
    "Identity": [{}],
    "Flatten": [{}, {"start_dim": 0}],
    "Dropout": [{"p": 0.3}],
    "AlphaDropout": [{}],
}


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, all in LAYERS.items() for o in all])
def test_layer(name, options):
    ours, theirs = getattr(nn, name)(**options).eval(), getattr(torch.nn, name)(**options).eval()
    assert repr(ours) == repr(theirs)
    same_as_torch(ours, theirs, randn(4, 6) * 2)
    if name not in ("Softmax", "LogSoftmax", "Softmin", "GLU"):
        same_as_torch(ours, theirs, randn(4, 6, 2) * 2)


def test_softmax2d_and_unflatten():
    same_as_torch(nn.Softmax2d(), torch.nn.Softmax2d(), randn(2, 3, 4, 5))
    same_as_torch(nn.Unflatten(1, (2, 3)), torch.nn.Unflatten(1, (2, 3)), randn(4, 6))
    assert repr(nn.Unflatten(1, (2, 3))) == repr(torch.nn.Unflatten(1, (2, 3)))


def linear_pair(**options):
    ours, theirs = nn.Linear(6, 3, **options), torch.nn.Linear(6, 3, **options)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 5, 6)])
def test_linear(bias, shape):
    ours, theirs = linear_pair(bias=bias)
    same_as_torch(ours, theirs, randn(*shape))
    for p, q in zip(ours.parameters(), theirs.parameters()):
        close(p.grad, q.grad)
    assert repr(ours) == repr(theirs)


def test_linear_words_and_start():
    layer = nn.Linear(input_size=100, output_size=50)
    assert layer.in_features == 100 and tuple(layer.weight.shape) == (50, 100)
    for p in layer.parameters():
        assert abs(p.numpy()).max() <= np.float32(0.1)
    assert abs(layer.weight.numpy()).max() > 0.099
    assert nn.Linear(2, 3, dtype="float64").weight.dtype == rt.float64
    with pytest.raises(TypeError, match="in_features and out_features"):
        nn.Linear(3)


def test_bilinear():
    ours, theirs = nn.Bilinear(3, 4, 5), torch.nn.Bilinear(3, 4, 5)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    same_as_torch(ours, theirs, randn(2, 7, 3), randn(2, 7, 4), differentiable=2)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
def test_dropout_layers_in_training(name):
    layer = getattr(nn, name)(0.4)
    assert repr(layer) == repr(getattr(torch.nn, name)(0.4))
    rt.manual_seed(0)
    shape = {"Dropout1d": (300, 40, 5), "Dropout2d": (300, 40, 3, 2), "Dropout3d": (300, 40, 2, 2, 2)}.get(
        name, (300, 40, 5)
    )
    x = rt.full(shape, 2.0)
    y = layer(x).numpy()
    if "Alpha" in name:
        assert len(np.unique(y)) == 2
        rng = layer(rt.randn(2000, 200)).numpy()
        assert abs(rng.mean()) < 0.02 and abs(rng.std() - 1) < 0.02
    else:
        assert set(np.unique(y)) == {0.0, np.float32(2 / 0.6)}
        assert abs((y == 0).mean() - 0.4) < 0.02
    if name not in ("Dropout", "AlphaDropout"):
        flat = y.reshape(300, 40, -1)
        assert (flat == flat[..., :1]).all()
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match="between 0 and 1"):
        getattr(nn, name)(1.5)


# ---- losses ----

X, Y = randn(5, 4), randn(5, 4, seed=1)
PROBABILITIES, HALVES = 1 / (1 + np.exp(-X)), (Y > 0).astype("float32")
CLASSES = np.array([0, 3, 1, 1, 2])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.1], dtype="float32")
LOSSES = [
    ("MSELoss", {}, X, Y),
    ("L1Loss", {}, X, Y),
    ("SmoothL1Loss", {}, X, Y),
    ("SmoothL1Loss", {"beta": 0.3}, X, Y),
    ("HuberLoss", {}, X, Y),
    ("HuberLoss", {"delta": 0.4}, X, Y),
    ("BCELoss", {}, PROBABILITIES, HALVES),
    ("BCELoss", {"weight": WEIGHT}, PROBABILITIES, HALVES),
    ("BCEWithLogitsLoss", {}, X * 9, HALVES),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": WEIGHT}, X, HALVES),
    ("NLLLoss", {}, X, CLASSES),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 1}, X, CLASSES),
    ("CrossEntropyLoss", {}, X, CLASSES),
    ("CrossEntropyLoss", {"weight": WEIGHT}, X, CLASSES),
    ("CrossEntropyLoss", {"ignore_index": 1}, X, CLASSES),
    ("CrossEntropyLoss", {"label_smoothing": 0.2}, X, CLASSES),
    ("CrossEntropyLoss", {"label_smoothing": 0.2, "weight": WEIGHT, "ignore_index": 3}, X, CLASSES),
    ("CrossEntropyLoss", {}, X, PROBABILITIES),
    ("CrossEntropyLoss", {}, X[0], np.array(2)),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, X, PROBABILITIES),
    (
        "CrossEntropyLoss",
        {"weight": WEIGHT},
        randn(2, 4, 3, 5),
        np.random.default_rng(0).integers(0, 4, (2, 3, 5)),
    ),
    ("KLDivLoss", {}, X, PROBABILITIES),
    ("KLDivLoss", {"log_target": True}, X, Y),
    ("SoftMarginLoss", {}, X, HALVES * 2 - 1),
    ("HingeEmbeddingLoss", {"margin": 0.7}, X, HALVES * 2 - 1),
]


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "options", "x", "y"), LOSSES, ids=[f"{l[0]}-{i}" for i, l in enumerate(LOSSES)]
)
def test_loss(name, options, x, y, reduction):
    def convert(as_tensor):
        return {k: as_tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}

    ours = getattr(nn, name)(**convert(rt.tensor), reduction=reduction)
    theirs = getattr(torch.nn, name)(**convert(torch.tensor), reduction=reduction)
    same_as_torch(ours, theirs, x, y)
    p, q = rt.tensor(x), rt.tensor(y)
    assert rt.equal(ours.forward(p, q), ours(p, q))


def test_margin_ranking():
    same_as_torch(
        nn.MarginRankingLoss(0.1), torch.nn.MarginRankingLoss(0.1), X, Y, HALVES * 2 - 1, differentiable=2
    )


def test_loss_mistakes():
    x, y = rt.tensor(X), rt.tensor(Y)
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        nn.MSELoss(reduction="median")
    with pytest.warns(UserWarning, match=r"shape \(5, 1\) differs from the input's \(5, 4\)"):
        nn.MSELoss()(x, y[:, :1])
    with pytest.raises(rt.ShapeMismatchError):
        nn.BCEWithLogitsLoss()(x, y[:3])
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.BCELoss()(x, y)
    with pytest.raises(Exception, match="cross_entropy"):
        nn.CrossEntropyLoss()(x, rt.tensor([0, 1, 2, 3, 4]))
    with pytest.raises(Exception, match="cross_entropy"):
        nn.CrossEntropyLoss()(x, rt.tensor([0, 1]))


# ---- functional ----


def test_functional():
    a, b = randn(5, 7), randn(5, 7, seed=1)
    for p in (1.0, 2.0, 3.0, float("inf")):
        same_as_torch(lambda x, p=p: F.normalize(x, p), lambda x, p=p: TF.normalize(x, p), a)
    same_as_torch(F.cosine_similarity, TF.cosine_similarity, a, b, differentiable=2)
    same_as_torch(F.pairwise_distance, TF.pairwise_distance, a, b, differentiable=2)
    same_as_torch(
        lambda x: F.softmax(x, 0, dtype="float64"), lambda x: TF.softmax(x, 0, dtype=torch.float64), a
    )
    x = rt.tensor(a)
    F.relu(x, inplace=True)
    F.leaky_relu(x, 0.1, inplace=True)
    assert x.numpy().min() == 0
    with pytest.raises(ValueError, match="must be even"):
        F.glu(x)


# ---- init ----


def test_init():
    w = rt.empty(200, 300)
    rt.manual_seed(0)
    bounds = [
        (nn.init.xavier_uniform_, (6 / 500) ** 0.5, (2 / 500) ** 0.5),
        (nn.init.kaiming_uniform_, (6 / 300) ** 0.5, (2 / 300) ** 0.5),
        (lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), None, (2 / 200) ** 0.5),
        (nn.init.xavier_normal_, None, (2 / 500) ** 0.5),
        (lambda t: nn.init.uniform_(t, -1, 1), 1, 3**-0.5),
        (lambda t: nn.init.trunc_normal_(t, std=0.5, a=-1, b=1), 1, None),
    ]
    for fill, bound, std in bounds:
        assert fill(w) is w
        assert bound is None or bound * 0.99 < abs(w.numpy()).max() <= bound * 1.000001
        assert std is None or abs(w.numpy().std() / std - 1) < 0.02
    nn.init.orthogonal_(w, gain=2)
    np.testing.assert_allclose(w.numpy() @ w.numpy().T, 4 * np.eye(200), atol=1e-4)
    assert (nn.init.eye_(rt.empty(3, 4)).numpy() == np.eye(3, 4)).all()
    d = nn.init.dirac_(rt.empty(4, 2, 3), groups=2)
    close(d, torch.nn.init.dirac_(torch.empty(4, 2, 3), groups=2))
    assert nn.init.constant_(rt.empty(2), 3).tolist() == [3, 3]
    for gain in ("linear", "tanh", "relu", "leaky_relu", "selu", "sigmoid"):
        assert nn.init.calculate_gain(gain) == torch.nn.init.calculate_gain(gain)
    p = nn.Parameter(rt.empty(2, 2))
    nn.init.ones_(p)
    assert p.is_leaf and p.requires_grad
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_uniform_(rt.empty(3))


# ---- utils ----


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("most", [0.5, 1e6])
def test_clip_grad_norm(norm, most):
    ps, qs = [], []
    for i, shape in enumerate([(3,), (2, 4), ()]):
        p, q = rt.ones(shape, requires_grad=True), torch.ones(shape, requires_grad=True)
        g = randn(*shape, seed=i)
        p.grad, q.grad = rt.tensor(g), torch.tensor(g)
        ps.append(p)
        qs.append(q)
    ps.append(rt.ones(2, requires_grad=True))
    close(nn.utils.clip_grad_norm_(ps, most, norm), torch.nn.utils.clip_grad_norm_(qs, most, norm))
    for p, q in zip(ps, qs):
        close(p.grad, q.grad)
    nn.utils.clip_grad_value_(ps, 0.1)
    assert max(abs(p.grad.numpy()).max() for p in ps[:3]) <= np.float32(0.1)


def test_parameters_to_vector_and_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    v = nn.utils.parameters_to_vector(net.parameters())
    assert v.shape == (11,)
    nn.utils.vector_to_parameters(rt.arange(11, dtype="float32"), net.parameters())
    assert net[0].weight.tolist() == [[0, 1, 2], [3, 4, 5]] and net[1].bias.tolist() == [10]


# ---- Module ----


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.rest = nn.Sequential(nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
        self.scale = nn.Parameter(rt.ones(3))
        self.register_buffer("seen", rt.zeros(2))
        self.register_buffer("scratch", rt.zeros(5), persistent=False)

    def forward(self, x):
        return self.rest(self.first(x)) * self.scale


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 8)
        self.rest = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(8, 3))
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("scratch", torch.zeros(5), persistent=False)

    def forward(self, x):
        return self.rest(self.first(x)) * self.scale


def test_names_and_order_as_in_torch():
    ours, theirs = Net(), TorchNet()
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, walk)()] == [n for n, _ in getattr(theirs, walk)()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs).replace("TorchNet", "Net")
    assert len(list(ours.parameters())) == 5 and len(list(ours.parameters(recurse=False))) == 1
    assert len(list(ours.modules())) == 6 and [type(c) for c in ours.children()] == [nn.Linear, nn.Sequential]
    assert ours.get_submodule("rest.2") is ours.rest[2]
    assert ours.get_parameter("rest.2.bias") is ours.rest[2].bias
    assert ours.get_buffer("seen") is ours.seen
    with pytest.raises(AttributeError, match="Net has no attribute `last`"):
        ours.get_submodule("last")


def test_state_dict_to_torch_and_back():
    ours, theirs = Net().eval(), TorchNet().eval()
    theirs.load_state_dict({k: torch.from_dlpack(v) for k, v in ours.state_dict().items()})
    x, y = twin(randn(10, 4))
    close(ours(x), theirs(y))
    other = Net().eval()
    assert str(other.load_state_dict(theirs.state_dict())) == "<All keys matched successfully>"
    close(other(x), theirs(y))
    assert other.first.weight.data_ptr() != theirs.first.weight.data_ptr()


def test_state_dict_shares_memory():
    net = Net()
    state = net.state_dict()
    assert isinstance(state, OrderedDict) and not state["scale"].requires_grad
    state["scale"].fill_(7)
    assert net.scale.tolist() == [7, 7, 7]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale


def message(call):
    with pytest.raises(RuntimeError) as caught:
        call()
    return str(caught.value)


def test_load_state_dict_messages_are_torchs():
    ours, theirs = Net(), TorchNet()
    bad = dict(theirs.state_dict())
    del bad["first.bias"], bad["scale"]
    bad["rest.2.weight"] = torch.zeros(3, 9)
    bad["rest.7.weight"] = torch.zeros(1)
    bad["more"] = torch.zeros(1)
    said = message(lambda: ours.load_state_dict(bad))
    expected = message(lambda: theirs.load_state_dict(bad)).replace("TorchNet", "Net")
    expected = re.sub(r"torch\.Size\(\[(.*?)\]\)", r"(\1)", expected)
    assert said == expected
    kept = ours.load_state_dict({k: v for k, v in bad.items() if k != "rest.2.weight"}, strict=False)
    assert kept.missing_keys == [] or set(kept.missing_keys) == {"first.bias", "scale", "rest.2.weight"}
    with pytest.raises(TypeError, match="dict-like"):
        ours.load_state_dict([1])


def test_load_state_dict_assign():
    net = nn.Linear(2, 2)
    w = rt.full((2, 2), 3.0)
    net.load_state_dict({"weight": w, "bias": rt.zeros(2)}, assign=True)
    assert (
        net.weight.data_ptr() == w.data_ptr()
        and isinstance(net.weight, nn.Parameter)
        and net.weight.requires_grad
    )


def test_extra_state():
    class Counter(nn.Module):
        count = 3

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    a, b = nn.Sequential(Counter()), nn.Sequential(Counter())
    a[0].count = 8
    b.load_state_dict(a.state_dict())
    assert b[0].count == 8
    assert "0._extra_state" in message(lambda: b.load_state_dict({}))


def test_attributes():
    net = Net()
    w = net.first.weight
    assert (
        net.first.weight is w and "weight" in net.first._parameters and net.first._parameters["weight"] is w
    )
    net.first._parameters["weight"] = other = nn.Parameter(rt.zeros(8, 4))
    assert net.first.weight is other
    with pytest.raises(TypeError, match=r"cannot assign 'rustorch.Tensor' as parameter 'weight'"):
        net.first.weight = rt.zeros(8, 4)
    net.first.bias = None
    assert "bias" in net.first._parameters and "first.bias" not in net.state_dict()
    with pytest.raises(TypeError, match="as child module 'first'"):
        net.first = 3
    with pytest.raises(TypeError, match="as buffer 'seen'"):
        net.seen = 3
    net.seen = rt.ones(2)
    assert net.state_dict()["seen"].tolist() == [1, 1]
    del net.first
    assert [n for n, _ in net.named_children()] == ["rest"] and not hasattr(net, "first")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'first'"):
        net.first  # noqa: B018
    net.scale = nn.Linear(1, 1)
    assert "scale" in net._modules and "scale" not in net._parameters
    net.table = nn.Buffer(rt.ones(1), persistent=False)
    assert "table" in dict(net.named_buffers()) and "table" not in net.state_dict()


def test_registration_mistakes():
    net = nn.Module()
    with pytest.raises(KeyError, match=r'parameter name can.*contain "\."'):
        net.register_parameter("a.b", None)
    with pytest.raises(KeyError, match="empty string"):
        net.add_module("", None)
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("forward", None)
    with pytest.raises(TypeError, match="not a Module subclass"):
        net.add_module("x", 3)
    with pytest.raises(TypeError, match="to parameter 'p'"):
        net.register_parameter("p", rt.ones(1))

    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before Module\.__init__"):
        Early()
    with pytest.raises(NotImplementedError, match='missing the required "forward"'):
        net(1)


def test_modes_and_dtypes():
    net = Net()
    assert net.training and net.eval() is net and not net.rest[1].training
    net.train()
    w = net.first.weight
    w.grad = rt.ones(8, 4)
    assert (
        net.double() is net
        and net.first.weight is w
        and w.dtype == rt.float64 == net.seen.dtype == w.grad.dtype
    )
    assert w.requires_grad and w.is_leaf
    net.to("float32")
    assert w.dtype == rt.float32
    net.to(rt.zeros(1, dtype="float16"))
    assert w.dtype == rt.float16 and net.bfloat16().scale.dtype == rt.bfloat16
    net.float().requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    assert net.cpu() is net and net.to("cpu") is net
    with pytest.raises(TypeError, match="floating point or complex"):
        net.to("int32")
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Dropout", "Linear", "Sequential", "Net"]


def test_zero_grad():
    net = Net()
    net(rt.ones(2, 4)).sum().backward()
    assert net.scale.grad is not None
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0, 0, 0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_shared_parameters_are_walked_once():
    a = nn.Linear(2, 2)
    net = nn.Sequential(a, nn.ReLU(), a)
    assert len(list(net.parameters())) == 2
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert len(net.state_dict()) == 4


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_copies(again):
    net = Net().eval()
    other = again(net)
    x = rt.tensor(randn(3, 4))
    assert rt.equal(net(x), other(x)) and isinstance(other.scale, nn.Parameter) and other.scale.requires_grad
    assert other.scale.data_ptr() != net.scale.data_ptr()
    assert [n for n, _ in other.named_parameters()] == [n for n, _ in net.named_parameters()]


def test_modules_are_freed_at_once():
    gc.disable()
    try:
        net = Net()
        gone = weakref.ref(net)
        del net
        assert gone() is None
    finally:
        gc.enable()


# ---- containers ----


def test_sequential():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    for net in (nn.Sequential(a, b, c), nn.Sequential([a, b, c]), nn.Sequential(OrderedDict(x=a, y=b, z=c))):
        assert len(net) == 3 and net[0] is a and net[-1] is c and list(net) == [a, b, c]
        assert net(rt.ones(5, 2)).shape == (5, 1)
    assert repr(nn.Sequential(OrderedDict(x=b))) == repr(torch.nn.Sequential(OrderedDict(x=torch.nn.ReLU())))
    net = nn.Sequential(a, b, c)
    assert list(net[1:]) == [b, c] and list(net[1:]._modules) == ["1", "2"]
    del net[0]
    assert list(net._modules) == ["0", "1"] and net[0] is b
    net.append(a).insert(0, c).extend([b])
    assert list(net) == [c, b, c, a, b] and net.pop(0) is c and len(net + net) == 8
    net[0] = a
    assert net[0] is a
    with pytest.raises(IndexError):
        net[9]
    with pytest.raises(TypeError, match="not a Module subclass"):
        nn.Sequential(3)


def test_lists_and_dicts():
    def make(lib):
        return lib.nn.ModuleList([lib.nn.Linear(2, 2) for _ in range(3)] + [lib.nn.ReLU()])

    ours = make(rt)
    assert repr(ours) == repr(make(torch))
    assert len(list(ours.parameters())) == 6 and len(ours[1:]) == 3
    ours += [nn.ReLU()]
    assert len(ours) == 5 and len(ours + [nn.ReLU()]) == 6
    d = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert repr(d) == repr(torch.nn.ModuleDict({"a": torch.nn.Linear(1, 1), "b": torch.nn.ReLU()}))
    assert list(d) == ["a", "b"] and "a" in d and d.pop("a").in_features == 1 and len(d) == 1
    d["c"] = nn.Tanh()
    assert [k for k, _ in d.items()] == ["b", "c"]
    d.clear()
    assert len(d) == 0
    p = nn.ParameterList([rt.ones(2), nn.Parameter(rt.zeros(3))])
    assert [n for n, _ in p.named_parameters()] == ["0", "1"] and len(p.append(rt.ones(1))) == 3
    q = nn.ParameterDict({"x": rt.ones(2)})
    assert isinstance(q["x"], nn.Parameter) and list(q.keys()) == ["x"]


# ---- hooks ----


def test_forward_hooks():
    net, x = nn.Linear(2, 2), rt.ones(1, 2)
    seen = []
    first = net.register_forward_hook(lambda m, args, out: seen.append((m, args, out)))
    out = net(x)
    assert seen == [(net, (x,), out)]
    net.register_forward_pre_hook(lambda m, args: (args[0] * 0,))
    net.register_forward_hook(lambda m, args, out: out + 1)
    assert rt.allclose(net(x), net.bias + 1)
    first.remove()
    assert len(seen) == 2
    net(x)
    assert len(seen) == 2
    with_kwargs = []
    net.register_forward_pre_hook(lambda m, a, k: ((), {"input": a[0] + 1}), with_kwargs=True)
    with net.register_forward_hook(lambda m, a, k, out: with_kwargs.append(k), with_kwargs=True):
        net(x)
    net(x)
    assert [k["input"].tolist() for k in with_kwargs] == [[[1, 1]]]
    order = []
    other = nn.Identity()
    other.register_forward_pre_hook(lambda m, a: order.append(1))
    other.register_forward_pre_hook(lambda m, a: order.append(0), prepend=True)
    other(x)
    assert order == [0, 1]
    assert net.forward(x).shape == (1, 2)  # forward itself runs no hooks


def test_hooks_on_every_module():
    seen = []
    with nn.register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__)):
        nn.Sequential(nn.ReLU(), nn.Tanh())(rt.ones(1))
    nn.ReLU()(rt.ones(1))
    assert seen == ["ReLU", "Tanh", "Sequential"]


def test_always_called_hooks():
    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError("no")

    seen = []
    net = Fails()
    net.register_forward_hook(lambda m, a, o: seen.append(o), always_call=True)
    with pytest.raises(KeyError):
        net(1)
    assert seen == [None]


def test_backward_hooks_as_in_torch():
    w = randn(3, 4)
    results = []
    for lib in (rt, torch):
        net = lib.nn.Linear(4, 3)
        with lib.no_grad():
            net.weight.copy_(lib.tensor(w))
        seen = []
        net.register_full_backward_pre_hook(
            lambda m, g, seen=seen: seen.append(("pre", [t.shape for t in g]))
        )
        net.register_full_backward_hook(
            lambda m, gi, go, seen=seen: seen.append(
                ([tuple(t.shape) for t in gi], [tuple(t.shape) for t in go])
            )
        )
        net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
        x = lib.ones(2, 4, requires_grad=True)
        net(x).sum().backward()
        results.append((np.asarray(x.grad), [str(s[-1]) for s in seen]))
        seen.clear()
        net(lib.ones(2, 4)).sum()
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)
    assert len(results[0][1]) == len(results[1][1]) == 2


def test_errors_name_the_place():
    net = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(9, 2)))
    with pytest.raises(rt.ShapeMismatchError) as caught:
        net(rt.ones(3, 4))
    assert caught.value.__notes__ == ["in the forward of module Sequential.1.1 (Linear)"]
    with pytest.raises(rt.ShapeMismatchError) as caught:
        nn.Linear(4, 8)(rt.ones(3, 5))
    assert caught.value.__notes__ == ["in the forward of module Linear"]

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.ModuleDict({"a": nn.Linear(2, 2)})

        def forward(self, x):
            return self.block["a"](x)

    with pytest.raises(rt.ShapeMismatchError) as caught:
        Deep()(rt.ones(1, 3))
    assert caught.value.__notes__ == ["in the forward of module Deep.block.a (Linear)"]


# ---- parameters ----


def test_parameter():
    p = nn.Parameter(rt.ones(2))
    assert (
        isinstance(p, rt.Tensor)
        and p.requires_grad
        and p.is_leaf
        and repr(p).startswith("Parameter containing:")
    )
    data = rt.zeros(3)
    q = nn.Parameter(data, requires_grad=False)
    data[0] = 5
    assert q.tolist() == [5, 0, 0] and not q.requires_grad
    assert type(p * 2) is rt.Tensor
    assert nn.Parameter([1.0, 2.0]).tolist() == [1, 2] and nn.Parameter().shape == (0,)
    again = pickle.loads(pickle.dumps(q))
    assert isinstance(again, nn.Parameter) and not again.requires_grad and again.tolist() == [5, 0, 0]
    y = (p * p).sum()
    y.backward()
    assert p.grad.tolist() == [2, 2]


def test_training_as_in_torch():
    """The same network on the same data: the same losses for 30 steps."""
    ours, theirs = Net().double().eval(), TorchNet().double().eval()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x, y = randn(16, 4, dtype="float64"), np.random.default_rng(1).integers(0, 3, 16)
    losses = []
    for lib, net in ((rt, ours), (torch, theirs)):
        opt, loss = lib.optim.Adam(net.parameters(), lr=0.05), lib.nn.CrossEntropyLoss()
        a, b = lib.tensor(x), lib.tensor(y)
        losses.append([])
        for _ in range(30):
            opt.zero_grad()
            value = loss(net(a), b)
            value.backward()
            opt.step()
            losses[-1].append(value.item())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)
