"""Fitted estimators as modules: scikit-learn says what they give."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from compat.sklearn_judge import (
    COUNTS,
    HOLES,
    POSITIVE,
    REAL,
    RNG,
    THREE,
    TWO,
    X,
    check,
    dense,
    names,
    quietly,
)
from sklearn import (
    compose,
    discriminant_analysis,
    feature_selection,
    impute,
    linear_model,
    naive_bayes,
    preprocessing as prep,
    svm,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union

import rustorch as rt
from rustorch.autograd import gradcheck
from rustorch.sklearn import from_sklearn, supported

SCALERS = [
    prep.StandardScaler(), prep.StandardScaler(with_mean=False), prep.StandardScaler(with_std=False),
    prep.MinMaxScaler(), prep.MinMaxScaler((-1, 2), clip=True), prep.MaxAbsScaler(), prep.RobustScaler(),
    prep.Normalizer(), prep.Normalizer("l1"), prep.Normalizer("max"), prep.Binarizer(threshold=0.3),
    prep.PowerTransformer(), prep.PowerTransformer(standardize=False), prep.QuantileTransformer(n_quantiles=50),
    prep.QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    prep.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    prep.KBinsDiscretizer(encode="ordinal", strategy="uniform"), prep.FunctionTransformer(np.exp, np.log),
    prep.FunctionTransformer(lambda x: x * 2), prep.FunctionTransformer(), prep.PolynomialFeatures(3),
    prep.PolynomialFeatures(2, include_bias=False, interaction_only=True), prep.PolynomialFeatures((2, 3)),
    feature_selection.VarianceThreshold(0.5), make_pipeline(prep.StandardScaler(), "passthrough", prep.MinMaxScaler()),
    make_union(prep.StandardScaler(), prep.MinMaxScaler()),
    compose.ColumnTransformer([("a", prep.StandardScaler(), [0, 1]), ("b", prep.MinMaxScaler(), slice(2, 4))]),
    compose.ColumnTransformer([("a", prep.StandardScaler(), [1, 0])], remainder="passthrough"),
]  # fmt: skip


@pytest.mark.parametrize("estimator", SCALERS, ids=names)
def test_transformers(estimator):
    check(estimator, X)


def test_box_cox():
    check(prep.PowerTransformer("box-cox"), np.abs(X) + 0.1)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
def test_splines(extrapolation, knots):
    splines = prep.SplineTransformer(
        extrapolation=extrapolation, n_knots=6, knots=knots, include_bias=knots == "uniform"
    )
    splines.fit(X[:60, :4])
    result = from_sklearn(splines)(rt.tensor(X[:, :4]))
    np.testing.assert_allclose(result.detach().numpy(), splines.transform(X[:, :4]), 1e-9, 1e-9)


@pytest.mark.parametrize(
    "estimator",
    [
        prep.OneHotEncoder(), prep.OneHotEncoder(drop="first"), prep.OneHotEncoder(handle_unknown="ignore"),
        prep.OneHotEncoder(drop="if_binary"), prep.OrdinalEncoder(),
        prep.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ],
    ids=names,
)  # fmt: skip
def test_encoders(estimator):
    check(estimator, COUNTS)


def test_frequencies_of_terms():
    for options in ({}, {"sublinear_tf": True, "norm": "l1"}, {"use_idf": False, "norm": None}):
        check(TfidfTransformer(**options), COUNTS)


def test_columns_of_frames():
    frame = pd.DataFrame(X, columns=list("abcde"))
    columns = compose.ColumnTransformer([("s", prep.StandardScaler(), ["b", "a"])], remainder="passthrough")
    model = make_pipeline(columns, linear_model.LogisticRegression()).fit(frame, THREE)
    turned = frame[list("edcba")]
    np.testing.assert_allclose(from_sklearn(model)(turned).detach(), model.predict_proba(turned))
    with pytest.raises(ValueError, match=r"columns \['b'\] are missing"):
        from_sklearn(model)(frame[list("acde")])
    with pytest.raises(ValueError, match="fitted on the columns"):
        from_sklearn(prep.StandardScaler().fit(frame))(turned)


def test_unknown_and_rare_categories():
    encoder = prep.OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist").fit(COUNTS)
    module = from_sklearn(encoder)
    new = np.array([[99.0, 0.0, -3.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(module(new).numpy(), dense(encoder.transform(new)))
    assert not hasattr(module, "inverse_transform")
    with pytest.raises(ValueError, match="unknown category in column 0"):
        from_sklearn(prep.OneHotEncoder().fit(COUNTS))(new)


@pytest.mark.parametrize("y", [REAL, THREE], ids=["real", "labels"])
def test_target_encoder(y):
    check(prep.TargetEncoder(), COUNTS, y)


@pytest.mark.parametrize("labels", [np.array(["u", "v", "w", "v"]), np.array([3, 1, 3, 2])], ids=["texts", "numbers"])
def test_encoders_of_labels(labels):
    for encoder in (prep.LabelEncoder(), prep.LabelBinarizer()):
        expected = encoder.fit_transform(labels)
        module = from_sklearn(encoder)
        np.testing.assert_array_equal(module.transform(labels).numpy(), expected)
        np.testing.assert_array_equal(np.asarray(module.inverse_transform(module.transform(labels))), labels)


@pytest.mark.parametrize(
    "estimator",
    [
        impute.SimpleImputer(), impute.SimpleImputer(strategy="median", add_indicator=True),
        impute.SimpleImputer(strategy="constant", fill_value=3), impute.MissingIndicator(),
    ],
    ids=names,
)  # fmt: skip
def test_missing_values(estimator):
    check(estimator, HOLES, methods=["transform"])


@pytest.mark.parametrize(
    "estimator",
    [
        feature_selection.SelectKBest(k=2), feature_selection.SelectFromModel(linear_model.LogisticRegression()),
        feature_selection.RFE(linear_model.LogisticRegression(), n_features_to_select=2),
    ],
    ids=names,
)  # fmt: skip
def test_selection(estimator):
    check(estimator, X, THREE)


REGRESSORS = [
    linear_model.LinearRegression(), linear_model.Ridge(), linear_model.Lasso(0.01), linear_model.ElasticNet(0.01),
    linear_model.HuberRegressor(), linear_model.BayesianRidge(), linear_model.SGDRegressor(random_state=0),
    svm.LinearSVR(), linear_model.LassoCV(), linear_model.Lars(), linear_model.OrthogonalMatchingPursuit(),
    linear_model.TheilSenRegressor(random_state=0), linear_model.RANSACRegressor(random_state=0),
    linear_model.QuantileRegressor(alpha=0), linear_model.ARDRegression(),
    compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=prep.StandardScaler()),
    compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.exp, inverse_func=np.log),
    GridSearchCV(make_pipeline(prep.StandardScaler(), linear_model.Ridge()), {"ridge__alpha": [0.1, 1]}),
]  # fmt: skip


@pytest.mark.parametrize("estimator", REGRESSORS[:-2] + REGRESSORS[-1:], ids=names)
def test_regressors(estimator):
    check(estimator, X, REAL)


def test_regressors_of_other_targets():
    both = np.stack([REAL, POSITIVE], 1)
    check(REGRESSORS[-2], X, REAL / 10)
    check(linear_model.LinearRegression(), X, both)
    check(linear_model.MultiTaskLasso(), X, both)
    check(linear_model.Ridge(), X, REAL[:, None])
    for name in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"):
        check(getattr(linear_model, name)(), X, POSITIVE)


CLASSIFIERS = [
    linear_model.LogisticRegression(), linear_model.LogisticRegressionCV(use_legacy_attributes=False, l1_ratios=(0.0,)),
    linear_model.SGDClassifier(random_state=0), linear_model.SGDClassifier(loss="log_loss", random_state=0),
    linear_model.SGDClassifier(loss="modified_huber", random_state=0), svm.LinearSVC(),
    linear_model.RidgeClassifier(), linear_model.Perceptron(), discriminant_analysis.LinearDiscriminantAnalysis(),
    discriminant_analysis.LinearDiscriminantAnalysis(solver="eigen"),
    discriminant_analysis.QuadraticDiscriminantAnalysis(), naive_bayes.GaussianNB(),
    make_pipeline(prep.StandardScaler(), linear_model.LogisticRegression()),
]  # fmt: skip


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=names)
def test_classifiers(estimator, labels):
    check(estimator, X, labels)


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("name", ["BernoulliNB", "MultinomialNB", "ComplementNB", "CategoricalNB"])
def test_naive_bayes(name, labels):
    check(getattr(naive_bayes, name)(), COUNTS, labels)


def test_frames_with_texts():
    frame = pd.DataFrame({
        "city": RNG.choice(["Rome", "Oslo", "Kyiv"], 60), "size": RNG.choice(["S", "L"], 60),
        "age": RNG.random(60), "rooms": RNG.integers(0, 4, 60),
    })  # fmt: skip
    frame.loc[3, "age"] = np.nan
    texts = make_pipeline(impute.SimpleImputer(strategy="most_frequent"), prep.OneHotEncoder(handle_unknown="ignore"))
    columns = compose.ColumnTransformer([
        ("texts", texts, ["city", "size"]), ("rooms", prep.OneHotEncoder(), ["rooms"]),
        ("age", make_pipeline(impute.SimpleImputer(), prep.StandardScaler()), ["age"]),
    ])  # fmt: skip
    model = make_pipeline(columns, linear_model.LogisticRegression()).fit(frame, RNG.integers(0, 2, 60))
    module = from_sklearn(model)
    np.testing.assert_allclose(module(frame).detach().numpy(), model.predict_proba(frame), 1e-9)
    np.testing.assert_array_equal(module.predict(frame).numpy(), model.predict(frame))
    with pytest.raises(TypeError, match="texts"):
        from_sklearn(prep.OneHotEncoder().fit(frame[["city"]]))(rt.zeros(2, 1))


def test_calls_are_the_natural_method():
    x = rt.tensor(X)
    logistic = linear_model.LogisticRegression().fit(X, THREE)
    np.testing.assert_allclose(from_sklearn(logistic)(x).detach(), logistic.predict_proba(X))
    separating = svm.LinearSVC().fit(X, THREE)
    np.testing.assert_allclose(from_sklearn(separating)(x).detach(), separating.decision_function(X))
    ridge = linear_model.Ridge().fit(X, REAL)
    np.testing.assert_allclose(from_sklearn(ridge)(x).detach(), ridge.predict(X))
    np.testing.assert_allclose(from_sklearn(ridge)(x.float()).detach(), ridge.predict(X), 1e-4)
    assert from_sklearn(ridge)(x.float()).dtype == rt.float32 and from_sklearn(ridge)(x.long()).dtype == rt.float64


GRADIENTS = [
    prep.StandardScaler(), prep.MinMaxScaler(), prep.Normalizer(), prep.PowerTransformer(), prep.PolynomialFeatures(2),
    prep.SplineTransformer(), prep.QuantileTransformer(n_quantiles=10), linear_model.LogisticRegression(),
    discriminant_analysis.QuadraticDiscriminantAnalysis(), naive_bayes.GaussianNB(), linear_model.PoissonRegressor(),
    make_pipeline(prep.StandardScaler(), linear_model.LogisticRegression()),
]  # fmt: skip


@pytest.mark.parametrize("estimator", GRADIENTS, ids=names)
def test_gradients_of_inputs_and_parameters(estimator):
    target = POSITIVE if isinstance(estimator, linear_model.PoissonRegressor) else THREE
    module = from_sklearn(quietly(estimator.fit, X, target))
    x = rt.tensor(X[:3] + 0.0123, requires_grad=True)
    assert gradcheck(module, (x,))
    parameters = list(module.parameters())
    if parameters and not isinstance(estimator, (prep.SplineTransformer, prep.QuantileTransformer)):
        assert gradcheck(lambda *_: module(x.detach()), tuple(parameters))


def test_training_goes_on_from_the_fit():
    model = make_pipeline(prep.StandardScaler(), linear_model.LogisticRegression(C=1e-3)).fit(X, THREE)
    module = from_sklearn(model)
    before = model[-1].coef_.copy()
    optimizer = rt.optim.Adam(module.parameters(), lr=0.05)
    x, y = rt.tensor(X), rt.tensor(THREE)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = rt.nn.functional.nll_loss(module.predict_log_proba(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    np.testing.assert_array_equal(model[-1].coef_, before)


def test_not_yet_fitted(tmp_path):
    scaler = from_sklearn(prep.StandardScaler())
    with pytest.raises(NotFittedError, match="call fit first"):
        scaler(rt.tensor(X))
    expected = prep.StandardScaler().fit_transform(X)
    np.testing.assert_allclose(scaler.fit_transform(rt.tensor(X)).detach(), expected)
    np.testing.assert_allclose(scaler(rt.tensor(X)).detach(), expected)
    np.testing.assert_allclose(scaler.inverse_transform(expected).detach(), X)
    assert len(list(scaler.parameters())) == 2
    scaler.save(tmp_path / "scaler.rustorch")
    again = rt.load(tmp_path / "scaler.rustorch")
    np.testing.assert_array_equal(again.transform(X).detach(), scaler.transform(X).detach())
    with pytest.raises(RuntimeError, match="no estimator to fit"):
        again.fit(X)
    model = from_sklearn(linear_model.LogisticRegression()).fit(X, THREE)
    assert (model.predict(X).numpy() == linear_model.LogisticRegression().fit(X, THREE).predict(X)).all()


def test_refusals():
    from sklearn.manifold import Isomap

    with pytest.raises(NotImplementedError, match=r"cannot convert Isomap; it converts ARDRegression, "):
        from_sklearn(Isomap().fit(X))
    with pytest.raises(TypeError, match="got the class StandardScaler"):
        from_sklearn(prep.StandardScaler)
    with pytest.raises(TypeError, match="got int"):
        from_sklearn(3)
    module = from_sklearn(prep.StandardScaler().fit(X))
    with pytest.raises(ValueError, match="fitted on 5 features, got 3"):
        module(rt.zeros(2, 3))
    with pytest.raises(ValueError, match=r"expects shape \(samples, features\), got \(5,\)"):
        module(rt.zeros(5))
    with pytest.raises(TypeError, match="expects numbers"):
        module(np.array([["a"] * 5]))
    with pytest.raises(AttributeError, match="LinearSVC has no predict_proba"):
        from_sklearn(svm.LinearSVC().fit(X, THREE)).predict_proba(X)
    assert "StandardScaler" in supported()


def test_a_subclass_that_computes_otherwise_is_refused():
    class Doubled(prep.StandardScaler):
        def transform(self, X, copy=None):
            return super().transform(X) * 2

    class Named(prep.StandardScaler):
        pass

    with pytest.raises(NotImplementedError, match="Doubled"):
        from_sklearn(Doubled().fit(X))
    assert from_sklearn(Named().fit(X)) is not None


SAVED = [
    (make_pipeline(prep.StandardScaler(), prep.PolynomialFeatures(2), linear_model.LogisticRegression()), X, TWO),
    (compose.ColumnTransformer([("a", prep.OneHotEncoder(), [0]), ("b", prep.MinMaxScaler(), [1, 2])]), COUNTS, None),
    (make_union(prep.FunctionTransformer(np.exp), prep.SplineTransformer()), X, None),
]  # fmt: skip


@pytest.mark.parametrize("estimator, x, y", SAVED, ids=range(len(SAVED)))
def test_saved_and_loaded(estimator, x, y, tmp_path):
    module = from_sklearn(quietly(estimator.fit, x, y))
    module.save(tmp_path / "model.rustorch")
    again = rt.load(tmp_path / "model.rustorch")
    np.testing.assert_array_equal(again(rt.tensor(x)).detach(), module(rt.tensor(x)).detach())
    copied = pickle.loads(pickle.dumps(module))
    np.testing.assert_array_equal(copied(rt.tensor(x)).detach(), module(rt.tensor(x)).detach())
    if y is not None:
        np.testing.assert_array_equal(again.predict(x), estimator.predict(x))


WITHOUT = """
import sys
sys.modules["sklearn"] = sys.modules["scipy"] = None
import numpy as np, rustorch as rt
module = rt.load(sys.argv[1])
print(module.predict(np.load(sys.argv[2])).tolist())
try:
    rt.sklearn.Classifier
except ModuleNotFoundError as error:
    print(error)
"""


def test_a_saved_module_runs_without_scikit_learn(tmp_path):
    model = make_pipeline(prep.StandardScaler(), linear_model.LogisticRegression()).fit(X, TWO)
    from_sklearn(model).save(tmp_path / "model.rustorch")
    np.save(tmp_path / "x.npy", X)
    command = [sys.executable, "-c", WITHOUT, tmp_path / "model.rustorch", tmp_path / "x.npy"]
    labels, error = subprocess.run(command, text=True, capture_output=True, check=True).stdout.splitlines()
    assert labels == str(model.predict(X).tolist())
    assert error == "rustorch.sklearn.Classifier needs scikit-learn: pip install rustorch[sklearn]"
