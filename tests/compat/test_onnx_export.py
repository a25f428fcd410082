"""Modules written as ONNX: checked by onnx, run by ONNX Runtime on several batch sizes, and read again."""

import io
import math
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from compat.zoo import ZOO
from onnx.reference import ReferenceEvaluator

import rustorch as rt
from rustorch import nn
from rustorch.nn import functional as F

onnxruntime.set_default_logger_severity(4)


def tensors(value):
    if isinstance(value, (tuple, list)):
        return [t for item in value for t in tensors(item)]
    if isinstance(value, dict):
        return tensors(list(value.values()))
    return [] if value is None else [value]


def array(t):
    return t.detach().numpy()


def runtime(proto):
    """A function that runs the model on arrays; in Python where ONNX Runtime lacks a kernel for a dtype."""
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString())
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        session = ReferenceEvaluator(proto)
        names = session.input_names
    else:
        names = [i.name for i in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def check(model, *args, batches=(1, 2, 5), rtol=1e-5, atol=1e-5, **options):
    """Exports, and compares ONNX Runtime and the model read back with the model."""
    proto = rt.onnx.export(model, args, **options)
    if isinstance(model, nn.Module):
        model.eval()
    run, again = runtime(proto), rt.onnx.load(proto)
    for batch in batches:
        inputs = [rt.cat([x] * batch)[:batch] if x.ndim else x for x in args]
        with rt.no_grad():
            wanted, read = tensors(model(*inputs)), tensors(again(*inputs))
        found = run([array(x) for x in inputs])
        assert len(wanted) == len(found) == len(read)
        for w, f, r in zip(wanted, found, read, strict=True):
            assert f.dtype == array(w).dtype and f.shape == tuple(w.shape)
            np.testing.assert_allclose(f, array(w), rtol=rtol, atol=atol)
            np.testing.assert_allclose(array(r), array(w), rtol=rtol, atol=atol)
    return proto


class Of(nn.Module):
    """A module of a function and the modules it uses."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *args):
        return self.function(self, *args)


@pytest.fixture(autouse=True)
def seeded():
    rt.manual_seed(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="export:")  # sizes that were fixed though nobody asked
        yield


IMAGE, SEQUENCE, WORDS = (2, 3, 8, 8), (2, 6, 8), (2, 6)


def images(dtype="float32"):
    return rt.randn(*IMAGE).to(getattr(rt, dtype))


def words():
    return rt.randint(0, 10, WORDS)


LAYERS = {
    "perceptron": lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 3), nn.Softmax(-1)),
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16, 2),
    ),
    "transposed": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1, groups=3), nn.ConvTranspose2d(6, 4, 3, 2, 1, 1), nn.InstanceNorm2d(4, affine=True),
        nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(2), nn.AdaptiveAvgPool2d(1),
    ),
    "padding": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding="same"), nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), nn.ReplicationPad2d(1), nn.ZeroPad2d((1, 2, 0, 1)),
    ),
    "upsampling": lambda: nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample((20, 20), mode="bicubic"),
        nn.Upsample((7, 9), mode="nearest"), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    ),
    "pools": lambda: nn.Sequential(
        nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.MaxPool2d(3, 1, 1),
        nn.AdaptiveAvgPool2d(3), nn.AdaptiveMaxPool2d(1),
    ),
    "shuffled": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.PixelShuffle(2), nn.Unfold(3, padding=1, stride=2)),
    "folded": lambda: nn.Sequential(nn.Unfold(2, stride=2), nn.Fold((8, 8), 2, stride=2)),
    "local response": lambda: nn.LocalResponseNorm(2),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    check(LAYERS[name](), rt.randn(2, 8) if name == "perceptron" else images())


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.ELU(0.5), nn.SELU(), nn.CELU(2.0), nn.GELU(), nn.GELU("tanh"),
    nn.SiLU(),
    nn.Mish(), nn.Softplus(), nn.Softplus(2, 5), nn.Softsign(), nn.Hardtanh(-0.5, 0.7), nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.LogSigmoid(), nn.Tanhshrink(), nn.Softshrink(), nn.Hardshrink(), nn.Threshold(0.1, 2), nn.PReLU(), nn.PReLU(3),
    nn.GLU(), nn.Sigmoid(), nn.Tanh(), nn.Softmin(-1), nn.LogSoftmax(1), nn.Softmax2d(), nn.RReLU(),
]  # fmt: skip


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: repr(layer))
def test_activations(layer):
    check(layer, images() * 3)


@pytest.mark.parametrize(
    ("make", "node"),
    [
        (lambda: nn.LSTM(8, 4, 2, batch_first=True), "LSTM"),
        (lambda: nn.LSTM(8, 4, bidirectional=True, batch_first=True), "LSTM"),
        (lambda: nn.GRU(8, 4, batch_first=True), "GRU"),
        (lambda: nn.RNN(8, 4, batch_first=True, nonlinearity="relu"), "RNN"),
        (lambda: nn.LSTM(8, 4, bias=False, batch_first=True), "LSTM"),
    ],
)
def test_recurrent_layers_are_recurrent_nodes(make, node):
    proto = check(make(), rt.randn(*SEQUENCE))
    assert node in {n.op_type for n in proto.graph.node}


def causal(module, x):
    batch, length, width = x.shape
    q, k, v = module.qkv(x).view(batch, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
    scores = (q @ k.transpose(-2, -1)) / math.sqrt(width)
    scores = scores.masked_fill(rt.tril(rt.ones(length, length)) == 0, float("-inf"))
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)


def steps(module, x):
    h, seen = rt.zeros(x.shape[0], 4), []
    for t in range(x.shape[1]):
        h = module.cell(x[:, t], h)
        seen.append(h)
    return rt.stack(seen, 1), h


def in_place(module, x):
    y = rt.zeros(x.shape[0], 3, 8)
    for k in range(3):
        y[:, k] = x[:, k] * 2
    top = y[:, 0]
    y += 1
    top *= 3
    y[y > 2] = 2
    y[:, [0, 2], 1] = x[:, :2, 0]
    return y, top.clamp_(max=1)


SEQUENCES = {
    "encoder": Of(
        lambda m, x: m.part(x), part=nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    ),
    "decoder": Of(
        lambda m, x: m.part(x, x[:, :4]), part=nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    ),
    "attention": Of(lambda m, x: m.part(x, x, x), part=nn.MultiheadAttention(8, 2, batch_first=True)),
    "causal": Of(causal, qkv=nn.Linear(8, 24)),
    "sdpa": Of(lambda m, x: F.scaled_dot_product_attention(x, x, x, is_causal=True)),
    "sdpa mask": Of(lambda m, x: F.scaled_dot_product_attention(x, x, x, rt.ones(6, 6).tril().bool())),
    "class token": Of(
        lambda m, x: rt.cat([m.token.expand(x.shape[0], -1, -1), x], 1), token=nn.Parameter(rt.randn(1, 1, 8))
    ),
    "cell": Of(steps, cell=nn.GRUCell(8, 4)),
    "in place": Of(in_place),
    "last": Of(lambda m, x: x[:, -1]),
    "norms": nn.Sequential(nn.LayerNorm(8), nn.RMSNorm(8), nn.LayerNorm((6, 8), elementwise_affine=False)),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name):
    check(SEQUENCES[name], rt.randn(*SEQUENCE))


def test_embedding_with_positions():
    model = Of(
        lambda m, i: m.words(i) + m.places[: i.shape[1]],
        words=nn.Embedding(10, 8),
        places=nn.Parameter(rt.randn(12, 8)),
    )
    check(model, words())


FUNCTIONS = {
    "means": lambda x: (x.mean((2, 3)), x.std(1), x.var((1, 2), unbiased=False), x.flatten(1).mean(1)),
    "extremes": lambda x: (*x.max(1), x.argmax(-1), x.amax((1, 2)), x.amin(1, keepdim=True)),
    "norms": lambda x: (x.norm(dim=1), x.logsumexp(1), x.prod(1), F.normalize(x, dim=1), x.abs().sum(3)),
    "order": lambda x: (*x.topk(2, 1), *x.sort(1, descending=True), x.cumsum(2), x.argsort(1)),
    "logic": lambda x: ((x > 0).any(1), (x > 0).all(1), (x > 0).sum(1), x == 0, (x > 0) & (x < 1), ~(x > 0)),
    "choices": lambda x: (rt.where(x > 0, x, 0.0), x.clamp(-0.5, 0.5), x.clamp(min=0), x.masked_fill(x > 0, -1.0)),
    "powers": lambda x: (x**2, x.abs() ** 0.5, 2**x, x / 2, 1 / (x.abs() + 5), x // 2, x % 2, rt.fmod(x, 2)),
    "integers": lambda x: (x.long() * 2 + 1, x.long() // 2, x.long() % 3, x.long() & 3, (x > 0).float(), x.double()),
    "products": lambda x: (x @ x.mT, rt.einsum("bchw,bdhw->bcd", x, x), rt.cdist(x[:, 0], x[:, 1])),
    "parts": lambda x: (*x.chunk(3, 1), *x.unbind(1), *x.split([1, 2], 1), x[:, 1:, ::2, -1], x[..., None, 0]),
    "turned": lambda x: (x.flip(2), x.roll(1, 2), x.movedim(1, -1).flatten(-2), x.diagonal(dim1=2, dim2=3), x.T),
    "repeated": lambda x: (
        x.repeat(1, 2, 1, 1),
        x.repeat_interleave(2, 1),
        x[:, :1].expand(-1, 3, -1, -1),
        x.unfold(2, 3, 2),
    ),
    "padded": lambda x: (
        F.pad(x, (1, 2)),
        F.pad(x, (1, 1, 1, 1), "reflect"),
        F.pad(x, (1, 1), value=3.0),
        F.pad(x, (-1, 1)),
    ),
    "picked": lambda x: (
        x.gather(1, x.argmax(1, keepdim=True)),
        x[:, [0, 2]],
        x[:, rt.tensor([0, 1]), :, rt.tensor([3, 4])],
    ),
    "placed": lambda x: (
        rt.zeros_like(x).scatter_(1, x.argmax(1, keepdim=True), 1.0).index_add(1, rt.tensor([0]), x[:, :1])
    ),
    "classes": lambda x: F.one_hot(x.argmax(1), 3),
    "sizes": lambda x: (
        x * x.shape[0],
        x / x.shape[0] ** 0.5,
        x.view(x.size(0), -1),
        x + rt.arange(len(x)).view(-1, 1, 1, 1),
    ),
    "batches": lambda x: x.reshape(x.shape[0] * x.shape[1], -1).reshape(x.shape[0], -1) + x.sum() / len(x),
    "triangles": lambda x: (x.tril(), x.triu(1)),
    "grid": lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1).tanh(), align_corners=False),
    "places": lambda x: F.max_pool2d(x, 2, return_indices=True),
    "loss": lambda x: F.mse_loss(x, x * 2, reduction="none"),
    "loss by parts": lambda x: F.smooth_l1_loss(x, x * 3, beta=0.5)
    + F.huber_loss(x, x * 3, delta=0.5, reduction="sum"),
    "loss of likelihoods": lambda x: F.binary_cross_entropy_with_logits(x, x.sigmoid())
    + F.binary_cross_entropy(x.sigmoid(), (2 * x).sigmoid()) + F.l1_loss(x, 2 * x),
    "functions": lambda x: (
        x.erf(),
        x.expm1(),
        x.abs().log1p(),
        x.sin(),
        x.atan(),
        x.floor(),
        x.round(),
        x.sign(),
        x.trunc(),
    ),
    "numpy": lambda x: np.sin(x) + np.mean(x, axis=1, keepdims=True),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    function = FUNCTIONS[name]
    check(Of(lambda m, x: function(x)), images())


def test_every_elementwise_row_of_one_input_that_is_written():
    """Rows without an operator in ONNX are written as their own expression."""
    written = []
    for row in rt._C.op_table():
        if row["family"] != "elementwise" or row["nin"] != 1 or row["logic"] or not row["domain"]:
            continue
        function = rt._C.ops[row["name"]]
        low, high = map(float, row["domain"].split())
        x = rt.linspace(low, high, 24, dtype=rt.float64).reshape(4, 6)
        if row["class"] in ("INT", "INTNUM", "BOOL", "COMPLEX") or not rt.is_tensor(function(x)):
            continue
        try:
            proto = rt.onnx.export(lambda x, f=function: f(x), x)
        except NotImplementedError as error:
            assert row["name"] in str(error)
            continue
        expected = array(function(x))
        if expected.dtype.kind == "c":
            continue
        found = runtime(proto)([array(x)])[0]
        # ONNX Runtime's own Erf is within 1e-7
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7, err_msg=row["name"])
        written.append(row["name"])
    assert len(written) > 50


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name):
    import torch

    torch.manual_seed(0)
    build, draw = ZOO[name]
    theirs = build().eval()
    ours = rt.interop.from_pytorch(theirs).eval()
    proto = rt.onnx.export(ours, tuple(map(rt.from_torch, draw(3))))
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    run, again = runtime(proto), rt.onnx.load(proto)
    for batch in (1, 3, 5):
        inputs = draw(batch)
        with torch.no_grad(), rt.no_grad():
            wanted, read = tensors(theirs(*inputs)), tensors(again(*map(rt.from_torch, inputs)))
        for w, f, r in zip(wanted, run([x.numpy() for x in inputs]), read, strict=True):
            np.testing.assert_allclose(f, w.numpy(), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(array(r), w.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "axes"),
    [("LSTMTagger", [1]), ("TransformerTranslator", [1]), ("GPT", [1]), ("Llama", [1]), ("TCN", [2]), ("UNet", [2, 3]),
     ("SENet", [2, 3]), ("MobileNetV2", [2, 3])],
)  # fmt: skip
def test_zoo_of_other_lengths(name, axes):
    import torch

    torch.manual_seed(0)
    build, draw = ZOO[name]
    theirs = build().eval()
    ours = rt.interop.from_pytorch(theirs).eval()
    names = [f"input_{k}" for k in range(len(draw(1)))]
    varying = {n: {0: "batch", **{a: f"{n}_{a}" for a in axes}} for n in names}
    example = tuple(map(rt.from_torch, draw(3)))
    run = runtime(rt.onnx.export(ours, example, input_names=names, dynamic_axes=varying))
    for change in (lambda n: n - 1, lambda n: n, lambda n: n - 3):
        inputs = draw(2)
        for axis in axes:
            inputs = [x.narrow(axis, 0, max(change(x.shape[axis]), 1)) for x in inputs]
        with torch.no_grad():
            wanted = tensors(theirs(*inputs))
        for w, f in zip(wanted, run([x.numpy() for x in inputs]), strict=True):
            np.testing.assert_allclose(f, w.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("opset", [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
def test_opsets(opset):
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.GELU(), nn.Upsample(scale_factor=2), nn.Mish(), nn.Hardswish(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 4),
        Of(lambda m, x: x.amax(1) + x.var(1) + x.sum(1)),
    )  # fmt: skip
    proto = check(model, images(), opset_version=opset)
    assert proto.opset_import[0].version == opset


@pytest.mark.parametrize("name", ["perceptron", "padding", "local response", "pools"])
def test_float64(name):
    model = LAYERS[name]().double()
    check(model, rt.randn(2, 8).double() if name == "perceptron" else images("float64"), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "layer", [nn.CELU(0.5), nn.Softplus(), nn.Hardswish(), nn.SELU(), nn.GroupNorm(3, 3), nn.GroupNorm(1, 3)], ids=repr
)
def test_layers_of_float64_that_onnx_defines_for_float32_only(layer):
    check(layer.double(), images("float64"), rtol=1e-6, atol=1e-6)


def test_float16_and_bfloat16_are_kept():
    for dtype, number in ((rt.float16, 10), (rt.bfloat16, 16)):
        proto = rt.onnx.export(nn.Linear(4, 2).to(dtype), rt.ones(1, 4).to(dtype))
        assert {t.data_type for t in proto.graph.initializer} == {number}
        assert str(rt.onnx.load(proto)(rt.ones(3, 4).to(dtype)).dtype) == str(dtype)


# ---- names, files, sizes


def test_names_of_weights_nodes_and_values():
    model = nn.Sequential()
    model.add_module("stem", nn.Linear(4, 3))
    model.add_module("head", nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    proto = rt.onnx.export(
        model, rt.ones(1, 4), input_names=["features"], output_names=["score"], metadata={"author": "me"}, doc="A test."
    )
    assert [t.name for t in proto.graph.initializer] == list(model.state_dict())
    assert [n.name for n in proto.graph.node] == ["/stem/Gemm", "/head/0/Relu", "/head/1/Gemm"]
    assert (proto.graph.input[0].name, proto.graph.output[0].name) == ("features", "score")
    assert proto.doc_string == "A test." and {p.key: p.value for p in proto.metadata_props} == {"author": "me"}
    assert proto.producer_name == "rustorch"
    assert all(value.type.tensor_type.shape.dim for value in proto.graph.value_info)
    assert list(rt.onnx.load(proto).state_dict()) == list(model.state_dict())


def test_forwards_own_names_and_a_dictionary_of_outputs():
    class Two(nn.Module):
        def forward(self, left, right):
            return {"sum": left + right, "product": left * right}

    proto = rt.onnx.export(Two(), (rt.ones(2, 3), rt.ones(2, 3)))
    assert [i.name for i in proto.graph.input] == ["left", "right"]
    assert [o.name for o in proto.graph.output] == ["sum", "product"]


def test_an_output_that_is_an_input_or_a_weight():
    class Through(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(rt.ones(3))

        def forward(self, x):
            y = x + 1
            return x, self.weight, y, y

    check(Through(), rt.ones(2, 3))


def test_files(tmp_path):
    model, x = nn.Linear(4, 2), rt.randn(3, 4)
    path = tmp_path / "model.onnx"
    assert rt.onnx.export(model, x, path) is None
    buffer = io.BytesIO()
    rt.onnx.export(model, x, buffer)
    model.export_onnx(tmp_path / "method.onnx", x)
    for source in (path, str(path), buffer.getvalue(), tmp_path / "method.onnx"):
        assert rt.allclose(rt.onnx.load(source)(x), model(x))
    with open(path, "rb") as file:
        assert rt.allclose(rt.onnx.load(file)(x), model(x))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["method.onnx", "model.onnx"]


def test_external_data_is_read_where_it_lies(tmp_path):
    model, x = nn.Linear(300, 200), rt.randn(3, 300)
    path = tmp_path / "model.onnx"
    rt.onnx.export(model, x, path, external_data=True)
    assert (tmp_path / "model.onnx.data").stat().st_size >= 240_000 > path.stat().st_size
    onnx.checker.check_model(str(path), full_check=True)
    found = onnxruntime.InferenceSession(str(path)).run(None, {"input": array(x)})[0]
    np.testing.assert_allclose(found, array(model(x)), rtol=1e-5, atol=1e-5)
    again = rt.onnx.load(path)
    assert rt.allclose(again(x), model(x))
    before = (tmp_path / "model.onnx.data").read_bytes()
    with rt.no_grad():
        again.weight += 1  # a page of our own; the file stays as it is
    assert (tmp_path / "model.onnx.data").read_bytes() == before
    with pytest.raises(ValueError, match="path"):
        rt.onnx.export(model, x, external_data=True)


def test_weights_above_the_limit_of_a_message(tmp_path, monkeypatch):
    monkeypatch.setattr("rustorch.onnx._writer._LIMIT", 100)
    model, x = nn.Sequential(nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 2)), rt.randn(3, 30)
    path = tmp_path / "large.onnx"
    rt.onnx.export(model, x, path)
    assert path.stat().st_size < 2000 and (tmp_path / "large.onnx.data").exists()
    found = onnxruntime.InferenceSession(str(path)).run(None, {"input": array(x)})[0]
    np.testing.assert_allclose(found, array(model(x)), atol=1e-5)
    assert rt.allclose(rt.onnx.load(path)(x), model(x))
    with pytest.raises(ValueError, match="path"):
        rt.onnx.export(model, x)


def test_axes_that_vary():
    model = Of(causal, qkv=nn.Linear(8, 24))
    proto = rt.onnx.export(model, rt.randn(2, 6, 8), input_names=["x"], dynamic_axes={"x": {0: "batch", 1: "time"}})
    run = runtime(proto)
    for batch, length in ((1, 6), (3, 1), (2, 11)):
        x = rt.randn(batch, length, 8)
        np.testing.assert_allclose(run([array(x)])[0], array(model(x)), rtol=1e-5, atol=1e-5)
    dims = proto.graph.output[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", "time", 8]


def test_images_of_any_size():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
    )
    proto = rt.onnx.export(model, images(), input_names=["x"], dynamic_axes={"x": [0, 2, 3]})
    run = runtime(proto)
    for shape in ((1, 3, 8, 8), (2, 3, 12, 7)):
        x = rt.randn(*shape)
        np.testing.assert_allclose(run([array(x)])[0], array(model(x)), rtol=1e-5, atol=1e-5)


def test_sizes_can_be_fixed():
    proto = rt.onnx.export(nn.Linear(4, 2), rt.ones(3, 4), dynamic_axes={})
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 3
    proto = rt.onnx.export(nn.Linear(4, 2), rt.ones(3, 4), dynamic_shapes=({0: "n"},))
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"


def test_a_batch_that_cannot_vary_is_fixed_with_a_warning():
    class Fixed(nn.Module):
        def forward(self, x):
            return x.reshape(2, 12)

    with pytest.warns(UserWarning, match="fixed"):
        proto = rt.onnx.export(Fixed(), rt.ones(2, 3, 4))
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    with pytest.raises((NotImplementedError, ValueError)):
        rt.onnx.export(Fixed(), rt.ones(2, 3, 4), dynamic_axes={"x": {0: "batch"}})


def test_lengths_that_depend_on_values():
    def chosen(x):
        return x[x > 0] * 2, (x[:, 0] > 0).nonzero(), x.masked_select(x > 0.5).sum()

    run = runtime(rt.onnx.export(chosen, rt.randn(3, 4)))
    for n in (1, 6):
        x = rt.randn(n, 4)
        for found, wanted in zip(run([array(x)]), chosen(x), strict=True):
            np.testing.assert_allclose(found, array(wanted), rtol=1e-5)
    with pytest.raises(NotImplementedError, match="values"):
        rt.onnx.export(lambda x: x[x > 0].repeat(2), rt.randn(3, 4))


def test_parameters_only_are_folded_or_not():
    model = Of(lambda m, x: x * (m.scale.exp() + 1), scale=nn.Parameter(rt.ones(3)))
    assert [n.op_type for n in rt.onnx.export(model, rt.ones(2, 3)).graph.node if n.op_type != "Constant"] == ["Mul"]
    proto = rt.onnx.export(model, rt.ones(2, 3), do_constant_folding=False)
    assert [n.op_type for n in proto.graph.node if n.op_type != "Constant"] == ["Exp", "Add", "Mul"]


def test_modes():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kinds = [n.op_type for n in rt.onnx.export(model, rt.randn(4, 4)).graph.node]
    assert kinds == ["Gemm", "BatchNormalization"]
    assert model.training and model[2].training
    trained = [n.op_type for n in rt.onnx.export(model, rt.randn(4, 4), training=True).graph.node]
    assert "Dropout" in trained and "BatchNormalization" not in trained
    assert all(rt.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_example_is_left_as_it_was():
    x = rt.randn(2, 3)
    before = x.clone()
    rt.onnx.export(lambda x: x.mul_(2), x)
    assert rt.equal(x, before)


def test_verify():
    rt.onnx.export(nn.Linear(3, 2), rt.randn(2, 3), verify=True)


# ---- what is refused


def test_unsupported_names_the_op_and_the_module():
    class Solver(nn.Module):
        def forward(self, x):
            return rt.linalg.solve(x @ x.mT + rt.eye(3), x)

    with pytest.raises(NotImplementedError, match=r"linalg_solve.*'1'.*Solver"):
        rt.onnx.export(nn.Sequential(nn.Identity(), Solver()), rt.randn(2, 3, 3))
    with pytest.raises(NotImplementedError, match="fft"):
        rt.onnx.export(lambda x: rt.fft.fft(x).abs(), rt.randn(2, 4))


def test_values_are_not_frozen():
    with pytest.raises(NotImplementedError, match="mul"):
        rt.onnx.export(lambda x: x * x.sum().item(), rt.randn(2, 3))
    with pytest.raises(NotImplementedError, match="inputs"):
        rt.onnx.export(lambda x: x + 1 if x.max() > 0.9 else x, rt.ones(2, 3))
    with pytest.raises(NotImplementedError, match="made in forward"):
        rt.onnx.export(lambda x: x + rt.tensor(x.numpy() * 2), rt.randn(2, 3))


def test_added_ops_are_what_they_are_composed_of():
    cubed = rt.plugins.register("onnx_test_cubed", lambda x: x * x * x, gradient="3 * g * x * x")
    proto = check(Of(lambda m, x: cubed(x) + 1), rt.randn(2, 3))
    assert [n.op_type for n in proto.graph.node if n.op_type != "Constant"] == ["Mul", "Mul", "Add"]


def test_random_numbers_are_not_frozen():
    with pytest.raises(NotImplementedError, match="random"):
        rt.onnx.export(lambda x: x + rt.randn(3), rt.ones(2, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset_version": 7}, "opset_version"),
        ({"opset_version": 999}, "opset_version"),
        ({"dynamic_axes": {"y": {0: "n"}}}, "inputs are"),
        ({"dynamic_axes": {"input": {5: "n"}}}, "dimensions"),
        ({"input_names": ["a", "b"]}, "input_names"),
        ({"output_names": ["a", "b"]}, "output_names"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        rt.onnx.export(nn.Linear(3, 2), rt.ones(2, 3), **options)


def test_wrong_calls():
    with pytest.raises(ValueError, match="example"):
        rt.onnx.export(nn.Linear(3, 2))
    with pytest.raises(TypeError, match="nonsense"):
        rt.onnx.export(nn.Linear(3, 2), rt.ones(2, 3), nonsense=1)
