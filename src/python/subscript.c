/* subscript: t[key] and t[key] = value.  A key is read into items; integers, slices, `...` and None
 * become one window (a view, one node), arrays and masks one tensor of flat positions for
 * the rows `index` and `index_put`.  Bounds are checked before anything is made.
 * Floor: python. */
#include "python/subscript.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/ndarray.h"
#include "python/positions.h"
#include "ufunc/masks.h"
#include "ufunc/observe.h"
#include "ufunc/offsets.h"
#include "ufunc/views.h"

#define MAX_ITEMS (2 * RT_MAX_NDIM)

typedef enum { ITEM_INT, ITEM_SLICE, ITEM_NEWAXIS, ITEM_ELLIPSIS, ITEM_ARRAY, ITEM_MASK, ITEM_TRUTH } item_kind;
typedef struct {
    item_kind kind;
    intptr_t value;               /* of an integer; 0 or 1 of a truth value */
    PyObject *slice;              /* borrowed from the key */
    rt_tensor *array;             /* owned: integers, or a mask */
} item;
typedef struct {
    int n, used, ellipsis, advanced;      /* used: dimensions of t that items stand for */
    item items[MAX_ITEMS];
} parsed;

/* Advanced item on the window: `ndim` dimensions from `dim`; array NULL means the integer. */
typedef struct { int dim, ndim, source; intptr_t value; rt_tensor *array; int mask; } advanced;
typedef struct {
    int trivial, naxes, nadvanced, ndim;          /* ndim of the window */
    int before_ellipsis;                          /* advanced items before `...`: it parts them even when empty */
    intptr_t start[RT_MAX_NDIM], step[RT_MAX_NDIM], length[RT_MAX_NDIM], newaxis[RT_MAX_NDIM];
    advanced advanced[MAX_ITEMS];
} layout;

/* ---- the shortest keys ---- */

static int must_record(const rt_tensor *t)
{
    return rt_observers || (rt_grad_enabled && (rt_tensor_requires_grad(t) || (t->base && t->base_version != t->storage->version)));
}

/* What apply does to the result of a view row, without the detour. */
static PyObject *adopt(rt_tensor *view, rt_tensor *of)
{
    if (!view) return NULL;
    view->base = (rt_tensor *)Py_NewRef((PyObject *)(of->base ? of->base : of));
    view->base_version = view->storage->version;
    PyObject_GC_Track((PyObject *)view);
    return (PyObject *)view;
}

static PyObject *integer_window(rt_tensor *t, PyObject *key)
{
    Py_ssize_t i = PyLong_AsSsize_t(key);
    if (i == -1 && PyErr_Occurred()) {
        PyErr_Format(PyExc_IndexError, "index %R does not fit an address", key);
        return NULL;
    }
    if (t->ndim == 0) {
        PyErr_SetString(PyExc_IndexError, "too many indices: the tensor has no dimensions, but 1 was indexed; use item()");
        return NULL;
    }
    intptr_t at = i < 0 ? i + t->shape[0] : i;
    if ((size_t)at >= (size_t)t->shape[0]) {
        rt_positions_refuse(i, 0, t->shape[0]);
        return NULL;
    }
    if (!must_record(t))
        return adopt(rt_tensor_alias(t, t->data + at * t->steps[0], (rt_dtype)t->dtype, t->ndim - 1, t->shape + 1, t->steps + 1), t);
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = 0;
    p.i[1] = at;
    return (PyObject *)rt_apply1p(RT_OP_select, t, &p);
}

static PyObject *get_integer(rt_tensor *t, PyObject *key)
{
    PyObject *window = integer_window(t, key);
    return window ? rt_array_settle(window) : NULL;
}

static int read_slice(PyObject *slice, intptr_t length, intptr_t *start, intptr_t *step, intptr_t *n)
{
    Py_ssize_t a, b, s;
    if (PySlice_Unpack(slice, &a, &b, &s) < 0) return -1;
    *n = PySlice_AdjustIndices(length, &a, &b, s);
    *start = *n ? a : 0;
    *step = s;
    return 0;
}

