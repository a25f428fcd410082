"""Decision trees, and forests and boosted sums of them: all trees of an estimator walked at once.

The nodes of all trees lie one after another; a leaf is its own child, so that every walk takes as many steps as the
deepest tree needs.  What is predicted is differentiable in the values of the leaves, and constant in x between the
thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _C
from ._composition import columns_of
from ._conversion import convert, converts
from ._fitted import Fitted, FittedClassifier, labels, linked, plain

Tensor = _C.Tensor


class Trees(Fitted):
    """The sum or mean of the values of the leaves that x reaches.

    parts[0], where there is one, transforms x first, or (`settings["start"]`) predicts what the sum starts from.
    """

    fixed = ("threshold",)
    roots: Tensor  # (trees,)
    feature: Tensor  # (nodes,)
    threshold: Tensor
    left: Tensor
    right: Tensor
    missing_left: Tensor
    values: Tensor  # (nodes, outputs)
    offset: Tensor | None = None  # (outputs,)
    split: Tensor | None = None  # (nodes,): row of `members` for a split by category, else -1
    members: Tensor  # (category splits, 257): whether a category goes left; the last is for any other

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        return super().compute(method, self.parts[0].compute("transform", x) if self.settings["prepared"] else x)

    def leaves(self, x: Tensor) -> Tensor:
        """The leaf (samples, trees) that each sample reaches in each tree."""
        if self.settings["single"]:
            x = x.float()
        node = _C.zeros((x.shape[0], 1), dtype=_C.dtype("int64")) + self.roots
        for _ in range(min(self.settings["depth"], len(self.feature))):
            value = x.gather(1, self.feature[node])
            left = value <= self.threshold[node]
            if self.split is not None:
                row = self.split[node]
                known = (value >= 0) & (value < 256)
                member = value.masked_fill(~known, 256.0).long() + row.clamp(min=0) * 257
                left = (left & (row < 0)) | (self.members.reshape(-1)[member] & (row >= 0))
            left = left | (value.isnan() & self.missing_left[node])
            node = self.left[node].where(left, self.right[node])
        return node

    def total(self, x: Tensor) -> Tensor:
        """The sum or mean (samples, outputs) of the leaves' values."""
        values = self.values[self.leaves(x)]
        classes = self.settings["classes_in_turn"]
        if classes > 1:  # tree i predicts class i modulo their number
            values = values.reshape(x.shape[0], -1, classes)
        total = values.sum(1)
        if self.settings["mean"]:
            total = total / len(self.roots)
        if self.offset is not None:
            total = total + self.offset
        if self.settings["start"]:
            rounded = x.float().to(total.dtype)  # what the trees see
            total = total + self.parts[0].compute("predict", rounded).unsqueeze(1)
        return total

    def _predict(self, x: Tensor) -> Any:
        total = self.total(x)
        if self.settings["link"] == "exp":
            total = total.exp()
        return total[:, 0] if total.shape[1] == 1 else total


class TreeClassifier(Trees):
    """The mean of the class probabilities at the leaves."""

    def _predict_proba(self, x: Tensor) -> Tensor:
        return self.total(x)

    def _predict_log_proba(self, x: Tensor) -> Tensor:
        return self.total(x).log()

    def _index(self, x: Tensor) -> Tensor:
        return self.total(x).argmax(1)

    def _predict(self, x: Tensor) -> Any:
        return labels(self._index(x), self.settings["classes"])


class SeveralTreeClassifier(Trees):
    """The same for several labels a sample: probabilities are a list, labels stand side by side."""

    def _predict_proba(self, x: Tensor) -> list[Tensor]:
        sizes = [len(classes) for classes in self.settings["classes"]]
        return list(self.total(x).split(sizes, 1))

    def _predict_log_proba(self, x: Tensor) -> list[Tensor]:
        return [p.log() for p in self._predict_proba(x)]

    def _predict(self, x: Tensor) -> Any:
        every = [labels(p.argmax(1), c) for p, c in zip(self._predict_proba(x), self.settings["classes"])]
        if all(isinstance(found, Tensor) for found in every):
            return _C.ops["stack"](every, 1)
        return np.stack([np.asarray(found) for found in every], axis=1)


