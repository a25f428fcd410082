/* wide: float32 functions computed in double, where a short polynomial is good for nearly half an
 * ULP in float32 and faster than the tricks that single precision would need.
 *
 *   vec  [a b c d e f g h]  ->  wide [a b c d], [e f g h]  ->  f  ->  vec
 *
 * Relative errors of the cores are below 2^-29.  Numbers carry an L where single precision
 * would not hold them (word f32 is compiled with -fsingle-precision-constant).  Floor: ufunc/kernels.  Word f32 only. */
#ifndef RT_UFUNC_KERNELS_WIDE_H
#define RT_UFUNC_KERNELS_WIDE_H
#include <math.h>
#include "ufunc/kernels/vector.h"

typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t wide_mask __attribute__((vector_size(VECTOR_BYTES)));

ALWAYS wide w_splat(double a) { return a - (wide){0}; }
ALWAYS wide w_where(wide_mask c, wide a, wide b)
{
#if defined(__AVX512F__)
    return (wide)_mm512_ternarylogic_epi64((__m512i)c, (__m512i)a, (__m512i)b, 0xca);
#elif defined(__AVX2__)
    return (wide)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)c);
#else
    return (wide)((c & (wide_mask)a) | (~c & (wide_mask)b));
#endif
}
ALWAYS wide w_mad(wide a, wide b, wide c)
{
#if defined(__AVX512F__)
    return (wide)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (wide)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}
ALWAYS wide w_abs(wide x) { return (wide)((wide_mask)x & INT64_MAX); }
ALWAYS wide w_copysign(wide x, wide y)
{
    return (wide)(((wide_mask)x & INT64_MAX) | ((wide_mask)y & INT64_MIN));
}
ALWAYS wide w_polynomial(const double *c, int n, wide x)
{
    wide p = w_splat(c[0]);
#pragma GCC unroll 16
    for (int i = 1; i < n; i++) p = w_mad(p, x, w_splat(c[i]));
    return p;
}
/* a > b ? a : b and a < b ? a : b, as v_above and v_below. */
#if defined(__AVX512F__)
ALWAYS wide w_above(wide a, wide b) { return (wide)_mm512_max_pd((__m512d)a, (__m512d)b); }
ALWAYS wide w_below(wide a, wide b) { return (wide)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif defined(__AVX2__)
ALWAYS wide w_above(wide a, wide b) { return (wide)_mm256_max_pd((__m256d)a, (__m256d)b); }
ALWAYS wide w_below(wide a, wide b) { return (wide)_mm256_min_pd((__m256d)a, (__m256d)b); }
#else
ALWAYS wide w_above(wide a, wide b) { return w_where(a > b, a, b); }
ALWAYS wide w_below(wide a, wide b) { return w_where(a < b, a, b); }
#endif
/* The lower and the upper half of x in double precision, and back. */
typedef struct { wide low, high; } wides;
ALWAYS wides widened(vec x)
{
#if defined(__AVX512F__)
    return (wides){(wide)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)),
                   (wide)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1))};
#elif defined(__AVX2__)
    return (wides){(wide)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)),
                   (wide)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1))};
#elif defined(__SSE4_1__)
    return (wides){(wide)_mm_cvtps_pd((__m128)x), (wide)_mm_cvtps_pd(_mm_movehl_ps((__m128)x, (__m128)x))};
#else
    wide parts[2];
    for (int i = 0; i < LANES; i++) parts[i / (LANES / 2)][i % (LANES / 2)] = x[i];
    return (wides){parts[0], parts[1]};
#endif
}
ALWAYS vec narrowed(wides a)
{
#if defined(__AVX512F__)
    __m256 parts[2] = {_mm512_cvtpd_ps((__m512d)a.low), _mm512_cvtpd_ps((__m512d)a.high)};
    return (vec)_mm512_insertf32x8(_mm512_castps256_ps512(parts[0]), parts[1], 1);
#elif defined(__AVX2__)
    return (vec)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)a.high), _mm256_cvtpd_ps((__m256d)a.low));
