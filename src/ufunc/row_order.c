/* row_order: rows of a matrix put in lexicographic order by merging; a comparison ends at the first column that
 * differs.  Floor: ufunc. */
#include <math.h>
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/views.h"

typedef int compare_fn(const char *a, const char *b, intptr_t n);

/* -1, 0, 1; a NaN is above all numbers. */
#define COMPARE(word, ctype) \
    static int compare_##word(const char *ap, const char *bp, intptr_t n) \
    { \
        const ctype *a = (const ctype *)ap, *b = (const ctype *)bp; \
        for (intptr_t i = 0; i < n; i++) { \
            if (a[i] < b[i]) return -1; \
            if (a[i] > b[i]) return 1; \
            if (a[i] == b[i]) continue; \
            const int order = (a[i] != a[i]) - (b[i] != b[i]); \
            if (order) return order; \
        } \
        return 0; \
    }
#pragma GCC diagnostic ignored "-Wtautological-compare"   /* a != a asks for a NaN */
COMPARE(u8, uint8_t)
COMPARE(i8, int8_t)
COMPARE(u16, uint16_t)
COMPARE(i16, int16_t)
COMPARE(u32, uint32_t)
COMPARE(i32, int32_t)
COMPARE(u64, uint64_t)
COMPARE(i64, int64_t)
COMPARE(f32, float)
COMPARE(f64, double)
static compare_fn *const compares[RT_NDTYPE] = {
    [RT_b1] = compare_u8, [RT_u8] = compare_u8, [RT_i8] = compare_i8, [RT_u16] = compare_u16, [RT_i16] = compare_i16,
    [RT_u32] = compare_u32, [RT_i32] = compare_i32, [RT_u64] = compare_u64, [RT_i64] = compare_i64,
    [RT_f32] = compare_f32, [RT_f64] = compare_f64,
};

/* Sorts n row numbers in p; q is as long. */
static void merge_sort(int64_t *p, int64_t *q, intptr_t n, const char *rows, intptr_t width, intptr_t item, compare_fn *compare)
{
    int64_t *from = p, *to = q;
    for (intptr_t run = 1; run < n; run *= 2) {
        for (intptr_t i = 0; i < n; i += 2 * run) {
            const intptr_t mid = i + run < n ? i + run : n, end = mid + run < n ? mid + run : n;
            intptr_t a = i, b = mid;
            for (intptr_t k = i; k < end; k++) {
                const int second = a == mid || (b < end && compare(rows + from[b] * width * item, rows + from[a] * width * item, width) < 0);
                to[k] = from[second ? b++ : a++];
            }
        }
        int64_t *const t = from;
        from = to, to = t;
    }
    if (from != p) memcpy(p, from, (size_t)n * 8);
}

FORWARD(argsort_rows)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work = NULL, *rows = NULL, *const given = *out;
    rt_storage *room = NULL;
    int status = -1;
    if (!x) return -1;
    if (x->ndim != 2) return rt_error(rt_TensorError, op->cls.name, "needs a matrix, not %d dimensions", x->ndim);
    const rt_dtype d = x->dtype == RT_f16 || x->dtype == RT_bf16 ? RT_f32 : (rt_dtype)x->dtype;
    if (!compares[d]) return rt_error(rt_DtypeError, op->cls.name, "complex numbers (%s) have no order", rt_dtypes[d].name);
    const intptr_t n = x->shape[0], width = x->shape[1];
    if (rt_output_begin(op, out, RT_i64, 1, &n, nin, in, 1, &work) < 0) goto done;
    rows = rt_empty(d, 2, x->shape, x->storage->device);
    room = rt_memory_alloc((size_t)n * 8, (rt_device){RT_CPU, 0});
    if (!rows || !room || rt_copy_into(rows, x) < 0) goto done;
    for (intptr_t i = 0; i < n; i++) ((int64_t *)work->data)[i] = i;
    Py_BEGIN_ALLOW_THREADS
    merge_sort((int64_t *)work->data, (int64_t *)room->data, n, rows->data, width, (intptr_t)rt_itemsize(d), compares[d]);
    Py_END_ALLOW_THREADS
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_storage_release(room);
    Py_XDECREF(rows);
    Py_XDECREF(work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}
