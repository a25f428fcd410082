"""The extension module; all else is in pyproject.toml."""

import rustorch
from setuptools import Extension, setup

setup(ext_modules=[Extension("rustorch_signals", ["rustorch_signals.c"], include_dirs=[rustorch.get_include()])])
