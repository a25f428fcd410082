"""matplotlib draws Tensors and arrays as it draws ndarrays, pixel by pixel."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

import rustorch as rt
import rustorch.numpy as rnp

X = np.arange(6.0).reshape(3, 2)
V = np.array([1.0, 2.0, 3.0])
WAVE = np.sin(np.arange(512.0))
KINDS = {"Tensor": rt.tensor, "tracked": lambda x: rt.tensor(x, requires_grad=True), "array": rnp.asarray}

DRAWINGS = {
    "plot": lambda a, c: a.plot(c(V), c(V) ** 2),
    "scatter": lambda a, c: a.scatter(c(V), c(V), c=c(V), s=c(V) * 9),
    "imshow": lambda a, c: a.imshow(c(X)),
    "hist": lambda a, c: a.hist(c(V), bins=c(np.array([0.0, 1.5, 4.0]))),
    "hist of columns": lambda a, c: a.hist(c(X)),
    "fill_between": lambda a, c: a.fill_between(c(V), c(V), c(V) * 2, where=c(V) > 1),
    "contourf": lambda a, c: a.contourf(c(X)),
    "bar": lambda a, c: a.bar(c(V), c(V)),
    "errorbar": lambda a, c: a.errorbar(c(V), c(V), yerr=c(V)),
    "limits": lambda a, c: (a.set_xlim(c(V)[0], c(V)[2]), a.axhline(c(V)[1])),
    "step": lambda a, c: a.step(c(V), c(V)),
    "pcolormesh": lambda a, c: a.pcolormesh(c(X)),
    "boxplot": lambda a, c: a.boxplot(c(X)),
    "violinplot": lambda a, c: a.violinplot(c(X)),
    "quiver": lambda a, c: a.quiver(c(V), c(V), c(V), c(V)),
    "stackplot": lambda a, c: a.stackplot(c(V), c(V), c(V)),
    "pie": lambda a, c: a.pie(c(V)),
    "stem": lambda a, c: a.stem(c(V), c(V)),
    "hexbin": lambda a, c: a.hexbin(c(V), c(V), gridsize=3),
    "text": lambda a, c: a.text(c(V)[0] / 9, c(V)[0] / 9, "x"),
    "ticks": lambda a, c: a.set_xticks(c(V)),
    "specgram": lambda a, c: a.specgram(c(WAVE)),
    "triplot": lambda a, c: a.triplot(c(np.array([0.0, 1, 0])), c(np.array([0.0, 0, 1]))),
    "loglog": lambda a, c: a.loglog(c(V), c(V)),
    "fill": lambda a, c: a.fill(c(V), c(V) ** 2),
    "hist2d": lambda a, c: a.hist2d(c(V), c(V)),
    "vlines": lambda a, c: a.vlines(c(V), c(V), c(V) * 2),
}


def pixels(draw, make):
    figure, axes = plt.subplots(figsize=(3, 2))
    draw(axes, make)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba()).copy()
    plt.close(figure)
    return picture


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DRAWINGS)
def test_same_pixels(name):
    expected = pixels(DRAWINGS[name], np.asarray)
    assert expected.std() > 0
    for make in KINDS.values():
        np.testing.assert_array_equal(pixels(DRAWINGS[name], make), expected)
