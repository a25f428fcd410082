"""Notebooks run from beginning to end in a fresh kernel; what they show is what a reader of them sees."""
import ast
import base64
import io
import re
from pathlib import Path

import matplotlib.image
import nbclient
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

import rustorch

HERE = Path(__file__).resolve().parent


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a notebook of the folder beside this file in tmp_path; its cells."""

    def run(name, allow_errors=False):
        monkeypatch.setenv("PYTHONPATH", str(Path(rustorch.__file__).parents[1]))
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        notebook = nbformat.read(HERE / "notebooks" / f"{name}.ipynb", as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=allow_errors,
                                         resources={"metadata": {"path": str(tmp_path)}})  # fmt: skip
        return client.execute().cells

    return run


def shown(cell, kind):
    """What a cell shows of a MIME type."""
    return [output.data[kind] for output in cell.outputs if kind in output.get("data", {})]


def printed(cell, name="stdout"):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == name)


def picture(cell):
    """The one picture that a cell shows, as pixels; it has ink and an axis' worth of room."""
    (data,) = shown(cell, "image/png")
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(data)))[..., :3]
    assert min(pixels.shape[:2]) > 100 and np.unique(pixels.reshape(-1, 3), axis=0).shape[0] > 20
    return pixels


def test_display(run):
    cells = run("display", allow_errors=True)
    html = [shown(cell, "text/html") for cell in cells]
    assert [len(h) for h in html] == [1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert "20 × 30" in html[0][0] and "requires_grad=True" in html[0][0]  # noqa: RUF001
    assert shown(cells[0], "text/plain")[0].startswith("tensor([[")   # for those who cannot show HTML
    assert "1 NaN" in html[1][0] and "NaN" not in html[0][0]
    assert "<details" in html[2][0] and "26 parameters" in html[2][0]
    assert printed(cells[3]) == "tensor([1.0, 1.0])\n" and "int64" in html[3][0]
    assert "5 entries" in html[4][0] and "SGD" in html[5][0]
    assert len(html[6][0]) < 5000 and "100,000,000 elements" in html[6][0]
    assert shown(cells[7], "text/plain") == ["((1, 1), [tensor([1.0, 1.0])])"]
    (error,) = [output for output in cells[8].outputs if output.output_type == "error"]
    assert error.ename == "ShapeMismatchError"
    assert all(output.output_type != "error" for cell in cells[:8] for output in cell.outputs)


def test_training(run):
    cells = run("training")
    assert "loss" in printed(cells[1]) + printed(cells[1], "stderr")
    (history,) = shown(cells[2], "text/html")
    assert "3 epochs" in history and "val_accuracy" in history and history.count("<svg") == 4
    picture(cells[3])
    (model,) = shown(cells[4], "text/html")
    assert "114 parameters" in model
    assert "100%" in printed(cells[5], "stderr") + "".join(shown(cells[5], "text/plain"))
    assert shown(cells[5], "text/plain")[-1] == "3" and shown(cells[6], "image/png") == []


def test_pictures(run, tmp_path):
    cells = run("pictures")
    for n in (0, 1, 2, 3, 5, 6, 8):   # before and after pyplot was imported, ours and pyplot's own; each once
        picture(cells[n])
    assert shown(cells[4], "text/plain") == ["0"]
    assert shown(cells[7], "image/png") == []
    assert matplotlib.image.imread(tmp_path / "curve.png").shape[:2] == (300, 450)


def test_gallery():
    """The code of the gallery's page gives pictures that can be read."""
    from compat.pictures import check

    page = (HERE.parents[1] / "docs" / "gallery.md").read_text()
    names, drawn = {}, 0
    for cell in re.findall(r"^```\{code-cell\} python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        tree = ast.parse(cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "gallery", "exec"), names)
        result = eval(compile(ast.Expression(last.value), "gallery", "eval"), names) if last else None
        if isinstance(result, Figure):
            check(result)
            drawn += 1
    assert drawn > 20
