/* tensor: making, sharing and dropping tensors.  Exact Tensors come from a free
 * list and are tracked by the garbage collector only once they can be part of a
 * circle (a node, a gradient, hooks, attributes).  Floor: core; the Python face of
 * the type is filled in by src/python. */
#include "core/tensor.h"
#include "core/node.h"
#include "core/shape.h"
#include <string.h>

#define FREE_MAX 1024
static rt_tensor *free_list;      /* linked through storage */
static int free_count;

static void drop_dims(rt_tensor *t)
{
    if (t->shape != t->inline_dims) PyMem_Free(t->shape);
}

static int tensor_clear(PyObject *self)
{
    rt_tensor *t = (rt_tensor *)self;
    Py_CLEAR(t->node);
    Py_CLEAR(t->grad);
    Py_CLEAR(t->base);
    Py_CLEAR(t->hooks);
    Py_CLEAR(t->dict);
    return 0;
}

static int tensor_traverse(PyObject *self, visitproc visit, void *arg)
{
    rt_tensor *t = (rt_tensor *)self;
    Py_VISIT(t->node);
    Py_VISIT(t->grad);
    Py_VISIT(t->base);
    Py_VISIT(t->hooks);
    Py_VISIT(t->dict);
    return 0;
}

/* What inline_dims of a single hold. */
typedef struct {
    rt_storage storage;        /* owner: the tensor, once it is gone and the storage is not; before, NULL */
    char element[8];
} single;
_Static_assert(sizeof(single) <= sizeof(((rt_tensor *)0)->inline_dims), "a storage and an element must fit into the dims");

/* The block of a dead tensor of our own types: kept for the next, or given back. */
static inline void recycle(rt_tensor *t)
{
    if (free_count < FREE_MAX) {
        t->storage = (rt_storage *)free_list;
        free_list = t;
        free_count++;
    } else {
        PyObject_GC_Del(t);
    }
}

static void single_release(rt_storage *s)
{
    if (s->owner) recycle(s->owner);
}

/* A single of our own types with nothing to drop but itself? */
static inline int is_bare_single(const rt_tensor *t)
{
    const rt_storage *own = &((const single *)t->inline_dims)->storage;
    const uintptr_t more = (uintptr_t)t->node | (uintptr_t)t->grad | (uintptr_t)t->base | (uintptr_t)t->hooks
                           | (uintptr_t)t->dict | (uintptr_t)t->weakrefs;
    return !more && t->storage == own && own->refs == 1 && t->shape == t->inline_dims && rt_tensor_check_exact((PyObject *)t);
}

static void tensor_dealloc(PyObject *self)
{
    rt_tensor *t = (rt_tensor *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if ((t->flags & RT_SINGLE) && is_bare_single(t)) {
        Py_SET_TYPE(self, &rt_tensor_type);
        recycle(t);
        return;
    }
    if (t->weakrefs) PyObject_ClearWeakRefs(self);
    Py_XDECREF((PyObject *)t->node);
    if (t->grad || t->base || t->hooks || t->dict) {
        t->node = NULL;
        tensor_clear(self);
    }
    rt_storage_release(t->storage);
    if (t->shape != t->inline_dims) drop_dims(t);
    if (type == &rt_tensor_type || type == &rt_array_type) {
        Py_SET_TYPE(self, &rt_tensor_type);
        rt_storage *own = &((single *)t->inline_dims)->storage;
        if ((t->flags & RT_SINGLE) && own->refs > 0) own->owner = t;      /* somebody still looks at the element */
        else recycle(t);
        return;
    }
    type->tp_free(self);        /* a Python subclass: its own dealloc drops the type */
}

PyTypeObject rt_tensor_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.Tensor",
    .tp_basicsize = sizeof(rt_tensor),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = tensor_dealloc,
    .tp_traverse = tensor_traverse,
    .tp_clear = tensor_clear,
    .tp_free = PyObject_GC_Del,
    .tp_weaklistoffset = offsetof(rt_tensor, weakrefs),
    .tp_dictoffset = offsetof(rt_tensor, dict),
};

