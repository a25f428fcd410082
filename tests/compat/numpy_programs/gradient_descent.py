"""Logistic regression with gradients by hand."""
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(100, 3))
y = (X @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=100) > 0).astype(float)
w, b = np.zeros(3), 0.0
losses = []
for epoch in range(100):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    loss = -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))
    losses.append(loss)
    error = p - y
    w -= 0.5 * X.T @ error / len(y)
    b -= 0.5 * error.mean()
print(np.round(w, 5), round(float(b), 5))
print(f"{losses[0]:.5f} -> {losses[-1]:.5f}", bool(np.all(np.diff(losses) < 0)))
accuracy = np.mean((X @ w + b > 0) == (y == 1))
print("accuracy", accuracy)
confusion = np.zeros((2, 2), int)
np.add.at(confusion, (y.astype(int), (p > 0.5).astype(int)), 1)
print(confusion)
