/* lu_small: LU of matrices so small that a call of LAPACK costs more than their arithmetic; the same pivots as
 * LAPACK's.  Column-major, packed.  Floor: backends.  Knows no Python. */
#ifndef RT_BACKENDS_CPU_LU_SMALL_H
#define RT_BACKENDS_CPU_LU_SMALL_H
#include <stdint.h>
#include "core/dtype.h"

#define RT_LU_SMALL 8          /* the longest side */

int rt_lu_small_factor(rt_dtype d, int n, void *a, int32_t *pivots);      /* LAPACK's info */
void rt_lu_small_solve(rt_dtype d, int n, int nrhs, const void *lu, const int32_t *pivots, void *b);
void rt_lu_small_invert(rt_dtype d, int n, void *lu, const int32_t *pivots);
#endif
