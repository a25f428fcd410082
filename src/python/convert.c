/* convert: Python things into tensors, operands, dtypes, and back.  Floor: python. */
#include "python/convert.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "dlpack/exchange.h"
#include "python/ndarray.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include <string.h>

static PyObject *bfloat16_object;       /* owned */

/* ---- dtypes ---- */

PyObject *rt_dtype_object(rt_dtype d)
{
    PyObject *o = rt_ndarray_descr(d);
    if (o || d != RT_bf16) return o;
    if (!bfloat16_object) {
        PyObject *m = PyImport_ImportModule("rustorch._dtypes");
        bfloat16_object = m ? PyObject_GetAttrString(m, "bfloat16_fallback") : NULL;
        Py_XDECREF(m);
    }
    return Py_XNewRef(bfloat16_object);
}

int rt_dtype_convert(PyObject *o, rt_dtype *out)
{
    if (o == (PyObject *)&PyFloat_Type) { *out = RT_f64; return 0; }
    if (o == (PyObject *)&PyLong_Type) { *out = RT_i64; return 0; }
    if (o == (PyObject *)&PyBool_Type) { *out = RT_b1; return 0; }
    if (o == (PyObject *)&PyComplex_Type) { *out = RT_c128; return 0; }
    if (PyUnicode_Check(o)) {
        for (int d = 0; d < RT_NDTYPE; d++)
            if (PyUnicode_CompareWithASCIIString(o, rt_dtypes[d].name) == 0) { *out = (rt_dtype)d; return 0; }
    }
    if (bfloat16_object && o == bfloat16_object) { *out = RT_bf16; return 0; }
    int status = rt_ndarray_descr_convert(o, out);
    if (status > 0) return 0;
    if (status == 0) PyErr_Format(PyExc_TypeError, "%R is not a dtype", o);
    return -1;
}

/* ---- shapes ---- */

int rt_shape_convert(PyObject *o, intptr_t *shape)
{
    if (PyIndex_Check(o) && !(rt_tensor_check(o) && ((rt_tensor *)o)->ndim)) {
        shape[0] = PyNumber_AsSsize_t(o, PyExc_OverflowError);
        return shape[0] == -1 && PyErr_Occurred() ? -1 : 1;
    }
    PyObject *list = PySequence_Fast(o, "a shape must be an integer or a sequence of integers");
    if (!list) return -1;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(list);
    if (n > RT_MAX_NDIM) {
        PyErr_Format(rt_TensorError, "a tensor has at most %d dimensions, not %zd", RT_MAX_NDIM, n);
        n = -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(list, i);
        if (!PyIndex_Check(item)) {
            PyErr_Format(PyExc_TypeError, "lengths of a shape must be integers, not %s", Py_TYPE(item)->tp_name);
            n = -1;
            break;
        }
        shape[i] = PyNumber_AsSsize_t(item, PyExc_OverflowError);
        if (shape[i] == -1 && PyErr_Occurred()) n = -1;
    }
    Py_DECREF(list);
    return (int)n;
}

/* ---- operands ---- */

static int convert_integer(PyObject *o, rt_operand *out)
{
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    *out = (rt_operand){.kind = RT_KIND_SIGNED, .v.i = v};
    if (!overflow) return v == -1 && PyErr_Occurred() ? -1 : 0;
    if (overflow > 0) {
        unsigned long long u = PyLong_AsUnsignedLongLong(o);
        if (!(u == (unsigned long long)-1 && PyErr_Occurred())) {
            out->v.i = (int64_t)u;
            out->is_unsigned = 1;
            return 0;
        }
        PyErr_Clear();
    }
    double f = PyLong_AsDouble(o);               /* beyond 64 bits: as NumPy, only floats can take it */
    if (f == -1.0 && PyErr_Occurred()) return -1;
    *out = rt_operand_float(f);
    return 0;
}

