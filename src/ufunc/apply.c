/* apply: the one door.  Short way first, then: devices, permission to write, the row's forward,
 * the record.  Also the outputs and copies every forward function needs.  Floor: ufunc. */
#include "ufunc/apply.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/elementwise.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/move.h"
#include "ufunc/observe.h"
#include "ufunc/record.h"
#include <string.h>

static int check_devices(const rt_op *op, int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++)
        if (in[i].t && in[i].t->storage->device.type != RT_CPU)
            return rt_error(rt_DeviceError, op->cls.name, "no kernel for the device of argument %d; move it with .cpu()", i);
    return 0;
}

static int write_constants(const rt_op *op, rt_tensor **out, unsigned given)
{
    for (int k = 0; k < op->nout; k++)
        if ((given >> k & 1) && rt_record_constant(op, out[k]) < 0) return -1;
    return 0;
}

static void drop_fresh(const rt_op *op, rt_tensor **out, unsigned given)
{
    for (int k = 0; k < op->nout; k++)
        if (!(given >> k & 1)) Py_CLEAR(out[k]);
}

/* An input that is overwritten in place though its value is kept for the backward pass is kept as a copy, with
 * its history.  own: the copies (new references); kept: the inputs with them. */
static int keep_overwritten(const rt_op *op, int nin, const rt_operand *in, rt_tensor *const *out, unsigned given,
                            rt_operand *kept, rt_tensor **own)
{
    int wanted = rt_record_needless(op, nin, in) ? 0 : rt_record_wanted(op, nin, in);
    if (wanted <= 0) return wanted;
    uint8_t uses = rt_record_inputs(op, nin, in);
    for (int i = 0; i < nin; i++) kept[i] = in[i];
    for (int i = 0; i < nin; i++)
        for (int k = 0; k < op->nout; k++) {
            if (!(uses >> i & 1) || !(given >> k & 1) || in[i].t != out[k] || own[i]) continue;
            if (!(own[i] = rt_apply1(RT_OP_clone, in[i].t))) return -1;
            kept[i].t = own[i];
        }
    return 1;
}

static inline __attribute__((always_inline)) int apply_in_rules(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    unsigned given = 0;
    int wanted, status = -1;
    rt_operand copies[3];
    rt_tensor *own[3] = {NULL, NULL, NULL};
    const rt_operand *kept = in;
    if (op->family == RT_ELEMENTWISE && !out[0]) {
        out[0] = rt_elementwise_small(op, nin, in);
        if (out[0]) goto record;
        if (PyErr_Occurred()) return -1;
    } else if (op->family == RT_ELEMENTWISE && rt_record_needless(op, nin, in)) {
        const int done = rt_elementwise_small_into(op, nin, in, out[0]);
        if (done) return done < 0 ? -1 : 0;
    }
    if (check_devices(op, nin, in) < 0) return -1;
    for (int k = 0; k < op->nout; k++) {
        if (!out[k]) continue;
        given |= 1u << k;
        if (rt_record_check_write(op, out[k]) < 0) return -1;
    }
    if (given && nin <= 3) {
        wanted = keep_overwritten(op, nin, in, out, given, copies, own);
        if (wanted < 0) goto failed;
        if (wanted) kept = copies;
    }
    if (op->forward(op, nin, in, p, out) < 0) goto failed;
    if (op->family == RT_VIEW) out[0] = rt_tensor_as_view(out[0], in[0].t);
record:
    wanted = rt_record_needless(op, nin, in) ? 0 : rt_record_wanted(op, nin, in);
    if (wanted < 0) goto failed;
    if (wanted ? rt_record(op, nin, in, kept, p, out, given) < 0 : given && write_constants(op, out, given) < 0) goto failed;
    status = 0;
failed:
    if (given)
        for (int i = 0; i < 3; i++) Py_XDECREF((PyObject *)own[i]);
    if (status < 0) drop_fresh(op, out, given);
    return status;
}

static int has_array(int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++)
        if (in[i].t && rt_array_check((PyObject *)in[i].t)) return 1;
    return 0;
}

static unsigned given_outputs(const rt_op *op, rt_tensor *const *out)
{
    unsigned given = 0;
    for (int k = 0; k < op->nout; k++) given |= (unsigned)(out[k] != NULL) << k;
    return given;
}

