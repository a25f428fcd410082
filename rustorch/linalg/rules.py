"""Derivatives of the rows of linear algebra, one function a row, called from C (linalg_rules.c).

rule(wanted, g, saved, flags): which inputs want a gradient, the gradients of the outputs (None where
there is none), the values the row saves, the row's numbers; returns a gradient or None per input.
They are made of ops, so gradients of gradients are recorded; what a rule takes from a saved
factorisation it computes again, from saved values with history, when a graph is wanted.

Sources: Giles, Collected matrix derivative results (2008); Seeger, Hetzel, Dai, Meissner, Lawrence,
Auto-differentiating linear algebra (2017); Golub and Pereyra, The differentiation of pseudo-inverses
(1973); for complex vectors, which are determined up to a phase, Boeddeker et al. (2017)."""

from __future__ import annotations

from typing import Any

from .. import _C

_ops: dict[str, Any] = _C.ops
Gradients = tuple[Any, ...]
_CHECK = 1e-2  # how far a gradient may depend on the undetermined phase


def adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two dimensions; of arrays, too, whose `transpose` means another thing."""
    turned = _ops["mT"](x)
    return _ops["conj"](turned) if x.dtype.kind == "c" else turned


def _diagonal(x: Any) -> Any:
    return _ops["diagonal"](x, 0, -2, -1)


def _embed(x: Any) -> Any:
    return _ops["diag_embed"](x)


def _without_diagonal(x: Any) -> Any:
    return x - _embed(_diagonal(x))


def _real(x: Any) -> Any:
    return _ops["real"](x) if x.dtype.kind == "c" else x


def _times(x: Any, real: Any) -> Any:
    """x times a real tensor, in x's dtype."""
    return x * real.to(x.dtype)


