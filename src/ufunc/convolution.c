/* convolution: the rows convolution (and its transpose) for one to three dimensions, and convolution_weight,
 * its gradient with respect to the weight.  Each of the three is the gradient of the others, so that
 * gradients of every order are made of these rows.  The arithmetic is backends/convolve.h; float16 and
 * bfloat16 are computed in float32.  Floor: ufunc. */
#include "backends/convolve.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/depend.h"
#include "ufunc/product.h"
#include "ufunc/views.h"
#include <stdio.h>

#define UNLOCK 50000.0      /* multiply-adds worth giving the GIL away for */
#define LONGEST ((intptr_t)1 << 31)

enum { STRIDE, PADDING, DILATION, LAST };            /* lists of the parameters */

/* Lists of the node's parameters in normal form: `nd` numbers each. */
typedef struct { intptr_t v[4][3]; intptr_t transposed, groups; } numbers;

static int read_list(const rt_op *op, const rt_params *p, int k, const char *name, int nd, intptr_t least, intptr_t *out)
{
    const intptr_t *list = rt_params_list(p, k);
    if (p->n[k] != nd && p->n[k] != 1)
        return rt_error(rt_TensorError, op->cls.name, "%s must be a number or %d numbers, one for each dimension of space, not %d",
                        name, nd, p->n[k]);
    for (int d = 0; d < nd; d++) {
        out[d] = list[p->n[k] == 1 ? 0 : d];
        if (out[d] < least || out[d] >= LONGEST)
            return rt_error(rt_TensorError, op->cls.name, "%s must be at least %zd, not %zd", name, (Py_ssize_t)least,
                            (Py_ssize_t)out[d]);
    }
    return 0;
}

static void keep(rt_params *p, const numbers *a, int nd)
{
    rt_params_begin(p);
    for (int k = 0; k < 4; k++) rt_params_push(p, k, nd, a->v[k]);
    p->i[0] = a->transposed;
    p->i[1] = a->groups;
}

/* The length of convolution's output along d, or -1 where the kernel does not fit. */
static intptr_t out_length(const rt_convolution *q, int d)
{
    const intptr_t span = q->dilation[d] * (q->kernel[d] - 1) + 1, length = q->in[d] + 2 * q->pad[d];
    return length < span ? -1 : (length - span) / q->stride[d] + 1;
}

/* Sets what stands in the lists; leading dimensions have length 1. */
static void set_numbers(rt_convolution *q, const numbers *a, int nd)
{
    for (int d = 0; d < 3; d++) {
        q->in[d] = q->out[d] = q->kernel[d] = q->stride[d] = q->dilation[d] = 1;
        q->pad[d] = 0;
    }
    for (int d = 0; d < nd; d++) {
        const int at = 3 - nd + d;
        q->stride[at] = a->v[STRIDE][d];
        q->pad[at] = a->v[PADDING][d];
        q->dilation[at] = a->v[DILATION][d];
    }
    q->groups = a->groups;
}

static int check_lengths(const rt_op *op, const rt_tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->shape[d] >= LONGEST)
            return rt_error(rt_TensorError, op->cls.name, "dimension %d of length %zd is too long", d, (Py_ssize_t)t->shape[d]);
    return 0;
}

static int check_dtype(const rt_op *op, const rt_tensor *x, const rt_tensor *y, const char *what)
{
    if (x->dtype == y->dtype) return 0;
    return rt_error(rt_DtypeError, op->cls.name, "the input is %s and the %s %s; both must be the same",
                    rt_dtypes[x->dtype].name, what, rt_dtypes[y->dtype].name);
}

static int check_operands(const rt_op *op, const rt_tensor *x, const rt_tensor *w, const rt_tensor *bias, const numbers *a)
{
    char why[200];
    const int nd = x->ndim - 2;
    const intptr_t groups = a->groups;
    if (rt_dtype_kind((rt_dtype)x->dtype) == RT_KIND_BOOL)
        return rt_error(rt_DtypeError, op->cls.name, "has no meaning for bool");
    if (check_dtype(op, x, w, "weight") < 0 || (bias && check_dtype(op, x, bias, "bias") < 0)) return -1;
    if (check_lengths(op, x) < 0 || check_lengths(op, w) < 0) return -1;
    if (groups < 1) return rt_error(rt_TensorError, op->cls.name, "groups must be positive, not %zd", (Py_ssize_t)groups);
    if (w->shape[0] % groups)
        return rt_error(rt_TensorError, op->cls.name, "dimension 0 of weight has length %zd, which %zd groups do not divide",
                        (Py_ssize_t)w->shape[0], (Py_ssize_t)groups);
    const intptr_t wanted = a->transposed ? w->shape[0] : w->shape[1] * groups;
    if (x->shape[1] != wanted) {
        snprintf(why, sizeof why, "with %zd groups and this weight the input must have %zd channels, it has %zd (input and"
                 " weight)", (Py_ssize_t)groups, (Py_ssize_t)wanted, (Py_ssize_t)x->shape[1]);
        return rt_error_shapes(op->cls.name, why, x->ndim, x->shape, w->ndim, w->shape);
    }
    const intptr_t made = a->transposed ? w->shape[1] * groups : w->shape[0];
    if (bias && (bias->ndim != 1 || bias->shape[0] != made))
        return rt_error_shapes(op->cls.name, "bias must have one number for each output channel (weight and bias)", w->ndim,
                               w->shape, bias->ndim, bias->shape);
    for (int d = 0; d < nd; d++)
        if (w->shape[2 + d] < 1)
            return rt_error_shapes(op->cls.name, "the kernel is empty (input and weight)", x->ndim, x->shape, w->ndim, w->shape);
    return 0;
}

/* Geometry of a call of `convolution`, and the shape of its result. */
static int frame(const rt_op *op, const rt_tensor *x, const rt_tensor *w, const numbers *a, rt_convolution *q, intptr_t *shape)
{
    const int nd = x->ndim - 2;
    set_numbers(q, a, nd);
    q->n = x->shape[0];
    q->c_out = w->shape[0] / a->groups;
    q->c_in = w->shape[1];
    shape[0] = q->n;
    shape[1] = a->groups * (a->transposed ? q->c_in : q->c_out);
    for (int d = 0; d < nd; d++) {
        const int at = 3 - nd + d;
        intptr_t length;
        q->kernel[at] = w->shape[2 + d];
        if (a->transposed) {
            const intptr_t n = x->shape[2 + d], span = q->dilation[at] * (q->kernel[at] - 1) + 1;
            length = n == 0 ? 0 : (n - 1) * q->stride[at] - 2 * q->pad[at] + span + a->v[LAST][d];
            q->out[at] = n;
            q->in[at] = length;
        } else {
            q->in[at] = x->shape[2 + d];
            q->out[at] = length = out_length(q, at);
        }
        if (length < (a->transposed ? 1 : 0) && (x->size || !a->transposed)) {
            char why[160];
            snprintf(why, sizeof why, "dimension %d of the input, of length %zd, gives no output with this kernel (input and"
                     " weight)", 2 + d, (Py_ssize_t)x->shape[2 + d]);
            return rt_error_shapes(op->cls.name, why, x->ndim, x->shape, w->ndim, w->shape);
        }
        shape[2 + d] = length;
    }
    return 0;
}

/* ---- running ---------------------------------------------------------------------------- */

/* t packed in `dtype`; new reference, t itself when it is so. */
static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    if ((rt_dtype)t->dtype == dtype && rt_tensor_is_contiguous(t) && (uintptr_t)t->data % rt_itemsize(dtype) == 0)
        return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *copy = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (copy && rt_copy_into(copy, t) < 0) Py_CLEAR(copy);
    return copy;
}

static double work_of(const rt_convolution *q)
{
    double work = (double)q->n * (double)q->groups * (double)q->c_in * (double)q->c_out;
    for (int d = 0; d < 3; d++) work *= (double)q->out[d] * (double)q->kernel[d];
    return work;
}

