"""Callbacks, by what they do to a training and write into files; TensorBoard's own reader reads its files."""
import csv
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import rustorch as rt
from rustorch import callbacks as cb
from rustorch.training import Trainer, TrainerConfig, latest_checkpoint


def data(n=64):
    rt.manual_seed(0)
    x = rt.randn(n, 4)
    return x, (x.sum(1) > 0).long()


def model(*layers):
    rt.manual_seed(1)
    made = rt.Model(layers=layers or ["Dense(8, activation=relu)", "Dropout(0.2)", "Dense(2, softmax)"])
    made.compile("Adam(lr=0.01)", "categorical_crossentropy", ["accuracy"])
    return made


class Every(cb.Callback):
    """Notes every hook, which it defines."""

    def __init__(self):
        self.calls = []


def _noting(name):
    def hook(self, *args):
        self.calls.append((name, *[a for a in args if isinstance(a, int)]))

    return hook


for _name in cb.base.HOOKS:
    setattr(Every, _name, _noting(_name))


def test_order_of_hooks():
    every = Every()
    model().fit(data(), validation_data=data(), epochs=1, batch_size=32, verbose=False, callbacks=[every])
    step = ["on_after_backward", "on_before_optimizer_step"]
    expected = ["on_train_begin", "on_epoch_begin"]
    expected += ["on_train_batch_begin", *step, "on_train_batch_end"] * 2
    expected += ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    expected += ["on_epoch_end", "on_train_end"]
    assert [call[0] for call in every.calls] == expected
    assert ("on_train_batch_end", 1) in every.calls and ("on_epoch_end", 0) in every.calls


def test_predict_has_hooks():
    every = Every()
    made = model()
    made.fit(data(), verbose=False)
    made.predict(data()[0], callbacks=[every])
    assert [c[0] for c in every.calls][:2] == ["on_predict_begin", "on_predict_batch_begin"]


def test_logs_of_batches_are_means_so_far():
    seen = []
    history = model().fit(
        data(), batch_size=16, verbose=False,
        callbacks=[cb.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(dict(logs)))],
    )  # fmt: skip
    assert len(seen) == 4 and seen[-1] == {"loss": history["loss"][0], "accuracy": history["accuracy"][0]}


def test_early_stopping():
    values = iter([1.0, 0.5, 0.6, 0.7, 0.4, 0.1])
    feed = cb.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(watched=next(values)))
    stop = cb.EarlyStopping("watched", patience=2)
    stop.params = {}
    made = model()
    history = made.fit(data(), epochs=6, verbose=False, callbacks=[feed, stop])
    assert len(history) == 4 and stop.stopped_epoch == 3 and stop.best == 0.5 and stop.best_epoch == 1
    assert "watched has not improved on 0.5 of epoch 2" in history.stop_reason


def test_early_stopping_restores_the_best_weights():
    made = model()
    kept = {}

    def spoil(epoch, logs):
        logs["watched"] = [0.5, 0.9, 0.8, 0.7][epoch]
        if epoch == 1:
            kept.update({k: v.clone() for k, v in made.state_dict().items()})

    stop = cb.EarlyStopping("watched", mode="max", patience=2, restore_best_weights=True)
    made.fit(data(), epochs=9, verbose=False, callbacks=[cb.LambdaCallback(on_epoch_end=spoil), stop])
    assert stop.stopped_epoch == 3
    assert all(rt.equal(value, kept[name]) for name, value in made.state_dict().items())


def test_early_stopping_by_the_config():
    config = TrainerConfig(epochs=200, early_stopping_patience=1, early_stopping_min_delta=0.05, verbose=False)
    history = Trainer(config).train(model(), data(), data())
    assert len(history) < 200


