"""SciPy's functions given Tensors and arrays of ours: the results are those of ndarrays."""

import numpy as np
import pytest
import scipy
import scipy.cluster.hierarchy
import scipy.cluster.vq
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.spatial.distance
import scipy.spatial.transform
import scipy.stats

import rustorch as rt
import rustorch.numpy as rnp

RNG = np.random.default_rng(5)
X = RNG.normal(size=24)
Y = RNG.normal(size=24) + X
P = RNG.uniform(0.05, 0.95, 24)
M = RNG.normal(size=(5, 5)) + 4 * np.eye(5)
S = M @ M.T
B = RNG.normal(size=5)
A = RNG.normal(size=(12, 3))
A2 = RNG.normal(size=(9, 3))
IMAGE = RNG.normal(size=(12, 10))
MASK = IMAGE > 0.4
T = np.linspace(0.0, 3.0, 24)
Z = RNG.normal(size=8) + 1j * RNG.normal(size=8)
K = RNG.integers(0, 5, 24)
W = np.array([0.2, 0.5, 0.3])
TABLE = np.array([[8, 4], [3, 9]])
SOS = scipy.signal.butter(3, 0.2, output="sos")
BA = scipy.signal.butter(3, 0.2)
LINKS = scipy.cluster.hierarchy.linkage(A)

linalg, fft, signal, ndimage, stats = scipy.linalg, scipy.fft, scipy.signal, scipy.ndimage, scipy.stats
optimize, integrate, interpolate = scipy.optimize, scipy.integrate, scipy.interpolate
distance, hierarchy, vq = scipy.spatial.distance, scipy.cluster.hierarchy, scipy.cluster.vq

CALLS = []


def call(function, *args, **words):
    CALLS.append((function, args, words))


for f in (
    linalg.inv,
    linalg.det,
    linalg.lu,
    linalg.lu_factor,
    linalg.qr,
    linalg.svd,
    linalg.svdvals,
    linalg.eig,
    linalg.eigvals,
    linalg.schur,
    linalg.hessenberg,
    linalg.expm,
    linalg.sqrtm,
    linalg.logm,
    linalg.pinv,
    linalg.null_space,
    linalg.orth,
    linalg.norm,
    linalg.polar,
    linalg.rq,
    linalg.tanm,
    linalg.sinm,
    linalg.cosm,
    linalg.signm,
    linalg.matrix_balance,
    linalg.bandwidth,
    linalg.issymmetric,
    linalg.ishermitian,
):
    call(f, M)
for f in (linalg.cholesky, linalg.cho_factor, linalg.eigh, linalg.eigvalsh, linalg.ldl, linalg.pinvh):
    call(f, S)
call(linalg.solve, M, B)
call(linalg.solve, S, B, assume_a="pos")
call(linalg.lstsq, A, X[:12])
call(linalg.solve_triangular, np.tril(M), B, lower=True)
call(linalg.solve_toeplitz, B + 9, B)
call(linalg.solve_sylvester, M, S, M)
call(linalg.solve_continuous_lyapunov, M, S)
call(linalg.toeplitz, B)
call(linalg.hankel, B)
call(linalg.circulant, B)
call(linalg.companion, B)
call(linalg.block_diag, M, S)
call(linalg.khatri_rao, M, S)
call(linalg.solve_banded, (1, 1), RNG.normal(size=(3, 5)) + 5, B)
call(linalg.expm_frechet, M, S)
call(linalg.orthogonal_procrustes, A, A)
call(linalg.subspace_angles, A, A[:, :2])
for f in (
    fft.fft,
    fft.ifft,
    fft.rfft,
    fft.dct,
    fft.dst,
    fft.idct,
    fft.idst,
    fft.hfft,
    fft.ihfft,
    fft.fftshift,
    fft.ifftshift,
):
    call(f, X)
for f in (fft.fft2, fft.ifft2, fft.fftn, fft.rfft2, fft.rfftn, fft.dctn, fft.dstn):
    call(f, IMAGE)
