/* keys: elements of every dtype as signed integers that order as they do, and back.  Bools, integers and floating
 * numbers of up to 32 bits have keys of 32 bits, the others of 64; -0 is just below 0, all NaNs are the greatest key of the element's width.
 * With flip -1 the order is turned over.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_KEYS_H
#define RT_UFUNC_KERNELS_KEYS_H
#include "core/dtype.h"

typedef struct { intptr_t nans, negative_zeros; } rt_keys_found;

/* How a key's bucket is found.  BITS: by its distance from low; VALUE: by that of the number it stands for;
 * SPLITS: by the number of splitters that are not above it. */
typedef enum { RT_BUCKET_BITS, RT_BUCKET_VALUE, RT_BUCKET_SPLITS } rt_bucket_kind;
enum { RT_BUCKET_SPLITTERS = 15, RT_BUCKET_MOST = 1024 };
typedef struct {
    rt_bucket_kind kind;
    int count, shift;                              /* of buckets; BITS */
    int64_t low, high, flip;                       /* keys beyond low and high are in the outer buckets */
    double base, scale;                            /* VALUE */
    int64_t splitters[RT_BUCKET_SPLITTERS];        /* SPLITS: in order */
} rt_buckets;

typedef struct {
    uint8_t size;                                  /* bytes of a key: 4 or 8 */
    uint8_t plain;                                 /* are keys with flip 0 the elements themselves? */
    /* n elements, step bytes apart, to packed keys; adds up what was found. */
    void (*read)(const char *x, intptr_t step, intptr_t n, int64_t flip, void *keys, rt_keys_found *found);
    /* Back to elements; they may lie where the keys are when both have one size. */
    void (*write)(const void *keys, intptr_t n, int64_t flip, char *out, intptr_t step);
    void (*buckets)(const void *keys, intptr_t n, const rt_buckets *b, uint16_t *out);
} rt_keys;

typedef const rt_keys rt_keys_table[RT_NDTYPE];
#endif
