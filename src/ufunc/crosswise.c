/* crosswise: columns folded side by side as they lie, or, where there are few, turned into rows and back; threads over
 * groups of columns.  Floor: ufunc. */
#include "ufunc/crosswise.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/kernels/isa.h"

#pragma GCC optimize("O3")       /* the two loops that turn are worth vectors */

#define GROUP 16                 /* columns: a cache line of float32 */
#define LONGEST 4096             /* rows, so that three buffers stay in the second level of cache */
#define FEW 8                    /* columns: less do not fill registers and are turned */
#define WIDTH 64                 /* columns a thread takes at once */
#define RELEASE_GIL 50000        /* elements */
#define MOST_PIECES 16

#define TURN(word, type) \
    static void to_rows_##word(const type *x, intptr_t n, intptr_t step, intptr_t m, type *rows) \
    { \
        if (m == GROUP) { \
            for (intptr_t i = 0; i < n; i++, x += step) \
                for (intptr_t c = 0; c < GROUP; c++) rows[c * n + i] = x[c]; \
        } else { \
            for (intptr_t i = 0; i < n; i++, x += step) \
                for (intptr_t c = 0; c < m; c++) rows[c * n + i] = x[c]; \
        } \
    } \
    static void to_columns_##word(const type *rows, intptr_t n, intptr_t step, intptr_t m, type *x) \
    { \
        if (m == GROUP) { \
            for (intptr_t i = 0; i < n; i++, x += step) \
                for (intptr_t c = 0; c < GROUP; c++) x[c] = rows[c * n + i]; \
        } else { \
            for (intptr_t i = 0; i < n; i++, x += step) \
                for (intptr_t c = 0; c < m; c++) x[c] = rows[c * n + i]; \
        } \
    }
TURN(4, uint32_t)
TURN(8, uint64_t)

typedef struct {
    const rt_rowwise *kernels;
    const char *x, *y;          /* y NULL: forward */
    char *out, *room;
    intptr_t n, inner, item, groups, units, pieces;   /* groups of columns in an inner block; units: all of them */
    intptr_t width, buffer;     /* columns of a group; bytes of one buffer, 0: folded as they lie */
    int is_log;
} job;

static void run_columns(const job *j, const char *x, const char *y, char *out, intptr_t m)
{
    const rt_rowwise *k = j->kernels;
    if (y) (j->is_log ? k->log_softmax_backward_columns : k->softmax_backward_columns)(x, y, out, j->n, j->inner, m);
    else (j->is_log ? k->log_softmax_columns : k->softmax_columns)(x, out, j->n, j->inner, m);
}

/* ---- turned ---- */

static void to_rows(const job *j, const char *x, intptr_t m, char *rows)
{
    if (j->item == 4) to_rows_4((const uint32_t *)x, j->n, j->inner, m, (uint32_t *)rows);
    else to_rows_8((const uint64_t *)x, j->n, j->inner, m, (uint64_t *)rows);
}

static void to_columns(const job *j, const char *rows, intptr_t m, char *x)
{
    if (j->item == 4) to_columns_4((const uint32_t *)rows, j->n, j->inner, m, (uint32_t *)x);
    else to_columns_8((const uint64_t *)rows, j->n, j->inner, m, (uint64_t *)x);
}

static void run_turned(const job *j, const char *x, const char *y, char *out, intptr_t m, char *room)
{
    char *const b = room + j->buffer, *const to = b + j->buffer;
    const rt_rowwise *k = j->kernels;
    to_rows(j, x, m, room);
    if (y) {
        to_rows(j, y, m, b);
        (j->is_log ? k->log_softmax_backward : k->softmax_backward)(room, b, to, m, j->n);
    } else {
        (j->is_log ? k->log_softmax : k->softmax)(room, to, m, j->n);
    }
    to_columns(j, to, m, out);
}

static void run_pieces(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    for (intptr_t p = begin; p < end; p++) {
        char *const room = j->room + 3 * p * j->buffer;
        for (intptr_t u = j->units * p / j->pieces; u < j->units * (p + 1) / j->pieces; u++) {
            const intptr_t column = u % j->groups * j->width, left = j->inner - column, m = left < j->width ? left : j->width;
            const intptr_t at = (u / j->groups * j->n * j->inner + column) * j->item;
            const char *const y = j->y ? j->y + at : NULL;
            if (j->buffer) run_turned(j, j->x + at, y, j->out + at, m, room);
            else run_columns(j, j->x + at, y, j->out + at, m);
        }
    }
}

static intptr_t inner_size(const rt_tensor *t, int dim)
{
    intptr_t inner = 1;
    for (int d = dim + 1; d < t->ndim; d++) inner *= t->shape[d];
    return inner;
}

int rt_crosswise_fit(const rt_tensor *t, int dim)
{
    const size_t item = rt_tensor_itemsize(t);
    const intptr_t inner = inner_size(t, dim);
    return t->size && t->ndim > 1 && rt_tensor_is_contiguous(t) && (item == 4 || item == 8) && inner > 1
        && (inner >= FEW || t->shape[dim] <= LONGEST);
}

int rt_crosswise_run(const rt_tensor *x, const rt_tensor *y, rt_tensor *out, int dim, int is_log)
{
    job j = {.kernels = rt_isa_now->rowwise[x->dtype], .x = x->data, .y = y ? y->data : NULL, .out = out->data,
             .n = x->shape[dim], .inner = inner_size(x, dim), .item = (intptr_t)rt_tensor_itemsize(x), .is_log = is_log};
    j.width = j.inner < FEW ? GROUP : WIDTH;
    j.buffer = j.inner < FEW ? j.width * j.n * j.item : 0;
    j.groups = (j.inner + j.width - 1) / j.width;
    j.units = x->size / (j.n * j.inner) * j.groups;
    const int threaded = x->size > RELEASE_GIL;
    j.pieces = threaded ? rt_threads_count() : 1;
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    if (j.pieces > j.units) j.pieces = j.units;
    rt_storage *room = NULL;
    if (j.buffer) {
        room = rt_memory_alloc((size_t)(3 * j.pieces * j.buffer), (rt_device){RT_CPU, 0});
        if (!room) return -1;
        j.room = room->data;
    }
    if (threaded) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(j.pieces, 1, run_pieces, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_pieces(&j, 0, 1);
    }
    rt_storage_release(room);
    return 0;
}
