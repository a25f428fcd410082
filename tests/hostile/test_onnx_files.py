"""Files and models that are wrong, or mean harm, given to rustorch.onnx.load: a clear error, and nothing else."""

import random

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import rustorch as rt
from rustorch import nn

FLOAT = TensorProto.FLOAT


def value(name, shape=(2,), kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, weights=(), inputs=("x",), outputs=("y",), opset=18, **options):
    graph = helper.make_graph(nodes, "g", [value(n) for n in inputs], [value(n) for n in outputs], list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options)


def node(kind, *names, **attributes):
    return helper.make_node(kind, names[:-1], names[-1:], name="this", **attributes)


def refused(source, message, error=ValueError):
    with pytest.raises(error, match=message) as caught:
        rt.onnx.load(source)
    assert "rustorch" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"ONNX", b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04" + b"x" * 50])
def test_bytes_that_are_no_model(content, tmp_path):
    refused(content, "ONNX|valid")
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, "ONNX|valid")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        rt.onnx.load(tmp_path / "none.onnx")
    with pytest.raises(TypeError, match="path"):
        rt.onnx.load(3)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Relu", "z", "y"), node("Relu", "y", "z")], "z"),  # a circle
        ([node("Relu", "z", "y"), node("Relu", "x", "z")], "z"),  # out of order
        ([node("Relu", "missing", "y")], "missing"),
        ([node("Relu", "x", "y"), node("Abs", "x", "y")], "y"),  # twice
        ([node("Relu", "x", "z")], "y"),  # no output
        ([node("Relu", "x", "x", "y")], "Relu"),  # too many inputs
        ([node("Relu", "x", "y", alpha=1.0)], "alpha"),  # an attribute it does not have
        ([node("Gemm", "x", "x", "y", transA="yes")], "transA"),  # of a wrong type
    ],
)
def test_graphs_that_are_wrong(nodes, message):
    refused(model(nodes), message)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (node("Nonsense", "x", "y"), "Nonsense"),
        (helper.make_node("Relu", ["x"], ["y"], domain="com.example"), "com.example"),
        (node("QuantizeLinear", "x", "x", "y"), "QuantizeLinear"),
    ],
)
def test_operators_that_are_not_supported_are_named(made, message):
    broken = model([made])
    broken.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises((ValueError, NotImplementedError), match=message):
        rt.onnx.load(broken)


def test_control_flow_is_refused_by_name():
    branch = helper.make_graph([node("Relu", "x", "z")], "branch", [], [value("z")])
    made = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=branch, else_branch=branch)
    weights = [helper.make_tensor("c", TensorProto.BOOL, [], [True])]
    refused(model([made], weights), "choice.*If", NotImplementedError)


def raw(dims, content, kind=FLOAT, name="w"):
    proto = TensorProto()
    proto.name, proto.data_type, proto.raw_data = name, kind, content
    proto.dims.extend(dims)
    return proto


@pytest.mark.parametrize(
    "weight",
    [
        raw([4], b"\0" * 8),
        raw([1], b"\0" * 8),
        raw([-1], b"\0" * 4),
        raw([2**40, 2**40], b"\0" * 4),
        raw([2**62], b""),
        raw([2], b"\0" * 3),
        raw([2], b"", FLOAT),
        raw([2], b"\0" * 8, 99),
    ],
    ids=str,
)
def test_weights_whose_size_is_not_what_they_say(weight):
    with pytest.raises((ValueError, NotImplementedError), match="rustorch"):
        rt.onnx.load(model([node("Add", "x", "w", "y")], [weight]))


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.INT4, TensorProto.FLOAT8E4M3FN])
def test_types_that_tensors_cannot_have(kind):
    graph = helper.make_graph([node("Identity", "x", "y")], "g", [value("x", (2,), kind)], [value("y", (2,), kind)])
    refused(helper.make_model(graph, ir_version=10), "not supported", NotImplementedError)


def external(path, location, **facts):
    weight = raw([2], b"")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, text in {"location": location, **facts}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, str(text)
    path.write_bytes(model([node("Add", "x", "w", "y")], [weight]).SerializeToString())


