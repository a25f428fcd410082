/* integer: the vocabulary of elementwise.def for integers and bool, one element at a time; the compiler
 * makes vectors of the spans.  Overflow wraps (-fwrapv); nothing traps: what is divided by zero
 * is 0, as in NumPy.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_INTEGER_H
#define RT_UFUNC_KERNELS_INTEGER_H
#include "ufunc/kernels/word.h"

enum { BITS = 8 * sizeof(element) };

#if IS_SIGNED
#define NEGATIVE(x) ((x) < 0)
#else
#define NEGATIVE(x) 0
#endif

/* C's quotient and remainder; INT_MIN / -1 wraps. */
ALWAYS element i_quotient(element x, element y)
{
#if IS_SIGNED
    if (y == -1) return (element)-x;
#endif
    return y == 0 ? 0 : (element)(x / y);
}
ALWAYS element i_fmod(element x, element y)
{
#if IS_SIGNED
    if (y == -1) return 0;
#endif
    return y == 0 ? 0 : (element)(x % y);
}
ALWAYS element i_remainder(element x, element y)
{
    element m = i_fmod(x, y);
    return (m != 0) & (NEGATIVE(m) != NEGATIVE(y)) ? (element)(m + y) : m;
}
ALWAYS element i_floor_divide(element x, element y)
{
    element q = i_quotient(x, y), m = (element)(x - q * y);
    return (element)(q - ((m != 0) & (y != 0) & (NEGATIVE(x) != NEGATIVE(y))));
}
/* By squaring.  A negative exponent gives what the true power truncates to. */
ALWAYS element i_pow(element x, element y)
{
    element p = 1;
#if IS_SIGNED
    if (y < 0) return x == 1 ? 1 : x == -1 ? ((y & 1) ? -1 : 1) : 0;
#endif
    for (; y > 0; y = (element)(y >> 1), x = (element)(x * x))
        if (y & 1) p = (element)(p * x);
    return p;
}
ALWAYS element i_abs(element x) { return NEGATIVE(x) ? (element)-x : x; }
ALWAYS element i_gcd(element x, element y)
{
    x = i_abs(x), y = i_abs(y);
    while (y != 0) {
        element m = i_fmod(x, y);
        x = y, y = m;
    }
    return i_abs(x);
}
ALWAYS element i_lcm(element x, element y)
{
    element d = i_gcd(x, y);
    return d == 0 ? 0 : (element)(i_abs(i_quotient(x, d)) * i_abs(y));
}
/* Shifts by the width or more (or by less than nothing) push everything out. */
ALWAYS element i_left_shift(element x, element y)
{
    return (uint64_t)y < BITS ? (element)((uint64_t)x << y) : 0;
}
ALWAYS element i_right_shift(element x, element y)
{
    return (uint64_t)y < BITS ? (element)(x >> y) : NEGATIVE(x) ? (element)-1 : 0;
}

#define R(e) (e)
#define where(c, a, b) ((c) ? (a) : (b))
#define lt(x, y) ((x) < (y))
#define le(x, y) ((x) <= (y))
#define conj(x) (x)
#define positive(x) (x)
#define abs(x) i_abs(x)
#define sign(x) ((element)(((x) > 0) - NEGATIVE(x)))
#define sgn(x) sign(x)
#define square(x) ((element)((x) * (x)))
#define floor(x) (x)
#define ceil(x) (x)
#define trunc(x) (x)
#define round(x) (x)
#define signbit(x) NEGATIVE(x)
#define isnan(x) 0
#define isinf(x) 0
#define isfinite(x) 1
#define isposinf(x) 0
#define isneginf(x) 0
#define maximum(x, y) ((x) > (y) ? (x) : (y))
#define minimum(x, y) ((x) < (y) ? (x) : (y))
#define fmax(x, y) maximum(x, y)
#define fmin(x, y) minimum(x, y)
#define fmod(x, y) i_fmod(x, y)
#define remainder(x, y) i_remainder(x, y)
#define floor_divide(x, y) i_floor_divide(x, y)
#define pow(x, y) i_pow(x, y)
#define gcd(x, y) i_gcd(x, y)
#define lcm(x, y) i_lcm(x, y)
#if IS_BOOL
#define bitwise_not(x) (!(x))
#else
#define bitwise_not(x) ((element)~(x))
#endif
#define bitwise_left_shift(x, y) i_left_shift(x, y)
#define bitwise_right_shift(x, y) i_right_shift(x, y)
#endif
