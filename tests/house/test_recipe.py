"""The conda recipe says what pyproject.toml says."""

import os
import tomllib
from pathlib import Path

import jinja2
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def recipe():
    text = (ROOT / "conda" / "meta.yaml").read_text()
    names = {"environ": {}, "PYTHON": "python", "compiler": "{}-compiler".format, "stdlib": "{}-lib".format}
    return yaml.safe_load(jinja2.Template(text, undefined=jinja2.StrictUndefined).render(names))


@pytest.fixture
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_name_version_and_licence(recipe, project):
    stated = project["project"]
    assert recipe["package"] == {"name": stated["name"], "version": stated["version"]}
    assert recipe["about"]["license"] == stated["license"]
    assert recipe["about"]["summary"] == stated["description"]
    assert (ROOT / recipe["about"]["license_file"]).exists()
    assert (ROOT / "conda" / recipe["source"]["path"]).samefile(ROOT)


def test_requirements(recipe, project):
    def plain(requirements):
        return {r.replace(" ", "") for r in requirements}

    host = plain(recipe["requirements"]["host"])
    bundled = {r for r in project["build-system"]["requires"] if r.startswith("scipy-openblas32")}  # conda's openblas
    assert bundled
    assert plain(project["build-system"]["requires"]) - bundled <= host | plain(recipe["requirements"]["build"])
    assert plain(project["project"]["dependencies"]) <= plain(recipe["requirements"]["run"])


def test_options_and_imports_exist(recipe):
    options = (ROOT / "meson.options").read_text()
    name, value = recipe["build"]["script"].partition("-Dopenblas=")[1:]
    assert name
    assert f"'{value.strip()}'" in options
    for module in recipe["test"]["imports"]:
        assert (ROOT / module).is_dir() or (ROOT / f"{module}.py").exists(), os.listdir(ROOT)
