/* linear: the rows linear (x @ weight.T + bias in one go) and addmm.  The kernel adds the product
 * to the bias as it writes.  Gradients are asked for through the op table, so
 * that they are recorded when a graph of them is wanted.  Floor: ufunc. */
#include "backends/blas.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/product.h"
#include "ufunc/views.h"

/* ---- linear -------------------------------------------------------------------------- */

/* out = start + x @ y, start broadcast to out's shape.  Rows of unit stride are read where they lie. */
static int add_product(const rt_op *op, rt_product *p, rt_tensor *start, int ndim, const intptr_t *shape, int nin,
                       const rt_operand *in, rt_tensor **out)
{
    int status = -1;
    const intptr_t item = (intptr_t)rt_itemsize(p->compute);
    rt_tensor *work = NULL, *wide = NULL, *laid = NULL, *const given = *out;
    if (rt_output_begin(op, out, p->result, ndim, shape, nin, in, 1, &work) < 0) goto done;
    wide = p->compute == p->result ? (rt_tensor *)Py_NewRef((PyObject *)work)
                                   : rt_empty(p->compute, ndim, shape, work->storage->device);
    if (!wide) goto done;
    const int n = start->ndim, rows = n == 2 && start->shape[0] != 1;
    if (n >= 1 && n <= 2 && (rt_dtype)start->dtype == p->compute && start->shape[n - 1] == shape[ndim - 1]
        && start->steps[n - 1] == item && (!rows || (start->steps[0] % item == 0 && ndim == 2)) && (uintptr_t)start->data % (uintptr_t)item == 0) {
        laid = (rt_tensor *)Py_NewRef((PyObject *)start);
    } else {
        laid = (rt_tensor *)Py_NewRef((PyObject *)wide);
        if (rt_copy_into(wide, start) < 0) goto done;
    }
    rt_product_run(p, laid->data, laid == wide ? shape[ndim - 1] : rows ? laid->steps[0] / item : 0, wide->data);
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_product_end(p);
    Py_XDECREF((PyObject *)laid);
    Py_XDECREF((PyObject *)wide);
    Py_XDECREF((PyObject *)work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* t in the dtype that holds it and all the others; new reference. */
static rt_tensor *promoted(rt_tensor *t, rt_dtype d)
{
    if ((rt_dtype)t->dtype == d) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *copy = rt_empty(d, t->ndim, t->shape, t->storage->device);
    if (copy && rt_copy_into(copy, t) < 0) Py_CLEAR(copy);
    return copy;
}

static rt_tensor *held(rt_tensor *t) { return (rt_tensor *)Py_NewRef((PyObject *)t); }

static rt_tensor *column_sums(rt_tensor *rows)
{
    rt_params p;
    const intptr_t dims[1] = {0};
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, dims);
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(RT_OP_sum, rows, &p);
}

static int check_linear(const char *op, const rt_tensor *x, const rt_tensor *w, const rt_tensor *bias)
{
    if (x->dtype != w->dtype || (bias && bias->dtype != w->dtype))
        return rt_error(rt_DtypeError, op, "the %s is %s and the weight %s; both must be the same",
                        x->dtype != w->dtype ? "input" : "bias", rt_dtypes[x->dtype != w->dtype ? x->dtype : bias->dtype].name,
                        rt_dtypes[w->dtype].name);
    if (w->ndim != 2)
        return rt_error_shapes(op, "weight must have two dimensions (out_features, in_features)", x->ndim, x->shape,
                               w->ndim, w->shape);
    if (x->ndim == 0 || x->shape[x->ndim - 1] != w->shape[1]) {
        char why[160];
        snprintf(why, sizeof why, "the last dimension of the input must have in_features = %zd elements, as dimension 1"
                 " of weight (input and weight)", (Py_ssize_t)w->shape[1]);
        return rt_error_shapes(op, why, x->ndim, x->shape, w->ndim, w->shape);
    }
    if (bias && (bias->ndim != 1 || bias->shape[0] != w->shape[0]))
        return rt_error_shapes(op, "bias must have out_features elements (weight and bias)", w->ndim, w->shape,
                               bias->ndim, bias->shape);
    return 0;
}

/* Packed operands of one real dtype and few elements: straight to the product.  1 when done, 0 when
 * the general way is needed. */
static int linear_small(rt_tensor *x, rt_tensor *w, rt_tensor *bias, rt_tensor **out)
{
    rt_dtype d = (rt_dtype)x->dtype;
    if (*out || (d != RT_f32 && d != RT_f64) || (rt_dtype)w->dtype != d || (bias && (rt_dtype)bias->dtype != d)) return 0;
    if (!x->size || !w->size || x->size > RT_PRODUCT_SMALL || w->size > RT_PRODUCT_SMALL || !rt_tensor_is_contiguous(x)
        || !rt_tensor_is_contiguous(w) || (bias && !rt_tensor_is_contiguous(bias)))
        return 0;
    intptr_t shape[RT_MAX_NDIM], n = w->shape[0], k = w->shape[1];
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    shape[x->ndim - 1] = n;
    *out = rt_empty(d, x->ndim, shape, x->storage->device);
    if (!*out) return -1;
    rt_blas_gemm_batch(d, 1, x->size / k, n, k, x->data, 0, k, 1, w->data, 0, 1, k, bias ? bias->data : NULL, 0, 0,
                       (*out)->data, 0, n);
    return 1;
}

FORWARD(linear)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *w = x ? rt_operand_tensor(op, in, 1) : NULL;
    rt_tensor *bias = NULL, *wide = NULL;
    rt_product q;
    intptr_t shape[RT_MAX_NDIM];
    int status = -1, with_bias = nin > 2 && !in[2].none;
    if (!w || (with_bias && !(bias = rt_operand_tensor(op, in, 2)))) return -1;
    if (check_linear(op->cls.name, x, w, bias) < 0) return -1;
    int small = linear_small(x, w, bias, out);
    if (small) return small < 0 ? -1 : 0;
    rt_dtype d = rt_dtype_promote((rt_dtype)x->dtype, (rt_dtype)w->dtype);
    if (bias) d = rt_dtype_promote(d, (rt_dtype)bias->dtype);
    wide = promoted(x, d);                 /* so that the product's dtype is that of all three */
    if (!wide || rt_product_begin(op->cls.name, wide, w, 1, &q) < 0) goto done;
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    shape[x->ndim - 1] = w->shape[0];
    status = bias ? add_product(op, &q, bias, x->ndim, shape, nin, in, out)
                  : rt_product_output(op, &q, x->ndim, shape, nin, in, out);
done:
    Py_XDECREF((PyObject *)wide);
    return status;
}

