/* norm_channels: group_norm and batch_norm over (N, C, ...).  A channel's elements of one sample are a run
 * of `inner` packed elements:  x[sample][channel][0 .. inner).  Groups are computed sample by sample,
 * batch statistics channel by channel, so that no result depends on threads; where a run is
 * one element (N, C), columns of the matrix are computed side by side.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/packed.h"
#include "ufunc/replay.h"
#include "ufunc/views.h"
#include <math.h>

enum { GRAIN = 16384, UNLOCK = 50000, COLUMNS = 64 };   /* elements; columns of a task */

typedef struct {
    const rt_norms *kernels;
    const char *x, *g;
    char *out;                          /* the result, or gx; NULL: not wanted */
    intptr_t samples, channels, inner, groups, item;
    double eps;
    const double *w, *b;                /* per channel, or NULL */
    double *mean, *rstd;                /* per channel (batch), per sample and group (group) */
    double *sg, *sgx;                   /* sums of g and g (x - mean): per channel, or per sample and channel */
    int frozen;                         /* statistics are constants: those of running averages */
} job;

static double weight_of(const job *j, intptr_t c) { return j->w ? j->w[c] : 1; }
static double bias_of(const job *j, intptr_t c) { return j->b ? j->b[c] : 0; }
/* Byte offset of a run. */
static intptr_t at(const job *j, intptr_t sample, intptr_t c) { return (sample * j->channels + c) * j->inner * j->item; }

/* ---- groups: tasks are (sample, group) ---- */

/* Runs of one element: channels [begin, end) of a sample as columns of one row. */
static void group_columns(const job *j, intptr_t sample, intptr_t begin, intptr_t end, double mean, double rstd)
{
    double m[COLUMNS], a[COLUMNS], b[COLUMNS];
    for (intptr_t c = begin, n; c < end; c += n) {
        n = end - c < COLUMNS ? end - c : COLUMNS;
        for (intptr_t k = 0; k < n; k++) m[k] = mean, a[k] = rstd * weight_of(j, c + k), b[k] = bias_of(j, c + k);
        j->kernels->column_affine(j->x + at(j, sample, c), j->out + at(j, sample, c), 1, n, n, m, a, b);
    }
}

/* sg and sgx of channels [begin, end) of a sample, sgx without rstd. */
static void group_dots(const job *j, intptr_t sample, intptr_t begin, intptr_t end, double mean)
{
    double *sg = j->sg + sample * j->channels, *sgx = j->sgx + sample * j->channels, m[COLUMNS], s[2];
    for (intptr_t k = 0; j->inner == 1 && k < COLUMNS; k++) m[k] = mean;
    for (intptr_t c = begin, n; c < end; c += n) {
        n = j->inner > 1 ? 1 : end - c < COLUMNS ? end - c : COLUMNS;
        if (j->inner == 1) {
            j->kernels->column_dots(j->g + at(j, sample, c), j->x + at(j, sample, c), 1, n, n, m, sg + c, sgx + c);
            continue;
        }
        j->kernels->dots(j->g + at(j, sample, c), j->x + at(j, sample, c), j->inner, 1, j->inner, mean, s);
        sg[c] = s[0];
        sgx[c] = s[1];
    }
}

/* gx of one element a channel: r w g + slope (x - mean) + offset. */
static void group_slopes(const job *j, intptr_t sample, intptr_t begin, intptr_t end, double mean, double r, double slope,
                         double offset)
{
    double m[COLUMNS], a[COLUMNS], b[COLUMNS], d[COLUMNS];
    for (intptr_t c = begin, n; c < end; c += n) {
        const intptr_t o = at(j, sample, c);
        n = end - c < COLUMNS ? end - c : COLUMNS;
        for (intptr_t k = 0; k < n; k++) m[k] = mean, a[k] = r * weight_of(j, c + k), b[k] = slope, d[k] = offset;
        j->kernels->column_slope(j->g + o, j->x + o, j->out + o, 1, n, n, m, a, b, d);
    }
}

