/* convolve_winograd: 3 x 3 convolutions of float32 with a quarter of the multiplications (Winograd's F(4x4, 3x3)).
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_WINOGRAD_H
#define RT_BACKENDS_CPU_CONVOLVE_WINOGRAD_H
#include "backends/convolve.h"

/* Is this the fastest way for the dtype and geometry? */
int rt_convolve_winograd_takes(const rt_convolution *q, rt_convolve_kind kind);
intptr_t rt_convolve_winograd_workspace(const rt_convolution *q, rt_convolve_kind kind);
/* 0, or -1: no memory for a thread's buffers, or 1: a result is not finite.  Then infinities of the operands may
 * have spread further than they should, and another way must be taken. */
int rt_convolve_winograd(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y,
                         const char *bias, char *result, char *space);
#endif
