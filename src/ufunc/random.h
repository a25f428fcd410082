/* random: the generator and what fills tensors from it.  A generator is a seed and the number
 * of the next stream; each fill takes one stream and computes element i from (seed, stream, i)
 * alone, in C order, so that threads and layout never change the numbers.  Floor: ufunc. */
#ifndef RT_UFUNC_RANDOM_H
#define RT_UFUNC_RANDOM_H
#include "core/tensor.h"
#include "ufunc/kernels/random.h"

typedef struct { uint64_t seed, next; } rt_generator;

extern rt_generator rt_generator_default;
void rt_generator_seed(rt_generator *g, uint64_t seed);
/* A seed from the system's entropy. */
uint64_t rt_generator_entropy(void);
rt_stream rt_generator_stream(rt_generator *g);

/* All write over `out` (any layout), without recording or version change.  0 or -1. */
/* low + u * (high - low), for floating and complex dtypes. */
RT_WARN_UNUSED int rt_random_uniform(rt_generator *g, rt_tensor *out, double low, double high);
RT_WARN_UNUSED int rt_random_normal(rt_generator *g, rt_tensor *out, double mean, double deviation);
/* Whole numbers low, ..., low + count - 1, all equally likely; count 0 stands for 2^64. */
RT_WARN_UNUSED int rt_random_integers(rt_generator *g, rt_tensor *out, int64_t low, uint64_t count);
/* One with probability p, else zero. */
RT_WARN_UNUSED int rt_random_bernoulli(rt_generator *g, rt_tensor *out, double p);
/* The numbers 0 ... size-1 in random order. */
RT_WARN_UNUSED int rt_random_permutation(rt_generator *g, rt_tensor *out);
#endif
