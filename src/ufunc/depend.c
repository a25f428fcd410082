/* depend: the node that ties a gradient to inputs it does not depend on.  Floor: ufunc. */
#include "ufunc/depend.h"
#include "ufunc/views.h"

static int zeros_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    (void)g;
    for (int i = 0; i < node->nin; i++) {
        if (!rt_node_wants(node, i)) continue;
        const rt_input_meta m = rt_node_input(node, i);
        if (!(gin[i] = rt_zeros(m.dtype, m.ndim, m.shape, m.device))) return -1;
    }
    return 0;
}

static const rt_node_class constant = {"constant", zeros_backward, NULL};

rt_tensor *rt_depend(rt_tensor *g, const rt_node *of, int nin)
{
    if (!g || !rt_grad_enabled || rt_tensor_requires_grad(g)) return g;
    rt_tensor *tied = NULL;
    rt_node *n = rt_node_new(&constant, nin, 1, 0);
    if (!n) goto done;
    for (int i = 0; i < nin; i++)
        if (of->edges[i].to) n->edges[i] = (rt_edge){Py_NewRef(of->edges[i].to), of->edges[i].nr, 0};
    tied = rt_tensor_detach(g);
    if (tied && rt_node_own_output(n, 0, tied) < 0) Py_CLEAR(tied);
done:
    Py_XDECREF((PyObject *)n);
    Py_DECREF((PyObject *)g);
    return tied;
}
