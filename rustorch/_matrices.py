"""PyTorch's products with a third summand, and its older names for linear algebra, as functions
and methods.  rustorch.linalg is imported when one of them first needs it."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
ROWS = {name for name in _ops if name.startswith("linalg_")}  # not methods


def _linalg(name: str = "") -> Any:
    return importlib.import_module("rustorch.linalg" + name)


def _result(out: Any, value: Any) -> Any:
    return value if out is None else _linalg("._results").written("out", value, out)


# ---- products --------------------------------------------------------------------------------


def _summand(name: str, x: Any, product: Any, beta: Any, alpha: Any, out: Any) -> Any:
    """beta * x + alpha * product; with beta 0 x is not looked at."""
    shape = tuple(product.shape)
    if tuple(x.shape) != shape:
        x = x.expand(shape)
    if x.dtype.kind in "iub":
        if isinstance(beta, complex) or isinstance(alpha, complex):
            raise RuntimeError(f"{name}: for integer tensors beta and alpha must be real, not {beta} and {alpha}")
        beta, alpha = int(beta), int(alpha)
    if x.dtype.kind == "b":
        product = product if alpha else _C.zeros_like(product)
        return _result(out, product if not beta else _ops["logical_or"](x, product))
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return _result(out, product)
    return _ops["add"](x if beta == 1 else x * beta, product, out=out)


def _check(name: str, *pairs: tuple[str, Any, int]) -> None:
    for role, t, ndim in pairs:
        if t.ndim != ndim:
            raise _C.ShapeMismatchError(f"{name}: {role} must be {ndim}-d, its shape is {tuple(t.shape)}")


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * (mat1 @ mat2); mat1 (n, m), mat2 (m, p), input broadcasts to (n, p)."""
    if input.dtype.kind == "f" and not isinstance(beta, complex) and not isinstance(alpha, complex):
        return _ops["addmm"](input, mat1, mat2, beta=float(beta), alpha=float(alpha), out=out)
    return _summand("addmm", input, _ops["mm"](mat1, mat2), beta, alpha, out)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * (mat @ vec); mat (n, m), vec (m), input broadcasts to (n)."""
    return _summand("addmv", input, _ops["mv"](mat, vec), beta, alpha, out)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * the sum over the batch of batch1 @ batch2; input broadcasts to (n, p)."""
    _check("addbmm", ("batch1", batch1, 3), ("batch2", batch2, 3))
    if batch1.dtype.kind == "b":
        product = _ops["bmm"](batch1, batch2).any(0)
    else:
        product = _ops["bmm"](batch1, batch2).sum(0).to(_C.promote_types(batch1.dtype, batch2.dtype))
    return _summand("addbmm", input, product, beta, alpha, out)


