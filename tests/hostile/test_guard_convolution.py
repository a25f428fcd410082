"""Convolutions of operands and into results that lie flush against memory that may not be touched."""
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_guard import ENVIRONMENT, guarded

# channels of x and of y, lengths, kernel, stride, padding: every kernel of backends/cpu/convolve*, with tails
SHAPES = [
    (16, 16, (4, 5), (3, 3), 1, 1), (17, 19, (13, 9), (3, 3), 1, 0), (70, 65, (8, 30), (3, 3), 1, 2),
    (3, 65, (23, 22), (7, 7), 2, 3), (6, 17, (9, 11), (5, 5), 1, 0), (33, 70, (9, 8), (3, 3), 2, 1),
    (129, 18, (7, 7), (1, 1), 1, 0), (64, 31, (9, 7), (1, 1), 2, 0), (16, 19, (301,), (5,), 3, 2),
    (5, 18, (4, 5, 6), (3, 3, 3), 1, 1), (7, 5, (10, 9), (3, 3), 1, 1), (1, 32, (13, 12), (3, 3), 1, 0),
]  # fmt: skip


def child(isa):
    import numpy as np

    import rustorch as rt

    if rt._C.build_info()["isa"] != "portable":
        rt._C._set_isa(isa if isa != "None" else None)
    ops, rng = rt._C.ops, np.random.default_rng(0)

    def place(shape, at_end):
        array = guarded(np, np.float32, int(np.prod(shape)), at_end)
        array[:] = rng.standard_normal(array.size)
        return rt.from_numpy(array).reshape(shape)

    for at_end in (True, False):
        for c_in, c_out, lengths, kernel, stride, padding in SHAPES:
            print(isa, at_end, c_in, c_out, lengths, file=sys.stderr)
            x, w = place((2, c_in, *lengths), at_end), place((c_out, c_in, *kernel), at_end)
            b, settings = place((c_out,), at_end), (stride, padding)
            plain = ops["convolution"](x, w, b, *settings)
            g = place(tuple(plain.shape), at_end)
            out = place(tuple(plain.shape), at_end)
            ops["convolution"](x, w, b, *settings, out=out)
            assert np.array_equal(out.numpy(), plain.numpy())
            ops["convolution"](g, w, None, *settings, transposed=True)
            slope = place(tuple(w.shape), at_end)
            ops["convolution_weight"](x, g, stride, padding, 1, list(kernel), 1, out=slope)


@pytest.mark.parametrize("isa", ["v3", "None"])
def test_nothing_beyond_the_end(isa):
    command = [sys.executable, "-X", "faulthandler", __file__, isa]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"


if __name__ == "__main__":
    child(sys.argv[1])
