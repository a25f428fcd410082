/* keys: elements of every dtype as signed integers that order as they do, and back.  Bools, integers and floating
 * numbers of up to 32 bits have keys of 32 bits, the others of 64; -0 is just below 0, all NaNs are the greatest key of the element's width.
 * With flip -1 the order is turned over.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_KEYS_H
#define RT_UFUNC_KERNELS_KEYS_H
#include "core/dtype.h"

typedef struct { intptr_t nans, negative_zeros; } rt_keys_found;

/* A key's number in a range: its distance from low, where it is none beyond low and high. */
enum { RT_KEYS_RANGE = 1024 };                     /* the most keys in one */
typedef struct { int64_t low, high; } rt_keys_range;

typedef struct {
    uint8_t size;                                  /* bytes of a key: 4 or 8 */
    uint8_t plain;                                 /* are keys with flip 0 the elements themselves? */
    /* n elements, step bytes apart, to packed keys; adds up what was found. */
    void (*read)(const char *x, intptr_t step, intptr_t n, int64_t flip, void *keys, rt_keys_found *found);
    /* Back to elements; they may lie where the keys are when both have one size. */
    void (*write)(const void *keys, intptr_t n, int64_t flip, char *out, intptr_t step);
    void (*number)(const void *keys, intptr_t n, const rt_keys_range *range, uint16_t *out);
} rt_keys;

typedef const rt_keys rt_keys_table[RT_NDTYPE];
#endif
