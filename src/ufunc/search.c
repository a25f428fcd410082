/* search: places of values in sorted sequences.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/offsets.h"
#include "ufunc/views.h"

#define RELEASE_GIL 20000       /* values */
#define GRAIN 4096
enum { TOGETHER = 16 };         /* values */

#pragma GCC optimize("O3")       /* the searches side by side must be unrolled */

typedef void find_fn(const char *sorted, intptr_t n, const char *values, intptr_t m, int right, int64_t *out);

/* How many elements are below v, or not above it when `right`; nothing is below or above a NaN, which goes last.  The
 * searches of TOGETHER values go side by side, without a branch on what they find, so that their waiting overlaps. */
#define FIND_LOOP(count, before) \
    for (intptr_t left = n; left > 1;) { \
        const intptr_t half = left / 2; \
        left -= half; \
        for (int k = 0; k < (count); k++) { \
            const intptr_t mid = at[k] + half; \
            at[k] = (before(s[mid - 1], x[k])) ? mid : at[k]; \
        } \
    } \
    for (int k = 0; k < (count); k++) out[i + k] = at[k] + (n > 0 && (before(s[at[k]], x[k])));
#define BELOW(a, b) !((a) >= (b))
#define NOT_ABOVE(a, b) !((a) > (b))
#define FIND(word, ctype) \
    static void find_##word(const char *sorted, intptr_t n, const char *values, intptr_t m, int right, int64_t *out) \
    { \
        const ctype *const s = (const ctype *)sorted, *const v = (const ctype *)values; \
        intptr_t i = 0; \
        for (; i + TOGETHER <= m; i += TOGETHER) { \
            intptr_t at[TOGETHER] = {0}; \
            const ctype *const x = v + i; \
            if (right) { FIND_LOOP(TOGETHER, NOT_ABOVE) } \
            else { FIND_LOOP(TOGETHER, BELOW) } \
        } \
        for (; i < m; i++) { \
            intptr_t at[1] = {0}; \
            const ctype *const x = v + i; \
            if (right) { FIND_LOOP(1, NOT_ABOVE) } \
            else { FIND_LOOP(1, BELOW) } \
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
