"""PyTorch's functions called with arrays (rustorch.numpy.ndarray): PyTorch's results and gradients still.

The samples are those of PyTorch's operator database.  What an array answers in NumPy's words is left out:
functions that the database calls as methods, and one whose results the judge turns by a method."""

import pytest
import torch

from rustorch import _C
from tests.compat import opdb

METHODS = {"view", "repeat", "linalg.eigh"}
ENTRIES = [e for e in opdb.core() if torch.float32 in opdb.dtypes_of(e) and opdb.label(e) not in METHODS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES, ids=opdb.label)
def test_pytorchs_results_on_arrays(entry, monkeypatch):
    plain = opdb.Carrier.plain
    monkeypatch.setattr(opdb.Carrier, "plain", staticmethod(lambda t, x: _C._as_arrays(plain(t, x))))
    assert opdb.judge(entry, torch.float32, 1) == []
