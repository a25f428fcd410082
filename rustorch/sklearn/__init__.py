"""scikit-learn, both ways: fitted estimators as differentiable modules, modules as estimators.

`from_sklearn` turns a fitted scaler, encoder, decomposition, linear model, kernel machine, tree, ensemble,
network or whole Pipeline into a Module with equal output, whose fitted numbers are parameters: gradients flow
through it, and it can be trained further, saved and exported like every other module.  `Classifier`, `Regressor`
and `Transformer` are the other way: scikit-learn estimators around any Module.

>>> import numpy as np, rustorch as rt
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> x = np.random.default_rng(0).standard_normal((200, 2))
>>> y = x[:, 0] > x[:, 1]
>>> model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
>>> module = rt.sklearn.from_sklearn(model)
>>> bool(np.allclose(module(rt.tensor(x)), model.predict_proba(x)))
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._conversion import from_sklearn as from_sklearn, supported as supported

if TYPE_CHECKING:
    from ._estimators import Classifier as Classifier, Regressor as Regressor, Transformer as Transformer

__all__ = ["Classifier", "Regressor", "Transformer", "from_sklearn", "supported"]
_ESTIMATORS = {"Classifier", "Regressor", "Transformer"}


def __getattr__(name: str) -> Any:
    """The estimators derive from scikit-learn's classes, so they are loaded when first asked for."""
    if name not in _ESTIMATORS:
        raise AttributeError(f"module 'rustorch.sklearn' has no attribute {name!r}")
    try:
        from . import _estimators
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ModuleNotFoundError(
            f"rustorch.sklearn.{name} needs scikit-learn: pip install rustorch[sklearn]", name="sklearn"
        ) from None
    value = globals()[name] = getattr(_estimators, name)
    return value
