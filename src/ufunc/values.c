/* values: lines of elements sorted, or divided at ranks, as keys (kernels/keys.h, kernels/quick.h).  Lines of small
 * elements are counted, lines that are in order already are only copied.  What keys do not tell apart, the order of
 * zeros of both signs and of NaNs, is restored from the input.  Floor: ufunc. */
#include "ufunc/values.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/views.h"

enum { RELEASE_GIL = 20000, MOST_PIECES = 16, BLOCK = 1024, COUNTED_16 = 65536 };

typedef struct {
    const rt_values_task *task;
    const rt_keys *keys;
    const rt_quick *quick;
    const char *x;
    char *out, *room;           /* room of piece 0 */
    rt_dtype dtype;
    int64_t flip;
    int ndim;                   /* the other dimensions */
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    intptr_t item, n, step, out_step, inner, lines, pieces, room_size;
} job;

typedef struct {
    const job *j;
    const char *x;
    char *out, *room;
} line;

/* ---- what keys do not say ---- */
static int is_zero(const char *at, intptr_t item)
{
    if (item == 2) return !(*(const uint16_t *)at & 0x7fff);
    return item == 4 ? *(const float *)at == 0 : *(const double *)at == 0;
}

static int is_nan(const char *at, rt_dtype d)
{
    if (d == RT_f16) return (*(const uint16_t *)at & 0x7fff) > 0x7c00;
    if (d == RT_bf16) return (*(const uint16_t *)at & 0x7fff) > 0x7f80;
    return d == RT_f32 ? *(const float *)at != *(const float *)at : *(const double *)at != *(const double *)at;
}

/* Writes the `count` NaNs, or zeros, of the input in their order to `to`. */
static void restore_run(const line *l, int zeros, intptr_t count, char *to)
{
    const job *j = l->j;
    for (const char *x = l->x; count > 0; x += j->step) {
        if (zeros ? !is_zero(x, j->item) : !is_nan(x, j->dtype)) continue;
        memcpy(to, x, (size_t)j->item);
        to += j->out_step;
        count--;
    }
}

/* The first place in the sorted output whose element is not before zero (or, `past`, is after it).  NaNs lie outside. */
static intptr_t zero_bound(const line *l, intptr_t low, intptr_t high, int past)
{
    const job *j = l->j;
    while (low < high) {
        const intptr_t mid = low + (high - low) / 2;
        const char *at = l->out + mid * j->out_step;
        const int negative = j->item == 2 ? *(const int16_t *)at < 0 : j->item == 4 ? *(const int32_t *)at < 0 : *(const int64_t *)at < 0;
        const int before = is_zero(at, j->item) ? past : negative != (j->flip != 0);
        if (before) low = mid + 1;
        else high = mid;
    }
    return low;
}

static void restore(const line *l, const rt_keys_found *found)
{
    const job *j = l->j;
    const intptr_t first = j->flip ? found->nans : 0, end = j->flip ? j->n : j->n - found->nans;
    if (found->nans) restore_run(l, 0, found->nans, l->out + (j->flip ? 0 : end) * j->out_step);
    if (found->negative_zeros) {
        const intptr_t from = zero_bound(l, first, end, 0), to = zero_bound(l, first, end, 1);
        if (to - from > found->negative_zeros) restore_run(l, 1, to - from, l->out + from * j->out_step);
    }
}

/* After dividing, NaNs are wherever their key is: they get their bits back in the input's order. */
static void restore_scattered(const line *l)
{
    const job *j = l->j;
    const char *x = l->x;
    for (intptr_t i = 0; i < j->n; i++) {
        char *const at = l->out + i * j->out_step;
        if (!is_nan(at, j->dtype)) continue;
        while (!is_nan(x, j->dtype)) x += j->step;
        memcpy(at, x, (size_t)j->item);
        x += j->step;
    }
}

