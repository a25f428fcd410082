"""PyTorch's names for the rows that layers are made of, at the top of the package: torch.layer_norm and
its kin.  `rustorch.nn.functional` has the same with its own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _C
from ._modes import no_grad

_ops = _C.ops
Tensor = _C.Tensor

# rows that are not methods
ROWS = {
    "stand_in", "layer_norm", "rms_norm", "group_norm", "batch_norm_train", "batch_norm_eval",
    "rnn_layer", "attention",
}  # fmt: skip

_layer_norm, _rms_norm, _group_norm = _ops["layer_norm"], _ops["rms_norm"], _ops["group_norm"]
_batch_train, _batch_eval = _ops["batch_norm_train"], _ops["batch_norm_eval"]

# the distance from 1 to the next number
_FRACTION = {"float16": -10, "bfloat16": -7, "float32": -23, "complex64": -23, "float64": -52, "complex128": -52}


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5, cudnn_enable: bool = True,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions (Ba et al. 2016).

    input: (..., *normalized_shape).  weight, bias: normalized_shape, or None.  Statistics take two passes.
    TensorError when shapes do not fit.
    """
    return _layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions (Zhang & Sennrich 2019).

    eps None: the distance from 1 to the next number of input's dtype.  TensorError when shapes do not fit.
    """
    if eps is None:
        eps = 2.0 ** _FRACTION.get(str(input.dtype), -23)
    if not isinstance(input, Tensor) or input.dtype.kind != "c":
        return _rms_norm(input, normalized_shape, weight, eps)
    size = tuple(normalized_shape)
    if not size or tuple(input.shape)[-len(size) :] != size:
        raise _C.ShapeMismatchError(
            f"rms_norm: the input's last dimensions must be normalized_shape: {size} and {tuple(input.shape)}"
        )
    dims = tuple(range(input.ndim - len(size), input.ndim))
    scale = ((input * input).mean(dims, True) + eps).rsqrt()
    result = input * scale
    return result if weight is None else result * weight


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) * weight + bias over groups of channels (Wu & He 2018).

    input: (N, C, ...), C divisible by num_groups.  weight, bias: (C), or None.  TensorError when shapes do not fit.
    """
    return _group_norm(input, num_groups, weight, bias, eps)


def _blend(running: Tensor | None, now: Tensor, momentum: float) -> None:
    if running is not None:
        with no_grad():
            running.mul_(1 - momentum)
            running.add_((now.detach() * momentum).to(running.dtype))


def batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, training: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel (Ioffe & Szegedy 2015).

    input: (N, C, ...).  weight, bias, running_mean, running_var: (C), or None.  Training: mean and variance are
    the batch's, and the running ones become (1 - momentum) running + momentum batch (variance divided by
    n - 1); else the running ones are used.  TensorError when shapes do not fit.
    """
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: expected running_mean and running_var to be defined when training=False")
        return _batch_eval(input, running_mean, running_var, weight, bias, eps)
    result, mean, var = _batch_train(input, weight, bias, eps)
    if input.numel() and (running_mean is not None or running_var is not None):
        n = input.numel() // mean.numel()
        _blend(running_mean, mean, momentum)
        _blend(running_var, var.detach() * (n / (n - 1) if n > 1 else float("nan")), momentum)
    return result


def instance_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """Each channel of each sample normalised by itself (Ulyanov et al. 2016).

    input: (N, C, ...).  use_input_stats False: by running_mean and running_var.  Otherwise those, where given,
    follow the samples' mean statistics by momentum.  TensorError when shapes do not fit.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "instance_norm: expected running_mean and running_var to be defined when use_input_stats=False"
            )
        return _batch_eval(input, running_mean, running_var, weight, bias, eps)
    if running_mean is not None or running_var is not None:
        with no_grad():
            rows = input.detach().reshape((*tuple(input.shape)[:2], -1))
            _blend(running_mean, rows.mean(-1).mean(0), momentum)
            _blend(running_var, _ops["var"](rows, -1).mean(0), momentum)
    return _group_norm(input, max(1, input.shape[1]), weight, bias, eps)


def public() -> dict[str, Any]:
    """The functions of this file that the package shows."""
    return {f.__name__: f for f in (layer_norm, rms_norm, group_norm, batch_norm, instance_norm)}
