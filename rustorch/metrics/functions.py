"""Metrics as functions of all outputs and targets."""

from __future__ import annotations

from typing import Any

from . import classification as c, regression as r

__all__ = [
    "accuracy", "auc", "average_precision", "balanced_accuracy", "confusion_matrix", "f1_score", "fbeta_score",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "precision", "r2_score", "recall",
    "root_mean_squared_error", "specificity", "top_k_accuracy",
]  # fmt: skip


def accuracy(outputs: Any, targets: Any, **options: Any) -> float:
    """Share of right predictions; options are those of Accuracy.

    >>> accuracy([0.9, 0.2, 0.6], [1, 0, 0])
    0.6666666666666666
    """
    return c.Accuracy(**options)(outputs, targets)


def top_k_accuracy(outputs: Any, targets: Any, k: int = 5) -> float:
    """Share of samples whose true class is among the k highest scores."""
    return c.TopKAccuracy(k)(outputs, targets)


def precision(outputs: Any, targets: Any, **options: Any) -> Any:
    """Share of right ones among the predictions of a class; options are those of Precision."""
    return c.Precision(**options)(outputs, targets)


def recall(outputs: Any, targets: Any, **options: Any) -> Any:
    """Share of a class that was found; options are those of Recall."""
    return c.Recall(**options)(outputs, targets)


def specificity(outputs: Any, targets: Any, **options: Any) -> Any:
    """Share of the rest that was not taken for a class; options are those of Specificity."""
    return c.Specificity(**options)(outputs, targets)


def f1_score(outputs: Any, targets: Any, **options: Any) -> Any:
    """Harmonic mean of precision and recall; options are those of F1Score."""
    return c.F1Score(**options)(outputs, targets)


def fbeta_score(outputs: Any, targets: Any, beta: float, **options: Any) -> Any:
    """Harmonic mean of precision and recall, recall beta times as important; options are those of FBetaScore."""
    return c.FBetaScore(beta, **options)(outputs, targets)


def balanced_accuracy(outputs: Any, targets: Any, **options: Any) -> float:
    """Mean over the classes of the share that was found."""
    return c.BalancedAccuracy(**options)(outputs, targets)


def confusion_matrix(outputs: Any, targets: Any, num_classes: int | None = None, **options: Any) -> Any:
    """How often class i (row) was taken for class j (column)."""
    return c.ConfusionMatrix(num_classes, **options)(outputs, targets)


def auc(outputs: Any, targets: Any, curve: str = "ROC", *, from_logits: bool = False) -> float:
    """Area under the ROC curve (or, curve "PR", of precision over recall), by scikit-learn."""
    return c.AUC(curve, from_logits=from_logits)(outputs, targets)


def average_precision(outputs: Any, targets: Any, *, from_logits: bool = False) -> float:
    """Area under the curve of precision over recall, by scikit-learn."""
    return c.AveragePrecision(from_logits=from_logits)(outputs, targets)


def mean_absolute_error(outputs: Any, targets: Any) -> float:
    """Mean of |output - target|."""
    return r.MeanAbsoluteError()(outputs, targets)


def mean_absolute_percentage_error(outputs: Any, targets: Any) -> float:
    """Mean of |output - target| / |target|, as a fraction."""
    return r.MeanAbsolutePercentageError()(outputs, targets)


def mean_squared_error(outputs: Any, targets: Any) -> float:
    """Mean of (output - target)**2."""
    return r.MeanSquaredError()(outputs, targets)


def root_mean_squared_error(outputs: Any, targets: Any) -> float:
    """Root of the mean of (output - target)**2."""
    return r.RootMeanSquaredError()(outputs, targets)


def r2_score(outputs: Any, targets: Any) -> float:
    """Share of the targets' variance that the outputs explain."""
    return r.R2Score()(outputs, targets)
