"""Attention without state: scaled dot products, and several heads with their projections."""

from __future__ import annotations

import math
from typing import Any

from .._C import Tensor, ops, zeros

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]

_attention, _linear, _cat, _pad = ops["attention"], ops["linear"], ops["cat"], ops["pad"]
_softmax, _matmul, _dropout = ops["softmax"], ops["matmul"], ops["dropout"]


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(scale query key' + mask) value (Vaswani et al. 2017), in memory that grows with S alone.

    query: (..., L, E).  key: (..., S, E).  value: (..., S, Ev).  Leading dimensions are broadcast.
    attn_mask: (..., L, S); bool, True where a key may be seen, or numbers that are added.  A query that sees no
    key gets zeros.  dropout_p: probability of dropping a weight, whatever the mode.  is_causal: query i sees
    the keys up to i; not together with attn_mask.  scale: 1/sqrt(E) by default.  enable_gqa: heads
    (dimension -3) of key and value are each shared by several of query's.
    TensorError when shapes do not fit.
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    if scale is None:
        width = query.shape[-1] if query.ndim else 1
        scale = 1.0 / math.sqrt(width) if width else 1.0
    if enable_gqa:
        return _grouped(query, key, value, attn_mask, dropout_p, is_causal, scale)
    return _attention(query, key, value, attn_mask, dropout_p, is_causal, scale)


def _group(query: Tensor, heads: Tensor) -> int:
    """How many heads of queries share one."""
    if query.ndim < 3 or heads.ndim < 3 or heads.shape[-3] == 0 or query.shape[-3] % heads.shape[-3]:
        raise RuntimeError(
            "scaled_dot_product_attention: enable_gqa needs a number of query heads that is a multiple of key's and"
            f" value's, not shapes {tuple(query.shape)} and {tuple(heads.shape)}"
        )
    return int(query.shape[-3] // heads.shape[-3])


def _grouped(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *options: Any) -> Tensor:
    """Attention whose heads of keys and values are read where they lie, by several heads of queries.

    Heads become (heads, group); those of a single query each are rows of one matrix.
    """
    size = _group(query, key)
    if _group(query, value) != size:
        key, size = key.repeat_interleave(size, -3), 1
        value = value.repeat_interleave(_group(query, value), -3)
    if size == 1:
        return _attention(query, key, value, mask, *options)
    shared = (key.shape[-3], size)
    queries = query.unflatten(-3, shared)
    if mask is not None and mask.ndim > 2:
        mask = mask.unflatten(-3, shared if mask.shape[-3] != 1 else (1, 1))
    if query.shape[-2] == 1 and not options[1]:
        mask = mask if mask is None or mask.ndim <= 2 else mask.squeeze(-2)
        return _attention(queries.squeeze(-2), key, value, mask, *options).flatten(-3, -2).unsqueeze(-2)
    return _attention(queries, key.unsqueeze(-3), value.unsqueeze(-3), mask, *options).flatten(-4, -3)


# ---- several heads ----


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _check_dims(query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any, heads: int) -> bool:
    """Is there a batch?"""
    dims = query.ndim
    if dims not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor"
        )
    kind = "batched (3-D)" if dims == 3 else "unbatched (2-D)"
    _check(
        key.ndim == dims and value.ndim == dims,
        f"For {kind} `query`, expected `key` and `value` to be {dims}-D but found {key.ndim}-D and {value.ndim}-D"
        " tensors respectively",
    )
    if padding is not None and padding.ndim != dims - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D but found"
            f" {padding.ndim}-D tensor instead"
        )
    if mask is not None:
        _check(
            mask.ndim in (2, 3),
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead",
        )
        expected = (heads, query.shape[0], key.shape[0])
        _check(
            dims == 3 or mask.ndim == 2 or tuple(mask.shape) == expected,
            f"Expected `attn_mask` shape to be {expected} but got {tuple(mask.shape)}",
        )
    return dims == 3


def _additive(mask: Tensor | None, name: str, dtype: Any) -> Tensor | None:
    """A mask of bools, True where nothing may be seen, as numbers to add."""
    if mask is None:
        return None
    if mask.dtype.kind == "b":
        return zeros(tuple(mask.shape), dtype=dtype).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask


def _parts(tensor: Tensor | None, size: int) -> list[Tensor | None]:
    return [None] * 3 if tensor is None else [tensor.narrow(0, k * size, size) for k in range(3)]


def _heads(x: Tensor, heads: int, width: int, batch_first: bool) -> Tensor:
    """(N, L, E) or (L, N, E) as (N, heads, L, width), without copying."""
    split = x.reshape((*tuple(x.shape)[:2], heads, width))
    return split.transpose(1, 2) if batch_first else split.permute(1, 2, 0, 3)


def _merged_mask(
    mask: Tensor | None, padding: Tensor | None, shape: tuple[int, int, int, int]
) -> Tensor | None:
    """Both masks as one that broadcasts to (N, heads, L, S)."""
    batch, heads, length, keys = shape
    if mask is not None:
        wanted = (length, keys) if mask.ndim == 2 else (batch * heads, length, keys)
        if tuple(mask.shape) != wanted:
            raise RuntimeError(
                f"The shape of the {mask.ndim}D attn_mask is {tuple(mask.shape)}, but should be {wanted}."
            )
        mask = mask.reshape((1, 1, length, keys) if mask.ndim == 2 else shape)
    if padding is None:
        return mask
    _check(
        tuple(padding.shape) == (batch, keys),
        f"Expected key_padding_mask.shape to be {(batch, keys)}, but got {tuple(padding.shape)}",
    )
    padding = padding.reshape((batch, 1, 1, keys))
    return padding if mask is None else mask + padding


