/* random: filling tensors with random numbers, in pieces of whole groups on any number of
 * threads; and dropout, which keeps no mask: the same stream gives it again.  Floor: ufunc. */
#include "ufunc/random.h"
#include <sys/random.h>
#include <time.h>
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/apply.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/views.h"

enum { UNLOCK = 65536, GRAIN = 512 };    /* elements; groups */

rt_generator rt_generator_default = {.seed = 0x5eed};

void rt_generator_seed(rt_generator *g, uint64_t seed) { *g = (rt_generator){seed, 0}; }

uint64_t rt_generator_entropy(void)
{
    uint64_t seed;
    struct timespec now;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed) return seed;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
}

rt_stream rt_generator_stream(rt_generator *g) { return (rt_stream){g->seed, g->next++}; }

/* ---- running a fill over the groups of a packed tensor ---- */

typedef struct fill fill;
struct fill {
    /* Writes the elements of groups [first, first + n), all of them. */
    void (*groups)(const fill *f, uint64_t first, intptr_t n, char *out);
    const rt_randoms *kernels;
    rt_stream stream;
    double a, b;
    int64_t low;
    uint64_t count;
    int group, itemsize;       /* elements of a group, bytes of an element */
    intptr_t size;
    char *data;
};

static void fill_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const fill *f = ctx;
    char rest[RT_GROUP_WORDS * 8] __attribute__((aligned(64)));
    intptr_t whole = f->size / f->group, bytes = (intptr_t)f->group * f->itemsize;
    intptr_t stop = end < whole ? end : whole;
    if (begin < stop) f->groups(f, (uint64_t)begin, stop - begin, f->data + begin * bytes);
    if (end <= whole) return;
    f->groups(f, (uint64_t)whole, 1, rest);
    memcpy(f->data + whole * bytes, rest, (size_t)(f->size - whole * f->group) * f->itemsize);
}

