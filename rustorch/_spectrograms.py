"""Short-time Fourier transforms and PyTorch's older names of windows."""

from __future__ import annotations

from typing import Any

from . import _C, fft
from .signal import windows

_ops: dict[str, Any] = _C.ops


def _frame(name: str, n_fft: int, hop: Any, width: Any, window: Any, like: Any) -> tuple[int, int, Any]:
    """Hop, and the window in the middle of n_fft points (None: all ones)."""
    hop = n_fft // 4 if hop is None else int(hop)
    width = n_fft if width is None else int(width)
    if n_fft <= 0:
        raise RuntimeError(f"{name}: n_fft must be positive, not {n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{name}: hop_length must be positive, not {hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{name}: win_length must lie between 1 and n_fft={n_fft}, not {width}")
    if window is not None and (window.ndim != 1 or window.shape[0] != width):
        raise RuntimeError(f"{name}: the window must be 1-d of win_length={width}, its shape is {tuple(window.shape)}")
    if window is None and width < n_fft:
        window = _C.ones(width, dtype=like)
    if window is not None and width < n_fft:
        left = (n_fft - width) // 2
        parts = [_C.zeros(left, dtype=window.dtype), window, _C.zeros(n_fft - width - left, dtype=window.dtype)]
        window = _ops["cat"](parts, 0)
    return hop, width, window


