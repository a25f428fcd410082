"""Graphs of models and gradients: the right edges and shapes, models left as they were, drawings that can be read."""
import re

import matplotlib.style
import numpy as np
import pytest
from compat.pictures import check
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

import rustorch as rt
from rustorch import nn
from rustorch.visualization._layout import place

viz = rt.visualization
TIMES = "\u00d7"


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.down = nn.Conv2d(channels_in, channels, 1, stride) if stride > 1 else None

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        blocks = [Block(8, 8) for _ in range(4)] + [Block(8, 16, 2)] + [Block(16, 16) for _ in range(4)]
        self.layers = nn.Sequential(*blocks)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.layers(self.stem(x)).mean((2, 3)))


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.pool, self.deep = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = self.down(x)
        return self.out(rt.cat([self.up(self.deep(self.pool(a))), a], 1))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(100, 16)
        self.places = nn.Parameter(rt.zeros(1, 10, 16))
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2)
        self.lstm = nn.LSTM(16, 8, 2, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        out, (state, _) = self.lstm(self.encoder(self.words(x) + self.places))
        return {"scores": self.head(out.mean(1)), "state": state}


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(3, 3)

    def forward(self, a, b, scale=None):
        return self.shared(a) * self.shared(b) * (1 if scale is None else scale)


MODELS = {
    "layers": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Dropout()), (2, 4, 4)),
    "one": (lambda: nn.Linear(3, 2), rt.ones(2, 3)),
    "residual": (ResNet, rt.randn(1, 3, 16, 16)),
    "U": (Unet, rt.randn(1, 1, 8, 8)),
    "words": (Words, rt.zeros(2, 10, dtype=rt.int64)),
    "two inputs": (Two, (rt.ones(2, 3), rt.ones(2, 3))),
    "array": (lambda: nn.Linear(3, 2), np.ones((2, 3), np.float32)),
    "keywords": (Two, {"a": rt.ones(2, 3), "b": rt.ones(2, 3), "scale": rt.ones(1)}),
}  # fmt: skip


def edges(model, example, **options):
    """(text, text) of all edges, by the texts of Graphviz."""
    dot = viz.to_dot(model, example, **options)
    found = re.findall(r'^  (n\d+) \[label="(.*?)", fill', dot, re.MULTILINE)
    names = {n: text.partition("\\n")[0] for n, text in found}
    return [(names[a], names[b]) for a, b in re.findall(r"^  (n\d+) -> (n\d+);", dot, re.MULTILINE)]


@pytest.mark.parametrize("name", MODELS)
def test_drawings_can_be_read(name):
    make, example = MODELS[name]
    model = make()
    for figure in (viz.plot_model_graph(model, example), viz.plot_model_graph(model)):
        found = check(figure)
        assert figure.get_size_inches().max() < 25
        assert any("parameters" in text for text in found) and type(model).__name__ in found[0]
    figure = viz.plot_model_graph(model, example)
    ax = figure.axes[0]
    arrows = [p for p in ax.patches if isinstance(p, FancyArrowPatch)]
    rows = [p for p in ax.patches if type(p) is Rectangle and p.get_height() == 0.2]
    assert len(arrows) >= 2 and rows
    # no arrow runs through a row of another box: rows that it enters are those at its ends
    for arrow in arrows:
        path = arrow.get_path().interpolated(20).vertices
        for row in rows:
            x, y, w, h = row.get_x() + 0.02, row.get_y() + 0.02, row.get_width() - 0.04, row.get_height() - 0.04
            inside = (path[:, 0] > x) & (path[:, 0] < x + w) & (path[:, 1] > y) & (path[:, 1] < y + h)
            assert not inside.any()


def test_a_chain():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    assert edges(model, rt.ones(3, 4)) == [
        ("input", "Linear 4→8"), ("Linear 4→8", "ReLU"), ("ReLU", "Linear 8→2"), ("Linear 8→2", "output"),
    ]  # fmt: skip
    dot = viz.to_dot(model, rt.ones(3, 4))
    assert f"3 {TIMES} 8" in dot and "40 parameters" in dot


def test_residuals_join():
    found = edges(Block(8, 8), rt.ones(1, 8, 4, 4))
    assert ("input", "add") in found and ("BatchNorm2d 8", "add") in found and ("add", "ReLU") in found
    found = edges(Block(4, 8, 2), rt.ones(1, 4, 8, 8))
    assert (f"Conv2d 4→8, 1{TIMES}1, stride 2", "add") in found and ("input", "add") not in found


