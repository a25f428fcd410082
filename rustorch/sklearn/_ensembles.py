"""Estimators made of others that predict together."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from ._composition import Composite, _take
from ._conversion import convert, converts
from ._fitted import Fitted, FittedClassifier, interpolate, labels, linked, numbers, plain
from ._kernels import pairs_of

Tensor = _C.Tensor


class CompositeClassifier(Composite, FittedClassifier):
    """A classifier of parts, which take x whatever it is.

    `settings["places"]` says for each part where its classes are among all.
    """

    def _predict_log_proba(self, x: Any) -> Tensor:
        return self.compute("predict_proba", x).log()

    def _index(self, x: Any) -> Tensor:
        return self._predict_proba(x).argmax(1)

    def shares(self, number: int, x: Any) -> Tensor:
        """Probabilities (n, classes) of a part; of one that has none, 1 for the class it predicts."""
        part, places = self.parts[number], self.settings["places"][number]
        classes = len(self.settings["classes"])
        if "predict_proba" not in part.settings["methods"]:
            return self.choice(number, x)
        shares: Tensor = part.compute("predict_proba", x)
        if places == list(range(classes)):
            return shares
        return shares @ _C.tensor(np.eye(classes)[places], dtype=shares.dtype)

    def choice(self, number: int, x: Any) -> Tensor:
        """1 for the class that a part predicts, 0 for others, (n, classes)."""
        places = _C.tensor(self.settings["places"][number])
        index = places[self.parts[number].compute("index", x)].unsqueeze(1)
        return (index == _C.arange(len(self.settings["classes"]))).double()


class Average(Composite):
    """The weighted mean of what the parts predict, each from its columns."""

    weights: Tensor

    def each(self, x: Any) -> list[Any]:
        """x as each part sees it."""
        return [x if columns is None else _take(x, columns) for columns in self.settings["columns"]]

    def _predict(self, x: Any) -> Tensor:
        results = [part.compute("predict", seen) for part, seen in zip(self.parts, self.each(x))]
        return sum(r * w for r, w in zip(results, self.weights)) / self.weights.sum()

    def _transform(self, x: Any) -> Tensor:
        return _C.ops["stack"]([part.compute("predict", x) for part in self.parts], 1)


class AverageClassifier(CompositeClassifier):
    """The weighted mean of the parts' probabilities, or their vote."""

    weights: Tensor

    def each(self, x: Any) -> list[Any]:
        """x as each part sees it."""
        return [x if columns is None else _take(x, columns) for columns in self.settings["columns"]]

    def _decision_function(self, x: Any) -> Tensor:
        scores = [part.compute("decision_function", seen) for part, seen in zip(self.parts, self.each(x))]
        return sum(scores[1:], scores[0]) / len(scores)

    def _predict_proba(self, x: Any) -> Tensor:
        seen = self.each(x)
        hard = self.settings["hard"]
        results = [self.choice(i, s) if hard else self.shares(i, s) for i, s in enumerate(seen)]
        return sum(r * w for r, w in zip(results, self.weights)) / self.weights.sum()


class BoostedVotes(CompositeClassifier):
    """AdaBoost: the parts' weighted votes (SAMME)."""

    weights: Tensor

    def _scores(self, x: Any) -> Tensor:
        classes = len(self.settings["classes"])
        chosen = [self.choice(i, x) for i in range(len(self.parts))]
        total = sum((c - (1 - c) / (classes - 1)) * w for c, w in zip(chosen, self.weights)) / self.weights.sum()
        return total[:, 1] - total[:, 0] if classes == 2 else total

    def _predict_proba(self, x: Any) -> Tensor:
        scores = self._scores(x)
        return linked(scores if scores.ndim == 1 else scores / (scores.shape[1] - 1), "softmax")

    def _index(self, x: Any) -> Tensor:
        scores = self._scores(x)
        return (scores > 0).long() if scores.ndim == 1 else scores.argmax(1)


