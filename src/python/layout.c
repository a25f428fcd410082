/* layout: memory formats; and the methods that look at or choose the order in memory (clone, contiguous,
 * is_contiguous), give a tensor another shape over its storage (resize_), show its bytes as another
 * dtype (view), or exchange its geometry in place.  Floor: python. */
#include "python/layout.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/node.h"
#include "core/shape.h"
#include "python/convert.h"
#include "python/subscript.h"
#include "ufunc/apply.h"
#include "ufunc/record.h"
#include <string.h>

#define SELF ((rt_tensor *)self)

int rt_format_convert(const char *name, PyObject *o, rt_format *out)
{
    *out = RT_FORMAT_PRESERVE;
    if (o == Py_None) return 0;
    PyObject *code = PyObject_GetAttrString(o, "_code");
    long v = code ? PyLong_AsLong(code) : -1;
    Py_XDECREF(code);
    if (v < RT_FORMAT_CONTIGUOUS || v > RT_FORMAT_CHANNELS_LAST_3D) {
        PyErr_Clear();
        return rt_error(PyExc_TypeError, name, "argument 'memory_format' must be a memory format, not %R", o);
    }
    *out = (rt_format)v;
    return 0;
}

/* Outermost dimension first: N, H, W, C. */
static const int orders[2][5] = {{0, 2, 3, 1, 0}, {0, 2, 3, 4, 1}};

static int check_rank(const char *name, int ndim, rt_format format)
{
    int needed = format == RT_FORMAT_CHANNELS_LAST ? 4 : 5;
    if (format < RT_FORMAT_CHANNELS_LAST || ndim == needed) return 0;
    return rt_error(PyExc_RuntimeError, name, "channels_last%s is for tensors of %d dimensions, not %d",
                    needed == 5 ? "_3d" : "", needed, ndim);
}

static void format_steps(rt_format format, int ndim, const intptr_t *shape, intptr_t item, intptr_t *steps)
{
    const int *order = orders[format == RT_FORMAT_CHANNELS_LAST_3D];
    for (int k = ndim - 1; k >= 0; k--) {
        steps[order[k]] = item;
        item *= shape[order[k]] > 1 ? shape[order[k]] : 1;
    }
}

rt_tensor *rt_format_empty_like(const char *name, const rt_tensor *x, rt_dtype dtype, rt_format format)
{
    intptr_t steps[RT_MAX_NDIM];
    if (check_rank(name, x->ndim, format) < 0) return NULL;
    if (format == RT_FORMAT_PRESERVE) return rt_empty_like(x, dtype);
    rt_tensor *t = rt_empty(dtype, x->ndim, x->shape, x->storage->device);
    if (!t || format == RT_FORMAT_CONTIGUOUS) return t;
    format_steps(format, x->ndim, x->shape, (intptr_t)rt_itemsize(dtype), steps);
    rt_tensor *r = rt_tensor_alias(t, t->data, dtype, x->ndim, x->shape, steps);
    Py_DECREF(t);
    return r;
}

/* Does t lie in memory as the format says?  Lengths of 1 may have any step. */
static int is_in(const rt_tensor *t, rt_format format)
{
    intptr_t item = (intptr_t)rt_tensor_itemsize(t);
    if (format < RT_FORMAT_CHANNELS_LAST) return rt_tensor_is_contiguous(t) != 0;
    if (t->ndim != (format == RT_FORMAT_CHANNELS_LAST ? 4 : 5)) return 0;
    const int *order = orders[format == RT_FORMAT_CHANNELS_LAST_3D];
    for (int k = t->ndim - 1; k >= 0; k--) {
        int d = order[k];
        if (t->shape[d] == 1) continue;
        if (t->steps[d] != item) return 0;
        item *= t->shape[d];
    }
    return 1;
}

/* The one optional argument memory_format, by position or keyword; `otherwise` when it is missing. */
static int read_format(const char *name, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, rt_format otherwise,
                       rt_format *out)
{
    Py_ssize_t words = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    *out = otherwise;
    if (n + words == 0) return 0;
    if (n + words > 1 || (words && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "memory_format") != 0))
        return rt_error(PyExc_TypeError, name, "takes the argument 'memory_format' only");
    return args[0] == Py_None ? 0 : rt_format_convert(name, args[0], out);
}