call(fft.fft, Z, 12, norm="ortho")
call(fft.irfft, Z)
call(fft.fht, X, 0.1, 0.5)
for f in (
    signal.detrend,
    signal.hilbert,
    signal.periodogram,
    signal.medfilt,
    signal.wiener,
    signal.argrelmax,
    signal.find_peaks,
    signal.cspline1d,
    signal.qspline1d,
    signal.czt,
    signal.zoom_fft,
):
    call(f, X, *((0.4,) if f is signal.zoom_fft else ()))
for f in (signal.convolve, signal.correlate, signal.fftconvolve, signal.oaconvolve, signal.choose_conv_method):
    call(f, X, Y)
for f in (signal.convolve2d, signal.correlate2d):
    call(f, IMAGE, M)
call(signal.medfilt2d, IMAGE)
call(signal.lfilter, *BA, X)
call(signal.lfilter_zi, *BA)
call(signal.filtfilt, *BA, X)
call(signal.sosfilt, SOS, X)
call(signal.sosfiltfilt, SOS, X)
call(signal.freqz, *BA, worN=16)
call(signal.group_delay, BA, 16)
call(signal.tf2zpk, *BA)
call(signal.tf2sos, *BA)
call(signal.residue, *BA)
call(signal.deconvolve, np.convolve(X, B), B)
call(signal.resample, X, 12)
call(signal.resample_poly, X, 2, 3)
call(signal.decimate, np.concatenate([X, Y]), 2)
call(signal.upfirdn, B, X, 2)
call(signal.savgol_filter, X, 5, 2)
call(signal.welch, X, nperseg=8)
call(signal.csd, X, Y, nperseg=8)
call(signal.coherence, X, Y, nperseg=8)
call(signal.spectrogram, X, nperseg=8)
call(signal.stft, X, nperseg=8)
call(signal.lombscargle, T, X, P * 9)
call(signal.peak_prominences, X, signal.find_peaks(X)[0])
call(signal.peak_widths, X, signal.find_peaks(X)[0])
call(signal.lsim, ([1.0], [1.0, 1.0]), X, T)
call(signal.sawtooth, T)
call(signal.square, T)
call(signal.chirp, T, 1, 2, 3)
call(signal.gausspulse, T)
for f in (
    ndimage.sobel,
    ndimage.prewitt,
    ndimage.laplace,
    ndimage.fourier_gaussian,
    ndimage.distance_transform_edt,
    ndimage.median_filter,
    ndimage.uniform_filter,
    ndimage.gaussian_filter,
    ndimage.maximum_filter,
    ndimage.minimum_filter,
    ndimage.rank_filter,
    ndimage.percentile_filter,
    ndimage.shift,
    ndimage.zoom,
    ndimage.rotate,
    ndimage.spline_filter,
    ndimage.grey_erosion,
    ndimage.grey_dilation,
    ndimage.white_tophat,
    ndimage.gaussian_gradient_magnitude,
):
    extra = {
        "fourier_gaussian": (1.0,),
        "median_filter": (3,),
        "uniform_filter": (3,),
        "gaussian_filter": (1.5,),
        "maximum_filter": (3,),
        "minimum_filter": (3,),
        "rank_filter": (2, 3),
        "percentile_filter": (30, 3),
        "shift": (0.5,),
        "zoom": (1.5,),
        "rotate": (20,),
        "grey_erosion": (3,),
        "grey_dilation": (3,),
        "white_tophat": (3,),
        "gaussian_gradient_magnitude": (1.0,),
    }.get(f.__name__, ())
    call(f, IMAGE, *extra)
for f in (
    ndimage.binary_erosion,
    ndimage.binary_dilation,
    ndimage.binary_fill_holes,
    ndimage.label,
    ndimage.binary_opening,
):
    call(f, MASK)
LABELS = ndimage.label(MASK)[0]
for f in (ndimage.mean, ndimage.sum_labels, ndimage.maximum, ndimage.variance, ndimage.center_of_mass, ndimage.extrema):
    call(f, IMAGE, LABELS)
