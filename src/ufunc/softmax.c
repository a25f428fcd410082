/* softmax: softmax, log_softmax, logsumexp and their gradients over the row kernels.  Whatever the
 * layout, dimensions to fold are brought last and rows made packed in float32 or float64;
 * float16 and bfloat16 are computed through float32.  Floor: ufunc. */
#include <complex.h>
#include <math.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/crosswise.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/reduce.h"
#include "ufunc/views.h"

#define GRAIN 8192              /* elements a thread takes at least: exp is dear */
#define RELEASE_GIL 50000       /* elements */

typedef void row_fn(const char *x, char *out, intptr_t rows, intptr_t n);
typedef void row_gradient_fn(const char *g, const char *out, char *gx, intptr_t rows, intptr_t n);

typedef struct {
    row_fn *forward;         /* or */
    row_gradient_fn *gradient;
    const char *x, *y;
    char *out;
    intptr_t n, in_row, out_row;   /* elements of a row; bytes from row to row */
} job;

static void run_rows(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const char *x = j->x + begin * j->in_row;
    char *out = j->out + begin * j->out_row;
    if (j->gradient) j->gradient(x, j->y + begin * j->in_row, out, end - begin, j->n);
    else j->forward(x, out, end - begin, j->n);
}

static void run(job *j, intptr_t rows)
{
    const intptr_t grain = 1 + GRAIN / (j->n ? j->n : 1);
    if (rows * j->n > RELEASE_GIL) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(rows, grain, run_rows, j);
        Py_END_ALLOW_THREADS
    } else {
        run_rows(j, 0, rows);
    }
}

/* The dtype rows are computed in, RT_NODTYPE for complex. */
static rt_dtype row_dtype(rt_dtype d)
{
    if (rt_dtype_is_complex(d)) return RT_NODTYPE;
    return d == RT_f64 ? RT_f64 : RT_f32;
}

/* Window on t with the masked dimensions last. */
static rt_tensor *folded_last(const rt_tensor *t, uint32_t mask)
{
    intptr_t dims[RT_MAX_NDIM];
    int n = 0;
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < t->ndim; d++) if ((int)(mask >> d & 1) == last) dims[n++] = d;
    return rt_view_permute("permute", t, n, dims);
}

/* t's rows over the masked dimensions, packed, in dtype; new reference, t itself when it is so already. */
static rt_tensor *rows_of(rt_tensor *t, uint32_t mask, rt_dtype dtype)
{
    rt_tensor *rows = folded_last(t, mask), *packed = NULL;
    if (!rows || (rows->dtype == (int)dtype && rt_tensor_is_contiguous(rows))) return rows;
    packed = rt_empty(dtype, rows->ndim, rows->shape, t->storage->device);
    if (packed && rt_copy_into(packed, rows) < 0) Py_CLEAR(packed);
    Py_DECREF(rows);
    return packed;
}

/* Where rows are written: `work` itself, or a packed temporary that rows_home brings back. */
static rt_tensor *rows_target(rt_tensor *work, uint32_t mask, rt_dtype dtype)
{
    rt_tensor *rows = folded_last(work, mask), *packed;
    if (!rows || (rows->dtype == (int)dtype && rt_tensor_is_contiguous(rows))) return rows;
    packed = rt_empty(dtype, rows->ndim, rows->shape, work->storage->device);
    Py_DECREF(rows);
    return packed;
}

static int rows_home(rt_tensor *work, uint32_t mask, const rt_tensor *target)
{
    if (target->storage == work->storage) return 0;
    rt_tensor *rows = folded_last(work, mask);
    int status = rows ? rt_copy_into(rows, target) : -1;
    Py_XDECREF(rows);
    return status;
}

/* Result dtype of a FLOAT row; RT_NODTYPE with an exception for complex. */
static rt_dtype float_dtype(const rt_op *op, rt_dtype d)
{
    if (rt_dtype_is_float(d)) return d;
    if (!rt_dtype_is_complex(d)) return rt_default_dtype();
    (void)rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[d].name);
    return RT_NODTYPE;
}

