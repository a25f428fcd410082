"""Polynomials by their coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

from ._differences import convolve
from ._registry import NotHere, detached, implements, is_tracked, np, op, tensor


@implements("polyval")
def polyval(p: Any, x: Any) -> Any:
    """Horner's scheme, as NumPy's."""
    if isinstance(x, np.poly1d):
        raise NotHere
    coefficients, at = tensor(p), tensor(x)
    if coefficients.ndim == 0:
        raise TypeError("polyval: the coefficients must be a sequence")
    y = np.zeros_like(at)
    for i in range(coefficients.shape[0]):
        y = y * at + op("select")(coefficients, 0, i)
    return y


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    if not is_tracked(a) and not is_tracked(b):
        raise NotHere
    return tuple(np.atleast_1d(tensor(v)) for v in (a, b))


def _added(a: Any, b: Any, fold: Any) -> Any:
    x, y = _pair(a, b)
    n = max(x.shape[0], y.shape[0])
    return fold(np.pad(x, (n - x.shape[0], 0)), np.pad(y, (n - y.shape[0], 0)))


@implements("polyadd")
def polyadd(a1: Any, a2: Any) -> Any:
    return _added(a1, a2, np.add)


@implements("polysub")
def polysub(a1: Any, a2: Any) -> Any:
    return _added(a1, a2, np.subtract)


@implements("polymul")
def polymul(a1: Any, a2: Any) -> Any:
    x, y = _pair(a1, a2)
    return convolve(x, y)


@implements("polyder")
def polyder(p: Any, m: int = 1) -> Any:
    if not is_tracked(p):
        raise NotHere
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    x = np.atleast_1d(p)
    for _ in range(m):
        n = x.shape[0] - 1
        x = op("narrow")(x, 0, 0, max(n, 0)) * tensor(np.arange(n, 0, -1))
    return x


@implements("polyint")
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    if not is_tracked(p) and not is_tracked(k):
        raise NotHere
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    x = np.atleast_1d(tensor(p))
    constants = np.zeros(m) if k is None else k
    constants = op("expand")(np.atleast_1d(tensor(constants)), (m,)) if np.size(constants) == 1 else tensor(constants)
    if m and constants.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        n = x.shape[0]
        x = op("cat")([x / tensor(np.arange(n, 0, -1)), op("narrow")(constants, 0, i, 1)], 0)
    return x


@implements("polyfit")
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """Least squares; its gradient by way of the normal equations, whose solution is the same."""
    if not any(map(is_tracked, (x, y, w))) or full or cov:
        raise NotHere
    order = int(np.asarray(deg).__index__())
    if order < 0:
        raise ValueError("expected deg >= 0")
    at, values = (np.add(tensor(v), 0.0) for v in (x, y))
    if at.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if values.ndim not in (1, 2) or values.shape[0] != at.shape[0]:
        raise TypeError("expected x and y to have same length")
    matrix = np.vander(at, order + 1)
    if w is not None:
        weights = op("unsqueeze")(tensor(w), 1)
        matrix = matrix * weights
        values = values * (weights if values.ndim == 2 else tensor(w))
    scale = np.sqrt(np.add.reduce(np.square(matrix), axis=0))
    if rcond is not None and float(rcond) > 0:
        singular = np.linalg.svd(detached(matrix / scale), compute_uv=False)
        if singular[-1] < float(rcond) * singular[0]:
            raise NotHere
    matrix = matrix / scale
    turned = op("mT")(matrix)
    right = np.matmul(turned, values if values.ndim == 2 else op("unsqueeze")(values, 1))
    solution = op("linalg_solve")(np.matmul(turned, matrix), right)[0] / op("unsqueeze")(scale, 1)
    return solution if values.ndim == 2 else op("squeeze")(solution, (1,))
