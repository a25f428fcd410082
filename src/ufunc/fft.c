/* fft: rows of the discrete Fourier transform, along one dimension after the other.  Lines are gathered into
 * groups that a kernel transforms side by side; groups are spread over threads.  The gradient of each row is
 * another of them.  Floor: ufunc. */
#include <math.h>
#include <stdlib.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/fft_plan.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

#define STACK_ROOM 16384         /* bytes of scratch that need no allocation */
#define UNLOCK_WORK 60000.0      /* operations worth giving the GIL away for */
#define PIECE_WORK 100000.0      /* and worth a piece of their own */

typedef enum { C2C, R2C, R2C_WHOLE, C2R } kind;

/* One row's work along a dimension. */
typedef struct {
    const rt_ffts *kernels;
    rt_fft_fn *kernel;
    rt_fft_lines lines;          /* without pointers */
    const rt_tensor *x;
    rt_tensor *out;
    int dim, ndim;               /* of the others, nearest memory last: */
    intptr_t shape[RT_MAX_NDIM], in_steps[RT_MAX_NDIM], out_steps[RT_MAX_NDIM];
    intptr_t count;              /* lines */
    int group;                   /* lines that go side by side */
    size_t room;                 /* bytes of scratch for a group */
    _Atomic int failed;
} job;

/* Pointers of lines [from, from + used) into l. */
static void place(const job *j, rt_fft_lines *l, intptr_t from, int used)
{
    for (int k = 0; k < used; k++) {
        intptr_t rest = from + k, in = 0, out = 0;
        for (int d = j->ndim - 1; d >= 0; d--) {
            const intptr_t at = rest % j->shape[d];
            rest /= j->shape[d];
            in += at * j->in_steps[d];
            out += at * j->out_steps[d];
        }
        l->in[k] = j->x->data + in;
        l->out[k] = j->out->data + out;
    }
    for (int k = used; k < j->group; k++) l->in[k] = l->in[0], l->out[k] = l->out[0];
    l->used = used;
}

/* Groups [begin, end). */
static void run_groups(void *context, intptr_t begin, intptr_t end)
{
    job *j = context;
    char stack[STACK_ROOM] __attribute__((aligned(64)));
    rt_fft_lines l = j->lines;
    char *heap = j->room > sizeof stack ? aligned_alloc(64, (j->room + 63) & ~(size_t)63) : NULL;
    if (j->room > sizeof stack && !heap) {
        j->failed = 1;
        return;
    }
    l.room = heap ? heap : stack;
    for (intptr_t g = begin; g < end; g++) {
        const intptr_t from = g * j->group, left = j->count - from;
        place(j, &l, from, left < j->group ? (int)left : j->group);
        j->kernel(&l);
    }
    free(heap);
}

/* The other dimensions, those of length 1 left out, longest steps first. */
static void other_dimensions(job *j)
{
    j->count = 1;
    for (int d = 0; d < j->x->ndim; d++) {
        if (d == j->dim) continue;
        j->count *= j->x->shape[d];
        if (j->x->shape[d] == 1) continue;
        j->shape[j->ndim] = j->x->shape[d];
        j->in_steps[j->ndim] = j->x->steps[d];
        j->out_steps[j->ndim++] = j->out->steps[d];
    }
}

/* Side by side where the lines lie across the memory, or are short, or where a line by itself does not fill the vectors:
 * its second pass has steps of the first one's radix. */
static int group_of(const job *j, const rt_fft_tables *t, size_t item)
{
    const int lanes = j->kernels->lanes, across = j->lines.in_step > (intptr_t)(2 * item);
    const int fills = (t->inner ? t->inner : t)->pass[0].radix == 8;
    const size_t bytes = 4 * (size_t)t->room * (size_t)lanes * item;
    const size_t most = across ? (size_t)4 << 20 : fills ? (size_t)64 << 10 : (size_t)512 << 10;
    return j->count < (lanes + 1) / 2 || bytes > most ? 1 : lanes;
}

