"""What notebooks show of tensors, modules and optimizers: true numbers, well-formed and bounded HTML, nothing run."""
import math
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import scipy.sparse

import rustorch as rt
from rustorch._display import history_html
from rustorch._summary import EXACT, summarize

VOID = {"path", "circle", "br"}


class Reader(HTMLParser):
    """Checks that tags nest; keeps the text, the cells and the styles."""

    def __init__(self, html):
        super().__init__()
        self.open, self.words, self.cells, self.styles, self.tags = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.styles.append(dict(attributes).get("style") or "")
        if tag == "td":
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if "td" in self.open:
            self.cells[-1] += data

    @property
    def text(self):
        return "".join(self.words)


def shown(x):
    html = x._repr_html_()
    assert len(html) < 60_000
    for style in (reader := Reader(html)).styles:
        # no colour that would be lost on a dark or on a light page
        assert not re.search(r"(?<!-)color:(?!inherit)", style) and "#" not in style
    return reader


KINDS = {
    "scalar": lambda: rt.tensor(3.5),
    "empty": lambda: rt.zeros(0, 3),
    "vector": lambda: rt.arange(5.0),
    "long vector": lambda: rt.arange(1000),
    "matrix": lambda: rt.randn(30, 40),
    "planes": lambda: rt.randn(4, 3, 5, 6),
    "bool": lambda: rt.tensor([True, False]),
    "bytes": lambda: rt.tensor([0, 255], dtype=rt.uint8),
    "half": lambda: rt.ones(3, dtype=rt.float16),
    "bfloat16": lambda: rt.tensor([1.5, float("nan"), -2.0]).to(rt.bfloat16),
    "complex": lambda: rt.tensor([1 + 2j, complex("nan")]),
    "expanded": lambda: rt.tensor([[1.0], [2.0]]).expand(2, 1000),
    "turned": lambda: rt.randn(40, 30).T,
    "strided": lambda: rt.arange(100.0)[::7],
    "flipped": lambda: rt.tensor(np.arange(6.0)[::-1]),
    "parameter": lambda: rt.nn.Parameter(rt.ones(2, 2)),
    "tracked": lambda: rt.ones(2, requires_grad=True).exp(),
    "array": lambda: rt.numpy.ones((3, 3)),
    "all NaN": lambda: rt.full((4,), math.nan),
    "largest": lambda: rt.tensor([-1.7e308, 1.7e308], dtype=rt.float64),
    "inference": lambda: rt.inference_mode()(lambda: rt.ones(3) * 2)(),
    "lazy": lambda: rt.nn.LazyLinear(3).weight,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("error")
def test_every_kind_is_shown(kind):
    t = KINDS[kind]()
    reader = shown(t)
    if kind != "lazy":
        assert str(t.dtype) in reader.text and type(t).__name__ in reader.text
        assert all(str(n) in reader.text for n in t.shape)


@pytest.mark.parametrize("kind", [
    "matrix", "planes", "turned", "strided", "flipped", "expanded", "long vector", "bytes",
])  # fmt: skip
def test_statistics_are_numpys(kind):
    t = KINDS[kind]()
    found, array = summarize(t), t.numpy().astype(np.float64)
    expected = (array.min(), array.max(), array.mean(), array.std())
    np.testing.assert_allclose((found.minimum, found.maximum, found.mean, found.std), expected, rtol=1e-10, atol=1e-12)
    assert (found.nan, found.infinite, found.sampled) == (0, 0, 0)


def test_statistics_of_pieces_join():
    array = np.random.default_rng(0).normal(1e6, 1.0, (700, 1500))
    for view in (array, array.T, array[::2, ::3], array[:, ::-1]):
        found = summarize(rt.from_numpy(view))
        np.testing.assert_allclose((found.mean, found.std), (view.mean(), view.std()), rtol=1e-9)


def test_cells_are_the_elements():
    t = rt.arange(12.0).reshape(3, 4)
    assert shown(t).cells == [str(n) for n in range(12)]
    assert shown(rt.tensor([True, False])).cells == ["True", "False"]
    ends = shown(rt.arange(100)).cells
    assert ends == ["0", "1", "2", "3", "4", "5", "⋯", "97", "98", "99"]


def test_nan_and_infinity_are_counted_and_marked():
    reader = shown(rt.tensor([1.0, math.nan, math.inf, -math.inf, math.nan]))
    assert "2 NaN" in reader.text and "2 infinite" in reader.text
    assert reader.cells == ["1", "NaN", "∞", "-∞", "NaN"]
    assert sum("213,94,0" in style for style in reader.styles) == 6
    assert "NaN" not in shown(rt.ones(5)).text


@pytest.mark.parametrize("make", [
    lambda n: rt.zeros(n), lambda n: rt.zeros(2, n // 2).T, lambda n: rt.zeros(n, dtype=rt.bfloat16),
], ids=["packed", "turned", "bfloat16"])  # fmt: skip
def test_large_tensors_are_sampled_but_no_nan_is_missed(make):
    t = make(4 * EXACT)
    assert "of a sample of 262,144 from 16,777,216 elements" in shown(t).text
    t[t.shape[0] // 3] = math.nan
    assert summarize(t).nan == t.numel() // t.shape[0]


def test_repeated_memory_is_read_once():
    t = rt.tensor([[1.0], [math.nan]]).expand(2, 10**9)
    found = summarize(t)
    assert (found.nan, found.mean, found.sampled) == (10**9, 1.0, 0)


def test_history_of_a_tensor():
    x = rt.ones(2, requires_grad=True)
    assert "requires_grad=True" in shown(x).text and "grad_fn" not in shown(x).text
    assert "grad_fn=<ExpBackward0>" in shown(x.exp()).text
    x.sum().backward()
    assert "has .grad" in shown(x).text


def test_showing_changes_nothing():
    x = rt.ones(3, 4, requires_grad=True)
    y = x * 2
    version, seen = y._version, []
    with rt._C.Observer(after=seen.append):
        for t in (y, y.detach().to(rt.bfloat16), rt.nn.Linear(2, 2)):
            seen.clear()
            shown(t)
            assert seen == []
    assert y._version == version and x.grad is None
    y.sum().backward()


@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
def test_sparse(format):
    plain = scipy.sparse.random_array((20, 30), density=0.1, format=format, rng=np.random.default_rng(0))
    reader = shown(rt.sparse.from_scipy(plain))
    assert "60 entries" in reader.text
    coo = plain.tocoo()
    for cell, value in zip(reader.cells[0:16:2], reader.cells[1:16:2], strict=True):
        row, column = map(int, cell.strip("()").split(","))
        assert f"{plain.toarray()[row, column]:.4g}" == value
    assert len(coo.data) == 60


def test_modules():
    net = rt.nn.Sequential(rt.nn.Linear(3, 4), rt.nn.Sequential(rt.nn.BatchNorm1d(4), rt.nn.ReLU()), rt.nn.Linear(4, 2))
    net[2].weight.requires_grad_(False)
    reader = shown(net)
    assert "34 parameters (8 fixed)" in reader.text and "weight 4 \u00d7 3" in reader.text
    assert reader.tags.count("details") == 2 and "Linear(in_features=3, out_features=4, bias=True)" in reader.text
    assert "not yet made" in shown(rt.nn.LazyLinear(3)).text


def test_many_children_are_bounded():
    assert "and 900 more" in shown(rt.nn.ModuleList([rt.nn.Identity() for _ in range(1000)])).text


def test_names_are_escaped():
    class Evil(rt.nn.Module):
        def extra_repr(self):
            return "<script>alert(1)</script>"

    Evil.__name__ = "<img src=x>"
    net = Evil()
    net.add_module("<b onclick=x>", rt.nn.ReLU())
    net.register_buffer("x", rt.ones(1))
    reader = shown(net)
    assert not {"script", "img"} & set(reader.tags) and "<script>" in reader.text
    assert set(Reader(history_html({"<script>": [1.0]})).tags).isdisjoint({"script"})


def test_optimizers():
    net = rt.nn.Linear(3, 2)
    reader = shown(rt.optim.SGD([{"params": [net.weight]}, {"params": [net.bias], "lr": 0.5}], lr=0.1))
    assert reader.cells[:4] == ["0", "1", "6", "0.1"] and "0.5" in reader.cells


def test_histories():
    reader = Reader(history_html({"loss": [1.0, 0.25, math.nan], "val_accuracy": [0.1, 0.9, 0.8]}))
    assert "3 epochs" in reader.text and reader.tags.count("svg") == 2
    assert [c for c in reader.cells if c] == ["loss", "1", "0.25", "NaN", "val_accuracy", "0.1", "0.9", "0.8"]
    Reader(history_html({}))
    Reader(history_html({"loss": []}))


def test_display_loads_when_asked():
    code = "import sys, rustorch as rt; assert 'rustorch._display' not in sys.modules; rt.ones(2)._repr_html_();" \
           "assert {'matplotlib', 'IPython', 'rustorch.nn'}.isdisjoint(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