def stft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
    return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Any:  # fmt: skip
    """Short-time Fourier transform of signals (L) or (B, L): (B, frequencies, frames), complex.

    Frames of n_fft points start every hop_length (n_fft // 4) points, are multiplied by the window of
    win_length (n_fft) points in their middle, and transformed.  center: frame t is centred at t * hop_length, the
    signal being padded by pad_mode.  normalized: divided by sqrt(n_fft).  onesided (default for real input): the
    n_fft // 2 + 1 frequencies from 0.  return_complex must be given for real input; False gives pairs."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: the input must be 1-d or 2-d, its shape is {tuple(input.shape)}")
    complex_ = input.dtype.kind == "c" or (window is not None and window.dtype.kind == "c")
    if return_complex is None:
        if not complex_:
            raise RuntimeError("stft: return_complex must be given for real input; use return_complex=True")
        return_complex = True
    if center and align_to_window is not None:
        raise RuntimeError("stft: align_to_window has a meaning only without center")
    onesided = not complex_ if onesided is None else onesided
    if onesided and complex_:
        raise RuntimeError("stft: onesided is not possible for complex input or window")
    hop, width, frame = _frame("stft", n_fft, hop_length, win_length, window, input.dtype)
    x = input.unsqueeze(0) if input.ndim == 1 else input
    if center:
        from .nn import functional

        x = functional.pad(x.unsqueeze(1), (n_fft // 2, n_fft // 2), pad_mode).squeeze(1)
    elif align_to_window:
        x = _ops["pad"](x, ((width - n_fft) // 2 % n_fft if width < n_fft else 0,) * 2)
    if x.shape[1] < n_fft:
        raise RuntimeError(f"stft: n_fft={n_fft} must not exceed the (padded) length {x.shape[1]} of the signal")
    frames = _ops["unfold"](x, 1, n_fft, hop)
    if frame is not None:
        frames = frames * frame
    transform = fft.rfft if onesided else fft.fft
    result = transform(frames, norm="ortho" if normalized else None).transpose(1, 2)
    result = result.squeeze(0) if input.ndim == 1 else result
    return result if return_complex else _ops["view_as_real"](result.contiguous())


def istft(
    input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
    center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
    return_complex: bool = False,
) -> Any:  # fmt: skip
    """Inverse of stft by least squares (Griffin and Lim 1984): (L) or (B, L) from (B, frequencies, frames).

    The frames' inverse transforms times the window are added up, and divided by the sum of the squared windows,
    which must not vanish.  length: cut, or filled with zeros, to so many points."""
    if input.dtype.kind != "c":
        raise RuntimeError(f"istft: needs a complex input (see view_as_complex), not {input.dtype}")
    if input.ndim not in (2, 3) or input.numel() == 0:
        raise RuntimeError(f"istft: the input must be 2-d or 3-d and not empty, its shape is {tuple(input.shape)}")
    onesided = input.shape[-2] != n_fft if onesided is None else onesided
    expected = n_fft // 2 + 1 if onesided else n_fft
    if input.shape[-2] != expected:
        raise RuntimeError(f"istft: n_fft={n_fft} needs {expected} frequencies (dimension -2), got {input.shape[-2]}")
    if return_complex and onesided:
        raise RuntimeError("istft: a complex result needs onesided=False")
    real = "float32" if str(input.dtype) == "complex64" else "float64"
    hop, width, frame = _frame("istft", n_fft, hop_length, win_length, window, real)
    if not return_complex and frame is not None and frame.dtype.kind == "c":
        raise RuntimeError("istft: a complex window needs return_complex=True")
    if hop > width:
        raise RuntimeError(f"istft: hop_length={hop} must not exceed win_length={width}")
    frame = _C.ones(n_fft, dtype=real) if frame is None else frame
    x = input.unsqueeze(0) if input.ndim == 2 else input
    batch, _, count = x.shape
    norm = "ortho" if normalized else None
    x = x.transpose(1, 2)
    if return_complex:
        pieces = fft.ifft(x, norm=norm)
    else:  # of all frequencies, the first half is what counts
        pieces = fft.irfft(_ops["narrow"](x, 2, 0, n_fft // 2 + 1), n_fft, norm=norm)
    total = n_fft + hop * (count - 1)
    add = _ops["window_scatter"]
    signal = add((pieces * frame).contiguous(), (batch, total), (total, hop, 1), 0)
    squares = (frame * frame).expand((count, n_fft)).contiguous()
    weights = add(squares, (total,), (hop, 1), 0)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - n_fft // 2 if center else total
    stop = min(end, total)
    narrow = _ops["narrow"]
    signal, weights = narrow(signal, 1, start, stop - start), narrow(weights, 0, start, stop - start)
    if weights.numel() and float(weights.detach().abs().min().item()) < 1e-11:
        raise RuntimeError("istft: the sum of the squared windows vanishes somewhere: the frames do not overlap enough")
    result = signal / weights
    if end > total:
        rest = _C.zeros((batch, end - total), dtype=result.dtype)
        result = _ops["cat"]([result, rest], 1)
    return result.squeeze(0) if input.ndim == 2 else result


def _older(name: str, build: Any, defaults: dict[str, float]) -> Any:
    def window(
        window_length: int, periodic: bool = True, *args: float, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False, out: Any = None, pin_memory: bool = False, **kw: float,
    ) -> Any:  # fmt: skip
        unknown = set(kw) - set(defaults)
        if unknown or len(args) > len(defaults):
            raise TypeError(f"{name}: unexpected arguments {sorted(unknown) or args}")
        options = {**defaults, **dict(zip(defaults, args, strict=False)), **kw}
        wanted = _C.get_default_dtype() if dtype is None else _C.dtype(dtype)
        if wanted.kind not in "fV":
            raise RuntimeError(f"{name}: needs a floating dtype, not {wanted}")
        made = build(window_length, options, sym=not periodic, dtype="float64", layout=layout, device=device)
        made = made.to(wanted).requires_grad_(requires_grad)
        return made if out is None else _ops["copy"](made, out=out)

    window.__name__ = window.__qualname__ = name
    listed = "".join(f", {key}={value}" for key, value in defaults.items())
    window.__doc__ = f"{name}(window_length, periodic=True{listed}): signal.windows' with sym=not periodic."
    return window


bartlett_window = _older("bartlett_window", lambda n, o, **kw: windows.bartlett(n, **kw), {})
blackman_window = _older("blackman_window", lambda n, o, **kw: windows.blackman(n, **kw), {})
hann_window = _older("hann_window", lambda n, o, **kw: windows.hann(n, **kw), {})
hamming_window = _older(
    "hamming_window",
    lambda n, o, **kw: windows.general_cosine(n, a=[o["alpha"], o["beta"]], **kw),
    {"alpha": 0.54, "beta": 0.46},
)
kaiser_window = _older("kaiser_window", lambda n, o, **kw: windows.kaiser(n, beta=o["beta"], **kw), {"beta": 12.0})
