/* take_rows: batches of a dataset.  Floor: ufunc. */
#ifndef RT_UFUNC_TAKE_ROWS_H
#define RT_UFUNC_TAKE_ROWS_H
#include "core/tensor.h"

/* New tensor of x's elements along its first dimension at numbers[start, start + count), an int64
 * vector in C order; negative numbers count from the end.  Recorded when x requires a gradient. */
RT_WARN_UNUSED rt_tensor *rt_take_rows(rt_tensor *x, rt_tensor *numbers, intptr_t start, intptr_t count);
#endif
