/* sparse_rules: gradients of the products with sparse matrices.  All are products and samples again, so they hold to
 * every order.  Indices have no gradient.  Floor: ufunc. */
#include "ufunc/product.h"
#include "ufunc/views.h"

static rt_tensor *held(rt_tensor *t) { return (rt_tensor *)Py_XNewRef((PyObject *)t); }

/* Inputs 0..n of a node, as they were; new references in t, which is all NULL on entry. */
static int unpack(rt_node *node, int n, rt_tensor **t)
{
    for (int i = 0; i < n; i++) {
        rt_operand v;
        if (rt_node_unpack(node, i, &v) < 0) return -1;
        t[i] = v.t;
    }
    return 0;
}

static void drop(int n, rt_tensor **t)
{
    for (int i = 0; i < n; i++) Py_CLEAR(t[i]);
}

/* Applies a row to tensors and drops those of `consumed` (a mask); NULL when one of them is. */
static rt_tensor *apply(rt_op_index row, int n, rt_tensor *const *t, unsigned consumed, rt_params *p)
{
    rt_operand in[8];
    rt_tensor *out = NULL;
    int whole = 1;
    for (int i = 0; i < n; i++) {
        in[i] = rt_operand_of(t[i]);
        whole &= t[i] != NULL;
    }
    if (whole && rt_op_apply(&rt_ops[row], n, in, p, &out) < 0) out = NULL;
    for (int i = 0; i < n; i++)
        if (consumed >> i & 1) Py_XDECREF(t[i]);
    return out;
}

static rt_tensor *times(rt_tensor *data, rt_tensor *index, rt_tensor *start, rt_tensor *x, intptr_t columns, int transposed,
                        unsigned consumed)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = columns;
    p.i[1] = transposed;
    return apply(RT_OP_sparse_matmul, 4, (rt_tensor *[]){data, index, start, x}, consumed, &p);
}

static rt_tensor *sample(rt_tensor *x, rt_tensor *y, rt_tensor *index, rt_tensor *start, unsigned consumed)
{
    rt_params p;
    rt_params_begin(&p);
    return apply(RT_OP_sparse_sample, 4, (rt_tensor *[]){x, y, index, start}, consumed, &p);
}

static rt_tensor *conjugate(const rt_tensor *t) { return rt_matmul_conj(held((rt_tensor *)t)); }

BACKWARD(sparse_matmul)
{
    enum { DATA, INDEX, START, X, COUNT };
    rt_tensor *t[COUNT] = {NULL};
    const intptr_t columns = node->params->i[0];
    const int transposed = (int)node->params->i[1];
    int status = -1;
    if (unpack(node, COUNT, t) < 0) goto done;
    if (rt_node_wants(node, 0)) {
        gin[0] = transposed ? sample(conjugate(t[X]), g[0], t[INDEX], t[START], 1)
                            : sample(g[0], conjugate(t[X]), t[INDEX], t[START], 2);
        if (!gin[0]) goto done;
    }
    if (rt_node_wants(node, 3) && !(gin[3] = times(conjugate(t[DATA]), t[INDEX], t[START], g[0], columns, !transposed, 1))) goto done;
    status = 0;
done:
    drop(COUNT, t);
    return status;
}

BACKWARD(sparse_sample)
{
    enum { X, Y, INDEX, START, COUNT };
    rt_tensor *t[COUNT] = {NULL};
    int status = -1;
    if (unpack(node, COUNT, t) < 0) goto done;
    const intptr_t columns = t[Y]->shape[0];
    if (rt_node_wants(node, 0) && !(gin[0] = times(g[0], t[INDEX], t[START], conjugate(t[Y]), columns, 0, 8))) goto done;
    if (rt_node_wants(node, 1) && !(gin[1] = times(g[0], t[INDEX], t[START], conjugate(t[X]), columns, 1, 8))) goto done;
    status = 0;
done:
    drop(COUNT, t);
    return status;
}

/* The conjugate transpose of (data, index, start) with so many columns: three new references, or -1. */
static int turned(rt_tensor *data, rt_tensor *index, rt_tensor *start, intptr_t columns, rt_tensor **out)
{
    rt_operand in[2] = {rt_operand_of(index), rt_operand_of(start)};
    rt_tensor *made[4] = {NULL};
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = columns;
    if (rt_op_apply(&rt_ops[RT_OP_sparse_turn], 2, in, &p, made) < 0) return -1;
    rt_params_begin(&p);
    out[0] = rt_matmul_conj(rt_apply2p(RT_OP_index_select, data, made[0], &p));
    out[1] = made[1];
    out[2] = made[2];
    Py_DECREF(made[0]);
    return out[0] ? 0 : -1;
}

BACKWARD(sparse_product)
{
    enum { A, A_INDEX, A_START, B, B_INDEX, B_START, C_INDEX, C_START, COUNT };
    rt_tensor *t[COUNT] = {NULL}, *other[3] = {NULL};
    rt_params p;
    int status = -1;
    if (unpack(node, COUNT, t) < 0) goto done;
    const intptr_t columns = node->params->i[0], inner = t[B_START]->shape[0] - 1;
    if (rt_node_wants(node, 0)) {                      /* g @ conj(B).T where A has entries */
        if (turned(t[B], t[B_INDEX], t[B_START], columns, other) < 0) goto done;
        rt_params_begin(&p);
        p.i[0] = inner;
        gin[0] = apply(RT_OP_sparse_product, 8, (rt_tensor *[]){g[0], t[C_INDEX], t[C_START], other[0], other[1], other[2],
                                                                t[A_INDEX], t[A_START]}, 0, &p);
        drop(3, other);
        if (!gin[0]) goto done;
    }
    if (rt_node_wants(node, 3)) {                      /* conj(A).T @ g where B has entries */
        if (turned(t[A], t[A_INDEX], t[A_START], inner, other) < 0) goto done;
        rt_params_begin(&p);
        p.i[0] = columns;
        gin[3] = apply(RT_OP_sparse_product, 8, (rt_tensor *[]){other[0], other[1], other[2], g[0], t[C_INDEX], t[C_START],
                                                                t[B_INDEX], t[B_START]}, 0, &p);
        if (!gin[3]) goto done;
    }
    status = 0;
done:
    drop(3, other);
    drop(COUNT, t);
    return status;
}
