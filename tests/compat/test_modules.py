"""PyTorch's database of modules judges ours (moduledb.py): repr, state, outputs, gradients."""
import warnings

import pytest
import torch

from tests.compat import moduledb

TABLE = moduledb.entries()
# Not yet as PyTorch's: see `python -m tests.compat.moduledb NAME`.
WAITING = {
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "TransformerEncoder", "TransformerEncoderLayer",
    "TransformerDecoderLayer", "Transformer", "MultiheadAttention",
}


@pytest.mark.parametrize("name", [name for name in TABLE if name not in WAITING])
def test_module_is_as_pytorchs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert moduledb.judge(name, TABLE[name], dtypes=(torch.float32,)) == []
