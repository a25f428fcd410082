/* matmul: the rows matmul, mm, bmm, mv, dot and outer and their gradients.  One product
 * (product.c) under different rules for shapes; gradients are products of the same kind, asked
 * for through the op table, so that they are recorded when a graph of them is wanted.
 * Floor: ufunc. */
#include "backends/blas.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/elementwise.h"
#include "ufunc/product.h"
#include "ufunc/views.h"

/* ---- forward ------------------------------------------------------------------------- */

static int multiply(const rt_op *op, rt_tensor *x, rt_tensor *y, int nin, const rt_operand *in, rt_tensor **out)
{
    rt_product p;
    intptr_t shape[RT_MAX_NDIM];
    if (rt_product_begin(op->cls.name, x, y, 0, &p) < 0) return -1;
    int n = p.nbatch;
    memcpy(shape, p.batch, (size_t)n * sizeof *shape);
    if (x->ndim > 1) shape[n++] = x->shape[x->ndim - 2];
    if (y->ndim > 1) shape[n++] = y->shape[y->ndim - 1];
    return rt_product_output(op, &p, n, shape, nin, in, out);
}

/* Packed vectors or matrices of one real dtype and few elements: straight to the kernel.  1 when done, 0 when the
 * general way is needed. */
static int multiply_small(const rt_tensor *x, const rt_tensor *y, rt_tensor **out)
{
    const rt_dtype d = (rt_dtype)x->dtype;
    if (*out || (d != RT_f32 && d != RT_f64) || (rt_dtype)y->dtype != d || (unsigned)(x->ndim - 1) > 1
        || (unsigned)(y->ndim - 1) > 1)
        return 0;
    const intptr_t k = x->shape[x->ndim - 1], n = y->ndim == 2 ? y->shape[1] : 1;
    intptr_t shape[2] = {x->shape[0], n};
    if (y->shape[0] != k || !x->size || !y->size || x->size > RT_PRODUCT_SMALL || y->size > RT_PRODUCT_SMALL
        || !rt_tensor_is_contiguous(x) || !rt_tensor_is_contiguous(y))
        return 0;
    *out = rt_empty(d, x->ndim + y->ndim - 2, x->ndim == 2 ? shape : shape + 1, x->storage->device);
    if (!*out) return -1;
    rt_blas_gemm(d, x->ndim == 2 ? x->shape[0] : 1, n, k, x->data, k, 1, y->data, n, 1, 0, (*out)->data, n);
    return 1;
}

/* The operands as tensors of nx and ny dimensions; -1: any number. */
static int operands(const rt_op *op, const rt_operand *in, int nx, int ny, rt_tensor **x, rt_tensor **y)
{
    char why[80];
    *x = rt_operand_tensor(op, in, 0);
    *y = *x ? rt_operand_tensor(op, in, 1) : NULL;
    if (!*y) return -1;
    if ((nx < 0 || (*x)->ndim == nx) && (ny < 0 || (*y)->ndim == ny)) return 0;
    snprintf(why, sizeof why, "the two tensors must be %d-d and %d-d", nx, ny);
    return rt_error_shapes(op->cls.name, why, (*x)->ndim, (*x)->shape, (*y)->ndim, (*y)->shape);
}

FORWARD(matmul)
{
    rt_tensor *x, *y;
    if (operands(op, in, -1, -1, &x, &y) < 0) return -1;
    const int small = multiply_small(x, y, out);
    return small ? (small < 0 ? -1 : 0) : multiply(op, x, y, nin, in, out);
}

FORWARD(mm)
{
    rt_tensor *x, *y;
    return operands(op, in, 2, 2, &x, &y) < 0 ? -1 : matmul_forward(op, nin, in, p, out);
}

FORWARD(mv)
{
    rt_tensor *x, *y;
    return operands(op, in, 2, 1, &x, &y) < 0 ? -1 : matmul_forward(op, nin, in, p, out);
}

FORWARD(dot)
{
    rt_tensor *x, *y;
    return operands(op, in, 1, 1, &x, &y) < 0 ? -1 : matmul_forward(op, nin, in, p, out);
}

FORWARD(bmm)
{
    rt_tensor *x, *y;
    if (operands(op, in, 3, 3, &x, &y) < 0) return -1;
    if (x->shape[0] != y->shape[0])
        return rt_error_shapes(op->cls.name, "the batches (dimension 0) differ", 3, x->shape, 3, y->shape);
    return multiply(op, x, y, nin, in, out);
}

/* A column times a row: a product of elements, which writes as fast as memory takes it. */
FORWARD(outer)
{
    rt_tensor *x, *y;
    rt_operand both[2] = {{0}, {0}};
    int status = -1;
    if (operands(op, in, 1, 1, &x, &y) < 0) return -1;
    const intptr_t xs[2] = {x->shape[0], 1}, ys[2] = {1, y->shape[0]};
    const intptr_t xsteps[2] = {x->steps[0], 0}, ysteps[2] = {0, y->steps[0]};
    both[0].t = rt_tensor_alias(x, x->data, (rt_dtype)x->dtype, 2, xs, xsteps);
    both[1].t = rt_tensor_alias(y, y->data, (rt_dtype)y->dtype, 2, ys, ysteps);
    if (both[0].t && both[1].t) status = rt_elementwise_forward(&rt_ops[RT_OP_mul], 2, both, NULL, out);
    Py_XDECREF((PyObject *)both[0].t);
    Py_XDECREF((PyObject *)both[1].t);
    return status;
}

/* ---- gradients ----------------------------------------------------------------------- */