PyTypeObject rt_array_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "rustorch.numpy.ndarray",
    .tp_basicsize = sizeof(rt_tensor),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_base = &rt_tensor_type,
    .tp_dealloc = tensor_dealloc,
    .tp_traverse = tensor_traverse,
    .tp_clear = tensor_clear,
    .tp_free = PyObject_GC_Del,
};

static inline rt_tensor *tensor_alloc(void)
{
    rt_tensor *t = free_list;
    if (t) {
        free_list = (rt_tensor *)t->storage;
        free_count--;
#if defined(Py_TRACE_REFS) || defined(Py_REF_DEBUG)
        PyObject_Init((PyObject *)t, &rt_tensor_type);
#else
        Py_SET_REFCNT((PyObject *)t, 1);              /* its type it has kept */
#endif
    } else {
        t = PyObject_GC_New(rt_tensor, &rt_tensor_type);
        if (!t) return NULL;
    }
    t->node = NULL;
    t->grad = t->base = NULL;
    t->hooks = t->dict = t->weakrefs = NULL;
    t->flags = 0;
    t->output_nr = t->reshaped = 0;
    t->base_version = 0;
    return t;
}

/* Copies the geometry; steps NULL means C order. */
static inline int set_dims(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    t->ndim = (uint8_t)ndim;
    t->shape = t->inline_dims;
    if (ndim > RT_INLINE_NDIM || (ndim && (t->flags & RT_SINGLE))) {
        t->shape = PyMem_Malloc(2 * (size_t)ndim * sizeof(intptr_t));
        if (!t->shape) {
            t->shape = t->inline_dims;
            PyErr_NoMemory();
            return -1;
        }
    }
    t->steps = t->shape + ndim;
    intptr_t size = 1, step = (intptr_t)rt_tensor_itemsize(t);
    if (!steps) {
        for (int i = ndim - 1; i >= 0; i--) {
            t->shape[i] = shape[i];
            t->steps[i] = step;
            size *= shape[i];
            step *= shape[i] > 1 ? shape[i] : 1;
        }
        t->size = size;
        t->flags |= RT_CONTIGUOUS;
        return 0;
    }
    if (ndim > 0) {     /* without dimensions, other libraries have no arrays of them either */
        memcpy(t->shape, shape, (size_t)ndim * sizeof *shape);
        memcpy(t->steps, steps, (size_t)ndim * sizeof *steps);
    }
    rt_tensor_refresh(t);
    return 0;
}

void rt_tensor_refresh(rt_tensor *t)
{
    intptr_t size = 1, step = (intptr_t)rt_tensor_itemsize(t);
    int contiguous = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1) {
            if (t->steps[i] != step) contiguous = 0;
            step *= t->shape[i];
        }
        size *= t->shape[i];
    }
    t->size = size;
    if (contiguous || size == 0) t->flags |= RT_CONTIGUOUS;
    else t->flags &= (uint8_t)~RT_CONTIGUOUS;
}

rt_tensor *rt_tensor_wrap(rt_storage *storage, char *data, rt_dtype dtype, int ndim, const intptr_t *shape,
                          const intptr_t *steps)
{
    rt_tensor *t = tensor_alloc();
    if (!t) {
        rt_storage_release(storage);
        return NULL;
    }
    t->storage = storage;
    t->data = data;
    t->dtype = (int8_t)dtype;
    if (storage->readonly) t->flags |= RT_READONLY;
    if (rt_inference_enabled) t->flags |= RT_INFERENCE;
    if (set_dims(t, ndim, shape, steps) < 0) {
        Py_DECREF(t);
        return NULL;
    }
    return t;
}

rt_tensor *rt_tensor_single(rt_dtype dtype)
{
    rt_tensor *t = tensor_alloc();
    if (!t) return NULL;
    single *s = (single *)t->inline_dims;
    s->storage = (rt_storage){.refs = 1, .data = s->element, .nbytes = rt_itemsize(dtype), .release = single_release};
    t->storage = &s->storage;
    t->data = s->element;
    t->dtype = (int8_t)dtype;
    t->ndim = 0;
    t->shape = t->steps = t->inline_dims;
    t->size = 1;
    t->flags = (uint8_t)(RT_SINGLE | RT_CONTIGUOUS | (rt_inference_enabled ? RT_INFERENCE : 0));
    return t;
}

