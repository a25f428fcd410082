"""The Keras-like Model: layers by text, sizes found at the first batch, files, copies, subclasses."""
import copy
import pickle

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch.training.layers import layers_from

IMAGE = (2, 3, 8, 8)
ROWS = (2, 5)
SEQUENCE = (2, 4, 5)

# text -> shape of the input, modules that it stands for, shape of the output
LAYERS = {
    "Dense(7)": (ROWS, ["LazyLinear"], (2, 7)), "Dense(7, activation=relu)": (ROWS, ["LazyLinear", "ReLU"], (2, 7)),
    "Dense(7, 'tanh', use_bias=False)": (ROWS, ["LazyLinear", "Tanh"], (2, 7)),
    "Dense(units=7, activation='softmax')": (ROWS, ["LazyLinear", "Softmax"], (2, 7)),
    "Dense(7, activation=leaky_relu(0.2))": (ROWS, ["LazyLinear", "LeakyReLU"], (2, 7)),
    "Dense(7, activation=linear)": (ROWS, ["LazyLinear"], (2, 7)),
    "Dense(7)#seq": (SEQUENCE, ["LazyLinear"], (2, 4, 7)),
    "Linear(5, 7)": (ROWS, ["Linear"], (2, 7)), "Linear(in_features=5, out_features=7)": (ROWS, ["Linear"], (2, 7)),
    "Dropout(0.3)": (ROWS, ["Dropout"], ROWS), "dropout(p=0.3)": (ROWS, ["Dropout"], ROWS),
    "relu": (ROWS, ["ReLU"], ROWS), "Activation(gelu)": (ROWS, ["GELU"], ROWS), "Softmax()": (ROWS, ["Softmax"], ROWS),
    "Flatten()": (IMAGE, ["Flatten"], (2, 192)), "Flatten": (IMAGE, ["Flatten"], (2, 192)),
    "Reshape(12, 16)": (IMAGE, ["Flatten", "Unflatten"], (2, 12, 16)),
    "Reshape((-1, 4))": (IMAGE, ["Flatten", "Unflatten"], (2, 48, 4)),
    "Conv2D(6, 3)": (IMAGE, ["LazyConv2d"], (2, 6, 6, 6)),
    "Conv2D(6, (3, 3), 2)": (IMAGE, ["LazyConv2d"], (2, 6, 3, 3)),
    "Conv2D(6, 3, padding=same, activation=relu)": (IMAGE, ["LazyConv2d", "ReLU"], (2, 6, 8, 8)),
    "Conv2D(6, 3, strides=2, padding=same)": (IMAGE, ["SamePadConv"], (2, 6, 4, 4)),
    "Conv2D(6, 3, padding=valid)": (IMAGE, ["LazyConv2d"], (2, 6, 6, 6)),
    "Conv2d(3, 6, kernel_size=3, padding=1)": (IMAGE, ["Conv2d"], (2, 6, 8, 8)),
    "Conv1D(6, 3)": (SEQUENCE, ["LazyConv1d"], (2, 6, 3)),
    "Conv2DTranspose(6, 3, strides=2, padding=same)": (IMAGE, ["LazyConvTranspose2d"], (2, 6, 16, 16)),
    "Conv2DTranspose(6, 2, strides=2)": (IMAGE, ["LazyConvTranspose2d"], (2, 6, 16, 16)),
    "MaxPooling2D(2)": (IMAGE, ["MaxPool2d"], (2, 3, 4, 4)), "MaxPooling2D()": (IMAGE, ["MaxPool2d"], (2, 3, 4, 4)),
    "MaxPool2d(3, stride=1)": (IMAGE, ["MaxPool2d"], (2, 3, 6, 6)),
    "MaxPooling2D(3, 2, padding=same)": (IMAGE, ["SamePadConv"], (2, 3, 4, 4)),
    "AveragePooling2D(pool_size=4)": (IMAGE, ["AvgPool2d"], (2, 3, 2, 2)),
    "GlobalAveragePooling2D()": (IMAGE, ["AdaptiveAvgPool2d", "Flatten"], (2, 3)),
    "GlobalMaxPooling1D()": (SEQUENCE, ["AdaptiveMaxPool1d", "Flatten"], (2, 4)),
    "AdaptiveAvgPool2d(1)": (IMAGE, ["AdaptiveAvgPool2d"], (2, 3, 1, 1)),
    "BatchNormalization()": (IMAGE, ["LazyBatchNorm"], IMAGE), "BatchNorm1d(5)": (ROWS, ["BatchNorm1d"], ROWS),
    "LayerNorm(5)": (ROWS, ["LayerNorm"], ROWS), "LayerNormalization(5)": (ROWS, ["LayerNorm"], ROWS),
    "LSTM(6)": (SEQUENCE, ["Recurrent"], (2, 6)), "GRU(6, return_sequences=True)": (SEQUENCE, ["Recurrent"], (2, 4, 6)),
    "Bidirectional(LSTM(6))": (SEQUENCE, ["Recurrent"], (2, 12)), "SimpleRNN(6)": (SEQUENCE, ["Recurrent"], (2, 6)),
    "RepeatVector(3)": (ROWS, ["RepeatVector"], (2, 3, 5)), "UpSampling2D(2)": (IMAGE, ["Upsample"], (2, 3, 16, 16)),
    "ZeroPadding2D(1)": (IMAGE, ["ZeroPad2d"], (2, 3, 10, 10)), "LeakyReLU(0.1)": (ROWS, ["LeakyReLU"], ROWS),
}  # fmt: skip


