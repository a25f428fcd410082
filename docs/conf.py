"""Sphinx's settings: pages are Markdown (MyST), the reference comes from the docstrings, tutorials are executed."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import reference  # noqa: E402  (beside this file)

import rustorch  # noqa: E402

project = "rustorch"
author = "the rustorch developers"
copyright = author
release = version = rustorch.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"rustorch {release}"
smartquotes = False  # y = x W' + b

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_rtype = False
viewcode_line_numbers = True

# What a docstring means by these characters is these characters: it is plain text with Google's sections.
_CODE = re.compile(r"(``.+?``|`[^`\n]+`(?:_\b)?|:\w+:`[^`]+`)")
_SPECIAL = re.compile(r"(?<!\\)([*|]|_(?![A-Za-z0-9]))")


def plain(app, what, name, obj, options, lines):
    """Makes the text of a docstring valid reStructuredText; examples and literal blocks stay as they are."""
    for at, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        parts = _CODE.split(line)
        for k, part in enumerate(parts):
            if k % 2 == 0:
                parts[k] = _SPECIAL.sub(r"\\\1", part)
            elif not part.startswith(("``", ":")):
                parts[k] = f"`{part}`"
        lines[at] = "".join(parts)


def list_decisions(app, docname, source):
    """The page of decisions is read on its own, too, so that its list for the site is added here."""
    if docname == "decisions/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n[a-z]*\n```\n"


def setup(app):
    app.connect("source-read", list_decisions)
    app.connect("builder-inited", lambda app: reference.write(Path(app.srcdir) / "reference"))
    app.connect("autodoc-process-docstring", plain, priority=400)
