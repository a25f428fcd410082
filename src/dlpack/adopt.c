/* adopt: the checks that every import goes through, whatever protocol described the
 * memory: lengths, products, strides, bounds, alignment.  And the plain copy that
 * imports and exports fall back on.  Floor: dlpack; this file knows no protocol. */
#include "dlpack/adopt.h"
#include "backends/execute.h"
#include "backends/memory.h"
#include "core/plan.h"
#include "core/shape.h"
#include <string.h>

int rt_copy_parse(const char *op, PyObject *value, int *copy)
{
    if (value != Py_None && !PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: copy must be None, True or False, not %R", op, value);
        return -1;
    }
    *copy = value == Py_None ? RT_COPY_IF_NEEDED : value == Py_True ? RT_COPY_ALWAYS : RT_COPY_NEVER;
    return 0;
}

static inline __attribute__((always_inline)) void copy_run(char **args, const intptr_t *n, const intptr_t *steps,
                                                           size_t itemsize)
{
    const char *x = args[0];
    char *out = args[1];
    if (steps[0] == (intptr_t)itemsize && steps[1] == (intptr_t)itemsize) {
        memcpy(out, x, (size_t)n[0] * itemsize);
        return;
    }
    for (intptr_t i = 0; i < n[0]; i++, x += steps[0], out += steps[1]) memcpy(out, x, itemsize);
}

#define COPY(bytes) \
    static void copy_##bytes(char **args, const intptr_t *n, const intptr_t *steps, void *data) \
    { (void)data; copy_run(args, n, steps, bytes); }
COPY(1) COPY(2) COPY(4) COPY(8) COPY(16)
#undef COPY

static rt_loop *copy_loop(size_t itemsize)
{
    switch (itemsize) {
    case 1: return copy_1;
    case 2: return copy_2;
    case 4: return copy_4;
    case 8: return copy_8;
    default: return copy_16;
    }
}

rt_tensor *rt_dense_copy(const rt_tensor *t)
{
    rt_tensor *out = rt_empty((rt_dtype)t->dtype, t->ndim, t->shape, t->storage->device);
    if (!out || t->size == 0) return out;
    rt_exec exec = {.loop = copy_loop(rt_tensor_itemsize(t)), .nin = 1, .cost = 0.5f};
    rt_plan plan;
    rt_plan_init(&plan, t->ndim, t->shape);
    rt_plan_add(&plan, t->data, t->ndim, t->shape, t->steps);
    rt_plan_add(&plan, out->data, out->ndim, out->shape, out->steps);
    rt_plan_finish(&plan, 1);
    rt_execute(&plan, &exec);
    return out;
}

void rt_foreign_drop(const rt_foreign *f)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    f->release(f->owner);
    PyErr_Restore(type, value, trace);
}

/* Number of elements; -1 with f->error. */
static intptr_t check_shape(const rt_foreign *f)
{
    char text[RT_SHAPE_TEXT];
    intptr_t size = 1, bytes = (intptr_t)rt_itemsize(f->dtype);
    int empty = 0, overflow = 0;
    for (int i = 0; i < f->ndim; i++) {
        if (f->shape[i] < 0) {
            PyErr_Format(f->error, "%s: the producer claims a negative length: shape %s", f->op,
                         rt_shape_text(f->ndim, f->shape, text));
            return -1;
        }
        if (f->shape[i] == 0) { empty = 1; continue; }
        overflow |= __builtin_mul_overflow(bytes, f->shape[i], &bytes);
        if (!overflow) size *= f->shape[i];
    }
    if (overflow) {
        PyErr_Format(f->error, "%s: the producer claims shape %s, whose bytes do not fit in an address", f->op,
                     rt_shape_text(f->ndim, f->shape, text));
        return -1;
    }
    return empty ? 0 : size;
}

/* Brings steps into normal form (C order's where they say nothing) and finds the lowest and the
 * one-past-highest byte. */
