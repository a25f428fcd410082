/* Winograd's convolution F(4x4, 3x3) of float32 for one instruction set: included by convolve_winograd.c with VEC,
 * LANES, WIDE (vectors of a register tile), LOAD, STORE, SPREAD, MUL, FMA (a * b + c), FNMA (c - a * b), BAD and NAME
 * defined.  No include guard.
 *
 *   channels last:  data[point][tile][channel]   filters[point][channel][row]   sums[point][tile][row]
 *
 * 36 points; lanes are channels or rows.  A point's sums are chains of fused multiply-adds over CHANNEL_BLOCK
 * channels, added up, and a tile lies where the image's corner puts it: the same bits for every cut and every vector length. */

/* ---- transforms in one direction: d[0], d[step], ... to out[0], out[to], ... ------------------- */

#define INLINE static inline __attribute__((always_inline))
INLINE void NAME(data_line)(const VEC *d, const int step, VEC *out)
{
    const VEC d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const VEC near = FNMA(SPREAD(B2), d2, d4), near_odd = FNMA(SPREAD(B2), d1, d3);
    const VEC far = FNMA(SPREAD(A2), d2, d4), far_odd = FNMA(SPREAD(A2), d1, d3);
    out[0] = FMA(SPREAD(A2 * B2), d0, FNMA(SPREAD(A2 + B2), d2, d4));
    out[1] = FMA(SPREAD(A1), near_odd, near);
    out[2] = FNMA(SPREAD(A1), near_odd, near);
    out[3] = FMA(SPREAD(B1), far_odd, far);
    out[4] = FNMA(SPREAD(B1), far_odd, far);
    out[5] = FMA(SPREAD(A2 * B2), d1, FNMA(SPREAD(A2 + B2), d3, d5));
}

INLINE void NAME(filter_line)(const VEC *g, const int step, VEC *out)
{
    const VEC g0 = g[0], g1 = g[step], g2 = g[2 * step];
    const VEC near = FMA(SPREAD(A2), g2, g0), far = FMA(SPREAD(B2), g2, g0);
    out[0] = MUL(SPREAD(1 / (A2 * B2)), g0);
    out[1] = MUL(SPREAD(NEAR), FMA(SPREAD(A1), g1, near));
    out[2] = MUL(SPREAD(NEAR), FNMA(SPREAD(A1), g1, near));
    out[3] = MUL(SPREAD(FAR), FMA(SPREAD(B1), g1, far));
    out[4] = MUL(SPREAD(FAR), FNMA(SPREAD(B1), g1, far));
    out[5] = g2;
}

INLINE void NAME(result_line)(const VEC *m, const int step, VEC *out)
{
    const VEC e1 = m[step] + m[2 * step], o1 = m[step] - m[2 * step];
    const VEC e2 = m[3 * step] + m[4 * step], o2 = m[3 * step] - m[4 * step];
    out[0] = m[0] + e1 + e2;
    out[1] = FMA(SPREAD(B1), o2, MUL(SPREAD(A1), o1));
    out[2] = FMA(SPREAD(B2), e2, MUL(SPREAD(A2), e1));
    out[3] = FMA(SPREAD(B1 * B2), o2, FMA(SPREAD(A1 * A2), o1, m[5 * step]));
}

/* The transposes of result_line and filter_line, for the gradient of the filters. */
INLINE void NAME(result_back)(const VEC *y, const int step, VEC *out)
{
    const VEC y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
    const VEC near = FMA(SPREAD(A2), y2, y0), near_odd = FMA(SPREAD(A2), y3, y1);
    const VEC far = FMA(SPREAD(B2), y2, y0), far_odd = FMA(SPREAD(B2), y3, y1);
    out[0] = y0;
    out[1] = FMA(SPREAD(A1), near_odd, near);
    out[2] = FNMA(SPREAD(A1), near_odd, near);
    out[3] = FMA(SPREAD(B1), far_odd, far);
    out[4] = FNMA(SPREAD(B1), far_odd, far);
    out[5] = y3;
}

INLINE void NAME(filter_back)(const VEC *u, const int step, VEC *out)
{
    const VEC e1 = MUL(SPREAD(NEAR), u[step] + u[2 * step]), o1 = MUL(SPREAD(NEAR), u[step] - u[2 * step]);
    const VEC e2 = MUL(SPREAD(FAR), u[3 * step] + u[4 * step]), o2 = MUL(SPREAD(FAR), u[3 * step] - u[4 * step]);
    out[0] = FMA(SPREAD(1 / (A2 * B2)), u[0], e1 + e2);
    out[1] = FMA(SPREAD(B1), o2, MUL(SPREAD(A1), o1));
    out[2] = FMA(SPREAD(B2), e2, FMA(SPREAD(A2), e1, u[5 * step]));
}

