/* linalg_batch: batches of packed matrices, and running LAPACK over them.  Each matrix is computed by one
 * thread from its own copy, so neither the number of threads nor the layout of the
 * input changes a bit.  Floor: ufunc. */
#include "ufunc/linalg_batch.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include <stdatomic.h>

#define UNLOCK_WORK 20000.0       /* multiply-adds worth giving the GIL away for */
#define PIECE_WORK 200000.0       /* and worth a piece of their own */
#define CALL_WORK 500.0           /* what a call costs beside its arithmetic */

const char *rt_linalg_name(const rt_op *op)
{
    static RT_THREAD_LOCAL char text[64];
    const char *name = op->cls.name;
    if (strncmp(name, "linalg_", 7) != 0) return name;
    snprintf(text, sizeof text, "linalg.%s", name + 7);
    return text;
}

rt_tensor *rt_linalg_operand(const rt_op *op, const rt_operand *in, int i, int least)
{
    rt_tensor *t = rt_operand_tensor(op, in, i);
    if (!t) return NULL;
    if (!rt_lapack_takes((rt_dtype)t->dtype)) {
        rt_error(rt_DtypeError, rt_linalg_name(op), "needs float32, float64, complex64 or complex128, not %s",
                 rt_dtypes[t->dtype].name);
        return NULL;
    }
    if (t->ndim < least) {
        rt_error(rt_TensorError, rt_linalg_name(op), "argument %d needs at least %d dimensions, has %d", i, least, t->ndim);
        return NULL;
    }
    for (int d = t->ndim - least; d < t->ndim; d++)
        if (!rt_lapack_fits(t->shape[d])) {
            rt_error(rt_TensorError, rt_linalg_name(op), "a dimension of length %zd is too long", (Py_ssize_t)t->shape[d]);
            return NULL;
        }
    return t;
}

rt_tensor *rt_linalg_square(const rt_op *op, const rt_operand *in, int i)
{
    rt_tensor *t = rt_linalg_operand(op, in, i, 2);
    char text[RT_SHAPE_TEXT];
    if (t && t->shape[t->ndim - 2] != t->shape[t->ndim - 1]) {
        rt_error(rt_TensorError, rt_linalg_name(op), "needs batches of square matrices, the shape is %s",
                 rt_shape_text(t->ndim, t->shape, text));
        return NULL;
    }
    return t;
}

int rt_linalg_same_dtype(const rt_op *op, const rt_tensor *a, const rt_tensor *b)
{
    if (a->dtype == b->dtype) return 0;
    return rt_error(rt_DtypeError, rt_linalg_name(op), "needs arguments of one dtype, these are %s and %s",
                    rt_dtypes[a->dtype].name, rt_dtypes[b->dtype].name);
}

intptr_t rt_linalg_count(const rt_tensor *t, int core)
{
    intptr_t n = 1;
    for (int d = 0; d < t->ndim - core; d++) n *= t->shape[d];
    return n;
}

/* ---- matrices in and out ------------------------------------------------------------- */

/* t with its last two dimensions exchanged; new reference. */
static rt_tensor *turned_alias(const rt_tensor *t)
{
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM];
    int n = t->ndim;
    memcpy(shape, t->shape, (size_t)n * sizeof *shape);
    memcpy(steps, t->steps, (size_t)n * sizeof *steps);
    shape[n - 2] = t->shape[n - 1];
    shape[n - 1] = t->shape[n - 2];
    steps[n - 2] = t->steps[n - 1];
    steps[n - 1] = t->steps[n - 2];
    return rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, n, shape, steps);
}

/* One matrix of items of a constant size, in blocks that stay in cache. */
static inline __attribute__((always_inline)) void turn_items(char *to, const char *from, intptr_t rows, intptr_t columns,
                                                              size_t item)
{
    const intptr_t block = 16;
    for (intptr_t r0 = 0; r0 < rows; r0 += block)
        for (intptr_t c0 = 0; c0 < columns; c0 += block) {
            intptr_t r1 = r0 + block < rows ? r0 + block : rows, c1 = c0 + block < columns ? c0 + block : columns;
            for (intptr_t r = r0; r < r1; r++)
                for (intptr_t c = c0; c < c1; c++)
                    memcpy(to + (size_t)(c * rows + r) * item, from + (size_t)(r * columns + c) * item, item);
        }
}

/* Packed matrices of t with their last two dimensions exchanged, into `to`. */
static void turn(char *to, const rt_tensor *t)
{
    intptr_t rows = t->shape[t->ndim - 2], columns = t->shape[t->ndim - 1], count = rt_linalg_count(t, 2);
    size_t item = rt_tensor_itemsize(t), step = (size_t)(rows * columns) * item;
    const char *from = t->data;
    for (intptr_t e = 0; e < count; e++, from += step, to += step)
        switch (item) {
        case 4: turn_items(to, from, rows, columns, 4); break;
        case 8: turn_items(to, from, rows, columns, 8); break;
        default: turn_items(to, from, rows, columns, 16);
        }
}

rt_tensor *rt_linalg_copy(const rt_tensor *t, int nbatch, const intptr_t *batch, int turned)
{
    rt_tensor *view = turned ? turned_alias(t) : NULL, *copy = NULL;
    const rt_tensor *from = turned ? view : t;
    if (!from) return NULL;
    copy = rt_linalg_empty((rt_dtype)t->dtype, nbatch, batch, from->shape[t->ndim - 2], from->shape[t->ndim - 1]);
    if (copy && turned && rt_tensor_is_contiguous(t) && copy->size == t->size) turn(copy->data, t);
    else if (copy && rt_copy_into(copy, from) < 0) Py_CLEAR(copy);
    Py_XDECREF((PyObject *)view);
    return copy;
}

