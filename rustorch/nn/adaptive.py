"""Softmax over very many classes, of which few are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._C import ShapeMismatchError, Tensor, TensorError, ops, zeros
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_gather, _log_softmax = ops["gather"], ops["log_softmax"]


class _ASMoutput(NamedTuple):
    """Log-probabilities of the targets (N), and their mean loss."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log_softmax over classes that are sorted by frequency, the rare ones in clusters of their own and of less
    detail (Grave et al. 2017).

    Args:
        in_features: length of the inputs; n_classes: number of classes.
        cutoffs: where clusters begin: classes below the first are in the head.
        div_value: by how much each cluster's detail is less than the one's before.
        head_bias: whether the head has a bias.

    forward(input (N, in_features), target (N)) gives (output (N), loss).
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
        head_bias: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(cutoffs) or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1
            or len(set(cutoffs)) != len(cutoffs) or any(int(c) != c for c in cutoffs)
        ):  # fmt: skip
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each"
                " value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(Linear(in_features, width, bias=False, **made), Linear(width, size, bias=False, **made))
            )

    def reset_parameters(self) -> None:
        """Draws all weights anew."""
        self.head.reset_parameters()
        for cluster in self.tail:
            for layer in cluster.children():
                layer.reset_parameters()

    def forward(self, input: Tensor, target_: Tensor) -> _ASMoutput:
        batched = target_.ndim > 0
        if batched and (input.ndim != 2 or input.shape[0] != target_.shape[0]):
            raise ShapeMismatchError(
                "AdaptiveLogSoftmaxWithLoss: Input and target should have the same size in the batch dimension, got"
                f" {tuple(input.shape)} and {tuple(target_.shape)}."
            )
        if not batched and input.ndim != 1:
            raise TensorError("AdaptiveLogSoftmaxWithLoss: 0D target tensor expects 1D input tensor")
        rows, target = (input, target_) if batched else (input.unsqueeze(0), target_.unsqueeze(0))
        if target.numel() and not (int(target.amin()) >= 0 and int(target.amax()) < self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range"
                f" [{int(target.amin())}, {int(target.amax())}] were found. "
            )
        in_head = target < self.shortlist_size
        chosen = ops["where"](in_head, target, 0)
        output = zeros(rows.shape[0], dtype=rows.dtype)
        for i in range(self.n_clusters):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            here = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if here.numel():
                chosen = chosen.index_fill(0, here, self.shortlist_size + i)
                inside = _log_softmax(self.tail[i](rows.index_select(0, here)), 1)
                at = target.index_select(0, here) - low
                output = output.index_add(0, here, _gather(inside, 1, at.unsqueeze(1)).squeeze(1))
        head = _log_softmax(self.head(rows), 1)
        output = output + _gather(head, 1, chosen.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = _log_softmax(head_output, 1)
        parts = [head.narrow(1, 0, self.shortlist_size)]
        for i in range(self.n_clusters):
            inside = _log_softmax(self.tail[i](input), 1)
            parts.append(inside + head.narrow(1, self.shortlist_size + i, 1))
        result: Tensor = ops["cat"](parts, 1)
        return result

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes: (N, n_classes) for an input (N, in_features)."""
        return self._full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row (N)."""
        result: Tensor = ops["argmax"](self.log_prob(input), 1)
        return result
