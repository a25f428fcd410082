"""Programs: modules that run a list of steps.  What they compute, how they train, what a description may say."""

import copy
import json
import pickle
import traceback

import numpy as np
import pytest

import rustorch as rt
from rustorch.interop import DescriptionError, Program, Ref, Step
from rustorch.nn import functional as F
from rustorch.nn._description import build, describe


def x():
    return rt.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def network():
    rt.manual_seed(0)
    return Program(
        ["x", "scale"],
        [
            Step("self.encoder.norm", (Ref("x"),), {}, ("a",)),
            Step("nn.functional.linear", (Ref("a"), Ref("self.encoder.weight")), {"bias": Ref("self.bias")}, ("b",)),
            Step("nn.functional.dropout", (Ref("b"), 0.5, Ref("self.training")), {}, ("c",)),
            Step("Tensor.chunk", (Ref("c"), 2), {"dim": 1}, ("d", "e")),
            Step("operator.add", (Ref("d"), Ref("e")), {}, ("f",)),
            Step("Tensor.shape", (Ref("f"),), {}, ("shape",)),
            Step("operator.getitem", (Ref("shape"), 0), {}, ("n",)),
            Step("Tensor.reshape", (Ref("f"), Ref("n"), -1), {}, ("g",)),
            Step("operator.mul", (Ref("g"), Ref("scale")), {}, ("h",)),
            Step("cat", ([Ref("h"), Ref("g")],), {"dim": 1}, ("i",)),
            Step("operator.getitem", (Ref("i"), (slice(None), slice(None, None, 2))), {}, ("j",)),
            Step("operator.add", (Ref("j"), Ref("self.shift")), {}, ("k",)),
        ],
        {"out": Ref("k"), "all": [Ref("i"), (Ref("n"), None)]},
        {
            "encoder.norm": rt.nn.BatchNorm1d(3),
            "encoder.weight": rt.nn.Parameter(rt.randn(4, 3)),
            "bias": rt.nn.Parameter(rt.randn(4)),
            "count": rt.nn.Buffer(rt.zeros(())),
            "shift": rt.tensor([0.25, float("inf")]),
        },
        defaults={"scale": 2.0},
    )


def by_hand(p, x, scale=2.0):
    a = p.encoder.norm(x)
    d, e = F.dropout(F.linear(a, p.encoder.weight, p.bias), 0.5, p.training).chunk(2, dim=1)
    g = d + e
    i = rt.cat([g * scale, g], dim=1)
    return i[:, ::2] + p.shift


@pytest.mark.parametrize("training", [False, True])
def test_result_is_that_of_the_same_calls(training):
    program = network().train(training)
    twin = copy.deepcopy(program)
    for args in [(x(),), (x(), 3.0), (x()[:1].repeat(5, 1), -1)]:
        rt.manual_seed(1)
        result = program(*args)
        rt.manual_seed(1)
        assert result["out"].tolist() == by_hand(twin, *args).tolist()
        assert result["all"][1] == (args[0].shape[0], None)
    assert program.encoder.norm.running_mean.tolist() == twin.encoder.norm.running_mean.tolist()
    assert program(x(), scale=3.0)["out"].shape == (2, 2)


def test_gradients_reach_parameters_and_inputs():
    program = network().eval()
    given = x().requires_grad_()
    program(given)["all"][0].sum().backward()
    assert given.grad.abs().sum() > 0
    assert all(p.grad is not None for p in program.parameters())


