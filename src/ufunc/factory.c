/* factory: ranges and unit matrices.  Lengths are computed without overflow, values in int64
 * or double, each from its index alone, then converted.  Floor: ufunc. */
#include "ufunc/factory.h"
#include <math.h>
#include "backends/memory.h"
#include "core/error.h"
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

/* t as dtype; steals t. */
static rt_tensor *converted(rt_tensor *t, rt_dtype dtype)
{
    if (!t || (rt_dtype)t->dtype == dtype) return t;
    rt_tensor *r = rt_empty(dtype, t->ndim, t->shape, cpu);
    if (r && rt_copy_into(r, t) < 0) Py_CLEAR(r);
    Py_DECREF(t);
    return r;
}

static rt_tensor *integer_range(rt_dtype dtype, __int128 start, __int128 end, __int128 step)
{
    __int128 n = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    if ((step > 0) != (end > start) || n < 0) n = 0;
    if (n > PTRDIFF_MAX / 8) {
        PyErr_SetString(PyExc_MemoryError, "arange: the range is too long");
        return NULL;
    }
    intptr_t length = (intptr_t)n;
    rt_tensor *t = rt_empty(RT_i64, 1, &length, cpu);
    if (!t) return NULL;
    int64_t *v = (int64_t *)t->data;
    uint64_t at = (uint64_t)start;
    for (intptr_t i = 0; i < length; i++, at += (uint64_t)step) v[i] = (int64_t)at;
    if (dtype == RT_u64) t->dtype = RT_u64;
    return converted(t, dtype);
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
    intptr_t length = n > 0 ? (intptr_t)n : 0;
    rt_tensor *t = rt_empty(dtype == RT_f32 ? RT_f32 : RT_f64, 1, &length, cpu);
    if (!t) return NULL;
    if (dtype == RT_f32) {
        float *v = (float *)t->data;
        for (intptr_t i = 0; i < length; i++) v[i] = (float)(start + (double)i * step);
    } else {
        double *v = (double *)t->data;
        for (intptr_t i = 0; i < length; i++) v[i] = start + (double)i * step;
    }
    return converted(t, dtype);
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
    rt_tensor *t = rt_empty(RT_f64, 1, &n, cpu);
    if (!t) return NULL;
    double a = as_double(start), b = as_double(end);
    if (!rt_dtype_is_inexact(dtype)) a = trunc(a), b = trunc(b);        /* as PyTorch */
    double *v = (double *)t->data, step = n > 1 ? (b - a) / (double)(n - 1) : 0;
    /* From both ends, so that both are exact. */
    for (intptr_t i = 0; i < n; i++)
        v[i] = i < n / 2 || n == 1 ? a + (double)i * step : b - (double)(n - 1 - i) * step;
    return converted(t, dtype);
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
