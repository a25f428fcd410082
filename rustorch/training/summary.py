"""A table of a model's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from .._C import Tensor, zeros
from .._modes import no_grad
from ..nn.parameter import is_lazy

__all__ = ["count_parameters", "output_shapes", "summary_of"]


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """(trainable, frozen) numbers of a module's parameters; those without a size yet are left out."""
    trainable = frozen = 0
    for p in module.parameters():
        if not is_lazy(p):
            trainable, frozen = (trainable + p.numel(), frozen) if p.requires_grad else (trainable, frozen + p.numel())
    return trainable, frozen


def _layers(model: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]]:
    """Name and module of what computes; containers are replaced by what is in them."""
    found: list[tuple[str, nn.Module]] = []
    for name, child in model.named_children():
        inside = isinstance(child, (nn.Sequential, nn.ModuleList)) and any(True for _ in child.children())
        found += _layers(child, f"{prefix}{name}.") if inside else [(f"{prefix}{name}", child)]
    return found


def output_shapes(model: nn.Module, input_shape: Sequence[int] | None) -> dict[nn.Module, str]:
    """The shape that each layer gives for a sample of input_shape, with the batch as None; {} where that fails."""
    shapes: dict[nn.Module, str] = {}
    if input_shape is None:
        return shapes

    def note(module: nn.Module, args: Any, output: Any) -> None:
        first = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(first, Tensor):
            shapes[module] = "(" + ", ".join(["None", *map(str, first.shape[1:])]) + ")"

    handles = [layer.register_forward_hook(note) for _, layer in _layers(model)]
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            first = next((layer for _, layer in _layers(model)), None)
            model(zeros(1, *input_shape, dtype="int64" if isinstance(first, nn.Embedding) else None))
    except Exception:  # a model that takes something else is shown without shapes
        shapes.clear()
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return shapes


def summary_of(model: nn.Module, input_shape: Sequence[int] | None = None) -> str:
    """The table as text.

    Args:
        model: any Module.
        input_shape: of a sample; None: the column of shapes says "?".

    >>> import rustorch as rt
    >>> print(summary_of(rt.nn.Sequential(rt.nn.Linear(4, 2), rt.nn.ReLU()), (4,)))
    Sequential
    layer         output     parameters
    0 (Linear)  (None, 2)          10
    1 (ReLU)    (None, 2)           0
    10 parameters, 10 trainable, 40 bytes
    """
    shapes = output_shapes(model, input_shape)
    rows = [("layer", "output", "parameters")]
    for name, layer in _layers(model):
        lazy = any(is_lazy(p) for p in layer.parameters())
        count = "?" if lazy else f"{sum(count_parameters(layer)):,}"
        rows.append((f"{name} ({type(layer).__name__})", shapes.get(layer, "?"), count))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    trainable, frozen = count_parameters(model)
    size = sum(t.numel() * t.itemsize for t in (*model.parameters(), *model.buffers()) if not is_lazy(t))
    title = type(model).__name__ if type(getattr(model, "name", None)) is not str else f"Model {model.name!r}"
    waiting = " (more with the first batch)" if any(is_lazy(p) for p in model.parameters()) else ""
    total = f"{trainable + frozen:,} parameters, {trainable:,} trainable, {size:,} bytes{waiting}"
    return "\n".join([title, *lines, total])