def test_state_has_names_and_leaves_constants_out():
    state = network().state_dict()
    assert set(state) == {"encoder.weight", "bias", "count"} | {
        f"encoder.norm.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    assert dict(network().named_buffers())["shift"].shape == (2,)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_independent_and_equal(twin_of):
    program = network().eval()
    program(x())
    twin = twin_of(program)
    assert twin(x())["out"].tolist() == program(x())["out"].tolist()
    with rt.no_grad():
        program.bias.add_(1)
    assert twin(x())["out"].tolist() != program(x())["out"].tolist()


def plain():
    steps = [
        Step("operator.mul", (Ref("x"), Ref("self.inner.weight")), {}, ("y",)),
        Step("full_like", (Ref("y"), float("inf")), {"dtype": rt.float32}, ("z",)),
        Step("operator.getitem", (Ref("y"), (..., slice(0, 2), None)), {}, ("w",)),
    ]
    state = {
        "inner.weight": rt.nn.Parameter(rt.ones(3), False),
        "table": rt.tensor([1.5, 2.0], dtype=rt.bfloat16),
        "many": rt.nn.Buffer(rt.arange(4)),
    }
    program = Program(["x"], steps, (Ref("w"), Ref("z"), Ref("self.table")), state, training=(steps[:1], Ref("y")))
    program.__dict__["twin"] = program.inner  # two names of one module
    program._module_names["twin"] = None
    return program


def test_descriptions_come_back():
    program = plain()
    described = json.loads(json.dumps(describe(program), allow_nan=False))
    twin = build(described)
    for name, buffer in program.named_buffers():
        twin.get_buffer(name).copy_(buffer)
    twin.load_state_dict(program.state_dict())
    assert type(twin) is Program and describe(twin) == described
    assert list(twin.state_dict()) == list(program.state_dict())
    assert twin.inner is twin.twin and not twin.inner.weight.requires_grad
    assert twin(x()).tolist() == program(x()).tolist()
    for ours, theirs in zip(twin.eval()(x()), program.eval()(x()), strict=True):
        assert ours.dtype == theirs.dtype and ours.tolist() == theirs.tolist()
    assert twin.print_readable(False) == program.print_readable(False)


@pytest.mark.parametrize("make", [network, plain])
def test_files(make, tmp_path):
    program = make().eval()
    expected = program(x())
    rt.save(program, tmp_path / "program.rustorch")
    twin = rt.load(tmp_path / "program.rustorch")
    assert type(twin) is Program and not twin.training
    assert repr(twin(x())) == repr(expected)
    assert list(twin.state_dict()) == list(program.state_dict())
    assert twin.print_readable(False) == program.print_readable(False)


def test_readable():
    program = network()
    text = program.print_readable(False)
    assert text.splitlines()[:2] == ["def forward(self, x, scale=2.0):", "    a = self.encoder.norm(x)"]
    assert "    c = nn.functional.dropout(b, 0.5, self.training)" in text
    assert "    j = i[(slice(None, None, None), slice(None, None, 2), )]" in text
    assert "12 steps" in repr(program) and "BatchNorm1d" in repr(program)


def test_numbered_and_awkward_paths():
    state = {"0.class.weight": rt.nn.Parameter(rt.ones(1)), "graph": rt.nn.Parameter(rt.ones(1))}
    added = Step("operator.add", (Ref("self.graph"), Ref("self.0.class.weight")), {}, ("y",))
    program = Program([], [added], Ref("y"), state)
    assert program().tolist() == [2]
    assert list(program.state_dict()) == ["graph", "0.class.weight"]


def test_a_failing_step_shows_its_line():
    with pytest.raises(RuntimeError) as caught:
        network()(rt.ones(2, 5))
    assert "a = self.encoder.norm(x)" in "".join(traceback.format_exception(caught.value))


def test_wrong_calls():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        network()()
    with pytest.raises(TypeError, match="mask"):
        network()(x(), mask=None)


def step(target, *args, outputs=("y",), **kwargs):
    return Step(target, args, kwargs, outputs)


WRONG = {
    "unknown value": ([step("relu", Ref("z"))], "used before"),
    "later value": ([step("relu", Ref("b"), outputs=("a",)), step("relu", Ref("x"), outputs=("b",))], "used before"),
    "unknown function": ([step("system", Ref("x"))], "not in the table"),
    "load": ([step("load", "file")], "not in the table"),
    "save": ([step("save", Ref("x"), "file")], "not in the table"),
    "tofile": ([step("Tensor.tofile", Ref("x"), "file")], "not in the table"),
    "numpy": ([step("Tensor.numpy", Ref("x"))], "not in the table"),
    "getattr": ([step("builtins.getattr", Ref("x"), "__class__")], "not in the table"),
    "dunder": ([step("Tensor.__reduce__", Ref("x"))], "not in the table"),
    "eval": ([step("builtins.eval", "1")], "not in the table"),
    "attrgetter": ([step("operator.attrgetter", "shape")], "not in the table"),
    "methodcaller": ([step("operator.methodcaller", "tofile", "f")], "not in the table"),
    "module path": ([step("numpy.save", "f", Ref("x"))], "not in the table"),
    "private path": ([step("self.__class__", Ref("x"))], "no submodule"),
    "state as function": ([step("self.weight", Ref("x"))], "no submodule"),
    "no such tensor": ([step("relu", Ref("self.nothing"))], "no tensor"),
    "module as value": ([step("relu", Ref("self.layer"))], "no tensor"),
    "attributes of tensors": ([step("relu", Ref("self.weight.data"))], "no tensor"),
    "code as a name": ([step("relu", Ref("x"), outputs=("y = 1; z",))], "cannot be the name"),
    "self": ([step("relu", Ref("x"), outputs=("self",))], "no name for a value"),
    "private name": ([step("relu", Ref("x"), outputs=("__f0",))], "cannot be the name"),
    "keyword": ([step("relu", Ref("x"), outputs=("lambda",))], "cannot be the name"),
    "code as a keyword": ([Step("relu", (Ref("x"),), {"a=1, b": 2}, ("y",))], "cannot be the name"),
    "attribute with arguments": ([step("Tensor.shape", Ref("x"), 1)], "one argument"),
    "method of nothing": ([step("Tensor.relu")], "needs the tensor"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_are_refused(name):
    steps, message = WRONG[name]
    state = {"weight": rt.nn.Parameter(rt.ones(1)), "layer": rt.nn.Linear(1, 1)}
    with pytest.raises(DescriptionError, match=message):
        Program(["x"], steps, Ref("x"), state)
    described = describe(Program(["x"], [], Ref("x"), state))
    made = Program.from_description({**Program([], [], 0).describe(), "inputs": ["x"], "outputs": {"ref": "x"},
                                     "steps": json.loads(json.dumps([s.describe() for s in steps]))})
    described["description"] = describe(made)["description"]
    with pytest.raises(ValueError, match=message):
        build(json.loads(json.dumps(described)))
    with pytest.raises(DescriptionError, match=message.replace("no tensor", "no (tensor|sub)")):
        made(1)


@pytest.mark.parametrize("inputs,outputs,defaults", [
    (["x", "x"], Ref("x"), {}), (["x y"], 1, {}), (["x"], Ref("y"), {}), (["x", "y"], 1, {"x": 1}),
    (["x"], 1, {"z": 1}), (["x"], 1, {"x": Ref("x")}), (["self"], 1, {}), (["x"], [Ref("self.w")], {}),
])  # fmt: skip
def test_wrong_signatures_are_refused(inputs, outputs, defaults):
    with pytest.raises(DescriptionError):
        Program(inputs, [], outputs, defaults=defaults)


def test_what_cannot_be_held():
    with pytest.raises(TypeError, match="holds tensors and modules"):
        Program([], [], None, {"a": 1})
    for path in ("", "a..b", "training", "a.training", "_graph"):
        with pytest.raises(DescriptionError):
            Program([], [], None, {path: rt.ones(1)})
    with pytest.raises(TypeError, match="cannot hold a"):
        Program(["x"], [Step("relu", (np.ones(2),))], None).describe()


def spoilt(value):
    """Every variant of a JSON value with one part of it replaced by something of another kind."""
    for other in (None, 3, "word", [], [1], {}, {"ref": "x"}, {"ref": 3}, {"slice": [1]}, {"dict": [[1]]}):
        yield other
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for other in spoilt(value[key]):
                yield {**value, key: other}
    if isinstance(value, list):
        for i in range(len(value)):
            for other in spoilt(value[i]):
                yield [*value[:i], other, *value[i + 1 :]]


def test_spoilt_descriptions_are_refused_or_built():
    """Nothing but DescriptionError comes of a wrong description; a right one is a Program."""
    described = json.loads(json.dumps(plain().describe()))
    refused = 0
    for variant in spoilt(described):
        try:
            program = Program.from_description(variant)
            for name in ("inner", "twin"):
                program.add_module(name, plain().inner)
            program.register_buffer("table", rt.ones(2))
            program.recompile()
        except DescriptionError:
            refused += 1
    assert refused > 400