/* An array among the inputs: NumPy's rules, and results that are arrays. */
static __attribute__((noinline)) int compute(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    if (!has_array(nin, in)) return apply_in_rules(op, nin, in, p, out);
    const unsigned given = given_outputs(op, out);
    const rt_dtype_rules before = rt_dtype_rules_numpy();
    const int status = apply_in_rules(op, nin, in, p, out);
    rt_dtype_rules_restore(before);
    for (int k = 0; status == 0 && k < op->nout; k++)
        if (out[k] && !(given >> k & 1) && Py_REFCNT((PyObject *)out[k]) == 1 && Py_IS_TYPE((PyObject *)out[k], &rt_tensor_type))
            Py_SET_TYPE((PyObject *)out[k], &rt_array_type);
    return status;
}

static __attribute__((noinline)) int compute_observed(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    if (rt_event_is_told()) return compute(op, nin, in, p, out);
    rt_event e = {.kind = RT_EVENT_OP, .name = op->cls.name, .op = op, .in = in, .params = p, .out = out, .nin = nin,
                  .nout = op->nout, .given = given_outputs(op, out)};
    if (rt_event_begin(&e) < 0) return -1;
    const int status = compute(op, nin, in, p, out), after = rt_event_end(&e, status);
    if (status == 0 && after < 0) drop_fresh(op, out, e.given);
    return after;
}

/* Both ways are tail calls: three instructions for an op that nobody observes. */
int rt_op_apply(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out)
{
    if (__builtin_expect(rt_observers != NULL, 0)) return compute_observed(op, nin, in, p, out);
    return compute(op, nin, in, p, out);
}

static rt_tensor *apply(rt_op_index op, int nin, const rt_operand *in, rt_params *p)
{
    rt_tensor *out[4] = {NULL, NULL, NULL, NULL};
    if (rt_op_apply(&rt_ops[op], nin, in, p, out) < 0) return NULL;
    for (int k = 1; k < rt_ops[op].nout; k++) Py_XDECREF((PyObject *)out[k]);
    return out[0];
}

rt_tensor *rt_apply1(rt_op_index op, rt_tensor *x) { return rt_apply1p(op, x, NULL); }
rt_tensor *rt_apply2(rt_op_index op, rt_tensor *x, rt_tensor *y) { return rt_apply2p(op, x, y, NULL); }

rt_tensor *rt_apply3(rt_op_index op, rt_tensor *x, rt_tensor *y, rt_tensor *z)
{
    rt_operand in[3] = {rt_operand_of(x), rt_operand_of(y), rt_operand_of(z)};
    return apply(op, 3, in, NULL);
}

rt_tensor *rt_apply1p(rt_op_index op, rt_tensor *x, rt_params *p)
{
    rt_operand in[1] = {rt_operand_of(x)};
    return apply(op, 1, in, p);
}

rt_tensor *rt_apply2p(rt_op_index op, rt_tensor *x, rt_tensor *y, rt_params *p)
{
    rt_operand in[2] = {rt_operand_of(x), rt_operand_of(y)};
    return apply(op, 2, in, p);
}

rt_tensor *rt_apply2s(rt_op_index op, rt_tensor *x, double y)
{
    rt_operand in[2] = {rt_operand_of(x), rt_operand_float(y)};
    return apply(op, 2, in, NULL);
}

/* ---- outputs ---- */

int rt_output_check(const rt_op *op, rt_tensor *out, rt_dtype dtype, int ndim, const intptr_t *shape)
{
    if (out->ndim == 1 && out->size == 0 && !out->base && !(ndim == 1 && shape[0] == 0)
        && rt_resize(out, ndim, shape, NULL) < 0)
        return -1;
    int lead = out->ndim - ndim, fits = lead >= 0;
    for (int i = 0; i < ndim && fits; i++) fits = shape[i] == out->shape[lead + i] || shape[i] == 1;
    if (!fits)
        return rt_error_shapes(op->cls.name, "the output has the wrong shape (needed, given)", ndim, shape, out->ndim,
                               out->shape);
    if (!rt_dtype_can_cast(dtype, (rt_dtype)out->dtype))
        return rt_error(rt_DtypeError, op->cls.name, "a result of dtype %s cannot be written into an output of dtype %s",
                        rt_dtypes[dtype].name, rt_dtypes[out->dtype].name);
    return 0;
}

int rt_output_hits_input(const rt_tensor *out, int nin, const rt_operand *in)
{
    for (int i = 0; i < nin; i++) {
        const rt_tensor *t = in[i].t;
        if (!t || !rt_tensor_overlaps(out, t)) continue;
        if (t->data == out->data && t->dtype == out->dtype && rt_shape_equal(t->ndim, t->shape, out->ndim, out->shape)
            && memcmp(t->steps, out->steps, t->ndim * sizeof *t->steps) == 0)
            continue;                                   /* the same elements in the same order */
        return 1;
    }
    return 0;
}

