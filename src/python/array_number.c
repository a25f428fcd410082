/* array_number: what Python asks of numbers, where arrays (rustorch.numpy.ndarray) answer otherwise than
 * Tensors: truth, int(), float(), index, products with sequences, comparison with None and texts.
 * Floor: python. */
#include "python/array_number.h"
#include "backends/memory.h"
#include "core/error.h"
#include "python/array_items.h"
#include "python/autocast.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/function.h"
#include "python/number.h"
#include "ufunc/apply.h"

#define SELF ((rt_tensor *)self)

static int boolean(PyObject *self)
{
    const rt_tensor *t = SELF;
    if (t->size == 0) {
        PyErr_SetString(PyExc_ValueError, "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that"
                        " an array is not empty.");
        return -1;
    }
    if (t->size > 1) {
        PyErr_SetString(PyExc_ValueError, "The truth value of an array with more than one element is ambiguous. Use a.any() or"
                        " a.all()");
        return -1;
    }
    if (t->dtype == RT_b1) return *(const uint8_t *)t->data != 0;
    PyObject *value = rt_convert_item((rt_dtype)t->dtype, t->data);
    const int truth = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return truth;
}

/* The value of an array without dimensions; complex ones warn, as their imaginary part is lost. */
static PyObject *value_of(PyObject *self, int real)
{
    const rt_tensor *t = SELF;
    if (t->ndim) {
        PyErr_SetString(PyExc_TypeError, "only 0-dimensional arrays can be converted to Python scalars");
        return NULL;
    }
    if (real && rt_dtype_is_complex((rt_dtype)t->dtype)) {
        static PyObject *warning;                  /* owned, for good */
        if (!warning) {
            PyObject *m = PyImport_ImportModule("numpy.exceptions");
            warning = m ? PyObject_GetAttrString(m, "ComplexWarning") : NULL;
            Py_XDECREF(m);
            if (!warning) return NULL;
        }
        if (PyErr_WarnEx(warning, "Casting complex values to real discards the imaginary part", 1) < 0) return NULL;
        Py_complex c;
        PyObject *whole = rt_convert_item((rt_dtype)t->dtype, t->data);
        if (!whole) return NULL;
        c = PyComplex_AsCComplex(whole);
        Py_DECREF(whole);
        return PyFloat_FromDouble(c.real);
    }
    return rt_convert_item((rt_dtype)t->dtype, t->data);
}

static PyObject *to_int(PyObject *self)
{
    PyObject *v = value_of(self, 1), *r = v ? PyNumber_Long(v) : NULL;
    Py_XDECREF(v);
    return r;
}

static PyObject *to_float(PyObject *self)
{
    PyObject *v = value_of(self, 1);
    if (!v || PyFloat_CheckExact(v)) return v;
    PyObject *r = PyNumber_Float(v);
    Py_DECREF(v);
    return r;
}

static PyObject *to_index(PyObject *self)
{
    const rt_dtype d = (rt_dtype)SELF->dtype;
    if (SELF->ndim || !rt_dtype_is_integer(d)) {
        PyErr_SetString(PyExc_TypeError, "only integer scalar arrays can be converted to a scalar index");
        return NULL;
    }
    return rt_convert_item(d, SELF->data);
}

/* ---- two values ---- */

/* A number that needs no promotion rules: float64, int64, or Python's float or int beside one of these. */
typedef struct { int integer; int64_t i; double f; } number;

static inline int read_number(PyObject *o, number *v)
{
    if (rt_array_check(o)) {
        const rt_tensor *t = (const rt_tensor *)o;
        if (t->ndim || rt_tensor_requires_grad(t) || t->base || (t->dtype != RT_f64 && t->dtype != RT_i64)) return 0;
        v->integer = t->dtype == RT_i64;
        if (v->integer) v->f = (double)(v->i = *(const int64_t *)t->data);
        else v->f = *(const double *)t->data;
        return 1;
    }
    if (PyFloat_CheckExact(o)) {
        *v = (number){.f = PyFloat_AS_DOUBLE(o)};
        return 1;
    }
    if (!PyLong_CheckExact(o)) return 0;
    int overflow;
    v->integer = 1;
    v->i = PyLong_AsLongLongAndOverflow(o, &overflow);
    v->f = (double)v->i;
    return !overflow;
}

static PyObject *float_value(double f) { return rt_array_scalar(RT_f64, (const char *)&f); }
static PyObject *truth_value(int truth)
{
    const uint8_t b = (uint8_t)truth;
    return rt_array_scalar(RT_b1, (const char *)&b);
}

