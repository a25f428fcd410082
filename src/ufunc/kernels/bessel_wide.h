/* bessel_wide: the Bessel functions J, Y and K of orders 0 and 1 over vectors of double precision, as special_wide.h.
 * J and Y up to 8: a series in x x, divided by the zeros of J so that they are hit exactly; beyond, Hankel's form
 * sqrt(2 / (pi x)) (P cos chi - Q sin chi) (DLMF 10.17.3) with P and Q as series in 64 / (x x).  K up to 2: the
 * logarithm is split off, with I by its power series; beyond, a series in 1 / x.  Floor: ufunc/kernels.
 * Words f32 and f64. */
#ifndef RT_UFUNC_KERNELS_BESSEL_WIDE_H
#define RT_UFUNC_KERNELS_BESSEL_WIDE_H
#include "ufunc/kernels/bessel_tables.h"
#include "ufunc/kernels/special_wide.h"

#define SERIES(table, few, t) w_chebyshev(table, TERMS(table, few), t)
#define INVERSE_PI (double)0.31830988618379067154L
#define TWO_OVER_PI (double)0.63661977236758134308L

/* x x - r r for the zero r = high + low. */
ALWAYS wide w_from_zero(wide x, double high, double low) { return (x - high - low) * (x + high); }
/* For x within 0 and 8. */
ALWAYS wide w_j0_near(wide x)
{
    wide first = w_from_zero(x, (double)2.404825557695773L, (double)-1.176691651530894e-16L);
    wide second = w_from_zero(x, (double)5.520078110286311L, (double)8.088597146146722e-17L);
    return first * second * SERIES(j0_near, 11, x * x * 0.03125 - 1);
}
ALWAYS wide w_j1_near(wide x)
{
    wide first = w_from_zero(x, (double)3.8317059702075125L, (double)-1.5269184090088067e-16L);
    wide second = w_from_zero(x, (double)7.015586669815619L, (double)-9.414165653410389e-17L);
    return x * first * second * SERIES(j1_near, 10, x * x * 0.03125 - 1);
}

/* cos(x) + sin(x) and sin(x) - cos(x). */
typedef struct { wide sum, difference; } eighth_turns;
#if IS_F32
ALWAYS wide w_mend(double (*f)(double), wide x, wide r)
{
    for (unsigned i = 0; i < sizeof x / sizeof x[0]; i++) if (!(x[i] < 0x1p20)) r[i] = f(x[i]);
    return r;
}
ALWAYS eighth_turns eighth_turns_of(wide x)
{
    wide_mask far = ~(x < 0x1p20);
    wide y = w_where(far, w_splat(8), x), s = w_sin(y), c = w_cos(y);
    if (any_wide(far)) s = w_mend(sin, x, s), c = w_mend(cos, x, c);
    return (eighth_turns){c + s, s - c};
}
#else
/* The one that cancels by cos(2 x), which is their product. */
ALWAYS eighth_turns eighth_turns_of(wide x)
{
    wide s = v_sin(x), c = v_cos(x), sum = c + s, difference = s - c;
    wide_mask turned = s * c < 0, near = x < 1e300;
    wide other = -v_cos(2 * w_where(near, x, w_splat(1))) / w_where(turned, difference, sum);
    return (eighth_turns){w_where(turned & near, other, sum), w_where(~turned & near, other, difference)};
}
#endif
/* sqrt(1 / (pi x)) (p a + q b / x), x from 8 on. */
ALWAYS wide w_hankel(wide x, wide p, wide q, wide a, wide b)
{
    wide r = w_sqrt(INVERSE_PI / x) * w_mad(p, a, q / x * b);
    return w_where(x == (double)INFINITY, w_splat(0), r);
}
ALWAYS wide hankel_argument(wide x) { return 128 / (x * x) - 1; }

