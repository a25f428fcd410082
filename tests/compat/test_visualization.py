"""Pictures of trainings and tensors: what is on them, and that it can be read."""
import math
import subprocess
import sys

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pytest
import torch
from compat.pictures import check, pixels
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import rustorch as rt

viz = rt.visualization
EPOCHS = np.arange(20)
HISTORY = {
    "loss": np.exp(-EPOCHS / 5), "val_loss": np.exp(-EPOCHS / 6) + 0.1, "accuracy": 1 - np.exp(-EPOCHS / 4),
    "val_accuracy": 0.95 - np.exp(-EPOCHS / 4), "lr": 0.1 * 0.9**EPOCHS,
}  # fmt: skip


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_history_has_a_panel_for_each_measure():
    figure = viz.plot_training_history(HISTORY, title="Training")
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy", "learning rate"]
    assert all(ax.get_xlabel() == "epoch" for ax in figure.axes)
    assert labels(figure.axes[0]) == labels(figure.axes[1]) == ["training", "validation"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), HISTORY["loss"])
    assert figure.axes[0].lines[0].get_xdata().tolist() == list(range(1, 21))
    assert "Training" in check(figure)


class Keras:
    history = {"loss": [1.0, 0.5]}


class Methods:
    def train_loss(self):
        return [1.0, 0.5]

    def val_loss(self):
        return [1.5, 0.75]

    metrics = {"val_accuracy": [0.5, 0.6]}


