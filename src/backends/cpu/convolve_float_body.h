/* The convolution kernels of one floating dtype for one instruction set: included by convolve_float.c with REAL, VEC,
 * BITS_T, INDEX, LANES, ROWS, LOAD, LOAD_BITS, STORE, STORE_BITS, LOAD_LAST, OR, FMA, SPREAD, GATHER and NAME defined.
 * No include guard.
 *
 * A tile is ROWS x 3 vectors of sums in registers.  Correlation: rows are channels of the result, columns positions,
 * packed panel[p][48 or 24] under every (channel, tap) p.  Weight: rows are channels of y, columns (tap, channel)
 * of x, whose image lies channels last, so that neighbouring taps are neighbours in memory.
 * Every result is one chain of fused multiply-adds: the same bits for every cut. */
#define COLUMNS (3 * LANES)

/* ---- correlation ------------------------------------------------------------------------ */

/* c[rows][columns] = start + sum over p; start: c itself when `add`, else bias[i] (NULL: 0). */
static inline __attribute__((always_inline)) void NAME(tile)(const int rows, const int vectors, intptr_t k, const REAL *a,
    intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row, BITS_T last, int add, const REAL *bias)
{
    VEC sum[ROWS][3];
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
        const REAL *r = c + i * c_row;
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) {
            if (!add) sum[i][v] = bias ? SPREAD(bias[i]) : (VEC){0};
            else sum[i][v] = v < vectors - 1 ? LOAD(r + v * LANES) : LOAD_BITS(r + v * LANES, last);
        }
    }
    for (intptr_t p = 0; p < k; p++, a += a_step, b += b_step) {
        VEC y[3];
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) y[v] = LOAD(b + v * LANES);
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
            const VEC x = SPREAD(a[i]);
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
        }
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++, c += c_row) {
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) STORE(c + v * LANES, sum[i][v]);
        STORE_BITS(c + (vectors - 1) * LANES, last, sum[i][vectors - 1]);
    }
}

/* c[rows][columns] = or += sum over positions of y[i][position] * x[position][column]; positions are `height` runs of
 * `width`, x's run r begins at b + at[r]. */
static inline __attribute__((always_inline)) void NAME(slope)(const int rows, const int vectors, const REAL *a, intptr_t a_row,
    const REAL *b, const intptr_t *at, intptr_t height, intptr_t width, intptr_t b_step, REAL *c, intptr_t c_row, BITS_T last,
    int add)
{
    VEC sum[ROWS][3];
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) {
            const REAL *r = c + i * c_row + v * LANES;
            sum[i][v] = !add ? (VEC){0} : v < vectors - 1 ? LOAD(r) : LOAD_BITS(r, last);
        }
    for (intptr_t h = 0; h < height; h++) {
        const REAL *s = b + at[h];
        for (intptr_t p = 0; p < width; p++, s += b_step, a++) {
            VEC y[3];
            _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) y[v] = LOAD(s + v * LANES);
            y[vectors - 1] = LOAD_LAST(s + (vectors - 1) * LANES, last);
            _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++) {
                const VEC x = SPREAD(a[i * a_row]);
                _Pragma("GCC unroll 3") for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
            }
        }
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++, c += c_row) {
        _Pragma("GCC unroll 3") for (int v = 0; v < vectors - 1; v++) STORE(c + v * LANES, sum[i][v]);
        STORE_BITS(c + (vectors - 1) * LANES, last, sum[i][vectors - 1]);
    }
}

typedef void NAME(tile_fn)(intptr_t k, const REAL *a, intptr_t a_step, const REAL *b, intptr_t b_step, REAL *c, intptr_t c_row,
                           BITS_T last, int add, const REAL *bias);
typedef void NAME(slope_fn)(const REAL *a, intptr_t a_row, const REAL *b, const intptr_t *at, intptr_t height, intptr_t width,
                            intptr_t b_step, REAL *c, intptr_t c_row, BITS_T last, int add);

