"""Losses by name, and what a training minimises: outputs and targets brought together as Keras does.

A name says what is compared, not how outputs are scaled: a model whose last layer is a softmax (or sigmoid) is
trained on what goes into that layer, which is the same loss and safe where probabilities are 0; outputs that are
probabilities in another way are recognised by their place in the graph; all others are taken for logits.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .. import nn
from .._C import ShapeMismatchError, Tensor, as_tensor, ops
from .._calls import parse_call, spelled, unknown
from ..nn import functional as F

__all__ = ["Objective"]

Criterion = Callable[[Any, Any], Any]
TINY = 1.1754944e-38  # the smallest normal float32: the logarithm of no probability is below that of it


def _hinge(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    signs = ops["where"](t > 0, 1.0, -1.0).to(o.dtype)
    return _reduced((1 - signs * o).relu(), reduction)


def _squared_hinge(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    signs = ops["where"](t > 0, 1.0, -1.0).to(o.dtype)
    return _reduced((1 - signs * o).relu() ** 2, reduction)


def _log_cosh(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    d = o - t
    return _reduced(d + F.softplus(-2 * d) - 0.6931471805599453, reduction)


def _percentage(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    return _reduced(100 * (o - t).abs() / t.abs().clamp(min=1e-7), reduction)


def _squared_log(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    return _reduced((o.clamp(min=0).log1p() - t.clamp(min=0).log1p()) ** 2, reduction)


def _cosine(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    return _reduced(-F.cosine_similarity(o, t, dim=-1), reduction)


def _divergence(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    p, q = t.clamp(1e-7, 1), o.clamp(1e-7, 1)
    return _reduced((p * (p / q).log()).sum(-1), reduction)


def _poisson(o: Tensor, t: Tensor, reduction: str = "mean") -> Tensor:
    return _reduced(o - t * (o + 1e-7).log(), reduction)


def _reduced(values: Tensor, reduction: str) -> Tensor:
    return values.mean() if reduction == "mean" else values.sum() if reduction == "sum" else values


# name -> what targets are ("classes", "binary", "values") and the function of outputs, or logits, and targets
_LOSSES: dict[str, tuple[str, Callable[..., Any]]] = {
    **dict.fromkeys(
        ("categoricalcrossentropy", "sparsecategoricalcrossentropy", "crossentropy", "crossentropyloss", "ce",
         "softmaxcrossentropy"), ("classes", F.cross_entropy)),
    **dict.fromkeys(("nll", "nllloss"), ("classes", F.nll_loss)),
    **dict.fromkeys(
        ("binarycrossentropy", "bce", "bceloss", "bcewithlogits", "bcewithlogitsloss", "logloss"),
        ("binary", F.binary_cross_entropy_with_logits)),
    **dict.fromkeys(("mse", "meansquarederror", "mseloss", "l2"), ("values", F.mse_loss)),
    **dict.fromkeys(("mae", "meanabsoluteerror", "l1", "l1loss"), ("values", F.l1_loss)),
    **dict.fromkeys(("huber", "huberloss"), ("values", F.huber_loss)),
    **dict.fromkeys(("smoothl1", "smoothl1loss"), ("values", F.smooth_l1_loss)),
    **dict.fromkeys(("mape", "meanabsolutepercentageerror"), ("values", _percentage)),
    **dict.fromkeys(("msle", "meansquaredlogarithmicerror"), ("values", _squared_log)),
    **dict.fromkeys(("kld", "kldivergence", "kullbackleiblerdivergence"), ("values", _divergence)),
    **dict.fromkeys(("cosinesimilarity", "cosine"), ("values", _cosine)),
    "hinge": ("values", _hinge), "squaredhinge": ("values", _squared_hinge),
    "logcosh": ("values", _log_cosh), "poisson": ("values", _poisson),
}  # fmt: skip


def _as_classes(o: Tensor, t: Tensor, classes_last: bool, name: str) -> tuple[Tensor, Tensor]:
    """Outputs with classes in dimension 1, and labels or probabilities that fit; the same objects where they do."""
    if o.ndim > 1 and o.shape[-1 if classes_last else 1] == 1:
        raise ValueError(f"{name} needs an output for each class, the model has one; for two classes and one output use"
                         " binary_crossentropy")  # fmt: skip
    if t.ndim == o.ndim and t.shape[-1] == 1 and o.shape[-1] != 1:
        t = t.squeeze(-1)
    labels = t.ndim == o.ndim - 1
    if o.ndim > 2:
        front = o.shape[:1] + o.shape[2:]
        if classes_last or (labels and tuple(t.shape) != tuple(front) and tuple(t.shape) == tuple(o.shape[:-1])):
            o, t = o.movedim(-1, 1), t if labels else t.movedim(-1, 1)
    if labels:
        if t.is_floating_point() or t.dtype == "bool":
            t = t.long()
    elif tuple(t.shape) != tuple(o.shape):
        raise ShapeMismatchError(
            f"{name}: targets are labels of shape {tuple(o.shape[:1] + o.shape[2:])} or one-hot of shape"
            f" {tuple(o.shape)}, not {tuple(t.shape)}"
        )
    elif t.dtype != o.dtype:
        t = t.to(o.dtype)
    return o, t


def _as_values(o: Tensor, t: Tensor, name: str) -> Tensor:
    """Targets with the outputs' shape, where only lengths of 1 differ, and their dtype."""
    if tuple(t.shape) != tuple(o.shape):
        if [n for n in t.shape if n != 1] != [n for n in o.shape if n != 1]:
            shapes = f"{tuple(o.shape)}, the targets {tuple(t.shape)}"
            error = ShapeMismatchError(f"{name}: the model's output has shape {shapes}")
            error.shape1, error.shape2 = tuple(o.shape), tuple(t.shape)
            raise error
        t = t.reshape(o.shape)
    if t.dtype != o.dtype and not t.is_complex():
        t = t.to(o.dtype)
    return t


