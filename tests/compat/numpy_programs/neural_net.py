"""A two-layer network for XOR, trained by hand-written backpropagation."""
import numpy as np

np.random.seed(1)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0, 1, 1, 0]]).T
W1, W2 = 2 * np.random.random((2, 4)) - 1, 2 * np.random.random((4, 1)) - 1
b1, b2 = np.zeros((1, 4)), np.zeros((1, 1))


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


for i in range(3000):
    hidden = sigmoid(X @ W1 + b1)
    out = sigmoid(hidden @ W2 + b2)
    d2 = (y - out) * out * (1 - out)
    d1 = (d2 @ W2.T) * hidden * (1 - hidden)
    W2 += hidden.T @ d2
    b2 += d2.sum(axis=0, keepdims=True)
    W1 += X.T @ d1
    b1 += d1.sum(axis=0, keepdims=True)
    if i % 1000 == 0:
        print(i, np.abs(y - out).mean().round(6))
print((out > 0.5).astype(int).ravel().tolist())
print(out.round(3))
