"""Networks as scikit-learn estimators: in pipelines, grid searches and cross-validation.

>>> import numpy as np
>>> from rustorch.sklearn import Classifier
>>> x = np.random.default_rng(0).standard_normal((200, 2))
>>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
>>> Classifier(hidden=(32,), epochs=60, lr=0.01, random_state=0).fit(x, y).score(x, y) > 0.9
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from .. import _C, nn
from ..training.losses import Objective
from ._estimator import NeuralEstimator, arranged
from ._modules import Autoencoder, Rescale, perceptron

__all__ = ["Classifier", "Regressor", "Transformer"]
Tensor = _C.Tensor
Array = np.ndarray[Any, Any]


class Classifier(ClassifierMixin, NeuralEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A network that classifies; by default trained by AdamW on cross entropy.

    Samples are (n, features), or of the shape that the module takes; labels (n), or an indicator matrix (n, labels)
    for several labels a sample.

    Args:
        module: the network: a Module (a copy of it is trained on from its weights), a class or a function. Those are
            called with ``module__...`` and, for parameters without a value, the numbers of inputs and outputs. It
            gives a score for each class, or one for the second of two. None: ReLU layers of the widths in `hidden`
            with dropout between them.
        hidden, dropout: shape of that default network.
        epochs, batch_size: of the training; `max_epochs` is another name of epochs that goes before it.
        lr, weight_decay: given to the optimizer.
        criterion: the loss: a name, class (with ``criterion__...``), loss module or function. None: cross entropy,
            binary where there is one output or several labels.
        optimizer: a name ("sgd"), class (both with ``optimizer__...``) or function of the parameters.
        schedule: of the learning rate over the epochs, as in TrainerConfig: by default it falls to 0 along a cosine.
        class_weight: a dict of weights by label, or "balanced".
        early_stopping: holds back `validation_fraction` of the samples, stops when their loss has not fallen by `tol`
            for `n_iter_no_change` epochs, and takes the best weights.
        callbacks: of rustorch.callbacks; copies of them are called.
        warm_start: fit goes on with the network of the last fit.
        dtype: of the samples that the network gets: "float32", or "int64" for indices.
        device: "cpu".
        random_state: seed of weights, order and dropout; the same seed gives the same bits. None draws one.
        verbose: 0 silent, 1 a bar or a line for each epoch, 2 a line; `progress`: one tqdm bar over all epochs.
        on_epoch: called as on_epoch(estimator, epoch, loss) after each epoch.

    Attributes (after fit): `module_`, `optimizer_`, `classes_`, `n_features_in_`, `n_iter_`, `history_` (the mean
    training loss of each epoch) and `training_history_` (the History of the last training).
    """

    def __init__(
        self, module: Any = None, *, hidden: Sequence[int] = (64, 64), dropout: float = 0.0, epochs: int = 40,
        max_epochs: int | None = None, batch_size: int = 32, lr: float = 2e-3, weight_decay: float = 0.0,
        criterion: Any = None, optimizer: Any = "adamw", schedule: Any = "cosine", class_weight: Any = None,
        early_stopping: bool = False, validation_fraction: float = 0.1, n_iter_no_change: int = 10, tol: float = 1e-4,
        callbacks: Any = None, warm_start: bool = False, dtype: Any = "float32", device: Any = None,
        random_state: Any = None, verbose: Any = 0, progress: bool = False,
        on_epoch: Callable[[Classifier, int, float], None] | None = None, **nested: Any,
    ) -> None:  # fmt: skip
        self.module = module
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.criterion = criterion
        self.optimizer = optimizer
        self.schedule = schedule
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.progress = progress
        self.on_epoch = on_epoch
        self.__dict__.update(nested)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _default(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(*perceptron(inputs, self.hidden, outputs, self.dropout))

    def _targets(self, y: Array) -> Tensor:
        if self._outputs_wanted == "classes":
            return _C.from_numpy(y.astype(np.int64))
        t = _C.from_numpy(y.astype(np.float32))
        return t.reshape(len(y), *self._output_shape)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains a new network on samples X and labels y, each sample's loss times its weight."""
        again = self.warm_start and hasattr(self, "module_")
        x, labels, weights = self._read(X, y, sample_weight, None, not again)
        with self._seeded():
            x, labels, weights = arranged(x, labels, weights)
            if not again:
                self._build(x, self._width())
            self._learn(x, labels, weights, False)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Trains one epoch on these samples; the first call makes the network and needs all `classes`."""
        first = not hasattr(self, "module_")
        if first and classes is None:
            raise ValueError("Classifier.partial_fit: the first call needs classes, the labels there will be")
        x, labels, weights = self._read(X, y, sample_weight, classes, first)
        with self._seeded():
            x, labels, weights = arranged(x, labels, weights)
            if first:
                self._build(x, self._width())
            self._learn(x, labels, weights, True)
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any, classes: Any, first: bool) -> tuple[Array, Array, Any]:
        """Samples, positions of their labels (or indicators), and weights; learns classes_ when first."""
        x, y = validate_data(
            self, X, y, dtype=np.dtype(self.dtype), order="C", allow_nd=True, multi_output=True, reset=first
        )
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError("Classifier: several labels a sample must be an indicator matrix of zeros and ones")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        if self.class_weight is not None:
            weighed = compute_sample_weight(self.class_weight, y)
            weights = weighed if weights is None else weights * weighed
        if kind == "multilabel-indicator":
            if first:
                self.classes_, self.multilabel_ = np.arange(y.shape[1]), True
            return x, np.asarray(y, dtype=np.float32), weights
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if first:
            self.classes_, self.multilabel_ = np.unique(y if classes is None else classes), False
        place = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if (self.classes_[place] != y).any():
            raise ValueError(f"Classifier: y has labels that are not among the classes {self.classes_.tolist()}")
        return x, place, weights

    def _width(self) -> int:
        return max(len(self.classes_), 1 if self.multilabel_ else 2)

    def _learn(self, x: Array, y: Array, weights: Any, again: bool) -> None:
        shape = tuple(self._probe(x).shape[1:])
        one = self.multilabel_ or (shape in ((), (1,)) and len(self.classes_) <= 2)
        self._outputs_wanted, self._output_shape = "values" if one else "classes", shape
        criterion = "binary_cross_entropy" if one else "cross_entropy"
        self._train(x, y, weights, criterion, again=again, stratify=not self.multilabel_)

    def _settled(self, objective: Objective) -> None:
        likely = objective.probabilities or objective.finish is not None or isinstance(objective.given, nn.BCELoss)
        self._output_kind = "log" if objective.log_probabilities else "probabilities" if likely else "scores"

    def _scores(self, X: Any) -> Array:
        """Scores (n, classes), (n, labels), or (n) for one output."""
        check_is_fitted(self, "module_")
        x = validate_data(self, X, dtype=np.dtype(self.dtype), order="C", allow_nd=True, reset=False)
        scores: Array = self._outputs(x)
        one = self._outputs_wanted == "values"
        if self._output_kind == "probabilities":
            tiny = np.finfo(scores.dtype).tiny
            log = np.log(np.maximum(scores, tiny))
            scores = log - np.log(np.maximum(1 - scores, tiny)) if one else log
        if one and not self.multilabel_:
            return scores.reshape(len(scores))
        return scores if self.multilabel_ else scores[:, : len(self.classes_)]

    def decision_function(self, X: Any) -> Any:
        """Scores (n, classes), or (n, labels); for two classes the difference of theirs (n)."""
        scores = self._scores(X)
        if scores.ndim == 2 and scores.shape[1] == 2 and not self.multilabel_:
            return scores[:, 1] - scores[:, 0]
        return scores

    def predict(self, X: Any) -> Any:
        """Labels (n), or an indicator matrix (n, labels)."""
        scores = self._scores(X)
        if self.multilabel_:
            return (scores > 0).astype(np.int64)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Any:
        """Probabilities (n, classes), or (n, labels)."""
        scores = _C.tensor(self._scores(X))
        if self.multilabel_:
            return scores.sigmoid().numpy()
        if scores.ndim == 1:
            p = scores.sigmoid()
            return _C.ops["stack"]([1 - p, p], 1).numpy()
        return scores.softmax(1).numpy()

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of predict_proba."""
        return np.log(self.predict_proba(X))


class Regressor(RegressorMixin, NeuralEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A network that predicts numbers; by default trained by AdamW on the squared error.

    Samples are (n, features), or of the shape that the module takes; targets (n) or (n, outputs). The default network
    ends in the scale and mean of the targets it was fitted on; targets of other modules may want a
    TransformedTargetRegressor.

    Args:
        module: as of Classifier; it gives (n) or (n, outputs).
        hidden, dropout, epochs, max_epochs, batch_size, lr, weight_decay: as of Classifier.
        optimizer, schedule: as of Classifier.
        criterion: the loss: a name, class (with ``criterion__...``), loss module or function. None: the squared error.
        early_stopping, validation_fraction, n_iter_no_change, tol, callbacks, warm_start: as of Classifier.
        dtype, device, random_state, verbose, progress, on_epoch: as of Classifier.

    Attributes (after fit): `module_`, `optimizer_`, `n_features_in_`, `n_iter_`, `history_` (the mean training loss of
    each epoch) and `training_history_`.

    Example:
        >>> import numpy as np
        >>> from rustorch.sklearn import Regressor
        >>> x = np.random.default_rng(0).standard_normal((200, 3))
        >>> Regressor(epochs=60, random_state=0).fit(x, 100 + x[:, 0] * x[:, 1]).score(x, 100 + x[:, 0] * x[:, 1]) > 0.8
        True
    """

    def __init__(
        self, module: Any = None, *, hidden: Sequence[int] = (64, 64), dropout: float = 0.0, epochs: int = 40,
        max_epochs: int | None = None, batch_size: int = 32, lr: float = 2e-3, weight_decay: float = 0.0,
        criterion: Any = None, optimizer: Any = "adamw", schedule: Any = "cosine", early_stopping: bool = False,
        validation_fraction: float = 0.1, n_iter_no_change: int = 10, tol: float = 1e-4, callbacks: Any = None,
        warm_start: bool = False, dtype: Any = "float32", device: Any = None, random_state: Any = None,
        verbose: Any = 0, progress: bool = False, on_epoch: Callable[[Regressor, int, float], None] | None = None,
        **nested: Any,
    ) -> None:  # fmt: skip
        self.module = module
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.criterion = criterion
        self.optimizer = optimizer
        self.schedule = schedule
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.progress = progress
        self.on_epoch = on_epoch
        self.__dict__.update(nested)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _default(self, inputs: int, outputs: int) -> nn.Module:
        mean, scale = self._units
        return nn.Sequential(*perceptron(inputs, self.hidden, outputs, self.dropout), Rescale(scale, mean))

    def _targets(self, y: Array) -> Tensor:
        return _C.from_numpy(np.ascontiguousarray(y, dtype=np.float32)).reshape(len(y), *self._output_shape)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains a new network on samples X and targets y, each sample's loss times its weight."""
        return self._fit(X, y, sample_weight, not (self.warm_start and hasattr(self, "module_")), False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains one epoch on these samples; the first call makes the network."""
        return self._fit(X, y, sample_weight, not hasattr(self, "module_"), True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, first: bool, again: bool) -> Self:
        x, y = validate_data(
            self, X, y, dtype=np.dtype(self.dtype), order="C", allow_nd=True, multi_output=True, y_numeric=True,
            reset=first,
        )  # fmt: skip
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        kind = y.dtype if y.dtype.kind == "f" else np.dtype(np.float64)
        y = np.asarray(y, dtype=np.float64)
        if first:
            self._target_dtype = kind
            self._target_shape = y.shape[1:]
        elif y.shape[1:] != self._target_shape:
            raise ValueError(f"Regressor: was fitted on targets of shape (n, *{self._target_shape}), got {y.shape}")
        with self._seeded():
            x, y, weights = arranged(x, y, weights)
            if first:
                columns = y.reshape(len(y), -1)
                mean = np.average(columns, axis=0, weights=weights)
                scale = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weights))
                self._units = mean.astype(np.float32), np.where(scale > 0, scale, 1.0).astype(np.float32)
                self._build(x, columns.shape[1])
            self._output_shape = tuple(self._probe(x).shape[1:])
            self._train(x, y, weights, "mse", again=again)
        return self

    def predict(self, X: Any) -> Any:
        """Targets, of the shape of those fitted on."""
        check_is_fitted(self, "module_")
        x = validate_data(self, X, dtype=np.dtype(self.dtype), order="C", allow_nd=True, reset=False)
        return self._outputs(x).reshape(len(x), *self._target_shape).astype(self._target_dtype, copy=False)


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NeuralEstimator):  # type: ignore[misc]
    """A network that finds a representation: by default an autoencoder, whose code is what transform gives.

    The module is trained to give its input back (or, by another criterion, whatever criterion(output, x) asks for);
    `transform` is the output of its encoder.

    Args:
        module: as of Classifier, called with the numbers of features and components; None: an autoencoder of ReLU
            layers of the widths in `hidden`, and the same back.
        n_components: width of the default network's code.
        encoder, decoder: the names of the module's parts, or methods, for `transform` and `inverse_transform`.
        criterion: the loss: a name, class (with ``criterion__...``), loss module or function. None: the squared error.
        hidden, dropout, epochs, max_epochs, batch_size, lr, weight_decay: as of Classifier.
        optimizer, schedule: as of Classifier.
        early_stopping, validation_fraction, n_iter_no_change, tol, callbacks, warm_start: as of Classifier.
        dtype, device, random_state, verbose, progress, on_epoch: as of Classifier.

    Attributes (after fit): `module_`, `optimizer_`, `n_features_in_`, `n_iter_`, `history_` and `training_history_`.

    Example:
        >>> import numpy as np
        >>> from rustorch.sklearn import Transformer
        >>> x = np.random.default_rng(0).standard_normal((100, 5))
        >>> Transformer(n_components=2, epochs=3, random_state=0).fit_transform(x).shape
        (100, 2)
    """

    def __init__(
        self, module: Any = None, *, n_components: int = 2, encoder: str = "encoder", decoder: str = "decoder",
        hidden: Sequence[int] = (64,), dropout: float = 0.0, epochs: int = 40, max_epochs: int | None = None,
        batch_size: int = 32, lr: float = 2e-3, weight_decay: float = 0.0, criterion: Any = None,
        optimizer: Any = "adamw", schedule: Any = "cosine", early_stopping: bool = False,
        validation_fraction: float = 0.1, n_iter_no_change: int = 10, tol: float = 1e-4, callbacks: Any = None,
        warm_start: bool = False, dtype: Any = "float32", device: Any = None, random_state: Any = None,
        verbose: Any = 0, progress: bool = False, on_epoch: Callable[[Transformer, int, float], None] | None = None,
        **nested: Any,
    ) -> None:  # fmt: skip
        self.module = module
        self.n_components = n_components
        self.encoder = encoder
        self.decoder = decoder
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.criterion = criterion
        self.optimizer = optimizer
        self.schedule = schedule
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.progress = progress
        self.on_epoch = on_epoch
        self.__dict__.update(nested)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _default(self, inputs: int, outputs: int) -> nn.Module:
        back = list(reversed(list(self.hidden)))
        return Autoencoder(
            nn.Sequential(*perceptron(inputs, self.hidden, outputs, self.dropout)),
            nn.Sequential(*perceptron(outputs, back, inputs, self.dropout)),
        )

    def _targets(self, y: Array) -> Tensor:
        return self._inputs(np.ascontiguousarray(y))

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Trains a new network on samples X; y is not looked at."""
        return self._fit(X, sample_weight, not (self.warm_start and hasattr(self, "module_")), False)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Trains one epoch on these samples; the first call makes the network."""
        return self._fit(X, sample_weight, not hasattr(self, "module_"), True)

    def _fit(self, X: Any, sample_weight: Any, first: bool, again: bool) -> Self:
        x = validate_data(self, X, dtype=np.dtype(self.dtype), order="C", allow_nd=True, reset=first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        with self._seeded():
            x, _, weights = arranged(x, None, weights)
            if first:
                self._build(x, self.n_components)
            self._train(x, None, weights, "mse", again=again)
        self._n_features_out = int(np.prod(self._outputs(x[:1], self._part(self.encoder)).shape[1:]))
        return self

    def _part(self, name: str) -> Any:
        """The module's part or method of this name; "encode" and "decode" stand for the default names, too."""
        found = self._part_name(name)
        if not found:
            raise AttributeError(f"Transformer: the module {type(self.module_).__name__} has no {name!r}")
        return getattr(self.module_, found)

    def _part_name(self, name: str) -> str:
        names = (name, {"encoder": "encode", "decoder": "decode"}.get(name, name))
        return next((n for n in names if callable(getattr(self.module_, n, None))), "")

    def transform(self, X: Any) -> Any:
        """The encoder's output for samples X, (n, components)."""
        check_is_fitted(self, "module_")
        given = validate_data(self, X, dtype=[np.float64, np.float32], order="C", allow_nd=True, reset=False)
        code = self._outputs(given.astype(self.dtype), self._part(self.encoder))
        return code.reshape(len(code), -1).astype(given.dtype, copy=False)

    def inverse_transform(self, X: Any) -> Any:
        """The decoder's output for codes X, (n, components)."""
        check_is_fitted(self, "module_")
        return self._outputs(np.ascontiguousarray(X, dtype=np.float32), self._part(self.decoder))

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the mean squared error of what the module gives back."""
        check_is_fitted(self, "module_")
        x = validate_data(self, X, dtype=np.dtype(self.dtype), order="C", allow_nd=True, reset=False)
        return -float(np.mean((self._outputs(x) - x) ** 2))