/* t[2] (packed, of dtype q->dtype) from the other two; nothing to do for an empty result. */
static int run(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias)
{
    int status;
    rt_storage *space = NULL;
    const intptr_t bytes = rt_convolve_workspace(q, kind);
    if (bytes < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (bytes && !(space = rt_memory_alloc((size_t)bytes, (rt_device){RT_CPU, 0}))) return -1;
    if (work_of(q) < UNLOCK) {
        status = rt_convolve(q, kind, x, w, y, bias, space ? space->data : NULL);
    } else {
        Py_BEGIN_ALLOW_THREADS
        status = rt_convolve(q, kind, x, w, y, bias, space ? space->data : NULL);
        Py_END_ALLOW_THREADS
    }
    rt_storage_release(space);
    if (status < 0) PyErr_NoMemory();
    return status;
}

/* Where a result of `shape` is computed: *out, or a temporary of another dtype; finish brings it home. */
static int begin(const rt_op *op, rt_tensor **out, rt_dtype result, rt_dtype compute, int ndim, const intptr_t *shape, int nin,
                 const rt_operand *in, rt_tensor **work, rt_tensor **wide)
{
    if (rt_output_begin(op, out, result, ndim, shape, nin, in, 1, work) < 0) return -1;
    *wide = compute == result ? (rt_tensor *)Py_NewRef((PyObject *)*work) : rt_empty(compute, ndim, shape, (*work)->storage->device);
    return *wide ? 0 : -1;
}

static int finish(rt_tensor *out, rt_tensor **work, rt_tensor *wide)
{
    if (wide != *work && rt_copy_into(*work, wide) < 0) return -1;
    rt_tensor *steal = *work;
    *work = NULL;
    return rt_output_finish(out, steal);
}

/* An empty sum is the bias, or zero. */
static int fill_empty(rt_tensor *wide, rt_tensor *bias)
{
    const rt_operand zero = rt_operand_int(0);
    if (!bias) return rt_fill(wide, &zero);
    intptr_t shape[5] = {bias->shape[0], 1, 1, 1, 1}, steps[5] = {(intptr_t)rt_tensor_itemsize(bias), 0, 0, 0, 0};
    rt_tensor *channels = rt_tensor_alias(bias, bias->data, (rt_dtype)bias->dtype, wide->ndim - 1, shape, steps);
    const int status = channels ? rt_copy_into(wide, channels) : -1;
    Py_XDECREF((PyObject *)channels);
    return status;
}

FORWARD(convolution)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *w = x ? rt_operand_tensor(op, in, 1) : NULL, *bias = NULL;
    rt_tensor *px = NULL, *pw = NULL, *pb = NULL, *work = NULL, *wide = NULL, *const given = *out;
    rt_convolution q = {0};
    numbers a = {.transposed = p->i[0], .groups = p->i[1]};
    intptr_t shape[5];
    int status = -1;
    if (!w || (nin > 2 && !in[2].none && !(bias = rt_operand_tensor(op, in, 2)))) return -1;
    const int nd = x->ndim - 2;
    if (nd < 1 || nd > 3 || w->ndim != x->ndim)
        return rt_error_shapes(op->cls.name, "input (batch, channels, 1 to 3 lengths) and weight must have as many dimensions",
                               x->ndim, x->shape, w->ndim, w->shape);
    if (read_list(op, p, STRIDE, "stride", nd, 1, a.v[STRIDE]) < 0 || read_list(op, p, PADDING, "padding", nd, 0, a.v[PADDING]) < 0
        || read_list(op, p, DILATION, "dilation", nd, 1, a.v[DILATION]) < 0
        || read_list(op, p, LAST, "output_padding", nd, 0, a.v[LAST]) < 0)
        return -1;
    if (check_operands(op, x, w, bias, &a) < 0 || frame(op, x, w, &a, &q, shape) < 0) return -1;
    keep(p, &a, nd);
    const rt_dtype result = (rt_dtype)x->dtype, compute = q.dtype = rt_product_compute(result);
    if (begin(op, out, result, compute, x->ndim, shape, nin, in, &work, &wide) < 0) goto done;
    pb = bias ? packed(bias, compute) : NULL;
    if (bias && !pb) goto done;
    if (x->size == 0 || w->size == 0) {
        if (wide->size && fill_empty(wide, pb) < 0) goto done;
    } else {
        px = packed(x, compute);
        pw = px ? packed(w, compute) : NULL;
        if (!pw) goto done;
        const char *b = pb ? pb->data : NULL;
        if (wide->size && (a.transposed ? run(&q, RT_CONVOLVE_BACK, wide->data, pw->data, px->data, b)
                                        : run(&q, RT_CONVOLVE, px->data, pw->data, wide->data, b)) < 0) goto done;
    }
    status = finish(*out, &work, wide);
done:
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)pw);
    Py_XDECREF((PyObject *)pb);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* weight[o][c][k] = sum over images and positions of y[o] * x[c] under tap k; the kernel's lengths are the
 * last list, so that what is left over of x by the stride does not matter. */