/* x -> out of x's shape, row by row along one dimension (or none of a 0-d tensor). */
static int along(const rt_op *op, const rt_operand *in, rt_params *p, rt_tensor **out, int is_log)
{
    int status = -1;
    rt_tensor *x = rt_operand_tensor(op, &in[0], 0), *work = NULL, *rows = NULL, *target = NULL, *const given = *out;
    if (!x) return -1;
    const int dim = rt_dim_wrap(op->cls.name, p->i[0], x->ndim);
    if (dim < 0) return -1;
    p->i[0] = dim;
    const rt_dtype result = float_dtype(op, p->i[1] != RT_NODTYPE ? (rt_dtype)p->i[1] : (rt_dtype)x->dtype);
    if (result == RT_NODTYPE) return -1;
    const rt_dtype compute = row_dtype(result);
    const uint32_t mask = x->ndim ? (uint32_t)1 << dim : 0;
    const rt_rowwise *kernels = rt_isa_now->rowwise[compute];
    if (rt_output_begin(op, out, result, x->ndim, x->shape, 1, in, 1, &work) < 0) goto done;
    if (x->dtype == (int)compute && work->dtype == (int)compute && rt_crosswise_fit(x, dim)) {
        status = rt_crosswise_run(x, NULL, work, dim, is_log);
        if (status == 0) status = rt_output_finish(*out, work);
        else Py_DECREF(work);
        work = NULL;
        goto done;
    }
    rows = rows_of(x, mask, compute);
    target = rows ? rows_target(work, mask, compute) : NULL;
    if (!target) goto done;
    const intptr_t n = x->ndim ? x->shape[dim] : 1, row = n * (intptr_t)rt_itemsize(compute);
    job j = {.forward = is_log ? kernels->log_softmax : kernels->softmax, .x = rows->data, .out = target->data,
             .n = n, .in_row = row, .out_row = row};
    if (x->size) run(&j, x->size / n);
    if (rows_home(work, mask, target) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(rows);
    Py_XDECREF(target);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

int softmax_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return along(op, in, p, out, 0);
}

int log_softmax_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return along(op, in, p, out, 1);
}

/* Rows of complex numbers, shifted by the largest real part, summed in double in order. */
#define COMPLEX_ROWS(word, ctype) \
    static void logsumexp_##word(const char *xp, char *outp, intptr_t rows, intptr_t n) \
    { \
        const ctype *x = (const ctype *)xp; \
        for (intptr_t r = 0; r < rows; r++, x += n) { \
            double most = creal(x[0]), re = 0, im = 0; \
            for (intptr_t i = 1; i < n; i++) most = creal(x[i]) > most ? creal(x[i]) : most; \
            if (!isfinite(most)) most = 0; \
            for (intptr_t i = 0; i < n; i++) { \
                const double size = exp(creal(x[i]) - most), angle = cimag(x[i]); \
                re += size == 0 ? 0 : size * cos(angle); \
                im += size == 0 ? 0 : size * sin(angle); \
            } \
            ((ctype *)outp)[r] = (ctype)(clog(CMPLX(re, im)) + most); \
        } \
    }
COMPLEX_ROWS(c64, float _Complex)
COMPLEX_ROWS(c128, double _Complex)

int logsumexp_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    int status = -1;
    rt_tensor *work = NULL, *rows = NULL, *target = NULL, *const given = *out;
    rt_frame f;
    if (rt_reduce_frame(op, in, p, &f) < 0) return -1;
    const rt_dtype d = (rt_dtype)f.x->dtype, result = rt_dtype_is_inexact(d) ? d : rt_default_dtype();
    const rt_dtype compute = rt_dtype_is_complex(d) ? d : rt_dtype_is_float(d) ? row_dtype(d) : RT_f64;
    if (rt_output_begin(op, out, result, f.ndim, f.shape, 1, in, 1, &work) < 0) goto done;
    if (f.count == 0) {
        const rt_operand nothing = rt_operand_float(-Py_HUGE_VAL);
        if (rt_fill(work, &nothing) < 0) goto done;
    } else {
        rows = rows_of(f.x, f.mask, compute);
        target = rows ? rows_target(work, 0, compute) : NULL;
        if (!target) goto done;
        const intptr_t size = (intptr_t)rt_itemsize(compute);
        job j = {.forward = compute == RT_c64 ? logsumexp_c64 : compute == RT_c128 ? logsumexp_c128
                 : rt_isa_now->rowwise[compute]->logsumexp, .x = rows->data, .out = target->data,
                 .n = f.count, .in_row = f.count * size, .out_row = size};
        run(&j, f.results);
        if (rows_home(work, 0, target) < 0) goto done;
    }
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(rows);
    Py_XDECREF(target);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* ---- gradients ---- */

