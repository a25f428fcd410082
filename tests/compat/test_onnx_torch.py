"""ONNX files that PyTorch writes, by its exporter of traces and by torch.export, are read and compute the same."""

import io
import warnings

import numpy as np
import pytest
import torch
from compat.zoo import ZOO

import rustorch as rt

# Refused by name: nodes with bodies, which the exporter writes for these; and what the exporter itself refuses.
BODIES = {"GoogLeNet", "BagOfWords"}
NOT_WRITTEN = {"Discriminator", "MLPMixer", "SENet"}


def flat(value):
    if isinstance(value, (tuple, list)):
        return [t for item in value for t in flat(item)]
    return flat(list(value.values())) if isinstance(value, dict) else [] if value is None else [value]


def compare(theirs, content, inputs):
    program = rt.onnx.load(content)
    with torch.no_grad(), rt.no_grad():
        wanted, found = flat(theirs(*inputs)), flat(program(*map(rt.from_torch, inputs)))
    for w, f in zip(wanted, found, strict=True):
        np.testing.assert_allclose(f.numpy(), w.numpy(), rtol=1e-4, atol=1e-5)
    return program


@pytest.mark.parametrize("name", sorted(ZOO.keys() - NOT_WRITTEN))
def test_files_of_the_trace_exporter(name):
    build, draw = ZOO[name]
    torch.manual_seed(0)
    model, inputs, file = build().eval(), draw(3), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [f"input_{k}" for k in range(len(inputs))]
        torch.onnx.export(
            model, inputs, file, dynamo=False, opset_version=17, input_names=names,
            dynamic_axes={n: {0: "batch"} for n in names},
        )  # fmt: skip
    if name in BODIES:
        with pytest.raises(NotImplementedError, match=r"If|Loop|control flow"):
            rt.onnx.load(file.getvalue())
        return
    compare(model, file.getvalue(), inputs)
    compare(model, file.getvalue(), draw(5))


@pytest.mark.parametrize("name", ["MLP", "LeNet", "BiLSTMClassifier", "SENet"])
def test_files_of_torch_export(name):
    build, draw = ZOO[name]
    torch.manual_seed(0)
    model, inputs = build().eval(), draw(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = torch.onnx.export(model, inputs, dynamo=True, verbose=False).model_proto.SerializeToString()
    program = compare(model, content, inputs)
    own = dict(model.named_parameters())
    shared = [n for n, p in program.named_parameters() if n in own and tuple(p.shape) == tuple(own[n].shape)]
    assert shared


@pytest.mark.parametrize("opset", [11, 13, 15, 18, 20])
def test_versions(opset):
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.Hardswish(),
        torch.nn.MaxPool2d(2),
        torch.nn.Upsample(scale_factor=2, mode="bilinear"),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(256),
        torch.nn.GELU(),
        torch.nn.Linear(256, 5),
        torch.nn.Softmax(1),
    ).eval()
    inputs, file = (torch.randn(2, 3, 8, 8),), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, inputs, file, dynamo=False, opset_version=opset)
    compare(model, file.getvalue(), inputs)


def test_what_was_read_can_be_trained_saved_and_written_again(tmp_path):
    model, x = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)), torch.randn(16, 4)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), file, dynamo=False)
    program = rt.onnx.load(file.getvalue())
    assert [n for n, _ in program.named_parameters()] == [n for n, _ in model.named_parameters()]
    optimizer = rt.optim.SGD(program.parameters(), lr=0.1)
    theirs = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        loss = program(rt.from_torch(x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        theirs.zero_grad()
        model(x).square().mean().backward()
        theirs.step()
    for (_, ours), (_, other) in zip(program.named_parameters(), model.named_parameters(), strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), other.detach().numpy(), rtol=1e-4, atol=1e-6)
    program.save(tmp_path / "model.rustorch")
    again = rt.load(tmp_path / "model.rustorch")
    twice = rt.onnx.load(rt.onnx.export(again, rt.from_torch(x)))
    with torch.no_grad():
        np.testing.assert_allclose(twice(rt.from_torch(x)).detach().numpy(), model(x).numpy(), rtol=1e-4, atol=1e-5)


def test_what_was_read_goes_to_pytorch():
    model = rt.nn.Sequential(
        rt.nn.Conv2d(1, 4, 3, padding=1), rt.nn.ReLU(), rt.nn.Flatten(), rt.nn.Linear(64, 2), rt.nn.Softmax(-1)
    )
    program = rt.onnx.load(rt.onnx.export(model, rt.randn(2, 1, 4, 4)))
    assert not any(step.target.startswith("onnx.") for step in program.graph.steps)
    x = torch.randn(3, 1, 4, 4)
    back = rt.interop.to_pytorch(program)
    wanted = model(rt.from_torch(x)).detach().numpy()
    np.testing.assert_allclose(back(x).detach().numpy(), wanted, rtol=1e-5, atol=1e-6)
