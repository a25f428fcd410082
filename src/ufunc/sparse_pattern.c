/* sparse_pattern: what depends on where the entries of sparse matrices are: whether they are within bounds
 * (sparse_check), the lines of a transpose (sparse_turn), and products of two sparse matrices, added up where a third has entries (sparse_product).  Floor: ufunc. */
#include "ufunc/compressed.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

enum { UNLOCK = 4096, SHARES = 8, WORK = 65536 };   /* entries; most shares that lines are cut into; entries of a share */

static int64_t number(const void *at, int wide, intptr_t i) { return wide ? ((const int64_t *)at)[i] : ((const int32_t *)at)[i]; }

/* ---- within bounds? ---- */

/* Is one of n numbers outside 0 .. last?  p | (last - p), modulo 2^bits, has its highest bit just then. */
#define BEYOND(word, ctype) \
    typedef ctype vector_##word __attribute__((vector_size(16), aligned(sizeof(ctype)), may_alias)); \
    static int beyond_##word(const void *index, intptr_t n, ctype last) \
    { \
        enum { LANES = 16 / sizeof(ctype) }; \
        const ctype *const p = index; \
        vector_##word signs[2] = {{0}}; \
        ctype rest = 0; \
        intptr_t j = 0; \
        for (; j + 2 * LANES <= n; j += 2 * LANES) { \
            const vector_##word a = *(const vector_##word *)(p + j), b = *(const vector_##word *)(p + j + LANES); \
            signs[0] |= a | (last - a); \
            signs[1] |= b | (last - b); \
        } \
        for (; j < n; j++) rest |= p[j] | (last - p[j]); \
        for (int k = 0; k < LANES; k++) rest |= signs[0][k] | signs[1][k]; \
        return rest >> (8 * sizeof rest - 1); \
    }
BEYOND(narrow, uint32_t)
BEYOND(wide, uint64_t)

static int beyond(const rt_compressed *m, intptr_t n)
{
    const int64_t last = m->length - 1;
    if (m->wide) return beyond_wide(m->index, n, (uint64_t)last);
    return beyond_narrow(m->index, n, (uint32_t)(last > INT32_MAX ? INT32_MAX : last));
}

/* A line that is wrong, or -1. */
static intptr_t wrong_line(const rt_compressed *m)
{
    int64_t before = number(m->start, m->wide, 0);
    if (before != 0) return 0;
    for (intptr_t i = 0; i < m->lines; i++) {
        const int64_t next = number(m->start, m->wide, i + 1);
        if (next < before || next > m->count) return i;
        before = next;
    }
    if (before == 0 || !beyond(m, before)) return -1;
    for (intptr_t i = 0; i < m->lines; i++)
        for (int64_t j = number(m->start, m->wide, i); j < number(m->start, m->wide, i + 1) && j < m->count; j++)
            if ((uint64_t)number(m->index, m->wide, j) >= (uint64_t)m->length) return i;
    return -1;
}

FORWARD(sparse_check)
{
    rt_tensor *index = rt_operand_tensor(op, in, 0), *start = rt_operand_tensor(op, in, 1), *work = NULL, *const given = out[0];
    rt_lines l = {.data = NULL};
    int status = -1;
    if (!index || !start || rt_lines_begin(op, NULL, index, start, p->i[0], RT_i64, 0, &l) < 0) return -1;
    PyThreadState *const state = l.m.count > UNLOCK ? PyEval_SaveThread() : NULL;
    const intptr_t bad = wrong_line(&l.m);
    if (state) PyEval_RestoreThread(state);
    if (bad == 0 && number(l.m.start, l.m.wide, 0) != 0) {
        rt_error(rt_RangeError, op->cls.name, "indptr starts with %lld, not with 0", (long long)number(l.m.start, l.m.wide, 0));
    } else if (bad >= 0) {
        rt_lines_refuse(op, &l.m, bad);
    } else if (rt_output_begin(op, out, RT_i64, 0, NULL, nin, in, 1, &work) == 0) {
        *(int64_t *)work->data = number(l.m.start, l.m.wide, l.m.lines);
        status = rt_output_finish(out[0], work);
    }
    rt_lines_end(&l);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    return status;
}

