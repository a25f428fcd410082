/* elementary: exp and its kin over vectors of f32 and f64, each within 1 ULP.
 * Most are our own: in double precision for f32 (wide.h, wide_inverse.h), by pairs for f64 (pairs.h, and with fused
 * products trigonometry.h, inverse.h, logarithm.h and tabled.h).  The others are SLEEF's u10 functions, one call a vector, or the C
 * library's, one call an element.  Faults of SLEEF 3.5.1 are mended here.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ELEMENTARY_H
#define RT_UFUNC_KERNELS_ELEMENTARY_H
#include <math.h>
#include "ufunc/kernels/vector.h"
#if IS_F32
#include "ufunc/kernels/single.h"
#endif
/* FUSED, TABLED: are the functions of pairs that need fused products, or tables in registers, ours? */
#define FUSED 0
#define TABLED 0
#if !IS_F32 || defined(__FMA__)
#include "ufunc/kernels/pairs.h"
#endif
#if defined(__FMA__)
#include "ufunc/kernels/trigonometry.h"
#undef FUSED
#define FUSED 1
#if !IS_F32
#include "ufunc/kernels/logarithm.h"
#endif
#endif
#if defined(__AVX512F__) && IS_F32
#include "ufunc/kernels/single_tabled.h"
#elif defined(__AVX512F__)
#include "ufunc/kernels/tabled.h"
#undef TABLED
#define TABLED 1
#endif
#if defined(RT_HAVE_SLEEF) && (defined(__SSE4_1__) || defined(__aarch64__))
#include <sleef.h>
#define VECTOR_MATH 1
#if defined(__AVX512F__) && IS_F32
#define SLEEF(f, bound) Sleef_##f##f16_##bound##avx512f
#elif defined(__AVX512F__)
#define SLEEF(f, bound) Sleef_##f##d8_##bound##avx512f
#elif defined(__AVX2__) && IS_F32
#define SLEEF(f, bound) Sleef_##f##f8_##bound##avx2
#elif defined(__AVX2__)
#define SLEEF(f, bound) Sleef_##f##d4_##bound##avx2
#elif defined(__SSE4_1__) && IS_F32
#define SLEEF(f, bound) Sleef_##f##f4_##bound##sse4
#elif defined(__SSE4_1__)
#define SLEEF(f, bound) Sleef_##f##d2_##bound##sse4
#elif IS_F32
#define SLEEF(f, bound) Sleef_##f##f4_##bound##advsimd
#else
#define SLEEF(f, bound) Sleef_##f##d2_##bound##advsimd
#endif
#define FUNCTION1(f, bound) ALWAYS vec v_##f(vec x) { return SLEEF(f, bound)(x); }
#define FUNCTION2(f, bound) ALWAYS vec v_##f(vec x, vec y) { return SLEEF(f, bound)(x, y); }
#define LONG1(f, bound) FUNCTION1(f, bound)
#else
#define VECTOR_MATH 0
#define FUNCTION1(f, bound) ALWAYS vec v_##f(vec x) { return v_each1(f, x); }
#define FUNCTION2(f, bound) ALWAYS vec v_##f(vec x, vec y) { return v_each2(f, x, y); }
/* Functions that glibc has in double with up to 3 ULP: rounded from long double. */
#if IS_F32
#define LONG1(f, bound) FUNCTION1(f, bound)
#else
#define LONG1(f, bound) \
    ALWAYS double f##_rounded(double x) { return (double)f##l(x); } \
    ALWAYS vec v_##f(vec x) { return v_each1(f##_rounded, x); }
#endif
#endif

