/* resample: banded linear maps along one dimension: means and sums over windows, nearest, linear and cubic
 * interpolation with and without antialiasing, and the transposes of all of them, which are their gradients.
 * A map over several dimensions is one of these after another.  Floor: ufunc. */
#include <math.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/depend.h"
#include "ufunc/views.h"

#define GRAIN 16384             /* multiply-adds a thread takes at least */
#define RELEASE_GIL 65536

enum { WINDOW, ADAPTIVE, NEAREST, NEAREST_EXACT, LINEAR, CUBIC, LINEAR_AA, CUBIC_AA };   /* as in the signature */
enum { DIM, LENGTH, KIND, ALIGN, TRANSPOSED };                                           /* params.i */
enum { SUM, MEAN, MEAN_WITH_PADDING };                                                   /* window[3] */

/* A banded matrix (m, n) under construction. */
typedef struct {
    intptr_t m, n, width;
    intptr_t *start, *count;
    double *weights;
} matrix;

static int matrix_new(matrix *a, intptr_t m, intptr_t n, intptr_t width)
{
    intptr_t size;
    a->start = a->count = NULL;
    a->weights = NULL;
    if (width < 1) width = 1;
    a->m = m;
    a->n = n;
    a->width = width;
    if (__builtin_mul_overflow(m, width, &size) || __builtin_mul_overflow(size, (intptr_t)sizeof(double), &size)) {
        PyErr_NoMemory();
        return -1;
    }
    a->start = rt_memory_try((size_t)m * 2 * sizeof(intptr_t) + 1);
    a->weights = a->start ? rt_memory_try((size_t)size + 1) : NULL;
    if (!a->weights) {
        rt_memory_free(a->start);
        a->start = NULL;
        return -1;
    }
    a->count = a->start + m;
    memset(a->weights, 0, (size_t)size);
    return 0;
}

static void matrix_end(matrix *a)
{
    rt_memory_free(a->start);
    rt_memory_free(a->weights);
    a->start = NULL;
    a->weights = NULL;
}

/* ---- rows of the matrix ------------------------------------------------------------------ */

static void window_row(matrix *a, intptr_t j, const intptr_t *window)
{
    const intptr_t pad = window[2], first = j * window[1] - pad;
    intptr_t last = first + window[0] < a->n + pad ? first + window[0] : a->n + pad;
    const double whole = (double)(last - first);
    const intptr_t begin = first > 0 ? first : 0;
    if (last > a->n) last = a->n;
    a->start[j] = begin < a->n ? begin : a->n;
    a->count[j] = last > begin ? last - begin : 0;
    for (intptr_t t = 0; t < a->count[j]; t++)
        a->weights[j * a->width + t] = window[3] == SUM ? 1 : 1 / (window[3] == MEAN ? (double)a->count[j] : whole);
}

static void adaptive_row(matrix *a, intptr_t j)
{
    const intptr_t low = (intptr_t)((__int128)j * a->n / a->m);
    const intptr_t high = (intptr_t)(((__int128)(j + 1) * a->n + a->m - 1) / a->m);
    a->start[j] = low;
    a->count[j] = high - low;
    for (intptr_t t = 0; t < high - low; t++) a->weights[j * a->width + t] = 1 / (double)(high - low);
}

/* The integer below `at`, from 0 to n - 1: any scale may have been asked for, and it may be no number. */
static intptr_t within(double at, intptr_t n)
{
    return at >= (double)n ? n - 1 : at >= 0 ? (intptr_t)at : 0;
}

/* Positions in single precision, as PyTorch computes them: a nearest neighbour is a matter of one bit. */
static void nearest_row(matrix *a, intptr_t j, int exact, double scale)
{
    const float ratio = scale > 0 ? (float)(1.0 / scale) : (float)a->n / (float)a->m;
    intptr_t at = within(floorf(exact ? ((float)j + 0.5f) * ratio : (float)j * ratio), a->n);
    if (!exact && a->m == a->n) at = j;
    if (!exact && a->m == 2 * a->n) at = j / 2;
    a->start[j] = at < a->n - 1 ? at : a->n - 1;
    a->count[j] = 1;
    a->weights[j * a->width] = 1;
}

