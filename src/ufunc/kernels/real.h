/* real: the vocabulary of elementwise.def for f32 and f64, over the vectors of vector.h.  A name is a
 * function-like macro over v_<name>, so that the text of an expression stays as written; numbers
 * stand for vectors that hold them in every lane.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_REAL_H
#define RT_UFUNC_KERNELS_REAL_H
#include "ufunc/kernels/elementary.h"
#include "ufunc/kernels/powers.h"
#include "ufunc/kernels/bessel_wide.h"
#include "ufunc/kernels/igamma_wide.h"
#include "ufunc/kernels/polynomials_wide.h"

ALWAYS vec v_sign(vec x) { return v_where(x > 0, splat(1), v_where(x < 0, splat(-1), v_where(x == 0, splat(0), x))); }
ALWAYS vec v_maximum(vec x, vec y) { return v_where(y != y, y, v_above(y, x)); }
ALWAYS vec v_minimum(vec x, vec y) { return v_where(y != y, y, v_below(y, x)); }
ALWAYS vec v_fmax(vec x, vec y) { return v_where(x != x, y, v_above(y, x)); }
ALWAYS vec v_fmin(vec x, vec y) { return v_where(x != x, y, v_below(y, x)); }
ALWAYS vec v_angle(vec x) { return v_where(x < 0, splat((real)3.14159265358979323846), v_where(x == x, splat(0), x)); }
/* SLEEF's sinpi is good to some 1e8 only; x less an even number is exact.  pi x is taken with what its rounding
 * takes off. */
ALWAYS vec v_sinc(vec x)
{
    const real pi = (real)3.14159265358979323846, pi_rest = (real)(IS_F32 ? -8.74227766e-8 : 1.2246467991473532e-16);
    vec s = v_sinpi(x - 2 * v_rint(x * (real)0.5)), p = x * pi, q = s / p;
    vec rest = product_rest(x, splat(pi), p) + x * pi_rest;
    return v_where(v_abs(x) < (real)(IS_F32 ? 0x1p-14 : 0x1p-28), splat(1), v_where(s == 0, q, q - q * (rest / p)));
}
/* x tanh(log(1 + e^x)), e the exponential: x e (e + 2) / (e (e + 2) + 2). */
ALWAYS vec v_mish(vec x)
{
    vec e = v_exp(v_below(splat(20), x)), t = e * (e + 2), r = x * (t / (t + 2));
    mask far = x < (real)(IS_F32 ? -80 : -700);
    return any_lane(far) ? v_where(far, v_silu(x), r) : r;
}
ALWAYS vec v_xlogy(vec x, vec y)
{
    return v_where((x == 0) & (y == y), splat(0), x * v_log(y));
}
ALWAYS vec v_xlog1py(vec x, vec y)
{
    return v_where((x == 0) & (y == y), splat(0), x * v_log1p(y));
}

ALWAYS vec v_entr(vec x)
{
    return v_where(x == 0, splat(0), v_where(x < 0, splat((real)-INFINITY), -x * v_log(x)));
}
/* The exponent's bits, as a number beside 2^MANTISSA; numbers below the normal ones are raised first. */
ALWAYS vec v_frexp_exponent(vec x)
{
    const real raise = IS_F32 ? 0x1p24 : 0x1p53, base = IS_F32 ? 0x1p23 : 0x1p52;
    mask low = v_abs(x) < (real)(IS_F32 ? 0x1p-126 : 0x1p-1022L);
    vec a = v_abs(v_where(low, x * raise, x));
    vec e = (vec)((mask)((uvec)a >> MANTISSA) | (mask)splat(base)) - (base + (BIAS - 1));
    e = v_where(low, e - (MANTISSA + 1), e);
    return v_where((x != 0) & (v_abs(x) < (real)INFINITY), e, splat(0));
}

