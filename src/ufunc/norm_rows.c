/* norm_rows: layer_norm and rms_norm, row by row over the last dimensions.  float16 and bfloat16 are
 * computed in float32.  Gradients of weight and bias are summed over pieces of rows that the
 * shape alone decides, then over pieces in order: no result depends on threads.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/packed.h"
#include "ufunc/replay.h"
#include "ufunc/views.h"

enum { GRAIN = 8192, UNLOCK = 50000, LEAST_ROWS = 64, MOST_PIECES = 16 };   /* elements; rows of a piece */

typedef struct {
    rt_norm_rows q;
    const rt_norms *kernels;
    double *gw, *gb;             /* per piece, n each; or NULL */
    intptr_t rows, piece;        /* all rows, rows of a piece */
} job;

static void run_forward(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    j->kernels->rows(&j->q, begin, end);
}

static void run_pieces(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    for (intptr_t k = begin; k < end; k++) {
        intptr_t from = k * j->piece, to = from + j->piece < j->rows ? from + j->piece : j->rows;
        j->kernels->rows_backward(&j->q, from, to, j->gw ? j->gw + k * j->q.n : NULL, j->gb ? j->gb + k * j->q.n : NULL);
    }
}

static void run(rt_range_fn *fn, job *j, intptr_t n, intptr_t grain)
{
    if (j->rows * j->q.n < UNLOCK) {
        fn(j, 0, n);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(n, grain, fn, j);
    Py_END_ALLOW_THREADS
}

/* x's last dimensions must be normalized_shape, and a weight's all of them. */
static int check(const char *op, const rt_tensor *x, const rt_params *p)
{
    const int k = p->n[0], lead = x->ndim - k;
    if (k < 1) return rt_error(rt_TensorError, op, "normalized_shape must have at least one dimension");
    if (lead < 0 || !rt_shape_equal(k, p->list, k, x->shape + lead))
        return rt_error_shapes(op, "the input's last dimensions must be normalized_shape (normalized_shape and input)",
                               k, p->list, x->ndim, x->shape);
    return 0;
}

static int take_weight(const rt_op *op, const rt_operand *in, int i, const rt_params *p, rt_dtype d, rt_tensor **to)
{
    if (in[i].none) return 0;
    rt_tensor *t = rt_operand_tensor(op, in, i);
    if (!t) return -1;
    if (!rt_shape_equal(t->ndim, t->shape, p->n[0], p->list))
        return rt_error_shapes(op->cls.name, i == 1 ? "weight must have normalized_shape (weight and normalized_shape)"
                               : "bias must have normalized_shape (bias and normalized_shape)",
                               t->ndim, t->shape, p->n[0], p->list);
    *to = rt_packed(t, d);
    return *to ? 0 : -1;
}

/* The statistics, a number a row; new reference in *to and its data. */
static void *statistics(rt_tensor **to, rt_dtype d, intptr_t rows, rt_device dev)
{
    *to = rt_empty(d, 1, &rows, dev);
    return *to ? (*to)->data : NULL;
}

static int forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out, int centered)
{
    int status = -1;
    rt_tensor *x = rt_operand_tensor(op, in, 0), *xp = NULL, *w = NULL, *b = NULL, *work = NULL, *rows = NULL;
    rt_tensor *const given = *out;
    if (!x || check(op->cls.name, x, p) < 0) return -1;
    const rt_dtype d = rt_packed_compute(op->cls.name, (rt_dtype)x->dtype);
    if (d == RT_NODTYPE) return -1;
    intptr_t n = 1;
    for (int k = 0; k < p->n[0]; k++) n *= p->list[k];
    if (take_weight(op, in, 1, p, d, &w) < 0 || (nin > 2 && take_weight(op, in, 2, p, d, &b) < 0)) goto done;
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, nin, in, 1, &work) < 0) goto done;
    if (!(xp = rt_packed(x, d)) || !(rows = rt_packed_cast(work, d))) goto done;
    job j = {.kernels = rt_isa_now->norms[d], .rows = n ? x->size / n : 0,
             .q = {.x = xp->data, .w = w ? w->data : NULL, .b = b ? b->data : NULL, .out = rows->data, .n = n,
                   .eps = p->f[0]}};
    if (centered && !(j.q.mean = statistics(&out[1], d, j.rows, x->storage->device))) goto done;
    if (!(j.q.rstd = statistics(&out[1 + centered], d, j.rows, x->storage->device))) goto done;
    run(run_forward, &j, j.rows, 1 + GRAIN / (n ? n : 1));
    if (rows != work && rt_copy_into(work, rows) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(xp);
    Py_XDECREF(w);
    Py_XDECREF(b);
    Py_XDECREF(work);
    Py_XDECREF(rows);
    if (status < 0) {
        if (!given) Py_CLEAR(out[0]);
        for (int k = 1; k < op->nout; k++) Py_CLEAR(out[k]);
    }
    return status;
}

