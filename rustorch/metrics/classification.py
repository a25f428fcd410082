"""Metrics of classifiers: accuracy, and all that follows from the confusion matrix or from ranked scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._C import Tensor, from_numpy
from ._labels import labels_of, scores_of
from .base import Metric, tensor_of

__all__ = [
    "AUC", "Accuracy", "AveragePrecision", "BalancedAccuracy", "ConfusionMatrix", "F1Score", "FBetaScore", "Precision",
    "Recall", "SklearnMetric", "Specificity", "TopKAccuracy",
]  # fmt: skip

AVERAGES = (None, "binary", "macro", "micro", "weighted")


def _share(hits: Any, of: Any) -> Any:
    """hits / of, 0 where of is 0."""
    return np.divide(hits, of, out=np.zeros(np.shape(of)), where=np.asarray(of) != 0)


class _Labelled(Metric):
    """What metrics of labels share: how outputs become labels."""

    takes_logits = True

    def __init__(
        self, threshold: float | None = None, from_logits: bool | None = None, multilabel: bool | None = None,
        classes_last: bool | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        self.threshold = threshold
        self.from_logits = from_logits
        self.multilabel = multilabel
        self.classes_last = classes_last
        super().__init__(name)

    def _labels(self, outputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
        multilabel, last = bool(self.multilabel), bool(self.classes_last)
        return labels_of(outputs, targets, self.threshold, self.from_logits, multilabel, last)


class Accuracy(_Labelled):
    """Share of right predictions.

    Args:
        threshold: from which on a single score says 1; None: 0.5, or 0 for logits.
        from_logits: do outputs still lack the sigmoid?
        multilabel: each score is a question of its own; else the largest of a row is the prediction.
        classes_last: scores of three and more dimensions are (..., classes), not (n, classes, ...).
        name: in logs.

    Outputs are scores (n, classes), one score a sample, or labels; targets are labels or one-hot.

    >>> Accuracy()([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    0.5
    """

    name = "accuracy"
    state = ("hits", "count")

    def reset(self) -> None:
        self.hits = self.count = 0
        self._several = False  # were there several scores a sample?

    def update(self, outputs: Any, targets: Any) -> None:
        rows = type(targets) is Tensor and targets.ndim == 1 and type(outputs) is Tensor and outputs.ndim == 2
        if rows and len(outputs) == len(targets) and (self._several or outputs.shape[1] > 1):
            self._several = True
            self.hits += (outputs.argmax(1) == targets).sum().item()
            self.count += len(targets)
            return
        predicted, true = self._labels(outputs, targets)
        self.hits += int((predicted == true).sum().item())
        self.count += true.numel()

    def compute(self) -> float:
        return self.hits / self.count if self.count else float("nan")


class TopKAccuracy(Metric):
    """Share of samples whose true class is among the k highest scores.

    >>> TopKAccuracy(k=2)([[0.1, 0.3, 0.6]], [1])
    1.0
    """

    takes_logits = True
    state = ("hits", "count")

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ValueError(f"TopKAccuracy: k must be a whole number of at least 1, not {k!r}")
        self.k = k
        super().__init__(name or f"top_{k}_accuracy")

    def reset(self) -> None:
        self.hits = self.count = 0

    def update(self, outputs: Any, targets: Any) -> None:
        o, t = tensor_of(outputs), tensor_of(targets)
        if o.ndim != 2:
            raise ValueError(f"TopKAccuracy: outputs must be scores of shape (n, classes), not {tuple(o.shape)}")
        t = (t.argmax(1) if t.shape[1] > 1 else t.squeeze(1)) if t.ndim == 2 else t
        best = o.topk(min(self.k, o.shape[1]), 1)[1]
        self.hits += int((best == t.long().unsqueeze(1)).any(1).sum().item())
        self.count += len(t)

    def compute(self) -> float:
        return self.hits / self.count if self.count else float("nan")


class ConfusionMatrix(_Labelled):
    """How often class i (row) was taken for class j (column): an int64 Tensor (classes, classes).

    Args:
        num_classes: None: as many as the outputs have scores, or as labels occur.
        threshold, from_logits, multilabel, classes_last, name: as of Accuracy.

    >>> ConfusionMatrix()([0, 1, 1], [0, 0, 1])
    tensor([[1, 1],
            [0, 1]])
    """

    name = "confusion_matrix"
    state = ("counts",)

    def __init__(self, num_classes: int | None = None, **options: Any) -> None:
        self.num_classes = num_classes
        super().__init__(**options)

    def reset(self) -> None:
        self.counts = np.zeros((self.num_classes or 0,) * 2, np.int64)

    def update(self, outputs: Any, targets: Any) -> None:
        predicted, true = self._labels(outputs, targets)
        p, t = np.asarray(predicted).ravel(), np.asarray(true.long()).ravel()
        scored = 0
        if isinstance(outputs, Tensor) and outputs.ndim > 1 and outputs.is_floating_point() and not self.multilabel:
            scored = outputs.shape[-1 if self.classes_last else 1]
        highest = max(int(p.max(initial=0)), int(t.max(initial=0)))
        if min(int(p.min(initial=0)), int(t.min(initial=0))) < 0:
            raise ValueError(f"{type(self).__name__}: labels must not be negative")
        if self.num_classes is not None and highest >= self.num_classes:
            raise ValueError(f"{type(self).__name__}: there is label {highest}, but num_classes is {self.num_classes}")
        size = max(len(self.counts), highest + 1, scored, 2)
        if size > len(self.counts):
            self.counts = np.pad(self.counts, (0, size - len(self.counts)))
        self.counts += np.bincount(t * size + p, minlength=size * size).reshape(size, size)

    def compute(self) -> Any:
        return from_numpy(self.counts.copy())


class _Averaged(ConfusionMatrix):
    """A share for each class, averaged over the classes that occur."""

    def __init__(self, average: str | None = "auto", **options: Any) -> None:
        if average not in (*AVERAGES, "auto"):
            raise ValueError(f"{type(self).__name__}: average must be one of {AVERAGES} or 'auto', not {average!r}")
        self.average = average
        super().__init__(**options)

    def _of(self, hit: Any, predicted: Any, true: Any) -> Any:
        """The share from counts of hits, predictions and truths."""
        raise NotImplementedError

    def compute(self) -> Any:
        hit, predicted, true = self.counts.diagonal(), self.counts.sum(0), self.counts.sum(1)
        average = self.average
        if average == "auto":
            average = "binary" if len(self.counts) == 2 else "macro"
        if average == "binary":
            if len(self.counts) > 2:
                raise ValueError(f"{type(self).__name__}: average 'binary' needs two classes, not {len(self.counts)}")
            return float(self._of(hit, predicted, true)[1]) if len(self.counts) else float("nan")
        if average == "micro":
            return float(self._of(*(np.asarray([n.sum()]) for n in (hit, predicted, true)))[0])
        shares = self._of(hit, predicted, true)
        if average is None:
            return from_numpy(np.asarray(shares, np.float64))
        there = predicted + true > 0
        if not there.any():
            return float("nan")
        weights = true[there] if average == "weighted" else np.ones(there.sum())
        return float(np.average(shares[there], weights=weights))


class Precision(_Averaged):
    """Share of right ones among the predictions of a class.

    Args:
        average: "binary", of class 1; "macro", mean over the classes; "micro", over all samples; "weighted", by how
            often a class is true; None, a Tensor of all; "auto": binary for two classes, else macro.
        num_classes, threshold, from_logits, multilabel, name: as of ConfusionMatrix.

    >>> Precision()([0, 1, 1], [0, 0, 1])
    0.5
    """

    name = "precision"

    def _of(self, hit: Any, predicted: Any, true: Any) -> Any:
        return _share(hit, predicted)


class Recall(_Averaged):
    """Share of a class that was found; arguments as of Precision."""

    name = "recall"

    def _of(self, hit: Any, predicted: Any, true: Any) -> Any:
        return _share(hit, true)


class Specificity(_Averaged):
    """Share of what is not of a class that was not taken for it; arguments as of Precision."""

    name = "specificity"

    def _of(self, hit: Any, predicted: Any, true: Any) -> Any:
        others = self.counts.sum() - true
        return _share(others - (predicted - hit), others)


class FBetaScore(_Averaged):
    """Harmonic mean of precision and recall, where recall counts beta times as much; else as Precision."""

    def __init__(self, beta: float = 1.0, average: str | None = "auto", **options: Any) -> None:
        if not beta > 0:
            raise ValueError(f"{type(self).__name__}: beta must be positive, not {beta!r}")
        self.beta = beta
        super().__init__(average, **{"name": f"f{beta:g}", **options})

    def _of(self, hit: Any, predicted: Any, true: Any) -> Any:
        square = self.beta**2
        return _share((1 + square) * hit, square * true + predicted)


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall; arguments as of Precision."""

    def __init__(self, average: str | None = "auto", **options: Any) -> None:
        super().__init__(1.0, average, **options)


class BalancedAccuracy(Recall):
    """Mean over the classes of the share that was found."""

    name = "balanced_accuracy"

    def __init__(self, **options: Any) -> None:
        super().__init__("macro", **options)

    def compute(self) -> Any:
        true = self.counts.sum(1)
        there = true > 0
        return float(_share(self.counts.diagonal(), true)[there].mean()) if there.any() else float("nan")


class SklearnMetric(Metric):
    """A function of sklearn.metrics over all samples: labels or scores are kept until compute.

    Args:
        function: function(true, predicted), or its name in sklearn.metrics.
        scores: give it probabilities, (n) for two classes or (n, classes), in the place of labels.
        name: in logs; the function's own when None.
        options: passed on to the function.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
        ValueError: it has no such function.
    """

    takes_logits = True
    state = ("predicted", "true")

    def __init__(
        self, function: str | Callable[..., Any], *, scores: bool = False, from_logits: bool | None = None,
        name: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        self.function = sklearn_function(function) if isinstance(function, str) else function
        self.scores = scores
        self.from_logits = from_logits
        self.options = options
        super().__init__(name or self.function.__name__)

    def reset(self) -> None:
        self.predicted: list[Any] = []
        self.true: list[Any] = []

    def update(self, outputs: Any, targets: Any) -> None:
        if self.scores:
            p, t = scores_of(outputs, targets, self.from_logits)
        else:
            predicted, true = labels_of(outputs, targets, None, self.from_logits, False)
            p, t = np.asarray(predicted).ravel().copy(), np.asarray(true).ravel().copy()
        self.predicted.append(p)
        self.true.append(t)

    def compute(self) -> Any:
        if not self.true:
            return float("nan")
        true, predicted = np.concatenate(self.true), np.concatenate(self.predicted)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Only one class|.*ill-defined|No positive class")
            value = self._compute(true, predicted)
        return float(value) if np.ndim(value) == 0 else value

    def _compute(self, true: Any, predicted: Any) -> Any:
        return self.function(true, predicted, **self.options)


def sklearn_function(name: str) -> Callable[..., Any]:
    """The function of sklearn.metrics of that name."""
    try:
        import sklearn.metrics as library
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"metric {name!r} needs scikit-learn: pip install rustorch[sklearn]") from error
    if not name.startswith("_") and callable(found := getattr(library, name, None)):
        function: Callable[..., Any] = found
        return function
    raise ValueError(f"sklearn.metrics has no {name!r}")


class AUC(SklearnMetric):
    """Area under the ROC curve, by scikit-learn; the mean over the classes, each against the rest, when there are more
    than two.  NaN where only one class is there.

    Args:
        curve: "ROC", or "PR" for the average precision.
        from_logits: do outputs still lack the softmax or sigmoid?
        name: in logs.

    >>> AUC()([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """

    def __init__(self, curve: str = "ROC", *, from_logits: bool | None = None, name: str | None = None) -> None:
        if curve not in ("ROC", "PR"):
            raise ValueError(f"AUC: curve must be 'ROC' or 'PR', not {curve!r}")
        self.curve = curve
        function = "roc_auc_score" if curve == "ROC" else "average_precision_score"
        name = name or ("auc" if curve == "ROC" else "pr_auc")
        super().__init__(function, scores=True, from_logits=from_logits, name=name)

    def _compute(self, true: Any, predicted: Any) -> Any:
        classes = np.unique(true)
        if len(classes) < 2:
            return float("nan")
        if predicted.ndim == 1:
            return self.function(true, predicted)
        single = [self.function(true == c, predicted[:, c]) for c in classes]
        return float(np.mean(single))


class AveragePrecision(AUC):
    """Area under the curve of precision over recall, by scikit-learn; AUC with curve "PR"."""

    def __init__(self, *, from_logits: bool | None = None, name: str | None = None) -> None:
        super().__init__("PR", from_logits=from_logits, name=name or "average_precision")
