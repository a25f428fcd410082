/* bins: how often each number occurs (bincount), and how many values fall between neighbouring edges of equal
 * distance (bins_uniform).  Counts are added up from threads' own; sums of weights are of one thread, in order.
 * Floor: ufunc. */
#include <math.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/offsets.h"
#include "ufunc/views.h"

#pragma GCC optimize("O3")

enum { MOST_PIECES = 16, SHARED = 65536, GRAIN = 50000, LANES = 4 };   /* SHARED: bins up to which threads have their own */

static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    if (t->dtype == (int)dtype && rt_tensor_is_contiguous(t)) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *c = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (c && rt_copy_into(c, t) < 0) Py_CLEAR(c);
    return c;
}

typedef struct {
    const char *x;
    int64_t *room;              /* LANES histograms for each piece */
    const double *edges;        /* count + 1 of them */
    double first, last, scale;
    intptr_t n, count, pieces;
    int64_t low[MOST_PIECES], high[MOST_PIECES];
    int narrow;                 /* float32? */
} job;

static intptr_t piece_start(const job *j, intptr_t piece) { return j->n * piece / j->pieces; }

/* Runs `fn` over pieces, and adds up their histograms into the first. */
static int count_in_pieces(job *j, rt_range_fn *fn, intptr_t width)
{
    j->pieces = j->n < GRAIN || width > SHARED ? 1 : rt_threads_count();
    if (j->pieces > MOST_PIECES) j->pieces = MOST_PIECES;
    rt_storage *room = rt_memory_alloc((size_t)(j->pieces * LANES * width) * 8, (rt_device){RT_CPU, 0});
    if (!room) return -1;
    int64_t *const to = j->room;
    j->room = (int64_t *)room->data;
    if (j->n < GRAIN) {
        fn(j, 0, 1);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(j->pieces, 1, fn, j);
        Py_END_ALLOW_THREADS
    }
    memcpy(to, j->room, (size_t)j->count * 8);
    for (intptr_t h = 1; h < j->pieces * LANES; h++)
        for (intptr_t k = 0; k < j->count; k++) to[k] += j->room[h * width + k];
    rt_storage_release(room);
    return 0;
}

/* ---- bincount ---- */
static void bounds(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const int64_t *v = (const int64_t *)j->x;
    for (intptr_t p = begin; p < end; p++) {
        int64_t low = 0, high[4] = {-1, -1, -1, -1}, signs = 0;          /* four that do not wait for one another */
        const intptr_t stop = piece_start(j, p + 1);
        intptr_t i = piece_start(j, p);
        for (; i + 4 <= stop; i += 4)
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) {
                signs |= v[i + k];
                high[k] = v[i + k] > high[k] ? v[i + k] : high[k];
            }
        for (; i < stop; i++) signs |= v[i], high[0] = v[i] > high[0] ? v[i] : high[0];
        for (int k = 1; k < 4; k++) high[0] = high[k] > high[0] ? high[k] : high[0];
        for (i = signs < 0 ? piece_start(j, p) : stop; i < stop; i++) low = v[i] < low ? v[i] : low;
        j->low[p] = low, j->high[p] = high[0];
    }
}

/* Length of the result; -1 with an exception for a negative number. */
static intptr_t bins_of(const rt_op *op, job *j, intptr_t least)
{
    int64_t low = 0, high = -1;
    j->pieces = j->n < GRAIN ? 1 : MOST_PIECES;
    if (j->n < GRAIN) {
        bounds(j, 0, 1);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(j->pieces, 1, bounds, j);
        Py_END_ALLOW_THREADS
    }
    for (intptr_t p = 0; p < j->pieces; p++) {
        low = j->low[p] < low ? j->low[p] : low;
        high = j->high[p] > high ? j->high[p] : high;
    }
    if (low < 0) return rt_error(rt_TensorError, op->cls.name, "the numbers must not be negative, one is %lld", (long long)low);
    if (high == INT64_MAX) return rt_error(PyExc_OverflowError, op->cls.name, "%lld is too large", (long long)high);
    return high + 1 > least ? high + 1 : least;
}

/* Neighbours that are equal would wait for one another: they are counted apart. */
static void count_numbers(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const int64_t *v = (const int64_t *)j->x;
    for (intptr_t p = begin; p < end; p++) {
        int64_t *const a = j->room + p * LANES * j->count, *const b = a + j->count, *const c = b + j->count, *const d = c + j->count;
        intptr_t i = piece_start(j, p);
        const intptr_t stop = piece_start(j, p + 1);
        memset(a, 0, (size_t)(LANES * j->count) * 8);
        for (; i + LANES <= stop; i += LANES) a[v[i]]++, b[v[i + 1]]++, c[v[i + 2]]++, d[v[i + 3]]++;
        for (; i < stop; i++) a[v[i]]++;
    }
}

static rt_dtype weights_dtype(const rt_tensor *w)
{
    return !w ? RT_i64 : w->dtype == RT_f32 ? RT_f32 : RT_f64;
}

