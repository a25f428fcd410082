"""Metrics by name, as compile and TrainerConfig take them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._calls import parse_call, spelled, unknown
from . import classification as c, regression as r
from .base import FunctionMetric, Metric

_BY_NAME: dict[str, Callable[..., Metric]] = {
    **dict.fromkeys(("accuracy", "acc", "categoricalaccuracy", "sparsecategoricalaccuracy"), c.Accuracy),
    **dict.fromkeys(
        ("topk", "topkaccuracy", "topkcategoricalaccuracy", "sparsetopkcategoricalaccuracy"), c.TopKAccuracy),
    "top5accuracy": c.TopKAccuracy, "top3accuracy": partial(c.TopKAccuracy, 3),
    "binaryaccuracy": partial(c.Accuracy, multilabel=True), "balancedaccuracy": c.BalancedAccuracy,
    "precision": c.Precision, "recall": c.Recall, "sensitivity": c.Recall, "specificity": c.Specificity,
    "f1": c.F1Score, "f1score": c.F1Score, "fbeta": c.FBetaScore, "fbetascore": c.FBetaScore,
    "confusionmatrix": c.ConfusionMatrix, "auc": c.AUC, "rocauc": c.AUC, "rocaucscore": c.AUC,
    **dict.fromkeys(("prauc", "auprc"), partial(c.AUC, "PR")), "averageprecision": c.AveragePrecision,
    **dict.fromkeys(("mae", "meanabsoluteerror"), r.MeanAbsoluteError),
    **dict.fromkeys(("mse", "meansquarederror"), r.MeanSquaredError),
    **dict.fromkeys(("rmse", "rootmeansquarederror"), r.RootMeanSquaredError),
    **dict.fromkeys(("mape", "meanabsolutepercentageerror"), r.MeanAbsolutePercentageError),
    **dict.fromkeys(("r2", "r2score"), r.R2Score), "maxerror": r.MaxError,
}  # fmt: skip


def metric_from(spec: Any) -> Metric:
    """The metric that a name, object or function stands for.

    Args:
        spec: a name ("accuracy", "top_k(k=3)"; names of sklearn.metrics, too), a Metric or a class of such, or a
            function metric(outputs, targets).

    Raises:
        ValueError: the name is unknown.
        TypeError: spec is nothing of the kind.

    >>> metric_from("precision(average=macro)").average
    'macro'
    """
    if isinstance(spec, Metric):
        return spec
    if isinstance(spec, type) and issubclass(spec, Metric):
        return spec()
    if isinstance(spec, str):
        return _by_name(spec)
    if callable(spec):
        return FunctionMetric(spec)
    raise TypeError(f"a metric must be a name, a Metric or a function(outputs, targets), not {type(spec).__name__}")


def _by_name(text: str) -> Metric:
    call = parse_call(text, "a metric")
    make = _BY_NAME.get(spelled(call.name))
    if make is not None:
        metric = make(*call.args, **call.kwargs)
        if "(" not in text and not isinstance(metric, c.TopKAccuracy):
            metric.name = text.strip()
        return metric
    try:
        return c.SklearnMetric(call.name, **call.kwargs)
    except (ValueError, ModuleNotFoundError):
        raise unknown("metric", call.name, _BY_NAME) from None
