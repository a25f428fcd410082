/* short: functions of 16-bit floats in single precision, good to 2^-20 (float16) or 2^-17 of the result, so that its
 * rounding to 11 or 8 bits is nearly all of the error.  Their own, as a float32 function carries what it must to be
 * right to 24 bits: with the conversions it would cost more than float32.  Polynomials interpolate at Chebyshev's
 * nodes.  Floor: ufunc/kernels.  Words f16 and bf16 only. */
#ifndef RT_UFUNC_KERNELS_SHORT_H
#define RT_UFUNC_KERNELS_SHORT_H
#include "ufunc/kernels/elementary.h"
#if defined(__AVX512F__)
#include "ufunc/kernels/short_tables.h"
#endif

/* e^x 2^scale as 2^n (1 + f p(f)), x / ln 2 = n + f; bounded where a result vanishes or overflows for certain. */
ALWAYS vec short_exp_scaled(vec x, int scale)
{
    static const float p[] = {0.000154531634, 0.00133908633, 0.00961808302, 0.0555035695, 0.240226507, 0.693147182};
    const float low = IS_F16 ? -30 : -110, high = -low;
    vec a = v_below(splat(high), v_above(splat(low), x));               /* NaN stays */
    vec shifted = v_mad(a, splat(1.44269504), splat((float)(12582912 + scale))), n = shifted - 12582912;
    vec f = v_mad(a, splat(1.44269504), (float)scale - n), r = v_mad(HORNER(p, f), f, splat(1));
#if defined(__AVX512F__)
    return (vec)_mm512_scalef_ps((__m512)r, (__m512)n);
#elif IS_F16
    return (vec)((mask)r + ((mask)shifted << 23));
#else
    mask e = (mask)shifted - 0x4b400000, half = e >> 1;                 /* in two factors: the result may be denormal */
    return (vec)((mask)r + (half << 23)) * (vec)((e - half + 127) << 23);
#endif
}
ALWAYS vec short_exp(vec x) { return short_exp_scaled(x, 0); }
/* 1 / (1 + e^-x); of bfloat16 e^-x is kept smaller, as it may overflow where the result does not vanish. */
ALWAYS vec short_logistic(vec x)
{
    const float scale = IS_F16 ? 1 : 0x1p-64f;
    vec r = single_inverse(short_exp_scaled(-x, IS_F16 ? 0 : -64) + scale);
    return IS_F16 ? v_where(x == -INFINITY, splat(0), r) : r * scale;
}
#if defined(__AVX512F__)
/* base + r slope around centres in equal steps: x to the nearest of `per_unit` in 1. */
ALWAYS vec short_steps(const float (*f)[32], vec x, float per_unit)
{
    mask i = (mask)v_mad(x, splat(per_unit), splat(12582912));
    vec r = x - piece_at(f[0], i), q = piece_at(f[5], i);
#pragma GCC unroll 4
    for (int j = 4; j > 0; j--) q = v_mad(q, r, piece_at(f[j], i));
    return q;
}
ALWAYS vec short_sigmoid(vec x)
{
    vec r = short_steps(short_sigmoid_pieces, x, 2);
    mask far = ~(v_abs(x) < 7.75);
    return any_lane(far) ? v_where(far, short_logistic(x), r) : r;
}
ALWAYS vec short_gelu(vec x)
{
    vec tail = short_steps(short_tail_pieces, v_abs(x), 6), r = x * v_where(x < 0, tail, 1 - tail);
    mask far = ~(v_abs(x) < 5.2);
    return any_lane(far) ? v_where(far, v_widely(w_gelu, x), r) : r;
}
#else
ALWAYS vec short_sigmoid(vec x) { return short_logistic(x); }
ALWAYS vec short_gelu(vec x) { return v_gelu(x); }
#endif
/* Of -inf NaN, as the product. */
ALWAYS vec short_silu(vec x) { return x * short_sigmoid(x); }

