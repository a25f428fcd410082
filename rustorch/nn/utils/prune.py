"""Pruning: parameters multiplied by masks of zeros and ones.

A pruned parameter lies under <name>_orig, its mask in the buffer <name>_mask, and <name> itself is their
product, made anew before every forward.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..._C import Tensor, ones_like, ops, rand_like
from ..._modes import no_grad
from ..module import Module

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip


def _check_amount(amount: float) -> None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (isinstance(amount, float) and amount > 1.0):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: float, size: int) -> int:
    """How many of `size`: a number of them, or a share."""
    count = amount if isinstance(amount, int) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return int(count)


def _without(mask: Tensor, at: Any) -> Tensor:
    """The mask, also zero at flat positions."""
    flat = mask.clone().reshape(-1)
    flat.index_fill_(0, at, 0.0)
    return flat.reshape(mask.shape)


class BasePruningMethod:
    """A way to choose masks: compute_mask(t, default_mask); PRUNING_TYPE tells what the choice is made from."""

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        module.__dict__[self._tensor_name] = self.apply_mask(module)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        raise NotImplementedError(f"compute_mask of {type(self).__name__}")

    def apply_mask(self, module: Module) -> Tensor:
        """The pruned tensor."""
        mask, original = getattr(module, self._tensor_name + "_mask"), getattr(module, self._tensor_name + "_orig")
        pruned: Tensor = mask.to(original.dtype) * original
        return pruned

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prunes a parameter of a module, further when it was pruned before."""
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before = _attached(module, name)
        original = getattr(module, name)     # as pruned so far
        scores = original if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(original.shape):
            raise AssertionError("importance_scores should have the same shape as parameter")
        if before is None:
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
            default = ones_like(original.detach())
        else:
            default = getattr(module, name + "_mask").detach().clone()
            container = PruningContainer(before)
            container.add_pruning_method(method)
            method = container
            _take_off(module, before)
        with no_grad():
            mask = method.compute_mask(scores.detach(), default)
        module.register_buffer(name + "_mask", mask)
        module.__dict__[name] = method.apply_mask(module)
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """t times the mask that this method makes for it."""
        default = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(t if importance_scores is None else importance_scores, default)

    def remove(self, module: Module) -> None:
        """Makes the pruned tensor the parameter."""
        name = self._tensor_name
        with no_grad():
            value = self.apply_mask(module).detach()
        original = module._parameters[name + "_orig"]
        original.data = value
        for part in (name, name + "_orig", name + "_mask"):
            delattr(module, part)
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Pruning methods one after the other."""

    PRUNING_TYPE = "container"

    def __init__(self, *methods: BasePruningMethod) -> None:
        self._methods: list[BasePruningMethod] = []
        for method in methods:
            self._tensor_name = method._tensor_name
            self._methods.extend(method._methods if isinstance(method, PruningContainer) else [method])

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Adds a method for the same tensor."""
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to this container"
            )
        self._methods.append(method)

    def __len__(self) -> int:
        return len(self._methods)

    def __iter__(self) -> Any:
        return iter(self._methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The last method's mask among what is left by those before."""
        method = self._methods[-1]
        if method.PRUNING_TYPE == "unstructured":
            alive = (default_mask.reshape(-1) == 1).nonzero().squeeze(1)
            part = method.compute_mask(t.reshape(-1)[alive], default_mask.reshape(-1)[alive])
            gone: Any = part == 0
            return _without(default_mask, alive[gone])
        if method.PRUNING_TYPE == "structured":
            dim = method.dim  # type: ignore[attr-defined]
            others = [d for d in range(t.ndim) if d != dim % t.ndim]
            alive = (default_mask.sum(others) != 0).nonzero().squeeze(1)
            part = method.compute_mask(t.index_select(dim, alive), default_mask.index_select(dim, alive))
            return default_mask.clone().index_copy_(dim, alive, part)
        return method.compute_mask(t, default_mask)


class Identity(BasePruningMethod):
    """Prunes nothing."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes elements at random."""

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def scores(self, t: Tensor) -> Tensor:
        return rand_like(t)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        if count == 0:
            return default_mask.clone()
        return _without(default_mask, self.scores(t).reshape(-1).topk(count, largest=False).indices)


class L1Unstructured(RandomUnstructured):
    """Prunes the elements of the smallest absolute values."""

    def scores(self, t: Tensor) -> Tensor:
        return t.abs()


class RandomStructured(BasePruningMethod):
    """Prunes whole indices of a dimension at random."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def scores(self, t: Tensor) -> Tensor:
        return rand_like(t.select(self.dim, 0).reshape(-1)[:1].expand(t.shape[self.dim]))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.ndim <= 1:
            raise ValueError("Structured pruning can only be applied to multidimensional tensors.")
        count = _count(self.amount, t.shape[self.dim])
        if count == 0:
            return default_mask.clone()
        worst = self.scores(t).topk(count, largest=False).indices
        return default_mask.clone().index_fill_(self.dim, worst, 0.0)


class LnStructured(RandomStructured):
    """Prunes the indices of a dimension that have the smallest norm of order n."""

    def __init__(self, amount: float, n: float | str, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def scores(self, t: Tensor) -> Tensor:
        rows = t.movedim(self.dim, 0).reshape(t.shape[self.dim], -1)
        norms: Tensor = rows.norm(self.n, 1)
        return norms


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask * self.mask.to(default_mask.dtype)


def _attached(module: Module, name: str) -> BasePruningMethod | None:
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return hook
    return None


def _take_off(module: Module, method: BasePruningMethod) -> None:
    hooks = module.__dict__["_hooks"].forward_pre
    for number, (hook, *_) in list(hooks.items()):
        if hook is method:
            del hooks[number]


def identity(module: Module, name: str) -> Module:
    """Makes a parameter a pruned one of which nothing is pruned."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prunes a number (int) or share (float) of a parameter's elements at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prunes a number or share of a parameter's elements, those of the smallest absolute values."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prunes a number or share of the indices of a dimension at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: float | str, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prunes a number or share of the indices of a dimension, those of the smallest norms of order n."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prunes a parameter where the mask is 0."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]], pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Prunes several parameters as if they were one: those that an unstructured method chooses among all elements."""
    pairs = list(parameters)
    scores = importance_scores or {}
    flat = [scores.get(pair, getattr(*pair)).detach().reshape(-1) for pair in pairs]
    masks = [getattr(module, name + "_mask", None) for module, name in pairs]
    defaults = [ones_like(f) if m is None else m.reshape(-1) for f, m in zip(flat, masks, strict=True)]
    container = PruningContainer()
    container._tensor_name = "temporary"
    method: Any = pruning_method(**kwargs)
    method._tensor_name = "temporary"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method'
            f" {pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    with no_grad():
        mask = container.compute_mask(ops["cat"](flat), ops["cat"](defaults))
    start = 0
    for module, name in pairs:
        parameter = getattr(module, name)
        piece = mask.narrow(0, start, parameter.numel()).reshape(parameter.shape)
        custom_from_mask(module, name, piece)
        start += parameter.numel()


def remove(module: Module, name: str) -> Module:
    """Makes the pruned parameter an ordinary one, with its zeros."""
    method = _attached(module, name)
    if method is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    method.remove(module)
    _take_off(module, method)
    return module


def is_pruned(module: Module) -> bool:
    """Is anything in the module, or below it, pruned?"""
    return any(
        isinstance(hook, BasePruningMethod) for part in module.modules() for hook in part._forward_pre_hooks.values()
    )
