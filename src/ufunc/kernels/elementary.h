/* elementary: exp and its kin over vectors of f32 and f64, each within 1 ULP.
 * Where SLEEF is there its u10 functions are used, one call a vector, and otherwise the C
 * library, one call an element; exp is our own because it is inlined.  Faults of SLEEF 3.5.1
 * are mended here.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ELEMENTARY_H
#define RT_UFUNC_KERNELS_ELEMENTARY_H
#include <math.h>
#include "ufunc/kernels/vector.h"
#if defined(RT_HAVE_SLEEF) && (defined(__SSE4_1__) || defined(__aarch64__))
#include <sleef.h>
#define VECTOR_MATH 1
#if defined(__AVX2__) && IS_F32
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
#else
#define VECTOR_MATH 0
#define FUNCTION1(f, bound) ALWAYS vec v_##f(vec x) { return v_each1(f, x); }
#define FUNCTION2(f, bound) ALWAYS vec v_##f(vec x, vec y) { return v_each2(f, x, y); }
#endif

FUNCTION1(exp2, u10)
FUNCTION1(expm1, u10)
FUNCTION1(log, u10)
FUNCTION1(log2, u10)
FUNCTION1(log10, u10)
FUNCTION1(sin, u10)
FUNCTION1(cos, u10)
FUNCTION1(tan, u10)
FUNCTION1(asin, u10)
FUNCTION1(acos, u10)
FUNCTION1(atan, u10)
FUNCTION2(atan2, u10)
FUNCTION1(sinh, u10)
FUNCTION1(cosh, u10)
FUNCTION1(tanh, u10)
FUNCTION1(asinh, u10)
FUNCTION1(acosh, u10)
FUNCTION1(atanh, u10)
FUNCTION1(cbrt, u10)
FUNCTION1(erf, u10)
FUNCTION1(erfc, u15)
FUNCTION1(lgamma, u10)
FUNCTION2(pow, u10)
FUNCTION2(hypot, u05)
#if VECTOR_MATH
ALWAYS vec v_log1p(vec x)
{
    /* SLEEF 3.5.1 is wrong above 1e38 (f32): far out 1 + x is x. */
    return v_where(x > (real)0x1p100, v_log(x), SLEEF(log1p, u10)(x));
}
ALWAYS vec v_sinpi(vec x) { return SLEEF(sinpi, u05)(x); }
#else
FUNCTION1(log1p, u10)
ALWAYS vec v_sinpi(vec x)
{
    /* x - 2 * rint(x / 2) is exact. */
    return v_each1(sin, (x - 2 * v_rint(x * (real)0.5)) * (real)3.14159265358979323846);
}
#endif
#undef FUNCTION1
#undef FUNCTION2

#if IS_F32
enum { MANTISSA = 23, BIAS = 127 };
#else
enum { MANTISSA = 52, BIAS = 1023 };
#endif

/* exp(x) = 2^n (1 + r + r^2 q(r)), r = x - n ln 2, |r| <= ln(2) / 2; q interpolates at Chebyshev's
 * nodes (error 1e-9 f32, 1e-18 f64).  2^n is applied in two factors, so that denormal results
 * are rounded once. */
ALWAYS vec v_exp(vec x)
{
#if IS_F32
    static const real q[] = {(real)1.989099082e-4, (real)1.393365e-3, (real)8.333310925e-3, (real)4.166646493e-2,
                             (real)1.666666668e-1, (real)0.5};
    const real lowest = -104, highest = 89, magic = 12582912, ln2_high = (real)0.693359375,
               ln2_low = (real)-2.12194440e-4;
#else
    static const real q[] = {2.09146869680868772e-9, 2.51052170047207452e-8, 2.75572736431102953e-7,
                             2.75572554002064244e-6, 2.48015873255477412e-5, 1.98412698748206253e-4,
                             1.38888888888837483e-3, 8.33333333332613513e-3, 4.16666666666666698e-2,
                             1.6666666666666671e-1, 0.5};
    const real lowest = -746, highest = 710, magic = 6755399441055744, ln2_high = 6.93147180369123816490e-01,
               ln2_low = 1.90821492927058770002e-10;
#endif
    vec inside = v_where(x < lowest, splat(lowest), v_where(x > highest, splat(highest), x));
    vec shifted = v_mad(inside, splat((real)1.44269504088896340736), splat(magic));
    vec n = shifted - magic;
    vec r = v_mad(n, splat(-ln2_low), v_mad(n, splat(-ln2_high), inside));
    vec p = splat(q[0]);
#pragma GCC unroll 16
    for (unsigned i = 1; i < sizeof q / sizeof *q; i++) p = v_mad(p, r, splat(q[i]));
    p = 1 + v_mad(p * r, r, r);
    mask power = (mask)shifted - (mask)splat(magic);
    mask half = (mask)v_mad(n, splat((real)0.5), splat(magic)) - (mask)splat(magic);
    return p * (vec)((half + BIAS) << MANTISSA) * (vec)((power - half + BIAS) << MANTISSA);
}

ALWAYS vec v_sigmoid(vec x) { return 1 / (1 + v_exp(-x)); }

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
    return y == __builtin_rint(y) && y > -1e5 && y < 1e5 ? ldexp(x, (int)y) : x * exp2(y);
}
ALWAYS vec v_ldexp(vec x, vec y) { return v_each2(ldexp_lane, x, y); }
#endif