ALWAYS wide w_bessel_j0(wide x)
{
    wide a = w_abs(x), r = a;
    wide_mask far = a > 8;
    if (any_wide(~far)) r = w_j0_near(w_where(far, w_splat(0), a));
    if (any_wide(far)) {
        wide b = w_where(far, a, w_splat(8)), t = hankel_argument(b);
        eighth_turns e = eighth_turns_of(b);
        r = w_where(far, w_hankel(b, SERIES(bessel_p0, 4, t), -SERIES(bessel_q0, 6, t), e.sum, e.difference), r);
    }
    return r;
}
ALWAYS wide w_bessel_j1(wide x)
{
    wide a = w_abs(x), r = a;
    wide_mask far = a > 8;
    if (any_wide(~far)) r = w_j1_near(w_where(far, w_splat(0), a));
    if (any_wide(far)) {
        wide b = w_where(far, a, w_splat(8)), t = hankel_argument(b);
        eighth_turns e = eighth_turns_of(b);
        r = w_where(far, w_hankel(b, SERIES(bessel_p1, 5, t), SERIES(bessel_q1, 5, t), e.difference, e.sum), r);
    }
    return (wide)((wide_mask)r ^ ((wide_mask)x & INT64_MIN));
}
/* r where x is above 0, else the pole or NaN. */
ALWAYS wide from_pole(wide x, double pole, wide r)
{
    return w_where(x > 0, r, w_where(x == 0, w_splat(pole), w_splat(NAN)));
}
ALWAYS wide w_bessel_y0(wide x)
{
    wide_mask far = x > 8, near = (x > 0) & ~far;
    wide r = x;
    if (any_wide(near)) {
        wide b = w_where(near, x, w_splat(1));
        r = TWO_OVER_PI * w_log(b) * w_j0_near(b) + SERIES(y0_near, 14, b * b * 0.03125 - 1);
    }
    if (any_wide(far)) {
        wide b = w_where(far, x, w_splat(8)), t = hankel_argument(b);
        eighth_turns e = eighth_turns_of(b);
        r = w_where(far, w_hankel(b, SERIES(bessel_p0, 4, t), SERIES(bessel_q0, 6, t), e.difference, e.sum), r);
    }
    return from_pole(x, -(double)INFINITY, r);
}
ALWAYS wide w_bessel_y1(wide x)
{
    wide_mask far = x > 8, near = (x > 0) & ~far;
    wide r = x;
    if (any_wide(near)) {
        wide b = w_where(near, x, w_splat(1));
        r = TWO_OVER_PI * (w_log(b) * w_j1_near(b) - 1 / b) + b * SERIES(y1_near, 14, b * b * 0.03125 - 1);
    }
    if (any_wide(far)) {
        wide b = w_where(far, x, w_splat(8)), t = hankel_argument(b);
        eighth_turns e = eighth_turns_of(b);
        r = w_where(far, w_hankel(b, -SERIES(bessel_p1, 5, t), SERIES(bessel_q1, 5, t), e.sum, e.difference), r);
    }
    return from_pole(x, -(double)INFINITY, r);
}

/* K(x) e^(x where scaled), of order 0 or 1. */
ALWAYS wide w_bessel_k(wide x, int order, int scaled)
{
    /* 1 / (k! k!) and 1 / (k! (k + 1)!), the highest k first */
    static const double i0[] = {4.358389823304995e-18L, 6.276081345559193e-16L, 7.594058428126623e-14L,
                                7.594058428126624e-12L, 6.151187326782565e-10L, 3.936759889140842e-08L,
                                1.9290123456790124e-06L, 6.944444444444444e-05L, 0.001736111111111111L,
                                0.027777777777777776L, 0.25L, 1.0L, 1.0L};
    static const double i1[] = {5.230067787965994e-17L, 6.903689480115112e-15L, 7.594058428126623e-13L,
                                6.834652585313961e-11L, 4.920949861426052e-09L, 2.755731922398589e-07L,
                                1.1574074074074073e-05L, 0.00034722222222222224L, 0.006944444444444444L,
                                0.08333333333333333L, 0.5L, 1.0L};
    const double end = IS_F32 ? 690 : 746;
    wide_mask far = x > 2, near = (x > 0) & ~far;
    wide r = x;
    if (any_wide(near)) {
        wide b = w_where(near, x, w_splat(1)), half = b * 0.5, z = half * half, t = 2 * z - 1, log_half = w_log(half);
        r = order ? SERIES(k1_near, 7, t) / b + log_half * half * w_polynomial(i1, 12, z)
                  : SERIES(k0_near, 9, t) - log_half * w_polynomial(i0, 13, z);
        if (scaled) r *= w_exp(b);
    }
    if (any_wide(far)) {
        wide b = w_where(far, x, w_splat(2)), t = 4 / b - 1;
        wide s = (order ? SERIES(k1_far, 10, t) : SERIES(k0_far, 10, t)) / w_sqrt(b);
        if (!scaled) s = w_where(b < end, s * w_exp(-w_where(b < end, b, w_splat(2))), w_splat(0));
        r = w_where(far, s, r);
    }
    return from_pole(x, (double)INFINITY, r);
}
ALWAYS wide w_modified_bessel_k0(wide x) { return w_bessel_k(x, 0, 0); }
ALWAYS wide w_modified_bessel_k1(wide x) { return w_bessel_k(x, 1, 0); }
ALWAYS wide w_scaled_modified_bessel_k0(wide x) { return w_bessel_k(x, 0, 1); }
ALWAYS wide w_scaled_modified_bessel_k1(wide x) { return w_bessel_k(x, 1, 1); }

CALLED(bessel_j0)
CALLED(bessel_j1)
CALLED(bessel_y0)
CALLED(bessel_y1)
CALLED(modified_bessel_k0)
CALLED(modified_bessel_k1)
CALLED(scaled_modified_bessel_k0)
CALLED(scaled_modified_bessel_k1)
#endif
