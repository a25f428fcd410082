"""Encoders: categories, numbers or texts, become rows of a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _C, nn
from ._conversion import converts
from ._fitted import Fitted, labels, numbers, plain

Tensor = _C.Tensor


class Encode(Fitted):
    """Each column's category chooses a row of that column's table.

    The last row of a table is for what is no category; without one that is an error.  `settings["categories"]` lists
    those of columns that hold texts, and None for a column of numbers, whose categories are an array.
    """

    answers: tuple[str, ...] = ("transform", "inverse_transform")

    def _code(self, x: Any, column: int) -> Tensor:
        """Position of each value among the categories, or their count for another value."""
        texts = self.settings["categories"][column]
        if texts is not None:
            if isinstance(x, Tensor):
                raise TypeError(
                    f"{self.settings['estimator']} was fitted on texts in column {column}: give an array or a "
                    "DataFrame, a Tensor holds numbers only"
                )
            places = {_key(v): i for i, v in enumerate(texts)}
            return _C.tensor(np.array([places.get(_key(v), len(texts)) for v in x[:, column]], dtype=np.int64))
        values = x[:, column] if isinstance(x, Tensor) else numbers(x[:, column], self.settings["estimator"])
        known = getattr(self, f"categories{column}")
        if values.dtype != known.dtype:
            values = values.to(known.dtype)
        values = values.unsqueeze(1)
        match = (values == known) | (values.isnan() & known.isnan())
        found = match.any(1)
        return match.long().argmax(1).masked_fill(~found, len(known))

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if method == "inverse_transform":
            return self._inverse(self.read(x, method))
        self.check_columns(x)
        given = x if isinstance(x, Tensor) else np.asarray(x, dtype=None if hasattr(x, "dtype") else object)
        if given.ndim != 2 or given.shape[1] != len(self.settings["categories"]):
            expected = f"(samples, {len(self.settings['categories'])})"
            raise ValueError(f"{self.settings['estimator']} expects shape {expected}, got {tuple(given.shape)}")
        results = []
        for column in range(given.shape[1]):
            code = self._code(given, column)
            table = getattr(self, f"table{column}")
            if self.settings["strict"][column] and bool((code == len(table)).any()):
                raise ValueError(f"{self.settings['estimator']} met an unknown category in column {column}")
            results.append(table[code])
        result = self._joined(results)
        floating = isinstance(given, Tensor) and given.dtype.kind == "f" and result.dtype.kind == "f"
        return result.to(given.dtype) if floating else result

    def _joined(self, results: list[Tensor]) -> Tensor:
        return _C.ops["cat"](results, 1)

    def _inverse(self, x: Tensor) -> Any:
        """The category whose row is nearest."""
        columns, start = [], 0
        for column, texts in enumerate(self.settings["categories"]):
            table = getattr(self, f"table{column}")
            known: Any = getattr(self, f"categories{column}", None)
            count = len(known if texts is None else texts)
            block = x[:, start : start + table.shape[1]].unsqueeze(1)
            start += table.shape[1]
            index = (block - table[:count]).square().sum(2).argmin(1)
            columns.append(labels(index, texts) if texts is not None else known[index])
        if all(isinstance(c, Tensor) for c in columns):
            return _C.ops["stack"](columns, 1)
        return np.stack([np.asarray(c).astype(object) for c in columns], axis=1)


def _key(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return "\0nan"
    return value.item() if isinstance(value, np.generic) else value


class Labels(Fitted):
    """Labels as their numbers, or as rows of a table."""

    answers: tuple[str, ...] = ("transform", "inverse_transform")
    table: Tensor | None = None

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name, for labels of shape (samples,)."""
        classes = self.settings["classes"]
        if method == "inverse_transform":
            x = numbers(x, "inverse_transform")
            if self.table is not None:
                x = (x.unsqueeze(1).to(self.table.dtype) - self.table).square().sum(2).argmin(1)
            return labels(x.long(), classes)
        values = np.array(classes)
        if values.dtype.kind in "biuf":
            x = numbers(x, "transform")
            match = x.unsqueeze(1) == _C.tensor(values)
            if not bool(match.any(1).all()):
                raise ValueError(f"{self.settings['estimator']} met a label that it was not fitted on")
            index = match.long().argmax(1)
        else:
            known = {v: i for i, v in enumerate(classes)}
            try:
                index = _C.tensor(np.array([known[_key(v)] for v in x], dtype=np.int64))
            except KeyError as error:
                raise ValueError(f"{self.settings['estimator']} was not fitted on the label {error}") from None
        return index if self.table is None else self.table[index]