#if TABLED
ALWAYS vec v_exp2(vec x) { return tabled_exp2(x); }
#else
FUNCTION1(exp2, u10)
#endif
#if TABLED
ALWAYS vec v_log(vec x) { return tabled_log(x, &base_e); }
ALWAYS vec v_log2(vec x) { return tabled_log(x, &base_2); }
ALWAYS vec v_log10(vec x) { return tabled_log(x, &base_10); }
ALWAYS vec v_log1p(vec x) { return tabled_log1p(x); }
#elif FUSED && !IS_F32
ALWAYS vec v_log2(vec x) { return fused_log_of(x, &scale_2); }
ALWAYS vec v_log10(vec x) { return fused_log_of(x, &scale_10); }
#elif !IS_F32 || !defined(__FMA__)
FUNCTION1(log2, u10)
LONG1(log10, u10)
#endif
#if IS_F32
ALWAYS vec v_hypot(vec x, vec y) { return v_widely2(w_hypot, x, y); }
#else
FUNCTION2(hypot, u05)
#endif
#if FUSED
#elif IS_F32
ALWAYS vec v_asin(vec x) { return v_widely(w_asin, x); }
ALWAYS vec v_acos(vec x) { return v_widely(w_acos, x); }
ALWAYS vec v_atan(vec x) { return v_widely(w_atan, x); }
ALWAYS vec v_atan2(vec x, vec y) { return v_widely2(w_atan2, x, y); }
ALWAYS vec v_asinh(vec x) { return v_widely(w_asinh, x); }
ALWAYS vec v_acosh(vec x) { return v_widely(w_acosh, x); }
ALWAYS vec v_atanh(vec x) { return v_widely(w_atanh, x); }
ALWAYS vec v_cbrt(vec x) { return v_widely(w_cbrt, x); }
#else
FUNCTION1(asin, u10)
FUNCTION1(acos, u10)
LONG1(cbrt, u10)
#endif

/* sin, cos and tan by `near` below 2^20, by SLEEF or the C library beyond.  SLEEF 3.5.1 chooses its reduction by all
 * lanes, so those that need none are filled up with a number that asks for the longest. */
#if VECTOR_MATH
#define FAR_ANGLE(f, far, x, r) v_where(far, SLEEF(f, u10)(v_where(far, x, splat((real)1e20))), r)
#else
#define FAR_ANGLE(f, far, x, r) v_mend1(f, far, x, r)
#endif
#define ANGULAR(f, near) \
    ALWAYS vec v_##f(vec x) \
    { \
        mask far UNUSED = ~(v_abs(x) < 0x1p20); \
        vec r = near; \
        return all_below(v_abs(x), 0x1p20) ? r : FAR_ANGLE(f, far, x, r); \
    }
/* Of -0 the sum of its parts would be +0. */
#if FUSED
ANGULAR(sin, v_where(x == 0, x, quarter_sin(x, 0)))
ANGULAR(cos, quarter_sin(x, 1))
ANGULAR(tan, quarter_tan(x))
#elif IS_F32
ANGULAR(sin, v_where(x == 0, x, v_widely(w_sin, x)))
ANGULAR(cos, v_widely(w_cos, x))
ANGULAR(tan, v_where(x == 0, x, v_widely(w_tan, x)))
#elif VECTOR_MATH
/* SLEEF's other threshold is 15. */
ALWAYS vec low_lanes(vec x) { return v_where(v_abs(x) < 15, x, splat(0)); }
ALWAYS vec high_lanes(vec x, mask far) { return v_where(far, splat(1e10), v_where(v_abs(x) < 15, splat(15), x)); }
#define TWO_RANGES(f) v_where(v_abs(x) < 15, SLEEF(f, u10)(low_lanes(x)), SLEEF(f, u10)(high_lanes(x, far)))
ANGULAR(sin, TWO_RANGES(sin))
ANGULAR(cos, TWO_RANGES(cos))
ANGULAR(tan, v_where(v_abs(x) < 0x1p-27, x, TWO_RANGES(tan)))
#else
FUNCTION1(sin, u10)
FUNCTION1(cos, u10)
FUNCTION1(tan, u10)
#endif

/* The C library's f on lanes where c holds: there SLEEF 3.5.1 overflows too early, or rounds
 * results near the denormal ones twice. */