class BoostedMedian(Composite):
    """AdaBoost: the weighted median of what the parts predict."""

    weights: Tensor

    def _predict(self, x: Any) -> Tensor:
        values = _C.ops["stack"]([part.compute("predict", x) for part in self.parts], 1)
        order = values.argsort(1, stable=True)
        reached = self.weights[order].cumsum(1)
        middle = (reached >= 0.5 * reached[:, -1:]).long().argmax(1).unsqueeze(1)
        return values.gather(1, order.gather(1, middle))[:, 0]


class Stack(Composite):
    """The last part predicts from what the others predict."""

    def _transform(self, x: Any) -> Tensor:
        columns = []
        for part, method in zip(list(self.parts)[:-1], self.settings["stacked"]):
            result = part.compute(method, x)
            if result.ndim == 1:
                result = result.unsqueeze(1)
            elif method == "predict_proba" and self.settings["two"]:
                result = result[:, 1:]
            columns.append(result)
        if self.settings["passthrough"]:
            given = numbers(x, "transform")
            columns.append(given.to(columns[0].dtype))
        return _C.ops["cat"](columns, 1)

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        seen = self._transform(x)
        return seen if method == "transform" else self.parts[-1].compute(method, seen)

    def serves(self, estimator: Any, kind: str) -> Any:
        """Takes over the methods of the last part."""
        self.answers = ("transform", *self.parts[-1].settings["methods"])
        return super().serves(estimator, kind)


class StackClassifier(Stack):
    """The same, with labels of the whole."""

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if method == "predict":
            return labels(super().compute("index", x), self.settings["classes"])
        return super().compute(method, x)


class OneAgainstRest(CompositeClassifier):
    """A part for each class says whether x belongs to it."""

    def columns(self, x: Any, method: str) -> Tensor:
        """What each part says of x, (n, parts)."""
        results = [part.compute(method, x) for part in self.parts]
        return _C.ops["stack"]([r[:, 1] if r.ndim == 2 else r for r in results], 1)

    def _scores(self, x: Any) -> Tensor:
        scores = self.columns(x, "decision_function")
        return scores[:, 0] if len(self.parts) == 1 else scores

    def _predict_proba(self, x: Any) -> Tensor:
        p = self.columns(x, "predict_proba")
        if self.settings["multilabel"]:
            return p
        return _C.ops["cat"]([1 - p, p], 1) if len(self.parts) == 1 else p / p.sum(1, keepdim=True)

    def _predict(self, x: Any) -> Any:
        scores = self.columns(x, self.settings["by"])
        won = scores > (0.5 if self.settings["by"] == "predict_proba" else 0.0)
        if self.settings["multilabel"]:
            return won.long()
        index = won[:, 0].long() if len(self.parts) == 1 else scores.argmax(1)
        return labels(index, self.settings["classes"])


class OneAgainstOne(CompositeClassifier):
    """A part for each two classes, and their votes."""

    first: Tensor
    second: Tensor

    def _scores(self, x: Any) -> Tensor:
        results = [part.compute(self.settings["by"], x) for part in self.parts]
        if self.settings["by"] == "predict_proba":
            return self._voted([0.5 - r[:, 1] for r in results], [r[:, 1] for r in results])
        return self._voted([-r for r in results], results)

    def _voted(self, first_wins: list[Tensor], confidence: list[Tensor]) -> Tensor:
        lead, sure = _C.ops["stack"](first_wins, 1), _C.ops["stack"](confidence, 1)
        won = (lead >= 0).to(lead.dtype)
        first, second = self.first.to(lead.dtype), self.second.to(lead.dtype)
        total = sure @ (second - first)
        scores = won @ first + (1 - won) @ second + total / (3 * (total.abs() + 1))
        return scores[:, 1] if len(self.parts) == 1 else scores

    def _predict(self, x: Any) -> Any:
        scores = self._scores(x)
        threshold = 0.5 if self.settings["by"] == "predict_proba" else 0.0
        index = (scores > threshold).long() if scores.ndim == 1 else scores.argmax(1)
        return labels(index, self.settings["classes"])


