"""Every block of code of the five documents is a test, run with both packages.

A test is called after the number of its block and what the block is about; the calls are those shown, the blanks are
filled with small real data.  `rt` is the package, `module("nn")` one of its modules.
"""

import importlib
import re

import pytest


@pytest.fixture(params=["rustorch", "rustorch_py"])
def package(request):
    return request.param


@pytest.fixture
def rt(package):
    return importlib.import_module(package)


@pytest.fixture
def module(package):
    """module("nn.functional") is that module of the package."""
    return lambda name: importlib.import_module(f"{package}.{name}")


@pytest.fixture
def every_block():
    """Asserts that of `count` blocks those have a test that are not named in `others`, which says why not."""

    def check(tests, count, others):
        shown = {int(found[1]) for name in tests if (found := re.match(r"test_(\d\d)_", name))}
        assert shown | set(others) == set(range(1, count + 1))
        assert not shown & set(others)

    return check
