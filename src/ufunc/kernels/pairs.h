/* pairs: numbers as an unevaluated sum high + low (T. Dekker, 1971), for functions that are right to little more
 * than half an ULP; and the hyperbolic functions, sigmoid and expm1 made of them.
 *   x = n ln 2 + r, |r| <= ln(2) / 2:  sinh x = S + C sinh r + S (cosh r - 1),  S, C = (2^n -+ 2^-n) / 2
 * Polynomials interpolate at Chebyshev's nodes.  Floor: ufunc/kernels.  Words f64, and f32 where products can be fused. */
#ifndef RT_UFUNC_KERNELS_PAIRS_H
#define RT_UFUNC_KERNELS_PAIRS_H
#include "ufunc/kernels/vector.h"

typedef struct { vec high, low; } pair;

/* a + b and what its rounding took off, for |a| >= |b| or a = 0. */
ALWAYS pair ordered_sum(vec a, vec b)
{
    vec s = a + b;
    return (pair){s, (a - s) + b};
}
/* The same in any order. */
ALWAYS pair pair_sum(vec a, vec b)
{
    vec s = a + b, t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}
ALWAYS pair pair_product(vec a, vec b)
{
    vec p = a * b;
    return (pair){p, product_rest(a, b, p)};
}
ALWAYS pair pair_times(pair a, pair b)
{
    pair p = pair_product(a.high, b.high);
    return (pair){p.high, p.low + v_mad(a.high, b.low, a.low * b.high)};
}
/* (a.high + a.low) / (b.high + b.low), as a pair. */
ALWAYS pair pair_quotient(pair a, pair b)
{
    vec inverse = 1 / b.high, q = a.high * inverse;
    return (pair){q, (v_mad(-q, b.low, a.low) - product_rest(q, b.high, a.high)) * inverse};
}
ALWAYS pair pair_root(pair a)
{
    vec s = v_sqrt(a.high);
    vec rest = (a.low - product_rest(s, s, a.high)) * (real)0.5 / s;
    return (pair){s, v_where(s == 0, splat(0), rest)};
}
ALWAYS vec pair_rounded(pair a) { return a.high + a.low; }

/* The polynomial of coefficients c[0] (highest) to c[n - 1] at x, in pairs, pairs of pairs and so on (G. Estrin,
 * 1960): more products than Horner's scheme, but a shorter chain of them. */
ALWAYS vec polynomial(const real *c, int n, vec x)
{
    vec p[8];
    int m = 0;
    if (n & 1) p[m++] = splat(c[0]);
#pragma GCC unroll 8
    for (int i = n & 1; i < n; i += 2) p[m++] = v_mad(splat(c[i]), x, splat(c[i + 1]));
#pragma GCC unroll 4
    for (int level = 0; level < 4; level++) {
        if (m == 1) break;
        x *= x;
        int odd = m & 1, half = m / 2;
#pragma GCC unroll 4
        for (int i = 0; i < half; i++) p[odd + i] = v_mad(p[odd + 2 * i], x, p[odd + 2 * i + 1]);
        m = odd + half;
    }
    return p[0];
}
#define POLYNOMIAL(c, x) polynomial(c, sizeof c / sizeof *c, x)

#if IS_F32
static const real shift = 12582912, ln2_short = 0.693359375, ln2_rest = -2.12194440e-4;
static const real exp_q[] = {1.989099082e-4, 1.393365e-3, 8.333310925e-3, 4.166646493e-2, 1.666666668e-1, 0.5};
static const real cosh_q[] = {2.485138812e-5, 0.001388886641, 0.04166666668};
static const real sinh_q[] = {0.0001989108088, 0.008333310844, 0.1666666668};
static const real expm1_q[] = {0.0001988277302, 0.001392625083, 0.008333320842, 0.04166655421, 0.1666666667};
#else
static const real shift = 6755399441055744, ln2_short = 6.93147180369123816490e-01,
                  ln2_rest = 1.90821492927058770002e-10;
/* (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2; less 1 / 2, over r */
static const real exp_q[] = {2.09146869680868772e-9, 2.51052170047207452e-8, 2.75572736431102953e-7,
    2.75572554002064244e-6, 2.48015873255477412e-5, 1.98412698748206253e-4,
    1.38888888888837483e-3, 8.33333333332613513e-3, 4.16666666666666698e-2,
    1.6666666666666671e-1, 0.5};
#define expm1_q exp_q
static const real cosh_q[] = {2.0911236630261545e-09, 2.755728296954995e-07, 2.4801587317144498e-05,
                              0.0013888888888886552, 0.041666666666666664};
static const real sinh_q[] = {2.510038549551032e-08, 2.7557268459997064e-06, 0.00019841269863053618,
                              0.008333333333330062, 0.16666666666666669};
