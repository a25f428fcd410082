/* convolve: convolutions as matrix products over explicit patches, for every dtype; float32 and float64 go
 * to kernels of their own where the processor has them: convolve_lanes.c and convolve_planes.c (depthwise),
 * convolve_winograd.c (3 x 3), convolve_last.c and convolve_float.c.  Floor: backends.
 *
 *   columns (c_in * taps, positions) of an image and a group:   y = w @ columns    columns = w^T @ y
 *                                                               w = sum over images of y @ columns^T */
#include "backends/convolve.h"
#include <string.h>
#include "backends/blas.h"
#include "backends/cpu/convolve_float.h"
#include "backends/cpu/convolve_last.h"
#include "backends/cpu/convolve_lanes.h"
#include "backends/cpu/convolve_planes.h"
#include "backends/cpu/convolve_winograd.h"

static intptr_t volume(const intptr_t *n) { return n[0] * n[1] * n[2]; }

/* Positions o in [*begin, *end) of dimension d for which tap k lies inside the image. */
static void inside(const rt_convolution *q, int d, intptr_t k, intptr_t *begin, intptr_t *end)
{
    const intptr_t s = q->stride[d], at = k * q->dilation[d] - q->pad[d];   /* o * s + at in [0, in) */
    *begin = at >= 0 ? 0 : (-at + s - 1) / s;
    *end = at >= q->in[d] ? 0 : (q->in[d] - 1 - at) / s + 1;
    if (*begin > q->out[d]) *begin = q->out[d];
    if (*end > q->out[d]) *end = q->out[d];
    if (*end < *begin) *end = *begin;
}

/* ---- patches ---------------------------------------------------------------------------- */

static void copy_run(char *to, const char *from, intptr_t n, intptr_t stride, size_t item)
{
    if (stride == 1) {
        memcpy(to, from, (size_t)n * item);
        return;
    }
#define COPY(T) { const T *s = (const T *)from; T *d = (T *)to; for (intptr_t i = 0; i < n; i++) d[i] = s[i * stride]; }
    switch (item) {
    case 1: COPY(uint8_t) break;
    case 2: COPY(uint16_t) break;
    case 4: COPY(uint32_t) break;
    case 8: COPY(uint64_t) break;
    default:
        for (intptr_t i = 0; i < n; i++) memcpy(to + (size_t)i * item, from + (size_t)(i * stride) * item, item);
    }
#undef COPY
}

/* One channel under one tap: positions (out...). */
static void unfold_tap(const rt_convolution *q, size_t item, const char *image, const intptr_t *tap, char *to)
{
    intptr_t b[3], e[3];
    const intptr_t item_ = (intptr_t)item, w = q->out[2];
    for (int d = 0; d < 3; d++) inside(q, d, tap[d], &b[d], &e[d]);
    for (intptr_t i = 0; i < q->out[0]; i++)
        for (intptr_t j = 0; j < q->out[1]; j++, to += w * item_) {
            if (i < b[0] || i >= e[0] || j < b[1] || j >= e[1] || b[2] == e[2]) {
                memset(to, 0, (size_t)w * item);
                continue;
            }
            const intptr_t zi = i * q->stride[0] - q->pad[0] + tap[0] * q->dilation[0];
            const intptr_t yi = j * q->stride[1] - q->pad[1] + tap[1] * q->dilation[1];
            const intptr_t xi = b[2] * q->stride[2] - q->pad[2] + tap[2] * q->dilation[2];
            memset(to, 0, (size_t)b[2] * item);
            copy_run(to + b[2] * item_, image + ((zi * q->in[1] + yi) * q->in[2] + xi) * item_, e[2] - b[2], q->stride[2], item);
            memset(to + e[2] * item_, 0, (size_t)(w - e[2]) * item);
        }
}

void rt_convolve_unfold(const rt_convolution *q, size_t item, intptr_t channels, const char *image, char *columns)
{
    const size_t plane = (size_t)volume(q->in) * item, column = (size_t)volume(q->out) * item;
    intptr_t tap[3];
    for (intptr_t c = 0; c < channels; c++, image += plane)
        for (tap[0] = 0; tap[0] < q->kernel[0]; tap[0]++)
            for (tap[1] = 0; tap[1] < q->kernel[1]; tap[1]++)
                for (tap[2] = 0; tap[2] < q->kernel[2]; tap[2]++, columns += column)
                    unfold_tap(q, item, image, tap, columns);
}