#if VECTOR_MATH
#define MENDED1(f, bound, c) ALWAYS vec v_##f(vec x) { vec r = SLEEF(f, bound)(x); return v_mend1(f, c, x, r); }
#define MENDED2(f, bound, c) \
    ALWAYS vec v_##f(vec x, vec y) { vec r = SLEEF(f, bound)(x, y); return v_mend2(f, c, x, y, r); }
#else
#define MENDED1(f, bound, c) LONG1(f, bound)
#define MENDED2(f, bound, c) FUNCTION2(f, bound)
#endif
#define FAR 0x1p500
#define FINITE(x) (v_abs(x) < (real)INFINITY)
/* r = |x|^y with the sign that x and y ask for; the C library's pow at the edges. */
ALWAYS UNUSED vec power_signed(vec x, vec y, vec r)
{
    if (!any_lane(~((x > 0) & FINITE(x) & FINITE(y)))) return r;
    mask negative = x < 0, whole = v_rint(y) == y, odd = v_rint(y * (real)0.5) != y * (real)0.5;
    r = v_where(negative, v_where(whole, v_where(odd, -r, r), splat(NAN)), r);
    return v_mend2(pow, ~(FINITE(x) & (x != 0) & FINITE(y)), x, y, r);
}
#if IS_F32 && defined(__AVX512F__)
static __attribute__((noinline, unused)) vec power_widely(vec x, vec y)
{
    return power_signed(x, y, v_widely2(w_pow, v_abs(x), y));
}
ALWAYS vec v_pow(vec x, vec y)
{
    vec t, r = power_tabled(x, y, &t);
    __mmask16 odd = not_positive(x) | _mm512_cmp_ps_mask((__m512)v_abs(t), (__m512)splat(87), _CMP_NLT_UQ);
    return odd ? (vec)_mm512_mask_mov_ps((__m512)r, odd, (__m512)power_widely(x, y)) : r;
}
#elif IS_F32
ALWAYS vec v_pow(vec x, vec y) { return power_signed(x, y, v_widely2(w_pow, v_abs(x), y)); }
#elif TABLED
ALWAYS vec v_pow(vec x, vec y) { return power_signed(x, y, tabled_pow(x, y)); }
ALWAYS vec v_asinh(vec x) { return tabled_asinh(x); }
ALWAYS vec v_acosh(vec x) { return tabled_acosh(x); }
ALWAYS vec v_atanh(vec x) { return tabled_atanh(x); }
#else
MENDED2(pow, u10, ~FINITE(r) & FINITE(x) & FINITE(y) & (x != 0))
#endif
#if IS_F32
MENDED1(lgamma, u10, x > 0x1p110f)
#if FUSED
ALWAYS vec v_expm1(vec x) { return pairs_expm1(x); }
#else
ALWAYS vec v_expm1(vec x) { return v_widely(w_expm1_all, x); }
ALWAYS vec v_sinh(vec x) { return v_widely(w_sinh, x); }
ALWAYS vec v_cosh(vec x) { return v_widely(w_cosh, x); }
#endif
ALWAYS vec v_erfc(vec x) { return v_widely(w_erfc, x); }

