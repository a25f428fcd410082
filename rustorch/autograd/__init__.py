"""Gradients: backward and grad over the recorded graph, modes, custom functions, checks."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .. import _C, _modes
from .._modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from . import forward_ad, functional, graph
from .anomaly import detect_anomaly, set_detect_anomaly
from .function import Function, once_differentiable
from .gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def _tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, _C.Tensor) or value is None else tuple(value)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of `tensors` to `.grad` of the leaves they were computed from.

    tensors: a Tensor or a sequence.  grad_tensors: the gradients to begin with, of the same shapes;
    None for single elements.  retain_graph: keep what was saved for another pass (default: create_graph).
    inputs: only these receive gradients.  RuntimeError when nothing requires grad or a graph is gone.

    >>> import rustorch as rt
    >>> x = rt.tensor([3.0], requires_grad=True)
    >>> rt.autograd.backward(x * x)
    >>> x.grad
    tensor([6.0])
    """
    outputs = _tuple(tensors)
    grads = (None,) * len(outputs) if grad_tensors is None else _tuple(grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    targets = None if inputs is None else _tuple(inputs)
    if targets is not None and not targets:
        raise RuntimeError("backward: inputs must not be empty")
    _C._run_backward(outputs, grads, targets, keep, create_graph, False)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Gradients of outputs with respect to inputs, returned and not accumulated.

    allow_unused: an input that outputs do not depend on gives None instead of RuntimeError.
    create_graph: the result can itself be differentiated.  only_inputs: accepted, always so.
    is_grads_batched: grad_outputs have a leading dimension, and so has the result: a pass for each.

    >>> import rustorch as rt
    >>> x = rt.tensor(2.0, requires_grad=True)
    >>> (d,) = rt.autograd.grad(x**3, x, create_graph=True)
    >>> rt.autograd.grad(d, x)
    (tensor(12.0),)
    """
    outs, ins = _tuple(outputs), _tuple(inputs)
    if not ins:
        raise ValueError("grad: inputs must not be empty")
    for i, t in enumerate(ins):
        if not t.requires_grad:
            raise RuntimeError(f"grad: input {i} (shape {tuple(t.shape)}) does not require grad")
    grads = (None,) * len(outs) if grad_outputs is None else _tuple(grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        result = _batched(outs, ins, grads, keep, create_graph)
    else:
        result = _C._run_backward(outs, grads, ins, keep, create_graph, True)
    if materialize_grads:
        from .. import zeros_like

        return tuple(zeros_like(t) if g is None else g for g, t in zip(result, ins, strict=True))
    if not allow_unused:
        for i, g in enumerate(result):
            if g is None:
                raise RuntimeError(
                    f"grad: input {i} (shape {tuple(ins[i].shape)}) was not used to compute the outputs;"
                    " pass allow_unused=True if that is intended"
                )
    return tuple(result)


def _batched(outs: Any, ins: Any, grads: Any, keep: bool, create_graph: bool) -> tuple[Any, ...]:
    lengths = {g.shape[0] for g in grads if g is not None and g.ndim}
    if len(lengths) != 1 or None in grads:
        raise RuntimeError("grad: with is_grads_batched grad_outputs need one leading dimension of the same length")
    count = lengths.pop()
    passes = [
        _C._run_backward(outs, tuple(g[i] for g in grads), ins, keep or i < count - 1, create_graph, True)
        for i in range(count)
    ]
    stack = _C.ops["stack"]
    return tuple(None if column[0] is None else stack(list(column), 0) for column in zip(*passes, strict=True))


def Variable(data: Any, requires_grad: bool = False) -> Any:
    """A tensor of `data`; PyTorch's old name for a tensor with gradients."""
    from .. import tensor

    if isinstance(data, _C.Tensor):
        return data.detach().requires_grad_(requires_grad)
    return tensor(data, requires_grad=requires_grad, dtype=_C.get_default_dtype() if requires_grad else None)


# PyTorch has modules for these names
grad_mode = sys.modules[f"{__name__}.grad_mode"] = _modes
variable = sys.modules[f"{__name__}.variable"] = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    """torch.autograd.profiler is loaded when first asked for."""
    if name == "profiler":
        return importlib.import_module(".profiler", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