int rt_convert_operand(PyObject *o, rt_operand *out, PyObject **owned)
{
    *owned = NULL;
    if (rt_tensor_check(o)) {
        *out = rt_operand_of((rt_tensor *)o);
        return 0;
    }
    if (PyFloat_CheckExact(o)) {
        *out = rt_operand_float(PyFloat_AS_DOUBLE(o));
        return 0;
    }
    if (PyBool_Check(o)) {
        *out = (rt_operand){.kind = RT_KIND_BOOL, .v.i = o == Py_True};
        return 0;
    }
    if (PyLong_Check(o)) return convert_integer(o, out);
    if (PyComplex_CheckExact(o)) {
        *out = (rt_operand){.kind = RT_KIND_COMPLEX, .v.c = {PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o)}};
        return 0;
    }
    if (o == Py_None) {
        *out = (rt_operand){.none = 1};
        return 0;
    }
    if (PyUnicode_Check(o) || PyBytes_Check(o) || PyDict_Check(o) || PyType_Check(o) || PyCallable_Check(o)) return 1;
    if (!rt_ndarray_check(o) && !rt_ndarray_is_scalar(o) && !PyList_Check(o) && !PyTuple_Check(o)
        && !PyObject_HasAttrString(o, "__dlpack__") && !PyObject_HasAttrString(o, "__array_interface__")
        && !PyObject_CheckBuffer(o) && !PyObject_HasAttrString(o, "__array__")) {
        if (PyFloat_Check(o)) {
            *out = rt_operand_float(PyFloat_AS_DOUBLE(o));
            return 0;
        }
        return 1;
    }
    rt_tensor *t = rt_convert_tensor(o, RT_NODTYPE, -1);
    if (!t) return -1;
    *owned = (PyObject *)t;
    *out = rt_operand_of(t);
    return 0;
}

/* ---- tensors ---- */

static rt_tensor *from_scalar(const rt_operand *s, rt_dtype d)
{
    rt_device cpu = {RT_CPU, 0};
    if (d == RT_NODTYPE)
        d = s->kind == RT_KIND_BOOL ? RT_b1 : s->kind == RT_KIND_FLOAT ? rt_default_dtype()
          : s->kind == RT_KIND_COMPLEX ? rt_dtype_to_complex(rt_default_dtype()) : s->is_unsigned ? RT_u64 : RT_i64;
    rt_tensor *t = rt_empty(d, 0, NULL, cpu);
    if (t && rt_operand_store(s, d, t->data) < 0) Py_CLEAR(t);
    return t;
}

/* Does a nested list hold a NumPy scalar, array or Tensor, whose dtype then counts?  Looks at first
 * items only, as deep as they go. */
static int holds_typed(PyObject *o)
{
    for (int depth = 0; depth < RT_MAX_NDIM && (PyList_Check(o) || PyTuple_Check(o)); depth++) {
        if (PySequence_Fast_GET_SIZE(o) == 0) return 0;
        o = PySequence_Fast_GET_ITEM(o, 0);
    }
    return rt_tensor_check(o) || rt_ndarray_check(o) || rt_ndarray_is_scalar(o);
}

/* Raises *d to hold a leaf of nested lists, or all leaves of one: tensors, arrays and NumPy scalars have their dtype,
 * Python's numbers bool, int64, or the default dtype.  0; -1 with an exception. */
static int widen_to_leaves(PyObject *o, rt_dtype *d)
{
    rt_dtype leaf;
    if (PyList_Check(o) || PyTuple_Check(o)) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++)
            if (widen_to_leaves(PySequence_Fast_GET_ITEM(o, i), d) < 0) return -1;
        return 0;
    }
    if (rt_tensor_check(o)) {
        leaf = (rt_dtype)((rt_tensor *)o)->dtype;
    } else if (rt_ndarray_check(o) || rt_ndarray_is_scalar(o)) {
        PyObject *dtype = PyObject_GetAttrString(o, "dtype");
        int status = dtype ? rt_dtype_convert(dtype, &leaf) : -1;
        Py_XDECREF(dtype);
        if (status < 0) return -1;
    } else {
        leaf = PyBool_Check(o) ? RT_b1 : PyLong_Check(o) ? RT_i64 : PyComplex_Check(o)
               ? rt_dtype_to_complex(rt_default_dtype()) : rt_default_dtype();
    }
    *d = *d == RT_NODTYPE ? leaf : rt_dtype_promote(*d, leaf);
    return 0;
}