@pytest.mark.parametrize("text", LAYERS)
def test_layers_by_text(text, tmp_path):
    shape, kinds, output = LAYERS[text]
    made = layers_from(text.partition("#")[0])
    assert [type(layer).__name__ for layer in made] == kinds
    model = rt.Model(layers=[text.partition("#")[0]])
    x = rt.randn(*shape, generator=rt.Generator().manual_seed(0))
    assert model(x).shape == output
    model.eval()
    model.save(tmp_path / "m.rustorch")
    assert rt.equal(rt.load(tmp_path / "m.rustorch")(x), model(x))


def test_numbers_are_tensorflows_of_same_padding():
    """Where stride and lengths leave an odd rest, one more zero stands behind."""
    x = torch.arange(8.0).reshape(1, 1, 8)
    model = rt.Model(layers=["Conv1D(1, 2, strides=3, padding=same, use_bias=False)"])
    model(rt.tensor(x.numpy()))
    with rt.no_grad():
        model[0].inner.weight.fill_(1.0)
    padded = torch.nn.functional.pad(x, (0, 0))  # (3 - 1) * 3 + 2 - 8 = 0
    expected = torch.nn.functional.conv1d(padded, torch.ones(1, 1, 2), stride=3)
    np.testing.assert_array_equal(model(rt.tensor(x.numpy())).detach().numpy(), expected.numpy())
    seven = x[..., :7]
    expected = torch.nn.functional.conv1d(torch.nn.functional.pad(seven, (0, 1)), torch.ones(1, 1, 2), stride=3)
    np.testing.assert_array_equal(model(rt.tensor(seven.numpy())).detach().numpy(), expected.numpy())


def test_embedding_and_recurrence_learn():
    rt.manual_seed(0)
    x = rt.randint(0, 12, (120, 6))
    y = (x == 3).any(1).long()
    model = rt.Model(layers=["Embedding(12, 8)", "LSTM(16)", "Dense(1, activation=sigmoid)"])
    model.compile("Adam(lr=0.03)", "binary_crossentropy", ["accuracy"])
    model.fit(x, y, epochs=30, verbose=False, seed=0)
    assert model.evaluate(x, y)["accuracy"] > 0.95


def test_summary_tells_shapes_and_numbers(capsys):
    model = rt.Model("net", layers=["Input(3, 8, 8)", "Conv2D(4, 3)", "BatchNormalization()", "Flatten()", "Dense(2)"])
    model.summary()
    text = capsys.readouterr().out
    assert "Model 'net'" in text and "(None, 4, 6, 6)" in text and "(None, 144)" in text
    assert f"{4 * 3 * 9 + 4 + 8 + 144 * 2 + 2} parameters" in text
    waiting = rt.Model(layers=["Dense(2)"])
    waiting.summary()
    assert "?" in capsys.readouterr().out
    lines = []
    waiting.summary((5,), print_fn=lines.append)
    assert "12 parameters" in lines[0]


def test_build_draws_the_same_numbers_as_a_first_batch():
    weights = []
    for build in (True, False):
        rt.manual_seed(0)
        model = rt.Model(layers=["Dense(3)", "Dense(2)"])
        if build:
            model.build((4,))
        else:
            model(rt.ones(1, 4))
        weights.append(model[1].weight)
    assert rt.equal(*weights)


def test_files_keep_what_the_model_was_compiled_with(tmp_path):
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    model = rt.Model("keeper", layers=["Dense(4, relu)", "Dropout(0.5)", "Dense(2, softmax)"])
    model.compile("Adam(lr=0.01)", "categorical_crossentropy", ["accuracy"])
    model.fit(x, y, verbose=False)
    model.save(tmp_path / "m.rustorch")
    again = rt.load(tmp_path / "m.rustorch")
    assert type(again) is rt.Model and again.name == "keeper"
    assert again.evaluate(x, y) == model.evaluate(x, y)
    assert len(again.fit(x, y, epochs=2, verbose=False)) == 2
    unseen = rt.Model(layers=["Dense(4)", "BatchNormalization()", "LSTM(3)"])
    unseen.save(tmp_path / "lazy.rustorch")
    assert rt.load(tmp_path / "lazy.rustorch")(rt.randn(2, 4, 5)).shape == (2, 3)


class Own(rt.Model):
    """A subclass with a forward of its own."""

    def __init__(self, width=6):
        super().__init__("own")
        self.width = width
        self.first = rt.nn.Linear(3, width)
        self.second = rt.nn.Linear(width, 1)

    def forward(self, x):
        return self.second(self.first(x).relu()) + x.sum(1, keepdim=True)


