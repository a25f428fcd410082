"""Parameters that are computed from others: `register_parametrization(layer, "weight", Symmetric())`.

The layer's class gets a property under the parameter's name; what it is computed from lies in
`layer.parametrizations.weight`, as `original` or `original0`, `original1`, ...
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..._C import Tensor
from ..._modes import no_grad
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

_caching = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside, a parametrized tensor is computed once, when first asked for."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and the originals it is computed from."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = self._inverted(original)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got"
                f" {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if new.dtype != original.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype."
                    f" original.dtype: {original.dtype} right_inverse(original).dtype: {new.dtype}"
                )
            with no_grad():
                original.data = new.detach()
            self._hold("original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        f"'right_inverse' must return a Sequence of tensors. Got element {i} of {type(part)}"
                    )
                is_parameter = isinstance(original, Parameter)
                self._hold(f"original{i}", Parameter(part, original.requires_grad) if is_parameter else part.detach())
        if not unsafe:
            self._check(original)

    def _hold(self, name: str, value: Tensor) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def _inverted(self, value: Any) -> Any:
        with no_grad():
            for module in reversed(list(self)):
                inverse = getattr(module, "right_inverse", None)
                if inverse is not None:
                    with suppress(NotImplementedError):
                        value = inverse(value)
        return value

    def _check(self, original: Tensor) -> None:
        result = self()
        if not isinstance(result, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(result).__name__}.")
        if result.dtype != original.dtype or (self.is_tensor and result.shape != original.shape):
            raise ValueError(
                "Registering a parametrization may not change the dtype or shape of the tensor, unless `unsafe` flag is"
                f" enabled. before: {original.dtype}, {tuple(original.shape)}"
                f" after: {result.dtype}, {tuple(result.shape)}"
            )

    def originals(self) -> list[Tensor]:
        """What the tensor is computed from."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Changes the originals so that the tensor becomes `value`."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            new = [value] if self.is_tensor else list(value)
            if len(new) != self.ntensors:
                raise ValueError(f"'right_inverse' must return {self.ntensors} tensors. Got {len(new)}.")
            for old, part in zip(self.originals(), new, strict=True):
                old.data = part.detach().to(old.dtype)

    def forward(self) -> Any:
        first, *rest = list(self)
        value = first(*self.originals())
        for module in rest:
            value = module(value)
        return value


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        if not _caching:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def _refuse_pickle(self: Any) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:"
        " https://pytorch.org/tutorials/beginner/saving_loading_models.html"
    )


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    twin = memo.get(id(self))
    if twin is None:
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        names = [name for name, value in vars(type(self)).items() if isinstance(value, property)]
        twin.__class__ = _derived(type(self).__mro__[1], names)
    return twin


def _derived(cls: type, names: Sequence[str]) -> type:
    members: dict[str, Any] = {"__getstate__": _refuse_pickle, "__deepcopy__": _deepcopy}
    members.update({name: _property(name) for name in names})
    return type(f"Parametrized{cls.__name__}", (cls,), members)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Has the module a parametrized tensor (of this name)?"""
    lists = module.__dict__.get("parametrizations")
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Makes module.tensor_name the result of parametrization(original), or of one more parametrization.

    Args:
        tensor_name: a parameter or buffer of the module.
        parametrization: a module; its right_inverse, where it has one, makes the original from the present value,
            and is called by assignments.
        unsafe: the parametrization may change dtype and shape.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        lists: Any = module.parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            if not isinstance(after, Tensor) or after.dtype != before.dtype or after.shape != before.shape:
                raise ValueError("Registering a parametrization may not change the shape or dtype of the tensor")
            if hasattr(parametrization, "right_inverse"):
                with no_grad():
                    back = parametrization.right_inverse(after)
                if not isinstance(back, Tensor) or back.shape != before.shape or back.dtype != before.dtype:
                    raise ValueError("parametrization.right_inverse must return a tensor of the same shape and dtype")
        lists.append(parametrization)
        lists.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name"
            f" '{tensor_name}'"
        )
    lists = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.__class__ = _derived(type(module), [])
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = lists
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Takes all parametrizations of a tensor away; it keeps its present value, or gets the original one back."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    lists: Any = module.parametrizations[tensor_name]
    originals = lists.originals()
    original: Any = originals[0]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).detach().clone()
        if lists.is_tensor:
            original.data = value
        else:
            is_parameter = isinstance(original, Parameter)
            original = Parameter(value, any(o.requires_grad for o in originals)) if is_parameter else value
    elif not lists.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a"
            " sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__mro__[1]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class without parametrizations."""
    return type(module).__mro__[1] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Gives to_module the parametrizations (of one tensor, or all) of from_module, and the values under them."""
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        lists: Any = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for parametrization in lists:
            register_parametrization(to_module, name, parametrization, unsafe=lists.unsafe)
        target: Any = to_module.parametrizations[name]
        for mine, theirs in zip(target.originals(), lists.originals(), strict=True):
            mine.data = theirs.detach().clone()
    return to_module
