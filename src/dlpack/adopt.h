/* adopt: making a tensor on memory that another library describes to us, and trusting
 * none of the description that can be checked.  Floor: dlpack; of others, only the C API uses it. */
#ifndef RT_DLPACK_ADOPT_H
#define RT_DLPACK_ADOPT_H
#include "dlpack/exchange.h"

typedef struct {
    const char *op;                    /* what the user called, for messages */
    PyObject *error;                   /* borrowed: exception for an impossible description */
    char *data;                        /* address of the first element */
    rt_dtype dtype;
    int ndim, readonly;
    intptr_t shape[RT_MAX_NDIM];
    intptr_t steps[RT_MAX_NDIM];       /* BYTES; unread when c_order */
    int c_order;
    char *low, *high;                  /* the memory that exists, or NULL where nobody knows */
    void (*release)(void *owner);      /* called once, with the GIL, by the last user */
    void *owner;
} rt_foreign;

/* New tensor.  Steals the owner, also on failure. */
RT_WARN_UNUSED rt_tensor *rt_foreign_adopt(rt_foreign *f, int copy);
/* f->release(f->owner), leaving a raised exception as it is. */
void rt_foreign_drop(const rt_foreign *f);
/* The same elements in fresh memory in C order, from any alignment. */
RT_WARN_UNUSED rt_tensor *rt_dense_copy(const rt_tensor *t);
/* The dtype of this kind and size that every protocol has a word for (never bfloat16), or RT_NODTYPE. */
static inline rt_dtype rt_dtype_find(rt_kind kind, size_t itemsize)
{
    for (int i = 0; i < RT_NDTYPE; i++)
        if (rt_dtypes[i].kind == kind && rt_dtypes[i].itemsize == itemsize && i != RT_bf16) return (rt_dtype)i;
    return RT_NODTYPE;
}
/* May consumers not write?  Also where a write would go round the graph of gradients. */
static inline int rt_exports_readonly(const rt_tensor *t)
{
    return (t->flags & RT_READONLY) || t->storage->readonly || rt_tensor_requires_grad(t);
}
#endif