call(ndimage.find_objects, LABELS)
call(ndimage.convolve, IMAGE, M)
call(ndimage.correlate1d, IMAGE, B)
call(ndimage.affine_transform, IMAGE, np.array([[1.0, 0.1], [0.0, 0.9]]))
call(ndimage.map_coordinates, IMAGE, np.array([[1.5, 2.5], [3.0, 4.0]]))
for f in (
    stats.describe,
    stats.skew,
    stats.kurtosis,
    stats.sem,
    stats.zscore,
    stats.iqr,
    stats.median_abs_deviation,
    stats.normaltest,
    stats.shapiro,
    stats.skewtest,
    stats.kurtosistest,
    stats.jarque_bera,
    stats.moment,
    stats.kstat,
    stats.rankdata,
    stats.gzscore,
    stats.differential_entropy,
    stats.bayes_mvs,
    stats.trim_mean,
    stats.tmean,
    stats.mode,
    stats.cumfreq,
    stats.relfreq,
    stats.sigmaclip,
    stats.anderson,
    stats.yeojohnson,
    stats.norm.fit,
    stats.variation,
    stats.trimboth,
    stats.siegelslopes,
    stats.theilslopes,
):
    data = P if f in (stats.gzscore,) else X
    extra = (0.1,) if f in (stats.trim_mean, stats.trimboth) else ("norm",) if f is stats.anderson else ()
    call(f, data, *extra)
for f in (
    stats.ttest_ind,
    stats.ttest_rel,
    stats.pearsonr,
    stats.spearmanr,
    stats.kendalltau,
    stats.linregress,
    stats.ks_2samp,
    stats.mannwhitneyu,
    stats.wilcoxon,
    stats.levene,
    stats.bartlett,
    stats.f_oneway,
    stats.kruskal,
    stats.ranksums,
    stats.ansari,
    stats.mood,
    stats.brunnermunzel,
    stats.fligner,
    stats.energy_distance,
    stats.wasserstein_distance,
    stats.weightedtau,
    stats.somersd,
    stats.cramervonmises_2samp,
    stats.epps_singleton_2samp,
    stats.median_test,
):
    call(f, X, Y)
call(stats.ttest_1samp, X, 0.1)
call(stats.kstest, X, "norm")
call(stats.chisquare, K + 3.0)
call(stats.power_divergence, K + 3.0)
call(stats.chi2_contingency, TABLE)
call(stats.fisher_exact, TABLE)
call(stats.barnard_exact, TABLE)
call(stats.entropy, W)
call(stats.entropy, W, W[::-1].copy())
call(stats.gmean, P)
call(stats.hmean, P)
call(stats.boxcox, P)
call(stats.boxcox_llf, 0.5, P)
call(stats.pointbiserialr, K > 2, X)
call(stats.combine_pvalues, P)
call(stats.false_discovery_control, P)
call(stats.binned_statistic, T, X, "mean", 5)
call(stats.percentileofscore, X, 0.1)
call(stats.scoreatpercentile, X, 30)
call(stats.circmean, P)
call(stats.circstd, P)
call(stats.probplot, X)
call(stats.norm.pdf, X)
call(stats.norm.cdf, X, Y, P)
call(stats.norm.ppf, P)
call(stats.gamma.logpdf, P, 2.0)
call(stats.beta.cdf, P, 2.0, P + 1)
call(stats.t.sf, X, 3)
call(stats.poisson.pmf, K, 2.5)
call(stats.binom.cdf, K, 6, 0.4)
call(stats.multivariate_normal.pdf, A, np.zeros(3), np.eye(3))
call(stats.multivariate_normal.logpdf, A, A[0], np.eye(3))
call(stats.dirichlet.pdf, W, W + 1)
call(lambda x, at: stats.gaussian_kde(x)(at), X, T)
call(lambda x, at: stats.ecdf(x).cdf.evaluate(at), X, T)
call(lambda x, y: stats.permutation_test((x, y), lambda a, b: np.mean(a) - np.mean(b), n_resamples=50, rng=1), X, Y)
call(lambda x: stats.bootstrap((x,), np.mean, n_resamples=50, rng=1).confidence_interval, X)
for f in (integrate.trapezoid, integrate.simpson, integrate.cumulative_trapezoid, integrate.cumulative_simpson):
    call(f, X)
    call(f, X, x=T)
