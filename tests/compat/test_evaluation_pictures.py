"""Pictures of results and of what is inside a network, judged by scikit-learn's numbers and by looking at them."""
import itertools
import math

import numpy as np
import pytest
import sklearn.metrics as judge
from compat.pictures import check, pixels
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import rustorch as rt
from rustorch import nn

viz = rt.visualization
random = np.random.default_rng(0)
TRUE = random.integers(0, 5, 300)
SAID = np.where(random.random(300) < 0.7, TRUE, random.integers(0, 5, 300))
SCORES = random.normal(size=(300, 5)) + 1.5 * np.eye(5)[TRUE]
ANIMALS = ["cat", "dog", "hippopotamus", "mouse", "eel"]


def numbers(ax):
    return np.array([float(text.get_text()) for text in ax.texts])


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrix_is_sklearns(normalize):
    figure = viz.plot_confusion_matrix(rt.tensor(TRUE), rt.tensor(SAID), ANIMALS, normalize=normalize)
    expected = judge.confusion_matrix(TRUE, SAID, normalize=normalize)
    np.testing.assert_allclose(numbers(figure.axes[0]).reshape(5, 5), expected, atol=0.00501 if normalize else 0)
    found = check(figure)
    assert {"predicted class", "true class", "Confusion matrix", *ANIMALS} <= set(found)


@pytest.mark.parametrize("count", [1, 10, 25, 60])
def test_confusion_matrices_of_every_size_can_be_read(count):
    true, said = random.integers(0, count, 3000), random.integers(0, count, 3000)
    check(viz.plot_confusion_matrix(true, said))


def test_scores_count_by_the_largest():
    figure = viz.plot_confusion_matrix(TRUE, rt.tensor(SCORES, requires_grad=True))
    expected = judge.confusion_matrix(TRUE, SCORES.argmax(1))
    assert (numbers(figure.axes[0]).reshape(5, 5) == expected).all()


def test_roc_curves_are_sklearns():
    true, score = TRUE > 2, np.round(SCORES[:, 4], 1)   # with ties
    figure = viz.plot_roc_curve(true, score)
    x, y, _ = judge.roc_curve(true, score, drop_intermediate=False)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), np.stack([x, y], 1))
    assert figure.axes[0].lines[0].get_label() == f"AUC = {judge.roc_auc_score(true, score):.3f}"
    assert {"false positive rate", "true positive rate", "chance"} <= set(check(figure))
    many = viz.plot_roc_curve(TRUE, SCORES, ANIMALS)
    for n, line in enumerate(many.axes[0].lines[:5]):
        assert line.get_label() == f"{ANIMALS[n]}: AUC = {judge.roc_auc_score(n == TRUE, SCORES[:, n]):.3f}"
    check(many)


def test_precision_recall_curves_are_sklearns():
    true, score = TRUE > 2, np.round(SCORES[:, 4], 1)
    figure = viz.plot_precision_recall_curve(true, score)
    precision, recall, _ = judge.precision_recall_curve(true, score)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), np.stack([recall, precision], 1)[::-1])
    assert figure.axes[0].lines[0].get_label() == f"AP = {judge.average_precision_score(true, score):.3f}"
    check(figure)
    check(viz.plot_precision_recall_curve(TRUE, SCORES))


def test_one_kind_of_example_has_no_curve():
    for draw in (viz.plot_roc_curve, viz.plot_precision_recall_curve):
        assert "class 1: one kind of example only" in check(draw([1, 1], [0.5, 0.6]))


POINTS = random.normal(size=(60, 2)) + 3 * np.eye(2)[np.arange(60) % 2]


@pytest.mark.parametrize("model", [
    nn.Linear(2, 3), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), nn.Linear(2, 1), nn.Linear(2, 2).double(),
    LogisticRegression().fit(POINTS, np.arange(60) % 2), lambda points: points[:, 0] > 0,
], ids=["scores", "probability", "logit", "double", "estimator", "function"])
def test_decision_boundaries(model):
    figure = viz.plot_decision_boundary(model, POINTS, np.arange(60) % 2, ["no", "yes", "maybe"])
    assert {"feature 0", "feature 1", "no", "yes"} <= set(check(figure))
    assert sum(len(points.get_offsets()) for points in figure.axes[0].collections) == 60


def test_decision_areas_are_the_models():
    fitted = LogisticRegression().fit(POINTS, np.arange(60) % 2)
    image = viz.plot_decision_boundary(fitted, POINTS, np.arange(60) % 2, resolution=30).axes[0].images[0]
    left, right, bottom, top = image.get_extent()
    corners = fitted.predict([[left, bottom], [right, top]])
    assert image.get_array()[[0, -1], [0, -1]].tolist() == corners.tolist()


