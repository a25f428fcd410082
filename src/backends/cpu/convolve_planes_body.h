/* The loops over one plane, of one floating dtype for one instruction set: included by convolve_planes.c with REAL, VEC,
 * LANES, LOAD, LOAD_BITS, STORE, STORE_BITS, FMA, SPREAD and NAME defined.  No include guard.  A sum is one chain of
 * fused multiply-adds in the order of the taps, whatever the vector's length. */

/* x with zeros around it, its last dimension split by the stride's phase: taps read neighbours. */
static void NAME(frame)(const planes *q, const REAL *x, REAL *to)
{
    for (intptr_t i = 0; i < q->space[0]; i++)
        for (intptr_t j = 0; j < q->space[1]; j++, to += q->row) {
            const intptr_t zi = i - q->pad[0], yi = j - q->pad[1], s = q->stride[2];
            memset(to, 0, (size_t)q->row * sizeof(REAL));
            if (zi < 0 || zi >= q->in[0] || yi < 0 || yi >= q->in[1]) continue;
            const REAL *from = x + (zi * q->in[1] + yi) * q->in[2];
            const intptr_t skip = q->pad[2] < 0 ? -q->pad[2] : 0, at = q->pad[2] < 0 ? 0 : q->pad[2];
            intptr_t n = q->in[2] - skip;
            if (n > q->space[2] - at) n = q->space[2] - at;
            if (n <= 0) continue;
            if (s == 1) memcpy(to + at, from + skip, (size_t)n * sizeof(REAL));
            else for (intptr_t e = 0; e < n; e++) to[(at + e) % s * q->phase + (at + e) / s] = from[skip + e];
        }
}

/* `count` rows of results (a constant at each call), x_step apart in the frame. */
static inline __attribute__((always_inline)) void NAME(rows)(const int count, const planes *q, const REAL *x, intptr_t x_step,
                                                              const VEC *w, VEC bias, REAL *y)
{
    const intptr_t width = q->out[2];
    for (intptr_t e = 0; e < width; e += LANES) {
        VEC sum[4];
        _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) sum[r] = bias;
        for (int t = 0; t < q->taps; t++) {
            const REAL *at = x + e + q->offset[t];
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) sum[r] = FMA(w[t], LOAD(at + r * x_step), sum[r]);
        }
        if (width - e >= LANES) {
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) STORE(y + r * width + e, sum[r]);
        } else {
            const uint32_t bits = (1u << (width - e)) - 1;
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) STORE_BITS(y + r * width + e, bits, sum[r]);
        }
    }
}

static void NAME(plane)(const planes *q, const REAL *frame, const REAL *w, const REAL *bias, REAL *y)
{
    VEC spread[MOST_TAPS];
    for (int t = 0; t < q->taps; t++) spread[t] = SPREAD(w[q->flipped ? q->taps - 1 - t : t]);
    const VEC first = SPREAD(bias ? *bias : 0);
    const intptr_t step = q->stride[1] * q->row;
    for (intptr_t i = 0; i < q->out[0]; i++) {
        const REAL *x = frame + i * q->stride[0] * q->space[1] * q->row;
        intptr_t j = 0;
        for (; j + 4 <= q->out[1]; j += 4, x += 4 * step, y += 4 * q->out[2]) NAME(rows)(4, q, x, step, spread, first, y);
        for (; j < q->out[1]; j++, x += step, y += q->out[2]) NAME(rows)(1, q, x, step, spread, first, y);
    }
}

/* sums[t] += sum over positions of y * x under tap t, `count` taps at once (a constant at each call). */
static inline __attribute__((always_inline)) void NAME(slopes)(const int count, const planes *q, const REAL *frame,
                                                                const REAL *y, const intptr_t *offset, REAL *sums)
{
    VEC sum[4];
    const intptr_t width = q->out[2], whole = width / LANES * LANES;
    const uint32_t bits = (1u << (width - whole)) - 1;
    _Pragma("GCC unroll 4") for (int t = 0; t < count; t++) sum[t] = SPREAD(0);
    for (intptr_t i = 0; i < q->out[0]; i++)
        for (intptr_t j = 0; j < q->out[1]; j++, y += width) {
            const REAL *x = frame + (i * q->stride[0] * q->space[1] + j * q->stride[1]) * q->row;
            for (intptr_t e = 0; e < whole; e += LANES) {
                const VEC g = LOAD(y + e);
                _Pragma("GCC unroll 4") for (int t = 0; t < count; t++) sum[t] = FMA(g, LOAD(x + e + offset[t]), sum[t]);
            }
            if (!bits) continue;
            const VEC g = LOAD_BITS(y + whole, bits);
            _Pragma("GCC unroll 4") for (int t = 0; t < count; t++)
                sum[t] = FMA(g, LOAD_BITS(x + whole + offset[t], bits), sum[t]);
        }
    for (int t = 0; t < count; t++) {
        REAL lane[LANES];
        STORE(lane, sum[t]);
        for (int half = LANES / 2; half; half /= 2)
            for (int l = 0; l < half; l++) lane[l] += lane[l + half];
        sums[t] += lane[0];
    }
}

static void NAME(weight)(const planes *q, const REAL *frame, const REAL *y, REAL *sums)
{
    int t = 0;
    for (; t + 4 <= q->taps; t += 4) NAME(slopes)(4, q, frame, y, q->offset + t, sums + t);
    for (; t < q->taps; t++) NAME(slopes)(1, q, frame, y, q->offset + t, sums + t);
}

static void NAME(call_frame)(const planes *q, const char *x, char *to) { NAME(frame)(q, (const REAL *)x, (REAL *)to); }
static void NAME(call_plane)(const planes *q, const char *frame, const char *w, const char *bias, char *y)
{
    NAME(plane)(q, (const REAL *)frame, (const REAL *)w, (const REAL *)bias, (REAL *)y);
}
static void NAME(call_weight)(const planes *q, const char *frame, const char *y, char *sums)
{
    NAME(weight)(q, (const REAL *)frame, (const REAL *)y, (REAL *)sums);
}
static const kernels NAME(kernels) = {NAME(call_frame), NAME(call_plane), NAME(call_weight)};
#undef REAL
#undef VEC
#undef LANES
#undef LOAD
#undef LOAD_BITS
#undef STORE
#undef STORE_BITS
#undef FMA
#undef SPREAD
#undef NAME
