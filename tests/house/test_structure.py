"""The structure of the C sources: floors, includes, names, sizes.

Every rule is a function of a {path: text} mapping, so that it is tried twice: on our own
sources, where it must find nothing, and on a small house that breaks it.
"""
import posixpath
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A floor may include itself and floors of a smaller number, none of its own number.
FLOORS = {"core": 0, "backends": 1, "ufunc": 2, "dlpack": 2, "autograd": 3, "python": 4}
NUMPY_FILES = {f"src/python/{name}.c" for name in ("ufunc_register", "ndarray", "numpy_protocol", "convert")}
LIBRARY_HEADERS = {"dlpack/dlpack.h"}   # another project's, though it starts like a floor of ours
MAX_LINES = 600
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
GUARD = re.compile(r"\A(?:\s|/\*.*?\*/|//[^\n]*\n)*#ifndef (\w+)\n#define \1\b", re.DOTALL)


def our_sources():
    return {path.relative_to(ROOT).as_posix(): path.read_text()
            for path in sorted((ROOT / "src").rglob("*"))
            if path.suffix in (".c", ".h", ".def", ".cu", ".inc", ".build") and path.is_file()}


def code(sources):
    return {path: text for path, text in sources.items() if not path.endswith(".build")}


def includes(path, text, sources):
    """(ours, foreign): the files of src that a file includes, and all other headers."""
    ours, foreign = [], []
    for quoted, angled in INCLUDE.findall(text):
        places = (f"src/{quoted}", posixpath.normpath(f"{posixpath.dirname(path)}/{quoted}"))
        found = [place for place in places if quoted and place in sources]
        (ours if found else foreign).append(found[0] if found else quoted or angled)
    return ours, foreign


def floor(path):
    return path.split("/")[1]


def wrong_directions(sources):
    for path, text in code(sources).items():
        for target in includes(path, text, sources)[0]:
            here, there = floor(path), floor(target)
            if here != there and FLOORS[here] <= FLOORS[there]:
                yield f"{path} ({here}) includes {target} ({there})"


def unknown_includes(sources):
    """Quoted includes that are neither ours nor a library's: misspelt, or relative to nowhere."""
    for path, text in code(sources).items():
        for name in includes(path, text, sources)[1]:
            if name.split("/")[0] in FLOORS and name not in LIBRARY_HEADERS:
                yield f"{path} includes {name}, which is not there"


def include_cycles(sources):
    graph = {path: includes(path, text, sources)[0] for path, text in code(sources).items()}
    done, walk = set(), []

    def visit(path):
        if path in walk:
            yield " -> ".join([*walk[walk.index(path):], path])
        elif path not in done:
            walk.append(path)
            for target in graph[path]:
                yield from visit(target)
            done.add(walk.pop())

    for path in graph:
        yield from visit(path)


def stray_numpy(sources):
    for path, text in code(sources).items():
        for name in includes(path, text, sources)[1]:
            if name.startswith("numpy/") and path not in NUMPY_FILES:
                yield f"{path} includes <{name}>"


def python_in_kernels(sources):
    """Kernels see neither Python.h nor NumPy, not even through our headers."""
    reached = {}

    def reach(path):
        if path not in reached:
            reached[path] = set()
            ours, foreign = includes(path, sources[path], sources)
            reached[path] = set(foreign).union(*map(reach, ours))
        return reached[path]

    for path in code(sources):
        if "/kernels/" in path:
            for name in sorted(reach(path)):
                if name in ("Python.h", "structmember.h") or name.startswith("numpy/"):
                    yield f"{path} reaches <{name}>"


def homeless_names(sources):
    for path in sources:
        if re.search(r"(^|[_/])(utils?|common|helpers?|misc)[_.]", path):
            yield path


def long_files(sources):
    for path, text in code(sources).items():
        lines = text.count("\n")
        if not path.endswith(".def") and lines > MAX_LINES:
            yield f"{path} has {lines} lines"


def without_top_comment(sources):
    for path, text in sources.items():
        if not text.lstrip().startswith("#" if path.endswith(".build") else ("/*", "//")):
            yield path


def clashing_guards(sources):
    seen = {}
    for path, text in sources.items():
        guard = GUARD.match(text)
        if path.endswith(".h") and not guard:
            if "No include guard" not in text:   # an X-macro header says so
                yield f"{path} has no include guard"
        elif guard and path.endswith(".h"):
            if guard[1] in seen:
                yield f"{path} and {seen[guard[1]]} share the guard {guard[1]}"
            seen[guard[1]] = path


def unbuilt_files(sources):
    """C files that no meson.build of their folder or of a folder above names."""
    for path in sources:
        if path.endswith(".c"):
            parts = path.split("/")
            lists = ["/".join([*parts[:n], "meson.build"]) for n in range(1, len(parts))]
            named = [f"'{path[len(at) - len('meson.build'):]}'" for at in lists]
            if not any(name in sources.get(at, "") for at, name in zip(lists, named, strict=True)):
                yield f"{path} is in no meson.build"


# A rule, and a house that breaks it once.
RULES = [
    (wrong_directions, {"src/core/a.c": '/* a */\n#include "ufunc/op.h"\n', "src/ufunc/op.h": "/* op */\n"}),
    (wrong_directions, {"src/ufunc/a.c": '# include "dlpack/x.h"\n', "src/dlpack/x.h": "/* x */\n"}),
    (wrong_directions, {"src/core/a.c": '#include "../ufunc/op.h"\n', "src/ufunc/op.h": "/* op */\n"}),
    (unknown_includes, {"src/core/a.c": '#include "core/shapes.h"\n'}),
    (include_cycles, {"src/core/a.h": '#include "core/b.h"\n', "src/core/b.h": '#include "core/a.h"\n'}),
    (stray_numpy, {"src/python/module.c": "#include <numpy/arrayobject.h>\n"}),
    (python_in_kernels, {"src/ufunc/kernels/k.c": '#include "core/t.h"\n',
                         "src/core/t.h": "#include <Python.h>\n"}),
    (homeless_names, {"src/core/utils.c": ""}),
    (homeless_names, {"src/core/shape_helpers.h": ""}),
    (long_files, {"src/core/a.c": "\n" * (MAX_LINES + 1)}),
    (without_top_comment, {"src/core/a.c": "#include <stdint.h>\n/* late */\n"}),
    (without_top_comment, {"src/core/meson.build": "core_sources = files()\n"}),
    (clashing_guards, {path: "/* h */\n#ifndef RT_A_H\n#define RT_A_H\n#endif\n"
                       for path in ("src/core/a.h", "src/ufunc/a.h")}),
    (clashing_guards, {"src/core/a.h": "/* h */\nint a;\n"}),
    (unbuilt_files, {"src/core/a.c": "", "src/core/meson.build": "files('ba.c')"}),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=lambda rule: rule.__name__)
def test_our_sources_keep(rule):
    sources = our_sources()
    assert len(sources) > 20, "the sources were not found"
    assert list(rule(sources)) == []


@pytest.mark.parametrize("rule, broken", RULES)
def test_breach_is_noticed(rule, broken):
    assert len(list(rule(broken))) == 1


def test_floors_are_the_folders():
    assert {path.name for path in (ROOT / "src").iterdir() if path.is_dir()} == set(FLOORS)
