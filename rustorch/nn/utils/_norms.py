"""Weight and spectral normalisation by a hook before forward: the older form, which
`parametrizations` replaces."""

from __future__ import annotations

from typing import Any

from ..._C import Tensor, randn
from ..._modes import no_grad
from .. import functional as F
from ..module import Module
from ..parameter import Parameter
from .parametrizations import _output_dim, norm_except

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class _Hook:
    """Computes module.<name> before forward."""

    name: str

    def compute(self, module: Module) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        module.__dict__[self.name] = self.compute(module)


def _attach(module: Module, hook: _Hook) -> None:
    for attached in module._forward_pre_hooks.values():
        if isinstance(attached, type(hook)) and attached.name == hook.name:
            raise RuntimeError(f"Cannot register two {type(hook).__name__} hooks on the same parameter {hook.name}")
    module.register_forward_pre_hook(hook)


def _detach(module: Module, kind: type[_Hook], name: str) -> _Hook | None:
    hooks: Any = module.__dict__.get("_hooks")
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and hook.name == name:
            del hooks.forward_pre[number]
            return hook
    return None


class WeightNorm(_Hook):
    """weight = weight_g * weight_v / |weight_v|."""

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.dim = dim

    def compute(self, module: Module) -> Tensor:
        v: Tensor = getattr(module, self.name + "_v")
        g: Tensor = getattr(module, self.name + "_g")
        return v * (g / norm_except(v, self.dim))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Replaces a parameter by its length, <name>_g, and its direction, <name>_v (Salimans & Kingma 2016)."""
    hook = WeightNorm(name, -1 if dim is None else dim)
    _attach(module, hook)
    weight = module._parameters[name]
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(norm_except(weight.detach(), hook.dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    module.__dict__[name] = hook.compute(module)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undoes weight_norm: the parameter is one again, with its present value."""
    hook = _detach(module, WeightNorm, name)
    if hook is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    with no_grad():
        value = hook.compute(module).detach()
    for part in (name, name + "_g", name + "_v"):
        delattr(module, part)
    setattr(module, name, Parameter(value))
    return module


class SpectralNorm(_Hook):
    """weight = weight_orig / its largest singular value, estimated by power iteration."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        return weight.reshape(weight.shape[0], -1)

    def compute(self, module: Module, iterate: bool | None = None) -> Tensor:
        weight: Tensor = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.matrix(weight)
        if module.training if iterate is None else iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.detach().mT @ u, dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.detach() @ v, dim=0, eps=self.eps))
            u, v = u.clone(), v.clone()
        sigma: Tensor = (u * (matrix @ v)).sum()
        return weight / sigma


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divides a parameter by its largest singular value before every forward (Miyato et al. 2018)."""
    hook = SpectralNorm(name, n_power_iterations, _output_dim(module) if dim is None else dim, eps)
    _attach(module, hook)
    weight = module._parameters[name]
    rows, columns = hook.matrix(weight.detach()).shape
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    module.__dict__[name] = weight.detach()
    module.register_buffer(name + "_u", F.normalize(randn(rows, dtype=weight.dtype), dim=0, eps=eps))
    module.register_buffer(name + "_v", F.normalize(randn(columns, dtype=weight.dtype), dim=0, eps=eps))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undoes spectral_norm: the parameter is one again, with its present value."""
    hook = _detach(module, SpectralNorm, name)
    if not isinstance(hook, SpectralNorm):
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    with no_grad():
        value = hook.compute(module, False).detach()
    for part in (name, name + "_u", name + "_v", name + "_orig"):
        delattr(module, part)
    module.register_parameter(name, Parameter(value))
    return module
