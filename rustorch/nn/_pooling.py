"""Pools by PyTorch's names: means are banded maps (row `resample`), maxima have rows of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._C import ShapeMismatchError, Tensor, TensorError, ones, ops
from .._shapes import into

_resample, _max_pool, _adaptive_max = ops["resample"], ops["max_pool"], ops["adaptive_max_pool"]
_scatter, _fractional = ops["pool_scatter"], ops["fractional_max_pool"]

Ints = int | tuple[int, ...] | list[int]
_SUM, _MEAN, _MEAN_WITH_PADDING = 0, 1, 2


def numbers(name: str, what: str, value: Any, n: int) -> tuple[int, ...]:
    """A number, or n of them, as n numbers."""
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, n):
            raise TensorError(f"{name}: {what} must be a number or {n} numbers, not {value}")
        return tuple(int(v) for v in value) * (n if len(value) == 1 else 1)
    return (int(value),) * n


def check_rank(name: str, input: Tensor, n: int, channels: bool = False) -> None:
    """Images of n dimensions, batched or not, not empty but for the batch; `channels`: of unbatched ones, too."""
    if input.ndim not in (n + 1, n + 2):
        raise ShapeMismatchError(
            f"{name}: non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input, not the shape"
            f" {tuple(input.shape)}"
        )
    if any(length == 0 for length in tuple(input.shape)[-n - (channels or input.ndim == n + 2) :]):
        raise TensorError(f"{name}: expects lengths other than 0 behind the batch, not the shape {tuple(input.shape)}")


def _given(stride: Any, kernel: tuple[int, ...], name: str) -> tuple[int, ...]:
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        return kernel
    return numbers(name, "stride", stride, len(kernel))


def _length(name: str, n: int, kernel: int, stride: int, padding: int, ceil: bool) -> int:
    """Number of windows; with `ceil` the last may stick out, but starts inside or in the padding before."""
    if kernel < 1 or stride < 1:
        raise TensorError(f"{name}: kernel size and stride should be greater than zero, not {kernel} and {stride}")
    if not 0 <= padding <= kernel // 2:
        raise TensorError(f"{name}: padding should be at most half of kernel size, but got {padding} for {kernel}")
    length: int = (n + 2 * padding - kernel + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (length - 1) * stride >= n + padding:
        length -= 1
    if length < 1:
        raise TensorError(f"{name}: a window of {kernel} does not fit a length of {n}: the output is too small")
    return length


def _means(
    name: str, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil: bool, include: bool, divisor: Any, n: int
) -> Tensor:
    if input.ndim not in (n + 1, n + 2):
        check_rank(name, input, n)
    kernel = numbers(name, "kernel_size", kernel, n)
    stride, padding = _given(stride, kernel, name), numbers(name, "padding", padding, n)
    if divisor == 0:
        raise TensorError(f"{name}: divisor must be not zero")
    if input.size == 0:
        check_rank(name, input, n, True)
    shape, kind = tuple(input.shape)[-n:], input.dtype.kind
    lengths = [_length(name, *facts, ceil) for facts in zip(shape, kernel, stride, padding, strict=True)]
    exact = kind in "iu"
    result = input if exact or input.dtype.itemsize >= 4 else input.to("float32")
    how = _SUM if divisor is not None or exact else _MEAN_WITH_PADDING if include else _MEAN
    if how != _SUM and kernel == shape and not any(padding):  # one window, all there is
        return result.mean(tuple(range(-n, 0)), True).to(input.dtype)
    for i in range(n):
        window = (kernel[i], stride[i], padding[i], how)
        result = _resample(result, i - n, lengths[i], "window", False, False, window)
    if divisor is not None:
        quotient = result / divisor if not exact else (result.to("float64") / divisor).trunc()
        return quotient.to(input.dtype)
    if exact:
        counts = ones(shape, dtype="float64")
        for i in range(n):
            window = (kernel[i], stride[i], padding[i], _MEAN_WITH_PADDING if include else _MEAN)
            counts = _resample(counts, i - n, lengths[i], "window", False, False, window)
        inside = ones(shape, dtype="float64")
        for i in range(n):
            inside = _resample(inside, i - n, lengths[i], "window", False, False, (kernel[i], stride[i], padding[i], 0))
        return (result.to("float64") / (inside / counts).round()).trunc().to(input.dtype)
    return result.to(input.dtype)


def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Means over windows of (N, C, L) or (C, L). stride: the kernel's length when None; ceil_mode: a last window
    may stick out; count_include_pad: zeros of the padding count. Raises TensorError for impossible windows."""
    return _means("avg_pool1d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


def _make_avg(n: int) -> Callable[..., Tensor]:
    name = f"avg_pool{n}d"

    def function(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        means = _means(name, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, n)
        return means if out is None else into(name, means, out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""avg_pool1d over {n} dimensions; divisor_override: what sums are divided by."""
    return function


avg_pool2d, avg_pool3d = _make_avg(2), _make_avg(3)

# ---- maxima ----


def _maxima(
    name: str, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, n: int,
    positions: bool = True,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    if input.ndim not in (n + 1, n + 2) or input.size == 0:
        check_rank(name, input, n, True)
    kernel = numbers(name, "kernel_size", kernel, n)
    padding, dilation = numbers(name, "padding", padding, n), numbers(name, "dilation", dilation, n)
    result: Any = _max_pool(input, kernel, _given(stride, kernel, name), padding, dilation, ceil, positions)
    return result


def _make_max(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"max_pool{n}d"

    def function(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        both = _maxima(name, input, kernel_size, stride, padding, dilation, ceil_mode, n, return_indices)
        return both if return_indices else both[0]

    def with_indices(
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:
        return _maxima(name, input, kernel_size, stride, padding, dilation, ceil_mode, n)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Largest elements over windows of {n} dimensions of (N, C, lengths) or (C, lengths).

    stride: the kernel's lengths when None; padding counts as minus infinity; dilation: distance of a window's
    elements; ceil_mode: a last window may stick out; return_indices: also give their flat positions in the
    plane (int64). A NaN wins. Raises TensorError for impossible windows."""
    with_indices.__name__ = with_indices.__qualname__ = name + "_with_indices"
    with_indices.__doc__ = f"""{name} and the indices."""
    return function, with_indices


max_pool1d, max_pool1d_with_indices = _make_max(1)
max_pool2d, max_pool2d_with_indices = _make_max(2)
max_pool3d, max_pool3d_with_indices = _make_max(3)


def _make_unpool(n: int) -> Callable[..., Tensor]:
    name = f"max_unpool{n}d"

    def function(
        input: Tensor,
        indices: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        output_size: Any = None,
    ) -> Tensor:
        if input.ndim not in (n + 1, n + 2):
            check_rank(name, input, n)
        kernel = numbers(name, "kernel_size", kernel_size, n)
        step, pad = _given(stride, kernel, name), numbers(name, "padding", padding, n)
        lengths = tuple(input.shape)[-n:]
        usual = [(m - 1) * s - 2 * p + k for m, s, p, k in zip(lengths, step, pad, kernel, strict=True)]
        if output_size is not None:
            wanted = list(output_size)
            if len(wanted) > n:
                wanted = wanted[-n:]
            if len(wanted) != n:
                raise ValueError(f"{name}: output_size must have {n} or {n + 2} lengths, not {len(output_size)}")
            for d, (w, u, s) in enumerate(zip(wanted, usual, step, strict=True)):
                if not u - s < w < u + s:
                    raise ValueError(
                        f"{name}: invalid output_size {wanted} (dimension {d} must be between {u - s} and {u + s})"
                    )
            usual = wanted
        if tuple(indices.shape) != tuple(input.shape):
            raise ShapeMismatchError(
                f"{name}: input and indices must have one shape, not {tuple(input.shape)} and {tuple(indices.shape)}"
            )
        result: Tensor = _scatter(input, indices, usual, False)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""max_pool{n}d turned round: zeros with input's elements at the indices.

    output_size chooses among the lengths that give input's lengths when pooled. Raises TensorError for an index
    outside of the plane."""
    return function


max_unpool1d, max_unpool2d, max_unpool3d = _make_unpool(1), _make_unpool(2), _make_unpool(3)

# ---- adaptive ----


def _adaptive_size(name: str, input: Tensor, size: Any, n: int) -> tuple[int, ...]:
    if input.ndim not in (n + 1, n + 2) or input.size == 0:
        check_rank(name, input, n)
    sizes = list(size) if isinstance(size, (tuple, list)) else [size] * n
    if len(sizes) != n:
        raise TensorError(f"{name}: output_size must be a number or {n}, not {size}")
    made = [int(length if s is None else s) for s, length in zip(sizes, tuple(input.shape)[-n:], strict=True)]
    if any(s < 0 for s in made):
        raise TensorError(f"{name}: elements of output_size must be greater than or equal to 0, not {size}")
    return tuple(made)


def _make_adaptive(n: int) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    name, max_name = f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"

    def mean(input: Tensor, output_size: Any) -> Tensor:
        sizes = _adaptive_size(name, input, output_size, n)
        if input.dtype.kind not in "fV":
            raise RuntimeError(f"{name}: not implemented for {input.dtype}")
        if 0 in sizes:
            return input.sum().mul(0).expand((*tuple(input.shape)[:-n], *sizes)).clone()
        if sizes == (1,) * n:
            return input.mean(tuple(range(-n, 0)), True)
        result = input if input.dtype.itemsize >= 4 else input.to("float32")
        for i in range(n):
            result = _resample(result, i - n, sizes[i], "adaptive")
        return result.to(input.dtype)

    def largest(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        both = _adaptive_max(input, _adaptive_size(max_name, input, output_size, n), return_indices)
        return both if return_indices else both[0]

    def with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
        both: Any = _adaptive_max(input, _adaptive_size(max_name, input, output_size, n))
        return both

    mean.__name__ = mean.__qualname__ = name
    mean.__doc__ = f"""Means over windows that cut {n} dimensions of (N, C, lengths) or (C, lengths) into output_size
    parts: from floor(i L / size) to ceil((i + 1) L / size). None keeps a length."""
    largest.__name__ = largest.__qualname__ = max_name
    largest.__doc__ = f"""Largest elements over the windows of adaptive_avg_pool{n}d, and where they stand if asked."""
    with_indices.__name__ = with_indices.__qualname__ = max_name + "_with_indices"
    with_indices.__doc__ = f"""{max_name} and the indices."""
    return mean, largest, with_indices


adaptive_avg_pool1d, adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _make_adaptive(1)
adaptive_avg_pool2d, adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _make_adaptive(2)
adaptive_avg_pool3d, adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _make_adaptive(3)

# ---- power means, fractions ----


def _make_lp(n: int) -> Callable[..., Tensor]:
    name = f"lp_pool{n}d"

    def function(
        input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
    ) -> Tensor:
        kernel = numbers(name, "kernel_size", kernel_size, n)
        size = 1
        for k in kernel:
            size *= k
        means = _means(name, input.pow(norm_type), kernel, stride, 0, ceil_mode, True, None, n)
        return (means.sign() * ops["relu"](means.abs()) * size).pow(1.0 / norm_type)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Power sums over windows of {n} dimensions: (sum x^norm_type)^(1 / norm_type)."""
    return function


lp_pool1d, lp_pool2d, lp_pool3d = _make_lp(1), _make_lp(2), _make_lp(3)


def _make_fractional(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"fractional_max_pool{n}d"

    def with_indices(
        input: Tensor,
        kernel_size: Ints,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        from ..random import rand

        check_rank(name, input, n)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        kernel = numbers(name, "kernel_size", kernel_size, n)
        if output_size is None:
            ratios = list(output_ratio) if isinstance(output_ratio, (tuple, list)) else [output_ratio] * n
            if len(ratios) != n:
                raise ValueError(f"{name} requires output_ratio to either be a single number or {n}")
            output_size = [int(length * r) for length, r in zip(tuple(input.shape)[-n:], ratios, strict=True)]
        sizes = numbers(name, "output_size", output_size, n)
        if _random_samples is None:
            leading = tuple(input.shape)[:-n]
            _random_samples = rand(*(leading if len(leading) == 2 else (1, *leading)), n)
        both: Any = _fractional(input, _random_samples, kernel, sizes)
        return both

    def function(
        input: Tensor,
        kernel_size: Ints,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        both = with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
        return both if return_indices else both[0]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Largest elements over windows of kernel_size at pseudo-random distances (Graham 2014).

    output_size, or output_ratio of the {n} lengths. _random_samples: (N, C, {n}) numbers in [0, 1), drawn when not
    given; return_indices: also give flat positions in the plane."""
    with_indices.__name__ = with_indices.__qualname__ = name + "_with_indices"
    with_indices.__doc__ = f"""{name} and the indices."""
    return function, with_indices


fractional_max_pool2d, fractional_max_pool2d_with_indices = _make_fractional(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _make_fractional(3)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """input / (k + alpha mean(x^2))^beta, the mean over `size` neighbouring channels (Krizhevsky et al. 2012).
    input: (N, C, lengths...). Raises ValueError below 3 dimensions."""
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expects 3 dimensions or more, not {input.ndim}")
    if input.numel() == 0:
        return input
    squares = (input * input).movedim(1, -1)
    squares = ops["pad"](squares, (size // 2, (size - 1) // 2))
    whole = input.dtype.kind in "iu"
    window = (size, 1, 0, _SUM if whole else _MEAN)
    means = _resample(squares.movedim(-1, 1), 1, input.shape[1], "window", False, False, window)
    if whole:
        means = (means.to("float64") / size).trunc().to(input.dtype)
    return input / (means * alpha + k).pow(beta)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices", "local_response_norm", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip
