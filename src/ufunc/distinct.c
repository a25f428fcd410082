/* distinct: the distinct elements of a line, from the sorted line: each that differs from the one before.  Without
 * places only values are sorted.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "ufunc/values.h"
#include "ufunc/views.h"

#pragma GCC optimize("O3")

enum { VALUES, INDEX, INVERSE, COUNTS, OUTPUTS, RELEASE_GIL = 20000 };

typedef struct {
    const char *sorted;
    const int64_t *places;      /* or NULL */
    intptr_t n, found;
    int equal_nan;
    char *values;               /* may be `sorted` */
    int64_t *index, *inverse, *starts;      /* or NULL; starts: found + 1 */
} job;

/* Is the element the first of its kind?  A NaN is, unless all of them count as one. */
#define DIFFERS_INTEGER(a, b) ((a) != (b))
#define DIFFERS_FLOAT(a, b) ((a) != (b) && !(j->equal_nan && (a) != (a) && (b) != (b)))
#define COLLECT(word, type, kind) \
    static void collect_##word(job *j) \
    { \
        const type *const x = (const type *)j->sorted; \
        type *const values = (type *)j->values; \
        type last = 0; \
        intptr_t m = 0; \
        for (intptr_t i = 0; i < j->n; i++) { \
            const type v = x[i]; \
            const int fresh = i == 0 || DIFFERS_##kind(v, last); \
            last = v; \
            m += fresh; \
            if (fresh) values[m - 1] = v; \
            if (j->starts && fresh) j->starts[m - 1] = i; \
            if (j->index && fresh) j->index[m - 1] = j->places[i]; \
            if (j->inverse) j->inverse[j->places[i]] = m - 1; \
        } \
        j->found = m; \
        if (j->starts) j->starts[m] = j->n; \
    }
#define COLLECT_VALUES(word, type, kind) \
    static void values_##word(job *j) \
    { \
        const type *const x = (const type *)j->sorted; \
        type *const values = (type *)j->values; \
        intptr_t m = 0; \
        for (intptr_t i = 0; i + 1 < j->n; i++) { \
            const type v = x[i], next = x[i + 1]; \
            values[m] = v; \
            m += DIFFERS_##kind(v, next); \
        } \
        if (j->n) values[m++] = x[j->n - 1]; \
        j->found = m; \
    }
#define BOTH(word, type, kind) \
    COLLECT_VALUES(word, type, kind) \
    COLLECT(word, type, kind)
BOTH(1, uint8_t, INTEGER)
BOTH(2, uint16_t, INTEGER)
BOTH(4, uint32_t, INTEGER)
BOTH(8, uint64_t, INTEGER)
BOTH(f32, float, FLOAT)
BOTH(f64, double, FLOAT)

static void collect(job *j, rt_dtype d)
{
    const int plain = !j->starts && !j->index && !j->inverse;
    if (d == RT_f32) (plain ? values_f32 : collect_f32)(j);
    else if (d == RT_f64) (plain ? values_f64 : collect_f64)(j);
    else if (rt_itemsize(d) == 1) (plain ? values_1 : collect_1)(j);
    else if (rt_itemsize(d) == 2) (plain ? values_2 : collect_2)(j);
    else if (rt_itemsize(d) == 4) (plain ? values_4 : collect_4)(j);
    else (plain ? values_8 : collect_8)(j);
}

/* A new packed tensor of the first n elements of t. */
static rt_tensor *first_of(rt_tensor *t, intptr_t n)
{
    rt_tensor *to = rt_empty((rt_dtype)t->dtype, 1, &n, t->storage->device);
    if (to) memcpy(to->data, t->data, (size_t)n * rt_tensor_itemsize(t));
    return to;
}

static int deliver(const rt_op *op, rt_tensor **out, rt_tensor *from, intptr_t n)
{
    rt_tensor *work;
    if (!*out) return (*out = first_of(from, n)) ? 0 : -1;
    if (rt_output_begin(op, out, (rt_dtype)from->dtype, 1, &n, 0, NULL, 1, &work) < 0) return -1;
    memcpy(work->data, from->data, (size_t)n * rt_tensor_itemsize(from));
    return rt_output_finish(*out, work);
}

/* x in order, with the places where they are wanted. */
static int sort(const rt_op *op, rt_tensor *x, int with_places, rt_tensor **sorted, rt_tensor **places)
{
    const rt_values_task task = {.kind = RT_VALUES_SORT};
    if (!with_places) {
        *sorted = rt_empty((rt_dtype)x->dtype, 1, x->shape, x->storage->device);
        return *sorted ? rt_values_run(&task, x, 0, *sorted) : -1;
    }
    rt_tensor *out[2] = {NULL, NULL};
    const rt_operand in = rt_operand_of(x);
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = 0, p.i[1] = 0, p.i[2] = 1;
    if (rt_ops[RT_OP_sort].forward(&rt_ops[RT_OP_sort], 1, &in, &p, out) < 0) return -1;
    *sorted = out[0], *places = out[1];
    return 0;
}

FORWARD(distinct)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *t[OUTPUTS] = {NULL}, *places = NULL, *const given[OUTPUTS] = {out[0], out[1], out[2], out[3]};
    int status = -1;
    if (!x) return -1;
    if (x->ndim != 1) return rt_error(rt_TensorError, op->cls.name, "needs one dimension, not %d", x->ndim);
    const rt_dtype d = (rt_dtype)x->dtype;
    const int wanted[OUTPUTS] = {1, (int)p->i[0], (int)p->i[1], (int)p->i[2]};
    if (rt_dtype_is_complex(d) || d == RT_f16 || d == RT_bf16)
        return rt_error(rt_DtypeError, op->cls.name, "is not for elements of dtype %s", rt_dtypes[d].name);
    if (sort(op, x, wanted[INDEX] || wanted[INVERSE], &t[VALUES], &places) < 0) goto done;
    for (int k = INDEX; k < OUTPUTS; k++) {
        const intptr_t n = wanted[k] ? x->size + (k == COUNTS) : 0;
        if (!(t[k] = rt_empty(RT_i64, 1, &n, x->storage->device))) goto done;
    }
    job j = {.sorted = t[VALUES]->data, .places = places ? (const int64_t *)places->data : NULL, .n = x->size,
             .equal_nan = (int)p->i[3], .values = t[VALUES]->data};
    if (wanted[INDEX]) j.index = (int64_t *)t[INDEX]->data;
    if (wanted[INVERSE]) j.inverse = (int64_t *)t[INVERSE]->data;
    if (wanted[COUNTS]) j.starts = (int64_t *)t[COUNTS]->data;
    if (j.n > RELEASE_GIL) {
        Py_BEGIN_ALLOW_THREADS
        collect(&j, d);
        Py_END_ALLOW_THREADS
    } else {
        collect(&j, d);
    }
    for (intptr_t k = 0; j.starts && k < j.found; k++) j.starts[k] = j.starts[k + 1] - j.starts[k];
    for (int k = 0; k < OUTPUTS; k++)
        if (deliver(op, &out[k], t[k], !wanted[k] ? 0 : k == INVERSE ? j.n : j.found) < 0) goto done;
    status = 0;
done:
    Py_XDECREF(places);
    for (int k = 0; k < OUTPUTS; k++) {
        Py_XDECREF(t[k]);
        if (status < 0 && !given[k]) Py_CLEAR(out[k]);
    }
    return status;
}
