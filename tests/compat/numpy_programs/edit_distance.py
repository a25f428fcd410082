"""Dynamic programming: edit distance, knapsack, longest common subsequence."""
import numpy as np


def distance(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    table[:, 0] = np.arange(len(a) + 1)
    table[0] = np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
    return table


t = distance("kitten", "sitting")
print(t)
print(t[-1, -1], int(t[-1][-1]))
weights, values = np.array([2, 3, 4, 5]), np.array([3, 4, 5, 6])
best = np.zeros(11, dtype=np.int64)
for w, v in zip(weights, values):
    best[w:] = np.maximum(best[w:], best[:-w] + v)
print(best, best[-1])
coins = np.zeros(12, int)
coins[0] = 1
for c in (1, 2, 5):
    for k in range(c, 12):
        coins[k] += coins[k - c]
print(coins.tolist())
