"""Nested tuples, lists and dicts of anything, as flat lists and back.

>>> from rustorch.utils._pytree import tree_flatten, tree_map, tree_unflatten
>>> tree_map(lambda v: v + 1, {"a": [1, 2], "b": (3,)})
{'a': [2, 3], 'b': (4,)}
>>> leaves, spec = tree_flatten({"a": [1, 2], "b": (3,)})
>>> leaves, tree_unflatten(leaves, spec)
([1, 2, 3], {'a': [1, 2], 'b': (3,)})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..func import _flatten

__all__ = ["TreeSpec", "tree_all", "tree_any", "tree_flatten", "tree_leaves", "tree_map", "tree_map_only",
           "tree_unflatten"]  # fmt: skip


class TreeSpec:
    """How a tree is nested: what tree_unflatten needs beside the leaves."""

    def __init__(self, build: Callable[..., Any], num_leaves: int) -> None:
        self._build, self.num_leaves = build, num_leaves

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree with these leaves.  ValueError when there are more or fewer than it has."""
        values = list(leaves)
        if len(values) != self.num_leaves:
            raise ValueError(f"tree_unflatten: {len(values)} leaves for a tree that has {self.num_leaves}")
        return self._build(values)


def tree_flatten(tree: Any, is_leaf: Any = None) -> tuple[list[Any], TreeSpec]:
    """(leaves, structure) of nested tuples, lists and dicts; everything else is a leaf."""
    if is_leaf is not None and is_leaf(tree):
        return [tree], TreeSpec(lambda values: values[0], 1)
    leaves, build = _flatten(tree)
    return leaves, TreeSpec(build, len(leaves))


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a structure with these leaves."""
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: Any = None) -> list[Any]:
    """The leaves, in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Any = None) -> Any:
    """The tree with func(leaf, leaves of rests in the same place) for each leaf."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_flatten(rest, is_leaf)[0] for rest in rests]
    return spec.unflatten([func(*row) for row in zip(leaves, *others, strict=True)])


def tree_map_only(kind: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with func(leaf) for leaves of a type (or types), the others as they are."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree)


def tree_all(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Does pred hold for all leaves?"""
    return all(map(pred, tree_leaves(tree)))


def tree_any(pred: Callable[[Any], bool], tree: Any) -> bool:
    """Does pred hold for a leaf?"""
    return any(map(pred, tree_leaves(tree)))
