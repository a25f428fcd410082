"""Features made of features: imputation, selection, polynomials, splines, functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _C
from ._composition import Composite
from ._conversion import convert, converts
from ._fitted import Fitted, count_below
from ._scaling import padded

Tensor = _C.Tensor


class Fill(Fitted):
    """Missing values replaced by a value for each column; columns that say where they were, when asked."""

    values: Tensor
    kept: Tensor
    marked: Tensor | None = None

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name; an object array where the columns hold texts."""
        texts = self.settings["texts"]
        if texts is None or method != "transform":
            return super().compute(method, x)
        self.check_columns(x)
        array = np.array(x, dtype=object)
        missing = self.settings["missing"]
        absent = array != array if missing is None else array == missing
        absent |= array == None  # noqa: E711  (elementwise)
        return np.where(absent, np.array(texts, dtype=object), array)

    def _absent(self, x: Tensor) -> Tensor:
        missing = self.settings["missing"]
        return x.isnan() if missing is None else x == missing

    def _transform(self, x: Tensor) -> Tensor:
        absent = self._absent(x)
        kept = x.index_select(1, self.kept)
        filled = self.values.where(absent.index_select(1, self.kept), kept)
        if self.marked is None:
            return filled
        return _C.ops["cat"]([filled, absent.index_select(1, self.marked).to(x.dtype)], 1)


class MarkMissing(Fitted):
    """True where a value is missing, for some columns."""

    marked: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        missing = self.settings["missing"]
        x = x.index_select(1, self.marked)
        return x.isnan() if missing is None else x == missing


class Select(Fitted):
    """Some of the columns."""

    chosen: Tensor

    def _transform(self, x: Tensor) -> Tensor:
        return x.index_select(1, self.chosen)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        place = np.full(self.settings["features"], len(self.chosen))
        place[self.chosen.numpy()] = np.arange(len(self.chosen))
        return _C.ops["cat"]([x, _C.zeros_like(x[:, :1])], 1).index_select(1, _C.tensor(place))


class Selected(Composite):
    """Selects columns, and predicts from them."""

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if method in ("transform", "inverse_transform"):
            return self.parts[0].compute(method, x)
        return self.parts[1].compute(method, self.parts[0].compute("transform", x))

    def serves(self, estimator: Any, kind: str) -> Any:
        """Takes over the methods of both."""
        super().serves(estimator, kind)
        inner = self.parts[1].settings
        own = ["transform", "inverse_transform", *inner["methods"]]
        self.settings["methods"] = [m for m in own if hasattr(estimator, m)]
        self.settings["natural"] = inner["natural"]
        return self


class Polynomial(Fitted):
    """Products of columns."""

    factors: Tensor  # (outputs, degree): a column in each place, or the number of columns for 1

    def _transform(self, x: Tensor) -> Tensor:
        x = _C.ops["cat"]([x, _C.ones_like(x[:, :1])], 1)
        result = x.index_select(1, self.factors[:, 0])
        for i in range(1, self.factors.shape[1]):
            result = result * x.index_select(1, self.factors[:, i])
        return result


class Splines(Fitted):
    """The B-splines of each column, as polynomials on the intervals between knots."""

    breaks: Tensor  # (features, most knots), filled up with infinity
    ends: Tensor  # (features, 2)
    coefficients: Tensor  # (features * intervals, degree + 1, splines), lowest power first
    chosen: Tensor  # columns kept

    def _transform(self, x: Tensor) -> Tensor:
        how = self.settings["extrapolation"]
        low, high = self.ends[:, 0], self.ends[:, 1]
        inside = x
        if how == "periodic":
            inside = low + (x - low).remainder(high - low)
        elif how in ("constant", "linear"):
            inside = x.maximum(low).minimum(high)
        elif how == "error" and bool(((x < low) | (x > high)).any()):
            raise ValueError("SplineTransformer met values beyond its knots, and extrapolation is 'error'")
        intervals = _C.tensor(self.settings["intervals"])
        most = self.breaks.shape[1]
        place = (count_below(self.breaks, inside) - 1).clamp(min=0).minimum(intervals - 1)
        place = place + _C.arange(x.shape[1]) * most
        step = (inside - self.breaks.reshape(-1)[place]).unsqueeze(2)
        table = self.coefficients[place]  # (samples, features, degree + 1, splines)
        degree = table.shape[2] - 1
        value = table[:, :, degree]
        slope = _C.zeros_like(value)
        for power in range(degree - 1, -1, -1):
            slope = slope * step + value
            value = value * step + table[:, :, power]
        if how == "linear":
            value = value + slope * (x - inside).unsqueeze(2)
        return value.flatten(1).index_select(1, self.chosen)


