/* product: from tensors to the calls of backends/blas.h.  Decides by shapes alone which calls are
 * made (a right side without batch: all rows of the left at once), so that layout never
 * changes bits; copies what does not fit such a call.  Floor: ufunc. */
#include "ufunc/product.h"
#include "backends/blas.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include <stdio.h>
#include <string.h>

#define UNLOCK 100000.0     /* multiply-adds worth giving the GIL away for */

/* ---- one side ------------------------------------------------------------------------ */

/* Is (rows, columns) at these byte steps what rt_blas_gemm takes? */
static int is_usable(rt_dtype dtype, const char *data, intptr_t rows, intptr_t columns, intptr_t row, intptr_t column)
{
    intptr_t item = (intptr_t)rt_itemsize(dtype);
    if ((uintptr_t)data % (rt_dtype_is_complex(dtype) ? (uintptr_t)item / 2 : (uintptr_t)item)) return 0;
    if (row % item || column % item) return 0;
    if ((column == item || columns == 1) && (row >= columns * item || rows == 1)) return 1;
    return (row == item || rows == 1) && (column >= rows * item || columns == 1);
}

/* Packed copy of t in dtype; new reference. */
static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    rt_tensor *copy = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (copy && rt_copy_into(copy, t) < 0) Py_CLEAR(copy);
    return copy;
}

/* Makes all leading dimensions rows; 0 when they do not run on from the rows. */
static int merge_rows(rt_matrices *s, const rt_tensor *t)
{
    for (int d = 0; d < t->ndim - 2; d++)
        if (t->shape[d] != 1 && t->steps[d] != t->steps[d + 1] * t->shape[d + 1]) return 0;
    s->row = t->steps[t->ndim - 2];
    for (; s->nbatch; s->nbatch--) s->rows *= t->shape[s->nbatch - 1];
    return 1;
}

/* t as matrices of t's own dtype, steps in bytes; `vector`: what a lone dimension is, 0 a row, 1 a
 * column.  0 when rt_blas_gemm cannot take it as it lies. */
static int look(rt_matrices *s, const rt_tensor *t, int vector, int swapped, int merge)
{
    intptr_t item = (intptr_t)rt_tensor_itemsize(t), one = 1;
    int n = t->ndim, r = n - (swapped ? 1 : 2), c = n - (swapped ? 2 : 1);
    const intptr_t *rows = n > 1 ? &t->shape[r] : vector ? &t->shape[0] : &one;
    const intptr_t *columns = n > 1 ? &t->shape[c] : vector ? &one : &t->shape[0];
    s->data = t->data;
    s->nbatch = n > 2 ? n - 2 : 0;
    s->rows = *rows;
    s->columns = *columns;
    s->row = t->steps[n > 1 ? r : 0];
    s->column = t->steps[n > 1 ? c : 0];
    if (merge && s->nbatch && !merge_rows(s, t)) return 0;
    if (s->columns == 1) s->column = item;             /* the step of a lone row or column says nothing */
    if (s->rows == 1) s->row = s->column == item ? s->columns * item : item;
    return is_usable((rt_dtype)t->dtype, s->data, s->rows, s->columns, s->row, s->column);
}

/* Takes t for side s, or a copy of it; `merge`: leading dimensions become rows. */
static int take(rt_matrices *s, rt_tensor *t, rt_dtype dtype, int vector, int swapped, int merge)
{
    if (look(s, t, vector, swapped, merge) && (rt_dtype)t->dtype == dtype) {
        s->t = (rt_tensor *)Py_NewRef((PyObject *)t);
    } else {
        s->t = packed(t, dtype);
        if (!s->t) return -1;
        look(s, s->t, vector, swapped, merge);
    }
    s->row /= (intptr_t)rt_itemsize(dtype);
    s->column /= (intptr_t)rt_itemsize(dtype);
    return 0;
}

/* ---- shapes -------------------------------------------------------------------------- */

static int refuse(const char *op, const rt_tensor *x, const rt_tensor *y, int swapped)
{
    char why[160];
    int dx = x->ndim - 1, dy = y->ndim == 1 ? 0 : y->ndim - (swapped ? 1 : 2);
    snprintf(why, sizeof why, "dimension %d of the first has length %zd, dimension %d of the second %zd", dx,
             (Py_ssize_t)x->shape[dx], dy, (Py_ssize_t)y->shape[dy]);
    return rt_error_shapes(op, why, x->ndim, x->shape, y->ndim, y->shape);
}

/* Broadcasts y's leading dimensions into p's. */
static int broadcast_batches(const char *op, const rt_tensor *x, const rt_tensor *y, rt_product *p)
{
    char why[120];
    for (int dx = x->ndim - 3, dy = y->ndim - 3; dx >= 0 && dy >= 0; dx--, dy--) {
        if (x->shape[dx] == y->shape[dy] || x->shape[dx] == 1 || y->shape[dy] == 1) continue;
        snprintf(why, sizeof why, "the batches do not broadcast (dimension %d has length %zd, dimension %d has %zd)", dx,
                 (Py_ssize_t)x->shape[dx], dy, (Py_ssize_t)y->shape[dy]);
        return rt_error_shapes(op, why, x->ndim, x->shape, y->ndim, y->shape);
    }
    return rt_shape_broadcast(op, &p->nbatch, p->batch, y->ndim - 2, y->shape);
}

