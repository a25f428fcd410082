"""PageRank by power iteration."""
import numpy as np

links = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 1, 0]], dtype=float)
transition = (links / links.sum(axis=1, keepdims=True)).T
n = transition.shape[0]
rank = np.ones(n) / n
for iteration in range(100):
    new = 0.85 * transition @ rank + 0.15 / n
    if np.abs(new - rank).sum() < 1e-10:
        break
    rank = new
print(iteration, np.round(rank, 6), rank.sum().round(10))
values, vectors = np.linalg.eig(transition)
lead = np.real(vectors[:, np.argmax(values.real)])
print(np.round(lead / lead.sum(), 5))
print("order:", ", ".join(str(i) for i in np.argsort(-rank)))