/* ---- the transpose's lines ---- */

/* A counting sort by index; next has m->length + 1 places and holds the transpose's indptr in the end.
 * A line that is wrong, or -1. */
static intptr_t turn(const rt_compressed *m, int64_t *position, int64_t *index, int64_t *next)
{
    memset(next, 0, ((size_t)m->length + 1) * sizeof *next);
    for (intptr_t i = 0; i < m->lines; i++) {
        const int64_t j0 = number(m->start, m->wide, i), j1 = number(m->start, m->wide, i + 1);
        if (j0 != (i ? number(m->start, m->wide, i) : 0) || j0 < 0 || j0 > j1 || j1 > m->count) return i;
        for (int64_t j = j0; j < j1; j++) {
            const int64_t p = number(m->index, m->wide, j);
            if ((uint64_t)p >= (uint64_t)m->length) return i;
            next[p]++;
        }
    }
    int64_t sum = 0;
    for (intptr_t p = 0; p <= m->length; p++) {
        const int64_t n = next[p];
        next[p] = sum;
        sum += n;
    }
    for (intptr_t i = 0; i < m->lines; i++) {
        const int64_t j0 = number(m->start, m->wide, i), j1 = number(m->start, m->wide, i + 1);
        for (int64_t j = j0; j < j1 && j < m->count; j++) {
            const int64_t p = number(m->index, m->wide, j);
            if (j < 0 || (uint64_t)p >= (uint64_t)m->length || next[p] >= m->count) return i;
            position[next[p]] = j;
            index[next[p]++] = i;
        }
    }
    memmove(next + 1, next, (size_t)m->length * sizeof *next);
    next[0] = 0;
    return -1;
}

FORWARD(sparse_turn)
{
    rt_tensor *index = rt_operand_tensor(op, in, 0), *start = rt_operand_tensor(op, in, 1), *work[3] = {NULL};
    rt_tensor *const given[3] = {out[0], out[1], out[2]};
    rt_lines l = {.data = NULL};
    int status = -1;
    if (!index || !start || rt_lines_begin(op, NULL, index, start, p->i[0], RT_i64, 0, &l) < 0) return -1;
    const intptr_t lines = l.m.length + 1, count = number(l.m.start, l.m.wide, l.m.lines);
    if (count < 0 || count > l.m.count) {
        rt_error(rt_RangeError, op->cls.name, "indptr ends in %zd, there are %zd entries", (Py_ssize_t)count, (Py_ssize_t)l.m.count);
        goto done;
    }
    l.m.count = count;
    if (rt_shape_size(1, &lines, sizeof(int64_t)) < 0) goto done;
    if (rt_output_begin(op, &out[0], RT_i64, 1, &count, nin, in, 1, &work[0]) < 0
        || rt_output_begin(op, &out[1], RT_i64, 1, &count, nin, in, 1, &work[1]) < 0
        || rt_output_begin(op, &out[2], RT_i64, 1, &lines, nin, in, 1, &work[2]) < 0) goto done;
    PyThreadState *const state = count > UNLOCK ? PyEval_SaveThread() : NULL;
    const intptr_t bad = turn(&l.m, (int64_t *)work[0]->data, (int64_t *)work[1]->data, (int64_t *)work[2]->data);
    if (state) PyEval_RestoreThread(state);
    if (bad >= 0) {
        rt_lines_refuse(op, &l.m, bad);
        goto done;
    }
    status = 0;
    for (int k = 0; k < 3; k++) {
        if (rt_output_finish(out[k], work[k]) < 0) status = -1;
        work[k] = NULL;
    }
done:
    rt_lines_end(&l);
    for (int k = 0; k < 3; k++) {
        Py_XDECREF(work[k]);
        if (status < 0 && !given[k]) Py_CLEAR(out[k]);
    }
    return status;
}