def test_operations_between_modules():
    found = edges(Unet(), rt.ones(1, 1, 8, 8))
    assert (f"ConvTranspose2d 8→4, 2{TIMES}2, stride 2", "cat") in found
    assert (f"Conv2d 1→4, 3{TIMES}3", "cat") in found


def test_parameters_of_the_model_itself():
    found = edges(Words(), MODELS["words"][1])
    assert ("parameter places", "add") in found and ("input", "Embedding 100→16") in found
    assert sum(target == "output" for _, target in found) == 2


def test_shared_modules_are_called_twice():
    found = edges(Two(), MODELS["two inputs"][1])
    assert found.count(("input", "Linear 3→3")) == 2 and found.count(("Linear 3→3", "mul")) == 2


def test_frozen_models_flow_too():
    model = Unet().requires_grad_(False)
    assert edges(model, rt.ones(1, 1, 8, 8)) == edges(Unet(), rt.ones(1, 1, 8, 8))
    assert not any(p.requires_grad for p in model.parameters())


class Untracked(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(10, 4), nn.Linear(4, 2)

    def forward(self, x):
        assert (x >= 0).all()   # a check, which leads nowhere
        with rt.no_grad():
            y = self.words(x.long() + 1)
        y += 1
        return self.head(y.detach().mean(1)), (x > 3).sum()


def test_what_has_no_gradient_flows_too():
    found = edges(Untracked(), rt.zeros(2, 3, dtype=rt.int32))
    assert found == [
        ("input", "to int64"), ("to int64", "add"), ("add", "Embedding 10→4"), ("Embedding 10→4", "add"),
        ("add", "mean"), ("mean", "Linear 4→2"), ("input", "gt"), ("gt", "sum"), ("Linear 4→2", "output"),
        ("sum", "output"),
    ]  # fmt: skip


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(4, 8), nn.Linear(8, 1)

    def forward(self, x):
        state = None
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.head(state)


def test_loops_are_folded():
    assert edges(Loop(), rt.ones(2, 7, 4)).count(("index", "GRUCell 4→8")) == 7
    found = edges(Loop(), rt.ones(2, 500, 4))
    assert ("GRUCell 4→8", "… 496 more rounds of cell") in found
    assert ("… 496 more rounds of cell", "GRUCell 4→8") in found and len(found) < 20
    check(viz.plot_model_graph(Loop(), rt.ones(2, 500, 4)))
    # an activation that many layers share is no loop
    relu = nn.ReLU()
    shared = nn.Sequential(*[layer for _ in range(20) for layer in (nn.Linear(2, 2), relu)])
    assert len(edges(shared, rt.ones(1, 2))) == 41


def test_models_from_elsewhere():
    import torch

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 4, 3, padding=1)

        def forward(self, x):
            return (x + torch.relu(self.conv(x))).mean((2, 3))

    ours = rt.interop.from_pytorch(Theirs(), example_inputs=(torch.ones(1, 1, 4, 4),))
    steps = {name for edge in edges(ours, rt.ones(1, 1, 4, 4)) for name in edge}
    assert {"relu", "add", "mean"} <= steps and any("onv" in step for step in steps)
    with pytest.raises(TypeError, match="from_pytorch"):
        viz.plot_model_graph(Theirs())


def test_depth():
    model = ResNet()
    assert edges(model, (1, 3, 16, 16), depth=1) == [
        ("input", f"Conv2d 3→8, 3{TIMES}3"), (f"Conv2d 3→8, 3{TIMES}3", "Sequential"), ("Sequential", "mean"),
        ("mean", "Linear 16→10"), ("Linear 16→10", "output"),
    ]  # fmt: skip
    assert len(edges(model, None, depth=1)) == 3
    deep = nn.Sequential(*[nn.Sequential(*[nn.Linear(2, 2) for _ in range(20)]) for _ in range(20)])
    assert len(edges(deep, rt.ones(1, 2))) == 21


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.ReLU())
    model[1].eval()
    x = rt.ones(2, 3, requires_grad=True)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    viz.plot_model_graph(model, x)
    assert [m.training for m in model.modules()] == [True, True, False, True, True]
    assert all((before[k] == v).all() for k, v in model.state_dict().items())
    assert x.grad is None and all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    with pytest.raises(ValueError, match="5"):
        viz.plot_model_graph(model, rt.ones(2, 5))
    assert [m.training for m in model.modules()] == [True, True, False, True, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_lazy_modules_have_no_parameters_yet():
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    check(viz.plot_model_graph(lazy))
    assert len(edges(lazy, rt.ones(2, 3, 8, 8))) == 5


def test_letters_shrink_to_given_axes():
    figure = Figure(figsize=(4, 4))
    FigureCanvasAgg(figure)
    assert viz.plot_model_graph(ResNet(), (1, 3, 16, 16), ax=figure.subplots()) is figure
    check(figure, apart=False)  # letters of two points are not told apart by whole pixels
    check(viz.plot_model_graph(ResNet(), (1, 3, 16, 16), figsize=(5, 5)), apart=False)


def test_files(tmp_path):
    model, example = nn.Linear(3, 2), rt.ones(1, 3)
    for suffix, start in (("dot", "digraph"), ("mmd", "---\ntitle: Linear\n---\nflowchart TD"), ("svg", "<?xml")):
        viz.plot_model_graph(model, example, save_path=tmp_path / f"model.{suffix}")
        assert (tmp_path / f"model.{suffix}").read_text().startswith(start)
    viz.plot_model_graph(model, example, save_path=tmp_path / "model.png")
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="example"):
        viz.plot_model_graph(model, save_path=tmp_path / "model.onnx")


