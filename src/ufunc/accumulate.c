/* accumulate: adding runs of elements into elements that may lie anywhere, one after the
 * other, so that the result depends on the order of the elements alone.  What gradients of
 * gathers and overlapping windows are made of.  Floor: ufunc. */
#include "ufunc/views.h"

#pragma GCC optimize("O3")            /* these few loops are worth vectors */

#define RUN(word, ctype, statement) \
    static void add_##word(char *dst, const char *src, intptr_t n, intptr_t dst_step, intptr_t src_step) \
    { \
        if (dst_step == sizeof(ctype) && src_step == sizeof(ctype)) { \
            ctype *restrict to = (ctype *)dst; \
            const ctype *restrict from = (const ctype *)src; \
            for (intptr_t i = 0; i < n; i++) { ctype *a = &to[i]; ctype b = from[i]; statement; } \
            return; \
        } \
        for (; n > 0; n--, dst += dst_step, src += src_step) { \
            ctype *a = (ctype *)dst; \
            ctype b = *(const ctype *)src; \
            statement; \
        } \
    }
#define PLACES(word, ctype) \
    static void places_##word(char *far, const intptr_t *at, const char *near, intptr_t n) \
    { \
        const ctype *from = (const ctype *)near; \
        for (intptr_t j = 0; j < n; j++) *(ctype *)(far + at[j]) += from[j]; \
    }
PLACES(f32, float)
PLACES(f64, double)
PLACES(u64, uint64_t)

RUN(b1, uint8_t, *a = (uint8_t)(*a | (b != 0)))
RUN(u8, uint8_t, *a = (uint8_t)(*a + b))
RUN(u16, uint16_t, *a = (uint16_t)(*a + b))
RUN(u32, uint32_t, *a += b)
RUN(u64, uint64_t, *a += b)
RUN(f32, float, *a += b)
RUN(f64, double, *a += b)
RUN(c64, float _Complex, *a += b)
RUN(c128, double _Complex, *a += b)

/* Signed integers wrap as unsigned ones do. */
rt_add_run *const rt_add_runs[RT_NDTYPE] = {
    [RT_b1] = add_b1, [RT_u8] = add_u8, [RT_i8] = add_u8, [RT_u16] = add_u16, [RT_i16] = add_u16,
    [RT_u32] = add_u32, [RT_i32] = add_u32, [RT_u64] = add_u64, [RT_i64] = add_u64,
    [RT_f32] = add_f32, [RT_f64] = add_f64, [RT_c64] = add_c64, [RT_c128] = add_c128,
};

void rt_add_places(rt_dtype dtype, char *far, const intptr_t *at, const char *near, intptr_t n)
{
    switch (dtype) {
    case RT_f32: places_f32(far, at, near, n); return;
    case RT_f64: places_f64(far, at, near, n); return;
    case RT_i64: case RT_u64: places_u64(far, at, near, n); return;
    default: break;
    }
    intptr_t item = (intptr_t)rt_itemsize(dtype);
    for (intptr_t j = 0; j < n; j++) rt_add_runs[dtype](far + at[j], near + j * item, 1, 0, 0);
}

void rt_add_into(rt_tensor *dst, const rt_tensor *src)
{
    rt_add_run *add = rt_add_runs[dst->dtype];
    intptr_t at[RT_MAX_NDIM] = {0};
    int n = dst->ndim;
    if (dst->size == 0) return;
    if (n == 0) {
        add(dst->data, src->data, 1, 0, 0);
        return;
    }
    char *to = dst->data;
    const char *from = src->data;
    for (;;) {
        add(to, from, dst->shape[n - 1], dst->steps[n - 1], src->steps[n - 1]);
        int d = n - 2;
        for (; d >= 0; d--) {
            to += dst->steps[d];
            from += src->steps[d];
            if (++at[d] < dst->shape[d]) break;
            to -= at[d] * dst->steps[d];
            from -= at[d] * src->steps[d];
            at[d] = 0;
        }
        if (d < 0) return;
    }
}
