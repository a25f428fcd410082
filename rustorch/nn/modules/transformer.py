"""PyTorch's path to transformers."""

from __future__ import annotations

from ..transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    _generate_square_subsequent_mask as _generate_square_subsequent_mask,
    _get_activation_fn as _get_activation_fn,
    _get_clones as _get_clones,
)  # fmt: skip

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip
