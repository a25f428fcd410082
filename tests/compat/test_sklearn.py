"""The scikit-learn estimators: scikit-learn's own checks, pipelines, searches."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import rustorch as rt
from rustorch import nn
from rustorch.sklearn import Classifier, Regressor, Transformer


@parametrize_with_checks([
    Classifier(epochs=20, lr=0.01, random_state=0), Regressor(epochs=20, lr=0.01, random_state=0),
    Transformer(epochs=5, random_state=0),
])  # fmt: skip
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_pipeline_search_and_clone():
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), Classifier(hidden=(16,), epochs=30, lr=0.02, random_state=0))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.93
    search = GridSearchCV(pipeline, {"classifier__hidden": [(4,), (8, 8)]}, cv=2).fit(x, y)
    assert search.best_score_ > 0.9
    assert clone(pipeline[-1]).get_params()["hidden"] == (16,)


def test_labels_probabilities_and_module():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    seen = []
    model = Classifier(
        lambda inputs, classes: nn.Linear(inputs, classes),
        epochs=60,
        lr=0.05,
        random_state=1,
        on_epoch=lambda m, epoch, loss: seen.append((epoch, m.module_.training)),
    ).fit(x, names)
    assert model.score(x, names) > 0.9 and set(model.predict(x)) <= set(names)
    p = model.predict_proba(x)
    assert p.shape == (150, 3) and p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (p.argmax(axis=1) == model.decision_function(x).argmax(axis=1)).all()
    assert (
        seen == [(i, False) for i in range(60)] and len(model.history_) == 60 and not model.module_.training
    )


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    x, y = load_iris(return_X_y=True)
    rt.manual_seed(3)
    expected = rt.rand(2).tolist()
    rt.manual_seed(3)
    runs = [
        Classifier(epochs=3, dropout=0.3, random_state=s).fit(x, y).decision_function(x) for s in (5, 5, 6)
    ]
    assert rt.rand(2).tolist() == expected
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()
