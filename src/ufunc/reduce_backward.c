/* reduce_backward: gradients of the REDUCE rows.  Each is a few lines over the op table, so that they
 * are recorded themselves under create_graph; where nothing is recorded the gradient of a sum
 * is a window on g with zero steps.  Floor: ufunc. */
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/observe.h"
#include "ufunc/reduce.h"
#include "ufunc/views.h"

/* What a node folded: its input's geometry and the shape its result has with keepdim. */
typedef struct {
    rt_input_meta in;
    uint32_t mask;
    int keepdim;
    intptr_t count, kept[RT_MAX_NDIM];
} folded;

static void folded_masked(const rt_node *n, folded *f, uint32_t mask, int keepdim)
{
    f->in = rt_node_input(n, 0);
    f->mask = mask;
    f->keepdim = keepdim;
    f->count = 1;
    for (int d = 0; d < f->in.ndim; d++) {
        const int is_folded = mask >> d & 1;
        f->kept[d] = is_folded ? 1 : f->in.shape[d];
        if (is_folded) f->count *= f->in.shape[d];
    }
}

static int folded_of(const rt_node *n, folded *f)
{
    const rt_params *p = n->params;
    uint32_t mask;
    if (rt_dims_mask(n->cls->name, p->n[0] < 0 ? 0 : p->n[0], p->list, rt_node_input(n, 0).ndim, &mask) < 0) return -1;
    folded_masked(n, f, mask, (int)p->i[0]);
    return 0;
}

/* t (a result's shape) with folded dimensions of length 1; new reference. */
static rt_tensor *with_kept_dims(const folded *f, rt_tensor *t)
{
    if (f->keepdim || t->ndim == f->in.ndim) {
        Py_INCREF(t);
        return t;
    }
    if (!rt_records(t)) {
        intptr_t steps[RT_MAX_NDIM];
        for (int d = 0, k = 0; d < f->in.ndim; d++) steps[d] = f->mask >> d & 1 ? 0 : t->steps[k++];
        return rt_tensor_alias(t, t->data, (rt_dtype)t->dtype, f->in.ndim, f->kept, steps);
    }
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, f->in.ndim, f->kept);
    return rt_apply1p(RT_OP_reshape, t, &p);
}

/* g spread over the input's shape; new reference, a window. */
static rt_tensor *spread(const folded *f, rt_tensor *g)
{
    rt_tensor *kept = with_kept_dims(f, g), *out;
    if (!kept) return NULL;
    if (rt_records(kept)) {
        rt_params p;
        rt_params_begin(&p);
        rt_params_push(&p, 0, f->in.ndim, f->in.shape);
        out = rt_apply1p(RT_OP_expand, kept, &p);
    } else {
        out = rt_view_expand("expand", kept, f->in.ndim, f->in.shape);
    }
    Py_DECREF(kept);
    return out;
}

/* Steps of a chain: consumes x, and y where it is owned. */
static rt_tensor *step1(rt_op_index op, rt_tensor *x)
{
    rt_tensor *out = x ? rt_apply1(op, x) : NULL;
    Py_XDECREF(x);
    return out;
}

static rt_tensor *step2(rt_op_index op, rt_tensor *x, rt_tensor *y)
{
    rt_tensor *out = x && y ? rt_apply2(op, x, y) : NULL;
    Py_XDECREF(x);
    return out;
}

static rt_tensor *step2_owned(rt_op_index op, rt_tensor *x, rt_tensor *y)
{
    rt_tensor *out = step2(op, x, y);
    Py_XDECREF(y);
    return out;
}

static rt_tensor *step2s(rt_op_index op, rt_tensor *x, double y)
{
    rt_tensor *out = x ? rt_apply2s(op, x, y) : NULL;
    Py_XDECREF(x);
    return out;
}

/* One of the REDUCE rows over f's dimensions, kept. */
static rt_tensor *fold_kept(rt_op_index op, const folded *f, rt_tensor *x)
{
    rt_params p;
    intptr_t dims[RT_MAX_NDIM];
    int n = 0;
    for (int d = 0; d < f->in.ndim; d++) if (f->mask >> d & 1) dims[n++] = d;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, dims);
    p.i[0] = 1;
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(op, x, &p);
}

static rt_tensor *unpack(rt_node *n, int k)
{
    rt_operand v;
    return rt_node_unpack(n, k, &v) < 0 ? NULL : v.t;
}

int sum_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    gin[0] = spread(&f, g[0]);
    return gin[0] ? 0 : -1;
}

int nansum_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *each = x ? spread(&f, g[0]) : NULL, *missing = each ? rt_apply1(RT_OP_isnan, x) : NULL;
    if (missing) {
        const rt_operand pick[3] = {rt_operand_of(missing), rt_operand_int(0), rt_operand_of(each)};
        if (rt_op_apply(&rt_ops[RT_OP_where], 3, pick, NULL, &gin[0]) < 0) gin[0] = NULL;
    }
    Py_XDECREF(x);
    Py_XDECREF(each);
    Py_XDECREF(missing);
    return gin[0] ? 0 : -1;
}

