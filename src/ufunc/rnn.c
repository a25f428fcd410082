/* rnn: the row rnn_layer, one layer and direction of an LSTM, GRU or simple network over all steps.  The input's
 * products are computed for some steps ahead; then every step is a product of the state and a fused kernel.  The
 * state before a step is the result of the one before.  Where nothing is recorded, the steps ahead are all that
 * is kept.
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

enum { AHEAD = 128, BLOCK = 48 };       /* rows of the input at a time; of them in a product */

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
    rt_rnn_cut(q, !t[RT_RNN_W_HR]);
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
    const rt_rnn_matrix *input, *state;      /* w_ih and w_hh, turned */
    const char *x, *h0;
    char *out, *c, *reserve;
    const char *projection, *bias, *state_bias;   /* w_hr or NULL; n numbers a gate */
    char *part;                              /* gru: (batch, gates); projection: (batch, n); else NULL */
    int keeps;                               /* reserve has a row for every row of x, not for those ahead alone */
    intptr_t begin, end;                     /* the steps ahead, in the order of running */
    intptr_t low, width;                     /* the first row of reserve; numbers of one */
} job;

static intptr_t step_at(const rt_rnn *q, intptr_t k) { return q->reverse ? q->steps - 1 - k : k; }

static void run_inputs(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_rnn *q = j->q;
    rt_rnn_product(q, j->input, end - begin, j->x + (size_t)((j->low + begin) * q->in) * q->item, q->in, 0, q->gates, 0,
                   j->reserve + (size_t)(begin * j->width + (j->keeps ? j->low * j->width : 0)) * q->item, j->width);
}

/* Cells first_cell .. last_cell of `rows` sequences from `first` on, whose states before are `before`. */
static void some(const job *j, intptr_t first, intptr_t rows, intptr_t at, const char *before, intptr_t first_cell,
                 intptr_t last_cell)
{
    const rt_rnn *q = j->q;
    const int apart = q->mode == RT_RNN_GRU;
    char *reserve = j->reserve + (size_t)((j->keeps ? at : at - j->low) * j->width) * q->item;
    char *part = j->part + (size_t)(first * q->gates) * q->item, *out = j->out + (size_t)(at * q->out) * q->item;
    rt_rnn_step s = {.rows = rows, .n = q->n, .first = first_cell, .last = last_cell, .a = reserve, .a_step = j->width,
                     .y = out, .y_step = q->out, .p = before, .p_step = q->out, .b = j->bias, .v = j->state_bias,
                     .e = part, .e_step = q->gates, .c = j->c + (size_t)(first * q->n) * q->item, .c_step = q->n,
                     .forgets = !j->keeps};
    rt_rnn_product(q, j->state, rows, before, q->out, q->shares ? first_cell : 0, q->shares ? last_cell : q->gates, !apart,
                   apart ? part : reserve, apart ? q->gates : j->width);
    if (j->projection) {
        s.y = j->part + (size_t)(first * q->n) * q->item;
        s.y_step = q->n;
    }
    q->kernels->forward[q->mode](&s);
    if (j->projection)
        rt_blas_gemm(q->dtype, rows, q->out, q->n, s.y, q->n, 1, j->projection, 1, q->n, 0, out, q->out);
}

/* Step k of sequences first..last: some go on from the step before, the others begin. */
static void step(const job *j, intptr_t k, intptr_t first, intptr_t last, intptr_t first_cell, intptr_t last_cell)
{
    const rt_rnn *q = j->q;
    const intptr_t t = step_at(q, k), end = first + rt_rnn_active(q, first, last, t), at = q->offset[t];
    const intptr_t before = k ? step_at(q, k - 1) : 0, old = k ? first + rt_rnn_active(q, first, last, before) : first;
    const intptr_t go = old < end ? old : end;
    if (go > first)
        some(j, first, go - first, at + first, j->out + (size_t)((q->offset[before] + first) * q->out) * q->item, first_cell,
             last_cell);
    const intptr_t start = go > first ? go : first;
    if (end > start) some(j, start, end - start, at + start, j->h0 + (size_t)(start * q->out) * q->item, first_cell, last_cell);
}

static void run_bands(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_rnn *q = j->q;
    for (intptr_t b = begin; b < end; b++) {
        const intptr_t first = b * q->band, last = first + q->band < q->batch ? first + q->band : q->batch;
        for (intptr_t k = j->begin; k < j->end; k++) step(j, k, first, last, 0, q->n);
    }
}

static void run_cells(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    step(j, j->begin, 0, j->q->batch, begin, end);
}

