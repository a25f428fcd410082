"""``%load_ext rustorch_magic``: C and Rust cells on tensors, for IPython and Jupyter.

The work is done in `rustorch._cells`; docs/magic.md shows what a cell may hold.
"""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Gives an IPython shell the magics ``%%rustorch`` and ``%rustorch``; called by ``%load_ext``."""
    from rustorch._cells.magic import register

    register(shell)
