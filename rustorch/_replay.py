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


def _cell(mode: int, x: Any, h: Any, c: Any, w_hh: Any, b_hh: Any, w_hr: Any) -> tuple[Any, Any]:
    """The next state and cells, x being the input's part of the gates."""
    n = w_hh.shape[0] // (4, 3, 1, 1)[mode]
    part = h @ w_hh.mT if b_hh is None else _ops["linear"](h, w_hh, b_hh)
    if mode >= 2:
        return (x + part).tanh() if mode == 2 else (x + part).relu(), c
    if mode == 1:
        r = (x.narrow(-1, 0, n) + part.narrow(-1, 0, n)).sigmoid()
        z = (x.narrow(-1, n, n) + part.narrow(-1, n, n)).sigmoid()
        new = (x.narrow(-1, 2 * n, n) + r * part.narrow(-1, 2 * n, n)).tanh()
        return new + z * (h - new), c
    i, f, g, o = ((x + part).narrow(-1, k * n, n) for k in range(4))
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return h if w_hr is None else h @ w_hr.mT, c


@composition
def rnn_layer(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = (_wide(t) for t in inputs[:8])
    mode, reverse = integers[:2]
    batch = h.shape[0]
    sizes = [batch] * x.shape[0] if inputs[8] is None else inputs[8].tolist()
    rows = _ops["linear"](x, w_ih, b_ih).reshape((-1, w_ih.shape[0])) if x.numel() else x.reshape((0, 1))
    offsets = [sum(sizes[:t]) for t in range(len(sizes))]
    results: list[Any] = [None] * len(sizes)
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        n = sizes[t]
        state = rows.narrow(0, offsets[t], n), h.narrow(0, 0, n), None if c is None else c.narrow(0, 0, n)
        results[t], cells = _cell(mode, *state, w_hh, b_hh, w_hr)
        h = results[t] if n == batch else _ops["cat"]([results[t], h.narrow(0, n, batch - n)])
        if c is not None:
            c = cells if n == batch else _ops["cat"]([cells, c.narrow(0, n, batch - n)])
    dtype = inputs[0].dtype
    if inputs[8] is not None:
        result = _ops["cat"](results)
    else:
        result = _ops["stack"](results) if results else x.new_zeros((0, batch, h.shape[1]))
    return result.to(dtype), h.to(dtype), None if c is None else c.to(dtype)


@composition
def attention(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    q, k, v, mask = (_wide(t) for t in inputs)
    p, scale, (causal, seed, stream) = floats[0], floats[1], integers[:3]
    scores = q @ k.mT * scale
    rows, keys = q.shape[-2], k.shape[-2]
    hidden = None
    if causal:
        hidden = _ops["triu"](_C.ones((rows, keys)), 1) != 0
    if mask is not None and mask.dtype.kind == "b":
        hidden, mask = ~mask, None
    if mask is not None:
        scores = scores + mask
    if hidden is not None:
        scores = _ops["masked_fill"](scores, hidden, float("-inf"))
    shift: Any = scores.detach().amax(-1, True) if keys else 0
    top = _ops["where"](shift == float("-inf"), _ops["mul"](shift.exp(), 0), shift) if keys else 0
    weights = (scores - top).exp()
    total = weights.sum(-1, True)
    weights = weights / (total + (total == 0).to(total.dtype))
    if p > 0:
        padded = _ops["pad"](weights, (0, -keys % 32))
        weights = _ops["dropout"](padded, p, True, seed=seed, stream=stream).narrow(-1, 0, keys)
    return ((weights @ v).to(inputs[0].dtype),)


# ---- grid_sample ----


def _inside(x: Any, length: int) -> Any:
    """x kept within the image; no gradient where it was moved, or stands on the border."""
    return _ops["where"]((x > 0) & (x < length - 1), x, x.detach().clamp(0, length - 1))


def _reflect(x: Any, length: int, align: bool) -> Any:
    low, span = (0.0, float(length - 1)) if align else (-0.5, float(length))
    if span == 0:
        return x * 0
    far = (x - low).abs()
    flips = (far.detach() / span).floor()
    rest = far - flips * span
    return _ops["where"](flips.remainder(2) == 0, rest + low, span - rest + low)


def _place(x: Any, length: int, padding: str, align: bool) -> Any:
    """A coordinate on the image's grid as the padding mode has it."""
    if padding == "border":
        return _inside(x, length)
    if padding == "reflection":
        return _inside(_reflect(x, length, align), length)
    return x


def _taken(flat: Any, places: list[Any], lengths: list[int], padding: str) -> Any:
    """Elements of flat (N, C, P) at whole coordinates (N, positions); zeros outside when padding is "zeros"."""
    index, valid = None, None
    for at, length in zip(places, lengths, strict=True):
        at = at.detach()
        good = (at >= 0) & (at <= length - 1)
        kept = _ops["where"](good, at, at * 0 if padding == "zeros" else at.clamp(0, length - 1)).to("int64")
        index = kept if index is None else index * length + kept
        valid = good if valid is None else valid & good
    assert index is not None and valid is not None
    channels = flat.shape[1]
    values: Any = _ops["pool_gather"](flat, index.unsqueeze(1).expand(-1, channels, -1), 1)
    return values * valid.unsqueeze(1).to(values.dtype) if padding == "zeros" else values


def _linear(flat: Any, places: list[Any], lengths: list[int], padding: str) -> Any:
    lows = [at.detach().floor() for at in places]
    rights = [at - low for at, low in zip(places, lows, strict=True)]
    total = None
    for corner in range(1 << len(places)):
        sides = [corner >> d & 1 for d in range(len(places))]
        weight = None
        for side, right in zip(sides, rights, strict=True):
            part = right if side else 1 - right
            weight = part if weight is None else weight * part
        assert weight is not None
        values = _taken(flat, [low + side for low, side in zip(lows, sides, strict=True)], lengths, padding)
        term = values * weight.unsqueeze(1)
        total = term if total is None else total + term
    assert total is not None
    return total


def _keys(x: Any) -> list[Any]:
    """Weights of the four neighbours of a point x behind the second (Keys 1981, with -0.75)."""
    c = -0.75

    def near(t: Any) -> Any:
        return ((c + 2) * t - (c + 3)) * t * t + 1

    def far(t: Any) -> Any:
        return ((t - 5) * t + 8) * t * c - 4 * c

    return [far(x + 1), near(x), near(1 - x), far(2 - x)]


def _cubic(flat: Any, places: list[Any], lengths: list[int], padding: str, align: bool) -> Any:
    lows = [at.detach().floor() for at in places]
    rows, columns = (_keys(at - low) for at, low in zip(places, lows, strict=True))
    total = None
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            at = [lows[0] + (i - 1), lows[1] + (j - 1)]
            at = [_place(a, n, padding, align) for a, n in zip(at, lengths, strict=True)]
            term = _taken(flat, at, lengths, padding) * (row * column).unsqueeze(1)
            total = term if total is None else total + term
    assert total is not None
    return total


@composition
def grid_sample(inputs: list[Any], floats: Any, integers: Any, _list: Any) -> Any:
    image, points = (_wide(t) for t in inputs)
    mode = ("bilinear", "nearest", "bicubic")[integers[0]]
    padding = ("zeros", "border", "reflection")[integers[1]]
    align, n = bool(integers[2]), image.ndim - 2
    lengths = [int(length) for length in tuple(image.shape)[2:]]
    batch, channels, shape = image.shape[0], image.shape[1], tuple(points.shape)[1:-1]
    flat, points = image.reshape(batch, channels, -1), points.reshape(batch, -1, n)
    places = []
    for d, length in enumerate(lengths):
        at = points.select(-1, n - 1 - d)
        at = (at + 1) * ((length - 1) / 2) if align else ((at + 1) * length - 1) / 2
        places.append(at if mode == "bicubic" else _place(at, length, padding, align))
    if mode == "bilinear":
        result = _linear(flat, places, lengths, padding)
    elif mode == "nearest":
        result = _taken(flat, [at.detach().round() for at in places], lengths, padding)
        if points.requires_grad:  # its gradient is zero
            kept = _ops["where"](points.isfinite(), points, 0.0)
            result = result + (kept * kept * 0).sum()
    else:
        result = _cubic(flat, places, lengths, padding, align)
    return (result.reshape(batch, channels, *shape).to(inputs[0].dtype),)