/* ---- counting ---- */
/* Writes a block once it is full. */
static void flush(const line *l, const int32_t *block, intptr_t *filled, char **to)
{
    if (*filled < BLOCK) return;
    l->j->keys->write(block, *filled, l->j->flip, *to, l->j->out_step);
    *to += *filled * l->j->out_step;
    *filled = 0;
}

static void count_small(const line *l)
{
    const job *j = l->j;
    const int wide = j->item == 2, keys = wide ? 65536 : 256;
    uint32_t small[256], *const counts = wide ? (uint32_t *)l->room : small;
    enum { FEW = 8 };
    int32_t block[BLOCK + FEW];
    rt_keys_found found = {0, 0};
    memset(counts, 0, (size_t)keys * sizeof *counts);
    for (intptr_t i = 0; i < j->n; i += BLOCK) {
        const intptr_t m = j->n - i < BLOCK ? j->n - i : BLOCK;
        j->keys->read(l->x + i * j->step, j->step, m, j->flip, block, &found);
        for (intptr_t k = 0; k < m; k++) counts[block[k] & (keys - 1)]++;
    }
    char *to = l->out;
    intptr_t filled = 0;
    const int natural = j->dtype == RT_b1 || j->dtype == RT_u8 || j->dtype == RT_u16;
    const int32_t low = natural ? j->flip ? -keys : 0 : -keys / 2;
    for (int32_t v = low; v < low + keys; v++) {
        intptr_t left = counts[v & (keys - 1)];
        for (; left > FEW; flush(l, block, &filled, &to)) {
            const intptr_t m = left < BLOCK - filled ? left : BLOCK - filled;
            for (intptr_t k = 0; k < m; k++) block[filled + k] = v;
            filled += m, left -= m;
        }
        for (int k = 0; k < FEW; k++) block[filled + k] = v;            /* some too many: no branch */
        filled += left;
        flush(l, block, &filled, &to);
    }
    j->keys->write(block, filled, j->flip, to, j->out_step);
    restore(l, &found);
}

/* ---- lines ---- */

/* Do keys [from, to) go on rising, or falling, from the one before each?  Looked at until neither is so. */
#define FOLLOW(key) \
    do { \
        const key *const k = keys; \
        while (from < to && (*rising || *falling)) { \
            int up = 0, down = 0; \
            for (const intptr_t stop = to - from < 64 ? to : from + 64; from < stop; from++) \
                up |= k[from] > k[from - 1], down |= k[from] < k[from - 1]; \
            *rising &= !down, *falling &= !up; \
        } \
    } while (0)

static void follow(const void *keys, int size, intptr_t from, intptr_t to, int *rising, int *falling)
{
    if (size == 4) FOLLOW(int32_t);
    else FOLLOW(int64_t);
}

/* Reads all keys; 1 when they are in order, as they are or from the end. */
static int read_in_order(const line *l, void *keys, rt_keys_found *found)
{
    const job *j = l->j;
    const int size = j->keys->size;
    int rising = 1, falling = 1;
    for (intptr_t i = 0; i < j->n; i += BLOCK) {
        const intptr_t m = j->n - i < BLOCK ? j->n - i : BLOCK;
        j->keys->read(l->x + i * j->step, j->step, m, j->flip, (char *)keys + i * size, found);
        follow(keys, size, i ? i : 1, i + m, &rising, &falling);
    }
    if (rising || !falling) return rising;
    for (intptr_t a = 0, b = j->n - 1; a < b; a++, b--) {
        if (size == 4) {
            int32_t *k = keys, t = k[a];
            k[a] = k[b], k[b] = t;
        } else {
            int64_t *k = keys, t = k[a];
            k[a] = k[b], k[b] = t;
        }
    }
    return 1;
}

static void *keys_of(const line *l)
{
    const job *j = l->j;
    return j->item == j->keys->size && j->out_step == j->item ? l->out : l->room;
}

