/* convolve_correlation: see its header.  A transposed convolution is one correlation for each phase of its stride, so
 * that every sum runs over taps that exist.  Floor: backends. */
#include "backends/cpu/convolve_correlation.h"

static void finish(rt_correlation *c)
{
    c->k = c->channels * c->taps[0] * c->taps[1] * c->taps[2];
    c->plane = c->in[0] * c->in[1] * c->in[2];
    c->inside = 1;
    for (int d = 0; d < 3; d++)
        for (intptr_t t = 0; t < c->taps[d]; t++)
            c->inside &= c->offset[d][t] >= 0 && (c->count[d] - 1) * c->step[d] + c->offset[d][t] < c->in[d];
}

void rt_correlation_forward(const rt_convolution *q, rt_correlation *c)
{
    intptr_t stride = 1;
    c->channels = q->c_in;
    c->rows = q->c_out;
    for (int d = 2; d >= 0; d--) {
        c->in[d] = q->in[d];
        c->count[d] = c->y_length[d] = q->out[d];
        c->step[d] = q->stride[d];
        c->taps[d] = q->kernel[d];
        c->y_step[d] = 1;
        c->y_at[d] = 0;
        for (intptr_t t = 0; t < q->kernel[d]; t++) {
            c->offset[d][t] = t * q->dilation[d] - q->pad[d];
            c->tap[d][t] = t * stride;
        }
        stride *= q->kernel[d];
    }
    c->w_channel = stride;
    c->w_row = stride * q->c_in;
    c->y_plane = q->out[0] * q->out[1] * q->out[2];
    finish(c);
}

void rt_correlation_phase(const rt_convolution *q, const intptr_t *r, rt_correlation *c)
{
    intptr_t stride = 1;
    c->channels = q->c_out;
    c->rows = q->c_in;
    for (int d = 2; d >= 0; d--) {
        const intptr_t s = q->stride[d];
        c->in[d] = q->out[d];
        c->y_length[d] = q->in[d];
        c->count[d] = (q->in[d] - r[d] + s - 1) / s;
        c->step[d] = 1;
        c->y_step[d] = s;
        c->y_at[d] = r[d];
        c->taps[d] = 0;
        for (intptr_t t = 0; t < q->kernel[d]; t++) {
            const intptr_t at = r[d] + q->pad[d] - t * q->dilation[d];
            if (at % s) continue;
            c->offset[d][c->taps[d]] = at / s;
            c->tap[d][c->taps[d]++] = t * stride;
        }
        stride *= q->kernel[d];
    }
    c->w_row = stride;
    c->w_channel = stride * q->c_in;
    c->y_plane = q->in[0] * q->in[1] * q->in[2];
    finish(c);
}