/* NULL without an exception: not two such numbers, or a result beyond int64. */
static PyObject *two_values(rt_op_index row, PyObject *a, PyObject *b)
{
    number x, y;
    int64_t i;
    if (rt_autocast_on || !read_number(a, &x) || !read_number(b, &y)) return NULL;
    const int integers = x.integer && y.integer;
    switch (row) {
    case RT_OP_add:
        if (!integers) return float_value(x.f + y.f);
        return __builtin_add_overflow(x.i, y.i, &i) ? NULL : rt_array_scalar(RT_i64, (const char *)&i);
    case RT_OP_sub:
        if (!integers) return float_value(x.f - y.f);
        return __builtin_sub_overflow(x.i, y.i, &i) ? NULL : rt_array_scalar(RT_i64, (const char *)&i);
    case RT_OP_mul:
        if (!integers) return float_value(x.f * y.f);
        return __builtin_mul_overflow(x.i, y.i, &i) ? NULL : rt_array_scalar(RT_i64, (const char *)&i);
    case RT_OP_div: return float_value(x.f / y.f);
    case RT_OP_lt: return truth_value(integers ? x.i < y.i : x.f < y.f);
    case RT_OP_le: return truth_value(integers ? x.i <= y.i : x.f <= y.f);
    case RT_OP_eq: return truth_value(integers ? x.i == y.i : x.f == y.f);
    case RT_OP_ne: return truth_value(integers ? x.i != y.i : x.f != y.f);
    case RT_OP_gt: return truth_value(integers ? x.i > y.i : x.f > y.f);
    case RT_OP_ge: return truth_value(integers ? x.i >= y.i : x.f >= y.f);
    default: return NULL;
    }
}

static inline PyObject *binary(rt_op_index row, PyObject *a, PyObject *b)
{
    if (rt_array_is_scalar(a) || rt_array_is_scalar(b)) {
        PyObject *value = two_values(row, a, b);
        if (value || PyErr_Occurred()) return value;
    }
    return rt_function_binary(&rt_ops[row], a, b);
}

static PyObject *add(PyObject *a, PyObject *b) { return binary(RT_OP_add, a, b); }
static PyObject *subtract(PyObject *a, PyObject *b) { return binary(RT_OP_sub, a, b); }
static PyObject *divide(PyObject *a, PyObject *b) { return binary(RT_OP_div, a, b); }

/* Of a value and a list, tuple or text NumPy's scalars make a repetition. */
static int repeats(PyObject *value, PyObject *sequence)
{
    return rt_array_is_scalar(value)
           && (PyList_Check(sequence) || PyTuple_Check(sequence) || PyUnicode_Check(sequence) || PyBytes_Check(sequence));
}

static PyObject *multiply(PyObject *a, PyObject *b)
{
    if (repeats(a, b) || repeats(b, a)) Py_RETURN_NOTIMPLEMENTED;
    return binary(RT_OP_mul, a, b);
}

/* 1 when an integer of o is below 0, -1 on error. */
static int is_negative(PyObject *o)
{
    if (PyLong_CheckExact(o)) return _PyLong_Sign(o) < 0;
    if (!rt_tensor_check(o) || rt_dtype_kind((rt_dtype)((rt_tensor *)o)->dtype) != RT_KIND_SIGNED || !((rt_tensor *)o)->size) return 0;
    rt_params p = {.n = {-1}};
    rt_tensor *least = rt_apply1p(RT_OP_amin, (rt_tensor *)o, &p);
    PyObject *value = least ? rt_convert_item((rt_dtype)least->dtype, least->data) : NULL;
    const int negative = value ? _PyLong_Sign(value) < 0 : -1;
    Py_XDECREF(least);
    Py_XDECREF(value);
    return negative;
}

static PyObject *power(PyObject *a, PyObject *b, PyObject *mod)
{
    if (mod != Py_None) Py_RETURN_NOTIMPLEMENTED;
    if (PyLong_CheckExact(a) || (rt_tensor_check(a) && rt_dtype_is_integer((rt_dtype)((rt_tensor *)a)->dtype))) {
        const int negative = is_negative(b);
        if (negative > 0) PyErr_SetString(PyExc_ValueError, "Integers to negative integer powers are not allowed.");
        if (negative) return NULL;
    }
    return rt_function_binary(&rt_ops[RT_OP_pow], a, b);
}

PyNumberMethods rt_array_number_methods = {
    .nb_add = add, .nb_subtract = subtract, .nb_multiply = multiply, .nb_true_divide = divide, .nb_power = power, .nb_bool = boolean, .nb_int = to_int, .nb_float = to_float, .nb_index = to_index,
};

/* Equal to nothing that is no number: all false, or all true. */
static PyObject *unequal(const rt_tensor *t, int how)
{
    const rt_operand value = {.kind = RT_KIND_BOOL, .v.i = how == Py_NE};
    rt_tensor *result = rt_empty(RT_b1, t->ndim, t->shape, t->storage->device);
    if (result && rt_fill(result, &value) < 0) Py_CLEAR(result);
    return rt_dialect_arrays((PyObject *)result);
}

PyObject *rt_array_compare(PyObject *a, PyObject *b, int how)
{
    static const rt_op_index rows[] = {
        [Py_LT] = RT_OP_lt, [Py_LE] = RT_OP_le, [Py_EQ] = RT_OP_eq, [Py_NE] = RT_OP_ne, [Py_GT] = RT_OP_gt, [Py_GE] = RT_OP_ge,
    };
    if (rt_array_is_scalar(a)) {
        PyObject *truth = two_values(rows[how], a, b);
        if (truth || PyErr_Occurred()) return truth;
    }
    if (how != Py_EQ && how != Py_NE) return rt_number_compare(a, b, how);
    if ((b == Py_None && ((rt_tensor *)a)->ndim) || PyUnicode_Check(b) || PyBytes_Check(b)) return unequal((rt_tensor *)a, how);
    PyObject *result = rt_number_compare(a, b, how);
    if (!result && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();                             /* an array of objects, say: theirs is the answer */
        Py_RETURN_NOTIMPLEMENTED;
    }
    return result;
}
