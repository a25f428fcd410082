"""Mistakes that users make, each made in PyTorch and here: the same kind of exception, and a message that says what
is wrong: the operation, the shapes, the dimension, inside a network the module's path."""
import re
import warnings

import numpy as np
import pytest
import torch

import rustorch

KINDS = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError, MemoryError,
         UserWarning)

# `t` is the library, `F` its nn.functional, `schedules` its optim.lr_scheduler, `data` its utils.data
MISTAKES = '''
t.ones(2, 3) + t.ones(4)
t.ones(2, 3) @ t.ones(2, 3)
t.mm(t.ones(2), t.ones(2, 2))
t.bmm(t.ones(2, 3, 4), t.ones(3, 4, 5))
t.dot(t.ones(2), t.ones(3))
t.ones(2, 3).view(4)
t.ones(2, 3).T.view(6)
t.ones(2, 3).reshape(-1, 4)
t.ones(2, 3).reshape(-1, -1)
t.ones(2, 3).sum(2)
t.ones(2, 3).transpose(0, 3)
t.ones(2, 3).permute(0)
t.ones(2, 3).permute(0, 0)
t.ones(2, 3).expand(3, 3)
t.ones(2, 3).unsqueeze(4)
t.ones(2, 3)[2]
t.ones(2, 3)[0, 0, 0]
t.ones(2, 3)[t.tensor([5])]
t.ones(2, 3)[t.tensor([True, False, True])]
t.ones(2, 3)[1.5]
t.cat([t.ones(2, 3), t.ones(3, 2)])
t.cat([])
t.stack([t.ones(2), t.ones(3)])
t.ones(2, 3).split([1, 2, 3], 1)
t.ones(3).chunk(0)
t.ones(2).item()
bool(t.ones(2))
float(t.ones(2))
int(t.ones(0))
len(t.tensor(1))
iter(t.tensor(1))
t.tensor([[1, 2], [3]])
t.tensor([1, None])
t.zeros(-1)
t.zeros(2, dtype="nope")
t.arange(0, 10, -1)
t.arange(0, 10, 0)
t.linspace(0, 1, -1)
t.randint(3, 3, (2, ))
t.randperm(-1)
t.eye(-1)
t.full((2, ), "a")
t.device("nonsense")
t.ones(2, dtype=t.int64, requires_grad=True)
t.gather(t.ones(2, 3), 1, t.tensor([[3]]))
t.gather(t.ones(2, 3), 1, t.tensor([1]))
t.ones(2, 3).gather(1, t.ones(2, 3))
t.zeros(3).scatter_(0, t.tensor([5]), t.ones(1))
t.zeros(3).index_add_(0, t.tensor([0, 1]), t.ones(3))
t.ones(3).index_select(0, t.tensor([3]))
t.ones(2, 3).masked_fill(t.ones(2, 2, dtype=t.bool), 0)
t.ones(2).masked_fill(t.ones(2), 0)
t.where(t.ones(2, dtype=t.bool), t.ones(2), t.ones(3))
t.einsum("ij, jk->ik", t.ones(2, 3), t.ones(2, 3))
t.einsum("ij, jk", t.ones(2, 3))
t.topk(t.ones(3), 5)
t.ones(3).kthvalue(4)
t.max(t.ones(0))
t.linalg.inv(t.zeros(2, 2))
t.linalg.inv(t.ones(2, 3))
t.linalg.cholesky(-t.eye(2))
t.linalg.solve(t.zeros(2, 2), t.ones(2))
t.linalg.solve(t.eye(3), t.ones(2))
t.linalg.svd(t.ones(2))
t.det(t.ones(2, 3))
t.fft.fft(t.ones(3), n=0)
t.bitwise_and(t.ones(2), t.ones(2))
t.ones(2) & t.ones(2)
~t.ones(2)
t.ones(2, dtype=t.bool) - t.ones(2, dtype=t.bool)
-t.ones(2, dtype=t.bool)
t.ones(2, dtype=t.int64).add_(1.5)
t.ones(2).add_(t.ones(2, dtype=t.complex64))
t.ones(2, dtype=t.int64).div_(2)
t.ones(2).add_(t.ones(3))
t.ones(1).add_(t.ones(3))
t.add(t.ones(2), t.ones(2), out=t.ones(2, dtype=t.int64))
t.ones(2) < None
t.ones(2) + "a"
t.ones(2) + None
t.add(t.ones(2))
t.add(t.ones(2), 1, 2, 3, 4)
t.add(t.ones(2), 1, foo=3)
t.sin("a")
t.softmax(t.ones(2), 1)
t.softmax(t.ones(2))
t.ones(2).softmax(dim=3)
F.softmax(t.ones(2, 2), 5)
F.linear(t.ones(2, 3), t.ones(4, 2))
nn.Linear(3, 4)(t.ones(2, 5))
nn.Linear(3, 4)(t.ones(2, 3, dtype=t.float64))
nn.Linear(3, 4)(t.ones(2, 3, dtype=t.int64))
nn.Linear(3, 4)("a")
nn.Linear(3, 4)()
nn.Linear(3)
nn.Linear(-1, 2)
nn.Conv2d(3, 4, 3)(t.ones(1, 2, 8, 8))
nn.Conv2d(3, 4, 3)(t.ones(3, 2, 2))
nn.Conv2d(3, 4, 3)(t.ones(1, 3, 2, 2))
nn.Conv2d(3, 4, 3)(t.ones(8, 8))
nn.Conv2d(3, 4, 3, groups=2)
nn.Conv2d(3, 4, 3, padding_mode="foo")
nn.Conv2d(3, 4, 3, padding="foo")
nn.Conv2d(3, 4, 3, stride=0)(t.ones(1, 3, 8, 8))
nn.MaxPool2d(3)(t.ones(1, 1, 2, 2))
nn.MaxPool2d(2, padding=2)(t.ones(1, 1, 4, 4))
nn.BatchNorm2d(3)(t.ones(2, 4, 2, 2))
nn.BatchNorm2d(3)(t.ones(2, 3))
nn.BatchNorm1d(3)(t.ones(1, 3))
nn.LayerNorm(4)(t.ones(2, 3))
nn.GroupNorm(2, 3)
nn.Dropout(1.5)
F.dropout(t.ones(2), -0.1)
nn.Embedding(3, 2)(t.tensor([3]))
nn.Embedding(3, 2)(t.tensor([-1]))
nn.Embedding(3, 2)(t.tensor([1.0]))
nn.Embedding(3, 2, padding_idx=5)
nn.LSTM(3, 4)(t.ones(2, 1, 5))
nn.LSTM(3, 4)(t.ones(2, 1, 3), (t.zeros(1, 2, 4), t.zeros(1, 1, 4)))
nn.LSTM(3, 4)(t.ones(2, 1, 1, 3))
nn.GRU(3, 4)(t.ones(2, 1, 3), t.zeros(2, 1, 4))
nn.RNN(3, 4, nonlinearity="foo")
nn.MultiheadAttention(5, 2)
nn.Transformer(8, 2)(t.ones(3, 1, 8), t.ones(2, 2, 8))
nn.CrossEntropyLoss()(t.ones(2, 3), t.tensor([0, 3]))
nn.CrossEntropyLoss()(t.ones(2, 3), t.tensor([0, 1, 2]))
nn.CrossEntropyLoss()(t.ones(2, 3), t.tensor([0., 1.]))
nn.CrossEntropyLoss(weight=t.ones(2))(t.ones(2, 3), t.tensor([0, 1]))
nn.CrossEntropyLoss(label_smoothing=2.0)(t.ones(2, 3), t.tensor([0, 1]))
nn.NLLLoss()(t.ones(2, 3), t.tensor([0, -1]))
nn.BCELoss()(t.tensor([1.5]), t.tensor([1.0]))
nn.BCELoss()(t.tensor([0.5, 0.5]), t.tensor([1.0]))
nn.BCEWithLogitsLoss()(t.ones(2), t.ones(3))
nn.MSELoss()(t.ones(2), t.ones(3))
nn.MSELoss(reduction="foo")(t.ones(2), t.ones(2))
nn.KLDivLoss(reduction="foo")(t.ones(2), t.ones(2))
F.one_hot(t.tensor([3]), 2)
F.one_hot(t.tensor([1.0]))
F.pad(t.ones(2), (1, 2, 3))
F.pad(t.ones(1, 2), (3, 3), mode="reflect")
F.interpolate(t.ones(1, 1, 2, 2))
F.interpolate(t.ones(1, 1, 2, 2), size=3, scale_factor=2)
F.interpolate(t.ones(1, 1, 2, 2), size=3, mode="foo")
F.grid_sample(t.ones(1, 1, 2, 2), t.ones(1, 2, 2, 3))
F.scaled_dot_product_attention(t.ones(1, 2, 3), t.ones(1, 2, 4), t.ones(1, 2, 4))
F.normalize(t.ones(2), dim=3)
F.cosine_similarity(t.ones(2, 3), t.ones(2, 4))
F.gumbel_softmax(t.ones(2), dim=4)
nn.Sequential(1)
nn.Sequential(nn.ReLU())[3]
nn.ModuleList([1])
nn.ModuleDict({"a": 1})
nn.Module().foo
nn.Module()(1)
nn.Module().register_parameter("a.b", None)
nn.Module().register_parameter("a", t.ones(2))
nn.Module().register_buffer("a", 3)
nn.Module().add_module("a", 3)
nn.Module().load_state_dict(3)
nn.Linear(2, 2).load_state_dict({})
nn.Linear(2, 2).load_state_dict({"weight": t.ones(3, 2), "bias": t.ones(2)})
nn.Linear(2, 2).load_state_dict({"weight": t.ones(2, 2), "bias": t.ones(2), "extra": t.ones(1)})
nn.Linear(2, 2).get_submodule("a.b")
nn.Linear(2, 2).get_parameter("weigh")
nn.Parameter(t.ones(2, dtype=t.int64))
nn.init.xavier_uniform_(t.ones(2))
nn.init.kaiming_normal_(t.ones(2, 2), mode="foo")
nn.init.calculate_gain("foo")
nn.init.orthogonal_(t.ones(2))
nn.utils.clip_grad_norm_([t.ones(2)], "a")
nn.utils.rnn.pad_sequence([])
nn.utils.rnn.pad_sequence([t.ones(2), t.ones(2, 3)])
nn.utils.rnn.pack_padded_sequence(t.ones(3, 2, 1), [1, 3])
nn.utils.rnn.pack_padded_sequence(t.ones(3, 2, 1), [3, 0])
nn.utils.rnn.pack_padded_sequence(t.ones(3, 2, 1), [3])
nn.utils.vector_to_parameters([1], [t.ones(2)])
nn.utils.parametrize.remove_parametrizations(nn.Linear(2, 2), "weight")
optim.SGD([], lr=0.1)
optim.SGD([t.ones(2)], lr=-1)
optim.SGD([leaf()*2], lr=0.1)
optim.SGD(t.ones(2), lr=0.1)
optim.SGD([1], lr=0.1)
optim.SGD([{"lr": 0.1}], lr=0.1)
optim.SGD([leaf()], lr=0.1, nesterov=True)
optim.SGD([leaf()], lr=0.1, momentum=-1)
optim.Adam([leaf()], betas=(1.5, 0.9))
optim.Adam([leaf()], eps=-1)
optim.Adam(nn.Linear(2, 2).parameters()).load_state_dict({})
optim.Adam(nn.Linear(2, 2).parameters()).load_state_dict(optim.Adam([t.ones(1, requires_grad=True)]).state_dict())
optim.Adam(nn.Linear(2, 2).parameters(), lr=0.1).step(3)
optim.LBFGS([{"params":[leaf()]}, {"params":[leaf()]}])
optim.LBFGS([leaf()]).step()
(lambda p: optim.SGD([{"params":[p]}, {"params":[p]}], lr=0.1))(leaf())
schedules.StepLR(3, 1)
schedules.OneCycleLR(sgd(), max_lr=1.0)
schedules.ReduceLROnPlateau(sgd(), factor=1.5)
schedules.ReduceLROnPlateau(sgd(), mode="foo")
schedules.CosineAnnealingWarmRestarts(sgd(), 0)
schedules.LambdaLR(sgd(), [lambda e: 1, lambda e: 1])
schedules.StepLR(sgd(), 1, last_epoch=3)
data.DataLoader([1, 2], batch_size=0)
data.DataLoader([1, 2], batch_size=-1)
data.DataLoader([1, 2], num_workers=-1)
data.DataLoader([1, 2], shuffle=True, sampler=[0])
data.DataLoader([1, 2], batch_sampler=[[0]], batch_size=2)
data.DataLoader([1, 2], batch_size=None, drop_last=True)
list(data.DataLoader([t.ones(2), t.ones(3)], batch_size=2))
list(data.DataLoader([object(), object()], batch_size=2))
list(data.DataLoader([{"a": 1}, {"b": 1}], batch_size=2))
data.random_split([1, 2, 3], [1, 1])
data.random_split([1, 2, 3], [0.5, 0.6])
data.RandomSampler([1, 2], num_samples=0)
data.RandomSampler([])
data.WeightedRandomSampler([1.0], 0)
data.WeightedRandomSampler([[1.0]], 1)
data.BatchSampler([1, 2], 0, False)
data.Dataset()[0]
data.DataLoader([1, 2], prefetch_factor=2)
data.DataLoader([1, 2], persistent_workers=True)
data.default_collate([None, None])
t.ones(2).backward()
leaf().backward()
leaf().sum().backward(t.ones(2))
autograd.grad(t.ones(1, requires_grad=True).sum(), t.ones(1))
autograd.grad(t.ones(1, requires_grad=True).sum(), t.ones(1, requires_grad=True))
autograd.grad(leaf()*2, leaf())
leaf().add_(1)
leaf()[0].mul_(2)
setattr(leaf()*2, "requires_grad", False)
setattr(leaf(), "grad", t.ones(3))
setattr(leaf(), "grad", 3)
setattr(t.ones(2, dtype=t.int64), "requires_grad", True)
t.ones(2).register_hook(lambda g: g)
t.ones(2).retain_grad()
autograd.gradcheck(lambda x: x, t.ones(2, dtype=t.float64))
autograd.functional.jacobian(lambda x: 3, t.ones(2))
autograd.functional.hessian(lambda x: x, t.ones(2))
t.func.grad(lambda x: x)(t.ones(2))
t.func.vmap(lambda x: x)(3)
t.func.vmap(lambda x, y: x)(t.ones(2), t.ones(3))
t.func.functional_call(nn.Linear(2, 2), {"weight": t.ones(3, 3)}, (t.ones(2), ))
t.set_default_dtype(t.int64)
t.set_default_dtype("foo")
t.set_num_threads(0)
F.relu("a")
nn.ReLU()(None)
nn.Flatten(1, 9)(t.ones(2, 3))
nn.Unflatten(1, (2, 2))(t.ones(2, 3))
nn.PixelShuffle(2)(t.ones(1, 3, 2, 2))
nn.Upsample(scale_factor=2, mode="bilinear")(t.ones(1, 2, 2))
t.multinomial(t.tensor([-1.0, 1.0]), 1)
t.multinomial(t.tensor([1.0, 1.0]), 3)
t.bernoulli(t.tensor([1.5]))
t.normal(0.0, -1.0, (2, ))
t.stft(t.ones(5), 8)
t.from_numpy([1])
t.from_numpy(np.array(["a"]))
t.as_tensor(object())
t.finfo(t.int64)
t.iinfo(t.float32)
t.unknown_function
t.ones(2).unknown_method()
nn.UnknownLayer
t.ones(2).clamp()
t.ones(2).std(dim="a")
t.roll(t.ones(2), (1, 2), (0, ))
t.flip(t.ones(2), (1, ))
t.repeat_interleave(t.ones(2), t.tensor([1, 2, 3]))
t.ones(2, 3).repeat(2)
t.tile(t.ones(2), "a")
t.diag(t.ones(2, 2, 2))
t.cross(t.ones(2), t.ones(2))
t.cdist(t.ones(2, 3), t.ones(2, 4))
t.searchsorted(t.ones(2, 3), t.ones(3, 3))
t.bincount(t.tensor([-1]))
t.histc(t.ones(2), bins=0)
t.cumsum(t.ones(2), 1)
t.cumsum(t.ones(2))
t.as_strided(t.ones(2), (3, ), (1, ))
t.complex(t.ones(2), t.ones(2, dtype=t.float64))
t.view_as_complex(t.ones(3))
t.ones(2).view(t.float64, 3)
t.logspace(0, 1)
t.meshgrid(t.ones(2, 2))
t.tensor(1.0).expand(-1)
t.ones(2, 3).squeeze(5)
t.ones(2, 3).swapaxes(0, 2)
t.ones(2, 3).unflatten(1, (2, 2))
t.ones(2, 3).select(0, 2)
t.ones(2, 3).narrow(0, 1, 3)
t.ones(2).unfold(0, 3, 1)
t.ones(2, 3).diagonal(0, 0, 0)
t.quantile(t.ones(2), 1.5)
t.poisson(t.tensor([-1.0]))
t.amp.autocast("nope")
F.ctc_loss(t.ones(2, 1, 3), t.tensor([[1, 2, 1]]), t.tensor([5]), t.tensor([3]))
nn.AdaptiveAvgPool2d((1, 2, 3))(t.ones(1, 1, 4, 4))
nn.Bilinear(2, 3, 4)(t.ones(5, 2), t.ones(5, 4))
nn.EmbeddingBag(3, 2)(t.tensor([0, 1]))
nn.TripletMarginLoss()(t.ones(2, 3), t.ones(2, 3), t.ones(2, 4))
nn.CosineEmbeddingLoss()(t.ones(2, 3), t.ones(2, 3), t.ones(3))
F.kl_div(t.ones(2), t.ones(3))
F.huber_loss(t.ones(2), t.ones(2), delta=-1.0)
F.glu(t.ones(3))
F.embedding(t.tensor([0]), t.ones(2, 2), max_norm="a")
nn.Softmax(dim=2)(t.ones(2, 2))
t.Generator("cuda")
t.empty(2**62)
t.empty(2**40, 2**40)
'''.strip().splitlines()

