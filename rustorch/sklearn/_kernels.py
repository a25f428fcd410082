"""Kernel machines: support vectors, kernel ridge and PCA, Gaussian processes, and random features of kernels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import _C
from ._conversion import converts
from ._fitted import Fitted, FittedClassifier, plain

Tensor = _C.Tensor
_PAIRWISE = {"linear", "poly", "polynomial", "rbf", "sigmoid", "laplacian", "cosine"}


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of samples (n, features) and (m, features), by products."""
    square = (x * x).sum(1, keepdim=True) + (y * y).sum(1) - 2.0 * (x @ y.T)
    return square.clamp(min=0)


def distances(x: Tensor, y: Tensor, squared: Tensor | None = None) -> Tensor:
    """|x_i - y_j|, with gradient 0 where it is 0."""
    square = squared_distances(x, y) if squared is None else squared
    zero = square == 0
    return square.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)


def kernel(x: Tensor, y: Tensor, given: dict[str, Any]) -> Tensor:
    """The kernel matrix (n, m) of samples x (n, features) and y (m, features)."""
    kind, gamma, coef0 = given["kernel"], given["gamma"], given["coef0"]
    if kind == "rbf":
        return (squared_distances(x, y) * -gamma).exp()
    if kind == "laplacian":
        return ((x.unsqueeze(1) - y).abs().sum(2) * -gamma).exp()
    if kind == "cosine":
        product = x @ y.T
        length = (x * x).sum(1, keepdim=True).sqrt() * (y * y).sum(1).sqrt()
        return product / length.masked_fill(length == 0, 1.0)
    product = x @ y.T
    if kind == "linear":
        return product
    product = product * gamma + coef0
    return product.tanh() if kind == "sigmoid" else product ** given["degree"]


class SupportVectors(Fitted):
    """A weighted sum of kernels at the support vectors, and an offset."""

    support: Tensor  # (vectors, features)
    weight: Tensor  # (vectors,)
    offset: Tensor

    def _predict(self, x: Tensor) -> Tensor:
        return kernel(x, self.support, self.settings["pairwise"]) @ self.weight + self.offset


class OutlierVectors(Fitted):
    """The same sum as a score of outliers."""

    support: Tensor
    weight: Tensor
    offset: Tensor
    shift: Tensor

    def _decision_function(self, x: Tensor) -> Tensor:
        return kernel(x, self.support, self.settings["pairwise"]) @ self.weight + self.offset

    def _score_samples(self, x: Tensor) -> Tensor:
        return self._decision_function(x) + self.shift

    def _predict(self, x: Tensor) -> Tensor:
        return (self._decision_function(x) > 0).long() * 2 - 1


class SupportClassifier(FittedClassifier):
    """Support vectors between each two classes, and their votes."""

    fixed = ("first", "second")
    support: Tensor  # (vectors, features)
    weight: Tensor  # (pairs, vectors)
    offset: Tensor  # (pairs,)
    first: Tensor  # (pairs, classes), 1 where a pair's first class is
    second: Tensor

    def _pairs(self, x: Tensor) -> Tensor:
        return kernel(x, self.support, self.settings["pairwise"]) @ self.weight.T + self.offset

    def _scores(self, x: Tensor) -> Tensor:
        scores = self._pairs(x)
        if scores.shape[1] == 1:
            return scores[:, 0]
        return scores if self.settings["pairs"] else votes(scores, self.first, self.second)

    def _index(self, x: Tensor) -> Tensor:
        scores = self._pairs(x)
        if scores.shape[1] == 1:
            return (scores[:, 0] > 0).long()
        if self.settings["break_ties"]:
            return votes(scores, self.first, self.second).argmax(1)
        won = (scores > 0).to(self.first.dtype)
        return (won @ self.first + (1 - won) @ self.second).argmax(1)