class Several(Composite):
    """A part for each output; in a chain each sees what those before it predicted."""

    def _predict(self, x: Any) -> Any:
        order = self.settings["order"]
        results: list[Any] = []
        for part in self.parts:
            results.append(part.compute("predict", x))
            if order is not None:
                x = numbers(x, "predict")
                x = _C.ops["cat"]([x, results[-1].unsqueeze(1).to(x.dtype)], 1)
        if order is not None:
            results = [results[order.index(i)] for i in range(len(results))]
        if not all(isinstance(r, Tensor) for r in results):
            return np.stack([np.asarray(r) for r in results], axis=1)
        return _C.ops["stack"](results, 1)

    def _predict_proba(self, x: Any) -> list[Tensor]:
        return [part.compute("predict_proba", x) for part in self.parts]


class Chain(Composite):
    """A part for each label, which sees what those before it said."""

    def _said(self, x: Any, method: str) -> Tensor:
        x = numbers(x, method)
        order, results = self.settings["order"], []
        for part in self.parts:
            results.append(_of_second(part.compute(method, x)).to(x.dtype))
            heard = _of_second(part.compute(self.settings["by"], x))
            x = _C.ops["cat"]([x, heard.unsqueeze(1).to(x.dtype)], 1)
        return _C.ops["stack"]([results[order.index(i)] for i in range(len(results))], 1)

    def _predict(self, x: Any) -> Tensor:
        return self._said(x, "predict")

    def _predict_proba(self, x: Any) -> Tensor:
        return self._said(x, "predict_proba")

    def _predict_log_proba(self, x: Any) -> Tensor:
        return self._predict_proba(x).log()

    def _decision_function(self, x: Any) -> Tensor:
        return self._said(x, "decision_function")


def _of_second(result: Tensor) -> Tensor:
    return result[:, 1] if result.ndim == 2 else result


class Cut(Composite):
    """A classifier of two classes with a threshold of its own."""

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if method not in ("predict", "index"):
            return self.parts[0].compute(method, x)
        scores, positive = self.parts[0].compute(self.settings["by"], x), self.settings["positive"]
        if scores.ndim == 2:
            scores = scores[:, positive]
        elif positive == 0:
            scores = -scores
        above = scores >= self.settings["threshold"]
        index = above.long() if positive else (~above).long()
        return index if method == "index" else labels(index, self.settings["classes"])

    def serves(self, estimator: Any, kind: str) -> Any:
        """Takes over the methods of what it wraps."""
        self.answers = tuple(self.parts[0].settings["methods"])
        return super().serves(estimator, kind)


class Calibrated(CompositeClassifier):
    """The mean of calibrated probabilities: scores of the parts through logistic or isotonic curves."""

    def _predict_proba(self, x: Any) -> Tensor:
        results = []
        for i, (part, by) in enumerate(zip(self.parts, self.settings["by"])):
            scores = part.compute(by, x)
            if by == "predict_proba" and scores.shape[1] == 2 and len(self.settings["classes"]) == 2:
                scores = scores[:, 1]
            curves = [getattr(self, f"curve{i}_{k}") for k in range(self.settings["curves"][i])]
            if scores.ndim == 1:
                p = self._curved(scores, curves[0])
                results.append(_C.ops["stack"]([1 - p, p], 1))
                continue
            p = _C.ops["stack"]([self._curved(scores[:, k], curve) for k, curve in enumerate(curves)], 1)
            total = p.sum(1, keepdim=True)
            p = p / total.masked_fill(total == 0, 1.0)
            results.append(p.masked_fill(total == 0, 1.0 / p.shape[1]))
        return sum(results[1:], results[0]) / len(results)

    def _curved(self, score: Tensor, curve: Tensor) -> Tensor:
        curve = curve.to(score.dtype)
        if self.settings["method"] == "sigmoid":
            return (-(score * curve[0] + curve[1])).sigmoid()
        return interpolate(score.unsqueeze(1), curve[:1], curve[1:])[:, 0]


