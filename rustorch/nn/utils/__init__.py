"""What treats a whole network at once: gradients, parameters, sequences of different lengths; and what
changes how a layer's parameters are made."""

from __future__ import annotations

import importlib
from typing import Any

from . import rnn as rnn
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "fuse_conv_bn_eval",
    "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights", "get_total_norm", "parameters_to_vector",
    "parametrizations", "parametrize", "prune", "remove_spectral_norm", "remove_weight_norm", "skip_init",
    "spectral_norm", "stateless", "vector_to_parameters", "weight_norm",
]  # fmt: skip

_WHERE = {
    "fuse_conv_bn_eval": "fusion", "fuse_conv_bn_weights": "fusion", "fuse_linear_bn_eval": "fusion",
    "fuse_linear_bn_weights": "fusion", "skip_init": "fusion", "remove_spectral_norm": "_norms",
    "remove_weight_norm": "_norms", "spectral_norm": "_norms", "weight_norm": "_norms",
}  # fmt: skip
_MODULES = ("fusion", "parametrizations", "parametrize", "prune", "rnn", "stateless")


def __getattr__(name: str) -> Any:
    """The rarer parts are loaded when first asked for."""
    if name in _WHERE:
        value = getattr(importlib.import_module("." + _WHERE[name], __name__), name)
    elif name in _MODULES:
        value = importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
