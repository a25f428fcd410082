/* columns: patches of images as columns (unfold_columns) and columns added up into images (fold_columns),
 * each the gradient of the other.  The moving is backends/convolve.h's; float16 and bfloat16 are added in
 * float32.  Floor: ufunc. */
#include "backends/convolve.h"
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/product.h"
#include "ufunc/views.h"

#define GRAIN 16384             /* elements of columns a thread takes at least */
#define LONGEST ((intptr_t)1 << 31)

enum { KERNEL, DILATION, PADDING, STRIDE };

/* Geometry for images of (channels, height, width). */
static int frame(const rt_op *op, const rt_params *p, intptr_t height, intptr_t width, rt_convolution *q)
{
    static const char *const names[4] = {"kernel_size", "dilation", "padding", "stride"};
    intptr_t *to[4] = {q->kernel, q->dilation, q->pad, q->stride};
    for (int k = 0; k < 4; k++) {
        const intptr_t *list = rt_params_list(p, k);
        if (p->n[k] != 2) return rt_error(rt_TensorError, op->cls.name, "%s must be 2 numbers, not %d", names[k], p->n[k]);
        to[k][0] = k == PADDING ? 0 : 1;
        for (int d = 0; d < 2; d++) {
            to[k][1 + d] = list[d];
            if (list[d] < (k == PADDING ? 0 : 1) || list[d] >= LONGEST)
                return rt_error(rt_TensorError, op->cls.name, "%s should be %s, but got %zd", names[k],
                                k == PADDING ? "non-negative" : "greater than zero", (Py_ssize_t)list[d]);
        }
    }
    q->in[0] = q->out[0] = 1;
    q->in[1] = height;
    q->in[2] = width;
    for (int d = 1; d < 3; d++) {
        if (q->in[d] < 1 || q->in[d] >= LONGEST)
            return rt_error(rt_TensorError, op->cls.name, "an image of %zd x %zd cannot be cut", (Py_ssize_t)height, (Py_ssize_t)width);
        const intptr_t left = q->in[d] + 2 * q->pad[d] - q->dilation[d] * (q->kernel[d] - 1) - 1;
        if (left < 0)
            return rt_error(rt_TensorError, op->cls.name, "the kernel is longer than the padded image of %zd x %zd",
                            (Py_ssize_t)height, (Py_ssize_t)width);
        q->out[d] = left / q->stride[d] + 1;
    }
    return 0;
}

typedef struct { const rt_convolution *q; const char *x; char *out; size_t item; intptr_t image, column; int folds; } job;

/* Channels begin..end of all images. */
static void run_channels(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    for (intptr_t c = begin; c < end; c++) {
        if (!j->folds) rt_convolve_unfold(j->q, j->item, 1, j->x + c * j->image, j->out + c * j->column);
        else {
            memset(j->out + c * j->image, 0, (size_t)j->image);
            rt_convolve_fold(j->q, 1, j->x + c * j->column, j->out + c * j->image);
        }
    }
}

static int run(const rt_op *op, int nin, const rt_operand *in, rt_convolution *q, int folds, intptr_t channels, int ndim,
               const intptr_t *shape, rt_tensor **out)
{
    rt_tensor *x = in[0].t, *px = NULL, *work = NULL, *wide = NULL, *const given = *out;
    const rt_dtype result = (rt_dtype)x->dtype, d = q->dtype = folds ? rt_product_compute(result) : result;
    int status = -1;
    if (rt_output_begin(op, out, result, ndim, shape, nin, in, 1, &work) < 0) goto done;
    wide = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, ndim, shape, x->storage->device);
    px = !wide ? NULL : rt_tensor_is_contiguous(x) && d == result ? (rt_tensor *)Py_NewRef((PyObject *)x)
                                                                 : rt_empty(d, x->ndim, x->shape, x->storage->device);
    if (!px || (px != x && rt_copy_into(px, x) < 0)) goto done;
    const size_t item = rt_itemsize(d);
    const intptr_t positions = q->out[1] * q->out[2] * q->kernel[1] * q->kernel[2];
    job j = {q, px->data, wide->data, item, q->in[1] * q->in[2] * (intptr_t)item, positions * (intptr_t)item, folds};
    if (channels > 0) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(channels, GRAIN / positions + 1, run_channels, &j);
        Py_END_ALLOW_THREADS
    }
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

FORWARD(unfold_columns)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    rt_convolution q = {0};
    if (!x) return -1;
    if (x->ndim != 4) return rt_error_shapes(op->cls.name, "needs (batch, channels, height, width)", x->ndim, x->shape, 0, NULL);
    if (frame(op, p, x->shape[2], x->shape[3], &q) < 0) return -1;
    const intptr_t rows[4] = {x->shape[0], x->shape[1], q.kernel[1] * q.kernel[2], q.out[1] * q.out[2]};
    if (rt_shape_size(4, rows, 16) < 0) return -1;
    const intptr_t shape[3] = {rows[0], rows[1] * rows[2], rows[3]};
    return run(op, nin, in, &q, 0, rows[0] * rows[1], 3, shape, out);
}

FORWARD(fold_columns)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    rt_convolution q = {0};
    if (!x) return -1;
    if (x->ndim != 3) return rt_error_shapes(op->cls.name, "needs (batch, channels * kernel, positions)", x->ndim, x->shape, 0, NULL);
    if (frame(op, p, p->i[0], p->i[1], &q) < 0) return -1;
    if (rt_dtype_kind((rt_dtype)x->dtype) == RT_KIND_BOOL) return rt_error(rt_DtypeError, op->cls.name, "has no meaning for bool");
    const intptr_t taps = q.kernel[1] * q.kernel[2], positions = q.out[1] * q.out[2];
    if (x->shape[1] % taps)
        return rt_error(rt_TensorError, op->cls.name, "dimension 1 of length %zd is not divisible by the product of kernel_size, %zd",
                        (Py_ssize_t)x->shape[1], (Py_ssize_t)taps);
    if (x->shape[2] != positions)
        return rt_error(rt_TensorError, op->cls.name, "dimension 2 has length %zd, but the windows have %zd positions",
                        (Py_ssize_t)x->shape[2], (Py_ssize_t)positions);
    const intptr_t shape[4] = {x->shape[0], x->shape[1] / taps, p->i[0], p->i[1]};
    if (rt_shape_size(4, shape, 16) < 0) return -1;
    return run(op, nin, in, &q, 1, shape[0] * shape[1], 4, shape, out);
}

BACKWARD(unfold_columns)
{
    const rt_params *q = node->params;
    rt_params p;
    const rt_input_meta m = rt_node_input(node, 0);
    rt_params_begin(&p);
    for (int k = 0; k < 4; k++) rt_params_push(&p, k, q->n[k], rt_params_list(q, k));
    p.i[0] = m.shape[2];
    p.i[1] = m.shape[3];
    return (gin[0] = rt_apply1p(RT_OP_fold_columns, g[0], &p)) ? 0 : -1;
}

BACKWARD(fold_columns)
{
    const rt_params *q = node->params;
    rt_params p;
    rt_params_begin(&p);
    for (int k = 0; k < 4; k++) rt_params_push(&p, k, q->n[k], rt_params_list(q, k));
    return (gin[0] = rt_apply1p(RT_OP_unfold_columns, g[0], &p)) ? 0 : -1;
}