static PyObject *get_slice(rt_tensor *t, PyObject *key)
{
    intptr_t start, step, n;
    if (read_slice(key, t->shape[0], &start, &step, &n) < 0) return NULL;
    if (!must_record(t)) return adopt(rt_view_slice(t, 0, start, step, n), t);
    rt_params p;
    rt_params_begin(&p);
    p.i[1] = start;
    p.i[2] = step;
    p.i[3] = n;
    return (PyObject *)rt_apply1p(RT_OP_slice, t, &p);
}

/* ---- reading a key ---- */

static void drop_items(parsed *k)
{
    for (int i = 0; i < k->n; i++) Py_XDECREF(k->items[i].array);
}

static int refuse(PyObject *o, const char *what)
{
    PyErr_Format(PyExc_IndexError, "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean"
                 " arrays are valid indices, not %s%s", Py_TYPE(o)->tp_name, what);
    return -1;
}

/* The item an array makes; steals t. */
static int array_item(parsed *k, item *at, PyObject *o, rt_tensor *t)
{
    at->array = t;
    if (t->dtype == RT_b1) {
        k->advanced = 1;
        at->kind = t->ndim ? ITEM_MASK : ITEM_TRUTH;
        k->used += t->ndim;
        if (t->ndim) return 0;
        at->value = *(const uint8_t *)t->data != 0;
    } else if (rt_dtype_is_integer((rt_dtype)t->dtype)) {
        at->kind = t->ndim ? ITEM_ARRAY : ITEM_INT;
        k->used++;
        if (t->ndim) {
            k->advanced = 1;
            return 0;
        }
        rt_tensor *one = rt_index_int64("index", t);
        if (!one) return -1;
        at->value = *(const int64_t *)one->data;
        Py_DECREF(one);
    } else {
        return refuse(o, rt_dtype_is_inexact((rt_dtype)t->dtype) ? " of floating numbers" : "");
    }
    Py_CLEAR(at->array);
    return 0;
}

/* An array of integers in foreign byte order, in ours; NULL, with or without an exception, when it is something else. */
static PyObject *native_integers(PyObject *o)
{
    PyObject *dtype = rt_ndarray_check(o) ? PyObject_GetAttrString(o, "dtype") : NULL;
    PyObject *kind = dtype ? PyObject_GetAttrString(dtype, "kind") : NULL, *native = NULL;
    if (kind && (PyUnicode_CompareWithASCIIString(kind, "i") == 0 || PyUnicode_CompareWithASCIIString(kind, "u") == 0))
        native = PyObject_CallMethod(o, "astype", "s", "=i8");
    Py_XDECREF(dtype);
    Py_XDECREF(kind);
    return native;
}

static int foreign_item(parsed *k, item *at, PyObject *o)
{
    rt_operand v;
    PyObject *owned = NULL;
    if (PyIndex_Check(o) && !rt_ndarray_check(o)) {
        at->value = PyNumber_AsSsize_t(o, PyExc_IndexError);
        k->used++;
        return at->value == -1 && PyErr_Occurred() ? -1 : 0;
    }
    if (PyRange_Check(o)) {
        rt_tensor *numbers = rt_convert_tensor(o, RT_i64, -1);
        return numbers ? array_item(k, at, o, numbers) : -1;
    }
    int status = rt_convert_operand(o, &v, &owned);
    if (status < 0 && !PyErr_ExceptionMatches(rt_DtypeError)) return -1;
    if (status < 0) {
        PyErr_Clear();
        PyObject *native = native_integers(o);
        rt_tensor *numbers = native ? rt_ndarray_import(native) : NULL;
        Py_XDECREF(native);
        if (numbers) return array_item(k, at, o, numbers);
        PyErr_Clear();
    }
    if (status != 0 || !v.t) return refuse(o, "");
    rt_tensor *t = (rt_tensor *)Py_NewRef((PyObject *)v.t);
    Py_XDECREF(owned);
    if (t->size == 0 && !rt_ndarray_check(o) && !rt_tensor_check(o)) {       /* [] is a list of no integers */
        rt_tensor *none = rt_empty(RT_i64, t->ndim, t->shape, t->storage->device);
        Py_SETREF(t, none);
        if (!t) return -1;
    }
    return array_item(k, at, o, t);
}

