/* special_wide: special functions over vectors of double precision, which is what float64 has and float32 is widened
 * to (wide.h): modified Bessel functions I, erfcx, the normal distribution's logarithm and inverse, digamma and
 * trigamma.  Series are Chebyshev's (chebyshev.h), for float32 as far as it can tell.  Each is compiled once a word,
 * and called.  Floor: ufunc/kernels.  Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_SPECIAL_WIDE_H
#define RT_UFUNC_KERNELS_SPECIAL_WIDE_H
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/special.h"
#include "ufunc/kernels/special_tables.h"

#if !IS_F32
typedef vec wide;
typedef mask wide_mask;
#endif
/* b b - square; log(1 - e) for e within 0 and 1. */
#if IS_F32
ALWAYS wide wide_rest(wide b UNUSED, wide square UNUSED) { return w_splat(0); }
ALWAYS wide wide_rest_of(wide b, double c, wide product) { return w_mad(b, w_splat(c), -product); }
ALWAYS wide w_log1m(wide e)
{
    return w_where(e < (double)0x1p-14, -e - 0.5 * e * e, w_log(1 - e));
}
#define WIDELY(f, x) v_widely(f, x)
#define TERMS(table, few) few
#else
#define w_splat splat
#define w_where v_where
#define w_mad v_mad
#define w_abs v_abs
#define w_copysign v_copysign
#define w_sqrt v_sqrt
#define w_exp v_exp
#define w_log v_log
#define w_erfc v_erfc
ALWAYS wide w_polynomial(const double *c, int n, wide x)
{
    wide p = w_splat(c[0]);
    for (int i = 1; i < n; i++) p = w_mad(p, x, w_splat(c[i]));
    return p;
}
ALWAYS wide wide_rest(wide b, wide square) { return product_rest(b, b, square); }
ALWAYS wide wide_rest_of(wide b, double c, wide product) { return product_rest(b, w_splat(c), product); }
ALWAYS wide w_log1m(wide e) { return v_log1p(-e); }
#define WIDELY(f, x) f(x)
#define TERMS(table, few) ((int)(sizeof table / sizeof *table))
#endif
#define CALLED_AS static __attribute__((noinline, unused))
#define CALLED(name) CALLED_AS vec v_##name(vec x) { return WIDELY(w_##name, x); }

ALWAYS int any_wide(wide_mask m) { return any_lane((mask)m); }
/* sum c[k] T_k(t) by Clenshaw's recurrence. */
ALWAYS wide w_chebyshev(const double *c, int n, wide t)
{
    wide a = w_splat(0), b = a, two = 2 * t;
    for (int k = n - 1; k > 0; k--) {
        wide next = w_mad(two, a, w_splat(c[k]) - b);
        b = a;
        a = next;
    }
    return w_mad(t, a, w_splat(c[0]) - b);
}

/* Near 8 and below by one series, beyond by the other over sqrt(x). */
ALWAYS wide w_bessel_i(wide x, const double *near, int nears, const double *far, int fars)
{
    wide a = w_abs(x), r = a;
    wide_mask beyond = a > 8;
    if (any_wide(~beyond)) r = w_chebyshev(near, nears, a * 0.25 - 1);
    if (any_wide(beyond))
        r = w_where(beyond, w_chebyshev(far, fars, w_where(beyond, 16 / a, w_splat(1)) - 1) / w_sqrt(a), r);
    return r;
}
ALWAYS wide w_i0e(wide x) { return w_bessel_i(x, i0_near, TERMS(i0_near, 21), i0_far, TERMS(i0_far, 8)); }
ALWAYS wide w_i1e(wide x)
{
    wide r = w_bessel_i(x, i1_near, TERMS(i1_near, 23), i1_far, TERMS(i1_far, 9));
    return w_where(w_abs(x) > 8, w_copysign(r, x), x * r);
}
/* e^|x| v, where v is small enough that the product may be finite when e^|x| is not. */
ALWAYS wide w_unscaled(wide x, wide v)
{
    wide a = w_where(w_abs(x) > 1400, w_splat(1400), w_abs(x));
    wide_mask far = a > 700;
    wide r = w_exp(w_where(far, w_splat(0), a)) * v;
    if (!any_wide(far)) return r;
    wide half = w_exp(w_where(far, a * 0.5, w_splat(0)));
    return w_where(far, w_where(a == 1400, w_copysign(w_splat((double)INFINITY), v), half * v * half), r);
}
ALWAYS wide w_i0(wide x) { return w_unscaled(x, w_i0e(x)); }
ALWAYS wide w_i1(wide x) { return w_unscaled(x, w_i1e(x)); }

