"""Model: layers in a row that are compiled, fitted and evaluated as in Keras."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import nn
from .._C import zeros
from .._modes import no_grad
from ..nn.parameter import is_lazy
from . import runs
from .batches import Batches
from .config import TrainerConfig
from .evaluation import predict
from .history import History
from .layers import InputShape, layers_from
from .summary import summary_of

__all__ = ["Model"]

_KEPT = (bool, int, float, str, type(None))  # attributes of subclasses that files hold
_PLAIN = ("training", "_rustorch_place")


class _Derived:
    """A property that an attribute of a subclass may take the place of: self.layers = ModuleList(...)."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, model: Any, owner: Any = None) -> Any:
        return self if model is None else self.function(model)


class Model(nn.Sequential):
    """Layers in a row, with compile, fit, evaluate and predict.

    Args:
        given: the name, the layers, or both.
        name: of the model; its class's when there is none.
        layers: a list of texts, modules or both, as `add` takes them; or one module.

    It is an nn.Module (and an nn.Sequential): state_dict, to, hooks and all else work.  Subclasses may define
    `forward` and layers of their own in place of adding them.  What sizes the inputs have is found at the first
    batch, or by `build`.

    >>> import rustorch as rt
    >>> _ = rt.manual_seed(0)
    >>> x = rt.randn(200, 4); y = (x.sum(1) > 0).long()
    >>> model = Model("classifier")
    >>> model.add("Dense(16, activation=relu)")
    >>> model.add("Dense(2, activation=softmax)")
    >>> model.compile(optimizer="Adam(lr=0.01)", loss="categorical_crossentropy", metrics=["accuracy"])
    >>> history = model.fit((x, y), epochs=20, verbose=False)
    >>> len(history.train_loss()), model.evaluate((x, y))["accuracy"] > 0.95
    (20, True)
    """

    stop_training = False
    plain_row = True  # to other libraries it is a Sequential, unless a subclass has its own forward
    history: History | None = None

    def __init__(self, *given: Any, name: str | None = None, layers: Iterable[Any] = ()) -> None:
        super().__init__()
        rest = list(given)
        if rest and isinstance(rest[0], str) and name is None:
            name = rest.pop(0)
        if rest:
            layers = rest.pop(0)
        if rest or isinstance(layers, str) or (name is not None and not isinstance(name, str)):
            raise TypeError("Model: takes a name and a list of layers, such as Model('net', ['Dense(3)'])")
        if isinstance(layers, nn.Module):
            layers = [layers]
        self.name: str = name or type(self).__name__.lower()
        self._compiled: runs.Compiled | None = None
        self._input_shape: tuple[int, ...] | None = None
        for layer in layers:
            self.add(layer)

    # ---- layers ----

    def add(self, layer: Any) -> None:
        """Adds a layer at the end.

        Args:
            layer: a text, such as "Dense(128, activation=relu)", "Conv2D(16, 3, padding=same)", "Dropout(0.3)" or
                "Input(784)", which states the shape of a sample; or a Module.

        Raises:
            ValueError: the text is no layer, or its arguments do not fit.
            TypeError: layer is neither text nor Module.
        """
        if isinstance(layer, str):
            made = layers_from(layer)
            if isinstance(made, InputShape):
                if len(self):
                    raise ValueError(f"add: {layer!r} must come first, there are {len(self)} layers already")
                self._input_shape = made.shape
                return
        elif isinstance(layer, nn.Module):
            made = [layer]
        else:
            raise TypeError(f"add: a layer must be a text or a Module, not {type(layer).__name__}")
        for module in made:
            self.append(module)

    @_Derived
    def layers(self) -> list[nn.Module]:
        """The layers in their order."""
        return list(self.children())

    def build(self, input_shape: Iterable[int] | None = None) -> Model:
        """Gives all parameters their sizes, from the shape of a sample (without the batch).

        Raises:
            ValueError: the shape was given neither here nor by an "Input(...)".
        """
        shape = self._input_shape if input_shape is None else tuple(int(n) for n in input_shape if n is not None)
        if shape is None:
            raise ValueError("build: give the shape of a sample, such as build((784,))")
        self._input_shape = shape
        was_training = self.training
        embeds = isinstance(next(iter(self.modules_without_children()), None), nn.Embedding)
        self.eval()
        try:
            with no_grad():
                self(zeros(1, *shape, dtype="int64" if embeds else None))
        finally:
            self.train(was_training)
        return self

    def modules_without_children(self) -> Iterable[nn.Module]:
        """The modules that do the computing, in their order."""
        return (module for module in self.modules() if not any(True for _ in module.children()))

    @_Derived
    def built(self) -> bool:
        """Have all parameters their sizes?"""
        return not any(is_lazy(p) for p in self.parameters())

    def _like(self, items: list[tuple[str, nn.Module]]) -> nn.Sequential:
        return nn.Sequential(OrderedDict(items))

    # ---- training ----

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = (), **options: Any) -> None:
        """Says how the model is trained and measured.

        Args:
            optimizer: a name ("adam"), with arguments ("SGD(lr=0.1, momentum=0.9)"), a class, a function of the
                parameters, or an Optimizer of the model's parameters.
            loss: a name ("categorical_crossentropy", for labels and one-hot targets; "binary_crossentropy"; "mse";
                "mae"; "huber(delta=0.5)"; ...), a loss module or a function loss(outputs, targets).  None: cross
                entropy where targets are integers, squared error elsewhere.
            metrics: names ("accuracy", "f1", "top_k(k=3)", "auc", "r2", ...), Metric objects or functions
                metric(outputs, targets).
            options: settings of TrainerConfig that fit then starts from, such as mixed_precision=True.

        A model whose last layer is a softmax or sigmoid is trained on what goes into that layer.

        Raises:
            ValueError, TypeError: a name or an argument is unknown.
        """
        self._compiled = runs.Compiled(self, optimizer, loss, metrics, options)
        if self._input_shape is not None and not self.built:
            self.build()

    @_Derived
    def optimizer(self) -> Any:
        """The optimiser; None until it is made, which needs the sizes of the parameters."""
        return None if self._compiled is None else self._compiled.made_optimizer()

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = True,
        callbacks: Any = (), validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
        steps_per_epoch: int | None = None, validation_steps: int | None = None,
        validation_frequency: Any = 1, **options: Any,
    ) -> History:  # fmt: skip
        """Trains the model.

        Args:
            x: a DataLoader, a Dataset, an iterable of batches (inputs, targets), (inputs, targets) as arrays or
                tensors, or the inputs, with the targets in y.
            y: targets of arrays.
            batch_size: samples a step where no loader is given; 32 when None.
            epochs: the number of the last epoch; passes over the data, when initial_epoch is 0.
            verbose: True or 1, a progress bar (lines where there is no terminal); 2, a line an epoch; False, nothing.
            callbacks: Callback objects.
            validation_split: share of the last samples that is kept for validation.
            validation_data: as x, or (x, y).
            shuffle: a new order each epoch, of arrays and datasets.
            class_weight: class -> weight of its samples' losses.
            sample_weight: the weight of each sample's loss, an array.
            initial_epoch: the number of the first epoch.
            steps_per_epoch, validation_steps: at most so many batches.
            validation_frequency: epochs from one validation to the next.
            options: further settings of TrainerConfig: gradient_clip_norm, accumulation_steps, mixed_precision,
                checkpoint_dir, resume, seed, ...

        Returns:
            The History, which is also the model's `history`.  The model is then in eval mode: calling it predicts.

        Raises:
            RuntimeError: the model was not compiled.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        compiled = self._need_compiled("fit")
        if "validation_freq" in options:
            validation_frequency = options.pop("validation_freq")
        config = TrainerConfig(
            epochs=epochs, verbose=verbose, shuffle=shuffle, class_weight=class_weight, initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_frequency=validation_frequency, batch_size=_size(batch_size), callbacks=callbacks or (),
        ).replaced(**{**compiled.options, **options})  # fmt: skip
        try:
            return runs.fit(
                self, x, y, validation_data, config=config, compiled=compiled, sample_weight=sample_weight,
                validation_split=validation_split,
            )  # fmt: skip
        finally:
            self.eval()

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = False,
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = (),
    ) -> dict[str, Any]:  # fmt: skip
        """Loss and metrics on data, which are given as to fit: {"loss": ..., "accuracy": ...}."""
        compiled = self._need_compiled("evaluate")
        data = Batches(x, y, sample_weight, batch_size=_size(batch_size), steps=steps, what="evaluate")
        return runs.evaluate(self, data, compiled, callbacks, verbose)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = False, steps: int | None = None,
        callbacks: Any = (),
    ) -> Any:  # fmt: skip
        """Outputs for all inputs, as a Tensor, computed batch by batch; targets in the data are left aside."""
        data = Batches(x, batch_size=_size(batch_size), steps=steps, what="predict")
        return predict(self, data, runs.started(self, callbacks))

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
        """One step with one batch; loss and metrics of it."""
        compiled = self._need_compiled("train_on_batch")
        config = TrainerConfig(epochs=1, verbose=False).replaced(**compiled.options)
        batch = (x, y) if sample_weight is None else (x, y, sample_weight)
        history = runs.fit(self, [batch], config=config, compiled=compiled, keep=False)
        return {name: values[-1] for name, values in history.history.items()}

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Loss and metrics of one batch, without a step."""
        batch = (x, y) if sample_weight is None else (x, y, sample_weight)
        return runs.evaluate(self, [batch], self._need_compiled("test_on_batch"), (), False)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch."""
        return predict(self, [(x,)])

    def _need_compiled(self, what: str) -> runs.Compiled:
        if self._compiled is None:
            raise RuntimeError(f"{what}: the model is not compiled: call compile(optimizer, loss, metrics) first")
        return self._compiled

    # ---- files ----

    def describe(self) -> dict[str, Any]:
        """What a file says of the model beside its layers: name, shape of a sample, and what it was compiled with,
        where that was said by names.  TypeError for attributes of a subclass that are no numbers or texts."""
        own = ("name", "history", "stop_training", "_compiled", "_input_shape")
        attributes: dict[str, Any] = {}
        held = (*self._module_names, *self._parameter_names, *self._buffer_names)
        for name, value in self.__dict__.items():
            if name not in own and name not in held and name not in _PLAIN and not name.endswith(("_names", "_hooks")):
                if not isinstance(value, _KEPT):
                    raise TypeError(
                        f"save: {type(self).__name__} has the attribute {name!r}, a {type(value).__name__}; give the"
                        " class describe(self) and from_description(cls, description), or save the state_dict()"
                    )
                attributes[name] = value
        shape = None if self._input_shape is None else list(self._input_shape)
        compiled = None if self._compiled is None else self._compiled.named()
        return {"name": self.name, "input_shape": shape, "compiled": compiled, "attributes": attributes}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Model:
        """The model of a file, before it gets its layers."""
        model = cls.__new__(cls)
        nn.Module.__init__(model)
        shape, compiled = description["input_shape"], description["compiled"]
        attributes = dict(description["attributes"])
        for name, value in attributes.items():
            taken = hasattr(Model, name) and not isinstance(vars(Model).get(name), _Derived)
            if not str(name).isidentifier() or taken or not isinstance(value, _KEPT):
                raise ValueError(f"the attribute {str(name)[:100]!r} is none that a model keeps in a file")
        model.__dict__.update(
            attributes, name=str(description["name"]), history=None, _compiled=None,
            _input_shape=None if shape is None else tuple(int(n) for n in shape),
        )  # fmt: skip
        if compiled is not None:
            model._compiled = runs.Compiled(model, compiled["optimizer"], compiled["loss"], compiled["metrics"], {})
        return model

    # ---- showing ----

    def summary(self, input_shape: Iterable[int] | None = None, print_fn: Callable[[str], Any] = print) -> None:
        """Prints a table of the layers, the shapes of their outputs and the numbers of their parameters.

        Args:
            input_shape: of a sample, where the model has not seen one.
            print_fn: takes the text.
        """
        if input_shape is not None or (self._input_shape is not None and not self.built):
            self.build(input_shape)
        print_fn(summary_of(self, self._input_shape))


def _size(batch_size: int | None) -> int:
    """What Keras takes where no size of batches is given."""
    return 32 if batch_size is None else batch_size
