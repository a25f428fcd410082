"""PyTorch's database of modules judges ours (moduledb.py): repr, state, outputs, gradients."""
import warnings

import pytest
import torch

from tests.compat import moduledb

TABLE = moduledb.entries()
# Waiting for their functions.
WAITING = {
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "LocalResponseNorm", "PReLU",
    "Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "Unfold", "Fold", "BatchNorm1d", "BatchNorm2d",
    "BatchNorm3d", "TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer",
    "MultiheadAttention", "RNNCell", "GRUCell", "LSTMCell", "RNN", "GRU", "LSTM", "EmbeddingBag",
}


@pytest.mark.parametrize("name", [name for name in TABLE if name not in WAITING])
def test_module_is_as_pytorchs(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert moduledb.judge(name, TABLE[name], dtypes=(torch.float32,)) == []
