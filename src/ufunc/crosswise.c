/* crosswise: columns folded side by side over the loops that exist (reducers and elementwise), or turned into rows
 * and back; threads over groups of columns.  Floor: ufunc. */
#include "ufunc/crosswise.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "ufunc/kernels/isa.h"

#pragma GCC optimize("O3")       /* the two loops that turn are worth vectors */

#define GROUP 16                 /* columns: a cache line of float32 */
#define LONGEST 4096             /* rows, so that three buffers stay in the second level of cache */
#define SHORT 256                /* elements of a line folded side by side: at most one block of the fixed tree */
#define TILE 256                 /* columns folded side by side */
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
    rt_row_fn *forward;
    rt_row_gradient_fn *gradient;
    const char *x, *y;
    char *out, *room;
    intptr_t n, inner, item, groups, units, pieces;   /* groups of columns in an inner block; units: all of them */
    intptr_t width, buffer;     /* columns of a group; bytes of one buffer */
    rt_dtype dtype;
    int abreast, is_log;        /* folded side by side? */
} job;

/* ---- side by side ---- */
static void pass(const job *j, int kernel, const char *x, const char *y, char *out, intptr_t n)
{
    char *args[3] = {(char *)x, (char *)(y ? y : out), out};
    const intptr_t steps[3] = {j->item, j->item, j->item};
    rt_isa_now->loops[j->dtype][kernel](args, &n, steps, NULL);
}

/* One pass for each row of a tile: m elements at rows x (packed when x_step is), y (y_step 0: one row for all). */
static void rows_pass(const job *j, int kernel, const char *x, intptr_t x_step, const char *y, intptr_t y_step, char *out,
                      intptr_t out_step, intptr_t m)
{
    for (intptr_t i = 0; i < j->n; i++) pass(j, kernel, x + i * x_step, y + i * y_step, out + i * out_step, m);
}

static void fold(const job *j, rt_reduce_kind kind, const char *x, intptr_t step, intptr_t m, char *out)
{
    rt_isa_now->reducers[kind][j->dtype].columns(x, j->n, step, m, j->item, out);
}

/* exp(x - max), its sum; then the quotient, or x - max - log(sum). */
static void forward_abreast(const job *j, const char *x, char *out, intptr_t m, char *tile)
{
    const intptr_t row = m * j->item, step = j->inner * j->item;
    char most[TILE * 8] __attribute__((aligned(64))), sum[TILE * 8] __attribute__((aligned(64)));
    fold(j, RT_REDUCE_MAX, x, step, m, most);
    rows_pass(j, RT_KERNEL_sub, x, step, most, 0, tile, row, m);
    if (j->is_log) rows_pass(j, RT_KERNEL_sub, x, step, most, 0, out, step, m);
    pass(j, RT_KERNEL_exp, tile, NULL, tile, j->n * m);
    fold(j, RT_REDUCE_SUM, tile, row, m, sum);
    if (j->is_log) {
        pass(j, RT_KERNEL_log, sum, NULL, sum, m);
        rows_pass(j, RT_KERNEL_sub, out, step, sum, 0, out, step, m);
    } else {
        rows_pass(j, RT_KERNEL_div, tile, row, sum, 0, out, step, m);
    }
}

/* y (g - sum(g y)), or g - exp(y) sum(g). */
static void gradient_abreast(const job *j, const char *g, const char *y, char *out, intptr_t m, char *tile)
{
    const intptr_t row = m * j->item, step = j->inner * j->item;
    char sum[TILE * 8] __attribute__((aligned(64)));
    if (j->is_log) {
        fold(j, RT_REDUCE_SUM, g, step, m, sum);
        for (intptr_t i = 0; i < j->n; i++) pass(j, RT_KERNEL_exp, y + i * step, NULL, tile + i * row, m);
        rows_pass(j, RT_KERNEL_mul, tile, row, sum, 0, tile, row, m);
        rows_pass(j, RT_KERNEL_sub, g, step, tile, row, out, step, m);
        return;
    }
    rows_pass(j, RT_KERNEL_mul, g, step, y, step, tile, row, m);
    fold(j, RT_REDUCE_SUM, tile, row, m, sum);
    rows_pass(j, RT_KERNEL_sub, g, step, sum, 0, tile, row, m);
    rows_pass(j, RT_KERNEL_mul, y, step, tile, row, out, step, m);
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
    to_rows(j, x, m, room);
    if (j->gradient) {
        to_rows(j, y, m, b);
        j->gradient(room, b, to, m, j->n);
    } else {
        j->forward(room, to, m, j->n);
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
            if (!j->abreast) run_turned(j, j->x + at, y, j->out + at, m, room);
            else if (y) gradient_abreast(j, j->x + at, y, j->out + at, m, room);
            else forward_abreast(j, j->x + at, j->out + at, m, room);
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
    return t->size && t->ndim > 1 && rt_tensor_is_contiguous(t) && (item == 4 || item == 8) && inner_size(t, dim) > 1
        && t->shape[dim] <= LONGEST;
}

int rt_crosswise_run(rt_row_fn *forward, rt_row_gradient_fn *gradient, const rt_tensor *x, const rt_tensor *y, rt_tensor *out,
                     int dim, int is_log)
{
    job j = {.forward = forward, .gradient = gradient, .x = x->data, .y = y ? y->data : NULL, .out = out->data,
             .n = x->shape[dim], .inner = inner_size(x, dim), .item = (intptr_t)rt_tensor_itemsize(x), .dtype = (rt_dtype)x->dtype, .is_log = is_log};
    j.abreast = j.n <= SHORT && j.inner >= 32;
    j.width = j.abreast ? TILE : GROUP;
    while (j.abreast && j.width > 32 && j.width * j.n * j.item > 65536) j.width /= 2;
    j.buffer = j.width * j.n * j.item;
    j.groups = (j.inner + j.width - 1) / j.width;
    j.units = x->size / (j.n * j.inner) * j.groups;
    const int threaded = x->size > RELEASE_GIL;
    j.pieces = threaded ? rt_threads_count() : 1;
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    if (j.pieces > j.units) j.pieces = j.units;
    rt_storage *room = rt_memory_alloc((size_t)(3 * j.pieces * j.buffer), (rt_device){RT_CPU, 0});
    if (!room) return -1;
    j.room = room->data;
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
