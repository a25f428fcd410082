/* pattern: reading, comparing and making nested values.  Floor: python. */
#include "python/pattern.h"
#include <string.h>

int rt_facts_take(rt_facts *f, const rt_tensor *t)
{
    *f = (rt_facts){.type = Py_TYPE(t), .dtype = (rt_dtype)t->dtype, .ndim = t->ndim,
                    .requires_grad = (uint8_t)rt_tensor_requires_grad(t)};
    f->dims = PyMem_New(intptr_t, 2 * t->ndim + 1);
    if (!f->dims) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(f->dims, t->shape, t->ndim * sizeof *f->dims);
    memcpy(f->dims + t->ndim, t->steps, t->ndim * sizeof *f->dims);
    return 0;
}

int rt_facts_hold(const rt_facts *f, PyObject *o)
{
    const rt_tensor *t = (const rt_tensor *)o;
    if (!Py_IS_TYPE(o, f->type) || (rt_dtype)t->dtype != f->dtype || t->ndim != f->ndim
        || (uint8_t)rt_tensor_requires_grad(t) != f->requires_grad || t->storage->device.type != RT_CPU)
        return 0;
    if (t->base && t->base_version != t->storage->version) return 0;      /* its history is still to be derived */
    for (int d = 0; d < t->ndim; d++)
        if (t->shape[d] != f->dims[d] || t->steps[d] != f->dims[t->ndim + d]) return 0;
    return 1;
}

void rt_pattern_clear(rt_pattern *p)
{
    for (int i = 0; i < p->n; i++) rt_pattern_clear(&p->children[i]);
    PyMem_Free(p->children);
    PyMem_Free(p->facts.dims);
    p->children = NULL;
    p->facts.dims = NULL;
    p->n = 0;
    Py_CLEAR(p->object);
}

int rt_pattern_traverse(const rt_pattern *p, visitproc visit, void *arg)
{
    Py_VISIT(p->object);
    for (int i = 0; i < p->n; i++) {
        const int status = rt_pattern_traverse(&p->children[i], visit, arg);
        if (status) return status;
    }
    return 0;
}

static int open_children(rt_pattern *p, rt_pattern_kind kind, Py_ssize_t n)
{
    p->kind = kind;
    p->children = PyMem_Calloc((size_t)n + 1, sizeof *p->children);
    if (!p->children) {
        PyErr_NoMemory();
        return -1;
    }
    p->n = (int)n;
    return 0;
}

static int read_dict(rt_pattern *p, PyObject *o, int facts, rt_pattern_number *number, void *context)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    int status = 0;
    if (open_children(p, RT_PATTERN_DICT, PyDict_GET_SIZE(o)) < 0 || !(p->object = PyTuple_New(p->n))) return -1;
    for (int i = 0; status == 0 && PyDict_Next(o, &at, &key, &value); i++) {
        PyTuple_SET_ITEM(p->object, i, Py_NewRef(key));
        status = rt_pattern_read(&p->children[i], value, facts, number, context);
    }
    return status;
}

static int is_number(PyObject *o)
{
    return PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyUnicode_CheckExact(o) || PyComplex_CheckExact(o);
}

static int read_tensor(rt_pattern *p, rt_tensor *t, int facts, rt_pattern_number *number, void *context)
{
    int seen = 0;
    p->value = number(context, t, &seen);
    if (p->value < 0) return PyErr_Occurred() ? -1 : 1;
    p->kind = seen ? RT_PATTERN_SAME : RT_PATTERN_TENSOR;
    return facts && !seen ? rt_facts_take(&p->facts, t) : 0;
}

