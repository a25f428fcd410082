"""Converted estimators whose files were tampered with, and samples that do not fit."""

import numpy as np
import pytest
from sklearn import ensemble, linear_model, preprocessing

import rustorch as rt
from rustorch.sklearn import from_sklearn

X = np.random.default_rng(0).standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def forest():
    return from_sklearn(ensemble.RandomForestClassifier(3, random_state=0).fit(X, Y))


def again(module, tmp_path):
    module.save(tmp_path / "module.rustorch")
    return rt.load(tmp_path / "module.rustorch")


def test_walks_end_and_stay_among_the_nodes(forest, tmp_path):
    forest.settings["depth"] = 10**15
    np.testing.assert_array_equal(again(forest, tmp_path).predict(X), Y)
    forest.left[:] = 0  # a circle
    assert again(forest, tmp_path).predict(X).shape == (40,)
    forest.left[:] = 10**9
    with pytest.raises(IndexError):
        again(forest, tmp_path).predict(X)
    forest.left[:] = 0
    forest.feature[:] = 77
    with pytest.raises((IndexError, RuntimeError)):
        again(forest, tmp_path).predict(X)


@pytest.mark.parametrize("name", ["save", "load", "fromfile", "add", "ndarray", "__doc__", "lib", ""])
def test_files_name_no_functions_but_ufuncs_of_one_argument(name, tmp_path):
    module = from_sklearn(preprocessing.FunctionTransformer(np.exp).fit(X))
    module.settings["function"] = name
    with pytest.raises(ValueError, match="no function of one argument"):
        again(module, tmp_path)(rt.tensor(X))


def test_functions_of_users_are_not_written(tmp_path):
    module = from_sklearn(preprocessing.FunctionTransformer(lambda x: x + 1).fit(X))
    with pytest.raises(TypeError, match="Python function cannot be saved"):
        module.save(tmp_path / "module.rustorch")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("x", [np.zeros((2, 2)), np.zeros(3), np.zeros((1, 2, 3)), [["a", "b", "c"]], None, object()])
def test_samples_that_do_not_fit(x, forest):
    for module in (forest, from_sklearn(linear_model.LogisticRegression().fit(X, Y))):
        with pytest.raises((TypeError, ValueError)):
            module(x)


def test_no_samples(forest):
    assert forest(rt.zeros(0, 3)).shape == (0, 2)
    assert from_sklearn(preprocessing.QuantileTransformer(n_quantiles=9).fit(X))(rt.zeros(0, 3)).shape == (0, 3)


def test_values_that_are_none(forest):
    x = np.array([[np.nan, np.inf, -np.inf], [1.0, np.nan, 2.0]])
    assert np.isfinite(forest(rt.tensor(x)).detach()).all()
    scaled = from_sklearn(preprocessing.QuantileTransformer(n_quantiles=9).fit(X))(rt.tensor(x)).detach().numpy()
    assert np.isnan(scaled[0, 0]) and scaled[0, 1] == 1 and scaled[0, 2] == 0 and np.isnan(scaled[1, 1])
