/* rnn: the row rnn_layer, one layer and direction of an LSTM, GRU or simple network over all steps.  A band
 * of sequences goes through all of them: per step two products, of input and state, by weights that were
 * transposed once, and a fused kernel.  Where nothing is recorded, one step's reserve is all there is.
 * float16 and bfloat16 are computed in float32.  Floor: ufunc. */
#include "ufunc/rnn.h"
#include "backends/blas.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/packed.h"
#include "ufunc/record.h"
#include "ufunc/views.h"

enum { BAND = 16 };

/* ---- shapes ---- */

static int refuse(const char *op, const char *what, const rt_tensor *t, int ndim, const intptr_t *wanted)
{
    char why[80];
    snprintf(why, sizeof why, "%s has the wrong shape (given, needed)", what);
    return rt_error_shapes(op, why, t->ndim, t->shape, ndim, wanted);
}

static int check_shape(const char *op, const char *what, const rt_tensor *t, intptr_t rows, intptr_t columns)
{
    const intptr_t wanted[2] = {rows, columns};
    const int ndim = columns < 0 ? 1 : 2;
    if (!t || (t->ndim == ndim && t->shape[0] == rows && (ndim == 1 || t->shape[1] == columns))) return 0;
    return refuse(op, what, t, ndim, wanted);
}

static int check_shapes(const char *op, rt_tensor *const *t, const rt_rnn *q)
{
    if (check_shape(op, "h0", t[RT_RNN_H0], q->batch, q->out) < 0) return -1;
    if (check_shape(op, "c0", t[RT_RNN_C0], q->batch, q->n) < 0) return -1;
    if (check_shape(op, "w_ih", t[RT_RNN_W_IH], q->gates, q->in) < 0) return -1;
    if (check_shape(op, "w_hh", t[RT_RNN_W_HH], q->gates, q->out) < 0) return -1;
    if (check_shape(op, "b_ih", t[RT_RNN_B_IH], q->gates, -1) < 0) return -1;
    if (check_shape(op, "b_hh", t[RT_RNN_B_HH], q->gates, -1) < 0) return -1;
    return check_shape(op, "w_hr", t[RT_RNN_W_HR], q->out, q->n);
}

static int fill_offsets(const char *op, const rt_tensor *sizes, rt_rnn *q)
{
    q->offset[0] = 0;
    for (intptr_t t = 0; t < q->steps; t++) {
        int64_t size = sizes ? ((const int64_t *)sizes->data)[t] : q->batch;
        if (sizes && (size < 1 || size > (t ? ((const int64_t *)sizes->data)[t - 1] : q->batch) || (!t && size != q->batch)))
            return rt_error(rt_TensorError, op, "batch_sizes must begin with the batch's size and never grow nor reach 0");
        q->offset[t + 1] = q->offset[t] + size;
    }
    if (q->offset[q->steps] != q->total)
        return rt_error(rt_TensorError, op, "batch_sizes add up to %zd, the input has %zd rows",
                        (Py_ssize_t)q->offset[q->steps], (Py_ssize_t)q->total);
    return 0;
}

/* batch_sizes as packed int64, or NULL in *to when not given. */
static int take_sizes(const char *op, const rt_tensor *sizes, rt_tensor **to)
{
    if (!sizes) return 0;
    if (sizes->ndim != 1 || sizes->dtype != RT_i64)
        return rt_error(rt_TensorError, op, "batch_sizes must be an int64 tensor of one dimension");
    *to = rt_packed(sizes, RT_i64);
    return *to ? 0 : -1;
}

