"""scikit-learn's own networks."""

from __future__ import annotations

from typing import Any

from .. import _C, nn
from ._conversion import converts
from ._fitted import Fitted, FittedClassifier, linked, plain

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


def _layers(weights: Any, biases: Any) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for weight, bias in zip(weights, biases):
        inputs, outputs = weight.shape
        layer = nn.Linear(inputs, outputs, dtype=_C.tensor(weight).dtype)
        layer.weight = nn.Parameter(_C.tensor(weight.T.copy()))
        layer.bias = nn.Parameter(_C.tensor(bias))
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