/* Rows of the input in a product: even ones for all threads. */
static intptr_t input_block(intptr_t rows)
{
    const intptr_t threads = rt_threads_count(), blocks = ((rows + BLOCK - 1) / BLOCK + threads - 1) / threads * threads;
    return (rows + blocks - 1) / blocks;
}

/* Steps begin..end and as many behind them as belong together. */
static void run_ahead(job *j, int alone)
{
    const rt_rnn *q = j->q;
    intptr_t rows = 0;
    for (j->end = j->begin; j->end < q->steps; j->end++) {
        const intptr_t t = step_at(q, j->end), more = q->offset[t + 1] - q->offset[t];
        if (rows && rows + more > AHEAD) break;
        rows += more;
    }
    j->low = q->offset[q->reverse ? step_at(q, j->end - 1) : j->begin];
    rt_threads_for(rows, alone || !q->unit ? rows : input_block(rows), run_inputs, j);
    if (!q->shares) {
        rt_threads_for(q->bands, alone ? q->bands : 1, run_bands, j);
        return;
    }
    for (intptr_t last = j->end; j->begin < last; j->begin++) rt_rnn_share(q, q->n, run_cells, j);
}

static void run_all(job *j, int alone)
{
    for (j->begin = 0; j->begin < j->q->steps; j->begin = j->end) run_ahead(j, alone);
}

/* The state each sequence ended with. */
static void last_states(const rt_rnn *q, const char *h0, const char *out, char *to)
{
    const size_t one = (size_t)q->out * q->item;
    intptr_t done = q->steps ? 0 : q->batch;
    if (!q->steps) memcpy(to, h0, (size_t)q->batch * one);
    for (intptr_t t = q->reverse ? 0 : q->steps - 1; done < q->batch; t--) {   /* reverse: all have step 0 */
        const intptr_t rows = q->offset[t + 1] - q->offset[t];
        if (rows > done) memcpy(to + (size_t)done * one, out + (size_t)(q->offset[t] + done) * one, (size_t)(rows - done) * one);
        if (rows > done) done = rows;
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

/* Rows of reserve where they are not kept. */
static intptr_t rows_ahead(const rt_rnn *q)
{
    const intptr_t least = q->batch < q->total ? q->batch : q->total, rows = q->total < AHEAD ? q->total : AHEAD;
    return rows > least ? rows : least;
}

/* Outputs in the dtype computed in: result, last state, last cells, reserve. */
static int make_outputs(const rt_rnn *q, rt_tensor *const *t, int keeps, rt_tensor **out)
{
    const rt_device dev = t[RT_RNN_X]->storage->device;
    intptr_t shape[3] = {q->steps, q->batch, q->out}, packed[2] = {q->total, q->out}, none[1] = {0};
    const intptr_t state[2] = {q->batch, q->out}, reserve[2] = {keeps ? q->total : rows_ahead(q), keeps ? q->width : q->gates};
    if (!(out[0] = t[RT_RNN_SIZES] ? rt_empty(q->dtype, 2, packed, dev) : rt_empty(q->dtype, 3, shape, dev))) return -1;
    if (!(out[1] = rt_empty(q->dtype, 2, state, dev))) return -1;
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
    rt_tensor *part = NULL, *bias = NULL;
    rt_rnn_matrix input = {0}, state = {0};
    if (rt_rnn_matrix_begin(q, t[RT_RNN_W_IH], 1, 1, &input) < 0) goto done;
    if (rt_rnn_matrix_begin(q, t[RT_RNN_W_HH], 1, q->shares ? q->gates / q->n : 1, &state) < 0) goto done;
    if (!(bias = biases(q, t)) || !(part = rt_empty(q->dtype, 2, part_shape, out[0]->storage->device))) goto done;
    job j = {.q = q, .input = &input, .state = &state, .x = t[RT_RNN_X]->data, .h0 = t[RT_RNN_H0]->data,
             .out = out[0]->data, .c = out[2]->data, .reserve = out[3]->data, .bias = bias->data,
             .state_bias = bias->data + (size_t)q->gates * q->item,
             .projection = t[RT_RNN_W_HR] ? t[RT_RNN_W_HR]->data : NULL, .part = part->data, .keeps = keeps,
             .width = keeps ? q->width : q->gates};
    if (rt_rnn_is_long(q)) {
        Py_BEGIN_ALLOW_THREADS
        run_all(&j, 0);
        Py_END_ALLOW_THREADS
    } else {
        run_all(&j, 1);
    }
    last_states(q, j.h0, j.out, out[1]->data);
    status = 0;
done:
    rt_rnn_matrix_end(&input);
    rt_rnn_matrix_end(&state);
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
