"""Convolutions by PyTorch's names, over the rows `convolution` and `convolution_weight`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._C import ShapeMismatchError, Tensor, TensorError, ops

_convolution = ops["convolution"]
_pad = ops["pad"]

Ints = int | tuple[int, ...] | list[int]


def _numbers(name: str, what: str, value: Any, n: int) -> tuple[int, ...]:
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, n):
            raise TensorError(f"{name}: {what} must be a number or {n} numbers, not {value}")
        return tuple(value) * (n if len(value) == 1 else 1)
    return (value,) * n


def _batched(name: str, n: int, input: Tensor) -> tuple[Tensor, bool]:
    if input.ndim == n + 2:
        return input, False
    if input.ndim == n + 1:
        return input.unsqueeze(0), True
    raise ShapeMismatchError(
        f"{name}: expects {n + 1} dimensions (unbatched) or {n + 2} (batched), not the shape {tuple(input.shape)}"
    )


def _same(input: Tensor, weight: Tensor, stride: Any, dilation: Any, n: int, name: str) -> tuple[Tensor, Any]:
    """Input and padding for padding="same": an odd number of zeros has one more at the end."""
    if weight.ndim != n + 2:
        raise TensorError(f"{name}: expects a weight of {n + 2} dimensions, not of shape {tuple(weight.shape)}")
    if any(s != 1 for s in _numbers(name, "stride", stride, n)):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    steps = _numbers(name, "dilation", dilation, n)
    total = [d * (k - 1) for d, k in zip(steps, tuple(weight.shape)[2:], strict=True)]
    odd = [t % 2 for t in total]
    if any(odd):
        input = _pad(input, [v for o in reversed(odd) for v in (0, o)])
    return input, tuple(t // 2 for t in total)


def _make(n: int) -> Callable[..., Tensor]:
    name = f"conv{n}d"

    def function(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Ints = 1,
        padding: str | Ints = 0,
        dilation: Ints = 1,
        groups: int = 1,
    ) -> Tensor:
        single = False
        if input.ndim != n + 2:
            input, single = _batched(name, n, input)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{name}: padding must be numbers, 'same' or 'valid', not {padding!r}")
            if padding == "same":
                input, padding = _same(input, weight, stride, dilation, n, name)
            else:
                padding = 0
        result = _convolution(input, weight, bias, stride, padding, dilation, False, 0, groups)
        return result.squeeze(0) if single else result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Cross-correlation over {n} dimension{"s" * (n > 1)}.

    input: (N, C, {", ".join("DHW"[3 - n :] if n > 1 else "L")}) or without N; weight: (out, C / groups, kernel);
    bias: (out). stride, padding and dilation are a number or one for each dimension; padding may be
    "valid" (none) or "same" (the output has the input's lengths; stride 1 only).
    Raises ShapeMismatchError where channels, groups or lengths do not fit, DtypeError for mixed dtypes.
    """
    return function


def _make_transposed(n: int) -> Callable[..., Tensor]:
    name = f"conv_transpose{n}d"

    def function(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        dilation: Ints = 1,
    ) -> Tensor:
        single = False
        if input.ndim != n + 2:
            input, single = _batched(name, n, input)
        if output_padding != 0:
            extra = _numbers(name, "output_padding", output_padding, n)
            steps, spread = _numbers(name, "stride", stride, n), _numbers(name, "dilation", dilation, n)
            if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)):
                raise RuntimeError(
                    f"{name}: output padding must be smaller than either stride or dilation, but got "
                    f"output_padding {extra}, stride {steps}, dilation {spread}"
                )
        result = _convolution(input, weight, bias, stride, padding, dilation, True, output_padding, groups)
        return result.squeeze(0) if single else result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The transpose of conv{n}d as a linear map (also called fractionally strided convolution).

    input: (N, C, lengths) or without N; weight: (C, out / groups, kernel); bias: (out). A length L becomes
    (L - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding.
    Raises as conv{n}d does.
    """
    return function


conv1d, conv2d, conv3d = _make(1), _make(2), _make(3)
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_make_transposed(n) for n in (1, 2, 3))


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of (time, batch, channels) with weight (kernel, channels, out)."""
    result = _convolution(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad)
    return result.permute(2, 0, 1)


__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
]  # fmt: skip