/* x along dim into out, both with their final shapes.  0 or -1. */
static int run_along(const rt_tensor *x, rt_tensor *out, int dim, kind what, intptr_t n, int inverse, int twice, double scale)
{
    const rt_dtype dtype = rt_dtype_to_real((rt_dtype)x->dtype);
    const size_t item = rt_itemsize(dtype);
    job j = {.kernels = rt_isa_now->ffts[dtype], .x = x, .out = out, .dim = dim};
    other_dimensions(&j);
    if (j.count == 0) return 0;
    rt_fft_plan *plan = rt_fft_plan_take(dtype, n, what != C2C);
    if (!plan) return -1;
    rt_fft_fn *const kernels[] = {j.kernels->c2c, j.kernels->r2c, j.kernels->r2c_whole, j.kernels->c2r};
    j.kernel = kernels[what];
    j.lines = (rt_fft_lines){.plan = &plan->tables, .in_step = x->steps[dim], .out_step = out->steps[dim],
                             .have = x->shape[dim], .want = out->shape[dim], .n = n, .inverse = inverse, .twice = twice,
                             .scale = scale};
    j.group = j.lines.lanes = group_of(&j, &plan->tables, item);
    j.room = 4 * (size_t)plan->tables.room * (size_t)j.group * item;
    const intptr_t groups = (j.count + j.group - 1) / j.group;
    const double work = 5.0 * (double)n * log2((double)n + 1) * j.group;
    if (work * (double)groups < UNLOCK_WORK) {
        run_groups(&j, 0, groups);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(groups, work >= PIECE_WORK ? 1 : (intptr_t)(PIECE_WORK / work) + 1, run_groups, &j);
        Py_END_ALLOW_THREADS
    }
    rt_fft_plan_release(plan);
    if (!j.failed) return 0;
    PyErr_NoMemory();
    return -1;
}

/* ---- arguments ---- */

/* Input 0: a tensor whose dtype has kernels; borrowed. */
static rt_tensor *input(const rt_op *op, const rt_operand *in)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    if (!x) return NULL;
    const rt_dtype real = rt_dtype_to_real((rt_dtype)x->dtype);
    if (x->ndim == 0) {
        rt_error(rt_TensorError, op->cls.name, "needs at least 1 dimension");
        return NULL;
    }
    if (real == RT_f32 || real == RT_f64) return x;
    rt_error(rt_DtypeError, op->cls.name, "needs float32, float64, complex64 or complex128, not %s", rt_dtypes[x->dtype].name);
    return NULL;
}

static int check_lengths(const rt_op *op, intptr_t n, intptr_t length)
{
    if (length < 0) return rt_error(PyExc_ValueError, op->cls.name, "a result of length %zd", (Py_ssize_t)length);
    if (n >= 1 && n <= INTPTR_MAX / 256) return 0;
    return rt_error(PyExc_ValueError, op->cls.name, "invalid number of FFT data points (%zd) specified", (Py_ssize_t)n);
}

/* A tensor like x but for one length and the dtype. */
static rt_tensor *resized(const rt_tensor *x, int dim, intptr_t length, rt_dtype dtype)
{
    intptr_t shape[RT_MAX_NDIM];
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    shape[dim] = length;
    return rt_empty(dtype, x->ndim, shape, x->storage->device);
}

/* The last step, into out[0] where that is given. */
static int deliver(const rt_op *op, rt_tensor **out, rt_tensor *result)
{
    if (!result) return -1;
    if (!out[0]) {
        out[0] = result;
        return 0;
    }
    int status = rt_output_check(op, out[0], (rt_dtype)result->dtype, result->ndim, result->shape);
    if (status == 0) status = rt_copy_into(out[0], result);
    Py_DECREF(result);
    return status;
}

/* ---- complex ---- */

/* dims, sizes (lengths of the transforms) and lengths (elements of the result), from the last dimension on. */
FORWARD(fft_c2c)
{
    rt_tensor *x = input(op, in), *now = NULL;
    if (!x) return -1;
    const int count = p->n[0];
    intptr_t *dims = p->list, *sizes = dims + (count > 0 ? count : 0), *lengths = sizes + (count > 0 ? count : 0);
    const rt_dtype complex = rt_dtype_to_complex((rt_dtype)x->dtype);
    if (count < 1 || p->n[1] != count || p->n[2] != count)
        return rt_error(PyExc_ValueError, op->cls.name, "needs as many sizes and lengths as dimensions, and at least one");
    for (int i = count - 1; i >= 0; i--) {
        const int dim = rt_dim_wrap(op->cls.name, dims[i], x->ndim);
        const double scale = i == count - 1 ? p->f[0] : 1.0;
        if (dim < 0 || check_lengths(op, sizes[i], lengths[i]) < 0) goto fail;
        dims[i] = dim;
        const rt_tensor *from = now ? now : x;
        rt_tensor *to = now && now->shape[dim] == lengths[i] ? (rt_tensor *)Py_NewRef((PyObject *)now)
                                                             : resized(from, dim, lengths[i], complex);
        const kind what = rt_dtype_is_complex((rt_dtype)from->dtype) ? C2C : R2C_WHOLE;
        const int status = to ? run_along(from, to, dim, what, sizes[i], (int)p->i[0], 0, scale) : -1;
        Py_XSETREF(now, to);
        if (status < 0) goto fail;
    }
    return deliver(op, out, now);
fail:
    Py_XDECREF((PyObject *)now);
    return -1;
}

