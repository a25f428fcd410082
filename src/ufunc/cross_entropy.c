/* cross_entropy: the rows cross_entropy and nll_loss.  Both ways go through one fused kernel each
 * (kernels/cross_entropy.h); gradients of gradients and of probabilities are composed.  A hidden second output, what log_softmax subtracts from every row (its maximum; the logarithm of the sum of the shifted exponentials),
 * is what the gradient needs; a gradient of the gradient flows through it.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/classes.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/tie.h"
#include "ufunc/views.h"

#define GRAIN 8192              /* elements a thread takes at least */
#define UNLOCK 50000            /* elements worth giving the GIL away for */

static const rt_device cpu = {RT_CPU, 0};
static rt_tensor *held(rt_tensor *t) { return (rt_tensor *)Py_NewRef((PyObject *)t); }

/* ---- the fused kernels ---------------------------------------------------------------- */

/* Scores lie as packed rows of classes, or (inner above 1) as columns: `inner` of them side by side, block behind block. */
typedef struct {
    const rt_classes *c;
    const rt_entropies *kernels;
    rt_entropy all;             /* of all rows; scale NULL: forward */
    intptr_t inner;
} job;

/* Rows begin .. end, `column` of which lie before the first in its block. */
static void run_rows(const job *j, intptr_t begin, intptr_t end, intptr_t column)
{
    const intptr_t item = (intptr_t)rt_itemsize(j->c->compute), n = j->c->classes, m = end - begin;
    const intptr_t at = ((begin - column) * n + column) * item, row = begin * item;
    rt_entropy e = j->all;
    e.x += at;
    if (e.q) e.q += at;
    if (e.target) e.target += begin;
    e.most += row;
    e.rest += row;
    if (e.scale) {
        e.scale += row;
        e.gx += at;
        if (j->inner > 1) j->kernels->columns_backward(&e, n, j->inner, m);
        else j->kernels->rows_backward(&e, m, n);
    } else {
        e.losses += row;
        if (j->inner > 1) j->kernels->columns(&e, n, j->inner, m);
        else j->kernels->rows(&e, m, n);
    }
}

/* Rows begin .. end, none of which is more than a block's end. */
static void run_range(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    for (intptr_t stop; j->inner > 1 && begin < end; begin = stop) {
        stop = begin - begin % j->inner + j->inner < end ? begin - begin % j->inner + j->inner : end;
        run_rows(j, begin, stop, begin % j->inner);
    }
    if (begin < end) run_rows(j, begin, end, 0);
}

static void run(job *j)
{
    const intptr_t count = j->c->count, classes = j->c->classes, least = j->inner > 1 ? 64 : 1;
    intptr_t grain = (1 + GRAIN / (classes ? classes : 1) + least - 1) / least * least;
    if (count == 0 || classes == 0) return;
    if (count * classes < UNLOCK) {
        run_range(j, 0, count);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(count, grain, run_range, j);
    Py_END_ALLOW_THREADS
}

/* How many columns lie side by side when scores t are read in place; 1: as packed rows. */
static intptr_t inner_of(const rt_classes *c, const rt_tensor *t)
{
    intptr_t inner = 1;
    if (t->ndim < 3 || t->dtype != (int)c->compute || !rt_tensor_is_contiguous(t)) return 1;
    for (int d = 2; d < t->ndim; d++) inner *= t->shape[d];
    return inner;
}

/* New reference: t, of the scores' shape, as the kernels read it. */
static rt_tensor *laid(const rt_classes *c, rt_tensor *t, intptr_t inner)
{
    rt_tensor *cast, *out;
    if (inner == 1) return rt_classes_rows(c, t);
    cast = rt_cast(t, c->compute);
    out = cast ? rt_contiguous(cast) : NULL;
    Py_XDECREF((PyObject *)cast);
    return out;
}

/* kept: most of all rows, then rest of all. */
static job job_of(const rt_classes *c, rt_tensor *x, rt_tensor *q, double smoothing, rt_tensor *kept, intptr_t inner)
{
    return (job){.c = c, .kernels = rt_isa_now->entropies[c->compute], .inner = inner,
                 .all = {.x = x->data, .q = q ? q->data : NULL, .w = c->weight ? c->weight->data : NULL,
                         .target = c->target ? (const int64_t *)c->target->data : NULL, .ignore = c->ignore,
                         .keep = 1 - smoothing, .even = smoothing / (double)c->classes, .most = kept->data,
                         .rest = kept->data + c->count * (intptr_t)rt_itemsize(c->compute)}};
}

/* ---- compositions ---------------------------------------------------------------------- */

/* Sum over classes, kept as a column or (keep 0) dropped. */
static rt_tensor *row_sums(rt_tensor *t, int keep)
{
    rt_params p;
    const intptr_t dims[1] = {1};
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, dims);
    p.i[0] = keep;
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(RT_OP_sum, t, &p);
}

