/* pool: maxima over windows (max_pool, adaptive_max_pool, fractional_max_pool) with the positions where they
 * stand, and moving elements by such positions: pool_gather takes them from planes, pool_scatter puts or adds
 * them into planes.  The last two are each other's gradient, and that of the maxima.  A plane is all of the
 * last one to three dimensions; positions in it are flat.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/depend.h"
#include "ufunc/views.h"

#define GRAIN 16384
#define RELEASE_GIL 32768
#define LONGEST ((intptr_t)1 << 31)

/* ---- windows ----------------------------------------------------------------------------- */

/* The windows of a plane, and memory for them. */
typedef struct {
    rt_window_grid grid;
    intptr_t *numbers;                 /* owned: starts and counts of the three dimensions, what is alike in the last */
    int nd;
} windows;

/* Starts with leading lengths of 1; rooms for the numbers.  -1 with an exception. */
static int windows_new(windows *w, int nd, const intptr_t *in, const intptr_t *out)
{
    intptr_t total = 0;
    w->nd = nd;
    for (int d = 0; d < 3; d++) {
        const int at = d - (3 - nd);
        w->grid.in[d] = at < 0 ? 1 : in[at];
        w->grid.out[d] = at < 0 ? 1 : out[at];
        w->grid.dilation[d] = 1;
        total += w->grid.out[d];
    }
    w->numbers = rt_memory_try((size_t)(total * 2 + w->grid.out[2]) * sizeof(intptr_t));
    if (!w->numbers) return -1;
    intptr_t *next = w->numbers;
    for (int d = 0; d < 3; d++) {
        w->grid.start[d] = next;
        w->grid.count[d] = next + w->grid.out[d];
        next += 2 * w->grid.out[d];
        for (intptr_t o = 0; d < 3 - nd && o < w->grid.out[d]; o++) {
            ((intptr_t *)w->grid.start[d])[o] = 0;
            ((intptr_t *)w->grid.count[d])[o] = 1;
        }
    }
    w->grid.alike = next;
    return 0;
}

/* Outputs of the last dimension that look alike, once all windows are set. */
static void windows_compare(windows *w)
{
    const intptr_t *start = w->grid.start[2], *count = w->grid.count[2], m = w->grid.out[2];
    intptr_t *alike = (intptr_t *)w->grid.alike;
    for (intptr_t o = m - 1; o >= 0; o--) {
        const int next = o + 1 < m && count[o + 1] == count[o];
        const int further = next && o + 2 < m && start[o + 2] - start[o + 1] == start[o + 1] - start[o];
        alike[o] = !next ? 1 : further ? alike[o + 1] + 1 : 2;
    }
}

static void windows_set(windows *w, int d, intptr_t o, intptr_t start, intptr_t count)
{
    ((intptr_t *)w->grid.start[d])[o] = start;
    ((intptr_t *)w->grid.count[d])[o] = count;
}

/* ---- running ----------------------------------------------------------------------------- */

typedef struct {
    const rt_windows *kernels;
    const rt_window_grid *grid;
    const char *x;
    char *out;
    int64_t *index;                    /* NULL: not wanted */
    intptr_t in_plane, out_plane, item;
} job;

static void run_planes(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    if (!j->index) j->kernels->largest(j->grid, j->x + begin * j->in_plane * j->item, j->out + begin * j->out_plane * j->item, end - begin);
    for (intptr_t i = begin; i < end && j->index; i++)
        j->kernels->max(j->grid, j->x + i * j->in_plane * j->item, j->out + i * j->out_plane * j->item, j->index + i * j->out_plane);
}

static intptr_t plane_size(int nd, const intptr_t *shape)
{
    intptr_t size = 1;
    for (int d = 0; d < nd; d++) size *= shape[d];
    return size;
}

