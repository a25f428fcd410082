"""Estimators around modules in what scikit-learn's users do with estimators."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rustorch as rt
from rustorch import callbacks, nn, optim
from rustorch.sklearn import Classifier, Regressor, Transformer

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
DX, DY = load_diabetes(return_X_y=True)
DX = StandardScaler().fit_transform(DX)
QUICK = {"epochs": 30, "lr": 0.02, "random_state": 0}


class Net(nn.Module):
    def __init__(self, inputs, outputs, hidden=16, activation=nn.ReLU):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), activation(), nn.Linear(hidden, outputs))

    def forward(self, x):
        return self.layers(x)


class Fixed(nn.Module):
    """All sizes have values, as in skorch's examples."""

    def __init__(self, in_features=4, hidden=8, classes=3):
        super().__init__()
        self.net = Net(in_features, classes, hidden)

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize(
    "module, options",
    [(Net, {"module__hidden": 12, "module__activation": nn.Tanh}), (Fixed, {}), (Fixed, {"module__hidden": 5}),
     (lambda inputs, classes: Net(inputs, classes), {}), (lambda n_classes: Net(4, n_classes), {}),
     (Net(4, 3), {}), (nn.Sequential(Net(4, 3), nn.Softmax(dim=1)), {}),
     (nn.Sequential(Net(4, 3), nn.LogSoftmax(dim=1)), {"criterion": nn.NLLLoss})],
)  # fmt: skip
def test_modules_of_all_kinds(module, options):
    model = Classifier(module, **options, **QUICK).fit(X, Y)
    assert model.score(X, Y) > 0.9
    p = model.predict_proba(X)
    assert p.shape == (150, 3) and np.allclose(p.sum(1), 1, atol=1e-5)
    assert (p.argmax(1) == model.predict(X)).all() and p.max() > 0.9
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(p))


def test_nested_parameters_are_parameters():
    model = Classifier(Net, module__hidden=3, optimizer__momentum=0.5, optimizer="sgd")
    assert clone(model).get_params()["module__hidden"] == 3
    assert clone(model).set_params(module__hidden=7).module__hidden == 7
    with pytest.raises(ValueError, match="widht"):
        model.set_params(widht=3)
    with pytest.raises(TypeError, match="has no parameter 'hiden'"):
        Classifier(hiden=(3,)).fit(X, Y)
    assert "module__hidden=3" in repr(model)
    fitted = model.set_params(epochs=2).fit(X, Y)
    assert fitted.module_.layers[0].out_features == 3 and fitted.optimizer_.param_groups[0]["momentum"] == 0.5


@pytest.mark.parametrize(
    "options",
    [{"optimizer": optim.SGD, "optimizer__lr": 0.1, "optimizer__momentum": 0.9},
     {"optimizer": "sgd", "optimizer__lr": 0.1, "optimizer__momentum": 0.9}, {"optimizer": "sgd(lr=0.1)", "lr": None},
     {"optimizer": lambda parameters: optim.Adam(parameters, lr=0.02)}, {"criterion": nn.CrossEntropyLoss},
     {"criterion": nn.CrossEntropyLoss, "criterion__label_smoothing": 0.1}, {"criterion": "cross_entropy"},
     {"criterion": nn.MultiMarginLoss()}, {"schedule": None}, {"schedule": "linear"}],
)  # fmt: skip
def test_optimizers_and_criteria(options):
    assert Classifier(**{**QUICK, **options}).fit(X, Y).score(X, Y) > 0.85


def test_one_output_for_two_classes():
    two = np.where(Y == 0, "no", "yes")
    one = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    for module, criterion in (
        (one, None), (one, nn.BCEWithLogitsLoss), (nn.Sequential(one, nn.Sigmoid()), nn.BCELoss),
        (nn.Sequential(one, nn.Flatten(0)), None), (nn.Sequential(one, nn.Sigmoid()), None),
    ):  # fmt: skip
        model = Classifier(module, criterion=criterion, **QUICK).fit(X, two)
        p = model.predict_proba(X)
        assert model.score(X, two) > 0.95 and p.shape == (150, 2) and p[two == "yes", 1].mean() > 0.9
        assert model.decision_function(X).shape == (150,)