static void run_line(const line *l)
{
    const job *j = l->j;
    const rt_values_task *t = j->task;
    void *const keys = keys_of(l);
    rt_keys_found found = {0, 0};
    if (j->item == 1 || (j->item == 2 && j->n >= COUNTED_16)) {
        count_small(l);
        return;
    }
    if (!read_in_order(l, keys, &found)) {
        if (t->kind == RT_VALUES_SORT) j->quick->sort(keys, j->n);
        for (intptr_t k = 0, from = 0; k < t->nkth; from = t->kth[k++] + 1)
            j->quick->select((char *)keys + from * j->keys->size, j->n - from, t->kth[k] - from);
    } else if (t->kind == RT_VALUES_PARTITION && found.nans) {
        j->keys->write(keys, j->n, j->flip, l->out, j->out_step);
        restore(l, &found);
        return;
    }
    if (keys != l->out || j->flip || !j->keys->plain) j->keys->write(keys, j->n, j->flip, l->out, j->out_step);
    if (t->kind == RT_VALUES_SORT) restore(l, &found);
    else if (found.nans) restore_scattered(l);
}

static line line_at(const job *j, intptr_t l, char *room)
{
    line at = {j, j->x, j->out + (l / j->inner * j->inner * j->n + l % j->inner) * j->item, room};
    for (int d = j->ndim - 1; d >= 0; d--) {
        at.x += l % j->shape[d] * j->steps[d];
        l /= j->shape[d];
    }
    return at;
}

static void run_pieces(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    for (intptr_t p = begin; p < end; p++)
        for (intptr_t l = j->lines * p / j->pieces; l < j->lines * (p + 1) / j->pieces; l++) {
            const line at = line_at(j, l, j->room + p * j->room_size);
            run_line(&at);
        }
}

/* ---- a long line ---- */
static void read_long(const void *ctx, intptr_t begin, intptr_t end, void *keys, rt_keys_found *found)
{
    const line *l = ctx;
    l->j->keys->read(l->x + begin * l->j->step, l->j->step, end - begin, l->j->flip, keys, found);
}

static void write_long(const void *ctx, intptr_t begin, intptr_t end, void *keys)
{
    const line *l = ctx;
    l->j->keys->write(keys, end - begin, l->j->flip, l->out + begin * l->j->out_step, l->j->out_step);
}

/* Does the beginning look as if all might be in order? */
static int looks_ordered(const line *l)
{
    int64_t keys[64];
    rt_keys_found found = {0, 0};
    job beginning = *l->j;
    const line first = {&beginning, l->x, NULL, NULL};
    beginning.n = 64;
    return read_in_order(&first, keys, &found);
}

/* 1: done; 0: not for this one; -1. */
static int run_long(const job *j, const line *l)
{
    const int in_place = keys_of(l) == l->out;
    if (j->task->kind != RT_VALUES_SORT || j->lines > 1 || j->n < RT_LONG_LINE || j->item < 4 || looks_ordered(l)) return 0;
    const rt_long_line line_ = {.ctx = l, .read = read_long, .n = j->n, .size = j->keys->size,
                                .done = in_place && !j->flip && j->keys->plain ? NULL : write_long,
                                .flip = j->flip, .keys = keys_of(l)};
    rt_keys_found found = {0, 0};
    const int done = rt_long_line_sort(&line_, &found);
    if (done > 0) restore(l, &found);
    return done;
}

