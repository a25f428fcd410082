/* packed: copies in C order and in another dtype, made only where needed.  Floor: ufunc. */
#include "ufunc/packed.h"
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/apply.h"

static rt_tensor *copy_as(const rt_tensor *t, rt_dtype d)
{
    rt_tensor *c = rt_empty(d, t->ndim, t->shape, t->storage->device);
    if (c && rt_copy_into(c, t) < 0) Py_CLEAR(c);
    return c;
}

rt_tensor *rt_packed(const rt_tensor *t, rt_dtype d)
{
    if ((rt_dtype)t->dtype == d && rt_tensor_is_contiguous(t) && (uintptr_t)t->data % rt_itemsize(d) == 0)
        return (rt_tensor *)Py_NewRef((PyObject *)t);
    return copy_as(t, d);
}

rt_tensor *rt_packed_cast(const rt_tensor *t, rt_dtype d)
{
    return (rt_dtype)t->dtype == d ? (rt_tensor *)Py_NewRef((PyObject *)t) : copy_as(t, d);
}

rt_tensor *rt_packed_home(rt_tensor *result, rt_dtype to)
{
    if (!result || (rt_dtype)result->dtype == to) return result;
    rt_tensor *c = copy_as(result, to);
    Py_DECREF(result);
    return c;
}

rt_dtype rt_packed_compute(const char *op, rt_dtype d)
{
    if (rt_dtype_is_float(d)) return d == RT_f64 ? RT_f64 : RT_f32;
    (void)rt_error(rt_DtypeError, op, "not implemented for dtype %s; a floating dtype is needed", rt_dtypes[d].name);
    return RT_NODTYPE;
}
