/* The loops over one block of channels, of one floating dtype for one instruction set: included by convolve_lanes.c with
 * REAL, VEC, LANES, LOAD, STORE, FMA, SQUARE, SIDE, SIDE_LOAD, SIDE_STORE, TRANSPOSE and NAME defined.
 * No include guard.  A result is one chain of fused multiply-adds in the order of the taps, whatever the vector's length. */
#ifdef __SANITIZE_ADDRESS__       /* inlined everywhere, it would take minutes to compile */
#define ALWAYS static
#else
#define ALWAYS static inline __attribute__((always_inline))
#endif

/* `count` channels, `apart` elements apart, to rows of lanes: place i becomes row spot[i], or i.  Lanes of no channel
 * repeat the last one. */
static void NAME(turn)(const REAL *x, intptr_t count, intptr_t apart, intptr_t places, const int32_t *spot, REAL *to)
{
    for (intptr_t c = 0; c < LANES; c += SIDE) {
        const REAL *row[SIDE];
        for (int r = 0; r < SIDE; r++) row[r] = x + (c + r < count ? c + r : count - 1) * apart;
        for (intptr_t i = 0; i < places && places < SIDE; i++)
            for (int r = 0; r < SIDE; r++) to[(spot ? spot[i] : i) * LANES + c + r] = row[r][i];
        for (intptr_t i = 0; i < places && places >= SIDE; i += SIDE) {
            SQUARE v[SIDE];
            if (places - i < SIDE) i = places - SIDE;
            _Pragma("GCC unroll 8") for (int r = 0; r < SIDE; r++) v[r] = SIDE_LOAD(row[r] + i);
            TRANSPOSE(v);
            _Pragma("GCC unroll 8") for (int r = 0; r < SIDE; r++)
                SIDE_STORE(to + (spot ? spot[i + r] : i + r) * LANES + c, v[r]);
        }
    }
}

/* Rows of lanes to `count` channels, `apart` elements apart. */
static void NAME(turn_back)(const REAL *from, intptr_t count, intptr_t apart, intptr_t places, REAL *y)
{
    for (intptr_t c = 0; c < count; c += SIDE)
        for (intptr_t i = 0; i < places; i += SIDE) {
            if (places < SIDE) {
                for (intptr_t r = c; r < c + SIDE && r < count; r++)
                    for (intptr_t p = 0; p < places; p++) y[r * apart + p] = from[p * LANES + r];
                break;
            }
            SQUARE v[SIDE];
            if (places - i < SIDE) i = places - SIDE;
            _Pragma("GCC unroll 8") for (int r = 0; r < SIDE; r++) v[r] = SIDE_LOAD(from + (i + r) * LANES + c);
            TRANSPOSE(v);
            _Pragma("GCC unroll 8") for (int r = 0; r < SIDE; r++)
                if (c + r < count) SIDE_STORE(y + (c + r) * apart + i, v[r]);
        }
}

/* `count` neighbours in a line of results, under `rows` rows of taps: x is the first row's first element. */
ALWAYS void NAME(outs)(const int count, const intptr_t stride, const lanes *q, intptr_t rows, const REAL *x, const REAL *w,
                       VEC bias, REAL *y)
{
    VEC sum[MOST_OUTS];
    _Pragma("GCC unroll 8") for (int r = 0; r < count; r++) sum[r] = bias;
    for (intptr_t a = 0; a < rows; a++, x += q->dilation[0] * q->wide * LANES) {
        const REAL *from = x;
        for (intptr_t b = 0; b < q->kernel[1]; b++, from += q->dilation[1] * LANES, w += LANES) {
            const VEC weight = LOAD(w);
            _Pragma("GCC unroll 8") for (int r = 0; r < count; r++)
                sum[r] = FMA(weight, LOAD(from + r * stride * LANES), sum[r]);
        }
    }
    _Pragma("GCC unroll 8") for (int r = 0; r < count; r++) STORE(y + r * LANES, sum[r]);
}