#define METHOD(f) static PyObject *f(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

/* x copied by `row`, recorded, into new memory of that format. */
static PyObject *copied(const char *name, rt_op_index row, rt_tensor *x, rt_dtype dtype, rt_format format)
{
    rt_tensor *out = rt_format_empty_like(name, x, dtype, format);
    rt_operand in = rt_operand_of(x);
    rt_params p = {.i = {dtype}};
    if (out && rt_op_apply(&rt_ops[row], 1, &in, &p, &out) < 0) Py_CLEAR(out);
    return (PyObject *)out;
}

METHOD(clone_)
{
    rt_format format;
    if (read_format("clone", args, n, kwnames, RT_FORMAT_PRESERVE, &format) < 0) return NULL;
    if (format == RT_FORMAT_PRESERVE) return (PyObject *)rt_apply1(RT_OP_clone, SELF);
    return copied("clone", RT_OP_clone, SELF, (rt_dtype)SELF->dtype, format);
}

METHOD(contiguous)
{
    rt_format format;
    if (read_format("contiguous", args, n, kwnames, RT_FORMAT_CONTIGUOUS, &format) < 0) return NULL;
    if (format == RT_FORMAT_CONTIGUOUS) return (PyObject *)rt_contiguous(SELF);
    if (format == RT_FORMAT_PRESERVE)
        return PyErr_Format(PyExc_RuntimeError, "contiguous: preserve_format is no order to bring a tensor into");
    if (is_in(SELF, format)) return Py_NewRef(self);
    return copied("contiguous", RT_OP_contiguous, SELF, (rt_dtype)SELF->dtype, format);
}

METHOD(is_contiguous)
{
    rt_format format;
    if (read_format("is_contiguous", args, n, kwnames, RT_FORMAT_CONTIGUOUS, &format) < 0) return NULL;
    return PyBool_FromLong(is_in(SELF, format));
}

/* _cast_to(dtype, memory_format): a converted copy. */
METHOD(cast_to)
{
    rt_dtype dtype;
    rt_format format;
    (void)kwnames;
    if (n != 2) return PyErr_Format(PyExc_TypeError, "_cast_to: takes a dtype and a memory format");
    if (rt_dtype_convert(args[0], &dtype) < 0 || rt_format_convert("to", args[1], &format) < 0) return NULL;
    return copied("to", RT_OP_cast, SELF, dtype, format);
}

/* ---- resize_ ---- */

static int may_change(const char *name, const rt_tensor *t)
{
    if (t->flags & RT_READONLY) return rt_error(rt_TensorError, name, "the tensor is read-only; copy it with .clone() first");
    if (rt_tensor_requires_grad(t))
        return rt_error(PyExc_RuntimeError, name, "tensors that require grad cannot be resized; use .detach()");
    return 0;
}

/* resize_(*size, memory_format=None): the same storage in C order when it is large enough, else a larger copy
 * of it, which views do not follow. */
METHOD(resize)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    rt_format format = RT_FORMAT_CONTIGUOUS;
    if (kwnames && PyTuple_GET_SIZE(kwnames)
        && read_format("resize_", args + n, 0, kwnames, RT_FORMAT_CONTIGUOUS, &format) < 0) return NULL;
    PyObject *all = n == 1 ? Py_NewRef(args[0]) : PyTuple_New(n);
    for (Py_ssize_t i = 0; all && n != 1 && i < n; i++) PyTuple_SET_ITEM(all, i, Py_NewRef(args[i]));
    int ndim = all ? rt_shape_convert(all, shape) : -1;
    Py_XDECREF(all);
    if (ndim < 0 || may_change("resize_", SELF) < 0 || check_rank("resize_", ndim, format) < 0) return NULL;
    if (format >= RT_FORMAT_CHANNELS_LAST) {
        if (rt_shape_size(ndim, shape, rt_tensor_itemsize(SELF)) < 0) goto failed;
        format_steps(format, ndim, shape, (intptr_t)rt_tensor_itemsize(SELF), steps);
    }
    if (rt_resize(SELF, ndim, shape, format >= RT_FORMAT_CHANNELS_LAST ? steps : NULL) < 0) goto failed;
    rt_tensor_touch(SELF, "resize_");
    return Py_NewRef(self);
