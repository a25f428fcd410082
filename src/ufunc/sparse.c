/* sparse: products of a sparse matrix with dense ones (sparse_matmul) and those elements of a dense product where a
 * sparse matrix has entries (sparse_sample): each is the other's derivative.  Threads take lines; a transposed product
 * adds up in pieces whose number follows from the sizes alone.  Floor: ufunc. */
#include "ufunc/compressed.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/offsets.h"
#include "ufunc/views.h"

enum { UNLOCK = 4096, PARTS = 8, COLUMNS = 16 };   /* multiplications; most pieces; columns of a thread's share */

rt_dtype rt_compressed_dtype(rt_dtype d)
{
    if (d == RT_f16 || d == RT_bf16) return RT_f32;
    return rt_dtype_is_inexact(d) ? d : RT_i64;      /* integers wrap, truth values are or'ed: modulo 2^64, as not 0 */
}

rt_tensor *rt_compressed_dense(const rt_tensor *t, rt_dtype dtype)
{
    if (t->dtype == (int)dtype && rt_tensor_is_contiguous(t)) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *c = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (c && rt_copy_into(c, t) < 0) Py_CLEAR(c);
    return c;
}

int rt_lines_begin(const rt_op *op, const rt_tensor *data, const rt_tensor *index, const rt_tensor *start, intptr_t length,
                   rt_dtype dtype, int wide, rt_lines *l)
{
    *l = (rt_lines){.data = NULL};
    if (index->ndim != 1 || start->ndim != 1 || (data && data->ndim != 1))
        return rt_error(rt_TensorError, op->cls.name, "data, indices and indptr must have one dimension, not %d, %d and %d",
                        data ? data->ndim : 1, index->ndim, start->ndim);
    if (start->size == 0) return rt_error(rt_TensorError, op->cls.name, "indptr must have an element more than there are lines, it is empty");
    if (data && data->size != index->size)
        return rt_error(rt_TensorError, op->cls.name, "%zd entries in data, %zd in indices", (Py_ssize_t)data->size, (Py_ssize_t)index->size);
    if (length < 0) return rt_error(rt_TensorError, op->cls.name, "the number of columns must not be negative, it is %zd", (Py_ssize_t)length);
    if (index->dtype == RT_i32 && start->dtype == RT_i32 && !wide) {
        l->index = rt_compressed_dense(index, RT_i32);
        l->start = rt_compressed_dense(start, RT_i32);
    } else if ((l->index = rt_index_int64(op->cls.name, index))) {
        l->start = rt_index_int64(op->cls.name, start);
    }
    if (data) l->data = rt_compressed_dense(data, dtype);
    if (!l->index || !l->start || (data && !l->data)) {
        rt_lines_end(l);
        return -1;
    }
    l->m = (rt_compressed){start->size - 1, length, index->size, l->start->data, l->index->data,
                           data ? l->data->data : NULL, l->index->dtype == RT_i64};
    return 0;
}

void rt_lines_end(rt_lines *l)
{
    Py_CLEAR(l->data);
    Py_CLEAR(l->index);
    Py_CLEAR(l->start);
}

static int64_t number(const void *at, int wide, intptr_t i) { return wide ? ((const int64_t *)at)[i] : ((const int32_t *)at)[i]; }

int rt_lines_refuse(const rt_op *op, const rt_compressed *m, intptr_t i)
{
    const int64_t j0 = number(m->start, m->wide, i), j1 = number(m->start, m->wide, i + 1);
    if (j0 < 0 || j0 > j1 || j1 > m->count)
        return rt_error(rt_RangeError, op->cls.name, "indptr[%zd] = %lld and indptr[%zd] = %lld are no range of %zd entries",
                        (Py_ssize_t)i, (long long)j0, (Py_ssize_t)i + 1, (long long)j1, (Py_ssize_t)m->count);
    for (intptr_t j = j0; j < j1; j++) {
        const int64_t p = number(m->index, m->wide, j);
        if (p < 0 || p >= m->length)
            return rt_error(rt_RangeError, op->cls.name, "index %lld in line %zd is out of bounds for length %zd", (long long)p,
                            (Py_ssize_t)i, (Py_ssize_t)m->length);
    }
    return rt_error(rt_RangeError, op->cls.name, "the indices of line %zd changed while they were read", (Py_ssize_t)i);
}

intptr_t rt_lines_grain(const rt_compressed *m, intptr_t width)
{
    const double each = ((double)m->count / (double)(m->lines ? m->lines : 1) + 1) * (double)(width ? width : 1);
    return each > 16384 ? 1 : (intptr_t)(16384 / each) + 1;
}

/* ---- products ---- */

