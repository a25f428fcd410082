/* complex: the vocabulary of elementwise.def for c64 and c128, one element at a time, with the special
 * values of C99's Annex G, as NumPy.  c64 has only what is exact enough in single precision;
 * the rest is computed in c128.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_COMPLEX_H
#define RT_UFUNC_KERNELS_COMPLEX_H
#include <complex.h>
#include <math.h>
#include "ufunc/kernels/word.h"

/* Rows that c64 computes itself though their class does not. */
#define SINGLE_reciprocal ~, 1

#define RE(x) (__real__(x))
#define IM(x) (__imag__(x))

ALWAYS element c_make(double re, double im)
{
    element z;
    RE(z) = (real_part)re, IM(z) = (real_part)im;
    return z;
}
/* Lexicographic order, false where a NaN takes part. */
ALWAYS uint8_t c_lt(element x, element y)
{
    return (RE(x) < RE(y) && IM(x) == IM(x) && IM(y) == IM(y)) || (RE(x) == RE(y) && IM(x) < IM(y));
}
ALWAYS uint8_t c_le(element x, element y)
{
    return (RE(x) < RE(y) && IM(x) == IM(x) && IM(y) == IM(y)) || (RE(x) == RE(y) && IM(x) <= IM(y));
}
/* Without branches, so that loops become vectors: complex128 is scaled by a power of 2 where squares would overflow or
 * vanish. */
ALWAYS real_part c_abs(element x)
{
    double re = __builtin_fabs((double)RE(x)), im = __builtin_fabs((double)IM(x)), unit = 1, back = 1;
#if !IS_C64
    double m = re > im ? re : im;
    unit = m > 0x1p500 ? 0x1p-600 : m < 0x1p-500 ? 0x1p600 : 1;
    back = m > 0x1p500 ? 0x1p600 : m < 0x1p-500 ? 0x1p-600 : 1;
#endif
    double a = re * unit, b = im * unit;
    real_part r = (real_part)(__builtin_sqrt(a * a + b * b) * back);
    return (re == INFINITY) | (im == INFINITY) ? (real_part)INFINITY : r;
}
/* Smith's method, as NumPy, without branches; by zero part by part. */
ALWAYS double _Complex c_quotient(double _Complex x, double _Complex y)
{
    const double a = RE(x), b = IM(x), c = RE(y), d = IM(y), zero = __builtin_fabs(c);
    const int low = __builtin_fabs(c) < __builtin_fabs(d), none = (c == 0) & (d == 0);
    double ratio = low ? c / d : d / c, scale = low ? c * ratio + d : d * ratio + c;
    double re = low ? a * ratio + b : b * ratio + a, im = low ? b * ratio - a : b - a * ratio;
    return CMPLX((none ? a : re) / (none ? zero : scale), (none ? b : im) / (none ? zero : scale));
}
/* Single precision's squares neither overflow nor vanish in double; infinities stand for more than it holds. */
ALWAYS element c_reciprocal(element x)
{
#if IS_C64
    double a = RE(x), b = IM(x);
    const int a_far = __builtin_fabs(a) == INFINITY, b_far = __builtin_fabs(b) == INFINITY;
    a = a_far ? __builtin_copysign(b_far ? NAN : 1e150, a) : a;
    b = b_far ? __builtin_copysign(1e150, b) : b;
    double inverse = 1 / (a * a + b * b);
    return c_make(a * inverse, -b * inverse);
#else
    return 1 / x;
#endif
}
/* x / |x|, scaled against overflow; to where one part is infinite. */
ALWAYS element c_sgn(element x)
{
    double a = RE(x), b = IM(x), unit = 1;
    const int a_far = __builtin_fabs(a) == INFINITY, b_far = __builtin_fabs(b) == INFINITY;
#if !IS_C64
    double m = __builtin_fabs(a) > __builtin_fabs(b) ? __builtin_fabs(a) : __builtin_fabs(b);
    unit = m > 0x1p500 ? 0x1p-600 : m < 0x1p-500 ? 0x1p600 : 1;
#endif
    const double end = a_far & b_far ? NAN : 1;
    a = a_far ? __builtin_copysign(end, a) : b_far ? 0 : a * unit;
    b = b_far ? __builtin_copysign(end, b) : a_far ? 0 : b * unit;
    double size = __builtin_sqrt(a * a + b * b);
    return c_make(size == 0 ? 0 : a / size, size == 0 ? 0 : b / size);
}
/* Whole exponents below 100 by multiplication, as NumPy, so that squares of Gaussian integers are exact. */
static UNUSED element c_pow(element x, element y)
{
    double a = RE(x), b = IM(x), c = RE(y), d = IM(y);
    if (c == 0 && d == 0) return 1;
    if (a == 0 && b == 0) return c > 0 ? c_make(0, 0) : c_make(NAN, NAN);
    double _Complex z = x;
    if (d == 0 && c == rint(c) && fabs(c) < 100) {
        if (c == 1) return x;
        if (c == 2) return (element)(z * z);
        if (c == 3) return (element)(z * (z * z));
        double _Complex p = 1;
        for (int n = (int)fabs(c);; z *= z) {
            if (n & 1) p *= z;
            if ((n >>= 1) == 0) break;
        }
        return (element)(c < 0 ? c_quotient(1, p) : p);
    }
    return (element)cpow(z, y);
}

