"""Decompositions and projections: linear maps of centred samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from ..linalg import slogdet
from ._conversion import converts
from ._fitted import Fitted

Tensor = _C.Tensor


class Projection(Fitted):
    """(x - center) @ weight.T / scale; back by `back`, or by the weight itself."""

    weight: Tensor  # (components, features)
    center: Tensor | None = None
    scale: Tensor | None = None
    back: Tensor | None = None  # (components, features)
    precision: Tensor | None = None  # (features, features)

    def _score_samples(self, x: Tensor) -> Tensor:
        assert self.precision is not None and self.center is not None
        apart = x - self.center
        constant = slogdet(self.precision)[1] - x.shape[1] * np.log(2.0 * np.pi)
        return 0.5 * (constant - ((apart @ self.precision) * apart).sum(1))

    def _transform(self, x: Tensor) -> Tensor:
        if self.center is not None:
            x = x - self.center
        y = x @ self.weight.T
        return y if self.scale is None else y / self.scale

    def _inverse_transform(self, x: Tensor) -> Tensor:
        if self.scale is not None:
            x = x * self.scale
        y = x @ (self.weight if self.back is None else self.back)
        return y if self.center is None else y + self.center


class LatentRegression(Fitted):
    """Partial least squares: projections of standardised samples, and a linear prediction."""

    center: Tensor
    scale: Tensor
    rotations: Tensor  # (features, components)
    loadings: Tensor | None = None
    coef: Tensor | None = None  # (outputs, features)
    intercept: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        return (x - self.center) / self.scale @ self.rotations

    def _inverse_transform(self, x: Tensor) -> Tensor:
        assert self.loadings is not None
        return x @ self.loadings.T * self.scale + self.center

    def _predict(self, x: Tensor) -> Tensor:
        assert self.coef is not None
        y = (x - self.center) @ self.coef.T + self.intercept
        return y.squeeze(1) if self.settings["flat"] else y


@converts("PCA", "IncrementalPCA")
def _pca(estimator: Any) -> Fitted:
    scale = None
    if estimator.whiten:
        scale = np.sqrt(estimator.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    arrays = {"weight": estimator.components_, "center": estimator.mean_, "scale": scale}
    return Projection({**arrays, "precision": estimator.get_precision()})


@converts("TruncatedSVD", "NeighborhoodComponentsAnalysis")
def _projection(estimator: Any) -> Fitted:
    return Projection({"weight": estimator.components_})


@converts("GaussianRandomProjection", "SparseRandomProjection")
def _random_projection(estimator: Any) -> Fitted:
    weight = estimator.components_
    weight = weight.toarray() if hasattr(weight, "toarray") else weight
    back = getattr(estimator, "inverse_components_", None)
    back = np.linalg.pinv(weight) if back is None else back
    return Projection({"weight": weight, "back": back.T})


@converts("FeatureAgglomeration")
def _pooled(estimator: Any) -> Fitted:
    if estimator.pooling_func is not np.mean:
        raise NotImplementedError("from_sklearn cannot convert FeatureAgglomeration of another pooling than the mean")
    member = (np.unique(estimator.labels_)[:, None] == estimator.labels_).astype(np.float64)
    return Projection({"weight": member / member.sum(axis=1, keepdims=True), "back": member})


@converts("FastICA")
def _ica(estimator: Any) -> Fitted:
    center = estimator.mean_ if estimator.whiten else None
    return Projection({"weight": estimator.components_, "center": center, "back": estimator.mixing_.T})


@converts("FactorAnalysis")
def _factors(estimator: Any) -> Fitted:
    scaled = estimator.components_ / estimator.noise_variance_
    covariance = np.linalg.inv(np.eye(len(scaled)) + scaled @ estimator.components_.T)
    arrays = {"weight": covariance.T @ scaled, "center": estimator.mean_}
    return Projection({**arrays, "precision": estimator.get_precision()})


@converts("SparsePCA", "MiniBatchSparsePCA")
def _sparse_pca(estimator: Any) -> Fitted:
    components = estimator.components_
    gram = components @ components.T + estimator.ridge_alpha * np.eye(len(components))
    weight = np.linalg.solve(gram, components)
    return Projection({"weight": weight, "center": estimator.mean_, "back": components})


@converts("PLSRegression", "PLSCanonical", "CCA")
def _least_squares(estimator: Any) -> Fitted:
    arrays = {
        "center": estimator._x_mean, "scale": estimator._x_std, "rotations": estimator.x_rotations_,
        "loadings": estimator.x_loadings_, "coef": estimator.coef_, "intercept": estimator.intercept_,
    }  # fmt: skip
    return LatentRegression(arrays, {"flat": bool(estimator._predict_1d)})


@converts("PLSSVD")
def _least_squares_svd(estimator: Any) -> Fitted:
    arrays = {"center": estimator._x_mean, "scale": estimator._x_std, "rotations": estimator.x_weights_}
    return LatentRegression(arrays, {"flat": False})