def linalg_cholesky(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """A = L L^H: the symmetric part of L^-H phi(L^H g) L^-1, phi the lower half (Seeger et al.)."""
    (factor,), gradient = saved, g[0]
    if gradient is None:
        return (None,)
    lower, gradient = (adjoint(factor), adjoint(gradient)) if flags[0] else (factor, gradient)
    product = adjoint(lower) @ gradient
    half = _ops["tril"](product, -1)
    phi = (half + adjoint(half) + _embed(_diagonal(product))) * 0.5
    solve = _ops["linalg_solve_triangular"]
    inner = solve(lower, phi, False, False, True)
    return (adjoint(solve(lower, adjoint(inner), False, False, True)),)


def _unpermuted(pivots: Any, x: Any) -> Any:
    """P @ x."""
    rows = x.shape[-2]
    order = _ops["linalg_lu_permutation"](pivots, rows)
    back = _C.zeros_like(order)
    back = _ops["scatter"](back, -1, order, _C.arange(rows, dtype="int64").expand(tuple(order.shape)))
    return _ops["gather"](x, -2, back.unsqueeze(-1).expand(tuple(x.shape)))


def linalg_lu_factor(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """A = P L U, square: P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H; what lies beside the square
    block is a product with the other factor's inverse."""
    (packed, pivots), gradient = saved, g[0]
    if gradient is None:
        return (None,)
    m, n = packed.shape[-2:]
    k = min(m, n)
    narrow, solve, tril, triu = _ops["narrow"], _ops["linalg_solve_triangular"], _ops["tril"], _ops["triu"]
    square = narrow(narrow(packed, -2, 0, k), -1, 0, k)
    g_square = narrow(narrow(gradient, -2, 0, k), -1, 0, k)
    lower, upper = tril(square, -1), triu(square)
    unit = lower + _embed(_C.ones_like(_diagonal(square)))
    below, above = adjoint(unit) @ tril(g_square, -1), triu(g_square) @ adjoint(upper)
    beside = None
    if m < n:
        right, g_right = narrow(packed, -1, k, n - k), narrow(gradient, -1, k, n - k)
        below = below - g_right @ adjoint(right)
        beside = solve(unit, g_right, False, True, True)
    elif m > n:
        under, g_under = narrow(packed, -2, k, m - k), narrow(gradient, -2, k, m - k)
        above = above - adjoint(under) @ g_under
        beside = adjoint(solve(upper, adjoint(g_under), True))
    phi = tril(below, -1) + triu(above)
    inner = solve(unit, phi, False, True, True)
    whole = adjoint(solve(upper, adjoint(inner), True))
    if beside is not None:
        whole = _ops["cat"]([whole, beside], -1 if m < n else -2)
    return (_unpermuted(pivots, whole),)


def _qr_square(q: Any, r: Any, gq: Any, gr: Any) -> Any:
    """The rule where R is square: (gQ + Q S) R^-H, S Hermitian with triu(gR R^H - Q^H gQ)."""
    inner: Any = 0.0
    if gr is not None:
        inner = gr @ adjoint(r)
    if gq is not None:
        inner = inner - adjoint(q) @ gq
    strict = _ops["triu"](inner, 1)
    symmetric = strict + adjoint(strict) + _embed(_real(_diagonal(inner)).to(inner.dtype))
    sides = q @ symmetric
    if gq is not None:
        sides = sides + gq
    return adjoint(_ops["linalg_solve_triangular"](r, adjoint(sides), True))


def linalg_qr(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """Of a wide matrix [X | Y], Y = Q R2 adds Y gR2^H to gQ and Q gR2 beside gX."""
    (q, r), (gq, gr) = saved, g
    if flags[0] == 2:
        raise RuntimeError("linalg.qr: with mode='r' there is no gradient, it needs Q; use mode='reduced'")
    m, n = q.shape[-2], r.shape[-1]
    if gq is None and gr is None:
        return (None,)
    if flags[0] == 1 and m > n:
        raise RuntimeError("linalg.qr: with mode='complete' and more rows than columns there is no gradient")
    if m >= n:
        return (_qr_square(q, r, gq, gr),)
    narrow = _ops["narrow"]
    left = narrow(r, -1, 0, m)
    if gr is None:
        gx = _qr_square(q, left, gq, None)
        return (_ops["cat"]([gx, _C.zeros_like(narrow(r, -1, m, n - m))], -1),)
    right, g_right = narrow(r, -1, m, n - m), narrow(gr, -1, m, n - m)
    more = q @ right @ adjoint(g_right)
    gx = _qr_square(q, left, more if gq is None else gq + more, narrow(gr, -1, 0, m))
    return (_ops["cat"]([gx, q @ g_right], -1),)


def linalg_solve(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """gB = A^-H gX, gA = -gB X^H."""
    (a, x, lu, pivots), gradient = saved, g[0]
    if gradient is None:
        return None, None
    if _C.is_grad_enabled():
        gb = _ops["linalg_solve"](adjoint(a), gradient, True)[0]
    else:
        gb = _ops["linalg_lu_solve"](lu, pivots, gradient, True, True)
    return -(gb @ adjoint(x)) if wanted[0] else None, gb


def linalg_inv(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """-A^-H g A^-H."""
    if g[0] is None:
        return (None,)
    turned = adjoint(saved[0])
    return (-(turned @ g[0] @ turned),)


def _adjugate(a: Any) -> Any:
    """det(A) A^-1 as a polynomial of A (Faddeev and Le Verrier), also where A is singular."""
    n = a.shape[-1]
    unit = _C.eye(n, dtype=a.dtype)
    m = unit.expand(tuple(a.shape))
    for k in range(1, n):
        product = a @ m
        m = product - (_diagonal(product).sum(-1) / k).unsqueeze(-1).unsqueeze(-1) * unit
    return m if n % 2 else -m


def linalg_det(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """g conj(det) A^-H; of a singular matrix, the adjugate."""
    (a, det, lu, _), gradient = saved, g[0]
    if gradient is None:
        return (None,)
    singular = (_diagonal(lu.detach()) == 0).any(-1).unsqueeze(-1).unsqueeze(-1)
    scale = (gradient * det.conj()).unsqueeze(-1).unsqueeze(-1)
    if not bool(singular.any()):
        return (scale * adjoint(_ops["linalg_inv"](a, False)[0]),)
    where, unit = _ops["where"], _C.eye(a.shape[-1], dtype=a.dtype)
    regular = scale * adjoint(_ops["linalg_inv"](where(singular, unit, a), False)[0])
    adjugate = gradient.unsqueeze(-1).unsqueeze(-1) * adjoint(_adjugate(a))
    return (where(singular, adjugate, regular),)


def linalg_slogdet(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """(gL - i Im(conj(g_sign) sign)) A^-H; a real sign has no gradient."""
    (a, sign, *_), (g_sign, g_log) = saved, g[:2]
    factor = None if g_log is None else g_log.to(a.dtype)
    if a.dtype.kind == "c" and g_sign is not None:
        turn = _ops["imag"](g_sign.conj() * sign) * -1j
        factor = turn.to(a.dtype) if factor is None else factor + turn
    if factor is None:
        return (None,)
    return (factor.unsqueeze(-1).unsqueeze(-1) * adjoint(_ops["linalg_inv"](a)[0]),)


def linalg_solve_triangular(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """gB = A^-H gX, gA the triangle of -gB X^H; with the adjoint solved for, A^-1 gX and -X gB^H."""
    (a, x), gradient, (upper, unit, turned) = saved, g[0], flags
    if gradient is None:
        return None, None
    gb = _ops["linalg_solve_triangular"](a, gradient, bool(upper), bool(unit), not turned)
    ga = None
    if wanted[0]:
        ga = -(x @ adjoint(gb)) if turned else -(gb @ adjoint(x))
        ga = _ops["triu"](ga, int(unit)) if upper else _ops["tril"](ga, -int(unit))
    return ga, gb


def pinv(g: Any, inverse: Any, a: Any) -> Any:
    """Gradient of the pseudo-inverse (Golub and Pereyra 1973)."""
    turned, g = adjoint(inverse), adjoint(g)
    if a.shape[-2] <= a.shape[-1]:
        k = g @ inverse
        kt = k @ turned
        return -adjoint(inverse @ k) + kt - (a @ inverse) @ kt + (turned @ inverse) @ (g - k @ a)
    k = inverse @ g
    tk = turned @ k
    return -adjoint(k @ inverse) + (g - a @ k) @ inverse @ turned + tk - (tk @ inverse) @ a


def linalg_lstsq(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """As the product of A's pseudo-inverse and B."""
    from . import pinv as pseudo_inverse

    (a, b, _), gradient = saved, g[0]
    if gradient is None:
        return None, None
    gradient = _ops["narrow"](gradient, -2, 0, a.shape[-1])
    inverse = pseudo_inverse(a)
    ga = pinv(gradient @ adjoint(b), inverse, a) if wanted[0] else None
    return ga, adjoint(inverse) @ gradient if wanted[1] else None


def _skew(x: Any) -> Any:
    return x - adjoint(x)


def _gaps(values: Any) -> Any:
    """E[i, j] = values[j] - values[i], 1 on the diagonal."""
    gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
    return gaps + _embed(_C.ones_like(values))


def _refuse_phase(name: str, phases: Any) -> None:
    if bool((phases.detach().abs() > _CHECK).any()):
        raise RuntimeError(
            f"{name}: complex vectors are determined up to a factor e^(i phi), and the function whose gradient is"
            " wanted depends on it: its gradient has no meaning"
        )


def linalg_svd(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """Townsend, Differentiating the singular value decomposition (2016)."""
    (a, u, s, vh), (gu, gs, gvh) = saved, g
    if gu is None and gvh is None:
        if gs is None:
            return (None,)
        if not flags[1]:
            u, s, vh = _ops["linalg_svd"](a, False, True)
        k = s.shape[-1]
        u, vh = _ops["narrow"](u, -1, 0, k), _ops["narrow"](vh, -2, 0, k)
        return (_times(u, gs.unsqueeze(-2)) @ vh,)
    m, n, k = u.shape[-2], vh.shape[-1], s.shape[-1]
    if (u.shape[-1] > k and gu is not None) or (vh.shape[-2] > k and gvh is not None):
        narrow = _ops["narrow"]
        rest = [narrow(v, d, k, v.shape[d] - k) for v, d in ((gu, -1), (gvh, -2)) if v is not None and v.shape[d] > k]
        if any(bool((v.detach() != 0).any()) for v in rest):
            raise RuntimeError(
                "linalg.svd: the columns of U and V beyond min(m, n) have no gradient; use full_matrices=False"
            )
        gu = None if gu is None else narrow(gu, -1, 0, k)
        gvh = None if gvh is None else narrow(gvh, -2, 0, k)
    u, vh = _ops["narrow"](u, -1, 0, k), _ops["narrow"](vh, -2, 0, k)
    left = None if gu is None else _skew(adjoint(u) @ gu)
    right = None if gvh is None else _skew(vh @ adjoint(gvh))
    complex_ = a.dtype.kind == "c"
    if complex_:
        total = left if right is None else right if left is None else left + right
        _refuse_phase("linalg.svd", _ops["imag"](_diagonal(total)))
    gaps = _gaps(s * s).to(a.dtype)
    inner = 0.0
    if left is not None:
        inner = inner + _times(left, s.unsqueeze(-2)) / gaps
    if right is not None:
        inner = inner + _times(right, s.unsqueeze(-1)) / gaps
    inner = _without_diagonal(inner)
    if complex_ and left is not None:
        inner = inner + _embed(_diagonal(left) / (2 * s).to(a.dtype))
    if gs is not None:
        inner = inner + _embed(gs.to(a.dtype))
    if m > k and gu is not None:
        scaled = gu / s.unsqueeze(-2).to(a.dtype)
        return ((u @ inner + scaled - u @ (adjoint(u) @ scaled)) @ vh,)
    if n > k and gvh is not None:
        scaled = gvh / s.unsqueeze(-1).to(a.dtype)
        return (u @ (inner @ vh + scaled - (scaled @ adjoint(vh)) @ vh),)
    return (u @ inner @ vh,)


def linalg_eigh(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """V (diag(gL) + skew(V^H gV) / E) V^H, which is Hermitian."""
    (a, values, vectors), (gl, gv) = saved, g
    if gl is None and gv is None:
        return (None,)
    if not flags[1]:
        values, vectors = _ops["linalg_eigh"](a, bool(flags[0]), True)
    if gv is None:
        return (_times(vectors, gl.unsqueeze(-2)) @ adjoint(vectors),)
    product = adjoint(vectors) @ gv
    if vectors.dtype.kind == "c":
        _refuse_phase("linalg.eigh", _ops["imag"](_diagonal(product)))
    inner = _without_diagonal(_skew(product) * 0.5 / _gaps(values).to(product.dtype))
    if gl is not None:
        inner = inner + _embed(gl.to(product.dtype))
    return (vectors @ inner @ adjoint(vectors),)


def linalg_eig(wanted: Any, g: Any, saved: Any, flags: Any) -> Gradients:
    """V^-H (diag(gL) + (V^H gV - V^H V Re(diag(V^H gV))) / conj(E)) V^H, the vectors being of length 1."""
    (a, values, vectors), (gl, gv) = saved, g
    if gl is None and gv is None:
        return (None,)
    if not flags[0]:
        values, vectors = _ops["linalg_eig"](a, True)
    turned = adjoint(vectors)
    if gv is None:
        inner = _embed(gl)
    else:
        product = turned @ gv
        _refuse_phase("linalg.eig", _ops["imag"](_diagonal(product)))
        along = _real(_diagonal(product)).to(product.dtype).unsqueeze(-2)
        inner = _without_diagonal((product - (turned @ vectors) * along) / _gaps(values).conj())
        if gl is not None:
            inner = inner + _embed(gl)
    gradient = _ops["linalg_solve"](turned, inner @ turned)[0]
    return (gradient if a.dtype.kind == "c" else _ops["real"](gradient),)