int rt_values_run(const rt_values_task *task, const rt_tensor *x, int dim, rt_tensor *out)
{
    const rt_dtype d = (rt_dtype)x->dtype;
    job j = {.task = task, .keys = &rt_isa_now->keys[d], .x = x->data, .out = out->data, .dtype = d,
             .flip = task->descending ? -1 : 0, .item = (intptr_t)rt_itemsize(d), .n = x->ndim ? x->shape[dim] : 1,
             .step = x->ndim ? x->steps[dim] : 0, .inner = 1, .lines = 1};
    int status = -1;
    rt_storage *room = NULL;
    j.quick = rt_isa_now->quick[j.keys->size];
    for (int k = 0; k < x->ndim; k++) {
        if (k == dim) continue;
        if (k > dim) j.inner *= x->shape[k];
        j.lines *= x->shape[k];
        j.shape[j.ndim] = x->shape[k];
        j.steps[j.ndim++] = x->steps[k];
    }
    if (j.lines == 0 || j.n == 0) return 0;
    if (j.n > RT_ORDER_LONGEST)
        return rt_error(rt_TensorError, "sort", "dimension %d has more than %zd elements", dim, (Py_ssize_t)RT_ORDER_LONGEST);
    j.out_step = j.inner * j.item;
    const int threaded = x->size > RELEASE_GIL;
    j.pieces = threaded ? rt_threads_count() : 1;
    if (j.pieces > MOST_PIECES) j.pieces = MOST_PIECES;
    if (j.pieces > j.lines) j.pieces = j.lines;
    if (j.item == 2 && j.n >= COUNTED_16) j.room_size = 65536 * 4;
    else if (j.item == 2 || (j.item >= 4 && j.out_step != j.item)) j.room_size = (j.n * j.keys->size + 63) & ~(intptr_t)63;
    if (!(room = rt_memory_alloc((size_t)(j.pieces * j.room_size), (rt_device){RT_CPU, 0}))) goto done;
    j.room = room->data;
    const line first = line_at(&j, 0, j.room);
    const int whole = run_long(&j, &first);
    if (whole < 0) goto done;
    if (whole == 0 && threaded) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(j.pieces, 1, run_pieces, &j);
        Py_END_ALLOW_THREADS
    } else if (whole == 0) {
        run_pieces(&j, 0, 1);
    }
    status = 0;
done:
    rt_storage_release(room);
    return status;
}

/* ---- rows ---- */
static int run_row(const rt_op *op, const rt_values_task *task, const rt_operand *in, intptr_t dim_, rt_tensor **out)
{
    rt_tensor *const x = rt_operand_tensor(op, &in[0], 0), *work = NULL, *const given = *out;
    const int dim = x ? rt_dim_wrap(op->cls.name, dim_, x->ndim) : -1;
    int status = -1;
    if (dim < 0) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "complex numbers (%s) have no order", rt_dtypes[x->dtype].name);
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, 1, in, 1, &work) < 0) goto done;
    if (rt_values_run(task, x, dim, work) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

FORWARD(sort_values)
{
    const rt_values_task task = {.kind = RT_VALUES_SORT, .descending = (int)p->i[1]};
    return run_row(op, &task, in, p->i[0], out);
}

static int compare_ranks(const void *a, const void *b)
{
    const intptr_t x = *(const intptr_t *)a, y = *(const intptr_t *)b;
    return (x > y) - (x < y);
}

FORWARD(partition_values)
{
    rt_tensor *const x = rt_operand_tensor(op, &in[0], 0);
    const int dim = x ? rt_dim_wrap(op->cls.name, p->i[0], x->ndim) : -1;
    intptr_t ranks[RT_PARAM_LIST];
    rt_values_task task = {.kind = RT_VALUES_PARTITION, .kth = ranks};
    if (dim < 0) return -1;
    const intptr_t n = x->ndim ? x->shape[dim] : 1, *given = rt_params_list(p, 0);
    for (int k = 0; k < p->n[0]; k++) {
        if (given[k] < -n || given[k] >= n)
            return rt_error(PyExc_ValueError, op->cls.name, "rank %zd is out of range for the %zd elements of dimension %d",
                            (Py_ssize_t)given[k], (Py_ssize_t)n, dim);
        ranks[k] = given[k] < 0 ? given[k] + n : given[k];
    }
    qsort(ranks, (size_t)p->n[0], sizeof *ranks, compare_ranks);
    for (int k = 0; k < p->n[0]; k++)
        if (k == 0 || ranks[k] != ranks[k - 1]) ranks[task.nkth++] = ranks[k];
    return run_row(op, &task, in, p->i[0], out);
}
