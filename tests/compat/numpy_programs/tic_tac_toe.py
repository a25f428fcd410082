"""Boards as arrays: lines, symmetries, winners."""
import numpy as np

board = np.array([["X", "O", "X"], ["O", "X", "O"], ["O", "X", "X"]])
numbers = np.where(board == "X", 1, -1)
lines = np.concatenate([numbers.sum(0), numbers.sum(1), [np.trace(numbers), np.trace(np.fliplr(numbers))]])
print(lines, "X" if (lines == 3).any() else "O" if (lines == -3).any() else "nobody")
seen = set()
for k in range(4):
    for flip in (False, True):
        b = np.rot90(numbers, k)
        b = np.fliplr(b) if flip else b
        seen.add(tuple(b.ravel().tolist()))
print(len(seen))
print(board.shape, board.dtype, (board == "X").sum())
queens = np.array([0, 4, 7, 5, 2, 6, 1, 3])
i, j = np.triu_indices(8, 1)
print(bool(np.all(np.abs(queens[i] - queens[j]) != j - i)))
magic = np.array([[2, 7, 6], [9, 5, 1], [4, 3, 8]])
print(magic.sum(0), magic.sum(1), magic.trace(), np.diagonal(magic[:, ::-1]).sum())