#define R(e) (e)
#define where(c, a, b) ((c) ? (a) : (b))
#define lt(x, y) c_lt(x, y)
#define le(x, y) c_le(x, y)
#define conj(x) (~(x))
#define positive(x) (x)
#define abs(x) c_abs(x)
#define sgn(x) c_sgn(x)
#define sign(x) c_sgn(x)
#define div(x, y) ((element)c_quotient(x, y))
#define square(x) ((x) * (x))
#define reciprocal(x) c_reciprocal(x)
#define pow(x, y) c_pow(x, y)
#undef isnan
#undef isinf
#undef isfinite
#define isnan(x) ((x) != (x))
#define isinf(x) (__builtin_isinf(RE(x)) || __builtin_isinf(IM(x)))
#define isfinite(x) (__builtin_isfinite(RE(x)) && __builtin_isfinite(IM(x)))

#if !IS_C64
#define LN2 0.693147180559945309417
#define LN10 2.30258509299404568402
#define PI 3.14159265358979323846
/* Special values as the array API standard has them, which follows C's cexp. */
static UNUSED element c_expm1(element x)
{
    if (IM(x) == 0) return c_make(expm1(RE(x)) + 0.0, IM(x));      /* + 0.0: real part of -0 + 0j is 0 */
    if (!__builtin_isfinite(RE(x)) || !__builtin_isfinite(IM(x))) return cexp(x) - 1;
    double s = sin(0.5 * IM(x));
    return c_make(expm1(RE(x)) * cos(IM(x)) - 2 * s * s, exp(RE(x)) * sin(IM(x)));
}
static UNUSED element c_tanh(element x)
{
    return __builtin_isinf(RE(x)) ? c_make(copysign(1, RE(x)), copysign(0, IM(x))) : ctanh(x);
}
static UNUSED element c_tan(element x)          /* as -1j tanh(1j x) */
{
    return __builtin_isinf(IM(x)) ? c_make(copysign(0, RE(x)), copysign(1, IM(x))) : ctan(x);
}
static UNUSED element c_log1p(element x)
{
    double a = RE(x), b = IM(x);
    if (fabs(a) < 0.5 && fabs(b) < 0.5) return c_make(0.5 * log1p(a * (2 + a) + b * b), atan2(b, a + 1));
    return clog(c_make(a + 1, b));
}
/* log(e^x + e^y) from the one with the greater real part. */
static UNUSED element c_logaddexp(element x, element y)
{
    if (RE(x) < RE(y)) { element swap = x; x = y; y = swap; }
    if (isinf(RE(x)) && RE(x) == RE(y)) return RE(x) < 0 ? x : clog(cexp(x) + cexp(y));
    return x + c_log1p(cexp(y - x));
}
static UNUSED element c_sinc(element x) { return x == 0 ? 1 : csin(x * PI) / (x * PI); }
static UNUSED element c_log2(element x) { x = clog(x); return c_make(RE(x) / LN2, IM(x) / LN2); }
static UNUSED element c_log10(element x) { x = clog(x); return c_make(RE(x) / LN10, IM(x) / LN10); }

#define exp(x) cexp(x)
#define exp2(x) cexp((x) * LN2)
#define expm1(x) c_expm1(x)
#define log(x) clog(x)
#define log1p(x) c_log1p(x)
#define log2(x) c_log2(x)
#define log10(x) c_log10(x)
#define sqrt(x) csqrt(x)
#define rsqrt(x) (1 / csqrt(x))
#define sin(x) csin(x)
#define cos(x) ccos(x)
#define tan(x) c_tan(x)
#define asin(x) casin(x)
#define acos(x) cacos(x)
#define atan(x) catan(x)
#define sinh(x) csinh(x)
#define cosh(x) ccosh(x)
#define tanh(x) c_tanh(x)
#define asinh(x) casinh(x)
#define acosh(x) cacosh(x)
#define atanh(x) catanh(x)
#define angle(x) carg(x)
#define sinc(x) c_sinc(x)
#define ldexp(x, y) ((x) * cexp((y) * LN2))
#define logaddexp(x, y) c_logaddexp(x, y)
#define sigmoid(x) (1 / (1 + cexp(-(x))))
#define silu(x) ((x) / (1 + cexp(-(x))))
#define angle_slope(x) (c_make(0, 1) / ~(x))
#endif
#endif
