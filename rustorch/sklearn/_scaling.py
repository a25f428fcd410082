"""Scalers and the other transformers of single columns."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import _C, special
from ._conversion import converts
from ._fitted import Fitted, count_below, interpolate

Tensor = _C.Tensor


class Standardize(Fitted):
    """(x - center) / scale, each optional, held in [low, high] when asked."""

    center: Tensor | None = None
    scale: Tensor | None = None

    def _transform(self, x: Tensor) -> Tensor:
        if self.center is not None:
            x = x - self.center
        if self.scale is not None:
            x = x / self.scale
        limits = self.settings.get("limits")
        return x if limits is None else x.clamp(*limits)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        if self.scale is not None:
            x = x * self.scale
        return x if self.center is None else x + self.center


class Stretch(Fitted):
    """x * scale + offset, held in [low, high] when asked."""

    scale: Tensor
    offset: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        x = x * self.scale + self.offset
        limits = self.settings["limits"]
        return x if limits is None else x.clamp(*limits)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        return (x - self.offset) / self.scale


class Normalize(Fitted):
    """Each sample divided by its norm: l1, l2 or max."""

    def _transform(self, x: Tensor) -> Tensor:
        norm = self.settings["norm"]
        if norm == "l2":
            square = (x * x).sum(1, keepdim=True)
            length = square.masked_fill(square == 0, 1.0).sqrt()
        else:
            size = x.abs()
            length = size.sum(1, keepdim=True) if norm == "l1" else size.amax(1, keepdim=True)
        tiny = 10 * np.finfo(np.float64 if x.dtype == np.float64 else np.float32).eps
        return x / length.masked_fill(length < tiny, 1.0)


class TermFrequency(Normalize):
    """Counts, or one plus their logarithms, times weights, divided by the norm of the sample."""

    weight: Tensor | None = None

    def _transform(self, x: Tensor) -> Tensor:
        if self.settings["logarithmic"]:
            none = x == 0
            x = (x.masked_fill(none, 1.0).log() + 1.0).masked_fill(none, 0.0)
        if self.weight is not None:
            x = x * self.weight
        return x if self.settings["norm"] is None else super()._transform(x)


class Threshold(Fitted):
    """1 where x is above the threshold, else 0."""

    def _transform(self, x: Tensor) -> Tensor:
        return (x > self.settings["threshold"]).to(x.dtype)


class Power(Fitted):
    """The power transforms of Yeo and Johnson or of Box and Cox, then standardisation.

    Source: https://doi.org/10.1093/biomet/87.4.954 (Yeo, Johnson), https://doi.org/10.1111/j.2517-6161.1964.tb00553.x.
    """

    lambdas: Tensor
    center: Tensor | None = None
    scale: Tensor | None = None

    def _transform(self, x: Tensor) -> Tensor:
        power = self.lambdas
        if self.settings["method"] == "box-cox":
            x = _power_log(x.log(), power)
        else:
            positive = x >= 0
            up = _power_log(x.masked_fill(~positive, 0.0).log1p(), power)
            down = _power_log((-x).masked_fill(positive, 0.0).log1p(), 2 - power)
            x = up.where(positive, -down)
        if self.center is not None and self.scale is not None:
            x = (x - self.center) / self.scale
        return x

    def _inverse_transform(self, x: Tensor) -> Tensor:
        if self.center is not None and self.scale is not None:
            x = x * self.scale + self.center
        power = self.lambdas
        if self.settings["method"] == "box-cox":
            return _power_exp(x, power).exp()
        positive = x >= 0
        up = _power_exp(x.masked_fill(~positive, 0.0), power).expm1()
        down = _power_exp((-x).masked_fill(positive, 0.0), 2 - power).expm1()
        return up.where(positive, -down)


def _power_log(log: Tensor, power: Tensor) -> Tensor:
    """(u^power - 1) / power of u = exp(log), and its limit log at power 0."""
    zero = power.abs() < np.finfo(np.float64).eps
    return log.where(zero, (log * power).expm1() / power.masked_fill(zero, 1.0))


def _power_exp(x: Tensor, power: Tensor) -> Tensor:
    """The inverse of _power_log: the logarithm of u."""
    zero = power.abs() < np.finfo(np.float64).eps
    return x.where(zero, (x * power).log1p() / power.masked_fill(zero, 1.0))


class Quantiles(Fitted):
    """Each column's place among its quantiles, as a uniform or normal variable."""

    quantiles: Tensor  # (features, count)
    references: Tensor  # (count,)

    def _transform(self, x: Tensor) -> Tensor:
        known = self.quantiles
        places = self.references.expand(known.shape)
        # Where quantiles repeat, the mean of the highest and the lowest place.
        y = (interpolate(x, known, places) - interpolate(-x, -known.flip(1), -places.flip(1))) * 0.5
        normal = self.settings["normal"]
        near = 1e-7 if normal else 0.0
        y = y.masked_fill(x + near > known[:, -1] if normal else x == known[:, -1], 1.0)
        y = y.masked_fill(x - near < known[:, 0] if normal else x == known[:, 0], 0.0)
        y = y.masked_fill(x.isnan(), float("nan"))
        if not normal:
            return y
        # Inside the limits first, so that the gradient at the ends is 0 and not infinite.
        low = 1e-7 - np.spacing(1)
        return special.ndtri(y.clamp(low, 1 - low))

    def _inverse_transform(self, x: Tensor) -> Tensor:
        known = self.quantiles
        if self.settings["normal"]:
            x = special.ndtr(x)
        y = interpolate(x, self.references.expand(known.shape), known)
        normal = self.settings["normal"]
        near = 1e-7 if normal else 0.0
        y = known[:, -1].where(x + near > 1.0 if normal else x == 1.0, y)
        y = known[:, 0].where(x - near < 0.0 if normal else x == 0.0, y)
        return y.masked_fill(x.isnan(), float("nan"))


