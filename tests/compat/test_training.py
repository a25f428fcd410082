"""Training: PyTorch's hand-written loop is the judge of losses and parameters."""
import copy

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch.training import History, NonFiniteLossError, Trainer, TrainerConfig

BATCH = 16


def data(n=100, features=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, features)).astype(np.float32)
    return x, rng.integers(0, classes, n)


def twins(seed=0, classes=3):
    """The same network in both libraries."""
    torch.manual_seed(seed)
    theirs = torch.nn.Sequential(torch.nn.Linear(6, 12), torch.nn.ReLU(), torch.nn.Linear(12, classes))
    ours = rt.nn.Sequential(rt.nn.Linear(6, 12), rt.nn.ReLU(), rt.nn.Linear(12, classes))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def hand_loop(model, x, y, optimizer, epochs, criterion=None, batch=BATCH, clip_norm=None, clip_value=None,
              schedule=None, accumulate=1):
    """PyTorch's usual loop; mean loss of each epoch."""
    criterion = criterion or torch.nn.CrossEntropyLoss()
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    losses = []
    for _ in range(epochs):
        total = 0.0
        starts = list(range(0, len(x), batch))
        for i, start in enumerate(starts):
            part, target = x[start : start + batch], y[start : start + batch]
            loss = criterion(model(part), target)
            total += loss.item() * len(part)
            first = i - i % accumulate
            (loss / min(accumulate, len(starts) - first)).backward()
            if (i + 1) % accumulate == 0 or i + 1 == len(starts):
                if clip_value is not None:
                    torch.nn.utils.clip_grad_value_(model.parameters(), clip_value)
                if clip_norm is not None:
                    torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
                optimizer.step()
                optimizer.zero_grad()
        losses.append(total / len(x))
        if schedule is not None:
            schedule.step()
    return losses


def agree(ours, theirs, tolerance=1e-5):
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=name)


def pair(make, ours, theirs):
    """The same optimiser over both."""
    return make(rt.optim, ours.parameters()), make(torch.optim, theirs.parameters())


@pytest.mark.parametrize("make", [
    lambda o, p: o.SGD(p, lr=0.1, momentum=0.9), lambda o, p: o.Adam(p, lr=0.01),
    lambda o, p: o.AdamW(p, lr=0.01, weight_decay=0.1), lambda o, p: o.RMSprop(p, lr=0.003),
], ids=["sgd", "adam", "adamw", "rmsprop"])  # fmt: skip
def test_losses_are_those_of_a_hand_written_loop(make):
    x, y = data()
    ours, theirs = twins()
    our_optimizer, their_optimizer = pair(make, ours, theirs)
    history = Trainer(ours, our_optimizer, rt.nn.CrossEntropyLoss()).train(
        (x, y), epochs=5, batch_size=BATCH, shuffle=False, verbose=False
    )
    expected = hand_loop(theirs, x, y, their_optimizer, 5)
    np.testing.assert_allclose(history.train_loss(), expected, rtol=2e-5)
    agree(ours, theirs)


@pytest.mark.parametrize("settings, hand", [
    ({"gradient_clip_norm": 0.1}, {"clip_norm": 0.1}), ({"gradient_clip_value": 0.01}, {"clip_value": 0.01}),
    ({"accumulation_steps": 3}, {"accumulate": 3}),
    ({"accumulation_steps": 4, "gradient_clip_norm": 0.2}, {"accumulate": 4, "clip_norm": 0.2}),
], ids=str)  # fmt: skip
def test_clipping_and_accumulation(settings, hand):
    x, y = data()
    ours, theirs = twins()
    a, b = pair(lambda o, p: o.SGD(p, lr=0.5), ours, theirs)
    config = TrainerConfig(epochs=4, batch_size=BATCH, shuffle=False, verbose=False, optimizer=a,
                           loss=rt.nn.CrossEntropyLoss(), **settings)  # fmt: skip
    history = Trainer(config).train(ours, (x, y))
    np.testing.assert_allclose(history.train_loss(), hand_loop(theirs, x, y, b, 4, **hand), rtol=2e-5)
    agree(ours, theirs)