def test_predictions():
    figure = viz.plot_predictions(rt.rand(5, 3, 8, 8), SCORES[:5], TRUE[:5], ANIMALS, title="Answers")
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    parts = np.exp(SCORES[:5]) / np.exp(SCORES[:5]).sum(1, keepdims=True)
    for title, part, true in zip(titles, parts, TRUE[:5], strict=True):
        text = f"{ANIMALS[part.argmax()]} {part.max():.0%}"
        assert title == (text if part.argmax() == true else f"{text} (is {ANIMALS[true]})")
    assert "Answers" in check(figure)
    assert any("the first 36 of 50" in t for t in check(viz.plot_predictions(rt.rand(50, 8, 8), np.zeros(50, int))))


def network():
    rt.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 20, 3), nn.Flatten(),
                        nn.Linear(20 * 16, 4), nn.Linear(2, 2))  # fmt: skip
    net[:6](rt.randn(2, 3, 8, 8)).square().mean().backward()
    return net


def test_weight_distributions():
    net = network()
    figure = viz.plot_weight_distributions(net)
    names = [name for name, _ in net.named_parameters()]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    assert {"parameter", *names} <= set(check(figure))
    found = check(viz.plot_weight_distributions(net, gradients=True))
    assert found.count("no gradient") == 2
    check(viz.plot_weight_distributions(net.state_dict()))
    net[0].bias.data[0] = math.nan
    assert "1 not finite" in check(viz.plot_weight_distributions(net))
    assert any("the first 80 of 200" in t for t in check(viz.plot_weight_distributions(
        nn.Sequential(*[nn.Linear(2, 2) for _ in range(100)]))))


def test_gradient_flow():
    net = network()
    figure = viz.plot_gradient_flow(net)
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    expected = [p.grad.numpy() for p in net.parameters() if p.grad is not None]
    np.testing.assert_allclose(lines["mean |gradient|"][:8], [np.abs(g).mean() for g in expected], rtol=1e-6)
    np.testing.assert_allclose(lines["largest |gradient|"][:8], [np.abs(g).max() for g in expected], rtol=1e-6)
    assert np.isnan(lines["mean |gradient|"][8:]).all() and check(figure).count("none") == 2
    check(viz.plot_gradient_flow(nn.Linear(3, 2)))   # none at all


@pytest.mark.parametrize("layer, count", [
    (nn.Conv2d(3, 8, 5), 8), (nn.Conv2d(1, 8, 5), 8), (nn.Conv2d(6, 4, 3), 24), (nn.Conv2d(32, 64, 3), 64),
    (nn.Conv1d(2, 4, 7), 8), (rt.randn(5, 1, 3, 3), 5),
])  # fmt: skip
def test_filters(layer, count):
    figure = viz.plot_filters(layer, title="filters")
    assert sum(len(ax.images) for ax in figure.axes) == count
    check(figure)


def test_feature_maps_are_the_layers_output():
    net, x = network()[:4], rt.randn(2, 3, 8, 8)
    figure = viz.plot_feature_maps(net, x, "3")
    expected = net.eval()(x)[0].detach().numpy()
    images = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    np.testing.assert_allclose(np.stack(images), expected, rtol=1e-5, atol=1e-6)
    assert "3: Conv2d" in check(figure)
    check(viz.plot_feature_maps(net, x, net[1]))


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (1, 8, 4, 4), (20, 4, 4), (3, 5, 4), (1, 1)])
def test_attention(shape):
    words = ["the", "unbelievable", "cat", "sat"] if shape[-1] == 4 else None
    figure = viz.plot_attention(nn.functional.softmax(rt.randn(shape), -1), words)
    found = check(figure)
    assert {"key", "query", "weight"} <= set(found)


def test_embeddings_are_the_principal_components():
    vectors = random.normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    figure = viz.plot_embedding(rt.tensor(vectors, requires_grad=True))
    points = figure.axes[0].collections[0].get_offsets()
    pca = PCA(2).fit(vectors)
    np.testing.assert_allclose(np.abs(points), np.abs(pca.transform(vectors)), atol=1e-9)
    assert figure.axes[0].get_xlabel() == f"component 1 ({pca.explained_variance_ratio_[0]:.0%} of variance)"
    check(figure)


LABELS = {
    "none": None, "classes": np.arange(40) % 5, "names": [f"class {n % 9}" for n in range(40)],
    "numbers": np.linspace(0, 1, 40), "many": np.arange(40), "tensor": rt.arange(40) % 3,
}  # fmt: skip


@pytest.mark.parametrize("labels", LABELS)
def test_embeddings_with_labels(labels):
    check(viz.plot_embedding(random.normal(size=(40, 4)), LABELS[labels]))