def test_onnx_files_are_models(tmp_path):
    import onnx

    viz.plot_model_graph(nn.Linear(3, 2), rt.ones(1, 3), save_path=tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)


class Odd(nn.Module):
    def extra_repr(self):
        return 'a "b" <c> [d] $e$ \\f'

    def forward(self, x):
        return x * 2


def test_odd_letters_are_quoted():
    model = nn.Sequential(Odd())
    dot, mermaid = viz.to_dot(model, rt.ones(1)), viz.to_mermaid(model, rt.ones(1))
    assert '[label="Odd a \\"b\\" <c> [d] $e$ \\\\f\\n0' in dot
    assert 'n1["Odd a #34;b#34; #60;c#62; #91;d#93; $e$ #92;f<br/>0' in mermaid
    check(viz.plot_model_graph(model, rt.ones(1)))


def test_mermaid():
    text = viz.to_mermaid(nn.Linear(3, 2), rt.ones(1, 3))
    assert 'n0(["input<br/>' in text and "n0 --> n1" in text and "classDef linearKind" in text


def test_gradient_graphs():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    loss = (model(rt.ones(5, 4)) ** 2).mean()
    figure = viz.plot_autograd_graph(loss, model)
    found = check(figure)
    assert {"0.weight", "0.bias", "2.weight", "2.bias", "Tanh", "Mean", "result"} <= set(found)
    leaf = rt.ones(3, requires_grad=True)
    assert {"leaf", "result"} & set(check(viz.plot_autograd_graph(leaf)))
    check(viz.plot_autograd_graph(leaf * leaf + leaf.exp()))


@pytest.mark.parametrize("call, error, words", [
    (lambda: viz.plot_model_graph(rt.ones(2)), TypeError, "plot_model_graph.*Module.*Tensor"),
    (lambda: viz.plot_model_graph(nn.Linear(2, 2), 3.5), TypeError, "float"),
    (lambda: viz.plot_model_graph(nn.Linear(2, 2), depth=0), ValueError, "depth"),
    (lambda: viz.to_dot(None), TypeError, "NoneType"),
    (lambda: viz.plot_autograd_graph(3), TypeError, "int"),
    (lambda: viz.plot_autograd_graph(rt.ones(2)), ValueError, "require grad"),
    (lambda: viz.plot_autograd_graph(sum([rt.ones(2, requires_grad=True)] * 50), limit=10), ValueError, "limit"),
])  # fmt: skip
def test_mistakes(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_dark_styles():
    with matplotlib.style.context("dark_background"):
        check(viz.plot_model_graph(Unet(), (1, 1, 8, 8)))


@pytest.mark.parametrize("seed", range(8))
def test_boxes_never_overlap(seed):
    rng = np.random.default_rng(seed)
    count = 40
    sizes = [(float(rng.uniform(0.5, 3)), float(rng.uniform(0.2, 1.5))) for _ in range(count)]
    links = sorted({(int(a), b) for b in range(1, count) for a in rng.integers(max(0, b - 6), b, rng.integers(1, 3))})
    placed = place(sizes, links)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(placed.corners, sizes, strict=True)]
    for i, a in enumerate(boxes):
        assert a[0] >= -1e-6 and a[1] >= -1e-6 and a[2] <= placed.width + 1e-6 and a[3] <= placed.height + 1e-6
        for b in boxes[i + 1 :]:
            assert min(a[2], b[2]) - max(a[0], b[0]) <= 1e-6 or min(a[3], b[3]) - max(a[1], b[1]) <= 1e-6
    assert set(placed.routes) == set(links)
