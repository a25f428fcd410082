/* positions: several indices as one flat position, by a loop, or by rows when somebody observes what is computed.
 * Floor: python. */
#include "python/positions.h"
#include "core/error.h"
#include "python/convert.h"
#include "ufunc/apply.h"
#include "ufunc/observe.h"
#include "ufunc/views.h"

int rt_positions_refuse(intptr_t i, int dim, intptr_t length)
{
    PyErr_Format(PyExc_IndexError, "index %zd is out of bounds for axis %d with size %zd", (Py_ssize_t)i, dim,
                 (Py_ssize_t)length);
    return -1;
}

int rt_positions_add(int64_t **to, const rt_tensor *from, int d, const char *at, intptr_t length, int source)
{
    const int last = from->ndim - 1;
    if (d < last) {
        for (intptr_t j = 0; j < from->shape[d]; j++, at += from->steps[d])
            if (rt_positions_add(to, from, d + 1, at, length, source) < 0) return -1;
        return 0;
    }
    const intptr_t n = last < 0 ? 1 : from->shape[d], step = last < 0 ? 0 : from->steps[d];
    int64_t *const o = *to;
    for (intptr_t j = 0; j < n; j++, at += step) {
        const int64_t v = *(const int64_t *)at, i = v < 0 ? v + length : v;
        if ((uint64_t)i >= (uint64_t)length) return rt_positions_refuse(v, source, length);
        o[j] = o[j] * length + i;
    }
    *to += n;
    return 0;
}

rt_tensor *rt_positions_visible(rt_tensor *array, int mask)
{
    rt_tensor *flat = NULL, *rows = NULL, *out = NULL;
    rt_params p;
    if (!mask) {
        flat = rt_cast(array, RT_i64);
        if (flat) out = rt_contiguous(flat);
        goto done;
    }
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, (intptr_t[]){-1});
    if (!(flat = rt_apply1p(RT_OP_reshape, array, &p)) || !(rows = rt_apply1(RT_OP_nonzero, flat))) goto done;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, (intptr_t[]){-1});
    out = rt_apply1p(RT_OP_reshape, rows, &p);
done:
    Py_XDECREF((PyObject *)flat);
    Py_XDECREF((PyObject *)rows);
    return out;
}

static rt_tensor *with_number(rt_op_index op, rt_tensor *x, intptr_t number)
{
    rt_operand in[2] = {rt_operand_of(x), rt_operand_int(number)};
    rt_tensor *out = NULL;
    return rt_op_apply(&rt_ops[op], 2, in, NULL, &out) < 0 ? NULL : out;
}

/* sum of (index modulo length) * (product of the lengths behind it) */
rt_tensor *rt_positions_combine(int n, rt_tensor *const *arrays, const intptr_t *values, const intptr_t *lengths)
{
    rt_tensor *sum = NULL;
    intptr_t rest = 0;                   /* of integers before the first array */
    for (int e = 0; e < n; e++) {
        rt_tensor *next = NULL, *scaled = sum ? with_number(RT_OP_mul, sum, lengths[e]) : NULL;
        if (sum && !scaled) goto failed;
        Py_XSETREF(sum, scaled);
        rest *= lengths[e];
        if (!arrays[e]) {
            if (!sum) rest += values[e];
            else if (!(next = with_number(RT_OP_add, sum, values[e]))) goto failed;
        } else {
            rt_tensor *wrapped = with_number(RT_OP_remainder, arrays[e], lengths[e]);
            if (!wrapped) goto failed;
            next = sum ? rt_apply2(RT_OP_add, sum, wrapped) : with_number(RT_OP_add, wrapped, rest);
            Py_DECREF((PyObject *)wrapped);
            if (!next) goto failed;
        }
        if (next) Py_XSETREF(sum, next);
    }
    return sum;
failed:
    Py_CLEAR(sum);
    return NULL;
}

int rt_positions_store(rt_tensor *t, PyObject *key, PyObject *value)
{
    _Alignas(16) char slot[16];
    const rt_dtype d = (rt_dtype)t->dtype;
    if (t->ndim != 1 || rt_observers || t->node || (t->base && rt_tensor_requires_grad(t->base))
        || t->flags & (RT_READONLY | RT_REQUIRES_GRAD) || t->steps[0] == 0 || t->storage->device.type != RT_CPU)
        return 0;
    if (PyLong_CheckExact(value) ? !rt_dtype_is_integer(d) && !rt_dtype_is_float(d) : !PyFloat_CheckExact(value) || !rt_dtype_is_float(d))
        return 0;
    int overflow;
    const long i = PyLong_AsLongAndOverflow(key, &overflow), at = i < 0 ? i + t->shape[0] : i;
    if (overflow || at < 0 || at >= t->shape[0]) return 0;
    rt_operand v;
    PyObject *owned = NULL;
    if (rt_convert_operand(value, &v, &owned) != 0 || rt_operand_store(&v, d, slot) < 0) return -1;
    memcpy(t->data + at * t->steps[0], slot, rt_itemsize(d));
    rt_tensor_touch(t, "copy");
    if (t->base) t->base_version = t->storage->version;
    return 1;
}
