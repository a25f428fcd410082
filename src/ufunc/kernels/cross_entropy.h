/* cross_entropy: losses over classes, fused.  Scores are rows of n classes, or columns of n rows at `step` elements.
 * The loss of a row is -sum(A[j] logp[j]) with A[j] = w[j] (q[j] keep + even), and keep w[t] more at
 * class t of a row that has a class number: plain class numbers, smoothed ones, and probabilities q.  A row whose
 * class is `ignore` counts nothing.  The bits are the same for rows and columns and any range of them.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_CROSS_ENTROPY_H
#define RT_UFUNC_KERNELS_CROSS_ENTROPY_H
#include "core/dtype.h"

typedef struct {
    const char *x, *q, *w;      /* scores; probabilities that lie as they do, or NULL: zeros; weights, or NULL: ones */
    const int64_t *target;      /* class numbers; NULL: none */
    int64_t ignore;
    double keep, even;
    char *most, *rest;          /* of each row: what log_softmax subtracts, its maximum and log(sum(exp(x - most))) */
    char *losses;               /* forward */
    const char *scale;          /* backward: what each row's loss counts */
    char *gx;                   /* backward: scale (exp(logp) sum(A) - A), as the scores lie */
} rt_entropy;

typedef struct {   /* forward ones write most, rest and losses */
    void (*rows)(const rt_entropy *e, intptr_t rows, intptr_t n);
    void (*columns)(const rt_entropy *e, intptr_t n, intptr_t step, intptr_t m);
    void (*rows_backward)(const rt_entropy *e, intptr_t rows, intptr_t n);
    void (*columns_backward)(const rt_entropy *e, intptr_t n, intptr_t step, intptr_t m);
} rt_entropies;
#endif