#else
#if !TABLED
#if FUSED
ALWAYS vec v_log(vec x) { return fused_log(x); }
#else
FUNCTION1(log, u10)
#endif
#if !FUSED
MENDED1(acosh, u10, x > FAR)
#endif
#endif
ALWAYS vec v_expm1(vec x) { return pairs_expm1(x); }
ALWAYS vec v_tanh(vec x) { return pairs_tanh(x); }
LONG1(lgamma, u10)
#if !FUSED
MENDED2(atan2, u10, (v_abs(r) < 0x1p-1000) & (x != 0))
MENDED1(erf, u10, (v_abs(x) < 0x1p-1000) & (x != 0))
#endif
#if FUSED
#elif VECTOR_MATH
ALWAYS double erfc_far(double x) { return (double)erfcl(x); }
ALWAYS vec v_erfc(vec x)
{
    vec r = SLEEF(erfc, u15)(x);
    return v_mend1(erfc_far, x > 26, x, r);
}
#else
LONG1(erfc, u15)
#endif
#endif
#if TABLED
#elif !IS_F32 && FUSED
ALWAYS vec v_log1p(vec x) { return fused_log1p(x); }
#elif !IS_F32 && VECTOR_MATH
/* Far out 1 + x is x; SLEEF 3.5.1 overflows there. */
ALWAYS vec v_log1p(vec x)
{
    vec r = v_where(x > 0x1p100, v_log(x), SLEEF(log1p, u10)(x));
    return v_where(v_abs(x) < 0x1p-60, x, r);
}
#elif !IS_F32
FUNCTION1(log1p, u10)
#endif
#if IS_F32 || FUSED
#elif VECTOR_MATH
ALWAYS vec v_atan(vec x) { return v_atan2(x, splat(1)); }   /* SLEEF's atan is 1.02 ULP off without FMA */
/* Near 0, where x is the nearest number, SLEEF is a little more than 1 ULP off. */
ALWAYS vec near_zero(vec x, vec r) { return v_where(v_abs(x) < 0x1p-27, x, r); }
ALWAYS vec v_atanh(vec x) { return near_zero(x, SLEEF(atanh, u10)(x)); }
ALWAYS vec v_asinh(vec x)
{
    vec r = near_zero(x, SLEEF(asinh, u10)(x));
    return v_mend1(asinh, v_abs(x) > FAR, x, r);
}
#else
FUNCTION1(atan, u10)
LONG1(atanh, u10)
LONG1(asinh, u10)
#endif
#if VECTOR_MATH
ALWAYS vec v_sinpi(vec x) { return SLEEF(sinpi, u05)(x); }
#else
ALWAYS vec v_sinpi(vec x)
{
    /* x - 2 * rint(x / 2) is exact. */
    return v_each1(sin, (x - 2 * v_rint(x * (real)0.5)) * (real)3.14159265358979323846);
}
#endif

/* exp(x) 2^scale.  exp(x) = 2^n (1 + r + r^2 q(r)), r = x - n ln 2, |r| <= ln(2) / 2; q interpolates at Chebyshev's
 * nodes (error 1e-9 f32, 1e-18 f64).  2^n is applied in two factors, so that denormal results
 * are rounded once. */
ALWAYS vec v_exp_scaled(vec x, int scale)
{
#if TABLED
    return tabled_exp(x, scale);
#endif
#if IS_F32
    static const real q[] = {(real)1.989099082e-4, (real)1.393365e-3, (real)8.333310925e-3, (real)4.166646493e-2,
                             (real)1.666666668e-1, (real)0.5};
    const real lowest = -104, highest = 90, safe = 86, magic = 12582912, ln2_high = (real)0.693359375,
               ln2_low = (real)-2.12194440e-4;
#else
    static const real q[] = {2.09146869680868772e-9, 2.51052170047207452e-8, 2.75572736431102953e-7,
                             2.75572554002064244e-6, 2.48015873255477412e-5, 1.98412698748206253e-4,
                             1.38888888888837483e-3, 8.33333333332613513e-3, 4.16666666666666698e-2,
                             1.6666666666666671e-1, 0.5};
    const real lowest = -746, highest = 711, safe = 707, magic = 6755399441055744, ln2_high = 6.93147180369123816490e-01,
               ln2_low = 1.90821492927058770002e-10;
#endif
    /* Where all results are normal neither bounds nor a second factor are needed; the bits are the same. */
    int extreme = !all_below(v_abs(x), safe);
    if (extreme) x = v_where(x < lowest, splat(lowest), v_where(x > highest, splat(highest), x));
    vec shifted = v_mad(x, splat((real)1.44269504088896340736), splat(magic));
    vec n = shifted - magic;
    vec high = v_mad(n, splat(-ln2_high), x), low = n * -ln2_low, r = high + low, p = splat(q[0]);
#pragma GCC unroll 16
    for (unsigned i = 1; i < sizeof q / sizeof *q; i++) p = v_mad(p, r, splat(q[i]));
    vec first = 1 + high;
    p = first + (((1 - first) + high) + v_mad(p * r, r, low));
    mask power = (mask)shifted - (mask)splat(magic) + scale;
    if (!extreme) return (vec)((mask)p + (power << MANTISSA));
    mask half = (mask)v_mad(n, splat((real)0.5), splat(magic)) - (mask)splat(magic);
    return p * (vec)((half + BIAS) << MANTISSA) * (vec)((power - half + BIAS) << MANTISSA);
}

