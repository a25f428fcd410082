"""Markov chains, hidden states (Viterbi), a Kalman filter."""
import numpy as np

P = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]])
values, vectors = np.linalg.eig(P.T)
pi = np.real(vectors[:, np.isclose(values, 1)][:, 0])
pi = pi / pi.sum()
print(pi.round(6), np.allclose(pi @ P, pi), np.linalg.matrix_power(P, 50)[0].round(4))
start, emit = np.log([0.6, 0.4]), np.log([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]])
trans = np.log(np.array([[0.7, 0.3], [0.4, 0.6]]))
seen = [0, 1, 2]
score = start + emit[:, seen[0]]
back = []
for o in seen[1:]:
    options = score[:, None] + trans
    back.append(options.argmax(axis=0))
    score = options.max(axis=0) + emit[:, o]
path = [int(score.argmax())]
for pointer in reversed(back):
    path.append(int(pointer[path[-1]]))
print(path[::-1], np.exp(score.max()).round(6))
F, H = np.array([[1, 1], [0, 1.0]]), np.array([[1.0, 0]])
x, C = np.zeros((2, 1)), np.eye(2)
for z in (1.1, 1.9, 3.2, 4.0):
    x, C = F @ x, F @ C @ F.T + 0.01 * np.eye(2)
    K = C @ H.T / (H @ C @ H.T + 0.1)
    x, C = x + K * (z - H @ x), (np.eye(2) - K @ H) @ C
print(x.ravel().round(5), C.round(5))
