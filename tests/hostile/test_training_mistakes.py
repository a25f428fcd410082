"""Wrong settings, data and texts of trainings: an error that says what was expected and what came."""
import numpy as np
import pytest

import rustorch as rt
from rustorch.training import Trainer, TrainerConfig
from rustorch.training.layers import layers_from

X, Y = rt.ones(8, 3), rt.zeros(8, dtype=rt.int64)


def model(loss="cross_entropy", metrics=(), layers=("Dense(2)",)):
    made = rt.Model(layers=layers)
    made.compile("sgd", loss, metrics)
    return made


@pytest.mark.parametrize("text, said", [
    ("Dens(3)", "did you mean Dense"), ("Dense", "missing 1 required"), ("Dense()", "units"), ("Dense(-1)", "not -1"),
    ("Dense(2.5)", "not 2.5"), ("Dense(True)", "not True"), ("Dense(3, activation=rleu)", "did you mean relu"),
    ("Dense(3, foo=1)", "foo"), ("Dropout(2)", "between 0 and 1"), ("Conv2D(3)", "kernel_size"), ("", "is not a layer"),
    ("3", "is not a layer"), ("Dense(3", "is not a layer"), ("Dense(x.y)", "is not a layer"), ("Dense(*[3])", "is not"),
    ("Dense(**{'units': 3})", "is not a layer"), ("a.Dense(3)", "is not a layer"),
    ("Dense(3); Dense(4)", "is not a layer"),
    ("__import__('os').system('true')", "is not a layer"), ("Dense(__import__('os'))", "whole number"),
    ("(lambda: 3)()", "is not a layer"), ("Dense([i for i in range(3)])", "is not a layer"),
    ("Module()", "unknown layer"),
    ("Sequential()", "unknown layer"), ("MSELoss()", "unknown layer"), ("DataParallel()", "unknown layer"),
    ("(" * 1000, "is not a layer"), ("Dense(" + "9" * 5000 + ")", "is not a layer"), ("\x00", "is not a layer"),
    ("Dense(" + "-" * 900 + "1)", "is not a layer"), ("Bidirectional(Dense(3))", "recurrent"),
    ("LSTM(3, activation=relu)", "no other activation"), ("Reshape()", "lengths"), ("Input()", "lengths"),
    ("Input(0)", "lengths"), ("MaxPooling2D(2, padding=foo)", "padding"),
])  # fmt: skip
def test_texts_that_are_no_layers(text, said):
    with pytest.raises(ValueError, match=said):
        layers_from(text)


@pytest.mark.parametrize("name, value", [
    ("epochs", -1), ("epochs", 2.5), ("epochs", "ten"), ("epochs", True), ("learning_rate", 0), ("learning_rate", -0.1),
    ("learning_rate", float("nan")), ("learning_rate", "fast"), ("batch_size", 0), ("validation_frequency", 0),
    ("validation_frequency", [0]), ("gradient_clip_norm", -1), ("gradient_clip_value", 0), ("accumulation_steps", 0),
    ("mixed_precision", "int8"), ("seed", -1), ("checkpoint_every", 0), ("checkpoint_dir", 3), ("resume", 3.5),
    ("early_stopping_patience", -1), ("verbose", "loud"), ("num_workers", -1), ("shuffle", "yes"),
    ("on_nonfinite", "shrug"), ("schedule_every", "month"), ("steps_per_epoch", 0), ("log_frequency", 0),
    ("weight_decay", -1), ("class_weight", [1.0]), ("class_weight", {"a": 1.0}), ("class_weight", {0: -1}),
    ("early_stopping_monitor", 3),
])  # fmt: skip
def test_settings_without_sense(name, value):
    with pytest.raises((ValueError, TypeError), match=name):
        TrainerConfig(**{name: value})
    config = TrainerConfig()
    with pytest.raises((ValueError, TypeError), match=name):
        setattr(config, name, value)
    with pytest.raises((ValueError, TypeError), match=name):
        model().fit(X, Y, **{name: value})


def test_settings_that_do_not_exist():
    with pytest.raises(TypeError, match="learnin_rate"):
        TrainerConfig(learnin_rate=0.1)
    with pytest.raises(TypeError, match="did you mean learning_rate"):
        model().fit(X, Y, learnin_rate=0.1)
    with pytest.raises(TypeError, match="here it is called mixed_precision"):
        model().compile("adam", "mse", amp=True)
    with pytest.raises(AttributeError, match="did you mean epochs"):
        TrainerConfig().epoch = 3
    with pytest.raises(rt.DeviceError):
        TrainerConfig(device="cuda:0")


