"""Data, and scikit-learn as the judge of converted estimators."""

import re
import warnings

import numpy as np

import rustorch as rt
from rustorch.sklearn import from_sklearn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 5)) * [1, 2, 0.1, 5, 1] + 1
X[:, 4] = X[:, 4].round()
COUNTS = np.abs(X[:, :3] * 2).round()
HOLES = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
REAL = X @ RNG.standard_normal(5) + 1
POSITIVE = np.exp(REAL / 10)
TWO = np.where(X[:, 0] > 1, "yes", "no")
THREE = (X[:, 0] > 1).astype(int) + (X[:, 1] > 2)
METHODS = ("transform", "inverse_transform", "predict", "predict_proba", "decision_function", "score_samples")


def dense(value):
    return value.toarray() if hasattr(value, "toarray") else np.asarray(value)


def quietly(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args)


def check(estimator, x, y=None, methods=METHODS, dtypes=(np.float64, np.float32)):
    """Every method of the fitted estimator and its module on x, in double and in single precision."""
    quietly(estimator.fit, x, y)
    module = from_sklearn(estimator)
    asked = [name for name in methods if hasattr(estimator, name)]
    assert asked and not any(hasattr(module, name) and not hasattr(estimator, name) for name in METHODS)
    for dtype in dtypes:
        rtol, atol = (1e-6, 1e-9) if dtype == np.float64 else (1e-3, 2e-4)
        for name in asked:
            given = dense(estimator.transform(x)) if name == "inverse_transform" else x
            given = given.astype(dtype)
            expected = dense(quietly(getattr(estimator, name), given))
            result = getattr(module, name)(rt.tensor(given))
            got = np.asarray(result)
            assert got.shape == expected.shape, name
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol, atol, err_msg=name)
                assert got.dtype == dtype or name == "inverse_transform", name
            else:
                np.testing.assert_array_equal(got, expected, err_msg=name)
    return module


def names(estimator):
    """The test's name, the same in every process: without addresses."""
    return re.sub(r"\s|at 0x[0-9a-f]+", "", str(estimator))[:90]