static int look(const char *op, rt_tensor *const *t, rt_rnn *q)
{
    static const int parts[RT_RNN_MODES] = {4, 3, 1, 1}, widths[RT_RNN_MODES] = {6, 4, 1, 1};
    const rt_tensor *x = t[RT_RNN_X], *h = t[RT_RNN_H0], *w = t[RT_RNN_W_HH], *sizes = t[RT_RNN_SIZES];
    if (x->ndim != (sizes ? 2 : 3))
        return rt_error(rt_TensorError, op, "the input must have %d dimensions, not %d", sizes ? 2 : 3, x->ndim);
    if (h->ndim != 2 || w->ndim != 2) return rt_error(rt_TensorError, op, "h0 and w_hh must have two dimensions");
    if ((t[RT_RNN_C0] != NULL) != (q->mode == RT_RNN_LSTM) || (t[RT_RNN_W_HR] && q->mode != RT_RNN_LSTM))
        return rt_error(rt_TensorError, op, "c0 goes with lstm and with nothing else, w_hr with nothing but lstm");
    q->gates = w->shape[0];
    if (q->gates == 0 || q->gates % parts[q->mode])
        return rt_error(rt_TensorError, op, "w_hh must have %d rows for each element of the state", parts[q->mode]);
    q->n = q->gates / parts[q->mode];
    q->width = q->n * widths[q->mode];
    q->out = w->shape[1];
    if (!t[RT_RNN_W_HR] && q->out != q->n) {
        const intptr_t wanted[2] = {q->gates, q->n};
        return refuse(op, "w_hh", w, 2, wanted);
    }
    q->in = x->shape[x->ndim - 1];
    q->steps = sizes ? sizes->shape[0] : x->shape[0];
    q->batch = sizes ? h->shape[0] : x->shape[1];
    q->total = sizes ? x->shape[0] : q->steps * q->batch;
    return check_shapes(op, t, q);
}

int rt_rnn_begin(const char *op, rt_tensor *const *t, int mode, int reverse, rt_rnn *q)
{
    int status = -1;
    rt_tensor *sizes = NULL;
    memset(q, 0, sizeof *q);
    q->mode = mode;
    q->reverse = reverse;
    q->dtype = rt_packed_compute(op, (rt_dtype)t[RT_RNN_X]->dtype);
    if (q->dtype == RT_NODTYPE || take_sizes(op, t[RT_RNN_SIZES], &sizes) < 0 || look(op, t, q) < 0) goto done;
    q->kernels = rt_isa_now->rnns[q->dtype];
    q->item = rt_itemsize(q->dtype);
    q->bands = (q->batch + BAND - 1) / BAND;
    q->band = q->bands ? (q->batch + q->bands - 1) / q->bands : 0;
    q->offset = PyMem_Malloc((size_t)(q->steps + 1) * sizeof *q->offset);
    if (!q->offset) {
        PyErr_NoMemory();
        goto done;
    }
    status = fill_offsets(op, sizes, q);
done:
    Py_XDECREF(sizes);
    if (status < 0) rt_rnn_end(q);
    return status;
}

void rt_rnn_end(rt_rnn *q)
{
    PyMem_Free(q->offset);
    q->offset = NULL;
}

/* ---- running ---- */

typedef struct {
    const rt_rnn *q;
    const char *x;
    char *out, *h, *c, *reserve;
    const char *w_ih, *w_hh;                 /* transposed */
    const char *projection, *bias, *state_bias;   /* w_hr or NULL; n numbers a gate */
    char *part;                              /* gru: (batch, gates); projection: (batch, n); else NULL */
    int keeps;                               /* reserve has a row for every row of x, not for every sequence */
} job;

/* The gates' pre-activations; the state's part for gru in a place of its own. */
static void add_products(const job *j, intptr_t first, intptr_t rows, intptr_t at, char *reserve)
{
    const rt_rnn *q = j->q;
    const int apart = q->mode == RT_RNN_GRU;
    const char *h = j->h + (size_t)(first * q->out) * q->item, *x = j->x + (size_t)(at * q->in) * q->item;
    char *part = j->part + (size_t)(first * q->gates) * q->item;
    rt_blas_gemm(q->dtype, rows, q->gates, q->in, x, q->in, 1, j->w_ih, q->gates, 1, 0, reserve, q->width);
    rt_blas_gemm(q->dtype, rows, q->gates, q->out, h, q->out, 1, j->w_hh, q->gates, 1, !apart, apart ? part : reserve,
                 apart ? q->gates : q->width);
}

