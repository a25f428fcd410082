/* complex: the vocabulary of ops.def for c64 and c128, one element at a time.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_COMPLEX_H
#define RT_UFUNC_KERNELS_COMPLEX_H
#include <complex.h>
#include <math.h>
#include "ufunc/kernels/word.h"

#define R(e) (e)
ALWAYS element c_exp(element x) { return (element)cexp(x); }
/* Lexicographic order, false where a NaN takes part, as NumPy. */
ALWAYS uint8_t c_lt(element x, element y)
{
    real_part a = __real__ x, b = __imag__ x, c = __real__ y, d = __imag__ y;
    return (a < c && b == b && d == d) || (a == c && b < d);
}
ALWAYS uint8_t c_le(element x, element y)
{
    real_part a = __real__ x, b = __imag__ x, c = __real__ y, d = __imag__ y;
    return (a < c && b == b && d == d) || (a == c && b <= d);
}

#define lt(x, y) c_lt(x, y)
#define le(x, y) c_le(x, y)
#define exp(x) c_exp(x)
#endif
