/* cholesky_small: Cholesky's factor of real matrices so small that a call of LAPACK costs more than their arithmetic.
 * Column-major, packed.  Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CHOLESKY_SMALL_H
#define RT_BACKENDS_CPU_CHOLESKY_SMALL_H
#include <stdint.h>
#include "core/dtype.h"

#define RT_CHOLESKY_SMALL 8     /* the longest side */

/* f32 or f64; reads and writes the triangle that uplo ('L' or 'U') names.  LAPACK's info. */
int rt_cholesky_small(rt_dtype d, char uplo, int n, void *a);
#endif