static int read_item(parsed *k, PyObject *o)
{
    if (k->n == MAX_ITEMS) {
        PyErr_SetString(PyExc_IndexError, "too many indices");
        return -1;
    }
    item *at = &k->items[k->n];
    *at = (item){.kind = ITEM_INT};
    k->n++;
    if (PySlice_Check(o)) {
        at->kind = ITEM_SLICE;
        at->slice = o;
        k->used++;
    } else if (PyLong_CheckExact(o)) {
        at->value = PyLong_AsSsize_t(o);
        k->used++;
        if (at->value == -1 && PyErr_Occurred()) {
            PyErr_Format(PyExc_IndexError, "index %R does not fit an address", o);
            return -1;
        }
    } else if (o == Py_None) {
        at->kind = ITEM_NEWAXIS;
    } else if (o == Py_Ellipsis) {
        at->kind = ITEM_ELLIPSIS;
        if (k->ellipsis++) {
            PyErr_SetString(PyExc_IndexError, "an index can have only a single ellipsis (`...`)");
            return -1;
        }
    } else if (PyBool_Check(o)) {
        at->kind = ITEM_TRUTH;
        at->value = o == Py_True;
        k->advanced = 1;
    } else if (rt_tensor_check(o)) {
        return array_item(k, at, o, (rt_tensor *)Py_NewRef(o));
    } else {
        return foreign_item(k, at, o);
    }
    return 0;
}

static int read_key(const rt_tensor *t, PyObject *key, parsed *k)
{
    k->n = k->used = k->ellipsis = k->advanced = 0;
    if (PyTuple_Check(key)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
            if (read_item(k, PyTuple_GET_ITEM(key, i)) < 0) return -1;
    } else if (read_item(k, key) < 0) {
        return -1;
    }
    if (k->used > t->ndim) {
        PyErr_Format(PyExc_IndexError, "too many indices for array: array is %d-dimensional, but %d were indexed", t->ndim, k->used);
        return -1;
    }
    return 0;
}

/* ---- laying the items over the dimensions ---- */

static void whole(layout *l, const rt_tensor *t, int d)
{
    l->start[d] = 0;
    l->step[d] = 1;
    l->length[d] = t->shape[d];
}

static int add_axis(layout *l)
{
    if (l->naxes == RT_MAX_NDIM) {
        PyErr_Format(PyExc_IndexError, "the result would have more than %d dimensions", RT_MAX_NDIM);
        return -1;
    }
    l->newaxis[l->naxes++] = l->ndim++;
    l->trivial = 0;
    return 0;
}

/* One index, or none, of a new dimension of length 1. */
static rt_tensor *truth_index(intptr_t value)
{
    return rt_zeros(RT_i64, 1, &value, (rt_device){RT_CPU, 0});
}

static int mask_fits(const rt_tensor *t, const rt_tensor *mask, int d)
{
    for (int i = 0; i < mask->ndim; i++)
        if (mask->shape[i] != t->shape[d + i]) {
            PyErr_Format(PyExc_IndexError, "boolean index did not match indexed array along axis %d; size of axis is %zd but"
                         " size of corresponding boolean axis is %zd", d + i, (Py_ssize_t)t->shape[d + i], (Py_ssize_t)mask->shape[i]);
            return 0;
        }
    return 1;
}

static int lay_integer(const rt_tensor *t, const parsed *k, layout *l, intptr_t i, int d)
{
    intptr_t at = i < 0 ? i + t->shape[d] : i;
    if ((size_t)at >= (size_t)t->shape[d]) return rt_positions_refuse(i, d, t->shape[d]);
    if (k->advanced) {                              /* beside arrays an integer is an array too */
        whole(l, t, d);
        l->advanced[l->nadvanced++] = (advanced){l->ndim++, 1, d, at, NULL, 0};
        return 0;
    }
    l->start[d] = at;
    l->step[d] = 0;
    l->length[d] = 1;
    l->trivial = 0;
    return 0;
}

