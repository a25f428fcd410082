"""A layer of one library made anew in the other, from its attributes.

Both libraries' classes take the same arguments and keep them under the same names; what differs is listed here.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import RusTorchError

__all__ = ["ConversionError", "make_layer", "own_class"]


class ConversionError(RusTorchError, NotImplementedError):
    """Something in a model that has no counterpart; the message names it and where it is."""

    __module__ = "rustorch.interop"


# arguments that are not attributes, or attributes that are no arguments of a new layer
_LEFT_OUT = {
    "device", "dtype", "size_average", "reduce", "process_group", "_weight", "_freeze", "_random_samples", "min_value",
    "max_value", "weight", "pos_weight", "init", "args", "kwargs",
}  # fmt: skip
_RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
Arguments = dict[str, Any]


def _attention(layer: Any) -> Arguments:
    return {"bias": layer.in_proj_bias is not None, "add_bias_kv": layer.bias_k is not None}


def _transformer_layer(layer: Any) -> Arguments:
    attention = layer.self_attn
    return {
        "d_model": getattr(attention, "embed_dim", 1), "nhead": getattr(attention, "num_heads", 1),
        "dim_feedforward": 1, "batch_first": getattr(attention, "batch_first", False), "dropout": 0.0,
        "norm_first": layer.norm_first, "bias": False, "activation": "relu",
    }  # fmt: skip


def _recurrent(layer: Any) -> Arguments:
    arguments = {name: getattr(layer, name) for name in _RECURRENT}
    if layer.num_layers == 1:
        arguments["dropout"] = 0.0  # set below; as an argument it would warn
    if layer.mode.startswith("RNN"):
        return {**arguments, "nonlinearity": layer.mode[4:].lower()}
    return {**arguments, "proj_size": layer.proj_size} if layer.proj_size else arguments


_RULES: dict[str, Callable[[Any], Arguments]] = {
    "MultiheadAttention": _attention,
    "TransformerEncoderLayer": _transformer_layer,
    "TransformerDecoderLayer": _transformer_layer,
    "Transformer": lambda layer: {"d_model": layer.d_model, "nhead": layer.nhead, "batch_first": layer.batch_first},
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "PairwiseDistance": lambda layer: {"p": layer.norm},
    "LinearCrossEntropyLoss": lambda layer: {
        "in_features": layer.linear.in_features, "bias": layer.linear.bias is not None,
    },
    "AdaptiveLogSoftmaxWithLoss": lambda layer: {"cutoffs": list(layer.cutoffs[:-1])},
}
# attributes that are set on the new layer as they are
_SET: dict[str, tuple[str, ...]] = {
    "RNN": ("dropout",), "LSTM": ("dropout",), "GRU": ("dropout",), "ParameterList": ("_size",),
    "TransformerEncoder": ("num_layers", "enable_nested_tensor", "mask_check", "use_nested_tensor"),
    "TransformerDecoder": ("num_layers",),
    "_SpectralNorm": ("dim", "eps", "n_power_iterations"),
    "PReLU": ("init",),
}  # fmt: skip


def make_layer(cls: Any, layer: Any, translated: Callable[[Any], Any]) -> Any:
    """A new object of cls, the counterpart of layer's class, with layer's settings and tensors of its own.
    `translated` gives the counterparts of functions among the settings."""
    name = cls.__name__
    rule = _RULES.get(name)
    if name in ("ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict", "Module"):
        made = cls()
    elif name in ("TransformerEncoder", "TransformerDecoder"):
        made = _bare(cls)
        made.norm = None
    elif name in ("_SpectralNorm", "_Orthogonal"):
        made = _bare(cls)
        if name == "_Orthogonal":
            _set_orthogonal(made, layer)
    elif name == "DataParallel":
        made = cls(_bare(cls.__mro__[1]), None)
    elif name == "Transformer":
        placeholder = _bare(cls.__mro__[1])
        made = cls(custom_encoder=placeholder, custom_decoder=placeholder, **_RULES[name](layer))
    elif name in ("RNN", "LSTM", "GRU") and rule is not None:
        made = cls(**rule(layer))
    else:
        arguments = _arguments(cls, layer, translated)
        made = cls(**{**arguments, **(rule(layer) if rule is not None else {})})
    for attribute in _SET.get(name, ()):
        if hasattr(layer, attribute):
            setattr(made, attribute, getattr(layer, attribute))
    if name == "ParameterDict":
        made._keys = dict(layer._keys)
    if name == "TransformerEncoder" and not hasattr(made, "use_nested_tensor"):
        made.use_nested_tensor = False
    if callable(getattr(layer, "activation", None)) and "activation" not in layer._modules:
        made.activation = translated(layer.activation)
        word = getattr(layer.activation, "__name__", "")
        made.activation_relu_or_gelu = {"relu": 1, "gelu": 2}.get(word, 0)  # what PyTorch's quick way asks for
    return made


def _bare(cls: Any) -> Any:
    """An object of a Module class on which only Module's constructor has run."""
    made = cls.__new__(cls)
    root = next(base for base in cls.__mro__ if base.__name__ == "Module")
    root.__init__(made)
    return made


def _arguments(cls: Any, layer: Any, translated: Callable[[Any], Any]) -> Arguments:
    arguments: Arguments = {}
    held = {*layer._parameters, *layer._buffers, *layer._modules}
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if name in _LEFT_OUT or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name == "bias":
            bias = getattr(layer, "bias", None)
            arguments[name] = bias if isinstance(bias, bool) else bias is not None
        elif hasattr(layer, name) and name not in held:
            arguments[name] = translated(getattr(layer, name))
    return arguments


def _set_orthogonal(made: Any, layer: Any) -> None:
    """The two libraries keep the map's name differently: as an enumeration, and as a word."""
    made.shape = tuple(layer.shape)
    word = getattr(layer.orthogonal_map, "name", layer.orthogonal_map)
    if type(made).__module__.startswith("torch."):
        from torch.nn.utils.parametrizations import _OrthMaps  # type: ignore[attr-defined, unused-ignore]

        made.orthogonal_map = _OrthMaps[word]
    else:
        made.orthogonal_map = word
        made.trivialized = "base" in layer._buffers


def own_class(module: Any, nn: Any) -> type:
    """A module's class, without the one that parametrizations put before it."""
    cls = type(module)
    parametrize = importlib.import_module(nn.__name__ + ".utils.parametrize")
    own: type = parametrize.type_before_parametrizations(module)
    return own if isinstance(own, type) else cls
