/* single: the float32 functions that networks use most, in single precision: exponential parts, logarithms, sigmoid,
 * silu, erf, tanh and the normal distribution.  What rounding takes off is carried where 1 ULP asks for it.  With
 * AVX-512 sigmoid, erf, tanh and the normal distribution are piecewise polynomials (piecewise.h); without fused
 * products some go through double (wide.h).  Polynomials interpolate at Chebyshev's nodes.
 * Floor: ufunc/kernels.  Word f32 only. */
#ifndef RT_UFUNC_KERNELS_SINGLE_H
#define RT_UFUNC_KERNELS_SINGLE_H
#include <math.h>
#include "ufunc/kernels/wide_inverse.h"
#if defined(__AVX512F__)
#include "ufunc/kernels/piecewise.h"
#include "ufunc/kernels/single_tables.h"
#endif

#define HORNER(c, x) horner(c, sizeof c / sizeof *c, x)
ALWAYS vec horner(const float *c, int n, vec x)
{
    vec p = splat(c[0]);
#pragma GCC unroll 16
    for (int i = 1; i < n; i++) p = v_mad(p, x, splat(c[i]));
    return p;
}

/* e^(x + rest) 2^scale = power (1 + p) for |x| < 87, x = n ln 2 + r, p good to 2^-24 of 1. */
typedef struct { vec p, power; } single_exp;
ALWAYS single_exp single_exp_parts(vec x, vec rest, int scale)
{
    static const float q[] = {1.989108e-4, 1.3933731e-3, 8.3333105e-3, 4.1666463e-2, 1.6666667e-1, 0.5};
    vec shifted = v_mad(x, splat(1.44269504088896340736), splat(12582912)), n = shifted - 12582912;
    vec r = v_mad(n, splat(2.12194440e-4), v_mad(n, splat(-0.693359375), x)) + rest;
    return (single_exp){v_mad(HORNER(q, r), r * r, r), (vec)(((mask)shifted << 23) + ((127 + scale) << 23))};
}
/* 1 / x, good to 2 ULP, x normal and below 2^126. */
ALWAYS vec single_inverse(vec x)
{
#if defined(__AVX512F__)
    vec s = (vec)_mm512_rcp14_ps((__m512)x);                            /* one step makes 14 bits 28 */
    return v_mad(s, v_mad(-s, x, splat(1)), s);
#else
    return 1 / x;
#endif
}

#if defined(__AVX512F__)
/* log(x) + c, c below an ULP of x = 2^n m, m within 0.75 and 1.5: n log 2 - log(i) + log1p(r), i near 1 / m, r = m i - 1,
 * |r| < 1 / 32.  The processor's exponents are right for denormal numbers, too. */
ALWAYS vec single_log(vec x, vec c, const single_base *base)
{
    const float k = base->factor, q[] = {0.196660504 * k, -0.250085324 * k, 0.333334386 * k, -0.5 * k};
    __m512 m = _mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
    vec n = (vec)_mm512_sub_ps(_mm512_getexp_ps((__m512)x), _mm512_getexp_ps(m));
    mask i = (mask)_mm512_srli_epi32((__m512i)m, 18);
    vec r = v_mad((vec)m, piece_at(log_inverse, i), splat(-1)), p = HORNER(q, r), f = r;
    vec high = v_mad(n, splat(base->two), piece_at(base->high, i)), low = piece_at(base->low, i) + c;
    if (base->two_rest != 0) low = v_mad(n, splat(base->two_rest), low);
    if (k != 1) {
        f = r * k;
        low = v_mad(r, splat(base->factor_rest), low + v_mad(r, splat(k), -f));
    }
    vec sum = high + f;
    r = sum + v_mad(r * r, p, ((high - sum) + f) + low);
    /* As an unsigned number, bits - 1 is this large for what is not above 0 and finite. */
    const __m512i bits = (__m512i)((mask)x - 1), end = _mm512_set1_epi32(0x7f7fffff);
    if (!_mm512_cmpge_epu32_mask(bits, end)) return r;
    r = v_where((x > 0) & (x < INFINITY), r, x + x);                    /* inf and NaN */
    return v_where(x < 0, splat(NAN), v_where(x == 0, splat(-INFINITY), r));
}
#else
/* A logarithm's base: log 2 (its first part short, so that n times it is exact), 1 / log of the base. */
typedef struct { float two, two_rest, factor, factor_rest; } single_base;
static const single_base single_e = {0.693359375, -2.12194440e-4, 1, 0};
static const single_base single_2 = {1, 0, 1.44269504, 1.92596299e-8};
static const single_base single_10 = {0.301025390625, 4.6050389811952e-6, 0.4342944920063, -1.0103050118726031e-8};