class BoostedClassifier(Trees, FittedClassifier):
    """Scores that are sums of leaves."""

    def _scores(self, x: Tensor) -> Tensor:
        total = self.total(x)
        return total[:, 0] if total.shape[1] == 1 else total

    def _predict_proba(self, x: Tensor) -> Tensor:
        return linked(self._scores(x) * self.settings["sharpness"], self.settings["link"])

    def _predict_log_proba(self, x: Tensor) -> Tensor:
        return self._predict_proba(x).log()

    def _predict(self, x: Tensor) -> Any:
        return labels(self._index(x), self.settings["classes"])


class IsolationTrees(Trees):
    """The mean depth at which random trees isolate x, as a score of outliers."""

    shift: Tensor

    def _score_samples(self, x: Tensor) -> Tensor:
        return -((self.total(x)[:, 0] * (-np.log(2.0) / self.settings["typical_depth"])).exp())

    def _decision_function(self, x: Tensor) -> Tensor:
        return self._score_samples(x) - self.shift

    def _predict(self, x: Tensor) -> Tensor:
        return (self._decision_function(x) >= 0).long() * 2 - 1


SETTINGS: dict[str, Any] = {
    "single": True, "mean": False, "classes_in_turn": 1, "link": None, "prepared": False, "start": False,
    "sharpness": 1.0,
}  # fmt: skip


def _arrays(trees: Sequence[Any], values: Sequence[Any], features: Any = None) -> tuple[dict[str, Any], int]:
    """The arrays of sklearn.tree's trees with these values for each node, and the depth of the deepest."""
    parts: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "missing_left")}
    roots, start = [], 0
    for i, tree in enumerate(trees):
        nodes = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        feature = np.where(leaf, 0, tree.feature)
        parts["feature"].append(feature if features is None else np.asarray(features[i])[feature])
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        parts["left"].append(np.where(leaf, nodes, tree.children_left) + start)
        parts["right"].append(np.where(leaf, nodes, tree.children_right) + start)
        missing = getattr(tree, "missing_go_to_left", np.zeros(len(nodes)))
        parts["missing_left"].append(np.asarray(missing).astype(bool))
        roots.append(start)
        start += len(nodes)
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    arrays |= {"roots": np.array(roots), "values": np.concatenate(values).astype(np.float64)}
    return arrays, max(tree.max_depth for tree in trees)


def _trees_of(estimator: Any) -> list[Any]:
    return [e.tree_ for e in np.ravel(getattr(estimator, "estimators_", estimator))]


@converts(
    "DecisionTreeRegressor", "ExtraTreeRegressor", "RandomForestRegressor", "ExtraTreesRegressor",
)  # fmt: skip
def _regression_trees(estimator: Any) -> Fitted:
    trees = _trees_of(estimator)
    arrays, depth = _arrays(trees, [tree.value[:, :, 0] for tree in trees])
    return Trees(arrays, {**SETTINGS, "depth": depth, "mean": len(trees) > 1})


@converts(
    "DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier",
)  # fmt: skip
def _classification_trees(estimator: Any) -> Fitted:
    trees = _trees_of(estimator)
    if estimator.n_outputs_ > 1:
        every = [plain(classes) for classes in estimator.classes_]
        shares = [np.concatenate([_shares(t.value[:, i, : len(c)]) for i, c in enumerate(every)], 1) for t in trees]
        arrays, depth = _arrays(trees, shares)
        return SeveralTreeClassifier(arrays, {**SETTINGS, "depth": depth, "mean": len(trees) > 1, "classes": every})
    arrays, depth = _arrays(trees, [_shares(tree.value[:, 0]) for tree in trees])
    settings = {**SETTINGS, "depth": depth, "mean": len(trees) > 1, "classes": plain(estimator.classes_)}
    return TreeClassifier(arrays, settings)


def _shares(counts: Any) -> Any:
    """Rows divided by their sums."""
    return counts / counts.sum(axis=1, keepdims=True)