def votes(scores: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """How many of its pairs each class wins, plus a part below a third by how clearly.

    Args:
        scores: (n, pairs), positive where the first class of a pair wins.
        first: (pairs, classes), 1 where a pair's first class is; `second` the same for the other.
    """
    won = (scores >= 0).to(scores.dtype)
    first, second = first.to(scores.dtype), second.to(scores.dtype)
    total = scores @ (first - second)
    return won @ first + (1 - won) @ second + total / (3 * (total.abs() + 1))


def pairs_of(classes: int) -> tuple[Any, Any]:
    """The two classes of each pair, as matrices (pairs, classes) of ones and zeros."""
    pairs = list(itertools.combinations(range(classes), 2))
    eye = np.eye(classes, dtype=np.int64)
    return eye[[i for i, _ in pairs]], eye[[j for _, j in pairs]]


class KernelProjection(Fitted):
    """Kernels with known samples, centred when asked, projected."""

    samples: Tensor  # (samples, features)
    weight: Tensor  # (samples, components)
    row_means: Tensor | None = None
    mean: Tensor
    back_samples: Tensor | None = None
    back_weight: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        similar = kernel(x, self.samples, self.settings["pairwise"])
        if self.row_means is not None:
            similar = similar - self.row_means - similar.mean(1, keepdim=True) + self.mean
        return similar @ self.weight

    def _inverse_transform(self, x: Tensor) -> Tensor:
        assert self.back_samples is not None
        return kernel(x, self.back_samples, self.settings["pairwise"]) @ self.back_weight

    def _predict(self, x: Tensor) -> Tensor:
        return self._transform(x)


class RandomFourier(Fitted):
    """cos(x @ weight + offset) * scale, of log(x + shift) for the skewed chi-squared kernel."""

    weight: Tensor  # (features, components)
    offset: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        if self.settings["skew"] is not None:
            x = (x + self.settings["skew"]).log()
        return (x @ self.weight + self.offset).cos() * np.sqrt(2.0 / self.weight.shape[1])


class GaussianProcess(Fitted):
    """The mean of a Gaussian process given its samples."""

    samples: Tensor
    alpha: Tensor
    scale: Tensor
    center: Tensor

    def _predict(self, x: Tensor) -> Tensor:
        return covariance(x, self.samples, self.settings["covariance"]) @ self.alpha * self.scale + self.center


def covariance(x: Tensor, y: Tensor, given: dict[str, Any]) -> Any:
    """A kernel of sklearn.gaussian_process between other samples, by its description from `_covariance`."""
    kind = given["kernel"]
    if kind in ("Sum", "Product"):
        a, b = (covariance(x, y, part) for part in given["parts"])
        return a + b if kind == "Sum" else a * b
    if kind == "Exponentiation":
        return covariance(x, y, given["parts"][0]) ** given["exponent"]
    if kind == "ConstantKernel":
        return _C.full((x.shape[0], y.shape[0]), given["constant_value"], dtype=x.dtype)
    if kind == "WhiteKernel":
        return _C.zeros((x.shape[0], y.shape[0]), dtype=x.dtype)
    if kind == "DotProduct":
        return x @ y.T + given["sigma_0"] ** 2
    scale = 1.0 if kind in ("ExpSineSquared", "RationalQuadratic") else _C.tensor(given["length_scale"], dtype=x.dtype)
    # By differences: processes without noise have weights so large that the rounding of products would show.
    square = ((x / scale).unsqueeze(1) - y / scale).square().sum(2)
    if kind == "ExpSineSquared":
        d = distances(x, y, square)
        return ((d * (np.pi / given["periodicity"])).sin() / given["length_scale"]).square().mul(-2.0).exp()
    if kind == "RationalQuadratic":
        return (square / (2 * given["alpha"] * given["length_scale"] ** 2) + 1) ** -given["alpha"]
    nu = given.get("nu", float("inf"))
    if nu == float("inf"):
        return (square * -0.5).exp()
    d = distances(x, y, square) * np.sqrt(2 * nu)
    if nu == 0.5:
        return (-d).exp()
    return (1 + d) * (-d).exp() if nu == 1.5 else (1 + d + d * d / 3.0) * (-d).exp()


def _covariance(given: Any) -> dict[str, Any]:
    """A kernel of sklearn.gaussian_process as JSON."""
    kind = type(given).__name__
    if kind in ("Sum", "Product"):
        return {"kernel": kind, "parts": [_covariance(given.k1), _covariance(given.k2)]}
    if kind == "Exponentiation":
        return {"kernel": kind, "parts": [_covariance(given.kernel)], "exponent": float(given.exponent)}
    known = {
        "ConstantKernel": ["constant_value"], "WhiteKernel": [], "DotProduct": ["sigma_0"], "RBF": ["length_scale"],
        "ExpSineSquared": ["length_scale", "periodicity"], "RationalQuadratic": ["length_scale", "alpha"],
        "Matern": ["length_scale", "nu"],
    }  # fmt: skip
    if kind not in known or (kind == "Matern" and given.nu not in (0.5, 1.5, 2.5, np.inf)):
        raise NotImplementedError(f"from_sklearn cannot convert GaussianProcessRegressor with the kernel {given}")
    return {"kernel": kind, **{name: np.asarray(getattr(given, name), float).tolist() for name in known[kind]}}


def _pairwise(estimator: Any, gamma: Any = None, features: int | None = None) -> dict[str, Any]:
    kind = estimator.kernel
    if kind not in _PAIRWISE:
        raise NotImplementedError(f"from_sklearn cannot convert {type(estimator).__name__} with the kernel {kind!r}")
    gamma = estimator.gamma if gamma is None else gamma
    if gamma is None:
        gamma = 1.0 / (features or estimator.n_features_in_)
    coef0, degree = getattr(estimator, "coef0", 1), getattr(estimator, "degree", 3)
    return {
        "kernel": kind, "gamma": float(gamma), "coef0": 1.0 if coef0 is None else float(coef0),
        "degree": 3 if degree is None else degree,
    }  # fmt: skip


def _dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


@converts("SVR", "NuSVR")
def _support_regressor(estimator: Any) -> Fitted:
    arrays = {
        "support": _dense(estimator.support_vectors_), "weight": _dense(estimator.dual_coef_)[0],
        "offset": estimator.intercept_[0],
    }  # fmt: skip
    return SupportVectors(arrays, {"pairwise": _pairwise(estimator, estimator._gamma)})


@converts("OneClassSVM")
def _one_class(estimator: Any) -> Fitted:
    arrays = {
        "support": _dense(estimator.support_vectors_), "weight": _dense(estimator.dual_coef_)[0],
        "offset": estimator.intercept_[0], "shift": np.ravel(estimator.offset_)[0],
    }  # fmt: skip
    return OutlierVectors(arrays, {"pairwise": _pairwise(estimator, estimator._gamma)})


@converts("SVC", "NuSVC")
def _support_classifier(estimator: Any) -> Fitted:
    dual, counts, classes = _dense(estimator.dual_coef_), estimator.n_support_, len(estimator.classes_)
    ends = np.cumsum([0, *counts])
    weight = np.zeros((classes * (classes - 1) // 2, dual.shape[1]))
    for row, (i, j) in zip(weight, itertools.combinations(range(classes), 2)):
        row[ends[i] : ends[i + 1]] = dual[j - 1, ends[i] : ends[i + 1]]
        row[ends[j] : ends[j + 1]] = dual[i, ends[j] : ends[j + 1]]
    first, second = pairs_of(classes)
    arrays = {
        "support": _dense(estimator.support_vectors_), "weight": weight, "offset": estimator.intercept_,
        "first": first.astype(weight.dtype), "second": second.astype(weight.dtype),
    }  # fmt: skip
    settings = {
        "classes": plain(estimator.classes_), "pairwise": _pairwise(estimator, estimator._gamma),
        "pairs": estimator.decision_function_shape == "ovo", "break_ties": bool(estimator.break_ties),
    }  # fmt: skip
    return SupportClassifier(arrays, settings)


@converts("KernelPCA")
def _kernel_pca(estimator: Any) -> Fitted:
    values, vectors = estimator.eigenvalues_, estimator.eigenvectors_
    scale = np.where(values == 0, 0.0, 1 / np.sqrt(np.where(values == 0, 1.0, values)))
    arrays = {
        "samples": estimator.X_fit_, "weight": vectors * scale, "row_means": estimator._centerer.K_fit_rows_,
        "mean": estimator._centerer.K_fit_all_,
    }  # fmt: skip
    if estimator.fit_inverse_transform:
        arrays |= {"back_samples": estimator.X_transformed_fit_, "back_weight": estimator.dual_coef_}
    module = KernelProjection(arrays, {"pairwise": _pairwise(estimator, getattr(estimator, "gamma_", None))})
    module.leaves_out = () if estimator.fit_inverse_transform else ("inverse_transform",)
    return module


@converts("KernelRidge")
def _kernel_ridge(estimator: Any) -> Fitted:
    arrays = {"samples": estimator.X_fit_, "weight": estimator.dual_coef_}
    return KernelProjection(arrays, {"pairwise": _pairwise(estimator)})


@converts("Nystroem")
def _nystroem(estimator: Any) -> Fitted:
    arrays = {"samples": estimator.components_, "weight": estimator.normalization_.T}
    return KernelProjection(arrays, {"pairwise": _pairwise(estimator)})


@converts("RBFSampler", "SkewedChi2Sampler")
def _random_features(estimator: Any) -> Fitted:
    arrays = {"weight": estimator.random_weights_, "offset": estimator.random_offset_}
    skew = getattr(estimator, "skewedness", None)
    return RandomFourier(arrays, {"skew": None if skew is None else float(skew)})


@converts("GaussianProcessRegressor")
def _gaussian_process(estimator: Any) -> Fitted:
    arrays = {
        "samples": estimator.X_train_, "alpha": estimator.alpha_, "scale": np.asarray(estimator._y_train_std, float),
        "center": np.asarray(estimator._y_train_mean, float),
    }  # fmt: skip
    return GaussianProcess(arrays, {"covariance": _covariance(estimator.kernel_)})
