"""Nearest neighbours, one-hot labels, confusion matrix, softmax."""
import numpy as np

rng = np.random.default_rng(4)
train = rng.normal(size=(30, 2)) + np.repeat(np.array([[0, 0], [4, 0], [0, 4]]), 10, axis=0)
labels = np.repeat(np.arange(3), 10)
test = rng.normal(size=(9, 2)) + np.repeat([[0, 0], [4, 0], [0, 4]], 3, axis=0)
d2 = (test**2).sum(1)[:, None] + (train**2).sum(1) - 2 * test @ train.T
near = np.argpartition(d2, 5, axis=1)[:, :5]
votes = np.apply_along_axis(np.bincount, 1, labels[near], minlength=3)
guess = votes.argmax(axis=1)
print(guess, votes.tolist())
truth = np.repeat(np.arange(3), 3)
onehot = np.eye(3, dtype=int)[truth]
confusion = np.zeros((3, 3), dtype=int)
np.add.at(confusion, (truth, guess), 1)
print(confusion, (guess == truth).mean())
logits = votes - votes.max(axis=1, keepdims=True)
soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
print(soft.round(4)[::3], -np.log(soft[onehot.astype(bool)]).mean().round(5))
