"""PyTorch's database of modules judges ours (moduledb.py): repr, state, outputs, gradients."""
import warnings

import pytest
import torch

from tests.compat import moduledb

TABLE = moduledb.entries()


@pytest.mark.parametrize("name", TABLE)
def test_module_is_as_pytorchs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert moduledb.judge(name, TABLE[name]) == []
