/* polynomials_wide: the classical orthogonal polynomials by their three-term recurrences (DLMF 18.9), over vectors of
 * double precision, as special_wide.h.  Lanes of different degrees run until the greatest; each keeps its own value
 * from its degree on.  Chebyshev's of high degree come from polynomials.c.  Floor: ufunc/kernels.  Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_POLYNOMIALS_WIDE_H
#define RT_UFUNC_KERNELS_POLYNOMIALS_WIDE_H
#include "ufunc/kernels/special_wide.h"

#define MOST_DEGREE 1e7          /* above it a recurrence would run for seconds: NaN */

/* p_k+1 of p_k and p_k-1 by step, from p_0 = 1 and p_1 = first, up to degree n cut to an integer; 0 for negative n.
 * What has overflowed stays. */
ALWAYS wide w_recurrence(wide x, wide n, wide first, wide (*step)(wide x, double k, wide q, wide p))
{
    wide p = w_splat(1), q = first, r = first;
    wide_mask on = (n >= 2) & (w_abs(r) < (double)INFINITY);
    for (double k = 1; any_wide(on); k++) {
        wide next = step(x, k, q, p);
        p = q, q = next;
        r = w_where(on, next, r);
        on = (n >= k + 2) & (w_abs(r) < (double)INFINITY);
    }
    return w_where(n >= 1, r, w_where(n > -1, w_splat(1), w_splat(0)));
}
ALWAYS wide chebyshev_step(wide x, double k UNUSED, wide q, wide p) { return 2 * x * q - p; }
ALWAYS wide hermite_h_step(wide x, double k, wide q, wide p) { return 2 * (x * q - k * p); }
ALWAYS wide hermite_he_step(wide x, double k, wide q, wide p) { return x * q - k * p; }
ALWAYS wide laguerre_step(wide x, double k, wide q, wide p) { return ((2 * k + 1 - x) * q - k * p) / (k + 1); }
ALWAYS wide legendre_step(wide x, double k, wide q, wide p) { return ((2 * k + 1) * x * q - k * p) / (k + 1); }

#if IS_F32
#define WIDELY2(f, x, n) v_widely2(f, x, n)
#else
#define WIDELY2(f, x, n) f(x, n)
#endif
#define RECURRENCE(name, first, step) \
    ALWAYS wide w_##name(wide x, wide n) { return w_recurrence(x, n, first, step); }
/* Degrees above the limit, and NaN, by a function of one element. */
static UNUSED double no_polynomial(double x UNUSED, double n UNUSED) { return NAN; }
#define LIMITED(name, limit, beyond) \
    CALLED_AS vec v_##name(vec x, vec n) \
    { \
        mask above = ~(n < (real)(limit + 1)); \
        return v_mend2(beyond, above, x, n, WIDELY2(w_##name, x, v_where(above, splat(0), n))); \
    }
RECURRENCE(chebyshev_t, x, chebyshev_step)
RECURRENCE(chebyshev_u, 2 * x, chebyshev_step)
RECURRENCE(chebyshev_v, 2 * x - 1, chebyshev_step)
RECURRENCE(chebyshev_w, 2 * x + 1, chebyshev_step)
RECURRENCE(hermite_h, 2 * x, hermite_h_step)
RECURRENCE(hermite_he, x, hermite_he_step)
RECURRENCE(laguerre, 1 - x, laguerre_step)
RECURRENCE(legendre, x, legendre_step)
LIMITED(chebyshev_t, RT_CHEBYSHEV_HIGH, rt_special_chebyshev_t)
LIMITED(chebyshev_u, RT_CHEBYSHEV_HIGH, rt_special_chebyshev_u)
LIMITED(chebyshev_v, RT_CHEBYSHEV_HIGH, rt_special_chebyshev_v)
LIMITED(chebyshev_w, RT_CHEBYSHEV_HIGH, rt_special_chebyshev_w)
LIMITED(hermite_h, MOST_DEGREE, no_polynomial)
LIMITED(hermite_he, MOST_DEGREE, no_polynomial)
LIMITED(laguerre, MOST_DEGREE, no_polynomial)
LIMITED(legendre, MOST_DEGREE, rt_special_legendre)
#undef RECURRENCE
#undef LIMITED
#undef WIDELY2
#endif
