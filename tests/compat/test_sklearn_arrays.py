"""scikit-learn with array_api_dispatch: its own array API tests run on rustorch.numpy, and estimators
keep plain Tensors."""

import subprocess
import sys
from pathlib import Path

import pytest
import sklearn

HERE = Path(__file__).parent
INSTALLED = Path(sklearn.__file__).parent
# Texts as classes: other namespaces refuse them, rustorch.numpy hands them to NumPy as NumPy's programs expect.
OTHERWISE = "not test_label_binarize_array_api_compliance"
FOLDERS = ("decomposition", "linear_model", "metrics", "mixture", "model_selection", "preprocessing", "tests", "utils",
           "_loss")  # fmt: skip


def judged(folder):
    return [str(p) for p in sorted((INSTALLED / folder).rglob("test_*.py")) if "array_api" in p.read_text()]


def run(*arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short", *arguments]
    path = f"{HERE}:{HERE.parents[1]}"
    return subprocess.run(command, capture_output=True, text=True, cwd=INSTALLED.parent, timeout=280, check=False,
                          env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(HERE)})  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS)
def test_scikit_learns_own_tests(folder):
    done = run("-p", "sklearn_namespace", "-k", f"array_api and {OTHERWISE}", *judged(folder))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


PLAIN = """
import numpy as np, rustorch as rt, sklearn
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn import metrics, preprocessing
from sklearn.model_selection import train_test_split

x = np.random.default_rng(0).standard_normal((60, 4)).astype("float32") + 2
y = (x[:, 0] > x[:, 1]).astype("int64")
cases = [(PCA(2, svd_solver="full"), "transform"), (Ridge(), "predict"), (GaussianNB(), "predict_proba"),
         (LinearDiscriminantAnalysis(), "predict"), (preprocessing.StandardScaler(), "transform"),
         (preprocessing.MinMaxScaler(), "transform"), (preprocessing.MaxAbsScaler(), "transform"),
         (preprocessing.Normalizer(), "transform"), (preprocessing.PolynomialFeatures(2), "transform"),
         (preprocessing.Binarizer(threshold=2.0), "transform"),
         (GaussianMixture(2, random_state=0, init_params="random_from_data"), "predict")]
expected = [getattr(e.fit(x, y), ask)(x) for e, ask in cases]
with sklearn.config_context(array_api_dispatch=True):
    tx, ty = rt.tensor(x), rt.tensor(y)
    for (estimator, ask), theirs in zip(cases, expected):
        mine = getattr(sklearn.base.clone(estimator).fit(tx, ty), ask)(tx)
        assert isinstance(mine, rt.Tensor), (estimator, type(mine))
        np.testing.assert_allclose(np.asarray(mine), theirs, rtol=2e-3, atol=2e-3, err_msg=str(estimator))
        assert str(mine.dtype) == str(theirs.dtype), estimator
    for part in train_test_split(tx, ty, random_state=0):
        assert isinstance(part, rt.Tensor)
    assert metrics.accuracy_score(ty, 1 - ty) == 0.0
    assert abs(metrics.r2_score(tx[:, 0], tx[:, 1]) - metrics.r2_score(x[:, 0], x[:, 1])) < 1e-5
    assert isinstance(metrics.pairwise.euclidean_distances(tx), rt.Tensor)
print("kept")
"""


def test_plain_tensors_are_kept():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PLAIN], capture_output=True, text=True, check=False,
                          cwd=HERE.parents[1], env={"SCIPY_ARRAY_API": "1", "PATH": "/usr/bin:/bin"})  # fmt: skip
    assert done.stdout == "kept\n", done.stderr[-3000:]
