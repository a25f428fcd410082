/* data_module: what loaders of batches call: take_rows, one call a batch for all tensors of a
 * dataset, and memory that is shared with the processes that load.  Floor: python. */
#include "python/data_module.h"
#include <sys/mman.h>
#include "core/error.h"
#include "ufunc/observe.h"
#include "ufunc/take_rows.h"

static PyObject *take_rows_unobserved(PyObject *m, PyObject *const *args, Py_ssize_t n)
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

/* take_rows(tensors, numbers, start, count), an event for observers */
static PyObject *take_rows(PyObject *m, PyObject *const *args, Py_ssize_t n)
{
    if (!rt_observers || rt_event_is_told()) return take_rows_unobserved(m, args, n);
    rt_event e = {.kind = RT_EVENT_RANGE, .name = "take_rows"};
    if (rt_event_begin(&e) < 0) return NULL;
    PyObject *list = take_rows_unobserved(m, args, n);
    if (rt_event_end(&e, list ? 0 : -1) < 0) Py_CLEAR(list);
    return list;
}

typedef struct { void *at; size_t size; } mapping;

static void unmap(void *owner)
{
    mapping *m = owner;
    munmap(m->at, m->size);
    PyMem_RawFree(m);
}

#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* map_memory(fd, size): Python's own mmap would keep a descriptor open for each batch. */
static PyObject *map_memory(PyObject *module, PyObject *args)
{
    int fd;
    Py_ssize_t size;
    (void)module;
    if (!PyArg_ParseTuple(args, "in:map_memory", &fd, &size)) return NULL;
    if (size <= 0) return PyErr_Format(PyExc_ValueError, "map_memory: size must be positive, not %zd", size);
    mapping *m = PyMem_RawMalloc(sizeof *m);
    if (!m) return PyErr_NoMemory();
    m->size = (size_t)size;
    Py_BEGIN_ALLOW_THREADS
    m->at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    Py_END_ALLOW_THREADS
    if (m->at == MAP_FAILED) {
        PyMem_RawFree(m);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    rt_storage *storage = rt_storage_wrap(m->at, m->size, (rt_device){RT_CPU, 0}, unmap, m);
    if (!storage) {
        unmap(m);
        return NULL;
    }
    return (PyObject *)rt_tensor_wrap(storage, m->at, RT_u8, 1, &size, NULL);
}

static PyMethodDef functions[] = {
    {"map_memory", map_memory, METH_VARARGS,
     "map_memory(fd, size)\n\nThe first size bytes of a file, shared and writable: a uint8 tensor.  fd may be closed."},
    {"take_rows", (PyCFunction)(void (*)(void))take_rows, METH_FASTCALL,
     "take_rows(tensors, numbers, start, count)\n\nThe rows of each tensor at numbers[start:start + count], an int64"
     " vector: a list of new tensors."},
    {NULL, NULL, 0, NULL},
};

int rt_data_init(PyObject *module) { return PyModule_AddFunctions(module, functions); }
