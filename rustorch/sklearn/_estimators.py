"""Networks as scikit-learn estimators: in pipelines, grid searches and cross-validation.

>>> import rustorch as rt, numpy as np
>>> from rustorch.sklearn import Classifier
>>> x = np.random.default_rng(0).standard_normal((200, 2))
>>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
>>> Classifier(hidden=(32,), epochs=60, lr=0.01, random_state=0).fit(x, y).score(x, y) > 0.9
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import nn, optim, random
from .._C import Tensor, from_numpy
from .._modes import no_grad
from ..data import DataLoader, TensorDataset

__all__ = ["Classifier"]


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A network trained by Adam on cross entropy.

    Args:
        module: builds the network, module(inputs, classes) -> nn.Module whose output are scores; None
            for ReLU layers of the widths in `hidden` with dropout between them.
        hidden, dropout: shape of that default network.
        epochs, batch_size, lr, weight_decay: of the training; the rate falls to 0 along a cosine.
        random_state: seed of weights, order and dropout; None draws one.
        progress: a tqdm progress bar over the epochs.
        on_epoch: called as on_epoch(estimator, epoch, loss) after each epoch.

    Attributes (after fit): `module_`, `classes_`, `n_features_in_`, and `history_`, the mean training
    loss of each epoch.
    """

    def __init__(
        self, module: Callable[[int, int], nn.Module] | None = None, *, hidden: Sequence[int] = (64, 64),
        dropout: float = 0.0, epochs: int = 40, batch_size: int = 32, lr: float = 2e-3,
        weight_decay: float = 0.0,
        random_state: int | None = None, progress: bool = False,
        on_epoch: Callable[[Classifier, int, float], None] | None = None,
    ) -> None:  # fmt: skip
        self.module = module
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.random_state = random_state
        self.progress = progress
        self.on_epoch = on_epoch

    def _build(self, inputs: int, classes: int) -> nn.Module:
        if self.module is not None:
            return self.module(inputs, classes)
        layers: list[nn.Module] = []
        for width in self.hidden:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, classes))

    def fit(self, X: Any, y: Any) -> Classifier:
        """Trains a new network on samples X (n, features) and labels y (n)."""
        X, y = validate_data(self, X, y, dtype=np.float32, order="C")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        with random.fork_rng():
            if self.random_state is None:
                random.seed()
            else:
                random.manual_seed(self.random_state)
            self.module_ = self._build(X.shape[1], len(self.classes_))
            self._train(from_numpy(X), from_numpy(labels.astype(np.int64)))
        return self

    def _train(self, x: Tensor, y: Tensor) -> None:
        loader: DataLoader[Any] = DataLoader(TensorDataset(x, y), batch_size=self.batch_size, shuffle=True)
        optimizer = optim.AdamW(self.module_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        loss_of = nn.CrossEntropyLoss()
        self.history_: list[float] = []
        self.module_.train()
        for epoch in _shown(range(self.epochs), self.progress):
            total = 0.0
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = loss_of(self.module_(inputs), targets)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(targets)
            schedule.step()
            self.history_.append(total / len(x))
            if self.on_epoch is not None:
                self.module_.eval()
                self.on_epoch(self, epoch, self.history_[-1])
                self.module_.train()
        self.module_.eval()

    def decision_function(self, X: Any) -> Any:
        """Scores (n, classes); for two classes the difference of theirs (n)."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def _scores(self, X: Any) -> Any:
        check_is_fitted(self, "module_")
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        with no_grad():
            return self.module_(from_numpy(X)).numpy()

    def predict(self, X: Any) -> Any:
        """Labels (n)."""
        best = self._scores(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Any:
        """Probabilities (n, classes)."""
        with no_grad():
            return nn.functional.softmax(from_numpy(self._scores(X)), dim=1).numpy()


def _shown(epochs: Iterable[int], progress: bool) -> Iterable[int]:
    if not progress:
        return epochs
    from tqdm import tqdm

    bar: Iterable[int] = tqdm(epochs, desc="training", unit="epoch", ncols=80)
    return bar
