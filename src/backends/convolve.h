/* convolve: cross-correlation of images over one to three dimensions, its transpose, and its gradient
 * with respect to the weight.  Images are packed, channels before space; fewer than three dimensions have
 * leading lengths of 1.
 *
 *   x (n, groups * c_in, in...)    w (groups * c_out, c_in, kernel...)    y (n, groups * c_out, out...)
 *   y[o] = sum over taps k of w[k] * x[o * stride - pad + k * dilation]
 *
 * Work is cut over images, channels and positions, never over a sum, so that results do not depend on the
 * number of threads.  Floor: backends.  Knows no Python; may be called without the GIL. */
#ifndef RT_BACKENDS_CONVOLVE_H
#define RT_BACKENDS_CONVOLVE_H
#include <stddef.h>
#include <stdint.h>
#include "core/dtype.h"

typedef enum { RT_CONVOLVE, RT_CONVOLVE_BACK, RT_CONVOLVE_WEIGHT } rt_convolve_kind;

typedef struct {
    rt_dtype dtype;                      /* f32, f64, complex or an integer */
    intptr_t n, groups, c_in, c_out;     /* images; groups; channels of x and of y in each group */
    intptr_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
} rt_convolution;

/* Bytes of work space (64-byte aligned) that the call needs; 0: none. -1: more than there is address space. */
intptr_t rt_convolve_workspace(const rt_convolution *q, rt_convolve_kind kind);
/* What the kind says: y from (x, w), x from (y, w), w from (x, y); the third is written.  bias: one number per
 * channel of what is written, or NULL; none for the weight.  0, or -1: no memory for a thread's buffers. */
int rt_convolve(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias, char *space);

/* The patches of one image (c_in * groups, in...) as columns (channels, kernel..., out...), elements of
 * `item` bytes, zeros outside; and columns added up into a zeroed image. */
void rt_convolve_unfold(const rt_convolution *q, size_t item, intptr_t channels, const char *image, char *columns);
void rt_convolve_fold(const rt_convolution *q, intptr_t channels, const char *columns, char *image);
#endif