static void group_forward(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t per = j->channels / j->groups, m = per * j->inner;
    for (intptr_t t = begin; t < end; t++) {
        const intptr_t sample = t / j->groups, first = t % j->groups * per;
        const char *x = j->x + at(j, sample, first);
        const double mean = j->kernels->sum(x, m, 1, m) / (double)m;
        const double rstd = 1 / sqrt(j->kernels->squares(x, m, 1, m, mean) / (double)m + j->eps);
        j->mean[t] = mean;
        j->rstd[t] = rstd;
        if (j->inner == 1) group_columns(j, sample, first, first + per, mean, rstd);
        for (intptr_t c = first; j->inner > 1 && c < first + per; c++)
            j->kernels->affine(j->x + at(j, sample, c), j->out + at(j, sample, c), j->inner, mean,
                               rstd * weight_of(j, c), bias_of(j, c));
    }
}

static void group_backward(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t per = j->channels / j->groups;
    const double m = (double)(per * j->inner);
    for (intptr_t t = begin; t < end; t++) {
        const intptr_t sample = t / j->groups, first = t % j->groups * per;
        const double mean = j->mean[t], r = j->rstd[t];
        double total = 0, slope = 0;
        group_dots(j, sample, first, first + per, mean);
        for (intptr_t c = first; c < first + per; c++) {
            const intptr_t k = sample * j->channels + c;
            total += j->sg[k] * weight_of(j, c);
            slope += j->sgx[k] * weight_of(j, c);
            j->sgx[k] *= r;
        }
        slope *= -r * r * r / m, total *= -r / m;
        if (j->out && j->inner == 1) group_slopes(j, sample, first, first + per, mean, r, slope, total);
        for (intptr_t c = first; j->out && j->inner > 1 && c < first + per; c++)
            j->kernels->slope(j->g + at(j, sample, c), j->x + at(j, sample, c), j->out + at(j, sample, c), j->inner, mean,
                              r * weight_of(j, c), slope, total);
    }
}

/* ---- batches: tasks are channels ---- */

static void batch_statistics(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t step = j->channels * j->inner;
    const double m = (double)(j->samples * j->inner);
    for (intptr_t c = begin; c < end; c++) {
        const char *x = j->x + at(j, 0, c);
        j->mean[c] = j->kernels->sum(x, j->inner, j->samples, step) / m;
        j->rstd[c] = j->kernels->squares(x, j->inner, j->samples, step, j->mean[c]) / m;
    }
}

/* Runs of one element: columns [begin, end) of a matrix. */
static void column_statistics(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t n = end - begin;
    for (intptr_t c = begin; c < end; c++) j->mean[c] = j->rstd[c] = 0;
    j->kernels->column_sums(j->x + begin * j->item, j->samples, j->channels, n, j->mean + begin);
    for (intptr_t c = begin; c < end; c++) j->mean[c] /= (double)j->samples;
    j->kernels->column_squares(j->x + begin * j->item, j->samples, j->channels, n, j->mean + begin, j->rstd + begin);
    for (intptr_t c = begin; c < end; c++) j->rstd[c] /= (double)j->samples;
}

static void batch_apply(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    for (intptr_t s = begin; s < end; s++)
        for (intptr_t c = 0; c < j->channels; c++)
            j->kernels->affine(j->x + at(j, s, c), j->out + at(j, s, c), j->inner, j->mean[c], j->rstd[c] * weight_of(j, c),
                               bias_of(j, c));
}

static void column_apply(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    double a[COLUMNS], b[COLUMNS];
    for (intptr_t c = begin; c < end; c += COLUMNS) {
        const intptr_t n = end - c < COLUMNS ? end - c : COLUMNS;
        for (intptr_t k = 0; k < n; k++) a[k] = j->rstd[c + k] * weight_of(j, c + k), b[k] = bias_of(j, c + k);
        j->kernels->column_affine(j->x + c * j->item, j->out + c * j->item, j->samples, j->channels, n, j->mean + c, a, b);
    }
}

