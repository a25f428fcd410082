/* factory: ranges, unit matrices and the indices of triangles.  Lengths are computed without overflow, values in int64
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

/* Values [first, first + n) of a sequence; `narrow`: of four bytes each, else of eight. */
typedef struct sequence sequence;
struct sequence {
    void (*values)(const sequence *s, intptr_t first, intptr_t n, void *to);
    rt_tensor *out;
    rt_loop *cast;                          /* to the dtype of out; NULL: it is the values' own */
    int narrow;
    uint64_t start, step;
    double a, b, by;
};

static void integer_values(const sequence *s, intptr_t first, intptr_t n, void *to)
{
    const rt_ranges *r = rt_isa_now->ranges;
    (s->narrow ? r->whole32 : r->whole64)(to, s->start + (uint64_t)first * s->step, s->step, n);
}
/* Each from its index alone: numbers below 2^53 are added exactly. */
static void real_values(const sequence *s, intptr_t first, intptr_t n, void *to)
{
    const rt_ranges *r = rt_isa_now->ranges;
    (s->narrow ? r->real32 : r->real64)(to, s->a, (double)first, s->by, n);
}
/* From both ends, so that both are exact. */
static void even_values(const sequence *s, intptr_t first, intptr_t n, void *to)
{
    const rt_ranges *r = rt_isa_now->ranges;
    const intptr_t all = s->out->size, half = all == 1 ? 1 : all / 2, item = s->narrow ? 4 : 8;
    const intptr_t front = first >= half ? 0 : half - first < n ? half - first : n;
    (s->narrow ? r->real32 : r->real64)(to, s->a, (double)first, s->by, front);
    (s->narrow ? r->real32 : r->real64)((char *)to + front * item, s->b, (double)(first + front - (all - 1)), s->by, n - front);
}

static void fill_blocks(void *context, intptr_t begin, intptr_t end)
{
    const sequence *s = context;
    const intptr_t item = (intptr_t)rt_tensor_itemsize(s->out), steps[2] = {8, item};
    uint64_t room[BLOCK];
    for (intptr_t first = begin * BLOCK; first < end * BLOCK && first < s->out->size; first += BLOCK) {
        char *to = s->out->data + first * item;
        const intptr_t n = s->out->size - first < BLOCK ? s->out->size - first : BLOCK;
        s->values(s, first, n, s->cast ? (void *)room : to);
        if (s->cast) s->cast((char *[2]){(char *)room, to}, &n, steps, NULL);
    }
}

/* n elements of dtype; the values are integers where `whole`, else double. */
static rt_tensor *filled(sequence *s, rt_dtype dtype, int whole, intptr_t n)
{
    s->out = rt_empty(dtype, 1, &n, cpu);
    if (!s->out) return NULL;
    s->narrow = whole ? dtype == RT_i32 || dtype == RT_u32 : dtype == RT_f32;
    const int direct = s->narrow || (whole ? dtype == RT_i64 || dtype == RT_u64 : dtype == RT_f64);
    s->cast = direct ? NULL : rt_isa_now->casts[whole ? RT_i64 : RT_f64][dtype];
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
    /* What a double holds exactly is rounded to a float as the integer itself would be. */
    const __int128 exact = (__int128)1 << 53;
    if ((dtype == RT_f32 || dtype == RT_f64) && start < exact && start > -exact
        && end < exact && end > -exact && step < exact && step > -exact) {
        s = (sequence){.values = real_values, .a = (double)start, .by = (double)step};
        return filled(&s, dtype, 0, (intptr_t)n);
    }
    return filled(&s, dtype, 1, (intptr_t)n);
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
    return filled(&s, dtype, 0, n > 0 ? (intptr_t)n : 0);
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
    return filled(&s, dtype, 0, n);
}

/* Elements of a matrix on and below a diagonal. */
static __int128 below(intptr_t rows, intptr_t cols, intptr_t diagonal)
{
    const intptr_t first = diagonal < 0 ? -diagonal : 0, many = rows - first;
    if (many <= 0 || cols == 0) return 0;
    const intptr_t shortest = first + diagonal + 1 < cols ? first + diagonal + 1 : cols;
    const __int128 growing = many < cols - shortest ? many : cols - shortest;
    return growing * shortest + growing * (growing - 1) / 2 + (many - growing) * cols;
}

rt_tensor *rt_factory_triangle(intptr_t rows, intptr_t cols, intptr_t diagonal, int upper)
{
    const char *name = upper ? "triu_indices" : "tril_indices";
    if (rows < 0 || cols < 0) {
        PyErr_Format(rt_TensorError, "%s: lengths must not be negative, got %zd and %zd", name, (Py_ssize_t)rows, (Py_ssize_t)cols);
        return NULL;
    }
    diagonal = diagonal > cols ? cols : diagonal < -rows ? -rows : diagonal;
    const __int128 count = upper ? (__int128)rows * cols - below(rows, cols, diagonal - 1) : below(rows, cols, diagonal);
    if (count > PTRDIFF_MAX / 16) {
        PyErr_Format(PyExc_MemoryError, "%s: there are too many", name);
        return NULL;
    }
    const intptr_t shape[2] = {2, (intptr_t)count};
    rt_tensor *out = rt_empty(RT_i64, 2, shape, cpu);
    if (!out) return NULL;
    const rt_ranges *r = rt_isa_now->ranges;
    int64_t *to = (int64_t *)out->data, *beside = to + shape[1], *const end = beside;
    for (intptr_t i = !upper && diagonal < 0 ? -diagonal : 0; to < end; i++) {
        const intptr_t cut = i + diagonal + !upper, at = cut < 0 ? 0 : cut > cols ? cols : cut;
        const intptr_t first = upper ? at : 0, n = upper ? cols - at : at;
        r->whole64(to, (uint64_t)i, 0, n);
        r->whole64(beside, (uint64_t)first, 1, n);
        to += n, beside += n;
    }
    return out;
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