/* image[i * stride] += column[i], elements of `parts` numbers. */
#define ADD_RUN(T) \
    static void add_run_##T(char *to, const char *from, intptr_t n, intptr_t stride, intptr_t parts) \
    { \
        T *restrict d = (T *)to; \
        const T *restrict s = (const T *)from; \
        if (stride == 1) for (intptr_t i = 0; i < n * parts; i++) d[i] = (T)(d[i] + s[i]); \
        else if (parts == 1) for (intptr_t i = 0; i < n; i++) d[i * stride] = (T)(d[i * stride] + s[i]); \
        else for (intptr_t i = 0; i < n * 2; i++) d[i / 2 * stride * 2 + i % 2] = (T)(d[i / 2 * stride * 2 + i % 2] + s[i]); \
    }
ADD_RUN(uint8_t) ADD_RUN(uint16_t) ADD_RUN(uint32_t) ADD_RUN(uint64_t) ADD_RUN(float) ADD_RUN(double)
typedef void add_run(char *to, const char *from, intptr_t n, intptr_t stride, intptr_t parts);

static add_run *add_of(rt_dtype d)
{
    if (d == RT_f32 || d == RT_c64) return add_run_float;
    if (rt_dtype_is_inexact(d)) return add_run_double;
    switch (rt_itemsize(d)) {
    case 1: return add_run_uint8_t;
    case 2: return add_run_uint16_t;
    case 4: return add_run_uint32_t;
    default: return add_run_uint64_t;
    }
}

static void fold_tap(const rt_convolution *q, add_run *add, const char *from, const intptr_t *tap, char *image)
{
    intptr_t b[3], e[3];
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), parts = rt_dtype_is_complex(q->dtype) ? 2 : 1;
    for (int d = 0; d < 3; d++) inside(q, d, tap[d], &b[d], &e[d]);
    for (intptr_t i = b[0]; i < e[0]; i++)
        for (intptr_t j = b[1]; j < e[1]; j++) {
            const intptr_t zi = i * q->stride[0] - q->pad[0] + tap[0] * q->dilation[0];
            const intptr_t yi = j * q->stride[1] - q->pad[1] + tap[1] * q->dilation[1];
            const intptr_t xi = b[2] * q->stride[2] - q->pad[2] + tap[2] * q->dilation[2];
            if (b[2] < e[2])
                add(image + ((zi * q->in[1] + yi) * q->in[2] + xi) * item,
                    from + ((i * q->out[1] + j) * q->out[2] + b[2]) * item, e[2] - b[2], q->stride[2], parts);
        }
}

void rt_convolve_fold(const rt_convolution *q, intptr_t channels, const char *columns, char *image)
{
    const size_t item = rt_itemsize(q->dtype), plane = (size_t)volume(q->in) * item, column = (size_t)volume(q->out) * item;
    add_run *add = add_of(q->dtype);
    intptr_t tap[3];
    for (intptr_t c = 0; c < channels; c++, image += plane)
        for (tap[0] = 0; tap[0] < q->kernel[0]; tap[0]++)
            for (tap[1] = 0; tap[1] < q->kernel[1]; tap[1]++)
                for (tap[2] = 0; tap[2] < q->kernel[2]; tap[2]++, columns += column)
                    fold_tap(q, add, columns, tap, image);
}

/* ---- products --------------------------------------------------------------------------- */

/* n elements at `to` are `value` (one element), or zeros for NULL. */
static void lay(char *to, const char *value, intptr_t n, size_t item)
{
    if (!value) memset(to, 0, (size_t)n * item);
    else for (intptr_t i = 0; i < n; i++) memcpy(to + (size_t)i * item, value, item);
}

static void lay_channels(char *to, const char *bias, intptr_t channels, intptr_t n, size_t item)
{
    for (intptr_t c = 0; c < channels; c++) lay(to + (size_t)(c * n) * item, bias ? bias + (size_t)c * item : NULL, n, item);
}

