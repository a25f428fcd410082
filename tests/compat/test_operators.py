"""PyTorch's database of operators judges ours (opdb.py): every entry, forward, backward and to second order.
The end of a test run lists what is missing."""
import pytest

from tests.compat import opdb

ENTRIES = {opdb.label(entry): entry for entry in opdb.core()}
# label -> why not.  An entry that passes must leave this list.
NOT_YET: dict[str, str] = {}
GOAL = 0.95
SAMPLES = 12      # of each entry and dtype before only every 16th is judged; all: python -m tests.compat.opdb


def failures(label):
    try:
        return [f"{opdb.DTYPE_NAMES[dtype]}: sample {number} {arguments}: {wrong}"
                for dtype in opdb.dtypes_of(ENTRIES[label])
                for number, arguments, wrong in opdb.judge(ENTRIES[label], dtype, SAMPLES)]
    except opdb.Missing as missing:
        return [f"missing: {missing}"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("label", ENTRIES)
def test_operator_is_as_pytorchs(label, record_property):
    found = failures(label)
    if label in NOT_YET:
        record_property("operator missing", f"{label}: {NOT_YET[label]}")
        assert found, f"{label} passes now: take it out of NOT_YET"
    else:
        assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("label", [label for label, entry in ENTRIES.items() if "/" not in label])
@pytest.mark.filterwarnings("ignore")
def test_other_ways_to_call(label):
    if label in NOT_YET:
        return
    found = opdb.judge_variants(ENTRIES[label], limit=4)
    assert not found, "\n".join(f"{arguments}: {wrong}" for _, arguments, wrong in found[:20])


def test_enough_operators_pass():
    assert set(NOT_YET) <= set(ENTRIES)
    assert len(NOT_YET) <= (1 - GOAL) * len(ENTRIES)


def test_a_wrong_operator_is_noticed(monkeypatch):
    """The judge judges: an operator that is off in value, gradient or dtype fails."""
    exp = opdb.rustorch.exp
    for wrong in (lambda x, **kw: exp(x) * 1.01, lambda x, **kw: exp(x).detach(), lambda x, **kw: exp(x.double())):
        monkeypatch.setattr(opdb.rustorch, "exp", wrong)
        assert failures("exp")