failed:
    rt_error_argument("resize_", NULL);
    return NULL;
}

/* ---- geometry in place: t.transpose_(0, 1) and its kin ---- */

/* _take_view(view): self, on whose storage `view` is a window, gets its geometry and history. */
static PyObject *take_view(PyObject *self, PyObject *other)
{
    if (!rt_tensor_check(other)) return PyErr_Format(PyExc_TypeError, "_take_view: takes a Tensor");
    rt_tensor *v = (rt_tensor *)other;
    if (v == SELF) return Py_NewRef(self);
    if (v->storage != SELF->storage) return PyErr_Format(PyExc_RuntimeError, "_take_view: not a view of the tensor");
    if (rt_grad_enabled && !SELF->node && (SELF->flags & RT_REQUIRES_GRAD))
        return PyErr_Format(PyExc_RuntimeError, "a leaf tensor that requires grad is used in an in-place operation; do it"
                            " under no_grad() or on a clone");
    if (rt_tensor_reshape_to(SELF, v->ndim, v->shape, v->steps) < 0) return NULL;
    SELF->data = v->data;
    if (v->node && rt_node_own_output(v->node, v->output_nr, SELF) < 0) return NULL;
    return Py_NewRef(self);
}

/* _index_put_(key, values, accumulate): self[key] = values, or += with equal places adding up. */
static PyObject *index_put(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    int add = n == 3 ? PyObject_IsTrue(args[2]) : 0;
    if (n != 3) return PyErr_Format(PyExc_TypeError, "index_put_: takes indices, values and accumulate");
    if (add < 0 || rt_subscript_set(SELF, args[0], args[1], add) < 0) return NULL;
    return Py_NewRef(self);
}

/* ---- view(dtype) ---- */

/* The bytes as elements of another dtype, without history; the last dimension is cut or joined. */
static PyObject *view_dtype(rt_tensor *t, rt_dtype dtype)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    intptr_t from = (intptr_t)rt_tensor_itemsize(t), to = (intptr_t)rt_itemsize(dtype);
    int last = t->ndim - 1;
    memcpy(shape, t->shape, t->ndim * sizeof *shape);
    memcpy(steps, t->steps, t->ndim * sizeof *steps);
    if (from != to) {
        if (last < 0)
            return PyErr_Format(PyExc_RuntimeError, "view: a tensor without dimensions cannot be seen as elements of %zd"
                                " instead of %zd bytes", (Py_ssize_t)to, (Py_ssize_t)from);
        int fits = t->shape[last] <= 1 || t->steps[last] == from;
        if (from > to) {
            if (__builtin_mul_overflow(shape[last], from / to, &shape[last])) fits = 0;
        } else {
            fits = fits && shape[last] % (to / from) == 0 && (uintptr_t)t->data % (size_t)to == 0;
            for (int i = 0; i < last; i++) fits = fits && (shape[i] == 1 || steps[i] % to == 0);
            shape[last] /= to / from;
        }
        steps[last] = to;
        if (!fits)
            return PyErr_Format(PyExc_RuntimeError, "view: the last dimension of length %zd does not hold whole elements of"
                                " %zd bytes side by side", (Py_ssize_t)t->shape[last], (Py_ssize_t)to);
    }
    return (PyObject *)rt_tensor_alias(t, t->data, dtype, t->ndim, shape, steps);
}

static PyObject *row_view;           /* owned: the function of row `view` */

METHOD(view)
{
    PyObject *only = n == 1 && !kwnames ? args[0]
                   : n == 0 && kwnames && PyTuple_GET_SIZE(kwnames) == 1
                     && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "dtype") == 0 ? args[0] : NULL;
    if (only && !PyLong_Check(only) && !PyTuple_Check(only) && !PyList_Check(only)) {
        rt_dtype dtype;
        if (rt_dtype_convert(only, &dtype) == 0) return view_dtype(SELF, dtype);
        PyErr_Clear();
    }
    PyObject *all[RT_MAX_NDIM + 4];
    Py_ssize_t words = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (n + words > RT_MAX_NDIM + 2) return PyErr_Format(rt_TensorError, "view: a tensor has at most %d dimensions", RT_MAX_NDIM);
    all[0] = self;
    memcpy(all + 1, args, (size_t)(n + words) * sizeof *all);
    return PyObject_Vectorcall(row_view, all, (size_t)n + 1, kwnames);
}

