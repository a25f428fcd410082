/* random: what the random kernels export.  A stream is an endless row of groups of 32 words,
 * each computed from its own number, so any cut of the row gives the same bits.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_RANDOM_H
#define RT_UFUNC_KERNELS_RANDOM_H
#include <stdint.h>

typedef struct { uint64_t seed, number; } rt_stream;

enum { RT_GROUP_WORDS = 32 };

typedef struct {   /* one per dtype with kernels (f32, f64) */
    int group;     /* elements a group gives: 32 or 16 */
    /* The words of `n` groups from number `first` on. */
    void (*words)(rt_stream s, uint64_t first, intptr_t n, uint32_t *out);
    /* low + u * width, u uniform in [0, 1) with 24 or 53 random bits */
    void (*uniform)(rt_stream s, uint64_t first, intptr_t n, double low, double width, void *out);
    /* mean + z * deviation, z normal */
    void (*normal)(rt_stream s, uint64_t first, intptr_t n, double mean, double deviation, void *out);
    /* out[i] = word i < below ? x[i] * scale : 0, for n elements of which the first is the first of a group */
    void (*dropout)(rt_stream s, uint64_t first, intptr_t n, uint64_t below, double scale, const void *x, void *out);
} rt_randoms;
#endif
