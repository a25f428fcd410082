/* hooks: Python callables on the way of gradients, and what anomaly mode adds.
 * Hooks are dicts {id: entry}: order of registration, removal by handle; they are
 * copied before running, so that a hook may remove itself.  Floor: autograd. */
#include "autograd/hooks.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/apply.h"

/* Steals result; None leaves *g. */
static int replace(PyObject *result, rt_tensor **g)
{
    if (!result) return -1;
    if (result == Py_None) {
        Py_DECREF(result);
        return 0;
    }
    if (!rt_tensor_check(result)) {
        PyErr_Format(PyExc_TypeError, "a gradient hook must return None or a Tensor, not %s", Py_TYPE(result)->tp_name);
        Py_DECREF(result);
        return -1;
    }
    const rt_tensor *r = (rt_tensor *)result, *was = *g;
    if (!rt_shape_equal(r->ndim, r->shape, was->ndim, was->shape)) {
        rt_error_shapes("hook", "the gradient it returned has another shape (was, is)", was->ndim, was->shape, r->ndim,
                        r->shape);
        Py_DECREF(result);
        return -1;
    }
    Py_SETREF(*g, (rt_tensor *)result);
    return 0;
}

/* Entry of a leaf's hooks: a callable, or (None, callable) for one that runs after accumulation. */
int rt_hooks_run(PyObject *hooks, rt_tensor **g)
{
    PyObject *list = PyDict_Values(hooks);
    if (!list) return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *entry = PyList_GET_ITEM(list, i);
        if (PyTuple_Check(entry)) continue;
        status = replace(PyObject_CallOneArg(entry, (PyObject *)*g), g);
    }
    Py_DECREF(list);
    return status;
}

int rt_hooks_run_accumulated(rt_tensor *leaf)
{
    PyObject *list = leaf->hooks ? PyDict_Values(leaf->hooks) : PyList_New(0);
    if (!list) return -1;
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *entry = PyList_GET_ITEM(list, i);
        if (!PyTuple_Check(entry)) continue;
        PyObject *r = PyObject_CallOneArg(PyTuple_GET_ITEM(entry, 1), (PyObject *)leaf);
        status = r ? 0 : -1;
        Py_XDECREF(r);
    }
    Py_DECREF(list);
    return status;
}

static int retain(PyObject *weak, rt_tensor *g)
{
    PyObject *t = PyWeakref_GetObject(weak);
    if (t == Py_None || !rt_tensor_check(t)) return 0;
    rt_tensor *tensor = (rt_tensor *)t;
    if (!tensor->grad) {
        tensor->grad = (rt_tensor *)Py_NewRef((PyObject *)g);
        return 0;
    }
    rt_tensor *sum = rt_apply2(RT_OP_add, tensor->grad, g);
    if (!sum) return -1;
    Py_SETREF(tensor->grad, sum);
    return 0;
}

static PyObject *tuple_of(int n, rt_tensor *const *g)
{
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t && i < n; i++) PyTuple_SET_ITEM(t, i, Py_NewRef(g[i] ? (PyObject *)g[i] : Py_None));
    return t;
}

static int take_tuple(PyObject *result, int n, rt_tensor **gin, const char *name)
{
    if (rt_tensor_check(result) && n == 1) {
        Py_XSETREF(gin[0], (rt_tensor *)Py_NewRef(result));
        return 0;
    }
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != n)
        return rt_error(PyExc_TypeError, name, "a node's hook must return None or a tuple of %d gradients", n);
    for (int i = 0; i < n; i++) {
        PyObject *v = PyTuple_GET_ITEM(result, i);
        if (v != Py_None && !rt_tensor_check(v)) return rt_error(PyExc_TypeError, name, "a gradient must be a Tensor or None");
        Py_XSETREF(gin[i], v == Py_None ? NULL : (rt_tensor *)Py_NewRef(v));
    }
    return 0;
}

