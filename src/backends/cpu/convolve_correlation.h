/* convolve_correlation: a convolution, or one phase of its transpose, as sums over taps at offsets.  Floor: backends,
 * private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_CORRELATION_H
#define RT_BACKENDS_CPU_CONVOLVE_CORRELATION_H
#include "backends/convolve.h"

#define RT_MAX_TAPS 32          /* along a dimension */

/* One group: y[row][o] = bias[row] + sum over (channel, taps) of w * x[o * step + offset]. */
typedef struct {
    intptr_t channels, rows, k, plane, in[3], count[3], step[3], taps[3];      /* k: channels times taps */
    intptr_t offset[3][RT_MAX_TAPS];         /* of a tap in the image, along its dimension */
    intptr_t tap[3][RT_MAX_TAPS], w_row, w_channel;       /* of a tap, row and channel in the weight */
    intptr_t y_plane, y_step[3], y_at[3], y_length[3];    /* where results go */
    int inside;                              /* no tap ever lies outside the image */
} rt_correlation;

/* y from x. */
void rt_correlation_forward(const rt_convolution *q, rt_correlation *c);
/* x from y, positions r, r + stride, ... of x: they see the taps that fall on positions of y. */
void rt_correlation_phase(const rt_convolution *q, const intptr_t *r, rt_correlation *c);
#endif