static int check_steps(rt_foreign *f, intptr_t size, char **low, char **high)
{
    intptr_t c_steps[RT_MAX_NDIM], down = 0, up = (intptr_t)rt_itemsize(f->dtype);
    int overflow = 0;
    rt_shape_steps(f->ndim, f->shape, rt_itemsize(f->dtype), c_steps);
    for (int i = 0; i < f->ndim; i++) {
        intptr_t reach;
        if (f->c_order || size == 0 || f->shape[i] == 1) f->steps[i] = c_steps[i];
        if (size == 0) continue;
        overflow |= __builtin_mul_overflow(f->shape[i] - 1, f->steps[i], &reach);
        if (overflow) break;
        overflow |= reach < 0 ? __builtin_add_overflow(down, reach, &down) : __builtin_add_overflow(up, reach, &up);
    }
    *low = *high = f->data;
    if (size == 0) return 0;
    intptr_t at = (intptr_t)f->data, begin, end;
    overflow |= __builtin_add_overflow(at, down, &begin) || begin <= 0;
    overflow |= __builtin_add_overflow(at, up, &end);
    if (overflow) {
        char shape[RT_SHAPE_TEXT], steps[RT_SHAPE_TEXT];
        PyErr_Format(f->error, "%s: shape %s with strides %s (bytes) from address %p reaches outside all memory", f->op,
                     rt_shape_text(f->ndim, f->shape, shape), rt_shape_text(f->ndim, f->steps, steps), f->data);
        return -1;
    }
    *low = (char *)begin;
    *high = (char *)end;
    return 0;
}

static int check_bounds(const rt_foreign *f, const char *low, const char *high)
{
    if (!f->high || low == high || (low >= f->low && high <= f->high)) return 0;
    char shape[RT_SHAPE_TEXT], steps[RT_SHAPE_TEXT];
    PyErr_Format(f->error, "%s: shape %s with strides %s (bytes) reads bytes %zd to %zd of a buffer of %zd", f->op,
                 rt_shape_text(f->ndim, f->shape, shape), rt_shape_text(f->ndim, f->steps, steps),
                 (Py_ssize_t)(low - f->low), (Py_ssize_t)(high - f->low), (Py_ssize_t)(f->high - f->low));
    return -1;
}

static int misaligned(const rt_foreign *f)
{
    size_t align = rt_itemsize(f->dtype) >> rt_dtype_is_complex(f->dtype);
    uintptr_t bits = (uintptr_t)f->data;
    for (int i = 0; i < f->ndim; i++) bits |= (uintptr_t)f->steps[i];
    return (bits & (align - 1)) != 0;
}

rt_tensor *rt_foreign_adopt(rt_foreign *f, int copy)
{
    static _Alignas(64) char nothing[64];      /* where empty tensors of no address point */
    char *low, *high;
    intptr_t size = check_shape(f);
    if (size < 0) goto drop;
    if (!f->data && size > 0) {
        PyErr_Format(f->error, "%s: the producer's data pointer is NULL though there are %zd elements", f->op,
                     (Py_ssize_t)size);
        goto drop;
    }
    if (!f->data || (size == 0 && (uintptr_t)f->data % 16 != 0)) f->data = nothing;
    if (check_steps(f, size, &low, &high) < 0 || check_bounds(f, low, high) < 0) goto drop;
    int odd = size > 0 && misaligned(f);
    if (odd && copy == RT_COPY_NEVER) {
        PyErr_Format(PyExc_BufferError, "%s: the memory at %p is not aligned for %s and copy=False forbids a copy", f->op,
                     f->data, rt_dtypes[f->dtype].name);
        goto drop;
    }
    rt_storage *storage = rt_storage_wrap(low, (size_t)(high - low), (rt_device){RT_CPU, 0}, f->release, f->owner);
    if (!storage) goto drop;
    storage->readonly = (uint8_t)(f->readonly != 0);
    rt_tensor *t = rt_tensor_wrap(storage, f->data, f->dtype, f->ndim, f->shape, f->steps);
    if (!t || !(odd || copy == RT_COPY_ALWAYS)) return t;
    rt_tensor *dense = rt_dense_copy(t);
    Py_DECREF(t);
    return dense;
drop:
    rt_foreign_drop(f);
    return NULL;
}
