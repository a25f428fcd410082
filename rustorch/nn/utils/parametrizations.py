"""Parametrizations of weights: by length and direction, of spectral norm one, orthogonal."""

from __future__ import annotations

from typing import Any

from ..._C import Tensor, eye, ops, randn, zeros, zeros_like
from ..._modes import no_grad
from .. import functional as F
from ..module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def norm_except(weight: Tensor, dim: int) -> Tensor:
    """Euclidean norms over all dimensions but `dim` (which keep length 1); over all for dim -1."""
    if dim == -1:
        norm: Tensor = ops["norm2"](weight)
        return norm
    dim %= weight.ndim
    norm = ops["norm2"](weight, [d for d in range(weight.ndim) if d != dim], True)
    return norm


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """The weight as a length (original0) times a direction (original1) (Salimans & Kingma 2016).

    Args:
        name: of the parameter; dim: the dimension that has a length for each index; None: one length in all.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def take_old_names(state_dict: dict[str, Any], prefix: str, *notes: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(take_old_names)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight.detach())
            rows, columns = matrix.shape
            made = {"dtype": weight.dtype}
            self.register_buffer("_u", F.normalize(randn(rows, **made), dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(randn(columns, **made), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        return weight.flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.mT.conj() @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / (u.conj() * (matrix @ v)).sum()

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def _output_dim(module: Module) -> int:
    """Where the outputs are in a layer's weight."""
    transposed = ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
    return int(any(cls.__name__ in transposed for cls in type(module).__mro__))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """The weight divided by its largest singular value (Miyato et al. 2018).

    Args:
        n_power_iterations: how often each call in training improves the estimate of the singular vectors.
        dim: of the outputs; None: 0, or 1 for transposed convolutions.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    where = _output_dim(module) if dim is None else dim
    return parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, where, eps))


def _has_orthonormal_columns(matrix: Tensor) -> bool:
    n = matrix.shape[-1]
    tolerance = 10 * n * (1.2e-7 if str(matrix.dtype) in ("float32", "complex64") else 2.3e-16)
    gram = matrix.mT.conj() @ matrix
    return bool(((gram - eye(n, dtype=matrix.dtype)).abs() <= tolerance).all())


def _orthonormalized(matrix: Tensor) -> Tensor:
    from ...linalg import qr

    q, r = qr(matrix)
    result: Tensor = q * r.diagonal(0, -2, -1).sgn().unsqueeze(-2)
    return result


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, map_name: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and map_name == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = tuple(weight.shape)
        self.orthogonal_map = map_name
        self.trivialized = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        X = X.mT if wide else X
        Q = self._exponential(X) if self.orthogonal_map != "householder" else self._reflections(X)
        if self.trivialized and self.base is not None:
            Q = self.base @ Q
        return Q.mT if wide else Q

    def _exponential(self, X: Tensor) -> Tensor:
        from ... import linalg

        n, k = X.shape[-2:]
        X = X.tril()
        if n != k:
            X = ops["cat"]([X, zeros((*X.shape[:-2], n, n - k), dtype=X.dtype)], -1)
        A = X - X.mT.conj()
        if self.orthogonal_map == "matrix_exp":
            Q = linalg.matrix_exp(A)
        else:
            one = eye(n, dtype=A.dtype)
            Q = linalg.solve(one - A * 0.5, one + A * 0.5)
        result: Tensor = Q.narrow(-1, 0, k) if n != k else Q
        return result

    def _reflections(self, X: Tensor) -> Tensor:
        from ... import linalg

        A = X.tril(-1)
        Q = linalg.householder_product(A, 2.0 / (1.0 + (A * A.conj()).sum(-2)))
        result: Tensor = Q * X.diagonal(0, -2, -1).detach().trunc().unsqueeze(-2)
        return result

    def right_inverse(self, Q: Tensor) -> Tensor:
        if tuple(Q.shape) != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {tuple(Q.shape)}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        matrix = Q.mT if wide else Q
        if not self.trivialized:
            return self._reflectors(matrix, wide)
        n, k = matrix.shape[-2:]
        if n == k:
            full = matrix.clone() if _has_orthonormal_columns(matrix) else _orthonormalized(matrix)
        else:
            more = randn((*matrix.shape[:-2], n, n - k), dtype=matrix.dtype)
            full = _orthonormalized(ops["cat"]([matrix, more], -1))
        self.base = full
        start = zeros_like(Q)
        start.diagonal(0, -2, -1).fill_(-1.0)
        return start

    def _reflectors(self, matrix: Tensor, wide: bool) -> Tensor:
        from ... import geqrf

        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when"
                " use_trivialization=False."
            )
        A, tau = geqrf(matrix)
        d = A.diagonal(0, -2, -1)
        d.copy_(d.sign() * ops["where"](tau == 0, -1.0, 1.0))
        result: Tensor = A.mT if wide else A
        return result


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """A weight with orthonormal rows or columns, whichever are fewer (Lezcano-Casado 2019).

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; None: matrix_exp for square and complex weights,
            householder for others.
        use_trivialization: the weight is a fixed orthogonal matrix times the map's result.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    square = weight.shape[-2] == weight.shape[-1]
    chosen = orthogonal_map or ("matrix_exp" if square or weight.is_complex() else "householder")
    if chosen not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    return parametrize.register_parametrization(
        module, name, _Orthogonal(weight, chosen, use_trivialization), unsafe=True
    )