/* float32, float64 and int64 have kernels. */
static rt_dtype compute_dtype(const rt_op *op, rt_dtype d)
{
    if (d == RT_f64 || d == RT_f32 || d == RT_i64) return d;
    if (rt_dtype_is_float(d)) return RT_f32;
    if (rt_dtype_is_integer(d)) return RT_i64;
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

/* Makes the windows of plane `i`; called once, or for every plane when each has its own. */
typedef void set_windows(windows *w, const void *what, intptr_t i);

/* values and positions of x over windows; `out` gives the lengths of the last nd dimensions.  Positions that nobody
 * wants, a gradient neither, are an empty tensor. */
static int maxima(const rt_op *op, int nin, const rt_operand *in, int nd, const intptr_t *lengths, set_windows *set,
                  const void *what, int each, int positions, rt_tensor **out)
{
    const intptr_t none = 0;
    rt_tensor *x = in[0].t, *px = NULL, *work = NULL, *wide = NULL, *where = NULL, *const given = out[0], *const given1 = out[1];
    windows w = {.numbers = NULL};
    intptr_t shape[RT_MAX_NDIM];
    int status = -1;
    const rt_dtype result = (rt_dtype)x->dtype, d = compute_dtype(op, result);
    if (d == RT_NODTYPE) return -1;
    const int lead = x->ndim - nd;
    memcpy(shape, x->shape, (size_t)lead * sizeof *shape);
    memcpy(shape + lead, lengths, (size_t)nd * sizeof *shape);
    if (rt_output_begin(op, &out[0], result, x->ndim, shape, nin, in, 1, &work) < 0) goto done;
    positions |= given1 != NULL || rt_records(x);
    if (rt_output_begin(op, &out[1], RT_i64, positions ? x->ndim : 1, positions ? shape : &none, nin, in, 1, &where) < 0) goto done;
    wide = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, x->ndim, shape, x->storage->device);
    px = wide ? packed(x, d) : NULL;
    if (!px || windows_new(&w, nd, x->shape + lead, lengths) < 0) goto done;
    job j = {.kernels = rt_isa_now->windows[d], .grid = &w.grid, .x = px->data, .out = wide->data, .index = positions ? (int64_t *)where->data : NULL,
             .in_plane = plane_size(nd, x->shape + lead), .out_plane = plane_size(nd, lengths), .item = (intptr_t)rt_itemsize(d)};
    const intptr_t planes = wide->size ? wide->size / j.out_plane : 0;
    if (planes) set(&w, what, 0);
    if (planes) windows_compare(&w);
    if (each) {
        for (intptr_t i = 0; i < planes; i++) {
            if (i) set(&w, what, i);
            if (i) windows_compare(&w);
            run_planes(&j, i, i + 1);
        }
    } else if (x->size < RELEASE_GIL) {
        run_planes(&j, 0, planes);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(planes, GRAIN / (j.in_plane + 1) + 1, run_planes, &j);
        Py_END_ALLOW_THREADS
    }
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(out[0], work);
    work = NULL;
    if (rt_output_finish(out[1], where) < 0) status = -1;
    where = NULL;
done:
    rt_memory_free(w.numbers);
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)where);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(out[0]);
    if (status < 0 && !given1) Py_CLEAR(out[1]);
    return status;
}

static int check_planes(const rt_op *op, const rt_tensor *x, int nd)
{
    if (nd < 1 || nd > 3 || x->ndim < nd)
        return rt_error(rt_TensorError, op->cls.name, "needs planes of 1 to 3 dimensions, the tensor has %d", x->ndim);
    for (int d = x->ndim - nd; d < x->ndim; d++)
        if (x->shape[d] < 1 || x->shape[d] >= LONGEST)
            return rt_error(rt_TensorError, op->cls.name, "dimension %d has length %zd; planes may neither be empty nor longer"
                            " than 2**31", d, (Py_ssize_t)x->shape[d]);
    if (plane_size(nd, x->shape + x->ndim - nd) >= LONGEST)
        return rt_error(rt_TensorError, op->cls.name, "a plane has 2**31 elements or more");
    return 0;
}

/* ---- max_pool ---------------------------------------------------------------------------- */

typedef struct { intptr_t kernel[3], stride[3], padding[3], dilation[3]; } spacing;

