"""Layers by text: "Dense(128, activation=relu)" as modules of nn.

Names of nn's modules take nn's arguments ("Conv2d(3, 16, kernel_size=3)"); names of Keras' layers take Keras', with
channels first and the size of the input left to the first batch ("Conv2D(16, 3, activation=relu)").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .. import nn
from .._calls import Call, parse_call, spelled, unknown
from .modules import LazyBatchNorm, Recurrent, RepeatVector, SamePadConv

__all__ = ["InputShape", "layers_from"]

Layers = list[nn.Module]


class InputShape:
    """The shape of a sample, as "Input(784)" states it."""

    def __init__(self, *shape: Any, **named: Any) -> None:
        if "shape" in named:
            shape = (named.pop("shape"),)
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        if named or not shape or not all(isinstance(n, int) and n > 0 for n in shape):
            raise ValueError(f"Input: needs the lengths of a sample's shape, not {shape or named!r}")
        self.shape: tuple[int, ...] = tuple(shape)


_ACTIVATIONS: dict[str, Callable[..., nn.Module]] = {
    spelled(name): getattr(nn, name) for name in (
        "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish",
        "PReLU", "ReLU", "ReLU6", "RReLU", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh",
        "Tanhshrink", "GLU",
    )
}  # fmt: skip
_ACTIVATIONS.update(
    swish=nn.SiLU, hardsilu=nn.Hardswish,
    softmax=lambda **k: nn.Softmax(**{"dim": -1, **k}), logsoftmax=lambda **k: nn.LogSoftmax(**{"dim": -1, **k}),
    softmin=lambda **k: nn.Softmin(**{"dim": -1, **k}),
)  # fmt: skip
_NONE = ("linear", "none", "identity")


def _activation(spec: Any) -> Layers:
    """An activation by name, with arguments ("leaky_relu(0.1)"), as a class or as a module; nothing for None."""
    if spec is None:
        return []
    if isinstance(spec, nn.Module):
        return [spec]
    if isinstance(spec, type) and issubclass(spec, nn.Module):
        return [spec()]
    call = spec if isinstance(spec, Call) else Call(spec, (), {}) if isinstance(spec, str) else None
    if call is None:
        raise ValueError(f"an activation must be a name, not {spec!r}")
    name = spelled(call.name)
    if name in _NONE:
        return []
    if name not in _ACTIVATIONS:
        raise unknown("activation", call.name, _ACTIVATIONS)
    return [_ACTIVATIONS[name](*call.args, **call.kwargs)]


def _dense(
    units: int, *rest: Any, activation: Any = None, use_bias: bool = True, input_dim: Any = None,
    input_shape: Any = None, **named: Any,
) -> Layers:  # fmt: skip
    bias = named.pop("bias", use_bias)
    if input_shape is not None:
        input_dim = input_shape[-1] if isinstance(input_shape, (tuple, list)) else input_shape
    if rest and isinstance(rest[0], int) and not isinstance(rest[0], bool):  # as nn.Linear: in, out
        input_dim, units, rest = units, rest[0], rest[1:]
    if rest and activation is None:
        activation, rest = rest[0], rest[1:]
    if rest or named:
        raise TypeError(f"unexpected arguments {[*rest, *named]}")
    _positive("units", units)
    linear = nn.LazyLinear(units, bias=bias) if input_dim is None else nn.Linear(input_dim, units, bias=bias)
    return [linear, *_activation(activation)]


def _linear(*args: Any, **named: Any) -> Layers:
    """nn.Linear where both sizes are given, else as Dense."""
    if {"in_features", "input_size", "out_features", "output_size"} & set(named):
        return [nn.Linear(*args, **named)]
    return _dense(*args, **named)


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def _conv(lazy: Any) -> Callable[..., Layers]:
    def make(
        filters: int, kernel_size: Any, strides: Any = 1, padding: Any = 0, *, activation: Any = None,
        dilation_rate: Any = 1, groups: int = 1, use_bias: bool = True, **named: Any,
    ) -> Layers:  # fmt: skip
        _positive("filters", filters)
        stride, dilation = named.pop("stride", strides), named.pop("dilation", dilation_rate)
        bias, named = named.pop("bias", use_bias), named
        named.pop("input_shape", None)
        if named:
            raise TypeError(f"unexpected arguments {[*named]}")
        options = {"stride": stride, "dilation": dilation, "groups": groups, "bias": bias}
        same = padding == "same" and stride not in (1, (1, 1), (1, 1, 1), (1,))
        if same:
            return [SamePadConv(lazy(filters, kernel_size, **options)), *_activation(activation)]
        conv = lazy(filters, kernel_size, padding=0 if padding == "valid" else padding, **options)
        return [conv, *_activation(activation)]

    return make


def _conv_transpose(lazy: Any) -> Callable[..., Layers]:
    def make(
        filters: int, kernel_size: Any, strides: Any = 1, padding: Any = 0, *, activation: Any = None,
        output_padding: Any = 0, use_bias: bool = True,
    ) -> Layers:  # fmt: skip
        _positive("filters", filters)
        if padding == "same":
            if not all(isinstance(n, int) for n in (kernel_size, strides)) or kernel_size < strides:
                raise ValueError("padding='same' needs one kernel_size and strides that is not larger")
            padding = (kernel_size - strides + 1) // 2
            output_padding = 2 * padding - (kernel_size - strides)
        padding = 0 if padding == "valid" else padding
        made = lazy(filters, kernel_size, strides, padding, output_padding, bias=use_bias)
        return [made, *_activation(activation)]

    return make


def _pool(kind: Any) -> Callable[..., Layers]:
    def make(pool_size: Any = 2, strides: Any = None, padding: Any = 0) -> Layers:
        pool = kind(pool_size, strides, **({} if isinstance(padding, str) else {"padding": padding}))
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"padding must be 'same', 'valid' or a number, not {padding!r}")
        return [SamePadConv(pool) if padding == "same" else pool]

    return make


def _recurrent(kind: str) -> Callable[..., Layers]:
    def make(units: int, return_sequences: bool = False, activation: Any = None, **options: Any) -> Layers:
        _positive("units", units)
        if "use_bias" in options:
            options["bias"] = options.pop("use_bias")
        if kind == "RNN" and activation is not None:
            options["nonlinearity"] = activation
        elif activation not in (None, "tanh"):
            raise ValueError(f"{kind} has no other activation than tanh")
        allowed = {"num_layers", "dropout", "bidirectional", "bias", "input_size", "nonlinearity"}
        if unexpected := set(options) - allowed:
            raise TypeError(f"unexpected arguments {sorted(unexpected)}")
        return [Recurrent(kind, units, return_sequences, **options)]

    return make


def _bidirectional(inner: Any) -> Layers:
    made = _made(inner) if isinstance(inner, Call) else None
    if not made or not isinstance(made[0], Recurrent):
        raise ValueError("Bidirectional needs a recurrent layer, such as Bidirectional(LSTM(64))")
    r = made[0]
    return [Recurrent(r.kind, r.units, r.return_sequences, r.input_size, **{**r.options, "bidirectional": True})]


def _batch_norm(momentum: float = 0.9, epsilon: float = 1e-5, center: bool = True, scale: bool = True) -> Layers:
    if center != scale:
        raise ValueError("center and scale must be both True or both False")
    return [LazyBatchNorm(eps=epsilon, momentum=round(1.0 - momentum, 12), affine=scale)]


def _layer_norm(shape: Any, epsilon: float = 1e-5) -> Layers:
    return [nn.LayerNorm(shape, eps=epsilon)]


def _leaky(alpha: float = 0.01, **named: Any) -> Layers:
    return [nn.LeakyReLU(named.pop("negative_slope", alpha), **named)]


def _upsample(size: Any = 2, interpolation: str = "nearest") -> Layers:
    return [nn.Upsample(scale_factor=size, mode=interpolation)]


def _global(pool: Any) -> Callable[..., Layers]:
    return lambda: [pool(1), nn.Flatten()]


def _reshape(*shape: Any) -> Layers:
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    if not shape or any(not isinstance(n, int) or n < -1 for n in shape):
        raise ValueError(f"Reshape: needs the lengths of a sample's shape, not {shape!r}")
    return [nn.Flatten(), nn.Unflatten(1, shape)]


def _embedding(input_dim: int, output_dim: int, **options: Any) -> Layers:
    options.pop("input_length", None)
    return [nn.Embedding(input_dim, output_dim, **options)]


def _one(make: Callable[..., nn.Module]) -> Callable[..., Layers]:
    return lambda *args, **kwargs: [make(*args, **kwargs)]


_LAYERS: dict[str, Callable[..., Any]] = {
    "Dense": _dense, "Linear": _linear, "Activation": _activation, "Input": InputShape, "InputLayer": InputShape,
    "Conv1D": _conv(nn.LazyConv1d), "Conv2D": _conv(nn.LazyConv2d), "Conv3D": _conv(nn.LazyConv3d),
    "Conv1DTranspose": _conv_transpose(nn.LazyConvTranspose1d),
    "Conv2DTranspose": _conv_transpose(nn.LazyConvTranspose2d),
    "Conv3DTranspose": _conv_transpose(nn.LazyConvTranspose3d),
    "MaxPooling1D": _pool(nn.MaxPool1d), "MaxPooling2D": _pool(nn.MaxPool2d), "MaxPooling3D": _pool(nn.MaxPool3d),
    "MaxPool1D": _pool(nn.MaxPool1d), "MaxPool2D": _pool(nn.MaxPool2d), "MaxPool3D": _pool(nn.MaxPool3d),
    "AveragePooling1D": _pool(nn.AvgPool1d), "AveragePooling2D": _pool(nn.AvgPool2d),
    "AveragePooling3D": _pool(nn.AvgPool3d), "AvgPool2D": _pool(nn.AvgPool2d),
    **{f"Global{word}{n}D": _global(getattr(nn, f"Adaptive{kind}Pool{n}d")) for n in (1, 2, 3) for word, kind in (
        ("AveragePooling", "Avg"), ("AvgPool", "Avg"), ("MaxPooling", "Max"), ("MaxPool", "Max"))},
    "BatchNormalization": _batch_norm, "BatchNorm": _batch_norm, "LayerNormalization": _layer_norm,
    "LSTM": _recurrent("LSTM"), "GRU": _recurrent("GRU"), "RNN": _recurrent("RNN"), "SimpleRNN": _recurrent("RNN"),
    "Bidirectional": _bidirectional, "Embedding": _embedding, "Reshape": _reshape,
    "RepeatVector": _one(RepeatVector), "LeakyReLU": _leaky, "SpatialDropout1D": _one(nn.Dropout1d),
    "SpatialDropout2D": _one(nn.Dropout2d), "UpSampling2D": _upsample, "UpSampling1D": _upsample,
    "ZeroPadding2D": _one(nn.ZeroPad2d), "ZeroPadding1D": _one(nn.ZeroPad1d),
    "Softmax": lambda dim=-1: [nn.Softmax(dim)], "LogSoftmax": lambda dim=-1: [nn.LogSoftmax(dim)],
}  # fmt: skip
# names of nn that make no layer of a row: containers, losses, bases, what takes more than one input
_UNFIT = (
    "Module", "Parameter", "Sequential", "Loss", "Lazy", "Cell", "Uninitialized", "Transformer", "Multihead", "Dict",
    "List", "DataParallel", "Buffer", "Bilinear", "Distance", "Similarity", "Unpool", "RNNBase", "Options", "Any",
)  # fmt: skip
_OF_NN = {
    name: getattr(nn, name) for name in dir(nn) if name[0].isupper() and not any(word in name for word in _UNFIT)
}
_BY_SPELLING = {spelled(name): make for name, make in _LAYERS.items() if "D" not in name or name == "Dense"}


def layers_from(text: str) -> Layers | InputShape:
    """The modules that a text stands for: a layer, and its activation.

    Args:
        text: a name of Keras' or nn's layers with literal arguments, or an activation's name.

    Raises:
        ValueError: the text is no layer, or its arguments do not fit.

    >>> layers_from("Dense(128, activation=relu)")
    [LazyLinear(in_features=0, out_features=128, bias=True), ReLU()]
    """
    call = parse_call(text, "a layer")
    try:
        return _made(call)
    except (TypeError, ValueError) as error:
        said = re.sub(r"^[\w.<>]+\(\) ", "", str(error))  # not the name of our function
        raise ValueError(f"layer {text!r}: {said}") from error


def _made(call: Call) -> Any:
    name = call.name
    make = _LAYERS.get(name)
    if make is None and name in _OF_NN:
        return [_OF_NN[name](*call.args, **call.kwargs)]
    make = make or _BY_SPELLING.get(spelled(name))
    if make is not None:
        return make(*call.args, **call.kwargs)
    if spelled(name) in {*_ACTIVATIONS, *_NONE}:
        return _activation(call)
    near = {spelled(n): n for n in _OF_NN}
    if name.islower() and spelled(name) in near:
        return [_OF_NN[near[spelled(name)]](*call.args, **call.kwargs)]
    raise unknown("layer", name, {*_LAYERS, *_OF_NN})
