"""Metrics: scikit-learn is the judge, over batches and at once."""
import numpy as np
import pytest
import sklearn.metrics as judge

import rustorch as rt
from rustorch import metrics as m

RNG = np.random.default_rng(0)
N = 97


def over_batches(metric, outputs, targets, size=10):
    for start in range(0, len(targets), size):
        metric.update(outputs[start : start + size], targets[start : start + size])
    return metric.compute()


def scores(classes):
    logits = RNG.standard_normal((N, classes)).astype(np.float32)
    labels = np.where(RNG.random(N) < 0.5, logits.argmax(1), RNG.integers(0, classes, N))
    return logits, labels


SHARES = {"precision": (m.Precision, judge.precision_score), "recall": (m.Recall, judge.recall_score),
          "f1": (m.F1Score, judge.f1_score)}  # fmt: skip


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize("name", SHARES)
def test_shares_of_several_classes(name, average):
    logits, labels = scores(5)
    ours, theirs = SHARES[name]
    found = over_batches(ours(average), rt.tensor(logits), rt.tensor(labels))
    expected = theirs(labels, logits.argmax(1), average=average, zero_division=0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", SHARES)
def test_shares_of_two_classes(name):
    p = RNG.random(N).astype(np.float32)
    labels = (RNG.random(N) < p).astype(np.int64)
    ours, theirs = SHARES[name]
    expected = theirs(labels, p > 0.5)
    for outputs in (p, p[:, None], np.stack([1 - p, p], 1), (p > 0.5).astype(np.int64)):
        assert over_batches(ours(), rt.tensor(outputs), rt.tensor(labels)) == pytest.approx(expected, rel=1e-12)
    logits = np.log(p / (1 - p))
    assert over_batches(ours(from_logits=True), rt.tensor(logits), rt.tensor(labels)) == pytest.approx(expected)
    other = theirs(labels, p > 0.8)
    assert over_batches(ours(threshold=0.8), rt.tensor(p), rt.tensor(labels)) == pytest.approx(other)


def test_classes_that_never_occur_do_not_count():
    found = m.f1_score(rt.tensor([0, 2, 2]), rt.tensor([0, 2, 0]), average="macro")
    assert found == pytest.approx(judge.f1_score([0, 2, 0], [0, 2, 2], average="macro"))


@pytest.mark.parametrize("form", ["labels", "column", "onehot", "floats"])
def test_accuracy_and_top_k(form):
    logits, labels = scores(6)
    targets = {"labels": labels, "column": labels[:, None], "onehot": np.eye(6, dtype=np.float32)[labels],
               "floats": labels.astype(np.float32)}[form]  # fmt: skip
    expected = judge.accuracy_score(labels, logits.argmax(1))
    assert over_batches(m.Accuracy(), rt.tensor(logits), rt.tensor(targets)) == pytest.approx(expected)
    expected = judge.top_k_accuracy_score(labels, logits, k=3)
    assert over_batches(m.TopKAccuracy(3), rt.tensor(logits), rt.tensor(targets)) == pytest.approx(expected)


def test_accuracy_of_images_and_sequences():
    logits = RNG.standard_normal((4, 3, 5, 6)).astype(np.float32)
    labels = RNG.integers(0, 3, (4, 5, 6))
    expected = (logits.argmax(1) == labels).mean()
    assert m.accuracy(rt.tensor(logits), rt.tensor(labels)) == pytest.approx(expected)
    assert m.accuracy(rt.tensor(np.moveaxis(logits, 1, -1).copy()), rt.tensor(labels)) == pytest.approx(expected)


def test_accuracy_of_many_labels():
    p, labels = RNG.random((20, 4)).astype(np.float32), RNG.integers(0, 2, (20, 4))
    assert m.accuracy(rt.tensor(p), rt.tensor(labels), multilabel=True) == pytest.approx(((p > 0.5) == labels).mean())


def test_confusion_matrix():
    logits, labels = scores(4)
    found = over_batches(m.ConfusionMatrix(), rt.tensor(logits), rt.tensor(labels))
    np.testing.assert_array_equal(found.numpy(), judge.confusion_matrix(labels, logits.argmax(1)))
    assert m.confusion_matrix([0, 1], [0, 1], num_classes=5).shape == (5, 5)
    with pytest.raises(ValueError, match="there is label 3, but num_classes is 2"):
        m.confusion_matrix([0, 3], [0, 1], num_classes=2)
    with pytest.raises(ValueError, match="negative"):
        m.confusion_matrix([0, -1], [0, 1])


def test_scores_by_scikit_learn():
    p = RNG.random(N).astype(np.float32)
    labels = (RNG.random(N) < p).astype(np.int64)
    assert over_batches(m.AUC(), rt.tensor(p), rt.tensor(labels)) == pytest.approx(judge.roc_auc_score(labels, p))
    assert m.auc(p[:, None], labels, "PR") == pytest.approx(judge.average_precision_score(labels, p))
    assert m.auc(np.log(p / (1 - p)), labels, from_logits=True) == pytest.approx(judge.roc_auc_score(labels, p))
    logits, many = scores(3)
    proper = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = judge.roc_auc_score(many, proper, multi_class="ovr")
    assert m.auc(rt.tensor(logits), many, from_logits=True) == pytest.approx(expected)
    assert np.isnan(m.auc([0.1, 0.2], [1, 1]))
    other = m.metric_from("matthews_corrcoef")
    expected = judge.matthews_corrcoef(labels, p > 0.5)
    assert over_batches(other, rt.tensor(p), rt.tensor(labels)) == pytest.approx(expected)


def test_balanced_accuracy_and_specificity():
    logits, labels = scores(3)
    expected = judge.balanced_accuracy_score(labels, logits.argmax(1))
    assert m.balanced_accuracy(rt.tensor(logits), labels) == pytest.approx(expected)
    p, t = RNG.integers(0, 2, 50), RNG.integers(0, 2, 50)
    assert m.specificity(p, t) == pytest.approx(judge.recall_score(t, p, pos_label=0))


@pytest.mark.parametrize("ours, theirs", [
    (m.MeanAbsoluteError, judge.mean_absolute_error), (m.MeanSquaredError, judge.mean_squared_error),
    (m.RootMeanSquaredError, judge.root_mean_squared_error), (m.R2Score, judge.r2_score),
    (m.MaxError, judge.max_error), (m.MeanAbsolutePercentageError, judge.mean_absolute_percentage_error),
], ids=lambda x: getattr(x, "__name__", ""))  # fmt: skip
def test_regression(ours, theirs):
    t = RNG.standard_normal(N) * 3 + 1000
    o = t + RNG.standard_normal(N)
    assert over_batches(ours(), o, t) == pytest.approx(theirs(t, o), rel=1e-9)
    assert over_batches(ours(), rt.tensor(o[:, None]), rt.tensor(t)) == pytest.approx(theirs(t, o), rel=1e-9)
    if ours is not m.MaxError:
        o2, t2 = np.stack([o, t], 1), np.stack([t, t + 1], 1)
        if ours is not m.RootMeanSquaredError:  # scikit-learn takes the root of each column first
            assert over_batches(ours(), o2, t2) == pytest.approx(theirs(t2, o2), rel=1e-9)


@pytest.mark.parametrize("name", [
    "accuracy", "acc", "top_k(k=2)", "precision", "recall(average=micro)", "f1", "auc", "roc_auc", "confusion_matrix",
    "balanced_accuracy", "cohen_kappa_score", "fbeta(beta=2)",
])  # fmt: skip
def test_state_can_be_put_away(name):
    logits, labels = scores(3)
    metric, other = m.metric_from(name), m.metric_from(name)
    metric.update(rt.tensor(logits[:50]), rt.tensor(labels[:50]))
    other.load_state_dict(metric.state_dict())
    for one in (metric, other):
        one.update(rt.tensor(logits[50:]), rt.tensor(labels[50:]))
    np.testing.assert_array_equal(metric.compute(), other.compute())
    metric.reset()
    metric.update(rt.tensor(logits), rt.tensor(labels))
    np.testing.assert_array_equal(metric.compute(), other.compute())


def test_functions_and_classes_are_metrics():
    def worst(outputs, targets):
        return (outputs - targets).abs().max()

    metric = m.metric_from(worst)
    assert metric.name == "worst" and metric(rt.tensor([1.0, 5.0]), rt.tensor([1.0, 2.0])) == 3.0
    assert isinstance(m.metric_from(m.Accuracy), m.Accuracy)
    assert np.isnan(m.Accuracy().compute()) and np.isnan(m.MeanSquaredError().compute())
    assert m.Mean()([1.0, 3.0], [1.0, 0.0]) == 1.0


def test_wrong_metrics_are_refused():
    with pytest.raises(ValueError, match="unknown metric 'acuracy'; did you mean accuracy"):
        m.metric_from("acuracy")
    with pytest.raises(ValueError, match="is not a metric"):
        m.metric_from("accuracy(open('x'))[0]")
    with pytest.raises(TypeError, match="not int"):
        m.metric_from(3)
    with pytest.raises(ValueError, match="average"):
        m.Precision("mean")
    with pytest.raises(ValueError, match="do not fit"):
        m.accuracy(rt.zeros(3, 4), rt.zeros(5))
    with pytest.raises(ValueError, match="do not fit"):
        m.mean_squared_error(rt.zeros(3), rt.zeros(4))


def test_metrics_of_models_know_how_outputs_are_scaled():
    rt.manual_seed(0)
    x = rt.randn(80, 3)
    y = (x.sum(1) > 0).long()
    names = ["accuracy", "auc", "f1", "precision", "recall"]
    measured = []
    for layers, loss in ((["Dense(1, sigmoid)"], "binary_crossentropy"), (["Dense(1)"], "binary_crossentropy"),
                         (["Dense(1)"], rt.nn.BCEWithLogitsLoss())):  # fmt: skip
        rt.manual_seed(1)
        model = rt.Model(layers=layers)
        model.compile("SGD(lr=0.5)", loss, names)
        targets = y if isinstance(loss, str) else y.float().unsqueeze(1)
        model.fit(x, targets, epochs=5, verbose=False, shuffle=False)
        measured.append(model.evaluate(x, targets))
        assert measured[-1]["accuracy"] > 0.8
    for other in measured[1:]:
        assert other == pytest.approx(measured[0], rel=1e-5)