typedef struct {
    const rt_sparses *kernels;
    const rt_compressed *m;
    const char *x, *y;
    char *out;
    intptr_t width, item, bad;      /* bad: a line that is wrong, or -1 */
    char *parts;                    /* of a transposed product: all but the first part of the result */
    intptr_t nparts, size;          /* size: bytes of a part */
    intptr_t cut[PARTS + 1];        /* lines where the parts begin */
} job;

static void note(job *j, intptr_t bad)
{
    if (bad >= 0) __atomic_store_n(&j->bad, bad, __ATOMIC_RELAXED);
}

static void gather_lines(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    note(j, j->kernels->gather(j->m, j->x, j->width, j->out, begin, end));
}

static void sample_lines(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    note(j, j->kernels->sample(j->m, j->x, j->y, j->width, j->out, begin, end));
}

static void scatter_columns(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const intptr_t first = begin * COLUMNS, last = end * COLUMNS < j->width ? end * COLUMNS : j->width;
    note(j, j->kernels->scatter(j->m, j->x, j->width, first, last, j->out, 0, j->m->lines));
}

static void scatter_parts(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    for (intptr_t k = begin; k < end; k++) {
        char *const out = k ? j->parts + (k - 1) * j->size : j->out;
        memset(out, 0, (size_t)j->size);
        note(j, j->kernels->scatter(j->m, j->x, j->width, 0, j->width, out, j->cut[k], j->cut[k + 1]));
    }
}

/* The line that holds entry `at`, by indptr; some line where indptr is no ascending list. */
static intptr_t line_of(const rt_compressed *m, intptr_t at)
{
    intptr_t low = 0, high = m->lines;
    while (low < high) {
        const intptr_t half = low + (high - low) / 2;
        if (number(m->start, m->wide, half) < at) low = half + 1;
        else high = half;
    }
    return low;
}

/* Parts of a transposed product: as many as can be added up again at little cost. */
static intptr_t part_count(const rt_compressed *m, intptr_t width)
{
    const intptr_t n = m->length ? m->count / m->length / 8 : 1;
    if (width >= 2 * COLUMNS || (double)m->count * (double)width < 65536 || n < 2) return 1;
    return n < PARTS ? n : PARTS;
}

static void scatter_all(job *j, rt_dtype dtype, rt_tensor *out)
{
    const rt_compressed *m = j->m;
    if (j->nparts > 1) {
        for (intptr_t k = 1; k < j->nparts; k++) {
            const intptr_t line = line_of(m, (intptr_t)((double)m->count / (double)j->nparts * (double)k));
            j->cut[k] = line > j->cut[k - 1] ? line : j->cut[k - 1];
        }
        j->cut[j->nparts] = m->lines;
        rt_threads_for(j->nparts, 1, scatter_parts, j);
        for (intptr_t k = 1; k < j->nparts; k++)
            rt_add_runs[dtype](out->data, j->parts + (k - 1) * j->size, out->size, j->item, j->item);
        return;
    }
    memset(j->out, 0, (size_t)j->size);
    if ((double)m->count * (double)j->width < 65536) scatter_columns(j, 0, (j->width + COLUMNS - 1) / COLUMNS);
    else rt_threads_for((j->width + COLUMNS - 1) / COLUMNS, 1, scatter_columns, j);
}

/* out = m @ x, or its transpose times x. */
static int multiply(const rt_op *op, const rt_lines *l, const rt_tensor *x, int transposed, rt_tensor *out)
{
    const rt_dtype d = (rt_dtype)x->dtype;
    const intptr_t width = x->ndim == 2 ? x->shape[1] : 1, item = (intptr_t)rt_itemsize(d);
    job j = {rt_isa_now->sparses[d], &l->m, x->data, NULL, out->data, width, item, -1, NULL, 1, out->size * item, {0}};
    rt_storage *room = NULL;
    if (out->size == 0) return 0;
    if (transposed && (j.nparts = part_count(&l->m, width)) > 1) {
        if (!(room = rt_memory_alloc((size_t)(j.nparts - 1) * (size_t)j.size, out->storage->device))) return -1;
        j.parts = room->data;
    }
    PyThreadState *const state = (double)l->m.count * (double)width > UNLOCK ? PyEval_SaveThread() : NULL;
    if (transposed) scatter_all(&j, d, out);
    else rt_threads_for(l->m.lines, rt_lines_grain(&l->m, width), gather_lines, &j);
    if (state) PyEval_RestoreThread(state);
    if (room) rt_storage_release(room);
    return j.bad < 0 ? 0 : rt_lines_refuse(op, &l->m, j.bad);
}

static int operands(const rt_op *op, const rt_operand *in, int n, rt_tensor **t)
{
    for (int i = 0; i < n; i++)
        if (!(t[i] = rt_operand_tensor(op, in, i))) return -1;
    return 0;
}

