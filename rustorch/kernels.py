"""The kernels behind layers, as functions of tensors.

>>> import rustorch as rt
>>> q = rt.ones(1, 3, 4)
>>> rt.kernels.scaled_dot_product_attention(q, q, q).shape
(1, 3, 4)
"""

from .nn.functional import (
    batch_norm,
    conv1d,
    conv2d,
    conv3d,
    cross_entropy,
    gelu,
    layer_norm,
    linear,
    relu,
    scaled_dot_product_attention,
    softmax,
)

__all__ = [
    "batch_norm", "conv1d", "conv2d", "conv3d", "cross_entropy", "gelu", "layer_norm", "linear", "relu",
    "scaled_dot_product_attention", "softmax",
]  # fmt: skip
