"""Elementary functions of a million numbers on one thread, into a given output."""

from __future__ import annotations

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads

# NumPy's name -> PyTorch's, where it has the function
FUNCTIONS = {"sin": "sin", "cos": "cos", "exp": "exp", "log": "log", "tan": "tan", "tanh": "tanh", "log1p": "log1p",
             "expm1": "expm1", "exp2": "exp2", "log2": "log2", "log10": "log10", "arctan": "atan", "arcsin": "asin",
             "sinh": "sinh", "sqrt": "sqrt", "cbrt": ""}  # fmt: skip
TWICE = ("sin", "cos", "exp", "log")


def numpys_own() -> set[str]:
    """Of float64, what NumPy has in code for AVX-512, if this machine has that."""
    features = np._core._multiarray_umath.__cpu_features__
    return {"exp", "log"} if any(features.get(name) for name in ("X86_V4", "AVX512_SKX")) else set()


def rows() -> list[Row]:
    table = []
    for dtype in ("float64", "float32"):
        x = np.random.default_rng(0).uniform(0.01, 0.99, 10**6).astype(dtype)
        t, u = rt.tensor(x), torch.tensor(x)
        names = {"np": np, "torch": torch, "a": x, "o": np.empty_like(x), "t": t, "p": rt.empty_like(t), "u": u,
                 "q": torch.empty_like(u)}  # fmt: skip
        for numpy, pytorch in FUNCTIONS.items():
            jobs = {"rustorch": f"np.{numpy}(t, out=p)", "numpy": f"np.{numpy}(a, out=o)"}
            if pytorch:
                jobs["torch"] = f"torch.{pytorch}(u, out=q)"
            wanted = dtype == "float64" and numpy in TWICE and numpy not in numpys_own()
            table.append(Row(f"{numpy}, 10^6 {dtype}", jobs, {"numpy": 2} if wanted else {}, names, 0.6))
    return table


def main() -> bool:
    with threads(1):
        return all([show(row) for row in rows()])
