/* rowwise: fused kernels over rows (softmax, log_softmax, logsumexp),
 * contiguous rows of n elements, `rows` of them, x and out packed.  Same bits whatever range
 * of rows a call is given.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ROWWISE_H
#define RT_UFUNC_KERNELS_ROWWISE_H
#include "core/dtype.h"

typedef struct {   /* one per dtype with kernels (f32, f64); others are computed through these */
    void (*softmax)(const char *x, char *out, intptr_t rows, intptr_t n);
    void (*log_softmax)(const char *x, char *out, intptr_t rows, intptr_t n);
    void (*logsumexp)(const char *x, char *out, intptr_t rows, intptr_t n);
    void (*softmax_backward)(const char *g, const char *out, char *gx, intptr_t rows, intptr_t n);
    void (*log_softmax_backward)(const char *g, const char *out, char *gx, intptr_t rows, intptr_t n);
    /* The same down m neighbouring columns of n rows, `step` elements from row to row in all operands; the bits are
     * those of rows.  x and out, or g and gx, may be one. */
    void (*softmax_columns)(const char *x, char *out, intptr_t n, intptr_t step, intptr_t m);
    void (*log_softmax_columns)(const char *x, char *out, intptr_t n, intptr_t step, intptr_t m);
    void (*softmax_backward_columns)(const char *g, const char *out, char *gx, intptr_t n, intptr_t step, intptr_t m);
    void (*log_softmax_backward_columns)(const char *g, const char *out, char *gx, intptr_t n, intptr_t step, intptr_t m);
} rt_rowwise;
#endif
