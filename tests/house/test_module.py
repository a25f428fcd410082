"""The built module and its import: what it exports, what it needs, what it loads."""
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Importing rustorch may load NumPy and the standard library; of everything else these are the
# ones that would be noticed.
HEAVY = ("torch", "scipy", "sklearn", "matplotlib", "tqdm", "ml_dtypes", "pandas", "onnx", "onnxruntime", "IPython",
         "safetensors", "tensorboard", "tvm_ffi", "scipy_openblas32")


def output_of(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def exported(library):
    """Names that a shared library defines for others."""
    listing = output_of("nm", "-D", "--defined-only", library)
    return {line.split()[-1] for line in listing.splitlines()}


def modules_after(statement):
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(output_of(sys.executable, "-c", code).split())


def test_only_the_init_function_is_exported():
    from rustorch import _C
    assert exported(_C.__file__) == {"PyInit__C"}


def test_exports_are_seen(tmp_path):
    source, library = tmp_path / "two.c", tmp_path / "two.so"
    source.write_text("int PyInit__C(void) { return 0; }\nint leaked(void) { return 1; }\n")
    subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    assert {"PyInit__C", "leaked"} <= exported(library)


def test_import_loads_nothing_heavy():
    loaded = modules_after("import rustorch")
    assert {"rustorch", "numpy"} <= loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", ["scipy", "tqdm"])
def test_heavy_modules_are_seen(name):
    assert not modules_after(f"import {name}").isdisjoint(HEAVY)


def test_blas_comes_with_the_package():
    """The module finds OpenBLAS beside itself; no other path is baked in."""
    from rustorch import _C
    listing = output_of("readelf", "-d", _C.__file__)
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", listing)
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.+)\]", listing)
    for library in needed:
        if "scipy_openblas" in library:
            assert paths == ["$ORIGIN/.libs"]
            assert Path(_C.__file__).with_name(".libs").joinpath(library).exists()


def test_versions_agree():
    import rustorch
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    built = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    assert rustorch.__version__ == stated == built
