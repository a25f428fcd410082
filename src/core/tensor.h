/* tensor: a typed, strided window on a storage.
 *
 *   rt_tensor --storage--> rt_storage [ . . . x x x x . . ]
 *        |                                    ^
 *        +--------------- data ---------------+   element (i,j,..) lies at
 *                                                 data + i*steps[0] + j*steps[1] + ...
 * Steps are BYTES throughout the C code (PyTorch's `stride()`, in elements, is
 * made at the Python face).  Zero and negative steps are legal.
 * Floor: core.  The struct and its life are here; the Python face is src/python. */
#ifndef RT_CORE_TENSOR_H
#define RT_CORE_TENSOR_H
#include <Python.h>
#include "core/dtype.h"
#include "core/storage.h"

#define RT_MAX_NDIM 32
#define RT_INLINE_NDIM 4

#define RT_WARN_UNUSED __attribute__((warn_unused_result))

enum {
    RT_REQUIRES_GRAD = 1,   /* a leaf that collects gradients */
    RT_RETAIN_GRAD = 2,     /* a non-leaf that collects them too */
    RT_READONLY = 4,        /* writing through this tensor raises */
    RT_CONTIGUOUS = 8,      /* C order without gaps; always kept right by rt_tensor_refresh */
    RT_INFERENCE = 16,      /* made under inference_mode: never recorded */
    RT_SINGLE = 32,         /* a storage of its own lies in inline_dims: see rt_tensor_single */
};

typedef struct rt_node rt_node;
typedef struct rt_tensor rt_tensor;
struct rt_tensor {
    PyObject_HEAD
    /* owned */
    rt_storage *storage;
    rt_node *node;            /* what computed it, NULL for a leaf */
    rt_tensor *grad;
    rt_tensor *base;          /* the tensor this one is a view of (never itself a view), or NULL */
    PyObject *hooks;          /* list of callables, or NULL */
    PyObject *dict;           /* user attributes, or NULL */
    PyObject *weakrefs;
    /* borrowed from inline_dims, or one owned block when ndim > RT_INLINE_NDIM or these hold a storage */
    intptr_t *shape, *steps;
    /* values */
    char *data;
    intptr_t size;            /* number of elements */
    int8_t dtype;             /* rt_dtype */
    uint8_t ndim;
    uint8_t flags;
    uint16_t output_nr;       /* which output of node this is */
    uint16_t reshaped;        /* grows when this tensor itself is given another geometry or dtype */
    uint32_t base_version;    /* base's version when node was last derived from it */
    intptr_t inline_dims[2 * RT_INLINE_NDIM];
};

extern PyTypeObject rt_tensor_type;   /* defined in tensor.c, its slots filled by src/python */
extern PyTypeObject rt_array_type;    /* a Tensor that speaks NumPy: the same struct, other methods */

static inline int rt_tensor_check(PyObject *o) { return PyObject_TypeCheck(o, &rt_tensor_type); }
static inline int rt_array_check(PyObject *o) { return Py_IS_TYPE(o, &rt_array_type); }
/* One of our two types, not a subclass made in Python. */
static inline int rt_tensor_check_exact(PyObject *o) { return Py_IS_TYPE(o, &rt_tensor_type) || rt_array_check(o); }
static inline int rt_tensor_requires_grad(const rt_tensor *t)
{
    return t->node != NULL || (t->flags & RT_REQUIRES_GRAD);
}
static inline int rt_tensor_is_contiguous(const rt_tensor *t) { return t->flags & RT_CONTIGUOUS; }
static inline size_t rt_tensor_itemsize(const rt_tensor *t) { return rt_itemsize((rt_dtype)t->dtype); }

/* New tensor on `storage` (steals it, also on failure) at address `data`.  steps
 * NULL means C order.  Shape is copied.  size must not overflow: see rt_shape_size. */
RT_WARN_UNUSED rt_tensor *rt_tensor_wrap(rt_storage *storage, char *data, rt_dtype dtype,
                                         int ndim, const intptr_t *shape, const intptr_t *steps);
/* New tensor without dimensions of an element of at most 8 bytes, not set; its storage and the element lie in its own
 * inline_dims, so that it is one block.  That block lives as long as the tensor or anyone who retains the storage. */
RT_WARN_UNUSED rt_tensor *rt_tensor_single(rt_dtype dtype);
/* New tensor of the given geometry on t's storage, of t's dialect, with t's device and
 * readonly flag but neither node nor base: plain aliasing. */
RT_WARN_UNUSED rt_tensor *rt_tensor_alias(const rt_tensor *t, char *data, rt_dtype dtype,
                                          int ndim, const intptr_t *shape, const intptr_t *steps);
/* The same window without history: what `detach` gives. */
RT_WARN_UNUSED rt_tensor *rt_tensor_detach(const rt_tensor *t);
/* `view` (stolen, may be NULL), fresh geometry, as a view of `of` where it lies on its memory. */
static inline rt_tensor *rt_tensor_as_view(rt_tensor *view, rt_tensor *of)
{
    if (!view || view == of || view->base || view->storage != of->storage) return view;
    view->base = (rt_tensor *)Py_NewRef((PyObject *)(of->base ? of->base : of));
    view->base_version = view->storage->version;
    view->flags |= of->flags & (RT_READONLY | RT_INFERENCE);
    PyObject_GC_Track((PyObject *)view);
    return view;
}
/* Makes `t` (a fresh instance of a subclass, see src/python) a window on `from`'s memory. */
int rt_tensor_become(rt_tensor *t, const rt_tensor *from);
/* Gives t another shape and steps over the same address; the caller has checked that they fit. */
RT_WARN_UNUSED int rt_tensor_reshape_to(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps);
/* Recomputes size and the contiguity flag after shape or steps changed. */
void rt_tensor_refresh(rt_tensor *t);
/* Lowest and one-past-highest byte touched; equal when empty. */
void rt_tensor_bounds(const rt_tensor *t, char **low, char **high);
/* May an element of a share memory with an element of b?  (Bounds test: never a false no.) */
int rt_tensor_overlaps(const rt_tensor *a, const rt_tensor *b);
/* Are all elements at distinct addresses (no zero step over a length > 1)? Cheap, exact for
 * tensors made by slicing, permuting and expanding. */
int rt_tensor_is_injective(const rt_tensor *t);
/* Marks that `op` wrote into t in place. */
static inline void rt_tensor_touch(rt_tensor *t, const char *op)
{
    t->storage->version++;
    t->storage->writer = op;
}
#endif