/* Where output j lies between inputs. */
static double source(const matrix *a, intptr_t j, int align, double scale)
{
    if (align) return a->m > 1 ? (double)j * (double)(a->n - 1) / (double)(a->m - 1) : 0;
    return ((double)j + 0.5) * (scale > 0 ? 1 / scale : (double)a->n / (double)a->m) - 0.5;
}

static void linear_row(matrix *a, intptr_t j, int align, double scale)
{
    double at = source(a, j, align, scale), *w = a->weights + j * a->width;
    if (at < 0) at = 0;
    const intptr_t low = within(at, a->n);
    double right = at - (double)low;
    if (right > 1) right = 1;
    a->start[j] = low;
    a->count[j] = low + 1 < a->n ? 2 : 1;
    w[0] = a->count[j] == 2 ? 1 - right : 1;
    if (a->count[j] == 2) w[1] = right;
}

/* Keys' kernel (Cubic convolution interpolation, 1981) with parameter c. */
static double keys(double x, double c)
{
    x = fabs(x);
    if (x < 1) return ((c + 2) * x - (c + 3)) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * x * c - 4 * c : 0;
}

static void cubic_row(matrix *a, intptr_t j, int align, double scale)
{
    const double far = source(a, j, align, scale), most = (double)a->n + 1;      /* from there on all is border */
    const double at = far < -2 ? -2 : far < most ? far : most, low = floor(at);
    const intptr_t first = (intptr_t)low - 1, last = a->n - 1;
    const intptr_t begin = first < 0 ? 0 : first > last ? last : first, end = first + 3 < 0 ? 0 : first + 3 > last ? last : first + 3;
    a->start[j] = begin;
    a->count[j] = end - begin + 1;
    for (intptr_t t = 0; t < 4; t++) {      /* positions outside are the border's */
        intptr_t to = first + t;
        to = to < begin ? begin : to > end ? end : to;
        a->weights[j * a->width + to - begin] += keys(at - low - (double)(t - 1), -0.75);
    }
}

/* Filters that grow with the reduction, as Pillow's; c = -0.5. */
static double aa_step(const matrix *a, int align, double scale)
{
    if (align) return a->m > 1 ? (double)(a->n - 1) / (double)(a->m - 1) : 0;
    return scale > 0 ? 1 / scale : (double)a->n / (double)a->m;
}

static void aa_row(matrix *a, intptr_t j, int cubic, int align, double scale)
{
    const double step = aa_step(a, align, scale), wide = step >= 1 ? step : 1, support = (cubic ? 2 : 1) * wide;
    const double center = step * ((double)j + 0.5);
    intptr_t begin = (intptr_t)(center - support + 0.5), end = (intptr_t)(center + support + 0.5);
    double total = 0, *w = a->weights + j * a->width;
    if (begin < 0) begin = 0;
    if (end > a->n) end = a->n;
    if (end - begin > a->width) end = begin + a->width;
    a->start[j] = begin < a->n ? begin : a->n - 1;
    a->count[j] = end > begin ? end - begin : 0;
    for (intptr_t t = 0; t < a->count[j]; t++) {
        const double x = ((double)(t + begin) - center + 0.5) / wide, far = fabs(x);
        w[t] = cubic ? keys(x, -0.5) : far < 1 ? 1 - far : 0;
        total += w[t];
    }
    for (intptr_t t = 0; t < a->count[j] && total != 0; t++) w[t] /= total;
}

static intptr_t width_of(const rt_params *p, const intptr_t *window, intptr_t m, intptr_t n)
{
    const double step = p->i[ALIGN] ? (m > 1 ? (double)(n - 1) / (double)(m - 1) : 0)
                                    : p->f[0] > 0 ? 1 / p->f[0] : (double)n / (double)m;
    intptr_t width;
    switch (p->i[KIND]) {
    case WINDOW: width = window[0]; break;
    case ADAPTIVE: width = n / m + 2; break;
    case LINEAR: width = 2; break;
    case CUBIC: width = 4; break;
    case LINEAR_AA: width = 2 * (intptr_t)ceil(step < 1 ? 1 : step < 1e9 ? step : 1e9) + 1; break;
    case CUBIC_AA: width = 2 * (intptr_t)ceil(2 * (step < 1 ? 1 : step < 1e9 ? step : 1e9)) + 1; break;
    default: width = 1;
    }
    return width < n ? width : n;
}

