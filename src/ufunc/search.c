/* search: places of values in sorted sequences (search), and how often each number occurs (bincount).
 * Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/offsets.h"
#include "ufunc/views.h"

#define RELEASE_GIL 20000       /* values */
#define GRAIN 4096

typedef void find_fn(const char *sorted, intptr_t n, const char *values, intptr_t m, int right, int64_t *out);

/* How many elements are below v, or not above it when `right`; nothing is below or above a NaN, which goes last. */
#define FIND(word, ctype) \
    static void find_##word(const char *sorted, intptr_t n, const char *values, intptr_t m, int right, int64_t *out) \
    { \
        const ctype *const s = (const ctype *)sorted, *const v = (const ctype *)values; \
        for (intptr_t i = 0; i < m; i++) { \
            intptr_t at = 0, left = n; \
            while (left > 0) { \
                const intptr_t half = left / 2; \
                const int before = right ? !(s[at + half] > v[i]) : !(s[at + half] >= v[i]); \
                at = before ? at + half + 1 : at; \
                left = before ? left - half - 1 : half; \
            } \
            out[i] = at; \
        } \
    }
FIND(u8, uint8_t)
FIND(i8, int8_t)
FIND(u16, uint16_t)
FIND(i16, int16_t)
FIND(u32, uint32_t)
FIND(i32, int32_t)
FIND(u64, uint64_t)
FIND(i64, int64_t)
FIND(f32, float)
FIND(f64, double)
static find_fn *const finders[RT_NDTYPE] = {
    [RT_b1] = find_u8, [RT_u8] = find_u8, [RT_i8] = find_i8, [RT_u16] = find_u16, [RT_i16] = find_i16,
    [RT_u32] = find_u32, [RT_i32] = find_i32, [RT_u64] = find_u64, [RT_i64] = find_i64,
    [RT_f32] = find_f32, [RT_f64] = find_f64,
};

typedef struct {
    find_fn *find;
    const char *sorted, *values;
    int64_t *out;
    intptr_t n, m, item;        /* length of a sequence; values that share one */
    int right;
} job;

static void run_values(void *ctx, intptr_t begin, intptr_t end)
{
    const job *j = ctx;
    for (intptr_t i = begin; i < end;) {
        const intptr_t row = i / j->m, left = (row + 1) * j->m - i, count = left < end - i ? left : end - i;
        j->find(j->sorted + row * j->n * j->item, j->n, j->values + i * j->item, count, j->right, j->out + i);
        i += count;
    }
}

/* t in C order and of dtype; new reference. */
static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    if (t->dtype == (int)dtype && rt_tensor_is_contiguous(t)) return (rt_tensor *)Py_NewRef((PyObject *)t);
    rt_tensor *c = rt_empty(dtype, t->ndim, t->shape, t->storage->device);
    if (c && rt_copy_into(c, t) < 0) Py_CLEAR(c);
    return c;
}

FORWARD(search)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *sorted = rt_operand_tensor(op, in, 1), *work = NULL, *v = NULL, *s = NULL;
    int status = -1;
    rt_tensor *const given = *out;
    if (!x || !sorted) return -1;
    if (sorted->ndim == 0) return rt_error(rt_TensorError, op->cls.name, "the sorted sequence must have a dimension");
    if (sorted->ndim > 1 && (x->ndim != sorted->ndim || !rt_shape_equal(x->ndim - 1, x->shape, sorted->ndim - 1, sorted->shape)))
        return rt_error_shapes(op->cls.name, "all dimensions but the last of sequence and values must agree", sorted->ndim,
                               sorted->shape, x->ndim, x->shape);
    rt_dtype d = rt_dtype_promote((rt_dtype)x->dtype, (rt_dtype)sorted->dtype);
    if (d == RT_f16 || d == RT_bf16) d = RT_f32;
    if (!finders[d]) return rt_error(rt_DtypeError, op->cls.name, "complex numbers (%s) have no order", rt_dtypes[d].name);
    if (rt_output_begin(op, out, RT_i64, x->ndim, x->shape, 2, in, 1, &work) < 0) goto done;
    if (!(v = packed(x, d)) || !(s = packed(sorted, d))) goto done;
    const intptr_t n = sorted->shape[sorted->ndim - 1];
    job j = {finders[d], s->data, v->data, (int64_t *)work->data, n, sorted->ndim > 1 ? x->shape[x->ndim - 1] : x->size,
             (intptr_t)rt_itemsize(d), (int)p->i[0]};
    if (x->size > RELEASE_GIL) {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(x->size, GRAIN, run_values, &j);
        Py_END_ALLOW_THREADS
    } else {
        run_values(&j, 0, x->size);
    }
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF(v);
    Py_XDECREF(s);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* ---- bincount ---- */

/* Length of the result; -1 with an exception for a negative number. */
static intptr_t bins_of(const rt_op *op, const rt_tensor *x, intptr_t least)
{
    const int64_t *v = (const int64_t *)x->data;
    int64_t low = 0, high = -1;
    for (intptr_t i = 0; i < x->size; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    if (low < 0) return rt_error(PyExc_RuntimeError, op->cls.name, "the numbers must not be negative, one is %lld", (long long)low);
    if (high == INT64_MAX) return rt_error(PyExc_OverflowError, op->cls.name, "%lld is too large", (long long)high);
    return high + 1 > least ? high + 1 : least;
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
    if (p->i[0] < 0) return rt_error(PyExc_RuntimeError, op->cls.name, "minlength must not be negative, it is %zd", (Py_ssize_t)p->i[0]);
    if (!in[1].none && (!w || w->ndim != 1 || w->size != x->size))
        return rt_error_shapes(op->cls.name, "weights must be one for each number", x->ndim, x->shape, w ? w->ndim : 0, w ? w->shape : NULL);
    const rt_dtype d = weights_dtype(w);
    if (!(index = rt_index_int64(op->cls.name, x)) || (w && !(v = packed(w, d)))) goto done;
    const intptr_t bins = bins_of(op, index, p->i[0]);
    if (bins < 0 || rt_shape_size(1, &bins, 8) < 0 || rt_output_begin(op, out, d, 1, &bins, nin, in, 1, &work) < 0) goto done;
    memset(work->data, 0, (size_t)bins * rt_itemsize(d));
    const int64_t *at = (const int64_t *)index->data;
    if (d == RT_i64) for (intptr_t i = 0; i < x->size; i++) ((int64_t *)work->data)[at[i]]++;
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
