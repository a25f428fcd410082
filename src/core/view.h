/* view: geometry of windows on the same memory.  Pure geometry: no recording, which
 * the VIEW rows of the op table add.  All return new references.  Floor: core. */
#ifndef RT_CORE_VIEW_H
#define RT_CORE_VIEW_H
#include "core/tensor.h"

/* Window on t with shape `shape` broadcast from t's (zero steps); -1 keeps a length. */
RT_WARN_UNUSED rt_tensor *rt_view_expand(const char *op, const rt_tensor *t, int ndim, const intptr_t *shape);
RT_WARN_UNUSED rt_tensor *rt_view_permute(const char *op, const rt_tensor *t, int n, const intptr_t *dims);
/* 1 and *out when the new shape can be a window, 0 when a copy is needed, -1 on error
 * (sizes differ).  One length may be -1. `resolved` receives the shape. */
RT_WARN_UNUSED int rt_view_reshape(const char *op, const rt_tensor *t, int n, const intptr_t *shape,
                                   intptr_t *resolved, rt_tensor **out);
/* Elements start, start+step, ... (n of them) of dimension dim; step any sign. */
RT_WARN_UNUSED rt_tensor *rt_view_slice(const rt_tensor *t, int dim, intptr_t start, intptr_t step, intptr_t n);
RT_WARN_UNUSED rt_tensor *rt_view_select(const rt_tensor *t, int dim, intptr_t index);
RT_WARN_UNUSED rt_tensor *rt_view_squeeze(const rt_tensor *t, uint32_t mask);
RT_WARN_UNUSED rt_tensor *rt_view_unsqueeze(const rt_tensor *t, int dim);
RT_WARN_UNUSED rt_tensor *rt_view_diagonal(const char *op, const rt_tensor *t, intptr_t offset, int d0, int d1);
RT_WARN_UNUSED rt_tensor *rt_view_unfold(const char *op, const rt_tensor *t, int dim, intptr_t size, intptr_t step);
/* Steps in bytes, offset in bytes from t's storage start; checks that every element lies
 * inside the storage. */
RT_WARN_UNUSED rt_tensor *rt_view_strided(const char *op, const rt_tensor *t, int ndim, const intptr_t *shape,
                                          const intptr_t *steps, intptr_t offset);
/* Real part (0) or imaginary part (1) of a complex tensor. */
RT_WARN_UNUSED rt_tensor *rt_view_part(const rt_tensor *t, int part);
#endif
