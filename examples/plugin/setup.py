"""The extension module; all else is in pyproject.toml."""

from setuptools import Extension, setup

import rustorch

setup(ext_modules=[Extension("rustorch_signals", ["rustorch_signals.c"], include_dirs=[rustorch.get_include()])])
