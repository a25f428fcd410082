"""Handwritten digits, from pixels to a trained network that NumPy, scikit-learn and PyTorch share.

Trains a rustorch network inside a scikit-learn Pipeline, checks its gradients through NumPy's
own functions, hands its weights to PyTorch without copying, and draws demo.png.

    python examples/digits.py [picture.png]
"""

import copy
import sys
import time

import numpy as np

BEGIN = time.perf_counter()
import rustorch as rt  # noqa: E402
from rustorch import nn  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - BEGIN

from sklearn.datasets import load_digits  # noqa: E402
from sklearn.metrics import confusion_matrix  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from rustorch.sklearn import Classifier  # noqa: E402

GOAL = 0.97


def network(inputs, classes):
    return nn.Sequential(
        nn.Dropout(0.2),
        nn.Linear(inputs, 128), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(64, classes),
    )  # fmt: skip


# ---- gradients through NumPy's functions ----------------------------------------------------


def cross_entropy_by_numpy(scores, labels):
    """Mean of log(sum(exp(s))) - s[label], in NumPy's own words: on Tensors it records gradients."""
    highest = np.max(scores, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(scores - highest), axis=1)) + highest[:, 0]
    return np.mean(log_sum - scores[np.arange(len(labels)), labels])


def check_gradients(samples, labels, h=1e-5):
    """The largest error of the network's gradients, relative to the largest gradient."""
    net = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)).double()
    x = rt.tensor(samples, dtype=rt.float64)
    cross_entropy_by_numpy(net(x), labels).backward()
    error = largest = checked = 0
    with rt.no_grad():
        for p in net.parameters():
            values, gradient = p.data.numpy().reshape(-1), p.grad.numpy().reshape(-1)
            for i in range(0, len(values), 7):
                kept = values[i]
                values[i] = kept + h  # NumPy's view: the network sees it
                above = cross_entropy_by_numpy(net(x), labels).item()
                values[i] = kept - h
                below = cross_entropy_by_numpy(net(x), labels).item()
                values[i] = kept
                error = max(error, abs((above - below) / (2 * h) - gradient[i]))
                largest = max(largest, abs(gradient[i]))
                checked += 1
    return error / largest, checked


# ---- the same weights in PyTorch ------------------------------------------------------------


def hand_to_torch(net, samples):
    """Lines on what PyTorch makes of the network's memory; its copy of the network, or None."""
    try:
        import torch
    except ImportError:
        return ["PyTorch is not installed: the weights stay here"], None
    layers = {"Linear": lambda m: torch.nn.Linear(m.in_features, m.out_features),
              "ReLU": lambda m: torch.nn.ReLU(), "Dropout": lambda m: torch.nn.Dropout(m.p)}  # fmt: skip
    twin = torch.nn.Sequential(*(layers[type(m).__name__](m) for m in net)).eval()
    twin.load_state_dict({k: torch.from_dlpack(v) for k, v in net.state_dict().items()}, assign=True)
    pairs = list(zip(net.parameters(), twin.parameters()))
    shared = sum(p.data_ptr() == q.data_ptr() for p, q in pairs)
    with rt.no_grad(), torch.no_grad():
        ours = net(rt.tensor(samples)).numpy()
        theirs = twin(torch.from_numpy(samples)).numpy()
    equal = (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()
    if shared < len(pairs) or not equal:
        sys.exit("the network in PyTorch is not the same")
    return [
        f"{shared} of {len(pairs)} parameters at equal addresses in PyTorch",
        f"{len(samples)} equal predictions, scores differ by at most {abs(ours - theirs).max():.0e}",
    ], twin


# ---- times ----------------------------------------------------------------------------------


def training_steps(lib, net, samples, labels):
    """A function that takes n training steps (forward, loss, backward, Adam) on one batch."""
    x, y = lib.from_numpy(samples), lib.from_numpy(labels)
    optimizer, loss_of = lib.optim.Adam(net.parameters(), lr=1e-4), lib.nn.CrossEntropyLoss()

    def run(n):
        for _ in range(n):
            optimizer.zero_grad()
            loss_of(net(x), y).backward()
            optimizer.step()

    return run


def step_times(runs, rounds=8, steps=60):
    """Seconds of one step of each, the best of some rounds in which they take turns."""
    best = [np.inf] * len(runs)
    for _ in range(rounds):
        for k, run in enumerate(runs):
            begin = time.perf_counter()
            run(steps)
            best[k] = min(best[k], (time.perf_counter() - begin) / steps)
    return best


def show(title, rows):
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<44} {value}")


# ---- the picture ----------------------------------------------------------------------------


