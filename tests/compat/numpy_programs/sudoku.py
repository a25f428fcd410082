"""Sudoku by backtracking on an integer array."""
import numpy as np

text = "530070000600195000098000060800060003400803001700020006060000280000419005000080079"
grid = np.array([int(c) for c in text]).reshape(9, 9)


def fits(g, r, c, v):
    r0, c0 = 3 * (r // 3), 3 * (c // 3)
    return v not in g[r] and v not in g[:, c] and v not in g[r0 : r0 + 3, c0 : c0 + 3]


def solve(g):
    empty = np.argwhere(g == 0)
    if len(empty) == 0:
        return True
    r, c = empty[0]
    for v in range(1, 10):
        if fits(g, r, c, v):
            g[r, c] = v
            if solve(g):
                return True
            g[r, c] = 0
    return False


print(solve(grid))
print(grid)
print((grid.sum(0) == 45).all() and (grid.sum(1) == 45).all(), np.unique(grid).tolist())
