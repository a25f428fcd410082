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

/* log(x) + c, c below an ULP of x. */
ALWAYS vec log_plus(vec x, vec c)
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
    vec rest = v_mad(s, v_mad(square, POLYNOMIAL(q, square), half), v_mad(k, splat(1.9082149292705877e-10), c));
    vec r = v_mad(k, splat(0.693147180369123816490), f - (half - rest));
    r = v_where((x > 0) & (x < (real)INFINITY), r, x + x);                     /* inf and NaN */
    return v_where(x < 0, splat(NAN), v_where(x == 0, splat(-INFINITY), r));
}
ALWAYS vec fused_log(vec x) { return log_plus(x, splat(0)); }
/* log(u) with u = 1 + x rounded, and what the rounding took off: (x - (u - 1)) / u. */
ALWAYS vec fused_log1p(vec x)
{
    vec u = 1 + x;
    return v_where(x == 0, x, log_plus(u, v_where(u < (real)INFINITY, (x - (u - 1)) / u, splat(0))));
}
#endif