ALWAYS vec v_exp(vec x) { return v_exp_scaled(x, 0); }

#if FUSED
#if IS_F32
ALWAYS vec log_plus(vec x, vec c) { return single_log(x, c, &single_e); }
#endif
#include "ufunc/kernels/inverse.h"
ALWAYS vec v_asin(vec x) { return pairs_asin(x); }
ALWAYS vec v_acos(vec x) { return pairs_acos(x); }
ALWAYS vec v_atan(vec x) { return pairs_atan(x); }
#if IS_F32 && defined(__AVX512F__)
ALWAYS vec v_cbrt(vec x) { return cbrt_tabled(x); }
#else
ALWAYS vec v_cbrt(vec x) { return pairs_cbrt(x); }
#endif
#if !TABLED
ALWAYS vec v_asinh(vec x) { return pairs_asinh(x); }
ALWAYS vec v_acosh(vec x) { return pairs_acosh(x); }
ALWAYS vec v_atanh(vec x) { return pairs_atanh(x); }
#endif
/* Where products of pairs would lose bits float32 is computed in double, float64 by the C library. */
ALWAYS vec v_atan2(vec y, vec x)
{
    const real least = (real)(IS_F32 ? 0x1p-45 : 0x1p-450L), most = (real)(IS_F32 ? 0x1p45 : 0x1p450L);
    vec a = v_abs(x), b = v_abs(y), r = pairs_atan2(y, x);
    mask wild = ~((a > least) & (a < most) & (((b > least) & (b < most)) | (b == 0)));
#if IS_F32
    return any_lane(wild) ? v_where(wild, v_widely2(w_atan2, y, x), r) : r;
#else
    return v_mend2(atan2, wild, y, x, r);
#endif
}
#if !IS_F32
#include "ufunc/kernels/erfc.h"
ALWAYS vec v_erf(vec x) { return pairs_erf(x); }
#endif
#endif

#if !IS_F32 || FUSED
/* Far out sinh and cosh are exp(|x|) / 2. */
ALWAYS vec far_or(vec x, vec r)
{
    const real end = IS_F32 ? 86 : 600;
    return all_below(v_abs(x), end) ? r : v_where(v_abs(x) > end, v_exp_scaled(v_abs(x), -1), r);
}
ALWAYS vec v_sinh(vec x) { return v_copysign(far_or(x, pairs_sinh(x)), x); }
ALWAYS vec v_cosh(vec x) { return far_or(x, pairs_cosh(x)); }
#endif
#if !IS_F32
#if !FUSED
ALWAYS vec v_sigmoid(vec x)
{
    vec a = v_below(splat(700), v_abs(x));
    vec r = pair_rounded(pairs_sigmoid(x, pairs_exp(-a)));
    mask far = x < -700;
    return any_lane(far) ? v_where(far, v_exp(x), r) : r;
}
/* x / (1 + e^-x); far down, where the sigmoid may be a denormal number, x e^x. */
ALWAYS vec v_silu(vec x)
{
    vec a = v_below(splat(700), v_abs(x));
    vec r = v_copysign(pair_rounded(pair_times((pair){x, splat(0)}, pairs_sigmoid(x, pairs_exp(-a)))), x);
    mask far = ~(v_abs(x) < 700);
    if (!any_lane(far)) return r;
    vec b = v_above(splat(-800), v_below(splat(0), x));
    pair root = pairs_exp(b * 0.5);
    vec low = pair_rounded(pair_times(pair_times((pair){b, splat(0)}, root), root));
    return v_where(far, v_where(x == -INFINITY, splat(NAN), v_where(x < 0, low, x)), r);
}
/* erfc(h + rest) / 2, h = -x sqrt(1/2) rounded: rest times the slope is what the rounding took off. */
ALWAYS vec v_ndtr(vec x)
{
    vec a = v_below(splat(40), v_above(splat(-40), x)), h = a * -0.70710678118654752440;
    vec rest = product_rest(a, splat(-0.70710678118654752440), h) + a * 4.833646656726457e-17;
    return 0.5 * (v_erfc(h) - 1.1283791670955126 * rest * v_exp(-h * h));
}
#endif
#endif