int mean_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *each = rt_apply2s(RT_OP_div, g[0], (double)f.count);
    gin[0] = each ? spread(&f, each) : NULL;
    Py_XDECREF(each);
    return gin[0] ? 0 : -1;
}

/* g * conj(product of x / x), new; no element is 0. */
static rt_tensor *shares_of_product(const folded *f, rt_tensor *x, rt_tensor *g)
{
    rt_tensor *p = fold_kept(RT_OP_prod, f, x), *each = p ? rt_apply2(RT_OP_div, p, x) : NULL;
    if (each && rt_dtype_is_complex((rt_dtype)each->dtype)) each = step1(RT_OP_conj, each);
    Py_XDECREF(p);
    return step2(RT_OP_mul, each, g);
}

/* With z where x is 0 and p the product of the others: g * conj(p / x) where nothing is 0, g * p at
 * a lone zero, 0 elsewhere. */
int prod_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    const rt_operand one = rt_operand_int(1), zero = rt_operand_int(0);
    rt_tensor *x = unpack(n, 0), *gk = with_kept_dims(&f, g[0]), *z = NULL, *zi = NULL, *zeros = NULL, *x1 = NULL;
    rt_tensor *each = NULL, *wanted = NULL;
    if (!x || !gk) goto done;
    z = rt_apply2s(RT_OP_eq, x, 0);
    const int records = rt_records(x) || rt_records(gk), asks = records || !rt_observers;    /* a script's ops fit any values */
    const int some = z && asks ? rt_any_true(z) : 1;
    if (!z || some < 0) goto done;
    if (!some && !rt_observers) {
        gin[0] = shares_of_product(&f, x, gk);
        goto done;
    }
    if (some && records) {                                         /* what follows is blind to second derivatives at 0 */
        gin[0] = rt_prod_gradient(x, gk, f.mask);
        goto done;
    }
    zi = z ? rt_cast(z, RT_i64) : NULL;
    zeros = zi ? fold_kept(RT_OP_sum, &f, zi) : NULL;              /* how many */
    wanted = zeros ? rt_apply2(RT_OP_eq, zeros, zi) : NULL;        /* 0 of 0, or this is the one */
    if (!wanted) goto done;
    rt_operand pick[3] = {rt_operand_of(z), one, rt_operand_of(x)};
    if (rt_op_apply(&rt_ops[RT_OP_where], 3, pick, NULL, &x1) < 0) goto done;
    each = shares_of_product(&f, x1, gk);
    if (!each) goto done;
    rt_operand keep[3] = {rt_operand_of(wanted), rt_operand_of(each), zero};
    if (rt_op_apply(&rt_ops[RT_OP_where], 3, keep, NULL, &gin[0]) < 0) gin[0] = NULL;
done:
    Py_XDECREF(x);
    Py_XDECREF(gk);
    Py_XDECREF(z);
    Py_XDECREF(zi);
    Py_XDECREF(zeros);
    Py_XDECREF(x1);
    Py_XDECREF(each);
    Py_XDECREF(wanted);
    return gin[0] ? 0 : -1;
}

/* x - mean(x), new. */
static rt_tensor *centered(const folded *f, rt_tensor *x)
{
    rt_tensor *mean = fold_kept(RT_OP_mean, f, x);
    rt_tensor *out = mean ? rt_apply2(RT_OP_sub, x, mean) : NULL;
    Py_XDECREF(mean);
    return out;
}

static double freedom(const rt_node *n, const folded *f)
{
    const double left = (double)f->count - n->params->f[0];
    return left > 0 ? left : 0;
}

int var_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *gk = with_kept_dims(&f, g[0]);
    rt_tensor *d = x && gk ? centered(&f, x) : NULL, *each = gk ? rt_apply2s(RT_OP_mul, gk, 2 / freedom(n, &f)) : NULL;
    gin[0] = step2_owned(RT_OP_mul, d, each);
    Py_XDECREF(x);
    Py_XDECREF(gk);
    return gin[0] ? 0 : -1;
}

/* saves X and OUT: (x - mean) g / (out (n - correction)) */
int std_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *out = x ? unpack(n, 1) : NULL;
    rt_tensor *each = out ? rt_apply2(RT_OP_div, g[0], out) : NULL;
    each = step2s(RT_OP_div, each, freedom(n, &f));
    rt_tensor *kept = each ? with_kept_dims(&f, each) : NULL, *d = kept ? centered(&f, x) : NULL;
    gin[0] = step2_owned(RT_OP_mul, d, kept);
    Py_XDECREF(x);
    Py_XDECREF(out);
    Py_XDECREF(each);
    return gin[0] ? 0 : -1;
}