/* A Python integer that the dtype cannot hold is an error, not its remainder. */
static int check_integers(const rt_tensor *t, rt_dtype d)
{
    _Alignas(16) char slot[16];
    if (!rt_dtype_is_integer(d) || ((rt_dtype)t->dtype != RT_i64 && (rt_dtype)t->dtype != RT_u64)) return 0;
    for (intptr_t i = 0; i < t->size; i++) {
        rt_operand s = rt_operand_int(((const int64_t *)t->data)[i]);
        s.is_unsigned = (rt_dtype)t->dtype == RT_u64 && s.v.i < 0;
        if (rt_operand_store(&s, d, slot) < 0) return -1;
    }
    return 0;
}

/* A list with numbers in place of its 0-d tensors, which NumPy would read one by one, and some not at all.  Lists within
 * are left as they are: they may hold themselves.  New reference. */
static PyObject *with_numbers(PyObject *o)
{
    if (!PyList_Check(o) && !PyTuple_Check(o)) return Py_NewRef(o);
    PyObject *copy = PyList_New(0);
    for (Py_ssize_t i = 0; copy && i < PySequence_Fast_GET_SIZE(o); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(o, i);
        int single = rt_tensor_check(item) && ((rt_tensor *)item)->ndim == 0;
        item = single ? rt_convert_list((rt_tensor *)item) : Py_NewRef(item);
        if (!item || PyList_Append(copy, item) < 0) Py_CLEAR(copy);
        Py_XDECREF(item);
    }
    return copy;
}

/* A flat list or tuple of Python's ints, or of its floats for a floating dtype, read on the spot; NULL without an
 * exception when it is something else. */
static rt_tensor *from_numbers(PyObject *o, rt_dtype d)
{
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    PyObject *const *items = PySequence_Fast_ITEMS(o);
    if (n == 0) return NULL;
    const int floats = PyFloat_CheckExact(items[0]);
    if (!floats && !PyLong_CheckExact(items[0])) return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        int overflow = 0;
        if (Py_TYPE(items[i]) != Py_TYPE(items[0])) return NULL;
        if (!floats) (void)PyLong_AsLongLongAndOverflow(items[i], &overflow);
        if (overflow) return NULL;
    }
    if (d == RT_NODTYPE) d = floats ? rt_default_dtype() : RT_i64;
    if (floats && !rt_dtype_is_inexact(d)) return NULL;
    const intptr_t length = n;
    rt_tensor *t = rt_empty(d, 1, &length, (rt_device){RT_CPU, 0});
    for (Py_ssize_t i = 0; t && i < n; i++) {
        const rt_operand s = floats ? rt_operand_float(PyFloat_AS_DOUBLE(items[i])) : rt_operand_int(PyLong_AsLongLong(items[i]));
        if (rt_operand_store(&s, d, t->data + i * (intptr_t)rt_itemsize(d)) < 0) Py_CLEAR(t);
    }
    return t;
}

/* Nested sequences go through NumPy's reader, which knows ragged ones from even ones. */
static rt_tensor *read_sequence(PyObject *o, rt_dtype d)
{
    static PyObject *np_array;
    rt_tensor *t = NULL, *r;
    if (!np_array) {
        PyObject *np = PyImport_ImportModule("numpy");
        np_array = np ? PyObject_GetAttrString(np, "array") : NULL;
        Py_XDECREF(np);
        if (!np_array) return NULL;
    }
    if (PyList_CheckExact(o) || PyTuple_CheckExact(o)) {
        t = from_numbers(o, d);
        if (t || PyErr_Occurred()) return t;
    }
    int typed = holds_typed(o);
    PyObject *read = typed ? with_numbers(o) : Py_NewRef(o);
    PyObject *a = read ? PyObject_CallOneArg(np_array, read) : NULL;
    Py_XDECREF(read);
    if (!a) return NULL;
    t = rt_ndarray_import(a);
    Py_DECREF(a);
    if (!t) return NULL;
    rt_dtype want = d;
    if (d == RT_NODTYPE) {
        want = (rt_dtype)t->dtype;
        if (!typed && t->size == 0 && want == RT_f64) want = rt_default_dtype();
        else if (!typed && want == RT_f64) want = rt_default_dtype();
        else if (!typed && want == RT_c128) want = rt_dtype_to_complex(rt_default_dtype());
        else if (typed && t->size) {
            want = RT_NODTYPE;
            if (widen_to_leaves(o, &want) < 0) {
                Py_DECREF(t);
                return NULL;
            }
        }
    }
    if (!typed && (rt_dtype)t->dtype != want && check_integers(t, want) < 0) {
        Py_DECREF(t);
        return NULL;
    }
    rt_device cpu = {RT_CPU, 0};
    r = rt_empty(want, t->ndim, t->shape, cpu);     /* memory of our own */
    if (r && rt_copy_into(r, t) < 0) Py_CLEAR(r);
    Py_DECREF(t);
    return r;
}

