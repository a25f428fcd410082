/* linalg_rules: derivatives of the rows of linear algebra.  Each is a function of the package
 * rustorch.linalg.rules, of ops on Tensors, so that it is recorded when a graph of the gradient is wanted:
 *     rule(wanted: tuple[bool, ...], g: tuple[Tensor | None, ...], saved: tuple, flags: tuple[int, ...])
 * returns a gradient or None per input.  Floor: ufunc. */
#include "core/error.h"
#include "ufunc/views.h"

static PyObject *tensor_or_none(rt_tensor *t)
{
    PyObject *o = t ? (PyObject *)t : Py_None;
    return Py_NewRef(o);
}

static PyObject *gradients_tuple(rt_node *node, rt_tensor *const *g)
{
    PyObject *t = PyTuple_New(node->nout);
    for (int k = 0; t && k < node->nout; k++) PyTuple_SET_ITEM(t, k, tensor_or_none(g[k]));
    return t;
}

static PyObject *saved_tuple(rt_node *node)
{
    PyObject *t = PyTuple_New(node->nsaved);
    for (int k = 0; t && k < node->nsaved; k++) {
        rt_operand value = {.none = 1};
        if (rt_node_unpack(node, k, &value) < 0) {
            Py_CLEAR(t);
            break;
        }
        PyTuple_SET_ITEM(t, k, value.t ? (PyObject *)value.t : Py_NewRef(Py_None));
    }
    return t;
}

static PyObject *rule_of(const char *name)
{
    static PyObject *module;
    if (!module) module = PyImport_ImportModule("rustorch.linalg.rules");
    return module ? PyObject_GetAttrString(module, name) : NULL;
}

static int take(rt_node *node, PyObject *result, rt_tensor **gin)
{
    if (!PyTuple_Check(result) || PyTuple_GET_SIZE(result) != node->nin)
        return rt_error(PyExc_SystemError, node->cls->name, "its rule must return a tuple of %d", node->nin);
    for (int i = 0; i < node->nin; i++) {
        PyObject *o = PyTuple_GET_ITEM(result, i);
        if (o == Py_None || !rt_node_wants(node, i)) continue;
        if (!rt_tensor_check(o)) return rt_error(PyExc_SystemError, node->cls->name, "its rule returned no Tensor");
        gin[i] = (rt_tensor *)Py_NewRef(o);
    }
    return 0;
}

static int apply_rule(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    int status = -1;
    PyObject *rule = NULL, *wanted = NULL, *gradients = NULL, *saved = NULL, *flags = NULL, *result = NULL;
    if (!(rule = rule_of(node->cls->name)) || !(wanted = PyTuple_New(node->nin))) goto done;
    for (int i = 0; i < node->nin; i++) PyTuple_SET_ITEM(wanted, i, PyBool_FromLong(rt_node_wants(node, i)));
    gradients = gradients_tuple(node, g);
    saved = saved_tuple(node);
    flags = node->params ? Py_BuildValue("(nnn)", node->params->i[0], node->params->i[1], node->params->i[2]) : PyTuple_New(0);
    if (!gradients || !saved || !flags) goto done;
    result = PyObject_CallFunctionObjArgs(rule, wanted, gradients, saved, flags, NULL);
    if (result) status = take(node, result, gin);
done:
    Py_XDECREF(rule);
    Py_XDECREF(wanted);
    Py_XDECREF(gradients);
    Py_XDECREF(saved);
    Py_XDECREF(flags);
    Py_XDECREF(result);
    return status;
}

BACKWARD(linalg_cholesky) { return apply_rule(node, g, gin); }
BACKWARD(linalg_lu_factor) { return apply_rule(node, g, gin); }
BACKWARD(linalg_qr) { return apply_rule(node, g, gin); }
BACKWARD(linalg_solve) { return apply_rule(node, g, gin); }
BACKWARD(linalg_inv) { return apply_rule(node, g, gin); }
BACKWARD(linalg_det) { return apply_rule(node, g, gin); }
BACKWARD(linalg_slogdet) { return apply_rule(node, g, gin); }
BACKWARD(linalg_solve_triangular) { return apply_rule(node, g, gin); }
BACKWARD(linalg_lstsq) { return apply_rule(node, g, gin); }
BACKWARD(linalg_svd) { return apply_rule(node, g, gin); }
BACKWARD(linalg_eigh) { return apply_rule(node, g, gin); }
BACKWARD(linalg_eig) { return apply_rule(node, g, gin); }
