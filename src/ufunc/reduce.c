/* reduce: the forward functions of the REDUCE rows: what dtype a result has, what an empty
 * reduction is worth, and what is done after the fold (division, square root).  The folding itself is
 * reduce_run.c, the gradients reduce_backward.c.  Floor: ufunc. */
#include "ufunc/reduce.h"
#include <math.h>
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

int rt_reduce_frame(const rt_op *op, const rt_operand *in, const rt_params *p, rt_frame *f)
{
    const rt_tensor *x = f->x = rt_operand_tensor(op, &in[0], 0);
    if (!x) return -1;
    if (rt_dims_mask(op->cls.name, p->n[0] < 0 ? 0 : p->n[0], p->list, x->ndim, &f->mask) < 0) return -1;
    rt_reduce_frame_masked(f, f->mask, (int)p->i[0]);
    return 0;
}

void rt_reduce_frame_masked(rt_frame *f, uint32_t mask, int keepdim)
{
    f->mask = mask;
    f->ndim = 0;
    f->count = f->results = 1;
    for (int d = 0; d < f->x->ndim; d++) {
        const intptr_t n = f->x->shape[d];
        if (!(mask >> d & 1)) {
            f->results *= n;
            f->shape[f->ndim++] = n;
        } else {
            f->count *= n;
            if (keepdim) f->shape[f->ndim++] = 1;
        }
    }
}

/* ---- after the fold ---- */
typedef struct {
    rt_reduce_kind kind;
    rt_dtype compute, result;
    double divisor;             /* results are divided by it; 0/0 is nan. 1: left alone */
    int root;                   /* square root at the end */
    const char *center;
} plan;

static void divide(rt_tensor *t, double divisor, int root)
{
    if (divisor == 1 && !root) return;
    const intptr_t n = t->size * (rt_dtype_is_complex((rt_dtype)t->dtype) ? 2 : 1);
    if (t->dtype == RT_f32 || t->dtype == RT_c64) {
        float *v = (float *)t->data, by = (float)divisor;
        for (intptr_t i = 0; i < n; i++) v[i] /= by;
        for (intptr_t i = 0; root && i < n; i++) v[i] = sqrtf(v[i]);
    } else {
        double *v = (double *)t->data;
        for (intptr_t i = 0; i < n; i++) v[i] /= divisor;
        for (intptr_t i = 0; root && i < n; i++) v[i] = sqrt(v[i]);
    }
}

static int fill_empty(rt_tensor *t, rt_reduce_kind kind)
{
    rt_operand one = rt_operand_int(kind == RT_REDUCE_PROD || kind == RT_REDUCE_ALL);
    return rt_fill(t, &one);
}

/* Folds f->x into t, a packed tensor of the accumulate dtype. */
static int fold(const rt_frame *f, const plan *a, rt_tensor *t)
{
    if (f->count == 0) {
        if (fill_empty(t, a->kind) < 0) return -1;
    } else {
        rt_reduction r = {a->kind, f->x, f->mask, a->compute, a->center, t->data};
        if (rt_reduce_run(&r) < 0) return -1;
    }
    divide(t, a->divisor, a->root);
    return 0;
}

static int compute(const rt_op *op, const rt_frame *f, const plan *a, const rt_operand *in, rt_tensor **out)
{
    int status = -1;
    rt_tensor *work = NULL, *t = NULL, *const given = *out;
    const rt_dtype acc = rt_isa_now->reducers[a->kind][a->compute].accumulate;
    if (rt_output_begin(op, out, a->result, f->ndim, f->shape, 1, in, 1, &work) < 0) goto done;
    if (acc == a->result) {
        if (fold(f, a, work) < 0) goto done;
    } else {
        t = rt_empty(acc, f->ndim, f->shape, work->storage->device);
        if (!t || fold(f, a, t) < 0 || rt_copy_into(work, t) < 0) goto done;
    }
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(t);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

static int refuse_empty(const rt_op *op, const rt_frame *f)
{
    char text[RT_SHAPE_TEXT];
    if (f->count > 0 || f->results == 0) return 0;
    return rt_error(rt_RangeError, op->cls.name, "no elements to choose from: the input has shape %s",
                    rt_shape_text(f->x->ndim, f->x->shape, text));
}

static int refuse_dtype(const rt_op *op, rt_dtype d)
{
    return rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[d].name);
}

/* ---- sums and products ---- */
static int sum_like(const rt_op *op, rt_reduce_kind kind, const rt_operand *in, const rt_params *p, rt_tensor **out)
{
    rt_frame f;
    if (rt_reduce_frame(op, in, p, &f) < 0) return -1;
    plan a = {.kind = kind, .divisor = 1};
    if (p->i[1] != RT_NODTYPE) {
        a.result = (rt_dtype)p->i[1];
        a.compute = rt_reduce_compute(kind, a.result);
    } else {
        a.compute = rt_reduce_compute(kind, (rt_dtype)f.x->dtype);
        a.result = rt_dtype_is_inexact((rt_dtype)f.x->dtype) ? (rt_dtype)f.x->dtype : a.compute;
    }
    return compute(op, &f, &a, in, out);
}