def _encoder(estimator: Any, widths: Iterable[int], strict: bool) -> Encode:
    """Asks the estimator for the row of every category: one at a time, among first categories."""
    arrays: dict[str, Any] = {}
    categories: list[Any] = []
    start = 0
    known = estimator.categories_
    kind = np.result_type(*known) if all(c.dtype.kind in "biuf" for c in known) else object
    for column, (values, width) in enumerate(zip(known, widths)):
        numeric = values.dtype.kind in "biuf"
        asked = [*values, *([] if strict else [_stranger(values)])]
        if numeric and kind is not object and not strict:
            kind = np.result_type(kind, np.float64)
        probe = np.empty((len(asked), len(known)), dtype=kind)
        for place, others in enumerate(known):
            probe[:, place] = asked if place == column else [others[0]] * len(asked)
        if numeric:
            arrays[f"categories{column}"] = values.astype(np.float64)
        categories.append(None if numeric else plain(values))
        rows = _ask(estimator, probe)[:, start : start + width]
        arrays[f"table{column}"] = rows if rows.dtype.kind == "f" else rows.astype(np.int64)
        start += width
    module = Encode(settings={"categories": categories, "strict": [strict] * len(categories)})
    for name, array in arrays.items():  # tables are trained, categories are what they are
        tensor = _C.tensor(np.ascontiguousarray(array))
        trained = name.startswith("table") and tensor.dtype.kind == "f"
        tensor = tensor.double() if trained else tensor
        setattr(module, name, nn.Parameter(tensor) if trained else nn.Buffer(tensor))
    return module


def _stranger(values: Any) -> Any:
    """Something that is none of the categories."""
    if values.dtype.kind in "biuf":
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        return float(finite.max(initial=0)) + 1.5
    return "\0 no category"


def _ask(estimator: Any, probe: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = estimator.transform(probe)
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)


@converts("OneHotEncoder")
def _one_hot(estimator: Any) -> Fitted:
    module = _encoder(estimator, estimator._n_features_outs, estimator.handle_unknown == "error")
    if any(c is not None for c in getattr(estimator, "infrequent_categories_", [])):
        module.leaves_out = ("inverse_transform",)  # categories that share a column have no inverse
    return module


@converts("OrdinalEncoder")
def _ordinal(estimator: Any) -> Fitted:
    return _encoder(estimator, [1] * len(estimator.categories_), estimator.handle_unknown == "error")


@converts("TargetEncoder")
def _target(estimator: Any) -> Fitted:
    classes = len(estimator.classes_) if estimator.target_type_ == "multiclass" else 1
    return _encoder(estimator, [classes] * len(estimator.categories_), False)


@converts("LabelEncoder")
def _label(estimator: Any) -> Fitted:
    return Labels(settings={"classes": plain(estimator.classes_)})


@converts("LabelBinarizer")
def _binarizer(estimator: Any) -> Fitted:
    if estimator.y_type_.startswith("multilabel"):
        raise NotImplementedError("from_sklearn cannot convert LabelBinarizer of several labels")
    rows = estimator.transform(estimator.classes_)
    rows = rows.toarray() if hasattr(rows, "toarray") else rows
    return Labels({"table": rows}, {"classes": plain(estimator.classes_)})