#elif defined(__SSE4_1__)
    return (vec)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)a.low), _mm_cvtpd_ps((__m128d)a.high));
#else
    vec x;
    for (int i = 0; i < LANES; i++) x[i] = (float)(i < LANES / 2 ? a.low[i] : a.high[i - LANES / 2]);
    return x;
#endif
}
ALWAYS vec v_widely(wide (*f)(wide), vec x)
{
    wides a = widened(x);
    return narrowed((wides){f(a.low), f(a.high)});
}
ALWAYS vec v_widely2(wide (*f)(wide, wide), vec x, vec y)
{
    wides a = widened(x), b = widened(y);
    return narrowed((wides){f(a.low, b.low), f(a.high, b.high)});
}

/* x = n ln 2 + r, |r| <= ln(2) / 2, for |x| < 700: returns r + r^2 q(r) = exp(r) - 1, and 2^n. */
ALWAYS wide w_exp_parts(wide x, wide *power)
{
    static const double q[] = {0.00019890990824673654L, 0.001393364999630925L, 0.0083333109254809008L,
                               0.041666464925285905L, 0.16666666681623231L, 0.50000000134658092L};
    const double magic = 6755399441055744;
    wide shifted = w_mad(x, w_splat(1.44269504088896340736L), w_splat(magic)), n = shifted - magic;
    wide r = w_mad(n, w_splat(-0.693147180559945309417L), x);
    *power = (wide)((((wide_mask)shifted - (wide_mask)w_splat(magic)) + 1023) << 52);
    return w_mad(r * r, w_polynomial(q, 6, r), r);
}
ALWAYS wide w_exp(wide x)
{
    wide power, p = w_exp_parts(x, &power);
    return w_mad(p, power, power);
}
/* Relative error is kept near 0, where the power is 1. */
ALWAYS wide w_expm1(wide x)
{
    wide power, p = w_exp_parts(x, &power);
    return w_mad(p, power, power - 1);
}
ALWAYS wide w_bounded(wide x, double low, double high)
{
    return w_below(w_splat(high), w_above(w_splat(low), x));             /* NaN stays */
}

ALWAYS wide w_expm1_all(wide x)
{
    wide e = w_expm1(w_bounded(x, -40, 100));
    return w_where(x == 0, x, e);
}
ALWAYS wide w_tanh(wide x)
{
    wide e = w_expm1(w_bounded(2 * w_abs(x), 0, 40));
    return w_copysign(e / (e + 2), x);
}
ALWAYS wide w_sinh(wide x)
{
    wide e = w_expm1(w_bounded(w_abs(x), 0, 100));
    return w_copysign(0.5 * (e + e / (e + 1)), x);
}
ALWAYS wide w_cosh(wide x)
{
    wide e = w_exp(w_bounded(w_abs(x), 0, 100));
    return 0.5 * (e + 1 / e);
}
ALWAYS wide w_sigmoid(wide x) { return 1 / (1 + w_exp(w_bounded(-x, -120, 120))); }
/* Of -inf NaN, as the quotient. */
ALWAYS wide w_silu(wide x)
{
    return w_where(x == (double)-INFINITY, w_splat(NAN), x / (1 + w_exp(w_bounded(-x, -600, 600))));
}

/* erfc(x), x >= 0, as exp(-x^2) f(t) / (1 + 2 x) with t = (x - 3) / (x + 3): the transformation of
 * M. Shepherd and J. Laframboise (1981), f interpolated on [0, 10.3], beyond which erfc is 0. */
