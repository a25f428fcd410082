/* fft_plan: tables of Fourier transforms, made once for a length and dtype and kept while they are used often.
 * Floor: ufunc.  Call with the GIL held. */
#ifndef RT_UFUNC_FFT_PLAN_H
#define RT_UFUNC_FFT_PLAN_H
#include "core/tensor.h"
#include "ufunc/kernels/fft.h"

typedef struct rt_fft_plan rt_fft_plan;
struct rt_fft_plan {
    rt_fft_tables tables, inner;   /* inner: the passes of a chirp's own length */
    /* what it was made for */
    intptr_t n;
    rt_dtype dtype;                /* f32 or f64 */
    int real;
    int users;                     /* calls under way, and the cache */
    uint64_t last;                 /* when it was last asked for */
    char *block;                   /* owned: all numbers */
    size_t bytes;
};

/* The plan of transforms of n complex numbers, or (real) of n real ones.  Give it back with rt_fft_plan_release.
 * NULL with MemoryError. */
RT_WARN_UNUSED rt_fft_plan *rt_fft_plan_take(rt_dtype dtype, intptr_t n, int real);
void rt_fft_plan_release(rt_fft_plan *plan);
#endif