rt_tensor *rt_tensor_alias(const rt_tensor *t, char *data, rt_dtype dtype, int ndim, const intptr_t *shape,
                           const intptr_t *steps)
{
    rt_tensor *r = rt_tensor_wrap(rt_storage_retain(t->storage), data, dtype, ndim, shape, steps);
    if (!r) return NULL;
    r->flags |= t->flags & (RT_READONLY | RT_INFERENCE);
    if (rt_array_check((PyObject *)t)) Py_SET_TYPE((PyObject *)r, &rt_array_type);
    return r;
}

rt_tensor *rt_tensor_detach(const rt_tensor *t)
{
    return rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, t->ndim, t->shape, t->steps);
}

/* Another geometry, which is left alone on failure. */
static int replace_dims(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    intptr_t *const dims = t->shape, was = t->ndim;
    if (set_dims(t, ndim, shape, steps) < 0) {
        t->shape = dims;
        t->steps = dims ? dims + was : NULL;
        t->ndim = (uint8_t)was;
        return -1;
    }
    if (dims != t->inline_dims) PyMem_Free(dims);
    return 0;
}

int rt_tensor_become(rt_tensor *t, const rt_tensor *from)
{
    rt_storage *old = t->storage;
    const int8_t dtype = t->dtype;
    const int same = t->shape && dtype == from->dtype && rt_shape_equal(t->ndim, t->shape, from->ndim, from->shape);
    if (t == from) return 0;
    t->dtype = from->dtype;
    if (replace_dims(t, from->ndim, from->shape, from->steps) < 0) {
        t->dtype = dtype;
        return -1;
    }
    if (!same) t->reshaped++;
    t->storage = rt_storage_retain(from->storage);
    t->data = from->data;
    t->flags = (uint8_t)((t->flags & ~RT_READONLY) | (from->flags & (RT_READONLY | RT_CONTIGUOUS)));
    rt_storage_release(old);
    Py_CLEAR(t->base);               /* it shares that one's memory no more */
    return 0;
}

int rt_tensor_reshape_to(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    if (replace_dims(t, ndim, shape, steps) < 0) return -1;
    t->reshaped++;
    return 0;
}

void rt_tensor_bounds(const rt_tensor *t, char **low, char **high)
{
    *low = *high = t->data;
    if (t->size == 0) return;
    for (int i = 0; i < t->ndim; i++) {
        intptr_t reach = (t->shape[i] - 1) * t->steps[i];
        if (reach > 0) *high += reach;
        else *low += reach;
    }
    *high += rt_tensor_itemsize(t);
}

int rt_tensor_overlaps(const rt_tensor *a, const rt_tensor *b)
{
    char *alow, *ahigh, *blow, *bhigh;
    rt_tensor_bounds(a, &alow, &ahigh);
    rt_tensor_bounds(b, &blow, &bhigh);
    return alow < bhigh && blow < ahigh;
}

int rt_tensor_is_injective(const rt_tensor *t)
{
    if (rt_tensor_is_contiguous(t)) return 1;
    /* Sorted by step, each must reach beyond all the smaller ones together. */
    intptr_t step[RT_MAX_NDIM], length[RT_MAX_NDIM];
    int n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] <= 1) continue;
        intptr_t s = t->steps[i] < 0 ? -t->steps[i] : t->steps[i];
        int k = n++;
        for (; k > 0 && step[k - 1] > s; k--) step[k] = step[k - 1], length[k] = length[k - 1];
        step[k] = s;
        length[k] = t->shape[i];
    }
    intptr_t reach = (intptr_t)rt_tensor_itemsize(t) - 1;
    for (int k = 0; k < n; k++) {
        if (step[k] <= reach) return 0;
        reach += step[k] * (length[k] - 1);
    }
    return 1;
}