class Bins(Fitted):
    """The number of the bin in which x lies, or a column for each bin."""

    edges: Tensor  # (features, most edges), inner edges only, filled up with infinity
    centers: Tensor  # (features, most bins)

    def _transform(self, x: Tensor) -> Tensor:
        index = count_below(self.edges, x)
        if not self.settings["onehot"]:
            return index.to(x.dtype)
        columns = [
            (index[:, i : i + 1] == _C.arange(count)).to(x.dtype) for i, count in enumerate(self.settings["bins"])
        ]
        return _C.ops["cat"](columns, 1)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        bins = self.settings["bins"]
        if self.settings["onehot"]:
            ends = np.cumsum([0, *bins]).tolist()
            x = _C.ops["stack"]([x[:, a:b].argmax(1) for a, b in itertools.pairwise(ends)], 1)
        start = _C.arange(len(bins)) * self.centers.shape[1]
        return self.centers.reshape(-1)[start + x.long()]


@converts("StandardScaler")
def _standard(estimator: Any) -> Fitted:
    center = estimator.mean_ if estimator.with_mean else None
    return Standardize({"center": center, "scale": estimator.scale_})


@converts("RobustScaler")
def _robust(estimator: Any) -> Fitted:
    return Standardize({"center": estimator.center_, "scale": estimator.scale_})


@converts("MaxAbsScaler")
def _max_abs(estimator: Any) -> Fitted:
    limits = [-1.0, 1.0] if getattr(estimator, "clip", False) else None
    return Standardize({"scale": estimator.scale_}, {"limits": limits})


@converts("MinMaxScaler")
def _min_max(estimator: Any) -> Fitted:
    limits = [float(v) for v in estimator.feature_range] if estimator.clip else None
    return Stretch({"scale": estimator.scale_, "offset": estimator.min_}, {"limits": limits})


@converts("Normalizer")
def _normalizer(estimator: Any) -> Fitted:
    return Normalize(settings={"norm": estimator.norm})


@converts("TfidfTransformer")
def _term_frequency(estimator: Any) -> Fitted:
    settings = {"norm": estimator.norm, "logarithmic": bool(estimator.sublinear_tf)}
    return TermFrequency({"weight": estimator.idf_ if estimator.use_idf else None}, settings)


@converts("Binarizer")
def _binarizer(estimator: Any) -> Fitted:
    return Threshold(settings={"threshold": float(estimator.threshold)})


@converts("PowerTransformer")
def _power(estimator: Any) -> Fitted:
    arrays = {"lambdas": estimator.lambdas_}
    if estimator.standardize:
        arrays |= {"center": estimator._scaler.mean_, "scale": estimator._scaler.scale_}
    return Power(arrays, {"method": estimator.method})


@converts("QuantileTransformer")
def _quantiles(estimator: Any) -> Fitted:
    arrays = {"quantiles": estimator.quantiles_.T, "references": estimator.references_}
    return Quantiles(arrays, {"normal": estimator.output_distribution == "normal"})


@converts("KBinsDiscretizer")
def _bins(estimator: Any) -> Fitted:
    bins = [int(n) for n in estimator.n_bins_]
    inner = [edges[1:-1] for edges in estimator.bin_edges_]
    centers = [(edges[1:] + edges[:-1]) * 0.5 for edges in estimator.bin_edges_]
    arrays = {"edges": padded(inner, np.inf), "centers": padded(centers, 0.0)}
    return Bins(arrays, {"bins": bins, "onehot": "onehot" in estimator.encode})


def padded(rows: list[Any], fill: float) -> Any:
    """Rows of several lengths as one matrix, filled up at the end; at least one column."""
    result = np.full((len(rows), max(1, *(len(row) for row in rows)) if rows else 1), fill)
    for place, row in zip(result, rows):
        place[: len(row)] = row
    return result
