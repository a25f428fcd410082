"""Ops from other packages: examples/plugin is installed as a user would, and its ops are judged by PyTorch."""
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import rustorch
from tests.compat import plugin_calls

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = str(Path(rustorch.__file__).parents[1])
CALLS = [name for name in vars(plugin_calls) if name.startswith("test_")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which pip has installed the example, with the headers of the rustorch under test."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for file in (ROOT / "examples" / "plugin").iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONSAFEPATH")}
    environment.update(PYTHONPATH=str(ROOT), CFLAGS="-std=c11 -Wall -Wextra -Werror", PIP_DISABLE_PIP_VERSION_CHECK="1")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index",
                    "--target", target, source], check=True, env=environment)
    return target


def run(site, call, **environment):
    path = os.pathsep.join(map(str, (PACKAGE, site)))
    done = subprocess.run([sys.executable, "-P", plugin_calls.__file__, call], text=True, capture_output=True,
                          env=dict(os.environ, PYTHONPATH=path, **environment))
    assert done.returncode == 0 and done.stdout.strip() == "passed", done.stderr


SPECIAL = ("test_ops_are_off", "test_broken_plugins_are_named")


@pytest.mark.parametrize("call", [name for name in CALLS if name not in SPECIAL])
def test_plugin(site, call):
    run(site, call)


def test_environment_switches_plugins_off(site):
    run(site, "test_ops_are_off", RUSTORCH_PLUGINS="0")


def test_plugins_that_fail_are_reported_by_name(site, tmp_path):
    (tmp_path / "broken_plugin.py").write_text(
        "calls = 0\n\ndef fail():\n    1 / 0\n\ndef count():\n    global calls\n    calls += 1\n")
    facts = tmp_path / "broken_plugin-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[rustorch.plugins]\nabsent = no_such_module_at_all\ncounted = broken_plugin:count\n"
        "failing = broken_plugin:fail\nlate = broken_plugin:absent\n")
    run(os.pathsep.join((str(site), str(tmp_path))), "test_broken_plugins_are_named")


def test_import_looks_for_no_plugins(site):
    code = "import rustorch, sys; rustorch.exp(1.0); print('rustorch.plugins' in sys.modules)"
    path = os.pathsep.join(map(str, (PACKAGE, site)))
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True,
                          env=dict(os.environ, PYTHONPATH=path))
    assert done.stdout == "False\n"


# ---- the pages of the documentation ----

def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)


def test_page_of_plugins_shows_the_example():
    shown = [*blocks("plugins.md", "c"), *blocks("plugins.md", "toml")]
    files = [(ROOT / "examples" / "plugin" / name).read_text() for name in ("rustorch_signals.c", "pyproject.toml")]
    assert len(shown) == 6 and [text for text in shown if not any(text in file for file in files)] == []


def test_page_of_the_c_api_compiles_and_runs(tmp_path):
    (source,) = blocks("c-api.md", "c")
    example = blocks("c-api.md", "python")[-1]
    (tmp_path / "tour.c").write_text(source)
    (tmp_path / "example.txt").write_text(example)
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{rustorch.get_include()}",
                    f"-I{sysconfig.get_path('include')}", tmp_path / "tour.c", "-o", tmp_path / "tour.so"],
                   check=True, env=environment)
    code = "import doctest, sys; sys.exit(doctest.testfile('example.txt', module_relative=False).failed)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path,
                   env=dict(os.environ, PYTHONPATH=os.pathsep.join((PACKAGE, str(tmp_path)))))