int rt_output_refuse_overlap(const rt_op *op, const rt_tensor *out, int nin, const rt_operand *in)
{
    for (int i = 0; out && i < nin; i++)
        if (in[i].t && (in[i].t == out || rt_tensor_overlaps(out, in[i].t)))
            return rt_error(PyExc_RuntimeError, op->cls.name, "the output and input %d share memory; give another output", i);
    return 0;
}

int rt_output_begin(const rt_op *op, rt_tensor **out, rt_dtype dtype, int ndim, const intptr_t *shape, int nin,
                    const rt_operand *in, int contiguous, rt_tensor **work)
{
    rt_device cpu = {RT_CPU, 0};
    rt_tensor *o = out[0];
    if (!o) {
        o = out[0] = rt_empty(dtype, ndim, shape, cpu);
        if (!o) return -1;
        *work = (rt_tensor *)Py_NewRef((PyObject *)o);
        return 0;
    }
    if (rt_output_check(op, o, dtype, ndim, shape) < 0) return -1;
    int clash = 0;
    for (int i = 0; i < nin; i++) clash |= in[i].t && rt_tensor_overlaps(o, in[i].t);
    if ((rt_dtype)o->dtype != dtype || clash || (contiguous && !rt_tensor_is_contiguous(o))
        || !rt_shape_equal(ndim, shape, o->ndim, o->shape))
        *work = rt_empty(dtype, ndim, shape, cpu);
    else
        *work = (rt_tensor *)Py_NewRef((PyObject *)o);
    return *work ? 0 : -1;
}

int rt_output_finish(rt_tensor *out, rt_tensor *work)
{
    int status = work == out ? 0 : rt_copy_into(out, work);
    Py_DECREF(work);
    return status;
}

/* ---- scalars, copies ---- */

static void convert_one(rt_dtype from, const void *value, rt_dtype to, void *at)
{
    char *args[2] = {(char *)value, at};
    intptr_t n = 1, steps[2] = {0, 0};
    rt_isa_now->casts[from][to](args, &n, steps, NULL);
}

int rt_operand_fits(const rt_operand *s, rt_dtype d)
{
    int bits = 8 * (int)rt_itemsize(d);
    if (s->kind == RT_KIND_BOOL || rt_dtype_kind(d) == RT_KIND_BOOL) return 1;
    if (s->is_unsigned) return rt_dtype_kind(d) == RT_KIND_UNSIGNED && bits == 64;
    if (rt_dtype_kind(d) == RT_KIND_UNSIGNED) return s->v.i >= 0 && (bits == 64 || s->v.i >> bits == 0);
    return bits == 64 || (s->v.i >= -((int64_t)1 << (bits - 1)) && s->v.i < (int64_t)1 << (bits - 1));
}

int rt_operand_store(const rt_operand *s, rt_dtype d, void *at)
{
    switch (s->kind) {
    case RT_KIND_FLOAT:
        if (d == RT_f32) *(float *)at = (float)s->v.f;
        else if (d == RT_f64) *(double *)at = s->v.f;
        else convert_one(RT_f64, &s->v.f, d, at);
        return 0;
    case RT_KIND_COMPLEX:
        convert_one(RT_c128, s->v.c, d, at);
        return 0;
    default:
        if (d == RT_i64) { *(int64_t *)at = s->v.i; if (!s->is_unsigned) return 0; }
        if ((d == RT_f32 || d == RT_f64) && !s->is_unsigned) {
            if (d == RT_f32) *(float *)at = (float)s->v.i;
            else *(double *)at = (double)s->v.i;
            return 0;
        }
        if (rt_dtype_kind(d) < RT_KIND_FLOAT && !rt_operand_fits(s, d)) {
            if (s->is_unsigned)
                PyErr_Format(PyExc_OverflowError, "Python integer %llu does not fit dtype %s",
                             (unsigned long long)s->v.i, rt_dtypes[d].name);
            else
                PyErr_Format(PyExc_OverflowError, "Python integer %lld does not fit dtype %s", (long long)s->v.i,
                             rt_dtypes[d].name);
            return -1;
        }
        convert_one(s->is_unsigned ? RT_u64 : RT_i64, &s->v.i, d, at);
        return 0;
    }
}

#define UNLOCK 65536
#define SMALL 4096

/* A few elements side by side, of another dtype. */
static void copy_packed(rt_tensor *dst, const rt_tensor *src)
{
    char *args[2] = {src->data, dst->data};
    intptr_t n = dst->size, steps[2] = {(intptr_t)rt_tensor_itemsize(src), (intptr_t)rt_tensor_itemsize(dst)};
    rt_isa_now->casts[src->dtype][dst->dtype](args, &n, steps, NULL);
}

