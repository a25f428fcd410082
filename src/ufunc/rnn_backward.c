/* rnn_backward: gradients of rnn_layer.  Steps in the opposite order give the gradients of all gates; the
 * weights' and the input's then are one product each over all steps.  A step begins with the product of the
 * one before, so that a thread needs no other's cells in between.  Floor: ufunc. */
#include "backends/blas.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/packed.h"
#include "ufunc/replay.h"
#include "ufunc/rnn.h"
#include "ufunc/views.h"

typedef struct {
    const rt_rnn *q;
    const char *g, *reserve, *out, *before;      /* g: the result's gradient, or NULL; before: states before each step */
    const rt_rnn_matrix *state;                  /* w_hh */
    const char *w_hr;
    char *h, *c;                                 /* gradients of state and cells, a row a sequence */
    char *gates, *state_gates;                   /* gradients of pre-activations; of their recurrent part (gru: its own) */
    char *results, *inner;                       /* projection: gradients of all results; (batch, n) */
    intptr_t k;                                  /* the step that is shared out */
} job;

static char *row(char *p, intptr_t r, intptr_t length, const rt_rnn *q) { return p ? p + (size_t)(r * length) * q->item : NULL; }
static const char *row_of(const char *p, intptr_t r, intptr_t length, const rt_rnn *q)
{
    return p ? p + (size_t)(r * length) * q->item : NULL;
}

/* results = h + g, inner = results @ w_hr */
static void unproject(const job *j, intptr_t first, intptr_t rows, intptr_t at)
{
    const rt_rnn *q = j->q;
    const char *h = row(j->h, first, q->out, q), *g = row_of(j->g, at, q->out, q);
    char *to = row(j->results, at, q->out, q);
    for (intptr_t i = 0; i < rows * q->out; i++) {
        if (q->dtype == RT_f32) ((float *)to)[i] = ((const float *)h)[i] + (g ? ((const float *)g)[i] : 0);
        else ((double *)to)[i] = ((const double *)h)[i] + (g ? ((const double *)g)[i] : 0);
    }
    rt_blas_gemm(q->dtype, rows, q->n, q->out, to, q->out, 1, j->w_hr, q->n, 1, 0, row(j->inner, first, q->n, q), q->n);
}

static intptr_t step_at(const rt_rnn *q, intptr_t k) { return q->reverse ? k : q->steps - 1 - k; }

/* What flows from step t to the states before it, of cells first_cell..last_cell. */
static void flow(const job *j, intptr_t t, intptr_t first, intptr_t last, intptr_t first_cell, intptr_t last_cell)
{
    const rt_rnn *q = j->q;
    const intptr_t rows = rt_rnn_active(q, first, last, t);
    if (rows > 0)
        rt_rnn_product(q, j->state, rows, row(j->state_gates, q->offset[t] + first, q->gates, q), q->gates,
                       first_cell, q->shares ? last_cell : q->out, q->mode == RT_RNN_GRU, row(j->h, first, q->out, q), q->out);
}

static void cells(const job *j, intptr_t t, intptr_t first, intptr_t last, intptr_t first_cell, intptr_t last_cell)
{
    const rt_rnn *q = j->q;
    const intptr_t rows = rt_rnn_active(q, first, last, t), at = q->offset[t] + first;
    if (rows <= 0) return;
    rt_rnn_step s = {.rows = rows, .n = q->n, .first = first_cell, .last = last_cell,
                     .a = (char *)row_of(j->reserve, at, q->width, q), .a_step = q->width,
                     .h = row(j->h, first, q->out, q), .h_step = q->out, .c = row(j->c, first, q->n, q), .c_step = q->n,
                     .y = (char *)row_of(j->g, at, q->out, q), .y_step = q->out,
                     .d = row(j->gates, at, q->gates, q), .d_step = q->gates,
                     .e = row(j->state_gates, at, q->gates, q), .e_step = q->gates,
                     .p = row_of(q->mode == RT_RNN_GRU ? j->before : j->out, at, q->out, q), .p_step = q->out};
    if (j->w_hr) {
        unproject(j, first, rows, at);
        s.h = row(j->inner, first, q->n, q);
        s.h_step = q->n;
        s.y = NULL;
    }
    q->kernels->backward[q->mode](&s);
}

