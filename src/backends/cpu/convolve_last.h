/* convolve_last: convolutions of float32 over windows of the image that are turned channels last.  Floor: backends,
 * private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_LAST_H
#define RT_BACKENDS_CPU_CONVOLVE_LAST_H
#include "backends/convolve.h"

/* Is this the fastest way for the dtype and geometry? */
int rt_convolve_last_takes(const rt_convolution *q, rt_convolve_kind kind);
intptr_t rt_convolve_last_workspace(const rt_convolution *q, rt_convolve_kind kind);
/* As rt_convolve: writes the one of x, w and y that the kind says.  0, or -1: no memory for a thread's buffers. */
int rt_convolve_last(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y, const char *bias,
                     char *space);
#endif