/* op(x, y); consumes x, passes NULL through. */
static rt_tensor *then(rt_op_index op, rt_tensor *x, rt_tensor *y)
{
    rt_tensor *out = x && y ? rt_apply2(op, x, y) : NULL;
    Py_XDECREF((PyObject *)x);
    return out;
}

static rt_tensor *negated(rt_tensor *x)
{
    rt_tensor *out = x ? rt_apply1(RT_OP_neg, x) : NULL;
    Py_XDECREF((PyObject *)x);
    return out;
}

/* ---- cross_entropy ---------------------------------------------------------------------- */

/* log_softmax of packed rows from what the kernels keep: (rows - most) - rest.  Consumes rows, passes NULL through. */
static rt_tensor *logarithms(const rt_classes *c, rt_tensor *rows, rt_tensor *kept)
{
    const intptr_t shape[2] = {c->count, 1};
    for (intptr_t k = 0; rows && k < 2; k++) {
        rt_params p;
        rt_params_begin(&p);
        p.i[1] = k;
        rt_tensor *part = rt_apply1p(RT_OP_select, kept, &p), *column;
        rt_params_begin(&p);
        rt_params_push(&p, 0, 2, shape);
        column = part ? rt_apply1p(RT_OP_reshape, part, &p) : NULL;
        rows = then(RT_OP_sub, rows, column);
        Py_XDECREF((PyObject *)part);
        Py_XDECREF((PyObject *)column);
    }
    return rows;
}

/* What the kernels keep, and the loss of every row; q: probabilities or NULL.  0 or -1. */
static int row_losses(const rt_classes *c, rt_tensor *x, rt_tensor *q, double smoothing, rt_tensor **kept, rt_tensor **losses)
{
    const intptr_t shape[2] = {2, c->count}, inner = inner_of(c, x);
    rt_tensor *scores = laid(c, x, inner), *shares = scores && q ? laid(c, q, inner) : NULL;
    int status = -1;
    *kept = scores ? rt_zeros(c->compute, 2, shape, cpu) : NULL;
    *losses = *kept ? rt_zeros(c->compute, 1, &c->count, cpu) : NULL;
    if (!*losses || (q && !shares)) goto done;
    job j = job_of(c, scores, shares, smoothing, *kept, inner);
    j.all.losses = (*losses)->data;
    run(&j);
    status = 0;
done:
    Py_XDECREF((PyObject *)scores);
    Py_XDECREF((PyObject *)shares);
    return status;
}

FORWARD(cross_entropy)
{
    int status = -1, recording = rt_grad_enabled;
    rt_classes c;
    rt_tensor *kept = NULL, *losses = NULL;
    const double smoothing = p->f[0];
    if (!(smoothing >= 0 && smoothing <= 1))
        return rt_error(rt_TensorError, op->cls.name, "label_smoothing must be between 0.0 and 1.0");
    rt_grad_enabled = 0;                  /* the whole is recorded, not its steps */
    if (rt_classes_begin(op, nin, in, p->i[0], &c) < 0) goto failed;
    if (!c.target && p->i[0] >= 0) {
        rt_error(rt_TensorError, op->cls.name, "ignore_index is not supported for floating point target");
        goto done;
    }
    if (row_losses(&c, in[0].t, c.target ? NULL : in[1].t, smoothing, &kept, &losses) < 0) goto done;
    p->f[1] = p->i[1] == RT_LOSS_MEAN ? rt_classes_total(&c) : 1;
    rt_classes_keep(&c, p);
    status = rt_classes_output(op, &c, losses, (int)p->i[1], p->f[1], nin, in, out);
    if (status == 0) out[1] = held(kept);
done:
    rt_classes_end(&c);
failed:
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)kept);
    Py_XDECREF((PyObject *)losses);
    return status;
}

