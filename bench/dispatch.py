"""Every common call on small float32 tensors: what it costs beside its arithmetic; one thread."""

from __future__ import annotations

import operator
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Job, Row, show_all, threads

# title or statement | NumPy's, with `a` for the tensor | PyTorch's; "=" is the same statement, "" none
CALLS = """
x + y | = | =
x * 2.0 | = | =
2 - x | = | =
x / y | = | =
x ** 2 | = | =
x > y | = | =
x == y | = | =
-x | = | =
abs(x) | = | =
m & m | = | =
x + row | = | =
x + c | = | =
iadd(w, y) | = | =
lib.add(x, y) | = | =
lib.maximum(x, y) | = | =
lib.where(m, x, y) | = | =
lib.exp(x) | = | =
lib.sqrt(c) | = | =
lib.sin(x) | = | =
lib.tanh(x) | = | =
lib.add(x, y, out=w) | = | =
x.clip(-1, 1) | = | =
x.exp() | np.exp(x) | =
x.relu() | np.maximum(x, 0) | =
x.sigmoid() | | =
x.sum() | = | =
x.mean() | = | =
x.max() | = | =
x.argmax() | = | =
q.sum(0) | = | =
q.mean(1) | = | =
q.max(axis=1) | = | q.amax(dim=1)
x.std() | = | =
q.softmax(1) | | =
lib.linalg.norm(x) | = | =
x.all() | = | =
x[0] | = | =
x[1:3] | = | =
x[::2] | = | =
q[1, 2] | = | =
q[1] | = | =
q[:, 1] | = | =
q[None] | = | =
q[..., 0] | = | =
x[i] | = | =
x[m] | = | =
w[0] = 1.0 | = | =
w[1:3] = 2.0 | = | =
w[:] = y | = | =
q.T | = | =
q.reshape(4, 3) | = | =
q.reshape(-1) | = | =
q.ravel() | = | =
q.transpose(0, 1) | np.swapaxes(q, 0, 1) | =
q.view(12) | | =
q.unsqueeze(0) | np.expand_dims(q, 0) | =
q.squeeze() | = | =
q.permute(1, 0) | q.transpose(1, 0) | =
q.flatten() | = | =
x.expand(3, 4) | np.broadcast_to(x, (3, 4)) | =
x.clone() | x.copy() | =
x.detach() | | =
x.shape | = | =
x.dtype | = | =
x.ndim | = | =
len(x) | = | =
e.item() | = | =
float(e) | = | =
x.tolist() | = | =
x.to(lib.float64) | x.astype(np.float64) | =
x.contiguous() | np.ascontiguousarray(x) | =
lib.stack([x, y]) | = | =
lib.cat([x, y]) | np.concatenate([x, y]) | =
lib.zeros(4) | = | =
lib.ones((2, 3)) | = | =
lib.empty(4) | = | =
lib.arange(4) | = | =
lib.zeros_like(x) | = | =
lib.full((4,), 2.0) | = | =
lib.tensor([1.0, 2.0]) | np.array([1.0, 2.0]) | =
q @ r | = | =
q @ x | = | =
x @ y | = | =
lib.matmul(s, s) | = | =
x.sort() | np.sort(x) | =
x.cumsum(0) | = | =
lib.allclose(x, y) | = | =
x.numpy() | | =
x.is_contiguous() | | =
lib.from_numpy(a) | | =
np.asarray(x) | = | =
np.from_dlpack(x) | = | =
lib.from_dlpack(a) | | =
lib.from_dlpack(foreign) | | =
torch.from_dlpack(x) | | =
torch.from_numpy(x.numpy()) | | =
np.add(x, y) | = |
np.exp(x) | = |
np.sum(x) | = |
np.multiply(x, a) | = |
np.add(x, y, out=w) | = |
a + x | = |
xg * yg | | =
lib.exp(xg) | | =
xg.sum() | | =
xg.sum().backward() | | =
((xg * y).exp() + x).tanh().sum().backward() | | =
xg.detach() | | =
linear(q) | | =
lib.nn.functional.relu(x) | | =
lib.nn.functional.mse_loss(x, y) | | =
lib.nn.functional.cross_entropy(q, k) | | =
"""


def names(lib: Any, make: Callable[[Any], Any], gradients: bool) -> dict[str, Any]:
    """The operands that the calls mention, made by one library."""
    a = np.array([0.5, 1.0, 2.0, 3.0], np.float32)
    arrays = {
        "x": a, "y": a[::-1], "w": a, "c": a[1], "e": a[2], "row": a[:1], "m": a > 1, "i": np.array([2, 0]),
        "q": np.arange(12, dtype=np.float32).reshape(3, 4) / 7, "r": np.arange(8, dtype=np.float32).reshape(4, 2),
        "s": np.eye(4, dtype=np.float32), "k": np.array([0, 1, 2]),
    }  # fmt: skip
    space = {"iadd": operator.iadd, "np": np, "torch": torch, "lib": lib, "a": a, "foreign": torch.tensor(a)}
    space |= {name: make(np.array(array)) for name, array in arrays.items()}
    if gradients:
        space |= {name: lib.tensor(a).requires_grad_() for name in ("xg", "yg")}
        space["linear"] = lib.nn.Linear(4, 2)
    return space


def rows() -> list[Row]:
    """A row of each line of CALLS."""
    spaces = {
        "rustorch": names(rt, rt.tensor, True),
        "numpy": names(np, np.asarray, False),
        "torch": names(torch, torch.tensor, True),
    }
    found = []
    for line in CALLS.strip().splitlines():
        ours, *others = (part.strip() for part in line.split("|"))
        jobs: dict[str, Job] = {}
        for library, call in zip(spaces, [ours, *others], strict=False):
            if call:
                jobs[library] = timeit.Timer(ours if call == "=" else call, globals=spaces[library])
        found.append(Row(ours, jobs, budget=0.12))
    return found


def main() -> bool:
    with threads(1):
        return show_all(rows(), numpy=3, torch=8)