/* Unrecorded: one fused kernel over (g, out). */
static rt_tensor *fused(rt_tensor *g, rt_tensor *out, int dim, int is_log)
{
    rt_tensor *gx = NULL, *target = NULL;
    const rt_dtype compute = row_dtype((rt_dtype)out->dtype);
    const uint32_t mask = out->ndim ? (uint32_t)1 << dim : 0;
    const rt_rowwise *kernels = rt_isa_now->rowwise[compute];
    row_gradient_fn *const kernel = is_log ? kernels->log_softmax_backward : kernels->softmax_backward;
    rt_tensor *grows = NULL, *rows = NULL;
    gx = rt_empty((rt_dtype)out->dtype, out->ndim, out->shape, out->storage->device);
    if (!gx) return NULL;
    if (out->dtype == (int)compute && g->dtype == (int)compute && rt_crosswise_fit(out, dim) && rt_tensor_is_contiguous(g)) {
        if (rt_crosswise_run(g, out, gx, dim, is_log) < 0) Py_CLEAR(gx);
        return gx;
    }
    grows = rows_of(g, mask, compute);
    rows = grows ? rows_of(out, mask, compute) : NULL;
    if (!rows) goto fail;
    target = rows_target(gx, mask, compute);
    if (!target) goto fail;
    const intptr_t n = out->ndim ? out->shape[dim] : 1, row = n * (intptr_t)rt_itemsize(compute);
    job j = {.gradient = kernel, .x = grows->data,
             .y = rows->data, .out = target->data, .n = n, .in_row = row, .out_row = row};
    if (out->size) run(&j, out->size / n);
    if (rows_home(gx, mask, target) == 0) goto done;
fail:
    Py_CLEAR(gx);
done:
    Py_XDECREF(grows);
    Py_XDECREF(rows);
    Py_XDECREF(target);
    return gx;
}

/* Recorded: out (g - sum(g out)), or g - exp(out) sum(g). */
static rt_tensor *composed(rt_tensor *g, rt_tensor *out, int dim, int is_log)
{
    rt_params p;
    const intptr_t dims[1] = {dim};
    rt_params_begin(&p);
    rt_params_push(&p, 0, out->ndim ? 1 : 0, dims);
    p.i[0] = 1;
    p.i[1] = RT_NODTYPE;
    rt_tensor *a = is_log ? rt_apply1(RT_OP_exp, out) : rt_apply2(RT_OP_mul, g, out);
    rt_tensor *total = a ? rt_apply1p(RT_OP_sum, is_log ? g : a, &p) : NULL;
    rt_tensor *b = !total ? NULL : is_log ? rt_apply2(RT_OP_mul, a, total) : rt_apply2(RT_OP_sub, g, total);
    rt_tensor *gx = !b ? NULL : is_log ? rt_apply2(RT_OP_sub, g, b) : rt_apply2(RT_OP_mul, out, b);
    Py_XDECREF(a);
    Py_XDECREF(total);
    Py_XDECREF(b);
    return gx;
}

static int backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin, int is_log)
{
    rt_operand out;
    if (rt_node_unpack(n, 0, &out) < 0) return -1;
    const int dim = (int)n->params->i[0];
    gin[0] = rt_records(g[0]) || rt_records(out.t) ? composed(g[0], out.t, dim, is_log) : fused(g[0], out.t, dim, is_log);
    Py_DECREF(out.t);
    return gin[0] ? 0 : -1;
}

int softmax_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return backward(n, g, gin, 0); }
int log_softmax_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return backward(n, g, gin, 1); }
