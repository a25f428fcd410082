"""Kernel machines, trees, ensembles, decompositions and networks as modules: scikit-learn says what they give."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from compat.sklearn_judge import HOLES, METHODS, POSITIVE, REAL, RNG, THREE, TWO, X, check, names, quietly
from sklearn import (
    calibration,
    cluster,
    covariance,
    cross_decomposition,
    decomposition,
    dummy,
    ensemble,
    isotonic,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    random_projection,
    svm,
    tree,
)  # fmt: skip
from sklearn.gaussian_process import GaussianProcessRegressor, kernels

import rustorch as rt
from rustorch.autograd import gradcheck
from rustorch.sklearn import from_sklearn

SEED = {"random_state": 0}
SMALL = {"n_estimators": 10, "random_state": 0}
BOTH = np.stack([REAL, POSITIVE], 1)
LABELS = (X[:, :2] > 1).astype(int)
WITHOUT_SCORES = [name for name in METHODS if name != "score_samples"]

TRANSFORMERS = [
    decomposition.PCA(3), decomposition.PCA(3, whiten=True), decomposition.IncrementalPCA(2),
    decomposition.TruncatedSVD(3), decomposition.FastICA(3, random_state=0), decomposition.FactorAnalysis(2),
    decomposition.SparsePCA(2, random_state=0), random_projection.GaussianRandomProjection(3, random_state=0),
    decomposition.KernelPCA(3, kernel="rbf", gamma=0.1, fit_inverse_transform=True),
    random_projection.SparseRandomProjection(3, random_state=0), kernel_approximation.RBFSampler(random_state=0),
    kernel_approximation.Nystroem(n_components=20, random_state=0), neural_network.BernoulliRBM(4, random_state=0),
]  # fmt: skip


@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=names)
def test_decompositions(estimator):
    rbm = isinstance(estimator, neural_network.BernoulliRBM)  # its scores are drawn by chance
    check(estimator, X, methods=WITHOUT_SCORES if rbm else METHODS)


def test_clusters():
    check(cluster.FeatureAgglomeration(2), X)
    check(neighbors.KernelDensity(bandwidth=0.7), X)
    check(cluster.MeanShift(), X)
    for name in ("KMeans", "MiniBatchKMeans"):  # scikit-learn's own refuse single precision after a fit in double
        check(getattr(cluster, name)(4, random_state=0), X, dtypes=[np.float64])


@pytest.mark.parametrize("shape", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("name", ["GaussianMixture", "BayesianGaussianMixture"])
def test_mixtures(name, shape):
    check(getattr(mixture, name)(n_components=3, covariance_type=shape, random_state=0), X)


def test_partial_least_squares():
    for estimator in (cross_decomposition.PLSRegression(2), cross_decomposition.CCA(2)):
        check(estimator, X, BOTH)
    check(cross_decomposition.PLSRegression(2), X, REAL)


@pytest.mark.parametrize(
    "estimator",
    [svm.OneClassSVM(), covariance.EllipticEnvelope(random_state=0), ensemble.IsolationForest(**SMALL),
     linear_model.SGDOneClassSVM(random_state=0), ensemble.IsolationForest(max_features=3, contamination=0.1, **SMALL)],
    ids=names,
)  # fmt: skip
def test_outliers(estimator):
    check(estimator, X)


REGRESSORS = [
    svm.SVR(), svm.SVR(kernel="linear"), svm.NuSVR(kernel="poly"), kernel_ridge.KernelRidge(kernel="rbf"),
    GaussianProcessRegressor(1.5 * kernels.RBF([1, 1, 1, 1, 2]) + kernels.WhiteKernel(), normalize_y=True),
    GaussianProcessRegressor(kernels.Matern(nu=1.5) + kernels.RationalQuadratic(), alpha=0.1),
    GaussianProcessRegressor(kernels.DotProduct() + kernels.ExpSineSquared() * kernels.Matern(nu=2.5) ** 2, alpha=0.5),
    neighbors.KNeighborsRegressor(), neighbors.KNeighborsRegressor(weights="distance"),
    neighbors.KNeighborsRegressor(p=1), dummy.DummyRegressor(), tree.DecisionTreeRegressor(**SEED),
    tree.ExtraTreeRegressor(**SEED), ensemble.RandomForestRegressor(**SMALL), ensemble.ExtraTreesRegressor(**SMALL),
    ensemble.GradientBoostingRegressor(**SMALL), ensemble.GradientBoostingRegressor(init="zero", loss="huber", **SMALL),
    ensemble.HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5), ensemble.AdaBoostRegressor(**SMALL),
    ensemble.BaggingRegressor(max_features=3, **SEED), ensemble.BaggingRegressor(linear_model.Ridge(), **SEED),
    ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(**SEED))], weights=[1, 2]),
    ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", neighbors.KNeighborsRegressor())], passthrough=True),
    neural_network.MLPRegressor(max_iter=30, **SEED),
    neural_network.MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", max_iter=30, **SEED),
]  # fmt: skip


@pytest.mark.parametrize("estimator", REGRESSORS, ids=names)
def test_regressors(estimator):
    check(estimator, X, REAL)


def test_several_outputs():
    for estimator in (
        tree.DecisionTreeRegressor(**SEED), ensemble.RandomForestRegressor(**SMALL),
        multioutput.MultiOutputRegressor(linear_model.Ridge()), neighbors.KNeighborsRegressor(),
        multioutput.RegressorChain(linear_model.Ridge(), order=[1, 0]), neural_network.MLPRegressor(max_iter=9, **SEED),
    ):  # fmt: skip
        check(estimator, X, BOTH)
    for estimator in (
        neural_network.MLPClassifier(max_iter=30, **SEED), linear_model.RidgeClassifier(),
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    ):  # fmt: skip
        check(estimator, X, LABELS)
    for model, y in (
        (multioutput.MultiOutputClassifier(linear_model.LogisticRegression()), LABELS),
        (ensemble.RandomForestClassifier(**SMALL), LABELS), (tree.DecisionTreeClassifier(max_depth=2), LABELS),
        (tree.DecisionTreeClassifier(max_depth=2), np.stack([TWO, np.array(list("xyz"))[THREE]], 1)),
    ):  # fmt: skip
        module = from_sklearn(model.fit(X, y))
        np.testing.assert_array_equal(np.asarray(module.predict(X)), model.predict(X))
        for ours, theirs in zip(module.predict_proba(X), model.predict_proba(X), strict=True):
            np.testing.assert_allclose(ours.detach(), theirs)


def test_monotonic_curves():
    for beyond in ("clip", "nan"):
        model = isotonic.IsotonicRegression(out_of_bounds=beyond).fit(X[20:, 0], REAL[20:])
        np.testing.assert_allclose(from_sklearn(model).predict(X[:, 0]).detach(), model.predict(X[:, 0]), 1e-12)


LOGISTIC, TREE = linear_model.LogisticRegression(), tree.DecisionTreeClassifier(**SEED)
PAIR = [("a", LOGISTIC), ("b", TREE)]
CLASSIFIERS = [
    svm.SVC(), svm.SVC(kernel="linear"), svm.SVC(kernel="sigmoid", break_ties=True),
    svm.SVC(kernel="poly", decision_function_shape="ovo"), svm.NuSVC(nu=0.1), neighbors.NearestCentroid(),
    neighbors.NearestCentroid(priors="empirical"), neighbors.NearestCentroid(metric="manhattan"),
    neighbors.KNeighborsClassifier(), neighbors.KNeighborsClassifier(weights="distance"), dummy.DummyClassifier(),
    tree.DecisionTreeClassifier(max_depth=3, **SEED), tree.ExtraTreeClassifier(**SEED),
    ensemble.RandomForestClassifier(max_depth=3, **SMALL), ensemble.ExtraTreesClassifier(**SMALL),
    ensemble.GradientBoostingClassifier(**SMALL), ensemble.AdaBoostClassifier(**SMALL),
    ensemble.HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=5), ensemble.BaggingClassifier(**SEED),
    ensemble.BaggingClassifier(svm.LinearSVC(), max_features=3, **SEED),
    ensemble.VotingClassifier([*PAIR, ("c", naive_bayes.GaussianNB())]),
    ensemble.VotingClassifier(PAIR, voting="soft", weights=[1, 2]),
    ensemble.StackingClassifier([("a", LOGISTIC), ("b", svm.LinearSVC())]),
    ensemble.StackingClassifier(PAIR, passthrough=True), neural_network.MLPClassifier(max_iter=30, **SEED),
    neural_network.MLPClassifier(hidden_layer_sizes=(8,), activation="logistic", max_iter=30, **SEED),
    multiclass.OneVsRestClassifier(LOGISTIC), multiclass.OneVsRestClassifier(TREE),
    multiclass.OneVsOneClassifier(svm.LinearSVC()), multiclass.OneVsOneClassifier(naive_bayes.GaussianNB()),
    calibration.CalibratedClassifierCV(svm.LinearSVC()),
    calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), method="isotonic"),
]  # fmt: skip


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=names)
def test_classifiers(estimator, labels):
    methods = [name for name in METHODS if not (name == "transform" and "Voting" in type(estimator).__name__)]
    check(estimator, X, labels, methods)


def test_chains_and_thresholds():
    for by in ("predict", "predict_proba"):
        check(multioutput.ClassifierChain(LOGISTIC, order=[1, 0], chain_method=by), X, LABELS)
    fixed = model_selection.FixedThresholdClassifier
    check(fixed(LOGISTIC, threshold=0.3), X, TWO)
    check(fixed(LOGISTIC, threshold=0.3, pos_label="no", response_method="decision_function"), X, TWO)
    check(model_selection.TunedThresholdClassifierCV(LOGISTIC), X, (THREE > 0).astype(int))


def test_exponential_boosting():
    check(ensemble.GradientBoostingClassifier(loss="exponential", **SMALL), X, TWO)


def test_trees_with_missing_values_and_categories():
    check(ensemble.RandomForestRegressor(**SMALL), HOLES, REAL)
    check(ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=9, min_samples_leaf=3), HOLES, POSITIVE)
    mixed = np.concatenate([X[:, :3], RNG.integers(0, 6, (len(X), 1)), RNG.integers(2, 9, (len(X), 1))], 1)
    small = {"max_iter": 9, "min_samples_leaf": 3}
    check(ensemble.HistGradientBoostingRegressor(categorical_features=[3, 4], **small), mixed, REAL)
    mixed[RNG.random(mixed.shape) < 0.1] = np.nan
    check(ensemble.HistGradientBoostingClassifier(categorical_features=[3], **small), mixed, TWO)
    frame = pd.DataFrame({"c": pd.Categorical(RNG.choice(["u", "v", "w"], 120)), "n": X[:, 0]})
    model = ensemble.HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=3).fit(frame, TWO)
    np.testing.assert_allclose(from_sklearn(model)(frame).detach(), model.predict_proba(frame))


@pytest.mark.parametrize("estimator", [
    svm.SVC(), decomposition.PCA(2), decomposition.KernelPCA(2, kernel="rbf"), kernel_approximation.RBFSampler(),
    cluster.KMeans(3), mixture.GaussianMixture(2), neural_network.MLPClassifier(max_iter=20, activation="tanh"),
    kernel_ridge.KernelRidge(kernel="laplacian"), neighbors.KNeighborsRegressor(weights="distance"),
    GaussianProcessRegressor(kernels.RBF(), alpha=1.0), cross_decomposition.PLSRegression(2),
], ids=names)  # fmt: skip
def test_gradients_of_inputs(estimator):
    module = from_sklearn(quietly(estimator.fit, X, THREE))
    assert gradcheck(module, (rt.tensor(X[:3] + 0.0123, requires_grad=True),))


@pytest.mark.parametrize("estimator", [
    ensemble.RandomForestRegressor(**SMALL), ensemble.GradientBoostingClassifier(**SMALL),
    ensemble.HistGradientBoostingRegressor(max_iter=2),
], ids=names)  # fmt: skip
def test_leaves_are_trained_and_inputs_have_no_gradient(estimator):
    module = from_sklearn(estimator.fit(X, THREE))
    x = rt.tensor(X[:3], requires_grad=True)
    assert gradcheck(lambda values: module(x), (module.values,))
    module(x).sum().backward()
    assert x.grad is None and module.values.grad.abs().sum() > 0 and not module.threshold.requires_grad


EXPORTED = [
    decomposition.KernelPCA(2, kernel="rbf"), svm.SVC(), ensemble.RandomForestClassifier(max_depth=4, **SMALL),
    ensemble.HistGradientBoostingRegressor(max_iter=5), ensemble.VotingClassifier(PAIR, voting="soft"),
    neural_network.MLPClassifier(max_iter=5), neighbors.KNeighborsRegressor(), mixture.GaussianMixture(2),
]  # fmt: skip


@pytest.mark.parametrize("estimator", EXPORTED, ids=names)
def test_exported_to_onnx(estimator, tmp_path):
    module = from_sklearn(quietly(estimator.fit, X, THREE)).float()
    x = X.astype(np.float32)
    rt.onnx.export(module, (rt.tensor(x[:7]),), tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    result = session.run(None, {session.get_inputs()[0].name: x})[0]
    np.testing.assert_allclose(result, module(rt.tensor(x)).detach(), 1e-3, 1e-4)


SAVED = [
    (ensemble.RandomForestClassifier(**SMALL), TWO), (ensemble.HistGradientBoostingRegressor(max_iter=5), REAL),
    (ensemble.VotingClassifier(PAIR, voting="soft"), TWO), (svm.SVC(), THREE), (GaussianProcessRegressor(), REAL),
    (calibration.CalibratedClassifierCV(svm.LinearSVC()), THREE), (neural_network.MLPRegressor(max_iter=5), REAL),
]  # fmt: skip


@pytest.mark.parametrize("estimator, y", SAVED, ids=[names(e) for e, _ in SAVED])
def test_saved_and_loaded(estimator, y, tmp_path):
    module = from_sklearn(quietly(estimator.fit, X, y))
    module.save(tmp_path / "model.rustorch")
    again = rt.load(tmp_path / "model.rustorch")
    np.testing.assert_array_equal(again(rt.tensor(X)).detach(), module(rt.tensor(X)).detach())
    np.testing.assert_array_equal(np.asarray(again.predict(X).detach() if y is not TWO else again.predict(X)),
                                  np.asarray(module.predict(X).detach() if y is not TWO else module.predict(X)))