FORWARD(sparse_matmul)
{
    rt_tensor *t[4], *work = NULL, *dense = NULL, *sum = NULL, *const given = out[0];
    rt_lines l = {.data = NULL};
    int status = -1;
    if (operands(op, in, 4, t) < 0) return -1;
    rt_tensor *const x = t[3];
    const rt_dtype result = rt_dtype_promote((rt_dtype)t[0]->dtype, (rt_dtype)x->dtype), d = rt_compressed_dtype(result);
    if (rt_lines_begin(op, t[0], t[1], t[2], p->i[0], d, 0, &l) < 0) return -1;
    const int transposed = (int)p->i[1];
    intptr_t matrix[2] = {transposed ? l.m.length : l.m.lines, transposed ? l.m.lines : l.m.length};
    if (x->ndim < 1 || x->ndim > 2 || x->shape[0] != matrix[1]) {
        rt_error_shapes(op->cls.name, "the dense operand must be a vector or a matrix with as many rows as the sparse one has columns",
                        2, matrix, x->ndim, x->shape);
        goto done;
    }
    if (x->ndim == 2) matrix[1] = x->shape[1];
    if (!(dense = rt_compressed_dense(x, d))) goto done;
    if (rt_output_begin(op, out, result, x->ndim, matrix, nin, in, 1, &work) < 0) goto done;
    sum = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, x->ndim, matrix, work->storage->device);
    if (!sum || multiply(op, &l, dense, transposed, sum) < 0 || (sum != work && rt_copy_into(work, sum) < 0)) goto done;
    status = rt_output_finish(out[0], work);
    work = NULL;
done:
    rt_lines_end(&l);
    Py_XDECREF(dense);
    Py_XDECREF(sum);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    return status;
}

/* ---- samples ---- */

static int sample(const rt_op *op, const rt_lines *l, const rt_tensor *x, const rt_tensor *y, rt_tensor *out)
{
    const rt_compressed *m = &l->m;
    const intptr_t width = x->ndim == 2 ? x->shape[1] : 1, item = (intptr_t)rt_itemsize((rt_dtype)x->dtype);
    job j = {rt_isa_now->sparses[x->dtype], m, x->data, y->data, out->data, width, item, -1, NULL, 1, 0, {0}};
    const int whole = m->lines && number(m->start, m->wide, 0) == 0 && number(m->start, m->wide, m->lines) == m->count;
    if (!whole) memset(out->data, 0, (size_t)(out->size * item));     /* entries that belong to no line */
    PyThreadState *const state = (double)m->count * (double)width > UNLOCK ? PyEval_SaveThread() : NULL;
    rt_threads_for(m->lines, rt_lines_grain(m, width), sample_lines, &j);
    if (state) PyEval_RestoreThread(state);
    return j.bad < 0 ? 0 : rt_lines_refuse(op, m, j.bad);
}

FORWARD(sparse_sample)
{
    rt_tensor *t[4], *work = NULL, *x = NULL, *y = NULL, *sum = NULL, *const given = out[0];
    rt_lines l = {.data = NULL};
    int status = -1;
    if (operands(op, in, 4, t) < 0) return -1;
    if (t[0]->ndim < 1 || t[0]->ndim > 2 || t[0]->ndim != t[1]->ndim || (t[0]->ndim == 2 && t[0]->shape[1] != t[1]->shape[1]))
        return rt_error_shapes(op->cls.name, "needs two vectors, or two matrices with equally many columns", t[0]->ndim, t[0]->shape,
                               t[1]->ndim, t[1]->shape);
    const rt_dtype result = rt_dtype_promote((rt_dtype)t[0]->dtype, (rt_dtype)t[1]->dtype), d = rt_compressed_dtype(result);
    if (rt_lines_begin(op, NULL, t[2], t[3], t[1]->shape[0], d, 0, &l) < 0) return -1;
    if (t[0]->shape[0] != l.m.lines) {
        rt_error(rt_TensorError, op->cls.name, "x has %zd rows, the sparse matrix %zd lines", (Py_ssize_t)t[0]->shape[0], (Py_ssize_t)l.m.lines);
        goto done;
    }
    if (!(x = rt_compressed_dense(t[0], d)) || !(y = rt_compressed_dense(t[1], d))) goto done;
    if (rt_output_begin(op, out, result, 1, &l.m.count, nin, in, 1, &work) < 0) goto done;
    sum = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, 1, &l.m.count, work->storage->device);
    if (!sum || sample(op, &l, x, y, sum) < 0 || (sum != work && rt_copy_into(work, sum) < 0)) goto done;
    status = rt_output_finish(out[0], work);
    work = NULL;
done:
    rt_lines_end(&l);
    Py_XDECREF(x);
    Py_XDECREF(y);
    Py_XDECREF(sum);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    return status;
}
