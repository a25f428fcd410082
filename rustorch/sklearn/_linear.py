"""Linear models, and classifiers whose scores are quadratic or linear in known statistics of x."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from ._conversion import converts
from ._fitted import Fitted, FittedClassifier, plain

Tensor = _C.Tensor


class LinearPrediction(Fitted):
    """x @ coef.T + intercept, through exp for a log link or the logistic function for a logit link."""

    coef: Tensor  # (features,), or (outputs, features)
    intercept: Tensor | None = None

    def _predict(self, x: Tensor) -> Tensor:
        y = x @ (self.coef if self.coef.ndim == 1 else self.coef.T)
        if self.intercept is not None:
            y = y + self.intercept
        return y.exp() if self.settings.get("link") == "exp" else y


class LinearScores(FittedClassifier):
    """Scores linear in x; (n,) for two classes."""

    coef: Tensor  # (1 or classes, features)
    intercept: Tensor

    def _scores(self, x: Tensor) -> Tensor:
        scores = x @ self.coef.T + self.intercept
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _predict(self, x: Tensor) -> Any:
        if self.settings.get("multilabel"):
            scores = self._scores(x)
            return (scores.unsqueeze(1) if scores.ndim == 1 else scores > 0).long()
        return super()._predict(x)


class LinearDiscriminant(LinearScores):
    """Linear scores beside the projection on the directions that separate the classes."""

    scalings: Tensor  # (features, components)
    center: Tensor | None = None

    def _transform(self, x: Tensor) -> Tensor:
        return (x if self.center is None else x - self.center) @ self.scalings


class LikelihoodScores(FittedClassifier):
    """Classifiers by the joint log likelihood of sample and class, `_joint(x)` of shape (n, classes)."""

    def _joint(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no likelihood")

    def _scores(self, x: Tensor) -> Tensor:
        return self._joint(x)

    def _decision_function(self, x: Tensor) -> Tensor:
        joint = self._joint(x)
        return joint[:, 1] - joint[:, 0] if joint.shape[1] == 2 else joint


class QuadraticDiscriminant(LikelihoodScores):
    """A normal distribution for each class: log prior - (|(x - mean) @ whiten|^2 + log det) / 2."""

    whiten: Tensor  # (classes, features, rank)
    means: Tensor  # (classes, features)
    offset: Tensor  # (classes,)

    def _joint(self, x: Tensor) -> Tensor:
        white = (x - self.means.unsqueeze(1)) @ self.whiten
        return self.offset - 0.5 * (white * white).sum(2).T


class GaussianBayes(LikelihoodScores):
    """Independent normal features within each class."""

    means: Tensor  # (classes, features)
    variances: Tensor
    log_prior: Tensor

    def _joint(self, x: Tensor) -> Tensor:
        square = (x.unsqueeze(1) - self.means).square() / self.variances
        constant = self.log_prior - 0.5 * (self.variances * (2.0 * np.pi)).log().sum(1)
        return constant - 0.5 * square.sum(2)


class CountBayes(LikelihoodScores):
    """Log likelihoods linear in counts, or in indicators x > threshold."""

    weight: Tensor  # (classes, features)
    bias: Tensor  # (classes,)

    def _joint(self, x: Tensor) -> Tensor:
        threshold = self.settings.get("threshold")
        if threshold is not None:
            x = (x > threshold).to(x.dtype)
        return x @ self.weight.T + self.bias


class CategoryBayes(LikelihoodScores):
    """The sum of a log probability for each feature's category."""

    tables: Tensor  # (features, most categories, classes)
    bias: Tensor

    def _joint(self, x: Tensor) -> Tensor:
        features, count, classes = self.tables.shape
        index = x.long()
        if bool((index < 0).any()) or bool((index >= _C.tensor(self.settings["counts"])).any()):
            raise IndexError("CategoricalNB met a category that was not there when it was fitted")
        return self.tables.reshape(-1, classes)[_C.arange(features) * count + index].sum(1) + self.bias


def _regression(estimator: Any, link: str | None = None) -> Fitted:
    intercept = np.asarray(estimator.intercept_, dtype=np.float64)
    coef = np.asarray(estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else estimator.coef_)
    if coef.ndim == 1 and intercept.ndim == 1 and intercept.size == 1:
        intercept = intercept[0]
    return LinearPrediction({"coef": coef, "intercept": intercept.astype(coef.dtype)}, {"link": link})


@converts(
    "LinearModel", "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV",
    "LassoLarsIC", "Lars", "LarsCV", "ElasticNet", "ElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV",
    "MultiTaskElasticNet", "MultiTaskElasticNetCV", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV",
    "BayesianRidge", "ARDRegression", "HuberRegressor", "TheilSenRegressor", "QuantileRegressor", "SGDRegressor",
    "PassiveAggressiveRegressor", "LinearSVR",
)  # fmt: skip
def _linear(estimator: Any) -> Fitted:
    return _regression(estimator)