/* e^(x x) erfc(x). */
ALWAYS wide w_erfcx(wide x)
{
    const double far = 1e9, end = IS_F32 ? 26 : 28, inverse_root = 0.56418958354775628695L;
    wide a = w_abs(x), b = w_where(a > far, w_splat(far), a);
    wide right = w_chebyshev(erfcx_table, TERMS(erfcx_table, 18), (b - 4) / (b + 4)) / w_mad(b, w_splat(2), w_splat(1));
    right = w_where(a > far, inverse_root / a, right);
    wide_mask left = x < 0;
    if (!any_wide(left)) return right;
    b = w_where(left, w_where(a > end, w_splat(end), a), w_splat(0));
    wide square = b * b, e = w_exp(square);
    e = w_where(e < (double)INFINITY, w_mad(e, wide_rest(b, square), e), e);
    return w_where(left, 2 * e - right, right);
}
/* log of the normal distribution function: log1p(-erfc(x sqrt(1/2)) / 2), far down log(erfcx / 2) - x x / 2. */
ALWAYS wide w_log_ndtr(wide x)
{
    const double half_sqrt = 0.70710678118654752440L;
    wide_mask low = x <= -1, top = x > (IS_F32 ? 20 : 40), end = x < (double)-1e150L;
    wide r = x;
    if (any_wide(~low)) {
        wide b = w_where(low | top, w_splat(0), x), h = b * half_sqrt;
        wide rest = wide_rest_of(b, half_sqrt, h) - b * (double)4.833646656726457e-17L;
        r = w_log1m(w_mad(w_exp(-h * h) * (double)-0.56418958354775628695L, rest, 0.5 * w_erfc(h)));
        r = w_where(top, w_splat(-0.0), w_where(x == x, r, x));
    }
    if (any_wide(low)) {
        wide b = w_where(low & ~end, x, w_splat(-1));
        r = w_where(low, w_log(0.5 * w_erfcx(b * -half_sqrt)) - 0.5 * b * b, r);
        r = w_where(end, -0.5 * x * x, r);
    }
    return r;
}

/* The quantile of the normal distribution (M. Wichura, algorithm AS 241, 1988): q from the middle, or the
 * probability p of the tail on q's side. */
ALWAYS wide w_quantile(wide q, wide p)
{
    wide_mask middle = w_abs(q) <= (double)0.425L;
    wide r = (double)0.180625L - q * q;
    wide top = q * w_polynomial(quantile_a, 8, r), bottom = w_polynomial(quantile_b, 8, r);
    if (any_wide(~middle)) {
        wide s = w_sqrt(-w_log(w_where(middle | ~(p > 0), w_splat(0.5), p))), t = s - (double)1.6L;
        wide u = w_polynomial(quantile_c, 8, t), d = w_polynomial(quantile_d, 8, t);
        wide_mask far = s > 5;
        if (any_wide(far)) {
            u = w_where(far, w_polynomial(quantile_e, 8, s - 5), u);
            d = w_where(far, w_polynomial(quantile_f, 8, s - 5), d);
        }
        u = w_where(p == 0, w_splat((double)INFINITY), w_where(p > 0, u, w_splat((double)NAN)));
        top = w_where(middle, top, w_copysign(u, q)), bottom = w_where(middle, bottom, d);
    }
    return top / bottom;
}
ALWAYS wide w_ndtri(wide p) { wide q = p - 0.5; return w_quantile(q, w_where(q < 0, p, 1 - p)); }

/* The derivative of log gamma for x above 0: recurrence into [1, 2], where the zero is divided out; from 10 on the
 * asymptotic series (DLMF 5.11.2). */
