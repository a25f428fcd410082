"""ONNX's recurrent layers: LSTM, GRU and RNN.

The usual ones are one call of the row `rnn_layer` a direction; peepholes, other activations, clipping and the
GRU whose reset comes before its product are computed step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rustorch as rt
from rustorch.nn import functional as F

from .registry import operator

Tensor = rt.Tensor

_ACTIVATIONS: dict[str, Callable[[Tensor, float | None, float | None], Tensor]] = {
    "sigmoid": lambda x, a, b: rt.sigmoid(x),
    "tanh": lambda x, a, b: rt.tanh(x),
    "relu": lambda x, a, b: rt.relu(x),
    "affine": lambda x, a, b: x * (1.0 if a is None else a) + (0.0 if b is None else b),
    "leakyrelu": lambda x, a, b: F.leaky_relu(x, 0.01 if a is None else a),
    "thresholdedrelu": lambda x, a, b: rt.where(x > (1.0 if a is None else a), x, rt.zeros_like(x)),
    "scaledtanh": lambda x, a, b: (1.0 if a is None else a) * rt.tanh((1.0 if b is None else b) * x),
    "hardsigmoid": lambda x, a, b: (x * (0.2 if a is None else a) + (0.5 if b is None else b)).clamp(0, 1),
    "elu": lambda x, a, b: F.elu(x, 1.0 if a is None else a),
    "softsign": lambda x, a, b: F.softsign(x),
    "softplus": lambda x, a, b: F.softplus(x),
}
_TAKES = {"affine": 2, "leakyrelu": 1, "thresholdedrelu": 1, "scaledtanh": 2, "hardsigmoid": 2, "elu": 1}


def _functions(
    name: str, names: Sequence[str] | None, alphas: Any, betas: Any, usual: Sequence[str], directions: int
) -> list[list[Callable[[Tensor], Tensor]]]:
    """The activations of each direction."""
    words = [n.lower() for n in names or list(usual) * directions]
    first, second = list(alphas or []), list(betas or [])
    found: list[Callable[[Tensor], Tensor]] = []
    for word in words:
        if word not in _ACTIVATIONS:
            raise NotImplementedError(f"{name}: activation {word!r} is not supported")
        a = first.pop(0) if _TAKES.get(word, 0) and first else None
        b = second.pop(0) if _TAKES.get(word, 0) > 1 and second else None
        found.append(lambda x, f=_ACTIVATIONS[word], a=a, b=b: f(x, a, b))  # type: ignore[misc]
    each = len(usual)
    return [found[k * each : (k + 1) * each] for k in range(directions)]


def _gates(t: Tensor | None, order: Sequence[int]) -> list[Tensor]:
    if t is None:
        return []
    size = t.shape[0] // len(order)
    return [t.narrow(0, k * size, size) for k in order]


def _reversed(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Steps from the last to the first; of each sequence its own, what follows stays."""
    if lengths is None:
        return x.flip(0)
    steps = rt.arange(x.shape[0]).unsqueeze(1)
    ends = lengths.to(rt.int64).unsqueeze(0)
    index = rt.where(steps < ends, ends - 1 - steps, steps)
    return x[index, rt.arange(x.shape[1]).unsqueeze(0)]


Step = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]


