"""What the estimators around a Module have in common: parameters, building, training, predicting."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .. import _C, nn, random
from .._modes import no_grad
from ..callbacks import Callback, EarlyStopping
from ..training import TrainerConfig
from ..training.batches import Batches
from ..training.loop import Loop
from ..training.losses import Objective

Tensor = _C.Tensor
Array = np.ndarray[Any, Any]
NESTED = ("module", "optimizer", "criterion")
MOST_COPIES = 10  # a whole weight up to it is trained as so many copies
PIECE = 1 << 15  # samples predicted at once
SMALLEST = 8


class NeuralEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Base of Classifier, Regressor and Transformer."""

    module: Any
    criterion: Any
    optimizer: Any
    hidden: Sequence[int]
    dropout: float
    epochs: int
    max_epochs: int | None
    batch_size: int
    lr: float
    weight_decay: float
    schedule: Any
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    tol: float
    callbacks: Any
    warm_start: bool
    dtype: Any
    device: Any
    random_state: Any
    verbose: Any
    progress: bool
    on_epoch: Callable[[Any, int, float], None] | None

    # ---- parameters of module, optimizer and criterion by module__name ----

    def _given(self) -> dict[str, Any]:
        """Parameters that the constructor does not name: of module, optimizer and criterion, and misspelt ones."""
        own = set(self._get_param_names())
        return {n: v for n, v in vars(self).items() if n not in own and n[0] != "_" and n[-1] != "_"}

    def _nested(self, part: str) -> dict[str, Any]:
        start = part + "__"
        return {name[len(start) :]: value for name, value in self._given().items() if name.startswith(start)}

    def _check_names(self) -> None:
        """TypeError for parameters that there are not; by scikit-learn's custom not before fit."""
        for name in self._given():
            part, _, rest = name.partition("__")
            if part not in NESTED or not rest:
                prefixes = ", ".join(f"{p}__..." for p in NESTED)
                raise TypeError(
                    f"{type(self).__name__} has no parameter {name!r}; parameters of its parts are named {prefixes}"
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, those of module, optimizer and criterion as module__name."""
        return {**super().get_params(deep=deep), **self._given()}

    def set_params(self, **params: Any) -> Self:
        """Sets parameters by name."""
        nested = {n: v for n, v in params.items() if n.partition("__")[0] in NESTED and n.partition("__")[2]}
        super().set_params(**{n: v for n, v in params.items() if n not in nested})
        self.__dict__.update(nested)
        return self

    # ---- building ----

    def _made_module(self, inputs: int, outputs: int) -> nn.Module:
        """The network to train: a copy of a given Module, else what its class or function makes."""
        given, options = self.module, self._nested("module")
        if given is None:
            if options:
                raise ValueError(f"{type(self).__name__}: module__{next(iter(options))} is set, but no module")
            return self._default(inputs, outputs)
        if isinstance(given, nn.Module):
            if options:
                raise ValueError(f"{type(self).__name__}: module__{next(iter(options))} needs a class as module")
            return copy.deepcopy(given)
        if not callable(given):
            raise TypeError(f"{type(self).__name__}: module must be a Module, its class or a function, not {given!r}")
        made = given(*_sizes(given, options, inputs, outputs), **options)
        if not isinstance(made, nn.Module):
            raise TypeError(f"{type(self).__name__}: module made a {type(made).__name__}, not a Module")
        return made

    def _default(self, inputs: int, outputs: int) -> nn.Module:
        raise NotImplementedError

    def _made_criterion(self, default: str) -> Any:
        given, options = self.criterion, self._nested("criterion")
        given = default if given is None else given
        if isinstance(given, type):
            return given(**options)
        return _called(given, options, "criterion", self) if options else given

    def _made_optimizer(self) -> tuple[Any, float | None, float | None]:
        """The optimiser, its rate and its decay, as Loop takes them."""
        given, options = self.optimizer, self._nested("optimizer")
        rate, decay = options.pop("lr", self.lr), options.pop("weight_decay", self.weight_decay)
        if isinstance(given, str):
            decays = decay or given.lower().startswith("adamw")
            spec = _called(given, options, "optimizer", self) if options else given
            return spec, rate, decay if decays else None
        if isinstance(given, type):
            options = {"lr": rate, **({"weight_decay": decay} if decay else {}), **options}
            return lambda parameters: given(parameters, **options), None, None
        return given, None, None

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Draws by random_state, leaving the global generator alone."""
        with random.fork_rng():
            if self.random_state is None:
                random.seed()
            elif isinstance(self.random_state, (int, np.integer)):
                random.manual_seed(int(self.random_state))
            else:
                random.manual_seed(int(check_random_state(self.random_state).randint(2**31 - 1)))
            yield

    # ---- training ----

    def _build(self, x: Array, outputs: int) -> None:
        """Makes module_, for samples like x."""
        self._check_names()
        inputs = x.shape[1] if self.module is not None else int(np.prod(x.shape[1:]))
        self.module_ = self._made_module(inputs, outputs)
        if self.module is None and x.ndim > 2:
            self.module_ = nn.Sequential(nn.Flatten(), self.module_)
        self.optimizer_: Any = None
        self.history_: list[float] = []
        self.n_iter_ = 0

    def _probe(self, x: Array) -> Any:
        """What the module gives for one sample, which also makes lazy layers."""
        self.module_.eval()
        with no_grad():
            return self.module_(self._inputs(x[:1]))

    def _inputs(self, x: Array) -> Tensor:
        t = _C.from_numpy(x)
        dtype = next((p.dtype for p in self.module_.parameters() if p.dtype.kind == "f"), None)
        return t if dtype is None or t.dtype.kind != "f" or t.dtype == dtype else t.to(dtype)

    def _train(
        self, x: Array, y: Any, weights: Any, criterion: str, *, again: bool = False, stratify: bool = False,
    ) -> None:  # fmt: skip
        """Trains module_ on arranged samples, targets (None: the samples) and weights (None: all alike)."""
        rows, checked = np.arange(len(x)), None
        if self.early_stopping and not again:
            seed = int(random.initial_seed()) % 2**32
            labels = y if stratify and min(np.unique(y, return_counts=True)[1]) > 1 else None
            rows, checked = train_test_split(
                rows, test_size=self.validation_fraction, random_state=seed, stratify=labels
            )
        target = x if y is None else y

        def batches(rows: Array, shuffle: bool) -> Batches:
            tensors = (self._inputs(x[rows]), self._targets(target[rows]))
            weight = None if weights is None or not shuffle else _C.from_numpy(weights[rows].astype(np.float32))
            return Batches(*tensors, weight, shuffle=shuffle, batch_size=self.batch_size, what="fit")

        spec, rate, decay = self._made_optimizer()
        if again and getattr(self, "optimizer_", None) is not None:
            spec, rate, decay = self.optimizer_, None, None
        epochs = 1 if again else self.epochs if self.max_epochs is None else self.max_epochs
        config = TrainerConfig(
            epochs=epochs, batch_size=self.batch_size, learning_rate=rate, weight_decay=decay,
            device=self.device or "auto", schedule=None if again else self.schedule, verbose=self.verbose,
        )  # fmt: skip
        callbacks = self._callbacks(checked is not None, epochs)
        loop = Loop(self.module_, spec, self._made_criterion(criterion), (), config, callbacks)
        self.module_.train()
        loop.fit(batches(rows, True), None if checked is None else batches(checked, False))
        self.module_.eval()
        self.optimizer_ = loop.optimizer
        self.training_history_ = loop.history

    def _settled(self, objective: Objective) -> None:
        """Told after each epoch what was minimised, and of what outputs."""

    def _targets(self, y: Array) -> Any:
        raise NotImplementedError

    def _callbacks(self, validates: bool, epochs: int) -> list[Any]:
        found = copy.deepcopy(self.callbacks) if self.callbacks is not None else []
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        if validates:
            found.append(EarlyStopping(
                "val_loss", min_delta=self.tol, patience=self.n_iter_no_change, restore_best_weights=True
            ))  # fmt: skip
        if self.progress:
            found.append(_Bar(epochs))
        found.append(_Record(self))
        if self.verbose:
            from ..callbacks.progress import Progress

            found.append(Progress(bar=False if self.verbose == 2 else None))
        return found

    # ---- predicting ----

    def _outputs(self, X: Any, part: Any = None) -> Any:
        """What the module, or a part of it, gives for samples that were validated: an ndarray."""
        check_is_fitted(self, "module_")
        call = self.module_ if part is None else part
        self.module_.eval()
        with no_grad():
            pieces = [_first(call(self._inputs(_filled(X[i : i + PIECE])))) for i in range(0, len(X), PIECE)]
        return (pieces[0] if len(pieces) == 1 else _C.ops["cat"](pieces, 0)).numpy()[: len(X)]


def _filled(x: Array) -> Array:
    """x with at least SMALLEST samples, the last one repeated.

    Products of fewer rows are computed in another order, so that what a sample gives would depend on its company.
    """
    missing = SMALLEST - len(x)
    return x if missing <= 0 else np.concatenate([x, np.repeat(x[-1:], missing, axis=0)])


def _first(output: Any) -> Tensor:
    """A module's output, the first where it gives several."""
    found: Tensor = output[0] if isinstance(output, (tuple, list)) else output
    return found


def _sizes(make: Callable[..., Any], options: dict[str, Any], inputs: int, outputs: int) -> list[int]:
    """The sizes for those parameters of a class or function that have no default and are not given."""
    parameters = inspect.signature(make).parameters.values()
    open_ = [
        p.name for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in options
    ]  # fmt: skip
    if len(open_) == 1 and any(word in open_[0].lower() for word in ("out", "class", "target", "label")):
        return [outputs]
    return [inputs, outputs][: len(open_)]


def _called(name: Any, options: dict[str, Any], part: str, owner: Any) -> str:
    """A name with options as a call, such as "sgd(momentum=0.9)"."""
    if not isinstance(name, str) or "(" in name:
        first = f"{part}__{next(iter(options))}"
        raise ValueError(f"{type(owner).__name__}: {first} needs a class or a bare name as {part}")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in options.items())})"