/* The same, as an event that observers see. */
static rt_tensor *from_sequence(PyObject *o, rt_dtype d)
{
    if (!rt_observers || rt_event_is_told()) return read_sequence(o, d);
    rt_event e = {.kind = RT_EVENT_RANGE, .name = "from_list"};
    if (rt_event_begin(&e) < 0) return NULL;
    rt_tensor *t = read_sequence(o, d);
    e.out = &t;
    e.nout = t != NULL;
    if (rt_event_end(&e, t ? 0 : -1) < 0) Py_CLEAR(t);
    return t;
}

static rt_tensor *from_foreign(PyObject *o)
{
    if (rt_ndarray_check(o)) return rt_ndarray_import(o);
    rt_tensor *shared = NULL;
    int status = rt_exchange_import(o, &shared);
    if (status) return status > 0 ? shared : NULL;
    if (PyObject_HasAttrString(o, "__array__")) {
        PyObject *a = PyObject_CallMethod(o, "__array__", NULL);
        if (!a) return NULL;
        rt_tensor *t = NULL;
        if (rt_ndarray_check(a)) t = rt_ndarray_import(a);
        else PyErr_Format(PyExc_TypeError, "%s.__array__() did not return an ndarray", Py_TYPE(o)->tp_name);
        Py_DECREF(a);
        return t;
    }
    PyErr_Format(rt_DtypeError, "cannot make a tensor of %s", Py_TYPE(o)->tp_name);
    return NULL;
}

/* A sequence that is a list to us: a deque, a UserList; no text, and nothing that shows its memory. */
static int is_listlike(PyObject *o)
{
    return PySequence_Check(o) && !PyUnicode_Check(o) && !PyObject_CheckBuffer(o)
           && !PyObject_HasAttrString(o, "__array__") && !PyObject_HasAttrString(o, "__array_interface__")
           && !PyObject_HasAttrString(o, "__dlpack__");
}

rt_tensor *rt_convert_tensor(PyObject *o, rt_dtype dtype, int copy)
{
    rt_operand s;
    rt_tensor *t = NULL;
    if (rt_tensor_check(o)) {
        t = (rt_tensor *)Py_NewRef(o);
    } else if (PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)) {
        if (copy == 0) goto refuse;
        PyObject *owned = NULL;
        if (rt_ndarray_is_scalar(o)) return from_sequence(o, dtype);
        if (rt_convert_operand(o, &s, &owned) != 0) return NULL;
        if (s.kind == RT_KIND_FLOAT && PyLong_Check(o) && dtype == RT_NODTYPE) {
            PyErr_SetString(PyExc_OverflowError, "Python integer does not fit 64 bits");
            return NULL;
        }
        return from_scalar(&s, dtype);
    } else if (PyList_Check(o) || PyTuple_Check(o) || rt_ndarray_is_scalar(o) || PyRange_Check(o)
               || (!rt_ndarray_check(o) && is_listlike(o))) {
        if (copy == 0) goto refuse;
        return from_sequence(o, dtype);
    } else {
        t = from_foreign(o);
        if (!t) return NULL;
    }
    if (dtype == RT_NODTYPE) dtype = (rt_dtype)t->dtype;
    if ((rt_dtype)t->dtype == dtype && copy != 1) return t;
    if (copy == 0) {
        Py_DECREF(t);
        goto refuse;
    }
    rt_params p = {.i = {dtype}};
    rt_tensor *r = rt_apply1p(RT_OP_cast, t, &p);
    Py_DECREF(t);
    return r;
