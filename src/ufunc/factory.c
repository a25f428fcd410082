/* factory: ranges and unit matrices.  Lengths are computed without overflow, values in int64
 * or double, each from its index alone, then converted.  Floor: ufunc. */
#include "ufunc/factory.h"
#include <math.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

static const rt_device cpu = {RT_CPU, 0};

static int is_integer(const rt_operand *o) { return o->kind < RT_KIND_FLOAT; }
static double as_double(const rt_operand *o)
{
    if (o->kind == RT_KIND_FLOAT) return o->v.f;
    return o->is_unsigned ? (double)(uint64_t)o->v.i : (double)o->v.i;
}
static __int128 as_wide(const rt_operand *o) { return o->is_unsigned ? (__int128)(uint64_t)o->v.i : (__int128)o->v.i; }

static int check_real(const char *op, const rt_operand *o)
{
    if (o->t || o->none || o->kind == RT_KIND_COMPLEX) return rt_error(PyExc_TypeError, op, "needs real numbers");
    return 0;
}

/* ---- sequences ---- */

enum { BLOCK = 512, UNLOCK = 65536, GRAIN_BLOCKS = 64 };       /* elements; elements; blocks of a piece */

/* Values [first, first + n) of a sequence: int64 where `whole`, else double. */
typedef struct sequence sequence;
struct sequence {
    void (*values)(const sequence *s, intptr_t first, int n, void *to);
    rt_tensor *out;
    rt_loop *cast;                          /* to the dtype of out; NULL: it is the values' own */
    uint64_t start, step;
    double a, b, by;
};

typedef uint64_t four __attribute__((vector_size(32), aligned(8), may_alias));
static void integer_values(const sequence *s, intptr_t first, int n, void *to)
{
    const uint64_t at = s->start + (uint64_t)first * s->step, by = s->step;
    uint64_t *v = to;
    four x = {at, at + by, at + 2 * by, at + 3 * by};
    int i = 0;
    for (; i + 4 <= n; i += 4, x += 4 * by) *(four *)(v + i) = x;
    for (int k = 0; i < n; i++, k++) v[i] = x[k];
}
/* Each from its index alone: numbers below 2^53 are added exactly. */
static void real_values(const sequence *s, intptr_t first, int n, void *to)
{
    const double at = (double)first;
    double *v = to;
    for (int i = 0; i < n; i++) v[i] = s->a + (at + (double)i) * s->by;
}
/* From both ends, so that both are exact. */
static void even_values(const sequence *s, intptr_t first, int n, void *to)
{
    const intptr_t all = s->out->size, half = all == 1 ? 1 : all / 2;
    const double at = (double)first, back = (double)(all - 1 - first);
    double *v = to;
    int i = 0;
    for (; i < n && first + i < half; i++) v[i] = s->a + (at + (double)i) * s->by;
    for (; i < n; i++) v[i] = s->b - (back - (double)i) * s->by;
}

static void fill_blocks(void *context, intptr_t begin, intptr_t end)
{
    const sequence *s = context;
    const intptr_t item = (intptr_t)rt_tensor_itemsize(s->out), steps[2] = {8, item};
    uint64_t room[BLOCK];
    for (intptr_t first = begin * BLOCK; first < end * BLOCK && first < s->out->size; first += BLOCK) {
        char *to = s->out->data + first * item;
        const intptr_t n = s->out->size - first < BLOCK ? s->out->size - first : BLOCK;
        s->values(s, first, (int)n, s->cast ? (void *)room : to);
        if (s->cast) s->cast((char *[2]){(char *)room, to}, &n, steps, NULL);
    }
}

