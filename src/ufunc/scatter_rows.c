/* scatter_rows: the loops of scatter, scatter_add and scatter_reduce where index and target lie
 * ready.  Threads take rows of the index when these write to lines of their own (the dimension is the last one),
 * else columns: equal places always meet in the order of the index.  Floor: ufunc. */
#include "ufunc/scatter_rows.h"
#include <string.h>
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/offsets.h"
#include "ufunc/update_target.h"

#pragma GCC optimize("O3")            /* the check of all indices is worth vectors */

#define COLUMNS 64      /* fewest of a thread's share: cache lines of the target are not fought for */

typedef struct {
    const rt_tensor *x, *index;
    const char *near;
    int dim;
    intptr_t bad;       /* an element out of bounds, or -1 */
} job;

/* n elements, from j0 on: index v; far: the line's beginning.  Returns the number done: j1, or where a bad index is. */
typedef intptr_t run_fn(char *restrict far, intptr_t step, intptr_t along, intptr_t length, const int64_t *restrict v,
                        const char *restrict near, intptr_t j0, intptr_t j1);

#define WRITE(ctype, along, step, result) \
    _Pragma("GCC unroll 4") for (intptr_t j = j0; j < j1; j++) { \
        intptr_t i = v[j]; \
        if (!rt_index_inside(&i, length)) return j; \
        ctype *const at = (ctype *)(far + j * (along) + i * (step)); \
        const ctype a = *at, b = ((const ctype *)near)[j]; \
        (void)a, (void)b; \
        *at = (result); \
    }
#define RUN(name, ctype, result) \
    static intptr_t name(char *restrict far, intptr_t step, intptr_t along, intptr_t length, const int64_t *restrict v, \
                         const char *restrict near, intptr_t j0, intptr_t j1) \
    { \
        if (along == 0 && step == sizeof(ctype)) { WRITE(ctype, 0, (intptr_t)sizeof(ctype), result) } \
        else { WRITE(ctype, along, step, result) } \
        return j1; \
    }
typedef struct { uint64_t half[2]; } pair;
RUN(put_1, uint8_t, b)
RUN(put_2, uint16_t, b)
RUN(put_4, uint32_t, b)
RUN(put_8, uint64_t, b)
RUN(put_16, pair, b)
RUN(add_u32, uint32_t, a + b)
RUN(add_u64, uint64_t, a + b)
RUN(add_f32, float, a + b)
RUN(add_f64, double, a + b)
RUN(mul_u32, uint32_t, a * b)
RUN(mul_u64, uint64_t, a * b)
RUN(mul_f32, float, a * b)
RUN(mul_f64, double, a * b)
RUN(count, int64_t, a + 1)
RUN(max_i32, int32_t, b > a ? b : a)
RUN(max_i64, int64_t, b > a ? b : a)
RUN(min_i32, int32_t, b < a ? b : a)
RUN(min_i64, int64_t, b < a ? b : a)
/* A NaN stays: a comparison with one fails; and one comes in. */
RUN(max_f32, float, b != b ? b : b > a ? b : a)
RUN(max_f64, double, b != b ? b : b > a ? b : a)
RUN(min_f32, float, b != b ? b : b < a ? b : a)
RUN(min_f64, double, b != b ? b : b < a ? b : a)

static run_fn *const puts_of[17] = {[1] = put_1, [2] = put_2, [4] = put_4, [8] = put_8, [16] = put_16};
static run_fn *const runs[RT_SCATTER_KINDS][RT_NDTYPE] = {
    [RT_SCATTER_ADD] = {[RT_i32] = add_u32, [RT_u32] = add_u32, [RT_i64] = add_u64, [RT_u64] = add_u64, [RT_f32] = add_f32,
                        [RT_f64] = add_f64},
    [RT_SCATTER_MUL] = {[RT_i32] = mul_u32, [RT_u32] = mul_u32, [RT_i64] = mul_u64, [RT_u64] = mul_u64, [RT_f32] = mul_f32,
                        [RT_f64] = mul_f64},
    [RT_SCATTER_COUNT] = {[RT_i64] = count},
    [RT_SCATTER_MAX] = {[RT_i32] = max_i32, [RT_i64] = max_i64, [RT_f32] = max_f32, [RT_f64] = max_f64},
    [RT_SCATTER_MIN] = {[RT_i32] = min_i32, [RT_i64] = min_i64, [RT_f32] = min_f32, [RT_f64] = min_f64},
};

static run_fn *run_of(rt_scatter_kind kind, const rt_tensor *x)
{
    return kind == RT_SCATTER_PUT ? puts_of[rt_tensor_itemsize(x)] : runs[kind][x->dtype];
}

