"""Pictures and notebooks as the documents show them, in both packages."""
import importlib

import matplotlib.image
import pytest

import rustorch
import rustorch_py


@pytest.fixture(params=["rustorch", "rustorch_py"])
def package(request):
    return importlib.import_module(request.param)


@pytest.mark.filterwarnings("ignore:Glyph")   # this machine's fonts may have no Hangul
@pytest.mark.parametrize("title", ["가중치 분포", "Gewichte Verteilung"])
def test_flat_pictures(package, title):
    viz = importlib.import_module(f"{package.__name__}.visualization")
    losses, accuracies = [0.9, 0.5, 0.3], [0.6, 0.8, 0.9]
    tensor = package.randn([8, 8])
    model = package.nn.Sequential([package.nn.Linear(input_size=4, output_size=2), package.nn.ReLU()])
    assert len(viz.plot_training_history(losses, accuracies).axes) == 2
    assert viz.visualize_tensor(tensor, title=title).get_suptitle() == title
    assert viz.plot_model_graph(model).axes


def test_plotter(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = package.Model("small")
    model.add("Dense(4, activation=relu)")
    model.add("Dense(2)")
    model.compile(optimizer="adam", loss="crossentropy", metrics=["accuracy"])
    data = (package.randn(32, 3), package.arange(32) % 2)
    history = model.fit(data, validation_data=data, epochs=2, verbose=False)
    tensor = package.randn(6, 9)
    plotter = package.visualization.Plotter()
    plotter.plot_training_history(history, save_path="training.png")
    assert matplotlib.image.imread("training.png").std() > 0
    figure = plotter.plot_tensor_as_image(tensor, title="Mapa de Características")
    assert figure.axes[0].get_title() == "Mapa de Características"
    assert (figure.axes[0].images[0].get_array() == tensor.numpy()).all()


def test_one_module():
    assert rustorch_py.visualization is rustorch.visualization
