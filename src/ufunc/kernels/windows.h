/* windows: maxima over windows of planes, and banded linear maps along a dimension (means over windows,
 * interpolation).  Same bits whatever range a call is given.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_WINDOWS_H
#define RT_UFUNC_KERNELS_WINDOWS_H
#include <stdint.h>

/* Windows of a plane: output o of dimension d sees `count[d][o]` positions from start[d][o] on, dilation[d] apart,
 * all inside the plane. */
typedef struct {
    intptr_t in[3], out[3], dilation[3];
    const intptr_t *start[3], *count[3];
    const intptr_t *alike;         /* outputs of the last dimension, from each on, of one count and one distance */
} rt_window_grid;

/* A banded matrix: out[j] = sum of weights[j * width + t] * x[start[j] + t], t < count[j], on a dimension of
 * length n with `inner` packed elements behind each position. */
typedef struct {
    intptr_t n, m, inner, width;
    int copies;                    /* 1: each output is an input; 2: each input stands twice, in order */
    const intptr_t *start, *count;
    const char *weights;           /* of x's dtype */
} rt_band;

typedef struct {   /* f32, f64 and i64; others are computed through these */
    /* Largest elements of one plane and their positions in it: the first of equal ones, the last NaN. */
    void (*max)(const rt_window_grid *q, const char *x, char *out, int64_t *index);
    /* The same of planes that follow each other, without positions. */
    void (*largest)(const rt_window_grid *q, const char *x, char *out, intptr_t planes);
    /* Rows begin..end of (outer, m) results. */
    void (*band)(const rt_band *b, const char *x, char *out, intptr_t begin, intptr_t end);
} rt_windows;
#endif