def test_accumulation_is_one_large_batch():
    x, y = data(96)
    one, other = twins()[0], twins()[0]
    common = {"epochs": 3, "shuffle": False, "verbose": False, "optimizer": "SGD(lr=0.1)", "loss": "cross_entropy"}
    Trainer(TrainerConfig(batch_size=32, **common)).train(one, (x, y))
    Trainer(TrainerConfig(batch_size=8, accumulation_steps=4, **common)).train(other, (x, y))
    for p, q in zip(one.parameters(), other.parameters()):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_schedule_every_epoch():
    x, y = data()
    ours, theirs = twins()
    a, b = pair(lambda o, p: o.SGD(p, lr=0.5), ours, theirs)
    history = Trainer(ours, a, "cross_entropy").train(
        (x, y), epochs=6, batch_size=BATCH, shuffle=False, verbose=False, schedule="StepLR(step_size=2, gamma=0.5)"
    )
    expected = hand_loop(theirs, x, y, b, 6, schedule=torch.optim.lr_scheduler.StepLR(b, 2, 0.5))
    np.testing.assert_allclose(history.train_loss(), expected, rtol=2e-5)
    assert history["learning_rate"] == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_a_second_training_begins_its_schedule_anew():
    model = rt.Model(layers=[*twins()[0]])
    model.compile("SGD(lr=0.5)", "cross_entropy")
    options = {"epochs": 4, "schedule": "cosine", "verbose": False}
    rates = [model.fit(data(), **options)["learning_rate"] for _ in range(2)]
    assert rates[0] == rates[1] and rates[0][0] == 0.5 and rates[0][-1] < 0.1
    assert model.fit(data(), learning_rate=0.25, **options)["learning_rate"][0] == 0.25


def test_schedule_every_step_goes_over_all_steps():
    x, y = data(64)
    ours, _ = twins()
    optimizer = rt.optim.SGD(ours.parameters(), lr=0.5)
    Trainer(ours, optimizer, "cross_entropy").train(
        (x, y), epochs=3, batch_size=BATCH, verbose=False, schedule="linear", schedule_every="step"
    )
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name, activation, criterion, target", [
    ("categorical_crossentropy", "softmax", "CrossEntropyLoss", "labels"),
    ("categorical_crossentropy", "softmax", "CrossEntropyLoss", "onehot"),
    ("sparse_categorical_crossentropy", None, "CrossEntropyLoss", "column"),
    ("binary_crossentropy", "sigmoid", "BCEWithLogitsLoss", "many"),
    ("mse", None, "MSELoss", "values"), ("mae", None, "L1Loss", "values"), ("huber", None, "HuberLoss", "values"),
])  # fmt: skip
def test_losses_by_name(name, activation, criterion, target):
    """A last softmax or sigmoid is part of the loss, as PyTorch's losses have it."""
    x, labels = data()
    rng = np.random.default_rng(1)
    eye = np.eye(3, dtype=np.float32)
    values = rng.standard_normal((len(x), 3)).astype(np.float32)
    ours_y = {"labels": labels.astype(np.int32), "onehot": eye[labels], "column": labels[:, None], "values": values,
              "many": (values > 0).astype(np.int64)}[target]  # fmt: skip
    theirs_y = {"many": (values > 0).astype(np.float32), "values": values}.get(target, labels)
    ours, theirs = twins()
    model = rt.Model(layers=[*ours, *([] if activation is None else [activation])])
    model.compile("SGD(lr=0.1)", name)
    history = model.fit(x, ours_y, epochs=3, batch_size=BATCH, shuffle=False, verbose=False)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    expected = hand_loop(theirs, x, theirs_y, optimizer, 3, getattr(torch.nn, criterion)())
    np.testing.assert_allclose(history.train_loss(), expected, rtol=2e-5)
    agree(ours, theirs)


