/* convolve_float: convolutions of float32 and float64 by kernels that pack patches straight into the panels
 * of a product.  Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_FLOAT_H
#define RT_BACKENDS_CPU_CONVOLVE_FLOAT_H
#include "backends/convolve.h"

/* Is there a kernel here for this dtype and geometry? */
int rt_convolve_float_takes(const rt_convolution *q, rt_convolve_kind kind);
intptr_t rt_convolve_float_workspace(const rt_convolution *q, rt_convolve_kind kind);
/* `result` is the one of x, w and y that the kind writes.  0, or -1: no memory for a thread's buffers. */
int rt_convolve_float(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y,
                      const char *bias, char *result, char *space);
#endif