static int matrix_make(const rt_params *p, intptr_t m, intptr_t n, matrix *a)
{
    const intptr_t *window = rt_params_list(p, 0);
    const int kind = (int)p->i[KIND], align = p->i[ALIGN] != 0;
    const double scale = p->f[0];
    if (matrix_new(a, m, n, width_of(p, window, m, n)) < 0) return -1;
    for (intptr_t j = 0; j < m; j++)
        switch (kind) {
        case WINDOW: window_row(a, j, window); break;
        case ADAPTIVE: adaptive_row(a, j); break;
        case NEAREST: case NEAREST_EXACT: nearest_row(a, j, kind == NEAREST_EXACT, scale); break;
        case LINEAR: linear_row(a, j, align, scale); break;
        case CUBIC: cubic_row(a, j, align, scale); break;
        default: aa_row(a, j, kind == CUBIC_AA, align, scale);
        }
    return 0;
}

/* The transpose: starts and ends grow with j, so the rows that see a position are consecutive. */
static int matrix_turn(const matrix *a, matrix *t)
{
    intptr_t width = 1;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && matrix_new(t, a->n, a->m, width) < 0) return -1;
        for (intptr_t s = 0, low = 0; s < a->n; s++) {
            while (low < a->m && a->start[low] + a->count[low] <= s) low++;
            intptr_t high = low;
            while (high < a->m && a->start[high] <= s) high++;
            if (!pass) {
                if (high - low > width) width = high - low;
                continue;
            }
            t->start[s] = low < a->m ? low : 0;
            t->count[s] = high - low;
            for (intptr_t j = low; j < high; j++)
                if (s - a->start[j] < a->count[j]) t->weights[s * width + j - low] = a->weights[j * a->width + s - a->start[j]];
        }
    }
    return 0;
}

/* The weights, in place, as numbers of `d` (none longer than a double). */
static void matrix_store(matrix *a, rt_dtype d)
{
    const intptr_t size = a->m * a->width;
    if (d == RT_f32) for (intptr_t i = 0; i < size; i++) {
        const float f = (float)a->weights[i];
        memcpy((char *)a->weights + i * (intptr_t)sizeof f, &f, sizeof f);
    }
    if (d == RT_i64) for (intptr_t i = 0; i < size; i++) {
        const int64_t v = (int64_t)a->weights[i];
        memcpy(a->weights + i, &v, sizeof v);
    }
}

/* ---- the row ----------------------------------------------------------------------------- */

/* As rt_band's: are outputs just inputs? */
static int copies_of(const matrix *a, rt_dtype d)
{
    const float one = 1;
    const int64_t whole = 1;
    const double exact = 1;
    const void *wanted = d == RT_f32 ? (const void *)&one : d == RT_i64 ? (const void *)&whole : (const void *)&exact;
    const intptr_t item = (intptr_t)rt_itemsize(d);
    int twice = a->m == 2 * a->n;
    for (intptr_t j = 0; j < a->m; j++) {
        if (a->count[j] != 1 || memcmp((const char *)a->weights + j * a->width * item, wanted, (size_t)item) != 0) return 0;
        twice &= a->start[j] == j / 2;
    }
    return 1 + twice;
}

typedef struct { const rt_windows *kernels; rt_band band; const char *x; char *out; } job;

static void run_rows(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    j->kernels->band(&j->band, j->x, j->out, begin, end);
}

static void run(const matrix *a, rt_dtype d, const rt_tensor *x, rt_tensor *out, int dim)
{
    intptr_t outer = 1, inner = 1, longest = 1;
    for (int i = 0; i < dim; i++) outer *= x->shape[i];
    for (int i = dim + 1; i < x->ndim; i++) inner *= x->shape[i];
    for (intptr_t j = 0; j < a->m; j++) if (a->count[j] > longest) longest = a->count[j];
    job j = {.kernels = rt_isa_now->windows[d], .x = x->data, .out = out->data,
             .band = {.n = a->n, .m = a->m, .inner = inner, .width = a->width, .copies = copies_of(a, d),
                      .start = a->start, .count = a->count,
                      .weights = (const char *)a->weights}};
    const intptr_t grain = GRAIN / (inner * longest) + 1;
    if ((double)outer * (double)a->m * (double)inner * (double)longest < RELEASE_GIL) {
        run_rows(&j, 0, outer * a->m);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(outer * a->m, grain, run_rows, &j);
    Py_END_ALLOW_THREADS
}

/* The dtype means and sums of `d` are computed in, RT_NODTYPE with an exception when there is none. */
static rt_dtype compute_dtype(const rt_op *op, rt_dtype d, const rt_params *p)
{
    const intptr_t *window = rt_params_list(p, 0);
    if (d == RT_f64 || d == RT_f32) return d;
    if (rt_dtype_is_float(d)) return RT_f32;
    if (rt_dtype_is_integer(d) && ((p->i[KIND] == WINDOW && window[3] == SUM) || p->i[KIND] <= NEAREST_EXACT)
        && p->i[KIND] != ADAPTIVE)
        return RT_i64;
    (void)rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[d].name);
    return RT_NODTYPE;
}