def test_probabilities_from_a_forward_of_ones_own_are_seen():
    x, y = data()

    class Net(rt.nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            return rt.nn.functional.softmax(self.body(x), dim=1)

    ours, theirs = twins()
    history = Trainer(Net(ours), "SGD(lr=0.1)", "categorical_crossentropy").train(
        (x, y), epochs=3, batch_size=BATCH, shuffle=False, verbose=False
    )
    expected = hand_loop(theirs, x, y, torch.optim.SGD(theirs.parameters(), lr=0.1), 3)
    np.testing.assert_allclose(history.train_loss(), expected, rtol=1e-4)


def test_saturated_probabilities_still_teach():
    """Where a softmax gives 0, the loss of what goes into it still has a gradient."""
    model = rt.Model(layers=[rt.nn.Linear(1, 2), "softmax"])
    with rt.no_grad():
        model[0].weight.copy_(rt.tensor([[500.0], [-500.0]]))
        model[0].bias.zero_()
    model.compile("SGD(lr=1.0)", "categorical_crossentropy")
    before = model[0].weight.detach().clone()
    history = model.fit(rt.ones(4, 1), rt.ones(4, dtype=rt.int64), epochs=1, verbose=False)
    assert history.train_loss() == [1000.0]
    assert (model[0].weight - before).abs().max().item() == pytest.approx(1.0)


def test_class_and_sample_weights():
    """The mean over the batch of weight times loss, as Keras has it."""
    x, y = data(BATCH)
    weights = np.linspace(0.0, 2.0, BATCH, dtype=np.float32)
    classes = {0: 0.5, 2: 3.0}
    ours, theirs = twins()
    model = rt.Model(layers=[*ours])
    model.compile("SGD(lr=0.1)", "categorical_crossentropy")
    history = model.fit(x, y, epochs=1, batch_size=BATCH, sample_weight=weights, class_weight=classes, shuffle=False,
                        verbose=False)  # fmt: skip
    each = torch.nn.CrossEntropyLoss(reduction="none")(theirs(torch.as_tensor(x)), torch.as_tensor(y))
    table = torch.tensor([0.5, 1.0, 3.0])
    loss = (each * torch.as_tensor(weights) * table[torch.as_tensor(y)]).mean()
    loss.backward()
    torch.optim.SGD(theirs.parameters(), lr=0.1).step()
    assert history.train_loss()[0] == pytest.approx(loss.item(), rel=1e-5)
    agree(ours, theirs)


def test_validation_and_evaluate_use_eval_mode():
    x, y = data()
    ours, theirs = twins()
    model = rt.Model(layers=[*ours, "Dropout(0.9)"])
    model.compile("SGD(lr=0.0001)", "cross_entropy", ["accuracy"])
    history = model.fit((x, y), validation_data=(x, y), epochs=1, verbose=False)
    measured = model.evaluate((x, y))
    assert history.val_loss() == [measured["loss"]] and history.val_accuracy() == [measured["accuracy"]]
    theirs.load_state_dict({k: torch.as_tensor(v.numpy()) for k, v in rt.nn.Sequential(*ours).state_dict().items()})
    out = theirs(torch.as_tensor(x))
    loss = torch.nn.functional.cross_entropy(out, torch.as_tensor(y)).item()
    assert measured["loss"] == pytest.approx(loss, rel=1e-5)
    assert measured["accuracy"] == pytest.approx((out.argmax(1).numpy() == y).mean())


def test_validation_frequency():
    x, y = data()
    ours, _ = twins()
    trainer = Trainer(ours, "adam", "cross_entropy")
    history = trainer.train((x, y), (x, y), epochs=7, validation_frequency=3, verbose=False)
    assert history.validated == [2, 5] and len(history.val_loss()) == 2 and len(history.train_loss()) == 7
    history = trainer.train((x, y), (x, y), epochs=4, validation_frequency=[1, 4], verbose=False)
    assert history.validated == [0, 3]


@pytest.mark.parametrize("mode, dtype", [(True, "bfloat16"), ("bfloat16", "bfloat16"), ("float16", "float16")])
def test_mixed_precision(mode, dtype):
    x, y = data()
    seen = []
    ours, _ = twins()
    ours[0].register_forward_hook(lambda module, args, output: seen.append(str(output.dtype)))
    history = Trainer(ours, "adam", "cross_entropy").train((x, y), epochs=20, mixed_precision=mode, verbose=False)
    assert set(seen) == {dtype}
    assert history.train_loss()[-1] < history.train_loss()[0]
    assert all(str(p.dtype) == "float32" for p in ours.parameters())


def test_lbfgs_gets_its_closure():
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [2.0], [-1.0]], np.float32) + 0.5
    net = rt.nn.Linear(3, 1)
    trainer = Trainer(net, rt.optim.LBFGS(net.parameters()), "mse")
    history = trainer.train((x, y), epochs=3, batch_size=50, verbose=False)
    assert history.train_loss()[-1] < 1e-8