/* out = x @ W^T + b over rows: gx = g @ conj(W), gW = g^T @ conj(x), gb = the sum of g's rows. */
BACKWARD(linear)
{
    int status = -1;
    rt_operand x = {0}, w = {0};
    rt_tensor *rows = NULL;
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &w) < 0) goto done;
    if (rt_node_wants(node, 0)) {
        gin[0] = rt_matmul_times(held(g[0]), rt_matmul_conj(held(w.t)));
        if (!gin[0]) goto done;
    }
    rows = rt_matmul_rows(held(g[0]));
    if (!rows) goto done;
    if (rt_node_wants(node, 1)) {
        rt_tensor *gt = rt_apply1(RT_OP_mT, rows);
        gin[1] = rt_matmul_times(gt, rt_matmul_conj(rt_matmul_rows(held(x.t))));
        if (!gin[1]) goto done;
    }
    if (node->nin > 2 && rt_node_wants(node, 2)) {
        gin[2] = column_sums(rows);
        if (!gin[2]) goto done;
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)w.t);
    Py_XDECREF((PyObject *)rows);
    return status;
}

/* ---- addmm --------------------------------------------------------------------------- */

/* t * factor; an integer factor leaves the dtype of integers alone. */
static rt_tensor *scale(rt_tensor *t, double factor)
{
    rt_tensor *out[1] = {NULL};
    rt_operand in[2] = {rt_operand_of(t), rt_operand_float(factor)};
    if (factor == 1) return held(t);
    if (factor == (double)(int64_t)factor) in[1] = rt_operand_int((int64_t)factor);
    return rt_op_apply(&rt_ops[RT_OP_mul], 2, in, NULL, out) < 0 ? NULL : out[0];
}