def _activation_of(outputs: Tensor) -> str:
    """"softmax" or "sigmoid" when that made the outputs, perhaps with a change of shape after it."""
    node = outputs.grad_fn
    for _ in range(4):
        if node is None:
            return ""
        name = type(node).__name__ + str(getattr(node, "name", lambda: "")())
        for kind in ("LogSoftmax", "LogSigmoid"):
            if kind in name:
                return ""
        for kind in ("Softmax", "Sigmoid"):
            if kind in name:
                return kind.lower()
        if not any(word in name for word in ("View", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Select")):
            return ""
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


class Objective:
    """What a training minimises: a loss given by name, or a function of outputs and targets.

    Args:
        spec: a name, perhaps with arguments ("huber(delta=0.5)"); a loss module; a function loss(outputs, targets);
            None: cross entropy where targets are integers, squared error elsewhere.
        model: whose last layer is looked at.

    Attributes, once a batch has been seen: `criterion`, the mean loss of a batch; `from_logits`, are what `body`
    gives logits?; `finish`, what makes the model's outputs of them, None for nothing; `kind`.
    """

    def __init__(self, spec: Any, model: nn.Module) -> None:
        self.name = "loss"
        self.kind = ""
        self.options: dict[str, Any] = {}
        self.function: Callable[..., Any] | None = None
        self.given: Criterion | None = None
        if isinstance(spec, str):
            call = parse_call(spec, "a loss")
            if spelled(call.name) not in _LOSSES:
                raise unknown("loss", call.name, _LOSSES)
            if call.args:
                raise ValueError(f"loss {spec!r}: give its options by name")
            self.name, self.options = call.name, call.kwargs
            self.kind, self.function = _LOSSES[spelled(call.name)]
        elif callable(spec):
            self.given = spec() if isinstance(spec, type) and issubclass(spec, nn.Module) else spec
            self.name = getattr(spec, "__name__", type(spec).__name__)
            self.kind = _kind_of(self.given)
        elif spec is not None:
            raise TypeError(f"loss must be a name, a module or a function(outputs, targets), not {type(spec).__name__}")
        self.chosen = spec is None
        self.model = model
        self.body: Callable[..., Any] = model
        self.finish: nn.Module | None = None
        self.classes_last = self.given is None and _last_is_linear(model)
        self.from_logits = isinstance(self.given, (nn.CrossEntropyLoss, nn.BCEWithLogitsLoss))
        self.log_probabilities = isinstance(self.given, nn.NLLLoss) or self.function is F.nll_loss
        self.probabilities = False
        self.criterion: Criterion | None = None
        self._prepare: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
        if self.function in (F.cross_entropy, F.binary_cross_entropy_with_logits):
            self._split()

    def _split(self) -> None:
        """Parts the model from its last layer where that is a softmax or sigmoid."""
        model = self.model
        if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward or len(model) < 2:
            return
        *first, (_, last) = model._modules.items()
        kinds = nn.Softmax if self.kind == "classes" else nn.Sigmoid
        if not isinstance(last, kinds) or _hooked(model) or _hooked(last):
            return
        if isinstance(last, nn.Softmax) and last.dim in (-1, 1):
            self.classes_last = last.dim == -1
        self.body, self.finish, self.from_logits = nn.Sequential(OrderedDict(first)), last, True

    def settle(self, outputs: Any, targets: Any) -> Criterion:
        """Fits the loss to a batch: the criterion of it and of those like it."""
        if self.chosen and self.function is None:
            whole = isinstance(targets, Tensor) and not targets.is_floating_point()
            classes = whole and outputs.ndim == targets.ndim + 1
            self.kind, self.function = _LOSSES["crossentropy" if classes else "mse"]
            self.name = "cross entropy" if classes else "mean squared error"
        if self.given is not None:
            self.criterion = self.given
        elif not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
            raise TypeError(
                f"loss {self.name!r} compares tensors, but the model gave {type(outputs).__name__} and the targets are"
                f" {type(targets).__name__}; give a function loss(outputs, targets) of your own"
            )
        else:
            self._settle_named(outputs, targets)
        assert self.criterion is not None
        return self.criterion

    def _settle_named(self, outputs: Tensor, targets: Tensor) -> None:
        if self.finish is None and self.kind != "values" and not self.log_probabilities:
            self.probabilities = _activation_of(outputs) == ("softmax" if self.kind == "classes" else "sigmoid")
            self.from_logits = not self.probabilities
        prepare: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
        if self.kind == "classes":
            prepare = partial(_as_classes, classes_last=self.classes_last, name=self.name)
        else:
            name = self.name

            def prepare(o: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
                return o, _as_values(o, t, name)

        o, t = prepare(outputs, targets)
        self._prepare = None if o is outputs and t is targets else prepare
        self.criterion = self._criterion("mean")

    def _criterion(self, reduction: str) -> Criterion:
        function = self.function
        assert function is not None
        if self.probabilities and self.kind == "binary":
            function = F.binary_cross_entropy
        options = dict(self.options) if reduction == "mean" else {**self.options, "reduction": reduction}
        compare: Criterion = partial(function, **options) if options else function
        if self.probabilities and self.kind == "classes":
            inner = compare

            def compare(o: Tensor, t: Tensor) -> Tensor:
                return inner(o.clamp(min=TINY).log(), t)

        prepare = self._prepare
        if prepare is None:
            return compare

        def criterion(o: Tensor, t: Tensor) -> Tensor:
            return compare(*prepare(o, t))

        return criterion

    def weighted(self, outputs: Any, targets: Any, weights: Tensor) -> Tensor:
        """Mean over the batch of each sample's loss times its weight (of shape (n,), or as the loss)."""
        if self.given is None:
            each = self._criterion("none")(outputs, targets)
        elif hasattr(self.given, "reduction"):
            loss = copy.copy(self.given)
            loss.reduction = "none"
            each = loss(outputs, targets)
        else:
            each = self.given(outputs, targets)
        if not isinstance(each, Tensor) or each.ndim == 0 or len(each) != len(weights):
            raise TypeError(
                f"weights need the loss of each sample: {self.name} must have a `reduction`, or return a tensor of"
                f" first length {len(weights)}"
            )
        if each.ndim > weights.ndim:
            each = each.flatten(weights.ndim).mean(-1)
        return (each * weights.to(each.dtype)).mean()

    def class_weights(self, targets: Tensor, weight: Mapping[int, float]) -> Tensor:
        """The weight of each sample's class; classes that weight leaves out have 1."""
        labels = targets
        if targets.ndim > 1 and targets.shape[-1] > 1 and self.kind != "values" and targets.is_floating_point():
            labels = targets.argmax(-1)
        elif targets.ndim > 1 and targets.shape[-1] == 1:
            labels = targets.squeeze(-1)
        labels = labels.long()
        table = [1.0] * (max([*weight, int(labels.max())]) + 1)
        for label, value in weight.items():
            table[label] = float(value)
        return as_tensor(table)[labels]


def _last_is_linear(model: nn.Module) -> bool:
    """Is the last layer that has parameters one over the last dimension?"""
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        return False
    for layer in reversed(list(model.children())):
        if isinstance(layer, nn.Sequential):
            return _last_is_linear(layer)
        if any(True for _ in layer.parameters()):
            return isinstance(layer, (nn.Linear, nn.LayerNorm, nn.Embedding)) or hasattr(layer, "return_sequences")
    return False


def _hooked(module: nn.Module) -> bool:
    hooks = module._hooks
    return hooks is not None and bool(hooks.forward or hooks.forward_pre or hooks.backward or hooks.backward_pre)


def _kind_of(loss: Any) -> str:
    if isinstance(loss, (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)) or loss in (F.cross_entropy, F.nll_loss):
        return "classes"
    binary = (nn.BCELoss, nn.BCEWithLogitsLoss)
    functions = (F.binary_cross_entropy, F.binary_cross_entropy_with_logits)
    return "binary" if isinstance(loss, binary) or loss in functions else "values"
