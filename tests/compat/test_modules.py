"""PyTorch's database of modules judges ours (moduledb.py): repr, state, outputs, gradients."""
import warnings

import pytest

from tests.compat import moduledb

TABLE = moduledb.entries()
REFUSING = [name for name in TABLE if any(moduledb.error_samples(name))]


@pytest.mark.parametrize("name", TABLE)
def test_module_is_as_pytorchs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert moduledb.judge(name, TABLE[name]) == []


@pytest.mark.parametrize("name", REFUSING)
def test_what_pytorch_refuses_is_refused(name):
    assert moduledb.judge_errors(name) == []
