/* copy: moving elements of 1, 2, 4, 8 or 16 bytes from rows of any steps to rows of any steps, whatever they mean.
 * Walks pack and unpack their operands by it, rt_move copies by it.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_COPY_H
#define RT_UFUNC_KERNELS_COPY_H
#include <stdint.h>

/* Where elements lie: `row` bytes from a row to the next, `step` bytes from a column to the next. */
typedef struct { char *at; intptr_t row, step; } rt_place;

/* The two places do not overlap. */
typedef void rt_copier(rt_place to, rt_place from, intptr_t rows, intptr_t cols);
#endif