def test_searches_in_two_processes():
    model = make_pipeline(StandardScaler(), Classifier(Net, **QUICK))
    search = GridSearchCV(model, {"classifier__module__hidden": [2, 16]}, cv=2, n_jobs=2).fit(X, Y)
    assert search.best_score_ > 0.85
    again = GridSearchCV(search.estimator, search.param_grid, cv=2, n_jobs=1).fit(X, Y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"])


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_pickled_and_dumped(make, tmp_path):
    model = make(epochs=3, random_state=0, callbacks=[callbacks.EarlyStopping("loss", patience=2)]).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        again.partial_fit(X, Y)
    unfitted = pickle.loads(pickle.dumps(clone(model)))
    with pytest.raises(NotFittedError):
        unfitted.predict(X)


def test_the_same_seed_gives_the_same_bits():
    runs = [Classifier(epochs=3, dropout=0.2, random_state=s).fit(X, Y) for s in (3, 3, 4)]
    state = [np.concatenate([p.detach().numpy().ravel() for p in m.module_.parameters()]) for m in runs]
    assert (state[0] == state[1]).all() and (state[0] != state[2]).any()
    seeded = [Classifier(epochs=2, random_state=np.random.RandomState(5)).fit(X, Y).predict_proba(X) for _ in range(2)]
    np.testing.assert_array_equal(*seeded)


def test_neither_order_nor_company_changes_a_bit():
    order = np.random.default_rng(0).permutation(len(X))
    one = Classifier(epochs=2, random_state=0).fit(X, Y).decision_function(X)
    two = Classifier(epochs=2, random_state=0).fit(X[order], Y[order])
    np.testing.assert_array_equal(one, two.decision_function(X))
    np.testing.assert_array_equal(one, np.concatenate([two.decision_function(x[None]) for x in X]))


@pytest.mark.parametrize("make", [Classifier, Regressor])
def test_weights_are_copies(make):
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    weighed = make(epochs=3, random_state=0).fit(X, Y, sample_weight=weights).predict(X)
    copied = make(epochs=3, random_state=0).fit(X.repeat(weights, 0), Y.repeat(weights)).predict(X)
    np.testing.assert_array_equal(weighed, copied)
    fractions = make(epochs=30, lr=0.01, random_state=0).fit(X, Y, sample_weight=np.where(Y == 1, 1e-6, 0.5))
    assert (np.round(fractions.predict(X[Y != 1])) == Y[Y != 1]).mean() > 0.9
    if make is Classifier:
        assert (fractions.predict(X) == 1).mean() < 0.1
    with pytest.raises(ValueError, match="zero"):
        make().fit(X, Y, sample_weight=np.zeros(len(X)))


def test_weights_of_classes():
    few = np.r_[np.flatnonzero(Y == 1)[:4], np.flatnonzero(Y == 2)]
    plain = Classifier(**QUICK).fit(X[few], Y[few]).predict(X[Y == 1])
    balanced = Classifier(class_weight="balanced", **QUICK).fit(X[few], Y[few]).predict(X[Y == 1])
    assert (balanced == 1).mean() > (plain == 1).mean()
    heavy = Classifier(class_weight={0: 1, 1: 1, 2: 1e-5}, **QUICK).fit(X, Y).predict(X)
    assert (heavy == 2).mean() < 0.1


def test_predicting_while_training():
    scores = []
    model = Classifier(on_epoch=lambda m, epoch, loss: scores.append(m.score(X, Y)), **QUICK).fit(X, Y)
    assert len(scores) == 30 and scores[-1] == model.score(X, Y) > scores[0]


def test_early_stopping_and_callbacks():
    ends = []
    told = callbacks.LambdaCallback(on_train_end=lambda logs: ends.append(sorted(logs)))
    model = Classifier(epochs=200, early_stopping=True, n_iter_no_change=3, lr=0.02, random_state=0, callbacks=told)
    model.fit(X, Y)
    assert model.n_iter_ < 200 and len(model.history_) == model.n_iter_ and "val_loss" in ends[0]
    assert len(model.training_history_.val_loss()) == model.n_iter_
    given = callbacks.EarlyStopping("loss", patience=1, min_delta=10.0)
    stopped = Classifier(epochs=50, callbacks=[given], random_state=0).fit(X, Y)
    assert stopped.n_iter_ <= 3 and not hasattr(given, "training")


def test_going_on():
    model = Classifier(epochs=3, random_state=0, warm_start=True).fit(X, Y)
    module, losses = model.module_, [model.history_[-1]]
    losses.append(model.fit(X, Y).history_[-1])
    assert model.module_ is module and losses[1] < losses[0] and len(model.history_) == 6
    stream = Classifier(random_state=0, lr=0.01)
    with pytest.raises(ValueError, match="needs classes"):
        stream.partial_fit(X[:10], Y[:10])
    for _ in range(10):
        for part in np.array_split(np.random.default_rng(0).permutation(150), 3):
            stream.partial_fit(X[part], Y[part], classes=[0, 1, 2])
    assert stream.score(X, Y) > 0.9 and len(stream.history_) == 30
    with pytest.raises(ValueError, match="not among the classes"):
        stream.partial_fit(X[:2], [7, 8])
    regressor = Regressor(random_state=0, lr=0.01)
    for _ in range(20):
        regressor.partial_fit(DX, DY)
    assert regressor.score(DX, DY) > 0.4


def test_regression():
    model = Regressor(epochs=20, random_state=0)
    assert cross_val_score(model, DX, DY, cv=3).mean() > 0.4
    fitted = model.fit(DX, DY)
    inside = fitted.module_(rt.tensor(DX.astype(np.float32))).detach().numpy()[:, 0]
    np.testing.assert_allclose(inside, fitted.predict(DX), 1e-6)
    both = Regressor(epochs=30, random_state=0).fit(DX, np.stack([DY, -DY / 100], 1))
    assert both.predict(DX).shape == (442, 2) and both.score(DX, np.stack([DY, -DY / 100], 1)) > 0.4
    for criterion in (nn.L1Loss, "huber", nn.SmoothL1Loss(), lambda o, t: ((o - t) ** 2).mean()):
        assert Regressor(criterion=criterion, epochs=40, lr=0.01, random_state=0).fit(DX, DY).score(DX, DY) > 0.3
    own = Regressor(nn.Sequential(nn.Linear(10, 1), nn.Flatten(0)), epochs=80, lr=0.05, random_state=0)
    assert own.fit(DX, DY / 100).score(DX, DY / 100) > 0.4


def test_many_labels():
    x, y = make_multilabel_classification(200, 8, n_classes=4, random_state=0)
    model = Classifier(epochs=60, lr=0.01, random_state=0).fit(x, y)
    p = model.predict_proba(x)
    assert p.shape == (200, 4) and ((p > 0.5) == model.predict(x)).all() and (model.predict(x) == y).mean() > 0.9
    with pytest.raises(ValueError, match="indicator matrix"):
        Classifier().fit(x, y + np.arange(4))


def test_representations():
    digits = load_digits().data / 16
    model = Transformer(n_components=8, epochs=20, random_state=0).fit(digits)
    code = model.transform(digits)
    back = model.inverse_transform(code)
    variance = digits.var(axis=0).mean()
    assert code.shape == (1797, 8) and np.mean((back - digits) ** 2) < 0.5 * variance
    assert model.score(digits) == pytest.approx(-np.mean((back - digits) ** 2), rel=1e-4)
    accuracy = make_pipeline(model, StandardScaler(), LogisticRegression()).fit(digits, load_digits().target)
    assert accuracy.score(digits, load_digits().target) > 0.8
    frame = clone(model).set_params(epochs=1).set_output(transform="pandas").fit_transform(digits)
    assert isinstance(frame, pd.DataFrame) and list(frame.columns)[:2] == ["transformer0", "transformer1"]
    assert list(model.get_feature_names_out()) == [f"transformer{i}" for i in range(8)]


class Variational(nn.Module):
    def __init__(self, features, size):
        super().__init__()
        self.inner, self.outer = nn.Linear(features, size), nn.Linear(size, features)

    def encode(self, x):
        return self.inner(x).tanh()

    def forward(self, x):
        code = self.encode(x)
        return self.outer(code), code


def test_own_representation():
    def criterion(output, x):
        return ((output[0] - x) ** 2).mean() + 1e-3 * (output[1] ** 2).mean()

    model = Transformer(Variational, n_components=3, criterion=criterion, epochs=30, lr=0.02, random_state=0).fit(X)
    assert model.transform(X).shape == (150, 3) and model.score(X) > -0.3
    with pytest.raises(AttributeError, match="no 'decoder'"):
        model.inverse_transform(model.transform(X))


def test_images_and_indices():
    digits = load_digits()
    images = (digits.images[:400, None] / 16).astype(np.float32)
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    model = Classifier(network, epochs=10, lr=0.01, random_state=0).fit(images, digits.target[:400])
    assert model.score(images, digits.target[:400]) > 0.9
    assert Classifier(epochs=10, random_state=0).fit(images, digits.target[:400]).predict(images).shape == (400,)
    words = np.random.default_rng(0).integers(0, 20, (200, 5))
    label = (words < 5).any(axis=1)
    embedding = nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(40, 2))
    model = Classifier(embedding, dtype="int64", epochs=40, lr=0.02, random_state=0).fit(words, label)
    assert model.score(words, label) > 0.9