/* gx = rstd w (g - mean(g) - (x - mean) rstd^2 mean(g (x - mean))); with frozen statistics rstd w g. */
static void batch_factors(const job *j, intptr_t c, double *a, double *b, double *d)
{
    const double m = (double)(j->samples * j->inner), r = j->rstd[c];
    *a = r * weight_of(j, c);
    *b = j->frozen ? 0 : -*a * r * r * j->sgx[c] / m;
    *d = j->frozen ? 0 : -*a * j->sg[c] / m;
}

static void batch_backward(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    for (intptr_t c = begin; c < end; c++) {
        double s[2], a, b, d;
        j->kernels->dots(j->g + at(j, 0, c), j->x + at(j, 0, c), j->inner, j->samples, j->channels * j->inner, j->mean[c], s);
        j->sg[c] = s[0];
        j->sgx[c] = s[1];
        batch_factors(j, c, &a, &b, &d);
        for (intptr_t k = 0; j->out && k < j->samples; k++)
            j->kernels->slope(j->g + at(j, k, c), j->x + at(j, k, c), j->out + at(j, k, c), j->inner, j->mean[c], a, b, d);
    }
}

static void column_backward(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    double a[COLUMNS], b[COLUMNS], d[COLUMNS];
    for (intptr_t c = begin; c < end; c += COLUMNS) {
        const intptr_t n = end - c < COLUMNS ? end - c : COLUMNS, o = c * j->item;
        for (intptr_t k = c; k < c + n; k++) j->sg[k] = j->sgx[k] = 0;
        j->kernels->column_dots(j->g + o, j->x + o, j->samples, j->channels, n, j->mean + c, j->sg + c, j->sgx + c);
        if (!j->out) continue;
        for (intptr_t k = 0; k < n; k++) batch_factors(j, c + k, &a[k], &b[k], &d[k]);
        j->kernels->column_slope(j->g + o, j->x + o, j->out + o, j->samples, j->channels, n, j->mean + c, a, b, d);
    }
}