PROGRAMS = {
    "backward twice": "x = leaf(); y = (x * x).sum(); y.backward(); y.backward()",
    "result overwritten": "x = leaf(); y = x.exp(); y.add_(1); y.sum().backward()",
    "leaf overwritten": "x = leaf(); y = (x * x).sum()\nwith t.no_grad(): x.add_(1)\ny.backward()",
    "no graph of the gradient": "x = leaf(); (g,) = autograd.grad((x * x).sum(), x); g.sum().backward()",
    "two gradients for one argument": """
class Double(autograd.Function):
    forward = staticmethod(lambda ctx, x: x * 2)
    backward = staticmethod(lambda ctx, g: (g, g))
Double.apply(leaf()).sum().backward()""",
    "gradient of another shape": """
class Double(autograd.Function):
    forward = staticmethod(lambda ctx, x: x * 2)
    backward = staticmethod(lambda ctx, g: g[:1])
Double.apply(leaf()).sum().backward()""",
    "function without backward": """
class Double(autograd.Function):
    forward = staticmethod(lambda ctx, x: x * 2)
Double.apply(leaf()).sum().backward()""",
    "inference tensor saved": "with t.inference_mode(): x = t.ones(2)\n(x * leaf()).sum().backward()",
    "inference tensor trained": "with t.inference_mode(): x = t.ones(2)\nx.requires_grad_()",
    "super().__init__() forgotten": """
class Net(nn.Module):
    def __init__(self): self.layer = nn.Linear(2, 2)
Net()""",
    "forward forgotten": "class Net(nn.Module): pass\nNet()(1)",
    "tensor for a parameter": "nn.Linear(2, 2).weight = t.ones(2, 2)",
    "number for a parameter": "nn.Linear(2, 2).weight = 3",
    "state of another network": """
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); state = net.state_dict()
state.pop("0.bias"); state["1.weigh"] = state.pop("1.weight"); state["0.weight"] = t.ones(3, 3)
net.load_state_dict(state)""",
    "state of another parameter": """
p, q = leaf(), t.ones(3, requires_grad=True); one, other = optim.Adam([p]), optim.Adam([q])
p.grad, q.grad = t.ones(2), t.ones(3); one.step(); other.load_state_dict(one.state_dict()); other.step()""",
    "group that is none": "sgd().add_param_group(3)",
    "group without tensors": 'sgd().add_param_group({"params": 3})',
    "expanded memory written": "t.ones(4).expand(3, 4).add_(1)",
    "copy of a result": "import copy; copy.deepcopy(leaf() * 2)",
    "trained tensor resized": "leaf().resize_(5)",
    "scaler updated without a step": 't.amp.GradScaler("cpu").update()',
    "NaN in anomaly mode": """
x = t.tensor([0.0], requires_grad=True)
with autograd.detect_anomaly(check_nan=True): (x.sqrt() * 0).sum().backward()""",
    "NaN clipped": """
x = leaf(); x.grad = t.full((2,), float("nan"))
nn.utils.clip_grad_norm_([x], 1.0, error_if_nonfinite=True)""",
    "no mask in pruning": 'from PRUNE import remove; remove(nn.Linear(2, 2), "weight")',
    "amount of pruning": 'from PRUNE import l1_unstructured; l1_unstructured(nn.Linear(2, 2), "weight", amount=1.5)',
    "schedule before optimizer": "s = schedules.StepLR(sgd(), 1); s.step()",
    "loss that broadcasts": "F.mse_loss(t.ones(2, 1), t.ones(2))",
    "grad of what is no leaf": "(leaf() * 2).grad",
    "dropout of one layer": "nn.LSTM(2, 2, dropout=0.5)",
}