/* n elements of dtype, from values of dtype `own`. */
static rt_tensor *filled(sequence *s, rt_dtype dtype, rt_dtype own, intptr_t n)
{
    s->out = rt_empty(dtype, 1, &n, cpu);
    if (!s->out) return NULL;
    s->cast = dtype == own || (dtype == RT_u64 && own == RT_i64) ? NULL : rt_isa_now->casts[own][dtype];
    const intptr_t blocks = (n + BLOCK - 1) / BLOCK;
    if (n < UNLOCK) {
        fill_blocks(s, 0, blocks);
        return s->out;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(blocks, GRAIN_BLOCKS, fill_blocks, s);
    Py_END_ALLOW_THREADS
    return s->out;
}

static rt_tensor *integer_range(rt_dtype dtype, __int128 start, __int128 end, __int128 step)
{
    __int128 n = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    if ((step > 0) != (end > start) || n < 0) n = 0;
    if (n > PTRDIFF_MAX / 8) {
        PyErr_SetString(PyExc_MemoryError, "arange: the range is too long");
        return NULL;
    }
    sequence s = {.values = integer_values, .start = (uint64_t)start, .step = (uint64_t)step};
    return filled(&s, dtype, RT_i64, (intptr_t)n);
}

static rt_tensor *real_range(rt_dtype dtype, double start, double end, double step)
{
    double n = ceil((end - start) / step);
    if (!isfinite(start) || !isfinite(end) || isnan(step)) {
        PyErr_SetString(rt_TensorError, "arange: the bounds must be finite numbers");
        return NULL;
    }
    if (n > (double)(PTRDIFF_MAX / 16)) {
        PyErr_SetString(PyExc_MemoryError, "arange: the range is too long");
        return NULL;
    }
    sequence s = {.values = real_values, .a = start, .by = step};
    return filled(&s, dtype, RT_f64, n > 0 ? (intptr_t)n : 0);
}

rt_tensor *rt_factory_arange(rt_dtype dtype, const rt_operand *start, const rt_operand *end, const rt_operand *step)
{
    if (check_real("arange", start) < 0 || check_real("arange", end) < 0 || check_real("arange", step) < 0) return NULL;
    int integers = is_integer(start) && is_integer(end) && is_integer(step);
    if (dtype == RT_NODTYPE) dtype = integers ? RT_i64 : rt_default_dtype();
    if (as_double(step) == 0) {
        PyErr_SetString(rt_TensorError, "arange: the step must not be zero");
        return NULL;
    }
    if (!integers && dtype == RT_i64) {                /* as PyTorch: bounds of an int64 range are cut to integers first */
        rt_operand whole[3] = {*start, *end, *step};
        for (int k = 0; k < 3; k++) {
            if (!is_integer(&whole[k]) && !(fabs(whole[k].v.f) < 0x1p63)) {
                PyErr_SetString(rt_TensorError, "arange: the bounds must be finite numbers that fit int64");
                return NULL;
            }
            if (!is_integer(&whole[k])) whole[k] = (rt_operand){.kind = RT_KIND_SIGNED, .v.i = (int64_t)whole[k].v.f};
        }
        if (whole[2].v.i == 0) {
            PyErr_SetString(rt_TensorError, "arange: the step must not be zero, as an integer");
            return NULL;
        }
        return integer_range(dtype, as_wide(&whole[0]), as_wide(&whole[1]), as_wide(&whole[2]));
    }
    if (integers) return integer_range(dtype, as_wide(start), as_wide(end), as_wide(step));
    return real_range(dtype, as_double(start), as_double(end), as_double(step));
}

rt_tensor *rt_factory_linspace(rt_dtype dtype, const rt_operand *start, const rt_operand *end, intptr_t n)
{
    if (check_real("linspace", start) < 0 || check_real("linspace", end) < 0) return NULL;
    if (n < 0) {
        PyErr_Format(rt_TensorError, "linspace: steps must not be negative, got %zd", (Py_ssize_t)n);
        return NULL;
    }
    if (dtype == RT_NODTYPE) dtype = rt_default_dtype();
    double a = as_double(start), b = as_double(end);
    if (!rt_dtype_is_inexact(dtype)) a = trunc(a), b = trunc(b);        /* as PyTorch */
    sequence s = {.values = even_values, .a = a, .b = b, .by = n > 1 ? (b - a) / (double)(n - 1) : 0};
    return filled(&s, dtype, RT_f64, n);
}

rt_tensor *rt_factory_eye(rt_dtype dtype, intptr_t n, intptr_t m, intptr_t k)
{
    intptr_t shape[2] = {n, m};
    rt_operand one = rt_operand_int(1);
    _Alignas(16) char value[16];
    if (n < 0 || m < 0) {
        PyErr_Format(rt_TensorError, "eye: lengths must not be negative, got %zd and %zd", (Py_ssize_t)n, (Py_ssize_t)m);
        return NULL;
    }
    if (rt_operand_store(&one, dtype, value) < 0) return NULL;
    rt_tensor *t = rt_zeros(dtype, 2, shape, cpu);
    if (!t) return NULL;
    size_t item = rt_itemsize(dtype);
    for (intptr_t i = k < 0 ? -k : 0; i < n && i + k < m; i++)
        memcpy(t->data + (size_t)(i * m + i + k) * item, value, item);
    return t;
}