def test_external_data_stays_in_the_folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(2, np.float32).tobytes())
    (folder / "link").symlink_to(secret)
    (folder / "inside").mkdir()
    path = folder / "model.onnx"
    for location in ("../secret", str(secret), "link", "none", "", ".", "inside", "inside/../../secret"):
        external(path, location)
        with pytest.raises((ValueError, FileNotFoundError)):
            rt.onnx.load(path)


@pytest.mark.parametrize(
    "facts",
    [
        {"offset": 4},
        {"offset": -4},
        {"length": 4},
        {"length": 10**15},
        {"offset": 10**18},
        {"offset": "x"},
        {"length": "-8"},
    ],
    ids=str,
)
def test_external_data_of_a_wrong_size(tmp_path, facts):
    (tmp_path / "data").write_bytes(np.ones(2, np.float32).tobytes())
    path = tmp_path / "model.onnx"
    external(path, "data", **facts)
    with pytest.raises(ValueError, match="rustorch"):
        rt.onnx.load(path)


def test_external_data_needs_a_path(tmp_path):
    (tmp_path / "data").write_bytes(np.ones(2, np.float32).tobytes())
    path = tmp_path / "model.onnx"
    external(path, "data")
    assert rt.onnx.load(path)(rt.ones(2)).tolist() == [2.0, 2.0]
    refused(path.read_bytes(), "path")


def test_names_that_are_no_names():
    """Names of values and weights may be any text; none is run, and none replaces what a Program has."""
    names = [
        "forward",
        "__class__",
        "a.b",
        "a",
        "import os",
        "1",
        "é",
        "self",
        "class",
        "_graph",
        "a..b",
        ".",
        "training",
    ]
    nodes, weights, last = [], [], "x"
    for k, name in enumerate(names):
        weights.append(numpy_helper.from_array(np.ones(2, np.float32), name))
        nodes.append(helper.make_node("Add", [last, name], [f"{name}();v{k}"]))
        last = f"{name}();v{k}"
    nodes.append(helper.make_node("Relu", [last], ["y"]))
    program = rt.onnx.load(model(nodes, weights))
    assert program(rt.zeros(2)).tolist() == [13.0, 13.0]
    assert len(list(program.parameters())) == len(names)


def test_shapes_that_do_not_fit_fail_when_they_are_run():
    program = rt.onnx.load(model([node("Reshape", "x", "s", "y")], [numpy_helper.from_array(np.array([7, 7]), "s")]))
    with pytest.raises(ValueError):
        program(rt.ones(2))


def test_a_constant_larger_than_memory_is_an_error():
    shape = numpy_helper.from_array(np.array([2**40, 2**20], np.int64), "s")
    program = rt.onnx.load(model([node("ConstantOfShape", "s", "y")], [shape]))
    with pytest.raises((MemoryError, ValueError, OverflowError)):
        program(rt.ones(2))


def test_a_function_that_calls_itself():
    call = helper.make_node("F", ["x"], ["y"], domain="own")
    own = helper.make_opsetid("own", 1)
    function = helper.make_function("own", "F", ["x"], ["y"], [call], [helper.make_opsetid("", 18), own])
    broken = model([call], functions=[function])
    broken.opset_import.append(own)
    with pytest.raises((ValueError, NotImplementedError), match="rustorch"):
        rt.onnx.load(broken)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes(seed):
    """A damaged model is refused or, when nobody can tell, loaded; nothing else happens."""
    draw = random.Random(seed)
    good = rt.onnx.export(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)), rt.ones(1, 1, 6, 6)
    )
    content = good.SerializeToString()
    for _ in range(60):
        bad = bytearray(content)
        for _ in range(draw.randrange(1, 4)):
            bad[draw.randrange(len(bad))] = draw.randrange(256)
        try:
            rt.onnx.load(bytes(bad[: draw.choice([len(bad), draw.randrange(len(bad))])]))
        except (ValueError, NotImplementedError) as error:
            assert "rustorch" in str(error), error


def test_the_error_is_ours():
    with pytest.raises(rt.onnx.OnnxError) as caught:
        rt.onnx.load(b"nothing")
    assert isinstance(caught.value, rt.RusTorchError) and isinstance(caught.value, ValueError)
