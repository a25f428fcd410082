/* ranges: numbers at even distances, each computed from its place alone.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_RANGES_H
#define RT_UFUNC_KERNELS_RANGES_H
#include <stdint.h>

typedef struct {
    /* start + i * step, which wraps, for i below n */
    void (*whole32)(void *to, uint64_t start, uint64_t step, intptr_t n), (*whole64)(void *to, uint64_t start, uint64_t step, intptr_t n);
    /* a + (first + i) * by in double precision; n below 2^31 */
    void (*real32)(void *to, double a, double first, double by, intptr_t n), (*real64)(void *to, double a, double first, double by, intptr_t n);
} rt_ranges;
#endif
