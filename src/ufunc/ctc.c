/* ctc: connectionist temporal classification.  The row ctc gives the loss of every sequence, minus the
 * log-probability of all alignments of its target, by the forward recursion of A. Graves et al.
 * (ICML 2006), in logarithms and in double; a hidden second output, alpha, is what the gradient's backward
 * recursion needs.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/views.h"
#include <math.h>

#define UNLOCK 20000            /* states worth giving the GIL away for */

static const rt_device cpu = {RT_CPU, 0};

/* A batch: log-probabilities (T, N, C), targets (N, S), lengths (2, N) of inputs and targets. */
typedef struct {
    rt_tensor *x, *targets, *lengths;    /* owned: packed, float64 and int64 */
    intptr_t times, count, classes, width;
    int64_t blank;
    double *alpha;                       /* (N, T, 2S + 1), borrowed */
    double *losses;                      /* (N), borrowed; forward */
    double *beta, *gradient;             /* (N, 2, 2S + 1) and (T, N, C), borrowed; backward */
    int zero_infinity;
} batch;

/* The states of one sequence: blank, first label, blank, second label, ..., blank. */
typedef struct {
    const double *x;                     /* its log-probabilities: time t at x + t * stride */
    intptr_t stride, times, states, width;
    const int64_t *labels;
    int64_t blank;
} sequence;

static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    rt_tensor *cast = rt_cast(t, dtype), *out = cast ? rt_contiguous(cast) : NULL;
    Py_XDECREF((PyObject *)cast);
    return out;
}

static void batch_end(batch *b)
{
    Py_CLEAR(b->x);
    Py_CLEAR(b->targets);
    Py_CLEAR(b->lengths);
}

static int batch_begin(rt_tensor *x, rt_tensor *targets, rt_tensor *lengths, const rt_params *p, batch *b)
{
    memset(b, 0, sizeof *b);
    b->x = packed(x, RT_f64);
    b->targets = b->x ? packed(targets, RT_i64) : NULL;
    b->lengths = b->targets ? packed(lengths, RT_i64) : NULL;
    if (!b->lengths) {
        batch_end(b);
        return -1;
    }
    b->times = x->shape[0];
    b->count = x->shape[1];
    b->classes = x->shape[2];
    b->width = 2 * targets->shape[1] + 1;
    b->blank = p->i[0];
    b->zero_infinity = (int)p->i[1];
    return 0;
}

static int check_shapes(const char *name, const rt_tensor *x, const rt_tensor *targets, const rt_tensor *lengths)
{
    if (!rt_dtype_is_float((rt_dtype)x->dtype)) return rt_error(rt_DtypeError, name, "log_probs must be floating");
    if (rt_dtype_is_inexact((rt_dtype)targets->dtype) || rt_dtype_is_inexact((rt_dtype)lengths->dtype))
        return rt_error(rt_DtypeError, name, "targets and lengths must be integers");
    if (x->ndim != 3 || targets->ndim != 2 || lengths->ndim != 2 || lengths->shape[0] != 2
        || targets->shape[0] != x->shape[1] || lengths->shape[1] != x->shape[1])
        return rt_error(rt_ShapeMismatchError, name,
                        "needs log_probs (T, N, C), targets (N, S) and lengths (2, N), with one N");
    return 0;
}

/* Lengths within the shapes, labels within the classes. */
static int check_values(const char *name, const batch *b)
{
    const int64_t *times = (const int64_t *)b->lengths->data, *lengths = times + b->count;
    const intptr_t most = (b->width - 1) / 2;
    if (b->blank < 0 || b->blank >= b->classes)
        return rt_error(rt_TensorError, name, "blank must be in label range, 0 to %zd, not %lld",
                        (Py_ssize_t)b->classes - 1, (long long)b->blank);
    for (intptr_t n = 0; n < b->count; n++) {
        const int64_t *labels = (const int64_t *)b->targets->data + n * most;
        if (times[n] < 0 || times[n] > b->times)
            return rt_error(rt_TensorError, name, "Expected input_lengths to have value at most %zd, but got value %lld",
                            (Py_ssize_t)b->times, (long long)times[n]);
        if (lengths[n] < 0 || lengths[n] > most)
            return rt_error(rt_TensorError, name, "target length %lld of sequence %zd does not fit the targets' width %zd",
                            (long long)lengths[n], (Py_ssize_t)n, (Py_ssize_t)most);
        for (int64_t s = 0; s < lengths[n]; s++)
            if (labels[s] < 0 || labels[s] >= b->classes)
                return rt_error(rt_RangeError, name, "target %lld of sequence %zd is out of range for %zd classes",
                                (long long)labels[s], (Py_ssize_t)n, (Py_ssize_t)b->classes);
    }
    return 0;
}

