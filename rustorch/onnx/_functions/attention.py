"""ONNX's Attention and RotaryEmbedding."""

from __future__ import annotations

import math

import rustorch as rt

from .registry import operator

Tensor = rt.Tensor


def _heads(x: Tensor, count: int | None) -> Tensor:
    """(batch, length, heads * size) as (batch, heads, length, size)."""
    if x.ndim == 4:
        return x
    if not count:
        raise ValueError("Attention: inputs of three dimensions need q_num_heads and kv_num_heads")
    return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(1, 2)


@operator("Attention", several=True)
def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, past_key: Tensor | None = None,
    past_value: Tensor | None = None, nonpad_kv_seqlen: Tensor | None = None, is_causal: int = 0,
    kv_num_heads: int | None = None, q_num_heads: int | None = None, qk_matmul_output_mode: int = 0,
    scale: float | None = None, softcap: float = 0.0, softmax_precision: int | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    flat = q.ndim == 3
    query, key, value = _heads(q, q_num_heads), _heads(k, kv_num_heads), _heads(v, kv_num_heads)
    if past_key is not None:
        key = rt.cat([past_key, key], 2)
    if past_value is not None:
        value = rt.cat([past_value, value], 2)
    present = key, value
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    length, total = query.shape[2], key.shape[2]
    root = math.sqrt(1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    scores = rt.matmul(query * root, key.mT * root)
    raw = scores
    bias = rt.zeros((length, total), dtype=query.dtype)
    if attn_mask is not None:
        if attn_mask.dtype == rt.bool:
            attn_mask = rt.zeros(tuple(attn_mask.shape), dtype=query.dtype).masked_fill(~attn_mask, -math.inf)
        short = total - attn_mask.shape[-1]
        if short:
            attn_mask = rt.nn.functional.pad(attn_mask, [0, short], "constant", -math.inf)
        bias = bias + attn_mask
    if is_causal:
        offset = 0 if past_key is None else past_key.shape[2]
        if nonpad_kv_seqlen is not None and past_key is None:
            ends = nonpad_kv_seqlen.reshape(-1, 1, 1, 1) - length
            seen = rt.arange(total).reshape(1, 1, 1, -1) <= rt.arange(length).reshape(1, 1, -1, 1) + ends
        else:
            seen = rt.arange(total).unsqueeze(0) <= rt.arange(length).unsqueeze(1) + offset
        bias = bias + rt.zeros(tuple(seen.shape), dtype=query.dtype).masked_fill(~seen, -math.inf)
    if nonpad_kv_seqlen is not None:
        live = rt.arange(total).reshape(1, 1, 1, -1) < nonpad_kv_seqlen.reshape(-1, 1, 1, 1)
        bias = bias + rt.zeros(tuple(live.shape), dtype=query.dtype).masked_fill(~live, -math.inf)
    if softcap:
        scores = softcap * rt.tanh(scores / softcap)
    capped = scores
    scores = scores + bias
    weights = rt.softmax(scores, -1)
    weights = rt.where((bias == -math.inf).all(-1, True), rt.zeros_like(weights), weights)
    y = rt.matmul(weights, value)
    if flat:
        y = y.transpose(1, 2).reshape(q.shape[0], length, -1)
    return y, *present, (raw, capped, scores, weights)[qk_matmul_output_mode]


@operator("RotaryEmbedding")
def rotary_embedding(
    x: Tensor, cos: Tensor, sin: Tensor, position_ids: Tensor | None = None, interleaved: int = 0,
    num_heads: int = 0, rotary_embedding_dim: int = 0,
) -> Tensor:  # fmt: skip
    shape = tuple(x.shape)
    heads = x.transpose(1, 2) if x.ndim == 4 else x.reshape(*shape[:2], num_heads, -1)
    width = rotary_embedding_dim or heads.shape[-1]
    turned, rest = heads[..., :width], heads[..., width:]
    if position_ids is not None:
        cos, sin = cos[position_ids.to(rt.int64)], sin[position_ids.to(rt.int64)]
    cos, sin = cos[..., : width // 2].unsqueeze(2), sin[..., : width // 2].unsqueeze(2)
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
        turned = rt.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    else:
        a, b = turned[..., : width // 2], turned[..., width // 2 :]
        turned = rt.cat([a * cos - b * sin, a * sin + b * cos], -1)
    y = rt.cat([turned, rest], -1) if rest.shape[-1] else turned
    return y.transpose(1, 2) if x.ndim == 4 else y.reshape(shape)