FORMS = {
    "list": ([1.0, 0.5], ["loss"]),
    "tensor": (rt.tensor([1.0, 0.5], requires_grad=True), ["loss"]),
    "list of tensors": ([rt.tensor(1.0, requires_grad=True), rt.tensor(0.5)], ["loss"]),
    "torch": (torch.tensor([1.0, 0.5], requires_grad=True), ["loss"]),
    "array": (np.array([1.0, 0.5]), ["loss"]),
    "mapping": ({"train_loss": [1.0, 0.5], "val_f1": [0.2, 0.3]}, ["loss", "f1"]),
    "Keras": (Keras(), ["loss"]),
    "methods": (Methods(), ["loss", "accuracy"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_histories_of_every_form(form):
    history, panels = FORMS[form]
    figure = viz.plot_training_history(history)
    assert [ax.get_ylabel() for ax in figure.axes] == panels
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1.0, 0.5]
    check(figure)


def test_a_trainings_history():
    history = rt.training.History()
    for epoch in range(3, 9):   # resumed, validated every second epoch
        logs = {"loss": 1 / epoch, **({"val_loss": 2 / epoch} if epoch % 2 else {})}
        history.append(epoch, logs)
    figure = viz.plot_training_history(history)
    training, validation = figure.axes[0].lines
    assert training.get_xdata().tolist() == [4, 5, 6, 7, 8, 9] and validation.get_xdata().tolist() == [4, 6, 8]
    check(figure)


def test_losses_and_accuracies():
    figure = viz.plot_training_history([1.0, 0.5], [0.5, 0.9], val_losses=[1.1, 0.7])
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    assert labels(figure.axes[0]) == ["training", "validation"]


def test_what_is_not_finite_is_marked():
    figure = viz.plot_training_history([0.9, math.nan, 0.3, math.inf, 0.2])
    assert "training: 2 not finite" in check(figure)
    check(viz.plot_training_history([math.nan]))


def test_one_epoch_can_be_seen():
    figure = viz.plot_training_history([0.9])
    empty = viz.plot_training_history([math.nan])
    assert (pixels(figure) != 255).sum() > 0 and check(figure)
    assert figure.axes[0].lines[0].get_marker() == "o" and figure.axes[0].lines[0].get_markevery() == [0]
    assert empty.axes[0].lines[0].get_markevery() == []


def test_given_axes_are_drawn_on():
    figure = Figure(layout="constrained", figsize=(8, 5))
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    assert viz.plot_training_history(HISTORY, ax=ax) is figure
    assert [one.get_ylabel() for one in figure.axes] == ["loss", "accuracy", "learning rate"]
    check(figure)
    pair = Figure(layout="constrained", figsize=(9, 4))
    FigureCanvasAgg(pair)
    viz.visualize_tensor(rt.randn(5, 5), ax=pair.subplots(1, 2))
    check(pair)


@pytest.mark.parametrize("call, error, words", [
    (lambda: viz.plot_training_history([]), ValueError, "no epoch"),
    (lambda: viz.plot_training_history(None), TypeError, "plot_training_history.*NoneType"),
    (lambda: viz.plot_training_history(["a"]), TypeError, "str"),
    (lambda: viz.plot_training_history([1.0], ax=3), TypeError, "Axes"),
    (lambda: viz.plot_training_history([1.0], figsize=(1,)), ValueError, "inches"),
    (lambda: viz.plot_training_history([1.0], save_path="x.docx"), ValueError, "docx"),
    (lambda: viz.plot_training_history([1.0], save_path="/no/such/place/x.png"), FileNotFoundError, "/no/such/place"),
    (lambda: viz.visualize_tensor("text"), TypeError, "str"),
    (lambda: viz.visualize_tensor(rt.ones(2), bins=0), ValueError, "bins"),
    (lambda: viz.plot_tensor_as_image(rt.tensor(1.0)), ValueError, "image"),
    (lambda: viz.plot_tensor_as_image(rt.ones(2, 2), channels="middle"), ValueError, "channels"),
    (lambda: viz.plot_learning_rate([]), ValueError, "rates"),
])  # fmt: skip
def test_mistakes(call, error, words):
    with pytest.raises(error, match=words):
        call()


TENSORS = {
    "matrix": rt.randn(20, 30, requires_grad=True),
    "vector": rt.tensor([1.0, math.nan, 3.0, math.inf]),
    "holes": rt.tensor([[1.0, math.nan], [-2.0, 3.0]]),
    "planes": rt.randn(8, 3, 5, 5),
    "many planes": rt.randn(100, 4, 4),
    "scalar": rt.tensor(3.5),
    "empty": rt.zeros(0, 3),
    "bool": rt.tensor([True, False, True]),
    "labels": rt.arange(10),
    "complex": rt.tensor([1 + 2j, 3 - 1j]),
    "bfloat16": rt.randn(4, 4).to(rt.bfloat16),
    "constant": rt.ones(5, 5),
    "all NaN": rt.full((3, 3), math.nan),
    "one": rt.ones(1),
    "wide": rt.randn(2, 5000),
    "torch": torch.randn(3, 4),
    "list": [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("kind", TENSORS)
def test_every_tensor_is_drawn(kind):
    figure = viz.visualize_tensor(TENSORS[kind], title="values")
    found = check(figure)
    assert {"values", "distribution"} <= set(found)
    assert any(text.startswith("elements  ") for text in found)


def test_statistics_of_a_tensor():
    values = np.random.default_rng(0).normal(size=500)
    figure = viz.visualize_tensor(values)
    text = next(t for t in check(figure) if t.startswith("elements"))
    for name, value in (("min", values.min()), ("max", values.max()), ("mean", values.mean()), ("std", values.std())):
        assert f"{name:<8}  {value:.4g}" in text
    assert sum(patch.get_height() for patch in figure.axes[1].patches) == 500


def test_not_finite_elements_are_marked():
    figure = viz.visualize_tensor(TENSORS["holes"])
    found = check(figure)
    assert any("NaN       1" in text for text in found) and "1 not finite" in found
    assert (pixels(figure) == (255, 0, 255)).all(-1).sum() > 1000


@pytest.mark.parametrize("shape, drawn", [
    ((20, 30), (20, 30)), ((3, 20, 30), (20, 30, 3)), ((20, 30, 3), (20, 30, 3)), ((1, 20, 30), (20, 30)),
    ((1, 3, 20, 30), (20, 30, 3)), ((4, 20, 30), (20, 30, 4)), ((7,), (1, 7)),
])  # fmt: skip
def test_images(shape, drawn):
    figure = viz.plot_tensor_as_image(rt.rand(shape), title="an image")
    assert figure.axes[0].images[0].get_array().shape == drawn
    assert "an image" in check(figure)


@pytest.mark.parametrize("shape, count", [
    ((16, 20, 30), 16), ((8, 3, 20, 20), 8), ((8, 1, 9, 9), 8), ((100, 8, 8), 64),
])  # fmt: skip
def test_batches_of_images(shape, count):
    figure = viz.plot_tensor_as_image(rt.randn(shape))
    assert sum(len(ax.images) for ax in figure.axes) == count
    assert any("of 100" in text for text in check(figure)) == (count == 64)


def test_colours_of_an_image():
    image = np.zeros((3, 4, 5), np.uint8)
    image[0] = 255
    figure = viz.plot_tensor_as_image(rt.from_numpy(image))
    assert (pixels(figure) == (255, 0, 0)).all(-1).sum() > 10_000


def test_learning_rates_are_the_schedulers():
    schedules = rt.optim.lr_scheduler

    def make():
        optimizer = rt.optim.SGD([rt.zeros(1, requires_grad=True)], lr=0.1)
        parts = [schedules.LinearLR(optimizer, total_iters=10), schedules.CosineAnnealingLR(optimizer, 50)]
        return optimizer, schedules.SequentialLR(optimizer, parts, milestones=[10])

    optimizer, schedule = make()
    figure = viz.plot_learning_rate(schedule, 40)
    drawn = figure.axes[0].lines[0].get_ydata()
    rates = []
    for _ in range(40):   # it was not moved by being drawn
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(drawn, rates)
    check(figure)
    with pytest.raises(TypeError, match="ReduceLROnPlateau"):
        viz.plot_learning_rate(schedules.ReduceLROnPlateau(optimizer))


@pytest.mark.parametrize("suffix, magic", [
    ("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("jpg", b"\xff\xd8"),
])  # fmt: skip
def test_files_are_written_the_same_each_time(tmp_path, suffix, magic):
    for n in range(2):
        viz.plot_training_history(HISTORY, save_path=tmp_path / f"{n}.{suffix}")
    first, second = ((tmp_path / f"{n}.{suffix}").read_bytes() for n in range(2))
    assert first.startswith(magic) and first == second


@pytest.mark.parametrize("draw", [lambda: viz.plot_training_history(HISTORY),
                                  lambda: viz.visualize_tensor(TENSORS["holes"]),
                                  lambda: viz.plot_tensor_as_image(TENSORS["planes"])])  # fmt: skip
def test_same_pixels_each_time(draw):
    np.testing.assert_array_equal(pixels(draw()), pixels(draw()))


def test_plotter_has_settings():
    plotter = viz.Plotter(figsize=(5, 3))
    assert plotter.plot_tensor_as_image(rt.eye(3)).get_size_inches().tolist() == [5, 3]
    assert plotter.plot_tensor_as_image(rt.eye(3), figsize=(4, 4)).get_size_inches().tolist() == [4, 4]
    assert {n for n in viz.__all__ if n != "Plotter"} <= set(dir(plotter))


def test_matplotlibs_state_stays():
    import matplotlib.pyplot as plt

    before, numbers = dict(mpl.rcParams), plt.get_fignums()
    viz.plot_training_history(HISTORY)
    viz.visualize_tensor(rt.ones(3))
    assert dict(mpl.rcParams) == before and plt.get_fignums() == numbers


def test_dark_styles_are_followed():
    with matplotlib.style.context("dark_background"):
        figure = viz.plot_training_history(HISTORY)
        assert pixels(figure)[0, 0].tolist() == [0, 0, 0]
        check(figure)


def test_shown_when_asked(monkeypatch):
    import matplotlib.pyplot as plt

    seen = []
    monkeypatch.setattr(plt, "show", lambda: seen.append(plt.gcf()))
    try:
        assert viz.plot_training_history(HISTORY, show=True) is seen[0]
    finally:
        plt.close("all")


def test_figures_show_themselves_in_notebooks():
    assert viz.plot_training_history([1.0, 2.0])._repr_png_().startswith(b"\x89PNG")


def test_matplotlib_is_loaded_by_the_first_picture():
    code = "import sys, rustorch as rt; v = rt.visualization; assert 'matplotlib' not in sys.modules;" \
           "v.plot_training_history([1.0]); assert 'matplotlib' in sys.modules;" \
           "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_extra_is_named():
    code = "import sys; sys.modules['matplotlib'] = None\nimport rustorch as rt\n" \
           "try: rt.visualization.plot_training_history([1.0])\n" \
           "except ImportError as error: assert 'pip install rustorch[viz]' in str(error), error\n" \
           "else: raise AssertionError"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_large_tensors_are_sampled():
    t = rt.zeros(3000, 4000)
    t[1234, 567] = math.nan
    figure = viz.visualize_tensor(t)
    text = next(text for text in check(figure) if text.startswith("elements  "))
    assert "12.0 M" in text and "NaN       1" in text and "a sample of 262,144" in text
    assert "elements of the sample" in check(viz.visualize_tensor(rt.zeros(12_000_000)))