/* A line of results; the last neighbours overlap those before. */
ALWAYS void NAME(line)(const intptr_t stride, const lanes *q, intptr_t rows, const REAL *x, const REAL *w, VEC bias, REAL *y)
{
    const intptr_t n = q->out[1], step = stride * LANES;
    for (intptr_t j = 0; j < n;) {
        const intptr_t left = n - j, wide = left > MOST_OUTS / 2 && n >= MOST_OUTS;
        const intptr_t count = wide ? MOST_OUTS : n >= MOST_OUTS / 2 ? MOST_OUTS / 2 : 1;
        if (left < count) j = n - count;
        if (wide) NAME(outs)(MOST_OUTS, stride, q, rows, x + j * step, w, bias, y + j * LANES);
        else if (count > 1) NAME(outs)(MOST_OUTS / 2, stride, q, rows, x + j * step, w, bias, y + j * LANES);
        else NAME(outs)(1, stride, q, rows, x + j * step, w, bias, y + j * LANES);
        j += count;
    }
}

/* Lines begin .. end of results of an image in the frame, rows of lanes in y.  Rows of taps outside are left out. */
static void NAME(lines)(const lanes *q, const char *framep, const char *wp, const char *biasp, intptr_t begin, intptr_t end,
                        char *yp)
{
    const REAL *frame = (const REAL *)framep, *w = (const REAL *)wp;
    const VEC bias = LOAD((const REAL *)biasp);
    for (intptr_t i = begin; i < end; i++) {
        const intptr_t at = i * q->stride[0] - q->pad[0], d = q->dilation[0];
        const intptr_t first = at < 0 ? (-at + d - 1) / d : 0, below = at < q->in[0] ? (q->in[0] - 1 - at) / d + 1 : 0;
        const intptr_t last = below < q->kernel[0] ? below : q->kernel[0], rows = last > first ? last - first : 0;
        const REAL *x = rows ? frame + (at + first * d) * q->wide * LANES : frame;
        const REAL *from = w + (rows ? first : 0) * q->kernel[1] * LANES;
        REAL *y = (REAL *)yp + (i - begin) * q->out[1] * LANES;
        if (q->stride[1] == 1) NAME(line)(1, q, rows, x, from, bias, y);
        else if (q->stride[1] == 2) NAME(line)(2, q, rows, x, from, bias, y);
        else NAME(line)(q->stride[1], q, rows, x, from, bias, y);
    }
}

/* Weights and biases of `count` channels to rows of lanes: `taps` rows, then the biases. */
static void NAME(weights)(const lanes *q, const char *w, const char *bias, intptr_t count, char *top)
{
    const intptr_t taps = q->kernel[0] * q->kernel[1];
    REAL *to = (REAL *)top;
    NAME(turn)((const REAL *)w, count, taps, taps, q->flipped, to);
    for (intptr_t c = 0; c < LANES; c++) to[taps * LANES + c] = bias ? ((const REAL *)bias)[c < count ? c : count - 1] : 0;
}

static void NAME(load)(const lanes *q, const char *x, intptr_t count, char *frame)
{
    const intptr_t places = q->in[0] * q->in[1];
    NAME(turn)((const REAL *)x, count, places, places, q->spot, (REAL *)frame);
}

static void NAME(store)(const lanes *q, const char *from, intptr_t count, intptr_t begin, intptr_t end, char *y)
{
    NAME(turn_back)((const REAL *)from, count, q->out[0] * q->out[1], (end - begin) * q->out[1], (REAL *)y + begin * q->out[1]);
}

static const kernels NAME(kernels) = {LANES, NAME(weights), NAME(load), NAME(lines), NAME(store)};
#undef ALWAYS
#undef REAL
#undef VEC
#undef LANES
#undef LOAD
#undef STORE
#undef FMA
#undef SQUARE
#undef SIDE
#undef SIDE_LOAD
#undef SIDE_STORE
#undef TRANSPOSE
#undef NAME