class Function(Fitted):
    """A function of x, given by the name of NumPy's or as a Python function of a Tensor (which no file can hold)."""

    def __init__(self, arrays: Any = None, settings: Any = None, parts: Any = ()) -> None:
        super().__init__(arrays, settings, parts)
        self.functions: dict[str, Any] = {}

    def describe(self) -> dict[str, Any]:
        """For files; TypeError for a Python function, which they do not hold."""
        if self.functions:
            raise TypeError(
                "save: a FunctionTransformer of a Python function cannot be saved, one of a ufunc of NumPy can"
            )
        return self.settings

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> Function:
        """The counterpart of describe."""
        return cls(settings=description)

    def _call(self, which: str, x: Any) -> Any:
        function = self.functions.get(which)
        if function is None:
            name = self.settings[which]
            function = np.positive if name is None else getattr(np, str(name), None)
            if not isinstance(function, np.ufunc) or function.nin != 1:
                raise ValueError(f"{str(name)[:100]!r} is no function of one argument of NumPy")
        return function(x, **self.settings[which + "_options"])

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name; without a function x passes as it is."""
        which = "function" if method == "transform" else "inverse"
        if which not in self.functions and self.settings[which] is None:
            return x
        return super().compute(method, x)

    def _transform(self, x: Tensor) -> Any:
        return self._call("function", x)

    def _inverse_transform(self, x: Tensor) -> Any:
        return self._call("inverse", x)


@converts("SimpleImputer")
def _imputer(estimator: Any) -> Fitted:
    values = estimator.statistics_
    missing = estimator.missing_values
    missing = None if missing is None or missing != missing else missing
    settings: dict[str, Any] = {"missing": missing, "texts": None}
    try:
        values = values.astype(np.float64) if values.dtype.kind == "O" else values
    except (TypeError, ValueError):
        settings["texts"] = values.tolist()
        if estimator.add_indicator:
            raise NotImplementedError("from_sklearn cannot convert SimpleImputer of texts with add_indicator") from None
        return Fill(settings=settings)
    keep = np.flatnonzero(~np.isnan(values)) if not estimator.keep_empty_features else np.arange(len(values))
    marked = estimator.indicator_.features_ if estimator.add_indicator else None
    arrays = {"values": values[keep].astype(np.float64), "kept": keep, "marked": marked}
    return Fill(arrays, settings)


@converts("MissingIndicator")
def _indicator(estimator: Any) -> Fitted:
    missing = estimator.missing_values
    return MarkMissing({"marked": estimator.features_}, {"missing": None if missing != missing else missing})


@converts(
    "SelectorMixin", "VarianceThreshold", "SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe",
    "GenericUnivariateSelect", "SelectFromModel", "SequentialFeatureSelector",
)  # fmt: skip
def _selector(estimator: Any) -> Fitted:
    return Select({"chosen": estimator.get_support(indices=True)})


@converts("RFE", "RFECV")
def _elimination(estimator: Any) -> Fitted:
    select = _selector(estimator)
    select.settings["features"] = int(estimator.n_features_in_)
    return Selected(parts=[select, convert(estimator.estimator_)])


@converts("PolynomialFeatures")
def _polynomial(estimator: Any) -> Fitted:
    powers = estimator.powers_
    degree = max(1, int(powers.sum(axis=1).max(initial=1)))
    factors = np.full((len(powers), degree), powers.shape[1])
    for row, power in zip(factors, powers):
        columns = np.repeat(np.arange(len(power)), power)
        row[: len(columns)] = columns
    return Polynomial({"factors": factors})


@converts("SplineTransformer")
def _splines(estimator: Any) -> Fitted:
    breaks, coefficients = [], []
    for spline in estimator.bsplines_:
        last = len(spline.t) - spline.k - 1
        knots = np.unique(spline.t[spline.k : last + 1])
        breaks.append(knots)
        terms = [spline(knots[:-1], nu=m) / math.factorial(m) for m in range(spline.k + 1)]
        coefficients.append(np.stack(terms, axis=1))
    ends = np.array([[knots[0], knots[-1]] for knots in breaks])
    edges = padded(breaks, np.inf)
    splines = coefficients[0].shape[2]
    tables = np.zeros((len(breaks), edges.shape[1], *coefficients[0].shape[1:]))
    for place, table in zip(tables, coefficients):
        place[: len(table)] = table
    kept = [i for i in range(len(breaks) * splines) if estimator.include_bias or (i + 1) % splines]
    arrays = {"breaks": edges, "ends": ends, "coefficients": tables.reshape(-1, *tables.shape[2:]), "chosen": kept}
    settings = {"extrapolation": estimator.extrapolation, "intervals": [len(b) - 1 for b in breaks]}
    return Splines(arrays, settings)


def _function_name(function: Any) -> str | None:
    """The name under which NumPy has this function of one argument, or None."""
    name = getattr(function, "__name__", "")
    known = isinstance(function, np.ufunc) and function.nin == 1 and getattr(np, name, None) is function
    return name if known else None


@converts("FunctionTransformer")
def _function(estimator: Any) -> Fitted:
    settings: dict[str, Any] = {}
    functions = {}
    for which, function, options in (
        ("function", estimator.func, estimator.kw_args), ("inverse", estimator.inverse_func, estimator.inv_kw_args),
    ):  # fmt: skip
        settings[which] = _function_name(function)
        settings[which + "_options"] = dict(options or {})
        if function is not None and settings[which] is None:
            functions[which] = function
    module = Function(settings=settings)
    module.functions = functions
    return module
