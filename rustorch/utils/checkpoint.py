"""Checkpoints: intermediate results are computed again in the backward pass instead of being kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _C
from .._modes import enable_grad
from ..autograd import backward as _backward
from ..autograd.function import Function
from ..random import get_rng_state, set_rng_state

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Again(Function):
    """Runs a function without recording; in the backward pass runs it once more, recording."""

    @staticmethod
    def forward(ctx: Any, run: Callable[..., Any], state: Any, *args: Any) -> Any:
        ctx.run, ctx.state = run, state
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, _C.Tensor)]
        ctx.others = [None if isinstance(a, _C.Tensor) else a for a in args]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        return run(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if _C.is_grad_enabled():
            raise RuntimeError("checkpoint: a checkpointed part cannot be differentiated twice (create_graph=True)")
        args = list(ctx.others)
        for i, t in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = t.detach().requires_grad_(t.requires_grad)
        before = get_rng_state()
        if ctx.state is not None:
            set_rng_state(ctx.state)
        try:
            with enable_grad():
                result = ctx.run(*args)
        finally:
            set_rng_state(before)
        outputs = result if isinstance(result, tuple) else (result,)
        pairs = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, _C.Tensor) and o.requires_grad]
        if pairs:
            _backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *(a.grad if isinstance(a, _C.Tensor) else None for a in args))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), keeping only its arguments: the rest is computed again for the backward pass.

    Trades time for memory: about a third more computation, and the memory of one segment.  preserve_rng_state:
    random numbers (dropout) are the same both times.  use_reentrant is accepted; there is one way.  Gradients of
    gradients through it raise RuntimeError.

    >>> import rustorch as rt
    >>> from rustorch.utils.checkpoint import checkpoint
    >>> x = rt.tensor(2.0, requires_grad=True)
    >>> checkpoint(lambda t: t.exp().log() ** 2, x).backward()
    >>> round(x.grad.item(), 5)
    4.0
    """

    def run(*inner: Any) -> Any:
        return function(*inner, **kwargs)

    if not _C.is_grad_enabled():
        return run(*args)
    state = get_rng_state() if preserve_rng_state else None
    if not any(isinstance(a, _C.Tensor) and a.requires_grad for a in args):
        # gradients may still flow to what the function closes over: an argument that asks for them carries the node
        carrier = _C.zeros(0, requires_grad=True)
        return _Again.apply(lambda _, *inner: run(*inner), state, carrier, *args)
    return _Again.apply(run, state, *args)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True
) -> Any:
    """The modules of a Sequential (or a list of functions) one after the other, in `segments` checkpointed parts."""
    steps = list(functions.children() if hasattr(functions, "children") else functions)
    if not 1 <= segments <= max(1, len(steps)):
        raise ValueError(f"checkpoint_sequential: {segments} segments of {len(steps)} functions")
    size = len(steps) // segments

    def part(begin: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in steps[begin:end]:
                x = step(x)
            return x

        return run

    for k in range(segments - 1):
        input = checkpoint(part(k * size, (k + 1) * size), input, preserve_rng_state=preserve_rng_state)
    return part((segments - 1) * size, len(steps))(input)