def attend(
    query: Tensor, key: Tensor, value: Tensor, heads: int, in_weights: list[Tensor | None],
    in_biases: list[Tensor | None], bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
    out_weight: Tensor, out_bias: Tensor | None, padding: Tensor | None, mask: Tensor | None, need_weights: bool,
    average: bool, is_causal: bool, batch_first: bool, static_k: Tensor | None = None, static_v: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention of several heads over (N, L, E) when batch_first, else (L, N, E)."""
    steps = 1 if batch_first else 0
    batch, length, embed = query.shape[1 - steps], query.shape[steps], query.shape[2]
    width, source = embed // heads, key.shape[steps]
    masks = _merged_mask(mask, padding, (batch, heads, length, source))
    q, k, v = (_linear(x, w, b) for x, w, b in zip((query, key, value), in_weights, in_biases, strict=True))
    if bias_k is not None and bias_v is not None:
        shape = (batch, 1, embed) if batch_first else (1, batch, embed)
        k, v = _cat([k, bias_k.expand(shape)], steps), _cat([v, bias_v.expand(shape)], steps)
        masks = None if masks is None else _pad(masks, (0, 1))
    q = _heads(q, heads, width, batch_first)
    k = static_k.reshape((batch, heads, -1, width)) if static_k is not None else _heads(k, heads, width, batch_first)
    v = static_v.reshape((batch, heads, -1, width)) if static_v is not None else _heads(v, heads, width, batch_first)
    if add_zero_attn:
        none = zeros((batch, heads, 1, width), dtype=k.dtype)
        k, v = _cat([k, none], 2), _cat([v, none], 2)
        masks = None if masks is None else _pad(masks, (0, 1))
    weights = None
    if need_weights:
        scores = _matmul(q * math.sqrt(1.0 / width), k.mT)
        weights = _softmax(scores if masks is None else scores + masks, -1)
        if dropout_p > 0:
            weights = _dropout(weights, dropout_p)
        result = _matmul(weights, v)
    else:
        result = _attention(q, k, v, masks, dropout_p, is_causal and masks is None, 1.0 / math.sqrt(width))
    merged = result.transpose(1, 2) if batch_first else result.permute(2, 0, 1, 3)
    shape = (batch, length, embed) if batch_first else (length, batch, embed)
    output = _linear(merged.reshape(shape), out_weight, out_bias)
    return output, weights.mean(1) if weights is not None and average else weights


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None,
    add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None,
    training: bool = True, key_padding_mask: Tensor | None = None, need_weights: bool = True,
    attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None, static_k: Tensor | None = None,
    static_v: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False,
    _batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention of several heads (Vaswani et al. 2017): what MultiheadAttention computes.

    query: (L, N, E) or (L, E).  key, value: (S, N, E) or (S, E).  in_proj_weight: (3E, E), or the three separate
    ones.  key_padding_mask: (N, S), True or -inf where a key is padding.  attn_mask: (L, S) or (N heads, L, S), True
    where a key must not be seen, or numbers that are added.  is_causal: a hint that attn_mask is causal.
    Gives the result and, when need_weights, the weights (N, L, S), or (N, heads, L, S) when not averaged.
    AssertionError and RuntimeError, as PyTorch, when shapes do not fit.
    """
    batched = _check_dims(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = (x.unsqueeze(0 if _batch_first else 1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method"
            " `generate_square_subsequent_mask` to create this mask."
        )
    embed = query.shape[2]
    _check(
        embed == embed_dim_to_check, f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}"
    )
    _check(embed % num_heads == 0, f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        _check(
            tuple(key.shape)[:2] == tuple(value.shape)[:2],
            f"key's sequence and batch dims {tuple(key.shape)[:2]} do not match value's {tuple(value.shape)[:2]}",
        )
        weights = [q_proj_weight, k_proj_weight, v_proj_weight]
        _check(None not in [w if w is None else 0 for w in weights], "a separate projection weight is None")
    else:
        _check(
            key.shape == value.shape, f"key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}"
        )
        _check(in_proj_weight is not None, "use_separate_proj_weight is False but in_proj_weight is None")
        weights = _parts(in_proj_weight, embed)
    _check((bias_k is None) == (bias_v is None), "bias_k and bias_v go together")
    _check(bias_k is None or static_k is None, "bias cannot be added to static key.")
    padding = _additive(key_padding_mask, "key_padding_mask", query.dtype)
    by_hint = is_causal and padding is None and not need_weights
    mask = None if by_hint else _additive(attn_mask, "attn_mask", query.dtype)
    output, found = attend(
        query, key, value, num_heads, weights, _parts(in_proj_bias, embed), bias_k, bias_v, add_zero_attn,
        dropout_p if training else 0.0, out_proj_weight, out_proj_bias, padding, mask, need_weights,
        average_attn_weights, is_causal, _batch_first, static_k, static_v,
    )  # fmt: skip
    if not batched:
        output = output.squeeze(0 if _batch_first else 1)
        found = None if found is None else found.squeeze(0)
    return output, found