int sum_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return sum_like(op, RT_REDUCE_SUM, in, p, out);
}

/* A NaN is to be seen before it is converted to what has none. */
int nansum_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    rt_tensor *x = rt_operand_tensor(op, &in[0], 0), *numbers;
    if (!x) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[x->dtype].name);
    if (!rt_dtype_is_float((rt_dtype)x->dtype)) return sum_like(op, RT_REDUCE_SUM, in, p, out);
    if (p->i[1] == RT_NODTYPE || rt_dtype_is_float((rt_dtype)p->i[1])) return sum_like(op, RT_REDUCE_NANSUM, in, p, out);
    numbers = rt_apply2s(RT_OP_replace_nan, x, 0);
    if (!numbers) return -1;
    const rt_operand other = rt_operand_of(numbers);
    const int status = sum_like(op, RT_REDUCE_SUM, &other, p, out);
    Py_DECREF(numbers);
    return status;
}

int prod_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return sum_like(op, RT_REDUCE_PROD, in, p, out);
}

/* Dtypes of a statistic: an integer's is the default dtype, computed in double. */
static int statistic(const rt_op *op, const rt_frame *f, rt_reduce_kind kind, intptr_t wanted, plan *a)
{
    const rt_dtype d = (rt_dtype)f->x->dtype;
    a->kind = kind;
    a->result = wanted != RT_NODTYPE ? (rt_dtype)wanted : rt_dtype_is_inexact(d) ? d : rt_default_dtype();
    if (!rt_dtype_is_inexact(a->result))
        return rt_error(rt_DtypeError, op->cls.name, "dtype must be floating or complex, not %s",
                        rt_dtypes[a->result].name);
    a->compute = rt_dtype_is_inexact(d) ? rt_reduce_compute(kind, a->result)
        : rt_dtype_is_complex(a->result) ? RT_c128 : RT_f64;
    return 0;
}

int mean_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    rt_frame f;
    plan a = {0};
    if (rt_reduce_frame(op, in, p, &f) < 0 || statistic(op, &f, RT_REDUCE_SUM, p->i[1], &a) < 0) return -1;
    a.divisor = (double)f.count;
    return compute(op, &f, &a, in, out);
}

/* Two passes: the mean, then squares about it. */
static int var_like(const rt_op *op, const rt_operand *in, const rt_params *p, rt_tensor **out, int root)
{
    int status = -1;
    rt_tensor *center = NULL;
    rt_frame f;
    plan mean = {0}, a;
    if (rt_reduce_frame(op, in, p, &f) < 0 || statistic(op, &f, RT_REDUCE_SUM, RT_NODTYPE, &mean) < 0) return -1;
    a = mean;
    a.kind = RT_REDUCE_SUMSQ;
    a.result = rt_dtype_to_real(mean.result);
    a.divisor = (double)f.count - p->f[0];
    if (a.divisor < 0) a.divisor = 0;
    a.root = root;
    if (f.count > 0) {
        mean.divisor = (double)f.count;
        center = rt_empty(mean.compute, f.ndim, f.shape, f.x->storage->device);
        if (!center || fold(&f, &mean, center) < 0) goto done;
        a.center = center->data;
    }
    status = compute(op, &f, &a, in, out);
done:
    Py_XDECREF(center);
    return status;
}

int var_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return var_like(op, in, p, out, 0);
}

int std_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return var_like(op, in, p, out, 1);
}

int norm2_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    rt_frame f;
    plan a = {0};
    if (rt_reduce_frame(op, in, p, &f) < 0 || statistic(op, &f, RT_REDUCE_SUMSQ, RT_NODTYPE, &a) < 0) return -1;
    a.result = rt_dtype_to_real(a.result);
    a.divisor = 1;
    a.root = 1;
    return compute(op, &f, &a, in, out);
}

/* ---- order and truth ---- */
static int extreme(const rt_op *op, rt_reduce_kind kind, const rt_operand *in, const rt_params *p, rt_tensor **out)
{
    rt_frame f;
    if (rt_reduce_frame(op, in, p, &f) < 0 || refuse_empty(op, &f) < 0) return -1;
    plan a = {.kind = kind, .divisor = 1, .result = (rt_dtype)f.x->dtype};
    a.compute = rt_reduce_compute(kind, a.result);
    return a.compute == RT_NODTYPE ? refuse_dtype(op, a.result) : compute(op, &f, &a, in, out);
}

int amax_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return extreme(op, RT_REDUCE_MAX, in, p, out);
}

int amin_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return extreme(op, RT_REDUCE_MIN, in, p, out);
}

