"""Tables: structured arrays, strings, dates, grouping."""
import numpy as np

people = np.array(
    [("Ada", 36, 1.65), ("Bob", 25, 1.8), ("Cy", 41, 1.75)], dtype=[("name", "U10"), ("age", "i4"), ("height", "f8")]
)
print(people["name"], people["age"].mean(), people[people["age"] > 30]["name"].tolist())
print(np.sort(people, order="age")["name"])
words = np.array(["b", "a", "c", "a", "b", "a"])
unique, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
print(unique, inverse, counts)
values = np.array([1.0, 2, 3, 4, 5, 6])
print(np.bincount(inverse, weights=values), [values[words == u].sum() for u in unique])
days = np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]")
print(days[-1] - days[0], np.is_busday(days).sum())
print(np.char.upper(words)[:2], np.strings.str_len(np.array(["ab", "c"])))
print(np.isin(words, ["a", "c"]), np.where(words == "a", 1, 0))
text = "1 2\n3 4"
print(np.array([line.split() for line in text.splitlines()], dtype=float))
table = np.array([[1, "x"], [2.5, None]], dtype=object)
print(table.shape, table[1, 0] * 2)