def test_stop_training_as_keras_users_write_it():
    class Stop(cb.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.model.stop_training = True

    made = model()
    assert len(made.fit(data(), epochs=9, verbose=False, callbacks=[Stop()])) == 2
    assert len(made.fit(data(), epochs=3, verbose=False)) == 3
    net = rt.nn.Linear(4, 2)
    assert len(Trainer(net, "sgd", "cross_entropy").train(data(), epochs=9, verbose=False, callbacks=[Stop()])) == 2


def test_model_checkpoint(tmp_path):
    made = model()
    saved = cb.ModelCheckpoint(tmp_path / "deep" / "net-{epoch:02d}-{val_loss:.2f}.rustorch")
    best = cb.ModelCheckpoint(tmp_path / "best.rustorch", "val_accuracy", save_best_only=True)
    weights = cb.ModelCheckpoint(tmp_path / "weights.safetensors", save_weights_only=True, save_freq=3)
    history = made.fit(data(), validation_data=data(), epochs=3, batch_size=32, verbose=False,
                       callbacks=[saved, best, weights])  # fmt: skip
    assert sorted(os.listdir(tmp_path / "deep")) == [
        f"net-{e + 1:02d}-{v:.2f}.rustorch" for e, v in enumerate(history.val_loss())
    ]
    again = rt.load(saved.last_path)
    assert rt.equal(again(data()[0]), made.predict(data()[0]))
    assert again.evaluate(data()) == made.evaluate(data())
    assert best.best == max(history["val_accuracy"])
    made.load_state_dict(rt.load(tmp_path / "weights.safetensors"))


def test_learning_rates(tmp_path):
    made = model()
    history = made.fit(data(), epochs=3, verbose=False, callbacks=[
        cb.LearningRateScheduler(lambda epoch, rate: rate / 2), cb.CSVLogger(tmp_path / "log.csv")])  # fmt: skip
    assert history["learning_rate"] == [0.005, 0.0025, 0.00125]
    rows = rows_of(tmp_path / "log.csv")
    assert [float(row["learning_rate"]) for row in rows] == history["learning_rate"]
    assert [float(row["loss"]) for row in rows] == history["loss"] and [row["epoch"] for row in rows] == list("012")
    made = model()
    made.fit(data(), epochs=2, verbose=False, callbacks=[cb.LearningRateScheduler(lambda epoch: 0.5)])
    assert made.optimizer.param_groups[0]["lr"] == 0.5


def test_reduce_on_plateau():
    plateau = cb.ReduceLROnPlateau("loss", factor=0.1, patience=2, min_delta=100.0, min_lr=1e-4)
    history = model().fit(data(), epochs=8, verbose=False, callbacks=[plateau])
    np.testing.assert_allclose(history["learning_rate"], [0.01, 0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4], rtol=1e-12)


def rows_of(path, separator=","):
    with open(path) as file:
        return list(csv.DictReader(file, delimiter=separator))


def test_csv_has_a_column_for_validations_that_are_rare(tmp_path):
    model().fit(data(), validation_data=data(), epochs=4, validation_frequency=2, verbose=False,
                callbacks=[cb.CSVLogger(tmp_path / "log.csv", separator=";")])  # fmt: skip
    rows = rows_of(tmp_path / "log.csv", ";")
    assert [bool(row["val_loss"]) for row in rows] == [False, True, False, True]
    model().fit(data(), epochs=1, verbose=False, callbacks=[cb.CSVLogger(tmp_path / "log.csv", append=True)])
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 6


def test_tensorboard_reads_what_is_written(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = cb.TensorBoard(tmp_path, histogram_freq=1, update_freq="batch")
    history = model().fit(data(), validation_data=data(), epochs=2, batch_size=32, verbose=False, callbacks=[board])
    train, validation = (EventAccumulator(str(tmp_path / part)).Reload() for part in ("train", "validation"))
    np.testing.assert_allclose([e.value for e in train.Scalars("epoch_loss")], history["loss"], rtol=1e-6)
    np.testing.assert_allclose([e.value for e in validation.Scalars("epoch_loss")], history["val_loss"], rtol=1e-6)
    assert [e.step for e in train.Scalars("batch_loss")] == [1, 2, 3, 4]
    assert "0.weight" in train.Tags()["histograms"]


def test_layers_that_a_callback_freezes_stay_so():
    made = model("Dense(8)", "BatchNormalization()", "Dense(2, softmax)")
    made.build((4,))
    before = made[1].running_mean.clone()
    freeze = cb.LambdaCallback(on_epoch_begin=lambda epoch, logs: made[1].eval())
    made.fit(data(), validation_data=data(), epochs=3, verbose=False, callbacks=[freeze])
    assert rt.equal(made[1].running_mean, before)


def test_registered_functions(capsys):
    seen = []
    handle = cb.register_training_callback(lambda epoch, loss, accuracy: seen.append((epoch, loss, accuracy)))
    try:
        net = rt.nn.Linear(4, 2)
        history = Trainer(net, rt.optim.SGD(net.parameters(), lr=0.1), rt.nn.CrossEntropyLoss()).train(
            data(), epochs=2, verbose=False
        )
        assert seen == [(e, history["loss"][e], history["accuracy"][e]) for e in range(2)]
        net = rt.nn.Linear(4, 1)
        Trainer(net, "sgd", "mse").train((data()[0], data()[0][:, :1]), epochs=1, verbose=False)
        assert np.isnan(seen[-1][2])
    finally:
        handle.remove()
    Trainer(net, "sgd", "mse").train((data()[0], data()[0][:, :1]), epochs=1, verbose=False)
    assert len(seen) == 3


def test_a_line_an_epoch_and_silence(capsys):
    made = model()
    made.fit(data(), validation_data=data(), epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2: loss ") and ", val_accuracy " in lines[1] and lines[1].endswith(" s")
    made.fit(data(), epochs=1, batch_size=16, verbose=True, log_frequency=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": loss ")[0] for line in lines] == [
        "epoch 1/1, batch 2/4", "epoch 1/1, batch 4/4", "epoch 1/1",
    ]  # fmt: skip
    made.fit(data(), epochs=2, verbose=True)
    assert len(capsys.readouterr().out.splitlines()) == 2  # no terminal: lines
    made.fit(data(), epochs=2, verbose=False)
    made.fit(data(), epochs=2, verbose=0)
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == ""


def test_progress_bar(capsys):
    made = model()
    history = made.fit(data(), epochs=2, batch_size=8, callbacks=[cb.ProgressBar()])
    captured = capsys.readouterr()
    assert captured.out == ""
    for shown in ("epoch 2/2: 100%", "8/8", f"loss {history['loss'][-1]:.4f}"):
        assert shown in captured.err


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install rustorch\[training\]"):
        model().fit(data(), callbacks=[cb.ProgressBar()])
    with pytest.raises(ModuleNotFoundError, match=r"tensorboard: pip install rustorch\[training\]"):
        model().fit(data(), verbose=False, callbacks=[cb.TensorBoard("unused")])
    assert not os.path.exists("unused")
    model().fit(data(), epochs=1, verbose=True)  # a line does without


# ---- resuming ----

PROGRAM = textwrap.dedent("""
    import json, os, signal, sys
    import numpy as np, random
    import rustorch as rt
    from rustorch.training import Trainer, TrainerConfig

    folder, die_at, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    rt.manual_seed(0)
    x = rt.randn(60, 4); y = (x.sum(1) > 0).long()

    class Noisy(rt.data.Dataset):
        # numbers of all three sources
        def __len__(self):
            return len(x)
        def __getitem__(self, i):
            return x[i] + 0.01 * rt.randn(4) + 0.01 * float(np.random.rand()) + 0.01 * random.random(), y[i]

    class Die(rt.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            np.random.rand(); random.random()
            if self.training.epoch * 8 + batch == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    generator = rt.Generator().manual_seed(5)
    data = Noisy() if options.pop("noisy") else rt.data.TensorDataset(x, y)
    loader = rt.data.DataLoader(data, batch_size=8, shuffle=True, generator=generator)
    model = rt.Model(layers=["Dense(8, activation=relu)", "BatchNormalization()", "Dropout(0.5)", "Dense(2)"])
    model.compile("Adam(lr=0.05)", "cross_entropy", ["accuracy"])
    config = TrainerConfig(epochs=5, checkpoint_dir=folder, resume=True, seed=11, verbose=False, **options)
    stop = rt.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.5)
    history = Trainer(config, callbacks=[Die(), stop]).train(model, loader, (x, y))
    state = {name: value.numpy().tobytes().hex() for name, value in model.state_dict().items()}
    print(json.dumps([history.history, history.epoch, state, rt.rand(2).tolist(), np.random.rand(), random.random()]))
""")


def run(folder, die_at, options):
    return subprocess.run([sys.executable, "-c", PROGRAM, str(folder), str(die_at), json.dumps(options)],
                          capture_output=True, text=True, timeout=120)  # fmt: skip


@pytest.mark.parametrize("options", [
    {"noisy": True}, {"noisy": False, "mixed_precision": "float16", "schedule": "cosine"},
    {"noisy": True, "checkpoint_steps": 2, "accumulation_steps": 2, "gradient_clip_norm": 0.5},
    {"noisy": False, "checkpoint_steps": 3, "schedule": "onecycle", "schedule_every": "step", "keep_checkpoints": 2},
], ids=["epochs", "float16", "steps", "schedule"])  # fmt: skip
def test_killed_and_resumed_gives_the_same_bits(tmp_path, options):
    whole = run(tmp_path / "whole", -1, options)
    assert whole.returncode == 0, whole.stderr
    for die_at in (21, 30):
        killed = run(tmp_path / "killed", die_at, options)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(tmp_path / "killed", -1, options)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout) == json.loads(whole.stdout)
    if "keep_checkpoints" in options:
        assert len(os.listdir(tmp_path / "killed")) == 2


def test_resuming_what_is_finished_trains_no_more(tmp_path):
    options = {"epochs": 2, "checkpoint_dir": tmp_path, "verbose": False}
    made = model()
    first = made.fit(data(), **options)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    again = model()
    history = again.fit(data(), resume=True, **options)
    assert history.history == first.history
    assert all(rt.equal(v, before[k]) for k, v in again.state_dict().items())
    longer = again.fit(data(), resume=True, **{**options, "epochs": 4})
    assert longer.epoch == [0, 1, 2, 3] and longer.history["loss"][:2] == first.history["loss"]


def test_what_cannot_be_resumed_is_told(tmp_path):
    with pytest.raises(ValueError, match="needs checkpoint_dir"):
        model().fit(data(), verbose=False, resume=True)
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        model().fit(data(), verbose=False, resume=tmp_path)
    rt.save({"a": 1}, tmp_path / "other.rustorch")
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        model().fit(data(), verbose=False, resume=tmp_path / "other.rustorch")
    model().fit(data(), verbose=False, checkpoint_dir=tmp_path)
    with pytest.raises(RuntimeError, match="weight"):
        model("Dense(3)", "Dense(2)").fit(data(), epochs=2, verbose=False, checkpoint_dir=tmp_path, resume=True)
    with pytest.raises(ValueError, match="without a schedule"):
        model().fit(data(), epochs=2, verbose=False, checkpoint_dir=tmp_path, resume=True, schedule="cosine")
    path = latest_checkpoint(tmp_path)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    with pytest.raises(rt.RusTorchError):
        model().fit(data(), epochs=2, verbose=False, checkpoint_dir=tmp_path, resume=True)