#define TILE(r, v) \
    static __attribute__((noinline)) void NAME(tile_##r##_##v)(intptr_t k, const REAL *a, intptr_t a_step, const REAL *b, \
        intptr_t b_step, REAL *c, intptr_t c_row, BITS_T last, int add, const REAL *bias) \
    { NAME(tile)(r, v, k, a, a_step, b, b_step, c, c_row, last, add, bias); } \
    static __attribute__((noinline)) void NAME(slope_##r##_##v)(const REAL *a, intptr_t a_row, const REAL *b, \
        const intptr_t *at, intptr_t height, intptr_t width, intptr_t b_step, REAL *c, intptr_t c_row, BITS_T last, int add) \
    { NAME(slope)(r, v, a, a_row, b, at, height, width, b_step, c, c_row, last, add); }
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3)
#define ENTRY(f, r) {NAME(f##_##r##_1), NAME(f##_##r##_2), NAME(f##_##r##_3)}
TILES(1) TILES(2) TILES(3) TILES(4)
#if ROWS == 8
TILES(5) TILES(6) TILES(7) TILES(8)
#define ENTRIES(f) {ENTRY(f, 1), ENTRY(f, 2), ENTRY(f, 3), ENTRY(f, 4), ENTRY(f, 5), ENTRY(f, 6), ENTRY(f, 7), ENTRY(f, 8)}
#else
#define ENTRIES(f) {ENTRY(f, 1), ENTRY(f, 2), ENTRY(f, 3), ENTRY(f, 4)}
#endif
static NAME(tile_fn) *const NAME(tiles)[ROWS][3] = ENTRIES(tile);
static NAME(slope_fn) *const NAME(slopes)[ROWS][3] = ENTRIES(slope);

/* Where the columns of one panel lie in x, for every vector of it. */
typedef struct {
    struct { uint32_t bits; intptr_t offset; } piece[3][PIECES];   /* lanes that are neighbours in x, too */
    int pieces[3];                                                 /* 0: gathered */
    int32_t index[3][LANES];
    uint32_t bits[3];                                              /* lanes in use */
    uint32_t inside[3][RT_MAX_TAPS][3];                               /* [dimension][tap][vector] */
    intptr_t lowest, highest;                                      /* elements that the first tap reads lie between them */
    int vectors, anywhere;                                         /* anywhere: every tap lies inside */
    BITS_T table[TABLE][3][PIECES];                                /* [tap][vector]: lanes of each piece inside the image */
    intptr_t table_at[TABLE];                                      /* where a tap lies */
} NAME(panel);

/* Lanes whose position lies inside the image, for every tap of every dimension. */
static void NAME(look_inside)(const correlation *q, intptr_t first, int columns, NAME(panel) *s)
{
    intptr_t o[3] = {first / (q->of.count[2] * q->of.count[1]), first / q->of.count[2] % q->of.count[1], first % q->of.count[2] - 1};
    memset(s->inside, 0, sizeof s->inside);
    for (int j = 0; j < columns; j++) {
        if (++o[2] == q->of.count[2]) {
            o[2] = 0;
            if (++o[1] == q->of.count[1]) o[1] = 0, o[0]++;
        }
        for (int d = 0; d < 3; d++)
            for (intptr_t t = 0; t < q->of.taps[d]; t++) {
                const intptr_t i = o[d] * q->of.step[d] + q->of.offset[d][t];
                s->inside[d][t][j / LANES] |= (uint32_t)(i >= 0 && i < q->of.in[d]) << j % LANES;
            }
    }
}

/* What pack needs of every tap, when they are few. */
static void NAME(look_taps)(const correlation *q, NAME(panel) *s)
{
    intptr_t n = 0;
    for (intptr_t a = 0; a < q->of.taps[0]; a++)
        for (intptr_t b = 0; b < q->of.taps[1]; b++)
            for (intptr_t c = 0; c < q->of.taps[2]; c++, n++) {
                s->table_at[n] = (q->of.offset[0][a] * q->of.in[1] + q->of.offset[1][b]) * q->of.in[2] + q->of.offset[2][c];
                for (int v = 0; v < s->vectors; v++) {
                    const uint32_t bits = s->anywhere ? s->bits[v]
                                                      : s->bits[v] & s->inside[0][a][v] & s->inside[1][b][v] & s->inside[2][c][v];
                    if (s->pieces[v] == 0) s->table[n][v][0] = (BITS_T)bits;
                    for (int i = 0; i < s->pieces[v]; i++) s->table[n][v][i] = (BITS_T)(bits & s->piece[v][i].bits);
                }
            }
}