/* log(x 2^n_more) + c, c below an ULP of x = 2^e m, normal: log m = f - f^2 / 2 + f^3 q(f), f = m - 1, m within
 * sqrt(1/2) and sqrt(2). */
ALWAYS vec single_log_core(vec x, float n_more, vec c, const single_base *base)
{
    static const float q[] = {0.06971346319, -0.1148308133, 0.1168702488, -0.1242535982, 0.1424887698,
                              -0.1666780977, 0.2000072074, -0.2499999693, 0.3333333116};
    mask e = ((mask)x - 0x3f3504f3) >> 23;
    vec f = (vec)((mask)x - (e << 23)) - 1, square = f * f;
    vec n = __builtin_convertvector(e, vec) + n_more;
    vec p = v_mad(square, splat(-0.5), v_mad(HORNER(q, f) * f, square, c));
    if (base->factor == 1) return v_mad(n, splat(base->two), f + v_mad(n, splat(base->two_rest), p));
    vec high = f * base->factor, t = n * base->two, sum = t + high;     /* t is 0 or above high */
    vec low = v_mad(f, splat(base->factor), -high) + v_mad(f, splat(base->factor_rest), n * base->two_rest);
    return sum + (((t - sum) + high) + v_mad(p, splat(base->factor), low));
}
ALWAYS vec single_log(vec x, vec c, const single_base *base)
{
    vec r = single_log_core(x, 0, c, base);
    mask odd = ~((x >= 0x1p-126f) & (x < INFINITY));
    if (!any_lane(odd)) return r;
    r = v_where(x < 0x1p-126f, single_log_core(x * 0x1p23f, -23, c, base), r);
    r = v_where((x > 0) & (x < INFINITY), r, x + x);                    /* inf and NaN */
    return v_where(x < 0, splat(NAN), v_where(x == 0, splat(-INFINITY), r));
}
#endif
ALWAYS vec v_log(vec x) { return single_log(x, splat(0), &single_e); }
#if defined(__FMA__)
ALWAYS vec v_log2(vec x) { return single_log(x, splat(0), &single_2); }
ALWAYS vec v_log10(vec x) { return single_log(x, splat(0), &single_10); }
#endif
/* log(u) with u = 1 + x rounded, and what the rounding took off: (x - (u - 1)) / u. */
ALWAYS vec v_log1p(vec x)
{
    vec u = 1 + x;
    return v_where(x == 0, x, single_log(u, (x - (u - 1)) / u, &single_e));
}

#if defined(__FMA__)
/* top / (1 + e^-x), |x| < 86, e^-x = power (1 + p), with what the roundings of the sum took off. */
ALWAYS vec single_logistic(vec top, vec x)
{
    single_exp e = single_exp_parts(-x, splat(-0.0), 0);
    vec high = 1 + e.power, sum = v_mad(e.power, e.p, high);
    vec lost = (v_above(splat(1), e.power) - high) + v_below(splat(1), e.power);
    vec rest = v_mad(e.power, e.p, high - sum) + lost, s = single_inverse(sum), q = top * s;
    return v_mad(s, v_mad(-q, rest, v_mad(-q, sum, top)), q);
}
/* Lanes far out, where a result may be denormal, are computed in double. */
ALWAYS vec single_sigmoid(vec x)
{
    vec s = single_logistic(splat(1), x);
    return all_below(v_abs(x), 86) ? s : v_where(v_abs(x) < 86, s, v_widely(w_sigmoid, x));
}
ALWAYS vec single_silu(vec x)
{
    vec r = v_copysign(single_logistic(x, x), x);
    return all_below(v_abs(x), 86) ? r : v_where(v_abs(x) < 86, r, v_widely(w_silu, x));
}
#if defined(__AVX512F__)
ALWAYS vec v_sigmoid(vec x)
{
    vec s = piecewise_steps(sigmoid_pieces, x, 2);
    return all_below(v_abs(x), 7.75) ? s : v_where(v_abs(x) < 7.75, s, single_sigmoid(x));
}
ALWAYS vec v_silu(vec x)
{
    vec r = piecewise_times(sigmoid_pieces, x, 2);
    return all_below(v_abs(x), 7.75) ? r : v_where(v_abs(x) < 7.75, r, single_silu(x));
}
ALWAYS vec v_tanh(vec x) { return piecewise_odd(tanh_pieces, x, 10); }
ALWAYS vec v_erf(vec x) { return piecewise_odd(erf_pieces, x, 4); }
#else
ALWAYS vec v_sigmoid(vec x) { return single_sigmoid(x); }
ALWAYS vec v_silu(vec x) { return single_silu(x); }
ALWAYS vec v_tanh(vec x) { return v_widely(w_tanh, x); }
/* a + a near(a^2) up to 1, from there 1 - e^-(a + a far(a)), constant from 4 on. */
ALWAYS vec v_erf(vec x)
{
    static const float near[] = {7.875875e-5, -8.0168643e-4, 5.1890872e-3, -2.6854211e-2, 1.1283594e-1,
                                 -3.7612626e-1, 1.2837917e-1};
    static const float far[] = {1.3323425e-7, -3.2290707e-6, 3.284118e-5, -1.6728262e-4, 2.4945254e-4, 2.5132408e-3,
                                -2.2383507e-2, 1.0523094e-1, 6.3554853e-1, 1.2858441e-1};
    vec a = v_below(splat(4), v_abs(x)), b = a * a;
    single_exp e = single_exp_parts(-v_mad(HORNER(far, a), a, a), splat(-0.0), 0);
    vec outside = 1 - v_mad(e.power, e.p, e.power);
    return v_copysign(v_where(a < 1, v_mad(HORNER(near, b), a, a), outside), x);
}
#endif
#else
ALWAYS vec v_sigmoid(vec x) { return v_widely(w_sigmoid, x); }
ALWAYS vec v_silu(vec x) { return v_widely(w_silu, x); }
ALWAYS vec v_tanh(vec x) { return v_widely(w_tanh, x); }
ALWAYS vec v_erf(vec x) { return v_widely(w_erf, x); }
#endif