@pytest.mark.parametrize("arguments, error, said", [
    (("adan", "mse"), ValueError, "did you mean adam"), (("adam", "msee"), ValueError, "did you mean mse"),
    (("adam", "mse", ["acuracy"]), ValueError, "did you mean accuracy"), ((3, "mse"), TypeError, "not int"),
    (("adam", 3), TypeError, "not int"), (("adam", "mse", [3]), TypeError, "not int"),
    (("adam", "mse", ["accuracy", "accuracy"]), ValueError, "two metrics"),
    (("Adam(lr=-1)", "mse"), ValueError, "rate"),
    (("adam", "__import__('os')"), ValueError, "unknown loss"), (("adam", "mse(0.5)"), ValueError, "by name"),
])  # fmt: skip
def test_compile(arguments, error, said):
    with pytest.raises(error, match=said):
        made = rt.Model(layers=["Dense(1)"])
        made.compile(*arguments)
        made.fit(X, X[:, :1], verbose=False)


def test_order_of_calls():
    for call in ("fit", "evaluate", "train_on_batch"):
        with pytest.raises(RuntimeError, match="not compiled"):
            getattr(rt.Model(layers=["Dense(1)"]), call)(X, Y)
    with pytest.raises(ValueError, match="no parameters"):
        model(layers=["relu"]).fit(X, Y, verbose=False)
    with pytest.raises(ValueError, match="must come first"):
        model().add("Input(3)")
    with pytest.raises(TypeError, match="text or a Module"):
        model().add(3)
    with pytest.raises(ValueError, match="none of the model's parameters"):
        other = rt.nn.Linear(3, 2)
        trainer = Trainer(rt.nn.Linear(3, 2), rt.optim.SGD(other.parameters(), lr=0.1), "cross_entropy")
        trainer.train((X, Y), verbose=False)


@pytest.mark.parametrize("data, error, said", [
    ((X, Y[:5]), ValueError, "differ in length"), (3, TypeError, "not int"), ("data.csv", TypeError, "not str"),
    ((X[:0], Y[:0]), ValueError, "empty"), ([], ValueError, "no batch"), ([(X, Y, Y, Y)], ValueError, "length 4"),
    (X, TypeError, "compares tensors"), ({"x": X}, TypeError, "not dict"), (None, TypeError, "no data"),
    ((X, rt.zeros(8, 5)), rt.ShapeMismatchError, "one-hot"), ((X, Y + 7), (ValueError, IndexError), "class|range"),
    ((rt.tensor(1.0), rt.tensor(1.0)), (ValueError, TypeError), "first dimension|len"),
])  # fmt: skip
def test_data(data, error, said):
    with pytest.raises(error, match=said):
        model().fit(data, verbose=False)


def test_shapes_of_outputs_and_targets():
    with pytest.raises(rt.ShapeMismatchError, match=r"output has shape \(8, 2\), the targets \(8, 3\)") as caught:
        model("mse").fit(X, X, verbose=False)
    assert caught.value.shape1 == (8, 2)
    with pytest.raises(ValueError, match="use binary_crossentropy"):
        model("categorical_crossentropy", layers=["Dense(1)"]).fit(X, Y, verbose=False)
    with pytest.raises(TypeError, match=r"tensor of one number, not Tensor of shape \(8, 2\)"):
        model(lambda o, t: o).fit(X, Y, verbose=False)
    with pytest.raises(TypeError, match="tensor of one number, not float"):
        model(lambda o, t: 3.0).fit(X, Y, verbose=False)
    with pytest.raises(TypeError, match="loss of each sample"):
        model(lambda o, t: o.mean()).fit(X, Y, sample_weight=np.ones(8), verbose=False)