def test_embeddings_of_few():
    check(viz.plot_embedding(rt.ones(1, 4)))
    check(viz.plot_embedding(rt.randn(3, 1), texts=["a", "b", "c"]))
    check(viz.plot_embedding(nn.Embedding(10, 4)))


def test_loss_surface_is_the_loss():
    net, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), rt.randn(10, 3)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    seen = []

    def loss():
        value = net(x).square().mean()
        seen.append(value.item())
        return value

    figure = viz.plot_loss_surface(net, loss, resolution=5)
    assert len(seen) == 25 and {"loss", "the parameters"} <= set(check(figure))
    assert all((before[k] == v).all() for k, v in net.state_dict().items())
    np.testing.assert_allclose(seen[12], net(x).square().mean().item(), rtol=1e-6)
    check(viz.plot_loss_surface(net, lambda: rt.tensor(1.0), resolution=3))
    check(viz.plot_loss_surface(net, lambda: net(x).square().mean(), resolution=5, log_scale=True))


@pytest.mark.parametrize("call, error, words", [
    (lambda: viz.plot_confusion_matrix([0, 1], [0]), ValueError, "2 and 1"),
    (lambda: viz.plot_confusion_matrix([], []), ValueError, "empty"),
    (lambda: viz.plot_confusion_matrix([0.5], [0]), ValueError, "whole"),
    (lambda: viz.plot_confusion_matrix([-1], [0]), ValueError, "-1"),
    (lambda: viz.plot_confusion_matrix([0, 4], [0, 1], ["a"]), ValueError, "labels"),
    (lambda: viz.plot_confusion_matrix([0], [0], normalize="rows"), ValueError, "rows"),
    (lambda: viz.plot_roc_curve([0, 1], [0.5, math.nan]), ValueError, "finite"),
    (lambda: viz.plot_roc_curve([0, 1], [0.5]), ValueError, "2 and 1"),
    (lambda: viz.plot_roc_curve(["a"], [0.5]), TypeError, "str"),
    (lambda: viz.plot_decision_boundary(nn.Linear(3, 2), rt.ones(4, 3), [0] * 4), ValueError, r"\(4, 3\)"),
    (lambda: viz.plot_decision_boundary(3, rt.ones(4, 2), [0] * 4), TypeError, "Module"),
    (lambda: viz.plot_predictions(rt.ones(4), [0] * 4), ValueError, r"\(4,\)"),
    (lambda: viz.plot_weight_distributions(rt.ones(3)), TypeError, "Tensor"),
    (lambda: viz.plot_weight_distributions(nn.ReLU()), ValueError, "no parameters"),
    (lambda: viz.plot_gradient_flow({}), TypeError, "dict"),
    (lambda: viz.plot_filters(nn.Linear(3, 2)), ValueError, r"\(2, 3\)"),
    (lambda: viz.plot_feature_maps(nn.Linear(3, 2), rt.ones(1, 3), "conv"), ValueError, "conv"),
    (lambda: viz.plot_feature_maps(nn.Sequential(nn.Linear(3, 2)), rt.ones(1, 3), "0"), ValueError, "no batch"),
    (lambda: viz.plot_attention(rt.ones(3)), ValueError, r"\(3,\)"),
    (lambda: viz.plot_attention(rt.ones(3, 3), ["a"]), ValueError, "3 positions"),
    (lambda: viz.plot_embedding(rt.ones(3)), ValueError, r"\(3,\)"),
    (lambda: viz.plot_embedding(rt.ones(3, 2), [1]), ValueError, "labels"),
    (lambda: viz.plot_embedding([[math.nan, 1.0]]), ValueError, "finite"),
    (lambda: viz.plot_loss_surface(nn.Linear(2, 1), 3), TypeError, "function"),
    (lambda: viz.plot_loss_surface(nn.Linear(2, 1), lambda: math.nan, resolution=3), ValueError, "finite"),
    (lambda: viz.plot_loss_surface(nn.Linear(2, 1), lambda: 1.0, resolution=1), ValueError, "resolution"),
])  # fmt: skip
def test_mistakes(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_same_pixels_each_time():
    net = network()
    for draw in (lambda: viz.plot_gradient_flow(net), lambda: viz.plot_confusion_matrix(TRUE, SAID)):
        one, other = itertools.starmap(pixels, [(draw(),), (draw(),)])
        np.testing.assert_array_equal(one, other)


def test_names_are_no_mathematics():
    names = ["$", "$x$", r"\frac{$$", "a_b"]
    for figure in (viz.plot_attention(rt.rand(4, 4), names), viz.plot_confusion_matrix([0, 1, 2, 3], [0] * 4, names),
                   viz.plot_embedding(rt.rand(4, 2), names, texts=names)):  # fmt: skip
        assert {name.replace("$", r"\$") for name in names} <= set(check(figure))
    check(viz.plot_training_history({r"\frac{$$": [1.0, 2.0]}))
