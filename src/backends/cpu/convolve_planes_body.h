/* The loops over one plane, of one floating dtype for one instruction set: included by convolve_planes.c with REAL, VEC,
 * LANES, LOAD, LOAD_BITS, STORE, STORE_SOME, EVENS, ODDS, ZIP_LOW, ZIP_HIGH, ADD, FMA, SPREAD and NAME defined.
 * No include guard.  A result is one chain of fused multiply-adds in the order of the taps, whatever the vector's length;
 * what no tap finds counts as zero. */
#ifdef __SANITIZE_ADDRESS__       /* inlined everywhere, it would take minutes to compile */
#define ALWAYS static
#else
#define ALWAYS static inline __attribute__((always_inline))
#endif

/* LANES elements `step` apart (a constant at each call, 0 for any other), all of them or those of the bits. */
ALWAYS VEC NAME(read)(const int step, const int partial, const REAL *x, intptr_t far, uint32_t bits)
{
    if (step == 1) return partial ? LOAD_BITS(x, bits) : LOAD(x);
    if (step == 2)
        return partial ? EVENS(LOAD_BITS(x, bits & ((1u << LANES) - 1)), LOAD_BITS(x + LANES, bits >> LANES))
                       : EVENS(LOAD(x), LOAD(x + LANES));
    REAL lane[LANES];
    for (int l = 0; l < LANES; l++) lane[l] = bits >> l & 1 ? x[l * far] : 0;
    return LOAD(lane);
}

/* `count` vectors of results of one phase, whose lines are `move` apart in the table. */
ALWAYS void NAME(block)(const int count, const int step, const int partial, const planes *q, const tables *t, intptr_t b,
                        intptr_t rows, intptr_t columns, const void *const *line, const REAL *w, VEC bias, VEC *sum)
{
    const uint32_t *bits = t->bits + b * q->kernel;
    const intptr_t at = t->begin[b] * q->step[2];
    _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) sum[r] = bias;
    for (int k = q->rows_of[rows]; k < q->rows_of[rows + 1]; k++) {
        const REAL *x[ROWS], *wk = w + q->weight[k];
        _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) x[r] = (const REAL *)line[q->line[k] + r * q->step[1]] + at;
        for (int i = q->columns_of[columns]; i < q->columns_of[columns + 1]; i++) {
            const VEC weight = SPREAD(wk[q->column[i]]);
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++)
                sum[r] = FMA(weight, NAME(read)(step, partial, x[r] + q->at[i], q->step[2], bits[i]), sum[r]);
        }
    }
}

ALWAYS void NAME(put)(REAL *y, intptr_t n, VEC v)
{
    if (n >= LANES) STORE(y, v);
    else if (n > 0) STORE_SOME(y, n, v);
}

/* `count` rows of results, `to` apart, of a phase of rows. */
ALWAYS void NAME(rows)(const int count, const int step, const int apart, const planes *q, const tables *t, intptr_t rows,
                       const void *const *line, const REAL *w, VEC bias, REAL *y, intptr_t to)
{
    for (intptr_t b = 0; b < q->blocks; b++) {
        VEC sum[ROWS], odd[ROWS];
        const intptr_t e = t->begin[b] * q->apart[2], left = q->out[2] - e;
        for (intptr_t phase = 0; phase < (apart ? 1 : q->apart[2]); phase++) {
            if (t->partial[b]) NAME(block)(count, step, 1, q, t, b, rows, phase, line, w, bias, sum);
            else NAME(block)(count, step, 0, q, t, b, rows, phase, line, w, bias, sum);
            if (apart) break;
            for (int r = 0; r < count; r++) {
                REAL lane[LANES];
                STORE(lane, sum[r]);
                for (intptr_t l = 0, i = phase; l < LANES && i < left; l++, i += q->apart[2]) y[r * to + e + i] = lane[l];
            }
        }
        if (apart == 2) {
            if (t->partial[b]) NAME(block)(count, step, 1, q, t, b, rows, 1, line, w, bias, odd);
            else NAME(block)(count, step, 0, q, t, b, rows, 1, line, w, bias, odd);
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) {
                NAME(put)(y + r * to + e, left, ZIP_LOW(sum[r], odd[r]));
                NAME(put)(y + r * to + e + LANES, left - LANES, ZIP_HIGH(sum[r], odd[r]));
            }
        } else if (apart == 1) {
            _Pragma("GCC unroll 4") for (int r = 0; r < count; r++) NAME(put)(y + r * to + e, left, sum[r]);
        }
    }
}