/* g x / |x|, 0 where the norm is 0. */
int norm2_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *out = x ? unpack(n, 1) : NULL;
    rt_tensor *each = out ? rt_apply2(RT_OP_div, g[0], out) : NULL, *flat = NULL, *kept = NULL, *zero = NULL;
    zero = each ? rt_apply2s(RT_OP_eq, out, 0) : NULL;
    if (!zero) goto done;
    rt_operand pick[3] = {rt_operand_of(zero), rt_operand_int(0), rt_operand_of(each)};
    if (rt_op_apply(&rt_ops[RT_OP_where], 3, pick, NULL, &flat) < 0) goto done;
    kept = with_kept_dims(&f, flat);
    gin[0] = kept ? rt_apply2(RT_OP_mul, x, kept) : NULL;
done:
    Py_XDECREF(x);
    Py_XDECREF(out);
    Py_XDECREF(each);
    Py_XDECREF(zero);
    Py_XDECREF(flat);
    Py_XDECREF(kept);
    return gin[0] ? 0 : -1;
}

/* Ties share evenly: g * (x == out) / number of them. */
static int extreme_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *out = x ? unpack(n, 1) : NULL, *gk = with_kept_dims(&f, g[0]);
    rt_tensor *best = out ? with_kept_dims(&f, out) : NULL;
    rt_tensor *hit = best ? rt_apply2(RT_OP_eq, x, best) : NULL;
    rt_tensor *count = hit ? fold_kept(RT_OP_sum, &f, hit) : NULL;
    rt_tensor *each = count && gk ? rt_apply2(RT_OP_div, gk, count) : NULL;
    gin[0] = each ? rt_apply2(RT_OP_mul, each, hit) : NULL;
    Py_XDECREF(x);
    Py_XDECREF(out);
    Py_XDECREF(gk);
    Py_XDECREF(best);
    Py_XDECREF(hit);
    Py_XDECREF(count);
    Py_XDECREF(each);
    return gin[0] ? 0 : -1;
}

int amax_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return extreme_backward(n, g, gin); }
int amin_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return extreme_backward(n, g, gin); }

/* g * conj(exp(x - out)). */
int logsumexp_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    if (folded_of(n, &f) < 0) return -1;
    rt_tensor *x = unpack(n, 0), *out = x ? unpack(n, 1) : NULL, *gk = with_kept_dims(&f, g[0]);
    rt_tensor *kept = out ? with_kept_dims(&f, out) : NULL;
    rt_tensor *share = step1(RT_OP_exp, kept ? rt_apply2(RT_OP_sub, x, kept) : NULL);
    if (share && rt_dtype_is_complex((rt_dtype)share->dtype)) share = step1(RT_OP_conj, share);
    gin[0] = step2(RT_OP_mul, share, gk);
    Py_XDECREF(x);
    Py_XDECREF(out);
    Py_XDECREF(gk);
    Py_XDECREF(kept);
    return gin[0] ? 0 : -1;
}

/* ---- max_dim, min_dim: g goes to the place it came from ---- */

/* Is this the place?  indices (kept) == 0, 1, 2 ... along dim; new, bool, the input's shape. */
static rt_tensor *place_mask(const folded *f, int dim, rt_tensor *indices)
{
    intptr_t shape[RT_MAX_NDIM];
    for (int d = 0; d < f->in.ndim; d++) shape[d] = d == dim ? f->in.shape[d] : 1;
    rt_tensor *kept = with_kept_dims(f, indices), *count = rt_zeros(RT_i64, f->in.ndim, shape, f->in.device);
    for (intptr_t i = 0; count && i < count->size; i++) ((int64_t *)count->data)[i] = i;
    return step2_owned(RT_OP_eq, kept, count);
}

static int place_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin)
{
    folded f;
    const int dim = (int)n->params->i[0];
    if (!g[0]) return 0;
    folded_masked(n, &f, rt_node_input(n, 0).ndim ? (uint32_t)1 << dim : 0, (int)n->params->i[1]);
    rt_tensor *indices = unpack(n, 0), *hit = indices ? place_mask(&f, dim, indices) : NULL;
    rt_tensor *gk = hit ? with_kept_dims(&f, g[0]) : NULL;
    if (gk) {
        rt_operand pick[3] = {rt_operand_of(hit), rt_operand_of(gk), rt_operand_int(0)};
        if (rt_op_apply(&rt_ops[RT_OP_where], 3, pick, NULL, &gin[0]) < 0) gin[0] = NULL;
    }
    Py_XDECREF(indices);
    Py_XDECREF(hit);
    Py_XDECREF(gk);
    return gin[0] ? 0 : -1;
}

int max_dim_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return place_backward(n, g, gin); }
int min_dim_backward(rt_node *n, rt_tensor *const *g, rt_tensor **gin) { return place_backward(n, g, gin); }