def test_subclasses(tmp_path):
    x = rt.randn(60, 3)
    y = x.sum(1, keepdim=True) + x[:, :1].relu()
    model = Own()
    model.compile("Adam(lr=0.02)", "mse", ["r2"])
    history = model.fit(x, y, epochs=40, verbose=False)
    assert history["r2"][-1] > history["r2"][0]
    model.save(tmp_path / "own.rustorch")
    again = rt.load(tmp_path / "own.rustorch", classes=[Own])
    assert again.width == 6 and rt.equal(again.predict(x), model.predict(x))


def test_other_libraries_see_a_sequential():
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    model = rt.Model(layers=["Dense(4, relu)", "Dense(2, softmax)"])
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y, verbose=False)
    theirs = rt.interop.to_pytorch(model)
    assert type(theirs) is torch.nn.Sequential
    np.testing.assert_allclose(theirs(torch.as_tensor(x.numpy())).detach(), model.predict(x).numpy(), rtol=1e-6)


def test_subclasses_may_call_their_layers_as_they_like(tmp_path):
    class Net(rt.Model):
        def __init__(self):
            super().__init__()
            self.layers = rt.nn.ModuleList([rt.nn.Linear(3, 3), rt.nn.Linear(3, 2)])
            self.optimizer = "of my own"

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    model = Net()
    model.compile("adam", "cross_entropy")
    assert len(model.fit(rt.randn(20, 3), rt.randint(0, 2, (20,)), verbose=False)) == 1
    model.save(tmp_path / "net.rustorch")
    assert len(rt.load(tmp_path / "net.rustorch", classes=[Net]).layers) == 2


def test_copies():
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    model = rt.Model(layers=["Dense(4, relu)", "Dense(2)"])
    model.compile("adam", "cross_entropy", ["accuracy"])
    model.fit(x, y, verbose=False)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert rt.equal(again(x), model(x))
        again.fit(x, y, epochs=3, shuffle=False, verbose=False)
        assert not rt.equal(again(x), model(x))


def test_it_is_a_sequential():
    model = rt.Model(layers=[rt.nn.Linear(2, 3), "relu", "Dense(1)"])
    assert isinstance(model, rt.nn.Sequential) and len(model) == 3 and len(model.layers) == 3
    assert type(model[:2]) is rt.nn.Sequential
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for made in (rt.Model("n", ["relu"]), rt.Model(["relu"], name="n"), rt.Model(name="n", layers=["relu"])):
        assert made.name == "n" and len(made) == 1
    assert rt.Model().name == "model" and len(rt.Model("Dense")) == 0
    assert rt.Model([rt.nn.Linear(2, 3)])[0].out_features == 3 and rt.Model(rt.nn.Linear(2, 3))[0].in_features == 2


def test_fit_ends_in_eval_mode():
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    model = rt.Model(layers=["Dense(50)", "Dropout(0.5)", "Dense(2)"])
    model.compile("sgd", "cross_entropy")
    model.fit(x, y, verbose=False)
    assert rt.equal(model(x), model(x)) and rt.equal(model(x), model.predict(x))


def test_on_single_batches():
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    model = rt.Model(layers=["Dense(2)"])
    model.compile("SGD(lr=0.5)", "cross_entropy", ["accuracy"])
    first = model.train_on_batch(x, y)
    assert set(first) == {"loss", "accuracy"} and model.test_on_batch(x, y)["loss"] < first["loss"]
    assert model.predict_on_batch(x).shape == (40, 2)
    assert model.train_on_batch(x, y)["loss"] == pytest.approx(model.test_on_batch(x, y)["loss"], abs=0.1)


def test_optimizers_in_all_forms():
    x, y = rt.randn(40, 3), rt.randint(0, 2, (40,))
    rt.manual_seed(0)
    start = rt.Model(layers=[rt.nn.Linear(3, 2)])
    found = []
    for form in ("SGD(lr=0.1, momentum=0.9)", "SGD(learning_rate=0.1, momentum=0.9)",
                 lambda p: rt.optim.SGD(p, lr=0.1, momentum=0.9),
                 lambda p: rt.optim.SGD([{"params": p}], lr=0.1, momentum=0.9), "object"):  # fmt: skip
        model = copy.deepcopy(start)
        if form == "object":
            form = rt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        model.compile(form, "cross_entropy")
        found.append(model.fit(x, y, epochs=3, shuffle=False, verbose=False).train_loss())
    assert all(losses == found[0] for losses in found)
    for name in ("adam", "AdamW", "rmsprop", "adagrad", "Adadelta", "adamax", "nadam", "radam", "rprop", "asgd"):
        model = copy.deepcopy(start)
        model.compile(name, "cross_entropy")
        assert np.isfinite(model.fit(x, y, verbose=False).train_loss()[0])
    model = copy.deepcopy(start)
    model.compile(rt.optim.Adam, rt.nn.CrossEntropyLoss)
    assert np.isfinite(model.fit(x, y, verbose=False).train_loss()[0])
