/* tie: gradients that are constants, recorded as made of the input they belong to.  Floor: ufunc. */
#include "ufunc/tie.h"
#include "ufunc/views.h"

/* To g as it came, to the input zeros. */
static int tie_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    if (rt_node_wants(n, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    if (rt_node_wants(n, 1)) {
        const rt_input_meta at = rt_node_input(n, 1);
        gin[1] = rt_zeros(at.dtype, at.ndim, at.shape, at.device);
        if (!gin[1]) return -1;
    }
    return 0;
}

static const rt_node_class tie_class = {"constant", tie_backward, NULL};

rt_tensor *rt_tie(rt_tensor *g, const rt_node *node, int i)
{
    rt_tensor *out = NULL;
    rt_node *n = NULL;
    if (!g || !rt_grad_enabled || !rt_node_wants(node, i)) return g;
    n = rt_node_new(&tie_class, 2, 1, 0);
    out = n ? rt_tensor_detach(g) : NULL;
    if (!out) goto done;
    rt_node_connect(n, 0, g);
    n->edges[1] = (rt_edge){Py_NewRef(node->edges[i].to), node->edges[i].nr, 0};
    if (rt_node_own_output(n, 0, out) < 0) Py_CLEAR(out);
done:
    Py_XDECREF((PyObject *)n);
    Py_DECREF((PyObject *)g);
    return out;
}