def raised(library, source):
    leaf = lambda: library.ones(2, requires_grad=True)  # noqa: E731
    names = {"t": library, "np": np, "nn": library.nn, "F": library.nn.functional, "optim": library.optim, "leaf": leaf,
             "schedules": library.optim.lr_scheduler, "data": library.utils.data, "autograd": library.autograd,
             "sgd": lambda: library.optim.SGD([leaf()], lr=0.1)}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Anomaly|Implicit dim|Initializing zero|Default grid_sample|enable_nested")
        warnings.filterwarnings("ignore", "reduction: 'mean'")
        try:
            exec(source.replace("PRUNE", f"{library.__name__}.nn.utils.prune"), names)
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize("source", [*MISTAKES, *PROGRAMS.values()], ids=[*MISTAKES, *PROGRAMS])
def test_same_kind_of_exception(source):
    theirs, ours = raised(torch, source), raised(rustorch, source)
    assert theirs is not None, "PyTorch does not mind"
    assert ours is not None, f"PyTorch raises {theirs!r}"
    expected = [kind for kind in KINDS if isinstance(theirs, kind)]
    assert isinstance(ours, type(theirs)) or any(isinstance(ours, kind) for kind in expected), (theirs, ours)
    assert len(str(ours)) > 2


# what a message must say
WORDS = {
    "t.ones(2, 3) + t.ones(4)": ["add", "(2, 3)", "(4,)", "dimension -1: 3 against 4"],
    "t.ones(2, 3) @ t.ones(2, 3)": ["matmul", "(2, 3) and (2, 3)", "dimension 1 of the first has length 3"],
    "t.ones(2, 3).view(4)": ["view", "(2, 3)", "(4,)"],
    "t.ones(2, 3).sum(2)": ["sum", "dimension 2", "-2 to 1"],
    "t.cat([t.ones(2, 3), t.ones(3, 2)])": ["cat", "tensor 1", "dimension 0", "(3, 2)", "(2, 3)"],
    "t.ones(2, 3)[2]": ["index 2", "axis 0", "size 2"],
    "t.ones(2).backward()": ["backward", "does not require grad"],
    "leaf().backward()": ["backward", "scalar", "(2,)"],
    "leaf().add_(1)": ["add", "leaf", "no_grad"],
    "nn.Linear(3, 4)(t.ones(2, 5))": ["linear", "in_features = 3", "(2, 5)", "(4, 3)"],
    "nn.Linear(3, 4)(t.ones(2, 3, dtype=t.float64))": ["linear", "float64", "float32"],
    "nn.Conv2d(3, 4, 3)(t.ones(1, 2, 8, 8))": ["3 channels, it has 2", "(1, 2, 8, 8)"],
    "nn.Embedding(3, 2)(t.tensor([3]))": ["embedding", "index 3", "3"],
    "nn.Embedding(3, 2)(t.tensor([-1]))": ["embedding", "index -1", "3 rows"],
    "F.cross_entropy(t.ones(2, 3), t.tensor([0, 3]))": ["row 1", "class 3", "3 classes"],
    't.ones(2).to("cuda")': ["to:", "cuda", "not available"],
    "t.bernoulli(t.tensor([1.5]))": ["bernoulli", "from 0 to 1"],
    "t.nothing": ["rustorch", "nothing"],
    "nn.Nothing": ["rustorch.nn", "Nothing"],
    "t.ones(2).nothing": ["Tensor", "nothing"],
    PROGRAMS["backward twice"]: ["mul", "freed", "retain_graph=True"],
    PROGRAMS["result overwritten"]: ["exp", "add", "(2,)", "version"],
    PROGRAMS["gradient of another shape"]: ["Double.backward", "(1,)", "(2,)", "argument 0"],
    PROGRAMS["inference tensor saved"]: ["mul", "(2,)", "inference_mode", "clone"],
    PROGRAMS["state of another network"]: ["0.bias", "1.weigh", "0.weight", "(3, 3)", "(2, 2)", "Sequential"],
    PROGRAMS["NaN in anomaly mode"]: ["sqrt", "nan"],
}


@pytest.mark.parametrize("source", WORDS, ids=range(len(WORDS)))
def test_message_says_what_is_wrong(source):
    message = str(raised(rustorch, source))
    for word in WORDS[source]:
        assert word in message


def test_message_names_the_module():
    nn = rustorch.nn
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(2, 2)))
    with pytest.raises(RuntimeError) as caught:
        net(rustorch.ones(1, 2))
    assert any(re.search(r"Sequential\.1\.1 \(Linear\)", note) for note in caught.value.__notes__)


def test_what_fails_leaves_things_as_they_were():
    x = rustorch.ones(2, 3)
    version = x._version
    with pytest.raises(RuntimeError):
        x.add_(rustorch.ones(4))
    net = rustorch.nn.Linear(2, 2)
    before = net.weight.detach().clone()
    with pytest.raises(RuntimeError):
        net.load_state_dict({"bias": rustorch.ones(2)})
    assert x._version == version and rustorch.equal(x, rustorch.ones(2, 3)) and rustorch.equal(net.weight, before)
