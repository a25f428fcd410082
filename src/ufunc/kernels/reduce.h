/* reduce: kernels that fold n elements into one by a fixed tree, so that the result depends
 * on the elements and their order alone: not on strides, threads or ISA.
 *
 *   element i goes to lane i mod RT_REDUCE_LANES of its block; a block is RT_REDUCE_BLOCK
 *   elements; a block's lanes are folded pairwise; blocks are folded as a binary counter
 *   would: ((b0 b1)(b2 b3)) ...
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_REDUCE_H
#define RT_UFUNC_KERNELS_REDUCE_H
#include "core/dtype.h"

#define RT_REDUCE_LANES 32
#define RT_REDUCE_BLOCK 1024
#define RT_REDUCE_AT_ONCE 32
#define RT_REDUCE_ROOM (RT_REDUCE_AT_ONCE * 3 * RT_REDUCE_LANES * 8)

typedef enum { RT_REDUCE_SUM, RT_REDUCE_PROD, RT_REDUCE_MAX, RT_REDUCE_MIN, RT_REDUCE_ARGMAX, RT_REDUCE_ARGMIN,
               RT_REDUCE_ANY, RT_REDUCE_ALL, RT_REDUCE_SUMSQ, RT_REDUCE_NANSUM, RT_REDUCE_NONZERO, RT_REDUCE_COUNT } rt_reduce_kind;

struct rt_reducer {
    rt_dtype accumulate;    /* dtype of partial results and of `out`: sum of i32 in i64, f16 in f32 */
    /* One block (n <= RT_REDUCE_BLOCK elements at `step` bytes) folded to *out. For ARGMAX and
     * ARGMIN, out is {value of the dtype, padded to 8 bytes; int64 index within the block}. */
    void (*block)(const char *x, intptr_t n, intptr_t step, char *out);
    /* The same for m neighbouring columns at once: rows at `step`, columns at `col` bytes;
     * out[j] of column j.  Same bits as block on each column. */
    void (*columns)(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, char *out);
    /* acc = acc fold part, over m partial results, every `gap`-th of either. */
    void (*combine)(char *acc, const char *part, intptr_t m, intptr_t gap);
    /* SUMSQ only: block and columns of |x - center|^2; center is an element of x's dtype, or one per
     * column (packed). */
    void (*block_about)(const char *x, intptr_t n, intptr_t step, const char *center, char *out);
    void (*columns_about)(const char *x, intptr_t n, intptr_t step, intptr_t m, intptr_t col, const char *center, char *out);
    /* n packed elements that stand behind the first `at` of a block, for m results at once, `col` bytes apart, whose
     * `lanes` are kept between the calls (RT_REDUCE_ROOM bytes are enough for RT_REDUCE_AT_ONCE results); the block's last
     * call brings `out`, others NULL.  May be NULL. */
    void (*piece)(const char *x, intptr_t n, intptr_t at, intptr_t m, intptr_t col, char *lanes, char *out);
};
typedef struct rt_reducer rt_reducer;

/* ((b0 b1)(b2 b3)) ... of one result, into the first of its blocks' partial results, `size` bytes each. */
static inline void rt_reduce_join(const rt_reducer *r, char *parts, intptr_t blocks, intptr_t size)
{
    for (intptr_t gap = 1; gap < blocks; gap *= 2)
        r->combine(parts, parts + gap * size, (blocks + gap - 1) / (2 * gap), 2 * gap);
}

/* A reducer whose block is NULL does not exist: the caller converts first (integers to
 * int64 or uint64 for products, half floats to float32; without AVX2 also for sums). */
typedef const rt_reducer rt_reducer_table[RT_REDUCE_COUNT][RT_NDTYPE];
#endif