/* All rows of one phase in one depth of results. */
ALWAYS void NAME(layer)(const int step, const int apart, const planes *q, const tables *t, intptr_t rows,
                        const void *const *line, const REAL *w, VEC bias, REAL *y)
{
    const intptr_t first = rows % q->apart[1], n = (q->out[1] - first + q->apart[1] - 1) / q->apart[1];
    const intptr_t to = q->apart[1] * q->out[2];
    y += first * q->out[2];
    for (intptr_t j = 0; j < n;) {
        if (n >= ROWS) {
            if (n - j < ROWS) j = n - ROWS;
            NAME(rows)(ROWS, step, apart, q, t, rows, line + j * q->step[1], w, bias, y + j * to, to);
            j += ROWS;
        } else {
            NAME(rows)(1, step, apart, q, t, rows, line + j * q->step[1], w, bias, y + j * to, to);
            j++;
        }
    }
}

/* ROWS x `wide` vectors of results of a kernel of K x K taps (constants at each call, as the step), in blocks b and b + 1:
 * each line is read once for all rows.  The weight's taps w lie as the lines and their elements do. */
ALWAYS void NAME(square_block)(const int k, const int step, const int wide, const int partial, const planes *q, const tables *t,
                               intptr_t b, const void *const *line, const VEC *w, VEC *sum)
{
    const uint32_t *bits = t->bits + b * k;
    _Pragma("GCC unroll 16") for (int l = 0; l < (ROWS - 1) * step + k; l++) {
        const REAL *x[2];
        VEC v[2], odd[2];
        for (int u = 0; u < wide; u++) x[u] = (const REAL *)line[l] + t->begin[b + u] * step + q->at[0];
        _Pragma("GCC unroll 8") for (int c = 0; c < k; c++) {
            _Pragma("GCC unroll 2") for (int u = 0; u < wide; u++) {
                const uint32_t *find = bits + u * k + c;
                if (step == 1) {
                    v[u] = NAME(read)(1, partial, x[u] + c, 1, *find);
                } else if (c & 1) {
                    v[u] = odd[u];
                } else {
                    const uint32_t both = find[0] | (c + 1 < k ? find[1] << 1 : 0);
                    const VEC low = partial ? LOAD_BITS(x[u] + c, both & ((1u << LANES) - 1)) : LOAD(x[u] + c);
                    const VEC high = partial ? LOAD_BITS(x[u] + c + LANES, both >> LANES) : LOAD(x[u] + c + LANES);
                    v[u] = EVENS(low, high);
                    odd[u] = ODDS(low, high);
                }
            }
            _Pragma("GCC unroll 4") for (int r = 0; r < ROWS; r++)
                if (l >= r * step && l < r * step + k)
                    _Pragma("GCC unroll 2") for (int u = 0; u < wide; u++)
                        sum[r * wide + u] = FMA(w[(l - r * step) * k + c], v[u], sum[r * wide + u]);
        }
    }
}

ALWAYS void NAME(spread)(const int k, const planes *q, int row, const REAL *w, VEC *to)
{
    for (int b = 0; b < k; b++)
        for (int c = 0; c < k; c++) to[b * k + c] = SPREAD(w[q->weight[row + b] + q->column[c]]);
}

/* ROWS rows of results in `wide` blocks from b on. */
ALWAYS void NAME(square_rows)(const int k, const int step, const int wide, const planes *q, const tables *t, intptr_t b,
                              const void *const *line, const REAL *wp, VEC *w, VEC bias, REAL *y)
{
    VEC sum[ROWS * 2] = {bias, bias, bias, bias, bias, bias, bias, bias};
    const int rows = q->rows_of[1], partial = t->partial[b] || (wide == 2 && t->partial[b + 1]);
    for (int a = 0; a < rows; a += k) {
        if (rows != k) NAME(spread)(k, q, a, wp, w);
        if (partial) NAME(square_block)(k, step, wide, 1, q, t, b, line + q->line[a], w, sum);
        else NAME(square_block)(k, step, wide, 0, q, t, b, line + q->line[a], w, sum);
    }
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < wide; u++)
            NAME(put)(y + r * q->out[2] + t->begin[b + u], q->out[2] - t->begin[b + u], sum[r * wide + u]);
}

/* All results of one depth under kernels of K x K taps, at least ROWS rows of them. */
ALWAYS void NAME(square)(const int k, const int step, const planes *q, const tables *t, const void *const *line, const REAL *wp,
                         VEC bias, REAL *y)
{
    VEC w[MOST_SQUARE * MOST_SQUARE];
    NAME(spread)(k, q, 0, wp, w);
    for (intptr_t j = 0; j < q->out[1]; j += ROWS) {
        if (q->out[1] - j < ROWS) j = q->out[1] - ROWS;
        const void *const *from = line + j * step;
        REAL *to = y + j * q->out[2];
        intptr_t b = 0;
        if (sizeof(VEC) == 64 && k > 5 && step == 1)        /* there are registers for two */
            for (; b + 2 <= q->blocks; b += 2) NAME(square_rows)(k, step, 2, q, t, b, from, wp, w, bias, to);
        for (; b < q->blocks; b++) NAME(square_rows)(k, step, 1, q, t, b, from, wp, w, bias, to);
    }
}