def baddbmm(
    input: Any, batch1: Any, batch2: Any, out_dtype: Any = None, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> Any:
    """beta * input + alpha * (batch1 @ batch2) for every element of the batch; input broadcasts to (b, n, p)."""
    product = _ops["bmm"](batch1, batch2)
    if out_dtype is not None:
        product, input = product.to(out_dtype), input.to(out_dtype)
    return _summand("baddbmm", input, product, beta, alpha, out)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * outer(vec1, vec2); input broadcasts to (n, m)."""
    _check("addr", ("vec1", vec1, 1), ("vec2", vec2, 1))
    product = _ops["outer"](vec1, vec2)
    dtype = _C.promote_types(product.dtype, input.dtype)
    return _summand("addr", input.to(dtype), product.to(dtype), beta, alpha, out)


def vdot(input: Any, other: Any, *, out: Any = None) -> Any:
    """Sum of the products of two vectors, the first conjugated."""
    if input.dtype != other.dtype:
        raise _C.DtypeError(f"vdot: needs arguments of one dtype, these are {input.dtype} and {other.dtype}")
    return _ops["dot"](_ops["conj"](input) if input.dtype.kind == "c" else input, other, out=out)


def inner(input: Any, other: Any, *, out: Any = None) -> Any:
    """Sums of products over the last dimensions: (..., n) and (others, n) give (..., others)."""
    if input.ndim == 0 or other.ndim == 0:
        return _ops["mul"](input, other, out=out)
    if input.shape[-1] != other.shape[-1]:
        raise _C.ShapeMismatchError(f"inner: the last dimensions differ: {tuple(input.shape)} and {tuple(other.shape)}")
    n = input.shape[-1]
    lead = (*input.shape[:-1], *other.shape[:-1])
    rows = 1
    for length in other.shape[:-1]:
        rows *= length
    left = input.reshape((*input.shape[:-1], n)) if input.ndim > 1 else input.unsqueeze(0)
    product = _ops["matmul"](left, other.reshape((rows, n)).transpose(0, 1))
    return _result(out, product.reshape(lead))


def outer(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """Products of all pairs of elements of two vectors: (n) and (m) give (n, m)."""
    return _ops["outer"](input, vec2, out=out)


def ger(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """outer."""
    return _ops["outer"](input, vec2, out=out)


def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """Cross products of vectors of length 3 along dim (the first dimension of length 3 when None)."""
    if dim is None:
        shape = tuple(input.shape)
        if 3 not in shape:
            raise _C.TensorError(f"cross: no dimension of length 3 in shape {shape}")
        dim = shape.index(3) - (0 if input.ndim == other.ndim else input.ndim)
    return _result(out, _linalg().cross(input, other, dim=dim))


def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """linalg.multi_dot of the arguments; one matrix is returned as it is."""
    listed = list(matrices[0]) if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else list(matrices)
    if len(listed) == 1:
        return listed[0]
    return _linalg().multi_dot(listed, out=out)


def _sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) as text and operands."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def term(labels: Any) -> str:
        if any(label is not Ellipsis and not 0 <= label < len(letters) for label in labels):
            raise ValueError(f"einsum: labels must lie between 0 and {len(letters) - 1}: {labels}")
        return "".join("..." if label is Ellipsis else letters[label] for label in labels)

    operands, terms = list(args[: len(args) // 2 * 2 : 2]), [term(labels) for labels in args[1::2]]
    text = ",".join(terms)
    return text + "->" + term(args[-1]) if len(args) % 2 else text, operands


def einsum(*args: Any) -> Any:
    """Sums of products by Einstein's convention: einsum("ij,jk->ik", x, y), einsum(text, [x, y]), or with lists
    of numbers as labels, einsum(x, [0, 1], y, [1, 2], [0, 2])."""
    if not args:
        raise ValueError("einsum: needs an equation or operands with labels")
    if isinstance(args[0], str):
        text, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    else:
        text, operands = _sublists(args)
    if not operands:
        raise ValueError("einsum: needs at least one operand")
    return _contraction()(text, operands)


@functools.cache
def _contraction() -> Any:
    return importlib.import_module("rustorch._einsum").contract


# ---- older names of linear algebra -----------------------------------------------------------


def cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """linalg.cholesky."""
    return _linalg().cholesky(input, upper=upper, out=out)


def cholesky_solve(input: Any, input2: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The X with A @ X = input, input2 being A's Cholesky factor, lower unless upper.  input: (..., n, k).

    The gradient of the factor is that of a full matrix, as PyTorch's: take its triangle where that matters."""
    _linalg("._results").matrix("cholesky_solve", input)
    return _result(out, _linalg("._solve").cholesky_solve(input, input2, upper))


def cholesky_inverse(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The inverse of the matrix whose Cholesky factor is input, lower unless upper."""
    _linalg("._results").matrix("cholesky_inverse", input, square=True)
    unit = _C.eye(input.shape[-1], dtype=input.dtype).expand(tuple(input.shape))
    return _result(out, _linalg("._solve").cholesky_solve(unit, input, upper))


def det(input: Any, *, out: Any = None) -> Any:
    """Determinants of square matrices (..., n, n)."""
    return _linalg().det(input, out=out)


def logdet(input: Any) -> Any:
    """Logarithm of the determinant of square matrices; NaN where that is negative."""
    return _linalg("._solve").logdet(input)


def slogdet(input: Any, *, out: Any = None) -> Any:
    """linalg.slogdet."""
    return _linalg().slogdet(input, out=out)


def inverse(input: Any, *, out: Any = None) -> Any:
    """linalg.inv."""
    return _linalg().inv(input, out=out)


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """linalg.pinv with rtol=rcond."""
    return _linalg().pinv(input, rcond)


def matrix_power(input: Any, n: int, *, out: Any = None) -> Any:
    """linalg.matrix_power."""
    return _linalg().matrix_power(input, n, out=out)


def matrix_exp(input: Any) -> Any:
    """linalg.matrix_exp."""
    return _linalg().matrix_exp(input)


def lu(A: Any, pivot: bool = True, get_infos: bool = False, *, out: Any = None) -> Any:
    """(LU, pivots), and info with get_infos: linalg.lu_factor."""
    made = _linalg().lu_factor_ex(A, pivot=pivot)
    return _result(out, tuple(made) if get_infos else tuple(made[:2]))


def lu_solve(input: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """The X with A @ X = input from A's lu_factor."""
    return _linalg().lu_solve(LU_data, LU_pivots, input, out=out)


def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True, *, out: Any = None
) -> Any:
    """(P, L, U) of lu_factor's result; what is not asked for is an empty tensor."""
    return _result(out, _linalg("._factor").unpack(LU_data, LU_pivots, unpack_data, unpack_pivots))


def qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """linalg.qr, reduced when some, else complete."""
    return _linalg().qr(input, "reduced" if some else "complete", out=out)


def svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """(U, S, V) with input = U @ diag(S) @ V^H (V, where linalg.svd gives V^H); without compute_uv U and V are
    zeros."""
    results = _linalg("._results")
    if not compute_uv:
        m, n = results.matrix("svd", input).shape[-2:]
        lead = tuple(input.shape[:-2])
        zeros = [_C.zeros((*lead, k, k), dtype=input.dtype) for k in (m, n)]
        return _result(out, results.old_svd_result(zeros[0], _linalg().svdvals(input), zeros[1]))
    u, s, vh = _ops["linalg_svd"](input, not some, True)
    return _result(out, results.old_svd_result(u, s, _linalg(".rules").adjoint(vh)))


def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out: Any = None
) -> Any:
    """(solution, copy of A): the X with A @ X = input, or A^T @ X = input, for triangular A."""
    results = _linalg("._results")
    results.matrix("triangular_solve", A, square=True)
    matrix = A.transpose(-2, -1) if transpose else A
    x = _ops["linalg_solve_triangular"](
        matrix, results.matrix("triangular_solve", input), upper != transpose, unitriangular
    )
    copy = A.clone()
    lead = tuple(x.shape[:-2])
    if tuple(copy.shape[:-2]) != lead:
        copy = copy.expand((*lead, *A.shape[-2:]))
    return _result(out, results.triangular_solve_result(x, copy))


