"""Attention by every way it is computed: few queries and many, shared heads, masks, widths that fill no vector;
PyTorch in double is the judge."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import rustorch as rt

torch = pytest.importorskip("torch")

ours = rt.nn.functional.scaled_dot_product_attention
theirs = torch.nn.functional.scaled_dot_product_attention
rng = np.random.default_rng(0)
Shape = tuple[int, ...]


def both(
    shapes: tuple[Shape, Shape, Shape], dtype: str, mask: Any = None, **options: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Result and gradients, ours and PyTorch's in double."""
    arrays = [rng.normal(size=s).astype(dtype) for s in shapes]
    a = [rt.from_numpy(x).requires_grad_() for x in arrays]
    b = [torch.from_numpy(x.astype(np.float64)).requires_grad_() for x in arrays]
    wide = mask if mask is None or mask.dtype == bool else mask.astype(np.float64)
    out = ours(*a, None if mask is None else rt.from_numpy(mask), **options)
    wanted = theirs(*b, None if mask is None else torch.from_numpy(wide), **options)
    g = rng.normal(size=tuple(wanted.shape))
    out.backward(rt.from_numpy(g.astype(dtype)))
    wanted.backward(torch.from_numpy(g))
    results = [(out, *(x.grad for x in a)), (wanted, *(x.grad for x in b))]
    first, second = ([x.detach().numpy() for x in found] for found in results)
    return first, second


def agree(found: tuple[list[np.ndarray], list[np.ndarray]], dtype: str) -> None:
    bound = 1e-4 if dtype == "float32" else 1e-12
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("queries", "keys"), list(itertools.product((1, 2, 8, 9, 70), (1, 15, 17, 129, 300))))
def test_lengths(queries: int, keys: int, dtype: str) -> None:
    for width, value_width in ((1, 5), (16, 16), (33, 40), (64, 72)):
        shapes = ((2, 3, queries, width), (2, 3, keys, width), (2, 3, keys, value_width))
        agree(both(shapes, dtype), dtype)
        agree(both(shapes, dtype, is_causal=True), dtype)
        agree(both(shapes, dtype, rng.normal(size=(queries, keys)).astype(dtype)), dtype)


@pytest.mark.parametrize("queries", [1, 2, 5, 70])
@pytest.mark.parametrize("shape", [None, (1, 1, 1), (2, 1, 1), (1, 6, 1), (2, 6, 1), (), "causal"])
def test_shared_heads(queries: int, shape: Any) -> None:
    shapes = ((2, 6, queries, 20), (2, 2, 50, 20), (2, 2, 50, 24))
    mask = None
    if isinstance(shape, tuple):
        mask = rng.random((*shape[:2], queries if shape else 1, 50)) > 0.3
        mask[..., 0] = True
        if not shape:
            mask = np.ascontiguousarray(mask.reshape(-1, 50)[:1].repeat(queries, 0))
    agree(both(shapes, "float64", mask, enable_gqa=True, is_causal=shape == "causal"), "float64")


def test_shared_heads_differ() -> None:
    """Keys and values may be shared by different numbers of heads; heads may lie within rows."""
    agree(both(((2, 6, 3, 8), (2, 2, 7, 8), (2, 3, 7, 8)), "float64", enable_gqa=True), "float64")
    with pytest.raises(RuntimeError, match="multiple"):
        ours(rt.ones(1, 6, 2, 4), rt.ones(1, 4, 2, 4), rt.ones(1, 4, 2, 4), enable_gqa=True)
    q, k = rng.normal(size=(2, 5, 6, 8)), rng.normal(size=(2, 7, 2, 8))
    for query in (q, q[:, :1]):
        x, y = (rt.from_numpy(a.copy()).transpose(1, 2) for a in (query, k))
        s, t = (torch.from_numpy(a.copy()).transpose(1, 2) for a in (query, k))
        np.testing.assert_allclose(
            ours(x, y, y, enable_gqa=True).numpy(), theirs(s, t, t, enable_gqa=True).numpy(), rtol=1e-12, atol=1e-12
        )


def test_order_of_dimensions() -> None:
    """Results lie in memory as queries do, so that heads are joined without copying."""
    for order, back in (((0, 2, 1, 3), (0, 2, 1, 3)), ((1, 2, 0, 3), (2, 0, 1, 3))):
        q = rt.randn(3, 4, 5, 8).permute(*order)
        assert ours(q, q, q).permute(*back).is_contiguous()


def test_nothing_to_see() -> None:
    """Queries that see no key get zeros, and give no gradient."""
    for queries in (1, 20):
        x = rt.ones(1, queries, 4, requires_grad=True)
        k = rt.ones(1, 6, 4, requires_grad=True)
        out = ours(x, k, k, rt.zeros(queries, 6, dtype=rt.bool))
        out.sum().backward()
        assert not out.detach().numpy().any()
        assert not x.grad.numpy().any()
    assert ours(rt.ones(2, 3, 4), rt.ones(2, 0, 4), rt.ones(2, 0, 5)).numpy().tolist() == np.zeros((2, 3, 5)).tolist()


@pytest.mark.parametrize("queries", [1, 7, 100])
def test_threads(queries: int) -> None:
    """The same bits for any number of threads."""
    q, k = rt.randn(3, 5, queries, 40), rt.randn(3, 5, 333, 40)
    before, found = rt.get_num_threads(), []
    try:
        for count in (1, 2, 4):
            rt.set_num_threads(count)
            leaves = [x.clone().requires_grad_() for x in (q, k, k)]
            out = ours(*leaves)
            out.square().sum().backward()
            found.append([x.detach().numpy().tobytes() for x in (out, *(x.grad for x in leaves))])
    finally:
        rt.set_num_threads(before)
    assert found[0] == found[1] == found[2]
