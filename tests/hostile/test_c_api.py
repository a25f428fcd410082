"""rustorch.h used rightly and wrongly, by an extension that hands every function to Python."""
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import rustorch

HERE = Path(__file__).resolve().parent
PACKAGE = str(Path(rustorch.__file__).parents[1])
CALLS = re.findall(r"^def (test_\w+)", (HERE / "c_api_calls.py").read_text(), re.MULTILINE)
INCLUDES = [f"-I{rustorch.get_include()}", "-isystem", sysconfig.get_path("include")]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def compiler(name):
    return shutil.which(name) or pytest.fail(f"{name} is missing")


def compiled(command):
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    subprocess.run(command, check=True, env=environment)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    compiled([compiler("cc"), "-std=c11", *WARNINGS, "-O1", "-g", "-shared", "-fPIC", *INCLUDES,
              HERE / "c_api_specimens.c", "-o", folder / f"c_api_specimens{suffix}"])
    return folder


@pytest.mark.parametrize("call", CALLS)
def test_extension(site, call):
    path = os.pathsep.join((PACKAGE, str(site)))
    done = subprocess.run([sys.executable, "-P", HERE / "c_api_calls.py", call], text=True, capture_output=True,
                          env=dict(os.environ, PYTHONPATH=path, RUSTORCH_PLUGINS="0"))
    assert done.returncode == 0 and done.stdout.strip() == "passed", done.stderr


@pytest.mark.parametrize("name, standard", [("cc", "c11"), ("cc", "gnu17"), ("c++", "c++11"), ("c++", "c++20")])
def test_header_stands_alone(tmp_path, name, standard):
    """It needs Python.h only, and says nothing at the highest warnings, used or not."""
    language = "c++" if name == "c++" else "c"
    source = tmp_path / "alone.txt"
    source.write_text("#include <rustorch.h>\n#include <rustorch.h>\n"
                      "int use(void);\n"
                      "int use(void) { return rustorch_import() < 0 ? -1 : rustorch->num_threads(); }\n")
    compiled([compiler(name), f"-std={standard}", *WARNINGS, *INCLUDES, "-x", language, "-fsyntax-only", source])
    source.write_text("#include <rustorch.h>\n")
    compiled([compiler(name), f"-std={standard}", *WARNINGS, "-Wno-unused-function", *INCLUDES, "-x", language,
              "-fsyntax-only", source])


def test_another_version_is_refused(tmp_path):
    """An extension made for a header that this rustorch does not know yet says so when it is imported."""
    header = Path(rustorch.get_include(), "rustorch.h").read_text()
    newer = header.replace("} rustorch_api;", "    void (*one_more)(void);\n} rustorch_api;")
    other = header.replace("#define RUSTORCH_API_VERSION 1", "#define RUSTORCH_API_VERSION 2")
    assert header != newer and header != other
    for name, text in (("newer", newer), ("other", other)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "rustorch.h").write_text(text)
        (folder / f"{name}.c").write_text(
            "#include <rustorch.h>\n"
            f"static struct PyModuleDef d = {{PyModuleDef_HEAD_INIT, \"{name}\", 0, -1, 0, 0, 0, 0, 0}};\n"
            f"PyMODINIT_FUNC PyInit_{name}(void) {{ return rustorch_import() < 0 ? NULL : PyModule_Create(&d); }}\n")
        compiled([compiler("cc"), "-shared", "-fPIC", f"-I{folder}", *INCLUDES[1:], folder / f"{name}.c",
                  "-o", folder / f"{name}.so"])
        done = subprocess.run([sys.executable, "-c", f"import {name}"], text=True, capture_output=True,
                              env=dict(os.environ, PYTHONPATH=os.pathsep.join((PACKAGE, str(folder)))))
        assert done.returncode == 1 and "ImportError: this extension was compiled for version" in done.stderr