/* Step k of all, in the order of running; behind the last one only what it gives the first states. */
static void step(const job *j, intptr_t k, intptr_t first, intptr_t last, intptr_t first_cell, intptr_t last_cell)
{
    if (k) flow(j, step_at(j->q, k - 1), first, last, first_cell, last_cell);
    if (k < j->q->steps) cells(j, step_at(j->q, k), first, last, first_cell, last_cell);
}

static void run_bands(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_rnn *q = j->q;
    for (intptr_t b = begin; b < end; b++) {
        const intptr_t first = b * q->band, last = first + q->band < q->batch ? first + q->band : q->batch;
        for (intptr_t k = 0; k <= q->steps; k++) step(j, k, first, last, 0, q->n);
    }
}

static void run_cells(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    step(j, j->k, 0, j->q->batch, begin, end);
}

/* The state each row began its step with. */
static void fill_before(const rt_rnn *q, const char *h0, const char *out, char *before)
{
    const size_t one = (size_t)q->out * q->item;
    for (intptr_t t = 0; t < q->steps; t++) {
        const intptr_t rows = q->offset[t + 1] - q->offset[t], source = q->reverse ? t + 1 : t - 1;
        const int begins = source < 0 || source == q->steps;
        intptr_t same = begins ? 0 : q->offset[source + 1] - q->offset[source];
        if (same > rows) same = rows;
        char *to = before + (size_t)q->offset[t] * one;
        if (same) memcpy(to, out + (size_t)q->offset[source] * one, (size_t)same * one);
        memcpy(to + (size_t)same * one, h0 + (size_t)same * one, (size_t)(rows - same) * one);
    }
}

/* ---- what is held while it runs ---- */

enum { KEPT = RT_RNN_INPUTS + 4 };     /* inputs, result, last state, last cells, reserve */
enum { G, H, C, GATES, STATE_GATES, BEFORE, RESULTS, INNER, ONES, HELD };

typedef struct {
    rt_tensor *kept[KEPT], *t[KEPT];   /* as saved, and packed in the dtype computed in */
    rt_tensor *work[HELD];
    rt_rnn q;
} held;

static int unpack(rt_node *node, held *h)
{
    for (int k = 0; k < KEPT; k++) {
        rt_operand v;
        if (k > RT_RNN_INPUTS && k < KEPT - 1) continue;      /* last states: not needed, and theirs to change */
        if (rt_node_unpack(node, k, &v) < 0) return -1;
        h->kept[k] = v.t;
    }
    const rt_params *p = node->params;
    if (rt_rnn_begin(node->cls->name, h->kept, (int)p->i[0], (int)p->i[1], &h->q) < 0) return -1;
    for (int k = 0; k < KEPT; k++)
        if (h->kept[k] && k != RT_RNN_SIZES && !(h->t[k] = rt_packed(h->kept[k], h->q.dtype))) return -1;
    return 0;
}

static int make(held *h, int k, intptr_t rows, intptr_t columns)
{
    const intptr_t shape[2] = {rows, columns};
    h->work[k] = rt_empty(h->q.dtype, 2, shape, h->kept[0]->storage->device);
    return h->work[k] ? 0 : -1;
}

/* The gradient of a state, or zeros, in memory of its own. */
static int start(held *h, int k, const rt_tensor *g, intptr_t columns)
{
    const rt_operand zero = rt_operand_int(0);
    if (make(h, k, h->q.batch, columns) < 0) return -1;
    return g ? rt_copy_into(h->work[k], g) : rt_fill(h->work[k], &zero);
}