def test_inside_other_estimators():
    model = Classifier(**QUICK)
    assert CalibratedClassifierCV(model, cv=2).fit(X, Y).score(X, Y) > 0.9
    importance = permutation_importance(clone(model).fit(X, Y), X, Y, n_repeats=2, random_state=0)
    assert importance.importances_mean.shape == (4,) and importance.importances_mean.max() > 0.1
    assert VotingClassifier([("a", model), ("b", LogisticRegression())], voting="soft").fit(X, Y).score(X, Y) > 0.9
    assert AdaBoostClassifier(clone(model), n_estimators=2, random_state=0).fit(X, Y).score(X, Y) > 0.9
    assert BaggingRegressor(Regressor(epochs=3), n_estimators=2, random_state=0).fit(DX, DY).predict(DX).shape == (442,)


def test_frames_keep_their_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = Classifier(epochs=2, random_state=0).fit(frame, Y)
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_what_is_shown(capfd):
    Classifier(epochs=2, verbose=2, random_state=0).fit(X, Y)
    assert "epoch 2/2" in capfd.readouterr().out
    Classifier(epochs=2, progress=True, random_state=0).fit(X, Y)
    shown = capfd.readouterr()
    assert "2/2" in shown.err and shown.out == ""
    Classifier(epochs=2, random_state=0).fit(X, Y)
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    "options, error, message",
    [({"module": 3}, TypeError, "module must be a Module"), ({"module": lambda: 3}, TypeError, "not a Module"),
     ({"module__hidden": 3}, ValueError, "no module"),
     ({"module": Net(4, 3), "module__hidden": 3}, ValueError, "class"),
     ({"optimizer": "sdg"}, ValueError, "sdg"), ({"criterion": "cross"}, ValueError, "cross"),
     ({"device": "cuda"}, Exception, "cuda"), ({"epochs": -1}, ValueError, "epochs")],
)  # fmt: skip
def test_refusals(options, error, message):
    with pytest.raises(error, match=message):
        Classifier(**options).fit(X, Y)


