"""The functions that a C cell defines, read from its text: names, parameters, results."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANKED = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | ^[ \t]*\#(?:\\\n|[^\n])*""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_HEAD = re.compile(r"([A-Za-z_][\w\s*]*?[\s*])([A-Za-z_]\w*)\s*\(([^(){};]*)\)\s*$")
_NOISE = {"extern", "inline", "register", "volatile", "restrict", "__restrict", "__restrict__", "__inline__"}


@dataclass(frozen=True)
class Type:
    """A C type: ``base`` in canonical words ("double", "unsigned long"), and what points at it."""

    base: str
    pointer: bool = False
    const: bool = False

    def __str__(self) -> str:
        return f"{'const ' if self.const else ''}{self.base}{' *' if self.pointer else ''}"


@dataclass(frozen=True)
class Function:
    name: str
    result: Type | None  # None: void
    parameters: tuple[tuple[str, Type], ...]
    text: str


class NotPlain(ValueError):
    """A declaration that Python cannot call; the message says why."""


def _type(words: str) -> Type:
    stars = words.count("*")
    if stars > 1:
        raise NotPlain(f"'{words.strip()}' is a pointer to a pointer")
    names = [word for word in words.replace("*", " ").split() if word not in _NOISE]
    const = "const" in names
    names = [word for word in names if word != "const"]
    if len(names) > 1 and names[-1] == "int" and names[0] != "int":  # "long int", "unsigned long int"
        names.pop()
    if "complex" in names or "_Complex" in names:
        names = ["float complex" if "float" in names else "double complex"]
    if "signed" in names and names != ["signed", "char"]:
        names = [word for word in names if word != "signed"] or ["int"]
    return Type(" ".join(names), pointer=stars == 1, const=const)


def _parameter(text: str) -> tuple[str, Type]:
    text = text.strip()
    array = re.search(r"((?:\[[^\]]*\]\s*)+)$", text)
    if array:
        text = text[: array.start()].rstrip()
    match = re.fullmatch(r"(.*?[\s*])([A-Za-z_]\w*)", text, re.DOTALL)
    if not match:
        raise NotPlain(f"'{text}' has no name")
    words = match[1] + (" *" if array else "")
    return match[2], _type(words)


def blanked(source: str) -> str:
    """The source with comments, literals and preprocessor lines made blank."""
    return _BLANKED.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def _top_level(text: str) -> list[str]:
    """The pieces of text that stand before a brace at depth 0."""
    pieces, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        if letter == "{":
            if depth == 0:
                pieces.append(text[start:at])
            depth += 1
        elif letter == "}":
            depth = max(depth - 1, 0)
            start = at + 1
        elif letter == ";" and depth == 0:
            start = at + 1
    return pieces


def functions(source: str) -> tuple[list[Function], list[str]]:
    """The functions that are not static, and for those that Python cannot call a sentence why.

    >>> [f.name for f in functions("static int a(int x) { return x; }  double b(const double *x) { return *x; }")[0]]
    ['b']
    """
    found: list[Function] = []
    refused: list[str] = []
    for piece in _top_level(blanked(source)):
        match = _HEAD.search(piece)
        if not match or match[1].split()[0] in ("return", "else", "typedef", "struct", "union", "enum"):
            continue
        before, name, inside = match[1], match[2], match[3].strip()
        if "static" in before.split() or name in ("if", "for", "while", "switch"):
            continue
        text = " ".join(match[0].split())
        try:
            result = _type(before)
            parts = [] if inside in ("", "void") else inside.split(",")
            parameters = tuple(_parameter(part) for part in parts)
            found.append(Function(name, None if str(result) == "void" else result, parameters, text))
        except NotPlain as why:
            refused.append(f"{name}: {why}")
    return found, refused


def has_functions(source: str) -> bool:
    """Does the text define functions, rather than being statements?"""
    return any(
        _HEAD.search(piece) and piece.split()[0] not in ("if", "for", "while", "switch", "else", "do")
        for piece in _top_level(blanked(source))
        if piece.split()
    )
