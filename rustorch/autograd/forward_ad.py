"""Forward-mode derivatives with PyTorch's names: tensors that carry a tangent.

The tangent of a result is asked of the recorded graph by two backward passes (the second through the first, as in
`autograd.functional.jvp`), when unpack_dual wants it; so duals must be used while gradients are recorded.

>>> import rustorch as rt
>>> import rustorch.autograd.forward_ad as fwAD
>>> with fwAD.dual_level():
...     dual = fwAD.make_dual(rt.tensor([1.0, 2.0]), rt.tensor([1.0, 0.5]))
...     fwAD.unpack_dual(dual ** 2)
UnpackedDualTensor(primal=tensor([1.0, 4.0]), tangent=tensor([2.0, 2.0]))
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from .. import _C
from .._modes import enable_grad

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_levels = threading.local()


class UnpackedDualTensor(NamedTuple):
    """What unpack_dual returns; tangent is None for what depends on no dual."""

    primal: Any
    tangent: Any


def _stack() -> list[list[tuple[Any, Any]]]:
    found: list[list[tuple[Any, Any]]] = _levels.__dict__.setdefault("stack", [])
    return found


def enter_dual_level() -> int:
    """Begins a level; returns its number.  RuntimeError inside of another: levels do not nest."""
    if _stack():
        raise RuntimeError("forward_ad: levels do not nest; leave the one that is open first")
    _stack().append([])
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Ends the level: tensors made dual in it lose their tangents.  RuntimeError when none is open."""
    if not _stack():
        raise RuntimeError("forward_ad: no level is open; use `with forward_ad.dual_level():`")
    _stack().pop()


class dual_level:
    """Within its block make_dual and unpack_dual can be used."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """tensor with a tangent of its shape and dtype.  RuntimeError outside of a level."""
    if not _stack():
        raise RuntimeError("make_dual: no level is open; use `with forward_ad.dual_level():`")
    if not tensor.is_floating_point() and not tensor.is_complex():
        raise ValueError(f"make_dual: needs a floating or complex tensor, not {tensor.dtype}")
    if tuple(tensor.shape) != tuple(tangent.shape) or tensor.dtype != tangent.dtype:
        raise RuntimeError(
            f"make_dual: tensor and tangent must agree, not {tuple(tensor.shape)} {tensor.dtype}"
            f" and {tuple(tangent.shape)} {tangent.dtype}"
        )
    with enable_grad():
        dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _stack()[-1].append((dual, tangent))
    return dual


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a dual, or of what was computed from duals."""
    from . import grad

    duals = _stack()[-1] if _stack() else []
    primal = tensor.detach() if tensor.requires_grad else tensor
    for dual, tangent in duals:
        if dual is tensor:
            return UnpackedDualTensor(primal, tangent)
    if not duals or not tensor.requires_grad:
        return UnpackedDualTensor(primal, None)
    with enable_grad():
        seeds = _C.zeros_like(tensor.detach()).requires_grad_()
        leaves = [dual for dual, _ in duals]
        back = grad(tensor, leaves, seeds, create_graph=True, allow_unused=True)
        used = [(g, t) for g, (_, t) in zip(back, duals, strict=True) if g is not None]
        if not used:
            return UnpackedDualTensor(primal, None)
        live = [(g, t) for g, t in used if g.requires_grad]
        if not live:
            return UnpackedDualTensor(primal, _C.zeros_like(primal))
        keep = any(t.requires_grad for _, t in live)
        vectors = [t.conj() if t.is_complex() else t for _, t in live]
        (product,) = grad([g for g, _ in live], seeds, vectors, create_graph=keep, retain_graph=True, allow_unused=True)
    if product is None:
        product = _C.zeros_like(primal)
    return UnpackedDualTensor(primal, product.conj() if product.is_complex() else product)
