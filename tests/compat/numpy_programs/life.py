"""Conway's game of life with a glider."""
import numpy as np

board = np.zeros((8, 8), dtype=int)
board[[0, 1, 2, 2, 2], [1, 2, 0, 1, 2]] = 1


def step(b):
    around = sum(
        np.roll(np.roll(b, dy, 0), dx, 1) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)
    )
    return ((around == 3) | ((b == 1) & (around == 2))).astype(int)


for generation in range(6):
    print(generation, board.sum())
    print("\n".join("".join("#" if cell else "." for cell in row) for row in board))
    board = step(board)
print(np.argwhere(board).tolist())
