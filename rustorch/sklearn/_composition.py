"""Pipelines, unions, column transformers and what else is made of other estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from ._conversion import convert, converts
from ._fitted import Fitted, numbers

Tensor = _C.Tensor


class Passthrough(Fitted):
    """x as it is."""

    def _transform(self, x: Tensor) -> Tensor:
        return x

    def _inverse_transform(self, x: Tensor) -> Tensor:
        return x


class Composite(Fitted):
    """Hands x, whatever it is, to its parts, which check it."""

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        result = getattr(self, "_" + method)(x)
        floating = all(isinstance(t, Tensor) and t.dtype.kind == "f" for t in (x, result))
        return result.to(x.dtype) if floating else result


class Pipeline(Composite):
    """Each step transforms what the last gave; the methods are those of the final step."""

    def _through(self, x: Any) -> Any:
        for step in list(self.parts)[:-1]:
            x = step.compute("transform", x)
        return x

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if method == "inverse_transform":
            for step in reversed(list(self.parts)):
                x = step.compute("inverse_transform", x)
            return x
        return self.parts[-1].compute(method, self._through(x))

    def serves(self, estimator: Any, kind: str) -> Any:
        """Takes over the methods of the final step that the pipeline has."""
        super().serves(estimator, kind)
        own = [m for m in self.parts[-1].settings["methods"] if hasattr(estimator, m)]
        if "inverse_transform" in own and not all("inverse_transform" in p.settings["methods"] for p in self.parts):
            own.remove("inverse_transform")
        self.settings["methods"] = own
        self.settings["natural"] = self.parts[-1].settings["natural"]
        return self


class Union(Composite):
    """The results of all parts side by side, each times its weight."""

    def _transform(self, x: Any) -> Tensor:
        results = [numbers(part.compute("transform", x), "FeatureUnion.transform") for part in self.parts]
        weights = self.settings["weights"]
        return _C.ops["cat"]([r if w == 1 else r * w for r, w in zip(results, weights)], 1)


class Columns(Composite):
    """Parts that transform some columns each, side by side."""

    def _transform(self, x: Any) -> Tensor:
        names = self.settings["names"]
        if names and hasattr(x, "columns"):  # columns are chosen by name: there may be others, in any order
            missing = [name for name in names if name not in list(x.columns)]
            if missing:
                raise ValueError(f"ColumnTransformer: the columns {missing} are missing")
            x = x[names]
        results = []
        for part, columns in zip(self.parts, self.settings["columns"]):
            one = isinstance(columns, int)
            taken = part.compute("transform", _take(x, columns if one else list(columns)))
            results.append(numbers(taken, "ColumnTransformer.transform"))
        if not results:
            return numbers(x, "ColumnTransformer.transform")[:, :0]
        kinds = {r.dtype for r in results}
        if len(kinds) > 1:
            widest = np.result_type(*kinds)
            results = [r.to(widest) for r in results]
        return _C.ops["cat"](results, 1)


def _take(x: Any, columns: Any) -> Any:
    """Columns by position of a Tensor, an array or a DataFrame."""
    if isinstance(x, Tensor):
        return x[:, columns]
    if hasattr(x, "iloc"):
        return x.iloc[:, columns]
    if hasattr(x, "tocsc"):
        return x.tocsc()[:, columns].toarray()
    if hasattr(x, "columns"):  # polars and its kin
        x = x.to_numpy()
    return np.asarray(x)[:, columns]


class TargetTransformed(Composite):
    """A regressor whose predictions are transformed back."""

    def _predict(self, x: Any) -> Tensor:
        y = self.parts[0].compute("predict", x)
        flat = y.ndim == 1
        back = self.parts[1].compute("inverse_transform", y.unsqueeze(1) if flat else y)
        return back.squeeze(1) if self.settings["flat"] and back.ndim == 2 and back.shape[1] == 1 else back


class Delegate(Composite):
    """What an estimator that only searches or wraps leaves to the one it chose."""

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        return self.parts[0].compute(method, x)

    def serves(self, estimator: Any, kind: str) -> Any:
        """Takes over the methods of what it wraps."""
        super().serves(estimator, kind)
        inner = self.parts[0].settings
        self.settings["methods"] = [m for m in inner["methods"] if hasattr(estimator, m)]
        self.settings["natural"] = inner["natural"]
        return self


def _step(estimator: Any) -> Fitted:
    if estimator is None or isinstance(estimator, str):
        part = Passthrough(settings={"estimator": "passthrough"})
        part.settings["methods"] = ["transform", "inverse_transform"]
        part.settings["natural"] = "transform"
        return part
    return convert(estimator)


@converts("Pipeline")
def _pipeline(estimator: Any) -> Fitted:
    return Pipeline(parts=[_step(step) for _, step in estimator.steps])


@converts("FeatureUnion")
def _union(estimator: Any) -> Fitted:
    weights = estimator.transformer_weights or {}
    kept = [(name, step) for name, step in estimator.transformer_list if not _dropped(step)]
    settings = {"weights": [float(weights.get(name, 1)) for name, _ in kept]}
    return Union(settings=settings, parts=[_step(step) for _, step in kept])


def _dropped(step: Any) -> bool:
    return isinstance(step, str) and step == "drop"


@converts("ColumnTransformer")
def columns_of(estimator: Any, replaced: dict[str, Any] | None = None) -> Fitted:
    """The module of a ColumnTransformer, with other transformers for some of its names."""
    weights = estimator.transformer_weights or {}
    if any(w != 1 for w in weights.values()):
        raise NotImplementedError("from_sklearn cannot convert ColumnTransformer with transformer_weights")
    parts, columns = [], []
    for name, step, chosen in estimator.transformers_:
        places = _positions(estimator, name, chosen)
        step = (replaced or {}).get(name, step)
        if _dropped(step) or (isinstance(places, list) and not places):
            continue
        parts.append(_step(step))
        columns.append(places)
    return Columns(settings={"columns": columns}, parts=parts)


def _positions(estimator: Any, name: str, chosen: Any) -> Any:
    """Columns as a position or a list of them."""
    names = list(getattr(estimator, "feature_names_in_", ()))
    if isinstance(chosen, (str, int, np.integer)) and not isinstance(chosen, bool):
        return names.index(chosen) if isinstance(chosen, str) else int(chosen) % estimator.n_features_in_
    return [int(i) for i in estimator._transformer_to_input_indices[name]]


@converts("TransformedTargetRegressor")
def _target_transformed(estimator: Any) -> Fitted:
    settings = {"flat": estimator._training_dim == 1}
    return TargetTransformed(settings=settings, parts=[convert(estimator.regressor_), convert(estimator.transformer_)])


@converts("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "BaseSearchCV")
def _search(estimator: Any) -> Fitted:
    return Delegate(parts=[convert(estimator.best_estimator_)])


@converts("FrozenEstimator")
def _frozen(estimator: Any) -> Fitted:
    return Delegate(parts=[convert(estimator.estimator)])


@converts("SelfTrainingClassifier", "RANSACRegressor")
def _wrapped(estimator: Any) -> Fitted:
    return Delegate(parts=[convert(estimator.estimator_)])