/* beta * start + alpha * product for other factors than 1. */
static int add_scaled(const rt_op *op, rt_product *p, rt_tensor *start, double beta, double alpha, int ndim,
                      const intptr_t *shape, int nin, const rt_operand *in, rt_tensor **out)
{
    int status = -1, recording = rt_grad_enabled;
    rt_tensor *ab = NULL, *scaled = NULL, *first = NULL, *sum = NULL, *work = NULL, *const given = *out;
    rt_grad_enabled = 0;                   /* the whole is recorded, not its steps */
    if (rt_product_output(op, p, ndim, shape, 0, NULL, &ab) < 0) goto done;
    scaled = scale(ab, alpha);
    if (!scaled) goto done;
    if (beta == 0) {                       /* start may hold NaN: it is not looked at */
        sum = (rt_tensor *)Py_NewRef((PyObject *)scaled);
    } else {
        first = scale(start, beta);
        sum = first ? rt_apply2(RT_OP_add, first, scaled) : NULL;
    }
    if (!sum || rt_output_begin(op, out, p->result, ndim, shape, nin, in, 1, &work) < 0) goto done;
    if (rt_copy_into(work, sum) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_grad_enabled = recording;
    Py_XDECREF((PyObject *)ab);
    Py_XDECREF((PyObject *)scaled);
    Py_XDECREF((PyObject *)first);
    Py_XDECREF((PyObject *)sum);
    Py_XDECREF((PyObject *)work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

static int check_addmm(const char *op, const rt_tensor *start, const rt_tensor *x, const rt_tensor *y, intptr_t *shape)
{
    int n = 2;
    if (x->ndim != 2 || y->ndim != 2)
        return rt_error_shapes(op, "mat1 and mat2 must have two dimensions", x->ndim, x->shape, y->ndim, y->shape);
    shape[0] = x->shape[0];
    shape[1] = y->shape[1];
    const intptr_t wanted[2] = {shape[0], shape[1]};
    if (start->ndim <= 2 && rt_shape_broadcast(op, &n, shape, start->ndim, start->shape) < 0) return -1;
    if (start->ndim > 2 || !rt_shape_equal(2, shape, 2, wanted))
        return rt_error_shapes(op, "the input does not broadcast to mat1 @ mat2 (input and product)", start->ndim,
                               start->shape, 2, wanted);
    return 0;
}

FORWARD(addmm)
{
    rt_tensor *t[3], *wide = NULL;
    rt_product q;
    intptr_t shape[RT_MAX_NDIM];
    int status = -1;
    for (int i = 0; i < 3; i++)
        if (!(t[i] = rt_operand_tensor(op, in, i))) return -1;
    const double beta = p->f[0], alpha = p->f[1];
    if (check_addmm(op->cls.name, t[0], t[1], t[2], shape) < 0) return -1;
    rt_dtype d = rt_dtype_promote(rt_dtype_promote((rt_dtype)t[0]->dtype, (rt_dtype)t[1]->dtype), (rt_dtype)t[2]->dtype);
    if (!rt_dtype_is_inexact(d) && (beta != (double)(int64_t)beta || alpha != (double)(int64_t)alpha))
        return rt_error(rt_DtypeError, op->cls.name, "beta and alpha must be integers for tensors of %s", rt_dtypes[d].name);
    wide = promoted(t[1], d);
    if (!wide || rt_product_begin(op->cls.name, wide, t[2], 0, &q) < 0) goto done;
    status = beta == 1 && alpha == 1 ? add_product(op, &q, t[0], 2, shape, nin, in, out)
                                     : add_scaled(op, &q, t[0], beta, alpha, 2, shape, nin, in, out);
done:
    Py_XDECREF((PyObject *)wide);
    return status;
}

/* A gradient times a factor; consumes it. */
static rt_tensor *scaled(rt_tensor *t, double factor)
{
    rt_tensor *out = t ? scale(t, factor) : NULL;
    Py_XDECREF((PyObject *)t);
    return out;
}

BACKWARD(addmm)
{
    int status = -1;
    rt_operand x = {0}, y = {0};
    const double beta = node->params->f[0], alpha = node->params->f[1];
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &y) < 0) goto done;
    if (rt_node_wants(node, 0) && !(gin[0] = scale(g[0], beta))) goto done;
    if (rt_node_wants(node, 1)
        && !(gin[1] = scaled(rt_matmul_times(held(g[0]), rt_matmul_turned(held(y.t))), alpha))) goto done;
    if (rt_node_wants(node, 2)
        && !(gin[2] = scaled(rt_matmul_times(rt_matmul_turned(held(x.t)), held(g[0])), alpha))) goto done;
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)y.t);
    return status;
}
