"""The recorded graph: hooks on what it saves, and on gradients of several tensors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import _C
from .._methods import RemovableHandle
from .._modes import _Decorator

Node = _C.Node
_state = threading.local()


class AccumulateGrad:
    """What a leaf looks like in the graph: the end of a path, where gradients are added to variable.grad.

    >>> import rustorch as rt
    >>> x = rt.ones(2, requires_grad=True)
    >>> ((end, _),) = x.exp().grad_fn.next_functions
    >>> end.name(), end.variable is x, end.next_functions
    ('AccumulateGrad', True, ())
    """

    __slots__ = ("variable",)
    next_functions: tuple[Any, ...] = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """AccumulateGrad."""
        return "AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


class GradientEdge(NamedTuple):
    """Where a tensor's gradient goes: a node and the number of its output."""

    node: Any
    output_nr: int


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The edge of a tensor that has a grad_fn.  RuntimeError when it has none."""
    if tensor.grad_fn is None:
        raise RuntimeError("get_gradient_edge: the tensor has no grad_fn; leaves receive gradients themselves")
    return GradientEdge(tensor.grad_fn, tensor.output_nr)


class saved_tensors_hooks(_Decorator):
    """Inside the block, what ops save for backward is handed to pack_hook, and asked back from unpack_hook.

    pack_hook(tensor) -> anything; unpack_hook(what it returned) -> a Tensor of equal shape, dtype and values.
    Used to keep saved tensors on disk, compressed or elsewhere.  Blocks nest: the innermost counts.

    >>> import rustorch as rt
    >>> kept = []
    >>> with rt.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or len(kept) - 1, kept.__getitem__):
    ...     y = rt.tensor(3.0, requires_grad=True).square()
    >>> kept
    [tensor(3.0)]
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        if not callable(pack_hook) or not callable(unpack_hook):
            raise TypeError("saved_tensors_hooks: pack_hook and unpack_hook must be callable")
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        reason = getattr(_state, "disabled", None)
        if reason is not None:
            raise RuntimeError(reason)
        self.before = _C._set_saved_hooks((self.pack_hook, self.unpack_hook))

    def __exit__(self, *exc: object) -> None:
        _C._set_saved_hooks(self.before)

    def _clone(self) -> Any:
        return type(self)(self.pack_hook, self.unpack_hook)


class save_on_cpu(saved_tensors_hooks):
    """Keeps saved tensors as copies in main memory; pin_memory is accepted and has no effect on the CPU."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t.clone(), lambda t: t)
        self.pin_memory, self.device_type = pin_memory, device_type

    def _clone(self) -> Any:
        return type(self)(self.pin_memory, self.device_type)


class disable_saved_tensors_hooks(_Decorator):
    """Inside the block, saved_tensors_hooks raises RuntimeError(error_message)."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def __enter__(self) -> None:
        self.before = getattr(_state, "disabled", None)
        _state.disabled = self.error_message

    def __exit__(self, *exc: object) -> None:
        _state.disabled = self.before

    def _clone(self) -> Any:
        return type(self)(self.error_message)


class _Handles:
    """Removes several hooks at once."""

    def __init__(self, handles: list[RemovableHandle]) -> None:
        self._handles = handles

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[..., Any], *, mode: str = "all") -> _Handles:
    """fn runs in a backward pass when gradients of the tensors are known.

    mode "all": fn([gradient or None, ...]) once a pass, when every tensor that requires grad has its gradient.
    mode "any": fn(gradient) at the first of them.  Returns a handle with remove().
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: mode must be 'all' or 'any', not {mode!r}")
    wanted = [i for i, t in enumerate(tensors) if t.requires_grad]
    if not wanted:
        raise RuntimeError("register_multi_grad_hook: none of the tensors requires grad")
    passes: dict[int, list[Any]] = {}
    lock = threading.Lock()

    def hook_of(index: int) -> Callable[[Any], None]:
        def hook(gradient: Any) -> None:
            with lock:
                run = _C._backward_run()
                for old in [key for key in passes if key < run]:
                    del passes[old]
                first = run not in passes
                seen = passes.setdefault(run, [None] * len(tensors))
                seen[index] = gradient
                complete = all(seen[i] is not None for i in wanted)
            if mode == "any" and first:
                fn(gradient)
            elif mode == "all" and complete:
                fn(seen)

        return hook

    return _Handles([tensors[i].register_hook(hook_of(i)) for i in wanted])


def increment_version(tensor: Any) -> None:
    """Counts as an in-place write, for memory that was written behind rustorch's back."""
    for t in [tensor] if isinstance(tensor, _C.Tensor) else list(tensor):
        t._touch()
