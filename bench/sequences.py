"""Recurrent networks and attention: layers, cells, transformers, whole steps and decoding; one thread and two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show_all, threads

GOAL = {"torch": 1.2}
BUDGET = 0.25

Job = Callable[[], Any]
Make = Callable[[ModuleType], Job]


def numbers(lib: ModuleType, *shape: int, grad: bool = False) -> Any:
    x = lib.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    return x.requires_grad_() if grad else x


def words(lib: ModuleType, count: int, *shape: int) -> Any:
    return lib.from_numpy(np.random.default_rng(1).integers(0, count, size=shape))


def first(result: Any) -> Any:
    return first(result[0]) if isinstance(result, tuple) else result


# ---- jobs ----


def inference(make: Callable[[ModuleType], tuple[Any, ...]]) -> Make:
    """`make` gives a module and what it is called with."""

    def job(lib: ModuleType) -> Job:
        model, *given = make(lib)
        model.eval()

        def run() -> Any:
            with lib.no_grad():
                return model(*given)

        return run

    return job


def gradients(make: Callable[[ModuleType], tuple[Any, ...]]) -> Make:
    """Forward and backward to parameters and floating inputs."""

    def job(lib: ModuleType) -> Job:
        model, *given = make(lib)
        model.train()
        inputs = [x.requires_grad_() if x.dtype == lib.float32 else x for x in given]
        ones = lib.ones_like(first(model(*inputs)).detach())

        def run() -> None:
            for p in (*model.parameters(), *inputs):
                p.grad = None
            first(model(*inputs)).backward(ones)

        return run

    return job


def step(make: Callable[[ModuleType], tuple[Any, ...]]) -> Make:
    """A training step; `make` gives a model of which a call is the loss."""

    def job(lib: ModuleType) -> Job:
        model, *given = make(lib)
        optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

        def run() -> None:
            optimizer.zero_grad()
            model(*given).backward()
            optimizer.step()

        return run

    return job


# ---- networks ----


def recurrent(kind: str, shape: tuple[int, int, int], size: int, **options: Any) -> Any:
    return lambda lib: (getattr(lib.nn, kind)(shape[2], size, **options), numbers(lib, *shape))


def transformer(width: int, heads: int, feed: int, shape: tuple[int, int], decoder: bool = False, **more: Any) -> Any:
    options = {"dropout": 0.0, "batch_first": True, **more}

    def make(lib: ModuleType) -> tuple[Any, ...]:
        layer = lib.nn.TransformerDecoderLayer if decoder else lib.nn.TransformerEncoderLayer
        x = numbers(lib, *shape, width)
        return (layer(width, heads, feed, **options), x, *([numbers(lib, *shape, width)] if decoder else []))

    return make


def self_attention(width: int, heads: int, shape: tuple[int, int]) -> Any:
    def make(lib: ModuleType) -> tuple[Any, Any]:
        class Attention(lib.nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.inner = lib.nn.MultiheadAttention(width, heads, batch_first=True)

            def forward(self, x: Any) -> Any:
                return self.inner(x, x, x, need_weights=False)[0]

        return Attention(), numbers(lib, *shape, width)

    return make


def language_model(size: int, vocabulary: int, steps: int, batch: int) -> Any:
    """Embedding, two LSTM layers, a linear map to the vocabulary, cross entropy."""

    def make(lib: ModuleType) -> tuple[Any, ...]:
        nn = lib.nn

        class Model(nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.embedding, self.out = nn.Embedding(vocabulary, size), nn.Linear(size, vocabulary)
                self.lstm = nn.LSTM(size, size, num_layers=2)

            def forward(self, x: Any, y: Any) -> Any:
                found = self.out(self.lstm(self.embedding(x))[0])
                return nn.functional.cross_entropy(found.reshape(-1, vocabulary), y.reshape(-1))

        return Model(), words(lib, vocabulary, steps, batch), words(lib, vocabulary, steps, batch)

    return make


def classifier(kind: str, width: int, size: int, steps: int, batch: int) -> Any:
    """The last result of a recurrent network over batch_first sequences, one of ten classes."""

    def make(lib: ModuleType) -> tuple[Any, ...]:
        nn = lib.nn

        class Model(nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.rnn = getattr(nn, kind)(width, size, batch_first=True, bidirectional=True)
                self.out = nn.Linear(2 * size, 10)

            def forward(self, x: Any, y: Any) -> Any:
                return nn.functional.cross_entropy(self.out(self.rnn(x)[0][:, -1]), y)

        return Model(), numbers(lib, batch, steps, width), words(lib, 10, batch)

    return make


def small_gpt(width: int, heads: int, layers: int, vocabulary: int, shape: tuple[int, int]) -> Any:
    """Causal transformer over words and its loss."""

    def make(lib: ModuleType) -> tuple[Any, ...]:
        nn = lib.nn

        class Block(nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

            def forward(self, x: Any) -> Any:
                batch, steps, _ = x.shape
                q, k, v = self.qkv(self.norm1(x)).reshape(batch, steps, 3, heads, -1).permute(2, 0, 3, 1, 4)
                seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                x = x + self.out(seen.transpose(1, 2).reshape(batch, steps, width))
                return x + self.feed(self.norm2(x))

        class Model(nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.embedding, self.out = nn.Embedding(vocabulary, width), nn.Linear(width, vocabulary)
                self.blocks = nn.Sequential(*[Block() for _ in range(layers)])

            def forward(self, x: Any, y: Any) -> Any:
                found = self.out(self.blocks(self.embedding(x)))
                return nn.functional.cross_entropy(found.reshape(-1, vocabulary), y.reshape(-1))

        return Model(), words(lib, vocabulary, *shape), words(lib, vocabulary, *shape)

    return make


# ---- jobs of their own ----


def cells(kind: str, steps: int, batch: int, width: int, size: int, backward: bool) -> Make:
    def job(lib: ModuleType) -> Job:
        cell = getattr(lib.nn, kind)(width, size)
        x = numbers(lib, steps, batch, width)

        def unroll() -> Any:
            state = None
            for k in range(steps):
                state = cell(x[k], state)
            return first(state)

        def run() -> None:
            if backward:
                unroll().sum().backward()
                return
            with lib.no_grad():
                unroll()

        return run

    return job


def packed(kind: str, steps: int, batch: int, width: int, size: int) -> Make:
    def job(lib: ModuleType) -> Job:
        model = getattr(lib.nn, kind)(width, size)
        lengths = lib.from_numpy(np.linspace(steps, steps // 4, batch).astype(np.int64))
        given = lib.nn.utils.rnn.pack_padded_sequence(numbers(lib, steps, batch, width), lengths)

        def run() -> None:
            model(given)[0].data.sum().backward()

        return run

    return job


def attention(
    q: tuple[int, ...], k: tuple[int, ...], mask: tuple[int, ...] | None = None, kind: str = "float32",
    grad: bool = False, **options: Any,
) -> Make:  # fmt: skip
    def job(lib: ModuleType) -> Job:
        attend = lib.nn.functional.scaled_dot_product_attention
        given = [numbers(lib, *shape, grad=grad) for shape in (q, k, k)]
        more = None
        if mask:
            more = numbers(lib, *mask)
            if kind == "bool":
                more = more > -1
        ones = numbers(lib, *q)

        def run() -> None:
            if grad:
                for t in given:
                    t.grad = None
                attend(*given, more, **options).backward(ones)
                return
            with lib.no_grad():
                attend(*given, more, **options)

        return run

    return job


def decoding(width: int, heads: int, steps: int, batch: int = 1) -> Make:
    """Words one after the other: projections, a cache of keys and values that grows, one query."""

    def job(lib: ModuleType) -> Job:
        qkv, out = lib.nn.Linear(width, 3 * width), lib.nn.Linear(width, width)
        x = numbers(lib, batch, 1, width)
        attend = lib.nn.functional.scaled_dot_product_attention

        def run() -> None:
            with lib.no_grad():
                keys = values = None
                for _ in range(steps):
                    q, k, v = qkv(x).reshape(batch, 1, 3, heads, -1).permute(2, 0, 3, 1, 4)
                    keys = k if keys is None else lib.cat([keys, k], 2)
                    values = v if values is None else lib.cat([values, v], 2)
                    out(attend(q, keys, values).transpose(1, 2).reshape(batch, 1, width))

        return run

    return job


# ---- the rows ----

LAYERS: list[tuple[str, tuple[int, int, int], int, dict[str, Any]]] = [
    ("LSTM", (1, 1, 64), 64, {}), ("LSTM", (20, 1, 32), 32, {}), ("LSTM", (50, 32, 64), 128, {}),
    ("LSTM", (100, 16, 256), 256, {}), ("LSTM", (30, 64, 128), 512, {}), ("LSTM", (200, 1, 128), 256, {}),
    ("LSTM", (35, 20, 200), 200, {"num_layers": 2}), ("LSTM", (50, 32, 64), 128, {"bidirectional": True}),
    ("LSTM", (50, 32, 64), 128, {"proj_size": 64}), ("GRU", (1, 1, 64), 64, {}), ("GRU", (50, 32, 64), 128, {}),
    ("GRU", (100, 16, 256), 256, {}), ("GRU", (28, 128, 28), 64, {"batch_first": True}), ("RNN", (20, 1, 32), 32, {}),
    ("RNN", (50, 32, 64), 128, {}), ("RNN", (100, 16, 256), 256, {}),
]  # fmt: skip
Shape = tuple[int, ...]
ATTENTION: list[tuple[str, Shape, Shape, dict[str, Any]]] = [
    ("", (16, 4, 50, 32), (16, 4, 50, 32), {}), ("causal ", (16, 4, 50, 32), (16, 4, 50, 32), {"is_causal": True}),
    ("", (64, 2, 10, 16), (64, 2, 10, 16), {}), ("", (4, 8, 128, 64), (4, 8, 128, 64), {}),
    ("causal ", (4, 8, 128, 64), (4, 8, 128, 64), {"is_causal": True}), ("", (8, 12, 197, 64), (8, 12, 197, 64), {}),
    ("", (2, 8, 512, 64), (2, 8, 512, 64), {}), ("odd ", (2, 5, 333, 40), (2, 5, 333, 40), {}),
    ("cross ", (2, 8, 64, 64), (2, 8, 1000, 64), {}),
    ("bool mask ", (4, 8, 256, 64), (4, 8, 256, 64), {"mask": (4, 1, 1, 256), "kind": "bool"}),
    ("mask ", (4, 8, 256, 64), (4, 8, 256, 64), {"mask": (256, 256)}),
    ("grouped ", (2, 8, 256, 64), (2, 2, 256, 64), {"enable_gqa": True}),
    ("causal ", (1, 8, 2048, 64), (1, 8, 2048, 64), {"is_causal": True}),
]  # fmt: skip
QUERIES = [((1, 8, 1, 64), (1, 8, 50, 64)), ((1, 12, 1, 64), (1, 12, 1024, 64)), ((8, 8, 1, 64), (8, 8, 4096, 64)),
           ((4, 8, 1, 80), (4, 8, 1000, 80)), ((4, 8, 4, 64), (4, 8, 2048, 64)), ((4, 8, 1, 64), (4, 2, 2048, 64)),
           ((8, 8, 2, 64), (8, 8, 2, 64))]  # fmt: skip
NETWORKS: list[tuple[str, Make]] = [
    ("LSTMCell x20, (32, 64) to 64", cells("LSTMCell", 20, 32, 64, 64, False)),
    ("LSTMCell x20, (32, 64) to 64, gradients", cells("LSTMCell", 20, 32, 64, 64, True)),
    ("GRUCell x20, (32, 64) to 64", cells("GRUCell", 20, 32, 64, 64, False)),
    ("GRUCell x20, (32, 64) to 64, gradients", cells("GRUCell", 20, 32, 64, 64, True)),
    ("packed LSTM 50x32, 64 to 128, gradients", packed("LSTM", 50, 32, 64, 128)),
    ("self attention 128, (16, 50)", inference(self_attention(128, 4, (16, 50)))),
    ("self attention 128, (16, 50), gradients", gradients(self_attention(128, 4, (16, 50)))),
    ("encoder 64, (8, 20)", inference(transformer(64, 4, 128, (8, 20)))),
    ("encoder 64, (8, 20), gradients", gradients(transformer(64, 4, 128, (8, 20)))),
    ("encoder 128, (16, 50)", inference(transformer(128, 4, 256, (16, 50)))),
    ("encoder 128, (16, 50), gradients", gradients(transformer(128, 4, 256, (16, 50)))),
    ("encoder 512, (4, 128)", inference(transformer(512, 8, 2048, (4, 128)))),
    ("encoder 512, (4, 128), gradients", gradients(transformer(512, 8, 2048, (4, 128)))),
    ("encoder 768 gelu, (1, 256)", inference(transformer(768, 12, 3072, (1, 256), activation="gelu"))),
    ("encoder 768 gelu, (1, 256), gradients", gradients(transformer(768, 12, 3072, (1, 256), activation="gelu"))),
    ("encoder 256 with dropout, (16, 64), gradients", gradients(transformer(256, 8, 1024, (16, 64), dropout=0.1))),
    ("decoder 256, (8, 64)", inference(transformer(256, 8, 1024, (8, 64), True))),
    ("decoder 256, (8, 64), gradients", gradients(transformer(256, 8, 1024, (8, 64), True))),
    ("LSTM language model, 35x20 of 10000, step", step(language_model(200, 10000, 35, 20))),
    ("GRU classifier, 64x28, step", step(classifier("GRU", 28, 64, 28, 64))),
    ("small GPT, 8x64 of 1000, step", step(small_gpt(128, 4, 4, 1000, (8, 64)))),
    ("decoding 64 words, 256 features", decoding(256, 8, 64)),
    ("decoding 64 words, 768 features", decoding(768, 12, 64)),
]  # fmt: skip


def jobs() -> Iterator[tuple[str, Make]]:
    for kind, shape, size, options in LAYERS:
        title = f"{kind} {shape} to {size}" + "".join(f" {name}" for name in options)
        yield title, inference(recurrent(kind, shape, size, **options))
        yield title + ", gradients", gradients(recurrent(kind, shape, size, **options))
    for title, q, k, options in ATTENTION:
        yield f"{title}attention {q}", attention(q, k, **options)
        yield f"{title}attention {q}, gradients", attention(q, k, grad=True, **options)
    for q, k in QUERIES:
        yield f"few queries {q} of {k[1:3]}", attention(q, k, enable_gqa=q[1] != k[1])
    yield from NETWORKS


def main(*options: str) -> bool:
    """--only=WORD: the rows with this word; --threads=N: not with 1 and 2."""
    import torch  # not at the top: bench.memory measures processes that have not loaded it

    given = dict(option.lstrip("-").split("=", 1) for option in options)
    met = True
    for count in [int(given["threads"])] if "threads" in given else [1, 2]:
        print(f"   threads: {count}", flush=True)
        with threads(count):
            found = (pair for pair in jobs() if given.get("only", "") in pair[0])
            rows = (
                Row(title, {lib.__name__: make(lib) for lib in (rt, torch)}, GOAL, budget=BUDGET)
                for title, make in found
            )
            met &= show_all(rows, torch=1.5)
    return met