/* A square of `from` x `from` values to one of `to` x `to`, both directions by `line`. */
#define SQUARE(line, from, to) \
    INLINE void NAME(line##_square)(const float *in, intptr_t row, intptr_t column, VEC out[to][to]) \
    { \
        VEC half[from][to]; \
        _Pragma("GCC unroll 6") for (int i = 0; i < from; i++) { \
            VEC d[from]; \
            _Pragma("GCC unroll 6") for (int j = 0; j < from; j++) d[j] = LOAD(in + i * row + j * column); \
            NAME(line)(d, 1, half[i]); \
        } \
        _Pragma("GCC unroll 6") for (int j = 0; j < to; j++) { \
            VEC v[to]; \
            NAME(line)(&half[0][j], to, v); \
            _Pragma("GCC unroll 6") for (int i = 0; i < to; i++) out[i][j] = v[i]; \
        } \
    }
SQUARE(data_line, 6, 6)
SQUARE(filter_line, 3, 6)
SQUARE(result_line, 6, 4)
SQUARE(result_back, 4, 6)
SQUARE(filter_back, 6, 3)

/* ---- images -------------------------------------------------------------------------------- */

/* Rows top .. top + rows and columns left .. left + columns of channels c .. c + channels, zeros outside the image. */
static void NAME(window)(const winograd_image *x, intptr_t image, intptr_t c, intptr_t channels, intptr_t top, intptr_t left,
                         intptr_t rows, intptr_t columns, float *to, intptr_t wide)
{
    const intptr_t plane = x->height * x->width, before = left < 0 ? -left < columns ? -left : columns : 0;
    const intptr_t end = x->width - left < columns ? x->width - left : columns, n = end > before ? end - before : 0;
    for (intptr_t r = 0; r < rows; r++, to += columns * wide) {
        const intptr_t row = top + r;
        if (row < 0 || row >= x->height || n == 0) {
            memset(to, 0, (size_t)(columns * wide) * sizeof(float));
            continue;
        }
        memset(to, 0, (size_t)(before * wide) * sizeof(float));
        turn_channels_f32(x->data + (image * x->channels + c) * plane + row * x->width + left + before, plane, channels, wide, n,
                          to + before * wide, wide);
        memset(to + (before + n) * wide, 0, (size_t)((columns - before - n) * wide) * sizeof(float));
    }
}

#define OVER_TILES(name, line, size) \
    static void NAME(name)(const float *window, intptr_t lines, intptr_t across, intptr_t wide, float *to, intptr_t point) \
    { \
        const intptr_t columns = 4 * across + size - 4; \
        for (intptr_t l = 0; l < lines; l++) \
            for (intptr_t t = 0; t < across; t++, to += wide) \
                for (intptr_t c = 0; c < wide; c += LANES) { \
                    VEC v[6][6]; \
                    NAME(line##_square)(window + (4 * l * columns + 4 * t) * wide + c, columns * wide, wide, v); \
                    _Pragma("GCC unroll 36") for (int p = 0; p < 36; p++) STORE(to + p * point + c, v[p / 6][p % 6]); \
                } \
    }
OVER_TILES(data_tiles, data_line, 6)
OVER_TILES(slope_tiles, result_back, 4)

/* The tiles of a block, of channels c .. c + channels: to[point][tile][wide]; halo: data of results (6 x 6) or the
 * gradient of results (4 x 4). */
static void NAME(tiles)(const winograd *q, const winograd_image *x, const winograd_block *b, intptr_t c, intptr_t channels,
                        int halo, float *to, intptr_t point, float *window)
{
    const intptr_t wide = round_up(channels, LANES), extra = halo ? 2 : 0;
    for (intptr_t line = b->line; line < b->line + b->lines;) {
        const intptr_t image = line / q->down, first = line % q->down;
        intptr_t n = q->down - first;
        if (n > b->line + b->lines - line) n = b->line + b->lines - line;
        if (n > WINDOW_LINES) n = WINDOW_LINES;
        NAME(window)(x, image, c, channels, 4 * first - (halo ? q->pad[0] : 0), 4 * b->column - (halo ? q->pad[1] : 0),
                     4 * n + extra, 4 * b->across + extra, window, wide);
        (halo ? NAME(data_tiles) : NAME(slope_tiles))(window, n, b->across, wide, to, point);
        to += n * b->across * wide;
        line += n;
    }
}

/* ---- filters ------------------------------------------------------------------------------- */

/* to[point][channel][wide] of rows r .. r + rows and channels c .. c + channels. */
static void NAME(filters)(const winograd *q, intptr_t r, intptr_t rows, intptr_t c, intptr_t channels, float *to, intptr_t point)
{
    const intptr_t wide = round_up(rows, LANES);
    float taps[9][ROW_BLOCK] __attribute__((aligned(64)));
    memset(taps, 0, sizeof taps);
    for (intptr_t k = 0; k < channels; k++, to += wide) {
        const float *w = q->w + r * q->w_row + (c + k) * q->w_channel;
        intptr_t i = 0;
        for (; i + 8 <= rows; i += 8) {
            turn_f32(w + i * q->w_row, q->w_row, taps[0] + i, ROW_BLOCK);
            for (intptr_t j = i; j < i + 8; j++) taps[8][j] = w[j * q->w_row + 8];
        }
        for (; i < rows; i++)
            for (int t = 0; t < 9; t++) taps[t][i] = w[i * q->w_row + t];
        for (i = 0; i < wide; i += LANES) {
            VEC u[6][6];
            const intptr_t step = q->flip ? -ROW_BLOCK : ROW_BLOCK;
            NAME(filter_line_square)(taps[q->flip ? 8 : 0] + i, 3 * step, step, u);
            _Pragma("GCC unroll 36") for (int p = 0; p < 36; p++) STORE(to + p * point + i, u[p / 6][p % 6]);
        }
    }
}

/* The gradient of the filters from its transform u[point][channel][wide]; 1 when a number in it is not finite. */
static int NAME(filters_back)(const winograd *q, intptr_t r, intptr_t rows, intptr_t c, intptr_t channels, const float *u,
                              intptr_t point, float *out)
{
    const intptr_t wide = round_up(rows, LANES);
    float taps[9][ROW_BLOCK] __attribute__((aligned(64)));
    VEC bad = {0};
    for (intptr_t k = 0; k < channels; k++, u += wide) {
        float *w = out + r * q->w_row + (c + k) * q->w_channel;
        intptr_t i = 0;
        for (; i < wide; i += LANES) {
            VEC g[3][3];
            NAME(filter_back_square)(u + i, 6 * point, point, g);
            _Pragma("GCC unroll 9") for (int t = 0; t < 9; t++) {
                bad = FMA(SPREAD(0), g[t / 3][t % 3], bad);
                STORE(taps[t] + i, g[t / 3][t % 3]);
            }
        }
        for (i = 0; i + 8 <= rows; i += 8) {
            turn_f32(taps[0] + i, ROW_BLOCK, w + i * q->w_row, q->w_row);
            for (intptr_t j = i; j < i + 8; j++) w[j * q->w_row + 8] = taps[8][j];
        }
        for (; i < rows; i++)
            for (int t = 0; t < 9; t++) w[i * q->w_row + t] = taps[t][i];
    }
    return BAD(bad);
}

/* ---- products ------------------------------------------------------------------------------ */

/* c[rows][vectors] = or += sum over p of a[i * a_row + p * a_step] * b[p * wide + lanes]. */
INLINE void NAME(tile)(const int rows, const int vectors, intptr_t k, const float *a, intptr_t a_row, intptr_t a_step,
                       const float *b, intptr_t wide, float *c, int add)
{
    VEC sum[6][WIDE];
    _Pragma("GCC unroll 6") for (int i = 0; i < rows; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = SPREAD(0);
    for (intptr_t p = 0; p < k; p++, a += a_step, b += wide) {
        VEC y[WIDE];
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) y[v] = LOAD(b + v * LANES);
        _Pragma("GCC unroll 6") for (int i = 0; i < rows; i++) {
            const VEC x = SPREAD(a[i * a_row]);
            _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
        }
    }
    _Pragma("GCC unroll 6") for (int i = 0; i < rows; i++)
        _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++) {
            float *to = c + i * wide + v * LANES;
            if (add) sum[i][v] += LOAD(to);
            STORE(to, sum[i][v]);
        }
}

typedef void NAME(tile_fn)(intptr_t k, const float *a, intptr_t a_stride, const float *b, intptr_t wide, float *c, int add);
#define TILE(r, v) \
    static __attribute__((noinline)) void NAME(rows_##r##_##v)(intptr_t k, const float *a, intptr_t a_row, const float *b, \
        intptr_t wide, float *c, int add) \
    { NAME(tile)(r, v, k, a, a_row, 1, b, wide, c, add); } \
    static __attribute__((noinline)) void NAME(columns_##r##_##v)(intptr_t k, const float *a, intptr_t a_step, const float *b, \
        intptr_t wide, float *c, int add) \
    { NAME(tile)(r, v, k, a, 1, a_step, b, wide, c, add); }
#if WIDE == 4
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3) TILE(r, 4)
#define ENTRY(f, r) {NAME(f##_##r##_1), NAME(f##_##r##_2), NAME(f##_##r##_3), NAME(f##_##r##_4)}
#else
#define TILES(r) TILE(r, 1) TILE(r, 2)
#define ENTRY(f, r) {NAME(f##_##r##_1), NAME(f##_##r##_2)}
#endif
TILES(2) TILES(4) TILES(6)
static NAME(tile_fn) *const NAME(kernels)[2][3][WIDE] = {{ENTRY(rows, 2), ENTRY(rows, 4), ENTRY(rows, 6)},
                                                         {ENTRY(columns, 2), ENTRY(columns, 4), ENTRY(columns, 6)}};

