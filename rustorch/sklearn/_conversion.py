"""from_sklearn: a fitted estimator becomes a module, by the name of its class.

Each file beside this one holds modules and, registered by `converts`, the functions that make them of fitted
estimators.  A subclass of a supported estimator is taken as what it derives from unless it computes otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from .. import nn
from ._fitted import METHODS, Fitted

__all__ = ["converts", "from_sklearn", "supported"]

Converter = Callable[[Any], nn.Module]
_HOMES = ("sklearn", "rustorch")
_converters: dict[str, Converter] = {}
_FILES = (
    "_scaling", "_encoding", "_features", "_linear", "_projections", "_kernels", "_clusters", "_trees", "_networks",
    "_composition", "_ensembles",
)  # fmt: skip


_Function = TypeVar("_Function", bound=Callable[..., nn.Module])


def converts(*names: str) -> Callable[[_Function], _Function]:
    """Registers the function that converts fitted scikit-learn estimators of these class names."""

    def register(function: _Function) -> _Function:
        _converters.update(dict.fromkeys(names, function))
        return function

    return register


def _load() -> dict[str, Converter]:
    for name in _FILES:
        importlib.import_module("." + name, __package__)
    return _converters


def supported() -> list[str]:
    """Names of the scikit-learn estimators that `from_sklearn` converts.

    >>> from rustorch.sklearn import supported
    >>> "StandardScaler" in supported()
    True
    """
    return sorted(_load())


def _converter(estimator: Any) -> Converter:
    """The function of the nearest class above the estimator's whose computation it keeps."""
    table = _load()
    mro = type(estimator).__mro__
    for position, cls in enumerate(mro):
        if cls.__module__.partition(".")[0] in _HOMES and cls.__name__ in table:
            own = [name for below in mro[:position] for name in (*METHODS, "_decision_function") if name in vars(below)]
            theirs = mro[0].__module__.partition(".")[0] in _HOMES
            if own and not theirs:
                break
            return table[cls.__name__]
    raise NotImplementedError(
        f"from_sklearn cannot convert {type(estimator).__name__}; it converts " + ", ".join(supported())
    )


def _is_fitted(estimator: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def convert(estimator: Any) -> Any:
    """The module of a fitted estimator."""
    from sklearn.base import is_classifier, is_outlier_detector, is_regressor

    module = _converter(estimator)(estimator)
    kind = (
        "classifier" if is_classifier(estimator) else "regressor" if is_regressor(estimator)
        else "outlier_detector" if is_outlier_detector(estimator) else "other"
    )  # fmt: skip
    return module.serves(estimator, kind) if isinstance(module, Fitted) else module


def from_sklearn(estimator: Any) -> Any:
    """Turns a scikit-learn estimator into a differentiable Module with equal output.

    The module has those of `transform`, `inverse_transform`, `predict`, `predict_proba`, `predict_log_proba`,
    `decision_function` and `score_samples` that the estimator has (a few lack an inverse or scores).  Calling it is
    `transform` for transformers, `predict` for regressors, and for classifiers `predict_proba`, or
    `decision_function` where there are no probabilities.  Methods take Tensors, arrays and DataFrames of shape
    (samples, features), compute in double precision and answer with Tensors in the dtype of a floating input (labels
    that are no numbers come as an ndarray).  Fitted numbers are parameters, copies of the estimator's, so the
    module can be trained further.

    Args:
        estimator: a fitted estimator (see `supported`).  One that is not fitted gives a module that has `fit`, and
            is a copy of the estimator's module from then on.

    Raises:
        NotImplementedError: the estimator, or one inside it, is not supported; the message lists what is.
        TypeError: it is not a scikit-learn estimator.

    Example:
        >>> import numpy as np, rustorch as rt
        >>> from sklearn.preprocessing import StandardScaler
        >>> scaler = rt.sklearn.from_sklearn(StandardScaler().fit([[0.0], [2.0]]))
        >>> scaler(rt.tensor([[3.0]]))
        tensor([[2.0]], grad_fn=<...>)
        >>> rt.sklearn.from_sklearn(StandardScaler()).fit_transform([[0.0], [2.0]])
        tensor([[-1.0],
                [ 1.0]], dtype=float64, grad_fn=<...>)
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        what = f"the class {estimator.__name__}" if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(f"from_sklearn expects a scikit-learn estimator, got {what}")
    if not _is_fitted(estimator):
        from ._unfitted import Unfitted

        return Unfitted(estimator)
    return convert(estimator)