static sequence sequence_at(const batch *b, intptr_t n)
{
    const int64_t *lengths = (const int64_t *)b->lengths->data;
    return (sequence){.x = (const double *)b->x->data + n * b->classes, .stride = b->count * b->classes,
                      .times = lengths[n], .states = 2 * lengths[b->count + n] + 1, .width = b->width,
                      .labels = (const int64_t *)b->targets->data + n * ((b->width - 1) / 2), .blank = b->blank};
}

static inline int64_t label(const sequence *q, intptr_t s) { return s & 1 ? q->labels[s >> 1] : q->blank; }
/* May a path go from state s - 2 to s, past the blank between two different labels? */
static inline int skips(const sequence *q, intptr_t s)
{
    return s > 1 && (s & 1) && q->labels[s >> 1] != q->labels[(s >> 1) - 1];
}

static double log_sum3(double a, double b, double c)
{
    double m = fmax(a, fmax(b, c));
    return m == -INFINITY ? m : m + log(exp(a - m) + exp(b - m) + exp(c - m));
}

static double sequence_loss(const sequence *q, const double *alpha)
{
    if (q->times == 0) return q->states == 1 ? 0 : INFINITY;
    const double *last = alpha + (q->times - 1) * q->width;
    return -log_sum3(last[q->states - 1], q->states > 1 ? last[q->states - 2] : -INFINITY, -INFINITY);
}

/* alpha[t][s]: log-probability of all paths that are in state s at time t. */
static void forward_sequences(void *context, intptr_t begin, intptr_t end)
{
    const batch *b = context;
    for (intptr_t n = begin; n < end; n++) {
        const sequence q = sequence_at(b, n);
        double *alpha = b->alpha + n * b->times * b->width;
        for (intptr_t t = 0; t < q.times; t++) {
            const double *x = q.x + t * q.stride, *before = alpha + (t - 1) * q.width;
            double *now = alpha + t * q.width;
            for (intptr_t s = 0; s < q.states; s++) {
                double sum = t == 0 ? (s < 2 ? 0 : -INFINITY)
                                    : log_sum3(before[s], s > 0 ? before[s - 1] : -INFINITY,
                                               skips(&q, s) ? before[s - 2] : -INFINITY);
                now[s] = sum + x[label(&q, s)];
            }
        }
        b->losses[n] = sequence_loss(&q, alpha);
    }
}

/* beta[t][s]: log-probability of all ways from state s at time t to the end, x[t] included.  The gradient of
 * a sequence is exp(x) - exp(log(sum over its states of alpha beta) + loss - x), in which x is taken for the
 * result of log_softmax, as PyTorch takes it: the first term vanishes behind it. */
static void backward_sequences(void *context, intptr_t begin, intptr_t end)
{
    const batch *b = context;
    for (intptr_t n = begin; n < end; n++) {
        const sequence q = sequence_at(b, n);
        const double *alpha = b->alpha + n * b->times * b->width;
        const double loss = sequence_loss(&q, alpha);
        double *gradient = b->gradient + n * b->classes, *beta = b->beta + n * 2 * b->width;
        if (b->zero_infinity && loss == INFINITY) continue;
        for (intptr_t t = q.times - 1; t >= 0; t--) {
            const double *x = q.x + t * q.stride, *after = beta + (t + 1) % 2 * q.width;
            double *g = gradient + t * q.stride, *now = beta + t % 2 * q.width;
            for (intptr_t c = 0; c < b->classes; c++) g[c] = -INFINITY;
            for (intptr_t s = q.states - 1; s >= 0; s--) {
                const int64_t c = label(&q, s);
                double sum = t == q.times - 1
                    ? (s >= q.states - 2 ? 0 : -INFINITY)
                    : log_sum3(after[s], s + 1 < q.states ? after[s + 1] : -INFINITY,
                               s + 2 < q.states && skips(&q, s + 2) ? after[s + 2] : -INFINITY);
                now[s] = sum + x[c];
                g[c] = log_sum3(g[c], alpha[t * q.width + s] + now[s], -INFINITY);
            }
            for (intptr_t c = 0; c < b->classes; c++) g[c] = exp(x[c]) - exp(g[c] + loss - x[c]);
        }
    }
}

