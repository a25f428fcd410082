"""Modules with many option sets (module_options.py), judged by PyTorch's: repr, state, outputs, gradients."""
import warnings

import pytest
import torch

from tests.compat import module_options, moduledb


@pytest.mark.parametrize("family", module_options.FAMILIES)
@pytest.mark.parametrize("training", [True, False])
def test_options(family, training):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        failures = moduledb.judge_list(module_options.FAMILIES[family](), torch.float64, training)
    assert failures == []
