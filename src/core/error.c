/* error: the exception classes and the two ways to raise them.  Messages begin with
 * the op's name.  Floor: core. */
#include "core/error.h"
#include "core/shape.h"
#include <string.h>

PyObject *rt_RusTorchError, *rt_TensorError, *rt_DeviceError, *rt_ShapeMismatchError, *rt_DtypeError,
    *rt_LinAlgError, *rt_RangeError, *rt_ArgumentError;

static PyObject *new_class(const char *name, const char *doc, PyObject *base1, PyObject *base2, PyObject *base3)
{
    PyObject *bases = PyTuple_Pack(1 + (base2 != NULL) + (base3 != NULL), base1, base2, base3);
    if (!bases) return NULL;
    PyObject *cls = PyErr_NewExceptionWithDoc(name, doc, bases, NULL);
    Py_DECREF(bases);
    return cls;
}

/* numpy.exceptions.<name>, or numpy.linalg's; new reference. */
static PyObject *of_numpy(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name), *theirs = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return theirs;
}

/* Is also NumPy's, so that code written for either catches it. */
static int linalg_error(void)
{
    PyObject *theirs = of_numpy("numpy.linalg", "LinAlgError");
    if (theirs)
        rt_LinAlgError = new_class("rustorch.linalg.LinAlgError",
                                   "A matrix is singular, not positive-definite, or a method did not converge.",
                                   rt_RusTorchError, theirs, NULL);
    Py_XDECREF(theirs);
    return rt_LinAlgError ? 0 : -1;
}

/* NumPy's AxisError, an IndexError and a ValueError, comes first: its text is kept in a field of its own. */
static int range_error(void)
{
    PyObject *theirs = of_numpy("numpy.exceptions", "AxisError");
    if (theirs)
        rt_RangeError = new_class("rustorch.OutOfRangeError", "An index or a dimension that is not there.", theirs,
                                  rt_TensorError, NULL);
    Py_XDECREF(theirs);
    return rt_RangeError ? 0 : -1;
}

int rt_error_init(PyObject *module)
{
    rt_RusTorchError = new_class("rustorch.RusTorchError", "Root of all errors rustorch raises of its own.",
                                 PyExc_RuntimeError, NULL, NULL);
    if (!rt_RusTorchError) return -1;
    rt_TensorError = new_class("rustorch.TensorError", "A tensor is not what the operation needs.",
                               rt_RusTorchError, PyExc_ValueError, NULL);
    rt_ArgumentError = new_class("rustorch.ArgumentError", "An argument of a kind the function does not take.",
                                 rt_RusTorchError, PyExc_TypeError, PyExc_AttributeError);
    rt_DeviceError = new_class("rustorch.DeviceError", "A device is missing, unknown or the wrong one.",
                               rt_RusTorchError, NULL, NULL);
    rt_DtypeError = new_class("rustorch.DtypeError", "An operation does not take this dtype.",
                              rt_RusTorchError, PyExc_TypeError, PyExc_NotImplementedError);
    if (!rt_TensorError || range_error() < 0 || !rt_ArgumentError || !rt_DeviceError || !rt_DtypeError) return -1;
    rt_ShapeMismatchError = new_class("rustorch.ShapeMismatchError",
                                      "Two shapes do not fit; attributes shape1 and shape2.", rt_TensorError, NULL,
                                      NULL);
    if (!rt_ShapeMismatchError) return -1;
    if (linalg_error() < 0) return -1;
    if (PyModule_AddObjectRef(module, "RusTorchError", rt_RusTorchError) < 0
        || PyModule_AddObjectRef(module, "TensorError", rt_TensorError) < 0
        || PyModule_AddObjectRef(module, "OutOfRangeError", rt_RangeError) < 0
        || PyModule_AddObjectRef(module, "ArgumentError", rt_ArgumentError) < 0
        || PyModule_AddObjectRef(module, "DeviceError", rt_DeviceError) < 0
        || PyModule_AddObjectRef(module, "DtypeError", rt_DtypeError) < 0
        || PyModule_AddObjectRef(module, "ShapeMismatchError", rt_ShapeMismatchError) < 0
        || PyModule_AddObjectRef(module, "LinAlgError", rt_LinAlgError) < 0)
        return -1;
    return 0;
}

int rt_error(PyObject *type, const char *op, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PyObject *text = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (text) {
        PyErr_Format(type, "%s: %U", op, text);
        Py_DECREF(text);
    }
    return -1;
}

static PyObject *shape_tuple(int n, const intptr_t *shape)
{
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++) {
        PyObject *v = PyLong_FromSsize_t(shape[i]);
        if (!v) { Py_CLEAR(t); break; }
        PyTuple_SET_ITEM(t, i, v);
    }
    return t;
}

int rt_error_shapes(const char *op, const char *why, int na, const intptr_t *a, int nb, const intptr_t *b)
{
    PyObject *s1 = shape_tuple(na, a), *s2 = shape_tuple(nb, b), *text = NULL, *error = NULL;
    if (!s1 || !s2) goto done;
    text = PyUnicode_FromFormat("%s: %s: %S and %S", op, why, s1, s2);
    if (!text) goto done;
    error = PyObject_CallOneArg(rt_ShapeMismatchError, text);
    if (!error || PyObject_SetAttrString(error, "shape1", s1) < 0
        || PyObject_SetAttrString(error, "shape2", s2) < 0)
        goto done;
    PyErr_SetObject(rt_ShapeMismatchError, error);
done:
    Py_XDECREF(s1);
    Py_XDECREF(s2);
    Py_XDECREF(text);
    Py_XDECREF(error);
    return -1;
}

void rt_error_argument(const char *op, const char *argument)
{
    PyObject *type, *value, *trace, *text = NULL, *named = NULL, *error = NULL;
    size_t length = strlen(op);
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (type != PyExc_TypeError && type != PyExc_ValueError && type != PyExc_OverflowError && type != rt_TensorError
        && type != rt_DtypeError)
        goto done;
    text = PyObject_Str(value);
    const char *s = text ? PyUnicode_AsUTF8(text) : NULL;
    if (!s || (strncmp(s, op, length) == 0 && s[length] == ':')) goto done;
    named = argument ? PyUnicode_FromFormat("%s: argument '%s': %U", op, argument, text)
                     : PyUnicode_FromFormat("%s: %U", op, text);
    error = named ? PyObject_CallOneArg(type, named) : NULL;
    if (error) Py_SETREF(value, Py_NewRef(error));
done:
    Py_XDECREF(text);
    Py_XDECREF(named);
    Py_XDECREF(error);
    PyErr_Restore(type, value, trace);         /* also drops what went wrong here */
}
