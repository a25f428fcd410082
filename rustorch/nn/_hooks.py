"""Hooks of modules: before and after forward, before and after backward, on one module or all."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from .._C import Tensor, watch_modules

Hook = Callable[..., Any]
_numbers = itertools.count()


class RemovableHandle:
    """Takes its hook back: handle.remove(), or leaving a `with` block."""

    def __init__(self, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self.id = next(_numbers)
        self._hooks = hooks
        if prepend:
            rest = dict(hooks)
            hooks.clear()
            hooks[self.id] = hook
            hooks.update(rest)
        else:
            hooks[self.id] = hook

    def remove(self) -> None:
        self._hooks.pop(self.id, None)
        if not self._hooks:
            watch_modules(everywhere.any())

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class HookSet:
    """The hooks of a module; forward ones as (hook, with_kwargs, always_call).

    full tells whether backward hooks are full ones; None: there were none yet."""

    __slots__ = ("backward", "backward_pre", "forward", "forward_pre", "full")

    def __init__(self) -> None:
        self.forward_pre: dict[int, tuple[Hook, bool, bool]] = {}
        self.forward: dict[int, tuple[Hook, bool, bool]] = {}
        self.backward_pre: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}
        self.full: bool | None = None

    def any(self) -> bool:
        """Is there a hook?"""
        return bool(self.forward_pre or self.forward or self.backward_pre or self.backward)

    def of_kind(self, full: bool) -> dict[int, Hook]:
        """The backward hooks, which are all full ones or all of the older kind."""
        if self.full is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only one"
                " of them."
            )
        self.full = full
        return self.backward


class ForwardHooks(MutableMapping[int, Hook]):
    """A module's forward hooks by number, without what is noted with them."""

    __slots__ = ("_noted",)

    def __init__(self, noted: dict[int, tuple[Hook, bool, bool]]) -> None:
        self._noted = noted

    def __getitem__(self, number: int) -> Hook:
        return self._noted[number][0]

    def __setitem__(self, number: int, hook: Hook) -> None:
        self._noted[number] = hook, False, False

    def __delitem__(self, number: int) -> None:
        del self._noted[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._noted)

    def __len__(self) -> int:
        return len(self._noted)


# Hooks on every module.
everywhere = HookSet()


def _watch_all() -> HookSet:
    """The hooks on every module; while there are any, no module takes the short way past them."""
    watch_modules(True)
    return everywhere


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, args) before the forward of every module."""
    return RemovableHandle(_watch_all().forward_pre, (hook, False, False))


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls hook(module, args, output) after the forward of every module."""
    return RemovableHandle(_watch_all().forward, (hook, with_kwargs, always_call))


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, grad_input, grad_output) after the backward of every module."""
    return RemovableHandle(_watch_all().backward, hook)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, grad_output) before the backward of every module."""
    return RemovableHandle(_watch_all().backward_pre, hook)


register_module_backward_hook = register_module_full_backward_hook


def run_forward_pre(module: Any, hooks: HookSet, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The (args, kwargs) that forward gets."""
    for hook, with_kwargs, _ in (*everywhere.forward_pre.values(), *hooks.forward_pre.values()):
        if with_kwargs:
            result = hook(module, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got"
                        f" {result}."
                    )
                args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    return args, kwargs


def run_forward(
    module: Any, hooks: HookSet, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> Any:
    """The output, as the hooks leave it."""
    for hook, with_kwargs, _ in (*everywhere.forward.values(), *hooks.forward.values()):
        result = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        if result is not None:
            output = result
    return output


def run_always(module: Any, hooks: HookSet, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """After a failure: the hooks that are to be called in any case; their own failures are dropped."""
    for hook, with_kwargs, always_call in (*everywhere.forward.values(), *hooks.forward.values()):
        if always_call:
            try:
                hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
            except Exception:  # the first failure is the one to report
                continue


class BackwardWatch:
    """One call of a module, watched on its way back.

    Identity functions around the module's inputs and outputs see the gradients pass: those of
    the outputs first (pre-hooks, kept for the hooks), then those of the inputs (hooks).
    """

    def __init__(self, module: Any, hooks: HookSet) -> None:
        self.module = module
        self.pre_hooks = [*everywhere.backward_pre.values(), *hooks.backward_pre.values()]
        self.hooks = [*everywhere.backward.values(), *hooks.backward.values()]
        self.grad_output: tuple[Any, ...] = ()
        self.inputs = 0
        self.watches_inputs = False
        self.silent = False    # the output cannot be watched: no hook is called

    def on_output(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.pre_hooks:
            grads = _replaced(hook(self.module, grads), grads)
        self.grad_output = grads
        if not self.watches_inputs:
            for hook in self.hooks:
                if hook(self.module, (None,) * self.inputs, grads) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return"
                        " None or None for all gradients."
                    )
        return grads

    def on_input(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.silent:
            return grads
        for hook in self.hooks:
            grads = _replaced(hook(self.module, grads, self.grad_output), grads)
        return grads

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        tensors = [a for a in args if isinstance(a, Tensor)]
        self.inputs = len(tensors)
        self.watches_inputs = any(t.requires_grad for t in tensors)
        if not self.watches_inputs:
            return args
        passed = iter(_through(self.on_input, tensors))
        return tuple(next(passed) if isinstance(a, Tensor) else a for a in args)

    def leave(self, output: Any) -> Any:
        if isinstance(output, Tensor):
            return _through(self.on_output, [output])[0] if output.requires_grad else output
        if isinstance(output, (tuple, list)):
            tensors = [o for o in output if isinstance(o, Tensor)]
            if not any(t.requires_grad for t in tensors):
                return output
            passed = iter(_through(self.on_output, tensors))
            return type(output)([next(passed) if isinstance(o, Tensor) else o for o in output])
        self.silent = True
        warnings.warn(
            "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received"
            f" {type(output)}",
            stacklevel=4,
        )
        return output


def _replaced(result: Any, grads: tuple[Any, ...]) -> tuple[Any, ...]:
    if result is None:
        return grads
    new = result if isinstance(result, tuple) else (result,)
    if len(new) != len(grads):
        raise RuntimeError(
            f"Backward hook returned an invalid number of grad_input, got {len(new)}, but expected"
            f" {len(grads)}"
        )
    return new


def _through(watch: Callable[[tuple[Any, ...]], tuple[Any, ...]], tensors: list[Any]) -> tuple[Any, ...]:
    """The tensors, behind an identity whose backward calls watch."""
    from ..autograd import Function

    class Boundary(Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            return tuple(t.view_as(t) for t in inputs)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return watch(grads)

    result: tuple[Any, ...] = Boundary.apply(*tensors)
    return result