static rt_tensor *complex_back(rt_tensor *g, int n, const intptr_t *dims, const intptr_t *sizes, const intptr_t *lengths,
                               int inverse, double scale)
{
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, dims);
    rt_params_push(&p, 1, n, sizes);
    rt_params_push(&p, 2, n, lengths);
    p.i[0] = inverse;
    p.f[0] = scale;
    return rt_apply1p(RT_OP_fft_c2c, g, &p);
}

/* Of a real input, the real part. */
static rt_tensor *for_input(const rt_node *node, rt_tensor *gradient)
{
    if (!gradient || rt_dtype_is_complex(rt_node_input(node, 0).dtype)) return gradient;
    rt_tensor *part = rt_apply1(RT_OP_real, gradient);
    Py_DECREF(gradient);
    return part;
}

BACKWARD(fft_c2c)
{
    const rt_params *p = node->params;
    intptr_t lengths[RT_MAX_NDIM];
    const int n = p->n[0];
    const intptr_t *dims = rt_params_list(p, 0);
    if (!g[0]) return 0;
    for (int i = 0; i < n; i++) lengths[i] = rt_node_input(node, 0).shape[dims[i]];
    gin[0] = for_input(node, complex_back(g[0], n, dims, rt_params_list(p, 1), lengths, !p->i[0], p->f[0]));
    return gin[0] ? 0 : -1;
}

/* ---- real ---- */

/* dim, n, length, twice; scale. */
FORWARD(fft_r2c)
{
    rt_tensor *x = input(op, in);
    if (!x) return -1;
    if (rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "expects a real input, got %s", rt_dtypes[x->dtype].name);
    const int dim = rt_dim_wrap(op->cls.name, p->i[0], x->ndim);
    if (dim < 0 || check_lengths(op, p->i[1], p->i[2]) < 0) return -1;
    if (p->i[3] && x->shape[dim] != p->i[1])
        return rt_error(PyExc_ValueError, op->cls.name, "twice needs all n = %zd elements, there are %zd", (Py_ssize_t)p->i[1],
                        (Py_ssize_t)x->shape[dim]);
    p->i[0] = dim;
    rt_tensor *result = resized(x, dim, p->i[2], rt_dtype_to_complex((rt_dtype)x->dtype));
    if (result && run_along(x, result, dim, R2C, p->i[1], 0, (int)p->i[3], p->f[0]) < 0) Py_CLEAR(result);
    return deliver(op, out, result);
}

static rt_tensor *whole(rt_tensor *g, intptr_t dim, intptr_t n, double scale)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    p.i[1] = n;
    p.f[0] = scale;
    return rt_apply1p(RT_OP_fft_c2r, g, &p);
}

/* The adjoint sums the elements given, or, where those in the middle were doubled, the whole Hermitian line. */
BACKWARD(fft_r2c)
{
    const rt_params *p = node->params;
    if (!g[0]) return 0;
    const rt_input_meta meta = rt_node_input(node, 0);
    const intptr_t dim = p->i[0], n = p->i[1], length = meta.shape[dim];
    if (p->i[3]) gin[0] = whole(g[0], dim, n, p->f[0]);
    else gin[0] = for_input(node, complex_back(g[0], 1, &dim, &n, &length, 1, p->f[0]));
    return gin[0] ? 0 : -1;
}

/* dim, n; scale. */
FORWARD(fft_c2r)
{
    rt_tensor *x = input(op, in);
    if (!x) return -1;
    const int dim = rt_dim_wrap(op->cls.name, p->i[0], x->ndim);
    if (dim < 0 || check_lengths(op, p->i[1], 0) < 0) return -1;
    if (!rt_dtype_is_complex((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "expects a complex input, got %s", rt_dtypes[x->dtype].name);
    p->i[0] = dim;
    rt_tensor *result = resized(x, dim, p->i[1], rt_dtype_to_real((rt_dtype)x->dtype));
    if (result && run_along(x, result, dim, C2R, p->i[1], 1, 0, p->f[0]) < 0) Py_CLEAR(result);
    return deliver(op, out, result);
}

BACKWARD(fft_c2r)
{
    const rt_params *p = node->params;
    if (!g[0]) return 0;
    rt_params half;
    rt_params_begin(&half);
    half.i[0] = p->i[0];
    half.i[1] = p->i[1];
    half.i[2] = rt_node_input(node, 0).shape[p->i[0]];
    half.i[3] = 1;
    half.f[0] = p->f[0];
    gin[0] = rt_apply1p(RT_OP_fft_r2c, g[0], &half);
    return gin[0] ? 0 : -1;
}