def draw(path, history, accuracy, truth, guess, score):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap

    ink, blue, orange, grey = "#22303c", "#2b6cb0", "#dd6b20", "#8795a1"
    plt.rcParams.update({
        "font.size": 10, "axes.edgecolor": "#c3ccd4", "text.color": ink, "axes.labelcolor": ink,
        "xtick.color": ink, "ytick.color": ink,
    })  # fmt: skip
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.9), width_ratios=[1.25, 1])
    epochs = np.arange(1, len(history) + 1)

    left.plot(epochs, history, color=blue, lw=2)
    left.set(xlabel="epoch", xlim=(1, len(history)), yscale="log")
    left.set_ylabel("training loss", color=blue)
    left.tick_params(axis="y", colors=blue, which="both")
    left.grid(axis="x", color="#eef1f4")
    twin = left.twinx()
    twin.plot(epochs, [100 * a for a in accuracy], color=orange, lw=2)
    twin.axhline(100 * GOAL, color=grey, lw=1, ls=(0, (4, 3)))
    twin.annotate(f"goal {GOAL:.0%}", (len(history), 100 * GOAL), (-4, -5), textcoords="offset points",
                  ha="right", va="top", color=grey, fontsize=9)  # fmt: skip
    twin.set_ylabel("accuracy on the test set, %", color=orange)
    twin.tick_params(axis="y", colors=orange)
    twin.set_ylim(min(88, 100 * min(accuracy[1:])), 100)
    for axes in (left, twin):
        axes.spines["top"].set_visible(False)
    left.set_title("Training", loc="left", weight="bold")

    counts = confusion_matrix(truth, guess)
    shades = LinearSegmentedColormap.from_list("", ["#ffffff", "#d6e6f5", blue])
    right.imshow(np.sqrt(counts), cmap=shades)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            hit = row == column
            right.text(column, row, count, ha="center", va="center", fontsize=9,
                       weight="normal" if hit else "bold", color="white" if hit else orange)  # fmt: skip
    right.set(xlabel="predicted", ylabel="digit", xticks=range(10), yticks=range(10))
    right.set_xticks(np.arange(11) - 0.5, minor=True)
    right.set_yticks(np.arange(11) - 0.5, minor=True)
    right.grid(which="minor", color="#e3e8ed", lw=0.8)
    right.tick_params(which="both", length=0)
    right.set_title(f"{score:.1%} of {len(truth)} test digits", loc="left", weight="bold")
    figure.tight_layout(w_pad=3)
    figure.savefig(path, dpi=150)
    plt.close(figure)


# ---- the whole ------------------------------------------------------------------------------


def main(picture="demo.png"):
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    print(f"digits: {len(x_train)} to train on, {len(x_test)} held out; rustorch {rt.__version__}")

    rt.manual_seed(0)
    error, checked = check_gradients((x_train[:40] - 8) / 8, y_train[:40])
    print(f"gradients through np.exp, np.log, np.sum, np.max: {checked} checked, relative error {error:.0e}")
    if not error < 1e-6:
        sys.exit("the gradients are wrong")

    scaler = StandardScaler()
    held_out = scaler.fit(x_train).transform(x_test).astype(np.float32)
    accuracy = []
    classifier = Classifier(
        network, epochs=60, batch_size=32, lr=3e-3, weight_decay=1e-2, random_state=0, progress=True,
        on_epoch=lambda model, epoch, loss: accuracy.append(np.mean(model.predict(held_out) == y_test)),
    )  # fmt: skip
    pipeline = make_pipeline(scaler, classifier)
    begin = time.perf_counter()
    pipeline.fit(x_train, y_train)
    fit_seconds = time.perf_counter() - begin
    guess = pipeline.predict(x_test)
    score = np.mean(guess == y_test)
    print(f"accuracy on the test set: {score:.2%}")

    lines, twin = hand_to_torch(classifier.module_, held_out)
    print("\n".join(lines))

    begin = time.perf_counter()
    pipeline.predict(x_test)
    predict_seconds = time.perf_counter() - begin
    samples, labels = held_out[:32], y_test[:32]
    steps = classifier.epochs * -(-len(x_train) // classifier.batch_size)
    rows = [
        ("import rustorch, after NumPy", f"{IMPORT_SECONDS * 1e3:8.1f} ms"),
        (f"training, {classifier.epochs} epochs, {steps} steps", f"{fit_seconds:8.2f} s"),
        (f"predicting {len(x_test)} digits", f"{predict_seconds * 1e3:8.2f} ms"),
    ]
    runs = [training_steps(rt, copy.deepcopy(classifier.module_).train(), samples, labels)]
    if twin is not None:
        import torch

        torch.set_num_threads(1)
        runs.append(training_steps(torch, copy.deepcopy(twin).train(), samples, labels))
    ours, *theirs = step_times(runs)
    rows.append(("one training step, batch 32", f"{ours * 1e6:8.1f} us"))
    for seconds in theirs:
        ratio = f"({seconds / ours:.1f} times as long)"
        rows.append(("the same in PyTorch, one thread", f"{seconds * 1e6:8.1f} us  {ratio}"))
    show("times", rows)

    draw(picture, classifier.history_, accuracy, y_test, guess, score)
    print(f"\nthe training curve and the confusion matrix are in {picture}")
    if score < GOAL:
        sys.exit(f"the accuracy is below {GOAL:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
