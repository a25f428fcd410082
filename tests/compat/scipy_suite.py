"""SciPy's own tests with rustorch.numpy in place of their array namespace.

    python -m tests.compat.scipy_suite [-v] [stats fft/tests/test_helper.py ...]

runs the tests of SciPy that take the fixture `xp`, in a process with SCIPY_ARRAY_API on; without arguments all
of them (some ten minutes).  As a plugin of pytest it replaces scipy/conftest.py, whose text it runs with one
array library more.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import scipy

HOME = pathlib.Path(scipy.__file__).parent
ROOT = pathlib.Path(__file__).parents[2]
ALL = [
    "cluster", "constants", "differentiate", "fft", "integrate", "interpolate", "linalg", "ndimage",
    "optimize", "signal", "spatial", "special", "stats",
]  # fmt: skip

# What a test asks that is not a question about us.
KNOWN = {
    "test_gh22601_infinite_elements": "the sign of pi where the imaginary part is -0: sums of -0 are -0 here",
    "(TestFindRoot and test_vectorization)": "ends of brackets beside those that SciPy's own ndtr leads to,"
    " whose last bits are others than ours",
    "test_array_api_lazy": "written for lazy arrays, which these are not",
}


def deselected() -> list[str]:
    return [" and ".join(f"not {name}" for name in KNOWN)]


def command(paths: list[str], *options: str) -> list[str]:
    """The call of pytest for tests below SciPy's folder."""
    chosen = [str(HOME / path) for path in paths or ALL]
    marks = "array_api_backends and not slow and not xslow"
    plain = ["-p", "tests.compat.scipy_suite", "--noconftest", "-p", "no:cacheprovider"]
    plain += ["-W", "ignore", "-q", "--tb=short"]
    return [sys.executable, "-m", "pytest", *plain, "-m", marks, "-k", deselected()[0], *options, *chosen]


def run(paths: list[str], *options: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Runs them from a folder without a configuration of pytest's."""
    environment = dict(os.environ, SCIPY_ARRAY_API='["numpy"]', PYTHONPATH=str(ROOT))
    return subprocess.run(
        command(paths, *options), env=environment, cwd=HOME.parent, capture_output=True, text=True, timeout=timeout
    )


def _conftest() -> str:
    """scipy/conftest.py with our namespace as the one to test; a tuple of devices is as good as a list."""
    text = (HOME / "conftest.py").read_text()
    fixture = "@pytest.fixture(params=xp_available_backends)\ndef xp(request):"
    if text.count(fixture) != 1:
        raise RuntimeError("scipy/conftest.py has another form than this file knows")
    ours = (
        "import rustorch.numpy as _ours\n"
        "xp_known_backends.add('rustorch.numpy')\n"
        "xp_available_backends = [pytest.param(_ours, id='rustorch', marks=pytest.mark.array_api_backends)]\n"
    )
    text = text.replace(fixture, ours + fixture)
    return text.replace("xp.__array_namespace_info__().devices() +", "list(xp.__array_namespace_info__().devices()) +")


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.startswith("-")]
    done = run(given, *[a for a in sys.argv[1:] if a.startswith("-")])
    print(done.stdout, done.stderr, sep="\n")
    sys.exit(done.returncode)
elif "SCIPY_ARRAY_API" in os.environ and "PYTEST_VERSION" in os.environ:
    exec(compile(_conftest(), str(HOME / "conftest.py"), "exec"))