def arranged(x: Array, y: Any, weights: Any) -> tuple[Array, Any, Any]:
    """Samples, targets and weights in an order that depends on their content alone; whole weights become copies.

    So neither the order in which samples come, nor whether one comes twice or weighs two, makes a difference.

    Raises:
        ValueError: all weights are zero, or one is negative.
    """
    columns = [x.reshape(len(x), -1)]
    if y is not None:
        columns.append(np.asarray(y, dtype=np.float64).reshape(len(x), -1))
    rows = [np.ascontiguousarray(c + 0).view(np.uint8).reshape(len(x), -1) for c in columns]
    joined = np.ascontiguousarray(np.concatenate(rows, axis=1))
    order = np.argsort(joined.view(np.dtype((np.void, joined.shape[1]))).ravel(), kind="stable")
    if weights is not None:
        weights = weights[order]
        if weights.min() < 0 or weights.max() == 0:
            raise ValueError("sample_weight: weights must not be negative, nor all zero")
        if weights.max() == weights.min():
            weights = None
        elif (weights == weights.round()).all() and weights.max() <= MOST_COPIES:
            order, weights = np.repeat(order, weights.astype(np.int64)), None
        else:
            kept = weights != 0
            order, weights = order[kept], weights[kept] * (kept.sum() / weights.sum())
    return x[order], None if y is None else y[order], weights


class _Bar(Callback):
    """A tqdm bar over the epochs."""

    batch_logs = False

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.bar: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            raise ModuleNotFoundError("progress needs tqdm: pip install rustorch[training]", name="tqdm") from None
        self.bar = tqdm(total=self.epochs, desc="training", unit="epoch", ncols=80)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()


class _Record(Callback):
    """Keeps the losses in the estimator, and calls its on_epoch."""

    def __init__(self, estimator: NeuralEstimator) -> None:
        self.estimator = estimator

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        estimator, loss = self.estimator, float((logs or {})["loss"])
        estimator.history_.append(loss)
        estimator.n_iter_ += 1
        estimator._settled(self.training.objective)
        if estimator.on_epoch is not None:
            estimator.module_.eval()
            estimator.on_epoch(estimator, epoch, loss)
            estimator.module_.train()