@converts("GradientBoostingRegressor", "GradientBoostingClassifier")
def _boosted_trees(estimator: Any) -> Fitted:
    name, start = type(estimator).__name__, estimator.init_
    classifies = hasattr(estimator, "classes_")
    constant = isinstance(start, str) or type(start).__name__ in ("DummyClassifier", "DummyRegressor")
    if classifies and not constant:
        raise NotImplementedError(f"from_sklearn cannot convert {name} with init={type(start).__name__}")
    trees = _trees_of(estimator)
    arrays, depth = _arrays(trees, [tree.value[:, :, 0] * estimator.learning_rate for tree in trees])
    settings = {**SETTINGS, "depth": depth, "start": not constant}
    if constant:
        arrays["offset"] = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]
    if not classifies:
        return Trees(arrays, settings, [] if constant else [convert(start)])
    classes = plain(estimator.classes_)
    settings |= {"classes": classes, "link": "softmax" if len(classes) > 2 else "sigmoid"}
    settings |= {"classes_in_turn": estimator.estimators_.shape[1]}
    settings |= {"sharpness": 2.0 if estimator.loss == "exponential" else 1.0}
    return BoostedClassifier(arrays, settings)


@converts("IsolationForest")
def _isolation_trees(estimator: Any) -> Fitted:
    from sklearn.ensemble._iforest import _average_path_length

    trees = _trees_of(estimator)
    lengths = zip(estimator._decision_path_lengths, estimator._average_path_length_per_tree)
    values = [np.reshape(a + b - 1.0, (-1, 1)) for a, b in lengths]
    arrays, depth = _arrays(trees, values, estimator.estimators_features_)
    arrays["shift"] = np.asarray(estimator.offset_, float)
    typical = float(_average_path_length([estimator._max_samples])[0])
    return IsolationTrees(arrays, {**SETTINGS, "depth": depth, "mean": True, "typical_depth": typical or 1.0})


@converts("HistGradientBoostingRegressor", "HistGradientBoostingClassifier")
def _histogram_trees(estimator: Any) -> Fitted:
    predictors = [p for round_ in estimator._predictors for p in round_]
    nodes = [p.nodes for p in predictors]
    starts = np.cumsum([0, *(len(n) for n in nodes)])[:-1]
    joined = np.concatenate(nodes)
    first = np.repeat(starts, [len(n) for n in nodes])
    leaf = joined["is_leaf"].astype(bool)
    here = np.arange(len(joined))
    arrays: dict[str, Any] = {
        "roots": starts, "feature": np.where(leaf, 0, joined["feature_idx"]),
        "threshold": np.where(leaf, 0.0, joined["num_threshold"]),
        "left": np.where(leaf, here, joined["left"].astype(np.int64) + first),
        "right": np.where(leaf, here, joined["right"].astype(np.int64) + first),
        "missing_left": joined["missing_go_to_left"].astype(bool), "values": joined["value"][:, None],
        "offset": np.ravel(estimator._baseline_prediction),
    }  # fmt: skip
    if joined["is_categorical"].any():
        arrays |= _categories(estimator, predictors)
    classifies = hasattr(estimator, "classes_")
    prepared = getattr(estimator, "_preprocessor", None)
    parts = [] if prepared is None else [columns_of(prepared, {"numerical": "passthrough"})]
    depth = max(p.get_max_depth() for p in predictors)
    settings = {**SETTINGS, "single": False, "depth": depth, "prepared": bool(parts)}
    if not classifies:
        link = type(estimator._loss.link).__name__
        return Trees(arrays, {**settings, "link": "exp" if link == "LogLink" else None}, parts)
    classes = plain(estimator.classes_)
    settings |= {"classes": classes, "link": "softmax" if len(classes) > 2 else "sigmoid"}
    settings |= {"classes_in_turn": estimator.n_trees_per_iteration_}
    return BoostedClassifier(arrays, settings, parts)


def _categories(estimator: Any, predictors: Sequence[Any]) -> dict[str, Any]:
    """Which categories go left at each split by category; those never seen go where missing ones do."""
    known, column = estimator._bin_mapper.make_known_categories_bitsets()
    split: list[int] = []
    members: list[Any] = []
    for predictor in predictors:
        for node in predictor.nodes:
            if node["is_leaf"] or not node["is_categorical"]:
                split.append(-1)
                continue
            left = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
            seen = _bits(known[column[node["feature_idx"]]])
            missing = bool(node["missing_go_to_left"])
            split.append(len(members))
            members.append(np.append(left | (~seen & missing), missing))
    return {"split": np.array(split), "members": np.array(members)}


def _bits(words: Any) -> Any:
    """256 bools from eight words of 32 bits."""
    return (np.asarray(words)[:, None] >> np.arange(32, dtype=np.uint32) & 1).astype(bool).ravel()