FORWARD(convolution_weight)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *y = x ? rt_operand_tensor(op, in, 1) : NULL;
    rt_tensor *px = NULL, *py = NULL, *work = NULL, *wide = NULL, *const given = *out;
    rt_convolution q = {0};
    numbers a = {.groups = p->i[0]};
    intptr_t shape[5];
    int status = -1;
    if (!y) return -1;
    const int nd = x->ndim - 2;
    if (nd < 1 || nd > 3 || y->ndim != x->ndim || x->shape[0] != y->shape[0] || a.groups < 1 || x->shape[1] % a.groups
        || y->shape[1] % a.groups)
        return rt_error_shapes(op->cls.name, "batches, channels or numbers of dimensions do not fit", x->ndim, x->shape, y->ndim,
                               y->shape);
    if (read_list(op, p, STRIDE, "stride", nd, 1, a.v[STRIDE]) < 0 || read_list(op, p, PADDING, "padding", nd, 0, a.v[PADDING]) < 0
        || read_list(op, p, DILATION, "dilation", nd, 1, a.v[DILATION]) < 0 || read_list(op, p, LAST, "kernel", nd, 1, a.v[LAST]) < 0)
        return -1;
    if (check_dtype(op, x, y, "output") < 0 || check_lengths(op, x) < 0 || check_lengths(op, y) < 0) return -1;
    set_numbers(&q, &a, nd);
    q.n = x->shape[0];
    shape[0] = y->shape[1];
    shape[1] = q.c_in = x->shape[1] / a.groups;
    q.c_out = y->shape[1] / a.groups;
    for (int d = 0; d < nd; d++) {
        const int at = 3 - nd + d;
        shape[2 + d] = q.kernel[at] = a.v[LAST][d];
        q.in[at] = x->shape[2 + d];
        q.out[at] = y->shape[2 + d];
        if (q.out[at] > out_length(&q, at) && x->size)
            return rt_error_shapes(op->cls.name, "the output is longer than the input and the kernel allow", x->ndim, x->shape,
                                   y->ndim, y->shape);
    }
    keep(p, &a, nd);
    p->i[0] = a.groups;
    const rt_dtype result = (rt_dtype)x->dtype, compute = q.dtype = rt_product_compute(result);
    if (begin(op, out, result, compute, x->ndim, shape, nin, in, &work, &wide) < 0) goto done;
    if (x->size == 0 || y->size == 0) {
        if (wide->size && fill_empty(wide, NULL) < 0) goto done;
    } else {
        px = packed(x, compute);
        py = px ? packed(y, compute) : NULL;
        if (!py || run(&q, RT_CONVOLVE_WEIGHT, px->data, wide->data, py->data, NULL) < 0) goto done;
    }
    status = finish(*out, &work, wide);
done:
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)py);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* ---- gradients -------------------------------------------------------------------------- */

static numbers numbers_of(const rt_params *p, int nd, intptr_t transposed, intptr_t groups)
{
    numbers a = {.transposed = transposed, .groups = groups};
    for (int k = 0; k < 4; k++) memcpy(a.v[k], rt_params_list(p, k), (size_t)nd * sizeof(intptr_t));
    return a;
}

/* convolution(x, conj(w)) with these numbers, cut to the wanted lengths of space. */
static rt_tensor *convolved(rt_tensor *x, rt_tensor *w, numbers a, const intptr_t *wanted)
{
    rt_params p;
    rt_tensor *out[1] = {NULL}, *wc = rt_matmul_conj((rt_tensor *)Py_NewRef((PyObject *)w));
    const int nd = x->ndim - 2;
    if (!wc) return NULL;
    for (int d = 0; d < nd; d++) {      /* what a floored length left over */
        const intptr_t span = a.v[DILATION][d] * (w->shape[2 + d] - 1) + 1;
        a.v[LAST][d] = a.transposed && x->shape[2 + d]
            ? wanted[d] - ((x->shape[2 + d] - 1) * a.v[STRIDE][d] - 2 * a.v[PADDING][d] + span) : 0;
    }
    keep(&p, &a, nd);
    rt_operand in[3] = {rt_operand_of(x), rt_operand_of(wc), {.none = 1}};
    const int status = rt_op_apply(&rt_ops[RT_OP_convolution], 3, in, &p, out);
    Py_DECREF((PyObject *)wc);
    for (int d = 0; status == 0 && out[0] && d < nd; d++) {
        if (out[0]->shape[2 + d] <= wanted[d]) continue;
        rt_params_begin(&p);
        p.i[0] = 2 + d;
        p.i[1] = 0;
        p.i[2] = wanted[d];
        Py_SETREF(out[0], rt_apply1p(RT_OP_narrow, out[0], &p));
    }
    return out[0];
}