static int truth(const rt_op *op, rt_reduce_kind kind, const rt_operand *in, const rt_params *p, rt_tensor **out)
{
    rt_frame f;
    if (rt_reduce_frame(op, in, p, &f) < 0) return -1;
    plan a = {.kind = kind, .divisor = 1, .compute = RT_b1, .result = RT_b1};
    return compute(op, &f, &a, in, out);
}

int any_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return truth(op, RT_REDUCE_ANY, in, p, out);
}

int all_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return truth(op, RT_REDUCE_ALL, in, p, out);
}

int count_nonzero_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    rt_frame f;
    if (rt_reduce_frame(op, in, p, &f) < 0) return -1;
    plan a = {.kind = RT_REDUCE_NONZERO, .divisor = 1, .compute = RT_b1, .result = RT_i64};
    return compute(op, &f, &a, in, out);
}

/* ---- positions ---- */

/* Pairs of value and index into values (may be NULL) and indices, both packed. */
static void part_pairs(const char *pairs, intptr_t n, rt_tensor *values, rt_tensor *indices)
{
    int64_t *index = (int64_t *)indices->data;
    const size_t size = values ? rt_tensor_itemsize(values) : 0;
    for (intptr_t i = 0; i < n; i++, pairs += 16) {
        index[i] = *(const int64_t *)(pairs + 8);
        if (values) memcpy(values->data + (size_t)i * size, pairs, size);
    }
}

/* out[nout - 1] receives indices, out[0] of two the values. */
static int positions(const rt_op *op, const rt_frame *f, rt_reduce_kind kind, const rt_operand *in, rt_tensor **out)
{
    int status = -1;
    const int pair = op->nout == 2;
    const rt_dtype d = (rt_dtype)f->x->dtype, compute_in = rt_reduce_compute(kind, d);
    rt_tensor *work[2] = {NULL, NULL}, *values = NULL;
    const int given[2] = {out[0] != NULL, pair && out[1] != NULL};
    rt_storage *pairs = NULL;
    if (compute_in == RT_NODTYPE) return refuse_dtype(op, d);
    if (refuse_empty(op, f) < 0) return -1;
    pairs = rt_memory_alloc((size_t)f->results * 16, (rt_device){RT_CPU, 0});
    if (!pairs) goto done;
    if (pair && rt_output_begin(op, &out[0], d, f->ndim, f->shape, 1, in, 1, &work[0]) < 0) goto done;
    if (rt_output_begin(op, &out[pair], RT_i64, f->ndim, f->shape, 1, in, 1, &work[1]) < 0) goto done;
    if (pair && compute_in != d) {
        values = rt_empty(compute_in, f->ndim, f->shape, f->x->storage->device);
        if (!values) goto done;
    }
    rt_reduction r = {kind, f->x, f->mask, compute_in, NULL, pairs->data};
    if (rt_reduce_run(&r) < 0) goto done;
    part_pairs(pairs->data, f->results, values ? values : work[0], work[1]);
    if (values && rt_copy_into(work[0], values) < 0) goto done;
    status = pair ? rt_output_finish(out[0], work[0]) : 0;
    work[0] = NULL;
    if (status == 0) {
        status = rt_output_finish(out[pair], work[1]);
        work[1] = NULL;
    }
done:
    rt_storage_release(pairs);
    Py_XDECREF(values);
    Py_XDECREF(work[0]);
    Py_XDECREF(work[1]);
    for (int k = 0; status < 0 && k <= pair; k++) if (!given[k]) Py_CLEAR(out[k]);
    return status;
}

/* dim is params.i[0] (RT_NONE_INT: over everything), keepdim params.i[1]. */
static int at_dim(const rt_op *op, rt_reduce_kind kind, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    rt_frame f;
    f.x = rt_operand_tensor(op, &in[0], 0);
    if (!f.x) return -1;
    uint32_t mask = f.x->ndim ? (uint32_t)(((uint64_t)1 << f.x->ndim) - 1) : 0;
    if (p->i[0] != RT_NONE_INT) {
        const int dim = rt_dim_wrap(op->cls.name, p->i[0], f.x->ndim);
        if (dim < 0) return -1;
        p->i[0] = dim;
        if (f.x->ndim) mask = (uint32_t)1 << dim;
    }
    rt_reduce_frame_masked(&f, mask, (int)p->i[1]);
    return positions(op, &f, kind, in, out);
}

int argmax_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return at_dim(op, RT_REDUCE_ARGMAX, in, p, out);
}

int argmin_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return at_dim(op, RT_REDUCE_ARGMIN, in, p, out);
}

int max_dim_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return at_dim(op, RT_REDUCE_ARGMAX, in, p, out);
}

int min_dim_forward(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    (void)nin;
    return at_dim(op, RT_REDUCE_ARGMIN, in, p, out);
}