static void NAME(look)(const correlation *q, intptr_t first, int columns, NAME(panel) *s)
{
    intptr_t o[3] = {first / (q->of.count[2] * q->of.count[1]), first / q->of.count[2] % q->of.count[1], first % q->of.count[2]};
    s->vectors = (columns + LANES - 1) / LANES;
    s->anywhere = q->of.inside;
    for (int v = 0; v < s->vectors; v++) {
        const int n = columns - v * LANES < LANES ? columns - v * LANES : LANES;
        s->bits[v] = (uint32_t)((UINT64_C(1) << n) - 1);
        s->pieces[v] = q->of.step[2] == 1 ? 0 : -1;
        memset(s->index[v], 0, sizeof s->index[v]);
        for (int l = 0; l < n; l++) {
            const intptr_t at = (o[0] * q->of.step[0] * q->of.in[1] + o[1] * q->of.step[1]) * q->of.in[2] + o[2] * q->of.step[2];
            int *const count = &s->pieces[v];
            s->index[v][l] = (int32_t)at;
            if (v == 0 && l == 0) s->lowest = at;
            s->highest = at;
            if (*count >= 0) {
                if (*count == 0 || s->piece[v][*count - 1].offset != at - l) {
                    if (*count == PIECES) *count = -1;
                    else {
                        s->piece[v][*count].bits = 0;
                        s->piece[v][(*count)++].offset = at - l;
                    }
                }
                if (*count > 0) s->piece[v][*count - 1].bits |= 1u << l;
            }
            if (++o[2] < q->of.count[2]) continue;
            o[2] = 0;
            if (++o[1] < q->of.count[1]) continue;
            o[1] = 0;
            o[0]++;
        }
        if (s->pieces[v] < 0) s->pieces[v] = 0;
    }
    if (!s->anywhere) NAME(look_inside)(q, first, columns, s);
    if (q->of.taps[0] * q->of.taps[1] * q->of.taps[2] <= TABLE) NAME(look_taps)(q, s);
}

/* pack by the table: a vector of the panel is a load for each of its pieces. */
static void NAME(pack_taps)(const correlation *q, const NAME(panel) *s, const REAL *x, intptr_t p0, intptr_t p1, REAL *dst,
                            intptr_t wide)
{
    const intptr_t taps = q->of.taps[0] * q->of.taps[1] * q->of.taps[2];
    const intptr_t one = s->table_at[0], other = s->table_at[taps - 1];       /* the way back has its taps in reverse */
    const intptr_t low = (one < other ? one : other) + s->lowest, high = (one < other ? other : one) + s->highest;
    intptr_t t = p0 % taps;
    x += p0 / taps * q->of.plane;
    for (intptr_t p = p0; p < p1; p++, dst += wide) {
        const REAL *at = x + s->table_at[t];
        if (t == 0)
            for (intptr_t e = low; e < high; e += 64 / (intptr_t)sizeof(REAL)) __builtin_prefetch(x + 4 * q->of.plane + e);
        for (int v = 0; v < s->vectors; v++) {
            const BITS_T *bits = s->table[t][v];
            VEC y;
            if (s->pieces[v] == 0) y = GATHER(at, s->index[v], bits[0]);
            else {
                y = LOAD_BITS(at + s->piece[v][0].offset, bits[0]);
                if (s->pieces[v] > 1) y = OR(y, LOAD_BITS(at + s->piece[v][1].offset, bits[1]));
                for (int i = 2; i < s->pieces[v]; i++) y = OR(y, LOAD_BITS(at + s->piece[v][i].offset, bits[i]));
            }
            STORE(dst + v * LANES, y);
        }
        if (++t == taps) t = 0, x += q->of.plane;
    }
}

/* dst[p - p0][wide] for p0 <= p < p1, p = (channel, taps). */
static void NAME(pack)(const correlation *q, const NAME(panel) *s, const REAL *x, intptr_t p0, intptr_t p1, REAL *dst, intptr_t wide)
{
    if (q->of.taps[0] * q->of.taps[1] * q->of.taps[2] <= TABLE) {
        NAME(pack_taps)(q, s, x, p0, p1, dst, wide);
        return;
    }
    intptr_t t2 = p0 % q->of.taps[2], t1 = p0 / q->of.taps[2] % q->of.taps[1], t0 = p0 / (q->of.taps[2] * q->of.taps[1]) % q->of.taps[0];
    x += p0 / (q->of.taps[2] * q->of.taps[1] * q->of.taps[0]) * q->of.plane;
    for (intptr_t p = p0; p < p1; p++, dst += wide) {
        const REAL *at = x + (q->of.offset[0][t0] * q->of.in[1] + q->of.offset[1][t1]) * q->of.in[2] + q->of.offset[2][t2];
        for (int v = 0; v < s->vectors; v++) {
            uint32_t bits = s->bits[v];
            VEC y;
            if (!s->anywhere) bits &= s->inside[0][t0][v] & s->inside[1][t1][v] & s->inside[2][t2][v];
            if (s->pieces[v] == 0) y = GATHER(at, s->index[v], bits);
            else {
                y = LOAD_BITS(at + s->piece[v][0].offset, s->piece[v][0].bits & bits);
                for (int i = 1; i < s->pieces[v]; i++)
                    y = OR(y, LOAD_BITS(at + s->piece[v][i].offset, s->piece[v][i].bits & bits));
            }
            STORE(dst + v * LANES, y);
        }
        if (++t2 < q->of.taps[2]) continue;
        t2 = 0;
        if (++t1 < q->of.taps[1]) continue;
        t1 = 0;
        if (++t0 < q->of.taps[0]) continue;
        t0 = 0;
        x += q->of.plane;
    }
}