static void run(rt_range_fn *fn, batch *b)
{
    if (b->count == 0) return;
    if (b->count * b->times < UNLOCK / b->width) {
        fn(b, 0, b->count);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(b->count, 1, fn, b);
    Py_END_ALLOW_THREADS
}

FORWARD(ctc)
{
    int status = -1, recording = rt_grad_enabled;
    batch b = {0};
    rt_tensor *alpha = NULL, *losses = NULL, *work = NULL;
    for (int i = 0; i < 3; i++)
        if (!rt_operand_tensor(op, in, i)) return -1;
    if (check_shapes(op->cls.name, in[0].t, in[1].t, in[2].t) < 0) return -1;
    rt_grad_enabled = 0;                  /* the whole is recorded, not its steps */
    if (batch_begin(in[0].t, in[1].t, in[2].t, p, &b) < 0 || check_values(op->cls.name, &b) < 0) goto done;
    const intptr_t shape[3] = {b.count, b.times, b.width};
    alpha = rt_empty(RT_f64, 3, shape, cpu);
    losses = alpha ? rt_empty(RT_f64, 1, shape, cpu) : NULL;
    if (!losses) goto done;
    b.alpha = (double *)alpha->data;
    b.losses = (double *)losses->data;
    run(forward_sequences, &b);
    if (rt_output_begin(op, out, (rt_dtype)in[0].t->dtype, 1, shape, nin, in, 0, &work) < 0) goto done;
    if (rt_copy_into(work, losses) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
    if (status == 0) out[1] = (rt_tensor *)Py_NewRef((PyObject *)alpha);
done:
    rt_grad_enabled = recording;
    batch_end(&b);
    Py_XDECREF((PyObject *)alpha);
    Py_XDECREF((PyObject *)losses);
    Py_XDECREF((PyObject *)work);
    return status;
}

/* The gradient of every sequence's loss by x, in x's dtype, unrecorded. */
static rt_tensor *raw_gradient(rt_tensor *x, rt_tensor *targets, rt_tensor *lengths, rt_tensor *alpha,
                               const rt_params *p)
{
    int recording = rt_grad_enabled;
    batch b = {0};
    rt_tensor *out = NULL, *gradient = NULL, *beta = NULL;
    rt_grad_enabled = 0;
    /* again: others may have written to memory that is shared with them */
    if (batch_begin(x, targets, lengths, p, &b) < 0 || check_values("ctc", &b) < 0) goto done;
    const intptr_t shape[3] = {b.count, 2, b.width};
    beta = rt_empty(RT_f64, 3, shape, cpu);
    gradient = beta ? rt_zeros(RT_f64, 3, x->shape, cpu) : NULL;
    if (!gradient) goto done;
    b.alpha = (double *)alpha->data;
    b.beta = (double *)beta->data;
    b.gradient = (double *)gradient->data;
    run(backward_sequences, &b);
    out = rt_cast(gradient, (rt_dtype)x->dtype);
done:
    rt_grad_enabled = recording;
    batch_end(&b);
    Py_XDECREF((PyObject *)beta);
    Py_XDECREF((PyObject *)gradient);
    return out;
}

/* g (N) times the gradient (T, N, C). */
BACKWARD(ctc)
{
    int status = -1;
    rt_operand v[4] = {{0}};
    rt_tensor *raw = NULL, *bound = NULL, *column = NULL;
    rt_params p;
    if (g[1]) return rt_error(PyExc_RuntimeError, "ctc", "its second output is not differentiable");
    for (int k = 0; k < 4; k++)
        if (rt_node_unpack(node, k, &v[k]) < 0) goto done;
    if (!rt_node_wants(node, 0)) goto ready;
    raw = raw_gradient(v[0].t, v[1].t, v[2].t, v[3].t, node->params);
    bound = raw ? rt_apply2(RT_OP_ctc_gradient, raw, v[0].t) : NULL;
    if (!bound) goto done;
    rt_params_begin(&p);
    p.i[0] = -1;
    column = rt_apply1p(RT_OP_unsqueeze, g[0], &p);
    gin[0] = column ? rt_apply2(RT_OP_mul, bound, column) : NULL;
    if (!gin[0]) goto done;
ready:
    status = 0;
done:
    for (int k = 0; k < 4; k++) Py_XDECREF((PyObject *)v[k].t);
    Py_XDECREF((PyObject *)raw);
    Py_XDECREF((PyObject *)bound);
    Py_XDECREF((PyObject *)column);
    return status;
}

/* x itself, tied to the log-probabilities it was computed from: the recursions have no second derivative here,
 * and who asks for one is told so. */
FORWARD(ctc_gradient)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *y = x ? rt_operand_tensor(op, in, 1) : NULL;
    rt_tensor *work = NULL;
    if (!y) return -1;
    if (!*out) return (*out = rt_tensor_detach(x)) ? 0 : -1;
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, nin, in, 0, &work) < 0) return -1;
    if (rt_copy_into(work, x) < 0) {
        Py_DECREF((PyObject *)work);
        return -1;
    }
    return rt_output_finish(*out, work);
}

BACKWARD(ctc_gradient)
{
    if (rt_node_wants(node, 1))
        return rt_error(PyExc_NotImplementedError, "ctc_loss", "the gradient of its gradient is not implemented");
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)g[0]);
    return 0;
}