@converts("PoissonRegressor", "GammaRegressor", "TweedieRegressor")
def _generalized(estimator: Any) -> Fitted:
    name = type(estimator._base_loss.link).__name__
    if name not in ("LogLink", "IdentityLink"):
        raise NotImplementedError(f"from_sklearn cannot convert {type(estimator).__name__} with a {name}")
    return _regression(estimator, "exp" if name == "LogLink" else None)


def _scores_of(estimator: Any, link: str | None, **more: Any) -> dict[str, Any]:
    coef = np.atleast_2d(estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else estimator.coef_)
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, dtype=coef.dtype), (coef.shape[0],))
    settings = {"classes": plain(estimator.classes_), "link": link, **more}
    return {"arrays": {"coef": coef, "intercept": intercept}, "settings": settings}


@converts("LinearClassifierMixin", "Perceptron", "PassiveAggressiveClassifier", "LinearSVC", "SGDClassifier")
def _linear_classifier(estimator: Any) -> Fitted:
    loss = getattr(estimator, "loss", None)
    return LinearScores(**_scores_of(estimator, "huber" if loss == "modified_huber" else "sigmoid"))


@converts("RidgeClassifier", "RidgeClassifierCV")
def _ridge_classifier(estimator: Any) -> Fitted:
    multilabel = estimator._label_binarizer.y_type_.startswith("multilabel")
    return LinearScores(**_scores_of(estimator, None, multilabel=multilabel))


@converts("LogisticRegression", "LogisticRegressionCV")
def _logistic(estimator: Any) -> Fitted:
    separate = getattr(estimator, "multi_class", None) == "ovr" or getattr(estimator, "solver", None) == "liblinear"
    return LinearScores(**_scores_of(estimator, "sigmoid" if separate else "softmax"))


@converts("LinearDiscriminantAnalysis")
def _linear_discriminant(estimator: Any) -> Fitted:
    given = _scores_of(estimator, "softmax")
    if estimator.solver != "lsqr":
        given["arrays"]["scalings"] = estimator.scalings_[:, : estimator._max_components]
        given["arrays"]["center"] = estimator.xbar_ if estimator.solver == "svd" else None
        return LinearDiscriminant(**given)
    return LinearScores(**given)


@converts("QuadraticDiscriminantAnalysis")
def _quadratic_discriminant(estimator: Any) -> Fitted:
    rank = max(len(s) for s in estimator.scalings_)
    whiten = np.zeros((len(estimator.classes_), estimator.means_.shape[1], rank))
    for place, rotation, scaling in zip(whiten, estimator.rotations_, estimator.scalings_):
        place[:, : len(scaling)] = rotation / np.sqrt(scaling)
    log_det = np.array([np.log(s).sum() for s in estimator.scalings_])
    arrays = {"whiten": whiten, "means": estimator.means_, "offset": np.log(estimator.priors_) - 0.5 * log_det}
    return QuadraticDiscriminant(arrays, {"classes": plain(estimator.classes_), "link": "softmax"})


@converts("GaussianNB")
def _gaussian_bayes(estimator: Any) -> Fitted:
    arrays = {"means": estimator.theta_, "variances": estimator.var_, "log_prior": np.log(estimator.class_prior_)}
    return GaussianBayes(arrays, {"classes": plain(estimator.classes_), "link": "softmax"})


@converts("MultinomialNB")
def _multinomial_bayes(estimator: Any) -> Fitted:
    arrays = {"weight": estimator.feature_log_prob_, "bias": estimator.class_log_prior_}
    return CountBayes(arrays, {"classes": plain(estimator.classes_), "link": "softmax"})


@converts("ComplementNB")
def _complement_bayes(estimator: Any) -> Fitted:
    prior = estimator.class_log_prior_
    bias = prior if len(estimator.classes_) == 1 else np.zeros_like(prior)
    arrays = {"weight": estimator.feature_log_prob_, "bias": bias}
    return CountBayes(arrays, {"classes": plain(estimator.classes_), "link": "softmax"})


@converts("BernoulliNB")
def _bernoulli_bayes(estimator: Any) -> Fitted:
    absent = np.log1p(-np.exp(estimator.feature_log_prob_))
    bias = estimator.class_log_prior_ + absent.sum(axis=1)
    arrays = {"weight": estimator.feature_log_prob_ - absent, "bias": bias}
    threshold = None if estimator.binarize is None else float(estimator.binarize)
    settings = {"classes": plain(estimator.classes_), "link": "softmax", "threshold": threshold}
    return CountBayes(arrays, settings)


@converts("CategoricalNB")
def _categorical_bayes(estimator: Any) -> Fitted:
    counts = [int(t.shape[1]) for t in estimator.feature_log_prob_]
    tables = np.zeros((len(counts), max(counts), len(estimator.classes_)))
    for place, table in zip(tables, estimator.feature_log_prob_):
        place[: table.shape[1]] = table.T
    settings = {"classes": plain(estimator.classes_), "link": "softmax", "counts": counts}
    return CategoryBayes({"tables": tables, "bias": estimator.class_log_prior_}, settings)