/* packed[row block][p][high] = w of the group's row block; rows behind the last are not written. */
static void NAME(pack_weight)(const correlation *q, intptr_t block, const REAL *w, REAL *packed)
{
    const intptr_t begin = block * q->high, rows = q->of.rows - begin < q->high ? q->of.rows - begin : q->high;
    REAL *to = packed + begin * q->of.k;
    const REAL *const first = w + begin * q->of.w_row;
    if (q->of.w_channel == q->of.taps[0] * q->of.taps[1] * q->of.taps[2] && rows == q->high && rows % TURN_ROWS == 0) {
        intptr_t p = 0;                     /* terms lie in order: blocks are turned */
        for (; p + TURN <= q->of.k; p += TURN)
            for (intptr_t i = 0; i < rows; i += TURN_ROWS)
                NAME(turn_rows)(first + i * q->of.w_row + p, q->of.w_row, to + p * rows + i, rows);
        for (; p < q->of.k; p++)
            for (intptr_t i = 0; i < rows; i++) to[p * rows + i] = first[i * q->of.w_row + p];
        return;
    }
    for (intptr_t c = 0; c < q->of.channels; c++)
        for (intptr_t t0 = 0; t0 < q->of.taps[0]; t0++)
            for (intptr_t t1 = 0; t1 < q->of.taps[1]; t1++)
                for (intptr_t t2 = 0; t2 < q->of.taps[2]; t2++, to += q->high) {
                    const REAL *from = w + begin * q->of.w_row + c * q->of.w_channel + q->of.tap[0][t0] + q->of.tap[1][t1] + q->of.tap[2][t2];
                    for (intptr_t i = 0; i < rows; i++) to[i] = from[i * q->of.w_row];
                }
}

/* One panel of one plane: every row of the result at s's columns; c is where the first goes. */
static void NAME(multiply)(const correlation *q, const NAME(panel) *s, const REAL *x, const REAL *w, const REAL *bias, REAL *c,
                           intptr_t c_row, REAL *packed, intptr_t wide)
{
    intptr_t p = 0;
    do {
        const intptr_t k = q->of.k - p < q->depth ? q->of.k - p : q->depth;
        if (k) NAME(pack)(q, s, x, p, p + k, packed, wide);
        for (intptr_t i = 0; i < q->of.rows; i += q->high) {
            const intptr_t rows = q->of.rows - i < q->high ? q->of.rows - i : q->high;
            NAME(tiles)[rows - 1][s->vectors - 1](k, w + i * q->of.k + p * q->high, q->high, packed, wide, c + i * c_row, c_row,
                                                  (BITS_T)s->bits[s->vectors - 1], p > 0, bias ? bias + i : NULL);
        }
        p += k;
    } while (p < q->of.k);
}

/* Results of a phase are apart: from rows of n at `from` to their places. */
static void NAME(spread)(const correlation *q, const REAL *from, REAL *y, intptr_t first, intptr_t n)
{
    for (intptr_t j = 0; j < n; j++) {
        const intptr_t at = first + j;
        const intptr_t o[3] = {at / (q->of.count[2] * q->of.count[1]), at / q->of.count[2] % q->of.count[1], at % q->of.count[2]};
        REAL *to = y + ((o[0] * q->of.y_step[0] + q->of.y_at[0]) * q->of.y_length[1] + o[1] * q->of.y_step[1] + q->of.y_at[1]) * q->of.y_length[2]
            + o[2] * q->of.y_step[2] + q->of.y_at[2];
        for (intptr_t i = 0; i < q->of.rows; i++) to[i * q->of.y_plane] = from[i * n + j];
    }
}

/* Planes (image, group) begin .. end at positions first .. first + n, from packed weights; buffers are the thread's
 * own, results NULL when the positions are neighbours in y.  What a panel looks like is found once for all planes. */