call(integrate.romb, X[:17])
call(lambda y0, t: integrate.odeint(lambda y, t: -y, y0, t), B, T)
call(lambda y0, t: integrate.solve_ivp(lambda t, y: -y, (0.0, 3.0), y0, t_eval=t).y, B, T)
call(lambda a: integrate.quad(lambda x: float(np.sum(a * x)), 0.0, 1.0), B)
call(lambda a: integrate.quad_vec(lambda x: np.asarray(a) * x, 0.0, 1.0), B)
for f in (
    interpolate.CubicSpline,
    interpolate.PchipInterpolator,
    interpolate.Akima1DInterpolator,
    interpolate.make_interp_spline,
    interpolate.UnivariateSpline,
    interpolate.BarycentricInterpolator,
    interpolate.interp1d,
    interpolate.make_smoothing_spline,
    interpolate.InterpolatedUnivariateSpline,
    interpolate.KroghInterpolator,
):
    few = slice(0, 24, 4)
    call(lambda t, x, at, f=f: f(t, x)(at), T[few], X[few], T[2:9])
call(lambda t, x, at: interpolate.splev(at, interpolate.splrep(t, x)), T, X, T[2:9])
call(lambda p, v, at: interpolate.griddata(p, v, at, method="nearest"), A[:, :2], A[:, 2], A2[:, :2])
call(lambda p, v, at: interpolate.RBFInterpolator(p, v)(at), A, X[:12], A2)
call(lambda p, v, at: interpolate.LinearNDInterpolator(p, v)(at), A[:, :2], A[:, 2], A2[:, :2])
call(
    lambda x, y, v, at: interpolate.RegularGridInterpolator((x, y), v)(at), T[:12], T[:10], IMAGE, np.full((3, 2), 0.3)
)
call(lambda x, y, v: interpolate.RectBivariateSpline(x, y, v)(0.3, 0.4), T[:12], T[:10], IMAGE)
call(interpolate.pade, B, 2)
ROSEN = B * 0.3
for f in (optimize.rosen, optimize.rosen_der, optimize.rosen_hess):
    call(f, B)
for method in ("BFGS", "Nelder-Mead", "L-BFGS-B", "CG", "Powell", "SLSQP", "TNC", "COBYLA"):
    call(lambda x, m=method: optimize.minimize(optimize.rosen, x, method=m, options={"maxiter": 40}).x, ROSEN)
call(
    lambda x: (
        optimize.minimize(optimize.rosen, x, jac=optimize.rosen_der, hess=optimize.rosen_hess, method="Newton-CG").x
    ),
    ROSEN,
)
call(
    lambda x: (
        optimize.minimize(optimize.rosen, x, jac=optimize.rosen_der, method="trust-constr", options={"maxiter": 20}).x
    ),
    ROSEN,
)
call(lambda a, b: optimize.least_squares(lambda p: a @ p - b, np.zeros(3)).x, A, X[:12])
call(lambda t, x: optimize.curve_fit(lambda t, a, b: a * t + b, t, x), T, X)
call(lambda x: optimize.root(lambda v: np.asarray(v) ** 3 - 1, x).x, np.array([0.5, 2.0]))
call(lambda x: optimize.fsolve(lambda v: np.asarray(v) ** 3 - 1, x), np.array([0.5, 2.0]))
call(lambda x: optimize.approx_fprime(x, optimize.rosen, 1e-6), B)
call(optimize.nnls, A, X[:12])
call(optimize.lsq_linear, A, X[:12])
call(optimize.linear_sum_assignment, IMAGE)
call(lambda c, a, b: optimize.linprog(c, A_ub=a, b_ub=b, bounds=(0, 1)).x, -W, A, np.ones(12))
call(
    lambda c, a: optimize.milp(c, constraints=optimize.LinearConstraint(a, -np.ones(12), np.ones(12))).x, np.zeros(3), A
)
call(lambda x: optimize.fixed_point(np.cos, x), np.array([0.5, 0.6]))
call(lambda x: optimize.newton(lambda v: v**2 - 2, x), np.array([1.0, 2.0]))
for f in (distance.pdist,):
    for metric in ("euclidean", "cityblock", "cosine", "correlation", "chebyshev", "mahalanobis", "seuclidean"):
        call(f, A, metric)
