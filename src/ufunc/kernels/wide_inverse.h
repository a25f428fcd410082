/* wide_inverse: float32 powers, logarithms' kin and inverse trigonometric functions, computed in double (wide.h).
 * Relative errors of the cores are below 2^-29.  Numbers carry an L where single precision would not hold them.
 * Floor: ufunc/kernels.  Word f32 only. */
#ifndef RT_UFUNC_KERNELS_WIDE_INVERSE_H
#define RT_UFUNC_KERNELS_WIDE_INVERSE_H
#include "ufunc/kernels/wide.h"

/* log(x), x above 0 and normal, or infinite, or NaN; 2^-38, relative near 1 as well. */
ALWAYS wide w_log(wide x)
{
#if defined(__AVX512F__)
    /* As log_reduced of tabled.h: x = 2^n m, c near 1 / m, r = m c - 1. */
    static const double minus_log_c[16] __attribute__((aligned(64))) = {
        0.0, -0.06062462181643484L, -0.11778303565638346L, -0.17185025692665923L, -0.22314355131420976L,
        -0.27193371548364176L, 0.3746934494414107L, 0.33024168687057687L, 0.2876820724517809L, 0.24686007793152578L,
        0.2076393647782445L, 0.16989903679539747L, 0.13353139262452263L, 0.09844007281325252L, 0.06453852113757118L,
        0.0317486983145803L};
    static const double q[] = {0.14323396699941288L, -0.16709057423943816L, 0.19999968098331L, -0.24999964112750847L,
                               0.33333333337332527L, -0.5000000000449882L};
    __m512d m = _mm512_getmant_pd((__m512d)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
    __m512d n = _mm512_sub_pd(_mm512_getexp_pd((__m512d)x), _mm512_getexp_pd(m));
    __m512d c = _mm512_roundscale_pd(_mm512_rcp14_pd(m), 4 << 4 | 8);
    wide r = w_mad((wide)m, (wide)c, w_splat(-1));
    __m512i i = _mm512_srli_epi64((__m512i)c, 48);
    wide t = (wide)_mm512_permutex2var_pd(_mm512_load_pd(minus_log_c), i, _mm512_load_pd(minus_log_c + 8));
    return w_mad((wide)n, w_splat(0.693147180559945309417L), t) + w_mad(r * r, w_polynomial(q, 6, r), r);
#else
    static const double q[] = {0.04401409864965619L, -0.08455622952110388L, 0.08637944223751945L, -0.08298787919108902L,
                               0.0897747491074773L, -0.09992412115497984L, 0.11117336334911962L, -0.12500610205369486L,
                               0.14285548798558848L, -0.1666665070394823L, 0.20000001919978497L, -0.25000000137028106L,
                               0.3333333332674602L, -0.49999999999820705L};
    typedef uint64_t wide_bits __attribute__((vector_size(VECTOR_BYTES)));
    const int64_t least = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000;         /* of sqrt(1/2), of 1 */
    wide_mask k = (wide_mask)((wide_bits)((wide_mask)x - least + one) >> 52);   /* the exponent and 1023 */
    wide n = (wide)(k | 0x4330000000000000) - (double)4503599627371519.0L;      /* 2^52 + 1023 */
    wide r = (wide)((wide_mask)x - (k << 52) + one) - 1;
    wide s = w_mad(n, w_splat(0.693147180559945309417L), w_mad(r * r, w_polynomial(q, 14, r), r));
    return w_where(x < (double)INFINITY, s, x);
#endif
}
/* x^y for x above 0. */
ALWAYS wide w_pow(wide x, wide y) { return w_exp(w_bounded(y * w_log(x), -200, 200)); }
ALWAYS wide w_cbrt(wide x)
{
    wide a = w_abs(x), r = w_exp(w_bounded(w_log(a) * (1 / (double)3), -200, 200));
    return w_copysign(w_where((a > 0) & (a < (double)INFINITY), r, a), x);
}
ALWAYS wide w_asinh(wide x)
{
    wide a = w_abs(x);
    return w_copysign(w_where(a < (double)0x1p-13, a, w_log(a + w_sqrt(w_mad(a, a, w_splat(1))))), x);
}
ALWAYS wide w_acosh(wide x)
{
    return w_where(x < 1, w_splat(NAN), w_log(x + w_sqrt((x - 1) * (x + 1))));
}
ALWAYS wide w_atanh(wide x)
{
    wide a = w_abs(x), r = 0.5 * w_log((1 + a) / (1 - a));
    return w_copysign(w_where(a < (double)0x1p-13, a, w_where(a > 1, w_splat(NAN), r)), x);
}

/* atan(t) for |t| <= tan(pi / 8). */
ALWAYS wide w_atan_core(wide t)
{
    static const double q[] = {0.05046128167603517L, -0.08623896669600505L, 0.11071260444313767L, -0.14284145548273774L,
                               0.19999977153974205L, -0.33333333278951577L};
    wide z = t * t;
    return w_mad(t * z, w_polynomial(q, 6, z), t);
}
ALWAYS wide w_atan(wide x)
{
    const double tan_eighth = 0.41421356237309504880L;
    wide a = w_abs(x);
    wide_mask far = a > tan_eighth + 2, mid = a > tan_eighth;
    wide t = w_where(far, w_splat(-1), w_where(mid, a - 1, a)) / w_where(far, a, w_where(mid, a + 1, w_splat(1)));
    wide base = w_where(far, w_splat(1.57079632679489661923L), w_where(mid, w_splat(0.785398163397448309616L), w_splat(0)));
    return w_copysign(base + w_atan_core(t), x);
}
/* The angle of (x, y). */
ALWAYS wide w_atan2(wide y, wide x)
{
    const double pi = 3.14159265358979323846L, tan_eighth = 0.41421356237309504880L;
    wide ay = w_abs(y), ax = w_abs(x);
    wide_mask steep = ay > ax;
    wide low = w_where(steep, ax, ay), high = w_where(steep, ay, ax);
    wide_mask bent = low > high * tan_eighth;
    wide t = w_where(bent, low - high, low) / w_where(bent, low + high, high);
    t = w_where(high == 0, low, t);
    t = w_where(high == (double)INFINITY, w_where(low == high, w_splat(0), low * 0), t);
    bent = bent | ((high == (double)INFINITY) & (low == high));
    wide a = w_where(bent, w_splat(pi / 4), w_splat(0)) + w_atan_core(t);
    a = w_where(steep, pi / 2 - a, a);
    a = w_where((wide_mask)x < 0, pi - a, a);
    return w_copysign(a, y);
}
/* asin of the smaller of a and sqrt((1 - a) / 2), a = |x|. */
ALWAYS wide w_asin_core(wide a, wide_mask far)
{
    static const double q[] = {0.03098546039993495L, 0.01056694782140368L, 0.02361371422189475L, 0.030268919101073113L,
                               0.044647675217118564L, 0.07499992383419403L, 0.16666666686147094L};
    wide z = w_where(far, (1 - a) * 0.5, a * a), s = w_where(far, w_sqrt(z), a);
    return w_mad(s * z, w_polynomial(q, 7, z), s);
}
ALWAYS wide w_asin(wide x)
{
    wide a = w_abs(x);
    wide_mask far = a > 0.5;
    wide r = w_asin_core(a, far);
    return w_copysign(w_where(far, w_splat(1.57079632679489661923L) - 2 * r, r), x);
}
ALWAYS wide w_acos(wide x)
{
    wide a = w_abs(x);
    wide_mask far = a > 0.5;
    wide r = w_asin_core(a, far);
    wide outside = w_where(x < 0, w_splat(3.14159265358979323846L) - 2 * r, 2 * r);
    return w_where(far, outside, w_splat(1.57079632679489661923L) - w_copysign(r, x));
}
#endif