def test_splits_and_steps():
    with pytest.raises(ValueError, match="between 0 and 1"):
        model().fit(X, Y, validation_split=1.5, verbose=False)
    with pytest.raises(ValueError, match="not both"):
        model().fit(X, Y, validation_split=0.5, validation_data=(X, Y), verbose=False)
    with pytest.raises(ValueError, match="leaves nothing"):
        model().fit(X, Y, validation_split=0.01, verbose=False)
    with pytest.raises(ValueError, match="gives its batches once"):
        model().fit(iter([(X, Y)]), epochs=2, verbose=False)
    with pytest.raises(TypeError, match="weights go with arrays"):
        model().fit([(X, Y)], sample_weight=np.ones(8), verbose=False)
    with pytest.raises(TypeError, match="has its own"):
        model().fit(rt.data.TensorDataset(X, Y), Y, verbose=False)


def test_trainers():
    with pytest.raises(TypeError, match="needs a Module or a TrainerConfig, not str"):
        Trainer("adam")
    with pytest.raises(TypeError, match="needs a model"):
        Trainer(TrainerConfig()).train((X, Y))
    with pytest.raises(TypeError, match="no data"):
        Trainer(TrainerConfig(verbose=False)).train(model())
    with pytest.raises(TypeError, match="go with a model"):
        Trainer(TrainerConfig(), "adam", "mse")
    with pytest.raises(TypeError, match="two sets of data"):
        Trainer(model()).train((X, Y), (X, Y), (X, Y), verbose=False)


@pytest.mark.parametrize("make, said", [
    (lambda c: c.EarlyStopping(patience=-1), "patience"), (lambda c: c.EarlyStopping(mode="up"), "mode"),
    (lambda c: c.ReduceLROnPlateau(factor=2), "factor"), (lambda c: c.ModelCheckpoint("a", save_freq=0), "save_freq"),
    (lambda c: c.LearningRateScheduler(3), "function"), (lambda c: c.LambdaCallback(on_epoch=print), "on_epoch"),
    (lambda c: c.TensorBoard("a", update_freq="day"), "update_freq"), (lambda c: c.register_training_callback(3),
    "function"),
])  # fmt: skip
def test_callbacks_without_sense(make, said):
    with pytest.raises((ValueError, TypeError), match=said):
        make(rt.callbacks)


def test_callbacks_that_watch_what_is_not_there(tmp_path):
    for callback in (rt.callbacks.EarlyStopping(), rt.callbacks.ReduceLROnPlateau("val_accuracy"),
                     rt.callbacks.ModelCheckpoint(tmp_path / "x", save_best_only=True)):  # fmt: skip
        with pytest.raises(ValueError, match="no validation data; measured are loss"):
            model().fit(X, Y, verbose=False, callbacks=[callback])
    with pytest.raises(KeyError, match="there are epoch, loss"):
        model().fit(X, Y, verbose=False, callbacks=[rt.callbacks.ModelCheckpoint(tmp_path / "{val_loss}")])
    with pytest.raises(TypeError, match="LambdaCallback"):
        model().fit(X, Y, verbose=False, callbacks=[print])
    with pytest.raises(TypeError, match="returned None, not a number"):
        model().fit(X, Y, verbose=False, callbacks=[rt.callbacks.LearningRateScheduler(lambda epoch, rate: None)])


def test_callbacks_hear_of_errors():
    heard = []

    def fail(batch, logs):
        raise KeyboardInterrupt

    watch = rt.callbacks.LambdaCallback(on_exception=lambda error: heard.append(type(error)), on_train_batch_end=fail)
    with pytest.raises(KeyboardInterrupt):
        model().fit(X, Y, verbose=False, callbacks=[watch])
    assert heard == [KeyboardInterrupt]


@pytest.mark.parametrize("change", [
    {"attributes": {"forward": "x"}}, {"attributes": {"a b": 1}}, {"attributes": {"inner": [1]}}, {"attributes": 3},
    {"compiled": {"optimizer": "adan", "loss": "mse", "metrics": []}}, {"compiled": {}}, {"input_shape": ["x"]},
    {"compiled": {"optimizer": "adam", "loss": "__import__('os')", "metrics": []}}, {"input_shape": 3},
], ids=str)  # fmt: skip
def test_descriptions_of_models_are_checked(change):
    from rustorch.nn._description import build, describe

    described = describe(rt.Model(layers=[rt.nn.Linear(2, 2)]))
    assert isinstance(build(described), rt.Model)
    described["description"] = {"name": "n", "input_shape": None, "compiled": None, "attributes": {}, **change}
    with pytest.raises(ValueError, match="cannot be made"):
        build(described)
