/* values: the elements of lines put in order without their places: sorting alone, which needs no more than the
 * elements' keys.  Threads take whole lines, or the parts of a long one; results do not depend on how many there
 * are.  Floor: ufunc. */
#ifndef RT_UFUNC_VALUES_H
#define RT_UFUNC_VALUES_H
#include "core/tensor.h"
#include "ufunc/kernels/isa.h"

typedef enum { RT_VALUES_SORT, RT_VALUES_PARTITION } rt_values_kind;

typedef struct {
    rt_values_kind kind;
    int descending;
    int nkth;                   /* PARTITION: ranks, rising and without repetitions */
    const intptr_t *kth;
} rt_values_task;

/* Lines of x along dim into out, packed and of x's shape and dtype, which share no memory.  Equal zeros and NaNs keep
 * their order when sorted.  0, or -1 with MemoryError. */
RT_WARN_UNUSED int rt_values_run(const rt_values_task *task, const rt_tensor *x, int dim, rt_tensor *out);

/* ---- a long line (buckets.c) ---- */

/* Puts n keys in order that `read` gives, in `keys`; then they are handed, part by part, to `done` (may be NULL). */
typedef struct {
    const void *ctx;
    void (*read)(const void *ctx, intptr_t begin, intptr_t end, void *keys, rt_keys_found *found);
    void (*done)(const void *ctx, intptr_t begin, intptr_t end, void *keys);
    intptr_t n;
    int size;                   /* bytes of a key */
    int64_t flip;
    void *keys;
} rt_long_line;

enum { RT_LONG_LINE = 1 << 16, RT_LONG_PLACES = 1 << 17 };      /* from where on it is worth it */
/* 1: in order; 0: it is nothing for one thread, nothing was done; -1 with MemoryError.  With the GIL held; it is
 * given back meanwhile. */
RT_WARN_UNUSED int rt_long_line_sort(const rt_long_line *line, rt_keys_found *found);

/* ---- with places (places.c) ---- */
typedef struct {
    const char *x;
    intptr_t n, step;           /* bytes; n at most RT_ORDER_LONGEST */
    rt_dtype dtype;
    int descending;
    char *values, *index;       /* of x's dtype, and int64; NULL: not wanted */
    intptr_t value_step, index_step;
} rt_places;

/* One line into order, stable; a NaN is above all numbers.  0, or -1 with MemoryError.  As above with the GIL. */
RT_WARN_UNUSED int rt_places_run(const rt_places *p);
#endif