refuse:
    PyErr_Format(PyExc_ValueError, "cannot make a tensor of %s without a copy", Py_TYPE(o)->tp_name);
    return NULL;
}

/* ---- back to Python ---- */

static double widen(rt_dtype d, const void *at)
{
    double v;
    rt_device cpu = {RT_CPU, 0};
    rt_storage s = {.refs = 2, .data = (char *)at, .nbytes = 2, .device = cpu};
    rt_storage r = {.refs = 2, .data = (char *)&v, .nbytes = 8, .device = cpu};
    intptr_t none[1] = {0};
    rt_tensor src = {.storage = &s, .shape = none, .steps = none, .data = (char *)at, .size = 1, .dtype = (int8_t)d};
    rt_tensor dst = {.storage = &r, .shape = none, .steps = none, .data = (char *)&v, .size = 1, .dtype = RT_f64};
    return rt_copy_into(&dst, &src) < 0 ? 0 : v;
}

uint64_t rt_convert_reads;

PyObject *rt_convert_item(rt_dtype d, const void *at)
{
    rt_convert_reads++;
    switch (d) {
    case RT_b1: return PyBool_FromLong(*(const uint8_t *)at);
    case RT_u8: return PyLong_FromLong(*(const uint8_t *)at);
    case RT_i8: return PyLong_FromLong(*(const int8_t *)at);
    case RT_u16: return PyLong_FromLong(*(const uint16_t *)at);
    case RT_i16: return PyLong_FromLong(*(const int16_t *)at);
    case RT_u32: return PyLong_FromUnsignedLong(*(const uint32_t *)at);
    case RT_i32: return PyLong_FromLong(*(const int32_t *)at);
    case RT_u64: return PyLong_FromUnsignedLongLong(*(const uint64_t *)at);
    case RT_i64: return PyLong_FromLongLong(*(const int64_t *)at);
    case RT_f32: return PyFloat_FromDouble(*(const float *)at);
    case RT_f64: return PyFloat_FromDouble(*(const double *)at);
    case RT_c64: return PyComplex_FromDoubles(((const float *)at)[0], ((const float *)at)[1]);
    case RT_c128: return PyComplex_FromDoubles(((const double *)at)[0], ((const double *)at)[1]);
    default: return PyFloat_FromDouble(widen(d, at));
    }
}

/* The last dimension, where a test of the dtype for each element would take longer than the element. */
static PyObject *row_of(const rt_tensor *t, const char *at)
{
    const intptr_t n = t->shape[t->ndim - 1], step = t->steps[t->ndim - 1];
    PyObject *list = PyList_New(n);
    for (intptr_t i = 0; list && i < n; i++, at += step) {
        PyObject *item = t->dtype == RT_f64 ? PyFloat_FromDouble(*(const double *)at) : PyLong_FromLongLong(*(const int64_t *)at);
        if (item) PyList_SET_ITEM(list, i, item);
        else Py_CLEAR(list);
    }
    return list;
}

static PyObject *list_of(const rt_tensor *t, int dim, const char *at)
{
    if (dim == t->ndim) return rt_convert_item((rt_dtype)t->dtype, at);
    if (dim == t->ndim - 1 && (t->dtype == RT_f64 || t->dtype == RT_i64)) return row_of(t, at);
    PyObject *list = PyList_New(t->shape[dim]);
    for (intptr_t i = 0; list && i < t->shape[dim]; i++) {
        PyObject *item = list_of(t, dim + 1, at + i * t->steps[dim]);
        if (!item) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *rt_convert_list(const rt_tensor *t)
{
    if (!rt_observers || rt_event_is_told()) return list_of(t, 0, t->data);
    const rt_operand in = {.t = (rt_tensor *)t};
    rt_event e = {.kind = RT_EVENT_RANGE, .name = "tolist", .in = &in, .nin = 1};
    if (rt_event_begin(&e) < 0) return NULL;
    PyObject *list = list_of(t, 0, t->data);
    if (rt_event_end(&e, list ? 0 : -1) < 0) Py_CLEAR(list);
    return list;
}
