/* rnn_product: how the products of a recurrent layer's steps are computed and shared out.  Floor: ufunc. */
#include "backends/blas.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/rnn.h"

enum { FEW_ROWS = 8, BAND = 16, LEAST_BAND = 4, CACHED_BYTES = 1 << 20 };
#define STEP_WORK 400000.0      /* multiply-adds of a step that are worth sharing it out */

void rt_rnn_cut(rt_rnn *q, int is_simple)
{
    const intptr_t threads = rt_threads_count(), columns = rt_blas_packed_columns(q->dtype);
    const double weights = (double)q->gates * (double)q->out;
    q->unit = columns && q->total > FEW_ROWS ? columns : 0;
    q->bands = (q->batch + BAND - 1) / BAND;
    if (q->unit && threads > 1) {                            /* bits do not depend on these cuts */
        const intptr_t most = q->batch / LEAST_BAND;
        if (q->bands < 4 * threads) q->bands = (q->bands + threads - 1) / threads * threads;
        if (q->bands > most) q->bands = most > 0 ? most : 1;
        const int cached = weights * (double)q->item <= CACHED_BYTES;
        if (!cached && q->bands > threads) q->bands = threads;      /* long ones: each reads all weights in every step */
        q->shares = is_simple && q->batch < threads * (cached ? FEW_ROWS : BAND) && weights * (double)q->batch > STEP_WORK
                    && q->n > q->unit;
        if (q->shares) q->bands = 1;
    }
    q->band = q->bands ? (q->batch + q->bands - 1) / q->bands : 0;
}

typedef struct {
    void (*fn)(void *, intptr_t, intptr_t);
    void *context;
    intptr_t unit, cells;
} shared;

static void run_units(void *context, intptr_t begin, intptr_t end)
{
    const shared *s = context;
    const intptr_t last = end * s->unit;
    s->fn(s->context, begin * s->unit, last < s->cells ? last : s->cells);
}

void rt_rnn_share(const rt_rnn *q, intptr_t cells, void (*fn)(void *, intptr_t, intptr_t), void *context)
{
    if (!q->shares) {
        fn(context, 0, cells);
        return;
    }
    const intptr_t unit = q->batch > 1 ? q->unit / 3 : q->unit;     /* a vector, or a panel: single rows take several */
    const intptr_t units = (cells + unit - 1) / unit, threads = rt_threads_count();
    shared s = {fn, context, unit, cells};
    rt_threads_for(units, (units + threads - 1) / threads, run_units, &s);
}

int rt_rnn_matrix_begin(const rt_rnn *q, const rt_tensor *w, int turned, intptr_t parts, rt_rnn_matrix *m)
{
    const intptr_t rows = w->shape[0], length = w->shape[1];
    *m = (rt_rnn_matrix){.data = w->data, .k = turned ? length : rows, .n = (turned ? rows : length) / parts, .parts = parts,
                         .row = turned ? 1 : length, .column = turned ? length : 1};
    if (!q->unit) return 0;
    const intptr_t wide = (m->n + q->unit - 1) / q->unit * q->unit, size = parts * m->k * wide + 16;
    if (!(m->packed = rt_empty(q->dtype, 1, &size, w->storage->device))) return -1;
    char *to = (char *)(((uintptr_t)m->packed->data + 63) & ~(uintptr_t)63);
    for (intptr_t p = 0; p < parts; p++)
        rt_blas_pack(q->dtype, m->n, m->k, w->data + (size_t)(p * m->n * m->column) * q->item, m->row, m->column,
                     to + (size_t)(p * m->k * wide) * q->item);
    m->data = to;
    return 0;
}

void rt_rnn_matrix_end(rt_rnn_matrix *m) { Py_CLEAR(m->packed); }

void rt_rnn_product(const rt_rnn *q, const rt_rnn_matrix *m, intptr_t rows, const char *a, intptr_t a_row, intptr_t first,
                    intptr_t last, int beta, char *c, intptr_t c_row)
{
    const intptr_t wide = q->unit ? (m->n + q->unit - 1) / q->unit * q->unit : m->n;
    for (intptr_t p = 0; p < m->parts; p++, c += (size_t)m->n * q->item) {
        if (m->packed)
            rt_blas_gemm_packed(q->dtype, rows, m->n, m->k, a, a_row, 1, m->data + (size_t)(p * m->k * wide) * q->item,
                                first, last, beta, c, c_row);
        else
            rt_blas_gemm(q->dtype, rows, m->n, m->k, a, a_row, 1, m->data + (size_t)(p * m->n * m->column) * q->item, m->row,
                         m->column, beta, c, c_row);
    }
}
