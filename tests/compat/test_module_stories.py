"""One-line programs over torch.nn (module_stories.txt), run with PyTorch and with rustorch: what they leave in `out`
and `L` is the same, and where PyTorch raises, ours raises an exception that the same `except` catches."""
import collections
import copy
import pathlib
import re
import warnings

import pytest
import torch
import torch.nn.utils.parametrize
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
        return round(value, 4) + 0.0 if value == value else "nan"
    if isinstance(value, int | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    text = re.sub(r"0x[0-9a-f]+", "", text.replace("rustorch", "torch"))
    return re.sub(r"torch\.(b?float|int|complex)", r"\1", text)


def fixer(library):
    """A function that gives a module's parameters and buffers the same numbers in both libraries."""
    def fix(module):
        with library.no_grad():
            for p in module.parameters():
                p.copy_((library.arange(p.numel()).reshape(p.shape) % 7 - 3) / 4 + 0.1)
            for b in module.buffers():
                if b.is_floating_point():
                    b.copy_(library.arange(b.numel()).reshape(b.shape) / 4 + 0.5)
        return module

    return fix


def told(library, story):
    names = {"torch": library, "nn": library.nn, "F": library.nn.functional, "P": library.nn.utils.parametrize, "L": [],
             "collections": collections, "copy": copy, "fix": fixer(library)}
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