/* ---- sparse times sparse ---- */

typedef struct {
    const rt_sparses *kernels;
    const rt_compressed *a, *b, *c;
    intptr_t *where;                /* a row of c->length numbers for each share */
    char *out;
    intptr_t shares, bad;
} job;

static void multiply_shares(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const intptr_t lines = j->c->lines, length = j->c->length;
    for (intptr_t k = begin; k < end; k++) {
        intptr_t *const where = j->where + k * length;
        memset(where, 0xff, (size_t)length * sizeof *where);
        const intptr_t bad = j->kernels->product(j->a, j->b, j->c, where, j->out, lines / j->shares * k,
                                                 k + 1 == j->shares ? lines : lines / j->shares * (k + 1));
        if (bad >= 0) __atomic_store_n(&j->bad, bad, __ATOMIC_RELAXED);
    }
}

static int multiply(const rt_op *op, job *j)
{
    const intptr_t work = j->a->count + j->c->count, most = work / WORK + 1;
    j->shares = most < SHARES ? most : SHARES;
    const intptr_t shape[2] = {j->shares, j->c->length};
    const intptr_t places = rt_shape_size(2, shape, sizeof *j->where);
    if (places < 0) return -1;
    if (!(j->where = rt_memory_try((size_t)(places ? places : 1) * sizeof *j->where))) return -1;
    PyThreadState *const state = work > UNLOCK ? PyEval_SaveThread() : NULL;
    rt_threads_for(j->shares, 1, multiply_shares, j);
    if (state) PyEval_RestoreThread(state);
    rt_memory_free(j->where);
    return j->bad < 0 ? 0 : rt_error(rt_RangeError, op->cls.name, "the indices of line %zd, or of the lines that it is multiplied "
                                     "with, are out of bounds", (Py_ssize_t)j->bad);
}

FORWARD(sparse_product)
{
    rt_tensor *t[8], *work = NULL, *sum = NULL, *const given = out[0];
    rt_lines a = {.data = NULL}, b = {.data = NULL}, c = {.data = NULL};
    int status = -1, wide = 0;
    for (int i = 0; i < 8; i++) {
        if (!(t[i] = rt_operand_tensor(op, in, i))) return -1;
        wide |= i != 0 && i != 3 && t[i]->dtype != RT_i32;
    }
    const rt_dtype result = rt_dtype_promote((rt_dtype)t[0]->dtype, (rt_dtype)t[3]->dtype), d = rt_compressed_dtype(result);
    if (rt_lines_begin(op, t[0], t[1], t[2], t[5]->ndim ? t[5]->shape[0] - 1 : 0, d, wide, &a) < 0
        || rt_lines_begin(op, t[3], t[4], t[5], p->i[0], d, wide, &b) < 0
        || rt_lines_begin(op, NULL, t[6], t[7], p->i[0], d, wide, &c) < 0) goto done;
    if (a.m.lines != c.m.lines) {
        rt_error(rt_TensorError, op->cls.name, "the first matrix has %zd lines, the result %zd", (Py_ssize_t)a.m.lines, (Py_ssize_t)c.m.lines);
        goto done;
    }
    if (rt_output_begin(op, out, result, 1, &c.m.count, nin, in, 1, &work) < 0) goto done;
    sum = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, 1, &c.m.count, work->storage->device);
    if (!sum) goto done;
    memset(sum->data, 0, (size_t)sum->size * rt_itemsize(d));
    job j = {rt_isa_now->sparses[d], &a.m, &b.m, &c.m, NULL, sum->data, 1, -1};
    if (multiply(op, &j) < 0 || (sum != work && rt_copy_into(work, sum) < 0)) goto done;
    status = rt_output_finish(out[0], work);
    work = NULL;
done:
    rt_lines_end(&a);
    rt_lines_end(&b);
    rt_lines_end(&c);
    Py_XDECREF(sum);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    return status;
}