static intptr_t columns_bytes(const rt_convolution *q)
{
    intptr_t bytes = (intptr_t)rt_itemsize(q->dtype);
    const intptr_t factors[3] = {q->c_in, volume(q->kernel), volume(q->out)};
    for (int i = 0; i < 3; i++) if (__builtin_mul_overflow(bytes, factors[i], &bytes)) return -1;
    return bytes;
}

/* Dimensions that one tap goes over step by step are one long line. */
static rt_convolution flattened(const rt_convolution *given)
{
    rt_convolution q = *given;
    int plain[3];
    for (int d = 0; d < 3; d++) plain[d] = q.kernel[d] == 1 && q.stride[d] == 1 && q.pad[d] == 0 && q.in[d] == q.out[d];
    for (int d = 1; d < 3; d++) {
        if (!plain[d] || !plain[d - 1]) continue;
        q.in[d] *= q.in[d - 1];
        q.out[d] *= q.out[d - 1];
        q.in[d - 1] = q.out[d - 1] = 1;
    }
    return q;
}

intptr_t rt_convolve_workspace(const rt_convolution *given, rt_convolve_kind kind)
{
    if (rt_convolve_lanes_takes(given, kind) || rt_convolve_planes_takes(given, kind)) return 0;
    const rt_convolution flat = flattened(given), *const q = &flat;
    if (rt_convolve_last_takes(q, kind) && !rt_convolve_winograd_takes(q, kind)) return rt_convolve_last_workspace(q, kind);
    const intptr_t bytes = rt_convolve_float_takes(q, kind) ? rt_convolve_float_workspace(q, kind) : columns_bytes(q);
    const intptr_t other = rt_convolve_winograd_takes(q, kind) ? rt_convolve_winograd_workspace(q, kind) : 0;
    return bytes < 0 || other < 0 ? -1 : bytes > other ? bytes : other;
}

int rt_convolve(const rt_convolution *given, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias, char *space)
{
    if (rt_convolve_lanes_takes(given, kind)) return rt_convolve_lanes(given, kind, x, w, y, bias);
    if (rt_convolve_planes_takes(given, kind)) return rt_convolve_planes(given, kind, x, w, y, bias);
    const rt_convolution flat = flattened(given), *const q = &flat;
    char *const result = kind == RT_CONVOLVE ? y : kind == RT_CONVOLVE_BACK ? x : w;
    if (rt_convolve_winograd_takes(q, kind)) {
        const int status = rt_convolve_winograd(q, kind, x, w, y, bias, result, space);
        if (status <= 0) return status;
    }
    else if (rt_convolve_last_takes(q, kind))
        return rt_convolve_last(q, kind, x, w, y, bias, space);
    if (rt_convolve_float_takes(q, kind)) return rt_convolve_float(q, kind, x, w, y, bias, result, space);
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), k = q->c_in * volume(q->kernel), p = volume(q->out);
    const intptr_t x_step = q->c_in * volume(q->in) * item, y_step = q->c_out * p * item, w_step = q->c_out * k * item;
    if (kind == RT_CONVOLVE_WEIGHT) memset(w, 0, (size_t)(q->groups * w_step));
    for (intptr_t i = 0; i < q->n; i++)
        for (intptr_t g = 0; g < q->groups; g++, x += x_step, y += y_step) {
            char *wg = w + g * w_step;
            if (kind == RT_CONVOLVE_BACK) {
                rt_blas_gemm(q->dtype, k, p, q->c_out, wg, 1, k, y, p, 1, 0, space, p);
                lay_channels(x, bias ? bias + g * q->c_in * item : NULL, q->c_in, volume(q->in), (size_t)item);
                rt_convolve_fold(q, q->c_in, space, x);
                continue;
            }
            rt_convolve_unfold(q, (size_t)item, q->c_in, x, space);
            if (kind == RT_CONVOLVE_WEIGHT) {
                rt_blas_gemm(q->dtype, q->c_out, k, p, y, p, 1, space, 1, p, 1, wg, k);
            } else {
                if (bias) lay_channels(y, bias + g * q->c_out * item, q->c_out, p, (size_t)item);
                rt_blas_gemm(q->dtype, q->c_out, p, k, wg, k, 1, space, p, 1, bias != NULL, y, p);
            }
        }
    return 0;
}
