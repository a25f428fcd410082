"""Optimizer: parameter groups, their state, and saving both in PyTorch's layout."""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from .._C import Tensor, as_tensor, zero_grads
from .._modes import enable_grad
from ..nn._hooks import RemovableHandle

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

Group = dict[str, Any]
Hooks = dict[int, Callable[..., Any]]

# Hooks around the steps of every optimizer.
_before_all: Hooks = {}
_after_all: Hooks = {}


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _watched(step: Callable[..., Any]) -> Callable[..., Any]:
    """step, noted for schedules (_opt_called) and with hooks around it when there are any."""

    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        if self._hooks or _before_all or _after_all:
            return self._step_with_hooks(step, args, kwargs)
        return step(self, *args, **kwargs)

    run._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    return run


class Optimizer:
    """Base of optimisers.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with "params" and options of their own.
        defaults: options of groups that do not say otherwise.

    Attributes: `param_groups`, a list of dicts; `state`, a dict per parameter.
    """

    _opt_called = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _watched(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._hooks: dict[str, Hooks] = {}
        if not hasattr(params, "__iter__"):
            raise TypeError(f"optimizer takes an iterable of tensors or of dicts, not {type(params).__name__}")
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    # ---- groups ----

    def add_param_group(self, param_group: Group) -> None:
        """Adds parameters, with options of their own, to what is optimised."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of"
                " tensors in"
                " sets will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not (self.defaults.get("differentiable") or p.is_leaf or bool(p.retains_grad)):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, value in self.defaults.items():
            if value is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, value)
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters: each of them takes several"
                " steps at once",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group"
                    f" {'with' if 'param_names' in param_group else 'without'} names to the optimizer"
                )
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if known.intersection(map(id, params)):
            raise ValueError("some parameters appear in more than one parameter group")
        param_group["params"] = params
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets (or zeroes) the gradients of all parameters."""
        for group in self.param_groups:
            zero_grads(group["params"], set_to_none)

    # ---- stepping ----

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; closure, when given, is called first and its loss returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group.get("differentiable"):
                with enable_grad():
                    self._update_recorded(group)
            else:
                self._update(group)
        return loss

    def _update(self, group: Group) -> None:
        """Moves the parameters of one group."""
        raise NotImplementedError

    def _update_recorded(self, group: Group) -> None:
        """The same over ops, so that the step itself can be differentiated."""
        raise NotImplementedError(f"{type(self).__name__}: differentiable=True, this step is never recorded")

    def _step_with_hooks(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = (self, *args)
        for hook in [*_before_all.values(), *self._hooks.get("step_pre", {}).values()]:
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step.__qualname__} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = result
        value = step(*args, **kwargs)
        for hook in [*self._hooks.get("step_post", {}).values(), *_after_all.values()]:
            hook(self, args, kwargs)
        return value

    def _hook(self, kind: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        return RemovableHandle(self._hooks.setdefault(kind, {}), hook, prepend)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(optimizer, args, kwargs) before every step; it may return other (args, kwargs)."""
        return self._hook("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Calls hook(optimizer, args, kwargs) after every step."""
        return self._hook("step_post", hook)

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """A step function with hooks around it; steps of subclasses have them without asking."""
        return func if hasattr(func, "_wrapped_by_lr_sched") else _watched(func)

    # ---- saving ----

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(optimizer) before saving."""
        return self._hook("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(optimizer, state_dict) after saving; what it returns replaces the state_dict."""
        return self._hook("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(optimizer, state_dict) before loading; what it returns replaces the state_dict."""
        return self._hook("load_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(optimizer) after loading."""
        return self._hook("load_post", hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: state}, "param_groups": [options and numbers of parameters]}."""
        for hook in self._hooks.get("state_dict_pre", {}).values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {name: value for name, value in group.items() if name != "params"}
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state: dict[Any, Any] = {numbers.get(id(p), p): dict(s) for p, s in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks.get("state_dict_post", {}).values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes options and states back; states may be tensors of PyTorch's or arrays, and are copied."""
        state_dict = dict(state_dict)
        for hook in self._hooks.get("load_pre", {}).values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(ours["params"]) != len(theirs["params"]) for ours, theirs in zip(self.param_groups, saved)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        by_number = dict(zip(chain.from_iterable(group["params"] for group in saved), params))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for number, entries in state_dict["state"].items():
            p = by_number.get(number)
            if p is None:
                state[number] = entries
            else:
                state[p] = {name: _adopt(p, name, value) for name, value in entries.items()}
        groups = []
        for ours, theirs in zip(self.param_groups, saved):
            group = {**ours, **deepcopy({k: v for k, v in theirs.items() if k != "params"}), "params": ours["params"]}
            groups.append(group)
        self.state = state
        self.param_groups = groups
        for hook in self._hooks.get("load_post", {}).values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_hooks", {})
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            text += "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
        return text + ")"

    def _repr_html_(self) -> str:
        """What notebooks show: a table of the groups' settings."""
        from .._display import optimizer_html

        return optimizer_html(self)


def _adopt(p: Tensor, name: str, value: Any) -> Any:
    """A saved entry as ours: a copy, in the parameter's dtype; counters stay single or double precision."""
    if isinstance(value, dict):
        return {k: _adopt(p, k, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_adopt(p, "", v) for v in value)
    if name == "step":
        step = as_tensor(value)
        return step.to("float64" if step.dtype == "float64" else "float32").reshape(()).clone()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    t = as_tensor(value)
    if name in ("eta", "mu", "mu_product"):
        return t.to("float64" if p.dtype == "float64" else "float32").reshape(()).clone()
    return t.to(p.dtype).clone() if p.is_floating_point() else t.clone()


def check_range(name: str, value: Any, low: float = 0.0, high: float | None = None) -> None:
    """ValueError, in PyTorch's words, unless low <= value (< high)."""
    if not low <= value or (high is not None and not value < high):
        raise ValueError(f"Invalid {name}: {value}")


def check_rate(lr: Any) -> None:
    """ValueError unless lr is a number, or a tensor of one, that is not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_range("learning rate", lr)


def check_modes(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """RuntimeError where two ways of stepping are asked for at once (all of ours are one call into C)."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls hook(optimizer, args, kwargs) before every step of every optimizer."""
    return RemovableHandle(_before_all, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Calls hook(optimizer, args, kwargs) after every step of every optimizer."""
    return RemovableHandle(_after_all, hook)


Optimizer.step = _watched(Optimizer.step)  # type: ignore[method-assign]