/* What the loss of every row counts in the result, times its weight where that is `weighted`: a new tensor (count) of
 * dtype compute. */
static rt_tensor *row_scales(const rt_classes *c, rt_tensor *g, int reduction, double total, int weighted)
{
    rt_tensor *scale = rt_empty(c->compute, 1, &c->count, cpu);
    rt_tensor *cast = scale ? rt_cast(g, c->compute) : NULL, *each = cast ? rt_contiguous(cast) : NULL;
    const intptr_t step = reduction == RT_LOSS_NONE;
    for (intptr_t r = 0; each && r < c->count; r++) {
        double w = (weighted ? rt_classes_row_weight(c, r) : 1) / (reduction == RT_LOSS_MEAN ? total : 1);
        if (c->compute == RT_f32) ((float *)scale->data)[r] = (float)(w * ((float *)each->data)[r * step]);
        else ((double *)scale->data)[r] = w * ((double *)each->data)[r * step];
    }
    if (!each) Py_CLEAR(scale);
    Py_XDECREF((PyObject *)cast);
    Py_XDECREF((PyObject *)each);
    return scale;
}

/* The scores' gradient, unrecorded: one kernel. */
static rt_tensor *fused_gradient(const rt_classes *c, rt_tensor *x, rt_tensor *q, const rt_params *p, rt_tensor *kept,
                                 rt_tensor *g)
{
    const intptr_t shape[2] = {c->count, c->classes}, inner = inner_of(c, x);
    rt_tensor *scale = row_scales(c, g, (int)p->i[1], p->f[1], 0), *scores = NULL, *shares = NULL, *gx = NULL, *out;
    if (scale) scores = laid(c, x, inner);
    if (scores && q) shares = laid(c, q, inner);
    if (scores && (shares || !q))
        gx = inner > 1 ? rt_empty(c->compute, x->ndim, x->shape, cpu) : rt_empty(c->compute, 2, shape, cpu);
    if (gx) {
        job j = job_of(c, scores, shares, p->f[0], kept, inner);
        j.all.scale = scale->data;
        j.all.gx = gx->data;
        run(&j);
    }
    Py_XDECREF((PyObject *)scale);
    Py_XDECREF((PyObject *)scores);
    Py_XDECREF((PyObject *)shares);
    if (!gx || inner > 1) return gx;
    out = rt_classes_home(c, gx);
    Py_DECREF((PyObject *)gx);
    return out;
}

/* For any target: g (exp(logp) sum(a) - a), with g a column. */
static rt_tensor *composed_gradient(rt_tensor *logp, rt_tensor *a, rt_tensor *g)
{
    rt_tensor *total = row_sums(a, 1), *gx = total ? rt_apply1(RT_OP_exp, logp) : NULL;
    gx = then(RT_OP_mul, then(RT_OP_sub, then(RT_OP_mul, gx, total), a), g);
    Py_XDECREF((PyObject *)total);
    return gx;
}

/* What flows through the numbers kept: h exp(logp).  The maximum is a constant that logp does not depend on. */
static rt_tensor *hidden_gradient(const rt_classes *c, rt_tensor *logp, rt_tensor *h)
{
    const intptr_t shape[2] = {c->count, 1};
    rt_params p;
    rt_params_begin(&p);
    p.i[1] = 1;
    rt_tensor *part = rt_apply1p(RT_OP_select, h, &p), *column, *out;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 2, shape);
    column = part ? rt_apply1p(RT_OP_reshape, part, &p) : NULL;
    out = column ? then(RT_OP_mul, rt_apply1(RT_OP_exp, logp), column) : NULL;
    Py_XDECREF((PyObject *)part);
    Py_XDECREF((PyObject *)column);
    return out;
}