static int lay_item(const rt_tensor *t, parsed *k, layout *l, item *it, int *dim)
{
    int d = *dim;
    switch (it->kind) {
    case ITEM_INT:
        (*dim)++;
        return lay_integer(t, k, l, it->value, d);
    case ITEM_SLICE:
        if (read_slice(it->slice, t->shape[d], &l->start[d], &l->step[d], &l->length[d]) < 0) return -1;
        if (l->step[d] != 1 || l->length[d] != t->shape[d]) l->trivial = 0;
        l->ndim++;
        (*dim)++;
        return 0;
    case ITEM_NEWAXIS:
        return add_axis(l);
    case ITEM_ELLIPSIS:
        l->before_ellipsis = l->nadvanced;
        for (int n = t->ndim - k->used; n > 0; n--, l->ndim++) whole(l, t, (*dim)++);
        return 0;
    case ITEM_TRUTH:
        it->array = truth_index(it->value);
        if (!it->array || add_axis(l) < 0) return -1;
        l->advanced[l->nadvanced++] = (advanced){l->ndim - 1, 1, d, 0, it->array, 0};
        return 0;
    case ITEM_ARRAY:
    case ITEM_MASK:
        if (it->kind == ITEM_MASK && !mask_fits(t, it->array, d)) return -1;
        int n = it->kind == ITEM_MASK ? it->array->ndim : 1;
        l->advanced[l->nadvanced++] = (advanced){l->ndim, n, d, 0, it->array, it->kind == ITEM_MASK};
        for (; n > 0; n--, l->ndim++) whole(l, t, (*dim)++);
        return 0;
    }
    return 0;
}

static int lay(const rt_tensor *t, parsed *k, layout *l)
{
    int d = 0;
    l->trivial = 1;
    l->naxes = l->nadvanced = l->ndim = l->before_ellipsis = 0;
    for (int i = 0; i < k->n; i++)
        if (lay_item(t, k, l, &k->items[i], &d) < 0) return -1;
    for (; d < t->ndim; d++, l->ndim++) whole(l, t, d);
    if (l->ndim <= RT_MAX_NDIM) return 0;
    PyErr_Format(PyExc_IndexError, "the result would have more than %d dimensions", RT_MAX_NDIM);
    return -1;
}

/* The window of the basic part: recorded as one node, or laid directly when there is nothing to record. */
static rt_tensor *window(rt_tensor *t, const layout *l)
{
    if (must_record(t)) {
        rt_params p;
        rt_params_begin(&p);
        rt_params_push(&p, 0, t->ndim, l->start);
        rt_params_push(&p, 1, t->ndim, l->step);
        rt_params_push(&p, 2, t->ndim, l->length);
        rt_params_push(&p, 3, l->naxes, l->newaxis);
        return rt_apply1p(RT_OP_basic_index, t, &p);
    }
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    char *data = t->data;
    int n = 0, a = 0, empty = 0;
    for (int d = 0; d <= t->ndim; d++) {
        for (; a < l->naxes && l->newaxis[a] == n; a++) shape[n] = 1, steps[n++] = (intptr_t)rt_tensor_itemsize(t);
        if (d == t->ndim) break;
        if (l->length[d]) data += l->start[d] * t->steps[d];
        if (l->step[d] == 0) continue;
        shape[n] = l->length[d];
        steps[n++] = l->length[d] > 1 ? t->steps[d] * l->step[d] : t->steps[d];
        empty |= l->length[d] == 0;
    }
    return (rt_tensor *)adopt(rt_tensor_alias(t, empty ? t->data : data, (rt_dtype)t->dtype, n, shape, steps), t);
}

/* ---- arrays: one tensor of flat positions ---- */

typedef struct { rt_tensor *index; rt_params p; } positions;      /* index owned */

static int combine_all(const layout *l, const rt_tensor *v, rt_tensor **arrays, rt_tensor *out)
{
    memset(out->data, 0, (size_t)out->size * sizeof(int64_t));
    for (int e = 0; e < l->nadvanced; e++) {
        const advanced *a = &l->advanced[e];
        intptr_t length = 1;
        int64_t *to = (int64_t *)out->data;
        for (int i = 0; i < a->ndim; i++) length *= v->shape[a->dim + i];
        if (!arrays[e]) {
            for (intptr_t i = 0; i < out->size; i++) to[i] = to[i] * length + a->value;
            continue;
        }
        rt_tensor *wide = rt_view_expand("index", arrays[e], out->ndim, out->shape);
        if (!wide) return -1;
        int rc = rt_positions_add(&to, wide, 0, wide->data, length, a->source);
        Py_DECREF(wide);
        if (rc < 0) return -1;
    }
    return 0;
}

