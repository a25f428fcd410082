"""Sparse arrays beside SciPy and PyTorch: products of 10^5 x 10^5 with 10^6 entries, one thread and two."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse

import rustorch as rt

from .harness import Row, show, threads

N, DENSITY = 100_000, 1e-4


def rows(dtype: str) -> list[Row]:
    import torch

    rng = np.random.default_rng(0)
    S = scipy.sparse.random_array((N, N), density=DENSITY, format="csr", rng=rng).astype(dtype)
    C, A = S.tocsc(), rt.sparse.from_scipy(S)
    B = rt.sparse.from_scipy(C)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls its CSR tensors a beta
        parts = (torch.from_numpy(p) for p in (S.indptr, S.indices, S.data))
        T = torch.sparse_csr_tensor(*parts, S.shape)
    found = []
    for width in (1, 4, 16, 64):
        shape = (N,) if width == 1 else (N, width)
        x = rng.standard_normal(shape).astype(dtype)
        t, p = rt.from_numpy(x), torch.from_numpy(x)
        names: dict[str, Any] = {"S": S, "C": C, "A": A, "B": B, "T": T, "x": x, "t": t, "p": p}
        size = f"{dtype}, {width} column{'s' if width > 1 else ''}"
        found += [
            Row(f"CSR @ x, {size}", {"rustorch": "A @ t", "scipy": "S @ x", "torch": "T @ p"}, {}, names),
            Row(f"CSC @ x, {size}", {"rustorch": "B @ t", "scipy": "C @ x"}, {}, names),
        ]
    x = rng.standard_normal(N).astype(dtype)
    values = rt.from_numpy(S.data).requires_grad_()
    coo = S.tocoo()
    where = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
    leaf = torch.sparse_coo_tensor(where, torch.from_numpy(S.data), S.shape).coalesce().requires_grad_()
    t, p = rt.from_numpy(x).requires_grad_(), torch.from_numpy(x.copy()).requires_grad_()

    def ours() -> None:
        (rt.sparse.csr_array((values, S.indices, S.indptr), shape=S.shape) @ t).sum().backward()

    def theirs() -> None:  # PyTorch's gradient of CSR is dense: 80 GB
        torch.sparse.mm(leaf, p[:, None]).sum().backward()

    jobs = {"rustorch": ours, "torch": theirs}
    return [*found, Row(f"CSR @ x and gradients, {dtype}", jobs), *structure(A, S, dtype)]


def structure(A: Any, S: Any, dtype: str) -> list[Row]:
    names = {"A": A, "S": S}
    statements = {"A + A.T": "A + A.T.tocsr()", "A @ A": "A @ A", "A.tocsc()": "A.tocsc()", "A.sum(0)": "A.sum(0)"}
    return [
        Row(f"{title}, {dtype}", {"rustorch": job, "scipy": job.replace("A", "S")}, {}, names, 0.3)
        for title, job in statements.items()
    ]


def main() -> bool:
    for count in (1, 2):
        print(f"   {count} thread{'s' if count > 1 else ''}")
        with threads(count):
            for dtype in ("float64", "float32"):
                for row in rows(dtype):
                    show(row)
    return True