/* c[n][wide] = or += A b[k][wide]; n is even.  A's rows are `stride` apart, or with `turned` its columns. */
static void NAME(product)(int turned, intptr_t n, intptr_t k, const float *a, intptr_t stride, const float *b, intptr_t wide,
                          float *c, int add)
{
    const intptr_t row = turned ? 1 : stride;
    for (intptr_t j = 0; j < wide; j += WIDE * LANES) {
        const intptr_t vectors = (wide - j) / LANES < WIDE ? (wide - j) / LANES : WIDE;
        for (intptr_t i = 0; i < n; i += 6) {
            const intptr_t rows = n - i < 6 ? n - i : 6;
            NAME(kernels)[turned][rows / 2 - 1][vectors - 1](k, a + i * row, stride, b + j, wide, c + i * wide + j, add);
        }
    }
}

/* ---- results ------------------------------------------------------------------------------- */

/* Rows r .. r + rows of the results of a block, from sums[point][tile][wide]; 1 when one is not finite. */
static int NAME(results)(const winograd *q, const winograd_block *b, intptr_t r, intptr_t rows, const float *sums, intptr_t point,
                         float *window)
{
    const intptr_t wide = round_up(rows, LANES), columns = 4 * b->across, plane = q->y.height * q->y.width;
    const intptr_t left = 4 * b->column, width = q->y.width - left < columns ? q->y.width - left : columns;
    float bias[ROW_BLOCK] __attribute__((aligned(64))) = {0};
    VEC bad = {0};
    if (q->bias) memcpy(bias, q->bias + r, (size_t)rows * sizeof(float));
    for (intptr_t line = b->line; line < b->line + b->lines; line++) {
        for (intptr_t t = 0; t < b->across; t++, sums += wide)
            for (intptr_t c = 0; c < wide; c += LANES) {
                VEC v[4][4];
                NAME(result_line_square)(sums + c, 6 * point, point, v);
                _Pragma("GCC unroll 16") for (int p = 0; p < 16; p++) {
                    const VEC one = v[p / 4][p % 4] + LOAD(bias + c);
                    bad = FMA(SPREAD(0), one, bad);
                    STORE(window + ((p / 4) * columns + 4 * t + p % 4) * wide + c, one);
                }
            }
        const intptr_t image = line / q->down, top = line % q->down * 4;
        for (intptr_t i = 0; i < 4 && top + i < q->y.height; i++) {
            const float *from = window + i * columns * wide;
            float *to = (float *)q->y.data + (image * q->y.channels + r) * plane + (top + i) * q->y.width + left;
            turn_columns_f32(from, wide, rows, width, to, plane);
        }
    }
    return BAD(bad);
}

#undef VEC
#undef LANES
#undef WIDE
#undef LOAD
#undef STORE
#undef SPREAD
#undef MUL
#undef FMA
#undef FNMA
#undef BAD
#undef NAME
#undef INLINE
#undef SQUARE
#undef OVER_TILES
#undef TILE
#undef TILES
#undef ENTRY
