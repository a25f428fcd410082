"""Modules in files: every class of rustorch.nn comes back as it was; users' classes do when the reader names them."""

import io
import itertools
import json

import numpy as np
import pytest
import safetensors

import rustorch as rt
from rustorch import nn
from rustorch.nn._description import build, describe
from tests.compat.test_module_life import NAMES, quiet, results, same, samples  # noqa: F401

F = nn.functional


def through(module, **options):
    file = io.BytesIO()
    module.save(file)
    file.seek(0)
    return rt.load(file, **options)


@pytest.mark.parametrize("name", [*NAMES, "LinearCrossEntropyLoss"])
def test_every_module(name):
    """The loaded module has the same repr, attributes, state and results; loading draws no random numbers."""
    for module, args, kwargs, _, _ in samples(name):
        before = rt.get_rng_state()
        again = through(module)
        assert rt.equal(rt.get_rng_state(), before)
        assert type(again) is type(module) and repr(again) == repr(module)
        assert set(again.__dict__) == set(module.__dict__)
        if isinstance(module, nn.modules.lazy.LazyModuleMixin):
            assert again.has_uninitialized_params()
            module(*args, **kwargs)
            again = through(module)
            assert type(again) is type(module)
        same(results(again, args, kwargs), results(module, args, kwargs))
        fresh = build(json.loads(json.dumps(describe(module))))
        fresh.load_state_dict(module.state_dict())
        same(results(fresh, args, kwargs), results(module, args, kwargs))


MORE = {
    "CrossMapLRN2d": (3, 0.1),
    "LazyBatchNorm3d": (),
    "LazyInstanceNorm2d": (),
    "LazyInstanceNorm3d": (),
    "MaxUnpool1d": (2,),
    "MaxUnpool2d": ((2, 3),),
    "MaxUnpool3d": (2, 1, 1),
    "RNNBase": ("LSTM", 2, 3, 2),
    "RNNCellBase": (2, 3, False, 4),
    "SyncBatchNorm": (3, 1e-3, None),
    "Module": (),
    "TransformerDecoder": (nn.TransformerDecoderLayer(4, 2, 8), 2, nn.LayerNorm(4)),
    "DataParallel": (nn.GRU(2, 3),),
    "Sequential": (nn.ReLU(),),
    "ModuleList": ([nn.ReLU(), nn.Linear(1, 1)],),
    "ModuleDict": ({"a b": nn.Identity()},),
    "ParameterList": ([rt.ones(2)],),
    "ParameterDict": ({"x": rt.ones(2)},),
}


@pytest.mark.parametrize("name", MORE)
def test_more_modules(name):
    module = getattr(nn, name)(*MORE[name])
    again = through(module)
    assert type(again) is type(module) and repr(again) == repr(module) and set(again.__dict__) == set(module.__dict__)
    held = [(n, t) for n, t in module.state_dict().items() if not nn.parameter.is_lazy(t)]
    assert all(rt.equal(again.state_dict()[n], t) for n, t in held)


def test_no_class_is_forgotten():
    public = {n for n in dir(nn) if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)}
    assert public == {*NAMES, "LinearCrossEntropyLoss", *MORE}


def test_containers():
    shared = nn.Linear(3, 3)
    net = nn.Sequential(
        shared, nn.ModuleList([nn.ReLU(), shared]), nn.ModuleDict({"a b": nn.Identity(), "c": nn.GRU(3, 4)})
    )
    net.more = nn.ParameterList([rt.ones(2), nn.Parameter(rt.zeros(1), requires_grad=False)])
    net.named = nn.ParameterDict({"x": rt.ones(2, dtype="float64")})
    net.nothing = None
    again = through(net)
    assert repr(again) == repr(net) and again[0] is again[1][1]
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in net.parameters()]
    assert list(again.state_dict()) == list(net.state_dict())
    assert again.named["x"].dtype == rt.float64 and len(again.more) == 2
    wrapped = through(nn.DataParallel(nn.RNNBase("GRU", 2, 3)))
    assert wrapped.module.mode == "GRU"
    assert through(nn.SyncBatchNorm(3)).num_features == 3