static void NAME(plane)(const planes *q, const tables *t, const char *wp, const char *bp, char *yp)
{
    const REAL *w = (const REAL *)wp;
    const VEC bias = SPREAD(bp ? *(const REAL *)bp : 0);
    const int square = q->out[1] >= ROWS ? q->square * 10 + (int)q->step[2] : 0;
    for (intptr_t rows = 0; rows < q->apart[0] * q->apart[1]; rows++)
        for (intptr_t z = rows / q->apart[1], i = 0; z < q->out[0]; z += q->apart[0], i++) {
            const void *const *line = t->line + i * q->step[0] * q->lines[1];
            REAL *y = (REAL *)yp + z * q->out[1] * q->out[2];
            if (square == 31) NAME(square)(3, 1, q, t, line, w, bias, y);
            else if (square == 32) NAME(square)(3, 2, q, t, line, w, bias, y);
            else if (sizeof(REAL) == 4 && square == 51) NAME(square)(5, 1, q, t, line, w, bias, y);
            else if (sizeof(REAL) == 4 && square == 52) NAME(square)(5, 2, q, t, line, w, bias, y);
            else if (sizeof(REAL) == 4 && square == 71) NAME(square)(7, 1, q, t, line, w, bias, y);
            else if (sizeof(REAL) == 4 && square == 72) NAME(square)(7, 2, q, t, line, w, bias, y);
            else if (q->apart[2] == 2) NAME(layer)(1, 2, q, t, rows, line, w, bias, y);
            else if (q->apart[2] > 2) NAME(layer)(1, 0, q, t, rows, line, w, bias, y);
            else if (q->step[2] == 1) NAME(layer)(1, 1, q, t, rows, line, w, bias, y);
            else if (q->step[2] == 2) NAME(layer)(2, 1, q, t, rows, line, w, bias, y);
            else NAME(layer)(0, 1, q, t, rows, line, w, bias, y);
        }
}

/* ---- the weight's gradient --------------------------------------------------------------- */

/* sums[tap] += y * x under the tap, for taps first .. first + count (a constant at each call). */
ALWAYS void NAME(slopes)(const int count, const int step, const planes *q, const tables *t, int first, const REAL *y, REAL *sums)
{
    VEC sum[CHUNK];
    int column[CHUNK];
    intptr_t line[CHUNK];
    _Pragma("GCC unroll 9") for (int k = 0; k < count; k++) {
        sum[k] = SPREAD(0);
        column[k] = (first + k) % q->kernel;
        line[k] = q->line[(first + k) / q->kernel];
    }
    for (intptr_t i = 0; i < q->out[0]; i++)
        for (intptr_t j = 0; j < q->out[1]; j++, y += q->out[2]) {
            const REAL *x[CHUNK];
            for (int k = 0; k < count; k++)
                x[k] = (const REAL *)t->line[(i * q->step[0] * q->lines[1] + j * q->step[1]) + line[k]] + q->at[column[k]];
            for (intptr_t b = 0; b < q->blocks; b++) {
                const intptr_t e = t->begin[b], at = e * q->step[2], left = q->out[2] - e;
                if (t->partial[b]) {
                    const uint32_t *bits = t->bits + b * q->kernel;
                    const VEC g = left >= LANES ? LOAD(y + e) : LOAD_BITS(y + e, (1u << left) - 1);
                    _Pragma("GCC unroll 9") for (int k = 0; k < count; k++)
                        sum[k] = FMA(g, NAME(read)(step, 1, x[k] + at, q->step[2], bits[column[k]]), sum[k]);
                } else {
                    const VEC g = LOAD(y + e);
                    _Pragma("GCC unroll 9") for (int k = 0; k < count; k++)
                        sum[k] = FMA(g, NAME(read)(step, 0, x[k] + at, q->step[2], ~0u), sum[k]);
                }
            }
        }
    for (int k = 0; k < count; k++) {
        REAL *to = sums + (first + k) * LANES;
        STORE(to, ADD(LOAD(to), sum[k]));
    }
}

/* The same for K x COLUMNS taps of a square kernel, from a tap row and a tap column on: a line is read once for the K rows
 * of results that it meets. */