int rt_pattern_read(rt_pattern *p, PyObject *o, int facts, rt_pattern_number *number, void *context)
{
    *p = (rt_pattern){.kind = RT_PATTERN_IDENTICAL};
    if (rt_tensor_check(o)) return read_tensor(p, (rt_tensor *)o, facts, number, context);
    if (PyDict_CheckExact(o)) return read_dict(p, o, facts, number, context);
    if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
        const int is_list = PyList_CheckExact(o);
        int status = open_children(p, is_list ? RT_PATTERN_LIST : RT_PATTERN_TUPLE, PySequence_Fast_GET_SIZE(o));
        for (int i = 0; i < p->n && status == 0; i++)
            status = rt_pattern_read(&p->children[i], PySequence_Fast_GET_ITEM(o, i), facts, number, context);
        return status;
    }
    if (PyTuple_Check(o) || PyList_Check(o) || PyDict_Check(o)) return 1;
    if (is_number(o)) p->kind = RT_PATTERN_EQUAL;
    p->object = Py_NewRef(o);
    return 0;
}

int rt_pattern_equal(PyObject *a, PyObject *b)
{
    if (a == b) return 1;
    if (!a || !b || Py_TYPE(a) != Py_TYPE(b)) return 0;
    if (PyFloat_CheckExact(a)) {
        const double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
        return memcmp(&x, &y, sizeof x) == 0;
    }
    return (PyLong_CheckExact(a) || PyUnicode_CheckExact(a)) && PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

static int match_dict(const rt_pattern *p, PyObject *o, rt_tensor **values)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    if (!PyDict_CheckExact(o) || PyDict_GET_SIZE(o) != p->n) return 0;
    for (int i = 0; PyDict_Next(o, &at, &key, &value); i++)
        if (key != PyTuple_GET_ITEM(p->object, i) || !rt_pattern_match(&p->children[i], value, values)) return 0;
    return 1;
}

int rt_pattern_match(const rt_pattern *p, PyObject *o, rt_tensor **values)
{
    switch (p->kind) {
    case RT_PATTERN_TENSOR:
        values[p->value] = (rt_tensor *)o;
        return rt_facts_hold(&p->facts, o);
    case RT_PATTERN_SAME: return (PyObject *)values[p->value] == o;
    case RT_PATTERN_EQUAL: return rt_pattern_equal(p->object, o);
    case RT_PATTERN_IDENTICAL: return p->object == o;
    case RT_PATTERN_DICT: return match_dict(p, o, values);
    default: break;
    }
    if (p->kind == RT_PATTERN_LIST ? !PyList_CheckExact(o) : !PyTuple_CheckExact(o)) return 0;
    if (PySequence_Fast_GET_SIZE(o) != p->n) return 0;
    for (int i = 0; i < p->n; i++)
        if (!rt_pattern_match(&p->children[i], PySequence_Fast_GET_ITEM(o, i), values)) return 0;
    return 1;
}

PyObject *rt_pattern_make(const rt_pattern *p, rt_tensor *const *values)
{
    PyObject *made;
    if (p->kind == RT_PATTERN_TENSOR || p->kind == RT_PATTERN_SAME) return Py_NewRef((PyObject *)values[p->value]);
    if (p->kind == RT_PATTERN_EQUAL || p->kind == RT_PATTERN_IDENTICAL) return Py_NewRef(p->object);
    made = p->kind == RT_PATTERN_DICT ? PyDict_New() : p->kind == RT_PATTERN_LIST ? PyList_New(p->n) : PyTuple_New(p->n);
    for (int i = 0; made && i < p->n; i++) {
        PyObject *child = rt_pattern_make(&p->children[i], values);
        if (!child) {
            Py_CLEAR(made);
        } else if (p->kind == RT_PATTERN_LIST) {
            PyList_SET_ITEM(made, i, child);
        } else if (p->kind == RT_PATTERN_TUPLE) {
            PyTuple_SET_ITEM(made, i, child);
        } else {
            if (PyDict_SetItem(made, PyTuple_GET_ITEM(p->object, i), child) < 0) Py_CLEAR(made);
            Py_DECREF(child);
        }
    }
    return made;
}

void rt_pattern_renumber(rt_pattern *p, const int *to)
{
    if (p->kind == RT_PATTERN_TENSOR || p->kind == RT_PATTERN_SAME) p->value = to[p->value];
    for (int i = 0; i < p->n; i++) rt_pattern_renumber(&p->children[i], to);
}
