/* rowwise: fused kernels over rows (softmax, log_softmax, logsumexp, cross entropy, var),
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
    /* one-pass cross entropy of class numbers: loss[r] = w[t] * (logsumexp(x[r]) - x[r][t]), 0 where t == ignore;
     * keeps log_softmax in logp.  w may be NULL. */
    void (*cross_entropy)(const char *x, const int64_t *target, const char *w, int64_t ignore,
                          char *logp, char *loss, intptr_t rows, intptr_t n);
    /* gx[r][j] = scale[r] * (exp(logp[r][j]) - (j == t)), 0 where t == ignore */
    void (*cross_entropy_backward)(const char *logp, const int64_t *target, int64_t ignore,
                                   const char *scale, char *gx, intptr_t rows, intptr_t n);
} rt_rowwise;
#endif
