/* masks: the places of what is true.  Floor: ufunc. */
#ifndef RT_UFUNC_MASKS_H
#define RT_UFUNC_MASKS_H
#include "core/tensor.h"

intptr_t rt_mask_count(const uint8_t *mask, intptr_t n);
/* New 1-d int64 tensor: flat positions where mask (bool) is true. */
RT_WARN_UNUSED rt_tensor *rt_index_nonzero(const rt_tensor *mask);
/* The coordinates of each, ndim numbers a line, of a contiguous mask. */
void rt_mask_lines(const rt_tensor *mask, int64_t *to);
/* Packed elements of `item` bytes where the mask is true, from among n to one behind the other, or back. */
void rt_mask_get(const uint8_t *mask, intptr_t n, const char *from, char *to, intptr_t item);
void rt_mask_put(const uint8_t *mask, intptr_t n, char *to, const char *from, intptr_t item);
#endif