ALWAYS void NAME(square_slopes)(const int k, const int columns, const int step, const planes *q, const tables *t, int row,
                                int column, const REAL *yp, REAL *sums)
{
    VEC sum[MOST_SQUARE * 3];
    const int held = (k + step - 1) / step;
    _Pragma("GCC unroll 9") for (int i = 0; i < k * columns; i++) sum[i] = SPREAD(0);
    for (intptr_t z = 0; z < q->out[0]; z++)
        for (intptr_t b = 0; b < q->blocks; b++) {
            const intptr_t e = t->begin[b], left = q->out[2] - e;
            const uint32_t *bits = t->bits + b * k + column, some = left >= LANES ? (uint32_t)((1ul << LANES) - 1) : (1u << left) - 1;
            const void *const *line = t->line + z * q->step[0] * q->lines[1] + q->line[row];
            const REAL *y = yp + z * q->out[1] * q->out[2] + e;
            VEC g[MOST_SQUARE];
            _Pragma("GCC unroll 8") for (int i = 0; i < held; i++) g[i] = SPREAD(0);
            for (intptr_t j = 0; j < q->out[1] + held - 1; j++, y += q->out[2]) {
                _Pragma("GCC unroll 8") for (int i = held - 1; i > 0; i--) g[i] = g[i - 1];
                g[0] = j >= q->out[1] ? SPREAD(0) : t->partial[b] ? LOAD_BITS(y, some) : LOAD(y);
                _Pragma("GCC unroll 2") for (int l = 0; l < step; l++) {
                    const REAL *x = (const REAL *)*line++ + e * step + q->at[column];
                    _Pragma("GCC unroll 3") for (int c = 0; c < columns; c++) {
                        const VEC v = t->partial[b] ? NAME(read)(step, 1, x + c, step, bits[c]) : NAME(read)(step, 0, x + c, step, 0);
                        _Pragma("GCC unroll 8") for (int i = 0; i < held; i++)
                            if (l + i * step < k) sum[(l + i * step) * columns + c] = FMA(g[i], v, sum[(l + i * step) * columns + c]);
                    }
                }
            }
        }
    for (int i = 0; i < k * columns; i++) {
        REAL *to = sums + ((row + i / columns) * k + column + i % columns) * LANES;
        STORE(to, ADD(LOAD(to), sum[i]));
    }
}

static void NAME(weight)(const planes *q, const tables *t, const char *yp, char *sums)
{
    const REAL *y = (const REAL *)yp;
    REAL *s = (REAL *)sums;
    const int rows = q->rows_of[1], k = q->kernel, taps = rows * k, square = q->square * 10 + (int)q->step[2];
    if (q->square) {
        const int columns = q->square == 3 ? 3 : 1;
        for (int a = 0; a < rows; a += k)
            for (int c = 0; c < k; c += columns) {
                if (square == 31) NAME(square_slopes)(3, 3, 1, q, t, a, c, y, s);
                else if (square == 32) NAME(square_slopes)(3, 3, 2, q, t, a, c, y, s);
                else if (sizeof(REAL) == 4 && square == 51) NAME(square_slopes)(5, 1, 1, q, t, a, c, y, s);
                else if (sizeof(REAL) == 4 && square == 52) NAME(square_slopes)(5, 1, 2, q, t, a, c, y, s);
                else if (sizeof(REAL) == 4 && square == 71) NAME(square_slopes)(7, 1, 1, q, t, a, c, y, s);
                else if (sizeof(REAL) == 4) NAME(square_slopes)(7, 1, 2, q, t, a, c, y, s);
            }
        return;
    }
    for (int i = 0; i < taps;) {
        const int count = taps - i >= CHUNK ? CHUNK : 1;
        if (q->step[2] == 1) count == CHUNK ? NAME(slopes)(CHUNK, 1, q, t, i, y, s) : NAME(slopes)(1, 1, q, t, i, y, s);
        else if (q->step[2] == 2) count == CHUNK ? NAME(slopes)(CHUNK, 2, q, t, i, y, s) : NAME(slopes)(1, 2, q, t, i, y, s);
        else count == CHUNK ? NAME(slopes)(CHUNK, 0, q, t, i, y, s) : NAME(slopes)(1, 0, q, t, i, y, s);
        i += count;
    }
}

/* Lanes of each tap's sums, folded by halves. */
static void NAME(fold)(const planes *q, const char *sums, char *wp)
{
    const REAL *s = (const REAL *)sums;
    REAL *w = (REAL *)wp;
    for (int k = 0; k < q->rows_of[1] * q->kernel; k++, s += LANES) {
        REAL lane[LANES];
        memcpy(lane, s, sizeof lane);
        for (int half = LANES / 2; half; half /= 2)
            for (int l = 0; l < half; l++) lane[l] += lane[l + half];
        w[k] = lane[0];
    }
}

static const kernels NAME(kernels) = {LANES, NAME(plane), NAME(weight), NAME(fold)};
#undef ALWAYS
#undef REAL
#undef VEC
#undef LANES
#undef LOAD
#undef LOAD_BITS
#undef STORE
#undef STORE_SOME
#undef EVENS
#undef ODDS
#undef ZIP_LOW
#undef ZIP_HIGH
#undef ADD
#undef FMA
#undef SPREAD
#undef NAME