static int refuse_hidden(const rt_op *op, rt_tensor *const *out)
{
    for (int k = 1; k < op->nout; k++)
        if (out[k]) return rt_error(PyExc_TypeError, op->cls.name, "'out=' takes one tensor");
    return 0;
}

FORWARD(layer_norm) { return refuse_hidden(op, out) < 0 ? -1 : forward(op, nin, in, p, out, 1); }
FORWARD(rms_norm) { return refuse_hidden(op, out) < 0 ? -1 : forward(op, nin, in, p, out, 0); }

/* ---- gradients ---- */

/* The sum over pieces as a tensor of the parameter's shape and dtype. */
static rt_tensor *add_pieces(const double *part, intptr_t pieces, const rt_tensor *like)
{
    rt_tensor *sum = rt_zeros(RT_f64, like->ndim, like->shape, like->storage->device);
    if (!sum) return NULL;
    double *to = (double *)sum->data;
    for (intptr_t k = 0; k < pieces; k++, part += sum->size)
        for (intptr_t i = 0; i < sum->size; i++) to[i] += part[i];
    return rt_packed_home(sum, (rt_dtype)like->dtype);
}

typedef struct { rt_operand x, w, b, mean, rstd; rt_tensor *xp, *gp, *wp; double *part; } held;

static void drop(held *h)
{
    Py_XDECREF(h->x.t);
    Py_XDECREF(h->w.t);
    Py_XDECREF(h->b.t);
    Py_XDECREF(h->mean.t);
    Py_XDECREF(h->rstd.t);
    Py_XDECREF(h->xp);
    Py_XDECREF(h->gp);
    Py_XDECREF(h->wp);
    PyMem_Free(h->part);
}

static int unpack(rt_node *node, held *h, int centered)
{
    int k = 2;
    if (rt_node_unpack(node, 0, &h->x) < 0 || rt_node_unpack(node, 1, &h->w) < 0) return -1;
    if (centered && (rt_node_unpack(node, k++, &h->b) < 0 || rt_node_unpack(node, k++, &h->mean) < 0)) return -1;
    return rt_node_unpack(node, k, &h->rstd);
}

static int backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin, int centered)
{
    int status = -1;
    held h = {0};
    if (rt_grad_enabled) return rt_replay(node, g, gin);
    if (unpack(node, &h, centered) < 0) goto done;
    const rt_tensor *x = h.x.t;
    const rt_dtype d = (rt_dtype)h.rstd.t->dtype;
    const int want_w = rt_node_wants(node, 1), want_b = centered && rt_node_wants(node, 2);
    if (!(h.xp = rt_packed(x, d)) || !(h.gp = rt_packed(g[0], d)) || (h.w.t && !(h.wp = rt_packed(h.w.t, d)))) goto done;
    const intptr_t rows = h.rstd.t->size, n = rows ? x->size / rows : 0;
    intptr_t piece = (rows + MOST_PIECES - 1) / MOST_PIECES;
    if (piece < LEAST_ROWS) piece = LEAST_ROWS;
    const intptr_t pieces = (rows + piece - 1) / piece;
    job j = {.kernels = rt_isa_now->norms[d], .rows = rows, .piece = piece,
             .q = {.x = h.xp->data, .g = h.gp->data, .w = h.wp ? h.wp->data : NULL,
                   .mean = centered ? h.mean.t->data : NULL, .rstd = h.rstd.t->data, .n = n}};
    if (want_w || want_b) {
        h.part = PyMem_Calloc((size_t)(2 * pieces * n) + 1, sizeof(double));
        if (!h.part) {
            PyErr_NoMemory();
            goto done;
        }
        j.gw = want_w ? h.part : NULL;
        j.gb = want_b ? h.part + pieces * n : NULL;
    }
    if (rt_node_wants(node, 0)) {
        if (!(gin[0] = rt_empty(d, x->ndim, x->shape, x->storage->device))) goto done;
        j.q.out = gin[0]->data;
    }
    run(run_pieces, &j, pieces, 1);
    if (gin[0] && !(gin[0] = rt_packed_home(gin[0], (rt_dtype)x->dtype))) goto done;
    if (want_w && !(gin[1] = add_pieces(j.gw, pieces, h.w.t))) goto done;
    if (want_b && !(gin[2] = add_pieces(j.gb, pieces, h.b.t))) goto done;
    status = 0;
done:
    drop(&h);
    return status;
}

BACKWARD(layer_norm) { return backward(node, g, gin, 1); }
BACKWARD(rms_norm) { return backward(node, g, gin, 0); }
