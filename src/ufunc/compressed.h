/* compressed: the stored entries of a sparse matrix, as tensors, made ready for the kernels of kernels/sparse.h.
 * Indices come from anywhere: nothing but their number is taken for granted.  Floor: ufunc. */
#ifndef RT_UFUNC_COMPRESSED_H
#define RT_UFUNC_COMPRESSED_H
#include "ufunc/op.h"
#include "ufunc/kernels/sparse.h"

/* The dtype that products of `d` are computed in; what they become fits into d again. */
rt_dtype rt_compressed_dtype(rt_dtype d);
/* t in C order and of dtype; new reference, t itself where it is so. */
RT_WARN_UNUSED rt_tensor *rt_compressed_dense(const rt_tensor *t, rt_dtype dtype);

typedef struct {
    rt_compressed m;
    rt_tensor *data, *index, *start;   /* owned; data may be NULL */
} rt_lines;

/* Checks numbers and kinds, packs, converts: indices to int64 unless both are int32 (and `wide` is 0).  data NULL: the
 * entries have no values.  On failure nothing is owned.  0 or -1. */
RT_WARN_UNUSED int rt_lines_begin(const rt_op *op, const rt_tensor *data, const rt_tensor *index, const rt_tensor *start,
                                  intptr_t length, rt_dtype dtype, int wide, rt_lines *l);
void rt_lines_end(rt_lines *l);
/* Raises IndexError: says what is wrong with line i.  -1. */
int rt_lines_refuse(const rt_op *op, const rt_compressed *m, intptr_t i);
/* Lines for one piece of work of a thread, when each entry costs `width`. */
intptr_t rt_lines_grain(const rt_compressed *m, intptr_t width);
#endif
