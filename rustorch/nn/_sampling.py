"""Functions of networks that draw random numbers: leaky slopes, and samples of classes."""

from __future__ import annotations

from .._C import Tensor, TensorError, ops, rand_like, zeros_like

__all__ = ["gumbel_softmax", "rrelu"]


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Leaky ReLU whose slopes are drawn between lower and upper when training, else their mean (Xu et al. 2015)."""
    if lower > upper:
        raise TensorError(f"rrelu: Lower bound should be less than or equal to the upper bound, not {lower} > {upper}")
    if not training:
        return ops["leaky_relu"](input, (lower + upper) / 2, out=input if inplace else None)
    slopes = ops["where"](input.detach() >= 0, 1.0, rand_like(input.detach()) * (upper - lower) + lower)
    return input.mul_(slopes) if inplace else input * slopes


def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """rrelu in place."""
    return rrelu(input, lower, upper, training, True)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the relaxed categorical distribution (Jang et al. 2017; Maddison et al. 2017).

    Args:
        logits: unnormalised log-probabilities; tau: temperature; dim: the classes' dimension.
        hard: the sample is one-hot, its gradient that of the soft one.
    """
    exponential = -(-rand_like(logits.detach())).log1p()
    noise = -(exponential + 1e-38).log()  # a drawn 0 stays finite
    soft = ops["softmax"]((logits + noise) / tau, dim)
    if not hard:
        return soft
    plain = soft.detach()
    best = ops["argmax"](plain, dim, True)
    one_hot = ops["scatter"](zeros_like(plain), dim, best, 1.0)
    return one_hot - plain + soft