static int prepare(held *h, rt_tensor *const *g)
{
    const rt_rnn *q = &h->q;
    if (g[0] && !(h->work[G] = rt_packed(g[0], q->dtype))) return -1;
    if (start(h, H, g[1], q->out) < 0 || (q->mode == RT_RNN_LSTM && start(h, C, g[2], q->n) < 0)) return -1;
    if (make(h, GATES, q->total, q->gates) < 0 || make(h, BEFORE, q->total, q->out) < 0) return -1;
    if (q->mode == RT_RNN_GRU && make(h, STATE_GATES, q->total, q->gates) < 0) return -1;
    if (h->t[RT_RNN_W_HR] && (make(h, RESULTS, q->total, q->out) < 0 || make(h, INNER, q->batch, q->n) < 0)) return -1;
    return 0;
}

static char *data(rt_tensor *t) { return t ? t->data : NULL; }

static void run(held *h, const rt_rnn_matrix *state)
{
    const rt_rnn *q = &h->q;
    char *gates = data(h->work[GATES]), *own = data(h->work[STATE_GATES]);
    job j = {.q = q, .g = data(h->work[G]), .reserve = h->t[KEPT - 1]->data, .out = h->t[RT_RNN_INPUTS]->data,
             .before = h->work[BEFORE]->data, .state = state, .w_hr = data(h->t[RT_RNN_W_HR]),
             .h = h->work[H]->data, .c = data(h->work[C]), .gates = gates, .state_gates = own ? own : gates,
             .results = data(h->work[RESULTS]), .inner = data(h->work[INNER])};
    fill_before(q, h->t[RT_RNN_H0]->data, j.out, h->work[BEFORE]->data);
    if (!q->shares) rt_threads_for(q->bands, rt_rnn_is_long(q) ? 1 : q->bands, run_bands, &j);
    else for (; j.k <= q->steps; j.k++) rt_rnn_share(q, q->n, run_cells, &j);
}

/* ---- products over all steps ---- */

/* a^T @ b over the rows of both. */
static rt_tensor *across(const rt_rnn *q, const char *a, intptr_t m, const char *b, intptr_t b_row, intptr_t n, rt_device dev)
{
    const intptr_t shape[2] = {m, n};
    rt_tensor *out = rt_empty(q->dtype, 2, shape, dev);
    if (!out) return NULL;
    Py_BEGIN_ALLOW_THREADS
    rt_blas_gemm(q->dtype, m, n, q->total, a, 1, m, b, b_row, 1, 0, out->data, n);
    Py_END_ALLOW_THREADS
    return out;
}

static rt_tensor *input_gradient(held *h)
{
    const rt_rnn *q = &h->q;
    const rt_tensor *x = h->kept[RT_RNN_X];
    rt_tensor *out = rt_empty(q->dtype, x->ndim, x->shape, x->storage->device);
    if (!out) return NULL;
    Py_BEGIN_ALLOW_THREADS
    rt_blas_gemm(q->dtype, q->total, q->in, q->gates, h->work[GATES]->data, q->gates, 1, h->t[RT_RNN_W_IH]->data, q->in, 1,
                 0, out->data, q->in);
    Py_END_ALLOW_THREADS
    return out;
}

/* Sums of the rows of a (total, gates). */
static rt_tensor *row_sums(held *h, const rt_tensor *a)
{
    const rt_rnn *q = &h->q;
    const rt_operand one = rt_operand_int(1);
    rt_tensor *out = rt_empty(q->dtype, 1, &q->gates, a->storage->device);
    if (!h->work[ONES] && (make(h, ONES, 1, q->total) < 0 || rt_fill(h->work[ONES], &one) < 0)) Py_CLEAR(out);
    if (out) rt_blas_gemm(q->dtype, 1, q->gates, q->total, h->work[ONES]->data, q->total, 1, a->data, q->gates, 1, 0,
                          out->data, q->gates);
    return out;
}