static void set_spaced(windows *w, const void *what, intptr_t i)
{
    const spacing *s = what;
    (void)i;
    for (int d = 0; d < w->nd; d++) {
        const int at = 3 - w->nd + d;
        const intptr_t step = s->dilation[d], n = w->grid.in[at];
        w->grid.dilation[at] = step;
        for (intptr_t o = 0; o < w->grid.out[at]; o++) {
            intptr_t start = o * s->stride[d] - s->padding[d], end = start + (s->kernel[d] - 1) * step + 1;
            if (start < 0) start += (-start + step - 1) / step * step;
            if (end > n) end = n;
            windows_set(w, at, o, start, end > start ? (end - start - 1) / step + 1 : 0);
        }
    }
}

static int read_spacing(const rt_op *op, const rt_params *p, int nd, spacing *s)
{
    static const char *const names[4] = {"kernel_size", "stride", "padding", "dilation"};
    intptr_t *to[4] = {s->kernel, s->stride, s->padding, s->dilation};
    for (int k = 0; k < 4; k++) {
        const intptr_t *list = rt_params_list(p, k);
        if (p->n[k] != nd) return rt_error(rt_TensorError, op->cls.name, "%s must be %d numbers, not %d", names[k], nd, p->n[k]);
        for (int d = 0; d < nd; d++) {
            to[k][d] = list[d];
            if (list[d] < (k == 2 ? 0 : 1) || list[d] >= LONGEST)
                return rt_error(rt_TensorError, op->cls.name, "%s must be %s, not %zd", names[k],
                                k == 2 ? "non-negative" : "greater than zero", (Py_ssize_t)list[d]);
        }
    }
    for (int d = 0; d < nd; d++)
        if (s->padding[d] > ((s->kernel[d] - 1) * s->dilation[d] + 1) / 2)
            return rt_error(rt_TensorError, op->cls.name, "pad should be at most half of effective kernel size, but got"
                            " padding %zd, kernel_size %zd and dilation %zd", (Py_ssize_t)s->padding[d], (Py_ssize_t)s->kernel[d],
                            (Py_ssize_t)s->dilation[d]);
    return 0;
}

FORWARD(max_pool)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    const int nd = p->n[0];
    spacing s;
    intptr_t lengths[3];
    if (!x || check_planes(op, x, nd) < 0 || read_spacing(op, p, nd, &s) < 0) return -1;
    for (int d = 0; d < nd; d++) {
        const intptr_t n = x->shape[x->ndim - nd + d] + 2 * s.padding[d] - (s.kernel[d] - 1) * s.dilation[d] - 1;
        intptr_t length = n + (p->i[0] ? s.stride[d] - 1 : 0);
        length = (length < 0 ? -((-length + s.stride[d] - 1) / s.stride[d]) : length / s.stride[d]) + 1;
        /* the last window starts inside the plane or the padding before it */
        if (p->i[0] && (length - 1) * s.stride[d] >= x->shape[x->ndim - nd + d] + s.padding[d]) length--;
        if (length < 1)
            return rt_error(rt_TensorError, op->cls.name, "the windows do not fit dimension %d of length %zd: output size is too"
                            " small", x->ndim - nd + d, (Py_ssize_t)x->shape[x->ndim - nd + d]);
        lengths[d] = length;
    }
    return maxima(op, nin, in, nd, lengths, set_spaced, &s, 0, p->i[1] != 0, out);
}

/* ---- adaptive_max_pool, fractional_max_pool ---------------------------------------------- */

static void set_adaptive(windows *w, const void *what, intptr_t i)
{
    (void)what, (void)i;
    for (int d = 3 - w->nd; d < 3; d++) {
        const intptr_t n = w->grid.in[d], m = w->grid.out[d];
        for (intptr_t o = 0; o < m; o++) windows_set(w, d, o, o * n / m, ((o + 1) * n + m - 1) / m - o * n / m);
    }
}

static int read_lengths(const rt_op *op, const rt_params *p, int k, int nd, intptr_t least)
{
    const intptr_t *list = rt_params_list(p, k);
    if (p->n[k] != nd) return rt_error(rt_TensorError, op->cls.name, "needs %d lengths, not %d", nd, p->n[k]);
    for (int d = 0; d < nd; d++)
        if (list[d] < least || list[d] >= LONGEST)
            return rt_error(rt_TensorError, op->cls.name, "a length of %zd is out of range", (Py_ssize_t)list[d]);
    return 0;
}

