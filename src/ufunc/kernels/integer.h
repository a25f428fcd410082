/* integer: the vocabulary of ops.def for integers and bool, one element at a time; the compiler
 * makes vectors of the spans.  Overflow wraps (-fwrapv); nothing traps.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_INTEGER_H
#define RT_UFUNC_KERNELS_INTEGER_H
#include "ufunc/kernels/word.h"

#define R(e) (e)
#define where(c, a, b) ((c) ? (a) : (b))
#define conj(x) (x)
#define lt(x, y) ((x) < (y))
#define le(x, y) ((x) <= (y))
#endif
