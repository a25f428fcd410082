"""a[key] and a[key] = value of arrays over a table of keys; NumPy is the judge of values, shapes, dtypes, kinds of
errors, and of what is a view."""
import itertools

import numpy
import pytest

import rustorch.numpy as np

KINDS = (IndexError, ValueError, TypeError, OverflowError)
ARRAYS = [
    lambda n: n.arange(24.0).reshape(2, 3, 4), lambda n: n.arange(5),
    lambda n: n.arange(6, dtype="int32").reshape(2, 3), lambda n: n.array(7.0), lambda n: n.zeros((0, 3)),
    lambda n: n.arange(24).reshape(4, 3, 2)[::-1].T,
]  # fmt: skip
SINGLE = [
    0, 1, -1, 5, -9, slice(None), slice(1, None), slice(None, None, -1), slice(5, 1, -2), slice(2, 1), Ellipsis, None,
    True, False, numpy.int64(1), numpy.True_, numpy.array(True), numpy.array(False), [0, 1], [-1, 0], [], [True, False],
    [True, False, True], numpy.array([0, 2]), numpy.array([[0, 1], [1, 0]]), numpy.array([0, 1], "uint8"),
    numpy.array([9]), numpy.array([1, 0], ">i4"), numpy.array([True, False, True]),
    numpy.array([[True, False, True], [False, True, True]]), numpy.array([], int), 1.0, numpy.float64(1), "a", b"a",
    [1.0], numpy.array([1.0]), 2**70, {1}, object(), range(2), numpy.zeros(3, complex), 1j, [slice(0, 1)], [None],
    numpy.zeros((0, 3), int), slice("a", None), slice(0, 2.0), slice(numpy.int64(0), numpy.int64(2)),
    slice(None, None, 0), (),
]  # fmt: skip
PARTS = [0, -1, 9, slice(None), slice(None, None, -1), Ellipsis, None, True, [0, 1], [True, False],
         numpy.array([[0, 1], [1, 0]]), numpy.array([True, False, True]), numpy.array([], int), 1.0]  # fmt: skip
TRIPLES = [0, slice(None), Ellipsis, None, [0, 1], numpy.array([[0], [1]]), numpy.array([True, False, True]),
           slice(0, 1)]  # fmt: skip
KEYS = [*SINGLE, *itertools.product(PARTS, repeat=2), *itertools.product(TRIPLES, repeat=3)]
VALUES = [1, 2.7, numpy.arange(3), numpy.array([[1], [2]]), numpy.float32(3)]


def as_ours(key):
    if isinstance(key, tuple):
        return tuple(map(as_ours, key))
    return np.array(key) if isinstance(key, numpy.ndarray) and key.dtype.isnative else key


def attempt(job):
    try:
        return job(), None
    except Exception as error:
        return None, {kind for kind in KINDS if isinstance(error, kind)}


def assert_alike(ours, theirs, key, value=0):
    (result, error), (expected, expected_error) = ours, theirs
    assert (error is None) == (expected_error is None), (key, expected, expected_error, error)
    if error is not None:                     # of a wrong key and a wrong value either may be named
        assert error & expected_error or numpy.ndim(value), (key, expected_error, error)
        return
    x = numpy.asarray(result)
    assert x.shape == numpy.shape(expected) and x.dtype == expected.dtype and numpy.array_equal(x, expected), key


@pytest.mark.parametrize("make", ARRAYS)
def test_get(make):
    theirs, ours = make(numpy), make(np)
    for key in KEYS:
        expected = attempt(lambda key=key: theirs[key])
        for spelled in (key, as_ours(key)):
            result = attempt(lambda spelled=spelled: ours[spelled])
            assert_alike(result, expected, key)
            if expected[1] is None:
                assert type(result[0]) is np.ndarray
                if isinstance(expected[0], numpy.ndarray) and expected[0].size:
                    shares = numpy.shares_memory(numpy.asarray(result[0]), numpy.asarray(ours))
                    assert shares == numpy.shares_memory(expected[0], theirs), key


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("make", ARRAYS)
def test_set(make, value):
    def put(array, key):
        array[key] = value
        return array

    for key in KEYS:
        theirs, ours = make(numpy), make(np)
        assert_alike(attempt(lambda: put(ours, as_ours(key))), attempt(lambda: put(theirs, key)), key, value)  # noqa: B023


def test_elements_are_copies_and_windows_are_not():
    a = np.arange(6.0).reshape(2, 3)
    value, window, row = a[0, 1], a[0, 1, ...], a[1]
    a[0, 1], a[1, 0] = 9, 8
    assert value == 1 and window == 9 and row[0] == 8
    assert [x.tolist() for x in a] == a.tolist() and [float(x) for x in a[0]] == [0, 9, 2]
    a[0][1] = 5
    assert a[0, 1] == 5
    a[0], a[1] = a[1].copy(), a[0].copy()
    assert a.tolist() == [[8, 4, 5], [0, 5, 2]]
    for i, x in enumerate(a[0]):
        a[0, i] = x + 1
    assert a[0].tolist() == [9, 5, 6]


def test_texts_and_none_are_read_as_numpy_reads_them():
    a = np.zeros(3)
    a[0], a[1] = "2.5", None
    assert a[0] == 2.5 and numpy.isnan(a[1])
    with pytest.raises(ValueError):
        a[0] = "x"
    with pytest.raises(TypeError):
        np.zeros(3, int)[0] = None
    with pytest.raises(ValueError, match="delete"):
        del a[0]


def test_iteration():
    a = np.arange(3)
    iterator = iter(a)
    assert next(iterator) == 0 and iterator.__length_hint__() == 2 and list(iterator) == [1, 2] and list(iterator) == []
    with pytest.raises(TypeError, match="0-d"):
        iter(np.array(1))
    with pytest.raises(TypeError):
        len(np.array(1))
    first, *rest = np.arange(4.0)
    assert first == 0 and [float(x) for x in rest] == [1, 2, 3]


def test_gradients_of_elements():
    a = np.arange(1.0, 4.0).requires_grad_()
    total = a[0] * a[1]
    for x in a:
        total = total + x * x
    total.backward()
    assert a.grad.tolist() == [4.0, 5.0, 6.0]
    b = np.arange(3.0).requires_grad_() * 1
    b[0] = 5
    b[1] = b[2]
    assert b.requires_grad and b.tolist() == [5.0, 2.0, 2.0]