def test_both_forms_of_the_trainer_train_alike():
    x, y = data()
    one, other = twins()[0], twins()[0]
    config = TrainerConfig(epochs=3, learning_rate=0.05, optimizer="sgd", loss="cross_entropy", shuffle=False,
                           verbose=False)  # fmt: skip
    a = Trainer(config).train(one, (x, y))
    b = Trainer(other, rt.optim.SGD(other.parameters(), lr=0.05), rt.nn.CrossEntropyLoss()).train(
        rt.data.DataLoader(rt.data.TensorDataset(x, y), batch_size=32), epochs=3, verbose=False
    )
    assert a.train_loss() == b.train_loss()


def test_learning_rate_of_the_config_goes_before_that_of_the_optimizer():
    x, y = data()
    model = rt.Model(layers=[*twins()[0]])
    model.compile("adam", "categorical_crossentropy")
    Trainer(TrainerConfig(epochs=1, learning_rate=0.25, verbose=False)).train(model, (x, y))
    assert model.optimizer.param_groups[0]["lr"] == 0.25 and isinstance(model.optimizer, rt.optim.Adam)


def test_a_second_fit_goes_on_with_the_optimizers_state():
    x, y = data()
    ours, theirs = twins()
    model = rt.Model(layers=[*ours])
    model.compile("Adam(lr=0.01)", "cross_entropy")
    options = {"batch_size": BATCH, "epochs": 1, "shuffle": False, "verbose": False}
    losses = [model.fit((x, y), **options).train_loss()[0] for _ in range(3)]
    optimizer = torch.optim.Adam(theirs.parameters(), 0.01)
    np.testing.assert_allclose(losses, hand_loop(theirs, x, y, optimizer, 3), rtol=2e-5)


FORMS = {
    "pair": lambda x, y: (x, y), "tensors": lambda x, y: (rt.tensor(x), rt.tensor(y)),
    "dataset": lambda x, y: rt.data.TensorDataset(x, y),
    "loader": lambda x, y: rt.data.DataLoader(rt.data.TensorDataset(x, y), batch_size=BATCH),
    "batches": lambda x, y: [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(x), BATCH)],
    "torch": lambda x, y: (torch.as_tensor(x), torch.as_tensor(y)),
    "torch loader": lambda x, y: torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(y)), batch_size=BATCH),
    "float64": lambda x, y: (x.astype(np.float64), y),
    "float64 loader": lambda x, y: rt.data.DataLoader(rt.data.TensorDataset(x.astype(np.float64), y), batch_size=BATCH),
    "samples": lambda x, y: _Samples(x, y),
}  # fmt: skip


