/* join: rows that put tensors beside each other (cat, stack) and that repeat or reorder the
 * elements of one (repeat, tile, repeat_interleave, flip, roll).  All of them are copies of
 * windows into windows of the result.  Floor: ufunc. */
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

static int promote_all(const rt_op *op, int nin, const rt_operand *in, rt_dtype *dtype)
{
    if (nin == 0) return rt_error(rt_TensorError, op->cls.name, "needs at least one tensor");
    for (int i = 0; i < nin; i++) {
        if (!rt_operand_tensor(op, in, i)) return -1;
        *dtype = i ? rt_dtype_promote(*dtype, (rt_dtype)in[i].t->dtype) : (rt_dtype)in[i].t->dtype;
    }
    return 0;
}

enum { SMALL = 65536, PIECE = 64, GRAIN = 1 << 18 };   /* bytes: of a tensor, of a piece, of a thread's share */

/* x packed, of work's dtype and small: its rows are blocks of memory. */
static int place_rows(rt_tensor *work, int d, intptr_t at, intptr_t n, const rt_tensor *x)
{
    const size_t item = rt_tensor_itemsize(work), bytes = (size_t)x->size * item;
    if (x->dtype != work->dtype || x->dtype == RT_b1 || bytes > SMALL || !rt_tensor_is_contiguous(x)
        || !rt_tensor_is_contiguous(work) || work->shape[d] == 0 || x->storage->device.type != RT_CPU)
        return 0;
    size_t inner = item, rows = 1;
    for (int i = d + 1; i < work->ndim; i++) inner *= (size_t)work->shape[i];
    for (int i = 0; i < d; i++) rows *= (size_t)work->shape[i];
    if (rows > 8 && (size_t)n * inner < 16) return 0;      /* so short that a loop over the rows is better */
    char *to = work->data + (size_t)at * inner;
    for (size_t r = 0; r < rows; r++) memcpy(to + r * (size_t)work->shape[d] * inner, x->data + r * (size_t)n * inner, (size_t)n * inner);
    return 1;
}

/* ---- large tensors side by side: the result is written row by row, a piece of every tensor ---- */

typedef struct { const char *data; intptr_t step, bytes; } piece;      /* from row to row; of a row */
typedef struct { int n; piece *pieces; char *to; intptr_t row; } rows_job;

static void join_rows(void *context, intptr_t begin, intptr_t end)
{
    const rows_job *j = context;
    char *to = j->to + begin * j->row;
    for (intptr_t r = begin; r < end; r++)
        for (int i = 0; i < j->n; i++) {
            memcpy(to, j->pieces[i].data + r * j->pieces[i].step, (size_t)j->pieces[i].bytes);
            to += j->pieces[i].bytes;
        }
}

/* x's part of a row: what lies packed from dimension d on, and is as far from row to row.  0: it is not like that. */
static int piece_of(const rt_tensor *x, int d, piece *p)
{
    intptr_t bytes = (intptr_t)rt_tensor_itemsize(x), step = 0, length = 1;
    for (int i = x->ndim - 1; i >= d; i--) {
        if (x->shape[i] != 1 && x->steps[i] != bytes) return 0;
        bytes *= x->shape[i];
    }
    for (int i = d - 1; i >= 0; i--) {
        if (x->shape[i] == 1) continue;
        if (length == 1) step = x->steps[i];
        else if (x->steps[i] != step * length) return 0;
        length *= x->shape[i];
    }
    *p = (piece){x->data, step, bytes};
    return bytes >= PIECE;
}

/* Work from tensors whose pieces follow one another in each of its rows.
 * 1: done; 0: not here; -1. */
