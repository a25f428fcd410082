"""Convolutions of ResNet, VGG, LeNet and others, forward and both gradients; inference and training of ResNets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show_all, threads

# title, images, channels of x and of y, lengths, kernel, stride, padding; "T": transposed
LAYERS = [
    ("3x3 64", 8, 64, 64, (56, 56), (3, 3), 1, 1), ("3x3 128", 8, 128, 128, (28, 28), (3, 3), 1, 1),
    ("3x3 256", 8, 256, 256, (14, 14), (3, 3), 1, 1), ("3x3 512", 8, 512, 512, (7, 7), (3, 3), 1, 1),
    ("3x3 64", 1, 64, 64, (56, 56), (3, 3), 1, 1), ("3x3 512", 1, 512, 512, (7, 7), (3, 3), 1, 1),
    ("3x3 16", 32, 16, 16, (32, 32), (3, 3), 1, 1), ("VGG 512", 2, 512, 512, (28, 28), (3, 3), 1, 1),
    ("3x3/2 64-128", 8, 64, 128, (56, 56), (3, 3), 2, 1), ("3x3/2 512", 1, 512, 512, (14, 14), (3, 3), 2, 1),
    ("7x7/2 3-64", 4, 3, 64, (224, 224), (7, 7), 2, 3), ("1x1 64-256", 8, 64, 256, (56, 56), (1, 1), 1, 0),
    ("1x1 1024-256", 8, 1024, 256, (14, 14), (1, 1), 1, 0), ("1x1 2048-512", 1, 2048, 512, (7, 7), (1, 1), 1, 0),
    ("1x1/2 256-512", 4, 256, 512, (56, 56), (1, 1), 2, 0), ("MNIST 1-32", 32, 1, 32, (28, 28), (3, 3), 1, 0),
    ("MNIST 32-64", 32, 32, 64, (26, 26), (3, 3), 1, 0), ("LeNet 6-16", 32, 6, 16, (14, 14), (5, 5), 1, 0),
    ("CIFAR 3-64", 32, 3, 64, (32, 32), (3, 3), 1, 1), ("5x5 64-192", 4, 64, 192, (27, 27), (5, 5), 1, 2),
    ("5x5 128", 8, 128, 128, (7, 7), (5, 5), 1, 2), ("7x7 32", 4, 32, 32, (14, 14), (7, 7), 1, 3),
    ("1d 64", 8, 64, 64, (1000,), (3,), 1, 1), ("1d 1-16", 8, 1, 16, (8000,), (9,), 1, 4),
    ("3d 16", 4, 16, 16, (16, 16, 16), (3, 3, 3), 1, 1), ("3d 64", 4, 64, 64, (8, 8, 8), (3, 3, 3), 1, 1),
    ("T 64-32", 8, 64, 32, (28, 28), (4, 4), 2, 1), ("T 128-64", 8, 128, 64, (8, 8), (4, 4), 2, 1),
]  # fmt: skip


def layer(lib: ModuleType, of: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    """The convolution, and its gradients with respect to x and to the weight."""
    title, n, c_in, c_out, lengths, kernel, stride, padding = of
    rng, turned = np.random.default_rng(0), title.startswith("T")
    f = getattr(lib.nn.functional, f"conv{'_transpose' * turned}{len(lengths)}d")
    channels = (c_in, c_out) if turned else (c_out, c_in)
    x, w = (lib.from_numpy(rng.normal(size=s).astype(np.float32)) for s in ((n, c_in, *lengths), (*channels, *kernel)))
    gx, gw = x.clone().requires_grad_(), w.clone().requires_grad_()
    y, by_x, by_w = (f(a, b, None, stride, padding) for a, b in ((x, w), (gx, w), (x, gw)))
    g = lib.ones_like(y)
    return {
        "y": lambda: f(x, w, None, stride, padding),
        "x": lambda: lib.autograd.grad(by_x, [gx], g, retain_graph=True),
        "w": lambda: lib.autograd.grad(by_w, [gw], g, retain_graph=True),
    }


def block(lib: ModuleType, c_in: int, width: int, stride: int, bottleneck: bool) -> Any:
    """A residual block of ResNet (He et al. 2015)."""
    nn = lib.nn
    c_out = 4 * width if bottleneck else width
    if bottleneck:
        sizes = [(c_in, width, 1, 1), (width, width, 3, stride), (width, c_out, 1, 1)]
    else:
        sizes = [(c_in, width, 3, stride), (width, width, 3, 1)]
    parts: list[Any] = []
    for a, b, k, s in sizes:
        parts += [nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.path = nn.Sequential(*parts[:-1])
            self.last = nn.ReLU()
            self.short = nn.Identity()
            if stride != 1 or c_in != c_out:
                self.short = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

        def forward(self, x: Any) -> Any:
            return self.last(self.path(x) + self.short(x))

    return Block()


def resnet(lib: ModuleType, depth: int) -> Any:
    """ResNet-18 or ResNet-50 (11.7 and 25.6 million parameters)."""
    nn = lib.nn
    counts, deep = {18: ([2, 2, 2, 2], False), 50: ([3, 4, 6, 3], True)}[depth]
    parts: list[Any] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, count in enumerate(counts):
        for i in range(count):
            width = 64 << stage
            parts.append(block(lib, channels, width, 2 if stage and not i else 1, deep))
            channels = 4 * width if deep else width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def network(lib: ModuleType, depth: int, batch: int, train: bool) -> Callable[[], Any]:
    """Inference, or forward and backward, of pictures of 224 x 224."""
    model = resnet(lib, depth).train(train)
    x = lib.from_numpy(np.random.default_rng(0).normal(size=(batch, 3, 224, 224)).astype(np.float32))

    def run() -> None:
        if train:
            model(x).square().mean().backward()
            return
        with lib.no_grad():
            model(x)

    return run


def rows(count: int) -> Iterator[Row]:
    import torch  # not at the top: bench.memory measures processes that have not loaded it

    for of in LAYERS:
        title, n, c_in, c_out, lengths, kernel, stride, _ = of
        jobs = {lib.__name__: layer(lib, of) for lib in (rt, torch)}
        positions = np.prod(lengths) / (1 if title.startswith("T") else stride ** len(lengths))
        work = float(2.0 * n * c_in * c_out * positions * np.prod(kernel))
        for kind in "yxw":
            pair = {name: job[kind] for name, job in jobs.items()}
            what = f"{title} at {'x'.join(map(str, lengths))} b{n} {kind}, threads {count}"
            yield Row(what, pair, {"torch": 1.0}, budget=0.08, work=("float32", work))
    for depth, batch, train in ((18, 1, False), (18, 4, True), (50, 1, False), (50, 4, False)):
        jobs_of = {lib.__name__: network(lib, depth, batch, train) for lib in (rt, torch)}
        what = f"ResNet-{depth} b{batch} {'training' if train else 'inference'}, threads {count}"
        yield Row(what, jobs_of, {"torch": 1.0}, budget=0.5)


def main() -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            met &= show_all(rows(count), torch=1.5)
    return met