rt_tensor *rt_matmul_conj(rt_tensor *t)
{
    if (!t || !rt_dtype_is_complex((rt_dtype)t->dtype)) return t;
    rt_tensor *out = rt_apply1(RT_OP_conj, t);
    Py_DECREF((PyObject *)t);
    return out;
}

rt_tensor *rt_matmul_turned(rt_tensor *t)
{
    rt_tensor *out = t ? rt_apply1(RT_OP_mT, t) : NULL;
    Py_XDECREF((PyObject *)t);
    return rt_matmul_conj(out);
}

rt_tensor *rt_matmul_times(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *out = x && y ? rt_apply2(RT_OP_matmul, x, y) : NULL;
    Py_XDECREF((PyObject *)x);
    Py_XDECREF((PyObject *)y);
    return out;
}

rt_tensor *rt_matmul_rows(rt_tensor *t)
{
    if (!t || t->ndim == 2) return t;
    rt_params p;
    const intptr_t columns = t->shape[t->ndim - 1];
    intptr_t shape[2] = {1, columns};
    for (int d = 0; d < t->ndim - 1; d++) shape[0] *= t->shape[d];
    rt_params_begin(&p);
    rt_params_push(&p, 0, 2, shape);
    rt_tensor *out = rt_apply1p(RT_OP_reshape, t, &p);
    Py_DECREF((PyObject *)t);
    return out;
}

static rt_tensor *with_dim(rt_tensor *t, int dim)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    rt_tensor *out = t ? rt_apply1p(RT_OP_unsqueeze, t, &p) : NULL;
    Py_XDECREF((PyObject *)t);
    return out;
}

static rt_tensor *without_dim(rt_tensor *t, int dim)
{
    rt_params p;
    const intptr_t dims[1] = {dim};
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, dims);
    rt_tensor *out = t ? rt_apply1p(RT_OP_squeeze, t, &p) : NULL;
    Py_XDECREF((PyObject *)t);
    return out;
}

/* x times y, element for element: either may be a number.  Consumes both, passes NULL through. */
static rt_tensor *scaled(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *out = x && y ? rt_apply2(RT_OP_mul, x, y) : NULL;
    Py_XDECREF((PyObject *)x);
    Py_XDECREF((PyObject *)y);
    return out;
}

static rt_tensor *held(rt_tensor *t) { return (rt_tensor *)Py_NewRef((PyObject *)t); }

/* out = x @ y: gx = g @ y^H, gy = x^H @ g, after lone dimensions became rows and columns; a column times a row is a
 * product of elements.  Where y has
 * no batch, all rows of x and g count as one matrix; otherwise the engine sums over the batch. */
BACKWARD(matmul)
{
    int status = -1;
    rt_operand x = {0}, y = {0};
    rt_tensor *gm = NULL, *xm = NULL, *ym = NULL;
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &y) < 0) goto done;
    int row = x.t->ndim == 1, column = y.t->ndim == 1;
    if (row && column) {
        if (rt_node_wants(node, 0) && !(gin[0] = scaled(held(g[0]), rt_matmul_conj(held(y.t))))) goto done;
        if (rt_node_wants(node, 1) && !(gin[1] = scaled(held(g[0]), rt_matmul_conj(held(x.t))))) goto done;
        status = 0;
        goto done;
    }
    gm = held(g[0]);
    if (column) gm = with_dim(gm, -1);
    if (row) gm = with_dim(gm, -2);
    xm = row ? with_dim(held(x.t), 0) : held(x.t);
    ym = column ? with_dim(held(y.t), 1) : held(y.t);
    if (!gm || !xm || !ym) goto done;
    if (rt_node_wants(node, 0)) {
        gin[0] = column ? scaled(held(gm), rt_matmul_conj(held(y.t))) : rt_matmul_times(held(gm), rt_matmul_turned(held(ym)));
        if (row) gin[0] = without_dim(gin[0], -2);
        if (!gin[0]) goto done;
    }
    if (rt_node_wants(node, 1)) {
        if (row) gin[1] = scaled(with_dim(rt_matmul_conj(held(x.t)), 1), held(gm));
        else if (ym->ndim == 2 && xm->ndim > 2) gin[1] = rt_matmul_times(rt_matmul_turned(rt_matmul_rows(held(xm))), rt_matmul_rows(held(gm)));
        else gin[1] = rt_matmul_times(rt_matmul_turned(held(xm)), held(gm));
        if (column) gin[1] = without_dim(gin[1], -1);
        if (!gin[1]) goto done;
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)y.t);
    Py_XDECREF((PyObject *)gm);
    Py_XDECREF((PyObject *)xm);
    Py_XDECREF((PyObject *)ym);
    if (status < 0) {
        Py_CLEAR(gin[0]);
        Py_CLEAR(gin[1]);
    }
    return status;
}

BACKWARD(mm) { return matmul_backward(node, g, gin); }
BACKWARD(bmm) { return matmul_backward(node, g, gin); }
BACKWARD(mv) { return matmul_backward(node, g, gin); }
BACKWARD(dot) { return matmul_backward(node, g, gin); }

BACKWARD(outer)
{
    for (int k = 0; k < 2; k++) {                     /* gx = g @ conj(y), gy = conj(x) @ g */
        rt_operand other;
        if (!rt_node_wants(node, k)) continue;
        if (rt_node_unpack(node, 1 - k, &other) < 0) return -1;
        rt_tensor *v = rt_matmul_conj(other.t);
        gin[k] = k == 0 ? rt_matmul_times(held(g[0]), v) : rt_matmul_times(v, held(g[0]));
        if (!gin[k]) return -1;
    }
    return 0;
}