static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    if ((rt_dtype)t->dtype == dtype && rt_tensor_is_contiguous(t)) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *copy = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (copy && rt_copy_into(copy, t) < 0) Py_CLEAR(copy);
    return copy;
}

static int check(const rt_op *op, const rt_tensor *x, rt_params *p)
{
    const intptr_t *window = rt_params_list(p, 0);
    const int dim = rt_dim_wrap(op->cls.name, p->i[DIM], x->ndim);
    if (dim < 0) return -1;
    p->i[DIM] = dim;
    if (x->ndim == 0) return rt_error(rt_TensorError, op->cls.name, "needs at least one dimension");
    if (p->i[LENGTH] < 1 || x->shape[dim] < 1)
        return rt_error(rt_TensorError, op->cls.name, "lengths must be positive: dimension %d of length %zd, wanted %zd", dim,
                        (Py_ssize_t)x->shape[dim], (Py_ssize_t)p->i[LENGTH]);
    if (p->i[KIND] == WINDOW
        && (p->n[0] != 4 || window[0] < 1 || window[1] < 1 || window[2] < 0 || window[3] < SUM || window[3] > MEAN_WITH_PADDING))
        return rt_error(rt_TensorError, op->cls.name, "window must be (length, stride, padding, what to divide by)");
    for (int i = 0; p->i[KIND] == WINDOW && i < 3; i++)
        if (window[i] > INTPTR_MAX / 4 / (p->i[LENGTH] + x->shape[dim] + 1))
            return rt_error(rt_TensorError, op->cls.name, "window of %zd is too large", (Py_ssize_t)window[i]);
    return 0;
}

FORWARD(resample)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *px = NULL, *work = NULL, *wide = NULL, *const given = *out;
    matrix a = {0}, turned = {0}, *used = &a;
    intptr_t shape[RT_MAX_NDIM];
    int status = -1;
    if (!x || check(op, x, p) < 0) return -1;
    const int dim = (int)p->i[DIM];
    const intptr_t from = x->shape[dim], to = p->i[LENGTH];
    const rt_dtype result = (rt_dtype)x->dtype, d = compute_dtype(op, result, p);
    if (d == RT_NODTYPE) return -1;
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    shape[dim] = to;
    if (rt_output_begin(op, out, result, x->ndim, shape, nin, in, 1, &work) < 0) goto done;
    wide = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, x->ndim, shape, x->storage->device);
    px = wide ? packed(x, d) : NULL;
    if (!px) goto done;
    if (p->i[TRANSPOSED] ? matrix_make(p, from, to, &a) < 0 : matrix_make(p, to, from, &a) < 0) goto done;
    if (p->i[TRANSPOSED]) {
        if (matrix_turn(&a, &turned) < 0) goto done;
        used = &turned;
    }
    matrix_store(used, d);
    if (wide->size) run(used, d, px, wide, dim);
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    matrix_end(&a);
    matrix_end(&turned);
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* The transposed map. */
BACKWARD(resample)
{
    rt_params p;
    const rt_params *q = node->params;
    rt_params_begin(&p);
    memcpy(p.i, q->i, sizeof p.i);
    p.f[0] = q->f[0];
    p.i[LENGTH] = rt_node_input(node, 0).shape[q->i[DIM]];
    p.i[TRANSPOSED] = !q->i[TRANSPOSED];
    rt_params_push(&p, 0, q->n[0], q->list);
    gin[0] = rt_apply1p(RT_OP_resample, g[0], &p);
    if (q->i[KIND] <= ADAPTIVE) gin[0] = rt_depend(gin[0], node, 1);
    return gin[0] ? 0 : -1;
}