static void step(const job *j, intptr_t first, intptr_t rows, intptr_t at)
{
    const rt_rnn *q = j->q;
    char *reserve = j->reserve + (size_t)((j->keeps ? at : first) * q->width) * q->item;
    char *h = j->h + (size_t)(first * q->out) * q->item, *out = j->out + (size_t)(at * q->out) * q->item;
    rt_rnn_step s = {.rows = rows, .n = q->n, .a = reserve, .a_step = q->width, .h = h, .h_step = q->out, .y = out,
                     .y_step = q->out, .b = j->bias, .v = j->state_bias, .forgets = !j->keeps};
    add_products(j, first, rows, at, reserve);
    if (q->mode == RT_RNN_LSTM) {
        s.c = j->c + (size_t)(first * q->n) * q->item;
        s.c_step = q->n;
    } else if (q->mode == RT_RNN_GRU) {
        s.e = j->part + (size_t)(first * q->gates) * q->item;
        s.e_step = q->gates;
    }
    if (j->projection) {
        s.h = NULL;
        s.y = j->part + (size_t)(first * q->n) * q->item;
        s.y_step = q->n;
    }
    q->kernels->forward[q->mode](&s);
    if (!j->projection) return;
    rt_blas_gemm(q->dtype, rows, q->out, q->n, s.y, q->n, 1, j->projection, 1, q->n, 0, out, q->out);
    memcpy(h, out, (size_t)(rows * q->out) * q->item);
}

static void run_bands(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_rnn *q = j->q;
    for (intptr_t b = begin; b < end; b++) {
        const intptr_t first = b * q->band, last = first + q->band < q->batch ? first + q->band : q->batch;
        for (intptr_t k = 0; k < q->steps; k++) {
            const intptr_t t = q->reverse ? q->steps - 1 - k : k, rows = rt_rnn_active(q, first, last, t);
            if (rows > 0) step(j, first, rows, q->offset[t] + first);
        }
    }
}

/* Biases as numbers that are always there: zeros where none were given; both in one where the products add up. */
static rt_tensor *biases(const rt_rnn *q, rt_tensor *const *t)
{
    const intptr_t shape[2] = {2, q->gates};
    rt_tensor *both = rt_zeros(q->dtype, 2, shape, t[RT_RNN_X]->storage->device);
    const int apart = q->mode == RT_RNN_GRU;
    for (int k = 0; both && k < 2; k++) {
        const rt_tensor *b = t[RT_RNN_B_IH + k];
        char *to = both->data + (apart && k ? (size_t)q->gates * q->item : 0);
        for (intptr_t i = 0; b && i < q->gates; i++) {
            if (q->dtype == RT_f32) ((float *)to)[i] += ((const float *)b->data)[i];
            else ((double *)to)[i] += ((const double *)b->data)[i];
        }
    }
    return both;
}

/* w (rows, columns) transposed; new reference. */
static rt_tensor *turned(const rt_rnn *q, const rt_tensor *w)
{
    const intptr_t shape[2] = {w->shape[1], w->shape[0]}, steps[2] = {w->steps[1], w->steps[0]};
    rt_tensor *out = rt_empty(q->dtype, 2, shape, w->storage->device);
    rt_tensor *view = out ? rt_tensor_alias(w, w->data, (rt_dtype)w->dtype, 2, shape, steps) : NULL;
    if (!view || rt_copy_into(out, view) < 0) Py_CLEAR(out);
    Py_XDECREF((PyObject *)view);
    return out;
}

