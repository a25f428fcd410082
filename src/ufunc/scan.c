/* scan: cumsum, cumprod, cummax, cummin along one dimension, over the line kernels of
 * kernels/scan.h; threads take whole lines.  `reverse` runs from the last element to the first,
 * which is also what the gradients need.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/reduce.h"
#include "ufunc/views.h"

#define GRAIN 16384             /* elements a thread takes at least */
#define FEW 4                   /* lines that are fewer add exponentials one by one */
#define RELEASE_GIL 100000      /* elements */

typedef struct {
    const rt_scanner *kernel;
    const char *x;
    char *out, *index;          /* index may be NULL */
    intptr_t n, step, out_step, index_step;
    int ndim, together;         /* the other dimensions; do the last one's lines go to the kernel together? */
    intptr_t shape[RT_MAX_NDIM], steps[RT_MAX_NDIM], item, out_col;
    rt_loop *add;               /* of LOGSUM, for many lines: log(exp(x) + exp(y)) in double; else NULL */
} job;

static void widen(int is_single, const char *x, intptr_t step, intptr_t m, double *to)
{
    if (is_single) for (intptr_t k = 0; k < m; k++) to[k] = *(const float *)(x + k * step);
    else for (intptr_t k = 0; k < m; k++) to[k] = *(const double *)(x + k * step);
}

/* Running sums of exponentials of m lines, in vectors over the lines; carried in double. */
static void log_lines(const job *j, const char *x, intptr_t col, char *out, intptr_t m)
{
    enum { TILE = 256 };
    double sum[TILE], next[TILE];
    char *args[3] = {(char *)sum, (char *)next, (char *)sum};
    const intptr_t steps[3] = {sizeof *sum, sizeof *sum, sizeof *sum};
    const int is_single = j->item == sizeof(float);
    for (intptr_t w; m > 0; m -= w, x += w * col, out += w * j->out_col) {
        w = m < TILE ? m : TILE;
        for (intptr_t i = 0; i < j->n; i++) {
            char *const to = out + i * j->out_step;
            widen(is_single, x + i * j->step, col, w, i ? next : sum);
            if (i) j->add(args, &w, steps, NULL);
            if (is_single) for (intptr_t k = 0; k < w; k++) *(float *)(to + k * j->out_col) = (float)sum[k];
            else for (intptr_t k = 0; k < w; k++) *(double *)(to + k * j->out_col) = sum[k];
        }
    }
}

/* Lines [begin, end): number l is line l of the other dimensions in C order.  out and index
 * are packed, so a line's place follows from `outer` and `inner` around the scanned dimension. */
static void run_lines(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const intptr_t inner = j->out_step < 0 ? -j->out_step / j->item : j->out_step / j->item;
    for (intptr_t l = begin; l < end;) {
        intptr_t rest = l, offset = 0, m = 1;
        for (int d = j->ndim - 1; d >= 0; d--) {
            offset += rest % j->shape[d] * j->steps[d];
            if (d == j->ndim - 1) m = j->shape[d] - rest % j->shape[d];
            rest /= j->shape[d];
        }
        const intptr_t at = l / inner * inner * j->n + l % inner;
        const char *x = j->x + offset;
        char *out = j->out + at * j->item;
        if (j->together) {
            const intptr_t col = j->ndim ? j->steps[j->ndim - 1] : 0;
            if (m > end - l) m = end - l;
            if (j->add) log_lines(j, x, col, out, m);
            else j->kernel->lines(x, j->n, j->step, col, out, j->out_step, j->out_col, m);
        } else {
            m = 1;
            j->kernel->line(x, j->n, j->step, out, j->out_step,
                            j->index ? (int64_t *)(j->index + at * 8) : NULL, j->index_step);
        }
        l += m;
    }
}

static void mirror(job *j, intptr_t index_last)
{
    j->x += (j->n - 1) * j->step;
    j->out += (j->n - 1) * j->out_step;
    j->step = -j->step;
    j->out_step = -j->out_step;
    if (j->index) j->index += index_last;
    j->index_step = -j->index_step;
}

/* x (of the kernel's dtype, any layout) into packed out and indices (or NULL). */
static void scan(rt_scan_kind kind, const rt_tensor *x, int dim, int reverse, rt_tensor *out, rt_tensor *indices)
{
    const intptr_t n = x->ndim ? x->shape[dim] : 1;
    job j = {.kernel = &rt_isa_now->scanners[kind][x->dtype], .x = x->data, .out = out->data,
             .index = indices ? indices->data : NULL, .n = n, .item = (intptr_t)rt_tensor_itemsize(x)};
    if (x->size == 0) return;
    intptr_t inner = 1;
    for (int d = 0; d < x->ndim; d++) {
        if (d == dim || x->shape[d] == 1) continue;
        if (d > dim) inner *= x->shape[d];
        j.shape[j.ndim] = x->shape[d];
        j.steps[j.ndim++] = x->steps[d];
    }
    j.step = x->ndim ? x->steps[dim] : 0;
    j.out_step = inner * j.item;
    j.index_step = inner * 8;
    j.out_col = inner > 1 ? j.item : n * j.item;
    const intptr_t lines = x->size / n;
    const int neighbours = j.ndim && j.steps[j.ndim - 1] == j.item && inner > 1;
    if (kind == RT_SCAN_LOGSUM && lines >= FEW && !rt_dtype_is_complex((rt_dtype)x->dtype))
        j.add = rt_ops[RT_OP_logaddexp].loops[RT_f64];
    j.together = j.kernel->lines || j.add;
    if (reverse) mirror(&j, (n - 1) * j.index_step);
    intptr_t grain = 1 + (j.add ? GRAIN / 16 : GRAIN) / n;
    if (j.together && grain < (neighbours ? 64 : 8)) grain = neighbours ? 64 : 8;
    if (x->size > (j.add ? RELEASE_GIL / 16 : RELEASE_GIL)) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(lines, grain, run_lines, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_lines(&j, 0, lines);
    }
    if (reverse && indices)
        for (intptr_t i = 0; i < indices->size; i++) ((int64_t *)indices->data)[i] = n - 1 - ((int64_t *)indices->data)[i];
}

