/* norm: the arithmetic of normalisations.  Sums are of float lanes within blocks, in double over
 * blocks, in an order that n alone decides; statistics take two passes (mean, then squares of
 * differences from it).  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_NORM_H
#define RT_UFUNC_KERNELS_NORM_H
#include <stdint.h>

/* x, g: operands; mean, rstd: a number a row; w, b: one a column, or NULL. */
typedef struct {
    const void *x, *g, *w, *b;
    void *out, *mean, *rstd;        /* gx is `out`; mean NULL: not subtracted (RMS) */
    intptr_t n;
    double eps;
} rt_norm_rows;

typedef struct {   /* one per dtype with kernels (f32, f64) */
    /* Rows [begin, end): out = (x - mean) rstd w + b, mean and rstd written. */
    void (*rows)(const rt_norm_rows *q, intptr_t begin, intptr_t end);
    /* Rows [begin, end): gx, when out is given; gw and gb (doubles, n each, added to) when given. */
    void (*rows_backward)(const rt_norm_rows *q, intptr_t begin, intptr_t end, double *gw, double *gb);
    /* Sums over `runs` runs of n packed elements, `step` elements from one to the next: of x; of (x - center)^2; of g
     * and of g (x - center). */
    double (*sum)(const void *x, intptr_t n, intptr_t runs, intptr_t step);
    double (*squares)(const void *x, intptr_t n, intptr_t runs, intptr_t step, double center);
    void (*dots)(const void *g, const void *x, intptr_t n, intptr_t runs, intptr_t step, double center, double out[2]);
    /* out = (x - center) a + b; out may be x */
    void (*affine)(const void *x, void *out, intptr_t n, double center, double a, double b);
    /* gx = a g + b (x - center) + c */
    void (*slope)(const void *g, const void *x, void *gx, intptr_t n, double center, double a, double b, double c);
    /* The same over columns [0, n) of `rows` rows `step` elements apart, a number a column; sums are added to. */
    void (*column_sums)(const void *x, intptr_t rows, intptr_t step, intptr_t n, double *sum);
    void (*column_squares)(const void *x, intptr_t rows, intptr_t step, intptr_t n, const double *center, double *sum);
    void (*column_dots)(const void *g, const void *x, intptr_t rows, intptr_t step, intptr_t n, const double *center,
                        double *sum_g, double *sum_gx);
    void (*column_affine)(const void *x, void *out, intptr_t rows, intptr_t step, intptr_t n, const double *center,
                          const double *a, const double *b);
    void (*column_slope)(const void *g, const void *x, void *gx, intptr_t rows, intptr_t step, intptr_t n,
                         const double *center, const double *a, const double *b, const double *c);
} rt_norms;
#endif