FORWARD(adaptive_max_pool)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0);
    const int nd = p->n[0];
    if (!x || check_planes(op, x, nd) < 0 || read_lengths(op, p, 0, nd, 0) < 0) return -1;
    return maxima(op, nin, in, nd, p->list, set_adaptive, NULL, 0, p->i[0] != 0, out);
}

typedef struct { const double *samples; const intptr_t *kernel; } fraction;

/* Graham, Fractional max-pooling (2014): steps of about alpha, begun at a random fraction; the samples of a
 * plane belong to its dimensions from the last on. */
static void set_fractional(windows *w, const void *what, intptr_t i)
{
    const fraction *f = what;
    for (int d = 0; d < w->nd; d++) {
        const int at = 3 - w->nd + d;
        const intptr_t n = w->grid.in[at], m = w->grid.out[at], k = f->kernel[d];
        const double given = f->samples[i * w->nd + (w->nd == 2 ? 1 - d : d)];
        const double sample = given > 0 ? given < 1 ? given : 1 : 0;      /* a NaN counts as 0 */
        const double alpha = m > 1 ? (double)(n - k) / (double)(m - 1) : 0;
        for (intptr_t o = 0; o < m; o++) {
            intptr_t start = o == m - 1 ? n - k : (intptr_t)(((double)o + sample) * alpha) - (intptr_t)(sample * alpha);
            if (start > n - k) start = n - k;
            windows_set(w, at, o, start < 0 ? 0 : start, k);
        }
    }
}

FORWARD(fractional_max_pool)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *samples = x ? rt_operand_tensor(op, in, 1) : NULL, *rows;
    const int nd = p->n[0];
    if (!samples || check_planes(op, x, nd) < 0 || read_lengths(op, p, 0, nd, 1) < 0 || read_lengths(op, p, 1, nd, 1) < 0) return -1;
    const intptr_t *kernel = p->list, *lengths = rt_params_list(p, 1);
    intptr_t planes = 1;
    for (int d = 0; d < x->ndim - nd; d++) planes *= x->shape[d];
    for (int d = 0; d < nd; d++)
        if (lengths[d] + kernel[d] - 1 > x->shape[x->ndim - nd + d])
            return rt_error(rt_TensorError, op->cls.name, "pool of %zd and output of %zd are too large for dimension %d of length"
                            " %zd", (Py_ssize_t)kernel[d], (Py_ssize_t)lengths[d], x->ndim - nd + d,
                            (Py_ssize_t)x->shape[x->ndim - nd + d]);
    if (samples->ndim < 1 || samples->shape[samples->ndim - 1] != nd || samples->size != planes * nd)
        return rt_error_shapes(op->cls.name, "needs a random number for each plane and dimension (input and samples)", x->ndim,
                               x->shape, samples->ndim, samples->shape);
    if (!(rows = packed(samples, RT_f64))) return -1;
    const fraction f = {(const double *)rows->data, kernel};
    const int status = maxima(op, nin, in, nd, lengths, set_fractional, &f, 1, 1, out);
    Py_DECREF((PyObject *)rows);
    return status;
}

/* ---- gather and scatter ------------------------------------------------------------------ */

typedef struct {
    const char *x;
    const int64_t *index;
    char *out;
    intptr_t in_plane, out_plane, bound, item;   /* elements; positions are below bound */
    int kind;                                    /* 0 gather, 1 put, 2 add float32, 3 add float64, 4 add int64 */
    int64_t wrong;                               /* a position out of range */
    int failed;
} mover;

static void gather_plane(const mover *m, const char *x, const int64_t *index, char *out)
{
    const intptr_t n = m->out_plane;
    if (m->item == 4) for (intptr_t k = 0; k < n; k++) ((uint32_t *)out)[k] = ((const uint32_t *)x)[index[k]];
    else if (m->item == 8) for (intptr_t k = 0; k < n; k++) ((uint64_t *)out)[k] = ((const uint64_t *)x)[index[k]];
    else for (intptr_t k = 0; k < n; k++) memcpy(out + k * m->item, x + index[k] * m->item, (size_t)m->item);
}