class Isotonic(Fitted):
    """The monotonic curve through known points."""

    known: Tensor
    values: Tensor

    def read(self, x: Any, method: str) -> Tensor:
        """x of shape (samples,) or (samples, 1)."""
        x = numbers(x, f"IsotonicRegression.{method}")
        return x.unsqueeze(1) if x.ndim == 1 else super().read(x, method)

    def _predict(self, x: Tensor) -> Tensor:
        beyond = ((x < self.known[0]) | (x > self.known[-1]))[:, 0]
        how = self.settings["beyond"]
        if how == "raise" and bool(beyond.any()):
            raise ValueError("IsotonicRegression met a value beyond those it was fitted on, and raises for them")
        y = interpolate(x, self.known.unsqueeze(0), self.values.unsqueeze(0))[:, 0]
        return y.masked_fill(beyond, float("nan")) if how == "nan" else y

    def _transform(self, x: Tensor) -> Tensor:
        return self._predict(x)


def _places(estimator: Any, parts: Any, encoded: bool) -> list[list[int]]:
    """For each fitted part, where its classes are among the estimator's; `encoded` parts know positions only."""
    found = []
    for part in parts:
        own = np.asarray(part.classes_)
        found.append((own if encoded else np.searchsorted(estimator.classes_, own)).astype(int).tolist())
    return found


def _columns(estimator: Any) -> list[Any]:
    """The columns of each part of a bagging estimator; None for all in order."""
    every = list(range(estimator.n_features_in_))
    chosen = [np.asarray(c).tolist() for c in estimator.estimators_features_]
    return [None if c == every else c for c in chosen]


@converts("BaggingRegressor")
def _bagging(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_]
    return Average({"weights": np.ones(len(parts))}, {"columns": _columns(estimator)}, parts)


@converts("BaggingClassifier")
def _bagging_classifier(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_]
    settings = {
        "classes": plain(estimator.classes_), "link": "given", "columns": _columns(estimator), "hard": False,
        "places": _places(estimator, estimator.estimators_, True),
    }  # fmt: skip
    return AverageClassifier({"weights": np.ones(len(parts))}, settings, parts)


def _weights(estimator: Any) -> Any:
    """Weights of the estimators that were not dropped."""
    kept = [e for _, e in estimator.estimators]
    weights = np.ones(len(kept)) if estimator.weights is None else np.asarray(estimator.weights, float)
    return weights[[not (isinstance(e, str) and e == "drop") for e in kept]]


@converts("VotingRegressor")
def _voting(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_]
    return Average({"weights": _weights(estimator)}, {"columns": [None] * len(parts)}, parts)


@converts("VotingClassifier")
def _voting_classifier(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_]
    hard = estimator.voting == "hard"
    settings = {
        "classes": plain(estimator.classes_), "link": "given", "columns": [None] * len(parts), "hard": hard,
        "places": _places(estimator, estimator.estimators_, True),
    }  # fmt: skip
    module = AverageClassifier({"weights": _weights(estimator)}, settings, parts)
    module.leaves_out = ("transform",)
    return module


@converts("AdaBoostClassifier")
def _boosted(estimator: Any) -> Fitted:
    weights = np.asarray(estimator.estimator_weights_[: len(estimator.estimators_)], float)
    settings = {
        "classes": plain(estimator.classes_), "link": "softmax",
        "places": _places(estimator, estimator.estimators_, False),
    }  # fmt: skip
    return BoostedVotes({"weights": weights}, settings, [convert(e) for e in estimator.estimators_])


@converts("AdaBoostRegressor")
def _boosted_median(estimator: Any) -> Fitted:
    weights = np.asarray(estimator.estimator_weights_[: len(estimator.estimators_)], float)
    return BoostedMedian({"weights": weights}, {}, [convert(e) for e in estimator.estimators_])


@converts("StackingRegressor", "StackingClassifier")
def _stacking(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_] + [convert(estimator.final_estimator_)]
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        raise NotImplementedError("from_sklearn cannot convert StackingClassifier of several outputs")
    settings = {
        "stacked": list(estimator.stack_method_), "passthrough": bool(estimator.passthrough),
        "two": classes is not None and len(classes) == 2,
    }  # fmt: skip
    if classes is None:
        return Stack(settings=settings, parts=parts)
    return StackClassifier(settings={**settings, "classes": plain(classes)}, parts=parts)


def _by(estimator: Any) -> str:
    return "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"