int rt_product_begin(const char *op, rt_tensor *x, rt_tensor *y, int swapped, rt_product *p)
{
    p->x.t = p->y.t = NULL;
    if (x->ndim == 0 || y->ndim == 0)
        return rt_error_shapes(op, "both must have at least one dimension", x->ndim, x->shape, y->ndim, y->shape);
    intptr_t inner = y->shape[y->ndim == 1 ? 0 : y->ndim - (swapped ? 1 : 2)];
    if (x->shape[x->ndim - 1] != inner) return refuse(op, x, y, swapped);
    p->result = rt_dtype_promote((rt_dtype)x->dtype, (rt_dtype)y->dtype);
    p->compute = rt_product_compute(p->result);
    p->taken = rt_blas_takes_half(p->result) ? p->result : p->compute;
    p->nbatch = x->ndim > 2 ? x->ndim - 2 : 0;
    memcpy(p->batch, x->shape, (size_t)p->nbatch * sizeof *p->batch);
    if (y->ndim > 2 && broadcast_batches(op, x, y, p) < 0) return -1;
    int merge = y->ndim <= 2;
    if (take(&p->x, x, p->taken, 0, 0, merge) < 0 || take(&p->y, y, p->taken, 1, swapped, 0) < 0) {
        rt_product_end(p);
        return -1;
    }
    return 0;
}

void rt_product_end(rt_product *p)
{
    Py_CLEAR(p->x.t);
    Py_CLEAR(p->y.t);
}

/* ---- running ------------------------------------------------------------------------- */

/* Steps of a side along the broadcast leading dimensions, in bytes. */
static void batch_steps(const rt_product *p, const rt_matrices *s, intptr_t *steps)
{
    int lead = p->nbatch - s->nbatch;
    for (int d = 0; d < p->nbatch; d++)
        steps[d] = d < lead || s->t->shape[d - lead] == 1 ? 0 : s->t->steps[d - lead];
}

static void run_batches(const rt_product *p, char *out)
{
    const rt_matrices *x = &p->x, *y = &p->y;
    intptr_t xs[RT_MAX_NDIM], ys[RT_MAX_NDIM], index[RT_MAX_NDIM] = {0};
    intptr_t each = x->rows * y->columns * (intptr_t)rt_itemsize(p->compute);
    const char *a = x->data, *b = y->data;
    int last = p->nbatch - 1;
    batch_steps(p, x, xs);
    batch_steps(p, y, ys);
    for (;;) {
        rt_blas_gemm_batch(p->taken, p->batch[last], x->rows, y->columns, x->columns, a, xs[last], x->row, x->column,
                           b, ys[last], y->row, y->column, NULL, 0, 0, out, each, y->columns);
        out += each * p->batch[last];
        int d = last - 1;
        for (; d >= 0; d--) {
            a += xs[d];
            b += ys[d];
            if (++index[d] < p->batch[d]) break;
            a -= xs[d] * p->batch[d];
            b -= ys[d] * p->batch[d];
            index[d] = 0;
        }
        if (d < 0) return;
    }
}

static void run(const rt_product *p, const char *start, intptr_t start_row, char *out)
{
    const rt_matrices *x = &p->x, *y = &p->y;
    if (y->nbatch) run_batches(p, out);
    else rt_blas_gemm_batch(p->taken, 1, x->rows, y->columns, x->columns, x->data, 0, x->row, x->column, y->data, 0, y->row,
                            y->column, start, 0, start_row, out, 0, y->columns);
}

void rt_product_run(const rt_product *p, const char *start, intptr_t start_row, char *out)
{
    double work = (double)p->x.rows * (double)p->y.columns * (double)p->x.columns;
    for (int d = 0; p->y.nbatch && d < p->nbatch; d++) work *= (double)p->batch[d];
    for (int d = 0; d < p->nbatch; d++) if (p->batch[d] == 0) return;
    if (work < UNLOCK) {
        run(p, start, start_row, out);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    run(p, start, start_row, out);
    Py_END_ALLOW_THREADS
}

int rt_product_output(const rt_op *op, rt_product *p, int ndim, const intptr_t *shape, int nin, const rt_operand *in,
                      rt_tensor **out)
{
    int status = -1;
    rt_tensor *work = NULL, *wide = NULL, *const given = *out;
    if (rt_output_begin(op, out, p->result, ndim, shape, nin, in, 1, &work) < 0) goto done;
    if (p->compute == p->result) {
        rt_product_run(p, NULL, 0, work->data);
    } else {
        wide = rt_empty(p->compute, ndim, shape, work->storage->device);
        if (!wide) goto done;
        rt_product_run(p, NULL, 0, wide->data);
        if (rt_copy_into(work, wide) < 0) goto done;
    }
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_product_end(p);
    Py_XDECREF((PyObject *)wide);
    Py_XDECREF((PyObject *)work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}