static void scatter_plane(const mover *m, const char *x, const int64_t *index, char *out)
{
    const intptr_t n = m->in_plane;
    memset(out, 0, (size_t)(m->out_plane * m->item));
    switch (m->kind) {
    case 2: for (intptr_t k = 0; k < n; k++) ((float *)out)[index[k]] += ((const float *)x)[k]; break;
    case 3: for (intptr_t k = 0; k < n; k++) ((double *)out)[index[k]] += ((const double *)x)[k]; break;
    case 4: for (intptr_t k = 0; k < n; k++) ((uint64_t *)out)[index[k]] += ((const uint64_t *)x)[k]; break;
    default: for (intptr_t k = 0; k < n; k++) memcpy(out + index[k] * m->item, x + k * m->item, (size_t)m->item);
    }
}

static void move_planes(void *ctx, intptr_t begin, intptr_t end)
{
    mover *m = ctx;
    const intptr_t n = m->kind ? m->in_plane : m->out_plane;
    for (intptr_t i = begin; i < end; i++) {
        const int64_t *index = m->index + i * n;
        uint64_t most = 0;
        for (intptr_t k = 0; k < n; k++) most = (uint64_t)index[k] > most ? (uint64_t)index[k] : most;
        if (n && most >= (uint64_t)m->bound) {
            __atomic_store_n(&m->wrong, (int64_t)most, __ATOMIC_RELAXED);
            __atomic_store_n(&m->failed, 1, __ATOMIC_RELAXED);
            continue;
        }
        const char *x = m->x + i * m->in_plane * m->item;
        char *out = m->out + i * m->out_plane * m->item;
        if (m->kind) scatter_plane(m, x, index, out);
        else gather_plane(m, x, index, out);
    }
}

/* Moves planes of x (in_plane elements) to planes of the given shape. */
static int move(const rt_op *op, int nin, const rt_operand *in, int adds, mover m, int ndim, const intptr_t *shape, rt_tensor **out)
{
    rt_tensor *x = in[0].t, *px = NULL, *pi = NULL, *work = NULL, *wide = NULL, *const given = *out;
    const rt_dtype result = (rt_dtype)x->dtype;
    rt_dtype d = result;
    int status = -1;
    if (adds && d != RT_f32 && d != RT_f64) d = rt_dtype_is_float(d) ? RT_f32 : RT_i64;
    if (adds && rt_dtype_is_complex(result)) return rt_error(rt_DtypeError, op->cls.name, "has no meaning for %s", rt_dtypes[result].name);
    if (rt_output_begin(op, out, result, ndim, shape, nin, in, 1, &work) < 0) goto done;
    wide = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, ndim, shape, x->storage->device);
    px = wide ? packed(x, d) : NULL;
    pi = px ? packed(in[1].t, RT_i64) : NULL;
    if (!pi) goto done;
    m.x = px->data;
    m.index = (const int64_t *)pi->data;
    m.out = wide->data;
    m.item = (intptr_t)rt_itemsize(d);
    m.failed = 0;
    if (adds) m.kind = d == RT_f32 ? 2 : d == RT_f64 ? 3 : 4;
    const intptr_t planes = m.out_plane ? wide->size / m.out_plane : 0;
    if (wide->size + px->size < RELEASE_GIL) {
        move_planes(&m, 0, planes);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(planes, GRAIN / (m.in_plane + m.out_plane + 1) + 1, move_planes, &m);
        Py_END_ALLOW_THREADS
    }
    if (m.failed) {
        (void)rt_error(rt_TensorError, op->cls.name, "found an invalid index %lld; planes have %zd elements", (long long)m.wrong,
                       (Py_ssize_t)m.bound);
        goto done;
    }
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)pi);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

