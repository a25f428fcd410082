"""What every converted estimator is: a Module with scikit-learn's methods over its fitted numbers.

A subclass computes: `_transform(x)`, `_predict(x)`, `_predict_proba(x)`, ... over a Tensor of its own dtype.  Which
of them are public methods of an object is what the estimator had when it was converted (`settings["methods"]`).
Nothing here imports scikit-learn: a converted module that was saved runs without it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from .. import _C, nn

Tensor = _C.Tensor
Array = np.ndarray[Any, Any]

METHODS = (
    "transform", "inverse_transform", "predict", "predict_proba", "predict_log_proba", "decision_function",
    "score_samples",
)  # fmt: skip
NATURAL = {
    "classifier": ("predict_proba", "decision_function", "predict"),
    "regressor": ("predict",),
    "outlier_detector": ("decision_function", "score_samples", "predict"),
    "other": ("transform", "predict_proba", "decision_function", "predict", "score_samples"),
}


class _Method:
    """A method that an object has only when the estimator behind it had it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Fitted | None, owner: type) -> Any:
        if module is None:
            return self
        if self.name not in module.settings["methods"]:
            raise AttributeError(f"{module.settings['estimator']} has no {self.name}, so its module has none")
        return partial(module.compute, self.name)


class Fitted(nn.Module):
    """A fitted estimator as a module.

    Computes in double precision (`module.float()` changes that) and answers in the dtype of a floating input.

    Args:
        arrays: the fitted numbers by name: floating ones become parameters, others buffers, None is left out.
        settings: everything else, as JSON values.
        parts: modules that this one is made of.
    """

    settings: dict[str, Any]
    parts: Any = ()  # a ModuleList where there are some
    answers: tuple[str, ...] = ()  # methods that `compute` knows beside those with a function here
    fixed: ClassVar[tuple[str, ...]] = ()  # floating arrays that are buffers
    leaves_out: tuple[str, ...] = ()  # methods of the estimator that could not be converted
    transform = _Method()
    inverse_transform = _Method()
    predict = _Method()
    predict_proba = _Method()
    predict_log_proba = _Method()
    decision_function = _Method()
    score_samples = _Method()

    def __init__(
        self, arrays: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None,
        parts: Sequence[nn.Module] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.settings = {
            "estimator": type(self).__name__, "methods": [], "natural": "", "features": None, "names": [],
            **(settings or {}),
        }  # fmt: skip
        for name, value in (arrays or {}).items():
            if value is None:
                continue
            tensor = _C.tensor(np.array(value, order="C"))
            if tensor.dtype.kind == "f":
                tensor = tensor.double()
            trained = tensor.dtype.kind == "f" and name not in self.fixed
            setattr(self, name, nn.Parameter(tensor) if trained else nn.Buffer(tensor))
        if parts:
            self.parts = nn.ModuleList(parts)

    def serves(self, estimator: Any, kind: str) -> Self:
        """Takes over name, methods and number of features of the estimator that it replaces."""
        methods = [name for name in METHODS if hasattr(estimator, name)]
        implemented = {name for name in METHODS if hasattr(type(self), "_" + name)} | set(self.answers)
        implemented -= set(self.leaves_out)
        natural = [name for name in NATURAL.get(kind, NATURAL["other"]) if name in methods and name in implemented]
        self.settings["estimator"] = type(estimator).__name__
        self.settings["methods"] = [name for name in methods if name in implemented]
        self.settings["natural"] = natural[0] if natural else ""
        self.settings["names"] = plain(getattr(estimator, "feature_names_in_", ()))
        features = getattr(estimator, "n_features_in_", None)
        self.settings["features"] = None if features is None else int(features)
        return self

    def forward(self, x: Any) -> Any:
        """The natural method: transform of a transformer, predict of a regressor, predict_proba of a classifier
        (or its decision_function when it has no probabilities)."""
        return self.compute(self.settings["natural"], x)

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        given = self.read(x, method)
        dtype = self.dtype
        x = given if dtype is None or given.dtype == dtype else given.to(dtype)
        if x.dtype.kind != "f":
            x = x.double()
        result = getattr(self, "_" + method)(x)
        if isinstance(result, Tensor) and result.dtype.kind == "f" and given.dtype.kind == "f":
            return result.to(given.dtype)
        return result

    @property
    def dtype(self) -> Any:
        """The precision it computes in: that of its first parameter, or None without one."""
        return next((p.dtype for p in self.parameters()), None)

    def read(self, x: Any, method: str) -> Tensor:
        """x as a Tensor of shape (samples, features).

        Raises:
            TypeError: it holds something else than numbers.
            ValueError: it has another shape, or columns of other names than those of the fit.
        """
        name = self.settings["estimator"]
        if method != "inverse_transform":
            self.check_columns(x)
        tensor = numbers(x, f"{name}.{method}")
        if tensor.ndim != 2:
            raise ValueError(f"{name}.{method} expects shape (samples, features), got {tuple(tensor.shape)}")
        features = self.settings["features"]
        if method != "inverse_transform" and features is not None and tensor.shape[1] != features:
            raise ValueError(f"{name} was fitted on {features} features, got {tensor.shape[1]}")
        return tensor

    def check_columns(self, x: Any) -> None:
        """ValueError for a DataFrame with other columns than those of the fit, or in another order."""
        known = self.settings["names"]
        if known and hasattr(x, "columns") and list(x.columns) != known:
            raise ValueError(f"{self.settings['estimator']} was fitted on the columns {known}, got {list(x.columns)}")

    def extra_repr(self) -> str:
        """The estimator's name and the shapes of its numbers."""
        arrays = [*self.named_parameters(recurse=False), *self.named_buffers(recurse=False)]
        return ", ".join([self.settings["estimator"], *(f"{name}={tuple(t.shape)}" for name, t in arrays)])


class FittedClassifier(Fitted):
    """A classifier: scores or probabilities first, the labels from them.

    `settings["classes"]` are the labels, in the order of the columns; `settings["link"]` says how `_scores(x)`,
    (samples,) for two classes or (samples, classes), become probabilities: see `linked`.
    """

    def __init__(self, arrays: Any = None, settings: Any = None, parts: Any = ()) -> None:
        super().__init__(arrays, {"classes": None, "link": None, **(settings or {})}, parts)

    def serves(self, estimator: Any, kind: str) -> Self:
        """Takes over the methods that the estimator has, without probabilities where there is no link to them."""
        if self.settings["link"] is None:
            self.leaves_out = (*self.leaves_out, "predict_proba", "predict_log_proba")
        return super().serves(estimator, kind)

    def _scores(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no scores")

    def _decision_function(self, x: Tensor) -> Tensor:
        return self._scores(x)

    def _predict_proba(self, x: Tensor) -> Tensor:
        return linked(self._scores(x), self.settings["link"])

    def _predict_log_proba(self, x: Tensor) -> Tensor:
        if self.settings["link"] == "softmax":
            scores = self._scores(x)
            return (both(scores) if scores.ndim == 1 else scores).log_softmax(1)
        return self._predict_proba(x).log()

    def _index(self, x: Tensor) -> Tensor:
        """Position of the label of each sample."""
        scores = self._scores(x)
        return (scores > 0).long() if scores.ndim == 1 else scores.argmax(1)

    def _predict(self, x: Tensor) -> Any:
        return labels(self._index(x), self.settings["classes"])


def labels(index: Tensor, classes: list[Any]) -> Any:
    """The labels at these positions: a Tensor of numbers, an ndarray of anything else."""
    values = np.array(classes)
    if values.dtype.kind in "biuf":
        return _C.tensor(values)[index]
    return values[index.numpy()]


def both(score: Tensor) -> Tensor:
    """The scores (n, 2) of two classes that differ by `score` (n)."""
    return _C.ops["stack"]([score * 0, score], 1)


def linked(scores: Tensor, link: str) -> Tensor:
    """Probabilities (n, classes) of scores.

    Args:
        scores: (n, classes), or (n,) for the second of two classes.
        link: "sigmoid" (of each, then divided by their sum), "softmax", or "huber" (linear between -1 and 1).
    """
    if scores.ndim == 1 and link != "huber":
        p = scores.sigmoid()
        return _C.ops["stack"]([1 - p, p], 1)
    if link == "softmax":
        return scores.softmax(1)
    p = scores.sigmoid() if link == "sigmoid" else (scores.clamp(-1, 1) + 1) / 2
    if scores.ndim == 1:
        return _C.ops["stack"]([1 - p, p], 1)
    total = p.sum(1, keepdim=True)
    return p.masked_fill(total == 0, 1.0) / total.masked_fill(total == 0, float(p.shape[1]))


def numbers(x: Any, caller: str) -> Tensor:
    """A Tensor of an array, DataFrame, sparse matrix or nested list of numbers."""
    if isinstance(x, Tensor):
        return x
    array = np.asarray(x.toarray() if hasattr(x, "toarray") and hasattr(x, "nnz") else x)
    if array.dtype.kind == "O":
        with contextlib.suppress(TypeError, ValueError):
            array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{caller} expects numbers, got an array of {array.dtype}")
    return _C.tensor(array)


def plain(values: Iterable[Any]) -> list[Any]:
    """NumPy scalars as JSON values."""
    return [v.item() if isinstance(v, np.generic) else v for v in values]


def count_below(edges: Tensor, x: Tensor, inclusive: bool = True) -> Tensor:
    """How many of the ascending edges (features, count) lie at or below each x (samples, features).

    A binary search of gathers, for all elements at once; `inclusive=False` counts those strictly below.
    """
    count = edges.shape[1]
    start = _C.arange(edges.shape[0]) * count - 1
    flat = edges.reshape(-1)
    position = _C.zeros_like(x).long()
    step = 1 << max(count.bit_length() - 1, 0)
    while step:
        probe = position + step
        edge = flat[start + probe.clamp(max=count)]
        below = edge <= x if inclusive else edge < x
        position = probe.where(below & (probe <= count), position)
        step //= 2
    return position


def interpolate(x: Tensor, known: Tensor, values: Tensor) -> Tensor:
    """numpy.interp for each column: through the points (known, values), both (features, count), constant beyond."""
    count = known.shape[1]
    base = _C.arange(known.shape[0]) * count
    left = base + (count_below(known, x) - 1).clamp(0, max(count - 2, 0))
    right = base + (count_below(known, x)).clamp(min(1, count - 1), count - 1)
    xs, ys = known.reshape(-1), values.reshape(-1)
    width = xs[right] - xs[left]
    flat = width == 0
    slope = (ys[right] - ys[left]) / width.masked_fill(flat, 1.0)
    inside = ys[left] + slope.masked_fill(flat, 0.0) * (x - xs[left])
    first, last = known[:, 0], known[:, -1]
    inside = values[:, 0].where(x < first, inside)
    return values[:, -1].where(x >= last, inside)
