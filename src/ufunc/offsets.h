/* offsets: indices turned, after their bounds were checked, into byte offsets, and elements moved
 * between those places and dense memory.  What gathers, scatters and advanced indices are
 * made of.  Floor: ufunc. */
#ifndef RT_UFUNC_OFFSETS_H
#define RT_UFUNC_OFFSETS_H
#include "core/tensor.h"

typedef struct {
    intptr_t n, *at;               /* owned unless it is `room` */
    intptr_t room[32];
} rt_offsets;

/* Offsets in x of the flat positions `index` (any integer dtype, any shape, negative ones count from the
 * end) within dimensions dims[0..k) taken together in C order.  0, or -1 with IndexError. */
RT_WARN_UNUSED int rt_offsets_flat(const char *op, rt_offsets *o, const rt_tensor *x, int k, const intptr_t *dims,
                                   const rt_tensor *index);
/* Offsets of x[i0, .., index[i0, .., in], .., in] for each element of index, which replaces dimension dim. */
RT_WARN_UNUSED int rt_offsets_along(const char *op, rt_offsets *o, const rt_tensor *x, int dim, const rt_tensor *index);
void rt_offsets_drop(rt_offsets *o);

typedef enum { RT_MOVE_GET, RT_MOVE_PUT, RT_MOVE_ADD } rt_move_kind;
/* Moves between far and near.  `gone` masks far's dimensions that the offsets stand for; near is dense in
 * C order over far's other dimensions with the n offsets put before the `position`-th of them.
 * GET: near = far; PUT: far = near, the last of equal offsets wins; ADD: far += near, in order
 * (dtypes with an rt_add_run only). */
void rt_offsets_move(rt_move_kind kind, const rt_tensor *far, uint32_t gone, int position, const rt_offsets *o, char *near);

/* index as contiguous int64 (new reference, possibly to itself); IndexError for other kinds of numbers. */
RT_WARN_UNUSED rt_tensor *rt_index_int64(const char *op, const rt_tensor *index);

/* Is *i in [-length, length)?  Then it is made to count from the start.  One comparison where it does already. */
static inline int rt_index_inside(intptr_t *i, intptr_t length)
{
    if (__builtin_expect((size_t)*i < (size_t)length, 1)) return 1;
    *i += length;
    return (size_t)*i < (size_t)length;
}
/* n elements of `item` bytes at indices v: of a line of `length`, `step` bytes apart, which moves `along` from one to the
 * next, into packed `to`.  Returns the place of an index out of bounds, or -1. */
intptr_t rt_offsets_read(char *restrict to, const char *restrict from, intptr_t along, intptr_t step, intptr_t item,
                         const int64_t *restrict v, intptr_t n, intptr_t length);
/* The elements of contiguous x at contiguous int64 numbers; 0 when one is out of bounds. */
int rt_offsets_read_flat(const rt_tensor *x, const rt_tensor *index, char *out);
#endif
