/* order: kernels that put one line of elements in order, or find the element of a rank.  Every element becomes
 * an unsigned key of 32 or 64 bits that orders as it does (a NaN above all numbers, -0 as 0), so there is one
 * sort for all dtypes; equal keys keep their order (also when descending).  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_ORDER_H
#define RT_UFUNC_KERNELS_ORDER_H
#include "core/dtype.h"

#define RT_ORDER_LONGEST ((intptr_t)UINT32_MAX)     /* elements of a line: places are kept in 32 bits */

typedef struct {
    const char *x;
    intptr_t n, step;                 /* bytes */
    char *values;                     /* of x's dtype; NULL: not wanted */
    intptr_t value_step;
    char *index;                      /* int64; NULL: not wanted */
    intptr_t index_step;
    char *room;                       /* rt_order_room(n) bytes, aligned */
} rt_order_line;

static inline intptr_t rt_order_room(intptr_t n) { return 28 * n + 20544; }

typedef enum { RT_RANK_KTH, RT_RANK_MEDIAN, RT_RANK_NANMEDIAN } rt_rank_kind;

typedef struct {
    void (*sort)(const rt_order_line *l, int descending);
    /* The first k in that order; unless `sorted` in an order of the kernel's own. */
    void (*top)(const rt_order_line *l, intptr_t k, int descending, int sorted);
    /* KTH: the element of rank k.  MEDIAN: the lower median, a NaN when there is one.  NANMEDIAN: the lower
     * median of the numbers. */
    void (*rank)(const rt_order_line *l, rt_rank_kind kind, intptr_t k);
    /* The most frequent value, the least of several, and where it stands last; a NaN equals nothing. */
    void (*mode)(const rt_order_line *l);
} rt_orderer;

/* Rows of complex dtypes are empty. */
typedef const rt_orderer rt_orderer_table[RT_NDTYPE];
#endif