#if !defined(__AVX512F__)
/* The normal distribution function.  Its tail is e^(-a a / 2) t p(t), a = |x|, t = 1 / (1 + 0.4 a), p interpolated for
 * a up to 14.5 and the rounding of a a made good: within 6 ULP where it is a normal number. */
ALWAYS vec single_ndtr(vec x)
{
    static const float q[] = {0.032382736719110926, -0.177801668547144, 0.38476623811137367, -0.3774354213424865,
                              0.12235715126099876, -0.02836173077219046, 0.09183984905131697, 0.13303907622051517,
                              0.15963836624328573, 0.15957540995908534};
    vec a = v_below(splat(15), v_abs(x)), t = single_inverse(v_mad(a, splat(0.4), splat(1))), b = a * a;
    /* 2^64 is put in and taken out: the tail is rounded once where it is denormal. */
    single_exp e = single_exp_parts(b * -0.5, product_rest(a, a, b) * -0.5, 64);
    vec tail = v_mad(e.power, e.p, e.power) * (t * HORNER(q, t) * 0x1p-64);
    return v_where(x < 0, tail, 1 - tail);
}
#endif
#if defined(__AVX512F__)
/* 1 - tail where x is positive, tail where it is not, for |x| < 5.2, as high + low. */
typedef struct { vec high, low; } ndtr_parts;
ALWAYS ndtr_parts piecewise_ndtr(vec x)
{
    piece_sum s = piecewise_parts(tail_pieces, v_abs(x), 6);
    vec rise = s.r * s.slope, less = 1 - s.base, lost = (1 - less) - s.base;
    return (ndtr_parts){v_where(x < 0, s.base, less), v_where(x < 0, rise, lost - rise)};
}
ALWAYS vec v_ndtr(vec x)
{
    ndtr_parts s = piecewise_ndtr(x);
    vec r = s.high + s.low;
    return all_below(v_abs(x), 5.2) ? r : v_where(v_abs(x) < 5.2, r, v_widely(w_ndtr, x));
}
ALWAYS vec v_gelu(vec x)
{
    ndtr_parts s = piecewise_ndtr(x);
    vec r = v_copysign(v_mad(x, s.high, x * s.low), x);
    return all_below(v_abs(x), 5.2) ? r : v_where(v_abs(x) < 5.2, r, v_widely(w_gelu, x));
}
#else
ALWAYS vec v_ndtr(vec x) { return single_ndtr(x); }
ALWAYS vec v_gelu(vec x) { return x * v_ndtr(x); }
#endif
/* log(x / (1 - x)): what rounding took off the quotient is added to the logarithm. */
ALWAYS vec v_logit(vec x)
{
    vec less = 1 - x, q = x / less, lost = product_rest(q, less, x) + q * ((1 - less) - x);
    return single_log(q, v_where((x > 0) & (x < 1), -lost / x, splat(0)), &single_e);
}
#endif