class _Samples(rt.data.Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_data(form):
    x, y = data()
    losses, measured = [], []
    for given in ("pair", form):
        ours, _ = twins()
        trainer = Trainer(ours, "SGD(lr=0.1)", "cross_entropy", metrics=["accuracy"])
        history = trainer.train(FORMS[given](x, y), epochs=2, batch_size=BATCH, shuffle=False, verbose=False)
        losses.append(history.train_loss())
        measured.append(trainer.evaluate(FORMS[given](x, y)))
        assert trainer.predict(FORMS[given](x, y)).shape == (100, 3)
    np.testing.assert_allclose(*losses, rtol=1e-6)
    assert measured[0] == pytest.approx(measured[1], rel=1e-6)


def test_integers_become_floating_where_nothing_looks_them_up():
    x, y = np.arange(60, dtype=np.uint8).reshape(20, 3), np.arange(20) % 2
    losses = []
    for given in (x, x.astype(np.float32), x.astype(np.int64)):
        rt.manual_seed(0)
        model = rt.Model(layers=["Dense(4, relu)", "Dense(2, softmax)"])
        model.compile("adam", "categorical_crossentropy")
        losses.append(model.fit(given, y, epochs=2, shuffle=False, verbose=False).train_loss())
        assert model.predict(given).shape == (20, 2)
    assert losses[0] == losses[1] == losses[2]


def test_losses_that_overflow_in_half_precision_are_told():
    x, y = data()
    net = rt.nn.Linear(6, 3)
    with pytest.warns(RuntimeWarning, match="losses of epoch 1 were NaN or infinite"):
        Trainer(net, "sgd", "cross_entropy").train((x * 1e6, y), epochs=1, mixed_precision="float16", verbose=False)
    assert all(bool(p.isfinite().all()) for p in net.parameters())


def test_pandas_is_data():
    import pandas

    x = np.random.default_rng(0).standard_normal((40, 2))
    frame, series = pandas.DataFrame(x, columns=["a", "b"]), pandas.Series(x.sum(1))
    model = rt.Model(layers=["Dense(1)"])
    model.compile("SGD(lr=0.2)", "mse", ["r2"])
    model.fit(frame, series, epochs=30, verbose=False)
    assert model.evaluate(frame, series)["r2"] > 0.99 and model.predict(frame).shape == (40, 1)


@pytest.mark.parametrize("layers", [
    ["Dense(4, softmax)"], ["Dense(4)"], ["Conv1D(4, 1)", rt.nn.Softmax(1)], ["Conv1D(4, 1)"],
], ids=["softmax", "dense", "softmax1", "conv"])  # fmt: skip
@pytest.mark.parametrize("form", ["labels", "onehot"])
def test_classes_of_sequences_stand_where_the_layer_puts_them(layers, form):
    """Also where there are as many steps as classes: last behind a dense layer, second behind a convolution."""
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((12, 4, 4)).astype(np.float32), rng.integers(0, 4, (12, 4))
    dense = layers[0].startswith("Dense")
    onehot = np.eye(4, dtype=np.float32)[labels]
    targets = labels if form == "labels" else onehot if dense else np.moveaxis(onehot, -1, 1).copy()
    rt.manual_seed(0)
    model = rt.Model(layers=layers)
    model.compile("SGD(lr=0.0001)", "categorical_crossentropy", ["accuracy"])
    model.build((4, 4))
    logits = torch.as_tensor(rt.nn.Sequential(model[0])(rt.tensor(x)).detach().numpy())
    logits = logits.movedim(-1, 1) if dense else logits
    expected = torch.nn.functional.cross_entropy(logits, torch.as_tensor(labels)).item()
    history = model.fit(x, targets, epochs=1, batch_size=12, verbose=False)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert history["accuracy"][0] == pytest.approx((logits.argmax(1).numpy() == labels).mean())


def test_outputs_in_tuples_and_dicts():
    class Two(rt.nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind, self.layer = kind, rt.nn.Linear(3, 4)

        def forward(self, x):
            a, b = self.layer(x).chunk(2, 1)
            return {"a": a, "b": b} if self.kind is dict else (a, b)

    x, y = rt.randn(20, 3), rt.randn(20, 2)
    for kind, name in ((dict, "a"), (tuple, 0)):
        trainer = Trainer(Two(kind), "adam", lambda o, t, name=name: ((o[name] - t) ** 2).mean())
        assert trainer.train((x, y), batch_size=8, epochs=2, verbose=False).train_loss()[1] > 0
        assert trainer.predict(x)[name].shape == (20, 2)


def test_several_inputs():
    class Two(rt.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = rt.nn.Linear(2, 1), rt.nn.Linear(3, 1)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    a, b = rt.randn(30, 2), rt.randn(30, 3)
    y = a.sum(1, keepdim=True) - b.sum(1, keepdim=True)
    history = Trainer(Two(), "SGD(lr=0.1)", "mse").train(((a, b), y), epochs=60, verbose=False)
    assert history.train_loss()[-1] < 1e-3


def test_targets_of_one_column_and_of_none_are_the_same():
    """(n, 1) outputs with (n) targets are compared element by element, not each with each."""
    x = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    y = x.sum(1)
    histories = []
    for targets in (y, y[:, None], y.astype(np.float64)):
        rt.manual_seed(0)
        model = rt.Model(layers=["Dense(1)"])
        model.compile("sgd", "mse", ["mae", "r2"])
        histories.append(model.fit(x, targets, epochs=2, shuffle=False, verbose=False).history)
    assert histories[0] == histories[1] == histories[2]


def test_steps_per_epoch_limits_an_endless_loader():
    x, y = data()

    def endless():
        while True:
            yield x[:BATCH], y[:BATCH]

    ours, _ = twins()
    seen = []
    history = Trainer(ours, "sgd", "cross_entropy").train(
        endless(), epochs=3, steps_per_epoch=4, verbose=False,
        callbacks=[rt.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))],
    )  # fmt: skip
    assert seen == [0, 1, 2, 3] * 3 and len(history) == 3


def test_nan_is_told_before_it_spoils_the_parameters():
    x, y = data()
    x[40] = np.nan
    ours, _ = twins()
    with pytest.raises(NonFiniteLossError, match=r"NaN at epoch 1, batch 3.*inputs"):
        Trainer(ours, "sgd", "cross_entropy").train((x, y), batch_size=BATCH, shuffle=False, verbose=False)
    assert all(bool(p.isfinite().all()) for p in ours.parameters())
    trainer = Trainer(ours, "sgd", "cross_entropy")
    with pytest.warns(RuntimeWarning, match="NaN at epoch 1"):
        history = trainer.train((x, y), batch_size=BATCH, shuffle=False, verbose=False, on_nonfinite="stop")
    assert "NaN" in history.stop_reason
    with pytest.warns(RuntimeWarning, match="NaN"):
        Trainer(ours, "sgd", "cross_entropy").train((x, y), verbose=False, callbacks=[rt.callbacks.TerminateOnNaN()])


def test_a_rate_that_is_too_large_is_told():
    x = rt.randn(32, 4)
    with pytest.raises(ArithmeticError, match=r"learning rate|parameters"):
        Trainer(rt.nn.Linear(4, 1), "SGD(lr=1e20)", "mse").train((x, x[:, :1]), epochs=50, verbose=False)


def test_train_step_descends():
    x, y = data()
    batch = rt.tensor(x), rt.tensor(y)
    ours, _ = twins()
    losses = [rt.utils.train_step(ours, batch).item() for _ in range(100)]
    assert losses[-1] < 0.95 * losses[0]
    model = rt.Model(layers=[*twins()[0]])
    model.compile("SGD(lr=0.1)", "categorical_crossentropy")
    theirs = twins()[1]
    expected = hand_loop(theirs, x, y, torch.optim.SGD(theirs.parameters(), 0.1), 5, batch=100)
    np.testing.assert_allclose([rt.utils.train_step(model, batch).item() for _ in range(5)], expected, rtol=2e-5)
    own = rt.optim.SGD(ours.parameters(), 0.1)
    assert isinstance(rt.utils.train_step(ours, batch, own, rt.nn.CrossEntropyLoss()).item(), float)


def test_seed_makes_trainings_equal():
    x, y = data()

    def run():
        model = rt.Model(layers=["Dense(8, activation=relu)", "Dropout(0.5)", "Dense(3)"])
        rt.manual_seed(3)
        model.compile("adam", "cross_entropy")
        return model.fit((x, y), epochs=3, verbose=False, seed=7).history

    assert run() == run()


def test_history():
    history = History()
    history.append(0, {"loss": 3.0})
    history.append(1, {"loss": 2.0, "val_loss": 2.5})
    assert history.to_pandas()["val_loss"].isna().tolist() == [True, False]
    assert history.best_epoch() == 1 and history.best_epoch("loss") == 1 and len(history) == 2
    again = copy.deepcopy(history)
    again.load_state_dict(history.state_dict())
    assert again.history == history.history
    with pytest.raises(KeyError, match="there are loss, val_loss"):
        history["accuracy"]


def test_modules_get_no_attributes_of_ours(tmp_path):
    class Net(rt.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = rt.nn.Linear(6, 3)

        def forward(self, x):
            return self.layer(x)

    net = Net()
    before = set(net.__dict__)
    stop = rt.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(net, "stop_training", True))
    assert len(Trainer(net, "adam", "cross_entropy").train(data(), epochs=3, verbose=False, callbacks=[stop])) == 1
    assert set(net.__dict__) == before
