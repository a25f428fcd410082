/* single_tabled: float32 powers and cube roots for AVX-512, which keeps tables of 32 numbers in two registers.
 *   x = 2^n m, c near 1 / m of few bits, r = m c - 1 without rounding
 *   x^y = e^t, t = y (n ln 2 - log c + log1p(r)) = z ln(2) / 32 + f, |f| < 0.011
 *   cbrt x = 2^k cbrt(2^j / c) cbrt(1 + r), n = 3 k + j
 * Tables have what their rounding takes off.  Polynomials interpolate at Chebyshev's nodes.
 * Floor: ufunc/kernels.  Word f32 only. */
#ifndef RT_UFUNC_KERNELS_SINGLE_TABLED_H
#define RT_UFUNC_KERNELS_SINGLE_TABLED_H
#include "ufunc/kernels/pairs.h"
#include "ufunc/kernels/piecewise.h"

typedef const float table32[32] __attribute__((aligned(64)));

/* -log c, c = i / 32 or 1 + i / 32, the first part a multiple of 2^-16. */
static table32 power_log = {
    0, -0.0307769775, -0.0606231689, -0.0896148682, -0.117782593, -0.145187378, -0.171844482, -0.1978302,
    -0.223144531, -0.247833252, -0.27192688, -0.295471191, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.421218872, 0.374694824,
    0.330245972, 0.287689209, 0.246856689, 0.207641602, 0.169906616, 0.133529663, 0.0984344482, 0.0645446777,
    0.03175354};
static table32 power_log_rest = {
    0, 5.31887231e-06, -1.45287112e-06, 2.70947438e-06, -4.42882946e-07, 5.36808519e-06, -5.77450478e-06,
    4.45686539e-06, 9.7993579e-07, -2.91195146e-06, -6.83560083e-06, 6.97851241e-06, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    -5.40699401e-06, -1.37477734e-06, -4.28480911e-06, -7.13653259e-06, 3.3884784e-06, -2.23678426e-06,
    -7.57941554e-06, 1.72953859e-06, 5.62457107e-06, -6.1565968e-06, -4.84172448e-06};
/* 2^(i / 32); 2^(i / 32) / power_exp[i] - 1 */
static table32 power_exp = {
    1, 1.0218972, 1.04427373, 1.06714046, 1.09050775, 1.1143868, 1.13878858, 1.1637249, 1.18920708, 1.21524739,
    1.24185777, 1.26905096, 1.29683959, 1.32523668, 1.35425556, 1.38390994, 1.41421354, 1.44518077, 1.47682619,
    1.50916445, 1.54221082, 1.5759809, 1.61049032, 1.64575553, 1.68179286, 1.71861935, 1.75625217, 1.79470909,
    1.8340081, 1.87416768, 1.91520655, 1.95714414};
static table32 power_exp_rest = {
    0, -4.70845774e-08, 4.62854708e-08, -5.56042263e-08, -1.19921571e-08, -4.87760637e-08, 4.72978236e-08,
    -3.48144262e-08, 3.19341809e-08, -2.68866654e-08, 3.62105731e-08, 1.11842106e-09, -3.09907208e-08,
    -2.63830102e-08, -7.47521317e-09, -4.24563556e-08, 1.71142713e-08, 2.30019668e-08, -3.04768342e-08,
    -1.65385374e-08, 5.23333425e-09, -3.59206467e-08, 6.10759162e-09, -3.11405435e-08, -1.47196054e-08,
    -2.82181011e-08, -5.25879512e-09, -6.36038718e-09, -6.12825982e-09, -2.4880408e-08, 5.14060921e-09,
    -8.69726657e-09};
/* cbrt(2^j / c) at 16 c + 9 j mod 32; over what is kept of it - 1 */
static table32 root_of_power = {
    1.65965307, 1.62192059, 1.58740103, 1, 1, 1, 1, 1, 1.25992107, 1.21141374, 1.16960704, 1.13303268, 1.10064244,
    1.07166457, 1.04551589, 1.02174592, 1, 1.58740103, 1.52628565, 1.47361255, 1.42753172, 1.38672256, 1.35021281,
    1.31726754, 1.28731918, 1.25992107, 2, 1.92299938, 1.85663557, 1.79857731, 1.74716091, 1.7011615};
