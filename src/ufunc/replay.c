/* replay: hands a node's inputs, parameters and incoming gradients to rustorch._replay.gradients and
 * takes the inputs' gradients from it; and the row stand_in, behind which a walk of that
 * graph does not go (see autograd/engine.c).  Floor: ufunc. */
#include "ufunc/replay.h"
#include "core/error.h"
#include "ufunc/views.h"

/* ---- stand_in ---- */

FORWARD(stand_in)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    (void)nin, (void)p;
    if (!x) return -1;
    if (out[0]) return rt_error(PyExc_TypeError, op->cls.name, "has no 'out='");
    out[0] = rt_tensor_detach(x);
    return out[0] ? 0 : -1;
}

BACKWARD(stand_in)
{
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    return 0;
}

/* ---- replay ---- */

static PyObject *inputs_of(rt_node *node)
{
    PyObject *list = PyTuple_New(node->nin);
    for (int i = 0; list && i < node->nin; i++) {
        rt_operand x;
        if (rt_node_unpack(node, i, &x) < 0) {
            Py_DECREF(list);
            return NULL;
        }
        PyTuple_SET_ITEM(list, i, x.t ? (PyObject *)x.t : Py_NewRef(Py_None));
    }
    return list;
}

static PyObject *tensors_of(rt_tensor *const *t, int n)
{
    PyObject *list = PyTuple_New(n);
    for (int i = 0; list && i < n; i++) PyTuple_SET_ITEM(list, i, Py_NewRef(t[i] ? (PyObject *)t[i] : Py_None));
    return list;
}

static PyObject *wants_of(const rt_node *node)
{
    PyObject *list = PyTuple_New(node->nin);
    for (int i = 0; list && i < node->nin; i++) PyTuple_SET_ITEM(list, i, PyBool_FromLong(rt_node_wants(node, i)));
    return list;
}

/* ((floats), (integers), first list) */
static PyObject *params_of(const rt_params *p)
{
    PyObject *f = PyTuple_New(6), *i = PyTuple_New(6), *list = PyTuple_New(p->n[0] > 0 ? p->n[0] : 0), *all = NULL;
    if (!f || !i || !list) goto done;
    for (int k = 0; k < 6; k++) {
        PyTuple_SET_ITEM(f, k, PyFloat_FromDouble(p->f[k]));
        PyTuple_SET_ITEM(i, k, PyLong_FromSsize_t(p->i[k]));
    }
    for (int k = 0; k < p->n[0]; k++) PyTuple_SET_ITEM(list, k, PyLong_FromSsize_t(p->list[k]));
    if (!PyErr_Occurred()) all = PyTuple_Pack(3, f, i, list);
done:
    Py_XDECREF(f);
    Py_XDECREF(i);
    Py_XDECREF(list);
    return all;
}

static int take_gradients(rt_node *node, PyObject *result, rt_tensor **gin)
{
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != node->nin)
        return rt_error(PyExc_SystemError, node->cls->name, "the replay must give a tuple of %d gradients", node->nin);
    for (int i = 0; i < node->nin; i++) {
        PyObject *o = PyTuple_GET_ITEM(result, i);
        if (rt_node_wants(node, i) && rt_tensor_check(o)) gin[i] = (rt_tensor *)Py_NewRef(o);
    }
    return 0;
}

int rt_replay(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    int status = -1;
    PyObject *module = NULL, *inputs = NULL, *params = NULL, *grads = NULL, *wants = NULL, *result = NULL;
    if (!(module = PyImport_ImportModule("rustorch._replay")) || !(inputs = inputs_of(node))
        || !(params = params_of(node->params)) || !(grads = tensors_of(g, node->nout)) || !(wants = wants_of(node)))
        goto done;
    result = PyObject_CallMethod(module, "gradients", "sOOOO", node->cls->name, inputs, params, grads, wants);
    if (result) status = take_gradients(node, result, gin);
done:
    Py_XDECREF(module);
    Py_XDECREF(inputs);
    Py_XDECREF(params);
    Py_XDECREF(grads);
    Py_XDECREF(wants);
    Py_XDECREF(result);
    return status;
}
