/* numpy_facts: what rustorch.numpy's functions say of arrays without looking at an element, and those that give
 * the very array where its memory is as wanted.  As in numpy_quick.c what is not plain is declined.
 * Floor: python. */
#include "core/error.h"
#include "python/convert.h"
#include "python/numpy_quick.h"
#include <string.h>

#define QUICK(f) static PyObject *f(const rt_numpy_quick *q, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)

/* ---- memory ---- */

/* Is t packed, its first dimension changing fastest? */
static int is_fortran(const rt_tensor *t)
{
    intptr_t step = rt_itemsize((rt_dtype)t->dtype);
    for (int i = 0; i < t->ndim; i++) {
        if (t->shape[i] != 1 && t->steps[i] != step) return 0;
        step *= t->shape[i];
    }
    return 1;
}

/* The array itself: packed as C has it, or, with option 1, as Fortran has it. */
QUICK(packed)
{
    if (n != 1 || kwnames || !rt_array_check(args[0])) return NULL;
    const rt_tensor *t = (rt_tensor *)args[0];
    if (t->ndim == 0 || t->size == 0) return NULL;
    return (q->option ? is_fortran(t) : rt_tensor_is_contiguous(t)) ? Py_NewRef(args[0]) : NULL;
}

QUICK(fortran_only)
{
    (void)q;
    if (n != 1 || kwnames || !rt_array_check(args[0])) return NULL;
    const rt_tensor *t = (rt_tensor *)args[0];
    return t->size ? PyBool_FromLong(is_fortran(t) && !rt_tensor_is_contiguous(t)) : NULL;
}

/* The bytes between which t's elements lie. */
static void bounds(const rt_tensor *t, uintptr_t *low, uintptr_t *high)
{
    *low = (uintptr_t)t->data;
    *high = *low + (uintptr_t)rt_itemsize((rt_dtype)t->dtype);
    for (int i = 0; i < t->ndim; i++) {
        const intptr_t reach = (t->shape[i] - 1) * t->steps[i];
        if (reach < 0) *low -= (uintptr_t)-reach;
        else *high += (uintptr_t)reach;
    }
}

/* May two arrays share memory: do their bounds overlap?  With option 1: do they share any?  Within overlapping
 * bounds that is a question for NumPy, unless they are packed. */
QUICK(share)
{
    uintptr_t low[2], high[2];
    int dense = 1;
    if (n != 2 || kwnames) return NULL;
    for (int i = 0; i < 2; i++) {
        const rt_tensor *t = (rt_tensor *)args[i];
        if (!rt_array_check(args[i])) return NULL;
        if (t->size == 0) Py_RETURN_FALSE;
        bounds(t, &low[i], &high[i]);
        dense &= rt_tensor_is_contiguous(t) || is_fortran(t);
    }
    if (low[0] >= high[1] || low[1] >= high[0]) Py_RETURN_FALSE;
    if (q->option && !dense) return NULL;
    Py_RETURN_TRUE;
}

/* ---- dtypes ---- */

QUICK(is_scalar)
{
    (void)q;
    if (n != 1 || kwnames) return NULL;
    PyObject *o = args[0];
    if (rt_array_check(o)) return PyBool_FromLong(((rt_tensor *)o)->ndim == 0);
    return PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyBool_Check(o) ? Py_NewRef(Py_True) : NULL;
}

/* Is the array's dtype complex (option 1), or not (0)? */
QUICK(is_complex)
{
    if (n != 1 || kwnames || !rt_array_check(args[0])) return NULL;
    return PyBool_FromLong(rt_dtype_is_complex((rt_dtype)((rt_tensor *)args[0])->dtype) == q->option);
}

/* The dtype of arrays that have the same one; with option 1 its scalar type, for inexact numbers. */
QUICK(one_dtype)
{
    if (n < 1 || kwnames || !rt_array_check(args[0])) return NULL;
    const rt_dtype d = (rt_dtype)((rt_tensor *)args[0])->dtype;
    for (Py_ssize_t i = 1; i < n; i++)
        if (!rt_array_check(args[i]) || ((rt_tensor *)args[i])->dtype != d) return NULL;
    if (q->option && d != RT_f32 && d != RT_f64 && d != RT_c64 && d != RT_c128) return NULL;
    PyObject *dtype = rt_dtype_object(d);
    if (dtype && q->option) Py_SETREF(dtype, PyObject_GetAttrString(dtype, "type"));
    return dtype;
}

const rt_numpy_quick rt_quick_facts[] = {
    {"ascontiguousarray", packed, 0, 0}, {"asfortranarray", packed, 0, 1}, {"may_share_memory", share, 0, 0},
    {"shares_memory", share, 0, 1}, {"isscalar", is_scalar, 0, 0}, {"iscomplexobj", is_complex, 0, 1},
    {"isrealobj", is_complex, 0, 0}, {"isfortran", fortran_only, 0, 0}, {"result_type", one_dtype, 0, 0}, {"common_type", one_dtype, 0, 1},
};
const int rt_quick_nfacts = (int)(sizeof rt_quick_facts / sizeof *rt_quick_facts);