/* d loss / d probabilities: -g (1 - smoothing) w logp. */
static rt_tensor *target_gradient(const rt_classes *c, rt_tensor *logp, rt_tensor *g, double smoothing)
{
    rt_tensor *out = then(RT_OP_mul, rt_apply2s(RT_OP_mul, logp, smoothing - 1), g);
    return c->weight ? then(RT_OP_mul, out, c->weight) : out;
}

static rt_tensor *home(const rt_classes *c, rt_tensor *rows)
{
    rt_tensor *out = rows ? rt_classes_home(c, rows) : NULL;
    Py_XDECREF((PyObject *)rows);
    return out;
}

typedef struct { rt_operand x, target, weight, kept; rt_tensor *q; } saved;

/* Gradients by compositions, through the loss (g[0]) and through the hidden output (g[1]). */
static int composed(rt_node *node, const rt_classes *c, const saved *v, rt_tensor *const *g, rt_tensor **gin)
{
    const rt_params *p = node->params;
    int status = -1;
    rt_tensor *logp = logarithms(c, rt_classes_rows(c, v->x.t), v->kept.t), *column = NULL, *a = NULL, *gx = NULL;
    rt_tensor *hidden = NULL, *sum;
    if (!logp) goto done;
    if (g[0]) {
        column = rt_classes_gradient(c, g[0], (int)p->i[1], p->f[1]);
        a = column ? rt_classes_coefficients(c, v->q, p->f[0]) : NULL;
        if (!a) goto done;
        if (rt_node_wants(node, 0) && !(gx = composed_gradient(logp, a, column))) goto done;
        if (v->q && rt_node_wants(node, 1)
            && !(gin[1] = home(c, target_gradient(c, logp, column, p->f[0])))) goto done;
    }
    if (g[1] && rt_node_wants(node, 0)) {
        hidden = hidden_gradient(c, logp, g[1]);
        if (!hidden) goto done;
        sum = gx ? rt_apply2(RT_OP_add, gx, hidden) : held(hidden);
        Py_XDECREF((PyObject *)gx);
        gx = sum;
        if (!gx) goto done;
    }
    if (gx && rt_node_wants(node, 0) && !(gin[0] = rt_classes_home(c, gx))) goto done;
    status = 0;
done:
    Py_XDECREF((PyObject *)logp);
    Py_XDECREF((PyObject *)column);
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)gx);
    Py_XDECREF((PyObject *)hidden);
    return status;
}

BACKWARD(cross_entropy)
{
    int status = -1;
    const rt_params *p = node->params;
    rt_classes c;
    saved v = {0};
    if (rt_node_unpack(node, 0, &v.x) < 0 || rt_node_unpack(node, 1, &v.target) < 0
        || rt_node_unpack(node, 2, &v.weight) < 0 || rt_node_unpack(node, 3, &v.kept) < 0) goto failed;
    if (rt_classes_resume(node, &v.target, &v.weight, p->i[0], (rt_dtype)v.kept.t->dtype, &c) < 0) goto failed;
    if (!g[1] && (c.target || !rt_node_wants(node, 1)) && !rt_records(g[0]) && !rt_records(v.x.t)) {
        rt_tensor *const q = c.target ? NULL : v.target.t;
        if (rt_node_wants(node, 0) && !(gin[0] = fused_gradient(&c, v.x.t, q, p, v.kept.t, g[0]))) goto done;
        status = 0;
    } else {
        if (!c.target && !(v.q = rt_classes_rows(&c, v.target.t))) goto done;
        status = composed(node, &c, &v, g, gin);
    }
done:
    rt_classes_end(&c);
failed:
    Py_XDECREF((PyObject *)v.q);
    Py_XDECREF((PyObject *)v.x.t);
    Py_XDECREF((PyObject *)v.target.t);
    Py_XDECREF((PyObject *)v.weight.t);
    Py_XDECREF((PyObject *)v.kept.t);
    return status;
}

/* ---- nll_loss --------------------------------------------------------------------------- */