/* Arrays as int64, masks as positions; NULL for integers. */
static int make_arrays(const layout *l, rt_tensor **arrays, int *ndim, intptr_t *shape)
{
    *ndim = 0;
    for (int e = 0; e < l->nadvanced; e++) {
        const advanced *a = &l->advanced[e];
        if (!a->array) continue;
        if (rt_observers) arrays[e] = rt_positions_visible(a->array, a->mask);
        else arrays[e] = a->mask ? rt_index_nonzero(a->array) : rt_index_int64("index", a->array);
        if (!arrays[e]) return -1;
        if (rt_shape_broadcast("index", ndim, shape, arrays[e]->ndim, arrays[e]->shape) < 0) {
            PyObject *type, *value, *trace;
            PyErr_Fetch(&type, &value, &trace);
            PyErr_Format(PyExc_IndexError, "the indexing arrays do not broadcast together (array %d): %S", e, value);
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(trace);
            return -1;
        }
    }
    return 0;
}

static rt_tensor *combine_visibly(const layout *l, const rt_tensor *v, rt_tensor **arrays)
{
    intptr_t lengths[MAX_ITEMS], values[MAX_ITEMS];
    for (int e = 0; e < l->nadvanced; e++) {
        const advanced *a = &l->advanced[e];
        values[e] = a->value;
        lengths[e] = 1;
        for (int i = 0; i < a->ndim; i++) lengths[e] *= v->shape[a->dim + i];
    }
    return rt_positions_combine(l->nadvanced, arrays, values, lengths);
}

static int make_positions(const layout *l, const rt_tensor *v, positions *out)
{
    rt_tensor *arrays[MAX_ITEMS] = {NULL};
    intptr_t shape[RT_MAX_NDIM], dims[RT_MAX_NDIM];
    int ndim, k = 0, rc = -1, together = !l->before_ellipsis || l->before_ellipsis == l->nadvanced;
    out->index = NULL;
    if (make_arrays(l, arrays, &ndim, shape) < 0) goto done;
    for (int e = 0; e < l->nadvanced; e++) {
        const advanced *a = &l->advanced[e];
        if (k && dims[k - 1] + 1 != a->dim) together = 0;
        for (int i = 0; i < a->ndim; i++) dims[k++] = a->dim + i;
    }
    if (v->ndim - k + ndim > RT_MAX_NDIM) {
        PyErr_Format(PyExc_IndexError, "the result would have more than %d dimensions", RT_MAX_NDIM);
        goto done;
    }
    rt_params_begin(&out->p);
    rt_params_push(&out->p, 0, k, dims);
    out->p.i[0] = together ? dims[0] : 0;       /* arrays side by side keep their place, others go first */
    if (l->nadvanced == 1 && arrays[0]) {
        out->index = arrays[0];
        arrays[0] = NULL;
    } else {
        out->index = rt_empty(RT_i64, ndim, shape, (rt_device){RT_CPU, 0});
        if (!out->index || combine_all(l, v, arrays, out->index) < 0) goto done;
        if (rt_observers) Py_XSETREF(out->index, combine_visibly(l, v, arrays));
        if (!out->index) goto done;
    }
    rc = 0;
done:
    for (int e = 0; e < l->nadvanced; e++) Py_XDECREF(arrays[e]);
    if (rc < 0) Py_CLEAR(out->index);
    return rc;
}

/* ---- get ---- */

PyObject *rt_subscript_get(rt_tensor *t, PyObject *key)
{
    if (PyLong_CheckExact(key)) return get_integer(t, key);
    if (PySlice_Check(key) && t->ndim) return get_slice(t, key);
    parsed k;
    layout l;
    positions at;
    rt_tensor *v = NULL, *r = NULL;
    if (read_key(t, key, &k) < 0 || lay(t, &k, &l) < 0) goto done;
    if (!k.advanced) {
        r = window(t, &l);
        if (r && r->ndim == 0 && !k.ellipsis) r = (rt_tensor *)rt_array_settle((PyObject *)r);
        goto done;
    }
    v = l.trivial ? (rt_tensor *)Py_NewRef((PyObject *)t) : window(t, &l);
    if (!v || make_positions(&l, v, &at) < 0) goto done;
    r = rt_apply2p(RT_OP_index, v, at.index, &at.p);
    Py_DECREF(at.index);
done:
    drop_items(&k);
    Py_XDECREF(v);
    return (PyObject *)r;
}

/* ---- set ---- */