/* ---- empty_strided ---- */

/* _empty_strided(size, stride, dtype): uninitialised, strides in elements, none of them negative. */
static PyObject *empty_strided(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM], bytes;
    rt_dtype dtype;
    (void)m;
    if (n != 3) return PyErr_Format(PyExc_TypeError, "empty_strided: takes a size, strides and a dtype");
    if (rt_dtype_convert(args[2], &dtype) < 0) return NULL;
    int ndim = rt_shape_convert(args[0], shape), nsteps = ndim < 0 ? -1 : rt_shape_convert(args[1], steps);
    if (nsteps < 0) return NULL;
    intptr_t item = (intptr_t)rt_itemsize(dtype);
    if (nsteps != ndim) return PyErr_Format(rt_TensorError, "empty_strided: %d lengths but %d strides", ndim, nsteps);
    intptr_t size = rt_shape_size(ndim, shape, (size_t)item);
    if (size < 0) {
        rt_error_argument("empty_strided", NULL);
        return NULL;
    }
    bytes = size ? item : 0;
    for (int i = 0; i < ndim; i++) {
        intptr_t reach = 0;
        int bad = steps[i] < 0 || __builtin_mul_overflow(steps[i], item, &steps[i]);
        if (size) bad = bad || __builtin_mul_overflow(shape[i] - 1, steps[i], &reach) || __builtin_add_overflow(bytes, reach, &bytes);
        if (bad) return PyErr_Format(rt_TensorError, "empty_strided: the stride of dimension %d is negative or too large", i);
    }
    rt_storage *s = rt_memory_alloc((size_t)bytes, (rt_device){RT_CPU, 0});
    return s ? (PyObject *)rt_tensor_wrap(s, s->data, dtype, ndim, shape, steps) : NULL;
}

#define ROW(name, f, doc) {name, (PyCFunction)(void (*)(void))f, METH_FASTCALL | METH_KEYWORDS, doc}
static PyMethodDef methods[] = {
    ROW("clone", clone_, "clone(*, memory_format=preserve_format): a copy in memory of its own."),
    ROW("contiguous", contiguous, "contiguous(memory_format=contiguous_format)\n\nItself when in that order, else a copy that is."),
    ROW("is_contiguous", is_contiguous, "is_contiguous(memory_format=contiguous_format): in that order without gaps?"),
    ROW("resize_", resize, "resize_(*size, memory_format=contiguous_format)\n\nAnother shape over the same storage, which grows"
        " when it is too small; new elements are uninitialised.  RuntimeError when the tensor requires grad."),
    ROW("view", view, "view(*shape) or view(dtype)\n\nThe elements in a new shape, or the bytes as elements of another dtype;"
        " never a copy."),
    ROW("_cast_to", cast_to, NULL),
    {"_take_view", take_view, METH_O, NULL},
    {"_index_put_", (PyCFunction)(void (*)(void))index_put, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef functions[] = {
    {"_empty_strided", (PyCFunction)(void (*)(void))empty_strided, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

int rt_layout_init(PyObject *module)
{
    PyObject *ops = PyObject_GetAttrString(module, "ops");
    if (!ops) return -1;
    Py_XSETREF(row_view, Py_XNewRef(PyDict_GetItemString(ops, "view")));
    Py_DECREF(ops);
    for (PyMethodDef *d = methods; d->ml_name; d++) {
        PyObject *method = PyDescr_NewMethod(&rt_tensor_type, d);
        int status = method ? PyDict_SetItemString(rt_tensor_type.tp_dict, d->ml_name, method) : -1;
        Py_XDECREF(method);
        if (status < 0) return -1;
    }
    PyType_Modified(&rt_tensor_type);
    return PyModule_AddFunctions(module, functions);
}
