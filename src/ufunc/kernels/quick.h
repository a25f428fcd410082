/* quick: keys put in order in place: signed integers of 32 or 64 bits, to which every dtype is mapped.  Equal keys
 * cannot be told apart, so any way of sorting them has the same result.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_QUICK_H
#define RT_UFUNC_KERNELS_QUICK_H
#include <stdint.h>

typedef struct {
    void (*sort)(void *keys, intptr_t n);
    /* The key of rank k comes to place k, none after it is less, none before it is greater. */
    void (*select)(void *keys, intptr_t n, intptr_t k);
    /* Keys less than `than` (sign-extended) come first: how many there are. */
    intptr_t (*split)(void *keys, intptr_t n, int64_t than);
} rt_quick;
#endif