static table32 root_of_power_rest = {
    -5.15962816e-10, -3.29728952e-08, 1.22970718e-08, 0, 0, 0, 0, 0, -1.90636553e-08, -1.03655714e-08,
    4.44754931e-08, -8.53672714e-09, -2.39905687e-08, 7.38305988e-09, 2.12905313e-08, -1.01034938e-08, 0,
    1.22970718e-08, 5.49820315e-09, 3.56507403e-08, -5.74456401e-09, -1.15351092e-08, -3.70796205e-08,
    -1.90548273e-08, -3.01047045e-09, -1.90636553e-08, 0, 2.34308456e-08, -1.9972154e-08, -3.14494952e-08,
    1.02523694e-08, -1.33202217e-08};

/* Is a lane not above 0, or infinite, or NaN?  As an unsigned number, bits - 1 is this large for those. */
ALWAYS __mmask16 not_positive(vec x)
{
    return _mm512_cmpge_epu32_mask((__m512i)((mask)x - 1), _mm512_set1_epi32(0x7f7fffff));
}
/* x^y for x above 0 and finite where |*t| < 87: log1p(r) = r - r^2 / 2 + r^3 q(r), the first two terms without error. */
ALWAYS vec power_tabled(vec x, vec y, vec *t)
{
    static const float q[] = {-0.166739902, 0.200083696, -0.249999995, 0.333333327};
    __m512 m = _mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
    vec n = (vec)_mm512_sub_ps(_mm512_getexp_ps((__m512)x), _mm512_getexp_ps(m));
    vec at = (vec)_mm512_rcp14_ps(m) + 0x1.8p18, r = v_mad((vec)m, at - 0x1.8p18, splat(-1));
    vec high = v_mad(n, splat(0.693145751953), piece_at(power_log, (mask)at));
    vec low = v_mad(n, splat(1.42860682e-06), piece_at(power_log_rest, (mask)at));
    vec s = r * r, v = v_mad(s, splat(-0.5), r), p = splat(q[0]);
#pragma GCC unroll 4
    for (int i = 1; i < 4; i++) p = v_mad(p, r, splat(q[i]));
    low += v_mad(s, splat(-0.5), r - v) + v_mad(s * r, p, v_mad(r, r, -s) * -0.5);
    pair a = pair_product(y, high), b = pair_product(y, v);
    *t = v_mad(y, low, a.high + b.high);
    vec shifted = v_mad(*t, splat(46.1662413), splat(12582912)), z = shifted - 12582912;
    /* The first part of ln(2) / 32 has 12 bits: the first product and both differences are exact. */
    vec f = v_mad(z, splat(-0.0216598510742), a.high) + b.high;
    f = v_mad(z, splat(-9.9831828e-07), f) + v_mad(y, low, a.low + b.low);
    vec e = v_mad(f * f, v_mad(f, splat(0.166666667), splat(0.5)), f + piece_at(power_exp_rest, (mask)shifted));
    vec whole = piece_at(power_exp, (mask)shifted);
    return (vec)_mm512_scalef_ps((__m512)v_mad(whole, e, whole), (__m512)(z * 0.03125));
}
/* 0, infinities and NaN are themselves. */
ALWAYS vec cbrt_tabled(vec x)
{
    static const float q[] = {0.0302716624, -0.0412675447, 0.0617283036, -0.111110998, 0.333333333};
    vec a = v_abs(x), n = (vec)_mm512_getexp_ps((__m512)a);
    vec m = (vec)_mm512_getmant_ps((__m512)a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
    vec k = v_floor(v_mad(n, splat(0.333333333), splat(0.166666667))), j = v_mad(k, splat(-3), n);
    vec at = (vec)_mm512_rcp14_ps((__m512)m) + 0x1.8p19, r = v_mad(m, at - 0x1.8p19, splat(-1)), p = splat(q[0]);
    mask i = (mask)v_mad(j, splat(0.5625), at);
#pragma GCC unroll 4
    for (int l = 1; l < 5; l++) p = v_mad(p, r, splat(q[l]));
    vec whole = piece_at(root_of_power, i);
    p = v_mad(whole, v_mad(p, r, piece_at(root_of_power_rest, i)), whole);
    p = v_copysign((vec)_mm512_scalef_ps((__m512)p, (__m512)k), x);
    __mmask16 odd = not_positive(a);
    return odd ? (vec)_mm512_mask_mov_ps((__m512)p, odd, (__m512)x) : p;
}
#endif
