"""Calls on four float32 elements: what a call costs beside its arithmetic."""

from __future__ import annotations

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads


def rows() -> list[Row]:
    a = np.arange(1, 5, dtype=np.float32)
    names = {
        "np": np, "rt": rt, "torch": torch, "a": a,
        "t": rt.tensor(a), "tg": rt.tensor(a, requires_grad=True),
        "u": torch.tensor(a), "ug": torch.tensor(a, requires_grad=True),
    }  # fmt: skip

    def row(title: str, ours: str, numpy: str = "", pytorch: str = "", /, **goals: float) -> Row:
        jobs = {"rustorch": ours, "numpy": numpy, "torch": pytorch}
        return Row(title, {library: job for library, job in jobs.items() if job}, goals, names)

    return [
        row("t + t", "t + t", "a + a", "u + u", numpy=4, torch=10),
        row("t + t, requires_grad", "tg + tg", "", "ug + ug", torch=8),
        row("np.add(t, t)", "np.add(t, t)", "np.add(a, a)", "", numpy=1),
        row("t * 2.0", "t * 2.0", "a * 2.0", "u * 2.0"),
        row("t.exp(), np.exp(a)", "t.exp()", "np.exp(a)", "u.exp()"),
        row("t.sum()", "t.sum()", "a.sum()", "u.sum()"),
        row("t[0]", "t[0]", "a[0]", "u[0]"),
        row("from_numpy(a)", "rt.from_numpy(a)", "", "torch.from_numpy(a)"),
        row("t.numpy()", "t.numpy()", "", "u.numpy()"),
        row("np.from_dlpack(t)", "np.from_dlpack(t)", "np.from_dlpack(a)", "np.from_dlpack(u)"),
        row("rt.from_dlpack(a), torch.from_dlpack(a)", "rt.from_dlpack(a)", "", "torch.from_dlpack(a)"),
        row("torch.from_dlpack(t), (u)", "torch.from_dlpack(t)", "", "torch.from_dlpack(u)"),
        row("rt.from_dlpack(u), torch.from_dlpack(u)", "rt.from_dlpack(u)", "", "torch.from_dlpack(u)"),
    ]


def main() -> bool:
    with threads(1):
        return all([show(row) for row in rows()])
