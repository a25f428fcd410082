/* convolve_lanes: depthwise convolutions of one result channel a group, channels side by side.
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_LANES_H
#define RT_BACKENDS_CPU_CONVOLVE_LANES_H
#include "backends/convolve.h"

/* Do channels side by side pay, on a processor that has the kernels? */
int rt_convolve_lanes_takes(const rt_convolution *q, rt_convolve_kind kind);
/* As rt_convolve, without work space; never for the weight. */
int rt_convolve_lanes(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias);
#endif