static int read_value(const rt_tensor *t, PyObject *value, rt_operand *out, PyObject **owned)
{
    *owned = NULL;
    if (PyList_Check(value) || PyTuple_Check(value)) {       /* straight to our dtype: no rounding on the way */
        *owned = (PyObject *)rt_convert_tensor(value, (rt_dtype)t->dtype, -1);
        if (*owned) *out = rt_operand_of((rt_tensor *)*owned);
        return *owned ? 0 : -1;
    }
    int status = rt_convert_operand(value, out, owned);
    if (status < 0) return -1;
    if (status > 0 || out->none) {
        PyErr_Format(PyExc_TypeError, "cannot assign %s to elements of a tensor", Py_TYPE(value)->tp_name);
        return -1;
    }
    if (!out->t && out->kind == RT_KIND_COMPLEX && !rt_dtype_is_complex((rt_dtype)t->dtype)) {
        PyErr_Format(PyExc_TypeError, "cannot assign a complex number to a tensor of %s", rt_dtypes[t->dtype].name);
        return -1;
    }
    return 0;
}

/* One mask and one number: no positions needed. */
static int fill_mask(rt_tensor *v, const advanced *a, const rt_operand *value)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    int n = v->ndim - a->dim;
    for (int i = 0; i < n; i++) {
        shape[i] = i < a->ndim ? a->array->shape[i] : 1;
        steps[i] = i < a->ndim ? a->array->steps[i] : 0;
    }
    const int whole = n == a->array->ndim && a->array->dtype == RT_b1;
    rt_tensor *mask = whole ? (rt_tensor *)Py_NewRef((PyObject *)a->array)
                            : rt_tensor_alias(a->array, a->array->data, RT_b1, n, shape, steps), *out = v;
    if (!mask) return -1;
    rt_operand in[3] = {rt_operand_of(v), rt_operand_of(mask), *value};
    int rc = rt_op_apply(&rt_ops[RT_OP_masked_fill], 3, in, NULL, &out);
    Py_DECREF(mask);
    return rc;
}

static int put(rt_tensor *v, const layout *l, const rt_operand *value, int add)
{
    positions at;
    rt_tensor *out = v;
    if (!add && l->nadvanced == 1 && l->advanced[0].mask && (!value->t || value->t->ndim == 0))
        return fill_mask(v, &l->advanced[0], value);
    if (make_positions(l, v, &at) < 0) return -1;
    at.p.i[1] = add;
    rt_operand in[3] = {rt_operand_of(v), rt_operand_of(at.index), *value};
    int rc = rt_op_apply(&rt_ops[RT_OP_index_put], 3, in, &at.p, &out);
    Py_DECREF(at.index);
    return rc;
}

static int copy_to(rt_tensor *view, const rt_operand *value, int add)
{
    rt_tensor *out = view;
    rt_operand sum[2] = {rt_operand_of(view), *value};
    if (add) return rt_op_apply(&rt_ops[RT_OP_add], 2, sum, NULL, &out);
    return rt_op_apply(&rt_ops[RT_OP_copy], 1, value, NULL, &out);
}

int rt_subscript_set(rt_tensor *t, PyObject *key, PyObject *value, int add)
{
    if (PyLong_CheckExact(key) && !add) {
        const int stored = rt_positions_store(t, key, value);
        if (stored) return stored < 0 ? -1 : 0;
    }
    parsed k;
    layout l;
    rt_operand v;
    PyObject *owned = NULL;
    rt_tensor *view = NULL;
    int rc = -1;
    k.n = 0;
    if (read_value(t, value, &v, &owned) < 0) goto done;
    if (PyLong_CheckExact(key)) view = (rt_tensor *)integer_window(t, key);
    else if (PySlice_Check(key) && t->ndim) view = (rt_tensor *)get_slice(t, key);
    else if (read_key(t, key, &k) < 0 || lay(t, &k, &l) < 0) goto done;
    else if (k.advanced && l.trivial) view = (rt_tensor *)Py_NewRef((PyObject *)t);
    else view = window(t, &l);
    if (!view) goto done;
    rc = k.n && k.advanced ? put(view, &l, &v, add) : copy_to(view, &v, add);
done:
    drop_items(&k);
    Py_XDECREF(view);
    Py_XDECREF(owned);
    return rc;
}