/* sin(x + turns pi / 2): x = q pi / 2 + r.  Multiples of -pi / 2's parts are negative zeros with q = 0: sin(-0) is -0. */
ALWAYS vec short_quarter(vec x, int turns)
{
    static const float s[] = {-0.000195878907, 0.00833274797, -0.166666642};
    static const float c[] = {2.44637886e-05, -0.00138875889, 0.0416666493, -0.5};
    vec shifted = v_mad(x, splat(0.636619772), splat(12582912)), q = shifted - 12582912;
    vec r = v_mad(q, splat(-7.54978942e-8), v_mad(q, splat(-1.57079625), x)), square = r * r;
    vec sine = r * v_mad(HORNER(s, square), square, splat(1)), cosine = v_mad(HORNER(c, square), square, splat(1));
    mask k = (mask)shifted + turns;
    return (vec)((mask)v_where(-(k & 1), cosine, sine) ^ ((k & 2) << 30));
}
#if IS_F16
ALWAYS vec short_sin(vec x) { return short_quarter(x, 0); }
ALWAYS vec short_cos(vec x) { return short_quarter(x, 1); }
#else
#define SHORT_ANGULAR(f, turns) \
    ALWAYS vec short_##f(vec x) \
    { \
        vec r = short_quarter(x, turns); \
        mask far = ~(v_abs(x) < 0x1p20f); \
        return any_lane(far) ? v_where(far, v_##f(x), r) : r; \
    }
SHORT_ANGULAR(sin, 0)
SHORT_ANGULAR(cos, 1)
#undef SHORT_ANGULAR
#endif

#if defined(__AVX512F__)
/* x = 2^n m, m within 0.75 and 1.5; c near 1 / m by the first five bits of m, r = m c - 1: n ln 2 - log c + log1p(r).
 * What is not above 0 and finite goes by the processor's own exponents and NaNs. */
ALWAYS vec short_log(vec x)
{
    static const float inverse[32] __attribute__((aligned(64))) = {
        1, 0.953125, 0.9296875, 0.8984375, 0.875, 0.8515625, 0.828125, 0.8125, 0.7890625, 0.7734375, 0.75, 0.734375,
        0.71875, 0.703125, 0.6875, 0.671875, 1.3203125, 1.2890625, 1.265625, 1.2421875, 1.21875, 1.1953125, 1.171875,
        1.15625, 1.1328125, 1.109375, 1.09375, 1.078125, 1.0546875, 1.0390625, 1.0234375, 1};
    static const float minus_log[32] __attribute__((aligned(64))) = {
        0, 0.0480092205, 0.0729067698, 0.107098132, 0.133531392, 0.16068238, 0.188591167, 0.207639366, 0.236909747,
        0.256910414, 0.287682086, 0.30873549, 0.33024168, 0.352220595, 0.374693453, 0.397682965, -0.27786845,
        -0.25391522, -0.235566065, -0.216873944, -0.197825745, -0.178407654, -0.158605024, -0.145182014, -0.124703482,
        -0.103796795, -0.0896121562, -0.0752234235, -0.0532445163, -0.038318865, -0.0231670588, 0};
    static const float q[] = {-0.246984869, 0.333418131, -0.500000477};
    __m512 m = _mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
    vec n = (vec)_mm512_sub_ps(_mm512_getexp_ps((__m512)x), _mm512_getexp_ps(m));
    mask i = (mask)_mm512_srli_epi32((__m512i)m, 18);
    vec r = v_mad((vec)m, piece_at(inverse, i), splat(-1));
    return v_mad(r * r, HORNER(q, r), r + v_mad(n, splat(0.693147182), piece_at(minus_log, i)));
}
/* An odd function: |x| up to `limit`, where it is constant. */
ALWAYS vec short_odd(short_pieces f, vec x, float limit)
{
    vec a = v_below(splat(limit), v_abs(x));                            /* NaN stays */
    __m512i k = _mm512_sub_epi32(_mm512_srli_epi32((__m512i)a, 21), _mm512_set1_epi32((127 - 4) << 2));
    mask i = (mask)_mm512_max_epi32(k, _mm512_setzero_si512());
    vec r = a - piece_at(f[0], i), q = piece_at(f[SHORT_DEGREE + 1], i);
#pragma GCC unroll 4
    for (int j = SHORT_DEGREE; j > 0; j--) q = v_mad(q, r, piece_at(f[j], i));
    return v_copysign(q, x);
}
ALWAYS vec short_tanh(vec x) { return short_odd(short_tanh_pieces, x, 10); }
ALWAYS vec short_erf(vec x) { return short_odd(short_erf_pieces, x, 4); }
#else
ALWAYS vec short_log(vec x) { return v_log(x); }
ALWAYS vec short_erf(vec x) { return v_erf(x); }
/* x + x^3 p(x^2), from 0.6 on (1 - e) / (1 + e), e = e^-2|x|. */
ALWAYS vec short_tanh(vec x)
{
    static const float p[] = {-0.00626911968, 0.0211109594, -0.0538739488, 0.133329153, -0.333333313};
    vec a = v_abs(x), square = a * a, e = short_exp(-2 * a);
    vec near = v_mad(HORNER(p, square), square, splat(1)) * x;
    return v_where(a < 0.6, near, v_copysign((1 - e) / (1 + e), x));
}
#endif
#endif