rt_tensor *rt_linalg_empty(rt_dtype dtype, int nbatch, const intptr_t *batch, intptr_t rows, intptr_t columns)
{
    intptr_t shape[RT_MAX_NDIM + 2];
    int n = nbatch;
    memcpy(shape, batch, (size_t)nbatch * sizeof *shape);
    if (rows >= 0) shape[n++] = rows;
    if (columns >= 0) shape[n++] = columns;
    if (n > RT_MAX_NDIM) {
        rt_error(rt_TensorError, "linalg", "the result has more than %d dimensions", RT_MAX_NDIM);
        return NULL;
    }
    return rt_empty(dtype, n, shape, (rt_device){RT_CPU, 0});
}

int rt_linalg_give(const rt_op *op, rt_tensor **out, int k, rt_tensor *t, int turned)
{
    int status = -1;
    rt_tensor *view = NULL;
    if (!t) return -1;
    if (turned) {
        view = turned_alias(t);
        if (!view) goto done;
    }
    const rt_tensor *from = turned ? view : t;
    if (out[k]) {
        if (rt_output_check(op, out[k], (rt_dtype)t->dtype, from->ndim, from->shape) < 0) goto done;
        status = rt_copy_into(out[k], from);
    } else if (turned && !(from->ndim >= 2 && (from->shape[from->ndim - 1] == 1 || from->shape[from->ndim - 2] == 1))) {
        out[k] = rt_empty((rt_dtype)t->dtype, from->ndim, from->shape, t->storage->device);
        status = out[k] ? 0 : -1;
        if (out[k]) turn(out[k]->data, t);
    } else if (turned) {               /* a row or a column: the same bytes in the other shape */
        out[k] = rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, from->ndim, from->shape, NULL);
        status = out[k] ? 0 : -1;
    } else {
        out[k] = t;
        return 0;
    }
done:
    Py_XDECREF((PyObject *)view);
    Py_DECREF((PyObject *)t);
    return status;
}

int rt_linalg_finish(const rt_op *op, rt_tensor **out, int count, rt_tensor **t, unsigned turned, int status)
{
    for (int k = 0; k < count; k++) {
        rt_tensor *one = t[k];
        t[k] = NULL;
        if (status == 0) status = rt_linalg_give(op, out, k, one, turned >> k & 1);
        else Py_XDECREF((PyObject *)one);
    }
    return status;
}

/* ---- running ------------------------------------------------------------------------- */

typedef struct { const rt_linalg_job *job; _Atomic int failure; } walk;

static void run_piece(void *context, intptr_t begin, intptr_t end)
{
    walk *w = context;
    const rt_linalg_job *job = w->job;
    char *operand[RT_LINALG_OPERANDS];
    for (intptr_t e = begin; e < end; e++) {
        for (int i = 0; i < RT_LINALG_OPERANDS; i++) operand[i] = job->t[i] ? job->t[i]->data + e * job->step[i] : NULL;
        int info = job->one(job, operand);
        if (info < 0) w->failure = info;
        if (job->info) job->info[e] = info;
    }
}

int rt_linalg_run(const rt_op *op, rt_linalg_job *job, double work)
{
    walk w = {.job = job};
    if (job->batch == 0) return 0;
    for (int i = 0; i < RT_LINALG_OPERANDS; i++)
        job->step[i] = job->t[i] ? job->t[i]->size / job->batch * (intptr_t)rt_tensor_itemsize(job->t[i]) : 0;
    work += CALL_WORK;
    intptr_t grain = work >= PIECE_WORK ? 1 : (intptr_t)(PIECE_WORK / work) + 1;
    if (work * (double)job->batch < UNLOCK_WORK) {
        run_piece(&w, 0, job->batch);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(job->batch, grain, run_piece, &w);
        Py_END_ALLOW_THREADS
    }
    if (w.failure == 0) return 0;
    if (w.failure == RT_LAPACK_NOT_FINITE)
        return rt_error(rt_LinAlgError, rt_linalg_name(op), "the input holds infinities or NaNs");
    if (w.failure == RT_LAPACK_NO_MEMORY || w.failure == RT_LAPACK_NO_MEMORY - 1) {
        PyErr_NoMemory();
        return -1;
    }
    return rt_error(PyExc_RuntimeError, rt_linalg_name(op), "LAPACK refuses its argument %d", -w.failure);
}

/* "(Batch element (1, 0)): " for element e of info, "" without a batch. */
static const char *element_text(const rt_tensor *info, intptr_t e, char *text, size_t size)
{
    intptr_t index[RT_MAX_NDIM];
    char shape[RT_SHAPE_TEXT];
    text[0] = 0;
    if (info->ndim == 0) return text;
    if (info->ndim == 1) {
        snprintf(text, size, "(Batch element %zd): ", (Py_ssize_t)e);
        return text;
    }
    for (int d = info->ndim - 1; d >= 0; d--) {
        index[d] = e % info->shape[d];
        e /= info->shape[d];
    }
    snprintf(text, size, "(Batch element %s): ", rt_shape_text(info->ndim, index, shape));
    return text;
}

int rt_linalg_check(const rt_op *op, const rt_tensor *info, const char *why)
{
    char where[RT_SHAPE_TEXT + 32], text[256];
    const int32_t *codes = (const int32_t *)info->data;
    for (intptr_t e = 0; e < info->size; e++) {
        if (codes[e] == 0) continue;
        snprintf(text, sizeof text, why, (int)codes[e]);
        return rt_error(rt_LinAlgError, rt_linalg_name(op), "%s%s", element_text(info, e, where, sizeof where), text);
    }
    return 0;
}