FORWARD(bincount)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *const w = in[1].none ? NULL : in[1].t;
    rt_tensor *work = NULL, *index = NULL, *v = NULL, *const given = *out;
    int status = -1;
    if (!x) return -1;
    if (x->ndim != 1 || rt_dtype_is_inexact((rt_dtype)x->dtype) || x->dtype == RT_b1)
        return rt_error(rt_TensorError, op->cls.name, "needs a 1-d tensor of integers, not %s of %d dimensions",
                        rt_dtypes[x->dtype].name, x->ndim);
    if (p->i[0] < 0) return rt_error(rt_TensorError, op->cls.name, "minlength must not be negative, it is %zd", (Py_ssize_t)p->i[0]);
    if (!in[1].none && (!w || w->ndim != 1 || w->size != x->size))
        return rt_error_shapes(op->cls.name, "weights must be one for each number", x->ndim, x->shape, w ? w->ndim : 0, w ? w->shape : NULL);
    const rt_dtype d = weights_dtype(w);
    if (!(index = rt_index_int64(op->cls.name, x)) || (w && !(v = packed(w, d)))) goto done;
    job j = {.x = index->data, .n = x->size};
    const intptr_t bins = bins_of(op, &j, p->i[0]);
    if (bins < 0 || rt_shape_size(1, &bins, 8) < 0 || rt_output_begin(op, out, d, 1, &bins, nin, in, 1, &work) < 0) goto done;
    memset(work->data, 0, (size_t)bins * rt_itemsize(d));
    const int64_t *at = (const int64_t *)index->data;
    j.count = bins, j.room = (int64_t *)work->data;
    if (!w && bins <= x->size / 8) {
        if (count_in_pieces(&j, count_numbers, bins) < 0) goto done;
    } else if (!w) for (intptr_t i = 0; i < x->size; i++) ((int64_t *)work->data)[at[i]]++;
    else if (d == RT_f32) for (intptr_t i = 0; i < x->size; i++) ((float *)work->data)[at[i]] += ((const float *)v->data)[i];
    else for (intptr_t i = 0; i < x->size; i++) ((double *)work->data)[at[i]] += ((const double *)v->data)[i];
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(index);
    Py_XDECREF(v);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* ---- equal distances ---- */

/* The bin is guessed by a product and corrected by comparing with its two edges, as NumPy does.  What lies outside
 * is counted behind the last bin. */
#define COUNT_BETWEEN(type) \
    for (; i < stop; i++) { \
        const double v = ((const type *)j->x)[i]; \
        const int inside = v >= first && v <= last; \
        const double f = (v - first) * scale; \
        intptr_t k = inside ? (intptr_t)f : 0; \
        k = k > most ? most : k; \
        k -= v < edges[k]; \
        k = k < 0 ? 0 : k; \
        k += v >= edges[k + 1] && k < most; \
        counts[(i & (LANES - 1)) * (most + 2) + (inside ? k : most + 1)]++; \
    }

static void count_between(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    const double first = j->first, last = j->last, scale = j->scale, *const edges = j->edges;
    const intptr_t most = j->count - 1;
    for (intptr_t p = begin; p < end; p++) {
        int64_t *const counts = j->room + p * LANES * (most + 2);
        intptr_t i = piece_start(j, p);
        const intptr_t stop = piece_start(j, p + 1);
        memset(counts, 0, (size_t)(LANES * (most + 2)) * 8);
        if (j->narrow) {
            COUNT_BETWEEN(float)
        } else {
            COUNT_BETWEEN(double)
        }
    }
}

FORWARD(bins_uniform)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *edges = rt_operand_tensor(op, in, 1), *work = NULL, *v = NULL, *e = NULL, *const given = *out;
    int status = -1;
    if (!x || !edges) return -1;
    if (edges->ndim != 1 || edges->size < 2)
        return rt_error(rt_TensorError, op->cls.name, "needs two edges or more in one dimension, not a tensor of %d dimensions", edges->ndim);
    if (rt_dtype_is_complex((rt_dtype)x->dtype)) return rt_error(rt_DtypeError, op->cls.name, "complex numbers (%s) have no order", rt_dtypes[x->dtype].name);
    const rt_dtype d = x->dtype == RT_f32 ? RT_f32 : RT_f64;
    const intptr_t count = edges->size - 1;
    if (rt_output_begin(op, out, RT_i64, 1, &count, nin, in, 1, &work) < 0) goto done;
    if (!(v = packed(x, d)) || !(e = packed(edges, RT_f64))) goto done;
    const double *at = (const double *)e->data;
    job j = {.x = v->data, .n = x->size, .count = count, .edges = at, .first = at[0], .last = at[count], .narrow = d == RT_f32,
             .scale = (double)count / (at[count] - at[0]), .room = (int64_t *)work->data};
    if (!isfinite(j.scale) || !(j.scale > 0)) {
        rt_error(PyExc_ValueError, op->cls.name, "the edges must rise, from %d bins of no or no finite width nothing can be counted", (int)count);
        goto done;
    }
    if (count_in_pieces(&j, count_between, count + 1) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(v);
    Py_XDECREF(e);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}