#undef isnan
#undef isinf
#undef isfinite
#undef signbit
#define R(e) V(e)
#define zero splat(0)
#define none splat(0)
#define missing splat(0)
#define where(c, a, b) v_where((c), V(a), V(b))
#define lt(x, y) (V(x) < V(y))
#define le(x, y) (V(x) <= V(y))
#define conj(x) V(x)
#define div(x, y) (V(x) / V(y))
#define positive(x) V(x)
#define abs(x) v_abs(V(x))
#define fabs(x) v_abs(V(x))
#define sign(x) v_sign(V(x))
#define sgn(x) v_sign(V(x))
#define square(x) (V(x) * V(x))
#define reciprocal(x) (1 / V(x))
#define sqrt(x) v_sqrt(V(x))
#define rsqrt(x) v_rsqrt(V(x))
#define cbrt(x) v_cbrt(V(x))
#define floor(x) v_floor(V(x))
#define ceil(x) v_ceil(V(x))
#define trunc(x) v_trunc(V(x))
#define round(x) v_rint(V(x))
#define copysign(x, y) v_copysign(V(x), V(y))
#define signbit(x) ((mask)V(x) < 0)
#define isnan(x) (V(x) != V(x))
#define isinf(x) (v_abs(V(x)) == (real)INFINITY)
#define isfinite(x) (v_abs(V(x)) < (real)INFINITY)
#define isposinf(x) (V(x) == (real)INFINITY)
#define isneginf(x) (V(x) == (real)-INFINITY)
#define maximum(x, y) v_maximum(V(x), V(y))
#define minimum(x, y) v_minimum(V(x), V(y))
#define fmax(x, y) v_fmax(V(x), V(y))
#define fmin(x, y) v_fmin(V(x), V(y))
#define fmod(x, y) v_fmod(V(x), V(y))
#define remainder(x, y) v_remainder(V(x), V(y))
#define floor_divide(x, y) v_floor_divide(V(x), V(y))
#define nextafter(x, y) v_nextafter(V(x), V(y))
#define ldexp(x, y) v_ldexp(V(x), V(y))
#define hypot(x, y) v_hypot(V(x), V(y))
#define pow(x, y) v_power(V(x), V(y))
#define exp(x) v_exp(V(x))
#define exp2(x) v_exp2(V(x))
#define expm1(x) v_expm1(V(x))
#define log(x) v_log(V(x))
#define log2(x) v_log2(V(x))
#define log10(x) v_log10(V(x))
#define log1p(x) v_log1p(V(x))
#define logaddexp(x, y) v_logaddexp(V(x), V(y))
#define logaddexp2(x, y) v_logaddexp2(V(x), V(y))
#define xlogy(x, y) v_xlogy(V(x), V(y))
#define xlog1py(x, y) v_xlog1py(V(x), V(y))
#define sin(x) v_sin(V(x))
#define cos(x) v_cos(V(x))
#define tan(x) v_tan(V(x))
#define asin(x) v_asin(V(x))
#define acos(x) v_acos(V(x))
#define atan(x) v_atan(V(x))
#define atan2(x, y) v_atan2(V(x), V(y))
#define sinh(x) v_sinh(V(x))
#define cosh(x) v_cosh(V(x))
#define tanh(x) v_tanh(V(x))
#define asinh(x) v_asinh(V(x))
#define acosh(x) v_acosh(V(x))
#define atanh(x) v_atanh(V(x))
#define angle(x) v_angle(V(x))
#define angle_slope(x) (V(x) * 0)
#define sinc(x) v_sinc(V(x))
#define sigmoid(x) v_sigmoid(V(x))
#define logit(x) v_logit(V(x))
#define silu(x) v_silu(V(x))
#define mish(x) v_mish(V(x))
#define erf(x) v_erf(V(x))
#define ndtr(x) v_ndtr(V(x))
#define gelu(x) v_gelu(V(x))
#define erfc(x) v_erfc(V(x))
#define lgamma(x) v_lgamma(V(x))
#define gamma(x) v_each1(tgamma, V(x))
#define entr(x) v_entr(V(x))
#define frexp_exponent(x) v_frexp_exponent(V(x))
/* Of special.h, one lane at a time. */
#define erfinv(x) v_erfinv(V(x))
#define erfcx(x) v_erfcx(V(x))
#define ndtri(x) v_ndtri(V(x))
#define log_ndtr(x) v_log_ndtr(V(x))
#define digamma(x) v_digamma(V(x))
#define trigamma(x) v_trigamma(V(x))
#define polygamma(x, n) v_each2(rt_special_polygamma, V(x), V(n))
#define zeta(x, y) v_each2(rt_special_zeta, V(x), V(y))
#define igamma(a, x) v_igamma(V(a), V(x))
#define igammac(a, x) v_igammac(V(a), V(x))
#define i0(x) v_i0(V(x))
#define i0e(x) v_i0e(V(x))
#define i1(x) v_i1(V(x))
#define i1e(x) v_i1e(V(x))
#define modified_bessel_k0(x) v_modified_bessel_k0(V(x))
#define modified_bessel_k1(x) v_modified_bessel_k1(V(x))
#define scaled_modified_bessel_k0(x) v_scaled_modified_bessel_k0(V(x))
#define scaled_modified_bessel_k1(x) v_scaled_modified_bessel_k1(V(x))
#define bessel_j0(x) v_bessel_j0(V(x))
#define bessel_j1(x) v_bessel_j1(V(x))
#define bessel_y0(x) v_bessel_y0(V(x))
#define bessel_y1(x) v_bessel_y1(V(x))
#define airy_ai(x) v_each1(rt_special_airy_ai, V(x))
#define chebyshev_polynomial_t(x, n) v_chebyshev_t(V(x), V(n))
#define chebyshev_polynomial_u(x, n) v_chebyshev_u(V(x), V(n))
#define chebyshev_polynomial_v(x, n) v_chebyshev_v(V(x), V(n))
#define chebyshev_polynomial_w(x, n) v_chebyshev_w(V(x), V(n))
#define hermite_polynomial_h(x, n) v_hermite_h(V(x), V(n))
#define hermite_polynomial_he(x, n) v_hermite_he(V(x), V(n))
#define laguerre_polynomial_l(x, n) v_laguerre(V(x), V(n))
#define legendre_polynomial_p(x, n) v_legendre(V(x), V(n))
#if IS_NARROW
/* The functions of 16-bit floats that float32 computes with more care than they need. */
#include "ufunc/kernels/short.h"
#undef exp
#undef log
#undef sin
#undef cos
#undef tanh
#undef erf
#undef sigmoid
#undef silu
#undef gelu
#define exp(x) short_exp(V(x))
#define log(x) short_log(V(x))
#define sin(x) short_sin(V(x))
#define cos(x) short_cos(V(x))
#define tanh(x) short_tanh(V(x))
#define erf(x) short_erf(V(x))
#define sigmoid(x) short_sigmoid(V(x))
#define silu(x) short_silu(V(x))
#define gelu(x) short_gelu(V(x))
#endif
#endif