/* -w[t] x[t] of every row. */
static void pick_losses(const rt_classes *c, const rt_tensor *rows, rt_tensor *losses)
{
    const int64_t *t = (const int64_t *)c->target->data;
    for (intptr_t r = 0; r < c->count; r++) {
        double w = rt_classes_row_weight(c, r);
        intptr_t at = t[r] == c->ignore ? -1 : r * c->classes + t[r];
        if (c->compute == RT_f32) ((float *)losses->data)[r] = at < 0 ? 0 : (float)-w * ((const float *)rows->data)[at];
        else ((double *)losses->data)[r] = at < 0 ? 0 : -w * ((const double *)rows->data)[at];
    }
}

FORWARD(nll_loss)
{
    int status = -1, recording = rt_grad_enabled;
    rt_classes c;
    rt_tensor *rows = NULL, *losses = NULL;
    rt_grad_enabled = 0;
    if (rt_classes_begin(op, nin, in, p->i[0], &c) < 0) goto failed;
    if (!c.target) {
        (void)rt_error(rt_DtypeError, op->cls.name, "the target must hold class numbers, not %s",
                       rt_dtypes[in[1].t->dtype].name);
        goto done;
    }
    rows = rt_classes_rows(&c, in[0].t);
    losses = rows ? rt_empty(c.compute, 1, &c.count, cpu) : NULL;
    if (!losses) goto done;
    pick_losses(&c, rows, losses);
    p->f[1] = p->i[1] == RT_LOSS_MEAN ? rt_classes_total(&c) : 1;
    rt_classes_keep(&c, p);
    p->i[2] = c.compute;
    status = rt_classes_output(op, &c, losses, (int)p->i[1], p->f[1], nin, in, out);
done:
    rt_classes_end(&c);
failed:
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)rows);
    Py_XDECREF((PyObject *)losses);
    return status;
}

/* The gradient of nll_loss, unrecorded: zeros, and one element of each row. */
static rt_tensor *picked_gradient(const rt_classes *c, rt_tensor *g, int reduction, double total)
{
    const intptr_t shape[2] = {c->count, c->classes};
    const int64_t *t = (const int64_t *)c->target->data;
    rt_tensor *scale = row_scales(c, g, reduction, total, 1), *gx = scale ? rt_empty(c->compute, 2, shape, cpu) : NULL;
    if (gx) memset(gx->data, 0, (size_t)gx->size * rt_itemsize(c->compute));
    for (intptr_t r = 0; gx && r < c->count; r++) {
        if (t[r] == c->ignore) continue;
        if (c->compute == RT_f32) ((float *)gx->data)[r * c->classes + t[r]] = -((float *)scale->data)[r];
        else ((double *)gx->data)[r * c->classes + t[r]] = -((double *)scale->data)[r];
    }
    Py_XDECREF((PyObject *)scale);
    return gx;
}

/* The loss is linear in x: gx = -g a. */
BACKWARD(nll_loss)
{
    int status = -1;
    const rt_params *p = node->params;
    rt_classes c;
    rt_operand target = {0}, weight = {0};
    rt_tensor *column = NULL, *gx = NULL;
    if (!rt_node_wants(node, 0)) return 0;
    if (rt_node_unpack(node, 0, &target) < 0 || rt_node_unpack(node, 1, &weight) < 0) goto failed;
    if (rt_classes_resume(node, &target, &weight, p->i[0], (rt_dtype)p->i[2], &c) < 0) goto failed;
    if (!rt_records(g[0])) {
        gx = picked_gradient(&c, g[0], (int)p->i[1], p->f[1]);
    } else {
        column = rt_classes_gradient(&c, g[0], (int)p->i[1], p->f[1]);
        if (column) gx = negated(then(RT_OP_mul, rt_classes_coefficients(&c, NULL, 0), column));
    }
    gin[0] = gx ? rt_tie(rt_classes_home(&c, gx), node, 0) : NULL;
    status = gin[0] ? 0 : -1;
    rt_classes_end(&c);
failed:
    Py_XDECREF((PyObject *)column);
    Py_XDECREF((PyObject *)gx);
    Py_XDECREF((PyObject *)target.t);
    Py_XDECREF((PyObject *)weight.t);
    return status;
}
