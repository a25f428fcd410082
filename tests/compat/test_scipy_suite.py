"""A part of SciPy's own tests on rustorch.numpy; all of them: python -m tests.compat.scipy_suite."""

import re

from tests.compat.scipy_suite import run

QUICK = [
    "constants/tests", "fft/tests/test_helper.py", "special/tests/test_logsumexp.py", "stats/tests/test_variation.py",
    "stats/tests/test_device_dtype.py", "spatial/transform",
    "cluster/tests/test_vq.py", "optimize/tests/test_chandrupatla.py",
    "ndimage/tests/test_measurements.py", "differentiate/tests",
]  # fmt: skip


def test_a_part_of_scipys_tests():
    done = run(QUICK, timeout=300)
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    assert done.returncode == 0 and counts.get("passed", 0) > 500, done.stdout[-3000:] + done.stderr[-2000:]
