/* convolve_float */
#include "backends/cpu/convolve_float.h"
int rt_convolve_float_takes(const rt_convolution *q, rt_convolve_kind kind) { return 0; }
intptr_t rt_convolve_float_workspace(const rt_convolution *q, rt_convolve_kind kind) { return 0; }
int rt_convolve_float(const rt_convolution *q, rt_convolve_kind kind, const char *x, char *w, char *y, const char *bias,
                      char *space) { return 0; }