def test_modes_and_frozen_parameters():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    net[0].weight.requires_grad_(False)
    again = through(net)
    assert not again.training and not again[1].training
    assert [p.requires_grad for p in again.parameters()] == [False, True]
    assert [type(p) for p in again.parameters()] == [nn.Parameter] * 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64"])
def test_other_dtypes(dtype):
    net = nn.Linear(3, 2).to(rt.float64).to(dtype)
    again = through(net)
    assert again.weight.dtype == net.weight.dtype and rt.equal(again.weight, net.weight)


def test_tied_parameters_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.out.weight = self.into.weight

    again = through(Tied(), classes=[Tied])
    assert again.out.weight is again.into.weight


class Net(nn.Module):
    """As users write them: arguments that are kept nowhere, attributes of several kinds."""

    def __init__(self, hidden):
        super().__init__()
        self.conv = nn.Conv2d(1, hidden, 3, padding="same")
        self.norm = nn.BatchNorm2d(hidden)
        self.head = nn.Linear(hidden, 2)
        self.activation = F.gelu
        self.scale, self.sizes, self.names = 0.5, (1, 2), {"a": [1, None]}
        self.shift = rt.tensor([1.0, 2.0])
        self.register_buffer("seen", rt.zeros(2), persistent=False)
        self.register_buffer("mean", rt.ones(1))
        self.extra = nn.Parameter(rt.ones(1))
        self.register_parameter("none", None)

    def forward(self, x):
        x = self.activation(self.norm(self.conv(x))).mean((2, 3))
        return self.head(x) * self.scale + self.shift * self.extra


def test_a_class_of_a_user():
    net = Net(4)
    net.seen += 3
    again = through(net, classes=[Net])
    x = rt.randn(2, 1, 5, 5)
    assert type(again) is Net and rt.equal(again(x), net(x))
    assert again.sizes == (1, 2) and again.names == {"a": [1, None]} and again.activation is F.gelu
    assert rt.equal(again.seen, net.seen) and list(again.state_dict()) == list(net.state_dict())
    assert list(again._parameters) == list(net._parameters)


def test_a_class_that_is_not_named(tmp_path):
    net = Net(2)
    net.save(tmp_path / "net.rustorch")
    with pytest.raises(RuntimeError, match=r"classes=\[Net\].*add_safe_globals.*weights_only"):
        rt.load(tmp_path / "net.rustorch")
    state = rt.load(tmp_path / "net.rustorch", weights_only=True)
    other = Net(2)
    other.load_state_dict({k: v for k, v in state.items() if k != "seen"})
    assert rt.equal(other.head.weight, net.head.weight)
    rt.serialization.add_safe_globals([Net])
    try:
        assert type(rt.load(tmp_path / "net.rustorch")) is Net and rt.serialization.get_safe_globals() == [Net]
    finally:
        rt.serialization.clear_safe_globals()


def test_an_attribute_that_files_do_not_hold(tmp_path):
    net = Net(2)
    net.activation = lambda x: x
    net.save(tmp_path / "net.rustorch")
    with pytest.raises(RuntimeError, match=r"'activation' was a builtins\.function.*from_description"):
        rt.load(tmp_path / "net.rustorch", classes=[Net])
    assert "head.weight" in rt.load(tmp_path / "net.rustorch", weights_only=True)


def test_a_class_with_rules_of_its_own():
    class Own(nn.Module):
        def __init__(self, width, function):
            super().__init__()
            self.width, self.function = width, function
            self.layer = nn.Sequential(nn.Linear(width, width), nn.Tanh())

        def describe(self):
            return {"width": self.width}

        @classmethod
        def from_description(cls, description):
            return cls(description["width"], lambda x: x)

        def forward(self, x):
            return self.function(self.layer(x))

    net = nn.Sequential(Own(3, lambda x: x))
    again, x = through(net, classes=[Own]), rt.randn(2, 3)
    assert rt.equal(again(x), net(x))


