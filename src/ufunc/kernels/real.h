/* real: the vocabulary of ops.def for f32 and f64, over the vectors of vector.h.  A name is a
 * function-like macro over v_<name>, so that the text of an expression stays as written.
 * Numbers stand for vectors that hold them everywhere.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_REAL_H
#define RT_UFUNC_KERNELS_REAL_H
#include <math.h>
#include "ufunc/kernels/vector.h"
#ifdef RT_HAVE_SLEEF
#include <sleef.h>
#endif

#define R(e) V(e)
#define zero splat(0)
#define none splat(0)

ALWAYS vec v_where(mask c, vec a, vec b) { return select_bits(c, a, b); }
ALWAYS vec v_each1(double (*f)(double), vec x) { for (int i = 0; i < LANES; i++) x[i] = (real)f(x[i]); return x; }
ALWAYS vec v_exp(vec x) { return v_each1(exp, x); }

#define where(c, a, b) v_where((c), V(a), V(b))
#define conj(x) V(x)
#define lt(x, y) (V(x) < V(y))
#define le(x, y) (V(x) <= V(y))
#define exp(x) v_exp(V(x))
#endif
