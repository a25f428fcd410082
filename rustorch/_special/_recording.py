"""A ufunc of SciPy's as a node of the graph."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _C
from ..autograd.function import Function
from ._rules import RULES, np, sp

Tensor = _C.Tensor

_SUBJECTS = ("_bessel", "_beta_and_gamma", "_distributions", "_elementary", "_elliptic", "_integrals", "_polynomials")
_known: dict[Any, Callable[..., Any] | None] = {}


class _Recorded(Function):
    """ufunc(*args), differentiated by its rules."""

    @staticmethod
    def forward(ctx: Any, ufunc: Any, rules: tuple[Any, ...], *args: Any) -> Any:
        ctx.rules, ctx.words = rules, tuple(None if isinstance(a, Tensor) else a for a in args)
        ctx.save_for_backward(*(a if isinstance(a, Tensor) else None for a in args))
        result = ufunc(*args)
        return tuple(result) if isinstance(result, tuple) else result

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        args = [w if t is None else t for t, w in zip(ctx.saved_tensors, ctx.words, strict=True)]
        result: list[Any] = [None, None]
        for i, rule in enumerate(ctx.rules):
            if not ctx.needs_input_grad[i + 2]:
                result.append(None)
                continue
            slopes = rule(*args)
            slopes = slopes if isinstance(slopes, tuple) else (slopes,)
            terms = [g * np.conj(d) for g, d in zip(grads, slopes, strict=True) if d is not None]
            total = sum(terms[1:], terms[0])
            result.append(np.real(total) if total.dtype.kind == "c" and args[i].dtype.kind != "c" else total)
        return tuple(result)


def _call(ufunc: Any, entry: Any, *args: Any) -> Any:
    name = ufunc.__name__.lstrip("_")
    for i, (a, rule) in enumerate(zip(args, entry.rules, strict=True)):
        if not isinstance(a, Tensor) or not a.requires_grad:
            continue
        if rule is None:
            raise TypeError(
                f"scipy.special.{name}: no derivative by argument {i + 1} of {len(args)} known; detach() it, or"
                " compute under no_grad()"
            )
        if entry.real_only and a.dtype.kind == "c":
            raise TypeError(f"scipy.special.{name}: its derivative is known for real numbers only, not {a.dtype}")
    return _Recorded.apply(ufunc, entry.rules, *args)


def differentiable(ufunc: Any) -> Callable[..., Any] | None:
    """What calls `ufunc` and records it; None for what is no special function of SciPy with a rule."""
    if not _known:
        for subject in _SUBJECTS:
            importlib.import_module("." + subject, __package__)
        for name, entry in RULES.items():
            if hasattr(sp, name):  # some are younger than the oldest SciPy
                _known[getattr(sp, name)] = partial(_call, getattr(sp, name), entry)
    return _known.get(ufunc)