#if !IS_F32
ALWAYS vec v_gelu(vec x) { return x * v_ndtr(x); }
/* log(x / (1 - x)): what rounding took off the quotient is added to the logarithm. */
ALWAYS vec v_logit(vec x)
{
#if FUSED
    vec less = 1 - x, q = x / less, lost = product_rest(q, less, x) + q * ((1 - less) - x);
    vec c = v_where((x > 0) & (x < 1), -lost / x, splat(0));
#if TABLED
    log_argument a = log_reduced(q);
    pair r = ordered_sum(a.r, v_mad(c, a.r, c));
    return log_limits(q, pair_rounded(log_parts((log_argument){a.n, a.c, r.high}, r.low, &base_e)));
#else
    return log_plus(q, c);
#endif
#else
    return v_where(v_abs(x - 0.5) < 0.2, 2 * v_atanh(2 * x - 1), v_log(x / (1 - x)));
#endif
}
#endif

#if defined(__FMA__)
/* Near 1 / sqrt(x), x normal: by the processor, or the bits halved and turned, mended twice with errors cubed. */
ALWAYS vec near_rsqrt(vec x)
{
#if defined(__AVX512F__) && IS_F32
    return (vec)_mm512_rsqrt14_ps((__m512)x);
#elif defined(__AVX512F__)
    vec r = (vec)_mm512_rsqrt14_pd((__m512d)x);
    vec e = v_mad(-x * r, r, splat(1));
    return v_mad(r * e, v_mad(e, splat(0.375), splat(0.5)), r);
#elif IS_F32
    vec r = (vec)_mm256_rsqrt_ps((__m256)x);
    return v_mad(r * (real)0.5, v_mad(-x * r, r, splat(1)), r);
#else
    vec r = (vec)(0x5fe6eb50c7b537a9 - (mask)_mm256_srli_epi64((__m256i)x, 1));
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vec e = v_mad(-x * r, r, splat(1));
        r = v_mad(r * e, v_mad(e, splat(0.375), splat(0.5)), r);
    }
    return r;
#endif
}
/* One more Newton step; h + (x r - h) is x r exactly. */
ALWAYS vec rsqrt_mended(vec x, vec r)
{
    vec h = x * r, residual = v_mad(-h, r, splat(1)) - v_mad(x, r, -h) * r;
    return v_mad(r * (real)0.5, residual, r);
}
#endif
ALWAYS vec v_rsqrt(vec x)
{
#if defined(__FMA__)
    vec r = rsqrt_mended(x, near_rsqrt(x));
    mask odd = ~((x >= (real)(IS_F32 ? 0x1p-126 : 0x1p-1022L)) & (x < (real)INFINITY));
    if (!any_lane(odd)) return r;
    /* 0, inf and NaN stay. */
    vec s = 1 / v_sqrt(x), t = rsqrt_mended(x, s);
    return v_where(odd, v_where(t == t, t, s), r);
#elif IS_F32
    return v_widely(w_rsqrt, x);
#else
    for (int i = 0; i < LANES; i++) x[i] = (real)(1 / __builtin_sqrtl(x[i]));
    return x;
#endif
}