/* Outputs in the dtype computed in: result, last state, last cells, reserve. */
static int make_outputs(const rt_rnn *q, rt_tensor *const *t, int keeps, rt_tensor **out)
{
    const rt_device dev = t[RT_RNN_X]->storage->device;
    intptr_t shape[3] = {q->steps, q->batch, q->out}, packed[2] = {q->total, q->out}, none[1] = {0};
    const intptr_t state[2] = {q->batch, q->out}, reserve[2] = {keeps ? q->total : q->batch, q->width};
    if (!(out[0] = t[RT_RNN_SIZES] ? rt_empty(q->dtype, 2, packed, dev) : rt_empty(q->dtype, 3, shape, dev))) return -1;
    if (!(out[1] = rt_empty(q->dtype, 2, state, dev)) || rt_copy_into(out[1], t[RT_RNN_H0]) < 0) return -1;
    if (t[RT_RNN_C0]) {
        if (!(out[2] = rt_empty(q->dtype, 2, t[RT_RNN_C0]->shape, dev)) || rt_copy_into(out[2], t[RT_RNN_C0]) < 0) return -1;
    } else if (!(out[2] = rt_empty(q->dtype, 1, none, dev))) {
        return -1;
    }
    return (out[3] = rt_empty(q->dtype, 2, reserve, dev)) ? 0 : -1;
}

static int run(const rt_rnn *q, rt_tensor *const *t, int keeps, rt_tensor **out)
{
    int status = -1;
    const intptr_t part_shape[2] = {q->batch, q->mode == RT_RNN_GRU ? q->gates : t[RT_RNN_W_HR] ? q->n : 0};
    rt_tensor *w_ih = turned(q, t[RT_RNN_W_IH]), *w_hh = NULL, *part = NULL, *bias = NULL;
    if (!w_ih || !(w_hh = turned(q, t[RT_RNN_W_HH])) || !(bias = biases(q, t))) goto done;
    if (!(part = rt_empty(q->dtype, 2, part_shape, out[0]->storage->device))) goto done;
    job j = {.q = q, .x = t[RT_RNN_X]->data, .out = out[0]->data, .h = out[1]->data, .c = out[2]->data,
             .reserve = out[3]->data, .w_ih = w_ih->data, .w_hh = w_hh->data, .bias = bias->data,
             .state_bias = bias->data + (size_t)q->gates * q->item,
             .projection = t[RT_RNN_W_HR] ? t[RT_RNN_W_HR]->data : NULL, .part = part->data, .keeps = keeps};
    if (rt_rnn_is_long(q)) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(q->bands, 1, run_bands, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_bands(&j, 0, q->bands);
    }
    status = 0;
done:
    Py_XDECREF(w_ih);
    Py_XDECREF(w_hh);
    Py_XDECREF(part);
    Py_XDECREF(bias);
    return status;
}

FORWARD(rnn_layer)
{
    int status = -1;
    rt_tensor *given[RT_RNN_INPUTS] = {NULL}, *t[RT_RNN_INPUTS] = {NULL};
    rt_rnn q = {0};
    for (int k = 0; k < op->nout; k++)
        if (out[k]) return rt_error(PyExc_TypeError, op->cls.name, "has no 'out='");
    for (int k = 0; k < RT_RNN_INPUTS; k++)
        if (!in[k].none && !(given[k] = rt_operand_tensor(op, in, k))) return -1;
    if (rt_rnn_begin(op->cls.name, given, (int)p->i[0], (int)p->i[1], &q) < 0) return -1;
    for (int k = 0; k < RT_RNN_SIZES; k++)
        if (given[k] && !(t[k] = rt_packed(given[k], q.dtype))) goto done;
    t[RT_RNN_SIZES] = (rt_tensor *)Py_XNewRef((PyObject *)given[RT_RNN_SIZES]);
    const int keeps = !rt_record_needless(op, nin, in);
    if (make_outputs(&q, t, keeps, out) < 0 || run(&q, t, keeps, out) < 0) goto done;
    for (int k = 0; k < 3; k++)
        if (!(out[k] = rt_packed_home(out[k], (rt_dtype)given[RT_RNN_X]->dtype))) goto done;
    status = 0;
done:
    rt_rnn_end(&q);
    for (int k = 0; k < RT_RNN_INPUTS; k++) Py_XDECREF(t[k]);
    for (int k = 0; status < 0 && k < op->nout; k++) Py_CLEAR(out[k]);
    return status;
}