static void run(rt_range_fn *fn, job *j, intptr_t n, intptr_t grain)
{
    if (j->samples * j->channels * j->inner < UNLOCK) {
        fn(j, 0, n);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(n, grain, fn, j);
    Py_END_ALLOW_THREADS
}

static void run_channels(rt_range_fn *runs, rt_range_fn *columns, job *j)
{
    const intptr_t each = j->samples * j->inner;
    if (j->inner == 1) run(columns, j, j->channels, COLUMNS);
    else run(runs, j, j->channels, 1 + GRAIN / (each ? each : 1));
}

/* ---- operands ---- */

/* x as (samples, channels, inner); -1 with an exception when it has no channels. */
static int look(const rt_op *op, const rt_tensor *x, job *j)
{
    if (x->ndim == 1 && x->size == 0) {       /* as PyTorch: nothing in, nothing out */
        j->samples = j->channels = 0;
        j->inner = 1;
        return 0;
    }
    if (x->ndim < 2) {
        char text[RT_SHAPE_TEXT];
        return rt_error(rt_TensorError, op->cls.name, "expected at least 2 dimensions (N, C, ...), not shape %s",
                        rt_shape_text(x->ndim, x->shape, text));
    }
    j->samples = x->shape[0];
    j->channels = x->shape[1];
    j->inner = 1;
    for (int d = 2; d < x->ndim; d++) j->inner *= x->shape[d];
    return 0;
}

/* A number a channel, as doubles; *to stays NULL when it was not given. */
static int take_vector(const rt_op *op, const char *name, const rt_operand *in, int i, intptr_t channels, rt_tensor **to)
{
    if (in[i].none) return 0;
    rt_tensor *t = rt_operand_tensor(op, in, i);
    if (!t) return -1;
    if (t->ndim != 1 || t->shape[0] != channels) {
        char why[80];
        snprintf(why, sizeof why, "%s must have one element a channel (%s and channels)", name, name);
        return rt_error_shapes(op->cls.name, why, t->ndim, t->shape, 1, &channels);
    }
    *to = rt_packed(t, RT_f64);
    return *to ? 0 : -1;
}

static double *doubles(rt_tensor **to, intptr_t n, rt_device dev)
{
    *to = rt_zeros(RT_f64, 1, &n, dev);
    return *to ? (double *)(*to)->data : NULL;
}

typedef struct {
    rt_tensor *x, *xp, *w, *b, *work, *result;
    job j;
    rt_dtype d;
} frame;

static int begin(const rt_op *op, int nin, const rt_operand *in, int weight, double eps, rt_tensor **out, frame *f)
{
    memset(f, 0, sizeof *f);
    f->x = rt_operand_tensor(op, in, 0);
    if (!f->x || look(op, f->x, &f->j) < 0) return -1;
    f->d = rt_packed_compute(op->cls.name, (rt_dtype)f->x->dtype);
    if (f->d == RT_NODTYPE) return -1;
    if (take_vector(op, "weight", in, weight, f->j.channels, &f->w) < 0
        || take_vector(op, "bias", in, weight + 1, f->j.channels, &f->b) < 0)
        return -1;
    if (rt_output_begin(op, out, (rt_dtype)f->x->dtype, f->x->ndim, f->x->shape, nin, in, 1, &f->work) < 0) return -1;
    if (!(f->xp = rt_packed(f->x, f->d)) || !(f->result = rt_packed_cast(f->work, f->d))) return -1;
    f->j.kernels = rt_isa_now->norms[f->d];
    f->j.item = (intptr_t)rt_itemsize(f->d);
    f->j.x = f->xp->data;
    f->j.out = f->result->data;
    f->j.w = f->w ? (double *)f->w->data : NULL;
    f->j.b = f->b ? (double *)f->b->data : NULL;
    f->j.eps = eps;
    return 0;
}

/* Before anything else: what `end` drops on failure is made here. */
static int refuse_statistics(const rt_op *op, rt_tensor *const *out)
{
    for (int k = 1; k < op->nout; k++)
        if (out[k]) return rt_error(PyExc_TypeError, op->cls.name, "'out=' takes one tensor");
    return 0;
}

/* Brings the result home and drops the frame; `status` as so far. */
static int end(const rt_op *op, frame *f, rt_tensor **out, rt_tensor *given, int status)
{
    if (status == 0 && f->result != f->work) status = rt_copy_into(f->work, f->result);
    if (status == 0) {
        status = rt_output_finish(out[0], f->work);
        f->work = NULL;
    }
    Py_XDECREF(f->xp);
    Py_XDECREF(f->w);
    Py_XDECREF(f->b);
    Py_XDECREF(f->work);
    Py_XDECREF(f->result);
    if (status < 0) {
        if (!given) Py_CLEAR(out[0]);
        for (int k = 1; k < op->nout; k++) Py_CLEAR(out[k]);
    }
    return status;
}

FORWARD(group_norm)
{
    frame f;
    rt_tensor *const given = out[0];
    int status = -1;
    if (refuse_statistics(op, out) < 0) return -1;
    if (begin(op, nin, in, 1, p->f[0], out, &f) < 0) goto done;
    f.j.groups = p->i[0];
    if (f.j.groups < 1 || f.j.channels % f.j.groups) {
        rt_error(rt_TensorError, op->cls.name, "the number of channels (%zd) must be divisible by num_groups (%zd)",
                 (Py_ssize_t)f.j.channels, (Py_ssize_t)f.j.groups);
        goto done;
    }
    const intptr_t tasks = f.j.samples * f.j.groups, each = f.j.channels / f.j.groups * f.j.inner;
    if (!(f.j.mean = doubles(&out[1], tasks, f.x->storage->device))
        || !(f.j.rstd = doubles(&out[2], tasks, f.x->storage->device)))
        goto done;
    if (f.x->size) run(group_forward, &f.j, tasks, 1 + GRAIN / (each ? each : 1));
    status = 0;
done:
    return end(op, &f, out, given, status);
}

static void to_rstd(double *v, intptr_t n, double eps)
{
    for (intptr_t c = 0; c < n; c++) v[c] = 1 / sqrt(v[c] + eps);
}

static void apply(job *j)
{
    if (j->inner == 1) run(column_apply, j, j->channels, COLUMNS);
    else run(batch_apply, j, j->samples, 1 + GRAIN / (j->channels * j->inner + 1));
}

FORWARD(batch_norm_train)
{
    frame f;
    rt_tensor *const given = out[0], *rstd = NULL;
    int status = -1;
    if (refuse_statistics(op, out) < 0) return -1;
    if (begin(op, nin, in, 1, p->f[0], out, &f) < 0) goto done;
    if (!(f.j.mean = doubles(&out[1], f.j.channels, f.x->storage->device))
        || !(f.j.rstd = doubles(&out[2], f.j.channels, f.x->storage->device)))
        goto done;
    if (f.x->size) {
        run_channels(batch_statistics, column_statistics, &f.j);
        if (!(rstd = rt_copy_of(out[2]))) goto done;
        f.j.rstd = (double *)rstd->data;
        to_rstd(f.j.rstd, f.j.channels, f.j.eps);
        apply(&f.j);
    }
    status = 0;
done:
    Py_XDECREF(rstd);
    return end(op, &f, out, given, status);
}

FORWARD(batch_norm_eval)
{
    frame f;
    rt_tensor *const given = out[0], *mean = NULL, *var = NULL, *rstd = NULL;
    int status = -1;
    if (begin(op, nin, in, 3, p->f[0], out, &f) < 0) goto done;
    if (take_vector(op, "running_mean", in, 1, f.j.channels, &mean) < 0
        || take_vector(op, "running_var", in, 2, f.j.channels, &var) < 0)
        goto done;
    if (!mean || !var) {
        rt_error(rt_TensorError, op->cls.name, "expected running_mean and running_var to be defined when not training");
        goto done;
    }
    if (!(rstd = rt_copy_of(var))) goto done;
    f.j.mean = (double *)mean->data;
    f.j.rstd = (double *)rstd->data;
    to_rstd(f.j.rstd, f.j.channels, f.j.eps);
    if (f.x->size) apply(&f.j);
    status = 0;
done:
    Py_XDECREF(mean);
    Py_XDECREF(var);
    Py_XDECREF(rstd);
    return end(op, &f, out, given, status);
}

/* ---- gradients ---- */

/* A number a channel as a gradient of the parameter's dtype. */
static rt_tensor *vector_gradient(const double *v, intptr_t n, rt_dtype d)
{
    rt_tensor *t = rt_empty(RT_f64, 1, &n, (rt_device){RT_CPU, 0});
    if (t && n) memcpy(t->data, v, (size_t)n * sizeof *v);
    return rt_packed_home(t, d);
}

typedef struct { rt_tensor *saved[8], *xp, *gp, *w, *mean, *rstd, *sg, *sgx; int n; } held;

static int unpack(rt_node *node, held *h, rt_dtype *d, job *j)
{
    for (; h->n < node->nsaved; h->n++) {
        rt_operand v;
        if (rt_node_unpack(node, h->n, &v) < 0) return -1;
        h->saved[h->n] = v.t;
    }
    const rt_tensor *x = h->saved[0];
    *d = x->dtype == RT_f64 ? RT_f64 : RT_f32;
    if (look(node->op, x, j) < 0 || !(h->xp = rt_packed(x, *d))) return -1;
    j->kernels = rt_isa_now->norms[*d];
    j->item = (intptr_t)rt_itemsize(*d);
    j->x = h->xp->data;
    return 0;
}

static void drop(held *h)
{
    for (int k = 0; k < h->n; k++) Py_XDECREF(h->saved[k]);
    Py_XDECREF(h->xp);
    Py_XDECREF(h->gp);
    Py_XDECREF(h->w);
    Py_XDECREF(h->mean);
    Py_XDECREF(h->rstd);
    Py_XDECREF(h->sg);
    Py_XDECREF(h->sgx);
}

/* What all gradients need: g packed, weight as doubles, room for sums and for gx. */
static int prepare(rt_node *node, rt_tensor *const *g, rt_tensor *weight, rt_dtype d, intptr_t sums, held *h, job *j,
                   rt_tensor **gx)
{
    const rt_tensor *x = h->saved[0];
    if (!(h->gp = rt_packed(g[0], d)) || (weight && !(h->w = rt_packed(weight, RT_f64)))) return -1;
    if (!(j->sg = doubles(&h->sg, sums, x->storage->device)) || !(j->sgx = doubles(&h->sgx, sums, x->storage->device)))
        return -1;
    if (rt_node_wants(node, 0)) {
        *gx = rt_empty(d, x->ndim, x->shape, x->storage->device);
        if (!*gx) return -1;
        j->out = (*gx)->data;
    }
    j->g = h->gp->data;
    j->w = h->w ? (double *)h->w->data : NULL;
    return 0;
}

/* Adds samples [1, n) to the first: sums per channel. */
static void add_samples(double *s, intptr_t samples, intptr_t channels)
{
    for (intptr_t k = 1; k < samples; k++)
        for (intptr_t c = 0; c < channels; c++) s[c] += s[k * channels + c];
}

static int parameter_gradients(rt_node *node, const held *h, const job *j, int weight, rt_tensor **gin)
{
    if (rt_node_wants(node, weight)
        && !(gin[weight] = vector_gradient(j->sgx, j->channels, (rt_dtype)h->saved[weight]->dtype)))
        return -1;
    if (rt_node_wants(node, weight + 1)
        && !(gin[weight + 1] = vector_gradient(j->sg, j->channels, (rt_dtype)h->saved[weight + 1]->dtype)))
        return -1;
    return 0;
}

BACKWARD(group_norm)
{
    int status = -1;
    held h = {0};
    job j = {.groups = node->params->i[0]};
    rt_dtype d;
    if (rt_grad_enabled) return rt_replay(node, g, gin);
    if (unpack(node, &h, &d, &j) < 0) goto done;
    const intptr_t tasks = j.samples * j.groups, each = j.channels / j.groups * j.inner;
    if (prepare(node, g, h.saved[1], d, (j.samples ? j.samples : 1) * j.channels, &h, &j, &gin[0]) < 0) goto done;
    j.mean = (double *)h.saved[3]->data;
    j.rstd = (double *)h.saved[4]->data;
    if (h.xp->size) run(group_backward, &j, tasks, 1 + GRAIN / (each ? each : 1));
    add_samples(j.sg, j.samples, j.channels);
    add_samples(j.sgx, j.samples, j.channels);
    if (gin[0] && !(gin[0] = rt_packed_home(gin[0], (rt_dtype)h.saved[0]->dtype))) goto done;
    status = parameter_gradients(node, &h, &j, 1, gin);
done:
    drop(&h);
    return status;
}

static int backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin, int frozen)
{
    int status = -1;
    const int weight = frozen ? 3 : 1;
    held h = {0};
    job j = {.frozen = frozen};
    rt_dtype d;
    if (rt_grad_enabled || (frozen && (rt_node_wants(node, 1) || rt_node_wants(node, 2)))
        || (!frozen && (!g[0] || g[1] || g[2])))
        return rt_replay(node, g, gin);
    if (unpack(node, &h, &d, &j) < 0) goto done;
    if (prepare(node, g, h.saved[weight], d, j.channels, &h, &j, &gin[0]) < 0) goto done;
    if (!(h.mean = rt_packed(h.saved[frozen ? 1 : 3], RT_f64)) || !(h.rstd = rt_copy_of(h.saved[frozen ? 2 : 4]))
        || !(h.rstd = rt_packed_home(h.rstd, RT_f64)))
        goto done;
    j.mean = (double *)h.mean->data;
    j.rstd = (double *)h.rstd->data;
    to_rstd(j.rstd, j.channels, node->params->f[0]);
    if (h.xp->size) run_channels(batch_backward, column_backward, &j);
    for (intptr_t c = 0; c < j.channels; c++) j.sgx[c] *= j.rstd[c];
    if (gin[0] && !(gin[0] = rt_packed_home(gin[0], (rt_dtype)h.saved[0]->dtype))) goto done;
    status = parameter_gradients(node, &h, &j, weight, gin);
done:
    drop(&h);
    return status;
}

BACKWARD(batch_norm_train) { return backward(node, g, gin, 0); }
BACKWARD(batch_norm_eval) { return backward(node, g, gin, 1); }