/* The element in all places of a few. */
static void fill_packed(rt_tensor *dst, const char *element)
{
    const size_t item = rt_tensor_itemsize(dst), all = (size_t)dst->size * item;
    memcpy(dst->data, element, item);
    for (size_t done = item; done < all; done *= 2)
        memcpy(dst->data + done, dst->data, done < all - done ? done : all - done);
}

static void execute_copy(rt_tensor *dst, rt_dtype from, char *data, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    rt_plan plan;
    rt_exec e = {.loop = rt_isa_now->casts[from][dst->dtype], .nin = 1, .rows = 1, .cost = 0.25f};
    rt_plan_init(&plan, dst->ndim, dst->shape);
    if (steps) rt_plan_add(&plan, data, ndim, shape, steps);
    else rt_plan_add_scalar(&plan, data);
    rt_plan_add(&plan, dst->data, dst->ndim, dst->shape, dst->steps);
    rt_plan_finish(&plan, 1);
    int item = from == (rt_dtype)dst->dtype && from != RT_b1 ? (int)rt_tensor_itemsize(dst) : 0;
    if (plan.size < UNLOCK) {
        if (item) rt_move(&plan, item);
        else rt_execute(&plan, &e);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    if (item) rt_move(&plan, item);
    else rt_execute(&plan, &e);
    Py_END_ALLOW_THREADS
}

int rt_copy_into(rt_tensor *dst, const rt_tensor *src)
{
    if (!rt_shape_equal(dst->ndim, dst->shape, src->ndim, src->shape)) {
        intptr_t shape[RT_MAX_NDIM];
        int n = dst->ndim;
        memcpy(shape, dst->shape, dst->ndim * sizeof *shape);
        /* leading lengths of 1 of the source may go, as NumPy has it */
        int drop = 0;
        while (src->ndim - drop > dst->ndim && src->shape[drop] == 1) drop++;
        if (rt_shape_broadcast("copy", &n, shape, src->ndim - drop, src->shape + drop) < 0) return -1;
        if (!rt_shape_equal(n, shape, dst->ndim, dst->shape))
            return rt_error_shapes("copy", "the source does not broadcast to the destination", src->ndim, src->shape,
                                   dst->ndim, dst->shape);
        if (drop) {
            rt_tensor *less = rt_tensor_alias(src, src->data, (rt_dtype)src->dtype, src->ndim - drop, src->shape + drop,
                                              src->steps + drop);
            if (!less) return -1;
            int status = rt_copy_into(dst, less);
            Py_DECREF(less);
            return status;
        }
    }
    if (dst->size == 0) return 0;
    rt_operand in[1] = {rt_operand_of((rt_tensor *)src)};
    if (rt_output_hits_input(dst, 1, in)) {
        rt_tensor *copy = rt_empty((rt_dtype)src->dtype, src->ndim, src->shape, src->storage->device);
        int status = copy ? rt_copy_into(copy, src) : -1;
        if (status == 0) status = rt_copy_into(dst, copy);
        Py_XDECREF((PyObject *)copy);
        return status;
    }
    const int packed = src->size == dst->size && rt_tensor_is_contiguous(src) && rt_tensor_is_contiguous(dst);
    if (packed && src->dtype == dst->dtype && src->dtype != RT_b1 && dst->size < UNLOCK)
        memcpy(dst->data, src->data, (size_t)dst->size * rt_tensor_itemsize(dst));
    else if (packed && dst->size < SMALL)
        copy_packed(dst, src);
    else
        execute_copy(dst, (rt_dtype)src->dtype, src->data, src->ndim, src->shape, src->steps);
    return 0;
}

int rt_fill(rt_tensor *dst, const rt_operand *value)
{
    _Alignas(16) char slot[16];
    if (rt_operand_store(value, (rt_dtype)dst->dtype, slot) < 0) return -1;
    static const char zeros[16];
    const size_t item = rt_tensor_itemsize(dst);
    if (dst->size < UNLOCK && rt_tensor_is_contiguous(dst) && memcmp(slot, zeros, item) == 0)
        memset(dst->data, 0, (size_t)dst->size * item);
    else if (dst->size && dst->size < SMALL && rt_tensor_is_contiguous(dst))
        fill_packed(dst, slot);
    else if (dst->size)
        execute_copy(dst, (rt_dtype)dst->dtype, slot, 0, NULL, NULL);
    return 0;
}
