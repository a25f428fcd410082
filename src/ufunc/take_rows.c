/* take_rows: the rows of a tensor at given numbers, copied one behind the other: what a loader of
 * batches does all day.  Rows whose elements lie together are copied without the GIL, in the
 * calling thread, so that several loading threads work at once; other layouts, and tensors that
 * require gradients, go through index_select.  Floor: ufunc. */
#include "ufunc/take_rows.h"
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"

enum { UNLOCK = 2048, AHEAD = 4 };   /* bytes; rows */

typedef struct {
    const char *data;
    const int64_t *numbers;
    intptr_t count, length, step, bytes;
    char *out;
} job;

/* Do the elements of a row lie together, in C order? */
static int rows_are_dense(const rt_tensor *x)
{
    intptr_t step = (intptr_t)rt_tensor_itemsize(x);
    for (int i = x->ndim - 1; i >= 1; step *= x->shape[i], i--)
        if (x->shape[i] != 1 && x->steps[i] != step) return 0;
    return 1;
}

static const char *row_of(const job *j, intptr_t i)
{
    int64_t n = j->numbers[i];
    return j->data + (n < 0 ? n + j->length : n) * j->step;
}

#define COPY_AS(type) for (intptr_t i = 0; i < j->count; i++) memcpy(j->out + i * (intptr_t)sizeof(type), row_of(j, i), sizeof(type))
static void copy_rows(const job *j)
{
    switch (j->bytes) {
    case 1: COPY_AS(uint8_t); return;
    case 2: COPY_AS(uint16_t); return;
    case 4: COPY_AS(uint32_t); return;
    case 8: COPY_AS(uint64_t); return;
    }
    for (intptr_t i = 0; i < j->count; i++) {
        if (i + AHEAD < j->count) __builtin_prefetch(row_of(j, i + AHEAD));
        memcpy(j->out + i * j->bytes, row_of(j, i), (size_t)j->bytes);
    }
}

static int check_numbers(const rt_tensor *x, const int64_t *numbers, intptr_t count)
{
    intptr_t length = x->shape[0];
    for (intptr_t i = 0; i < count; i++)
        if (numbers[i] < -length || numbers[i] >= length)
            return rt_error(rt_RangeError, "take_rows", "number %lld is out of range for %zd rows",
                            (long long)numbers[i], length);
    return 0;
}

static rt_tensor *select_recorded(rt_tensor *x, rt_tensor *numbers, intptr_t start, intptr_t count)
{
    rt_params p = {0};
    rt_tensor *part = rt_tensor_alias(numbers, numbers->data + start * (intptr_t)sizeof(int64_t), RT_i64, 1, &count, NULL);
    if (!part) return NULL;
    rt_tensor *out = rt_apply2p(RT_OP_index_select, x, part, &p);
    Py_DECREF(part);
    return out;
}

rt_tensor *rt_take_rows(rt_tensor *x, rt_tensor *numbers, intptr_t start, intptr_t count)
{
    if (x->ndim == 0) {
        rt_error(rt_TensorError, "take_rows", "a 0-d tensor has no rows");
        return NULL;
    }
    if (numbers->dtype != RT_i64 || numbers->ndim != 1 || !rt_tensor_is_contiguous(numbers) || start < 0 || count < 0
        || start > numbers->size - count) {
        rt_error(PyExc_TypeError, "take_rows", "the numbers must be a contiguous int64 vector that holds the part asked for");
        return NULL;
    }
    const int64_t *list = (const int64_t *)numbers->data + start;
    if (check_numbers(x, list, count) < 0) return NULL;
    if (rt_tensor_requires_grad(x) || !rows_are_dense(x)) return select_recorded(x, numbers, start, count);
    intptr_t shape[RT_MAX_NDIM];
    memcpy(shape, x->shape, (size_t)x->ndim * sizeof *shape);
    shape[0] = count;
    rt_tensor *out = rt_empty((rt_dtype)x->dtype, x->ndim, shape, x->storage->device);
    if (!out || out->size == 0) return out;
    job j = {x->data, list, count, x->shape[0], x->steps[0], out->size / count * (intptr_t)rt_tensor_itemsize(x), out->data};
    if (j.bytes * count < UNLOCK) {
        copy_rows(&j);
        return out;
    }
    Py_BEGIN_ALLOW_THREADS
    copy_rows(&j);
    Py_END_ALLOW_THREADS
    return out;
}