/* x - y trunc(x / y).  The product is exact where the quotient is small; fused, so is the rest. */
ALWAYS vec v_fmod(vec x, vec y)
{
#if defined(__FMA__)
    vec a = v_abs(x), b = v_abs(y), q = v_trunc(a / b);
    vec r = v_mad(-q, b, a);
    r = v_where(r < 0, r + b, v_where(r >= b, r - b, r));
    mask plain = (q < (real)(IS_F32 ? 0x1p22 : 0x1p51)) & (b < (real)INFINITY);
    return v_mend2(fmod, ~plain, x, y, v_copysign(r, x));
#else
    return v_each2(fmod, x, y);
#endif
}

/* Python's divmod, as NumPy computes it. */
ALWAYS vec v_remainder(vec x, vec y)
{
    vec m = v_fmod(x, y);
    mask turned = (m != 0) & ((y < 0) != (m < 0));
    return v_where(m == 0, v_copysign(m, y), v_where(turned, m + y, m));
}
ALWAYS vec v_floor_divide(vec x, vec y)
{
    vec m = v_fmod(x, y), q = (x - m) / y;
    q = v_where((m != 0) & ((y < 0) != (m < 0)), q - 1, q);
    vec f = v_floor(q);
    f = v_where(q - f > (real)0.5, f + 1, f);
    return v_where(y == 0, x / y, v_where(q == 0, v_copysign(splat(0), x / y), f));
}

ALWAYS vec v_nextafter(vec x, vec y)
{
    mask up = (x < y) == (x > 0);
    vec next = (vec)((mask)x - 2 * up - 1);
    vec first = (vec)((mask)v_copysign(splat(0), y) | 1);
    return v_where((x != x) | (y != y), x + y, v_where(x == y, y, v_where(x == 0, first, next)));
}

ALWAYS vec v_logaddexp(vec x, vec y)
{
    vec d = x - y, high = v_where(d > 0, x, y);
    return v_where(x == y, x + (real)0.693147180559945309417, high + v_log1p(v_exp(-v_abs(d))));
}
ALWAYS vec v_logaddexp2(vec x, vec y)
{
    vec d = x - y, high = v_where(d > 0, x, y);
    return v_where(x == y, x + 1, high + v_log1p(v_exp2(-v_abs(d))) * (real)1.44269504088896340736);
}

ALWAYS double ldexp_lane(double x, double y)
{
    if (!(y > -1e5 && y < 1e5)) return x * exp2(y);
    const int n = (int)__builtin_ceil(y);
    return y == n ? ldexp(x, n) : ldexp(ldexp(x, 60) * exp2(y - n), n - 60);      /* for small x */
}
/* 2^n for whole n of normal powers. */
ALWAYS vec power_of_two(vec n)
{
    const real magic = IS_F32 ? 0x1.8p23 : 0x1.8p52;
    return (vec)((mask)(n + (magic + BIAS)) << MANTISSA);
}
ALWAYS vec v_bounded(vec n, real low, real high) { return v_below(v_above(n, splat(low)), splat(high)); }
/* x 2^n for the whole n next to y, times 2 to what is left of y.  The last factor alone rounds: n beyond one normal
 * power goes in three, what exceeds the greatest first. */
ALWAYS vec v_ldexp(vec x, vec y)
{
    const real least = 1 - BIAS, most = BIAS;
    vec n = v_rint(y), whole = x;
    mask part = n != y, odd = ~(v_abs(y) < (real)1e5);
    if (any_lane(part & ~odd)) {
        odd |= part & (v_abs(x) < (real)(IS_F32 ? 0x1p-100 : 0x1p-1000L)) & (x != 0);
        n = v_where(part, v_ceil(y), n);
        x = v_where(part, x * v_exp2(y - n), x);
    }
    n = v_where(odd, splat(0), n);
    vec a = v_bounded(n, least, most);
    if (any_lane(a != n)) {
        vec b = v_bounded(n - a, least, most), c = v_bounded(n - a - b, least, most);
        x = x * power_of_two(c) * power_of_two(b);
    }
    return v_mend2(ldexp_lane, odd, whole, y, x * power_of_two(a));
}
#undef FUNCTION1
#undef FUNCTION2
#undef LONG1
#undef MENDED1
#undef MENDED2
#endif
