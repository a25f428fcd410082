/* data_module: take_rows, one call a batch for all tensors of a dataset.  Floor: python. */
#include "python/data_module.h"
#include "core/error.h"
#include "ufunc/take_rows.h"

/* take_rows(tensors, numbers, start, count) */
static PyObject *take_rows(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    (void)m;
    if (n != 4 || !PyTuple_Check(args[0]) || !rt_tensor_check(args[1]))
        return PyErr_Format(PyExc_TypeError, "take_rows: takes a tuple of tensors, a tensor of numbers, start and count");
    Py_ssize_t start = PyLong_AsSsize_t(args[2]), count = PyLong_AsSsize_t(args[3]);
    if (PyErr_Occurred()) return NULL;
    Py_ssize_t tensors = PyTuple_GET_SIZE(args[0]);
    PyObject *list = PyList_New(tensors);
    for (Py_ssize_t i = 0; list && i < tensors; i++) {
        PyObject *x = PyTuple_GET_ITEM(args[0], i);
        rt_tensor *rows = NULL;
        if (rt_tensor_check(x)) rows = rt_take_rows((rt_tensor *)x, (rt_tensor *)args[1], start, count);
        else rt_error(PyExc_TypeError, "take_rows", "element %zd is not a Tensor but %s", i, Py_TYPE(x)->tp_name);
        if (rows) PyList_SET_ITEM(list, i, (PyObject *)rows);
        else Py_CLEAR(list);
    }
    return list;
}

static PyMethodDef functions[] = {
    {"take_rows", (PyCFunction)(void (*)(void))take_rows, METH_FASTCALL,
     "take_rows(tensors, numbers, start, count)\n\nThe rows of each tensor at numbers[start:start + count], an int64"
     " vector: a list of new tensors."},
    {NULL, NULL, 0, NULL},
};

int rt_data_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
