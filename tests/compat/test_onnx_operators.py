"""ONNX's own test cases for each operator, run on Programs that rustorch.onnx.load makes of them."""

import functools
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import pytest

import rustorch as rt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from onnx.backend.test.case.node import collect_testcases

    CASES = {case.name: case for case in collect_testcases(None) if "_expanded" not in case.name}

# What is refused, by name, when a model is loaded.
REFUSED = {
    "Scan", "If", "Loop", "SequenceMap", "SequenceEmpty", "SequenceInsert", "SequenceLength", "SplitToSequence",
    "OptionalHasElement", "OptionalGetElement",
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
    "MatMulInteger", "BitCast", "DFT", "STFT", "MelWeightMatrix", "NonMaxSuppression", "RoiAlign", "DeformConv",
    "ImageDecoder", "StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch", "TfIdfVectorizer",
    "RandomUniformLike", "Bernoulli", "LinearAttention",
}  # fmt: skip
# The package's inliner has no types for the bodies of these operators.
UNTYPED = {"test_causal_conv_with_state_with_past_state", "test_causal_conv_with_state_silu_with_past_state"}
# Where ONNX Runtime and we agree with each other but not with the reference: it divides by a length that is no integer.
OTHERWISE = {"test_resize_downsample_scales_linear_align_corners", "test_resize_downsample_scales_cubic_align_corners"}
DRAWN = ("test_training_dropout",)


def tensor(value):
    array = np.asarray(onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value)
    if array.dtype.name == "bfloat16":
        return rt.from_numpy(array.view(np.int16).copy()).view(rt.bfloat16)
    return rt.from_numpy(np.array(array))


def numbers(value):
    array = np.asarray(onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value)
    return array.astype(np.float64) if array.dtype.kind == "V" or array.dtype.name == "bfloat16" else array


@functools.cache
def domains(case):
    return {node.domain for node in CASES[case].model.graph.node}


def dtypes(case):
    """Every element type that the case mentions."""
    graph = CASES[case].model.graph
    values = (*graph.input, *graph.output)
    return {v.type.tensor_type.elem_type if v.type.HasField("tensor_type") else 0 for v in values}


def runs(name):
    if name in UNTYPED or "local_window" in name or "bidirectional_window" in name:
        return False
    nodes = {node.op_type for node in CASES[name].model.graph.node}
    return not nodes & REFUSED and domains(name) == {""} and dtypes(name) <= {*range(1, 8), *range(9, 17)}


@pytest.mark.parametrize("name", [n for n in CASES if runs(n)])
def test_operator(name):
    case = CASES[name]
    program = rt.onnx.load(case.model)
    for inputs, outputs in case.data_sets:
        with rt.no_grad():
            got = program(*map(tensor, inputs))
        got = got if isinstance(got, tuple) else (got,)
        assert len(got) == len(outputs)
        for ours, theirs in zip(got, outputs, strict=True):
            expected = numbers(theirs)
            assert tuple(ours.shape) == expected.shape
            if name.startswith(DRAWN) and "zero_ratio" not in name:
                continue
            half = ours.dtype.itemsize == 2 and ours.is_floating_point()
            found = ours.to(rt.float64).numpy() if half else ours.numpy()
            # of 16 bits: one step of the dtype, as sums are rounded elsewhere
            rtol = max(case.rtol, {"float16": 2e-3, "bfloat16": 1.6e-2}.get(str(ours.dtype), 0))
            if name in OTHERWISE:
                assert not np.allclose(found, expected, rtol=rtol)
            else:
                assert half or found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=rtol, atol=max(case.atol, 1e-7))


DATA = Path(onnx.backend.test.__file__).parent / "data"
FILES = [p for kind in ("pytorch-converted", "pytorch-operator") for p in sorted((DATA / kind).glob("*/model.onnx"))]


def protos(folder, name):
    """Tensors in files name_0.pb, name_1.pb, ..."""
    found = []
    for k in range(len(list(folder.glob(f"{name}_*.pb")))):
        found.append(onnx.TensorProto())
        found[-1].ParseFromString((folder / f"{name}_{k}.pb").read_bytes())
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_files_of_older_versions(path):
    """Files that PyTorch wrote over the years; they lie in ONNX's package."""
    program = rt.onnx.load(path)
    for folder in path.parent.glob("test_data_set_*"):
        with rt.no_grad():
            got = program(*map(tensor, protos(folder, "input")[: len(program.graph.inputs)]))
        for ours, theirs in zip(got if isinstance(got, tuple) else (got,), protos(folder, "output"), strict=True):
            expected = numbers(theirs)
            assert ours.numpy().dtype == expected.dtype
            np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-3, atol=1e-5)


def test_most_cases_run():
    assert sum(map(runs, CASES)) > 900 and len(FILES) > 100


@pytest.mark.parametrize("name", [n for n in CASES if not runs(n)])
def test_refused(name):
    """What is not supported is refused by name, when the model is loaded."""
    with pytest.raises(NotImplementedError, match=r"rustorch\.onnx"):
        rt.onnx.load(CASES[name].model)