static int check_index(const rt_op *op, const rt_tensor *x, const rt_tensor *index, int lead)
{
    if (rt_dtype_kind((rt_dtype)index->dtype) == RT_KIND_BOOL || !rt_dtype_is_integer((rt_dtype)index->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "indices must be int64, not %s", rt_dtypes[index->dtype].name);
    if (index->ndim != x->ndim || lead < 0 || !rt_shape_equal(lead, x->shape, lead, index->shape))
        return rt_error_shapes(op->cls.name, "indices do not fit the input (input and indices)", x->ndim, x->shape, index->ndim,
                               index->shape);
    return 0;
}

/* out[plane][k] = x[plane][index[plane][k]]; planes are the last nd dimensions. */
FORWARD(pool_gather)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = x ? rt_operand_tensor(op, in, 1) : NULL;
    if (!index) return -1;
    if (p->i[0] < 1 || p->i[0] > x->ndim)
        return rt_error(rt_TensorError, op->cls.name, "planes of %zd dimensions, but the input has %d", (Py_ssize_t)p->i[0], x->ndim);
    const int nd = (int)p->i[0], lead = x->ndim - nd;
    if (check_index(op, x, index, lead) < 0) return -1;
    mover m = {.in_plane = plane_size(nd, x->shape + lead), .out_plane = plane_size(nd, index->shape + lead)};
    m.bound = m.in_plane;
    return move(op, nin, in, 0, m, index->ndim, index->shape, out);
}

/* Zero planes of the given lengths with x put or added at the indices. */
FORWARD(pool_scatter)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = x ? rt_operand_tensor(op, in, 1) : NULL;
    intptr_t shape[RT_MAX_NDIM];
    if (!index) return -1;
    const int nd = p->n[0], lead = x->ndim - nd;
    if (nd < 1 || lead < 0) return rt_error(rt_TensorError, op->cls.name, "needs at least %d dimensions", nd);
    if (read_lengths(op, p, 0, nd, 0) < 0 || check_index(op, x, index, x->ndim) < 0) return -1;
    memcpy(shape, x->shape, (size_t)lead * sizeof *shape);
    memcpy(shape + lead, p->list, (size_t)nd * sizeof *shape);
    mover m = {.in_plane = plane_size(nd, x->shape + lead), .kind = 1};
    if (rt_shape_size(x->ndim, shape, 16) < 0) return -1;
    m.bound = m.out_plane = plane_size(nd, p->list);
    return move(op, nin, in, p->i[0] != 0, m, x->ndim, shape, out);
}

/* ---- gradients --------------------------------------------------------------------------- */

static rt_tensor *scattered(rt_tensor *g, rt_tensor *index, int nd, const intptr_t *lengths)
{
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, nd, lengths);
    p.i[0] = 1;
    return rt_apply2p(RT_OP_pool_scatter, g, index, &p);
}

static int maxima_backward(rt_node *node, rt_tensor *const *g, rt_tensor **gin)
{
    rt_operand index = {0};
    if (!g[0] || !rt_node_wants(node, 0)) return 0;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    const int nd = node->params->n[0];
    const rt_input_meta m = rt_node_input(node, 0);
    gin[0] = rt_depend(scattered(g[0], index.t, nd, m.shape + m.ndim - nd), node, 1);
    Py_DECREF((PyObject *)index.t);
    return gin[0] ? 0 : -1;
}

BACKWARD(max_pool) { return maxima_backward(node, g, gin); }
BACKWARD(adaptive_max_pool) { return maxima_backward(node, g, gin); }
BACKWARD(fractional_max_pool) { return maxima_backward(node, g, gin); }

BACKWARD(pool_gather)
{
    rt_operand index = {0};
    if (!rt_node_wants(node, 0)) return 0;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    const int nd = (int)node->params->i[0];
    const rt_input_meta m = rt_node_input(node, 0);
    gin[0] = rt_depend(scattered(g[0], index.t, nd, m.shape + m.ndim - nd), node, 1);
    Py_DECREF((PyObject *)index.t);
    return gin[0] ? 0 : -1;
}

BACKWARD(pool_scatter)
{
    rt_params p;
    rt_operand index = {0};
    if (!rt_node_wants(node, 0)) return 0;
    if (rt_node_unpack(node, 0, &index) < 0) return -1;
    rt_params_begin(&p);
    p.i[0] = node->params->n[0];
    gin[0] = rt_apply2p(RT_OP_pool_gather, g[0], index.t, &p);
    Py_DECREF((PyObject *)index.t);
    return gin[0] ? 0 : -1;
}
