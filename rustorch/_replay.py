"""Gradients of gradients of rows that C computes in one piece.

For each such row a composition of other rows: `gradients` computes it on stand-ins of the inputs and
walks its graph, so that the result can be differentiated again, to every order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _C
from ._modes import set_grad_enabled

_ops = _C.ops
_stand_in = _ops["stand_in"]

# row -> function(inputs, floats, integers, first list) -> its outputs
compositions: dict[str, Callable[..., Any]] = {}


def composition(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enters a function under its name, which is the row's."""
    compositions[function.__name__] = function
    return function


def gradients(
    row: str, inputs: tuple[Any, ...], params: tuple[Any, ...], grads: tuple[Any, ...], wants: tuple[bool, ...]
) -> tuple[Any, ...]:
    """The inputs' gradients (None where not wanted) from those of the outputs (None where there is none)."""
    create = _C.is_grad_enabled()
    with set_grad_enabled(True):
        stand = []
        for x, wanted in zip(inputs, wants, strict=True):
            stand.append(_stand_in(x) if wanted else x.detach() if x is not None else None)
        outputs = compositions[row](stand, *params)
        given = [(y, g) for y, g in zip(outputs, grads, strict=False) if g is not None and y is not None]
        pairs = [(y, g) for y, g in given if y.requires_grad]
        targets = [x for x, wanted in zip(stand, wants, strict=True) if wanted]
        if not pairs or not targets:
            return (None,) * len(inputs)
        found = _C._run_backward(
            tuple(y for y, _ in pairs), tuple(g for _, g in pairs), tuple(targets), create, create, True
        )
    # a gradient that is constant is a function of the inputs all the same
    source = next(x for x, wanted in zip(inputs, wants, strict=True) if wanted)
    remaining = iter(g if g is None or g.requires_grad or not create else _stand_in(g, source) for g in found)
    return tuple(next(remaining) if wanted else None for wanted in wants)


def _wide(x: Any) -> Any:
    """Half precision in float32."""
    return x.to("float32") if x is not None and x.dtype.itemsize == 2 else x


def _scaled(y: Any, weight: Any, bias: Any, shape: Any = None) -> Any:
    if weight is not None:
        y = y * (weight if shape is None else weight.reshape(shape))
    if bias is not None:
        y = y + (bias if shape is None else bias.reshape(shape))
    return y


@composition
def layer_norm(inputs: list[Any], floats: Any, integers: Any, shape: Any) -> Any:
    x, weight, bias = (_wide(t) for t in inputs)
    dims = tuple(range(x.ndim - len(shape), x.ndim))
    centered = x - x.mean(dims, True)
    y = centered * ((centered * centered).mean(dims, True) + floats[0]).rsqrt()
    return (_scaled(y, weight, bias).to(inputs[0].dtype),)


@composition
def rms_norm(inputs: list[Any], floats: Any, integers: Any, shape: Any) -> Any:
    x, weight = (_wide(t) for t in inputs)
    dims = tuple(range(x.ndim - len(shape), x.ndim))
    return (_scaled(x * ((x * x).mean(dims, True) + floats[0]).rsqrt(), weight, None).to(inputs[0].dtype),)


def _channels(x: Any) -> list[int]:
    return [1, -1] + [1] * (x.ndim - 2)


@composition
def group_norm(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    x, weight, bias = (_wide(t) for t in inputs)
    groups = integers[0]
    rows = x.reshape((x.shape[0], groups, x.numel() // max(1, x.shape[0] * groups)))
    centered = rows - rows.mean(-1, True)
    y = (centered * ((centered * centered).mean(-1, True) + floats[0]).rsqrt()).reshape(x.shape)
    return (_scaled(y, weight, bias, _channels(x)).to(inputs[0].dtype),)


@composition
def batch_norm_train(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    x, weight, bias = (_wide(t) for t in inputs)
    if x.ndim == 1:   # nothing
        return x * 1, None, None
    dims = (0, *range(2, x.ndim))
    mean = x.mean(dims, True)
    var = ((x - mean) * (x - mean)).mean(dims, True)
    y = _scaled((x - mean) * (var + floats[0]).rsqrt(), weight, bias, _channels(x)).to(inputs[0].dtype)
    return y, mean.reshape(-1).to("float64"), var.reshape(-1).to("float64")


@composition
def batch_norm_eval(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    x, mean, var, weight, bias = (_wide(t) for t in inputs)
    shape = _channels(x) if x.ndim > 1 else [-1]
    y = (x - mean.reshape(shape)) * (var.reshape(shape) + floats[0]).rsqrt()
    return (_scaled(y, weight, bias, shape).to(inputs[0].dtype),)
