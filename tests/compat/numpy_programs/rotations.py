"""Rotations, projections, areas, distances."""
import numpy as np

theta = np.pi / 6
R = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
turned = square @ R.T
print(turned.round(5), np.linalg.det(R).round(10))
x, y = turned.T
print("area", round(0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))), 10))
u, v = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
print(np.cross(u, v), np.dot(u, v), np.outer(u, v)[1], np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))).round(4))
axis = u / np.linalg.norm(u)
K = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
rodrigues = np.eye(3) + np.sin(theta) * K + (1 - np.cos(theta)) * K @ K
print(np.allclose(rodrigues @ rodrigues.T, np.eye(3)), (rodrigues @ u).round(6))
lat, lon = np.radians([48.85, 40.71]), np.radians([2.35, -74.0])
h = np.sin(np.diff(lat) / 2) ** 2 + np.cos(lat[0]) * np.cos(lat[1]) * np.sin(np.diff(lon) / 2) ** 2
print((2 * 6371 * np.arcsin(np.sqrt(h))).round(1))
print(np.einsum("ij,kj->ik", square, square), np.angle(1j, deg=True), np.hypot(3, 4), np.sign([-2, 0, 3]))
