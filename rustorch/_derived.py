"""The backward function of an op in Python that has none: its forward is run again, recorded.

Each run is on leaves of its own, so that no backward pass meets the graph of another; what comes out is one step of the
graph, whose own backward is made the same way, to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import autograd, enable_grad, zeros_like

_TENSOR = ("", "tensor", "tensor?")


def _gradients(function: Any, inputs: Sequence[Any], given: Sequence[Any], create_graph: bool) -> tuple[Any, ...]:
    """Gradients of function(*inputs), which require grad, by `inputs`; zeros where there are none."""
    with enable_grad():
        results = function(*inputs)
    pairs = zip(results if isinstance(results, (tuple, list)) else [results], given, strict=True)
    kept = [(result, g) for result, g in pairs if result.requires_grad]
    if not kept:
        return tuple(map(zeros_like, inputs))
    outputs, gs = [result for result, _ in kept], [g for _, g in kept]
    found = autograd.grad(outputs, inputs, gs, create_graph=create_graph, allow_unused=True)
    return tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True))


class Derivative(autograd.Function):
    """apply(function, n, *inputs, *gradients): the gradients of function(*inputs) by its n inputs."""

    @staticmethod
    def forward(ctx: Any, function: Any, n: int, *tensors: Any) -> Any:
        ctx.function, ctx.n = function, n
        ctx.save_for_backward(*tensors)
        leaves = [t.detach().requires_grad_() for t in tensors[:n]]
        return tuple(g.detach() for g in _gradients(function, leaves, tensors[n:], False))

    @staticmethod
    def backward(ctx: Any, *seconds: Any) -> Any:
        n, function, tensors = ctx.n, ctx.function, ctx.saved_tensors

        def first(*tensors: Any) -> tuple[Any, ...]:
            return _gradients(function, tensors[:n], tensors[n:], True)

        return None, None, *Derivative.apply(first, len(tensors), *tensors, *seconds)


def derived(forward: Callable[..., Any], signature: str, nout: int) -> Callable[..., Any]:
    """backward(*gradients, *arguments) of a forward that is made of recorded ops."""
    types = [part.partition("=")[0].partition(":")[2].strip() for part in signature.split(",") if part.strip() != "*"]

    def backward(*values: Any, **keywords: Any) -> Any:
        arguments = [*values[nout:], *keywords.values()]
        operands: list[Any] = []
        for type, value in zip(types, arguments, strict=True):
            operands.extend([value] if type in _TENSOR else value if type == "tensors" else [])
        wanted = [i for i, t in enumerate(operands) if t is not None and t.requires_grad]

        def function(*tensors: Any) -> Any:
            """forward of the tensors that are differentiated, all else as it was."""
            seen = iter([tensors[wanted.index(i)] if i in wanted else t for i, t in enumerate(operands)])
            again = [
                next(seen) if type in _TENSOR else [next(seen) for _ in value] if type == "tensors" else value
                for type, value in zip(types, arguments, strict=True)
            ]
            positional = len(values) - nout
            return forward(*again[:positional], **dict(zip(keywords, again[positional:], strict=True)))

        found = Derivative.apply(function, len(wanted), *(operands[i] for i in wanted), *values[:nout])
        return tuple(found[wanted.index(i)] if i in wanted else None for i in range(len(operands)))

    return backward