@converts("OneVsRestClassifier")
def _one_against_rest(estimator: Any) -> Fitted:
    parts = [convert(e) for e in estimator.estimators_]
    settings = {
        "classes": plain(estimator.classes_), "link": "given", "by": _by(estimator.estimators_[0]),
        "multilabel": bool(estimator.multilabel_),
    }  # fmt: skip
    return OneAgainstRest(settings=settings, parts=parts)


@converts("OneVsOneClassifier")
def _one_against_one(estimator: Any) -> Fitted:
    if any(i is not None for i in estimator.pairwise_indices_ or []):
        raise NotImplementedError("from_sklearn cannot convert OneVsOneClassifier of kernel matrices")
    parts = [convert(e) for e in estimator.estimators_]
    first, second = pairs_of(len(estimator.classes_))
    settings = {"classes": plain(estimator.classes_), "by": _by(estimator.estimators_[0])}
    return OneAgainstOne({"first": first, "second": second}, settings, parts)


@converts("MultiOutputRegressor", "MultiOutputClassifier", "RegressorChain")
def _several(estimator: Any) -> Fitted:
    order = getattr(estimator, "order_", None)
    settings = {"order": None if order is None else [int(i) for i in order]}
    return Several(settings=settings, parts=[convert(e) for e in estimator.estimators_])


@converts("ClassifierChain")
def _chain(estimator: Any) -> Fitted:
    if any(set(plain(e.classes_)) != {0, 1} for e in estimator.estimators_):
        raise NotImplementedError("from_sklearn cannot convert ClassifierChain of labels other than 0 and 1")
    settings = {"order": [int(i) for i in estimator.order_], "by": estimator.chain_method_}
    return Chain(settings=settings, parts=[convert(e) for e in estimator.estimators_])


@converts("FixedThresholdClassifier", "TunedThresholdClassifierCV")
def _cut(estimator: Any) -> Fitted:
    inner = getattr(estimator, "estimator_", estimator.estimator)
    by = estimator._get_response_method()
    by = next(m for m in ([by] if isinstance(by, str) else by) if hasattr(inner, m))
    tuned = hasattr(estimator, "best_threshold_")
    label = estimator._curve_scorer._get_pos_label() if tuned else estimator.pos_label
    threshold = estimator.best_threshold_ if tuned else estimator.threshold
    if isinstance(threshold, str):
        threshold = 0.5 if by == "predict_proba" else 0.0
    classes = plain(estimator.classes_)
    settings = {
        "classes": classes, "by": by, "threshold": float(threshold),
        "positive": 1 if label is None else classes.index(label),
    }  # fmt: skip
    return Cut(settings=settings, parts=[convert(inner)])


@converts("CalibratedClassifierCV")
def _calibrated(estimator: Any) -> Fitted:
    if estimator.method not in ("sigmoid", "isotonic"):
        raise NotImplementedError(f"from_sklearn cannot convert CalibratedClassifierCV of method {estimator.method!r}")
    arrays, by, parts, curves = {}, [], [], []
    for i, calibrated in enumerate(estimator.calibrated_classifiers_):
        if len(calibrated.estimator.classes_) != len(estimator.classes_):
            raise NotImplementedError("from_sklearn cannot convert CalibratedClassifierCV of folds that lack classes")
        for k, curve in enumerate(calibrated.calibrators):
            sigmoid = estimator.method == "sigmoid"
            points = [curve.a_, curve.b_] if sigmoid else [curve.X_thresholds_, curve.y_thresholds_]
            arrays[f"curve{i}_{k}"] = np.array(points, dtype=np.float64)
        curves.append(len(calibrated.calibrators))
        by.append(_by(calibrated.estimator))
        parts.append(convert(calibrated.estimator))
    settings = {
        "classes": plain(estimator.classes_), "link": "given", "by": by, "method": estimator.method, "curves": curves,
    }  # fmt: skip
    return Calibrated(arrays, settings, parts)


@converts("IsotonicRegression")
def _isotonic(estimator: Any) -> Fitted:
    arrays = {"known": estimator.X_thresholds_, "values": estimator.y_thresholds_}
    return Isotonic(arrays, {"beyond": estimator.out_of_bounds})