/* x converted to dtype; new reference, x itself when it is so already. */
static rt_tensor *converted(rt_tensor *x, rt_dtype dtype)
{
    if (x->dtype == (int)dtype) {
        Py_INCREF(x);
        return x;
    }
    rt_tensor *t = rt_empty(dtype, x->ndim, x->shape, x->storage->device);
    if (t && rt_copy_into(t, x) < 0) Py_CLEAR(t);
    return t;
}

static rt_tensor *input(const rt_op *op, const rt_operand *in, rt_params *p, int *dim)
{
    rt_tensor *x = rt_operand_tensor(op, &in[0], 0);
    if (!x || (*dim = rt_dim_wrap(op->cls.name, p->i[0], x->ndim)) < 0) return NULL;
    p->i[0] = *dim;
    return x;
}

static int chain(const rt_op *op, rt_scan_kind kind, const rt_operand *in, rt_tensor *x, int dim, rt_dtype compute,
                 rt_dtype result, int reverse, rt_tensor **out)
{
    int status = -1;
    rt_tensor *c = NULL, *work = NULL, *t = NULL, *const given = *out;
    if (rt_output_begin(op, out, result, x->ndim, x->shape, 1, in, 1, &work) < 0) goto done;
    c = converted(x, compute);
    t = !c ? NULL : compute == result ? (rt_tensor *)Py_NewRef((PyObject *)work)
        : rt_empty(compute, x->ndim, x->shape, x->storage->device);
    if (!t) goto done;
    scan(kind, c, dim, reverse, t, NULL);
    if (t != work && rt_copy_into(work, t) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(c);
    Py_XDECREF(t);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* params.i: dim, dtype, reverse */
static int sum_or_product(const rt_op *op, rt_scan_kind kind, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    int dim;
    rt_tensor *x = input(op, in, p, &dim);
    if (!x) return -1;
    const rt_dtype d = p->i[1] != RT_NODTYPE ? (rt_dtype)p->i[1] : (rt_dtype)x->dtype;
    const rt_dtype compute = rt_reduce_compute(kind == RT_SCAN_SUM ? RT_REDUCE_SUM : RT_REDUCE_PROD, d);
    const rt_dtype result = p->i[1] != RT_NODTYPE || rt_dtype_is_inexact(d) ? d : compute;
    return chain(op, kind, in, x, dim, compute, result, (int)p->i[2], out);
}

/* params.i: dim, reverse */
int logcumsumexp_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    int dim;
    rt_tensor *x = input(op, in, p, &dim);
    if (!x) return -1;
    const rt_dtype d = rt_dtype_is_inexact((rt_dtype)x->dtype) ? (rt_dtype)x->dtype : rt_default_dtype();
    return chain(op, RT_SCAN_LOGSUM, in, x, dim, rt_reduce_compute(RT_REDUCE_SUM, d), d, (int)p->i[1], out);
}

int cumsum_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return sum_or_product(op, RT_SCAN_SUM, in, p, out);
}

int cumprod_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return sum_or_product(op, RT_SCAN_PROD, in, p, out);
}

/* Two outputs: values and indices. */
static int extremes(const rt_op *op, rt_scan_kind kind, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    int status = -1, dim;
    rt_tensor *x = input(op, in, p, &dim), *c = NULL, *t = NULL, *work[2] = {NULL, NULL};
    if (!x) return -1;
    const int given[2] = {out[0] != NULL, out[1] != NULL};
    const rt_dtype d = (rt_dtype)x->dtype, compute = rt_reduce_compute(RT_REDUCE_MAX, d);
    if (compute == RT_NODTYPE) return rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[d].name);
    if (rt_output_begin(op, &out[0], d, x->ndim, x->shape, 1, in, 1, &work[0]) < 0) goto done;
    if (rt_output_begin(op, &out[1], RT_i64, x->ndim, x->shape, 1, in, 1, &work[1]) < 0) goto done;
    c = converted(x, compute);
    t = !c ? NULL : compute == d ? (rt_tensor *)Py_NewRef((PyObject *)work[0])
        : rt_empty(compute, x->ndim, x->shape, x->storage->device);
    if (!t) goto done;
    scan(kind, c, dim, 0, t, work[1]);
    if (t != work[0] && rt_copy_into(work[0], t) < 0) goto done;
    status = rt_output_finish(out[0], work[0]);
    work[0] = NULL;
    if (status == 0) {
        status = rt_output_finish(out[1], work[1]);
        work[1] = NULL;
    }
done:
    Py_XDECREF(c);
    Py_XDECREF(t);
    for (int k = 0; k < 2; k++) {
        Py_XDECREF(work[k]);
        if (status < 0 && !given[k]) Py_CLEAR(out[k]);
    }
    return status;
}

int cummax_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return extremes(op, RT_SCAN_MAX, in, p, out);
}

int cummin_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return extremes(op, RT_SCAN_MIN, in, p, out);
}
