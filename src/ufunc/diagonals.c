/* diagonals: triangles and diagonals of the last two (or any two) dimensions, as copies.
 * Floor: ufunc. */
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

/* ---- tril, triu ---- */

/* Zeroes the elements of one matrix above (lower) or below (upper) the diagonal. */
static void clear_triangle(char *data, intptr_t rows, intptr_t cols, intptr_t item, intptr_t diagonal, int lower)
{
    for (intptr_t i = 0; i < rows; i++, data += cols * item) {
        intptr_t cut = i + diagonal + (lower ? 1 : 0);
        cut = cut < 0 ? 0 : cut > cols ? cols : cut;
        if (lower) memset(data + cut * item, 0, (size_t)((cols - cut) * item));
        else memset(data, 0, (size_t)(cut * item));
    }
}

static int triangle(const rt_op *op, int nin, const rt_operand *in, const rt_params *p, int lower, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work;
    if (!x) return -1;
    if (x->ndim < 2) return rt_error(rt_TensorError, op->cls.name, "needs at least 2 dimensions, has %d", x->ndim);
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, nin, in, 1, &work) < 0) return -1;
    if (work != x && rt_copy_into(work, x) < 0) {
        Py_DECREF(work);
        return -1;
    }
    intptr_t rows = x->shape[x->ndim - 2], cols = x->shape[x->ndim - 1], item = (intptr_t)rt_tensor_itemsize(x);
    intptr_t diagonal = p->i[0] > cols ? cols : p->i[0] < -rows - 1 ? -rows - 1 : p->i[0];
    for (intptr_t m = 0, matrix = rows * cols; m < (matrix ? work->size / matrix : 0); m++)
        clear_triangle(work->data + m * matrix * item, rows, cols, item, diagonal, lower);
    return rt_output_finish(out[0], work);
}

FORWARD(tril) { return triangle(op, nin, in, p, 1, out); }
BACKWARD(tril) { return (gin[0] = rt_apply1p(RT_OP_tril, g[0], node->params)) ? 0 : -1; }
FORWARD(triu) { return triangle(op, nin, in, p, 0, out); }
BACKWARD(triu) { return (gin[0] = rt_apply1p(RT_OP_triu, g[0], node->params)) ? 0 : -1; }

/* ---- diag_embed, diag, trace ---- */

/* Writes x as the diagonal of two new dimensions d0, d1 of zeros. */
static int embed(const rt_op *op, int nin, const rt_operand *in, intptr_t offset, intptr_t dim1, intptr_t dim2, rt_tensor **out)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work, *window;
    intptr_t shape[RT_MAX_NDIM + 1], side;
    int d0, d1, n;
    if (!x) return -1;
    n = x->ndim + 1;
    if (x->ndim < 1 || n > RT_MAX_NDIM) return rt_error(rt_TensorError, op->cls.name, "needs 1 to %d dimensions", RT_MAX_NDIM - 1);
    if ((d0 = rt_dim_wrap(op->cls.name, dim1, n)) < 0 || (d1 = rt_dim_wrap(op->cls.name, dim2, n)) < 0) return -1;
    if (d0 == d1) return rt_error(rt_TensorError, op->cls.name, "the two dimensions must differ, both are %d", d0);
    intptr_t far = offset < 0 ? (offset == INTPTR_MIN ? INTPTR_MAX : -offset) : offset;
    if (__builtin_add_overflow(x->shape[x->ndim - 1], far, &side))
        return rt_error(rt_TensorError, op->cls.name, "offset %zd is too large", (Py_ssize_t)offset);
    for (int i = 0, k = 0; i < n; i++) shape[i] = i == d0 || i == d1 ? side : x->shape[k++];
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, n, shape, nin, in, 1, &work) < 0) return -1;
    memset(work->data, 0, (size_t)work->size * rt_tensor_itemsize(work));
    window = rt_view_diagonal(op->cls.name, work, offset, d0, d1);
    int rc = window ? rt_copy_into(window, x) : -1;
    Py_XDECREF(window);
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

FORWARD(diag_embed) { return embed(op, nin, in, p->i[0], p->i[1], p->i[2], out); }
BACKWARD(diag_embed) { return (gin[0] = rt_apply1p(RT_OP_diagonal, g[0], node->params)) ? 0 : -1; }

/* g, one number or a diagonal, as the diagonal of zeros of shape (n, m). */
static int diagonal_gradient(const rt_input_meta *m, rt_tensor *g, intptr_t offset, rt_tensor **gin)
{
    rt_params p;
    intptr_t stride = m->shape[1] + 1;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 2, m->shape);
    rt_params_push(&p, 1, 1, &stride);
    p.i[0] = g->size == 0 ? 0 : offset >= 0 ? offset : -offset * m->shape[1];
    return (gin[0] = rt_apply1p(RT_OP_window_scatter, g, &p)) ? 0 : -1;
}

FORWARD(diag)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *window, *work;
    if (!x) return -1;
    if (x->ndim == 1) return embed(op, nin, in, p->i[0], 0, 1, out);
    if (x->ndim != 2) return rt_error(rt_TensorError, op->cls.name, "needs 1 or 2 dimensions, has %d", x->ndim);
    if (!(window = rt_view_diagonal(op->cls.name, x, p->i[0], 0, 1))) return -1;
    int rc = rt_output_begin(op, out, (rt_dtype)x->dtype, 1, window->shape, nin, in, 0, &work);
    if (rc == 0) {
        rc = rt_copy_into(work, window);
        if (rc == 0) rc = rt_output_finish(out[0], work);
        else Py_DECREF(work);
    }
    Py_DECREF(window);
    return rc;
}
BACKWARD(diag)
{
    rt_input_meta m = rt_node_input(node, 0);
    rt_params p;
    if (m.ndim == 2) return diagonal_gradient(&m, g[0], node->params->i[0], gin);
    rt_params_begin(&p);
    p.i[0] = node->params->i[0];
    p.i[2] = 1;
    return (gin[0] = rt_apply1p(RT_OP_diagonal, g[0], &p)) ? 0 : -1;
}

FORWARD(trace)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *window, *total = NULL;
    rt_params sum;
    if (!x) return -1;
    if (x->ndim != 2) return rt_error(rt_TensorError, op->cls.name, "needs 2 dimensions, has %d", x->ndim);
    if (!(window = rt_view_diagonal(op->cls.name, x, 0, 0, 1))) return -1;
    rt_params_begin(&sum);
    sum.n[0] = -1;
    sum.i[1] = RT_NODTYPE;
    rt_operand one = rt_operand_of(window);
    total = out[0];
    int rc = rt_op_apply(&rt_ops[RT_OP_sum], 1, &one, &sum, &total);
    if (rc == 0) out[0] = total;
    Py_DECREF(window);
    return rc;
}
BACKWARD(trace)
{
    rt_input_meta m = rt_node_input(node, 0);
    intptr_t n = m.shape[0] < m.shape[1] ? m.shape[0] : m.shape[1];
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, &n);
    rt_tensor *wide = rt_apply1p(RT_OP_expand, g[0], &p);
    if (!wide) return -1;
    int rc = diagonal_gradient(&m, wide, 0, gin);
    Py_DECREF(wide);
    return rc;
}