static int join_large(rt_tensor *work, int nin, const rt_operand *in, int d)
{
    if ((size_t)work->size * rt_tensor_itemsize(work) < SMALL || !rt_tensor_is_contiguous(work) || d == 0
        || work->dtype == RT_b1 || work->storage->device.type != RT_CPU)
        return 0;
    rows_job j = {.n = nin, .to = work->data};
    if (!(j.pieces = PyMem_Malloc((size_t)nin * sizeof *j.pieces))) {
        PyErr_NoMemory();
        return -1;
    }
    int fit = 1;
    for (int i = 0; fit && i < nin; i++) {
        fit = in[i].t->dtype == work->dtype && in[i].t->size && in[i].t->storage->device.type == RT_CPU
              && piece_of(in[i].t, d, &j.pieces[i]);
        j.row += fit ? j.pieces[i].bytes : 0;
    }
    if (fit) {
        intptr_t rows = 1;
        for (int i = 0; i < d; i++) rows *= work->shape[i];
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(rows, GRAIN / j.row + 1, join_rows, &j);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(j.pieces);
    return fit;
}

/* Copies x into elements [at, at + n) of dimension d of work. */
static int place(rt_tensor *work, int d, intptr_t at, intptr_t n, const rt_tensor *x)
{
    if (place_rows(work, d, at, n, x)) return 0;
    rt_tensor *window = rt_view_slice(work, d, at, 1, n);
    if (!window) return -1;
    int rc = rt_copy_into(window, x);
    Py_DECREF(window);
    return rc;
}

/* ---- cat, stack ---- */

/* As PyTorch, a tensor of shape (0,) fits beside anything. */
static int is_nothing(const rt_tensor *t) { return t->ndim == 1 && t->shape[0] == 0; }

/* The shape of the result, and the wrapped dimension in p. */
static int cat_shape(const rt_op *op, int nin, const rt_operand *in, rt_params *p, intptr_t *shape)
{
    int first = 0;
    while (first < nin - 1 && is_nothing(in[first].t)) first++;
    const rt_tensor *like = in[first].t;
    if (like->ndim == 0) return rt_error(rt_TensorError, op->cls.name, "tensors without dimensions cannot be joined; stack them");
    int d = rt_dim_wrap(op->cls.name, p->i[0], like->ndim);
    if (d < 0) return -1;
    p->i[0] = d;
    memcpy(shape, like->shape, like->ndim * sizeof *shape);
    shape[d] = 0;
    for (int i = 0; i < nin; i++) {
        const rt_tensor *t = in[i].t;
        if (is_nothing(t)) continue;
        int same = t->ndim == like->ndim;
        for (int j = 0; same && j < t->ndim; j++) same = j == d || t->shape[j] == like->shape[j];
        if (!same) {
            char why[96];
            snprintf(why, sizeof why, "tensor %d differs from tensor %d outside dimension %d", i, first, d);
            return rt_error_shapes(op->cls.name, why, t->ndim, t->shape, like->ndim, like->shape);
        }
        if (__builtin_add_overflow(shape[d], t->shape[d], &shape[d]))
            return rt_error(rt_TensorError, op->cls.name, "the result is too large");
    }
    return like->ndim;
}

/* The hidden second output holds where each tensor starts: what the backward needs. */
FORWARD(cat)
{
    intptr_t shape[RT_MAX_NDIM], at = 0, count = nin;
    rt_dtype dtype;
    rt_tensor *work;
    int n, rc = 0;
    if (promote_all(op, nin, in, &dtype) < 0 || (n = cat_shape(op, nin, in, p, shape)) < 0
        || rt_output_refuse_overlap(op, out[0], nin, in) < 0) return -1;
    int d = (int)p->i[0];
    if (!out[1] && !(out[1] = rt_empty(RT_i64, 1, &count, in[0].t->storage->device))) return -1;
    if (rt_output_begin(op, out, dtype, n, shape, nin, in, 0, &work) < 0) return -1;
    const int joined = join_large(work, nin, in, d);
    if (joined < 0) rc = -1;
    for (int i = 0; rc == 0 && i < nin; i++) {
        ((int64_t *)out[1]->data)[i] = at;
        if (is_nothing(in[i].t)) continue;
        if (!joined) rc = place(work, d, at, in[i].t->shape[d], in[i].t);
        at += in[i].t->shape[d];
    }
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}

BACKWARD(cat)
{
    intptr_t d = node->params->i[0];
    rt_operand starts;
    int rc = -1;
    if (rt_node_unpack(node, 0, &starts) < 0) return -1;
    for (int i = 0; g[0] && i < node->nin; i++) {
        rt_params p;
        if (!rt_node_wants(node, i)) continue;
        rt_input_meta m = rt_node_input(node, i);
        int nothing = m.ndim == 1 && m.shape[0] == 0;
        rt_params_begin(&p);
        p.i[0] = nothing ? 0 : d;
        p.i[1] = ((const int64_t *)starts.t->data)[i];
        p.i[2] = nothing ? 0 : m.shape[d];
        if (nothing) gin[i] = rt_zeros((rt_dtype)g[0]->dtype, m.ndim, m.shape, m.device);
        else gin[i] = rt_apply1p(RT_OP_narrow, g[0], &p);
        if (!gin[i]) goto done;
    }
    rc = 0;
done:
    Py_DECREF(starts.t);
    return rc;
}

FORWARD(stack)
{
    intptr_t shape[RT_MAX_NDIM + 1];
    rt_dtype dtype;
    rt_tensor *work;
    int d, rc = 0;
    if (promote_all(op, nin, in, &dtype) < 0) return -1;
    const rt_tensor *first = in[0].t;
    if (first->ndim == RT_MAX_NDIM) return rt_error(rt_TensorError, op->cls.name, "at most %d dimensions", RT_MAX_NDIM);
    if ((d = rt_dim_wrap(op->cls.name, p->i[0], first->ndim + 1)) < 0) return -1;
    p->i[0] = d;
    for (int i = 1; i < nin; i++)
        if (!rt_shape_equal(first->ndim, first->shape, in[i].t->ndim, in[i].t->shape)) {
            char why[64];
            snprintf(why, sizeof why, "tensor 0 and tensor %d have different shapes", i);
            return rt_error_shapes(op->cls.name, why, first->ndim, first->shape, in[i].t->ndim, in[i].t->shape);
        }
    for (int i = 0, k = 0; i <= first->ndim; i++) shape[i] = i == d ? nin : first->shape[k++];
    if (rt_output_begin(op, out, dtype, first->ndim + 1, shape, nin, in, 0, &work) < 0) return -1;
    const int joined = join_large(work, nin, in, d);
    if (joined < 0) rc = -1;
    for (int i = 0; rc == 0 && !joined && i < nin; i++) {
        if (place_rows(work, d, i, 1, in[i].t)) continue;
        rt_tensor *window = rt_view_select(work, d, i);
        rc = window ? rt_copy_into(window, in[i].t) : -1;
        Py_XDECREF(window);
    }
    if (rc == 0) return rt_output_finish(out[0], work);
    Py_DECREF(work);
    return -1;
}
BACKWARD(stack)
{
    for (int i = 0; i < node->nin; i++) {
        rt_params p;
        if (!rt_node_wants(node, i)) continue;
        rt_params_begin(&p);
        p.i[0] = node->params->i[0];
        p.i[1] = i;
        if (!(gin[i] = rt_apply1p(RT_OP_select, g[0], &p))) return -1;
    }
    return 0;
}