/* convolution_weight(conj?(x), conj?(y)); one of both is the incoming gradient and stays as it is. */
static rt_tensor *weight_of(rt_tensor *x, rt_tensor *y, int conj_x, numbers a, const intptr_t *kernel)
{
    rt_params p;
    const int nd = x->ndim - 2;
    rt_tensor *cx = (rt_tensor *)Py_NewRef((PyObject *)x), *cy = (rt_tensor *)Py_NewRef((PyObject *)y), *gw = NULL;
    if (conj_x) cx = rt_matmul_conj(cx);
    else cy = rt_matmul_conj(cy);
    memcpy(a.v[LAST], kernel, (size_t)nd * sizeof *kernel);
    keep(&p, &a, nd);
    p.i[0] = a.groups;
    if (cx && cy) gw = rt_apply2p(RT_OP_convolution_weight, cx, cy, &p);
    Py_XDECREF((PyObject *)cx);
    Py_XDECREF((PyObject *)cy);
    return gw;
}

static rt_tensor *channel_sums(rt_tensor *g)
{
    static const intptr_t dims[4] = {0, 2, 3, 4};
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, g->ndim - 1, dims);
    p.i[1] = RT_NODTYPE;
    return rt_apply1p(RT_OP_sum, g, &p);
}

BACKWARD(convolution)
{
    int status = -1;
    rt_operand x = {0}, w = {0};
    const rt_params *p = node->params;
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &w) < 0) goto done;
    const int nd = x.t->ndim - 2, transposed = p->i[0] != 0;
    const numbers a = numbers_of(p, nd, !transposed, p->i[1]);
    if (rt_node_wants(node, 0) && !(gin[0] = convolved(g[0], w.t, a, x.t->shape + 2))) goto done;
    if (rt_node_wants(node, 1)) {
        gin[1] = transposed ? weight_of(g[0], x.t, 0, a, w.t->shape + 2) : weight_of(x.t, g[0], 1, a, w.t->shape + 2);
        if (!gin[1]) goto done;
    }
    if (node->nin > 2 && rt_node_wants(node, 2) && !(gin[2] = rt_depend(channel_sums(g[0]), node, 2))) goto done;
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)w.t);
    return status;
}

/* Of weight = sum y x: the gradient of x is y convolved back with g, that of y is x convolved with g. */
BACKWARD(convolution_weight)
{
    int status = -1;
    rt_operand x = {0}, y = {0};
    rt_tensor *xc = NULL, *yc = NULL;
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &y) < 0) goto done;
    const int nd = x.t->ndim - 2;
    numbers a = numbers_of(node->params, nd, 1, node->params->i[0]);
    /* convolved() conjugates its second operand: turn the first and the result instead. */
    if (rt_node_wants(node, 0)) {
        rt_tensor *gc = rt_matmul_conj((rt_tensor *)Py_NewRef((PyObject *)g[0]));
        yc = rt_matmul_conj((rt_tensor *)Py_NewRef((PyObject *)y.t));
        gin[0] = gc && yc ? convolved(yc, gc, a, x.t->shape + 2) : NULL;
        Py_XDECREF((PyObject *)gc);
        if (!gin[0]) goto done;
    }
    a.transposed = 0;
    if (rt_node_wants(node, 1)) {
        rt_tensor *gc = rt_matmul_conj((rt_tensor *)Py_NewRef((PyObject *)g[0]));
        xc = rt_matmul_conj((rt_tensor *)Py_NewRef((PyObject *)x.t));
        gin[1] = gc && xc ? convolved(xc, gc, a, y.t->shape + 2) : NULL;
        Py_XDECREF((PyObject *)gc);
        if (!gin[1]) goto done;
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)y.t);
    Py_XDECREF((PyObject *)xc);
    Py_XDECREF((PyObject *)yc);
    return status;
}
