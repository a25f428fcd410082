"""Metrics: classes that are updated batch by batch, and a function for each, over all samples at once.

Outputs come first, as in losses: `metric.update(outputs, targets)`, `accuracy(outputs, targets)`.

>>> import rustorch as rt
>>> scores, labels = rt.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), rt.tensor([1, 0, 0])
>>> metric = rt.metrics.Accuracy()
>>> metric.update(scores[:2], labels[:2]); metric.update(scores[2:], labels[2:]); metric.compute()
0.6666666666666666
>>> rt.metrics.f1_score(scores, labels)
0.6666666666666666
"""

from __future__ import annotations

from ._names import metric_from
from .base import FunctionMetric, Mean, Metric
from .classification import (
    AUC,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    ConfusionMatrix,
    F1Score,
    FBetaScore,
    Precision,
    Recall,
    SklearnMetric,
    Specificity,
    TopKAccuracy,
)
from .functions import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    confusion_matrix,
    f1_score,
    fbeta_score,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    precision,
    r2_score,
    recall,
    root_mean_squared_error,
    specificity,
    top_k_accuracy,
)
from .regression import (
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
)

__all__ = [
    "AUC", "Accuracy", "AveragePrecision", "BalancedAccuracy", "ConfusionMatrix", "F1Score", "FBetaScore",
    "FunctionMetric", "MaxError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "Metric", "Precision", "R2Score", "Recall", "RootMeanSquaredError", "SklearnMetric", "Specificity", "TopKAccuracy",
    "accuracy", "auc", "average_precision", "balanced_accuracy", "confusion_matrix", "f1_score", "fbeta_score",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "metric_from", "precision",
    "r2_score", "recall", "root_mean_squared_error", "specificity", "top_k_accuracy",
]  # fmt: skip