static void NAME(correlate)(const correlation *q, const REAL *x, const REAL *w, const REAL *bias, REAL *y, intptr_t begin,
                            intptr_t end, intptr_t first, intptr_t n, REAL *packed, REAL *results)
{
    const intptr_t wide = rt_gemm_even(n, COLUMNS, LANES);
    NAME(panel) s;
    for (intptr_t j = 0; j < n; j += wide) {
        const int columns = (int)(n - j < wide ? n - j : wide);
        NAME(look)(q, first + j, columns, &s);
        for (intptr_t plane = begin; plane < end; plane++) {
            const intptr_t g = plane % q->groups;
            REAL *to = y + plane * q->of.rows * q->of.y_plane;
            NAME(multiply)(q, &s, x + plane * q->of.channels * q->of.plane, w + g * q->w_group, bias ? bias + g * q->of.rows : NULL,
                           results ? results : to + first + j, results ? columns : q->of.y_plane, packed, wide);
            if (results) NAME(spread)(q, results, to, first + j, columns);
        }
    }
}

/* ---- weight ------------------------------------------------------------------------------ */

/* An image with zeros around it, channels last: to[(d, h, w)][channel]. */
static void NAME(turn)(const slopes *q, const REAL *x, REAL *to)
{
    const intptr_t c = q->channels, plane = q->in[0] * q->in[1] * q->in[2];
    if (q->padded) memset(to, 0, (size_t)(q->space[0] * q->space[1] * q->space[2] * c) * sizeof(REAL));
    for (intptr_t d = 0; d < q->in[0]; d++)
        for (intptr_t h = 0; h < q->in[1]; h++) {
            const REAL *from = x + (d * q->in[1] + h) * q->in[2];
            REAL *row = to + (((d + q->pad[0]) * q->space[1] + h + q->pad[1]) * q->space[2] + q->pad[2]) * c;
            const intptr_t n = q->in[2];
            intptr_t i = 0;
            for (; i + TURN <= c; i += TURN) {
                const REAL *s = from + i * plane;
                intptr_t w = 0;
                for (; w + TURN <= n; w += TURN) NAME(turn_block)(s + w, plane, row + w * c + i, c);
                for (; w < n; w++)
                    for (intptr_t j = 0; j < TURN; j++) row[w * c + i + j] = s[j * plane + w];
            }
            for (; i < c; i++)
                for (intptr_t w = 0; w < n; w++) row[w * c + i] = from[i * plane + w];
        }
}

/* sums[row][tap run, column] += over one image; rows begin .. end of y's channels. */
static void NAME(add_image)(const slopes *q, const REAL *turned, const REAL *y, intptr_t begin, intptr_t end, REAL *sums, int add)
{
    const intptr_t high = rt_gemm_even(end - begin, ROWS, 1), wide = rt_gemm_even(q->run, COLUMNS, LANES), c = q->channels;
    const intptr_t runs = q->k / q->run, lines = q->out[0] * q->out[1], width = q->out[2];
    intptr_t at[BAND_ROWS], band = BAND_BYTES / (width * q->step * (intptr_t)sizeof(REAL));
    band = band < 1 ? 1 : band > BAND_ROWS ? BAND_ROWS : band;
    for (intptr_t line = 0; line < lines; line += band) {
        const intptr_t height = lines - line < band ? lines - line : band;
        for (intptr_t h = 0; h < height; h++)
            at[h] = ((line + h) / q->out[1] * q->stride[0] * q->space[1] + (line + h) % q->out[1] * q->stride[1]) * q->space[2] * c;
        for (intptr_t r = 0; r < runs; r++)
            for (intptr_t j = 0; j < q->run; j += wide) {
                const int columns = (int)(q->run - j < wide ? q->run - j : wide), vectors = (columns + LANES - 1) / LANES;
                const BITS_T last = (BITS_T)((UINT64_C(1) << (columns - (vectors - 1) * LANES)) - 1);
                for (intptr_t i = begin; i < end; i += high) {
                    const intptr_t rows = end - i < high ? end - i : high;
                    NAME(slopes)[rows - 1][vectors - 1](y + i * lines * width + line * width, lines * width,
                        turned + q->tap_at[r] + j, at, height, width, q->step, sums + i * q->k + r * q->run + j, q->k, last,
                        add || line > 0);
                }
            }
    }
}
#undef REAL
#undef VEC
#undef BITS_T
#undef LANES
#undef ROWS
#undef COLUMNS
#undef LOAD
#undef LOAD_BITS
#undef LOAD_LAST
#undef STORE
#undef STORE_BITS
#undef OR
#undef FMA
#undef SPREAD
#undef GATHER
#undef TURN
#undef TURN_ROWS
#undef NAME
#undef TILE
#undef TILES
#undef ENTRY
#undef ENTRIES
