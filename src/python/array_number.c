/* array_number: what Python asks of numbers, where arrays (rustorch.numpy.ndarray) answer otherwise than
 * Tensors: truth, int(), float(), index, products with sequences, comparison with None and texts.
 * Floor: python. */
#include "python/array_number.h"
#include "backends/memory.h"
#include "core/error.h"
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

/* Of a value and a list, tuple or text NumPy's scalars make a repetition. */
static int repeats(PyObject *value, PyObject *sequence)
{
    return rt_array_is_scalar(value)
           && (PyList_Check(sequence) || PyTuple_Check(sequence) || PyUnicode_Check(sequence) || PyBytes_Check(sequence));
}

static PyObject *multiply(PyObject *a, PyObject *b)
{
    if (repeats(a, b) || repeats(b, a)) Py_RETURN_NOTIMPLEMENTED;
    return rt_function_binary(&rt_ops[RT_OP_mul], a, b);
}

PyNumberMethods rt_array_number_methods = {
    .nb_multiply = multiply, .nb_bool = boolean, .nb_int = to_int, .nb_float = to_float, .nb_index = to_index,
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
    if (how != Py_EQ && how != Py_NE) return rt_number_compare(a, b, how);
    if ((b == Py_None && ((rt_tensor *)a)->ndim) || PyUnicode_Check(b) || PyBytes_Check(b)) return unequal((rt_tensor *)a, how);
    PyObject *result = rt_number_compare(a, b, how);
    if (!result && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();                             /* an array of objects, say: theirs is the answer */
        Py_RETURN_NOTIMPLEMENTED;
    }
    return result;
}
