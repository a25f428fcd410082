/* watch: snapshots of containers and tensors, and whether they still hold.  Floor: python. */
#include "python/watch.h"

static int keep(rt_watch *w, Py_ssize_t n)
{
    w->items = PyMem_Calloc((size_t)n + 1, sizeof *w->items);
    if (!w->items) {
        PyErr_NoMemory();
        return -1;
    }
    w->n = n;
    return 0;
}

static int take_dict(rt_watch *w)
{
    PyObject *key, *value;
    Py_ssize_t at = 0, i = 0;
    if (keep(w, 2 * PyDict_GET_SIZE(w->of)) < 0) return -1;
    while (i < w->n && PyDict_Next(w->of, &at, &key, &value)) {
        w->items[i++] = Py_NewRef(key);
        w->items[i++] = Py_NewRef(value);
    }
    return 0;
}

int rt_watch_take(rt_watch *w, rt_watch_kind kind, PyObject *of, PyObject *key)
{
    *w = (rt_watch){.kind = kind, .of = Py_NewRef(of)};
    switch (kind) {
    case RT_WATCH_DICT: return take_dict(w);
    case RT_WATCH_TENSOR: return rt_facts_take(&w->facts, (rt_tensor *)of);
    case RT_WATCH_CELL:
        if (keep(w, 1) < 0) return -1;
        w->items[0] = PyCell_Get(of);
        return 0;
    case RT_WATCH_KEY:
    case RT_WATCH_TYPE:
        if (keep(w, 2) < 0) return -1;
        w->items[0] = Py_NewRef(key);
        w->items[1] = Py_XNewRef(kind == RT_WATCH_TYPE ? _PyType_Lookup((PyTypeObject *)of, key) : PyDict_GetItemWithError(of, key));
        return PyErr_Occurred() ? -1 : 0;
    case RT_WATCH_LIST:
        if (keep(w, PyList_GET_SIZE(of)) < 0) return -1;
        for (Py_ssize_t i = 0; i < w->n; i++) w->items[i] = Py_NewRef(PyList_GET_ITEM(of, i));
        return 0;
    }
    return 0;
}

/* A dictionary's version changes with every write, and no two are the same; 0 where CPython has none. */
static uint64_t tag_of(PyObject *dict)
{
#if PY_VERSION_HEX < 0x030D0000
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return ((PyDictObject *)dict)->ma_version_tag;
#pragma GCC diagnostic pop
#else
    (void)dict;
    return 0;
#endif
}

static int dict_holds(rt_watch *w)
{
    PyObject *key, *value;
    Py_ssize_t at = 0, i = 0;
    const uint64_t tag = tag_of(w->of);
    if (tag && tag == w->tag) return 1;
    if (2 * PyDict_GET_SIZE(w->of) != w->n) return 0;
    for (; PyDict_Next(w->of, &at, &key, &value); i += 2)
        if (w->items[i] != key || !rt_pattern_equal(w->items[i + 1], value)) return 0;
    w->tag = tag;
    return 1;
}

int rt_watch_holds(rt_watch *w)
{
    switch (w->kind) {
    case RT_WATCH_DICT: return dict_holds(w);
    case RT_WATCH_TENSOR: return rt_facts_hold(&w->facts, w->of);
    case RT_WATCH_TYPE: return rt_pattern_equal(_PyType_Lookup((PyTypeObject *)w->of, w->items[0]), w->items[1]);
    case RT_WATCH_CELL: return rt_pattern_equal(PyCell_GET(w->of), w->items[0]);
    case RT_WATCH_KEY: {
        PyObject *value = PyDict_GetItemWithError(w->of, w->items[0]);
        if (!value) PyErr_Clear();
        return rt_pattern_equal(value, w->items[1]);
    }
    case RT_WATCH_LIST: break;
    }
    if (PyList_GET_SIZE(w->of) != w->n) return 0;
    for (Py_ssize_t i = 0; i < w->n; i++)
        if (!rt_pattern_equal(PyList_GET_ITEM(w->of, i), w->items[i])) return 0;
    return 1;
}

void rt_watch_clear(rt_watch *w)
{
    for (Py_ssize_t i = 0; i < w->n; i++) Py_CLEAR(w->items[i]);
    PyMem_Free(w->items);
    PyMem_Free(w->facts.dims);
    w->items = NULL;
    w->facts.dims = NULL;
    w->n = 0;
    Py_CLEAR(w->of);
}

int rt_watch_traverse(const rt_watch *w, visitproc visit, void *arg)
{
    Py_VISIT(w->of);
    for (Py_ssize_t i = 0; i < w->n; i++) Py_VISIT(w->items[i]);
    return 0;
}