def test_modules_of_other_packages():
    """Programs, which ONNX files become, and what scikit-learn's estimators become, need no classes="""
    from sklearn.preprocessing import StandardScaler

    from rustorch.interop.program import Program, Ref, Step
    from rustorch.sklearn import from_sklearn

    steps = [Step("self.layer", (Ref("x"),), {}, ("y",)), Step("self.norm", (Ref("y"),), {}, ("z",))]
    program = Program(["x"], steps, Ref("z"), {"layer": nn.Linear(3, 4), "norm": nn.LayerNorm(4), "w": rt.ones(2)})
    x = rt.randn(5, 3)
    again = through(program)
    assert type(again) is Program and rt.equal(again(x), program(x)) and rt.equal(again.w, program.w)
    scaler = from_sklearn(StandardScaler().fit(x.numpy()))
    assert rt.equal(through(scaler)(x), scaler(x))
    model = rt.Model("m")
    model.add("Dense(4, activation=relu)")
    model.add(nn.Linear(4, 2))
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    expected = model(x)
    assert rt.equal(through(model)(x), expected)


def test_extra_state():
    class Counting(nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    net = nn.Sequential(Counting(), Counting())
    net[1].count = 7
    assert [m.count for m in through(net, classes=[Counting])] == [0, 7]


def test_modules_among_other_things():
    back = {}
    file = io.BytesIO()
    rt.save({"nets": [nn.Linear(2, 1), nn.Linear(2, 1)], "epoch": 3}, file)
    file.seek(0)
    back = rt.load(file)
    assert [type(m) for m in back["nets"]] == [nn.Linear] * 2 and back["epoch"] == 3
    file.seek(0)
    assert list(rt.load(file, weights_only=True)["nets"][0]) == ["weight", "bias"]


def test_other_programs_see_the_weights(tmp_path):
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net.save(tmp_path / "net.rustorch")
    with safetensors.safe_open(tmp_path / "net.rustorch", "np") as f:
        assert set(f.keys()) == set(net.state_dict())
        np.testing.assert_array_equal(f.get_tensor("0.weight"), net[0].weight.detach().numpy())


def test_what_computes_parameters_is_refused(tmp_path):
    from rustorch.nn.utils import parametrizations, prune

    with pytest.raises(TypeError, match=r"parametrizations.*remove_parametrizations"):
        parametrizations.weight_norm(nn.Linear(2, 2)).save(tmp_path / "x")
    with pytest.raises(TypeError, match="take it off"):
        nn.Sequential(prune.l1_unstructured(nn.Linear(2, 2), "weight", 0.5)).save(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def bad(change):
    """A file whose module's description was changed."""
    file = io.BytesIO()
    net = nn.Sequential(nn.Linear(3, 2), nn.LSTM(2, 2), nn.TransformerEncoderLayer(4, 2, 8))
    net.save(file)
    raw = file.getvalue()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    document = json.loads(header["__metadata__"]["rustorch"])
    change(document["value"]["description"])
    header["__metadata__"] = {"rustorch": json.dumps(document)}
    text = json.dumps(header).encode()
    return io.BytesIO(len(text).to_bytes(8, "little") + text + raw[8 + length :])


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(o):
        for key in path:
            o = o[key]
        o[last] = value

    return change


LINEAR, LSTM, LAYER = (("children", n) for n in "012")
BAD = {
    "unknown class": put("class", "Nothing"),
    "a class of the system": put("class", "os.system"),
    "no module": put("class", "Parameter"),
    "a function": put(*LINEAR, "class", "functional"),
    "a private class": put(*LINEAR, "class", "rustorch.nn.module.M"),
    "another package": put(*LINEAR, "class", "rustorch.testing.anything"),
    "no class": put("class", None),
    "a list": put("children", []),
    "child a number": put("children", "0", 3),
    "wide": put(*LINEAR, "arguments", "in_features", 10**12),
    "wider than its values": put(*LINEAR, "arguments", "in_features", 4),
    "negative": put(*LINEAR, "arguments", "in_features", -3),
    "text": put(*LINEAR, "arguments", "in_features", "3"),
    "unknown argument": put(*LINEAR, "arguments", "wide", 3),
    "another dtype": put(*LINEAR, "parameters", "weight", "dtype", "float64"),
    "no dtype": put(*LINEAR, "parameters", "weight", "dtype", "V8"),
    "another shape": put(*LINEAR, "parameters", "weight", "shape", [2, 4]),
    "a parameter without values": put(*LINEAR, "parameters", "more", {"dtype": "float32", "shape": [10**12]}),
    "many layers": put(*LSTM, "arguments", "num_layers", 10**9),
    "a huge state": put(*LSTM, "arguments", "hidden_size", 10**9),
    "arguments for what is made of modules": put("children", "2", {"class": "Transformer", "arguments": {}}),
    "forward a number": put(*LAYER, "attributes", "forward", 1),
    "an attribute of Module": put(*LAYER, "attributes", "state_dict", 1),
    "dunder": put(*LAYER, "attributes", "__class__", 1),
    "bookkeeping": put(*LAYER, "attributes", "_parameter_names", {"is": "dict", "items": []}),
    "an unknown function": put(*LAYER, "attributes", "activation", {"is": "function", "name": "functional.Any"}),
    "a private function": put(*LAYER, "attributes", "activation", {"is": "function", "name": "functional._x"}),
    "a function elsewhere": put(*LAYER, "attributes", "activation", {"is": "function", "name": "os.system"}),
    "shared with nothing": put("children", "1", {"shared": "7"}),
    "shared with a tensor": put("children", "1", {"shared": "0.weight"}),
    "training a number": put("training", 3),
    "own rule without one": put("children", "0", {"class": "Linear", "description": {}}),
}


@pytest.mark.parametrize("name", BAD)
def test_descriptions_that_are_wrong(name):
    with pytest.raises(rt.errors.FileError, match="load: "):
        rt.load(bad(BAD[name]))


def test_a_deep_description():
    def deepen(o):
        inner = o["children"]
        for _ in range(100):
            inner["deep"] = {"class": "Sequential", "children": {}}
            inner = inner["deep"]["children"]

    assert isinstance(rt.load(bad(deepen)), nn.Sequential)

    def bottomless(o):
        inner = o["children"]
        for _ in range(450):
            inner["0"] = {"class": "Sequential", "children": {}}
            inner = inner["0"]["children"]

    with pytest.raises(rt.errors.FileError):
        rt.load(bad(bottomless))


# ---- checkpoints ----


def test_checkpoints(tmp_path):
    """Training that was stopped goes on with the same bits; parts may stand in any order."""

    def fresh():
        net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 1))
        optimizer = rt.optim.AdamW(net.parameters(), lr=0.01)
        return net, optimizer, rt.optim.lr_scheduler.StepLR(optimizer, 2)

    def steps(net, optimizer, schedule):
        for _ in range(3):
            optimizer.zero_grad()
            net(rt.randn(8, 3)).pow(2).mean().backward()
            optimizer.step()
            schedule.step()

    first = fresh()
    steps(*first)
    rt.utils.save_checkpoint(first[0], tmp_path / "a", first[1], first[2], epoch=3, best=0.25)
    rt.utils.save_checkpoint(tmp_path / "b", 3, first[2], first[0], first[1], best=0.25)
    steps(*first)
    for name in "ab":
        again = fresh()
        found = rt.utils.load_checkpoint(tmp_path / name, *again)
        assert found["epoch"] == 3 and found["best"] == 0.25
        steps(*again)
        for p, q in itertools.chain(zip(first[0].parameters(), again[0].parameters(), strict=True)):
            assert rt.equal(p, q)


def test_checkpoints_refuse(tmp_path):
    net = nn.Linear(2, 1)
    rt.utils.save_checkpoint({"model": net.state_dict(), "epoch": 1}, tmp_path / "c")
    with pytest.raises(RuntimeError, match="no state of a optimizer"):
        rt.utils.load_checkpoint(tmp_path / "c", net, rt.optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(TypeError, match="needs a path"):
        rt.utils.save_checkpoint(net, None)
    with pytest.raises(TypeError, match="object"):
        rt.utils.save_checkpoint(net, tmp_path / "d", object())
    rt.save([1], tmp_path / "l")
    with pytest.raises(RuntimeError, match="list"):
        rt.utils.load_checkpoint(tmp_path / "l")
    with pytest.raises(RuntimeError, match="list"):
        rt.utils.load_model(tmp_path / "l")
    with pytest.raises(TypeError, match="Module"):
        rt.utils.save_model([1], tmp_path / "m")
