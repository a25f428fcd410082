/* scatter_reduce: combining elements with those at indices along a dimension by sum, product, mean,
 * maximum or minimum.  Elements are taken in the order of the index, so results do not depend on
 * threads; half precision is combined in float32.  Floor: ufunc. */
#include <math.h>
#include "ufunc/offsets.h"
#include "ufunc/scatter_rows.h"
#include "ufunc/update_target.h"
#include "ufunc/views.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"

enum { SUM, PROD, MEAN, AMAX, AMIN };                 /* as in the row's signature */

/* ---- far[at[j]] = far[at[j]] combined with near[j] ---- */

typedef void combine_run(char *far, const intptr_t *at, const char *near, intptr_t n);

#define COMBINE(name, ctype, statement) \
    static void name(char *far, const intptr_t *at, const char *near, intptr_t n) \
    { \
        for (intptr_t j = 0; j < n; j++) { \
            ctype *a = (ctype *)(far + at[j]), b = ((const ctype *)near)[j]; \
            statement; \
        } \
    }
#define ORDERED(word, ctype) \
    COMBINE(max_##word, ctype, if (!(*a >= b) && *a == *a) *a = b) \
    COMBINE(min_##word, ctype, if (!(*a <= b) && *a == *a) *a = b)
#define NUMBERS(word, ctype) COMBINE(mul_##word, ctype, *a = (ctype)(*a * b)) ORDERED(word, ctype)
COMBINE(mul_b1, uint8_t, *a = *a && b)
COMBINE(mul_u16, uint16_t, *a = (uint16_t)((uint32_t)*a * b))
COMBINE(mul_c64, float _Complex, *a *= b)
COMBINE(mul_c128, double _Complex, *a *= b)
NUMBERS(u8, uint8_t)
ORDERED(u16, uint16_t)
NUMBERS(u32, uint32_t)
NUMBERS(u64, uint64_t)
ORDERED(i8, int8_t)
ORDERED(i16, int16_t)
ORDERED(i32, int32_t)
ORDERED(i64, int64_t)
NUMBERS(f32, float)
NUMBERS(f64, double)

/* Signed integers multiply as unsigned ones do; truth values are ordered as bytes. */
static combine_run *const products[RT_NDTYPE] = {
    [RT_b1] = mul_b1, [RT_u8] = mul_u8, [RT_i8] = mul_u8, [RT_u16] = mul_u16, [RT_i16] = mul_u16, [RT_u32] = mul_u32,
    [RT_i32] = mul_u32, [RT_u64] = mul_u64, [RT_i64] = mul_u64, [RT_f32] = mul_f32, [RT_f64] = mul_f64,
    [RT_c64] = mul_c64, [RT_c128] = mul_c128,
};
static combine_run *const extremes[2][RT_NDTYPE] = {
#define ROW(which) {[RT_b1] = which##_u8, [RT_u8] = which##_u8, [RT_i8] = which##_i8, [RT_u16] = which##_u16, \
                    [RT_i16] = which##_i16, [RT_u32] = which##_u32, [RT_i32] = which##_i32, [RT_u64] = which##_u64, \
                    [RT_i64] = which##_i64, [RT_f32] = which##_f32, [RT_f64] = which##_f64}
    ROW(max), ROW(min),
};

static void combine(int how, const rt_tensor *target, const rt_offsets *o, const rt_tensor *near)
{
    if (how == SUM || how == MEAN) {
        rt_add_places((rt_dtype)target->dtype, target->data, o->at, near->data, o->n);
        return;
    }
    combine_run *run = how == PROD ? products[target->dtype] : extremes[how == AMIN][target->dtype];
    run(target->data, o->at, near->data, o->n);
}

/* What a combination starts from when the old elements do not count. */
static rt_operand neutral(int how, rt_dtype d)
{
    int bits = 8 * (int)rt_itemsize(d);
    if (how == SUM || how == MEAN) return rt_operand_int(0);
    if (how == PROD) return rt_operand_int(1);
    if (rt_dtype_is_float(d)) return rt_operand_float(how == AMAX ? -INFINITY : INFINITY);
    if (d == RT_b1) return rt_operand_int(how == AMIN);
    if (rt_dtype_kind(d) == RT_KIND_SIGNED) {
        int64_t low = bits == 64 ? INT64_MIN : -((int64_t)1 << (bits - 1));
        return rt_operand_int(how == AMAX ? low : -(low + 1));
    }
    if (how == AMAX) return rt_operand_int(0);
    return (rt_operand){.kind = RT_KIND_UNSIGNED, .is_unsigned = bits == 64,
                        .v.i = bits == 64 ? -1 : (int64_t)(((uint64_t)1 << bits) - 1)};
}

/* target /= how many elements went into each; integers round down. */
static int divide_by_counts(const rt_op *op, rt_tensor *target, const rt_tensor *x, int dim, const rt_tensor *index, int self)
{
    rt_tensor *counts = rt_empty(RT_i64, x->ndim, x->shape, x->storage->device), *mean = NULL, *dense = NULL;
    rt_operand start = rt_operand_int(self), least = rt_operand_int(1);
    int rc = -1, recording = rt_grad_enabled;
    rt_grad_enabled = 0;
    if (!counts || rt_fill(counts, &start) < 0 || !(dense = rt_index_int64(op->cls.name, index))) goto done;
    if (rt_scatter_rows_fit(RT_SCATTER_COUNT, counts, dense)) {
        if (rt_scatter_rows(op->cls.name, RT_SCATTER_COUNT, counts, dim, dense, dense->data) < 0) goto done;
    } else {
        *(int64_t *)counts->data += dense->size;       /* without dimensions */
    }
    rt_operand pair[2] = {rt_operand_of(counts), least};
    if (!self && rt_op_apply(&rt_ops[RT_OP_maximum], 2, pair, NULL, &counts) < 0) goto done;
    mean = rt_apply2(rt_dtype_is_inexact((rt_dtype)target->dtype) ? RT_OP_div : RT_OP_floor_divide, target, counts);
    if (mean) rc = rt_copy_into(target, mean);
done:
    rt_grad_enabled = recording;
    Py_XDECREF(dense);
    Py_XDECREF(counts);
    Py_XDECREF(mean);
    return rc;
}

/* ---- the row ---- */

static int check_arguments(const rt_op *op, rt_params *p, const rt_tensor *x, const rt_tensor *index, const rt_tensor *src)
{
    if (rt_scatter_check(op, p, x, index, src) < 0) return -1;
    if (x->dtype != src->dtype)
        return rt_error(rt_DtypeError, op->cls.name, "the source must be of dtype %s, not %s", rt_dtypes[x->dtype].name,
                        rt_dtypes[src->dtype].name);
    if ((rt_dtype_is_complex((rt_dtype)x->dtype) && p->i[1] >= AMAX) || (x->dtype == RT_b1 && p->i[1] == MEAN))
        return rt_error(rt_DtypeError, op->cls.name, "not defined for dtype %s with this reduce", rt_dtypes[x->dtype].name);
    return 0;
}

FORWARD(scatter_reduce)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *index = rt_operand_tensor(op, in, 1), *src = rt_operand_tensor(op, in, 2);
    rt_tensor *cut = NULL, *near = NULL, *target = NULL;
    rt_offsets o = {.at = NULL};
    _Alignas(16) char start[16];
    int rc = -1;
    if (!x || !index || !src || check_arguments(op, p, x, index, src) < 0) return -1;
    int how = (int)p->i[1], self = p->i[2] != 0;
    rt_operand value = in[2], first;
    if (index->size == 0) value = rt_operand_int(0);
    else if (!(value.t = cut = rt_tensor_alias(src, src->data, (rt_dtype)src->dtype, index->ndim, index->shape, src->steps)))
        return -1;
    rt_dtype wide = rt_add_dtype((rt_dtype)x->dtype);
    near = rt_update_values(op, &value, wide, index->ndim, index->shape, out[0]);
    const int visible = out[0] != NULL;
    if (!near || rt_update_begin(op, in, out, 1, &target) < 0) goto done;
    static const rt_scatter_kind kinds[] = {[SUM] = RT_SCATTER_ADD, [PROD] = RT_SCATTER_MUL, [MEAN] = RT_SCATTER_ADD,
                                            [AMAX] = RT_SCATTER_MAX, [AMIN] = RT_SCATTER_MIN};
    if (self && rt_scatter_rows_fit(kinds[how], target, index)) {
        rc = rt_scatter_lines(op, in, p, kinds[how], visible, target, index, near);
        if (rc == 0 && how == MEAN) rc = divide_by_counts(op, target, x, (int)p->i[0], index, self);
        goto done;
    }
    if (rt_offsets_along(op->cls.name, &o, target, (int)p->i[0], index) < 0 || rt_update_load(in, target) < 0) goto done;
    if (!self) {
        first = neutral(how, wide);
        if (rt_operand_store(&first, wide, start) < 0) goto done;
        for (intptr_t j = 0; j < o.n; j++) memcpy(target->data + o.at[j], start, rt_itemsize(wide));
    }
    combine(how, target, &o, near);
    rc = how == MEAN ? divide_by_counts(op, target, x, (int)p->i[0], index, self) : 0;
done:
    rt_offsets_drop(&o);
    Py_XDECREF(near);
    Py_XDECREF(cut);
    return rt_update_finish(out, target, rc);
}

/* ---- its gradient ---- */

/* Tensors made on the way, dropped together; an operation on NULL gives NULL. */
typedef struct { rt_tensor *own[32]; int n; } scratch;

static rt_tensor *keep(scratch *s, rt_tensor *t)
{
    if (t) s->own[s->n++] = t;
    return t;
}

static rt_tensor *apply(scratch *s, rt_op_index row, int n, rt_operand x, rt_operand y, rt_operand z, rt_params *p)
{
    rt_operand in[3] = {x, y, z};
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    for (int i = 0; i < n; i++) if (!in[i].t && in[i].none) return NULL;
    return rt_op_apply(&rt_ops[row], n, in, p, out) < 0 ? NULL : keep(s, out[0]);
}

/* A tensor operand, or one that `apply` passes by. */
static rt_operand of(rt_tensor *t) { return t ? rt_operand_of(t) : (rt_operand){.none = 1}; }
static const rt_operand zero = {.kind = RT_KIND_SIGNED, .v.i = 0}, one = {.kind = RT_KIND_SIGNED, .v.i = 1};

typedef struct {
    scratch s;
    rt_params along;               /* the dimension, for gather and scatter rows; reduce for scatter_reduce */
    rt_operand index;
    rt_tensor *g;
} walk;

static rt_tensor *two(walk *w, rt_op_index row, rt_tensor *x, rt_operand y) { return apply(&w->s, row, 2, of(x), y, zero, NULL); }
static rt_tensor *pick(walk *w, rt_tensor *c, rt_operand a, rt_operand b) { return apply(&w->s, RT_OP_where, 3, of(c), a, b, NULL); }
static rt_tensor *fetch(walk *w, rt_tensor *x) { return apply(&w->s, RT_OP_gather, 2, of(x), w->index, zero, &w->along); }
static rt_tensor *put(walk *w, rt_op_index row, rt_tensor *x, rt_operand v) { return apply(&w->s, row, 3, of(x), w->index, v, &w->along); }
static rt_tensor *as(walk *w, rt_tensor *x, rt_dtype d)
{
    rt_params p = {.i = {d}};
    return x ? keep(&w->s, rt_apply1p(RT_OP_cast, x, &p)) : NULL;
}
static rt_tensor *filled(walk *w, rt_tensor *like, rt_dtype d, int64_t value)
{
    rt_tensor *t = like ? keep(&w->s, rt_empty(d, like->ndim, like->shape, like->storage->device)) : NULL;
    rt_operand v = rt_operand_int(value);
    return t && rt_fill(t, &v) == 0 ? t : NULL;
}

/* src narrowed to the index's shape, recorded. */
static rt_tensor *narrowed(walk *w, rt_tensor *src)
{
    for (int d = 0; src && d < src->ndim; d++) {
        if (src->shape[d] == w->index.t->shape[d]) continue;
        rt_params p = {.i = {d, 0, w->index.t->shape[d]}};
        src = keep(&w->s, rt_apply1p(RT_OP_narrow, src, &p));
    }
    return src;
}

/* Old elements that were dropped get nothing. */
static rt_tensor *without_replaced(walk *w, rt_tensor *gself, int self) { return self ? gself : put(w, RT_OP_scatter, gself, zero); }

static void mean_gradient(walk *w, int self, rt_tensor **gself, rt_tensor **gsrc)
{
    rt_dtype d = (rt_dtype)w->g->dtype;
    rt_tensor *ones = filled(w, w->index.t, d, 1), *start = filled(w, w->g, d, self);
    rt_tensor *counts = put(w, RT_OP_scatter_add, start, of(ones));
    counts = two(w, RT_OP_maximum, rt_dtype_is_complex(d) ? as(w, counts, rt_dtype_to_real(d)) : counts, one);
    rt_tensor *share = two(w, RT_OP_div, w->g, of(counts));
    *gself = without_replaced(w, share, self);
    *gsrc = fetch(w, share);
}

/* Equal ones share the gradient. */
static void extreme_gradient(walk *w, rt_tensor *x, rt_tensor *src, rt_tensor *out, int self, rt_tensor **gself, rt_tensor **gsrc)
{
    rt_dtype d = (rt_dtype)w->g->dtype;
    rt_tensor *mine = two(w, RT_OP_eq, x, of(out)), *theirs = two(w, RT_OP_eq, narrowed(w, src), of(fetch(w, out)));
    mine = without_replaced(w, mine, self);
    rt_tensor *counts = put(w, RT_OP_scatter_add, as(w, mine, d), of(as(w, theirs, d)));
    rt_tensor *share = two(w, RT_OP_div, w->g, of(two(w, RT_OP_maximum, counts, one)));
    *gself = pick(w, mine, of(share), zero);
    *gsrc = pick(w, theirs, of(fetch(w, share)), zero);
}

/* Zeros are taken out of products where they stand alone, so that the others' product remains. */
static void product_gradient(walk *w, rt_tensor *x, rt_tensor *src, rt_tensor *out, int self, rt_tensor **gself, rt_tensor **gsrc)
{
    rt_tensor *part = narrowed(w, src);
    rt_tensor *none = two(w, RT_OP_eq, x, zero), *safe = pick(w, none, one, of(x));
    rt_tensor *rest = put(w, RT_OP_scatter_reduce, safe, of(src));
    rt_tensor *slope = two(w, RT_OP_div, rest, of(safe));
    if (slope) *gself = without_replaced(w, two(w, RT_OP_mul, w->g, of(keep(&w->s, rt_apply1(RT_OP_conj, slope)))), self);
    rt_tensor *nil = two(w, RT_OP_eq, part, zero);
    rt_tensor *zeros = put(w, RT_OP_scatter_add, filled(w, w->g, RT_i64, 0), of(as(w, nil, RT_i64)));
    rt_tensor *alone = two(w, RT_OP_logical_and, nil, of(two(w, RT_OP_eq, fetch(w, zeros), one)));
    rt_tensor *others = fetch(w, put(w, RT_OP_scatter_reduce, x, of(pick(w, alone, one, of(part)))));
    rt_tensor *divided = two(w, RT_OP_div, fetch(w, out), of(pick(w, nil, one, of(part))));
    slope = pick(w, alone, of(others), of(divided));
    if (slope) *gsrc = two(w, RT_OP_mul, fetch(w, w->g), of(keep(&w->s, rt_apply1(RT_OP_conj, slope))));
}

/* The gradient over the index's shape as one of src's. */
static rt_tensor *widened(rt_node *node, rt_tensor *part)
{
    rt_input_meta m = rt_node_input(node, 2);
    rt_params q;
    intptr_t strides[RT_MAX_NDIM];
    if (rt_shape_equal(m.ndim, m.shape, part->ndim, part->shape)) return (rt_tensor *)Py_NewRef((PyObject *)part);
    rt_shape_steps(m.ndim, m.shape, 1, strides);
    rt_params_begin(&q);
    rt_params_push(&q, 0, m.ndim, m.shape);
    rt_params_push(&q, 1, m.ndim, strides);
    return rt_apply1p(RT_OP_window_scatter, part, &q);
}

BACKWARD(scatter_reduce)
{
    rt_operand saved[4] = {{0}};
    rt_tensor *gself = NULL, *gsrc = NULL;
    int how = (int)node->params->i[1], self = node->params->i[2] != 0, rc = -1;
    walk w = {.s.n = 0, .g = g[0]};
    rt_params_begin(&w.along);
    for (int k = 0; k < 3; k++) w.along.i[k] = node->params->i[k];
    for (int k = 0; k < 4; k++)
        if ((k == 1 || how == PROD || how >= AMAX) && rt_node_unpack(node, k, &saved[k]) < 0) goto done;
    w.index = saved[1];
    if (w.index.t->size == 0) {
        gself = g[0];
        gsrc = filled(&w, w.index.t, (rt_dtype)g[0]->dtype, 0);
    } else if (how == SUM) {
        gself = without_replaced(&w, g[0], self);
        gsrc = fetch(&w, g[0]);
    } else if (how == MEAN) {
        mean_gradient(&w, self, &gself, &gsrc);
    } else if (how == PROD) {
        product_gradient(&w, saved[0].t, saved[2].t, saved[3].t, self, &gself, &gsrc);
    } else {
        extreme_gradient(&w, saved[0].t, saved[2].t, saved[3].t, self, &gself, &gsrc);
    }
    if (!gself || !gsrc) goto done;
    if (rt_node_wants(node, 0)) gin[0] = (rt_tensor *)Py_NewRef((PyObject *)gself);
    if (rt_node_wants(node, 2) && !(gin[2] = widened(node, gsrc))) goto done;
    rc = 0;
done:
    for (int k = 0; k < w.s.n; k++) Py_DECREF(w.s.own[k]);
    for (int k = 0; k < 4; k++) Py_XDECREF(saved[k].t);
    return rc;
}