def _walk(
    x: Tensor, states: tuple[Tensor, ...], lengths: Tensor | None, step: Step
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Step by step: the hidden states, zero behind a sequence's end, and the last states."""
    results = []
    for t in range(x.shape[0]):
        new = step(x[t], states)
        if lengths is not None:
            live = (lengths > t).reshape(-1, 1)
            results.append(rt.where(live, new[0], rt.zeros_like(new[0])))
            states = tuple(rt.where(live, n, old) for n, old in zip(new, states, strict=True))
        else:
            results.append(new[0])
            states = new
    return rt.stack(results), states


def _directions(
    x: Tensor, states: list[Tensor | None], hidden: int, direction: str, layout: int, lengths: Tensor | None,
    one: Callable[[int, Tensor, tuple[Tensor, ...], bool], tuple[Tensor, tuple[Tensor, ...]]], count: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Runs each direction and puts the results side by side: Y and the last states."""
    if layout:
        x = x.transpose(0, 1)
        states = [None if s is None else s.transpose(0, 1) for s in states]
    ways = [False, True] if direction == "bidirectional" else [direction == "reverse"]
    zero = rt.zeros((x.shape[1], hidden), dtype=x.dtype)
    outs, ends = [], []
    for k, backward in enumerate(ways):
        start = tuple(zero if s is None else s[k] for s in (states + [None] * count)[:count])
        y, last = one(k, x, start, backward)
        outs.append(y)
        ends.append(last)
    y = rt.stack(outs, 1)
    finals = [rt.stack(parts, 0) for parts in zip(*ends, strict=True)]
    if layout:
        return (y.permute(2, 0, 1, 3), *(f.transpose(0, 1) for f in finals))
    return (y, *finals)


def _stepwise(x: Tensor, start: tuple[Tensor, ...], backward: bool, lengths: Tensor | None, step: Step) -> Any:
    y, last = _walk(_reversed(x, lengths) if backward else x, start, lengths, step)
    return (_reversed(y, lengths) if backward else y), last


def _row(mode: str, x: Tensor, start: tuple[Tensor, ...], weights: tuple[Any, ...], backward: bool) -> Any:
    cell = start[1] if mode == "lstm" else None
    y, h, c = rt._C.ops["rnn_layer"](x, start[0], cell, *weights, None, None, mode, backward)
    return y, ((h, c) if mode == "lstm" else (h,))


def _clipped(clip: float | None) -> Callable[[Tensor], Tensor]:
    return (lambda x: x) if clip is None else (lambda x: x.clamp(-clip, clip))


@operator("LSTM", several=True)
def lstm(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, initial_c: Tensor | None = None, p: Tensor | None = None,
    activation_alpha: Any = None, activation_beta: Any = None, activations: Any = None, clip: float | None = None,
    direction: str = "forward", hidden_size: int | None = None, input_forget: int = 0, layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Tensor, ...]:  # fmt: skip
    hidden, count = r.shape[-1], w.shape[0]
    usual = ["sigmoid", "tanh", "tanh"]
    words = [n.lower() for n in activations or usual * count]
    plain = sequence_lens is None and p is None and clip is None and not input_forget and words == usual * count
    functions = _functions("LSTM", activations, activation_alpha, activation_beta, usual, count)
    cut = _clipped(clip)

    def one(k: int, x: Tensor, start: tuple[Tensor, ...], backward: bool) -> Any:
        both = (None, None) if b is None else (b[k, : 4 * hidden], b[k, 4 * hidden :])
        if plain:  # ONNX's order of gates is i o f c, ours i f c o
            turned = [None if t is None else rt.cat(_gates(t, (0, 2, 3, 1))) for t in (w[k], r[k], *both)]
            return _row("lstm", x, start, tuple(turned), backward)
        f, g, h = functions[k]
        bias = 0 if both[0] is None else both[0] + both[1]
        pi, po, pf = (0, 0, 0) if p is None else (p[k, n * hidden : (n + 1) * hidden] for n in range(3))

        def step(xt: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            before, cell = states
            i, o, forget, c = (F.linear(xt, w[k]) + F.linear(before, r[k]) + bias).chunk(4, -1)
            i = f(cut(i + pi * cell))
            forget = 1 - i if input_forget else f(cut(forget + pf * cell))
            cell = forget * cell + i * g(cut(c))
            o = f(cut(o + po * cell))
            return o * h(cell), cell

        return _stepwise(x, start, backward, sequence_lens, step)

    return _directions(x, [initial_h, initial_c], hidden, direction, layout, sequence_lens, one, 2)


@operator("GRU", several=True)
def gru(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, activation_alpha: Any = None, activation_beta: Any = None,
    activations: Any = None, clip: float | None = None, direction: str = "forward", hidden_size: int | None = None,
    layout: int = 0, linear_before_reset: int = 0, output_sequence: int = 0,
) -> tuple[Tensor, ...]:  # fmt: skip
    hidden, count = r.shape[-1], w.shape[0]
    usual = ["sigmoid", "tanh"]
    words = [n.lower() for n in activations or usual * count]
    plain = sequence_lens is None and clip is None and linear_before_reset and words == usual * count
    functions = _functions("GRU", activations, activation_alpha, activation_beta, usual, count)
    cut = _clipped(clip)

    def one(k: int, x: Tensor, start: tuple[Tensor, ...], backward: bool) -> Any:
        both = (None, None) if b is None else (b[k, : 3 * hidden], b[k, 3 * hidden :])
        if plain:  # ONNX's order of gates is z r h, ours r z h
            turned = [None if t is None else rt.cat(_gates(t, (1, 0, 2))) for t in (w[k], r[k], *both)]
            return _row("gru", x, start, tuple(turned), backward)
        f, g = functions[k]
        rz, rr, rh = _gates(r[k], (0, 1, 2))
        bz, br, bh = _gates(both[1], (0, 1, 2)) or (None, None, None)

        def step(xt: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            before = states[0]
            z, reset, new = F.linear(xt, w[k], both[0]).chunk(3, -1)
            z = f(cut(z + F.linear(before, rz, bz)))
            reset = f(cut(reset + F.linear(before, rr, br)))
            inner = reset * F.linear(before, rh, bh) if linear_before_reset else F.linear(reset * before, rh, bh)
            return ((1 - z) * g(cut(new + inner)) + z * before,)

        return _stepwise(x, start, backward, sequence_lens, step)

    return _directions(x, [initial_h], hidden, direction, layout, sequence_lens, one, 1)


@operator("RNN", several=True)
def rnn(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, activation_alpha: Any = None, activation_beta: Any = None,
    activations: Any = None, clip: float | None = None, direction: str = "forward", hidden_size: int | None = None,
    layout: int = 0, output_sequence: int = 0,
) -> tuple[Tensor, ...]:  # fmt: skip
    hidden, count = r.shape[-1], w.shape[0]
    words = [n.lower() for n in activations or ["tanh"] * count]
    plain = sequence_lens is None and clip is None and set(words) <= {"tanh", "relu"}
    functions = _functions("RNN", activations, activation_alpha, activation_beta, ["tanh"], count)
    cut = _clipped(clip)

    def one(k: int, x: Tensor, start: tuple[Tensor, ...], backward: bool) -> Any:
        both = (None, None) if b is None else (b[k, :hidden], b[k, hidden:])
        if plain:
            return _row(words[k], x, start, (w[k], r[k], *both), backward)

        def step(xt: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (functions[k][0](cut(F.linear(xt, w[k], both[0]) + F.linear(states[0], r[k], both[1]))),)

        return _stepwise(x, start, backward, sequence_lens, step)

    return _directions(x, [initial_h], hidden, direction, layout, sequence_lens, one, 1)
