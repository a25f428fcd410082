"""Windows and channels: depthwise convolutions, pools, resampling, frames, norms over channels; networks made of them.

One thread and two, forward alone and with all gradients.  `--quick` is one thread and a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show_all, threads

Job = Callable[..., Any]
RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(size=shape).astype(np.float32)


def functions(lib: ModuleType) -> Any:
    return lib.nn.functional


def with_gradients(job: Job) -> Job:
    """Forward and backward with respect to all operands."""

    def run(lib: ModuleType, *given: Any) -> None:
        leaves = [x.detach().requires_grad_() if x.is_floating_point() else x for x in given]
        out = job(lib, *leaves)
        out.backward(out.detach())

    return run


# ---- depthwise and grouped convolutions: input, kernel, arguments ----

CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]] = [
    ((4, 32, 112, 112), (32, 1, 3, 3), {"padding": 1}),
    ((4, 96, 112, 112), (96, 1, 3, 3), {"padding": 1, "stride": 2}),
    ((4, 144, 56, 56), (144, 1, 3, 3), {"padding": 1, "stride": 2}),
    ((4, 192, 28, 28), (192, 1, 3, 3), {"padding": 1}),
    ((1, 192, 28, 28), (192, 1, 3, 3), {"padding": 1}),
    ((4, 384, 14, 14), (384, 1, 3, 3), {"padding": 1}),
    ((4, 576, 14, 14), (576, 1, 3, 3), {"padding": 1, "stride": 2}),
    ((4, 960, 7, 7), (960, 1, 3, 3), {"padding": 1}),
    ((1, 960, 7, 7), (960, 1, 5, 5), {"padding": 2}),
    ((4, 120, 28, 28), (120, 1, 5, 5), {"padding": 2}),
    ((4, 240, 28, 28), (240, 1, 5, 5), {"padding": 2, "stride": 2}),
    ((4, 96, 56, 56), (96, 1, 7, 7), {"padding": 3}),
    ((4, 384, 14, 14), (384, 1, 7, 7), {"padding": 3}),
    ((4, 768, 7, 7), (768, 1, 7, 7), {"padding": 3}),
    ((4, 64, 56, 56), (64, 1, 3, 3), {"padding": 2, "dilation": 2}),
    ((4, 64, 56, 56), (128, 1, 3, 3), {"padding": 1}),
    ((4, 128, 56, 56), (128, 4, 3, 3), {"padding": 1}),
    ((8, 64, 1000), (64, 1, 9), {"padding": 4}),
    ((2, 32, 16, 28, 28), (32, 1, 3, 3, 3), {"padding": 1}),
]


def convolutions() -> Iterator[tuple[str, Job, list[Any]]]:
    for shape, kernel, options in CONVOLUTIONS:
        n = len(shape) - 2

        def job(lib: ModuleType, x: Any, w: Any, n: int = n, options: Any = options, groups: int = kernel[1]) -> Any:
            return getattr(functions(lib), f"conv{n}d")(x, w, groups=x.shape[1] // groups, **options)

        text = " ".join(f"{k[0]}{v}" for k, v in options.items())
        yield f"conv {shape} {kernel} {text}", job, [normal(*shape), normal(*kernel)]


def pools() -> Iterator[tuple[str, Job, list[Any]]]:
    shape: tuple[int, ...]
    for shape, kernel, stride, padding in [
        ((8, 64, 56, 56), 2, 2, 0), ((4, 64, 112, 112), 3, 2, 1), ((8, 64, 28, 28), 3, 1, 1),
        ((8, 128, 14, 14), 5, 1, 2),
        ((1, 16, 28, 28), 2, 2, 0), ((8, 512, 7, 7), 7, 7, 0), ((8, 32, 56, 56), 3, 3, 0),
    ]:  # fmt: skip
        for name in ("max_pool2d", "avg_pool2d"):

            def job(lib: ModuleType, x: Any, name: str = name, at: Any = (kernel, stride, padding)) -> Any:
                return getattr(functions(lib), name)(x, *at)

            yield f"{name} {shape} {kernel} {stride} {padding}", job, [normal(*shape)]
    for name, shape, size in [
        ("adaptive_avg_pool2d", (32, 512, 7, 7), 1), ("adaptive_avg_pool2d", (1, 1280, 7, 7), 1),
        ("adaptive_avg_pool2d", (8, 64, 56, 56), 7), ("adaptive_avg_pool2d", (8, 256, 13, 13), 6),
        ("adaptive_max_pool2d", (8, 64, 56, 56), 7), ("adaptive_avg_pool1d", (8, 64, 1000), 10),
    ]:  # fmt: skip
        yield (
            f"{name} {shape} {size}",
            lambda lib, x, name=name, size=size: getattr(functions(lib), name)(x, size),
            [normal(*shape)],
        )
    for shape, kernel, stride in [((2, 8, 100000), 2, 2), ((4, 32, 333), 3, 1), ((16, 64, 999), 3, 2)]:
        yield (
            f"max_pool1d {shape} {kernel} s{stride}",
            lambda lib, x, at=(kernel, stride): functions(lib).max_pool1d(x, *at),
            [normal(*shape)],
        )
    for name, shape in [("max_pool1d", (16, 64, 1000)), ("avg_pool1d", (16, 64, 1000)),
                        ("max_pool3d", (2, 16, 32, 32, 32)), ("avg_pool3d", (2, 16, 32, 32, 32))]:  # fmt: skip
        yield f"{name} {shape} 2", lambda lib, x, name=name: getattr(functions(lib), name)(x, 2), [normal(*shape)]


def resampling() -> Iterator[tuple[str, Job, list[Any]]]:
    options: dict[str, Any]
    for shape, options in [
        ((4, 32, 56, 56), {"scale_factor": 2}), ((1, 16, 14, 14), {"scale_factor": 2}),
        ((4, 32, 56, 56), {"size": (80, 80)}), ((4, 32, 56, 56), {"scale_factor": 0.5}),
        ((4, 32, 56, 56), {"scale_factor": 2, "mode": "bilinear"}),
        ((1, 3, 224, 224), {"size": (300, 300), "mode": "bilinear"}),
        ((4, 32, 56, 56), {"scale_factor": 0.5, "mode": "bilinear"}),
        ((4, 32, 56, 56), {"scale_factor": 2, "mode": "bilinear", "align_corners": True}),
        ((4, 16, 56, 56), {"scale_factor": 2, "mode": "bicubic"}),
        ((1, 3, 500, 400), {"size": (224, 224), "mode": "bilinear", "antialias": True}),
        ((1, 3, 500, 400), {"size": (224, 224), "mode": "bicubic", "antialias": True}),
        ((4, 32, 56, 56), {"size": (20, 20), "mode": "area"}),
        ((8, 64, 500), {"scale_factor": 2, "mode": "linear"}),
        ((2, 3, 100000), {"scale_factor": 2, "mode": "linear"}),
        ((1, 3, 500, 400), {"size": (224, 224), "mode": "bilinear"}),
        ((2, 8, 16, 28, 28), {"scale_factor": 2, "mode": "trilinear"}),
    ]:  # fmt: skip

        def job(lib: ModuleType, x: Any, options: Any = options) -> Any:
            return functions(lib).interpolate(x, **options)

        yield f"interpolate {shape} {' '.join(str(v) for v in options.values())}", job, [normal(*shape)]
    places = RNG.uniform(-1.1, 1.1, (4, 56, 56, 2)).astype(np.float32)
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection") if mode == "bilinear" else ("zeros",):

            def sample(lib: ModuleType, x: Any, grid: Any, mode: str = mode, padding: str = padding) -> Any:
                return functions(lib).grid_sample(x, grid, mode, padding, align_corners=False)

            yield f"grid_sample (4, 32, 56, 56) {mode} {padding}", sample, [normal(4, 32, 56, 56), places]
    smooth = functions(rt).affine_grid(rt.tensor([[[0.9, 0.1, 0.0], [-0.1, 0.9, 0.0]]]), (1, 3, 224, 224), False)

    def turn(lib: ModuleType, x: Any, grid: Any) -> Any:
        return functions(lib).grid_sample(x, grid, align_corners=False)

    yield "grid_sample (1, 3, 224, 224), a rotation", turn, [normal(1, 3, 224, 224), np.asarray(smooth).copy()]
    for shape, size in [((8, 1, 32, 32), (32, 32)), ((1, 64, 128, 128), (7, 7)), ((2, 256, 28, 28), (28, 28)),
                        ((16, 16, 8, 8), (8, 8)), ((1, 3, 500, 400), (224, 224))]:  # fmt: skip
        grid = RNG.uniform(-1.1, 1.1, (shape[0], *size, 2)).astype(np.float32)
        for mode in ("bilinear", "nearest"):
            yield (
                f"grid_sample {shape} at {size} {mode}",
                lambda lib, x, grid, mode=mode: functions(lib).grid_sample(x, grid, mode, align_corners=False),
                [normal(*shape), grid],
            )
    boxes = RNG.uniform(-1.1, 1.1, (2, 16, 16, 16, 3)).astype(np.float32)
    yield "grid_sample (2, 8, 16, 16, 16)", turn, [normal(2, 8, 16, 16, 16), boxes]
    yield (
        "affine_grid (8, 3, 64, 64)",
        lambda lib, theta: functions(lib).affine_grid(theta, (8, 3, 64, 64), False),
        [normal(8, 2, 3)],
    )


def frames() -> Iterator[tuple[str, Job, list[Any]]]:
    for shape, pad in [((8, 64, 56, 56), (1, 1, 1, 1)), ((1, 3, 28, 28), (2, 2, 2, 2)), ((8, 64, 1000), (4, 4))]:
        for mode in ("constant", "reflect", "replicate", "circular"):
            yield (
                f"pad {shape} {pad} {mode}",
                lambda lib, x, pad=pad, mode=mode: functions(lib).pad(x, pad, mode),
                [normal(*shape)],
            )
    yield "pixel_shuffle (4, 64, 56, 56) 2", lambda lib, x: functions(lib).pixel_shuffle(x, 2), [normal(4, 64, 56, 56)]
    yield (
        "pixel_unshuffle (4, 16, 112, 112) 2",
        lambda lib, x: functions(lib).pixel_unshuffle(x, 2),
        [normal(4, 16, 112, 112)],
    )
    yield "channel_shuffle (4, 116, 28, 28) 2", lambda lib, x: functions(lib).channel_shuffle(x, 2), [
        normal(4, 116, 28, 28)
    ]
    for stride in (1, 2):
        yield (
            f"unfold (4, 16, 56, 56) 3 s{stride}",
            lambda lib, x, s=stride: functions(lib).unfold(x, 3, padding=1, stride=s),
            [normal(4, 16, 56, 56)],
        )
    yield (
        "fold (4, 144, 3136) 3",
        lambda lib, x: functions(lib).fold(x, (56, 56), 3, padding=1),
        [normal(4, 144, 3136)],
    )
    yield "dropout2d (8, 64, 56, 56)", lambda lib, x: functions(lib).dropout2d(x), [normal(8, 64, 56, 56)]


def norms() -> Iterator[tuple[str, Job, list[Any]]]:
    for shape in [
        (32, 64, 28, 28), (8, 256, 14, 14), (1, 16, 28, 28), (8, 64, 112, 112), (4, 960, 7, 7), (256, 512), (32, 10),
    ]:  # fmt: skip
        c = shape[1]
        yield (
            f"batch_norm train {shape}",
            lambda lib, x, w, b: functions(lib).batch_norm(x, None, None, w, b, True),
            [normal(*shape), normal(c), normal(c)],
        )
        yield (
            f"batch_norm eval {shape}",
            lambda lib, x, w, b: functions(lib).batch_norm(x, b.detach(), w.detach().abs(), w, b, False),
            [normal(*shape), normal(c), normal(c)],
        )
    for shape, groups in [((8, 64, 28, 28), 8), ((8, 256, 14, 14), 32), ((4, 320, 64, 64), 32), ((1, 16, 28, 28), 4)]:
        yield (
            f"group_norm {shape} {groups}",
            lambda lib, x, w, b, groups=groups: functions(lib).group_norm(x, groups, w, b),
            [normal(*shape), normal(shape[1]), normal(shape[1])],
        )
    yield "instance_norm (8, 64, 56, 56)", lambda lib, x: functions(lib).instance_norm(x), [normal(8, 64, 56, 56)]
    yield (
        "local_response_norm (8, 64, 28, 28) 5",
        lambda lib, x: functions(lib).local_response_norm(x, 5),
        [normal(8, 64, 28, 28)],
    )


# rows of a kind, the goal of each
KINDS: list[tuple[Callable[[], Iterator[tuple[str, Job, list[Any]]]], float]] = [
    (convolutions, 1.0), (pools, 1.0), (resampling, 1.0), (frames, 1.0), (norms, 1.3),
]  # fmt: skip

# ---- networks ----


def block(lib: ModuleType, c: int, wide: int, out: int, kernel: int, stride: int, act: str, squeeze: bool) -> Any:
    """The inverted residual of MobileNetV2, V3 and EfficientNet, without the sum."""
    nn = lib.nn
    layers = []
    if wide != c:
        layers += [nn.Conv2d(c, wide, 1, bias=False), nn.BatchNorm2d(wide), getattr(nn, act)()]
    layers += [
        nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False), nn.BatchNorm2d(wide),
        getattr(nn, act)(),
    ]  # fmt: skip
    if squeeze:
        layers.append(squeeze_of(lib)(wide))
    return nn.Sequential(*layers, nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out))


def squeeze_of(lib: ModuleType) -> Any:
    class Squeeze(lib.nn.Module):  # type: ignore[misc,name-defined]
        """Channels scaled by what their means say (Hu et al. 2018)."""

        def __init__(self, c: int) -> None:
            super().__init__()
            self.down, self.up = lib.nn.Conv2d(c, c // 4, 1), lib.nn.Conv2d(c // 4, c, 1)

        def forward(self, x: Any) -> Any:
            y = functions(lib).relu(self.down(functions(lib).adaptive_avg_pool2d(x, 1)))
            return x * lib.sigmoid(self.up(y))

    return Squeeze


def network(lib: ModuleType, act: str, squeeze: bool, plan: list[tuple[int, int, int, int, int]]) -> Any:
    """A stem, residual blocks (expansion, channels, how many, stride, kernel), a head of ten classes."""
    nn = lib.nn

    class Network(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), getattr(nn, act)()
            )
            blocks, c = [], 32
            for t, out, n, stride, kernel in plan:
                for i in range(n):
                    blocks.append(block(lib, c, c * t, out, kernel, stride if i == 0 else 1, act, squeeze))
                    c = out
            self.blocks = nn.ModuleList(blocks)
            self.head = nn.Linear(c, 10)

        def forward(self, x: Any) -> Any:
            x = self.stem(x)
            for b in self.blocks:
                y = b(x)
                x = x + y if x.shape == y.shape else y
            return self.head(x.mean((2, 3)))

    return Network()


V2 = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 2, 2, 3), (6, 64, 2, 2, 3), (6, 96, 1, 1, 3), (6, 160, 2, 2, 3)]
B0 = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 2, 2, 3), (6, 112, 1, 1, 5), (6, 192, 2, 2, 5)]
NETWORKS: list[tuple[str, tuple[str, bool, list[tuple[int, int, int, int, int]]]]] = [
    ("MobileNetV2", ("ReLU6", False, V2)), ("MobileNetV3", ("Hardswish", True, V2)),
    ("EfficientNet", ("SiLU", True, B0)),
]  # fmt: skip


def network_rows(count: int, budget: float) -> Iterator[Row]:
    import torch

    for title, (act, squeeze, plan) in NETWORKS:
        for shape in ((1, 3, 64, 64), (4, 3, 160, 160)):
            infer: dict[str, Any] = {}
            train: dict[str, Any] = {}
            for lib in (rt, torch):
                model, x = network(lib, act, squeeze, plan), lib.from_numpy(normal(*shape))
                labels = lib.from_numpy(RNG.integers(0, 10, shape[0]))
                optimizer = lib.optim.SGD(model.parameters(), lr=1e-3)

                def step(lib: Any = lib, model: Any = model, x: Any = x, y: Any = labels, o: Any = optimizer) -> None:
                    model.train()
                    o.zero_grad()
                    functions(lib).cross_entropy(model(x), y).backward()
                    o.step()

                def look(lib: Any = lib, model: Any = model, x: Any = x) -> None:
                    model.eval()
                    with lib.no_grad():
                        model(x)

                infer[lib.__name__], train[lib.__name__] = look, step
            for what, jobs in (("inference", infer), ("training", train)):
                if what == "inference" or shape[0] > 1:
                    yield Row(f"{title} {shape} {what}, threads {count}", jobs, {"torch": 1.0}, budget=5 * budget)


def rows(count: int, budget: float) -> Iterator[Row]:
    import torch

    for kind, goal in KINDS:
        for title, job, arrays in kind():
            for text, run in ((title, job), (title + " +grad", with_gradients(job))):
                jobs: dict[str, Any] = {}
                for lib in (rt, torch):
                    given = [lib.from_numpy(np.array(a)) for a in arrays]
                    jobs[lib.__name__] = lambda lib=lib, run=run, given=given: run(lib, *given)
                yield Row(f"{text}, threads {count}", jobs, {"torch": goal}, budget=budget)
    yield from network_rows(count, budget)


def main(*rest: str) -> bool:
    budget, counts = (0.03, (1,)) if "--quick" in rest else (0.1, (1, 2))
    met = True
    for count in counts:
        with threads(count):
            met &= show_all(rows(count, budget), torch=1.3)
    return met