def geqrf(input: Any, *, out: Any = None) -> Any:
    """(a, tau): R on and above the diagonal, Householder reflectors below it, and their scales."""
    return _result(out, _linalg("._factor").geqrf(input))


def orgqr(input: Any, tau: Any, *, out: Any = None) -> Any:
    """linalg.householder_product."""
    return _linalg().householder_product(input, tau, out=out)


def ormqr(input: Any, input2: Any, input3: Any, left: bool = True, transpose: bool = False, *, out: Any = None) -> Any:
    """Q @ input3 (left=False: input3 @ Q), Q being the product of geqrf's reflectors, input, with the scales input2;
    transpose: with Q^H."""
    return _result(out, _linalg("._factor").ormqr(input, input2, input3, left, transpose))


def stft(self: Any, *args: Any, **kw: Any) -> Any:
    """rustorch.stft."""
    return importlib.import_module("rustorch._spectrograms").stft(self, *args, **kw)


def istft(self: Any, *args: Any, **kw: Any) -> Any:
    """rustorch.istft."""
    return importlib.import_module("rustorch._spectrograms").istft(self, *args, **kw)


def _inplace(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        return _ops["copy"](function(self, *args, **kw), out=self)

    method.__name__ = function.__name__ + "_"
    method.__doc__ = f"{function.__name__}, written into the tensor itself."
    return method


def addbmm_(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """addbmm, written into the tensor itself, which is resized where it was broadcast."""
    result = addbmm(input, batch1, batch2, beta=beta, alpha=alpha)
    if result.shape != input.shape:
        input.resize_(result.shape)
    return _ops["copy"](result, out=input)


_FUNCTIONS = (
    addmm, addmv, addbmm, baddbmm, addr, vdot, inner, outer, ger, cross, chain_matmul, einsum, cholesky,
    cholesky_solve, cholesky_inverse, det, logdet, slogdet, inverse, pinverse, matrix_power, matrix_exp, lu,
    lu_solve, lu_unpack, qr, svd, triangular_solve, geqrf, orgqr, ormqr,
)  # fmt: skip


def public() -> dict[str, Any]:
    """name -> function of the package."""
    return {f.__name__: f for f in _FUNCTIONS}


def methods() -> dict[str, Any]:
    """name -> method of Tensor."""
    table: dict[str, Any] = {f.__name__: f for f in _FUNCTIONS if f not in (einsum, chain_matmul, lu_unpack)}
    table.update(stft=stft, istft=istft)
    table.update({f.__name__ + "_": _inplace(f) for f in (addmm, addmv, baddbmm, addr)})
    table["addbmm_"] = addbmm_
    return table
