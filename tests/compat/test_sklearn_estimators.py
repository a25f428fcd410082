"""Every scikit-learn estimator and metric takes Tensors and arrays, with the results of ndarrays."""

import inspect

import numpy as np
import pytest
from scipy import sparse
from sklearn import metrics
from sklearn.base import clone, is_regressor
from sklearn.cluster import DBSCAN
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

import rustorch as rt
import rustorch.numpy as rnp

pytestmark = pytest.mark.filterwarnings("ignore")
RNG = np.random.default_rng(0)
X = np.abs(RNG.standard_normal((30, 4))) + 0.1
LABELS = (X[:, 0] > X[:, 1]).astype(int)
MANY_OUTPUTS = {"CCA", "PLSCanonical", "PLSRegression", "PLSSVD", "MultiOutputRegressor", "RegressorChain"}
# Take text or dicts, or are given their atoms or a fitted estimator before they see data.
NO_MATRICES = {"DictVectorizer", "FeatureHasher", "LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer",
               "PatchExtractor", "SparseCoder", "FrozenEstimator", "CountVectorizer", "HashingVectorizer",
               "TfidfVectorizer"}  # fmt: skip
ASK = ("predict", "transform", "predict_proba", "decision_function", "score_samples")


def data_for(name, estimator):
    if name == "KernelCenterer":
        return X @ X.T, LABELS
    if name.startswith("MultiTask") or name in MANY_OUTPUTS:
        return X, X[:, :2] * 1.0
    if name in ("MultiOutputClassifier", "ClassifierChain"):
        return X, np.stack([LABELS, (X[:, 2] > X[:, 3]).astype(int)], axis=1)
    return (X[:, 0] if name == "IsotonicRegression" else X), X[:, 0] * 2 if is_regressor(estimator) else LABELS


def answers(estimator, x, y):
    estimator = clone(estimator).fit(x, y)
    return {ask: getattr(estimator, ask)(x) for ask in ASK if hasattr(estimator, ask)}


def dense(value):
    return np.asarray(value.todense() if sparse.issparse(value) else value).astype(float)


@pytest.mark.parametrize("name", [n for n, _ in all_estimators() if n not in NO_MATRICES])
def test_every_estimator_takes_tensors(name):
    estimator = next(iter(_construct_instances(dict(all_estimators())[name])))
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    x, y = data_for(name, estimator)
    expected = answers(estimator, x, y)
    for make in (rt.tensor, rnp.asarray):
        result = answers(estimator, make(x), make(y))
        assert result.keys() == expected.keys()
        for ask in expected:
            np.testing.assert_allclose(dense(result[ask]), dense(expected[ask]), rtol=1e-6, atol=1e-9)


SCORES = X[:, 0] / (X[:, 0] + X[:, 1])
NOT_ASKED = {"auc", "make_scorer", "get_scorer", "get_scorer_names", "pairwise_distances_chunked",
             "fbeta_score"}  # fmt: skip
POSITIVE = {"mean_gamma_deviance", "mean_poisson_deviance"}
PROBABILITIES = {"log_loss", "d2_log_loss_score"}


def arguments(function):
    """Data for a metric by the names of its parameters; None when it asks for something else."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.kind < 2]
    guess = (SCORES > 0.4).astype(int)
    if function.__name__ in ("ndcg_score", "dcg_score", "label_ranking_loss", "coverage_error",
                             "label_ranking_average_precision_score"):  # fmt: skip
        return np.stack([LABELS, 1 - LABELS], 1), np.stack([SCORES, 1 - SCORES], 1)
    by_name = {"y_true": LABELS, "y_pred": guess, "labels_true": LABELS, "labels_pred": guess, "y_score": SCORES,
               "y_proba": SCORES, "y_prob": SCORES, "pred_decision": SCORES, "X": X, "Y": X[:7], "labels": LABELS,
               "x": SCORES, "y": np.sort(SCORES)}  # fmt: skip
    if function.__name__ in POSITIVE:
        return X[:, 0], X[:, 1]
    if function.__name__ in PROBABILITIES:
        return LABELS, SCORES
    return tuple(by_name[n] for n in names) if all(n in by_name for n in names) else None


METRICS = {
    n: f for n, f in ((n, getattr(metrics, n)) for n in metrics.__all__)
    if inspect.isfunction(f) and n not in NOT_ASKED and arguments(f)
}  # fmt: skip


def test_most_metrics_are_judged():
    assert len(METRICS) > 60


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_takes_tensors(name):
    given = arguments(METRICS[name])
    expected = METRICS[name](*given)
    for make in (rt.tensor, rnp.asarray, lambda x: rt.tensor(x, requires_grad=x.dtype.kind == "f")):
        result = METRICS[name](*(make(x) if isinstance(x, np.ndarray) else x for x in given))
        if isinstance(expected, str):
            assert result == expected
            continue
        for mine, theirs in zip(*((v if isinstance(v, tuple) else (v,)) for v in (result, expected)), strict=True):
            np.testing.assert_allclose(np.asarray(mine).astype(float), np.asarray(theirs).astype(float), rtol=1e-9)


@pytest.mark.parametrize("make", [rt.tensor, rnp.asarray])
def test_splits_searches_and_pipelines(make):
    x, y = make(X), make(LABELS)
    parts = train_test_split(x, y, random_state=0, stratify=y)
    for mine, theirs in zip(parts, train_test_split(X, LABELS, random_state=0, stratify=LABELS), strict=True):
        np.testing.assert_array_equal(np.asarray(mine), theirs)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    np.testing.assert_allclose(cross_val_score(model, x, y, cv=3), cross_val_score(model, X, LABELS, cv=3))
    search = GridSearchCV(model, {"logisticregression__C": [0.1, 1.0]}, cv=KFold(3))
    assert clone(search).fit(x, y).best_params_ == clone(search).fit(X, LABELS).best_params_
    np.testing.assert_array_equal(DBSCAN(eps=0.5).fit_predict(x), DBSCAN(eps=0.5).fit_predict(X))