ALWAYS wide w_digamma(wide x)
{
    static const double c[] = {8.33333333333333333333e-2L, -2.10927960927960927961e-2L, 7.57575757575757575758e-3L,
                               -4.16666666666666666667e-3L, 3.96825396825396825397e-3L, -8.33333333333333333333e-3L,
                               8.33333333333333333333e-2L};
    wide_mask big = x >= 10, low = x < 1;
    wide r = x;
    if (any_wide(~big)) {
        wide y = w_where(big, w_splat(2), x), shift = w_where(low, -1 / y, w_splat(0));
        y = w_where(low, y + 1, y);
        for (wide_mask m = y > 2; any_wide(m); m = y > 2) {
            shift = w_where(m, shift + 1 / (y - 1), shift);
            y = w_where(m, y - 1, y);
        }
        wide near = (y - (double)1.4616321449683622L) - (double)9.549995429965697e-17L;
        r = shift + near * w_chebyshev(psi_table, TERMS(psi_table, 14), 2 * y - 3);
    }
    if (any_wide(big)) {
        wide y = w_where(big, x, w_splat(10)), z = 1 / (y * y);
        r = w_where(big, w_log(y) - 0.5 / y - z * w_polynomial(c, 7, z), r);
    }
    return r;
}
/* Its derivative for x above 0 (DLMF 5.15.8): recurrence up to 10, asymptotic series. */
ALWAYS wide w_trigamma(wide x)
{
    static const double b[] = {1.1666666666666666667L, -0.25311355311355311355L, 0.075757575757575757576L,
                               -0.033333333333333333333L, 0.023809523809523809524L, -0.033333333333333333333L,
                               0.16666666666666666667L};
    wide sum = w_splat(0);
    for (wide_mask m = x < 10; any_wide(m); m = x < 10) {
        sum = w_where(m, sum + 1 / (x * x), sum);
        x = w_where(m, x + 1, x);
    }
    wide z = 1 / (x * x);
    return sum + 1 / x + z * 0.5 + z / x * w_polynomial(b, 7, z);
}

#if IS_F32
/* erfinv(x) = x p(w), w = -log(1 - x^2): the variable of M. Giles (2010), from 5 on its root. */
CALLED_AS vec v_erfinv(vec x)
{
    static const float near[] = {-8.931926e-9, 2.3335968e-8, 4.6813136e-7, -3.4639852e-6, -4.97242e-6, 2.1834939e-4,
                                 -1.2527264e-3, -4.177393e-3, 2.4664028e-1, 1.5014094};
    static const float far[] = {1.2747638e-4, -3.1884786e-4, -7.34079e-5, 1.4959677e-3, -3.5891854e-3, 5.6831185e-3,
                                -7.638866e-3, 9.445697e-3, 1.001675, 2.8329768};
    vec w = -v_log((1 - x) * (1 + x)), p = HORNER(near, w - 2.5);
    mask beyond = w >= 5;
    return x * (any_lane(beyond) ? v_where(beyond, HORNER(far, v_sqrt(w) - 3), p) : p);
}
#else
/* The tail is taken from 1 - |x|, which is exact. */
CALLED_AS vec v_erfinv(vec x)
{
    return 0.70710678118654752440 * w_quantile(0.5 * x, 0.5 * (1 - v_abs(x)));
}
#endif
/* Poles, negative numbers and NaN one at a time. */
CALLED_AS vec v_digamma(vec x)
{
    mask odd = ~(x > 0);
    return v_mend1(rt_special_digamma, odd, x, WIDELY(w_digamma, v_where(odd, splat(1), x)));
}
CALLED_AS vec v_trigamma(vec x)
{
    mask odd = ~(x > 0);
    return v_mend1(rt_special_trigamma, odd, x, WIDELY(w_trigamma, v_where(odd, splat(1), x)));
}
CALLED(ndtri)
CALLED(i0e)
CALLED(i1e)
CALLED(i0)
CALLED(i1)
CALLED(erfcx)
CALLED(log_ndtr)
#endif
