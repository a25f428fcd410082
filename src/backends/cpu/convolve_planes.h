/* convolve_planes: convolutions whose groups have one input channel (depthwise ones), plane by plane.
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_PLANES_H
#define RT_BACKENDS_CPU_CONVOLVE_PLANES_H
#include "backends/convolve.h"

/* Is this what the planes are for, on a processor that has the kernels? */
int rt_convolve_planes_takes(const rt_convolution *q, rt_convolve_kind kind);
/* As rt_convolve, without work space. */
int rt_convolve_planes(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias);
#endif
