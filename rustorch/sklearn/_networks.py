"""Networks: scikit-learn's own, and the modules of our estimators."""

from __future__ import annotations

import copy
from typing import Any

from .. import _C, nn
from ._conversion import converts
from ._fitted import Fitted, FittedClassifier, linked, numbers, plain

Tensor = _C.Tensor


class Network(Fitted):
    """Linear layers with an activation between them; the parts are the layers."""

    def raw(self, x: Tensor) -> Tensor:
        """What the last layer gives."""
        name = self.settings["activation"]
        last = len(self.parts) - 1
        for i, layer in enumerate(self.parts):
            x = layer(x)
            if i < last and name != "identity":
                x = x.sigmoid() if name == "logistic" else x.tanh() if name == "tanh" else x.relu()
        return x

    def _predict(self, x: Tensor) -> Any:
        y = self.raw(x)
        if self.settings["out"] == "exp":
            y = y.exp()
        return y[:, 0] if y.shape[1] == 1 else y

    def _transform(self, x: Tensor) -> Tensor:
        return self.raw(x).sigmoid()


class NetworkClassifier(Network, FittedClassifier):
    """The same, with probabilities."""

    def _scores(self, x: Tensor) -> Tensor:
        scores = self.raw(x)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _predict_proba(self, x: Tensor) -> Tensor:
        scores = self._scores(x)
        return scores.sigmoid() if self.settings["multilabel"] else linked(scores, self.settings["link"])

    def _predict_log_proba(self, x: Tensor) -> Tensor:
        return self._predict_proba(x).log() if self.settings["multilabel"] else super()._predict_log_proba(x)

    def _predict(self, x: Tensor) -> Any:
        if self.settings["multilabel"]:
            return (self.raw(x) > 0).long()
        return FittedClassifier._predict(self, x)


class Trained(Fitted):
    """The module of a Regressor or Transformer, parts[0]."""

    def read(self, x: Any, method: str) -> Tensor:
        """x as a Tensor of the shape that the module takes."""
        self.check_columns(x)
        return numbers(x, f"{self.settings['estimator']}.{method}")

    def compute(self, method: str, x: Any) -> Any:
        """The result of a method by its name."""
        if self.settings["dtype"].startswith("int"):
            return getattr(self, "_" + method)(self.read(x, method))
        return super().compute(method, x)

    def _out(self, x: Tensor) -> Tensor:
        result = self.parts[0](x)
        found: Tensor = result[0] if isinstance(result, tuple) else result
        return found

    def _predict(self, x: Tensor) -> Any:
        return self._out(x).reshape(x.shape[0], *self.settings["shape"])

    def _transform(self, x: Tensor) -> Tensor:
        encoder = getattr(self.parts[0], self.settings["encoder"])
        found: Tensor = encoder(x).flatten(1)
        return found

    def _inverse_transform(self, x: Tensor) -> Any:
        return getattr(self.parts[0], self.settings["decoder"])(x)


class TrainedClassifier(Trained, FittedClassifier):
    """The module of a Classifier, parts[0]."""

    def _scores(self, x: Tensor) -> Tensor:
        scores, one = self._out(x), self.settings["one"]
        if self.settings["kind"] == "probabilities":
            tiny = 1.1754944e-38
            log = scores.clamp(min=tiny).log()
            scores = log - (1 - scores).clamp(min=tiny).log() if one else log
        if one and not self.settings["multilabel"]:
            return scores.reshape(-1)
        return scores if one else scores[:, : len(self.settings["classes"])]

    def _decision_function(self, x: Tensor) -> Tensor:
        scores = self._scores(x)
        two = scores.ndim == 2 and scores.shape[1] == 2 and not self.settings["multilabel"]
        return scores[:, 1] - scores[:, 0] if two else scores

    def _predict_proba(self, x: Tensor) -> Tensor:
        scores = self._scores(x)
        return scores.sigmoid() if self.settings["multilabel"] else linked(scores, "softmax")

    def _predict_log_proba(self, x: Tensor) -> Tensor:
        return self._predict_proba(x).log() if self.settings["multilabel"] else super()._predict_log_proba(x)

    def _predict(self, x: Tensor) -> Any:
        if self.settings["multilabel"]:
            return (self._scores(x) > 0).long()
        return FittedClassifier._predict(self, x)


@converts("Regressor")
def _regressor(estimator: Any) -> Fitted:
    settings = {"shape": list(estimator._target_shape), "dtype": str(estimator.dtype)}
    return Trained(settings=settings, parts=[copy.deepcopy(estimator.module_)])


@converts("Transformer")
def _transformer(estimator: Any) -> Fitted:
    names = {part: estimator._part_name(getattr(estimator, part)) for part in ("encoder", "decoder")}
    module = Trained(settings={**names, "dtype": str(estimator.dtype)}, parts=[copy.deepcopy(estimator.module_)])
    module.leaves_out = () if names["decoder"] else ("inverse_transform",)
    return module


@converts("Classifier")
def _classifier(estimator: Any) -> Fitted:
    settings = {
        "classes": plain(estimator.classes_), "link": "softmax", "kind": estimator._output_kind,
        "one": estimator._outputs_wanted == "values", "multilabel": bool(estimator.multilabel_),
        "dtype": str(estimator.dtype),
    }  # fmt: skip
    return TrainedClassifier(settings=settings, parts=[copy.deepcopy(estimator.module_)])


def _layers(weights: Any, biases: Any) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for weight, bias in zip(weights, biases):
        inputs, outputs = weight.shape
        layer = nn.Linear(inputs, outputs, dtype=_C.dtype("float64"))
        layer.weight = nn.Parameter(_C.tensor(weight.T.copy()).double())
        layer.bias = nn.Parameter(_C.tensor(bias).double())
        layers.append(layer)
    return layers


@converts("MLPRegressor")
def _network(estimator: Any) -> Fitted:
    settings = {"activation": estimator.activation, "out": estimator.out_activation_}
    return Network(settings=settings, parts=_layers(estimator.coefs_, estimator.intercepts_))


@converts("MLPClassifier")
def _network_classifier(estimator: Any) -> Fitted:
    multilabel = estimator._label_binarizer.y_type_.startswith("multilabel")
    settings = {
        "activation": estimator.activation, "out": estimator.out_activation_, "multilabel": multilabel,
        "classes": plain(estimator.classes_), "link": "softmax",
    }  # fmt: skip
    return NetworkClassifier(settings=settings, parts=_layers(estimator.coefs_, estimator.intercepts_))


@converts("BernoulliRBM")
def _hidden_units(estimator: Any) -> Fitted:
    settings = {"activation": "identity", "out": "logistic"}
    return Network(settings=settings, parts=_layers([estimator.components_.T], [estimator.intercept_hidden_]))