ALWAYS wide w_erfc_positive(wide x)
{
    static const double f[] = {
        3.7645945667088181e-5L, -0.00017690560295646156L, -0.00073842106874123792L, 0.0019473167877448002L,
        0.0025269799382524407L, -0.023787395894315701L, 0.068306638710874848L, -0.11927160306707478L,
        0.12964535247084087L, -0.047562387176800912L, -0.13562111116962918L, 1.2530080589762511L};
    x = w_bounded(x, 0, (double)10.3L);
    wide a = x + 3, b = w_mad(x, w_splat(2), w_splat(1)), inverse = 1 / (a * b);
    return w_polynomial(f, 12, (x - 3) * b * inverse) * (a * inverse) * w_exp(-x * x);
}
ALWAYS wide w_erfc(wide x)
{
    wide e = w_erfc_positive(w_abs(x));
    return w_where(x < 0, 2 - e, e);
}
ALWAYS wide w_ndtr(wide x) { return 0.5 * w_erfc(x * (double)-0.70710678118654752440L); }
/* Of -inf NaN, as the product. */
ALWAYS wide w_gelu(wide x) { return x * w_where(x < -15, w_splat(0), w_ndtr(x)); }
ALWAYS wide w_erf(wide x)
{
    static const double p[] = {7.8758750626854883e-5L, -0.00080168642871658695L, 0.005189087423433974L,
                               -0.026854212010626412L, 0.11283594715160218L, -0.37612626666720331L, 1.1283791658483509L};
    wide near = x * w_polynomial(p, 7, x * x), far = w_copysign(1 - w_erfc_positive(w_abs(x)), x);
    return w_where(w_abs(x) < 1, near, far);
}
/* x = q pi / 2 + r, |r| <= pi / 4, for |x| < 2^20: q pi / 2 in parts of 33 bits, whose products with q are exact. */
typedef struct { wide sin, cos; wide_mask q; } wide_quarter;
ALWAYS wide_quarter w_quarter(wide x)
{
    static const double s[] = {2.7249314054698804e-06L, -0.00019840082012765537L, 0.008333331865959415L,
                               -0.16666666663832763L};
    static const double c[] = {2.4463116702438325e-05L, -0.0013887583970817676L, 0.041666650548440196L,
                               -0.49999999968871983L};
    const double magic = 6755399441055744;
    wide shifted = w_mad(x, w_splat(0.6366197723675814L), w_splat(magic)), q = shifted - magic;
    wide r = x - q * (double)1.5707963267341256L - q * (double)6.077100506303966e-11L;
    wide square = r * r;
    return (wide_quarter){w_mad(r * square, w_polynomial(s, 4, square), r),
                          w_mad(square, w_polynomial(c, 4, square), w_splat(1)), (wide_mask)shifted};
}
ALWAYS wide w_quarter_sin(wide x, int turns)
{
    wide_quarter a = w_quarter(x);
    wide_mask q = a.q + turns;
    return (wide)((wide_mask)w_where(-(q & 1), a.cos, a.sin) ^ ((q & 2) << 62));
}
ALWAYS wide w_sin(wide x) { return w_quarter_sin(x, 0); }
ALWAYS wide w_cos(wide x) { return w_quarter_sin(x, 1); }
ALWAYS wide w_tan(wide x)
{
    wide_quarter a = w_quarter(x);
    wide_mask odd = -(a.q & 1);
    return w_where(odd, -a.cos, a.sin) / w_where(odd, a.sin, a.cos);
}

ALWAYS wide w_sqrt(wide x)
{
#if defined(__AVX512F__)
    return (wide)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__)
    return (wide)_mm256_sqrt_pd((__m256d)x);
#elif defined(__SSE4_1__)
    return (wide)_mm_sqrt_pd((__m128d)x);
#else
    for (unsigned i = 0; i < sizeof x / sizeof x[0]; i++) x[i] = __builtin_sqrt(x[i]);
    return x;
#endif
}
ALWAYS wide w_rsqrt(wide x) { return 1 / w_sqrt(x); }
/* Infinite where an operand is, even beside NaN. */
ALWAYS wide w_hypot(wide x, wide y)
{
    wide far = w_splat(INFINITY);
    return w_where((w_abs(x) == far) | (w_abs(y) == far), far, w_sqrt(x * x + y * y));
}
#endif