int rt_scatter_rows_fit(rt_scatter_kind kind, const rt_tensor *target, const rt_tensor *index)
{
    return target->ndim && index->ndim && index->size && run_of(kind, target);
}

/* Where the line that row `row` of the index writes to begins in x, at index 0 of the dimension. */
static char *line_of(const job *c, intptr_t row)
{
    const rt_tensor *x = c->x, *index = c->index;
    char *far = x->data;
    for (int d = index->ndim - 2; d >= 0; d--) {
        if (d != c->dim) far += row % index->shape[d] * x->steps[d];
        row /= index->shape[d];
    }
    return far;
}

typedef struct { job job; run_fn *run; intptr_t rows, columns, width; } share;

/* Units: rows when the dimension is the last one, else groups of columns. */
static void run_units(void *context, intptr_t begin, intptr_t end)
{
    share *s = context;
    job *const c = &s->job;
    const rt_tensor *x = c->x;
    const intptr_t n = s->columns, length = x->shape[c->dim], item = (intptr_t)rt_tensor_itemsize(x);
    const int last = c->dim == c->index->ndim - 1;
    const intptr_t along = last ? 0 : x->steps[c->index->ndim - 1];
    const intptr_t first = last ? begin : 0, stop = last ? end : s->rows;
    const intptr_t j0 = last ? 0 : begin * s->width, j1 = last || end * s->width > n ? n : end * s->width;
    for (intptr_t row = first; row < stop; row++) {
        const intptr_t done = s->run(line_of(c, row), x->steps[c->dim], along, length, (const int64_t *)c->index->data + row * n,
                                     c->near + row * n * item, j0, j1);
        if (done == j1) continue;
        __atomic_store_n(&c->bad, row * n + done, __ATOMIC_RELAXED);
        return;
    }
}

static int refuse(const char *op, const job *c)
{
    return rt_error(rt_RangeError, op, "index %lld is out of bounds for dimension %d of length %zd",
                    (long long)((const int64_t *)c->index->data)[c->bad], c->dim, (Py_ssize_t)c->x->shape[c->dim]);
}

int rt_scatter_rows_check(const char *op, const rt_tensor *target, int dim, const rt_tensor *index)
{
    const int64_t *v = (const int64_t *)index->data, length = target->shape[dim];
    job c = {.x = target, .index = index, .dim = dim};
    uint64_t bad = 0;                          /* the sign of what is missing to one of the bounds */
    for (intptr_t j = 0; j < index->size; j++) bad |= ((uint64_t)v[j] + (uint64_t)length) | ((uint64_t)length - 1 - (uint64_t)v[j]);
    for (intptr_t j = 0; (int64_t)bad < 0 && j < index->size; j++) {
        if (v[j] < length && v[j] >= -length) continue;
        c.bad = j;
        return refuse(op, &c);
    }
    return 0;
}

int rt_scatter_rows(const char *op, rt_scatter_kind kind, const rt_tensor *target, int dim, const rt_tensor *index,
                    const char *near)
{
    const intptr_t n = index->shape[index->ndim - 1];
    share s = {.job = {target, index, near, dim, -1}, .run = run_of(kind, target), .rows = index->size / n, .columns = n};
    const int last = dim == index->ndim - 1;
    s.width = last ? n : COLUMNS;
    const intptr_t units = last ? s.rows : (n + COLUMNS - 1) / COLUMNS;
    if (index->size < UNLOCK_ELEMENTS) {
        run_units(&s, 0, units);
    } else {
        const intptr_t each = index->size / units + 1;
        Py_BEGIN_ALLOW_THREADS
        if (rt_tensor_is_contiguous(target)) rt_threads_for(units, 65536 / each + 1, run_units, &s);
        else run_units(&s, 0, units);
        Py_END_ALLOW_THREADS
    }
    return s.job.bad < 0 ? 0 : refuse(op, &s.job);
}

int rt_scatter_lines(const rt_op *op, const rt_operand *in, const rt_params *p, rt_scatter_kind kind, int visible,
                     rt_tensor *target, const rt_tensor *index, const rt_tensor *near)
{
    rt_tensor *dense = rt_index_int64(op->cls.name, index);
    int rc = -1, dim = (int)p->i[0];
    if (!dense) return -1;
    if (visible && rt_scatter_rows_check(op->cls.name, target, dim, dense) < 0) goto done;
    if (rt_update_load(in, target) == 0) rc = rt_scatter_rows(op->cls.name, kind, target, dim, dense, near->data);
done:
    Py_DECREF(dense);
    return rc;
}
