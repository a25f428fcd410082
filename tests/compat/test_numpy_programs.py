"""NumPy programs that print the same with `import rustorch.numpy as np`."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent / "numpy_programs").glob("*.py"))


def _printed(source: str, name: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
    return out.getvalue()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program(path: Path) -> None:
    source = path.read_text()
    assert source.count("import numpy as np") == 1
    expected = _printed(source, str(path))
    assert expected
    assert _printed(source.replace("import numpy as np", "import rustorch.numpy as np"), str(path)) == expected
