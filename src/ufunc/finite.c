/* finite: the exponent of a NaN or an infinity is all ones, so that packed memory is searched by its bits; other
 * layouts go through the ops isfinite and all.  Floor: ufunc. */
#include "ufunc/finite.h"
#include "ufunc/apply.h"
#include <math.h>

#pragma GCC optimize("O3")            /* these few loops are worth vectors */

#define SEARCH(name, ctype, mask) \
    static int name(const void *data, intptr_t n) \
    { \
        const ctype *x = data; \
        for (intptr_t i = 0; i < n; i += 4096) {          /* in blocks: the rest is not looked at once one is found */ \
            const intptr_t end = n - i < 4096 ? n : i + 4096; \
            ctype found = 0; \
            for (intptr_t j = i; j < end; j++) found |= (x[j] & mask) == mask; \
            if (found) return 0; \
        } \
        return 1; \
    }
SEARCH(search_f16, uint16_t, 0x7c00)
SEARCH(search_bf16, uint16_t, 0x7f80)
SEARCH(search_f32, uint32_t, 0x7f800000u)
SEARCH(search_f64, uint64_t, UINT64_C(0x7ff0000000000000))

int rt_tensor_is_finite(rt_tensor *t)
{
    if (!rt_dtype_is_inexact((rt_dtype)t->dtype) || t->size == 0 || t->storage->device.type != RT_CPU) return 1;
    if (rt_tensor_is_contiguous(t)) {
        switch ((rt_dtype)t->dtype) {
        case RT_f16: return search_f16(t->data, t->size);
        case RT_bf16: return search_bf16(t->data, t->size);
        case RT_f32: return search_f32(t->data, t->size);
        case RT_c64: return search_f32(t->data, 2 * t->size);
        case RT_f64: return search_f64(t->data, t->size);
        default: return search_f64(t->data, 2 * t->size);
        }
    }
    rt_params p = {.n = {-1}};
    rt_tensor *finite = rt_apply1(RT_OP_isfinite, t), *all = finite ? rt_apply1p(RT_OP_all, finite, &p) : NULL;
    const int answer = all ? *(uint8_t *)all->data : -1;
    Py_XDECREF((PyObject *)finite);
    Py_XDECREF((PyObject *)all);
    return answer;
}

int rt_operand_is_finite(const rt_operand *o)
{
    if (o->t) return rt_tensor_is_finite(o->t);
    if (o->none) return 1;
    if (o->kind == RT_KIND_FLOAT) return isfinite(o->v.f);
    if (o->kind == RT_KIND_COMPLEX) return isfinite(o->v.c[0]) && isfinite(o->v.c[1]);
    return 1;
}
