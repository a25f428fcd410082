/* logarithm: float64 log and log1p where products can be fused but no table fits in registers.
 *   log(2^k m) = k ln 2 + f - (f^2 / 2 - s (f^2 / 2 + R)),  f = m - 1, s = f / (2 + f), R = s^2 q(s^2)
 * for m within sqrt(1/2) and sqrt(2): the series of the inverse hyperbolic tangent, arranged as in K. C. Ng's
 * fdlibm (1993).  Measured: within 0.85 ULP.  Floor: ufunc/kernels.  Word f64 only. */
#ifndef RT_UFUNC_KERNELS_LOGARITHM_H
#define RT_UFUNC_KERNELS_LOGARITHM_H
#include <math.h>
#include <stdint.h>
#include "ufunc/kernels/pairs.h"

typedef uint64_t unsigned_bits __attribute__((vector_size(sizeof(vec))));

/* x = 2^k (1 + f); f^2 / 2 + R */
typedef struct { vec k, f, half, s, series; } fused_argument;
ALWAYS fused_argument fused_reduced(vec x)
{
    static const double q[] = {0.1461703754879165, 0.1533167403016786, 0.18182890556695602, 0.2222221111514416,
                               0.2857142862609589, 0.3999999999989924, 0.666666666666667};
    const int64_t root = 0x3fe6a09e667f3bcd;                        /* the bits of sqrt(1/2) */
    mask tiny = x < 0x1p-1022;
    mask bits = (mask)v_where(tiny, x * 0x1p54, x) - root;
    vec m = (vec)((bits & 0xfffffffffffff) + root);
    /* the exponent, a signed number of 12 bits, put into the last bits of 2^52 */
    mask exponent = (mask)(((unsigned_bits)bits >> 52) ^ 0x800) + 0x4330000000000000;
    vec k = (vec)exponent - (0x1p52 + 2048) - v_where(tiny, splat(54), splat(0));
    vec f = m - 1, s = f / (f + 2), square = s * s, half = f * f * 0.5;
    return (fused_argument){k, f, half, s, v_mad(square, POLYNOMIAL(q, square), half)};
}
/* r where x is above 0 and finite, the limits elsewhere. */
ALWAYS vec fused_limits(vec x, vec r)
{
    r = v_where((x > 0) & (x < (real)INFINITY), r, x + x);                     /* inf and NaN */
    return v_where(x < 0, splat(NAN), v_where(x == 0, splat(-INFINITY), r));
}
/* log(x) + c, c below an ULP of x. */
ALWAYS vec log_plus(vec x, vec c)
{
    fused_argument a = fused_reduced(x);
    vec rest = v_mad(a.s, a.series, v_mad(a.k, splat(1.9082149292705877e-10), c));
    return fused_limits(x, v_mad(a.k, splat(0.693147180369123816490), a.f - (a.half - rest)));
}
/* To another base: log 2 in two parts, whose first times k is exact, and 1 / log of the base in two. */
typedef struct { double two_high, two_low, factor, factor_low; } log_scale;
static const log_scale scale_2 = {1, 0, 1.4426950408889634, 2.0355273740931033e-17};
static const log_scale scale_10 = {0.3010299956640665, -8.532344317057107e-14, 0.4342944819032518,
                                   1.098319650216765e-17};
ALWAYS vec fused_log_of(vec x, const log_scale *base)
{
    fused_argument a = fused_reduced(x);
    vec high = a.f - a.half, low = v_mad(a.s, a.series, (a.f - high) - a.half);
    vec p = high * base->factor, t = a.k * base->two_high, sum = t + p;        /* t is 0 or above p */
    vec rest = v_mad(high, splat(base->factor), -p) + v_mad(high, splat(base->factor_low), low * base->factor);
    return fused_limits(x, sum + (((t - sum) + p) + v_mad(a.k, splat(base->two_low), rest)));
}
ALWAYS vec fused_log(vec x) { return log_plus(x, splat(0)); }
/* log(u) with u = 1 + x rounded, and what the rounding took off: (x - (u - 1)) / u. */
ALWAYS vec fused_log1p(vec x)
{
    vec u = 1 + x;
    return v_where(x == 0, x, log_plus(u, v_where(u < (real)INFINITY, (x - (u - 1)) / u, splat(0))));
}
#endif
