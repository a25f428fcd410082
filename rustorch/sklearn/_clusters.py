"""Models by distance from known points: clusters, mixtures, centroids, neighbours, covariance."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from ._conversion import converts
from ._fitted import Fitted, FittedClassifier, labels, plain
from ._kernels import distances, squared_distances
from ._linear import LikelihoodScores

Tensor = _C.Tensor


class Clusters(Fitted):
    """Distances from centres, and the nearest."""

    centers: Tensor  # (clusters, features)

    def _transform(self, x: Tensor) -> Tensor:
        return distances(x, self.centers)

    def _predict(self, x: Tensor) -> Tensor:
        return squared_distances(x, self.centers).argmin(1)


class Mixture(Fitted):
    """A mixture of normal distributions, by the Cholesky factors of their precisions."""

    means: Tensor  # (components, features)
    factors: Tensor  # (components, features, features), or (components, features) when they are diagonal
    offset: Tensor  # (components,): log weight and what else depends on the component only

    def _joint(self, x: Tensor) -> Tensor:
        apart = x.unsqueeze(1) - self.means  # (samples, components, features)
        factors = self.factors
        if factors.ndim == 2:
            white = apart * factors
            log_det = factors.log().sum(1)
        else:
            white = (apart.transpose(0, 1) @ factors).transpose(0, 1)
            log_det = factors.diagonal(dim1=1, dim2=2).log().sum(1)
        return self.offset + log_det - 0.5 * (white * white).sum(2)

    def _predict_proba(self, x: Tensor) -> Tensor:
        return self._joint(x).softmax(1)

    def _predict(self, x: Tensor) -> Tensor:
        return self._joint(x).argmax(1)

    def _score_samples(self, x: Tensor) -> Tensor:
        return self._joint(x).logsumexp(1)


class Centroids(LikelihoodScores):
    """The nearest centroid, by distances in units of the deviation within classes."""

    centroids: Tensor  # (classes, features)
    deviation: Tensor  # (features,)
    log_prior: Tensor

    def _joint(self, x: Tensor) -> Tensor:
        return 2.0 * self.log_prior - squared_distances(x / self.deviation, self.centroids / self.deviation)

    def _index(self, x: Tensor) -> Tensor:
        if not self.settings["equal"]:
            return self._joint(x).argmax(1)
        if self.settings["metric"] == "manhattan":
            return (x.unsqueeze(1) - self.centroids).abs().sum(2).argmin(1)
        return squared_distances(x, self.centroids).argmin(1)


class Neighbors(Fitted):
    """The mean of the targets of the nearest samples, by the Minkowski distance."""

    samples: Tensor  # (samples, features)
    targets: Tensor  # (samples, outputs)

    def nearest(self, x: Tensor) -> Tensor:
        """The mean target (n, outputs) of each x, weighted by inverse distance when asked."""
        power, count = self.settings["power"], self.settings["count"]
        if power == 2:  # by differences: distances near 0 would drown in the rounding of products
            square = (x.unsqueeze(1) - self.samples).square().sum(2)
            found = square.topk(count, 1, False)
            index, far = found[1], found[0]
            zero = far == 0
            far = far.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
        else:
            apart = (x.unsqueeze(1) - self.samples).abs()
            far = apart.amax(2) if power is None else (apart**power).sum(2) ** (1.0 / power)
            found = far.topk(count, 1, False)
            far, index = found[0], found[1]
        values = self.targets[index]  # (n, count, outputs)
        if not self.settings["weighted"]:
            return values.mean(1)
        exact = far == 0
        weight = exact.to(far.dtype).where(exact.any(1, keepdim=True), 1.0 / far.masked_fill(exact, 1.0)).unsqueeze(2)
        return (values * weight).sum(1) / weight.sum(1)

    def _predict(self, x: Tensor) -> Tensor:
        result = self.nearest(x)
        return result[:, 0] if self.settings["flat"] else result


class NeighborClassifier(Neighbors):
    """The share of each class among the nearest samples."""

    def _predict_proba(self, x: Tensor) -> Tensor:
        return self.nearest(x)

    def _index(self, x: Tensor) -> Tensor:
        return self.nearest(x).argmax(1)

    def _predict(self, x: Tensor) -> Any:
        return labels(self._index(x), self.settings["classes"])


class Ellipse(Fitted):
    """The squared Mahalanobis distance from a centre as a score of outliers."""

    center: Tensor
    precision: Tensor
    offset: Tensor

    def _score_samples(self, x: Tensor) -> Tensor:
        apart = x - self.center
        return -((apart @ self.precision) * apart).sum(1)

    def _decision_function(self, x: Tensor) -> Tensor:
        return self._score_samples(x) - self.offset

    def _predict(self, x: Tensor) -> Tensor:
        return (self._decision_function(x) >= 0).long() * 2 - 1


class Density(Fitted):
    """The log density of a sum of normal kernels at known samples."""

    samples: Tensor
    offset: Tensor  # (samples,): log weights and the kernel's constant

    def _score_samples(self, x: Tensor) -> Tensor:
        square = (x.unsqueeze(1) - self.samples).square().sum(2)
        return (self.offset - square * (0.5 / self.settings["width"] ** 2)).logsumexp(1)


class LinearOutliers(Fitted):
    """A linear score of outliers."""

    coef: Tensor
    offset: Tensor

    def _score_samples(self, x: Tensor) -> Tensor:
        return x @ self.coef

    def _decision_function(self, x: Tensor) -> Tensor:
        return x @ self.coef - self.offset

    def _predict(self, x: Tensor) -> Tensor:
        return (self._decision_function(x) >= 0).long() * 2 - 1


class Constant(Fitted):
    """The same prediction for every sample."""

    value: Tensor

    def _predict(self, x: Tensor) -> Tensor:
        return self.value.expand(x.shape[0], *self.value.shape)


class ConstantClassifier(FittedClassifier):
    """The same probabilities for every sample."""

    value: Tensor

    def _predict_proba(self, x: Tensor) -> Tensor:
        return self.value.expand(x.shape[0], *self.value.shape)

    def _index(self, x: Tensor) -> Tensor:
        return _C.full((x.shape[0],), self.settings["chosen"], dtype=_C.dtype("int64"))


@converts("KMeans", "MiniBatchKMeans", "MeanShift")
def _k_means(estimator: Any) -> Fitted:
    return Clusters({"centers": estimator.cluster_centers_})


@converts("GaussianMixture", "BayesianGaussianMixture")
def _mixture(estimator: Any) -> Fitted:
    means, factors = estimator.means_, estimator.precisions_cholesky_
    components, features = means.shape
    if estimator.covariance_type == "tied":
        factors = np.broadcast_to(factors, (components, features, features))
    elif estimator.covariance_type == "spherical":
        factors = np.broadcast_to(factors[:, None], (components, features))
    offset = np.asarray(estimator._estimate_log_weights() - 0.5 * features * np.log(2 * np.pi))
    if type(estimator).__name__ == "BayesianGaussianMixture":
        from scipy.special import digamma

        freedom = np.broadcast_to(np.asarray(estimator.degrees_of_freedom_, float), (components,))
        spread = digamma(0.5 * (freedom - np.arange(features)[:, None])).sum(0) + features * np.log(2.0)
        offset = offset + 0.5 * (spread - features / estimator.mean_precision_ - features * np.log(freedom))
    return Mixture({"means": means, "factors": factors, "offset": offset})


@converts("NearestCentroid")
def _centroids(estimator: Any) -> Fitted:
    if estimator.metric not in ("euclidean", "manhattan"):
        raise NotImplementedError(f"from_sklearn cannot convert NearestCentroid with the metric {estimator.metric!r}")
    prior = getattr(estimator, "class_prior_", np.full(len(estimator.classes_), 1 / len(estimator.classes_)))
    equal = bool(np.isclose(prior, 1 / len(prior)).all())
    if not equal and estimator.metric == "manhattan":
        raise NotImplementedError("from_sklearn cannot convert NearestCentroid of metric manhattan with unequal priors")
    deviation = getattr(estimator, "within_class_std_dev_", np.ones(estimator.centroids_.shape[1]))
    arrays = {
        "centroids": estimator.centroids_, "deviation": np.where(deviation == 0, 1.0, deviation),
        "log_prior": np.log(prior),
    }  # fmt: skip
    settings = {
        "classes": plain(estimator.classes_), "link": "softmax", "equal": equal, "metric": estimator.metric,
    }  # fmt: skip
    return Centroids(arrays, settings)


@converts("KNeighborsRegressor", "KNeighborsClassifier")
def _neighbors(estimator: Any) -> Fitted:
    powers: dict[str, Any] = {"euclidean": 2, "manhattan": 1, "l1": 1, "l2": 2, "chebyshev": None}
    powers["minkowski"] = estimator.p
    metric, name = estimator.metric, type(estimator).__name__
    if metric not in powers or estimator.weights not in ("uniform", "distance"):
        raise NotImplementedError(f"from_sklearn cannot convert {name} of metric {metric!r}, {estimator.weights!r}")
    settings: dict[str, Any] = {
        "power": powers[metric], "count": int(estimator.n_neighbors), "weighted": estimator.weights == "distance",
    }  # fmt: skip
    samples = estimator._fit_X
    samples = np.asarray(samples.toarray() if hasattr(samples, "toarray") else samples)
    if name == "KNeighborsRegressor":
        targets = np.asarray(estimator._y, float)
        settings["flat"] = targets.ndim == 1
        return Neighbors({"samples": samples, "targets": targets.reshape(len(targets), -1)}, settings)
    if estimator.outputs_2d_:
        raise NotImplementedError("from_sklearn cannot convert KNeighborsClassifier of several outputs")
    settings["classes"] = plain(estimator.classes_)
    targets = np.eye(len(estimator.classes_))[np.ravel(estimator._y)]
    return NeighborClassifier({"samples": samples, "targets": targets}, settings)


@converts("EllipticEnvelope")
def _ellipse(estimator: Any) -> Fitted:
    arrays = {"center": estimator.location_, "precision": estimator.get_precision(), "offset": estimator.offset_}
    return Ellipse(arrays)


@converts("KernelDensity")
def _density(estimator: Any) -> Fitted:
    if estimator.kernel != "gaussian" or estimator.metric not in ("euclidean", "l2"):
        raise NotImplementedError(f"from_sklearn cannot convert KernelDensity of the kernel {estimator.kernel!r}")
    samples = np.asarray(estimator.tree_.data)
    weights = estimator.tree_.sample_weight
    weights = np.ones(len(samples)) if weights is None else np.asarray(weights)
    width = float(estimator.bandwidth_)
    constant = samples.shape[1] * (0.5 * np.log(2 * np.pi) + np.log(width))
    return Density({"samples": samples, "offset": np.log(weights / weights.sum()) - constant}, {"width": width})


@converts("SGDOneClassSVM")
def _linear_outliers(estimator: Any) -> Fitted:
    return LinearOutliers({"coef": np.ravel(estimator.coef_), "offset": np.ravel(estimator.offset_)[0]})


@converts("DummyRegressor")
def _constant(estimator: Any) -> Fitted:
    value = np.ravel(np.asarray(estimator.constant_, float))
    return Constant({"value": value[0] if estimator.n_outputs_ == 1 else value})


@converts("DummyClassifier")
def _constant_classifier(estimator: Any) -> Fitted:
    if estimator.n_outputs_ != 1 or estimator.strategy in ("stratified", "uniform"):
        raise NotImplementedError(f"from_sklearn cannot convert DummyClassifier of strategy {estimator.strategy!r}")
    probe = np.zeros((1, 1))
    chosen = int(np.flatnonzero(estimator.classes_ == estimator.predict(probe)[0])[0])
    settings = {"classes": plain(estimator.classes_), "link": "given", "chosen": chosen}
    return ConstantClassifier({"value": estimator.predict_proba(probe)[0]}, settings)
