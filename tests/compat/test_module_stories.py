"""One-line programs over torch.nn (module_stories.txt), run with PyTorch and with rustorch: what they leave in `out`
and `L` is the same, and where PyTorch raises, ours raises an exception that the same `except` catches."""
import collections
import copy
import pathlib
import re
import warnings

import pytest
import torch
import torch.nn.utils.prune  # not there before it is asked for

import rustorch

STORIES = pathlib.Path(__file__).with_name("module_stories.txt").read_text().splitlines()


def plain(value):
    """Without what differs by nature: names of the library, addresses, numbers drawn at random."""
    if isinstance(value, torch.Tensor | rustorch.Tensor):
        return "tensor", tuple(value.shape)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(plain(one) for one in value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, int | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    text = re.sub(r"0x[0-9a-f]+", "", text.replace("rustorch", "torch"))
    return re.sub(r"torch\.(b?float|int)", r"\1", text)


def told(library, story):
    names = {"torch": library, "nn": library.nn, "L": [], "collections": collections, "copy": copy}
    error = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(story, names)
        except Exception as raised:
            error = raised
    return plain(names.get("out")), plain(names["L"]), error


@pytest.mark.parametrize("story", STORIES)
def test_same_story(story):
    expected, found = (told(library, story.replace(r"\n", "\n")) for library in (torch, rustorch))
    assert found[:2] == expected[:2]
    if expected[2] is None:
        assert found[2] is None
    else:
        assert isinstance(found[2], type(expected[2])), found[2]