static void run_fill(fill *f, char *data, intptr_t size)
{
    f->data = data;
    f->size = size;
    intptr_t groups = (size + f->group - 1) / f->group;
    if (size == 0) return;
    if (size < UNLOCK) {
        fill_piece(f, 0, groups);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rt_threads_for(groups, GRAIN, fill_piece, f);
    Py_END_ALLOW_THREADS
}

/* Fills `out` with elements of dtype d, each of `parts` numbers. */
static int fill_tensor(fill *f, rt_tensor *out, rt_dtype d, int parts)
{
    if ((rt_dtype)out->dtype == d && rt_tensor_is_contiguous(out)) {
        run_fill(f, out->data, out->size * parts);
        return 0;
    }
    rt_tensor *packed = rt_empty(d, out->ndim, out->shape, out->storage->device);
    if (!packed) return -1;
    run_fill(f, packed->data, packed->size * parts);
    int status = rt_copy_into(out, packed);
    Py_DECREF(packed);
    return status;
}

/* ---- real numbers ---- */

static void uniform_groups(const fill *f, uint64_t first, intptr_t n, char *out)
{
    f->kernels->uniform(f->stream, first, n, f->a, f->b, out);
}

static void normal_groups(const fill *f, uint64_t first, intptr_t n, char *out)
{
    f->kernels->normal(f->stream, first, n, f->a, f->b, out);
}

static int fill_real(rt_generator *g, rt_tensor *out, fill *f, const char *name)
{
    rt_dtype d = (rt_dtype)out->dtype, whole = d == RT_f16 || d == RT_bf16 ? RT_f32 : d, real = rt_dtype_to_real(whole);
    if (!rt_dtype_is_inexact(d))
        return rt_error(rt_DtypeError, name, "a floating dtype is needed, not %s", rt_dtypes[d].name);
    f->kernels = rt_isa_now->randoms[real];
    f->stream = rt_generator_stream(g);
    f->group = f->kernels->group;
    f->itemsize = (int)rt_itemsize(real);
    return fill_tensor(f, out, whole, rt_dtype_is_complex(d) ? 2 : 1);
}

int rt_random_uniform(rt_generator *g, rt_tensor *out, double low, double high)
{
    fill f = {.groups = uniform_groups, .a = low, .b = high - low};
    return fill_real(g, out, &f, "uniform");
}

int rt_random_normal(rt_generator *g, rt_tensor *out, double mean, double deviation)
{
    /* a complex number's variance is shared by its parts */
    int parts = rt_dtype_is_complex((rt_dtype)out->dtype) ? 2 : 1;
    fill f = {.groups = normal_groups, .a = mean, .b = parts == 2 ? deviation * 0.70710678118654752440 : deviation};
    return fill_real(g, out, &f, "normal");
}

/* ---- whole numbers (Lemire 2019: a product's high half, its low half tells when to draw again) ---- */

/* Draws for one element again: attempt k takes its words from a stream far from any other's. */
static uint64_t draw_again(const fill *f, uint64_t element, uint64_t attempt)
{
    uint32_t w[RT_GROUP_WORDS];
    rt_stream s = {f->stream.seed, f->stream.number ^ attempt << 48};
    f->kernels->words(s, element, 1, w);
    return w[0] | (uint64_t)w[1] << 32;
}

static uint64_t below_word(const fill *f, uint64_t element, uint32_t word)
{
    uint64_t product = word * f->count;
    if ((uint32_t)product < f->count) {
        uint32_t least = (uint32_t)(-(uint32_t)f->count % (uint32_t)f->count);
        for (uint64_t k = 1; (uint32_t)product < least; k++)
            product = (uint32_t)draw_again(f, element, k) * f->count;
    }
    return product >> 32;
}

static uint64_t below_pair(const fill *f, uint64_t element, uint64_t pair)
{
    if (f->count == 0) return pair;
    unsigned __int128 product = (unsigned __int128)pair * f->count;
    if ((uint64_t)product < f->count) {
        uint64_t least = -f->count % f->count;
        for (uint64_t k = 1; (uint64_t)product < least; k++)
            product = (unsigned __int128)draw_again(f, element, k) * f->count;
    }
    return (uint64_t)(product >> 64);
}

/* Counts up to 2^31: a word an element. */
static void integer_groups(const fill *f, uint64_t first, intptr_t n, char *out)
{
    uint32_t w[RT_GROUP_WORDS];
    int64_t *o = (int64_t *)out;
    for (intptr_t k = 0; k < n; k++, o += RT_GROUP_WORDS) {
        uint64_t group = first + (uint64_t)k;
        f->kernels->words(f->stream, group, 1, w);
        for (int i = 0; i < RT_GROUP_WORDS; i++)
            o[i] = (int64_t)((uint64_t)f->low + below_word(f, group * RT_GROUP_WORDS + (uint64_t)i, w[i]));
    }
}

/* Larger ones: two words. */
static void long_groups(const fill *f, uint64_t first, intptr_t n, char *out)
{
    enum { PAIRS = RT_GROUP_WORDS / 2 };
    uint32_t w[RT_GROUP_WORDS];
    int64_t *o = (int64_t *)out;
    for (intptr_t k = 0; k < n; k++, o += PAIRS) {
        uint64_t group = first + (uint64_t)k;
        f->kernels->words(f->stream, group, 1, w);
        for (int i = 0; i < PAIRS; i++)
            o[i] = (int64_t)((uint64_t)f->low +
                             below_pair(f, group * PAIRS + (uint64_t)i, w[i] | (uint64_t)w[PAIRS + i] << 32));
    }
}

int rt_random_integers(rt_generator *g, rt_tensor *out, int64_t low, uint64_t count)
{
    int wide = count == 0 || count > (uint64_t)1 << 31;
    fill f = {.groups = wide ? long_groups : integer_groups, .kernels = rt_isa_now->randoms[RT_f32],
              .stream = rt_generator_stream(g), .low = low, .count = count,
              .group = wide ? RT_GROUP_WORDS / 2 : RT_GROUP_WORDS, .itemsize = 8};
    return fill_tensor(&f, out, out->dtype == RT_u64 ? RT_u64 : RT_i64, 1);
}

static void bernoulli_groups(const fill *f, uint64_t first, intptr_t n, char *out)
{
    uint32_t w[RT_GROUP_WORDS];
    for (intptr_t k = 0; k < n; k++, out += RT_GROUP_WORDS) {
        f->kernels->words(f->stream, first + (uint64_t)k, 1, w);
        for (int i = 0; i < RT_GROUP_WORDS; i++) out[i] = w[i] < f->count;
    }
}

/* The probability in units of 2^-32. */
static int probability(const char *name, double p, uint64_t *of)
{
    if (!(p >= 0 && p <= 1)) {
        PyObject *shown = PyFloat_FromDouble(p);
        if (shown) PyErr_Format(rt_TensorError, "%s: the probability must lie between 0 and 1, not %S", name, shown);
        Py_XDECREF(shown);
        return -1;
    }
    *of = (uint64_t)(p * 0x1p32 + 0.5);
    return 0;
}

int rt_random_bernoulli(rt_generator *g, rt_tensor *out, double p)
{
    fill f = {.groups = bernoulli_groups, .kernels = rt_isa_now->randoms[RT_f32], .group = RT_GROUP_WORDS, .itemsize = 1};
    if (probability("bernoulli", p, &f.count) < 0) return -1;
    f.stream = rt_generator_stream(g);
    return fill_tensor(&f, out, RT_b1, 1);
}

static void shuffle(const rt_randoms *kernels, rt_stream s, int64_t *at, intptr_t n)
{
    uint32_t w[RT_GROUP_WORDS];
    uint64_t group = 0;
    int left = 0;
    for (intptr_t i = 0; i < n; i++) at[i] = i;
    for (intptr_t i = n - 1; i > 0; i--) {
        uint64_t count = (uint64_t)i + 1, least = -count % count;
        unsigned __int128 product;
        do {
            if (left == 0) {
                kernels->words(s, group++, 1, w);
                left = RT_GROUP_WORDS;
            }
            left -= 2;
            product = (unsigned __int128)(w[left] | (uint64_t)w[left + 1] << 32) * count;
        } while ((uint64_t)product < least);
        intptr_t j = (intptr_t)(product >> 64);
        int64_t t = at[i];
        at[i] = at[j];
        at[j] = t;
    }
}

int rt_random_permutation(rt_generator *g, rt_tensor *out)
{
    rt_tensor *work = rt_empty(RT_i64, out->ndim, out->shape, out->storage->device);
    if (!work) return -1;
    shuffle(rt_isa_now->randoms[RT_f32], rt_generator_stream(g), (int64_t *)work->data, work->size);
    int status = rt_copy_into(out, work);
    Py_DECREF(work);
    return status;
}

/* ---- dropout ---- */

typedef struct {
    const rt_randoms *kernels;
    rt_stream stream;
    uint64_t below;
    double scale;
    const char *x;
    char *out;
    intptr_t size, itemsize;
} dropout_job;

static void dropout_piece(void *ctx, intptr_t begin, intptr_t end)
{
    const dropout_job *j = ctx;
    intptr_t from = begin * RT_GROUP_WORDS, to = end * RT_GROUP_WORDS;
    if (to > j->size) to = j->size;
    j->kernels->dropout(j->stream, (uint64_t)begin, to - from, j->below, j->scale, j->x + from * j->itemsize,
                        j->out + from * j->itemsize);
}

/* The stream to use: the one given, or a new one, which p then names. */
static rt_stream dropout_stream(rt_params *p)
{
    if (p->i[2] == RT_NONE_INT) {
        rt_stream s = rt_generator_stream(&rt_generator_default);
        p->i[1] = (intptr_t)s.seed;
        p->i[2] = (intptr_t)s.number;
    }
    return (rt_stream){(uint64_t)p->i[1], (uint64_t)p->i[2]};
}

/* x as packed elements of dtype d; new reference. */
static rt_tensor *packed_as(rt_tensor *x, rt_dtype d)
{
    if ((rt_dtype)x->dtype == d && rt_tensor_is_contiguous(x)) return (rt_tensor *)Py_NewRef((PyObject *)x);
    rt_tensor *c = rt_empty(d, x->ndim, x->shape, x->storage->device);
    if (c && rt_copy_into(c, x) < 0) Py_CLEAR(c);
    return c;
}

static int dropout_into(rt_tensor *x, rt_tensor *work, rt_stream stream, uint64_t drop)
{
    rt_dtype d = work->dtype == RT_f64 ? RT_f64 : RT_f32;
    rt_tensor *packed = NULL, *result = NULL;
    int status = -1;
    if (drop >> 32) {                    /* p is 1: nothing stays */
        memset(work->data, 0, (size_t)work->size * rt_tensor_itemsize(work));
        return 0;
    }
    packed = packed_as(x, d);
    result = (rt_dtype)work->dtype == d ? (rt_tensor *)Py_NewRef((PyObject *)work)
                                        : rt_empty(d, work->ndim, work->shape, work->storage->device);
    if (!packed || !result) goto done;
    uint64_t keep = ((uint64_t)1 << 32) - drop;
    dropout_job job = {rt_isa_now->randoms[d], stream, keep, 0x1p32 / (double)keep, packed->data, result->data, x->size,
                       (intptr_t)rt_itemsize(d)};
    intptr_t groups = (x->size + RT_GROUP_WORDS - 1) / RT_GROUP_WORDS;
    if (x->size < UNLOCK) {
        dropout_piece(&job, 0, groups);
    } else {
        Py_BEGIN_ALLOW_THREADS
        rt_threads_for(groups, GRAIN, dropout_piece, &job);
        Py_END_ALLOW_THREADS
    }
    status = result == work ? 0 : rt_copy_into(work, result);
done:
    Py_XDECREF((PyObject *)packed);
    Py_XDECREF((PyObject *)result);
    return status;
}

FORWARD(dropout)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *work = NULL;
    uint64_t drop;
    if (!x || probability("dropout", p->f[0], &drop) < 0) return -1;
    if (!rt_dtype_is_float((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "not defined for dtype %s", rt_dtypes[x->dtype].name);
    if (rt_output_begin(op, out, (rt_dtype)x->dtype, x->ndim, x->shape, nin, in, 1, &work) < 0) return -1;
    int status = p->i[0] == 0 || drop == 0 ? rt_copy_into(work, x) : dropout_into(x, work, dropout_stream(p), drop);
    return rt_output_finish(out[0], work) < 0 ? -1 : status;
}

/* Linear in x: the same elements of the gradient are dropped. */
BACKWARD(dropout) { return (gin[0] = rt_apply1p(RT_OP_dropout, g[0], node->params)) ? 0 : -1; }