/* A hook on all gradients that reach a node. */
static int run_whole(rt_node *n, PyObject *fn)
{
    PyObject *all = tuple_of(n->nout, n->pending), *r = all ? PyObject_CallOneArg(fn, all) : NULL;
    int status = !r ? -1 : r == Py_None ? 0 : take_tuple(r, n->nout, n->pending, n->cls->name);
    Py_XDECREF(all);
    Py_XDECREF(r);
    return status;
}

int rt_hooks_run_outputs(rt_node *n)
{
    PyObject *list = PyDict_Values(n->pre_hooks);
    if (!list) return -1;
    int status = 0;
    for (int late = 0; late < 2; late++)         /* gradients are retained after all hooks have run */
        for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
            PyObject *entry = PyList_GET_ITEM(list, i), *what = PyTuple_GET_ITEM(entry, 1);
            long nr = PyLong_AsLong(PyTuple_GET_ITEM(entry, 0));
            if (nr == -1 && !late) status = run_whole(n, what);
            if (nr < 0 || nr >= n->nout || !n->pending[nr] || PyWeakref_Check(what) != late) continue;
            status = late ? retain(what, n->pending[nr])
                          : replace(PyObject_CallOneArg(what, (PyObject *)n->pending[nr]), &n->pending[nr]);
        }
    Py_DECREF(list);
    return status;
}

int rt_hooks_run_node(rt_node *n, rt_tensor **gin)
{
    PyObject *list = PyDict_Values(n->hooks), *ins = NULL, *outs = tuple_of(n->nout, n->pending), *r = NULL;
    int status = -1;
    if (!list || !outs) goto done;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        Py_XSETREF(ins, tuple_of(n->nin, gin));
        if (!ins) goto done;
        Py_XSETREF(r, PyObject_CallFunctionObjArgs(PyList_GET_ITEM(list, i), ins, outs, NULL));
        if (!r || (r != Py_None && take_tuple(r, n->nin, gin, n->cls->name) < 0)) goto done;
    }
    status = 0;
done:
    Py_XDECREF(list);
    Py_XDECREF(ins);
    Py_XDECREF(outs);
    Py_XDECREF(r);
    return status;
}

int rt_hooks_check_nan(rt_node *n, rt_tensor **gin)
{
    for (int i = 0; i < n->nin; i++) {
        rt_tensor *g = gin[i];
        if (!g) continue;
        rt_params p = {.n = {-1}};
        rt_tensor *nan = rt_apply1(RT_OP_isnan, g), *any = nan ? rt_apply1p(RT_OP_any, nan, &p) : NULL;
        int bad = any ? *(uint8_t *)any->data : 0;
        Py_XDECREF((PyObject *)nan);
        Py_XDECREF((PyObject *)any);
        if (PyErr_Occurred()) return -1;
        if (!bad) continue;
        PyObject *lines = n->trace ? PyUnicode_Splitlines(n->trace, 0) : PyList_New(0);
        PyObject *line = lines && PyList_GET_SIZE(lines) ? PyList_GET_ITEM(lines, 0) : NULL;
        if (lines && line)
            PyErr_Format(PyExc_RuntimeError, "%s: its backward returned nan values in gradient %d; it was computed in %U",
                         n->cls->name, i, line);
        else if (lines)
            rt_error(PyExc_RuntimeError, n->cls->name, "its backward returned nan values in gradient %d", i);
        Py_XDECREF(lines);
        return -1;
    }
    return 0;
}

void rt_hooks_explain(rt_node *n)
{
    if (!n->trace) return;
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb);
    PyErr_NormalizeException(&type, &value, &tb);
    PyObject *note = PyUnicode_FromFormat("the forward call of '%s' was made in %U", n->cls->name, n->trace);
    PyObject *r = note ? PyObject_CallMethod(value, "add_note", "O", note) : NULL;
    PyErr_Clear();
    Py_XDECREF(note);
    Py_XDECREF(r);
    PyErr_Restore(type, value, tb);
}