def same(model, x):
    """Every method of a fitted estimator and its module."""
    module = rt.sklearn.from_sklearn(model)
    asked = [n for n in ("predict", "predict_proba", "decision_function", "transform") if hasattr(model, n)]
    assert asked
    for name in asked:
        result, expected = np.asarray(getattr(module, name)(rt.tensor(x))), getattr(model, name)(x)
        assert result.shape == expected.shape
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(result, expected, 1e-4, 1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(result, expected)
    return module


def test_back_to_modules(tmp_path):
    few = {"epochs": 2, "random_state": 0}
    for y in (Y, Y == 0, np.stack([Y == 0, Y == 1], 1).astype(int), np.array(["a", "b", "c"])[Y]):
        same(Classifier(**few).fit(X, y), X)
    same(Classifier(nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), **few).fit(X, Y == 0), X)
    same(Regressor(**few).fit(DX, DY), DX)
    same(Regressor(**few).fit(DX, np.stack([DY, DY], 1)), DX)
    same(Transformer(**few).fit(X), X)
    pipeline = make_pipeline(StandardScaler(), Transformer(**few), Classifier(**few)).fit(X, Y)
    module = same(pipeline, X)
    module.save(tmp_path / "pipeline.rustorch")
    np.testing.assert_array_equal(rt.load(tmp_path / "pipeline.rustorch").predict(X), pipeline.predict(X))
    images = Classifier(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), **few).fit(X.reshape(-1, 1, 2, 2), Y)
    same(images, X.reshape(-1, 1, 2, 2))