#endif
/* x = n ln 2 + r + rest, |r| <= ln(2) / 2, for |x| < 1e6 (float32: 1e4). */
typedef struct { vec n, r, rest; } exp_argument;
ALWAYS exp_argument exp_reduced(vec x)
{
    vec n = v_mad(x, splat((real)1.44269504088896340736), splat(shift)) - shift;
    /* n times the first part has no error. */
    pair s = pair_sum(x - n * ln2_short, n * -ln2_rest);
    return (exp_argument){n, s.high, s.low};
}
/* 2^n for whole n within the exponents of normal numbers; 0 one below. */
ALWAYS vec power_of_2(vec n)
{
    return (vec)(((mask)(n + shift) - (mask)splat(shift) + BIAS) << MANTISSA);
}

/* sinh and cosh of x, 0 <= x < 606 (float32: 87). */
ALWAYS void sinh_cosh_parts(vec x, pair *s, pair *c)
{
    exp_argument a = exp_reduced(x);
    vec up = power_of_2(a.n - 1), down = power_of_2(-1 - a.n);
    pair wide = ordered_sum(up, -down), high = ordered_sum(up, down);
    vec sh = wide.high, ch = high.high;
    vec square = a.r * a.r;
    vec rise = v_mad(square * square, POLYNOMIAL(cosh_q, square), square * (real)0.5);      /* cosh r - 1 */
    vec bend = v_mad(square * a.r, POLYNOMIAL(sinh_q, square), a.rest);                     /* sinh r - r */
    pair p = pair_product(ch, a.r), t = ordered_sum(sh, p.high);
    *s = (pair){t.high, t.low + (p.low + wide.low) + v_mad(sh, rise, ch * bend)};
    p = pair_product(sh, a.r), t = ordered_sum(ch, p.high);
    *c = (pair){t.high, t.low + (p.low + high.low) + v_mad(ch, rise, sh * bend)};
}
static const real hyperbolic_end = IS_F32 ? 86.5 : 605;
/* Beyond they are exp(x) / 2, which the caller has. */
ALWAYS vec pairs_sinh(vec x)
{
    pair s, c;
    sinh_cosh_parts(v_below(splat(hyperbolic_end), v_abs(x)), &s, &c);                             /* NaN stays */
    return v_copysign(pair_rounded(s), x);
}
ALWAYS vec pairs_cosh(vec x)
{
    pair s, c;
    sinh_cosh_parts(v_below(splat(hyperbolic_end), v_abs(x)), &s, &c);
    return pair_rounded(c);
}
ALWAYS vec pairs_tanh(vec x)
{
    pair s, c;
    vec a = v_below(splat(IS_F32 ? 11 : 22), v_abs(x));
    sinh_cosh_parts(a, &s, &c);
    s = ordered_sum(s.high, s.low), c = ordered_sum(c.high, c.low);
    vec r = pair_rounded(pair_quotient(s, c)), inverse = 1 / c.high;
    if (!IS_F32) r = v_where(a > 15, 1 - inverse * inverse * (real)0.5, r);
    return v_copysign(r, x);
}
ALWAYS vec pairs_expm1(vec x)
{
    exp_argument a = exp_reduced(v_below(splat(IS_F32 ? 89 : 710), v_above(splat(IS_F32 ? -30 : -60), x)));
    vec half = power_of_2(a.n - 1);
    pair whole = pair_sum(half, splat((real)-0.5)), t = ordered_sum(whole.high, half * a.r);
    pair square = pair_product(a.r, a.r * (real)0.5), u = ordered_sum(t.high, half * square.high);
    vec rest = v_mad(square.high * a.r, 2 * polynomial(expm1_q, IS_F32 ? 5 : 10, a.r), a.rest + square.low);
    vec r = 2 * (u.high + (u.low + t.low + v_mad(half, rest, whole.low)));
    return v_where(v_abs(x) < (real)(IS_F32 ? 0x1p-30 : 0x1p-60), x, r);
}
#if !IS_F32
/* e^x for |x| < 705. */
ALWAYS pair pairs_exp(vec x)
{
    exp_argument a = exp_reduced(x);
    vec power = power_of_2(a.n);
    pair t = ordered_sum(splat(1), a.r);
    t = ordered_sum(t.high, t.low + v_mad(a.r * a.r, POLYNOMIAL(exp_q, a.r), a.rest));
    return (pair){t.high * power, t.low * power};
}
/* 1 / (1 + e^-x), given e^-|x| as a pair. */
ALWAYS pair pairs_sigmoid(vec x, pair e)
{
    pair whole = ordered_sum(splat(1), e.high);
    pair top = {v_where(x < 0, e.high, splat(1)), v_where(x < 0, e.low, splat(0))};
    whole.low += e.low;
    return pair_quotient(top, whole);
}
#endif
#endif