/* o tanh(c) of all rows, which the projection was applied to. */
static rt_tensor *unprojected(held *h)
{
    const rt_rnn *q = &h->q;
    const intptr_t shape[2] = {q->total, q->n};
    rt_tensor *out = rt_empty(q->dtype, 2, shape, h->kept[0]->storage->device);
    const char *a = h->t[KEPT - 1]->data;
    for (intptr_t r = 0; out && r < q->total; r++)
        for (intptr_t i = 0; i < q->n; i++) {
            const intptr_t at = r * q->width + i;
            if (q->dtype == RT_f32)
                ((float *)out->data)[r * q->n + i] = ((const float *)a)[at + 3 * q->n] * ((const float *)a)[at + 5 * q->n];
            else
                ((double *)out->data)[r * q->n + i] = ((const double *)a)[at + 3 * q->n] * ((const double *)a)[at + 5 * q->n];
        }
    return out;
}

static rt_tensor *projection_gradient(held *h)
{
    const rt_rnn *q = &h->q;
    rt_tensor *inner = unprojected(h), *out = NULL;
    if (inner) out = across(q, h->work[RESULTS]->data, q->out, inner->data, q->n, q->n, inner->storage->device);
    Py_XDECREF(inner);
    return out;
}

/* The gradient of input k. */
static rt_tensor *gradient(held *h, int k)
{
    const rt_rnn *q = &h->q;
    rt_tensor *recurrent = h->work[STATE_GATES] ? h->work[STATE_GATES] : h->work[GATES];
    const rt_device dev = recurrent->storage->device;
    switch (k) {
    case RT_RNN_X: return input_gradient(h);
    case RT_RNN_H0: return (rt_tensor *)Py_NewRef((PyObject *)h->work[H]);
    case RT_RNN_C0: return (rt_tensor *)Py_NewRef((PyObject *)h->work[C]);
    case RT_RNN_W_IH: return across(q, h->work[GATES]->data, q->gates, h->t[RT_RNN_X]->data, q->in, q->in, dev);
    case RT_RNN_W_HH: return across(q, recurrent->data, q->gates, h->work[BEFORE]->data, q->out, q->out, dev);
    case RT_RNN_B_IH: return row_sums(h, h->work[GATES]);
    case RT_RNN_B_HH: return row_sums(h, recurrent);
    default: return projection_gradient(h);
    }
}

BACKWARD(rnn_layer)
{
    int status = -1;
    held h = {0};
    rt_rnn_matrix state = {0};
    if (rt_grad_enabled) return rt_replay(node, g, gin);
    if (unpack(node, &h) < 0 || prepare(&h, g) < 0) goto done;
    if (rt_rnn_matrix_begin(&h.q, h.t[RT_RNN_W_HH], 0, 1, &state) < 0) goto done;
    if (rt_rnn_is_long(&h.q)) {
        Py_BEGIN_ALLOW_THREADS
        run(&h, &state);
        Py_END_ALLOW_THREADS
    } else {
        run(&h, &state);
    }
    for (int k = 0; k < RT_RNN_SIZES; k++) {
        if (!rt_node_wants(node, k)) continue;
        gin[k] = k == RT_RNN_B_HH && gin[RT_RNN_B_IH] && h.q.mode != RT_RNN_GRU
                     ? rt_copy_of(gin[RT_RNN_B_IH]) : rt_packed_home(gradient(&h, k), (rt_dtype)h.kept[k]->dtype);
        if (!gin[k]) goto done;
    }
    status = 0;
done:
    rt_rnn_end(&h.q);
    rt_rnn_matrix_end(&state);
    for (int k = 0; k < KEPT; k++) {
        Py_XDECREF(h.kept[k]);
        Py_XDECREF(h.t[k]);
    }
    for (int k = 0; k < HELD; k++) Py_XDECREF(h.work[k]);
    return status;
}
