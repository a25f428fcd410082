/* portable: elementary functions whose bits do not depend on the instruction set in force: of a row the
 * baseline's loop is run, for random numbers that must be the same on every machine.  Floor: ufunc. */
#ifndef RT_UFUNC_PORTABLE_H
#define RT_UFUNC_PORTABLE_H
#include "ufunc/op.h"

/* The unary elementwise row `name` of x, computed in float64 by the baseline's loop; a new tensor without
 * history.  ValueError for a name that is no such row. */
RT_WARN_UNUSED rt_tensor *rt_portable_apply(const char *name, rt_tensor *x);
#endif