call(distance.cdist, A, A2)
call(distance.squareform, distance.pdist(A))
for f in (
    distance.euclidean,
    distance.cosine,
    distance.cityblock,
    distance.correlation,
    distance.braycurtis,
    distance.canberra,
):
    call(f, X, Y)
call(distance.jensenshannon, W, W[::-1].copy())
call(distance.mahalanobis, B, B[::-1].copy(), S)
call(distance.jaccard, K > 2, K > 1)
call(lambda a, b: scipy.spatial.KDTree(a).query(b), A, A2)
call(lambda a, b: scipy.spatial.cKDTree(a).query_ball_point(b, 1.0), A, A2)
call(lambda a: scipy.spatial.ConvexHull(a).vertices, A)
call(lambda a: scipy.spatial.Delaunay(a).simplices, A[:, :2])
call(lambda a: scipy.spatial.Voronoi(a).vertices, A[:, :2])
call(scipy.spatial.procrustes, A, A[::-1].copy())
call(scipy.spatial.distance_matrix, A, A2)
call(lambda a, b: scipy.spatial.distance.directed_hausdorff(a, b), A, A2)
call(lambda q, v: scipy.spatial.transform.Rotation.from_quat(q).apply(v), np.array([0.1, 0.2, 0.3, 0.9]), A)
call(lambda v: scipy.spatial.transform.Rotation.from_rotvec(v).as_matrix(), A)
call(lambda a, b: scipy.spatial.geometric_slerp(a, b, [0.1, 0.5]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
call(hierarchy.linkage, A, "ward")
call(hierarchy.linkage, distance.pdist(A))
for f in (
    hierarchy.cophenet,
    hierarchy.inconsistent,
    hierarchy.leaves_list,
    hierarchy.is_valid_linkage,
    hierarchy.maxdists,
):
    call(f, LINKS)
call(hierarchy.fcluster, LINKS, 2, "maxclust")
call(hierarchy.fclusterdata, A, 1.0)
call(vq.whiten, A)
call(vq.vq, A, A2)
call(vq.kmeans, A, A2[:3])
call(vq.kmeans2, A, A2[:3], minit="matrix")


# Calls methods whose meaning is PyTorch's on a Tensor (data.var() divides by n - 1): for arrays only.
ARRAYS_ONLY = {stats.bayes_mvs}


def ours(x, make):
    """Arrays, also those in tuples and lists, as ours."""
    if isinstance(x, np.ndarray):
        return make(x)
    return type(x)(ours(v, make) for v in x) if type(x) in (tuple, list) else x


def same(got, want):
    if isinstance(want, dict):
        for key in want:
            same(got[key], want[key])
    elif isinstance(want, (tuple, list)) and not isinstance(want, np.ndarray):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same(g, w)
    elif isinstance(want, (np.ndarray, np.generic, float, int, complex)):
        got = np.asarray(got)
        assert got.shape == np.shape(want)
        if got.dtype == object:
            assert got.tolist() == np.asarray(want).tolist()
        else:
            np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9)
    elif hasattr(want, "coeffs"):
        same(got.coeffs, want.coeffs)
    elif hasattr(want, "__dict__"):
        for key, value in vars(want).items():
            if not key.startswith("_") and isinstance(value, (np.ndarray, float, int, tuple)):
                same(getattr(got, key), value)
    else:
        assert got == want


def title(i):
    function = CALLS[i][0]
    name = getattr(function, "__name__", type(function).__name__)
    return f"{i}-{name}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [rt.tensor, rnp.array], ids=["tensors", "arrays"])
@pytest.mark.parametrize("i", range(len(CALLS)), ids=title)
def test_call(i, make):
    function, args, words = CALLS[i]
    if function in ARRAYS_ONLY:
        make = rnp.array
    want = function(*args, **words)
    got = function(*[ours(a, make) for a in args], **{key: ours(v, make) for key, v in words.items()})
    same(got, want)
