"""The documentation is true: docstring examples print what they say, code in the Markdown files
runs, links lead somewhere, and what help() shows of an op can be called."""
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import rustorch

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(<!-- not run.*?-->\n)?```(?:\{code-cell\} )?(\w*)\n((?::.*\n)*)(.*?)^```", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(
    r"`((?:src|tests|docs|examples|bench|rustorch|core|backends|ufunc|dlpack|autograd|python)/[\w/.*-]+)`"
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules():
    names = [m.name for m in pkgutil.walk_packages(rustorch.__path__, "rustorch.")]
    return ["rustorch", "rustorch_py", *(name for name in names if "._C" not in name)]


def ids(page):
    return str(page.relative_to(ROOT))


def run_examples(text, name, names=None):
    """Failures among the >>> examples of a text, as doctest reports them."""
    report = []
    test = doctest.DocTestParser().get_doctest(text, dict(names or {}), name, name, 0)
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name):
    module = importlib.import_module(name)
    report = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=report.append)
    assert "".join(report) == ""


def test_wrong_examples_are_noticed():
    assert "Expected" in run_examples(">>> 1 + 1\n3\n", "wrong")


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_code_in_pages_runs(page, capsys):
    """Blocks with >>> print what they show; one of Python before a block of text prints that text."""
    fences = FENCE.findall(page.read_text())
    names = {"rt": rustorch}
    following = [*fences[1:], ("", "", "", "")]
    for (skipped, language, _, code), (_, after, _, shown) in zip(fences, following, strict=False):
        if skipped:
            continue
        if ">>> " in code:
            assert run_examples(code, str(page), names) == ""
        elif language == "python":
            capsys.readouterr()
            exec(compile(code, str(page), "exec"), names)
            if after == "text":
                assert capsys.readouterr().out == shown


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    lost = [target for target in LINK.findall(page.read_text())
            if "://" not in target and not (page.parent / target.partition("#")[0]).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_named_files_exist(page):
    lost = [name for name in PATH.findall(page.read_text())
            if not any(list(base.glob(name)) for base in (ROOT, ROOT / "src", ROOT / "src" / "ufunc"))]
    assert lost == []


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert listed == {page.name for page in folder.glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("name", sorted(rustorch._C.ops))
def test_ops_describe_themselves(name):
    """The signature is readable, and the docstring begins with the call and says something."""
    op = rustorch._C.ops[name]
    signature = inspect.signature(op)
    first, _, rest = op.__doc__.partition("\n\n")
    assert first == f"{name}{signature}"
    assert rest.strip() and rest.rstrip()[-1] in ".?"


def test_commands_of_the_readme_exist():
    """Every ./dev command that a page names is one."""
    known = set(re.findall(r"^def command_(\w+)", (ROOT / "dev").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"\./dev (\w+)", page.read_text())) <= known
