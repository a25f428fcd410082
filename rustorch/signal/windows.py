"""Windows of M points: PyTorch's torch.signal.windows, computed in float64 and then rounded to dtype.

sym=True: symmetric, for filters; sym=False: the first M points of the symmetric window of M + 1, whose
repetition is smooth, for spectra.  The largest value is 1; one point is 1, no points an empty tensor.

>>> import rustorch as rt
>>> rt.signal.windows.hann(5)
tensor([0.0, 0.5, 1.0, 0.5, 0.0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _C

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "kaiser", "nuttall",
]  # fmt: skip


def _window(
    name: str, values: Callable[[Any, int], Any], M: Any, sym: bool, dtype: Any, layout: Any, device: Any,
    requires_grad: bool,
) -> Any:  # fmt: skip
    """values(k, last) for the points k = 0 ... M-1 of a window that ends at `last`."""
    if isinstance(M, bool) or not isinstance(M, (int, np.integer)):
        raise TypeError(f"{name}: the number of points must be an integer, not {type(M).__name__}")
    if M < 0:
        raise ValueError(f"{name}: the number of points must be 0 or more, not {M}")
    wanted = _C.get_default_dtype() if dtype is None else _C.dtype(dtype)
    if str(wanted) not in ("float32", "float64"):
        raise ValueError(f"{name}: expects float32 or float64 dtypes, not {wanted}")
    if layout is not None and "strided" not in str(layout):
        raise ValueError(f"{name}: is made for strided tensors only, not {layout}")
    last = int(M) - 1 if sym else int(M)
    points = np.ones(int(M)) if M <= 1 else np.asarray(values(np.arange(int(M), dtype=np.float64), last))
    result = _C.from_numpy(points).to(wanted)
    if device is not None:
        result = result.to(device)
    return result.requires_grad_(True) if requires_grad else result


def _cosines(k: Any, last: int, a: Sequence[float]) -> Any:
    """a[0] - a[1] cos(2 pi k / last) + a[2] cos(4 pi k / last) ..."""
    angle = 2 * np.pi * k / last
    return sum((-1) ** i * c * np.cos(i * angle) for i, c in enumerate(a))


def general_cosine(
    M: int, *, a: Any, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Alternating sum of cosines with the weights a."""
    if not isinstance(a, (list, tuple)):
        raise TypeError(f"general_cosine: a must be a list or tuple of weights, not {type(a).__name__}")
    if not a:
        raise ValueError("general_cosine: a must have at least one weight")
    return _window("general_cosine", lambda k, n: _cosines(k, n, a), M, sym, dtype, layout, device, requires_grad)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """alpha - (1 - alpha) cos(2 pi k / (M - 1))."""
    weights = alpha, 1 - alpha
    return _window(
        "general_hamming", lambda k, n: _cosines(k, n, weights), M, sym, dtype, layout, device, requires_grad
    )


def hamming(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """general_hamming with alpha 0.54."""
    return _window("hamming", lambda k, n: _cosines(k, n, (0.54, 0.46)), M, sym, dtype, layout, device, requires_grad)


def hann(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """sin^2(pi k / (M - 1))."""
    return _window("hann", lambda k, n: _cosines(k, n, (0.5, 0.5)), M, sym, dtype, layout, device, requires_grad)


def blackman(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Three cosines: 0.42, 0.5, 0.08."""
    weights = 0.42, 0.5, 0.08
    return _window("blackman", lambda k, n: _cosines(k, n, weights), M, sym, dtype, layout, device, requires_grad)


def nuttall(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Four cosines with the least side lobes (Nuttall 1981)."""
    weights = 0.3635819, 0.4891775, 0.1365995, 0.0106411
    return _window("nuttall", lambda k, n: _cosines(k, n, weights), M, sym, dtype, layout, device, requires_grad)


def bartlett(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """A triangle that begins and ends at 0."""
    return _window("bartlett", lambda k, n: 1 - np.abs(2 * k / n - 1), M, sym, dtype, layout, device, requires_grad)


def cosine(
    M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """sin(pi (k + 1/2) / M)."""
    return _window(
        "cosine", lambda k, n: np.sin(np.pi * (k + 0.5) / (n + 1)), M, sym, dtype, layout, device, requires_grad
    )


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """exp(-|k - center| / tau); center is the middle unless sym=False and one is given."""
    if tau <= 0:
        raise ValueError(f"exponential: tau must be positive, not {tau}")
    if sym and center is not None:
        raise ValueError("exponential: center must be None for symmetric windows")
    return _window(
        "exponential", lambda k, n: np.exp(-np.abs(k - (n / 2 if center is None else center)) / tau), M, sym, dtype,
        layout, device, requires_grad,
    )  # fmt: skip


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """exp(-((k - middle) / std)^2 / 2)."""
    if std <= 0:
        raise ValueError(f"gaussian: std must be positive, not {std}")
    return _window(
        "gaussian", lambda k, n: np.exp(-0.5 * ((k - n / 2) / std) ** 2), M, sym, dtype, layout, device, requires_grad
    )


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """I0(beta sqrt(1 - (2 k / (M - 1) - 1)^2)) / I0(beta)."""
    if beta < 0:
        raise ValueError(f"kaiser: beta must be 0 or more, not {beta}")
    return _window(
        "kaiser", lambda k, n: np.i0(beta * np.sqrt(np.maximum(1 - (2 * k / n - 1) ** 2, 0))) / np.i0(beta), M, sym,
        dtype, layout, device, requires_grad,
    )  # fmt: skip


from .._guard import guarded as _guarded  # noqa: E402

globals().update(_guarded({name: globals()[name] for name in __all__}))
